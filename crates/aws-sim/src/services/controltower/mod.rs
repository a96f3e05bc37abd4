//! AWS Control Tower: landing zone, baselines and controls. Accounts inherit both from their unit.

mod baselines;
mod controls;
mod zones;

use serde_json::Value;

use super::ServiceDescriptor;
use crate::core::{
    call::Output,
    context::{Context, HandlerResult},
    errors::{self, ApiError, ErrorForms},
    service::SimService,
    tower::{SimTower, TowerOperation, enrolling},
    windows::Window,
};

pub(super) static DESCRIPTOR: ServiceDescriptor = ServiceDescriptor {
    service: SimService {
        errors: ErrorForms {
            page_token: || ApiError::new("ValidationException", "Invalid nextToken."),
            throttled: || ApiError::new("ThrottlingException", "Rate exceeded"),
            ..errors::REST_JSON_VALIDATION
        },
        secrets: &["nextToken"],
        ..SimService::named("ControlTower", "controltower")
    },
    begin: |call| call.admit(),
    operations: &[
        zones::OPERATIONS,
        baselines::OPERATIONS,
        controls::OPERATIONS,
    ],
};

fn tower<'a>(context: &'a Context<'_>) -> Option<&'a SimTower> {
    let is_ours = context.caller.account == context.state.head.management;
    let tower = context.state.tower.as_ref().filter(|_| is_ours)?;
    (tower.basis.home_region == context.call.region).then_some(tower)
}

fn need<'a>(context: &'a Context<'_>) -> Result<&'a SimTower, ApiError> {
    tower(context).ok_or_else(|| missing("There is no landing zone in this account and Region."))
}

fn missing(text: &str) -> ApiError {
    ApiError::new("ResourceNotFoundException", text)
}

fn target(context: &Context<'_>, kind: &str, id: &str) -> String {
    let head = &context.state.head;
    format!(
        "arn:aws:organizations::{}:{kind}/{}/{id}",
        head.management, head.id
    )
}

fn fits(filter: Option<&Value>, name: &str, is: Option<&str>) -> bool {
    let wanted = filter.and_then(|it| it.get(name)).and_then(Value::as_array);
    wanted.is_none_or(|all| all.is_empty() || all.iter().any(|it| it.as_str() == is))
}

fn begin(
    context: &mut Context<'_>,
    kind: &str,
    unit: &str,
    control: Option<String>,
) -> Result<String, ApiError> {
    if need(context)?.is_busy(control.is_none()) {
        let text = "AWS Control Tower cannot perform this operation because another operation is in progress.";
        return Err(ApiError::new("ConflictException", text));
    }
    let failed = context.call.modifiers.fail_async.clone();
    let due =
        context.now + enrolling(context.state.settings.speed) + context.call.modifiers.stuck_ms;
    context.write(Window::Immediate);
    let id = context.random().uuid();
    let operation = TowerOperation {
        kind: kind.to_owned(),
        unit: unit.to_owned(),
        control,
        started: context.now,
        due,
        failed: failed.map(|it| it.reason),
        done: false,
    };
    if let Some(tower) = &mut context.state.tower {
        if let (None, Some(row)) = (&operation.control, tower.units.get_mut(unit)) {
            row.operation = Some(id.clone());
        }
        tower.operations.insert(id.clone(), operation);
    }
    Ok(id)
}

fn progress(operation: &TowerOperation) -> &'static str {
    match (operation.done, &operation.failed) {
        (false, _) => "IN_PROGRESS",
        (true, None) => "SUCCEEDED",
        (true, Some(_)) => "FAILED",
    }
}
