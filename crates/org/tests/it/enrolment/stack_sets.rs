//! Control Tower's role by a stack set (`organization.md` N-4).

use std::collections::BTreeSet;

use hallpass_org::enrolment::{
    EnrolmentBackend, EnrolmentRequest, EnrolmentStatus, RoleCreation, enrollable,
    enrolment_results,
};
use hallpass_plans::testing::Gate;
use hallpass_plans::{Exit, PlanReport, StepEnd};
use serde_json::json;

use super::world::{World, wish};

const CLOSED: &str = "888888888888";
const OPEN: &str = "777777777777";
const NAME: &str = "HallpassControlTowerExecution";

fn by_stack_set() -> EnrolmentRequest {
    EnrolmentRequest {
        create_role: RoleCreation::Ou,
        via: Some(EnrolmentBackend::Move),
        ..wish(&[OPEN, CLOSED], &[])
    }
}

async fn ends(
    world: &World,
    wish: &EnrolmentRequest,
) -> (PlanReport, [(EnrolmentStatus, String); 2]) {
    let found = world.find(wish).await.unwrap();
    let report = world.enrol(wish).await;
    let runner = world.runner("reader", &Gate::new(None));
    let (plan, folded) = runner.load(&report.plan).await.unwrap();
    let all = enrolment_results(&found.enrolment, Some((&plan, &folded)));
    let of = |id: &str| {
        let mut all = all.iter();
        all.find(|(it, _)| it.as_str() == id).unwrap().1.clone()
    };
    (report, [of(CLOSED), of(OPEN)])
}

#[tokio::test]
async fn an_account_that_nothing_lets_us_into_is_opened_by_a_stack_set_and_no_other_is() {
    let world = World::unrecorded();
    world.with(|it| it.roles.insert("666666666666".to_owned(), BTreeSet::new()));
    let (report, [closed, open]) = ends(&world, &by_stack_set()).await;
    assert_eq!(report.exit(), Exit::Ok, "{report:?}");
    assert_eq!(
        (closed.0, open.0),
        (EnrolmentStatus::Enrolled, EnrolmentStatus::Enrolled)
    );
    assert_eq!(
        world.writes(),
        [
            "CreateStackInstances 777777777777 of ou-ab12-legacy01",
            "CreateStackInstances 888888888888 of r-ab12",
            &format!("CreateStackSet {NAME}"),
            "MoveAccount  777777777777",
            "MoveAccount  888888888888",
        ]
    );
    let elsewhere = world.with(|it| it.roles["666666666666"].clone());
    assert!(elsewhere.is_empty(), "the role is made where it is wanted");
    let set = world.with(|it| it.stacks.set.clone()).unwrap();
    assert_eq!(
        (&set["PermissionModel"], &set["AutoDeployment"]),
        (&json!("SERVICE_MANAGED"), &json!({ "Enabled": false }))
    );
    let again = EnrolmentRequest {
        via: None,
        ..by_stack_set()
    };
    let found = world.find(&again).await.unwrap();
    assert_eq!(enrollable(&again, &found.selected, &found.checks), []);
}

#[tokio::test]
async fn without_trusted_access_it_is_said_before_anything_is_changed() {
    let world = World::unrecorded();
    world.with(|it| it.stacks.trusted = false);
    let found = world.find(&by_stack_set()).await.unwrap();
    let stops = |it: &&hallpass_org::enrolment::EnrolmentCheck| it.account.is_none() && it.stops();
    let told: Vec<_> = found.checks.iter().filter(stops).collect();
    assert_eq!(told.len(), 1);
    assert_eq!(told[0].result.id, "stack-sets");
    assert!(
        told[0]
            .result
            .remedy
            .contains("activate-organizations-access")
    );
    assert_eq!(world.writes(), Vec::<String>::new());
    world.with(|it| {
        for id in [OPEN, CLOSED] {
            let role = BTreeSet::from(["AWSControlTowerExecution".to_owned()]);
            it.roles.insert(id.to_owned(), role);
        }
    });
    let found = world.find(&by_stack_set()).await.unwrap();
    assert_eq!(found.checks.iter().filter(stops).count(), 0);
}

