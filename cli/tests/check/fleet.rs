//! A small fleet, for a collector that a check asks.

use model::{Batch, BatchBuilder, Frame, FrameKind, LabelSet, Profile, RequestCounts, Sample, Window, keys};

use crate::served::NOW_NS;

const MINUTE_NS: i64 = 60_000_000_000;

/// The ten minutes that the fleet ran, as options.
pub(crate) const RANGE: [&str; 4] = ["--start", "2026-01-31T11:50:00Z", "--end", "2026-01-31T12:00:00Z"];

/// Six hosts of each version over ten minutes. A request costs 4 ms in `rank` and 6 ms in `render`; in version 2, `rank`
/// costs 6 ms. Hosts differ by a few percent. Files are where they are deployed, under `root`.
pub(crate) fn fleet(root: &str, rank_file: &str) -> Batch {
    let mut builder = BatchBuilder::new();
    let frame = |function: &str, file: &str, line: u32| Frame {
        kind: FrameKind::Python,
        function: function.into(),
        file: format!("{root}/{file}").into(),
        line,
        ..Frame::default()
    };
    let main = builder.frame(frame("main", "serve.py", 3));
    let rank = builder.frame(frame("rank", rank_file, 4));
    let render = builder.frame(frame("render", rank_file, 9));
    let (rank, render) = (builder.stack(vec![rank, main]), builder.stack(vec![render, main]));
    for (version, host) in [1, 2].into_iter().flat_map(|version| (0..6).map(move |host| (version, host))) {
        let name = format!("web-{version}-{host}");
        let labels = LabelSet::new([
            (keys::SERVICE_NAME, "feed"),
            (keys::SERVICE_VERSION, version.to_string().as_str()),
            (keys::HOST_NAME, &name),
            (keys::ENDPOINT, "GET /feed"),
        ]);
        for minute in 0..10 {
            let start_ns = NOW_NS - MINUTE_NS * (10 - minute);
            let window = Window { start_ns, end_ns: start_ns + MINUTE_NS };
            let profile = Profile { labels: labels.clone(), window, period: 1_000_000, ..Profile::default() };
            let wobble = 1_000 + (host * 37 + minute * 11) % 60;
            let requests = 6_000;
            let rank_ms = if version == 2 { 6 } else { 4 };
            for (stack, each_ms) in [(rank, rank_ms), (render, 6)] {
                builder.add(&profile, Sample { stack, value: requests * each_ms * 1_000 * wobble });
            }
            builder.add_requests(&RequestCounts {
                window,
                labels: labels.clone(),
                requests: requests as u64,
                ..RequestCounts::default()
            });
        }
    }
    builder.finish()
}
