//! Undo does not overwrite later changes of a resource (`organization.md` R-13).

use std::sync::Arc;

use hallpass_base::{Clock as _, TimeSpan};
use hallpass_findings::remediation::{RuleFile, approved, may_undo, plan_of};
use hallpass_plans::{Applying, PlanId, StepEnd, undo};
use serde_json::{Value, json};

use crate::world::{ACCOUNT, Disk, GROUP, Process, World, changed, event, process, rules};

async fn taken_back(world: &World, server: &Process, disk: &Disk) -> (StepEnd, String, usize) {
    let it = disk.only().await;
    plan_taken_back(world, server, it.plan.as_ref().unwrap()).await
}

async fn plan_taken_back(
    world: &World,
    server: &Process,
    plan: &PlanId,
) -> (StepEnd, String, usize) {
    let before = world.writes.lock().unwrap().len();
    let (plan, folded) = server.runner.load(plan).await.unwrap();
    let back = undo(&plan, &folded, server.hands.as_ref());
    let looked = server.runner.look(back.draft).await.unwrap();
    let applying = Applying {
        accept_drift: true,
        ..Applying::default()
    };
    server
        .runner
        .apply(&looked.plan.id, &applying)
        .await
        .unwrap();
    let (plan, folded) = server.runner.load(&looked.plan.id).await.unwrap();
    let end = folded.end(&plan.steps[0].id).unwrap().clone();
    let writes = world.writes.lock().unwrap().len() - before;
    (end.outcome, end.reason, writes)
}

#[tokio::test]
async fn what_somebody_worked_on_since_is_not_taken_back() {
    let rule = |id: &str, port: u32, peer: &str| json!({ "SecurityGroupRuleId": id, "IsEgress": false, "IpProtocol": "tcp", "FromPort": port, "ToPort": port, "CidrIpv4": peer });
    let cases: [(&str, Option<Value>, StepEnd); 4] = [
        ("nothing", None, StepEnd::Changed),
        (
            "another rule",
            Some(rule("sgr-x", 22, "10.1.0.0/16")),
            StepEnd::Drifted,
        ),
        (
            "the open rule again",
            Some(rule("sgr-y", 22, "0.0.0.0/0")),
            StepEnd::Drifted,
        ),
        (
            "a rule elsewhere",
            Some(rule("sgr-z", 8443, "0.0.0.0/0")),
            StepEnd::Drifted,
        ),
    ];
    for (case, added, expected) in cases {
        let (world, disk) = (World::new(), Disk::new());
        let server = process(&world, &disk, rules("auto"));
        server.hears(event("org-rem-sg")).await;
        server.works().await;
        if let Some(added) = added {
            world.add_rule(added);
        }
        let (end, why, writes) = taken_back(&world, &server, &disk).await;
        assert_eq!(end, expected, "{case}: {why}");
        assert_eq!(writes, usize::from(expected == StepEnd::Changed), "{case}");
        assert_eq!(
            why.ends_with("nothing is taken back"),
            expected == StepEnd::Drifted,
            "{case}: {why}"
        );
    }
}

/// Action, parameters, resource, old state, later change, and result of the undo.
type LaterWork = (
    &'static str,
    Value,
    &'static str,
    (String, Option<Value>),
    Value,
    Option<StepEnd>,
);

