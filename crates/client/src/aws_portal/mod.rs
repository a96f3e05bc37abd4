//! The access portal of IAM Identity Center for programs: sign-in (`sso-oidc`), then role
//! credentials (`sso`). Both are plain JSON without signatures; the access token is the secret.
//! Shares the token cache with the AWS CLI.

mod sign_in;
mod token;

use std::fmt;
use std::time::Duration;

use hallpass_api::Portal;
use hallpass_aws::answer_body::{BodyFault, whole};
use hallpass_aws::portal_address::{is_loopback, portal_address};
use hallpass_base::{AccountId, PermissionSetName, Timestamp};
use reqwest::{RequestBuilder, StatusCode, Url, redirect};
use secrecy::{ExposeSecret as _, SecretString};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

pub use self::sign_in::SignInWay;
pub use self::token::SsoToken;
use crate::client::root;
use hallpass_terminal::exit::Failure;

const CALL_TIMEOUT: Duration = Duration::from_secs(20);
const ANSWER_BYTES_MAX: usize = 256 * 1024;
/// Attempts of a call while AWS is busy.
const ATTEMPTS: u32 = 4;
/// The pause after the first attempt; doubles.
const PAUSE: Duration = Duration::from_millis(400);

#[derive(Debug)]
pub struct AccessPortal {
    place: Portal,
    simulated: Option<String>,
    oidc: Url,
    sso: Url,
    http: reqwest::Client,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RoleCredentials {
    pub access_key_id: String,
    pub secret_access_key: SecretString,
    pub session_token: SecretString,
    /// In milliseconds since 1970.
    expiration: i64,
}

impl RoleCredentials {
    /// Whether each part is text without spaces: programs get them in their environment.
    fn is_well_formed(&self) -> bool {
        let parts = [
            self.access_key_id.as_str(),
            self.secret_access_key.expose_secret(),
            self.session_token.expose_secret(),
        ];
        let is_word = |part: &str| !part.is_empty() && part.bytes().all(|it| it.is_ascii_graphic());
        parts.into_iter().all(is_word)
    }

    pub fn expires_at(&self) -> Timestamp {
        Timestamp::from_millisecond(self.expiration).unwrap_or(Timestamp::UNIX_EPOCH)
    }
}

#[derive(Debug)]
pub enum PortalError {
    /// An unknown, expired or revoked token.
    NotSignedIn,
    NoAccess,
    Failed(Failure),
}

impl From<Failure> for PortalError {
    fn from(failure: Failure) -> Self {
        Self::Failed(failure)
    }
}

#[derive(Debug)]
struct PortalRefusal {
    status: StatusCode,
    /// `error` of OAuth (RFC 6749 §5.2), or the name of AWS's exception.
    code: String,
    text: String,
}

#[derive(Debug)]
enum CallError {
    Refused(PortalRefusal),
    Failed(Failure),
}

impl fmt::Display for PortalRefusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { status, code, text } = self;
        match (code.is_empty(), text.is_empty()) {
            (true, true) => write!(f, "{status}"),
            (false, true) => write!(f, "{code}"),
            (true, false) => write!(f, "{text}"),
            (false, false) => write!(f, "{code}: {text}"),
        }
    }
}

impl From<CallError> for Failure {
    fn from(error: CallError) -> Self {
        match error {
            CallError::Failed(failure) => failure,
            CallError::Refused(refusal) => {
                Self::failed(format!("the access portal refuses: {refusal}")).code("portal")
            }
        }
    }
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct ErrorBody {
    error: String,
    error_description: String,
    message: String,
}

impl AccessPortal {
    pub fn new(mut place: Portal) -> Result<Self, Failure> {
        let bad = |place: &Portal, why: &str| {
            let url = &place.start_url;
            Failure::failed(format!(
                "the server names `{url}` as the access portal: {why}"
            ))
            .help("`identity.portal_url` in the server's configuration says where it is")
        };
        place.start_url = portal_address(&place.start_url).map_err(|why| bad(&place, why))?;
        let start: Url = place
            .start_url
            .parse()
            .map_err(|_| bad(&place, "it is not a URL"))?;
        let here = is_loopback(&start);
        let region = &place.region;
        let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        if region.is_empty() || !region.chars().all(fits) {
            return Err(bad(&place, "its Region does not exist"));
        }
        // a portal on this machine is a simulator's, and so are the services
        let simulated = here.then(|| start.origin().ascii_serialization());
        let suffix = if region.starts_with("cn-") { ".cn" } else { "" };
        let oidc = endpoint("SSO_OIDC", simulated.as_deref())?
            .unwrap_or(format!("https://oidc.{region}.amazonaws.com{suffix}"));
        let sso = endpoint("SSO", simulated.as_deref())?
            .unwrap_or(format!("https://portal.sso.{region}.amazonaws.com{suffix}"));
        let url = |text: String| {
            let url: Result<Url, _> = text.parse();
            url.map_err(|_| Failure::bad_input(format!("`{text}` is no endpoint URL")))
        };
        let (oidc, sso) = (url(oidc)?, url(sso)?);
        let mut http = reqwest::Client::builder()
            .user_agent(concat!("hallpass-cli/", env!("CARGO_PKG_VERSION")))
            .timeout(CALL_TIMEOUT)
            // a redirect could carry the token to another host
            .redirect(redirect::Policy::none());
        if is_loopback(&oidc) {
            http = http.no_proxy();
        }
        let http = http
            .build()
            .map_err(|error| Failure::failed(format!("cannot make calls: {}", root(&error))))?;
        Ok(Self {
            place,
            simulated,
            oidc,
            sso,
            http,
        })
    }

