//! Sign-ins under way: between leaving for the provider and coming back.
//!
//! Kept in this process, each for ten minutes and for one use, and bound to the browser it began
//! in by a cookie: a link with somebody else's code signs nobody in (login CSRF).

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use aws_lc_rs::constant_time;
use hallpass_identity::hash_secret;
use hallpass_model::{TimeSpan, Timestamp};

use crate::{problem::ProblemResponse, session::new_secret};

/// How long somebody may take at the provider.
pub(crate) const LASTS: TimeSpan = TimeSpan::minutes(10);
/// Sign-ins under way at most; the oldest make room.
const PENDING_MAX: usize = 10_000;

/// Whether the provider may go by whom it knows in that browser.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Again {
    /// It may.
    AsKnown,
    /// It must ask anew: they may be somebody else there.
    Anew,
    /// It must ask anew, and say that it did: a press wants a fresh sign-in.
    Fresh,
}

/// What is remembered of one.
#[derive(Clone)]
pub(crate) struct PendingSignIn {
    /// What the ID token must repeat.
    pub(crate) nonce: String,
    /// What proves to the provider that who redeems the code is who asked for it (PKCE).
    pub(crate) verifier: String,
    /// Where they were going.
    pub(crate) next: String,
    /// The ways to sign in that are wanted, as the provider calls them; empty = any.
    pub(crate) acr: String,
    /// Whether the provider has to ask anew.
    pub(crate) again: Again,
    browser: String,
    began_at: Timestamp,
}

impl PendingSignIn {
    /// Whether a sign-in was asked for anew and there is no word that it was: the provider has to say
    /// when, since it was asked for it (OpenID Connect Core, 3.1.2.1 and 3.1.3.7, 13).
    pub(crate) fn lacks_proof(&self, auth_time: Option<Timestamp>) -> bool {
        self.again == Again::Fresh
            && auth_time.is_none_or(|at| at < super::SKEW.before(self.began_at))
    }

    /// One that nobody will come back from.
    pub(super) fn rehearsal() -> Self {
        Self {
            nonce: "check".to_owned(),
            verifier: "check".repeat(10),
            next: "/".to_owned(),
            acr: String::new(),
            again: Again::AsKnown,
            browser: String::new(),
            began_at: Timestamp::MIN,
        }
    }
}

/// What leaves with the browser.
pub(crate) struct Begun {
    /// Travels through the provider.
    pub(crate) state: String,
    /// Stays in the browser, as a cookie.
    pub(crate) browser: String,
    /// See [`PendingSignIn`].
    pub(crate) waiting: PendingSignIn,
}

/// The sign-ins that are under way.
#[derive(Default)]
pub(crate) struct Pending(Mutex<HashMap<String, PendingSignIn>>);

impl Pending {
    fn all(&self) -> MutexGuard<'_, HashMap<String, PendingSignIn>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Begins one.
    ///
    /// # Errors
    /// When the system has no randomness.
    pub(crate) fn begin(
        &self,
        now: Timestamp,
        next: &str,
        acr: &str,
        again: Again,
    ) -> Result<Begun, ProblemResponse> {
        let (state, browser) = (new_secret()?, new_secret()?);
        let waiting = PendingSignIn {
            nonce: new_secret()?,
            verifier: new_secret()?,
            next: next.to_owned(),
            acr: acr.to_owned(),
            again,
            browser: hash_secret(&browser),
            began_at: now,
        };
        let mut all = self.all();
        if all.len() >= PENDING_MAX {
            all.retain(|_, waiting| is_fresh(waiting, now));
        }
        if all.len() >= PENDING_MAX {
            let oldest = all.iter().min_by_key(|(_, waiting)| waiting.began_at);
            if let Some(oldest) = oldest.map(|(state, _)| state.clone()) {
                all.remove(&oldest);
            }
        }
        all.insert(hash_secret(&state), waiting.clone());
        Ok(Begun {
            state,
            browser,
            waiting,
        })
    }

    /// Takes the one that `state` belongs to: once, in time, and from the browser it began in.
    /// Another browser does not use it up.
    pub(crate) fn take(&self, now: Timestamp, state: &str, browser: &str) -> Option<PendingSignIn> {
        let key = hash_secret(state);
        let mut all = self.all();
        let waiting = all.get(&key)?;
        let browser = hash_secret(browser);
        constant_time::verify_slices_are_equal(waiting.browser.as_bytes(), browser.as_bytes())
            .ok()?;
        all.remove(&key).filter(|waiting| is_fresh(waiting, now))
    }
}

fn is_fresh(waiting: &PendingSignIn, now: Timestamp) -> bool {
    LASTS.covers(waiting.began_at, now)
}

/// The cookie that binds a sign-in to its browser. Each has its own, so that two tabs do not
/// disturb each other.
pub(crate) fn cookie_name(secure: bool, state: &str) -> String {
    let prefix = if secure { "__Host-" } else { "" };
    let hash = hash_secret(state);
    format!("{prefix}hallpass-signin-{}", hash.get(..16).unwrap_or("0"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_is_taken_once_in_time_and_from_its_browser() {
        let (pending, start) = (
            Pending::default(),
            Timestamp::from_second(1_780_000_000).unwrap(),
        );
        let begun = pending
            .begin(start, "/reviews", "", Again::AsKnown)
            .unwrap();
        assert!(pending.take(start, "other", &begun.browser).is_none());
        assert!(pending.take(start, &begun.state, "other").is_none());
        let taken = pending.take(start, &begun.state, &begun.browser).unwrap();
        assert_eq!(taken.next, "/reviews");
        assert!(pending.take(start, &begun.state, &begun.browser).is_none());
        let late = pending.begin(start, "/", "", Again::AsKnown).unwrap();
        let after = LASTS.after(start);
        assert!(pending.take(after, &late.state, &late.browser).is_none());
    }

    #[test]
    fn a_sign_in_that_was_asked_for_anew_has_to_be_said_to_be_new() {
        let (pending, start) = (
            Pending::default(),
            Timestamp::from_second(1_780_000_000).unwrap(),
        );
        let before = |span: TimeSpan| Some(span.before(start));
        for (again, auth_time, lacks) in [
            (Again::Fresh, None, true),
            (Again::Fresh, before(TimeSpan::hours(1)), true),
            (Again::Fresh, before(TimeSpan::ZERO), false),
            (Again::Fresh, Some(TimeSpan::minutes(5).after(start)), false),
            (Again::Anew, before(TimeSpan::hours(1)), false),
            (Again::AsKnown, None, false),
        ] {
            let begun = pending.begin(start, "/", "", again).unwrap();
            let found = begun.waiting.lacks_proof(auth_time);
            assert_eq!(found, lacks, "{again:?} {auth_time:?}");
        }
    }

    #[test]
    fn memory_is_bounded() {
        let (pending, start) = (
            Pending::default(),
            Timestamp::from_second(1_780_000_000).unwrap(),
        );
        for _ in 0..PENDING_MAX + 5 {
            pending.begin(start, "/", "", Again::AsKnown).unwrap();
        }
        assert!(pending.all().len() <= PENDING_MAX);
    }
}
