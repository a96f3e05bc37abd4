//! Signed webhook calls. `docs/reference/notifications.md` documents the body.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use crate::wording::alert::alert_text;
use crate::wording::notice::webhook_text;
use crate::wording::sweeps::digest_text;
use async_trait::async_trait;
use hallpass_access::{
    AlarmContext, AlertContext, Channel, Delivery, DigestContext, DigestKind, Grant, NoticeContext,
    NoticeKind, Request, Sweep,
};
use hallpass_base::{
    Clock, Target, TimeSpan, Timestamp,
    text::{line, visible},
};
use reqwest::header::{CONTENT_TYPE, HeaderMap, RETRY_AFTER};
use reqwest::{Client, StatusCode, Url, redirect};
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value, json};

use crate::notify::signature;

const CALL_MAX: Duration = Duration::from_secs(10);
/// Cap of a receiver's `Retry-After`.
const RETRY_AFTER_MAX: TimeSpan = TimeSpan::hours(1);
const SECRET_MIN: usize = 16;
const ALARM: &str = "alarm";
const ALERT: &str = "alert";
/// Event name of remediation calls: sent only to the target named in a rule.
const REMEDIATION: &str = "remediation";
const ANSWER_BYTES_MAX: usize = 2_000;
/// Body version. Increases on incompatible changes.
const VERSION: u32 = 1;

#[derive(Clone, Debug)]
pub struct WebhookSettings {
    /// Name in the log, metrics and outbox: letters, digits, `-` and `_`.
    pub name: String,
    /// `https`, or `http` on this machine.
    pub url: SecretString,
    /// Signing secret, at least 16 characters.
    pub secret: SecretString,
    /// Event names; `*` for all.
    pub events: Vec<String>,
    pub public_url: String,
}

