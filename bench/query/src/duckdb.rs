//! DuckDB as oracle and peer: the same question on the same files.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, ensure};

use crate::{
    Options,
    measure::{Cost, median},
};

const SCRIPT: &str = include_str!("duckdb.py");
const VERSION: &str = "duckdb>=1.4";

/// A virtual environment with DuckDB in it, and the script that asks it.
pub(crate) struct DuckDb {
    python: PathBuf,
    script: PathBuf,
    data: PathBuf,
    answer: PathBuf,
}

impl DuckDb {
    /// Makes the environment, or finds the one made before.
    pub(crate) fn install(options: &Options) -> anyhow::Result<Self> {
        let environment = options.dir.join("venv");
        let python = environment.join("bin/python");
        if !python.exists() {
            run(Command::new(&options.python).args(["-m", "venv"]).arg(&environment))?;
            run(Command::new(&python).args(["-m", "pip", "install", "--quiet", VERSION]))?;
        }
        let script = options.dir.join("duckdb_query.py");
        fs::write(&script, SCRIPT)?;
        Ok(Self {
            python,
            script,
            data: options.dir.join("store/data"),
            answer: options.dir.join("answer.txt"),
        })
    }

    /// CPU and wall time of the full answer, and of the part of it that stays within each file.
    pub(crate) fn measure(
        &self,
        label: Option<(&str, &str)>,
        runs: usize,
    ) -> anyhow::Result<Vec<(String, Cost)>> {
        let printed = self.ask(&["measure", &runs.to_string()], label)?;
        let mut found: Vec<(String, Vec<Cost>)> = Vec::new();
        for line in printed.lines() {
            let mut words = line.split('\t');
            let mut word = || words.next().context("a line of the script is cut");
            let name = word()?.to_owned();
            let cost = Cost { cpu_s: word()?.parse()?, wall_s: word()?.parse()? };
            match found.iter_mut().find(|(known, _)| *known == name) {
                Some((_, costs)) => costs.push(cost),
                None => found.push((name, vec![cost])),
            }
        }
        Ok(found.into_iter().map(|(name, costs)| (name, median(&costs))).collect())
    }

    /// The answer, as [`crate::generate::sums_text`] writes it.
    pub(crate) fn sums(&self, label: Option<(&str, &str)>) -> anyhow::Result<String> {
        self.ask(&["sums", path_text(&self.answer)?], label)?;
        let answer = fs::read_to_string(&self.answer)?;
        let mut lines: Vec<&str> = answer.split_inclusive('\n').collect();
        lines.sort_unstable();
        Ok(lines.concat())
    }

    fn ask(&self, arguments: &[&str], label: Option<(&str, &str)>) -> anyhow::Result<String> {
        let mut command = Command::new(&self.python);
        command.arg(&self.script).arg(&self.data).args(arguments);
        if let Some((key, value)) = label {
            command.args([format!("label.{key}").as_str(), value]);
        }
        run(&mut command)
    }
}

fn path_text(path: &Path) -> anyhow::Result<&str> {
    path.to_str().context("the directory's name is not text")
}

fn run(command: &mut Command) -> anyhow::Result<String> {
    let output = command.output().with_context(|| format!("starting {command:?}"))?;
    let errors = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "{command:?} failed: {errors}");
    Ok(String::from_utf8(output.stdout)?)
}
