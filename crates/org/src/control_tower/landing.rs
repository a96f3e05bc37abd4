//! Control Tower facts for account creation (`organization.md` V-5).

use std::collections::BTreeSet;

use serde_json::json;

use super::baselines::enabled;
use super::factory::{principal, products};
use super::obstacles::{FactoryObstacle, factory_obstacles};
use super::zone::{LandingZone, landing_zone};
use crate::changing::ServiceCalls;
use crate::reading::{ReadFact, ReadPlace, Reader, text};

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FactoryProduct {
    /// `pp-…`
    pub id: String,
    pub name: String,
    pub account: String,
    pub broken: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FactoryFacts {
    pub zone: LandingZone,
    pub registered: BTreeSet<String>,
    pub products: Vec<FactoryProduct>,
    pub principal: String,
    pub obstacles: Vec<FactoryObstacle>,
}

async fn registered(calls: &dyn ServiceCalls) -> ReadFact<BTreeSet<String>> {
    let baselines = enabled(calls, None).await?;
    let units = baselines.keys().filter(|arn| arn.contains(":ou/"));
    let ids = units.filter_map(|arn| arn.rsplit('/').next());
    Ok(ids.map(str::to_owned).collect())
}

/// Governed units, by id; `None` without a landing zone in the Region.
///
/// # Errors
/// The failed read.
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

/// Reads Control Tower; `None` without a landing zone in the Region.
///
/// # Errors
/// The failed read.
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
