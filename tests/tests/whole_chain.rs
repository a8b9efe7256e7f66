//! `fewer up` on this host: from the kernel's timer to rectangles in a browser.

use std::time::Duration;

use e2e::{Running, drive_browser, fewer, free_port, get_json, is_root};

#[test]
fn a_browser_shows_this_hosts_load() {
    if !is_root() {
        eprintln!("skipped: sampling the whole host needs root");
        return;
    }
    let folder = tempfile::tempdir().expect("a temporary folder");
    let port = free_port();
    let mut load = Running::start(std::process::Command::new("sh").args(["-c", "while :; do :; done"]));
    let mut up = Running::start(
        fewer().args(["up", "--listen", &format!("127.0.0.1:{port}"), "--data-dir"]).arg(folder.path()),
    );
    up.wait_until("data within 30 s of the start", Duration::from_secs(30), || total(port) > 0);
    let (_, top) = get_json(port, "/api/v1/top?start=now-5m&end=now&limit=500").expect("it answers");
    let kinds: Vec<&str> = top["rows"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|row| row["function"]["kind"].as_str())
        .collect();
    assert!(kinds.contains(&"kernel") && kinds.contains(&"native"), "kinds found: {kinds:?}");
    drive_browser("host.mjs", &format!("http://127.0.0.1:{port}/"));
    load.wait_until("still running", Duration::from_secs(1), || true);
    let (status, output) = up.interrupt();
    assert!(status.success(), "{status}: {output}");
}

fn total(port: u16) -> i64 {
    get_json(port, "/api/v1/flamegraph?start=now-5m&end=now&width=1000")
        .ok()
        .and_then(|(_, answer)| answer["total"].as_i64())
        .unwrap_or(0)
}
