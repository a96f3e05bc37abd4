//! How command lines sign in to the access portal (`sso-oidc`): clients, device authorization
//! (RFC 8628), authorization codes with proof keys (RFC 7636), tokens.

mod clients;
mod device;
mod people;
mod tokens;

pub(super) use tokens::ACCESS_TOKEN;

pub(crate) use people::{CodeRequest, NotSignedIn, answer_device, authorize, check, sign_in};

use hallpass_aws_model::message;

use super::ServiceDescriptor;
use crate::core::{
    call::Output,
    context::{Context, HandlerResult},
    errors::{self, ApiError, ErrorClass, ErrorForms},
    service::{BucketSharing, CallRates, RequestForm, ScopeRegions, SimService},
};

pub(super) static DESCRIPTOR: ServiceDescriptor = ServiceDescriptor {
    service: SimService {
        name: "SsoOidc",
        signing_name: "sso-oauth",
        page_rows: 100,
        requests: RequestForm::Table("sso-oidc"),
        scope: ScopeRegions::Regional,
        rates: CallRates::one(BucketSharing::Everybody, 20.0, 20.0),
        errors: ErrorForms {
            unreadable: |text| refused("InvalidRequestException", text),
            invalid: |_, violations| refused("InvalidRequestException", &message(violations)),
            throttled: || refused("SlowDownException", "Rate exceeded"),
            internal: |text| refused("InternalServerException", text),
            ..errors::REST_JSON
        },
        policies: None,
        secrets: &[
            "clientSecret",
            "deviceCode",
            "code",
            "codeVerifier",
            "refreshToken",
            "accessToken",
        ],
        names_origin: true,
    },
    begin: |_| Ok(()),
    operations: &[clients::OPERATIONS, device::OPERATIONS, tokens::OPERATIONS],
};

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
fn refused(name: &str, description: &str) -> ApiError {
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

/// Whether an address is the portal's, give or take how people write it. AWS's own for it counts as
/// well, since some clients take no address without TLS.
fn is_portal(context: &Context<'_>, url: &str) -> bool {
    let plain = |url: &str| {
        let url = url.split('#').next().unwrap_or_default();
        url.trim_end_matches('/').to_owned()
    };
    let center = &context.state.center;
    [&center.portal_url, &center.start_url()]
        .map(|known| plain(known))
        .contains(&plain(url))
}

/// Whether people sign in in the Region of the call.
fn is_here(context: &Context<'_>) -> bool {
    let center = &context.state.center;
    center.signs_in(&context.call.region, context.now)
}
