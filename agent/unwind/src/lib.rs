//! agent-unwind.
