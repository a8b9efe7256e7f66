//! The answer of `fewer sharing` over a fleet.

use std::fmt::Write;

use serde::Serialize;

use crate::number::counted;

/// What hosts hold in memory more than once.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct SharingReport {
    /// Name and version of this form; fields are only added to it.
    pub schema: &'static str,
    /// Each host.
    pub hosts: Vec<HostMemory>,
    /// What could be shared, by service, owner and cause; the most memory first.
    pub rows: Vec<SharingRow>,
    /// Limits that were hit, and what could not be read.
    pub notes: Vec<String>,
}

/// The memory of one host's largest processes.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct HostMemory {
    /// Its name.
    pub host: String,
    /// When it was looked at, milliseconds since the Unix epoch.
    pub at_ms: i64,
    /// Processes in all groups.
    pub processes: u64,
    /// Of one process alone, and not equal to what others have.
    pub private_mb: f64,
    /// Shared already.
    pub shared_mb: f64,
    /// Of one process alone, and could be shared.
    pub could_be_shared_mb: f64,
}

/// What one change could save.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct SharingRow {
    /// The service.
    pub service: String,
    /// What runs it.
    pub program: String,
    /// Module and attribute, or the kind of memory.
    pub owner: String,
    /// Type of the value, or sort of the pages.
    pub kind: String,
    /// Why it is held more than once.
    pub cause: String,
    /// Hosts on which it was found.
    pub hosts: u64,
    /// Processes that hold it, on all of them.
    pub processes: u64,
    /// In each process, on average.
    pub mb_per_process: f64,
    /// What one copy for each host would save, on all of them, while nothing is read.
    pub mb_saved: Option<f64>,
    /// Of that, what use leaves: of what was loaded before the fork as it is used now, of all else once every object was
    /// read.
    pub mb_retained: Option<f64>,
    /// What use leaves is at least and at most that.
    pub mb_retained_range: (f64, f64),
    /// Servers that this is worth: likely, low and high. Null where that cannot be said.
    pub servers: Option<(f64, f64, f64)>,
    /// What to change.
    pub advice: String,
    /// The lines to write.
    pub change: Option<String>,
    /// What may go wrong.
    pub risk: String,
}

const ROWS_SHOWN: usize = 50;
const HOSTS_SHOWN: usize = 20;

impl SharingReport {
    /// For a person.
    pub fn to_text(&self) -> String {
        let mut text = String::new();
        if self.hosts.is_empty() {
            text += "no host has reported its memory; agents do so every few minutes\n";
        }
        let shown = self.hosts.iter().take(HOSTS_SHOWN);
        for (at, host) in shown.enumerate() {
            if at == 0 {
                text += &line(
                    ["host", "processes", "private MB", "shared MB", "could be shared MB"].map(str::to_owned),
                );
            }
            let numbers =
                [host.private_mb, host.shared_mb, host.could_be_shared_mb].map(|mb| format!("{mb:.1}"));
            let [private, shared, could] = numbers;
            text += &line([plain(&host.host), host.processes.to_string(), private, shared, could]);
        }
        if self.hosts.len() > HOSTS_SHOWN {
            let _ = writeln!(text, "and {} more", counted((self.hosts.len() - HOSTS_SHOWN) as u64, "host"));
        }
        for row in self.rows.iter().take(ROWS_SHOWN) {
            text += &describe(row);
        }
        if self.rows.is_empty() && !self.hosts.is_empty() {
            text += "\nnothing worth sharing was found\n";
        }
        for note in &self.notes {
            let _ = writeln!(text, "note: {}", plain(note));
        }
        text
    }
}

fn line([host, processes, private, shared, could]: [String; 5]) -> String {
    format!("{host:24}  {processes:>9}  {private:>10}  {shared:>9}  {could:>18}\n")
}

fn describe(row: &SharingRow) -> String {
    let mb = |mb: Option<f64>| mb.map_or_else(|| "?".to_owned(), |mb| format!("{mb:.1}"));
    let servers = match row.servers {
        Some((likely, low, high)) => format!("; servers {likely:.2} (95 %: {low:.2} to {high:.2})"),
        None => "; servers: cannot say".to_owned(),
    };
    let mut text = format!(
        "\n{}: {} ({}), {}\n    {:.1} MB in each of {} on {}; saves {} MB, {} MB in use ({:.1} to {:.1}){servers}\n    {}\n    \
         risk: {}\n",
        plain(&row.service),
        plain(&row.owner),
        plain(&row.kind),
        row.cause,
        row.mb_per_process,
        counted(row.processes, "process").replace("processs", "processes"),
        counted(row.hosts, "host"),
        mb(row.mb_saved),
        mb(row.mb_retained),
        row.mb_retained_range.0,
        row.mb_retained_range.1,
        row.advice,
        row.risk
    );
    if let Some(change) = &row.change {
        text += &change.lines().map(|line| format!("        {line}\n")).collect::<String>();
    }
    text
}

/// A name that anyone may have chosen.
fn plain(text: &str) -> String {
    text.chars().map(|character| if character.is_control() { ' ' } else { character }).take(200).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fleet_for_a_person() {
        let row = SharingRow {
            service: "feed".into(),
            owner: "conf.SETTINGS".into(),
            kind: "dict".into(),
            cause: "loaded after the fork".into(),
            hosts: 12,
            processes: 192,
            mb_per_process: 75.2,
            mb_saved: Some(13_536.0),
            mb_retained: Some(420.0),
            mb_retained_range: (420.0, 13_536.0),
            servers: Some((1.42, 0.1, 1.9)),
            advice: "load it in the master".into(),
            change: Some("preload_app = True\ngc.freeze()".into()),
            risk: "sockets".into(),
            ..SharingRow::default()
        };
        let unknown = SharingRow {
            owner: "malloc".into(),
            kind: "arenas".into(),
            mb_saved: None,
            servers: None,
            change: None,
            processes: 1,
            hosts: 1,
            mb_retained: None,
            mb_retained_range: (0.0, 75.2),
            ..row.clone()
        };
        let host = HostMemory {
            host: "web-1".into(),
            processes: 17,
            private_mb: 400.0,
            shared_mb: 160.5,
            could_be_shared_mb: 1128.0,
            ..HostMemory::default()
        };
        let report = SharingReport {
            hosts: vec![host],
            rows: vec![row, unknown],
            notes: vec!["2 processes could not be read".into()],
            ..SharingReport::default()
        };
        insta::assert_snapshot!(report.to_text(), @"
        host                      processes  private MB  shared MB  could be shared MB
        web-1                            17       400.0      160.5              1128.0

        feed: conf.SETTINGS (dict), loaded after the fork
            75.2 MB in each of 192 processes on 12 hosts; saves 13536.0 MB, 420.0 MB in use (420.0 to 13536.0); servers 1.42 (95 %: 0.10 to 1.90)
            load it in the master
            risk: sockets
                preload_app = True
                gc.freeze()

        feed: malloc (arenas), loaded after the fork
            75.2 MB in each of 1 process on 1 host; saves ? MB, ? MB in use (0.0 to 75.2); servers: cannot say
            load it in the master
            risk: sockets
        note: 2 processes could not be read
        ");
        insta::assert_snapshot!(SharingReport::default().to_text(), @"no host has reported its memory; agents do so every few minutes");
    }
}
