//! Remains of plans in tables: drills, ends of revocations, and reported waiting steps.

use async_trait::async_trait;
use hallpass_base::{TimeSpan, Timestamp};
use hallpass_enforcement::{Drill, OrgStore, Revocation};
use hallpass_plans::{StepId, StepNews, StoreFault};

use super::{SqlStore, counter};
use crate::database::Optional;
use crate::rows::{body, instant, read_body};

const NEWS_KEPT: TimeSpan = TimeSpan::hours(30 * 24);

#[async_trait]
impl OrgStore for SqlStore {
    async fn keep_drill(&self, drill: &Drill) -> Result<(), StoreFault> {
        let drill = drill.clone();
        Ok(self
            .write(move |tx| {
                tx.prepare(
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
                    .prepare("SELECT body FROM drills WHERE id = ?1")?
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
                    .prepare("SELECT body FROM drills ORDER BY ends_at DESC, id")?
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
                let mut keep = tx.prepare(
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

    async fn drop_revocations(&self, rows: &[Revocation]) -> Result<(), StoreFault> {
        let rows = rows.to_vec();
        Ok(self
            .write(move |tx| {
                let mut forget =
                    tx.prepare("DELETE FROM revocations WHERE policy = ?1 AND entry = ?2")?;
                for row in &rows {
                    forget.execute((&row.policy, body(&row.entry)?))?;
                }
                Ok(())
            })
            .await?)
    }

    async fn revocations(&self) -> Result<Vec<Revocation>, StoreFault> {
        Ok(self
            .read(|tx| {
                let texts = tx
                    .prepare("SELECT body FROM revocations ORDER BY policy, entry")?
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

#[async_trait]
impl StepNews for SqlStore {
    async fn tell(&self, steps: &[StepId], at: Timestamp) -> Result<(), StoreFault> {
        let steps = steps.to_vec();
        Ok(self
            .write(move |tx| {
                let mut tell = tx.prepare(
                    "INSERT INTO step_news (step, told, at) VALUES (?1, 1, ?2)
                     ON CONFLICT (step) DO UPDATE SET told = step_news.told + 1, at = excluded.at",
                )?;
                for step in &steps {
                    tell.execute((step.as_str(), at.as_millisecond()))?;
                }
                let before = NEWS_KEPT.before(at);
                tx.prepare("DELETE FROM step_news WHERE at < ?1")?
                    .execute([before.as_millisecond()])?;
                Ok(())
            })
            .await?)
    }

    async fn told(&self, step: &StepId) -> Result<u64, StoreFault> {
        let step = step.clone();
        Ok(self
            .read(move |tx| {
                let told: Option<i64> = tx
                    .prepare("SELECT told FROM step_news WHERE step = ?1")?
                    .query_row([step.as_str()], |row| row.get(0))
                    .optional()?;
                Ok(told.map_or(0, counter))
            })
            .await?)
    }
}
