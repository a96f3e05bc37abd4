//! A fake Slack: stores messages and windows, identifies people, and fails as scripted.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::{Path, Query, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::any;
use serde_json::{Value, json};

#[derive(Clone, Debug)]
pub(crate) enum Fault {
    /// 429 with this many seconds.
    Limited(u64),
    Refused(&'static str),
    LostAnswer,
    /// No answer for a long time, no effect.
    Hangs,
    /// HTTP 503, no effect.
    Down,
}

#[derive(Clone, Debug)]
pub(crate) struct Message {
    pub(crate) ts: String,
    pub(crate) channel: String,
    pub(crate) thread: Option<String>,
    /// All displayed versions; the last is current.
    pub(crate) versions: Vec<Value>,
    pub(crate) metadata: Value,
}

impl Message {
    pub(crate) fn blocks(&self) -> &Value {
        &self.versions.last().unwrap()["blocks"]
    }

    pub(crate) fn text(&self) -> &str {
        self.versions.last().unwrap()["text"].as_str().unwrap()
    }

    pub(crate) fn title(&self) -> &str {
        self.blocks()[0]["text"]["text"]
            .as_str()
            .unwrap_or_default()
    }

    pub(crate) fn buttons(&self) -> Vec<String> {
        let blocks = self.blocks().as_array().cloned().unwrap_or_default();
        let found = blocks.iter().find(|block| block["block_id"] == "buttons");
        let elements = found.map(|block| block["elements"].as_array().cloned().unwrap());
        elements
            .unwrap_or_default()
            .iter()
            .map(|element| element["action_id"].as_str().unwrap().to_owned())
            .collect()
    }
}

#[derive(Default)]
pub(crate) struct Desk {
    pub(crate) users: BTreeMap<String, Value>,
    pub(crate) members: Vec<String>,
    pub(crate) messages: Vec<Message>,
    pub(crate) whispers: Vec<(String, String)>,
    pub(crate) whispered: Vec<Value>,
    pub(crate) views: Vec<(String, Value)>,
    pub(crate) calls: Vec<String>,
    pub(crate) faults: BTreeMap<String, VecDeque<Fault>>,
    pub(crate) refusing: BTreeMap<String, &'static str>,
    clock: u64,
}

#[derive(Clone)]
pub(crate) struct Fake {
    pub(crate) desk: Arc<Mutex<Desk>>,
    pub(crate) url: String,
}

impl Fake {
    pub(crate) async fn new() -> Self {
        let desk = Arc::<Mutex<Desk>>::default();
        let router = Router::new()
            .route("/api/{method}", any(call))
            .with_state(Arc::clone(&desk));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/api", listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { desk, url }
    }

    pub(crate) fn desk(&self) -> MutexGuard<'_, Desk> {
        self.desk.lock().unwrap()
    }

    pub(crate) fn fail(&self, method: &str, faults: &[Fault]) {
        let mut desk = self.desk();
        desk.faults
            .entry(method.to_owned())
            .or_default()
            .extend(faults.iter().cloned());
    }

    pub(crate) fn count(&self, method: &str) -> usize {
        self.desk()
            .calls
            .iter()
            .filter(|call| *call == method)
            .count()
    }

    pub(crate) fn heads(&self) -> Vec<Message> {
        let desk = self.desk();
        let heads = desk.messages.iter().filter(|message| {
            message.thread.is_none()
                && message.channel == "C1"
                && message.blocks()[0]["block_id"] == "header"
        });
        heads.cloned().collect()
    }

    pub(crate) fn lines(&self, channel: &str) -> Vec<String> {
        let desk = self.desk();
        let lines = desk.messages.iter().filter(|message| {
            message.thread.is_none()
                && message.channel == channel
                && message.blocks()[0]["block_id"] != "header"
        });
        lines.map(|message| message.text().to_owned()).collect()
    }

    pub(crate) fn replies(&self) -> Vec<String> {
        let desk = self.desk();
        let replies = desk
            .messages
            .iter()
            .filter(|message| message.thread.is_some());
        replies.map(|message| message.text().to_owned()).collect()
    }

    pub(crate) fn whispers(&self, user: &str) -> Vec<String> {
        let desk = self.desk();
        let theirs = desk.whispers.iter().filter(|(to, _)| to == user);
        theirs.map(|(_, text)| text.clone()).collect()
    }
}

/// Renders instants as a client without the reader's zone does. Plain text is unchanged: Slack
/// shows no dates there.
fn as_read(sent: &Value) -> Value {
    match sent {
        Value::String(text) => json!(dates_as_read(text)),
        Value::Array(all) => all.iter().map(as_read).collect(),
        Value::Object(fields) if fields.get("type") == Some(&json!("plain_text")) => sent.clone(),
        Value::Object(fields) => {
            let read = fields
                .iter()
                .map(|(name, value)| (name.clone(), as_read(value)));
            Value::Object(read.collect())
        }
        other => other.clone(),
    }
}

fn dates_as_read(text: &str) -> String {
    let mut parts = text.split("<!date^");
    let mut read = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (date, rest) = part.split_once('>').unwrap();
        let (seconds, shown) = date.split_once('^').unwrap();
        let (form, fallback) = shown.split_once('|').unwrap();
        assert!(
            seconds.parse::<i64>().is_ok() && ["{time}", "{date_short} {time}"].contains(&form),
            "{date}"
        );
        read.push_str(fallback);
        read.push_str(rest);
    }
    read
}

