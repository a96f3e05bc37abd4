//! The signing time: the own clock's, until AWS refuses it and returns its time.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, SystemTime};

use hallpass_base::Clock;

const SKEW_MAX: i64 = 3_600 * 24 * 365;

pub(crate) struct SigningClock {
    clock: Arc<dyn Clock>,
    skew: AtomicI64,
}

impl SigningClock {
    pub(crate) fn new(clock: Arc<dyn Clock>) -> Self {
        Self {
            clock,
            skew: AtomicI64::new(0),
        }
    }

    pub(crate) fn now(&self) -> SystemTime {
        let now = SystemTime::from(self.clock.now());
        let skew = self.skew.load(Ordering::Relaxed);
        let by = Duration::from_secs(skew.unsigned_abs());
        if skew < 0 { now - by } else { now + by }
    }

    /// Learns from the `Date` of a refusal, in seconds since 1970.
    pub(crate) fn learn(&self, theirs: i64) {
        let skew = theirs.saturating_sub(self.clock.now().as_second());
        let skew = skew.clamp(-SKEW_MAX, SKEW_MAX);
        self.skew.store(skew, Ordering::Relaxed);
        tracing::warn!(
            skew_s = skew,
            "our clock is not AWS's; requests are signed by AWS's"
        );
    }
}

/// Whether a refusal is about clock skew (AWS, Signature Version 4: "Troubleshoot").
pub(crate) fn is_about_time(code: &str, message: &str) -> bool {
    match code {
        "RequestTimeTooSkewed" | "RequestExpired" => true,
        "InvalidSignatureException" | "SignatureDoesNotMatch" => {
            message.contains("Signature expired") || message.contains("not yet current")
        }
        _ => false,
    }
}

pub(crate) fn read_http_date(text: &str) -> Option<i64> {
    let at = jiff::fmt::rfc2822::parse(text).ok()?;
    Some(at.timestamp().as_second())
}
