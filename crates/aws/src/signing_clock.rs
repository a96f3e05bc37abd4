//! The time that requests are signed by: our clock's, until AWS refuses one for its time and says its own.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, SystemTime};

use hallpass_base::Clock;

/// How far our clock may be from AWS's before signatures are made by AWS's, in seconds.
const SKEW_MAX: i64 = 3_600 * 24 * 365;

/// Our clock, put right by what AWS says.
pub(crate) struct SigningClock {
    clock: Arc<dyn Clock>,
    /// Seconds that AWS's clock is ahead of ours, once it said so.
    skew: AtomicI64,
}

impl SigningClock {
    pub(crate) fn new(clock: Arc<dyn Clock>) -> Self {
        Self {
            clock,
            skew: AtomicI64::new(0),
        }
    }

    /// The instant by AWS's clock, as far as it is known.
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

/// Whether a refusal is about our clock (AWS, Signature Version 4: "Troubleshoot").
pub(crate) fn is_about_time(code: &str, message: &str) -> bool {
    match code {
        "RequestTimeTooSkewed" | "RequestExpired" => true,
        "InvalidSignatureException" | "SignatureDoesNotMatch" => {
            message.contains("Signature expired") || message.contains("not yet current")
        }
        _ => false,
    }
}

/// Seconds since 1970 of an HTTP date.
pub(crate) fn read_http_date(text: &str) -> Option<i64> {
    let at = jiff::fmt::rfc2822::parse(text).ok()?;
    Some(at.timestamp().as_second())
}
