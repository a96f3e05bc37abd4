//! Requests that rules require a ticket for (`access.md` §25).

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use hallpass_access::{
    Access, Asking, OnRuleChange, RequestOutcome, TicketComment, TicketFault, TicketReader,
    TicketSource,
};
use hallpass_audit::AuditStore as _;
use hallpass_base::{Clock as _, Email, TimeSpan};
use hallpass_rules::{Assignee, RuleFile, Ticket, load};
use hallpass_simulation::{
    Habits,
    Human::{self, Ana, Bo, Cai, Eve},
    World,
};

use crate::acting::{approve, asking, grants, run};

const HOUR: TimeSpan = TimeSpan::hours(1);
const RULES: &str = "
[[rule]]
id = 'required'
accounts = '*'
permission_sets = 'Admin'
approvers = ['cai@corp.example']
ticket = { source = 'jira', states = ['In Progress', 'Open'], project = 'OPS', assigned_to_requester = true }
[[rule]]
id = 'optional'
accounts = '*'
permission_sets = 'ReadOnly'
approval_is_not_required = true
ticket = { source = 'jira', required = false, states = 'Open' }
[[rule]]
id = 'fallback'
accounts = '*'
permission_sets = 'Root'
approvers = ['cai@corp.example']
approval_is_not_required = true
ticket = { source = 'jira', states = 'Open', fallback = 'approval' }
";

#[derive(Clone, Debug)]
enum Says {
    Ticket(&'static str, &'static str, Assignee),
    Nothing,
    Down,
}

struct Service(Mutex<Says>);

#[async_trait]
impl TicketSource for Service {
    async fn ticket(&self, text: &str) -> Result<Option<Ticket>, TicketFault> {
        match self.0.lock().unwrap().clone() {
            Says::Ticket(state, project, assignee) => Ok(Some(Ticket {
                key: text.to_ascii_uppercase(),
                state: state.to_owned(),
                project: project.to_owned(),
                assignee,
                url: Some("https://jira.example.com/browse/OPS-1".to_owned()),
            })),
            Says::Nothing => Ok(None),
            Says::Down => Err(TicketFault("HTTP 503".to_owned())),
        }
    }

    async fn comment(&self, _: &str, _: &TicketComment) -> Result<(), TicketFault> {
        Ok(())
    }
}

fn of(human: Human) -> Assignee {
    Assignee::Person(Email::new(&format!("{}@corp.example", human.name())).unwrap())
}

fn open() -> Says {
    Says::Ticket("Open", "OPS", of(Ana))
}

async fn world(says: Says) -> (World, Arc<Service>) {
    let mut world = World::new(502, Habits::default(), None);
    world.on_rule_change(OnRuleChange::End);
    let service = Arc::new(Service(Mutex::new(says)));
    let source = Arc::clone(&service) as Arc<dyn TicketSource>;
    let reader = TicketReader::new(BTreeMap::from([("jira".to_owned(), source)]));
    let access: Access = world.access.over(world.access.ports().clone());
    world.access = Arc::new(access.with_tickets(reader));
    let loaded = load(&RuleFile::new("rules.toml", RULES)).unwrap();
    world.access.set_rules(loaded.rules, "test").await.unwrap();
    (world, service)
}

