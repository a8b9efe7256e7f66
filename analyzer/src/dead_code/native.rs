//! Functions of native programs. Only samples say that one ran, and nothing says that one did not: what was never sampled
//! is suspect, with the most that it can cost.

use std::{
    collections::{BTreeSet, HashSet},
    sync::Arc,
};

use analyzer_detect::{
    dead_code::exposure::{calls_to_be_sampled, cpu_share_at_most},
    stats::servers::Sizing,
};
use analyzer_report::{
    dead_code::{DeadCodeRow, DeadCodeService},
    number::counted,
};
use model::{Batch, FrameKind};
use wire::api::code::CodeFunctionRow;

use super::{
    ROWS_MAX,
    evidence::{Evidence, Origin, Watched},
};
use crate::findings::id;

/// What samples of a service saw.
#[derive(Clone, Debug, Default)]
pub(crate) struct Sampled {
    samples: f64,
    /// Names of the functions of machine code in their stacks.
    names: HashSet<Arc<str>>,
    /// The distance of two samples, in nanoseconds.
    period_ns: i64,
    /// The time from the first to the last.
    seconds: f64,
    /// Busy cores of each part that was looked at.
    cores: Vec<f64>,
    /// What their mean is multiplied by for the fleet.
    scale: f64,
}

/// A short call, of which many go unseen.
const SHORT_CALL_S: f64 = 10e-6;
const DAY_S: f64 = 86_400.0;

/// Source of interpreted functions and of what Cython compiles.
const PYTHON_FILES: [&str; 3] = [".py", ".pyx", ".pxd"];
/// Folders of packages that compilers fetch: what follows is the package.
const PACKAGES: [&str; 3] = ["cargo/registry/src/", "cargo/git/checkouts/", "/go/pkg/mod/"];

/// True for what no interpreter keeps marks of. Interpreted functions say what they do, as far as it could be read; what
/// compiled extensions show in tracebacks does not.
pub(crate) fn is_native(row: &CodeFunctionRow) -> bool {
    let is_python =
        row.file.starts_with(['<', '(']) || PYTHON_FILES.iter().any(|suffix| row.file.ends_with(suffix));
    row.body.is_empty() && row.silent_blocks == 0 && !is_python
}

/// Where native code is from, by the path of its source or of the program.
pub(crate) fn origin(file: &str) -> Origin {
    for folder in PACKAGES {
        if let Some((_, below)) = file.split_once(folder) {
            let mut parts = below.split('/');
            let name = match folder {
                "cargo/registry/src/" => parts.nth(1),
                _ => parts.next(),
            };
            return Origin::Package(name.unwrap_or(below).to_owned());
        }
    }
    if file.contains("/usr/include/") { Origin::Standard } else { Origin::Own }
}

impl Sampled {
    /// Nothing yet, in a time of so many seconds, of parts of a fleet that is so many times as large as their mean.
    pub(crate) fn new(seconds: f64, scale: f64) -> Self {
        Self { seconds, scale, ..Self::default() }
    }

    /// Adds the profile of one part of the fleet.
    pub(crate) fn add(&mut self, profile: &Batch, seconds: f64) {
        let native = profile.frames.iter().filter(|frame| frame.kind == FrameKind::Native);
        self.names.extend(native.map(|frame| frame.function.clone()));
        let mut cpu_ns = 0.0;
        for one in &profile.profiles {
            let value_ns = one.samples.iter().map(|sample| sample.value as f64).sum::<f64>();
            cpu_ns += value_ns;
            if one.period > 0 {
                self.samples += value_ns / one.period as f64;
                self.period_ns = self.period_ns.max(one.period);
            }
        }
        self.cores.push(cpu_ns / 1e9 / seconds.max(f64::MIN_POSITIVE));
    }

    /// Busy cores of the fleet.
    fn cores(&self) -> f64 {
        self.cores.iter().sum::<f64>() / self.cores.len().max(1) as f64 * self.scale
    }

    /// Samples of so long a time at the end.
    fn samples_in(&self, seconds: f64) -> u64 {
        (self.samples * (seconds / self.seconds.max(f64::MIN_POSITIVE)).min(1.0)) as u64
    }
}

