//! `make demo`: the photo-sharing site of `tests/platform` under load, and fewer beside it.

use std::{os::unix::process::CommandExt, path::Path, process::Command};

use anyhow::{Context, Result, bail};

use crate::{chores, tidy};

/// Builds everything, installs what the site needs, and becomes the process that runs it, so that Ctrl-C
/// reaches who has to clean up and `make` waits for that.
pub fn run(arguments: &[String]) -> Result<()> {
    let fewer = chores::build()?;
    let platform = tidy::root()?.join("tests/platform");
    let python = install(&platform)?;
    let mut demo = Command::new(&python);
    demo.arg(platform.join("demo.py")).arg("--fewer").arg(fewer).args(arguments);
    Err(demo.exec()).with_context(|| format!("starting {python}"))
}

/// Returns the Python of the environment that the site runs in.
fn install(platform: &Path) -> Result<String> {
    let mut installer = Command::new("sh");
    installer.arg(platform.join("install.sh")).stderr(std::process::Stdio::inherit());
    let output = installer.output().context("starting sh")?;
    if !output.status.success() {
        bail!("the demo cannot start without what its installation needs");
    }
    let python = String::from_utf8(output.stdout)?;
    python.lines().last().map(str::to_owned).context("install.sh printed no Python")
}
