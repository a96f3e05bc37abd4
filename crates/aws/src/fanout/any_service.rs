//! One call of any operation, by the tables: write, sign, send once, read.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use aws_config::SdkConfig;
use aws_credential_types::Credentials;
use aws_credential_types::provider::{ProvideCredentials as _, SharedCredentialsProvider};
use aws_sigv4::http_request::SigningSettings;
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use hallpass_aws_model::wire::{
    WireResponse, catalog, next_page, read_error, read_response, request_id, write_request,
};
use hallpass_aws_model::{OperationModel, ServiceModel};
use hallpass_base::{Clock, with_causes};
use hallpass_plans::fanout::{CallFault, FaultKind};
use http::Method;
use serde_json::{Map, Value};

use super::fault::{denied_here, refused, unanswered, undecodable};
use crate::answer_body::{BodyFault, whole};
use crate::request_ids;
use crate::signed::{ToSign, endpoint_of, no_endpoint, s3_settings, sha256, signature, variant_of};
use crate::signing_clock::{SigningClock, is_about_time, read_http_date};

const CONNECTION_MAX: Duration = Duration::from_secs(10);
const CALL_MAX: Duration = Duration::from_mins(1);
const ANSWER_BYTES_MAX: usize = 64 << 20;
pub(super) type CallPlace<'a> = (&'a str, Option<&'a Credentials>);

pub(super) struct AnyService {
    http: reqwest::Client,
    config: SdkConfig,
    endpoint: Option<String>,
    provider: Option<SharedCredentialsProvider>,
    base: tokio::sync::Mutex<Option<Credentials>>,
    clock: SigningClock,
    is_skewed: AtomicBool,
    opened: Mutex<HashMap<&'static str, Arc<ServiceModel>>>,
    overrides: Mutex<HashMap<String, Option<String>>>,
}

