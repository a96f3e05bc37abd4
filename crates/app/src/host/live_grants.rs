//! Temporary access from Hallpass's store: access plans leave it unchanged (promise P3), and
//! snapshots list it.

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use hallpass_access::{AccessStore as _, ArmedEndRequest, Change, ExternalAccess, ShownBy};
use hallpass_access_files::{
    AccountAssignment, GrantedAccess, GroupMember, LiveGrants, PrincipalRef,
};
use hallpass_assignments::AssignmentStore as _;
use hallpass_base::{Clock, GrantId, HoldKey, PermissionSetArn, Target};
use hallpass_inventory::collect::TemporaryAssignments;

use crate::host::server_store::ServerStore;

pub struct StoredGrants(pub Arc<ServerStore>);

impl StoredGrants {
    /// Whether a grant holds the key: a row stays until a minute after the last grant ended.
    async fn is_held(&self, key: &HoldKey) -> Result<bool, String> {
        let row = self.0.assignment(key).await;
        row.map(|row| row.is_some())
            .map_err(|fault| fault.to_string())
    }
}

#[async_trait]
impl LiveGrants for StoredGrants {
    async fn is_temporary(
        &self,
        set: &PermissionSetArn,
        assignment: &AccountAssignment,
    ) -> Result<bool, String> {
        // Hallpass grants only to users
        let PrincipalRef::User(user) = &assignment.principal else {
            return Ok(false);
        };
        let key = HoldKey {
            user: user.clone(),
            target: Target::Account {
                account: assignment.account.clone(),
                permission_set: set.clone(),
            },
        };
        self.is_held(&key).await
    }

    async fn is_temporary_member(&self, member: &GroupMember) -> Result<bool, String> {
        self.is_held(&member.hold_key()).await
    }
}

#[async_trait]
impl TemporaryAssignments for StoredGrants {
    async fn held(&self) -> Result<BTreeMap<HoldKey, GrantId>, String> {
        let ends = self.0.owned_ends().await;
        let ends = ends.map_err(|fault| fault.to_string())?;
        let held = ends.into_iter().filter_map(|end| {
            let grant = end.grants.into_iter().next_back()?;
            Some((end.key, grant))
        });
        Ok(held.collect())
    }
}

/// Enforced ends of the configured store: the server rechecks them if a plan makes temporary access
/// permanent.
pub struct StoredEnds {
    pub store: Arc<ServerStore>,
    pub clock: Arc<dyn Clock>,
}

#[async_trait]
impl GrantedAccess for StoredEnds {
    async fn note_assignment(
        &self,
        set: &PermissionSetArn,
        assignment: &AccountAssignment,
    ) -> Result<(), String> {
        let account = assignment.account.clone();
        let mut given = ExternalAccess::default();
        match &assignment.principal {
            PrincipalRef::Group(_) => drop(given.to_groups.insert((account, set.clone()))),
            PrincipalRef::User(user) => drop(given.to_people.insert(HoldKey {
                user: user.clone(),
                target: Target::Account {
                    account,
                    permission_set: set.clone(),
                },
            })),
        }
        let change = Change {
            armed_ends: vec![ArmedEndRequest::LookAgain {
                at: self.clock.now(),
                given: Box::new(given),
                shown: ShownBy::Soon,
            }],
            ..Change::default()
        };
        let noted = self.store.commit(change).await;
        noted.map(drop).map_err(|fault| fault.to_string())
    }
}
