//! Socket Mode: calls arrive over an outgoing connection, for servers without public access. They
//! are handled as over HTTP; the connection authenticates Slack.

use std::time::Duration;

use futures_util::{SinkExt as _, StreamExt as _};
use secrecy::SecretString;
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::sync::{mpsc, watch};
use tokio_tungstenite::tungstenite::Message;

use crate::slack::SlackError;
use crate::slack::app::{Slack, SlackReply};
use crate::slack::inbound;

const PAUSE_MIN: Duration = Duration::from_secs(1);
const PAUSE_MAX: Duration = Duration::from_mins(1);
/// Slack pings every few seconds: a connection silent for this long is dead.
const SILENCE_MAX: Duration = Duration::from_secs(45);
const CONNECT_MAX: Duration = Duration::from_secs(10);
const QUEUE: usize = 256;

#[derive(Deserialize)]
struct Envelope {
    #[serde(rename = "type")]
    kind: String,
    #[serde(rename = "envelope_id")]
    id: Option<String>,
    #[serde(default)]
    payload: Value,
    reason: Option<String>,
}

#[derive(Debug, thiserror::Error)]
enum Broken {
    #[error(transparent)]
    Slack(#[from] SlackError),
    #[error("the connection broke: {0}")]
    Socket(String),
    /// Slack requests a new connection; no error.
    #[error("Slack asked for another connection ({0})")]
    Refresh(String),
    #[error("Socket Mode is switched off for this app")]
    Disabled,
    #[error("stopping")]
    Stopping,
}

impl Slack {
    pub async fn listen(&self, app_token: SecretString, mut stop: watch::Receiver<bool>) {
        let mut pause = PAUSE_MIN;
        while !*stop.borrow() {
            let mut was_open = false;
            let broken = self.connection(&app_token, &mut stop, &mut was_open).await;
            pause = match broken {
                Broken::Stopping => return,
                Broken::Refresh(reason) => {
                    tracing::debug!(reason, "Slack asked for another connection");
                    PAUSE_MIN
                }
                other => {
                    tracing::warn!(error = %other, "Socket Mode has no connection");
                    if was_open {
                        PAUSE_MIN
                    } else {
                        (pause * 2).min(PAUSE_MAX)
                    }
                }
            };
            tokio::select! {
                () = stopped(&mut stop) => return,
                () = tokio::time::sleep(pause) => {}
            }
        }
    }

    async fn connection(
        &self,
        app_token: &SecretString,
        stop: &mut watch::Receiver<bool>,
        was_open: &mut bool,
    ) -> Broken {
        let client = self.inner.client.with_token(app_token.clone());
        let url = match client.socket().await {
            Ok(url) => url,
            Err(error) => return error.into(),
        };
        let connecting = tokio_tungstenite::connect_async(url.as_str());
        let socket = match tokio::time::timeout(CONNECT_MAX, connecting).await {
            Ok(Ok((socket, _))) => socket,
            // the address holds a ticket: log only the kind of error
            Ok(Err(error)) => return Broken::Socket(kind_of(&error).to_owned()),
            Err(_) => return Broken::Socket("no connection in time".to_owned()),
        };
        *was_open = true;
        tracing::info!("connected to Slack in Socket Mode");
        let (mut write, mut read) = socket.split();
        let (say, mut said) = mpsc::channel::<Value>(QUEUE);
        loop {
            tokio::select! {
                () = stopped(stop) => {
                    drop(write.close().await);
                    return Broken::Stopping;
                }
                Some(acknowledgement) = said.recv() => {
                    let text = Message::text(acknowledgement.to_string());
                    if let Err(error) = write.send(text).await {
                        return Broken::Socket(kind_of(&error).to_owned());
                    }
                }
                came = tokio::time::timeout(SILENCE_MAX, read.next()) => match came {
                    Err(_) => return Broken::Socket("silence".to_owned()),
                    Ok(None) => return Broken::Socket("closed".to_owned()),
                    Ok(Some(Err(error))) => return Broken::Socket(kind_of(&error).to_owned()),
                    Ok(Some(Ok(Message::Text(text)))) => {
                        if let Some(broken) = self.came(text.as_str(), &say) {
                            drop(write.close().await);
                            return broken;
                        }
                    }
                    // the library answers pings with the next write or read
                    Ok(Some(Ok(_))) => drop(write.flush().await),
                },
            }
        }
    }

    /// Handles a message; `Some` ends the connection.
    fn came(&self, text: &str, say: &mpsc::Sender<Value>) -> Option<Broken> {
        let Ok(envelope) = serde_json::from_str::<Envelope>(text) else {
            tracing::warn!("a message in Socket Mode was not understood");
            return None;
        };
        match (envelope.kind.as_str(), envelope.id) {
            ("disconnect", _) => {
                let reason = envelope.reason.unwrap_or_default();
                return Some(match reason.as_str() {
                    "link_disabled" => Broken::Disabled,
                    _ => Broken::Refresh(reason),
                });
            }
            ("interactive" | "slash_commands" | "events_api", Some(id)) => {
                let (app, say) = (self.clone(), say.clone());
                tokio::spawn(async move {
                    let reply = app.enveloped(&envelope.kind, &id, &envelope.payload).await;
                    let mut acknowledgement = json!({"envelope_id": id});
                    if let (Ok(body), Some(fields)) = (
                        serde_json::from_str(&reply.body),
                        acknowledgement.as_object_mut(),
                    ) {
                        fields.insert("payload".to_owned(), body);
                    }
                    // connection lost: Slack resends the envelope on the next
                    drop(say.send(acknowledgement).await);
                });
            }
            _ => {}
        }
        None
    }

    /// Duplicate envelopes are handled once and acknowledged alike.
    async fn enveloped(&self, kind: &str, id: &str, payload: &Value) -> SlackReply {
        let parsed = match kind {
            "interactive" => inbound::interaction(&payload.to_string()),
            "slash_commands" => inbound::command(payload),
            _ => return SlackReply::fine(),
        };
        self.once(&format!("envelope:{id}"), async {
            match parsed {
                Ok(inbound) => self.handle(inbound).await,
                Err(_) => SlackReply::fine(),
            }
        })
        .await
    }
}

async fn stopped(stop: &mut watch::Receiver<bool>) {
    // an error means that the stopping side ended
    drop(stop.wait_for(|stopping| *stopping).await);
}

fn kind_of(error: &tokio_tungstenite::tungstenite::Error) -> &'static str {
    use tokio_tungstenite::tungstenite::Error;
    match error {
        Error::ConnectionClosed | Error::AlreadyClosed => "closed",
        Error::Io(_) => "input or output failed",
        Error::Tls(_) => "TLS failed",
        Error::Http(_) | Error::HttpFormat(_) => "the handshake was refused",
        Error::Protocol(_) => "a protocol error",
        Error::Url(_) => "the address cannot be used",
        _ => "it failed",
    }
}
