//! Account access manager: roles without a permission set, missing in assignment listings
//! (`inventory.md` W-13).

use std::future::ready;
use std::io;

use crate::SliceFailure;
use futures_util::stream::{self, StreamExt as _, TryStreamExt as _};
use hallpass_base::AccountId;
use serde_json::{Value, json};

use crate::collect::collector::{Collected, Collector, flat};
use crate::collect::documents::{if_there, needed, undecodable};
use crate::collect::identity_store::Principals;
use crate::collect::organizations::FoundMember;
use crate::collect::permission_sets::HOME;

const SERVICE: &str = "account-access";
const LIST: &str = "ListEntitlements";
const ENTITLEMENTS: &str = "aws_account_access_entitlements";
const ACCOUNTS_AT_ONCE: usize = 16;

impl Collector<'_> {
    pub(crate) fn wants_entitlements(&self, accounts: &[FoundMember]) -> bool {
        let mut accounts = accounts.iter();
        accounts.any(|it| self.wants(ENTITLEMENTS, Some(&it.id)))
    }

    pub(crate) async fn entitlements(
        &self,
        accounts: &[FoundMember],
        principals: Result<&Principals, SliceFailure>,
    ) -> io::Result<()> {
        let applications = match &principals {
            Ok(_) => self.applications().await,
            Err(failure) => Err(failure.clone()),
        };
        let (principals, applications) = (&principals, &applications);
        let wanted = accounts.iter();
        let wanted = wanted.filter(|it| self.wants(ENTITLEMENTS, Some(&it.id)));
        let under_way = stream::iter(wanted).map(|member| async move {
            let (account, started) = (&member.id, self.now());
            if !member.is_active {
                return self.skip(ENTITLEMENTS, account, "suspended");
            }
            let rows = match (principals, applications) {
                (Ok(principals), Ok(applications)) => {
                    self.entitlements_in(account, applications, principals)
                        .await
                }
                (Err(failure), _) | (_, Err(failure)) => Err(failure.clone()),
            };
            self.keep(ENTITLEMENTS, Some(account), started, rows)
        });
        let under_way = under_way.buffer_unordered(ACCOUNTS_AT_ONCE);
        under_way.try_for_each(|()| ready(Ok(()))).await
    }

    async fn applications(&self) -> Collected<Vec<String>> {
        let operation = "ListApplications";
        let input = json!({});
        let found = self.list(&HOME, SERVICE, operation, input);
        let found = found.await?;
        let arn = |it: &Value| Ok(needed(operation, it, "applicationArn")?.to_owned());
        found.iter().map(arn).collect()
    }

    async fn entitlements_in(
        &self,
        account: &AccountId,
        applications: &[String],
        principals: &Principals,
    ) -> Collected<Vec<Value>> {
        let rows = flat(applications, |application| async move {
            let input = json!({
                "applicationArn": application,
                "filter": { "principalRole": { "account": account.as_str() } }, });
            let found = self.list(&HOME, SERVICE, LIST, input).await;
            let found = if_there(found)?.unwrap_or_default();
            let row = |it: &Value| entitlement_row(it, application, account, principals);
            found.iter().map(row).collect()
        });
        let mut rows: Vec<Value> = rows.await?;
        self.look_again(principals, &mut rows).await;
        Ok(rows)
    }
}

fn entitlement_row(
    it: &Value,
    application: &str,
    account: &AccountId,
    principals: &Principals,
) -> Collected<Value> {
    let id = needed(LIST, it, "entitlementId")?;
    let of = it.pointer("/entitlement/principalRole");
    let of = of.ok_or_else(|| undecodable(LIST, "no `principalRole` in it"))?;
    let principal = |name: &str| of.pointer("/principal/identityCenter")?.get(name)?.as_str();
    let (principal_type, principal) = match (principal("userId"), principal("groupId")) {
        (Some(user), _) => ("USER", user),
        (None, Some(group)) => ("GROUP", group),
        (None, None) => return Err(undecodable(LIST, "no `principal` in it")),
    };
    Ok(json!({
        "entitlement_id": id,
        "application_arn": application,
        "role_arn": needed(LIST, of, "roleArn")?,
        "account_id": account.as_str(),
        "principal_type": principal_type,
        "principal_id": principal,
        "principal_exists": principals.contains(principal),
    }))
}
