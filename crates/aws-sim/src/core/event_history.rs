//! CloudTrail event history: a record of each sign-in and call, as in `LookupEvents`. In memory and
//! bounded; replay of the state log restores it.

use std::{collections::VecDeque, sync::Arc};

use crate::base::{Millis, Random};
use jiff::Timestamp;
use serde_json::Value;

use crate::organization::Speed;

const KEPT_MAX: usize = 10_000;
/// Retention of records (AWS `CloudTrail` User Guide, "Viewing recent management events").
pub(crate) const KEPT_FOR: Millis = 90 * 24 * 3_600_000;
/// Delay before a record is visible: "typically within 5 minutes" (the same page).
const LATE: Millis = 300_000;

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct HistoryEvent {
    pub at: Millis,
    pub account: String,
    pub region: String,
    /// The record, as a trail writes it.
    pub record: Value,
}

impl HistoryEvent {
    /// Returns empty when absent.
    pub(crate) fn text(&self, name: &str) -> &str {
        text(&self.record, name)
    }

    pub(crate) fn user_name(&self) -> &str {
        let who = self.record.get("userIdentity").unwrap_or(&Value::Null);
        let session = text(who, "arn").rsplit('/').next().unwrap_or_default();
        match text(who, "userName") {
            "" => session,
            name => name,
        }
    }

    /// Validates an imported record.
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

    /// Visible records of an account and a Region, unordered.
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

pub(crate) fn event_id(seed: u64, number: &str) -> String {
    let digits = Random::new(seed, &format!("event {number}")).text("0123456789abcdef", 30);
    let part = |range: std::ops::Range<usize>| digits.get(range).unwrap_or_default();
    let (a, b, c) = (part(0..8), part(8..12), part(12..15));
    format!("{a}-{b}-4{c}-8{}-{}", part(15..18), part(18..30))
}

pub(crate) fn event_time(at: Millis) -> String {
    let at = Timestamp::from_millisecond(at).unwrap_or_default();
    at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}