fn later_work() -> Vec<LaterWork> {
    let block = |public: bool| {
        json!({ "PublicAccessBlockConfiguration": {
        "BlockPublicAcls": true, "IgnorePublicAcls": true, "BlockPublicPolicy": true, "RestrictPublicBuckets": public,
    } })
    };
    let keys = |old: &str, more: bool| {
        let mut rows = vec![
            json!({ "AccessKeyId": "AKIAOLD", "Status": old, "CreateDate": "2025-01-01T00:00:00Z" }),
        ];
        if more {
            rows.push(json!({ "AccessKeyId": "AKIANEW", "Status": "Active", "CreateDate": "2026-03-02T00:00:00Z" }));
        }
        json!({ "AccessKeyMetadata": rows })
    };
    let key = "arn:aws:kms:us-east-1:444444444444:key/1234abcd-12ab-34cd-56ef-1234567890ab";
    let kms = format!("kms/KeyRotation/{key}");
    let policy = |length: u32| json!({ "PasswordPolicy": { "MinimumPasswordLength": length } });
    vec![
        (
            "s3-bucket-block",
            json!({}),
            "arn:aws:s3:::shop",
            ("s3/PublicAccessBlock/shop".to_owned(), Some(block(false))),
            block(false).clone(),
            None,
        ),
        (
            "s3-bucket-block",
            json!({}),
            "arn:aws:s3:::shop",
            ("s3/PublicAccessBlock/shop".to_owned(), None),
            block(false),
            Some(StepEnd::Drifted),
        ),
        (
            "iam-key-deactivate",
            json!({ "older_than_days": 90 }),
            "arn:aws:iam::444444444444:user/ana",
            ("keys".to_owned(), Some(keys("Active", false))),
            keys("Inactive", true),
            Some(StepEnd::Drifted),
        ),
        (
            "iam-key-deactivate",
            json!({ "older_than_days": 90 }),
            "arn:aws:iam::444444444444:user/ana",
            ("keys".to_owned(), Some(keys("Active", false))),
            json!({ "AccessKeyMetadata": [] }),
            Some(StepEnd::Drifted),
        ),
        (
            "iam-password-policy",
            json!({}),
            "AWS::::Account:444444444444",
            ("iam/AccountPasswordPolicy/-".to_owned(), Some(policy(6))),
            policy(30),
            Some(StepEnd::Drifted),
        ),
        (
            "kms-rotate",
            json!({}),
            key,
            (kms, Some(json!({ "KeyRotationEnabled": false }))),
            json!({ "KeyRotationEnabled": true, "RotationPeriodInDays": 90 }),
            Some(StepEnd::Drifted),
        ),
    ]
}

#[tokio::test]
async fn no_action_is_taken_back_over_later_work() {
    for (action, params, resource, (thing, before), later, expected) in later_work() {
        let (world, disk) = (World::new(), Disk::new());
        let put = |value: Option<Value>| {
            let mut accounts = world.accounts.lock().unwrap();
            let things = &mut accounts.get_mut(ACCOUNT).unwrap().things;
            match value {
                Some(value) => drop(things.insert(thing.clone(), value)),
                None => drop(things.remove(&thing)),
            }
        };
        put(before);
        let file = json!({ "rules": [{
            "id": "r", "match": { "controls": ["EC2.19"] }, "action": action, "params": params, "mode": "auto",
        }] });
        let server = process(&world, &disk, RuleFile::read(&file.to_string()).unwrap());
        server
            .hears(changed(
                "org-rem-sg",
                &[("/detail/findings/0/Resources/0/Id", json!(resource))],
            ))
            .await;
        server.works().await;
        assert_eq!(disk.only().await.phase.name(), "changed", "{action}");
        put(Some(later));
        let (end, why, writes) = taken_back(&world, &server, &disk).await;
        assert_eq!(
            end,
            expected.unwrap_or(StepEnd::Unchanged),
            "{action}: {why}"
        );
        assert_eq!(writes, 0, "{action}");
    }
}

fn shut_out_once(world: &World, operation: &'static str, nth: u32) {
    let mut calls = 0;
    *world.before_calls.lock().unwrap() = Some(Box::new(move |world, called| {
        let is_meant = called == operation;
        calls += u32::from(is_meant);
        let mut shut = world.not_entered.lock().unwrap();
        shut.clear();
        if is_meant && calls == nth {
            shut.push(ACCOUNT.to_owned());
        }
    }));
}

