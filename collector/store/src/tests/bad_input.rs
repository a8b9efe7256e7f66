//! What a store does with a world that is not as it should be.

use std::fs;

use super::*;

fn row(start_ns: i64, value: i64) -> Row {
    Row { start_ns, service: 1, endpoint: 1, function: 1, value }
}

fn total(store: &Store) -> i64 {
    sums(store, &selector(&[]), EVERYTHING).values().sum()
}

#[test]
fn a_directory_that_cannot_be_used_is_named() {
    let dir = temporary_dir();
    let file = dir.path().join("file");
    fs::write(&file, "not a directory").unwrap();
    let error = Store::open(options(&file.join("store"), &TestClock::new())).unwrap_err();
    assert!(matches!(error, StoreError::Directory { .. }));
    assert!(error.to_string().contains("file/store: Not a directory"), "{error}");
}

#[test]
fn a_store_that_is_open_is_not_opened_again() {
    let dir = temporary_dir();
    let _store = Store::open(options(dir.path(), &TestClock::new())).unwrap();
    let error = Store::open(options(dir.path(), &TestClock::new())).unwrap_err();
    assert!(matches!(error, StoreError::InUse { .. }), "{error}");
}

#[test]
fn a_newer_log_stops_the_start() {
    let dir = temporary_dir();
    drop(Store::open(options(dir.path(), &TestClock::new())).unwrap());
    let path = crate::log::path_of(&dir.path().join("log"), 1);
    let mut content = fs::read(&path).unwrap();
    content[8] = 9;
    fs::write(&path, content).unwrap();
    let error = Store::open(options(dir.path(), &TestClock::new())).unwrap_err().to_string();
    assert_eq!(
        error,
        "store was written by a newer version: log file 00000001.log has format 9, this program reads up to 1; \
         update fewer"
    );
}

#[test]
fn corruption_in_the_middle_of_the_log_costs_only_what_it_hit() {
    let dir = temporary_dir();
    let clock = TestClock::new();
    let store = Store::open(options(dir.path(), &clock)).unwrap();
    for sequence in 1..=3 {
        append(&store, key(1, sequence), &[row(START_NS, 10_i64.pow(sequence as u32))]).unwrap();
    }
    drop(store);
    let path = crate::log::path_of(&dir.path().join("log"), 1);
    let mut content = fs::read(&path).unwrap();
    let middle = content.len() / 2;
    content[middle] ^= 0xff;
    fs::write(&path, content).unwrap();

    let store = Store::open(options(dir.path(), &clock)).unwrap();
    assert_eq!(total(&store), 1_010);
    assert!(store.stats().log_corrupt_bytes > 0);
    store.flush().unwrap();
    assert_eq!(total(&store), 1_010);
    assert!(path.with_extension("corrupt").exists(), "the file is kept aside");
    assert!(!path.exists());
    drop(store);
    let store = Store::open(options(dir.path(), &clock)).unwrap();
    assert_eq!((total(&store), store.stats().log_corrupt_bytes), (1_010, 0));
}

#[test]
fn a_corrupt_segment_is_left_out_and_reported() {
    for harm in ["flip", "cut", "remove"] {
        let dir = temporary_dir();
        let clock = TestClock::new();
        let store = Store::open(options(dir.path(), &clock)).unwrap();
        for sequence in 1..=2 {
            append(&store, key(1, sequence), &[row(START_NS, sequence as i64)]).unwrap();
            store.flush().unwrap();
        }
        let path = dir.path().join("data/segments/00000001/samples.parquet");
        let mut content = fs::read(&path).unwrap();
        match harm {
            "flip" => content[20] ^= 1,
            _ => content.truncate(10),
        }
        if harm == "remove" {
            fs::remove_file(&path).unwrap();
        } else {
            fs::write(&path, content).unwrap();
        }
        for _ in 0..2 {
            let answer = store.stacks(&selector(&[]), EVERYTHING, ProfileType::Cpu).unwrap();
            assert_eq!(leaf_sums(&answer.value).values().sum::<i64>(), 2);
            assert_eq!(answer.unreadable.len(), 1);
            assert_eq!(answer.unreadable[0].folder.as_ref(), "segments/00000001");
        }
        assert_eq!(store.stats().folders_corrupt, 1);
        clock.advance(3 * HOUR_NS);
        store.maintain().unwrap();
        assert_eq!((store.stats().segments, store.stats().blocks), (1, 1), "the sound one is compacted");
        drop(store);
        let store = Store::open(options(dir.path(), &clock)).unwrap();
        let answer = store.stacks(&selector(&[]), EVERYTHING, ProfileType::Cpu).unwrap();
        assert_eq!(leaf_sums(&answer.value).values().sum::<i64>(), 2);
    }
}

