use hallpass_base::AccountId;
use serde_json::{Value, json};

use crate::reading::{ReadCalls, ReadFact, ReadPlace, Reader, text};

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LandingZone {
    pub home: String,
    pub version: String,
    /// `ACTIVE`, `PROCESSING` or `FAILED`; empty if AWS returns none.
    pub status: String,
    /// Moved accounts are enrolled automatically (`INHERITANCE_DRIFT`).
    pub enrols_by_itself: bool,
    /// Governed Regions of the manifest; the home Region without a manifest, which is optional
    /// since 4.0.
    pub regions: Vec<String>,
    pub log_archive: Option<AccountId>,
    pub audit: Option<AccountId>,
}

/// The governed Regions; `None` without a landing zone in the Region.
///
/// # Errors
/// The failed read.
pub async fn governed_regions(calls: &dyn ReadCalls) -> ReadFact<Option<Vec<String>>> {
    let home = Reader {
        calls,
        place: ReadPlace::default(),
    };
    Ok(landing_zone(&home).await?.map(|it| it.regions))
}

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
        // `CreateLandingZone` and `UpdateLandingZone` work without a `manifest`; the home Region is
        // always governed
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
