//! The maintenance thread, and what it does: flush, compact, retain, clean up.

use std::{
    collections::HashSet,
    sync::{Arc, PoisonError, atomic::Ordering::Relaxed},
    time::Duration,
};

use crate::{
    StoreError,
    block::{load::load, write::write},
    catalog::{Entry, FlushCommit, Level, TableEntry},
    head::{HourRows, Part},
    ingest, log,
    plan::{
        compaction::{self, Merge},
        retention,
    },
    shared::{Graveyard, Shared},
    stats::add,
};

/// How often the thread looks whether a flush is due.
const TICK: Duration = Duration::from_secs(1);
/// How many such looks pass between rounds of everything else.
const TICKS_PER_ROUND: u32 = 30;

/// The maintenance thread. A step that fails is logged, counted and tried again at its next time.
pub(crate) fn run(shared: &Shared) {
    let mut ticks = 0;
    while wait(shared) {
        ticks += 1;
        let is_round = ticks % TICKS_PER_ROUND == 0;
        let done = if is_round { maintain(shared) } else { flush_if_due(shared) };
        if let Err(error) = done {
            tracing::error!(%error, "maintenance failed, trying again");
        }
    }
}

/// Waits for the next tick or for something to do; false when the store closes.
fn wait(shared: &Shared) -> bool {
    let due = shared.wake.due.lock().unwrap_or_else(PoisonError::into_inner);
    let is_idle = |due: &mut bool| !*due && !shared.wake.stop.load(Relaxed);
    let waited = shared.wake.changed.wait_timeout_while(due, TICK, is_idle);
    *waited.unwrap_or_else(PoisonError::into_inner).0 = false;
    !shared.wake.stop.load(Relaxed)
}

/// One round of everything. All steps are tried; the first error is returned.
pub(crate) fn maintain(shared: &Shared) -> Result<(), StoreError> {
    let steps = [flush_if_due, compact, retain, retain_code, clean_up];
    steps.into_iter().map(|step| step(shared)).fold(Ok(()), Result::and)
}

fn flush_if_due(shared: &Shared) -> Result<(), StoreError> {
    let is_pending = shared.read().flushing.is_some();
    if is_pending || ingest::is_flush_due(shared) { flush(shared) } else { Ok(()) }
}

/// Writes the head into segments, one for each hour it has data of.
pub(crate) fn flush(shared: &Shared) -> Result<(), StoreError> {
    let _one_at_a_time = shared.maintenance();
    counted(shared, || {
        // A flush that failed before comes first, then what has come since.
        for _ in 0..2 {
            let is_retry = shared.read().flushing.is_some();
            flush_sealed(shared)?;
            if !is_retry {
                break;
            }
        }
        Ok(())
    })
}

fn flush_sealed(shared: &Shared) -> Result<(), StoreError> {
    let Some(sealed) = ingest::seal(shared)? else { return Ok(()) };
    let entries = write_part(shared, &sealed.part, Level::Segment)?;
    let now_ns = shared.now_ns();
    let forget_before_ns = now_ns.saturating_sub(shared.limits.retention_ns);
    shared.catalog.commit_flush(&FlushCommit {
        entries: &entries,
        agents: &sealed.agents,
        forget_before_ns,
        log_floor: sealed.log_floor,
        clock_high_ns: shared.clock_high_ns.load(Relaxed),
    })?;
    {
        let mut state = shared.write();
        state.entries.extend(entries.into_iter().map(Arc::new));
        state.flushing = None;
        shared.head_rows.store(state.head_rows(), Relaxed);
    }
    add(&shared.counters.flushes, 1);
    let corrupt_logs = {
        let mut ingest = shared.ingest();
        ingest.dedup.forget(forget_before_ns);
        std::mem::take(&mut ingest.corrupt_logs)
    };
    let numbers = log::list(&shared.log_dir)?;
    let mut done = numbers.into_iter().filter(|number| *number < sealed.log_floor);
    done.try_for_each(|number| ingest::remove(&shared.log_dir, number, corrupt_logs.contains(&number)))
}

/// Writes profiles straight into blocks.
pub(crate) fn import(shared: &Shared, part: Part) -> Result<(), StoreError> {
    let _one_at_a_time = shared.maintenance();
    let entries = write_blocks(shared, part)?;
    shared.catalog.replace(&[], &entries)?;
    shared.write().entries.extend(entries.into_iter().map(Arc::new));
    shared.note_change();
    Ok(())
}

/// Writes a part into one folder for each hour it has data of. Nothing is visible until the catalog says so.
fn write_part(shared: &Shared, part: &Part, level: Level) -> Result<Vec<Entry>, StoreError> {
    part.by_hour().into_values().map(|hour| write_folder(shared, part, &hour, level)).collect()
}

/// Writes a part into blocks, which tell apart only so many endpoints and sets of flags.
fn write_blocks(shared: &Shared, mut part: Part) -> Result<Vec<Entry>, StoreError> {
    for caps in part.cap() {
        add(&shared.counters.endpoints_folded, caps.endpoints_folded);
        add(&shared.counters.flag_sets_kept, caps.flag_sets_kept);
        add(&shared.counters.flag_sets_folded, caps.flag_sets_folded);
        add(&shared.counters.flag_variants_folded, caps.variants_folded);
        add(&shared.counters.folded_cpu_ns, caps.folded_cpu_ns);
    }
    write_part(shared, &part, Level::Block)
}

