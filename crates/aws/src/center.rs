use std::collections::BTreeSet;
use std::time::Duration;

use async_trait::async_trait;
use aws_sdk_identitystore::types::MemberId;
use aws_sdk_organizations::types::{Account, AccountState, AccountStatus};
use aws_sdk_ssoadmin::types::{
    AccountAssignment, AccountAssignmentForPrincipal, AccountAssignmentOperationStatus,
    AccountAssignmentOperationStatusMetadata, OperationStatusFilter, PrincipalType, StatusValues,
    TargetType,
};
use hallpass_assignments::{
    CenterFault, IdentityCenter, Missing, OperationKind, OperationStatus, SentOperation, Urgency,
};
use hallpass_base::{AccountId, GroupId, HoldKey, PermissionSetArn, Target, UserId, account_state};

use crate::Aws;
use crate::call::Deadline;
use crate::fault::CallFailure;
use crate::pages::listing;

/// The largest page of sso-admin and identitystore.
pub(crate) const PAGE: i32 = 100;
/// The part of a removal's time for the membership lookup.
const LOOKUP_MAX: Duration = Duration::from_secs(6);

#[async_trait]
impl IdentityCenter for Aws {
    async fn holders(&self, target: &Target, urgency: Urgency) -> Result<Vec<UserId>, CenterFault> {
        let pace = Deadline::port(urgency);
        let ids = match target {
            Target::Account {
                account,
                permission_set,
            } => self
                .assignments(account, permission_set, pace)
                .await?
                .into_iter()
                .filter(|row| row.principal_type == Some(PrincipalType::User))
                .filter_map(|row| row.principal_id)
                .collect(),
            Target::Group { group } => self.members(group, pace).await?,
        };
        Ok(user_ids(ids).into_iter().collect())
    }

    async fn held_by(&self, user: &UserId, urgency: Urgency) -> Result<Vec<Target>, CenterFault> {
        let rows = listing!(
            self.sso_line.read(
                "ListAccountAssignmentsForPrincipal",
                Deadline::port(urgency)
            ),
            account_assignments,
            self.sso
                .list_account_assignments_for_principal()
                .instance_arn(&self.about.instance_arn)
                .principal_type(PrincipalType::User)
                .principal_id(user.as_str())
                .max_results(PAGE)
        )
        .await?;
        let own = |row: &AccountAssignmentForPrincipal| {
            row.principal_type == Some(PrincipalType::User)
                && row.principal_id.as_deref() == Some(user.as_str())
        };
        let target = |row: AccountAssignmentForPrincipal| {
            Some(Target::Account {
                account: row.account_id?.parse().ok()?,
                permission_set: row.permission_set_arn?.parse().ok()?,
            })
        };
        // an unreadable row must not look missing
        let targets: Option<Vec<Target>> = rows.into_iter().filter(own).map(target).collect();
        targets.ok_or_else(|| CenterFault::Refused {
            reason: format!("an assignment listed for {user} names no account or permission set"),
        })
    }

    async fn create(&self, key: &HoldKey) -> Result<SentOperation, CenterFault> {
        let pace = Deadline::port(Urgency::Grant);
        match &key.target {
            Target::Account {
                account,
                permission_set,
            } => {
                let principal = (PrincipalType::User, key.user.as_str());
                let urgency = Urgency::Grant;
                let sent = self.create_assignment(account, permission_set, principal, urgency);
                Ok(sent.await?)
            }
            Target::Group { group } => {
                let request = self
                    .store
                    .create_group_membership()
                    .identity_store_id(&self.about.identity_store_id)
                    .group_id(group.as_str())
                    .member_id(member(&key.user));
                self.store_line
                    .write("CreateGroupMembership", pace, request.send())
                    .await?;
                Ok(SentOperation::Done)
            }
        }
    }

