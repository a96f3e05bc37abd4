use std::collections::{BTreeMap, BTreeSet};

use async_trait::async_trait;
use hallpass_assignments::{CenterFault, OperationKind, OperationStatus, SentOperation};
use hallpass_base::{AccountId, PermissionSetArn, PermissionSetName};

use crate::state::{AccountAssignment, GroupMember, PermissionSetContent, PrincipalRef, SetPart};
use crate::steps::SetAction;

/// Reads are retried when AWS throttles; a write is sent once.
#[async_trait]
pub trait PermissionSetAdmin: Send + Sync {
    async fn sets(&self) -> Result<BTreeMap<PermissionSetName, PermissionSetArn>, CenterFault>;

    async fn content(
        &self,
        set: &PermissionSetArn,
        parts: &[SetPart],
    ) -> Result<Option<PermissionSetContent>, CenterFault>;

    async fn provisioned(&self, set: &PermissionSetArn)
    -> Result<BTreeSet<AccountId>, CenterFault>;

    async fn outdated(&self, set: &PermissionSetArn) -> Result<BTreeSet<AccountId>, CenterFault>;

    async fn principals(
        &self,
        account: &AccountId,
        set: &PermissionSetArn,
    ) -> Result<BTreeSet<PrincipalRef>, CenterFault>;

    /// Creates a set; any action other than `Create` is refused.
    async fn create_set(
        &self,
        name: &PermissionSetName,
        action: &SetAction,
    ) -> Result<PermissionSetArn, CenterFault>;

    /// Writes one part of a set; `Create` and `Provision` are refused.
    async fn change_set(
        &self,
        set: &PermissionSetArn,
        action: &SetAction,
    ) -> Result<(), CenterFault>;

    /// Returns the operation id; `Conflict` while another provisioning of the set runs.
    async fn provision(&self, set: &PermissionSetArn) -> Result<String, CenterFault>;

    async fn provisioning(&self, request: &str) -> Result<OperationStatus, CenterFault>;

    /// Requests the creation or deletion of an assignment.
    async fn send(
        &self,
        kind: OperationKind,
        set: &PermissionSetArn,
        assignment: &AccountAssignment,
    ) -> Result<SentOperation, CenterFault>;

    async fn progress(
        &self,
        kind: OperationKind,
        request: &str,
    ) -> Result<OperationStatus, CenterFault>;

    /// Returns the running operation on an assignment, started by any client.
    async fn running(
        &self,
        kind: OperationKind,
        set: &PermissionSetArn,
        assignment: &AccountAssignment,
    ) -> Result<Option<String>, CenterFault>;
}

#[async_trait]
pub trait LiveGrants: Send + Sync {
    /// Whether a grant holds the assignment, or held it moments ago: Hallpass then leaves it alone
    /// (promise P3).
    ///
    /// # Errors
    /// If the store does not answer; callers must then assume nothing.
    async fn is_temporary(
        &self,
        set: &PermissionSetArn,
        assignment: &AccountAssignment,
    ) -> Result<bool, String>;

    /// The same for a group membership.
    ///
    /// # Errors
    /// If the store does not answer.
    async fn is_temporary_member(&self, member: &GroupMember) -> Result<bool, String>;
}

/// Reports permanent access to the enforcement of grant ends, which must not deny it.
#[async_trait]
pub trait GrantedAccess: Send + Sync {
    /// Records that this assignment is about to be created. Idempotent.
    ///
    /// # Errors
    /// If the store does not answer; the assignment must not be created then.
    async fn note_assignment(
        &self,
        set: &PermissionSetArn,
        assignment: &AccountAssignment,
    ) -> Result<(), String>;
}
