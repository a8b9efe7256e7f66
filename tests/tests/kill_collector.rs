//! kill -9 of the collector at random points under load: nothing acknowledged is lost, nothing is doubled. The sender
//! keeps its own count and is the oracle.

use std::{
    collections::HashMap,
    process::Command,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::Duration,
};

use e2e::{Running, fewer, free_port, get_json, push};
use model::{AgentId, BatchBuilder, Frame, LabelSet, Profile, PushKey, Sample, Window, keys};
use testkit::Random;

const SENDERS: u64 = 4;
/// How often the collector is killed; `FEWER_KILLS` asks for more.
const KILLS: u64 = 25;
const STEP_NS: i64 = 10_000_000_000;

#[test]
fn nothing_acknowledged_is_lost_or_doubled() {
    let kills = std::env::var("FEWER_KILLS").ok().and_then(|text| text.parse().ok()).unwrap_or(KILLS);
    let folder = tempfile::tempdir().expect("a temporary folder");
    let port = free_port();
    let stop = Arc::new(AtomicBool::new(false));
    let start_ns = now_ns() - 3600 * 1_000_000_000;

    let senders: Vec<_> = (0..SENDERS)
        .map(|sender| {
            let stop = stop.clone();
            thread::spawn(move || send_until(&stop, port, sender, start_ns))
        })
        .collect();

    let mut random = Random::new(4711);
    for _ in 0..kills {
        let collector = start(port, folder.path());
        thread::sleep(Duration::from_millis(random.below(400)));
        collector.kill();
    }
    let last = start(port, folder.path());
    thread::sleep(Duration::from_millis(200));
    stop.store(true, Ordering::Relaxed);
    let sent: HashMap<u64, Sent> = senders
        .into_iter()
        .map(|sender| sender.join().expect("a sender did not panic"))
        .map(|sent| (sent.sender, sent))
        .collect();

    let (status, values) =
        get_json(port, "/api/v1/labels/service.name/values?start=now-2h&end=now%2B1h").expect("it answers");
    assert_eq!(status, 200, "{values}");
    let mut acknowledged = 0;
    for (sender, sent) in &sent {
        let service = format!("sender-{sender}");
        let found = values["values"]
            .as_array()
            .and_then(|rows| rows.iter().find(|row| row["value"] == service.as_str()))
            .and_then(|row| row["total"].as_i64())
            .unwrap_or(0);
        // A push in flight when the senders stopped may have been stored without its acknowledgement.
        let allowed = [sent.acknowledged_total, sent.acknowledged_total + sent.in_doubt];
        assert!(allowed.contains(&found), "{service}: {found} stored, acknowledged or in doubt {allowed:?}");
        assert!(sent.acknowledged > 0, "{service} got nothing through");
        acknowledged += sent.acknowledged;
    }
    println!("{kills} kills, {acknowledged} pushes acknowledged, 0 lost, 0 doubled");
    last.kill();
}

struct Sent {
    sender: u64,
    acknowledged: u64,
    acknowledged_total: i64,
    in_doubt: i64,
}

/// Sends numbered pushes in order, each again until it is acknowledged, as an agent does.
fn send_until(stop: &AtomicBool, port: u16, sender: u64, start_ns: i64) -> Sent {
    let mut sent = Sent { sender, acknowledged: 0, acknowledged_total: 0, in_doubt: 0 };
    let mut random = Random::new(sender + 1);
    for sequence in 1.. {
        let value = 1 + random.below(1_000_000) as i64;
        let body = body(sender, sequence, value, start_ns);
        while !push(port, &body) {
            if stop.load(Ordering::Relaxed) {
                sent.in_doubt = value;
                return sent;
            }
            thread::sleep(Duration::from_millis(5));
        }
        sent.acknowledged += 1;
        sent.acknowledged_total += value;
        if stop.load(Ordering::Relaxed) {
            return sent;
        }
    }
    sent
}

fn body(sender: u64, sequence: u64, value: i64, start_ns: i64) -> Vec<u8> {
    let mut builder = BatchBuilder::new();
    let frame = builder.frame(Frame { function: format!("f{}", sequence % 7).into(), ..Frame::default() });
    let stack = builder.stack(vec![frame]);
    let start_ns = start_ns + (sequence as i64 % 60) * STEP_NS;
    let profile = Profile {
        labels: LabelSet::new([(keys::SERVICE_NAME, format!("sender-{sender}"))]),
        window: Window { start_ns, end_ns: start_ns + STEP_NS },
        period: 1,
        ..Profile::default()
    };
    builder.add(&profile, Sample { stack, value });
    let key = PushKey { agent: AgentId(u128::from(sender) + 1), sequence };
    wire::push::encode(key, &builder.finish(), None)
}

fn start(port: u16, folder: &std::path::Path) -> Running {
    let mut command: Command = fewer();
    command.args(["collector", "--listen", &format!("127.0.0.1:{port}"), "--data-dir"]).arg(folder);
    let mut collector = Running::start(&mut command);
    collector.wait_until("readiness", Duration::from_secs(30), || {
        get_json(port, "/readyz").is_ok_and(|(status, _)| status == 200)
    });
    collector
}

fn now_ns() -> i64 {
    let since_epoch = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).expect("after 1970");
    since_epoch.as_nanos() as i64
}
