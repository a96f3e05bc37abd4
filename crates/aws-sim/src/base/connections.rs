//! Connections that can be cut: silently, in an orderly way or with a reset.

use std::{
    future::Future,
    io,
    net::{IpAddr, SocketAddr},
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicU8, Ordering},
    },
    task::{Context, Poll},
    time::Duration,
};

use axum::{
    Router,
    body::Body,
    extract::{ConnectInfo, connect_info::Connected},
    http::{Response, request::Parts},
    serve::{IncomingStream, Listener},
};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::{TcpListener, TcpStream},
};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cut {
    Reset,
    Close,
    /// After this many milliseconds without an answer.
    Hang(u64),
}

const ORDERLY: u8 = 0;
const CLOSE: u8 = 1;
const RESET: u8 = 2;

#[derive(Debug, Clone, Default)]
pub struct ConnectionHandle {
    cut: Arc<AtomicU8>,
    peer: Option<SocketAddr>,
}

impl ConnectionHandle {
    pub fn is_local(&self) -> bool {
        self.peer.is_none_or(|peer| peer.ip().is_loopback())
    }

    pub fn peer(&self) -> Option<IpAddr> {
        self.peer.map(|peer| peer.ip())
    }
}

struct Connection {
    stream: TcpStream,
    line: ConnectionHandle,
}

impl Connection {
    fn is_cut(&self) -> Option<io::Error> {
        (self.line.cut.load(Ordering::Acquire) != ORDERLY)
            .then(|| io::Error::new(io::ErrorKind::ConnectionAborted, "cut by a fault"))
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        if self.line.cut.load(Ordering::Acquire) == RESET {
            // closing without linger sends a reset
            let _ = self.stream.set_zero_linger();
        }
    }
}

impl AsyncRead for Connection {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buf)
    }
}

impl AsyncWrite for Connection {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        if let Some(error) = self.is_cut() {
            return Poll::Ready(Err(error));
        }
        Pin::new(&mut self.stream).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

struct Revocable(TcpListener);

impl Listener for Revocable {
    type Io = Connection;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Self::Io, Self::Addr) {
        loop {
            match self.0.accept().await {
                Ok((stream, address)) => {
                    let _ = stream.set_nodelay(true);
                    return (
                        Connection {
                            stream,
                            line: ConnectionHandle {
                                cut: Arc::default(),
                                peer: Some(address),
                            },
                        },
                        address,
                    );
                }
                Err(error) => {
                    tracing::warn!(%error, "a connection could not be accepted");
                    tokio::time::sleep(Duration::from_millis(50)).await;
                }
            }
        }
    }

    fn local_addr(&self) -> io::Result<Self::Addr> {
        self.0.local_addr()
    }
}

impl Connected<IncomingStream<'_, Revocable>> for ConnectionHandle {
    fn connect_info(stream: IncomingStream<'_, Revocable>) -> Self {
        stream.io().line.clone()
    }
}

/// Ends the connection without an answer. On a foreign server there is no connection to cut; the
/// body breaks off.
pub async fn cut(parts: &Parts, how: Cut) -> Response<Body> {
    let end = match how {
        Cut::Reset => RESET,
        Cut::Close => CLOSE,
        Cut::Hang(ms) => {
            pause(ms).await;
            CLOSE
        }
    };
    if let Some(ConnectInfo(line)) = parts.extensions.get::<ConnectInfo<ConnectionHandle>>() {
        line.cut.store(end, Ordering::Release);
    }
    let broken = futures_util::stream::once(async {
        Err::<bytes::Bytes, _>(io::Error::other("cut by a fault"))
    });
    Response::new(Body::from_stream(broken))
}

pub async fn pause(ms: u64) {
    if ms > 0 {
        tokio::time::sleep(Duration::from_millis(ms)).await;
    }
}

/// Serves over cuttable connections until `shutdown`.
///
/// # Errors
/// The listener failed.
pub async fn serve(
    listener: TcpListener,
    router: Router,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> io::Result<()> {
    let service = router.into_make_service_with_connect_info::<ConnectionHandle>();
    axum::serve(Revocable(listener), service)
        .with_graceful_shutdown(shutdown)
        .await
}