/// Adds to a service's report its native functions that no sample saw, as far as there is room; `alive` are those of other
/// services that ran.
pub(crate) fn add(
    service: &mut DeadCodeService,
    (evidence, alive): (&Evidence, &BTreeSet<(String, String)>),
    sampled: &Sampled,
    sizing: &Sizing,
) {
    if evidence.native.is_empty() {
        return;
    }
    let mut listed = Vec::new();
    let funnel = &mut service.funnel;
    for watched in &evidence.native {
        let identity = &watched.unit.identity;
        let stage = match &watched.origin {
            _ if watched.unit.last_executed.is_some() => &mut funnel.executed,
            _ if sampled.names.contains(&identity.function) => &mut funnel.executed,
            Origin::Package(_) => &mut funnel.packages,
            Origin::Standard => &mut funnel.standard_library,
            Origin::Own if alive.contains(&(identity.file.to_string(), identity.function.to_string())) => {
                &mut funnel.elsewhere
            }
            Origin::Own => {
                listed.push(row(evidence, watched, (sampled, sizing)));
                continue;
            }
        };
        *stage += 1;
    }
    listed.sort_by(|left, right| right.bytes.cmp(&left.bytes).then_with(|| left.id.cmp(&right.id)));
    funnel.functions += evidence.native.len() as u64;
    funnel.suspects += listed.len() as u64;
    let room = ROWS_MAX.saturating_sub(service.rows.len());
    funnel.beyond += listed.len().saturating_sub(room) as u64;
    service.rows.extend(listed.into_iter().take(room));
    service.notes.push(note(sampled));
}

fn row(evidence: &Evidence, watched: &Watched, (sampled, sizing): (&Sampled, &Sizing)) -> DeadCodeRow {
    let unit = &watched.unit;
    let (file, function) = (unit.identity.file.to_string(), unit.identity.function.to_string());
    let days = evidence.days.1.saturating_sub(unit.first_seen);
    // What came later than the first evidence may not have been there for all samples.
    let is_newer = unit.first_seen > evidence.days.0;
    let seconds = if is_newer { f64::from(days) * DAY_S } else { sampled.seconds };
    let samples = sampled.samples_in(seconds);
    let share = cpu_share_at_most(samples);
    let cores = share.map(|share| share * sampled.cores());
    DeadCodeRow {
        id: id(&["dead_code", "native", &evidence.service, &file, &function]),
        state: "suspect",
        sort: "native",
        function,
        line: unit.line,
        bytes: Some(watched.bytes),
        days,
        evidence: match share {
            Some(share) => format!(
                "never among {} in {}; at most {} of the service's CPU",
                counted(samples, "sample"),
                length(seconds.min(sampled.seconds)),
                percent(share)
            ),
            None => "no sample could have seen it yet".to_owned(),
        },
        doubts: vec!["only samples tell whether it ran".to_owned()],
        confidence: "suspect",
        cores: cores.map(|most| (0.0, 0.0, most)),
        servers: cores.map(|most| (0.0, 0.0, most * sizing.servers_for_cores(1.0))),
        advice: "count its calls before you remove it".to_owned(),
        module: file.clone(),
        file,
        ..DeadCodeRow::default()
    }
}

fn length(seconds: f64) -> String {
    match (seconds / 3_600.0).round() as u64 {
        0 => counted((seconds / 60.0).round() as u64, "minute"),
        hours @ 1..48 => counted(hours, "hour"),
        hours => counted(hours / 24, "day"),
    }
}

/// Two digits that count.
fn percent(share: f64) -> String {
    let percent = share * 100.0;
    let digits = (1.0 - percent.log10().floor()).clamp(0.0, 9.0) as usize;
    format!("{percent:.digits$} %")
}

/// What has to be known to read such rows.
fn note(sampled: &Sampled) -> String {
    let mut note = "native functions are judged by samples, which prove life and never death".to_owned();
    if sampled.period_ns > 0 {
        let rate_hz = 1e9 / sampled.period_ns as f64;
        let calls = calls_to_be_sampled(rate_hz, SHORT_CALL_S).round() as u64;
        note += &format!(": at {rate_hz:.0} a second, {} of 10 µs can go unseen", counted(calls, "call"));
    }
    note
}

#[cfg(test)]
mod tests {
    use analyzer_detect::dead_code::ledger::{Identity, Unit};
    use model::{BatchBuilder, Frame, Profile, Sample};

    use super::*;

    fn watched(function: &str, file: &str, first_seen: u32, executed: Option<u32>) -> Watched {
        Watched {
            unit: Unit {
                identity: Identity { file: file.into(), function: function.into(), body: 0 },
                line: 4,
                first_seen,
                last_seen: 130,
                first_executed: executed,
                last_executed: executed,
                executed_blocks: u64::from(executed.is_some()),
                silent_blocks: 0,
                unknown_blocks: 9,
                roles: BTreeSet::new(),
            },
            earlier: None,
            bytes: 100 + u64::from(first_seen),
            is_import_only: false,
            origin: origin(file),
            branches: Vec::new(),
        }
    }

