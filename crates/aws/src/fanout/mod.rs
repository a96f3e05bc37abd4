//! The calls of a fan-out: any operation, in any account that trusts our role, in any Region
//! (`inventory.md` §5). Nothing is repeated or rationed here; the schedule of the run does that.

mod any_service;
mod fault;
mod walk;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::{Duration, SystemTime};

use async_trait::async_trait;
use aws_credential_types::Credentials;
use hallpass_aws_model::{OperationModel, ServiceModel};
use hallpass_aws_wire::{Unwritable, catalog, next_page};
use hallpass_fanout::{
    AccountsPage, ApiCalls, CallFault, FailureStage, FaultKind, PageOfResults, RegionSource,
    RegionsPage, Slice,
};
use hallpass_model::{AccountId, Clock};
use serde_json::{Map, Value, json};

use self::any_service::AnyService;
use self::fault::undecodable;
use self::walk::AccountWalk;
pub use self::walk::{AccountsToFind, OrganizationUnits};
use crate::AwsClientSettings;
use crate::connect::configure_quietly;

/// What chained roles are good for at most.
const CHAINED_SECONDS: u32 = 3_600;
/// Regions on a page: the most that the account service gives.
const REGIONS_A_PAGE: u32 = 50;

/// Which operation is called, with what.
#[derive(Clone, Debug)]
pub struct AnyOperation {
    /// Its service.
    pub service: Arc<ServiceModel>,
    /// Its name.
    pub operation: String,
    /// Its input, which fits the model.
    pub input: Value,
}

/// The role in each account.
#[derive(Clone, Debug, Default)]
pub struct RoleToAssume {
    /// Its name.
    pub name: String,
    /// Roles on the way, by ARN: each is assumed with the credentials of the one before.
    pub via: Vec<String>,
    /// The external id that its trust policy asks for.
    pub external_id: Option<String>,
    /// The name of the sessions.
    pub session_name: String,
    /// Tags of the sessions.
    pub tags: Vec<(String, String)>,
    /// Who is behind the sessions.
    pub source_identity: Option<String>,
}

/// Makes the lines of a page: slice, name of the account, number of the page, answer.
pub type ResultWriter =
    Arc<dyn Fn(&Slice, &str, u32, &Value) -> Result<Vec<u8>, String> + Send + Sync>;

/// How accounts are found and entered.
#[derive(Clone, Debug)]
pub struct FanoutAccess {
    /// Credentials, home Region and endpoint.
    pub client: AwsClientSettings,
    /// Which accounts are looked for.
    pub accounts: AccountsToFind,
    /// The role in them.
    pub role: RoleToAssume,
}

/// The calls of one run.
pub struct FanoutCalls {
    aws: AnyService,
    operation: AnyOperation,
    writer: ResultWriter,
    role: RoleToAssume,
    home: String,
    walk: tokio::sync::Mutex<AccountWalk>,
    /// Credentials of accounts; those of our own account are the base's.
    entered: RwLock<HashMap<AccountId, Credentials>>,
    /// Credentials of the last role on the way.
    via: tokio::sync::Mutex<Option<Credentials>>,
    names: Mutex<HashMap<AccountId, String>>,
}

impl std::fmt::Debug for FanoutCalls {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("FanoutCalls").finish_non_exhaustive()
    }
}

