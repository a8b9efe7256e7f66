//! Profiles: samples of one type, one label set, one window.

use crate::{LabelSet, StackId, Window};

/// What the values of a profile measure.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ProfileType {
    /// Time on a CPU, in nanoseconds: events counted times the period.
    #[default]
    Cpu,
}

impl ProfileType {
    /// Every type there is, for listing.
    pub const ALL: [Self; 1] = [Self::Cpu];

    /// Name in queries and files.
    pub fn name(self) -> &'static str {
        match self {
            Self::Cpu => "cpu",
        }
    }

    /// Unit of its values.
    pub fn unit(self) -> &'static str {
        match self {
            Self::Cpu => "nanoseconds",
        }
    }

    /// The type with this name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }
}

/// One stack with its value. It stands for as many events as fell on the stack.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Sample {
    /// Which stack of the batch.
    pub stack: StackId,
    /// The measured amount, in the profile type's unit.
    pub value: i64,
}

/// Samples of one type, one label set and one window, with stacks from the batch it stands in.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Profile {
    /// What is measured.
    pub kind: ProfileType,
    /// Where the samples came from.
    pub labels: LabelSet,
    /// When they were taken.
    pub window: Window,
    /// Distance between two sampling events in the unit of `kind`; 0 when unknown or mixed.
    pub period: i64,
    /// Stacks and their values; a stack appears once.
    pub samples: Vec<Sample>,
}

impl Profile {
    /// Sum of all values.
    pub fn total(&self) -> i64 {
        self.samples.iter().map(|sample| sample.value).sum()
    }
}
