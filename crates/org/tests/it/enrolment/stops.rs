//! Each port call fails, loses its answer, or stops the process before or after it: after a resume,
//! every account is enrolled, and nothing was moved, launched or reset twice (row 10).

use std::collections::BTreeSet;

use hallpass_base::testing::stops;
use hallpass_org::enrolment::{EnrolmentBackend, EnrolmentRequest, RoleCreation};
use hallpass_plans::testing::{Gate, PortMode};
use hallpass_plans::{Exit, PlanDraft, PlanStore as _};

use super::world::{World, wish};

fn world(by_itself: bool) -> World {
    let world = super::stale::world(by_itself);
    world.with(|it| {
        it.controls = vec![("ou-ab12-sandbox02".to_owned(), "c/EBS".to_owned())];
        it.roles.insert(
            "888888888888".to_owned(),
            BTreeSet::from(["OrganizationAccountAccessRole".to_owned()]),
        );
    });
    world
}

async fn attempt(
    world: &World,
    draft: PlanDraft,
    holder: &str,
    gate: &std::sync::Arc<Gate>,
) -> bool {
    let run = async {
        let report = world.apply(draft, holder, gate).await;
        report.is_some_and(|report| report.exit() == Exit::Ok)
    };
    tokio::select! {
        done = run => done,
        () = gate.stop() => false,
    }
}

/// For a stack set, one account is inaccessible.
fn world_of(wish: &EnrolmentRequest, by_itself: bool) -> World {
    let world = world(by_itself);
    if wish.create_role == RoleCreation::Ou {
        world.with(|it| it.roles.insert("888888888888".to_owned(), BTreeSet::new()));
    }
    world
}

async fn stopped_everywhere(wish: &EnrolmentRequest, by_itself: bool, writes: usize) {
    let unbroken = world_of(wish, by_itself);
    let gate = Gate::new(None);
    let draft = unbroken.draft(wish).await;
    assert!(attempt(&unbroken, draft, "first", &gate).await);
    let sent = unbroken.writes();
    assert_eq!(sent.len(), writes, "{sent:?}");
    for (call, mode) in stops(gate.calls(), PortMode::ALL) {
        let case = format!("call {call}, {mode:?}");
        let world = world_of(wish, by_itself);
        let draft = world.draft(wish).await;
        let gate = Gate::new(Some((call, mode)));
        if !attempt(&world, draft.clone(), "first", &gate).await {
            world.clock.advance(std::time::Duration::from_secs(61));
            let runner = world.runner("second", &Gate::new(None));
            let patient = crate::bench::patient();
            match world.plans.plans(1).await.unwrap().first() {
                Some(saved) => drop(runner.resume(&saved.plan.id, &patient).await.unwrap()),
                None => assert!(
                    attempt(&world, draft, "second", &Gate::new(None)).await,
                    "{case}"
                ),
            }
        }
        assert_eq!(world.writes(), sent, "{case}");
        let parents = ["777777777777", "888888888888"].map(|id| world.with(|it| it.parent(id)));
        assert!(
            parents.iter().all(|it| it == "ou-ab12-sandbox02"),
            "{case}: {parents:?}"
        );
    }
}

fn two(via: EnrolmentBackend, create_role: RoleCreation) -> EnrolmentRequest {
    EnrolmentRequest {
        via: Some(via),
        create_role,
        ..wish(&["777777777777", "888888888888"], &[])
    }
}

#[tokio::test]
async fn stopped_anywhere_while_accounts_are_moved() {
    let wish = two(EnrolmentBackend::Move, RoleCreation::Account);
    stopped_everywhere(&wish, true, 6).await;
}

#[tokio::test]
async fn stopped_anywhere_while_a_baseline_is_set_again() {
    let wish = two(EnrolmentBackend::Baseline, RoleCreation::None);
    let unbroken = world(false);
    let draft = unbroken.draft(&wish).await;
    assert!(attempt(&unbroken, draft, "count", &Gate::new(None)).await);
    let writes = unbroken.writes().len();
    // two moves, one or two baseline resets, one control
    assert!((4..=5).contains(&writes), "{:?}", unbroken.writes());
    stopped_once(&wish).await;
}

/// A single account, for a deterministic order of calls.
async fn stopped_once(wish: &EnrolmentRequest) {
    let one = EnrolmentRequest {
        accounts: wish.accounts.iter().take(1).cloned().collect(),
        ..wish.clone()
    };
    let unbroken = world(false);
    let gate = Gate::new(None);
    let draft = unbroken.draft(&one).await;
    assert!(attempt(&unbroken, draft, "first", &gate).await);
    let sent = unbroken.writes();
    assert_eq!(sent.len(), 3, "{sent:?}");
    for (call, mode) in stops(gate.calls(), PortMode::ALL) {
        let case = format!("call {call}, {mode:?}");
        let world = world(false);
        let draft = world.draft(&one).await;
        let gate = Gate::new(Some((call, mode)));
        if !attempt(&world, draft.clone(), "first", &gate).await {
            world.clock.advance(std::time::Duration::from_secs(61));
            let again = world.apply(draft, "second", &Gate::new(None)).await;
            assert_eq!(again.unwrap().exit(), Exit::Ok, "{case}");
        }
        assert_eq!(world.writes(), sent, "{case}");
    }
}

#[tokio::test]
async fn stopped_anywhere_while_account_factory_is_at_work() {
    let wish = two(EnrolmentBackend::AccountFactory, RoleCreation::Account);
    stopped_everywhere(&wish, true, 7).await;
}

#[tokio::test]
async fn stopped_anywhere_while_a_stack_set_makes_roles() {
    let wish = two(EnrolmentBackend::Move, RoleCreation::Ou);
    stopped_everywhere(&wish, true, 5).await;
}
