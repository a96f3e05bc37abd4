//! What the demo's organization has beside accounts: a landing zone of Control Tower, and a queue of events.

use hallpass_aws_sim::organization::{ControlTowerBasis, EventRule, OrganizationFile};

use super::Scale;

/// The queue that findings arrive in.
pub(super) const QUEUE: &str = "hallpass-events";
/// Units of which the landing zone knows nothing.
const NOT_GOVERNED: [&str; 2] = ["Suspended", "PolicyStaging"];

/// Adds the rule that brings findings, and to the small organization a landing zone.
pub(super) fn add(organization: &mut OrganizationFile, scale: Scale) {
    let home = organization.identity_center.home_region.clone();
    organization.event_rules.push(EventRule {
        account: organization.organization.management_account.clone(),
        region: home.clone(),
        queue: QUEUE.to_owned(),
        source: Some("aws.securityhub".to_owned()),
        detail_type: None,
    });
    if matches!(scale, Scale::Large) {
        return;
    }
    let units = organization.ous.iter();
    let units = units.filter(|it| !NOT_GOVERNED.contains(&it.name.as_str()));
    organization.control_tower = Some(ControlTowerBasis {
        version: "3.3".to_owned(),
        remediation_types: vec!["INHERITANCE_DRIFT".to_owned()],
        governed_regions: vec![home.clone()],
        home_region: home,
        log_archive: "log-archive".to_owned(),
        audit: "audit".to_owned(),
        units: units.map(|it| it.name.clone()).collect(),
        ..ControlTowerBasis::default()
    });
}
