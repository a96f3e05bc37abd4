//! Requests, grants and notices in SQLite.

use async_trait::async_trait;
use hallpass_access::{
    AccessStore, Answer, Change, CommitError, Counts, Grant, GrantFilter, Holds, Lock, ReadError,
    Request, RequestFilter, Waiting,
};
use hallpass_audit::Record;
use hallpass_model::{GrantId, HoldKey, RequestId, Timestamp, UserId};
use rusqlite::{OptionalExtension, Params, Transaction, params_from_iter};

use super::{SqliteStore, assignments, commit, counter, locks, outbox};
use crate::fault::Fault;
use crate::rows::{body, instant, read_body, read_grant, read_instant, read_request};

/// The bodies a query finds.
fn bodies(tx: &Transaction<'_>, sql: &str, params: impl Params) -> Result<Vec<String>, Fault> {
    Ok(tx
        .prepare_cached(sql)?
        .query_map(params, |row| row.get(0))?
        .collect::<Result<_, _>>()?)
}

/// Rows of `table` for which all `conditions` hold (each with one `?`), newest first.
fn newest_first(
    tx: &Transaction<'_>,
    table: &str,
    conditions: Vec<(&str, String)>,
    limit: u32,
) -> Result<Vec<String>, Fault> {
    let mut sql = format!("SELECT body FROM {table} WHERE true");
    let mut params = Vec::with_capacity(conditions.len());
    for (condition, param) in conditions {
        sql.push_str(" AND ");
        sql.push_str(condition);
        params.push(param);
    }
    sql.push_str(" ORDER BY id DESC LIMIT ");
    sql.push_str(&limit.to_string());
    Ok(tx
        .prepare(&sql)?
        .query_map(params_from_iter(params), |row| row.get(0))?
        .collect::<Result<_, _>>()?)
}

fn requests(
    tx: &Transaction<'_>,
    filter: RequestFilter,
    limit: u32,
) -> Result<Vec<Request>, Fault> {
    let RequestFilter {
        state,
        requester,
        key,
        open_review,
        before,
    } = filter;
    let conditions = [
        ("state = ?", state),
        // a constant, so that the index of open reviews is used; each condition has one parameter
        (
            "open_review = 1 AND ? = 'open'",
            open_review.then(|| "open".to_owned()),
        ),
        ("requester = ?", requester.map(String::from)),
        ("hold_key = ?", key.map(|key| key.to_string())),
        ("id < ?", before.map(|id| id.to_string())),
    ];
    let wanted = conditions
        .into_iter()
        .filter_map(|(condition, value)| Some((condition, value?)))
        .collect();
    newest_first(tx, "requests", wanted, limit)?
        .iter()
        .map(|text| read_request(text))
        .collect()
}

fn grants(tx: &Transaction<'_>, filter: GrantFilter, limit: u32) -> Result<Vec<Grant>, Fault> {
    let GrantFilter {
        states,
        holder,
        account,
        before,
    } = filter;
    let states = if states.is_empty() {
        None
    } else {
        Some(body(&states)?)
    };
    let conditions = [
        ("state IN (SELECT value FROM json_each(?))", states),
        ("holder = ?", holder.map(String::from)),
        ("account = ?", account),
        ("id < ?", before.map(|id| id.to_string())),
    ];
    let wanted = conditions
        .into_iter()
        .filter_map(|(condition, value)| Some((condition, value?)))
        .collect();
    newest_first(tx, "grants", wanted, limit)?
        .iter()
        .map(|text| read_grant(text))
        .collect()
}

fn holds(tx: &Transaction<'_>, key: &HoldKey) -> Result<Holds, Fault> {
    let live = bodies(
        tx,
        "SELECT body FROM grants WHERE live = 1 AND hold_key = ?1 ORDER BY id",
        [key.to_string()],
    )?;
    Ok(Holds {
        grants: live
            .iter()
            .map(|text| read_grant(text))
            .collect::<Result<_, _>>()?,
        row: assignments::load(tx, key)?,
    })
}

