//! Applies plans to an in-memory Identity Center: `inventory.md` A-5, A-7 to A-9, A-14.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use hallpass_access_files::{
    AccessDiff, AccessStepExecutor, GivenAccess, LiveGrants, PermissionSetAdmin, SavedDiff,
    SeenAccess, SetAction, WantedAccess, compare, plan, read_access,
};
use hallpass_base::TimeSpan;
use hallpass_plans::testing::{Gate, Gated, Hourglass, MemoryPlans, PortMode, ports};
use hallpass_plans::{
    Applying, Exit, PlanId, PlanReport, Runner, RunnerIdentity, StepExecutor, undo,
};

use crate::comparing::WALK;
use crate::world::{
    DEV, FRANK, FakeCenter, TEST, arn_of, assignment, directory, name, user, wanted,
};

pub(crate) struct Stand {
    pub(crate) center: Arc<FakeCenter>,
    pub(crate) store: Arc<MemoryPlans>,
    pub(crate) clock: Arc<Hourglass>,
}

impl Stand {
    pub(crate) fn new(seen: SeenAccess) -> Self {
        Self {
            center: FakeCenter::of(seen),
            store: Arc::default(),
            clock: Arc::new(Hourglass::new("2026-03-02T10:05:00Z".parse().unwrap())),
        }
    }

    pub(crate) fn executor(&self) -> AccessStepExecutor {
        let center = Arc::clone(&self.center) as Arc<dyn PermissionSetAdmin>;
        let grants = Arc::clone(&self.center) as Arc<dyn LiveGrants>;
        let given = Arc::clone(&self.center) as Arc<dyn GivenAccess>;
        AccessStepExecutor::new(center, grants, given)
    }

    fn runner(&self, gate: &Arc<Gate>) -> Runner {
        self.runner_with(Arc::new(self.executor()), gate)
    }

    pub(crate) fn runner_with<E: StepExecutor + 'static>(
        &self,
        executor: Arc<E>,
        gate: &Arc<Gate>,
    ) -> Runner {
        Runner::new(
            ports(
                Arc::new(Gated(Arc::clone(&self.store), Arc::clone(gate))),
                Arc::new(Gated(executor, Arc::clone(gate))),
                &self.clock,
            ),
            RunnerIdentity {
                holder: "one".into(),
                actor: "ana@example.test".into(),
            },
        )
    }

    pub(crate) async fn seen(&self) -> SeenAccess {
        let center = self.center.as_ref();
        read_access(center, center, |_| true).await.unwrap()
    }

    pub(crate) async fn compared(&self, wanted: &WantedAccess) -> (AccessDiff, SeenAccess) {
        let seen = self.seen().await;
        (compare(wanted, &seen), seen)
    }

    async fn saved(&self, wanted: &WantedAccess, revoke_first: bool) -> PlanId {
        let (diff, seen) = self.compared(wanted).await;
        let saved = SavedDiff {
            seen: seen.of_sets(&diff.sets()),
            diff,
            refusals: Vec::new(),
        };
        let mut draft = plan(&saved, "o-ab12cd34ef", &directory(), revoke_first);
        draft.limits_mut().changes_max = 1_000;
        let looked = self.runner(&Gate::new(None)).look(draft).await.unwrap();
        assert_eq!(looked.plan.blocked(), [""; 0]);
        let back: SavedDiff = serde_json::from_value(looked.plan.facts.clone()).unwrap();
        assert_eq!(back, saved, "the saved plan is read again");
        looked.plan.id
    }

    pub(crate) async fn apply(&self, wanted: &WantedAccess, revoke_first: bool) -> PlanReport {
        let id = self.saved(wanted, revoke_first).await;
        let runner = self.runner(&Gate::new(None));
        runner.apply(&id, &Applying::default()).await.unwrap()
    }
}

fn place(writes: &[String], write: &str) -> usize {
    let at = writes.iter().position(|it| it == write);
    at.unwrap_or_else(|| panic!("no `{write}` in {writes:?}"))
}

/// `inventory.md` A-7
#[tokio::test]
async fn steps_say_how_many_run_beside_them_and_how_long_they_may_take() {
    let stand = Stand::new(SeenAccess::default());
    let (diff, seen) = stand.compared(&wanted(WALK)).await;
    let saved = SavedDiff {
        seen: seen.of_sets(&diff.sets()),
        diff,
        refusals: Vec::new(),
    };
    let draft = plan(&saved, "o-ab12cd34ef", &directory(), false);
    let looked = stand.runner(&Gate::new(None)).look(draft).await.unwrap();
    let steps = &looked.plan.steps;
    assert!(steps.len() > 6, "{steps:#?}");
    for step in steps {
        let lane = &step.lane;
        assert_eq!(
            (lane.name.as_str(), lane.width, step.timeout),
            ("sso-admin-write", 10, TimeSpan::minutes(15))
        );
        let apart = lane.apart.as_deref().unwrap_or_default();
        let is_assignment = step.kind.ends_with("assign");
        assert_eq!(apart.contains('|'), is_assignment, "{step:#?}");
    }
}

