//! Sign-ins and logins in progress, so that one node completes another's.

use async_trait::async_trait;
use hallpass_access::identity::{HANDOVERS_MAX, Handed, HandoverFault, HandoverStore};
use hallpass_base::{TimeSpan, Timestamp};

use super::SqlStore;
use crate::database::{Optional, Transaction};
use crate::fault::StorageFault;
use crate::rows::instant;

impl From<StorageFault> for HandoverFault {
    fn from(fault: StorageFault) -> Self {
        Self(fault.text())
    }
}

#[async_trait]
impl HandoverStore for SqlStore {
    async fn keep(&self, kind: &str, key: &str, body: &str, until: Timestamp) -> Handed<()> {
        let (kind, key, body) = (kind.to_owned(), key.to_owned(), body.to_owned());
        let kept = self.write(move |tx| {
            make_room(tx, &kind, until)?;
            tx.prepare(
                "INSERT INTO handovers (kind, key, until, body) VALUES (?1, ?2, ?3, ?4)
                 ON CONFLICT (kind, key) DO UPDATE SET until = excluded.until, body = excluded.body",
            )?
            .execute((kind, key, instant(until), body))?;
            Ok(())
        });
        Ok(kept.await?)
    }

    async fn kept(&self, kind: &str, key: &str) -> Result<Option<String>, HandoverFault> {
        let (kind, key) = (kind.to_owned(), key.to_owned());
        let found = self.read(move |tx| {
            let found = tx
                .prepare("SELECT body FROM handovers WHERE kind = ?1 AND key = ?2")?
                .query_row((kind, key), |row| row.get(0));
            Ok(found.optional()?)
        });
        Ok(found.await?)
    }

    async fn exchange(&self, kind: &str, key: &str, was: &str, then: Option<&str>) -> Handed<bool> {
        let (kind, key, was) = (kind.to_owned(), key.to_owned(), was.to_owned());
        let then = then.map(str::to_owned);
        let changed = self.write(move |tx| {
            let changed = match then {
                Some(then) => tx
                    .prepare(
                        "UPDATE handovers SET body = ?4 WHERE kind = ?1 AND key = ?2 AND body = ?3",
                    )?
                    .execute((kind, key, was, then))?,
                None => tx
                    .prepare("DELETE FROM handovers WHERE kind = ?1 AND key = ?2 AND body = ?3")?
                    .execute((kind, key, was))?,
            };
            Ok(changed == 1)
        });
        Ok(changed.await?)
    }
}

/// Retention after the end.
const OVER_FOR: TimeSpan = TimeSpan::hours(1);

/// Deletes old entries, then those ending soonest while over the limit.
fn make_room(tx: &Transaction<'_>, kind: &str, until: Timestamp) -> Result<(), StorageFault> {
    tx.prepare("DELETE FROM handovers WHERE kind = ?1 AND until < ?2")?
        .execute((kind, instant(OVER_FOR.before(until))))?;
    let count: i64 = tx
        .prepare("SELECT count(*) FROM handovers WHERE kind = ?1")?
        .query_row([kind], |row| row.get(0))?;
    let most = i64::try_from(HANDOVERS_MAX).unwrap_or(i64::MAX);
    if count >= most {
        tx.prepare(
            "DELETE FROM handovers WHERE kind = ?1 AND key IN (
                 SELECT key FROM handovers WHERE kind = ?1 ORDER BY until, key LIMIT ?2)",
        )?
        .execute((kind, count - most + 1))?;
    }
    Ok(())
}
