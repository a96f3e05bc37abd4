//! How runs over accounts go, whatever they ask: how much at once, by which time.

use std::time::{Duration, Instant};

use async_trait::async_trait;
use hallpass_plans::fanout::Wait;

/// Calls in flight inside one account.
pub const PER_ACCOUNT: usize = 8;
/// Codes that say that what was named is not there.
pub const NOT_THERE: [&str; 3] = [
    "OrganizationalUnitNotFoundException",
    "ParentNotFoundException",
    "InvalidInputException",
];

/// Milliseconds since the run began.
pub struct MonotonicTime(Instant);

impl MonotonicTime {
    pub fn begin() -> Self {
        Self(Instant::now())
    }
}

#[async_trait]
impl Wait for MonotonicTime {
    fn now_ms(&self) -> u64 {
        u64::try_from(self.0.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    async fn until_ms(&self, at_ms: u64) {
        // a millisecond is counted when it is over
        let at = self.0 + Duration::from_millis(at_ms);
        tokio::time::sleep_until(at.into()).await;
    }
}
