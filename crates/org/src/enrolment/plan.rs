//! The plan of an enrolment: for each account its role, its unit, its baseline and its controls. The names and forms are
//! part of stored plans.

use std::collections::BTreeMap;

use hallpass_base::{AccountId, TimeSpan};
use hallpass_plans::{Lane, Plan, PlanDraft, PlanLimits, StepId, StepTarget, hash};
use serde::{Deserialize, Serialize};

use super::checks::EnrolmentCheck;
use super::facts::{EnrolmentFacts, RegionConfig};
use super::gains::{Exchange, exchange};
use super::role_steps::RoleSteps;
use super::select::SelectedAccounts;
use super::wish::{EnrolmentBackend, EnrolmentWish};
use crate::control_tower::{
    EnabledControl, ProductWish, UnitBaseline, add_admission, add_product, control_tower_lane,
    enrolment_product,
};
use crate::steps::stored;

/// The kind of plans that enrol accounts.
pub const PLAN_KIND: &str = "org.enroll";
/// Such plans that are looked through, newest first.
pub const PLANS_LOOK: u32 = 2_000;
/// The kind of plans that take Config away first.
pub const CONFIG_KIND: &str = "org.enroll.config";

/// The account stands in its unit: [`MoveWish`].
pub(crate) const MOVE: &str = "enrolment.move";
/// The account is enrolled, by itself: [`PlaceWish`].
pub(crate) const WAIT: &str = "enrolment.wait";
/// The account is enrolled, by setting the baseline of its unit again: [`PlaceWish`].
pub(crate) const RESET: &str = "enrolment.reset-baseline";
/// The controls of the unit hold in the account: [`ControlsWish`].
pub(crate) const CONTROLS: &str = "enrolment.reset-controls";
/// The recorder does not record: [`ConfigWish`].
pub(crate) const STOP_RECORDER: &str = "enrolment.stop-recorder";
/// There is no delivery channel: [`ConfigWish`].
pub(crate) const DELETE_CHANNEL: &str = "enrolment.delete-channel";
/// There is no recorder: [`ConfigWish`].
pub(crate) const DELETE_RECORDER: &str = "enrolment.delete-recorder";
/// The recorder is there again: [`ConfigWish`].
pub(crate) const PUT_RECORDER: &str = "enrolment.put-recorder";
/// The delivery channel is there again: [`ConfigWish`].
pub(crate) const PUT_CHANNEL: &str = "enrolment.put-channel";
/// The recorder records again: [`ConfigWish`].
pub(crate) const START_RECORDER: &str = "enrolment.start-recorder";

/// The unit is registered: [`RegisterWish`].
pub(crate) const REGISTER: &str = "enrolment.register";

/// How long Control Tower may take for an account, lines of others included.
const ENROLLING: TimeSpan = TimeSpan::minutes(90);

/// Whether steps of a kind are carried out by [`EnrolmentStepExecutor`](super::EnrolmentStepExecutor).
pub fn is_enrolment_step(kind: &str) -> bool {
    kind.starts_with("enrolment.") || kind.starts_with("factory.")
}

/// An account in a unit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct PlaceWish {
    pub(crate) account: AccountId,
    pub(crate) from: String,
    pub(crate) to: String,
    /// ARN of the account in the organization.
    pub(crate) account_arn: String,
    /// ARN of the baseline of the unit.
    pub(crate) baseline: String,
}

/// What a move to a unit rests on, as it was when the plan was made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct MoveNeeds {
    /// The unit's name.
    pub(crate) unit_name: String,
    /// Its ARN: Control Tower governs it.
    pub(crate) unit_arn: String,
    /// Governed Regions, in which the account has no Config.
    pub(crate) regions: Vec<String>,
    /// Whether its Config may stay.
    pub(crate) config_may_stay: bool,
}

