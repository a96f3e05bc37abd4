//! Drills: refused, applied once, listed, removed, reaped.

use hallpass_base::TimeSpan;
use hallpass_enforcement::testing::{ANA, MANAGEMENT, ROOT, Situation, UNIT};
use hallpass_enforcement::{Organization, TargetPresence};
use hallpass_org::outage::{
    BreakGlass, DrillFile, DrillState, list, plan_apply, plan_reap, plan_remove, probes,
};
use hallpass_plans::{Exit, StepProbe};
use std::collections::BTreeMap;

use crate::bench::{Bench, POLICY, drill, outcomes};

#[tokio::test]
async fn what_is_not_safe_is_refused_and_nothing_is_changed() {
    type Change = fn(&mut Situation);
    let fine: Change = |_| {};
    let table: &[(&str, &str, Change, &str)] = &[
        ("the root", ROOT, fine, "root"),
        (
            "the management account",
            MANAGEMENT,
            fine,
            "management account",
        ),
        (
            "a tag",
            UNIT,
            |it| {
                let tags = BTreeMap::from([("hallpass:prod".into(), "true".into())]);
                it.tags.insert(ANA.into(), tags);
            },
            "in production: 222233334444",
        ),
        (
            "a tag as typed by hand",
            UNIT,
            |it| {
                let tags = BTreeMap::from([("hallpass:prod".into(), "True ".into())]);
                it.tags.insert(ANA.into(), tags);
            },
            "in production: 222233334444",
        ),
        (
            "policies disabled",
            UNIT,
            |it| it.scps_enabled = false,
            "not enabled",
        ),
        (
            "a member",
            UNIT,
            |it| it.caller.account = ANA.into(),
            "neither the management",
        ),
        (
            "no way back",
            UNIT,
            |it| {
                it.roles.insert(ANA.into(), TargetPresence::NotThere);
            },
            "no break-glass role exists in 222233334444",
        ),
        (
            "an unseen way back",
            UNIT,
            |it| {
                it.roles
                    .insert(ANA.into(), TargetPresence::Unseen("denied".into()));
            },
            "cannot be seen: denied",
        ),
    ];
    for (what, target, change, expected) in table {
        let bench = Bench::new();
        bench.organization.change(change);
        check_refused(&bench, what, target, expected).await;
    }
}

async fn check_refused(bench: &Bench, what: &str, target: &str, expected: &str) {
    let process = bench.calm();
    let (draft, _) = plan_apply(process.organization.as_ref(), &drill(target))
        .await
        .unwrap();
    let looked = process.runner.look(draft).await.unwrap();
    let guard = looked
        .plan
        .steps
        .iter()
        .find(|step| step.kind == "guard")
        .unwrap();
    let Some(StepProbe::Blocked { reason }) = looked.plan.expected.get(&guard.id) else {
        panic!("{what}: not refused")
    };
    assert!(reason.contains(expected), "{what}: {reason}");
    let report = process.apply(again(bench, target).await).await.unwrap();
    assert_eq!(report.exit(), Exit::Failed, "{what}");
    assert!(bench.organization.writes().is_empty(), "{what}");
}

async fn again(bench: &Bench, target: &str) -> hallpass_plans::PlanDraft {
    let planned = plan_apply(bench.organization.as_ref(), &drill(target)).await;
    planned.unwrap().0
}

#[tokio::test]
async fn a_full_target_and_a_drill_that_is_over_are_refused() {
    let bench = Bench::new();
    bench.take_places(UNIT, 9).await;
    let process = bench.calm();
    let report = process.apply(again(&bench, UNIT).await).await.unwrap();
    let guard = report
        .targets
        .iter()
        .find(|it| it.target.key == "preconditions")
        .unwrap();
    assert!(guard.reason.contains("10 policies"), "{}", guard.reason);
    let one = bench.organization.policies_of(UNIT).await.unwrap();
    let one = one.iter().find(|row| row.name == "other 0").unwrap();
    bench.organization.detach(&one.id, UNIT).await.unwrap();
    let report = process.apply(again(&bench, UNIT).await).await.unwrap();
    assert_eq!(report.exit(), Exit::Ok, "{report:?}");
    bench.wait(TimeSpan::hours(3));
    let report = process.apply(again(&bench, ANA).await).await.unwrap();
    let guard = report
        .targets
        .iter()
        .find(|it| it.target.key == "preconditions")
        .unwrap();
    assert!(guard.reason.contains("the drill ended"), "{}", guard.reason);
}

