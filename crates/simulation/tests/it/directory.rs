//! An unreadable directory and departed people: stale data grants no rights, departed people have
//! none, and ends continue.

use hallpass_access::{AccessError, AccessStore, ActionRefused, Extending, RequestOutcome};
use hallpass_audit::AuditStore;
use hallpass_base::{GrantId, RequestId, TimeSpan};
use hallpass_rules::directory::Person;
use hallpass_simulation::{
    Habits, Human,
    Human::{Ana, Bo, Cai, Eve},
    World,
};

use crate::acting::{ask, asked_for, asking, grant, grants, run, take};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Fresh,
    Known,
    Stale,
    Unreadable,
    Disabled,
    Gone,
    Renamed,
}

const STATES: [State; 7] = [
    State::Fresh,
    State::Known,
    State::Stale,
    State::Unreadable,
    State::Disabled,
    State::Gone,
    State::Renamed,
];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Press {
    AskAtOnce,
    AskAndWait,
    Approve,
    FirstOfTwo,
    Deny,
    DenyOwn,
    DiscardOwn,
    DiscardByApprover,
    DiscardByAdmin,
    BreakGlass,
    CloseReview,
    Extend,
    Release,
    RevokeByApprover,
    RevokeByAdmin,
    RevokeAll,
}

impl Press {
    fn who(self) -> Human {
        match self {
            Self::AskAtOnce | Self::AskAndWait | Self::DenyOwn | Self::DiscardOwn => Bo,
            Self::Approve
            | Self::FirstOfTwo
            | Self::Deny
            | Self::DiscardByApprover
            | Self::CloseReview
            | Self::RevokeByApprover => Cai,
            Self::DiscardByAdmin | Self::RevokeByAdmin | Self::RevokeAll => Eve,
            Self::BreakGlass | Self::Extend | Self::Release => Ana,
        }
    }
}

struct Scene {
    world: World,
    pending: RequestId,
    rooted: RequestId,
    glass: RequestId,
    review: RequestId,
    held: GrantId,
    approved: GrantId,
}

async fn scene() -> Scene {
    let world = World::new(60, Habits::default(), None);
    world.live(TimeSpan::seconds(5)).await;
    let pending = asked_for(&world, Bo, "Admin", TimeSpan::hours(1)).await;
    let rooted = asked_for(&world, Bo, "Root", TimeSpan::hours(1)).await;
    let held = take(&world, Ana, "ReadOnly", TimeSpan::hours(8)).await;
    let asked = asked_for(&world, Ana, "Admin", TimeSpan::hours(8)).await;
    let (ana, cai) = (world.actor(Ana), world.actor(Cai));
    world.access.approve(&cai, asked, None).await.unwrap();
    let approved = grants(&world).await[0].id;
    let review = asked_for(&world, Ana, "Glass", TimeSpan::hours(1)).await;
    let why = "customers cannot pay and no one answers";
    world
        .access
        .break_glass(&ana, review, why, None)
        .await
        .unwrap();
    let glass = asked_for(&world, Ana, "Alone", TimeSpan::hours(1)).await;
    world.live(TimeSpan::seconds(20)).await;
    Scene {
        world,
        pending,
        rooted,
        glass,
        review,
        held,
        approved,
    }
}

async fn press(scene: &Scene, press: Press) -> Result<(), AccessError> {
    let access = &scene.world.access;
    let actor = scene.world.actor(press.who());
    let why = "customers cannot pay and no one answers";
    match press {
        Press::AskAtOnce | Press::AskAndWait => {
            let at_once = press == Press::AskAtOnce;
            let wanted = asking(
                if at_once { "ReadOnly" } else { "Glass" },
                TimeSpan::hours(1),
            );
            match access.ask(&actor, &wanted, None).await? {
                RequestOutcome::Rejected(_, refusal) => {
                    assert_eq!(refusal.fields[0].code, "unknown-requester");
                    Err(ActionRefused::NotInDirectory.into())
                }
                RequestOutcome::Approved(..)
                | RequestOutcome::Pending(_)
                | RequestOutcome::AlreadyPending(_) => Ok(()),
            }
        }
        Press::Approve => access.approve(&actor, scene.pending, None).await.map(drop),
        Press::FirstOfTwo => access.approve(&actor, scene.rooted, None).await.map(drop),
        Press::Deny | Press::DenyOwn => access
            .deny(&actor, scene.pending, None, None)
            .await
            .map(drop),
        Press::DiscardOwn | Press::DiscardByApprover | Press::DiscardByAdmin => {
            access.discard(&actor, scene.pending, None).await.map(drop)
        }
        Press::BreakGlass => access
            .break_glass(&actor, scene.glass, why, None)
            .await
            .map(drop),
        Press::CloseReview => access
            .close_review(&actor, scene.review, None, None)
            .await
            .map(drop),
        Press::Extend => {
            let extending = Extending::by(TimeSpan::hours(20));
            match access.extend(&actor, scene.held, extending, None).await? {
                RequestOutcome::Rejected(_, refusal) => {
                    assert_eq!(refusal.fields[0].code, "unknown-requester");
                    Err(ActionRefused::NotInDirectory.into())
                }
                _ => Ok(()),
            }
        }
        Press::Release => access.release(&actor, scene.held, None).await.map(drop),
        Press::RevokeByApprover => access
            .revoke(&actor, scene.approved, "not needed", None)
            .await
            .map(drop),
        Press::RevokeByAdmin => access
            .revoke(&actor, scene.held, "not needed", None)
            .await
            .map(drop),
        Press::RevokeAll => {
            let all = hallpass_access::GrantFilter::default();
            let outcomes = access.revoke_all(&actor, &all, "incident").await?;
            outcomes
                .outcomes
                .into_iter()
                .try_for_each(|(_, outcome)| outcome.map(drop))
        }
    }
}

