//! Changed deviations are left alone (`organization.md` R-13): at the event, while waiting, at
//! approval, before the change, and before the update of the finding.

use std::sync::Arc;

use fastrand::Rng;
use hallpass_base::Clock as _;
use hallpass_findings::events::{EventHandler as _, HandledEvent};
use hallpass_findings::remediation::{
    FindingKey, Remediation, RemediationPhase, RuleFile, approved, undone,
};
use serde_json::{Value, json};

use crate::world::{ACCOUNT, Disk, World, changed, event, fixture, found_again, process, rules};

pub(crate) const FINDING: &str =
    "arn:aws:securityhub:us-east-1:444444444444:security-control/EC2.19/finding/f-0001";

fn risk() -> Value {
    json!({ "Text": "accepted risk, ticket 9", "UpdatedBy": "ana" })
}

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

pub(crate) fn reason(it: &Remediation) -> String {
    match &it.phase {
        RemediationPhase::Drifted { reason } => reason.clone(),
        other => panic!("{other:?}"),
    }
}

fn assert_left(world: &World, members: &[(&'static str, Value)], case: &str) {
    assert!(world.writes.lock().unwrap().is_empty(), "{case}");
    assert!(world.updates.lock().unwrap().is_empty(), "{case}");
    let finding = world.findings.lock().unwrap()[FINDING].clone();
    for (name, value) in members {
        assert_eq!(finding[*name], *value, "{case}");
    }
}

pub(crate) async fn press(world: &World, disk: &Disk) {
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
        // before the change, before and after approval, and without approval
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
async fn a_forged_event_closes_nothing() {
    let (world, disk) = (World::new(), Disk::new());
    let server = process(&world, &disk, rules("auto"));
    let forged = changed("org-rem-sg", &[("/detail/findings/0/Id", json!("forged"))]);
    server.hears_of(forged).await;
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
    // an account that cannot be entered needs a user
    let (world, disk) = (World::new(), Disk::new());
    *world.not_entered.lock().unwrap() = vec![ACCOUNT.to_owned()];
    let server = process(&world, &disk, RuleFile::read(CONFIG).unwrap());
    server.hears(event("org-rem-config")).await;
    server.works().await;
    assert_eq!(disk.only().await.phase.name(), "manual");
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

/// A user interferes before each call in turn: no change follows a read that could have seen it,
/// the read of the finding directly precedes the change, and the user's decision prevails.
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
                    // AWS has no conditional update, so this gap remains
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

type Decided = Arc<std::sync::Mutex<Option<(String, Value)>>>;

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
    *decided.lock().unwrap() = Some((status.to_owned(), note));
}

/// One random run: analyst, responder and Hallpass on one finding, with late, duplicate, reordered
/// and forged events, approvals, undos and restarts.
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

/// Checks that user decisions persist, each change follows a read, and forged events have no
/// effect.
fn stands(seed: u64, world: &World, decided: &Decided, all: &[Remediation]) {
    let log = world.log.lock().unwrap().clone();
    let finding = world.findings.lock().unwrap()[FINDING].clone();
    // the read before every change saw an open finding
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
    for seed in 0..hallpass_base::testing::cases(1_500, 10_000) {
        interleaved(seed).await;
    }
}
