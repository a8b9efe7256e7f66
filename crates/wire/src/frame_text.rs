//! Frames as text: what a person reads, and what can be read back from it.

use model::{Frame, FrameKind};

/// The suffix that other tools know kernel functions by.
pub(crate) const KERNEL_SUFFIX: &str = "_[k]";

/// The name a person reads. Python functions say where they are, since their names repeat.
pub(crate) fn plain(frame: &Frame) -> String {
    if frame.kind == FrameKind::Python && !frame.function.is_empty() {
        return format!("{} ({}:{})", frame.function, frame.file, frame.line);
    }
    frame.display_name().to_string()
}

/// The frame that a text stands for, with the suffixes that folded files use.
pub(crate) fn read(text: &str) -> Frame {
    let suffixes = [
        (KERNEL_SUFFIX, FrameKind::Kernel, false),
        ("_[j]", FrameKind::Jit, false),
        ("_[i]", FrameKind::Native, true),
    ];
    for (suffix, kind, inlined) in suffixes {
        if let Some(name) = text.strip_suffix(suffix).filter(|name| !name.is_empty()) {
            return Frame { kind, inlined, ..read_plain(name) };
        }
    }
    read_plain(text)
}

/// The frame that a name without suffix stands for.
pub(crate) fn read_plain(text: &str) -> Frame {
    if text.is_empty() {
        return Frame::marker("[unknown]");
    }
    if is_marker(text) {
        return Frame::marker(text);
    }
    python(text)
        .or_else(|| unnamed(text))
        .unwrap_or_else(|| Frame { function: text.into(), ..Frame::default() })
}

/// True for a note such as `[truncated]`.
pub(crate) fn is_marker(text: &str) -> bool {
    text.starts_with('[') && text.ends_with(']')
}

/// True for a Python function: by the name of its file, or as Python names what has none and the code of a whole script.
pub(crate) fn is_python(function: &str, file: &str) -> bool {
    let is_no_file = file.starts_with('<') && file.ends_with('>');
    file.ends_with(".py") || is_no_file || function == "<module>"
}

/// `function (file:line)`; names of Python functions have no ` (`, names of files may.
fn python(text: &str) -> Option<Frame> {
    let (function, place) = text.strip_suffix(')')?.split_once(" (")?;
    let (file, line) = place.rsplit_once(':')?;
    let line = number(line, 10)?;
    let line = u32::try_from(line).ok()?;
    let frame = Frame {
        kind: FrameKind::Python,
        function: function.into(),
        file: file.into(),
        line,
        ..Frame::default()
    };
    (!function.is_empty()).then_some(frame)
}

/// `executable+0xaddress`
fn unnamed(text: &str) -> Option<Frame> {
    let (executable, address) = text.rsplit_once("+0x")?;
    let address = number(address, 16)?;
    (!executable.is_empty()).then(|| Frame { executable: executable.into(), address, ..Frame::default() })
}

/// A number written the one way that it prints.
fn number(text: &str, radix: u32) -> Option<u64> {
    let plain = !text.starts_with(['+', '0']) || text == "0";
    let lower = !text.contains(|c: char| c.is_ascii_uppercase());
    u64::from_str_radix(text, radix).ok().filter(|_| plain && lower)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, kind: FrameKind, function: &str, executable: &str) {
        let frame = read(text);
        assert_eq!(
            (frame.kind, &*frame.function, &*frame.executable),
            (kind, function, executable),
            "{text}"
        );
        let suffix = if kind == FrameKind::Kernel { KERNEL_SUFFIX } else { "" };
        let bare = text.strip_suffix("_[j]").or(text.strip_suffix("_[i]")).unwrap_or(text);
        assert_eq!(format!("{}{suffix}", plain(&frame)), bare);
    }

    #[test]
    fn reads_what_it_writes() {
        check("main", FrameKind::Native, "main", "");
        check("<[u8; 8] as Hash>::hash", FrameKind::Native, "<[u8; 8] as Hash>::hash", "");
        check("do_read_[k]", FrameKind::Kernel, "do_read", "");
        check("[kernel]+0xff_[k]", FrameKind::Kernel, "", "[kernel]");
        check("libc.so.6+0x1f0", FrameKind::Native, "", "libc.so.6");
        check("libc.so.6+0x01", FrameKind::Native, "libc.so.6+0x01", "");
        check("render (feed/views.py:12)", FrameKind::Python, "render", "");
        check("burn (/srv/jobs (old).py:5)", FrameKind::Python, "burn", "");
        check("f(int) (inlined)", FrameKind::Native, "f(int) (inlined)", "");
        check("push_[i]", FrameKind::Native, "push", "");
        check("lambda_[j]", FrameKind::Jit, "lambda", "");
        check("[truncated]", FrameKind::Marker, "[truncated]", "");
        assert_eq!(read("render (feed/views.py:12)").line, 12);
        assert!(read("push_[i]").inlined);
    }
}
