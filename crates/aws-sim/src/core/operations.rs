//! Which operations exist, and which of them have behaviour.

use super::{call::Service, identity, organizations, sso, sts};

/// What is known of an operation's name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Known {
    /// In the model, with behaviour.
    Behaves,
    /// In the model, without behaviour (rule Z-2).
    Unsupported,
    /// In no model.
    Unknown,
}

/// Looks an operation up.
pub fn find(service: Service, operation: &str) -> Known {
    let (behaves, model): (&[&str], &str) = match service {
        Service::Sso => (sso::OPERATIONS, SSO),
        Service::IdentityStore => (identity::OPERATIONS, ""),
        Service::Organizations => (organizations::OPERATIONS, ORGANIZATIONS),
        Service::Sts => (sts::OPERATIONS, STS),
    };
    if behaves.contains(&operation) {
        Known::Behaves
    } else if model.split_ascii_whitespace().any(|name| name == operation) {
        Known::Unsupported
    } else {
        Known::Unknown
    }
}

const SSO: &str = "AddRegion CreateApplication ProvisionPermissionSet";
const ORGANIZATIONS: &str = "AcceptHandshake AttachPolicy CloseAccount CreateAccount";
const STS: &str = "AssumeRoleWithSAML AssumeRoleWithWebIdentity";
