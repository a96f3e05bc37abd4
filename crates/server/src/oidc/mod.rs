//! OpenID Connect sign-in with the company's identity provider.
//!
//! Uses the code flow with PKCE (S256), state and nonce, for any provider with a discovery
//! document. `openidconnect` handles keys and signatures. Its types for ID tokens and discovery
//! documents refuse documents because of unused members, so this module reads only the used ones.
//! Pages are in `ui/oidc.rs`.

mod calls;
mod claims;
#[cfg(test)]
mod fuzz;
mod pending;
mod provider;

pub(crate) use pending::{Again, LASTS, Pending, PendingSignIn, cookie_name};
pub(crate) use provider::{Proven, SignInFault};

pub use provider::Provider;

use hallpass_base::TimeSpan;
use secrecy::SecretString;

pub(crate) const SKEW: TimeSpan = TimeSpan::minutes(1);

/// The provider and client registration: `[oidc]` of the configuration.
#[derive(Clone, Debug)]
pub struct OidcSettings {
    pub issuer: String,
    pub client_id: String,
    pub client_secret: Option<SecretString>,
    pub scopes: Vec<String>,
    /// The claim with the address known to the directory.
    pub email_claim: String,
    /// Whether `email_verified` is required. Without it, users who can edit their address at the
    /// provider could impersonate others.
    pub require_verified_email: bool,
    pub name: String,
    pub public_url: String,
}

impl OidcSettings {
    /// Must be registered at the provider.
    pub fn redirect_uri(&self) -> String {
        format!("{}/signin/oidc/callback", self.public_url)
    }

    pub fn after_sign_out(&self) -> String {
        format!("{}/signin", self.public_url)
    }
}