/// A move, and what it rests on; plans of earlier versions do not say.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct MoveWish {
    #[serde(flatten)]
    pub(crate) place: PlaceWish,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) needs: Option<MoveNeeds>,
}

/// A unit that Control Tower governs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct RegisterWish {
    pub(crate) unit: String,
    /// ARN of the unit in the organization.
    pub(crate) unit_arn: String,
    /// What it is registered with.
    #[serde(flatten)]
    pub(crate) with: UnitBaseline,
}

/// Controls of a unit in an account.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ControlsWish {
    pub(crate) account_arn: String,
    pub(crate) unit_arn: String,
    pub(crate) controls: Vec<EnabledControl>,
}

/// Config in an account's Region.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ConfigWish {
    pub(crate) account: AccountId,
    pub(crate) region: String,
    /// The role by which we enter.
    pub(crate) by: String,
    /// What there was: undoing goes back to it.
    pub(crate) before: RegionConfig,
}

/// What a plan keeps of an account.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlannedAccount {
    /// Its name.
    pub name: String,
    /// The root or unit it comes from.
    pub from: String,
    /// What it gains and loses.
    pub exchange: Exchange,
    /// Why it is left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub left_out: Option<String>,
    /// Whether a check of it failed, and it is left out for that.
    #[serde(default)]
    pub check_failed: bool,
}

/// What a plan keeps of its enrolment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EnrolmentPlan {
    /// Equal for equal wishes.
    pub source: String,
    /// How.
    pub backend: EnrolmentBackend,
    /// The unit that accounts come into.
    pub to: String,
    /// Accounts that were meant.
    pub accounts: BTreeMap<AccountId, PlannedAccount>,
}

impl EnrolmentPlan {
    /// Equal for equal wishes: a plan that was begun for the same goes on.
    pub fn source_of(wish: &EnrolmentWish) -> String {
        hash(&stored(wish).to_string())
    }