#[tokio::test]
async fn listed_accounts_are_in_production_too_and_a_way_back_may_be_waived() {
    let bench = Bench::new();
    bench.organization.change(|it| {
        it.roles
            .insert(ANA.into(), TargetPresence::Unseen("denied".into()));
    });
    let mut wanted = drill(UNIT);
    wanted.break_glass = BreakGlass::Waived;
    wanted.prod = vec![ANA.into()];
    let process = bench.calm();
    let (draft, _) = plan_apply(process.organization.as_ref(), &wanted)
        .await
        .unwrap();
    assert_eq!(process.apply(draft).await.unwrap().exit(), Exit::Failed);
    wanted.prod.clear();
    let (draft, _) = plan_apply(process.organization.as_ref(), &wanted)
        .await
        .unwrap();
    let report = process.apply(draft).await.unwrap();
    assert_eq!(report.exit(), Exit::Ok, "{report:#?}");
}

#[tokio::test]
async fn a_drill_is_applied_once_listed_and_removed_by_its_tags() {
    let bench = Bench::new();
    let process = bench.calm();
    let (draft, made) = plan_apply(process.organization.as_ref(), &drill(UNIT))
        .await
        .unwrap();
    assert_eq!(made.accounts, ["222233334444", "333344445555"]);
    let report = process.apply(draft.clone()).await.unwrap();
    assert_eq!(
        outcomes(&report),
        [
            format!("drill {}: changed", made.id),
            format!("policy hallpass-drill-{}: changed", made.id),
            "preconditions: unchanged".to_owned(),
            format!("target {UNIT}: changed"),
        ]
    );
    let name = format!("hallpass-drill-{}", made.id);
    assert_eq!(
        bench.organization.standing(),
        [(name.clone(), vec![UNIT.to_owned()])]
    );
    let again = process.apply(draft).await.unwrap();
    assert_eq!(again.totals.unchanged, 4);
    assert_eq!(bench.organization.writes().len(), 2);
    let kept = process.kept.drill(&made.id).await.unwrap().unwrap();
    assert!(kept.applied_at.is_some() && kept.removed_at.is_none());
    let rows = list(
        process.organization.as_ref(),
        process.kept.as_ref(),
        bench.now(),
    )
    .await;
    assert_eq!(rows.unwrap()[0].state, DrillState::Active);
    let before = TimeSpan::seconds(1).before(kept.starts_at);
    let rows = list(process.organization.as_ref(), process.kept.as_ref(), before).await;
    assert_eq!(rows.unwrap()[0].state, DrillState::Scheduled);
    let elsewhere = Bench {
        clock: bench.clock.clone(),
        organization: bench.organization.clone(),
        kept: std::sync::Arc::default(),
        plans: std::sync::Arc::default(),
    };
    let process = elsewhere.calm();
    for _ in 0..2 {
        let draft = plan_remove(
            process.organization.as_ref(),
            process.kept.as_ref(),
            &made.id,
        )
        .await
        .unwrap();
        let report = process.apply(draft).await.unwrap();
        assert_eq!(report.exit(), Exit::Ok, "{report:#?}");
        assert!(bench.organization.standing().is_empty());
    }
}

#[tokio::test]
async fn a_drill_past_its_end_is_seen_and_reaped() {
    let bench = Bench::new();
    let process = bench.calm();
    let organization = process.organization.as_ref();
    let (draft, made) = plan_apply(organization, &drill(UNIT)).await.unwrap();
    process.apply(draft).await.unwrap();
    let (draft, ids) = plan_reap(organization, process.kept.as_ref(), bench.now())
        .await
        .unwrap();
    assert!(draft.is_empty() && ids.is_empty());
    bench.wait(TimeSpan::hours(2));
    let rows = list(organization, process.kept.as_ref(), bench.now())
        .await
        .unwrap();
    assert_eq!(rows[0].state, DrillState::Expired);
    let (draft, ids) = plan_reap(organization, process.kept.as_ref(), bench.now())
        .await
        .unwrap();
    assert_eq!(ids, std::slice::from_ref(&made.id));
    let report = process.apply(draft).await.unwrap();
    assert_eq!(report.exit(), Exit::Ok, "{report:#?}");
    assert!(bench.organization.standing().is_empty());
    let rows = list(organization, process.kept.as_ref(), bench.now())
        .await
        .unwrap();
    assert_eq!(rows[0].state, DrillState::Removed);
    assert!(rows[0].removed_at.is_some());
    let (draft, _) = plan_reap(organization, process.kept.as_ref(), bench.now())
        .await
        .unwrap();
    assert!(draft.is_empty());
}

