use std::collections::BTreeSet;

use hallpass_base::TimeSpan;
use serde::Serialize;

use crate::rule::RuleId;

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SignInRequirement {
    pub rule: RuleId,
    /// Maximum age of the sign-in; `None` = any.
    pub max_age: Option<TimeSpan>,
    /// Accepted values of the provider (`acr`); empty = any.
    pub acr: BTreeSet<String>,
}

/// Handling of a waiting request that exceeds a since reduced maximum duration.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum OverLimit {
    Refuse,
    Shorten,
}

impl OverLimit {
    #[expect(
        clippy::trivially_copy_pass_by_ref,
        reason = "serde hands a reference to `skip_serializing_if`"
    )]
    pub(super) fn is_default(&self) -> bool {
        *self == Self::Refuse
    }
}
