//! What is no longer as it was judged is left alone (`organization.md` R-13): at the event, while it waits, at the press,
//! right before it is done, when the finding is told, and when it is taken back.

use std::sync::Arc;

use fastrand::Rng;
use hallpass_events::{EventHandler as _, HandledEvent};
use hallpass_model::Clock as _;
use hallpass_remediation::{FindingKey, Remediation, RemediationPhase, RuleFile, approved, undone};
use hallpass_runner::{Applying, StepEnd, undo};
use serde_json::{Value, json};

use crate::world::{
    ACCOUNT, Disk, GROUP, Process, World, changed, event, fixture, found_again, process, rules,
};

const FINDING: &str =
    "arn:aws:securityhub:us-east-1:444444444444:security-control/EC2.19/finding/f-0001";

fn risk() -> Value {
    json!({ "Text": "accepted risk, ticket 9", "UpdatedBy": "ana" })
}

/// What it is called, what somebody does to a finding, and what a remediation says of it.
type Decision = (&'static str, Vec<(&'static str, Value)>, &'static str);

fn decisions() -> [Decision; 4] {
    let status = |it: &str| ("Workflow", json!({ "Status": it }));
    [
        (
            "suppressed",
            vec![status("SUPPRESSED"), ("Note", risk())],
            "its workflow status is SUPPRESSED",
        ),
        (
            "resolved",
            vec![status("RESOLVED"), ("Note", risk())],
            "its workflow status is RESOLVED",
        ),
        (
            "archived",
            vec![("RecordState", json!("ARCHIVED")), ("Note", risk())],
            "its record is archived",
        ),
        (
            "passed",
            vec![
                (
                    "Compliance",
                    json!({ "Status": "PASSED", "SecurityControlId": "EC2.19" }),
                ),
                ("Note", risk()),
            ],
            "its compliance status is PASSED",
        ),
    ]
}

fn reason(it: &Remediation) -> String {
    match &it.phase {
        RemediationPhase::Drifted { reason } => reason.clone(),
        other => panic!("{other:?}"),
    }
}

