//! The accept loop: admits connections, and recovers from every listener error.

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::time::Duration;

use axum::{extract::Request, response::Response};
use futures_util::FutureExt as _;
use tokio::io::{AsyncWrite, AsyncWriteExt as _};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::sleep;
use tower::Service;

use super::figures::Count;
use super::listener::Accept;
use super::table::Full;
use super::{Connections, drive};

/// First pause after a listener error; doubles.
const PAUSE_FIRST: Duration = Duration::from_millis(10);
const PAUSE_MAX: Duration = Duration::from_secs(1);
/// Consecutive vanished clients accepted without a pause.
const GONE_MAX: u32 = 8;

/// Serves `service` on connections of `listener` until `shutdown`, then lets running calls finish
/// within the time limit of `connections`. Sets [`axum::extract::ConnectInfo`] to the peer address.
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
            "calls were closed: their callers were too slow"
        );
    }
}

/// Response when no connection can be displaced.
const TURNED_AWAY: &str = "HTTP/1.1 503 Service Unavailable\r\n\
    Content-Type: application/problem+json\r\n\
    Content-Length: 145\r\n\
    Retry-After: 5\r\n\
    Connection: close\r\n\
    \r\n\
    {\"type\":\"about:blank\",\"title\":\"Service Unavailable\",\"status\":503,\
    \"code\":\"too-many-connections\",\"detail\":\"too many connections; nothing was done\"}";

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
    let _ = stream.write_all(TURNED_AWAY.as_bytes()).now_or_never();
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum AcceptErrorKind {
    NoDescriptors,
    CallerGone,
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

#[derive(Debug, Default)]
struct Trouble {
    failures: u32,
    gone: u32,
}

impl Trouble {
    /// Counts and logs an error; returns the pause.
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
