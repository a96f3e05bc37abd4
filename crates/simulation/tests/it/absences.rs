//! Approving in the place of people who are out of office, and escalation (`access.md` §27).

use std::sync::Arc;

use hallpass_access::{
    AbsenceDirectory, AbsenceProblem, Access, AccessError, AccessStore as _, ActionRefused, Force,
    HeldAccess, Locking, Ports, RequestState,
};
use hallpass_audit::AuditStore as _;
use hallpass_base::testing::stops;
use hallpass_base::{Clock as _, TimeSpan};
use hallpass_rules::{RuleFile, load};
use hallpass_simulation::{
    GateMode, GatePlan, Habits,
    Human::{self, Ana, Bo, Cai, Dee, Eve},
    World,
};

use crate::acting::{approve, asked_for, listen, run};
use crate::sweeping::told;

const HOUR: TimeSpan = TimeSpan::hours(1);
const DAY: TimeSpan = TimeSpan::hours(24);
const RULES: &str = "
[[rule]]
id = 'one'
accounts = '*'
permission_sets = 'Admin'
approvers = ['cai@corp.example']
[[rule]]
id = 'two'
accounts = '*'
permission_sets = 'Root'
approvers = ['cai@corp.example', 'dee@corp.example']
min_approvals = 2
[[rule]]
id = 'later'
accounts = '*'
permission_sets = 'Admin'
permits_requests = false
after_waiting = '30m'
approvers = ['dee@corp.example']
";

/// A node over the same store, with absences.
pub(crate) fn node(access: &Access) -> Access {
    let ports = access.ports().clone();
    let directory = AbsenceDirectory::new(
        Arc::clone(&ports.directory),
        Arc::clone(&ports.store),
        Arc::clone(&ports.clock),
    );
    access.over(Ports {
        directory: Arc::new(directory),
        ..ports
    })
}

async fn world() -> World {
    let mut world = World::new(604, Habits::default(), None);
    world.access = Arc::new(node(&world.access));
    let loaded = load(&RuleFile::new("rules.toml", RULES)).unwrap();
    world.access.set_rules(loaded.rules, "test").await.unwrap();
    world
}

pub(crate) async fn set(
    world: &World,
    by: Human,
    (from, to): (Human, Option<Human>),
    lasts: TimeSpan,
) -> Result<(), AccessError> {
    let user = |human: Human| world.actor(human).user.unwrap();
    let (until, delegate) = (lasts.after(world.clock.now()), to.map(user));
    let (actor, whom) = (world.actor(by), user(from));
    let set = world
        .access
        .set_absence(&actor, &whom, until, delegate.as_ref());
    set.await.map(drop)
}

#[test]
fn a_delegate_approves_until_the_absence_ends() {
    run(async {
        // who approves, minutes later, whether the absence was ended before, whether it counts
        for (who, minutes, is_ended, is_approved) in [
            (Bo, 0, false, true),
            (Bo, 59, false, true),
            (Bo, 60, false, false),
            (Bo, 1, true, false),
            (Dee, 0, false, false),
            (Cai, 0, false, true),
        ] {
            let world = world().await;
            set(&world, Cai, (Cai, Some(Bo)), HOUR).await.unwrap();
            let id = asked_for(&world, Ana, "Root", HOUR).await;
            let id = if who == Dee {
                asked_for(&world, Bo, "Admin", HOUR).await
            } else {
                id
            };
            world.clock.advance(TimeSpan::minutes(minutes));
            world.directory.read();
            if is_ended {
                let (actor, cai) = (world.actor(Cai), world.actor(Cai).user.unwrap());
                assert!(world.access.end_absence(&actor, &cai).await.unwrap());
                assert!(!world.access.end_absence(&actor, &cai).await.unwrap());
            }
            let approved = approve(&world, who, id).await;
            let row = format!("{who:?} {minutes} {is_ended}: {approved:?}");
            assert_eq!(approved.is_ok(), is_approved, "{row}");
        }
    });
}

/// Without any time for this node to read absences or locks again.
#[test]
fn a_delegation_that_ended_elsewhere_or_whose_approver_is_locked_counts_no_more() {
    run(async {
        for (is_locked, is_reviewed) in [(false, false), (true, false), (true, true)] {
            let world = world().await;
            let other = node(&world.access);
            set(&world, Cai, (Cai, Some(Bo)), DAY).await.unwrap();
            let id = asked_for(&world, Ana, "Root", HOUR).await;
            if is_reviewed {
                approve(&world, Bo, id).await.unwrap();
            }
            let cai = world.actor(Cai).user.unwrap();
            if is_locked {
                let locking = Locking {
                    reason: "a laptop was stolen",
                    until: None,
                    held: HeldAccess::GoesOn,
                    force: Force::No,
                };
                other.lock(&world.actor(Eve), &cai, locking).await.unwrap();
            } else {
                assert!(other.end_absence(&world.actor(Cai), &cai).await.unwrap());
            }
            let row = format!("locked: {is_locked}, reviewed before: {is_reviewed}");
            if is_reviewed {
                let request = approve(&world, Dee, id).await.unwrap();
                assert!(matches!(request.state, RequestState::Pending), "{row}");
            } else {
                assert!(approve(&world, Bo, id).await.is_err(), "{row}");
            }
        }
    });
}

