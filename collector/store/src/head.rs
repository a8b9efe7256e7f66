//! Profiles in memory: the head, and whatever is about to be written to a segment or block.

use std::{
    borrow::Borrow,
    collections::{BTreeMap, HashMap},
    hash::Hash,
    ops::Range,
    sync::Arc,
};

use model::{Batch, FlagEvaluations, Frame, FrameId, LabelSet, ProfileType, RequestCounts, Window};

use crate::{
    marginals::{MarginalRow, Marginals},
    plan::{
        caps::{self, Caps, Weight},
        compaction::{HOUR_NS, hour_of},
    },
};

/// Values that are each kept once, by equality of the whole value (invariant I11), with a number.
#[derive(Debug)]
pub(crate) struct Interner<T> {
    numbers: HashMap<T, u32>,
    values: Vec<T>,
}

impl<T> Default for Interner<T> {
    fn default() -> Self {
        Self { numbers: HashMap::new(), values: Vec::new() }
    }
}

impl<T: Eq + Hash + Clone> Interner<T> {
    /// The number of a value, new or known.
    pub(crate) fn insert<Q>(&mut self, value: &Q) -> u32
    where
        T: Borrow<Q>,
        Q: ?Sized + Eq + Hash + Own<T>,
    {
        if let Some(number) = self.numbers.get(value) {
            return *number;
        }
        let number = self.values.len() as u32;
        let value = value.own();
        self.values.push(value.clone());
        self.numbers.insert(value, number);
        number
    }

    /// How many values there are.
    pub(crate) fn len(&self) -> usize {
        self.values.len()
    }

    /// All values by number.
    pub(crate) fn values(&self) -> &[T] {
        &self.values
    }
}

/// How a borrowed value becomes one to keep.
pub(crate) trait Own<T> {
    /// A value that clones cheaply.
    fn own(&self) -> T;
}

impl Own<Frame> for Frame {
    fn own(&self) -> Frame {
        self.clone()
    }
}

impl Own<LabelSet> for LabelSet {
    fn own(&self) -> LabelSet {
        self.clone()
    }
}

impl Own<Arc<[u32]>> for [u32] {
    fn own(&self) -> Arc<[u32]> {
        self.into()
    }
}

/// What all rows of one profile share.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ProfileRow {
    /// Start of the window.
    pub(crate) start_ns: i64,
    /// Length of the window.
    pub(crate) duration_ns: i64,
    /// What is measured.
    pub(crate) kind: ProfileType,
    /// Number of the label set.
    pub(crate) label_set: u32,
    /// Distance between sampling events.
    pub(crate) period: i64,
    /// Its rows in the part.
    pub(crate) rows: Range<usize>,
}

/// Requests of one label set in one window.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct RequestRow {
    /// Number of the label set.
    pub(crate) label_set: u32,
    /// The counts; their own labels are empty.
    pub(crate) counts: RequestCounts,
}

/// Evaluations of one flag with one outcome in one window.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct EvaluationRow {
    /// Number of the label set.
    pub(crate) label_set: u32,
    /// The count; its own labels are empty.
    pub(crate) evaluations: FlagEvaluations,
}

/// What a part has of one hour.
#[derive(Debug, Default)]
pub(crate) struct HourRows<'a> {
    pub(crate) profiles: Vec<&'a ProfileRow>,
    pub(crate) requests: Vec<&'a RequestRow>,
    pub(crate) evaluations: Vec<&'a EvaluationRow>,
    pub(crate) marginals: Vec<&'a MarginalRow>,
}

impl HourRows<'_> {
    /// From the first window's start to the last window's end.
    pub(crate) fn bounds(&self) -> Option<Window> {
        let profiles = self.profiles.iter().map(|profile| profile.window());
        let requests = self.requests.iter().map(|row| row.counts.window);
        bounds(profiles.chain(requests).chain(self.evaluations.iter().map(|row| row.evaluations.window)))
    }
}

