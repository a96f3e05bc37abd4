//! Revokes all access of a user in one plan (`inventory.md` H-17). Stopped anywhere, it runs
//! exactly once and affects no other user.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use hallpass_access_files::{
    AccessStepExecutor, GroupMember, LiveGrants, MembershipStepExecutor, ReviewedAccess,
    SeenAccess, is_membership_step, removal_plan,
};
use hallpass_assignments::IdentityCenter;
use hallpass_base::{GroupId, UserId};
use hallpass_plans::testing::{Gate, PortMode};
use hallpass_plans::{
    Applying, Exit, PlanDraft, PlanStep, PlanStore as _, StepError, StepExecutor, StepProbe, Undo,
    Verify, WriteAnswer,
};
use serde_json::{Value, json};

use crate::applying::Stand;
use crate::comparing::WALK;
use crate::memberships::Groups;
use crate::world::{ALICE, DEV, FRANK, SECOPS, assignment, directory, user, wanted};

/// Executes assignments and memberships, as the program combines them.
struct Hands {
    access: AccessStepExecutor,
    memberships: MembershipStepExecutor,
}

impl Hands {
    fn of(&self, step: &PlanStep) -> &dyn StepExecutor {
        if is_membership_step(&step.kind) {
            &self.memberships
        } else {
            &self.access
        }
    }
}

#[async_trait]
impl StepExecutor for Hands {
    async fn probe(&self, step: &PlanStep) -> Result<StepProbe, StepError> {
        self.of(step).probe(step).await
    }

    async fn act(&self, step: &PlanStep, seen: &StepProbe) -> WriteAnswer {
        self.of(step).act(step, seen).await
    }

    async fn verify(&self, step: &PlanStep, remote: &str) -> Verify {
        self.of(step).verify(step, remote).await
    }

    fn undo(&self, step: &PlanStep, old: &Value, new: &Value) -> Undo {
        self.of(step).undo(step, old, new)
    }
}

fn member(id: &str) -> GroupMember {
    GroupMember {
        group: GroupId::new(SECOPS).unwrap(),
        user: UserId::new(id).unwrap(),
    }
}

/// A user with a direct assignment, in a group with Alice.
struct Frank {
    stand: Stand,
    groups: Arc<Groups>,
}

impl Frank {
    async fn new() -> Self {
        let stand = Stand::new(SeenAccess::default());
        stand.apply(&wanted(WALK), false).await;
        let groups = Arc::new(Groups::default());
        let members = [member(FRANK), member(ALICE)];
        groups.0.lock().unwrap().0.extend(members);
        Self { stand, groups }
    }

    fn hands(&self) -> Arc<Hands> {
        let groups = Arc::clone(&self.groups);
        Arc::new(Hands {
            access: self.stand.executor(),
            memberships: MembershipStepExecutor::new(
                Arc::clone(&groups) as Arc<dyn IdentityCenter>,
                groups as Arc<dyn LiveGrants>,
            ),
        })
    }

    fn draft() -> PlanDraft {
        let removals = [
            ReviewedAccess::Assignment(assignment("Audit", DEV, user(FRANK))),
            ReviewedAccess::Membership(member(FRANK)),
        ];
        removal_plan("pci.cut", &removals, "o-1", &directory(), json!({}))
    }

    fn writes(&self) -> (usize, usize) {
        let assignments = self.stand.center.writes();
        let deleted = assignments.iter().filter(|it| it.starts_with("unassign "));
        (deleted.count(), self.groups.0.lock().unwrap().2)
    }

    fn is_cut(&self) -> bool {
        let center = self.stand.center.0.lock().unwrap();
        let own = assignment("Audit", DEV, user(FRANK));
        let members = &self.groups.0.lock().unwrap().0;
        !center.assignments.contains(&own)
            && !center.assignments.is_empty()
            && members.iter().eq([&member(ALICE)])
    }

    /// Applies the plan; `false` if it was stopped or failed.
    async fn attempt(&self, gate: &Arc<Gate>) -> bool {
        let runner = self.stand.runner_with(self.hands(), gate);
        let patient = Applying {
            patience: Duration::from_mins(2),
            ..Applying::default()
        };
        let run = async {
            let plan = runner.look(Self::draft()).await.ok()?.plan;
            let report = runner.apply(&plan.id, &patient).await.ok()?;
            Some(report.exit() == Exit::Ok)
        };
        tokio::select! {
            done = run => done == Some(true),
            () = gate.stop() => false,
        }
    }
}

#[tokio::test]
async fn stopped_anywhere_access_is_cut_once_and_of_nobody_else() {
    let unbroken = Frank::new().await;
    let gate = Gate::new(None);
    assert!(!unbroken.is_cut());
    assert!(unbroken.attempt(&gate).await);
    assert!(unbroken.is_cut());
    assert_eq!(unbroken.writes(), (1, 1));
    assert!(gate.calls() > 10, "{}", gate.calls());
    for call in 1..=gate.calls() {
        for mode in PortMode::ALL {
            let case = format!("call {call}, {mode:?}");
            let frank = Frank::new().await;
            if !frank.attempt(&Gate::new(Some((call, mode)))).await {
                // A stopped runner keeps its lanes for a minute.
                frank.stand.clock.advance(Duration::from_mins(2));
                let saved = frank.stand.store.plans(1).await.unwrap();
                let is_ours = |kind: &str| kind == "pci.cut";
                if let Some(saved) = saved.first().filter(|it| is_ours(&it.plan.kind)) {
                    let runner = frank.stand.runner_with(frank.hands(), &Gate::new(None));
                    let resumed = runner.resume(&saved.plan.id, &Applying::default()).await;
                    resumed.unwrap_or_else(|error| panic!("{case}: {error}"));
                }
            }
            assert!(frank.attempt(&Gate::new(None)).await, "{case}");
            assert!(frank.is_cut(), "{case}");
            assert_eq!(frank.writes(), (1, 1), "{case}");
        }
    }
}
