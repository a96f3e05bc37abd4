//! Encrypted data of Identity Center, and its KMS parameters.

use super::state::SimState;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum KeyedData {
    Instance,
    Store,
}

impl KeyedData {
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

    /// The service that uses the key for the caller.
    pub(crate) fn via(self, region: &str) -> String {
        match self {
            Self::Instance => format!("sso.{region}.amazonaws.com"),
            Self::Store => format!("identitystore.{region}.amazonaws.com"),
        }
    }
}
