//! People who just left a group use no right by it, whatever the newest snapshot says.

use std::collections::BTreeSet;

use hallpass_access::{AccessError, RequestOutcome};
use hallpass_base::TimeSpan;
use hallpass_rules::{RuleFile, load};
use hallpass_simulation::{
    Habits,
    Human::{self, Ana, Cai, Eve},
    World,
};

use crate::acting::{approve, asked_for, asking, grants, run};

const HOUR: TimeSpan = TimeSpan::hours(1);
const RULES: &str = "[[rule]]\nid = 'duty'\naccounts = '*'\npermission_sets = 'Admin'\n\
    approver_groups = ['oncall']\napprovers = ['dee@corp.example']\nallow_self_approval = true\n";

#[derive(Clone, Copy, Debug)]
enum State {
    Member,
    Left,
    Unread,
}

async fn world(member: Human) -> World {
    let mut world = World::new(501, Habits::default(), None);
    world.administrators_become(&["group:oncall"]);
    let loaded = load(&RuleFile::new("rules.toml", RULES)).unwrap();
    world.access.set_rules(loaded.rules, "test").await.unwrap();
    let user = world.actor(member).user.unwrap();
    world.directory.change_all(|truth| {
        truth.groups[0].members = Some(BTreeSet::from([user]));
    });
    world.directory.read();
    world
}

fn becomes(world: &World, state: State) {
    world.directory.lists(false);
    world.clock.advance(TimeSpan::minutes(4));
    match state {
        State::Member => {}
        State::Left => world.directory.change_all(|truth| {
            truth.groups[0].members = Some(BTreeSet::new());
        }),
        State::Unread => world.directory.describes(false),
    }
}

fn said<T>(outcome: Result<T, AccessError>) -> &'static str {
    match outcome {
        Ok(_) => "done",
        Err(AccessError::Refused(why)) => why.code(),
        Err(other) => panic!("{other:?}"),
    }
}

#[test]
fn whoever_left_the_approvers_does_not_approve() {
    run(async {
        for (state, expected) in [
            (State::Member, "done"),
            (State::Left, "not-an-approver"),
            (State::Unread, "person-unchecked"),
        ] {
            let world = world(Cai).await;
            let id = asked_for(&world, Ana, "Admin", HOUR).await;
            becomes(&world, state);
            assert_eq!(said(approve(&world, Cai, id).await), expected, "{state:?}");
            let is_given = !grants(&world).await.is_empty();
            assert_eq!(is_given, matches!(state, State::Member), "{state:?}");
        }
    });
}

#[test]
fn whoever_left_the_approvers_gives_themselves_nothing() {
    run(async {
        for (state, expected) in [
            (State::Member, "approved"),
            // the other approver gets the request
            (State::Left, "pending"),
            (State::Unread, "person-unchecked"),
        ] {
            let world = world(Cai).await;
            becomes(&world, state);
            let cai = world.actor(Cai);
            let asked = world.access.ask(&cai, &asking("Admin", HOUR), None).await;
            let found = match asked {
                Ok(RequestOutcome::Approved(..)) => "approved",
                Ok(RequestOutcome::Pending(_)) => "pending",
                other => said(other),
            };
            assert_eq!(found, expected, "{state:?}");
        }
    });
}

#[test]
fn whoever_left_the_administrators_is_none() {
    run(async {
        for (state, expected) in [
            (State::Member, "done"),
            (State::Left, "person-unchecked"),
            (State::Unread, "person-unchecked"),
        ] {
            let world = world(Eve).await;
            let id = asked_for(&world, Ana, "Admin", HOUR).await;
            becomes(&world, state);
            // the server still has them as a member
            let eve = world.actor(Eve);
            let discarded = world.access.discard(&eve, id, None).await;
            assert_eq!(said(discarded), expected, "{state:?}");
        }
    });
}
