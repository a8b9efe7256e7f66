//! What was found, as rows of the report.

use std::collections::{BTreeMap, BTreeSet};

use analyzer_detect::dead_code::{Verdict, ledger::Unit, survival::StaticClass};
use analyzer_report::{dead_code::DeadCodeRow, number::counted};
use wire::api::findings::Range;

use super::{Known, decided, path_of};
use crate::{
    dead_code::{
        classes::{self, references},
        cpu::Cost,
        doubts::{confidence, said, silence, step},
        evidence::source_name,
        guards::Guard,
        inventory::ReferenceKind,
        list::Listed,
        wasted::{Wasted, Why},
    },
    findings::id,
};

/// Places that name a function which are listed.
const REFERENCES_SHOWN: usize = 10;

/// Functions that go with another which are listed.
const MEMBERS_MAX: usize = 200;

const DAY_MS: i64 = 86_400_000;

/// Makes the rows of a service.
pub(super) struct Rows<'a> {
    pub(super) known: &'a Known<'a>,
    pub(super) guarded: &'a BTreeMap<usize, Guard>,
    pub(super) dead: &'a BTreeSet<usize>,
}

impl Rows<'_> {
    /// A function that did not run.
    pub(super) fn function(&self, listed: &Listed) -> DeadCodeRow {
        let unit = &listed.watched.unit;
        let file = path_of(self.known.beside.source, &unit.identity.file);
        let mut row = self.silent(unit, &listed.verdict);
        row.sort = "function";
        row.function = source_name(&unit.identity.function);
        row.line = unit.line;
        row.bytes = Some(listed.watched.bytes);
        row.id = id(&["dead_code", &self.known.evidence.service, &file, &row.function]);
        let earlier = listed.watched.earlier.as_ref().and_then(|earlier| earlier.last_executed);
        row.last_executed_ms = earlier.map(|day| i64::from(day) * DAY_MS);
        (row.module, row.file) = (file.clone(), file);
        if let Verdict::Candidate { dead, .. } = listed.verdict {
            row.confidence = confidence(dead, listed.class);
        }
        if let (Some(function), Some(class)) = (listed.function, listed.class) {
            self.add_source(&mut row, function, class);
        }
        row
    }

    /// A file that nobody imported.
    pub(super) fn module(&self, file: usize, unit: &Unit, verdict: &Verdict) -> Option<DeadCodeRow> {
        let source = self.known.beside.source?;
        let file = source.inventory.files.get(file)?;
        let members = file.functions.clone().filter_map(|at| source.inventory.functions.get(at));
        let members: Vec<String> = members.map(|one| one.name.clone()).take(MEMBERS_MAX).collect();
        let mut row = self.silent(unit, verdict);
        row.sort = "module";
        row.id = id(&["dead_code", "module", &self.known.evidence.service, &file.path]);
        row.function = unit.identity.function.to_string();
        row.lines = u32::try_from(file.text.split(|byte| *byte == b'\n').count()).ok();
        row.evidence = format!(
            "no process of any service imported it in {}; {} in it",
            counted(row.days.into(), "day"),
            counted(file.functions.len() as u64, "function")
        );
        row.owner = source.owner(&file.path);
        (row.file, row.module, row.line) = (file.path.clone(), file.path.clone(), 1);
        row.advice = "remove the file, and what only it uses".to_owned();
        row.members = members;
        Some(row)
    }

    /// Something that runs for nothing.
    pub(super) fn wasted(
        &self,
        wasted: &Wasted,
        cost: Option<Cost>,
        watched: Option<Verdict>,
    ) -> DeadCodeRow {
        let range = |range: Range| (range.value, range.low, range.high);
        let source = self.known.beside.source;
        let flag = self.known.flags.iter().find(|flag| flag.flag == wasted.flag);
        let (first, last) = wasted.regions.first().map_or((0, 0), |region| region.lines);
        let measured = match (cost, wasted.why) {
            (None, Why::Imported) => "; the time of its import was not measured",
            _ => "",
        };
        let unit_days = self.known.evidence.days.1.saturating_sub(self.known.evidence.days.0);
        DeadCodeRow {
            id: id(&[
                "dead_code",
                wasted.why.name(),
                &self.known.evidence.service,
                &wasted.path,
                &wasted.name,
                &wasted.line.to_string(),
            ]),
            state: "for_nothing",
            sort: wasted.why.name(),
            function: wasted.name.clone(),
            file: wasted.path.clone(),
            line: wasted.line,
            module: if wasted.path.is_empty() { wasted.name.clone() } else { wasted.path.clone() },
            owner: source.map(|source| source.owner(&wasted.path)).unwrap_or_default(),
            lines: (first > 0).then(|| last - first + 1),
            bytes: (wasted.bytes > 0).then_some(wasted.bytes),
            days: unit_days,
            evidence: format!("{}{measured}", wasted.evidence),
            doubts: watched.iter().flat_map(doubts_of).collect(),
            confidence: if wasted.is_guess { "guess" } else { "very likely" },
            flag: wasted.flag.clone(),
            flag_variant: flag.map(|flag| flag.variant.clone()).unwrap_or_default(),
            flag_days: flag.map_or(0, |flag| flag.days),
            flag_step: flag.map_or("", |flag| step(flag.step())),
            cores: cost.map(|cost| range(cost.cores)),
            servers: cost.map(|cost| range(cost.servers)),
            advice: wasted.why.advice().to_owned(),
            ..DeadCodeRow::default()
        }
    }

    /// What every row of something that did not run has.
    fn silent(&self, unit: &Unit, verdict: &Verdict) -> DeadCodeRow {
        let days = self.known.evidence.days.1.saturating_sub(unit.first_seen);
        let (state, dead, rate_at_most) = match verdict {
            Verdict::Candidate { dead, rate_at_most, .. } => ("candidate", Some(*dead), Some(*rate_at_most)),
            Verdict::Suspect { rate_at_most, .. } => ("suspect", None, *rate_at_most),
            Verdict::Alive { .. } => ("suspect", None, None),
        };
        DeadCodeRow {
            state,
            confidence: if state == "candidate" { "likely" } else { "suspect" },
            days,
            silent_blocks: unit.silent_blocks,
            evidence: silence(days, unit.silent_blocks),
            doubts: doubts_of(verdict),
            dead,
            rate_at_most,
            advice: if state == "candidate" { "remove it" } else { "watch it longer" }.to_owned(),
            ..DeadCodeRow::default()
        }
    }

    fn add_source(&self, row: &mut DeadCodeRow, function: usize, class: StaticClass) {
        let Some(source) = self.known.beside.source else { return };
        let Some(one) = source.inventory.functions.get(function) else { return };
        row.function = one.name.clone();
        row.line = one.first_line;
        row.lines = Some(one.last_line + 1 - one.first_line);
        row.owner = source.owner(&row.file);
        let named = references(&source.inventory, function);
        row.references_total = named.len() as u64;
        let shown = named.iter().take(REFERENCES_SHOWN).map(|one| format!("{}:{}", one.path, one.line));
        row.references = shown.collect();
        row.evidence = format!("{}; {}", row.evidence, self.who_names(function, class));
        let flag = decided(self.guarded.get(&function), self.known.flags);
        if let Some(flag) = flag {
            row.state = "off";
            row.flag = flag.flag.clone();
            row.flag_variant = flag.variant.clone();
            row.flag_days = flag.days;
            row.flag_step = step(flag.step());
            row.evidence = format!("{}; {}, and only that lets it run", row.evidence, flag.said());
            row.advice = format!("retire the flag {}, then remove it: one click revives it", flag.flag);
        } else if row.state == "candidate" {
            row.advice = format!("fewer dead-code remove {}:{} --source DIR", row.file, row.function);
        }
    }

    /// What the source says, in words.
    fn who_names(&self, function: usize, class: StaticClass) -> String {
        let Some(source) = self.known.beside.source else { return String::new() };
        let named = references(&source.inventory, function);
        let callers: BTreeSet<&str> = named
            .iter()
            .filter(|one| one.kind == ReferenceKind::Code)
            .filter_map(|one| one.from.filter(|from| self.dead.contains(from)))
            .filter_map(|from| source.inventory.functions.get(from))
            .map(|one| one.name.as_str())
            .collect();
        match class {
            StaticClass::Unreferenced => "nothing names it".to_owned(),
            StaticClass::ReferencedByCandidates => {
                let callers: Vec<&str> = callers.into_iter().take(3).collect();
                format!("only code that did not run either names it: {}", callers.join(", "))
            }
            StaticClass::EntryPoint => {
                let decorators =
                    source.inventory.functions.get(function).map(|one| one.decorators.as_slice());
                let registering = decorators.into_iter().flatten().find(|one| classes::is_registering(one));
                match registering {
                    Some(decorator) => format!("@{decorator} may tell others of it"),
                    None => "a framework, or only a failure, may call it".to_owned(),
                }
            }
            StaticClass::Private | StaticClass::Public => {
                format!("named in {}", counted(named.len() as u64, "place"))
            }
        }
    }
}

