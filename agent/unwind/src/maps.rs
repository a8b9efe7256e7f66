//! The text of `/proc/PID/maps`, as far as code is concerned.

use std::sync::Arc;

use crate::Executable;

/// What backs a mapping.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Backing {
    /// A file, which may have been deleted or never had a name (memfd).
    File,
    /// The kernel's own shared object.
    Vdso,
    /// No file: code written at run time, or the vsyscall page.
    Anonymous,
}

/// One executable mapping.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mapping {
    /// First runtime address.
    pub start: u64,
    /// First runtime address after it.
    pub end: u64,
    /// Offset in the file of the first byte.
    pub offset: u64,
    /// The file's inode as the kernel prints it; 0 without a file.
    pub inode: u64,
    /// What backs it.
    pub backing: Backing,
    /// Path as the process has it, without the note that the file was deleted; empty without a name.
    pub path: Arc<str>,
}

/// The executable mappings of a process.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Maps {
    /// In order of address; no two overlap.
    pub mappings: Vec<Mapping>,
    /// Mappings beyond the limit.
    pub dropped: u64,
}

/// Reads the executable mappings out of `/proc/PID/maps`. Lines that make no sense are skipped, a last line without
/// its end is one of them. Adjacent anonymous mappings become one, because a process with a compiler in it has
/// thousands.
pub fn parse_maps(text: &[u8], limit: usize) -> Maps {
    let mut maps = Maps::default();
    for mapping in text.split_inclusive(|byte| *byte == b'\n').filter_map(parse_line) {
        let is_full = maps.mappings.len() >= limit;
        match maps.mappings.last_mut() {
            Some(last) if mapping.start < last.end => {}
            Some(last) if is_continued(last, &mapping) => last.end = mapping.end,
            _ if is_full => maps.dropped += 1,
            _ => maps.mappings.push(mapping),
        }
    }
    maps
}

fn is_continued(last: &Mapping, next: &Mapping) -> bool {
    let anonymous = |mapping: &Mapping| mapping.backing == Backing::Anonymous && mapping.path.is_empty();
    last.end == next.start && anonymous(last) && anonymous(next)
}

fn parse_line(line: &[u8]) -> Option<Mapping> {
    let line = line.strip_suffix(b"\n")?;
    let (range, rest) = split_field(line)?;
    let (permissions, rest) = split_field(rest)?;
    let (offset, rest) = split_field(rest)?;
    let (_device, rest) = split_field(rest)?;
    let (inode, path) = split_field(rest)?;
    if permissions.get(2) != Some(&b'x') {
        return None;
    }
    let range = std::str::from_utf8(range).ok()?;
    let (start, end) = range.split_once('-')?;
    let (start, end) = (u64::from_str_radix(start, 16).ok()?, u64::from_str_radix(end, 16).ok()?);
    let inode = std::str::from_utf8(inode).ok()?.parse().ok()?;
    let path = readable_path(path.trim_ascii_start());
    let backing = match path.as_ref() {
        Executable::VDSO => Backing::Vdso,
        path if inode != 0 && path.starts_with('/') => Backing::File,
        _ => Backing::Anonymous,
    };
    let offset = u64::from_str_radix(std::str::from_utf8(offset).ok()?, 16).ok()?;
    (start < end).then_some(Mapping { start, end, offset, inode, backing, path })
}

/// Splits at the next space. The last field of a line without a name ends at the line's end.
fn split_field(line: &[u8]) -> Option<(&[u8], &[u8])> {
    let line = line.trim_ascii_start();
    if line.is_empty() {
        return None;
    }
    let end = line.iter().position(|byte| *byte == b' ').unwrap_or(line.len());
    line.split_at_checked(end)
}

