//! Step looks at standards and controls of an account and Region.

use std::collections::BTreeMap;

use hallpass_plans::{PartDone, StepError, StepPart, StepProbe};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::by_name;
use super::desired::{DesiredControls, DesiredStandards};
use super::facts::{ControlAssociation, ControlUpdate, StandardSubscription};
use super::file::ControlStatus;
use super::hub::HubReader;
use super::names::short_name;
use crate::steps::{stored, unseen};

/// The earlier state, restored by an undo: enabled standards, and differing controls.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct HubBefore {
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) arns: Vec<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) updates: Vec<ControlUpdate>,
    /// Wanted controls that the plan knows only by name.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) wanted: Vec<ControlUpdate>,
}

pub(super) type Associations = BTreeMap<(String, String), ControlAssociation>;

pub(super) fn look_on(wish: &DesiredStandards, found: &[StandardSubscription]) -> StepProbe {
    let on = |arn: &&String| found.iter().any(|it| it.standard == **arn && it.is_on());
    let arns: Vec<String> = wish.arns.iter().filter(on).cloned().collect();
    if arns.len() == wish.arns.len() {
        StepProbe::Satisfied
    } else if arns.is_empty() {
        StepProbe::Absent
    } else {
        let old = stored(&HubBefore {
            arns,
            ..HubBefore::default()
        });
        StepProbe::Differs { old }
    }
}

pub(super) fn look_ready(
    wish: &DesiredStandards,
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

/// Controls of a disabled standard count as on.
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
    planned: DesiredControls,
    found: &[StandardSubscription],
) -> Result<StepProbe, StepError> {
    let is_named = !planned.named.is_empty();
    let wish = by_name::controls(reader, planned, found).await?;
    let key = |it: &ControlUpdate| (it.standard.clone(), it.control.clone());
    let now = standing(reader, wish.updates.iter().map(key), found).await?;
    Ok(probe_controls(&wish.updates, is_named, &now))
}

/// `is_named`: the step knows the controls only by name.
pub(super) fn probe_controls(
    wanted: &[ControlUpdate],
    is_named: bool,
    now: &Associations,
) -> StepProbe {
    let states = wanted.iter().map(|it| (it, state_of(it, now)));
    let updates = states
        .filter(|(wanted, is)| !is_as_wanted(wanted, is))
        .map(|(_, is)| is);
    let updates: Vec<ControlUpdate> = updates.collect();
    if updates.is_empty() {
        return StepProbe::Satisfied;
    }
    let old = stored(&HubBefore {
        updates,
        wanted: if is_named {
            wanted.to_vec()
        } else {
            Vec::new()
        },
        ..HubBefore::default()
    });
    StepProbe::Differs { old }
}

pub(super) fn state_of(update: &ControlUpdate, now: &Associations) -> ControlUpdate {
    let found = now.get(&(update.standard.clone(), update.control.clone()));
    let status = found.map_or(ControlStatus::Enabled, |it| it.status);
    let reason = found.and_then(|it| it.reason.clone());
    ControlUpdate {
        status,
        // a new standard has no reasons
        reason: reason.filter(|_| status == ControlStatus::Disabled),
        ..update.clone()
    }
}

fn is_as_wanted(wanted: &ControlUpdate, is: &ControlUpdate) -> bool {
    is.status == wanted.status
        && (is.status == ControlStatus::Enabled || is.reason == wanted.reason)
}

