//! The check as a comment on a forge: verdict, cost, ten rows, what to do next; the rest is folded away.

use super::{
    CheckReport, Conclusion,
    markdown::{self, headline},
    production,
};

/// What is kept free for the end of a text that had to be cut.
const ENDING_CHARACTERS: usize = 200;

/// Markdown of at most so many characters. The folded part is cut first, then, at the end of a line, the rest.
pub fn comment(report: &CheckReport, characters_max: usize) -> String {
    let mut text = format!("**{}**\n", headline(report));
    if let Some(production) = &report.production {
        text += &format!("\n{}\n", production::cost_today(production));
    }
    markdown::add_acknowledged(&mut text, report);
    markdown::add_functions(&mut text, report, "they are folded below");
    if let Some(production) = report.production.as_ref().filter(|_| report.functions.is_empty()) {
        production::add_table(&mut text, production);
    }
    if let Some(released) = &report.released {
        production::add_released(&mut text, released);
    }
    markdown::add_next_steps(&mut text, report);
    let room = characters_max.saturating_sub(text.chars().count());
    text + &folded(report, room)
}

fn folded(report: &CheckReport, characters_max: usize) -> String {
    let mut rest = String::new();
    if let Some(production) = report.production.as_ref().filter(|_| !report.functions.is_empty()) {
        production::add_table(&mut rest, production);
    }
    markdown::add_more_functions(&mut rest, report);
    markdown::add_touched(&mut rest, report);
    markdown::add_evidence(&mut rest, report);
    let summary = match report.conclusion {
        Conclusion::NoVerdict => "What is known",
        Conclusion::Pass | Conclusion::Fail => "How this is known, and the rest",
    };
    let whole = |rest: &str| format!("\n<details><summary>{summary}</summary>\n{rest}\n</details>\n");
    if whole(&rest).chars().count() <= characters_max {
        return whole(&rest);
    }
    let mut kept = String::new();
    let mut room = characters_max.saturating_sub(whole("").chars().count() + ENDING_CHARACTERS);
    for line in rest.lines() {
        let length = line.chars().count() + 1;
        if length > room {
            break;
        }
        room -= length;
        kept += line;
        kept.push('\n');
    }
    match kept.trim().is_empty() {
        true => String::new(),
        false => whole(&(kept + "\nThe rest is too long for a comment; `--json` has all of it.\n")),
    }
}
