//! Requests, grants and notices in tables.

use async_trait::async_trait;
use std::collections::BTreeMap;

use hallpass_access::{
    Absence, AccessStore, Alarm, ArmedEndStatus, Change, CommitError, Counts, Ends, Grant,
    GrantFilter, GrantStateKind, Holds, Listed, Lock, PastGrants, PastQuery, ReadError, Request,
    RequestFilter, RequestStateKind, StoredAnswer, Subject, UnreadGrant, Waiting,
};
use hallpass_audit::Record;
use hallpass_base::{Email, GrantId, HoldKey, RequestId, Timestamp, UserId};

use super::unreadable::{first_readable, packed_one, unpacked};
use super::{
    Heeds, Space, SqlStore, absences, alarms, armed_ends, assignment_rows, commit, counter, grants,
    listing, locks, number, outbox,
};
use crate::database::{DatabaseError, Optional, Params, Transaction};
use crate::fault::StorageFault;
use crate::rows::{instant, read_body, read_instant, read_subject};

fn holds(tx: &Transaction<'_>, key: &HoldKey) -> Result<Holds, StorageFault> {
    Ok(Holds {
        grants: grants::live_on(tx, key)?,
        row: assignment_rows::load(tx, key)?,
    })
}

/// Two indexes cover due rows; live grants between them are never read.
pub(super) const GRANTS_DUE: &str = "SELECT found.id, body FROM (
         SELECT id, ends_at, row_number() OVER (PARTITION BY holder ORDER BY ends_at, id) AS turn
         FROM (
             SELECT id, ends_at, holder FROM grants INDEXED BY grants_due
             WHERE live = 1 AND due <= ?1
             UNION
             SELECT id, ends_at, holder FROM grants INDEXED BY grants_with_news
             WHERE live = 1 AND news > seen_news) AS due_now
         ORDER BY turn, ends_at, id LIMIT ?2) AS found
     CROSS JOIN grants ON grants.id = found.id
     ORDER BY found.turn, found.ends_at, found.id";

pub(super) const REQUESTS_DUE: &str = "SELECT found.id, body FROM (
         SELECT id, due, row_number() OVER (PARTITION BY requester ORDER BY due, id) AS turn
         FROM requests INDEXED BY requests_due WHERE due <= ?1
         ORDER BY turn, due, id LIMIT ?2) AS found
     CROSS JOIN requests ON requests.id = found.id
     ORDER BY found.turn, found.due, found.id";

/// One index read, however many requests are pending.
pub(super) const PENDING_REQUEST: &str = "SELECT id, body FROM requests WHERE dedupe = ?1";

fn next_due(tx: &Transaction<'_>) -> Result<Option<Timestamp>, StorageFault> {
    let text: Option<String> = tx
        .prepare(
            "SELECT min(due) FROM (
                 SELECT min(due) AS due FROM requests WHERE due IS NOT NULL
                 UNION ALL
                 SELECT min(due) FROM grants WHERE live = 1 AND due IS NOT NULL) AS found",
        )?
        .query_row([], |row| row.get(0))?;
    text.map(|text| read_instant(&text)).transpose()
}

fn by_state<S: Ord>(
    tx: &Transaction<'_>,
    kind: &str,
    named: fn(&str) -> Option<S>,
) -> Result<BTreeMap<S, u64>, StorageFault> {
    let rows: Vec<(String, i64)> = tx
        .prepare("SELECT state, count FROM state_counts WHERE kind = ?1 AND count > 0")?
        .query_map([kind], |row| Ok((row.get(0)?, row.get(1)?)))?
        .collect::<Result<_, DatabaseError>>()?;
    let typed = rows.into_iter().map(|(name, count)| {
        let state = named(&name).ok_or_else(|| {
            StorageFault::Unavailable(format!("no {kind} can be in the state `{name}`"))
        })?;
        Ok((state, counter(count)))
    });
    typed.collect()
}

fn counts(tx: &Transaction<'_>, overdue_before: Timestamp) -> Result<Counts, StorageFault> {
    let (overdue, stuck): (i64, i64) = tx
        .prepare(
            "SELECT count(*) FILTER (WHERE stuck = 0 AND ends_at < ?1),
                    count(*) FILTER (WHERE stuck = 1)
             FROM grants INDEXED BY grants_live WHERE live = 1",
        )?
        .query_row([instant(overdue_before)], |row| {
            Ok((row.get(0)?, row.get(1)?))
        })?;
    let notices = tx
        .prepare(
            "SELECT name, (SELECT count(*) FROM deliveries WHERE channel = name) FROM channels",
        )?
        .query_map([], |row| Ok((row.get(0)?, counter(row.get(1)?))))?
        .collect::<Result<_, DatabaseError>>()?;
    let unsettled: i64 = tx
        .prepare("SELECT count(*) FROM assignments WHERE verdict = 'working'")?
        .query_row([], |row| row.get(0))?;
    Ok(Counts {
        requests: by_state(tx, "request", RequestStateKind::named)?,
        grants: by_state(tx, "grant", GrantStateKind::named)?,
        overdue: counter(overdue),
        stuck: counter(stuck),
        unsettled: counter(unsettled),
        notices,
        armed_ends: armed_ends::counts(tx)?,
    })
}

