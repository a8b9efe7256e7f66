//! collector-store.
