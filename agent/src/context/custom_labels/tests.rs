//! Custom labels of compiled programs, against what the programs print.

use super::*;
use crate::context::{
    testing::{self, Build, Child},
    tls::{Loaded, TlsLocation},
};

fn source(version: &str) -> String {
    format!(
        r#"
        #include <stdint.h>
        #include <stdio.h>
        #include <unistd.h>
        {version}
        __thread char other[12];
        __thread void *custom_labels_current_set;
        int main(void) {{
            char *thread_pointer;
            __asm__("mov %%fs:0, %0" : "=r"(thread_pointer));
            other[0] = 1;
            printf("%ld\n", (long)((char *)&custom_labels_current_set - thread_pointer));
            fflush(stdout);
            pause();
        }}
    "#
    )
}

#[test]
fn version_one_is_followed() {
    let directory = tempfile::tempdir().unwrap();
    let source = source("const uint32_t custom_labels_abi_version = 1;");
    let build = Build { flags: &["-rdynamic", "-s"], ..Build::program("main", &source) };
    let program = testing::compile(directory.path(), &build);
    let child = Child::start(&program, &[]);
    let bytes = std::fs::read(&program).unwrap();
    let Some(CustomLabels::Set(variable)) = find(&Elf::parse(bytes.as_slice()).unwrap()) else {
        panic!("no custom labels")
    };
    let read = |address, into: &mut [u8]| child.read(address, into);
    let located = variable.locate(Loaded { bias: 0, is_main_executable: true }, read).unwrap();
    assert_eq!(located, TlsLocation::Offset(child.line.trim().parse().unwrap()));
}

#[test]
fn other_versions_are_told_apart_from_none() {
    let cases = [
        ("uint32_t custom_labels_abi_version = 2;", Some(CustomLabels::UnknownVersion(2))),
        ("uint8_t custom_labels_abi_version = 1;", None),
        ("", None),
    ];
    for (version, expected) in cases {
        let directory = tempfile::tempdir().unwrap();
        let program = testing::compile(directory.path(), &Build::program("main", &source(version)));
        let bytes = std::fs::read(&program).unwrap();
        assert_eq!(find(&Elf::parse(bytes.as_slice()).unwrap()), expected, "{version}");
    }
}
