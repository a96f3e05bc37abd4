//! Identity Center: instances, permission sets, where they are provisioned, and for whom.
//!
//! Assignments are listed for the pairs of set and account that are provisioned, and not for every
//! pair there could be: that is far fewer calls, finds what belongs to nobody any more, and tells
//! on the way where a set has a role that nobody uses (`inventory.md` §3.1).

use std::collections::{BTreeMap, BTreeSet};
use std::io;

use futures_util::future::try_join;
use hallpass_inventory::SliceFailure;
use hallpass_model::{AccountId, GrantId, HoldKey, PermissionSetArn, Target, UserId};
use jiff::Timestamp;
use serde_json::{Value, json};

use crate::collector::{Collected, Collector, flat, for_each};
use crate::documents::{listed, member, needed, policy, tags, text, undecodable};
use crate::identity_store::{self, Principals};
use crate::ports::CallPlace;

const SERVICE: &str = "sso-admin";
const HOME: CallPlace = CallPlace::Home;
/// The most that a page has.
const A_PAGE: u32 = 100;
/// How long a session is where nobody said (AWS: "Set session duration for AWS accounts").
const SESSION_DEFAULT: &str = "PT1H";

const INSTANCES: &str = "aws_ssoadmin_instances";
const SETS: &str = "aws_ssoadmin_permission_sets";
const PROVISIONED: &str = "aws_ssoadmin_provisioned";
const ASSIGNMENTS: &str = "aws_ssoadmin_account_assignments";

/// A permission set of an instance.
#[derive(Clone, Debug)]
struct SetOf {
    instance: String,
    set: String,
}

/// A set in an account where its role exists.
#[derive(Clone, Debug)]
struct Provisioned {
    of: SetOf,
    account: String,
    is_latest: bool,
}