fn grants_due(tx: &Transaction<'_>, now: Timestamp, limit: u32) -> Result<Vec<Grant>, Fault> {
    bodies(
        tx,
        // two indexes hold what is due; the live grants in between are never read
        "SELECT body FROM (
             SELECT id, ends_at FROM grants INDEXED BY grants_due
             WHERE live = 1 AND due <= ?1
             UNION
             SELECT id, ends_at FROM grants INDEXED BY grants_with_news
             WHERE live = 1 AND news > seen_news
             ORDER BY ends_at, id LIMIT ?2) AS found
         CROSS JOIN grants ON grants.id = found.id
         ORDER BY grants.ends_at, grants.id",
        (instant(now), i64::from(limit)),
    )?
    .iter()
    .map(|text| read_grant(text))
    .collect()
}

fn next_due(tx: &Transaction<'_>) -> Result<Option<Timestamp>, Fault> {
    let text: Option<String> = tx
        .prepare_cached(
            "SELECT min(due) FROM (
                 SELECT min(due) AS due FROM requests WHERE due IS NOT NULL
                 UNION ALL
                 SELECT min(due) FROM grants WHERE live = 1 AND due IS NOT NULL)",
        )?
        .query_row([], |row| row.get(0))?;
    text.map(|text| read_instant(&text)).transpose()
}

fn counts(tx: &Transaction<'_>, overdue_before: Timestamp) -> Result<Counts, Fault> {
    let by_state = |table: &str| {
        tx.prepare_cached(&format!(
            "SELECT state, count(*) FROM {table} GROUP BY state"
        ))?
        .query_map([], |row| Ok((row.get(0)?, counter(row.get(1)?))))?
        .collect::<Result<_, rusqlite::Error>>()
    };
    let (overdue, stuck): (i64, i64) = tx
        .prepare_cached(
            "SELECT coalesce(sum(stuck = 0 AND ends_at < ?1), 0), coalesce(sum(stuck), 0)
             FROM grants INDEXED BY grants_live WHERE live = 1",
        )?
        .query_row([instant(overdue_before)], |row| {
            Ok((row.get(0)?, row.get(1)?))
        })?;
    let notices = tx
        .prepare_cached(
            "SELECT name, (SELECT count(*) FROM deliveries WHERE channel = name) FROM channels",
        )?
        .query_map([], |row| Ok((row.get(0)?, counter(row.get(1)?))))?
        .collect::<Result<_, rusqlite::Error>>()?;
    let unsettled: i64 = tx
        .prepare_cached("SELECT count(*) FROM assignments WHERE verdict = 'working'")?
        .query_row([], |row| row.get(0))?;
    Ok(Counts {
        requests: by_state("requests")?,
        grants: by_state("grants")?,
        overdue: counter(overdue),
        stuck: counter(stuck),
        unsettled: counter(unsettled),
        notices,
    })
}

/// One body by one or two names.
fn one(tx: &Transaction<'_>, sql: &str, params: impl Params) -> Result<Option<String>, Fault> {
    Ok(tx
        .prepare_cached(sql)?
        .query_row(params, |row| row.get(0))
        .optional()?)
}

#[async_trait]
impl AccessStore for SqliteStore {
    async fn request(&self, id: RequestId) -> Result<Option<Request>, ReadError> {
        Ok(self
            .read(move |tx| {
                one(
                    tx,
                    "SELECT body FROM requests WHERE id = ?1",
                    [id.to_string()],
                )?
                .map(|text| read_request(&text))
                .transpose()
            })
            .await?)
    }

    async fn grant(&self, id: GrantId) -> Result<Option<Grant>, ReadError> {
        Ok(self
            .read(move |tx| {
                one(
                    tx,
                    "SELECT body FROM grants WHERE id = ?1",
                    [id.to_string()],
                )?
                .map(|text| read_grant(&text))
                .transpose()
            })
            .await?)
    }

    async fn requests(
        &self,
        filter: &RequestFilter,
        limit: u32,
    ) -> Result<Vec<Request>, ReadError> {
        let filter = filter.clone();
        Ok(self.read(move |tx| requests(tx, filter, limit)).await?)
    }

    async fn grants(&self, filter: &GrantFilter, limit: u32) -> Result<Vec<Grant>, ReadError> {
        let filter = filter.clone();
        Ok(self.read(move |tx| grants(tx, filter, limit)).await?)
    }

