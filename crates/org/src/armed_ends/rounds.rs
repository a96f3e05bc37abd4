//! In which order a round tends accounts, and for how long. A call of AWS takes its time, and every account takes several:
//! whoever is in a hurry is not kept waiting for all the others, nor all the others for them. Pure.

use std::collections::{BTreeMap, VecDeque};

use hallpass_base::{TimeSpan, Timestamp};

use super::ArmedEnd;
use super::wanted::{Hurry, hurry};

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

/// The accounts that a round tends: those first that have an end in a hurry, those before that have one to be tended at once, and of
/// each kind by how long an end of theirs has been due.
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
    /// `denies`: since when the home Region is lost, where what is overdue is denied for that.
    pub(super) fn new(
        accounts: BTreeMap<String, Vec<ArmedEnd>>,
        denies: Option<Timestamp>,
        now: Timestamp,
    ) -> Self {
        let of_end = |end: &ArmedEnd| {
            let is_denied = denies.is_some_and(|since| end.is_denied_unasked(since, now));
            let hurry = { is_denied.then_some(Hurry::AtOnce) }.or_else(|| hurry(end, now));
            hurry.filter(|_| end.due <= now)
        };
        let of_account = |ends: &[ArmedEnd]| ends.iter().filter_map(of_end).min();
        let mut turns: Vec<AccountTurn> = accounts.into_iter().collect();
        // stable: those that have been due as long go by their numbers
        turns.sort_by_key(|(_, ends)| ends.iter().map(|end| end.due).min());
        let (mut urgent, others): (Vec<_>, Vec<_>) = turns
            .into_iter()
            .partition(|(_, ends)| of_account(ends).is_some());
        urgent.sort_by_key(|(_, ends)| of_account(ends));
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
