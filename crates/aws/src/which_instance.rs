//! Which instance of IAM Identity Center is ours: as the configuration names it, as AWS says, and where AWS gives no answer, as it said
//! before ([0090](../../../docs/decisions/0090-handle-the-loss-of-the-home-region.md)).

use std::time::Duration;

use aws_config::SdkConfig;
use aws_sdk_ssoadmin::types::InstanceMetadata;
use aws_types::service_config::ServiceConfigKey;
use hallpass_assignments::{CenterFault, Urgency};

use crate::call::Deadline;
use crate::fault::CallFailure;
use crate::pages::listing;
use crate::{Aws, AwsClientSettings, ConnectError, KnownInstance};

/// How long AWS is asked where something is known from before: a hung attempt is waited for once, one that breaks is made four times.
const KNOWN_PATIENCE: Duration = Duration::from_secs(10);

/// From where a connection knows its instance.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InstanceSource {
    /// The configuration names it and its identity store: AWS was not asked.
    Configuration,
    /// AWS told of it.
    Aws,
    /// An earlier connection was told of it: AWS gave no answer.
    Before,
}

/// What is asked for, and how it became known.
#[derive(Debug)]
pub(crate) struct WhichInstance {
    /// The configured instance.
    arn: Option<String>,
    /// The configured identity store.
    store: Option<String>,
    endpoint_url: Option<String>,
    source: InstanceSource,
}

impl WhichInstance {
    /// Nothing is known yet.
    pub(crate) fn asked_with(config: &SdkConfig, settings: &AwsClientSettings) -> Self {
        Self {
            arn: settings.instance_arn.clone(),
            store: settings.identity_store_id.clone(),
            endpoint_url: endpoint_url(config, settings),
            source: InstanceSource::Configuration,
        }
    }

    /// The instance that is meant among those visible to `arn` in `region`, and its identity store.
    fn among(
        &self,
        found: &[InstanceMetadata],
        (region, arn): (&str, &str),
    ) -> Result<(String, String), ConnectError> {
        let names = || {
            let arns = found.iter().filter_map(|it| it.instance_arn.clone());
            arns.collect::<Vec<_>>()
        };
        let chosen = match (&self.arn, found) {
            (Some(wanted), _) => found
                .iter()
                .find(|instance| instance.instance_arn.as_ref() == Some(wanted))
                .ok_or_else(|| ConnectError::UnknownInstance {
                    wanted: wanted.clone(),
                    found: names(),
                })?,
            (None, [only]) => only,
            (None, []) => {
                return Err(ConnectError::NoInstance {
                    region: region.to_owned(),
                    arn: arn.to_owned(),
                });
            }
            (None, _) => return Err(ConnectError::SeveralInstances { found: names() }),
        };
        let (Some(instance), Some(store)) = (&chosen.instance_arn, &chosen.identity_store_id)
        else {
            let failure = CallFailure::unparsable("an instance without ARN or identity store");
            return Err(ConnectError::call("ListInstances", failure));
        };
        let store = self.store.as_ref().unwrap_or(store);
        Ok((instance.clone(), store.clone()))
    }

    /// What was known before, where it answers the same question: nothing of another account, Region, endpoint or configured instance.
    fn as_before(&self, known: &KnownInstance, aws: &Aws) -> Option<(String, String)> {
        let is_ours = known.account == aws.about.account
            && known.region == aws.about.region
            && known.endpoint_url == self.endpoint_url
            && { self.arn.as_ref() }.is_none_or(|arn| *arn == known.instance_arn);
        let store = self.store.as_ref().unwrap_or(&known.identity_store_id);
        is_ours.then(|| (known.instance_arn.clone(), store.clone()))
    }
}

