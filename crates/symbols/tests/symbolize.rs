//! Symbolizing real executables, compiled here, and what processes and the kernel write about themselves.

// The root lints speak of libraries; here a failed expectation is meant to end the run.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

use std::{
    fs::{self, File},
    io,
    os::unix::fs::FileExt,
    path::{Path, PathBuf},
    process::Command,
};

use model::FrameKind;
use object::{Object, ObjectSymbol};
use symbols::{Executable, Image, Limits, Outcome, Sources, Symbol, Symbolizer};

fn source(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/programs").join(name)
}

fn run(command: &mut Command) {
    let status = command.status().unwrap();
    assert!(status.success(), "{command:?}");
}

/// The number of the line that ends with this comment.
fn line_of(file: &str, comment: &str) -> u32 {
    let text = fs::read_to_string(source(file)).unwrap();
    let at = text.lines().position(|line| line.ends_with(&format!("// line of {comment}"))).unwrap();
    at as u32 + 1
}

/// File addresses of a function whose symbol ends with this, from a file that still has its symbols.
fn addresses_of(path: &Path, function: &str) -> Vec<u64> {
    let bytes = fs::read(path).unwrap();
    let file = object::File::parse(&*bytes).unwrap();
    let symbol =
        file.symbols().find(|symbol| symbol.name().is_ok_and(|name| name.contains(function))).unwrap();
    (symbol.address()..symbol.address() + symbol.size()).collect()
}

fn build_id(path: &Path) -> String {
    let bytes = fs::read(path).unwrap();
    let file = object::File::parse(&*bytes).unwrap();
    file.build_id().unwrap().unwrap().iter().map(|byte| format!("{byte:02x}")).collect()
}

fn symbolize(symbolizer: &mut Symbolizer, path: &Path, addresses: &[u64]) -> Vec<Symbol> {
    let executable =
        Executable { path: path.to_str().unwrap().into(), build_id: build_id(path).as_str().into() };
    symbolizer.executable(&executable, || Ok(Image::File(File::open(path)?)), addresses)
}

fn symbolizer(directory: &Path) -> Symbolizer {
    let sources = Sources { proc: directory.join("proc"), debug_directories: vec![directory.join("debug")] };
    Symbolizer::new(sources, Limits::default())
}

/// One line per frame: function, file and line, and whether it was inlined.
fn describe(symbol: &Symbol) -> Vec<String> {
    let describe = |frame: &model::Frame| {
        let file = frame.file.rsplit('/').next().unwrap_or_default();
        let inlined = if frame.inlined { " inlined" } else { "" };
        format!("{} {file}:{}{inlined}", frame.display_name(), frame.line)
    };
    symbol.frames.iter().map(describe).collect()
}

/// Somewhere in `outer` the code of all functions meets; everywhere in it `outer` is the last frame.
fn check_inlined(path: &Path, last: &str, expected: &[String], directory: &Path) {
    let addresses = addresses_of(path, "outer");
    let found = symbolize(&mut symbolizer(directory), path, &addresses);
    assert!(found.iter().all(|symbol| symbol.outcome == Outcome::Named));
    assert!(found.iter().all(|symbol| symbol.frames.last().unwrap().function.as_ref() == last), "{found:#?}");
    assert!(found.iter().any(|symbol| describe(symbol) == expected), "{expected:#?} in {found:#?}");
}

fn expected_in_c() -> Vec<String> {
    let line = |function| line_of("inlined.c", function);
    vec![
        format!("inner inlined.c:{} inlined", line("inner")),
        format!("middle inlined.c:{} inlined", line("middle")),
        format!("outer inlined.c:{}", line("outer")),
    ]
}

fn compile_c(output: &Path, flags: &[&str]) {
    run(Command::new("cc")
        .args(flags)
        .args(["-O2", "-Wl,--build-id", "-o"])
        .arg(output)
        .arg(source("inlined.c")));
}

