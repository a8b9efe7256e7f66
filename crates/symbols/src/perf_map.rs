//! Perf maps: names that a process writes for the code it makes at run time.

use std::{collections::BTreeMap, sync::Arc};

/// Longest name kept; what is longer is cut.
const NAME_BYTES_MAX: usize = 1024;

/// Longest line waited for. What has no end by then is not a line.
const LINE_BYTES_MAX: usize = 64 << 10;

/// The functions of one perf map. Code memory is used again, so a later entry replaces what it overlaps.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PerfMap {
    entries: BTreeMap<u64, (u64, Arc<str>)>,
    /// The start of a line whose end is not written yet.
    unfinished: Vec<u8>,
    dropped: u64,
}

impl PerfMap {
    /// Takes in the next part of the file. Lines that make no sense are skipped, and entries beyond the limit are
    /// counted.
    pub fn extend(&mut self, text: &[u8], entries_max: usize) {
        let mut lines = text.split_inclusive(|byte| *byte == b'\n');
        if !self.unfinished.is_empty()
            && let Some(first) = lines.next()
        {
            let mut line = std::mem::take(&mut self.unfinished);
            line.extend_from_slice(first);
            self.take_line(&line, entries_max);
        }
        for line in lines {
            self.take_line(line, entries_max);
        }
    }

    /// The function at a runtime address.
    pub fn find(&self, address: u64) -> Option<&Arc<str>> {
        let (_, (end, name)) = self.entries.range(..=address).next_back()?;
        (address < *end).then_some(name)
    }

    /// How many functions there are.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// True when there are no functions.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Entries beyond the limit.
    pub fn dropped(&self) -> u64 {
        self.dropped
    }

    fn take_line(&mut self, line: &[u8], entries_max: usize) {
        let Some(line) = line.strip_suffix(b"\n") else {
            if line.len() <= LINE_BYTES_MAX {
                self.unfinished = line.to_vec();
            }
            return;
        };
        let Some((start, end, name)) = parse_line(line) else { return };
        while let Some((overlapped, _)) =
            self.entries.range(..end).next_back().filter(|(_, (other_end, _))| start < *other_end)
        {
            let overlapped = *overlapped;
            self.entries.remove(&overlapped);
        }
        if self.entries.len() >= entries_max {
            self.dropped += 1;
            return;
        }
        self.entries.insert(start, (end, name));
    }
}

/// `START SIZE NAME`, numbers in hexadecimal. JDK 17 writes them with a leading `0x`. A name may hold spaces.
fn parse_line(line: &[u8]) -> Option<(u64, u64, Arc<str>)> {
    let line = String::from_utf8_lossy(line);
    let (start, rest) = line.trim_start().split_once(' ')?;
    let (size, name) = rest.trim_start().split_once(' ')?;
    let number = |text: &str| u64::from_str_radix(text.strip_prefix("0x").unwrap_or(text), 16).ok();
    let (start, size) = (number(start)?, number(size)?);
    let name = name.trim();
    let cut = (0..=NAME_BYTES_MAX.min(name.len())).rev().find(|at| name.is_char_boundary(*at))?;
    let name = name.get(..cut)?;
    (size > 0 && !name.is_empty()).then(|| (start, start.saturating_add(size), name.into()))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn check(text: &str, expected: &[(u64, Option<&str>)]) {
        let mut whole = PerfMap::default();
        whole.extend(text.as_bytes(), 100);
        for (address, name) in expected {
            assert_eq!(whole.find(*address).map(AsRef::as_ref), *name, "{address:#x}");
        }
        // A file that grows gives the same, wherever it was cut.
        for cut in 0..text.len() {
            let mut parts = PerfMap::default();
            parts.extend(&text.as_bytes()[..cut], 100);
            parts.extend(&text.as_bytes()[cut..], 100);
            assert_eq!(parts, whole, "cut at {cut}");
        }
    }

    #[test]
    fn reads_node_and_jdk_maps() {
        check(
            "3ef414c0 398 LazyCompile:~fib /srv/a b.js:1\n\
             0x00007f0000001000 0x0000000000000040 int Main.work(java.lang.String)\n\
             nonsense\n\
             10 0 empty\n\
             7f0000002000 20 unfinished",
            &[
                (0x3ef4_14c0, Some("LazyCompile:~fib /srv/a b.js:1")),
                (0x3ef4_1857, Some("LazyCompile:~fib /srv/a b.js:1")),
                (0x3ef4_1858, None),
                (0x7f00_0000_103f, Some("int Main.work(java.lang.String)")),
                (0x7f00_0000_2000, None),
                (0x10, None),
                (0, None),
            ],
        );
    }

    #[test]
    fn later_entries_replace_what_they_overlap() {
        check(
            "1000 100 old\n1100 100 next\n1080 100 new\n",
            &[(0x1000, None), (0x107f, None), (0x1080, Some("new")), (0x117f, Some("new")), (0x1180, None)],
        );
        check("1000 100 old\n1000 80 new\n", &[(0x1000, Some("new")), (0x1080, None)]);
        check("1000 1000 around\n1800 10 inside\n", &[(0x1000, None), (0x1800, Some("inside"))]);
    }

    #[test]
    fn counts_what_is_beyond_the_limit() {
        let mut map = PerfMap::default();
        map.extend(b"1000 10 a\n2000 10 b\n3000 10 c\n1000 20 d\n", 2);
        assert_eq!((map.len(), map.dropped()), (2, 1));
        assert_eq!(map.find(0x1018).map(AsRef::as_ref), Some("d"));
    }

    proptest! {
        #[test]
        fn the_last_entry_over_an_address_wins(
            lines in proptest::collection::vec((0u64..200, 1u64..40), 0..60),
            address in 0u64..260,
        ) {
            let text: String =
                lines.iter().enumerate().map(|(at, (start, size))| format!("{start:x} {size:x} f{at}\n")).collect();
            let mut map = PerfMap::default();
            map.extend(text.as_bytes(), 1000);
            let last = lines.iter().rposition(|(start, size)| (*start..start + size).contains(&address));
            let found = map.find(address).map(ToString::to_string);
            // What is found is always the latest; an older one may be gone because something overlapped it.
            if let Some(found) = found {
                prop_assert_eq!(Some(found), last.map(|at| format!("f{at}")));
            }
            if last == lines.len().checked_sub(1) && last.is_some() {
                prop_assert!(map.find(address).is_some());
            }
        }

        #[test]
        fn any_bytes_are_taken(text in proptest::collection::vec(any::<u8>(), 0..300)) {
            let mut map = PerfMap::default();
            map.extend(&text, 4);
            prop_assert!(map.len() <= 4);
        }
    }
}
