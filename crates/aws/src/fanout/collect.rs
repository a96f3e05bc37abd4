//! Calls of a collection: rate-limited, retried where useful, with each account's role assumed once
//! (`inventory.md` T-12, W-11).

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use async_trait::async_trait;
use aws_credential_types::Credentials;
use hallpass_assignments::Urgency;
use hallpass_aws_model::facts;
use hallpass_aws_model::wire::catalog;
use hallpass_base::{AccountId, Clock};
use hallpass_inventory::SliceFailure;
use hallpass_inventory::collect::{
    AnswerPage, CallPlace, CalledOperation, PageAnswer, ServiceCalls,
};
use hallpass_plans::fanout::{CallFault, FailureStage, FaultKind, Retries};
use jiff::Timestamp;
use serde_json::{Value, json};
use tokio::sync::Semaphore;

use super::any_service::AnyService;
use super::roles::{AccountRoles, RoleToAssume};
use crate::AwsClientSettings;
use crate::bucket::Bucket;
use crate::connect::configure_quietly;
use crate::request_ids;

const PER_ACCOUNT: usize = 8;
/// Services with a limit shared by the organization: calls a second, and burst.
const RATIONED: [(&str, f64, u32); 5] = [
    ("sso-admin", facts::CENTER_CALLS.our_rate(), 2),
    ("account-access", facts::ENTITLEMENT_CALLS.our_rate(), 2),
    ("organizations", facts::ORGANIZATION_CALLS.rate(), 5),
    ("account", facts::ACCOUNT_CALLS.rate(), 2),
    // a little less than AWS's limit
    ("cloudtrail", facts::LOOKUP_CALLS.rate() - 0.1, 1),
];
/// Operations with a separate limit in addition to the service's.
const RATIONED_ALONE: [(&str, f64, u32); 2] = [
    ("GetAlternateContact", facts::CONTACT_CALLS.rate(), 5),
    ("GetContactInformation", facts::CONTACT_CALLS.rate(), 5),
];
const RATION_PAUSE: Duration = Duration::from_secs(1);
/// Credentials with less time left are renewed.
const ENDS_SOON: Duration = Duration::from_mins(5);
/// How long a failed account is not entered again: all its slices get the same error. A server runs
/// for months, and the role may be created later.
const REFUSED_FOR: Duration = Duration::from_secs(10);

pub struct OrganizationCalls {
    aws: AnyService,
    roles: AccountRoles,
    home: String,
    clock: Arc<dyn Clock>,
    retries: Mutex<Retries>,
    in_flight: Semaphore,
    rations: HashMap<&'static str, Bucket>,
    own: tokio::sync::Mutex<OwnAccount>,
    doors: Mutex<HashMap<AccountId, Arc<AccountDoor>>>,
}

enum OwnAccount {
    Unasked,
    Unsaid(tokio::time::Instant),
    Known(AccountId),
}

pub(super) enum SendFailure {
    Entering(SliceFailure),
    Call(CallFault),
}

struct AccountDoor {
    in_flight: Semaphore,
    /// The last failure to enter, returned for every slice meanwhile.
    refused: tokio::sync::Mutex<Option<(tokio::time::Instant, SliceFailure)>>,
}

impl std::fmt::Debug for OrganizationCalls {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("OrganizationCalls").finish_non_exhaustive()
    }
}