/// `policies.md` §8.3: tags alone do not identify a drill. A policy with changed text is never
/// removed, by command or after its end, with this or another store.
#[tokio::test]
async fn a_drill_whose_policy_another_user_changed_stays() {
    for (is_kept, reaps) in [(true, false), (false, false), (true, true), (false, true)] {
        let bench = Bench::new();
        let process = bench.calm();
        let organization = process.organization.as_ref();
        let (draft, made) = plan_apply(organization, &drill(UNIT)).await.unwrap();
        process.apply(draft).await.unwrap();
        let policies = organization.policies().await.unwrap();
        let policy = policies.iter().find(|it| it.name.ends_with(&made.id));
        let theirs = POLICY.replace("iam:", "s3:");
        assert_ne!(theirs, POLICY);
        let edit = organization
            .update_policy(&policy.unwrap().id, &theirs)
            .await;
        edit.unwrap();
        bench.wait(TimeSpan::hours(2));
        let elsewhere = Bench {
            clock: bench.clock.clone(),
            organization: bench.organization.clone(),
            kept: std::sync::Arc::default(),
            plans: std::sync::Arc::default(),
        };
        let elsewhere = elsewhere.calm();
        let process = if is_kept { &process } else { &elsewhere };
        let kept = process.kept.as_ref();
        let draft = if reaps {
            let planned = plan_reap(organization, kept, bench.now()).await;
            planned.unwrap().0
        } else {
            plan_remove(organization, kept, &made.id).await.unwrap()
        };
        let report = process.apply(draft).await.unwrap();
        let case = format!("kept {is_kept}, reaped {reaps}: {report:#?}");
        assert!(report.totals.drifted > 0, "{case}");
        assert_eq!(report.totals.changed, 0, "{case}");
        let name = format!("hallpass-drill-{}", made.id);
        let standing = bench.organization.standing();
        assert_eq!(standing, [(name, vec![UNIT.to_owned()])], "{case}");
    }
}

#[tokio::test]
async fn listings_that_lag_are_waited_for() {
    let bench = Bench::new();
    bench
        .organization
        .change(|it| it.lag = TimeSpan::seconds(20));
    let process = bench.calm();
    let organization = process.organization.as_ref();
    let (draft, made) = plan_apply(organization, &drill(UNIT)).await.unwrap();
    let report = process.apply(draft).await.unwrap();
    assert_eq!(report.exit(), Exit::Ok, "{report:#?}");
    assert_eq!(bench.organization.writes().len(), 2);
    let draft = plan_remove(organization, process.kept.as_ref(), &made.id)
        .await
        .unwrap();
    let report = process.apply(draft).await.unwrap();
    assert_eq!(report.exit(), Exit::Ok, "{report:#?}");
    assert!(bench.organization.standing().is_empty());
}

#[tokio::test]
async fn undoing_an_apply_leaves_nothing() {
    let bench = Bench::new();
    let process = bench.calm();
    let report = process.apply(again(&bench, UNIT).await).await.unwrap();
    let (plan, folded) = process.runner.load(&report.plan).await.unwrap();
    let hand = hallpass_org::OrgStepExecutor {
        organization: process.organization.clone(),
        store: process.kept.clone(),
        clock: bench.clock.clone(),
    };
    let undoing = hallpass_plans::undo(&plan, &folded, &hand);
    assert!(undoing.not_undoable.is_empty());
    let report = process.apply(undoing.draft).await.unwrap();
    assert_eq!(report.exit(), Exit::Ok, "{report:#?}");
    assert!(bench.organization.standing().is_empty());
}

#[test]
fn our_engine_says_what_a_drill_does() {
    let rows = probes(&DrillFile::read(POLICY).unwrap()).unwrap();
    assert_eq!(rows.len(), 12, "{rows:#?}");
    for row in &rows {
        assert!(row.is_good(), "{row:?}");
    }
    assert!(rows[0].action.starts_with("iam:"), "{rows:?}");
    assert_eq!(rows[0].got, "ExplicitlyDenied");
}
