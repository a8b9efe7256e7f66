//! Inventories of real executables, compiled here, and of files that nobody compiled.

// The root lints speak of libraries; here a failed expectation is meant to end the run.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

use std::{
    fs::{self, File},
    path::{Path, PathBuf},
    process::Command,
};

use object::{Object, ObjectSymbol};
use symbols::{FileFunction, Image, Inventory, InventoryError, InventoryLimits, inventory};

const LIMITS: InventoryLimits =
    InventoryLimits { functions: 1000, symbol_bytes: 64 << 20, debug_bytes: 64 << 20 };

const PROGRAM: &str = "\
#include <stdio.h>
static __attribute__((noinline)) int hidden(int a) { return a * 3; }
int never(int a) { return hidden(a) + 1; }
int never_alias(int a) __attribute__((alias(\"never\")));
int main(int count, char **words) { return hidden(count) == 0 ? puts(words[0]) : 0; }
";

fn compile(directory: &Path, flags: &[&str]) -> PathBuf {
    let (source, program) = (directory.join("program.c"), directory.join("program"));
    fs::write(&source, PROGRAM).unwrap();
    let status = Command::new("cc").args(flags).arg("-o").arg(&program).arg(&source).status().unwrap();
    assert!(status.success());
    program
}

fn read(path: &Path, limits: &InventoryLimits) -> Result<Inventory, InventoryError> {
    inventory(&Image::File(File::open(path).unwrap()), limits, &mut || true)
}

fn find<'a>(inventory: &'a Inventory, name: &str) -> &'a FileFunction {
    let mut found = inventory.functions.iter().filter(|function| function.name == name);
    let first = found.next().unwrap_or_else(|| panic!("{name} in {inventory:?}"));
    assert_eq!(found.next(), None);
    first
}

#[test]
fn every_function_of_a_program_is_found_with_its_size() {
    let directory = tempfile::tempdir().unwrap();
    for (flags, lines) in [(&["-g", "-O1"][..], [2, 3, 5]), (&["-g0", "-O1"], [0, 0, 0])] {
        let path = compile(directory.path(), flags);
        let bytes = fs::read(&path).unwrap();
        let file = object::File::parse(&*bytes).unwrap();
        let found = read(&path, &LIMITS).unwrap();
        assert_eq!(found.left_out, 0);
        for (name, line) in ["hidden", "never", "main"].into_iter().zip(lines) {
            let function = find(&found, name);
            let symbol = file.symbols().find(|symbol| symbol.name() == Ok(name)).unwrap();
            assert_eq!((function.bytes, function.line), (symbol.size(), line), "{name}");
            assert_eq!(function.file.ends_with("/program.c"), line > 0);
        }
        assert_eq!(find(&found, "never").other_names, ["never_alias"]);
    }
}

#[test]
fn functions_of_rust_have_readable_names() {
    let directory = tempfile::tempdir().unwrap();
    let (source, program) = (directory.path().join("feed.rs"), directory.path().join("feed"));
    let text = "mod page {\n    #[inline(never)]\n    pub fn render(a: usize) -> usize { a + 1 }\n}\n\
                fn main() { std::process::exit((page::render(std::env::args().count()) == 0) as i32) }\n";
    fs::write(&source, text).unwrap();
    let Ok(status) = Command::new("rustc").args(["-O", "-o"]).arg(&program).arg(&source).status() else {
        return;
    };
    assert!(status.success());
    let found = read(&program, &InventoryLimits { functions: 100_000, ..LIMITS }).unwrap();
    assert!(find(&found, "feed::page::render").bytes > 0);
}

#[test]
fn what_cannot_be_read_is_told_apart() {
    let directory = tempfile::tempdir().unwrap();
    let path = compile(directory.path(), &["-g", "-O1"]);
    let whole = fs::read(&path).unwrap();
    let of = |bytes: &[u8], limits| inventory(&Image::Memory(bytes.to_vec()), &limits, &mut || true);
    assert!(of(&whole, LIMITS).is_ok());
    assert_eq!(of(&whole, InventoryLimits { symbol_bytes: 10, ..LIMITS }), Err(InventoryError::TooBig));
    for length in (0..whole.len()).step_by(97) {
        assert_eq!(of(&whole[..length], LIMITS), Err(InventoryError::Unreadable), "{length}");
    }
    let interrupted = inventory(&Image::Memory(whole), &LIMITS, &mut || false);
    assert_eq!(interrupted, Err(InventoryError::Interrupted));
    assert!(Command::new("strip").arg(&path).status().unwrap().success());
    assert_eq!(read(&path, &LIMITS), Err(InventoryError::Stripped));
}

/// An ELF file of one section of code and so many functions in it, each larger by a byte than the one before.
fn many(functions: u32) -> Vec<u8> {
    let mut names = vec![0_u8];
    let mut symbols = vec![0_u8; 24];
    for number in 0..functions {
        symbols.extend((names.len() as u32).to_le_bytes());
        symbols.extend([0x12, 0, 1, 0]);
        symbols.extend((0x1000 + u64::from(number)).to_le_bytes());
        symbols.extend((1 + u64::from(number)).to_le_bytes());
        names.extend(format!("f{number}\0").bytes());
    }
    let symbols_at = 64_u64;
    let names_at = symbols_at + symbols.len() as u64;
    let sections_at = names_at + names.len() as u64;
    // Type, flags, address, offset, size, link.
    let sections: [[u64; 6]; 4] = [
        [0; 6],
        [1, 4, 0x1000, 64, 1 << 30, 0],
        [2, 0, 0, symbols_at, symbols.len() as u64, 3],
        [3, 0, 0, names_at, names.len() as u64, 0],
    ];
    let mut bytes = vec![0x7f, b'E', b'L', b'F', 2, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0];
    bytes.extend([3_u16, 62].map(u16::to_le_bytes).concat());
    bytes.extend(1_u32.to_le_bytes());
    bytes.extend([0, 0, sections_at].map(u64::to_le_bytes).concat());
    bytes.extend(0_u32.to_le_bytes());
    bytes.extend([64_u16, 56, 0, 64, 4, 3].map(u16::to_le_bytes).concat());
    bytes.extend(symbols);
    bytes.extend(names);
    for [kind, flags, address, offset, size, link] in sections {
        bytes.extend([0, kind as u32].map(u32::to_le_bytes).concat());
        bytes.extend([flags, address, offset, size].map(u64::to_le_bytes).concat());
        bytes.extend([link as u32, 0].map(u32::to_le_bytes).concat());
        bytes.extend([1_u64, 24].map(u64::to_le_bytes).concat());
    }
    bytes
}

#[test]
fn of_too_many_functions_the_largest_are_kept() {
    let image = Image::Memory(many(300_000));
    let limits = InventoryLimits { functions: 20_000, ..LIMITS };
    let found = inventory(&image, &limits, &mut || true).unwrap();
    assert_eq!((found.functions.len(), found.left_out), (20_000, 280_000));
    assert_eq!(found.functions.iter().map(|function| function.bytes).min(), Some(280_001));
    assert_eq!(find(&found, "f299999").bytes, 300_000);
}
