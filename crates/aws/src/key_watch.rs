//! Whether IAM Identity Center can use its customer managed key (`access.md` §22, R-2).
//!
//! AWS says so with each call that needs the key, so one answer is enough to know, either way.

use std::sync::{Mutex, MutexGuard, PoisonError};

use hallpass_base::{TimeSpan, Timestamp};

/// How long after an answer that named the key it is asked about again: nobody else may need it for minutes.
const ASKED_AGAIN: TimeSpan = TimeSpan::seconds(5);

/// Since when a service has answered that the key of its data cannot be used, and with which words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnusableKey {
    /// When it said so first.
    pub since: Timestamp,
    /// What it said last: AWS's reason, such as `KMS_DisabledException`; never its message, which names keys and callers.
    pub words: String,
    /// When it said that.
    pub(crate) last: Timestamp,
}

/// What a service last said of the key. Shared by whoever calls it and whoever asks.
#[derive(Debug, Default)]
pub(crate) struct KeyWatch(Mutex<Option<UnusableKey>>);

impl KeyWatch {
    /// A call was refused because of the key.
    pub(crate) fn refused(&self, now: Timestamp, words: &str) {
        let mut trouble = self.trouble();
        let since = trouble.as_ref().map_or(now, |it| it.since.min(now));
        *trouble = Some(UnusableKey {
            since,
            words: words.to_owned(),
            last: now,
        });
    }

    /// A call was answered as only a service can that has its data.
    pub(crate) fn used(&self) {
        *self.trouble() = None;
    }

    /// Since when the key cannot be used; `None` while it can, or nobody has asked.
    pub(crate) fn unusable(&self) -> Option<UnusableKey> {
        self.trouble().clone()
    }

    /// Whether it could not be used when it was asked about last, and that is so long ago that it is worth asking again.
    pub(crate) fn is_to_be_asked(&self, now: Timestamp) -> bool {
        let is_old = |it: &UnusableKey| ASKED_AGAIN.after(it.last) <= now || now < it.last;
        self.trouble().as_ref().is_some_and(is_old)
    }

    fn trouble(&self) -> MutexGuard<'_, Option<UnusableKey>> {
        // every change is whole
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
        // a clock that went back leaves no trouble that begins in the future
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
