//! Calls of the management account, and calls inside accounts by one of the roles that may be there.

use std::sync::Arc;

use hallpass_base::AccountId;
use serde_json::json;

use crate::changing::ServiceCalls;
use crate::reading::{ReadFact, ReadPlace, UnreadFact};

/// The role by which Control Tower enters accounts.
pub(crate) const EXECUTION: &str = "AWSControlTowerExecution";
/// Roles that let the management account in, in the order in which they are tried (`organization.md` N-2).
pub const TRUSTED_ROLES: [&str; 3] = [
    EXECUTION,
    "OrganizationAccountAccessRole",
    "AWSCloudFormationStackSetExecutionRole",
];

/// Calls at home, and by each of [`TRUSTED_ROLES`].
#[derive(Clone)]
pub struct EnrolmentCalls {
    /// With our own credentials.
    pub home: Arc<dyn ServiceCalls>,
    /// By each of the roles, in their order: the role's name, and calls that assume it in the account of their place.
    pub trusted: Vec<(&'static str, Arc<dyn ServiceCalls>)>,
}

impl EnrolmentCalls {
    /// Calls by a role; `None` of one that is not tried.
    pub(crate) fn by(&self, role: &str) -> Option<&Arc<dyn ServiceCalls>> {
        let mut all = self.trusted.iter();
        all.find(|(name, _)| *name == role).map(|(_, calls)| calls)
    }

    /// Whether a role of an account lets us in. A refusal means no; what may pass by itself is not known.
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
