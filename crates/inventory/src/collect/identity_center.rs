use std::io;

use crate::SliceFailure;
use futures_util::future::join;
use jiff::Timestamp;
use serde_json::{Value, json};

use crate::collect::assignments::Enumerated;
use crate::collect::collector::{Collected, Collector, for_each};
use crate::collect::documents::{needed, text, undecodable};
use crate::collect::enumeration::PlanChoice;
use crate::collect::identity_store::{self, Principals};
use crate::collect::organizations::FoundOrganization;
use crate::collect::permission_sets::{FoundSets, HOME, Provisioned, SERVICE};
use crate::collect::rows::row;

const INSTANCES: &str = "aws_ssoadmin_instances";
const SETS: &str = "aws_ssoadmin_permission_sets";
const PROVISIONED: &str = "aws_ssoadmin_provisioned";
const ASSIGNMENTS: &str = "aws_ssoadmin_account_assignments";

impl Collector<'_> {
    pub(crate) async fn identity_center(
        &self,
        organization: &FoundOrganization,
        plan: PlanChoice,
    ) -> io::Result<()> {
        let own = [INSTANCES, SETS, PROVISIONED, ASSIGNMENTS];
        let mut all = own.iter().chain(&identity_store::TABLES);
        // also of unselected accounts: the other tables here are complete, so a missing path would
        // look like one without holders
        let accounts = &organization.members;
        let wants_entitlements = self.wants_entitlements(accounts);
        if !wants_entitlements && !all.clone().any(|it| self.wants(it, None)) {
            return Ok(());
        }
        let started = self.now();
        let instances = match self.instances(&organization.management).await {
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
        let (listed, sets) = join(directory, self.sets(arns, started)).await;
        let sets = sets?;
        let principals = match &listed {
            Some(listed) => listed.principals(&stores),
            None => Ok(Principals::default()),
        };
        if wants_entitlements {
            let known = principals.as_ref().map_err(SliceFailure::clone);
            self.entitlements(accounts, known).await?;
        }
        if wants_assignments {
            let rows = match (&principals, &sets) {
                (Ok(principals), Ok(sets)) => {
                    let enumerated = Enumerated {
                        accounts: &organization.all,
                        principals,
                        sets,
                    };
                    self.assignments(&enumerated, plan).await
                }
                (Err(failure), _) | (_, Err(failure)) => Err(failure.clone()),
            };
            self.keep(ASSIGNMENTS, None, started, rows)?;
        }
        match listed {
            Some(listed) => self.keep_directory(listed, &principals).await,
            None => Ok(()),
        }
    }

    /// The instances of the home Region. A missing organization instance may be in another Region;
    /// an instance of a single account has no assignments.
    pub(crate) async fn instances(&self, management: &str) -> Collected<Vec<Value>> {
        let operation = "ListInstances";
        let here = self.list(&HOME, SERVICE, operation, json!({})).await?;
        if !of_organization(&here, management).is_empty() {
            return Ok(here);
        }
        let input = json!({ "RegionScope": "ALL_REGIONS" });
        let all = self.list(&HOME, SERVICE, operation, input).await?;
        let elsewhere = all.iter().find(|it| is_of(it, management));
        match elsewhere.or_else(|| all.first().filter(|_| here.is_empty())) {
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
            let regions = self.list(&HOME, SERVICE, "ListRegions", input);
            regions.await?.into()
        };
        let more = json!({ "instance_regions": regions });
        Ok(row(INSTANCES, instance, more))
    }

    /// Fills the tables of sets; returns where they are provisioned.
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
            let rows = for_each(&sets, |set| self.if_not_gone(&set.set, self.set_row(set))).await;
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
}

pub(crate) fn identity_stores(instances: &[Value]) -> Vec<String> {
    let stores = instances.iter();
    stores
        .filter_map(|it| text(it, "IdentityStoreId").map(str::to_owned))
        .collect()
}

pub(crate) fn of_organization(instances: &[Value], management: &str) -> Vec<String> {
    let instances = instances.iter();
    let own = instances.filter(|it| is_of(it, management));
    own.filter_map(|it| text(it, "InstanceArn").map(str::to_owned))
        .collect()
}

fn is_of(instance: &Value, management: &str) -> bool {
    text(instance, "OwnerAccountId") == Some(management)
}
