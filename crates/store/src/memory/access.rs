//! Requests, grants and notices in memory.

use std::collections::BTreeMap;

use async_trait::async_trait;
use hallpass_access::{
    Absence, AccessStore, Alarm, AlarmState, ArmedEndCounts, ArmedEndStatus, Change, CommitError,
    Counts, Ends, Grant, GrantFilter, Holds, Listed, Lock, Message, PastGrants, PastQuery,
    ReadError, Request, RequestFilter, StoredAnswer, Subject, UnreadGrant, Waiting,
};
use hallpass_assignments::Verdict;
use hallpass_audit::Record;
use hallpass_base::{Email, GrantId, HoldKey, RequestId, Timestamp, UserId};

use super::{MemoryState, MemoryStore, Slot, commit, locks};
use crate::filters::{fits_grant, fits_request};
use crate::rows::{account_of, subject_of};
use crate::steps::armed_end_status;

fn most(limit: u32) -> usize {
    usize::try_from(limit).unwrap_or(usize::MAX)
}

/// Returns the first matching rows within the scan limit, and the continuation.
fn listed<T: Clone, I: Copy>(
    newest_first: impl Iterator<Item = T>,
    id: impl Fn(&T) -> I,
    fits: impl Fn(&T) -> bool,
    limit: u32,
    looks_at: usize,
) -> Listed<T, I> {
    let mut found = Listed {
        rows: Vec::new(),
        next: None,
    };
    let mut rows = newest_first.peekable();
    let mut looked = 0;
    while let Some(row) = rows.next() {
        let place = id(&row);
        looked += 1;
        if fits(&row) {
            found.rows.push(row);
        }
        let is_full = found.rows.len() >= most(limit) || looked >= looks_at;
        if is_full {
            found.next = rows.peek().map(|_| place);
            break;
        }
    }
    found
}

/// Orders by turns: the first row of each user, then the second, and so on; stable within a turn.
fn by_turns<'a, T>(rows: Vec<T>, user: impl Fn(&T) -> &'a UserId) -> Vec<T> {
    let mut taken = BTreeMap::<UserId, usize>::new();
    let mut rows: Vec<(usize, T)> = rows
        .into_iter()
        .map(|row| {
            let turn = taken.entry(user(&row).clone()).or_default();
            *turn += 1;
            (*turn, row)
        })
        .collect();
    rows.sort_by_key(|(turn, _)| *turn);
    rows.into_iter().map(|(_, row)| row).collect()
}

impl MemoryState {
    /// Adds a message to the outbox, in the turns of its requester.
    pub(super) fn post(&mut self, message: Message) {
        let request = message.request().and_then(|id| self.requests.get(&id));
        let requester = request.map(|request| request.requester.user.clone());
        self.outbox.post(message, requester.as_ref());
    }

    fn has_unseen_news(&self, grant: &Grant) -> bool {
        self.assignments
            .get(&grant.key.to_string())
            .is_some_and(|slot| slot.row.verdict_rev > grant.seen_news)
    }

    fn counts(&self, overdue_before: Timestamp) -> Counts {
        let mut counts = Counts::default();
        for request in self.requests.values() {
            *counts.requests.entry(request.state.kind()).or_default() += 1;
        }
        for grant in self.grants.values() {
            *counts.grants.entry(grant.state.kind()).or_default() += 1;
            if grant.is_over() {
                continue;
            }
            if grant.stuck.is_some() {
                counts.stuck += 1;
            } else if grant.due_to_end() < overdue_before {
                counts.overdue += 1;
            }
        }
        let unsettled = |slot: &&Slot| matches!(slot.row.execution.verdict, Verdict::Working);
        counts.unsettled = self.assignments.values().filter(unsettled).count() as u64;
        counts.notices = self.outbox.counts();
        let armed: Vec<ArmedEndStatus> = self
            .armed_ends
            .values()
            .filter_map(armed_end_status)
            .collect();
        let live = self.grants.values().filter(|grant| !grant.is_over());
        counts.armed_ends = ArmedEndCounts {
            never_armed: live.filter(|grant| grant.never_armed.is_some()).count() as u64,
            ..ArmedEndCounts::of(&armed)
        };
        counts
    }
}

