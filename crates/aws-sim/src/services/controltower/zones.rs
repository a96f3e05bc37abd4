use serde_json::json;

use super::{Context, HandlerResult, Output, SimTower, missing, need, tower};
use crate::core::control_tower::tower_id;
use crate::services::{OperationHandler::Reads, OperationRow};

pub(super) const OPERATIONS: &[OperationRow] = &[
    ("ListLandingZones", Reads(list)),
    ("GetLandingZone", Reads(get)),
];

/// The newest version (?).
const LATEST: &str = "4.0";

fn arn(context: &Context<'_>, tower: &SimTower) -> String {
    let id = tower_id(context.state, "landing zone");
    tower.arn(&context.state.head.management, "landingzone", &id)
}

/// `ListLandingZones`: in its home Region; one at most.
fn list(context: &Context<'_>) -> HandlerResult {
    let rows = tower(context).map(|tower| {
        let arn = arn(context, tower);
        (arn.clone(), json!({ "arn": arn }))
    });
    context.listing(rows.into_iter().collect())
}

fn get(context: &Context<'_>) -> HandlerResult {
    let tower = need(context)?;
    let (arn, basis) = (arn(context, tower), &tower.basis);
    let named = context.text("landingZoneIdentifier");
    if named != arn && !arn.ends_with(&format!("/{named}")) {
        return Err(missing("The landing zone does not exist."));
    }
    Ok(Output::Members(json!({ "landingZone": {
        "version": basis.version, "arn": arn, "status": "ACTIVE", "latestAvailableVersion": LATEST,
        "driftStatus": { "status": "IN_SYNC" }, "remediationTypes": basis.remediation_types,
        "manifest": {
            "governedRegions": basis.governed_regions,
            "organizationStructure": { "security": { "name": "Security" } },
            "centralizedLogging": { "accountId": basis.log_archive, "enabled": true },
            "securityRoles": { "accountId": basis.audit }, "accessManagement": { "enabled": true },
        },
    }})))
}