    pub fn start_url(&self) -> &str {
        &self.place.start_url
    }

    pub fn region(&self) -> &str {
        &self.place.region
    }

    pub fn endpoint_url(&self) -> Option<&str> {
        self.simulated.as_deref()
    }

    /// The name of the `sso-session` in the AWS CLI's configuration, the key of cached tokens.
    pub fn session(&self) -> &'static str {
        match self.simulated {
            None => "hallpass",
            Some(_) => "hallpass-demo",
        }
    }

    pub fn console_url(
        &self,
        account: &AccountId,
        set: &PermissionSetName,
        destination: Option<&Url>,
    ) -> String {
        let start = &self.place.start_url;
        let mut wish = url_query(&[
            ("account_id", account.as_str()),
            ("role_name", set.as_str()),
        ]);
        if let Some(destination) = destination {
            wish.push('&');
            wish.push_str(&url_query(&[("destination", destination.as_str())]));
        }
        format!("{start}/#/console?{wish}")
    }

    /// Role credentials of the signed-in user (`GetRoleCredentials`).
    pub async fn role_credentials(
        &self,
        token: &SsoToken,
        account: &AccountId,
        set: &PermissionSetName,
    ) -> Result<RoleCredentials, PortalError> {
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Answer {
            role_credentials: RoleCredentials,
        }
        let mut url = below(&self.sso, &["federation", "credentials"])?;
        url.query_pairs_mut()
            .append_pair("account_id", account.as_str())
            .append_pair("role_name", set.as_str());
        let request = || {
            let token = token.access_token.0.expose_secret();
            self.http
                .get(url.clone())
                .header("x-amz-sso_bearer_token", token)
        };
        match self.call::<Answer>(request).await {
            Ok(answer) if answer.role_credentials.is_well_formed() => Ok(answer.role_credentials),
            Ok(_) => {
                let message = "the access portal gave credentials that cannot be AWS's";
                Err(PortalError::Failed(Failure::failed(message).code("portal")))
            }
            Err(CallError::Refused(refusal)) => Err(match refusal.status {
                StatusCode::UNAUTHORIZED => PortalError::NotSignedIn,
                StatusCode::FORBIDDEN | StatusCode::NOT_FOUND => PortalError::NoAccess,
                _ => PortalError::Failed(CallError::Refused(refusal).into()),
            }),
            Err(error @ CallError::Failed(_)) => Err(PortalError::Failed(error.into())),
        }
    }

    async fn oidc<B: Serialize, T: DeserializeOwned>(
        &self,
        path: &[&str],
        body: &B,
    ) -> Result<T, CallError> {
        let url = below(&self.oidc, path).map_err(CallError::Failed)?;
        self.call(|| self.http.post(url.clone()).json(body)).await
    }

    async fn call<T: DeserializeOwned>(
        &self,
        request: impl Fn() -> RequestBuilder,
    ) -> Result<T, CallError> {
        let (mut pause, mut attempt) = (PAUSE, 1);
        loop {
            let answered = self.once(request()).await;
            match answered {
                Err(CallError::Refused(refusal)) if attempt < ATTEMPTS && is_busy(&refusal) => {
                    tokio::time::sleep(pause).await;
                    pause *= 2;
                    attempt += 1;
                }
                Err(error) => return Err(error),
                Ok(bytes) => {
                    // a parse error's text could contain a secret
                    let unreadable = |_| {
                        let message = "the access portal answered something unexpected";
                        CallError::Failed(Failure::failed(message).code("portal"))
                    };
                    return serde_json::from_slice(&bytes).map_err(unreadable);
                }
            }
        }
    }

