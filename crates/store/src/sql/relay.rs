//! Migration 11: copies requests, grants and the log to their new layout, with the columns and
//! index that commits write since.
//!
//! Nothing is validated: an unreadable body is copied unchanged with its old columns.

use super::audit::mention;
use super::commit::{GrantColumns, RequestColumns, reviewers};
use super::finding::{grant_bytes, request_bytes};
use super::numbers::{self, Numbered};
use crate::database::{DatabaseError, Failure, TableRow, Transaction, named};
use crate::fault::StorageFault;
use crate::packed::pack;
use crate::rows::{read_grant_text, read_request_text};

pub(super) fn copy(tx: &Transaction<'_>) -> Result<(), DatabaseError> {
    requests(tx)?;
    grants(tx)?;
    records(tx)
}

fn failed(fault: StorageFault) -> DatabaseError {
    Failure::Step(fault.text()).into()
}

fn each(
    tx: &Transaction<'_>,
    sql: &str,
    mut take: impl FnMut(&TableRow<'_>) -> Result<(), DatabaseError>,
) -> Result<(), DatabaseError> {
    let mut statement = tx.prepare(sql)?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        take(&row)?;
    }
    Ok(())
}

fn requests(tx: &Transaction<'_>) -> Result<(), DatabaseError> {
    let mut insert = tx.prepare(
        "INSERT INTO new_requests (id, version, state, requester, subject, approvers, dedupe, due,
             open_review, body)
         VALUES (:id, :version, :state, :requester, :subject, :approvers, :dedupe, :due,
             :open_review, :body)",
    )?;
    let old = "SELECT id, version, state, requester, due, open_review, dedupe, body FROM requests
               ORDER BY id";
    each(tx, old, |row| {
        let (state, body): (String, String) = (row.get(2)?, row.get(7)?);
        let mut columns = match read_request_text(&body) {
            Ok(request) => {
                reviewers(tx, &request).map_err(failed)?;
                RequestColumns::of(tx, &request).map_err(failed)?
            }
            Err(_) => RequestColumns {
                requester: numbers::give(tx, Numbered::Principal, &row.get::<String>(3)?)?.number,
                subject: None,
                approvers: None,
                dedupe: None,
            },
        };
        columns.dedupe = if state == "pending" {
            row.get(6)?
        } else {
            None
        };
        insert.execute(named! {
            ":id": row.get::<String>(0)?,
            ":version": row.get::<i64>(1)?,
            ":state": state,
            ":requester": columns.requester,
            ":subject": columns.subject,
            ":approvers": columns.approvers,
            ":dedupe": columns.dedupe,
            ":due": row.get::<Option<String>>(4)?,
            ":open_review": row.get::<i64>(5)?,
            ":body": pack(&body),
        })?;
        Ok(())
    })
}

fn grants(tx: &Transaction<'_>) -> Result<(), DatabaseError> {
    let mut insert = tx.prepare(
        "INSERT INTO new_grants (id, version, state, holder, subject, approver, account, granted,
             hold_key, due, ends_at, live, stuck, seen_news, news, body)
         VALUES (:id, :version, :state, :holder, :subject, :approver, :account, :granted,
             :hold_key, :due, :ends_at, :live, :stuck, :seen_news, :news, :body)",
    )?;
    let old = "SELECT id, version, state, holder, account, hold_key, due, ends_at, live, stuck,
                   seen_news, news, body FROM grants ORDER BY id";
    each(tx, old, |row| {
        let (live, body): (bool, String) = (row.get(8)?, row.get(12)?);
        let grant = read_grant_text(&body).ok();
        let mut columns = match &grant {
            Some(grant) => {
                let columns = GrantColumns::of(tx, grant).map_err(failed)?;
                columns.remember_holder(tx, grant)?;
                columns
            }
            None => GrantColumns {
                holder: numbers::give(tx, Numbered::Principal, &row.get::<String>(3)?)?.number,
                subject: None,
                approver: None,
                hold_key: None,
            },
        };
        columns.hold_key = if live { row.get(5)? } else { None };
        insert.execute(named! {
            ":id": row.get::<String>(0)?,
            ":version": row.get::<i64>(1)?,
            ":state": row.get::<String>(2)?,
            ":holder": columns.holder,
            ":subject": columns.subject,
            ":approver": columns.approver,
            ":account": row.get::<Option<String>>(4)?,
            ":granted": grant.is_some_and(|grant| grant.granted_at.is_some()),
            ":hold_key": columns.hold_key,
            ":due": row.get::<Option<String>>(6)?,
            ":ends_at": row.get::<String>(7)?,
            ":live": live,
            ":stuck": row.get::<i64>(9)?,
            ":seen_news": row.get::<i64>(10)?,
            ":news": row.get::<i64>(11)?,
            ":body": pack(&body),
        })?;
        Ok(())
    })
}

fn records(tx: &Transaction<'_>) -> Result<(), DatabaseError> {
    let mut insert = tx.prepare(
        "INSERT INTO new_audit (seq, id, request_id, grant_id, body) VALUES (?1, ?2, ?3, ?4, ?5)",
    )?;
    let old = "SELECT seq, id, request_id, grant_id, body FROM audit ORDER BY seq";
    each(tx, old, |row| {
        let (id, body): (String, String) = (row.get(1)?, row.get(4)?);
        let bytes = id.parse::<hallpass_base::AuditId>().map_or_else(
            |_| id.as_bytes().to_vec(),
            |id| id.uuid().as_bytes().to_vec(),
        );
        let seq: i64 = row.get(0)?;
        insert.execute((
            seq,
            bytes,
            request_bytes(row.get::<Option<String>>(2)?.as_deref()),
            grant_bytes(row.get::<Option<String>>(3)?.as_deref()),
            pack(&body),
        ))?;
        if let Ok(record) = hallpass_audit::Record::parse(body.as_bytes()) {
            mention(tx, seq, &record)?;
        }
        Ok(())
    })
}
