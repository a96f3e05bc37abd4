//! Connecting: finds credentials, instance, identity store, and the own account's role in the
//! organization.

use std::sync::Arc;
use std::time::Duration;

use aws_config::environment::region::EnvironmentVariableRegionProvider;
use aws_config::meta::region::RegionProviderChain;
use aws_config::profile::region::ProfileFileRegionProvider;
use aws_config::stalled_stream_protection::StalledStreamProtectionConfig;
use aws_config::sts::AssumeRoleProvider;
use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_sdk_organizations::config::retry::RetryConfig;
use hallpass_assignments::{CenterFault, OutageWatch, Urgency};
use hallpass_aws_model::organizations_region;
use hallpass_base::{Clock, IdSource};
use secrecy::ExposeSecret;

use crate::bucket::Bucket;
use crate::call::ObservedService::{ItsDirectory, Itself};
use crate::call::{ATTEMPT_MAX, Deadline, Heard, ServiceClient};
use crate::dates::{AnswerDates, DateListener};
use crate::fault::CallFailure;
use crate::instance_regions::RegionMemory;
use crate::jitter::Jitter;
use crate::key_watch::KeyWatch;
use crate::pages::listing;
use crate::which_instance::{self, WhichInstance};
use crate::{Aws, AwsClientSettings, ConnectError, Credentials, Survey, transport};

const SSO_PRINCIPAL: &str = "sso.amazonaws.com";
/// Maximum wait for a connection.
const CONNECTION_MAX: Duration = Duration::from_secs(4);
const STS_PER_SECOND: f64 = 50.0;
/// Maximum wait for an answer when only its date matters.
const DATE_MAX: Duration = Duration::from_secs(5);

/// The own account's role in the organization (`access.md` §13).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OwnAccountRole {
    /// May do everything.
    Management,
    /// May do everything except in the management account and with permission sets provisioned
    /// there.
    DelegatedAdministrator,
    /// Another account, or one without an organization: AWS will refuse most calls.
    Other,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConnectedOrganization {
    pub region: String,
    pub instance_arn: String,
    pub identity_store_id: String,
    pub account: String,
    pub arn: String,
    /// `o-…`; `None` when not readable.
    pub organization_id: Option<String>,
    /// `None` when not readable.
    pub management_account: Option<String>,
    pub place: OwnAccountRole,
}

impl ConnectedOrganization {
    /// Whether AWS Organizations answers only in the home Region.
    pub fn has_organizations_at_home(&self) -> bool {
        organizations_region(&self.region) == self.region
    }
}

/// Finds credentials, instance and identity store, and the own account's role in the organization.
///
/// `clock` dates reads; `ids` seeds the retry pauses once. `dates` receives the date of every
/// answer.
///
/// # Errors
/// When a call fails, or there is not exactly one usable instance.
pub async fn connect(
    settings: AwsClientSettings,
    clock: Arc<dyn Clock>,
    ids: Arc<dyn IdSource>,
    dates: DateListener,
) -> Result<Aws, ConnectError> {
    let dates = AnswerDates::new(dates, Arc::clone(&clock));
    let config = Box::pin(configure(&settings, &dates)).await;
    let (_, seed) = ids.next(clock.now()).as_u64_pair();
    over(&config, &settings, clock, &dates, seed).await
}

macro_rules! client {
    ($service:ident, $config:expr, $dates:expr) => {
        $service::Client::from_conf(
            $service::config::Builder::from($config)
                .interceptor($dates.clone())
                .build(),
        )
    };
}

fn nothing_known(region: &str) -> ConnectedOrganization {
    ConnectedOrganization {
        region: region.to_owned(),
        instance_arn: String::new(),
        identity_store_id: String::new(),
        account: String::new(),
        arn: String::new(),
        organization_id: None,
        management_account: None,
        place: OwnAccountRole::Other,
    }
}

