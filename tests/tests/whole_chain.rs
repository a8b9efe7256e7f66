//! `fewer up` on this host: from the kernel's timer to rectangles in a browser.

use std::{collections::BTreeSet, time::Duration};

use e2e::{Running, drive_browser, fewer, free_port, get_json, is_root};

#[test]
fn a_browser_shows_this_hosts_load() {
    if !is_root() {
        eprintln!("skipped: sampling the whole host needs root");
        return;
    }
    let folder = tempfile::tempdir().expect("a temporary folder");
    let port = free_port();
    let mut load = Running::start(
        std::process::Command::new("sh").args(["-c", "while :; do cat /proc/stat >/dev/null; done"]),
    );
    let mut up = Running::start(
        fewer().args(["up", "--listen", &format!("127.0.0.1:{port}"), "--data-dir"]).arg(folder.path()),
    );
    up.wait_until(
        "kernel and native frames by name within 30 s of the start",
        Duration::from_secs(30),
        || {
            let kinds = kinds_named(port);
            kinds.contains("kernel") && kinds.contains("native")
        },
    );
    drive_browser("host.mjs", &format!("http://127.0.0.1:{port}/"));
    load.wait_until("still running", Duration::from_secs(1), || true);
    let (status, output) = up.interrupt();
    assert!(status.success(), "{status}: {output}");
}

/// Kinds of the functions that have a name.
fn kinds_named(port: u16) -> BTreeSet<String> {
    let Ok((_, top)) = get_json(port, "/api/v1/top?start=now-5m&end=now&limit=500") else {
        return BTreeSet::new();
    };
    let functions = top["rows"].as_array().into_iter().flatten().map(|row| &row["function"]);
    let named =
        functions.filter(|function| function["name"].as_str().is_some_and(|name| !name.contains("+0x")));
    named.filter_map(|function| function["kind"].as_str()).map(str::to_owned).collect()
}