impl FanoutCalls {
    /// Finds credentials and endpoints. Nothing is called.
    ///
    /// # Errors
    /// The HTTP client cannot be made.
    pub async fn new(
        access: FanoutAccess,
        operation: AnyOperation,
        writer: ResultWriter,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, String> {
        let config = configure_quietly(&access.client, &clock).await;
        let aws = AnyService::new(config, access.client.endpoint_url.clone(), clock)?;
        Ok(Self {
            aws,
            operation,
            writer,
            role: access.role,
            home: access.client.region,
            walk: tokio::sync::Mutex::new(AccountWalk::new(access.accounts)),
            entered: RwLock::default(),
            via: tokio::sync::Mutex::default(),
            names: Mutex::default(),
        })
    }

    /// Whether a request can be written at all; asked before anything is called.
    ///
    /// # Errors
    /// Why it cannot.
    pub fn check(operation: &AnyOperation) -> Result<(), Unwritable> {
        let Some(model) = operation.service.operation(&operation.operation) else {
            return Err(Unwritable::Protocol(operation.service.name.clone()));
        };
        hallpass_aws_wire::write_request(&operation.service, model, &operation.input).map(|_| ())
    }

    fn credentials(&self, account: &AccountId) -> Option<Credentials> {
        let entered = self.entered.read().unwrap_or_else(PoisonError::into_inner);
        entered.get(account).cloned()
    }

    /// Assumes a role; its credentials, and until when they are good.
    async fn assume(
        &self,
        arn: &str,
        with: Option<&Credentials>,
        whose: &RoleToAssume,
    ) -> Result<Credentials, CallFault> {
        let mut input = json!({
            "RoleArn": arn,
            "RoleSessionName": whose.session_name,
            "DurationSeconds": CHAINED_SECONDS,
        });
        if let Some(members) = input.as_object_mut() {
            if let Some(id) = &whose.external_id {
                members.insert("ExternalId".to_owned(), id.as_str().into());
            }
            if let Some(who) = &whose.source_identity {
                members.insert("SourceIdentity".to_owned(), who.as_str().into());
            }
            if !whose.tags.is_empty() {
                let tags = whose.tags.iter();
                let tags = tags.map(|(key, value)| json!({"Key": key, "Value": value}));
                members.insert("Tags".to_owned(), tags.collect());
            }
        }
        let call = (self.home.as_str(), with);
        let answer = self.aws.named("sts", "AssumeRole", &input, call).await?;
        read_credentials(&answer).ok_or_else(|| undecodable("no credentials in it"))
    }

    /// The credentials that the roles in the accounts are assumed with.
    async fn before_last(&self) -> Result<Option<Credentials>, CallFault> {
        if self.role.via.is_empty() {
            return Ok(None);
        }
        let mut held = self.via.lock().await;
        let soon = self.aws.now() + Duration::from_mins(5);
        if let Some(via) = held
            .as_ref()
            .filter(|it| it.expiry().is_none_or(|at| soon < at))
        {
            return Ok(Some(via.clone()));
        }
        // the external id and the tags are for the roles in the accounts
        let plain = RoleToAssume {
            session_name: self.role.session_name.clone(),
            ..RoleToAssume::default()
        };
        let mut last = None;
        for arn in &self.role.via {
            last = Some(self.assume(arn, last.as_ref(), &plain).await?);
        }
        held.clone_from(&last);
        Ok(last)
    }

    fn name(&self, account: &AccountId) -> String {
        let names = self.names.lock().unwrap_or_else(PoisonError::into_inner);
        names.get(account).cloned().unwrap_or_default()
    }

    fn model(&self) -> Result<&OperationModel, CallFault> {
        let found = self.operation.service.operation(&self.operation.operation);
        found.ok_or_else(|| undecodable("the operation is unknown (this is a bug)"))
    }
}

fn read_credentials(answer: &Value) -> Option<Credentials> {
    let found = answer.get("Credentials")?;
    let text = |name: &str| found.get(name).and_then(Value::as_str).map(str::to_owned);
    let expiry: Option<jiff::Timestamp> = text("Expiration").and_then(|it| it.parse().ok());
    Some(Credentials::new(
        text("AccessKeyId")?,
        text("SecretAccessKey")?,
        text("SessionToken"),
        expiry.map(SystemTime::from),
        "hallpass",
    ))
}

#[async_trait]
impl ApiCalls for FanoutCalls {
    async fn accounts(&self) -> Result<AccountsPage, CallFault> {
        let page = self.walk.lock().await.step(&self.aws, &self.home).await?;
        let mut names = self.names.lock().unwrap_or_else(PoisonError::into_inner);
        for account in &page.accounts {
            names.insert(account.id.clone(), account.name.clone());
        }
        Ok(page)
    }

