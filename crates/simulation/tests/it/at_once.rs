//! Concurrent presses over a slow store: each sees the state before the other.

use std::sync::Arc;

use hallpass_access::{Access, AccessError, ActionRefused, Asking, Force, HeldAccess, Locking};
use hallpass_audit::AuditStore as _;
use hallpass_base::{RequestId, TimeSpan, Timestamp};
use hallpass_simulation::{
    Habits,
    Human::{self, Ana, Cai, Eve},
    World,
};
use hallpass_store::SqlStore;

use crate::acting::{asking, key_of, run};

type Slow = World<SqlStore>;

fn world(seed: u64) -> Slow {
    let store = Arc::new(SqlStore::open_in_memory().unwrap());
    World::over(store, seed, Habits::default())
}

async fn asked(world: &Slow, who: Human, wanted: &Asking) -> RequestId {
    let actor = world.actor(who);
    let asked = world.access.ask(&actor, wanted, None).await.unwrap();
    asked.request().id
}

async fn records(world: &Slow, event: &str) -> usize {
    let all = world.store.records_from(1, 10_000).await.unwrap();
    all.iter().filter(|it| it.event() == event).count()
}

/// A client without a timely answer resends the press while the first is in progress.
#[test]
fn a_press_that_is_sent_twice_is_one_press() {
    run(async {
        for seed in 0..8 {
            let world = world(700 + seed);
            let id = asked(&world, Ana, &asking("Admin", TimeSpan::hours(1))).await;
            let (cai, key) = (world.actor(Cai), key_of("k1"));
            let press = |access: Arc<Access>| {
                let (cai, key) = (cai.clone(), key.clone());
                async move { access.approve(&cai, id, Some(&key)).await }
            };
            let (one, two) = (world.another_process(), world.another_process());
            let (first, second) = tokio::join!(press(one), press(two));
            let (first, second) = (first.unwrap(), second.unwrap());
            assert_eq!(first.state.name(), "approved", "seed {seed}");
            assert_eq!(second.state.name(), "approved", "seed {seed}");
            assert_eq!(records(&world, "press.refused").await, 0, "seed {seed}");
            assert_eq!(records(&world, "request.approved").await, 1, "seed {seed}");
        }
    });
}

const fn locking(until: Option<Timestamp>) -> Locking<'static> {
    Locking {
        reason: "INC-7: one of us is not who they say",
        until,
        held: HeldAccess::GoesOn,
        force: Force::No,
    }
}

/// An administrator must remain who can unlock.
#[test]
fn of_two_administrators_who_lock_each_other_one_is_left() {
    run(async {
        for seed in 0..8 {
            let mut world = world(720 + seed);
            world.administrators(&[Cai, Eve]);
            let (one, two) = (world.another_process(), world.another_process());
            let admin = |human| {
                let mut actor = world.actor(human);
                actor.roles.insert(hallpass_access::identity::Role::Admin);
                actor
            };
            let (cai, eve) = (admin(Cai), admin(Eve));
            let (user_of_cai, user_of_eve) = (cai.user.clone().unwrap(), eve.user.clone().unwrap());
            let (first, second) = tokio::join!(
                one.lock(&cai, &user_of_eve, locking(None)),
                two.lock(&eve, &user_of_cai, locking(None))
            );
            let refused: Vec<_> = [first, second]
                .into_iter()
                .filter_map(Result::err)
                .collect();
            assert!(
                matches!(
                    &refused[..],
                    [AccessError::Refused(ActionRefused::Locked { .. })]
                ),
                "seed {seed}: {refused:?}"
            );
        }
    });
}
