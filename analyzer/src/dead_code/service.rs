//! One service: its list as rows, the most gain first.

mod rows;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use analyzer_detect::dead_code::{
    Circumstances, Verdict, clusters::clusters, judge, ledger::Unit, survival::StaticClass,
};
use analyzer_report::dead_code::{DeadCodeRow, DeadCodeService, ExpectedAlive, ModuleRow};

use super::{
    branches::{self, Asked},
    cpu::Cost,
    evidence::{Evidence, Origin, Watched, origin},
    flags::FlagHistory,
    guards::{Guard, Guards},
    known::KnownSource,
    list::{Beside, List, Listed, list, service},
    wasted::{Wasted, Why, asked, repeated, unused},
};
use rows::Rows;

/// Days after which a module counts as observed.
const OBSERVED_DAYS: f64 = 30.0;

/// Modules that are listed, the largest first; the rest are one.
const MODULES_MAX: usize = 500;

/// Everything that is known of a service.
pub(crate) struct Known<'a> {
    pub(crate) evidence: &'a Evidence,
    pub(crate) beside: Beside<'a>,
    pub(crate) flags: &'a [FlagHistory],
    /// Keys of all flags that programs counted.
    pub(crate) counted: &'a BTreeSet<String>,
    /// Files and packages of which something ran in another service of the same installation.
    pub(crate) used_elsewhere: &'a BTreeSet<String>,
    /// Files of the source that no process imported, and that are told of here.
    pub(crate) never_imported: &'a [usize],
}

/// What runs for nothing, by the rules, before it is known what it costs; with the unit that says for how long its code
/// was watched.
pub(crate) struct Matches {
    pub(crate) wasted: Vec<Wasted>,
    units: BTreeMap<usize, Unit>,
}

/// Finds what runs for nothing.
pub(crate) fn matches(known: &Known) -> Matches {
    let mut wasted = Vec::new();
    if let Some(source) = known.beside.source {
        let found = list(known.evidence, known.beside);
        let guards = guards(known, source);
        let never_ran = |at: usize| found.dead.contains(&at);
        let decided = |file: usize, byte: usize| {
            let (flag, on) = guards.of_place(file, byte)?;
            known.flags.iter().find(|one| one.flag == flag && one.is_on() == Some(!on)).map(|_| flag)
        };
        let seen = unused::Known { decided: &decided, never_ran: &never_ran };
        wasted.extend(asked::find(&source.inventory, &guards, known.flags));
        wasted.extend(steady(known, source));
        wasted.extend(unused::find(&source.inventory, &seen));
        wasted.extend(repeated::find(&source.inventory, &never_ran));
    }
    let path_of = |file: &str| path_of(known.beside.source, file);
    let mut units = BTreeMap::new();
    for (one, unit) in super::imports::find(known.evidence, known.used_elsewhere, &path_of) {
        units.insert(wasted.len(), unit);
        wasted.push(one);
    }
    Matches { wasted, units }
}

/// Flags that no program counts, by what their conditions were. What is counted is known better.
fn steady(known: &Known, source: &KnownSource) -> Vec<Wasted> {
    let keys: BTreeSet<String> = super::guards::keys(&source.inventory)
        .into_iter()
        .filter(|key| !known.counted.contains(key))
        .collect();
    let guards = super::guards::find(&source.inventory, &keys);
    let asked = known.evidence.functions.iter().map(|watched| Asked {
        file: &watched.unit.identity.file,
        function: &watched.unit.identity.function,
        line: watched.unit.line,
        branches: &watched.branches,
    });
    asked::find_steady(&source.inventory, &guards, &branches::steady(source, &guards, asked))
}

/// The path by which a process' file is told: that in the source where it is there.
pub(crate) fn path_of(source: Option<&KnownSource>, file: &str) -> String {
    source.and_then(|source| source.path(file)).unwrap_or(file).to_owned()
}

/// What profiles say.
#[derive(Clone, Debug, Default)]
pub(crate) struct Measured {
    /// What each match costs; nothing where nothing was sampled.
    pub(crate) costs: Vec<Cost>,
    /// Cores that imports take, by file.
    pub(crate) imports: Option<BTreeMap<Arc<str>, f64>>,
}

