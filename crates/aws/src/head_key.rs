//! Heads signed by a key that never leaves AWS KMS (`access.md` V-1): a copy of the server's disk
//! lacks the key, and `CloudTrail` records each signature.

use std::sync::Arc;

use async_trait::async_trait;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hallpass_audit::{HeadSigner, PublicKey, SignFault, Unsigned};
use hallpass_base::{Clock, IdSource};
use http::Method;
use serde_json::{Map, Value, json};
use tokio::sync::Mutex;

use crate::AwsClientSettings;
use crate::connect::configure_quietly;
use crate::signed::{Signed, SignedService, UnsignedRequest, endpoint, host_at_aws};

const ALGORITHM: &str = "ECDSA_SHA_256";

pub struct KmsKey {
    signed: Signed,
    url: String,
    /// ARN, id or alias.
    key: String,
    public: Mutex<Option<PublicKey>>,
}

impl std::fmt::Debug for KmsKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("KmsKey")
            .field("key", &self.key)
            .finish_non_exhaustive()
    }
}

impl KmsKey {
    /// Finds credentials and endpoint; makes no call. An ARN names its Region; an id or an alias
    /// uses the configured Region.
    ///
    /// # Errors
    /// When there is no TLS.
    pub async fn open(
        settings: &AwsClientSettings,
        key: &str,
        clock: Arc<dyn Clock>,
        ids: &dyn IdSource,
    ) -> Result<Self, String> {
        let config = configure_quietly(settings, &clock).await;
        let region = region_of(key).unwrap_or(&settings.region);
        let named = settings.endpoint_url.as_deref();
        let url = match endpoint(&config, named, SignedService::Kms) {
            Some(url) => url,
            None => format!(
                "https://{}",
                host_at_aws(&config, SignedService::Kms, region)?
            ),
        };
        let (_, seed) = ids.next(clock.now()).as_u64_pair();
        Ok(Self {
            signed: Signed::new(&config, SignedService::Kms, region, clock, seed)?,
            url: format!("{url}/"),
            key: key.to_owned(),
            public: Mutex::new(None),
        })
    }

    pub async fn public_key(&self) -> Result<PublicKey, SignFault> {
        let mut known = self.public.lock().await;
        if let Some(key) = *known {
            return Ok(key);
        }
        let body = json!({"KeyId": self.key});
        let reply = self.ask("GetPublicKey", &body).await?;
        let text = |name: &str| reply.get(name).and_then(Value::as_str).unwrap_or_default();
        let fits = STANDARD
            .decode(text("PublicKey"))
            .ok()
            .and_then(|info| PublicKey::from_info(&info).ok())
            .filter(|key| key.algorithm() == ALGORITHM);
        let key = fits.ok_or_else(|| {
            SignFault(format!(
                "`{}` is a key of KeySpec `{}` and KeyUsage `{}`: heads need `ECC_NIST_P256` and \
                 `SIGN_VERIFY`",
                self.key,
                text("KeySpec"),
                text("KeyUsage")
            ))
        })?;
        *known = Some(key);
        Ok(key)
    }

    async fn ask(&self, operation: &'static str, body: &Value) -> Result<Value, SignFault> {
        let call = UnsignedRequest {
            operation,
            method: Method::POST,
            url: self.url.clone(),
            headers: vec![
                ("content-type", "application/x-amz-json-1.1".to_owned()),
                ("x-amz-target", format!("TrentService.{operation}")),
            ],
            body: body.to_string().into_bytes(),
            answers: &[],
            bulk: 0,
        };
        let fault = |words: String| SignFault(format!("kms:{operation}: {words}"));
        let reply = self.signed.send(&call).await;
        let reply = reply.map_err(|failure| fault(failure.fault.to_string()))?;
        serde_json::from_slice(&reply.body).map_err(|error| fault(error.to_string()))
    }
}

fn region_of(key: &str) -> Option<&str> {
    let mut parts = key.split(':');
    let is_arn = parts.next() == Some("arn");
    let region = parts.nth(2).filter(|region| !region.is_empty());
    region.filter(|_| is_arn)
}

#[async_trait]
impl HeadSigner for KmsKey {
    async fn sign_head(&self, head: Map<String, Value>) -> Result<Map<String, Value>, SignFault> {
        let public = self.public_key().await?;
        let unsigned =
            Unsigned::new(head, &public).map_err(|error| SignFault(error.to_string()))?;
        let body = json!({
            "KeyId": self.key,
            "Message": STANDARD.encode(unsigned.digest()),
            "MessageType": "DIGEST",
            "SigningAlgorithm": ALGORITHM,
        });
        let reply = self.ask("Sign", &body).await?;
        let signature = reply.get("Signature").and_then(Value::as_str);
        let signature = signature.and_then(|text| STANDARD.decode(text).ok());
        let signature =
            signature.ok_or_else(|| SignFault("kms:Sign: no signature came back".to_owned()))?;
        let fields = unsigned.with(&signature);
        if let Err(why) = public.check(&fields) {
            // an alias may refer to another key now
            *self.public.lock().await = None;
            return Err(SignFault(format!("kms:Sign answered, and {why}")));
        }
        Ok(fields)
    }
}

#[cfg(test)]
#[path = "head_key_tests.rs"]
mod tests;
