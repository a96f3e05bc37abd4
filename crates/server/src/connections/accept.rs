//! The accept loop: takes connections, gives each its place, and comes back by itself from whatever
//! a listener fails with.

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::time::Duration;

use axum::{extract::Request, response::Response};
use futures_util::FutureExt as _;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpSocket, TcpStream, ToSocketAddrs, lookup_host};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::sleep;
use tower::Service;

use super::figures::Count;
use super::protocol::Protocol;
use super::table::Full;
use super::{Connections, drive};

/// The pause after an error of the listener; doubles with each.
const PAUSE_FIRST: Duration = Duration::from_millis(10);
/// And at most.
const PAUSE_MAX: Duration = Duration::from_secs(1);
/// So many callers may be gone before we had them, one after the other, without a pause.
const GONE_MAX: u32 = 8;

/// Callers that may wait to be accepted. The system drops what comes beyond, and who was dropped
/// comes again a second later.
const BACKLOG: u32 = 1_024;

/// Listens on the first address that can be listened on.
///
/// # Errors
/// The last of why it cannot, or that there is no address.
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
    // where connections of a server before this one are still closing
    #[cfg(unix)]
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}

/// Where connections come from.
pub trait Accept: Send + 'static {
    /// A connection.
    type Stream: AsyncRead + AsyncWrite + Unpin + Send + 'static;

    /// The next connection, and where it is from. A call that is given up loses none.
    ///
    /// # Errors
    /// When there is none this time; the next call may bring one.
    fn accept(&mut self) -> impl Future<Output = io::Result<(Self::Stream, SocketAddr)>> + Send;

    /// What is spoken over a connection, once that is known. Part of the time for its first header.
    ///
    /// # Errors
    /// When nothing can be, and it ends.
    fn protocol(_: &mut Self::Stream) -> impl Future<Output = io::Result<Protocol>> + Send {
        std::future::ready(Ok(Protocol::Http1))
    }
}

impl Accept for TcpListener {
    type Stream = TcpStream;

    async fn accept(&mut self) -> io::Result<(TcpStream, SocketAddr)> {
        let (stream, peer) = Self::accept(self).await?;
        set_up(&stream);
        Ok((stream, peer))
    }
}

/// A peer that is gone without a word is found out within a minute or so: by probes while nothing is
/// sent, and by what it does not acknowledge otherwise.
fn set_up(stream: &TcpStream) {
    // each is worth having and none is needed: a system that lacks one does without it
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

/// Serves `service` on whatever `listener` brings until `shutdown`, then lets calls in flight finish
/// within the time that `connections` allow for it. Each call has its peer's address as
/// [`axum::extract::ConnectInfo`].
pub async fn serve_connections<L, S>(
    mut listener: L,
    service: S,
    connections: Connections,
    shutdown: impl Future<Output = ()> + Send + 'static,
) where
    L: Accept,
    S: Service<Request, Response = Response, Error = Infallible> + Clone + Send + 'static,
    S::Future: Send,
{
    let (stop, stopping) = watch::channel(false);
    let mut open = JoinSet::new();
    let mut shutdown = pin!(shutdown);
    let mut trouble = Trouble::default();
    loop {
        let accepted = tokio::select! {
            biased;
            () = &mut shutdown => break,
            // forgets those that have ended
            Some(_) = open.join_next() => continue,
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok((stream, peer)) => {
                trouble = Trouble::default();
                let admitted = tokio::select! {
                    biased;
                    () = &mut shutdown => break,
                    admitted = connections.admit(peer) => admitted,
                };
                match admitted {
                    Ok(slot) => {
                        let (service, stopping) = (service.clone(), stopping.clone());
                        open.spawn(drive::drive::<L, S>(stream, peer, slot, service, stopping));
                    }
                    Err(full) => turn_away(stream, full, peer, &connections),
                }
            }
            Err(error) => {
                let pause = trouble.with(&error, &connections);
                tokio::select! {
                    () = &mut shutdown => break,
                    () = sleep(pause) => {}
                }
            }
        }
    }
    drop(listener);
    stop.send_replace(true);
    let ended = async { while open.join_next().await.is_some() {} };
    let limit = connections.settings().drain_time;
    if tokio::time::timeout(limit, ended).await.is_err() {
        for _ in 0..open.len() {
            connections.count(Count::CutOff);
        }
        tracing::warn!(
            connections = open.len(),
            "calls were cut off: their callers were too slow"
        );
    }
}

/// What somebody reads who comes when nobody can give way.
const TURNED_AWAY: &str = "HTTP/1.1 503 Service Unavailable\r\n\
    Content-Type: application/problem+json\r\n\
    Content-Length: 145\r\n\
    Retry-After: 5\r\n\
    Connection: close\r\n\
    \r\n\
    {\"type\":\"about:blank\",\"title\":\"Service Unavailable\",\"status\":503,\
    \"code\":\"too-many-connections\",\"detail\":\"too many connections; nothing was done\"}";

/// Says so, as far as that goes without waiting, and closes.
fn turn_away<Io: AsyncWrite + Unpin>(
    mut stream: Io,
    full: Full,
    peer: SocketAddr,
    connections: &Connections,
) {
    connections.count(match full {
        Full::Everywhere => Count::FullEverywhere,
        Full::Address => Count::FullAddress,
    });
    if let Some(left_out) = connections.0.told.may_say() {
        let (max, per_address) = {
            let settings = connections.settings();
            (settings.max, settings.per_address)
        };
        match full {
            Full::Everywhere => tracing::warn!(
                max,
                left_out,
                "connections are turned away: there are too many, and all are at work"
            ),
            Full::Address => tracing::warn!(
                address = %peer.ip(),
                max = per_address,
                left_out,
                "connections are turned away: too many come from one address; a proxy is named in `server.trusted_proxies`"
            ),
        }
    }
    // whether it is read depends on what the caller has sent by now
    let _ = stream.write_all(TURNED_AWAY.as_bytes()).now_or_never();
}

/// What a listener fails with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum AcceptErrorKind {
    /// There is no descriptor, or no memory, for one more.
    NoDescriptors,
    /// The caller was gone before we had it.
    CallerGone,
    /// Something else.
    Listener,
}

