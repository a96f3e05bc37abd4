//! Assets that accounts would lose or take along on leaving: reviewed workloads, shares,
//! prepayments.

use std::collections::BTreeMap;

use hallpass_aws_sim::organization::{
    OrganizationFile, StatedCommitment, StatedLens, StatedMilestone, StatedShare, StatedWorkload,
};
use hallpass_base::{TimeSpan, Timestamp};

type DemoLens = (&'static str, u64, &'static [(&'static str, u32)]);

type DemoWorkload = (
    &'static str,
    &'static str,
    &'static str,
    &'static [DemoLens],
    Option<u64>,
);

/// One current, one with a forgotten second lens, one unreviewed for over a year.
const WORKLOADS: [DemoWorkload; 3] = [
    (
        "ledger",
        "payments-prod",
        "PRODUCTION",
        &[("wellarchitected", 40, &[]), ("serverless", 40, &[])],
        Some(38),
    ),
    (
        "shop-front",
        "catalog-prod",
        "PRODUCTION",
        &[
            ("wellarchitected", 90, &[("security", 1)]),
            ("serverless", 260, &[("reliability", 3), ("security", 2)]),
        ],
        Some(88),
    ),
    (
        "search",
        "search-prod",
        "PRODUCTION",
        &[("wellarchitected", 430, &[("costOptimization", 1)])],
        None,
    ),
];

const SHARES: [(&str, &str, &[&str], &[&str]); 2] = [
    (
        "workload-subnets",
        "network",
        &["organization"],
        &[
            "subnet/subnet-0a1b2c3d4e5f60718",
            "subnet/subnet-0a1b2c3d4e5f60719",
        ],
    ),
    (
        "resolver-rules",
        "dns",
        &["payments-prod", "orders-prod"],
        &["prefix-list/pl-0a1b2c3d4e5f60718"],
    ),
];

const COMMITMENTS: [(&str, &str, &str); 2] = [
    (
        "example-management",
        "savings_plan",
        "7a1f4f0e-6d0b-4f38-9a52-0c8e1d2b3a4c",
    ),
    ("search-prod", "reservation", "r-search-2026"),
];

pub fn add(organization: &mut OrganizationFile, now: Timestamp) {
    let home = organization.identity_center.home_region.clone();
    let management = organization.organization.management_account.clone();
    let before = |days: u64| TimeSpan::hours(days * 24).before(now).to_string();
    let lens = |(alias, days, risks): &DemoLens| {
        let risks = risks.iter().map(|(pillar, count)| {
            let high = BTreeMap::from([("HIGH".to_owned(), *count)]);
            ((*pillar).to_owned(), high)
        });
        StatedLens {
            alias: (*alias).to_owned(),
            updated: Some(before(*days)),
            risks: risks.collect(),
        }
    };
    let workloads = WORKLOADS
        .iter()
        .map(|(name, account, environment, lenses, kept)| {
            let latest = lenses.iter().map(|it| it.1).min().unwrap_or_default();
            let milestone = |days: u64| StatedMilestone {
                name: "after the review".to_owned(),
                at: before(days),
            };
            StatedWorkload {
                name: (*name).to_owned(),
                account: (*account).to_owned(),
                region: home.clone(),
                environment: (*environment).to_owned(),
                updated: before(latest),
                shared_with: vec![management.clone()],
                lenses: lenses.iter().map(lens).collect(),
                milestones: kept.map(milestone).into_iter().collect(),
            }
        });
    organization.workloads = workloads.collect();
    let shares = SHARES.iter().map(|(name, account, principals, resources)| {
        let own = organization.accounts.iter().find(|it| it.name == *account);
        let id = own.map(|it| it.id.clone()).unwrap_or_default();
        let arn = |it: &&str| format!("arn:aws:ec2:{home}:{id}:{it}");
        StatedShare {
            name: (*name).to_owned(),
            account: (*account).to_owned(),
            region: home.clone(),
            principals: principals.iter().map(|it| (*it).to_owned()).collect(),
            resources: resources.iter().map(arn).collect(),
            kept: false,
        }
    });
    organization.resource_shares = shares.collect();
    let commitments = COMMITMENTS
        .iter()
        .map(|(account, kind, id)| StatedCommitment {
            account: (*account).to_owned(),
            kind: (*kind).to_owned(),
            id: (*id).to_owned(),
        });
    organization.commitments = commitments.collect();
}
