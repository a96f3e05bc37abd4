//! Decides the retry of notices that Slack refused.

use std::sync::PoisonError;

use hallpass_access::Delivery;
use hallpass_base::{TimeSpan, Timestamp};

use crate::slack::SlackError;
use crate::slack::app::Slack;
use crate::slack::deliver::PostError;
use crate::slack::fault::LimitedSpan;

/// A notice is dropped after this long of rate limiting: the state is stored, and the next notice
/// shows it (`access.md` §11.1).
const LIMITED_FOR: TimeSpan = TimeSpan::minutes(10);
/// Retry period for errors of the Slack setup.
pub(crate) const REFUSED_FOR: TimeSpan = TimeSpan::hours(8);
const PAUSE: TimeSpan = TimeSpan::seconds(15);
/// Retry pause while the Slack setup needs a fix.
pub(crate) const LONG_PAUSE: TimeSpan = TimeSpan::minutes(1);

impl Slack {
    /// Decides about a notice from `at` after this many attempts.
    pub(crate) fn judge(
        &self,
        told: Result<(), PostError>,
        at: Timestamp,
        attempts: u32,
    ) -> Delivery {
        let Err(error) = told else {
            *self.limited() = None;
            return Delivery::Done;
        };
        let age = TimeSpan::between(at, self.now());
        let why = error.to_string();
        let again = |after: TimeSpan| Delivery::Again {
            after,
            why: why.clone(),
        };
        match &error {
            PostError::Slack(SlackError::Limited { after, .. }) => {
                let limited_for = self.limited_once_more(*after);
                if limited_for.min(age) >= LIMITED_FOR || age >= REFUSED_FOR {
                    return Delivery::GaveUp { why };
                }
                again(*after)
            }
            PostError::Memory(_) => again(PAUSE),
            PostError::Slack(error) if error.is_passing() => {
                again(TimeSpan::seconds(2 << attempts.min(5)).min(LONG_PAUSE))
            }
            PostError::Slack(error) if error.is_ours() || age >= REFUSED_FOR => {
                Delivery::GaveUp { why }
            }
            PostError::Slack(_) => again(LONG_PAUSE),
        }
    }

    /// Notes a rate limit; returns its duration so far.
    fn limited_once_more(&self, after: TimeSpan) -> TimeSpan {
        let now = self.now();
        let mut limited = self.limited();
        let span = LimitedSpan::once_more(*limited, now, after);
        *limited = Some(span);
        span.length(now)
    }

    fn limited(&self) -> std::sync::MutexGuard<'_, Option<LimitedSpan>> {
        let limited = self.inner.limited.lock();
        limited.unwrap_or_else(PoisonError::into_inner)
    }
}
