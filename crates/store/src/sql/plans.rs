//! Plans, journals and lanes in tables. Records are durable when a call returns, with the change's
//! audit record (promise P6).

use async_trait::async_trait;
use hallpass_audit::{Draft, Event, Origin};
use hallpass_plans::{
    JournalAddition, LaneClaim, LeaseAnswer, Plan, PlanId, PlanStore, PlansOfKind, Saved,
    StoreFault, Stored, TargetChange, UnreadPlan,
};

use super::{SqlStore, audit, counter, number};
use crate::database::{DatabaseError, Optional, TableRow, Transaction};
use crate::fault::StorageFault;
use crate::rows::{body, instant, read_body, read_instant};

fn draft(change: &TargetChange) -> Draft {
    let event = Event::PlanChanged;
    Draft::new(change.audit, event, change.at, &change.actor, Origin::Cli)
        .planned(
            change.plan.as_str(),
            &change.plan_kind,
            &change.step_kind,
            &change.target.to_string(),
        )
        .changed(change.old.clone(), change.new.clone())
}

fn save(tx: &Transaction<'_>, plan: &Plan) -> Result<(), StorageFault> {
    tx.prepare(
        "INSERT INTO plans (id, number, aborted, kind, body)
         VALUES (?1, (SELECT coalesce(max(number), 0) + 1 FROM plans), 0, ?2, ?3)
         ON CONFLICT (id) DO UPDATE
         SET number = excluded.number, aborted = 0, kind = excluded.kind, body = excluded.body",
    )?
    .execute((plan.id.as_str(), plan.kind.as_str(), body(plan)?))?;
    Ok(())
}

struct PlanRow {
    id: String,
    aborted: bool,
    body: String,
}

impl PlanRow {
    fn read(row: &TableRow<'_>) -> Result<Self, DatabaseError> {
        Ok(Self {
            id: row.get(0)?,
            aborted: row.get(1)?,
            body: row.get(2)?,
        })
    }

    fn saved(&self) -> Result<Saved, StorageFault> {
        Ok(Saved {
            plan: read_body("plan", &self.body)?,
            aborted: self.aborted,
        })
    }

    /// Logs an unreadable plan, of a later release or damaged, which hides no other.
    fn saved_or_told(self) -> Result<Saved, UnreadPlan> {
        self.saved().map_err(|fault| {
            let why = fault.text();
            tracing::error!(
                plan = self.id,
                error = why,
                "a plan cannot be read, and is left out; `hallpass server store check` names it, too"
            );
            UnreadPlan {
                id: PlanId::named(self.id),
                why,
            }
        })
    }
}

fn newest(tx: &Transaction<'_>, limit: u32) -> Result<Vec<Saved>, StorageFault> {
    let rows = tx
        .prepare("SELECT id, aborted, body FROM plans ORDER BY number DESC LIMIT ?1")?
        .query_map([i64::from(limit)], PlanRow::read)?
        .collect::<Result<Vec<_>, _>>()?;
    let read = rows.into_iter().map(PlanRow::saved_or_told);
    Ok(read.filter_map(Result::ok).collect())
}

const OF_KIND: &str =
    "SELECT id, aborted, body FROM plans WHERE kind = ?1 ORDER BY number DESC LIMIT ?2";

/// Statements answered by the index of kinds.
#[cfg(test)]
pub(super) const RANGES: [&str; 1] = [OF_KIND];

fn newest_of_kind(
    tx: &Transaction<'_>,
    kind: &str,
    limit: u32,
) -> Result<PlansOfKind, StorageFault> {
    let rows = tx
        .prepare(OF_KIND)?
        .query_map((kind, i64::from(limit)), PlanRow::read)?
        .collect::<Result<Vec<_>, _>>()?;
    let mut found = PlansOfKind::default();
    for row in rows {
        match row.saved_or_told() {
            Ok(saved) => found.plans.push(saved),
            Err(unread) => found.unread.push(unread),
        }
    }
    Ok(found)
}

fn append(
    tx: &Transaction<'_>,
    plan: &PlanId,
    text: &str,
    change: Option<&TargetChange>,
) -> Result<u64, StorageFault> {
    let written: i64 = tx
        .prepare(
            "INSERT INTO plan_journal (plan, number, body)
             VALUES (?1, (SELECT coalesce(max(number), 0) + 1 FROM plan_journal WHERE plan = ?1), ?2)
             RETURNING number",
        )?
        .query_row((plan.as_str(), text), |row| row.get(0))?;
    audit::append(tx, change.map(draft).into_iter().collect())?;
    Ok(counter(written))
}

fn journal(tx: &Transaction<'_>, plan: &PlanId) -> Result<Vec<Stored>, StorageFault> {
    let rows = tx
        .prepare("SELECT number, body FROM plan_journal WHERE plan = ?1 ORDER BY number")?
        .query_map([plan.as_str()], |row| {
            Ok(Stored {
                number: counter(row.get(0)?),
                text: row.get(1)?,
            })
        })?
        .collect::<Result<Vec<Stored>, _>>()?;
    Ok(rows)
}

