//! What functions cost by endpoint, unit and step: stacks folded as the store reads them, in two passes. The first sums
//! everything, to choose what is looked at by its pooled cost alone; the second fills the cells of what was chosen.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

use calltree::Function;
use collector_store::Cells;
use model::FrameKind;

/// Pairs of endpoint and function that are summed; beyond it the half with the least is dropped and counted.
const PAIRS_MAX: usize = 2 << 20;

/// Callers that are named.
const CALLERS_MAX: usize = 3;

/// A caller that makes less of a function's cost is not named.
const CALLER_PART_MIN: f64 = 0.1;

/// Everything summed over time.
#[derive(Debug, Default)]
pub(crate) struct Pooled {
    functions: HashMap<Function, u32>,
    endpoints: HashMap<Arc<str>, (u32, i64)>,
    units: HashMap<Arc<str>, i64>,
    pairs: HashMap<(u32, u32), Pair>,
    /// Pairs that were dropped.
    dropped: u64,
}

#[derive(Clone, Copy, Debug, Default)]
struct Pair {
    total: i64,
    samples: u64,
}

/// How much is chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Bounds {
    pub(crate) endpoints: usize,
    pub(crate) units: usize,
    pub(crate) series: usize,
    /// Cells of all series together: few hosts leave room for more functions.
    pub(crate) cells: usize,
    /// Fewer samples make no series.
    pub(crate) samples_min: u64,
    pub(crate) steps: usize,
}

/// What is looked at, and how much is not.
#[derive(Debug, Default)]
pub(crate) struct Chosen {
    pub(crate) endpoints: Vec<Arc<str>>,
    pub(crate) endpoints_total: u64,
    pub(crate) units: Vec<Arc<str>>,
    pub(crate) units_total: u64,
    pub(crate) functions: Vec<Function>,
    pub(crate) series: Vec<Series>,
    pub(crate) series_total: u64,
    pub(crate) series_rare: u64,
    pub(crate) series_cut: u64,
    pub(crate) steps: usize,
    by_name: HashMap<Function, u32>,
    by_pair: HashMap<(u32, u32), u32>,
}

/// One function in one endpoint, by their positions in [`Chosen`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Series {
    pub(crate) endpoint: u32,
    pub(crate) function: u32,
    pub(crate) samples: u64,
}

/// Values by step of each unit, and who calls whom.
#[derive(Debug, Default)]
pub(crate) struct Filled {
    /// For each endpoint.
    pub(crate) endpoints: Vec<Vec<i64>>,
    /// For each series, with what it calls.
    pub(crate) totals: Vec<Vec<i64>>,
    /// For each series, of its own.
    pub(crate) selves: Vec<Vec<i64>>,
    callers: HashMap<(u32, u32), i64>,
}

impl Pooled {
    /// Adds sums whose groups are endpoint and unit.
    pub(crate) fn add(&mut self, cells: &Cells<'_>) {
        let functions = functions_of(cells, |function| {
            let next = self.functions.len() as u32;
            Some(*self.functions.entry(function).or_insert(next))
        });
        let mut chains = Chains::new(cells, &functions);
        for cell in cells.cells {
            let Some([endpoint, unit]) = cells.groups.get(cell.group as usize).map(Vec::as_slice) else {
                continue;
            };
            let of_unit = self.units.entry(unit.clone()).or_default();
            *of_unit = of_unit.saturating_add(cell.value);
            if endpoint.is_empty() {
                continue;
            }
            let next = self.endpoints.len() as u32;
            let endpoint = self.endpoints.entry(endpoint.clone()).or_insert((next, 0));
            endpoint.1 = endpoint.1.saturating_add(cell.value);
            for function in chains.of(cell.stack) {
                let pair = self.pairs.entry((endpoint.0, *function)).or_default();
                pair.total = pair.total.saturating_add(cell.value);
                pair.samples += cell.samples;
            }
        }
        if self.pairs.len() > PAIRS_MAX {
            self.prune();
        }
    }

