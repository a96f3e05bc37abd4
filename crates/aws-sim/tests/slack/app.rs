//! The app's side: a server that records requests and answers as scripted, and a Web API client.
#![allow(
    clippy::needless_pass_by_value,
    reason = "tests write bodies where they are sent"
)]

use std::{
    collections::VecDeque,
    net::SocketAddr,
    sync::{Arc, Mutex},
    time::Duration,
};

use axum::{
    Router,
    body::Bytes,
    extract::State,
    http::{HeaderMap, StatusCode, Uri},
    response::IntoResponse,
};
use hallpass_aws_sim::{
    Consistency, Options, Simulator,
    organization::{self, OrganizationFile},
    serve,
};
use hallpass_base::{Clock, Timestamp};
use serde_json::{Value, json};
use tokio::{net::TcpListener, task::JoinHandle};

#[derive(Debug, Clone)]
pub(super) struct Got {
    pub path: String,
    pub timestamp: String,
    pub signature: String,
    pub body: String,
}

impl Got {
    pub(super) fn field(&self, name: &str) -> String {
        let fields = self.body.split('&').filter_map(|part| part.split_once('='));
        let value = fields
            .filter(|(key, _)| *key == name)
            .map(|(_, value)| value)
            .next_back();
        decode(value.unwrap_or_default())
    }

    pub(super) fn payload(&self) -> Value {
        serde_json::from_str(&self.field("payload")).unwrap()
    }
}

fn decode(text: &str) -> String {
    let mut out = Vec::new();
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        out.push(match byte {
            b'+' => b' ',
            b'%' => {
                let pair = [bytes.next().unwrap(), bytes.next().unwrap()];
                u8::from_str_radix(std::str::from_utf8(&pair).unwrap(), 16).unwrap()
            }
            other => other,
        });
    }
    String::from_utf8(out).unwrap()
}

#[derive(Debug, Clone)]
pub(super) struct Says {
    pub status: u16,
    pub body: String,
    pub after: Duration,
}

#[derive(Clone, Default)]
struct Desk {
    got: Arc<Mutex<Vec<Got>>>,
    says: Arc<Mutex<VecDeque<Says>>>,
}

struct StandingClock(Mutex<Timestamp>);

impl Clock for StandingClock {
    fn now(&self) -> Timestamp {
        *self.0.lock().unwrap()
    }
}

pub(super) fn options() -> Options {
    Options {
        organization: organization::small(),
        consistency: Some(Consistency::Strong),
        ..Options::default()
    }
}

pub(super) struct Pair {
    pub simulator: Simulator,
    pub address: SocketAddr,
    clock: Arc<StandingClock>,
    desk: Desk,
    client: reqwest::Client,
    served: [JoinHandle<()>; 2],
}

impl Drop for Pair {
    fn drop(&mut self) {
        self.served.iter().for_each(JoinHandle::abort);
    }
}

