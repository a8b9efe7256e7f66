//! Files told apart.

use std::collections::BTreeSet;

use insta::assert_snapshot;
use model::FrameKind;
use proptest::prelude::*;
use testkit::{batch_from_folded, to_folded};

use super::*;

const ALL: [Format; 4] = [Format::Pprof, Format::Svg, Format::Folded, Format::Speedscope];

#[test]
fn the_name_asks_for_a_format() {
    let cases = [
        ("a.pb.gz", Some(Format::Pprof)),
        ("cpu.pprof", Some(Format::Pprof)),
        ("A.SVG", Some(Format::Svg)),
        ("a.folded", Some(Format::Folded)),
        ("a.txt", Some(Format::Folded)),
        ("a.speedscope.json", Some(Format::Speedscope)),
        ("a.json", Some(Format::Speedscope)),
        ("a.gz", None),
        ("svg", None),
    ];
    for (name, expected) in cases {
        assert_eq!(Format::from_name(name), expected, "{name}");
    }
}

#[test]
fn every_format_reads_back_under_any_name() {
    let text = "main;feed 300\nmain;render 600\n";
    for format in ALL {
        let bytes = write(format, &batch_from_folded(text)).unwrap();
        for name in ["a", "a.svg", "a.txt", "a.json", "a.pb.gz"] {
            assert_eq!(to_folded(&read_any(name, &bytes).unwrap()), text, "{format} as {name}");
        }
    }
}

#[test]
fn python_functions_stay_what_they_are() {
    let text = "<module> (/bin/site:3);burn (/srv/jobs.py:5);f.<locals>.<lambda> (<string>:0);main 300\n";
    let batch = batch_from_folded(text);
    let python = |batch: &Batch| {
        let frames = batch.frames.iter().filter(|frame| frame.kind == FrameKind::Python);
        frames.map(|frame| (frame.function.clone(), frame.file.clone(), frame.line)).collect::<BTreeSet<_>>()
    };
    for format in ALL {
        let back = read_any("a", &write(format, &batch).unwrap()).unwrap();
        assert_eq!(python(&back), python(&batch), "{format}");
        assert_eq!(to_folded(&back), text, "{format}");
    }
}

#[test]
fn folded_names_may_look_like_something_else() {
    for text in ["<T as U>::f;g 5\n", "{closure};g 5\n"] {
        assert_eq!(Format::sniff(text.as_bytes()), Some(Format::Folded), "{text}");
    }
}

#[test]
fn content_may_be_compressed() {
    use std::io::Write;
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gzip.write_all(b"main 5\n").unwrap();
    assert_eq!(to_folded(&read_any("a.folded.gz", &gzip.finish().unwrap()).unwrap()), "main 5\n");
}

#[test]
fn what_is_no_profile_is_named() {
    let cases: [(&str, &[u8]); 8] = [
        ("page.html", b"<html>"),
        ("a.svg", b"<svg><g><title>x</title></g></svg>"),
        ("a.bin", b"\x00\x01\x02"),
        ("empty", b""),
        ("notes.txt", b"hello"),
        ("a.svg", b"<svg></svg"),
        ("a.json", b"{\"a\": 1}"),
        ("a.pb.gz", b"\x1f\x8b"),
    ];
    let explained: Vec<String> = cases
        .iter()
        .map(|(name, bytes)| match read_any(name, bytes) {
            Ok(batch) => format!("{name}: {} samples", batch.profiles.len()),
            Err(error) => format!("{name}: {error}"),
        })
        .collect();
    assert_snapshot!(explained.join("\n"), @"
    page.html: this is not a whole folded file: line 1 does not end in a space and a number
    a.svg: this is not a whole SVG file: no rectangle in it has a title like `main (5 samples, 10%)`
    a.bin: `a.bin` is no profile: pprof (.pb.gz), .svg, .folded and .speedscope.json can be read
    empty: `empty` is no profile: pprof (.pb.gz), .svg, .folded and .speedscope.json can be read
    notes.txt: this is not a whole folded file: line 1 does not end in a space and a number
    a.svg: the SVG file is damaged: copy or record it again
    a.json: the speedscope file is damaged: copy or record it again
    a.pb.gz: the pprof file is damaged: copy or record it again
    ");
}

proptest! {
    #[test]
    fn read_any_never_panics(name in "a\\.(svg|json|txt|pb\\.gz|x)", bytes in prop::collection::vec(any::<u8>(), 0..100)) {
        let _ = read_any(&name, &bytes);
    }
}