fn subjects(
    tx: &Transaction<'_>,
    after: u64,
    limit: u32,
) -> Result<Vec<(u64, Subject)>, StorageFault> {
    let rows: Vec<(i64, String)> = tx
        .prepare("SELECT number, name FROM subjects WHERE number > ?1 ORDER BY number LIMIT ?2")?
        .query_map((number(after), i64::from(limit)), |row| {
            Ok((row.get(0)?, row.get(1)?))
        })?
        .collect::<Result<_, _>>()?;
    rows.iter()
        .map(|(number, name)| Ok((counter(*number), read_subject(name)?)))
        .collect()
}

fn holder_of(tx: &Transaction<'_>, address: &Email) -> Result<Option<UserId>, StorageFault> {
    let user: Option<String> = tx
        .prepare(
            "SELECT user_id FROM last_holders JOIN principals ON principals.number = holder
             WHERE address = ?1",
        )?
        .query_row([address.as_str()], |row| row.get(0))
        .optional()?;
    let unreadable = |error| StorageFault::Unavailable(format!("stored user: {error}"));
    user.map(|user| user.parse().map_err(unreadable))
        .transpose()
}

fn one(
    tx: &Transaction<'_>,
    sql: &str,
    params: impl Params,
) -> Result<Option<String>, StorageFault> {
    Ok(tx
        .prepare(sql)?
        .query_row(params, |row| row.get(0))
        .optional()?)
}

#[async_trait]
impl AccessStore for SqlStore {
    async fn request(&self, id: RequestId) -> Result<Option<Request>, ReadError> {
        Ok(self.read(move |tx| packed_one(tx, &id.to_string())).await?)
    }

    async fn grant(&self, id: GrantId) -> Result<Option<Grant>, ReadError> {
        Ok(self.read(move |tx| packed_one(tx, &id.to_string())).await?)
    }

    async fn requests(
        &self,
        filter: &RequestFilter,
        limit: u32,
    ) -> Result<Listed<Request, RequestId>, ReadError> {
        let (filter, bounds) = (filter.clone(), self.bounds);
        Ok(self
            .list(move |tx| listing::list(tx, &filter, limit, bounds))
            .await?)
    }

    async fn pending_request(&self, dedupe_key: &str) -> Result<Option<Request>, ReadError> {
        let dedupe_key = dedupe_key.to_owned();
        Ok(self
            .read(move |tx| {
                let found = tx
                    .prepare(PENDING_REQUEST)?
                    .query_row([&dedupe_key], |row| {
                        Ok((row.get::<String>(0)?, row.get::<Vec<u8>>(1)))
                    })
                    .optional()?;
                found.map(|(id, body)| unpacked(&id, body)).transpose()
            })
            .await?)
    }

    async fn grants(
        &self,
        filter: &GrantFilter,
        limit: u32,
    ) -> Result<Listed<Grant, GrantId>, ReadError> {
        let (filter, bounds) = (filter.clone(), self.bounds);
        Ok(self
            .list(move |tx| listing::list(tx, &filter, limit, bounds))
            .await?)
    }

    async fn subjects(&self, after: u64, limit: u32) -> Result<Vec<(u64, Subject)>, ReadError> {
        Ok(self.list(move |tx| subjects(tx, after, limit)).await?)
    }

    async fn holder_of(&self, address: &Email) -> Result<Option<UserId>, ReadError> {
        let address = address.clone();
        Ok(self.list(move |tx| holder_of(tx, &address)).await?)
    }

    async fn past(&self, query: &PastQuery) -> Result<PastGrants, ReadError> {
        let query = query.clone();
        Ok(self.list(move |tx| grants::past(tx, &query)).await?)
    }

    async fn grants_late(&self, now: Timestamp, limit: u32) -> Result<Vec<Grant>, ReadError> {
        Ok(self.list(move |tx| grants::late(tx, now, limit)).await?)
    }

    async fn grants_unread(&self, from: GrantId) -> Result<Vec<UnreadGrant>, ReadError> {
        Ok(self.list(move |tx| grants::unread(tx, from)).await?)
    }

    async fn ends(&self, soon: Timestamp) -> Result<Ends, ReadError> {
        Ok(self.list(move |tx| grants::ends(tx, soon)).await?)
    }

    async fn armed_ends(
        &self,
        keys: &[HoldKey],
    ) -> Result<BTreeMap<HoldKey, ArmedEndStatus>, ReadError> {
        let keys = keys.to_vec();
        Ok(self.read(move |tx| armed_ends::statuses(tx, &keys)).await?)
    }

    async fn holds(&self, key: &HoldKey) -> Result<Holds, ReadError> {
        let key = key.clone();
        Ok(self.read(move |tx| holds(tx, &key)).await?)
    }

