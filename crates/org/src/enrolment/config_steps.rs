//! Removes and restores Config recorders and delivery channels (`organization.md` N-3).

use hallpass_enforcement::OrganizationFault;
use hallpass_plans::{StepError, StepProbe, Undo, Verify, WriteAnswer};
use serde_json::{Value, json};

use super::facts::RegionConfig;
use super::gather::region_config;
use super::plan::DesiredConfig;
use super::roles::EnrolmentCalls;
use super::step_kinds::ConfigStepKind;
use crate::reading::ReadPlace;
use crate::steps::{setback, stored, unseen};

async fn now(calls: &EnrolmentCalls, wish: &DesiredConfig) -> Result<RegionConfig, StepError> {
    let inside = calls.by(&wish.by);
    let inside = inside
        .ok_or_else(|| StepError::failed("plan", &format!("no role is called `{}`", wish.by)))?;
    let found = region_config(inside.as_ref(), &wish.account, &wish.region).await;
    found.map_err(unseen)
}

/// Distinguishes the resource to remove from its predecessor and successor.
pub(super) async fn look(
    calls: &EnrolmentCalls,
    kind: ConfigStepKind,
    wish: &DesiredConfig,
) -> Result<StepProbe, StepError> {
    let now = now(calls, wish).await?;
    let gone = |old: Option<Value>| match old {
        None => StepProbe::Satisfied,
        Some(old) => StepProbe::Differs { old },
    };
    let there = |is_there: bool| {
        if is_there {
            StepProbe::Satisfied
        } else {
            StepProbe::Absent
        }
    };
    Ok(match kind {
        ConfigStepKind::StopRecorder => gone(now.recording.then(|| json!({ "recording": true }))),
        ConfigStepKind::DeleteChannel => gone(now.channel),
        ConfigStepKind::DeleteRecorder => gone(now.recorder),
        ConfigStepKind::PutRecorder => there(now.recorder.is_some()),
        ConfigStepKind::PutChannel => there(now.channel.is_some()),
        ConfigStepKind::StartRecorder => there(now.recording),
    })
}

/// Checks directly before a removal: settings that differ from the recorded ones belong to another
/// user, and an undo would lose them. A restore also overwrites nothing.
pub(super) async fn look_again(
    calls: &EnrolmentCalls,
    kind: ConfigStepKind,
    wish: &DesiredConfig,
) -> Result<StepProbe, StepError> {
    let seen = look(calls, kind, wish).await?;
    if !seen.is_change() {
        return Ok(seen);
    }
    let now = now(calls, wish).await?;
    let same =
        |one: &Option<Value>, other: &Option<Value>| given(one.as_ref()) == given(other.as_ref());
    let recorder = same(&now.recorder, &wish.before.recorder);
    let channel = same(&now.channel, &wish.before.channel);
    let is_as_recorded = match kind {
        ConfigStepKind::StopRecorder | ConfigStepKind::DeleteChannel => recorder && channel,
        ConfigStepKind::DeleteRecorder | ConfigStepKind::StartRecorder => recorder,
        ConfigStepKind::PutRecorder | ConfigStepKind::PutChannel => true,
    };
    Ok(if is_as_recorded {
        seen
    } else {
        StepProbe::Differs {
            old: json!({ "recorder": now.recorder, "channel": now.channel }),
        }
    })
}

fn given(settings: Option<&Value>) -> Value {
    let mut settings = settings.cloned().unwrap_or_default();
    if let Some(members) = settings.as_object_mut() {
        members.retain(|name, _| name != "arn");
    }
    settings
}

pub(super) async fn act(
    calls: &EnrolmentCalls,
    kind: ConfigStepKind,
    wish: &DesiredConfig,
) -> Result<WriteAnswer, StepError> {
    let name = |settings: Option<&Value>| {
        let found = settings.and_then(|it| it.get("name"));
        found.cloned().unwrap_or_else(|| "default".into())
    };
    let (recorder, channel) = (wish.before.recorder.as_ref(), wish.before.channel.as_ref());
    let (operation, input) = match kind {
        ConfigStepKind::StopRecorder => (
            "StopConfigurationRecorder",
            json!({ "ConfigurationRecorderName": name(recorder) }),
        ),
        ConfigStepKind::DeleteChannel => (
            "DeleteDeliveryChannel",
            json!({ "DeliveryChannelName": name(channel) }),
        ),
        ConfigStepKind::DeleteRecorder => (
            "DeleteConfigurationRecorder",
            json!({ "ConfigurationRecorderName": name(recorder) }),
        ),
        ConfigStepKind::PutRecorder => (
            "PutConfigurationRecorder",
            json!({ "ConfigurationRecorder": given(recorder) }),
        ),
        ConfigStepKind::PutChannel => (
            "PutDeliveryChannel",
            json!({ "DeliveryChannel": given(channel) }),
        ),
        ConfigStepKind::StartRecorder => (
            "StartConfigurationRecorder",
            json!({ "ConfigurationRecorderName": name(recorder) }),
        ),
    };
    let inside = calls.by(&wish.by);
    let inside = inside
        .ok_or_else(|| StepError::failed("plan", &format!("no role is called `{}`", wish.by)))?;
    let place = ReadPlace {
        account: Some(wish.account.clone()),
        region: Some(wish.region.clone()),
    };
    let accepted = || WriteAnswer::Accepted {
        remote: format!("{} {}", wish.account, wish.region),
    };
    match inside.send(&place, ("config", operation), &input).await {
        Ok(_) => Ok(accepted()),
        Err(OrganizationFault::Refused { code, .. }) if code.starts_with("NoSuch") => {
            Ok(accepted())
        }
        Err(fault) => Err(setback(fault)),
    }
}

pub(super) async fn verify(
    calls: &EnrolmentCalls,
    kind: ConfigStepKind,
    wish: &DesiredConfig,
) -> Result<Verify, StepError> {
    Ok(match look(calls, kind, wish).await? {
        StepProbe::Satisfied => Verify::Done(hallpass_plans::Effect {
            new: json!({ "account": wish.account, "region": wish.region }),
            requests: Vec::new(),
        }),
        _ => Verify::Running,
    })
}

pub(super) fn undo(kind: ConfigStepKind, wish: &DesiredConfig) -> Undo {
    let back = match kind {
        ConfigStepKind::StopRecorder => ConfigStepKind::StartRecorder,
        ConfigStepKind::DeleteChannel => ConfigStepKind::PutChannel,
        ConfigStepKind::DeleteRecorder => ConfigStepKind::PutRecorder,
        ConfigStepKind::StartRecorder => ConfigStepKind::StopRecorder,
        ConfigStepKind::PutChannel => ConfigStepKind::DeleteChannel,
        ConfigStepKind::PutRecorder => ConfigStepKind::DeleteRecorder,
    };
    Undo::By(vec![(back.into(), stored(wish))])
}