async fn heard(
    State(desk): State<Desk>,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> impl IntoResponse {
    let header = |name: &str| headers[name].to_str().unwrap().to_owned();
    desk.got.lock().unwrap().push(Got {
        path: uri.path().to_owned(),
        timestamp: header("x-slack-request-timestamp"),
        signature: header("x-slack-signature"),
        body: String::from_utf8(body.to_vec()).unwrap(),
    });
    let says = desk.says.lock().unwrap().pop_front();
    let says = says.unwrap_or(Says {
        status: 200,
        body: String::new(),
        after: Duration::ZERO,
    });
    tokio::time::sleep(says.after).await;
    (StatusCode::from_u16(says.status).unwrap(), says.body)
}

impl Pair {
    pub(super) async fn new() -> Self {
        Self::with(options()).await
    }

    pub(super) async fn with(options: Options) -> Self {
        let start = "2026-11-20T07:27:43Z".parse().unwrap();
        let clock = Arc::new(StandingClock(Mutex::new(start)));
        let simulator = Simulator::new(options, clock.clone()).unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let sim = serve(listener, simulator.clone(), std::future::pending());
        let desk = Desk::default();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = listener.local_addr().unwrap();
        simulator.set_slack_request_url(format!("http://{url}/slack/interactions"));
        let app = Router::new().fallback(heard).with_state(desk.clone());
        let app = axum::serve(listener, app).into_future();
        Self {
            simulator,
            address,
            clock,
            desk,
            client: reqwest::Client::builder().no_proxy().build().unwrap(),
            served: [
                tokio::spawn(async { sim.await.unwrap() }),
                tokio::spawn(async { app.await.unwrap() }),
            ],
        }
    }

    pub(super) fn tick(&self, milliseconds: i64) {
        let mut now = self.clock.0.lock().unwrap();
        *now += jiff::SignedDuration::from_millis(milliseconds);
    }

    pub(super) fn wall(&self) -> Timestamp {
        self.clock.now()
    }

    pub(super) fn file(&self) -> OrganizationFile {
        self.simulator.organization()
    }

    pub(super) fn says(&self, status: u16, body: &Value) {
        let body = if body.is_null() {
            String::new()
        } else {
            body.to_string()
        };
        self.says_late(status, body, Duration::ZERO);
    }

    pub(super) fn says_late(&self, status: u16, body: String, after: Duration) {
        let says = Says {
            status,
            body,
            after,
        };
        self.desk.says.lock().unwrap().push_back(says);
    }

    /// Returns requests since the last call.
    pub(super) fn got(&self) -> Vec<Got> {
        std::mem::take(&mut *self.desk.got.lock().unwrap())
    }

    /// Returns the only payload since the last call.
    pub(super) fn heard(&self) -> Value {
        let got = self.got();
        assert_eq!(got.len(), 1, "{got:?}");
        got[0].payload()
    }

    fn url(&self, path: &str) -> String {
        format!("http://{}/_slack/{path}", self.address)
    }

    /// Calls a method with the bot's token, or with `token` from the body.
    pub(super) async fn api(&self, method: &str, mut body: Value) -> Value {
        let facts = self.simulator.slack().unwrap();
        let token = body.as_object_mut().unwrap().shift_remove("token");
        let token = token.map_or(facts.bot_token, |token| token.as_str().unwrap().to_owned());
        let request = self.client.post(self.url(&format!("api/{method}")));
        let request = request.bearer_auth(token).json(&body);
        request.send().await.unwrap().json().await.unwrap()
    }

    pub(super) async fn ok(&self, method: &str, body: Value) -> Value {
        let said = self.api(method, body).await;
        assert_eq!(said["ok"], true, "{method}: {said}");
        said
    }

    /// Returns status, `Retry-After` and body of a method.
    pub(super) async fn raw(
        &self,
        method: &str,
        kind: &str,
        body: &str,
    ) -> (u16, Option<String>, Value) {
        let request = self.client.post(self.url(&format!("api/{method}")));
        let request = request.header("content-type", kind).body(body.to_owned());
        let answer = request.send().await.unwrap();
        let wait = answer.headers().get("retry-after");
        let wait = wait.map(|value| value.to_str().unwrap().to_owned());
        let status = answer.status().as_u16();
        (status, wait, answer.json().await.unwrap_or_default())
    }

    pub(super) async fn act(&self, body: Value) -> Value {
        let (status, said) = self.post("act", body.clone()).await;
        assert_eq!(status, 200, "{body}: {said}");
        said
    }

    pub(super) async fn post(&self, path: &str, body: Value) -> (u16, Value) {
        let answer = self.client.post(self.url(path)).json(&body);
        let answer = answer.send().await.unwrap();
        let status = answer.status().as_u16();
        let text = answer.text().await.unwrap();
        let said = serde_json::from_str(&text).unwrap_or(Value::String(text));
        (status, said)
    }

    pub(super) async fn get(&self, path: &str) -> Value {
        let answer = self.client.get(self.url(path)).send().await.unwrap();
        answer.json().await.unwrap_or_default()
    }

    pub(super) async fn respond(&self, url: &Value, body: Value) -> (u16, String) {
        let answer = self.client.post(url.as_str().unwrap()).json(&body);
        let answer = answer.send().await.unwrap();
        (answer.status().as_u16(), answer.text().await.unwrap())
    }

    pub(super) async fn control(&self, path: &str, body: Value) -> Value {
        let url = format!("http://{}/_sim/{path}", self.address);
        let answer = self.client.post(url).json(&body).send().await.unwrap();
        answer.json().await.unwrap()
    }

    /// Posts blocks to the channel; returns the timestamp.
    pub(super) async fn posted(&self, blocks: Value) -> String {
        let said = json!({ "channel": "C0ACCESS", "text": "fallback", "blocks": blocks });
        let said = self.ok("chat.postMessage", said).await;
        said["ts"].as_str().unwrap().to_owned()
    }

    /// Opens this view for Mara by a shortcut; returns its id.
    pub(super) async fn opened(&self, view: Value) -> String {
        let body =
            json!({ "user": "mara.lindqvist@example.com", "shortcut": "request_for_access" });
        self.act(body).await;
        let trigger = self.heard()["trigger_id"].clone();
        let said = json!({ "trigger_id": trigger, "view": view });
        let said = self.ok("views.open", said).await;
        said["view"]["id"].as_str().unwrap().to_owned()
    }
}

pub(super) fn plain(text: &str) -> Value {
    json!({ "type": "plain_text", "text": text })
}

pub(super) fn modal() -> Value {
    let option = |text: &str| json!({ "text": plain(text), "value": text });
    json!({
        "type": "modal",
        "callback_id": "request_for__account_access_submitted",
        "private_metadata": "kept",
        "title": plain("Get AWS access"),
        "submit": plain("Request"),
        "close": plain("Cancel"),
        "blocks": [
            { "type": "section", "text": { "type": "mrkdwn", "text": "Hi *Mara*" } },
            { "type": "divider" },
            { "type": "section", "block_id": "duration_picker",
              "text": { "type": "mrkdwn", "text": "How long" },
              "accessory": { "type": "static_select", "action_id": "duration_picker_action",
                             "options": [option("1h"), option("2h")],
                             "initial_option": option("1h") } },
            { "type": "input", "block_id": "provide_reason", "label": plain("Why"),
              "element": { "type": "plain_text_input", "multiline": true,
                           "max_length": 1000, "action_id": "provided_reason" } },
            { "type": "input", "block_id": "select_account", "label": plain("Account"),
              "dispatch_action": true,
              "element": { "type": "external_select", "action_id": "selected_account",
                           "min_query_length": 0, "placeholder": plain("Search") } },
        ],
    })
}
