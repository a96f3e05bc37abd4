//! Suspending people at their provider (`inventory.md` H-43): selection, read back, undo, and stops
//! at every call.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use hallpass_base::UserId;
use hallpass_org::pci::{
    PeopleProvider, ProvidedPerson, ProviderFault, ProviderPeople, ProviderPerson, ProviderState,
    ProviderStepExecutor, Providers, StaleBecause, StalePerson, suspend_plan,
};
use hallpass_plans::testing::{Gate, Hourglass, MemoryPlans};
use hallpass_plans::{Exit, PlanDraft, PlanReport, Runner, Undoing, undo};

use crate::bench::{outwait, resume_newest, stops_in_turn};
use crate::gated::{carried, runner};

const BASE: &str = "https://acme.okta.com";

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Suspending {
    Accepted,
    Refused,
    Ignored,
}

/// Like Okta, it refuses to suspend a suspended person.
struct FakeProvider {
    people: Mutex<BTreeMap<String, ProviderPerson>>,
    writes: Mutex<Vec<String>>,
    suspending: Suspending,
}

impl FakeProvider {
    fn writes(&self) -> Vec<String> {
        let mut all = self.writes.lock().unwrap().clone();
        all.sort();
        all
    }

    fn state(&self, id: &str) -> ProviderState {
        self.people.lock().unwrap()[id].state
    }

    fn set(&self, id: &str, change: impl FnOnce(&mut ProviderPerson)) {
        change(self.people.lock().unwrap().get_mut(id).unwrap());
    }

    fn make(&self, id: &str, from: ProviderState, to: ProviderState) -> Result<(), ProviderFault> {
        let refused = |message: &str| ProviderFault {
            code: "E0000001".to_owned(),
            message: message.to_owned(),
            passing: false,
        };
        if self.suspending == Suspending::Refused {
            return Err(refused("Api validation failed"));
        }
        let mut people = self.people.lock().unwrap();
        let person = people.get_mut(id).ok_or_else(|| refused("Not found"))?;
        if person.state != from {
            return Err(refused("Cannot suspend a user that is not active"));
        }
        self.writes.lock().unwrap().push(format!("{to:?} {id}"));
        if self.suspending == Suspending::Accepted {
            person.state = to;
        }
        Ok(())
    }
}

#[async_trait]
impl ProviderPeople for FakeProvider {
    fn base(&self) -> &str {
        BASE
    }

    async fn person(&self, id: &str) -> Result<Option<ProviderPerson>, ProviderFault> {
        Ok(self.people.lock().unwrap().get(id).cloned())
    }

    async fn suspend(&self, id: &str) -> Result<(), ProviderFault> {
        self.make(id, ProviderState::Active, ProviderState::Suspended)
    }

    async fn resume(&self, id: &str) -> Result<(), ProviderFault> {
        self.make(id, ProviderState::Suspended, ProviderState::Active)
    }
}

struct GatedProvider {
    provider: Arc<FakeProvider>,
    gate: Arc<Gate>,
    base: &'static str,
}

fn lost<T>() -> Result<T, ProviderFault> {
    Err(ProviderFault {
        code: "NoAnswer".to_owned(),
        message: "there was no answer".to_owned(),
        passing: true,
    })
}

#[async_trait]
impl ProviderPeople for GatedProvider {
    fn base(&self) -> &str {
        self.base
    }

    async fn person(&self, id: &str) -> Result<Option<ProviderPerson>, ProviderFault> {
        self.gate.pass(self.provider.person(id), lost).await
    }

    async fn suspend(&self, id: &str) -> Result<(), ProviderFault> {
        self.gate.pass(self.provider.suspend(id), lost).await
    }

    async fn resume(&self, id: &str) -> Result<(), ProviderFault> {
        self.gate.pass(self.provider.resume(id), lost).await
    }
}

struct World {
    clock: Arc<Hourglass>,
    provider: Arc<FakeProvider>,
    plans: Arc<MemoryPlans>,
}