pub(crate) async fn over(
    config: &SdkConfig,
    settings: &AwsClientSettings,
    clock: Arc<dyn Clock>,
    dates: &AnswerDates,
    seed: u64,
) -> Result<Aws, ConnectError> {
    let config = config
        .to_builder()
        .time_source(dates.clone())
        .stalled_stream_protection(StalledStreamProtectionConfig::disabled())
        // the SDK's correction would be added to this one
        .disable_clock_skew_correction(true)
        .build();
    let line = |service, share: f64, salt| {
        let bucket = Bucket::new(settings.requests_per_second * share, settings.burst);
        ServiceClient::new(service, bucket, Jitter::new(seed ^ salt))
    };
    let heard_by = |service, watch: &Arc<OutageWatch>, key: &Arc<KeyWatch>| Heard {
        service,
        watch: Arc::clone(watch),
        key: Arc::clone(key),
        clock: Arc::clone(&clock),
    };
    let (center, organizations): (Arc<OutageWatch>, Arc<OutageWatch>) = Default::default();
    let keys: [Arc<KeyWatch>; 2] = Default::default();
    let [key, directory_key] = &keys;
    let mut aws = Aws {
        sso: client!(aws_sdk_ssoadmin, &config, dates),
        store: client!(aws_sdk_identitystore, &config, dates),
        org: client!(aws_sdk_organizations, &config, dates),
        sts: client!(aws_sdk_sts, &config, dates),
        sso_line: line("sso-admin", 1.0, 1).heard_by(heard_by(Itself, &center, key)),
        store_line: line("identitystore", 1.0, 2).heard_by(heard_by(
            ItsDirectory,
            &center,
            directory_key,
        )),
        org_line: line("organizations", 0.5, 3).heard_by(heard_by(
            Itself,
            &organizations,
            &Arc::default(),
        )),
        sts_line: ServiceClient::new("sts", Bucket::new(STS_PER_SECOND, 5), Jitter::new(seed ^ 4)),
        center,
        keys,
        organizations,
        regions: RegionMemory::default(),
        clock,
        about: nothing_known(&settings.region),
        which: WhichInstance::asked_with(&config, settings),
    };
    let caller = aws
        .sts_line
        .read("GetCallerIdentity", Deadline::connecting(), || {
            aws.sts.get_caller_identity().send()
        })
        .await
        .map_err(|failure| ConnectError::call("GetCallerIdentity", failure))?;
    aws.about.account = caller.account.unwrap_or_default();
    aws.about.arn = caller.arn.unwrap_or_default();
    which_instance::find(&mut aws, settings.known_instance.as_ref()).await?;
    if settings.survey == Survey::Whole {
        find_place(&mut aws).await?;
    }
    Ok(aws)
}

impl Aws {
    /// Sends a call to learn AWS's time from the answer's date. A refusal for clock skew counts
    /// too.
    ///
    /// # Errors
    /// When no answer came.
    pub async fn ask_time(&self) -> Result<(), CenterFault> {
        let asked = self
            .sts_line
            .read(
                "GetCallerIdentity",
                Deadline::within(Urgency::Background, DATE_MAX),
                || self.sts.get_caller_identity().send(),
            )
            .await;
        asked.map(drop).map_err(|failure| failure.fault)
    }
}

pub(crate) async fn environment_region() -> Option<String> {
    let region = RegionProviderChain::first_try(EnvironmentVariableRegionProvider::new())
        .or_else(ProfileFileRegionProvider::new());
    let found = region.region().await.map(|it| it.to_string());
    found.filter(|region| !region.is_empty())
}

pub(crate) async fn configure_quietly(
    settings: &AwsClientSettings,
    clock: &Arc<dyn Clock>,
) -> SdkConfig {
    let dates = AnswerDates::new(Arc::new(|_| {}), Arc::clone(clock));
    Box::pin(configure(settings, &dates)).await
}

