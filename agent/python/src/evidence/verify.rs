//! What a scan found, named and believed only as far as it is still what it looked like. A freed object's place is soon
//! taken by another like it, so that everything is read in an order and then once more from its end: names, files,
//! objects with their marks, names, files. An object that was the same in the scan and between the two looks at its name
//! and file had them.

use std::{collections::HashMap, sync::Arc};

use super::{
    CodeUnit, Found, Mark, ScanCounters, identify, names::each_name, poll::read_many, sign, text_of,
};
use crate::{Interpreter, Memory, code::FILE_BYTES_MAX};

/// The code objects among what was found, which is in the order of addresses. The second memory may be as it was when
/// they were found.
pub(super) fn units(
    (memory, cache): (&dyn Memory, &dyn Memory),
    interpreter: &Interpreter,
    found: &[Found],
    counters: &mut ScanCounters,
) -> Vec<CodeUnit> {
    let mut names: Vec<Option<Arc<str>>> = vec![None; found.len()];
    let places = || found.iter().map(|found| found.identity.name).zip(0..).collect();
    each_name(memory, interpreter, places(), |at, name| {
        if let Some(place) = names.get_mut(at) {
            *place = name.map(Arc::from);
        }
    });
    let file = |address| text_of(memory, interpreter, address, FILE_BYTES_MAX);
    let mut files: HashMap<u64, Option<Arc<str>>> = HashMap::new();
    for found in found {
        files.entry(found.identity.file).or_insert_with_key(|address| file(*address).map(Arc::from));
    }
    let is_named = |found: &Found, name: &Option<Arc<str>>| {
        name.is_some() && files.get(&found.identity.file).is_some_and(Option::is_some)
    };
    let named = found.iter().zip(&names).filter(|(found, name)| is_named(found, name)).count();
    let mut marks = marks((memory, cache), interpreter, found);
    each_name(memory, interpreter, places(), |at, name| {
        let is_same = names.get(at).is_some_and(|known| name.as_deref() == known.as_deref());
        if let Some(mark) = marks.get_mut(at).filter(|_| !is_same) {
            *mark = None;
        }
    });
    files.retain(|address, known| file(*address).as_deref() == known.as_deref());
    let unit = |((found, function), mark): ((&Found, Option<Arc<str>>), Option<Mark>)| {
        let Found { address, identity } = *found;
        let file = files.get(&identity.file)?.clone()?;
        Some(CodeUnit { address, function: function?, file, line: identity.line, mark: mark?, identity })
    };
    let units: Vec<CodeUnit> = found.iter().zip(names).zip(marks).filter_map(unit).collect();
    counters.not_code += (found.len() - named) as u64;
    counters.changed += named.saturating_sub(units.len()) as u64;
    units
}

/// The marks of those that are still what they were.
fn marks(
    (memory, cache): (&dyn Memory, &dyn Memory),
    interpreter: &Interpreter,
    found: &[Found],
) -> Vec<Option<Mark>> {
    let mut marks = Vec::with_capacity(found.len());
    let place = |found: &Found| (found.address, sign::bytes(interpreter, found.identity.size));
    read_many(memory, found, place, |_, found, bytes| {
        let is_same = |bytes: &&[u8]| identify(interpreter, bytes) == Some(found.identity);
        let head = bytes.filter(is_same);
        marks.push(head.and_then(|head| sign::read(cache, interpreter, found.address, head)));
    });
    marks
}
