//! Every query over real HTTP against a real store.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use crate::support::Server;

const RANGE: &str = "start=now-5m&end=now";

/// One snapshot per address, so that a change of the API is seen.
#[test]
fn answers() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::seeded(dir.path());
    let cases = [
        ("labels", "/api/v1/labels?"),
        ("label_values", "/api/v1/labels/service.name/values?"),
        ("label_values_cut", "/api/v1/labels/endpoint/values?limit=1&"),
        ("timeline", "/api/v1/timeline?steps=5&"),
        ("timeline_by", "/api/v1/timeline?steps=5&by=service.name&limit=1&"),
        ("flamegraph", "/api/v1/flamegraph?"),
        ("flamegraph_cut", "/api/v1/flamegraph?width=100&min_px=15&"),
        ("flamegraph_root", "/api/v1/flamegraph?root=main&root=handle&"),
        (
            "flamegraph_callers",
            "/api/v1/flamegraph?direction=callers&max_frames=3&query={service.name=%22feed%22}&",
        ),
        ("top", "/api/v1/top?"),
        ("top_filtered", "/api/v1/top?sort=total&limit=2&filter=a&"),
        ("match", "/api/v1/match?pattern=^(parse|render)$&"),
    ];
    for (name, path) in cases {
        insta::assert_snapshot!(name, server.get(&format!("{path}{RANGE}")).shown());
    }
    insta::assert_snapshot!("hosts", server.get("/api/v1/hosts").shown());
    insta::assert_snapshot!("status", server.get("/api/v1/status").shown());
}

#[test]
fn an_empty_store_answers_with_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(dir.path(), |_| {});
    let mut shown = String::new();
    for path in [
        "/api/v1/labels",
        "/api/v1/labels/service.name/values",
        "/api/v1/timeline?start=now-20s",
        "/api/v1/timeline?start=now-20s&per=request",
        "/api/v1/requests?start=now-20s",
        "/api/v1/requests?start=now-20s&by=endpoint",
        "/api/v1/breakdown?start=now-20s",
        "/api/v1/flamegraph",
        "/api/v1/top",
        "/api/v1/match?pattern=x",
        "/api/v1/hosts",
        "/api/v1/status",
    ] {
        let answer = server.get(path);
        shown += &format!("{path}\n{} {}\n", answer.status, answer.body);
    }
    insta::assert_snapshot!(shown);
}

#[test]
fn bad_questions_are_answered_with_what_to_do() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(dir.path(), |_| {});
    let mut shown = String::new();
    for path in [
        "/api/v1/top?query={service.name=feed}",
        "/api/v1/top?query={a=~%22(%22}",
        "/api/v1/top?start=yesterday",
        "/api/v1/top?start=now&end=now-1h",
        "/api/v1/top?type=wall",
        "/api/v1/top?limit=0",
        "/api/v1/top?limit=many",
        "/api/v1/top?sort=cost",
        "/api/v1/top?colour=red",
        "/api/v1/top?limit=1&limit=2",
        "/api/v1/status?x",
        "/api/v1/timeline?per=core",
        "/api/v1/breakdown?limit=0",
        "/api/v1/flamegraph?direction=up",
        "/api/v1/flamegraph?width=NaN",
        "/api/v1/match",
        "/api/v1/match?pattern=a(",
        "/api/v1/export/pdf",
        "/api/v1/nothing",
        "/api/v1/push",
        "/debug/pprof/profile?seconds=0",
    ] {
        let answer = server.get(path);
        shown += &format!("{path}\n{} {}\n", answer.status, answer.body);
    }
    insta::assert_snapshot!(shown);
}

/// What a picture hides never changes a number (invariant I13).
#[test]
fn tables_and_pictures_agree_however_they_are_cut() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::seeded(dir.path());
    let total = server.get(&format!("/api/v1/top?{RANGE}")).json()["total"].as_i64().unwrap();
    assert_eq!(total, 1_000_000_000);
    for cut in ["", "&min_px=500", "&max_frames=1", "&direction=callers&width=1"] {
        let graph = server.get(&format!("/api/v1/flamegraph?{RANGE}{cut}")).json();
        let selves = graph["selves"].as_array().unwrap().iter().map(|value| value.as_i64().unwrap());
        assert_eq!((graph["total"].as_i64().unwrap(), selves.sum::<i64>()), (total, total), "{cut}");
    }
    let bands = server.get(&format!("/api/v1/timeline?{RANGE}&by=service.name")).json();
    assert_eq!(bands["total"].as_i64(), Some(total));
}

#[test]
fn the_selection_is_saved_in_every_format() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::seeded(dir.path());
    for (format, file) in [
        ("pprof", "cpu.pb.gz"),
        ("folded", "cpu.folded"),
        ("speedscope", "cpu.speedscope.json"),
        ("svg", "cpu.svg"),
    ] {
        let answer = server.get(&format!("/api/v1/export/{format}?{RANGE}"));
        assert_eq!(answer.status, 200, "{format}: {}", answer.body);
        assert_eq!(answer.header("content-disposition"), format!("attachment; filename=\"{file}\""));
        let read = wire::file::read_any(file, &answer.bytes).unwrap();
        assert_eq!(read.total(), 1_000_000_000, "{format}");
    }
}

#[test]
fn a_known_answer_is_not_sent_again() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::seeded(dir.path());
    let path = format!("/api/v1/top?{RANGE}");
    let first = server.get(&path);
    let tag = first.header("etag").to_owned();
    assert!(tag.starts_with('"') && tag.len() == 34, "{tag}");
    let again = server.get_with(&path, &[("if-none-match", &tag)]);
    assert_eq!((again.status, again.body.as_str(), again.header("etag")), (304, "", tag.as_str()));
    let other = server.get_with(&path, &[("if-none-match", "\"other\"")]);
    assert_eq!((other.status, other.body), (200, first.body));
}

#[test]
fn answers_are_compressed_as_the_client_likes() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::seeded(dir.path());
    let path = format!("/api/v1/flamegraph?{RANGE}");
    let plain = server.get(&path);
    let zstd = server.get_with(&path, &[("accept-encoding", "gzip, zstd")]);
    let gzip = server.get_with(&path, &[("accept-encoding", "gzip")]);
    assert_eq!([plain.header("content-encoding"), zstd.header("content-encoding")], ["", "zstd"]);
    assert_eq!(gzip.header("content-encoding"), "gzip");
    assert_eq!(zstd::decode_all(zstd.bytes.as_slice()).unwrap(), plain.bytes);
    let mut unpacked = Vec::new();
    std::io::Read::read_to_end(&mut flate2::read::GzDecoder::new(gzip.bytes.as_slice()), &mut unpacked)
        .unwrap();
    assert_eq!(unpacked, plain.bytes);
    assert_ne!(plain.header("etag"), gzip.header("etag"));
}
