//! Whether the organization lets a service control policy have an effect, checked before one is
//! attached.

use hallpass_aws_model::facts;
use serde::{Deserialize, Serialize};

use crate::ports::{CallerIdentity, Organization, OrganizationFault, PolicyRow, Root};

/// Limit per target, `FullAWSAccess` included (`policies.md` §5).
pub const SCPS_PER_TARGET: usize = facts::SCPS_PER_TARGET.count();

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refusal {
    pub code: String,
    /// Lower case, no final stop.
    pub message: String,
    pub help: String,
}

impl Refusal {
    pub fn new(code: &str, message: impl Into<String>, help: &str) -> Self {
        Self {
            code: code.to_owned(),
            message: message.into(),
            help: help.to_owned(),
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Surroundings {
    pub caller: CallerIdentity,
    pub root: Root,
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("cannot read {what}: {fault}")]
pub struct OrganizationUnread {
    pub what: String,
    pub fault: OrganizationFault,
}

/// # Errors
/// AWS does not respond.
pub async fn surroundings(
    organization: &dyn Organization,
) -> Result<Surroundings, OrganizationUnread> {
    let unread = |what: &str| {
        let what = what.to_owned();
        |fault| OrganizationUnread { what, fault }
    };
    Ok(Surroundings {
        caller: organization
            .caller()
            .await
            .map_err(unread("who we are in the organization"))?,
        root: organization.root().await.map_err(unread("the root"))?,
    })
}

/// Refusals independent of the policy's content.
pub fn of_surroundings(around: &Surroundings) -> Vec<Refusal> {
    let mut found = Vec::new();
    let caller = &around.caller;
    if caller.account != caller.management_account && !caller.is_delegated {
        let message = format!(
            "account `{}` is neither the management account nor a delegated administrator",
            caller.account
        );
        found.push(Refusal::new(
            "wrong_place",
            message,
            "use credentials of the management account",
        ));
    }
    if !around.root.scps_enabled {
        found.push(Refusal::new(
            "scps_disabled",
            "service control policies are not enabled on the root",
            "`aws organizations enable-policy-type --policy-type SERVICE_CONTROL_POLICY` enables them",
        ));
    }
    found
}

/// Refuses if the target has no free slot for a policy of this name.
pub fn slot_taken(target: &str, attached: &[PolicyRow], name: &str) -> Option<Refusal> {
    let taken = attached.iter().filter(|row| row.name != name).count();
    (taken >= SCPS_PER_TARGET).then(|| {
        let message = format!(
            "`{target}` has {taken} policies, and no more than {SCPS_PER_TARGET} may be attached"
        );
        Refusal::new("no_slot", message, "detach or merge one of them")
    })
}

/// Refuses the management account: policies have no effect there.
pub fn of_management(around: &Surroundings, target: &str) -> Option<Refusal> {
    (target == around.caller.management_account).then(|| {
        Refusal::new(
            "management_account",
            "service control policies have no effect in the management account",
            "choose a unit or a member account",
        )
    })
}

pub fn reasons(refusals: &[Refusal]) -> String {
    let texts: Vec<&str> = refusals.iter().map(|it| it.message.as_str()).collect();
    texts.join("; ")
}
