//! The front door: what the service models say about required members, lengths and patterns.

use hallpass_aws_model::{Invalid, message, validate};

use super::{
    call::{ApiError, Call, SimService},
    oidc, operations, portal,
};

/// Checks the input of a call.
///
/// # Errors
/// All violations in one message (`simulator.md` R-7), under the name that the service gives them.
pub(super) fn check(call: &Call) -> Result<(), ApiError> {
    let Some((model, operation)) = operations::model(call.service, &call.operation) else {
        return Ok(());
    };
    match validate(model, operation, &call.input) {
        Ok(()) => Ok(()),
        Err(Invalid::WrongType { path, expected }) => {
            let text = if path.is_empty() {
                format!("The request body must be {expected}.")
            } else {
                format!("The member {path} must be {expected}.")
            };
            Err(match call.service {
                SimService::Sts | SimService::Iam | SimService::Ec2 | SimService::S3 => {
                    ApiError::new("MalformedInput", text)
                }
                SimService::Sso | SimService::IdentityStore | SimService::Organizations => {
                    ApiError::new("SerializationException", text)
                }
                SimService::SsoPortal => ApiError::new("InvalidRequestException", text),
                SimService::SsoOidc => oidc::refused("InvalidRequestException", &text),
            })
        }
        Err(Invalid::Violations(violations)) => {
            let text = message(&violations);
            Err(match call.service {
                SimService::SsoPortal => portal::invalid(call, &text),
                SimService::SsoOidc => oidc::refused("InvalidRequestException", &text),
                SimService::Sts | SimService::Iam | SimService::Ec2 | SimService::S3 => {
                    ApiError::new("ValidationError", text)
                }
                SimService::Sso | SimService::IdentityStore => {
                    ApiError::new("ValidationException", text)
                }
                SimService::Organizations => {
                    let first = violations.first().map(|one| one.constraint.as_str());
                    ApiError::new("InvalidInputException", text)
                        .with("Reason", reason(first.unwrap_or_default()))
                }
            })
        }
    }
}

/// The `Reason` of organizations for a constraint.
fn reason(constraint: &str) -> &'static str {
    let known = [
        ("must not be null", "INPUT_REQUIRED"),
        ("length less than", "MAX_LENGTH_EXCEEDED"),
        ("length greater than", "MIN_LENGTH_EXCEEDED"),
        ("value less than", "MAX_VALUE_EXCEEDED"),
        ("value greater than", "MIN_VALUE_EXCEEDED"),
        ("enum value set", "INVALID_ENUM"),
    ];
    let found = known.iter().find(|(part, _)| constraint.contains(part));
    found.map_or("INVALID_PATTERN", |(_, reason)| reason)
}
