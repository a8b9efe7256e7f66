//! The command line of `fewer collector`.

use std::{env, net::SocketAddr, path::PathBuf};

use crate::{Access, AccessError, Options};

/// Receive profiles, keep them, answer queries and serve the web UI.
#[derive(Clone, Debug, clap::Args)]
pub struct Args {
    /// Address to listen on. Beyond this machine it needs --token-file or --open.
    #[arg(long, value_name = "ADDRESS:PORT", env = "FEWER_LISTEN", default_value = "127.0.0.1:4040")]
    pub listen: SocketAddr,

    /// Directory of the data; made when it does not exist. [default: /var/lib/fewer for root, else
    /// $XDG_DATA_HOME/fewer]
    #[arg(long, value_name = "DIR", env = "FEWER_DATA_DIR")]
    pub data_dir: Option<PathBuf>,

    /// File with the token that every request must carry.
    #[arg(long, value_name = "FILE", env = "FEWER_TOKEN_FILE")]
    pub token_file: Option<PathBuf>,

    /// Let in everybody who can reach the address.
    #[arg(long)]
    pub open: bool,

    /// Delete data older than this: a number and h, d or w.
    #[arg(long, value_name = "TIME", default_value = "14d", value_parser = parse_age_ns)]
    pub retention: i64,

    /// Delete the oldest data beyond this size: a number and MB, GB or TB.
    #[arg(long, value_name = "SIZE", default_value = "20GB", value_parser = parse_size_bytes)]
    pub disk_limit: u64,
}

impl Args {
    /// What to start the collector with.
    pub fn options(&self) -> Result<Options, AccessError> {
        let mut options = Options::new(self.data_dir.clone().unwrap_or_else(default_data_dir));
        options.access = Access::new(self.listen, self.token_file.as_deref(), self.open)?;
        options.store.retention_ns = self.retention;
        options.store.disk_bytes = self.disk_limit;
        Ok(options)
    }
}

/// Where a system service or a person keeps data.
fn default_data_dir() -> PathBuf {
    if rustix::process::geteuid().is_root() {
        return "/var/lib/fewer".into();
    }
    let absolute = |path: PathBuf| path.is_absolute().then_some(path);
    let data = env::var_os("XDG_DATA_HOME").map(PathBuf::from).and_then(absolute);
    let home = || env::var_os("HOME").map(|home| PathBuf::from(home).join(".local/share"));
    data.or_else(home).unwrap_or_else(env::temp_dir).join("fewer")
}

fn parse_age_ns(text: &str) -> Result<i64, String> {
    const HOUR_NS: i64 = 3_600_000_000_000;
    let units = [("h", HOUR_NS), ("d", 24 * HOUR_NS), ("w", 7 * 24 * HOUR_NS)];
    let found = units
        .iter()
        .find_map(|(unit, ns)| Some(text.strip_suffix(unit)?.parse::<i64>().ok()?.checked_mul(*ns)));
    match found {
        Some(Some(age_ns)) if age_ns >= HOUR_NS => Ok(age_ns),
        _ => Err("write a whole number and h, d or w, at least 1h".into()),
    }
}

fn parse_size_bytes(text: &str) -> Result<u64, String> {
    const MB: u64 = 1_000_000;
    let units = [("MB", MB), ("GB", 1000 * MB), ("TB", 1_000_000 * MB)];
    let found = units
        .iter()
        .find_map(|(unit, size)| Some(text.strip_suffix(unit)?.parse::<u64>().ok()?.checked_mul(*size)));
    match found {
        Some(Some(size_bytes)) if size_bytes >= 100 * MB => Ok(size_bytes),
        _ => Err("write a whole number and MB, GB or TB, at least 100MB".into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ages_and_sizes_have_units() {
        assert_eq!(parse_age_ns("14d"), Ok(14 * 86_400_000_000_000));
        assert_eq!(parse_age_ns("1h"), Ok(3_600_000_000_000));
        for bad in ["", "14", "d", "-1d", "0h", "1.5d", "99999999999999w"] {
            assert!(parse_age_ns(bad).is_err(), "{bad}");
        }
        assert_eq!(parse_size_bytes("20GB"), Ok(20_000_000_000));
        for bad in ["", "20", "GB", "-1GB", "99MB", "99999999999TB"] {
            assert!(parse_size_bytes(bad).is_err(), "{bad}");
        }
    }
}
