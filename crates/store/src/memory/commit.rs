//! Applies a change in memory: every check first, on copies; then everything together.

use std::collections::BTreeMap;

use hallpass_access::{
    AcceptanceWrite, Change, DesiredAssignment, Digest, Grant, GrantStateKind,
    GroupAssignmentWrite, Message, Notice, Request, RequestState, RequestStateKind, StoredAnswer,
    Subject, Sweep, SweepItem, Write,
};
use hallpass_audit::Record;
use hallpass_base::{GrantId, RequestId, Timestamp};

use super::group_sync::GroupSync;
use super::sweeps::Sweeps;
use super::{MemoryState, Slot, absences, armed_ends, group_sync, locks, quotas};
use crate::fault::StorageFault;
use crate::rows::subject_of;
use crate::steps::{
    answered_at, check_step, desired, exists_already, key_of, made_at, revocation_of, wrong_version,
};

struct Staged<'a> {
    base: &'a MemoryState,
    effects: Effects,
}

#[derive(Default)]
struct Effects {
    requests: BTreeMap<RequestId, Request>,
    grants: BTreeMap<GrantId, Grant>,
    assignments: BTreeMap<String, Option<Slot>>,
    rev_floor: u64,
    records: Vec<Record>,
    forget_answers_until: Option<Timestamp>,
    answer: Option<StoredAnswer>,
}

pub(super) fn commit(state: &mut MemoryState, change: Change) -> Result<Vec<Record>, StorageFault> {
    let mut staged = Staged {
        base: state,
        effects: Effects {
            rev_floor: state.rev_floor,
            ..Effects::default()
        },
    };
    let now = made_at(&change.audit);
    locks::ensure_as_seen(staged.base, &change.locks_seen)?;
    let refused = quotas::ensure(staged.base, &change, now)?;
    let locks = locks::staged(staged.base, change.locks)?;
    let absences = absences::staged(staged.base, change.absences)?;
    let campaigns = (staged.base.campaigns).staged(change.campaigns, change.campaign_lines)?;
    let (mut subjects, mut holders) = (Vec::new(), Vec::new());
    for write in change.requests {
        subjects.extend(subject_of(row_of(&write)));
        staged.request(write)?;
    }
    for write in change.grants {
        let grant = row_of(&write);
        subjects.extend(Subject::of(&grant.key.target, &grant.names));
        if let Write::Insert(grant) = &write {
            holders.push((grant.holder.email.clone(), grant.holder.user.clone()));
        }
        staged.grant(write)?;
    }
    for desire in &change.desired {
        staged.desire(desire)?;
    }
    let sweeps = staged_sweeps(
        staged.base,
        change.sweeps,
        change.sweep_items,
        change.accepted,
        change.group_assignments,
    )?;
    let group_sync = group_sync::staged(
        &staged.base.group_sync,
        change.group_sync_items,
        change.group_sync_run,
    )?;
    staged.effects.records = staged.base.seal(change.audit)?;
    if let Some(answer) = change.answer {
        staged.answer(answer)?;
    }
    let effects = staged.effects;
    let records = effects.records.clone();
    effects.merge_into(state);
    state.holders.extend(holders);
    for subject in subjects {
        state.number_subject(subject);
    }
    keep_looks(state, sweeps, group_sync);
    state.locks.extend(locks);
    state.absences.extend(absences);
    state.campaigns.extend(campaigns);
    state.refused.extend(refused);
    for (user, at) in &change.credentials_ended {
        locks::end_credentials(state, user, *at);
    }
    armed_ends::commit(state, &change.armed_ends, &change.desired, now);
    for sessions in &change.sessions_to_revoke {
        state
            .session_revocations
            .insert(sessions.grant, revocation_of(sessions));
    }
    post(state, change.notices, change.digests);
    Ok(records)
}

fn post(state: &mut MemoryState, notices: Vec<Notice>, digests: Vec<Digest>) {
    for notice in notices {
        state.post(Message::Notice(notice));
    }
    for digest in digests {
        state.post(Message::Digest(digest));
    }
}

fn keep_looks(state: &mut MemoryState, sweeps: Option<Sweeps>, group_sync: Option<GroupSync>) {
    if let Some(sweeps) = sweeps {
        state.sweeps = sweeps;
    }
    if let Some(group_sync) = group_sync {
        state.group_sync = group_sync;
    }
}

fn staged_sweeps(
    base: &MemoryState,
    runs: Vec<Write<Sweep>>,
    items: Vec<Write<SweepItem>>,
    accepted: Vec<AcceptanceWrite>,
    group_assignments: Vec<GroupAssignmentWrite>,
) -> Result<Option<Sweeps>, StorageFault> {
    let is_unchanged =
        runs.is_empty() && items.is_empty() && accepted.is_empty() && group_assignments.is_empty();
    if is_unchanged {
        return Ok(None);
    }
    let mut sweeps = base.sweeps.clone();
    for write in runs {
        sweeps.sweep(write)?;
    }
    for write in items {
        sweeps.item(write)?;
    }
    for write in accepted {
        sweeps.acceptance(write)?;
    }
    for write in group_assignments {
        sweeps.group_assignment(write);
    }
    Ok(Some(sweeps))
}

