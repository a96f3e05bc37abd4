//! Locks of people in memory, and the credentials that end with them.

use std::collections::{BTreeMap, BTreeSet};

use hallpass_access::{Lock, LocksSeen, Write};
use hallpass_base::{Timestamp, UserId};

use super::MemoryState;
use crate::fault::StorageFault;
use crate::steps::{exists_already, wrong_version};

pub(super) fn ensure_as_seen(state: &MemoryState, seen: &LocksSeen) -> Result<(), StorageFault> {
    for (user, version) in seen.versions() {
        if state.locks.get(user).map(|lock| lock.version) != version {
            return Err(wrong_version(&format!("the lock of {user}")));
        }
    }
    Ok(())
}

pub(super) fn staged(
    state: &MemoryState,
    writes: Vec<Write<Lock>>,
) -> Result<BTreeMap<UserId, Lock>, StorageFault> {
    let mut staged: BTreeMap<UserId, Lock> = BTreeMap::new();
    for write in writes {
        let (lock, read) = match write {
            Write::Insert(lock) => (lock, None),
            Write::Update(lock) => {
                let read = Some(lock.version);
                let version = lock.version + 1;
                (Lock { version, ..lock }, read)
            }
        };
        let user = lock.person.user.clone();
        let before = staged.get(&user).or_else(|| state.locks.get(&user));
        if before.map(|lock| lock.version) != read {
            return Err(wrong_version(&format!("the lock of {user}")));
        }
        staged.insert(user, lock);
    }
    Ok(staged)
}

pub(super) fn end_credentials(state: &mut MemoryState, user: &UserId, at: Timestamp) {
    for token in state.tokens.values_mut() {
        if token.user_id.as_ref() == Some(user) {
            token.revoked_at.get_or_insert(at);
        }
    }
}

pub(super) fn refuse_locked(
    state: &MemoryState,
    user: &UserId,
    now: Timestamp,
) -> Result<(), StorageFault> {
    match state.locks.get(user) {
        Some(lock) if lock.is_in_force(now) => Err(exists_already(&format!("a lock of {user}"))),
        Some(_) | None => Ok(()),
    }
}

/// Returns holders of valid tokens; sessions are stored elsewhere.
pub(super) fn with_credentials(state: &MemoryState, now: Timestamp) -> Vec<UserId> {
    let tokens = state.tokens.values();
    let live = tokens.filter(|token| token.revoked_at.is_none() && now < token.expires_at);
    let users: BTreeSet<UserId> = live.filter_map(|token| token.user_id.clone()).collect();
    users.into_iter().collect()
}
