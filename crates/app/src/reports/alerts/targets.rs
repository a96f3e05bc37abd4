//! Machine targets of alerts: topics, queues and AWS findings, with the server's credentials.

use std::sync::Arc;

use crate::config::AlertTargets;
use async_trait::async_trait;
use hallpass_access::Channel;
use hallpass_alerts::AlertStore;
use hallpass_aws::{AwsClientSettings, FindingClient};
use hallpass_base::Clock;
use hallpass_channels::notify::{
    AlertsOnly, QueueTarget, SecurityHubTarget, TargetCalls, TargetFault, TargetOperation,
    TargetSettingsError, TopicTarget,
};
use hallpass_findings::{FindingCalls as _, RefusalKind};
use hallpass_terminal::exit::Failure;
use serde_json::Value;

/// The rate-limited, retrying client of findings, for all services.
struct TargetClient(FindingClient);

#[async_trait]
impl TargetCalls for TargetClient {
    async fn call(
        &self,
        region: Option<&str>,
        operation: TargetOperation,
        input: &Value,
    ) -> Result<Value, TargetFault> {
        let (service, operation) = operation;
        let answer = self.0.call(region, service, operation, input).await;
        answer.map_err(|refusal| TargetFault {
            operation: refusal.operation,
            code: refusal.code,
            message: refusal.message,
            is_final: refusal.kind == RefusalKind::Final,
        })
    }
}

pub async fn alert_channels(
    targets: &AlertTargets,
    aws: AwsClientSettings,
    states: Arc<dyn AlertStore>,
    clock: &Arc<dyn Clock>,
) -> Result<Vec<Arc<dyn Channel>>, Failure> {
    if targets.names().is_empty() {
        return Ok(Vec::new());
    }
    let client = FindingClient::new(aws, fastrand::u64(..), Arc::clone(clock)).await;
    let client = client.map_err(|error| Failure::failed(format!("cannot start: {error}")))?;
    let calls: Arc<dyn TargetCalls> = Arc::new(TargetClient(client));
    channels_of(targets, &calls, states).map_err(|error| {
        Failure::bad_input(error.to_string()).help("docs/reference/notifications.md")
    })
}

fn channels_of(
    targets: &AlertTargets,
    calls: &Arc<dyn TargetCalls>,
    states: Arc<dyn AlertStore>,
) -> Result<Vec<Arc<dyn Channel>>, TargetSettingsError> {
    let (mut channels, url) = (Vec::<Arc<dyn Channel>>::new(), &targets.public_url);
    for (name, topic) in &targets.topics {
        let target = TopicTarget::new(name, topic, url, Arc::clone(calls))?;
        channels.push(Arc::new(AlertsOnly(target)));
    }
    for (name, queue) in &targets.queues {
        let target = QueueTarget::new(name, queue, url, Arc::clone(calls))?;
        channels.push(Arc::new(AlertsOnly(target)));
    }
    if let Some(region) = &targets.security_hub {
        let target = SecurityHubTarget::new(region, url, Arc::clone(calls), states);
        channels.push(Arc::new(AlertsOnly(target)));
    }
    Ok(channels)
}