    async fn assume_role(&self, account: &AccountId) -> Result<Option<u64>, CallFault> {
        let with = self.before_last().await?;
        let partition = catalog().partition(&self.home);
        let arn = format!("arn:{partition}:iam::{account}:role/{}", self.role.name);
        let found = self.assume(&arn, with.as_ref(), &self.role).await?;
        let good = found.expiry().map(|at| {
            let left = at.duration_since(self.aws.now()).unwrap_or_default();
            u64::try_from(left.as_millis()).unwrap_or(u64::MAX)
        });
        let mut entered = self.entered.write().unwrap_or_else(PoisonError::into_inner);
        entered.insert(account.clone(), found);
        Ok(good)
    }

    async fn regions(
        &self,
        account: &AccountId,
        source: RegionSource,
        token: Option<&str>,
    ) -> Result<RegionsPage, CallFault> {
        let on = ["ENABLED", "ENABLED_BY_DEFAULT"];
        match source {
            RegionSource::Outside => {
                let mut input = json!({
                    "MaxResults": REGIONS_A_PAGE,
                    "RegionOptStatusContains": on,
                });
                if let Some(members) = input.as_object_mut() {
                    let is_own = self.walk.lock().await.is_own(account);
                    // the account of the credentials must not be named
                    if !is_own {
                        members.insert("AccountId".to_owned(), account.as_str().into());
                    }
                    if let Some(token) = token {
                        members.insert("NextToken".to_owned(), token.into());
                    }
                }
                let call = (self.home.as_str(), None);
                let answer = self
                    .aws
                    .named("account", "ListRegions", &input, call)
                    .await?;
                let next = answer.get("NextToken").and_then(Value::as_str);
                Ok(RegionsPage {
                    regions: texts(&answer, "Regions")?,
                    next: next.filter(|it| !it.is_empty()).map(str::to_owned),
                })
            }
            RegionSource::Inside => {
                let with = self.credentials(account);
                let call = (self.home.as_str(), with.as_ref());
                let input = json!({});
                let answer = self
                    .aws
                    .named("ec2", "DescribeRegions", &input, call)
                    .await?;
                Ok(RegionsPage {
                    regions: texts(&answer, "Regions")?,
                    next: None,
                })
            }
        }
    }

    async fn page(
        &self,
        slice: &Slice,
        page: u32,
        token: Option<&Value>,
    ) -> Result<PageOfResults, CallFault> {
        let operation = self.model()?;
        let mut input = self.operation.input.clone();
        if let (Some(members), Some(token)) = (input.as_object_mut(), token) {
            let more: &Map<String, Value> = match token {
                Value::Object(more) => more,
                _ => return Err(undecodable("its token is no structure (this is a bug)")),
            };
            members.extend(more.clone());
        }
        let with = self.credentials(&slice.account);
        let call = (slice.region.as_str(), with.as_ref());
        let service = &self.operation.service;
        let answer = self.aws.call(service, operation, &input, call).await?;
        let next = match &operation.page {
            Some(paging) => next_page(paging, &answer)
                .map_err(|error| undecodable(&error.to_string()))?
                .map(Value::Object),
            None => None,
        };
        // the same token for ever would be the same page for ever
        if next.is_some() && next.as_ref() == token {
            return Err(undecodable(
                "its token of the next page is the one it was asked with",
            ));
        }
        let name = self.name(&slice.account);
        let lines = (self.writer)(slice, &name, page, &answer);
        let lines = lines.map_err(|message| CallFault {
            kind: FaultKind::Final,
            stage: FailureStage::Query,
            code: "QueryFailed".to_owned(),
            message,
            http: None,
            request_id: None,
            retry_after_ms: None,
        })?;
        Ok(PageOfResults { lines, next })
    }
}

/// The names of the Regions of an answer.
fn texts(answer: &Value, list: &str) -> Result<Vec<String>, CallFault> {
    let rows = answer.get(list).and_then(Value::as_array);
    let rows = rows.ok_or_else(|| undecodable(&format!("no `{list}` in it")))?;
    let names = rows.iter().filter_map(|it| it.get("RegionName")?.as_str());
    Ok(names.map(str::to_owned).collect())
}
