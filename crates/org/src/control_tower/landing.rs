//! What making accounts has to know of Control Tower (`organization.md` V-5).

use std::collections::BTreeSet;

use serde_json::json;

use super::baselines::enabled;
use super::factory::{principal, products};
use super::obstacles::{FactoryObstacle, factory_obstacles};
use super::zone::{LandingZone, landing_zone};
use crate::changing::ServiceCalls;
use crate::reading::{ReadFact, ReadPlace, Reader, text};

/// A product of Account Factory that was launched.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FactoryProduct {
    /// Its id, `pp-…`.
    pub id: String,
    /// Its name.
    pub name: String,
    /// The account that it made; empty where AWS does not say.
    pub account: String,
    /// Whether it went wrong (`ERROR`, `TAINTED`): nothing is launched under its name until it is terminated.
    pub broken: bool,
}

/// Control Tower, as far as accounts are made through it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FactoryFacts {
    /// The landing zone.
    pub zone: LandingZone,
    /// Units that it governs, by id.
    pub registered: BTreeSet<String>,
    /// Products of Account Factory.
    pub products: Vec<FactoryProduct>,
    /// Who we are to Service Catalog, by ARN.
    pub principal: String,
    /// What stands against a launch.
    pub obstacles: Vec<FactoryObstacle>,
}

async fn registered(calls: &dyn ServiceCalls) -> ReadFact<BTreeSet<String>> {
    let baselines = enabled(calls, None).await?;
    let units = baselines.keys().filter(|arn| arn.contains(":ou/"));
    let ids = units.filter_map(|arn| arn.rsplit('/').next());
    Ok(ids.map(str::to_owned).collect())
}

/// Units that Control Tower governs, by id; none where there is no landing zone in our Region.
///
/// # Errors
/// What could not be read.
pub async fn registered_units(calls: &dyn ServiceCalls) -> ReadFact<Option<BTreeSet<String>>> {
    let home = Reader {
        calls,
        place: ReadPlace::default(),
    };
    Ok(match landing_zone(&home).await? {
        Some(_) => Some(registered(calls).await?),
        None => None,
    })
}

/// Reads Control Tower; none where there is no landing zone in our Region.
///
/// # Errors
/// What could not be read.
pub async fn factory_facts(calls: &dyn ServiceCalls) -> ReadFact<Option<FactoryFacts>> {
    let home = Reader {
        calls,
        place: ReadPlace::default(),
    };
    let Some(zone) = landing_zone(&home).await? else {
        return Ok(None);
    };
    let registered = registered(calls).await?;
    let caller = home.one(("sts", "GetCallerIdentity"), json!({})).await?;
    let found = products(&home, "type:CONTROL_TOWER_ACCOUNT").await?;
    let found = found.iter().map(|it| FactoryProduct {
        id: text(it, "/Id").to_owned(),
        name: text(it, "/Name").to_owned(),
        account: text(it, "/PhysicalId").to_owned(),
        broken: matches!(text(it, "/Status"), "ERROR" | "TAINTED"),
    });
    let principal = principal(&home, text(&caller, "/Arn")).await;
    Ok(Some(FactoryFacts {
        registered,
        products: found.collect(),
        obstacles: factory_obstacles(calls, &zone, &principal).await,
        principal,
        zone,
    }))
}
