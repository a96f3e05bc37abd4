//! The journal: planned, sent, accepted and found events in order (`organization.md` P-6), and the
//! step states derived from it (P-7).

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use hallpass_base::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::plan::{StepId, StepProbe};

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StepEnd {
    Unchanged,
    Changed,
    Skipped,
    /// Accepted, completion unknown.
    InProgress,
    /// A dependency failed, or it is impossible.
    Blocked,
    Drifted,
    Failed,
}

impl StepEnd {
    pub const fn name(self) -> &'static str {
        match self {
            Self::Unchanged => "unchanged",
            Self::Changed => "changed",
            Self::Skipped => "skipped",
            Self::InProgress => "in_progress",
            Self::Blocked => "blocked",
            Self::Drifted => "drifted",
            Self::Failed => "failed",
        }
    }

    /// Returns whether dependent steps may start.
    pub const fn is_good(self) -> bool {
        matches!(self, Self::Unchanged | Self::Changed)
    }
}

impl fmt::Display for StepEnd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Final {
    pub outcome: StepEnd,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub reason: String,
    #[serde(default, skip_serializing_if = "Value::is_null")]
    pub old: Value,
    #[serde(default, skip_serializing_if = "Value::is_null")]
    pub new: Value,
    pub seconds: u64,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub requests: Vec<String>,
    /// Whether a write was lost: its outcome is unknown.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub unheard: bool,
}

impl Final {
    pub fn without_change(outcome: StepEnd, reason: impl Into<String>, seconds: u64) -> Self {
        Self {
            outcome,
            reason: reason.into(),
            old: Value::Null,
            new: Value::Null,
            seconds,
            requests: Vec::new(),
            unheard: false,
        }
    }