/// Nothing was done, and the finding is as somebody left it.
fn assert_left(world: &World, members: &[(&'static str, Value)], case: &str) {
    assert!(world.writes.lock().unwrap().is_empty(), "{case}");
    assert!(world.updates.lock().unwrap().is_empty(), "{case}");
    let finding = world.findings.lock().unwrap()[FINDING].clone();
    for (name, value) in members {
        assert_eq!(finding[*name], *value, "{case}");
    }
}

async fn press(world: &World, disk: &Disk) {
    let it = approved(disk.only().await, "ana", world.now()).unwrap();
    disk.remediations.change_remediation(&it).await.unwrap();
}

#[tokio::test]
async fn what_somebody_decided_before_the_event_is_handled_stays() {
    for (case, members, why) in decisions() {
        let (world, disk) = (World::new(), Disk::new());
        world.sets(FINDING, &members);
        let server = process(&world, &disk, rules("auto"));
        server.hears_of(event("org-rem-sg")).await;
        server.works().await;
        assert!(disk.all().await.is_empty(), "{case}");
        assert_left(&world, &members, why);
    }
}

#[tokio::test]
async fn what_somebody_decided_while_it_waits_stays() {
    for (case, members, why) in decisions() {
        // before it is done, before and after somebody said yes, and when nobody did
        for (mode, presses) in [("auto", false), ("approve", true), ("approve", false)] {
            let (world, disk) = (World::new(), Disk::new());
            let server = process(&world, &disk, rules(mode));
            server.hears(event("org-rem-sg")).await;
            if presses {
                press(&world, &disk).await;
            }
            world.sets(FINDING, &members);
            world.pass(24 * 3600);
            server.works().await;
            assert_eq!(reason(&disk.only().await), why, "{case} {mode}");
            assert_left(&world, &members, case);
        }
    }
}

#[tokio::test]
async fn a_finding_that_is_gone_or_not_about_the_resource_is_no_reason_to_act() {
    let other = json!([{ "Id": "arn:aws:ec2:us-east-1:444444444444:security-group/sg-9", "Type": "AwsEc2SecurityGroup" }]);
    for (resources, why) in [
        (None, "Security Hub does not have the finding"),
        (
            Some(other),
            "the finding is not about `arn:aws:ec2:us-east-1:444444444444:security-group/sg-0123456789abcdef0`",
        ),
    ] {
        let (world, disk) = (World::new(), Disk::new());
        let server = process(&world, &disk, rules("auto"));
        server.hears(event("org-rem-sg")).await;
        match resources {
            Some(other) => world.sets(FINDING, &[("Resources", other)]),
            None => drop(world.findings.lock().unwrap().remove(FINDING)),
        }
        server.works().await;
        assert_eq!(reason(&disk.only().await), why);
        assert!(world.writes.lock().unwrap().is_empty());
    }
}

#[tokio::test]
async fn a_rule_that_is_not_for_it_any_more_does_not_act() {
    let (world, disk) = (World::new(), Disk::new());
    let server = process(&world, &disk, rules("auto"));
    server.hears(event("org-rem-sg")).await;
    let mut resources = world.findings.lock().unwrap()[FINDING]["Resources"].clone();
    resources[0]["Tags"] = json!({ "hallpass:remediate": "never" });
    world.sets(FINDING, &[("Resources", resources)]);
    server.works().await;
    assert_eq!(
        reason(&disk.only().await),
        "its tag `hallpass:remediate` says never"
    );
    let (world, disk) = (World::new(), Disk::new());
    let server = process(&world, &disk, rules("auto"));
    server.hears(event("org-rem-sg")).await;
    world.sets(
        FINDING,
        &[(
            "Compliance",
            json!({ "Status": "FAILED", "SecurityControlId": "EC2.1" }),
        )],
    );
    server.works().await;
    assert!(reason(&disk.only().await).ends_with("is not for it as it stands"));
    assert!(world.writes.lock().unwrap().is_empty());
}

const CLOSING: &str = "rules: [{id: close-public-ports, match: {controls: [EC2.19]}, action: sg-revoke-public, params: {ports: [22, 3389]}, mode: auto}]";

/// It is decided by one file, and done by the file in force then.
#[tokio::test]
async fn what_the_rules_in_force_do_not_want_is_not_done() {
    let exception = "\nexceptions: [{account: '444444444444', then: ignore, reason: honeypot, until: 9999-12-31}]";
    let with = |from: &str, to: &str| CLOSING.replace(from, to);
    let cases = [
        ("rules: []".to_owned(), "rule `close-public-ports` is gone"),
        (
            with("mode: auto", "mode: observe"),
            "rule `close-public-ports` only observes since",
        ),
        (
            with("[22, 3389]", "[22]"),
            "rule `close-public-ports` asks for something else since",
        ),
        (
            with("action:", "unless: {ou: [Prod]}, action:"),
            "rule `close-public-ports` is not for it as it stands",
        ),
        (format!("{CLOSING}{exception}"), "exception 1: honeypot"),
    ];
    for (text, why) in cases {
        for yes in [false, true] {
            let (world, disk) = (World::new(), Disk::new());
            let mode = if yes { "mode: approve" } else { "mode: auto" };
            let before = RuleFile::read(&with("mode: auto", mode)).unwrap();
            process(&world, &disk, before)
                .hears(event("org-rem-sg"))
                .await;
            if yes {
                press(&world, &disk).await;
            }
            let now = text.replace("mode: auto", mode);
            process(&world, &disk, RuleFile::read(&now).unwrap())
                .works()
                .await;
            assert_eq!(reason(&disk.only().await), why, "{yes}");
            assert!(world.writes.lock().unwrap().is_empty(), "{why}");
        }
    }
    // who said yes has said yes; nobody has where the rule asks for it only since
    for (before, now, yes, acts) in [
        ("mode: auto", "mode: auto", false, true),
        ("mode: approve", "mode: approve", true, true),
        ("mode: approve", "mode: auto", true, true),
        ("mode: auto", "mode: approve", false, false),
    ] {
        let (world, disk) = (World::new(), Disk::new());
        let file = |mode: &str| RuleFile::read(&with("mode: auto", mode)).unwrap();
        process(&world, &disk, file(before))
            .hears(event("org-rem-sg"))
            .await;
        if yes {
            press(&world, &disk).await;
        }
        process(&world, &disk, file(now)).works().await;
        let has_acted = !world.writes.lock().unwrap().is_empty();
        assert_eq!(has_acted, acts, "{before} {now} {yes}");
    }
}

#[tokio::test]
async fn a_forged_event_closes_nothing() {
    // a finding that Security Hub does not have
    let (world, disk) = (World::new(), Disk::new());
    let server = process(&world, &disk, rules("auto"));
    let forged = changed("org-rem-sg", &[("/detail/findings/0/Id", json!("forged"))]);
    server.hears_of(forged).await;
    // one that it has, said to be about another resource, of another account, and open
    let resource = "arn:aws:ec2:us-east-1:444444444444:security-group/sg-victim";
    let other = changed(
        "org-rem-sg",
        &[("/detail/findings/0/Resources/0/Id", json!(resource))],
    );
    server.hears_of(other).await;
    let account = changed(
        "org-rem-sg",
        &[("/detail/findings/0/AwsAccountId", json!("555555555555"))],
    );
    server.hears_of(account).await;
    assert!(disk.all().await.is_empty());
    // an envelope that the organization did not send
    for foreign in ["000000000000", "nobody"] {
        let foreign = changed("org-rem-sg", &[("/account", json!(foreign))]);
        let told = server.handler.handle(&[foreign]).await;
        let [HandledEvent::Refused(why)] = &told[..] else {
            panic!("{told:?}")
        };
        assert!(why.ends_with("which is not the organization's"), "{why}");
    }
    server.works().await;
    assert!(disk.all().await.is_empty());
    assert!(world.writes.lock().unwrap().is_empty());
    assert!(world.updates.lock().unwrap().is_empty());
}

const CONFIG: &str = r"rules: [{id: r, match: {source: aws.config, config_rules: ['*']}, action: sg-default-close, mode: auto}]";

#[tokio::test]
async fn a_config_event_counts_for_what_config_judges() {
    let name = fixture("org-rem-config")["detail"]["configRuleName"]
        .as_str()
        .unwrap()
        .to_owned();
    for (judged, expected) in [
        (None, None),
        (Some("COMPLIANT"), None),
        (Some("NON_COMPLIANT"), Some("changed")),
    ] {
        let (world, disk) = (World::new(), Disk::new());
        world
            .judged
            .lock()
            .unwrap()
            .insert("another".to_owned(), "NON_COMPLIANT".to_owned());
        if let Some(judged) = judged {
            world
                .judged
                .lock()
                .unwrap()
                .insert(name.clone(), judged.to_owned());
        }
        let server = process(&world, &disk, RuleFile::read(CONFIG).unwrap());
        server.hears(event("org-rem-config")).await;
        server.works().await;
        let phases: Vec<_> = disk.all().await.iter().map(|it| it.phase.name()).collect();
        assert_eq!(
            phases,
            expected.into_iter().collect::<Vec<_>>(),
            "{judged:?}"
        );
    }
    // an account that cannot be entered is for people
    let (world, disk) = (World::new(), Disk::new());
    *world.not_entered.lock().unwrap() = vec![ACCOUNT.to_owned()];
    let server = process(&world, &disk, RuleFile::read(CONFIG).unwrap());
    server.hears(event("org-rem-config")).await;
    server.works().await;
    assert_eq!(disk.only().await.phase.name(), "manual");
    // it is judged otherwise before it is done
    let (world, disk) = (World::new(), Disk::new());
    world
        .judged
        .lock()
        .unwrap()
        .insert(name.clone(), "NON_COMPLIANT".to_owned());
    let server = process(&world, &disk, RuleFile::read(CONFIG).unwrap());
    server.hears(event("org-rem-config")).await;
    world
        .judged
        .lock()
        .unwrap()
        .insert(name, "COMPLIANT".to_owned());
    server.works().await;
    assert_eq!(reason(&disk.only().await), "AWS Config judges it COMPLIANT");
    assert!(world.writes.lock().unwrap().is_empty());
}

#[tokio::test]
async fn suppressing_and_telling_leave_what_somebody_decided() {
    for action in ["suppress", "notify"] {
        for (case, members, why) in decisions() {
            let (world, disk) = (World::new(), Disk::new());
            let file = format!(
                "rules: [{{id: r, match: {{controls: [EC2.19]}}, action: {action}, mode: auto}}]"
            );
            let server = process(&world, &disk, RuleFile::read(&file).unwrap());
            server.hears(event("org-rem-sg")).await;
            world.sets(FINDING, &members);
            server.works().await;
            assert_eq!(reason(&disk.only().await), why, "{action} {case}");
            assert_left(&world, &members, case);
        }
    }
}

#[tokio::test]
async fn a_label_that_somebody_set_after_the_action_stays_and_the_finding_is_told_beside_it() {
    let (world, disk) = (World::new(), Disk::new());
    let server = process(&world, &disk, rules("auto"));
    server.hears(event("org-rem-sg")).await;
    server.worker.work().await.unwrap();
    world.sets(
        FINDING,
        &[
            ("Workflow", json!({ "Status": "SUPPRESSED" })),
            ("Note", risk()),
        ],
    );
    server.works().await;
    assert_eq!(disk.only().await.phase.name(), "changed");
    let finding = world.findings.lock().unwrap()[FINDING].clone();
    assert_eq!(finding["Workflow"]["Status"], "SUPPRESSED");
    assert_eq!(finding["Note"], risk());
    assert_eq!(finding["UserDefinedFields"]["hallpassResult"], "changed");
    // taken back, that label is not ours to set back
    let back = undone(disk.only().await, "ana", world.now());
    disk.remediations.change_remediation(&back).await.unwrap();
    server.works().await;
    let finding = world.findings.lock().unwrap()[FINDING].clone();
    assert_eq!(finding["Workflow"]["Status"], "SUPPRESSED");
    assert_eq!(finding["UserDefinedFields"]["hallpassResult"], "changed");
}

#[tokio::test]
async fn a_finding_that_somebody_labelled_after_us_is_not_reset_when_it_is_taken_back() {
    for (label, expected) in [
        ("RESOLVED", "NEW"),
        ("SUPPRESSED", "SUPPRESSED"),
        ("NOTIFIED", "NOTIFIED"),
    ] {
        let (world, disk) = (World::new(), Disk::new());
        let server = process(&world, &disk, rules("auto"));
        server.hears(event("org-rem-sg")).await;
        server.works().await;
        world.sets(FINDING, &[("Workflow", json!({ "Status": label }))]);
        let back = undone(disk.only().await, "ana", world.now());
        disk.remediations.change_remediation(&back).await.unwrap();
        server.works().await;
        let finding = world.findings.lock().unwrap()[FINDING].clone();
        assert_eq!(finding["Workflow"]["Status"], expected);
        assert_eq!(disk.only().await.phase.name(), "undone");
    }
}

#[tokio::test]
async fn what_drifted_and_is_open_again_begins_again() {
    let (world, disk) = (World::new(), Disk::new());
    let server = process(&world, &disk, rules("auto"));
    server.hears(event("org-rem-sg")).await;
    world.sets(FINDING, &[("Workflow", json!({ "Status": "SUPPRESSED" }))]);
    server.works().await;
    assert_eq!(disk.only().await.phase.name(), "drifted");
    server.hears_of(event("org-rem-sg")).await;
    server.works().await;
    assert_eq!(disk.only().await.phase.name(), "drifted");
    world.sets(FINDING, &[("Workflow", json!({ "Status": "NEW" }))]);
    server.hears_of(event("org-rem-sg")).await;
    server.works().await;
    assert_eq!(disk.only().await.phase.name(), "changed");
    assert_eq!(world.written("RevokeSecurityGroupIngress").len(), 1);
}

/// Somebody comes before each of our calls in turn: nothing is done after a look that could have seen it, the look at the
/// finding is the last call before the change, and what somebody decided stands in the end.
#[tokio::test]
async fn somebody_decides_before_any_of_our_calls() {
    for (case, members, _) in decisions() {
        let (mut calls, mut number) = (4, 0);
        while number < calls {
            number += 1;
            let (world, disk) = (World::new(), Disk::new());
            let server = process(&world, &disk, rules("auto"));
            world.imports(&event("org-rem-sg"));
            let (mut seen, now) = (0, members.clone());
            let gap = Arc::new(std::sync::Mutex::new(false));
            let noted = Arc::clone(&gap);
            *world.before_calls.lock().unwrap() = Some(Box::new(move |world, operation| {
                seen += 1;
                if seen == number {
                    world.sets(FINDING, &now);
                    world.does("decided");
                    // AWS has no condition that an update could be sent with: this one gap stays open
                    *noted.lock().unwrap() = operation == "BatchUpdateFindings";
                }
            }));
            server.hears_of(event("org-rem-sg")).await;
            server.works().await;
            let log = world.log.lock().unwrap().clone();
            calls = calls.max(log.iter().filter(|it| *it != "decided").count());
            let place = format!("{case}, before call {number}: {log:?}");
            let at = |name: &str| log.iter().position(|it| it == name);
            if let Some(sent) = at("RevokeSecurityGroupIngress") {
                let before: Vec<_> = log[..sent].iter().filter(|it| *it != "decided").collect();
                assert_eq!(before.last().unwrap().as_str(), "GetFindings", "{place}");
                let looked = log[..sent]
                    .iter()
                    .rposition(|it| it == "GetFindings")
                    .unwrap();
                assert!(at("decided").is_none_or(|it| it > looked), "{place}");
            }
            if !*gap.lock().unwrap() && at("decided").is_some() {
                let finding = world.findings.lock().unwrap()[FINDING].clone();
                assert_eq!(finding["Note"], risk(), "{place}");
                if case != "passed" {
                    for (name, value) in &members {
                        assert_eq!(finding[*name], *value, "{place}");
                    }
                }
            }
        }
        assert!(calls > 8, "{calls}");
    }
}

/// A group after its remediation: the server, and what undoing comes to.
async fn taken_back(world: &World, server: &Process, disk: &Disk) -> (StepEnd, String, usize) {
    let it = disk.only().await;
    let before = world.writes.lock().unwrap().len();
    let (plan, folded) = server.runner.load(it.plan.as_ref().unwrap()).await.unwrap();
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
    // what somebody does to the group, and what comes of taking back
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
            let mut accounts = world.accounts.lock().unwrap();
            accounts
                .get_mut(ACCOUNT)
                .unwrap()
                .groups
                .get_mut(GROUP)
                .unwrap()
                .push(added);
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

/// Action, parameters, resource, what stood there, what somebody makes of it afterwards, and how undoing ends.
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

/// Every other action: what somebody made of it since is not overwritten.
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
        // what is as it was before us already needs nothing
        assert_eq!(
            end,
            expected.unwrap_or(StepEnd::Unchanged),
            "{action}: {why}"
        );
        assert_eq!(writes, 0, "{action}");
    }
}

/// What people decided last about the finding: members that have to stand.
type Decided = Arc<std::sync::Mutex<Option<(String, Value)>>>;

/// Somebody labels the finding, with a note of why.
fn decide(world: &World, draws: &mut Rng, decided: &Decided) {
    let status = ["SUPPRESSED", "RESOLVED", "NEW", "NOTIFIED"][draws.usize(..4)];
    let note = json!({ "Text": format!("decided {}", draws.usize(..1_000)), "UpdatedBy": "ana" });
    let mut members = vec![
        ("Workflow", json!({ "Status": status })),
        ("Note", note.clone()),
    ];
    if draws.usize(..5) == 0 {
        members.push(("RecordState", json!("ARCHIVED")));
    }
    world.sets(FINDING, &members);
    world.does(&format!("decided {status}"));
    // an open one may be told; one that is closed is closed
    *decided.lock().unwrap() = Some((status.to_owned(), note));
}

/// One run: an analyst, a responder and our process at one finding and its group, with events late, twice, reversed and
/// forged, yes and undo at any time, and restarts.
async fn interleaved(seed: u64) {
    let mut draws = Rng::with_seed(seed);
    let (world, disk) = (World::new(), Disk::new());
    let decided = Decided::default();
    let mode = ["auto", "approve"][draws.usize(..2)];
    let mut server = process(&world, &disk, rules(mode));
    let (by, mut analyst) = (Arc::clone(&decided), Rng::with_seed(seed ^ 0x1234));
    *world.before_calls.lock().unwrap() = Some(Box::new(move |world, operation| {
        if operation == "GetFindings" && analyst.usize(..12) == 0 {
            decide(world, &mut analyst, &by);
        }
    }));
    let events = [
        event("org-rem-sg"),
        found_again(1),
        changed("org-rem-sg", &[("/detail/findings/0/Id", json!("forged"))]),
    ];
    for _ in 0..8 {
        match draws.usize(..9) {
            0 | 1 => server.hears_of(events[draws.usize(..3)].clone()).await,
            2 => {
                world.imports(&events[0]);
                server.hears_of(events[0].clone()).await;
            }
            3 => decide(&world, &mut draws, &decided),
            4 => {
                let it = disk.all().await.pop();
                if let Some(Ok(yes)) = it.map(|it| approved(it, "ana", world.now())) {
                    disk.remediations.change_remediation(&yes).await.unwrap();
                }
            }
            5 => {
                let it = disk
                    .all()
                    .await
                    .pop()
                    .filter(|it| it.phase.name() == "changed");
                if let Some(it) = it {
                    disk.remediations
                        .change_remediation(&undone(it, "ana", world.now()))
                        .await
                        .unwrap();
                }
            }
            6 => world.reopen(),
            // what is held in memory is gone
            7 => server = process(&world, &disk, rules(mode)),
            _ => world.pass(3_600),
        }
        if draws.usize(..2) == 0 {
            server.works().await;
        }
    }
    server.works().await;
    stands(seed, &world, &decided, &disk.all().await);
}

/// What people decided stands, each change came right after a look, and nothing came of what was forged.
fn stands(seed: u64, world: &World, decided: &Decided, all: &[Remediation]) {
    let log = world.log.lock().unwrap().clone();
    let finding = world.findings.lock().unwrap()[FINDING].clone();
    // every change comes right after a look at the finding, and that look saw an open one
    let mut open = true;
    let mut last = "";
    for entry in &log {
        if let Some(status) = entry.strip_prefix("decided ") {
            open = matches!(status, "NEW" | "NOTIFIED");
            continue;
        }
        if entry.starts_with("Revoke") {
            assert!(open && last == "GetFindings", "seed {seed}: {log:?}");
        }
        if entry == "BatchUpdateFindings" {
            assert_eq!(last, "GetFindings", "seed {seed}: {log:?}");
        }
        last = entry;
    }
    if let Some((status, note)) = decided.lock().unwrap().clone() {
        assert_eq!(finding["Note"], note, "seed {seed}: {log:?}");
        if !matches!(status.as_str(), "NEW" | "NOTIFIED") {
            assert_eq!(
                finding["Workflow"]["Status"], status,
                "seed {seed}: {log:?}"
            );
        }
    }
    assert!(
        world.findings.lock().unwrap().get("forged").is_none(),
        "seed {seed}"
    );
    let about = |it: &Remediation| {
        it.deviation
            .finding
            .as_ref()
            .map(|it: &FindingKey| it.id.clone())
    };
    assert!(
        all.iter().all(|it| about(it).as_deref() == Some(FINDING)),
        "seed {seed}"
    );
}

#[tokio::test]
async fn interleavings_overwrite_nothing_that_somebody_decided() {
    for seed in 0..hallpass_testing::cases(1_500, 10_000) {
        interleaved(seed).await;
    }
}
