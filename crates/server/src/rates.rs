//! A token bucket for each source of calls. Bounded in memory; a forgotten source starts full again.

use std::collections::HashMap;
use std::collections::hash_map::RandomState;
use std::hash::BuildHasher as _;
use std::net::IpAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};

use axum::http::HeaderValue;
use tokio::time::Instant;

use crate::auth::bearer;

/// Sources remembered at most; the fullest are forgotten first.
const SOURCES_MAX: usize = 10_000;

/// Calls per second and source.
pub struct Rates {
    per_second: f64,
    burst: f64,
    /// Keyed by a seeded hash, so that tokens are not kept and nobody can aim at another's bucket.
    hasher: RandomState,
    buckets: Mutex<HashMap<u64, AddressBucket>>,
}

struct AddressBucket {
    left: f64,
    at: Instant,
}

impl Rates {
    /// `per_second` calls in the long run, `burst` at once.
    pub fn new(per_second: u32, burst: u32) -> Self {
        Self {
            per_second: f64::from(per_second.max(1)),
            burst: f64::from(burst.max(1)),
            hasher: RandomState::new(),
            buckets: Mutex::default(),
        }
    }

    /// `number` calls a minute, all at once if need be.
    pub fn per_minute(number: u32) -> Self {
        let mut rates = Self::new(1, number);
        rates.per_second = f64::from(number.max(1)) / 60.0;
        rates
    }

    /// A token that counts: from now on it is a source of its own, however its header is written.
    pub(crate) fn remember(&self, token: &str) {
        let source = self.of_token(token);
        self.with_room_for(source)
            .entry(source)
            .or_insert_with(|| AddressBucket {
                left: self.burst,
                at: Instant::now(),
            });
    }

    /// Where tries of a kind count: a token would be another source each time, so the address does.
    pub(crate) fn tries_of(&self, what: &str, address: Option<IpAddr>) -> u64 {
        self.hasher.hash_one((what, address))
    }

    fn of_token(&self, token: &str) -> u64 {
        // apart from addresses, which are hashed too
        self.hasher.hash_one(("token", token))
    }

    /// The source of a call: its token if that counted before, else its address.
    pub(crate) fn source(&self, header: Option<&HeaderValue>, address: Option<IpAddr>) -> u64 {
        let token = header.and_then(bearer).map(|token| self.of_token(token));
        let buckets = self.buckets.lock().unwrap_or_else(PoisonError::into_inner);
        token
            .filter(|token| buckets.contains_key(token))
            .unwrap_or_else(|| self.hasher.hash_one(address))
    }

    /// The buckets, with room for one of this source.
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

    #[test]
    fn made_up_tokens_count_for_their_address() {
        let (rates, now) = (Rates::new(50, 100), Instant::now());
        let address: Option<IpAddr> = Some([192, 0, 2, 1].into());
        let token = |number: u32| HeaderValue::from_str(&format!("Bearer {number}")).unwrap();
        let tries = (0..500).filter(|number| {
            let source = rates.source(Some(&token(*number)), address);
            rates.take(source, now)
        });
        assert_eq!(tries.count(), 100);
        rates.remember("7");
        let source = rates.source(Some(&token(7)), address);
        assert!(rates.take(source, now), "one that counts is another source");
    }

    #[test]
    fn one_token_is_one_source_however_its_header_is_written() {
        let (rates, now) = (Rates::new(50, 100), Instant::now());
        let address: Option<IpAddr> = Some([192, 0, 2, 1].into());
        rates.remember("secret");
        let scheme = |number: u32| -> String {
            let letters = "bearer".chars().enumerate();
            let turned = letters.map(|(at, letter)| match number >> at & 1 {
                0 => letter,
                _ => letter.to_ascii_uppercase(),
            });
            turned.collect()
        };
        let tries = (0..500).filter(|number| {
            let blanks = " ".repeat(usize::try_from(number / 64).unwrap() + 1);
            let header = format!("{}{blanks}secret", scheme(number % 64));
            let header = HeaderValue::from_str(&header).unwrap();
            rates.take(rates.source(Some(&header), address), now)
        });
        assert_eq!(tries.count(), 100);
    }

    #[test]
    fn made_up_tokens_of_a_whole_network_count_together() {
        let (rates, now) = (Rates::new(50, 100), Instant::now());
        let tries = (0..500_u32).filter(|number| {
            let six = IpAddr::from([
                0x2001,
                0xdb8,
                1,
                2,
                3,
                4,
                5,
                u16::try_from(*number).unwrap(),
            ]);
            let address = Some(crate::address::counted(six));
            let header = HeaderValue::from_str(&format!("Bearer {number}")).unwrap();
            rates.take(rates.source(Some(&header), address), now)
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
