//! Pending sign-ins at the provider.
//!
//! Stored for all nodes, for ten minutes and one use, and bound by a cookie to the browser: a link
//! with another user's code signs no one in (login CSRF).

use aws_lc_rs::constant_time;
use hallpass_access::identity::{HandoverFault, hash_secret};
use hallpass_base::{TimeSpan, Timestamp};
use serde::{Deserialize, Serialize};

use crate::{handovers::Handovers, problem::ProblemResponse, session::new_secret};

pub(crate) const LASTS: TimeSpan = TimeSpan::minutes(10);
const KIND: &str = "sign-in";

/// Whether the provider may use its existing session.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Again {
    AsKnown,
    /// Requires a new sign-in: the user may switch accounts.
    Anew,
    /// Requires a new, proven sign-in: an approval needs a fresh one.
    Fresh,
}

#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct PendingSignIn {
    pub(crate) nonce: String,
    pub(crate) verifier: String,
    pub(crate) next: String,
    pub(crate) acr: String,
    pub(crate) again: Again,
    browser: String,
    began_at: Timestamp,
}

impl PendingSignIn {
    /// Returns whether a required new sign-in is unproven: the provider must send the time, because
    /// it was requested (OpenID Connect Core, 3.1.2.1 and 3.1.3.7, 13).
    pub(crate) fn lacks_proof(&self, auth_time: Option<Timestamp>) -> bool {
        self.again == Again::Fresh
            && auth_time.is_none_or(|at| at < super::SKEW.before(self.began_at))
    }

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

pub(crate) struct Begun {
    pub(crate) state: String,
    pub(crate) browser: String,
    pub(crate) waiting: PendingSignIn,
}

#[derive(Clone, Default)]
pub(crate) struct Pending(pub(crate) Handovers);

impl Pending {
    pub(crate) async fn begin(
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
        let key = hash_secret(&state);
        let kept = self.0.keep(KIND, &key, &waiting, LASTS.after(now)).await;
        kept.map_err(|error| ProblemResponse::unavailable(&error))?;
        Ok(Begun {
            state,
            browser,
            waiting,
        })
    }

    /// Consumes the sign-in of `state`: once, in time, and from its browser. Another browser does
    /// not consume it.
    pub(crate) async fn take(
        &self,
        now: Timestamp,
        state: &str,
        browser: &str,
    ) -> Result<Option<PendingSignIn>, HandoverFault> {
        let key = hash_secret(state);
        let Some(kept) = self.0.find::<PendingSignIn>(KIND, &key).await? else {
            return Ok(None);
        };
        let (wanted, browser) = (kept.value.browser.as_bytes(), hash_secret(browser));
        let is_theirs = constant_time::verify_slices_are_equal(wanted, browser.as_bytes()).is_ok();
        if !is_theirs || !self.0.take(KIND, &key, &kept).await? {
            return Ok(None);
        }
        Ok(Some(kept.value).filter(|waiting| is_fresh(waiting, now)))
    }
}

fn is_fresh(waiting: &PendingSignIn, now: Timestamp) -> bool {
    LASTS.covers(waiting.began_at, now)
}

/// One cookie per sign-in, so that tabs do not interfere.
pub(crate) fn cookie_name(secure: bool, state: &str) -> String {
    let prefix = if secure { "__Host-" } else { "" };
    let hash = hash_secret(state);
    format!("{prefix}hallpass-signin-{}", hash.get(..16).unwrap_or("0"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn start() -> Timestamp {
        Timestamp::from_second(1_780_000_000).unwrap()
    }

    #[tokio::test]
    async fn each_is_taken_once_in_time_and_from_its_browser() {
        let (pending, start) = (Pending::default(), start());
        let begun = pending.begin(start, "/reviews", "", Again::AsKnown);
        let begun = begun.await.unwrap();
        let take = async |state: &str, browser: &str, now: Timestamp| {
            let elsewhere = Pending(pending.0.clone());
            elsewhere.take(now, state, browser).await.unwrap()
        };
        assert!(take("other", &begun.browser, start).await.is_none());
        assert!(take(&begun.state, "other", start).await.is_none());
        let taken = take(&begun.state, &begun.browser, start).await.unwrap();
        assert_eq!(
            (taken.next, taken.nonce),
            ("/reviews".to_owned(), begun.waiting.nonce)
        );
        assert!(take(&begun.state, &begun.browser, start).await.is_none());
        let late = pending.begin(start, "/", "", Again::AsKnown).await.unwrap();
        let after = LASTS.after(start);
        assert!(take(&late.state, &late.browser, after).await.is_none());
    }

    #[tokio::test]
    async fn a_sign_in_that_was_asked_for_anew_has_to_be_said_to_be_new() {
        let (pending, start) = (Pending::default(), start());
        let before = |span: TimeSpan| Some(span.before(start));
        for (again, auth_time, lacks) in [
            (Again::Fresh, None, true),
            (Again::Fresh, before(TimeSpan::hours(1)), true),
            (Again::Fresh, before(TimeSpan::ZERO), false),
            (Again::Fresh, Some(TimeSpan::minutes(5).after(start)), false),
            (Again::Anew, before(TimeSpan::hours(1)), false),
            (Again::AsKnown, None, false),
        ] {
            let begun = pending.begin(start, "/", "", again).await.unwrap();
            let found = begun.waiting.lacks_proof(auth_time);
            assert_eq!(found, lacks, "{again:?} {auth_time:?}");
        }
    }
}
