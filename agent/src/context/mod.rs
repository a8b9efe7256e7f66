//! Whose CPU a sample is: what has to be known of a process so that the context of its threads can be read at
//! the sample instant, and what the pieces read mean.
//!
//! Everything here is a function of its input; files and memory come in through parameters (I7). Three kinds of
//! modules:
//!
//! - where to read: [`thread_context`], [`custom_labels`] and [`go`] say how far from a thread's pointer its
//!   context is, [`postgres`] says where the text of the running query is; [`elf`] and [`tls`] are what they share.
//! - what was read: [`labels`] brings the labels of every source to one form, [`sql`] names a query and finds
//!   who sent it, [`route`] writes the route templates of all frameworks alike.
//! - when there is nothing to read: [`rules`] finds the request handler in a Python stack.

pub(crate) mod custom_labels;
pub(crate) mod elf;
pub(crate) mod go;
pub(crate) mod labels;
pub(crate) mod postgres;
pub(crate) mod route;
pub(crate) mod rules;
pub(crate) mod sql;
pub(crate) mod thread_context;
pub(crate) mod tls;

#[cfg(test)]
mod testing;
