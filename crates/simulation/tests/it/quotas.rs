//! Limits of stored data per person (`access.md` §12.1).

use hallpass_access::{AccessError, ActionRefused, Asking, Idempotency, OverQuota, Wanted};
use hallpass_audit::AuditStore as _;
use hallpass_base::{Clock as _, TimeSpan};
use hallpass_simulation::{
    Habits,
    Human::{self, Ana, Bo, Eve},
    World,
};

use crate::acting::{asked_for, asking, run};

const HOUR: TimeSpan = TimeSpan::hours(1);

fn later(world: &World, minutes: u64) -> Asking {
    let starts_at = TimeSpan::minutes(60 + minutes).after(world.clock.now());
    Asking {
        starts_at: Some(starts_at),
        ..asking("Admin", HOUR)
    }
}

async fn ask(world: &World, who: Human, asking: &Asking) -> Result<(), AccessError> {
    let asked = world.access.ask(&world.actor(who), asking, None).await;
    asked.map(drop)
}

fn over(refused: &Result<(), AccessError>) -> Option<OverQuota> {
    match refused {
        Err(AccessError::Refused(ActionRefused::OverQuota(over))) => Some(*over),
        _ => None,
    }
}

#[test]
fn what_a_person_makes_the_store_keep_is_bounded() {
    run(async {
        let world = World::new(81, Habits::default(), None);
        world.live(TimeSpan::seconds(10)).await;
        for who in [Ana, Eve] {
            for minute in 0..20 {
                ask(&world, who, &later(&world, minute)).await.unwrap();
            }
            let head = world.store.head().await.unwrap();
            let refused = ask(&world, who, &later(&world, 20)).await;
            assert_eq!(over(&refused), Some(OverQuota::WaitingRequests(20)));
            assert_eq!(world.store.head().await.unwrap(), head);
        }
        ask(&world, Ana, &asking("ReadOnly", HOUR)).await.unwrap();

        let nowhere = Asking {
            wanted: Wanted::Account {
                account: "nowhere".to_owned(),
                permission_set: "Admin".to_owned(),
            },
            ..asking("Admin", HOUR)
        };
        for _ in 0..100 {
            ask(&world, Bo, &nowhere).await.unwrap();
        }
        let refused = ask(&world, Bo, &nowhere).await;
        assert_eq!(over(&refused), Some(OverQuota::RefusedRequests(100)));

        let id = asked_for(&world, Bo, "Admin", HOUR).await;
        let mut refused = Ok(());
        for _ in 0..=200 {
            let pressed = world.access.approve(&world.actor(Ana), id, None).await;
            refused = pressed.map(drop);
        }
        assert_eq!(over(&refused), Some(OverQuota::RefusedPresses(200)));

        let carried_out = async |key: u32| {
            let once = Idempotency {
                key: key.to_string(),
                fingerprint: String::new(),
            };
            let actor = world.actor(Bo);
            world.access.carried_out(&actor, Some(&once)).await
        };
        for key in 0..5_000 {
            carried_out(key).await.unwrap();
        }
        let refused = carried_out(5_000).await;
        assert_eq!(over(&refused), Some(OverQuota::IdempotencyKeys(5_000)));
    });
}
