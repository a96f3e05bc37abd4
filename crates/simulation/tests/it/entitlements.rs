//! Entitlements of account access manager (`access.md` §22, R-4): direct ones end with the person's
//! other access, group ones stay and are reported, sweeps report both. Every call fails, loses its
//! answer, or stops the process before or after it.

use std::slice;

use hallpass_access::identity::TokenSource;
use hallpass_access::{
    AccessError, ActionRefused, EntitledPrincipal, Entitlement, Force, HeldAccess, LeftOut,
    Locking, SweepMode, SweepReport, UnreadPlace,
};
use hallpass_audit::{AuditStore as _, Record};
use hallpass_base::testing::stops;
use hallpass_base::{AccountId, GroupId, TimeSpan, UserId};
use hallpass_simulation::{
    GateMode, GatePlan, Habits,
    Human::{self, Ana, Bo, Cai, Eve},
    World,
};

use crate::acting::run;
use crate::keeping::ACCOUNT;

const ELSEWHERE: &str = "222222222222";
const GROUP: &str = "99999999-8888-7777-6666-555555555555";

fn user(world: &World, who: Human) -> UserId {
    world.actor(who).user.unwrap()
}

fn entitlement(id: &str, account: &str, principal: EntitledPrincipal) -> Entitlement {
    Entitlement {
        application: "arn:aws:account-access:eu-west-1:111122223333:application/aam-1".to_owned(),
        id: id.to_owned(),
        role: format!("arn:aws:iam::{account}:role/teams/{id}"),
        account: account.parse().unwrap(),
        principal,
    }
}

struct Given {
    own: Entitlement,
    elsewhere: Entitlement,
    by_group: Entitlement,
    of_bo: Entitlement,
}

fn give(world: &World) -> Given {
    let ana = user(world, Ana);
    let group: GroupId = GROUP.parse().unwrap();
    let of = |who: &UserId| EntitledPrincipal::User(who.clone());
    let given = Given {
        own: entitlement("deploy", ACCOUNT, of(&ana)),
        elsewhere: entitlement("audit", ELSEWHERE, of(&ana)),
        by_group: entitlement("oncall", ACCOUNT, EntitledPrincipal::Group(group.clone())),
        of_bo: entitlement("bo", ACCOUNT, of(&user(world, Bo))),
    };
    for it in [&given.own, &given.elsewhere, &given.by_group, &given.of_bo] {
        world.entitlements.give(it.clone());
    }
    world.entitlements.join(&ana, &group);
    given
}

fn locking(held: HeldAccess) -> Locking<'static> {
    Locking {
        reason: "a laptop was stolen",
        until: None,
        held,
        force: Force::No,
    }
}

async fn live(world: &World, seconds: u64) {
    for _ in 0..seconds.div_ceil(5) {
        let _: Result<_, _> = world.access.end_entitlements_of_locked().await;
        world.clock.advance(TimeSpan::seconds(5));
    }
}

async fn records(world: &World, event: &str) -> Vec<Record> {
    let mut all = world.store.records_from(1, 100_000).await.unwrap();
    all.retain(|it| it.event() == event);
    all
}

fn field<'a>(record: &'a Record, name: &str) -> &'a str {
    record.text(name).unwrap()
}