/// The kernel appends a note to the name of a deleted file and writes a newline in a name as `\012`.
fn readable_path(path: &[u8]) -> Arc<str> {
    let path = path.strip_suffix(b" (deleted)").unwrap_or(path);
    let path = String::from_utf8_lossy(path);
    if path.contains("\\012") { path.replace("\\012", "\n").into() } else { path.into() }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn check(text: &str, expected: &[(u64, u64, u64, Backing, &str)]) {
        let maps = parse_maps(text.as_bytes(), 100);
        let found: Vec<_> = maps
            .mappings
            .iter()
            .map(|mapping| {
                (mapping.start, mapping.end, mapping.offset, mapping.backing, mapping.path.as_ref())
            })
            .collect();
        assert_eq!(found, expected);
    }

    #[test]
    fn reads_what_the_kernel_writes() {
        check(
            "55e0a000-55e0b000 r--p 00000000 fe:00 1234                               /usr/bin/cat\n\
             55e0b000-55e10000 r-xp 00001000 fe:00 1234                               /usr/bin/cat\n\
             7f0000000000-7f0000002000 r-xp 00001000 fe:00 77      /opt/a b/lib c.so (deleted)\n\
             7f0000002000-7f0000003000 r-xp 00000000 00:01 99      /memfd:jit (deleted)\n\
             7f0000004000-7f0000005000 rwxp 00000000 00:00 0 \n\
             7f0000005000-7f0000006000 r-xp 00000000 00:00 0 \n\
             7f0000006000-7f0000007000 r-xp 00000000 00:00 0      [anon:v8]\n\
             7ffd1000-7ffd3000 rw-p 00000000 00:00 0                          [stack]\n\
             7ffe00000000-7ffe00002000 r-xp 00000000 00:00 0                    [vdso]\n",
            &[
                (0x55e0_b000, 0x55e1_0000, 0x1000, Backing::File, "/usr/bin/cat"),
                (0x7f00_0000_0000, 0x7f00_0000_2000, 0x1000, Backing::File, "/opt/a b/lib c.so"),
                (0x7f00_0000_2000, 0x7f00_0000_3000, 0, Backing::File, "/memfd:jit"),
                (0x7f00_0000_4000, 0x7f00_0000_6000, 0, Backing::Anonymous, ""),
                (0x7f00_0000_6000, 0x7f00_0000_7000, 0, Backing::Anonymous, "[anon:v8]"),
                (0x7ffe_0000_0000, 0x7ffe_0000_2000, 0, Backing::Vdso, "[vdso]"),
            ],
        );
    }

    #[test]
    fn skips_what_makes_no_sense() {
        check("", &[]);
        check("\n\nnonsense\n1-2\n", &[]);
        check("2000-1000 r-xp 0 0:0 0\n", &[]);
        check("1000-2000 r-xp 00000000 00:00 0", &[]);
        check("1000-2000 r-xp 0 0:0 7 /a\\012b\n", &[(0x1000, 0x2000, 0, Backing::File, "/a\nb")]);
    }

    #[test]
    fn counts_what_is_beyond_the_limit() {
        let text: String =
            (1..=5).map(|at| format!("{at}0000-{at}1000 r-xp 00000000 fe:00 9 /lib/{at}.so\n")).collect();
        let maps = parse_maps(text.as_bytes(), 3);
        assert_eq!((maps.mappings.len(), maps.dropped), (3, 2));
    }

    proptest! {
        #[test]
        fn any_bytes_give_sorted_disjoint_mappings(text in proptest::collection::vec(any::<u8>(), 0..400)) {
            let maps = parse_maps(&text, 8);
            prop_assert!(maps.mappings.iter().all(|mapping| mapping.start < mapping.end));
        }

        #[test]
        fn lines_in_any_order_give_sorted_disjoint_mappings(
            lines in proptest::collection::vec((0u64..64, 1u64..8, any::<bool>()), 0..40),
        ) {
            let text: String = lines
                .iter()
                .map(|(page, pages, file)| {
                    let name = if *file { "3 /lib/a b.so" } else { "0" };
                    format!("{:x}-{:x} r-xp 00000000 fe:00 {name}\n", page << 12, (page + pages) << 12)
                })
                .collect();
            let maps = parse_maps(text.as_bytes(), 16);
            prop_assert!(maps.mappings.len() <= 16);
            for pair in maps.mappings.windows(2) {
                prop_assert!(pair[0].end <= pair[1].start);
            }
        }
    }
}