/// The approval of a delegate does not count beside that of the approver.
#[test]
fn two_approvals_are_those_of_two_approvers() {
    run(async {
        let world = world().await;
        set(&world, Cai, (Cai, Some(Bo)), DAY).await.unwrap();
        let id = asked_for(&world, Ana, "Root", HOUR).await;
        approve(&world, Bo, id).await.unwrap();
        let request = approve(&world, Cai, id).await.unwrap();
        assert!(
            matches!(request.state, RequestState::Pending),
            "{request:?}"
        );
        assert_eq!(request.approvals(), (1, 2));
        let request = approve(&world, Dee, id).await.unwrap();
        assert!(
            matches!(request.state, RequestState::Approved { .. }),
            "{request:?}"
        );
        let records = world.store.records_from(1, 100).await.unwrap();
        let why = |it: &hallpass_audit::Record| it.fields()["why"].to_string();
        let told: Vec<String> = records.iter().map(why).collect();
        let as_delegate = told
            .iter()
            .filter(|it| it.contains("as delegate of cai@corp.example"));
        assert_eq!(as_delegate.count(), 1, "{told:?}");
    });
}

#[test]
fn people_set_their_own_absence_and_administrators_that_of_others() {
    run(async {
        let world = world().await;
        let refused = |set: Result<(), AccessError>| match set {
            Err(AccessError::Refused(why)) => why,
            other => panic!("{other:?}"),
        };
        let set = async |by, who, lasts| set(&world, by, who, lasts).await;
        assert!(
            set(Eve, (Cai, Some(Bo)), DAY).await.is_ok(),
            "an administrator"
        );
        assert!(set(Cai, (Cai, None), DAY).await.is_ok(), "replaces it");
        assert_eq!(
            refused(set(Bo, (Cai, Some(Bo)), DAY).await),
            ActionRefused::NotYours
        );
        for (who, lasts, problem) in [
            ((Cai, Some(Cai)), DAY, AbsenceProblem::OwnDelegate),
            ((Cai, None), TimeSpan::ZERO, AbsenceProblem::BadEnd),
            (
                (Cai, None),
                TimeSpan::hours(181 * 24),
                AbsenceProblem::BadEnd,
            ),
        ] {
            assert_eq!(
                refused(set(Cai, who, lasts).await),
                ActionRefused::Absence(problem)
            );
        }
        let stored = world.store.absences(world.clock.now()).await.unwrap();
        assert_eq!(stored.len(), 1);
        assert_eq!(stored[0].delegate, None);
        assert_eq!(stored[0].version, 1);
    });
}

#[test]
fn a_request_escalates_and_more_people_are_notified() {
    run(async {
        let world = world().await;
        listen(&world).await;
        let id = asked_for(&world, Ana, "Admin", HOUR).await;
        world.clock.advance(TimeSpan::minutes(29));
        world.directory.read();
        world.tick().await;
        assert!(approve(&world, Dee, id).await.is_err(), "before its time");
        world.clock.advance(TimeSpan::minutes(1));
        world.directory.read();
        world.tick().await;
        let told = told(&world).await;
        let told: Vec<String> = told.iter().map(|it| format!("{it:?}")).collect();
        let reminded = told.iter().any(|it| it.contains("dee@corp.example"));
        assert!(reminded, "{told:?}");
        approve(&world, Dee, id).await.unwrap();
    });
}

/// Returns the calls of the first process in the round that escalates.
async fn escalated(plan: Option<GatePlan>) -> u64 {
    let mut world = World::new(605, Habits::default(), None);
    let rules = || load(&RuleFile::new("rules.toml", RULES)).unwrap().rules;
    world.access.set_rules(rules(), "test").await.unwrap();
    listen(&world).await;
    asked_for(&world, Ana, "Admin", HOUR).await;
    told(&world).await;
    world.clock.advance(TimeSpan::minutes(30));
    world.directory.read();
    world.restart_planned(plan);
    let first = Arc::clone(&world.gate);
    for _ in 0..4 {
        let round = async {
            if world.access.set_rules(rules(), "test").await.is_ok() {
                world.tick().await;
            }
        };
        if !world.until_stopped(round).await {
            world.restart();
        }
        world.clock.advance(TimeSpan::seconds(5));
    }
    let told = told(&world).await;
    let told = told.iter().map(|it| format!("{it:?}"));
    let of_dee: Vec<String> = told.filter(|it| it.contains("dee@corp.example")).collect();
    assert_eq!(of_dee.len(), 1, "{plan:?}: {of_dee:?}");
    first.calls()
}

#[test]
fn no_stop_loses_the_notice_of_an_escalation_or_repeats_it() {
    run(async {
        let calls = escalated(None).await;
        assert!(calls > 2, "{calls} calls");
        for (call, mode) in stops(calls, GateMode::ALL) {
            escalated(Some(GatePlan { call, mode })).await;
        }
    });
}
