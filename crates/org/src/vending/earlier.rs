//! What earlier plans have to do with a list: one that is not over goes on, and no row is in two of them.

use std::collections::BTreeMap;

use hallpass_plans::{Folded, Plan, PlanId, PlanState, PlanStore, StepState, report_of};
use serde_json::Value;

use super::check::ListWishes;
use super::facts::EarlierRow;
use super::file::AccountsFile;
use super::plan::{CREATE, PLAN_KIND, PLANS_LOOK, PlannedRow, VendingPlan, source};
use crate::control_tower::PROVISION;
use crate::earlier_plans::{EarlierUnread, became_of, plans_that_count};

/// What earlier plans have to do with a list.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EarlierPlans {
    /// The plan of this very list, when it was begun and is not over.
    pub resume: Option<PlanId>,
    /// Rows of other plans that are not over: their address in lower case, and the plan.
    pub unfinished: BTreeMap<String, PlanId>,
    /// Rows that a run of this very list began with, by their address in lower case.
    pub ours: BTreeMap<String, EarlierRow>,
}

impl EarlierRow {
    fn add(&mut self, plan: &Plan, folded: &Folded, key: &str) {
        let of_row = plan.steps.iter().filter(|step| step.target.key == key);
        for step in of_row.filter(|step| [CREATE, PROVISION].contains(&step.kind.as_str())) {
            if let Some(sent) = folded.sent.get(&step.id) {
                self.sent.extend(sent);
            }
            let made = folded.changed.get(&step.id).map(|end| &end.new);
            let made = made
                .and_then(|new| new.get("account"))
                .and_then(Value::as_str);
            if let Some(account) = made {
                self.account = Some(account.to_owned());
            }
        }
    }
}

/// Whether what became of a row is not known: something of it was sent, and did not end.
fn is_amid(plan: &Plan, folded: &Folded, key: &str) -> bool {
    let mut of_row = plan.steps.iter().filter(|step| step.target.key == key);
    of_row.any(|step| {
        matches!(
            folded.place(&step.id),
            StepState::Intent { .. } | StepState::Accepted { .. }
        )
    })
}

/// Looks through the plans that the store has.
///
/// # Errors
/// When the store does not answer, or nobody can tell what a plan that was begun has done: its accounts would be made again.
pub async fn earlier_plans(
    store: &dyn PlanStore,
    file: &AccountsFile,
    wishes: &ListWishes,
) -> Result<EarlierPlans, EarlierUnread> {
    let source = source(file, wishes);
    let mut found = EarlierPlans::default();
    let all = plans_that_count(store, (PLAN_KIND, PLANS_LOOK), VendingPlan::of).await?;
    for (saved, vending) in all {
        let plan = saved.plan;
        let keys = vending.rows.iter().filter_map(|row| match row {
            PlannedRow::Wanted { key, .. } => Some(key.clone()),
            PlannedRow::Kept | PlannedRow::Invalid { .. } => None,
        });
        let folded = match became_of(store, &plan.id).await {
            Ok(folded) => folded,
            Err(EarlierUnread::Plan { .. }) if vending.source != source => {
                // nobody knows which of them were made
                let held = keys.map(|key| (key, plan.id.clone()));
                found.unfinished.extend(held);
                continue;
            }
            Err(unread) => return Err(unread),
        };
        if folded.began.is_none() {
            continue;
        }
        let state = report_of(&plan, &folded, false).state;
        let is_over = !matches!(state, PlanState::Running | PlanState::Paused);
        match (vending.source == source, is_over) {
            (true, true) => {
                for key in keys {
                    let row = found.ours.entry(key.clone()).or_default();
                    row.add(&plan, &folded, &key);
                }
            }
            (true, false) => {
                found.resume.get_or_insert(plan.id);
            }
            (false, true) => {}
            (false, false) => {
                // of a plan that somebody aborted nothing more is begun
                let keys = keys.filter(|key| !saved.aborted || is_amid(&plan, &folded, key));
                let held = keys.map(|key| (key, plan.id.clone()));
                found.unfinished.extend(held);
            }
        }
    }
    Ok(found)
}
