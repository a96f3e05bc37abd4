//! Enforced ends in tables: added and moved by the journey's commits, settled by their executor
//! together with dependent waits.

use std::collections::{BTreeMap, BTreeSet};

use async_trait::async_trait;
use hallpass_access::{
    ArmedEndCounts, ArmedEndRequest, ArmedEndStatus, DesiredAssignment, Grant, Message,
};
use hallpass_base::{HoldKey, Timestamp};
use hallpass_org::armed_ends::{ArmedEnd, ArmedEndChange, ArmedEndStore, GateChange, SettledEnds};
use hallpass_plans::StoreFault;

use super::unreadable::{each_body, or_told, readable, unpacked_or_told};
use super::{SqlStore, assignment_rows, assignments, audit, number, outbox};
use crate::database::{Optional, Transaction, named};
use crate::fault::StorageFault;
use crate::rows::{body, instant, read_body};
use crate::steps::{
    armed_end_looked_again, armed_end_moved, armed_end_status, armed_end_wished, gate_closed,
    gate_settled, key_of, key_of_wish, notice_of_unmoved, wrong_version,
};

const KIND: &str = "enforced expiry";
/// For more keys, all open ends are read together.
const ONE_BY_ONE: usize = 8;

pub(super) fn wish(tx: &Transaction<'_>, wish: &ArmedEndRequest) -> Result<(), StorageFault> {
    let Some(key) = key_of_wish(wish) else {
        let open = opened(tx)?.into_iter();
        let mut again = open.filter_map(|end| armed_end_looked_again(end, wish));
        return again.try_for_each(|end| put(tx, &end));
    };
    let Some((end, gate)) = armed_end_wished(load(tx, key)?, wish) else {
        return Ok(());
    };
    put(tx, &end)?;
    let Some(until) = gate else {
        return Ok(());
    };
    match assignment_rows::load(tx, key)? {
        Some(row) => assignments::update(tx, &gate_closed(row, until)),
        None => Ok(()),
    }
}

pub(super) fn follow(
    tx: &Transaction<'_>,
    desired: &DesiredAssignment,
    now: Option<Timestamp>,
) -> Result<(), StorageFault> {
    let Some(stored) = load(tx, key_of(desired))? else {
        return Ok(());
    };
    let row = assignment_rows::load(tx, key_of(desired))?;
    match armed_end_moved(stored, desired, row.as_ref(), now) {
        Some(end) => put(tx, &end),
        None => Ok(()),
    }
}

pub(super) fn statuses(
    tx: &Transaction<'_>,
    keys: &[HoldKey],
) -> Result<BTreeMap<HoldKey, ArmedEndStatus>, StorageFault> {
    let mut found = BTreeMap::new();
    if keys.len() > ONE_BY_ONE {
        let wanted: BTreeSet<&HoldKey> = keys.iter().collect();
        let open = opened(tx)?.into_iter();
        for end in open.filter(|end| wanted.contains(&end.key)) {
            found.extend(armed_end_status(&end).map(|status| (end.key, status)));
        }
        return Ok(found);
    }
    for key in keys {
        // an unreadable end hides no other
        let end = stored(tx, key)?.and_then(|read| or_told(KIND, &key.to_string(), read));
        let status = end.and_then(|end| armed_end_status(&end));
        found.extend(status.map(|status| (key.clone(), status)));
    }
    Ok(found)
}

pub(super) fn counts(tx: &Transaction<'_>) -> Result<ArmedEndCounts, StorageFault> {
    let open = opened(tx)?;
    let statuses: Vec<ArmedEndStatus> = open.iter().filter_map(armed_end_status).collect();
    Ok(ArmedEndCounts {
        never_armed: never_armed(tx)?,
        ..ArmedEndCounts::of(&statuses)
    })
}

/// Counts live grants whose ends are never armed, although that was wanted.
fn never_armed(tx: &Transaction<'_>) -> Result<u64, StorageFault> {
    let live = "SELECT id, body FROM grants INDEXED BY grants_live WHERE live = 1";
    let mut count = 0;
    each_body(tx, (live, ()), |id, body| {
        let grant = unpacked_or_told::<Grant>(&id, body);
        count += u64::from(grant.is_some_and(|grant| grant.never_armed.is_some()));
    })?;
    Ok(count)
}

