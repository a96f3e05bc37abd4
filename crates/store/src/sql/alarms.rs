//! Alarms in tables: the newest change of each kind, among the blobs.

use hallpass_access::{Alarm, AlarmKind, AlarmState, Message};

use super::outbox;
use crate::database::{Optional, Transaction};
use crate::fault::StorageFault;
use crate::rows::read_body;

fn key(kind: AlarmKind) -> String {
    format!("alarm:{kind}")
}

fn newest(tx: &Transaction<'_>, kind: AlarmKind) -> Result<Option<Alarm>, StorageFault> {
    let bytes: Option<Vec<u8>> = tx
        .prepare("SELECT bytes FROM blobs WHERE key = ?1")?
        .query_row([key(kind)], |row| row.get(0))
        .optional()?;
    let Some(bytes) = bytes else { return Ok(None) };
    read_body("alarm", &String::from_utf8_lossy(&bytes)).map(Some)
}

pub(super) fn note(tx: &Transaction<'_>, alarm: Alarm) -> Result<bool, StorageFault> {
    if !alarm.changes(newest(tx, alarm.alarm)?.as_ref()) {
        return Ok(false);
    }
    tx.prepare(
        "INSERT INTO blobs (key, bytes) VALUES (?1, ?2)
         ON CONFLICT (key) DO UPDATE SET bytes = excluded.bytes",
    )?
    .execute((key(alarm.alarm), crate::rows::body(&alarm)?.into_bytes()))?;
    outbox::post(tx, &Message::Alarm(alarm))?;
    Ok(true)
}

pub(super) fn standing(tx: &Transaction<'_>) -> Result<Vec<Alarm>, StorageFault> {
    let mut standing = Vec::new();
    for kind in AlarmKind::ALL {
        let found = newest(tx, kind)?;
        standing.extend(found.filter(|alarm| alarm.state == AlarmState::Begun));
    }
    Ok(standing)
}
