//! Assignment rows in SQLite.

use async_trait::async_trait;
use hallpass_assignments::{AssignmentStore, Begin, Lease, Leased, Row, StoreFault};
use hallpass_model::{HoldKey, Timestamp};
use rusqlite::{OptionalExtension, Transaction, named_params};

use super::{Refused, SqliteStore, number, refusal};
use crate::fault::Fault;
use crate::rows::{account_of, body, instant, read_body, read_instant};
use crate::steps::{begun, recorded};

/// The row of a key.
pub(super) fn load(tx: &Transaction<'_>, key: &HoldKey) -> Result<Option<Row>, Fault> {
    let text: Option<String> = tx
        .prepare_cached("SELECT body FROM assignments WHERE hold_key = ?1")?
        .query_row([key.to_string()], |row| row.get(0))
        .optional()?;
    text.map(|text| read_body("assignment", &text)).transpose()
}

/// Stores a row in place of the one of its key, and leaves its lease alone.
pub(super) fn update(tx: &Transaction<'_>, row: &Row) -> Result<(), Fault> {
    let written = tx
        .prepare_cached(
            "UPDATE assignments SET rev = :rev, until = :until, asked_at = :asked_at, due = :due,
             verdict = :verdict, news = :news, operation = :operation, body = :body
         WHERE hold_key = :hold_key",
        )?
        .execute(named_params! {
            ":hold_key": row.key.to_string(),
            ":rev": number(row.desired.rev),
            ":until": instant(row.desired.until),
            ":asked_at": instant(row.desired.asked_at),
            ":due": instant(row.execution.due),
            ":verdict": row.execution.verdict.name(),
            ":news": number(row.news),
            ":operation": row.execution.operation.as_ref().map(|operation| operation.kind.name()),
            ":body": body(row)?,
        });
    match written {
        Ok(_) => Ok(()),
        Err(error) => Err(match refusal(&error) {
            Some(Refused::Twin) => Fault::Unavailable(format!(
                "lane {} has another operation in flight (this is a bug)",
                row.key.lane()
            )),
            Some(Refused::Trigger) | None => error.into(),
        }),
    }
}

/// The row of a key, if it is under this lease.
fn load_leased(tx: &Transaction<'_>, key: &HoldKey, lease: &Lease) -> Result<Row, Fault> {
    let text: String = tx
        .prepare_cached("SELECT body FROM assignments WHERE hold_key = ?1 AND lease_token = ?2")?
        .query_row((key.to_string(), &lease.token), |row| row.get(0))
        .optional()?
        .ok_or_else(|| Fault::Fenced(key.clone()))?;
    read_body("assignment", &text)
}

impl SqliteStore {
    /// Ends every lease, and returns how many there were. For the start of the only process that
    /// works on the file: leases of one that was killed would keep its rows waiting until they run
    /// out. Should that process live on after all, its writes are refused as with any lost lease.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn free_leases(&self) -> Result<usize, StoreFault> {
        Ok(self
            .write(|tx| {
                Ok(tx.execute(
                    "UPDATE assignments SET lease_token = NULL, lease_until = NULL
                     WHERE lease_token IS NOT NULL",
                    (),
                )?)
            })
            .await?)
    }
}

fn lease_due(
    tx: &Transaction<'_>,
    now: Timestamp,
    limit: u32,
    lease: &Lease,
) -> Result<Vec<Leased>, Fault> {
    // the order of `steps::place_in_queue`
    let texts = tx
        .prepare_cached(
            "SELECT body FROM assignments
             WHERE due <= ?1 AND (lease_until IS NULL OR lease_until <= ?1)
             ORDER BY
                 CASE WHEN until <= ?1 THEN 0 WHEN verdict <> 'present' THEN 1 ELSE 2 END,
                 CASE WHEN until <= ?1 THEN until
                      WHEN verdict <> 'present' THEN asked_at
                      ELSE due END,
                 hold_key
             LIMIT ?2",
        )?
        .query_map((instant(now), i64::from(limit)), |row| row.get(0))?
        .collect::<Result<Vec<String>, _>>()?;
    let mut take = tx.prepare_cached(
        "UPDATE assignments SET lease_token = ?2, lease_until = ?3 WHERE hold_key = ?1",
    )?;
    texts
        .iter()
        .map(|text| {
            let row: Row = read_body("assignment", text)?;
            take.execute((row.key.to_string(), &lease.token, instant(lease.until)))?;
            Ok(Leased {
                row,
                lease: lease.clone(),
            })
        })
        .collect()
}