async fn call(
    State(desk): State<Arc<Mutex<Desk>>>,
    Path(method): Path<String>,
    Query(query): Query<BTreeMap<String, String>>,
    body: Bytes,
) -> Response {
    let sent: Value = serde_json::from_slice(&body).unwrap_or_else(|_| json!(query));
    let fault = {
        let mut desk = desk.lock().unwrap();
        desk.calls.push(method.clone());
        desk.faults.get_mut(&method).and_then(VecDeque::pop_front)
    };
    match fault {
        Some(Fault::Limited(seconds)) => {
            let headers = [(header::RETRY_AFTER, seconds.to_string())];
            return (StatusCode::TOO_MANY_REQUESTS, headers, "{}").into_response();
        }
        Some(Fault::Refused(code)) => {
            return axum::Json(json!({"ok": false, "error": code})).into_response();
        }
        Some(Fault::Down) => return StatusCode::SERVICE_UNAVAILABLE.into_response(),
        Some(Fault::Hangs) => {
            tokio::time::sleep(Duration::from_secs(20)).await;
            return StatusCode::GATEWAY_TIMEOUT.into_response();
        }
        Some(Fault::LostAnswer) => {
            desk.lock().unwrap().answer(&method, &sent).unwrap();
            return StatusCode::BAD_GATEWAY.into_response();
        }
        None => {}
    }
    let answer = desk.lock().unwrap().answer(&method, &sent);
    axum::Json(match answer {
        Ok(mut answer) => {
            answer["ok"] = json!(true);
            answer
        }
        Err(code) => json!({"ok": false, "error": code}),
    })
    .into_response()
}

fn text(value: &Value, name: &str) -> String {
    value[name].as_str().unwrap_or_default().to_owned()
}

impl Desk {
    fn answer(&mut self, method: &str, sent: &Value) -> Result<Value, &'static str> {
        if let Some(code) = self.refusing.get(&text(sent, "channel")) {
            return Err(*code);
        }
        match method {
            "auth.test" => Ok(json!({"team_id": "T1", "team": "Corp", "user_id": "UAPP"})),
            "users.info" => {
                let user = self
                    .users
                    .get(&text(sent, "user"))
                    .ok_or("user_not_found")?;
                Ok(json!({"user": user}))
            }
            "users.lookupByEmail" => {
                let email = text(sent, "email");
                let found = self
                    .users
                    .values()
                    .find(|user| user["profile"]["email"] == email);
                Ok(json!({"user": found.ok_or("users_not_found")?}))
            }
            "conversations.members" => {
                let from: usize = text(sent, "cursor").parse().unwrap_or(0);
                // small pages, to detect clients that read only the first
                let page: Vec<&String> = self.members.iter().skip(from).take(100).collect();
                let next = from + page.len();
                let cursor = if next < self.members.len() {
                    next.to_string()
                } else {
                    String::new()
                };
                Ok(json!({"members": page, "response_metadata": {"next_cursor": cursor}}))
            }
            "conversations.open" => {
                Ok(json!({"channel": {"id": format!("D{}", text(sent, "users"))}}))
            }
            "conversations.history" | "conversations.replies" => {
                let thread = sent["ts"].as_str().map(str::to_owned);
                let found: Vec<Value> = self
                    .messages
                    .iter()
                    .filter(|message| {
                        message.channel == text(sent, "channel") && message.thread == thread
                    })
                    .map(|message| json!({"ts": message.ts, "metadata": message.metadata}))
                    .collect();
                Ok(json!({"messages": found}))
            }
            _ => self.change(method, sent),
        }
    }

    fn change(&mut self, method: &str, sent: &Value) -> Result<Value, &'static str> {
        let sent = &as_read(sent);
        match method {
            "chat.postMessage" => {
                self.clock += 1;
                let ts = format!("1780000000.{:06}", self.clock);
                self.messages.push(Message {
                    ts: ts.clone(),
                    channel: text(sent, "channel"),
                    thread: sent["thread_ts"].as_str().map(str::to_owned),
                    versions: vec![sent.clone()],
                    metadata: sent["metadata"].clone(),
                });
                Ok(json!({"ts": ts}))
            }
            "chat.update" => {
                let (ts, channel) = (text(sent, "ts"), text(sent, "channel"));
                let found = self
                    .messages
                    .iter_mut()
                    .find(|message| message.ts == ts && message.channel == channel);
                found
                    .ok_or("message_not_found")?
                    .versions
                    .push(sent.clone());
                Ok(json!({}))
            }
            "chat.postEphemeral" => {
                self.whispers.push((text(sent, "user"), text(sent, "text")));
                self.whispered.push(sent.clone());
                Ok(json!({}))
            }
            "views.open" => {
                let id = format!("V{}", self.views.len() + 1);
                self.views.push((id.clone(), sent["view"].clone()));
                Ok(json!({"view": {"id": id}}))
            }
            "views.update" => {
                self.views
                    .push((text(sent, "view_id"), sent["view"].clone()));
                Ok(json!({}))
            }
            _ => Err("unknown_method"),
        }
    }
}
