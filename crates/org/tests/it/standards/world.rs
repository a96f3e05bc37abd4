//! An organization with in-memory Security Hub, and the commands.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};

use hallpass_org::standards::{
    CentralRow, ComparedHub, StandardsAccount, StandardsChoices, StandardsFacts, StandardsFile,
    StandardsScope, StandardsStepExecutor, central_rows, compare, draft, draft_central,
    gather_hubs, gather_organization,
};
use hallpass_plans::testing::{Gate, Hourglass, MemoryPlans};
use hallpass_plans::{PlanDraft, PlanReport, Runner, StepEnd};
use serde_json::Value;

use super::hubs::{FIRST, FakeHubs, Hub, MANAGEMENT, OTHER, State, TODAY, fixture, text};
use crate::gated::{GatedCalls, carried, runner};

pub(super) struct World {
    pub(super) clock: Arc<Hourglass>,
    pub(super) aws: Arc<FakeHubs>,
    pub(super) plans: Arc<MemoryPlans>,
    pub(super) scope: StandardsScope,
    pub(super) choices: StandardsChoices,
    pub(super) today: String,
}

pub(super) struct CentralRan {
    pub(super) rows: Vec<CentralRow>,
    pub(super) report: PlanReport,
}

pub(super) struct Ran {
    pub(super) facts: StandardsFacts,
    pub(super) rows: Vec<ComparedHub>,
    pub(super) report: Option<PlanReport>,
}

impl Ran {
    pub(super) fn row(&self, account: &str, region: &str) -> &ComparedHub {
        let mut all = self.rows.iter();
        all.find(|it| it.account == account && it.region == region)
            .unwrap()
    }

    pub(super) fn ended(&self, outcome: StepEnd) -> usize {
        let all = self.report.iter().flat_map(|it| &it.targets);
        all.filter(|it| it.outcome == outcome).count()
    }
}

impl World {
    pub(super) fn new() -> Self {
        let clock = Arc::new(Hourglass::new(crate::bench::START.parse().unwrap()));
        let stated: Value = serde_json::from_str(&fixture("org-standards-state.json")).unwrap();
        let texts = |value: &Value| -> BTreeSet<String> {
            let all = value.as_array().unwrap().iter();
            all.map(|it| it.as_str().unwrap().to_owned()).collect()
        };
        let hubs = stated["targets"].as_array().unwrap().iter().map(|it| {
            let of = it["controls_of"].as_object().unwrap().iter();
            let hub = Hub {
                offered: texts(&it["offered"]),
                controls_of: of.map(|(name, ids)| (name.clone(), texts(ids))).collect(),
                ..Hub::default()
            };
            ((text(it, "account"), text(it, "region")), hub)
        });
        let ids = [MANAGEMENT, FIRST, OTHER, "999999999999"];
        let state = State {
            accounts: ids.map(|it| (it.to_owned(), "ACTIVE")).to_vec(),
            has_paths: true,
            hubs: hubs.collect(),
            polls: 3,
            most: 100,
            ..State::default()
        };
        Self {
            aws: Arc::new(FakeHubs(Mutex::new(state))),
            clock,
            plans: Arc::default(),
            scope: StandardsScope::default(),
            choices: StandardsChoices::default(),
            today: TODAY.to_owned(),
        }
    }

    pub(super) fn small() -> Self {
        let world = Self::new();
        world.with(|it| {
            it.accounts.truncate(2);
            it.hubs
                .retain(|(id, region), _| id == FIRST && region == "us-east-1");
        });
        world
    }

    pub(super) fn managed() -> Self {
        let world = Self::new();
        world.with(|it| it.policies = Some(BTreeMap::new()));
        world
    }

    pub(super) fn with<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        change(&mut self.aws.0.lock().unwrap())
    }

    pub(super) fn hub<T>(
        &self,
        account: &str,
        region: &str,
        change: impl FnOnce(&mut Hub) -> T,
    ) -> T {
        let key = (account.to_owned(), region.to_owned());
        self.with(|it| change(it.hubs.get_mut(&key).unwrap()))
    }

    pub(super) fn writes(&self) -> Vec<String> {
        let mut all = self.with(|it| it.writes.clone());
        all.sort();
        all
    }

    pub(super) fn calls(&self) -> GatedCalls<FakeHubs> {
        GatedCalls::calm(&self.aws)
    }

    pub(super) fn runner(&self, holder: &str, gate: &Arc<Gate>) -> Runner {
        let hands = StandardsStepExecutor::new(Arc::new(GatedCalls::through(&self.aws, gate)));
        runner(&self.plans, hands, &self.clock, holder, gate)
    }

    pub(super) async fn run(
        &self,
        file: &str,
        applies: bool,
        holder: &str,
        gate: &Arc<Gate>,
    ) -> Option<Ran> {
        let file = StandardsFile::read(file).unwrap();
        let calls = GatedCalls::through(&self.aws, gate);
        let mut facts = gather_organization(&calls, Some(&file), &self.scope)
            .await
            .ok()?;
        gather_hubs(&calls, Some(&file), &self.scope, &mut facts).await;
        let rows = compare(&file, &facts, self.choices, self.today.parse().unwrap());
        let draft = draft(&rows, &facts);
        let mut ran = Ran {
            facts,
            rows,
            report: None,
        };
        if draft.is_empty() {
            return Some(ran);
        }
        ran.report = Some(carried(&self.runner(holder, gate), draft, applies).await?);
        Some(ran)
    }

    pub(super) async fn drafted(&self, file: &str) -> PlanDraft {
        let file = StandardsFile::read(file).unwrap();
        let mut facts = gather_organization(&self.calls(), Some(&file), &self.scope)
            .await
            .unwrap();
        let today = self.today.parse().unwrap();
        if let Some(central) = facts.central.clone() {
            let meant = |it: &StandardsAccount| self.scope.is_meant(it, &facts.tree);
            let rows = central_rows(&file, &facts, &central, today, meant);
            return draft_central(&rows, &facts, &central);
        }
        gather_hubs(&self.calls(), Some(&file), &self.scope, &mut facts).await;
        draft(&compare(&file, &facts, self.choices, today), &facts)
    }

    pub(super) async fn central(
        &self,
        file: &str,
        applies: bool,
        holder: &str,
        gate: &Arc<Gate>,
    ) -> Option<CentralRan> {
        let file = StandardsFile::read(file).unwrap();
        let calls = GatedCalls::through(&self.aws, gate);
        let facts = gather_organization(&calls, Some(&file), &self.scope)
            .await
            .ok()?;
        let central = facts.central.as_ref().unwrap();
        let meant = |it: &StandardsAccount| self.scope.is_meant(it, &facts.tree);
        let rows = central_rows(&file, &facts, central, self.today.parse().unwrap(), meant);
        let draft = draft_central(&rows, &facts, central);
        let report = carried(&self.runner(holder, gate), draft, applies).await?;
        Some(CentralRan { rows, report })
    }

    pub(super) async fn apply_central(&self, file: &str) -> CentralRan {
        self.central(file, true, "first", &Gate::new(None))
            .await
            .unwrap()
    }

    pub(super) async fn apply(&self, file: &str) -> Ran {
        self.run(file, true, "first", &Gate::new(None))
            .await
            .unwrap()
    }

    pub(super) async fn compare(&self, file: &str) -> Ran {
        self.run(file, false, "first", &Gate::new(None))
            .await
            .unwrap()
    }
}
