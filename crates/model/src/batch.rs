//! Batches: profiles that share one table of frames and stacks.

use std::{collections::HashMap, sync::Arc};

use crate::{
    FlagEvaluations, Frame, FrameId, LabelSet, Profile, ProfileType, RequestCounts, Sample, StackId, Window,
};

/// Profiles and the frames and stacks they refer to, and what the profiled programs counted themselves. Frames and
/// stacks are each distinct.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Batch {
    /// Distinct frames.
    pub frames: Vec<Frame>,
    /// Distinct stacks, each leaf first.
    pub stacks: Vec<Vec<FrameId>>,
    /// The profiles.
    pub profiles: Vec<Profile>,
    /// Requests that ended.
    pub requests: Vec<RequestCounts>,
    /// Feature flags that were evaluated.
    pub evaluations: Vec<FlagEvaluations>,
}

/// Why a batch from outside cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InvalidBatch {
    /// A stack names a frame that is not in the batch.
    FrameOutOfRange,
    /// A sample names a stack that is not in the batch.
    StackOutOfRange,
    /// The window of a profile or of a count ends before it starts.
    WindowReversed,
    /// A value is below zero.
    NegativeValue,
}

impl std::fmt::Display for InvalidBatch {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::FrameOutOfRange => "a stack refers to a frame that is not in the message",
            Self::StackOutOfRange => "a sample refers to a stack that is not in the message",
            Self::WindowReversed => "a window ends before it starts",
            Self::NegativeValue => "a sample has a negative value",
        })
    }
}

impl std::error::Error for InvalidBatch {}

impl Batch {
    /// The frame with this id. Ids of a checked batch are always in range; a stray one reads as an unnamed frame.
    pub fn frame(&self, id: FrameId) -> Frame {
        self.frames.get(id.0 as usize).cloned().unwrap_or_default()
    }

    /// The frames of a stack, leaf first.
    pub fn stack(&self, id: StackId) -> &[FrameId] {
        self.stacks.get(id.0 as usize).map_or(&[], Vec::as_slice)
    }

    /// Sum over all profiles.
    pub fn total(&self) -> i64 {
        self.profiles.iter().map(Profile::total).sum()
    }

    /// Checks what a decoder cannot know: that every reference lands and every value makes sense.
    pub fn check(&self) -> Result<(), InvalidBatch> {
        let frames = self.frames.len();
        let stacks = self.stacks.len();
        if self.stacks.iter().flatten().any(|frame| frame.0 as usize >= frames) {
            return Err(InvalidBatch::FrameOutOfRange);
        }
        let requests = self.requests.iter().map(|counts| counts.window);
        let evaluations = self.evaluations.iter().map(|evaluations| evaluations.window);
        let mut windows =
            self.profiles.iter().map(|profile| profile.window).chain(requests).chain(evaluations);
        if windows.any(|window| window.end_ns < window.start_ns) {
            return Err(InvalidBatch::WindowReversed);
        }
        for profile in &self.profiles {
            if profile.samples.iter().any(|sample| sample.stack.0 as usize >= stacks) {
                return Err(InvalidBatch::StackOutOfRange);
            }
            if profile.samples.iter().any(|sample| sample.value < 0) {
                return Err(InvalidBatch::NegativeValue);
            }
        }
        Ok(())
    }
}

/// What tells profiles with equal labels apart.
type ProfileKey = (ProfileType, Window, i64);

/// What tells evaluations with equal labels apart: window, flag, variant and reason.
type EvaluationKey = (Window, Arc<str>, Arc<str>, Arc<str>);

/// Puts a batch together: equal frames, stacks and profiles become one, and so do counts of equal things.
#[derive(Debug, Default)]
pub struct BatchBuilder {
    frames: HashMap<Frame, FrameId>,
    frame_order: Vec<Frame>,
    stacks: HashMap<Vec<FrameId>, StackId>,
    stack_order: Vec<Vec<FrameId>>,
    profiles: HashMap<LabelSet, HashMap<ProfileKey, usize>>,
    profile_order: Vec<(Profile, HashMap<StackId, i64>)>,
    requests: HashMap<LabelSet, HashMap<Window, usize>>,
    request_order: Vec<RequestCounts>,
    evaluations: HashMap<LabelSet, HashMap<EvaluationKey, usize>>,
    evaluation_order: Vec<FlagEvaluations>,
}

