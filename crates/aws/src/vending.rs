//! Account creation and moves, for lists of accounts.

use std::collections::BTreeMap;
use std::future::Future;
use std::time::Duration;

use async_trait::async_trait;
use aws_sdk_organizations::types as org;
use hallpass_access_files::PrincipalRef;
use hallpass_assignments::Urgency;
use hallpass_base::Timestamp;
use hallpass_enforcement::OrganizationFault;
use hallpass_org::vending::{
    AccountAdmin, AccountCreation, AccountRequest, KnownAccount, NewAccount, UnitFacts,
};

use crate::Aws;
use crate::call::Deadline;
use crate::center::is_active;
use crate::fault::CallFailure;
use crate::pages::listing;
use crate::policies::{LEVELS_MAX, fault, tag};

const PAGE: i32 = 20;

/// Lists are long: retries throttles (`organization.md` P-10).
fn read() -> Deadline {
    Deadline::look()
}

fn write() -> Deadline {
    Deadline::port(Urgency::End)
}

fn account(row: org::Account) -> Result<KnownAccount, CallFailure> {
    let active = is_active(&row);
    match (row.id, row.email) {
        (Some(id), Some(email)) => Ok(KnownAccount {
            id,
            name: row.name.unwrap_or_default(),
            email,
            active,
        }),
        _ => Err(CallFailure::unparsable("an account without id or address")),
    }
}

fn unit(row: org::OrganizationalUnit, parent: &str) -> Result<UnitFacts, CallFailure> {
    match (row.id, row.name) {
        (Some(id), Some(name)) => Ok(UnitFacts {
            id,
            name,
            parent: parent.to_owned(),
            registered: false,
        }),
        _ => Err(CallFailure::unparsable("a unit without id or name")),
    }
}

fn state_of(status: org::CreateAccountStatus) -> Result<AccountCreation, CallFailure> {
    let reason = status.failure_reason;
    match (status.state, status.account_id) {
        (Some(org::CreateAccountState::InProgress), _) => Ok(AccountCreation::InProgress),
        (Some(org::CreateAccountState::Succeeded), Some(account)) => {
            Ok(AccountCreation::Succeeded { account })
        }
        (Some(org::CreateAccountState::Failed), _) => Ok(AccountCreation::Failed {
            reason: reason.map_or_else(|| "FAILED".to_owned(), |it| it.as_str().to_owned()),
        }),
        _ => Err(CallFailure::unparsable(
            "the making of an account without a state",
        )),
    }
}

fn request(status: org::CreateAccountStatus) -> Result<AccountRequest, CallFailure> {
    let unclear = || CallFailure::unparsable("the making of an account without an id or its time");
    let at = status.requested_timestamp.as_ref().ok_or_else(unclear)?;
    let millis = at.to_millis().map_err(|_| unclear())?;
    Ok(AccountRequest {
        id: status.id.clone().ok_or_else(unclear)?,
        name: status.account_name.clone().unwrap_or_default(),
        at: Timestamp::from_millisecond(millis).map_err(|_| unclear())?,
        state: state_of(status)?,
    })
}

/// Attempts of a throttled write: AWS did nothing, so any write is safe to repeat. Preceding reads
/// use up the quota.
const WRITE_TRIES: u32 = 6;
const WRITE_PAUSE: Duration = Duration::from_millis(700);

/// Retries a write only after throttles. Any other failure is final: the effect of an unanswered
/// write is unknown.
async fn unthrottled<T, Fut>(mut send: impl FnMut() -> Fut) -> Result<T, CallFailure>
where
    Fut: Future<Output = Result<T, CallFailure>>,
{
    let mut tried = 1;
    loop {
        match send().await {
            Err(failure) if failure.is_throttle() && tried < WRITE_TRIES => {
                let asked = failure.retry_after.unwrap_or_default();
                tokio::time::sleep((WRITE_PAUSE * tried).max(asked)).await;
                tried += 1;
            }
            answered => return answered,
        }
    }
}

impl Aws {
    pub async fn has_principal(&self, principal: &PrincipalRef) -> Result<bool, OrganizationFault> {
        let found = match principal {
            PrincipalRef::User(user) => self.user_exists(user, read()).await,
            PrincipalRef::Group(group) => self.group_exists(group, read()).await,
        };
        found.map_err(fault)
    }

    async fn units_in(&self, parent: &str) -> Result<Vec<UnitFacts>, CallFailure> {
        let rows = self.units_below(parent).await?;
        rows.into_iter().map(|row| unit(row, parent)).collect()
    }
}

#[async_trait]
impl AccountAdmin for Aws {
    async fn accounts(&self) -> Result<Vec<KnownAccount>, OrganizationFault> {
        let rows = listing!(
            self.org_line.read("ListAccounts", read()),
            accounts,
            self.org.list_accounts().max_results(PAGE)
        )
        .await
        .map_err(fault)?;
        let rows = rows.into_iter().map(account);
        rows.collect::<Result<_, _>>().map_err(fault)
    }

