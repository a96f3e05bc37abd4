//! Assignment rows in tables.

use async_trait::async_trait;
use hallpass_assignments::queue::{QueueLengths, QueuePosition, Slot};
use hallpass_assignments::{
    AssignmentRow, AssignmentStore, EndPriority, Lease, NotedOver, OperationKind, Over, OwnedEnd,
    StoreFault, Taken, Task, is_lease_from_future, queue,
};
use hallpass_base::{HoldKey, TimeSpan, Timestamp};

use super::assignment_rows::{KIND, load, read_row, stored};
use super::unreadable::{each_body, or_told};
use super::{SqlStore, ends, number, queue_columns};
use crate::database::{ConstraintRefusal, Optional, Params, Transaction, named};
use crate::fault::StorageFault;
use crate::rows::{body, instant, read_body, read_instant};
use crate::steps::{begun, noted_over, picked, recorded};

/// Retry delay of an unreadable row, which blocks no other.
const UNREADABLE_AGAIN: TimeSpan = TimeSpan::minutes(5);
/// Maximum rows postponed per write, so that other writers wait little.
const PUT_OFF_AT_ONCE: u32 = 20;

pub(super) fn update(tx: &Transaction<'_>, row: &AssignmentRow) -> Result<(), StorageFault> {
    let standing = QueuePosition::of(row);
    let written = tx
        .prepare(
            "UPDATE assignments SET rev = :rev, until = :until, asked_at = :asked_at, due = :due,
             verdict = :verdict, news = :news, operation = :operation, at_once = :at_once,
             unwanted_from = :unwanted_from, while_wanted = :while_wanted,
             once_unwanted = :once_unwanted, accepted = :accepted, body = :body
         WHERE hold_key = :hold_key",
        )?
        .execute(named! {
            ":hold_key": row.key.to_string(),
            ":rev": number(row.desired.rev),
            ":until": instant(row.desired.until),
            ":asked_at": instant(row.desired.asked_at),
            ":due": instant(row.execution.due),
            ":verdict": row.execution.verdict.name(),
            ":news": number(row.verdict_rev),
            ":operation": standing.in_flight.map(OperationKind::name),
            ":at_once": standing.haste == EndPriority::AtOnce,
            ":unwanted_from": instant(standing.unwanted_from),
            ":while_wanted": standing.while_wanted.name(),
            ":once_unwanted": standing.once_unwanted.name(),
            ":accepted": standing.is_accepted,
            ":body": body(row)?,
        });
    match written {
        Ok(_) => Ok(()),
        Err(error) => Err(match error.refusal() {
            Some(ConstraintRefusal::Twin) => StorageFault::Unavailable(format!(
                "lane {} has another operation in flight: this waits for it",
                row.key.lane()
            )),
            Some(ConstraintRefusal::Trigger) | None => error.into(),
        }),
    }
}

fn load_leased(
    tx: &Transaction<'_>,
    key: &HoldKey,
    lease: &Lease,
) -> Result<AssignmentRow, StorageFault> {
    let text: String = tx
        .prepare("SELECT body FROM assignments WHERE hold_key = ?1 AND lease_token = ?2")?
        .query_row((key.to_string(), &lease.token), |row| row.get(0))
        .optional()?
        .ok_or_else(|| StorageFault::Fenced(key.clone()))?;
    read_body(KIND, &text)
}

fn give_back(tx: &Transaction<'_>, key: &HoldKey, lease: &Lease) -> Result<(), StorageFault> {
    tx.prepare(
        "UPDATE assignments SET lease_token = NULL, lease_until = NULL
         WHERE hold_key = ?1 AND lease_token = ?2",
    )?
    .execute((key.to_string(), &lease.token))?;
    Ok(())
}

impl SqlStore {
    /// Ends every lease; returns their number. For the start of a file's only process: a killed
    /// process's leases would block its rows until they expire. If that process lives, its writes
    /// are refused like any lost lease.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn free_leases(&self) -> Result<usize, StoreFault> {
        Ok(self
            .write_for_ends(|tx| {
                Ok(tx
                    .prepare(
                        "UPDATE assignments SET lease_token = NULL, lease_until = NULL
                         WHERE lease_token IS NOT NULL",
                    )?
                    .execute(())?)
            })
            .await?)
    }
}