/// Remaining controls after changes from outside: those with neither the earlier nor the wanted
/// state are skipped.
pub(super) fn without_changed(
    wish: &DesiredControls,
    expected: &StepProbe,
    seen: &StepProbe,
) -> Option<StepPart> {
    let StepProbe::Differs { .. } = seen else {
        return None;
    };
    let (judged, is_fresh) = match expected {
        StepProbe::Satisfied => (HubBefore::default(), false),
        StepProbe::Differs { .. } => (before(expected), false),
        StepProbe::Absent => (HubBefore::default(), true),
        StepProbe::InProgress { .. }
        | StepProbe::Blocked { .. }
        | StepProbe::Drifted { .. }
        | StepProbe::Unseen { .. } => return None,
    };
    let is_on = |it: &ControlUpdate| it.status == ControlStatus::Enabled && it.reason.is_none();
    let of = |all: &[ControlUpdate], it: &ControlUpdate| {
        let mut all = all.iter();
        let found = all.find(|other| other.standard == it.standard && other.control == it.control);
        found.cloned()
    };
    let (mut left, mut rest) = (Vec::new(), Vec::new());
    let seen_now = before(seen);
    for is in seen_now.updates {
        if of(&judged.updates, &is).as_ref() == Some(&is) || (is_fresh && is_on(&is)) {
            rest.push(is);
        } else {
            left.push(is);
        }
    }
    if left.is_empty() {
        return Some(StepPart::whole(stored(wish), seen.clone()));
    }
    let wanted = if wish.named.is_empty() {
        &wish.updates
    } else {
        &seen_now.wanted
    };
    let ours = wanted.iter().filter(|it| of(&left, it).is_none());
    let desired = stored(&DesiredControls {
        updates: ours.cloned().collect(),
        named: Vec::new(),
    });
    let words: Vec<String> = left.iter().map(changed_words).collect();
    Some(StepPart {
        desired,
        seen: if rest.is_empty() {
            StepProbe::Satisfied
        } else {
            let old = stored(&HubBefore {
                updates: rest,
                ..HubBefore::default()
            });
            StepProbe::Differs { old }
        },
        left: format!(
            "left, as it was changed since the plan was saved: {}",
            words.join(", ")
        ),
    })
}

fn changed_words(is: &ControlUpdate) -> String {
    let status = match is.status {
        ControlStatus::Enabled => "on",
        ControlStatus::Disabled => "off",
    };
    let reason = is.reason.as_ref().map(|it| format!(" (\"{it}\")"));
    format!(
        "{} of {} is {status}{}",
        is.control,
        short_name(&is.standard),
        reason.unwrap_or_default()
    )
}

/// Reads controls before a standard is disabled: Security Hub forgets them (`organization.md` S-7).
pub(super) async fn look_off(
    reader: HubReader<'_>,
    wish: &DesiredStandards,
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
    Ok(probe_off(arns, &now))
}

pub(super) fn probe_off(arns: Vec<String>, now: &Associations) -> StepProbe {
    let off = now.iter().filter(|((standard, _), it)| {
        it.status == ControlStatus::Disabled && arns.contains(standard)
    });
    let updates = off.map(|((standard, control), it)| ControlUpdate {
        standard: standard.clone(),
        control: control.clone(),
        status: it.status,
        reason: it.reason.clone(),
    });
    let updates = updates.collect();
    let old = stored(&HubBefore {
        arns,
        updates,
        ..HubBefore::default()
    });
    StepProbe::Differs { old }
}

/// Earlier differing controls that are as wanted in `now`.
pub(super) fn done_in_part(
    wish: &DesiredControls,
    old: &Value,
    now: &StepProbe,
) -> Option<PartDone> {
    if !matches!(now, StepProbe::Satisfied | StepProbe::Differs { .. }) {
        return None;
    }
    let old: HubBefore = serde_json::from_value(old.clone()).ok()?;
    let is_in = |all: &[ControlUpdate], it: &ControlUpdate| {
        let mut all = all.iter();
        all.any(|other| other.standard == it.standard && other.control == it.control)
    };
    let open = before(now).updates;
    let done: Vec<ControlUpdate> = old
        .updates
        .into_iter()
        .filter(|it| !is_in(&open, it))
        .collect();
    let wanted = if wish.named.is_empty() {
        &wish.updates
    } else {
        &old.wanted
    };
    let updates: Vec<ControlUpdate> = wanted
        .iter()
        .filter(|it| is_in(&done, it))
        .cloned()
        .collect();
    (!updates.is_empty()).then(|| PartDone {
        old: stored(&HubBefore {
            updates: done,
            ..HubBefore::default()
        }),
        new: stored(&DesiredControls {
            updates,
            named: Vec::new(),
        }),
    })
}

/// True if all earlier standards are enabled, and maybe more.
pub(super) fn is_partly_on(old: &Value, now: &StepProbe) -> bool {
    let on = before(now).arns;
    let old: HubBefore = serde_json::from_value(old.clone()).unwrap_or_default();
    old.arns.iter().all(|it| on.contains(it))
}

pub(super) fn before(seen: &StepProbe) -> HubBefore {
    serde_json::from_value(seen.old()).unwrap_or_default()
}
