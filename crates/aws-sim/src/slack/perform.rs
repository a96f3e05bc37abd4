//! `POST /_slack/act`: prepares, sends, concludes, and returns the person's new view.

use std::time::Duration;

use crate::base::{Refusal, instant};
use axum::http::StatusCode;
use serde_json::{Map, Value, json};

use super::{
    acts::{Prepared, conclude, prepare},
    deliver::{How, SentRequest, deliver, post},
    face::SlackFace,
    recorder::screen,
    workspace::Workspace,
};

/// Maximum wait for a visible result.
const SETTLE_MAX_MS: u64 = 10_000;
const LOOK: Duration = Duration::from_millis(10);

pub(super) async fn act(face: &SlackFace, body: &Value, host: &str) -> Result<Value, Refusal> {
    if body.get("replay").is_some() {
        return replay(face, body).await;
    }
    let how = how(body)?;
    let prepared = {
        let mut open = face.lock();
        let now = face.host.now();
        prepare(open.space()?, body, host, now)?
    };
    let before = revision(face);
    let sent = match &prepared.delivery {
        Some(delivery) => deliver(face, delivery, &how).await,
        None => Vec::new(),
    };
    let answer = {
        let mut open = face.lock();
        let now = face.host.now();
        finish(open.space()?, &prepared, &sent, body, now)
    };
    let settle = body.get("settle_ms").and_then(Value::as_u64).unwrap_or(0);
    settled(face, before, settle.min(SETTLE_MAX_MS)).await;
    let mut open = face.lock();
    let channel = body.get("channel").and_then(Value::as_str);
    let channel = channel.filter(|id| id.starts_with(['C', 'D', 'G']));
    let seen = screen(open.space()?, &prepared.user, channel);
    let mut answer = answer;
    answer.insert("screen".to_owned(), seen);
    Ok(Value::Object(answer))
}

fn how(body: &Value) -> Result<How, Refusal> {
    let mut how = How {
        times: 1,
        ..How::default()
    };
    let Some(given) = body.get("deliver") else {
        return Ok(how);
    };
    let fields = given
        .as_object()
        .ok_or_else(|| Refusal::bad("deliver", "expected an object"))?;
    for (key, value) in fields {
        let at = format!("deliver.{key}");
        match key.as_str() {
            "times" => {
                let times = value.as_u64().filter(|times| (1..=10).contains(times));
                how.times = times.ok_or_else(|| Refusal::bad(&at, "is from 1 to 10"))?;
            }
            "age_seconds" => {
                let age = value.as_i64();
                how.age_seconds = age.ok_or_else(|| Refusal::bad(&at, "expected whole seconds"))?;
            }
            "bad_signature" => {
                let bad = value.as_bool();
                how.bad_signature = bad.ok_or_else(|| Refusal::bad(&at, "is true or false"))?;
            }
            _ => return Err(Refusal::bad(&at, "unknown key")),
        }
    }
    Ok(how)
}

fn revision(face: &SlackFace) -> u64 {
    face.lock().space.as_ref().map_or(0, |space| space.revision)
}

/// Waits for a change other than the act's record.
async fn settled(face: &SlackFace, before: u64, ms: u64) {
    let until = tokio::time::Instant::now() + Duration::from_millis(ms);
    while ms > 0 && revision(face) <= before + 1 && tokio::time::Instant::now() < until {
        tokio::time::sleep(LOOK).await;
    }
}

fn finish(
    space: &mut Workspace,
    prepared: &Prepared,
    sent: &[SentRequest],
    body: &Value,
    now: i64,
) -> Map<String, Value> {
    let mut answer = prepared.told.clone();
    // of a duplicate act, the first answer counts
    let outcome = match sent.first() {
        Some(first) => conclude(space, prepared, &first.reply, now),
        None => super::acts::ActOutcome::default(),
    };
    answer.extend(outcome.told);
    if let Some(sentence) = outcome.seen {
        answer.insert("seen".to_owned(), sentence.into());
    }
    let delivered: Vec<Value> = sent.iter().map(SentRequest::show).collect();
    answer.insert("delivered".to_owned(), delivered.into());
    record(space, &prepared.user, body, &mut answer, now);
    answer
}

fn record(
    space: &mut Workspace,
    user: &str,
    body: &Value,
    answer: &mut Map<String, Value>,
    now: i64,
) {
    let last = space.acts.last().and_then(|act| act.get("act")?.as_u64());
    let number = last.unwrap_or(0) + 1;
    answer.insert("act".to_owned(), number.into());
    let mut row = answer.clone();
    row.insert("at".to_owned(), instant(now).into());
    row.insert("user".to_owned(), user.into());
    row.insert("did".to_owned(), body.clone());
    space.note(Value::Object(row), now);
}

/// Resends the bytes of an earlier act.
async fn replay(face: &SlackFace, body: &Value) -> Result<Value, Refusal> {
    let number = body.get("replay").and_then(Value::as_u64);
    let number = number.ok_or_else(|| Refusal::bad("replay", "expected the number of an act"))?;
    let request = {
        let mut open = face.lock();
        let acts = &open.space()?.acts;
        let act = acts
            .iter()
            .find(|act| act.get("act").and_then(Value::as_u64) == Some(number));
        act.and_then(|act| act.pointer("/delivered/0")).cloned()
    };
    let text = |pointer: &str| {
        let found = request
            .as_ref()
            .and_then(|request| request.pointer(pointer)?.as_str());
        found.unwrap_or_default().to_owned()
    };
    let url = text("/url");
    if url.is_empty() {
        let text = "there is no such act that was sent over HTTP";
        return Err(Refusal::new(StatusCode::NOT_FOUND, "not_found", text));
    }
    let (timestamp, signature) = (text("/request/timestamp"), text("/request/signature"));
    let sent = post(face, &url, &timestamp, &signature, &text("/request/body")).await;
    let mut answer = Map::new();
    answer.insert("delivered".to_owned(), json!([sent.show()]));
    let mut open = face.lock();
    let now = face.host.now();
    record(open.space()?, "", body, &mut answer, now);
    Ok(Value::Object(answer))
}
