//! The reference life of a grant with its legal transitions. The real steps must conform to it.

use hallpass_assignments::OperationKind;
use hallpass_audit::Event;
use hallpass_base::Timestamp;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Told {
    Approved,
    Granted,
    Failed,
    Ending,
    Ended,
}

/// Outcomes that the model must reach.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Reached {
    Failed,
    Ended,
    /// The access existed before, and stays.
    Stood,
    /// Removed outside Hallpass.
    Lost,
    CreateRepeated,
    RemovalRepeated,
    NothingToRemove,
    /// A create took effect after the reported end, and was removed.
    EndRepeated,
}

#[derive(Clone, Debug)]
pub(super) struct Story {
    pub(super) told: Told,
    pub(super) over_at: Option<Timestamp>,
    stood_before: bool,
    was_lost: bool,
    /// One create, and another if the access was lost.
    creates: u32,
    removals: u32,
}

impl Story {
    pub(super) fn new(stood_before: bool) -> Self {
        Self {
            told: Told::Approved,
            over_at: None,
            stood_before,
            was_lost: false,
            creates: 0,
            removals: 0,
        }
    }

    pub(super) fn sends(
        &mut self,
        kind: OperationKind,
        now: Timestamp,
        ends_at: Timestamp,
    ) -> Result<(), String> {
        match kind {
            OperationKind::Create if self.stood_before => {
                Err("a create of what stood before".to_owned())
            }
            OperationKind::Create if now >= ends_at => Err("a create after the end".to_owned()),
            OperationKind::Create if self.told != Told::Approved => {
                Err(format!("a create after the reported {:?}", self.told))
            }
            OperationKind::Create => {
                self.creates += 1;
                Ok(())
            }
            OperationKind::Delete if self.stood_before => {
                Err("a removal of what stood before".to_owned())
            }
            OperationKind::Delete if self.creates == 0 => {
                Err("a removal of what is not ours".to_owned())
            }
            OperationKind::Delete if self.told == Told::Granted && now < ends_at => {
                Err("a removal of what is held".to_owned())
            }
            OperationKind::Delete => {
                self.removals += 1;
                Ok(())
            }
        }
    }

    pub(super) fn hears(&mut self, event: Event, now: Timestamp) -> Result<(), String> {
        let next = match (self.told, event) {
            (Told::Approved, Event::GrantSucceeded) => Told::Granted,
            (Told::Approved, Event::GrantFailed) => Told::Failed,
            (Told::Approved | Told::Granted, Event::EndStarted) => Told::Ending,
            (Told::Ending, Event::EndSucceeded) => Told::Ended,
            (Told::Ending, Event::EndFailed | Event::EndStuck)
            | (Told::Granted, Event::DriftMissing) => self.told,
            (told, event) => return Err(format!("{} after {told:?}", event.name())),
        };
        self.was_lost |= event == Event::DriftMissing;
        if matches!(next, Told::Failed | Told::Ended) {
            self.over_at.get_or_insert(now);
        }
        self.told = next;
        Ok(())
    }

    pub(super) fn reached(&self, removed_again: bool) -> Vec<Reached> {
        let all = [
            (Reached::Failed, self.told == Told::Failed),
            (Reached::Ended, self.told == Told::Ended),
            (Reached::Stood, self.stood_before),
            (Reached::Lost, self.was_lost),
            (Reached::CreateRepeated, self.creates > 1),
            (Reached::RemovalRepeated, self.removals > 1),
            (
                Reached::NothingToRemove,
                self.removals == 0 && !self.stood_before,
            ),
            (Reached::EndRepeated, removed_again),
        ];
        let reached = all.into_iter().filter(|(_, is_so)| *is_so);
        reached.map(|(what, _)| what).collect()
    }

    pub(super) fn is_over(&self) -> bool {
        self.over_at.is_some()
    }
}