#[async_trait]
impl AccessStore for MemoryStore {
    async fn request(&self, id: RequestId) -> Result<Option<Request>, ReadError> {
        self.ensure_reads()?;
        let found = self.state().requests.get(&id).cloned();
        found
            .map(|it| self.torn().ensure_request(id).map(|()| it))
            .transpose()
    }

    async fn grant(&self, id: GrantId) -> Result<Option<Grant>, ReadError> {
        self.ensure_reads()?;
        let found = self.state().grants.get(&id).cloned();
        found
            .map(|it| self.torn().ensure_grant(id).map(|()| it))
            .transpose()
    }

    async fn requests(
        &self,
        filter: &RequestFilter,
        limit: u32,
    ) -> Result<Listed<Request, RequestId>, ReadError> {
        self.ensure_reads()?;
        let torn = self.torn().requests;
        let state = self.state();
        if limit == 0 {
            let (rows, next) = (Vec::new(), filter.before);
            return Ok(Listed { rows, next });
        }
        let older = state.requests.values().rev();
        let older = older.filter(|request| filter.before.is_none_or(|before| request.id < before));
        let fits = |request: &&Request| {
            let subject = subject_of(request).and_then(|it| state.subject_number(&it));
            !torn.contains(&request.id) && fits_request(filter, request, subject)
        };
        let found = listed(older, |request| request.id, fits, limit, self.looks_at);
        Ok(Listed {
            rows: found.rows.into_iter().cloned().collect(),
            next: found.next,
        })
    }

    async fn pending_request(&self, dedupe_key: &str) -> Result<Option<Request>, ReadError> {
        self.ensure_reads()?;
        let torn = self.torn();
        let state = self.state();
        let id = state.pending.get(dedupe_key);
        let found = id.and_then(|id| state.requests.get(id)).cloned();
        found
            .map(|it| torn.ensure_request(it.id).map(|()| it))
            .transpose()
    }

    async fn grants(
        &self,
        filter: &GrantFilter,
        limit: u32,
    ) -> Result<Listed<Grant, GrantId>, ReadError> {
        self.ensure_reads()?;
        let torn = self.torn().grants;
        let state = self.state();
        if limit == 0 {
            let (rows, next) = (Vec::new(), filter.before);
            return Ok(Listed { rows, next });
        }
        let older = state.grants.values().rev();
        let older = older.filter(|grant| filter.before.is_none_or(|before| grant.id < before));
        let fits = |grant: &&Grant| {
            let subject = Subject::of(&grant.key.target, &grant.names);
            let subject = subject.and_then(|it| state.subject_number(&it));
            !torn.contains(&grant.id) && fits_grant(filter, grant, subject)
        };
        let found = listed(older, |grant| grant.id, fits, limit, self.looks_at);
        Ok(Listed {
            rows: found.rows.into_iter().cloned().collect(),
            next: found.next,
        })
    }

    async fn subjects(&self, after: u64, limit: u32) -> Result<Vec<(u64, Subject)>, ReadError> {
        let state = self.state();
        let numbered = (1..).zip(&state.subjects);
        let later = numbered.filter(|(number, _)| *number > after);
        Ok(later
            .take(most(limit))
            .map(|(number, subject)| (number, subject.clone()))
            .collect())
    }

    async fn holder_of(&self, address: &Email) -> Result<Option<UserId>, ReadError> {
        Ok(self.state().holders.get(address).cloned())
    }

    async fn past(&self, query: &PastQuery) -> Result<PastGrants, ReadError> {
        let torn = self.torn().grants;
        let state = self.state();
        let range = query.from..query.before;
        let is_empty = range.is_empty();
        let counted = state.grants.values().rev().filter(|grant| {
            !is_empty
                && range.contains(&grant.id)
                && grant.granted_at.is_some()
                && query
                    .holder
                    .as_ref()
                    .is_none_or(|it| *it == grant.holder.user)
                && Subject::of(&grant.key.target, &grant.names).as_ref() == Some(&query.subject)
        });
        let counted: Vec<&Grant> = counted.collect();
        let mut read = counted.iter().filter(|grant| !torn.contains(&grant.id));
        Ok(PastGrants {
            count: u32::try_from(counted.len()).unwrap_or(u32::MAX),
            more: false,
            newest: read.next().map(|grant| (*grant).clone()),
        })
    }

