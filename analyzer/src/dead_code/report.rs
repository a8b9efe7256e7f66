//! All services of a fleet: asked for, put beside each other and beside the source.

use std::collections::{BTreeMap, BTreeSet};

use analyzer_detect::dead_code::Verdict;
use analyzer_report::dead_code::{DeadCodeReport, DeadCodeService};

use super::{
    DeadCodeOptions,
    cpu::costs,
    doubts::{said, silence},
    evidence::{Evidence as Watch, Origin, evidence, fetch, services},
    flags::constant,
    imports::used,
    known::KnownSource,
    list::{Beside, list},
    native::{self, Sampled},
    remove::Evidence,
    service::{Known, Measured, matches, of_service, path_of},
};
use crate::{
    collector::{Collector, narrowed},
    error::AnalyzerError,
};

/// Rows of one service; as many findings are kept.
pub const ROWS_MAX: usize = 2_000;

/// Services that are looked at.
const SERVICES_MAX: usize = 200;

/// Folders whose files frameworks load when they are needed.
const LOADED_LATE: [&str; 4] = ["/management/commands/", "/migrations/", "/templatetags/", "/versions/"];

/// Looks at every service, or at one.
pub fn report(collector: &Collector, options: &DeadCodeOptions) -> Result<DeadCodeReport, AnalyzerError> {
    let mut report = DeadCodeReport { schema: "fewer.dead_code/1", ..DeadCodeReport::default() };
    let mut names = services(collector)?;
    if let Some(wanted) = options.service.as_ref().filter(|wanted| !names.contains(wanted)) {
        report.notes.push(format!("no agent has told which code of {wanted} runs"));
        return Ok(report);
    }
    if names.len() > SERVICES_MAX {
        report.notes.push(format!("{} services were not looked at", names.len() - SERVICES_MAX));
        names.truncate(SERVICES_MAX);
    }
    // All of them, whichever is wanted: what runs in one is not dead in another.
    let mut known = Vec::new();
    for name in &names {
        known.extend(evidence(&fetch(collector, name)?));
    }
    let mut source = source_of(options, &known)?;
    let absent = Absent::find(&known, source.as_ref());
    for (at, evidence) in known.iter().enumerate() {
        if options.service.as_ref().is_some_and(|wanted| *wanted != evidence.service) {
            continue;
        }
        let alive = ran(known.iter().enumerate().filter(|(other, _)| *other != at).map(|(_, one)| one));
        let beside = Beside {
            source: source.as_ref(),
            alive: &alive,
            never_imported: &absent.functions,
            release_train_days: options.release_train_days,
        };
        let files = absent.files.get(&evidence.service).map_or(&[][..], Vec::as_slice);
        let others = known.iter().enumerate().filter(|(other, _)| *other != at).map(|(_, one)| one);
        let elsewhere = Elsewhere { never_imported: files, used: &used(others) };
        let mut found = looked(collector, options, (evidence, beside, elsewhere))?;
        if let Some(source) = source.as_mut() {
            add_history(&mut found, source);
        }
        report.services.push(found);
    }
    Ok(report)
}

/// What was seen of the functions of a source folder, by file and name.
pub fn seen(collector: &Collector, options: &DeadCodeOptions) -> Result<Evidence, AnalyzerError> {
    let mut known = Vec::new();
    for name in services(collector)? {
        known.extend(evidence(&fetch(collector, &name)?));
    }
    let source = source_of(options, &known)?;
    let absent = Absent::find(&known, source.as_ref());
    let mut found = Evidence::default();
    let Some(source) = source else { return Ok(found) };
    let key = |at: usize| {
        let name = source.inventory.functions.get(at).map(|one| one.name.clone()).unwrap_or_default();
        (source.inventory.path_of(at).to_owned(), name)
    };
    for watched in known.iter().flat_map(|one| &one.functions) {
        let identity = &watched.unit.identity;
        let function = source.function(&identity.file, &identity.function, watched.unit.line);
        if let Some(function) = function.filter(|_| watched.unit.last_executed.is_some()) {
            found.alive.insert(key(function));
        }
    }
    for (at, one) in known.iter().enumerate() {
        let alive = ran(known.iter().enumerate().filter(|(other, _)| *other != at).map(|(_, one)| one));
        let beside = Beside {
            source: Some(&source),
            alive: &alive,
            never_imported: &absent.functions,
            release_train_days: options.release_train_days,
        };
        for listed in list(one, beside).listed {
            let Some(function) = listed.function else { continue };
            let unit = &listed.watched.unit;
            let days = one.days.1.saturating_sub(unit.first_seen);
            let mut text = format!("{} ({})", silence(days, unit.silent_blocks), one.service);
            if let Verdict::Suspect { doubts, .. } = &listed.verdict {
                let doubts: Vec<String> = doubts.iter().map(said).collect();
                text += &format!("; {}", doubts.join("; "));
            }
            found.silent.entry(key(function)).or_insert(text);
        }
    }
    for function in &absent.functions {
        found.silent.entry(key(*function)).or_insert_with(|| "no process imported its file".to_owned());
    }
    found.silent.retain(|key, _| !found.alive.contains(key));
    Ok(found)
}