fn okta_id(name: &str) -> String {
    format!("00u{name}")
}

impl World {
    fn new(suspending: Suspending) -> Self {
        let person = |name: &str| ProviderPerson {
            id: okta_id(name),
            names: vec![
                format!("{name}@example.com"),
                format!("{name}@mail.example"),
            ],
            state: ProviderState::Active,
        };
        let people = ["ana", "ben", "cho"].map(|name| (okta_id(name), person(name)));
        Self {
            clock: Arc::new(Hourglass::new(crate::bench::START.parse().unwrap())),
            provider: Arc::new(FakeProvider {
                people: Mutex::new(people.into()),
                writes: Mutex::default(),
                suspending,
            }),
            plans: Arc::default(),
        }
    }

    fn executor(&self, gate: &Arc<Gate>, base: &'static str) -> ProviderStepExecutor {
        let provider = GatedProvider {
            provider: Arc::clone(&self.provider),
            gate: Arc::clone(gate),
            base,
        };
        let providers = Providers {
            okta: Some(Arc::new(provider)),
            scim: None,
        };
        ProviderStepExecutor::new(providers, Arc::clone(&self.clock) as Arc<_>)
    }

    fn runner(&self, holder: &str, gate: &Arc<Gate>, base: &'static str) -> Runner {
        runner(
            &self.plans,
            self.executor(gate, base),
            &self.clock,
            holder,
            gate,
        )
    }

    async fn apply(&self, draft: PlanDraft, holder: &str, gate: &Arc<Gate>) -> Option<PlanReport> {
        carried(&self.runner(holder, gate, BASE), draft, true).await
    }

    async fn applied(&self, draft: PlanDraft, holder: &str) -> PlanReport {
        let applied = self.apply(draft, holder, &Gate::new(None)).await;
        applied.unwrap()
    }

    async fn undoing(&self, report: &PlanReport) -> Undoing {
        let gate = Gate::new(None);
        let runner = self.runner("undoing", &gate, BASE);
        let (plan, folded) = runner.load(&report.plan).await.unwrap();
        undo(&plan, &folded, &self.executor(&gate, BASE))
    }
}

fn user_id(name: &str) -> UserId {
    let hex = name
        .bytes()
        .fold(String::new(), |hex, it| format!("{hex}{it:02x}"));
    UserId::new(format!("{hex:0<8}-0000-4000-8000-000000000000")).unwrap()
}

fn suspending_of(provider: PeopleProvider) -> PlanDraft {
    let people = ["ana", "ben"].map(|name| ProvidedPerson {
        person: StalePerson {
            user_id: user_id(name),
            user_name: format!("{}@Example.com", name.to_uppercase()),
            because: StaleBecause::Inactive,
            days: 120,
            is_weak_match: false,
        },
        id: okta_id(name),
    });
    suspend_plan(provider, BASE, "o-abcdefghij", &people)
}

fn suspending() -> PlanDraft {
    suspending_of(PeopleProvider::Okta)
}

#[tokio::test]
async fn people_are_suspended_once_and_taken_back() {
    let world = World::new(Suspending::Accepted);
    let report = world.applied(suspending(), "first").await;
    assert_eq!((report.exit(), report.totals.changed), (Exit::Ok, 2));
    assert_eq!(world.provider.state("00uana"), ProviderState::Suspended);
    assert_eq!(world.provider.state("00ucho"), ProviderState::Active);
    let undoing = world.undoing(&report).await;
    assert!(undoing.not_undoable.is_empty());
    let again = world.applied(suspending(), "second").await;
    assert_eq!((again.exit(), again.totals.unchanged), (Exit::Ok, 2));
    assert_eq!(world.provider.writes().len(), 2);
    let back = world.applied(undoing.draft, "third").await;
    assert_eq!((back.exit(), back.totals.changed), (Exit::Ok, 2));
    assert_eq!(world.provider.state("00uana"), ProviderState::Active);
}