    /// Returns whether a failed write took partial effect: that change is recorded and undone.
    pub(crate) fn is_done_in_part(&self) -> bool {
        let fails = matches!(self.outcome, StepEnd::Failed | StepEnd::Blocked);
        fails && !(self.old.is_null() && self.new.is_null())
    }
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "is", rename_all = "snake_case")]
pub enum JournalEntry {
    /// A run begins, with its probes; leftovers of earlier runs are void.
    Planned {
        expected: BTreeMap<StepId, StepProbe>,
    },
    Intent {
        step: StepId,
        token: String,
        #[serde(default, skip_serializing_if = "Value::is_null")]
        old: Value,
    },
    /// The first write had no effect: a foreign object exists already.
    NotOurs {
        step: StepId,
    },
    Accepted {
        step: StepId,
        remote: String,
    },
    Poll {
        step: StepId,
        remote: String,
    },
    Final {
        step: StepId,
        #[serde(flatten)]
        end: Final,
    },
    /// The run starts only this many targets until a user reviews them; or all (`organization.md`
    /// P-11).
    Bounded {
        targets: Option<usize>,
    },
    /// A notification was sent and must not be repeated.
    Told {
        what: String,
    },
    Note {
        #[serde(default, skip_serializing_if = "Option::is_none")]
        step: Option<StepId>,
        text: String,
    },
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Record {
    pub at: Timestamp,
    #[serde(flatten)]
    pub entry: JournalEntry,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stored {
    /// From 1.
    pub number: u64,
    /// One JSON record.
    pub text: String,
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum JournalError {
    #[error("record {number} of the journal cannot be read: {why}")]
    Broken { number: u64, why: String },
    #[error("record {number} of the journal is missing")]
    Missing { number: u64 },
}

#[derive(Clone, Debug, PartialEq)]
pub enum StepState {
    Planned,
    Intent { old: Value },
    Accepted { remote: String, old: Value },
    Final(Final),
}

/// Earlier writes of a step, possibly unsent; each has an intent in the journal.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SentBefore {
    pub at: Vec<Timestamp>,
    pub tokens: BTreeSet<String>,
    /// Intent times of writes without a response id before the process stopped.
    pub unanswered: Vec<Timestamp>,
    pub remotes: BTreeSet<String>,
    pub in_this_run: bool,
}

impl SentBefore {
    pub fn extend(&mut self, other: &Self) {
        self.at.extend(&other.at);
        self.tokens.extend(other.tokens.iter().cloned());
        self.unanswered.extend(&other.unanswered);
        self.remotes.extend(other.remotes.iter().cloned());
    }

    pub(crate) fn begin(&mut self, at: Timestamp, token: &str) {
        self.at.push(at);
        self.unanswered.push(at);
        self.tokens.insert(token.to_owned());
    }

    pub(crate) fn answer(&mut self, remote: &str) {
        // ids may repeat, such as after a crash
        if self.remotes.insert(remote.to_owned()) {
            self.unanswered.pop();
        }
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct Folded {
    /// Start of the newest run, if any.
    pub began: Option<Timestamp>,
    pub last: Option<Timestamp>,
    pub expected: BTreeMap<StepId, StepProbe>,
    pub steps: BTreeMap<StepId, StepState>,
    /// The newest change of each step in any run: a later run does not undo it.
    pub changed: BTreeMap<StepId, Final>,
    /// Earlier partial changes of failed steps, oldest first.
    pub in_part: BTreeMap<StepId, Vec<Final>>,
    /// State before the newest write of steps abandoned with unknown outcome.
    pub unheard: BTreeMap<StepId, Value>,
    pub sent: BTreeMap<StepId, SentBefore>,
    pub bound: Option<usize>,
    pub told: BTreeSet<String>,
    /// Whether a torn last record was dropped.
    pub torn: bool,
}

impl Folded {
    pub fn place(&self, step: &StepId) -> &StepState {
        self.steps.get(step).unwrap_or(&StepState::Planned)
    }

    pub fn end(&self, step: &StepId) -> Option<&Final> {
        match self.place(step) {
            StepState::Final(end) => Some(end),
            StepState::Planned | StepState::Intent { .. } | StepState::Accepted { .. } => None,
        }
    }

    fn old(&self, step: &StepId) -> Value {
        match self.place(step) {
            StepState::Intent { old } | StepState::Accepted { old, .. } => old.clone(),
            StepState::Planned | StepState::Final(_) => Value::Null,
        }
    }

    fn set(&mut self, step: StepId, place: StepState) {
        self.steps.insert(step, place);
    }

    pub(crate) fn has_changed(&self, step: &StepId) -> bool {
        self.changed.contains_key(step) || self.in_part.contains_key(step)
    }

    pub(crate) fn changes(&self, step: &StepId) -> impl Iterator<Item = &Final> {
        let before = self.in_part.get(step).into_iter().flatten().rev();
        self.changed.get(step).into_iter().chain(before)
    }

    fn end_step(&mut self, step: &StepId, end: &Final) {
        // a drifted step may have changed parts
        let is_part = end.outcome == StepEnd::Drifted && !end.new.is_null();
        let is_change = end.outcome == StepEnd::Changed || is_part;
        if is_change {
            self.changed.insert(step.clone(), end.clone());
        } else if end.is_done_in_part() {
            let all = self.in_part.entry(step.clone()).or_default();
            all.extend(self.changed.remove(step));
            all.push(end.clone());
        }
        if end.unheard {
            self.unheard.insert(step.clone(), self.old(step));
        } else if is_change || end.is_done_in_part() || end.outcome == StepEnd::Unchanged {
            // the earlier state is no undo target for a later write
            self.unheard.remove(step);
        }
    }

    fn take(&mut self, record: Record) {
        self.last = Some(record.at);
        match record.entry {
            JournalEntry::Planned { expected } => {
                self.began = Some(record.at);
                self.expected = expected;
                self.steps.clear();
            }
            JournalEntry::Intent { step, token, old } => {
                // the first intent has the state before any Hallpass write
                let old = match self.place(&step) {
                    StepState::Intent { old } | StepState::Accepted { old, .. } => old.clone(),
                    StepState::Planned | StepState::Final(_) => old,
                };
                let sent = self.sent.entry(step.clone()).or_default();
                sent.begin(record.at, &token);
                // it is sent again only if the earlier write had no visible effect
                self.unheard.remove(&step);
                self.set(step, StepState::Intent { old });
            }
            JournalEntry::NotOurs { step } => {
                self.sent.remove(&step);
                self.unheard.remove(&step);
                self.steps.remove(&step);
            }
            JournalEntry::Accepted { step, remote } => {
                let mut old = self.old(&step);
                // it may come from an earlier run with unknown outcome
                if old.is_null() {
                    old = self.unheard.get(&step).cloned().unwrap_or_default();
                }
                let sent = self.sent.entry(step.clone()).or_default();
                sent.answer(&remote);
                self.set(step, StepState::Accepted { remote, old });
            }
            JournalEntry::Final { step, end } => {
                self.end_step(&step, &end);
                self.set(step, StepState::Final(end));
            }
            JournalEntry::Bounded { targets } => self.bound = targets,
            JournalEntry::Told { what } => {
                self.told.insert(what);
            }
            JournalEntry::Poll { .. } | JournalEntry::Note { .. } => {}
        }
    }

    /// Returns whether a write has no outcome in the journal.
    pub(crate) fn is_amid_step(&self) -> bool {
        self.steps
            .values()
            .any(|it| matches!(it, StepState::Intent { .. } | StepState::Accepted { .. }))
    }
}

/// Reads a journal. Drops a torn last record.
///
/// # Errors
/// An earlier record is unreadable or missing.
pub fn fold(stored: &[Stored]) -> Result<Folded, JournalError> {
    let mut folded = Folded::default();
    for (row, number) in stored.iter().zip(1_u64..) {
        if row.number != number {
            return Err(JournalError::Missing { number });
        }
        match serde_json::from_str::<Record>(&row.text) {
            Ok(record) => folded.take(record),
            Err(_) if usize::try_from(number).is_ok_and(|n| n == stored.len()) => {
                folded.torn = true;
            }
            Err(error) => {
                return Err(JournalError::Broken {
                    number,
                    why: error.to_string(),
                });
            }
        }
    }
    Ok(folded)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn step() -> StepId {
        StepId::named("0123456789abcdef")
    }

    fn journal(entries: &[JournalEntry]) -> Vec<Stored> {
        let rows = entries.iter().zip(1..).map(|(entry, number)| Stored {
            number,
            text: serde_json::to_string(&Record {
                at: Timestamp::UNIX_EPOCH,
                entry: entry.clone(),
            })
            .unwrap(),
        });
        rows.collect()
    }

    fn life() -> Vec<JournalEntry> {
        let end = Final {
            old: json!({"a": 1}),
            new: json!({"a": 2}),
            requests: vec!["r-1".into()],
            ..Final::without_change(StepEnd::Changed, "", 3)
        };
        vec![
            JournalEntry::Planned {
                expected: BTreeMap::from([(step(), StepProbe::Absent)]),
            },
            JournalEntry::Intent {
                step: step(),
                token: "t".into(),
                old: json!({"a": 1}),
            },
            JournalEntry::Accepted {
                step: step(),
                remote: "op-1".into(),
            },
            JournalEntry::Poll {
                step: step(),
                remote: "op-1".into(),
            },
            JournalEntry::Note {
                step: None,
                text: "waited".into(),
            },
            JournalEntry::Final { step: step(), end },
        ]
    }

    #[test]
    fn a_step_stands_where_its_last_record_left_it() {
        let life = life();
        let places = [
            "Planned", "Intent", "Accepted", "Accepted", "Accepted", "Final",
        ];
        for (n, place) in places.iter().enumerate() {
            let folded = fold(&journal(&life[..=n])).unwrap();
            let shown = format!("{:?}", folded.place(&step()));
            assert!(shown.starts_with(place), "after {n}: {shown}");
        }
        let folded = fold(&journal(&life)).unwrap();
        assert_eq!(folded.end(&step()).unwrap().old, json!({"a": 1}));
    }

    #[test]
    fn a_new_run_begins_anew() {
        let mut entries = life();
        entries.push(JournalEntry::Planned {
            expected: BTreeMap::new(),
        });
        let folded = fold(&journal(&entries)).unwrap();
        assert_eq!(folded.place(&step()), &StepState::Planned);
        assert_eq!(folded.changed[&step()].old, json!({"a": 1}));
    }

    #[test]
    fn what_is_under_way_after_a_write_that_nobody_heard_of_began_where_that_did() {
        let end = Final {
            unheard: true,
            ..Final::without_change(StepEnd::Failed, "no answer", 3)
        };
        let mut entries = life();
        let accepted = entries[2].clone();
        entries.truncate(2);
        entries.push(JournalEntry::Final { step: step(), end });
        entries.push(JournalEntry::Planned {
            expected: BTreeMap::new(),
        });
        entries.push(accepted);
        let folded = fold(&journal(&entries)).unwrap();
        let (remote, old) = ("op-1".to_owned(), json!({"a": 1}));
        assert_eq!(folded.place(&step()), &StepState::Accepted { remote, old });
    }

    #[test]
    fn a_torn_last_record_is_left_out_wherever_it_tore() {
        let whole = journal(&life());
        let text = whole[5].text.clone();
        for length in 0..text.len() {
            let mut torn = whole.clone();
            torn[5].text.truncate(length);
            let folded = fold(&torn).unwrap();
            assert!(folded.torn, "cut at {length}");
            assert!(folded.end(&step()).is_none(), "cut at {length}");
        }
    }

    #[test]
    fn an_earlier_record_that_is_broken_or_missing_is_named() {
        let mut broken = journal(&life());
        broken[2].text.truncate(9);
        let error = fold(&broken).unwrap_err();
        assert!(
            matches!(error, JournalError::Broken { number: 3, .. }),
            "{error}"
        );
        let mut holed = journal(&life());
        holed.remove(1);
        assert_eq!(fold(&holed), Err(JournalError::Missing { number: 2 }));
    }

    #[test]
    fn writes_of_every_try_are_known_until_one_was_not_ours() {
        let intent = |token: &str| JournalEntry::Intent {
            step: step(),
            token: token.into(),
            old: Value::Null,
        };
        let planned = JournalEntry::Planned {
            expected: BTreeMap::new(),
        };
        let accepted = JournalEntry::Accepted {
            step: step(),
            remote: "op-1".into(),
        };
        let texts = |all: &[&str]| all.iter().map(|it| (*it).to_owned()).collect();
        let mut entries = vec![
            intent("one"),
            accepted.clone(),
            accepted,
            planned,
            intent("two"),
        ];
        let at = Timestamp::UNIX_EPOCH;
        let sent = SentBefore {
            at: vec![at, at],
            tokens: texts(&["one", "two"]),
            unanswered: vec![at],
            remotes: texts(&["op-1"]),
            in_this_run: false,
        };
        assert_eq!(fold(&journal(&entries)).unwrap().sent[&step()], sent);
        entries.push(JournalEntry::NotOurs { step: step() });
        let folded = fold(&journal(&entries)).unwrap();
        assert_eq!(folded.sent, BTreeMap::new());
    }
}