/// The service's report.
pub(crate) fn of_service(known: &Known, matches: &Matches, measured: &Measured) -> DeadCodeService {
    let evidence = known.evidence;
    let found = list(evidence, known.beside);
    let guards = known.beside.source.map(|source| guards(known, source)).unwrap_or_default();
    let guarded = known.beside.source.map(|source| guards.functions(&source.inventory)).unwrap_or_default();
    let mut funnel = found.funnel;
    let rows = Rows { known, guarded: &guarded, dead: &found.dead };
    let mut listed = functions(&rows, &found);
    for file in known.never_imported {
        listed.extend(never_imported(&rows, *file));
    }
    funnel.never_imported =
        listed.iter().filter(|row| row.sort == "module").map(|row| row.members.len() as u64).sum();
    for (at, wasted) in matches.wasted.iter().enumerate() {
        let cost = measured.costs.get(at).copied().filter(|cost| cost.cores.value > 0.0);
        // A package takes memory and start-up time even where no sample fell into its import.
        let is_told = cost.is_some() || wasted.why == Why::Imported && wasted.path.is_empty();
        match is_told {
            true => listed.push(rows.wasted(
                wasted,
                cost,
                matches.units.get(&at).map(|unit| verdict(known, unit)),
            )),
            false => funnel.not_sampled += 1,
        }
    }
    let count = |state: &str| -> u64 {
        let rows = listed.iter().filter(|row| row.state == state);
        rows.map(|row| if row.sort == "cluster" { row.members.len() as u64 } else { 1 }).sum()
    };
    (funnel.candidates, funnel.suspects) = (count("candidate"), count("suspect"));
    (funnel.off, funnel.for_nothing) = (count("off"), count("for_nothing"));
    listed.sort_by(by_gain);
    funnel.beyond = listed.len().saturating_sub(super::ROWS_MAX) as u64;
    listed.truncate(super::ROWS_MAX);
    let alive = found.assessment.alive;
    DeadCodeService {
        service: evidence.service.clone(),
        days: evidence.days.1 - evidence.days.0.min(evidence.days.1),
        blocks: evidence.blocks,
        hosts: evidence.hosts,
        roles: evidence.roles.iter().map(ToString::to_string).collect(),
        expected_alive: ExpectedAlive { value: alive.expected, low: alive.at_least, high: alive.at_most },
        rows: listed,
        modules: modules(known, measured.imports.as_ref()),
        funnel,
        notes: notes(known),
    }
}

/// The largest gain first: servers, then memory, then lines.
fn by_gain(left: &DeadCodeRow, right: &DeadCodeRow) -> std::cmp::Ordering {
    let servers = |row: &DeadCodeRow| row.servers.map_or(0.0, |servers| servers.0);
    servers(right)
        .total_cmp(&servers(left))
        .then_with(|| right.bytes.cmp(&left.bytes))
        .then_with(|| right.lines.cmp(&left.lines))
        .then_with(|| {
            (&left.file, left.line, &left.function).cmp(&(&right.file, right.line, &right.function))
        })
}

fn guards(known: &Known, source: &KnownSource) -> Guards {
    let flags: BTreeSet<String> = known.flags.iter().map(|flag| flag.flag.clone()).collect();
    super::guards::find(&source.inventory, &flags)
}

/// Functions that did not run; those that only keep each other are one row.
fn functions(rows: &Rows, found: &List) -> Vec<DeadCodeRow> {
    let by_function: BTreeMap<usize, usize> =
        found.listed.iter().enumerate().filter_map(|(at, one)| Some((one.function?, at))).collect();
    let mut edges = Vec::new();
    if let Some(source) = rows.known.beside.source {
        for (function, at) in &by_function {
            let callers = source.inventory.references(*function).into_iter().filter_map(|one| one.from);
            edges.extend(callers.filter_map(|from| Some((*by_function.get(&from)?, *at))));
        }
    }
    let mut clustered = BTreeSet::new();
    let mut listed: Vec<DeadCodeRow> = Vec::new();
    for members in clusters(found.listed.len(), &edges) {
        let members_rows: Vec<DeadCodeRow> =
            members.iter().filter_map(|at| found.listed.get(*at)).map(|one| rows.function(one)).collect();
        // Behind a flag each stands for itself.
        if members_rows.iter().all(|row| row.state != "off") {
            clustered.extend(members);
            listed.extend(rows::cluster(members_rows));
        }
    }
    let alone = found.listed.iter().enumerate().filter(|(at, _)| !clustered.contains(at));
    listed.extend(alone.map(|(_, one): (usize, &Listed)| rows.function(one)));
    listed
}

/// A file of the source that nobody imported.
fn never_imported(rows: &Rows, file: usize) -> Option<DeadCodeRow> {
    let evidence = rows.known.evidence;
    let path = rows.known.beside.source?.inventory.files.get(file)?.path.clone();
    let unit = Unit {
        identity: analyzer_detect::dead_code::ledger::Identity {
            file: path.as_str().into(),
            function: path.trim_end_matches(".py").replace('/', ".").into(),
            body: 0,
        },
        line: 1,
        first_seen: evidence.days.0,
        last_seen: evidence.days.1,
        first_executed: None,
        last_executed: None,
        executed_blocks: 0,
        silent_blocks: evidence.blocks,
        unknown_blocks: 0,
        roles: evidence.roles.clone(),
    };
    let verdict = verdict(rows.known, &unit);
    rows.module(file, &unit, &verdict)
}

