//! The step that registers a unit with Control Tower (`organization.md` N-5).

use hallpass_plans::{Effect, StepError, StepProbe, Verify, WriteAnswer};
use serde_json::json;

use super::plan::DesiredRegistration;
use crate::changing::ServiceCalls;
use crate::control_tower::{BaselineStatus, EnabledBaseline, enabled};
use crate::reading::{ReadPlace, Reader, text};
use crate::steps::{setback, unseen};

const NOT_REGISTERED: &str = "NotRegistered";

async fn baseline(
    calls: &dyn ServiceCalls,
    wish: &DesiredRegistration,
) -> Result<Option<EnabledBaseline>, StepError> {
    let found = enabled(calls, Some(&wish.unit_arn)).await;
    Ok(found.map_err(unseen)?.remove(&wish.unit_arn))
}

pub(super) async fn look(
    calls: &dyn ServiceCalls,
    wish: &DesiredRegistration,
) -> Result<StepProbe, StepError> {
    Ok(match baseline(calls, wish).await? {
        None => StepProbe::Absent,
        Some(it) => match it.status {
            BaselineStatus::Succeeded => StepProbe::Satisfied,
            BaselineStatus::UnderChange => StepProbe::InProgress {
                remote: wish.unit_arn.clone(),
            },
            // it is reset
            BaselineStatus::Failed => StepProbe::Differs {
                old: json!({ "unit": wish.unit, "baseline": it.arn, "status": "FAILED" }),
            },
        },
    })
}

pub(super) async fn register(
    calls: &dyn ServiceCalls,
    wish: &DesiredRegistration,
) -> Result<WriteAnswer, StepError> {
    let (operation, input) = if let Some(there) = baseline(calls, wish).await? {
        let input = json!({ "enabledBaselineIdentifier": there.arn });
        ("ResetEnabledBaseline", input)
    } else {
        let mut input = json!({
            "baselineIdentifier": wish.with.arn, "baselineVersion": wish.with.version,
            "targetIdentifier": wish.unit_arn,
        });
        if let (Some(arn), Some(members)) = (&wish.with.identity_center, input.as_object_mut()) {
            let parameter = json!({ "key": "IdentityCenterEnabledBaselineArn", "value": arn });
            members.insert("parameters".to_owned(), json!([parameter]));
        }
        ("EnableBaseline", input)
    };
    let place = ReadPlace::default();
    let sent = calls
        .send(&place, ("controltower", operation), &input)
        .await;
    let answer = sent.map_err(setback)?;
    Ok(WriteAnswer::Accepted {
        remote: text(&answer, "/operationIdentifier").to_owned(),
    })
}

/// Progress by operation, or by unit.
pub(super) async fn ask(
    calls: &dyn ServiceCalls,
    wish: &DesiredRegistration,
    remote: &str,
) -> Result<Verify, StepError> {
    let not = |why: &str| {
        let why = if why.is_empty() {
            "no reason is given"
        } else {
            why
        };
        let text = format!(
            "Control Tower did not register unit {}: {why}; its accounts stand where they stood",
            wish.unit
        );
        Verify::Setback(StepError::failed(NOT_REGISTERED, &text))
    };
    if !remote.starts_with("arn:") {
        let home = Reader {
            calls,
            place: ReadPlace::default(),
        };
        let operation = ("controltower", "GetBaselineOperation");
        let input = json!({ "operationIdentifier": remote });
        let answer = home.one(operation, input).await.map_err(unseen)?;
        match text(&answer, "/baselineOperation/status") {
            "IN_PROGRESS" => return Ok(Verify::Running),
            "FAILED" => return Ok(not(text(&answer, "/baselineOperation/statusMessage"))),
            _ => {}
        }
    }
    let status = baseline(calls, wish).await?.map(|it| it.status);
    Ok(match status {
        Some(BaselineStatus::Succeeded) => Verify::Done(Effect {
            new: json!({ "unit": wish.unit, "baseline": wish.with.arn, "version": wish.with.version }),
            requests: Vec::new(),
        }),
        Some(BaselineStatus::Failed) => not(""),
        // the list lags behind the operation
        Some(BaselineStatus::UnderChange) | None => Verify::Running,
    })
}
