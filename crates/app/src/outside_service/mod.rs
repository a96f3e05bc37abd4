//! An outside service over HTTP, such as a list of people on call or of tickets: `https` except on
//! loopback, no redirects, bounded answers.

#[cfg(test)]
pub(crate) mod test_service;

use hallpass_aws::answer_body::{BodyFault, whole};
use reqwest::header::{ACCEPT, AUTHORIZATION, HeaderMap, HeaderValue};
use reqwest::{Client, Method, RequestBuilder, StatusCode, Url};
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::Value;

const ANSWER_BYTES_MAX: usize = 1 << 20;

/// Invalid settings: the key and what is wrong with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OutsideSettingsError {
    pub key: &'static str,
    pub message: &'static str,
}

pub(crate) fn wrong(key: &'static str, message: &'static str) -> OutsideSettingsError {
    OutsideSettingsError { key, message }
}

/// Whether a URL may be called or linked to.
pub(crate) fn is_safe(url: &Url) -> bool {
    match url.scheme() {
        "https" => true,
        "http" => hallpass_aws::portal_address::is_loopback(url),
        _ => false,
    }
}

/// The address of a service with its token.
pub(crate) struct OutsideService {
    client: Client,
    base: Url,
    headers: HeaderMap,
}

impl OutsideService {
    pub(crate) fn new(url: Option<&str>) -> Result<Self, OutsideSettingsError> {
        let url = url.ok_or_else(|| wrong("url", "is needed"))?;
        let base = Url::parse(url).map_err(|_| wrong("url", "is no URL"))?;
        if !is_safe(&base) {
            return Err(wrong("url", "must begin with https://"));
        }
        if !base.username().is_empty() || base.password().is_some() {
            return Err(wrong("url", "has a user name or password: write `token`"));
        }
        let mut client = Client::builder()
            // the token is for one host
            .redirect(reqwest::redirect::Policy::none())
            .user_agent(concat!("hallpass/", env!("CARGO_PKG_VERSION")));
        if hallpass_aws::portal_address::is_loopback(&base) {
            client = client.no_proxy();
        }
        let client = client.build();
        let json = (ACCEPT, HeaderValue::from_static("application/json"));
        Ok(Self {
            client: client.map_err(|_| wrong("url", "cannot be called: there is no TLS"))?,
            base,
            headers: HeaderMap::from_iter([json]),
        })
    }

    /// `scheme` is written before the token, with its space.
    pub(crate) fn with_token(
        self,
        scheme: &str,
        token: Option<&SecretString>,
    ) -> Result<Self, OutsideSettingsError> {
        match token {
            Some(token) => self.authorized(&format!("{scheme}{}", token.expose_secret())),
            None => Ok(self),
        }
    }

    pub(crate) fn authorized(mut self, credentials: &str) -> Result<Self, OutsideSettingsError> {
        let header = HeaderValue::from_str(credentials);
        let mut header = header.map_err(|_| wrong("token", "has characters of no token"))?;
        header.set_sensitive(true);
        self.headers.insert(AUTHORIZATION, header);
        Ok(self)
    }

    pub(crate) fn needing_token(self) -> Result<Self, OutsideSettingsError> {
        if self.headers.contains_key(AUTHORIZATION) {
            Ok(self)
        } else {
            Err(wrong("token", "is needed"))
        }
    }

    pub(crate) fn with_header(mut self, name: &'static str, value: &'static str) -> Self {
        self.headers.insert(name, HeaderValue::from_static(value));
        self
    }

    /// The address with a path below it.
    pub(crate) fn under(&self, path: &str) -> Url {
        let mut url = self.base.clone();
        if !path.is_empty() {
            let joined = format!("{}{path}", url.path().trim_end_matches('/'));
            url.set_path(&joined);
        }
        url
    }

    pub(crate) fn get(&self, path: &str) -> RequestBuilder {
        self.call(Method::GET, self.under(path))
    }

    pub(crate) fn post(&self, path: &str) -> RequestBuilder {
        self.call(Method::POST, self.under(path))
    }

    /// `url` must be of the same host: the token is sent there.
    pub(crate) fn call(&self, method: Method, url: Url) -> RequestBuilder {
        let call = self.client.request(method, url);
        call.headers(self.headers.clone())
    }
}

/// No usable answer. Contains neither address nor token.
#[derive(Clone, Copy, Debug)]
pub(crate) enum ServiceFault {
    NoConnection,
    BrokenOff,
    TooLarge,
    NoJson,
    Status(StatusCode),
}

impl ServiceFault {
    pub(crate) fn words(self) -> String {
        let words = match self {
            Self::NoConnection => "no connection",
            Self::BrokenOff => "the answer broke off",
            Self::TooLarge => "the answer is too large",
            Self::NoJson => "the answer is no JSON",
            Self::Status(status) => {
                let help = match status {
                    StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => ": check the token",
                    _ => "",
                };
                return format!("the service answered HTTP {}{help}", status.as_u16());
            }
        };
        words.to_owned()
    }
}

pub(crate) struct ServiceAnswer {
    pub(crate) status: StatusCode,
    body: Vec<u8>,
}

impl ServiceAnswer {
    /// Sends a call. The caller bounds its time.
    pub(crate) async fn to(call: RequestBuilder) -> Result<Self, ServiceFault> {
        let answer = call.send().await.map_err(|_| ServiceFault::NoConnection)?;
        let status = answer.status();
        let body = whole(answer, ANSWER_BYTES_MAX).await;
        let body = body.map_err(|broken| match broken {
            BodyFault::Lost(_) => ServiceFault::BrokenOff,
            BodyFault::TooLarge => ServiceFault::TooLarge,
        })?;
        Ok(Self { status, body })
    }

    pub(crate) fn success(self) -> Result<Self, ServiceFault> {
        if self.status.is_success() {
            Ok(self)
        } else {
            Err(ServiceFault::Status(self.status))
        }
    }

    /// `None` if the service has no such thing.
    pub(crate) fn found(self) -> Result<Option<Self>, ServiceFault> {
        match self.status {
            StatusCode::NOT_FOUND | StatusCode::GONE => Ok(None),
            _ => self.success().map(Some),
        }
    }

    pub(crate) fn json(&self) -> Result<Value, ServiceFault> {
        serde_json::from_slice(&self.body).map_err(|_| ServiceFault::NoJson)
    }
}
