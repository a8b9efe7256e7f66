//! The answer of `fewer capacity` over a fleet.

use serde::Serialize;

/// How many servers services need.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct CapacityReport {
    /// Name and version of this form; fields are only added to it.
    pub schema: &'static str,
    /// Each service, the most servers first.
    pub services: Vec<CapacityRow>,
    /// What could not be asked.
    pub notes: Vec<String>,
}

/// One service.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct CapacityRow {
    /// Its name.
    pub service: String,
    /// Servers it runs on now.
    pub servers_now: u64,
    /// Servers it needs: likely, low and high; null where that cannot be said.
    pub servers_needed: Option<(f64, f64, f64)>,
    /// The resource that says so: `cpu`, `memory` or `red line`.
    pub binding: String,
    /// Share of what is possible in which it does.
    pub binding_share: f64,
    /// Servers that CPU alone would need, in fractions: likely, low and high.
    pub servers_for_cpu: Option<(f64, f64, f64)>,
    /// Servers that memory alone would need; null where nothing is known of it.
    pub servers_for_memory: Option<(f64, f64, f64)>,
    /// Share of the cores that may be busy at the peak.
    pub target_utilisation: Option<f64>,
    /// Regions of which one may be lost; 1 when no such reserve is counted.
    pub regions: u32,
    /// Why nothing can be said.
    pub cannot_say: Option<String>,
    /// What each finding is worth, alone.
    pub findings: Vec<FindingWorth>,
    /// What all of them are worth together, overlaps counted once.
    pub together: Option<(f64, f64, f64)>,
    /// Where numbers are from, and what they leave out.
    pub notes: Vec<String>,
}

/// What one finding is worth.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct FindingWorth {
    /// Its id; empty for one that is not kept.
    pub id: String,
    /// What it is.
    pub name: String,
    /// Servers: likely, low and high.
    pub servers: (f64, f64, f64),
}

impl CapacityReport {
    /// For a person.
    pub fn to_text(&self) -> String {
        let mut text: String = self.services.iter().map(CapacityRow::to_text).collect();
        if self.services.is_empty() {
            text += "no service has requests and hosts that are known\n";
        }
        self.notes.iter().fold(text, |text, note| text + &format!("note: {note}\n"))
    }
}

impl CapacityRow {
    fn to_text(&self) -> String {
        let mut text = match (self.servers_needed, &self.cannot_say) {
            (Some((likely, low, high)), _) => format!(
                "{}: needs {likely:.0} servers (95 %: {low:.0} to {high:.0}), runs on {}; {}\n",
                self.service,
                self.servers_now,
                self.binding_text()
            ),
            (None, why) => format!("{}: {}\n", self.service, why.as_deref().unwrap_or("cannot say")),
        };
        for worth in &self.findings {
            let (likely, low, high) = worth.servers;
            text += &format!("    {likely:6.2} (95 %: {low:.2} to {high:.2})  {}\n", worth.name);
        }
        if let Some((likely, low, high)) = self.together.filter(|_| self.findings.len() > 1) {
            text += &format!(
                "    {likely:6.2} (95 %: {low:.2} to {high:.2})  all together, overlaps counted once\n"
            );
        }
        self.notes.iter().fold(text, |text, note| text + &format!("    note: {note}\n"))
    }

    fn binding_text(&self) -> String {
        let certainty = match self.binding_share {
            share if share > 0.995 => String::new(),
            share => format!(" in {:.0} % of what is possible", share * 100.0),
        };
        match self.binding.as_str() {
            "cpu" if certainty.is_empty() => "CPU binds, so freeing memory frees no server".to_owned(),
            "cpu" => format!("CPU binds{certainty}"),
            "red line" => format!("the load test's limit binds{certainty}"),
            other => format!("{other} binds{certainty}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn services_for_a_person() {
        let row = CapacityRow {
            service: "feed".into(),
            servers_now: 12,
            servers_needed: Some((9.0, 8.0, 11.0)),
            binding: "cpu".into(),
            binding_share: 0.9,
            findings: vec![
                FindingWorth {
                    name: "rank: +30 %".into(),
                    servers: (1.25, 0.5, 2.0),
                    ..FindingWorth::default()
                },
                FindingWorth { name: "conf.SETTINGS".into(), ..FindingWorth::default() },
            ],
            together: Some((1.25, 0.5, 2.0)),
            notes: vec!["only hosts with an agent".into()],
            ..CapacityRow::default()
        };
        let silent = CapacityRow {
            service: "batch".into(),
            cannot_say: Some("cannot say: no requests".into()),
            ..CapacityRow::default()
        };
        let report = CapacityReport { services: vec![row, silent], ..CapacityReport::default() };
        insta::assert_snapshot!(report.to_text(), @"
        feed: needs 9 servers (95 %: 8 to 11), runs on 12; CPU binds in 90 % of what is possible
              1.25 (95 %: 0.50 to 2.00)  rank: +30 %
              0.00 (95 %: 0.00 to 0.00)  conf.SETTINGS
              1.25 (95 %: 0.50 to 2.00)  all together, overlaps counted once
            note: only hosts with an agent
        batch: cannot say: no requests
        ");
        insta::assert_snapshot!(CapacityReport::default().to_text(), @"no service has requests and hosts that are known");
    }
}
