//! Where the agent keeps what must survive a restart, and how large its host is.

use std::{env, path::PathBuf};

/// `/var/lib/fewer` for root; for others `fewer` in the user's state directory.
pub fn state_directory() -> PathBuf {
    if rustix::process::geteuid().is_root() {
        return PathBuf::from("/var/lib/fewer");
    }
    let absolute = |name: &str| env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    absolute("XDG_STATE_HOME")
        .or_else(|| absolute("HOME").map(|home| home.join(".local/state")))
        .unwrap_or_else(env::temp_dir)
        .join("fewer")
}

/// How many CPUs the host has.
pub fn cpu_count() -> usize {
    crate::host::read().cpu_count
}