/// Finds the instance and its identity store, and remembers from where it is known.
pub(crate) async fn find(aws: &mut Aws, known: Option<&KnownInstance>) -> Result<(), ConnectError> {
    let (source, (instance, store)) = match (&aws.which.arn, &aws.which.store) {
        (Some(arn), Some(store)) => (InstanceSource::Configuration, (arn.clone(), store.clone())),
        (Some(_) | None, _) => ask(aws, known).await?,
    };
    aws.about.instance_arn = instance;
    aws.about.identity_store_id = store;
    aws.which.source = source;
    Ok(())
}

async fn ask(
    aws: &Aws,
    known: Option<&KnownInstance>,
) -> Result<(InstanceSource, (String, String)), ConnectError> {
    let before = known.and_then(|known| aws.which.as_before(known, aws));
    let pace = match before {
        Some(_) => Deadline::within(Urgency::Grant, KNOWN_PATIENCE),
        None => Deadline::connecting(),
    };
    match (list_instances(aws, pace).await, before) {
        (Ok(found), _) => Ok((InstanceSource::Aws, aws.chosen(&found)?)),
        (Err(failure), Some(before)) if says_nothing(&failure) => {
            tracing::warn!(
                fault = %failure.fault,
                instance = before.0,
                "IAM Identity Center does not say which instance is ours; it is gone on with the one of before"
            );
            Ok((InstanceSource::Before, before))
        }
        (Err(failure), _) => Err(ConnectError::call("ListInstances", failure)),
    }
}

async fn list_instances(aws: &Aws, pace: Deadline) -> Result<Vec<InstanceMetadata>, CallFailure> {
    listing!(
        aws.sso_line.read("ListInstances", pace),
        instances,
        aws.sso.list_instances()
    )
    .await
}

/// Whether a failure says neither that the instance is another nor that we may not know.
fn says_nothing(failure: &CallFailure) -> bool {
    let has_no_data = matches!(failure.fault, CenterFault::KeyUnusable { .. });
    failure.is_silence() || failure.is_throttle() || has_no_data
}

/// Where the administration is asked, as its client finds it; `None` for AWS's own.
fn endpoint_url(config: &SdkConfig, settings: &AwsClientSettings) -> Option<String> {
    let of_service = || {
        let key = ServiceConfigKey::builder()
            .service_id("SSO Admin")
            .env("AWS_ENDPOINT_URL")
            .profile("endpoint_url");
        config.service_config()?.load_config(key.build().ok()?)
    };
    { settings.endpoint_url.clone() }
        .or_else(of_service)
        .or_else(|| config.endpoint_url().map(str::to_owned))
}

impl Aws {
    /// From where it is known which instance is ours.
    pub fn instance_source(&self) -> InstanceSource {
        self.which.source
    }

    /// What a later connection may go on with.
    pub fn known_instance(&self) -> KnownInstance {
        KnownInstance {
            account: self.about.account.clone(),
            region: self.about.region.clone(),
            endpoint_url: self.which.endpoint_url.clone(),
            instance_arn: self.about.instance_arn.clone(),
            identity_store_id: self.about.identity_store_id.clone(),
        }
    }

    /// Asks AWS whether the instance that is gone on with is ours still.
    ///
    /// # Errors
    /// As [`connect`](crate::connect), and where AWS tells of another one.
    pub async fn confirm_instance(&self) -> Result<(), ConnectError> {
        let listed = list_instances(self, Deadline::connecting()).await;
        let found = listed.map_err(|failure| ConnectError::call("ListInstances", failure))?;
        let told = self.chosen(&found)?;
        let before = (
            self.about.instance_arn.clone(),
            self.about.identity_store_id.clone(),
        );
        if told == before {
            return Ok(());
        }
        let named = |(arn, store): (String, String)| format!("instance `{arn}` ({store})");
        Err(ConnectError::AnotherInstance {
            before: named(before),
            told: named(told),
        })
    }

    fn chosen(&self, found: &[InstanceMetadata]) -> Result<(String, String), ConnectError> {
        self.which
            .among(found, (&self.about.region, &self.about.arn))
    }
}

#[cfg(test)]
#[path = "which_instance_tests.rs"]
mod tests;
