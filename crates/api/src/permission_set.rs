//! What a permission set allows, on the wire.

use hallpass_base::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// `GET /api/v1/permission-sets/{name}`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PermissionSet {
    /// Its name.
    pub name: String,
    /// Its ARN.
    pub arn: String,
    /// What it lets one do, in its owner's words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub says: Option<String>,
    /// How long its role sessions last, and so how long one can act after losing it.
    pub session_seconds: u64,
    /// The worst case for somebody who loses it now, as a sentence.
    pub after_loss: String,
    /// When AWS was asked for its policies.
    #[schema(value_type = String, format = DateTime)]
    pub read_at: Timestamp,
    /// Its policies: inline, of AWS, of each account; a permissions boundary is the last.
    pub policies: Vec<SetPolicy>,
}

/// One policy of a permission set.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SetPolicy {
    /// `inline`, `aws-managed` or `customer-managed`.
    pub kind: String,
    /// Whether it is the permissions boundary: it allows nothing by itself, and nothing beyond it
    /// is allowed.
    pub is_boundary: bool,
    /// Its name; `Inline policy` for that.
    pub name: String,
    /// Its ARN, or its path in each account.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub place: Option<String>,
    /// Its text, when it was read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub document: Option<String>,
    /// Why it was not read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub not_read: Option<String>,
    /// What it allows and denies, in words.
    pub lines: Vec<PolicyLine>,
    /// Lines left out.
    pub more_lines: usize,
    /// How many known actions it allows, by access level.
    pub counts: Vec<LevelCount>,
    /// Actions that are not known.
    pub unknown: Vec<String>,
    /// Whether all of it was put in words.
    pub is_whole: bool,
    /// What makes it risky, the worst first.
    pub risks: Vec<PolicyRisk>,
    /// What the linter found, the worst first.
    pub findings: Vec<PolicyFinding>,
    /// Findings left out.
    pub more_findings: usize,
}

/// One thing that a policy allows or denies.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PolicyLine {
    /// `allow` or `deny`.
    pub effect: String,
    /// The words; pieces of the policy stand between backticks.
    pub words: String,
    /// The actions by name, where they are few.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub actions: Vec<String>,
}

/// How many actions of one access level are allowed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct LevelCount {
    /// `List`, `Read`, `Tagging`, `Write` or `Permissions`.
    pub level: String,
    /// How many.
    pub actions: usize,
}

/// One thing that makes a policy risky.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PolicyRisk {
    /// `escalation`, `credentials`, `data` or `exposure`.
    pub kind: String,
    /// The words for it.
    pub title: String,
    /// Why.
    pub why: String,
    /// The actions, at most a few.
    pub actions: Vec<String>,
    /// How many more there are.
    pub more: usize,
    /// Whether they are allowed on some resources or under conditions only.
    pub limited: bool,
}

/// One finding of the linter.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PolicyFinding {
    /// Its stable code.
    pub code: String,
    /// `error`, `warning` or `info`.
    pub severity: String,
    /// JSON pointer of the place; empty for the whole.
    pub pointer: String,
    /// The line of the text, from 1.
    pub line: usize,
    /// The statement's `Sid`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sid: Option<String>,
    /// What is wrong and what would help.
    pub message: String,
    /// What to do about findings of this code.
    pub help: String,
    /// Whether `hallpass policy lint --fix` repairs it.
    pub is_fixable: bool,
}
