//! Notifies the service manager of readiness (`sd_notify(3)`, `READY=1`).

use std::ffi::OsStr;

use hallpass_terminal::exit::Failure;

const SOCKET: &str = "NOTIFY_SOCKET";
const READY: &[u8] = b"READY=1\n";

/// Reports readiness; does nothing without a service manager.
///
/// # Errors
/// Exit 1 if the notification fails: the service manager would time out and stop the process.
pub fn ready() -> Result<(), Failure> {
    match std::env::var_os(SOCKET).filter(|it| !it.is_empty()) {
        Some(socket) => tell(&socket).map_err(|error| {
            let named = socket.display();
            Failure::failed(format!("the service manager at `{named}` cannot be notified that this process is ready: {error}"))
                .help("unset `NOTIFY_SOCKET`, or start it with `Type=exec`")
        }),
        None => Ok(()),
    }
}

#[cfg(target_os = "linux")]
fn tell(socket: &OsStr) -> std::io::Result<()> {
    use std::os::linux::net::SocketAddrExt as _;
    use std::os::unix::ffi::OsStrExt as _;
    use std::os::unix::net::{SocketAddr, UnixDatagram};

    let address = match socket.as_bytes().strip_prefix(b"@") {
        Some(name) => SocketAddr::from_abstract_name(name)?,
        None => SocketAddr::from_pathname(socket)?,
    };
    UnixDatagram::unbound()?
        .send_to_addr(READY, &address)
        .map(|_| ())
}

#[cfg(not(target_os = "linux"))]
fn tell(_socket: &OsStr) -> std::io::Result<()> {
    Err(std::io::Error::other("only Linux has such sockets"))
}

#[cfg(test)]
#[cfg(target_os = "linux")]
mod tests {
    use std::os::linux::net::SocketAddrExt as _;
    use std::os::unix::net::{SocketAddr, UnixDatagram};

    use super::*;

    fn heard(listening: &UnixDatagram) -> Vec<u8> {
        let mut buffer = [0; 64];
        let length = listening.recv(&mut buffer).unwrap();
        buffer[..length].to_vec()
    }

    #[test]
    fn a_service_manager_hears_it_at_a_path_and_at_a_name() {
        let folder = std::env::temp_dir().join(format!("hallpass-notify-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let path = folder.join("socket");
        let listening = UnixDatagram::bind(&path).unwrap();
        tell(path.as_os_str()).unwrap();
        assert_eq!(heard(&listening), READY);
        let name = format!("hallpass-notify-{}", std::process::id());
        let address = SocketAddr::from_abstract_name(&name).unwrap();
        let listening = UnixDatagram::bind_addr(&address).unwrap();
        tell(OsStr::new(&format!("@{name}"))).unwrap();
        assert_eq!(heard(&listening), READY);
        std::fs::remove_dir_all(&folder).unwrap();
        assert!(tell(path.as_os_str()).is_err());
    }
}
