//! Calls of any service by name, for checks, and for chores without a dedicated port.

use std::sync::Arc;

use async_trait::async_trait;
use hallpass_aws::{AwsClientSettings, OrganizationCalls, RoleToAssume, is_passing};
use hallpass_base::clock::SystemClock;
use hallpass_inventory::collect::CallPlace;
use hallpass_org::{
    Operation, ReadAnswer, ReadCallFailed, ReadCalls, ReadPlace, SendAnswer, ServiceCalls,
};
use hallpass_terminal::exit::Failure;
use serde_json::{Map, Value};

pub struct NamedCalls(OrganizationCalls);

impl NamedCalls {
    /// `concurrency` limits parallel calls.
    pub async fn new(
        home: String,
        role: RoleToAssume,
        concurrency: usize,
    ) -> Result<Self, Failure> {
        Self::of(AwsClientSettings::new(home), role, concurrency).await
    }

    pub async fn of(
        client: AwsClientSettings,
        role: RoleToAssume,
        concurrency: usize,
    ) -> Result<Self, Failure> {
        let (seed, clock) = (fastrand::u64(..), Arc::new(SystemClock));
        let calls = OrganizationCalls::new(client, role, concurrency, seed, clock).await;
        calls.map(Self).map_err(Failure::failed)
    }

    pub async fn own_account(&self) -> Result<String, Failure> {
        let nothing = Value::Object(Map::new());
        let place = ReadPlace::default();
        let found = self.call(&place, ("sts", "GetCallerIdentity"), &nothing);
        let (answer, _) = found.await.map_err(|failed| {
            let (code, message) = (failed.code, failed.message);
            Failure::failed(format!("who we are is not known: {code}: {message}"))
        })?;
        let own = answer.get("Account").and_then(Value::as_str);
        Ok(own.unwrap_or_default().to_owned())
    }
}

#[async_trait]
impl ReadCalls for NamedCalls {
    async fn call(&self, place: &ReadPlace, operation: Operation, input: &Value) -> ReadAnswer {
        let at = call_place(place);
        let region = place.region.as_deref();
        let found = self.0.call_in(&at, region, operation, input);
        let found = found.await.map_err(|it| ReadCallFailed {
            passing: is_passing(&it),
            code: it.code,
            message: it.message,
        })?;
        Ok((found.answer, found.next))
    }
}

#[async_trait]
impl ServiceCalls for NamedCalls {
    async fn send(&self, place: &ReadPlace, operation: Operation, input: &Value) -> SendAnswer {
        let (at, region) = (call_place(place), place.region.as_deref());
        self.0.send_in(&at, region, operation, input).await
    }
}

fn call_place(place: &ReadPlace) -> CallPlace {
    let inside = place.account.clone();
    inside.map_or(CallPlace::Home, CallPlace::Inside)
}
