//! Go programs of this machine's toolchain, read while they run.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use super::*;
use crate::context::testing::{self, Child};

/// Sets a label, prints its thread pointer and stays where it is: on its thread, in a system call.
const PROGRAM: &str = r#"
package main

C_PART
import (
	"context"
	"fmt"
	"runtime"
	"runtime/pprof"
	"syscall"
	"unsafe"
)

func main() {
	runtime.LockOSThread()
	C_CALL
	labels := pprof.Labels("endpoint", "GET /feed")
	pprof.SetGoroutineLabels(pprof.WithLabels(context.Background(), labels))
	var threadPointer uintptr
	const archGetFs = 0x1003
	syscall.RawSyscall(syscall.SYS_ARCH_PRCTL, archGetFs, uintptr(unsafe.Pointer(&threadPointer)), 0)
	fmt.Println(threadPointer)
	syscall.RawSyscall(syscall.SYS_PAUSE, 0, 0, 0)
}
"#;
const C_PART: &str = r#"
// static __thread char others[40];
// static char touch(void) { return ++others[0]; }
import "C"
"#;

/// A Go program with or without C code in it; `None` where there is no Go.
fn build(directory: &Path, with_c: bool, flags: &[&str]) -> Option<PathBuf> {
    let program = directory.join("program");
    let source = directory.join("main.go");
    let (c_part, c_call) = if with_c { (C_PART, "C.touch()") } else { ("", "") };
    std::fs::write(&source, PROGRAM.replace("C_PART", c_part).replace("C_CALL", c_call)).unwrap();
    let mut command = Command::new("go");
    command.arg("build").args(flags).arg("-o").arg(&program).arg(&source).current_dir(directory);
    command.env("CGO_ENABLED", if with_c { "1" } else { "0" }).env("GOFLAGS", "").env("GOTOOLCHAIN", "local");
    match command.output() {
        Ok(done) => {
            assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
            Some(program)
        }
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => None,
        Err(error) => panic!("{error}"),
    }
}

/// The first label of the goroutine that runs on the thread, read as the kernel side reads it.
fn first_label(child: &Child, layout: &GoLayout) -> Option<(String, String)> {
    assert_eq!(layout.form, LabelForm::Slice, "this Go keeps labels in a map");
    let g = child.word(testing::number(&child.line).wrapping_add_signed(layout.g_offset))?;
    let m = child.word(g + u64::from(layout.m))?;
    let running = child.word(m + u64::from(layout.curg))?;
    let slice = child.word(running + u64::from(layout.labels))?;
    assert_eq!(child.word(slice + 8)?, 1, "one label");
    let pair = child.word(slice)?;
    let text = |at: u64| {
        let mut bytes = vec![0; child.word(at + 8)? as usize];
        child.read(child.word(at)?, &mut bytes).ok()?;
        String::from_utf8(bytes).ok()
    };
    Some((text(pair)?, text(pair + 16)?))
}

#[test]
fn labels_of_a_running_program_are_reached() {
    let check = |with_c, flags: &[&str], is_readable: bool| {
        let directory = tempfile::tempdir().unwrap();
        let Some(program) = build(directory.path(), with_c, flags) else {
            println!("skipped: no go command");
            return;
        };
        let bytes = std::fs::read(&program).unwrap();
        let found = recognise(&Elf::parse(bytes.as_slice()).unwrap()).unwrap();
        if is_readable {
            let (child, layout) = (Child::start(&program, &[]), found.unwrap());
            // Between two goroutines a thread has none.
            let label = (0..100).find_map(|_| {
                first_label(&child, &layout).or_else(|| {
                    std::thread::sleep(std::time::Duration::from_millis(20));
                    None
                })
            });
            let label = label.expect("the thread has a goroutine most of the time");
            assert_eq!(label, ("endpoint".to_owned(), "GET /feed".to_owned()), "{with_c} {flags:?}");
        } else {
            assert_eq!(found.map_err(|refusal| refusal.name()), Err("unknown g"), "{with_c} {flags:?}");
        }
    };
    check(false, &[], true);
    check(false, &["-ldflags=-s -w"], true);
    check(false, &["-buildmode=pie"], true);
    check(true, &[], true);
    check(true, &["-ldflags=-s -w"], false);
}

#[test]
fn offsets_by_version() {
    let cases = [
        (12, None),
        (13, Some((192, 344, LabelForm::Map))),
        (17, Some((192, 360, LabelForm::Map))),
        (20, Some((192, 360, LabelForm::Map))),
        (22, Some((192, 344, LabelForm::Map))),
        (23, Some((192, 352, LabelForm::Map))),
        (24, Some((192, 352, LabelForm::Slice))),
        (25, Some((184, 344, LabelForm::Slice))),
        (26, Some((184, 352, LabelForm::Slice))),
        (27, Some((184, 352, LabelForm::Slice))),
        (28, None),
    ];
    for (minor, expected) in cases {
        let found = offsets(minor).map(|row| (row.curg, row.labels, row.form));
        assert_eq!(found, expected, "1.{minor}");
    }
}
