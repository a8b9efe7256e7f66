//! Appending: from a push to rows in log and head.

use std::{
    fs,
    sync::{
        Arc,
        atomic::Ordering::Relaxed,
        mpsc::{Receiver, SyncSender, TrySendError},
    },
};

use model::{Batch, PushKey};
use tokio::sync::oneshot;

use crate::{
    Appended, DecodePush, Stats, StoreError,
    dedup::Dedup,
    head::Part,
    log,
    shared::{Sealed, Shared},
    stats::{Counters, add},
};

/// One sync is for at most this many bytes of pushes.
const GROUP_BYTES: usize = 4 << 20;

/// A push in the queue.
pub(crate) struct Job {
    pub(crate) bytes: Vec<u8>,
    pub(crate) key: PushKey,
    pub(crate) batch: Batch,
    pub(crate) reply: oneshot::Sender<Result<Appended, StoreError>>,
}

/// Refuses what must not be stored.
pub(crate) fn check(shared: &Shared, bytes: &[u8], batch: &Batch) -> Result<(), StoreError> {
    let limits = &shared.limits;
    if bytes.len() > limits.push_bytes {
        return Err(StoreError::TooLarge { size_bytes: bytes.len(), limit_bytes: limits.push_bytes });
    }
    batch.check()?;
    let now_ns = shared.now_ns();
    let from_ns = now_ns.saturating_sub(limits.retention_ns);
    let until_ns = shared.clock_high_ns.load(Relaxed).saturating_add(limits.ahead_ns);
    let requests = batch.requests.iter().map(|counts| counts.window);
    let evaluations = batch.evaluations.iter().map(|evaluations| evaluations.window);
    let windows = batch.profiles.iter().map(|profile| profile.window).chain(requests).chain(evaluations);
    let mut starts = windows.map(|window| window.start_ns);
    match starts.find(|start_ns| *start_ns < from_ns || *start_ns >= until_ns) {
        Some(start_ns) => Err(StoreError::OutOfTime { start_ns, from_ns, until_ns }),
        None => Ok(()),
    }
}

/// Puts a push into the queue, if there is room.
pub(crate) fn enqueue(shared: &Shared, queue: &SyncSender<Job>, job: Job) -> Result<(), StoreError> {
    let size = job.bytes.len() as u64;
    let counters = &shared.counters;
    let queued = counters.queue_bytes.fetch_add(size, Relaxed) + size;
    add(&counters.queue_pushes, 1);
    let refused = if queued > shared.limits.queue_bytes as u64 || is_head_full(shared) {
        Some(StoreError::Busy)
    } else {
        match queue.try_send(job) {
            Ok(()) => None,
            Err(TrySendError::Full(_)) => Some(StoreError::Busy),
            Err(TrySendError::Disconnected(_)) => Some(StoreError::Closed),
        }
    };
    refused.map_or(Ok(()), |error| {
        leave_queue(counters, size);
        Err(error)
    })
}

/// While a flush does not get done, the head may grow, but not without end.
fn is_head_full(shared: &Shared) -> bool {
    shared.head_rows.load(Relaxed) > shared.limits.flush_rows.saturating_mul(4)
}

fn leave_queue(counters: &Counters, size: u64) {
    counters.queue_bytes.fetch_sub(size, Relaxed);
    counters.queue_pushes.fetch_sub(1, Relaxed);
}

/// The writer thread: takes what has come together in the queue, makes it durable with one sync, acknowledges.
pub(crate) fn run(shared: &Shared, queue: &Receiver<Job>) {
    while let Ok(first) = queue.recv() {
        let mut size = first.bytes.len();
        let mut jobs = vec![first];
        while size < GROUP_BYTES
            && let Ok(job) = queue.try_recv()
        {
            size += job.bytes.len();
            jobs.push(job);
        }
        for job in &jobs {
            leave_queue(&shared.counters, job.bytes.len() as u64);
        }
        commit(shared, jobs);
        if is_flush_due(shared) {
            shared.wake.notify();
        }
    }
}

/// Makes a group of pushes durable and visible, and says so to whoever waits.
fn commit(shared: &Shared, jobs: Vec<Job>) {
    let now_ns = shared.now_ns();
    let mut ingest = shared.ingest();
    let mut records = Vec::new();
    let mut before = Vec::new();
    let mut outcomes = Vec::with_capacity(jobs.len());
    for job in &jobs {
        let known = ingest.dedup.get(job.key.agent);
        if ingest.dedup.insert(job.key, now_ns) {
            before.push((job.key.agent, known));
            log::encode(&job.bytes, &mut records);
            outcomes.push(Appended::Stored);
        } else {
            outcomes.push(Appended::Duplicate);
        }
    }
    if !records.is_empty()
        && let Err(error) = ingest.log.append(&records)
    {
        before.into_iter().rev().for_each(|(agent, known)| ingest.dedup.restore(agent, known));
        drop(ingest);
        tracing::error!(%error, pushes = jobs.len(), "could not write the log");
        add(&shared.counters.pushes_failed, jobs.len() as u64);
        let error = Arc::new(error);
        jobs.into_iter().for_each(|job| reply(job.reply, Err(StoreError::NotDurable(error.clone()))));
        return;
    }
    if !records.is_empty() {
        add(&shared.counters.group_commits, 1);
        ingest.oldest_ns.get_or_insert(now_ns);
        let mut state = shared.write();
        let stored = jobs.iter().zip(&outcomes).filter(|(_, outcome)| **outcome == Appended::Stored);
        stored.for_each(|(job, _)| state.head.add(&job.batch));
        shared.head_rows.store(state.head_rows(), Relaxed);
        shared.note_change();
    }
    drop(ingest);
    add(&shared.counters.pushes_stored, before.len() as u64);
    add(&shared.counters.pushes_duplicate, (jobs.len() - before.len()) as u64);
    jobs.into_iter().zip(outcomes).for_each(|(job, outcome)| reply(job.reply, Ok(outcome)));
}

