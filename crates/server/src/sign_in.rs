//! What signing in needs beside sessions: the provider, sign-ins and logins under way, how often
//! one address may try, and whose word about addresses counts.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use hallpass_access::identity::{HandoverStore, hash_secret};
use hallpass_base::{TimeSpan, Timestamp};

use crate::{
    address::Proxies, handovers::Handovers, log_limiter::Seldom, logins::Logins, oidc::Pending,
    oidc::Provider, rates::Rates,
};

/// Tries a minute and address unless configured.
const TRIES_PER_MINUTE: u32 = 10;
/// How long a logout token's id is remembered: longer than such a token counts.
const LOGOUT_REMEMBERED: TimeSpan = TimeSpan::minutes(10);
/// Ids of logout tokens remembered at most.
const LOGOUTS_MAX: usize = 10_000;

/// What signing in needs beside sessions.
pub struct SignIn {
    pub(crate) provider: Option<Provider>,
    pub(crate) pending: Pending,
    pub(crate) logins: Logins,
    handovers: Handovers,
    pub(crate) rates: Rates,
    pub(crate) proxies: Proxies,
    pub(crate) public_url: String,
    logouts: Mutex<HashMap<String, Timestamp>>,
    /// What anybody can cause the log to say.
    pub(crate) told: Seldom,
}

impl SignIn {
    /// Without a provider, as for the demo: people come with tokens or are personas.
    /// `public_url` is how people reach the server, in the form in which browsers send it in `Origin` (RFC 6454).
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

    /// With a provider.
    #[must_use = "this is the one with the provider"]
    pub fn with_provider(mut self, provider: Provider) -> Self {
        self.provider = Some(provider);
        self
    }

    /// With another number of tries a minute and address.
    #[must_use = "this is the one with the other number"]
    pub fn with_tries(mut self, per_minute: u32) -> Self {
        self.rates = Rates::per_minute(per_minute);
        self
    }

    /// With proxies whose word about addresses counts.
    #[must_use = "this is the one with the proxies"]
    pub fn with_proxies(mut self, proxies: Proxies) -> Self {
        self.proxies = proxies;
        self
    }

    /// From now on what is under way is kept there, where other nodes find it, and not in this process.
    pub fn keep_in(&self, store: Arc<dyn HandoverStore>) {
        self.handovers.keep_in(store);
    }

    /// Whether a logout token was acted upon before.
    pub(crate) fn is_repeated(&self, token: &str) -> bool {
        let logouts = self.logouts.lock().unwrap_or_else(PoisonError::into_inner);
        logouts.contains_key(&hash_secret(token))
    }

    /// Remembers that a logout token was acted upon.
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