    async fn delete(&self, key: &HoldKey, urgency: Urgency) -> Result<SentOperation, CenterFault> {
        let pace = Deadline::port(urgency);
        match &key.target {
            Target::Account {
                account,
                permission_set,
            } => {
                let principal = (PrincipalType::User, key.user.as_str());
                let sent = self.delete_assignment(account, permission_set, principal, urgency);
                Ok(sent.await?)
            }
            Target::Group { group } => {
                let membership = self.membership(group, &key.user, urgency).await?;
                let request = self
                    .store
                    .delete_group_membership()
                    .identity_store_id(&self.about.identity_store_id)
                    .membership_id(membership);
                self.store_line
                    .write("DeleteGroupMembership", pace, request.send())
                    .await?;
                Ok(SentOperation::Done)
            }
        }
    }

    async fn progress(
        &self,
        (kind, request): (OperationKind, &str),
        urgency: Urgency,
    ) -> Result<OperationStatus, CenterFault> {
        Ok(match self.operation(kind, request, urgency).await? {
            Some(status) => operation_status(status.status.as_ref(), status.failure_reason)?,
            None => OperationStatus::Unknown,
        })
    }

    async fn in_progress(
        &self,
        kind: OperationKind,
        urgency: Urgency,
    ) -> Result<BTreeSet<String>, CenterFault> {
        let pace = Deadline::port(urgency);
        let running = || {
            OperationStatusFilter::builder()
                .status(StatusValues::InProgress)
                .build()
        };
        let rows = match kind {
            OperationKind::Create => {
                listing!(
                    self.sso_line
                        .read("ListAccountAssignmentCreationStatus", pace),
                    account_assignments_creation_status,
                    self.sso
                        .list_account_assignment_creation_status()
                        .instance_arn(&self.about.instance_arn)
                        .filter(running())
                        .max_results(PAGE)
                )
                .await?
            }
            OperationKind::Delete => {
                listing!(
                    self.sso_line
                        .read("ListAccountAssignmentDeletionStatus", pace),
                    account_assignments_deletion_status,
                    self.sso
                        .list_account_assignment_deletion_status()
                        .instance_arn(&self.about.instance_arn)
                        .filter(running())
                        .max_results(PAGE)
                )
                .await?
            }
        };
        // AWS applies the filter; rows listed as ended are not in progress
        let is_running = |row: &AccountAssignmentOperationStatusMetadata| {
            row.status
                .as_ref()
                .is_none_or(|status| *status == StatusValues::InProgress)
        };
        Ok(rows
            .into_iter()
            .filter(is_running)
            .filter_map(|row| row.request_id)
            .collect())
    }

    async fn missing(&self, key: &HoldKey) -> Result<Option<Missing>, CenterFault> {
        let pace = Deadline::port(Urgency::End);
        let gone = match &key.target {
            Target::Account { account, .. } => {
                (!self.account_is_active(account, pace).await?).then_some(Missing::Account)
            }
            Target::Group { group } => {
                (!self.group_exists(group, pace).await?).then_some(Missing::Principal)
            }
        };
        if gone.is_some() {
            return Ok(gone);
        }
        let user_exists = self.user_exists(&key.user, pace).await?;
        Ok((!user_exists).then_some(Missing::Principal))
    }
}

impl Aws {
    pub(crate) async fn create_assignment(
        &self,
        account: &AccountId,
        set: &PermissionSetArn,
        (kind, id): (PrincipalType, &str),
        urgency: Urgency,
    ) -> Result<SentOperation, CallFailure> {
        let request = self
            .sso
            .create_account_assignment()
            .instance_arn(&self.about.instance_arn)
            .target_type(TargetType::AwsAccount)
            .target_id(account.as_str())
            .permission_set_arn(set.as_str())
            .principal_type(kind)
            .principal_id(id);
        let pace = Deadline::port(urgency);
        let reply = self
            .sso_line
            .write("CreateAccountAssignment", pace, request.send())
            .await?;
        in_progress(reply.account_assignment_creation_status)
    }

    pub(crate) async fn delete_assignment(
        &self,
        account: &AccountId,
        set: &PermissionSetArn,
        (kind, id): (PrincipalType, &str),
        urgency: Urgency,
    ) -> Result<SentOperation, CallFailure> {
        let request = self
            .sso
            .delete_account_assignment()
            .instance_arn(&self.about.instance_arn)
            .target_type(TargetType::AwsAccount)
            .target_id(account.as_str())
            .permission_set_arn(set.as_str())
            .principal_type(kind)
            .principal_id(id);
        let pace = Deadline::port(urgency);
        let reply = self
            .sso_line
            .write("DeleteAccountAssignment", pace, request.send())
            .await?;
        in_progress(reply.account_assignment_deletion_status)
    }

