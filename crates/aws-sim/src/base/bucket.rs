//! Token buckets on virtual time. Not durable.

use crate::base::time::Millis;

#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Bucket {
    tokens: f64,
    at: Millis,
}

impl Bucket {
    pub fn full(burst: f64, now: Millis) -> Self {
        Self {
            tokens: burst,
            at: now,
        }
    }

    #[expect(
        clippy::cast_precision_loss,
        reason = "milliseconds between two calls are few"
    )]
    pub fn take(&mut self, rate: f64, burst: f64, now: Millis) -> bool {
        let elapsed = now.saturating_sub(self.at).max(0) as f64 / 1000.0;
        self.tokens = elapsed.mul_add(rate, self.tokens).min(burst);
        self.at = self.at.max(now);
        let taken = self.tokens >= 1.0;
        if taken {
            self.tokens -= 1.0;
        }
        taken
    }

    pub fn wait_seconds(&self, rate: f64) -> u64 {
        let seconds = ((1.0 - self.tokens) / rate).ceil();
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "clamped to an hour"
        )]
        let seconds = seconds.clamp(0.0, 3600.0) as u64;
        seconds
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bucket_refills_with_time_and_refusals_are_free() {
        let mut bucket = Bucket::full(2.0, 0);
        let taken: Vec<bool> = [0, 0, 0, 499, 500, 500]
            .iter()
            .map(|now| bucket.take(2.0, 2.0, *now))
            .collect();
        assert_eq!(taken, [true, true, false, false, true, false]);
    }
}