/// Returns plans with unreadable journals, for `store check`.
pub(super) fn broken_journals(tx: &Transaction<'_>) -> Result<Vec<String>, StorageFault> {
    let plans = tx
        .prepare("SELECT id FROM plans ORDER BY id")?
        .query_map([], |row| row.get(0))?
        .collect::<Result<Vec<String>, _>>()?;
    let mut problems = Vec::new();
    for id in plans {
        if let Err(error) = hallpass_plans::fold(&journal(tx, &PlanId::named(&*id))?) {
            problems.push(format!("plan {id}: {error}"));
        }
    }
    Ok(problems)
}

fn lease(
    tx: &Transaction<'_>,
    lane: &str,
    claim: &LaneClaim<'_>,
) -> Result<LeaseAnswer, StorageFault> {
    let held: Option<(String, String)> = tx
        .prepare("SELECT holder, until FROM lanes WHERE name = ?1")?
        .query_row([lane], |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()?;
    let held = held
        .map(|(by, text)| Ok::<_, StorageFault>((by, read_instant(&text)?)))
        .transpose()?;
    let answer = LeaseAnswer::to(claim, held);
    if answer != LeaseAnswer::Ours {
        return Ok(answer);
    }
    tx.prepare(
        "INSERT INTO lanes (name, holder, until) VALUES (?1, ?2, ?3)
         ON CONFLICT (name) DO UPDATE SET holder = excluded.holder, until = excluded.until",
    )?
    .execute((lane, claim.holder, instant(claim.until)))?;
    Ok(LeaseAnswer::Ours)
}

#[async_trait]
impl PlanStore for SqlStore {
    async fn save_plan(&self, plan: &Plan) -> Result<(), StoreFault> {
        let plan = plan.clone();
        Ok(self.write(move |tx| save(tx, &plan)).await?)
    }

    async fn plan(&self, id: &PlanId) -> Result<Option<Saved>, StoreFault> {
        let id = id.clone();
        Ok(self
            .read(move |tx| {
                let row = tx
                    .prepare("SELECT id, aborted, body FROM plans WHERE id = ?1")?
                    .query_row([id.as_str()], PlanRow::read)
                    .optional()?;
                row.as_ref().map(PlanRow::saved).transpose()
            })
            .await?)
    }

    async fn plans(&self, limit: u32) -> Result<Vec<Saved>, StoreFault> {
        Ok(self.read(move |tx| newest(tx, limit)).await?)
    }

    async fn plans_of_kind(&self, kind: &str, limit: u32) -> Result<PlansOfKind, StoreFault> {
        let kind = kind.to_owned();
        Ok(self
            .read(move |tx| newest_of_kind(tx, &kind, limit))
            .await?)
    }

    async fn set_aborted(&self, id: &PlanId, aborted: bool) -> Result<(), StoreFault> {
        let id = id.clone();
        Ok(self
            .write(move |tx| {
                tx.prepare("UPDATE plans SET aborted = ?2 WHERE id = ?1")?
                    .execute((id.as_str(), aborted))?;
                Ok(())
            })
            .await?)
    }

    async fn append(&self, plan: &PlanId, added: JournalAddition<'_>) -> Result<u64, StoreFault> {
        let (text, change) = (body(&added.record())?, added.change.cloned());
        let plan = plan.clone();
        Ok(self
            .write(move |tx| append(tx, &plan, &text, change.as_ref()))
            .await?)
    }

    async fn journal(&self, plan: &PlanId) -> Result<Vec<Stored>, StoreFault> {
        let plan = plan.clone();
        Ok(self.read(move |tx| journal(tx, &plan)).await?)
    }

    async fn cut_torn(&self, plan: &PlanId, record: u64) -> Result<(), StoreFault> {
        let plan = plan.clone();
        Ok(self
            .write(move |tx| {
                tx.prepare("DELETE FROM plan_journal WHERE plan = ?1 AND number = ?2")?
                    .execute((plan.as_str(), number(record)))?;
                Ok(())
            })
            .await?)
    }

    async fn lease(&self, lane: &str, claim: LaneClaim<'_>) -> Result<LeaseAnswer, StoreFault> {
        let (lane, holder) = (lane.to_owned(), claim.holder.to_owned());
        let LaneClaim { now, until, .. } = claim;
        Ok(self
            .write(move |tx| {
                let holder = holder.as_str();
                lease(tx, &lane, &LaneClaim { holder, now, until })
            })
            .await?)
    }

    async fn unlease(&self, lane: &str, holder: &str) -> Result<(), StoreFault> {
        let (lane, holder) = (lane.to_owned(), holder.to_owned());
        Ok(self
            .write(move |tx| {
                tx.prepare("DELETE FROM lanes WHERE name = ?1 AND holder = ?2")?
                    .execute((lane, holder))?;
                Ok(())
            })
            .await?)
    }
}