#[test]
fn inlined_functions_of_c_have_their_lines() {
    let directory = tempfile::tempdir().unwrap();
    for flags in [&["-g"][..], &["-g", "-no-pie"], &["-g", "-gz"], &["-gdwarf-4"]] {
        let path = directory.path().join("inlined");
        compile_c(&path, flags);
        check_inlined(&path, "outer", &expected_in_c(), directory.path());
    }
}

#[test]
fn inlined_functions_of_rust_have_readable_names() {
    if Command::new("rustc").arg("--version").output().is_err() {
        return;
    }
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("inlined");
    let flags = ["-O", "-g", "-Clink-arg=-Wl,--build-id", "--crate-name", "inlined", "-o"];
    run(Command::new("rustc").args(flags).arg(&path).arg(source("inlined.rs")));
    let expected = [
        format!("inlined::Wrapper<T>::inner inlined.rs:{} inlined", line_of("inlined.rs", "inner")),
        format!("inlined::outer inlined.rs:{}", line_of("inlined.rs", "outer")),
    ];
    let addresses = addresses_of(&path, "outer");
    let found = symbolize(&mut symbolizer(directory.path()), &path, &addresses);
    let described: Vec<Vec<String>> = found.iter().map(describe).collect();
    assert!(described.iter().any(|frames| frames.ends_with(&expected)), "{described:#?}");
    assert!(
        described.iter().all(|frames| frames.last().unwrap().starts_with("inlined::outer ")),
        "{described:#?}"
    );
}

#[test]
fn a_symbol_table_alone_gives_names() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("plain");
    compile_c(&path, &["-g0"]);
    check_inlined(&path, "outer", &["outer :0".to_owned()], directory.path());
}

#[test]
fn debug_files_are_found_by_build_id_and_by_link() {
    let directory = tempfile::tempdir().unwrap();
    let (whole, stripped) = (directory.path().join("whole"), directory.path().join("stripped"));
    compile_c(&whole, &["-g"]);
    let addresses = addresses_of(&whole, "outer");
    let id = build_id(&whole);
    let by_id = directory.path().join(format!("debug/.build-id/{}/{}.debug", &id[..2], &id[2..]));
    let by_link = directory.path().join(".debug/stripped.debug");
    for (debug, is_linked) in [(&by_id, false), (&by_link, true)] {
        fs::create_dir_all(debug.parent().unwrap()).unwrap();
        run(Command::new("objcopy").arg("--only-keep-debug").arg(&whole).arg(debug));
        run(Command::new("strip").arg("-o").arg(&stripped).arg(&whole));
        if is_linked {
            run(Command::new("objcopy").arg("--add-gnu-debuglink").arg(debug).arg(&stripped));
        }
        let found = symbolize(&mut symbolizer(directory.path()), &stripped, &addresses);
        assert!(found.iter().any(|symbol| describe(symbol) == expected_in_c()), "{found:#?}");
        fs::remove_file(debug).unwrap();
    }
}

#[test]
fn code_without_a_name_keeps_executable_and_address() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("program");
    let mut symbolizer = symbolizer(directory.path());
    for (flags, outcome) in [(&["-s"][..], Outcome::NoSymbol), (&["-s", "-static"], Outcome::NoSymbolTable)] {
        compile_c(&path, &[&["-g0"], flags].concat());
        for symbol in symbolize(&mut symbolizer, &path, &[0x1234, 8]) {
            assert_eq!(symbol.outcome, outcome);
            let [frame] = symbol.frames.as_ref() else { panic!("{symbol:?}") };
            assert!(frame.function.is_empty() && !frame.build_id.is_empty());
            assert!(frame.display_name().starts_with("program+0x"), "{frame:?}");
        }
        assert_eq!(symbolizer.counters().of(outcome), 2);
    }
    // Stubs of the linker belong to no function: they are not given to the one before them.
    compile_c(&path, &["-g"]);
    let bytes = fs::read(&path).unwrap();
    let file = object::File::parse(&*bytes).unwrap();
    let stubs = object::Object::section_by_name(&file, ".plt").unwrap();
    let found = symbolize(&mut symbolizer, &path, &[object::ObjectSection::address(&stubs)]);
    assert_eq!(found[0].outcome, Outcome::NoSymbol, "{found:?}");
}

