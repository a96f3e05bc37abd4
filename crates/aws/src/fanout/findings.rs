//! Calls of finding enrichment: Security Hub in any Region, and account data, within AWS's limits
//! (`organization.md` E-3, E-9, E-12).

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use hallpass_assignments::Urgency;
use hallpass_aws_model::facts;
use hallpass_aws_model::wire::catalog;
use hallpass_base::Clock;
use hallpass_findings::{CallRefusal, FindingCalls, RefusalKind};
use hallpass_plans::fanout::{CallFault, FaultKind, Retries};
use serde_json::Value;

use super::any_service::AnyService;
use crate::AwsClientSettings;
use crate::bucket::Bucket;
use crate::connect::configure_quietly;

/// Calls a second, and burst: Security Hub's quotas per Region, and limits shared by the
/// organization.
const RATES: [(&str, &str, f64, u32); 6] = [
    (
        "securityhub",
        "BatchUpdateFindings",
        facts::FINDING_UPDATE_CALLS.rate(),
        facts::FINDING_UPDATE_BURST.value,
    ),
    (
        "securityhub",
        "GetFindings",
        facts::FINDING_READ_CALLS.rate(),
        facts::FINDING_READ_BURST.value,
    ),
    ("organizations", "", facts::ORGANIZATION_CALLS.rate(), 5),
    ("account", "", facts::ACCOUNT_CALLS.rate(), 2),
    (
        "account-access",
        "",
        facts::ENTITLEMENT_CALLS.rate() / 2.0,
        10,
    ),
    ("identitystore", "", facts::STORE_CALLS.rate() / 2.0, 10),
];

pub struct FindingClient {
    aws: AnyService,
    home: String,
    retries: Mutex<Retries>,
    rations: Mutex<HashMap<(usize, String), Arc<Bucket>>>,
}

impl std::fmt::Debug for FindingClient {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("FindingClient").finish_non_exhaustive()
    }
}

impl FindingClient {
    /// Finds credentials and endpoints. Makes no call. `seed` draws the pauses.
    pub async fn new(
        client: AwsClientSettings,
        seed: u64,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, String> {
        let config = configure_quietly(&client, &clock).await;
        Ok(Self {
            aws: AnyService::new(config, client.endpoint_url.clone(), clock)?,
            home: client.region,
            retries: Mutex::new(Retries::new(seed)),
            rations: Mutex::default(),
        })
    }

    fn ration(&self, service: &str, operation: &str, region: &str) -> Option<Arc<Bucket>> {
        let fits = |(one, of, ..): &&(&str, &str, f64, u32)| {
            *one == service && (of.is_empty() || *of == operation)
        };
        let place = RATES.iter().position(|it| fits(&it))?;
        let (_, _, rate, burst) = RATES.get(place)?;
        let mut rations = self.rations.lock().unwrap_or_else(PoisonError::into_inner);
        let key = (place, region.to_owned());
        Some(Arc::clone(
            rations
                .entry(key)
                .or_insert_with(|| Arc::new(Bucket::new(*rate, *burst))),
        ))
    }

    fn retries(&self) -> std::sync::MutexGuard<'_, Retries> {
        self.retries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl FindingCalls for FindingClient {
    async fn call(
        &self,
        region: Option<&str>,
        service: &'static str,
        operation: &'static str,
        input: &Value,
    ) -> Result<Value, CallRefusal> {
        let home = region.unwrap_or(&self.home);
        // global services answer in one Region
        let region = catalog().global_region(service, home).unwrap_or(home);
        let ration = self.ration(service, operation, region);
        let mut tries = 0;
        loop {
            tries += 1;
            if let Some(ration) = &ration {
                ration.take(Urgency::Background).await;
            }
            self.retries().count_call();
            let fault = match self
                .aws
                .named(service, operation, input, (region, None))
                .await
            {
                Ok(answer) => return Ok(answer),
                Err(fault) => fault,
            };
            let pause = self
                .retries()
                .pause_ms(fault.kind, tries, fault.retry_after_ms);
            match pause {
                Some(pause) => tokio::time::sleep(Duration::from_millis(pause)).await,
                None => return Err(refusal(operation, fault)),
            }
        }
    }

    async fn pause(&self, long: Duration) {
        tokio::time::sleep(long).await;
    }
}

fn refusal(operation: &str, fault: CallFault) -> CallRefusal {
    CallRefusal {
        kind: match fault.kind {
            FaultKind::Throttled | FaultKind::Passing | FaultKind::Expired => RefusalKind::Passing,
            FaultKind::Denied => RefusalKind::Denied,
            FaultKind::Final => RefusalKind::Final,
        },
        operation: operation.to_owned(),
        code: fault.code,
        message: fault.message,
    }
}