/// The source, with what is known of where its files run.
fn source_of(options: &DeadCodeOptions, known: &[Watch]) -> Result<Option<KnownSource>, AnalyzerError> {
    let Some(folder) = &options.source else { return Ok(None) };
    let mut source = KnownSource::read(folder)?;
    let own = known.iter().flat_map(|one| &one.functions).filter(|watched| watched.origin == Origin::Own);
    let own = own.map(|watched| &watched.unit.identity);
    source.adopt(own.map(|identity| (identity.file.as_ref(), identity.function.as_ref())));
    Ok(Some(source))
}

/// Files of the source that nobody imported.
#[derive(Default)]
struct Absent {
    /// By the service that they are told of with.
    files: BTreeMap<String, Vec<usize>>,
    functions: BTreeSet<usize>,
}

impl Absent {
    /// A file counts only where others of its top folder were imported: what else lies there may be for something that is
    /// not watched. Tests, programs of their own and what frameworks load when they need it are left out.
    fn find(known: &[Watch], source: Option<&KnownSource>) -> Self {
        let mut absent = Self::default();
        let Some(source) = source else { return absent };
        let mut imported: BTreeSet<&str> = BTreeSet::new();
        let mut service_of: BTreeMap<&str, &str> = BTreeMap::new();
        for evidence in known {
            let own = evidence.functions.iter().filter(|watched| watched.origin == Origin::Own);
            let files = own.map(|watched| watched.unit.identity.file.as_ref());
            for file in
                files.chain(evidence.modules.keys().map(String::as_str)).filter_map(|file| source.path(file))
            {
                imported.insert(file);
                service_of.entry(top_of(file)).or_insert(&evidence.service);
            }
        }
        // What fell at a bound may have been imported.
        if known.iter().any(|evidence| evidence.left_out > 0) {
            return absent;
        }
        for (at, file) in source.inventory.files.iter().enumerate() {
            let path = format!("/{}", file.path);
            let is_own_matter = file.is_test
                || file.is_program
                || file.functions.is_empty()
                || LOADED_LATE.iter().any(|folder| path.contains(folder));
            let service = service_of.get(top_of(&file.path)).filter(|_| !is_own_matter);
            if let Some(service) = service.filter(|_| !imported.contains(file.path.as_str())) {
                absent.files.entry((*service).to_owned()).or_default().push(at);
                absent.functions.extend(file.functions.clone());
            }
        }
        absent
    }
}

fn top_of(path: &str) -> &str {
    path.split_once('/').map_or("", |(top, _)| top)
}

/// Functions that ran in any of these services, by file and name.
fn ran<'a>(services: impl Iterator<Item = &'a Watch>) -> BTreeSet<(String, String)> {
    let functions = services.flat_map(|evidence| evidence.functions.iter().chain(&evidence.native));
    let ran =
        functions.filter(|watched| watched.origin == Origin::Own && watched.unit.last_executed.is_some());
    ran.map(|watched| (watched.unit.identity.file.to_string(), watched.unit.identity.function.to_string()))
        .collect()
}

/// What the other services say.
struct Elsewhere<'a> {
    /// Files of the source that none of them imported.
    never_imported: &'a [usize],
    /// Files and packages that one of them uses.
    used: &'a BTreeSet<String>,
}

fn looked(
    collector: &Collector,
    options: &DeadCodeOptions,
    (evidence, beside, elsewhere): (&Watch, Beside, Elsewhere),
) -> Result<DeadCodeService, AnalyzerError> {
    let selector = narrowed("{}", model::keys::SERVICE_NAME, &evidence.service);
    let counted = constant(collector, &selector, (options.earliest_ns, options.end_ns))?;
    let known = Known {
        evidence,
        beside,
        flags: &counted.constant,
        counted: &counted.all,
        used_elsewhere: elsewhere.used,
        never_imported: elsewhere.never_imported,
    };
    let found = matches(&known);
    let path_of = |file: &str| path_of(beside.source, file);
    let asked = (selector.as_str(), options.start_ns, options.end_ns);
    let (measured, sampled, note) = match costs(collector, asked, &found.wasted, &path_of) {
        Ok(costs) => {
            let wasted = found.wasted.iter().enumerate();
            let of_each = wasted.map(|(at, one)| costs.of(at, one.is_guess, &options.sizing)).collect();
            (Measured { costs: of_each, imports: Some(costs.imports()) }, costs.sampled, None)
        }
        Err(reason) => {
            let note = format!("what runs for nothing and what imports take cannot be told: {reason}");
            (Measured::default(), Sampled::default(), Some(note))
        }
    };
    let mut service = of_service(&known, &found, &measured);
    native::add(&mut service, (evidence, beside.alive), &sampled, &options.sizing);
    service.notes.extend(note);
    Ok(service)
}

/// When what is listed was last changed.
fn add_history(service: &mut DeadCodeService, source: &mut KnownSource) {
    for row in service.rows.iter_mut().filter(|row| row.line > 0) {
        let last = match row.sort {
            "module" => u32::MAX,
            _ => row.line + row.lines.unwrap_or(1).saturating_sub(1),
        };
        row.changed_ms = source.changed_ms(&row.file, (row.line, last));
    }
}
