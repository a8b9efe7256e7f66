//! `fewer detect`: where plain series of numbers shift lastingly.

use std::{collections::BTreeMap, ffi::OsStr, fs, path::PathBuf};

use analyzer::AnalyzerError;
use anyhow::Context;
use clap::Args;
use serde::Deserialize;

use crate::collector_args::say;

/// Values of one series that are read.
const VALUES_MAX: usize = 10_000_000;

/// Bytes of one file.
const FILE_BYTES_MAX: u64 = 1 << 30;

/// Arguments of `fewer detect`.
#[derive(Args, Debug)]
pub(crate) struct DetectArgs {
    /// Directory with one NAME.json for each series: {"values": [1.0, 2.0, null]}.
    dir: PathBuf,
}

pub(crate) const HELP: &str = "\
Examples:
  fewer detect ./series

Reads every NAME.json in DIR, which holds {\"values\": [numbers]} with null where a value is missing, and
prints one JSON object: {NAME: [index of the first value of each new regime, from 0]}. Told is what
a person would mark in a plot: spikes, seasons, steady climbs, wandering and noise are no changes. There is
nothing to tune.

Exit codes: 0 answered, 1 a file cannot be read, 2 bad command line or a file that is not a series.";

#[derive(Deserialize)]
struct Series {
    values: Vec<Option<f64>>,
}

/// Carries out the command; returns the exit code.
pub(crate) fn run(args: &DetectArgs) -> anyhow::Result<u8> {
    say(answered(args))
}

fn answered(args: &DetectArgs) -> anyhow::Result<String> {
    let mut found: BTreeMap<String, Vec<usize>> = BTreeMap::new();
    let entries = fs::read_dir(&args.dir).with_context(|| format!("cannot read {}", args.dir.display()))?;
    for entry in entries {
        let path = entry.with_context(|| format!("cannot read {}", args.dir.display()))?.path();
        if path.extension() != Some(OsStr::new("json")) || !path.is_file() {
            continue;
        }
        let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        let shown = || path.display().to_string();
        let length = fs::metadata(&path).with_context(|| format!("cannot read {}", shown()))?.len();
        if length > FILE_BYTES_MAX {
            return Err(wrong(shown(), &format!("it has {length} bytes, the limit is {FILE_BYTES_MAX}")));
        }
        let text = fs::read(&path).with_context(|| format!("cannot read {}", shown()))?;
        let values = values(&text).map_err(|message| wrong(shown(), &message))?;
        found.insert(name, analyzer_detect::change_points(&values));
    }
    Ok(serde_json::to_string(&found)? + "\n")
}

fn wrong(file: String, message: &str) -> anyhow::Error {
    AnalyzerError::File { file, message: message.to_owned() }.into()
}

/// The numbers of a file. `NaN` and `Infinity`, which some programs write although JSON has no such numbers, are missing
/// values like null.
fn values(text: &[u8]) -> Result<Vec<f64>, String> {
    let parsed = serde_json::from_slice::<Series>(text).or_else(|error| {
        let plain = std::str::from_utf8(text).map_err(|_| error.to_string())?;
        let plain = ["-Infinity", "Infinity", "NaN"]
            .into_iter()
            .fold(plain.to_owned(), |text, word| text.replace(word, "null"));
        serde_json::from_str::<Series>(&plain).map_err(|_| error.to_string())
    });
    let series = parsed.map_err(|error| format!("{error}: write {{\"values\": [numbers]}}"))?;
    if series.values.len() > VALUES_MAX {
        return Err(format!("it has {} values, the limit is {VALUES_MAX}", series.values.len()));
    }
    Ok(series.values.into_iter().map(|value| value.unwrap_or(f64::NAN)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn detected(files: &[(&str, String)]) -> anyhow::Result<String> {
        let dir = tempfile::tempdir().unwrap();
        for (name, text) in files {
            fs::write(dir.path().join(name), text).unwrap();
        }
        answered(&DetectArgs { dir: dir.path().to_owned() })
    }

    fn series(values: impl IntoIterator<Item = String>) -> String {
        format!("{{\"values\": [{}]}}", values.into_iter().collect::<Vec<_>>().join(", "))
    }

    #[test]
    fn every_series_has_an_answer_whatever_it_holds() {
        let step =
            (0..40).map(|at| format!("{}", if at < 25 { 1.0 } else { 2.0 } + f64::from(at % 3) * 0.01));
        let gaps = (0..40).map(|at| match at % 7 {
            0 => "null".to_owned(),
            _ if at < 20 => "5".to_owned(),
            _ => "9".to_owned(),
        });
        let long =
            |at: u32| format!("{}", if at < 2_000 { 1.0 } else { 4.0 } + f64::from(at * 7_919 % 101) / 50.0);
        let found = detected(&[
            ("step.json", series(step)),
            ("gaps.json", series(gaps)),
            ("empty.json", series([])),
            ("constant.json", series(vec!["3.5".to_owned(); 50])),
            ("missing.json", series(vec!["null".to_owned(); 50])),
            ("nan.json", series(["NaN", "-Infinity", "1e300"].map(str::to_owned))),
            ("long.json", series((0..4_100).map(long))),
            ("more.json", r#"{"name": "x", "values": [1, 2], "n_dim": 1}"#.to_owned()),
            ("notes.txt", "not a series".to_owned()),
        ]);
        let expected = r#"{"constant":[],"empty":[],"gaps":[20],"long":[2000],"missing":[],"more":[],"nan":[],"step":[25]}"#;
        let found = found.unwrap();
        let (found, expected): (serde_json::Value, serde_json::Value) =
            (serde_json::from_str(&found).unwrap(), serde_json::from_str(expected).unwrap());
        for (name, changes) in expected.as_object().unwrap() {
            let close = |found: &serde_json::Value, expected: &serde_json::Value| {
                found.as_u64().unwrap().abs_diff(expected.as_u64().unwrap()) <= 2
            };
            let (found, changes) = (found[name].as_array().unwrap(), changes.as_array().unwrap());
            assert_eq!(found.len(), changes.len(), "{name}: {found:?}");
            assert!(
                found.iter().zip(changes).all(|(found, change)| close(found, change)),
                "{name}: {found:?}"
            );
        }
    }

    #[test]
    fn what_is_no_series_is_named() {
        for text in ["[1, 2]", "{\"values\": [\"a\"]}", "{", ""] {
            let error = detected(&[("bad.json", text.to_owned())]).unwrap_err();
            assert!(error.to_string().contains("bad.json"), "{error}");
            assert!(crate::collector_args::is_usage(&error), "{error}");
        }
        assert!(answered(&DetectArgs { dir: "/no/such/folder".into() }).is_err());
    }
}