fn begin(tx: &Transaction<'_>, intent: &Row, lease: &Lease, max: u32) -> Result<Begin, Fault> {
    let stored = load_leased(tx, &intent.key, lease)?;
    let key = intent.key.to_string();
    if account_of(&intent.key.target).is_some() {
        let outstanding: i64 = tx
            .prepare_cached(
                "SELECT count(*) FROM assignments
                 WHERE operation IS NOT NULL AND kind = 'account' AND hold_key <> ?1",
            )?
            .query_row([&key], |row| row.get(0))?;
        if outstanding >= i64::from(max) {
            return Ok(Begin::Busy);
        }
    }
    let is_lane_taken: bool = tx
        .prepare_cached(
            "SELECT EXISTS (SELECT 1 FROM assignments
             WHERE operation IS NOT NULL AND lane = ?1 AND hold_key <> ?2)",
        )?
        .query_row((intent.key.lane(), &key), |row| row.get(0))?;
    if is_lane_taken {
        return Ok(Begin::Busy);
    }
    match begun(stored, intent) {
        Some(row) => update(tx, &row).map(|()| Begin::Stored),
        None => Ok(Begin::Busy),
    }
}

fn record(tx: &Transaction<'_>, learned: &Row, lease: &Lease, news: bool) -> Result<Row, Fault> {
    let row = recorded(load_leased(tx, &learned.key, lease)?, learned, news);
    update(tx, &row)?;
    Ok(row)
}

fn next_due(tx: &Transaction<'_>) -> Result<Option<Timestamp>, Fault> {
    // without a clock nobody knows which leases ran out: a leased row waits for its lease's end
    let text: Option<String> = tx
        .prepare_cached("SELECT min(max(due, coalesce(lease_until, ''))) FROM assignments")?
        .query_row([], |row| row.get(0))?;
    text.map(|text| read_instant(&text)).transpose()
}

#[async_trait]
impl AssignmentStore for SqliteStore {
    async fn lease_due(
        &self,
        now: Timestamp,
        limit: u32,
        lease: &Lease,
    ) -> Result<Vec<Leased>, StoreFault> {
        let lease = lease.clone();
        Ok(self
            .write(move |tx| lease_due(tx, now, limit, &lease))
            .await?)
    }

    async fn begin(
        &self,
        row: &Row,
        lease: &Lease,
        outstanding_max: u32,
    ) -> Result<Begin, StoreFault> {
        let (row, lease) = (row.clone(), lease.clone());
        Ok(self
            .write(move |tx| begin(tx, &row, &lease, outstanding_max))
            .await?)
    }

    async fn record(&self, row: &Row, lease: &Lease, news: bool) -> Result<Row, StoreFault> {
        let (row, lease) = (row.clone(), lease.clone());
        Ok(self.write(move |tx| record(tx, &row, &lease, news)).await?)
    }

    async fn release(&self, key: &HoldKey, lease: &Lease) -> Result<(), StoreFault> {
        let (key, token) = (key.to_string(), lease.token.clone());
        Ok(self
            .write(move |tx| {
                tx.prepare_cached(
                    "UPDATE assignments SET lease_token = NULL, lease_until = NULL
                     WHERE hold_key = ?1 AND lease_token = ?2",
                )?
                .execute((key, token))?;
                Ok(())
            })
            .await?)
    }

    async fn assignment(&self, key: &HoldKey) -> Result<Option<Row>, StoreFault> {
        let key = key.clone();
        Ok(self.read(move |tx| load(tx, &key)).await?)
    }

    async fn assignments(&self) -> Result<Vec<Row>, StoreFault> {
        Ok(self
            .read(|tx| {
                let texts = tx
                    .prepare_cached("SELECT body FROM assignments ORDER BY hold_key")?
                    .query_map([], |row| row.get(0))?
                    .collect::<Result<Vec<String>, _>>()?;
                texts
                    .iter()
                    .map(|text| read_body("assignment", text))
                    .collect()
            })
            .await?)
    }

    async fn poke(&self, key: &HoldKey, now: Timestamp) -> Result<(), StoreFault> {
        let key = key.clone();
        Ok(self
            .write(move |tx| {
                let Some(mut row) = load(tx, &key)? else {
                    return Ok(());
                };
                if row.execution.due <= now {
                    return Ok(());
                }
                row.execution.due = now;
                update(tx, &row)
            })
            .await?)
    }

    async fn next_due(&self) -> Result<Option<Timestamp>, StoreFault> {
        Ok(self.read(next_due).await?)
    }
}
