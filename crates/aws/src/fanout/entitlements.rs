//! Entitlements of account access manager (Account Access Manager API Reference): listings require
//! a principal, a role or an account.

use std::sync::Arc;

use async_trait::async_trait;
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use hallpass_access::{
    DirectoryFault, EntitledPrincipal, Entitlement, EntitlementListing, EntitlementSource,
    PersonEntitlements, Unread, UnreadPlace,
};
use hallpass_base::{AccountId, GroupId, UserId};
use hallpass_findings::{CallRefusal, FindingCalls};
use serde_json::{Map, Value, json};

use super::FindingClient;

const SERVICE: &str = "account-access";
/// Maximum page size (`ListEntitlements`, `maxResults`; `ListGroupMembershipsForMember`,
/// `MaxResults`).
const PAGE: u32 = 100;
const AT_ONCE: usize = 4;
const PAGES_MAX: usize = 10_000;

pub struct EntitlementClient {
    calls: Arc<FindingClient>,
    identity_store: String,
}

impl std::fmt::Debug for EntitlementClient {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("EntitlementClient").finish_non_exhaustive()
    }
}

impl EntitlementClient {
    pub fn new(calls: Arc<FindingClient>, identity_store: String) -> Self {
        Self {
            calls,
            identity_store,
        }
    }

    /// All rows of a listing; empty if its subject is deleted.
    async fn list(
        &self,
        (service, operation): (&'static str, &'static str),
        input: Map<String, Value>,
        (size, token, rows): (&str, &str, &str),
    ) -> Result<Vec<Value>, DirectoryFault> {
        let (mut all, mut input) = (Vec::new(), input);
        input.insert(size.to_owned(), PAGE.into());
        for _ in 0..PAGES_MAX {
            let asked = Value::Object(input.clone());
            let answer = match self.calls.call(None, service, operation, &asked).await {
                Err(refusal) if refusal.code == "ResourceNotFoundException" => return Ok(all),
                answer => answer.map_err(|refusal| fault(&refusal))?,
            };
            let page = answer.get(rows).and_then(Value::as_array);
            let page = page.ok_or_else(|| undecodable(operation, rows))?;
            all.extend(page.iter().cloned());
            match answer.get(token).and_then(Value::as_str) {
                Some(next) if !next.is_empty() => {
                    input.insert(token.to_owned(), next.into());
                }
                _ => return Ok(all),
            }
        }
        Err(undecodable(operation, token))
    }

    /// Number of applications: 0 where account access manager is unused.
    pub async fn applications_count(&self) -> Result<usize, DirectoryFault> {
        Ok(self.applications().await?.len())
    }

    async fn applications(&self) -> Result<Vec<String>, DirectoryFault> {
        let operation = "ListApplications";
        let members = ("maxResults", "nextToken", "applications");
        let found = self.list((SERVICE, operation), Map::new(), members).await?;
        let arn = |it: &Value| Some(it.get("applicationArn")?.as_str()?.to_owned());
        let arns = found.iter().map(arn);
        arns.collect::<Option<_>>()
            .ok_or_else(|| undecodable(operation, "applicationArn"))
    }

    async fn entitlements(
        &self,
        application: &str,
        filter: Value,
    ) -> Result<Vec<Entitlement>, DirectoryFault> {
        let operation = "ListEntitlements";
        let members = ("maxResults", "nextToken", "entitlements");
        let input = Map::from_iter([
            ("applicationArn".to_owned(), application.into()),
            ("filter".to_owned(), json!({"principalRole": filter})),
        ]);
        let found = self.list((SERVICE, operation), input, members).await?;
        let rows = found.iter().map(|it| entitlement(application, it));
        rows.collect::<Option<_>>()
            .ok_or_else(|| undecodable(operation, "entitlement"))
    }

    async fn groups_of(&self, user: &UserId) -> Result<Vec<GroupId>, DirectoryFault> {
        let operation = "ListGroupMembershipsForMember";
        let input = Map::from_iter([
            (
                "IdentityStoreId".to_owned(),
                self.identity_store.clone().into(),
            ),
            ("MemberId".to_owned(), json!({"UserId": user.as_str()})),
        ]);
        let members = ("MaxResults", "NextToken", "GroupMemberships");
        let found = self
            .list(("identitystore", operation), input, members)
            .await?;
        let group = |it: &Value| GroupId::new(it.get("GroupId")?.as_str()?).ok();
        let groups = found.iter().map(group);
        groups
            .collect::<Option<_>>()
            .ok_or_else(|| undecodable(operation, "GroupId"))
    }

