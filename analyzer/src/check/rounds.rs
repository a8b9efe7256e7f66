//! Pairs of runs, baseline and candidate in turn.

use std::path::Path;

use analyzer_detect::comparison::{log_ratio, rounds_wanted};
use analyzer_report::{check::Revisions, number::counted};

use crate::{error::AnalyzerError, git::Repository};

use super::{Bench, CheckOptions, RunError, table::Table};

/// Fewer pairs make an interval that says nothing.
const ROUNDS_MIN: usize = 3;

/// What was measured.
#[derive(Debug, Default)]
pub(super) struct Rounds {
    /// CPU of the baseline in each round.
    pub(super) baseline_ns: Vec<f64>,
    /// CPU of the candidate in each round.
    pub(super) candidate_ns: Vec<f64>,
    /// Cost by function.
    pub(super) table: Table,
    /// Why functions are not known.
    pub(super) not_sampled: Option<String>,
    /// Why there were not more rounds.
    pub(super) ending: String,
}

/// Checks both sides out, builds them and runs them. The inner error says in words why nothing can be compared.
pub(super) fn measure(
    repository: &Repository,
    options: &CheckOptions,
    revisions: &Revisions,
    bench: &mut dyn Bench,
) -> Result<Result<Rounds, String>, AnalyzerError> {
    // Paths of equal length: their length can move memory, and with it a benchmark.
    let baseline = repository.worktree(&revisions.baseline, &options.folder.join("base"))?;
    let candidate = repository.worktree(&revisions.head, &options.folder.join("head"))?;
    let folders = [baseline.folder(), candidate.folder()];
    match ready(folders, bench).and_then(|()| all_rounds(options, folders, bench)) {
        Ok(rounds) if rounds.baseline_ns.len() < ROUNDS_MIN => Ok(Err(format!(
            "{} after {} of runs, and {ROUNDS_MIN} are needed",
            rounds.ending,
            counted(rounds.baseline_ns.len() as u64, "pair")
        ))),
        Ok(rounds) => Ok(Ok(rounds)),
        Err(RunError::Failed(reason)) => Ok(Err(reason)),
        Err(RunError::Stopped) => Err(AnalyzerError::Stopped),
    }
}

const SIDES: [&str; 2] = ["baseline", "candidate"];

/// Builds, and runs each side once without counting: caches fill, and byte code is written.
fn ready(folders: [&Path; 2], bench: &mut dyn Bench) -> Result<(), RunError> {
    for (side, folder) in SIDES.iter().zip(folders) {
        bench.tell(&format!("building the {side}"));
        bench.build(folder).map_err(|error| of_side(error, side))?;
    }
    for (side, folder) in SIDES.iter().zip(folders) {
        bench.tell(&format!("warming up the {side}"));
        bench.run(folder).map_err(|error| of_side(error, side))?;
    }
    Ok(())
}

fn all_rounds(
    options: &CheckOptions,
    folders: [&Path; 2],
    bench: &mut dyn Bench,
) -> Result<Rounds, RunError> {
    let mut rounds = Rounds::default();
    let mut wanted = options.pilot_rounds.min(options.rounds_max);
    let start = bench.elapsed();
    loop {
        let done = rounds.baseline_ns.len();
        if done == wanted {
            rounds.ending =
                format!("the runs differ too much among themselves for {}", counted(done as u64, "pair"));
            return Ok(rounds);
        }
        let elapsed = bench.elapsed();
        let per_round = (elapsed - start) / u32::try_from(done.max(1)).unwrap_or(u32::MAX);
        if elapsed + per_round > options.time {
            rounds.ending = "time was up".to_owned();
            return Ok(rounds);
        }
        bench.tell(&format!("pair {} of {wanted}", done + 1));
        rounds.add(folders, bench)?;
        if done + 1 == options.pilot_rounds {
            wanted = planned(&rounds, options);
        }
    }
}

/// As many rounds as the first few say are needed, within bounds.
fn planned(rounds: &Rounds, options: &CheckOptions) -> usize {
    let pilot = log_ratio(&rounds.baseline_ns, &rounds.candidate_ns);
    let wanted = pilot.map_or(0.0, |pilot| rounds_wanted(&pilot, rounds.baseline_ns.len(), &options.limits));
    (wanted as usize).clamp(options.pilot_rounds, options.rounds_max.max(options.pilot_rounds))
}

impl Rounds {
    fn add(&mut self, folders: [&Path; 2], bench: &mut dyn Bench) -> Result<(), RunError> {
        let round = self.baseline_ns.len();
        // The side that runs first changes, so that neither gains by its place.
        let order = if round.is_multiple_of(2) { [0, 1] } else { [1, 0] };
        let mut cpu_ns = [0.0; 2];
        for side in order {
            let (Some(name), Some(folder), Some(cpu_ns)) =
                (SIDES.get(side), folders.get(side), cpu_ns.get_mut(side))
            else {
                continue;
            };
            let run = bench.run(folder).map_err(|error| of_side(error, name))?;
            *cpu_ns = run.cpu_ns as f64;
            match run.samples {
                Ok(batch) => self.table.add(&batch, (side, round), folder),
                Err(reason) => self.not_sampled = Some(reason),
            }
        }
        let [baseline_ns, candidate_ns] = cpu_ns;
        self.baseline_ns.push(baseline_ns);
        self.candidate_ns.push(candidate_ns);
        Ok(())
    }
}

fn of_side(error: RunError, side: &str) -> RunError {
    match error {
        RunError::Failed(message) => RunError::Failed(format!("on the {side}, {message}")),
        RunError::Stopped => RunError::Stopped,
    }
}
