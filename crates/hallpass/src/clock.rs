//! The one place where the binary asks the system what time it is.

use hallpass_model::{Clock, Timestamp};

/// The system's clock, UTC.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct SystemClock;

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
pub(crate) fn now() -> Timestamp {
    SystemClock.now()
}
