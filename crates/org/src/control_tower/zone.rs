//! The landing zone.

use hallpass_base::AccountId;
use serde_json::{Value, json};

use crate::reading::{ReadCalls, ReadFact, ReadPlace, Reader, text};

/// The landing zone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LandingZone {
    /// Its home Region; empty where its ARN does not say.
    pub home: String,
    /// Its version: `3.3`.
    pub version: String,
    /// `ACTIVE`, `PROCESSING` or `FAILED`; empty where AWS does not say.
    pub status: String,
    /// Whether accounts that are moved are enrolled by themselves (`INHERITANCE_DRIFT`).
    pub enrols_by_itself: bool,
    /// Regions it governs: those of its manifest; its home Region where it has no manifest, as landing zones may since 4.0.
    pub regions: Vec<String>,
    /// The account that keeps logs; none where no manifest names one.
    pub log_archive: Option<AccountId>,
    /// The account that auditors use.
    pub audit: Option<AccountId>,
}

/// The Regions that Control Tower governs; none where there is no landing zone in our Region.
///
/// # Errors
/// What could not be read.
pub async fn governed_regions(calls: &dyn ReadCalls) -> ReadFact<Option<Vec<String>>> {
    let home = Reader {
        calls,
        place: ReadPlace::default(),
    };
    Ok(landing_zone(&home).await?.map(|it| it.regions))
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
    let home = text(zone, "/arn").split(':').nth(3).unwrap_or_default();
    let mut regions = list("/landingZone/manifest/governedRegions");
    if regions.is_empty() && !home.is_empty() {
        // `CreateLandingZone` and `UpdateLandingZone` take no `manifest`, too; the home Region is always governed
        regions.push(home.to_owned());
    }
    Ok(Some(LandingZone {
        home: home.to_owned(),
        version: text(&answer, "/landingZone/version").to_owned(),
        status: text(&answer, "/landingZone/status").to_owned(),
        enrols_by_itself: list("/landingZone/remediationTypes")
            .contains(&"INHERITANCE_DRIFT".to_owned()),
        regions,
        log_archive: account("/landingZone/manifest/centralizedLogging/accountId"),
        audit: account("/landingZone/manifest/securityRoles/accountId"),
    }))
}