    async fn once(&self, request: RequestBuilder) -> Result<Vec<u8>, CallError> {
        let unreachable = |error: reqwest::Error| {
            let why = root(&error);
            let message = format!("cannot reach the access portal: {why}");
            CallError::Failed(Failure::failed(message).code("portal"))
        };
        let answer = request.send().await.map_err(unreachable)?;
        let status = answer.status();
        let name = answer.headers().get("x-amzn-errortype");
        let name = name.and_then(|it| it.to_str().ok()).unwrap_or_default();
        let name = name.split(':').next().unwrap_or_default().to_owned();
        let bytes = whole(answer, ANSWER_BYTES_MAX).await;
        let bytes = bytes.map_err(|fault| match fault {
            BodyFault::Lost(error) => unreachable(error),
            BodyFault::TooLarge => {
                let message = "the access portal's answer is longer than is read";
                CallError::Failed(Failure::failed(message))
            }
        })?;
        if status.is_success() {
            return Ok(bytes);
        }
        let body: ErrorBody = serde_json::from_slice(&bytes).unwrap_or_default();
        let first = |texts: [String; 2]| texts.into_iter().find(|it| !it.is_empty());
        Err(CallError::Refused(PortalRefusal {
            status,
            code: first([body.error, name]).unwrap_or_default(),
            text: first([body.error_description, body.message]).unwrap_or_default(),
        }))
    }
}

fn is_busy(refusal: &PortalRefusal) -> bool {
    refusal.status.is_server_error() || refusal.status == StatusCode::TOO_MANY_REQUESTS
}

/// The service's endpoint from the environment, as in the SDKs; else the simulator's.
fn endpoint(service: &str, simulated: Option<&str>) -> Result<Option<String>, Failure> {
    let variable = |name: &str| match std::env::var(name) {
        Ok(url) if url.is_empty() => Ok(None),
        Ok(url) => Ok(Some(url)),
        Err(std::env::VarError::NotPresent) => Ok(None),
        Err(std::env::VarError::NotUnicode(_)) => {
            Err(Failure::bad_input(format!("`{name}` is not text")))
        }
    };
    let ignored = variable("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS")?;
    if ignored.is_some_and(|it| it.eq_ignore_ascii_case("true")) {
        return Ok(simulated.map(str::to_owned));
    }
    let named = variable(&format!("AWS_ENDPOINT_URL_{service}"))?;
    let named = named.map_or_else(|| variable("AWS_ENDPOINT_URL"), |url| Ok(Some(url)))?;
    Ok(named.or_else(|| simulated.map(str::to_owned)))
}

fn below(base: &Url, path: &[&str]) -> Result<Url, Failure> {
    let mut url = base.clone();
    url.path_segments_mut()
        .map_err(|()| Failure::bad_input(format!("`{base}` is no endpoint URL")))?
        .pop_if_empty()
        .extend(path);
    Ok(url)
}

fn url_query(pairs: &[(&str, &str)]) -> String {
    let base = "http://portal.invalid/".parse::<Url>();
    let made = base.map(|mut url| {
        url.query_pairs_mut().extend_pairs(pairs);
        url.query().unwrap_or_default().to_owned()
    });
    made.unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn portal(start_url: &str, region: &str) -> Result<AccessPortal, Failure> {
        AccessPortal::new(Portal {
            start_url: start_url.to_owned(),
            region: region.to_owned(),
        })
    }

    #[test]
    fn a_portal_is_encrypted_or_on_this_machine() {
        for (url, region) in [
            ("", "eu-west-1"),
            ("acme.awsapps.com/start", "eu-west-1"),
            ("http://acme.awsapps.com/start", "eu-west-1"),
            ("https://acme.awsapps.com/start\nregion = x", "eu-west-1"),
            ("https://acme.awsapps.com/start", ""),
            ("https://acme.awsapps.com/start", "evil.example/"),
        ] {
            assert!(portal(url, region).is_err(), "{url} {region}");
        }
        let aws = portal("https://acme.awsapps.com/start", "eu-west-1").unwrap();
        assert_eq!((aws.session(), aws.endpoint_url()), ("hallpass", None));
        let simulated = portal("http://127.0.0.1:4570/start", "eu-west-1").unwrap();
        assert_eq!(simulated.endpoint_url(), Some("http://127.0.0.1:4570"));
        assert_eq!(simulated.session(), "hallpass-demo");
    }

    #[test]
    fn a_console_link_names_account_role_and_where_to_go() {
        let portal = portal("https://acme.awsapps.com/start/", "eu-west-1").unwrap();
        let to: Url = "https://console.aws.amazon.com/s3/home?a=b"
            .parse()
            .unwrap();
        assert_eq!(
            portal.console_url(
                &AccountId::new("222233334444").unwrap(),
                &PermissionSetName::new("Read+Only").unwrap(),
                Some(&to)
            ),
            "https://acme.awsapps.com/start/#/console?account_id=222233334444&role_name=Read%2BOnly\
             &destination=https%3A%2F%2Fconsole.aws.amazon.com%2Fs3%2Fhome%3Fa%3Db"
        );
    }
}
