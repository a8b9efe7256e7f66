//! The lines of `/proc/PID/maps`, as far as an interpreter and what the SDK publishes are found by them.

/// One mapping of a process.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Mapping<'a> {
    /// First address.
    pub start: u64,
    /// First address after it.
    pub end: u64,
    /// Offset in the file of the first byte.
    pub file_offset: u64,
    /// True for code.
    pub executable: bool,
    /// The file's inode; 0 without a file.
    pub inode: u64,
    /// The file's path or the mapping's name, as the kernel writes it; empty without one.
    pub path: &'a [u8],
}

impl<'a> Mapping<'a> {
    /// Reads the text of `/proc/PID/maps`. Lines that make no sense are skipped.
    pub fn parse_all(text: &'a [u8]) -> impl Iterator<Item = Mapping<'a>> {
        text.split(|byte| *byte == b'\n').filter_map(Self::parse)
    }

    /// The last part of the path, without the note that the file was deleted.
    pub fn file_name(&self) -> &'a [u8] {
        let path = self.path.strip_suffix(b" (deleted)").unwrap_or(self.path);
        path.rsplit(|byte| *byte == b'/').next().unwrap_or_default()
    }

    fn parse(line: &'a [u8]) -> Option<Self> {
        let (range, rest) = split_field(line)?;
        let (permissions, rest) = split_field(rest)?;
        let (file_offset, rest) = split_field(rest)?;
        let (_device, rest) = split_field(rest)?;
        let (inode, path) = split_field(rest)?;
        let (start, end) = std::str::from_utf8(range).ok()?.split_once('-')?;
        let (start, end) = (u64::from_str_radix(start, 16).ok()?, u64::from_str_radix(end, 16).ok()?);
        (start < end).then_some(())?;
        Some(Self {
            start,
            end,
            file_offset: u64::from_str_radix(std::str::from_utf8(file_offset).ok()?, 16).ok()?,
            executable: permissions.get(2) == Some(&b'x'),
            inode: std::str::from_utf8(inode).ok()?.parse().ok()?,
            path: path.trim_ascii_start(),
        })
    }
}

/// Splits at the next space; the last field ends with the line.
fn split_field(line: &[u8]) -> Option<(&[u8], &[u8])> {
    let line = line.trim_ascii_start();
    let end = line.iter().position(|byte| *byte == b' ').unwrap_or(line.len());
    line.split_at_checked(end).filter(|(field, _)| !field.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_the_kernel_writes() {
        let text = b"55e0b000-55e10000 r-xp 00001000 fe:00 1234      /usr/bin/a b\n\
            nonsense\n2000-1000 r-xp 0 0:0 0\n\
            7f0000000000-7f0000011000 rw-p 00000000 00:01 99      /memfd:FEWER_CTX (deleted)\n\
            7f0000020000-7f0000021000 rw-p 00000000 00:00 0 \n";
        let found: Vec<Mapping> = Mapping::parse_all(text).collect();
        let expected = [
            Mapping {
                start: 0x55e0_b000,
                end: 0x55e1_0000,
                file_offset: 0x1000,
                executable: true,
                inode: 1234,
                path: b"/usr/bin/a b",
            },
            Mapping {
                start: 0x7f00_0000_0000,
                end: 0x7f00_0001_1000,
                inode: 99,
                path: b"/memfd:FEWER_CTX (deleted)",
                ..Mapping::default()
            },
            Mapping { start: 0x7f00_0002_0000, end: 0x7f00_0002_1000, ..Mapping::default() },
        ];
        assert_eq!(found, expected);
        assert_eq!(
            found.iter().map(Mapping::file_name).collect::<Vec<_>>(),
            [b"a b" as &[u8], b"memfd:FEWER_CTX", b""]
        );
    }
}