    /// The status of an assignment operation; `None` when AWS does not know it (any more).
    pub(crate) async fn operation(
        &self,
        kind: OperationKind,
        request: &str,
        urgency: Urgency,
    ) -> Result<Option<AccountAssignmentOperationStatus>, CallFailure> {
        let pace = Deadline::port(urgency);
        let instance = &self.about.instance_arn;
        let status = match kind {
            OperationKind::Create => self
                .sso_line
                .read("DescribeAccountAssignmentCreationStatus", pace, || {
                    self.sso
                        .describe_account_assignment_creation_status()
                        .instance_arn(instance)
                        .account_assignment_creation_request_id(request)
                        .send()
                })
                .await
                .map(|reply| reply.account_assignment_creation_status),
            OperationKind::Delete => self
                .sso_line
                .read("DescribeAccountAssignmentDeletionStatus", pace, || {
                    self.sso
                        .describe_account_assignment_deletion_status()
                        .instance_arn(instance)
                        .account_assignment_deletion_request_id(request)
                        .send()
                })
                .await
                .map(|reply| reply.account_assignment_deletion_status),
        };
        match status {
            Ok(Some(status)) => Ok(Some(status)),
            Ok(None) => Err(CallFailure::unparsable(
                "an operation without a known status",
            )),
            Err(failure) if matches!(failure.fault, CenterFault::NotFound { .. }) => Ok(None),
            Err(failure) => Err(failure),
        }
    }

    pub(crate) async fn assignments(
        &self,
        account: &AccountId,
        set: &PermissionSetArn,
        pace: Deadline,
    ) -> Result<Vec<AccountAssignment>, CallFailure> {
        listing!(
            self.sso_line.read("ListAccountAssignments", pace),
            account_assignments,
            self.sso
                .list_account_assignments()
                .instance_arn(&self.about.instance_arn)
                .account_id(account.as_str())
                .permission_set_arn(set.as_str())
                .max_results(PAGE)
        )
        .await
    }

    pub(crate) async fn members(
        &self,
        group: &GroupId,
        pace: Deadline,
    ) -> Result<Vec<String>, CallFailure> {
        let rows = listing!(
            self.store_line.read("ListGroupMemberships", pace),
            group_memberships,
            self.store
                .list_group_memberships()
                .identity_store_id(&self.about.identity_store_id)
                .group_id(group.as_str())
                .max_results(PAGE)
        )
        .await?;
        let user = |row: aws_sdk_identitystore::types::GroupMembership| match row.member_id {
            Some(MemberId::UserId(id)) => Some(id),
            _ => None,
        };
        Ok(rows.into_iter().filter_map(user).collect())
    }

    pub(crate) async fn groups_of_member(
        &self,
        user: &UserId,
        pace: Deadline,
    ) -> Result<Vec<String>, CallFailure> {
        let rows = listing!(
            self.store_line.read("ListGroupMembershipsForMember", pace),
            group_memberships,
            self.store
                .list_group_memberships_for_member()
                .identity_store_id(&self.about.identity_store_id)
                .member_id(member(user))
                .max_results(PAGE)
        )
        .await?;
        Ok(rows.into_iter().filter_map(|row| row.group_id).collect())
    }

    /// Looked up at removal: a recreated membership has another id.
    async fn membership(
        &self,
        group: &GroupId,
        user: &UserId,
        urgency: Urgency,
    ) -> Result<String, CallFailure> {
        let pace = Deadline::within(urgency, LOOKUP_MAX);
        self.membership_id(group, user, pace).await
    }

    pub(crate) async fn is_member(
        &self,
        group: &GroupId,
        user: &UserId,
        pace: Deadline,
    ) -> Result<bool, CallFailure> {
        let found = self.membership_id(group, user, pace).await;
        exists(found.map(|_| ()))
    }

