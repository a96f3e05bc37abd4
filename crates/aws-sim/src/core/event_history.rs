//! What CloudTrail keeps of an organization: a record of each sign-in and of each call, as `LookupEvents` shows them.
//! In memory, and no more than so many of each; what is replayed from the state log is there again.

use std::{collections::VecDeque, sync::Arc};

use crate::base::{Millis, Random};
use jiff::Timestamp;
use serde_json::Value;

use crate::organization::Speed;

/// Records of a kind that are kept.
const KEPT_MAX: usize = 10_000;
/// How long records are kept (AWS `CloudTrail` User Guide, "Viewing recent management events").
pub(crate) const KEPT_FOR: Millis = 90 * 24 * 3_600_000;
/// Until a record can be looked up: "typically within 5 minutes" (the same page).
const LATE: Millis = 300_000;

/// A record, with what it is looked up by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct HistoryEvent {
    /// When it happened.
    pub at: Millis,
    /// Whose history it is part of.
    pub account: String,
    /// The Region that was called.
    pub region: String,
    /// The record, as a trail writes it.
    pub record: Value,
}

impl HistoryEvent {
    /// A member of the record that is text; empty when absent.
    pub(crate) fn text(&self, name: &str) -> &str {
        text(&self.record, name)
    }

    /// Who did it, as lists show it.
    pub(crate) fn user_name(&self) -> &str {
        let who = self.record.get("userIdentity").unwrap_or(&Value::Null);
        let session = text(who, "arn").rsplit('/').next().unwrap_or_default();
        match text(who, "userName") {
            "" => session,
            name => name,
        }
    }

    /// A record that somebody brings.
    ///
    /// # Errors
    /// What it has not.
    pub(crate) fn brought(record: &Value) -> Result<Self, String> {
        let need = |name: &str| match text(record, name) {
            "" => Err(format!("a record has no `{name}`")),
            found => Ok(found.to_owned()),
        };
        for name in ["eventID", "eventName", "eventSource"] {
            need(name)?;
        }
        let at: Timestamp = need("eventTime")?
            .parse()
            .map_err(|_| "`eventTime` is no RFC 3339 instant".to_owned())?;
        Ok(Self {
            at: at.as_millisecond(),
            account: need("recipientAccountId")?,
            region: need("awsRegion")?,
            record: record.clone(),
        })
    }
}

/// All that is kept.
#[derive(Debug, Clone, Default)]
pub(crate) struct EventHistory {
    sign_ins: VecDeque<Arc<HistoryEvent>>,
    calls: VecDeque<Arc<HistoryEvent>>,
}

impl EventHistory {
    pub(crate) fn add_sign_in(&mut self, event: Arc<HistoryEvent>) {
        keep(&mut self.sign_ins, event);
    }

    pub(crate) fn add_call(&mut self, event: Arc<HistoryEvent>) {
        keep(&mut self.calls, event);
    }

    /// What can be seen in an account and a Region, in no order.
    pub(crate) fn seen<'a>(
        &'a self,
        account: &'a str,
        region: &'a str,
        now: Millis,
        speed: Speed,
    ) -> impl Iterator<Item = &'a HistoryEvent> {
        let late = match speed {
            Speed::Real => LATE,
            Speed::Fast => 2_000,
            Speed::Instant => 0,
        };
        let is_seen = move |it: &&HistoryEvent| {
            it.account == account
                && it.region == region
                && it.at + late <= now
                && it.at > now - KEPT_FOR
        };
        let all = self.sign_ins.iter().chain(&self.calls);
        all.map(AsRef::as_ref).filter(is_seen)
    }
}

fn keep(kept: &mut VecDeque<Arc<HistoryEvent>>, event: Arc<HistoryEvent>) {
    if kept.len() == KEPT_MAX {
        kept.pop_front();
    }
    kept.push_back(event);
}

fn text<'a>(of: &'a Value, name: &str) -> &'a str {
    of.get(name).and_then(Value::as_str).unwrap_or_default()
}

/// The id of a record: the same for the same seed and number.
pub(crate) fn event_id(seed: u64, number: &str) -> String {
    let digits = Random::new(seed, &format!("event {number}")).text("0123456789abcdef", 30);
    let part = |range: std::ops::Range<usize>| digits.get(range).unwrap_or_default();
    let (a, b, c) = (part(0..8), part(8..12), part(12..15));
    format!("{a}-{b}-4{c}-8{}-{}", part(15..18), part(18..30))
}

/// An instant as records have it.
pub(crate) fn event_time(at: Millis) -> String {
    let at = Timestamp::from_millisecond(at).unwrap_or_default();
    at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}
