//! SigV4 calls to services without an SDK crate: rate-limited, timed and counted. Only for requests
//! that are safe to repeat.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use aws_config::SdkConfig;
use aws_credential_types::Credentials;
use aws_credential_types::provider::{ProvideCredentials as _, SharedCredentialsProvider};
use aws_lc_rs::digest;
use aws_sigv4::http_request::{
    PayloadChecksumKind, PercentEncodingMode, SignableBody, SignableRequest, SigningSettings,
    UriPathNormalizationMode, sign,
};
use aws_sigv4::sign::v4;
use aws_smithy_runtime_api::client::identity::Identity;
use aws_types::service_config::ServiceConfigKey;
use hallpass_assignments::Urgency;
use hallpass_aws_model::wire::{EndpointVariant, catalog};
use hallpass_base::{Clock, TimeSpan, Timestamp};
use http::{HeaderMap, Method};

use crate::answer_body::{BodyFault, whole};
use crate::bucket::Bucket;
use crate::call::{Deadline, ServiceClient};
use crate::fault::CallFailure;
use crate::jitter::Jitter;
use crate::signing_clock::{SigningClock, is_about_time, read_http_date};
use crate::xml;

const CONNECTION_MAX: Duration = Duration::from_secs(4);
/// Maximum time of one call, with waits and retries.
const CALL_MAX: Duration = Duration::from_secs(30);
/// A slower connection counts as broken.
const BYTES_A_SECOND_MIN: usize = 128 << 10;
const ANSWER_BYTES_MAX: usize = 16 << 20;
/// Lifetime of credentials without an expiry.
const CREDENTIALS_KEPT: TimeSpan = TimeSpan::minutes(5);
/// Renewal this long before the expiry.
const CREDENTIALS_SPARE: Duration = Duration::from_mins(5);
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SignedService {
    Kms,
    S3,
}

impl SignedService {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Kms => "kms",
            Self::S3 => "s3",
        }
    }

    const fn id(self) -> &'static str {
        match self {
            Self::Kms => "KMS",
            Self::S3 => "S3",
        }
    }

    /// Far below both services' limits.
    const fn per_second(self) -> f64 {
        match self {
            Self::Kms => 20.0,
            Self::S3 => 200.0,
        }
    }
}

#[derive(Clone, Debug)]
pub(crate) struct UnsignedRequest {
    pub(crate) operation: &'static str,
    pub(crate) method: Method,
    /// Percent-encoded.
    pub(crate) url: String,
    pub(crate) headers: Vec<(&'static str, String)>,
    pub(crate) body: Vec<u8>,
    pub(crate) answers: &'static [u16],
    /// Bytes of a large transfer, which extend the timeout.
    pub(crate) bulk: usize,
}

#[derive(Clone, Debug)]
pub(crate) struct RawResponse {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Vec<u8>,
}

pub(crate) struct Signed {
    http: reqwest::Client,
    provider: Option<SharedCredentialsProvider>,
    /// Credentials and their expiry. Finding them may cost calls to other services.
    found: tokio::sync::Mutex<Option<(Credentials, Timestamp)>>,
    service: SignedService,
    region: String,
    clock: Arc<dyn Clock>,
    signing_clock: SigningClock,
    line: ServiceClient,
}

impl Signed {
    pub(crate) fn new(
        config: &SdkConfig,
        service: SignedService,
        region: &str,
        clock: Arc<dyn Clock>,
        seed: u64,
    ) -> Result<Self, String> {
        let http = reqwest::Client::builder()
            .connect_timeout(CONNECTION_MAX)
            // a signature is for one host
            .redirect(reqwest::redirect::Policy::none())
            .user_agent(concat!("hallpass/", env!("CARGO_PKG_VERSION")))
            .build()
            .map_err(|error| error.to_string())?;
        let per_second = service.per_second();
        let bucket = Bucket::new(per_second, 50);
        Ok(Self {
            http,
            provider: config.credentials_provider(),
            found: tokio::sync::Mutex::new(None),
            service,
            region: region.to_owned(),
            signing_clock: SigningClock::new(Arc::clone(&clock)),
            clock,
            line: ServiceClient::new(service.name(), bucket, Jitter::new(seed)),
        })
    }

    pub(crate) async fn send(&self, call: &UnsignedRequest) -> Result<RawResponse, CallFailure> {
        let slow = Duration::from_secs((call.bulk / BYTES_A_SECOND_MIN) as u64);
        let pace = Deadline::within(Urgency::Background, CALL_MAX + slow * 2).slower(slow);
        self.line
            .again(call.operation, pace, || self.once(call))
            .await
    }

