//! Which release of CPython a file is, proven from what the file contains.

use std::fmt;

/// A release of CPython 3.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Version {
    /// The 11 of 3.11.7.
    pub minor: u8,
    /// The 7 of 3.11.7; only files of 3.11 and later state it.
    pub micro: Option<u8>,
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "3.{}", self.minor)?;
        self.micro.map_or(Ok(()), |micro| write!(f, ".{micro}"))
    }
}

impl Version {
    /// Reads the number that 3.11 and later export as `Py_Version`: major, minor, micro, level and serial. Alphas
    /// and betas are no release: their layouts still moved.
    pub(crate) fn from_number(number: u64) -> Option<Self> {
        let [0, 0, 0, 0, 3, minor, micro, level] = number.to_be_bytes() else { return None };
        (level >> 4 >= RELEASE_CANDIDATE).then_some(Self { minor, micro: Some(micro) })
    }

    /// Finds the version by the name of the library folder, `python3.8`, that every build has among its constants
    /// as a whole string. `None` when there is no such string, or when two disagree.
    pub(crate) fn from_constants(constants: &[u8]) -> Option<Self> {
        let mut found = None;
        for at in memchr::memmem::find_iter(constants, LIBRARY_FOLDER) {
            let rest = constants.get(at + LIBRARY_FOLDER.len()..).unwrap_or_default();
            let minor = match rest {
                [tens @ b'1'..=b'9', ones @ b'0'..=b'9', 0, ..] => (tens - b'0') * 10 + (ones - b'0'),
                [ones @ b'0'..=b'9', 0, ..] => ones - b'0',
                _ => continue,
            };
            if found.is_some_and(|found| found != minor) {
                return None;
            }
            found = Some(minor);
        }
        found.map(|minor| Self { minor, micro: None })
    }
}

const LIBRARY_FOLDER: &[u8] = b"python3.";
const RELEASE_CANDIDATE: u8 = 0xc;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn releases_state_their_number() {
        let cases = [
            (0x030b_07f0, Some("3.11.7")),
            (0x030d_00f0, Some("3.13.0")),
            (0x030d_00c2, Some("3.13.0")),
            (0x030d_00b4, None),
            (0x020b_07f0, None),
            (0x1_030b_07f0, None),
            (0, None),
        ];
        for (number, expected) in cases {
            let found = Version::from_number(number).map(|version| version.to_string());
            assert_eq!(found.as_deref(), expected, "{number:#x}");
        }
    }

    #[test]
    fn older_files_name_their_library_folder() {
        let cases: [(&[u8], Option<u8>); 6] = [
            (b"\0lib/python3.8\0x", Some(8)),
            (b"python3.10\0python3.10/site\0", Some(10)),
            (b"python3.8\0python3.9\0", None),
            (b"python3.8", None),
            (b"python3.\0python3.100\0", None),
            (b"", None),
        ];
        for (constants, expected) in cases {
            assert_eq!(Version::from_constants(constants).map(|version| version.minor), expected);
        }
    }
}
