//! The answer of `fewer dead-code` over a fleet: what has not run, and what runs for nothing.

mod text;

use serde::Serialize;

/// What nobody needs, of one service or several.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct DeadCodeReport {
    /// Name and version of this form; fields are only added to it.
    pub schema: &'static str,
    /// Each service.
    pub services: Vec<DeadCodeService>,
    /// What could not be looked at, and why.
    pub notes: Vec<String>,
}

/// One service.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct DeadCodeService {
    /// Its name.
    pub service: String,
    /// Days from the first to the last that was watched.
    pub days: u32,
    /// Blocks that were: one host on one day with one release in one role.
    pub blocks: u64,
    /// Hosts that were.
    pub hosts: u64,
    /// Roles that were.
    pub roles: Vec<String>,
    /// How many of the candidates are expected to be alive.
    pub expected_alive: ExpectedAlive,
    /// One for each thing that could be deleted, by what that is worth.
    pub rows: Vec<DeadCodeRow>,
    /// What the release has, by module.
    pub modules: Vec<ModuleRow>,
    /// How many functions fell at each stage.
    pub funnel: DeadCodeFunnel,
    /// Limits that were hit, and what is not known.
    pub notes: Vec<String>,
}

/// An estimate with its 95 % interval.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct ExpectedAlive {
    /// The estimate: Chao's, which is right where functions run independently of each other.
    pub value: f64,
    /// At least: nothing, since jobs at fixed times may all have run.
    pub low: f64,
    /// At most, of what runs at least once in 400 days.
    pub high: f64,
}

/// How many functions fell at each stage.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct DeadCodeFunnel {
    /// Functions of the running release.
    pub functions: u64,
    /// That ran.
    pub executed: u64,
    /// That ran only while modules were imported.
    pub import_only: u64,
    /// Of installed packages.
    pub packages: u64,
    /// Of the interpreter's own library.
    pub standard_library: u64,
    /// That stand in a function which has not run either.
    pub nested: u64,
    /// That ran in another service.
    pub elsewhere: u64,
    /// That are not in the source any more.
    pub not_in_source: u64,
    /// Bodies of comprehensions and the like.
    pub bodies: u64,
    /// That no process has any more.
    pub gone: u64,
    /// Of files of the source that no process imported.
    pub never_imported: u64,
    /// Candidates.
    pub candidates: u64,
    /// Not run, but not for long enough.
    pub suspects: u64,
    /// Behind a flag that is off.
    pub off: u64,
    /// That run for nothing.
    pub for_nothing: u64,
    /// Rules' matches whose code no sample saw running.
    pub not_sampled: u64,
    /// Rows beyond the bound.
    pub beyond: u64,
    /// Files of the source that were not read.
    pub unread_files: u64,
}

/// A part of the release.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct ModuleRow {
    /// Its name: a file, or an installed package.
    pub module: String,
    /// Memory of its code in one process.
    pub bytes: u64,
    /// Its functions.
    pub functions: u64,
    /// Of these, how many ran.
    pub executed: u64,
    /// And how many did not.
    pub unexecuted: u64,
    /// Busy cores that importing it takes, on the mean over the time whose profiles were looked at: samples in bodies of
    /// its modules that the import system runs, and in what they call, without other modules that they import. None
    /// where nothing was sampled.
    pub import_cores: Option<f64>,
    /// How well it was observed, 0 to 1: the share whose marks could be read, times the part of the time that was watched.
    pub observed: f64,
}

/// One thing that could be deleted.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct DeadCodeRow {
    /// The same as long as the cause is.
    pub id: String,
    /// `candidate`, `suspect`, `off` or `for_nothing`.
    pub state: &'static str,
    /// What sort of thing: `function`, `native`, `cluster`, `module`, or the rule that found what runs for nothing.
    pub sort: &'static str,
    /// The function, or what else it is.
    pub function: String,
    /// The file, in the source where that is known.
    pub file: String,
    /// Its line; 0 when it is not known.
    pub line: u32,
    /// What it is part of.
    pub module: String,
    /// Who owns it; empty when nobody is known.
    pub owner: String,
    /// Lines that would go.
    pub lines: Option<u32>,
    /// Memory of its code in one process.
    pub bytes: Option<u64>,
    /// Days for which it was watched.
    pub days: u32,
    /// Blocks in which it did not run.
    pub silent_blocks: u64,
    /// Why it is here.
    pub evidence: String,
    /// What is missing to be surer.
    pub doubts: Vec<String>,
    /// `proven unreferenced`, `very likely`, `likely`, `suspect` or `guess`.
    pub confidence: &'static str,
    /// Chance that it is dead, 0 to 1.
    pub dead: Option<f64>,
    /// Chance that it runs in one block, at most (95 %).
    pub rate_at_most: Option<f64>,
    /// When it last ran, with another body or while it was imported, in milliseconds since the Unix epoch.
    pub last_executed_ms: Option<i64>,
    /// When its lines were last changed.
    pub changed_ms: Option<i64>,
    /// The flag that it stands behind; empty when it stands behind none.
    pub flag: String,
    /// That flag's variant.
    pub flag_variant: String,
    /// For how many days it has had that variant.
    pub flag_days: u32,
    /// What the ladder of 14, 30 and 90 days says: `watch`, `notify`, `finding` or `propose`; empty without a flag.
    pub flag_step: &'static str,
    /// What still names it, at most ten places.
    pub references: Vec<String>,
    /// How many places do.
    pub references_total: u64,
    /// What goes with it.
    pub members: Vec<String>,
    /// Busy cores that it costs: likely, low and high. Null where it costs none.
    pub cores: Option<(f64, f64, f64)>,
    /// The same in servers.
    pub servers: Option<(f64, f64, f64)>,
    /// What to do.
    pub advice: String,
}

impl DeadCodeReport {
    /// For a person.
    pub fn to_text(&self) -> String {
        text::page(self)
    }
}