    async fn membership_id(
        &self,
        group: &GroupId,
        user: &UserId,
        pace: Deadline,
    ) -> Result<String, CallFailure> {
        let found = self
            .store_line
            .read("GetGroupMembershipId", pace, || {
                self.store
                    .get_group_membership_id()
                    .identity_store_id(&self.about.identity_store_id)
                    .group_id(group.as_str())
                    .member_id(member(user))
                    .send()
            })
            .await?;
        Ok(found.membership_id)
    }

    pub(crate) async fn user_exists(
        &self,
        user: &UserId,
        pace: Deadline,
    ) -> Result<bool, CallFailure> {
        let found = self
            .store_line
            .read("DescribeUser", pace, || {
                self.store
                    .describe_user()
                    .identity_store_id(&self.about.identity_store_id)
                    .user_id(user.as_str())
                    .send()
            })
            .await;
        exists(found.map(|_| ()))
    }

    pub(crate) async fn group_exists(
        &self,
        group: &GroupId,
        pace: Deadline,
    ) -> Result<bool, CallFailure> {
        let found = self
            .store_line
            .read("DescribeGroup", pace, || {
                self.store
                    .describe_group()
                    .identity_store_id(&self.about.identity_store_id)
                    .group_id(group.as_str())
                    .send()
            })
            .await;
        exists(found.map(|_| ()))
    }

    async fn account_is_active(
        &self,
        account: &AccountId,
        pace: Deadline,
    ) -> Result<bool, CallFailure> {
        let found = self
            .org_line
            .read("DescribeAccount", pace, || {
                self.org
                    .describe_account()
                    .account_id(account.as_str())
                    .send()
            })
            .await;
        match found {
            Ok(reply) => match reply.account {
                Some(account) => Ok(is_active(&account)),
                None => Err(CallFailure::unparsable(
                    "DescribeAccount without an account",
                )),
            },
            Err(failure) if matches!(failure.fault, CenterFault::NotFound { .. }) => Ok(false),
            Err(failure) => Err(failure),
        }
    }
}

pub(crate) fn is_active(account: &Account) -> bool {
    let state = account_state(|member| match member {
        "State" => account.state.as_ref().map(AccountState::as_str),
        _ => account.status.as_ref().map(AccountStatus::as_str),
    });
    state == Some("ACTIVE")
}

pub(crate) fn user_ids(ids: Vec<String>) -> BTreeSet<UserId> {
    let parse = |id: String| match UserId::new(id) {
        Ok(id) => Some(id),
        Err(error) => {
            tracing::warn!(%error, "AWS lists a user whose id has an unknown form");
            None
        }
    };
    ids.into_iter().filter_map(parse).collect()
}

fn member(user: &UserId) -> MemberId {
    MemberId::UserId(user.as_str().to_owned())
}

fn exists(found: Result<(), CallFailure>) -> Result<bool, CallFailure> {
    match found {
        Ok(()) => Ok(true),
        Err(failure) if matches!(failure.fault, CenterFault::NotFound { .. }) => Ok(false),
        Err(failure) => Err(failure),
    }
}

fn in_progress(
    status: Option<AccountAssignmentOperationStatus>,
) -> Result<SentOperation, CallFailure> {
    status
        .and_then(|status| status.request_id)
        .map(|operation_id| SentOperation::InProgress { operation_id })
        .ok_or_else(|| CallFailure::unparsable("an accepted operation without a request id"))
}

pub(crate) fn operation_status(
    status: Option<&StatusValues>,
    failure: Option<String>,
) -> Result<OperationStatus, CallFailure> {
    match status {
        Some(StatusValues::InProgress) => Ok(OperationStatus::InProgress),
        Some(StatusValues::Succeeded) => Ok(OperationStatus::Succeeded),
        Some(StatusValues::Failed) => Ok(OperationStatus::Failed {
            reason: failure.unwrap_or_else(|| "AWS gave no reason".to_owned()),
        }),
        _ => Err(CallFailure::unparsable(
            "an operation without a known status",
        )),
    }
}

#[cfg(test)]
#[path = "center_tests.rs"]
mod tests;
