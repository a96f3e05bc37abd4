//! A change in one transaction.

use hallpass_access::{Answer, Change, Desire, Grant, Message, Request, Write};
use hallpass_assignments::Row;
use hallpass_audit::{Draft, Head, Record};
use rusqlite::{OptionalExtension, Transaction, named_params};

use super::{Refused, assignments, counter, cuts, locks, number, outbox, refusal, sweeps};
use crate::fault::Fault;
use crate::rows::{account_of, body, grant_body, head_at, instant, read_instant, request_body};
use crate::steps::{
    answered_at, cut_of, desired, exists_already, illegal_step, key_of, wrong_version,
};

/// Stores `change` whole; the transaction is dropped when this fails.
pub(super) fn commit(tx: &Transaction<'_>, change: Change) -> Result<Vec<Record>, Fault> {
    locks::ensure_as_seen(tx, &change.locks_seen)?;
    for write in &change.locks {
        locks::store(tx, write)?;
    }
    for (user, at) in &change.credentials_ended {
        locks::end_credentials(tx, user, *at)?;
    }
    for write in &change.requests {
        request(tx, write)?;
    }
    for write in &change.grants {
        grant(tx, write)?;
    }
    for wish in &change.desires {
        desire(tx, wish)?;
    }
    for sessions in &change.outliving {
        cuts::insert(tx, &cut_of(sessions))?;
    }
    for write in &change.sweeps {
        sweeps::sweep(tx, write)?;
    }
    for write in &change.sweep_items {
        sweeps::item(tx, write)?;
    }
    for write in &change.accepted {
        sweeps::acceptance(tx, write)?;
    }
    let records = append(tx, change.audit)?;
    if let Some(given) = &change.answer {
        answer(tx, given)?;
    }
    for told in change.notices {
        outbox::post(tx, &Message::Notice(told))?;
    }
    for told in change.digests {
        outbox::post(tx, &Message::Digest(told))?;
    }
    Ok(records)
}

/// The state stored under `id` at `version`.
fn prior_state(
    tx: &Transaction<'_>,
    table: &str,
    what: &str,
    id: &str,
    version: u64,
) -> Result<String, Fault> {
    tx.prepare_cached(&format!(
        "SELECT state FROM {table} WHERE id = ?1 AND version = ?2"
    ))?
    .query_row((id, number(version)), |row| row.get(0))
    .optional()?
    .ok_or_else(|| wrong_version(what))
}

fn request(tx: &Transaction<'_>, write: &Write<Request>) -> Result<(), Fault> {
    let (row, sql) = match write {
        Write::Insert(row) => (
            row.clone(),
            "INSERT INTO requests (id, version, state, requester, hold_key, dedupe, due, open_review,
                 body)
             VALUES (:id, :version, :state, :requester, :hold_key, :dedupe, :due, :open_review,
                 :body)",
        ),
        Write::Update(row) => (
            Request {
                version: row.version + 1,
                ..row.clone()
            },
            "UPDATE requests SET version = :version, state = :state, requester = :requester,
                 hold_key = :hold_key, dedupe = :dedupe, due = :due,
                 open_review = :open_review, body = :body
             WHERE id = :id AND version = :version - 1",
        ),
    };
    let (id, what) = (row.id.to_string(), format!("request {}", row.id));
    let prior = match write {
        Write::Insert(_) => None,
        Write::Update(read) => Some(prior_state(tx, "requests", &what, &id, read.version)?),
    };
    let written = tx.prepare_cached(sql)?.execute(named_params! {
        ":id": id,
        ":version": number(row.version),
        ":state": row.state.name(),
        ":requester": row.requester.user.as_str(),
        ":hold_key": row.key.as_ref().map(ToString::to_string),
        ":dedupe": row.dedupe_key(),
        ":due": row.due().map(instant),
        ":open_review": row.has_open_review(),
        ":body": request_body(&row)?,
    });
    match written {
        Ok(_) => Ok(()),
        Err(error) => Err(match (refusal(&error), prior) {
            (Some(Refused::Trigger), Some(prior)) => illegal_step(&what, &prior, row.state.name()),
            (Some(Refused::Twin), _) => {
                exists_already(&format!("{what}, or an equal pending request"))
            }
            _ => error.into(),
        }),
    }
}

fn grant(tx: &Transaction<'_>, write: &Write<Grant>) -> Result<(), Fault> {
    let (row, sql) = match write {
        Write::Insert(row) => (
            row.clone(),
            "INSERT INTO grants (id, version, state, holder, hold_key, account, due, ends_at,
                 live, stuck, seen_news, news, body)
             VALUES (:id, :version, :state, :holder, :hold_key, :account, :due, :ends_at,
                 :live, :stuck, :seen_news,
                 coalesce((SELECT news FROM assignments WHERE hold_key = :hold_key), 0), :body)",
        ),
        Write::Update(row) => (
            Grant {
                version: row.version + 1,
                ..row.clone()
            },
            "UPDATE grants SET version = :version, state = :state, holder = :holder,
                 hold_key = :hold_key, account = :account, due = :due, ends_at = :ends_at,
                 live = :live, stuck = :stuck, seen_news = :seen_news,
                 news = coalesce((SELECT news FROM assignments WHERE hold_key = :hold_key), 0),
                 body = :body
             WHERE id = :id AND version = :version - 1",
        ),
    };
    let (id, what) = (row.id.to_string(), format!("grant {}", row.id));
    let prior = match write {
        Write::Insert(_) => None,
        Write::Update(read) => Some(prior_state(tx, "grants", &what, &id, read.version)?),
    };
    let written = tx.prepare_cached(sql)?.execute(named_params! {
        ":id": id,
        ":version": number(row.version),
        ":state": row.state.name(),
        ":holder": row.holder.user.as_str(),
        ":hold_key": row.key.to_string(),
        ":account": account_of(&row.key.target),
        ":due": row.due().map(instant),
        ":ends_at": instant(row.due_to_end()),
        ":live": !row.is_over(),
        ":stuck": row.stuck.is_some(),
        ":seen_news": number(row.seen_news),
        ":body": grant_body(&row)?,
    });
    match written {
        Ok(_) => Ok(()),
        Err(error) => Err(match (refusal(&error), prior) {
            (Some(Refused::Trigger), Some(prior)) => illegal_step(&what, &prior, row.state.name()),
            (Some(Refused::Twin), _) => exists_already(&what),
            _ => error.into(),
        }),
    }
}

