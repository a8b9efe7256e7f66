//! Inventories: all functions that a file says it has, each with its size, and with the place where it is written as far
//! as debug information tells that cheaply.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, BTreeSet},
    io,
};

use crate::{
    Image,
    debug_info::DebugInfo,
    elf,
    symbol::Function,
    table::{Entry, SymbolTable},
};

/// One function. Copies and parts that the compiler made of it are it too.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FileFunction {
    /// Its readable name.
    pub name: String,
    /// Other names that addresses in it may go by: of aliases, copies and parts, or what debug information calls it.
    pub other_names: Vec<String>,
    /// The file it is written in; empty when it is not known.
    pub file: String,
    /// Its line there; 0 when it is not known.
    pub line: u32,
    /// Bytes of its code.
    pub bytes: u64,
}

/// The functions of a file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Inventory {
    /// By name and file.
    pub functions: Vec<FileFunction>,
    /// Smaller functions, for which there was no room.
    pub left_out: u64,
}

/// Bounds on what one file takes (I6).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InventoryLimits {
    /// Functions, the largest.
    pub functions: usize,
    /// Bytes of a symbol table and its names.
    pub symbol_bytes: u64,
    /// Bytes of debug information; with more of it, functions have no file and line.
    pub debug_bytes: u64,
}

/// Why a file has no inventory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InventoryError {
    /// It cannot be read, is no 64-bit ELF file, or ends too early.
    Unreadable,
    /// It has no symbols, or only those of exported functions.
    Stripped,
    /// It has more symbols than the limit.
    TooBig,
    /// The caller had no more time.
    Interrupted,
}

/// What compilers add to the names of copies and parts of a function, before a number or the end.
const PART_MARKS: [&str; 7] = [".cold", ".constprop", ".isra", ".llvm", ".localalias", ".lto_priv", ".part"];

/// So many functions are named between two questions whether to go on.
const STEP: usize = 256;

/// Reads the functions of a file. `go_on` is asked now and then whether there is time.
pub fn inventory(
    image: &Image,
    limits: &InventoryLimits,
    go_on: &mut dyn FnMut() -> bool,
) -> Result<Inventory, InventoryError> {
    let contents = elf::contents(image).map_err(|_| InventoryError::Unreadable)?;
    let table = contents.symbols.filter(|_| contents.has_all_symbols).ok_or(InventoryError::Stripped)?;
    if table.size.saturating_add(table.names_size) > limits.symbol_bytes {
        return Err(InventoryError::TooBig);
    }
    let ends = [(table.offset, table.size), (table.names_offset, table.names_size)];
    let length = image.length().map_err(|_| InventoryError::Unreadable)?;
    if ends.iter().any(|(offset, size)| offset.saturating_add(*size) > length) {
        return Err(InventoryError::Unreadable);
    }
    let largest = largest(&table, image, &contents.code, limits.functions);
    let (entries, left_out) = largest.map_err(|_| InventoryError::Unreadable)?;
    let mut lines = match DebugInfo::bytes_expected(&contents, None) <= limits.debug_bytes {
        true => DebugInfo::read(image, &contents, None),
        false => DebugInfo::nothing(),
    };
    let mut named: Vec<(u64, FileFunction)> = Vec::with_capacity(entries.len());
    for (at, entry) in entries.into_iter().enumerate() {
        if at % STEP == 0 && !go_on() {
            return Err(InventoryError::Interrupted);
        }
        let name = table.name(image, entry.name).map_err(|_| InventoryError::Unreadable)?;
        match named.last_mut().filter(|(start, _)| *start == entry.start) {
            Some((_, known)) => known.add_alias(name, entry.size),
            None => named.push((entry.start, function(name, &entry, &mut lines))),
        }
    }
    Ok(Inventory { functions: together(named.into_iter().map(|(_, function)| function).collect()), left_out })
}

/// The largest functions in the order of their precedence, and how many more there are.
fn largest(
    table: &SymbolTable,
    image: &Image,
    code: &[(u64, u64)],
    functions_max: usize,
) -> io::Result<(Vec<Entry>, u64)> {
    let mut by_size = BTreeMap::new();
    let mut left_out = 0;
    table.for_each(image, |entry| {
        let is_code = code.iter().any(|(start, end)| (*start..*end).contains(&entry.start));
        if entry.size == 0 || !is_code {
            return;
        }
        by_size.insert((entry.size, Reverse(entry.start), Reverse(entry.name)), entry);
        if by_size.len() > functions_max {
            by_size.pop_first();
            left_out += 1;
        }
    })?;
    let mut entries: Vec<Entry> = by_size.into_values().collect();
    entries.sort_unstable_by_key(Entry::precedence);
    Ok((entries, left_out))
}