#[test]
fn a_lock_that_ends_access_ends_what_is_the_persons_own_and_nothing_else() {
    run(async {
        for (held, ends) in [
            (HeldAccess::GoesOn, false),
            (HeldAccess::Ends, true),
            (HeldAccess::EndsWithSessions, true),
        ] {
            let world = World::new(700, Habits::default(), None);
            let given = give(&world);
            live(&world, 10).await;
            assert_eq!(world.entitlements.stands().len(), 4, "no user is locked");
            let (eve, ana) = (world.actor(Eve), user(&world, Ana));
            world.access.lock(&eve, &ana, locking(held)).await.unwrap();
            live(&world, 5).await;
            let stands = world.entitlements.stands();
            assert_eq!(!stands.contains(&given.own), ends, "{held:?}");
            assert_eq!(!stands.contains(&given.elsewhere), ends, "{held:?}");
            assert!(stands.contains(&given.by_group) && stands.contains(&given.of_bo));
            let (begun, ended) = ("entitlement.ending", "entitlement.ended");
            let told = if ends { 2 } else { 0 };
            assert_eq!(records(&world, begun).await.len(), told);
            assert_eq!(records(&world, ended).await.len(), told);
            for record in records(&world, ended).await {
                assert_eq!(field(&record, "sso_user_principal_id"), ana.as_str());
                assert_eq!(field(&record, "actor"), "hallpass");
                let is_own = field(&record, "entitlement_id") == "deploy";
                let of = if is_own { &given.own } else { &given.elsewhere };
                assert_eq!(field(&record, "role_arn"), of.role);
                assert_eq!(field(&record, "role_name"), of.id);
                assert_eq!(field(&record, "account_id"), of.account.as_str());
            }
            // roles given meanwhile are removed too; a lifted lock ends nothing more
            let again = entitlement("again", ACCOUNT, EntitledPrincipal::User(ana.clone()));
            world.entitlements.give(again.clone());
            live(&world, 70).await;
            assert_eq!(!world.entitlements.stands().contains(&again), ends);
            world
                .access
                .unlock(&eve, &ana, "found again")
                .await
                .unwrap();
            world.entitlements.give(again.clone());
            live(&world, 130).await;
            assert!(world.entitlements.stands().contains(&again));
        }
    });
}

/// An AWS refusal is retried, recorded once per message and shown on Health until done.
#[test]
fn what_aws_refuses_is_told_and_tried_again() {
    run(async {
        let world = World::new(701, Habits::default(), None);
        let given = give(&world);
        let (eve, ana) = (world.actor(Eve), user(&world, Ana));
        world.entitlements.refuse(Some("AccessDeniedException: no"));
        let lock = world.access.lock(&eve, &ana, locking(HeldAccess::Ends));
        lock.await.unwrap();
        live(&world, 300).await;
        assert!(world.entitlements.stands().contains(&given.own));
        let failed = records(&world, "entitlement.end_failed").await;
        assert_eq!(failed.len(), 2, "once for each entitlement");
        assert_eq!(field(&failed[0], "error"), "AccessDeniedException: no");
        let (people, why) = world.access.entitlements_left().unwrap();
        assert_eq!(people, 1);
        assert_eq!(why, "AccessDeniedException", "no words of AWS's");
        world
            .entitlements
            .refuse(Some("ThrottlingException: later"));
        live(&world, 60).await;
        assert_eq!(records(&world, "entitlement.end_failed").await.len(), 4);
        world.entitlements.refuse(None);
        live(&world, 20).await;
        assert!(!world.entitlements.stands().contains(&given.own));
        assert_eq!(world.access.entitlements_left(), None);
        assert_eq!(records(&world, "entitlement.ending").await.len(), 2);
        world.entitlements.give(given.own.clone());
        world.entitlements.refuse(Some("AccessDeniedException: no"));
        live(&world, 400).await;
        assert!(world.access.entitlements_left().is_some());
        world
            .access
            .unlock(&eve, &ana, "found again")
            .await
            .unwrap();
        live(&world, 5).await;
        assert_eq!(world.access.entitlements_left(), None);
    });
}

