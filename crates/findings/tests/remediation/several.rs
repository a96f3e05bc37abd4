//! Several resources of a finding, and several findings of an account (`organization.md`,
//!

use std::sync::Arc;

use hallpass_base::Clock as _;
use hallpass_findings::events::OrganizationEvent;
use hallpass_findings::remediation::{Remediation, RuleFile, approved, undone};
use serde_json::{Value, json};

use crate::world::{ACCOUNT, Disk, GROUP, World, changed, fixture, process};

const FINDING: &str =
    "arn:aws:securityhub:us-east-1:444444444444:security-control/EC2.19/finding/f-0001";
const OTHER: &str = "sg-0fedcba9876543210";

fn arn(group: &str) -> String {
    format!("arn:aws:ec2:us-east-1:{ACCOUNT}:security-group/{group}")
}

fn about_two() -> OrganizationEvent {
    let resources = json!([
        { "Type": "AwsEc2SecurityGroup", "Id": arn(GROUP), "Region": "us-east-1", "Tags": { "team": "shop" } },
        { "Type": "AwsEc2SecurityGroup", "Id": arn(OTHER), "Region": "us-east-1" },
    ]);
    changed("org-rem-sg", &[("/detail/findings/0/Resources", resources)])
}

fn world_of_two() -> Arc<World> {
    let world = World::new();
    let rules = fixture("org-rem-sg-state")["rules"].clone();
    let rules = rules.as_array().unwrap().clone();
    world.change_account(|it| drop(it.groups.insert(OTHER.to_owned(), rules)));
    world
}

/// Automatic for the team's group, with approval for others.
const BOTH: &str = "
rules:
  - {id: now, match: {controls: [EC2.19], tags: {team: shop}}, action: sg-revoke-public, params: {ports: [22]}, mode: auto}
  - {id: asks, match: {controls: [EC2.19]}, action: sg-revoke-public, params: {ports: [22]}, mode: approve}
";
const EXCEPTION: &str = "
exceptions:
  - {tag: team=shop, then: suppress, reason: honeypot}
";

async fn of(disk: &Disk, group: &str) -> Remediation {
    let mut all = disk.all().await;
    all.retain(|it| it.deviation.resource == arn(group));
    assert_eq!(all.len(), 1, "{all:?}");
    all.remove(0)
}

fn status(world: &World, finding: &str) -> Value {
    world.findings.lock().unwrap()[finding]["Workflow"]["Status"].clone()
}

#[tokio::test]
async fn a_finding_is_settled_by_the_last_of_its_resources() {
    for (exceptions, first, changes) in [("", "changed", 2), (EXCEPTION, "suppressed", 1)] {
        let (world, disk) = (world_of_two(), Disk::new());
        let file = RuleFile::read(&format!("{BOTH}{exceptions}")).unwrap();
        let server = process(&world, &disk, file);
        server.hears(about_two()).await;
        server.works().await;
        assert_eq!(of(&disk, GROUP).await.phase.name(), first);
        assert_eq!(status(&world, FINDING), "NEW", "{first}");
        let finding = world.findings.lock().unwrap()[FINDING].clone();
        assert_eq!(finding["UserDefinedFields"]["hallpassResult"], first);
        assert_eq!(of(&disk, OTHER).await.phase.name(), "waiting", "{first}");

        let yes = approved(of(&disk, OTHER).await, "ana", world.now()).unwrap();
        disk.remediations.change_remediation(&yes).await.unwrap();
        server.works().await;
        assert_eq!(of(&disk, OTHER).await.phase.name(), "changed", "{first}");
        let revoked = world.written("RevokeSecurityGroupIngress").len();
        assert_eq!(revoked, changes, "{first}");
        assert_eq!(status(&world, FINDING), "RESOLVED", "{first}");
    }
}