fn desire(tx: &Transaction<'_>, wish: &Desire) -> Result<(), Fault> {
    let key = key_of(wish);
    let stored = assignments::load(tx, key)?;
    let rev = stored.as_ref().map(|row| row.desired.rev);
    match desired(stored, wish, rev_floor(tx)?)? {
        Some(row) if rev.is_some() => assignments::update(tx, &row),
        Some(row) => insert_assignment(tx, &row),
        None => {
            tx.prepare_cached(
                "INSERT INTO counters (name, value) VALUES ('rev_floor', ?1)
                 ON CONFLICT (name) DO UPDATE SET value = max(value, excluded.value)",
            )?
            .execute([number(rev.unwrap_or(0))])?;
            tx.prepare_cached("DELETE FROM assignments WHERE hold_key = ?1")?
                .execute([key.to_string()])?;
            Ok(())
        }
    }
}

fn insert_assignment(tx: &Transaction<'_>, row: &Row) -> Result<(), Fault> {
    tx.prepare_cached(
        "INSERT INTO assignments (hold_key, rev, until, asked_at, due, verdict, news, kind, lane,
             operation, body)
         VALUES (:hold_key, 0, '', '', '', '', 0, :kind, :lane, NULL, '')",
    )?
    .execute(named_params! {
        ":hold_key": row.key.to_string(),
        ":kind": account_of(&row.key.target).map_or("group", |_| "account"),
        ":lane": row.key.lane(),
    })?;
    assignments::update(tx, row)
}

fn rev_floor(tx: &Transaction<'_>) -> Result<u64, Fault> {
    let floor: Option<i64> = tx
        .prepare_cached("SELECT value FROM counters WHERE name = 'rev_floor'")?
        .query_row([], |row| row.get(0))
        .optional()?;
    Ok(floor.map_or(0, counter))
}

/// The end of the chain.
pub(super) fn head(tx: &Transaction<'_>) -> Result<Option<Head>, Fault> {
    let stored: Option<(i64, String, String)> = tx
        .prepare_cached("SELECT seq, hash, time FROM audit_head")?
        .query_row([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))
        .optional()?;
    stored
        .map(|(seq, hash, time)| {
            Ok(Head {
                seq: counter(seq),
                hash,
                time: read_instant(&time)?,
            })
        })
        .transpose()
}

/// Numbers, chains and stores drafts.
pub(super) fn append(tx: &Transaction<'_>, drafts: Vec<Draft>) -> Result<Vec<Record>, Fault> {
    if drafts.is_empty() {
        return Ok(Vec::new());
    }
    let mut end = head(tx)?;
    let mut records = Vec::with_capacity(drafts.len());
    for draft in drafts {
        let record = hallpass_audit::seal(draft, end.as_ref())?;
        let stored = tx
            .prepare_cached(
                "INSERT INTO audit (seq, id, event, request_id, grant_id, body)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
            )?
            .execute((
                number(record.seq()),
                record.id().to_string(),
                record.event(),
                record.text("access_request_id"),
                record.text("grant_id"),
                record.canonical(),
            ));
        if let Err(error) = stored {
            return Err(match refusal(&error) {
                Some(Refused::Twin) => exists_already(&format!("audit record {}", record.id())),
                Some(Refused::Trigger) | None => error.into(),
            });
        }
        end = Some(head_at(&record));
        records.push(record);
    }
    if let Some(end) = end {
        tx.prepare_cached(
            "INSERT INTO audit_head (only_row, seq, hash, time) VALUES (1, ?1, ?2, ?3)
             ON CONFLICT (only_row) DO UPDATE
             SET seq = excluded.seq, hash = excluded.hash, time = excluded.time",
        )?
        .execute((number(end.seq), end.hash, instant(end.time)))?;
    }
    Ok(records)
}

fn answer(tx: &Transaction<'_>, given: &Answer) -> Result<(), Fault> {
    if let Some(now) = answered_at(given) {
        tx.prepare_cached("DELETE FROM answers WHERE until <= ?1")?
            .execute([instant(now)])?;
    }
    let text = body(given)?;
    let stored: String = tx
        .prepare_cached(
            "INSERT INTO answers (actor, key, until, body) VALUES (?1, ?2, ?3, ?4)
             ON CONFLICT (actor, key) DO UPDATE SET body = body
             RETURNING body",
        )?
        .query_row(
            (
                given.actor.as_str(),
                &given.key,
                instant(given.until),
                &text,
            ),
            |row| row.get(0),
        )?;
    if stored == text {
        Ok(())
    } else {
        Err(exists_already("another answer to this idempotency key"))
    }
}
