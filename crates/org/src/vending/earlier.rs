//! Earlier plans of a list: an unfinished one is resumed, and no row is in two plans.

use std::collections::BTreeMap;

use hallpass_plans::{Folded, Plan, PlanId, PlanState, PlanStore, StepState, report_of};
use serde_json::Value;

use super::check::ListWishes;
use super::facts::EarlierRow;
use super::file::AccountsFile;
use super::plan::{CREATING, PLAN_KIND, PLANS_LOOK, PlannedRow, VendingPlan, source};
use crate::earlier_plans::{EarlierUnread, became_of, plans_that_count};

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EarlierPlans {
    /// This list's unfinished plan.
    pub resume: Option<PlanId>,
    /// Rows of other unfinished plans, by lower-case address.
    pub unfinished: BTreeMap<String, PlanId>,
    /// Rows started by earlier runs of this list, by lower-case address.
    pub ours: BTreeMap<String, EarlierRow>,
}

impl EarlierRow {
    fn add(&mut self, plan: &Plan, folded: &Folded, key: &str) {
        let of_row = plan.steps.iter().filter(|step| step.target.key == key);
        for step in of_row.filter(|step| CREATING.contains(&step.kind.as_str())) {
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

/// True if a row has a step with an unknown result.
fn is_amid(plan: &Plan, folded: &Folded, key: &str) -> bool {
    let mut of_row = plan.steps.iter().filter(|step| step.target.key == key);
    of_row.any(|step| {
        matches!(
            folded.place(&step.id),
            StepState::Intent { .. } | StepState::Accepted { .. }
        )
    })
}

/// Reads the stored plans.
///
/// # Errors
/// The store does not respond, or the effect of a started plan is unknown: its accounts could be
/// created twice.
pub async fn earlier_plans(
    store: &dyn PlanStore,
    file: &AccountsFile,
    wishes: &ListWishes,
) -> Result<EarlierPlans, EarlierUnread> {
    let source = source(file, wishes);
    let mut found = EarlierPlans::default();
    let all = plans_that_count(store, PLAN_KIND, PLANS_LOOK, VendingPlan::of).await?;
    for (saved, vending) in all {
        let plan = saved.plan;
        let keys = vending.rows.iter().filter_map(|row| match row {
            PlannedRow::Wanted { key, .. } => Some(key.clone()),
            PlannedRow::Kept | PlannedRow::Invalid { .. } => None,
        });
        let folded = match became_of(store, &plan.id).await {
            Ok(folded) => folded,
            Err(EarlierUnread::Plan { .. }) if vending.source != source => {
                // unknown which were created
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
                // an aborted plan starts nothing more
                let keys = keys.filter(|key| !saved.aborted || is_amid(&plan, &folded, key));
                let held = keys.map(|key| (key, plan.id.clone()));
                found.unfinished.extend(held);
            }
        }
    }
    Ok(found)
}
