//! Passwords and activity of people in the API.

use hallpass_base::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A person in the newest complete run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct JudgedPerson {
    /// Sign-in name.
    pub user_name: String,
    /// User id.
    pub user_id: String,
    /// `ok`, `warn`, `expired`, `unknown`, `disabled` or `n/a`.
    pub password_state: String,
    /// Password age in whole days, an upper limit.
    pub password_age_days: Option<i64>,
    /// Basis of the age: `event`, `created`, `enabled` or `okta`.
    pub password_basis: Option<String>,
    /// Start of the password age.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub password_since: Option<Timestamp>,
    /// `ok`, `inactive_warn`, `inactive`, `unknown` or `disabled`.
    pub activity_state: String,
    /// Whole days of inactivity.
    pub inactive_days: Option<i64>,
    /// Basis of that: an event name, `created` or `enabled`.
    pub activity_basis: Option<String>,
    /// Start of inactivity.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub inactive_since: Option<Timestamp>,
    /// Last sign-in.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub last_sign_in: Option<Timestamp>,
    /// Last retrieval of credentials or a token.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub last_use: Option<Timestamp>,
    /// Number of failed verifications.
    pub failed_verifications: u64,
    /// Whether a name without its domain was matched.
    pub weak_match: bool,
}

/// Failed runs since the newest complete one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct FailedRuns {
    /// Last failure.
    #[schema(value_type = String, format = DateTime)]
    pub at: Timestamp,
    /// Start of the failures.
    #[schema(value_type = String, format = DateTime)]
    pub since: Timestamp,
    /// Consecutive failures.
    pub times: u32,
    /// Last error.
    pub why: String,
}

/// People by name, in the newest complete run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct JudgedPeople {
    /// Instant of the run; absent before the first complete one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub as_of: Option<Timestamp>,
    /// Start of the gapless log; absent if unknown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub coverage_from: Option<Timestamp>,
    /// Log files unreadable in many runs: their content is unknown, and their days are not covered.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub not_read: Vec<String>,
    /// Later failed runs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failed: Option<FailedRuns>,
    /// People on this page.
    pub items: Vec<JudgedPerson>,
    /// Pass as `cursor` for the next page; absent on the last.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}
