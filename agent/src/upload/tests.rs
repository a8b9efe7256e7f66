//! Sending to a collector that answers, refuses, stalls and breaks off.

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::{TcpListener, TcpStream},
    path::Path,
    sync::{Arc, mpsc},
    thread,
};

use model::AgentId;

use super::*;
use crate::spool::SpoolOptions;

/// What the server does with one request.
#[derive(Clone, Copy)]
enum Answer {
    Status(u16),
    /// Closes the connection after reading the request.
    Reset,
    /// Never answers within the client's patience.
    Stall,
}

/// One request as the server saw it.
#[derive(Debug, PartialEq, Eq)]
struct Request {
    line: String,
    authorization: Option<String>,
    body: Vec<u8>,
}

/// Serves the answers in turn, one connection each, and reports every request.
fn serve(answers: Vec<Answer>) -> (String, mpsc::Receiver<Request>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let (requests, seen) = mpsc::sync_channel(16);
    thread::spawn(move || {
        let mut stalled = Vec::new();
        for answer in answers {
            let (mut stream, _) = listener.accept().unwrap();
            requests.send(read_request(&stream)).unwrap();
            match answer {
                Answer::Status(status) => {
                    write!(stream, "HTTP/1.1 {status} x\r\nretry-after: 0\r\nconnection: close\r\ncontent-length: 4\r\n\r\nbody")
                        .unwrap();
                }
                Answer::Reset => {}
                Answer::Stall => stalled.push(stream),
            }
        }
    });
    (address, seen)
}

fn read_request(stream: &TcpStream) -> Request {
    let mut reader = BufReader::new(stream);
    let mut head = Vec::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).unwrap();
        if line.trim().is_empty() {
            break;
        }
        head.push(line.trim().to_owned());
    }
    let header = |name: &str| {
        let found = head.iter().find(|line| line.to_lowercase().starts_with(name));
        found.map(|line| line[name.len()..].trim().to_owned())
    };
    let mut body = vec![0; header("content-length:").unwrap().parse().unwrap()];
    reader.read_exact(&mut body).unwrap();
    Request { line: head[0].clone(), authorization: header("authorization:"), body }
}

fn outbox(folder: &Path, pushes: u8) -> Arc<Outbox> {
    let options = SpoolOptions {
        directory: folder.to_owned(),
        limit_bytes: 1000,
        boot_id: "boot".into(),
        fresh_id: AgentId(1),
    };
    let outbox = Outbox::new(Spool::open(options).unwrap());
    for number in 1..=pushes {
        outbox.append(|_| vec![number; 3]).unwrap();
    }
    Arc::new(outbox)
}

fn client(collector: String) -> Client {
    let token = Some("secret".to_owned());
    Client::new(ClientOptions { collector, token, timeout: Duration::from_millis(300) }).unwrap()
}

/// Sends `pushes` pushes to a server that gives these answers; returns the bodies it saw, in order, and the
/// outbox.
fn run(pushes: u8, answers: &[Answer]) -> (Vec<u8>, SpoolUsage, Tally) {
    let folder = tempfile::tempdir().unwrap();
    let outbox = outbox(folder.path(), pushes);
    let (address, seen) = serve(answers.to_vec());
    let sender = {
        let outbox = outbox.clone();
        thread::spawn(move || send_all(&outbox, &client(address), || 0.0))
    };
    let bodies = answers.iter().map(|_| seen.recv().unwrap().body[0]).collect();
    while outbox.usage().pushes > 0 {
        thread::sleep(Duration::from_millis(1));
    }
    outbox.close(Instant::now());
    sender.join().unwrap();
    (bodies, outbox.usage(), outbox.deliveries())
}

#[test]
fn pushes_arrive_in_order_with_the_token() {
    let folder = tempfile::tempdir().unwrap();
    let outbox = outbox(folder.path(), 2);
    let (address, seen) = serve(vec![Answer::Status(200); 2]);
    outbox.close(Instant::now() + Duration::from_secs(60));
    send_all(&outbox, &client(address), || 0.0);
    for number in 1..=2 {
        let expected = Request {
            line: "POST /api/v1/push HTTP/1.1".into(),
            authorization: Some("Bearer secret".into()),
            body: vec![number; 3],
        };
        assert_eq!(seen.recv().unwrap(), expected);
    }
    assert_eq!(outbox.usage(), SpoolUsage::default());
}

#[test]
fn a_push_is_sent_again_until_it_is_stored_and_nothing_overtakes_it() {
    use Answer::{Reset, Stall, Status};
    let answers = [
        Status(500),
        Status(503),
        Status(429),
        Status(401),
        Status(404),
        Reset,
        Stall,
        Status(204),
        Status(200),
    ];
    let (bodies, usage, deliveries) = run(2, &answers);
    assert_eq!(bodies, [1, 1, 1, 1, 1, 1, 1, 1, 2]);
    assert_eq!(usage, SpoolUsage::default());
    assert_eq!(deliveries.outcomes(DELIVERIES), [("retried", 7), ("stored", 2)]);
}

#[test]
fn a_refused_push_is_set_aside_and_the_next_one_goes() {
    let (bodies, usage, _) = run(3, &[Answer::Status(400), Answer::Status(200), Answer::Status(413)]);
    assert_eq!(bodies, [1, 2, 3]);
    assert_eq!(usage, SpoolUsage { set_aside: 2, ..SpoolUsage::default() });
}

#[test]
fn without_a_collector_the_pushes_stay_in_the_spool() {
    let folder = tempfile::tempdir().unwrap();
    let outbox = outbox(folder.path(), 2);
    let closed_port = {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        format!("http://{}", listener.local_addr().unwrap())
    };
    outbox.close(Instant::now() + Duration::from_secs(60));
    send_all(&outbox, &client(closed_port), || 0.0);
    assert_eq!(outbox.usage().pushes, 2);
    assert_eq!(outbox.deliveries().get(DELIVERIES, "retried"), 1);
}

#[test]
fn a_push_that_vanished_from_the_disk_does_not_block_the_next() {
    let folder = tempfile::tempdir().unwrap();
    let outbox = outbox(folder.path(), 2);
    let path = outbox.lock().spool.path(1);
    std::fs::remove_file(path).unwrap();
    let (address, seen) = serve(vec![Answer::Status(200)]);
    outbox.close(Instant::now() + Duration::from_secs(60));
    send_all(&outbox, &client(address), || 0.0);
    assert_eq!(seen.recv().unwrap().body[0], 2);
    assert_eq!(outbox.usage(), SpoolUsage { set_aside: 1, ..SpoolUsage::default() });
}
