//! Lifecycle events end waits early, but are verified (`organization.md` V-8, N-6; rows 8 to 10 of
//! the table of its section 1).

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use hallpass_base::{Clock, TimeSpan, Timestamp};
use hallpass_org::StepNews as _;
use hallpass_org::enrolment::{EnrolmentBackend, EnrolmentRequest, RoleCreation};
use hallpass_org::lifecycle::{LifecycleEvent, LifecycleState, LifecycleSubject};
use hallpass_org::testing::MemoryNews;
use hallpass_plans::testing::{Gate, Hourglass, MemoryPlans};
use hallpass_plans::{Exit, PlanReport, PlanStore, Sleeper, StepEnd, fold};
use serde_json::{Value, json};

use super::tower::{ENROLLING, LAUNCHING, fixture};
use super::world::{World, wish};

/// Delivers an event at a given time.
struct Bus {
    clock: Arc<Hourglass>,
    plans: Arc<MemoryPlans>,
    news: Arc<MemoryNews>,
    event: Option<LifecycleEvent>,
    at: Timestamp,
    is_told: AtomicBool,
    found: AtomicUsize,
}

#[async_trait]
impl Sleeper for Bus {
    async fn sleep(&self, span: Duration) {
        self.clock.advance(span);
        let Some(event) = &self.event else { return };
        if self.clock.now() < self.at || self.is_told.swap(true, Ordering::SeqCst) {
            return;
        }
        for saved in self.plans.plans(9).await.unwrap() {
            let folded = fold(&self.plans.journal(&saved.plan.id).await.unwrap()).unwrap();
            let steps = event.waiting(&saved.plan, &folded);
            self.found.fetch_add(steps.len(), Ordering::SeqCst);
            for _ in 0..2 {
                self.news.tell(&steps, self.at).await.unwrap();
            }
        }
    }
}

struct Ran {
    report: PlanReport,
    seconds: u64,
    found: usize,
}

async fn enrol(
    world: &World,
    wish: &EnrolmentRequest,
    event: Option<Value>,
    after: TimeSpan,
) -> Ran {
    let began = world.clock.now();
    let bus = Arc::new(Bus {
        clock: Arc::clone(&world.clock),
        plans: Arc::clone(&world.plans),
        news: Arc::clone(&world.news),
        event: event.map(|it| LifecycleEvent::read(&it["detail"]).unwrap()),
        at: after.after(began),
        is_told: AtomicBool::new(false),
        found: AtomicUsize::new(0),
    });
    let runner = world.runner_that_waits("calm", &Gate::new(None), Arc::clone(&bus) as Arc<_>);
    let plan = runner.look(world.draft(wish).await).await.unwrap().plan;
    let report = runner
        .apply(&plan.id, &crate::bench::patient())
        .await
        .unwrap();
    Ran {
        report,
        seconds: TimeSpan::between(began, world.clock.now()).as_seconds(),
        found: bus.found.load(Ordering::SeqCst),
    }
}

fn by_factory() -> (World, EnrolmentRequest) {
    let world = World::unrecorded();
    let wish = EnrolmentRequest {
        via: Some(EnrolmentBackend::AccountFactory),
        create_role: RoleCreation::Account,
        ..wish(&["666666666666"], &[])
    };
    (world, wish)
}

fn event(name: &str, account: &Value) -> Value {
    let mut event = fixture(&format!("org-ct-{name}.json"));
    let status = &mut event["detail"]["serviceEventDetails"];
    let status = status.as_object_mut().unwrap().values_mut().next().unwrap();
    status["account"] = account.clone();
    event
}

fn over() -> TimeSpan {
    TimeSpan::seconds(LAUNCHING.as_seconds() + 60)
}

#[tokio::test]
async fn row_8_the_event_ends_the_wait_that_would_have_gone_on() {
    let (world, wish) = by_factory();
    let alone = enrol(&world, &wish, None, TimeSpan::ZERO).await;
    assert_eq!((alone.report.exit(), alone.found), (Exit::Ok, 0));
    for (name, account) in [
        ("update-succeeded", json!({ "accountName": "legacy-erp" })),
        (
            "create-succeeded",
            json!({ "accountName": "legacy-erp", "accountId": "666666666666" }),
        ),
        (
            "update-succeeded",
            json!({ "accountName": "renamed", "accountId": "666666666666" }),
        ),
    ] {
        let (world, wish) = by_factory();
        // right after completion, long before the next poll
        let at = TimeSpan::seconds(LAUNCHING.as_seconds() + 5);
        let ran = enrol(&world, &wish, Some(event(name, &account)), at).await;
        assert_eq!((ran.report.exit(), ran.found), (Exit::Ok, 1), "{account}");
        assert!(
            ran.seconds < at.as_seconds() + 30,
            "{account}: {}",
            ran.seconds
        );
        assert!(
            ran.seconds < alone.seconds,
            "{} {}",
            ran.seconds,
            alone.seconds
        );
    }
}