/// Postpones an unreadable row. Its operation's outcome is unknown, but must not block lane and
/// slot forever: if AWS still works on it, AWS refuses the next, which is retried. Other columns
/// stay.
fn put_off(tx: &Transaction<'_>, key: &str, due: Timestamp) -> Result<(), StorageFault> {
    tx.prepare(
        "UPDATE assignments SET due = ?2, operation = NULL, accepted = 0 WHERE hold_key = ?1",
    )?
    .execute((key, instant(due)))?;
    Ok(())
}

fn take(
    tx: &Transaction<'_>,
    now: Timestamp,
    room: &queue::Room,
    lease: &Lease,
) -> Result<Taken, StorageFault> {
    let mut behind = 0;
    let (mut taken, head, stored) = loop {
        let heads = queue_columns::heads(tx, now, room)?;
        let (mut taken, head) = picked(&heads, room);
        let Some(head) = head else {
            return Ok(taken);
        };
        let Some(read) = stored(tx, &head.key)? else {
            return Ok(taken);
        };
        if let Some(stored) = or_told(KIND, &head.key, read) {
            break (taken, head.clone(), stored);
        }
        if behind == PUT_OFF_AT_ONCE {
            taken.is_cut_short = true;
            return Ok(taken);
        }
        put_off(tx, &head.key, UNREADABLE_AGAIN.after(now))?;
        behind += 1;
    };
    tx.prepare("UPDATE assignments SET lease_token = ?2, lease_until = ?3 WHERE hold_key = ?1")?
        .execute((&head.key, &lease.token, instant(lease.until)))?;
    let task = queue::task(stored.clone(), head.queue, now);
    if let Task::Send { intent, .. } = &task {
        update(tx, &begun(stored, intent))?;
        taken.in_flight = queue_columns::in_flight(tx)?;
    }
    taken.task = Some(task);
    Ok(taken)
}

fn record(
    tx: &Transaction<'_>,
    learned: &AssignmentRow,
    lease: &Lease,
    news: bool,
) -> Result<(), StorageFault> {
    let row = recorded(load_leased(tx, &learned.key, lease)?, learned, news);
    update(tx, &row)?;
    give_back(tx, &learned.key, lease)
}

fn rows(
    tx: &Transaction<'_>,
    sql: &str,
    params: impl Params,
) -> Result<Vec<AssignmentRow>, StorageFault> {
    let mut rows = Vec::new();
    each_body(tx, (sql, params), |name, text| {
        rows.extend(or_told(KIND, &name, read_row(text)));
    })?;
    Ok(rows)
}

fn note_over(
    tx: &Transaction<'_>,
    over: &[Over],
    at: Timestamp,
    due: Timestamp,
) -> Result<u32, StorageFault> {
    let mut noted = 0;
    for one in over {
        let text = tx
            .prepare(
                "SELECT body FROM assignments WHERE hold_key = ?1
                 AND (lease_until IS NULL OR lease_until <= ?2)",
            )?
            .query_row((one.key.to_string(), instant(at)), |row| {
                Ok(row.get::<String>(0))
            })
            .optional()?;
        let stored = text.and_then(|text| or_told(KIND, &one.key.to_string(), read_row(text)));
        if let Some(row) = stored.and_then(|row| noted_over(row, one, at, due)) {
            update(tx, &row)?;
            noted += 1;
        }
    }
    Ok(noted)
}

/// Rows overdue by this are checked one by one.
const PUT_OFF_FROM: TimeSpan = TimeSpan::minutes(2);
/// Rows overdue by this are always postponed.
const PUT_OFF_FOR_CERTAIN: TimeSpan = TimeSpan::minutes(15);