    async fn requests_due(&self, now: Timestamp, limit: u32) -> Result<Vec<Request>, ReadError> {
        Ok(self
            .read(move |tx| first_readable(tx, (REQUESTS_DUE, |most| (instant(now), most)), limit))
            .await?)
    }

    async fn grants_due(&self, now: Timestamp, limit: u32) -> Result<Vec<Grant>, ReadError> {
        Ok(self
            .read(move |tx| first_readable(tx, (GRANTS_DUE, |most| (instant(now), most)), limit))
            .await?)
    }

    async fn next_due(&self) -> Result<Option<Timestamp>, ReadError> {
        Ok(self.read(next_due).await?)
    }

    async fn commit(&self, change: Change) -> Result<Vec<Record>, CommitError> {
        // leader work always checks the seen log
        let heeds = if commit::grants(&change) {
            Heeds::LogAlways
        } else if commit::gives(&change) {
            Heeds::Log
        } else {
            self.heeds()
        };
        let space = commit::space(&change);
        let kept = (space == Space::Ends && self.reserve.is_some()).then(|| change.clone());
        let written = self.write_as((heeds, space), move |tx| commit::commit(tx, change));
        match (written.await, kept) {
            // the reserved space is free now
            (Err(StorageFault::Full(_)), Some(change)) => {
                let again = self.write_as((heeds, space), move |tx| commit::commit(tx, change));
                Ok(again.await?)
            }
            (written, _) => Ok(written?),
        }
    }

    async fn absences(&self, now: Timestamp) -> Result<Vec<Absence>, ReadError> {
        Ok(self.read(move |tx| absences::current(tx, now)).await?)
    }

    async fn absence_of(&self, user: &UserId) -> Result<Option<Absence>, ReadError> {
        let user = user.clone();
        Ok(self.read(move |tx| absences::read(tx, &user)).await?)
    }

    async fn lock_of(&self, user: &UserId) -> Result<Option<Lock>, ReadError> {
        let user = user.clone();
        Ok(self.read(move |tx| locks::read(tx, &user)).await?)
    }

    async fn locks_of(&self, users: &[UserId]) -> Result<Vec<Lock>, ReadError> {
        let users = users.to_vec();
        Ok(self.read(move |tx| locks::of_these(tx, &users)).await?)
    }

    async fn locks(&self) -> Result<Vec<Lock>, ReadError> {
        Ok(self.read(locks::all).await?)
    }

    async fn with_credentials(&self, now: Timestamp) -> Result<Vec<UserId>, ReadError> {
        Ok(self
            .list(move |tx| locks::with_credentials(tx, now))
            .await?)
    }

    async fn answer(&self, actor: &UserId, key: &str) -> Result<Option<StoredAnswer>, ReadError> {
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
            .write_for_ends(move |tx| outbox::open(tx, &channel, now))
            .await?)
    }

    async fn next_notice(&self, channel: &str) -> Result<Option<Timestamp>, ReadError> {
        let channel = channel.to_owned();
        Ok(self.read(move |tx| outbox::next(tx, &channel)).await?)
    }

    async fn take_notices(&self, by: &str, now: Timestamp, again: Timestamp, max: u32) -> Waiting {
        let by = by.to_owned();
        Ok(self
            .write_for_ends(move |tx| outbox::take(tx, &by, now, again, max))
            .await?)
    }

    async fn notice_delivered(&self, channel: &str, number: u64) -> Result<(), ReadError> {
        let channel = channel.to_owned();
        Ok(self
            .write_for_ends(move |tx| outbox::delivered(tx, &channel, number))
            .await?)
    }

    async fn notice_postponed(
        &self,
        by: &str,
        number: u64,
        again: Timestamp,
    ) -> Result<(), ReadError> {
        let by = by.to_owned();
        Ok(self
            .write_for_ends(move |tx| outbox::postponed(tx, &by, number, again))
            .await?)
    }

    async fn release_notices(&self, later_than: Timestamp) -> Result<u64, ReadError> {
        Ok(self
            .write_for_ends(move |tx| outbox::release_notices(tx, later_than))
            .await?)
    }

    async fn prune_notices(&self, before: Timestamp) -> Result<u64, ReadError> {
        Ok(self
            .write_for_ends(move |tx| outbox::prune(tx, before))
            .await?)
    }

    async fn note_alarm(&self, alarm: Alarm) -> Result<bool, ReadError> {
        Ok(self
            .write_for_ends(move |tx| alarms::note(tx, alarm))
            .await?)
    }

    async fn alarms(&self) -> Result<Vec<Alarm>, ReadError> {
        Ok(self.read(alarms::standing).await?)
    }

    async fn oldest_unexported(&self) -> Result<Option<Timestamp>, ReadError> {
        Ok(self.read(super::audit::oldest_unexported).await?)
    }

    async fn counts(&self, overdue_before: Timestamp) -> Result<Counts, ReadError> {
        Ok(self.read(move |tx| counts(tx, overdue_before)).await?)
    }
}
