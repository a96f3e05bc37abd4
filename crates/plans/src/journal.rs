//! The journal: what was planned, sent, taken on and found, in the order it happened
//! (`organization.md` P-6), and the state of every step that follows from it (P-7).

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use hallpass_base::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::plan::{StepId, StepProbe};

/// How a step ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StepEnd {
    /// All was as desired.
    Unchanged,
    /// It was changed.
    Changed,
    /// Not begun.
    Skipped,
    /// Taken on, and not known to be done.
    InProgress,
    /// Something that had to come before did not succeed, or it cannot be done.
    Blocked,
    /// The world is not the one that was planned for.
    Drifted,
    /// It failed.
    Failed,
}

impl StepEnd {
    /// The outcome's word in reports.
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

    /// Whether what comes after it may begin.
    pub const fn is_good(self) -> bool {
        matches!(self, Self::Unchanged | Self::Changed)
    }
}

impl fmt::Display for StepEnd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The end of a step.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Final {
    /// How it ended.
    pub outcome: StepEnd,
    /// Why, when it did not end well; or what has to be said about it.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub reason: String,
    /// The form before.
    #[serde(default, skip_serializing_if = "Value::is_null")]
    pub old: Value,
    /// The form after.
    #[serde(default, skip_serializing_if = "Value::is_null")]
    pub new: Value,
    /// How long it took.
    pub seconds: u64,
    /// The service's request ids.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub requests: Vec<String>,
    /// Whether a write was sent of which nobody knows what it came to.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub unheard: bool,
}

impl Final {
    /// An end without a change.
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

    /// Whether it failed after a write that took effect in part: what that changed is recorded, and taken back.
    pub(crate) fn is_done_in_part(&self) -> bool {
        let fails = matches!(self.outcome, StepEnd::Failed | StepEnd::Blocked);
        fails && !(self.old.is_null() && self.new.is_null())
    }
}

/// One thing that happened.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "is", rename_all = "snake_case")]
pub enum JournalEntry {
    /// A run begins, with what the probes said; what earlier runs left behind is over.
    Planned {
        /// Every step, and what was seen of it.
        expected: BTreeMap<StepId, StepProbe>,
    },
    /// A write is about to be sent.
    Intent {
        /// The step.
        step: StepId,
        /// Its token.
        token: String,
        /// The form before.
        #[serde(default, skip_serializing_if = "Value::is_null")]
        old: Value,
    },
    /// The first write of a step did nothing: somebody else's stands there already.
    NotOurs {
        /// The step.
        step: StepId,
    },
    /// The service has taken it on.
    Accepted {
        /// The step.
        step: StepId,
        /// The id at the service.
        remote: String,
    },
    /// It was asked for, and is still under way.
    Poll {
        /// The step.
        step: StepId,
        /// The id at the service.
        remote: String,
    },
    /// The step ended.
    Final {
        /// The step.
        step: StepId,
        /// How the step ended.
        #[serde(flatten)]
        end: Final,
    },
    /// From here on the run begins only so many targets, until somebody looked at them; or all (`organization.md` P-11).
    Bounded {
        /// How many more; `None` = all.
        targets: Option<usize>,
    },
    /// Somebody was told of it: not to be told again.
    Told {
        /// Who, and of what.
        what: String,
    },
    /// Something to know.
    Note {
        /// The step it is about, if it is about one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        step: Option<StepId>,
        /// What is noted.
        text: String,
    },
}

/// An entry with its time.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Record {
    /// When it was written.
    pub at: Timestamp,
    /// What happened.
    #[serde(flatten)]
    pub entry: JournalEntry,
}

/// A record as stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stored {
    /// Its place in the journal, from 1.
    pub number: u64,
    /// Its text: JSON, one record.
    pub text: String,
}

/// A journal that cannot be relied on.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum JournalError {
    /// A record that cannot be read, with others after it.
    #[error("record {number} of the journal cannot be read: {why}")]
    Broken {
        /// Its place.
        number: u64,
        /// What is wrong.
        why: String,
    },
    /// A record that should be there is not.
    #[error("record {number} of the journal is missing")]
    Missing {
        /// Its place.
        number: u64,
    },
}

/// Where a step stands.
#[derive(Clone, Debug, PartialEq)]
pub enum StepState {
    /// Nothing was sent.
    Planned,
    /// A write may have been sent.
    Intent {
        /// The form before.
        old: Value,
    },
    /// The service has taken it on.
    Accepted {
        /// The id at the service.
        remote: String,
        /// The form before.
        old: Value,
    },
    /// It ended.
    Final(Final),
}

