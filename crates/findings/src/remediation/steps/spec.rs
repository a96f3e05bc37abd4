use hallpass_base::TimeSpan;
use hallpass_plans::{Lane, PlanDraft, PlanLimits, StepError, StepTarget};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::remediation::action::ActionKind;
use crate::remediation::deviation::Deviation;
use crate::remediation::item::Remediation;

pub(crate) const PLAN: &str = "remediate";
pub(crate) const MEND: &str = "remediate.mend";
pub(crate) const RESTORE: &str = "remediate.restore";
/// Concurrent remediations per account (`organization.md` R-11).
pub(crate) const AT_ONCE: u32 = 3;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RemediationArguments {
    pub remediation: String,
    pub generation: u32,
    pub action: ActionKind,
    pub resource: String,
    pub params: Value,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub old: Option<Value>,
    /// For undo: the state after the action, which must still exist; none if not recorded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub left: Option<Value>,
    /// The deviation, which must still exist before the change.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub found: Option<Box<Deviation>>,
}

pub fn plan_of(it: &Remediation, organization: &str, timeout: TimeSpan) -> PlanDraft {
    // keeps step names stable from before `others` existed
    let found = Deviation {
        others: Vec::new(),
        ..it.deviation.clone()
    };
    let wish = RemediationArguments {
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
    let desired = serde_json::to_value(&wish).unwrap_or_default();
    let step = draft.step(target, MEND, desired, lane, &[]);
    draft.set_timeout(&step, timeout);
    draft
}

pub(super) fn params<T: DeserializeOwned>(wish: &RemediationArguments) -> Result<T, StepError> {
    let read = serde_json::from_value(wish.params.clone());
    read.map_err(|error| StepError::failed("plan", &format!("`params` cannot be read: {error}")))
}
