//! Listening, and saying who has the port when it is taken.

use std::{
    fs, io,
    net::{SocketAddr, TcpListener},
};

/// Why an address cannot be listened on.
#[derive(Debug, thiserror::Error)]
pub enum ListenError {
    /// Another program has the port.
    #[error(
        "{address} is taken by {}: stop it, or give --listen {}:{}",
        holder.as_deref().unwrap_or("another program"), address.ip(), address.port().wrapping_add(1)
    )]
    Taken {
        /// The address.
        address: SocketAddr,
        /// Process id and name of the program, where they can be seen.
        holder: Option<String>,
    },
    /// The address is not this machine's, or not allowed.
    #[error("cannot listen on {address}; give another address with --listen")]
    Refused {
        /// The address.
        address: SocketAddr,
        /// Why.
        source: io::Error,
    },
}

/// Listens for connections; they are accepted by [`crate::Collector::serve`].
pub fn listen(address: SocketAddr) -> Result<TcpListener, ListenError> {
    TcpListener::bind(address).map_err(|source| match source.kind() {
        io::ErrorKind::AddrInUse => ListenError::Taken { address, holder: holder(address.port()) },
        _ => ListenError::Refused { address, source },
    })
}

/// Which process listens on a port, by the kernel's socket tables. Only root sees other users' processes.
fn holder(port: u16) -> Option<String> {
    let inode = ["/proc/net/tcp", "/proc/net/tcp6"]
        .iter()
        .find_map(|table| listening_inode(&fs::read_to_string(table).ok()?, port).map(str::to_owned))?;
    let socket = format!("socket:[{inode}]");
    let entries = fs::read_dir("/proc").ok()?.filter_map(Result::ok);
    let mut process_ids = entries.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    let id = process_ids.find(|id| {
        let files = fs::read_dir(format!("/proc/{id}/fd")).into_iter().flatten().filter_map(Result::ok);
        files
            .filter_map(|file| fs::read_link(file.path()).ok())
            .any(|target| target.as_os_str() == socket.as_str())
    })?;
    let name = fs::read_to_string(format!("/proc/{id}/comm")).ok()?;
    Some(format!("process {id} ({})", name.trim()))
}

/// The inode of the listening socket with this port: columns are number, local address, remote address, state (0A
/// is listening), queues, timer, retransmits, user, timeout, inode.
fn listening_inode(table: &str, port: u16) -> Option<&str> {
    let ending = format!(":{port:04X}");
    table.lines().skip(1).find_map(|line| {
        let mut columns = line.split_whitespace().skip(1);
        let local = columns.next()?;
        let state = columns.nth(1)?;
        (local.ends_with(&ending) && state == "0A").then(|| columns.nth(5))?
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_taken_port_names_its_holder() {
        let first = listen("127.0.0.1:0".parse().unwrap()).unwrap();
        let address = first.local_addr().unwrap();
        let message = listen(address).unwrap_err().to_string();
        let own = format!("{address} is taken by process {} (", std::process::id());
        assert!(message.starts_with(&own), "{message}");
        assert!(message.ends_with(&format!("give --listen 127.0.0.1:{}", address.port() + 1)), "{message}");
    }

    #[test]
    fn an_address_of_another_machine_is_refused() {
        let message = listen("192.0.2.1:4040".parse().unwrap()).unwrap_err().to_string();
        assert_eq!(message, "cannot listen on 192.0.2.1:4040; give another address with --listen");
    }
}