    /// Endpoints and units that count requests are there even where nothing was sampled.
    pub(crate) fn know(&mut self, endpoints: &[Arc<str>], units: &[Arc<str>]) {
        for endpoint in endpoints.iter().filter(|endpoint| !endpoint.is_empty()) {
            let next = self.endpoints.len() as u32;
            self.endpoints.entry(endpoint.clone()).or_insert((next, 0));
        }
        for unit in units {
            self.units.entry(unit.clone()).or_default();
        }
    }

    fn prune(&mut self) {
        let before = self.pairs.len();
        let mut totals: Vec<i64> = self.pairs.values().map(|pair| pair.total).collect();
        let middle = totals.len() / 2;
        let (_, least, _) = totals.select_nth_unstable(middle);
        let least = *least;
        self.pairs.retain(|_, pair| pair.total > least);
        self.dropped += (before - self.pairs.len()) as u64;
    }

    /// Chooses by cost alone; equal ones in the order of their names.
    pub(crate) fn choose(self, bounds: &Bounds) -> Chosen {
        let mut endpoints: Vec<(Arc<str>, (u32, i64))> = self.endpoints.into_iter().collect();
        endpoints.sort_by(|left, right| right.1.1.cmp(&left.1.1).then_with(|| left.0.cmp(&right.0)));
        let endpoints_total = endpoints.len() as u64;
        endpoints.truncate(bounds.endpoints);
        let place: HashMap<u32, u32> =
            endpoints.iter().zip(0..).map(|((_, (id, _)), place)| (*id, place)).collect();
        let mut units: Vec<(Arc<str>, i64)> = self.units.into_iter().collect();
        units.sort_by(|left, right| right.1.cmp(&left.1).then_with(|| left.0.cmp(&right.0)));
        let units_total = units.len() as u64;
        units.truncate(bounds.units);
        let mut names: Vec<(u32, Function)> =
            self.functions.into_iter().map(|(function, id)| (id, function)).collect();
        names.sort_unstable_by_key(|(id, _)| *id);
        let name = |id: u32| names.get(id as usize).map(|(_, function)| function);
        let series_total = self.pairs.len() as u64 + self.dropped;
        let (common, rare): (Vec<_>, Vec<_>) =
            self.pairs.into_iter().partition(|(_, pair)| pair.samples >= bounds.samples_min);
        let common = common.into_iter();
        let mut series: Vec<((u32, u32), Pair)> = common
            .filter_map(|((endpoint, function), pair)| Some(((*place.get(&endpoint)?, function), pair)))
            .collect();
        series.sort_by(|(left, left_pair), (right, right_pair)| {
            let by_cost = right_pair.total.cmp(&left_pair.total).then_with(|| left.0.cmp(&right.0));
            by_cost.then_with(|| name(left.1).cmp(&name(right.1)))
        });
        series.truncate(bounds.series.min(bounds.cells / (units.len() * bounds.steps).max(1)));
        let mut chosen = Chosen {
            endpoints: endpoints.into_iter().map(|(name, _)| name).collect(),
            endpoints_total,
            units: units.into_iter().map(|(name, _)| name).collect(),
            units_total,
            series_total,
            series_rare: rare.len() as u64,
            series_cut: series_total - (rare.len() + series.len()) as u64,
            steps: bounds.steps,
            ..Chosen::default()
        };
        for ((endpoint, function), pair) in series {
            let Some(function) = name(function) else { continue };
            let function = chosen.number(function);
            let at = chosen.series.len() as u32;
            chosen.by_pair.insert((endpoint, function), at);
            chosen.series.push(Series { endpoint, function, samples: pair.samples });
        }
        chosen
    }
}

impl Chosen {
    fn number(&mut self, function: &Function) -> u32 {
        let next = self.functions.len() as u32;
        let number = *self.by_name.entry(function.clone()).or_insert(next);
        if number == next {
            self.functions.push(function.clone());
        }
        number
    }

    /// Cells of one endpoint or series.
    pub(crate) fn cells(&self) -> usize {
        self.units.len() * self.steps
    }

