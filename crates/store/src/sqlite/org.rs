//! What plans about policies leave behind in SQLite: drills, and the ends of revocations.

use async_trait::async_trait;
use hallpass_org::{Drill, OrgStore, Revocation, RevocationEntry};
use hallpass_runner::StoreFault;
use rusqlite::OptionalExtension;

use super::SqliteStore;
use crate::rows::{body, instant, read_body};

#[async_trait]
impl OrgStore for SqliteStore {
    async fn keep_drill(&self, drill: &Drill) -> Result<(), StoreFault> {
        let drill = drill.clone();
        Ok(self
            .write(move |tx| {
                tx.prepare_cached(
                    "INSERT INTO drills (id, ends_at, body) VALUES (?1, ?2, ?3)
                     ON CONFLICT (id) DO UPDATE
                     SET ends_at = excluded.ends_at, body = excluded.body",
                )?
                .execute((&drill.id, instant(drill.ends_at), body(&drill)?))?;
                Ok(())
            })
            .await?)
    }

    async fn drill(&self, id: &str) -> Result<Option<Drill>, StoreFault> {
        let id = id.to_owned();
        Ok(self
            .read(move |tx| {
                let text: Option<String> = tx
                    .prepare_cached("SELECT body FROM drills WHERE id = ?1")?
                    .query_row([id], |row| row.get(0))
                    .optional()?;
                text.map(|text| read_body("drill", &text)).transpose()
            })
            .await?)
    }

    async fn drills(&self) -> Result<Vec<Drill>, StoreFault> {
        Ok(self
            .read(|tx| {
                let texts = tx
                    .prepare_cached("SELECT body FROM drills ORDER BY ends_at DESC, id")?
                    .query_map([], |row| row.get(0))?
                    .collect::<Result<Vec<String>, _>>()?;
                texts.iter().map(|text| read_body("drill", text)).collect()
            })
            .await?)
    }

    async fn keep_revocations(&self, rows: &[Revocation]) -> Result<(), StoreFault> {
        let rows = rows.to_vec();
        Ok(self
            .write(move |tx| {
                let mut keep = tx.prepare_cached(
                    "INSERT INTO revocations (policy, entry, ends_at, body)
                     VALUES (?1, ?2, ?3, ?4)
                     ON CONFLICT (policy, entry) DO UPDATE
                     SET ends_at = excluded.ends_at, body = excluded.body",
                )?;
                for row in &rows {
                    let entry = body(&row.entry)?;
                    keep.execute((&row.policy, entry, instant(row.ends_at), body(row)?))?;
                }
                Ok(())
            })
            .await?)
    }

    async fn drop_revocations(
        &self,
        policy: &str,
        entries: &[RevocationEntry],
    ) -> Result<(), StoreFault> {
        let (policy, entries) = (policy.to_owned(), entries.to_vec());
        Ok(self
            .write(move |tx| {
                let mut forget =
                    tx.prepare_cached("DELETE FROM revocations WHERE policy = ?1 AND entry = ?2")?;
                for entry in &entries {
                    forget.execute((&policy, body(entry)?))?;
                }
                Ok(())
            })
            .await?)
    }

    async fn revocations(&self) -> Result<Vec<Revocation>, StoreFault> {
        Ok(self
            .read(|tx| {
                let texts = tx
                    .prepare_cached("SELECT body FROM revocations ORDER BY policy, entry")?
                    .query_map([], |row| row.get(0))?
                    .collect::<Result<Vec<String>, _>>()?;
                texts
                    .iter()
                    .map(|text| read_body("revocation", text))
                    .collect()
            })
            .await?)
    }
}
