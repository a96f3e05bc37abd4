//! In which order a round tends accounts, and for how long. A call of AWS takes its time, and every account takes several:
//! whoever is in a hurry is not kept waiting for all the others, nor all the others for them. Pure.

use std::collections::{BTreeMap, VecDeque};

use hallpass_model::{TimeSpan, Timestamp};

use super::ArmedEnd;
use super::wanted::is_urgent;

/// A round begins no other account after this, but for the first of those that are in no hurry: the next one reads anew what is.
const ROUND_MAX: TimeSpan = TimeSpan::seconds(5);
/// Accounts in a row of which AWS says nothing, after which a round asks about no other: each would only be waited for.
const SILENT_MAX: u32 = 2;

/// Whether AWS said anything of an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Heard {
    Something,
    Nothing,
}

type AccountTurn = (String, Vec<ArmedEnd>);

/// The accounts that a round tends: those first that have an end in a hurry, and of each kind by how long an end of theirs has
/// been due.
pub(super) struct Round {
    urgent: VecDeque<AccountTurn>,
    others: VecDeque<AccountTurn>,
    until: Timestamp,
    /// Whether one that is in no hurry had its turn.
    has_shared: bool,
    silent_in_a_row: u32,
    /// Whether AWS said anything of any account; `None` before the first.
    heard: Option<Heard>,
}

impl Round {
    pub(super) fn new(accounts: BTreeMap<String, Vec<ArmedEnd>>, now: Timestamp) -> Self {
        let is_in_a_hurry = |end: &ArmedEnd| end.due <= now && is_urgent(end, now);
        let mut turns: Vec<AccountTurn> = accounts.into_iter().collect();
        // stable: those that have been due as long go by their numbers
        turns.sort_by_key(|(_, ends)| ends.iter().map(|end| end.due).min());
        let (urgent, others): (Vec<_>, Vec<_>) = turns
            .into_iter()
            .partition(|(_, ends)| ends.iter().any(is_in_a_hurry));
        Self {
            urgent: urgent.into(),
            others: others.into(),
            until: ROUND_MAX.after(now),
            has_shared: false,
            silent_in_a_row: 0,
            heard: None,
        }
    }

    /// Whose turn it is.
    pub(super) fn next(&mut self, now: Timestamp) -> Option<AccountTurn> {
        if self.silent_in_a_row >= SILENT_MAX {
            return None;
        }
        if now < self.until
            && let Some(turn) = self.urgent.pop_front()
        {
            return Some(turn);
        }
        if now < self.until || !self.has_shared {
            self.has_shared = true;
            return self.others.pop_front();
        }
        None
    }

    /// What came of a turn. One silence gives the others their time all the same: it may be about this account alone.
    pub(super) fn note(&mut self, heard: Heard, now: Timestamp) {
        match heard {
            Heard::Something => {
                self.silent_in_a_row = 0;
                self.heard = Some(Heard::Something);
            }
            Heard::Nothing => {
                self.silent_in_a_row += 1;
                if self.heard.is_none() {
                    self.until = ROUND_MAX.after(now);
                    self.heard = Some(Heard::Nothing);
                }
            }
        }
    }

    /// Whether AWS said anything; `None` where nobody was asked about.
    pub(super) fn heard(&self) -> Option<Heard> {
        self.heard
    }

    /// Those that had no turn.
    pub(super) fn left(self) -> impl Iterator<Item = AccountTurn> + Send {
        self.urgent.into_iter().chain(self.others)
    }
}
