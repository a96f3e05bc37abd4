//! Requests, grants and notices in memory.

use async_trait::async_trait;
use hallpass_access::{
    AccessStore, Answer, Change, CommitError, Counts, Grant, GrantFilter, Holds, Lock, ReadError,
    Request, RequestFilter, Waiting,
};
use hallpass_assignments::Verdict;
use hallpass_audit::Record;
use hallpass_model::{GrantId, HoldKey, RequestId, Timestamp, UserId};

use super::{MemoryStore, Slot, State, commit, locks};
use crate::rows::account_of;

fn most(limit: u32) -> usize {
    usize::try_from(limit).unwrap_or(usize::MAX)
}

fn wants_request(filter: &RequestFilter, request: &Request) -> bool {
    let RequestFilter {
        state,
        requester,
        key,
        open_review,
        before,
    } = filter;
    state.as_ref().is_none_or(|it| it == request.state.name())
        && requester
            .as_ref()
            .is_none_or(|it| *it == request.requester.user)
        && key
            .as_ref()
            .is_none_or(|it| Some(it) == request.key.as_ref())
        && (!open_review || request.has_open_review())
        && before.is_none_or(|it| request.id < it)
}

fn wants_grant(filter: &GrantFilter, grant: &Grant) -> bool {
    let GrantFilter {
        states,
        holder,
        account,
        before,
    } = filter;
    (states.is_empty() || states.iter().any(|it| it == grant.state.name()))
        && holder.as_ref().is_none_or(|it| *it == grant.holder.user)
        && account
            .as_ref()
            .is_none_or(|it| Some(it.as_str()) == account_of(&grant.key.target))
        && before.is_none_or(|it| grant.id < it)
}

impl State {
    fn has_unseen_news(&self, grant: &Grant) -> bool {
        self.assignments
            .get(&grant.key.to_string())
            .is_some_and(|slot| slot.row.news > grant.seen_news)
    }

    fn counts(&self, overdue_before: Timestamp) -> Counts {
        let mut counts = Counts::default();
        for request in self.requests.values() {
            let name = request.state.name().to_owned();
            *counts.requests.entry(name).or_default() += 1;
        }
        for grant in self.grants.values() {
            let name = grant.state.name().to_owned();
            *counts.grants.entry(name).or_default() += 1;
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
        counts
    }
}

#[async_trait]
impl AccessStore for MemoryStore {
    async fn request(&self, id: RequestId) -> Result<Option<Request>, ReadError> {
        Ok(self.state().requests.get(&id).cloned())
    }

    async fn grant(&self, id: GrantId) -> Result<Option<Grant>, ReadError> {
        Ok(self.state().grants.get(&id).cloned())
    }

    async fn requests(
        &self,
        filter: &RequestFilter,
        limit: u32,
    ) -> Result<Vec<Request>, ReadError> {
        let state = self.state();
        let newest_first = state.requests.values().rev();
        Ok(newest_first
            .filter(|request| wants_request(filter, request))
            .take(most(limit))
            .cloned()
            .collect())
    }

    async fn grants(&self, filter: &GrantFilter, limit: u32) -> Result<Vec<Grant>, ReadError> {
        let state = self.state();
        let newest_first = state.grants.values().rev();
        Ok(newest_first
            .filter(|grant| wants_grant(filter, grant))
            .take(most(limit))
            .cloned()
            .collect())
    }

    async fn holds(&self, key: &HoldKey) -> Result<Holds, ReadError> {
        let state = self.state();
        let live = state
            .grants
            .values()
            .filter(|grant| grant.key == *key && !grant.is_over());
        Ok(Holds {
            grants: live.cloned().collect(),
            row: state
                .assignments
                .get(&key.to_string())
                .map(|slot| slot.row.clone()),
        })
    }

    async fn requests_due(&self, now: Timestamp, limit: u32) -> Result<Vec<Request>, ReadError> {
        let state = self.state();
        let mut due: Vec<_> = state
            .requests
            .values()
            .filter_map(|request| Some((request.due()?, request)))
            .filter(|(at, _)| *at <= now)
            .collect();
        due.sort_by_key(|(at, request)| (*at, request.id));
        due.truncate(most(limit));
        Ok(due
            .into_iter()
            .map(|(_, request)| request.clone())
            .collect())
    }

    async fn grants_due(&self, now: Timestamp, limit: u32) -> Result<Vec<Grant>, ReadError> {
        let state = self.state();
        let mut due: Vec<&Grant> = state
            .grants
            .values()
            .filter(|grant| !grant.is_over())
            .filter(|grant| grant.due().is_some_and(|at| at <= now) || state.has_unseen_news(grant))
            .collect();
        due.sort_by_key(|grant| (grant.due_to_end(), grant.id));
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
        Ok(commit::commit(&mut self.state(), change)?)
    }

    async fn lock_of(&self, user: &UserId) -> Result<Option<Lock>, ReadError> {
        Ok(self.state().locks.get(user).cloned())
    }

    async fn locks(&self) -> Result<Vec<Lock>, ReadError> {
        let state = self.state();
        let not_lifted = state.locks.values().filter(|lock| lock.lifted.is_none());
        Ok(not_lifted.cloned().collect())
    }

    async fn with_credentials(&self) -> Result<Vec<UserId>, ReadError> {
        Ok(locks::with_credentials(&self.state()))
    }

    async fn answer(&self, actor: &UserId, key: &str) -> Result<Option<Answer>, ReadError> {
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

    async fn take_notices(
        &self,
        channel: &str,
        now: Timestamp,
        again_at: Timestamp,
        limit: u32,
    ) -> Result<Vec<Waiting>, ReadError> {
        let outbox = &mut self.state().outbox;
        Ok(outbox.take(channel, now, again_at, most(limit)))
    }

    async fn notice_delivered(&self, channel: &str, number: u64) -> Result<(), ReadError> {
        self.state().outbox.delivered(channel, number);
        Ok(())
    }

    async fn notice_postponed(
        &self,
        channel: &str,
        number: u64,
        again_at: Timestamp,
    ) -> Result<(), ReadError> {
        self.state().outbox.postponed(channel, number, again_at);
        Ok(())
    }

    async fn hurry_notices(&self, later_than: Timestamp) -> Result<u64, ReadError> {
        Ok(self.state().outbox.hurry(later_than))
    }

    async fn prune_notices(&self, before: Timestamp) -> Result<u64, ReadError> {
        Ok(self.state().outbox.prune(before))
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
