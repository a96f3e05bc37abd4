use std::collections::HashMap;
use std::collections::hash_map::RandomState;
use std::hash::BuildHasher as _;
use std::net::IpAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::time::Instant;

/// Maximum number of sources; the fullest are forgotten first.
const SOURCES_MAX: usize = 10_000;

pub struct Rates {
    per_second: f64,
    burst: f64,
    /// Seeded hash keys: tokens are not stored, and collisions cannot be crafted.
    hasher: RandomState,
    buckets: Mutex<HashMap<u64, AddressBucket>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum AttemptSource {
    Known(u64),
    Address(Option<IpAddr>),
}

struct AddressBucket {
    left: f64,
    at: Instant,
}

impl Rates {
    pub fn new(per_second: u32, burst: u32) -> Self {
        Self {
            per_second: f64::from(per_second.max(1)),
            burst: f64::from(burst.max(1)),
            hasher: RandomState::new(),
            buckets: Mutex::default(),
        }
    }

    /// `number` per minute, also as one burst.
    pub fn per_minute(number: u32) -> Self {
        let mut rates = Self::new(1, number);
        rates.per_second = f64::from(number.max(1)) / 60.0;
        rates
    }

    /// Registers the secret of a valid token or session as a source of its calls.
    pub(crate) fn remember(&self, secret: &str) {
        let source = self.of_secret(secret);
        self.with_room_for(source)
            .entry(source)
            .or_insert_with(|| AddressBucket {
                left: self.burst,
                at: Instant::now(),
            });
    }

    pub(crate) fn attempts_of(&self, what: &str, source: AttemptSource) -> u64 {
        self.hasher.hash_one((what, source))
    }

    fn of_secret(&self, secret: &str) -> u64 {
        self.hasher.hash_one(("secret", secret))
    }

    pub(crate) fn known(&self, secrets: &[&str]) -> Option<u64> {
        let buckets = self.buckets.lock().unwrap_or_else(PoisonError::into_inner);
        let mut sources = secrets.iter().map(|secret| self.of_secret(secret));
        sources.find(|source| buckets.contains_key(source))
    }

    /// Returns the address source. Unknown secrets and none have separate buckets, so anonymous
    /// calls do not block a session not registered yet.
    pub(crate) fn unknown(&self, secrets: &[&str], address: Option<IpAddr>) -> u64 {
        self.hasher.hash_one((secrets.is_empty(), address))
    }

    fn with_room_for(&self, source: u64) -> MutexGuard<'_, HashMap<u64, AddressBucket>> {
        let now = Instant::now();
        let mut buckets = self.buckets.lock().unwrap_or_else(PoisonError::into_inner);
        if buckets.len() >= SOURCES_MAX && !buckets.contains_key(&source) {
            let (rate, burst) = (self.per_second, self.burst);
            buckets.retain(|_, bucket| bucket.filled(rate, burst, now) < burst);
            if buckets.len() >= SOURCES_MAX {
                buckets.clear();
            }
        }
        buckets
    }

    pub(crate) fn take(&self, source: u64, now: Instant) -> bool {
        let mut buckets = self.with_room_for(source);
        let bucket = buckets.entry(source).or_insert(AddressBucket {
            left: self.burst,
            at: now,
        });
        bucket.left = bucket.filled(self.per_second, self.burst, now);
        bucket.at = now;
        let allowed = bucket.left >= 1.0;
        if allowed {
            bucket.left -= 1.0;
        }
        allowed
    }
}

impl AddressBucket {
    fn filled(&self, rate: f64, burst: f64, now: Instant) -> f64 {
        (self.left + now.duration_since(self.at).as_secs_f64() * rate).min(burst)
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_burst_then_the_rate_for_each_source_by_itself() {
        let (rates, start) = (Rates::new(50, 100), Instant::now());
        assert!((0..100).all(|_| rates.take(1, start)));
        assert!(!rates.take(1, start));
        assert!(rates.take(2, start), "another source is not held up");
        let later = start + Duration::from_secs(1);
        assert_eq!((0..200).filter(|_| rates.take(1, later)).count(), 50);
    }

    #[test]
    fn tries_are_counted_by_the_minute() {
        let (rates, start) = (Rates::per_minute(10), Instant::now());
        assert_eq!((0..20).filter(|_| rates.take(1, start)).count(), 10);
        let later = start + Duration::from_secs(30);
        assert_eq!((0..20).filter(|_| rates.take(1, later)).count(), 5);
    }

    const ADDRESS: Option<IpAddr> = Some(IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1)));

    fn is_allowed(rates: &Rates, secrets: &[&str], address: Option<IpAddr>, now: Instant) -> bool {
        let source = rates.known(secrets);
        rates.take(
            source.unwrap_or_else(|| rates.unknown(secrets, address)),
            now,
        )
    }

    #[test]
    fn made_up_secrets_count_for_their_address() {
        let (rates, now) = (Rates::new(50, 100), Instant::now());
        let tries =
            (0..500).filter(|number| is_allowed(&rates, &[&number.to_string()], ADDRESS, now));
        assert_eq!(tries.count(), 100);
        rates.remember("7");
        assert!(
            is_allowed(&rates, &["7"], ADDRESS, now),
            "one that counts is another source"
        );
        assert!(is_allowed(&rates, &["made up", "7"], ADDRESS, now));
    }

    #[test]
    fn calls_without_a_secret_use_nothing_of_those_with_one() {
        let (rates, now) = (Rates::new(50, 100), Instant::now());
        let tries = (0..500).filter(|_| is_allowed(&rates, &[], ADDRESS, now));
        assert_eq!(tries.count(), 100);
        assert!(is_allowed(
            &rates,
            &["not seen since the start"],
            ADDRESS,
            now
        ));
    }

    #[test]
    fn made_up_secrets_of_a_whole_network_count_together() {
        let (rates, now) = (Rates::new(50, 100), Instant::now());
        let tries = (0..500_u16).filter(|number| {
            let six = IpAddr::from([0x2001, 0xdb8, 1, 2, 3, 4, 5, *number]);
            let address = Some(crate::address::counted(six));
            is_allowed(&rates, &[&number.to_string()], address, now)
        });
        assert_eq!(tries.count(), 100);
    }

    #[test]
    fn memory_is_bounded() {
        let (rates, now) = (Rates::new(1, 1), Instant::now());
        for source in 0..25_000 {
            rates.take(source, now);
            rates.remember(&source.to_string());
        }
        assert!(rates.buckets.lock().unwrap().len() <= SOURCES_MAX);
    }
}