fn verdict(known: &Known, unit: &Unit) -> Verdict {
    let about = service(known.evidence, known.beside.release_train_days);
    let circumstances = Circumstances {
        today: about.today,
        release_train_days: about.release_train_days,
        roles: about.roles,
        prior: StaticClass::Unreferenced.prior(),
        survival: 1.0,
        is_cleared_by_owner: false,
    };
    judge(unit, None, &circumstances)
}

/// What the release has, by file and package.
fn modules(known: &Known, imports: Option<&BTreeMap<Arc<str>, f64>>) -> Vec<ModuleRow> {
    let name = |file: &str| match origin(file) {
        Origin::Own => path_of(known.beside.source, file),
        Origin::Package(name) => name,
        Origin::Standard => "standard library".to_owned(),
    };
    let mut import_cores: BTreeMap<String, f64> = BTreeMap::new();
    for (file, cores) in imports.into_iter().flatten() {
        *import_cores.entry(name(file)).or_default() += cores;
    }
    let mut found: BTreeMap<String, (ModuleRow, f64)> = BTreeMap::new();
    // One that has no function may take long to import all the same.
    for name in import_cores.keys() {
        found.entry(name.clone()).or_default();
    }
    for watched in known.evidence.functions.iter().chain(&known.evidence.native) {
        let (row, observed) = found.entry(name(&watched.unit.identity.file)).or_default();
        row.bytes += watched.bytes;
        row.functions += 1;
        row.executed += u64::from(watched.unit.last_executed.is_some());
        *observed += observed_of(watched, known.evidence.days.1);
        let is_unexecuted = watched.unit.last_executed.is_none() && watched.unit.silent_blocks > 0;
        row.unexecuted += u64::from(is_unexecuted);
    }
    let rows = found.into_iter().map(|(module, (row, observed))| {
        let observed = observed / row.functions.max(1) as f64;
        let import_cores = imports.map(|_| import_cores.get(&module).copied().unwrap_or_default());
        ModuleRow { module, observed, import_cores, ..row }
    });
    let mut rows: Vec<ModuleRow> = rows.collect();
    rows.sort_by(|left, right| right.bytes.cmp(&left.bytes).then_with(|| left.module.cmp(&right.module)));
    let rest = rows.split_off(rows.len().min(MODULES_MAX));
    if !rest.is_empty() {
        let sum = |of: fn(&ModuleRow) -> u64| rest.iter().map(of).sum::<u64>();
        let observed = rest.iter().map(|row| row.observed * row.functions as f64).sum::<f64>();
        rows.push(ModuleRow {
            module: format!("{} more", rest.len()),
            bytes: sum(|row| row.bytes),
            functions: sum(|row| row.functions),
            executed: sum(|row| row.executed),
            unexecuted: sum(|row| row.unexecuted),
            import_cores: imports.map(|_| rest.iter().filter_map(|row| row.import_cores).sum()),
            observed: observed / sum(|row| row.functions).max(1) as f64,
        });
    }
    rows
}

/// What ran is known; what did not run is known the better the longer it was watched and the more blocks could tell.
fn observed_of(watched: &Watched, today: u32) -> f64 {
    let unit = &watched.unit;
    if unit.last_executed.is_some() {
        return 1.0;
    }
    let days = f64::from(today.saturating_sub(unit.first_seen));
    let told = unit.silent_blocks as f64 / (unit.silent_blocks + unit.unknown_blocks).max(1) as f64;
    told * (days / OBSERVED_DAYS).min(1.0)
}

fn notes(known: &Known) -> Vec<String> {
    let mut notes = Vec::new();
    match known.beside.source {
        None => notes.push(
            "no source was given (--source): who names a function, flags around it and what runs for nothing are not \
             known"
                .to_owned(),
        ),
        Some(source) if source.inventory.left_out > 0 => {
            notes.push(format!("{} files of the source were not read", source.inventory.left_out));
        }
        Some(_) => {}
    }
    if known.evidence.left_out > 0 {
        notes.push(format!("{} functions fell at a bound and are not judged", known.evidence.left_out));
    }
    if known.evidence.roles.is_empty() {
        notes.push("agents did not tell roles: whether all of them were watched is not known".to_owned());
    }
    notes
}

/// The flag that keeps a function from running, and the side it stands on.
pub(crate) fn decided<'a>(guard: Option<&Guard>, flags: &'a [FlagHistory]) -> Option<&'a FlagHistory> {
    let (flag, on) = guard?;
    flags.iter().find(|one| one.flag == *flag && one.is_on() == Some(!on))
}
