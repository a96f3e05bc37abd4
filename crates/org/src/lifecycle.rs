//! Control Tower lifecycle events for accounts and units (AWS Control Tower User Guide, "Lifecycle
//! events in AWS Control Tower"; `organization.md` V-8, N-6). An event only ends a wait early: the
//! step still polls, and works without events.

use hallpass_plans::{Folded, Plan, PlanStep, StepId, StepState};
use serde_json::Value;

use crate::control_tower::{DesiredProduct, FactoryStepKind};
use crate::enrolment::{self, AnyStepKind, DesiredRegistration, EnrolmentStepKind, UnitMove};
use crate::steps::StepKind as _;
use crate::vending;

pub const LIFECYCLE_SOURCE: &str = "aws.controltower";
pub const LIFECYCLE_DETAIL_TYPE: &str = "AWS Service Event via CloudTrail";

const ACCOUNTS: &[(&str, &str)] = &[
    ("CreateManagedAccount", "createManagedAccountStatus"),
    ("UpdateManagedAccount", "updateManagedAccountStatus"),
];
const UNITS: &[(&str, &str)] = &[(
    "RegisterOrganizationalUnit",
    "registerOrganizationalUnitStatus",
)];
const BASELINES: &[(&str, &str)] = &[
    ("EnableBaseline", "enableBaselineStatus"),
    ("ResetEnabledBaseline", "resetEnabledBaselineStatus"),
    ("UpdateEnabledBaseline", "updateEnabledBaselineStatus"),
];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LifecycleState {
    Succeeded,
    Failed,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LifecycleSubject {
    Account {
        /// Missing in baseline events.
        name: Option<String>,
        /// Missing if the failure precedes its creation.
        id: Option<String>,
    },
    /// A unit id: for every step that waits for an account in it.
    Unit(String),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LifecycleEvent {
    pub name: String,
    pub subject: LifecycleSubject,
    pub state: LifecycleState,
    pub message: String,
}

fn text(value: &Value, pointer: &str) -> Option<String> {
    let found = value.pointer(pointer).and_then(Value::as_str);
    found.filter(|it| !it.is_empty()).map(str::to_owned)
}

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
    /// Parses an event's detail; `None` if unrelated or not final. A retried partial account is
    /// reported as an update.
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

    /// Steps that wait for the subject, by account name, else by id. Only steps in progress wait.
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

pub const WAITING_KINDS: [&str; 2] = [vending::PLAN_KIND, enrolment::PLAN_KIND];

/// What a step waits for.
enum Awaited {
    Product,
    Place,
    Unit,
}

fn awaited(step: &PlanStep) -> Option<Awaited> {
    match AnyStepKind::named(&step.kind)? {
        AnyStepKind::Factory(FactoryStepKind::Provision) => Some(Awaited::Product),
        AnyStepKind::Enrolment(EnrolmentStepKind::Wait | EnrolmentStepKind::Reset) => {
            Some(Awaited::Place)
        }
        AnyStepKind::Enrolment(EnrolmentStepKind::Register) => Some(Awaited::Unit),
        AnyStepKind::Enrolment(
            EnrolmentStepKind::Move
            | EnrolmentStepKind::Controls
            | EnrolmentStepKind::CreateRole
            | EnrolmentStepKind::GrantRole
            | EnrolmentStepKind::StackSet
            | EnrolmentStepKind::StackInstance
            | EnrolmentStepKind::Inside,
        )
        | AnyStepKind::Config(_)
        | AnyStepKind::Factory(FactoryStepKind::Admit) => None,
    }
}

/// Checks if a plan can have waiting steps, before its journal is read.
pub fn may_wait(plan: &Plan) -> bool {
    plan.steps.iter().any(|step| awaited(step).is_some())
}

fn product(step: &PlanStep) -> Option<DesiredProduct> {
    match awaited(step)? {
        Awaited::Product => step.wish().ok(),
        Awaited::Place | Awaited::Unit => None,
    }
}

fn registers(step: &PlanStep, unit: &str) -> bool {
    match awaited(step) {
        Some(Awaited::Unit) => step
            .wish()
            .is_ok_and(|it: DesiredRegistration| it.unit == unit),
        Some(Awaited::Product | Awaited::Place) | None => false,
    }
}

fn place(step: &PlanStep) -> Option<UnitMove> {
    match awaited(step)? {
        Awaited::Place => step.wish().ok(),
        Awaited::Product | Awaited::Unit => None,
    }
}
