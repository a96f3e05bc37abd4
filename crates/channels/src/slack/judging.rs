//! What becomes of news that Slack did not take: another try and when, or none.

use std::sync::PoisonError;

use hallpass_access::Delivery;
use hallpass_base::{TimeSpan, Timestamp};

use crate::slack::SlackError;
use crate::slack::app::Slack;
use crate::slack::deliver::PostError;
use crate::slack::fault::LimitedSpan;

/// News is given up once Slack has asked us to wait for this long: the state is kept, and the
/// message shows it with the next news (`access.md` §11.1).
const LIMITED_FOR: TimeSpan = TimeSpan::minutes(10);
/// What cannot be posted because of how Slack is set up is tried for this long.
pub(crate) const REFUSED_FOR: TimeSpan = TimeSpan::hours(8);
/// The pause before another try.
const PAUSE: TimeSpan = TimeSpan::seconds(15);
/// The pause when somebody has to set Slack right first.
pub(crate) const LONG_PAUSE: TimeSpan = TimeSpan::minutes(1);

impl Slack {
    /// What becomes of news from `at`, after so many attempts before.
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

    /// Slack asks to wait; for how long it has been doing so.
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
