//! What gives people the same as a grant does, beside it: what must not be refused when the grant ends.

use async_trait::async_trait;
use aws_sdk_ssoadmin::types::{
    AccountAssignmentForPrincipal, ListAccountAssignmentsFilter, PrincipalType,
};
use hallpass_assignments::{CenterFault, Urgency};
use hallpass_model::{HoldKey, PermissionSetArn, Target, TargetNames, Timestamp};
use hallpass_org::OrganizationFault;
use hallpass_org::armed_ends::{HomeRegion, OtherAccess};

use crate::Aws;
use crate::call::Deadline;
use crate::center::PAGE;
use crate::inventory::described;
use crate::pages::listing;
use crate::policies::fault;

#[async_trait]
impl OtherAccess for Aws {
    async fn held_otherwise(
        &self,
        key: &HoldKey,
        names: &TargetNames,
        own: bool,
    ) -> Result<Option<String>, OrganizationFault> {
        let Target::Account {
            account,
            permission_set,
        } = &key.target
        else {
            return Ok(None);
        };
        let of_account = || {
            ListAccountAssignmentsFilter::builder()
                .account_id(account.as_str())
                .build()
        };
        // it shows what the person has directly and what comes by their groups ("ListAccountAssignmentsForPrincipal",
        // IAM Identity Center API Reference)
        let rows = listing!(
            self.sso_line.read(
                "ListAccountAssignmentsForPrincipal",
                Deadline::port(Urgency::Grant)
            ),
            account_assignments,
            self.sso
                .list_account_assignments_for_principal()
                .instance_arn(&self.about().instance_arn)
                .principal_type(PrincipalType::User)
                .principal_id(key.user.as_str())
                .filter(of_account())
                .max_results(PAGE)
        )
        .await
        .map_err(fault)?;
        let is_here = |row: &AccountAssignmentForPrincipal| {
            row.account_id.as_deref() == Some(account.as_str())
        };
        let mut others = Vec::new();
        for row in rows.into_iter().filter(is_here) {
            let Some(words) = words(&row, own) else {
                continue;
            };
            match row.permission_set_arn {
                Some(arn) if arn == permission_set.as_str() => return Ok(Some(words)),
                arn => others.extend(arn.map(|arn| (arn, words))),
            }
        }
        self.held_by_name(permission_set, names, others).await
    }
}

/// How a row gives the person what a grant does, in words.
fn words(row: &AccountAssignmentForPrincipal, own: bool) -> Option<String> {
    let hits = "has the same permission set there, and the denial would hit that too";
    match &row.principal_type {
        Some(PrincipalType::Group) => {
            let group = row.principal_id.as_deref().unwrap_or("?");
            Some(format!("through the group {group} the person {hits}"))
        }
        Some(PrincipalType::User) if own => Some(format!(
            "by an assignment that Hallpass did not make the person {hits}"
        )),
        Some(_) | None => None,
    }
}

impl Aws {
    /// Whether one of other sets has the name of a set that was deleted. While that is there, or nobody may see whether it is,
    /// none has.
    async fn held_by_name(
        &self,
        permission_set: &PermissionSetArn,
        names: &TargetNames,
        others: Vec<(String, String)>,
    ) -> Result<Option<String>, OrganizationFault> {
        let TargetNames::Account {
            permission_set: name,
            ..
        } = names
        else {
            return Ok(None);
        };
        if others.is_empty() {
            return Ok(None);
        }
        match described(self, permission_set).await {
            Ok(None) => {}
            Ok(Some(_)) => return Ok(None),
            Err(failure) if matches!(failure.fault, CenterFault::Refused { .. }) => {
                return Ok(None);
            }
            // nobody knows, and that is no reason to deny
            Err(failure) => return Err(fault(failure)),
        }
        for (arn, words) in others {
            let Ok(arn) = PermissionSetArn::new(arn) else {
                continue;
            };
            let set = described(self, &arn).await.map_err(fault)?;
            if set.is_some_and(|set| set.name.as_ref() == Some(name)) {
                return Ok(Some(words));
            }
        }
        Ok(None)
    }
}

impl HomeRegion for Aws {
    fn lost_since(&self, now: Timestamp) -> Option<Timestamp> {
        self.center.lost_since(now)
    }
}
