//! Lists grants by the index that a filter allows, and counts past ones.

use hallpass_access::{
    Ends, Grant, GrantFilter, ListingConditions, PastGrants, PastQuery, SubjectSet, UnreadGrant,
    ViewerScope,
};
use hallpass_base::{GrantId, HoldKey, Timestamp};

use super::listing::{AFTER_ALL, EntryTest, IndexedFilter, RANGES_MAX, ScanRange, people, subject};
use super::numbers::{self, Numbered};
use super::unreadable::{body_of, each_body, first_readable, or_told, unpacked, unpacked_or_told};
use super::{counter, stored_id};
use crate::database::{DatabaseError, TableRow, Transaction};
use crate::fault::StorageFault;
use crate::filters::fits_grant;
use crate::rows::{instant, read_instant, read_key, subject_name};

const COUNTED_MAX: usize = 2_000;

macro_rules! range {
    ($index:literal, $of:literal) => {
        concat!(
            "SELECT id, state, holder, subject, approver, account FROM grants INDEXED BY ",
            $index,
            " WHERE id < ?1 AND id >= ?2 AND ",
            $of,
            " ORDER BY id DESC LIMIT ?3"
        )
    };
}

const ALL: &str = range!("grants_listed", "true");
/// As `ALL`, with when the grant was over.
const IN_TIME: &str = "SELECT id, state, holder, subject, approver, account, over_at
     FROM grants INDEXED BY grants_listed WHERE id < ?1 AND id >= ?2 ORDER BY id DESC LIMIT ?3";
/// The oldest grant that was not over at an instant.
const OLDEST_SINCE: &str = "SELECT min(id) FROM (
     SELECT min(id) AS id FROM grants INDEXED BY grants_over WHERE over_at > ?1
     UNION ALL SELECT min(id) FROM grants INDEXED BY grants_live_listed WHERE live = 1) AS oldest";
const ALL_LIVE: &str = range!("grants_live_listed", "live = 1");
const BY_STATE: &str = range!("grants_by_state", "state = ?4");
const BY_HOLDER: &str = range!("grants_by_holder", "holder = ?4");
const LIVE_BY_HOLDER: &str = range!("grants_live_by_holder", "live = 1 AND holder = ?4");
const BY_ACCOUNT: &str = range!("grants_by_account", "account = ?4");
const LIVE_BY_ACCOUNT: &str = range!("grants_live_by_account", "live = 1 AND account = ?4");
const BY_SUBJECT: &str = range!("grants_by_subject", "subject = ?4");
const BY_APPROVER: &str = range!("grants_by_approver", "approver = ?4");

const PAST: &str = "SELECT id, holder, granted FROM grants INDEXED BY grants_by_subject
     WHERE subject = ?1 AND id >= ?2 AND id < ?3 ORDER BY id DESC LIMIT ?4";
const PAST_OF_HOLDER: &str = "SELECT id, subject, granted FROM grants INDEXED BY grants_by_holder
     WHERE holder = ?1 AND id >= ?2 AND id < ?3 ORDER BY id DESC LIMIT ?4";

/// Filter parts checked against index entries.
struct Wanted<'a> {
    filter: &'a GrantFilter,
    holder: Option<i64>,
    people: Option<Vec<i64>>,
    over_after: Option<String>,
    seen: Option<Seen<'a>>,
}

struct Seen<'a> {
    subjects: &'a SubjectSet,
    user: Option<i64>,
}

impl EntryTest for Wanted<'_> {
    fn takes(&self, row: &TableRow<'_>) -> Result<bool, DatabaseError> {
        let state = row.text(1)?;
        let states = &self.filter.states;
        let holder: i64 = row.get(2)?;
        if !(states.is_empty() || states.iter().any(|it| it.name() == state))
            || self.holder.is_some_and(|wanted| wanted != holder)
        {
            return Ok(false);
        }
        if let Some(account) = &self.filter.account
            && row.text_or_null(5)? != Some(account)
        {
            return Ok(false);
        }
        let (subject, approver): (_, Option<i64>) = (subject(row, 3)?, row.get(4)?);
        let is_of = |set: &SubjectSet| subject.is_some_and(|number| set.contains(number));
        let is_any = |people: &Vec<i64>| people.contains(&holder);
        if !self.people.as_ref().is_none_or(is_any)
            || !self.filter.only.subjects.as_ref().is_none_or(is_of)
        {
            return Ok(false);
        }
        // only `IN_TIME` reads this column
        if let Some(since) = &self.over_after
            && row
                .text_or_null(6)?
                .is_some_and(|over| over <= since.as_str())
        {
            return Ok(false);
        }
        let Some(seen) = &self.seen else {
            return Ok(true);
        };
        Ok(seen
            .user
            .is_some_and(|user| user == holder || approver == Some(user))
            || is_of(seen.subjects))
    }
}

impl IndexedFilter for GrantFilter {
    type Row = Grant;
    type Id = GrantId;

    const LISTED_SQL: &'static str = "SELECT body, subject FROM grants WHERE id = ?1";

