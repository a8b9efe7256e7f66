//! Batches written as text, one stack a line, root first: `main;feed;render 60`.
//!
//! A frame is a function's name, richer where a test needs it:
//!
//! | text | frame |
//! |---|---|
//! | `render` | native function |
//! | `render@/usr/bin/app` | native function of an executable |
//! | `libc.so.6+0x1f0` | unnamed code: executable and file address |
//! | `read_[k]` | kernel function |
//! | `push_[i]` | native function inlined into the frame to its left |
//! | `lambda_[j]` | function of a just-in-time compiler |
//! | `render (feed/views.py:12)` | Python function |
//! | `[truncated]` | marker |
//!
//! A line `# window=0..10 period=5 service.name=feed` starts another profile: what follows belongs to that window
//! (nanoseconds), period and those labels. Values with spaces are not possible there.

use model::{Batch, BatchBuilder, Frame, FrameKind, LabelSet, Profile, Sample, Window};

/// Reads a fixture. Panics with the line when one makes no sense.
pub fn batch_from_folded(text: &str) -> Batch {
    let mut builder = BatchBuilder::new();
    let mut profile = Profile::default();
    for line in text.lines().map(str::trim).filter(|line| !line.is_empty()) {
        if let Some(header) = line.strip_prefix('#') {
            profile = profile_from(header);
            continue;
        }
        let Some((stack, value)) = line.rsplit_once(' ') else { panic!("no value in fixture line `{line}`") };
        let Ok(value) = value.parse() else { panic!("no whole number at the end of fixture line `{line}`") };
        let frames = stack.split(';').rev().map(|text| builder.frame(frame_from(text))).collect();
        let stack = builder.stack(frames);
        builder.add(&profile, Sample { stack, value });
    }
    builder.finish()
}

/// The same text for a batch: one line per stack of each profile, in order of the text, without the headers.
pub fn to_folded(batch: &Batch) -> String {
    let mut lines: Vec<String> = batch
        .profiles
        .iter()
        .flat_map(|profile| &profile.samples)
        .map(|sample| {
            let frames = batch.stack(sample.stack).iter().rev();
            let names: Vec<String> = frames.map(|id| text_of(&batch.frame(*id))).collect();
            format!("{} {}\n", names.join(";"), sample.value)
        })
        .collect();
    lines.sort();
    lines.concat()
}

fn profile_from(header: &str) -> Profile {
    let mut profile = Profile::default();
    let mut labels = Vec::new();
    for entry in header.split_whitespace() {
        let Some((key, value)) = entry.split_once('=') else { panic!("no `=` in fixture header `{entry}`") };
        match (key, value.split_once(".."), value.parse()) {
            ("window", Some((start, end)), _) => match (start.parse(), end.parse()) {
                (Ok(start_ns), Ok(end_ns)) => profile.window = Window { start_ns, end_ns },
                _ => panic!("no window `START..END` in fixture header `{entry}`"),
            },
            ("period", _, Ok(period)) => profile.period = period,
            ("window" | "period", ..) => panic!("no number in fixture header `{entry}`"),
            _ => labels.push((key, value)),
        }
    }
    profile.labels = LabelSet::new(labels);
    profile
}

fn frame_from(text: &str) -> Frame {
    if text.starts_with('[') && text.ends_with(']') {
        return Frame::marker(text);
    }
    if let Some((function, place)) = text.strip_suffix(')').and_then(|text| text.rsplit_once(" ("))
        && let Some((file, line)) = place.rsplit_once(':')
        && let Ok(line) = line.parse()
    {
        let (function, file) = (function.into(), file.into());
        return Frame { kind: FrameKind::Python, function, file, line, ..Frame::default() };
    }
    for (suffix, kind, inlined) in [
        ("_[k]", FrameKind::Kernel, false),
        ("_[j]", FrameKind::Jit, false),
        ("_[i]", FrameKind::Native, true),
    ] {
        if let Some(function) = text.strip_suffix(suffix) {
            return Frame { kind, inlined, ..frame_from(function) };
        }
    }
    if let Some((executable, address)) = text.rsplit_once("+0x")
        && let Ok(address) = u64::from_str_radix(address, 16)
    {
        return Frame { executable: executable.into(), address, ..Frame::default() };
    }
    let (function, executable) = text.split_once('@').unwrap_or((text, ""));
    Frame { function: function.into(), executable: executable.into(), ..Frame::default() }
}

fn text_of(frame: &Frame) -> String {
    let suffix = match frame.kind {
        FrameKind::Kernel => "_[k]",
        FrameKind::Jit => "_[j]",
        _ if frame.inlined => "_[i]",
        _ => "",
    };
    if frame.kind == FrameKind::Python {
        return format!("{} ({}:{})", frame.function, frame.file, frame.line);
    }
    if frame.function.is_empty() {
        return format!("{}+{:#x}{suffix}", frame.executable, frame.address);
    }
    let at = if frame.executable.is_empty() { "" } else { "@" };
    format!("{}{at}{}{suffix}", frame.function, frame.executable)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str) -> Batch {
        let batch = batch_from_folded(text);
        assert_eq!(batch.check(), Ok(()));
        assert_eq!(to_folded(&batch), text);
        batch
    }

    #[test]
    fn every_kind_of_frame_reads_and_writes() {
        let batch = check(
            "[truncated];work 4\n\
             main@/bin/app;lambda_[j];push_[i] 1\n\
             main@/bin/app;libc.so.6+0x1f0;do_read@[kernel]_[k] 2\n\
             run (app.py:7);render (feed/views.py:12) 3\n",
        );
        let kinds = |kind| batch.frames.iter().filter(|frame| frame.kind == kind).count();
        assert_eq!(kinds(FrameKind::Native), 4);
        assert_eq!(kinds(FrameKind::Kernel), 1);
        assert_eq!(kinds(FrameKind::Jit), 1);
        assert_eq!(kinds(FrameKind::Python), 2);
        assert_eq!(kinds(FrameKind::Marker), 1);
        assert_eq!(batch.total(), 10);
    }

    #[test]
    fn headers_start_profiles() {
        let batch = batch_from_folded(
            "main 1
             # window=0..10 period=5 service.name=feed
             main 2
             main;leaf 3",
        );
        assert_eq!(batch.profiles.len(), 2);
        let feed = &batch.profiles[1];
        assert_eq!(feed.labels, LabelSet::new([("service.name", "feed")]));
        assert_eq!(feed.window, Window { start_ns: 0, end_ns: 10 });
        assert_eq!((feed.period, feed.total()), (5, 5));
    }

    #[test]
    #[should_panic(expected = "no value in fixture line `main`")]
    fn a_line_without_a_value_is_a_mistake() {
        batch_from_folded("main");
    }
}