    /// What is kept of an enrolment that was checked.
    pub fn new(
        wish: &EnrolmentWish,
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
        // a unit is registered with all of its accounts, or not
        let takes_all = backend == EnrolmentBackend::Register;
        let wish_of_all = EnrolmentWish {
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

    /// What a stored plan keeps; `None` of a plan of another kind.
    pub fn of(plan: &Plan) -> Option<Self> {
        let is_ours = plan.kind == PLAN_KIND;
        let read = || serde_json::from_value(plan.facts.clone()).ok();
        is_ours.then(read).flatten()
    }
}

/// The steps for the accounts that nothing stops.
pub fn draft(
    wish: &EnrolmentWish,
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
        let role = roles.add(&mut draft, (wish, facts), &target, id);
        match enrolment.backend {
            EnrolmentBackend::Move => {
                let place = place_wish(id, planned, &selected.to.id, facts);
                // accounts that come into one unit at once disturb each other
                let lane = Lane::occupied(format!("ct-move:{}", selected.to.id));
                let wish = move_wish(wish, &place, selected, facts);
                let moved = draft.step(target.clone(), MOVE, stored(&wish), lane.clone(), &role);
                // an account that stands there already, and is not enrolled, is not moved again
                let kind = if place.from == place.to { RESET } else { WAIT };
                let waits = draft.step(target, kind, stored(&place), lane, &[moved]);
                draft.set_timeout(&waits, ENROLLING);
            }
            EnrolmentBackend::Baseline => {
                let place = place_wish(id, planned, &selected.to.id, facts);
                let moves = move_wish(wish, &place, selected, facts);
                add_baseline(&mut draft, (target, &moves), &role, facts);
            }
            // all at once, above
            EnrolmentBackend::Register => {}
            EnrolmentBackend::AccountFactory => {
                if admitted.is_empty() {
                    let principal = &facts.caller;
                    admitted.push(add_admission(&mut draft, &facts.management, principal));
                }
                let product = product_wish(wish, id, selected, facts);
                let after: Vec<StepId> = admitted.iter().chain(&role).cloned().collect();
                add_product(&mut draft, target, &product, &after, (1, ENROLLING));
            }
        }
    }
    draft
}

/// The unit after the roles of its accounts, then what becomes of each.
fn add_registration(
    draft: &mut PlanDraft,
    wish: &EnrolmentWish,
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
        roles.extend(role_steps.add(draft, (wish, facts), &target(id, planned), id));
    }
    let unit = StepTarget::global(&facts.management, selected.to.managed_name.clone());
    let desired = stored(&RegisterWish {
        unit: selected.to.id.clone(),
        unit_arn: facts.unit_arn(&selected.to.id),
        with: baseline.clone(),
    });
    let registered = draft.step(unit, REGISTER, desired, control_tower_lane(), &roles);
    draft.set_timeout(&registered, ENROLLING);
    for (id, planned) in free {
        let place = place_wish(id, planned, &selected.to.id, facts);
        let after = std::slice::from_ref(&registered);
        let waits = draft.step(
            target(id, planned),
            WAIT,
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
) -> PlaceWish {
    let baseline = facts.baselines.get(&facts.unit_arn(to));
    PlaceWish {
        account: id.clone(),
        from: planned.from.clone(),
        to: to.to_owned(),
        account_arn: facts.account_arn(id),
        baseline: baseline.map(|it| it.arn.clone()).unwrap_or_default(),
    }
}

fn move_wish(
    wish: &EnrolmentWish,
    place: &PlaceWish,
    selected: &SelectedAccounts,
    facts: &EnrolmentFacts,
) -> MoveWish {
    let regions = facts.zone.iter().flat_map(|it| it.regions.clone());
    MoveWish {
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
    (target, wish): (StepTarget, &MoveWish),
    role: &[StepId],
    facts: &EnrolmentFacts,
) {
    let place = wish.place.clone();
    let lane = Lane::organizations_write();
    let moved = draft.step(target.clone(), MOVE, stored(wish), lane, role);
    let reset = draft.step(
        target.clone(),
        RESET,
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
    let controls = ControlsWish {
        account_arn: place.account_arn,
        unit_arn: facts.unit_arn(&place.to),
        controls,
    };
    let set = draft.step(
        target,
        CONTROLS,
        stored(&controls),
        control_tower_lane(),
        &[reset],
    );
    draft.set_timeout(&set, ENROLLING);
}

fn product_wish(
    wish: &EnrolmentWish,
    id: &AccountId,
    selected: &SelectedAccounts,
    facts: &EnrolmentFacts,
) -> ProductWish {
    let account = facts.accounts.get(id);
    let name = account.map(|it| it.name.clone()).unwrap_or_default();
    let email = account.map(|it| it.email.clone()).unwrap_or_default();
    ProductWish {
        product: enrolment_product(&name),
        account: Some(id.clone()),
        account_name: name,
        sso_email: email.clone(),
        email,
        unit: selected.to.managed_name.clone(),
        user: wish.user.clone(),
    }
}

/// The steps that take Config away where it stands in the way (`organization.md` N-3); nothing else is planned with
/// them.
pub fn draft_config(
    wish: &EnrolmentWish,
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
                let wish = ConfigWish {
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

fn add_config(draft: &mut PlanDraft, wish: &ConfigWish) {
    let target = StepTarget {
        account: wish.account.as_str().to_owned(),
        region: wish.region.clone(),
        key: "config".to_owned(),
    };
    let before = &wish.before;
    let mut after: Vec<StepId> = Vec::new();
    for (kind, is_wanted) in [
        (STOP_RECORDER, before.recorder.is_some() && before.recording),
        (DELETE_CHANNEL, before.channel.is_some()),
        (DELETE_RECORDER, before.recorder.is_some()),
    ] {
        if is_wanted {
            let desired = stored(wish);
            after = vec![draft.step(target.clone(), kind, desired, Lane::usual(), &after)];
        }
    }
}
