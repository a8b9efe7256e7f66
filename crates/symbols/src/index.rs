//! An index over the functions of one file: no names, only where they are.

use std::io;

use crate::{
    Image,
    table::{Entry, SymbolTable},
};

/// Ranges of addresses, sorted and apart, each with the one function that names it. What overlaps in the symbol table
/// was settled when the index was built.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct SymbolIndex {
    ranges: Vec<Range>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Range {
    start: u64,
    size: u32,
    name: u32,
}

/// Walks the symbols in order of address.
struct Sweep<'a> {
    code: &'a [(u64, u64)],
    ranges: Vec<Range>,
    at: u64,
    /// Symbols that say where they end, begun and perhaps not ended: the last one names.
    open: Vec<Entry>,
    /// The last symbol that does not say where it ends. It names what no other does, up to the next symbol.
    endless: Option<Entry>,
}

impl SymbolIndex {
    /// Reads a symbol table; `None` for one with more functions than this. `code` are the ranges of sections with
    /// code.
    pub(crate) fn build(
        table: &SymbolTable,
        image: &Image,
        code: &[(u64, u64)],
        functions_max: usize,
    ) -> io::Result<Option<Self>> {
        // Counting first costs a second pass, once per file; growing would leave holes of megabytes in memory.
        let mut functions = 0;
        table.for_each(image, |_| functions += 1)?;
        if functions > functions_max {
            return Ok(None);
        }
        let mut entries = Vec::with_capacity(functions);
        table.for_each(image, |entry| entries.push(entry))?;
        entries.sort_unstable_by_key(Entry::precedence);
        let ranges = Vec::with_capacity(entries.len());
        let mut sweep = Sweep { code, ranges, at: 0, open: Vec::new(), endless: None };
        for entry in entries {
            sweep.advance(entry.start);
            sweep.begin(entry);
        }
        sweep.advance(u64::MAX);
        sweep.ranges.shrink_to_fit();
        Ok(Some(Self { ranges: sweep.ranges }))
    }

    /// Where the name of the function at a file address is.
    pub(crate) fn find(&self, address: u64) -> Option<u32> {
        let at = self.ranges.partition_point(|range| range.start <= address).checked_sub(1)?;
        let range = self.ranges.get(at)?;
        (address - range.start < u64::from(range.size)).then_some(range.name)
    }

    /// Bytes held.
    pub(crate) fn bytes(&self) -> u64 {
        size_of_val(self.ranges.as_slice()) as u64
    }
}

impl Sweep<'_> {
    /// Names everything up to an address.
    fn advance(&mut self, to: u64) {
        while self.at < to {
            while self.open.pop_if(|entry| entry.end() <= self.at).is_some() {}
            let (entry, end) = match (self.open.last(), self.endless) {
                (Some(entry), _) => (*entry, entry.end()),
                (None, Some(entry)) => (entry, self.section_end(entry.start)),
                (None, None) => break,
            };
            let end = end.min(to);
            if end <= self.at {
                break;
            }
            self.push(entry.name, end);
        }
        self.at = to;
    }

    fn begin(&mut self, entry: Entry) {
        if entry.size == 0 {
            self.endless = Some(entry);
            return;
        }
        self.endless = self.endless.filter(|endless| endless.start == entry.start);
        self.open.push(entry);
    }

    /// Gives the addresses up to `end` to a name.
    fn push(&mut self, name: u32, end: u64) {
        let start = self.at;
        self.at = end;
        // An alias that ends no later, or one function around another: both leave neighbours of one name.
        let last = self.ranges.last_mut();
        match last.filter(|last| last.name == name && last.start + u64::from(last.size) == start) {
            Some(last) => last.size = saturate(end - last.start),
            None => self.ranges.push(Range { start, size: saturate(end - start), name }),
        }
    }

    fn section_end(&self, start: u64) -> u64 {
        let sections = self.code.iter().filter(|(from, to)| *from <= start && start < *to);
        sections.map(|(_, to)| *to).max().unwrap_or_default()
    }
}

