//! Identity Center: instances, permission sets, and where they are provisioned.

use std::io;

use futures_util::future::try_join;
use hallpass_inventory::SliceFailure;
use jiff::Timestamp;
use serde_json::{Value, json};

use crate::assignments::Enumerated;
use crate::collector::{Collected, Collector, flat, for_each};
use crate::documents::{member, needed, policy, tags, text, undecodable};
use crate::identity_store;
use crate::organizations::FoundOrganization;
use crate::ports::CallPlace;
use crate::scope::PlanChoice;

pub(crate) const SERVICE: &str = "sso-admin";
pub(crate) const HOME: CallPlace = CallPlace::Home;
/// The most that a page has.
pub(crate) const A_PAGE: u32 = 100;
/// How long a session is where nobody said (AWS: "Set session duration for AWS accounts").
const SESSION_DEFAULT: &str = "PT1H";

const INSTANCES: &str = "aws_ssoadmin_instances";
const SETS: &str = "aws_ssoadmin_permission_sets";
const PROVISIONED: &str = "aws_ssoadmin_provisioned";
const ASSIGNMENTS: &str = "aws_ssoadmin_account_assignments";

/// A permission set of an instance.
#[derive(Clone, Debug)]
pub(crate) struct SetOf {
    pub(crate) instance: String,
    pub(crate) set: String,
}

/// A set in an account where its role exists.
#[derive(Clone, Debug)]
pub(crate) struct Provisioned {
    pub(crate) of: SetOf,
    pub(crate) account: String,
    pub(crate) is_latest: bool,
}

/// Permission sets, and where they are provisioned.
#[derive(Debug, Default)]
pub(crate) struct FoundSets {
    pub(crate) instances: Vec<String>,
    pub(crate) sets: Vec<SetOf>,
    pub(crate) pairs: Vec<Provisioned>,
}

impl Collector<'_> {
    /// Fills the tables of Identity Center.
    pub(crate) async fn identity_center(
        &self,
        organization: &FoundOrganization,
        plan: PlanChoice,
    ) -> io::Result<()> {
        let own = [INSTANCES, SETS, PROVISIONED, ASSIGNMENTS];
        let mut all = own.iter().chain(&identity_store::TABLES);
        let accounts = &organization.accounts;
        let wants_entitlements = self.wants_entitlements(accounts);
        if !wants_entitlements && !all.clone().any(|it| self.wants(it, None)) {
            return Ok(());
        }
        let started = self.now();
        let instances = match self.instances().await {
            Ok(instances) => instances,
            Err(failure) => {
                all.try_for_each(|it| self.keep(it, None, started, Err(failure.clone())))?;
                return self.entitlements(accounts, Err(failure)).await;
            }
        };
        if self.wants(INSTANCES, None) {
            let rows = for_each(&instances, |it| self.instance_row(it)).await;
            self.keep(INSTANCES, None, started, rows)?;
        }
        let stores = identity_stores(&instances);
        let wants_assignments = self.wants(ASSIGNMENTS, None);
        let needs_principals = wants_assignments || wants_entitlements;
        let directory = self.directory(&stores, needs_principals);
        let arns = of_organization(&instances, &organization.management);
        let sets = self.sets(arns, started);
        let (principals, sets) = try_join(directory, sets).await?;
        if wants_entitlements {
            let known = principals.as_ref().map_err(SliceFailure::clone);
            self.entitlements(accounts, known).await?;
        }
        if !wants_assignments {
            return Ok(());
        }
        let rows = match (principals, sets) {
            (Ok(principals), Ok(sets)) => {
                let enumerated = Enumerated {
                    accounts: &organization.all,
                    principals: &principals,
                    sets: &sets,
                };
                self.assignments(&enumerated, plan).await
            }
            (Err(failure), _) | (_, Err(failure)) => Err(failure),
        };
        self.keep(ASSIGNMENTS, None, started, rows)
    }

    /// The instances of our Region. None here says that there is none only where there is none
    /// elsewhere.
    pub(crate) async fn instances(&self) -> Collected<Vec<Value>> {
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
    ) -> io::Result<Collected<FoundSets>> {
        let wants = |table| self.wants(table, None);
        if !wants(SETS) && !wants(PROVISIONED) && !wants(ASSIGNMENTS) {
            return Ok(Ok(FoundSets::default()));
        }
        let sets = match self.listed_sets(&instances).await {
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
        let pairs = self.all_provisioned(&sets).await;
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
        Ok(pairs.map(|pairs| FoundSets {
            instances,
            sets,
            pairs,
        }))
    }

    pub(crate) async fn listed_sets(&self, instances: &[String]) -> Collected<Vec<SetOf>> {
        flat(instances, |instance| async move {
            let (operation, name) = ("ListPermissionSets", "PermissionSets");
            let input = json!({ "InstanceArn": instance, "MaxResults": A_PAGE });
            let found = self.list(&HOME, SERVICE, operation, input, name).await?;
            let sets = found.iter().filter_map(Value::as_str);
            let sets = sets.map(|set| SetOf {
                instance: instance.clone(),
                set: set.to_owned(),
            });
            Ok(sets.collect())
        })
        .await
    }

    /// Where sets are provisioned; those that go away meanwhile are left out.
    pub(crate) async fn all_provisioned(&self, sets: &[SetOf]) -> Collected<Vec<Provisioned>> {
        flat(sets, |set| async {
            let found = self.if_not_gone(set, self.provisioned(set)).await?;
            Ok(found.unwrap_or_default())
        })
        .await
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

    /// What disappears while it is looked at is left out, with a note (`inventory.md` W-12).
    pub(crate) async fn if_not_gone<T>(
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

/// The directories of instances.
pub(crate) fn identity_stores(instances: &[Value]) -> Vec<String> {
    let stores = instances.iter();
    stores
        .filter_map(|it| text(it, "IdentityStoreId").map(str::to_owned))
        .collect()
}

/// The instances of the organization: one of a single account has no permission sets.
pub(crate) fn of_organization(instances: &[Value], management: &str) -> Vec<String> {
    let instances = instances.iter();
    let own = instances.filter(|it| text(it, "OwnerAccountId") == Some(management));
    own.filter_map(|it| text(it, "InstanceArn").map(str::to_owned))
        .collect()
}

/// Nothing, where AWS says that there is no such thing.
pub(crate) fn if_there<T>(found: Collected<T>) -> Collected<Option<T>> {
    match found {
        Ok(found) => Ok(Some(found)),
        Err(failure) if failure.code == "ResourceNotFoundException" => Ok(None),
        Err(failure) => Err(failure),
    }
}
