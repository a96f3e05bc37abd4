//! What Control Tower tells when it is done with an account or a unit (AWS Control Tower User Guide, "Lifecycle events in
//! AWS Control Tower"; `organization.md` V-8, N-6). An event only ends a wait early: the step still asks, and whoever never
//! hears of it asks as ever.

use hallpass_plans::{Folded, Plan, PlanStep, StepId, StepState};
use serde_json::Value;

use crate::control_tower::{PROVISION, ProductWish};
use crate::enrolment::{self, PlaceWish, REGISTER, RESET, RegisterWish, WAIT};
use crate::vending;

/// Who sends lifecycle events.
pub const LIFECYCLE_SOURCE: &str = "aws.controltower";
/// What kind of events they are.
pub const LIFECYCLE_DETAIL_TYPE: &str = "AWS Service Event via CloudTrail";

/// Events about accounts, and the member with what came of them.
const ACCOUNTS: &[(&str, &str)] = &[
    ("CreateManagedAccount", "createManagedAccountStatus"),
    ("UpdateManagedAccount", "updateManagedAccountStatus"),
];
/// Events about units.
const UNITS: &[(&str, &str)] = &[(
    "RegisterOrganizationalUnit",
    "registerOrganizationalUnitStatus",
)];
/// Events about baselines of units and accounts.
const BASELINES: &[(&str, &str)] = &[
    ("EnableBaseline", "enableBaselineStatus"),
    ("ResetEnabledBaseline", "resetEnabledBaselineStatus"),
    ("UpdateEnabledBaseline", "updateEnabledBaselineStatus"),
];

/// How it ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LifecycleState {
    /// All of it is done.
    Succeeded,
    /// It is not, or not whole.
    Failed,
}

/// What an event is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LifecycleSubject {
    /// An account, by what the event says of it.
    Account {
        /// Its name; events about baselines do not say it.
        name: Option<String>,
        /// Its id; a failure may come before there is one.
        id: Option<String>,
    },
    /// An organizational unit, by id: whatever waits for an account in it.
    Unit(String),
}

/// Control Tower is done with something.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LifecycleEvent {
    /// What Control Tower calls it: `CreateManagedAccount`.
    pub name: String,
    /// What it is about.
    pub subject: LifecycleSubject,
    /// How it ended.
    pub state: LifecycleState,
    /// Control Tower's words; none in events about baselines.
    pub message: String,
}

fn text(value: &Value, pointer: &str) -> Option<String> {
    let found = value.pointer(pointer).and_then(Value::as_str);
    found.filter(|it| !it.is_empty()).map(str::to_owned)
}

/// The member with what came of an event of that name.
fn member_of(names: &[(&'static str, &'static str)], name: &str) -> Option<&'static str> {
    let found = names.iter().find(|(event, _)| *event == name);
    found.map(|(_, member)| *member)
}

fn state_of(word: Option<String>) -> Option<LifecycleState> {
    match word?.as_str() {
        "SUCCEEDED" => Some(LifecycleState::Succeeded),
        "FAILED" => Some(LifecycleState::Failed),
        _ => None,
    }
}

impl LifecycleEvent {
    /// Reads the detail of an event; `None` of one about something else, or that ends nothing. A half-made account that
    /// is tried again is told of as an update.
    pub fn read(detail: &Value) -> Option<Self> {
        let name = text(detail, "/eventName")?;
        let status = |member: &str| detail.pointer(&format!("/serviceEventDetails/{member}"));
        if let Some(member) = member_of(ACCOUNTS, &name) {
            let status = status(member)?;
            return Some(Self {
                subject: LifecycleSubject::Account {
                    name: text(status, "/account/accountName"),
                    id: text(status, "/account/accountId"),
                },
                state: state_of(text(status, "/state"))?,
                message: text(status, "/message").unwrap_or_default(),
                name,
            });
        }
        if let Some(member) = member_of(UNITS, &name) {
            let status = status(member)?;
            let id = text(status, "/organizationalUnit/organizationalUnitId")?;
            return Some(Self {
                subject: LifecycleSubject::Unit(id),
                state: state_of(text(status, "/state"))?,
                message: text(status, "/message").unwrap_or_default(),
                name,
            });
        }
        let status = status(member_of(BASELINES, &name)?)?;
        let target = text(status, "/enabledBaselineDetails/targetIdentifier")?;
        let id = target.rsplit('/').next().unwrap_or_default().to_owned();
        let word = text(status, "/enabledBaselineDetails/statusSummary/status");
        Some(Self {
            subject: if id.starts_with("ou-") {
                LifecycleSubject::Unit(id)
            } else {
                LifecycleSubject::Account {
                    name: None,
                    id: Some(id),
                }
            },
            state: state_of(word)?,
            message: String::new(),
            name,
        })
    }

    /// The steps of a plan that wait for what it is about: by the account's name, else by its id. Steps that were not
    /// begun, or are over, wait for nothing.
    pub fn waiting(&self, plan: &Plan, folded: &Folded) -> Vec<StepId> {
        let in_flight = |step: &&PlanStep| {
            matches!(
                folded.place(&step.id),
                StepState::Intent { .. } | StepState::Accepted { .. }
            )
        };
        let steps: Vec<&PlanStep> = plan.steps.iter().filter(in_flight).collect();
        let found = |fits: &dyn Fn(&PlanStep) -> bool| -> Vec<StepId> {
            let fitting = steps.iter().filter(|step| fits(step));
            fitting.map(|step| step.id.clone()).collect()
        };
        match &self.subject {
            LifecycleSubject::Unit(unit) => {
                found(&|step| place(step).is_some_and(|it| it.to == *unit) || registers(step, unit))
            }
            LifecycleSubject::Account { name, id } => {
                let by_name = found(&|step| {
                    product(step).is_some_and(|it| Some(&it.account_name) == name.as_ref())
                });
                if !by_name.is_empty() {
                    return by_name;
                }
                let is_it = |account: &str| id.as_deref() == Some(account);
                found(&|step| {
                    let of_product = product(step).and_then(|it| it.account);
                    let account = of_product.or_else(|| place(step).map(|it| it.account));
                    account.is_some_and(|it| is_it(it.as_str()))
                })
            }
        }
    }
}

/// The kinds of plans that may have such steps.
pub const WAITING_KINDS: [&str; 2] = [vending::PLAN_KIND, enrolment::PLAN_KIND];

/// Whether a plan has steps that such events may end the wait of: only its journal is worth reading.
pub fn may_wait(plan: &Plan) -> bool {
    let mut kinds = plan.steps.iter().map(|step| step.kind.as_str());
    kinds.any(|kind| [PROVISION, WAIT, RESET, REGISTER].contains(&kind))
}

fn product(step: &PlanStep) -> Option<ProductWish> {
    let is_one = step.kind == PROVISION;
    is_one.then(|| serde_json::from_value(step.desired.clone()).ok())?
}

fn registers(step: &PlanStep, unit: &str) -> bool {
    let read = || serde_json::from_value::<RegisterWish>(step.desired.clone());
    step.kind == REGISTER && read().is_ok_and(|it| it.unit == unit)
}

fn place(step: &PlanStep) -> Option<PlaceWish> {
    let is_one = step.kind == WAIT || step.kind == RESET;
    is_one.then(|| serde_json::from_value(step.desired.clone()).ok())?
}
