//! Random lives: several people request, extend, end and revoke while the process stops at random
//! calls. Access exists exactly while a grant is live.

use hallpass_access::{AccessStore, Extending};
use hallpass_base::{Clock, HoldKey, TimeSpan};
use hallpass_simulation::{
    GateMode, GatePlan, Habits, Human,
    Human::{Ana, Bo, Eve},
    World, check_all,
};
use proptest::prelude::*;

use crate::acting::{asking, come_to_rest, grants, run};

#[derive(Clone, Debug)]
enum Deed {
    Ask(bool, bool, u64),
    Release(usize),
    Extend(usize, u64),
    Revoke(usize),
    Wait(u64),
}

fn deed() -> impl Strategy<Value = Deed> {
    prop_oneof![
        4 => (any::<bool>(), any::<bool>(), 5_u64..120).prop_map(|(ana, group, s)| Deed::Ask(ana, group, s)),
        1 => any::<usize>().prop_map(Deed::Release),
        1 => (any::<usize>(), 30_u64..200).prop_map(|(n, s)| Deed::Extend(n, s)),
        1 => any::<usize>().prop_map(Deed::Revoke),
        5 => (1_u64..40).prop_map(Deed::Wait),
    ]
}

async fn act(world: &World, deed: &Deed) {
    let live: Vec<_> = grants(world)
        .await
        .into_iter()
        .filter(|grant| !grant.is_over())
        .collect();
    let pick = |n: usize| live.get(n % live.len().max(1));
    match deed {
        Deed::Ask(ana, group, seconds) => {
            let who: Human = if *ana { Ana } else { Bo };
            let wanted = asking(
                if *group { "oncall" } else { "ReadOnly" },
                TimeSpan::seconds(*seconds),
            );
            let _: Result<_, _> = world.access.ask(&world.actor(who), &wanted, None).await;
        }
        Deed::Release(n) => {
            if let Some(grant) = pick(*n) {
                let who = if grant.holder.name == "ana" { Ana } else { Bo };
                let _: Result<_, _> = world
                    .access
                    .release(&world.actor(who), grant.id, None)
                    .await;
            }
        }
        Deed::Extend(n, seconds) => {
            if let Some(grant) = pick(*n) {
                let who = if grant.holder.name == "ana" { Ana } else { Bo };
                let span = TimeSpan::seconds(*seconds);
                let _: Result<_, _> = world
                    .access
                    .extend(&world.actor(who), grant.id, Extending::by(span), None)
                    .await;
            }
        }
        Deed::Revoke(n) => {
            if let Some(grant) = pick(*n) {
                let _: Result<_, _> = world
                    .access
                    .revoke(&world.actor(Eve), grant.id, "no", None)
                    .await;
            }
        }
        Deed::Wait(seconds) => world.live(TimeSpan::seconds(*seconds)).await,
    }
}

/// Returns whether grants have been stable long enough that the key must exist or must be missing.
async fn must_be(world: &World, key: &HoldKey) -> Option<bool> {
    let now = world.clock.now();
    let slack = TimeSpan::seconds(30);
    let holds = world.store.holds(key).await.unwrap();
    let live = holds
        .grants
        .iter()
        .any(|g| g.state.name() == "active" && now < g.ends_at);
    let recent = grants(world)
        .await
        .iter()
        .any(|grant| grant.key == *key && (!grant.is_over() || slack.after(grant.ends_at) > now));
    if live {
        Some(true)
    } else if recent {
        None
    } else {
        Some(false)
    }
}

fn live_through(seed: u64, deeds: &[Deed], plan: Option<GatePlan>, lag: u64) {
    run(async {
        let habits = Habits {
            listing_lag: TimeSpan::seconds(lag),
            ..Habits::default()
        };
        let mut world = World::new(seed, habits, plan);
        for deed in deeds {
            let finished = world.until_stopped(act(&world, deed)).await;
            if !finished {
                world.restart();
                world.clock.advance(TimeSpan::seconds(3));
            }
            for who in [Ana, Bo] {
                for key in [
                    world.key(who, "ReadOnly").unwrap(),
                    world.group_key(who).unwrap(),
                ] {
                    if let Some(expected) = must_be(&world, &key).await {
                        let there = world.center.present().contains(&key);
                        assert_eq!(there, expected, "{key} after {deed:?}");
                    }
                }
            }
        }
        come_to_rest(&mut world).await;
        check_all(&world, &[]).await.unwrap();
    });
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn access_is_there_exactly_while_some_hold_is_live(
        seed in any::<u64>(),
        deeds in proptest::collection::vec(deed(), 1..25),
        lag in 0_u64..4,
    ) {
        live_through(seed, &deeds, None, lag);
    }

    #[test]
    fn and_through_a_stop_at_any_moment(
        seed in any::<u64>(),
        deeds in proptest::collection::vec(deed(), 1..25),
        call in 1_u64..400,
        mode in prop_oneof![Just(GateMode::Fail), Just(GateMode::LoseAnswer), Just(GateMode::StopBefore), Just(GateMode::StopAfter)],
    ) {
        live_through(seed, &deeds, Some(GatePlan { call, mode }), 0);
    }
}