    async fn grants_late(&self, now: Timestamp, limit: u32) -> Result<Vec<Grant>, ReadError> {
        let torn = self.torn().grants;
        let state = self.state();
        let live = state.grants.values().filter(|grant| !grant.is_over());
        let mut late: Vec<&Grant> = live
            .filter(|grant| grant.due_to_end() < now && !torn.contains(&grant.id))
            .collect();
        late.sort_by_key(|grant| (grant.due_to_end(), grant.id));
        late.truncate(most(limit));
        Ok(late.into_iter().cloned().collect())
    }

    async fn grants_unread(&self, from: GrantId) -> Result<Vec<UnreadGrant>, ReadError> {
        let torn = self.torn().grants;
        let state = self.state();
        let unread = torn.iter().filter_map(|id| state.grants.get(id));
        let unread = unread.filter(|grant| !grant.is_over() || grant.id >= from);
        let by_columns = unread.map(|grant| UnreadGrant {
            id: grant.id,
            key: (!grant.is_over()).then(|| grant.key.clone()),
            holder: grant.holder.user.clone(),
            account: account_of(&grant.key.target).map(str::to_owned),
        });
        Ok(by_columns.collect())
    }

    async fn ends(&self, soon: Timestamp) -> Result<Ends, ReadError> {
        let state = self.state();
        let holding = || state.grants.values().filter(|grant| grant.is_hold());
        Ok(Ends {
            soon: holding().filter(|grant| grant.ends_at < soon).count() as u64,
            next: holding().map(|grant| grant.ends_at).min(),
        })
    }

    async fn armed_ends(
        &self,
        keys: &[HoldKey],
    ) -> Result<BTreeMap<HoldKey, ArmedEndStatus>, ReadError> {
        let state = self.state();
        let status = |key: &HoldKey| {
            let end = state.armed_ends.get(&key.to_string())?;
            Some((key.clone(), armed_end_status(end)?))
        };
        Ok(keys.iter().filter_map(status).collect())
    }

    async fn holds(&self, key: &HoldKey) -> Result<Holds, ReadError> {
        self.ensure_reads()?;
        let torn = self.torn();
        let state = self.state();
        let live = state
            .grants
            .values()
            .filter(|grant| grant.key == *key && !grant.is_over());
        let read = live.map(|grant| torn.ensure_grant(grant.id).map(|()| grant.clone()));
        Ok(Holds {
            grants: read.collect::<Result<_, _>>()?,
            row: state
                .assignments
                .get(&key.to_string())
                .map(|slot| slot.row.clone()),
        })
    }

    async fn requests_due(&self, now: Timestamp, limit: u32) -> Result<Vec<Request>, ReadError> {
        let torn = self.torn().requests;
        let state = self.state();
        let mut due: Vec<_> = state
            .requests
            .values()
            .filter(|request| !torn.contains(&request.id))
            .filter_map(|request| Some((request.due()?, request)))
            .filter(|(at, _)| *at <= now)
            .collect();
        due.sort_by_key(|(at, request)| (*at, request.id));
        let mut due = by_turns(due, |(_, request)| &request.requester.user);
        due.truncate(most(limit));
        Ok(due
            .into_iter()
            .map(|(_, request)| request.clone())
            .collect())
    }

    async fn grants_due(&self, now: Timestamp, limit: u32) -> Result<Vec<Grant>, ReadError> {
        let torn = self.torn().grants;
        let state = self.state();
        let mut due: Vec<&Grant> = state
            .grants
            .values()
            .filter(|grant| !grant.is_over() && !torn.contains(&grant.id))
            .filter(|grant| grant.due().is_some_and(|at| at <= now) || state.has_unseen_news(grant))
            .collect();
        due.sort_by_key(|grant| (grant.due_to_end(), grant.id));
        let mut due = by_turns(due, |grant| &grant.holder.user);
        due.truncate(most(limit));
        Ok(due.into_iter().cloned().collect())
    }

