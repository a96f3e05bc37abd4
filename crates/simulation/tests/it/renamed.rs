//! Requests refer to accounts, permission sets and groups by id: renames change nothing, and a
//! reused name is another target.

use hallpass_access::{AccessError, AccessStore, ActionRefused, Asking, RequestOutcome};
use hallpass_base::{Clock as _, Target, TimeSpan};
use hallpass_rules::directory::Account;
use hallpass_simulation::{
    Habits,
    Human::{Ana, Cai},
    World,
};

use crate::acting::{approve, ask, asked_for, asking, extend, grants, run, take};

const HOUR: TimeSpan = TimeSpan::hours(1);

fn rename(world: &World) {
    world.directory.change_all(|truth| {
        let mut other_account = truth.accounts[0].clone();
        other_account.id = "222222222222".parse().unwrap();
        other_account.active = false;
        let mut other_group = truth.groups[0].clone();
        other_group.id = "99999999-8888-7777-6666-000000000000".parse().unwrap();
        "checkout-prod".clone_into(&mut truth.accounts[0].name);
        "duty".clone_into(&mut truth.groups[0].name);
        truth.accounts.push(other_account);
        truth.groups.push(other_group);
    });
    world.directory.read();
}

fn close(world: &World) {
    world.directory.change_all(|truth| {
        let closed = truth.accounts.remove(0);
        truth.accounts.push(Account {
            id: "222222222222".parse().unwrap(),
            ..closed
        });
    });
    world.directory.read();
}

#[test]
fn what_waits_is_approved_under_a_new_name() {
    run(async {
        let world = World::new(471, Habits::default(), None);
        let id = asked_for(&world, Ana, "Admin", HOUR).await;
        rename(&world);
        approve(&world, Cai, id).await.unwrap();
        let key = world.key(Ana, "Admin").unwrap();
        assert_eq!(grants(&world).await[0].key, key);
    });
}

#[test]
fn what_is_agreed_starts_under_a_new_name() {
    run(async {
        let world = World::new(472, Habits::default(), None);
        world.live(TimeSpan::seconds(10)).await;
        let later = Asking {
            starts_at: Some(HOUR.after(world.clock.now())),
            ..asking("Admin", HOUR)
        };
        let asked = world.access.ask(&world.actor(Ana), &later, None).await;
        let id = asked.unwrap().request().id;
        approve(&world, Cai, id).await.unwrap();
        rename(&world);
        world
            .live_coarsely(TimeSpan::minutes(62), TimeSpan::seconds(20))
            .await;
        let request = world.store.request(id).await.unwrap().unwrap();
        assert_eq!(request.state.name(), "approved", "{request:?}");
    });
}

#[test]
fn what_is_held_is_extended_under_a_new_name() {
    run(async {
        for set in ["ReadOnly", "oncall"] {
            let world = World::new(473, Habits::default(), None);
            let id = take(&world, Ana, set, HOUR).await;
            rename(&world);
            let extended = extend(&world, Ana, id, TimeSpan::hours(2)).await.unwrap();
            let RequestOutcome::Approved(request, Some(grant)) = extended else {
                panic!("{set}: {extended:?}");
            };
            assert_eq!(grant.id, id, "{set}");
            let name = request.names.to_string();
            let new = if set == "oncall" {
                "duty"
            } else {
                "checkout-prod"
            };
            assert!(name.contains(new), "{name}");
        }
    });
}

#[test]
fn another_account_of_the_name_is_not_what_was_asked_for() {
    run(async {
        let world = World::new(474, Habits::default(), None);
        let id = asked_for(&world, Ana, "Admin", HOUR).await;
        let held = take(&world, Ana, "ReadOnly", HOUR).await;
        close(&world);
        let refused = approve(&world, Cai, id).await.unwrap_err();
        let AccessError::Refused(ActionRefused::NoLongerFits(problems)) = &refused else {
            panic!("{refused:?}");
        };
        assert_eq!(problems[0].code, "unknown-account");
        let extended = extend(&world, Ana, held, TimeSpan::hours(2)).await.unwrap();
        assert!(
            matches!(extended, RequestOutcome::Rejected(..)),
            "{extended:?}"
        );
        let other = ask(&world, Ana, "Admin", HOUR).await;
        let RequestOutcome::Pending(request) = other else {
            panic!("{other:?}");
        };
        let Target::Account { account, .. } = request.key.unwrap().target else {
            panic!("no account");
        };
        assert_eq!(account.as_str(), "222222222222");
    });
}
