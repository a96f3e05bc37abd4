//! Selects the IAM Identity Center instance: from the configuration, from AWS, or, without an
//! answer, from an earlier connection.

use std::time::Duration;

use aws_config::SdkConfig;
use aws_sdk_ssoadmin::types::{InstanceMetadata, RegionScope};
use aws_types::service_config::ServiceConfigKey;
use hallpass_assignments::{CenterFault, Urgency};

use crate::call::Deadline;
use crate::fault::CallFailure;
use crate::pages::listing;
use crate::{Aws, AwsClientSettings, ConnectError, KnownInstance};

/// Maximum wait for AWS when an earlier instance is known: one attempt if it hangs, four if it
/// fails.
const KNOWN_PATIENCE: Duration = Duration::from_secs(10);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InstanceSource {
    /// Instance and identity store are configured: no call to AWS.
    Configuration,
    Aws,
    /// From an earlier connection: AWS did not answer.
    Before,
}

#[derive(Debug)]
pub(crate) struct WhichInstance {
    arn: Option<String>,
    store: Option<String>,
    endpoint_url: Option<String>,
    source: InstanceSource,
}

impl WhichInstance {
    pub(crate) fn asked_with(config: &SdkConfig, settings: &AwsClientSettings) -> Self {
        Self {
            arn: settings.instance_arn.clone(),
            store: settings.identity_store_id.clone(),
            endpoint_url: endpoint_url(config, settings),
            source: InstanceSource::Configuration,
        }
    }

    /// Selects among the instances visible to `arn` in `region`; returns it with its identity
    /// store.
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

    /// The earlier instance, if account, Region, endpoint and configured instance are equal.
    fn as_before(&self, known: &KnownInstance, aws: &Aws) -> Option<(String, String)> {
        let is_ours = known.account == aws.about.account
            && known.region == aws.about.region
            && known.endpoint_url == self.endpoint_url
            && { self.arn.as_ref() }.is_none_or(|arn| *arn == known.instance_arn);
        let store = self.store.as_ref().unwrap_or(&known.identity_store_id);
        is_ours.then(|| (known.instance_arn.clone(), store.clone()))
    }
}

/// Finds the instance and its identity store, and records the source.
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
        (Ok(found), _) if found.is_empty() => Err(none_here(aws).await),
        (Ok(found), _) => Ok((InstanceSource::Aws, aws.chosen(&found)?)),
        (Err(failure), Some(before)) if says_nothing(&failure) => {
            tracing::warn!(
                fault = %failure.fault,
                instance = before.0,
                "IAM Identity Center does not return our instance; the earlier one stays in use"
            );
            Ok((InstanceSource::Before, before))
        }
        (Err(failure), _) => Err(ConnectError::call("ListInstances", failure)),
    }
}

/// Explains an empty list: the instance may be in another Region.
async fn none_here(aws: &Aws) -> ConnectError {
    let (region, arn) = (aws.about.region.clone(), aws.about.arn.clone());
    let line = &aws.sso_line;
    let answer = line.read("ListInstances", Deadline::connecting(), || {
        let all = aws.sso.list_instances();
        all.region_scope(RegionScope::AllRegions).send()
    });
    let found = answer.await.ok().and_then(|it| it.instances);
    let mut homes = { found.into_iter().flatten() }.filter_map(|it| it.primary_region);
    match homes.find(|home| *home != region) {
        Some(home) => ConnectError::InstanceElsewhere { home, region },
        None => ConnectError::NoInstance { region, arn },
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

/// Whether a failure shows neither another instance nor a missing right.
fn says_nothing(failure: &CallFailure) -> bool {
    let has_no_data = matches!(failure.fault, CenterFault::KeyUnusable { .. });
    failure.is_silence() || failure.is_throttle() || has_no_data
}

/// The endpoint of the administration; `None` for AWS's own.
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
    pub fn instance_source(&self) -> InstanceSource {
        self.which.source
    }

    pub fn known_instance(&self) -> KnownInstance {
        KnownInstance {
            account: self.about.account.clone(),
            region: self.about.region.clone(),
            endpoint_url: self.which.endpoint_url.clone(),
            instance_arn: self.about.instance_arn.clone(),
            identity_store_id: self.about.identity_store_id.clone(),
        }
    }

    /// Checks with AWS whether the earlier instance is still valid.
    ///
    /// # Errors
    /// As [`connect`](crate::connect), and for another instance.
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
