use std::convert::Infallible;
use std::net::SocketAddr;
use std::pin::pin;

use axum::{
    body::Body,
    extract::{ConnectInfo, Request},
    response::Response,
};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::Notify;
use tower::{Service, ServiceExt as _};

use super::call::Call;
use super::io::{Answered, IncomingBody, Watched};
use super::{BUFFER_BYTES_MAX, HEADER_BYTES_MAX, Handle, ThisConnection};

pub(super) async fn serve<Io, S>(
    io: Watched<Io>,
    peer: SocketAddr,
    handle: Handle,
    service: S,
    leave: &Notify,
) where
    Io: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    S: Service<Request, Response = Response, Error = Infallible> + Clone + Send + 'static,
    S::Future: Send,
{
    let answering =
        service_fn(move |request| answer(service.clone(), handle.clone(), peer, request));
    let mut builder = http1::Builder::new();
    // timeouts are enforced per connection; those of hyper cover headers only
    builder
        .header_read_timeout(None)
        .max_header_size(HEADER_BYTES_MAX)
        .max_buf_size(BUFFER_BYTES_MAX);
    let mut connection = pin!(builder.serve_connection(TokioIo::new(io), answering));
    tokio::select! {
        biased;
        _ = connection.as_mut() => return,
        () = leave.notified() => {}
    }
    // finishes a running call; otherwise closes immediately
    connection.as_mut().graceful_shutdown();
    let _ = connection.await;
}

async fn answer<S>(
    service: S,
    handle: Handle,
    peer: SocketAddr,
    request: hyper::Request<Incoming>,
) -> Result<hyper::Response<Answered>, Infallible>
where
    S: Service<Request, Response = Response, Error = Infallible>,
{
    let call = Call::begin(&handle);
    let mut request = request.map(|body| Body::new(IncomingBody::new(body, call.handle())));
    request.extensions_mut().insert(ConnectInfo(peer));
    request.extensions_mut().insert(ThisConnection(handle));
    let response = service.oneshot(request).await?;
    Ok(response.map(|body| Answered::new(body, call)))
}
