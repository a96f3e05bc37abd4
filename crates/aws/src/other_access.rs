//! What gives people the same as a grant does, beside it: what must not be refused when the grant ends.

use async_trait::async_trait;
use aws_sdk_ssoadmin::types::{ListAccountAssignmentsFilter, PrincipalType};
use hallpass_assignments::Urgency;
use hallpass_model::{HoldKey, Target};
use hallpass_org::OrganizationFault;
use hallpass_org::armed_ends::OtherAccess;

use crate::Aws;
use crate::call::Deadline;
use crate::center::PAGE;
use crate::pages::listing;
use crate::policies::fault;

#[async_trait]
impl OtherAccess for Aws {
    async fn held_otherwise(&self, key: &HoldKey) -> Result<Option<String>, OrganizationFault> {
        let Target::Account {
            account,
            permission_set,
        } = &key.target
        else {
            return Ok(None);
        };
        let here = || {
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
                .filter(here())
                .max_results(PAGE)
        )
        .await
        .map_err(fault)?;
        let by_group = rows.into_iter().find(|row| {
            row.principal_type == Some(PrincipalType::Group)
                && row.account_id.as_deref() == Some(account.as_str())
                && row.permission_set_arn.as_deref() == Some(permission_set.as_str())
        });
        Ok(by_group.map(|row| {
            let group = row.principal_id.unwrap_or_else(|| "?".to_owned());
            format!("the person has the same permission set there through the group {group}, and the denial would hit that too")
        }))
    }
}