fn said(outcome: &Result<(), AccessError>) -> String {
    match outcome {
        Ok(()) => "done".to_owned(),
        Err(AccessError::Refused(why)) => why.code().to_owned(),
        Err(other) => panic!("{other:?}"),
    }
}

fn becomes(scene: &Scene, state: State, who: Human) {
    let directory = &scene.world.directory;
    if state != State::Fresh {
        directory.lists(false);
    }
    let wait = match state {
        State::Fresh => TimeSpan::ZERO,
        State::Stale => TimeSpan::minutes(16),
        _ => TimeSpan::minutes(4),
    };
    if state == State::Fresh {
        directory.read();
    }
    scene.world.clock.advance(wait);
    match state {
        State::Unreadable => directory.describes(false),
        State::Disabled => directory.change(who.name(), |person| {
            Some(Person {
                enabled: false,
                ..person
            })
        }),
        State::Gone => directory.change(who.name(), |_| None),
        State::Renamed => directory.change(who.name(), |person| {
            Some(Person {
                emails: vec!["another@corp.example".parse().unwrap()],
                ..person
            })
        }),
        State::Fresh | State::Known | State::Stale => {}
    }
}

/// Table of every press in every state, with the answer.
#[test]
fn whoever_uses_a_right_is_an_enabled_user_at_that_moment() {
    use Press::{
        Approve, AskAndWait, AskAtOnce, BreakGlass, CloseReview, Deny, DenyOwn, DiscardByAdmin,
        DiscardByApprover, DiscardOwn, Extend, FirstOfTwo, Release, RevokeAll, RevokeByAdmin,
        RevokeByApprover,
    };
    let (done, unread, unchecked, gone) = (
        "done",
        "organization-unread",
        "person-unchecked",
        "not-in-directory",
    );
    // presses that use a right, that need none, and that remove access
    let right = [done, done, unread, unchecked, gone, gone, unchecked];
    let waits = [done, done, unread, done, done, done, done];
    let free = [done; 7];
    let own = [
        "own-request",
        "own-request",
        unread,
        "own-request",
        "own-request",
        "own-request",
        "own-request",
    ];
    let table: [(Press, [&str; 7]); 16] = [
        (AskAtOnce, right),
        // nothing is granted yet: the approver is checked
        (AskAndWait, waits),
        (Approve, right),
        (FirstOfTwo, right),
        (Deny, right),
        (DenyOwn, own),
        (DiscardOwn, free),
        (DiscardByApprover, right),
        (DiscardByAdmin, right),
        (BreakGlass, right),
        (CloseReview, right),
        (Extend, right),
        (Release, free),
        (RevokeByApprover, free),
        (RevokeByAdmin, free),
        (RevokeAll, free),
    ];
    let mut wrong = Vec::new();
    for (pressed, expected) in table {
        for (state, expected) in STATES.into_iter().zip(expected) {
            run(async {
                let scene = scene().await;
                becomes(&scene, state, pressed.who());
                let before = grants(&scene.world).await.len();
                let found = said(&press(&scene, pressed).await);
                if found != expected {
                    wrong.push(format!("{pressed:?} {state:?}: {found}, not {expected}"));
                }
                let after = grants(&scene.world).await.len();
                if found != "done" && after != before {
                    wrong.push(format!("{pressed:?} {state:?}: a grant was made"));
                }
            });
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

/// A known departure is not overridden a second later by older data.
#[test]
fn who_was_found_gone_stays_gone_and_loses_what_they_hold() {
    run(async {
        let scene = scene().await;
        let world = &scene.world;
        becomes(&scene, State::Gone, Ana);
        assert_eq!(
            said(&press(&scene, Press::Extend).await),
            "not-in-directory"
        );
        // AWS stops answering, but the departure is known: access as that user stays refused
        world.directory.describes(false);
        assert_eq!(world.actor(Ana).user, None);
        // a user who returned meanwhile would lose new grants: an old finding ends nothing
        let report = world.access.reconcile().await.unwrap();
        assert_eq!(report.left, 0, "{report:?}");
        assert!(world.access.people_unsaid().is_some());
        world.directory.describes(true);
        let report = world.access.reconcile().await.unwrap();
        assert!(report.left > 0, "{report:?}");
        assert!(world.access.people_unsaid().is_none());
        world.live(TimeSpan::seconds(30)).await;
        assert_eq!(grant(world, scene.held).await.state.name(), "ended");
    });
}

#[test]
fn a_refused_press_is_on_record_with_its_reason() {
    run(async {
        for (state, code) in [
            (State::Disabled, "not-in-directory"),
            (State::Unreadable, "person-unchecked"),
            (State::Stale, "organization-unread"),
        ] {
            let scene = scene().await;
            becomes(&scene, state, Cai);
            press(&scene, Press::Approve).await.unwrap_err();
            let records = scene.world.store.records_from(1, 1000).await.unwrap();
            let last = records.last().unwrap();
            assert_eq!(last.event(), "press.refused", "{state:?}");
            let error = last.text("error").unwrap();
            assert!(error.starts_with(&format!("{code}: ")), "{error}");
            assert_eq!(last.text("actor"), Some("cai@corp.example"));
        }
    });
}

#[test]
fn a_directory_that_cannot_be_read_gives_nothing_and_keeps_nothing() {
    run(async {
        let scene = scene().await;
        let world = &scene.world;
        let read_at = world.access.directory().taken_at().unwrap();
        becomes(&scene, State::Stale, Cai);
        let refused = press(&scene, Press::Approve).await.unwrap_err().to_string();
        let at = read_at.strftime("%Y-%m-%d %H:%M:%S UTC").to_string();
        assert!(
            refused.contains(&format!("it was last read at {at}")),
            "{refused}"
        );
        assert!(
            refused.contains("cannot read users: AWS does not answer"),
            "{refused}"
        );
        let request = world.store.request(scene.pending).await.unwrap().unwrap();
        let shown = world
            .access
            .presses(&world.actor(Cai), &request)
            .await
            .unwrap();
        for press in [&shown.approve, &shown.deny, &shown.discard] {
            let code = press.as_ref().err().map(ActionRefused::code);
            assert_eq!(code, Some("organization-unread"));
        }
        let own = world
            .access
            .presses(&world.actor(Bo), &request)
            .await
            .unwrap();
        assert_eq!(own.discard, Ok(()));
        let obstacle = world.access.obstacle().as_ref().map(ActionRefused::code);
        assert_eq!(obstacle, Some("organization-unread"));
        // ends continue, and a failed read ends no access
        let report = world.access.reconcile().await.unwrap();
        assert_eq!((report.left, report.against_rules.len()), (0, 0));
        let eve = world.actor(Eve);
        world
            .access
            .revoke(&eve, scene.approved, "late", None)
            .await
            .unwrap();
        world.live(TimeSpan::seconds(30)).await;
        assert_eq!(grant(world, scene.approved).await.state.name(), "ended");
        assert_eq!(grant(world, scene.held).await.state.name(), "active");
        world.directory.lists(true);
        assert_eq!(said(&press(&scene, Press::Approve).await), "done");
    });
}

#[test]
fn what_is_decided_is_said_whoever_can_be_read() {
    run(async {
        let scene = scene().await;
        assert_eq!(said(&press(&scene, Press::Deny).await), "done");
        becomes(&scene, State::Stale, Cai);
        assert_eq!(
            said(&press(&scene, Press::Approve).await),
            "already-decided"
        );
    });
}

/// A snapshot stored by a clock that was ahead has an unknown age.
#[test]
fn a_snapshot_from_the_future_is_not_fresh() {
    run(async {
        let scene = scene().await;
        let world = &scene.world;
        world.directory.lists(false);
        let mut snapshot = world.access.directory().snapshot().clone();
        snapshot.taken_at = Some(TimeSpan::hours(24).after(snapshot.taken_at.unwrap()));
        world.directory.knows(snapshot);
        assert_eq!(
            said(&press(&scene, Press::Approve).await),
            "organization-unread"
        );
    });
}

#[test]
fn strangers_cost_no_question() {
    run(async {
        let scene = scene().await;
        becomes(&scene, State::Known, Bo);
        let asked = scene.world.directory.described();
        let bo = scene.world.actor(Bo);
        scene
            .world
            .access
            .approve(&bo, scene.rooted, None)
            .await
            .unwrap_err();
        assert_eq!(scene.world.directory.described(), asked);
        press(&scene, Press::Approve).await.unwrap();
        assert_eq!(scene.world.directory.described(), asked + 1);
    });
}

/// An approver may have just been enabled: a stale directory causes no final refusal.
#[test]
fn a_request_that_nobody_could_approve_is_refused_by_a_directory_that_was_just_read() {
    run(async {
        let world = World::new(1, Habits::default(), None);
        let enabled = |enabled: bool| {
            let directory = &world.directory;
            directory.change("cai", |person| Some(Person { enabled, ..person }));
        };
        let hour = TimeSpan::hours(1);
        enabled(false);
        world.directory.read();
        let refused = ask(&world, Ana, "Root", hour).await;
        assert!(
            matches!(&refused, RequestOutcome::Rejected(_, refusal) if refusal.code == "NoApprovers"),
            "{refused:?}"
        );
        enabled(true);
        world.live(TimeSpan::minutes(2)).await;
        let waits = ask(&world, Ana, "Root", hour).await;
        assert!(matches!(waits, RequestOutcome::Pending(_)), "{waits:?}");
    });
}
