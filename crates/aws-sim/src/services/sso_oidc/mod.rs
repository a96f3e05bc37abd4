//! Sign-in of command lines to the access portal (`sso-oidc`): clients, device authorization (RFC
//! 8628), authorization codes with proof keys (RFC 7636), tokens.

mod clients;
mod device;
mod people;
mod tokens;

pub(super) use tokens::ACCESS_TOKEN;

pub(crate) use people::{CodeRequest, NotSignedIn, answer_device, authorize, check, sign_in};

use hallpass_aws_model::{facts, message};

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
        rates: CallRates::one(
            BucketSharing::Everybody,
            facts::CENTER_CALLS.rate(),
            facts::CENTER_CALLS.rate(),
        ),
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

/// `error` in the body (RFC 6749 §5.2): the name in lower case, except the server's own.
fn oauth_error(name: &str) -> String {
    let name = match name {
        "InternalServerException" => "ServerErrorException",
        other => other,
    };
    let mut words = String::new();
    for letter in name.trim_end_matches("Exception").chars() {
        if letter.is_ascii_uppercase() && !words.is_empty() {
            words.push('_');
        }
        words.push(letter.to_ascii_lowercase());
    }
    words
}

fn refused(name: &str, description: &str) -> ApiError {
    // statuses are those of the model
    let (class, status) = match name {
        "AccessDeniedException" => (ErrorClass::Denied, 400),
        "InvalidClientException" => (ErrorClass::AuthFailed, 401),
        "InternalServerException" => (ErrorClass::Server, 500),
        _ => (ErrorClass::Client, 400),
    };
    ApiError::new(name, "")
        .status(status)
        .class(class)
        .with("error", oauth_error(name))
        .with("error_description", description)
}

/// Whether an address is the portal's, in any common spelling, or AWS's own for it, because some
/// clients require TLS.
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

fn is_here(context: &Context<'_>) -> bool {
    let center = &context.state.center;
    center.signs_in(&context.call.region, context.now)
}

#[cfg(test)]
mod tests {
    use super::oauth_error;

    #[test]
    fn errors_are_called_as_oauth_calls_them() {
        let called = [
            ("AuthorizationPendingException", "authorization_pending"),
            ("ExpiredTokenException", "expired_token"),
            ("InternalServerException", "server_error"),
            ("InvalidRedirectUriException", "invalid_redirect_uri"),
            ("SlowDownException", "slow_down"),
        ];
        for (name, error) in called {
            assert_eq!(oauth_error(name), error);
        }
    }
}