#[tokio::test]
async fn an_event_that_is_wrong_is_not_believed() {
    let (world, wish) = by_factory();
    let early = event("create-succeeded", &json!({ "accountName": "legacy-erp" }));
    let ran = enrol(&world, &wish, Some(early), TimeSpan::seconds(300)).await;
    assert_eq!((ran.report.exit(), ran.found), (Exit::Ok, 1));
    assert!(ran.seconds >= LAUNCHING.as_seconds(), "{}", ran.seconds);
    // a failure event after a success has no effect
    let (world, wish) = by_factory();
    let failed = event("create-failed", &json!({ "accountName": "legacy-erp" }));
    let ran = enrol(&world, &wish, Some(failed), over()).await;
    assert_eq!((ran.report.exit(), ran.found), (Exit::Ok, 1));
}

#[tokio::test]
async fn row_9_a_failure_without_an_account_keeps_the_message_of_the_factory() {
    let (world, wish) = by_factory();
    world.with(|it| it.unlucky.insert("666666666666".to_owned()));
    let failed = event("create-failed", &json!({ "accountName": "legacy-erp" }));
    let ran = enrol(&world, &wish, Some(failed), over()).await;
    let steps = ran.report.targets.iter().flat_map(|it| &it.steps);
    let reasons: Vec<_> = steps
        .filter(|it| it.outcome == StepEnd::Failed)
        .map(|it| it.reason.clone())
        .collect();
    assert_eq!((reasons.len(), ran.found), (1, 1), "{reasons:?}");
    assert!(reasons[0].contains("sample reason"), "{reasons:?}");
}

#[tokio::test]
async fn row_10_a_second_delivery_and_an_unknown_account_change_nothing() {
    let (world, wish) = by_factory();
    let unknown = fixture("org-ct-unknown-account.json");
    let ran = enrol(&world, &wish, Some(unknown), TimeSpan::seconds(100)).await;
    assert_eq!((ran.report.exit(), ran.found), (Exit::Ok, 0));
    let (plan, folded) = world
        .runner("late", &Gate::new(None))
        .load(&ran.report.plan)
        .await
        .unwrap();
    let late = event("create-succeeded", &json!({ "accountName": "legacy-erp" }));
    let late = LifecycleEvent::read(&late["detail"]).unwrap();
    assert_eq!(late.waiting(&plan, &folded), []);
    assert_eq!(
        world
            .writes()
            .iter()
            .filter(|it| it.starts_with("ProvisionProduct"))
            .count(),
        1
    );
}

fn baseline(name: &str, member: &str, target: &str, status: &str) -> Value {
    let target = format!("arn:aws:organizations::111111111111:x/o-ab12cd34ef/{target}");
    json!({ "detail": { "eventName": name, "serviceEventDetails": { member: { "enabledBaselineDetails": {
        "targetIdentifier": target, "statusSummary": { "status": status } } } } } })
}

#[tokio::test]
async fn a_move_that_enrols_ends_with_the_event_of_the_account_or_of_its_unit() {
    let wish = wish(&["777777777777"], &[]);
    let alone = enrol(&World::new(), &wish, None, TimeSpan::ZERO).await;
    let unit = json!({ "detail": { "eventName": "RegisterOrganizationalUnit", "serviceEventDetails": {
        "registerOrganizationalUnitStatus": { "state": "SUCCEEDED", "organizationalUnit": {
            "organizationalUnitId": "ou-ab12-sandbox02" } } } } });
    for event in [
        baseline(
            "EnableBaseline",
            "enableBaselineStatus",
            "777777777777",
            "SUCCEEDED",
        ),
        baseline(
            "ResetEnabledBaseline",
            "resetEnabledBaselineStatus",
            "ou-ab12-sandbox02",
            "SUCCEEDED",
        ),
        unit,
    ] {
        let at = TimeSpan::seconds(ENROLLING.as_seconds() + 3);
        let ran = enrol(&World::new(), &wish, Some(event.clone()), at).await;
        assert_eq!((ran.report.exit(), ran.found), (Exit::Ok, 1), "{event}");
        assert!(
            ran.seconds < at.as_seconds() + 15 && ran.seconds < alone.seconds,
            "{event}: {} {}",
            ran.seconds,
            alone.seconds
        );
    }
}

#[test]
fn what_ends_nothing_is_not_read() {
    let whole = fixture("org-ct-create-failed.json")["detail"].clone();
    let read = LifecycleEvent::read(&whole).unwrap();
    assert_eq!(read.state, LifecycleState::Failed);
    assert_eq!(
        read.message,
        "AWS Control Tower failed to create the account: sample reason."
    );
    let subject = LifecycleSubject::Account {
        name: Some("Test-account-2".to_owned()),
        id: None,
    };
    assert_eq!(read.subject, subject);
    for (pointer, text) in [
        ("/eventName", "DeregisterOrganizationalUnit"),
        ("/eventName", "UpdateManagedAccount"),
        (
            "/serviceEventDetails/createManagedAccountStatus/state",
            "RUNNING",
        ),
    ] {
        let mut other = whole.clone();
        *other.pointer_mut(pointer).unwrap() = json!(text);
        assert_eq!(LifecycleEvent::read(&other), None, "{pointer}");
    }
    let under_way = baseline(
        "EnableBaseline",
        "enableBaselineStatus",
        "777777777777",
        "UNDER_CHANGE",
    );
    assert_eq!(LifecycleEvent::read(&under_way["detail"]), None);
    assert_eq!(LifecycleEvent::read(&json!(null)), None);
}
