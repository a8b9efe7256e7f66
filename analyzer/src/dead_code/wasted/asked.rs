//! Flags that never vary: who asks for them, again and again, for an answer that is known.

use analyzer_report::number::counted;

use super::{Region, Wasted, Why};
use crate::dead_code::{branches::SteadyFlag, flags::FlagHistory, guards::Guards, inventory::Inventory};

/// One for each flag that says always the same and that the source asks for.
pub(crate) fn find(inventory: &Inventory, guards: &Guards, flags: &[FlagHistory]) -> Vec<Wasted> {
    flags.iter().filter_map(|flag| of_flag(inventory, guards, (&flag.flag, &flag.said()))).collect()
}

/// The same of flags that nobody counted. What is kept of conditions is their last outcomes: it is a guess.
pub(crate) fn find_steady(inventory: &Inventory, guards: &Guards, flags: &[SteadyFlag]) -> Vec<Wasted> {
    let wasted = flags.iter().filter_map(|flag| {
        let said = format!(
            "flag {} was {} in the last 16 outcomes of each of its {}, wherever processes were looked at",
            flag.flag,
            if flag.is_on { "on" } else { "off" },
            counted(flag.places.len() as u64, "condition")
        );
        Some(Wasted { is_guess: true, ..of_flag(inventory, guards, (&flag.flag, &said))? })
    });
    wasted.collect()
}

fn of_flag(inventory: &Inventory, guards: &Guards, (flag, said): (&str, &str)) -> Option<Wasted> {
    let regions: Vec<Region> = guards
        .checks
        .iter()
        .filter(|check| check.flag == flag)
        .filter_map(|check| {
            let path = inventory.files.get(check.file)?.path.clone();
            Some(Region { path, lines: check.lines, callee: check.callee.clone(), is_import: false })
        })
        .collect();
    let first = regions.first()?;
    let places: Vec<String> =
        regions.iter().take(3).map(|region| format!("{}:{}", region.path, region.lines.0)).collect();
    let more = if regions.len() > 3 { format!(" and {} more", regions.len() - 3) } else { String::new() };
    Some(Wasted {
        why: Why::ConstantFlag,
        name: flag.to_owned(),
        path: first.path.clone(),
        line: first.lines.0,
        evidence: format!("{said}; asked for in {}{more}", places.join(", ")),
        regions,
        is_guess: false,
        flag: flag.to_owned(),
        bytes: 0,
        functions: 0,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dead_code::{guards, inventory::tests::inventory};

    #[test]
    fn a_flag_is_one_finding_with_all_its_places() {
        let text = "def f():\n  if is_enabled('old'):\n    a()\n  if is_enabled('old'): b()\n  if is_enabled('new'): c()\n";
        let inventory = inventory(&[("a.py", text)]);
        let guards = guards::find(&inventory, &["old", "new"].map(str::to_owned).into());
        let flag = FlagHistory { flag: "old".into(), variant: "off".into(), evaluations: 900, days: 20 };
        let unasked = FlagHistory { flag: "other".into(), ..flag.clone() };
        let found = find(&inventory, &guards, &[flag, unasked]);
        assert_eq!(found.len(), 1);
        assert_eq!(
            found[0].evidence,
            "flag old was off in all of 900 evaluations, for 20 days; asked for in a.py:2, a.py:4"
        );
        assert_eq!(found[0].regions[1].lines, (4, 4));

        let steady = SteadyFlag { flag: "new".into(), is_on: true, places: vec![("a.py".into(), 5)] };
        let found = find_steady(&inventory, &guards, &[steady]);
        assert_eq!((found[0].flag.as_str(), found[0].is_guess, found[0].regions.len()), ("new", true, 1));
        assert_eq!(
            found[0].evidence,
            "flag new was on in the last 16 outcomes of each of its 1 condition, wherever processes were looked at; asked \
             for in a.py:5"
        );
    }
}
