//! RDS passwords for IAM authentication: a signed address valid for a quarter of an hour (AWS: "IAM
//! database authentication", in the guide of RDS).

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use aws_credential_types::Credentials;
use aws_credential_types::provider::ProvideCredentials as _;
use aws_sigv4::http_request::{
    SignableBody, SignableRequest, SignatureLocation, SigningSettings, sign,
};
use aws_sigv4::sign::v4;
use aws_smithy_runtime_api::client::identity::Identity;
use hallpass_base::{Clock, with_causes};

use crate::AwsClientSettings;
use crate::connect::{configure_quietly, environment_region};
use crate::signed::{Slash, encoded};

const GOOD_FOR: Duration = Duration::from_mins(15);

pub struct DatabaseTokens {
    clock: Arc<dyn Clock>,
}

impl DatabaseTokens {
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        Self { clock }
    }

    /// The password for `user` of that database. Finds credentials on every call: connections are
    /// rare, and role keys expire soon.
    ///
    /// # Errors
    /// No Region, or no credentials.
    pub async fn token(&self, host: &str, port: u16, user: &str) -> Result<String, String> {
        let region = match database_region(host) {
            Some(region) => region.to_owned(),
            None => environment_region().await.ok_or_else(|| {
                format!("`{host}` names no Region: set AWS_REGION, or use the endpoint of RDS")
            })?,
        };
        let settings = AwsClientSettings::new(region.clone());
        let config = configure_quietly(&settings, &self.clock).await;
        let provider = config
            .credentials_provider()
            .ok_or("there are no AWS credentials")?;
        let found = provider.provide_credentials().await;
        let credentials = found.map_err(|error| with_causes(&error))?;
        let at = SystemTime::from(self.clock.now());
        let place = format!("{host}:{port}");
        token(credentials, &region, at, &place, user).map_err(|error| error.to_string())
    }
}

/// The Region of an RDS endpoint: `NAME.ID.REGION.rds.amazonaws.com`.
pub fn database_region(host: &str) -> Option<&str> {
    let (name, rest) = host.rsplit_once(".rds.")?;
    let is_aws = matches!(rest, "amazonaws.com" | "amazonaws.com.cn");
    let (_, region) = name.rsplit_once('.')?;
    Some(region).filter(|region| is_aws && !region.is_empty())
}

fn token(
    credentials: Credentials,
    region: &str,
    at: SystemTime,
    place: &str,
    user: &str,
) -> Result<String, Box<dyn std::error::Error + Send + Sync>> {
    let user = encoded(user, Slash::Encoded);
    let address = format!("https://{place}/?Action=connect&DBUser={user}");
    let identity: Identity = credentials.into();
    let mut settings = SigningSettings::default();
    settings.signature_location = SignatureLocation::QueryParams;
    settings.expires_in = Some(GOOD_FOR);
    let parameters = v4::SigningParams::builder()
        .identity(&identity)
        .region(region)
        .name("rds-db")
        .time(at)
        .settings(settings)
        .build()?
        .into();
    let no_headers = std::iter::empty();
    let signable = SignableRequest::new("GET", &address, no_headers, SignableBody::Bytes(&[]))?;
    let (instructions, _) = sign(signable, &parameters)?.into_parts();
    let mut request = http::Request::get(&address).body(())?;
    instructions.apply_to_request_http1x(&mut request);
    let signed = request.uri().to_string();
    Ok(signed.trim_start_matches("https://").to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_endpoint_of_rds_names_its_region() {
        for (host, region) in [
            (
                "hallpass.abc123.eu-west-1.rds.amazonaws.com",
                Some("eu-west-1"),
            ),
            (
                "hallpass.cluster-abc.cn-north-1.rds.amazonaws.com.cn",
                Some("cn-north-1"),
            ),
            ("db.example.com", None),
            ("a.eu-west-1.rds.amazonaws.com.evil.example", None),
            ("eu-west-1.rds.example.com", None),
            ("x.rds.amazonaws.com", None),
        ] {
            assert_eq!(database_region(host), region, "{host}");
        }
    }
}
