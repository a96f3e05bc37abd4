//! Creates a list's users (`organization.md` V-9) once despite any stop, and never replaces an
//! existing user.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use hallpass_enforcement::OrganizationFault;
use hallpass_org::vending::UserStepExecutor;
use hallpass_org::{Operation, ReadAnswer, ReadPlace, SendAnswer};
use hallpass_plans::testing::{Gate, Hourglass, MemoryPlans, PortMode};
use hallpass_plans::{Exit, Lane, PlanDraft, PlanLimits, PlanReport, StepTarget, undo};
use serde_json::{Value, json};

use crate::gated::{FakeCalls, GatedCalls, carried, read_failed, runner};

#[derive(Default)]
struct Directory {
    people: Mutex<BTreeMap<String, String>>,
    made: Mutex<Vec<String>>,
    unseen: Mutex<u32>,
}

impl Directory {
    fn holds(&self, path: &str, wanted: &str) -> bool {
        let people = self.people.lock().unwrap();
        let mut all = people.iter();
        all.any(|(name, email)| match path {
            "userName" => name == wanted,
            "emails.value" => email == wanted,
            other => panic!("{other} is not asked for"),
        })
    }
}

impl FakeCalls for Directory {
    fn read(&self, _: &ReadPlace, operation: Operation, input: &Value) -> ReadAnswer {
        assert_eq!(operation, ("identitystore", "GetUserId"));
        let by = &input["AlternateIdentifier"]["UniqueAttribute"];
        let text = |name: &str| by[name].as_str().unwrap();
        let mut unseen = self.unseen.lock().unwrap();
        if *unseen > 0 && !self.people.lock().unwrap().is_empty() {
            *unseen -= 1;
            return Err(read_failed("ResourceNotFoundException", "USER not found."));
        }
        drop(unseen);
        if self.holds(text("AttributePath"), text("AttributeValue")) {
            return Ok((json!({ "UserId": "u-1" }), None));
        }
        Err(read_failed("ResourceNotFoundException", "USER not found."))
    }

    fn write(&self, _: &ReadPlace, operation: Operation, input: &Value) -> SendAnswer {
        assert_eq!(operation, ("identitystore", "CreateUser"));
        let name = input["UserName"].as_str().unwrap().to_owned();
        let email = input["Emails"][0]["Value"].as_str().unwrap().to_owned();
        if self.holds("userName", &name) {
            let message = "Duplicate UserName".to_owned();
            return Err(OrganizationFault::Conflict { message });
        }
        assert_eq!(input["DisplayName"], "New Person");
        self.people.lock().unwrap().insert(name.clone(), email);
        self.made.lock().unwrap().push(name);
        Ok(json!({ "UserId": "u-2" }))
    }
}

#[derive(Default)]
struct World {
    directory: Arc<Directory>,
    plans: Arc<MemoryPlans>,
}

fn draft() -> PlanDraft {
    let mut draft = PlanDraft::new("org.vend", "o-abcdefghij", PlanLimits::USUAL);
    for key in ["one@acme.example", "two@acme.example"] {
        let lane = Lane {
            shared: false,
            ..Lane::serial("identity-store-write")
        };
        let desired = json!({
            "identity_store_id": "d-1234567890", "email": "new@acme.example",
            "given_name": "New", "family_name": "Person",
        });
        let target = StepTarget::global("111111111111", key);
        draft.step(target, "user.create", desired, lane, &[]);
    }
    draft
}

async fn attempt(world: &World, holder: &str, gate: &Arc<Gate>) -> Option<PlanReport> {
    let clock = Arc::new(Hourglass::new(crate::bench::START.parse().unwrap()));
    let calls = GatedCalls::through(&world.directory, gate);
    let hands = UserStepExecutor::new(Arc::new(calls));
    let runner = runner(&world.plans, hands, &clock, holder, gate);
    let run = carried(&runner, draft(), true);
    tokio::select! {
        report = run => report,
        () = gate.stop() => None,
    }
}

#[tokio::test]
async fn stopped_anywhere_a_person_is_made_once() {
    let unbroken = Gate::new(None);
    let report = attempt(&World::default(), "first", &unbroken)
        .await
        .unwrap();
    assert_eq!((report.exit(), report.totals.changed), (Exit::Ok, 1));
    for call in 1..=unbroken.calls() {
        for mode in PortMode::ALL {
            let case = format!("call {call}, {mode:?}");
            let world = World::default();
            let first = attempt(&world, "first", &Gate::new(Some((call, mode)))).await;
            if first.is_none_or(|it| it.exit() != Exit::Ok) {
                let again = attempt(&world, "second", &Gate::new(None)).await.unwrap();
                assert_eq!(again.exit(), Exit::Ok, "{case}: {again:?}");
            }
            assert_eq!(world.directory.made.lock().unwrap().len(), 1, "{case}");
        }
    }
}

#[tokio::test]
async fn whom_a_listing_does_not_show_yet_is_not_made_by_both_rows() {
    for unseen in 0..=6 {
        let world = World::default();
        *world.directory.unseen.lock().unwrap() = unseen;
        let report = attempt(&world, "first", &Gate::new(None)).await.unwrap();
        let totals = (report.totals.changed, report.totals.unchanged);
        assert_eq!((report.exit(), totals), (Exit::Ok, (1, 1)), "{unseen}");
        assert_eq!(world.plans.changes().len(), 1, "{unseen}");
    }
}

#[tokio::test]
async fn who_is_there_by_address_or_name_is_left_alone_and_who_is_made_stays() {
    for (name, email) in [
        ("ana", "new@acme.example"),
        ("new@acme.example", "other@acme.example"),
    ] {
        let world = World::default();
        let person = (name.to_owned(), email.to_owned());
        world.directory.people.lock().unwrap().extend([person]);
        let report = attempt(&world, "first", &Gate::new(None)).await.unwrap();
        assert_eq!((report.totals.unchanged, report.totals.changed), (2, 0));
        assert!(world.directory.made.lock().unwrap().is_empty(), "{name}");
    }
    let world = World::default();
    let report = attempt(&world, "first", &Gate::new(None)).await.unwrap();
    let calls = GatedCalls::calm(&world.directory);
    let hands = UserStepExecutor::new(Arc::new(calls));
    let stored = hallpass_plans::PlanStore::journal(world.plans.as_ref(), &report.plan).await;
    let saved = hallpass_plans::PlanStore::plan(world.plans.as_ref(), &report.plan).await;
    let folded = hallpass_plans::fold(&stored.unwrap()).unwrap();
    let undoing = undo(&saved.unwrap().unwrap().plan, &folded, &hands);
    assert_eq!(undoing.not_undoable.len(), 1, "{:?}", undoing.not_undoable);
    assert!(undoing.draft.is_empty());
}
