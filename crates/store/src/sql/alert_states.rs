//! Alert rule states in tables: a body per rule, including its rows.

use async_trait::async_trait;
use hallpass_access::Message;
use hallpass_alerts::{
    AlertCommitError, AlertRuleId, AlertState, AlertStore, AlertWrite, MuteStep,
};

use super::{SqlStore, audit as records, number, outbox};
use crate::database::{Optional, Transaction};
use crate::fault::StorageFault;
use crate::rows::{body, read_body};
use crate::steps::wrong_version;

fn state(tx: &Transaction<'_>, rule: &str) -> Result<Option<AlertState>, StorageFault> {
    let text: Option<String> = tx
        .prepare("SELECT body FROM alert_states WHERE rule = ?1")?
        .query_row([rule], |row| row.get(0))
        .optional()?;
    text.map(|text| read_body("state of an alert rule", &text))
        .transpose()
}

fn put(tx: &Transaction<'_>, state: AlertState) -> Result<(), StorageFault> {
    let read = state.version;
    let next = AlertState {
        version: read + 1,
        ..state
    };
    let rule = next.rule.as_str();
    let sql = if read == 0 {
        "INSERT INTO alert_states (rule, version, body) VALUES (?1, ?2, ?3)
         ON CONFLICT (rule) DO NOTHING"
    } else {
        "UPDATE alert_states SET version = ?2, body = ?3 WHERE rule = ?1 AND version = ?2 - 1"
    };
    let written = tx
        .prepare(sql)?
        .execute((rule, number(next.version), body(&next)?))?;
    if written == 1 {
        Ok(())
    } else {
        Err(wrong_version(&format!("the state of `{rule}`")))
    }
}

fn commit(tx: &Transaction<'_>, write: AlertWrite) -> Result<(), StorageFault> {
    put(tx, write.state)?;
    if let Some(message) = write.message {
        outbox::post(tx, &Message::Alert(Box::new(message)))?;
    }
    Ok(())
}

#[async_trait]
impl AlertStore for SqlStore {
    async fn alert_states(&self) -> Result<Vec<AlertState>, AlertCommitError> {
        Ok(self
            .list(|tx| {
                let texts = tx
                    .prepare("SELECT body FROM alert_states ORDER BY rule")?
                    .query_map([], |row| row.get(0))?
                    .collect::<Result<Vec<String>, _>>()?;
                let texts = texts.iter();
                texts
                    .map(|text| read_body("state of an alert rule", text))
                    .collect()
            })
            .await?)
    }

    async fn alert_state(
        &self,
        rule: &AlertRuleId,
    ) -> Result<Option<AlertState>, AlertCommitError> {
        let rule = rule.clone();
        Ok(self.list(move |tx| state(tx, rule.as_str())).await?)
    }

    async fn commit_alert(&self, write: AlertWrite) -> Result<(), AlertCommitError> {
        Ok(self.write(move |tx| commit(tx, write)).await?)
    }

    async fn commit_mute(&self, step: MuteStep) -> Result<(), AlertCommitError> {
        let written = self.write(move |tx| {
            put(tx, step.state)?;
            records::append(tx, vec![step.record])?;
            Ok(())
        });
        Ok(written.await?)
    }
}
