//! Rights of people on call (`access.md` §24): how old an answer may be, and what a grant keeps.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use hallpass_access::{
    Access, OnCallDirectory, OnCallFault, OnCallSource, OnRuleChange, Ports, RequestOutcome,
};
use hallpass_audit::AuditStore as _;
use hallpass_base::{Email, TimeSpan};
use hallpass_rules::{RuleFile, load};
use hallpass_simulation::{
    Habits,
    Human::{self, Ana, Bo, Cai, Eve},
    World,
};

use crate::acting::{approve, ask, asked_for, grants, run};

const HOUR: TimeSpan = TimeSpan::hours(1);
const RULES: &str = "
[[rule]]
id = 'duty'
accounts = '*'
permission_sets = ['Admin', 'ReadOnly']
allowed_groups = ['on-call:duty']
approval_is_not_required = true
[[rule]]
id = 'others'
accounts = '*'
permission_sets = 'Admin'
approvers = ['cai@corp.example']
[[rule]]
id = 'second'
accounts = '*'
permission_sets = 'Root'
approver_groups = ['on-call:duty']
";

/// A service: who is on call, or that it does not answer.
#[derive(Default)]
struct Service {
    people: Mutex<Option<Vec<Human>>>,
    asked: AtomicUsize,
}

impl Service {
    fn says(&self, people: &[Human]) {
        *self.people.lock().unwrap() = Some(people.to_vec());
    }

    fn is_down(&self) {
        *self.people.lock().unwrap() = None;
    }
}

#[async_trait]
impl OnCallSource for Service {
    async fn on_call(&self) -> Result<Vec<Email>, OnCallFault> {
        self.asked.fetch_add(1, Ordering::Relaxed);
        let people = self.people.lock().unwrap().clone();
        let people = people.ok_or_else(|| OnCallFault("HTTP 503".to_owned()))?;
        let email = |human: &Human| Email::new(&format!("{}@corp.example", human.name())).unwrap();
        Ok(people.iter().map(email).collect())
    }
}

/// The world with its service asked once, and the directory that asks.
async fn world(on_call: &[Human]) -> (World, Arc<Service>, Arc<OnCallDirectory>) {
    let mut world = World::new(502, Habits::default(), None);
    world.on_rule_change(OnRuleChange::End);
    let service = Arc::new(Service::default());
    service.says(on_call);
    let sources = BTreeMap::from([(
        "on-call:duty".to_owned(),
        Arc::clone(&service) as Arc<dyn OnCallSource>,
    )]);
    let ports = world.access.ports().clone();
    let directory = OnCallDirectory::new(
        Arc::clone(&ports.directory),
        sources,
        Arc::clone(&ports.clock),
    );
    let directory = Arc::new(directory);
    let access: Access = world.access.over(Ports {
        directory: Arc::clone(&directory) as _,
        ..ports
    });
    world.access = Arc::new(access);
    let loaded = load(&RuleFile::new("rules.toml", RULES)).unwrap();
    world.access.set_rules(loaded.rules, "test").await.unwrap();
    directory.ask().await;
    (world, service, directory)
}

fn said(outcome: &RequestOutcome) -> &str {
    match outcome {
        RequestOutcome::Pending(_) | RequestOutcome::AlreadyPending(_) => "pending",
        RequestOutcome::Approved(..) => "approved",
        RequestOutcome::Rejected(_, refusal) => &refusal.code,
    }
}

#[test]
fn a_right_rests_on_a_recent_answer() {
    run(async {
        // what the service says then, seconds since the last answer, what becomes of the request
        for (now, seconds, expected) in [
            (Some([Ana]), 0, "approved"),
            (Some([Ana]), 20, "approved"),
            // up to five seconds old
            (Some([Bo]), 4, "approved"),
            (Some([Bo]), 6, "pending"),
            (None, 4, "approved"),
            (None, 6, "pending"),
            // without a poll it is too old to begin with
            (Some([Ana]), 31, "pending"),
        ] {
            let (world, service, _) = world(&[Ana]).await;
            match now {
                Some(people) => service.says(&people),
                None => service.is_down(),
            }
            world.clock.advance(TimeSpan::seconds(seconds));
            let asked = ask(&world, Ana, "Admin", HOUR).await;
            assert_eq!(said(&asked), expected, "{now:?} after {seconds} s");
            let refused = ask(&world, Bo, "ReadOnly", HOUR).await;
            assert_ne!(
                said(&refused),
                "pending",
                "no other rule: {now:?} after {seconds} s"
            );
        }
    });
}

#[test]
fn an_approver_is_on_call_at_the_approval() {
    run(async {
        for (then, seconds, is_approved) in [
            (Some(vec![Cai]), 0, true),
            (Some(vec![Bo]), 6, false),
            (Some(vec![]), 6, false),
            (None, 6, false),
        ] {
            let (world, service, _) = world(&[Cai]).await;
            let id = asked_for(&world, Ana, "Root", HOUR).await;
            match &then {
                Some(people) => service.says(people),
                None => service.is_down(),
            }
            world.clock.advance(TimeSpan::seconds(seconds));
            let approved = approve(&world, Cai, id).await;
            assert_eq!(approved.is_ok(), is_approved, "{then:?}: {approved:?}");
        }
    });
}

#[test]
fn access_outlasts_the_turn_and_is_recorded_with_the_answer() {
    run(async {
        let (world, service, directory) = world(&[Ana]).await;
        assert_eq!(said(&ask(&world, Ana, "ReadOnly", HOUR).await), "approved");
        service.says(&[Bo]);
        for _ in 0..20 {
            world.clock.advance(TimeSpan::minutes(1));
            directory.ask().await;
            world.directory.read();
            world.tick().await;
            world.access.reconcile().await.unwrap();
        }
        let held = grants(&world).await;
        assert_eq!(held[0].state.name(), "active", "{held:?}");
        world.clock.advance(HOUR);
        for _ in 0..5 {
            world.tick().await;
            world.clock.advance(TimeSpan::minutes(1));
        }
        assert_eq!(grants(&world).await[0].state.name(), "ended");
        let records = world.store.records_from(1, 100).await.unwrap();
        let facts = records.iter().find_map(|it| it.fields().get("facts"));
        let facts = facts.expect("a record with facts");
        assert_eq!(facts[0]["source"], "on-call:duty");
        assert_eq!(facts[0]["answer"], "on_call");
    });
}

#[test]
fn a_service_is_asked_once_for_many_and_seldom_while_it_is_down() {
    run(async {
        let (world, service, directory) = world(&[Ana]).await;
        let asked = || service.asked.load(Ordering::Relaxed);
        assert_eq!(asked(), 1);
        for human in [Ana, Bo, Cai, Eve] {
            ask(&world, human, "ReadOnly", HOUR).await;
        }
        assert_eq!(asked(), 1, "answered less than five seconds ago");
        service.is_down();
        world.clock.advance(TimeSpan::seconds(6));
        for _ in 0..5 {
            directory.ask().await;
            ask(&world, Ana, "Admin", HOUR).await;
        }
        assert_eq!(
            asked(),
            2,
            "no answer is asked for again after five seconds"
        );
        let same = [world.access.directory(), world.access.directory()];
        assert!(
            Arc::ptr_eq(&same[0], &same[1]),
            "searches keep what they know of it"
        );
    });
}
