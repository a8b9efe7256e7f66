//! The spool over restarts, crashes and overflow.

use super::*;

fn open(directory: &Path, limit_bytes: u64, boot_id: &str, fresh_id: u128) -> Spool {
    let directory = directory.to_owned();
    let boot_id = boot_id.to_owned();
    Spool::open(SpoolOptions { directory, limit_bytes, boot_id, fresh_id: AgentId(fresh_id) }).unwrap()
}

/// A push of `bytes` bytes; returns the key that it was given.
fn append(spool: &mut Spool, bytes: usize) -> (u128, u64) {
    let key = spool.append(|_| vec![7; bytes]).unwrap();
    (key.agent.0, key.sequence)
}

fn waiting(spool: &Spool) -> Vec<u64> {
    spool.waiting.iter().map(|push| push.sequence).collect()
}

#[test]
fn a_restart_continues_the_sequence_and_finds_what_waited() {
    let folder = tempfile::tempdir().unwrap();
    let mut spool = open(folder.path(), 1000, "boot", 1);
    assert_eq!([append(&mut spool, 10), append(&mut spool, 10)], [(1, 1), (1, 2)]);
    spool.remove(1);
    drop(spool);

    let mut spool = open(folder.path(), 1000, "boot", 2);
    assert_eq!(append(&mut spool, 10), (1, 3));
    assert_eq!(waiting(&spool), [2, 3]);
    assert_eq!(spool.usage(), SpoolUsage { pushes: 2, bytes: 20, dropped: 0, set_aside: 0 });
    assert_eq!(fs::read(spool.path(2)).unwrap(), [7; 10]);
}

#[test]
fn another_boot_or_a_lost_identity_starts_a_new_life_behind_what_waits() {
    type Loss = fn(&Path);
    let losses: [(&str, Loss); 4] = [
        ("boot", |folder| fs::remove_file(folder.join("identity")).unwrap()),
        ("boot", |folder| fs::write(folder.join("identity"), "fewer-spool-1 00").unwrap()),
        ("boot", |folder| fs::write(folder.join("identity"), "fewer-spool-1 01 1 boot\n").unwrap()),
        ("next boot", |_| {}),
    ];
    for (boot_id, lose) in losses {
        let folder = tempfile::tempdir().unwrap();
        let mut spool = open(folder.path(), 1000, "boot", 1);
        append(&mut spool, 10);
        append(&mut spool, 10);
        drop(spool);
        lose(folder.path());
        let mut spool = open(folder.path(), 1000, boot_id, 2);
        assert_eq!(append(&mut spool, 10), (2, 3));
        assert_eq!(waiting(&spool), [1, 2, 3]);
    }
}

#[test]
fn at_the_bound_the_oldest_go_and_are_counted() {
    let folder = tempfile::tempdir().unwrap();
    let mut spool = open(folder.path(), 100, "boot", 1);
    for _ in 0..5 {
        append(&mut spool, 40);
    }
    assert_eq!(waiting(&spool), [4, 5]);
    assert_eq!(spool.usage(), SpoolUsage { pushes: 2, bytes: 80, dropped: 3, set_aside: 0 });
    drop(spool);
    let spool = open(folder.path(), 50, "boot", 1);
    assert_eq!((waiting(&spool), spool.usage().dropped), (vec![5], 1));
}

#[test]
fn a_push_larger_than_the_spool_is_refused_and_uses_no_number() {
    let folder = tempfile::tempdir().unwrap();
    let mut spool = open(folder.path(), 100, "boot", 1);
    let refused = spool.append(|_| vec![0; 101]).unwrap_err();
    insta::assert_snapshot!(refused, @"spool: a push of 101 bytes is larger than the limit of 100; raise --spool-mb");
    assert_eq!((append(&mut spool, 100), spool.usage().dropped), ((1, 1), 1));
}

#[test]
fn a_crash_while_writing_leaves_no_half_push() {
    let folder = tempfile::tempdir().unwrap();
    let mut spool = open(folder.path(), 1000, "boot", 1);
    append(&mut spool, 10);
    drop(spool);
    // As a crash would leave it: the number used up, the file half written under its temporary name.
    fs::write(folder.path().join("identity"), format!("fewer-spool-1 {:032x} 2 boot\n", 1)).unwrap();
    let part = folder.path().join(format!("{:020}.part", 2));
    fs::write(&part, "half").unwrap();
    let mut spool = open(folder.path(), 1000, "boot", 9);
    assert!(!part.exists());
    assert_eq!(append(&mut spool, 10), (1, 3));
    assert_eq!(waiting(&spool), [1, 3]);
}

#[test]
fn refused_pushes_are_kept_for_a_while_and_do_not_block() {
    let folder = tempfile::tempdir().unwrap();
    let mut spool = open(folder.path(), 1000, "boot", 1);
    for sequence in 1..=10 {
        append(&mut spool, 1);
        spool.set_aside(sequence);
    }
    assert_eq!((spool.oldest(), spool.usage().set_aside), (None, 10));
    let kept = files(&folder.path().join("rejected")).unwrap();
    assert_eq!((kept.len(), kept.iter().map(|push| push.sequence).min()), (MAX_SET_ASIDE, Some(3)));
}

#[test]
fn one_directory_serves_one_agent() {
    let folder = tempfile::tempdir().unwrap();
    let first = open(folder.path(), 100, "boot", 1);
    let options = SpoolOptions {
        directory: folder.path().to_owned(),
        limit_bytes: 100,
        boot_id: "boot".into(),
        fresh_id: AgentId(2),
    };
    assert!(matches!(Spool::open(options.clone()), Err(SpoolError::InUse { .. })));
    drop(first);
    assert!(Spool::open(options).is_ok());
}
