//! What `connect` needs to know.

use hallpass_aws_model::facts;
use secrecy::SecretString;

/// Where AWS is, who we are there, and how fast we may ask.
#[derive(Clone, Debug)]
pub struct AwsClientSettings {
    /// The home Region of IAM Identity Center.
    pub region: String,
    /// One endpoint for all services; `None` = as the SDKs do (`AWS_ENDPOINT_URL` and
    /// `AWS_ENDPOINT_URL_<SERVICE>`, else AWS).
    pub endpoint_url: Option<String>,
    /// Where credentials come from.
    pub credentials: Credentials,
    /// A role to assume with them.
    pub role_arn: Option<String>,
    /// The external id that the role's trust policy asks for.
    pub external_id: Option<String>,
    /// The instance; `None` = the only one there is.
    pub instance_arn: Option<String>,
    /// The identity store; `None` = the instance's.
    pub identity_store_id: Option<String>,
    /// What an earlier connection was told of the instance: gone on with where AWS gives no answer.
    pub known_instance: Option<KnownInstance>,
    /// Requests per second to sso-admin, all operations together ([`facts::CENTER_CALLS`] of an instance).
    /// identitystore has the same, organizations half of it ([`facts::ORGANIZATION_CALLS`]).
    pub requests_per_second: f64,
    /// Requests at once after a pause, for each service.
    pub burst: u32,
    /// How much is found out while connecting.
    pub survey: Survey,
}

/// An instance as AWS told of it, with what it was asked as, where and by which way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KnownInstance {
    /// The account of the credentials.
    pub account: String,
    /// The home Region.
    pub region: String,
    /// The endpoint, where it is none of AWS's own.
    pub endpoint_url: Option<String>,
    /// The instance.
    pub instance_arn: String,
    /// Its identity store, `d-…`.
    pub identity_store_id: String,
}

/// How much is found out while connecting.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Survey {
    /// The instance, and what we are in the organization.
    Whole,
    /// The instance only; what we are in the organization stays unknown
    /// ([`Place::Other`](crate::Place::Other)).
    Instance,
}

impl AwsClientSettings {
    /// The defaults, for a home Region.
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

/// Where credentials come from.
#[derive(Clone, Debug)]
pub enum Credentials {
    /// The standard chain: environment, profiles, SSO, web identity, container, instance.
    Chain,
    /// A key given by the caller (the demo's).
    Static {
        /// The access key's id.
        access_key_id: String,
        /// The access key's secret.
        secret_access_key: SecretString,
        /// The session's token, for temporary keys.
        session_token: Option<SecretString>,
    },
}