fn write_folder(
    shared: &Shared,
    part: &Part,
    hour: &HourRows<'_>,
    level: Level,
) -> Result<Entry, StoreError> {
    let written = write(part, hour)?;
    add(&shared.counters.labels_without_column, written.labels_without_column);
    let bounds = hour.bounds().unwrap_or_default();
    let tables = written.tables.iter().map(|(name, content)| TableEntry {
        name: (*name).into(),
        size_bytes: content.len() as u64,
        crc32: crc32fast::hash(content),
    });
    let entry = Entry {
        id: shared.next_id.fetch_add(1, Relaxed),
        level,
        start_ns: bounds.start_ns,
        end_ns: bounds.end_ns,
        rows: written.rows,
        stacks: written.stacks,
        created_ns: shared.now_ns(),
        tables: tables.collect(),
    };
    let files = written.tables.into_iter().map(|(name, content)| (format!("{name}.parquet"), content));
    shared.files.put_folder(&entry.folder(), files.collect())?;
    Ok(entry)
}

fn compact(shared: &Shared) -> Result<(), StoreError> {
    let mut graveyard = shared.maintenance();
    let entries: Vec<Arc<Entry>> = shared.read().entries.clone();
    let readable: Vec<Entry> = entries
        .iter()
        .filter(|entry| !shared.is_unreadable(entry.id))
        .map(|entry| entry.as_ref().clone())
        .collect();
    let plan = compaction::plan(&readable, shared.now_ns(), &shared.limits);
    counted(shared, || plan.iter().try_for_each(|merge| carry_out(shared, merge, &entries, &mut graveyard)))
}

/// Writes the block of a merge and puts it in the place of its inputs. Inputs that turn out unreadable stay as they
/// are; the next plan goes without them.
fn carry_out(
    shared: &Shared,
    merge: &Merge,
    entries: &[Arc<Entry>],
    graveyard: &mut Graveyard,
) -> Result<(), StoreError> {
    let mut part = Part::default();
    for entry in entries.iter().filter(|entry| merge.inputs.contains(&entry.id)) {
        if let Err(error) = load(&shared.tables, entry, &mut part) {
            shared.note_unreadable(entry, &error);
            return Ok(());
        }
    }
    let outputs = write_blocks(shared, part)?;
    shared.catalog.replace(&merge.inputs, &outputs)?;
    replace(shared, &merge.inputs, outputs, graveyard);
    add(&shared.counters.compactions, 1);
    Ok(())
}

fn retain(shared: &Shared) -> Result<(), StoreError> {
    let mut graveyard = shared.maintenance();
    let entries: Vec<Entry> = shared.read().entries.iter().map(|entry| entry.as_ref().clone()).collect();
    let expired = retention::plan(&entries, shared.now_ns(), &shared.limits);
    if expired.is_empty() {
        return Ok(());
    }
    counted(shared, || shared.catalog.replace(&expired, &[]))?;
    tracing::info!(folders = expired.len(), "deleted the oldest segments and blocks");
    add(&shared.counters.folders_expired, expired.len() as u64);
    replace(shared, &expired, Vec::new(), &mut graveyard);
    Ok(())
}

fn retain_code(shared: &Shared) -> Result<(), StoreError> {
    counted(shared, || shared.catalog.retain_code(&shared.counters, shared.now_ns()))
}

/// Makes queries see what the catalog says now. A query that is under way keeps what it has begun with.
fn replace(shared: &Shared, inputs: &[u64], outputs: Vec<Entry>, graveyard: &mut Graveyard) {
    let mut state = shared.write();
    let (gone, mut kept): (Vec<_>, Vec<_>) =
        std::mem::take(&mut state.entries).into_iter().partition(|entry| inputs.contains(&entry.id));
    kept.extend(outputs.into_iter().map(Arc::new));
    state.entries = kept;
    graveyard.0.extend(gone);
    shared.note_change();
}

/// Deletes files that nobody needs: of folders that no query reads any more, and orphans of a crash.
pub(crate) fn clean_up(shared: &Shared) -> Result<(), StoreError> {
    let mut graveyard = shared.maintenance();
    let (free, busy): (Vec<_>, Vec<_>) =
        std::mem::take(&mut graveyard.0).into_iter().partition(|entry| Arc::strong_count(entry) == 1);
    graveyard.0 = busy;
    counted(shared, || {
        for entry in free {
            shared.tables.forget(entry.id);
            for table in &entry.tables {
                shared.files.delete(&format!("{}/{}.parquet", entry.folder(), table.name))?;
            }
        }
        let alive = shared.read().entries.clone();
        let known: HashSet<String> = alive.iter().chain(&graveyard.0).map(|entry| entry.folder()).collect();
        let is_orphan =
            |path: &&String| !path.rsplit_once('/').is_some_and(|(folder, _)| known.contains(folder));
        for path in shared.files.list()?.iter().filter(is_orphan) {
            shared.files.delete(path)?;
            add(&shared.counters.orphans_removed, 1);
        }
        Ok(())
    })
}

fn counted<T>(shared: &Shared, step: impl FnOnce() -> Result<T, StoreError>) -> Result<T, StoreError> {
    step().inspect_err(|_| add(&shared.counters.maintenance_errors, 1))
}
