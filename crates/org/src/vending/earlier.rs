//! What earlier plans have to do with a list: one that is not over goes on, and no row is in two of them.

use std::collections::{BTreeMap, BTreeSet};

use hallpass_runner::{PlanId, PlanState, PlanStore, StoreFault, fold, report_of};

use super::check::ListWishes;
use super::file::AccountsFile;
use super::plan::{PLAN_KIND, PlannedRow, VendingPlan, source};

/// Plans looked at, newest first.
const PLANS_MAX: u32 = 200;

/// What earlier plans have to do with a list.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EarlierPlans {
    /// The plan of this very list, when it was begun and is not over.
    pub resume: Option<PlanId>,
    /// Rows of other plans that are not over: their address in lower case, and the plan.
    pub unfinished: BTreeMap<String, PlanId>,
    /// Addresses that a run of this very list began with.
    pub ours: BTreeSet<String>,
}

/// Looks through the plans that the store has.
///
/// # Errors
/// When the store does not answer.
pub async fn earlier_plans(
    store: &dyn PlanStore,
    file: &AccountsFile,
    wishes: &ListWishes,
) -> Result<EarlierPlans, StoreFault> {
    let source = source(file, wishes);
    let mut found = EarlierPlans::default();
    for saved in store.plans(PLANS_MAX).await? {
        let plan = saved.plan;
        if plan.kind != PLAN_KIND {
            continue;
        }
        let (Some(vending), Ok(folded)) = (
            VendingPlan::of(&plan),
            fold(&store.journal(&plan.id).await?),
        ) else {
            continue;
        };
        if folded.began.is_none() {
            continue;
        }
        let state = report_of(&plan, &folded, false).state;
        let is_over = !matches!(state, PlanState::Running | PlanState::Paused);
        let keys = vending.rows.iter().filter_map(|row| match row {
            PlannedRow::Wanted { key, .. } => Some(key.clone()),
            PlannedRow::Kept | PlannedRow::Invalid { .. } => None,
        });
        match (vending.source == source, is_over) {
            (true, true) => found.ours.extend(keys),
            (true, false) => {
                found.resume.get_or_insert(plan.id);
            }
            (false, true) => {}
            (false, false) => found
                .unfinished
                .extend(keys.map(|key| (key, plan.id.clone()))),
        }
    }
    Ok(found)
}
