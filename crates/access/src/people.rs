//! What AWS says of people right now: the port by which those behind live access, and those with tokens and sessions, are
//! looked at, between two readings of the whole organization (`access.md` §22, R-5).

use std::collections::BTreeSet;
use std::sync::Arc;

use async_trait::async_trait;
use hallpass_base::UserId;
use hallpass_rules::Directory;

use crate::DirectoryFault;

/// What is asked of people.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PeopleQuestion {
    /// Whether they are there and enabled.
    AreThere,
    /// Whether they are, and are still in the groups that the newest snapshot has them in.
    AreThereAndInGroups,
}

/// What a look at some people found. INVARIANT: who is in neither set is as before; no answer says nothing of anybody.
#[derive(Clone, Debug, Default)]
pub struct PeopleLook {
    /// The newest snapshot, with those people as they are now, and without the memberships that they lost.
    pub directory: Arc<Directory>,
    /// Of whom AWS said whether they are there and enabled: of those whom it was asked about, and of others whom a listing
    /// has as they are known.
    pub answered: BTreeSet<UserId>,
    /// Of whom AWS said, for every group that they were known to be in, whether they still are; nobody where that was not
    /// asked.
    pub placed: BTreeSet<UserId>,
    /// The first of what could not be read.
    pub fault: Option<DirectoryFault>,
}

/// Who can look at some people without reading the whole organization.
#[async_trait]
pub trait PeopleSource: Send + Sync {
    /// Reads these people, and where that is asked whether they are still in their groups. Changes nothing in AWS, may be
    /// repeated, and waits behind whatever gives or takes access. What was read is part of the newest snapshot from then
    /// on; stopped in the middle, nothing is known. Somebody is told to be gone, disabled or out of a group only where AWS
    /// was asked about that very person and answered so: that a listing lacks them says nothing. What could not be read is
    /// in the answer, and worth another try.
    async fn look_at(&self, users: &BTreeSet<UserId>, question: PeopleQuestion) -> PeopleLook;
}

/// Nobody can be looked at: what people hold who left ends when its time is over.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoPeopleSource;

#[async_trait]
impl PeopleSource for NoPeopleSource {
    async fn look_at(&self, _users: &BTreeSet<UserId>, _question: PeopleQuestion) -> PeopleLook {
        PeopleLook::default()
    }
}
