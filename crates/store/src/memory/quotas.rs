//! Stored items per person.

use hallpass_access::{Change, Quota, RequestState};
use hallpass_base::{Timestamp, UserId};

use super::MemoryState;
use crate::fault::StorageFault;
use crate::steps::{answered_at, day_of};

pub(super) type Refused = (UserId, RefusedKind);

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum RefusedKind {
    Request,
    Press,
}

pub(super) type RefusedDay = (String, u32);

/// Refuses a change over its quotas; returns daily counts with the change.
pub(super) fn ensure(
    state: &MemoryState,
    change: &Change,
    now: Option<Timestamp>,
) -> Result<Vec<(Refused, RefusedDay)>, StorageFault> {
    let mut refused = Vec::new();
    // earlier expired answers are dropped
    let answered = change.answer.as_ref().and_then(answered_at);
    for it in &change.quotas {
        let stored = match &it.quota {
            Quota::WaitingRequests(user) => count(state.requests.values(), |row| {
                matches!(row.state, RequestState::Pending) && row.requester.user == *user
            }),
            Quota::Holds(key) => count(state.grants.values(), |row| {
                !row.is_over() && row.key == *key
            }),
            Quota::LiveGrants(user) => count(state.grants.values(), |row| {
                !row.is_over() && row.key.user == *user
            }),
            Quota::IdempotencyKeys(user) => count(state.answers.values(), |it| {
                it.actor == *user && answered.is_none_or(|now| now < it.until)
            }),
            Quota::RefusedRequests(user) => {
                today(state, &(user.clone(), RefusedKind::Request), now)
            }
            Quota::RefusedPresses(user) => today(state, &(user.clone(), RefusedKind::Press), now),
        };
        it.ensure(stored).map_err(StorageFault::OverQuota)?;
        let kind = match &it.quota {
            Quota::RefusedRequests(user) => Some((user.clone(), RefusedKind::Request)),
            Quota::RefusedPresses(user) => Some((user.clone(), RefusedKind::Press)),
            Quota::WaitingRequests(_)
            | Quota::Holds(_)
            | Quota::LiveGrants(_)
            | Quota::IdempotencyKeys(_) => None,
        };
        if let (Some(whose), Some(now)) = (kind, now) {
            refused.push((whose, (day_of(now), stored.saturating_add(it.adds))));
        }
    }
    Ok(refused)
}

fn count<T>(rows: impl Iterator<Item = T>, is_counted: impl Fn(&T) -> bool) -> u32 {
    u32::try_from(rows.filter(is_counted).count()).unwrap_or(u32::MAX)
}

fn today(state: &MemoryState, whose: &Refused, now: Option<Timestamp>) -> u32 {
    let day = state.refused.get(whose);
    let day = day.filter(|(day, _)| now.is_some_and(|now| day_of(now) == *day));
    day.map_or(0, |(_, count)| *count)
}
