//! `fewer agent doctor`: what this host permits, what is missing, and what each permission would give.

use std::fmt::Write;

use agent_bpf::{Backend, Capabilities, CapabilityRow, CapabilityState};
use serde_json::json;

/// The overall answer, which becomes the exit code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The best way of sampling works here.
    Full,
    /// Sampling works, with less than it could have.
    Degraded,
    /// Sampling is not possible.
    Impossible,
}

/// What the doctor says.
#[derive(Clone, Debug)]
pub struct Diagnosis {
    capabilities: Capabilities,
}

impl Verdict {
    /// 0, 1 or 2.
    pub fn exit_code(self) -> u8 {
        match self {
            Self::Full => 0,
            Self::Degraded => 1,
            Self::Impossible => 2,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Full => "full",
            Self::Degraded => "degraded",
            Self::Impossible => "impossible",
        }
    }
}

/// Looks at this host.
pub fn examine() -> Diagnosis {
    Diagnosis { capabilities: agent_bpf::probe() }
}

impl Diagnosis {
    /// The overall answer: full with the BPF sampler and every permission.
    pub fn verdict(&self) -> Verdict {
        let is_missing = |row: &CapabilityRow| row.state == CapabilityState::Missing;
        match self.capabilities.backend {
            None => Verdict::Impossible,
            Some(Backend::Bpf) if !self.capabilities.rows.iter().any(is_missing) => Verdict::Full,
            Some(_) => Verdict::Degraded,
        }
    }

    /// As a table for a person.
    pub fn table(&self, with_colour: bool) -> String {
        let width = self.capabilities.rows.iter().map(|row| row.what.len()).max().unwrap_or(0);
        let mut text = format!("Linux {}: {}\n\n", self.capabilities.kernel_release, self.headline());
        for row in &self.capabilities.rows {
            // Writing to a string cannot fail.
            let _ = writeln!(text, "{}  {:width$}  {}", state(row.state, with_colour), row.what, row.found);
            if row.state != CapabilityState::Present {
                let indent = " ".repeat(9);
                let _ = writeln!(text, "{indent}  gives: {}", row.gives);
                if let Some(fix) = row.fix {
                    let _ = writeln!(text, "{indent}  fix:   {fix}");
                }
            }
        }
        text
    }

    /// As JSON for a program.
    pub fn json(&self) -> String {
        let rows = self.capabilities.rows.iter().map(|row| {
            json!({
                "what": row.what,
                "state": state_name(row.state),
                "found": row.found,
                "gives": row.gives,
                "fix": row.fix,
            })
        });
        let report = json!({
            "kernel": self.capabilities.kernel_release,
            "verdict": self.verdict().name(),
            "backend": self.capabilities.backend.map(backend_name),
            "capabilities": rows.collect::<Vec<_>>(),
        });
        format!("{report:#}\n")
    }

    fn headline(&self) -> String {
        match (self.capabilities.backend.map(backend_name), self.verdict()) {
            (Some(backend), Verdict::Full) => {
                format!("everything works, sampling uses the {backend} backend.")
            }
            (Some(backend), _) => format!("sampling works with the {backend} backend, and could give more."),
            (None, _) => {
                "this host cannot be sampled as a whole; `record` of your own processes may work.".to_owned()
            }
        }
    }
}

/// Name of a backend in options and reports.
pub(crate) fn backend_name(backend: Backend) -> &'static str {
    match backend {
        Backend::Auto => "auto",
        Backend::Bpf => "bpf",
        Backend::PerfRing => "perf-ring",
    }
}

fn state_name(state: CapabilityState) -> &'static str {
    match state {
        CapabilityState::Present => "ok",
        CapabilityState::Limited => "limited",
        CapabilityState::Missing => "missing",
    }
}

/// Nine columns wide.
fn state(state: CapabilityState, with_colour: bool) -> String {
    let name = format!("  {:7}", state_name(state));
    let colour = match state {
        CapabilityState::Present => 32,
        CapabilityState::Limited => 33,
        CapabilityState::Missing => 31,
    };
    if with_colour { format!("\x1b[{colour}m{name}\x1b[0m") } else { name }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(what: &'static str, state: CapabilityState) -> CapabilityRow {
        let fix = (state != CapabilityState::Present).then_some("grant CAP_X");
        CapabilityRow { what, state, found: "found".into(), gives: "something", fix }
    }

    fn diagnosis(backend: Option<Backend>, states: &[CapabilityState]) -> Diagnosis {
        let rows = ["a short one", "a longer capability", "third"].into_iter().zip(states);
        let rows = rows.map(|(what, state)| row(what, *state)).collect();
        Diagnosis { capabilities: Capabilities { kernel_release: "6.1".into(), backend, rows } }
    }

    #[test]
    fn verdicts_and_exit_codes() {
        use CapabilityState::{Limited, Missing, Present};
        let code = |backend, states| diagnosis(backend, states).verdict().exit_code();
        assert_eq!(code(Some(Backend::Bpf), &[Present, Limited]), 0);
        assert_eq!(code(Some(Backend::Bpf), &[Present, Missing]), 1);
        assert_eq!(code(Some(Backend::PerfRing), &[Present]), 1);
        assert_eq!(code(None, &[Missing]), 2);
    }

    #[test]
    fn a_table_to_read() {
        use CapabilityState::{Limited, Missing, Present};
        let diagnosis = diagnosis(Some(Backend::PerfRing), &[Present, Limited, Missing]);
        insta::assert_snapshot!(diagnosis.table(false), @r"
        Linux 6.1: sampling works with the perf-ring backend, and could give more.

          ok       a short one          found
          limited  a longer capability  found
                   gives: something
                   fix:   grant CAP_X
          missing  third                found
                   gives: something
                   fix:   grant CAP_X
        ");
        assert!(diagnosis.table(true).contains("\x1b[31m  missing\x1b[0m"));
    }

    #[test]
    fn json_to_process() {
        let diagnosis = diagnosis(None, &[CapabilityState::Missing]);
        insta::assert_snapshot!(diagnosis.json(), @r#"
        {
          "backend": null,
          "capabilities": [
            {
              "fix": "grant CAP_X",
              "found": "found",
              "gives": "something",
              "state": "missing",
              "what": "a short one"
            }
          ],
          "kernel": "6.1",
          "verdict": "impossible"
        }
        "#);
    }
}
