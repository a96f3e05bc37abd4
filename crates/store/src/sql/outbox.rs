//! The outbox in tables: one row per notice, and one per pending channel.

use hallpass_access::{Message, WaitingMessage};
use hallpass_base::Timestamp;

use super::{counter, number};
use crate::database::{Optional, Transaction};
use crate::fault::StorageFault;
use crate::rows::{body, instant, read_body, read_instant};

/// Deliveries of lower priority wait for all due ones of higher priority.
const URGENT: i64 = 0;
const OTHERS: i64 = 1;

/// Adds a delivery to every channel. Its turn follows the requester's last waiting delivery there,
/// or is the channel's current one.
const DELIVER: &str =
    "INSERT INTO deliveries (channel, number, due, attempts, priority, requester, turn)
     SELECT channels.name, ?1, '', 0, ?2, ?3,
         (SELECT max(turn) FROM (
             SELECT coalesce(max(turn) + 1, 0) AS turn FROM deliveries
             WHERE channel = channels.name AND priority = ?2 AND requester = ?3
             UNION ALL
             SELECT turn FROM delivery_turns
             WHERE channel = channels.name AND priority = ?2) AS turns)
     FROM channels";

pub(super) const DUE: &str = "SELECT number, attempts, body, priority, turn
     FROM deliveries INDEXED BY deliveries_in_turn JOIN notices USING (number)
     WHERE channel = ?1 AND due <= ?2 ORDER BY priority, turn, number LIMIT ?3";

/// Stores a message for every channel in use; without one it is dropped.
pub(super) fn post(tx: &Transaction<'_>, told: &Message) -> Result<(), StorageFault> {
    let kept: Option<i64> = tx
        .prepare(
            "INSERT INTO notices (at, body)
             SELECT ?1, ?2 WHERE EXISTS (SELECT 1 FROM channels)
             RETURNING number",
        )?
        .query_row((instant(told.at()), body(told)?), |row| row.get(0))
        .optional()?;
    if let Some(number) = kept {
        let priority = if told.is_urgent() { URGENT } else { OTHERS };
        // due immediately, regardless of the clock
        tx.prepare(DELIVER)?
            .execute((number, priority, requester(tx, told)?))?;
    }
    Ok(())
}

fn requester(tx: &Transaction<'_>, told: &Message) -> Result<i64, StorageFault> {
    let Some(request) = told.request() else {
        return Ok(0);
    };
    let found = tx
        .prepare("SELECT requester FROM requests WHERE id = ?1")?
        .query_row([request.to_string()], |row| row.get(0))
        .optional()?;
    Ok(found.unwrap_or(0))
}

pub(super) fn open(
    tx: &Transaction<'_>,
    channel: &str,
    now: Timestamp,
) -> Result<(), StorageFault> {
    tx.prepare(
        "INSERT INTO channels (name, seen_at) VALUES (?1, ?2)
         ON CONFLICT (name) DO UPDATE SET seen_at = excluded.seen_at
         WHERE channels.seen_at < excluded.seen_at",
    )?
    .execute((channel, instant(now)))?;
    Ok(())
}

pub(super) fn next(tx: &Transaction<'_>, channel: &str) -> Result<Option<Timestamp>, StorageFault> {
    let due: Option<String> = tx
        .prepare("SELECT min(due) FROM deliveries WHERE channel = ?1")?
        .query_row([channel], |row| row.get(0))?;
    due.map(|text| match text.as_str() {
        "" => Ok(Timestamp::MIN),
        text => read_instant(text),
    })
    .transpose()
}

pub(super) fn take(
    tx: &Transaction<'_>,
    channel: &str,
    now: Timestamp,
    again_at: Timestamp,
    limit: u32,
) -> Result<Vec<WaitingMessage>, StorageFault> {
    let due = tx
        .prepare(DUE)?
        .query_map((channel, instant(now), i64::from(limit)), |row| {
            let (priority, turn) = (row.get(3)?, row.get(4)?);
            Ok((row.get(0)?, row.get(1)?, row.get(2)?, priority, turn))
        })?
        .collect::<Result<Vec<(i64, u32, String, i64, i64)>, _>>()?;
    let mut hide = tx.prepare(
        "UPDATE deliveries SET due = ?3,
             attempts = CASE WHEN attempts < 4294967295 THEN attempts + 1 ELSE attempts END
         WHERE channel = ?1 AND number = ?2",
    )?;
    let mut reach = tx.prepare(
        "INSERT INTO delivery_turns (channel, priority, turn) VALUES (?1, ?2, ?3)
         ON CONFLICT (channel, priority) DO UPDATE SET turn = excluded.turn
         WHERE delivery_turns.turn < excluded.turn",
    )?;
    let mut taken = Vec::with_capacity(due.len());
    for (number, attempts, text, priority, turn) in due {
        hide.execute((channel, number, instant(again_at)))?;
        reach.execute((channel, priority, turn))?;
        // an unreadable one, such as a later release's, must not block others; `check` reports it
        if let Ok(message) = read_body("notice", &text) {
            taken.push(WaitingMessage {
                number: counter(number),
                attempts,
                message,
            });
        }
    }
    Ok(taken)
}

pub(super) fn delivered(
    tx: &Transaction<'_>,
    channel: &str,
    told: u64,
) -> Result<(), StorageFault> {
    tx.prepare("DELETE FROM deliveries WHERE channel = ?1 AND number = ?2")?
        .execute((channel, number(told)))?;
    Ok(())
}

pub(super) fn postponed(
    tx: &Transaction<'_>,
    channel: &str,
    told: u64,
    again_at: Timestamp,
) -> Result<(), StorageFault> {
    tx.prepare("UPDATE deliveries SET due = ?3 WHERE channel = ?1 AND number = ?2")?
        .execute((channel, number(told), instant(again_at)))?;
    Ok(())
}

pub(super) fn release_notices(
    tx: &Transaction<'_>,
    later_than: Timestamp,
) -> Result<u64, StorageFault> {
    let released = tx
        .prepare("UPDATE deliveries SET due = '' WHERE due > ?1")?
        .execute([instant(later_than)])?;
    Ok(u64::try_from(released).unwrap_or(u64::MAX))
}

pub(super) fn prune(tx: &Transaction<'_>, before: Timestamp) -> Result<u64, StorageFault> {
    let before = instant(before);
    let dropped = tx
        .prepare(
            "DELETE FROM deliveries
             WHERE number IN (SELECT number FROM notices WHERE at < ?1)
                OR channel IN (SELECT name FROM channels WHERE seen_at < ?1)",
        )?
        .execute([&before])?;
    tx.prepare(
        "DELETE FROM delivery_turns
         WHERE channel IN (SELECT name FROM channels WHERE seen_at < ?1)",
    )?
    .execute([&before])?;
    tx.prepare("DELETE FROM channels WHERE seen_at < ?1")?
        .execute([&before])?;
    Ok(u64::try_from(dropped).unwrap_or(u64::MAX))
}
