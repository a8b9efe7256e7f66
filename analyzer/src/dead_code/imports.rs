//! Modules and packages that are imported, and of which nothing has run since.

use std::collections::{BTreeMap, BTreeSet};

use analyzer_detect::dead_code::ledger::Unit;

use super::{
    evidence::{Evidence, Origin, Watched},
    wasted::{Region, Wasted, Why},
};

/// Packages with fewer functions are hardly worth a word.
const FUNCTIONS_MIN: u64 = 5;

/// What is imported for nothing, and what is known of it: the unit that was watched least.
/// What another service uses of the same installation is needed there; both import it as they share the source.
pub(crate) fn find(
    evidence: &Evidence,
    used_elsewhere: &BTreeSet<String>,
    path_of: &dyn Fn(&str) -> String,
) -> Vec<(Wasted, Unit)> {
    let mut groups: BTreeMap<(bool, String), Vec<&Watched>> = BTreeMap::new();
    for watched in &evidence.functions {
        let (is_own, name) = match &watched.origin {
            Origin::Own => (true, path_of(&watched.unit.identity.file)),
            Origin::Package(name) => (false, name.clone()),
            Origin::Standard => continue,
        };
        groups.entry((is_own, name)).or_default().push(watched);
    }
    let found = groups.into_iter().filter(|((is_own, _), functions)| {
        let is_used = |watched: &&Watched| {
            is_used(watched) || root(watched).is_some_and(|root| used_elsewhere.contains(&root))
        };
        !functions.iter().any(is_used) && (*is_own || functions.len() as u64 >= FUNCTIONS_MIN)
    });
    found.filter_map(|((is_own, name), functions)| of_group(is_own, name, &functions, path_of)).collect()
}

/// The files and packages of which something ran in any of these services.
pub(crate) fn used<'a>(services: impl Iterator<Item = &'a Evidence>) -> BTreeSet<String> {
    let functions = services.flat_map(|evidence| &evidence.functions);
    functions.filter(|watched| is_used(watched)).filter_map(root).collect()
}

fn is_used(watched: &Watched) -> bool {
    let is_class = is_class(&watched.unit.identity.function);
    watched.unit.last_executed.is_some() && !(watched.is_import_only && is_class)
}

/// Where the file or the package of a function is installed.
fn root(watched: &Watched) -> Option<String> {
    let file = &watched.unit.identity.file;
    match &watched.origin {
        Origin::Own => Some(file.to_string()),
        Origin::Package(name) => {
            let (above, _) = file.rsplit_once("-packages/")?;
            Some(format!("{above}-packages/{name}"))
        }
        Origin::Standard => None,
    }
}

/// The body of a class runs when its module is imported. A function that ran then may run since, too: what was executed
/// before a fork cannot always be told from what was executed after it.
fn is_class(function: &str) -> bool {
    let own = function.rsplit('.').next().unwrap_or(function);
    own.trim_start_matches('_').starts_with(char::is_uppercase)
}

fn of_group(
    is_own: bool,
    name: String,
    functions: &[&Watched],
    path_of: &dyn Fn(&str) -> String,
) -> Option<(Wasted, Unit)> {
    let mut files: Vec<String> = functions.iter().map(|one| path_of(&one.unit.identity.file)).collect();
    files.sort();
    files.dedup();
    let unit = functions.iter().map(|one| &one.unit).max_by_key(|unit| unit.first_seen)?.clone();
    let count = functions.len() as u64;
    let wasted = Wasted {
        why: Why::Imported,
        path: if is_own { name.clone() } else { String::new() },
        line: 0,
        regions: files
            .into_iter()
            .map(|path| Region { path, is_import: true, ..Region::default() })
            .collect(),
        evidence: format!(
            "it is imported, and none of its {count} functions ran since; compiled code and constants in it leave no mark"
        ),
        name,
        is_guess: true,
        flag: String::new(),
        bytes: functions.iter().map(|one| one.bytes).sum(),
        functions: count,
    };
    // What ran while it was imported did not run as work.
    Some((wasted, Unit { first_executed: None, last_executed: None, ..unit }))
}

#[cfg(test)]
mod tests {
    use analyzer_detect::dead_code::ledger::Identity;

    use super::*;

    #[test]
    fn packages_are_used_or_not_as_a_whole() {
        let watched = |file: &str, at: u32, executed: Option<u32>, is_import_only: bool| Watched {
            unit: Unit {
                identity: Identity { file: file.into(), function: format!("f{at}").into(), body: 0 },
                line: at,
                first_seen: 100 + at,
                last_seen: 200,
                first_executed: executed,
                last_executed: executed,
                executed_blocks: 0,
                silent_blocks: 9,
                unknown_blocks: 0,
                roles: Default::default(),
            },
            earlier: None,
            bytes: 10,
            is_import_only,
            origin: super::super::evidence::origin(file),
            branches: Vec::new(),
        };
        let unused = "/e/lib/python3.11/site-packages/big/a.py";
        let lively = "/e/lib/python3.11/site-packages/used/a.py";
        let mut functions: Vec<Watched> = (0..6).map(|at| watched(unused, at, None, false)).collect();
        let mut class = watched(unused, 9, Some(101), true);
        class.unit.identity.function = "Big".into();
        functions.push(class);
        let early = "/e/lib/python3.11/site-packages/early/a.py";
        functions.extend((0..6).map(|at| watched(early, at, (at == 3).then_some(101), at == 3)));
        functions.extend((0..6).map(|at| watched(lively, at, (at == 3).then_some(150), false)));
        functions.push(watched("/srv/own.py", 1, None, false));
        functions.push(watched("/usr/lib/python3.11/json.py", 1, None, false));
        let evidence = Evidence { functions, ..Evidence::default() };
        let found = find(&evidence, &BTreeSet::new(), &str::to_owned);
        let shown: Vec<(&str, u64, u64)> =
            found.iter().map(|(one, _)| (one.name.as_str(), one.functions, one.bytes)).collect();
        assert_eq!(shown, [("big", 7, 70), ("/srv/own.py", 1, 10)]);
        assert_eq!((found[0].1.first_seen, found[0].1.last_executed), (109, None));
        assert!(found[0].0.regions[0].is_import);

        // Another service runs the task of the one and nothing but a class's body of the other.
        let task = watched("/srv/own.py", 2, Some(150), false);
        let mut class = watched(unused, 9, Some(101), true);
        class.unit.identity.function = "Big".into();
        let other = Evidence { functions: vec![task.clone(), class], ..Evidence::default() };
        let elsewhere = used([&other].into_iter());
        assert_eq!(elsewhere, ["/srv/own.py".to_owned()].into());
        let left: Vec<String> =
            find(&evidence, &elsewhere, &str::to_owned).into_iter().map(|(one, _)| one.name).collect();
        assert_eq!(left, ["big"]);
        let package = watched(unused, 3, Some(150), false);
        let other = Evidence { functions: vec![task, package], ..Evidence::default() };
        assert_eq!(find(&evidence, &used([&other].into_iter()), &str::to_owned), []);
    }
}