#[tokio::test]
async fn taking_one_of_several_back_opens_the_finding() {
    for group in [GROUP, OTHER] {
        let (world, disk) = (world_of_two(), Disk::new());
        let file = BOTH.replace("approve", "auto");
        let server = process(&world, &disk, RuleFile::read(&file).unwrap());
        server.hears(about_two()).await;
        server.works().await;
        assert_eq!(status(&world, FINDING), "RESOLVED");
        let back = undone(of(&disk, group).await, "ana", world.now());
        disk.remediations.change_remediation(&back).await.unwrap();
        server.works().await;
        assert_eq!(status(&world, FINDING), "NEW", "{group}");
    }
}

#[tokio::test]
async fn a_resource_that_no_rule_is_for_keeps_its_finding_open() {
    let (world, disk) = (world_of_two(), Disk::new());
    let (of_the_team, _) = BOTH.split_once("  - {id: asks").unwrap();
    let server = process(&world, &disk, RuleFile::read(of_the_team).unwrap());
    server.hears(about_two()).await;
    server.works().await;
    assert_eq!(disk.only().await.phase.name(), "changed");
    assert_eq!(status(&world, FINDING), "NEW");
}

#[tokio::test]
async fn what_is_found_again_is_suppressed_again() {
    let (world, disk) = (World::new(), Disk::new());
    let server = process(&world, &disk, crate::world::rules("auto"));
    let finding = fixture("org-rem-suppress")["detail"]["findings"][0]["Id"].clone();
    let finding = finding.as_str().unwrap();
    for minute in 1..3 {
        let found = changed(
            "org-rem-suppress",
            &[
                ("/id", json!(format!("suppress-{minute}"))),
                (
                    "/detail/findings/0/UpdatedAt",
                    json!(format!("2026-03-02T10:0{minute}:00.000Z")),
                ),
            ],
        );
        server.hears(found).await;
        assert_eq!(status(&world, finding), "NEW");
        server.works().await;
        assert_eq!(status(&world, finding), "SUPPRESSED");
    }
    assert_eq!(disk.all().await.len(), 2);
}

fn about_the_account(region: &str) -> OrganizationEvent {
    changed(
        "org-rem-sg",
        &[
            ("/id", json!(format!("account-{region}"))),
            ("/detail/findings/0/Id", json!(format!("account-{region}"))),
            ("/detail/findings/0/Region", json!(region)),
            (
                "/detail/findings/0/Resources",
                json!([{ "Type": "AwsAccount", "Id": format!("AWS::::Account:{ACCOUNT}"), "Region": region }]),
            ),
        ],
    )
}

#[tokio::test]
async fn what_is_of_a_region_does_not_flap_with_that_of_another() {
    let off = json!({ "EbsEncryptionByDefault": false });
    let open = json!({ "PublicAccessBlockConfiguration": { "BlockPublicAcls": false } });
    let block = format!("s3control/PublicAccessBlock/{ACCOUNT}");
    let cases: [(&str, &str, Value, &str); 2] = [
        (
            "ebs-default-encrypt",
            "ec2/EbsEncryptionByDefault/-",
            off,
            "changed",
        ),
        // an account has one block for all Regions
        ("s3-account-block", &block, open, "manual"),
    ];
    for (action, place, before, fifth) in cases {
        let (world, disk) = (World::new(), Disk::new());
        let file = format!(
            "rules: [{{id: r, match: {{controls: [EC2.19]}}, action: {action}, mode: auto}}]"
        );
        let server = process(&world, &disk, RuleFile::read(&file).unwrap());
        for region in [
            "us-east-1",
            "us-east-2",
            "eu-west-1",
            "eu-west-2",
            "eu-west-3",
        ] {
            world.with(&[(place, before.clone())]);
            server.hears(about_the_account(region)).await;
            server.works().await;
        }
        let all = disk.all().await;
        let last = all.iter().find(|it| it.deviation.region == "eu-west-3");
        assert_eq!(last.unwrap().phase.name(), fifth, "{action}: {all:?}");
    }
}
