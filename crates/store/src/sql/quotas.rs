//! Counts stored items per person in the transaction that adds one.

use hallpass_access::{Quota, QuotaUse};
use hallpass_base::{Timestamp, UserId};

use super::counter;
use super::numbers::{self, Numbered};
use crate::database::{DatabaseError, ToValue, Transaction};
use crate::fault::StorageFault;
use crate::steps::day_of;

pub(super) const WAITING: &str = "SELECT count(*) FROM (
    SELECT 1 FROM requests WHERE requester = ?1 AND dedupe IS NOT NULL LIMIT ?2) AS found";
pub(super) const HOLDS: &str = "SELECT count(*) FROM (
    SELECT 1 FROM grants WHERE hold_key = ?1 AND live = 1 LIMIT ?2) AS found";
pub(super) const LIVE: &str = "SELECT count(*) FROM (
    SELECT 1 FROM grants WHERE holder = ?1 AND live = 1 LIMIT ?2) AS found";
pub(super) const KEYS: &str = "SELECT count(*) FROM (
    SELECT 1 FROM answers WHERE actor = ?1 LIMIT ?2) AS found";

/// Refuses a change over its quotas, and counts daily items.
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
            Quota::LiveGrants(user) => {
                let number = numbers::find(tx, Numbered::Principal, user.as_str())?;
                let stored = number.map_or(Ok(0), |number| counted(tx, LIVE, number, it.most));
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