#[test]
fn a_clock_that_goes_back_loses_nothing() {
    let dir = temporary_dir();
    let clock = TestClock::new();
    let store = Store::open(options(dir.path(), &clock)).unwrap();
    append(&store, key(1, 1), &[row(START_NS, 1)]).unwrap();
    store.flush().unwrap();
    clock.advance(-30 * HOUR_NS);
    store.maintain().unwrap();
    append(&store, key(1, 2), &[row(START_NS + SECOND_NS, 10)]).unwrap();
    append(&store, key(1, 3), &[row(clock.now_ns(), 100)]).unwrap();
    store.maintain().unwrap();
    assert_eq!(append(&store, key(1, 3), &[row(clock.now_ns(), 100)]).unwrap(), Appended::Duplicate);
    assert_eq!(total(&store), 111);
    drop(store);
    let store = Store::open(options(dir.path(), &clock)).unwrap();
    append(&store, key(1, 4), &[row(START_NS + SECOND_NS, 1_000)]).unwrap();
    assert_eq!(total(&store), 1_111);
}

#[test]
fn pushes_from_a_wrong_time_are_refused() {
    let dir = temporary_dir();
    let store = Store::open(options(dir.path(), &TestClock::new())).unwrap();
    for start_ns in [START_NS + HOUR_NS, START_NS - 15 * 24 * HOUR_NS] {
        let error = append(&store, key(1, 1), &[row(start_ns, 1)]).unwrap_err();
        assert!(matches!(error, StoreError::OutOfTime { .. }), "{error}");
    }
    assert_eq!(store.stats().pushes_refused, 2);
    append(&store, key(1, 1), &[row(START_NS + HOUR_NS - 1, 1)]).unwrap();
}

#[test]
fn pushes_beyond_a_limit_are_refused() {
    let dir = temporary_dir();
    let mut options = options(dir.path(), &TestClock::new());
    options.limits.push_bytes = 50;
    options.limits.queue_bytes = 100;
    let store = Store::open(options).unwrap();
    let rows = [row(START_NS, 1), row(START_NS, 2)];
    let error = append(&store, key(1, 1), &rows).unwrap_err();
    assert!(matches!(error, StoreError::TooLarge { size_bytes: 62, limit_bytes: 50 }), "{error}");
    let mut bad = batch(&rows);
    bad.profiles[0].samples[0].value = -1;
    assert!(matches!(store.append(Vec::new(), key(1, 1), bad), Err(StoreError::InvalidBatch(_))));
    append(&store, key(1, 1), &rows[..1]).unwrap();
    assert_eq!(total(&store), 1);
}

#[test]
fn the_disk_cap_deletes_the_oldest() {
    let dir = temporary_dir();
    let clock = TestClock::new();
    let mut options = options(dir.path(), &clock);
    let folder_bytes = {
        let store = Store::open(options.clone()).unwrap();
        append(&store, key(1, 1), &[row(clock.now_ns(), 1)]).unwrap();
        store.flush().unwrap();
        store.stats().stored_bytes
    };
    options.limits.disk_bytes = folder_bytes * 5 / 2;
    let store = Store::open(options).unwrap();
    for sequence in 2..=4 {
        clock.advance(HOUR_NS);
        append(&store, key(1, sequence), &[row(clock.now_ns(), 10_i64.pow(sequence as u32))]).unwrap();
        store.flush().unwrap();
    }
    store.maintain().unwrap();
    let stats = store.stats();
    assert_eq!((total(&store), stats.folders_expired), (11_000, 2));
    assert!(stats.stored_bytes <= folder_bytes * 5 / 2);
    store.maintain().unwrap();
    let left = fs::read_dir(dir.path().join("data/segments")).into_iter().flatten().count();
    let left = left + fs::read_dir(dir.path().join("data/blocks")).into_iter().flatten().count();
    assert_eq!(left, 2, "files of deleted folders are gone");
}

#[test]
fn orphans_of_a_crash_are_removed() {
    let dir = temporary_dir();
    let clock = TestClock::new();
    drop(Store::open(options(dir.path(), &clock)).unwrap());
    let orphan = dir.path().join("data/segments/00000007");
    fs::create_dir_all(&orphan).unwrap();
    fs::write(orphan.join("samples.parquet"), "half").unwrap();
    let store = Store::open(options(dir.path(), &clock)).unwrap();
    assert!(!orphan.join("samples.parquet").exists());
    assert_eq!(store.stats().orphans_removed, 1);
}

#[test]
fn a_push_can_be_awaited() {
    let dir = temporary_dir();
    let store = Store::open(options(dir.path(), &TestClock::new())).unwrap();
    let rows = [row(START_NS, 1)];
    let pending = store.submit(encode(key(1, 1), &rows), key(1, 1), batch(&rows)).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    assert_eq!(runtime.block_on(pending).unwrap(), Appended::Stored);
}
