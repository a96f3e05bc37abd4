//! Remediations in tables: a row each, with the listed properties in columns.

use async_trait::async_trait;
use hallpass_access::{RemediationPress, RemediationPresses};
use hallpass_audit::Draft;
use hallpass_base::{AccountId, Timestamp};
use hallpass_findings::remediation::{
    Remediation, RemediationCursor, RemediationFilter, RemediationId, RemediationStore,
    RemediationStoreFault,
};

use super::unreadable::{each_body, or_told, readable};
use super::{Heeds, SqlStore, audit as records, commit, locks, number};
use crate::database::{Optional, Params, Transaction};
use crate::fault::StorageFault;
use crate::rows::{body, read_body};

impl From<StorageFault> for RemediationStoreFault {
    fn from(fault: StorageFault) -> Self {
        Self::Unavailable(fault.text())
    }
}

const KIND: &str = "remediation";

pub(super) fn read(text: &str) -> Result<Remediation, StorageFault> {
    read_body(KIND, text)
}

fn columns(it: &Remediation) -> (Option<i64>, Option<i64>, i64) {
    let milliseconds = |at: Option<Timestamp>| at.map(Timestamp::as_millisecond);
    let backlog = RemediationFilter::Backlog.takes(&it.phase);
    (
        milliseconds(it.acts_at),
        milliseconds(it.due_at()),
        i64::from(backlog),
    )
}

fn begin(tx: &Transaction<'_>, it: &Remediation) -> Result<bool, StorageFault> {
    let (acts_at, due_at, backlog) = columns(it);
    let written = tx
        .prepare(
            "INSERT INTO remediations
                 (id, rule, account, resource, decided_at, acts_at, due_at, backlog, version, body)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)
             ON CONFLICT (id) DO NOTHING",
        )?
        .execute((
            it.id.as_str(),
            &it.rule,
            it.deviation.account.as_str(),
            &it.deviation.resource,
            it.decided_at.as_millisecond(),
            acts_at,
            due_at,
            backlog,
            number(it.version),
            body(it)?,
        ))?;
    Ok(written == 1)
}

fn change(tx: &Transaction<'_>, it: &Remediation) -> Result<bool, StorageFault> {
    let next = Remediation {
        version: it.version + 1,
        ..it.clone()
    };
    let (acts_at, due_at, backlog) = columns(&next);
    let written = tx
        .prepare(
            "UPDATE remediations SET acts_at = ?2, due_at = ?3, backlog = ?4, version = ?5, body = ?6
             WHERE id = ?1 AND version = ?5 - 1",
        )?
        .execute((
            it.id.as_str(),
            acts_at,
            due_at,
            backlog,
            number(next.version),
            body(&next)?,
        ))?;
    Ok(written == 1)
}

/// Returns the first `most` rows of a query for ids and bodies. Unreadable ones are logged and not
/// counted.
fn first_rows<P: Params>(
    tx: &Transaction<'_>,
    (sql, params): (&str, impl Fn(i64) -> P),
    most: usize,
) -> Result<Vec<Remediation>, StorageFault> {
    let mut asked = most;
    loop {
        let (mut found, mut given) = (Vec::new(), 0);
        each_body::<String>(tx, (sql, params(limit(asked))), |id, text| {
            given += 1;
            found.extend(or_told(KIND, &id, text.and_then(|text| read(&text))));
        })?;
        if found.len() >= most || given < asked {
            found.truncate(most);
            return Ok(found);
        }
        asked = asked.saturating_mul(2);
    }
}

/// Returns all rows, for decisions that need all: an unreadable one is an error.
fn all_rows(
    tx: &Transaction<'_>,
    sql: &str,
    with: impl Params,
) -> Result<Vec<Remediation>, StorageFault> {
    let mut found = Vec::new();
    each_body::<String>(tx, (sql, with), |_, text| {
        found.push(text.and_then(|text| read(&text)));
    })?;
    found.into_iter().collect()
}

fn least(filter: RemediationFilter) -> i64 {
    match filter {
        RemediationFilter::All => 0,
        RemediationFilter::Backlog => 1,
    }
}

