//! The enrolment plan: role, unit, baseline and controls of each account. Names and forms are part
//! of stored plans.

use std::collections::BTreeMap;

use hallpass_base::{AccountId, TimeSpan};
use hallpass_plans::{Lane, Plan, PlanDraft, PlanLimits, StepId, StepTarget, hash};
use serde::{Deserialize, Serialize};

use super::checks::EnrolmentCheck;
use super::facts::{EnrolmentFacts, RegionConfig};
use super::gains::{Exchange, exchange};
use super::request::{EnrolmentBackend, EnrolmentRequest};
use super::role_steps::RoleSteps;
use super::select::SelectedAccounts;
use super::step_kinds::{ConfigStepKind, EnrolmentStepKind};
use crate::control_tower::{
    DesiredProduct, EnabledControl, UnitBaseline, add_admission, add_product, control_tower_lane,
    enrolment_product,
};
use crate::steps::stored;

pub const PLAN_KIND: &str = "org.enroll";
pub const PLANS_LOOK: u32 = 2_000;
pub const CONFIG_KIND: &str = "org.enroll.config";

/// Timeout per account, including queued operations of others.
const ENROLLING: TimeSpan = TimeSpan::minutes(90);

/// True for steps of [`EnrolmentStepExecutor`](super::EnrolmentStepExecutor).
pub fn is_enrolment_step(kind: &str) -> bool {
    kind.starts_with("enrolment.") || kind.starts_with("factory.")
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct UnitMove {
    pub(crate) account: AccountId,
    pub(crate) from: String,
    pub(crate) to: String,
    pub(crate) account_arn: String,
    pub(crate) baseline: String,
}

/// Prerequisites of a move when the plan was made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct MoveNeeds {
    pub(crate) unit_name: String,
    /// Control Tower governs it.
    pub(crate) unit_arn: String,
    /// Governed Regions without Config in the account.
    pub(crate) regions: Vec<String>,
    pub(crate) config_may_stay: bool,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct DesiredMove {
    #[serde(flatten)]
    pub(crate) place: UnitMove,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) needs: Option<MoveNeeds>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct DesiredRegistration {
    pub(crate) unit: String,
    pub(crate) unit_arn: String,
    #[serde(flatten)]
    pub(crate) with: UnitBaseline,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct DesiredControls {
    pub(crate) account_arn: String,
    pub(crate) unit_arn: String,
    pub(crate) controls: Vec<EnabledControl>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct DesiredConfig {
    pub(crate) account: AccountId,
    pub(crate) region: String,
    /// The role used for access.
    pub(crate) by: String,
    /// Restored by an undo.
    pub(crate) before: RegionConfig,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlannedAccount {
    pub name: String,
    pub from: String,
    pub exchange: Exchange,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub left_out: Option<String>,
    #[serde(default)]
    pub check_failed: bool,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EnrolmentPlan {
    pub source: String,
    pub backend: EnrolmentBackend,
    pub to: String,
    pub accounts: BTreeMap<AccountId, PlannedAccount>,
}

impl EnrolmentPlan {
    /// Equal for equal requests: a started plan for the same is resumed.
    pub fn source_of(wish: &EnrolmentRequest) -> String {
        hash(&stored(wish).to_string())
    }

    pub fn new(
        wish: &EnrolmentRequest,
        selected: &SelectedAccounts,
        backend: EnrolmentBackend,
        checks: &[EnrolmentCheck],
        facts: &EnrolmentFacts,
    ) -> Self {
        let mut accounts = BTreeMap::new();
        let name = |id: &AccountId| {
            let found = facts.accounts.get(id);
            found.map(|it| it.name.clone()).unwrap_or_default()
        };
        for skipped in &selected.skipped {
            let planned = PlannedAccount {
                name: name(&skipped.account),
                from: String::new(),
                exchange: Exchange::default(),
                left_out: Some(skipped.reason.clone()),
                check_failed: false,
            };
            accounts.insert(skipped.account.clone(), planned);
        }
        let takes_all = backend == EnrolmentBackend::Register;
        let wish_of_all = EnrolmentRequest {
            all_or_nothing: wish.all_or_nothing || takes_all,
            ..wish.clone()
        };
        let free = super::checks::enrollable(&wish_of_all, selected, checks);
        for id in &selected.accounts {
            let parent = facts.inside.get(id).and_then(|it| it.parent.as_ref().ok());
            let from = parent.cloned().unwrap_or_default();
            let of_account = checks.iter().filter(|it| it.account.as_ref() == Some(id));
            let ids: Vec<&str> = of_account
                .filter(|it| it.stops())
                .map(|it| it.result.id.as_str())
                .collect();
            let why = if ids.is_empty() && takes_all {
                "another account of the unit cannot be enrolled, and it is registered with all"
                    .to_owned()
            } else if ids.is_empty() {
                "another account cannot be enrolled, and --all-or-nothing is given".to_owned()
            } else {
                ids.join(", ")
            };
            let is_out = !free.contains(id);
            let planned = PlannedAccount {
                name: name(id),
                exchange: exchange(&from, &selected.to.id, facts),
                left_out: is_out.then_some(why),
                check_failed: is_out,
                from,
            };
            accounts.insert(id.clone(), planned);
        }
        Self {
            source: Self::source_of(wish),
            backend,
            to: selected.to.id.clone(),
            accounts,
        }
    }

    pub fn of(plan: &Plan) -> Option<Self> {
        let is_ours = plan.kind == PLAN_KIND;
        let read = || serde_json::from_value(plan.facts.clone()).ok();
        is_ours.then(read).flatten()
    }
}

pub fn draft(
    wish: &EnrolmentRequest,
    enrolment: &EnrolmentPlan,
    selected: &SelectedAccounts,
    facts: &EnrolmentFacts,
) -> PlanDraft {
    let mut draft = PlanDraft::new(PLAN_KIND, &facts.organization, PlanLimits::USUAL);
    draft.remember(stored(enrolment));
    let free = enrolment
        .accounts
        .iter()
        .filter(|(_, it)| it.left_out.is_none());
    if enrolment.backend == EnrolmentBackend::Register {
        add_registration(&mut draft, wish, enrolment, selected, facts);
        return draft;
    }
    let mut admitted: Vec<StepId> = Vec::new();
    let mut roles = RoleSteps::default();
    for (id, planned) in free {
        let target = StepTarget::global(id.as_str(), planned.name.clone());
        let role = roles.add(&mut draft, wish, facts, &target, id);
        match enrolment.backend {
            EnrolmentBackend::Move => {
                let place = place_wish(id, planned, &selected.to.id, facts);
                // concurrent moves into one unit conflict
                let lane = Lane::occupied(format!("ct-move:{}", selected.to.id));
                let wish = move_wish(wish, &place, selected, facts);
                let moved = draft.step(
                    target.clone(),
                    EnrolmentStepKind::Move,
                    stored(&wish),
                    lane.clone(),
                    &role,
                );
                // an unenrolled account already in the unit is not moved
                let kind = if place.from == place.to {
                    EnrolmentStepKind::Reset
                } else {
                    EnrolmentStepKind::Wait
                };
                let waits = draft.step(target, kind, stored(&place), lane, &[moved]);
                draft.set_timeout(&waits, ENROLLING);
            }
            EnrolmentBackend::Baseline => {
                let place = place_wish(id, planned, &selected.to.id, facts);
                let moves = move_wish(wish, &place, selected, facts);
                add_baseline(&mut draft, target, &moves, &role, facts);
            }
            EnrolmentBackend::Register => {}
            EnrolmentBackend::AccountFactory => {
                if admitted.is_empty() {
                    let principal = &facts.caller;
                    admitted.push(add_admission(&mut draft, &facts.management, principal));
                }
                let product = product_wish(wish, id, selected, facts);
                let after: Vec<StepId> = admitted.iter().chain(&role).cloned().collect();
                add_product(&mut draft, target, &product, &after, 1, ENROLLING);
            }
        }
    }
    draft
}

fn add_registration(
    draft: &mut PlanDraft,
    wish: &EnrolmentRequest,
    enrolment: &EnrolmentPlan,
    selected: &SelectedAccounts,
    facts: &EnrolmentFacts,
) {
    let is_free = |it: &PlannedAccount| it.left_out.is_none() || !it.check_failed;
    let (Some(baseline), true) = (&facts.registering, enrolment.accounts.values().all(is_free))
    else {
        return;
    };
    let target = |id: &AccountId, planned: &PlannedAccount| {
        StepTarget::global(id.as_str(), planned.name.clone())
    };
    let free = enrolment
        .accounts
        .iter()
        .filter(|(_, it)| it.left_out.is_none());
    let free: Vec<(&AccountId, &PlannedAccount)> = free.collect();
    let (mut roles, mut role_steps) = (Vec::new(), RoleSteps::default());
    for (id, planned) in &free {
        roles.extend(role_steps.add(draft, wish, facts, &target(id, planned), id));
    }
    let unit = StepTarget::global(&facts.management, selected.to.managed_name.clone());
    let desired = stored(&DesiredRegistration {
        unit: selected.to.id.clone(),
        unit_arn: facts.unit_arn(&selected.to.id),
        with: baseline.clone(),
    });
    let registered = draft.step(
        unit,
        EnrolmentStepKind::Register,
        desired,
        control_tower_lane(),
        &roles,
    );
    draft.set_timeout(&registered, ENROLLING);
    for (id, planned) in free {
        let place = place_wish(id, planned, &selected.to.id, facts);
        let after = std::slice::from_ref(&registered);
        let waits = draft.step(
            target(id, planned),
            EnrolmentStepKind::Wait,
            stored(&place),
            Lane::usual(),
            after,
        );
        draft.set_timeout(&waits, ENROLLING);
    }
}

fn place_wish(
    id: &AccountId,
    planned: &PlannedAccount,
    to: &str,
    facts: &EnrolmentFacts,
) -> UnitMove {
    let baseline = facts.baselines.get(&facts.unit_arn(to));
    UnitMove {
        account: id.clone(),
        from: planned.from.clone(),
        to: to.to_owned(),
        account_arn: facts.account_arn(id),
        baseline: baseline.map(|it| it.arn.clone()).unwrap_or_default(),
    }
}

fn move_wish(
    wish: &EnrolmentRequest,
    place: &UnitMove,
    selected: &SelectedAccounts,
    facts: &EnrolmentFacts,
) -> DesiredMove {
    let regions = facts.zone.iter().flat_map(|it| it.regions.clone());
    DesiredMove {
        place: place.clone(),
        needs: Some(MoveNeeds {
            unit_name: selected.to.name.clone(),
            unit_arn: facts.unit_arn(&selected.to.id),
            regions: regions.collect(),
            config_may_stay: wish.allow_config.contains(&place.account),
        }),
    }
}

fn add_baseline(
    draft: &mut PlanDraft,
    target: StepTarget,
    wish: &DesiredMove,
    role: &[StepId],
    facts: &EnrolmentFacts,
) {
    let place = wish.place.clone();
    let lane = Lane::organizations_write();
    let moved = draft.step(
        target.clone(),
        EnrolmentStepKind::Move,
        stored(wish),
        lane,
        role,
    );
    let reset = draft.step(
        target.clone(),
        EnrolmentStepKind::Reset,
        stored(&place),
        control_tower_lane(),
        &[moved],
    );
    draft.set_timeout(&reset, ENROLLING);
    let part = facts.governed.get(&place.to);
    let controls = part
        .and_then(|it| it.controls.clone().ok())
        .unwrap_or_default();
    if controls.is_empty() {
        return;
    }
    let controls = DesiredControls {
        account_arn: place.account_arn,
        unit_arn: facts.unit_arn(&place.to),
        controls,
    };
    let set = draft.step(
        target,
        EnrolmentStepKind::Controls,
        stored(&controls),
        control_tower_lane(),
        &[reset],
    );
    draft.set_timeout(&set, ENROLLING);
}

fn product_wish(
    wish: &EnrolmentRequest,
    id: &AccountId,
    selected: &SelectedAccounts,
    facts: &EnrolmentFacts,
) -> DesiredProduct {
    let account = facts.accounts.get(id);
    let name = account.map(|it| it.name.clone()).unwrap_or_default();
    let email = account.map(|it| it.email.clone()).unwrap_or_default();
    DesiredProduct {
        product: enrolment_product(&name),
        account: Some(id.clone()),
        account_name: name,
        sso_email: email.clone(),
        email,
        unit: selected.to.managed_name.clone(),
        user: wish.user.clone(),
    }
}

/// Steps that remove conflicting Config (`organization.md` N-3), in a separate plan.
pub fn draft_config(
    wish: &EnrolmentRequest,
    selected: &SelectedAccounts,
    facts: &EnrolmentFacts,
) -> PlanDraft {
    let mut draft = PlanDraft::new(CONFIG_KIND, &facts.organization, PlanLimits::DESTRUCTIVE);
    for id in &selected.accounts {
        let has_controls = facts.controlled.get(id).is_some_and(|it| *it != Ok(false));
        let is_enrolled = has_controls || facts.baselines.contains_key(&facts.account_arn(id));
        if is_enrolled || wish.allow_config.contains(id) {
            continue;
        }
        let Some(inside) = facts.inside.get(id) else {
            continue;
        };
        let Ok(Some(by)) = &inside.trusted else {
            continue;
        };
        for (region, found) in &inside.config {
            if let Ok(before) = found {
                let wish = DesiredConfig {
                    account: id.clone(),
                    region: region.clone(),
                    by: by.clone(),
                    before: before.clone(),
                };
                add_config(&mut draft, &wish);
            }
        }
    }
    draft
}

fn add_config(draft: &mut PlanDraft, wish: &DesiredConfig) {
    let target = StepTarget {
        account: wish.account.as_str().to_owned(),
        region: wish.region.clone(),
        key: "config".to_owned(),
    };
    let before = &wish.before;
    let mut after: Vec<StepId> = Vec::new();
    for (kind, is_wanted) in [
        (
            ConfigStepKind::StopRecorder,
            before.recorder.is_some() && before.recording,
        ),
        (ConfigStepKind::DeleteChannel, before.channel.is_some()),
        (ConfigStepKind::DeleteRecorder, before.recorder.is_some()),
    ] {
        if is_wanted {
            let desired = stored(wish);
            after = vec![draft.step(target.clone(), kind, desired, Lane::usual(), &after)];
        }
    }
}
