//! calltree.
