//! Call trees: the samples of a batch merged by path, and what a person reads off them. Pure: values in, values
//! out (invariants I1 and I4), no recursion on the depth of a stack, and the same input gives the same output.
//!
//! Numbers come from the whole tree or the whole batch; only [`layout`] leaves frames out, and it says which
//! share it left out (invariant I13).

mod diff;
#[cfg(test)]
mod fixture;
mod flat;
mod function;
mod layout;
mod tree;
mod union;

pub use diff::{DiffNode, DiffTree, Values};
pub use flat::{Matched, TopRow, matched, top};
pub use function::Function;
pub use layout::{Layout, LayoutOptions, layout};
pub use tree::{CallTree, Direction, Node};