    async fn once(&self, call: &UnsignedRequest) -> Result<RawResponse, CallFailure> {
        let mut request = self
            .http
            .request(call.method.clone(), &call.url)
            .body(call.body.clone());
        for (name, value) in self.signed_headers(call).await? {
            request = request.header(name, value);
        }
        let answer = request
            .send()
            .await
            .map_err(|error| CallFailure::unanswered(&error))?;
        let (status, headers) = (answer.status(), answer.headers().clone());
        let body = whole(answer, ANSWER_BYTES_MAX)
            .await
            .map_err(|fault| match fault {
                BodyFault::Lost(error) => CallFailure::unanswered(&error),
                BodyFault::TooLarge => CallFailure::unparsable("it is too large"),
            })?;
        if status.is_success() || call.answers.contains(&status.as_u16()) {
            return Ok(RawResponse {
                status: status.as_u16(),
                headers,
                body,
            });
        }
        if matches!(status.as_u16(), 400 | 401 | 403) {
            // keys may have been rotated, or ended early
            *self.found.lock().await = None;
        }
        Err(self.refused(status.as_u16(), &headers, &body))
    }

    async fn credentials(&self) -> Result<Credentials, CallFailure> {
        let none = || CallFailure::unparsable("there are no credentials");
        let provider = self.provider.as_ref().ok_or_else(none)?;
        let now = self.clock.now();
        let mut found = self.found.lock().await;
        if let Some((credentials, _)) = found.as_ref().filter(|(_, until)| now < *until) {
            return Ok(credentials.clone());
        }
        let credentials = provider
            .provide_credentials()
            .await
            .map_err(|error| CallFailure::unanswered(&error))?;
        let ends = credentials
            .expiry()
            .and_then(|at| at.checked_sub(CREDENTIALS_SPARE));
        let until = ends
            .and_then(|at| Timestamp::try_from(at).ok())
            .unwrap_or_else(|| CREDENTIALS_KEPT.after(now));
        *found = Some((credentials.clone(), until));
        Ok(credentials)
    }

    async fn signed_headers(
        &self,
        call: &UnsignedRequest,
    ) -> Result<Vec<(String, String)>, CallFailure> {
        let credentials = self.credentials().await?;
        let mut headers: Vec<(String, String)> = call
            .headers
            .iter()
            .map(|(name, value)| ((*name).to_owned(), value.clone()))
            .collect();
        let added = signature(&ToSign {
            credentials,
            service: self.service.name(),
            region: &self.region,
            at: self.signing_clock.now(),
            settings: self.settings(),
            method: call.method.as_str(),
            url: &call.url,
            headers: &headers,
            body: &call.body,
        });
        headers.extend(added.map_err(|error| CallFailure::unanswered(&*error))?);
        Ok(headers)
    }

    fn settings(&self) -> SigningSettings {
        match self.service {
            SignedService::Kms => SigningSettings::default(),
            SignedService::S3 => s3_settings(),
        }
    }

    /// Classifies an error answer, and corrects the clock if needed.
    fn refused(&self, status: u16, headers: &HeaderMap, body: &[u8]) -> CallFailure {
        let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
        let (code, message) = match self.service {
            SignedService::Kms => json_error(text("x-amzn-errortype"), body),
            SignedService::S3 => xml_error(body),
        };
        if is_about_time(
            code.as_deref().unwrap_or_default(),
            message.as_deref().unwrap_or_default(),
        ) && let Some(theirs) = text("date").and_then(read_http_date)
        {
            self.signing_clock.learn(theirs);
        }
        let mut message = message;
        if let Some(region) = text("x-amz-bucket-region").filter(|it| *it != self.region) {
            let words = message.unwrap_or_default();
            message = Some(format!("{words} (the bucket is in {region})"));
        }
        CallFailure::answered(
            status,
            code.as_deref().or_else(|| bare_code(self.service, status)),
            message.as_deref(),
            text("retry-after"),
        )
    }
}

pub(crate) fn s3_settings() -> SigningSettings {
    let mut settings = SigningSettings::default();
    settings.percent_encoding_mode = PercentEncodingMode::Single;
    settings.uri_path_normalization_mode = UriPathNormalizationMode::Disabled;
    settings.payload_checksum_kind = PayloadChecksumKind::XAmzSha256;
    settings
}

pub(crate) struct ToSign<'a> {
    pub(crate) credentials: Credentials,
    pub(crate) service: &'a str,
    pub(crate) region: &'a str,
    pub(crate) at: SystemTime,
    pub(crate) settings: SigningSettings,
    pub(crate) method: &'a str,
    /// Percent-encoded.
    pub(crate) url: &'a str,
    pub(crate) headers: &'a [(String, String)],
    pub(crate) body: &'a [u8],
}