    async fn of_principal(
        &self,
        applications: &[String],
        principal: &EntitledPrincipal,
    ) -> Result<Vec<Entitlement>, DirectoryFault> {
        let member = match principal {
            EntitledPrincipal::User(user) => json!({"userId": user.as_str()}),
            EntitledPrincipal::Group(group) => json!({"groupId": group.as_str()}),
        };
        let filter = json!({"principal": {"identityCenter": member}});
        let mut all = Vec::new();
        for application in applications {
            all.extend(self.entitlements(application, filter.clone()).await?);
        }
        all.retain(|it| it.principal == *principal);
        Ok(all)
    }

    async fn in_account(
        &self,
        applications: &[String],
        account: &AccountId,
    ) -> Result<Vec<Entitlement>, DirectoryFault> {
        let filter = json!({"account": account.as_str()});
        let mut all = Vec::new();
        for application in applications {
            all.extend(self.entitlements(application, filter.clone()).await?);
        }
        Ok(all)
    }
}

#[async_trait]
impl EntitlementSource for EntitlementClient {
    async fn of_person(&self, user: &UserId) -> Result<PersonEntitlements, DirectoryFault> {
        let applications = self.applications().await?;
        if applications.is_empty() {
            return Ok(PersonEntitlements::default());
        }
        let own = EntitledPrincipal::User(user.clone());
        let own = self.of_principal(&applications, &own).await?;
        let groups = self.groups_of(user).await?;
        let applications = &applications;
        let by_group: Vec<Vec<Entitlement>> = stream::iter(groups)
            .map(|group| async move {
                let group = EntitledPrincipal::Group(group);
                self.of_principal(applications, &group).await
            })
            .buffered(AT_ONCE)
            .try_collect()
            .await?;
        Ok(PersonEntitlements {
            own,
            by_group: by_group.into_iter().flatten().collect(),
        })
    }

    async fn in_accounts(&self, accounts: &[&AccountId]) -> EntitlementListing {
        let unread = |account: Option<&AccountId>, fault: &DirectoryFault| Unread {
            what: UnreadPlace::Entitlements {
                account: account.cloned(),
            },
            error: fault.message.clone(),
        };
        let mut listing = EntitlementListing::default();
        let applications = match self.applications().await {
            Ok(applications) => applications,
            Err(fault) => {
                listing.unread.push(unread(None, &fault));
                return listing;
            }
        };
        if applications.is_empty() {
            return listing;
        }
        let applications = &applications;
        // owned: a closure over a borrowed account is not general enough for the future of a port
        let accounts: Vec<AccountId> = accounts.iter().map(|it| (*it).clone()).collect();
        let found: Vec<(AccountId, Result<Vec<Entitlement>, DirectoryFault>)> =
            stream::iter(accounts)
                .map(|account| async move {
                    let found = self.in_account(applications, &account).await;
                    (account, found)
                })
                .buffered(AT_ONCE)
                .collect()
                .await;
        for (account, found) in found {
            match found {
                Ok(found) => listing.seen.extend(found),
                Err(fault) => listing.unread.push(unread(Some(&account), &fault)),
            }
        }
        listing.seen.sort();
        listing.seen.dedup();
        listing
    }

    async fn delete(&self, entitlement: &Entitlement) -> Result<(), DirectoryFault> {
        let input =
            json!({"applicationArn": entitlement.application, "entitlementId": entitlement.id});
        let operation = "DeleteEntitlement";
        match self.calls.call(None, SERVICE, operation, &input).await {
            Err(refusal) if refusal.code == "ResourceNotFoundException" => Ok(()),
            answer => answer.map(drop).map_err(|refusal| fault(&refusal)),
        }
    }
}

fn entitlement(application: &str, row: &Value) -> Option<Entitlement> {
    let of = row.pointer("/entitlement/principalRole")?;
    let principal = of.pointer("/principal/identityCenter")?;
    let text = |name: &str| principal.get(name)?.as_str();
    let principal = match (text("userId"), text("groupId")) {
        (Some(user), None) => EntitledPrincipal::User(UserId::new(user).ok()?),
        (None, Some(group)) => EntitledPrincipal::Group(GroupId::new(group).ok()?),
        (Some(_), Some(_)) | (None, None) => return None,
    };
    Some(Entitlement {
        application: application.to_owned(),
        id: row.get("entitlementId")?.as_str()?.to_owned(),
        role: of.get("roleArn")?.as_str()?.to_owned(),
        account: AccountId::new(of.get("account")?.as_str()?).ok()?,
        principal,
    })
}

fn fault(refusal: &CallRefusal) -> DirectoryFault {
    DirectoryFault {
        what: refusal.operation.clone(),
        message: format!("{}: {}", refusal.code, refusal.message),
    }
}

fn undecodable(operation: &str, member: &str) -> DirectoryFault {
    DirectoryFault {
        what: operation.to_owned(),
        message: format!("its answer has no usable `{member}`"),
    }
}
