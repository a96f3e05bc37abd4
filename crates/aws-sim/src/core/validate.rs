//! Input validation by the service models: required members, lengths and patterns.

use hallpass_aws_model::{Invalid, validate};

use super::{call::Call, errors::ApiError};

/// Checks the input of a call.
///
/// # Errors
/// All violations in one message (`simulator.md` R-7), under the service's name for them.
pub(crate) fn check(call: &Call) -> Result<(), ApiError> {
    let Some((model, operation)) = call.service.model(&call.operation) else {
        return Ok(());
    };
    let errors = &call.service.errors;
    match validate(model, operation, &call.input) {
        Ok(()) => Ok(()),
        Err(Invalid::WrongType { path, expected }) if path.is_empty() => Err((errors.unreadable)(
            &format!("The request body must be {expected}."),
        )),
        Err(Invalid::WrongType { path, expected }) => Err((errors.unreadable)(&format!(
            "The member {path} must be {expected}."
        ))),
        Err(Invalid::Violations(violations)) => Err((errors.invalid)(&call.input, &violations)),
    }
}