pub(crate) fn signature(
    request: &ToSign<'_>,
) -> Result<Vec<(String, String)>, Box<dyn std::error::Error + Send + Sync>> {
    let identity: Identity = request.credentials.clone().into();
    let parameters = v4::SigningParams::builder()
        .identity(&identity)
        .region(request.region)
        .name(request.service)
        .time(request.at)
        .settings(request.settings.clone())
        .build()?
        .into();
    let headers = request.headers.iter();
    let signable = SignableRequest::new(
        request.method,
        request.url,
        headers.map(|(name, value)| (name.as_str(), value.as_str())),
        SignableBody::Bytes(request.body),
    )?;
    let (instructions, _) = sign(signable, &parameters)?.into_parts();
    let added = instructions.headers();
    Ok(added
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect())
}

/// Answers to `HEAD`, and some of proxies, have no body; S3's meaning of these statuses is
/// unambiguous.
fn bare_code(service: SignedService, status: u16) -> Option<&'static str> {
    match (service, status) {
        (SignedService::S3, 403) => Some("AccessDenied"),
        (SignedService::S3, 301) => Some("PermanentRedirect"),
        _ => None,
    }
}

pub(crate) fn json_error(named: Option<&str>, body: &[u8]) -> (Option<String>, Option<String>) {
    let body: serde_json::Value = serde_json::from_slice(body).unwrap_or_default();
    let text = |name: &str| body.get(name).and_then(serde_json::Value::as_str);
    let code = named.or_else(|| text("__type")).or_else(|| text("code"));
    let message = text("message").or_else(|| text("Message"));
    (code.map(str::to_owned), message.map(str::to_owned))
}

pub(crate) fn xml_error(body: &[u8]) -> (Option<String>, Option<String>) {
    let text = |name| xml::texts(body, &["Error", name]).ok()?.into_iter().next();
    (text("Code"), text("Message"))
}

/// A configured endpoint: for all services, or for one as in the SDKs.
pub(crate) fn endpoint(
    config: &SdkConfig,
    named: Option<&str>,
    service: SignedService,
) -> Option<String> {
    endpoint_of(config, named, service.id())
}

/// As [`endpoint`], by the id of the service's model.
pub(crate) fn endpoint_of(config: &SdkConfig, named: Option<&str>, id: &str) -> Option<String> {
    let of_service = || {
        let key = ServiceConfigKey::builder()
            .service_id(id)
            .env("AWS_ENDPOINT_URL")
            .profile("endpoint_url")
            .build()
            .ok()?;
        config.service_config()?.load_config(key)
    };
    named
        .map(str::to_owned)
        .or_else(of_service)
        .or_else(|| config.endpoint_url().map(str::to_owned))
        .map(|url| url.trim_end_matches('/').to_owned())
}

pub(crate) fn variant_of(config: &SdkConfig) -> EndpointVariant {
    EndpointVariant {
        fips: config.use_fips().unwrap_or_default(),
        dual_stack: config.use_dual_stack().unwrap_or_default(),
    }
}

pub(crate) fn no_endpoint(name: &str, id: &str, region: &str, variant: EndpointVariant) -> String {
    let variable = id.to_uppercase().replace(' ', "_");
    format!(
        "no {} endpoint of `{name}` in {region} is known; name one with AWS_ENDPOINT_URL_{variable}",
        variant.words()
    )
}

/// AWS's host in the configured variant.
///
/// # Errors
/// Unknown host.
pub(crate) fn host_at_aws(
    config: &SdkConfig,
    service: SignedService,
    region: &str,
) -> Result<String, String> {
    let (name, variant) = (service.name(), variant_of(config));
    let model = catalog().open(name).map_err(|error| error.to_string())?;
    let found = catalog().endpoint_variant(&model, region, variant);
    let found = found.ok_or_else(|| no_endpoint(name, service.id(), region, variant))?;
    Ok(found.host)
}

/// Percent-encodes for signatures: everything except RFC 3986 unreserved characters.
pub(crate) fn encoded(text: &str, slash: Slash) -> String {
    use std::fmt::Write as _;
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => {
                out.push(char::from(byte));
            }
            b'/' if slash == Slash::Kept => out.push('/'),
            // writing to a String cannot fail
            _ => drop(write!(out, "%{byte:02X}")),
        }
    }
    out
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Slash {
    /// Path separator.
    Kept,
    /// Part of a value.
    Encoded,
}

/// In base64, as in object checksums.
pub(crate) fn sha256(bytes: &[u8]) -> Vec<u8> {
    digest::digest(&digest::SHA256, bytes).as_ref().to_vec()
}
