//! Writes that must not be retried after a missing answer (`organization.md` V-9, D-9). Others are
//! idempotent by a token, a name or the wanted form. The client never retries a write; this is for
//! callers that resend after an unknown outcome.

use std::time::Duration;

use hallpass_base::{TimeSpan, Timestamp};
use hallpass_plans::{Class, Retry, SentBefore, StepError};

/// A call that creates another resource each time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum UnsafeWrite {
    /// `organizations:CreateAccount`: there is no idempotency token.
    CreateAccount,
    /// `devops-guru:AddNotificationChannel`: a second channel to the same topic.
    AddNotificationChannel,
}

impl UnsafeWrite {
    const fn name(self) -> &'static str {
        match self {
            Self::CreateAccount => "CreateAccount",
            Self::AddNotificationChannel => "AddNotificationChannel",
        }
    }

    /// Time after sending before an empty listing is trusted: a timed-out call may still be
    /// applied, and listings lag.
    const fn shows_after(self) -> TimeSpan {
        match self {
            Self::CreateAccount => TimeSpan::seconds(8),
            Self::AddNotificationChannel => TimeSpan::seconds(10),
        }
    }

    /// Checks if a sent call may be repeated when a look finds no effect.
    ///
    /// # Errors
    /// Look again later, as long as an effect may be invisible.
    pub(crate) fn may_repeat(self, sent: &SentBefore, now: Timestamp) -> Result<(), StepError> {
        let Some(last) = sent.at.last().filter(|_| sent.in_this_run) else {
            return Ok(());
        };
        let shows = self.shows_after().after(*last);
        if now >= shows {
            return Ok(());
        }
        let left = TimeSpan::between(now, shows).as_seconds().max(1);
        let why = format!(
            "the result of `{}` is not known; it is checked before a retry",
            self.name()
        );
        Err(StepError::Retry(Retry {
            after: Some(Duration::from_secs(left)),
            ..Retry::new(Class::Throttle, why)
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_write_of_unknown_outcome_is_looked_for_until_it_would_show() {
        let now: Timestamp = "2026-03-02T10:05:00Z".parse().unwrap();
        for call in [
            UnsafeWrite::CreateAccount,
            UnsafeWrite::AddNotificationChannel,
        ] {
            let seconds = call.shows_after().as_seconds();
            for (age, in_this_run, may) in [
                (0, true, false),
                (seconds - 1, true, false),
                (seconds, true, true),
                (0, false, true),
            ] {
                let at = TimeSpan::seconds(age).before(now);
                let sent = SentBefore {
                    at: vec![at],
                    in_this_run,
                    ..SentBefore::default()
                };
                let answer = call.may_repeat(&sent, now);
                assert_eq!(answer.is_ok(), may, "{call:?} {age} {in_this_run}");
            }
            assert!(call.may_repeat(&SentBefore::default(), now).is_ok());
        }
    }
}
