//! One-time link with which the first administrator signs in while no provider is configured.

use hallpass_base::{TimeSpan, Timestamp};
use serde::{Deserialize, Serialize};

use super::{HandoverFault, HandoverStore, Owner, hash_secret};

/// How long a link stays valid.
pub const FIRST_SIGN_IN_LASTS: TimeSpan = TimeSpan::minutes(10);
/// Kind of the handovers that links are stored as, each under the hash of its code.
pub const FIRST_SIGN_IN: &str = "first-sign-in";

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FirstSignIn {
    pub owner: Owner,
    pub until: Timestamp,
}

impl FirstSignIn {
    /// Stores a link of `owner` with this code.
    ///
    /// # Errors
    /// The store does not respond.
    pub async fn keep(
        store: &dyn HandoverStore,
        owner: &Owner,
        code: &str,
        now: Timestamp,
    ) -> Result<(), HandoverFault> {
        let until = FIRST_SIGN_IN_LASTS.after(now);
        let link = Self {
            owner: owner.clone(),
            until,
        };
        let body = serde_json::to_string(&link).map_err(|it| HandoverFault(it.to_string()))?;
        let key = hash_secret(code);
        store.keep(FIRST_SIGN_IN, &key, &body, until).await
    }
}

/// The address of a link, below the server's public address.
pub fn first_sign_in_url(public_url: &str, code: &str) -> String {
    format!(
        "{}/signin/first?code={code}",
        public_url.trim_end_matches('/')
    )
}
