//! One connection from its opening to its end: its calls are answered, and it ends when its peer
//! takes too long, when it gives way to a newcomer, or when the server stops.

use std::convert::Infallible;
use std::future::poll_fn;
use std::net::SocketAddr;
use std::pin::pin;
use std::task::Poll;

use axum::{
    body::Body,
    extract::{ConnectInfo, Request},
    response::Response,
};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until};
use tower::{Service, ServiceExt as _};

use super::figures::Count;
use super::io::{Answered, IncomingBody, Watched};
use super::progress::{ConnectionProgress, TooSlow};
use super::{Handle, Slot, ThisConnection};

/// The longest header of a call, in bytes; hyper takes at most a hundred fields. Browsers send
/// below 16 KiB.
const HEADER_BYTES_MAX: usize = 32 * 1024;
/// The largest buffer for what is read ahead, and for what is written.
const BUFFER_BYTES_MAX: usize = 64 * 1024;

/// Why a connection ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum ConnectionEnd {
    /// Its peer closed it, or spoke no HTTP.
    ByItself,
    /// For a newcomer.
    GaveWay,
    TooSlow(TooSlow),
}

/// Serves one connection.
pub(super) async fn drive<Io, S>(
    io: Io,
    peer: SocketAddr,
    slot: Slot,
    service: S,
    mut stopping: watch::Receiver<bool>,
) where
    Io: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    S: Service<Request, Response = Response, Error = Infallible> + Clone + Send + 'static,
    S::Future: Send,
{
    let handle = &slot.handle;
    let answering = {
        let handle = handle.clone();
        service_fn(move |request| answer(service.clone(), handle.clone(), peer, request))
    };
    let mut builder = http1::Builder::new();
    // times are kept below, for all of a connection; what hyper has is for headers only
    builder
        .header_read_timeout(None)
        .max_header_size(HEADER_BYTES_MAX)
        .max_buf_size(BUFFER_BYTES_MAX);
    let watched = TokioIo::new(Watched::new(io, handle.clone()));
    // dropped before the slot: whoever waits for the place waits for the descriptor
    let mut connection = pin!(builder.serve_connection(watched, answering));
    let mut timer = pin!(sleep_until(Instant::now()));
    let mut told = pin!(slot.told.notified());
    let stop = async {
        // whoever tells is gone as well: the server has stopped
        let _ = stopping.wait_for(|stop| *stop).await;
    };
    let mut stop = pin!(stop);
    let mut is_stopping = false;
    let end = poll_fn(|cx| {
        // asked first: a connection that gives way must not begin another call
        while told.as_mut().poll(cx).is_ready() {
            if handle.gives_way() {
                return Poll::Ready(ConnectionEnd::GaveWay);
            }
            told.set(slot.told.notified());
        }
        if connection.as_mut().poll(cx).is_ready() {
            return Poll::Ready(ConnectionEnd::ByItself);
        }
        if !is_stopping && stop.as_mut().poll(cx).is_ready() {
            is_stopping = true;
            // a call under way is finished; without one the connection ends at once
            connection.as_mut().graceful_shutdown();
            if connection.as_mut().poll(cx).is_ready() {
                return Poll::Ready(ConnectionEnd::ByItself);
            }
        }
        let Some((deadline, with)) = handle.deadline() else {
            return Poll::Pending;
        };
        if timer.deadline() != deadline {
            timer.as_mut().reset(deadline);
        }
        timer
            .as_mut()
            .poll(cx)
            .map(|()| ConnectionEnd::TooSlow(with))
    })
    .await;
    tally(handle, end);
}

fn tally(handle: &Handle, end: ConnectionEnd) {
    let count = match end {
        ConnectionEnd::ByItself => return,
        ConnectionEnd::GaveWay => Count::GaveWay,
        ConnectionEnd::TooSlow(TooSlow::Header) => Count::HeaderTooSlow,
        ConnectionEnd::TooSlow(TooSlow::Idle) => Count::Idle,
        ConnectionEnd::TooSlow(TooSlow::Body) => Count::BodyTooSlow,
        ConnectionEnd::TooSlow(TooSlow::Write) => Count::ReaderTooSlow,
    };
    handle.connections.count(count);
}

/// Answers one call.
async fn answer<S>(
    service: S,
    handle: Handle,
    peer: SocketAddr,
    request: hyper::Request<Incoming>,
) -> Result<hyper::Response<Answered>, Infallible>
where
    S: Service<Request, Response = Response, Error = Infallible>,
{
    handle.change(ConnectionProgress::call_begins);
    let mut request = request.map(|body| Body::new(IncomingBody::new(body, handle.clone())));
    request.extensions_mut().insert(ConnectInfo(peer));
    request
        .extensions_mut()
        .insert(ThisConnection(handle.clone()));
    let response = service.oneshot(request).await?;
    Ok(response.map(|body| Answered::new(body, handle)))
}
