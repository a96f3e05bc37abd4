//! Rates and quotas (`simulator.md` §2.8). Buckets run on virtual time and are not durable.

use std::collections::BTreeMap;

use super::{
    call::{ApiError, ErrorClass, SimService},
    oidc,
    table::Millis,
};
use crate::organization::Limit;

/// Outstanding asynchronous writes of an instance; not raisable (service quotas page).
pub(crate) const OUTSTANDING: usize = 10;
/// Permission sets of an instance.
pub(crate) const PERMISSION_SETS: usize = 3_500;
/// Permission sets provisioned in one account.
pub(crate) const PROVISIONED_PER_ACCOUNT: usize = 500;
/// Managed policies attached to one permission set.
pub(crate) const MANAGED_PER_SET: usize = 20;
/// Users, and groups, of an identity store.
pub(crate) const DIRECTORY: usize = 100_000;

/// A token bucket.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Bucket {
    tokens: f64,
    at: Millis,
}

impl Bucket {
    /// A full bucket.
    pub(crate) fn full(burst: f64, now: Millis) -> Self {
        Self {
            tokens: burst,
            at: now,
        }
    }

    /// Takes a token if there is one; a refused call costs nothing.
    #[expect(
        clippy::cast_precision_loss,
        reason = "milliseconds between two calls are few"
    )]
    pub(crate) fn take(&mut self, rate: f64, burst: f64, now: Millis) -> bool {
        let elapsed = now.saturating_sub(self.at).max(0) as f64 / 1000.0;
        self.tokens = elapsed.mul_add(rate, self.tokens).min(burst);
        self.at = self.at.max(now);
        let taken = self.tokens >= 1.0;
        if taken {
            self.tokens -= 1.0;
        }
        taken
    }

    /// Whole seconds until there is a token again, as of the last try.
    pub(crate) fn wait_seconds(&self, rate: f64) -> u64 {
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

/// All buckets by name.
pub(crate) type Buckets = BTreeMap<String, Bucket>;

/// Which bucket a call draws from.
pub(crate) struct Draw {
    /// Name of the bucket.
    pub bucket: String,
    /// Tokens a second.
    pub rate: f64,
    /// Tokens at most.
    pub burst: f64,
}

/// The bucket of a call.
pub(crate) fn draw(
    service: SimService,
    operation: &str,
    account: &str,
    region: &str,
    limits: &BTreeMap<String, Limit>,
) -> Draw {
    let reads = ["Describe", "List", "Get"]
        .iter()
        .any(|verb| operation.starts_with(verb));
    let (bucket, rate, burst) = match service {
        SimService::Sso => ("sso".to_owned(), 20.0, 20.0),
        SimService::IdentityStore => ("identitystore".to_owned(), 20.0, 20.0),
        SimService::Organizations if reads => {
            (format!("organizations/reads/{account}"), 10.0, 20.0)
        }
        SimService::Organizations => (format!("organizations/writes/{account}"), 3.0, 3.0),
        SimService::Sts => (format!("sts/{account}/{region}"), 600.0, 600.0),
        SimService::Iam => (format!("iam/{account}"), 100.0, 100.0),
        SimService::Ec2 => (format!("ec2/{account}/{region}"), 20.0, 100.0),
        SimService::S3 => (format!("s3/{account}"), 100.0, 100.0),
        SimService::SsoOidc => ("sso-oauth".to_owned(), 20.0, 20.0),
        SimService::SsoPortal => ("awsssoportal".to_owned(), 20.0, 20.0),
    };
    let own = limits
        .get(service.signing_name())
        .copied()
        .unwrap_or_default();
    let rate = own.rate.unwrap_or(rate);
    Draw {
        bucket,
        rate,
        burst: own.burst.unwrap_or(burst).max(1.0),
    }
}

/// The service's own throttle error.
pub(crate) fn throttled(service: Option<SimService>, named: bool) -> ApiError {
    let error = match service {
        Some(SimService::Organizations) => ApiError::new(
            "TooManyRequestsException",
            "AWS Organizations can't complete your request because another request is already in \
             progress. Try again later.",
        ),
        Some(SimService::Sts | SimService::Iam) | None => {
            ApiError::new("Throttling", "Rate exceeded")
        }
        Some(SimService::Ec2) => {
            ApiError::new("RequestLimitExceeded", "Request limit exceeded.").status(503)
        }
        Some(SimService::S3) => {
            ApiError::new("SlowDown", "Please reduce your request rate.").status(503)
        }
        Some(SimService::IdentityStore) => {
            ApiError::new("ThrottlingException", "Rate exceeded").with("RetryAfterSeconds", 1)
        }
        Some(SimService::Sso) => ApiError::new("ThrottlingException", "Rate exceeded"),
        Some(SimService::SsoPortal) => {
            ApiError::new("TooManyRequestsException", "Rate exceeded").status(429)
        }
        Some(SimService::SsoOidc) => oidc::refused("SlowDownException", "Rate exceeded"),
    };
    let error = error.class(ErrorClass::Throttled);
    if named { error } else { error.status(429) }
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
