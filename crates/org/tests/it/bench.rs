use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use hallpass_base::{Clock, TimeSpan, Timestamp};
use hallpass_enforcement::testing::{FakeOrganization, GatedOrg, MemoryOrg, UNIT};
use hallpass_enforcement::{NewPolicy, OrgStore, Organization};
use hallpass_iam::generate::sessions::{RevocationEntry, Revocations};
use hallpass_org::OrgStepExecutor;
use hallpass_org::outage::{ApplyDrill, BreakGlass, DrillFile};
use hallpass_org::sessions::{ApplyRevocation, Ends, POLICY_NAME};
use hallpass_plans::testing::{Gate, Gated, Hourglass, MemoryPlans, PortMode, ports};
use hallpass_plans::{
    Applying, Exit, PlanDraft, PlanReport, PlanStore as _, RunError, Runner, RunnerIdentity,
};

pub(crate) const START: &str = "2026-03-02T10:05:00Z";

pub(crate) struct Bench {
    pub(crate) clock: Arc<Hourglass>,
    pub(crate) organization: Arc<FakeOrganization>,
    pub(crate) kept: Arc<MemoryOrg>,
    pub(crate) plans: Arc<MemoryPlans>,
}

pub(crate) struct Process {
    pub(crate) organization: Arc<dyn Organization>,
    pub(crate) kept: Arc<dyn OrgStore>,
    pub(crate) runner: Runner,
}

impl Bench {
    pub(crate) fn new() -> Self {
        let clock = Arc::new(Hourglass::new(START.parse().unwrap()));
        Self {
            organization: Arc::new(FakeOrganization::new(Arc::clone(&clock) as Arc<_>)),
            clock,
            kept: Arc::default(),
            plans: Arc::default(),
        }
    }

    pub(crate) fn process(&self, holder: &str, gate: &Arc<Gate>) -> Process {
        let organization: Arc<dyn Organization> =
            Arc::new(GatedOrg(Arc::clone(&self.organization), Arc::clone(gate)));
        let kept: Arc<dyn OrgStore> = Arc::new(GatedOrg(Arc::clone(&self.kept), Arc::clone(gate)));
        let hand = OrgStepExecutor {
            organization: Arc::clone(&organization),
            store: Arc::clone(&kept),
            clock: Arc::clone(&self.clock) as Arc<_>,
        };
        let runner = Runner::new(
            ports(
                Arc::new(Gated(Arc::clone(&self.plans), Arc::clone(gate))),
                Arc::new(hand),
                &self.clock,
            ),
            RunnerIdentity {
                holder: holder.into(),
                actor: "arn:aws:iam::111122223333:user/admin".into(),
            },
        );
        Process {
            organization,
            kept,
            runner,
        }
    }

    pub(crate) async fn take_places(&self, target: &str, count: u32) {
        for n in 0..count {
            let policy = NewPolicy {
                name: format!("other {n}"),
                description: String::new(),
                content: "{}".into(),
                tags: BTreeMap::new(),
            };
            let id = self.organization.create_policy(&policy).await.unwrap();
            self.organization.attach(&id, target).await.unwrap();
        }
    }

    pub(crate) fn calm(&self) -> Process {
        self.process("calm", &Gate::new(None))
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    pub(crate) fn wait(&self, span: TimeSpan) {
        self.clock.advance(Duration::from_secs(span.as_seconds()));
    }
}

impl Process {
    pub(crate) async fn apply(&self, draft: PlanDraft) -> Result<PlanReport, RunError> {
        let looked = self.runner.look(draft).await?;
        self.runner.apply(&looked.plan.id, &patient()).await
    }
}

pub(crate) async fn ended_well(ran: impl Future<Output = Option<PlanReport>>, gate: &Gate) -> bool {
    tokio::select! {
        report = ran => report.is_some_and(|report| report.exit() == Exit::Ok),
        () = gate.stop() => false,
    }
}

pub(crate) async fn resume_newest(plans: &MemoryPlans, runner: &Runner) {
    if let Some(saved) = plans.plans(1).await.unwrap().first() {
        runner.resume(&saved.plan.id, &patient()).await.unwrap();
    }
}

/// Every call to stop at, in every mode, with a repeated command or a resumed plan.
pub(crate) fn stops_in_turn(calls: u64) -> impl Iterator<Item = (u64, PortMode, bool)> {
    (1..=calls).flat_map(|call| {
        let modes = (0..).zip(PortMode::ALL);
        modes.map(move |(n, mode)| (call, mode, (call + n) % 2 == 0))
    })
}

pub(crate) async fn after_stop(clock: &Hourglass, plans: &MemoryPlans, second: Option<Runner>) {
    outwait(clock);
    if let Some(runner) = second {
        resume_newest(plans, &runner).await;
    }
}

/// Waits a minute until the lanes of a stopped process expire.
pub(crate) fn outwait(clock: &Hourglass) {
    clock.advance(Duration::from_secs(61));
}

pub(crate) fn patient() -> Applying {
    Applying {
        patience: Duration::from_mins(2),
        ..Applying::default()
    }
}

pub(crate) const POLICY: &str = r#"{"Version":"2012-10-17","Statement":[{"Sid":"SimOutage","Effect":"Deny","Action":["iam:*","route53:*"],"Resource":"*","Condition":{"StringEquals":{"aws:RequestedRegion":["us-east-1"]},"DateGreaterThanEquals":{"aws:CurrentTime":"2026-03-02T10:00:00Z"},"DateLessThan":{"aws:CurrentTime":"2026-03-02T12:00:00Z"},"ArnNotLike":{"aws:PrincipalArn":["arn:aws:iam::*:role/break-glass"]}}}]}"#;

pub(crate) fn drill(target: &str) -> ApplyDrill {
    ApplyDrill {
        file: DrillFile::read(POLICY).unwrap(),
        target: target.into(),
        prod: Vec::new(),
        break_glass: BreakGlass::Needed,
    }
}

pub(crate) fn name(value: &str) -> RevocationEntry {
    RevocationEntry::Name {
        value: value.into(),
    }
}

pub(crate) fn cut_off(entries: &[RevocationEntry]) -> ApplyRevocation {
    let mut wanted = Revocations::new();
    for entry in entries {
        wanted.add(entry.clone());
    }
    ApplyRevocation {
        wanted,
        name: POLICY_NAME.into(),
        targets: vec![UNIT.into()],
        ends: Ends::After {
            session: TimeSpan::hours(12),
            portal: TimeSpan::ZERO,
        },
    }
}

pub(crate) fn outcomes(report: &PlanReport) -> Vec<String> {
    let rows = report.targets.iter();
    rows.map(|row| format!("{}: {}", row.target.key, row.outcome))
        .collect()
}
