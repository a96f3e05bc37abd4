//! Separation of duties (`access.md` §26): what a person may not hold together.

use std::sync::Arc;

use hallpass_access::{AccessStore as _, Asking, GrantFilter, RequestOutcome, SweepMode};
use hallpass_audit::AuditStore as _;
use hallpass_base::TimeSpan;
use hallpass_rules::{RuleFile, load};
use hallpass_simulation::{
    Answers, Habits,
    Human::{Ana, Bo, Cai, Eve},
    World,
};

use hallpass_store::SqlStore;

use crate::acting::{approve, ask, asked_for, asking, extend, grants, release, run, take};
use crate::sweeping::pass;

const HOUR: TimeSpan = TimeSpan::hours(1);
const RULES: &str = "
[[rule]]
id = 'asked'
accounts = '*'
permission_sets = ['Admin', 'Root']
approvers = ['cai@corp.example']
break_glass = ['ana@corp.example', 'bo@corp.example']
[[rule]]
id = 'free'
accounts = '*'
permission_sets = ['ReadOnly', 'Placed']
approval_is_not_required = true
[[rule]]
id = 'group'
groups = ['oncall']
approval_is_not_required = true
[[never_together]]
id = 'change-and-audit'
sides = [
    { accounts = '*', permission_sets = ['Admin', 'ReadOnly'] },
    { accounts = '*', permission_sets = ['Root', 'ReadOnly'] },
    { groups = ['oncall'] },
]
[[never_together.except]]
users = ['bo@corp.example']
approved_by = 'cai@corp.example'
reason = 'the only one at night'
until = '2100-01-01T00:00:00Z'
[[never_together]]
id = 'old'
sides = [{ groups = ['oncall'] }, { accounts = '*', permission_sets = 'Placed' }]
[[never_together.except]]
users = ['bo@corp.example']
approved_by = 'cai@corp.example'
reason = 'over'
until = '2000-01-01T00:00:00Z'
";

async fn world() -> World {
    let mut world = World::new(53, Habits::default(), None);
    world.sweeps_become(|sweep| sweep.mode = SweepMode::Report);
    let loaded = load(&RuleFile::new("rules.toml", RULES)).unwrap();
    world.access.set_rules(loaded.rules, "test").await.unwrap();
    world
}

fn said(outcome: &RequestOutcome) -> String {
    match outcome {
        RequestOutcome::Pending(_) | RequestOutcome::AlreadyPending(_) => "pending".to_owned(),
        RequestOutcome::Approved(..) => "approved".to_owned(),
        RequestOutcome::Rejected(_, refusal) => {
            let first = refusal.fields.first();
            first.map_or(refusal.code.clone(), |it| it.code.clone())
        }
    }
}

#[test]
fn what_is_held_decides_what_may_be_requested() {
    run(async {
        // by a live grant
        for (held, wanted, who, expected) in [
            ("ReadOnly", "Admin", Ana, "never-together"),
            ("ReadOnly", "oncall", Ana, "never-together"),
            ("oncall", "ReadOnly", Ana, "never-together"),
            ("oncall", "Placed", Ana, "never-together"),
            ("Placed", "Admin", Ana, "pending"),
            // its own constraint, on two sides
            ("ReadOnly", "ReadOnly", Ana, "approved"),
            // an exception in force, and one that is over
            ("ReadOnly", "Admin", Bo, "pending"),
            ("oncall", "Placed", Bo, "never-together"),
        ] {
            let world = world().await;
            take(&world, who, held, HOUR).await;
            let asked = ask(&world, who, wanted, HOUR).await;
            assert_eq!(said(&asked), expected, "{who:?}, {wanted} beside {held}");
        }
    });
}

#[test]
fn a_grant_that_is_over_conflicts_no_more() {
    run(async {
        let world = world().await;
        let held = take(&world, Ana, "ReadOnly", HOUR).await;
        pass(&world, TimeSpan::minutes(2)).await;
        release(&world, Ana, held).await.unwrap();
        pass(&world, TimeSpan::minutes(10)).await;
        assert_eq!(said(&ask(&world, Ana, "oncall", HOUR).await), "approved");
    });
}

#[test]
fn standing_access_and_memberships_count() {
    run(async {
        let world = world().await;
        world.center.give(&world.key(Ana, "Root").unwrap());
        assert_eq!(
            said(&ask(&world, Ana, "Admin", HOUR).await),
            "pending",
            "no sweep has seen it"
        );
        pass(&world, TimeSpan::hours(3)).await;
        assert_eq!(
            said(&ask(&world, Ana, "ReadOnly", HOUR).await),
            "never-together"
        );
        // a membership is read at AWS, without a sweep
        world.center.give(&world.group_key(Cai).unwrap());
        assert_eq!(
            said(&ask(&world, Cai, "Placed", HOUR).await),
            "never-together"
        );
    });
}