fn opened(tx: &Transaction<'_>) -> Result<Vec<ArmedEnd>, StorageFault> {
    readable(
        tx,
        KIND,
        (
            "SELECT hold_key, body FROM armed_ends WHERE due IS NOT NULL ORDER BY hold_key",
            (),
        ),
        |text: &String| read_body(KIND, text),
    )
}

fn load(tx: &Transaction<'_>, key: &HoldKey) -> Result<Option<ArmedEnd>, StorageFault> {
    stored(tx, key)?.transpose()
}

fn stored(
    tx: &Transaction<'_>,
    key: &HoldKey,
) -> Result<Option<Result<ArmedEnd, StorageFault>>, StorageFault> {
    let text = tx
        .prepare("SELECT body FROM armed_ends WHERE hold_key = ?1")?
        .query_row([key.to_string()], |row| Ok(row.get::<String>(0)))
        .optional()?;
    Ok(text.map(|text| read_body(KIND, &text?)))
}

/// Stores an end with its new version already set.
fn put(tx: &Transaction<'_>, end: &ArmedEnd) -> Result<(), StorageFault> {
    tx.prepare(
        "INSERT INTO armed_ends (hold_key, version, due, body) VALUES (:hold_key, :version, :due, :body)
         ON CONFLICT (hold_key) DO UPDATE SET version = :version, due = :due, body = :body",
    )?
    .execute(named! {
        ":hold_key": end.key.to_string(),
        ":version": number(end.version),
        ":due": end.is_open().then(|| instant(end.due)),
        ":body": body(end)?,
    })?;
    Ok(())
}

fn update(tx: &Transaction<'_>, end: &ArmedEnd) -> Result<(), StorageFault> {
    let stored: Option<i64> = tx
        .prepare("SELECT version FROM armed_ends WHERE hold_key = ?1")?
        .query_row([end.key.to_string()], |row| row.get(0))
        .optional()?;
    if stored != Some(number(end.version)) {
        return Err(wrong_version(&format!("enforced expiry of {}", end.key)));
    }
    put(
        tx,
        &ArmedEnd {
            version: end.version + 1,
            ..end.clone()
        },
    )
}

fn settle_gate(tx: &Transaction<'_>, change: &GateChange) -> Result<(), StorageFault> {
    let row = assignment_rows::load(tx, &change.key)?;
    match row.and_then(|row| gate_settled(row, change)) {
        Some(row) => assignments::update(tx, &row),
        None => Ok(()),
    }
}

#[async_trait]
impl ArmedEndStore for SqlStore {
    async fn open_armed_ends(&self) -> Result<Vec<ArmedEnd>, StoreFault> {
        Ok(self.read(opened).await?)
    }

    async fn armed_ends_of(&self, keys: &[HoldKey]) -> Result<Vec<ArmedEnd>, StoreFault> {
        let keys = keys.to_vec();
        Ok(self
            .read(move |tx| {
                let found = keys.iter().map(|key| load(tx, key));
                found.filter_map(Result::transpose).collect()
            })
            .await?)
    }

    async fn settle_armed_ends(&self, change: ArmedEndChange) -> Result<SettledEnds, StoreFault> {
        let written = self
            .write_for_ends(move |tx| {
                for end in &change.ends {
                    update(tx, end)?;
                }
                for gate in &change.gates {
                    settle_gate(tx, gate)?;
                }
                audit::append(tx, change.records.clone())?;
                for told in &change.news {
                    outbox::post(tx, &Message::Notice(notice_of_unmoved(told)))?;
                }
                Ok(())
            })
            .await;
        match written {
            Ok(()) => Ok(SettledEnds::Stored),
            Err(StorageFault::Raced(_)) => Ok(SettledEnds::Moved),
            Err(fault) => Err(fault.into()),
        }
    }
}
