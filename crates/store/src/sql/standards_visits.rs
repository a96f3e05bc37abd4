//! Accounts due for standards checks, in tables. A started plan has a separate column: it survives
//! new requests.

use async_trait::async_trait;
use hallpass_base::Timestamp;
use hallpass_enforcement::standards_visits::{AppliedFile, StandardsVisit, VisitStore};
use hallpass_plans::{PlanId, StoreFault};

use super::SqlStore;
use crate::database::Optional;
use crate::rows::{body, read_body};

#[async_trait]
impl VisitStore for SqlStore {
    async fn ask_visits(&self, visits: &[StandardsVisit]) -> Result<(), StoreFault> {
        let visits = visits.to_vec();
        Ok(self
            .write(move |tx| {
                let mut ask = tx.prepare(
                    "INSERT INTO standards_visits (account, asked_at, due, looks, body)
                     VALUES (?1, ?2, ?3, ?4, ?5)
                     ON CONFLICT (account) DO UPDATE
                     SET asked_at = excluded.asked_at, due = excluded.due, looks = excluded.looks,
                         body = excluded.body",
                )?;
                for visit in &visits {
                    ask.execute((
                        visit.account.as_str(),
                        visit.asked_at.as_millisecond(),
                        visit.due.as_millisecond(),
                        visit.looks,
                        body(visit)?,
                    ))?;
                }
                Ok(())
            })
            .await?)
    }

    async fn due_visits(
        &self,
        now: Timestamp,
        most: u32,
    ) -> Result<Vec<StandardsVisit>, StoreFault> {
        Ok(self
            .read(move |tx| {
                let rows = tx
                    .prepare(
                        "SELECT body, plan FROM standards_visits WHERE due <= ?1
                         ORDER BY due, account LIMIT ?2",
                    )?
                    .query_map((now.as_millisecond(), most), |row| {
                        Ok((row.get(0)?, row.get(1)?))
                    })?
                    .collect::<Result<Vec<(String, Option<String>)>, _>>()?;
                let visits = rows.iter().map(|(text, plan)| {
                    let visit: StandardsVisit = read_body("visit", text)?;
                    let plan = plan.as_ref().map(PlanId::named);
                    Ok(StandardsVisit { plan, ..visit })
                });
                visits.collect()
            })
            .await?)
    }

    async fn settle_visit(
        &self,
        before: &StandardsVisit,
        then: Option<&StandardsVisit>,
    ) -> Result<bool, StoreFault> {
        let (before, then) = (before.clone(), then.cloned());
        Ok(self
            .write(move |tx| {
                let (account, asked_at) = (
                    before.account.as_str().to_owned(),
                    before.asked_at.as_millisecond(),
                );
                let Some(then) = then else {
                    let gone = tx
                        .prepare(
                            "DELETE FROM standards_visits
                             WHERE account = ?1 AND asked_at = ?2 AND looks = ?3",
                        )?
                        .execute((account, asked_at, before.looks))?;
                    return Ok(gone == 1);
                };
                let plan = then.plan.as_ref().map(|it| it.as_str().to_owned());
                let written = tx
                    .prepare(
                        "UPDATE standards_visits SET due = ?4, looks = ?5, plan = ?6, body = ?7
                         WHERE account = ?1 AND asked_at = ?2 AND looks = ?3",
                    )?
                    .execute((
                        account,
                        asked_at,
                        before.looks,
                        then.due.as_millisecond(),
                        then.looks,
                        plan,
                        body(&then)?,
                    ))?;
                Ok(written == 1)
            })
            .await?)
    }

    async fn last_sweep(&self) -> Result<Option<Timestamp>, StoreFault> {
        Ok(self
            .read(|tx| {
                let at: Option<i64> = tx
                    .prepare("SELECT at FROM standards_sweep")?
                    .query_row([], |row| row.get(0))
                    .optional()?;
                Ok(at.and_then(|it| Timestamp::from_millisecond(it).ok()))
            })
            .await?)
    }

    async fn swept(&self, at: Timestamp) -> Result<(), StoreFault> {
        Ok(self
            .write(move |tx| {
                tx.prepare(
                    "INSERT INTO standards_sweep (only, at) VALUES (1, ?1)
                     ON CONFLICT (only) DO UPDATE SET at = excluded.at",
                )?
                .execute([at.as_millisecond()])?;
                Ok(())
            })
            .await?)
    }

    async fn file_applied(&self, file: &AppliedFile) -> Result<(), StoreFault> {
        let file = file.clone();
        Ok(self
            .write(move |tx| {
                tx.prepare(
                    "INSERT INTO standards_applied (only, hash, at, by) VALUES (1, ?1, ?2, ?3)
                     ON CONFLICT (only) DO UPDATE
                     SET hash = excluded.hash, at = excluded.at, by = excluded.by
                     WHERE standards_applied.hash <> excluded.hash",
                )?
                .execute((file.hash, file.at.as_millisecond(), file.by))?;
                Ok(())
            })
            .await?)
    }

    async fn last_applied(&self) -> Result<Option<AppliedFile>, StoreFault> {
        Ok(self
            .read(|tx| {
                let found: Option<(String, i64, String)> = tx
                    .prepare("SELECT hash, at, by FROM standards_applied")?
                    .query_row([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))
                    .optional()?;
                Ok(found.and_then(|(hash, at, by)| {
                    let at = Timestamp::from_millisecond(at).ok()?;
                    Some(AppliedFile { hash, at, by })
                }))
            })
            .await?)
    }

    async fn take_change(
        &self,
        visit: &StandardsVisit,
        day: &str,
        most: usize,
    ) -> Result<bool, StoreFault> {
        let (day, account) = (day.to_owned(), visit.account.as_str().to_owned());
        let asked_at = visit.asked_at.as_millisecond();
        let most = i64::try_from(most).unwrap_or(i64::MAX);
        Ok(self
            .write(move |tx| {
                // deletes the counts of other days
                tx.prepare("DELETE FROM standards_changes WHERE day <> ?1")?
                    .execute([&day])?;
                tx.prepare(
                    "INSERT INTO standards_changes (day, account, asked_at)
                     SELECT ?1, ?2, ?3 WHERE
                     (SELECT count(*) FROM standards_changes WHERE day = ?1) < ?4
                     ON CONFLICT DO NOTHING",
                )?
                .execute((&day, &account, asked_at, most))?;
                let has = tx
                    .prepare(
                        "SELECT 1 FROM standards_changes
                         WHERE day = ?1 AND account = ?2 AND asked_at = ?3",
                    )?
                    .exists((&day, &account, asked_at))?;
                Ok(has)
            })
            .await?)
    }

    async fn changes_taken(&self, day: &str) -> Result<usize, StoreFault> {
        let day = day.to_owned();
        Ok(self
            .read(move |tx| {
                let taken: i64 = tx
                    .prepare("SELECT count(*) FROM standards_changes WHERE day = ?1")?
                    .query_row([&day], |row| row.get(0))?;
                Ok(usize::try_from(taken).unwrap_or(usize::MAX))
            })
            .await?)
    }
}
