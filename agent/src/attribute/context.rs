//! Context of a sample: the request or query that the thread worked on at that instant, as labels.
//!
//! What the kernel side read counts first. Where a program says nothing, frameworks are recognised by their frames.
//! Every sample says where its labels come from; a context that cannot be understood costs the labels, never the
//! sample (I5).

use std::{borrow::Cow, sync::Arc};

use agent_bpf::{ContextOutcome, ContextSource, RawContext, RawSample, RawText, TextOutcome};
use model::{LabelSet, keys};

use crate::{
    context::{
        labels::{self, CALLER},
        rules::{PythonFrame, Rules},
        sql::{self, QueryText},
    },
    location::Location,
    lru::Lru,
    runtimes::Runtimes,
    tally::Tally,
};

/// Reads contexts, and remembers what they came to.
pub(super) struct Contexts {
    rules: Option<Rules>,
    queries: Lru<TextEnds, Arc<LabelSet>>,
    merged: Lru<Parts, Arc<LabelSet>>,
    tally: Tally,
}

/// Head and tail of a query's text.
type TextEnds = (Box<[u8]>, Box<[u8]>);

/// Labels of a thread, labels of a context, and where those come from.
type Parts = (Arc<LabelSet>, Arc<LabelSet>, &'static str);

const MAX_QUERIES: usize = 1024;
const MAX_MERGED: usize = 4096;
/// Counts samples by what reading their context came to.
const CONTEXTS: &str = "context_outcome_total";

impl Contexts {
    pub(super) fn new() -> Self {
        let rules = Rules::built_in();
        if let Err(error) = &rules {
            tracing::error!(%error, "frameworks are not recognised");
        }
        Self {
            rules: rules.ok(),
            queries: Lru::new(MAX_QUERIES),
            merged: Lru::new(MAX_MERGED),
            tally: Tally::default(),
        }
    }

    /// The labels of a thread together with those of what it works on, if that is known.
    pub(super) fn labels(
        &mut self,
        sample: &RawSample<'_>,
        thread: Arc<LabelSet>,
        stack: &[Location],
        runtimes: &mut Runtimes,
    ) -> Arc<LabelSet> {
        let raw = sample.context.as_ref().and_then(|context| self.context(sample, context, runtimes));
        let found = raw
            .or_else(|| sample.query_text.as_ref().and_then(|text| self.query(text)))
            .or_else(|| self.framework(sample.pid, stack, runtimes));
        let Some((context, source)) = found else { return thread };
        let key = (thread, context, source);
        if let Some(merged) = self.merged.get(&key) {
            return merged.clone();
        }
        let (thread, context, _) = &key;
        let merged = thread.merged(context).merged(&LabelSet::new([(keys::LABEL_SOURCE, source)]));
        let merged = Arc::new(merged);
        self.merged.insert(key, merged.clone());
        merged
    }

    /// Gives back memory.
    pub(super) fn trim(&mut self) {
        self.queries.shrink(MAX_QUERIES / 8);
        self.merged.shrink(MAX_MERGED / 8);
    }

    pub(super) fn tally(&self) -> &Tally {
        &self.tally
    }

    fn context(
        &mut self,
        sample: &RawSample<'_>,
        context: &RawContext<'_>,
        runtimes: &mut Runtimes,
    ) -> Option<(Arc<LabelSet>, &'static str)> {
        self.tally.add(CONTEXTS, outcome_name(context.outcome), 1);
        self.tally.add(labels::CONTEXT_LABELS, "cut in the kernel", context.cut.into());
        if context.outcome != ContextOutcome::Found {
            return None;
        }
        match context.source {
            ContextSource::ContextVariable => {
                runtimes.record(sample.pid, context.address).map(|labels| (labels, "sdk"))
            }
            ContextSource::ThreadContext => {
                runtimes.copied_record(sample.pid, context.bytes).map(|labels| (labels, "otel_tls"))
            }
            ContextSource::GoLabels => {
                let labels = labels::canonical(text_pairs(context), &mut self.tally);
                Some((Arc::new(labels), "go_labels"))
            }
            ContextSource::CustomLabels => {
                // There the first of several values counts, elsewhere the last.
                let mut pairs: Vec<_> = text_pairs(context).collect();
                pairs.reverse();
                Some((Arc::new(labels::canonical(pairs, &mut self.tally)), "custom_labels"))
            }
        }
    }

    fn query(&mut self, text: &RawText<'_>) -> Option<(Arc<LabelSet>, &'static str)> {
        let outcome = match text.outcome {
            TextOutcome::Read => "query",
            TextOutcome::Null => "between queries",
            TextOutcome::Fault => "query unreadable",
        };
        self.tally.add(CONTEXTS, outcome, 1);
        if text.outcome != TextOutcome::Read {
            return None;
        }
        let key = (Box::from(text.head), Box::from(text.tail));
        if let Some(labels) = self.queries.get(&key) {
            return Some((labels.clone(), QUERY));
        }
        let is_whole = text.length.is_some_and(|length| length as usize == text.head.len() + text.tail.len());
        let query = sql::describe(QueryText { head: text.head, tail: text.tail, is_whole });
        let caller = query.comment.as_ref().and_then(sql::Comment::calling_endpoint);
        let pairs = [
            (keys::ENDPOINT, query.endpoint()),
            (CALLER, caller.unwrap_or_default()),
            (QUERY_TEXT, query.text),
        ];
        let cut = pairs.map(|(key, mut value)| {
            labels::cut(&mut value, labels::VALUE_BYTES_MAX);
            (key, value)
        });
        let labels = Arc::new(LabelSet::new(cut));
        self.queries.insert(key, labels.clone());
        Some((labels, QUERY))
    }

    /// The handler that a framework has called, where the program has no SDK to say so itself.
    fn framework(
        &mut self,
        pid: u32,
        stack: &[Location],
        runtimes: &Runtimes,
    ) -> Option<(Arc<LabelSet>, &'static str)> {
        let frames: Vec<PythonFrame<'_>> = stack.iter().filter_map(python_frame).collect();
        if frames.is_empty() || runtimes.has_records(pid) {
            return None;
        }
        let mut endpoint = self.rules.as_ref()?.endpoint(&frames)?;
        labels::cut(&mut endpoint, labels::VALUE_BYTES_MAX);
        Some((Arc::new(LabelSet::new([(keys::ENDPOINT, endpoint)])), "stack"))
    }
}

const QUERY: &str = "query";
/// The query without its values, by OpenTelemetry's name.
const QUERY_TEXT: &str = "db.query.text";

fn text_pairs<'a>(context: &RawContext<'a>) -> impl Iterator<Item = (Cow<'a, str>, Cow<'a, str>)> + use<'a> {
    context.labels().map(|(key, value)| (String::from_utf8_lossy(key), String::from_utf8_lossy(value)))
}

fn python_frame(location: &Location) -> Option<PythonFrame<'_>> {
    match location {
        Location::Python(frame) => Some(PythonFrame { file: &frame.file, function: &frame.function }),
        _ => None,
    }
}

fn outcome_name(outcome: ContextOutcome) -> &'static str {
    match outcome {
        ContextOutcome::NoContext => "no context",
        ContextOutcome::Absent => "absent",
        ContextOutcome::Found => "found",
        ContextOutcome::Fault => "fault",
        ContextOutcome::WrongType => "wrong type",
        ContextOutcome::Torn => "torn",
        ContextOutcome::Oversized => "oversized",
    }
}
