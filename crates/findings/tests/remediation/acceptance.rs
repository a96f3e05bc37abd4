//! The table of `organization.md` §6, row by row.

use std::sync::Arc;

use hallpass_base::TimeSpan;
use hallpass_findings::events::{OrganizationEvent, read_event};
use hallpass_findings::remediation::{
    Remediation, RemediationPhase, RemediationResult, RuleFile, Worked, approved, may_undo,
    plan_of, undone,
};
use hallpass_plans::testing::MemoryPlans;
use hallpass_plans::{Applying, undo};
use serde_json::{Value, json};

use crate::world::{
    ACCOUNT, Disk, World, changed, event, fixture, found_again, process, rules, text,
};

const FINDING: &str =
    "arn:aws:securityhub:us-east-1:444444444444:security-control/EC2.19/finding/f-0001";

const OTHER: &str = "555555555555";

fn in_another_account(world: &World) -> OrganizationEvent {
    let text = fixture("org-rem-sg").to_string();
    let text = text.replace(ACCOUNT, OTHER).replace("f-0001", "f-0555");
    let mut other: Value = serde_json::from_str(&text).unwrap();
    other["id"] = json!("r0000001-0000-4000-8000-000000000555");
    world.stands(&other["detail"]["findings"][0]);
    read_event(&other.to_string()).unwrap()
}

#[tokio::test]
async fn row_1_and_14_exactly_the_open_rules_go_and_come_back() {
    let (world, disk) = (World::new(), Disk::new());
    let server = process(&world, &disk, rules("auto"));
    server.hears(event("org-rem-sg")).await;
    server.works().await;
    let state = fixture("org-rem-sg-state");
    let revoked = world.written("RevokeSecurityGroupIngress");
    assert_eq!(revoked.len(), 1);
    assert_eq!(revoked[0]["SecurityGroupRuleIds"], state["expect_revoked"]);
    assert_eq!(
        world.rule_ids(),
        ["sgr-0000000000000002b", "sgr-0000000000000003c"]
    );
    let it = disk.only().await;
    let result = RemediationResult::Changed;
    assert_eq!(it.phase, RemediationPhase::Finished { result });
    let finding = world.findings.lock().unwrap()[FINDING].clone();
    assert_eq!(finding["Workflow"]["Status"], "RESOLVED");
    assert_eq!(
        finding["Note"]["Text"],
        format!("Hallpass {}: sg-revoke-public changed", it.id)
    );
    assert_eq!(
        finding["UserDefinedFields"],
        json!({ "hallpassRemediation": it.id, "hallpassResult": "changed" })
    );
    let places = world.places.lock().unwrap().clone();
    for place in places {
        assert_eq!(place.account.as_str(), ACCOUNT);
        assert_eq!(place.session.name, format!("hp-{}", it.id));
        let policy = place.session.policy;
        assert!(
            policy.contains("security-group/sg-0123456789abcdef0"),
            "{policy}"
        );
        assert!(!policy.contains("Authorize"), "{policy}");
    }

    may_undo(&it).unwrap();
    let (plan, folded) = server.runner.load(it.plan.as_ref().unwrap()).await.unwrap();
    let back = undo(&plan, &folded, server.hands.as_ref());
    let looked = server.runner.look(back.draft).await.unwrap();
    let report = server
        .runner
        .apply(&looked.plan.id, &Applying::default())
        .await
        .unwrap();
    assert_eq!(report.totals.changed, 1);
    let accounts = world.accounts.lock().unwrap();
    let rules: Vec<_> = accounts[ACCOUNT].groups.values().flatten().collect();
    assert_eq!(rules.len(), 4);
    let back = rules
        .iter()
        .find(|it| it["CidrIpv4"] == "0.0.0.0/0" && it["FromPort"] == 22);
    assert_eq!(back.unwrap()["Description"], "temp");
    assert!(
        rules
            .iter()
            .any(|it| it["CidrIpv6"] == "::/0" && it["ToPort"] == 4000)
    );
}

#[tokio::test]
async fn row_2_observe_writes_nothing() {
    let (world, disk) = (World::new(), Disk::new());
    let server = process(&world, &disk, rules("observe"));
    server.hears(event("org-rem-sg")).await;
    server.works().await;
    assert_eq!(disk.only().await.phase, RemediationPhase::Observed);
    assert!(world.places.lock().unwrap().is_empty());
    assert!(world.updates.lock().unwrap().is_empty());
}

