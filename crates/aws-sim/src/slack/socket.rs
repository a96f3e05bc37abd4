//! Socket Mode (`simulator.md` K-8): connections opened by the app, and envelopes sent over them.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use axum::extract::ws::{Message, WebSocket};
use serde_json::{Value, json};
use tokio::{
    sync::{mpsc, oneshot},
    time::{Instant, interval, timeout},
};

use super::acts::AppReply;

/// Slack's answer timeout, over sockets and HTTP.
pub(crate) const PATIENCE: Duration = Duration::from_secs(3);

/// Maximum connections per app.
const CONNECTIONS_MAX: usize = 10;
const PING: Duration = Duration::from_secs(10);
/// Reported connection lifetime in seconds.
const CONNECTION_SECONDS: u32 = 18_060;

enum Frame {
    Envelope(String),
    Disconnect(String),
}

struct Wire {
    id: u64,
    sender: mpsc::UnboundedSender<Frame>,
}

#[derive(Default)]
struct Inner {
    made: u64,
    turn: usize,
    open: Vec<Wire>,
    waiting: HashMap<String, oneshot::Sender<Option<Value>>>,
}

#[derive(Default)]
pub(crate) struct Wires {
    inner: Mutex<Inner>,
}

impl Wires {
    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn is_connected(&self) -> bool {
        !self.lock().open.is_empty()
    }

    pub(crate) fn count(&self) -> usize {
        self.lock().open.len()
    }

    /// Sends an envelope over one connection, and over the next if unacknowledged.
    pub(crate) async fn send(&self, id: &str, envelope: &Value) -> AppReply {
        let started = Instant::now();
        let mut reply = AppReply::default();
        let tries = self.count().min(2);
        for _ in 0..tries.max(1) {
            let Some(answer) = self.hand_over(id, envelope) else {
                reply.error = Some("no connection is left".to_owned());
                break;
            };
            match timeout(PATIENCE, answer).await {
                Ok(Ok(payload)) => {
                    reply.status = Some(200);
                    reply.body = payload
                        .map(|payload| payload.to_string())
                        .unwrap_or_default();
                    reply.late = false;
                    reply.error = None;
                    break;
                }
                Ok(Err(_)) => reply.error = Some("the connection was closed".to_owned()),
                Err(_) => {
                    reply.late = true;
                    reply.error = Some("not acknowledged within 3 seconds".to_owned());
                }
            }
        }
        self.lock().waiting.remove(id);
        reply.took = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
        reply
    }

    fn hand_over(&self, id: &str, envelope: &Value) -> Option<oneshot::Receiver<Option<Value>>> {
        let mut inner = self.lock();
        inner.turn = inner.turn.wrapping_add(1);
        let at = inner.turn.checked_rem(inner.open.len())?;
        let (sender, receiver) = oneshot::channel();
        inner.waiting.insert(id.to_owned(), sender);
        let frame = Frame::Envelope(envelope.to_string());
        inner.open.get(at)?.sender.send(frame).ok()?;
        Some(receiver)
    }

    /// Requests disconnects; returns how many.
    pub(crate) fn disconnect(&self, reason: &str, all: bool) -> usize {
        let inner = self.lock();
        let told = if all {
            inner.open.len()
        } else {
            inner.open.len().min(1)
        };
        for wire in inner.open.iter().take(told) {
            let _ = wire.sender.send(Frame::Disconnect(reason.to_owned()));
        }
        told
    }

    fn join(&self) -> Option<(u64, mpsc::UnboundedReceiver<Frame>, usize)> {
        let mut inner = self.lock();
        if inner.open.len() >= CONNECTIONS_MAX {
            return None;
        }
        inner.made += 1;
        let id = inner.made;
        let (sender, receiver) = mpsc::unbounded_channel();
        inner.open.push(Wire { id, sender });
        Some((id, receiver, inner.open.len()))
    }

    fn leave(&self, id: u64) {
        self.lock().open.retain(|wire| wire.id != id);
    }

    fn acknowledged(&self, text: &str) {
        let Ok(said) = serde_json::from_str::<Value>(text) else {
            return;
        };
        let id = said
            .get("envelope_id")
            .and_then(Value::as_str)
            .unwrap_or_default();
        if let Some(waiting) = self.lock().waiting.remove(id) {
            let _ = waiting.send(said.get("payload").cloned());
        }
    }

    pub(crate) async fn serve(&self, mut socket: WebSocket, app: &str, host: &str) {
        let Some((id, mut frames, count)) = self.join() else {
            let _ = socket.send(disconnect("link_disabled", host)).await;
            return;
        };
        let hello = json!({
            "type": "hello",
            "num_connections": count,
            "connection_info": { "app_id": app },
            "debug_info": { "host": host, "approximate_connection_time": CONNECTION_SECONDS },
        });
        let mut good = socket.send(Message::text(hello.to_string())).await.is_ok();
        let mut pings = interval(PING);
        pings.tick().await;
        while good {
            good = tokio::select! {
                frame = frames.recv() => match frame {
                    Some(Frame::Envelope(text)) => socket.send(Message::text(text)).await.is_ok(),
                    Some(Frame::Disconnect(reason)) => {
                        let _ = socket.send(disconnect(&reason, host)).await;
                        // a warning precedes the end, the others are the end
                        reason == "warning"
                    }
                    None => false,
                },
                said = socket.recv() => match said {
                    Some(Ok(Message::Text(text))) => {
                        self.acknowledged(&text);
                        true
                    }
                    Some(Ok(Message::Close(_)) | Err(_)) | None => false,
                    Some(Ok(_)) => true,
                },
                _ = pings.tick() => {
                    let ping = Message::Ping("Ping from the simulated Slack".into());
                    socket.send(ping).await.is_ok()
                }
            };
        }
        self.leave(id);
        let _ = socket.send(Message::Close(None)).await;
    }
}

fn disconnect(reason: &str, host: &str) -> Message {
    let frame = json!({ "type": "disconnect", "reason": reason, "debug_info": { "host": host } });
    Message::text(frame.to_string())
}
