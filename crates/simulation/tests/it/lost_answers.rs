//! Lost answers of AWS combined with failing reads: a possibly created assignment is still removed.

use fastrand::Rng;
use hallpass_access::{EndOutcome, Extending, GrantState};
use hallpass_assignments::{CenterFault, OperationKind};
use hallpass_audit::{AuditStore as _, Event, Record};
use hallpass_base::TimeSpan;
use hallpass_simulation::{CallFaults, GateMode, GatePlan, Habits, Human::Ana, World, check_all};

use crate::acting::{asking, drawn_set, grant, grants, lives, run, take};

/// Repeats request, early end and extension of one key under random faults and stops. After the
/// faults end, everything must settle.
async fn life(seed: u64) {
    let mut rng = Rng::with_seed(seed);
    let set = drawn_set(&mut rng);
    let habits = Habits {
        write_takes: TimeSpan::seconds(rng.u64(0..5)),
        listing_lag: TimeSpan::seconds(rng.u64(0..3)),
        faults: Some(CallFaults::new(seed, rng.u8(10..60))),
        ..Habits::default()
    };
    let mut world = World::new(seed, habits, None);
    for _ in 0..rng.u8(1..8) {
        if rng.u8(0..6) == 0 {
            world.restart();
        }
        let wanted = asking(set, TimeSpan::seconds(rng.u64(2..12)));
        let _: Result<_, _> = world.access.ask(&world.actor(Ana), &wanted, None).await;
        world.live(TimeSpan::seconds(rng.u64(0..8))).await;
        let live = grants(&world)
            .await
            .into_iter()
            .find(hallpass_access::Grant::is_hold);
        let Some(held) = live else { continue };
        let ana = world.actor(Ana);
        match rng.u8(0..4) {
            0 => {
                let _: Result<_, _> = world.access.release(&ana, held.id, None).await;
            }
            1 => {
                let longer = Extending::by(TimeSpan::seconds(rng.u64(10..20)));
                let _: Result<_, _> = world.access.extend(&ana, held.id, longer, None).await;
            }
            _ => {}
        }
    }
    world.live(TimeSpan::seconds(rng.u64(0..20))).await;
    world.center.change_habits(|habits| habits.faults = None);
    // longer than a lost status, a consistency window and their pauses
    world
        .live_coarsely(TimeSpan::minutes(12), TimeSpan::seconds(2))
        .await;
    if let Err(broken) = check_all(&world, &[]).await {
        panic!("seed {seed}: {broken:#?}\n{:#?}", grants(&world).await);
    }
    for grant in grants(&world).await {
        assert!(!grant.standing, "seed {seed}: {grant:?}");
    }
}

#[test]
fn what_may_have_been_made_is_taken_away() {
    for seed in 0..lives() {
        run(life(seed));
    }
}

/// Read faults that say nothing about the create before.
fn read_faults() -> [CenterFault; 7] {
    let message = || "Rate exceeded".to_owned();
    [
        CenterFault::Throttled { message: message() },
        CenterFault::NotSent,
        CenterFault::Full { message: message() },
        CenterFault::Conflict { message: message() },
        CenterFault::Refused { reason: message() },
        CenterFault::NotFound { what: message() },
        CenterFault::Unreachable { message: message() },
    ]
}

#[test]
fn a_look_that_fails_does_not_make_a_create_undone() {
    for fault in read_faults() {
        run(async {
            let world = World::new(7, Habits::default(), None);
            let name = format!("{fault:?}");
            let id = take(&world, Ana, "ReadOnly", TimeSpan::seconds(5)).await;
            let reads = fault.clone();
            world.center.change_habits(|habits| {
                habits.faults = Some(CallFaults::lost_write_then(reads));
            });
            world.live(TimeSpan::seconds(4)).await;
            let made = |it: &(OperationKind, _)| it.0 == OperationKind::Create;
            assert!(
                world.center.writes().iter().any(made),
                "{name}: it was made"
            );
            world.center.change_habits(|habits| habits.faults = None);
            world
                .live_coarsely(TimeSpan::minutes(3), TimeSpan::seconds(2))
                .await;
            let ended = grant(&world, id).await;
            if let Err(broken) = check_all(&world, &[]).await {
                panic!("{name}: {broken:#?}\n{ended:#?}");
            }
            match ended.state {
                GrantState::Ended { why, removed, .. } => {
                    assert_eq!((why, removed), (EndOutcome::Removed, true), "{name}");
                }
                other => panic!("{name}: {other:?}"),
            }
            assert_eq!(grants(&world).await.len(), 1, "{name}");
        });
    }
}

/// An unanswered create takes effect after the end was reported: it is removed, and the audit log
/// of that grant records this.
#[test]
fn an_end_that_had_to_be_repeated_is_on_record() {
    run(async {
        let message = "no answer".to_owned();
        let reads = CenterFault::Unreachable { message };
        let habits = Habits {
            write_takes: TimeSpan::seconds(1),
            faults: Some(CallFaults::lost_write_then(reads)),
            ..Habits::default()
        };
        let world = World::new(12, habits, None);
        let id = take(&world, Ana, "ReadOnly", TimeSpan::seconds(20)).await;
        world.live(TimeSpan::seconds(4)).await;
        let key = world.key(Ana, "ReadOnly").unwrap();
        world.center.take(&key);
        world.center.change_habits(|habits| habits.faults = None);
        world.live(TimeSpan::seconds(40)).await;
        let ended = grant(&world, id).await;
        assert!(ended.is_over(), "{ended:?}");
        let repeated = || async {
            let records = world.store.records_from(1, 1000).await.unwrap();
            let of = |it: &Record| it.event() == Event::EndRepeated.name();
            records.into_iter().filter(of).collect::<Vec<_>>()
        };
        world.center.give(&key);
        world.live(TimeSpan::seconds(10)).await;
        assert!(world.center.present().is_empty());
        assert_eq!(repeated().await, []);
        world
            .live_coarsely(TimeSpan::minutes(3), TimeSpan::seconds(2))
            .await;
        for _ in 0..2 {
            world.access.reconcile().await.unwrap();
        }
        let records = repeated().await;
        let [record] = &records[..] else {
            panic!("{records:?}");
        };
        let said = |name| record.text(name).map(str::to_owned);
        assert_eq!(said("grant_id"), Some(id.to_string()));
        assert_eq!(said("why").as_deref(), Some("unanswered_create"));
        assert_eq!(said("role_name").as_deref(), Some("ReadOnly"));
        assert_eq!(record.fields().get("removed"), Some(&true.into()));
        if let Err(broken) = check_all(&world, &[]).await {
            panic!("{broken:#?}");
        }
    });
}

/// Any store call may lose its answer, including one that gave a lease: the end does not wait for
/// an unused lease.
#[test]
fn an_answer_of_the_store_that_is_lost_keeps_no_access() {
    for call in 1..90 {
        run(async {
            let plan = GatePlan {
                call,
                mode: GateMode::LoseAnswer,
            };
            let habits = Habits {
                write_takes: TimeSpan::seconds(1),
                ..Habits::default()
            };
            let world = World::new(11, habits, None);
            let _ = take(&world, Ana, "ReadOnly", TimeSpan::seconds(20)).await;
            world.springs(Some(plan));
            world.live(TimeSpan::seconds(32)).await;
            let present = world.center.present();
            assert!(present.is_empty(), "call {call}: {present:?}");
        });
    }
}
