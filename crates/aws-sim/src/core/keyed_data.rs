//! Data that Identity Center keeps encrypted, and what a key is used with for it.

use super::state::SimState;

/// Whose data a call works on: the two services name their reasons differently.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum KeyedData {
    /// That of the instance, by `sso-admin`.
    Instance,
    /// That of the identity store.
    Store,
}

impl KeyedData {
    /// Key and value of the encryption context.
    pub(crate) fn context(self, state: &SimState) -> (&'static str, String) {
        let (center, owner) = (&state.center, &state.head.management);
        match self {
            Self::Instance => (
                "kms:EncryptionContext:aws:sso:instance-arn",
                center.instance_arn.clone(),
            ),
            Self::Store => (
                "kms:EncryptionContext:aws:identitystore:identitystore-arn",
                format!(
                    "arn:aws:identitystore::{owner}:identitystore/{}",
                    center.store
                ),
            ),
        }
    }

    /// The service that uses the key on behalf of the caller.
    pub(crate) fn via(self, region: &str) -> String {
        match self {
            Self::Instance => format!("sso.{region}.amazonaws.com"),
            Self::Store => format!("identitystore.{region}.amazonaws.com"),
        }
    }
}