#[cfg(unix)]
fn kind(error: &io::Error) -> AcceptErrorKind {
    use rustix::io::Errno;
    match Errno::from_io_error(error) {
        Some(Errno::MFILE | Errno::NFILE | Errno::NOBUFS | Errno::NOMEM) => {
            AcceptErrorKind::NoDescriptors
        }
        // accept(2): errors of the network that are already pending on the new socket
        Some(
            Errno::CONNABORTED
            | Errno::CONNRESET
            | Errno::CONNREFUSED
            | Errno::INTR
            | Errno::NETDOWN
            | Errno::NETUNREACH
            | Errno::HOSTDOWN
            | Errno::HOSTUNREACH
            | Errno::PROTO
            | Errno::NOPROTOOPT
            | Errno::PERM
            | Errno::TIMEDOUT,
        ) => AcceptErrorKind::CallerGone,
        _ => AcceptErrorKind::Listener,
    }
}

#[cfg(not(unix))]
fn kind(error: &io::Error) -> AcceptErrorKind {
    match error.kind() {
        io::ErrorKind::ConnectionAborted | io::ErrorKind::ConnectionReset => {
            AcceptErrorKind::CallerGone
        }
        _ => AcceptErrorKind::Listener,
    }
}

/// Errors of the listener, one after the other. A connection in between ends them.
#[derive(Debug, Default)]
struct Trouble {
    failures: u32,
    gone: u32,
}

impl Trouble {
    /// Counts and tells an error; how long to leave the listener alone.
    fn with(&mut self, error: &io::Error, connections: &Connections) -> Duration {
        let kind = kind(error);
        connections.count(match kind {
            AcceptErrorKind::NoDescriptors => Count::NoDescriptors,
            AcceptErrorKind::CallerGone => Count::CallerGone,
            AcceptErrorKind::Listener => Count::ListenerFailed,
        });
        match kind {
            AcceptErrorKind::CallerGone => {}
            AcceptErrorKind::NoDescriptors | AcceptErrorKind::Listener => {
                if let Some(left_out) = connections.0.told.may_say() {
                    tracing::warn!(
                        %error,
                        left_out,
                        "connections cannot be accepted; it is tried again"
                    );
                }
            }
        }
        if kind == AcceptErrorKind::NoDescriptors {
            connections.shed();
        }
        self.pause(kind)
    }

    fn pause(&mut self, kind: AcceptErrorKind) -> Duration {
        if kind == AcceptErrorKind::CallerGone && self.gone < GONE_MAX {
            self.gone += 1;
            return Duration::ZERO;
        }
        let pause = PAUSE_FIRST.saturating_mul(1 << self.failures.min(16));
        self.failures = self.failures.saturating_add(1);
        pause.min(PAUSE_MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_up_to_a_second() {
        let mut trouble = Trouble::default();
        let pauses: Vec<u128> = (0..9)
            .map(|_| trouble.pause(AcceptErrorKind::NoDescriptors).as_millis())
            .collect();
        assert_eq!(pauses, [10, 20, 40, 80, 160, 320, 640, 1000, 1000]);
        for _ in 0..100 {
            trouble.pause(AcceptErrorKind::Listener);
        }
        assert_eq!(trouble.pause(AcceptErrorKind::Listener), PAUSE_MAX);
    }

    #[test]
    fn callers_that_are_gone_cost_no_pause_until_there_are_many() {
        let mut trouble = Trouble::default();
        for _ in 0..GONE_MAX {
            assert_eq!(trouble.pause(AcceptErrorKind::CallerGone), Duration::ZERO);
        }
        assert_eq!(trouble.pause(AcceptErrorKind::CallerGone), PAUSE_FIRST);
    }

    #[tokio::test]
    async fn an_address_is_listened_on_once() {
        let first = listen("localhost:0").await.unwrap();
        let address = first.local_addr().unwrap();
        assert!(address.ip().is_loopback() && address.port() > 0);
        let refused = listen(address).await.unwrap_err();
        assert_eq!(refused.kind(), io::ErrorKind::AddrInUse);
        assert!(listen("no port").await.is_err());
    }

    #[cfg(unix)]
    #[test]
    fn what_a_system_says_is_told_apart() {
        use rustix::io::Errno;
        for (error, wanted) in [
            (Errno::MFILE, AcceptErrorKind::NoDescriptors),
            (Errno::NFILE, AcceptErrorKind::NoDescriptors),
            (Errno::NOMEM, AcceptErrorKind::NoDescriptors),
            (Errno::CONNABORTED, AcceptErrorKind::CallerGone),
            (Errno::INTR, AcceptErrorKind::CallerGone),
            (Errno::INVAL, AcceptErrorKind::Listener),
        ] {
            assert_eq!(kind(&error.into()), wanted, "{error}");
        }
    }

    #[test]
    fn what_those_turned_away_read_is_whole() {
        let (head, body) = TURNED_AWAY.split_once("\r\n\r\n").unwrap();
        assert!(
            head.contains(&format!("Content-Length: {}\r\n", body.len())),
            "{}",
            body.len()
        );
        let problem: serde_json::Value = serde_json::from_str(body).unwrap();
        assert_eq!(problem["status"], 503);
    }
}
