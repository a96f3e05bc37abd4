//! Entitlements of account access manager: access, the loop that ends locked users' entitlements,
//! and its health.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use hallpass_access::Access;
use hallpass_app::setup::waiting::rest;
use hallpass_aws::{Aws, AwsClientSettings, EntitlementClient, FindingClient};
use hallpass_base::Clock;
use hallpass_channels::wording::health;
use hallpass_server::{Bearing, ProbeResult, ReadinessProbe};
use hallpass_terminal::exit::Failure;
use tokio::sync::watch;

/// Store check interval for locks; queries AWS on each change, and every minute.
const EVERY: Duration = Duration::from_secs(5);

pub(super) async fn looked_at(
    access: Access,
    client: AwsClientSettings,
    aws: &Aws,
    clock: &Arc<dyn Clock>,
) -> Result<Access, Failure> {
    if !access.settings().entitlements {
        return Ok(access);
    }
    let calls = FindingClient::new(client, fastrand::u64(..), Arc::clone(clock)).await;
    let calls = calls.map_err(|error| Failure::failed(format!("cannot start: {error}")))?;
    let store = aws.about().identity_store_id.clone();
    let source = EntitlementClient::new(Arc::new(calls), store);
    Ok(access.with_entitlements(Arc::new(source)))
}

pub(super) async fn watch(access: Arc<Access>, mut stop: watch::Receiver<bool>) {
    loop {
        // a stop does not wait for AWS: locks are rechecked
        let ended = tokio::select! {
            ended = access.end_entitlements_of_locked() => ended,
            _ = stop.wait_for(|stopping| *stopping) => return,
        };
        match ended {
            Ok(0) => {}
            Ok(ended) => tracing::info!(ended, "entitlements of locked people are deleted"),
            Err(error) => {
                tracing::error!(error = %error, "entitlements of locked people could not be checked");
            }
        }
        if !rest(&mut stop, EVERY).await {
            return;
        }
    }
}

pub(super) struct EntitlementsProbe(pub(super) Arc<Access>);

#[async_trait]
impl ReadinessProbe for EntitlementsProbe {
    async fn probe(&self) -> ProbeResult {
        let works = match self.0.entitlements_left() {
            Some((people, why)) => Err(health::entitlements_are_left(people, &why)),
            None => Ok(health::NO_ENTITLEMENTS_LEFT.to_owned()),
        };
        ProbeResult {
            name: "entitlements",
            works,
        }
    }

    /// Continues; a locked user may assume an unassigned role.
    fn bearing(&self) -> Bearing {
        Bearing::Advice
    }
}
