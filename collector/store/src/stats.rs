//! The store's account of itself.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// Counts since the store was opened, and sizes now.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    /// Pushes stored.
    pub pushes_stored: u64,
    /// Pushes that were there already.
    pub pushes_duplicate: u64,
    /// Pushes refused: invalid, too large, out of time or queue full.
    pub pushes_refused: u64,
    /// Pushes that could not be made durable.
    pub pushes_failed: u64,
    /// Groups of pushes committed with one sync.
    pub group_commits: u64,
    /// Pushes waiting to be written.
    pub queue_pushes: u64,
    /// Bytes of pushes waiting to be written.
    pub queue_bytes: u64,
    /// Rows in the head, flushing or not.
    pub head_rows: u64,
    /// Bytes in log files.
    pub log_bytes: u64,
    /// Pushes read back from the log when the store was opened.
    pub log_replayed_pushes: u64,
    /// Bytes cut off torn log tails.
    pub log_torn_bytes: u64,
    /// Bytes of the log that are corrupt and were left out; their files are kept as `*.corrupt`.
    pub log_corrupt_bytes: u64,
    /// Segments now.
    pub segments: u64,
    /// Blocks now.
    pub blocks: u64,
    /// Rows in segments and blocks.
    pub stored_rows: u64,
    /// Bytes of segments and blocks.
    pub stored_bytes: u64,
    /// Flushes done.
    pub flushes: u64,
    /// Compactions done.
    pub compactions: u64,
    /// Segments and blocks deleted by age or by the disk cap.
    pub folders_expired: u64,
    /// Files deleted because the catalog does not name them.
    pub orphans_removed: u64,
    /// Maintenance steps that failed and will be tried again.
    pub maintenance_errors: u64,
    /// Segments and blocks found corrupt.
    pub folders_corrupt: u64,
    /// Labels that found no column of their own because there were too many keys.
    pub labels_without_column: u64,
    /// Endpoints that became `_other` because a service had too many in one hour.
    pub endpoints_folded: u64,
    /// Sets of flags in blocks that were kept as they are.
    pub flag_sets_kept: u64,
    /// Sets of flags that became `_other` because an endpoint had too many in one hour.
    pub flag_sets_folded: u64,
    /// Variants of one flag of the sets that are not told apart, beyond those that are summed by themselves.
    pub flag_variants_folded: u64,
    /// CPU of the samples whose endpoint or flags became `_other`.
    pub folded_cpu_ns: u64,
    /// Agents whose last sequence is remembered.
    pub agents: u64,
    /// Findings of analyses now.
    pub findings: u64,
    /// Findings that were not kept: too long, or too many of their kind.
    pub findings_dropped: u64,
    /// Reports of hosts' memory now.
    pub memory_reports: u64,
    /// Reports of hosts' memory that were not kept: too long, or too many in all.
    pub memory_reports_dropped: u64,
    /// Functions of which it is known where they ran.
    pub code_functions: u64,
    /// Blocks of execution evidence now: one for each service, release, region, role, host and day.
    pub code_blocks: u64,
    /// Their bytes.
    pub code_bytes: u64,
    /// Reports of executed code that were not kept: without a service, of no time that is kept, or too many.
    pub code_reports_dropped: u64,
    /// Functions in such reports that there was no room for.
    pub code_functions_dropped: u64,
    /// Conditions of functions in such reports that there was no room for.
    pub code_branches_dropped: u64,
    /// Blocks of execution evidence deleted by age or by the disk cap.
    pub code_blocks_expired: u64,
}

/// Counters that the parts of the store add to.
#[derive(Debug, Default)]
pub(crate) struct Counters {
    pub(crate) pushes_stored: AtomicU64,
    pub(crate) pushes_duplicate: AtomicU64,
    pub(crate) pushes_refused: AtomicU64,
    pub(crate) pushes_failed: AtomicU64,
    pub(crate) group_commits: AtomicU64,
    pub(crate) queue_pushes: AtomicU64,
    pub(crate) queue_bytes: AtomicU64,
    pub(crate) log_replayed_pushes: AtomicU64,
    pub(crate) log_torn_bytes: AtomicU64,
    pub(crate) log_corrupt_bytes: AtomicU64,
    pub(crate) flushes: AtomicU64,
    pub(crate) compactions: AtomicU64,
    pub(crate) folders_expired: AtomicU64,
    pub(crate) orphans_removed: AtomicU64,
    pub(crate) maintenance_errors: AtomicU64,
    pub(crate) folders_corrupt: AtomicU64,
    pub(crate) labels_without_column: AtomicU64,
    pub(crate) endpoints_folded: AtomicU64,
    pub(crate) flag_sets_kept: AtomicU64,
    pub(crate) flag_sets_folded: AtomicU64,
    pub(crate) flag_variants_folded: AtomicU64,
    pub(crate) folded_cpu_ns: AtomicU64,
    pub(crate) findings_dropped: AtomicU64,
    pub(crate) memory_reports_dropped: AtomicU64,
    pub(crate) code_reports_dropped: AtomicU64,
    pub(crate) code_functions_dropped: AtomicU64,
    pub(crate) code_branches_dropped: AtomicU64,
    pub(crate) code_blocks_expired: AtomicU64,
}

/// Adds to a counter.
pub(crate) fn add(counter: &AtomicU64, amount: u64) {
    counter.fetch_add(amount, Relaxed);
}

impl Counters {
    /// What was counted so far; sizes are left at zero.
    pub(crate) fn read(&self) -> Stats {
        let get = |counter: &AtomicU64| counter.load(Relaxed);
        Stats {
            pushes_stored: get(&self.pushes_stored),
            pushes_duplicate: get(&self.pushes_duplicate),
            pushes_refused: get(&self.pushes_refused),
            pushes_failed: get(&self.pushes_failed),
            group_commits: get(&self.group_commits),
            queue_pushes: get(&self.queue_pushes),
            queue_bytes: get(&self.queue_bytes),
            log_replayed_pushes: get(&self.log_replayed_pushes),
            log_torn_bytes: get(&self.log_torn_bytes),
            log_corrupt_bytes: get(&self.log_corrupt_bytes),
            flushes: get(&self.flushes),
            compactions: get(&self.compactions),
            folders_expired: get(&self.folders_expired),
            orphans_removed: get(&self.orphans_removed),
            maintenance_errors: get(&self.maintenance_errors),
            folders_corrupt: get(&self.folders_corrupt),
            labels_without_column: get(&self.labels_without_column),
            endpoints_folded: get(&self.endpoints_folded),
            flag_sets_kept: get(&self.flag_sets_kept),
            flag_sets_folded: get(&self.flag_sets_folded),
            flag_variants_folded: get(&self.flag_variants_folded),
            folded_cpu_ns: get(&self.folded_cpu_ns),
            findings_dropped: get(&self.findings_dropped),
            memory_reports_dropped: get(&self.memory_reports_dropped),
            code_reports_dropped: get(&self.code_reports_dropped),
            code_functions_dropped: get(&self.code_functions_dropped),
            code_branches_dropped: get(&self.code_branches_dropped),
            code_blocks_expired: get(&self.code_blocks_expired),
            ..Stats::default()
        }
    }
}
