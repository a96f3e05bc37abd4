//! Drives one connection: answers calls, and closes on timeout, displacement or shutdown.

use std::convert::Infallible;
use std::future::poll_fn;
use std::net::SocketAddr;
use std::pin::pin;
use std::task::Poll;

use axum::{extract::Request, response::Response};
use tokio::sync::{Notify, watch};
use tokio::time::{Instant, sleep_until};
use tower::Service;

use super::figures::Count;
use super::io::Watched;
use super::listener::Accept;
use super::progress::TooSlow;
use super::{Handle, Slot, http1};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum ConnectionEnd {
    ByItself,
    GaveWay,
    TooSlow(TooSlow),
}

pub(super) async fn drive<L, S>(
    io: L::Stream,
    peer: SocketAddr,
    slot: Slot,
    service: S,
    mut stopping: watch::Receiver<bool>,
) where
    L: Accept,
    S: Service<Request, Response = Response, Error = Infallible> + Clone + Send + 'static,
    S::Future: Send,
{
    let handle = &slot.handle;
    let leave = Notify::new();
    // dropped before the slot, so that a free slot implies a free descriptor
    let io = Watched::new(io, handle.clone());
    let mut serving = pin!(http1::serve(io, peer, handle.clone(), service, &leave));
    let mut timer = pin!(sleep_until(Instant::now()));
    let mut told = pin!(slot.told.notified());
    let stop = async {
        let _ = stopping.wait_for(|stop| *stop).await;
    };
    let mut stop = pin!(stop);
    let mut is_stopping = false;
    let end = poll_fn(|cx| {
        // polled first: a displaced connection must not start another call
        while told.as_mut().poll(cx).is_ready() {
            if handle.gives_way() {
                return Poll::Ready(ConnectionEnd::GaveWay);
            }
            told.set(slot.told.notified());
        }
        if serving.as_mut().poll(cx).is_ready() {
            return Poll::Ready(ConnectionEnd::ByItself);
        }
        if !is_stopping && stop.as_mut().poll(cx).is_ready() {
            is_stopping = true;
            leave.notify_one();
            if serving.as_mut().poll(cx).is_ready() {
                return Poll::Ready(ConnectionEnd::ByItself);
            }
        }
        if let Some((deadline, with)) = handle.deadline() {
            if timer.deadline() != deadline {
                timer.as_mut().reset(deadline);
            }
            if timer.as_mut().poll(cx).is_pending() {
                return Poll::Pending;
            }
            return Poll::Ready(ConnectionEnd::TooSlow(with));
        }
        Poll::Pending
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