impl AnyService {
    pub(super) fn new(
        config: SdkConfig,
        endpoint: Option<String>,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, String> {
        let http = reqwest::Client::builder()
            .connect_timeout(CONNECTION_MAX)
            .timeout(CALL_MAX)
            // a signature is for one host
            .redirect(reqwest::redirect::Policy::none())
            .user_agent(concat!("hallpass/", env!("CARGO_PKG_VERSION")))
            .build()
            .map_err(|error| error.to_string())?;
        Ok(Self {
            http,
            provider: config.credentials_provider(),
            config,
            endpoint,
            base: tokio::sync::Mutex::default(),
            clock: SigningClock::new(clock),
            is_skewed: AtomicBool::new(false),
            opened: Mutex::default(),
            overrides: Mutex::default(),
        })
    }

    pub(super) fn now(&self) -> SystemTime {
        self.clock.now()
    }

    /// Calls an operation by name.
    pub(super) async fn named(
        &self,
        service: &'static str,
        operation: &str,
        input: &Value,
        place: CallPlace<'_>,
    ) -> Result<Value, CallFault> {
        let unknown = || undecodable("the operation is unknown (this is a bug)");
        let model = self.open(service).ok_or_else(unknown)?;
        let operation = model.operation(operation).ok_or_else(unknown)?;
        self.call(&model, operation, input, place).await
    }

    pub(super) fn next_page(
        &self,
        service: &'static str,
        operation: &str,
        answer: &Value,
    ) -> Result<Option<Map<String, Value>>, CallFault> {
        let model = self.open(service);
        let operation = model.as_ref().and_then(|it| it.operation(operation));
        match operation.and_then(|it| it.page.as_ref()) {
            Some(paging) => {
                next_page(paging, answer).map_err(|error| undecodable(&error.to_string()))
            }
            None => Ok(None),
        }
    }

    fn open(&self, service: &'static str) -> Option<Arc<ServiceModel>> {
        let mut opened = self.opened.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(model) = opened.get(service) {
            return Some(Arc::clone(model));
        }
        let model = Arc::new(catalog().open(service).ok()?);
        opened.insert(service, Arc::clone(&model));
        Some(model)
    }

    /// Why a Region has no known host of a service in the configured variant.
    pub(super) fn no_host(&self, service: &str, region: &str) -> Option<String> {
        let model = catalog().open(service).ok()?;
        let address = self.address(&model, region, "");
        address.err().map(|fault| fault.message)
    }

    /// The address of a service for a Region, and the signing Region: the configured address, else
    /// the host of the configured variant.
    fn address(
        &self,
        service: &ServiceModel,
        region: &str,
        prefix: &str,
    ) -> Result<(String, String), CallFault> {
        let id = catalog().service_id(&service.name);
        let mut known = self
            .overrides
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let over = known
            .entry(service.name.clone())
            .or_insert_with(|| endpoint_of(&self.config, self.endpoint.as_deref(), id));
        if let Some(url) = over.clone() {
            return Ok((url, catalog().endpoint(service, region).region));
        }
        let variant = variant_of(&self.config);
        let place = catalog().endpoint_variant(service, region, variant);
        let place = place.ok_or_else(|| {
            // as a refusal: it is permanent, and the fallback applies
            denied_here(
                "NoEndpoint",
                &no_endpoint(&service.name, id, region, variant),
            )
        })?;
        Ok((format!("https://{prefix}{}", place.host), place.region))
    }

    async fn base(&self) -> Result<Credentials, CallFault> {
        let mut held = self.base.lock().await;
        let soon = self.now() + Duration::from_mins(5);
        if let Some(base) = held
            .as_ref()
            .filter(|it| it.expiry().is_none_or(|at| soon < at))
        {
            return Ok(base.clone());
        }
        let none = || denied_here("NoCredentials", "there are no credentials");
        let provider = self.provider.as_ref().ok_or_else(none)?;
        let found = provider.provide_credentials().await;
        let found = found.map_err(|error| {
            let message = format!("no credentials were found: {}", with_causes(&error));
            denied_here("NoCredentials", &message)
        })?;
        *held = Some(found.clone());
        Ok(found)
    }

    pub(super) async fn call(
        &self,
        service: &ServiceModel,
        operation: &OperationModel,
        input: &Value,
        (region, with): CallPlace<'_>,
    ) -> Result<Value, CallFault> {
        let request = write_request(service, operation, input)
            .map_err(|error| undecodable(&error.to_string()))?;
        let (base, signed_region) = self.address(service, region, &request.host_prefix)?;
        let url = format!("{base}{}", request.target);
        let mut headers = request.headers;
        headers.extend(checksum(&service.name, &request.body));
        if !operation.unsigned {
            let credentials = match with {
                Some(credentials) => credentials.clone(),
                None => self.base().await?,
            };
            let added = signature(&ToSign {
                credentials,
                service: &service.signing_name,
                region: &signed_region,
                at: self.now(),
                settings: settings(&service.name),
                method: &request.method,
                url: &url,
                headers: &headers,
                body: &request.body,
            });
            headers.extend(added.map_err(|error| undecodable(&error.to_string()))?);
        }
        let method = Method::from_bytes(request.method.as_bytes())
            .map_err(|error| undecodable(&error.to_string()))?;
        let mut sent = self.http.request(method, &url).body(request.body);
        for (name, value) in headers {
            sent = sent.header(name, value);
        }
        let answer = sent
            .send()
            .await
            .map_err(|error| unanswered(&with_causes(&error)))?;
        let status = answer.status().as_u16();
        let headers: Vec<(String, String)> = answer
            .headers()
            .iter()
            .filter_map(|(name, value)| {
                Some((name.as_str().to_owned(), value.to_str().ok()?.to_owned()))
            })
            .collect();
        let body = whole(answer, ANSWER_BYTES_MAX)
            .await
            .map_err(|fault| match fault {
                BodyFault::Lost(error) => unanswered(&with_causes(&error)),
                BodyFault::TooLarge => undecodable("it is too large"),
            })?;
        let response = WireResponse {
            status,
            headers: &headers,
            body: &body,
        };
        request_ids::note(request_id(&response));
        if (200..300).contains(&status) {
            return read_response(service, operation, &response)
                .map_err(|error| undecodable(&error.to_string()));
        }
        Err(self.refused(&response))
    }

    /// Classifies a refusal, and corrects the clock once if that is the reason.
    fn refused(&self, response: &WireResponse<'_>) -> CallFault {
        let error = read_error(response);
        let about_time = is_about_time(&error.code, &error.message);
        let mut fault = refused(response, error);
        if about_time
            && let Some(theirs) = response.header("date").and_then(read_http_date)
            && !self.is_skewed.swap(true, Ordering::Relaxed)
        {
            self.clock.learn(theirs);
        }
        // retries also those in flight during the correction
        if about_time && self.is_skewed.load(Ordering::Relaxed) {
            fault.kind = FaultKind::Passing;
        }
        fault
    }
}

fn is_s3(service: &str) -> bool {
    matches!(service, "s3" | "s3control")
}

/// S3 requires a checksum for several writes (AWS: "Checking object integrity").
fn checksum(service: &str, body: &[u8]) -> Vec<(String, String)> {
    if !is_s3(service) || body.is_empty() {
        return Vec::new();
    }
    let sum = BASE64_STANDARD.encode(sha256(body));
    vec![
        ("x-amz-checksum-sha256".to_owned(), sum),
        (
            "x-amz-sdk-checksum-algorithm".to_owned(),
            "SHA256".to_owned(),
        ),
    ]
}

fn settings(service: &str) -> SigningSettings {
    if is_s3(service) {
        s3_settings()
    } else {
        SigningSettings::default()
    }
}