    fn only(&self) -> &ListingConditions {
        &self.only
    }

    fn before(&self) -> Option<GrantId> {
        self.before
    }

    fn first_at(at: Timestamp) -> GrantId {
        GrantId::first_at(at)
    }

    fn plan(&self, tx: &Transaction<'_>) -> Result<(Vec<ScanRange>, impl EntryTest), StorageFault> {
        let mut wanted = Wanted {
            filter: self,
            holder: None,
            people: people(tx, &self.only)?,
            over_after: self.active_in.map(|period| instant(period.from())),
            seen: None,
        };
        let is_live = !self.states.is_empty() && self.states.iter().all(|state| state.is_live());
        if let Some(user) = &self.holder {
            wanted.holder = numbers::find(tx, Numbered::Principal, user.as_str())?;
            if wanted.holder.is_none() {
                return Ok((Vec::new(), wanted));
            }
        }
        if self.active_in.is_some() {
            return Ok((vec![ScanRange::all(IN_TIME)], wanted));
        }
        if self.holder.is_some() {
            let sql = if is_live { LIVE_BY_HOLDER } else { BY_HOLDER };
            let range = wanted.holder.map(|number| ScanRange::number(sql, number));
            return Ok((range.into_iter().collect(), wanted));
        }
        if let Some(account) = &self.account {
            let sql = if is_live { LIVE_BY_ACCOUNT } else { BY_ACCOUNT };
            return Ok((vec![ScanRange::text(sql, account)], wanted));
        }
        let all = |sql| vec![ScanRange::all(sql)];
        let ranges = match (&self.sight, self.states.as_slice()) {
            (Some(sight), _) => seen_by(tx, sight, is_live, &mut wanted)?,
            (None, _) if is_live => all(ALL_LIVE),
            (None, _) if let Some(ranges) = narrowed(&self.only, wanted.people.as_deref()) => {
                ranges
            }
            (None, [state]) => vec![ScanRange::text(BY_STATE, state.name())],
            (None, _) => all(ALL),
        };
        Ok((ranges, wanted))
    }

    fn floor(&self, tx: &Transaction<'_>) -> Result<Option<String>, StorageFault> {
        let Some(period) = self.active_in else {
            return Ok(None);
        };
        let mut oldest = tx.prepare(OLDEST_SINCE)?;
        let oldest: Option<String> =
            oldest.query_row([instant(period.from())], |row| row.get(0))?;
        Ok(Some(oldest.unwrap_or_else(|| AFTER_ALL.to_owned())))
    }

    fn fits(&self, grant: &Grant, subject: Option<u64>) -> bool {
        fits_grant(self, grant, subject)
    }
}

/// Returns the ranges of few people or subjects.
fn narrowed(only: &ListingConditions, people: Option<&[i64]>) -> Option<Vec<ScanRange>> {
    if let Some(people) = people.filter(|it| it.len() <= RANGES_MAX) {
        let range = |number: &i64| ScanRange::number(BY_HOLDER, *number);
        return Some(people.iter().map(range).collect());
    }
    let subjects = only.subjects.as_ref();
    let subjects = subjects.filter(|it| it.len() <= RANGES_MAX)?;
    let numbers = subjects.iter().filter_map(|it| i64::try_from(it).ok());
    let range = |number| ScanRange::number(BY_SUBJECT, number);
    Some(numbers.map(range).collect())
}

fn seen_by<'a>(
    tx: &Transaction<'_>,
    sight: &'a ViewerScope,
    is_live: bool,
    wanted: &mut Wanted<'a>,
) -> Result<Vec<ScanRange>, StorageFault> {
    let user = match &sight.user {
        Some(user) => numbers::find(tx, Numbered::Principal, user.as_str())?,
        None => None,
    };
    if is_live || sight.subjects.len() > RANGES_MAX {
        wanted.seen = Some(Seen {
            subjects: &sight.subjects,
            user,
        });
        let sql = if is_live { ALL_LIVE } else { ALL };
        return Ok(vec![ScanRange::all(sql)]);
    }
    let held = user.map(|number| ScanRange::number(BY_HOLDER, number));
    let approved = user.map(|number| ScanRange::number(BY_APPROVER, number));
    let subjects = sight
        .subjects
        .iter()
        .filter_map(|it| i64::try_from(it).ok());
    let listed = subjects.map(|number| ScanRange::number(BY_SUBJECT, number));
    Ok(held.into_iter().chain(approved).chain(listed).collect())
}

