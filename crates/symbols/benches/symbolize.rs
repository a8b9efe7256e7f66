//! What symbolizing costs: time and memory for 1,000 addresses spread over the code of each file named, and for the
//! kernel.

// The root lints speak of libraries; here a failed expectation is meant to end the run.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::print_stdout)]

use std::{fs::File, time::Instant};

use object::{Object, ObjectSection};
use symbols::{Executable, Image, Limits, Outcome, Sources, Symbolizer};

const ADDRESSES: u64 = 1000;

fn main() {
    println!("{:<44} {:>9} {:>9} {:>9} {:>9}", "what", "ms", "peak kB", "kept kB", "named");
    for path in std::env::args().skip(1).filter(|argument| !argument.starts_with('-')) {
        let addresses = spread(&path);
        let name = path.rsplit('/').next().unwrap_or_default().to_owned();
        let mut symbolizer = Symbolizer::new(Sources::default(), Limits::default());
        let executable = Executable { path: path.as_str().into(), build_id: "".into() };
        let open = || Ok(Image::File(File::open(&path)?));
        measure(&name, || {
            let found = symbolizer.executable(&executable, open, &addresses);
            found.iter().filter(|symbol| symbol.outcome == Outcome::Named).count()
        });
        measure(&format!("{name} (remembered)"), || {
            let found = symbolizer.executable(&executable, open, &addresses);
            found.iter().filter(|symbol| symbol.outcome == Outcome::Named).count()
        });
    }
    let kernel: Vec<u64> = (0..ADDRESSES).map(|at| 0xffff_ffff_8100_0000 + at * 8192).collect();
    let mut symbolizer = Symbolizer::new(Sources::default(), Limits::default());
    for what in ["kernel", "kernel (remembered)"] {
        measure(what, || {
            symbolizer.kernel(&kernel).iter().filter(|symbol| symbol.outcome == Outcome::Named).count()
        });
    }
}

/// Addresses at equal distances over the code of a file.
fn spread(path: &str) -> Vec<u64> {
    let file = File::open(path).unwrap();
    let cache = object::ReadCache::new(file);
    let file = object::File::parse(&cache).unwrap();
    let text = file.section_by_name(".text").unwrap();
    (0..ADDRESSES).map(|at| text.address() + text.size() / ADDRESSES * at).collect()
}

fn measure(what: &str, work: impl FnOnce() -> usize) {
    // Sets the peak back to what is used now.
    std::fs::write("/proc/self/clear_refs", "5").unwrap();
    let before_kb = status_kb("VmRSS:");
    let start = Instant::now();
    let named = work();
    let ms = start.elapsed().as_secs_f64() * 1e3;
    let peak_kb = status_kb("VmHWM:").saturating_sub(before_kb);
    let kept_kb = status_kb("VmRSS:").saturating_sub(before_kb);
    println!("{what:<44} {ms:>9.1} {peak_kb:>9} {kept_kb:>9} {named:>9}");
}

fn status_kb(field: &str) -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix(field)).unwrap();
    line.split_whitespace().next().unwrap().parse().unwrap()
}
