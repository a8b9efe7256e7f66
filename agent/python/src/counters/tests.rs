//! Counting, checked on pages made by hand.

use std::{cell::RefCell, collections::BTreeMap};

use super::*;

/// Memory of a process that counts, made by hand.
#[derive(Default)]
struct Page(RefCell<BTreeMap<u64, u8>>);

const LOCATION: CountersLocation =
    CountersLocation { address: 0x1000, slots: 4, evaluations_address: 0x2000, evaluations: 4 };
const RECORDS: u64 = 0x5000;

impl Memory for Page {
    fn read(&self, address: u64, into: &mut [u8]) -> io::Result<()> {
        let bytes = self.0.borrow();
        for (at, byte) in (address..).zip(into) {
            *byte = *bytes.get(&at).ok_or(io::ErrorKind::NotFound)?;
        }
        Ok(())
    }
}

impl Page {
    fn new(pid: u64) -> Self {
        let page = Self::default();
        page.put(LOCATION.address, &[0; 64 + 4 * 64]);
        page.put(LOCATION.evaluations_address, &[0; 4 * 32]);
        page.words(LOCATION.address, &[MAGIC, pid, 4 << 32, 0, 0, 0, 4 << 32, 3]);
        page
    }

    fn put(&self, address: u64, bytes: &[u8]) {
        self.0.borrow_mut().extend((address..).zip(bytes.iter().copied()));
    }

    fn words(&self, address: u64, words: &[u64]) {
        words.iter().zip(0..).for_each(|(word, at)| self.put(address + 8 * at, &word.to_ne_bytes()));
    }

    fn record(&self, at: u64, key: u8, value: &str) -> u64 {
        let mut bytes = vec![0; 24];
        bytes.extend([1, 0]);
        bytes.extend((value.len() as u16 + 2).to_ne_bytes());
        bytes.extend([key, value.len() as u8]);
        bytes.extend(value.as_bytes());
        self.put(RECORDS + at, &bytes);
        RECORDS + at
    }

    fn slot(&self, at: u64, record: u64, words: [u64; 6]) {
        let address = LOCATION.address + 64 + 64 * at;
        self.words(address, &[&[record][..], &words].concat());
        self.words(LOCATION.address + 16, &[4 << 32 | (at + 1)]);
    }

    fn evaluation(&self, at: u64, record: u64, words: [u64; 2]) {
        self.words(LOCATION.evaluations_address + 32 * at, &[record, words[0], words[1]]);
        self.words(LOCATION.address + 48, &[4 << 32 | (at + 1)]);
    }
}

fn keys() -> Vec<Arc<str>> {
    ["endpoint", "feature_flag.result.variant.new-feed"].map(Arc::from).to_vec()
}

fn poll(reader: &mut CountersReader, page: &Page) -> Result<Poll, CountersError> {
    reader.poll(page, &LOCATION, &keys(), Some(7))
}

/// Requests of a poll as (endpoint, requests, cpu_ns).
fn requests(poll: &Poll) -> Vec<(String, u64, u64)> {
    let row = |delta: &RequestDelta| {
        (delta.labels.get("endpoint").unwrap_or_default().to_owned(), delta.requests, delta.cpu_ns)
    };
    poll.requests.iter().map(row).collect()
}

#[test]
fn differences_are_counted_once() {
    let page = Page::new(7);
    let feed = page.record(0, 0, "GET /feed");
    page.slot(0, feed, [10, 1_000, 5, 70, 1, 2]);
    let mut reader = CountersReader::from_now();
    assert_eq!(poll(&mut reader, &page), Ok(Poll::default()));
    page.slot(0, feed, [13, 1_600, 6, 100, 2, 2]);
    let like = page.record(100, 0, "POST /like");
    page.slot(1, like, [2, 0, 0, 0, 0, 0]);
    let found = poll(&mut reader, &page).unwrap();
    let delta = RequestDelta {
        labels: LabelSet::new([("endpoint", "GET /feed")]),
        requests: 3,
        measured: 1,
        cpu_ns: 600,
        instructions: Some(30),
        client_errors: 1,
        server_errors: 0,
    };
    assert_eq!(found.requests.first(), Some(&delta));
    assert_eq!(requests(&found)[1], ("POST /like".to_owned(), 2, 0));
    assert_eq!(poll(&mut reader, &page), Ok(Poll::default()));
}