    async fn account(&self, id: &str) -> Result<Option<KnownAccount>, OrganizationFault> {
        let found = self
            .org_line
            .read("DescribeAccount", read(), || {
                self.org.describe_account().account_id(id).send()
            })
            .await;
        match found.map_err(fault) {
            Ok(reply) => match reply.account {
                Some(row) => account(row).map(Some).map_err(fault),
                None => Err(fault(CallFailure::unparsable("no account in an answer"))),
            },
            Err(OrganizationFault::NotThere { .. }) => Ok(None),
            Err(other) => Err(other),
        }
    }

    async fn unit_name(&self, id: &str) -> Result<Option<String>, OrganizationFault> {
        let found = self
            .org_line
            .read("DescribeOrganizationalUnit", read(), || {
                self.org
                    .describe_organizational_unit()
                    .organizational_unit_id(id)
                    .send()
            })
            .await;
        match found.map_err(fault) {
            Ok(reply) => match reply.organizational_unit.and_then(|it| it.name) {
                Some(name) => Ok(Some(name)),
                None => Err(fault(CallFailure::unparsable("a unit without a name"))),
            },
            Err(OrganizationFault::NotThere { .. }) => Ok(None),
            Err(other) => Err(other),
        }
    }

    async fn units(&self, root: &str) -> Result<Vec<UnitFacts>, OrganizationFault> {
        let mut all = Vec::new();
        let mut level = vec![root.to_owned()];
        for _ in 0..LEVELS_MAX {
            if level.is_empty() {
                return Ok(all);
            }
            let mut below = Vec::new();
            for parent in &level {
                below.extend(self.units_in(parent).await.map_err(fault)?);
            }
            level = below.iter().map(|unit| unit.id.clone()).collect();
            all.extend(below);
        }
        Err(fault(CallFailure::unparsable("units nested without end")))
    }

    async fn parent(&self, account: &str) -> Result<String, OrganizationFault> {
        let found = self
            .org_line
            .read("ListParents", read(), || {
                self.org.list_parents().child_id(account).send()
            })
            .await
            .map_err(fault)?;
        let parent = found.parents.unwrap_or_default().into_iter().next();
        let id = parent.and_then(|parent| parent.id);
        id.ok_or_else(|| fault(CallFailure::unparsable("an account without a parent")))
    }

    async fn create(&self, account: &NewAccount) -> Result<String, OrganizationFault> {
        let mut request = self
            .org
            .create_account()
            .account_name(&account.name)
            .email(&account.email);
        for (key, value) in &account.tags {
            request = request.tags(tag(key, value)?);
        }
        let asked = unthrottled(|| {
            self.org_line
                .write("CreateAccount", write(), request.clone().send())
        })
        .await
        .map_err(fault)?;
        let id = asked.create_account_status.and_then(|status| status.id);
        id.ok_or_else(|| fault(CallFailure::unparsable("CreateAccount without an id")))
    }

    async fn creation(&self, request: &str) -> Result<AccountCreation, OrganizationFault> {
        let found = self
            .org_line
            .read("DescribeCreateAccountStatus", read(), || {
                self.org
                    .describe_create_account_status()
                    .create_account_request_id(request)
                    .send()
            })
            .await
            .map_err(fault)?;
        let status = found
            .create_account_status
            .ok_or_else(|| CallFailure::unparsable("no status in an answer about one"));
        status.and_then(state_of).map_err(fault)
    }

    async fn requests(&self) -> Result<Vec<AccountRequest>, OrganizationFault> {
        let rows = listing!(
            self.org_line.read("ListCreateAccountStatus", read()),
            create_account_statuses,
            self.org.list_create_account_status().max_results(PAGE)
        )
        .await
        .map_err(fault)?;
        let rows = rows.into_iter().map(request);
        rows.collect::<Result<_, _>>().map_err(fault)
    }

    async fn account_tags(
        &self,
        account: &str,
    ) -> Result<BTreeMap<String, String>, OrganizationFault> {
        let rows = listing!(
            self.org_line.read("ListTagsForResource", read()),
            tags,
            self.org.list_tags_for_resource().resource_id(account)
        )
        .await
        .map_err(fault)?;
        Ok(rows.into_iter().map(|it| (it.key, it.value)).collect())
    }

    async fn tag_account(
        &self,
        account: &str,
        tags: &BTreeMap<String, String>,
    ) -> Result<(), OrganizationFault> {
        let mut request = self.org.tag_resource().resource_id(account);
        for (key, value) in tags {
            request = request.tags(tag(key, value)?);
        }
        unthrottled(|| {
            self.org_line
                .write("TagResource", write(), request.clone().send())
        })
        .await
        .map(drop)
        .map_err(fault)
    }

    async fn relocate(&self, account: &str, from: &str, to: &str) -> Result<(), OrganizationFault> {
        let request = self
            .org
            .move_account()
            .account_id(account)
            .source_parent_id(from)
            .destination_parent_id(to);
        unthrottled(|| {
            self.org_line
                .write("MoveAccount", write(), request.clone().send())
        })
        .await
        .map(drop)
        .map_err(fault)
    }
}
