//! Absences in the API.

use hallpass_base::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Sets an absence; it replaces an earlier one of the person.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SetAbsence {
    /// An e-mail or a user id; by default the caller. Others are for administrators.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// End.
    #[schema(value_type = String, format = DateTime)]
    pub until: Timestamp,
    /// Who approves in their place: an e-mail or a user id; by default no one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delegate: Option<String>,
}

/// Ends an absence now.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct EndAbsence {
    /// As in [`SetAbsence`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
}

/// An absence in force.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Absence {
    /// E-mail.
    pub user: String,
    /// Name.
    pub user_name: String,
    /// Identity store id.
    pub user_id: String,
    /// Start.
    #[schema(value_type = String, format = DateTime)]
    pub since: Timestamp,
    /// End.
    #[schema(value_type = String, format = DateTime)]
    pub until: Timestamp,
    /// E-mail of the delegate.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delegate: Option<String>,
    /// E-mail of the person who set it.
    pub set_by: String,
}

/// Absences in force.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Absences {
    /// Sorted by user id.
    pub items: Vec<Absence>,
}

/// Result of ending an absence.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct AbsenceEnded {
    /// Whether there was one.
    pub changed: bool,
}
