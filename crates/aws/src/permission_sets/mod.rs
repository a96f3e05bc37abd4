//! Permission sets and assignments, for plans of access as code.

mod reads;
mod writes;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use async_trait::async_trait;
use aws_sdk_ssoadmin::types::{self as sso, PrincipalType, ProvisioningStatus};
use futures_util::{StreamExt, TryStreamExt, stream};
use hallpass_access_files::{
    AccountAssignment, PermissionSetAdmin, PermissionSetContent, PrincipalRef, SetAction, SetPart,
};
use hallpass_assignments::{
    CenterFault, IdentityCenter as _, OperationKind, OperationStatus, SentOperation, Urgency,
};
use hallpass_base::{AccountId, GroupId, PermissionSetArn, PermissionSetName, UserId};
use tokio::sync::Mutex;

use crate::Aws;
use crate::call::Deadline;
use crate::center::operation_status;
use crate::fault::CallFailure;
use crate::inventory::session_seconds;

const WIDTH: usize = 6;

fn look() -> Deadline {
    Deadline::look()
}

pub struct PermissionSets {
    aws: Arc<Aws>,
    names: Mutex<BTreeMap<PermissionSetArn, PermissionSetName>>,
}

impl PermissionSets {
    pub fn new(aws: Arc<Aws>) -> Self {
        Self {
            aws,
            names: Mutex::default(),
        }
    }
}

fn is_missing(failure: &CallFailure) -> bool {
    matches!(failure.fault, CenterFault::NotFound { .. })
}

fn unclear(what: &str) -> CenterFault {
    CallFailure::unparsable(what).fault
}

fn principal(row: sso::AccountAssignment) -> Result<PrincipalRef, CenterFault> {
    let id = row.principal_id.unwrap_or_default();
    let parsed = match row.principal_type {
        Some(PrincipalType::User) => UserId::new(id).map(PrincipalRef::User),
        _ => GroupId::new(id).map(PrincipalRef::Group),
    };
    parsed.map_err(|error| unclear(&error.to_string()))
}

#[async_trait]
impl PermissionSetAdmin for PermissionSets {
    async fn sets(&self) -> Result<BTreeMap<PermissionSetName, PermissionSetArn>, CenterFault> {
        let mut names = self.names.lock().await;
        let arns = self.listed().await.map_err(|failure| failure.fault)?;
        names.retain(|arn, _| arns.contains(arn));
        let unknown: Vec<_> = arns
            .into_iter()
            .filter(|arn| !names.contains_key(arn))
            .collect();
        let found: Vec<_> = stream::iter(unknown)
            .map(|arn| async move {
                let set = self
                    .described(&arn)
                    .await
                    .map_err(|failure| failure.fault)?;
                Ok::<_, CenterFault>((arn, set))
            })
            .buffer_unordered(WIDTH)
            .try_collect()
            .await?;
        for (arn, set) in found {
            let Some(set) = set else { continue };
            let name = PermissionSetName::new(set.name.unwrap_or_default());
            names.insert(arn, name.map_err(|error| unclear(&error.to_string()))?);
        }
        Ok(names
            .iter()
            .map(|(arn, name)| (name.clone(), arn.clone()))
            .collect())
    }

    async fn content(
        &self,
        set: &PermissionSetArn,
        parts: &[SetPart],
    ) -> Result<Option<PermissionSetContent>, CenterFault> {
        let mut content = PermissionSetContent::default();
        if parts.contains(&SetPart::Texts) {
            let found = self.described(set).await.map_err(|failure| failure.fault)?;
            let Some(found) = found else {
                return Ok(None);
            };
            content.description = found.description.filter(|text| !text.is_empty());
            content.session_seconds = session_seconds(found.session_duration.as_deref());
            content.relay_state = found.relay_state.filter(|text| !text.is_empty());
        }
        for part in parts {
            match self.add_part(set, *part, &mut content).await {
                Ok(()) => {}
                Err(failure) if is_missing(&failure) => return Ok(None),
                Err(failure) => return Err(failure.fault),
            }
        }
        Ok(Some(content))
    }

