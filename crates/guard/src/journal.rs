use hallpass_assignments::{GuardRemoval, Missing, OwnedEnd, RemovalStage};
use hallpass_audit::{Draft, Event, Origin, Record};
use hallpass_base::{AuditId, GrantId, HoldKey, Target, Timestamp};
use serde_json::Value;

use crate::Over;

const REASON: &str = "guard";
/// Reason of the record that resets revisions.
const RESTORED: &str = "restored";
/// Revision of an end unknown to a restored store; separate count.
pub(crate) const OF_NO_STORE: u64 = 0;

#[derive(Clone, Copy)]
pub(crate) struct Writer<'a> {
    pub(crate) name: &'a str,
    pub(crate) now: Timestamp,
    pub(crate) id: AuditId,
}

impl Writer<'_> {
    fn draft(self, event: Event) -> Draft {
        Draft::new(self.id, event, self.now, self.name, Origin::System)
    }

    fn about(self, event: Event, end: &OwnedEnd) -> Draft {
        self.draft(event)
            .reason(REASON)
            .guarded(&end.key, end.until, end.rev, &end.grants)
    }

    pub(crate) fn looked(self, words: &str) -> Draft {
        self.draft(Event::GuardLooked).why(words)
    }

    pub(crate) fn restored(self) -> Draft {
        let words = "the store was restored: its revisions restart";
        self.looked(words).reason(RESTORED)
    }

    pub(crate) fn ending(self, end: &OwnedEnd) -> Draft {
        self.about(Event::GuardEnding, end)
    }

    /// Seen absent; `None` if absent without our action.
    pub(crate) fn ended(self, end: &OwnedEnd, over: Over, gone: Option<Missing>) -> Option<Draft> {
        let (removed, why) = match (over, gone) {
            (Over::Removed, _) => (true, "removed"),
            (Over::FoundGone, Some(Missing::Principal)) => (false, "principal_gone"),
            (Over::FoundGone, Some(Missing::Account)) => (false, "account_gone"),
            (Over::FoundGone, None) => (false, "already_absent"),
            (Over::Vanished, _) => return None,
        };
        Some(self.about(Event::GuardEnded, end).removed(removed, why))
    }

    pub(crate) fn refused(self, end: &OwnedEnd, error: &str) -> Draft {
        self.about(Event::GuardRefused, end).error(error)
    }

    pub(crate) fn blind(self, words: &str) -> Draft {
        self.draft(Event::GuardBlind).why(words)
    }
}

pub(crate) fn end_of(record: &Record) -> Option<OwnedEnd> {
    let user = record.text("sso_user_principal_id")?.parse().ok()?;
    let target = match record.text("audit_entry_type")? {
        "account" => Target::Account {
            account: record.text("account_id")?.parse().ok()?,
            permission_set: record.text("permission_set")?.parse().ok()?,
        },
        "group" => Target::Group {
            group: record.text("group_id")?.parse().ok()?,
        },
        _ => return None,
    };
    let grants = record.fields().get("grants").and_then(Value::as_array)?;
    let grants = grants
        .iter()
        .map(|id| id.as_str()?.parse::<GrantId>().ok())
        .collect::<Option<Vec<_>>>()?;
    Some(OwnedEnd {
        key: HoldKey { user, target },
        until: record.text("ends_at")?.parse().ok()?,
        rev: record.fields().get("rev").and_then(Value::as_u64)?,
        grants,
    })
}

/// `None` for other records.
pub fn removal_of(record: &Record) -> Option<GuardRemoval> {
    let removed = record.fields().get("removed").and_then(Value::as_bool);
    let stage = if record.event() == Event::GuardEnding.name() {
        RemovalStage::Begun
    } else if record.event() == Event::GuardEnded.name() && removed == Some(true) {
        RemovalStage::Seen
    } else {
        return None;
    };
    let millisecond = record.fields().get("timestamp").and_then(Value::as_i64)?;
    Some(GuardRemoval {
        end: end_of(record)?,
        at: Timestamp::from_millisecond(millisecond).ok()?,
        guard: record.text("actor")?.to_owned(),
        stage,
    })
}

/// Incomplete record at the end of a journal after a crash.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Torn {
    pub whole: usize,
}

/// Splits complete lines from an incomplete rest. A line is complete with its newline.
pub fn whole_lines(bytes: &[u8]) -> (Vec<&[u8]>, Option<Torn>) {
    let whole = bytes
        .iter()
        .rposition(|byte| *byte == b'\n')
        .map_or(0, |last| last + 1);
    let lines = bytes.get(..whole).unwrap_or_default();
    let lines = lines
        .split(|byte| *byte == b'\n')
        .filter(|line| !line.is_empty());
    let torn = (whole < bytes.len()).then_some(Torn { whole });
    (lines.collect(), torn)
}

pub(crate) fn since_restored(records: &[Record]) -> &[Record] {
    let is_restored = |record: &Record| {
        record.event() == Event::GuardLooked.name() && record.text("reason") == Some(RESTORED)
    };
    let begins = records.iter().rposition(is_restored).unwrap_or(0);
    records.get(begins..).unwrap_or_default()
}
