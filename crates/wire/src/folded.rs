//! Folded text: a line per stack, `root;caller;leaf value`, as perf's scripts and inferno use it.
//!
//! In a name `;`, newlines and backslashes are written `\x3b`, `\n` and `\\`, so that every name survives. Reading takes
//! files of other tools as they are: what is no such escape stays.

use std::collections::BTreeMap;

use model::{Batch, Frame, FrameKind, Profile};

use crate::{
    file::{FileError, Format},
    frame_text,
    reading::{self, Reading},
};

/// What stands for a stack without frames.
const NO_STACK: &str = "[no stack]";

/// Writes all profiles of a batch as one, stacks in order of their text.
pub fn write(batch: &Batch) -> Vec<u8> {
    let mut text = String::new();
    for (stack, value) in lines(batch, escaped) {
        text.push_str(&format!("{stack} {value}\n"));
    }
    text.into_bytes()
}

/// Reads folded text. Empty lines and lines that start with `# ` say nothing.
pub fn read(bytes: &[u8]) -> Result<Batch, FileError> {
    let bytes = reading::gunzip(Format::Folded, bytes)?;
    let mut reading = Reading::new(Format::Folded);
    let profile = Profile::default();
    for (index, line) in String::from_utf8_lossy(&bytes).lines().enumerate() {
        let line = line.trim_end();
        if line.is_empty() || line.starts_with("# ") {
            continue;
        }
        let parts = line.rsplit_once([' ', '\t']).and_then(|(stack, value)| Some((stack, whole(value)?)));
        let Some((stack, value)) = parts else {
            let problem = format!("line {} does not end in a space and a number", index + 1);
            return Err(FileError::malformed(Format::Folded, problem));
        };
        let stack = match stack {
            NO_STACK => Vec::new(),
            stack => stack.rsplit(';').map(|text| reading.frame(frame_text::read(&unescape(text)))).collect(),
        };
        reading.sample(&profile, stack, value)?;
    }
    reading.finish()
}

/// The stacks of a batch as text, root first, with their sums.
pub(crate) fn lines(batch: &Batch, text_of: impl Fn(&Frame) -> String) -> BTreeMap<String, i64> {
    let names: Vec<String> = batch.frames.iter().map(text_of).collect();
    let mut lines: BTreeMap<String, i64> = BTreeMap::new();
    for sample in batch.profiles.iter().flat_map(|profile| &profile.samples) {
        let frames = batch.stack(sample.stack).iter().rev();
        let frames: Vec<&str> =
            frames.filter_map(|id| names.get(id.0 as usize)).map(String::as_str).collect();
        let stack = if frames.is_empty() { NO_STACK.to_owned() } else { frames.join(";") };
        let value = lines.entry(stack).or_default();
        *value = value.saturating_add(sample.value);
    }
    lines
}

fn escaped(frame: &Frame) -> String {
    let mut text = frame_text::plain(frame)
        .replace('\\', "\\\\")
        .replace(';', "\\x3b")
        .replace('\n', "\\n")
        .replace('\r', "\\r");
    if text.starts_with("# ") {
        text.replace_range(..1, "\\x23");
    }
    if frame.kind == FrameKind::Kernel {
        text.push_str(frame_text::KERNEL_SUFFIX);
    }
    text
}

fn unescape(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('\\') {
        plain.push_str(before);
        let escapes = [("\\", '\\'), ("x3b", ';'), ("x23", '#'), ("n", '\n'), ("r", '\r')];
        let escape = escapes.iter().find_map(|(code, c)| Some((after.strip_prefix(code)?, *c)));
        let (left, c) = escape.unwrap_or((after, '\\'));
        plain.push(c);
        rest = left;
    }
    plain.push_str(rest);
    plain
}

/// A value; other tools write fractions.
fn whole(text: &str) -> Option<i64> {
    let fraction = || text.parse::<f64>().ok().filter(|value| (0.0..9e18).contains(value));
    text.parse().ok().or_else(|| fraction().map(|value| value.round() as i64))
}

#[cfg(test)]
mod tests {
    use insta::assert_snapshot;
    use proptest::prelude::*;
    use testkit::{batch_from_folded, random_batch};

    use super::*;

    fn text_of(batch: &Batch) -> String {
        String::from_utf8(write(batch)).unwrap()
    }

    #[test]
    fn writes_one_line_per_stack() {
        let batch = batch_from_folded(
            "main@/bin/app;feed;render 60
             main@/bin/app;feed;do_read@[kernel]_[k] 30
             run (app.py:7);render (feed/views.py:12) 5
             main@/bin/app;libc.so.6+0x1f0 4
             # service.name=other
             main@/bin/app;feed;render 1",
        );
        assert_snapshot!(text_of(&batch), @"
        main;feed;do_read_[k] 30
        main;feed;render 61
        main;libc.so.6+0x1f0 4
        run (app.py:7);render (feed/views.py:12) 5
        ");
    }

    #[test]
    fn awkward_names_survive() {
        let mut batch = batch_from_folded("a;b 1");
        batch.frames[0].function = "<[u8; 8]>::hash\n\\x3b".into();
        batch.frames[1].function = "# root".into();
        assert_snapshot!(text_of(&batch), @r"\x23 root;<[u8\x3b 8]>::hash\n\\x3b 1");
        let back = read(&write(&batch)).unwrap();
        assert_eq!((&back.frames, back.total()), (&batch.frames, 1));
    }

    #[test]
    fn reads_the_files_of_other_tools() {
        let batch = read(b"# comment\n\nbash;[unknown];read;vfs_read_[k] 3\r\nC:\\dir;x 2.6\n").unwrap();
        assert_eq!(text_of(&batch), "C:\\\\dir;x 3\nbash;[unknown];read;vfs_read_[k] 3\n");
        let kernel = batch.frames.iter().find(|frame| frame.kind == FrameKind::Kernel).unwrap();
        assert_eq!(&*kernel.function, "vfs_read");
        assert_eq!(read(b"").unwrap(), Batch::default());
    }

    #[test]
    fn says_which_line_is_wrong() {
        let cases = [
            ("main 1\nmain", "this is not a whole folded file: line 2 does not end in a space and a number"),
            ("main x", "this is not a whole folded file: line 1 does not end in a space and a number"),
            ("main -5", "this is not a whole folded file: it has a sample with the value -5"),
            (
                "a 9223372036854775807\nb 1",
                "the folded file has more than 9223372036854775807 nanoseconds: \
                 record for a shorter time or fewer processes",
            ),
        ];
        for (text, expected) in cases {
            assert_eq!(read(text.as_bytes()).unwrap_err().to_string(), expected);
        }
        let deep = format!("{}f 1", "f;".repeat(8192));
        assert!(read(deep.as_bytes()).unwrap_err().to_string().contains("8192 frames in one stack"));
    }

    proptest! {
        #[test]
        fn what_is_written_reads_back_the_same(seed: u64) {
            let text = text_of(&random_batch(seed));
            let back = read(text.as_bytes()).unwrap();
            prop_assert_eq!(text_of(&back), text);
            prop_assert_eq!(back.total(), random_batch(seed).total());
        }

        #[test]
        fn read_never_panics(bytes in prop::collection::vec(any::<u8>(), 0..200), text in r"[a-f;\\ 0-9_\[\]k\n]{0,100}") {
            for bytes in [bytes.as_slice(), text.as_bytes()] {
                if let Ok(batch) = read(bytes) {
                    prop_assert_eq!(batch.check(), Ok(()));
                }
            }
        }
    }
}
