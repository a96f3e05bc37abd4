//! Sweeps, findings and acceptances in tables.

use async_trait::async_trait;
use hallpass_access::{
    AcceptanceWrite, Accepted, GroupAssignment, GroupAssignmentWrite, ReadError, Sweep, SweepItem,
    SweepStore, Write,
};
use hallpass_base::{HoldKey, SweepId};
use serde::de::DeserializeOwned;

use super::keyed_table::{KeyedChange, KeyedTable, one_row};
use super::listing::AFTER_ALL;
use super::{SqlStore, number};
use crate::database::{ConstraintRefusal, Optional, Params, Transaction, named};
use crate::fault::StorageFault;
use crate::rows::{body, read_body};
use crate::steps::{exists_already, illegal_step, wrong_version};

pub(super) fn sweep(tx: &Transaction<'_>, write: &Write<Sweep>) -> Result<(), StorageFault> {
    let (row, sql) = match write {
        Write::Insert(row) => (
            row.clone(),
            "INSERT INTO sweeps (id, version, state, listed, body)
             VALUES (:id, :version, :state, :listed, :body)",
        ),
        Write::Update(row) => (
            Sweep {
                version: row.version + 1,
                ..row.clone()
            },
            "UPDATE sweeps SET version = :version, state = :state, listed = :listed, body = :body
             WHERE id = :id AND version = :version - 1",
        ),
    };
    let (id, what) = (row.id.to_string(), format!("sweep {}", row.id));
    let prior: Option<String> = match write {
        Write::Insert(_) => None,
        Write::Update(read) => Some(
            tx.prepare("SELECT state FROM sweeps WHERE id = ?1 AND version = ?2")?
                .query_row((&id, number(read.version)), |row| row.get(0))
                .optional()?
                .ok_or_else(|| wrong_version(&what))?,
        ),
    };
    let written = tx.prepare(sql)?.execute(named! {
        ":id": id,
        ":version": number(row.version),
        ":state": row.state.name(),
        ":listed": row.report.is_some(),
        ":body": body(&row)?,
    });
    match written {
        Ok(_) => Ok(()),
        Err(error) => Err(match (error.refusal(), prior) {
            (Some(ConstraintRefusal::Trigger), Some(prior)) => {
                illegal_step(&what, &prior, row.state.name())
            }
            (Some(ConstraintRefusal::Twin), _) => {
                exists_already(&format!("{what}, or another that runs"))
            }
            _ => error.into(),
        }),
    }
}

pub(super) fn item(tx: &Transaction<'_>, write: &Write<SweepItem>) -> Result<(), StorageFault> {
    let (row, sql) = match write {
        Write::Insert(row) => (
            row.clone(),
            "INSERT INTO sweep_items (sweep_id, hold_key, version, open, acted_on, body)
             VALUES (:sweep_id, :hold_key, :version, :open, :acted_on, :body)",
        ),
        Write::Update(row) => (
            SweepItem {
                version: row.version + 1,
                ..row.clone()
            },
            "UPDATE sweep_items
             SET version = :version, open = :open, acted_on = :acted_on, body = :body
             WHERE sweep_id = :sweep_id AND hold_key = :hold_key AND version = :version - 1",
        ),
    };
    let written = tx.prepare(sql)?.execute(named! {
        ":sweep_id": row.sweep.to_string(),
        ":hold_key": row.key.to_string(),
        ":version": number(row.version),
        ":open": row.fate.is_open(),
        ":acted_on": row.fate.is_acted_on(),
        ":body": body(&row)?,
    });
    one_row(written, || {
        format!("item {} of sweep {}", row.key, row.sweep)
    })
}

const ACCEPTED: KeyedTable = KeyedTable {
    about: "the acceptance of",
    insert: "INSERT INTO accepted_standing (hold_key, version, body) VALUES (?1, ?2, ?3)",
    update: "UPDATE accepted_standing SET version = ?2, body = ?3
             WHERE hold_key = ?1 AND version = ?2 - 1",
    remove: "DELETE FROM accepted_standing WHERE hold_key = ?1 AND version = ?2",
};

pub(super) fn acceptance(
    tx: &Transaction<'_>,
    write: &AcceptanceWrite,
) -> Result<(), StorageFault> {
    let (key, change) = match write {
        AcceptanceWrite::Insert(row) => (&row.key, KeyedChange::Insert(row.version, body(row)?)),
        AcceptanceWrite::Update(row) => {
            let next = Accepted {
                version: row.version + 1,
                ..row.clone()
            };
            (&row.key, KeyedChange::Update(next.version, body(&next)?))
        }
        AcceptanceWrite::Withdraw(row) => (&row.key, KeyedChange::Remove(row.version)),
    };
    ACCEPTED.write(tx, key, change)
}

pub(super) fn group_assignment(
    tx: &Transaction<'_>,
    write: &GroupAssignmentWrite,
) -> Result<(), StorageFault> {
    match write {
        GroupAssignmentWrite::Store(row) => tx
            .prepare(
                "INSERT INTO group_assignments (key, body) VALUES (?1, ?2)
                 ON CONFLICT (key) DO UPDATE SET body = excluded.body",
            )?
            .execute((row.key.to_string(), body(row)?))?,
        GroupAssignmentWrite::Remove(key) => tx
            .prepare("DELETE FROM group_assignments WHERE key = ?1")?
            .execute([key.to_string()])?,
    };
    Ok(())
}

fn all<T: DeserializeOwned>(
    tx: &Transaction<'_>,
    what: &str,
    sql: &str,
    params: impl Params,
) -> Result<Vec<T>, StorageFault> {
    let texts = tx
        .prepare(sql)?
        .query_map(params, |row| row.get(0))?
        .collect::<Result<Vec<String>, _>>()?;
    texts.iter().map(|text| read_body(what, text)).collect()
}

