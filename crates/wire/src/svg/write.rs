//! Drawing.

use std::collections::BTreeSet;

use inferno::flamegraph::{self, Direction, FuncFrameAttrsMap, Palette, color::MultiPalette};
use model::{Batch, Frame, FrameKind};

use crate::{
    file::{FileError, Format},
    folded, frame_text,
};

/// Texts on the drawing and which way it grows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    /// Above the drawing.
    pub title: String,
    /// Under the title, when there is something to say.
    pub subtitle: Option<String>,
    /// True to hang the stacks from the top.
    pub inverted: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self { title: "CPU".to_owned(), subtitle: None, inverted: false }
    }
}

/// inferno splits names at `;` and takes a number after a space for a second value. These stand in for the two, and
/// the drawing has the characters themselves again. They are for private use, so no name has them.
const SEMICOLON: char = '\u{e03b}';
const SPACE: char = '\u{e020}';

/// Draws all profiles of a batch as one flame graph: the same bytes for the same batch.
pub fn write(batch: &Batch, options: &Options) -> Result<Vec<u8>, FileError> {
    let lines: Vec<String> =
        folded::lines(batch, name).iter().map(|(stack, value)| format!("{stack} {value}")).collect();
    let total = batch.profiles.iter().fold(0_i64, |total, profile| total.saturating_add(profile.total()));
    if total == 0 {
        return Err(FileError::Empty);
    }
    // Milliseconds are what a person wants, unless they are too coarse for what was measured.
    let (factor, unit) = if total >= 1_000_000_000 { (1e-6, "ms") } else { (1.0, "ns") };
    let mut drawing = flamegraph::Options::default();
    drawing.title.clone_from(&options.title);
    drawing.subtitle.clone_from(&options.subtitle);
    drawing.direction = if options.inverted { Direction::Inverted } else { Direction::Straight };
    // The palette that knows least of one language: the kernel, names with `::`, and the rest.
    drawing.colors = Palette::Multi(MultiPalette::Perl);
    drawing.hash = true;
    drawing.deterministic = true;
    unit.clone_into(&mut drawing.count_name);
    drawing.factor = factor;
    drawing.func_frameattrs = classes(batch)?;
    let mut svg = Vec::new();
    flamegraph::from_lines(&mut drawing, lines.iter().map(String::as_str), &mut svg)
        .map_err(FileError::not_written(Format::Svg))?;
    let svg = String::from_utf8(svg).map_err(|error| FileError::damaged(Format::Svg, error))?;
    Ok(svg.replace(SEMICOLON, ";").replace(SPACE, " ").into_bytes())
}

/// What a frame's kind is called in the drawing's `class`, and the suffix that inferno knows it by.
pub(super) const KINDS: [(FrameKind, &str, &str); 5] = [
    (FrameKind::Native, "native", ""),
    (FrameKind::Kernel, "kernel", "_[k]"),
    (FrameKind::Jit, "jit", "_[j]"),
    (FrameKind::Python, "python", ""),
    (FrameKind::Marker, "marker", ""),
];

/// The class of every frame that is not plain native code, so that style sheets and [`super::read`] see its kind.
fn classes(batch: &Batch) -> Result<FuncFrameAttrsMap, FileError> {
    let classes: BTreeSet<String> = batch
        .frames
        .iter()
        .filter_map(|frame| {
            let (_, class, _) = KINDS.iter().find(|(kind, ..)| *kind == frame.kind)?;
            (frame.kind != FrameKind::Native).then(|| format!("{}\tclass={class}\n", name(frame)))
        })
        .collect();
    let classes: String = classes.into_iter().collect();
    FuncFrameAttrsMap::from_reader(classes.as_bytes()).map_err(FileError::not_written(Format::Svg))
}

fn name(frame: &Frame) -> String {
    let clean = |c: char| match c {
        ';' => SEMICOLON,
        // XML has no way to write these.
        c if c.is_control() || matches!(c, '\u{fffe}' | '\u{ffff}') => ' ',
        c => c,
    };
    let mut name: String = frame_text::plain(frame).chars().map(clean).collect::<String>().trim().to_owned();
    if let Some((before, after)) = name.rsplit_once(' ')
        && after.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.')
    {
        name = format!("{before}{SPACE}{after}");
    }
    if let Some(comment) = name.strip_prefix("# ") {
        name = format!("#{SPACE}{comment}");
    }
    let suffix = KINDS.iter().find(|(kind, ..)| *kind == frame.kind).map_or("", |(.., suffix)| *suffix);
    name + suffix
}
