//! The one place where the system is asked what time it is.

use crate::{Clock, Timestamp};

use crate::clock::HonestClock;

/// The system's clock, UTC.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(
        clippy::disallowed_methods,
        reason = "this is the driver's clock; everything else gets `now` from here"
    )]
    fn now(&self) -> Timestamp {
        Timestamp::now()
    }
}

/// The current instant by the system's clock.
pub fn now() -> Timestamp {
    SystemClock.now()
}

/// The time of a process: that of the system, held against its monotonic clock and AWS's answers.
pub type ProcessClock = HonestClock<SystemClock>;