#[tokio::test]
async fn the_walk_through_is_applied_once_and_then_changes_nothing() {
    let stand = Stand::new(SeenAccess::default());
    let files = wanted(WALK);
    let report = stand.apply(&files, false).await;
    assert_eq!(
        (report.state.name(), report.exit()),
        ("done", Exit::Ok),
        "{report:#?}"
    );
    let writes = stand.center.writes();
    assert_eq!(writes.len(), 10, "{writes:?}");
    let (diff, _) = stand.compared(&files).await;
    assert_eq!(diff, AccessDiff::default());
    let alice = WALK
        .lines()
        .filter(|line| !line.contains("alice"))
        .collect::<Vec<_>>()
        .join("\n");
    let (diff, _) = stand.compared(&wanted(&alice)).await;
    assert_eq!((diff.totals().delete, diff.changes.len()), (1, 1));
}

const BEFORE: &str = r"
version: 1
settings: {manage: all}
permission_sets:
  Old: {managed_policies: [SecurityAudit]}
  Edited: {managed_policies: [ReadOnlyAccess, SecurityAudit]}
assignments:
  - {permission_sets: [Old, Edited], users: [frank@example.test], accounts: [ExampleOrgDev, ExampleOrgTest]}
";
const AFTER: &str = r"
version: 1
settings: {manage: all}
permission_sets:
  New: {managed_policies: [SecurityAudit]}
  Edited: {managed_policies: [SecurityAudit, Billing]}
assignments:
  - {permission_sets: [New, Edited], users: [frank@example.test], accounts: [ExampleOrgDev, ExampleOrgTest]}
";

#[tokio::test]
async fn access_is_given_before_it_is_taken_and_sets_are_provisioned_once() {
    let stand = Stand::new(SeenAccess::default());
    stand.apply(&wanted(BEFORE), false).await;
    let before = stand.center.writes().len();
    let report = stand.apply(&wanted(AFTER), false).await;
    assert_eq!(report.exit(), Exit::Ok, "{report:#?}");
    let writes = stand.center.writes().split_off(before);
    let last_assign = writes.iter().rposition(|it| it == "assign New").unwrap();
    let order = [
        place(&writes, "create New"),
        place(&writes, "attach_managed New"),
        last_assign,
        place(&writes, "detach_managed Edited"),
        place(&writes, "provision Edited"),
        place(&writes, "unassign Old"),
        place(&writes, "delete Old"),
    ];
    assert!(order.is_sorted(), "{writes:?}");
    assert!(place(&writes, "attach_managed Edited") < place(&writes, "provision Edited"));
    assert_eq!(
        writes.iter().filter(|it| *it == "provision Edited").count(),
        1
    );
}

/// A provisioning begun before the edit deploys the old content: await it, then provision again.
#[tokio::test]
async fn a_provisioning_of_somebody_else_is_not_taken_for_ours() {
    let stand = Stand::new(SeenAccess::default());
    stand.apply(&wanted(BEFORE), false).await;
    let before = stand.center.writes().len();
    stand.center.0.lock().unwrap().busy = 3;
    let report = stand.apply(&wanted(AFTER), false).await;
    assert_eq!(report.exit(), Exit::Ok, "{report:#?}");
    let writes = stand.center.writes().split_off(before);
    assert!(place(&writes, "detach_managed Edited") < place(&writes, "provision Edited"));
    assert_eq!(stand.center.0.lock().unwrap().busy, 0);
    assert!(stand.center.set("Edited").unwrap().outdated.is_empty());
}

#[tokio::test]
async fn or_the_other_way_where_that_is_asked_for() {
    let stand = Stand::new(SeenAccess::default());
    stand.apply(&wanted(BEFORE), true).await;
    let before = stand.center.writes().len();
    let report = stand.apply(&wanted(AFTER), true).await;
    assert_eq!(report.exit(), Exit::Ok, "{report:#?}");
    let writes = stand.center.writes().split_off(before);
    let last_unassign = writes.iter().rposition(|it| it == "unassign Old").unwrap();
    assert!(last_unassign < place(&writes, "assign New"), "{writes:?}");
    assert!(place(&writes, "detach_managed Edited") < place(&writes, "attach_managed Edited"));
}

