//! What a step sees of the standards and controls of an account and Region.

use std::collections::BTreeMap;

use hallpass_runner::{StepError, StepProbe};
use serde::{Deserialize, Serialize};

use super::facts::{ControlAssociation, ControlStatus, ControlUpdate, StandardSubscription};
use super::hub::HubReader;
use super::plan::{ControlsWish, StandardsWish};
use crate::step_executor::unseen;
use crate::steps::stored;

/// What stood before: standards that were on, and controls that were not as they are to be. What undoing goes back to.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct HubBefore {
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) arns: Vec<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) updates: Vec<ControlUpdate>,
}

type Associations = BTreeMap<(String, String), ControlAssociation>;

pub(super) fn look_on(wish: &StandardsWish, found: &[StandardSubscription]) -> StepProbe {
    let on = |arn: &&String| found.iter().any(|it| it.standard == **arn && it.is_on());
    let arns: Vec<String> = wish.arns.iter().filter(on).cloned().collect();
    if arns.len() == wish.arns.len() {
        StepProbe::Satisfied
    } else if arns.is_empty() {
        StepProbe::Absent
    } else {
        let old = stored(&HubBefore {
            arns,
            updates: Vec::new(),
        });
        StepProbe::Differs { old }
    }
}

pub(super) fn look_ready(
    wish: &StandardsWish,
    found: &[StandardSubscription],
) -> Result<StepProbe, StepError> {
    let (mut is_there, mut is_ready) = (true, true);
    for arn in &wish.arns {
        let it = found.iter().find(|it| it.standard == *arn && it.is_on());
        if let Some((it, trouble)) = it.and_then(|it| Some((it, it.trouble()?))) {
            return Err(StepError::failed(&it.status, &trouble));
        }
        is_there &= it.is_some();
        is_ready &= it.is_some_and(|it| it.updatable && it.status == "READY");
    }
    Ok(match (is_there, is_ready) {
        (_, true) => StepProbe::Satisfied,
        (true, false) => StepProbe::InProgress {
            remote: wish.arns.join(", "),
        },
        (false, false) => StepProbe::Absent,
    })
}

/// How controls stand; those of a standard that is not on, or about to be, are on.
async fn standing(
    reader: HubReader<'_>,
    pairs: impl Iterator<Item = (String, String)>,
    found: &[StandardSubscription],
) -> Result<Associations, StepError> {
    let is_on = |standard: &str| found.iter().any(|it| it.standard == standard && it.is_on());
    let pairs: Vec<(String, String)> = pairs.filter(|(standard, _)| is_on(standard)).collect();
    reader.associations(&pairs).await.map_err(unseen)
}

pub(super) async fn look_controls(
    reader: HubReader<'_>,
    wish: &ControlsWish,
    found: &[StandardSubscription],
) -> Result<StepProbe, StepError> {
    let key = |it: &ControlUpdate| (it.standard.clone(), it.control.clone());
    let now = standing(reader, wish.updates.iter().map(key), found).await?;
    let mut updates = Vec::new();
    for update in &wish.updates {
        let now = now.get(&key(update));
        let status = now.map_or(ControlStatus::Enabled, |it| it.status);
        let reason = now.and_then(|it| it.reason.clone());
        let is_same = status == update.status
            && (status == ControlStatus::Enabled || reason == update.reason);
        if !is_same {
            updates.push(ControlUpdate {
                status,
                // a standard that is turned on knows no reasons
                reason: reason.filter(|_| status == ControlStatus::Disabled),
                ..update.clone()
            });
        }
    }
    if updates.is_empty() {
        return Ok(StepProbe::Satisfied);
    }
    let old = stored(&HubBefore {
        arns: Vec::new(),
        updates,
    });
    Ok(StepProbe::Differs { old })
}

/// Before a standard goes its controls are looked at: Security Hub forgets them (`organization.md` S-7).
pub(super) async fn look_off(
    reader: HubReader<'_>,
    wish: &StandardsWish,
    found: &[StandardSubscription],
) -> Result<StepProbe, StepError> {
    let of = |arn: &String| found.iter().find(|it| it.standard == *arn);
    let on = wish
        .arns
        .iter()
        .filter(|arn| of(arn).is_some_and(StandardSubscription::is_on));
    let arns: Vec<String> = on.cloned().collect();
    if arns.is_empty() {
        return Ok(match wish.arns.iter().find_map(of) {
            Some(leaving) => StepProbe::InProgress {
                remote: leaving.arn.clone(),
            },
            None => StepProbe::Satisfied,
        });
    }
    let mut pairs = Vec::new();
    for standard in &arns {
        let ids = reader.controls(standard).await.map_err(unseen)?;
        pairs.extend(ids.into_iter().map(|id| (standard.clone(), id)));
    }
    let now = standing(reader, pairs.into_iter(), found).await?;
    let off = now
        .into_iter()
        .filter(|(_, it)| it.status == ControlStatus::Disabled);
    let updates = off.map(|((standard, control), it)| ControlUpdate {
        standard,
        control,
        status: it.status,
        reason: it.reason,
    });
    let updates = updates.collect();
    let old = stored(&HubBefore { arns, updates });
    Ok(StepProbe::Differs { old })
}

pub(super) fn before(seen: &StepProbe) -> HubBefore {
    serde_json::from_value(seen.old()).unwrap_or_default()
}
