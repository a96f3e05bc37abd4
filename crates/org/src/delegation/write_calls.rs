//! The calls that change administrators and behavior graphs.

use hallpass_plans::{PlanStep, StepError};
use serde_json::{Value, json};

use super::families::{DETECTIVE, DelegatedService, RegionalCalls, service_named};
use super::plan::{DesiredAdministrator, DesiredGraph};
use crate::reading::{Operation, ReadPlace};

pub(super) const ORGANIZATIONS: &str = "organizations";

pub(super) struct WriteCall {
    pub(super) place: ReadPlace,
    pub(super) operation: Operation,
    pub(super) input: Value,
}

pub(super) fn at_home(operation: Operation, input: Value) -> WriteCall {
    WriteCall {
        place: ReadPlace::default(),
        operation,
        input,
    }
}

pub(super) fn registration(
    operation: &'static str,
    wish: &DesiredAdministrator,
) -> Result<WriteCall, StepError> {
    let principal = family(&wish.service)?.principal;
    let input = json!({ "AccountId": wish.account, "ServicePrincipal": principal });
    Ok(at_home((ORGANIZATIONS, operation), input))
}

pub(super) fn designation(step: &PlanStep, sets: bool) -> Result<WriteCall, StepError> {
    let wish: DesiredAdministrator = step.wish()?;
    let own = own_calls(&wish.service)?;
    let (operation, names_it) = if sets {
        (own.enable, true)
    } else {
        (own.disable, own.disable_names_it)
    };
    let input = if names_it {
        json!({ own.account: wish.account })
    } else {
        json!({})
    };
    let mut call = at_home((own.service, operation), input);
    call.place.region = Some(step.target.region.clone());
    Ok(call)
}

pub(super) fn graph_call(
    wish: DesiredGraph,
    region: &str,
    operation: &'static str,
    input: Value,
) -> WriteCall {
    WriteCall {
        place: ReadPlace {
            account: Some(wish.account),
            region: Some(region.to_owned()),
        },
        operation: (DETECTIVE, operation),
        input,
    }
}

pub(super) fn family(name: &str) -> Result<&'static DelegatedService, StepError> {
    service_named(name)
        .ok_or_else(|| StepError::failed("plan", &format!("no service is called `{name}`")))
}

pub(super) fn own_calls(name: &str) -> Result<RegionalCalls, StepError> {
    let none = || {
        StepError::failed(
            "plan",
            &format!("`{name}` has one administrator everywhere"),
        )
    };
    family(name)?.regional.ok_or_else(none)
}
