//! The rectangles of a drawing: title, place and size, as they stand in the XML.

use model::{Frame, FrameKind};
use quick_xml::{
    Reader,
    escape::resolve_predefined_entity,
    events::{BytesRef, BytesStart, Event},
};

use super::write::KINDS;
use crate::{
    file::{FileError, Format},
    frame_text,
};

const FORMAT: Format = Format::Svg;

/// One frame as it is drawn.
pub(super) struct Rectangle {
    pub(super) frame: Frame,
    pub(super) value: i64,
    pub(super) left: f64,
    pub(super) right: f64,
    /// Tenths of a pixel from the top.
    pub(super) top: i64,
}

/// All rectangles that have a title with a count; the rest of the drawing is decoration.
pub(super) fn rectangles(svg: &[u8]) -> Result<Vec<Rectangle>, FileError> {
    let mut reader = Reader::from_reader(svg);
    reader.config_mut().check_end_names = false;
    let mut found = Vec::new();
    let mut group = Group::default();
    let mut in_title = false;
    loop {
        let event = reader.read_event().map_err(|error| FileError::damaged(FORMAT, error))?;
        match &event {
            Event::Start(element) | Event::Empty(element) => match element.local_name().as_ref() {
                b"g" | b"a" => group = Group { class: attribute(element, b"class"), ..Group::default() },
                b"title" => in_title = matches!(event, Event::Start(_)),
                b"rect" => group.rect = Some(Rect::of(element)),
                _ => {}
            },
            Event::Text(text) if in_title => group.title.push_str(&String::from_utf8_lossy(text)),
            Event::GeneralRef(reference) if in_title => group.title.push_str(&character(reference)),
            Event::End(element) => match element.local_name().as_ref() {
                b"title" => in_title = false,
                b"g" | b"a" => found.extend(std::mem::take(&mut group).rectangle()),
                _ => {}
            },
            Event::Eof => return Ok(found),
            _ => {}
        }
    }
}

/// What was read since a frame's group began.
#[derive(Default)]
struct Group {
    class: Option<String>,
    title: String,
    rect: Option<Rect>,
}

struct Rect {
    x: Option<f64>,
    width: Option<f64>,
    y: Option<f64>,
    /// inferno writes the values themselves beside the geometry.
    values: Option<(i64, i64)>,
}

impl Rect {
    fn of(element: &BytesStart<'_>) -> Self {
        let number = |name: &[u8]| {
            let text = attribute(element, name)?;
            text.trim_end_matches('%').parse::<f64>().ok().filter(|number| number.is_finite())
        };
        let whole = |name: &[u8]| attribute(element, name)?.parse::<i64>().ok().filter(|number| *number >= 0);
        Self {
            x: number(b"x"),
            width: number(b"width"),
            y: number(b"y"),
            values: whole(b"fg:x").zip(whole(b"fg:w")),
        }
    }
}

impl Group {
    fn rectangle(self) -> Option<Rectangle> {
        let rect = self.rect?;
        let (name, counted) = name_and_count(&self.title)?;
        let (left, width, value) = match rect.values {
            Some((start, value)) => (start as f64, value as f64, value),
            None => (rect.x?, rect.width?, counted),
        };
        let mut frame = frame_text::read_plain(name);
        if let Some((kind, ..)) = KINDS.iter().find(|(_, class, _)| self.class.as_deref() == Some(class)) {
            frame.kind = *kind;
        } else if frame.kind == FrameKind::Native {
            frame = frame_text::read(name);
        }
        Some(Rectangle { frame, value, left, right: left + width, top: (rect.y? * 10.0).round() as i64 })
    }
}

/// `name (1,234 samples, 5.67%)`
fn name_and_count(title: &str) -> Option<(&str, i64)> {
    let (name, measure) = title.trim().strip_suffix(')')?.rsplit_once(" (")?;
    let (count, _) = measure.split_once(' ')?;
    let digits: String = count.chars().filter(|c| *c != ',').collect();
    let count = digits.parse::<i64>().ok().filter(|count| *count >= 0)?;
    Some((name, count))
}

fn attribute(element: &BytesStart<'_>, name: &[u8]) -> Option<String> {
    let attribute = element.try_get_attribute(name).ok()??;
    Some(String::from_utf8_lossy(&attribute.value).into_owned())
}

fn character(reference: &BytesRef<'_>) -> String {
    if let Ok(Some(c)) = reference.resolve_char_ref() {
        return c.to_string();
    }
    let name = String::from_utf8_lossy(reference);
    resolve_predefined_entity(&name).unwrap_or("\u{fffd}").to_owned()
}