/// Credentials, Region, endpoints and times, as the SDKs find them.
async fn configure(settings: &AwsClientSettings, dates: &AnswerDates) -> SdkConfig {
    let timeouts = TimeoutConfig::builder()
        .connect_timeout(CONNECTION_MAX)
        .operation_attempt_timeout(ATTEMPT_MAX)
        .build();
    let mut loader = aws_config::defaults(BehaviorVersion::latest())
        .region(Region::new(settings.region.clone()))
        // credentials expire and roles are assumed by AWS's time
        .time_source(dates.clone())
        // it uses this time source and loops for long after a jump of years; every attempt has a
        // time-out
        .stalled_stream_protection(StalledStreamProtectionConfig::disabled())
        .http_client(transport::client())
        .timeout_config(timeouts);
    if let Some(url) = &settings.endpoint_url {
        loader = loader.endpoint_url(url);
    }
    if let Credentials::Static {
        access_key_id,
        secret_access_key,
        session_token,
    } = &settings.credentials
    {
        loader = loader.credentials_provider(aws_credential_types::Credentials::new(
            access_key_id,
            secret_access_key.expose_secret(),
            session_token
                .as_ref()
                .map(|token| token.expose_secret().to_owned()),
            None,
            "hallpass",
        ));
    }
    // credentials use the SDK's own retries
    let base = loader.load().await;
    let mut builder = base.to_builder().retry_config(RetryConfig::disabled());
    if let Some(role) = &settings.role_arn {
        let mut provider = AssumeRoleProvider::builder(role)
            .session_name("hallpass")
            .configure(&base);
        if let Some(id) = &settings.external_id {
            provider = provider.external_id(id);
        }
        let provider = match base.credentials_provider() {
            Some(first) => provider.build_from_provider(first).await,
            None => provider.build().await,
        };
        builder = builder.credentials_provider(SharedCredentialsProvider::new(provider));
    }
    builder.build()
}

/// A member account may describe the organization, but not list delegated administrators; an
/// account without an organization may do neither. Both are `OwnAccountRole::Other`, not errors.
async fn find_place(aws: &mut Aws) -> Result<(), ConnectError> {
    let described = aws
        .org_line
        .read("DescribeOrganization", Deadline::connecting(), || {
            aws.org.describe_organization().send()
        })
        .await;
    let organization = match described {
        Ok(output) => output.organization,
        Err(failure) if !failure.is_passing() => {
            tracing::warn!(fault = %failure.fault, "the organization cannot be seen");
            None
        }
        Err(failure) => return Err(ConnectError::call("DescribeOrganization", failure)),
    };
    let Some(organization) = organization else {
        return Ok(());
    };
    aws.about.organization_id = organization.id;
    aws.about.management_account = organization.master_account_id;
    if aws.about.management_account.as_ref() == Some(&aws.about.account) {
        aws.about.place = OwnAccountRole::Management;
        return Ok(());
    }
    match delegated_administrators(aws).await {
        Ok(accounts) if accounts.contains(&aws.about.account) => {
            aws.about.place = OwnAccountRole::DelegatedAdministrator;
            Ok(())
        }
        Ok(_) => Ok(()),
        Err(failure) if !failure.is_passing() => {
            tracing::warn!(fault = %failure.fault, "delegated administrators cannot be seen");
            Ok(())
        }
        Err(failure) => Err(ConnectError::call("ListDelegatedAdministrators", failure)),
    }
}

async fn delegated_administrators(aws: &Aws) -> Result<Vec<String>, CallFailure> {
    let rows = listing!(
        aws.org_line
            .read("ListDelegatedAdministrators", Deadline::connecting()),
        delegated_administrators,
        aws.org
            .list_delegated_administrators()
            .service_principal(SSO_PRINCIPAL)
    )
    .await?;
    Ok(rows.into_iter().filter_map(|row| row.id).collect())
}

#[cfg(test)]
#[path = "connect_tests.rs"]
mod tests;
