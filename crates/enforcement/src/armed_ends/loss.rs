//! State for a lost home Region: ends checked because of it, and the fact that other access could
//! not be checked.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, MutexGuard, PoisonError};

use hallpass_base::{HoldKey, Timestamp};

use super::ArmedEnd;
use super::other_access::Otherwise;

pub(super) struct LookedAt {
    key: HoldKey,
    /// To be denied without checking other access.
    is_unasked: bool,
}

impl LookedAt {
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

#[derive(Default)]
pub(super) struct LossMemory(Mutex<Memory>);

#[derive(Default)]
enum Memory {
    #[default]
    Answers,
    /// Lost. Later ends come when they are due.
    Lost { denied: BTreeSet<HoldKey> },
    /// Recovered, with the ends checked since. Others were not checked for other access meanwhile.
    Back { looked_at: BTreeSet<HoldKey> },
}

impl LossMemory {
    /// Makes overdue ends due immediately during the loss, and ends in force after recovery.
    /// `denies`: since when overdue ends are denied for the loss.
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
        assert_eq!(due(&memory, &ends, false, false), [true, true, false]);
        memory.looked_at(looked(&ends[0], false));
        assert_eq!(due(&memory, &ends, false, false), [false, true, false]);
        memory.looked_at(looked(&ends[1], false));
        assert_eq!(due(&memory, &ends, false, false), [false, false, false]);
        let newer = [armed(end(4, "Admin", END))];
        assert_eq!(due(&memory, &newer, false, false), [false]);
        assert_eq!(due(&memory, &ends, true, false), [false, false, false]);
        assert_eq!(due(&memory, &ends, false, false), [true, true, false]);
    }

    #[test]
    fn what_is_overdue_is_denied_once_at_once_while_it_is_lost() {
        let memory = LossMemory::default();
        let ends = [overdue(1), overdue(2)];
        assert_eq!(due(&memory, &ends, true, false), [false, false]);
        memory.looked_at(looked(&ends[0], false));
        assert_eq!(due(&memory, &ends, true, true), [true, true]);
        memory.looked_at(looked(&ends[0], true));
        assert_eq!(due(&memory, &ends, true, true), [false, true]);
        assert_eq!(due(&memory, &ends, true, false), [false, false]);
        assert_eq!(due(&memory, &ends, true, true), [true, true]);
    }

    fn overdue(user: u32) -> ArmedEnd {
        ArmedEnd {
            alone_at: Some(TimeSpan::minutes(296).after(begin())),
            ..end(user, "Admin", END)
        }
    }
}
