//! Extras of the demo's organization: a Control Tower landing zone, an event queue, DevOps Guru
//! insights.

use hallpass_aws_sim::organization::{
    ControlTowerBasis, EventRule, OrganizationFile, StatedInsight,
};
use hallpass_base::{TimeSpan, Timestamp};

use super::Scale;

pub const QUEUE: &str = "hallpass-events";
const NOT_GOVERNED: [&str; 2] = ["Suspended", "PolicyStaging"];

const SOURCES: [&str; 3] = ["aws.securityhub", "aws.controltower", "aws.devops-guru"];

/// Account, kind, severity, hours since its start, hours of duration.
struct DemoInsight {
    id: &'static str,
    account: &'static str,
    kind: &'static str,
    name: &'static str,
    severity: &'static str,
    hours_ago: u64,
    hours: Option<u64>,
    stack: &'static str,
}

const INSIGHTS: &[DemoInsight] = &[
    DemoInsight {
        id: "demo-insight-0001",
        account: "payments-prod",
        kind: "REACTIVE",
        name: "ApiGateway 5XXError anomalous in stack ledger-api",
        severity: "HIGH",
        hours_ago: 2,
        hours: None,
        stack: "ledger-api",
    },
    DemoInsight {
        id: "demo-insight-0002",
        account: "payments-prod",
        kind: "REACTIVE",
        name: "DynamoDB ReadThrottleEvents anomalous in stack ledger-data",
        severity: "MEDIUM",
        hours_ago: 30,
        hours: Some(5),
        stack: "ledger-data",
    },
    DemoInsight {
        id: "demo-insight-0003",
        account: "network",
        kind: "PROACTIVE",
        name: "Lambda concurrent executions reach their limit in stack resolver",
        severity: "LOW",
        hours_ago: 50,
        hours: None,
        stack: "resolver",
    },
];

/// Adds event rules and, to the small organization, a landing zone and insights before `now`.
pub fn add(organization: &mut OrganizationFile, scale: Scale, now: Timestamp) {
    let home = organization.identity_center.home_region.clone();
    for source in SOURCES {
        organization.event_rules.push(EventRule {
            account: organization.organization.management_account.clone(),
            region: home.clone(),
            queue: QUEUE.to_owned(),
            source: Some(source.to_owned()),
            ..EventRule::default()
        });
    }
    if matches!(scale, Scale::Large) {
        return;
    }
    let insights = INSIGHTS.iter().map(|it| it.stated(&home, now));
    organization.devops_guru_insights = insights.collect();
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

impl DemoInsight {
    fn stated(&self, region: &str, now: Timestamp) -> StatedInsight {
        let start = TimeSpan::hours(self.hours_ago).before(now);
        let end = self.hours.map(|hours| TimeSpan::hours(hours).after(start));
        StatedInsight {
            id: self.id.to_owned(),
            account: self.account.to_owned(),
            region: region.to_owned(),
            kind: self.kind.to_owned(),
            name: self.name.to_owned(),
            severity: self.severity.to_owned(),
            start: start.to_string(),
            end: end.map(|it| it.to_string()),
            stacks: vec![self.stack.to_owned()],
            resources: Vec::new(),
        }
    }
}