async fn ask(world: &World, set: &str, ticket: &str) -> RequestOutcome {
    let asking = Asking {
        ticket: (!ticket.is_empty()).then(|| ticket.to_owned()),
        ..asking(set, HOUR)
    };
    let asked = world.access.ask(&world.actor(Ana), &asking, None).await;
    asked.unwrap()
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
fn a_request_needs_the_ticket_that_its_rule_requires() {
    run(async {
        let by = |state, project, assignee| Says::Ticket(state, project, assignee);
        for (set, ticket, says, expected) in [
            ("Admin", "OPS-1", open(), "pending"),
            (
                "Admin",
                " ops-1 ",
                by("in progress", "ops", of(Ana)),
                "pending",
            ),
            ("Admin", "", open(), "ticket-absent"),
            ("Admin", "OPS-1", Says::Nothing, "ticket-unknown"),
            ("Admin", "OPS-1", by("Done", "OPS", of(Ana)), "ticket-state"),
            (
                "Admin",
                "OPS-1",
                by("Open", "HR", of(Ana)),
                "ticket-project",
            ),
            (
                "Admin",
                "OPS-1",
                by("Open", "OPS", of(Bo)),
                "ticket-assignee",
            ),
            (
                "Admin",
                "OPS-1",
                by("Open", "OPS", Assignee::Nobody),
                "ticket-assignee",
            ),
            (
                "Admin",
                "OPS-1",
                by("Open", "OPS", Assignee::WithoutAddress),
                "ticket-assignee",
            ),
            ("Admin", "OPS-1", Says::Down, "ticket-unread"),
            ("ReadOnly", "", Says::Down, "approved"),
            ("ReadOnly", "OPS-1", open(), "approved"),
            (
                "ReadOnly",
                "OPS-1",
                by("Done", "OPS", of(Ana)),
                "ticket-state",
            ),
            ("Root", "OPS-1", by("Open", "HR", of(Bo)), "approved"),
            ("Root", "", open(), "pending"),
            ("Root", "OPS-1", by("Done", "OPS", of(Ana)), "pending"),
            ("Root", "OPS-1", Says::Nothing, "pending"),
            ("Root", "OPS-1", Says::Down, "pending"),
        ] {
            let (world, _) = world(says.clone()).await;
            let asked = ask(&world, set, ticket).await;
            assert_eq!(said(&asked), expected, "{set} with `{ticket}`: {says:?}");
        }
    });
}

#[test]
fn an_approval_needs_the_ticket_as_it_is_then() {
    run(async {
        for (set, then, is_approved) in [
            ("Admin", open(), true),
            ("Admin", Says::Ticket("Done", "OPS", of(Ana)), false),
            ("Admin", Says::Nothing, false),
            ("Admin", Says::Down, false),
            ("Root", Says::Down, true),
        ] {
            let at_request = if set == "Root" { Says::Nothing } else { open() };
            let (world, service) = world(at_request).await;
            let asked = ask(&world, set, "OPS-1").await;
            assert_eq!(said(&asked), "pending");
            *service.0.lock().unwrap() = then.clone();
            world.clock.advance(TimeSpan::minutes(5));
            let approved = approve(&world, Cai, asked.request().id).await;
            assert_eq!(
                approved.is_ok(),
                is_approved,
                "{set}, {then:?}: {approved:?}"
            );
        }
    });
}

#[test]
fn a_start_needs_the_ticket_and_waits_for_its_service() {
    run(async {
        for (then, ticks, expected) in [
            (open(), 2, "approved"),
            (Says::Ticket("Done", "OPS", of(Ana)), 2, "rejected"),
            (Says::Down, 5, "pending"),
        ] {
            let (world, service) = world(open()).await;
            let asking = Asking {
                ticket: Some("OPS-1".to_owned()),
                starts_at: Some(HOUR.after(world.clock.now())),
                ..asking("Admin", HOUR)
            };
            let asked = world.access.ask(&world.actor(Ana), &asking, None).await;
            let id = asked.unwrap().request().id;
            approve(&world, Cai, id).await.unwrap();
            *service.0.lock().unwrap() = then.clone();
            world.clock.advance(HOUR);
            for _ in 0..ticks {
                world.directory.read();
                world.tick().await;
                // the service is asked beside the tick
                tokio::task::yield_now().await;
                world.clock.advance(TimeSpan::seconds(1));
            }
            let request = world.access.ports().store.request(id).await.unwrap();
            assert_eq!(request.unwrap().state.name(), expected, "{then:?}");
        }
    });
}

#[test]
fn access_outlasts_the_ticket_and_is_recorded_with_it() {
    run(async {
        let (world, service) = world(open()).await;
        let asked = ask(&world, "Root", "OPS-1").await;
        assert_eq!(said(&asked), "approved");
        assert_eq!(
            asked.request().ticket_url(),
            Some("https://jira.example.com/browse/OPS-1")
        );
        *service.0.lock().unwrap() = Says::Nothing;
        for _ in 0..10 {
            world.clock.advance(TimeSpan::minutes(1));
            world.directory.read();
            world.tick().await;
            world.access.reconcile().await.unwrap();
        }
        let held = grants(&world).await;
        assert_eq!(held[0].state.name(), "active", "{held:?}");
        let records = world.store.records_from(1, 100).await.unwrap();
        let facts = records.iter().find_map(|it| it.fields().get("facts"));
        let facts = facts.expect("a record with facts");
        assert_eq!(facts[0]["source"], "ticket:jira");
        assert_eq!(
            facts[0]["answer"],
            "OPS-1 of OPS: Open, assigned to the requester"
        );
        // past requests are replayed with the ticket as it was
        let rules = world.access.rules();
        let eve = world.actor(Eve);
        let turn = world.access.work_turn(&eve).await.unwrap();
        let replayed = world
            .access
            .replay(&eve, &turn, &rules, None, None, 10)
            .await;
        assert_eq!(replayed.unwrap().rows.len(), 0);
    });
}
