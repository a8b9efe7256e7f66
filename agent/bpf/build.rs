//! Compiles the sampling program with clang. Without clang the crate is built for the perf ring alone.

use std::env;
use std::error::Error;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::process::Command;

const SOURCES: &str = "src/bpf";
const OBJECT: &str = "sampler.bpf.o";

fn main() -> Result<(), Box<dyn Error>> {
    instruct("rustc-check-cfg=cfg(bpf_object)");
    instruct(&format!("rerun-if-changed={SOURCES}"));
    instruct("rerun-if-env-changed=CLANG");
    instruct("rerun-if-env-changed=LLVM_STRIP");
    if env::var("CARGO_CFG_TARGET_ARCH")? != "x86_64" {
        instruct("warning=the BPF sampler is for x86-64; building with the perf ring alone");
        return Ok(());
    }
    let object = PathBuf::from(env::var_os("OUT_DIR").ok_or("cargo sets OUT_DIR")?).join(OBJECT);
    if compile(&object)? {
        strip(&object)?;
        instruct("rustc-cfg=bpf_object");
    } else {
        instruct(
            "warning=clang was not found; building with the perf ring alone (install clang, or set CLANG)",
        );
    }
    Ok(())
}

/// Whether there is a clang; an error when it refuses the source.
fn compile(object: &Path) -> Result<bool, Box<dyn Error>> {
    let clang = env::var("CLANG").unwrap_or_else(|_| "clang".to_owned());
    // The folder is entered and named `.` so that the object does not depend on where the sources lie.
    let output = Command::new(&clang)
        .current_dir(SOURCES)
        .args(["-target", "bpf", "-mcpu=v3", "-O2", "-g", "-Wall", "-Werror", "-fdebug-compilation-dir=."])
        .args(["-c", "sampler.bpf.c", "-o"])
        .arg(object)
        .output();
    match output {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error.into()),
        Ok(output) if output.status.success() => Ok(true),
        Ok(output) => {
            let message = String::from_utf8_lossy(&output.stderr).into_owned();
            Err(format!("{clang} refused the BPF source; CLANG names another clang:\n{message}").into())
        }
    }
}

/// Drops DWARF and keeps BTF, which loading needs. Without llvm-strip the object is only larger.
fn strip(object: &Path) -> Result<(), Box<dyn Error>> {
    let strip = env::var("LLVM_STRIP").unwrap_or_else(|_| "llvm-strip".to_owned());
    match Command::new(strip).arg("-g").arg(object).status() {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(error.into()),
        _ => Ok(()),
    }
}

fn instruct(text: &str) {
    println!("cargo:{text}");
}
