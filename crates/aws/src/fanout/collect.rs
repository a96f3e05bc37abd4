//! The calls of a collection: rate-limited, repeated where that is worth it, and with the role of each
//! account assumed once (`inventory.md` T-12, W-11).

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

/// Calls in flight inside one account.
const PER_ACCOUNT: usize = 8;
/// Services whose limit all callers of an organization share: calls a second, and how many may come
/// at once.
const RATIONED: [(&str, f64, u32); 5] = [
    ("sso-admin", facts::CENTER_CALLS.our_rate(), 2),
    ("account-access", facts::ENTITLEMENT_CALLS.our_rate(), 2),
    ("organizations", facts::ORGANIZATION_CALLS.rate(), 5),
    ("account", facts::ACCOUNT_CALLS.rate(), 2),
    // looking events up: a little less than AWS takes
    ("cloudtrail", facts::LOOKUP_CALLS.rate() - 0.1, 1),
];
/// Operations with a limit of their own, beside that of their service.
const RATIONED_ALONE: [(&str, f64, u32); 2] = [
    ("GetAlternateContact", facts::CONTACT_CALLS.rate(), 5),
    ("GetContactInformation", facts::CONTACT_CALLS.rate(), 5),
];
/// How long nothing is asked of such a service after it said that we are too fast.
const RATION_PAUSE: Duration = Duration::from_secs(1);
/// Credentials that end so soon are made anew.
const ENDS_SOON: Duration = Duration::from_mins(5);
/// How long an account that could not be entered is not asked again: every slice of it is told the same. A server runs for
/// months, and a role may be made at any time.
const REFUSED_FOR: Duration = Duration::from_secs(10);

/// Calls of any service, with the credentials that we began with or with those of a role.
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

/// What is known of the account of the credentials that we began with.
enum OwnAccount {
    Unasked,
    /// Nobody said, and when.
    Unsaid(tokio::time::Instant),
    Known(AccountId),
}

/// Where a call that changes something failed.
pub(super) enum SendFailure {
    /// The account could not be entered: nothing was sent.
    Entering(SliceFailure),
    /// It was sent.
    Call(CallFault),
}

/// How an account is entered.
struct AccountDoor {
    in_flight: Semaphore,
    /// When entering failed last, and why: told for every slice of the account meanwhile.
    refused: tokio::sync::Mutex<Option<(tokio::time::Instant, SliceFailure)>>,
}

impl std::fmt::Debug for OrganizationCalls {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("OrganizationCalls").finish_non_exhaustive()
    }
}

impl OrganizationCalls {
    /// Finds credentials and endpoints. Nothing is called. `seed` draws the pauses.
    ///
    /// # Errors
    /// The HTTP client cannot be made.
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

    /// Why a service cannot be asked for a Region at all: the environment or the profile asks for a variant of hosts (FIPS,
    /// dual-stack) of which it has none there (AWS SDKs and Tools Reference Guide, "Dual-stack and FIPS endpoints").
    /// Nothing is called.
    pub fn no_host(&self, service: &str, region: &str) -> Option<String> {
        self.aws.no_host(service, region)
    }

    /// Calls so far, and how many of them were made again.
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

    /// What bounds how often an operation is asked for.
    fn ration(&self, service: &str, operation: &str) -> Option<&Bucket> {
        let own = self.rations.get(operation);
        own.or_else(|| self.rations.get(service))
    }

    /// Does something until it works, or is not worth another try.
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
                // a closed semaphore is none of ours
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

    /// The account of the credentials that we began with; none where nobody says, which is asked again a while later.
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

    /// Credentials for an account; none where those that we began with are its own.
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
        // services that are everywhere the same answer in one Region
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
    /// One try of a call that changes something, once the account is entered.
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

    /// One call as `ServiceCalls::call` makes it, in another Region than ours.
    ///
    /// # Errors
    /// What came of it in the end.
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
            // the account of the credentials must not be named
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
