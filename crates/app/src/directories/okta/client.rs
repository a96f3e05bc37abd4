//! Okta client with a private key: signs an assertion (RFC 7523) for a token of one hour
//! (`inventory.md` K-1).

use std::path::Path;

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, RSA_PKCS1_SHA256};
use base64::Engine as _;
use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD};
use hallpass_base::{TimeSpan, Timestamp};
use hallpass_terminal::exit::Failure;
use hallpass_terminal::text_file::read_text;
use reqwest::header::HeaderValue;
use serde_json::{Value, json};

use super::answer::{OktaAnswer, OktaFault, failure};

pub(super) const CLIENT_ID: &str = "HALLPASS_OKTA_CLIENT_ID";
const KEY_FILE: &str = "HALLPASS_OKTA_KEY_FILE";
const KEY_ID: &str = "HALLPASS_OKTA_KEY_ID";
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OktaRights {
    Read,
    Suspend,
}

impl OktaRights {
    /// Okta's scopes (OAuth 2.0 Scopes).
    const fn scopes(self) -> &'static str {
        match self {
            Self::Read => "okta.users.read okta.groups.read",
            Self::Suspend => "okta.users.manage",
        }
    }
}

/// Okta accepts at most an hour.
const STATEMENT_GOOD: TimeSpan = TimeSpan::minutes(5);
const SPARE: TimeSpan = TimeSpan::minutes(1);
const KEY_BYTES_MAX: u64 = 64 << 10;

pub(super) struct OktaClient {
    id: String,
    key_id: Option<String>,
    key: ClientKey,
    rights: OktaRights,
    token: tokio::sync::Mutex<Option<(HeaderValue, Timestamp)>>,
}

enum ClientKey {
    Rsa(Box<rsa::KeyPair>),
    Ecdsa(Box<EcdsaKeyPair>),
}

impl OktaClient {
    pub(super) fn of_environment(rights: OktaRights) -> Result<Option<Self>, Failure> {
        let given = |name: &str| std::env::var(name).ok().filter(|it| !it.is_empty());
        let Some(id) = given(CLIENT_ID) else {
            return Ok(None);
        };
        let file = given(KEY_FILE).ok_or_else(|| {
            Failure::bad_input(format!("`{CLIENT_ID}` is set, and `{KEY_FILE}` is not"))
                .help("name the file with the client's private key (PEM, PKCS #8)")
        })?;
        let text = read_text(Path::new(&file), KEY_BYTES_MAX)?;
        let key = ClientKey::read(&text).ok_or_else(|| {
            Failure::bad_input(format!("`{file}` has no private key that is understood")).help(
                "it is to be PEM with `BEGIN PRIVATE KEY` (PKCS #8), RSA or P-256; `openssl pkcs8 -topk8 -nocrypt` makes it of others",
            )
        })?;
        Ok(Some(Self {
            id,
            key_id: given(KEY_ID),
            key,
            rights,
            token: tokio::sync::Mutex::default(),
        }))
    }

    pub(super) async fn authorization(
        &self,
        http: &reqwest::Client,
        base: &str,
    ) -> Result<HeaderValue, OktaFault> {
        let mut held = self.token.lock().await;
        let now = hallpass_base::clock::now();
        if let Some((token, _)) = held.as_ref().filter(|(_, until)| now < *until) {
            return Ok(token.clone());
        }
        let (token, good) = self.fetch(http, base, now).await?;
        *held = Some((token.clone(), SPARE.before(good.after(now))));
        Ok(token)
    }

    pub(super) async fn forget(&self) {
        *self.token.lock().await = None;
    }

    async fn fetch(
        &self,
        http: &reqwest::Client,
        base: &str,
        now: Timestamp,
    ) -> Result<(HeaderValue, TimeSpan), OktaFault> {
        let url = format!("{base}/oauth2/v1/token");
        let unsigned = || {
            let failure = failure("E_OKTA_KEY", "the private key does not sign", None);
            OktaFault::Final(Box::new(failure))
        };
        let statement = self.statement(&url, now).ok_or_else(unsigned)?;
        let form = form_urlencoded::Serializer::new(String::new())
            .append_pair("grant_type", "client_credentials")
            .append_pair("scope", self.rights.scopes())
            .append_pair(
                "client_assertion_type",
                "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
            )
            .append_pair("client_assertion", &statement)
            .finish();
        let sent = http
            .post(&url)
            .header("content-type", "application/x-www-form-urlencoded")
            .body(form);
        let answer = OktaAnswer::of(sent).await?.checked()?;
        let token = answer.text("access_token").unwrap_or_default();
        let good = answer.document.get("expires_in").and_then(Value::as_u64);
        let header = HeaderValue::from_str(&format!("Bearer {token}"));
        match (header, good) {
            (Ok(mut header), Some(good)) if !token.is_empty() => {
                header.set_sensitive(true);
                Ok((header, TimeSpan::seconds(good)))
            }
            _ => Err(OktaFault::Final(Box::new(failure(
                "Undecodable",
                "the answer has no token",
                Some(answer.status),
            )))),
        }
    }

    /// Signs a single-use assertion (RFC 7523 §3).
    fn statement(&self, audience: &str, now: Timestamp) -> Option<String> {
        let mut once = [0; 16];
        getrandom::fill(&mut once).ok()?;
        let mut header = json!({ "alg": self.key.algorithm(), "typ": "JWT" });
        if let (Some(members), Some(id)) = (header.as_object_mut(), &self.key_id) {
            members.insert("kid".to_owned(), id.as_str().into());
        }
        let claims = json!({
            "iss": self.id, "sub": self.id, "aud": audience, "jti": hex::encode(once),
            "iat": now.as_second(), "exp": STATEMENT_GOOD.after(now).as_second(),
        });
        let part = |value: &Value| BASE64_URL_SAFE_NO_PAD.encode(value.to_string());
        let signed = format!("{}.{}", part(&header), part(&claims));
        let signature = self.key.sign(signed.as_bytes())?;
        Some(format!(
            "{signed}.{}",
            BASE64_URL_SAFE_NO_PAD.encode(signature)
        ))
    }
}

impl ClientKey {
    fn read(text: &str) -> Option<Self> {
        let (_, rest) = text.split_once("-----BEGIN PRIVATE KEY-----")?;
        let (body, _) = rest.split_once("-----END PRIVATE KEY-----")?;
        let packed: String = body
            .chars()
            .filter(|it| !it.is_ascii_whitespace())
            .collect();
        let der = BASE64_STANDARD.decode(packed).ok()?;
        let rsa = || rsa::KeyPair::from_pkcs8(&der).ok();
        let ecdsa = || EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &der).ok();
        let rsa = rsa().map(|it| Self::Rsa(Box::new(it)));
        rsa.or_else(|| ecdsa().map(|it| Self::Ecdsa(Box::new(it))))
    }

    const fn algorithm(&self) -> &'static str {
        match self {
            Self::Rsa(_) => "RS256",
            Self::Ecdsa(_) => "ES256",
        }
    }

    fn sign(&self, message: &[u8]) -> Option<Vec<u8>> {
        let random = SystemRandom::new();
        match self {
            Self::Rsa(key) => {
                let mut signature = vec![0; key.public_modulus_len()];
                key.sign(&RSA_PKCS1_SHA256, &random, message, &mut signature)
                    .ok()?;
                Some(signature)
            }
            Self::Ecdsa(key) => Some(key.sign(&random, message).ok()?.as_ref().to_vec()),
        }
    }
}
