//! What one person has made the store keep, counted in the transaction that adds to it.

use hallpass_access::{Quota, QuotaUse};
use hallpass_base::{Timestamp, UserId};

use super::counter;
use super::numbers::{self, Numbered};
use crate::database::{DatabaseError, ToValue, Transaction};
use crate::fault::StorageFault;
use crate::steps::day_of;

/// Requests of a person that wait.
pub(super) const WAITING: &str = "SELECT count(*) FROM (
    SELECT 1 FROM requests WHERE requester = ?1 AND dedupe IS NOT NULL LIMIT ?2) AS found";
/// Live grants of a key.
pub(super) const HOLDS: &str = "SELECT count(*) FROM (
    SELECT 1 FROM grants WHERE hold_key = ?1 AND live = 1 LIMIT ?2) AS found";
/// Idempotency keys of a person.
pub(super) const KEYS: &str = "SELECT count(*) FROM (
    SELECT 1 FROM answers WHERE actor = ?1 LIMIT ?2) AS found";

/// Refuses a change that adds more than its quotas have room for; what is counted by the day is counted now.
pub(super) fn ensure(
    tx: &Transaction<'_>,
    added: &[QuotaUse],
    now: Option<Timestamp>,
) -> Result<(), StorageFault> {
    for it in added {
        match &it.quota {
            Quota::WaitingRequests(user) => {
                let number = numbers::find(tx, Numbered::Principal, user.as_str())?;
                let stored = number.map_or(Ok(0), |number| counted(tx, WAITING, number, it.most));
                it.ensure(stored?)
            }
            Quota::Holds(key) => it.ensure(counted(tx, HOLDS, key.to_string(), it.most)?),
            Quota::IdempotencyKeys(user) => it.ensure(counted(tx, KEYS, user.as_str(), it.most)?),
            Quota::RefusedRequests(user) => {
                let is_counted = count_today(tx, it, (user, "request"), now)?;
                it.ensure(if is_counted { 0 } else { it.most })
            }
            Quota::RefusedPresses(user) => {
                let is_counted = count_today(tx, it, (user, "press"), now)?;
                it.ensure(if is_counted { 0 } else { it.most })
            }
        }
        .map_err(StorageFault::OverQuota)?;
    }
    Ok(())
}

/// How many rows there are, as far as the quota goes: no more are read.
fn counted(
    tx: &Transaction<'_>,
    sql: &str,
    whose: impl ToValue,
    most: u32,
) -> Result<u32, DatabaseError> {
    let count: i64 = tx
        .prepare(sql)?
        .query_row((whose, i64::from(most)), |row| row.get(0))?;
    Ok(u32::try_from(counter(count)).unwrap_or(u32::MAX))
}

/// Counts what a person adds today; whether it was within the quota.
fn count_today(
    tx: &Transaction<'_>,
    it: &QuotaUse,
    (user, kind): (&UserId, &str),
    now: Option<Timestamp>,
) -> Result<bool, DatabaseError> {
    let Some(now) = now else {
        return Ok(true);
    };
    let changed = tx
        .prepare(
            "INSERT INTO refused_a_day (user_id, kind, day, count) VALUES (?1, ?2, ?3, ?4)
             ON CONFLICT (user_id, kind) DO UPDATE SET day = excluded.day,
                 count = CASE WHEN refused_a_day.day = excluded.day
                     THEN refused_a_day.count + excluded.count ELSE excluded.count END
             WHERE refused_a_day.day <> excluded.day
                 OR refused_a_day.count + excluded.count <= ?5",
        )?
        .execute((
            user.as_str(),
            kind,
            day_of(now),
            i64::from(it.adds),
            i64::from(it.most),
        ))?;
    Ok(changed > 0)
}