#[tokio::test]
async fn what_fails_in_one_account_is_its_own_and_is_tried_again_when_asked_to() {
    for passes_by in [false, true] {
        let world = World::unrecorded();
        world.with(|it| {
            if passes_by {
                it.stacks.unreached.insert(CLOSED.to_owned());
            } else {
                it.stacks
                    .broken
                    .insert(CLOSED.to_owned(), "sample reason".to_owned());
            }
        });
        let (report, [closed, open]) = ends(&world, &by_stack_set()).await;
        assert_eq!(report.exit(), Exit::Failed);
        assert_eq!(open.0, EnrolmentStatus::Enrolled, "the others go on");
        assert_eq!(closed.0, EnrolmentStatus::Failed);
        let why = if passes_by {
            "it did not reach the account"
        } else {
            "sample reason"
        };
        assert!(
            closed.1.contains(why) && closed.1.contains(CLOSED),
            "{closed:?}"
        );
        let stays = world.with(|it| it.parent(CLOSED));
        assert_eq!(stays, "r-ab12", "without the role it is not moved");
        world.with(|it| {
            it.stacks.broken.clear();
            it.stacks.unreached.clear();
        });
        let report = if passes_by {
            let again = hallpass_plans::Applying {
                retry_failed: true,
                ..crate::bench::patient()
            };
            let runner = world.runner("again", &Gate::new(None));
            runner.apply(&report.plan, &again).await.unwrap()
        } else {
            // another plan whose step has the same token
            world.enrol(&by_stack_set()).await
        };
        assert_eq!(report.exit(), Exit::Ok, "{report:?}");
    }
}

#[tokio::test]
async fn an_account_that_was_closed_is_looked_into_before_it_is_moved() {
    let world = World::unrecorded();
    let place = (CLOSED.to_owned(), "eu-west-1".to_owned());
    world.with(|it| it.recorders.insert(place.clone(), true));
    let (report, [closed, open]) = ends(&world, &by_stack_set()).await;
    assert_eq!(report.exit(), Exit::Failed);
    assert_eq!(open.0, EnrolmentStatus::Enrolled);
    assert_eq!(closed.0, EnrolmentStatus::Failed);
    assert!(
        closed.1.contains("config-recorder in eu-west-1"),
        "{closed:?}"
    );
    assert_eq!(world.with(|it| it.parent(CLOSED)), "r-ab12");
    let world = World::unrecorded();
    world.with(|it| it.recorders.insert(place, true));
    let mut allowed = by_stack_set();
    allowed.allow_config = allowed.accounts.iter().cloned().collect();
    let (report, _) = ends(&world, &allowed).await;
    assert_eq!(report.exit(), Exit::Ok, "{report:?}");
}

#[tokio::test]
async fn a_stack_set_of_somebody_else_is_left_alone() {
    let own = {
        let world = World::unrecorded();
        ends(&world, &by_stack_set()).await;
        world.with(|it| it.stacks.set.clone()).unwrap()
    };
    for (member, value, why) in [
        ("PermissionModel", json!("SELF_MANAGED"), "permissions"),
        (
            "AutoDeployment",
            json!({ "Enabled": true }),
            "automatically",
        ),
        ("TemplateBody", json!("{}"), "template"),
        ("Parameters", json!([]), "another account"),
    ] {
        let world = World::unrecorded();
        let mut set = own.clone();
        set[member] = value;
        world.with(|it| it.stacks.set = Some(set));
        let draft = world.draft(&by_stack_set()).await;
        let runner = world.runner("looker", &Gate::new(None));
        let plan = runner.look(draft).await.unwrap().plan;
        let report = runner.report(&plan.id).await.unwrap();
        let row = report
            .targets
            .iter()
            .find(|it| it.outcome == StepEnd::Blocked);
        let reason = &row.unwrap().reason;
        assert!(
            reason.contains(NAME) && reason.contains(why),
            "{member}: {reason}"
        );
        let report = runner.apply(&plan.id, &crate::bench::patient()).await;
        assert_eq!(report.unwrap().exit(), Exit::Failed);
        assert_eq!(world.writes(), Vec::<String>::new(), "{member}");
    }
}

#[tokio::test]
async fn operations_of_others_are_waited_for() {
    let world = World::unrecorded();
    let until = "2026-03-02T10:25:00Z".parse().unwrap();
    world.with(|it| it.stacks.busy_until = Some(until));
    let (report, _) = ends(&world, &by_stack_set()).await;
    assert_eq!(report.exit(), Exit::Ok, "{report:?}");
}
