//! Flags whose checks never came out otherwise, by what running processes keep of their conditions: without anybody having
//! counted what the flags said.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
};

use model::{CodeBranch, Outcomes};

use super::{
    guards::{self, Guards},
    known::KnownSource,
};
use crate::error::AnalyzerError;

/// A running function, and what its conditions were.
#[derive(Clone, Copy, Debug)]
pub struct Asked<'a> {
    /// Its file, as processes have it.
    pub file: &'a str,
    /// Its qualified name.
    pub function: &'a str,
    /// Its first line.
    pub line: u32,
    /// Its conditions that were asked.
    pub branches: &'a [CodeBranch],
}

/// A flag that was one thing in all outcomes that are kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SteadyFlag {
    /// Its key.
    pub flag: String,
    /// What it was.
    pub is_on: bool,
    /// Files and lines of the conditions that say so.
    pub places: Vec<(String, u32)>,
}

/// Files and lines.
type Places = BTreeSet<(String, u32)>;

/// Flags of the source in a folder that never varied in running functions.
pub fn steady_flags(folder: &Path, functions: &[Asked<'_>]) -> Result<Vec<SteadyFlag>, AnalyzerError> {
    let mut source = KnownSource::read(folder)?;
    source.adopt(functions.iter().map(|one| (one.file, one.function)));
    let guards = guards::find(&source.inventory, &guards::keys(&source.inventory));
    Ok(steady(&source, &guards, functions.iter().copied()))
}

/// Flags that never varied; a flag is one thing wherever it is asked for.
pub(crate) fn steady<'a>(
    source: &KnownSource,
    guards: &Guards,
    functions: impl Iterator<Item = Asked<'a>>,
) -> Vec<SteadyFlag> {
    let found = outcomes(source, functions);
    let mut flags: BTreeMap<&str, (Outcomes, Places)> = BTreeMap::new();
    for condition in &guards.conditions {
        let (line, column) = condition.place;
        let Some(outcomes) = found.get(&(condition.file, line, column)) else { continue };
        let outcomes = if condition.on { *outcomes } else { outcomes.negated() };
        let (all, places) = flags.entry(&condition.flag).or_default();
        *all = all.and(outcomes);
        let path = source.inventory.files.get(condition.file).map(|file| file.path.clone());
        places.extend(path.map(|path| (path, line)));
    }
    let steady = flags.into_iter().filter_map(|(flag, (outcomes, places))| {
        let is_on = outcomes.always()?;
        Some(SteadyFlag { flag: flag.to_owned(), is_on, places: places.into_iter().collect() })
    });
    steady.collect()
}

/// What conditions were, by file of the source, line and column.
fn outcomes<'a>(
    source: &KnownSource,
    functions: impl Iterator<Item = Asked<'a>>,
) -> BTreeMap<(usize, u32, u32), Outcomes> {
    let mut found: BTreeMap<(usize, u32, u32), Outcomes> = BTreeMap::new();
    for asked in functions.filter(|asked| !asked.branches.is_empty()) {
        let function = source.function(asked.file, asked.function, asked.line);
        let Some(function) = function.and_then(|at| source.inventory.functions.get(at)) else { continue };
        for branch in asked.branches {
            let place = (function.file, function.first_line.saturating_add(branch.line), branch.column);
            let all = found.entry(place).or_default();
            *all = all.and(branch.outcomes);
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    const NEVER: Outcomes = Outcomes::FALSE;

    fn often(outcomes: Outcomes) -> Outcomes {
        outcomes.and(Outcomes::IN_A_ROW)
    }

    /// Flags of three conditions of a function that stands three lines further down than it runs: line 1 asks for `a`,
    /// line 3 for not `b`, line 5 for `a` again.
    fn check(outcomes: [Option<Outcomes>; 3], expected: &[(&str, bool, &[u32])]) {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("feed")).unwrap();
        let text = "# moved\n#\n#\n@cached\ndef feed(x):\n  if is_enabled('a'):\n    new()\n  if not is_enabled('b'): \
                    old()\n\n  return 1 if x and is_enabled('a') else 2\n";
        fs::write(folder.path().join("feed/views.py"), text).unwrap();
        let places = [(2, 5), (4, 9), (6, 20)];
        let branch = |((line, column), outcomes): ((u32, u32), Option<Outcomes>)| {
            Some(CodeBranch { line, column, outcomes: outcomes? })
        };
        let branches: Vec<CodeBranch> = places.into_iter().zip(outcomes).filter_map(branch).collect();
        let asked = Asked { file: "/srv/feed/views.py", function: "feed", line: 1, branches: &branches };
        let found = steady_flags(folder.path(), &[asked]).unwrap();
        let shown: Vec<(&str, bool, Vec<u32>)> = found
            .iter()
            .map(|one| (one.flag.as_str(), one.is_on, one.places.iter().map(|place| place.1).collect()))
            .collect();
        let expected: Vec<_> =
            expected.iter().map(|(flag, is_on, lines)| (*flag, *is_on, lines.to_vec())).collect();
        assert_eq!(shown, expected, "{outcomes:?}");
    }

    #[test]
    fn a_flag_is_steady_when_all_that_ask_for_it_heard_the_same() {
        check([Some(often(NEVER)), Some(often(NEVER)), None], &[("a", false, &[6]), ("b", false, &[8])]);
        check([None, Some(often(Outcomes::TRUE)), Some(NEVER)], &[("b", true, &[8])]);
        check([Some(often(NEVER)), None, Some(NEVER)], &[("a", false, &[6, 10])]);
        check([Some(often(NEVER)), None, Some(Outcomes::TRUE)], &[]);
        check([Some(NEVER), None, None], &[]);
        check([None, None, None], &[]);
    }
}
