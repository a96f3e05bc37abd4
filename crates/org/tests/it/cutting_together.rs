//! Concurrent session revocations: no plan restores access that another one revoked.

use std::collections::BTreeMap;

use hallpass_base::{TimeSpan, Timestamp};
use hallpass_enforcement::testing::UNIT;
use hallpass_enforcement::{NewPolicy, Organization, Revocation};
use hallpass_iam::generate::sessions::{RevocationEntry, Revocations};
use hallpass_org::OrgStepExecutor;
use hallpass_org::outage;
use hallpass_org::sessions::{
    ApplyRevocation, EntryState, POLICY_NAME, list, plan_apply, plan_prune,
};
use hallpass_plans::{Applying, Exit, PlanId, PlanReport, StepEnd};

use crate::bench::{Bench, Process, cut_off, drill, name, patient};

async fn looked(bench: &Bench, process: &Process, wanted: &ApplyRevocation) -> PlanId {
    let (organization, kept) = (process.organization.as_ref(), process.kept.as_ref());
    let draft = plan_apply(organization, kept, wanted, bench.now()).await;
    process.runner.look(draft.unwrap()).await.unwrap().plan.id
}

async fn pruning(process: &Process, at: Timestamp) -> PlanId {
    let (organization, kept) = (process.organization.as_ref(), process.kept.as_ref());
    let pruned = plan_prune(organization, kept, at).await.unwrap();
    let looked = process.runner.look(pruned.draft).await.unwrap();
    looked.plan.id
}

async fn carried_out(process: &Process, plan: &PlanId) -> PlanReport {
    process.runner.apply(plan, &patient()).await.unwrap()
}

async fn cut(bench: &Bench, process: &Process, who: &[&str]) -> PlanReport {
    let entries: Vec<_> = who.iter().map(|it| name(it)).collect();
    let plan = looked(bench, process, &cut_off(&entries)).await;
    let report = carried_out(process, &plan).await;
    assert_eq!(report.exit(), Exit::Ok, "{report:#?}");
    report
}

async fn taken_back(bench: &Bench, process: &Process, plan: &PlanId) -> PlanReport {
    let (plan, folded) = process.runner.load(plan).await.unwrap();
    let hand = OrgStepExecutor {
        organization: process.organization.clone(),
        store: process.kept.clone(),
        clock: bench.clock.clone(),
    };
    let undoing = hallpass_plans::undo(&plan, &folded, &hand);
    assert!(undoing.not_undoable.is_empty());
    process.apply(undoing.draft).await.unwrap()
}

fn entries(bench: &Bench) -> Vec<String> {
    let text = bench.organization.text(POLICY_NAME).unwrap();
    let stands = Revocations::parse(&text).unwrap();
    stands.entries().iter().map(ToString::to_string).collect()
}

fn check_in_force(bench: &Bench, who: &[&str]) {
    assert_eq!(entries(bench), who);
    let standing = bench.organization.standing();
    assert_eq!(standing, [(POLICY_NAME.to_owned(), vec![UNIT.to_owned()])]);
}

fn drifted(report: &PlanReport) -> Vec<&str> {
    let rows = report.targets.iter();
    rows.filter(|row| row.outcome == StepEnd::Drifted)
        .map(|row| row.target.key.as_str())
        .collect()
}

#[tokio::test]
async fn whoever_is_about_to_be_cut_off_stays_in_the_policy() {
    let bench = Bench::new();
    let (one, other) = (bench.calm(), bench.calm());
    let hers = looked(&bench, &one, &cut_off(&[name("john")])).await;
    let without_attachment = Applying {
        canary: Some(3),
        ..patient()
    };
    one.runner.apply(&hers, &without_attachment).await.unwrap();
    assert_eq!(
        bench.organization.standing(),
        [(POLICY_NAME.to_owned(), Vec::new())]
    );
    cut(&bench, &other, &["mallory"]).await;
    check_in_force(&bench, &["name john", "name mallory"]);
    assert_eq!(carried_out(&one, &hers).await.exit(), Exit::Ok);
    check_in_force(&bench, &["name john", "name mallory"]);
}

async fn left_behind(bench: &Bench) -> String {
    let mut stands = Revocations::new();
    stands.add(name("john"));
    let policy = NewPolicy {
        name: POLICY_NAME.into(),
        description: String::new(),
        content: stands.json().unwrap(),
        tags: BTreeMap::new(),
    };
    bench.organization.create_policy(&policy).await.unwrap()
}

