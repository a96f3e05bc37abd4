//! The pure state machine: `handle(call, caller, now) -> reply`. No clock, no I/O; what is
//! random is drawn from the seed and the number of the call.

pub(crate) mod authorize;
pub(crate) mod behaviour;
pub(crate) mod call;
mod clearance;
mod context;
pub(crate) mod document;
pub(crate) mod entities;
pub(crate) mod export;
pub(crate) mod guardrails;
mod iam;
mod identity;
pub(crate) mod limits;
pub(crate) mod load;
pub(crate) mod mutate;
pub(crate) mod oidc;
pub(crate) mod operations;
mod organizations;
mod pages;
pub(crate) mod portal;
pub(crate) mod random;
pub(crate) mod regions;
pub(crate) mod roles;
mod settle;
pub(crate) mod sso;
pub(crate) mod state;
pub(crate) mod sts;
pub(crate) mod table;
pub(crate) mod trial;
mod validate;

use call::{ApiError, AwsCaller, Call, CallResult, ErrorClass, Output, SimService};
use context::Context;
use operations::OperationSupport;
use state::SimState;
use table::Millis;

/// Answers one call. `now` is virtual time; it is taken as the latest instant seen when it is
/// earlier, so that nothing ever runs backwards.
pub(crate) fn handle(
    state: &mut SimState,
    call: &Call,
    caller: &AwsCaller,
    now: Millis,
) -> CallResult {
    advance(state, now);
    let mut context = Context::new(state, call, caller);
    let result = dispatch(&mut context);
    let changed = context.changed();
    CallResult { result, changed }
}

/// Lets time pass: makes due operations final, in order, and names them.
pub(crate) fn advance(state: &mut SimState, now: Millis) -> Vec<call::Id> {
    state.latest = state.latest.max(now);
    settle::settle(state)
}

fn dispatch(context: &mut Context<'_>) -> Result<Output, ApiError> {
    match operations::find(context.call.service, &context.call.operation) {
        OperationSupport::Unknown => Err(unknown_operation(context.call)),
        OperationSupport::Unsupported => {
            let name = format!(
                "{}:{}",
                context.call.service.signing_name(),
                context.call.operation
            );
            context.state.unsupported.insert(name);
            Err(unsupported(context.call))
        }
        OperationSupport::Behaves => {
            validate::check(context.call)?;
            authorize::check(context.state, context.call, context.caller)?;
            match context.call.service {
                SimService::Sso => sso::answer(context),
                SimService::IdentityStore => identity::answer(context),
                SimService::Organizations => organizations::answer(context),
                SimService::Sts => sts::answer(context),
                SimService::Iam => iam::answer(context),
                SimService::Ec2 | SimService::S3 => trial::answer(context),
                SimService::SsoOidc => oidc::answer(context),
                SimService::SsoPortal => portal::answer(context),
            }
        }
    }
}

/// The answer to an operation that no model has.
pub(crate) fn unknown_operation(call: &Call) -> ApiError {
    match call.service {
        SimService::Sts | SimService::Iam | SimService::Ec2 => {
            let version = match call.service {
                SimService::Iam => "2010-05-08",
                SimService::Ec2 => "2016-11-15",
                _ => "2011-06-15",
            };
            let text = format!(
                "Could not find operation {} for version {version}",
                call.operation
            );
            ApiError::new("InvalidAction", text)
        }
        SimService::S3 => ApiError::new("MethodNotAllowed", "").status(405),
        SimService::Sso
        | SimService::IdentityStore
        | SimService::Organizations
        | SimService::SsoOidc
        | SimService::SsoPortal => ApiError::new("UnknownOperationException", ""),
    }
}

fn unsupported(call: &Call) -> ApiError {
    let text = format!(
        "You are not authorized to perform {}:{} (not simulated)",
        call.service.signing_name(),
        call.operation
    );
    match call.service {
        SimService::Sts | SimService::Iam | SimService::S3 => {
            ApiError::new("AccessDenied", text).status(403)
        }
        SimService::Ec2 => ApiError::new("UnauthorizedOperation", text).status(403),
        SimService::Sso | SimService::IdentityStore | SimService::Organizations => {
            ApiError::new("AccessDeniedException", text)
        }
        SimService::SsoOidc | SimService::SsoPortal => {
            ApiError::new("AccessDeniedException", text).status(403)
        }
    }
    .class(ErrorClass::Unsupported)
}