async fn half_done(
    (world, disk): (&Arc<World>, &Disk),
    (action, params, resource): (&str, Value, &str),
    (operation, nth): (&'static str, u32),
) -> Process {
    let file = json!({ "rules": [{
        "id": "r", "match": { "controls": ["EC2.19"] }, "action": action, "params": params, "mode": "auto",
    }] });
    let server = process(world, disk, RuleFile::read(&file.to_string()).unwrap());
    shut_out_once(world, operation, nth);
    let place = "/detail/findings/0/Resources/0/Id";
    let event = changed("org-rem-sg", &[(place, json!(resource))]);
    server.hears(event).await;
    server.works().await;
    let it = disk.only().await;
    assert_eq!(it.phase.name(), "manual", "{action}: {it:?}");
    let (plan, folded) = server.runner.load(it.plan.as_ref().unwrap()).await.unwrap();
    let end = folded.end(&plan.steps[0].id).unwrap();
    assert_eq!(end.outcome, StepEnd::Failed, "{action}: {end:?}");
    assert!(
        !end.old.is_null() && !end.new.is_null(),
        "{action}: {end:?}"
    );
    server
}

#[tokio::test]
async fn what_was_half_done_is_taken_back_unless_somebody_worked_on_it() {
    for later in [false, true] {
        let (world, disk) = (World::new(), Disk::new());
        let out = json!({ "SecurityGroupRuleId": "sgr-out", "IsEgress": true, "IpProtocol": "-1", "CidrIpv4": "0.0.0.0/0" });
        world.add_rule(out);
        let rules = world.rule_ids().len();
        let resource = format!("arn:aws:ec2:us-east-1:{ACCOUNT}:security-group/{GROUP}");
        let wish = ("sg-default-close", json!({}), resource.as_str());
        let refused = ("RevokeSecurityGroupEgress", 1);
        let server = half_done((&world, &disk), wish, refused).await;
        assert_eq!(world.rule_ids(), ["sgr-out"]);
        if later {
            world.add_rule(
                json!({ "SecurityGroupRuleId": "sgr-x", "IsEgress": false, "IpProtocol": "tcp", "FromPort": 22, "ToPort": 22, "CidrIpv4": "10.1.0.0/16" }),
            );
        }
        let (end, why, writes) = taken_back(&world, &server, &disk).await;
        let expected = if later {
            (StepEnd::Drifted, 0)
        } else {
            (StepEnd::Changed, 1)
        };
        assert_eq!((end, writes), expected, "{why}");
        assert_eq!(world.rule_ids().len(), if later { 2 } else { rules });
    }
}

#[tokio::test]
async fn a_key_that_was_deactivated_before_the_next_failed_comes_back() {
    let (world, disk) = (World::new(), Disk::new());
    let old = |id: &str| json!({ "AccessKeyId": id, "Status": "Active", "CreateDate": "2025-01-01T00:00:00Z" });
    let keys = json!({ "AccessKeyMetadata": [old("AKIAONE"), old("AKIATWO")] });
    world.with(&[("keys", keys.clone())]);
    let now = || world.accounts.lock().unwrap()[ACCOUNT].things["keys"].clone();
    let (user, params) = (
        "arn:aws:iam::444444444444:user/ana",
        json!({ "older_than_days": 90 }),
    );
    let wish = ("iam-key-deactivate", params, user);
    let server = half_done((&world, &disk), wish, ("UpdateAccessKey", 2)).await;
    assert_eq!(now()["AccessKeyMetadata"][0]["Status"], "Inactive");
    let (end, why, writes) = taken_back(&world, &server, &disk).await;
    assert_eq!((end, writes), (StepEnd::Changed, 1), "{why}");
    assert_eq!(now(), keys);
}

#[tokio::test]
async fn what_each_try_changed_comes_back() {
    let (world, disk) = (World::new(), Disk::new());
    let old = |id: &str| json!({ "AccessKeyId": id, "Status": "Active", "CreateDate": "2025-01-01T00:00:00Z" });
    let keys = json!({ "AccessKeyMetadata": [old("AKIAONE"), old("AKIATWO")] });
    world.with(&[("keys", keys.clone())]);
    let (user, params) = (
        "arn:aws:iam::444444444444:user/ana",
        json!({ "older_than_days": 90 }),
    );
    let wish = ("iam-key-deactivate", params, user);
    let server = half_done((&world, &disk), wish, ("UpdateAccessKey", 2)).await;
    let first = disk.only().await;
    assert!(first.changed_at.is_some(), "{first:?}");
    let yes = approved(first.clone(), "ana", world.now()).unwrap();
    disk.remediations.change_remediation(&yes).await.unwrap();
    server.works().await;
    let second = disk.only().await;
    assert_eq!(second.phase.name(), "changed", "{second:?}");
    assert_eq!(second.earlier, [first.plan.unwrap()]);
    assert!(may_undo(&second).is_ok());
    let newest_first = second.plan.iter().chain(&second.earlier);
    for plan in newest_first {
        let (end, why, writes) = plan_taken_back(&world, &server, plan).await;
        assert_eq!((end, writes), (StepEnd::Changed, 1), "{why}");
    }
    let now = world.accounts.lock().unwrap()[ACCOUNT].things["keys"].clone();
    assert_eq!(now, keys);
}

/// A node of an older release continues with the same plan.
#[tokio::test]
async fn the_other_resources_of_a_finding_name_no_other_plan() {
    let (world, disk) = (World::new(), Disk::new());
    let server = process(&world, &disk, rules("approve"));
    server.hears(event("org-rem-sg")).await;
    let mut it = disk.only().await;
    let plan = |it: &_| plan_of(it, "o-abcdefghij", TimeSpan::minutes(2)).id();
    let alone = plan(&it);
    it.deviation.others.push("arn:aws:s3:::shop".to_owned());
    assert_eq!(plan(&it), alone);
}
