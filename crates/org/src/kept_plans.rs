//! Plans of one kind among all that a store has.

use hallpass_runner::{PlanStore, Saved, StoreFault};

/// Plans of every kind that are looked through, newest first. A night of remediations alone saves hundreds, and a plan of
/// another kind lasts as long as Control Tower takes and people wait.
pub const PLANS_LOOK: u32 = 20_000;

/// The plans of a kind, newest first.
///
/// # Errors
/// When the store does not answer.
pub async fn plans_of_kind(store: &dyn PlanStore, kind: &str) -> Result<Vec<Saved>, StoreFault> {
    let mut plans = store.plans(PLANS_LOOK).await?;
    plans.retain(|it| it.plan.kind == kind);
    Ok(plans)
}
