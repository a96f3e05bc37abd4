//! Concurrency and deadline of runs over accounts.

use std::time::{Duration, Instant};

use async_trait::async_trait;
use hallpass_plans::fanout::Wait;

pub const PER_ACCOUNT: usize = 8;
pub const NOT_THERE: [&str; 3] = [
    "OrganizationalUnitNotFoundException",
    "ParentNotFoundException",
    "InvalidInputException",
];

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
        let at = self.0 + Duration::from_millis(at_ms);
        tokio::time::sleep_until(at.into()).await;
    }
}