/// After any fault or stop, all her entitlements end, with records before and after each end.
#[test]
fn wherever_the_process_stops_everything_of_a_locked_person_ends() {
    run(async {
        // locks, the listing, and three calls for each of two: more than one round
        for (call, mode) in stops(16, GateMode::ALL) {
            let mut world = World::new(702, Habits::default(), None);
            let given = give(&world);
            let (eve, ana) = (world.actor(Eve), user(&world, Ana));
            let lock = world.access.lock(&eve, &ana, locking(HeldAccess::Ends));
            lock.await.unwrap();
            world.springs(Some(GatePlan { call, mode }));
            if !world.until_stopped(live(&world, 60)).await {
                world.restart();
            }
            live(&world, 120).await;
            let stands = world.entitlements.stands();
            assert_eq!(stands.len(), 2, "{mode:?} at {call}: {stands:?}");
            assert!(stands.contains(&given.by_group) && stands.contains(&given.of_bo));
            let log = world.store.records_from(1, 100_000).await.unwrap();
            let lives = matches!(mode, GateMode::Fail | GateMode::LoseAnswer);
            for id in ["deploy", "audit"] {
                let of = |record: &&Record| record.text("entitlement_id") == Some(id);
                let events: Vec<&str> = log.iter().filter(of).map(Record::event).collect();
                let told = format!("{mode:?} at {call}: {events:?}");
                assert_eq!(events[0], "entitlement.ending", "{told}");
                // also when AWS deleted and the answer was lost
                assert!(
                    !lives || events.last() == Some(&"entitlement.ended"),
                    "{told}"
                );
            }
        }
    });
}

/// A slow read takes seconds: a user unlocked meanwhile keeps access.
#[test]
fn a_lock_that_is_lifted_while_aws_is_asked_ends_nothing() {
    run(async {
        let world = World::new(706, Habits::default(), None);
        let given = give(&world);
        let (eve, ana) = (world.actor(Eve), user(&world, Ana));
        let access = &world.access;
        let lock = access.lock(&eve, &ana, locking(HeldAccess::Ends));
        lock.await.unwrap();
        world.entitlements.hold_answers(true);
        let lifted = async {
            access.unlock(&eve, &ana, "found again").await.unwrap();
            world.entitlements.hold_answers(false);
        };
        let (ended, ()) = tokio::join!(access.end_entitlements_of_locked(), lifted);
        assert_eq!(ended.unwrap(), 0);
        let stands = world.entitlements.stands();
        assert!(stands.contains(&given.own) && stands.contains(&given.elsewhere));
        assert_eq!(records(&world, "entitlement.ending").await.len(), 0);
    });
}

/// AWS assigns the ids; even a repeated id is removed and recorded.
#[test]
fn what_is_given_anew_under_the_same_id_ends_too() {
    run(async {
        let world = World::new(707, Habits::default(), None);
        let given = give(&world);
        let (eve, ana) = (world.actor(Eve), user(&world, Ana));
        let lock = world.access.lock(&eve, &ana, locking(HeldAccess::Ends));
        lock.await.unwrap();
        live(&world, 5).await;
        world.entitlements.give(given.own.clone());
        live(&world, 125).await;
        assert!(!world.entitlements.stands().contains(&given.own));
        let of_own = |it: &&Record| it.text("entitlement_id") == Some(given.own.id.as_str());
        for event in ["entitlement.ending", "entitlement.ended"] {
            let all = records(&world, event).await;
            assert_eq!(all.iter().filter(of_own).count(), 2, "{event}");
        }
    });
}

