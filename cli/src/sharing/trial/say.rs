//! A trial in words and as JSON.

use serde_json::{Value, json};

use super::{
    super::MB,
    outcome::{Outcome, Saving, Side},
};

/// Workers of both set-ups that differ by more are not the same set-up.
const WORKERS_DIFFER: f64 = 0.5;

pub(super) fn page(outcome: &Outcome) -> String {
    let (present, changed) = (outcome.present_side(), outcome.changed_side());
    let mut page = format!(
        "present  {}\nchanged  {}\nuse      {}\ntimes    {}\n\n",
        plain(&outcome.present),
        plain(&outcome.changed),
        plain(&outcome.load),
        outcome.repetitions.len()
    );
    page += &format!(
        "{:8}  {:>7}  {:>13}  {:>14}  {:>12}\n",
        "", "workers", "uss_mb_worker", "pss_mb_started", "pss_mb_used"
    );
    for (name, side) in [("present", &present), ("changed", &changed)] {
        page += &format!(
            "{name:8}  {:>7.0}  {:>13.1}  {:>14.1}  {:>12.1}\n",
            side.workers,
            side.worker_own_bytes / MB,
            side.started_bytes / MB,
            side.after_bytes / MB
        );
    }
    let retained =
        if is_used(outcome) { saving(outcome.retained()) } else { "? (nothing was used)".to_owned() };
    page += &format!("\nsaved     {}\nretained  {retained}\n", saving(outcome.saved()));
    if let Some((saved, retained)) = outcome.predicted() {
        let [saved, retained] = [saved, retained].map(|bytes| bytes as f64 / MB);
        page += &format!(
            "evidence  {saved:.1} MB while nothing is read, {retained:.1} MB once every object was read\n"
        );
    }
    for note in notes(outcome, &present, &changed) {
        page += &format!("note: {note}\n");
    }
    page
}

pub(super) fn document(outcome: &Outcome) -> String {
    let (present, changed) = (outcome.present_side(), outcome.changed_side());
    let document = json!({
        "present": side(&outcome.present, &present),
        "changed": side(&outcome.changed, &changed),
        "use": outcome.load,
        "repetitions": outcome.repetitions.len(),
        "mb_saved": numbers(outcome.saved()),
        "mb_retained": is_used(outcome).then(|| numbers(outcome.retained())),
        "predicted": outcome.predicted().map(|(saved, retained)| json!({
            "mb_saved": mb(saved as f64),
            "mb_retained": mb(retained as f64),
        })),
        "notes": notes(outcome, &present, &changed),
    });
    format!("{document}\n")
}

fn is_used(outcome: &Outcome) -> bool {
    outcome.load != super::Load::None.describe()
}

fn side(command: &str, side: &Side) -> Value {
    json!({
        "command": command,
        "workers": side.workers,
        "uss_mb_per_worker": mb(side.worker_own_bytes),
        "pss_mb_started": mb(side.started_bytes),
        "pss_mb_used": mb(side.after_bytes),
        "requests": side.requests,
        "requests_failed": side.failed,
    })
}

fn numbers(saving: Saving) -> Value {
    json!({
        "value": mb(saving.bytes),
        "low": saving.range.map(|(low, _)| mb(low)),
        "high": saving.range.map(|(_, high)| mb(high)),
        "percent": (saving.share * 1000.0).round() / 10.0,
    })
}

fn saving(saving: Saving) -> String {
    let range = saving.range.map_or_else(
        || "one repetition, so no range".to_owned(),
        |(low, high)| format!("95 %: {:.1} to {:.1}", low / MB, high / MB),
    );
    format!("{:.1} MB ({range}), {:.1} % of the present", saving.bytes / MB, saving.share * 100.0)
}

fn notes(outcome: &Outcome, present: &Side, changed: &Side) -> Vec<String> {
    let mut notes = Vec::new();
    if (present.workers - changed.workers).abs() > WORKERS_DIFFER {
        notes.push(format!(
            "the set-ups have {:.0} and {:.0} workers, so the difference is not the change's alone",
            present.workers, changed.workers
        ));
    }
    if !is_used(outcome) {
        notes.push("nothing was used; give --url or --load to know what stays saved".to_owned());
    }
    let failed = present.failed + changed.failed;
    if failed > 0 {
        notes.push(format!("{failed} of {} requests failed", present.requests + changed.requests));
    }
    notes
}

fn mb(bytes: f64) -> f64 {
    (bytes / MB * 1000.0).round() / 1000.0
}

/// A line that anyone may have written.
fn plain(text: &str) -> String {
    text.chars().map(|character| if character.is_control() { ' ' } else { character }).collect()
}

#[cfg(test)]
mod tests {
    use super::{
        super::{Measured, load::Used, outcome::Repetition, setup::Memory},
        *,
    };

    fn measured(started_mb: u64, after_mb: u64) -> Measured {
        let memory = |mb: u64| Memory {
            worker_own_bytes: vec![mb * 250_000; 4],
            proportional_bytes: mb * 1_000_000,
            processes: 5,
        };
        Measured {
            started: memory(started_mb),
            after: memory(after_mb),
            used: Used { requests: 400, ..Used::default() },
            predicted: Some((230_000_000, 18_000_000)),
        }
    }

    fn outcome(repetitions: Vec<Repetition>) -> Outcome {
        Outcome {
            present: "gunicorn -w 4 app:wsgi".into(),
            changed: "gunicorn -w 4 --preload app:wsgi".into(),
            load: "400 requests to http://127.0.0.1:{port}/feed".into(),
            repetitions,
        }
    }

    #[test]
    fn a_trial_is_told_with_its_range() {
        let repetition =
            |more: u64| Repetition { present: measured(320 + more, 330), changed: measured(90, 200 + more) };
        insta::assert_snapshot!(page(&outcome(vec![repetition(0), repetition(1), repetition(2)])), @"
        present  gunicorn -w 4 app:wsgi
        changed  gunicorn -w 4 --preload app:wsgi
        use      400 requests to http://127.0.0.1:{port}/feed
        times    3

                  workers  uss_mb_worker  pss_mb_started   pss_mb_used
        present         4           82.5           321.0         330.0
        changed         4           50.2            90.0         201.0

        saved     231.0 MB (95 %: 228.5 to 233.5), 72.0 % of the present
        retained  129.0 MB (95 %: 126.5 to 131.5), 39.1 % of the present
        evidence  230.0 MB while nothing is read, 18.0 MB once every object was read
        ");
    }

    #[test]
    fn one_repetition_has_no_range() {
        let changed = Measured {
            after: Memory { worker_own_bytes: vec![1; 3], ..measured(90, 90).after },
            ..measured(90, 90)
        };
        let one = outcome(vec![Repetition { present: measured(320, 330), changed }]);
        let document: Value = serde_json::from_str(&document(&one)).unwrap();
        assert_eq!(document["mb_saved"]["low"], Value::Null);
        assert_eq!(document["mb_retained"]["value"], 240.0);
        assert_eq!(document["notes"].as_array().unwrap().len(), 1);
    }
}