fn one<T: DeserializeOwned>(
    tx: &Transaction<'_>,
    what: &str,
    sql: &str,
    params: impl Params,
) -> Result<Option<T>, StorageFault> {
    let text: Option<String> = tx
        .prepare(sql)?
        .query_row(params, |row| row.get(0))
        .optional()?;
    text.map(|text| read_body(what, &text)).transpose()
}

fn prune(tx: &Transaction<'_>, listings: u32, runs: u32) -> Result<(), StorageFault> {
    tx.prepare(
        "DELETE FROM sweeps
         WHERE id NOT IN (SELECT id FROM sweeps ORDER BY id DESC LIMIT ?1)
           AND state NOT IN ('queued', 'running', 'planned', 'stopped', 'working')
           AND id NOT IN (SELECT sweep_id FROM sweep_items WHERE open = 1)",
    )?
    .execute([i64::from(runs)])?;
    tx.prepare(
        "DELETE FROM sweep_items
         WHERE acted_on = 0
           AND sweep_id NOT IN (
               SELECT id FROM sweeps WHERE listed = 1 ORDER BY id DESC LIMIT ?1)
           AND sweep_id NOT IN (
               SELECT id FROM sweeps WHERE state IN ('queued', 'running', 'planned', 'stopped', 'working'))",
    )?
    .execute([i64::from(listings)])?;
    tx.prepare(
        "DELETE FROM sweep_items
         WHERE open = 0 AND sweep_id NOT IN (SELECT id FROM sweeps)",
    )?
    .execute([])?;
    Ok(())
}

#[async_trait]
impl SweepStore for SqlStore {
    async fn sweep(&self, id: SweepId) -> Result<Option<Sweep>, ReadError> {
        let sql = "SELECT body FROM sweeps WHERE id = ?1";
        Ok(self
            .read(move |tx| one(tx, "sweep", sql, [id.to_string()]))
            .await?)
    }

    async fn sweeps(&self, before: Option<SweepId>, limit: u32) -> Result<Vec<Sweep>, ReadError> {
        let sql = "SELECT body FROM sweeps WHERE id < ?1 ORDER BY id DESC LIMIT ?2";
        let before = before.map_or_else(|| AFTER_ALL.to_owned(), |id| id.to_string());
        Ok(self
            .read(move |tx| all(tx, "sweep", sql, (before, i64::from(limit))))
            .await?)
    }

    async fn newest_listing(&self) -> Result<Option<Sweep>, ReadError> {
        let sql = "SELECT body FROM sweeps WHERE listed = 1 ORDER BY id DESC LIMIT 1";
        Ok(self.read(move |tx| one(tx, "sweep", sql, [])).await?)
    }

    async fn open_sweeps(&self) -> Result<Vec<Sweep>, ReadError> {
        let sql = "SELECT body FROM sweeps
                   WHERE state IN ('queued', 'running', 'planned', 'stopped', 'working') ORDER BY id";
        Ok(self.read(move |tx| all(tx, "sweep", sql, [])).await?)
    }

    async fn sweep_items(&self, sweep: SweepId) -> Result<Vec<SweepItem>, ReadError> {
        let sql = "SELECT body FROM sweep_items WHERE sweep_id = ?1";
        let mut items: Vec<SweepItem> = self
            .read(move |tx| all(tx, "sweep item", sql, [sweep.to_string()]))
            .await?;
        items.sort_by(|a, b| a.key.cmp(&b.key));
        Ok(items)
    }

    async fn sweep_item(
        &self,
        sweep: SweepId,
        key: &HoldKey,
    ) -> Result<Option<SweepItem>, ReadError> {
        let sql = "SELECT body FROM sweep_items WHERE sweep_id = ?1 AND hold_key = ?2";
        let names = (sweep.to_string(), key.to_string());
        Ok(self
            .read(move |tx| one(tx, "sweep item", sql, names))
            .await?)
    }

    async fn open_sweep_items(&self) -> Result<Vec<SweepItem>, ReadError> {
        let sql = "SELECT body FROM sweep_items WHERE open = 1";
        let mut items: Vec<SweepItem> = self.read(move |tx| all(tx, "sweep item", sql, [])).await?;
        items.sort_by(|a, b| (a.sweep, &a.key).cmp(&(b.sweep, &b.key)));
        Ok(items)
    }

    async fn accepted(&self) -> Result<Vec<Accepted>, ReadError> {
        let sql = "SELECT body FROM accepted_standing";
        let mut accepted: Vec<Accepted> =
            self.read(move |tx| all(tx, "acceptance", sql, [])).await?;
        accepted.sort_by(|a, b| a.key.cmp(&b.key));
        Ok(accepted)
    }

    async fn accepted_one(&self, key: &HoldKey) -> Result<Option<Accepted>, ReadError> {
        let sql = "SELECT body FROM accepted_standing WHERE hold_key = ?1";
        let key = key.to_string();
        Ok(self
            .read(move |tx| one(tx, "acceptance", sql, [key]))
            .await?)
    }

    async fn group_assignments(&self) -> Result<Vec<GroupAssignment>, ReadError> {
        let sql = "SELECT body FROM group_assignments ORDER BY key";
        let read = self.read(move |tx| all(tx, "group assignment", sql, []));
        Ok(read.await?)
    }

    async fn prune_sweeps(&self, listings: u32, runs: u32) -> Result<(), ReadError> {
        Ok(self
            .write_for_ends(move |tx| prune(tx, listings, runs))
            .await?)
    }
}
