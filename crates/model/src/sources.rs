//! Time and randomness come in through these, so that every run can be repeated.

use jiff::Timestamp;
use uuid::Uuid;

/// Tells the time. Held by drivers only; decisions take `now` as an argument.
pub trait Clock: Send + Sync {
    /// The current instant, UTC.
    fn now(&self) -> Timestamp;
}

/// Makes identifiers. Held by drivers only.
pub trait IdSource: Send + Sync {
    /// A fresh UUID v7 (RFC 9562) for the instant `now`.
    fn next(&self, now: Timestamp) -> Uuid;
}

impl<T: Clock + ?Sized> Clock for std::sync::Arc<T> {
    fn now(&self) -> Timestamp {
        (**self).now()
    }
}

impl<T: IdSource + ?Sized> IdSource for std::sync::Arc<T> {
    fn next(&self, now: Timestamp) -> Uuid {
        (**self).next(now)
    }
}
