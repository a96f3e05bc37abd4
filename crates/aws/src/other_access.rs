//! What gives people the same as a grant does, beside it: what must not be refused when the grant ends.

use async_trait::async_trait;
use aws_sdk_ssoadmin::types::{
    AccountAssignmentForPrincipal, ListAccountAssignmentsFilter, PrincipalType,
};
use hallpass_assignments::Urgency;
use hallpass_model::{HoldKey, Target, Timestamp};
use hallpass_org::OrganizationFault;
use hallpass_org::armed_ends::{HomeRegion, OtherAccess};

use crate::Aws;
use crate::call::Deadline;
use crate::center::PAGE;
use crate::pages::listing;
use crate::policies::fault;

#[async_trait]
impl OtherAccess for Aws {
    async fn held_otherwise(
        &self,
        key: &HoldKey,
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
        let here = |row: &AccountAssignmentForPrincipal| {
            row.account_id.as_deref() == Some(account.as_str())
                && row.permission_set_arn.as_deref() == Some(permission_set.as_str())
        };
        let hits = "has the same permission set there, and the denial would hit that too";
        let words = |row: AccountAssignmentForPrincipal| match row.principal_type {
            Some(PrincipalType::Group) => {
                let group = row.principal_id.unwrap_or_else(|| "?".to_owned());
                Some(format!("through the group {group} the person {hits}"))
            }
            Some(PrincipalType::User) if own => Some(format!(
                "by an assignment that Hallpass did not make the person {hits}"
            )),
            Some(_) | None => None,
        };
        Ok(rows.into_iter().filter(here).find_map(words))
    }
}

impl HomeRegion for Aws {
    fn lost_since(&self, now: Timestamp) -> Option<Timestamp> {
        self.center.lost_since(now)
    }
}
