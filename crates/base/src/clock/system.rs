use crate::{Clock, Timestamp};

use crate::clock::HonestClock;

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

pub fn now() -> Timestamp {
    SystemClock.now()
}

/// The system's time, checked against its monotonic clock and AWS's answers.
pub type ProcessClock = HonestClock<SystemClock>;