fn limit(most: usize) -> i64 {
    i64::try_from(most).unwrap_or(i64::MAX)
}

fn put_pause(
    tx: &Transaction<'_>,
    paused: Option<(String, Timestamp)>,
) -> Result<(), StorageFault> {
    tx.prepare("DELETE FROM remediation_pause")?.execute([])?;
    if let Some((by, at)) = paused {
        tx.prepare("INSERT INTO remediation_pause (only, by, at) VALUES (1, ?1, ?2)")?
            .execute((by, at.as_millisecond()))?;
    }
    Ok(())
}

impl SqlStore {
    /// Pauses or resumes all remediation writes, recording the actor.
    ///
    /// # Errors
    /// The store; nothing was half done.
    pub async fn pause_remediations(
        &self,
        paused: Option<(String, Timestamp)>,
        record: Draft,
    ) -> Result<(), RemediationStoreFault> {
        let pause = move |tx: &Transaction<'_>| {
            put_pause(tx, paused)?;
            records::append(tx, vec![record])?;
            Ok(())
        };
        Ok(self.write(pause).await?)
    }
}

#[async_trait]
impl RemediationPresses for SqlStore {
    async fn press_remediation(
        &self,
        it: &Remediation,
        press: RemediationPress,
    ) -> Result<(), RemediationStoreFault> {
        let (id, it) = (it.id.clone(), it.clone());
        let press = move |tx: &Transaction<'_>| {
            locks::ensure_as_seen(tx, &press.locks_seen)?;
            let is_ours = change(tx, &it)?;
            if is_ours {
                records::append(tx, vec![press.record])?;
                if let Some(answer) = &press.answer {
                    commit::forget_expired_answers(tx, answer)?;
                    commit::answer(tx, answer)?;
                }
            }
            Ok(is_ours)
        };
        match self.write_if(Heeds::Log, press).await {
            Ok(true) => Ok(()),
            Ok(false) | Err(StorageFault::Raced(_)) => Err(RemediationStoreFault::Raced(id)),
            Err(fault) => Err(fault.into()),
        }
    }

    async fn remediations_after(
        &self,
        filter: RemediationFilter,
        after: Option<&RemediationCursor>,
        most: usize,
    ) -> Result<Vec<Remediation>, RemediationStoreFault> {
        let place = after.map(RemediationCursor::place);
        let (at, id) = place.map_or((i64::MAX, String::new()), |(at, id)| (at, id.to_owned()));
        let sql = "SELECT id, body FROM remediations
                   WHERE backlog >= ?1 AND (decided_at < ?2 OR (decided_at = ?2 AND id < ?3))
                   ORDER BY decided_at DESC, id DESC LIMIT ?4";
        let find = move |tx: &Transaction<'_>| {
            let params = |most| (least(filter), at, id.clone(), most);
            first_rows(tx, (sql, params), most)
        };
        Ok(self.list(find).await?)
    }
}

#[async_trait]
impl RemediationStore for SqlStore {
    async fn begin_remediation(&self, new: &Remediation) -> Result<bool, RemediationStoreFault> {
        let new = new.clone();
        Ok(self.write(move |tx| begin(tx, &new)).await?)
    }

    async fn change_remediation(&self, it: &Remediation) -> Result<(), RemediationStoreFault> {
        let (id, it) = (it.id.clone(), it.clone());
        if self.write(move |tx| change(tx, &it)).await? {
            Ok(())
        } else {
            Err(RemediationStoreFault::Raced(id))
        }
    }

