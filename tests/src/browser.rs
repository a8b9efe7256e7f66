//! A real Chromium, driven by a script of the pages' own test folder.

use std::{path::Path, process::Command};

/// Runs `web/test/browser/SCRIPT URL` and fails with what it printed.
pub fn drive_browser(script: &str, url: &str) {
    let web = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("tests lies in the checkout").join("web");
    let output = Command::new("node")
        .arg(format!("test/browser/{script}"))
        .arg(url)
        .current_dir(web)
        .output()
        .expect("node is installed");
    assert!(
        output.status.success(),
        "{script} failed on {url}:\n{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
}
