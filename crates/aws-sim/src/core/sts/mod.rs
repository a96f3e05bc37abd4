//! The security token service.

mod identity;
mod issue;
mod roles;

pub(crate) use issue::{
    account_of, caller_of, default_key, derive_secret, issue, unique_id, whole_seconds,
};

use super::{
    call::{ApiError, Output},
    context::Context,
};

/// The operations that have behaviour.
pub(super) const OPERATIONS: &[&str] = &[
    "GetCallerIdentity",
    "AssumeRole",
    "GetSessionToken",
    "GetAccessKeyInfo",
];

type HandlerResult = Result<Output, ApiError>;

/// Answers an operation of the list above.
pub(super) fn answer(context: &mut Context<'_>) -> HandlerResult {
    context.admit()?;
    match context.call.operation.as_str() {
        "GetCallerIdentity" => Ok(identity::caller(context)),
        "AssumeRole" => roles::assume(context),
        "GetSessionToken" => roles::session_token(context),
        _ => identity::key_info(context),
    }
}