    /// Nothing filled in yet.
    pub(crate) fn empty(&self) -> Filled {
        let zeros = |count: usize| vec![vec![0; self.cells()]; count];
        Filled {
            endpoints: zeros(self.endpoints.len()),
            totals: zeros(self.series.len()),
            selves: zeros(self.series.len()),
            callers: HashMap::new(),
        }
    }

    /// Adds sums whose groups are endpoint and unit.
    pub(crate) fn fill(&self, filled: &mut Filled, cells: &Cells<'_>) {
        let functions = functions_of(cells, |function| self.by_name.get(&function).copied());
        let mut chains = Chains::new(cells, &functions);
        let places: Vec<Option<(u32, usize)>> = cells.groups.iter().map(|group| self.place(group)).collect();
        for cell in cells.cells {
            let Some(Some((endpoint, unit))) = places.get(cell.group as usize) else { continue };
            let at = unit * self.steps + cell.step as usize;
            if cell.step as usize >= self.steps {
                continue;
            }
            let add = |lists: &mut Vec<Vec<i64>>, list: u32| {
                let sum = lists.get_mut(list as usize).and_then(|cells| cells.get_mut(at));
                sum.into_iter().for_each(|sum| *sum = sum.saturating_add(cell.value));
            };
            add(&mut filled.endpoints, *endpoint);
            let leaf = leaf(cells, &functions, cell.stack);
            let mut caller = None;
            for function in chains.of(cell.stack) {
                let Some(series) = self.by_pair.get(&(*endpoint, *function)) else { continue };
                add(&mut filled.totals, *series);
                if leaf == Some(*function) {
                    add(&mut filled.selves, *series);
                }
                if let Some(caller) = caller.replace(*series) {
                    *filled.callers.entry((*series, caller)).or_default() += cell.value;
                }
            }
        }
    }

    fn place(&self, group: &[Arc<str>]) -> Option<(u32, usize)> {
        let [endpoint, unit] = group else { return None };
        let endpoint = self.endpoints.iter().position(|known| known == endpoint)?;
        Some((endpoint as u32, self.units.iter().position(|known| known == unit)?))
    }
}

impl Filled {
    /// The series that call each series most, the first the most.
    pub(crate) fn callers(&self) -> Vec<Vec<u32>> {
        let mut callers: Vec<Vec<(i64, u32)>> = vec![Vec::new(); self.totals.len()];
        for ((series, caller), value) in &self.callers {
            let total: i64 = self.totals.get(*series as usize).into_iter().flatten().sum();
            if *value as f64 >= CALLER_PART_MIN * total as f64
                && let Some(callers) = callers.get_mut(*series as usize)
            {
                callers.push((-value, *caller));
            }
        }
        let named = |mut callers: Vec<(i64, u32)>| {
            callers.sort_unstable();
            callers.into_iter().take(CALLERS_MAX).map(|(_, caller)| caller).collect()
        };
        callers.into_iter().map(named).collect()
    }
}

/// For each frame its function's number; none for marks and for functions that nobody asks about.
fn functions_of(cells: &Cells<'_>, mut number: impl FnMut(Function) -> Option<u32>) -> Vec<Option<u32>> {
    let is_code = |kind: FrameKind| kind != FrameKind::Marker;
    let of = |frame: &model::Frame| is_code(frame.kind).then(|| Function::new(frame)).and_then(&mut number);
    cells.frames.iter().map(of).collect()
}

/// The function that a stack was in.
fn leaf(cells: &Cells<'_>, functions: &[Option<u32>], stack: u32) -> Option<u32> {
    let frame = cells.stacks.get(stack as usize)?.first()?;
    functions.get(*frame as usize).copied()?
}

/// The functions of stacks, from the outermost, each once: found when they are first asked for.
struct Chains<'a> {
    cells: &'a Cells<'a>,
    functions: &'a [Option<u32>],
    known: HashMap<u32, Box<[u32]>>,
}

