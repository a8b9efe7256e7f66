//! What Go's linker writes about a program's build: here, the version of Go.

use object::ReadRef;

use crate::context::elf::{Elf, Section};

const SECTION: &str = ".go.buildinfo";
const MAGIC: &[u8] = b"\xff Go buildinf:";
/// The magic begins at a multiple of this.
const ALIGN: u64 = 16;
/// Without a table of sections the magic stands near the start of the data.
const SEARCHED_BYTES: u64 = 64 << 10;
/// Size of a pointer, then flags.
const POINTER_SIZE_AT: usize = 14;
const FLAGS_AT: usize = 15;
const BIG_ENDIAN: u8 = 1;
/// Since Go 1.18 the version itself follows, before it a pointer to a string's header.
const INLINE: u8 = 2;
const POINTERS_AT: usize = 16;
const INLINE_AT: usize = 32;
/// Longer than any version, experiments included.
const VERSION_BYTES_MAX: usize = 256;

/// The text of the version, where it can be read; `None` if this is no Go program.
pub(super) fn version<'data, R: ReadRef<'data>>(elf: &Elf<'data, R>) -> Option<Option<&'data [u8]>> {
    let has_magic = |section: &Section<'data>| section.bytes.starts_with(MAGIC);
    let named = elf.section(SECTION).filter(has_magic);
    let info = named.map(|section| section.bytes).or_else(|| search(elf))?;
    Some(version_text(elf, info))
}

/// The y of `go1.y`, which may stand anywhere: `go1.26.8`, `devel go1.27-3f4ac1`, `go1.21rc2 X:boringcrypto`.
pub(super) fn minor_version(text: &[u8]) -> Option<u32> {
    let prefix = b"go1.";
    let at = text.windows(prefix.len()).position(|window| window == prefix)?;
    let digits = text.get(at + prefix.len()..)?;
    let length = digits.iter().take_while(|byte| byte.is_ascii_digit()).count();
    std::str::from_utf8(digits.get(..length)?).ok()?.parse().ok()
}

fn search<'data, R: ReadRef<'data>>(elf: &Elf<'data, R>) -> Option<&'data [u8]> {
    let Section { address, bytes } = elf.writable_start(SEARCHED_BYTES)?;
    let first = address.checked_next_multiple_of(ALIGN)?.checked_sub(address)? as usize;
    let aligned = (first..bytes.len()).step_by(ALIGN as usize);
    aligned.filter_map(|at| bytes.get(at..)).find(|rest| rest.starts_with(MAGIC))
}

fn version_text<'data, R: ReadRef<'data>>(elf: &Elf<'data, R>, info: &'data [u8]) -> Option<&'data [u8]> {
    let flags = *info.get(FLAGS_AT)?;
    if flags & INLINE != 0 {
        // One byte of length is enough for any version, a second one would mean more than 127 bytes.
        let (length, rest) = info.get(INLINE_AT..)?.split_first()?;
        return rest.get(..usize::from(*length)).filter(|_| *length < 0x80);
    }
    if *info.get(POINTER_SIZE_AT)? != 8 || flags & BIG_ENDIAN != 0 {
        return None;
    }
    let word = |bytes: &[u8]| bytes.first_chunk().copied().map(u64::from_le_bytes);
    let header = elf.bytes_at(word(info.get(POINTERS_AT..)?)?, 16)?;
    let length = word(header.get(8..)?)?.min(VERSION_BYTES_MAX as u64);
    elf.bytes_at(word(header)?, length)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::context::testing::{self, Build};

    #[test]
    fn versions_are_found_in_every_form() {
        let cases: [(&[u8], Option<u32>); 10] = [
            (b"go1.26.8", Some(26)),
            (b"go1.13", Some(13)),
            (b"go1.21rc2", Some(21)),
            (b"go1.22.1 X:boringcrypto", Some(22)),
            (b"devel go1.27-3f4ac1 Mon Jan 5 10:00:00 2026 +0000", Some(27)),
            (b"devel +a1b2c3 Tue Feb 2", None),
            (b"go2.1", None),
            (b"go1.", None),
            (b"go1.99999999999", None),
            (b"\xff\xfe", None),
        ];
        for (text, expected) in cases {
            assert_eq!(minor_version(text), expected, "{}", String::from_utf8_lossy(text));
        }
    }

    /// Builds a program with a build info of these fields after the flags, in this section.
    fn check(fields: &str, values: &str, section: &str, expected: Option<&[u8]>) {
        let directory = tempfile::tempdir().unwrap();
        let source = format!(
            r#"
            struct string {{ const char *start; long length; }};
            struct string version = {{ "go1.16.5 and more", 8 }};
            struct {{ char magic[14]; unsigned char pointer_size, flags; {fields} }}
            __attribute__((section("{section}"), aligned(16))) info = {{ "\xff Go buildinf:", {values} }};
            int main(void) {{ return info.flags + version.length; }}
            "#
        );
        let build = Build { flags: &["-no-pie", "-fno-pie"], ..Build::program("main", &source) };
        let bytes = std::fs::read(testing::compile(directory.path(), &build)).unwrap();
        assert_eq!(version(&Elf::parse(bytes.as_slice()).unwrap()), Some(expected), "{fields} {values}");
    }

    #[test]
    fn both_forms_of_build_information_are_read() {
        let pointer = "struct string *version;";
        check(pointer, "8, 0, &version", ".go.buildinfo", Some(b"go1.16.5"));
        check(pointer, "8, 0, &version", ".data", Some(b"go1.16.5"));
        let inline = "char gap[16]; char text[16];";
        check(inline, r#"8, 2, {0}, "\010go1.22.1""#, ".go.buildinfo", Some(b"go1.22.1"));
        // Broken ones are still Go programs, of a version that cannot be read.
        check(inline, r#"8, 2, {0}, "\377go1.22.1""#, ".go.buildinfo", None);
        check(pointer, "8, 0, (void *)16", ".go.buildinfo", None);
        check(pointer, "4, 0, &version", ".go.buildinfo", None);
        check(pointer, "8, 1, &version", ".go.buildinfo", None);
    }

    #[test]
    fn other_programs_are_not_written_in_go() {
        let own = std::fs::read(std::env::current_exe().unwrap()).unwrap();
        assert_eq!(version(&Elf::parse(own.as_slice()).unwrap()), None);
    }
}
