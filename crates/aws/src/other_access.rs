//! Finds other access equal to a grant's, which must not be denied at its end.

use std::time::Duration;

use async_trait::async_trait;
use aws_sdk_ssoadmin::types::{
    AccountAssignmentForPrincipal, ListAccountAssignmentsFilter, PrincipalType,
};
use hallpass_assignments::{CenterFault, Urgency};
use hallpass_base::{HoldKey, PermissionSetArn, Target, TargetNames, Timestamp};
use hallpass_enforcement::OrganizationFault;
use hallpass_enforcement::armed_ends::{HomeRegion, OtherAccess};

use crate::Aws;
use crate::call::Deadline;
use crate::center::PAGE;
use crate::inventory::described;
use crate::pages::listing;
use crate::policies::fault;

/// Maximum wait for a group's name: other ends wait, and the id suffices.
const NAME_MAX: Duration = Duration::from_secs(3);

enum OtherWay {
    Group(Option<String>),
    /// A direct assignment unmanaged by Hallpass.
    Assignment,
}

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
        // includes direct and group assignments ("ListAccountAssignmentsForPrincipal", IAM Identity
        // Center API Reference)
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
            let Some(way) = other_way(&row, own) else {
                continue;
            };
            match row.permission_set_arn {
                Some(arn) if arn == permission_set.as_str() => {
                    return Ok(Some(self.words(way).await));
                }
                arn => others.extend(arn.map(|arn| (arn, way))),
            }
        }
        let way = self.held_by_name(permission_set, names, others).await?;
        Ok(match way {
            Some(way) => Some(self.words(way).await),
            None => None,
        })
    }
}

fn other_way(row: &AccountAssignmentForPrincipal, own: bool) -> Option<OtherWay> {
    match &row.principal_type {
        Some(PrincipalType::Group) => Some(OtherWay::Group(row.principal_id.clone())),
        Some(PrincipalType::User) if own => Some(OtherWay::Assignment),
        Some(_) | None => None,
    }
}

impl Aws {
    async fn words(&self, way: OtherWay) -> String {
        let hits = "has the same permission set there, and the denial would hit that too";
        match way {
            OtherWay::Group(Some(id)) => {
                let group = self.group_name(&id).await.unwrap_or(id);
                format!("through the group {group} the person {hits}")
            }
            OtherWay::Group(None) => format!("through a group the person {hits}"),
            OtherWay::Assignment => {
                format!("by an assignment that Hallpass did not make the person {hits}")
            }
        }
    }

    /// `None` without a name or a quick answer.
    async fn group_name(&self, group: &str) -> Option<String> {
        let pace = Deadline::within(Urgency::Grant, NAME_MAX);
        let found = self
            .store_line
            .read("DescribeGroup", pace, || {
                self.store
                    .describe_group()
                    .identity_store_id(&self.about().identity_store_id)
                    .group_id(group)
                    .send()
            })
            .await;
        match found {
            Ok(found) => found.display_name.filter(|name| !name.is_empty()),
            Err(failure) => {
                tracing::debug!(group = %group, fault = %failure.fault, "a group's name could not be read");
                None
            }
        }
    }

    /// Finds access by another set with a deleted set's name. None while the set exists or is
    /// unreadable.
    async fn held_by_name(
        &self,
        permission_set: &PermissionSetArn,
        names: &TargetNames,
        others: Vec<(String, OtherWay)>,
    ) -> Result<Option<OtherWay>, OrganizationFault> {
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
            // unknown, which does not justify a denial
            Err(failure) => return Err(fault(failure)),
        }
        for (arn, way) in others {
            let Ok(arn) = PermissionSetArn::new(arn) else {
                continue;
            };
            let set = described(self, &arn).await.map_err(fault)?;
            if set.is_some_and(|set| set.name.as_ref() == Some(name)) {
                return Ok(Some(way));
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
