//! agent-bpf.