impl OrganizationCalls {
    /// Finds credentials and endpoints. Makes no call. `seed` draws the pauses.
    pub async fn new(
        client: AwsClientSettings,
        role: RoleToAssume,
        concurrency: usize,
        seed: u64,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, String> {
        let config = configure_quietly(&client, &clock).await;
        let aws = AnyService::new(config, client.endpoint_url.clone(), Arc::clone(&clock))?;
        Ok(Self {
            aws,
            roles: AccountRoles::new(role, client.region.clone()),
            home: client.region,
            clock,
            retries: Mutex::new(Retries::new(seed)),
            in_flight: Semaphore::new(concurrency),
            rations: RATIONED
                .iter()
                .chain(&RATIONED_ALONE)
                .map(|(service, rate, burst)| (*service, Bucket::new(*rate, *burst)))
                .collect(),
            own: tokio::sync::Mutex::new(OwnAccount::Unasked),
            doors: Mutex::default(),
        })
    }

    /// Why a service has no host in a Region for the configured variant (FIPS, dual-stack; AWS SDKs
    /// and Tools Reference Guide, "Dual-stack and FIPS endpoints"). Makes no call.
    pub fn no_host(&self, service: &str, region: &str) -> Option<String> {
        self.aws.no_host(service, region)
    }

    pub fn counts(&self) -> (u64, u64) {
        let retries = self.retries();
        (retries.calls(), retries.made())
    }

    fn retries(&self) -> std::sync::MutexGuard<'_, Retries> {
        self.retries.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn door(&self, account: &AccountId) -> Arc<AccountDoor> {
        let mut doors = self.doors.lock().unwrap_or_else(PoisonError::into_inner);
        let door = doors.entry(account.clone()).or_insert_with(|| {
            Arc::new(AccountDoor {
                in_flight: Semaphore::new(PER_ACCOUNT),
                refused: tokio::sync::Mutex::new(None),
            })
        });
        Arc::clone(door)
    }

    fn ration(&self, service: &str, operation: &str) -> Option<&Bucket> {
        let own = self.rations.get(operation);
        own.or_else(|| self.rations.get(service))
    }

    async fn repeated<T, W: Future<Output = Result<T, CallFault>>>(
        &self,
        stage: FailureStage,
        (service, operation): (&str, &str),
        work: impl Fn() -> W,
    ) -> Result<T, SliceFailure> {
        let ration = self.ration(service, operation);
        let mut tries = 0;
        loop {
            tries += 1;
            if let Some(ration) = ration {
                ration.take(Urgency::Background).await;
            }
            self.retries().count_call();
            let fault = {
                // the semaphore is never closed
                let _slot = self.in_flight.acquire().await;
                match work().await {
                    Ok(answer) => return Ok(answer),
                    Err(fault) => fault,
                }
            };
            if let Some(ration) = ration
                && fault.kind == FaultKind::Throttled
            {
                ration.slow_down(RATION_PAUSE);
            }
            let pause = self
                .retries()
                .pause_ms(fault.kind, tries, fault.retry_after_ms);
            match pause {
                Some(pause) => tokio::time::sleep(Duration::from_millis(pause)).await,
                None => return Err(failure(stage, operation, tries, fault)),
            }
        }
    }

    /// The account of the base credentials; an unknown one is looked up again after a while.
    async fn own(&self) -> Option<AccountId> {
        let mut own = self.own.lock().await;
        match &*own {
            OwnAccount::Known(account) => return Some(account.clone()),
            OwnAccount::Unsaid(at) if at.elapsed() < REFUSED_FOR => return None,
            OwnAccount::Unsaid(_) | OwnAccount::Unasked => {}
        }
        let operation = "GetCallerIdentity";
        let input = json!({});
        let identity = || {
            let call = (self.home.as_str(), None);
            self.aws.named("sts", operation, &input, call)
        };
        let found = { self.repeated(FailureStage::Call, ("sts", operation), identity) }.await;
        let named = found
            .ok()
            .and_then(|it| it.get("Account")?.as_str().map(str::to_owned));
        let account = named.and_then(|it| AccountId::new(it).ok());
        *own = match &account {
            Some(account) => OwnAccount::Known(account.clone()),
            None => OwnAccount::Unsaid(tokio::time::Instant::now()),
        };
        account
    }

    async fn inside(&self, account: &AccountId) -> Result<Option<Credentials>, SliceFailure> {
        if self.own().await.as_ref() == Some(account) {
            return Ok(None);
        }
        let door = self.door(account);
        let mut refused = door.refused.lock().await;
        if let Some((at, failure)) = &*refused
            && at.elapsed() < REFUSED_FOR
        {
            return Err(failure.clone());
        }
        let soon = self.aws.now() + ENDS_SOON;
        let is_good = |it: &Credentials| it.expiry().is_none_or(|at: SystemTime| soon < at);
        if let Some(found) = self.roles.credentials(account).filter(is_good) {
            return Ok(Some(found));
        }
        let stage = FailureStage::AssumeRole;
        let enter = || self.roles.enter(&self.aws, account);
        let outcome = self.repeated(stage, ("sts", "AssumeRole"), enter).await;
        *refused = match &outcome {
            Ok(_) => None,
            Err(failure) => Some((tokio::time::Instant::now(), failure.clone())),
        };
        outcome.map(|_| self.roles.credentials(account))
    }

    async fn once(
        &self,
        place: &CallPlace,
        region: Option<&str>,
        (service, operation): (&'static str, &'static str),
        input: &Value,
    ) -> Result<Value, SliceFailure> {
        let (with, door) = match place {
            CallPlace::Home => (None, None),
            CallPlace::Inside(account) => (self.inside(account).await?, Some(self.door(account))),
        };
        let _slot = match &door {
            Some(door) => door.in_flight.acquire().await.ok(),
            None => None,
        };
        // global services answer in one Region
        let global = catalog().global_region(service, &self.home);
        let region = global.or(region).unwrap_or(&self.home);
        let call = (region, with.as_ref());
        self.repeated(FailureStage::Call, (service, operation), || {
            self.aws.named(service, operation, input, call)
        })
        .await
    }
}

impl OrganizationCalls {
    /// One attempt of a write, once the account is entered.
    pub(super) async fn once_only(
        &self,
        place: &CallPlace,
        region: Option<&str>,
        (service, operation): (&'static str, &'static str),
        input: &Value,
    ) -> Result<Value, SendFailure> {
        let (with, door) = match place {
            CallPlace::Home => (None, None),
            CallPlace::Inside(account) => {
                let with = self.inside(account).await.map_err(SendFailure::Entering)?;
                (with, Some(self.door(account)))
            }
        };
        let _inside = match &door {
            Some(door) => door.in_flight.acquire().await.ok(),
            None => None,
        };
        if let Some(ration) = self.ration(service, operation) {
            ration.take(Urgency::Grant).await;
        }
        self.retries().count_call();
        let _slot = self.in_flight.acquire().await;
        let global = catalog().global_region(service, &self.home);
        let region = global.or(region).unwrap_or(&self.home);
        let sent = self
            .aws
            .named(service, operation, input, (region, with.as_ref()));
        request_ids::writing(sent).await.map_err(SendFailure::Call)
    }

