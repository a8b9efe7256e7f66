//! symbols.
