use hallpass_plans::{PlanId, PlanState, PlanStore, report_of};

use super::plan::{EnrolmentPlan, PLAN_KIND, PLANS_LOOK};
use super::request::EnrolmentRequest;
use crate::earlier_plans::{EarlierUnread, became_of, plans_that_count};

/// Returns the started, unfinished plan of this request.
///
/// # Errors
/// The store does not respond, or the effect of a started plan is unknown.
pub async fn unfinished_enrolment(
    store: &dyn PlanStore,
    wish: &EnrolmentRequest,
) -> Result<Option<PlanId>, EarlierUnread> {
    let source = EnrolmentPlan::source_of(wish);
    let all = plans_that_count(store, PLAN_KIND, PLANS_LOOK, EnrolmentPlan::of).await?;
    let same = all.into_iter().filter(|(_, kept)| kept.source == source);
    for (saved, _) in same {
        let plan = saved.plan;
        let folded = became_of(store, &plan.id).await?;
        if folded.began.is_some() && report_of(&plan, &folded, false).state == PlanState::Running {
            return Ok(Some(plan.id));
        }
    }
    Ok(None)
}
