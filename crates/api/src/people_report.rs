//! Passwords and activity of people, on the wire.

use hallpass_base::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// One person, as the newest whole run saw them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct JudgedPerson {
    /// The name they sign in with.
    pub user_name: String,
    /// Who.
    pub user_id: String,
    /// `ok`, `warn`, `expired`, `unknown`, `disabled` or `n/a`.
    pub password_state: String,
    /// Whole days since the password was set; at most so many.
    pub password_age_days: Option<i64>,
    /// What that is counted from: `event`, `created`, `enabled` or `okta`.
    pub password_basis: Option<String>,
    /// Since when.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub password_since: Option<Timestamp>,
    /// `ok`, `inactive_warn`, `inactive`, `unknown` or `disabled`.
    pub activity_state: String,
    /// Whole days without them.
    pub inactive_days: Option<i64>,
    /// What that is counted from: the name of an event, `created` or `enabled`.
    pub activity_basis: Option<String>,
    /// Since when they count as not there.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub inactive_since: Option<Timestamp>,
    /// When they last signed in.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub last_sign_in: Option<Timestamp>,
    /// When they last fetched credentials or a token.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub last_use: Option<Timestamp>,
    /// How often a verification of theirs failed.
    pub failed_verifications: u64,
    /// Whether some of it was found by a name without its domain.
    pub weak_match: bool,
}

/// Runs that came to nothing since the newest whole one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct FailedRuns {
    /// When the last one failed.
    #[schema(value_type = String, format = DateTime)]
    pub at: Timestamp,
    /// Since when none was whole.
    #[schema(value_type = String, format = DateTime)]
    pub since: Timestamp,
    /// How many, one after another.
    pub times: u32,
    /// Why the last one did.
    pub why: String,
}

/// People by name, and what the newest whole run was about.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct JudgedPeople {
    /// The instant of the run; absent where none was whole yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub as_of: Option<Timestamp>,
    /// Since when the log was read without a gap; absent where that is not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub coverage_from: Option<Timestamp>,
    /// Files of the log that run after run could not be read: what they hold is not known, and their days are no coverage.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub not_read: Vec<String>,
    /// Runs that came to nothing since.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failed: Option<FailedRuns>,
    /// The people of this page.
    pub items: Vec<JudgedPerson>,
    /// Give this as `cursor` to get the next page; absent on the last one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}