/// Debug information names it where it can, as it names samples.
fn function(symbol: String, entry: &Entry, lines: &mut DebugInfo) -> FileFunction {
    let Function { name, file, line } = lines.find(entry.start).pop().unwrap_or_default();
    let mut function = FileFunction { name, other_names: Vec::new(), file, line, bytes: entry.size };
    function.add_alias(symbol, entry.size);
    function
}

/// One of each name and file, with all its copies and parts.
fn together(named: Vec<FileFunction>) -> Vec<FileFunction> {
    let names: BTreeSet<String> = named.iter().map(|function| function.name.clone()).collect();
    let is_part =
        |function: &FileFunction| whole(&function.name).filter(|whole| names.contains(*whole)).is_some();
    let (parts, wholes): (Vec<_>, Vec<_>) = named.into_iter().partition(is_part);
    let mut functions: BTreeMap<(String, String), FileFunction> = BTreeMap::new();
    for function in wholes {
        let key = (function.name.clone(), function.file.clone());
        match functions.get_mut(&key) {
            Some(known) => known.add(function),
            None => drop(functions.insert(key, function)),
        }
    }
    for part in parts {
        let name = whole(&part.name).unwrap_or_default().to_owned();
        let own = (name.clone(), part.file.clone());
        // A part may begin with what was inlined from another file.
        let key = match functions.contains_key(&own) {
            true => Some(own),
            false => functions.range((name, String::new())..).next().map(|(key, _)| key.clone()),
        };
        if let Some(known) = key.and_then(|key| functions.get_mut(&key)) {
            known.add(part);
        }
    }
    functions.into_values().collect()
}

impl FileFunction {
    /// Another symbol for the same code. Without debug information the last of them names samples.
    fn add_alias(&mut self, symbol: String, bytes: u64) {
        self.bytes = self.bytes.max(bytes);
        let other = match self.file.is_empty() || self.name.is_empty() {
            true => std::mem::replace(&mut self.name, symbol),
            false => symbol,
        };
        self.add_name(other);
    }

    fn add_name(&mut self, name: String) {
        if !name.is_empty() && name != self.name && !self.other_names.contains(&name) {
            self.other_names.push(name);
        }
    }

    fn add(&mut self, other: Self) {
        self.bytes = self.bytes.saturating_add(other.bytes);
        [other.name].into_iter().chain(other.other_names).for_each(|name| self.add_name(name));
    }
}

/// The name of the function that this names a copy or part of: `sum` of `sum.part.0`, `f()` of `f() [clone .cold]`.
fn whole(name: &str) -> Option<&str> {
    if let Some((whole, _)) = name.split_once(" [clone .") {
        return Some(whole);
    }
    let is_mark = |at: &usize| {
        let rest = name.get(*at..).unwrap_or_default();
        PART_MARKS.iter().filter_map(|mark| rest.strip_prefix(mark)).any(|after| {
            let mut after = after.chars();
            matches!((after.next(), after.next()), (None, _) | (Some('.'), Some('0'..='9' | 'a'..='z')))
        })
    };
    let at = name.match_indices('.').map(|(at, _)| at).filter(|at| *at > 0).find(is_mark)?;
    name.get(..at)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn copies_and_parts_are_told_by_their_names() {
        let cases = [
            ("sum", None),
            ("sum.part.0", Some("sum")),
            ("sum.cold", Some("sum")),
            ("sum.isra.0.cold", Some("sum")),
            ("sum.constprop.1.isra.2", Some("sum")),
            ("feed(int) [clone .cold]", Some("feed(int)")),
            ("main.coldStart", None),
            ("main.parts.f", None),
            (".cold", None),
            ("", None),
        ];
        for (name, expected) in cases {
            assert_eq!(whole(name), expected, "{name}");
        }
    }

    fn named(name: &str, file: &str, bytes: u64) -> FileFunction {
        FileFunction { name: name.into(), file: file.into(), bytes, ..FileFunction::default() }
    }

    #[test]
    fn one_of_each_name_and_file_is_kept_with_its_parts() {
        let functions = together(vec![
            named("sum.cold", "vector.h", 5),
            named("sum", "a.c", 10),
            named("helper", "b.c", 3),
            named("helper", "a.c", 4),
            named("helper", "a.c", 2),
            named("lonely.part.0", "a.c", 7),
        ]);
        let rows: Vec<(&str, &str, u64)> = functions
            .iter()
            .map(|function| (function.name.as_str(), function.file.as_str(), function.bytes))
            .collect();
        let expected =
            [("helper", "a.c", 6), ("helper", "b.c", 3), ("lonely.part.0", "a.c", 7), ("sum", "a.c", 15)];
        assert_eq!(rows, expected);
        assert_eq!(functions[3].other_names, ["sum.cold"]);
    }
}