#[tokio::test]
async fn entries_are_left_behind_only_as_long_as_they_cut_nobody_off() {
    for attached_meanwhile in [false, true] {
        let bench = Bench::new();
        let process = bench.calm();
        let id = left_behind(&bench).await;
        let plan = looked(&bench, &process, &cut_off(&[name("mallory")])).await;
        if attached_meanwhile {
            bench.organization.attach(&id, UNIT).await.unwrap();
        }
        let report = carried_out(&process, &plan).await;
        if attached_meanwhile {
            assert_eq!(drifted(&report), [format!("policy {POLICY_NAME}")]);
            check_in_force(&bench, &["name john"]);
        } else {
            assert_eq!(report.exit(), Exit::Ok, "{report:#?}");
            check_in_force(&bench, &["name mallory"]);
        }
    }
}

#[tokio::test]
async fn pruning_leaves_a_policy_attached_to_which_somebody_was_added() {
    let bench = Bench::new();
    let process = bench.calm();
    cut(&bench, &process, &["john"]).await;
    bench.wait(TimeSpan::hours(13));
    let prune = pruning(&process, bench.now()).await;
    cut(&bench, &process, &["mallory"]).await;
    let report = carried_out(&process, &prune).await;
    let target = format!("target {UNIT}, policy {POLICY_NAME}");
    assert_eq!(drifted(&report), [target], "{report:#?}");
    check_in_force(&bench, &["name john", "name mallory"]);
    // a new plan removes expired entries
    let prune = pruning(&process, bench.now()).await;
    assert_eq!(carried_out(&process, &prune).await.exit(), Exit::Ok);
    check_in_force(&bench, &["name mallory"]);
}

#[tokio::test]
async fn whoever_is_cut_off_again_is_not_pruned_by_an_earlier_plan() {
    for all in [&["john"][..], &["john", "mary"]] {
        let bench = Bench::new();
        let process = bench.calm();
        cut(&bench, &process, &["john"]).await;
        bench.wait(TimeSpan::hours(13));
        if all.len() > 1 {
            cut(&bench, &process, &["mary"]).await;
        }
        let prune = pruning(&process, bench.now()).await;
        let again = cut(&bench, &process, &["john"]).await;
        assert_eq!(again.totals.changed, 1, "its end alone: {again:#?}");
        let report = carried_out(&process, &prune).await;
        assert_eq!(report.totals.changed, 0, "{report:#?}");
        assert!(!drifted(&report).is_empty(), "{report:#?}");
        let names: Vec<_> = all.iter().map(|it| format!("name {it}")).collect();
        let names: Vec<_> = names.iter().map(String::as_str).collect();
        check_in_force(&bench, &names);
        let kept = process.kept.revocations().await.unwrap();
        let is_kept = |row: &Revocation| row.entry == name("john") && bench.now() < row.ends_at;
        assert!(kept.iter().any(is_kept), "{kept:?}");
    }
}

async fn detached(bench: &Bench) -> String {
    let all = bench.organization.policies().await.unwrap();
    let row = all.into_iter().find(|row| row.name == POLICY_NAME).unwrap();
    bench.organization.detach(&row.id, UNIT).await.unwrap();
    row.id
}

#[tokio::test]
async fn an_end_that_moved_is_not_dropped() {
    let bench = Bench::new();
    let process = bench.calm();
    cut(&bench, &process, &["john"]).await;
    bench.wait(TimeSpan::hours(13));
    let id = detached(&bench).await;
    bench.organization.delete_policy(&id).await.unwrap();
    let prune = pruning(&process, bench.now()).await;
    let later = TimeSpan::hours(12).after(bench.now());
    let row = Revocation {
        policy: POLICY_NAME.into(),
        entry: name("john"),
        ends_at: later,
    };
    process.kept.keep_revocations(&[row]).await.unwrap();
    let report = carried_out(&process, &prune).await;
    let ends = format!("ends of entries of {POLICY_NAME}");
    assert_eq!(drifted(&report), [ends], "{report:#?}");
    let kept = process.kept.revocations().await.unwrap();
    assert_eq!(kept.len(), 1, "{kept:?}");
    assert_eq!(kept[0].ends_at, later);
}

#[tokio::test]
async fn a_policy_that_somebody_fills_again_is_not_deleted() {
    let bench = Bench::new();
    let process = bench.calm();
    cut(&bench, &process, &["john"]).await;
    bench.wait(TimeSpan::hours(13));
    let id = detached(&bench).await;
    let (organization, kept) = (process.organization.as_ref(), process.kept.as_ref());
    let pruned = plan_prune(organization, kept, bench.now()).await.unwrap();
    let mut text = Revocations::new();
    text.add(name("mallory"));
    let text = text.json().unwrap();
    bench.organization.update_policy(&id, &text).await.unwrap();
    let report = process.apply(pruned.draft).await.unwrap();
    assert_eq!(drifted(&report), [format!("policy {POLICY_NAME}")]);
    assert_eq!(entries(&bench), ["name mallory"]);
}