#[tokio::test]
async fn row_3_nobody_approves_for_a_day() {
    let (world, disk) = (World::new(), Disk::new());
    let server = process(&world, &disk, rules("approve"));
    server.hears(event("org-rem-sg")).await;
    world.pass(24 * 3600 - 1);
    server.works().await;
    assert_eq!(disk.only().await.phase.name(), "waiting");
    world.pass(1);
    server.works().await;
    assert_eq!(disk.only().await.phase.name(), "manual");
    let updates = world.updates.lock().unwrap().clone();
    assert_eq!(updates.len(), 1);
    assert_eq!(updates[0]["Workflow"]["Status"], "NOTIFIED");
    assert!(world.places.lock().unwrap().is_empty());
}

#[tokio::test]
async fn an_approval_that_is_over_says_when_its_finding_cannot_be_read() {
    let (world, disk) = (World::new(), Disk::new());
    let server = process(&world, &disk, rules("approve"));
    server.hears(event("org-rem-sg")).await;
    world.pass(24 * 3600);
    *world.hub_is_closed.lock().unwrap() = true;
    let worked = server.worker.work().await.unwrap();
    let Worked::Unread { phase, why, .. } = worked else {
        panic!("{worked:?}")
    };
    assert_eq!(phase, "manual");
    let RemediationPhase::Manual { reason } = disk.only().await.phase else {
        panic!()
    };
    assert!(why.contains("AccessDeniedException"), "{why}");
    assert!(
        reason.contains("no approval within 24 hours") && reason.contains(&why),
        "{reason}"
    );
}

#[tokio::test]
async fn a_plan_that_cannot_be_read_holds_back_no_other_remediation() {
    let (world, mut disk) = (World::new(), Disk::new());
    let plans = Arc::new(MemoryPlans::default());
    disk.plans = Arc::clone(&plans) as _;
    let server = process(&world, &disk, rules("auto"));
    server.hears(in_another_account(&world)).await;
    let first = disk.only().await;
    plans.spoil(&plan_of(&first, "o-abcdefghij", TimeSpan::minutes(2)).id());
    world.pass(1);
    server.hears(event("org-rem-sg")).await;
    server.works().await;
    let of = |all: &[Remediation], account: &str| {
        let mut all = all.iter();
        let it = all.find(|it| it.deviation.account.as_str() == account);
        it.unwrap().phase.clone()
    };
    let all = disk.all().await;
    assert_eq!(of(&all, ACCOUNT).name(), "changed");
    assert_eq!(of(&all, OTHER).name(), "pending", "it is tried again");
    for _ in 0..10 {
        world.pass(600);
        server.works().await;
    }
    let RemediationPhase::Manual { reason } = of(&disk.all().await, OTHER) else {
        panic!()
    };
    assert!(reason.starts_with("its plan cannot be read"), "{reason}");
}

#[tokio::test]
async fn what_somebody_approves_is_done() {
    let (world, disk) = (World::new(), Disk::new());
    let server = process(&world, &disk, rules("approve"));
    server.hears(event("org-rem-sg")).await;
    let it = approved(disk.only().await, "ana", hallpass_base::Clock::now(&*world)).unwrap();
    disk.remediations.change_remediation(&it).await.unwrap();
    server.works().await;
    assert_eq!(disk.only().await.phase.name(), "changed");
    assert!(approved(disk.only().await, "ana", it.decided_at).is_err());
}

#[tokio::test]
async fn row_4_a_suppressed_finding_touches_no_account() {
    let (world, disk) = (World::new(), Disk::new());
    let server = process(&world, &disk, rules("auto"));
    server.hears(event("org-rem-suppress")).await;
    server.works().await;
    assert!(world.places.lock().unwrap().is_empty());
    let updates = world.updates.lock().unwrap().clone();
    assert_eq!(updates.len(), 1);
    assert_eq!(updates[0]["Workflow"]["Status"], "SUPPRESSED");
    let note = updates[0]["Note"]["Text"].as_str().unwrap();
    assert_eq!(note, "Hallpass rule suppress-dev-low: suppressed");
}