impl Staged<'_> {
    fn stored_request(&self, id: RequestId) -> Option<&Request> {
        self.effects
            .requests
            .get(&id)
            .or_else(|| self.base.requests.get(&id))
    }

    fn request(&mut self, write: Write<Request>) -> Result<(), StorageFault> {
        let request = match write {
            Write::Insert(request) => {
                if self.stored_request(request.id).is_some() {
                    return Err(exists_already(&format!("request {}", request.id)));
                }
                request
            }
            Write::Update(request) => {
                let what = format!("request {}", request.id);
                let prior = self
                    .stored_request(request.id)
                    .filter(|stored| stored.version == request.version)
                    .ok_or_else(|| wrong_version(&what))?;
                check_step(
                    RequestStateKind::STEPS,
                    &what,
                    prior.state.kind(),
                    request.state.kind(),
                )?;
                Request {
                    version: request.version + 1,
                    ..request
                }
            }
        };
        if is_pending(&request) && self.has_equal_pending(&request) {
            return Err(exists_already("an equal pending request"));
        }
        self.effects.requests.insert(request.id, request);
        Ok(())
    }

    fn has_equal_pending(&self, request: &Request) -> bool {
        let dedupe = request.dedupe_key();
        let is_equal = |other: &Request| {
            other.id != request.id && is_pending(other) && other.dedupe_key() == dedupe
        };
        self.effects.requests.values().any(is_equal)
            || self
                .base
                .pending
                .get(&dedupe)
                .and_then(|id| self.stored_request(*id))
                .is_some_and(is_equal)
    }

    fn grant(&mut self, write: Write<Grant>) -> Result<(), StorageFault> {
        let stored = |id: &GrantId| {
            self.effects
                .grants
                .get(id)
                .or_else(|| self.base.grants.get(id))
        };
        let grant = match write {
            Write::Insert(grant) => {
                if stored(&grant.id).is_some() {
                    return Err(exists_already(&format!("grant {}", grant.id)));
                }
                grant
            }
            Write::Update(grant) => {
                let what = format!("grant {}", grant.id);
                let prior = stored(&grant.id)
                    .filter(|stored| stored.version == grant.version)
                    .ok_or_else(|| wrong_version(&what))?;
                check_step(
                    GrantStateKind::STEPS,
                    &what,
                    prior.state.kind(),
                    grant.state.kind(),
                )?;
                Grant {
                    version: grant.version + 1,
                    ..grant
                }
            }
        };
        self.effects.grants.insert(grant.id, grant);
        Ok(())
    }

    fn desire(&mut self, desire: &DesiredAssignment) -> Result<(), StorageFault> {
        let name = key_of(desire).to_string();
        let slot = match self.effects.assignments.get(&name) {
            Some(staged) => staged.clone(),
            None => self.base.assignments.get(&name).cloned(),
        };
        let (row, lease) = slot.map_or((None, None), |slot| (Some(slot.row), slot.lease));
        let rev = row.as_ref().map_or(0, |row| row.desired.rev);
        let next = desired(row, desire, self.effects.rev_floor)?;
        if next.is_none() {
            self.effects.rev_floor = self.effects.rev_floor.max(rev);
        }
        self.effects
            .assignments
            .insert(name, next.map(|row| Slot { row, lease }));
        Ok(())
    }

    fn answer(&mut self, answer: StoredAnswer) -> Result<(), StorageFault> {
        let now = answered_at(&answer);
        let place = (answer.actor.clone(), answer.key.clone());
        let other = self
            .base
            .answers
            .get(&place)
            .filter(|other| now.is_none_or(|now| now < other.until));
        if other.is_some_and(|other| *other != answer) {
            return Err(exists_already("another answer to this idempotency key"));
        }
        self.effects.forget_answers_until = now;
        self.effects.answer = Some(answer);
        Ok(())
    }
}

impl Effects {
    fn merge_into(self, state: &mut MemoryState) {
        for (id, request) in self.requests {
            if is_pending(&request) {
                state.pending.insert(request.dedupe_key(), id);
            } else if state.pending.get(&request.dedupe_key()) == Some(&id) {
                state.pending.remove(&request.dedupe_key());
            }
            state.requests.insert(id, request);
        }
        state.grants.extend(self.grants);
        for (name, slot) in self.assignments {
            match slot {
                Some(slot) => state.assignments.insert(name, slot),
                None => state.assignments.remove(&name),
            };
        }
        state.rev_floor = self.rev_floor;
        state.keep(&self.records);
        if let Some(now) = self.forget_answers_until {
            state.answers.retain(|_, answer| now < answer.until);
        }
        if let Some(answer) = self.answer {
            let place = (answer.actor.clone(), answer.key.clone());
            state.answers.insert(place, answer);
        }
    }
}

fn row_of<T>(write: &Write<T>) -> &T {
    match write {
        Write::Insert(row) | Write::Update(row) => row,
    }
}

fn is_pending(request: &Request) -> bool {
    matches!(request.state, RequestState::Pending)
}
