//! The chores behind `make`: each runs the tool that knows how, and says what it is doing.

use std::{
    path::{Path, PathBuf},
    process::Command,
    time::Instant,
};

use anyhow::{Context, Result, bail};

use crate::tidy;

/// Builds everything and replaces this process's work by `fewer up`.
pub fn run(arguments: &[String]) -> Result<()> {
    let fewer = build()?;
    let status = Command::new(&fewer).arg("up").args(arguments).status();
    let status = status.with_context(|| format!("starting {}", fewer.display()))?;
    if status.success() { Ok(()) } else { bail!("fewer up ended with {status}") }
}

/// Builds pages and binaries; returns where `fewer` is.
pub fn build() -> Result<PathBuf> {
    let started = Instant::now();
    let web_s = timed(web)?;
    let build_s = timed(|| call("cargo", &["build", "--release", "-p", "cli", "-p", "agent"]))?;
    println!(
        "built in {:.0} s: pages {web_s:.0} s, binaries {build_s:.0} s",
        started.elapsed().as_secs_f64()
    );
    Ok(target_dir()?.join("release/fewer"))
}

/// Every test there is.
pub fn test() -> Result<()> {
    web()?;
    call("cargo", &["test", "--workspace", "--no-fail-fast"])?;
    // Its layers for frameworks are features, so that nobody pays for those they do not use.
    call("cargo", &["test", "-p", "fewer-sdk", "--all-features"])?;
    npm(&["run", "--silent", "test"])?;
    npm(&["run", "--silent", "test:browser"])?;
    call("sh", &["sdk/python/tests/run.sh", "--one"])?;
    let fewer = target_dir()?.join("debug/fewer");
    call("sh", &["tests/platform/test.sh", &fewer.to_string_lossy()])
}

/// Everything that looks at the code without running it.
pub fn lint() -> Result<()> {
    call("cargo", &["fmt", "--all", "--check"])?;
    call("cargo", &["clippy", "--workspace", "--all-targets", "--quiet", "--", "-D", "warnings"])?;
    let sdk =
        ["clippy", "-p", "fewer-sdk", "--all-targets", "--all-features", "--quiet", "--", "-D", "warnings"];
    call("cargo", &sdk)?;
    tidy::run()?;
    npm_ready()?;
    npm(&["run", "--silent", "lint"])
}

/// The pages, into web/dist; a machine without Node keeps the plain page.
pub fn web() -> Result<()> {
    if Command::new("npm").arg("--version").output().is_err() {
        eprintln!("no Node here: the collector will serve the plain page");
        return Ok(());
    }
    npm_ready()?;
    npm(&["run", "--silent", "build"])
}

/// The benchmarks: every script in bench/, or those named.
pub fn bench(names: &[String]) -> Result<()> {
    let folder = tidy::root()?.join("bench");
    let mut scripts: Vec<PathBuf> = std::fs::read_dir(&folder)?
        .filter_map(|entry| entry.ok().map(|entry| entry.path().join("run.sh")))
        .filter(|script| script.exists())
        .collect();
    scripts.sort();
    for script in scripts {
        let name =
            script.parent().and_then(Path::file_name).unwrap_or_default().to_string_lossy().into_owned();
        if names.is_empty() || names.contains(&name) {
            println!("== bench {name}");
            call("sh", &[&script.to_string_lossy()])?;
        }
    }
    Ok(())
}

/// Licences, bans and sources; installs the tool when it is missing.
pub fn deny() -> Result<()> {
    if Command::new("cargo").args(["deny", "--version"]).output().is_ok_and(|output| !output.status.success())
    {
        call("cargo", &["install", "--locked", "cargo-deny"])?;
    }
    call("cargo", &["deny", "check", "licenses", "bans", "sources"])
}

/// Formats everything.
pub fn fmt() -> Result<()> {
    call("cargo", &["fmt", "--all"])?;
    npm_ready()?;
    npm(&["run", "--silent", "fmt"])
}

fn npm_ready() -> Result<()> {
    let web = tidy::root()?.join("web");
    let lock = std::fs::metadata(web.join("package-lock.json"))?.modified()?;
    let installed =
        std::fs::metadata(web.join("node_modules/.package-lock.json")).and_then(|file| file.modified());
    if installed.is_ok_and(|installed| installed >= lock) {
        return Ok(());
    }
    npm(&["ci", "--no-audit", "--no-fund", "--silent"])
}

fn npm(arguments: &[&str]) -> Result<()> {
    call_in(&tidy::root()?.join("web"), "npm", arguments)
}

fn call(program: &str, arguments: &[&str]) -> Result<()> {
    call_in(&tidy::root()?, program, arguments)
}

fn call_in(folder: &Path, program: &str, arguments: &[&str]) -> Result<()> {
    let status = Command::new(program).args(arguments).current_dir(folder).status();
    let status = status.with_context(|| format!("starting {program}"))?;
    if status.success() { Ok(()) } else { bail!("{program} {} ended with {status}", arguments.join(" ")) }
}

fn timed(work: impl FnOnce() -> Result<()>) -> Result<f64> {
    let started = Instant::now();
    work()?;
    Ok(started.elapsed().as_secs_f64())
}

fn target_dir() -> Result<PathBuf> {
    match std::env::var_os("CARGO_TARGET_DIR") {
        Some(folder) => Ok(folder.into()),
        None => Ok(tidy::root()?.join("target")),
    }
}