#[tokio::test]
async fn h_43_only_what_is_read_back_is_believed() {
    for how in [Suspending::Refused, Suspending::Ignored] {
        let world = World::new(how);
        let report = world.applied(suspending(), "first").await;
        // both surely failed, so the next method may run
        assert_eq!(report.totals.failed, 2, "{how:?}: {report:?}");
        assert_eq!(world.provider.state("00uana"), ProviderState::Active);
    }
}

#[tokio::test]
async fn h_43_an_id_that_is_somebody_elses_now_is_not_touched() {
    let world = World::new(Suspending::Accepted);
    world
        .provider
        .set("00uana", |it| it.names = vec!["zoe@example.com".to_owned()]);
    let report = world.applied(suspending(), "first").await;
    assert_ne!(report.exit(), Exit::Ok);
    assert_eq!(world.provider.writes(), ["Suspended 00uben"]);
}

#[tokio::test]
async fn who_left_the_provider_is_done_and_is_not_brought_back() {
    let world = World::new(Suspending::Accepted);
    let report = world.applied(suspending(), "first").await;
    let undoing = world.undoing(&report).await;
    world
        .provider
        .set("00uana", |it| it.state = ProviderState::Left);
    let again = world.applied(suspending(), "second").await;
    assert_eq!((again.exit(), again.totals.changed), (Exit::Ok, 0));
    let back = world.applied(undoing.draft, "third").await;
    assert_ne!(back.exit(), Exit::Ok);
    assert_eq!(world.provider.state("00uana"), ProviderState::Left);
    assert_eq!(world.provider.state("00uben"), ProviderState::Active);
}

#[tokio::test]
async fn h_43_a_plan_is_carried_out_at_the_provider_that_it_is_about() {
    let world = World::new(Suspending::Accepted);
    let gate = Gate::new(None);
    let planned = world.runner("first", &gate, BASE).look(suspending()).await;
    let plan = planned.unwrap().plan;
    let elsewhere = world.runner("second", &gate, "https://other.okta.com");
    let report = elsewhere.apply(&plan.id, &crate::bench::patient()).await;
    assert_ne!(report.unwrap().exit(), Exit::Ok);
    let report = world
        .apply(suspending_of(PeopleProvider::Scim), "third", &gate)
        .await;
    assert!(report.is_none_or(|it| it.exit() != Exit::Ok));
    assert!(world.provider.writes().is_empty());
}

async fn attempt(world: &World, holder: &str, gate: &Arc<Gate>) -> bool {
    let run = async {
        let report = world.apply(suspending(), holder, gate).await;
        report.is_some_and(|report| report.exit() == Exit::Ok)
    };
    tokio::select! {
        done = run => done,
        () = gate.stop() => false,
    }
}

#[tokio::test]
async fn stopped_anywhere_everybody_is_suspended_once() {
    let unbroken = World::new(Suspending::Accepted);
    let gate = Gate::new(None);
    assert!(attempt(&unbroken, "first", &gate).await);
    let sent = unbroken.provider.writes();
    assert_eq!(sent, ["Suspended 00uana", "Suspended 00uben"]);
    assert!(gate.calls() > 10, "{}", gate.calls());
    for (call, mode, by_command) in stops_in_turn(gate.calls()) {
        let case = format!("call {call}, {mode:?}, {by_command}");
        let world = World::new(Suspending::Accepted);
        let gate = Gate::new(Some((call, mode)));
        if !attempt(&world, "first", &gate).await {
            outwait(&world.clock);
            if !by_command {
                let runner = world.runner("second", &Gate::new(None), BASE);
                resume_newest(&world.plans, &runner).await;
            }
        }
        let last = world.applied(suspending(), "third").await;
        assert_eq!(last.exit(), Exit::Ok, "{case}");
        assert_eq!(world.provider.writes(), sent, "{case}");
        assert_eq!(world.provider.state("00ucho"), ProviderState::Active);
    }
}