#[test]
fn an_approval_and_an_emergency_are_judged_by_what_is_held_then() {
    run(async {
        let world = world().await;
        let [admin, root] = ["Admin", "Root"].map(|set| asked_for(&world, Ana, set, HOUR));
        let (admin, root) = (admin.await, root.await);
        approve(&world, Cai, admin).await.unwrap();
        let refused = approve(&world, Cai, root).await.unwrap_err().to_string();
        assert!(refused.contains("change-and-audit"), "{refused}");
        let actor = world.actor(Ana);
        let why = "payments are down and no one else is here";
        let broken = world.access.break_glass(&actor, root, why, None).await;
        let refused = broken.unwrap_err().to_string();
        assert!(refused.contains("change-and-audit"), "{refused}");
        assert_eq!(grants(&world).await.len(), 1);
        // a later end of what is held conflicts with nothing
        let held = grants(&world).await[0].id;
        assert_eq!(
            said(&extend(&world, Ana, held, HOUR).await.unwrap()),
            "pending"
        );
    });
}

/// Over a slow store each approval reads what is held before the other is stored.
#[test]
fn two_approvals_at_once_give_one_grant() {
    run(async {
        for seed in 0..8 {
            let store = Arc::new(SqlStore::open_in_memory().unwrap());
            let world = World::over(store, 530 + seed, Habits::default());
            let loaded = load(&RuleFile::new("rules.toml", RULES)).unwrap();
            world.access.set_rules(loaded.rules, "test").await.unwrap();
            let (ana, cai) = (world.actor(Ana), world.actor(Cai));
            let mut asked = Vec::new();
            for set in ["Admin", "Root"] {
                let outcome = world.access.ask(&ana, &asking(set, HOUR), None).await;
                asked.push(outcome.unwrap().request().id);
            }
            let (one, two) = tokio::join!(
                world.access.approve(&cai, asked[0], None),
                world.access.approve(&cai, asked[1], None)
            );
            let given = [&one, &two].iter().filter(|it| it.is_ok()).count();
            assert_eq!(given, 1, "seed {seed}: {one:?}, {two:?}");
            let all = GrantFilter::default();
            assert_eq!(world.store.grants(&all, 9).await.unwrap().rows.len(), 1);
        }
    });
}

#[test]
fn targets_of_one_call_count_as_held_together() {
    run(async {
        let world = world().await;
        let askings: Vec<Asking> = ["ReadOnly", "oncall"].map(|set| asking(set, HOUR)).into();
        let actor = world.actor(Ana);
        let asked = world.access.ask_together(&actor, &askings, None).await;
        let words = format!("{:?}", asked.unwrap());
        assert!(words.contains("never-together"), "{words}");
        assert_eq!(grants(&world).await.len(), 0);
    });
}

#[test]
fn what_is_held_must_be_known() {
    run(async {
        let world = world().await;
        world.center.change_habits(|it| it.answers = Answers::None);
        assert_eq!(
            said(&ask(&world, Ana, "Admin", HOUR).await),
            "holdings-unread"
        );
    });
}

#[test]
fn the_report_has_what_is_held_together_by_every_path() {
    run(async {
        let world = world().await;
        let held = take(&world, Ana, "ReadOnly", TimeSpan::hours(8))
            .await
            .to_string();
        take(&world, Bo, "ReadOnly", TimeSpan::hours(8)).await;
        for human in [Ana, Bo] {
            world.center.give(&world.key(human, "Root").unwrap());
        }
        assert!(world.access.conflicts(&world.actor(Ana)).await.is_err());
        // a sweep every two hours: the grants must outlast it
        pass(&world, TimeSpan::hours(3)).await;
        let report = world.access.conflicts(&world.actor(Eve)).await.unwrap();
        let told: Vec<(&str, Vec<String>, bool)> = { report.rows.iter() }
            .map(|row| {
                let by = row.conflict.held.iter().map(|it| format!("{:?}", it.by));
                let is_excepted = row.conflict.exception.is_some();
                (row.person.display_name.as_str(), by.collect(), is_excepted)
            })
            .collect();
        let by = |id: &str| vec![format!("Grant({id:?})"), "Standing".to_owned()];
        assert_eq!(told.len(), 2, "{report:?}");
        assert_eq!(told[0], ("ana", by(&held), false));
        assert_eq!((told[1].0, told[1].2), ("bo", true));
    });
}

#[test]
fn a_used_exception_is_recorded() {
    run(async {
        let world = world().await;
        take(&world, Bo, "ReadOnly", HOUR).await;
        let id = asked_for(&world, Bo, "Admin", HOUR).await;
        approve(&world, Cai, id).await.unwrap();
        let records = world.store.records_from(1, 100).await.unwrap();
        for event in ["request.created", "request.approved"] {
            let mut of = records.iter().filter(|it| it.event() == event);
            let facts = of.find_map(|it| it.fields().get("facts"));
            let fact = &facts.unwrap_or_else(|| panic!("{event} has no facts"))[0];
            assert_eq!(fact["source"], "never-together:change-and-audit");
            let answer = fact["answer"].as_str().unwrap();
            assert!(
                answer.contains("approved by cai@corp.example until 2100"),
                "{answer}"
            );
        }
    });
}
