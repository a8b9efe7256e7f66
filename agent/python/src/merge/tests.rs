//! Merging, checked on stacks drawn as letters.

use super::*;

/// Native frames by letter: `E` the loop, `I` the interpreter's own, `c` any other; `|` at the end: cut.
/// Python frames by letter: `p` plain, `e` marked; `|` at the end: cut.
fn run(native: &str, python: &str, marks: Marks, own: InterpreterFrames) -> (String, MergeOutcome) {
    let frames: Vec<NativeFrame> = native
        .trim_end_matches('|')
        .chars()
        .map(|letter| NativeFrame { is_eval: letter == 'E', is_interpreter: letter != 'c' })
        .collect();
    let entries: Vec<bool> = python.trim_end_matches('|').chars().map(|letter| letter == 'e').collect();
    let native = NativeStack { frames: &frames, is_complete: !native.ends_with('|') };
    let python = PythonStack { entries: &entries, is_complete: !python.ends_with('|'), marks };
    let merged = merge(&native, &python, own);
    let mut text = String::new();
    for (at, entry) in merged.entries.iter().enumerate() {
        if merged.native_cut == Some(at) {
            text.push('|');
        }
        match entry {
            Entry::Native(at) => text.push_str(&format!("c{at}")),
            Entry::Python(at) => text.push_str(&format!("p{at}")),
        }
    }
    if merged.native_cut == Some(merged.entries.len()) {
        text.push('|');
    }
    (text, merged.outcome)
}

fn check(marks: Marks, cases: &[(&str, &str, &str, MergeOutcome)]) {
    for (native, python, expected, outcome) in cases {
        let found = run(native, python, marks, InterpreterFrames::Fold);
        assert_eq!(found, (expected.to_string(), *outcome), "{native} with {python}");
    }
}

#[test]
fn each_frame_of_old_versions_has_its_run() {
    use MergeOutcome::*;
    check(
        Marks::EachFrame,
        &[
            ("EIEIEIcc", "ppp", "p0p1p2c6c7", Complete),
            ("ccIEIcEIc", "pp", "c0c1p0c5p1c8", Complete),
            ("cIEIE|", "pppp", "c0p0p1|p2p3", NativeCut),
            ("c|", "pp", "c0|p0p1", NativeCut),
            ("|", "p", "|p0", NativeCut),
            ("IEIEIEIc", "pp|", "p0p1c7", PythonCut),
            ("", "pp", "p0p1", Unequal),
        ],
    );
}

#[test]
fn a_run_of_3_11_ends_with_its_marked_frame() {
    use MergeOutcome::*;
    check(
        Marks::Frame,
        &[
            ("cIEIcEIc", "ppepe", "c0p0p1p2c4p3p4c7", Complete),
            // A run has just begun: its frame is not there yet, and the root's frames stay in place.
            ("EIcEIc", "pe", "c2p0p1c5", Unequal),
            // One has just ended on the native side.
            ("IcEIc", "epe", "p0c1p1p2c4", Unequal),
            ("cEIcE|", "pepp|", "c0p0p1c3p2p3|", NativeCut),
        ],
    );
}

#[test]
fn shims_are_dropped() {
    use MergeOutcome::*;
    check(
        Marks::Shim,
        &[
            ("cIEIcEIc", "ppepe", "c0p0p1c4p3c7", Complete),
            ("cE|", "pepe", "c0p0|p2", NativeCut),
            ("Ec", "p|", "p0c1", Complete),
            ("cEE", "e", "c0c1c2", NoPython),
        ],
    );
}

#[test]
fn without_python_frames_nothing_folds() {
    for marks in [Marks::EachFrame, Marks::Frame, Marks::Shim] {
        let found = run("IEIc|", "", marks, InterpreterFrames::Fold);
        assert_eq!(found, ("c0c1c2c3|".to_owned(), MergeOutcome::NoPython));
        assert_eq!(run("", "", marks, InterpreterFrames::Fold), (String::new(), MergeOutcome::NoPython));
    }
}

#[test]
fn the_interpreters_frames_can_be_kept() {
    let found = run("cIEIEc", "pp", Marks::EachFrame, InterpreterFrames::Keep);
    assert_eq!(found, ("c0c1p0c2c3p1c4c5".to_owned(), MergeOutcome::Complete));
}

#[test]
fn random_stacks_lose_nothing() {
    let mut random = testkit::Random::new(7);
    for _ in 0..20_000 {
        let mut letters = |choices: &[char], max: u64| {
            let length = random.below(max);
            let mut text: String = (0..length).map(|_| *random.pick(choices)).collect();
            if random.chance(30) {
                text.push('|');
            }
            text
        };
        let (native, python) = (letters(&['E', 'I', 'c'], 12), letters(&['p', 'e'], 12));
        for marks in [Marks::EachFrame, Marks::Frame, Marks::Shim] {
            let (text, _) = run(&native, &python, marks, InterpreterFrames::Fold);
            let count = |letter: char, text: &str| text.matches(letter).count();
            let is_kept = |letter: &char| marks != Marks::Shim || *letter == 'p';
            let expected = python.trim_end_matches('|').chars().filter(is_kept).count();
            assert_eq!(count('p', &text), expected, "{native} with {python}: {text}");
            if expected > 0 {
                assert_eq!(count('c', &text), count('c', &native), "{native} with {python}: {text}");
            }
        }
    }
}
