//! Tracks members that a step added: AWS processes a batch by account, so a failed batch may be
//! partly applied. The form is part of stored plans.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::compare::WantedMember;
use super::facts::MemberFacts;

const NOT_KNOWN: &str = "not known";

/// Accounts of a batch that were members or invited before it was sent.
#[derive(Default, Serialize, Deserialize)]
pub(super) struct MembersBefore {
    pub(super) members: Vec<String>,
}

impl MembersBefore {
    pub(super) fn of(old: &Value) -> Self {
        serde_json::from_value(old.clone()).unwrap_or_default()
    }

    /// The journal's earlier state. Older releases stored nothing for a partial batch: members are
    /// then unknown, not empty.
    pub(super) fn kept(old: Value) -> Value {
        if Self::is_known(&old) {
            old
        } else {
            json!({ "members": NOT_KNOWN })
        }
    }

    pub(super) fn is_known(old: &Value) -> bool {
        serde_json::from_value::<Self>(old.clone()).is_ok()
    }

    pub(super) fn are_all_in(&self, later: &Self) -> bool {
        self.members.iter().all(|it| later.members.contains(it))
    }

    pub(super) fn added(&self, batch: &[WantedMember], found: &[MemberFacts]) -> Vec<WantedMember> {
        let is_found = |id: &String| found.iter().any(|row| row.account == *id);
        let is_added =
            |it: &&WantedMember| !self.members.contains(&it.account) && is_found(&it.account);
        batch.iter().filter(is_added).cloned().collect()
    }
}
