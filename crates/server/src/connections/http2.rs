//! HTTP/2 over one connection: each call is a task with limits of its own, and the connection bounds
//! how many there are and what they may hold.

use std::convert::Infallible;
use std::future::poll_fn;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Poll;
use std::time::Duration;

use axum::{
    body::Body,
    extract::{ConnectInfo, Request},
    http::{HeaderValue, StatusCode, Uri, header},
    response::{IntoResponse as _, Response},
};
use http_body::Body as _;
use hyper::{body::Incoming, rt::Executor, server::conn::http2, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::{Notify, Semaphore};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until};
use tower::{Service, ServiceExt as _};

use super::call::{Call, CallHandle};
use super::figures::Count;
use super::io::{IncomingBody, PacedAnswer, Watched};
use super::progress::{ConnectionProgress, TooSlow};
use super::{BUFFER_BYTES_MAX, HEADER_BYTES_MAX, Handle, ThisConnection};

/// Calls over one connection at a time: the event streams that somebody may have, and as many more.
const CALLS_MAX: u32 = 32;
/// Bodies on their way in over one connection; others wait for their turn. So a connection holds four
/// bodies at most, and not [`CALLS_MAX`].
const BODIES_MAX: usize = 4;
/// Fields of a header, as many as over HTTP/1.1.
const FIELDS_MAX: usize = 100;
/// What may come of one body before it is read.
const WINDOW_BYTES: u32 = 64 * 1024;
/// And of all of a connection.
const WINDOW_BYTES_IN_ALL: u32 = 256 * 1024;
/// Calls that a peer may take back before they began (CVE-2023-44487).
const TAKEN_BACK_MAX: usize = 20;
/// Calls that may be none, before the connection ends (RUSTSEC-2024-0003).
const MALFORMED_MAX: usize = 100;
/// A peer is asked whether it is still there after so long without a word of it; the transport's own
/// probes find machines that are gone, and not programs that stopped.
const PING_EVERY: Duration = Duration::from_secs(30);
/// And has so long to say so.
const PONG_TIME_MAX: Duration = Duration::from_secs(20);

tokio::task_local! {
    /// The call that a task is for.
    static CALL: CallHandle;
}

/// Serves one connection until it ends; once told to leave, until its calls are answered.
pub(super) async fn serve<Io, S>(
    io: Watched<Io>,
    peer: SocketAddr,
    handle: Handle,
    service: S,
    leave: &Arc<Notify>,
) where
    Io: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    S: Service<Request, Response = Response, Error = Infallible> + Clone + Send + 'static,
    S::Future: Send,
{
    let calls = Calls::new(handle.clone(), Arc::clone(leave));
    let _ended_with_us = EndsCalls(calls.clone());
    let bodies = Arc::new(Semaphore::new(BODIES_MAX));
    let answering = service_fn(move |request| {
        let bodies = Arc::clone(&bodies);
        answer(service.clone(), peer, bodies, request)
    });
    let mut builder = http2::Builder::new(calls);
    builder
        .timer(TokioTimer::new())
        .keep_alive_interval(PING_EVERY)
        .keep_alive_timeout(PONG_TIME_MAX)
        .max_concurrent_streams(CALLS_MAX)
        .max_header_list_size(HEADER_BYTES_MAX)
        .initial_stream_window_size(WINDOW_BYTES)
        .initial_connection_window_size(WINDOW_BYTES_IN_ALL)
        .max_send_buf_size(BUFFER_BYTES_MAX)
        .max_pending_accept_reset_streams(TAKEN_BACK_MAX)
        .max_local_error_reset_streams(MALFORMED_MAX);
    let mut connection = pin!(builder.serve_connection(TokioIo::new(io), answering));
    tokio::select! {
        biased;
        _ = connection.as_mut() => return,
        () = leave.notified() => {}
    }
    handle.change(ConnectionProgress::leaves);
    connection.as_mut().graceful_shutdown();
    let _ = connection.await;
}

/// The calls of a connection, each a task.
#[derive(Clone)]
struct Calls(Arc<Inner>);

struct Inner {
    handle: Handle,
    leave: Arc<Notify>,
    tasks: Mutex<JoinSet<()>>,
}

impl Calls {
    fn new(handle: Handle, leave: Arc<Notify>) -> Self {
        Self(Arc::new(Inner {
            handle,
            leave,
            tasks: Mutex::default(),
        }))
    }