    async fn remediation(
        &self,
        id: &RemediationId,
    ) -> Result<Option<Remediation>, RemediationStoreFault> {
        let id = id.clone();
        let find = move |tx: &Transaction<'_>| {
            let text: Option<String> = tx
                .prepare("SELECT body FROM remediations WHERE id = ?1")?
                .query_row([id.as_str()], |row| row.get(0))
                .optional()?;
            text.as_deref().map(read).transpose()
        };
        Ok(self.list(find).await?)
    }

    async fn remediations(
        &self,
        filter: RemediationFilter,
        most: usize,
    ) -> Result<Vec<Remediation>, RemediationStoreFault> {
        let sql = "SELECT id, body FROM remediations WHERE backlog >= ?1 ORDER BY decided_at DESC, id DESC LIMIT ?2";
        let find =
            move |tx: &Transaction<'_>| first_rows(tx, (sql, |most| (least(filter), most)), most);
        Ok(self.list(find).await?)
    }

    async fn due_remediations(
        &self,
        now: Timestamp,
        most: usize,
    ) -> Result<Vec<Remediation>, RemediationStoreFault> {
        let sql = "SELECT it.id, it.body
                   FROM (SELECT id, due_at,
                                row_number() OVER (PARTITION BY account ORDER BY due_at, id) AS turn
                         FROM remediations WHERE due_at <= ?1
                         ORDER BY turn, due_at, id LIMIT ?2) AS due
                   JOIN remediations AS it ON it.id = due.id
                   ORDER BY due.turn, due.due_at, due.id";
        let find = move |tx: &Transaction<'_>| {
            first_rows(tx, (sql, |most| (now.as_millisecond(), most)), most)
        };
        Ok(self.list(find).await?)
    }

    async fn acting_since(
        &self,
        rule: &str,
        since: Timestamp,
    ) -> Result<u32, RemediationStoreFault> {
        let rule = rule.to_owned();
        let count = move |tx: &Transaction<'_>| {
            let sql = "SELECT count(*) FROM remediations WHERE rule = ?1 AND acts_at > ?2";
            let found: i64 = tx
                .prepare(sql)?
                .query_row((rule, since.as_millisecond()), |row| row.get(0))?;
            Ok(u32::try_from(found).unwrap_or(u32::MAX))
        };
        Ok(self.list(count).await?)
    }

    async fn of_resource(
        &self,
        account: &AccountId,
        resource: &str,
        since: Timestamp,
    ) -> Result<Vec<Remediation>, RemediationStoreFault> {
        let (account, resource) = (account.clone(), resource.to_owned());
        let find = move |tx: &Transaction<'_>| {
            // an old decision may still be approved or undone today
            let sql = "SELECT id, body FROM remediations WHERE account = ?1 AND resource = ?2
                       ORDER BY decided_at DESC, id DESC LIMIT 1000";
            let mut found = all_rows(tx, sql, (account.as_str(), resource))?;
            found.retain(|it| it.moved_at() > since);
            Ok(found)
        };
        Ok(self.list(find).await?)
    }

    async fn paused(&self) -> Result<Option<(String, Timestamp)>, RemediationStoreFault> {
        let find = |tx: &Transaction<'_>| {
            let found: Option<(String, i64)> = tx
                .prepare("SELECT by, at FROM remediation_pause")?
                .query_row([], |row| Ok((row.get(0)?, row.get(1)?)))
                .optional()?;
            let paused = found.map(|(by, at)| {
                let at = Timestamp::from_millisecond(at);
                (by, at.unwrap_or(Timestamp::UNIX_EPOCH))
            });
            Ok(paused)
        };
        Ok(self.list(find).await?)
    }

    async fn set_paused(
        &self,
        paused: Option<(String, Timestamp)>,
    ) -> Result<(), RemediationStoreFault> {
        Ok(self.write(move |tx| put_pause(tx, paused)).await?)
    }

    async fn forget_remediations(&self, before: Timestamp) -> Result<(), RemediationStoreFault> {
        let forget = move |tx: &Transaction<'_>| {
            let sql = "SELECT id, body FROM remediations
                       WHERE decided_at < ?1 AND (acts_at IS NULL OR acts_at < ?1)
                           AND backlog = 0 AND due_at IS NULL";
            let query = (sql, [before.as_millisecond()]);
            let over = readable(tx, KIND, query, |text: &String| read(text))?;
            for it in over.iter().filter(|it| it.moved_at() < before) {
                tx.prepare("DELETE FROM remediations WHERE id = ?1")?
                    .execute([it.id.as_str()])?;
            }
            Ok(())
        };
        Ok(self.write(forget).await?)
    }
}