#[test]
fn results_are_remembered_and_failures_are_not() {
    let executable = Executable { path: "/gone".into(), build_id: "ab".into() };
    let directory = tempfile::tempdir().unwrap();
    let mut symbolizer = symbolizer(directory.path());
    let gone = || Err(io::ErrorKind::NotFound.into());
    let found = symbolizer.executable(&executable, gone, &[1, 2]);
    assert!(found.iter().all(|symbol| symbol.outcome == Outcome::FileUnreadable));
    assert_eq!((found[0].frames[0].address, found[1].frames[0].address), (1, 2));

    let path = directory.path().join("program");
    compile_c(&path, &["-g"]);
    let addresses = addresses_of(&path, "outer");
    let first = symbolizer.executable(&executable, || Ok(Image::File(File::open(&path)?)), &addresses);
    let again = symbolizer.executable(&executable, || panic!("opened again"), &addresses);
    assert_eq!(first, again);
    assert_eq!(symbolizer.counters().cache_hits, addresses.len() as u64);
    assert_eq!(symbolizer.executable(&executable, || panic!("opened for nothing"), &[]), []);
}

#[test]
fn more_debug_information_than_the_limit_leaves_names() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("program");
    compile_c(&path, &["-g"]);
    let limits = Limits { debug_bytes: 10, ..Limits::default() };
    let mut symbolizer = Symbolizer::new(Sources::default(), limits);
    let found = symbolize(&mut symbolizer, &path, &addresses_of(&path, "outer"));
    assert!(found.iter().all(|symbol| describe(symbol) == ["outer :0"]), "{found:?}");
    assert_eq!(symbolizer.counters().debug_info_too_big, 1);
}

/// Files take turns, one address at a time, so that each lookup finds what was kept of the ones before.
#[test]
fn what_is_kept_names_new_addresses_and_what_was_forgotten_is_read_again() {
    let directory = tempfile::tempdir().unwrap();
    let compile = |number: usize| {
        let path = directory.path().join(format!("program-{number}"));
        compile_c(&path, if number.is_multiple_of(2) { &["-g"] } else { &["-g0"] });
        path
    };
    let files: Vec<PathBuf> = (0..8).map(compile).collect();
    let little = Limits { results: 2, index_bytes: 2000, debug_bytes_kept: 32_000, ..Limits::default() };
    for (limits, is_little) in [(Limits::default(), false), (little, true)] {
        let mut symbolizer_under_test = Symbolizer::new(Sources::default(), limits);
        for at in 0..20 {
            for path in &files {
                let address = addresses_of(path, "outer")[at];
                let found = symbolize(&mut symbolizer_under_test, path, &[address]);
                assert_eq!(found, symbolize(&mut symbolizer(directory.path()), path, &[address]));
            }
            if is_little && at == 10 {
                symbolizer_under_test.trim();
            }
        }
        let counters = symbolizer_under_test.counters();
        assert_eq!(counters.debug_info_too_big, 0);
        // Two scans of a symbol table, then its index.
        assert_eq!(counters.files_read > 3 * files.len() as u64, is_little, "{counters:?}");
    }
}