#[tokio::test]
async fn a_plan_is_taken_back() {
    let stand = Stand::new(SeenAccess::default());
    stand.apply(&wanted(BEFORE), false).await;
    let (before, files) = (
        stand.seen().await,
        wanted(&BEFORE.replace("SecurityAudit]}", "Billing], tags: {a: b}}")),
    );
    let id = stand.saved(&files, false).await;
    let runner = stand.runner(&Gate::new(None));
    runner.apply(&id, &Applying::default()).await.unwrap();
    assert_ne!(stand.seen().await, before);
    let (plan, folded) = runner.load(&id).await.unwrap();
    let undoing = undo(&plan, &folded, &stand.executor());
    let left: BTreeSet<&str> = undoing
        .not_undoable
        .iter()
        .map(|(at, _)| at.as_str())
        .collect();
    let provisioned = BTreeSet::from(["/global/Edited", "/global/Old"]);
    assert_eq!(left, provisioned, "the earlier file does that");
    let back = runner.look(undoing.draft).await.unwrap();
    let report = runner
        .apply(&back.plan.id, &Applying::default())
        .await
        .unwrap();
    assert_eq!(report.exit(), Exit::Ok, "{report:#?}");
    let names = |seen: SeenAccess| {
        seen.sets
            .into_iter()
            .map(|(name, set)| (name, set.content))
            .collect::<Vec<_>>()
    };
    assert_eq!(names(stand.seen().await), names(before));
}

#[tokio::test]
async fn a_set_that_somebody_worked_on_since_stays_when_the_plan_that_made_it_is_taken_back() {
    let stand = Stand::new(SeenAccess::default());
    let id = stand.saved(&wanted(BEFORE), false).await;
    let runner = stand.runner(&Gate::new(None));
    runner.apply(&id, &Applying::default()).await.unwrap();
    let theirs = SetAction::AttachManaged {
        arn: "arn:aws:iam::aws:policy/Theirs".to_owned(),
    };
    let old = arn_of(&name("Old"));
    stand.center.change_set(&old, &theirs).await.unwrap();
    let (plan, folded) = runner.load(&id).await.unwrap();
    let draft = undo(&plan, &folded, &stand.executor()).draft;
    let back = runner.look(draft).await.unwrap();
    let report = runner.apply(&back.plan.id, &Applying::default()).await;
    let report = report.unwrap();
    assert_eq!(report.exit(), Exit::Failed, "{report:#?}");
    let set = stand.center.set("Old").unwrap();
    assert!(
        set.content
            .managed_policies
            .iter()
            .any(|it| it.ends_with("/Theirs"))
    );
    assert!(stand.center.set("Edited").is_none(), "no step ran for it");
}

#[tokio::test]
async fn stopped_before_or_after_any_call_a_plan_is_finished_by_resuming() {
    let files = wanted(WALK);
    let count = {
        let stand = Stand::new(SeenAccess::default());
        let id = stand.saved(&files, false).await;
        let gate = Gate::new(None);
        stand
            .runner(&gate)
            .apply(&id, &Applying::default())
            .await
            .unwrap();
        gate.calls()
    };
    assert!(count > 50, "{count}");
    for call in 1..=count {
        for mode in PortMode::ALL {
            let stand = Stand::new(SeenAccess::default());
            let id = stand.saved(&files, false).await;
            let gate = Gate::new(Some((call, mode)));
            let runner = stand.runner(&gate);
            let applying = Applying::default();
            tokio::select! {
                _ = runner.apply(&id, &applying) => {}
                () = gate.stop() => {}
            }
            stand.clock.advance(Duration::from_mins(2));
            let patient = Applying {
                patience: Duration::from_mins(2),
                ..Applying::default()
            };
            let report = stand.runner(&Gate::new(None)).resume(&id, &patient).await;
            let report = report.unwrap_or_else(|error| panic!("{call} {mode:?}: {error}"));
            assert_eq!(report.exit(), Exit::Ok, "{call} {mode:?}: {report:#?}");
            // The fake panics if an assignment is created twice.
            let writes = stand.center.writes();
            assert_eq!(
                writes.iter().filter(|it| it.starts_with("create ")).count(),
                3,
                "{writes:?}"
            );
            let (diff, _) = stand.compared(&files).await;
            assert_eq!(diff, AccessDiff::default(), "{call} {mode:?}");
        }
    }
}

#[tokio::test]
async fn a_grant_that_began_after_the_plan_is_left_alone() {
    let stand = Stand::new(SeenAccess::default());
    stand.apply(&wanted(WALK), false).await;
    let without = WALK
        .lines()
        .filter(|line| !line.contains("[Audit], users"))
        .collect::<Vec<_>>();
    let id = stand.saved(&wanted(&without.join("\n")), false).await;
    let it = assignment("Audit", DEV, user(FRANK));
    stand.center.0.lock().unwrap().temporary.insert(it.clone());
    let runner = stand.runner(&Gate::new(None));
    let report = runner.apply(&id, &Applying::default()).await.unwrap();
    assert_eq!((report.totals.blocked, report.exit()), (1, Exit::Failed));
    assert!(stand.center.0.lock().unwrap().assignments.contains(&it));
    assert!(
        stand
            .center
            .set("PowerUser")
            .unwrap()
            .accounts
            .contains(TEST)
    );
}
