use crate::base::Millis;
use serde::{Deserialize, Serialize};

use super::entities::Id;

/// The caller (`simulator.md` AU-1).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct AwsCaller {
    pub account: String,
    pub arn: String,
    pub user_id: String,
    pub access_key_id: String,
    pub kind: CallerKind,
    /// 0 for long-lived keys.
    #[serde(default)]
    pub issued: Millis,
    /// `None` for long-lived keys.
    #[serde(default)]
    pub expires: Option<Millis>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source_identity: Option<String>,
    /// The user of an access portal session.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<Id>,
    /// A role session's role path; empty for `/` and for Identity Center roles.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub role_path: String,
    /// Whether the session used an MFA code.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub mfa: bool,
}

impl AwsCaller {
    /// A user or root user with temporary credentials (`GetSessionToken`).
    pub(crate) fn is_temporary_user(&self) -> bool {
        self.kind != CallerKind::Session && self.expires.is_some()
    }
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum CallerKind {
    #[default]
    User,
    Root,
    Session,
}