    async fn next_due(&self) -> Result<Option<Timestamp>, ReadError> {
        let state = self.state();
        let requests = state.requests.values().filter_map(Request::due);
        let live = state.grants.values().filter(|grant| !grant.is_over());
        Ok(requests.chain(live.filter_map(Grant::due)).min())
    }

    async fn commit(&self, change: Change) -> Result<Vec<Record>, CommitError> {
        let records = commit::commit(&mut self.state(), change)?;
        self.ensure_tells()?;
        Ok(records)
    }

    async fn absences(&self, now: Timestamp) -> Result<Vec<Absence>, ReadError> {
        let state = self.state();
        let current = state.absences.values().filter(|it| now < it.until);
        Ok(current.cloned().collect())
    }

    async fn absence_of(&self, user: &UserId) -> Result<Option<Absence>, ReadError> {
        Ok(self.state().absences.get(user).cloned())
    }

    async fn lock_of(&self, user: &UserId) -> Result<Option<Lock>, ReadError> {
        Ok(self.state().locks.get(user).cloned())
    }

    async fn locks_of(&self, users: &[UserId]) -> Result<Vec<Lock>, ReadError> {
        let state = self.state();
        let found = users.iter().filter_map(|user| state.locks.get(user));
        Ok(found.cloned().collect())
    }

    async fn locks(&self) -> Result<Vec<Lock>, ReadError> {
        let state = self.state();
        let not_lifted = state.locks.values().filter(|lock| lock.lifted.is_none());
        Ok(not_lifted.cloned().collect())
    }

    async fn with_credentials(&self, now: Timestamp) -> Result<Vec<UserId>, ReadError> {
        Ok(locks::with_credentials(&self.state(), now))
    }

    async fn answer(&self, actor: &UserId, key: &str) -> Result<Option<StoredAnswer>, ReadError> {
        let place = (actor.clone(), key.to_owned());
        Ok(self.state().answers.get(&place).cloned())
    }

    async fn open_channel(&self, channel: &str, now: Timestamp) -> Result<(), ReadError> {
        self.state().outbox.open(channel, now);
        Ok(())
    }

    async fn next_notice(&self, channel: &str) -> Result<Option<Timestamp>, ReadError> {
        Ok(self.state().outbox.next(channel))
    }

    async fn take_notices(&self, by: &str, now: Timestamp, again: Timestamp, max: u32) -> Waiting {
        let outbox = &mut self.state().outbox;
        Ok(outbox.take(by, now, again, most(max)))
    }

    async fn notice_delivered(&self, channel: &str, number: u64) -> Result<(), ReadError> {
        self.state().outbox.delivered(channel, number);
        Ok(())
    }

    async fn notice_postponed(
        &self,
        by: &str,
        number: u64,
        again: Timestamp,
    ) -> Result<(), ReadError> {
        self.state().outbox.postponed(by, number, again);
        Ok(())
    }

    async fn release_notices(&self, later_than: Timestamp) -> Result<u64, ReadError> {
        Ok(self.state().outbox.release_notices(later_than))
    }

    async fn prune_notices(&self, before: Timestamp) -> Result<u64, ReadError> {
        Ok(self.state().outbox.prune(before))
    }

    async fn note_alarm(&self, alarm: Alarm) -> Result<bool, ReadError> {
        let mut state = self.state();
        let changes = alarm.changes(state.alarms.get(&alarm.alarm));
        if changes {
            state.alarms.insert(alarm.alarm, alarm.clone());
            state.post(Message::Alarm(alarm));
        }
        Ok(changes)
    }

    async fn alarms(&self) -> Result<Vec<Alarm>, ReadError> {
        let state = self.state();
        let stands = |alarm: &&Alarm| alarm.state == AlarmState::Begun;
        Ok(state.alarms.values().filter(stands).cloned().collect())
    }

    async fn oldest_unexported(&self) -> Result<Option<Timestamp>, ReadError> {
        let state = self.state();
        let waiting = |record: &&Record| record.seq() > state.exported;
        Ok(state.records.iter().find(waiting).and_then(Record::at))
    }

    async fn counts(&self, overdue_before: Timestamp) -> Result<Counts, ReadError> {
        Ok(self.state().counts(overdue_before))
    }
}
