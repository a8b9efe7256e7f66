//! What the collector knows of a service's code, in the words of the detector, and which of it is the service's own.

use std::collections::{BTreeMap, BTreeSet};

use analyzer_detect::dead_code::ledger::{Day, Identity, Role, Unit};
use model::{CodeBranch, Outcomes};
use wire::api::code::{CodeAnswer, CodeFunctionRow};

use super::native;
use crate::{collector::Collector, error::AnalyzerError};

const DAY_MS: i64 = 86_400_000;

/// Code that is part of what it stands in.
const BODIES: [&str; 6] = ["<dictcomp>", "<genexpr>", "<lambda>", "<listcomp>", "<module>", "<setcomp>"];

/// Where code is from.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Origin {
    /// The service's own.
    Own,
    /// An installed package, by its name.
    Package(String),
    /// What comes with the interpreter, or is made while it runs.
    Standard,
}

/// One function of the running release.
#[derive(Clone, Debug)]
pub(crate) struct Watched {
    /// What was seen of it.
    pub(crate) unit: Unit,
    /// The same with another body, from before: the one that ran last.
    pub(crate) earlier: Option<Unit>,
    /// Memory of its code in each process.
    pub(crate) bytes: u64,
    /// It ran, but only as importing runs code.
    pub(crate) is_import_only: bool,
    /// Where it is from.
    pub(crate) origin: Origin,
    /// Its conditions that were asked.
    pub(crate) branches: Vec<CodeBranch>,
}

/// A service's evidence.
#[derive(Clone, Debug, Default)]
pub(crate) struct Evidence {
    /// The service.
    pub(crate) service: String,
    /// Its functions, bodies left out, by file and name.
    pub(crate) functions: Vec<Watched>,
    /// Functions of native programs, by file and name.
    pub(crate) native: Vec<Watched>,
    /// Bodies of modules, by file.
    pub(crate) modules: BTreeMap<String, Watched>,
    /// First and last day.
    pub(crate) days: (Day, Day),
    /// Blocks that were watched.
    pub(crate) blocks: u64,
    /// Hosts that were.
    pub(crate) hosts: u64,
    /// Roles that were.
    pub(crate) roles: BTreeSet<Role>,
    /// Bodies that are part of what they stand in.
    pub(crate) bodies: u64,
    /// Functions that no process has any more.
    pub(crate) gone: u64,
    /// Functions that fell at a bound before they got here.
    pub(crate) left_out: u64,
}

/// What is known of a service's code.
pub(crate) fn fetch(collector: &Collector, service: &str) -> Result<CodeAnswer, AnalyzerError> {
    collector.get("code", &[("service", service)])
}

/// The services of which anything is known.
pub(crate) fn services(collector: &Collector) -> Result<Vec<String>, AnalyzerError> {
    let answer: CodeAnswer = collector.get("code", &[])?;
    Ok(answer.services.into_iter().map(|one| one.service).collect())
}

/// An answer as evidence; None when no block was watched.
pub(crate) fn evidence(answer: &CodeAnswer) -> Option<Evidence> {
    let days = answer.days?;
    let today = Day::try_from(days.last).ok()?;
    let mut found = Evidence {
        service: answer.service.clone(),
        days: (Day::try_from(days.first).ok()?, today),
        blocks: answer.blocks,
        hosts: answer.hosts,
        roles: answer.roles.iter().map(|role| role.as_str().into()).collect(),
        left_out: answer.left_out,
        ..Evidence::default()
    };
    let mut versions: BTreeMap<(&str, &str), Vec<&CodeFunctionRow>> = BTreeMap::new();
    for row in &answer.functions {
        versions.entry((&row.file, &row.function)).or_default().push(row);
    }
    for ((file, function), rows) in versions {
        // Several of one name and day are different functions of the same name: all of them are the newest.
        let newest = rows.iter().map(|row| day(row.last_seen_ms)).max().unwrap_or_default();
        let is_body = BODIES.iter().any(|body| function.ends_with(body)) && function != super::cpu::MODULE;
        if is_body || newest < today {
            *(if is_body { &mut found.bodies } else { &mut found.gone }) += rows.len() as u64;
            continue;
        }
        let (current, before): (Vec<_>, Vec<_>) =
            rows.into_iter().partition(|row| day(row.last_seen_ms) == newest);
        let earlier = before.into_iter().filter(|row| row.last_executed_ms.is_some());
        let earlier = earlier.max_by_key(|row| row.last_executed_ms).map(unit);
        for row in current {
            let is_native = native::is_native(row);
            let watched = Watched {
                unit: unit(row),
                earlier: earlier.clone(),
                bytes: row.bytes.into(),
                is_import_only: row.is_import_only,
                origin: origin(file),
                branches: row.branches.iter().filter_map(branch).collect(),
            };
            match function == super::cpu::MODULE {
                true => drop(found.modules.insert(file.to_owned(), watched)),
                false if is_native => found.native.push(watched),
                false => found.functions.push(watched),
            }
        }
    }
    Some(found)
}