    pub async fn call_in(
        &self,
        place: &CallPlace,
        region: Option<&str>,
        (service, operation): CalledOperation,
        input: &Value,
    ) -> PageAnswer {
        let mut input = input.clone();
        if service == "account"
            && let Some(members) = input.as_object_mut()
        {
            // the base account must not be named
            let own = self.own().await;
            let own = own.as_ref().map(AccountId::as_str);
            members.retain(|name, value| name != "AccountId" || value.as_str() != own);
        }
        let answer = self
            .once(place, region, (service, operation), &input)
            .await?;
        let next = self.aws.next_page(service, operation, &answer);
        let next = next.map_err(|fault| failure(FailureStage::Decode, operation, 1, fault))?;
        Ok(AnswerPage { answer, next })
    }
}

#[async_trait]
impl ServiceCalls for OrganizationCalls {
    async fn call(&self, at: &CallPlace, operation: CalledOperation, input: &Value) -> PageAnswer {
        self.call_in(at, None, operation, input).await
    }

    async fn pause(&self, long: Duration) {
        tokio::time::sleep(long).await;
    }

    fn now(&self) -> Timestamp {
        self.clock.now()
    }
}

fn failure(stage: FailureStage, operation: &str, attempts: u32, fault: CallFault) -> SliceFailure {
    let stage = match (stage, fault.stage) {
        (FailureStage::AssumeRole, _) => "assume_role",
        (_, FailureStage::Decode) => "decode",
        _ => "call",
    };
    SliceFailure {
        stage: stage.to_owned(),
        operation: operation.to_owned(),
        code: fault.code,
        message: fault.message,
        http_status: fault.http,
        attempts,
        request_id: fault.request_id,
    }
}

#[cfg(test)]
#[path = "collect_tests.rs"]
mod tests;
