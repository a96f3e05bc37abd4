//! What making accounts has to know of Control Tower (`organization.md` V-5).

use std::collections::BTreeSet;

use hallpass_model::AccountId;
use serde_json::{Value, json};

use super::baselines::enabled;
use super::factory::{principal, products};
use crate::changing::ServiceCalls;
use crate::reading::{ReadFact, ReadPlace, Reader, text};

/// The landing zone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LandingZone {
    /// Its version: `3.3`.
    pub version: String,
    /// Whether accounts that are moved are enrolled by themselves (`INHERITANCE_DRIFT`).
    pub enrols_by_itself: bool,
    /// Regions it governs.
    pub regions: Vec<String>,
    /// The account that keeps logs.
    pub log_archive: Option<AccountId>,
    /// The account that auditors use.
    pub audit: Option<AccountId>,
}

/// Control Tower, as far as accounts are made through it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FactoryFacts {
    /// The landing zone.
    pub zone: LandingZone,
    /// Units that it governs, by id.
    pub registered: BTreeSet<String>,
    /// Products of Account Factory: id and name.
    pub products: Vec<(String, String)>,
    /// Who we are to Service Catalog, by ARN.
    pub principal: String,
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
    let baselines = enabled(calls, None).await?;
    let units = baselines.keys().filter(|arn| arn.contains(":ou/"));
    let ids = units.filter_map(|arn| arn.rsplit('/').next());
    let caller = home.one(("sts", "GetCallerIdentity"), json!({})).await?;
    let found = products(&home, "type:CONTROL_TOWER_ACCOUNT").await?;
    let found = found
        .iter()
        .map(|it| (text(it, "/Id").to_owned(), text(it, "/Name").to_owned()));
    Ok(Some(FactoryFacts {
        registered: ids.map(str::to_owned).collect(),
        products: found.collect(),
        principal: principal(&home, text(&caller, "/Arn")).await,
        zone,
    }))
}

/// The landing zone, and what its manifest says.
pub(crate) async fn landing_zone(home: &Reader<'_>) -> ReadFact<Option<LandingZone>> {
    let operation = ("controltower", "ListLandingZones");
    let zones = home.list(operation, json!({}), "landingZones").await?;
    let Some(zone) = zones.first() else {
        return Ok(None);
    };
    let input = json!({ "landingZoneIdentifier": text(zone, "/arn") });
    let answer = home.one(("controltower", "GetLandingZone"), input).await?;
    let list = |pointer: &str| {
        let found = answer.pointer(pointer).and_then(Value::as_array);
        let names = found.into_iter().flatten().filter_map(Value::as_str);
        names.map(str::to_owned).collect::<Vec<String>>()
    };
    let account = |pointer: &str| AccountId::new(text(&answer, pointer)).ok();
    Ok(Some(LandingZone {
        version: text(&answer, "/landingZone/version").to_owned(),
        enrols_by_itself: list("/landingZone/remediationTypes")
            .contains(&"INHERITANCE_DRIFT".to_owned()),
        regions: list("/landingZone/manifest/governedRegions"),
        log_archive: account("/landingZone/manifest/centralizedLogging/accountId"),
        audit: account("/landingZone/manifest/securityRoles/accountId"),
    }))
}
