//! What the rules want at the moment of approval, beside who approves.

use std::collections::BTreeSet;

use hallpass_base::TimeSpan;
use serde::Serialize;

use crate::rule::RuleId;

/// How somebody must have signed in to approve, or to break the glass.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SignInRequirement {
    /// The rule that asks for it.
    pub rule: RuleId,
    /// How long ago at most; `None` = whenever.
    pub max_age: Option<TimeSpan>,
    /// In which ways, as the provider calls them (`acr`); empty = any.
    pub acr: BTreeSet<String>,
}

/// What becomes of a request that waits when the longest duration is shorter by the time it is
/// approved.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum OverLimit {
    /// It is refused; its requester may ask again.
    Refuse,
    /// It is granted for the shorter time.
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
