//! What the file states of quotas, evaluations, functions and invitations: it goes out of the simulator as it came in.

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// A quota of the management account.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct StatedQuota {
    /// The service's code: `organizations`.
    pub service: String,
    /// The quota's code: `L-E619E033` is how many accounts an organization may have.
    pub code: String,
    /// What it is called.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// How much it allows.
    pub value: f64,
}

/// What a rule of AWS Config says of a resource.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct StatedEvaluation {
    /// A name for the row, by which a merged file replaces it.
    pub id: String,
    /// The rule.
    pub rule: String,
    /// The account of the resource.
    pub account: String,
    /// Its Region.
    pub region: String,
    /// Its type: `AWS::S3::Bucket`.
    pub resource_type: String,
    /// Its id, as AWS Config has it.
    pub resource_id: String,
    /// `COMPLIANT`, `NON_COMPLIANT`, `NOT_APPLICABLE` or `INSUFFICIENT_DATA`.
    pub compliance: String,
    /// When it was judged, RFC 3339.
    pub at: String,
}

/// A function of Lambda, which answers as it is told.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct StatedFunction {
    /// Its name, unique in the organization.
    pub name: String,
    /// Its account.
    pub account: String,
    /// Its Region.
    pub region: String,
    /// Accounts besides its own that its policy lets in.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub shared_with: Vec<String>,
    /// What it returns.
    pub returns: Value,
    /// `Handled` or `Unhandled`: it fails with what it returns as the error.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

/// An invitation of another organization to an account of this one (AWS: "Managing account invitations with AWS
/// Organizations"). The management account of an organization is shown none.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct StatedInvitation {
    /// `h-…`
    pub id: String,
    /// Account id or name.
    pub account: String,
    /// The organization that sent it: `o-…`
    pub organization: String,
    /// Its management account.
    pub management: String,
    /// What that account is called.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub name: String,
    /// The address of its root user.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub email: String,
    /// Sent to the account's address, and not to its id.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub by_email: bool,
    /// `OPEN`, and other states of handshakes; absent: `OPEN`. Nobody answers one here.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub state: Option<String>,
    /// Until when it can be answered, RFC 3339; one that is open is `EXPIRED` from then on.
    pub expires: String,
}
