//! Every action: it mends what is wrong, leaves the rest, and goes back to what was.

use std::sync::Arc;

use hallpass_remediation::RuleFile;
use hallpass_runner::{Applying, undo};
use serde_json::{Value, json};

use crate::world::{ACCOUNT, Disk, GROUP, World, changed, process};

struct Case {
    action: &'static str,
    params: Value,
    resource: &'static str,
    /// What stands there before.
    before: Vec<(&'static str, Value)>,
    /// The writes: those that mend, then those that go back.
    writes: (Vec<&'static str>, Vec<&'static str>),
}

async fn check(case: Case) {
    let (world, disk) = (World::new(), Disk::new());
    {
        let mut accounts = world.accounts.lock().unwrap();
        let things = &mut accounts.get_mut(ACCOUNT).unwrap().things;
        things.extend(
            case.before
                .iter()
                .map(|(key, it)| ((*key).to_owned(), it.clone())),
        );
    }
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
    server
        .hears(changed(
            "org-rem-sg",
            &[("/detail/findings/0/Resources/0/Id", resource)],
        ))
        .await;
    server.works().await;
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
        let on = |it: &Value| it.get("EbsEncryptionByDefault").cloned();
        for (key, value) in before {
            // a switch says whether it is on, and nothing else counts
            match on(&value) {
                Some(was) => assert_eq!(on(&after[&key]), Some(was), "{key}"),
                None => assert_eq!(after[&key], value, "{key}"),
            }
        }
    }
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
async fn the_default_group_is_closed_both_ways() {
    let world = World::new();
    {
        let mut accounts = world.accounts.lock().unwrap();
        let group = accounts
            .get_mut(ACCOUNT)
            .unwrap()
            .groups
            .get_mut(GROUP)
            .unwrap();
        group.push(json!({ "SecurityGroupRuleId": "sgr-out", "IsEgress": true, "IpProtocol": "-1", "CidrIpv4": "0.0.0.0/0" }));
    }
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
    world
        .accounts
        .lock()
        .unwrap()
        .get_mut(ACCOUNT)
        .unwrap()
        .tags = vec![json!({ "Key": "hallpass:remediate", "Value": "never" })];
    let server = process(&world, &disk, crate::world::rules("auto"));
    server.hears(crate::world::event("org-rem-sg")).await;
    server.works().await;
    assert_eq!(disk.only().await.phase.name(), "manual");
    assert!(world.writes.lock().unwrap().is_empty());
}
