//! Calls in the management account, and inside accounts through an existing role.

use std::sync::Arc;

use hallpass_base::AccountId;
use serde_json::json;

use crate::changing::ServiceCalls;
use crate::reading::{ReadFact, ReadPlace, UnreadFact};

pub(crate) const EXECUTION: &str = "AWSControlTowerExecution";
/// Roles that trust the management account, in order of use (`organization.md` N-2).
pub const TRUSTED_ROLES: [&str; 3] = [
    EXECUTION,
    "OrganizationAccountAccessRole",
    "AWSCloudFormationStackSetExecutionRole",
];

/// Calls in the management account, and by each of [`TRUSTED_ROLES`].
#[derive(Clone)]
pub struct EnrolmentCalls {
    pub home: Arc<dyn ServiceCalls>,
    /// In order: role name, and calls that assume it in the account.
    pub trusted: Vec<(&'static str, Arc<dyn ServiceCalls>)>,
}

impl EnrolmentCalls {
    pub(crate) fn by(&self, role: &str) -> Option<&Arc<dyn ServiceCalls>> {
        let mut all = self.trusted.iter();
        all.find(|(name, _)| *name == role).map(|(_, calls)| calls)
    }

    /// Checks if a role can be assumed. A refusal means no; a temporary failure is unknown.
    pub(crate) async fn enters(&self, account: &AccountId, role: &str) -> ReadFact<bool> {
        let Some(calls) = self.by(role) else {
            return Ok(false);
        };
        let place = ReadPlace {
            account: Some(account.clone()),
            region: None,
        };
        let nothing = json!({});
        let found = calls.call(&place, ("sts", "GetCallerIdentity"), &nothing);
        match found.await {
            Ok(_) => Ok(true),
            Err(it) if it.passing => Err(UnreadFact {
                action: "sts:AssumeRole".to_owned(),
                reason: format!("{}: {}", it.code, it.message),
                passing: true,
            }),
            Err(_) => Ok(false),
        }
    }
}
