//! Disabling and deleting people (`inventory.md` H-16, H-17): read back, undo, and stops at every
//! call.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use hallpass_base::UserId;
use hallpass_enforcement::OrganizationFault;
use hallpass_org::pci::{
    PeopleStepExecutor, StaleBecause, StalePerson, delete_plan, disable_plan, reach_of,
};
use hallpass_org::{Operation, ReadAnswer, ReadCallFailed, ReadPlace, SendAnswer};
use hallpass_plans::testing::{Gate, Hourglass, MemoryPlans};
use hallpass_plans::{Exit, PlanDraft, PlanReport, Runner, Undoing, undo};
use serde_json::{Value, json};

use crate::bench::{after_stop, stops_in_turn};
use crate::gated::{FakeCalls, GatedCalls, carried, read_failed, runner};

const STORE: &str = "d-1234567890";

fn id(name: &str) -> String {
    let hex = name
        .bytes()
        .fold(String::new(), |hex, it| format!("{hex}{it:02x}"));
    format!("{hex:0<8}-0000-4000-8000-000000000000")
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum StatusWrites {
    Accepted,
    Refused,
    Ignored,
}

struct FakePeople {
    people: Mutex<BTreeMap<String, (bool, u64)>>,
    writes: Mutex<Vec<String>>,
    status: StatusWrites,
    raced: Mutex<Option<String>>,
}

impl FakePeople {
    fn status(&self) -> Vec<(String, bool)> {
        let people = self.people.lock().unwrap();
        people.iter().map(|(id, it)| (id.clone(), it.0)).collect()
    }

    fn writes(&self) -> Vec<String> {
        let mut all = self.writes.lock().unwrap().clone();
        all.sort();
        all
    }
}

fn gone() -> ReadCallFailed {
    read_failed("ResourceNotFoundException", "USER not found.")
}

impl FakeCalls for FakePeople {
    fn read(&self, _: &ReadPlace, call: Operation, input: &Value) -> ReadAnswer {
        let who = input["UserId"].as_str().unwrap_or_default();
        let answer = match call {
            ("identitystore", "DescribeUser") => {
                let people = self.people.lock().unwrap();
                let (enabled, revision) = people.get(who).ok_or_else(gone)?;
                let status = if *enabled { "ENABLED" } else { "DISABLED" };
                json!({"UserId": who, "UserStatus": status, "Revision": revision.to_string()})
            }
            ("identitystore", "ListGroupMembershipsForMember") => {
                assert_eq!(input["MemberId"]["UserId"], id("ana"));
                if input.get("NextToken").is_none() {
                    let next = json!({"NextToken": "2"}).as_object().cloned();
                    return Ok((json!({"GroupMemberships": [{"GroupId": "g1"}]}), next));
                }
                json!({"GroupMemberships": [{"GroupId": "g2"}]})
            }
            ("sso-admin", "ListAccountAssignmentsForPrincipal") => json!({"AccountAssignments": [
                {"AccountId": "111111111111", "PermissionSetArn": "arn:own", "PrincipalId": id("ana")},
                {"AccountId": "222222222222", "PermissionSetArn": "arn:group", "PrincipalId": "g1"},
            ]}),
            other => panic!("{other:?}"),
        };
        Ok((answer, None))
    }

    fn write(&self, _: &ReadPlace, (_, operation): Operation, input: &Value) -> SendAnswer {
        let id = input["UserId"].as_str().unwrap_or_default().to_owned();
        let mut people = self.people.lock().unwrap();
        let missing = OrganizationFault::NotThere {
            message: "USER not found.".to_owned(),
        };
        let (enabled, revision) = people.get_mut(&id).ok_or(missing)?;
        if self.raced.lock().unwrap().take_if(|it| *it == id).is_some() {
            *revision += 1;
        }
        if operation == "DeleteUser" {
            if input["Revision"].as_str() != Some(revision.to_string().as_str()) {
                return Err(OrganizationFault::Conflict {
                    message: "CONCURRENT_MODIFICATION".to_owned(),
                });
            }
            self.writes.lock().unwrap().push(format!("delete {id}"));
            people.remove(&id);
            return Ok(json!({}));
        }
        assert_eq!(input["Operations"][0]["AttributePath"], "userStatus");
        let wanted = input["Operations"][0]["AttributeValue"].as_str().unwrap();
        if self.status == StatusWrites::Refused {
            return Err(OrganizationFault::Refused {
                code: "ValidationException".to_owned(),
                message: "Attribute path userStatus is not valid.".to_owned(),
            });
        }
        if input["Revision"].as_str() != Some(revision.to_string().as_str()) {
            return Err(OrganizationFault::Conflict {
                message: "CONCURRENT_MODIFICATION".to_owned(),
            });
        }
        self.writes.lock().unwrap().push(format!("{wanted} {id}"));
        *revision += 1;
        if self.status == StatusWrites::Accepted {
            *enabled = wanted == "ENABLED";
        }
        Ok(json!({}))
    }
}

struct World {
    clock: Arc<Hourglass>,
    people: Arc<FakePeople>,
    plans: Arc<MemoryPlans>,
}

impl World {
    fn new(status: StatusWrites) -> Self {
        let people = ["ana", "ben", "cho"].map(|name| (id(name), (true, 1)));
        Self {
            clock: Arc::new(Hourglass::new(crate::bench::START.parse().unwrap())),
            people: Arc::new(FakePeople {
                people: Mutex::new(people.into()),
                writes: Mutex::default(),
                status,
                raced: Mutex::default(),
            }),
            plans: Arc::default(),
        }
    }

    fn runner(&self, holder: &str, gate: &Arc<Gate>) -> Runner {
        let calls = GatedCalls::through(&self.people, gate);
        runner(&self.plans, self.executor(calls), &self.clock, holder, gate)
    }

    fn executor(&self, calls: GatedCalls<FakePeople>) -> PeopleStepExecutor {
        PeopleStepExecutor::new(Arc::new(calls), Arc::clone(&self.clock) as Arc<_>)
    }

    async fn undoing(&self, report: &PlanReport) -> Undoing {
        let gate = Gate::new(None);
        let runner = self.runner("undoing", &gate);
        let (plan, folded) = runner.load(&report.plan).await.unwrap();
        let calls = GatedCalls::through(&self.people, &gate);
        undo(&plan, &folded, &self.executor(calls))
    }

    async fn apply(&self, draft: PlanDraft, holder: &str, gate: &Arc<Gate>) -> Option<PlanReport> {
        let runner = self.runner(holder, gate);
        carried(&runner, draft, true).await
    }
}

fn stale(names: &[&str]) -> Vec<StalePerson> {
    let person = |name: &&str| StalePerson {
        user_id: UserId::new(id(name)).unwrap(),
        user_name: (*name).to_owned(),
        because: StaleBecause::Inactive,
        days: 120,
        is_weak_match: false,
    };
    names.iter().map(person).collect()
}

fn disabling() -> PlanDraft {
    disable_plan(STORE, "o-abcdefghij", &stale(&["ana", "ben"]))
}

fn enabled(world: &World) -> Vec<String> {
    let all = world.people.status().into_iter();
    all.filter(|it| it.1).map(|it| it.0).collect()
}

#[tokio::test]
async fn people_are_disabled_and_taken_back() {
    let world = World::new(StatusWrites::Accepted);
    let gate = Gate::new(None);
    let report = world.apply(disabling(), "first", &gate).await.unwrap();
    assert_eq!((report.exit(), report.totals.changed), (Exit::Ok, 2));
    assert_eq!(enabled(&world), [id("cho")]);
    let undoing = world.undoing(&report).await;
    assert!(
        undoing.not_undoable.is_empty(),
        "{:?}",
        undoing.not_undoable
    );
    let back = world.apply(undoing.draft, "third", &gate).await.unwrap();
    assert_eq!(back.exit(), Exit::Ok);
    assert_eq!(enabled(&world), ["ana", "ben", "cho"].map(id));
}

#[tokio::test]
async fn a_second_time_nothing_is_sent() {
    let world = World::new(StatusWrites::Accepted);
    let gate = Gate::new(None);
    for holder in ["first", "second"] {
        let report = world.apply(disabling(), holder, &gate).await.unwrap();
        assert_eq!(report.exit(), Exit::Ok);
    }
    assert_eq!(world.people.writes().len(), 2);
}

#[tokio::test]
async fn h_16_only_what_is_read_back_is_believed() {
    for status in [StatusWrites::Refused, StatusWrites::Ignored] {
        let world = World::new(status);
        let report = world.apply(disabling(), "first", &Gate::new(None)).await;
        let report = report.unwrap();
        assert_ne!(report.exit(), Exit::Ok, "{status:?}");
        // both surely failed, so the next method may run
        assert_eq!(report.totals.failed, 2, "{status:?}: {report:?}");
        assert_eq!(enabled(&world).len(), 3, "{status:?}");
    }
}

#[tokio::test]
async fn who_is_gone_is_done_and_who_was_deleted_does_not_come_back() {
    let world = World::new(StatusWrites::Accepted);
    let gate = Gate::new(None);
    let draft = delete_plan(STORE, "o-abcdefghij", &stale(&["ana"]));
    let report = world.apply(draft, "first", &gate).await.unwrap();
    assert_eq!(report.exit(), Exit::Ok);
    assert_eq!(world.people.status().len(), 2);
    let undoing = world.undoing(&report).await;
    assert_eq!(undoing.not_undoable.len(), 1);
    let done = world.apply(disabling(), "third", &gate).await.unwrap();
    assert_eq!((done.exit(), done.totals.changed), (Exit::Ok, 1));
}

#[tokio::test]
async fn whom_somebody_changed_since_the_plan_looked_is_not_deleted() {
    let deleting = || delete_plan(STORE, "o-abcdefghij", &stale(&["ana", "ben"]));
    let world = World::new(StatusWrites::Accepted);
    *world.people.raced.lock().unwrap() = Some(id("ana"));
    let report = world.apply(deleting(), "first", &Gate::new(None)).await;
    let report = report.unwrap();
    assert_eq!(
        (report.totals.changed, report.totals.failed),
        (1, 1),
        "{report:?}"
    );
    let failed = report
        .targets
        .iter()
        .find(|it| it.target.key == "user ana")
        .unwrap();
    assert!(
        failed.reason.contains("`ana` was changed since the plan"),
        "{report:?}"
    );
    assert_eq!(world.people.writes(), [format!("delete {}", id("ben"))]);
    let world = World::new(StatusWrites::Accepted);
    let gate = Gate::new(None);
    let runner = world.runner("first", &gate);
    let plan = runner.preview(deleting()).await.unwrap().plan;
    runner.save(&plan).await.unwrap();
    world
        .people
        .people
        .lock()
        .unwrap()
        .get_mut(&id("ana"))
        .unwrap()
        .1 += 1;
    let report = runner
        .apply(&plan.id, &crate::bench::patient())
        .await
        .unwrap();
    assert_eq!(
        (report.totals.changed, report.totals.drifted),
        (1, 1),
        "{report:?}"
    );
    assert_eq!(world.people.writes(), [format!("delete {}", id("ben"))]);
}

#[tokio::test]
async fn own_access_is_read_page_by_page_and_what_groups_give_is_not_of_a_person() {
    let world = World::new(StatusWrites::Accepted);
    let ana = UserId::new(id("ana")).unwrap();
    let found = reach_of(
        &GatedCalls::calm(&world.people),
        "arn:instance",
        STORE,
        &ana,
    )
    .await;
    let found = found.unwrap();
    assert_eq!(found.groups, ["g1", "g2"]);
    assert_eq!(
        found.assignments,
        [("111111111111".to_owned(), "arn:own".to_owned())]
    );
}

async fn attempt(world: &World, holder: &str, gate: &Arc<Gate>) -> bool {
    let run = async {
        let report = world.apply(disabling(), holder, gate).await;
        report.is_some_and(|report| report.exit() == Exit::Ok)
    };
    tokio::select! {
        done = run => done,
        () = gate.stop() => false,
    }
}

#[tokio::test]
async fn stopped_anywhere_everybody_is_disabled_once() {
    let unbroken = World::new(StatusWrites::Accepted);
    let gate = Gate::new(None);
    assert!(attempt(&unbroken, "first", &gate).await);
    let sent = unbroken.people.writes();
    assert_eq!(
        sent,
        ["ana", "ben"].map(|name| format!("DISABLED {}", id(name)))
    );
    assert!(gate.calls() > 10, "{}", gate.calls());
    for (call, mode, by_command) in stops_in_turn(gate.calls()) {
        let case = format!("call {call}, {mode:?}, {by_command}");
        let world = World::new(StatusWrites::Accepted);
        let gate = Gate::new(Some((call, mode)));
        if !attempt(&world, "first", &gate).await {
            let second = || world.runner("second", &Gate::new(None));
            after_stop(&world.clock, &world.plans, (!by_command).then(second)).await;
        }
        let last = world.apply(disabling(), "third", &Gate::new(None)).await;
        assert_eq!(last.unwrap().exit(), Exit::Ok, "{case}");
        assert_eq!(world.people.writes(), sent, "{case}");
        assert_eq!(enabled(&world), [id("cho")], "{case}");
    }
}