#[tokio::test]
async fn rows_5_and_7_what_is_settled_or_our_own_is_left() {
    let (world, disk) = (World::new(), Disk::new());
    let server = process(&world, &disk, rules("auto"));
    for name in ["org-rem-resolved", "org-rem-writeback"] {
        server.hears(event(name)).await;
    }
    server.works().await;
    assert!(disk.all().await.is_empty());
    // a field marks Hallpass's own note on a finding that stays open
    *world.not_entered.lock().unwrap() = vec![ACCOUNT.to_owned()];
    server.hears(event("org-rem-sg")).await;
    server.works().await;
    let finding = world.findings.lock().unwrap()[FINDING].clone();
    assert_eq!(finding["Workflow"]["Status"], "NOTIFIED");
    let own = changed(
        "org-rem-sg",
        &[("/id", json!("own")), ("/detail/findings/0", finding)],
    );
    server.hears(own).await;
    server.works().await;
    disk.only().await;
    assert_eq!(world.updates.lock().unwrap().len(), 1);
}

#[tokio::test]
async fn row_6_the_same_message_twice_is_one_action() {
    let (world, disk) = (World::new(), Disk::new());
    let server = process(&world, &disk, rules("auto"));
    for _ in 0..2 {
        server.hears(event("org-rem-sg")).await;
        server.works().await;
    }
    disk.only().await;
    assert_eq!(world.writes.lock().unwrap().len(), 1);
    assert_eq!(world.updates.lock().unwrap().len(), 1);
}

#[tokio::test]
async fn row_8_a_throttled_note_is_written_once() {
    let (world, disk) = (World::new(), Disk::new());
    let server = process(&world, &disk, rules("auto"));
    *world.hub_refusals.lock().unwrap() = 5;
    server.hears(event("org-rem-sg")).await;
    for _ in 0..6 {
        server.works().await;
        world.pass(30);
    }
    assert_eq!(world.updates.lock().unwrap().len(), 1);
    assert_eq!(world.writes.lock().unwrap().len(), 1);
    assert_eq!(disk.only().await.write_back, None);
}

#[tokio::test]
async fn row_9_an_account_that_cannot_be_entered_is_for_people_and_others_go_on() {
    let (world, disk) = (World::new(), Disk::new());
    *world.not_entered.lock().unwrap() = vec![OTHER.to_owned()];
    let server = process(&world, &disk, rules("auto"));
    server.hears(in_another_account(&world)).await;
    server.hears(event("org-rem-sg")).await;
    server.works().await;
    let all = disk.all().await;
    let of = |account: &str| {
        let it = all
            .iter()
            .find(|it| it.deviation.account.as_str() == account);
        it.unwrap().phase.clone()
    };
    assert_eq!(of(ACCOUNT).name(), "changed");
    let RemediationPhase::Manual { reason } = of(OTHER) else {
        panic!()
    };
    assert!(
        reason.contains("arn:aws:iam::555555555555:role/HallpassRemediation"),
        "{reason}"
    );
}

#[tokio::test]
async fn row_10_a_resource_of_another_account_is_refused() {
    let (world, disk) = (World::new(), Disk::new());
    let server = process(&world, &disk, rules("auto"));
    server.hears(event("org-rem-account-mismatch")).await;
    server.works().await;
    assert_eq!(disk.only().await.phase.name(), "manual");
    assert!(world.places.lock().unwrap().is_empty());
    assert!(world.updates.lock().unwrap().is_empty());
}

#[tokio::test]
async fn row_11_the_fourth_time_in_a_day_is_flapping() {
    let (world, disk) = (World::new(), Disk::new());
    let server = process(&world, &disk, rules("auto"));
    for time in 0..4 {
        world.pass(600);
        world.reopen();
        server.hears(found_again(time)).await;
        server.works().await;
    }
    assert_eq!(world.written("RevokeSecurityGroupIngress").len(), 3);
    let all = disk.all().await;
    let RemediationPhase::Manual { reason } = &all[0].phase else {
        panic!("{all:?}")
    };
    assert!(reason.starts_with("flapping"), "{reason}");
}

#[tokio::test]
async fn row_12_what_is_above_the_limit_waits() {
    let (world, disk) = (World::new(), Disk::new());
    let server = process(&world, &disk, rules("auto"));
    for number in 0..25 {
        let group = format!("arn:aws:ec2:us-east-1:{ACCOUNT}:security-group/sg-{number:017x}");
        server
            .hears(changed(
                "org-rem-sg",
                &[
                    ("/id", json!(format!("many-{number}"))),
                    ("/detail/findings/0/Id", json!(format!("many-{number}"))),
                    ("/detail/findings/0/Resources/0/Id", json!(group)),
                ],
            ))
            .await;
    }
    let all = disk.all().await;
    let count = |name: &str| all.iter().filter(|it| it.phase.name() == name).count();
    assert_eq!((count("pending"), count("waiting")), (20, 5));
}

