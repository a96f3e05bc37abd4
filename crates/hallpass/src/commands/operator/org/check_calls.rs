//! The calls that checks read with.

use std::sync::Arc;

use async_trait::async_trait;
use hallpass_aws::{AwsClientSettings, OrganizationCalls, RoleToAssume};
use hallpass_collect::CallPlace;
use hallpass_org::{ReadAnswer, ReadCallFailed, ReadCalls, ReadPlace};
use serde_json::{Map, Value};

use crate::clock::SystemClock;
use crate::exit::Failure;

/// Calls with the credentials that we have, and with those of a role in other accounts.
pub(super) struct CheckCalls(OrganizationCalls);

impl CheckCalls {
    /// `concurrency` calls at once.
    pub(super) async fn new(
        home: String,
        role: RoleToAssume,
        concurrency: usize,
    ) -> Result<Self, Failure> {
        let client = AwsClientSettings::new(home);
        let (seed, clock) = (fastrand::u64(..), Arc::new(SystemClock));
        let calls = OrganizationCalls::new(client, role, concurrency, seed, clock).await;
        calls.map(Self).map_err(Failure::failed)
    }

    /// The account of our credentials.
    pub(super) async fn own_account(&self) -> Result<String, Failure> {
        let nothing = Value::Object(Map::new());
        let place = ReadPlace::default();
        let found = self.call(&place, "sts", "GetCallerIdentity", &nothing);
        let (answer, _) = found.await.map_err(|failed| {
            let (code, message) = (failed.code, failed.message);
            Failure::failed(format!("who we are is not known: {code}: {message}"))
        })?;
        let own = answer.get("Account").and_then(Value::as_str);
        Ok(own.unwrap_or_default().to_owned())
    }
}

#[async_trait]
impl ReadCalls for CheckCalls {
    async fn call(
        &self,
        place: &ReadPlace,
        service: &'static str,
        operation: &'static str,
        input: &Value,
    ) -> ReadAnswer {
        let inside = place.account.clone();
        let at = inside.map_or(CallPlace::Home, CallPlace::Inside);
        let region = place.region.as_deref();
        let found = self.0.call_in(&at, region, (service, operation), input);
        let found = found.await.map_err(|it| ReadCallFailed {
            code: it.code,
            message: it.message,
        })?;
        Ok((found.answer, found.next))
    }
}