/// Writes of a step that were sent before, or may have been: each has its intent in the journal.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SentBefore {
    /// When each was about to be sent, in any run of the plan, the oldest first.
    pub at: Vec<Timestamp>,
    /// Their tokens: another try of a plan has other ones.
    pub tokens: BTreeSet<String>,
    /// When those were about to be sent that the service did not answer with an id, or not before the process stopped.
    pub unanswered: Vec<Timestamp>,
    /// The ids that the service answered with.
    pub remotes: BTreeSet<String>,
    /// Whether the newest belongs to the run that looks: what it came to is not known then.
    pub in_this_run: bool,
}

impl SentBefore {
    /// Adds writes of another step, or of another plan.
    pub fn extend(&mut self, other: &Self) {
        self.at.extend(&other.at);
        self.tokens.extend(other.tokens.iter().cloned());
        self.unanswered.extend(&other.unanswered);
        self.remotes.extend(other.remotes.iter().cloned());
    }

    /// A write is about to be sent.
    pub(crate) fn begin(&mut self, at: Timestamp, token: &str) {
        self.at.push(at);
        self.unanswered.push(at);
        self.tokens.insert(token.to_owned());
    }

    /// The service took the newest write on.
    pub(crate) fn answer(&mut self, remote: &str) {
        // it may be named again, such as after a stop
        if self.remotes.insert(remote.to_owned()) {
            self.unanswered.pop();
        }
    }
}

/// What a journal comes to.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Folded {
    /// When the newest run began; `None` when none did.
    pub began: Option<Timestamp>,
    /// When its last record was written.
    pub last: Option<Timestamp>,
    /// What that run expects to see.
    pub expected: BTreeMap<StepId, StepProbe>,
    /// Where each step stands that has left the start.
    pub steps: BTreeMap<StepId, StepState>,
    /// The newest change of each step, whichever run made it: a later run does not take a change back.
    pub changed: BTreeMap<StepId, Final>,
    /// Changes of each step before that one, where it failed after its write took effect in part; the oldest first.
    pub in_part: BTreeMap<StepId, Vec<Final>>,
    /// What stood there before the newest write of steps that were given up without knowing what it came to.
    pub unheard: BTreeMap<StepId, Value>,
    /// Writes of each step that were sent, or may have been, in any run.
    pub sent: BTreeMap<StepId, SentBefore>,
    /// How many targets the newest run may begin before somebody looks at them; `None` = all.
    pub bound: Option<usize>,
    /// What somebody was told, in any run.
    pub told: BTreeSet<String>,
    /// Whether the last record was torn and left out.
    pub torn: bool,
}

impl Folded {
    /// Where a step stands.
    pub fn place(&self, step: &StepId) -> &StepState {
        self.steps.get(step).unwrap_or(&StepState::Planned)
    }

    /// How a step ended, if it did.
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

    /// Whether any run changed something of a step.
    pub(crate) fn has_changed(&self, step: &StepId) -> bool {
        self.changed.contains_key(step) || self.in_part.contains_key(step)
    }

    /// The changes of a step, the newest first.
    pub(crate) fn changes(&self, step: &StepId) -> impl Iterator<Item = &Final> {
        let before = self.in_part.get(step).into_iter().flatten().rev();
        self.changed.get(step).into_iter().chain(before)
    }

    fn end_step(&mut self, step: &StepId, end: &Final) {
        // of a drifted one parts may have been changed
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
            // what stood there before is no form to go back to for a later write
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
                // the first intent knows what stood there before any of ours
                let old = match self.place(&step) {
                    StepState::Intent { old } | StepState::Accepted { old, .. } => old.clone(),
                    StepState::Planned | StepState::Final(_) => old,
                };
                let sent = self.sent.entry(step.clone()).or_default();
                sent.begin(record.at, &token);
                // what was sent before shows nothing, or it would not be sent again
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
                // it may be what an earlier run sent without knowing what came of it
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

    /// Whether a write was sent whose outcome is not in the journal.
    pub(crate) fn is_amid_step(&self) -> bool {
        self.steps
            .values()
            .any(|it| matches!(it, StepState::Intent { .. } | StepState::Accepted { .. }))
    }
}

/// Reads a journal. A last record that cannot be read was torn by a stop and is left out.
///
/// # Errors
/// When an earlier one cannot be read or is missing.
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
        // but for what was changed
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