impl<'a> Chains<'a> {
    fn new(cells: &'a Cells<'a>, functions: &'a [Option<u32>]) -> Self {
        Self { cells, functions, known: HashMap::new() }
    }

    fn of(&mut self, stack: u32) -> &[u32] {
        let (cells, functions) = (self.cells, self.functions);
        self.known.entry(stack).or_insert_with(|| {
            let frames = cells.stacks.get(stack as usize).map(AsRef::as_ref).unwrap_or_default();
            let mut seen = HashSet::new();
            let outermost_first = frames.iter().rev();
            let chain = outermost_first.filter_map(|frame| functions.get(*frame as usize).copied()?);
            chain.filter(|function| seen.insert(*function)).collect()
        })
    }
}

#[cfg(test)]
mod tests {
    use collector_store::Cell;
    use model::Frame;

    use super::*;

    /// Stacks as text, outermost first, with endpoint, unit, step and value.
    fn with_cells(rows: &[(&str, &str, &str, u32, i64)], mut take: impl FnMut(&Cells<'_>)) {
        let (mut frames, mut stacks, mut groups, mut cells) =
            (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        for (stack, endpoint, unit, step, value) in rows {
            let mut numbers: Vec<u32> = Vec::new();
            for name in stack.split(';').rev() {
                numbers.push(frames.len() as u32);
                let kind = if name.starts_with('[') { FrameKind::Marker } else { FrameKind::Native };
                frames.push(Frame { function: name.into(), kind, ..Frame::default() });
            }
            let at = cells.len() as u32;
            stacks.push(numbers.into());
            groups.push(vec![(*endpoint).into(), (*unit).into()]);
            cells.push(Cell { group: at, step: *step, stack: at, value: *value, samples: *value as u64 });
        }
        take(&Cells { groups: &groups, frames: &frames, stacks: &stacks, cells: &cells });
    }

    const ROWS: [(&str, &str, &str, u32, i64); 6] = [
        ("main;feed;rank", "/feed", "a", 0, 100),
        ("main;feed;rank;feed;rank", "/feed", "b", 1, 50),
        ("[cut];feed", "/feed", "a", 1, 30),
        ("main;search", "/search", "a", 0, 40),
        ("main;rare", "/search", "c", 0, 1),
        ("main;poll", "", "a", 0, 500),
    ];

    #[test]
    fn functions_are_counted_once_a_stack_and_chosen_by_cost() {
        let mut pooled = Pooled::default();
        with_cells(&ROWS, |cells| pooled.add(cells));
        pooled.know(&["/counted".into(), "/feed".into(), "".into()], &["d".into()]);
        let bounds = Bounds { endpoints: 2, units: 2, series: 9, cells: 17, samples_min: 2, steps: 2 };
        let chosen = pooled.choose(&bounds);
        let names: Vec<String> = chosen
            .series
            .iter()
            .map(|one| {
                let endpoint = &chosen.endpoints[one.endpoint as usize];
                format!("{endpoint} {} {}", chosen.functions[one.function as usize].name, one.samples)
            })
            .collect();
        assert_eq!(names, ["/feed feed 180", "/feed main 150", "/feed rank 150", "/search main 41"]);
        assert_eq!(chosen.units, ["a".into(), "b".into()] as [Arc<str>; 2]);
        assert_eq!((chosen.endpoints_total, chosen.units_total), (3, 4));
        assert_eq!((chosen.series_total, chosen.series_rare, chosen.series_cut), (6, 1, 1));
        let mut filled = chosen.empty();
        with_cells(&ROWS, |cells| chosen.fill(&mut filled, cells));
        assert_eq!(filled.endpoints[0], [100, 30, 0, 50]);
        assert_eq!(filled.totals[0], [100, 30, 0, 50]);
        assert_eq!(filled.selves[0], [0, 30, 0, 0]);
        assert_eq!(filled.selves[2], [100, 0, 0, 50]);
        assert_eq!(filled.callers(), [vec![1], vec![], vec![0], vec![]]);
    }
}
