//! What the kernel counts for each mapping of a process.

use std::{
    fs::File,
    io::{self, Read},
    path::Path,
};

use super::MappingKind;

/// One mapping with its counts, in bytes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Mapping {
    pub(super) start: u64,
    pub(super) end: u64,
    pub(super) kind: MappingKind,
    pub(super) resident: u64,
    pub(super) proportional: u64,
    pub(super) own: u64,
    pub(super) anonymous: u64,
    pub(super) huge: u64,
    pub(super) swapped: u64,
    /// Pages that the kernel's own merging has merged; on newer kernels only.
    pub(super) merged: u64,
}

/// A process may have 65,530 mappings; each is told in about 700 bytes.
const TEXT_BYTES_MAX: u64 = 64 << 20;

/// Reads the mappings of a process.
pub(super) fn read(root: &Path) -> io::Result<Vec<Mapping>> {
    let mut text = Vec::new();
    File::open(root.join("smaps"))?.take(TEXT_BYTES_MAX).read_to_end(&mut text)?;
    Ok(parse(&String::from_utf8_lossy(&text)))
}

fn parse(text: &str) -> Vec<Mapping> {
    let mut mappings: Vec<Mapping> = Vec::new();
    for line in text.lines() {
        if let Some(mapping) = head(line) {
            mappings.push(mapping);
            continue;
        }
        let (Some((name, rest)), Some(mapping)) = (line.split_once(':'), mappings.last_mut()) else {
            continue;
        };
        let Some(bytes) =
            rest.trim().strip_suffix(" kB").and_then(|number| number.parse::<u64>().ok()?.checked_mul(1024))
        else {
            continue;
        };
        match name {
            "Rss" => mapping.resident = bytes,
            "Pss" => mapping.proportional = bytes,
            "Private_Clean" | "Private_Dirty" => mapping.own += bytes,
            "Anonymous" => mapping.anonymous = bytes,
            "AnonHugePages" => mapping.huge = bytes,
            "Swap" => mapping.swapped = bytes,
            "KSM" => mapping.merged = bytes,
            _ => {}
        }
    }
    mappings
}

fn head(line: &str) -> Option<Mapping> {
    let mut fields = line.split_ascii_whitespace();
    let (start, end) = fields.next()?.split_once('-')?;
    let (start, end) = (u64::from_str_radix(start, 16).ok()?, u64::from_str_radix(end, 16).ok()?);
    let permissions = fields.next()?;
    let inode = fields.nth(2)?;
    let name = fields.next().unwrap_or_default();
    Some(Mapping { start, end, kind: kind(permissions, inode, name), ..Mapping::default() })
}

fn kind(permissions: &str, inode: &str, name: &str) -> MappingKind {
    let is_writable = permissions.as_bytes().get(1) == Some(&b'w');
    match name {
        _ if permissions.ends_with('s') => MappingKind::Shared,
        "[heap]" => MappingKind::Heap,
        _ if name.starts_with("[stack") => MappingKind::Stack,
        _ if inode != "0" && is_writable => MappingKind::FileData,
        _ if inode != "0" => MappingKind::File,
        "" => MappingKind::Anonymous,
        _ if name.starts_with("[anon") => MappingKind::Anonymous,
        _ => MappingKind::Other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_are_read_by_mapping() {
        let text = "\
5581-5583 r-xp 00000000 fe:00 12   /usr/bin/a b
Size:  8 kB
Rss:                   8 kB
Pss:                   2 kB
nonsense
7000-9000 rw-p 00000000 00:00 0
Rss:                   8 kB
Private_Clean:         1 kB
Private_Dirty:         4 kB
AnonHugePages:         0 kB
Swap:                 12 kB
VmFlags: rd wr mr mw me ac
9000-a000 rw-s 00000000 00:01 9 /dev/shm/x
a000-b000 rw-p 00000000 00:00 0 [heap]
b000-c000 rw-p 00000000 fe:00 7 /usr/lib/x.so
c000-d000 rw-p 00000000 00:00 0 [stack]
d000-e000 r-xp 00000000 00:00 0 [vdso]
";
        let found = parse(text);
        let kinds: Vec<MappingKind> = found.iter().map(|mapping| mapping.kind).collect();
        use MappingKind::{Anonymous, File, FileData, Heap, Other, Shared, Stack};
        assert_eq!(kinds, [File, Anonymous, Shared, Heap, FileData, Stack, Other]);
        assert_eq!((found[0].resident, found[0].proportional), (8192, 2048));
        assert_eq!((found[1].own, found[1].swapped, found[1].start), (5120, 12_288, 0x7000));
    }
}