#[test]
fn an_administrator_ends_what_is_a_persons_own_and_reads_what_stays() {
    run(async {
        let world = World::new(703, Habits::default(), None);
        let given = give(&world);
        let (eve, ana) = (world.actor(Eve), user(&world, Ana));
        for nobody in [Ana, Cai] {
            let (access, nobody) = (&world.access, world.actor(nobody));
            let refused = access
                .revoke_entitlements(&nobody, &ana, None, "gone")
                .await;
            let is_not_theirs =
                matches!(refused, Err(AccessError::Refused(ActionRefused::NotYours)));
            assert!(is_not_theirs, "{refused:?}");
            let read = access.entitlements_of(&nobody, &ana).await;
            assert!(matches!(
                read,
                Err(AccessError::Refused(ActionRefused::NotYours))
            ));
        }
        let access = &world.access;
        let held = access.entitlements_of(&eve, &ana).await.unwrap().unwrap();
        assert_eq!(held.own, [given.elsewhere.clone(), given.own.clone()]);
        assert_eq!(held.by_group, slice::from_ref(&given.by_group));
        let account: AccountId = ACCOUNT.parse().unwrap();
        let done = access.revoke_entitlements(&eve, &ana, Some(&account), "a lost key");
        let done = done.await.unwrap().unwrap();
        assert_eq!(done.ended, slice::from_ref(&given.own));
        assert_eq!(
            (done.failed, done.by_group),
            (vec![], vec![given.by_group.clone()])
        );
        let [record] = &records(&world, "entitlement.ended").await[..] else {
            panic!("one is ended");
        };
        assert_eq!(field(record, "actor"), "eve@corp.example");
        assert_eq!(field(record, "reason"), "a lost key");
        world.entitlements.refuse(Some("ConflictException: busy"));
        let done = access.revoke_entitlements(&eve, &ana, None, "gone").await;
        let done = done.unwrap().unwrap();
        let why = "ConflictException: busy".to_owned();
        assert_eq!(done.failed, [(given.elsewhere.clone(), why)]);
        world.entitlements.refuse(None);
        let done = access.revoke_entitlements(&eve, &ana, None, "gone").await;
        assert_eq!(done.unwrap().unwrap().ended, [given.elsewhere]);
    });
}

/// Locked administrators do nothing.
#[test]
fn a_locked_administrator_ends_nothing() {
    run(async {
        let world = World::new(705, Habits::default(), None);
        let given = give(&world);
        let (eve, ana) = (world.actor(Eve), user(&world, Ana));
        let force = Force::Asked(Some(TokenSource::ServerMachine));
        let last = Locking {
            force,
            ..locking(HeldAccess::GoesOn)
        };
        let access = &world.access;
        let whom = eve.user.clone().unwrap();
        access.lock(&eve, &whom, last).await.unwrap();
        let refused = access.revoke_entitlements(&eve, &ana, None, "gone").await;
        assert!(
            matches!(
                refused,
                Err(AccessError::Refused(ActionRefused::Locked { .. }))
            ),
            "{refused:?}"
        );
        assert!(world.entitlements.stands().contains(&given.own));
    });
}

#[test]
fn sweeps_report_entitlements_and_what_is_new_of_them() {
    run(async {
        let mut world = World::new(704, Habits::default(), None);
        world.sweeps_become(|sweep| sweep.mode = SweepMode::Report);
        let given = give(&world);
        let first = report(&world).await;
        let found = first.entitlements.clone().unwrap();
        assert_eq!((found.of_people, found.of_groups), (2, 1));
        assert_eq!(found.new_ones().count(), 0, "no earlier look");
        assert!(!first.left_out.contains(&LeftOut::Entitlements));
        let one = found.named.iter().find(|it| it.entitlement == given.own);
        let one = one.unwrap();
        assert_eq!(
            (one.holder.as_str(), one.account_name.as_str()),
            ("ana", "payments-prod")
        );

        let more = entitlement("more", ACCOUNT, EntitledPrincipal::User(user(&world, Bo)));
        world.entitlements.give(more.clone());
        let second = report(&world).await.entitlements.unwrap();
        let new: Vec<&Entitlement> = second.new_ones().map(|it| &it.entitlement).collect();
        assert_eq!(new, [&more]);
        let third = report(&world).await.entitlements.unwrap();
        assert_eq!((third.new_ones().count(), third.of_people), (0, 3));

        world.entitlements.hide(&ACCOUNT.parse().unwrap());
        let hidden = report(&world).await;
        let places: Vec<&UnreadPlace> = hidden.unread_places.iter().map(|it| &it.what).collect();
        let account = Some(ACCOUNT.parse().unwrap());
        assert_eq!(places, [&UnreadPlace::Entitlements { account }]);
    });
}

async fn report(world: &World) -> SweepReport {
    world.access.want_sweep(&world.actor(Eve)).await.unwrap();
    let sweep = world.access.sweep_to_run().await.unwrap().unwrap();
    let run = world.access.run_sweep(&sweep).await.unwrap();
    world.clock.advance(TimeSpan::minutes(11));
    run.report.unwrap()
}
