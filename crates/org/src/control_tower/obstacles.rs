//! Obstacles to an Account Factory launch, found before any change (`organization.md` V-6).

use super::factory::{
    NO_PORTFOLIO, NO_PRODUCT, NO_VERSION, find_portfolio, find_product, find_version, principals,
};
use super::zone::LandingZone;
use crate::changing::ServiceCalls;
use crate::reading::{ReadFact, UnreadFact};

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FactoryObstacle {
    pub what: String,
    pub help: &'static str,
}

impl FactoryObstacle {
    fn new(what: impl Into<String>, help: &'static str) -> Self {
        Self {
            what: what.into(),
            help,
        }
    }

    fn unread(fact: &UnreadFact) -> Self {
        let what = format!("{} cannot be asked: {}", fact.action, fact.reason);
        Self::new(
            what,
            "docs/how-to/vend-accounts.md lists the permissions that are needed",
        )
    }
}

const REPAIR: &str = "repair the landing zone in Control Tower";

/// Obstacles in the landing zone's state (AWS Control Tower API Reference, `LandingZoneDetail`).
fn of_zone(zone: &LandingZone) -> Option<FactoryObstacle> {
    match zone.status.as_str() {
        "PROCESSING" => Some(FactoryObstacle::new(
            "the landing zone is being changed",
            "wait until Control Tower is done with it",
        )),
        "FAILED" => Some(FactoryObstacle::new(
            "the last change of the landing zone failed",
            REPAIR,
        )),
        _ => None,
    }
}

fn found(
    answer: ReadFact<Option<String>>,
    none: &'static str,
    help: &'static str,
) -> Result<String, FactoryObstacle> {
    match answer {
        Ok(Some(it)) => Ok(it),
        Ok(None) => Err(FactoryObstacle::new(none, help)),
        Err(why) => Err(FactoryObstacle::unread(&why)),
    }
}

/// Obstacles to a launch as `principal`, in the order they would occur.
pub async fn factory_obstacles(
    calls: &dyn ServiceCalls,
    zone: &LandingZone,
    principal: &str,
) -> Vec<FactoryObstacle> {
    let mut all: Vec<FactoryObstacle> = of_zone(zone).into_iter().collect();
    if principal.ends_with(":root") {
        all.push(FactoryObstacle::new(
            "the root user cannot launch products of Account Factory",
            "use a role or a user of the management account",
        ));
    }
    let product = match found(find_product(calls).await, NO_PRODUCT, REPAIR) {
        Ok(product) => product,
        Err(why) => {
            all.push(why);
            return all;
        }
    };
    let version = find_version(calls, &product).await;
    let activate = "make a version of the product active in Service Catalog";
    all.extend(found(version, NO_VERSION, activate).err());
    let portfolio = find_portfolio(calls, &product).await;
    match found(portfolio, NO_PORTFOLIO, REPAIR) {
        Ok(portfolio) => {
            let seen = principals(calls, &portfolio).await;
            all.extend(seen.err().map(|why| FactoryObstacle::unread(&why)));
        }
        Err(why) => all.push(why),
    }
    all
}