/// A set of profiles and counts that share frames, stacks and label sets.
#[derive(Debug, Default)]
pub(crate) struct Part {
    /// Distinct frames.
    pub(crate) frames: Interner<Frame>,
    /// Distinct stacks, leaf first, as numbers of frames.
    pub(crate) stacks: Interner<Arc<[u32]>>,
    /// Distinct label sets.
    pub(crate) label_sets: Interner<LabelSet>,
    /// The profiles.
    pub(crate) profiles: Vec<ProfileRow>,
    /// Number of the stack of each row.
    pub(crate) row_stacks: Vec<u32>,
    /// Value of each row.
    pub(crate) row_values: Vec<i64>,
    /// Requests counted.
    pub(crate) requests: Vec<RequestRow>,
    /// Evaluations of flags counted.
    pub(crate) evaluations: Vec<EvaluationRow>,
    /// What single flags have of the label sets that are not told apart.
    pub(crate) marginals: Vec<MarginalRow>,
}

impl ProfileRow {
    /// When its samples were taken.
    pub(crate) fn window(&self) -> Window {
        Window { start_ns: self.start_ns, end_ns: self.start_ns.saturating_add(self.duration_ns) }
    }
}

impl Part {
    /// Adds a batch that has passed [`Batch::check`].
    pub(crate) fn add(&mut self, batch: &Batch) {
        let frames: Vec<u32> = batch.frames.iter().map(|frame| self.frames.insert(frame)).collect();
        let number = |frame: &FrameId| frames.get(frame.0 as usize).copied();
        let stacks: Vec<u32> = batch
            .stacks
            .iter()
            .map(|stack| self.stacks.insert(stack.iter().filter_map(number).collect::<Vec<u32>>().as_slice()))
            .collect();
        for profile in &batch.profiles {
            let label_set = self.label_sets.insert(&profile.labels);
            let from = self.row_stacks.len();
            for sample in &profile.samples {
                if let Some(stack) = stacks.get(sample.stack.0 as usize) {
                    self.row_stacks.push(*stack);
                    self.row_values.push(sample.value);
                }
            }
            self.profiles.push(ProfileRow {
                start_ns: profile.window.start_ns,
                duration_ns: profile.window.duration_ns(),
                kind: profile.kind,
                label_set,
                period: profile.period,
                rows: from..self.row_stacks.len(),
            });
        }
        for counts in &batch.requests {
            let label_set = self.label_sets.insert(&counts.labels);
            let counts = RequestCounts { labels: LabelSet::default(), ..counts.clone() };
            self.requests.push(RequestRow { label_set, counts });
        }
        for evaluations in &batch.evaluations {
            let label_set = self.label_sets.insert(&evaluations.labels);
            let evaluations = FlagEvaluations { labels: LabelSet::default(), ..evaluations.clone() };
            self.evaluations.push(EvaluationRow { label_set, evaluations });
        }
    }

    /// Rows of every kind: what bounds the memory that this takes.
    pub(crate) fn row_count(&self) -> usize {
        self.row_stacks.len() + self.requests.len() + self.evaluations.len()
    }

    /// Tells apart only so many endpoints and sets of flags of each hour; says what was done to each hour.
    pub(crate) fn cap(&mut self) -> Vec<Caps> {
        let mut hours: HashMap<i64, HashMap<u32, Weight>> = HashMap::new();
        let mut weigh = |start_ns: i64, label_set: u32, weight: Weight| {
            let sum = hours.entry(hour_of(start_ns)).or_default().entry(label_set).or_default();
            *sum = sum.and(weight);
        };
        for profile in &self.profiles {
            let cpu_ns = self.rows(profile).fold(0, |sum: i64, (_, value)| sum.saturating_add(value));
            weigh(profile.start_ns, profile.label_set, Weight { cpu_ns, requests: 0 });
        }
        for row in &self.requests {
            let requests = row.counts.requests;
            weigh(row.counts.window.start_ns, row.label_set, Weight { cpu_ns: 0, requests });
        }
        let mut renamed: HashMap<(i64, u32), u32> = HashMap::new();
        let mut marginals = Marginals::default();
        let mut done = Vec::new();
        for (hour, weights) in hours {
            let weights: Vec<(u32, Weight)> = weights.into_iter().collect();
            let set =
                |number: u32| self.label_sets.values().get(number as usize).cloned().unwrap_or_default();
            let sets: Vec<(LabelSet, Weight)> =
                weights.iter().map(|(number, weight)| (set(*number), *weight)).collect();
            let caps = caps::plan(&sets);
            for (((number, _), new), flags) in weights.iter().zip(&caps.renamed).zip(&caps.marginals) {
                if let Some(new) = new {
                    renamed.insert((hour, *number), self.label_sets.insert(new));
                    marginals.split((hour, *number), new, flags, &mut self.label_sets);
                }
            }
            done.push(caps);
        }
        marginals.take_in(self);
        let rename = |start_ns: i64, label_set: &mut u32| {
            *label_set = renamed.get(&(hour_of(start_ns), *label_set)).copied().unwrap_or(*label_set);
        };
        self.profiles.iter_mut().for_each(|profile| rename(profile.start_ns, &mut profile.label_set));
        self.requests.iter_mut().for_each(|row| rename(row.counts.window.start_ns, &mut row.label_set));
        crate::marginals::follow_endpoints(self);
        done
    }