#[test]
fn the_vdso_has_symbols_in_memory() {
    let maps = fs::read_to_string("/proc/self/maps").unwrap();
    let Some(line) = maps.lines().find(|line| line.ends_with("[vdso]")) else { return };
    let (start, end) = line.split_once(' ').unwrap().0.split_once('-').unwrap();
    let (start, end) = (u64::from_str_radix(start, 16).unwrap(), u64::from_str_radix(end, 16).unwrap());
    let mut image = vec![0; (end - start) as usize];
    File::open("/proc/self/mem").unwrap().read_exact_at(&mut image, start).unwrap();
    let addresses: Vec<u64> = (0..end - start).step_by(16).collect();
    let executable = Executable { path: "[vdso]".into(), build_id: "".into() };
    let mut symbolizer = Symbolizer::new(Sources::default(), Limits::default());
    let found = symbolizer.executable(&executable, || Ok(Image::Memory(image)), &addresses);
    assert!(found.iter().any(|symbol| symbol.frames[0].function.contains("clock_gettime")), "{found:?}");
}

#[test]
fn kernel_code_is_named_unless_the_kernel_hides_it() {
    let directory = tempfile::tempdir().unwrap();
    let proc = directory.path().join("proc");
    fs::create_dir(&proc).unwrap();
    let mut symbolizer = symbolizer(directory.path());
    let mut check = |kallsyms: &str, modules: &str, expected: (&str, &str, Outcome)| {
        fs::write(proc.join("kallsyms"), kallsyms).unwrap();
        fs::write(proc.join("modules"), modules).unwrap();
        let symbol = symbolizer.kernel(&[0xffff_ffff_c000_0010]).remove(0);
        let frame = &symbol.frames[0];
        assert_eq!(frame.kind, FrameKind::Kernel);
        assert_eq!((frame.display_name().as_ref(), frame.executable.as_ref(), symbol.outcome), expected);
    };
    let unnamed = "[kernel]+0xffffffffc0000010";
    check("0000000000000000 T _text\n", "", (unnamed, "[kernel]", Outcome::KernelHidden));
    let text = "ffffffff81000000 T _text\n";
    check(text, "a module", (unnamed, "[kernel]", Outcome::NoSymbol));
    let text = "ffffffff81000000 T _text\nffffffffc0000000 t fuse_read\t[fuse]\n";
    check(text, "fuse", ("fuse_read", "[fuse]", Outcome::Named));
}

#[test]
fn this_kernel_is_named_or_hidden() {
    let mut symbolizer = Symbolizer::new(Sources::default(), Limits::default());
    let text = fs::read_to_string("/proc/kallsyms").unwrap();
    let address = text.lines().find_map(|line| line.strip_suffix(" T schedule")).unwrap();
    let address = u64::from_str_radix(address, 16).unwrap();
    let symbol = symbolizer.kernel(&[address.saturating_add(1)]).remove(0);
    let expected = if address == 0 { Outcome::KernelHidden } else { Outcome::Named };
    assert_eq!(symbol.outcome, expected);
    assert_eq!(symbol.frames[0].function.as_ref(), if address == 0 { "" } else { "schedule" });
}

#[test]
fn code_written_at_run_time_is_named_from_its_perf_map() {
    let directory = tempfile::tempdir().unwrap();
    let tmp = directory.path().join("proc/7/root/tmp");
    fs::create_dir_all(&tmp).unwrap();
    fs::write(directory.path().join("proc/7/status"), "NSpid:\t7\t1\n").unwrap();
    fs::write(tmp.join("perf-1.map"), "0x1000 0x20 Main.work\n").unwrap();
    let mut symbolizer = symbolizer(directory.path());
    let names = |symbols: Vec<Symbol>| -> Vec<(String, Outcome)> {
        symbols.iter().map(|symbol| (symbol.frames[0].display_name().to_string(), symbol.outcome)).collect()
    };
    assert_eq!(
        names(symbolizer.jit(7, &[0x1010, 0x1020])),
        [("Main.work".to_owned(), Outcome::Named), ("[jit]+0x1020".to_owned(), Outcome::NotInPerfMap)]
    );
    assert_eq!(names(symbolizer.jit(8, &[0x10])), [("[jit]+0x10".to_owned(), Outcome::NoPerfMap)]);
}
