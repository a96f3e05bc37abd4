//! Lists requests by the index that a filter allows.

use hallpass_access::{
    ListingConditions, Request, RequestFilter, RequestStateKind, SubjectSet, ViewerScope,
};
use hallpass_base::{RequestId, Timestamp};

use super::listing::{EntryTest, IndexedFilter, RANGES_MAX, ScanRange, people, subject};
use super::numbers::{self, Numbered};
use crate::database::{DatabaseError, TableRow, Transaction};
use crate::fault::StorageFault;
use crate::filters::fits_request;

macro_rules! range {
    ($index:literal, $of:literal) => {
        concat!(
            "SELECT id, state, requester, subject, approvers, 0 FROM requests INDEXED BY ",
            $index,
            " WHERE id < ?1 AND id >= ?2 AND ",
            $of,
            " ORDER BY id DESC LIMIT ?3"
        )
    };
}

const ALL: &str = range!("requests_listed", "true");
const BY_STATE: &str = range!("requests_by_state", "state = ?4");
const BY_REQUESTER: &str = range!("requests_by_requester", "requester = ?4");
const BY_SUBJECT: &str = range!("requests_by_subject", "subject = ?4");
const BY_APPROVERS: &str = range!("requests_by_approvers", "approvers = ?4");
const OPEN_REVIEWS: &str = range!("requests_open_reviews", "open_review = 1");
pub(super) const BY_REVIEWER: &str = "SELECT requests.id, state, requester, subject, approvers, 1
     FROM request_reviewers CROSS JOIN requests ON requests.id = request_id
     WHERE request_id < ?1 AND request_id >= ?2 AND principal = ?4
     ORDER BY request_id DESC LIMIT ?3";

struct Wanted<'a> {
    filter: &'a RequestFilter,
    requester: Option<i64>,
    people: Option<Vec<i64>>,
    seen: Option<Seen<'a>>,
}

struct Seen<'a> {
    sight: &'a ViewerScope,
    user: Option<i64>,
    lists: Vec<i64>,
}

impl EntryTest for Wanted<'_> {
    fn takes(&self, row: &TableRow<'_>) -> Result<bool, DatabaseError> {
        if let Some(state) = self.filter.state
            && row.text(1)? != state.name()
        {
            return Ok(false);
        }
        let requester: i64 = row.get(2)?;
        let subject = subject(row, 3)?;
        let was_reviewed: bool = row.get(5)?;
        let is_of = |set: &SubjectSet| subject.is_some_and(|number| set.contains(number));
        let is_any = |people: &Vec<i64>| people.contains(&requester);
        if self.requester.is_some_and(|wanted| wanted != requester)
            || !self.people.as_ref().is_none_or(is_any)
            || !self.filter.only.subjects.as_ref().is_none_or(is_of)
            || !self.filter.subjects.as_ref().is_none_or(is_of)
        {
            return Ok(false);
        }
        let Some(seen) = self.seen.as_ref().filter(|_| !was_reviewed) else {
            return Ok(true);
        };
        let list: Option<i64> = row.get(4)?;
        Ok(seen.user == Some(requester)
            || list.is_some_and(|list| seen.lists.contains(&list))
            || is_of(&seen.sight.subjects))
    }
}

impl IndexedFilter for RequestFilter {
    type Row = Request;
    type Id = RequestId;

    const LISTED_SQL: &'static str = "SELECT body, subject FROM requests WHERE id = ?1";

    fn only(&self) -> &ListingConditions {
        &self.only
    }

    fn before(&self) -> Option<RequestId> {
        self.before
    }

    fn first_at(at: Timestamp) -> RequestId {
        RequestId::first_at(at)
    }

