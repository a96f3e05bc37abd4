//! Stated quotas, evaluations, functions and invitations; exported unchanged.

use serde::{Deserialize, Serialize};
use serde_json::Value;

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct StatedQuota {
    /// The service's code: `organizations`.
    pub service: String,
    /// The quota's code: `L-E619E033` limits the accounts of an organization.
    pub code: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    pub value: f64,
}

/// A resource's result under an AWS Config rule.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct StatedEvaluation {
    /// The row's key in merged files.
    pub id: String,
    pub rule: String,
    pub account: String,
    pub region: String,
    /// `AWS::S3::Bucket`.
    pub resource_type: String,
    /// As in AWS Config.
    pub resource_id: String,
    /// `COMPLIANT`, `NON_COMPLIANT`, `NOT_APPLICABLE` or `INSUFFICIENT_DATA`.
    pub compliance: String,
    /// RFC 3339.
    pub at: String,
}

/// A Lambda function with a fixed answer.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct StatedFunction {
    pub name: String,
    pub account: String,
    pub region: String,
    /// Other accounts that its policy admits.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub shared_with: Vec<String>,
    pub returns: Value,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

/// Another organization's invitation to an account of this one (AWS: "Managing account invitations
/// with AWS Organizations"). Hidden from a management account.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct StatedInvitation {
    /// `h-…`
    pub id: String,
    pub account: String,
    /// The sender: `o-…`
    pub organization: String,
    pub management: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub name: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub email: String,
    /// Sent to the account's address, not its id.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub by_email: bool,
    /// `OPEN`, and other states of handshakes; absent: `OPEN`. Never answered here.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub state: Option<String>,
    /// RFC 3339; an open one becomes `EXPIRED` then.
    pub expires: String,
}