    async fn holds(&self, key: &HoldKey) -> Result<Holds, ReadError> {
        let key = key.clone();
        Ok(self.read(move |tx| holds(tx, &key)).await?)
    }

    async fn requests_due(&self, now: Timestamp, limit: u32) -> Result<Vec<Request>, ReadError> {
        Ok(self
            .read(move |tx| {
                bodies(
                    tx,
                    "SELECT body FROM requests WHERE due <= ?1 ORDER BY due, id LIMIT ?2",
                    (instant(now), i64::from(limit)),
                )?
                .iter()
                .map(|text| read_request(text))
                .collect()
            })
            .await?)
    }

    async fn grants_due(&self, now: Timestamp, limit: u32) -> Result<Vec<Grant>, ReadError> {
        Ok(self.read(move |tx| grants_due(tx, now, limit)).await?)
    }

    async fn next_due(&self) -> Result<Option<Timestamp>, ReadError> {
        Ok(self.read(next_due).await?)
    }

    async fn commit(&self, change: Change) -> Result<Vec<Record>, CommitError> {
        Ok(self.write(move |tx| commit::commit(tx, change)).await?)
    }

    async fn lock_of(&self, user: &UserId) -> Result<Option<Lock>, ReadError> {
        let user = user.clone();
        Ok(self.read(move |tx| locks::read(tx, &user)).await?)
    }

    async fn locks(&self) -> Result<Vec<Lock>, ReadError> {
        Ok(self.read(locks::all).await?)
    }

    async fn with_credentials(&self) -> Result<Vec<UserId>, ReadError> {
        Ok(self.read(locks::with_credentials).await?)
    }

    async fn answer(&self, actor: &UserId, key: &str) -> Result<Option<Answer>, ReadError> {
        let (actor, key) = (actor.clone(), key.to_owned());
        Ok(self
            .read(move |tx| {
                one(
                    tx,
                    "SELECT body FROM answers WHERE actor = ?1 AND key = ?2",
                    (actor.as_str(), key),
                )?
                .map(|text| read_body("answer", &text))
                .transpose()
            })
            .await?)
    }

    async fn open_channel(&self, channel: &str, now: Timestamp) -> Result<(), ReadError> {
        let channel = channel.to_owned();
        Ok(self
            .write(move |tx| outbox::open(tx, &channel, now))
            .await?)
    }

    async fn next_notice(&self, channel: &str) -> Result<Option<Timestamp>, ReadError> {
        let channel = channel.to_owned();
        Ok(self.read(move |tx| outbox::next(tx, &channel)).await?)
    }

    async fn take_notices(
        &self,
        channel: &str,
        now: Timestamp,
        again_at: Timestamp,
        limit: u32,
    ) -> Result<Vec<Waiting>, ReadError> {
        let channel = channel.to_owned();
        Ok(self
            .write(move |tx| outbox::take(tx, &channel, now, again_at, limit))
            .await?)
    }

    async fn notice_delivered(&self, channel: &str, number: u64) -> Result<(), ReadError> {
        let channel = channel.to_owned();
        Ok(self
            .write(move |tx| outbox::delivered(tx, &channel, number))
            .await?)
    }

    async fn notice_postponed(
        &self,
        channel: &str,
        number: u64,
        again_at: Timestamp,
    ) -> Result<(), ReadError> {
        let channel = channel.to_owned();
        Ok(self
            .write(move |tx| outbox::postponed(tx, &channel, number, again_at))
            .await?)
    }

    async fn hurry_notices(&self, later_than: Timestamp) -> Result<u64, ReadError> {
        Ok(self.write(move |tx| outbox::hurry(tx, later_than)).await?)
    }

    async fn prune_notices(&self, before: Timestamp) -> Result<u64, ReadError> {
        Ok(self.write(move |tx| outbox::prune(tx, before)).await?)
    }

    async fn oldest_unexported(&self) -> Result<Option<Timestamp>, ReadError> {
        Ok(self.read(super::audit::oldest_unexported).await?)
    }

    async fn counts(&self, overdue_before: Timestamp) -> Result<Counts, ReadError> {
        Ok(self.read(move |tx| counts(tx, overdue_before)).await?)
    }
}
