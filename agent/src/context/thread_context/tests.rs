//! Thread contexts of compiled programs and libraries, against what the programs print.

use std::path::{Path, PathBuf};

use super::*;
use crate::context::{
    testing::{self, Build, Child},
    tls::Loaded,
};

/// Prints the distance of the variable from the thread pointer, as the program itself sees it.
const PRINT: &str = r#"
    #include <stdio.h>
    #include <unistd.h>
    static void print(void *variable) {
        char *thread_pointer;
        __asm__("mov %%fs:0, %0" : "=r"(thread_pointer));
        printf("%ld\n", (long)((char *)variable - thread_pointer));
        fflush(stdout);
        pause();
    }
"#;
/// Variables around ours, so that its offset is not the only one possible.
const VARIABLE: &str = r#"
    __thread char before[24] = "initialised";
    __thread void *otel_thread_ctx_v1;
    __attribute__((aligned(64))) __thread char after[40];
    void *use(void) { return before[0] ? (void *)&otel_thread_ctx_v1 : after; }
"#;
const HIDDEN: &str = r#"
    __thread char before[24] = "initialised";
    __attribute__((visibility("hidden"))) __thread void *otel_thread_ctx_v1;
    void *use(void) { return before[0] ? (void *)&otel_thread_ctx_v1 : 0; }
"#;
const LINKED: &str = "void *use(void); int main(void) { print(use()); }";
const LOADED: &str = r#"
    #include <dlfcn.h>
    int main(int count, char **arguments) {
        void *library = dlopen(arguments[1], RTLD_NOW);
        print(((void *(*)(void))dlsym(library, "use"))());
    }
"#;

/// What is found in one module of a child, beside the distance that the child printed.
fn located(child: &Child, module: &Path, is_main_executable: bool) -> Option<TlsLocation> {
    let bytes = std::fs::read(module).unwrap();
    let elf = Elf::parse(bytes.as_slice()).unwrap();
    let (start, offset) = child.mapping(module);
    let loaded = Loaded { bias: elf.bias(start, offset).unwrap(), is_main_executable };
    find(&elf).map(|variable| variable.locate(loaded, |address, into| child.read(address, into)).unwrap())
}

fn printed(child: &Child) -> i64 {
    child.line.trim().parse().unwrap()
}

fn library(directory: &Path, source: &str, flags: &[&str]) -> PathBuf {
    let flags = [&["-shared", "-fPIC"], flags].concat();
    testing::compile(directory, &Build { name: "libcontext.so", source, flags: &flags })
}

#[test]
fn in_the_main_executable() {
    let source = format!("{PRINT}{VARIABLE} int main(void) {{ print(use()); }}");
    let check = |flags: &[&str], is_found: bool| {
        let directory = tempfile::tempdir().unwrap();
        let program = testing::compile(directory.path(), &Build { flags, ..Build::program("main", &source) });
        let child = Child::start(&program, &[]);
        let expected = is_found.then_some(TlsLocation::Offset(printed(&child)));
        assert_eq!(located(&child, &program, true), expected, "{flags:?}");
    };
    check(&["-no-pie", "-fno-pie"], true);
    check(&["-pie", "-fPIE"], true);
    check(&["-pie", "-fPIE", "-rdynamic", "-s"], true);
    check(&["-static", "-no-pie"], true);
    check(&["-static-pie", "-fPIE"], true);
    // Neither exported nor in a table of symbols: nobody can find it.
    check(&["-pie", "-fPIE", "-s"], false);
}

#[test]
fn in_a_library() {
    let check = |variable: &str, flags: &[&str], main: &str, expected: Option<bool>| {
        let directory = tempfile::tempdir().unwrap();
        let library = library(directory.path(), variable, flags);
        let main = format!("{PRINT}{main}");
        let linked = if main.ends_with(LINKED) { "-lcontext" } else { "-ldl" };
        let program = testing::compile(
            directory.path(),
            &Build { name: "main", source: &main, flags: &["-L.", "-Wl,-rpath,$ORIGIN", linked] },
        );
        let child = Child::start(&program, &[library.to_str().unwrap()]);
        let fixed = TlsLocation::Offset(printed(&child));
        let expected = expected.map(|is_fixed| if is_fixed { fixed } else { TlsLocation::Dynamic });
        assert_eq!(located(&child, &library, false), expected, "{flags:?}");
        assert_eq!(located(&child, &program, true), None);
    };
    for variable in [VARIABLE, HIDDEN] {
        for main in [LINKED, LOADED] {
            check(variable, &["-mtls-dialect=gnu2"], main, Some(true));
            check(variable, &["-ftls-model=initial-exec"], main, Some(true));
            check(variable, &["-mtls-dialect=gnu"], main, Some(false));
        }
    }
    check(VARIABLE, &["-mtls-dialect=gnu2", "-s"], LINKED, Some(true));
    check(HIDDEN, &["-mtls-dialect=gnu2", "-s"], LINKED, None);
}

#[test]
fn in_a_library_too_big_for_a_fixed_distance() {
    let directory = tempfile::tempdir().unwrap();
    let source = VARIABLE.replace("after[40]", "after[100000]");
    let library = library(directory.path(), &source, &["-mtls-dialect=gnu2"]);
    let main = format!("{PRINT}{LOADED}");
    let program = testing::compile(directory.path(), &Build::program("main", &main));
    let child = Child::start(&program, &[library.to_str().unwrap()]);
    assert_eq!(located(&child, &library, false), Some(TlsLocation::Dynamic));
}

#[test]
fn offsets_of_a_process_are_distinct_and_bounded() {
    let mut offsets = Offsets::default();
    let found = [-8, -152, -8, -160].map(|offset| Ok(TlsLocation::Offset(offset)));
    let other = [Ok(TlsLocation::Dynamic), Ok(TlsLocation::Unresolved), Err(io::ErrorKind::NotFound.into())];
    found.into_iter().chain(other).for_each(|located| offsets.add(located));
    let known = vec![-8, -152];
    let expected = Offsets { known, beyond_limit: 1, dynamic: 1, unresolved: 1, unreadable: 1 };
    assert_eq!(offsets.known(), [-8, -152]);
    assert_eq!(offsets, expected);
}
