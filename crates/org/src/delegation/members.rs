//! Which members of a behavior graph a step added: AWS takes a batch account by account, so that it may fail with some of them
//! taken on. The form is part of stored plans.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::compare::WantedMember;
use super::facts::MemberFacts;

/// In place of the accounts, where nobody knows who was a member.
const NOT_KNOWN: &str = "not known";

/// Accounts of a batch that were members, or were asked to be, before it was sent.
#[derive(Default, Serialize, Deserialize)]
pub(super) struct MembersBefore {
    pub(super) members: Vec<String>,
}

impl MembersBefore {
    /// What a step saw; nobody where nothing was there, or where nobody knows who was.
    pub(super) fn of(old: &Value) -> Self {
        serde_json::from_value(old.clone()).unwrap_or_default()
    }

    /// What stood there before a write as its journal says it. Releases of before kept nothing where some of a batch, but not
    /// all, were there: who was is not known then, and is not said to have been nobody.
    pub(super) fn kept(old: Value) -> Value {
        if Self::is_known(&old) {
            old
        } else {
            json!({ "members": NOT_KNOWN })
        }
    }

    /// Whether it says who was there.
    pub(super) fn is_known(old: &Value) -> bool {
        serde_json::from_value::<Self>(old.clone()).is_ok()
    }

    /// Whether none of them is gone.
    pub(super) fn are_all_in(&self, later: &Self) -> bool {
        self.members.iter().all(|it| later.members.contains(it))
    }

    /// Those of a batch that were found later, and were not among them.
    pub(super) fn added(&self, batch: &[WantedMember], found: &[MemberFacts]) -> Vec<WantedMember> {
        let is_found = |id: &String| found.iter().any(|row| row.account == *id);
        let is_added =
            |it: &&WantedMember| !self.members.contains(&it.account) && is_found(&it.account);
        batch.iter().filter(is_added).cloned().collect()
    }
}