#[tokio::test]
async fn row_15_an_exception_suppresses_until_its_day() {
    for (until, status) in [("2026-03-01", "RESOLVED"), ("2026-03-03", "SUPPRESSED")] {
        let (world, disk) = (World::new(), Disk::new());
        let file = text("org-remediate-rules.yaml")
            .replace("2026-12-31", until)
            .replace("999999999999", ACCOUNT);
        let server = process(&world, &disk, RuleFile::read(&file).unwrap());
        server.hears(event("org-rem-sg")).await;
        server.works().await;
        let finding = world.findings.lock().unwrap()[FINDING].clone();
        assert_eq!(finding["Workflow"]["Status"], status, "{until}");
        let touched = !world.writes.lock().unwrap().is_empty();
        assert_eq!(touched, status == "RESOLVED");
    }
}

#[tokio::test]
async fn nothing_is_written_while_all_is_paused_and_nothing_is_lost() {
    let (world, disk) = (World::new(), Disk::new());
    let server = process(&world, &disk, rules("auto"));
    let now = hallpass_base::Clock::now(&*world);
    disk.remediations
        .set_paused(Some(("ana".to_owned(), now)))
        .await
        .unwrap();
    server.hears(event("org-rem-sg")).await;
    server.works().await;
    assert_eq!(disk.only().await.phase.name(), "pending");
    assert!(world.places.lock().unwrap().is_empty());
    disk.remediations.set_paused(None).await.unwrap();
    server.works().await;
    assert_eq!(disk.only().await.phase.name(), "changed");
}

#[tokio::test]
async fn what_somebody_took_back_is_not_mended_again_that_day() {
    let (world, disk) = (World::new(), Disk::new());
    let server = process(&world, &disk, rules("auto"));
    server.hears(event("org-rem-sg")).await;
    server.works().await;
    let back = undone(disk.only().await, "ana", hallpass_base::Clock::now(&*world));
    disk.remediations.change_remediation(&back).await.unwrap();
    server.works().await;
    assert_eq!(
        world.findings.lock().unwrap()[FINDING]["Workflow"]["Status"],
        "NEW"
    );
    world.reopen();
    server.hears(found_again(7)).await;
    server.works().await;
    assert_eq!(world.written("RevokeSecurityGroupIngress").len(), 1);
    assert_eq!(disk.all().await[0].phase.name(), "manual");
}

#[tokio::test]
async fn an_analysts_note_stays_and_fields_of_others_too() {
    let (world, disk) = (World::new(), Disk::new());
    let mut finding = fixture("org-rem-sg")["detail"]["findings"][0].clone();
    finding["Note"] = json!({ "Text": "ticket 4711", "UpdatedBy": "alice" });
    finding["UserDefinedFields"] = json!({ "ticket": "4711", "findingEnriched": "True" });
    world.stands(&finding);
    let server = process(&world, &disk, rules("auto"));
    server.hears(event("org-rem-sg")).await;
    server.works().await;
    let finding = world.findings.lock().unwrap()[FINDING].clone();
    assert_eq!(finding["Note"]["Text"], "ticket 4711");
    let fields = finding["UserDefinedFields"].as_object().unwrap();
    assert_eq!(fields.len(), 4, "{fields:?}");
}

#[tokio::test]
async fn a_plan_that_is_under_way_sends_nothing_while_all_is_paused() {
    for paused in [true, false] {
        let (world, disk) = (World::new(), Disk::new());
        let server = process(&world, &disk, rules("auto"));
        server.hears(event("org-rem-sg")).await;
        let draft = plan_of(&disk.only().await, "o-abcdefghij", TimeSpan::minutes(5));
        let plan = server.runner.look(draft).await.unwrap().plan;
        let now = hallpass_base::Clock::now(&*world);
        let by = paused.then(|| ("ana".to_owned(), now));
        disk.remediations.set_paused(by).await.unwrap();
        let ran = server.runner.apply(&plan.id, &Applying::default()).await;
        let reason = ran.unwrap().targets[0].reason.clone();
        assert_eq!(
            reason.contains("remediations are paused"),
            paused,
            "{reason}"
        );
        let sent = world.written("RevokeSecurityGroupIngress").len();
        assert_eq!(sent, usize::from(!paused));
    }
}
