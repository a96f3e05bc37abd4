//! The result of every account, from the plan's journal (`organization.md` N-7).

use std::collections::BTreeMap;

use hallpass_base::AccountId;
use hallpass_plans::{Folded, Plan, PlanStep, StepState};

use super::plan::EnrolmentPlan;
use super::step_kinds::{AnyStepKind, EnrolmentStepKind};
use crate::steps::StepKind as _;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EnrolmentStatus {
    Checked,
    CheckFailed,
    RoleCreating,
    Moving,
    Enrolling,
    Enrolled,
    Failed,
    Skipped,
}

impl EnrolmentStatus {
    pub const fn name(self) -> &'static str {
        match self {
            Self::Checked => "CHECKED",
            Self::CheckFailed => "CHECK_FAILED",
            Self::RoleCreating => "ROLE_CREATING",
            Self::Moving => "MOVING",
            Self::Enrolling => "ENROLLING",
            Self::Enrolled => "ENROLLED",
            Self::Failed => "FAILED",
            Self::Skipped => "SKIPPED",
        }
    }

    pub const fn is_bad(self) -> bool {
        matches!(self, Self::CheckFailed | Self::Failed)
    }
}

pub fn enrolment_results(
    enrolment: &EnrolmentPlan,
    begun: Option<(&Plan, &Folded)>,
) -> BTreeMap<AccountId, (EnrolmentStatus, String)> {
    let all = enrolment.accounts.iter();
    let rows = all.map(|(id, planned)| {
        let result = match (&planned.left_out, begun) {
            (Some(why), _) if planned.check_failed => (EnrolmentStatus::CheckFailed, why.clone()),
            (Some(why), _) => (EnrolmentStatus::Skipped, why.clone()),
            (None, None) => (EnrolmentStatus::Checked, String::new()),
            (None, Some((plan, folded))) => of_account(id, plan, folded),
        };
        (id.clone(), result)
    });
    rows.collect()
}

fn of_account(id: &AccountId, plan: &Plan, folded: &Folded) -> (EnrolmentStatus, String) {
    let own = plan
        .steps
        .iter()
        .filter(|it| it.target.account == id.as_str());
    let own = own.map(|step| (phase(step), step));
    let mut own: Vec<_> = own.collect();
    own.sort_by_key(|((rank, _), _)| *rank);
    let mut is_begun = false;
    for ((_, under_way), step) in own {
        match folded.place(&step.id) {
            StepState::Final(end) if end.outcome.is_good() => is_begun = true,
            StepState::Final(end) => return (EnrolmentStatus::Failed, end.reason.clone()),
            StepState::Planned if !is_begun => return (EnrolmentStatus::Checked, String::new()),
            StepState::Planned | StepState::Intent { .. } | StepState::Accepted { .. } => {
                return (under_way, String::new());
            }
        }
    }
    (EnrolmentStatus::Enrolled, String::new())
}

/// Rank of a step among those of its account, and the status while it runs.
fn phase(step: &PlanStep) -> (u8, EnrolmentStatus) {
    match AnyStepKind::named(&step.kind) {
        Some(AnyStepKind::Enrolment(
            EnrolmentStepKind::CreateRole | EnrolmentStepKind::StackInstance,
        )) => (0, EnrolmentStatus::RoleCreating),
        Some(AnyStepKind::Enrolment(EnrolmentStepKind::GrantRole | EnrolmentStepKind::Inside)) => {
            (1, EnrolmentStatus::RoleCreating)
        }
        Some(AnyStepKind::Enrolment(EnrolmentStepKind::Move)) => (2, EnrolmentStatus::Moving),
        Some(
            AnyStepKind::Enrolment(
                EnrolmentStepKind::Wait
                | EnrolmentStepKind::Reset
                | EnrolmentStepKind::Controls
                | EnrolmentStepKind::Register
                | EnrolmentStepKind::StackSet,
            )
            | AnyStepKind::Config(_)
            | AnyStepKind::Factory(_),
        )
        | None => (3, EnrolmentStatus::Enrolling),
    }
}
