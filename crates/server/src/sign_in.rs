//! Sign-in state other than sessions: provider, pending sign-ins and logins, attempt limits per
//! address, trusted proxies.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use hallpass_access::identity::{HandoverStore, hash_secret};
use hallpass_base::{TimeSpan, Timestamp};

use crate::{
    address::Proxies, handovers::Handovers, log_limiter::Seldom, logins::Logins, oidc::Pending,
    oidc::Provider, rates::Rates,
};

const TRIES_PER_MINUTE: u32 = 10;
/// How long ids of logout tokens are remembered: longer than such a token is valid.
const LOGOUT_REMEMBERED: TimeSpan = TimeSpan::minutes(10);
const LOGOUTS_MAX: usize = 10_000;

pub struct SignIn {
    pub(crate) provider: Option<Provider>,
    pub(crate) pending: Pending,
    pub(crate) logins: Logins,
    handovers: Handovers,
    pub(crate) rates: Rates,
    pub(crate) proxies: Proxies,
    pub(crate) public_url: String,
    logouts: Mutex<HashMap<String, Timestamp>>,
    /// Rate limit of log messages that anonymous clients can cause.
    pub(crate) told: Seldom,
}

impl SignIn {
    /// Without a provider, as in the demo: only tokens and personas. `public_url` is the public
    /// server URL, in the form of the `Origin` header (RFC 6454).
    pub fn new(public_url: &str) -> Self {
        let handovers = Handovers::default();
        Self {
            provider: None,
            pending: Pending(handovers.clone()),
            logins: Logins::over(handovers.clone()),
            handovers,
            rates: Rates::per_minute(TRIES_PER_MINUTE),
            proxies: Proxies::default(),
            public_url: public_url.trim_end_matches('/').to_owned(),
            logouts: Mutex::default(),
            told: Seldom::default(),
        }
    }

    /// Without a slash at its end.
    pub fn public_url(&self) -> &str {
        &self.public_url
    }

    #[must_use = "this is the one with the provider"]
    pub fn with_provider(mut self, provider: Provider) -> Self {
        self.provider = Some(provider);
        self
    }

    #[must_use = "this is the one with the other number"]
    pub fn with_tries(mut self, per_minute: u32) -> Self {
        self.rates = Rates::per_minute(per_minute);
        self
    }

    #[must_use = "this is the one with the proxies"]
    pub fn with_proxies(mut self, proxies: Proxies) -> Self {
        self.proxies = proxies;
        self
    }

    /// Stores pending sign-ins in the store for all nodes, instead of this process.
    pub fn keep_in(&self, store: Arc<dyn HandoverStore>) {
        self.handovers.keep_in(store);
    }

    pub(crate) fn handovers(&self) -> &Handovers {
        &self.handovers
    }

    pub(crate) fn is_repeated(&self, token: &str) -> bool {
        let logouts = self.logouts.lock().unwrap_or_else(PoisonError::into_inner);
        logouts.contains_key(&hash_secret(token))
    }

    pub(crate) fn remember(&self, token: &str, now: Timestamp) {
        let mut logouts = self.logouts.lock().unwrap_or_else(PoisonError::into_inner);
        if logouts.len() >= LOGOUTS_MAX {
            logouts.retain(|_, at| LOGOUT_REMEMBERED.covers(*at, now));
        }
        if logouts.len() >= LOGOUTS_MAX {
            let oldest = logouts.iter().min_by_key(|(_, at)| **at);
            if let Some(oldest) = oldest.map(|(token, _)| token.clone()) {
                logouts.remove(&oldest);
            }
        }
        logouts.insert(hash_secret(token), now);
    }
}

impl Default for SignIn {
    fn default() -> Self {
        Self::new("http://127.0.0.1:8080")
    }
}