    /// Everything by the hour that its windows start in.
    pub(crate) fn by_hour(&self) -> BTreeMap<i64, HourRows<'_>> {
        let mut hours: BTreeMap<i64, HourRows<'_>> = BTreeMap::new();
        for profile in &self.profiles {
            hours.entry(hour_of(profile.start_ns)).or_default().profiles.push(profile);
        }
        for row in &self.requests {
            hours.entry(hour_of(row.counts.window.start_ns)).or_default().requests.push(row);
        }
        for row in &self.evaluations {
            hours.entry(hour_of(row.evaluations.window.start_ns)).or_default().evaluations.push(row);
        }
        for row in &self.marginals {
            hours.entry(hour_of(row.window.start_ns)).or_default().marginals.push(row);
        }
        hours
    }

    /// The rows of a profile: stacks and values.
    pub(crate) fn rows(&self, profile: &ProfileRow) -> impl Iterator<Item = (u32, i64)> {
        let stacks = self.row_stacks.get(profile.rows.clone()).unwrap_or_default();
        let values = self.row_values.get(profile.rows.clone()).unwrap_or_default();
        stacks.iter().copied().zip(values.iter().copied())
    }

    /// From the first window's start to the last window's end.
    pub(crate) fn bounds(&self) -> Option<Window> {
        let profiles = self.profiles.iter().map(ProfileRow::window);
        let requests = self.requests.iter().map(|row| row.counts.window);
        bounds(profiles.chain(requests).chain(self.evaluations.iter().map(|row| row.evaluations.window)))
    }
}

/// From the first start to the last end. No window counts as longer than an hour, so that one that claims to go on
/// for years does not keep others from growing old.
fn bounds(windows: impl Iterator<Item = Window>) -> Option<Window> {
    let bounded = |window: Window| Window {
        end_ns: window.start_ns.saturating_add(window.duration_ns().clamp(1, HOUR_NS)),
        ..window
    };
    windows.map(bounded).reduce(|left, right| Window {
        start_ns: left.start_ns.min(right.start_ns),
        end_ns: left.end_ns.max(right.end_ns),
    })
}

#[cfg(test)]
mod tests {
    use model::{BatchBuilder, Profile, Sample};

    use super::*;

    fn batch(function: &str, value: i64) -> Batch {
        let mut builder = BatchBuilder::new();
        let frame = builder.frame(Frame { function: function.into(), ..Frame::default() });
        let stack = builder.stack(vec![frame]);
        builder.add(&Profile::default(), Sample { stack, value });
        builder.finish()
    }

    #[test]
    fn equal_content_of_two_batches_is_kept_once() {
        let mut part = Part::default();
        part.add(&batch("a", 1));
        part.add(&batch("a", 2));
        part.add(&batch("b", 3));
        assert_eq!((part.frames.len(), part.stacks.len(), part.label_sets.len()), (2, 2, 1));
        let rows: Vec<(u32, i64)> = part.profiles.iter().flat_map(|profile| part.rows(profile)).collect();
        assert_eq!(rows, [(0, 1), (0, 2), (1, 3)]);
    }
}
