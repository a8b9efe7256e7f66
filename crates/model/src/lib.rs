//! The nouns of fewer: labels, frames, stacks, profiles, selectors, series. Values only (invariant I1): no I/O,
//! no clock, no serialization, no logging.

mod batch;
mod code;
mod frame;
mod id;
mod label;
mod memory;
mod metric;
mod profile;
mod requests;
mod selector;
mod series;
mod time;

pub use batch::{Batch, BatchBuilder, InvalidBatch};
pub use code::{BRANCHES_MAX, CodeBranch, CodeFunction, CodeReport, ExecutionState, Outcomes};
pub use frame::{Frame, FrameId, FrameKind, StackId};
pub use id::{AgentId, PushKey};
pub use label::{LabelSet, keys};
pub use memory::{EqualMemory, MappingMemory, MemoryGroup, MemorySize, OwnerMemory, PageMemory};
pub use metric::{AgentReport, Measure};
pub use profile::{Profile, ProfileType, Sample};
pub use requests::{FlagEvaluations, RequestCounts};
pub use selector::{MatchOp, Matcher, Selector};
pub use series::Series;
pub use time::Window;
