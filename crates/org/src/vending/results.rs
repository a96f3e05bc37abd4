//! Row results, from the plan's journal and the existing accounts.

use std::collections::BTreeMap;

use hallpass_plans::{Folded, Plan, PlanStep, StepState};

use super::creating::CREATION_FAILED;
use super::people::CREATE_USER;
use super::plan::{CREATING, PlannedRow, VendingPlan, VendingStepKind};
use super::status::{RowResult, RowStatus};
use crate::control_tower::FACTORY_FAILED;

/// Results of rows except unchanged ones. `accounts` has ids by lower-case address.
pub fn results(
    vending: &VendingPlan,
    plan: &Plan,
    folded: &Folded,
    accounts: &BTreeMap<String, String>,
) -> BTreeMap<usize, RowResult> {
    let mut results = BTreeMap::new();
    for (number, row) in (2..).zip(&vending.rows) {
        let result = match row {
            PlannedRow::Kept => continue,
            PlannedRow::Invalid { errors } => RowResult {
                error: errors.join("; "),
                ..RowResult::of(RowStatus::Invalid)
            },
            PlannedRow::Wanted { key, adopts } => {
                let done = if adopts.is_some() {
                    RowStatus::Exists
                } else {
                    RowStatus::Succeeded
                };
                let mut result = row_result(plan, folded, key, done);
                let has_begun =
                    ![RowStatus::Valid, RowStatus::NotProvisioned].contains(&result.status);
                if has_begun && !is_refused(plan, folded, key) {
                    let listed = accounts.get(key).cloned();
                    let id = listed.or_else(|| made(plan, folded, key));
                    result.account_id = id.unwrap_or_default();
                }
                result
            }
        };
        results.insert(number, result);
    }
    results
}

/// Check results of rows except unchanged ones, before any start.
pub fn checked_results(vending: &VendingPlan) -> BTreeMap<usize, RowResult> {
    let rows = (2..).zip(&vending.rows).filter_map(|(number, row)| {
        let result = match row {
            PlannedRow::Kept => return None,
            PlannedRow::Invalid { errors } => RowResult {
                error: errors.join("; "),
                ..RowResult::of(RowStatus::Invalid)
            },
            PlannedRow::Wanted { .. } => RowResult::of(RowStatus::Valid),
        };
        Some((number, result))
    });
    rows.collect()
}

pub fn finished(results: &BTreeMap<usize, RowResult>) -> bool {
    let ended_well =
        |result: &RowResult| matches!(result.status, RowStatus::Succeeded | RowStatus::Exists);
    results.values().all(ended_well)
}

fn bad(status: RowStatus, error: impl Into<String>) -> RowResult {
    RowResult {
        error: error.into(),
        ..RowResult::of(status)
    }
}

/// The first unfinished or failed step determines the status.
fn row_result(plan: &Plan, folded: &Folded, key: &str, done: RowStatus) -> RowResult {
    let of_kind = |kind: &'static str| {
        plan.steps
            .iter()
            .filter(move |step| step.target.key == key && step.kind == kind)
    };
    let mut made = CREATING.into_iter().flat_map(of_kind);
    let create = made.find_map(|step| created(folded, step));
    if let Some(result) = create {
        return result;
    }
    let moved =
        of_kind(VendingStepKind::Move.as_str()).find_map(|step| match folded.place(&step.id) {
            StepState::Final(end) if end.outcome.is_good() => None,
            StepState::Final(end) => Some(bad(RowStatus::Failed, end.reason.clone())),
            StepState::Planned | StepState::Intent { .. } | StepState::Accepted { .. } => {
                Some(RowResult::of(RowStatus::UnderChange))
            }
        });
    if let Some(result) = moved {
        return result;
    }
    let assigned = of_kind(VendingStepKind::Assign.as_str())
        .chain(of_kind(CREATE_USER))
        .chain(of_kind(VendingStepKind::Tag.as_str()))
        .map(|step| folded.place(&step.id));
    let mut errors = Vec::new();
    let mut waits = false;
    for state in assigned {
        match state {
            StepState::Final(end) if end.outcome.is_good() => {}
            StepState::Final(end) => errors.push(end.reason.clone()),
            StepState::Planned | StepState::Intent { .. } | StepState::Accepted { .. } => {
                waits = true;
            }
        }
    }
    match (errors.is_empty(), waits) {
        (false, _) => bad(RowStatus::AssignFailed, errors.join("; ")),
        (true, true) => RowResult::of(RowStatus::Assigning),
        (true, false) => RowResult::of(done),
    }
}

/// From its steps, since listings lag.
fn made(plan: &Plan, folded: &Folded, key: &str) -> Option<String> {
    let of_row = plan.steps.iter().filter(|step| step.target.key == key);
    let names_account =
        |kind: &str| CREATING.contains(&kind) || kind == VendingStepKind::Move.as_str();
    let mut made = of_row.filter(|step| names_account(&step.kind));
    made.find_map(|step| {
        let account = folded.end(&step.id)?.new.get("account")?.as_str()?;
        (!account.is_empty()).then(|| account.to_owned())
    })
}

/// True if AWS did not create the account: one with its address is foreign.
fn is_refused(plan: &Plan, folded: &Folded, key: &str) -> bool {
    let mut made = plan.steps.iter();
    made.any(|step| {
        let end = folded.end(&step.id);
        step.target.key == key
            && step.kind == VendingStepKind::Create.as_str()
            && end.is_some_and(|end| !end.outcome.is_good())
    })
}

/// The creation's part of a result; `None` if the account exists.
fn created(folded: &Folded, step: &PlanStep) -> Option<RowResult> {
    Some(match folded.place(&step.id) {
        StepState::Planned => RowResult::of(RowStatus::Valid),
        StepState::Intent { .. } => RowResult::of(RowStatus::Launching),
        StepState::Accepted { .. } => RowResult::of(RowStatus::UnderChange),
        StepState::Final(end) if end.outcome.is_good() => return None,
        StepState::Final(end) => {
            let reason = end.reason.as_str();
            let mut begun = [CREATION_FAILED, FACTORY_FAILED].into_iter();
            let by_aws = begun.find_map(|it| reason.strip_prefix(it));
            match by_aws.and_then(|rest| rest.strip_prefix(": ")) {
                Some(reason) => bad(RowStatus::Failed, reason),
                None => bad(RowStatus::NotProvisioned, reason),
            }
        }
    })
}