#[test]
fn a_process_seen_to_start_counts_from_zero() {
    let page = Page::new(7);
    page.slot(0, page.record(0, 0, "GET /feed"), [10, 1_000, 5, 0, 0, 0]);
    page.words(LOCATION.address + 24, &[3, 2, 1]);
    page.words(LOCATION.address + 56, &[1]);
    let found = poll(&mut CountersReader::from_start(), &page).unwrap();
    assert_eq!(requests(&found), [("GET /feed".to_owned(), 10, 1_000)]);
    assert_eq!((found.overflowed, found.cut, found.faults), (3, 2, 1));
    assert_eq!(found.requests[0].instructions, None);
}

#[test]
fn a_child_counts_from_its_first_request() {
    let page = Page::new(7);
    let feed = page.record(0, 0, "GET /feed");
    let mut reader = CountersReader::from_now();
    page.words(LOCATION.address, &[0, 0, 0]);
    assert_eq!(poll(&mut reader, &page), Err(CountersError::NotStarted));
    page.words(LOCATION.address, &[MAGIC, 7]);
    page.slot(0, feed, [4, 0, 0, 0, 0, 0]);
    assert_eq!(requests(&poll(&mut reader, &page).unwrap()), [("GET /feed".to_owned(), 4, 0)]);
}

#[test]
fn another_process_is_no_continuation() {
    let page = Page::new(7);
    let feed = page.record(0, 0, "GET /feed");
    page.slot(0, feed, [10, 0, 0, 0, 0, 0]);
    let mut reader = CountersReader::from_now();
    reader.poll(&page, &LOCATION, &keys(), None).unwrap();
    page.words(LOCATION.address + 8, &[8]);
    page.slot(0, feed, [3, 0, 0, 0, 0, 0]);
    assert_eq!(poll(&mut reader, &page), Err(CountersError::OtherProcess(8)));
    let found = reader.poll(&page, &LOCATION, &keys(), Some(8)).unwrap();
    assert_eq!((requests(&found), found.backwards), (vec![("GET /feed".to_owned(), 3, 0)], 0));
    page.words(LOCATION.address, &[1]);
    assert_eq!(poll(&mut reader, &page), Err(CountersError::NotCounters));
    assert_eq!(poll(&mut reader, &Page::default()), Err(CountersError::Unreadable));
}

#[test]
fn words_that_run_backwards_are_ignored() {
    let page = Page::new(7);
    let feed = page.record(0, 0, "GET /feed");
    page.slot(0, feed, [10, 500, 0, 0, 0, 0]);
    let mut reader = CountersReader::from_start();
    poll(&mut reader, &page).unwrap();
    page.slot(0, feed, [8, 600, 0, 0, 0, 0]);
    let found = poll(&mut reader, &page).unwrap();
    assert_eq!((requests(&found), found.backwards), (vec![("GET /feed".to_owned(), 0, 100)], 1));
    page.slot(0, feed, [9, 600, 0, 0, 0, 0]);
    assert_eq!(requests(&poll(&mut reader, &page).unwrap()), [("GET /feed".to_owned(), 1, 0)]);
}

#[test]
fn rows_wait_until_their_record_can_be_decoded() {
    let page = Page::new(7);
    page.slot(0, 0, [9, 0, 0, 0, 0, 0]);
    page.slot(1, page.record(0, 5, "x"), [2, 0, 0, 0, 0, 0]);
    page.slot(2, 0x9999, [2, 0, 0, 0, 0, 0]);
    let mut reader = CountersReader::from_start();
    let found = poll(&mut reader, &page).unwrap();
    assert_eq!((found.requests.len(), found.undecoded, found.has_unknown_keys), (0, 2, true));
    let mut more = keys();
    more.resize(5, "".into());
    more.push("endpoint".into());
    let found = reader.poll(&page, &LOCATION, &more, None).unwrap();
    assert_eq!(requests(&found), [("x".to_owned(), 2, 0)]);
}

#[test]
fn evaluations_are_counted_by_reason() {
    let page = Page::new(7);
    page.evaluation(0, page.record(0, 1, "on"), [5, 4]);
    page.evaluation(1, page.record(100, 1, "off"), [0, 3]);
    page.evaluation(2, page.record(200, 0, "GET /feed"), [5, 4]);
    let mut reader = CountersReader::from_start();
    let found = poll(&mut reader, &page).unwrap();
    let expected =
        EvaluationDelta { flag: "new-feed".into(), variant: "on".into(), reason: Reason::Split, count: 5 };
    assert_eq!(found.evaluations, [expected]);
}

#[test]
fn what_a_page_says_of_its_size_is_bounded() {
    let page = Page::new(7);
    page.words(LOCATION.address + 16, &[u64::MAX]);
    page.words(LOCATION.address + 48, &[u64::MAX]);
    assert_eq!(poll(&mut CountersReader::from_start(), &page), Ok(Poll::default()));
}