fn forget_future(tx: &Transaction<'_>, now: Timestamp) -> Result<u32, StorageFault> {
    let found = rows(
        tx,
        "SELECT hold_key, body FROM assignments
         WHERE due > ?1 AND (due > ?2 OR verdict = 'working' OR operation IS NOT NULL)
         AND (lease_until IS NULL OR lease_until <= ?3)",
        (
            instant(PUT_OFF_FROM.after(now)),
            instant(PUT_OFF_FOR_CERTAIN.after(now)),
            instant(now),
        ),
    )?;
    let mut count = 0;
    for row in found.into_iter().filter(|row| row.is_put_off(now)) {
        update(tx, &row.clamped(now))?;
        count += 1;
    }
    let leases = tx
        .prepare("SELECT hold_key, lease_until FROM assignments WHERE lease_until > ?1")?
        .query_map([instant(now)], |row| Ok((row.get(0)?, row.get(1)?)))?
        .collect::<Result<Vec<(String, String)>, _>>()?;
    for (key, until) in leases {
        if is_lease_from_future(read_instant(&until)?, now) {
            tx.prepare(
                "UPDATE assignments SET lease_token = NULL, lease_until = NULL WHERE hold_key = ?1",
            )?
            .execute([key])?;
            count += 1;
        }
    }
    Ok(count)
}

fn next_due(tx: &Transaction<'_>, now: Timestamp) -> Result<Option<Timestamp>, StorageFault> {
    let text: Option<String> = tx
        .prepare(
            "SELECT min(next) FROM (
                 SELECT min(due) AS next FROM assignments WHERE due > ?1
                 UNION ALL SELECT min(unwanted_from) FROM assignments WHERE unwanted_from > ?1
                 UNION ALL SELECT min(lease_until) FROM assignments WHERE lease_until > ?1)
             AS found",
        )?
        .query_row([instant(now)], |row| row.get(0))?;
    text.map(|text| read_instant(&text)).transpose()
}

fn count_of(value: i64) -> u32 {
    u32::try_from(value).unwrap_or(u32::MAX)
}

/// Counts waiting grants: first looks and next creates, one index each.
pub(super) const GRANTS_WAITING: &str = "
    SELECT (SELECT count(*) FROM assignments INDEXED BY assignments_creates
            WHERE while_wanted = 'create' AND due <= ?1 AND unwanted_from > ?1)
         + (SELECT count(*) FROM assignments INDEXED BY assignments_grant_looks
            WHERE while_wanted IN ('look', 'poll') AND while_wanted <> 'poll'
            AND due <= ?1 AND unwanted_from > ?1)";

/// Counts those of one kind before one requested at `?2` and named `?3`.
pub(super) const GRANTS_BEFORE: &str = "
    SELECT (SELECT count(*) FROM assignments INDEXED BY assignments_creates
            WHERE while_wanted = 'create' AND kind = ?4 AND (asked_at, hold_key) < (?2, ?3)
            AND due <= ?1 AND unwanted_from > ?1)
         + (SELECT count(*) FROM assignments INDEXED BY assignments_grant_looks
            WHERE while_wanted IN ('look', 'poll') AND while_wanted <> 'poll' AND kind = ?4
            AND (asked_at, hold_key) < (?2, ?3) AND due <= ?1 AND unwanted_from > ?1)";

fn waiting(tx: &Transaction<'_>, now: Timestamp) -> Result<QueueLengths, StorageFault> {
    let ends = |at_once: bool| -> Result<(u32, Option<Timestamp>), StorageFault> {
        let (count, oldest): (i64, Option<String>) = tx
            .prepare(
                "SELECT count(*), min(unwanted_from) FROM assignments WHERE once_unwanted = 'delete'
                 AND kind IN ('account', 'group') AND at_once = ?1 AND unwanted_from <= ?2
                 AND due <= ?2",
            )?
            .query_row((at_once, instant(now)), |row| Ok((row.get(0)?, row.get(1)?)))?;
        let oldest = oldest.as_deref().map(read_instant).transpose()?;
        Ok((count_of(count), oldest))
    };
    let grants: i64 = tx
        .prepare(GRANTS_WAITING)?
        .query_row([instant(now)], |row| row.get(0))?;
    let ((at_once, first_at_once), (ends, first_end)) = (ends(true)?, ends(false)?);
    Ok(QueueLengths {
        at_once,
        ends,
        grants: count_of(grants),
        oldest_end: first_at_once.into_iter().chain(first_end).min(),
    })
}

