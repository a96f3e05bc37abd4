//! What reading and changing access needs from outside.

use std::collections::{BTreeMap, BTreeSet};

use async_trait::async_trait;
use hallpass_assignments::{CenterFault, OperationKind, OperationStatus, SentOperation};
use hallpass_base::{AccountId, PermissionSetArn, PermissionSetName};

use crate::state::{AccountAssignment, GroupMember, PermissionSetContent, PrincipalRef, SetPart};
use crate::steps::SetAction;

/// Permission sets and assignments of an instance of Identity Center. Reads are repeated where AWS is
/// busy; a write is sent once.
#[async_trait]
pub trait PermissionSetAdmin: Send + Sync {
    /// Every set.
    async fn sets(&self) -> Result<BTreeMap<PermissionSetName, PermissionSetArn>, CenterFault>;

    /// These parts of a set, the others empty; `None` when there is no such set.
    async fn content(
        &self,
        set: &PermissionSetArn,
        parts: &[SetPart],
    ) -> Result<Option<PermissionSetContent>, CenterFault>;

    /// The accounts that have the role of a set.
    async fn provisioned(&self, set: &PermissionSetArn)
    -> Result<BTreeSet<AccountId>, CenterFault>;

    /// Those of them whose role is of an earlier form of the set.
    async fn outdated(&self, set: &PermissionSetArn) -> Result<BTreeSet<AccountId>, CenterFault>;

    /// Who has a set in an account, groups too.
    async fn principals(
        &self,
        account: &AccountId,
        set: &PermissionSetArn,
    ) -> Result<BTreeSet<PrincipalRef>, CenterFault>;

    /// Creates a set with what `action` says; any other than `Create` is refused.
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

    /// Has the roles of a set made anew in all accounts that have it; the id of the operation. `Conflict` while another one of the set
    /// is under way.
    async fn provision(&self, set: &PermissionSetArn) -> Result<String, CenterFault>;

    /// How far that is.
    async fn provisioning(&self, request: &str) -> Result<OperationStatus, CenterFault>;

    /// Asks for an assignment of a set to be created or deleted.
    async fn send(
        &self,
        kind: OperationKind,
        set: &PermissionSetArn,
        assignment: &AccountAssignment,
    ) -> Result<SentOperation, CenterFault>;

    /// How far that is.
    async fn progress(
        &self,
        kind: OperationKind,
        request: &str,
    ) -> Result<OperationStatus, CenterFault>;

    /// The operation on an assignment that is under way, whoever asked for it.
    async fn running(
        &self,
        kind: OperationKind,
        set: &PermissionSetArn,
        assignment: &AccountAssignment,
    ) -> Result<Option<String>, CenterFault>;
}

/// What Hallpass gave for a time.
#[async_trait]
pub trait LiveGrants: Send + Sync {
    /// Whether an assignment is held for a grant, or was until a moment ago: it is left to its owner
    /// (promise P3).
    ///
    /// # Errors
    /// When the store does not answer; then nothing may be assumed.
    async fn is_temporary(
        &self,
        set: &PermissionSetArn,
        assignment: &AccountAssignment,
    ) -> Result<bool, String>;

    /// The same of a membership of a group.
    ///
    /// # Errors
    /// Likewise.
    async fn is_temporary_member(&self, member: &GroupMember) -> Result<bool, String>;
}

/// Whoever enforces ends of what Hallpass gives for a time: they must not be refused what they are given for good.
#[async_trait]
pub trait GivenAccess: Send + Sync {
    /// Notes that this assignment is about to be created. May be repeated.
    ///
    /// # Errors
    /// When the store does not answer; then it is not to be created yet.
    async fn note_assignment(
        &self,
        set: &PermissionSetArn,
        assignment: &AccountAssignment,
    ) -> Result<(), String>;
}
