//! Checks, before an account is created, that its access can be assigned.

use std::sync::Arc;

use async_trait::async_trait;
use hallpass_access_files::{PermissionSetAdmin, PrincipalRef};
use hallpass_assignments::CenterFault;
use hallpass_aws::Aws;
use hallpass_enforcement::OrganizationFault;
use hallpass_org::vending::{AccessNeeds, WantedAccess};

pub(super) struct DirectoryNeeds {
    aws: Arc<Aws>,
    center: Arc<dyn PermissionSetAdmin>,
}

impl DirectoryNeeds {
    pub(super) fn of(aws: &Arc<Aws>, center: &Arc<dyn PermissionSetAdmin>) -> Arc<Self> {
        Arc::new(Self {
            aws: Arc::clone(aws),
            center: Arc::clone(center),
        })
    }
}

fn unanswered(fault: &CenterFault) -> OrganizationFault {
    let message = fault.to_string();
    match fault {
        CenterFault::Throttled { .. } | CenterFault::NotSent | CenterFault::Full { .. } => {
            OrganizationFault::Throttled {
                message,
                after: None,
            }
        }
        CenterFault::KeyUnusable { .. } | CenterFault::Unreachable { .. } => {
            OrganizationFault::Unreachable { message }
        }
        CenterFault::Conflict { .. } => OrganizationFault::Conflict { message },
        CenterFault::NotFound { .. } => OrganizationFault::NotThere { message },
        CenterFault::Refused { .. } => OrganizationFault::Refused {
            code: "Refused".to_owned(),
            message,
        },
    }
}

#[async_trait]
impl AccessNeeds for DirectoryNeeds {
    async fn missing(&self, access: &WantedAccess) -> Result<Option<String>, OrganizationFault> {
        if !self.aws.has_principal(&access.principal).await? {
            return Ok(Some(match &access.principal {
                PrincipalRef::Group(id) => format!("group {id} of the access to it"),
                PrincipalRef::User(id) => format!("user {id} of the access to it"),
            }));
        }
        let sets = self
            .center
            .sets()
            .await
            .map_err(|fault| unanswered(&fault))?;
        let set = &access.permission_set;
        Ok(
            (!sets.contains_key(set))
                .then(|| format!("permission set `{set}` of the access to it")),
        )
    }
}
