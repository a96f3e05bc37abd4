//! Session revocations: extended, listed with ends, pruned.

use hallpass_base::{TimeSpan, Timestamp};
use hallpass_enforcement::testing::{ANA, MANAGEMENT, ROOT, UNIT};
use hallpass_enforcement::{NewPolicy, Organization};
use hallpass_iam::generate::sessions::Revocations;
use hallpass_org::ChoreError;
use hallpass_org::sessions::{EntryState, POLICY_NAME, list, plan_apply, plan_prune};
use hallpass_plans::Exit;

use crate::bench::{Bench, Process, cut_off, name, outcomes};

async fn applied(
    bench: &Bench,
    process: &Process,
    wanted: &hallpass_org::sessions::ApplyRevocation,
) -> hallpass_plans::PlanReport {
    let (organization, kept) = (process.organization.as_ref(), process.kept.as_ref());
    let draft = plan_apply(organization, kept, wanted, bench.now())
        .await
        .unwrap();
    process.apply(draft).await.unwrap()
}

fn entries(bench: &Bench) -> Vec<String> {
    let text = bench.organization.text(POLICY_NAME).unwrap();
    let stands = Revocations::parse(&text).unwrap();
    stands.entries().iter().map(ToString::to_string).collect()
}

#[tokio::test]
async fn the_first_is_attached_and_the_next_added_in_place() {
    let bench = Bench::new();
    let process = bench.calm();
    let report = applied(&bench, &process, &cut_off(&[name("john")])).await;
    assert_eq!(
        outcomes(&report),
        [
            "ends of entries: changed".to_owned(),
            format!("policy {POLICY_NAME}: changed"),
            "preconditions: unchanged".to_owned(),
            format!("target {UNIT}: changed"),
        ]
    );
    let report = applied(&bench, &process, &cut_off(&[name("john")])).await;
    assert_eq!(report.totals.unchanged, 4, "twice is once");
    // another file does not restore john's access
    let report = applied(&bench, &process, &cut_off(&[name("mary")])).await;
    assert_eq!(report.exit(), Exit::Ok);
    assert_eq!(entries(&bench), ["name john", "name mary"]);
    let writes = bench.organization.writes();
    assert_eq!(
        writes,
        [
            format!("create {POLICY_NAME}"),
            format!("attach {UNIT}"),
            "update".into()
        ]
    );
    let rows = list(
        process.organization.as_ref(),
        process.kept.as_ref(),
        bench.now(),
    )
    .await
    .unwrap();
    let end: Timestamp = "2026-03-02T23:00:00Z".parse().unwrap();
    for row in &rows {
        assert_eq!(
            (row.state, row.ends_at),
            (EntryState::InForce, Some(end)),
            "{row:?}"
        );
        assert_eq!(row.targets, [UNIT]);
    }
    assert_eq!(rows.len(), 2);
}

#[tokio::test]
async fn a_policy_attached_in_advance_is_updated_in_place() {
    let bench = Bench::new();
    let mut staged = Revocations::new();
    staged.pre_staged = true;
    let policy = NewPolicy {
        name: POLICY_NAME.into(),
        description: String::new(),
        content: staged.json().unwrap(),
        tags: std::collections::BTreeMap::new(),
    };
    let id = bench.organization.create_policy(&policy).await.unwrap();
    bench.organization.attach(&id, UNIT).await.unwrap();
    let before = bench.organization.writes().len();
    let process = bench.calm();
    applied(&bench, &process, &cut_off(&[name("john")])).await;
    assert_eq!(bench.organization.writes()[before..], ["update"]);
    assert_eq!(entries(&bench), ["name john"]);
    // stays attached when no one is left
    let at = TimeSpan::hours(14).after(bench.now());
    let pruned = plan_prune(process.organization.as_ref(), process.kept.as_ref(), at)
        .await
        .unwrap();
    process.apply(pruned.draft).await.unwrap();
    assert_eq!(entries(&bench), [""; 0]);
    assert_eq!(
        bench.organization.standing(),
        [(POLICY_NAME.to_owned(), vec![UNIT.to_owned()])]
    );
}