/// Invalid settings. Never contains URL and secret.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("webhook `{name}`: `{key}` {message}")]
pub struct WebhookSettingsError {
    pub name: String,
    pub key: &'static str,
    pub message: String,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CodeCallFailed {
    /// Worth a retry; the result of the call is unknown.
    pub is_later: bool,
    pub why: String,
}

pub struct Webhook {
    /// `webhook:NAME`.
    channel: String,
    url: Url,
    secret: SecretString,
    events: Vec<String>,
    public_url: String,
    client: Client,
    clock: Arc<dyn Clock>,
    /// Set by the answer 410 until restart.
    gone: AtomicBool,
}

impl Webhook {
    /// Creates a channel without a call.
    ///
    /// # Errors
    /// The first invalid setting.
    pub fn new(
        settings: &WebhookSettings,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, WebhookSettingsError> {
        let error = |key, message: &str| WebhookSettingsError {
            name: line(&settings.name, 40),
            key,
            message: message.to_owned(),
        };
        let plain = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
        if settings.name.is_empty() || settings.name.len() > 40 || !settings.name.chars().all(plain)
        {
            return Err(error("name", "is 1 to 40 letters, digits, `-` and `_`"));
        }
        let url =
            Url::parse(settings.url.expose_secret()).map_err(|_| error("url", "is not a URL"))?;
        let host = url.host_str().ok_or_else(|| error("url", "has no host"))?;
        let is_local = crate::notify::mail::is_loopback(host);
        match url.scheme() {
            "https" => {}
            "http" if is_local => {}
            _ => return Err(error("url", "must begin with https://")),
        }
        if settings.secret.expose_secret().chars().count() < SECRET_MIN {
            return Err(error("secret", "has fewer than 16 characters"));
        }
        let mut names: Vec<&str> = NoticeKind::ALL.map(NoticeKind::name).to_vec();
        names.extend(DigestKind::ALL.map(DigestKind::name));
        names.extend([ALARM, ALERT, REMEDIATION]);
        let unknown = |event: &&String| *event != "*" && !names.contains(&event.as_str());
        if let Some(event) = settings.events.iter().find(unknown) {
            let message = format!("has `{event}`, and knows {} and *", names.join(", "));
            return Err(error("events", &message));
        }
        let mut client = Client::builder()
            .redirect(redirect::Policy::none())
            .timeout(CALL_MAX)
            .user_agent(concat!("hallpass/", env!("CARGO_PKG_VERSION")));
        if is_local {
            client = client.no_proxy();
        }
        let client = client
            .build()
            .map_err(|_| error("url", "cannot be called: there is no TLS"))?;
        let all = settings.events.is_empty() || settings.events.iter().any(|event| event == "*");
        Ok(Self {
            channel: format!("webhook:{}", settings.name),
            url,
            secret: settings.secret.clone(),
            events: if all {
                Vec::new()
            } else {
                settings.events.clone()
            },
            public_url: settings.public_url.trim_end_matches('/').to_owned(),
            client,
            clock,
            gone: AtomicBool::new(false),
        })
    }

    pub fn setting_name(&self) -> &str {
        self.channel.split_once(':').map_or("", |(_, name)| name)
    }

    /// Calls code for a remediation rule once; returns status and answer.
    ///
    /// # Errors
    /// No answer, or an error status; includes whether a retry is useful.
    pub async fn call_code(&self, id: &str, body: &Value) -> Result<(u16, String), CodeCallFailed> {
        let now = self.clock.elsewhere();
        let sent = self.post(id.to_owned(), &body.to_string(), now).await;
        let mut answer = sent.map_err(|error| CodeCallFailed {
            is_later: true,
            why: reason(&error),
        })?;
        let status = answer.status();
        if !status.is_success() {
            return Err(CodeCallFailed {
                is_later: is_later(status),
                why: format!("the receiver answered {}", status.as_u16()),
            });
        }
        let mut text = Vec::new();
        while let Ok(Some(chunk)) = answer.chunk().await {
            text.extend_from_slice(&chunk);
            if text.len() >= ANSWER_BYTES_MAX {
                text.truncate(ANSWER_BYTES_MAX);
                break;
            }
        }
        let text = line(&String::from_utf8_lossy(&text), ANSWER_BYTES_MAX);
        Ok((status.as_u16(), text))
    }

    async fn post(
        &self,
        id: String,
        body: &str,
        now: Timestamp,
    ) -> Result<reqwest::Response, reqwest::Error> {
        let secret = self.secret.expose_secret().as_bytes();
        let signature = signature::sign(secret, body.as_bytes(), now);
        let call = self.client.post(self.url.clone());
        call.header(CONTENT_TYPE, "application/json")
            .header("Hallpass-Signature", signature)
            .header("Hallpass-Delivery", id)
            .body(body.to_owned())
            .send()
            .await
    }

    async fn call(&self, name: &str, id: String, body: &Value) -> Delivery {
        if !self.events.is_empty() && !self.events.iter().any(|event| event == name) {
            return Delivery::Done;
        }
        if self.gone.load(Ordering::Relaxed) {
            let why = "the receiver answered 410 before".to_owned();
            return Delivery::GaveUp { why };
        }
        let body = shown(body).to_string();
        // the receiver compares it with its own time
        let now = self.clock.elsewhere();
        match self.post(id, &body, now).await {
            Ok(answer) => self.judge(answer.status(), answer.headers(), now),
            Err(error) => again(TimeSpan::ZERO, reason(&error)),
        }
    }

    fn judge(&self, status: StatusCode, headers: &HeaderMap, now: Timestamp) -> Delivery {
        let why = format!("the receiver answered {}", status.as_u16());
        if status.is_success() {
            Delivery::Done
        } else if is_later(status) {
            again(retry_after(headers, now), why)
        } else if status == StatusCode::GONE {
            self.gone.store(true, Ordering::Relaxed);
            let why = format!("{why}: it is not called again until the server starts again");
            Delivery::GaveUp { why }
        } else {
            Delivery::GaveUp { why }
        }
    }
}

fn is_later(status: StatusCode) -> bool {
    status.is_server_error()
        || status == StatusCode::REQUEST_TIMEOUT
        || status == StatusCode::TOO_MANY_REQUESTS
}

fn again(after: TimeSpan, why: String) -> Delivery {
    Delivery::Again { after, why }
}

#[cfg(test)]
pub(crate) fn sent(told: &NoticeContext, id: &str, public_url: &str) -> String {
    shown(&body(told, id, public_url)).to_string()
}

/// Replaces hidden characters: receivers display the texts.
pub(crate) fn shown(body: &Value) -> Value {
    match body {
        Value::String(text) => visible(text).into(),
        Value::Array(items) => items.iter().map(shown).collect(),
        Value::Object(members) => {
            let members = members.iter();
            members
                .map(|(name, value)| (name.clone(), shown(value)))
                .collect()
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => body.clone(),
    }
}

/// Omits the URL: it may contain a secret.
fn reason(error: &reqwest::Error) -> String {
    let what = if error.is_timeout() {
        "no answer in time"
    } else if error.is_connect() {
        "no connection"
    } else {
        "the call broke off"
    };
    let mut text = what.to_owned();
    let mut source = std::error::Error::source(error);
    while let Some(inner) = source {
        if inner.source().is_none() {
            text = format!("{text}: {inner}");
        }
        source = inner.source();
    }
    line(&text, 300)
}

/// `Retry-After` in seconds or as a date (RFC 9110 §10.2.3), within bounds.
fn retry_after(headers: &HeaderMap, now: Timestamp) -> TimeSpan {
    let text = headers
        .get(RETRY_AFTER)
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default()
        .trim();
    let asked = match text.parse() {
        Ok(seconds) => TimeSpan::seconds(seconds),
        Err(_) => jiff::fmt::rfc2822::parse(text)
            .map_or(TimeSpan::ZERO, |at| TimeSpan::between(now, at.timestamp())),
    };
    asked.min(RETRY_AFTER_MAX)
}

/// Stable across retries, unique per notice, also after a store is recreated.
fn delivery_id(told: &NoticeContext) -> String {
    format!("{}-{}", told.request.id, told.number)
}

/// Stable across retries and receivers.
pub(crate) fn alert_delivery_id(told: &AlertContext) -> String {
    let alert = &told.alert;
    format!(
        "alert-{}-{}-{}",
        alert.alert,
        alert.at.as_second(),
        told.number
    )
}

fn body(told: &NoticeContext, id: &str, public_url: &str) -> Value {
    let notice = &told.notice;
    json!({
        "version": VERSION,
        "id": id,
        "news": notice.kind().name(),
        "time": notice.at.to_string(),
        "text": webhook_text(told),
        "to": notice.to,
        "url": format!("{public_url}/requests/{}", told.request.id),
        "request": request(&told.request),
        "grant": told.grant.as_ref().map(grant),
    })
}

fn digest_body(told: &DigestContext, id: &str, public_url: &str) -> Value {
    let digest = &told.digest;
    json!({
        "version": VERSION,
        "id": id,
        "news": digest.digest.name(),
        "time": digest.at.to_string(),
        "text": digest_text(digest),
        "to": [],
        "url": format!("{public_url}/sweeps/{}", told.sweep.id),
        "request": null,
        "grant": null,
        "sweep": sweep(&told.sweep),
    })
}

fn alarm_body(told: &AlarmContext, id: &str, public_url: &str) -> Value {
    let alarm = &told.alarm;
    json!({
        "version": VERSION,
        "id": id,
        "news": ALARM,
        "time": alarm.at.to_string(),
        "text": alarm.text,
        "to": [],
        "url": format!("{public_url}/health"),
        "request": null,
        "grant": null,
        "alarm": {
            "kind": alarm.alarm.name(),
            "state": alarm.state.name(),
            "since": alarm.since.to_string(),
        },
    })
}

pub(crate) fn alert_body(told: &AlertContext, id: &str, public_url: &str) -> Value {
    let alert = &told.alert;
    json!({
        "version": VERSION,
        "id": id,
        "news": ALERT,
        "time": alert.at.to_string(),
        "text": alert_text(alert),
        "to": [],
        "url": format!("{public_url}/alerts"),
        "request": null,
        "grant": null,
        "alert": {
            "rule": alert.alert.as_str(),
            "severity": alert.severity.name(),
            "snapshot": alert.snapshot,
            "news": alert.news,
        },
    })
}

fn sweep(sweep: &Sweep) -> Value {
    let report = sweep.report.as_ref();
    json!({
        "id": sweep.id.to_string(),
        "state": sweep.state.name(),
        "mode": sweep.mode.name(),
        "trigger": sweep.trigger.name(),
        "begun_at": sweep.begun_at.to_string(),
        "counts": report.map(|report| json!({
            "seen": report.seen,
            "ours": report.ours,
            "unknown": report.unknown,
            "preexisting": report.preexisting,
            "under_grant": report.under_grant,
            "accepted": report.accepted,
            "reviews_overdue": report.reviews_overdue,
            "new": report.new,
            "changed": report.changed,
            "gone": report.gone,
            "unread": report.unread,
            "to_act": report.to_act,
        })),
    })
}

fn request(request: &Request) -> Value {
    json!({
        "id": request.id.to_string(),
        "state": request.state.name(),
        "requester": { "email": request.requester.email, "name": request.requester.name },
        "target": target(request.key.as_ref().map(|key| &key.target), &request.names),
        "duration_seconds": request.duration.as_seconds(),
        "shortened_from_seconds": request.shortened.as_ref().map(|it| it.from.as_seconds()),
        "comment": request.newest_comment().map(|(_, words)| words),
        "reason": request.reason,
        "ticket": request.ticket,
        "asked_at": request.asked_at.to_string(),
        "expires_at": request.expires_at.map(|at| at.to_string()),
        "extends": request.extends.map(|id| id.to_string()),
        "approvers": request.approvers(),
        "approvals_needed": request.approvals().1,
        "approved_by": request.reviewers().iter().map(|review| &review.by).collect::<Vec<_>>(),
        "rules": request.decided.based_on,
    })
}

fn grant(grant: &Grant) -> Value {
    json!({
        "id": grant.id.to_string(),
        "state": grant.state.name(),
        "holder": { "email": grant.holder.email, "name": grant.holder.name },
        "target": target(Some(&grant.key.target), &grant.names),
        "approver": grant.approver,
        "granted_at": grant.granted_at.map(|at| at.to_string()),
        "ends_at": grant.ends_at.to_string(),
    })
}

fn target(target: Option<&Target>, names: &hallpass_base::TargetNames) -> Value {
    use hallpass_base::TargetNames::{Account, Group};
    let (account, group) = match target {
        Some(Target::Account { account, .. }) => (Some(account.to_string()), None),
        Some(Target::Group { group }) => (None, Some(group.to_string())),
        None => (None, None),
    };
    match names {
        Account {
            account: name,
            permission_set,
        } => json!({
            "kind": "account",
            "account": account,
            "account_name": name,
            "permission_set": permission_set,
        }),
        Group { group: name } => json!({ "kind": "group", "group": group, "group_name": name }),
    }
}

#[async_trait]
impl Channel for Webhook {
    fn name(&self) -> &str {
        &self.channel
    }

    async fn deliver(&self, told: &NoticeContext) -> Delivery {
        let id = delivery_id(told);
        let body = body(told, &id, &self.public_url);
        self.call(told.notice.kind().name(), id, &body).await
    }

    async fn deliver_digest(&self, told: &DigestContext) -> Delivery {
        let id = format!("{}-{}", told.sweep.id, told.number);
        let body = digest_body(told, &id, &self.public_url);
        self.call(told.digest.digest.name(), id, &body).await
    }

    async fn deliver_alarm(&self, told: &AlarmContext) -> Delivery {
        let alarm = &told.alarm;
        let id = format!("{}-{}-{}", alarm.alarm, alarm.at.as_second(), told.number);
        let body = alarm_body(told, &id, &self.public_url);
        self.call(ALARM, id, &body).await
    }

    async fn deliver_alert(&self, told: &AlertContext) -> Delivery {
        let id = alert_delivery_id(told);
        let body = alert_body(told, &id, &self.public_url);
        self.call(ALERT, id, &body).await
    }
}

#[cfg(test)]
#[path = "webhook_tests.rs"]
mod tests;