impl BatchBuilder {
    /// An empty builder.
    pub fn new() -> Self {
        Self::default()
    }

    /// The id of a frame, new or known.
    pub fn frame(&mut self, frame: Frame) -> FrameId {
        if let Some(id) = self.frames.get(&frame) {
            return *id;
        }
        let id = FrameId(self.frame_order.len() as u32);
        self.frame_order.push(frame.clone());
        self.frames.insert(frame, id);
        id
    }

    /// The id of a stack, new or known. Leaf first.
    pub fn stack(&mut self, frames: Vec<FrameId>) -> StackId {
        if let Some(id) = self.stacks.get(&frames) {
            return *id;
        }
        let id = StackId(self.stack_order.len() as u32);
        self.stack_order.push(frames.clone());
        self.stacks.insert(frames, id);
        id
    }

    /// Adds a value; `profile` says where it belongs, its own samples are not read.
    pub fn add(&mut self, profile: &Profile, sample: Sample) {
        let at = self.profile(profile);
        if let Some((_, values)) = self.profile_order.get_mut(at) {
            let value = values.entry(sample.stack).or_insert(0);
            *value = value.saturating_add(sample.value);
        }
    }

    /// Position of the profile that has these labels, type, window and period, new or known.
    fn profile(&mut self, profile: &Profile) -> usize {
        let key = (profile.kind, profile.window, profile.period);
        if let Some(at) = self.profiles.get(&profile.labels).and_then(|same| same.get(&key)) {
            return *at;
        }
        let at = self.profile_order.len();
        self.profiles.entry(profile.labels.clone()).or_default().insert(key, at);
        let without_samples = Profile {
            kind: profile.kind,
            labels: profile.labels.clone(),
            window: profile.window,
            period: profile.period,
            samples: Vec::new(),
        };
        self.profile_order.push((without_samples, HashMap::new()));
        at
    }

    /// Adds requests; those with equal labels and window become one.
    pub fn add_requests(&mut self, counts: &RequestCounts) {
        let next = self.request_order.len();
        let same = self.requests.entry(counts.labels.clone()).or_default();
        let at = *same.entry(counts.window).or_insert(next);
        match self.request_order.get_mut(at) {
            Some(sum) => sum.add(counts),
            None => self.request_order.push(counts.clone()),
        }
    }

    /// Adds evaluations of a flag; those that differ in nothing but their count become one.
    pub fn add_evaluations(&mut self, evaluations: &FlagEvaluations) {
        let FlagEvaluations { window, flag, variant, reason, .. } = evaluations.clone();
        let next = self.evaluation_order.len();
        let same = self.evaluations.entry(evaluations.labels.clone()).or_default();
        let at = *same.entry((window, flag, variant, reason)).or_insert(next);
        match self.evaluation_order.get_mut(at) {
            Some(sum) => sum.count = sum.count.saturating_add(evaluations.count),
            None => self.evaluation_order.push(evaluations.clone()),
        }
    }

    /// Adds everything in another batch, which must have passed [`Batch::check`].
    pub fn extend(&mut self, batch: &Batch) {
        let frames: Vec<FrameId> = batch.frames.iter().map(|frame| self.frame(frame.clone())).collect();
        let translate = |id: &FrameId| frames.get(id.0 as usize).copied();
        let stacks: Vec<StackId> = batch
            .stacks
            .iter()
            .map(|stack| self.stack(stack.iter().filter_map(translate).collect()))
            .collect();
        for profile in &batch.profiles {
            for sample in &profile.samples {
                if let Some(stack) = stacks.get(sample.stack.0 as usize) {
                    self.add(profile, Sample { stack: *stack, value: sample.value });
                }
            }
        }
        batch.requests.iter().for_each(|counts| self.add_requests(counts));
        batch.evaluations.iter().for_each(|evaluations| self.add_evaluations(evaluations));
    }

