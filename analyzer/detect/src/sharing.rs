//! Memory that several processes hold and one copy could serve: why it is held so often, what to change, and what of
//! the gain stays once the memory is used.
//!
//! What stays is not what is saved at the moment of the fork. CPython writes into every object that it reads (its
//! reference count) and into every container that it collects (the collector's links), and each write makes a page
//! private again. `gc.freeze` keeps all of what the collector would undo, and nothing of what reading does. Tables of
//! dictionaries and lists, and the inside of large blocks, are written by neither. So two numbers are told of what each
//! process loaded: what is saved while nothing was read, and what is left once every worker has read every object. The
//! truth is between them. The second counts that the parent then has a copy of its own, which it had not before: with
//! 75 MB of small records in each of four workers, loading them before the fork saves 72 % of all memory, and 4 % once
//! all of them were read. What was loaded before the fork has been used since, and its pages tell what use leaves of them.

mod advice;
mod rows;

pub use advice::Server;

/// Memory with equal content in several processes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Copies {
    /// How many processes hold it.
    pub processes: u64,
    /// Bytes in all of them together.
    pub bytes: u64,
    /// What would be left over if each content were there once.
    pub saved_bytes: u64,
    /// Of that, the inside of large blocks of plain data.
    pub flat_saved_bytes: u64,
}

/// An attribute of a module, and what several processes hold alike by it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Holding {
    /// The module.
    pub module: String,
    /// Its attribute; empty for the module's code.
    pub attribute: String,
    /// The type of its value; `docstrings` for documentation.
    pub kind: String,
    /// What they hold by it that no other process has, equal or not, in all of them together.
    pub own_bytes: u64,
    /// Made by each process for itself.
    pub loaded: Copies,
    /// Made before the fork, and private since.
    pub dirtied: Copies,
    /// Of `dirtied`, what the collector alone made private.
    pub collector_bytes: u64,
    /// How far off `collector_bytes` may be, to either side: nothing tells whether that was read too.
    pub unexplained_bytes: u64,
}

/// Private pages of one kind of mapping with equal content.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Pages {
    /// The kind of mapping.
    pub mapping: String,
    /// Nothing but zeros.
    pub zero: Copies,
    /// Shared at the fork and still equal, but private: copy-on-write was broken.
    pub broken: Copies,
    /// Equal at other addresses, or in processes that are no forks.
    pub elsewhere: Copies,
}

/// The C library's heaps for further threads.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Arenas {
    /// How many, in all processes together.
    pub count: u64,
    /// Resident bytes in all of them.
    pub bytes: u64,
}

/// What is known of processes that are compared.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Evidence {
    /// By owner.
    pub holdings: Vec<Holding>,
    /// By the kind of mapping.
    pub pages: Vec<Pages>,
    /// Of further threads.
    pub arenas: Arenas,
    /// How many processes were read.
    pub processes: u64,
    /// All memory that only one process has, summed over processes: no more than this can be saved.
    pub own_bytes: u64,
    /// True when the processes are forks of one parent that still runs.
    pub is_forked: bool,
    /// What runs them.
    pub server: Server,
    /// Minor version of their interpreter, where they have one and the same.
    pub python_minor: Option<u8>,
}

/// Why memory is held more than once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Cause {
    /// Each process loaded it for itself.
    LoadedAfterFork,
    /// Loaded before the fork, then made private by reference counts or the collector.
    Dirtied,
    /// Documentation strings, which a running service never reads.
    Docstrings,
    /// Equal pages that no owner is known for.
    EqualPages,
    /// Pages shared at the fork that were written without a lasting change.
    BrokenPages,
    /// Pages of zeros.
    ZeroPages,
    /// Many heaps for threads.
    Arenas,
}

/// A sharing opportunity.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Opportunity {
    /// Who holds it: a module and attribute, or a kind of mapping.
    pub owner: String,
    /// What it is: the type of the value, or the sort of pages.
    pub kind: String,
    /// Why it is held more than once.
    pub cause: Cause,
    /// Bytes in each process, on average.
    pub bytes_per_process: u64,
    /// How many processes hold it.
    pub processes: u64,
    /// Bytes that one copy for all would save, right after the change. None where that cannot be said.
    pub saved_bytes: Option<u64>,
    /// Of that, what stays saved in use: of what was dirtied, under the use there is now; of all else, once every object
    /// was read. None where that cannot be said.
    pub retained_bytes: Option<u64>,
    /// What stays saved is at least and at most that.
    pub retained_range: (u64, u64),
    /// What to change.
    pub advice: String,
    /// The lines to write, where what runs the processes is known.
    pub change: Option<String>,
    /// What may go wrong.
    pub risk: &'static str,
}

/// Finds opportunities, the largest first. Those that would save less than `saved_bytes_min` are summed up by module,
/// and then for all modules. No two count the same memory.
pub fn opportunities(evidence: &Evidence, saved_bytes_min: u64) -> Vec<Opportunity> {
    let mut found = rows::of_holdings(evidence, saved_bytes_min);
    found.extend(rows::of_pages(evidence, saved_bytes_min));
    found.extend(rows::of_arenas(evidence, saved_bytes_min));
    found.sort_by(|left, right| {
        let order = |row: &Opportunity| std::cmp::Reverse((row.saved_bytes, row.bytes_per_process));
        order(left).cmp(&order(right)).then_with(|| left.owner.cmp(&right.owner))
    });
    cap(&mut found, evidence.own_bytes);
    found
}

/// Nobody can save more than there is.
fn cap(found: &mut [Opportunity], own_bytes: u64) {
    let mut left = own_bytes;
    for row in found {
        let Some(saved) = row.saved_bytes.as_mut() else { continue };
        *saved = (*saved).min(left);
        left -= *saved;
        row.retained_bytes = row.retained_bytes.map(|retained| retained.min(*saved));
        row.retained_range = (row.retained_range.0.min(*saved), row.retained_range.1.min(*saved));
    }
}

#[cfg(test)]
mod tests;