#[tokio::test]
async fn taking_a_cut_off_back_lets_nobody_in_whom_somebody_else_added() {
    for others in [&[][..], &["mallory"]] {
        let bench = Bench::new();
        let process = bench.calm();
        let hers = cut(&bench, &process, &["john"]).await.plan;
        if others.is_empty() {
            let report = taken_back(&bench, &process, &hers).await;
            assert_eq!(report.exit(), Exit::Ok, "{report:#?}");
            assert!(bench.organization.standing().is_empty());
            continue;
        }
        cut(&bench, &process, others).await;
        let report = taken_back(&bench, &process, &hers).await;
        assert_eq!(report.totals.changed, 0, "{report:#?}");
        assert!(drifted(&report).contains(&format!("target {UNIT}").as_str()));
        check_in_force(&bench, &["name john", "name mallory"]);
    }
}

#[tokio::test]
async fn a_removed_drill_that_is_put_back_ends_as_it_would_have() {
    let bench = Bench::new();
    let process = bench.calm();
    let (organization, kept) = (process.organization.as_ref(), process.kept.as_ref());
    let (draft, made) = outage::plan_apply(organization, &drill(UNIT))
        .await
        .unwrap();
    process.apply(draft).await.unwrap();
    let draft = outage::plan_remove(organization, kept, &made.id)
        .await
        .unwrap();
    let removed = process.apply(draft).await.unwrap();
    let report = taken_back(&bench, &process, &removed.plan).await;
    assert_eq!(report.exit(), Exit::Ok, "{report:#?}");
    let rows = outage::list(organization, kept, bench.now()).await.unwrap();
    assert_eq!(rows.len(), 1, "{rows:?}");
    assert_eq!(
        (rows[0].state, rows[0].ends_at),
        (outage::DrillState::Active, Some(made.ends_at))
    );
    bench.wait(TimeSpan::hours(3));
    let (draft, ids) = outage::plan_reap(organization, kept, bench.now())
        .await
        .unwrap();
    assert_eq!(ids, [made.id]);
    process.apply(draft).await.unwrap();
    assert!(bench.organization.standing().is_empty());
}

#[tokio::test]
async fn pruned_entries_that_are_put_back_are_known_with_their_ends() {
    let bench = Bench::new();
    let process = bench.calm();
    let (organization, kept) = (process.organization.as_ref(), process.kept.as_ref());
    let mut wanted = cut_off(&[name("john")]);
    wanted.name = "laptops".into();
    let plan = looked(&bench, &process, &wanted).await;
    carried_out(&process, &plan).await;
    let before = list(organization, kept, bench.now()).await.unwrap();
    let prune = pruning(&process, TimeSpan::hours(14).after(bench.now())).await;
    carried_out(&process, &prune).await;
    assert!(bench.organization.standing().is_empty());
    let report = taken_back(&bench, &process, &prune).await;
    assert_eq!(report.exit(), Exit::Ok, "{report:#?}");
    let after = list(organization, kept, bench.now()).await.unwrap();
    assert_eq!(after, before);
    assert_eq!(after[0].state, EntryState::InForce);
    let prune = pruning(&process, TimeSpan::hours(14).after(bench.now())).await;
    let report = carried_out(&process, &prune).await;
    assert_eq!(report.exit(), Exit::Ok, "{report:#?}");
    assert!(bench.organization.standing().is_empty());
}

#[tokio::test]
async fn an_entry_lasts_as_long_as_sessions_that_the_portal_still_gives() {
    use hallpass_org::sessions::Ends;
    let before: Timestamp = "2026-03-02T10:00:00Z".parse().unwrap();
    let role = RevocationEntry::Role {
        value: Some("arn:aws:iam::*:role/work".into()),
        issued_before: before,
    };
    let portal = |hours| Ends::After {
        session: TimeSpan::hours(12),
        portal: TimeSpan::hours(hours),
    };
    let at = "2026-03-02T20:00:00Z".parse().unwrap();
    for (entry, ends, end) in [
        (name("john"), Ends::longest(), "2026-03-03T07:00:00Z"),
        (name("john"), portal(1), "2026-03-03T00:00:00Z"),
        (name("john"), portal(0), "2026-03-02T23:00:00Z"),
        (name("john"), Ends::At(at), "2026-03-02T20:00:00Z"),
        // sessions from then on are allowed
        (role, Ends::longest(), "2026-03-02T22:00:00Z"),
    ] {
        let bench = Bench::new();
        let process = bench.calm();
        let mut wanted = cut_off(std::slice::from_ref(&entry));
        wanted.ends = ends;
        let plan = looked(&bench, &process, &wanted).await;
        carried_out(&process, &plan).await;
        let kept = process.kept.revocations().await.unwrap();
        assert_eq!(kept[0].ends_at.to_string(), end, "{entry}, {ends:?}");
    }
}
