//! Whether IAM Identity Center can use its customer managed key (`access.md` §22, R-2). Every call
//! that needs the key shows it, so one answer suffices.

use std::sync::{Mutex, MutexGuard, PoisonError};

use hallpass_base::{TimeSpan, Timestamp};

/// Delay until an active check after a key error: no other call may need the key for minutes.
const ASKED_AGAIN: TimeSpan = TimeSpan::seconds(5);

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnusableKey {
    pub since: Timestamp,
    /// AWS's last reason, such as `KMS_DisabledException`; never its message, which names keys and
    /// callers.
    pub words: String,
    pub(crate) last: Timestamp,
}

#[derive(Debug, Default)]
pub(crate) struct KeyWatch(Mutex<Option<UnusableKey>>);

impl KeyWatch {
    pub(crate) fn refused(&self, now: Timestamp, words: &str) {
        let mut trouble = self.trouble();
        let since = trouble.as_ref().map_or(now, |it| it.since.min(now));
        *trouble = Some(UnusableKey {
            since,
            words: words.to_owned(),
            last: now,
        });
    }

    /// Records an answer that proves access to the data.
    pub(crate) fn used(&self) {
        *self.trouble() = None;
    }

    /// `None` while usable or unknown.
    pub(crate) fn unusable(&self) -> Option<UnusableKey> {
        self.trouble().clone()
    }

    /// Whether an active check of an unusable key is due.
    pub(crate) fn is_to_be_asked(&self, now: Timestamp) -> bool {
        let is_old = |it: &UnusableKey| ASKED_AGAIN.after(it.last) <= now || now < it.last;
        self.trouble().as_ref().is_some_and(is_old)
    }

    fn trouble(&self) -> MutexGuard<'_, Option<UnusableKey>> {
        // every change is complete
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_000_000 + second).unwrap()
    }

    #[test]
    fn a_refusal_begins_it_the_next_use_ends_it_and_the_last_words_are_told() {
        let watch = KeyWatch::default();
        assert_eq!(watch.unusable(), None);
        watch.refused(at(0), "disabled");
        watch.refused(at(5), "pending deletion");
        // a clock set back must not date the start in the future
        watch.refused(at(-1), "gone");
        let words = "gone".to_owned();
        let (since, last) = (at(-1), at(-1));
        let trouble = UnusableKey { since, words, last };
        assert_eq!(watch.unusable(), Some(trouble));
        for (second, is_due) in [(-2, true), (-1, false), (3, false), (4, true)] {
            assert_eq!(watch.is_to_be_asked(at(second)), is_due, "{second}");
        }
        watch.used();
        assert_eq!(watch.unusable(), None);
        assert!(!watch.is_to_be_asked(at(600)));
        watch.refused(at(9), "disabled");
        assert_eq!(watch.unusable().map(|it| it.since), Some(at(9)));
    }
}
