//! Port to check individual users at AWS, with live access, tokens or sessions, between full reads
//! of the organization (`access.md` §22, R-5).

use std::collections::BTreeSet;
use std::sync::Arc;

use async_trait::async_trait;
use hallpass_base::UserId;
use hallpass_rules::Directory;

use crate::DirectoryFault;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PeopleQuestion {
    AreThere,
    /// Also checks the group memberships of the newest snapshot.
    AreThereAndInGroups,
}

/// INVARIANT: users in neither set are unchanged; a missing answer proves nothing.
#[derive(Clone, Debug, Default)]
pub struct PeopleLook {
    /// The newest snapshot, updated with these users and without their lost memberships.
    pub directory: Arc<Directory>,
    /// Users that AWS reported as existing and enabled, or not; includes others that a listing
    /// shows unchanged.
    pub answered: BTreeSet<UserId>,
    /// Users with an answer for every known group; empty if memberships were not queried.
    pub placed: BTreeSet<UserId>,
    pub fault: Option<DirectoryFault>,
}

#[async_trait]
pub trait PeopleSource: Send + Sync {
    /// Reads these users and, if requested, their group memberships. Changes nothing in AWS, may be
    /// repeated, and yields to operations on access. Results join the newest snapshot; a stop loses
    /// them. A user counts as deleted, disabled or out of a group only by AWS's answer about that
    /// user, never by absence from a listing. Failed reads are in the answer and may be retried.
    async fn look_at(&self, users: &BTreeSet<UserId>, question: PeopleQuestion) -> PeopleLook;
}

/// No lookups: access of users who left ends at its deadline.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoPeopleSource;

#[async_trait]
impl PeopleSource for NoPeopleSource {
    async fn look_at(&self, _users: &BTreeSet<UserId>, _question: PeopleQuestion) -> PeopleLook {
        PeopleLook::default()
    }
}