    fn plan(&self, tx: &Transaction<'_>) -> Result<(Vec<ScanRange>, impl EntryTest), StorageFault> {
        let mut wanted = Wanted {
            filter: self,
            requester: None,
            people: people(tx, &self.only)?,
            seen: None,
        };
        let key_of = self.key.as_ref().map(|key| &key.user);
        // few requests wait, and few reviews are open
        let is_few = self.open_review || self.state == Some(RequestStateKind::Pending);
        if let Some(user) = self.requester.as_ref().or(key_of) {
            wanted.requester = numbers::find(tx, Numbered::Principal, user.as_str())?;
            let Some(number) = wanted.requester else {
                return Ok((Vec::new(), wanted));
            };
            if !is_few {
                return Ok((vec![ScanRange::number(BY_REQUESTER, number)], wanted));
            }
        }
        let all = |sql| vec![ScanRange::all(sql)];
        let by_state = |state: RequestStateKind| vec![ScanRange::text(BY_STATE, state.name())];
        let narrow = self.subjects.as_ref().or(self.only.subjects.as_ref());
        let ranges = if self.open_review {
            all(OPEN_REVIEWS)
        } else if let Some(state) = self.state.filter(|_| is_few) {
            by_state(state)
        } else if let Some(sight) = &self.sight {
            seen_by(tx, sight, &mut wanted)?
        } else if let Some(people) = wanted.people.as_ref().filter(|it| it.len() <= RANGES_MAX) {
            let people = people.iter();
            let range = |number: &i64| ScanRange::number(BY_REQUESTER, *number);
            people.map(range).collect()
        } else if let Some(subjects) = narrow.filter(|it| it.len() <= RANGES_MAX) {
            by_subject(subjects.iter())
        } else if let Some(state) = self.state {
            by_state(state)
        } else {
            all(ALL)
        };
        Ok((ranges, wanted))
    }

    fn fits(&self, request: &Request, subject: Option<u64>) -> bool {
        fits_request(self, request, subject)
    }
}

fn by_subject(numbers: impl Iterator<Item = u64>) -> Vec<ScanRange> {
    let numbers = numbers.filter_map(|number| i64::try_from(number).ok());
    numbers
        .map(|number| ScanRange::number(BY_SUBJECT, number))
        .collect()
}

/// Returns ranges of visible requests: own, approvable, reviewed, or listed today.
fn seen_by<'a>(
    tx: &Transaction<'_>,
    sight: &'a ViewerScope,
    wanted: &mut Wanted<'a>,
) -> Result<Vec<ScanRange>, StorageFault> {
    let user = match &sight.user {
        Some(user) => numbers::find(tx, Numbered::Principal, user.as_str())?,
        None => None,
    };
    let (mut lists, mut ranges) = (Vec::new(), Vec::new());
    if let Some(number) = user {
        let mut members =
            tx.prepare("SELECT list FROM approver_list_members WHERE principal = ?1")?;
        let found = members.query_map([number], |row| row.get(0))?;
        lists = found.collect::<Result<Vec<i64>, _>>()?;
        ranges.push(ScanRange::number(BY_REVIEWER, number));
    }
    let narrowed = wanted.filter.subjects.as_ref();
    let subjects: Vec<u64> = sight
        .subjects
        .iter()
        .filter(|number| narrowed.is_none_or(|set| set.contains(*number)))
        .collect();
    if subjects.len() + lists.len() > RANGES_MAX {
        ranges.push(ScanRange::all(ALL));
        wanted.seen = Some(Seen { sight, user, lists });
    } else {
        ranges.extend(user.map(|number| ScanRange::number(BY_REQUESTER, number)));
        ranges.extend(
            lists
                .into_iter()
                .map(|list| ScanRange::number(BY_APPROVERS, list)),
        );
        ranges.extend(by_subject(subjects.into_iter()));
    }
    Ok(ranges)
}

#[cfg(test)]
pub(super) const RANGES: [&str; 7] = [
    ALL,
    BY_STATE,
    BY_REQUESTER,
    BY_SUBJECT,
    BY_APPROVERS,
    OPEN_REVIEWS,
    BY_REVIEWER,
];
