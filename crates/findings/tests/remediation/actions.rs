//! Every action fixes the deviation, leaves the rest unchanged, and can be undone.

use std::sync::Arc;

use hallpass_base::Clock as _;
use hallpass_findings::remediation::{RuleFile, approved};
use hallpass_plans::{Applying, undo};
use serde_json::{Value, json};

use crate::world::{ACCOUNT, Disk, Process, World, changed, process};

struct Case {
    action: &'static str,
    params: Value,
    resource: &'static str,
    before: Vec<(&'static str, Value)>,
    /// Expected writes: of the change, then of the undo.
    writes: (Vec<&'static str>, Vec<&'static str>),
}

async fn check(case: Case) {
    let (world, disk) = (World::new(), Disk::new());
    world.with(&case.before);
    let seen = |world: &Arc<World>| {
        let accounts = world.accounts.lock().unwrap();
        accounts[ACCOUNT].things.clone()
    };
    let before = seen(&world);
    let file = json!({ "rules": [{
        "id": "r", "match": { "controls": ["EC2.19"] }, "action": case.action, "params": case.params, "mode": "auto",
    }] });
    let server = process(&world, &disk, RuleFile::read(&file.to_string()).unwrap());
    let resource = json!(case.resource);
    of_resource(&server, resource).await;
    let it = disk.only().await;
    assert_eq!(it.phase.name(), "changed", "{}: {it:?}", case.action);
    let sent = || -> Vec<String> {
        let writes = world.writes.lock().unwrap();
        writes.iter().map(|(_, name, _)| name.clone()).collect()
    };
    assert_eq!(sent(), case.writes.0, "{}", case.action);
    let (plan, folded) = server.runner.load(it.plan.as_ref().unwrap()).await.unwrap();
    let back = undo(&plan, &folded, server.hands.as_ref());
    assert_eq!(back.not_undoable, Vec::new());
    let looked = server.runner.look(back.draft).await.unwrap();
    server
        .runner
        .apply(&looked.plan.id, &Applying::default())
        .await
        .unwrap();
    let whole: Vec<&str> = [case.writes.0, case.writes.1].concat();
    assert_eq!(sent(), whole, "{}", case.action);
    if !case.action.starts_with("sg-") {
        let (after, before) = (seen(&world), before);
        let on = |it: &Value| {
            let names = [
                "/EbsEncryptionByDefault",
                "/KeyRotationEnabled",
                "/Trail/LogFileValidationEnabled",
            ];
            names.iter().find_map(|name| it.pointer(name).cloned())
        };
        for (key, value) in before {
            match on(&value) {
                Some(was) => assert_eq!(on(&after[&key]), Some(was), "{key}"),
                None => assert_eq!(after[&key], value, "{key}"),
            }
        }
    }
}

/// Sends the fixture finding about another resource and runs due work.
async fn of_resource(server: &Process, resource: Value) {
    let place = "/detail/findings/0/Resources/0/Id";
    let event = changed("org-rem-sg", &[(place, resource)]);
    server.hears(event).await;
    server.works().await;
}

#[tokio::test]
async fn every_action_mends_and_goes_back() {
    let weak = json!({ "BlockPublicAcls": true, "IgnorePublicAcls": false, "BlockPublicPolicy": false, "RestrictPublicBuckets": false });
    let none = || json!({});
    check(Case {
        action: "s3-bucket-block",
        params: none(),
        resource: "arn:aws:s3:::shop-assets",
        before: vec![(
            "s3/PublicAccessBlock/shop-assets",
            json!({ "PublicAccessBlockConfiguration": weak }),
        )],
        writes: (vec!["PutPublicAccessBlock"], vec!["PutPublicAccessBlock"]),
    })
    .await;
    check(Case {
        action: "s3-account-block",
        params: none(),
        resource: "AWS::::Account:444444444444",
        before: vec![],
        writes: (
            vec!["PutPublicAccessBlock"],
            vec!["DeletePublicAccessBlock"],
        ),
    })
    .await;
    let keys = json!({ "AccessKeyMetadata": [
        { "AccessKeyId": "AKIAOLD", "Status": "Active", "CreateDate": "2025-01-01T00:00:00Z" },
        { "AccessKeyId": "AKIANEW", "Status": "Active", "CreateDate": "2026-03-01T00:00:00Z" },
    ] });
    check(Case {
        action: "iam-key-deactivate",
        params: json!({ "older_than_days": 90 }),
        resource: "arn:aws:iam::444444444444:user/team/ana",
        before: vec![("keys", keys)],
        writes: (vec!["UpdateAccessKey"], vec!["UpdateAccessKey"]),
    })
    .await;
    check(Case {
        action: "iam-password-policy",
        params: none(),
        resource: "AWS::::Account:444444444444",
        before: vec![(
            "iam/AccountPasswordPolicy/-",
            json!({ "PasswordPolicy": { "MinimumPasswordLength": 20, "RequireSymbols": false } }),
        )],
        writes: (
            vec!["UpdateAccountPasswordPolicy"],
            vec!["UpdateAccountPasswordPolicy"],
        ),
    })
    .await;
    let off = json!({ "EbsEncryptionByDefault": false });
    check(Case {
        action: "ebs-default-encrypt",
        params: none(),
        resource: "AWS::::Account:444444444444",
        before: vec![("ec2/EbsEncryptionByDefault/-", off)],
        writes: (
            vec!["EnableEbsEncryptionByDefault"],
            vec!["DisableEbsEncryptionByDefault"],
        ),
    })
    .await;
}

#[tokio::test]
async fn every_switch_is_turned_and_turned_back() {
    let off = |name: &str| json!({ name: false });
    let key = "arn:aws:kms:eu-west-1:444444444444:key/1234abcd-12ab-34cd-56ef-1234567890ab";
    check(Case {
        action: "kms-rotate",
        params: json!({}),
        resource: key,
        before: vec![(
            "kms/KeyRotation/arn:aws:kms:eu-west-1:444444444444:key/1234abcd-12ab-34cd-56ef-1234567890ab",
            off("KeyRotationEnabled"),
        )],
        writes: (vec!["EnableKeyRotation"], vec!["DisableKeyRotation"]),
    })
    .await;
    check(Case {
        action: "trail-validation",
        params: json!({}),
        resource: "arn:aws:cloudtrail:eu-west-1:444444444444:trail/main",
        before: vec![(
            "cloudtrail/Trail/arn:aws:cloudtrail:eu-west-1:444444444444:trail/main",
            json!({ "Trail": { "LogFileValidationEnabled": false } }),
        )],
        writes: (vec!["UpdateTrail"], vec!["UpdateTrail"]),
    })
    .await;
    let broken = json!({ "FlowLogId": "fl-old", "FlowLogStatus": "ACTIVE", "DeliverLogsStatus": "FAILED", "TrafficType": "ALL" });
    check(Case {
        action: "flow-logs",
        params: json!({ "destination": "arn:aws:s3:::flow-logs-{account}/{region}" }),
        resource: "arn:aws:ec2:eu-west-1:444444444444:vpc/vpc-0123456789abcdef0",
        before: vec![("DescribeFlowLogs", json!({ "FlowLogs": [broken] }))],
        writes: (vec!["CreateFlowLogs"], vec!["DeleteFlowLogs"]),
    })
    .await;
}

async fn private_databases(world: &Arc<World>, disk: &Disk) -> Process {
    let rule = "rules: [{id: r, match: {controls: [EC2.19]}, action: rds-private, mode: approve}]";
    let server = process(world, disk, RuleFile::read(rule).unwrap());
    let resource = json!("arn:aws:rds:eu-west-1:444444444444:db:shop");
    of_resource(&server, resource).await;
    server
}

#[tokio::test]
async fn a_public_database_waits_for_a_yes() {
    let (world, disk) = (World::new(), Disk::new());
    let public = json!({ "DBInstances": [{ "PubliclyAccessible": true }] });
    let seen = "DescribeDBInstances";
    world.with(&[(seen, public.clone())]);
    let server = private_databases(&world, &disk).await;
    let it = disk.only().await;
    assert_eq!(it.phase.name(), "waiting");
    assert!(world.writes.lock().unwrap().is_empty());
    let yes = approved(it, "ana", world.now()).unwrap();
    disk.remediations.change_remediation(&yes).await.unwrap();
    server.works().await;
    assert_eq!(disk.only().await.phase.name(), "changed");
    let sent = world.written("ModifyDBInstance");
    // pending changes for the maintenance window are not applied
    assert_eq!(
        sent,
        [json!({ "DBInstanceIdentifier": "shop", "PubliclyAccessible": false })]
    );
    let plan = disk.only().await.plan.unwrap();
    let (plan, folded) = server.runner.load(&plan).await.unwrap();
    let back = server
        .runner
        .look(undo(&plan, &folded, server.hands.as_ref()).draft)
        .await
        .unwrap();
    server
        .runner
        .apply(&back.plan.id, &Applying::default())
        .await
        .unwrap();
    assert_eq!(world.accounts.lock().unwrap()[ACCOUNT].things[seen], public);
}

/// `PubliclyAccessible` is meaningless without VPC networking: no call, and no success.
#[tokio::test]
async fn a_database_without_a_vpc_is_not_called_private() {
    for public in [true, false] {
        let (world, disk) = (World::new(), Disk::new());
        let database = json!({ "DBInstances": [{ "PubliclyAccessible": public, "VPCNetworkingEnabled": false }] });
        world.with(&[("DescribeDBInstances", database)]);
        let server = private_databases(&world, &disk).await;
        let yes = approved(disk.only().await, "ana", world.now()).unwrap();
        disk.remediations.change_remediation(&yes).await.unwrap();
        server.works().await;
        let it = disk.only().await;
        let said = it.phase.name();
        assert!(
            !["changed", "unchanged"].contains(&said),
            "{public}: {it:?}"
        );
        assert!(world.written("ModifyDBInstance").is_empty(), "{public}");
    }
}

/// The session is limited to this VPC and one role.
#[tokio::test]
async fn the_session_of_a_flow_log_is_for_its_vpc() {
    let (world, disk) = (World::new(), Disk::new());
    world.with(&[("DescribeFlowLogs", json!({ "FlowLogs": [] }))]);
    let file = json!({ "rules": [{
        "id": "r", "match": { "controls": ["EC2.19"] }, "action": "flow-logs", "mode": "auto",
        "params": { "destination": "arn:aws:logs:{region}:{account}:log-group:flows", "role": "flow-logs", "traffic": "ALL" },
    }] });
    let server = process(&world, &disk, RuleFile::read(&file.to_string()).unwrap());
    let vpc = "arn:aws:ec2:us-east-1:444444444444:vpc/vpc-0123456789abcdef0";
    of_resource(&server, json!(vpc)).await;
    assert_eq!(
        disk.only().await.phase.name(),
        "changed",
        "{:?}",
        disk.only().await
    );
    let sent = world.written("CreateFlowLogs").remove(0);
    assert_eq!(
        sent["LogDestination"],
        "arn:aws:logs:us-east-1:444444444444:log-group:flows"
    );
    assert_eq!(
        sent["DeliverLogsPermissionArn"],
        "arn:aws:iam::444444444444:role/flow-logs"
    );
    assert!(sent["ClientToken"].as_str().unwrap().len() <= 64, "{sent}");
    let policy = world.places.lock().unwrap()[0].session.policy.clone();
    assert!(
        policy.contains(vpc) && policy.contains("arn:aws:iam::444444444444:role/flow-logs"),
        "{policy}"
    );
    assert!(!policy.contains("DeleteFlowLogs"), "{policy}");
}

#[tokio::test]
async fn the_default_group_is_closed_both_ways() {
    let world = World::new();
    world.add_rule(json!({ "SecurityGroupRuleId": "sgr-out", "IsEgress": true, "IpProtocol": "-1", "CidrIpv4": "0.0.0.0/0" }));
    let disk = Disk::new();
    let file =
        r"rules: [{id: r, match: {controls: [EC2.19]}, action: sg-default-close, mode: auto}]";
    let server = process(&world, &disk, RuleFile::read(file).unwrap());
    server.hears(crate::world::event("org-rem-sg")).await;
    server.works().await;
    assert_eq!(disk.only().await.phase.name(), "changed");
    assert_eq!(world.rule_ids(), Vec::<String>::new());
    assert_eq!(world.written("RevokeSecurityGroupEgress").len(), 1);
}

#[tokio::test]
async fn a_group_whose_own_tag_says_never_is_left() {
    let (world, disk) = (World::new(), Disk::new());
    world.change_account(|it| {
        it.tags = vec![json!({ "Key": "hallpass:remediate", "Value": "never" })];
    });
    let server = process(&world, &disk, crate::world::rules("auto"));
    server.hears(crate::world::event("org-rem-sg")).await;
    server.works().await;
    assert_eq!(disk.only().await.phase.name(), "manual");
    assert!(world.writes.lock().unwrap().is_empty());
}