pub(super) fn past(tx: &Transaction<'_>, query: &PastQuery) -> Result<PastGrants, StorageFault> {
    let subject = numbers::find(tx, Numbered::Subject, &subject_name(&query.subject))?;
    let Some(subject) = subject else {
        return Ok(PastGrants::default());
    };
    let (sql, of, other) = match &query.holder {
        None => (PAST, subject, None),
        Some(user) => match numbers::find(tx, Numbered::Principal, user.as_str())? {
            Some(holder) => (PAST_OF_HOLDER, holder, Some(subject)),
            None => return Ok(PastGrants::default()),
        },
    };
    let mut statement = tx.prepare(sql)?;
    let most = i64::try_from(COUNTED_MAX).unwrap_or(i64::MAX);
    let range = (of, query.from.to_string(), query.before.to_string(), most);
    let mut rows = statement.query(range)?;
    let (mut found, mut read, mut counted) = (PastGrants::default(), 0, Vec::<String>::new());
    while let Some(row) = rows.next()? {
        read += 1;
        let (subject, granted): (Option<i64>, bool) = (row.get(1)?, row.get(2)?);
        if granted && other.is_none_or(|other| subject == Some(other)) {
            found.count += 1;
            counted.push(row.get(0)?);
        }
    }
    found.more = read >= COUNTED_MAX;
    // the newest readable one; unreadable ones count too
    for id in &counted {
        if let Some(body) = body_of::<Grant>(tx, id)?
            && let Some(grant) = unpacked_or_told(id, body)
        {
            found.newest = Some(grant);
            break;
        }
    }
    Ok(found)
}

/// Returns a key's live grants. An unreadable one fails the whole key, but no other, because a
/// partial set must decide nothing.
pub(super) fn live_on(tx: &Transaction<'_>, key: &HoldKey) -> Result<Vec<Grant>, StorageFault> {
    let live = "SELECT id, body FROM grants WHERE live = 1 AND hold_key = ?1 ORDER BY id";
    let mut grants = Vec::new();
    each_body::<Vec<u8>>(tx, (live, [key.to_string()]), |id, body| {
        let grant = unpacked::<Grant>(&id, body);
        grants.push(grant.map_err(|fault| {
            StorageFault::Unavailable(format!(
                "nothing is decided of {key} while its grant {id} cannot be read ({}); \
                 docs/operations/runbooks/store-broken.md says what to do",
                fault.text()
            ))
        }));
    })?;
    grants.into_iter().collect()
}

/// Returns unreadable grants by their columns: live ones, and others made at `from` or later.
pub(super) fn unread(
    tx: &Transaction<'_>,
    from: GrantId,
) -> Result<Vec<UnreadGrant>, StorageFault> {
    let mut torn = Vec::new();
    let mut look = |id: String, body: Result<Vec<u8>, StorageFault>| {
        if unpacked_or_told::<Grant>(&id, body).is_none() {
            torn.push(id);
        }
    };
    let live = "SELECT id, body FROM grants INDEXED BY grants_live WHERE live = 1";
    each_body(tx, (live, ()), &mut look)?;
    let over = "SELECT id, body FROM grants WHERE id >= ?1 AND live = 0";
    each_body(tx, (over, [from.to_string()]), &mut look)?;
    torn.iter().map(|id| by_columns(tx, id)).collect()
}

fn by_columns(tx: &Transaction<'_>, id: &str) -> Result<UnreadGrant, StorageFault> {
    let (key, holder, account): (Option<String>, String, Option<String>) = tx
        .prepare(
            "SELECT hold_key, user_id, account FROM grants
             JOIN principals ON principals.number = holder WHERE id = ?1",
        )?
        .query_row([id], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?;
    let key = key.and_then(|name| or_told("key of grant", id, read_key(&name)));
    Ok(UnreadGrant {
        id: stored_id(id)?,
        key,
        holder: stored_id(&holder)?,
        account,
    })
}

pub(super) fn late(
    tx: &Transaction<'_>,
    now: Timestamp,
    limit: u32,
) -> Result<Vec<Grant>, StorageFault> {
    let late = "SELECT id, body FROM grants INDEXED BY grants_live WHERE live = 1 AND ends_at < ?1
                ORDER BY ends_at, id LIMIT ?2";
    first_readable(tx, (late, |most| (instant(now), most)), limit)
}

pub(super) fn ends(tx: &Transaction<'_>, soon: Timestamp) -> Result<Ends, StorageFault> {
    let holding = "live = 1 AND state IN ('scheduled', 'granting', 'active')";
    let (count, next): (i64, Option<String>) = tx
        .prepare(&format!(
            "SELECT (SELECT count(*) FROM grants INDEXED BY grants_holding
                     WHERE {holding} AND ends_at < ?1),
                    (SELECT min(ends_at) FROM grants INDEXED BY grants_holding WHERE {holding})"
        ))?
        .query_row([instant(soon)], |row| Ok((row.get(0)?, row.get(1)?)))?;
    Ok(Ends {
        soon: counter(count),
        next: next.map(|text| read_instant(&text)).transpose()?,
    })
}

#[cfg(test)]
pub(super) const RANGES: [&str; 10] = [
    ALL,
    IN_TIME,
    ALL_LIVE,
    BY_STATE,
    BY_HOLDER,
    LIVE_BY_HOLDER,
    BY_ACCOUNT,
    LIVE_BY_ACCOUNT,
    BY_SUBJECT,
    BY_APPROVER,
];