fn grants_before(
    tx: &Transaction<'_>,
    key: &HoldKey,
    now: Timestamp,
) -> Result<Option<u32>, StorageFault> {
    let Some(row) = load(tx, key)? else {
        return Ok(None);
    };
    let standing = QueuePosition::of(&row);
    if !standing.waits_for_grant(now) {
        return Ok(None);
    }
    let count: i64 = tx.prepare(GRANTS_BEFORE)?.query_row(
        (
            instant(now),
            instant(standing.asked_at),
            key.to_string(),
            queue_columns::kind(standing.slot),
        ),
        |row| row.get(0),
    )?;
    Ok(Some(count_of(count)))
}

#[async_trait]
impl AssignmentStore for SqlStore {
    async fn take(
        &self,
        now: Timestamp,
        room: &queue::Room,
        lease: &Lease,
    ) -> Result<Taken, StoreFault> {
        let (room, lease) = (*room, lease.clone());
        Ok(self
            .write_for_ends(move |tx| take(tx, now, &room, &lease))
            .await?)
    }

    async fn first(&self, now: Timestamp) -> Result<Option<AssignmentRow>, StoreFault> {
        Ok(self.read(move |tx| queue_columns::first(tx, now)).await?)
    }

    async fn record(&self, row: &AssignmentRow, by: &Lease, news: bool) -> Result<(), StoreFault> {
        let (row, by) = (row.clone(), by.clone());
        Ok(self
            .write_for_ends(move |tx| record(tx, &row, &by, news))
            .await?)
    }

    async fn in_flight(&self, kind: OperationKind) -> Result<Vec<AssignmentRow>, StoreFault> {
        Ok(self
            .read(move |tx| {
                rows(
                    tx,
                    "SELECT hold_key, body FROM assignments WHERE operation = ?1 AND kind = ?2
                     AND accepted = 1 ORDER BY hold_key",
                    (kind.name(), queue_columns::kind(Slot::Account)),
                )
            })
            .await?)
    }

    async fn note_over(&self, over: &[Over], at: Timestamp, due: Timestamp) -> NotedOver {
        let over = over.to_vec();
        Ok(self
            .write_for_ends(move |tx| note_over(tx, &over, at, due))
            .await?)
    }

    async fn assignment(&self, key: &HoldKey) -> Result<Option<AssignmentRow>, StoreFault> {
        let key = key.clone();
        Ok(self.read(move |tx| load(tx, &key)).await?)
    }

    async fn assignments(&self) -> Result<Vec<AssignmentRow>, StoreFault> {
        Ok(self
            .read(|tx| {
                rows(
                    tx,
                    "SELECT hold_key, body FROM assignments ORDER BY hold_key",
                    (),
                )
            })
            .await?)
    }

    async fn owned_ends(&self) -> Result<Vec<OwnedEnd>, StoreFault> {
        Ok(self.read(ends::owned).await?)
    }

    async fn next_due(&self, now: Timestamp) -> Result<Option<Timestamp>, StoreFault> {
        Ok(self.read(move |tx| next_due(tx, now)).await?)
    }

    async fn waiting(&self, now: Timestamp) -> Result<QueueLengths, StoreFault> {
        Ok(self.read(move |tx| waiting(tx, now)).await?)
    }

    async fn grants_before(
        &self,
        key: &HoldKey,
        now: Timestamp,
    ) -> Result<Option<u32>, StoreFault> {
        let key = key.clone();
        Ok(self.read(move |tx| grants_before(tx, &key, now)).await?)
    }

    async fn forget_future(&self, now: Timestamp) -> Result<u32, StoreFault> {
        Ok(self
            .write_for_ends(move |tx| forget_future(tx, now))
            .await?)
    }

    async fn free(&self, token: &str) -> Result<(), StoreFault> {
        let token = token.to_owned();
        let freed = self.write_for_ends(move |tx| {
            // leased rows are few, and have an index
            tx.prepare(
                "UPDATE assignments SET lease_token = NULL, lease_until = NULL
                 WHERE lease_until IS NOT NULL AND lease_token = ?1",
            )?
            .execute([token])?;
            Ok(())
        });
        Ok(freed.await?)
    }
}
