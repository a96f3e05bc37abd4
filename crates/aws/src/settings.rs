use hallpass_aws_model::facts;
use secrecy::SecretString;

#[derive(Clone, Debug)]
pub struct AwsClientSettings {
    pub region: String,
    /// One endpoint for all services; `None` = as the SDKs do (`AWS_ENDPOINT_URL` and
    /// `AWS_ENDPOINT_URL_<SERVICE>`, else AWS).
    pub endpoint_url: Option<String>,
    pub credentials: Credentials,
    pub role_arn: Option<String>,
    pub external_id: Option<String>,
    /// `None` = the only one.
    pub instance_arn: Option<String>,
    /// `None` = the instance's.
    pub identity_store_id: Option<String>,
    pub known_instance: Option<KnownInstance>,
    /// Requests per second to sso-admin, all operations together ([`facts::CENTER_CALLS`] of an
    /// instance). identitystore has the same, organizations half of it
    /// ([`facts::ORGANIZATION_CALLS`]).
    pub requests_per_second: f64,
    /// For each service.
    pub burst: u32,
    pub survey: Survey,
}

/// An instance from AWS's answer, with credentials, Region and endpoint of the call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KnownInstance {
    pub account: String,
    pub region: String,
    pub endpoint_url: Option<String>,
    pub instance_arn: String,
    /// `d-…`.
    pub identity_store_id: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Survey {
    /// The instance, and the own account's role in the organization.
    Whole,
    /// The instance only; the role stays unknown ([`Place::Other`](crate::Place::Other)).
    Instance,
}

impl AwsClientSettings {
    pub fn new(region: impl Into<String>) -> Self {
        Self {
            region: region.into(),
            endpoint_url: None,
            credentials: Credentials::Chain,
            role_arn: None,
            external_id: None,
            instance_arn: None,
            identity_store_id: None,
            known_instance: None,
            requests_per_second: facts::CENTER_CALLS.our_rate(),
            burst: 18,
            survey: Survey::Whole,
        }
    }
}

#[derive(Clone, Debug)]
pub enum Credentials {
    /// The standard chain: environment, profiles, SSO, web identity, container, instance.
    Chain,
    /// A given key (the demo's).
    Static {
        access_key_id: String,
        secret_access_key: SecretString,
        session_token: Option<SecretString>,
    },
}
