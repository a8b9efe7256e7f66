//! An interval as a table to read.

use std::fmt::Write;

use calltree::Function;

use super::{
    By,
    view::{Key, Row, View},
};
use crate::number::{grouped, percent};

/// How a table is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Layout {
    /// Most rows.
    pub(crate) rows: usize,
    /// Adds the sampled CPU per request.
    pub(crate) is_per_request: bool,
    /// Marks the heading, and what has no label.
    pub(crate) has_colour: bool,
}

/// Lines of a table that are no rows: two above, the heading, and one below.
pub(crate) const FRAME_LINES: usize = 4;

const BOLD: &str = "\x1b[1m";
const DIM: &str = "\x1b[2m";
const PLAIN: &str = "\x1b[0m";

/// The whole table.
pub(crate) fn table(view: &View, layout: &Layout) -> String {
    let shown = view.rows.iter().take(layout.rows);
    let columns = Columns {
        view,
        has_requests: view.rows.iter().any(|row| row.requests.requests > 0),
        has_sampled: layout.is_per_request,
        source_width: shown.clone().map(|row| row.sources.names().len()).fold("source".len(), usize::max),
    };
    let mut text = format!("{}\n{}\n", summary(view), contexts(view));
    add_line(&mut text, &columns.heading(), layout.has_colour.then_some(BOLD));
    for row in shown {
        let is_dim = layout.has_colour && row.key == Key::Absent;
        add_line(&mut text, &columns.line(row), is_dim.then_some(DIM));
    }
    if let Some(more) = view.rows.len().checked_sub(layout.rows).filter(|more| *more > 0) {
        add_line(&mut text, &format!("  … and {more} more"), None);
    }
    text
}

/// Who was sampled, how, and how busy it was.
fn summary(view: &View) -> String {
    let facts = &view.facts;
    let whom = match facts.pids.as_slice() {
        [] => String::new(),
        [pid] => format!("process {pid} on "),
        pids => format!("{} processes on ", pids.len()),
    };
    let lost = match facts.lost_samples {
        0 => "none lost".to_owned(),
        lost => format!("{} lost", grouped(lost)),
    };
    format!(
        "{whom}{}: {:.2} of {} cores, {} samples in {:.1} s at {} Hz ({}), {lost}",
        readable(&facts.host),
        view.cores(view.cpu_ns),
        facts.cpu_count,
        grouped(view.samples),
        view.seconds(),
        facts.rate_hz,
        facts.backend,
    )
}

fn contexts(view: &View) -> String {
    view.sources
        .sentence(view.cpu_ns)
        .unwrap_or_else(|| "no context of requests found; threads go by their names".to_owned())
}

/// The columns of one table.
struct Columns<'a> {
    view: &'a View,
    has_requests: bool,
    has_sampled: bool,
    source_width: usize,
}

impl Columns<'_> {
    fn heading(&self) -> String {
        if self.view.by == By::Function {
            return "   self    share    total    share  samples  function".to_owned();
        }
        let mut text = "  cores    share  samples".to_owned();
        if self.has_requests {
            text.push_str("    req/s    ms/req");
        }
        if self.has_requests && self.has_sampled {
            text.push_str("   sampled");
        }
        text + &format!("  {:<1$}  {2}", "source", self.source_width, self.view.by)
    }

    fn line(&self, row: &Row) -> String {
        let view = self.view;
        let share = |value_ns: i64| percent(value_ns.max(0) as u64, view.cpu_ns.max(0) as u64);
        let amount = |value_ns: i64| format!("{:>7.2}  {:>7}", view.cores(value_ns), share(value_ns));
        let (samples, name) = (grouped(row.samples), name(&row.key, &view.by));
        if view.by == By::Function {
            return format!("{}  {}  {samples:>7}  {name}", amount(row.cpu_ns), amount(row.total_ns));
        }
        let mut text = format!("{}  {samples:>7}", amount(row.cpu_ns));
        if self.has_requests {
            let requests = row.requests.requests;
            let rate = (requests > 0).then(|| format!("{:.1}", requests as f64 / view.seconds()));
            let _ = write!(text, "  {:>7}", rate.unwrap_or_default());
            add_milliseconds(&mut text, row.counted_ns_per_request());
        }
        if self.has_requests && self.has_sampled {
            add_milliseconds(&mut text, row.sampled_ns_per_request());
        }
        text + &format!("  {:<1$}  {name}", row.sources.names(), self.source_width)
    }
}

/// Writing to a string cannot fail.
fn add_milliseconds(text: &mut String, cost_ns: Option<f64>) {
    let milliseconds = cost_ns.map(|cost_ns| format!("{:.3}", cost_ns / 1e6)).unwrap_or_default();
    let _ = write!(text, "  {milliseconds:>8}");
}

fn add_line(text: &mut String, line: &str, style: Option<&str>) {
    let _ = match style {
        Some(style) => writeln!(text, "{style}{line}{PLAIN}"),
        None => writeln!(text, "{line}"),
    };
}

fn name(key: &Key, by: &By) -> String {
    match key {
        Key::Function(function) => function_name(function),
        Key::Flag { flag, variant } => readable(&format!("{flag} = {variant}")),
        Key::Value(value) => readable(value),
        Key::Absent => readable(&format!("(no {by})")),
    }
}

fn function_name(function: &Function) -> String {
    let name = readable(&function.name);
    match function.package() {
        "" => name,
        package => format!("{name}  ({})", readable(package)),
    }
}

/// Labels and names come from programs: none of them may move the cursor, break a line or reverse the text.
fn readable(text: &str) -> String {
    let is_harmful = |c: char| {
        c.is_control()
            || matches!(c, '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{200e}' | '\u{200f}')
    };
    text.chars().map(|c| if is_harmful(c) { '\u{fffd}' } else { c }).collect()
}