#[tokio::test]
async fn pruning_takes_out_what_is_over_and_then_the_policy() {
    let bench = Bench::new();
    let process = bench.calm();
    let (organization, kept) = (process.organization.clone(), process.kept.clone());
    applied(&bench, &process, &cut_off(&[name("john")])).await;
    bench.wait(TimeSpan::hours(4));
    applied(&bench, &process, &cut_off(&[name("mary")])).await;
    for (at, gone, left) in [
        ("2026-03-02T22:59:59Z", 0, vec!["name john", "name mary"]),
        ("2026-03-02T23:00:00Z", 1, vec!["name mary"]),
    ] {
        let at = at.parse().unwrap();
        let pruned = plan_prune(organization.as_ref(), kept.as_ref(), at)
            .await
            .unwrap();
        assert_eq!(pruned.gone.len(), gone);
        if !pruned.draft.is_empty() {
            assert_eq!(process.apply(pruned.draft).await.unwrap().exit(), Exit::Ok);
        }
        assert_eq!(entries(&bench), left);
    }
    let at = "2026-03-03T03:00:00Z".parse().unwrap();
    let pruned = plan_prune(organization.as_ref(), kept.as_ref(), at)
        .await
        .unwrap();
    process.apply(pruned.draft).await.unwrap();
    assert!(bench.organization.standing().is_empty());
    assert!(
        list(organization.as_ref(), kept.as_ref(), at)
            .await
            .unwrap()
            .is_empty()
    );
    let pruned = plan_prune(organization.as_ref(), kept.as_ref(), at)
        .await
        .unwrap();
    assert!(pruned.draft.is_empty() && pruned.gone.is_empty());
}

#[tokio::test]
async fn an_entry_without_a_kept_end_stays_and_is_said() {
    let bench = Bench::new();
    let process = bench.calm();
    applied(&bench, &process, &cut_off(&[name("john")])).await;
    let elsewhere = Bench {
        clock: bench.clock.clone(),
        organization: bench.organization.clone(),
        kept: std::sync::Arc::default(),
        plans: std::sync::Arc::default(),
    }
    .calm();
    let (organization, kept) = (elsewhere.organization.as_ref(), elsewhere.kept.as_ref());
    let pruned = plan_prune(organization, kept, Timestamp::MAX)
        .await
        .unwrap();
    assert!(pruned.draft.is_empty());
    assert_eq!(pruned.without_end, [format!("{POLICY_NAME}: name john")]);
    let rows = list(organization, kept, bench.now()).await.unwrap();
    assert_eq!(rows[0].state, EntryState::NoEnd);
}

#[tokio::test]
async fn the_root_is_a_target_here_and_the_management_account_is_not() {
    let bench = Bench::new();
    let process = bench.calm();
    let mut wanted = cut_off(&[name("john")]);
    wanted.targets = vec![ROOT.into(), ANA.into()];
    assert_eq!(applied(&bench, &process, &wanted).await.exit(), Exit::Ok);
    wanted.targets = vec![MANAGEMENT.into()];
    let report = applied(&bench, &process, &wanted).await;
    let guard = report
        .targets
        .iter()
        .find(|it| it.target.key == "preconditions")
        .unwrap();
    assert!(
        guard.reason.contains("no effect in the management account"),
        "{guard:?}"
    );
}

#[tokio::test]
async fn too_many_entries_and_other_policies_are_refused() {
    let bench = Bench::new();
    let process = bench.calm();
    let many: Vec<_> = (0..800)
        .map(|n| name(&format!("person{n}@corp.example")))
        .collect();
    let report = applied(&bench, &process, &cut_off(&many)).await;
    let guard = report
        .targets
        .iter()
        .find(|it| it.target.key == "preconditions")
        .unwrap();
    assert!(guard.reason.contains("10240"), "{guard:?}");
    assert!(bench.organization.writes().is_empty());
    let policy = NewPolicy {
        name: "theirs".into(),
        description: String::new(),
        content: r#"{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Action":"s3:*","Resource":"*"}]}"#.into(),
        tags: std::collections::BTreeMap::new(),
    };
    bench.organization.create_policy(&policy).await.unwrap();
    let mut wanted = cut_off(&[name("john")]);
    wanted.name = "theirs".into();
    let (organization, kept) = (process.organization.as_ref(), process.kept.as_ref());
    let error = plan_apply(organization, kept, &wanted, bench.now())
        .await
        .unwrap_err();
    assert!(
        matches!(&error, ChoreError::Unusable(bad) if bad.code == "E_ELEMENT"),
        "{error:?}"
    );
}
