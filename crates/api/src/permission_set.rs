//! Content of a permission set in the API.

use hallpass_base::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Kind of a policy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum SetPolicyKind {
    Inline,
    AwsManaged,
    CustomerManaged,
}

/// Effect of a statement.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum PolicyEffect {
    Allow,
    Deny,
}

/// Access level of actions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub enum AccessLevel {
    List,
    Read,
    Tagging,
    Write,
    Permissions,
}

/// Kind of a risk.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum RiskKind {
    Escalation,
    Credentials,
    Data,
    Exposure,
}

/// Severity of a linter finding.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum FindingSeverity {
    Error,
    Warning,
    Info,
}

/// `GET /api/v1/permission-sets/{name}`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PermissionSet {
    /// Name.
    pub name: String,
    /// ARN.
    pub arn: String,
    /// Owner's description.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub says: Option<String>,
    /// Length of role sessions, which may outlast the access.
    pub session_seconds: u64,
    /// The worst case after losing it now, as a sentence.
    pub after_loss: String,
    /// When its policies were read.
    #[schema(value_type = String, format = DateTime)]
    pub read_at: Timestamp,
    /// Policies: inline, AWS managed, customer managed; a permissions boundary is last.
    pub policies: Vec<SetPolicy>,
}

/// A policy of a permission set.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SetPolicy {
    /// Kind.
    pub kind: SetPolicyKind,
    /// Whether it is the permissions boundary: it only limits what others allow.
    pub is_boundary: bool,
    /// Name; `Inline policy` for that.
    pub name: String,
    /// ARN, or path in each account.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub place: Option<String>,
    /// Text, if read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub document: Option<String>,
    /// Why it was not read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub not_read: Option<String>,
    /// Allowed and denied actions, in words.
    pub lines: Vec<PolicyLine>,
    /// Omitted lines.
    pub more_lines: usize,
    /// Known allowed actions, by access level.
    pub counts: Vec<LevelCount>,
    /// Unknown actions.
    pub unknown: Vec<String>,
    /// Whether the description is complete.
    pub is_whole: bool,
    /// Risks, worst first.
    pub risks: Vec<PolicyRisk>,
    /// Linter findings, worst first.
    pub findings: Vec<PolicyFinding>,
    /// Omitted findings.
    pub more_findings: usize,
}

/// One allowed or denied part.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PolicyLine {
    /// Effect.
    pub effect: PolicyEffect,
    /// Description; parts of the policy are in backticks.
    pub words: String,
    /// Action names, if few.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub actions: Vec<String>,
}

/// Allowed actions of one access level.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct LevelCount {
    /// Level.
    pub level: AccessLevel,
    /// Number of actions.
    pub actions: usize,
}

/// A risk of a policy.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PolicyRisk {
    /// Kind.
    pub kind: RiskKind,
    /// Title.
    pub title: String,
    /// Reason.
    pub why: String,
    /// Some of the actions.
    pub actions: Vec<String>,
    /// Number of further actions.
    pub more: usize,
    /// Limited to some resources or conditions.
    pub limited: bool,
}

/// A linter finding.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PolicyFinding {
    /// Stable code.
    pub code: String,
    /// Severity.
    pub severity: FindingSeverity,
    /// JSON pointer; empty for the whole policy.
    pub pointer: String,
    /// Line, from 1.
    pub line: usize,
    /// `Sid` of the statement.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sid: Option<String>,
    /// Problem and suggestion.
    pub message: String,
    /// General help for this code.
    pub help: String,
    /// Whether `hallpass policy lint --fix` repairs it.
    pub is_fixable: bool,
}
