use std::io;
use std::net::SocketAddr;
#[cfg(unix)]
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpSocket, TcpStream, ToSocketAddrs, lookup_host};

/// Accept queue length. The system drops further ones, which retry a second later.
const BACKLOG: u32 = 1_024;

/// Listens on the first usable address; returns the last error.
pub async fn listen(address: impl ToSocketAddrs) -> io::Result<TcpListener> {
    let mut why = io::Error::new(io::ErrorKind::InvalidInput, "it stands for no address");
    for address in lookup_host(address).await? {
        match listen_on(address) {
            Ok(listener) => return Ok(listener),
            Err(error) => why = error,
        }
    }
    Err(why)
}

fn listen_on(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = if address.is_ipv4() {
        TcpSocket::new_v4()?
    } else {
        TcpSocket::new_v6()?
    };
    // allows a restart while old connections are closing
    #[cfg(unix)]
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}

pub trait Accept: Send + 'static {
    type Stream: AsyncRead + AsyncWrite + Unpin + Send + 'static;

    /// Returns the next connection and its peer. Cancel-safe. After an error the next call may
    /// succeed.
    fn accept(&mut self) -> impl Future<Output = io::Result<(Self::Stream, SocketAddr)>> + Send;
}

impl Accept for TcpListener {
    type Stream = TcpStream;

    async fn accept(&mut self) -> io::Result<(TcpStream, SocketAddr)> {
        let (stream, peer) = Self::accept(self).await?;
        set_up(&stream);
        Ok((stream, peer))
    }
}

/// Detects vanished peers within about a minute: by keepalive probes when idle, else by missing
/// acknowledgements.
fn set_up(stream: &TcpStream) {
    let _ = stream.set_nodelay(true);
    #[cfg(unix)]
    {
        use rustix::net::sockopt;
        let _ = sockopt::set_socket_keepalive(stream, true);
        let _ = sockopt::set_tcp_keepidle(stream, Duration::from_secs(30));
        let _ = sockopt::set_tcp_keepintvl(stream, Duration::from_secs(10));
        let _ = sockopt::set_tcp_keepcnt(stream, 3);
        #[cfg(any(target_os = "linux", target_os = "android"))]
        let _ = sockopt::set_tcp_user_timeout(stream, 60_000);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn an_address_is_listened_on_once() {
        let first = listen("localhost:0").await.unwrap();
        let address = first.local_addr().unwrap();
        assert!(address.ip().is_loopback() && address.port() > 0);
        let refused = listen(address).await.unwrap_err();
        assert_eq!(refused.kind(), io::ErrorKind::AddrInUse);
        assert!(listen("no port").await.is_err());
    }
}
