use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

use hallpass_base::{AccountId, Clock};
use hallpass_org::enrolment::{
    EnrolmentCalls, EnrolmentCheck, EnrolmentFacts, EnrolmentPlan, EnrolmentRequest,
    EnrolmentStepExecutor, FactoryUser, RoleCreation, SelectedAccounts, TRUSTED_ROLES, checks,
    choose_for, draft, draft_config, gather, select,
};
use hallpass_org::testing::MemoryNews;
use hallpass_org::{ServiceCalls, StepNews};
use hallpass_plans::testing::{Gate, Gated, Hourglass, MemoryPlans, ports};
use hallpass_plans::{
    PlanDraft, PlanId, PlanReport, Runner, RunnerIdentity, RunnerPorts, Sleeper, Undoing, undo,
};

use super::tower::{FakeTower, Inside, State};
use crate::gated::{GatedCalls, carried, runner};

pub(super) struct World {
    pub(super) clock: Arc<Hourglass>,
    pub(super) aws: Arc<FakeTower>,
    pub(super) plans: Arc<MemoryPlans>,
    pub(super) news: Arc<MemoryNews>,
}

pub(super) struct Found {
    pub(super) facts: EnrolmentFacts,
    pub(super) selected: SelectedAccounts,
    pub(super) checks: Vec<EnrolmentCheck>,
    pub(super) enrolment: EnrolmentPlan,
    pub(super) reason: String,
}

pub(super) fn wish(accounts: &[&str], units: &[&str]) -> EnrolmentRequest {
    EnrolmentRequest {
        units: units.iter().map(|it| (*it).to_owned()).collect(),
        recursive: false,
        accounts: accounts
            .iter()
            .map(|it| AccountId::new(*it).unwrap())
            .collect(),
        emails: Vec::new(),
        to: "Test-OU-2".to_owned(),
        via: None,
        create_role: RoleCreation::None,
        allow_config: BTreeSet::new(),
        all_or_nothing: false,
        user: FactoryUser::default(),
    }
}

impl World {
    pub(super) fn unrecorded() -> Self {
        let world = Self::new();
        world.with(|it| {
            it.recorders.clear();
            it.channels.clear();
        });
        world
    }

    pub(super) fn new() -> Self {
        let clock = Arc::new(Hourglass::new(crate::bench::START.parse().unwrap()));
        let state = Mutex::new(State::of_fixtures(clock.now()));
        Self {
            aws: Arc::new(FakeTower {
                clock: Arc::clone(&clock),
                state,
            }),
            clock,
            plans: Arc::default(),
            news: Arc::default(),
        }
    }

    pub(super) fn with<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        change(&mut self.aws.state.lock().unwrap())
    }

    pub(super) fn writes(&self) -> Vec<String> {
        let mut all = self.with(|it| it.writes.clone());
        all.sort();
        all
    }

    fn calls(&self, gate: &Arc<Gate>) -> EnrolmentCalls {
        let by = |role| -> Arc<dyn ServiceCalls> {
            let inside = Inside(Arc::clone(&self.aws), role);
            Arc::new(GatedCalls(Arc::new(inside), Arc::clone(gate)))
        };
        EnrolmentCalls {
            home: by(None),
            trusted: TRUSTED_ROLES
                .iter()
                .map(|role| (*role, by(Some(*role))))
                .collect(),
        }
    }

    fn executor(&self, gate: &Arc<Gate>) -> EnrolmentStepExecutor {
        let clock: Arc<dyn Clock> = Arc::clone(&self.clock) as Arc<_>;
        let news: Arc<dyn StepNews> = Arc::clone(&self.news) as Arc<_>;
        EnrolmentStepExecutor::new(self.calls(gate), clock, news)
    }

    pub(super) fn runner(&self, holder: &str, gate: &Arc<Gate>) -> Runner {
        runner(&self.plans, self.executor(gate), &self.clock, holder, gate)
    }

    pub(super) fn runner_that_waits(
        &self,
        holder: &str,
        gate: &Arc<Gate>,
        nap: Arc<dyn Sleeper>,
    ) -> Runner {
        Runner::new(
            RunnerPorts {
                nap,
                ..ports(
                    Arc::new(Gated(Arc::clone(&self.plans), Arc::clone(gate))),
                    Arc::new(self.executor(gate)),
                    &self.clock,
                )
            },
            RunnerIdentity {
                holder: holder.into(),
                actor: "arn:aws:iam::111111111111:user/admin".into(),
            },
        )
    }

    pub(super) async fn undo(&self, plan: &PlanId) -> Undoing {
        let gate = Gate::new(None);
        let (plan, folded) = self.runner("undoer", &gate).load(plan).await.unwrap();
        undo(&plan, &folded, &self.executor(&gate))
    }

    pub(super) async fn find(&self, wish: &EnrolmentRequest) -> Result<Found, String> {
        let calls = self.calls(&Gate::new(None));
        let facts = gather(&calls, wish).await.map_err(|it| it.to_string())?;
        let selected = select(wish, &facts).map_err(|it| it.to_string())?;
        let chosen = choose_for(wish, &selected, &facts).map_err(|it| it.to_string())?;
        let found = checks(wish, &selected, chosen.backend, &facts);
        let enrolment = EnrolmentPlan::new(wish, &selected, chosen.backend, &found, &facts);
        Ok(Found {
            facts,
            selected,
            checks: found,
            enrolment,
            reason: chosen.reason,
        })
    }

    pub(super) async fn draft(&self, wish: &EnrolmentRequest) -> PlanDraft {
        let found = self.find(wish).await.unwrap();
        draft(wish, &found.enrolment, &found.selected, &found.facts)
    }

    pub(super) async fn config_draft(&self, wish: &EnrolmentRequest) -> PlanDraft {
        let found = self.find(wish).await.unwrap();
        draft_config(wish, &found.selected, &found.facts)
    }

    pub(super) async fn apply(
        &self,
        draft: PlanDraft,
        holder: &str,
        gate: &Arc<Gate>,
    ) -> Option<PlanReport> {
        carried(&self.runner(holder, gate), draft, true).await
    }

    pub(super) async fn enrol(&self, wish: &EnrolmentRequest) -> PlanReport {
        let draft = self.draft(wish).await;
        self.apply(draft, "calm", &Gate::new(None)).await.unwrap()
    }
}