/// Functions that only keep each other, as one row.
pub(super) fn cluster(members: Vec<DeadCodeRow>) -> Option<DeadCodeRow> {
    let names: Vec<String> = members.iter().map(|row| row.function.clone()).collect();
    let sum = |of: fn(&DeadCodeRow) -> Option<u64>| members.iter().filter_map(of).sum::<u64>();
    let bytes = sum(|row| row.bytes);
    let lines = sum(|row| row.lines.map(u64::from));
    let is_candidate = members.iter().all(|row| row.state == "candidate");
    let mut doubts: Vec<String> = members.iter().flat_map(|row| row.doubts.clone()).collect();
    doubts.sort();
    doubts.dedup();
    let dead = members.iter().filter_map(|row| row.dead).min_by(f64::total_cmp).filter(|_| is_candidate);
    let days = members.iter().map(|row| row.days).min()?;
    let silent_blocks = members.iter().map(|row| row.silent_blocks).min()?;
    let ids: Vec<&str> = members.iter().map(|row| row.id.as_str()).collect();
    let id = id(&[&["dead_code", "cluster"], ids.as_slice()].concat());
    let first = members.into_iter().next()?;
    Some(DeadCodeRow {
        id,
        sort: "cluster",
        state: if is_candidate { "candidate" } else { "suspect" },
        confidence: if is_candidate { first.confidence } else { "suspect" },
        function: format!("{} and {} more", first.function, names.len() - 1),
        bytes: Some(bytes),
        lines: u32::try_from(lines).ok().filter(|lines| *lines > 0),
        days,
        silent_blocks,
        evidence: format!(
            "{}; {} name each other",
            silence(days, silent_blocks),
            counted(names.len() as u64, "function")
        ),
        dead,
        doubts,
        members: names.into_iter().take(MEMBERS_MAX).collect(),
        advice: "remove them together".to_owned(),
        ..first
    })
}

fn doubts_of(verdict: &Verdict) -> Vec<String> {
    match verdict {
        Verdict::Suspect { doubts, .. } => doubts.iter().map(said).collect(),
        _ => Vec::new(),
    }
}