    /// The finished batch; profiles in the order first seen, samples in the order of their stacks.
    pub fn finish(self) -> Batch {
        let profiles = self
            .profile_order
            .into_iter()
            .map(|(profile, values)| {
                let mut samples: Vec<Sample> =
                    values.into_iter().map(|(stack, value)| Sample { stack, value }).collect();
                samples.sort_unstable();
                Profile { samples, ..profile }
            })
            .collect();
        Batch {
            frames: self.frame_order,
            stacks: self.stack_order,
            profiles,
            requests: self.request_order,
            evaluations: self.evaluation_order,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(name: &str) -> Frame {
        Frame { function: name.into(), ..Frame::default() }
    }

    #[test]
    fn equal_stacks_become_one_sample() {
        let mut builder = BatchBuilder::new();
        let profile = Profile::default();
        for value in [1, 2] {
            let leaf = builder.frame(frame("leaf"));
            let root = builder.frame(frame("root"));
            let stack = builder.stack(vec![leaf, root]);
            builder.add(&profile, Sample { stack, value });
        }
        let batch = builder.finish();
        assert_eq!((batch.frames.len(), batch.stacks.len(), batch.profiles.len()), (2, 1, 1));
        assert_eq!(batch.total(), 3);
        assert_eq!(batch.check(), Ok(()));
    }

    #[test]
    fn extending_renumbers() {
        let mut one = BatchBuilder::new();
        let a = one.frame(frame("a"));
        let stack = one.stack(vec![a]);
        one.add(&Profile::default(), Sample { stack, value: 5 });
        let one = one.finish();

        let mut both = BatchBuilder::new();
        both.frame(frame("b"));
        both.extend(&one);
        both.extend(&one);
        let both = both.finish();
        assert_eq!(both.total(), 10);
        assert_eq!(both.frame(both.stack(StackId(0))[0]).function.as_ref(), "a");
    }

    #[test]
    fn equal_counts_become_one() {
        let window = Window { start_ns: 0, end_ns: 10 };
        let requests = |endpoint: &str, requests| RequestCounts {
            window,
            labels: LabelSet::new([("endpoint", endpoint)]),
            requests,
            ..RequestCounts::default()
        };
        let evaluations =
            |variant: &str, count| FlagEvaluations { variant: variant.into(), count, ..Default::default() };
        let mut builder = BatchBuilder::new();
        for (endpoint, count) in [("/a", 1), ("/b", 2), ("/a", 4)] {
            builder.add_requests(&requests(endpoint, count));
            builder.add_evaluations(&evaluations(endpoint, count));
        }
        let one = builder.finish();
        assert_eq!(one.requests, [requests("/a", 5), requests("/b", 2)]);
        assert_eq!(one.evaluations, [evaluations("/a", 5), evaluations("/b", 2)]);

        let mut twice = BatchBuilder::new();
        twice.extend(&one);
        twice.extend(&one);
        let twice = twice.finish();
        assert_eq!(twice.requests, [requests("/a", 10), requests("/b", 4)]);
        assert_eq!(twice.evaluations, [evaluations("/a", 10), evaluations("/b", 4)]);
    }

    #[test]
    fn a_bad_reference_is_named() {
        let profile = Profile { samples: vec![Sample { stack: StackId(0), value: 1 }], ..Profile::default() };
        let mut batch = Batch { profiles: vec![profile], ..Batch::default() };
        assert_eq!(batch.check(), Err(InvalidBatch::StackOutOfRange));
        batch.stacks = vec![vec![FrameId(0)]];
        assert_eq!(batch.check(), Err(InvalidBatch::FrameOutOfRange));
        batch.frames = vec![Frame::default()];
        assert_eq!(batch.check(), Ok(()));
        batch.profiles[0].samples[0].value = -1;
        assert_eq!(batch.check(), Err(InvalidBatch::NegativeValue));
    }
}