fn unit(row: &CodeFunctionRow) -> Unit {
    let executed = |at: Option<i64>| at.map(day);
    Unit {
        identity: Identity {
            file: row.file.as_str().into(),
            function: row.function.as_str().into(),
            body: u128::from_str_radix(&row.body, 16).unwrap_or_default(),
        },
        line: row.line,
        first_seen: day(row.first_seen_ms),
        last_seen: day(row.last_seen_ms),
        first_executed: executed(row.first_executed_ms),
        last_executed: executed(row.last_executed_ms),
        executed_blocks: row.executed_blocks,
        silent_blocks: row.silent_blocks,
        unknown_blocks: row.unknown_blocks,
        roles: row.roles.iter().map(|role| role.as_str().into()).collect(),
    }
}

/// What this program does not know the meaning of it leaves out.
fn branch([line, column, outcomes]: &[u32; 3]) -> Option<CodeBranch> {
    Some(CodeBranch { line: *line, column: *column, outcomes: Outcomes::from_bits(*outcomes)? })
}

/// The day of a time.
pub(crate) fn day(at_ms: i64) -> Day {
    Day::try_from(at_ms.div_euclid(DAY_MS)).unwrap_or_default()
}

/// Where a file is from, by its path.
pub(crate) fn origin(file: &str) -> Origin {
    for folder in ["/site-packages/", "/dist-packages/"] {
        if let Some((_, below)) = file.rsplit_once(folder) {
            let name = below.split('/').next().unwrap_or(below).trim_end_matches(".py");
            return Origin::Package(name.to_owned());
        }
    }
    let is_standard = file.starts_with('<')
        || file.is_empty()
        || ["/lib/python2.", "/lib/python3.", "/lib64/python3."].iter().any(|folder| file.contains(folder));
    if is_standard { Origin::Standard } else { native::origin(file) }
}

/// The function that a name means in the source: `Feed.f.<locals>.g` is `Feed.f.g` there.
pub(crate) fn source_name(function: &str) -> String {
    function.replace(".<locals>", "")
}

#[cfg(test)]
mod tests {
    use wire::api::code::CodeDays;

    use super::*;

    fn row(function: &str, body: &str, seen: (i64, i64), executed: Option<(i64, i64)>) -> CodeFunctionRow {
        CodeFunctionRow {
            function: function.into(),
            file: "/srv/app/a.py".into(),
            line: 7,
            body: body.into(),
            bytes: 300,
            first_seen_ms: seen.0 * DAY_MS,
            last_seen_ms: seen.1 * DAY_MS,
            first_executed_ms: executed.map(|days| days.0 * DAY_MS),
            last_executed_ms: executed.map(|days| days.1 * DAY_MS),
            silent_blocks: 3,
            roles: vec!["web".into()],
            ..CodeFunctionRow::default()
        }
    }

    #[test]
    fn versions_of_a_function_are_one() {
        let answer = CodeAnswer {
            service: "feed".into(),
            blocks: 9,
            days: Some(CodeDays { first: 100, last: 120 }),
            functions: vec![
                row("Feed.rank", "0a", (100, 110), Some((100, 104))),
                CodeFunctionRow {
                    branches: vec![[2, 7, 5], [3, 7, 9]],
                    ..row("Feed.rank", "0b", (111, 120), None)
                },
                row("gone", "0c", (100, 119), None),
                row("Feed.rank.<locals>.<lambda>", "0d", (100, 120), None),
                row("<module>", "0e", (100, 120), Some((100, 120))),
            ],
            ..CodeAnswer::default()
        };
        let found = evidence(&answer).unwrap();
        assert_eq!((found.functions.len(), found.gone, found.bodies, found.modules.len()), (1, 1, 1, 1));
        let rank = &found.functions[0];
        assert_eq!(
            (rank.unit.identity.body, rank.unit.first_seen, rank.unit.first_executed),
            (11, 111, None)
        );
        assert_eq!(rank.branches.iter().map(|one| one.outcomes.always()).collect::<Vec<_>>(), [Some(false)]);
        assert_eq!(rank.earlier.as_ref().and_then(|unit| unit.last_executed), Some(104));
        assert!(evidence(&CodeAnswer::default()).is_none());
    }

    #[test]
    fn files_are_own_or_from_elsewhere() {
        let cases = [
            ("/srv/app/a.py", Origin::Own),
            ("/env/lib/python3.11/site-packages/django/db/a.py", Origin::Package("django".into())),
            ("/env/lib/python3.11/site-packages/six.py", Origin::Package("six".into())),
            ("/usr/lib/python3.9/json/decoder.py", Origin::Standard),
            ("<frozen importlib>", Origin::Standard),
            ("", Origin::Standard),
        ];
        for (file, expected) in cases {
            assert_eq!(origin(file), expected, "{file}");
        }
        assert_eq!(source_name("Feed.rank.<locals>.key"), "Feed.rank.key");
    }
}
