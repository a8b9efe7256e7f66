//! Reading a drawing: every rectangle stands on the rectangle of its caller.

use std::collections::BTreeMap;

use model::{Batch, Frame, FrameId, Profile};

use super::rectangle::{Rectangle, rectangles};
use crate::{
    file::{FileError, Format},
    reading::{self, Reading},
};

/// The name of the rectangle that stands for everything.
const EVERYTHING: &str = "all";

/// What is called by nobody and was too narrow to draw.
const NOT_DRAWN: &str = "[not drawn]";

/// Reads a flame graph that inferno or flamegraph.pl drew. What was too narrow to draw counts for its caller.
pub fn read(bytes: &[u8]) -> Result<Batch, FileError> {
    let bytes = reading::gunzip(Format::Svg, bytes)?;
    let rectangles = rectangles(&bytes)?;
    if rectangles.is_empty() {
        return Err(FileError::malformed(
            Format::Svg,
            "no rectangle in it has a title like `main (5 samples, 10%)`",
        ));
    }
    let mut reading = Reading::new(Format::Svg);
    let mut placed: Vec<Placed> = Vec::new();
    let mut callers = 0..0;
    for row in rows(rectangles) {
        let first = placed.len();
        for rectangle in row {
            let caller = match placed.get(callers.clone()) {
                Some([]) | None => None,
                Some(level) => Some(callers.start + caller(level, &rectangle)?),
            };
            if let Some(caller) = caller.and_then(|caller| placed.get_mut(caller)) {
                caller.self_value = caller.self_value.saturating_sub(rectangle.value);
            }
            placed.push(Placed {
                left: rectangle.left,
                right: rectangle.right,
                self_value: rectangle.value,
                caller,
                frame: reading.frame(rectangle.frame),
            });
        }
        callers = first..placed.len();
    }
    samples(&placed, reading)
}

/// A rectangle that has found its caller.
struct Placed {
    left: f64,
    right: f64,
    self_value: i64,
    caller: Option<usize>,
    frame: FrameId,
}

/// The rectangles by depth, the one that stands for everything first, each row from left to right.
fn rows(rectangles: Vec<Rectangle>) -> Vec<Vec<Rectangle>> {
    let mut by_top: BTreeMap<i64, Vec<Rectangle>> = BTreeMap::new();
    for rectangle in rectangles {
        by_top.entry(rectangle.top).or_default().push(rectangle);
    }
    let mut rows: Vec<Vec<Rectangle>> = by_top.into_values().collect();
    let is_root =
        |row: &&Vec<Rectangle>| matches!(row.as_slice(), [only] if &*only.frame.function == EVERYTHING);
    // Stacks stand on the bottom row unless only the top row can be everything.
    let hangs = rows.first().filter(is_root).is_some() && rows.last().filter(is_root).is_none();
    if !hangs {
        rows.reverse();
    }
    for row in &mut rows {
        row.sort_by(|a, b| a.left.total_cmp(&b.left));
    }
    rows
}

/// The place in a row of the rectangle that this one stands on.
fn caller(row: &[Placed], rectangle: &Rectangle) -> Result<usize, FileError> {
    let middle = (rectangle.left + rectangle.right) / 2.0;
    let after = row.partition_point(|candidate| candidate.left <= middle);
    let candidate = after.checked_sub(1).filter(|at| row.get(*at).is_some_and(|found| middle <= found.right));
    candidate.ok_or_else(|| {
        let name = rectangle.frame.display_name();
        FileError::malformed(Format::Svg, format!("the rectangle of `{name}` stands on no other"))
    })
}

fn samples(placed: &[Placed], mut reading: Reading) -> Result<Batch, FileError> {
    let not_drawn = reading.frame(Frame::marker(NOT_DRAWN));
    for rectangle in placed.iter().filter(|rectangle| rectangle.self_value > 0) {
        let mut stack = Vec::new();
        let mut next = Some(rectangle);
        while let Some(current) = next {
            next = current.caller.and_then(|caller| placed.get(caller));
            if next.is_some() {
                stack.push(current.frame);
            }
        }
        if stack.is_empty() {
            stack.push(not_drawn);
        }
        reading.sample(&Profile::default(), stack, rectangle.self_value)?;
    }
    reading.finish()
}