/// No function has four gigabytes.
fn saturate(size: u64) -> u32 {
    u32::try_from(size).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::scan;

    /// A file of one symbol table: (name, kind and binding, start, size).
    fn image(symbols: &[(&str, u8, u64, u64)]) -> (Image, SymbolTable) {
        let mut names = vec![0];
        let mut bytes = Vec::new();
        for (name, info, start, size) in symbols {
            bytes.extend((names.len() as u32).to_le_bytes());
            bytes.extend([*info, 0, 1, 0]);
            bytes.extend(start.to_le_bytes());
            bytes.extend(size.to_le_bytes());
            names.extend(name.bytes().chain([0]));
        }
        let size = bytes.len() as u64;
        let table = SymbolTable { offset: 0, size, names_offset: size, names_size: names.len() as u64 };
        bytes.extend(names);
        (Image::Memory(bytes), table)
    }

    /// One section of code, at 0x1000.
    const CODE: &[(u64, u64)] = &[(0x1000, 0x2000)];

    /// The index and the scan answer alike.
    fn check(symbols: &[(&str, u8, u64, u64)], expected: &[(u64, Option<&str>)]) {
        let (image, table) = image(symbols);
        let wanted: Vec<u64> = expected.iter().map(|(address, _)| *address).collect();
        let index = SymbolIndex::build(&table, &image, CODE, symbols.len()).unwrap().unwrap();
        let indexed: Vec<Option<u32>> = wanted.iter().map(|address| index.find(*address)).collect();
        let scanned = scan::find(&table, &image, CODE, &wanted).unwrap();
        for found in [indexed, scanned] {
            let names: Vec<Option<String>> =
                found.iter().map(|name| name.map(|name| table.name(&image, name).unwrap())).collect();
            let expected: Vec<Option<&str>> = expected.iter().map(|(_, name)| *name).collect();
            assert_eq!(names.iter().map(|name| name.as_deref()).collect::<Vec<_>>(), expected);
        }
    }

    const LOCAL: u8 = 0x02;
    const GLOBAL: u8 = 0x12;
    const WEAK: u8 = 0x22;
    const OBJECT: u8 = 0x11;

    #[test]
    fn a_symbol_covers_what_it_says() {
        check(
            &[("b", LOCAL, 0x1100, 0x10), ("a", GLOBAL, 0x1000, 0x80), ("data", OBJECT, 0x1080, 0x80)],
            &[
                (0xfff, None),
                (0x1000, Some("a")),
                (0x107f, Some("a")),
                (0x1080, None),
                (0x110f, Some("b")),
                (0x1110, None),
            ],
        );
        check(&[], &[(0x1000, None)]);
    }

    #[test]
    fn of_several_the_same_one_always_wins() {
        check(
            &[
                ("local", LOCAL, 0x1000, 9),
                ("weak", WEAK, 0x1000, 9),
                ("global", GLOBAL, 0x1000, 9),
                ("later", GLOBAL, 0x1000, 9),
            ],
            &[(0x1008, Some("global"))],
        );
        check(
            &[("outer", GLOBAL, 0x1000, 0x100), ("inner", LOCAL, 0x1040, 8)],
            &[(0x1041, Some("inner")), (0x1050, Some("outer"))],
        );
    }

    #[test]
    fn a_symbol_without_size_ends_at_the_next() {
        check(
            &[("start", GLOBAL, 0x1000, 0), ("sized", GLOBAL, 0x1100, 0x10), ("last", LOCAL, 0x1200, 0)],
            &[
                (0x10ff, Some("start")),
                (0x1105, Some("sized")),
                (0x1180, None),
                (0x1fff, Some("last")),
                (0x2000, None),
            ],
        );
    }

    #[test]
    fn a_table_with_too_many_functions_has_no_index() {
        let (image, table) =
            image(&[("a", GLOBAL, 0x1000, 1), ("b", GLOBAL, 0x1001, 1), ("c", OBJECT, 1, 1)]);
        assert!(SymbolIndex::build(&table, &image, CODE, 2).unwrap().is_some());
        assert!(SymbolIndex::build(&table, &image, CODE, 1).unwrap().is_none());
    }

    proptest! {
        #[test]
        fn the_index_answers_what_the_scan_answers(
            symbols in prop::collection::vec(
                (prop::sample::select(&[LOCAL, GLOBAL, WEAK][..]), 0xff8_u64..0x1030, 0_u64..24),
                0..24,
            ),
        ) {
            let symbols: Vec<_> =
                symbols.into_iter().map(|(info, start, size)| ("f", info, start, size)).collect();
            let (image, table) = image(&symbols);
            let code = [(0x1000, 0x1018), (0x1018, 0x1040)];
            let wanted: Vec<u64> = (0xff0..0x1060).collect();
            let index = SymbolIndex::build(&table, &image, &code, 24).unwrap().unwrap();
            let indexed: Vec<Option<u32>> = wanted.iter().map(|address| index.find(*address)).collect();
            prop_assert_eq!(indexed, scan::find(&table, &image, &code, &wanted).unwrap());
        }
    }
}
