//! What is said of each function of a service that did not run.

use std::collections::{BTreeMap, BTreeSet};

use analyzer_detect::dead_code::{
    Verdict,
    list::{Assessment, Service, Subject, assess},
    survival::StaticClass,
};
use analyzer_report::dead_code::DeadCodeFunnel;

use super::{
    classes,
    evidence::{Evidence, Origin, Watched},
    known::KnownSource,
};

/// A function that did not run.
pub(crate) struct Listed<'a> {
    /// What was seen of it.
    pub(crate) watched: &'a Watched,
    /// Where it is in the source.
    pub(crate) function: Option<usize>,
    /// What the source says.
    pub(crate) class: Option<StaticClass>,
    /// What is said of it.
    pub(crate) verdict: Verdict,
}

/// Everything that is said of a service's functions.
pub(crate) struct List<'a> {
    /// Functions that did not run.
    pub(crate) listed: Vec<Listed<'a>>,
    /// About all of them together.
    pub(crate) assessment: Assessment,
    /// Functions of the source that did not run.
    pub(crate) dead: BTreeSet<usize>,
    /// What fell where.
    pub(crate) funnel: DeadCodeFunnel,
}

/// What is known beside the service's own evidence.
#[derive(Clone, Copy)]
pub(crate) struct Beside<'a> {
    /// The source of what runs.
    pub(crate) source: Option<&'a KnownSource>,
    /// Functions by file and name that ran in some service.
    pub(crate) alive: &'a BTreeSet<(String, String)>,
    /// Functions of the source that are in files which nobody imported.
    pub(crate) never_imported: &'a BTreeSet<usize>,
    /// Days between releases.
    pub(crate) release_train_days: u32,
}

/// Decides about all functions.
pub(crate) fn list<'a>(evidence: &'a Evidence, beside: Beside<'_>) -> List<'a> {
    let mut funnel = DeadCodeFunnel {
        functions: evidence.functions.len() as u64,
        bodies: evidence.bodies,
        gone: evidence.gone,
        ..DeadCodeFunnel::default()
    };
    let own: Vec<(&Watched, Option<usize>)> = evidence
        .functions
        .iter()
        .filter(|watched| watched.origin == Origin::Own)
        .map(|watched| (watched, function_of(watched, beside.source)))
        .collect();
    let mut dead: BTreeSet<usize> = beside.never_imported.clone();
    dead.extend(own.iter().filter(|(watched, _)| is_silent(watched)).filter_map(|(_, function)| *function));
    // Where a name means several, one that ran speaks for all of them.
    for (_, function) in own.iter().filter(|(watched, _)| !is_silent(watched)) {
        if let Some(function) = function {
            dead.remove(function);
        }
    }
    let silent = names(evidence);
    let wanted: Vec<&(&Watched, Option<usize>)> =
        own.iter().filter(|one| is_listed(one, (&silent, &dead), beside, &mut funnel)).collect();
    count(evidence, &mut funnel);
    let classes: Vec<Option<StaticClass>> =
        wanted.iter().map(|(_, function)| class_of(*function, beside.source, &dead)).collect();
    let subjects: Vec<Subject> = wanted
        .iter()
        .zip(&classes)
        .map(|((watched, _), class)| Subject {
            unit: &watched.unit,
            earlier: watched.earlier.as_ref(),
            class: class.unwrap_or(StaticClass::Public),
        })
        .collect();
    let assessment = assess(&subjects, &service(evidence, beside.release_train_days));
    let listed = wanted
        .iter()
        .zip(&classes)
        .zip(&assessment.verdicts)
        .filter(|(_, verdict)| !matches!(verdict, Verdict::Alive { .. }))
        .map(|(((watched, function), class), verdict)| Listed {
            watched,
            function: *function,
            class: *class,
            verdict: verdict.clone(),
        })
        .collect();
    List { listed, assessment, dead, funnel }
}

/// What verdicts need to know of a service.
pub(crate) fn service(evidence: &Evidence, release_train_days: u32) -> Service {
    Service {
        today: evidence.days.1,
        release_train_days,
        roles: evidence.roles.clone(),
        blocks: evidence.blocks,
    }
}

fn is_silent(watched: &Watched) -> bool {
    watched.unit.last_executed.is_none()
}

fn function_of(watched: &Watched, source: Option<&KnownSource>) -> Option<usize> {
    let identity = &watched.unit.identity;
    source?.function(&identity.file, &identity.function, watched.unit.line)
}

fn class_of(
    function: Option<usize>,
    source: Option<&KnownSource>,
    dead: &BTreeSet<usize>,
) -> Option<StaticClass> {
    Some(classes::class(&source?.inventory, function?, &|at| dead.contains(&at)))
}

