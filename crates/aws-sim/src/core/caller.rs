//! Who calls.

use crate::base::Millis;
use serde::{Deserialize, Serialize};

use super::entities::Id;

/// Who calls (`simulator.md` AU-1).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct AwsCaller {
    /// The account of the credentials.
    pub account: String,
    /// The principal's ARN as `GetCallerIdentity` shows it.
    pub arn: String,
    /// The unique id as `GetCallerIdentity` shows it.
    pub user_id: String,
    /// The access key that signed.
    pub access_key_id: String,
    /// User, root or session.
    pub kind: CallerKind,
    /// When the credentials were issued; 0 for long-lived keys.
    #[serde(default)]
    pub issued: Millis,
    /// When the credentials end; `None` for long-lived keys.
    #[serde(default)]
    pub expires: Option<Millis>,
    /// The source identity of a role session.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source_identity: Option<String>,
    /// The person of a session that the access portal gave.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<Id>,
    /// Path of a role session's role; empty stands for `/` and for the path of roles that Identity
    /// Center makes.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub role_path: String,
    /// Whether a code of an MFA device was given for the session.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub mfa: bool,
}

impl AwsCaller {
    /// Whether it is a user or a root user with credentials for a while (`GetSessionToken`).
    pub(crate) fn is_temporary_user(&self) -> bool {
        self.kind != CallerKind::Session && self.expires.is_some()
    }
}

/// What kind of principal a caller is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum CallerKind {
    /// An IAM user with a long-lived key.
    #[default]
    User,
    /// The account's root.
    Root,
    /// A role session.
    Session,
}