impl Collector<'_> {
    /// Fills the tables of Identity Center.
    pub(crate) async fn identity_center(&self, management: &str) -> io::Result<()> {
        let own = [INSTANCES, SETS, PROVISIONED, ASSIGNMENTS];
        let mut all = own.iter().chain(&identity_store::TABLES);
        if !all.clone().any(|it| self.wants(it, None)) {
            return Ok(());
        }
        let started = self.now();
        let instances = match self.instances().await {
            Ok(instances) => instances,
            Err(failure) => {
                return all.try_for_each(|it| self.keep(it, None, started, Err(failure.clone())));
            }
        };
        if self.wants(INSTANCES, None) {
            let rows = for_each(&instances, |it| self.instance_row(it)).await;
            self.keep(INSTANCES, None, started, rows)?;
        }
        let stores = instances.iter();
        let stores = stores.filter_map(|it| text(it, "IdentityStoreId").map(str::to_owned));
        let stores: Vec<String> = stores.collect();
        let needs_principals = self.wants(ASSIGNMENTS, None);
        let directory = self.directory(&stores, needs_principals);
        // an instance of one account has no permission sets
        let of_organization = instances
            .iter()
            .filter(|it| text(it, "OwnerAccountId") == Some(management));
        let arns = of_organization.filter_map(|it| text(it, "InstanceArn").map(str::to_owned));
        let sets = self.sets(arns.collect(), started);
        let (principals, pairs) = try_join(directory, sets).await?;
        if !needs_principals {
            return Ok(());
        }
        let rows = match (principals, pairs) {
            (Ok(principals), Ok(pairs)) => self.assignments(&principals, &pairs).await,
            (Err(failure), _) | (_, Err(failure)) => Err(failure),
        };
        self.keep(ASSIGNMENTS, None, started, rows)
    }

    /// The instances of our Region. None here says that there is none only where there is none
    /// elsewhere.
    async fn instances(&self) -> Collected<Vec<Value>> {
        let operation = "ListInstances";
        let here = self
            .list(&HOME, SERVICE, operation, json!({}), "Instances")
            .await?;
        if !here.is_empty() {
            return Ok(here);
        }
        let input = json!({ "RegionScope": "ALL_REGIONS" });
        let all = self
            .list(&HOME, SERVICE, operation, input, "Instances")
            .await?;
        match all.first() {
            None => Ok(here),
            Some(instance) => {
                let region = text(instance, "PrimaryRegion").unwrap_or("another Region");
                Err(SliceFailure {
                    code: "E_HOME_REGION".to_owned(),
                    stage: "call".to_owned(),
                    message: format!("Identity Center is in {region}: say `--home-region`"),
                    ..undecodable(operation, "")
                })
            }
        }
    }

    async fn instance_row(&self, instance: &Value) -> Collected<Value> {
        let arn = needed("ListInstances", instance, "InstanceArn")?;
        let regions = if let Some(regions) = instance.get("Regions") {
            regions.clone()
        } else {
            let input = json!({ "InstanceArn": arn });
            let regions = self.list(&HOME, SERVICE, "ListRegions", input, "Regions");
            regions.await?.into()
        };
        Ok(json!({
            "instance_arn": arn,
            "identity_store_id": member(instance, "IdentityStoreId"),
            "instance_owner": member(instance, "OwnerAccountId"),
            "instance_status": member(instance, "Status"),
            "instance_regions": regions,
        }))
    }

    /// Fills the tables of sets; answers where they are provisioned.
    async fn sets(
        &self,
        instances: Vec<String>,
        started: Timestamp,
    ) -> io::Result<Collected<Vec<Provisioned>>> {
        let wants = |table| self.wants(table, None);
        if !wants(SETS) && !wants(PROVISIONED) && !wants(ASSIGNMENTS) {
            return Ok(Ok(Vec::new()));
        }
        let sets = flat(instances, |instance| async move {
            let input = json!({ "InstanceArn": instance, "MaxResults": A_PAGE });
            let found = self.list(
                &HOME,
                SERVICE,
                "ListPermissionSets",
                input,
                "PermissionSets",
            );
            let found = found.await?;
            let sets = found.iter().filter_map(Value::as_str);
            let sets = sets.map(|set| SetOf {
                instance: instance.clone(),
                set: set.to_owned(),
            });
            Ok(sets.collect())
        });
        let sets: Vec<SetOf> = match sets.await {
            Ok(sets) => sets,
            Err(failure) => {
                self.keep(SETS, None, started, Err(failure.clone()))?;
                self.keep(PROVISIONED, None, started, Err(failure.clone()))?;
                return Ok(Err(failure));
            }
        };
        if wants(SETS) {
            let rows = for_each(&sets, |set| self.if_not_gone(set, self.set_row(set))).await;
            let rows = rows.map(|it| it.into_iter().flatten().collect());
            self.keep(SETS, None, started, rows)?;
        }
        let pairs = flat(&sets, |set| async {
            let found = self.if_not_gone(set, self.provisioned(set)).await?;
            Ok(found.unwrap_or_default())
        });
        let pairs: Collected<Vec<Provisioned>> = pairs.await;
        let rows = pairs.as_ref().map_err(SliceFailure::clone).map(|pairs| {
            let row = |it: &Provisioned| {
                json!({
                    "permission_set_arn": it.of.set,
                    "account_id": it.account,
                    "latest": it.is_latest,
                })
            };
            pairs.iter().map(row).collect()
        });
        self.keep(PROVISIONED, None, started, rows)?;
        Ok(pairs)
    }

    async fn set_row(&self, of: &SetOf) -> Collected<Value> {
        let input = json!({ "InstanceArn": of.instance, "PermissionSetArn": of.set });
        let call = |operation| self.call(&HOME, SERVICE, operation, input.clone());
        let listing = |operation, name| self.list(&HOME, SERVICE, operation, input.clone(), name);
        let described = call("DescribePermissionSet").await?;
        let described = member(&described, "PermissionSet");
        let managed = listing(
            "ListManagedPoliciesInPermissionSet",
            "AttachedManagedPolicies",
        );
        let managed = managed.await?;
        let operation = "ListCustomerManagedPolicyReferencesInPermissionSet";
        let customer = listing(operation, "CustomerManagedPolicyReferences").await?;
        let inline = call("GetInlinePolicyForPermissionSet").await?;
        let inline = text(&inline, "InlinePolicy").map(policy);
        // a set without a boundary is answered with an error
        let boundary = if_there(call("GetPermissionsBoundaryForPermissionSet").await)?;
        let resource = json!({ "InstanceArn": of.instance, "ResourceArn": of.set });
        let found = self.list(&HOME, SERVICE, "ListTagsForResource", resource, "Tags");
        let found = found.await?;
        let session = text(&described, "SessionDuration").unwrap_or(SESSION_DEFAULT);
        Ok(json!({
            "permission_set_arn": of.set,
            "permission_set_name": member(&described, "Name"),
            "description": member(&described, "Description"),
            "session_duration": session,
            "relay_state": member(&described, "RelayState"),
            "created": member(&described, "CreatedDate"),
            "managed_policies": managed,
            "customer_policies": customer,
            "inline_policy": inline,
            "boundary": boundary.map(|it| member(&it, "PermissionsBoundary")),
            "ps_tags": tags(&found),
        }))
    }

    async fn provisioned(&self, of: &SetOf) -> Collected<Vec<Provisioned>> {
        let mut pairs = Vec::new();
        for (status, is_latest) in [
            ("LATEST_PERMISSION_SET_PROVISIONED", true),
            ("LATEST_PERMISSION_SET_NOT_PROVISIONED", false),
        ] {
            let input = json!({
                "InstanceArn": of.instance,
                "PermissionSetArn": of.set,
                "ProvisioningStatus": status,
                "MaxResults": A_PAGE,
            });
            let operation = "ListAccountsForProvisionedPermissionSet";
            let accounts = self
                .list(&HOME, SERVICE, operation, input, "AccountIds")
                .await?;
            let accounts = accounts.iter().filter_map(Value::as_str);
            pairs.extend(accounts.map(|account| Provisioned {
                of: of.clone(),
                account: account.to_owned(),
                is_latest,
            }));
        }
        Ok(pairs)
    }

    async fn assignments(
        &self,
        principals: &Principals,
        pairs: &[Provisioned],
    ) -> Collected<Vec<Value>> {
        let operation = "ListAccountAssignments";
        let before = self.held_by_grants().await?;
        // an account that changed its status between the two lists is in both
        let mut seen = BTreeSet::new();
        let pairs = pairs
            .iter()
            .filter(|it| seen.insert((it.of.set.as_str(), it.account.as_str())));
        let mut rows = flat(pairs.collect::<Vec<_>>(), |pair| async move {
            let input = json!({
                "InstanceArn": pair.of.instance,
                "PermissionSetArn": pair.of.set,
                "AccountId": pair.account,
                "MaxResults": A_PAGE,
            });
            let pages = self.pages(&HOME, SERVICE, operation, input);
            let Some(pages) = self.if_not_gone(&pair.of, pages).await? else {
                return Ok(Vec::new());
            };
            let found = listed(operation, &pages, "AccountAssignments")?;
            let row = |it: &Value| {
                let id = needed(operation, it, "PrincipalId")?;
                Ok(json!({
                    "permission_set_arn": pair.of.set,
                    "account_id": pair.account,
                    "principal_type": member(it, "PrincipalType"),
                    "principal_id": id,
                    "principal_exists": principals.contains(id),
                    "hallpass_grant_id": Value::Null,
                }))
            };
            found.iter().map(row).collect()
        })
        .await?;
        // what was given or taken meanwhile is in one of the two
        let mut held = self.held_by_grants().await?;
        held.extend(before);
        for row in &mut rows {
            let grant = hold_key(row).and_then(|key| held.get(&key));
            if let (Some(grant), Some(row)) = (grant, row.as_object_mut()) {
                row.insert("hallpass_grant_id".to_owned(), json!(grant.to_string()));
            }
        }
        Ok(rows)
    }

    async fn held_by_grants(&self) -> Collected<BTreeMap<HoldKey, GrantId>> {
        let Some(temporary) = self.temporary else {
            return Ok(BTreeMap::new());
        };
        temporary.held().await.map_err(|message| SliceFailure {
            stage: "grants".to_owned(),
            operation: "read the grants of the store".to_owned(),
            code: "StoreUnreadable".to_owned(),
            message,
            http_status: None,
            attempts: 1,
            request_id: None,
        })
    }

    /// What disappears while it is looked at is left out, with a note (`inventory.md` W-12).
    async fn if_not_gone<T>(
        &self,
        of: &SetOf,
        work: impl Future<Output = Collected<T>>,
    ) -> Collected<Option<T>> {
        let found = if_there(work.await)?;
        if found.is_none() {
            let note = format!("{} went away while it was read", of.set);
            self.store.note(note);
        }
        Ok(found)
    }
}

/// Whose assignment a row is, as grants have it: they are of people alone.
fn hold_key(row: &Value) -> Option<HoldKey> {
    let text = |name: &str| row.get(name)?.as_str();
    let is_user = text("principal_type") == Some("USER");
    let target = Target::Account {
        account: AccountId::new(text("account_id")?).ok()?,
        permission_set: PermissionSetArn::new(text("permission_set_arn")?).ok()?,
    };
    let user = UserId::new(text("principal_id")?).ok()?;
    is_user.then_some(HoldKey { user, target })
}

/// Nothing, where AWS says that there is no such thing.
pub(crate) fn if_there<T>(found: Collected<T>) -> Collected<Option<T>> {
    match found {
        Ok(found) => Ok(Some(found)),
        Err(failure) if failure.code == "ResourceNotFoundException" => Ok(None),
        Err(failure) => Err(failure),
    }
}
