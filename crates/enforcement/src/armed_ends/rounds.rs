//! Order and time limit of accounts in a round. AWS calls are slow and accounts need several, so
//! urgent and regular accounts share the time. Pure.

use std::collections::{BTreeMap, VecDeque};

use hallpass_base::{TimeSpan, Timestamp};

use super::ArmedEnd;
use super::wanted::{Hurry, hurry};

/// A round starts no further account after this, except the first regular one: the next round reads
/// fresh state.
const ROUND_MAX: TimeSpan = TimeSpan::seconds(5);
/// Consecutive accounts without an AWS response that end a round: each would time out.
const SILENT_MAX: u32 = 2;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Heard {
    Something,
    Nothing,
}

type AccountTurn = (String, Vec<ArmedEnd>);

/// Accounts with ends just before denial come first, then those due immediately; within a class by
/// due time.
pub(super) struct Round {
    urgent: VecDeque<AccountTurn>,
    others: VecDeque<AccountTurn>,
    until: Timestamp,
    has_shared: bool,
    silent_in_a_row: u32,
    heard: Option<Heard>,
}

impl Round {
    /// `denies`: since when the home Region is lost, if overdue ends are denied for it.
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
        // stable: equal due times stay in account order
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

    /// Notes a result. After one timeout the others still get their time: it may concern only this
    /// account.
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

    pub(super) fn heard(&self) -> Option<Heard> {
        self.heard
    }

    pub(super) fn left(self) -> impl Iterator<Item = AccountTurn> + Send {
        self.urgent.into_iter().chain(self.others)
    }
}
