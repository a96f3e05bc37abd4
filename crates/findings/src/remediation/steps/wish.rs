//! The wish of a step: which action, on which resource, of which remediation.

use hallpass_base::TimeSpan;
use hallpass_plans::{Lane, PlanDraft, PlanLimits, StepError, StepTarget};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::remediation::action::ActionKind;
use crate::remediation::deviation::Deviation;
use crate::remediation::item::Remediation;

/// The kind of plans.
pub(crate) const PLAN: &str = "remediate";
/// The step that mends.
pub(crate) const MEND: &str = "remediate.mend";
/// The step that goes back.
pub(crate) const RESTORE: &str = "remediate.restore";
/// Remediations at once in an account (`organization.md` R-11).
pub(crate) const AT_ONCE: u32 = 3;

/// What a step is to do.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RemediationWish {
    /// The remediation.
    pub remediation: String,
    /// Which try of it.
    pub generation: u32,
    /// What is done.
    pub action: ActionKind,
    /// On what.
    pub resource: String,
    /// How.
    pub params: Value,
    /// To go back: the form that it had, of the part that was changed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub old: Option<Value>,
    /// To go back: the form that the action left, which is what has to stand there still; none where no record has it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub left: Option<Value>,
    /// What was found, which has to stand when it is mended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub found: Option<Box<Deviation>>,
}

/// The plan of a remediation: one step at the account of its finding and nowhere else.
pub fn plan_of(it: &Remediation, organization: &str, timeout: TimeSpan) -> PlanDraft {
    // what names the step stays what it was before there were others in it
    let found = Deviation {
        others: Vec::new(),
        ..it.deviation.clone()
    };
    let wish = RemediationWish {
        remediation: it.id.to_string(),
        generation: it.generation,
        action: it.action,
        resource: it.deviation.resource.clone(),
        params: it.params.clone(),
        old: None,
        left: None,
        found: Some(Box::new(found)),
    };
    let target = StepTarget {
        account: it.deviation.account.as_str().to_owned(),
        region: it.deviation.region.clone(),
        key: it.deviation.resource.clone(),
    };
    let lane = Lane {
        name: format!("remediate:{}", it.deviation.account),
        width: AT_ONCE,
        ..Lane::usual()
    };
    let mut draft = PlanDraft::new(PLAN, organization, PlanLimits::USUAL);
    // a wish is plain data, and always has a form
    let desired = serde_json::to_value(&wish).unwrap_or_default();
    let step = draft.step(target, MEND, desired, lane, &[]);
    draft.set_timeout(&step, timeout);
    draft
}

/// The params of its rule.
pub(super) fn params<T: DeserializeOwned>(wish: &RemediationWish) -> Result<T, StepError> {
    let read = serde_json::from_value(wish.params.clone());
    read.map_err(|error| StepError::failed("plan", &format!("`params` cannot be read: {error}")))
}
