//! AWS Organizations that does not answer: one account is asked again every few seconds, and once there is an answer, all that
//! waited for one are.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use hallpass_base::{TimeSpan, Timestamp};

use super::ArmedEnd;

/// Between two questions while there are no answers, and between two times that all are asked.
const ASK_EVERY: TimeSpan = TimeSpan::seconds(5);

/// Whether AWS answers.
pub(super) struct Silence(Mutex<Heard>);

struct Heard {
    /// Nothing was heard at the last try, or nobody has tried yet.
    is_silent: bool,
    /// It answered after a silence, and whoever waited for that was not asked about yet.
    is_news: bool,
    asked_at: Option<Timestamp>,
}

impl Default for Silence {
    fn default() -> Self {
        Self(Mutex::new(Heard {
            is_silent: true,
            is_news: false,
            asked_at: None,
        }))
    }
}

impl Silence {
    /// Whether AWS answered about an account.
    pub(super) fn note(&self, has_answered: bool) {
        let mut heard = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        heard.is_news = has_answered && (heard.is_news || heard.is_silent);
        heard.is_silent = !has_answered;
    }

    /// Makes due what waits for an answer of AWS: that of one account while there is none, that of all once there is.
    pub(super) fn ask_again(&self, accounts: &mut BTreeMap<String, Vec<ArmedEnd>>, now: Timestamp) {
        let mut heard = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let rests = heard.asked_at.is_some_and(|at| ASK_EVERY.covers(at, now));
        if rests || !(heard.is_silent || heard.is_news) {
            return;
        }
        let first = |ends: &[ArmedEnd]| {
            let waiting = ends.iter().filter(|end| end.awaits_answer());
            waiting.map(|end| end.due).min()
        };
        let waiting = accounts.iter_mut().filter_map(|(account, ends)| {
            let due = first(ends)?;
            Some(((due, account), ends))
        });
        let mut waiting: Vec<_> = waiting.collect();
        waiting.sort_by_key(|(turn, _)| *turn);
        let most = if heard.is_news { usize::MAX } else { 1 };
        let asked = waiting.into_iter().take(most).flat_map(|(_, ends)| ends);
        for end in asked.filter(|end| end.awaits_answer()) {
            end.due = end.due.min(now);
            heard.asked_at = Some(now);
        }
        heard.is_news = false;
    }
}