    async fn provisioned(
        &self,
        set: &PermissionSetArn,
    ) -> Result<BTreeSet<AccountId>, CenterFault> {
        self.accounts(set, None).await
    }

    async fn outdated(&self, set: &PermissionSetArn) -> Result<BTreeSet<AccountId>, CenterFault> {
        let outdated = ProvisioningStatus::LatestPermissionSetNotProvisioned;
        self.accounts(set, Some(outdated)).await
    }

    async fn principals(
        &self,
        account: &AccountId,
        set: &PermissionSetArn,
    ) -> Result<BTreeSet<PrincipalRef>, CenterFault> {
        match self.aws.assignments(account, set, look()).await {
            Ok(rows) => rows.into_iter().map(principal).collect(),
            Err(failure) if is_missing(&failure) => Ok(BTreeSet::new()),
            Err(failure) => Err(failure.fault),
        }
    }

    async fn create_set(
        &self,
        name: &PermissionSetName,
        action: &SetAction,
    ) -> Result<PermissionSetArn, CenterFault> {
        self.write_new(name, action).await
    }

    async fn change_set(
        &self,
        set: &PermissionSetArn,
        action: &SetAction,
    ) -> Result<(), CenterFault> {
        self.write_change(set, action).await
    }

    async fn provision(&self, set: &PermissionSetArn) -> Result<String, CenterFault> {
        self.write_provision(set).await
    }

    async fn provisioning(&self, request: &str) -> Result<OperationStatus, CenterFault> {
        match self.provisioning_status(request).await {
            Ok(status) => {
                let (state, reason) = status
                    .map(|it| (it.status, it.failure_reason))
                    .unwrap_or_default();
                operation_status(state.as_ref(), reason).map_err(|failure| failure.fault)
            }
            Err(failure) if is_missing(&failure) => Ok(OperationStatus::Unknown),
            Err(failure) => Err(failure.fault),
        }
    }

    async fn send(
        &self,
        kind: OperationKind,
        set: &PermissionSetArn,
        it: &AccountAssignment,
    ) -> Result<SentOperation, CenterFault> {
        let (principal, id) = match &it.principal {
            PrincipalRef::Group(id) => (PrincipalType::Group, id.as_str()),
            PrincipalRef::User(id) => (PrincipalType::User, id.as_str()),
        };
        let principal = (principal, id);
        let answer = match kind {
            OperationKind::Create => {
                let urgency = Urgency::Grant;
                self.aws
                    .create_assignment(&it.account, set, principal, urgency)
                    .await
            }
            OperationKind::Delete => {
                let urgency = Urgency::End;
                self.aws
                    .delete_assignment(&it.account, set, principal, urgency)
                    .await
            }
        };
        answer.map_err(|failure| failure.fault)
    }

    async fn progress(
        &self,
        kind: OperationKind,
        request: &str,
    ) -> Result<OperationStatus, CenterFault> {
        self.aws.progress((kind, request), Urgency::Grant).await
    }

    async fn running(
        &self,
        kind: OperationKind,
        set: &PermissionSetArn,
        it: &AccountAssignment,
    ) -> Result<Option<String>, CenterFault> {
        let running = self.aws.in_progress(kind, Urgency::Grant).await?;
        for request in running {
            let status = self.aws.operation(kind, &request, Urgency::Grant).await;
            let Some(status) = status.map_err(|failure| failure.fault)? else {
                continue;
            };
            let is_same = status.permission_set_arn.as_deref() == Some(set.as_str())
                && status.target_id.as_deref() == Some(it.account.as_str())
                && status.principal_id.as_deref() == Some(it.principal.id());
            if is_same {
                return Ok(Some(request));
            }
        }
        Ok(None)
    }
}