    /// A week of one core, of which `hot` took all.
    fn sampled() -> Sampled {
        let mut builder = BatchBuilder::default();
        let frame = Frame { function: "hot".into(), ..Frame::default() };
        let stack = builder.frame(frame);
        let stack = builder.stack([stack].into());
        let profile = Profile { period: 50_000_000, ..Profile::default() };
        builder.add(&profile, Sample { stack, value: 7 * 86_400 * 1_000_000_000 });
        let mut sampled = Sampled::new(7.0 * 86_400.0, 20.0);
        sampled.add(&builder.finish(), 7.0 * 86_400.0);
        sampled
    }

    #[test]
    fn what_no_sample_saw_is_suspect_with_the_most_it_can_cost() {
        let own = "/srv/feed/src/rank.c";
        let evidence = Evidence {
            service: "feed".into(),
            days: (100, 130),
            native: vec![
                watched("never", own, 100, None),
                watched("new", own, 129, None),
                watched("today", own, 130, None),
                watched("hot", own, 100, None),
                watched("seen", own, 100, Some(110)),
                watched("elsewhere", own, 100, None),
                watched("serde::de", "/root/.cargo/registry/src/index/serde-1.0.2/src/de.rs", 100, None),
            ],
            ..Evidence::default()
        };
        let alive = [(own.to_owned(), "elsewhere".to_owned())].into();
        let sampled = sampled();
        let sizing = Sizing { cores: 10.0, target_utilisation: 0.5, growth: 0.0, regions: 1, reserve: 0 };
        let mut service = DeadCodeService::default();
        add(&mut service, (&evidence, &alive), &sampled, &sizing);
        let (rows, funnel) = (service.rows, service.funnel);
        let text: Vec<String> = rows
            .iter()
            .map(|row| format!("{} {} {}: {}", row.state, row.function, row.days, row.evidence))
            .collect();
        insta::assert_snapshot!(text.join("\n"), @"
        suspect today 0: no sample could have seen it yet
        suspect new 1: never among 1728000 samples in 24 hours; at most 0.00017 % of the service's CPU
        suspect never 30: never among 12096000 samples in 7 days; at most 0.000025 % of the service's CPU
        ");
        let never = rows.iter().find(|row| row.function == "never").unwrap();
        let (cores, servers) = (never.cores.unwrap(), never.servers.unwrap());
        assert_eq!((cores.0, cores.1, never.dead, never.rate_at_most), (0.0, 0.0, None, None));
        assert!((cores.2 - 3.0 / 12_096_000.0 * 20.0).abs() < 1e-8, "{cores:?}");
        assert!((servers.2 - cores.2 / 5.0).abs() < 1e-12);
        assert_eq!((funnel.functions, funnel.executed, funnel.elsewhere, funnel.packages), (7, 2, 1, 1));
        assert_eq!((funnel.suspects, funnel.beyond), (3, 0));
        insta::assert_snapshot!(service.notes.join("\n"), @"native functions are judged by samples, which prove life and never death: at 20 a second, 15000 calls of 10 µs can go unseen");
        let mut none = DeadCodeService::default();
        add(&mut none, (&Evidence::default(), &alive), &sampled, &sizing);
        assert_eq!(none, DeadCodeService::default());
    }

    #[test]
    fn what_interpreters_mark_is_told_from_what_they_do_not() {
        let row = |file: &str, body: &str, silent_blocks| CodeFunctionRow {
            file: file.into(),
            body: body.into(),
            silent_blocks,
            ..CodeFunctionRow::default()
        };
        let cases = [
            (row("/srv/feed/src/rank.c", "", 0), true),
            (row("/srv/feed/bin/feed", "", 0), true),
            (row("/srv/feed/manage", "0a", 0), false),
            (row("/srv/feed/manage", "", 3), false),
            (row("/srv/feed/views.py", "", 0), false),
            (row("/srv/feed/fast.pyx", "", 0), false),
            (row("(tree fragment)", "", 0), false),
            (row("<frozen importlib>", "", 0), false),
        ];
        for (row, expected) in cases {
            assert_eq!(is_native(&row), expected, "{row:?}");
        }
    }

    #[test]
    fn packages_of_compilers_are_known_by_their_folders() {
        let cases = [
            (
                "/root/.cargo/registry/src/index-1/serde-1.0.2/src/de.rs",
                Origin::Package("serde-1.0.2".into()),
            ),
            ("/home/a/.cargo/git/checkouts/tokio-12ab/src/lib.rs", Origin::Package("tokio-12ab".into())),
            ("/usr/include/c++/12/vector", Origin::Standard),
            ("/srv/feed/src/rank.c", Origin::Own),
            ("/srv/feed/bin/feed", Origin::Own),
        ];
        for (file, expected) in cases {
            assert_eq!(super::super::evidence::origin(file), expected, "{file}");
        }
    }
}
