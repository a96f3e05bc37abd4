//! Sessions that outlive grants, in tables: added by the journey's commits, settled by their
//! executor with records and notices.

use async_trait::async_trait;
use hallpass_access::Message;
use hallpass_base::GrantId;
use hallpass_enforcement::session_revocation::{
    SessionRevocation, SessionRevocationChange, SessionRevocationStore,
};
use hallpass_plans::StoreFault;

use super::unreadable::readable;
use super::{SqlStore, audit, number, outbox};
use crate::database::{Optional, Transaction, named};
use crate::fault::StorageFault;
use crate::rows::{account_of, body, instant, read_body};
use crate::steps::{notice_of_revocation, wrong_version};

/// Adds a revocation; one of the same grant exists only after a repeated commit of that end.
pub(super) fn insert(
    tx: &Transaction<'_>,
    revocation: &SessionRevocation,
) -> Result<(), StorageFault> {
    tx.prepare(
        "INSERT INTO session_cuts (grant_id, version, account, due, body)
         VALUES (:grant_id, :version, :account, :due, :body)",
    )?
    .execute(named! {
        ":grant_id": revocation.grant.to_string(),
        ":version": number(revocation.version),
        ":account": account_of(&revocation.key.target),
        ":due": instant(revocation.due),
        ":body": body(revocation)?,
    })?;
    Ok(())
}

fn update(tx: &Transaction<'_>, revocation: &SessionRevocation) -> Result<(), StorageFault> {
    let next = SessionRevocation {
        version: revocation.version + 1,
        ..revocation.clone()
    };
    let written = tx
        .prepare(
            "UPDATE session_cuts SET version = :version, due = :due, body = :body
             WHERE grant_id = :grant_id AND version = :version - 1",
        )?
        .execute(named! {
            ":grant_id": next.grant.to_string(),
            ":version": number(next.version),
            ":due": next.is_open().then(|| instant(next.due)),
            ":body": body(&next)?,
        })?;
    if written == 1 {
        Ok(())
    } else {
        Err(wrong_version(&format!("cut of {}", revocation.grant)))
    }
}

#[async_trait]
impl SessionRevocationStore for SqlStore {
    async fn open_session_revocations(&self) -> Result<Vec<SessionRevocation>, StoreFault> {
        Ok(self
            .read(|tx| {
                readable(
                    tx,
                    "cut",
                    (
                        "SELECT grant_id, body FROM session_cuts WHERE due IS NOT NULL ORDER BY grant_id",
                        (),
                    ),
                    |text: &String| read_body("cut", text),
                )
            })
            .await?)
    }

    async fn session_revocation(
        &self,
        grant: GrantId,
    ) -> Result<Option<SessionRevocation>, StoreFault> {
        Ok(self
            .read(move |tx| {
                let text: Option<String> = tx
                    .prepare("SELECT body FROM session_cuts WHERE grant_id = ?1")?
                    .query_row([grant.to_string()], |row| row.get(0))
                    .optional()?;
                text.map(|text| read_body("cut", &text)).transpose()
            })
            .await?)
    }

    async fn settle_session_revocations(
        &self,
        change: SessionRevocationChange,
    ) -> Result<(), StoreFault> {
        Ok(self
            .write_for_ends(move |tx| {
                for revocation in &change.revocations {
                    update(tx, revocation)?;
                }
                audit::append(tx, change.records.clone())?;
                for told in &change.news {
                    outbox::post(tx, &Message::Notice(notice_of_revocation(told)))?;
                }
                Ok(())
            })
            .await?)
    }
}