    fn tasks(&self) -> MutexGuard<'_, JoinSet<()>> {
        self.0.tasks.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<F> Executor<F> for Calls
where
    F: Future<Output = ()> + Send + 'static,
{
    fn execute(&self, answering: F) {
        let Inner { handle, leave, .. } = self.0.as_ref();
        let call = Call::begin(handle);
        if handle.read(ConnectionProgress::has_had_enough) == Some(true) {
            handle.connections.count(Count::ManyCalls);
            leave.notify_one();
        }
        let mut tasks = self.tasks();
        // forgets those that are over
        while tasks.try_join_next().is_some() {}
        tasks.spawn(CALL.scope(call.handle(), in_time(call, answering)));
    }
}

/// Ends the calls of a connection with it. A task holds [`Calls`] too, so dropping those would not.
struct EndsCalls(Calls);

impl Drop for EndsCalls {
    fn drop(&mut self) {
        self.0.tasks().abort_all();
    }
}

/// Answers one call, unless its peer takes too long: then this call ends, and no other.
async fn in_time(call: Call, answering: impl Future<Output = ()>) {
    let mut answering = pin!(answering);
    let mut timer = pin!(sleep_until(Instant::now()));
    let too_slow = poll_fn(|cx| {
        if answering.as_mut().poll(cx).is_ready() {
            return Poll::Ready(None);
        }
        let Some((deadline, with)) = call.deadline() else {
            return Poll::Pending;
        };
        if timer.deadline() != deadline {
            timer.as_mut().reset(deadline);
        }
        timer.as_mut().poll(cx).map(|()| Some(with))
    })
    .await;
    let count = match too_slow {
        Some(TooSlow::Body) => Count::CallBodyTooSlow,
        Some(TooSlow::Write) => Count::CallReaderTooSlow,
        // these are of connections
        Some(TooSlow::Header | TooSlow::Idle | TooSlow::Leave) | None => return,
    };
    call.handle().connection().connections.count(count);
}

/// Answers one call, once its body may come.
async fn answer<S>(
    service: S,
    peer: SocketAddr,
    bodies: Arc<Semaphore>,
    mut request: hyper::Request<Incoming>,
) -> Result<hyper::Response<PacedAnswer>, Infallible>
where
    S: Service<Request, Response = Response, Error = Infallible>,
{
    // hyper answers each call in a task of `Calls`, and those have one
    let call = CALL.with(Clone::clone);
    let response = match as_of_http1(&mut request) {
        Ok(()) => {
            let turn = if request.body().is_end_stream() {
                None
            } else {
                call.body_waits();
                // never closed, so there is one
                let turn = bodies.acquire_owned().await.ok();
                call.body_ends();
                turn
            };
            let handle = call.connection().clone();
            let mut request =
                request.map(|body| Body::new(IncomingBody::new(body, call.clone(), turn)));
            request.extensions_mut().insert(ConnectInfo(peer));
            request.extensions_mut().insert(ThisConnection(handle));
            service.oneshot(request).await?
        }
        Err(refused) => refused.into_response(),
    };
    Ok(response.map(|body| PacedAnswer::new(body, call)))
}

/// Makes a call what it would be over HTTP/1.1, as handlers know them: a path as its target, and
/// `Host` for `:authority` (RFC 9113 §8.3.1).
///
/// # Errors
/// 431 with more fields than HTTP/1.1 takes, 400 when it is unclear whom it is for.
fn as_of_http1<B>(request: &mut hyper::Request<B>) -> Result<(), StatusCode> {
    if request.headers().len() > FIELDS_MAX {
        return Err(StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE);
    }
    let unclear = StatusCode::BAD_REQUEST;
    let hosts = request.headers().get_all(header::HOST).iter();
    let Some(authority) = request.uri().authority() else {
        return if hosts.count() > 1 {
            Err(unclear)
        } else {
            Ok(())
        };
    };
    let wanted = authority.as_str();
    let is_the_same = |said: &HeaderValue| said.as_bytes().eq_ignore_ascii_case(wanted.as_bytes());
    // nobody signs in by an address
    if wanted.contains('@') || !hosts.into_iter().all(is_the_same) {
        return Err(unclear);
    }
    let host = HeaderValue::from_str(wanted).map_err(|_| unclear)?;
    let target = request.uri().path_and_query().cloned().map(Uri::from);
    request.headers_mut().insert(header::HOST, host);
    if let Some(target) = target {
        *request.uri_mut() = target;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(uri: &str, hosts: &[&str]) -> Result<(String, Option<String>), StatusCode> {
        let mut request = hyper::Request::builder().uri(uri);
        for host in hosts {
            request = request.header("host", *host);
        }
        let mut request = request.body(()).unwrap();
        as_of_http1(&mut request)?;
        let mut hosts = request.headers().get_all("host").iter();
        let host = hosts.next().map(|host| host.to_str().unwrap().to_owned());
        assert_eq!(hosts.next(), None, "one at most");
        Ok((request.uri().to_string(), host))
    }

    #[test]
    fn calls_are_for_whom_their_authority_names() {
        let host = |host: &str| Some(host.to_owned());
        for (uri, hosts, wanted) in [
            (
                "https://hallpass.example/a?b=c",
                &[][..],
                Ok(("/a?b=c", host("hallpass.example"))),
            ),
            (
                "https://hallpass.example:8443/",
                &["Hallpass.example:8443"],
                Ok(("/", host("hallpass.example:8443"))),
            ),
            (
                "https://hallpass.example/",
                &["hallpass.example", "hallpass.example"],
                Ok(("/", host("hallpass.example"))),
            ),
            ("https://hallpass.example/", &["evil.example"], Err(400)),
            (
                "https://hallpass.example/",
                &["hallpass.example", "evil.example"],
                Err(400),
            ),
            (
                "https://hallpass.example/",
                &["hallpass.example:1"],
                Err(400),
            ),
            ("https://ana@hallpass.example/", &[], Err(400)),
            (
                "/a",
                &["hallpass.example"],
                Ok(("/a", host("hallpass.example"))),
            ),
            ("/a", &["hallpass.example", "evil.example"], Err(400)),
            ("/a", &[], Ok(("/a", None))),
            (
                "hallpass.example:443",
                &[],
                Ok(("hallpass.example:443", host("hallpass.example:443"))),
            ),
        ] {
            let wanted = wanted.map(|(uri, host)| (uri.to_owned(), host));
            let found = read(uri, hosts).map_err(|status| status.as_u16());
            assert_eq!(found, wanted, "{uri} {hosts:?}");
        }
    }

    #[test]
    fn a_header_has_as_many_fields_as_over_http1() {
        let with = |fields: usize| {
            let mut request = hyper::Request::builder().uri("/");
            for _ in 0..fields {
                request = request.header("x-many", "a");
            }
            as_of_http1(&mut request.body(()).unwrap())
        };
        assert_eq!(with(FIELDS_MAX), Ok(()));
        let refused = Err(StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE);
        assert_eq!(with(FIELDS_MAX + 1), refused);
    }
}
