//! OpenID Connect: who somebody is, by the word of the company's own sign-in.
//!
//! The code flow with PKCE (S256), state and nonce, for any provider that has a discovery document.
//! Keys and the verification of signatures come from `openidconnect`. Its types for ID tokens and
//! discovery documents refuse a document for a member that Hallpass does not use, so this folder
//! reads those members that it uses. Pages are in `ui/oidc.rs`.

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

/// How far the provider's clock may be from ours.
pub(crate) const SKEW: TimeSpan = TimeSpan::minutes(1);

/// The provider and how it knows us: `[oidc]` of the configuration.
#[derive(Clone, Debug)]
pub struct OidcSettings {
    /// Its identifier: the address that `/.well-known/openid-configuration` is below.
    pub issuer: String,
    /// Our identifier there.
    pub client_id: String,
    /// Our secret there; a public client has none and relies on PKCE.
    pub client_secret: Option<SecretString>,
    /// What is asked for; `openid` is always.
    pub scopes: Vec<String>,
    /// The claim that holds the address by which the directory knows somebody.
    pub email_claim: String,
    /// Whether the provider must say `email_verified`. Where it does not say so, whoever may edit
    /// their own address there could become somebody else here.
    pub require_verified_email: bool,
    /// What people call it: "Sign in with NAME".
    pub name: String,
    /// `server.public_url`, without a slash at its end.
    pub public_url: String,
}

impl OidcSettings {
    /// Where the provider sends people back to. It must be registered there.
    pub fn redirect_uri(&self) -> String {
        format!("{}/signin/oidc/callback", self.public_url)
    }

    /// Where the provider sends people to after it signed them out.
    pub fn after_sign_out(&self) -> String {
        format!("{}/signin", self.public_url)
    }
}
