//! Sessions that outlive grants, in SQLite: added by commits of the journey, settled by their
//! executor together with records and news.

use async_trait::async_trait;
use hallpass_access::Message;
use hallpass_audit::Draft;
use hallpass_model::GrantId;
use hallpass_org::session_revocation::{Cut, CutNews, CutStore};
use hallpass_runner::StoreFault;
use rusqlite::{OptionalExtension, Transaction, named_params};

use super::{SqliteStore, commit, number, outbox};
use crate::fault::StorageFault;
use crate::rows::{account_of, body, instant, read_body};
use crate::steps::{notice_of_cut, wrong_version};

/// Adds a cut; one of the same grant is there only when the same end was committed before.
pub(super) fn insert(tx: &Transaction<'_>, cut: &Cut) -> Result<(), StorageFault> {
    tx.prepare_cached(
        "INSERT INTO session_cuts (grant_id, version, account, due, body)
         VALUES (:grant_id, :version, :account, :due, :body)",
    )?
    .execute(named_params! {
        ":grant_id": cut.grant.to_string(),
        ":version": number(cut.version),
        ":account": account_of(&cut.key.target),
        ":due": instant(cut.due),
        ":body": body(cut)?,
    })?;
    Ok(())
}

fn update(tx: &Transaction<'_>, cut: &Cut) -> Result<(), StorageFault> {
    let next = Cut {
        version: cut.version + 1,
        ..cut.clone()
    };
    let written = tx
        .prepare_cached(
            "UPDATE session_cuts SET version = :version, due = :due, body = :body
             WHERE grant_id = :grant_id AND version = :version - 1",
        )?
        .execute(named_params! {
            ":grant_id": next.grant.to_string(),
            ":version": number(next.version),
            ":due": next.is_open().then(|| instant(next.due)),
            ":body": body(&next)?,
        })?;
    if written == 1 {
        Ok(())
    } else {
        Err(wrong_version(&format!("cut of {}", cut.grant)))
    }
}

#[async_trait]
impl CutStore for SqliteStore {
    async fn open_cuts(&self) -> Result<Vec<Cut>, StoreFault> {
        Ok(self
            .read(|tx| {
                let texts = tx
                    .prepare_cached(
                        "SELECT body FROM session_cuts WHERE due IS NOT NULL ORDER BY grant_id",
                    )?
                    .query_map([], |row| row.get(0))?
                    .collect::<Result<Vec<String>, _>>()?;
                texts.iter().map(|text| read_body("cut", text)).collect()
            })
            .await?)
    }

    async fn cut(&self, grant: GrantId) -> Result<Option<Cut>, StoreFault> {
        Ok(self
            .read(move |tx| {
                let text: Option<String> = tx
                    .prepare_cached("SELECT body FROM session_cuts WHERE grant_id = ?1")?
                    .query_row([grant.to_string()], |row| row.get(0))
                    .optional()?;
                text.map(|text| read_body("cut", &text)).transpose()
            })
            .await?)
    }

    async fn settle_cuts(
        &self,
        cuts: &[Cut],
        records: Vec<Draft>,
        news: Vec<CutNews>,
    ) -> Result<(), StoreFault> {
        let cuts = cuts.to_vec();
        Ok(self
            .write(move |tx| {
                for cut in &cuts {
                    update(tx, cut)?;
                }
                commit::append(tx, records.clone())?;
                for told in &news {
                    outbox::post(tx, &Message::Notice(notice_of_cut(told)))?;
                }
                Ok(())
            })
            .await?)
    }
}