/// Whoever waited may have gone away; the push stays stored all the same.
fn reply(to: oneshot::Sender<Result<Appended, StoreError>>, result: Result<Appended, StoreError>) {
    to.send(result).unwrap_or_default();
}

/// True when the head has grown or aged enough.
pub(crate) fn is_flush_due(shared: &Shared) -> bool {
    let now_ns = shared.now_ns();
    let ingest = shared.ingest();
    let Some(oldest_ns) = ingest.oldest_ns else { return false };
    let age_ns = now_ns.saturating_sub(oldest_ns);
    // A negative age says that the clock went back; waiting for it to come again could take long.
    age_ns < 0
        || age_ns >= shared.limits.flush_age_ns
        || ingest.log.bytes() >= shared.limits.flush_log_bytes
        || shared.read().head.row_count() >= shared.limits.flush_rows
}

/// Starts a new log file and a new head; what the old head has goes on its way into segments. Nothing happens while
/// a sealed head is still there.
pub(crate) fn seal(shared: &Shared) -> Result<Option<Arc<Sealed>>, StoreError> {
    let mut ingest = shared.ingest();
    if let Some(sealed) = &shared.read().flushing {
        return Ok(Some(sealed.clone()));
    }
    if ingest.oldest_ns.is_none() {
        return Ok(None);
    }
    let log_floor = ingest.log.rotate()?;
    let agents = ingest.dedup.take_changes();
    ingest.oldest_ns = None;
    let mut state = shared.write();
    let part = std::mem::take(&mut state.head);
    let sealed = Arc::new(Sealed { part, agents, log_floor });
    state.flushing = Some(sealed.clone());
    Ok(Some(sealed))
}

/// What the log gave back.
#[derive(Debug, Default)]
pub(crate) struct Recovered {
    pub(crate) head: Part,
    pub(crate) corrupt_logs: Vec<u64>,
    pub(crate) pushes: u64,
    /// The number that the next log file can have.
    pub(crate) next_log: u64,
}

/// Reads back everything in the log that is not in segments.
pub(crate) fn recover(
    log_dir: &std::path::Path,
    log_floor: u64,
    now_ns: i64,
    (decode, dedup): (&DecodePush, &mut Dedup),
    counters: &Counters,
) -> Result<Recovered, StoreError> {
    let mut recovered = Recovered { next_log: log_floor.max(1), ..Recovered::default() };
    let numbers = log::list(log_dir)?;
    for number in &numbers {
        recovered.next_log = recovered.next_log.max(number + 1);
        if *number < log_floor {
            remove(log_dir, *number, false)?;
            continue;
        }
        let mut each = |bytes: &[u8]| match decode(bytes) {
            Ok(push) => {
                recovered.pushes += 1;
                if push.batch.check().is_ok() && dedup.insert(push.key, now_ns) {
                    recovered.head.add(&push.batch);
                }
                true
            }
            Err(error) => {
                tracing::error!(log = number, error, "a push in the log cannot be decoded");
                false
            }
        };
        let found = log::replay(log_dir, *number, numbers.last() == Some(number), &mut each)?;
        add(&counters.log_torn_bytes, found.torn_bytes);
        add(&counters.log_corrupt_bytes, found.corrupt_bytes);
        if found.corrupt_bytes > 0 {
            recovered.corrupt_logs.push(*number);
        } else if found.records == 0 {
            remove(log_dir, *number, false)?;
        }
    }
    add(&counters.log_replayed_pushes, recovered.pushes);
    Ok(recovered)
}

/// Deletes a log file that is not needed any more, or keeps it aside when something in it could not be read.
pub(crate) fn remove(log_dir: &std::path::Path, number: u64, is_corrupt: bool) -> Result<(), StoreError> {
    let path = log::path_of(log_dir, number);
    let done =
        if is_corrupt { fs::rename(&path, path.with_extension("corrupt")) } else { fs::remove_file(&path) };
    done.map_err(StoreError::file("remove", &path))
}

/// Adds what only the log knows.
pub(crate) fn add_log_stats(shared: &Shared, stats: &mut Stats) {
    stats.agents = shared.ingest().dedup.len() as u64;
    let numbers = log::list(&shared.log_dir).unwrap_or_default();
    let sizes =
        numbers.into_iter().filter_map(|number| fs::metadata(log::path_of(&shared.log_dir, number)).ok());
    stats.log_bytes = sizes.map(|metadata| metadata.len()).sum();
}
