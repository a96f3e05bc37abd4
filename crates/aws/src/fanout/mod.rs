//! Calls of a fan-out: any operation, in any account with the role, in any Region (`inventory.md`
//! §5). Neither retries nor rate-limits: the run's schedule does.

mod any_service;
mod changes;
mod collect;
mod entitlements;
mod fault;
mod findings;
mod queue;
mod roles;
mod walk;
#[cfg(test)]
mod walk_tests;

#[cfg(test)]
mod paging_tests;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use hallpass_aws_model::wire::{Unwritable, next_page};
use hallpass_aws_model::{OperationModel, ServiceModel, page_rows};
use hallpass_base::{AccountId, Clock};
use hallpass_plans::fanout::{
    AccountsPage, ApiCalls, CallFault, FailureStage, FaultKind, PageOfResults, RegionSource,
    RegionsPage, Slice,
};
use serde_json::{Map, Value, json};

use self::any_service::AnyService;
pub use self::changes::is_passing;
pub use self::collect::OrganizationCalls;
pub use self::entitlements::EntitlementClient;
use self::fault::undecodable;
pub use self::findings::FindingClient;
pub use self::queue::SqsQueue;
use self::roles::AccountRoles;
pub use self::roles::RoleToAssume;
use self::walk::AccountWalk;
pub use self::walk::{AccountsToFind, OrganizationUnits};
use crate::AwsClientSettings;
use crate::connect::configure_quietly;

const REGIONS_A_PAGE: u32 = 50;

#[derive(Clone, Debug)]
pub struct AnyOperation {
    pub service: Arc<ServiceModel>,
    pub operation: String,
    pub input: Value,
}

pub type ResultWriter =
    Arc<dyn Fn(&Slice, &str, u32, &Value) -> Result<Vec<u8>, String> + Send + Sync>;

#[derive(Clone, Debug)]
pub struct FanoutAccess {
    pub client: AwsClientSettings,
    pub accounts: AccountsToFind,
    pub role: RoleToAssume,
}

pub struct FanoutCalls {
    aws: AnyService,
    operation: AnyOperation,
    writer: ResultWriter,
    roles: AccountRoles,
    home: String,
    walk: tokio::sync::Mutex<AccountWalk>,
    names: Mutex<HashMap<AccountId, String>>,
}

impl std::fmt::Debug for FanoutCalls {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("FanoutCalls").finish_non_exhaustive()
    }
}

impl FanoutCalls {
    /// Finds credentials and endpoints. Makes no call.
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
            roles: AccountRoles::new(access.role, access.client.region.clone()),
            home: access.client.region,
            walk: tokio::sync::Mutex::new(AccountWalk::new(access.accounts)),
            names: Mutex::default(),
        })
    }

    pub fn check(operation: &AnyOperation) -> Result<(), Unwritable> {
        let Some(model) = operation.service.operation(&operation.operation) else {
            return Err(Unwritable::Protocol(operation.service.name.clone()));
        };
        hallpass_aws_model::wire::write_request(&operation.service, model, &operation.input)
            .map(|_| ())
    }

    /// As [`OrganizationCalls::no_host`].
    pub fn no_host(&self, service: &str, region: &str) -> Option<String> {
        self.aws.no_host(service, region)
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
        self.roles.enter(&self.aws, account).await
    }

    async fn regions(
        &self,
        account: &AccountId,
        (source, token): (RegionSource, Option<&str>),
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
                    // the base account must not be named
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
                let with = self.roles.credentials(account);
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
        (number, token): (u32, Option<&Value>),
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
        let with = self.roles.credentials(&slice.account);
        let call = (slice.region.as_str(), with.as_ref());
        let service = &self.operation.service;
        let answer = self.aws.call(service, operation, &input, call).await?;
        let next = match &operation.page {
            Some(paging) => next_page(paging, &answer)
                .map_err(|error| undecodable(&error.to_string()))?
                .map(Value::Object),
            None => None,
        };
        // a repeated token would loop forever
        if next.is_some() && next.as_ref() == token {
            return Err(undecodable(
                "its token of the next page equals the token of the request",
            ));
        }
        let name = self.name(&slice.account);
        let lines = (self.writer)(slice, &name, number, &answer);
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

fn texts(answer: &Value, list: &str) -> Result<Vec<String>, CallFault> {
    let rows = page_rows(answer, list);
    let rows = rows.ok_or_else(|| undecodable(&format!("`{list}` is no list")))?;
    let names = rows.iter().filter_map(|it| it.get("RegionName")?.as_str());
    Ok(names.map(str::to_owned).collect())
}
