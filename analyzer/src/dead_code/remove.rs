//! A branch that removes one function that did not run: what goes, why that is safe, or why it is not.
//!
//! Nothing of the user's checkout is touched: everything happens in a worktree of its own, which is gone afterwards. Nothing
//! is merged or pushed.

mod branch;
mod edit;
mod imports;
mod plan;

use std::time::Duration;

pub use branch::{Removed, Tested, remove};
pub use plan::{Evidence, Refusal};

/// What is asked for.
#[derive(Clone, Debug)]
pub struct RemoveOptions {
    /// The function: `Feed.old`, `feed.views.Feed.old` or `feed/views.py:Feed.old`.
    pub function: String,
    /// The branch; None for a name made from the function's.
    pub branch: Option<String>,
    /// A command of the user's that tests the result.
    pub test: Option<String>,
    /// A test that takes longer has failed.
    pub test_limit: Duration,
}