/// The names of what did not run, by file.
fn names(evidence: &Evidence) -> BTreeMap<&str, BTreeSet<&str>> {
    let mut names: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for watched in evidence.functions.iter().filter(|watched| is_silent(watched)) {
        let identity = &watched.unit.identity;
        names.entry(&identity.file).or_default().insert(&identity.function);
    }
    names
}

/// Counts what is not the service's own, and what ran.
fn count(evidence: &Evidence, funnel: &mut DeadCodeFunnel) {
    for watched in &evidence.functions {
        match (&watched.origin, is_silent(watched)) {
            (Origin::Package(_), true) => funnel.packages += 1,
            (Origin::Standard, true) => funnel.standard_library += 1,
            (_, false) if watched.is_import_only => funnel.import_only += 1,
            (_, false) => funnel.executed += 1,
            (Origin::Own, true) => {}
        }
    }
}

/// Functions that ran stay: they say how wrong the list is.
fn is_listed(
    (watched, function): &(&Watched, Option<usize>),
    (silent, dead): (&BTreeMap<&str, BTreeSet<&str>>, &BTreeSet<usize>),
    beside: Beside<'_>,
    funnel: &mut DeadCodeFunnel,
) -> bool {
    let identity = &watched.unit.identity;
    if !is_silent(watched) {
        return true;
    }
    let key = (identity.file.to_string(), identity.function.to_string());
    let is_of_other = function.is_some_and(|function| !dead.contains(&function));
    let stage = if beside.source.is_some() && function.is_none() {
        &mut funnel.not_in_source
    } else if beside.alive.contains(&key) || is_of_other {
        &mut funnel.elsewhere
    } else if is_nested(&identity.function, silent.get(identity.file.as_ref())) {
        &mut funnel.nested
    } else {
        return true;
    };
    *stage += 1;
    false
}

/// True for `f.<locals>.g` when `f` did not run.
fn is_nested(function: &str, silent: Option<&BTreeSet<&str>>) -> bool {
    let outer = function.match_indices(".<locals>.").filter_map(|(at, _)| function.get(..at));
    silent.is_some_and(|silent| outer.into_iter().any(|outer| silent.contains(outer)))
}

#[cfg(test)]
mod tests {
    use analyzer_detect::dead_code::{Doubt, ledger::Identity, ledger::Unit};

    use super::*;

    pub(super) fn watched(file: &str, function: &str, executed: Option<u32>) -> Watched {
        let ran = u64::from(executed.is_some());
        Watched {
            unit: Unit {
                identity: Identity { file: file.into(), function: function.into(), body: 1 },
                line: 1,
                first_seen: 20_454,
                last_seen: 20_514,
                first_executed: executed,
                last_executed: executed,
                executed_blocks: ran * 60,
                silent_blocks: 60 - ran * 60,
                unknown_blocks: 0,
                roles: ["web"].map(Into::into).into(),
            },
            earlier: None,
            bytes: 100,
            is_import_only: false,
            origin: super::super::evidence::origin(file),
            branches: Vec::new(),
        }
    }

    #[test]
    fn what_did_not_run_is_listed_once() {
        let own = "/srv/app/a.py";
        let functions = vec![
            watched(own, "ran", Some(20_460)),
            watched(own, "dead", None),
            watched(own, "dead.<locals>.inner", None),
            watched(own, "elsewhere", None),
            watched("/usr/lib/python3.11/json.py", "load", None),
            watched("/e/site-packages/x/a.py", "y", None),
            watched("/e/site-packages/x/a.py", "z", Some(20_460)),
        ];
        let evidence = Evidence {
            functions,
            days: (20_454, 20_514),
            blocks: 60,
            roles: ["web", "cron"].map(Into::into).into(),
            ..Evidence::default()
        };
        let alive = [(own.to_owned(), "elsewhere".to_owned())].into();
        let beside =
            Beside { source: None, alive: &alive, never_imported: &BTreeSet::new(), release_train_days: 7 };
        let found = list(&evidence, beside);
        let names: Vec<&str> =
            found.listed.iter().map(|one| one.watched.unit.identity.function.as_ref()).collect();
        assert_eq!(names, ["dead"]);
        assert_eq!(
            found.listed[0].verdict,
            Verdict::Suspect {
                doubts: vec![Doubt::Roles(["cron"].map(Into::into).into())],
                rate_at_most: analyzer_detect::dead_code::exposure::rate_at_most(60),
            }
        );
        let funnel = found.funnel;
        assert_eq!((funnel.functions, funnel.executed, funnel.nested, funnel.elsewhere), (7, 2, 1, 1));
        assert_eq!((funnel.packages, funnel.standard_library), (1, 1));
    }
}
