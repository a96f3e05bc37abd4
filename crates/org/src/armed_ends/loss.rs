//! What the armer remembers of a lost home Region: what it has looked at because of it, and that nobody could be asked meanwhile.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, MutexGuard, PoisonError};

use hallpass_base::{HoldKey, Timestamp};

use super::ArmedEnd;
use super::otherwise::Otherwise;

/// An end that was looked at.
pub(super) struct LookedAt {
    key: HoldKey,
    /// Whether it was to be denied without asking what else the person holds.
    is_unasked: bool,
}

impl LookedAt {
    /// Those of an account whose turn it is.
    pub(super) fn all(
        ends: &[ArmedEnd],
        otherwise: &BTreeMap<HoldKey, Otherwise>,
        now: Timestamp,
    ) -> Vec<Self> {
        let looked = ends.iter().filter_map(|end| {
            let is_unasked = matches!(otherwise.get(&end.key), Some(Otherwise::Lost(_)));
            (is_unasked || end.due <= now).then(|| Self {
                key: end.key.clone(),
                is_unasked,
            })
        });
        looked.collect()
    }
}

/// What is remembered from one tick to the next.
#[derive(Default)]
pub(super) struct LossMemory(Mutex<Memory>);

#[derive(Default)]
enum Memory {
    /// It answers.
    #[default]
    Answers,
    /// It is lost. These were denied for that: later they come when they are due.
    Lost { denied: BTreeSet<HoldKey> },
    /// It answers again, and only these were looked at since. Nobody was asked meanwhile what else the others hold.
    Back { looked_at: BTreeSet<HoldKey> },
}

impl LossMemory {
    /// What is to be denied because it is lost is due at once, whatever pause it is in; what is in force, once it answers again.
    /// `denies`: since when what is overdue is denied for the loss.
    pub(super) fn hurry(
        &self,
        mut ends: Vec<ArmedEnd>,
        (is_lost, denies): (bool, Option<Timestamp>),
        now: Timestamp,
    ) -> Vec<ArmedEnd> {
        let mut memory = self.memory();
        memory.note(is_lost, denies.is_some());
        let mut is_over = true;
        for end in &mut ends {
            let is_due = match &*memory {
                Memory::Answers => false,
                Memory::Lost { denied } => {
                    denies.is_some_and(|since| end.is_denied_unasked(since, now))
                        && !denied.contains(&end.key)
                }
                Memory::Back { looked_at } => {
                    end.armed_until().is_some() && !looked_at.contains(&end.key)
                }
            };
            if is_due {
                end.due = end.due.min(now);
                is_over = false;
            }
        }
        if is_over && matches!(*memory, Memory::Back { .. }) {
            *memory = Memory::Answers;
        }
        ends
    }

    /// These were looked at.
    pub(super) fn looked_at(&self, looked: Vec<LookedAt>) {
        match &mut *self.memory() {
            Memory::Lost { denied } => {
                let unasked = looked.into_iter().filter(|it| it.is_unasked);
                denied.extend(unasked.map(|it| it.key));
            }
            Memory::Back { looked_at } => looked_at.extend(looked.into_iter().map(|it| it.key)),
            Memory::Answers => {}
        }
    }

    fn memory(&self) -> MutexGuard<'_, Memory> {
        // every change is whole
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Memory {
    fn note(&mut self, is_lost: bool, denies: bool) {
        match self {
            Self::Lost { .. } if !is_lost => {
                *self = Self::Back {
                    looked_at: BTreeSet::new(),
                };
            }
            Self::Lost { denied } if !denies => denied.clear(),
            Self::Answers | Self::Back { .. } if is_lost => {
                *self = Self::Lost {
                    denied: BTreeSet::new(),
                };
            }
            Self::Answers | Self::Lost { .. } | Self::Back { .. } => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use hallpass_base::TimeSpan;

    use super::super::tests::{armed, begin, end};
    use super::*;

    const END: &str = "2026-11-20T14:00:00Z";

    /// Which of them are due now, everything else put off for five minutes.
    fn due(memory: &LossMemory, ends: &[ArmedEnd], is_lost: bool, denies: bool) -> Vec<bool> {
        let now = TimeSpan::hours(5).after(begin());
        let later = TimeSpan::minutes(5).after(now);
        let ends = ends.iter().cloned();
        let ends: Vec<ArmedEnd> = ends.map(|end| ArmedEnd { due: later, ..end }).collect();
        let denies = denies.then(|| TimeSpan::minutes(3).before(now));
        let ends = memory.hurry(ends, (is_lost, denies), now);
        ends.iter().map(|end| end.due <= now).collect()
    }

    fn looked(end: &ArmedEnd, is_unasked: bool) -> Vec<LookedAt> {
        vec![LookedAt {
            key: end.key.clone(),
            is_unasked,
        }]
    }

    #[test]
    fn what_is_in_force_is_asked_about_until_each_was_once_it_answers_again() {
        let memory = LossMemory::default();
        let ends = [
            armed(end(1, "Admin", END)),
            armed(end(2, "Admin", END)),
            end(3, "Admin", "2026-11-21T14:00:00Z"),
        ];
        assert_eq!(due(&memory, &ends, false, false), [false, false, false]);
        assert_eq!(due(&memory, &ends, true, false), [false, false, false]);
        memory.looked_at(looked(&ends[0], false));
        // back: whatever was looked at during the loss, nobody was asked
        assert_eq!(due(&memory, &ends, false, false), [true, true, false]);
        memory.looked_at(looked(&ends[0], false));
        // the other's account did not come to its turn in that round
        assert_eq!(due(&memory, &ends, false, false), [false, true, false]);
        memory.looked_at(looked(&ends[1], false));
        assert_eq!(due(&memory, &ends, false, false), [false, false, false]);
        // each was: what begins later comes when it is due
        let newer = [armed(end(4, "Admin", END))];
        assert_eq!(due(&memory, &newer, false, false), [false]);
        // and another loss is another
        assert_eq!(due(&memory, &ends, true, false), [false, false, false]);
        assert_eq!(due(&memory, &ends, false, false), [true, true, false]);
    }

    #[test]
    fn what_is_overdue_is_denied_once_at_once_while_it_is_lost() {
        let memory = LossMemory::default();
        let ends = [overdue(1), overdue(2)];
        assert_eq!(due(&memory, &ends, true, false), [false, false]);
        // looked at before it was to be denied for the loss
        memory.looked_at(looked(&ends[0], false));
        assert_eq!(due(&memory, &ends, true, true), [true, true]);
        memory.looked_at(looked(&ends[0], true));
        assert_eq!(due(&memory, &ends, true, true), [false, true]);
        // no longer denied for that, and then again
        assert_eq!(due(&memory, &ends, true, false), [false, false]);
        assert_eq!(due(&memory, &ends, true, true), [true, true]);
    }

    /// An end that came, of somebody who was seen to hold it in no other way a moment before the loss.
    fn overdue(user: u32) -> ArmedEnd {
        ArmedEnd {
            alone_at: Some(TimeSpan::minutes(296).after(begin())),
            ..end(user, "Admin", END)
        }
    }
}
