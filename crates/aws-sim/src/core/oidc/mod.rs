//! How command lines sign in to the access portal (`sso-oidc`): clients, device authorization
//! (RFC 8628), authorization codes with proof keys (RFC 7636), tokens.

mod clients;
mod device;
mod people;
mod tokens;

pub(crate) use people::{CodeRequest, NotSignedIn, answer_device, authorize, check, sign_in};

use super::{
    call::{ApiError, ErrorClass, Output},
    context::Context,
};

/// The operations that have behaviour.
pub(super) const OPERATIONS: &[&str] =
    &["RegisterClient", "StartDeviceAuthorization", "CreateToken"];

type HandlerResult = Result<Output, ApiError>;

/// Name of the error, `error` of its body (RFC 6749 §5.2), HTTP status as the model has it.
const ERRORS: &[(&str, &str, u16)] = &[
    ("AccessDeniedException", "access_denied", 400),
    (
        "AuthorizationPendingException",
        "authorization_pending",
        400,
    ),
    ("ExpiredTokenException", "expired_token", 400),
    ("InternalServerException", "server_error", 500),
    ("InvalidClientException", "invalid_client", 401),
    (
        "InvalidClientMetadataException",
        "invalid_client_metadata",
        400,
    ),
    ("InvalidGrantException", "invalid_grant", 400),
    ("InvalidRedirectUriException", "invalid_redirect_uri", 400),
    ("InvalidRequestException", "invalid_request", 400),
    ("InvalidScopeException", "invalid_scope", 400),
    ("SlowDownException", "slow_down", 400),
    ("UnauthorizedClientException", "unauthorized_client", 400),
    (
        "UnsupportedGrantTypeException",
        "unsupported_grant_type",
        400,
    ),
];

/// An error with the two members that all of this service's have.
pub(crate) fn refused(name: &str, description: &str) -> ApiError {
    let known = ERRORS.iter().find(|(known, ..)| *known == name);
    let (_, error, status) = known.copied().unwrap_or((name, "invalid_request", 400));
    let class = match name {
        "AccessDeniedException" => ErrorClass::Denied,
        "InvalidClientException" => ErrorClass::AuthFailed,
        "InternalServerException" => ErrorClass::Server,
        _ => ErrorClass::Client,
    };
    ApiError::new(name, "")
        .status(status)
        .class(class)
        .with("error", error)
        .with("error_description", description)
}

/// Answers an operation of the list above.
pub(super) fn answer(context: &mut Context<'_>) -> HandlerResult {
    match context.call.operation.as_str() {
        "RegisterClient" => clients::register(context),
        "StartDeviceAuthorization" => device::start(context),
        _ => tokens::create(context),
    }
}

/// Whether an address is the portal's, give or take how people write it.
fn is_portal(context: &Context<'_>, url: &str) -> bool {
    let plain = |url: &str| {
        let url = url.split('#').next().unwrap_or_default();
        url.trim_end_matches('/').to_owned()
    };
    plain(url) == plain(&context.state.center.portal_url)
}
