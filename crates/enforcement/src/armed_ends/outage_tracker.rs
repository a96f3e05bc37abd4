//! Handles an AWS Organizations outage: queries one account every few seconds, and after an answer
//! all waiting ones.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use hallpass_base::{TimeSpan, Timestamp};

use super::ArmedEnd;

const ASK_EVERY: TimeSpan = TimeSpan::seconds(5);

pub(super) struct Silence(Mutex<Heard>);

struct Heard {
    /// The last attempt failed, or there was none.
    is_silent: bool,
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
    pub(super) fn note(&self, has_answered: bool) {
        let mut heard = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        heard.is_news = has_answered && (heard.is_news || heard.is_silent);
        heard.is_silent = !has_answered;
    }

    /// Makes waiting ends due: of one account during the outage, of all after it.
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
