//! A connection's transport and the two bodies of a call, watched: what comes, what is waited for.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use axum::body::{Body, Bytes};
use http_body::{Body as HttpBody, Frame, SizeHint};
use hyper::body::Incoming;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::sync::OwnedSemaphorePermit;

use super::call::{Call, CallHandle};
use super::{Handle, progress::ConnectionProgress};

/// The transport.
pub(super) struct Watched<Io> {
    io: Io,
    handle: Handle,
    write: Write,
}

/// Whether the peer takes what is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Write {
    GoesOn,
    Waits,
}

impl<Io> Watched<Io> {
    pub(super) fn new(io: Io, handle: Handle) -> Self {
        Self {
            io,
            handle,
            write: Write::GoesOn,
        }
    }

    fn wrote<T>(&mut self, result: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        let now = if result.is_pending() {
            Write::Waits
        } else {
            Write::GoesOn
        };
        if now != self.write {
            self.write = now;
            self.handle.change(|one, at| match now {
                Write::Waits => one.write_waits(at),
                Write::GoesOn => one.write_goes_on(at),
            });
        }
        result
    }
}

impl<Io: AsyncRead + Unpin> AsyncRead for Watched<Io> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let result = Pin::new(&mut self.io).poll_read(cx, buffer);
        if buffer.filled().len() > before {
            self.handle.change(ConnectionProgress::bytes_came);
        }
        result
    }
}

impl<Io: AsyncWrite + Unpin> AsyncWrite for Watched<Io> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let result = Pin::new(&mut self.io).poll_write(cx, bytes);
        self.wrote(result)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let result = Pin::new(&mut self.io).poll_write_vectored(cx, slices);
        self.wrote(result)
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(cx)
    }
}

/// The body of a call on its way in.
pub(super) struct IncomingBody {
    body: Incoming,
    call: CallHandle,
    /// Its turn among the bodies of its connection, until it is whole.
    turn: Option<OwnedSemaphorePermit>,
}

impl IncomingBody {
    pub(super) fn new(
        body: Incoming,
        call: CallHandle,
        turn: Option<OwnedSemaphorePermit>,
    ) -> Self {
        Self { body, call, turn }
    }

    fn ends(&mut self) {
        self.turn = None;
        self.call.body_ends();
    }
}

impl HttpBody for IncomingBody {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        let frame = Pin::new(&mut self.body).poll_frame(cx);
        match &frame {
            Poll::Pending => self.call.body_waits(),
            Poll::Ready(Some(Ok(_))) => {}
            Poll::Ready(None | Some(Err(_))) => self.ends(),
        }
        frame
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl Drop for IncomingBody {
    fn drop(&mut self) {
        self.ends();
    }
}

/// The body of an answer over HTTP/1.1. When it is dropped, the call is over.
pub(super) struct Answered {
    body: Body,
    _call: Call,
}

impl Answered {
    pub(super) fn new(body: Body, call: Call) -> Self {
        Self { body, _call: call }
    }
}

impl HttpBody for Answered {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.body).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// The body of an answer over HTTP/2, in pieces: hyper asks for one when the peer's window had room
/// for the one before, so what is between two of them is how long the peer takes.
pub(super) struct PacedAnswer {
    body: Body,
    rest: Bytes,
    call: CallHandle,
}

/// The largest piece of an answer: that of a frame, unless a peer asks for larger ones
/// (RFC 9113 §6.5.2).
const PIECE_BYTES_MAX: usize = 16 * 1024;

impl PacedAnswer {
    pub(super) fn new(body: Body, call: CallHandle) -> Self {
        Self {
            body,
            rest: Bytes::new(),
            call,
        }
    }

    fn piece(&mut self) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let piece = self.rest.split_to(self.rest.len().min(PIECE_BYTES_MAX));
        self.call.answer_waits();
        Poll::Ready(Some(Ok(Frame::data(piece))))
    }
}

impl HttpBody for PacedAnswer {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        if !self.rest.is_empty() {
            return self.piece();
        }
        match Pin::new(&mut self.body).poll_frame(cx) {
            Poll::Ready(Some(Ok(frame))) => match frame.into_data() {
                Ok(data) => {
                    self.rest = data;
                    self.piece()
                }
                Err(other) => Poll::Ready(Some(Ok(other))),
            },
            other => {
                self.call.answer_goes_on();
                other
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.rest.is_empty() && self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        let rest = self.rest.len() as u64;
        let of_body = self.body.size_hint();
        let mut hint = SizeHint::new();
        if let Some(upper) = of_body.upper() {
            hint.set_upper(upper.saturating_add(rest));
        }
        hint.set_lower(of_body.lower().saturating_add(rest));
        hint
    }
}
