use crate::base::{Millis, Refusal, instant};
use axum::http::StatusCode;
use jiff::Timestamp;
use serde_json::{Value, json};

use crate::{
    core::{self},
    state::Record,
    world::Shared,
};

const FURTHEST_SECONDS: f64 = 3.2e9;
/// 9999-01-01: a year before the last instant, to leave time for credentials.
const FURTHEST: Millis = 253_370_764_800_000;

pub(super) fn advance(shared: &Shared, body: &Value) -> Result<Value, Refusal> {
    let fields = body
        .as_object()
        .ok_or_else(|| Refusal::bad("", "expected an object"))?;
    if let Some(key) = fields
        .keys()
        .find(|key| !["seconds", "to"].contains(&key.as_str()))
    {
        return Err(Refusal::bad(key, "unknown key"));
    }
    let wall = shared.clock.now();
    let mut world = shared.lock();
    let now = world.now(wall);
    let target = match (fields.get("seconds"), fields.get("to")) {
        (Some(seconds), None) => {
            let seconds = seconds
                .as_f64()
                .filter(|seconds| (0.0..=FURTHEST_SECONDS).contains(seconds));
            let seconds =
                seconds.ok_or_else(|| Refusal::bad("seconds", "must be a number, not negative"))?;
            #[expect(clippy::cast_possible_truncation, reason = "at most a century")]
            let millis = (seconds * 1000.0).round() as i64;
            now + millis
        }
        (None, Some(to)) => {
            let to = to.as_str().and_then(|text| text.parse::<Timestamp>().ok());
            let to = to.ok_or_else(|| Refusal::bad("to", "expected an RFC 3339 instant"))?;
            if to.as_millisecond() < now {
                return Err(Refusal::bad("to", "lies in the past"));
            }
            to.as_millisecond()
        }
        _ => return Err(Refusal::bad("", "give one of seconds, to")),
    };
    #[expect(clippy::cast_possible_truncation, reason = "a century")]
    let in_reach = now.saturating_add((FURTHEST_SECONDS * 1000.0) as i64);
    if target > in_reach {
        return Err(Refusal::bad("to", "lies more than a century ahead"));
    }
    if target > FURTHEST {
        let field = if fields.contains_key("to") {
            "to"
        } else {
            "seconds"
        };
        return Err(Refusal::bad(field, "lies beyond the year 9998"));
    }
    if world.frozen.is_some() {
        world.frozen = Some(target);
    } else {
        world.offset += target - now;
    }
    let completed = core::advance(&mut world.state, target);
    let record = Record::Clock {
        offset: world.offset,
        frozen: world.frozen,
        now: target,
    };
    if let Err(error) = world.persist(&record) {
        tracing::error!(%error, "the state log could not be written");
        return Err(Refusal::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "state_log",
            "the change could not be recorded",
        ));
    }
    Ok(json!({ "now": instant(target), "completed": completed }))
}
