mod failed;

use std::time::Duration;

use hallpass_base::{TimeSpan, Timestamp};

use crate::late_creates::lost_create_shows_at;
use crate::pace::{check_pause, later};
use crate::plan::{
    ABSENCE_KEPT, DRIFT_CHECK, LATE_CREATE_PAUSE, LOSS_GAP, absence_settles_at, is_overdue,
    is_shown_by_listing, is_unsettled, lags_behind_delete,
};
use crate::{
    Absence, AbsenceConfidence, AssignmentRow, CenterFault, GivingUp, Missing, Observation,
    Operation, OperationKind, OperationStatus, Ownership, Proof, SentOperation, UnansweredCreate,
    Verdict,
};

const PAUSE_MAX_SECONDS: u64 = 60;
/// Retry interval of a removal that AWS refuses permanently.
const STUCK_PAUSE: TimeSpan = TimeSpan::hours(1);
const ABANDONED_POLL_PAUSE: TimeSpan = TimeSpan::seconds(30);
/// The longest pause while listings still show removed access: the end is reported within ten
/// seconds of the last such listing (`access.md` §9.4).
const LAGGING_PAUSE_MAX: TimeSpan = TimeSpan::seconds(5);
/// The usual listing lag after an operation.
pub(crate) const LISTING_LAG: TimeSpan = TimeSpan::seconds(1);

/// Pause for access that must be removed, failed to be, but is not listed.
const UNLISTED_PAUSE: TimeSpan = TimeSpan::seconds(2);

#[derive(Clone, Debug)]
pub enum StepOutcome {
    Looked {
        at: Timestamp,
        present: bool,
    },
    Sent(SentOperation),
    Polled(OperationStatus),
    Asked(Option<Missing>),
    /// Not accepted, or unknown.
    SendFailed(CenterFault),
    /// A read, poll or query without an answer. Says nothing about an unknown operation.
    ReadFailed(CenterFault),
    Settled(Verdict),
}

impl AssignmentRow {
    /// Adds an operation's intent, to be stored before it is sent.
    #[must_use]
    pub fn begin(mut self, kind: OperationKind, now: Timestamp) -> Self {
        // A listing may still show just removed access.
        let proof = if lags_behind_delete(&self.execution, now) {
            Proof::Status
        } else {
            Proof::Listing
        };
        match kind {
            OperationKind::Create => self.note_try(now),
            OperationKind::Delete if self.is_seen_gone() => {
                self.execution.removed_again_at = Some(now);
            }
            OperationKind::Delete => {}
        }
        let execution = &mut self.execution;
        if kind == OperationKind::Create {
            // INVARIANT: a create is never sent while ownership is undecided (`access.md` §8.3).
            execution.ownership = Ownership::Ours;
            execution.created_at = None;
            execution.deleted_at = None;
            if let Some(unanswered) = &mut execution.unanswered_create {
                *unanswered = UnansweredCreate {
                    at: now,
                    is_one_of_several: true,
                };
            }
        }
        execution.operation = Some(Operation {
            kind,
            started_at: now,
            operation_id: None,
            polls: 0,
            proof,
            over_at: None,
        });
        execution.observation = Observation::Unseen;
        if !matches!(execution.verdict, Verdict::Stuck { .. }) {
            execution.verdict = Verdict::Working;
        }
        self
    }

    /// Marks an operation that AWS no longer lists as in progress: a read from `due` on shows its
    /// result.
    #[must_use]
    pub fn over(mut self, at: Timestamp, due: Timestamp) -> Self {
        if let Some(operation) = &mut self.execution.operation {
            operation.over_at.get_or_insert(at);
            self.execution.due = due;
        }
        self
    }

    #[must_use]
    pub fn learn(
        mut self,
        before: &Self,
        outcome: StepOutcome,
        now: Timestamp,
        expected: Duration,
    ) -> Self {
        match outcome {
            StepOutcome::Looked { at, present: true } => self.record_presence(at, now, expected),
            StepOutcome::Looked { at, present: false } => self.record_absence(at, now, expected),
            StepOutcome::Sent(sent) => self.sent(sent, now, expected),
            StepOutcome::Polled(progress) => self.polled(progress, now, expected),
            StepOutcome::Asked(missing) => self.asked(missing, now),
            StepOutcome::SendFailed(fault) => self.send_failed(before, fault, now),
            StepOutcome::ReadFailed(fault) => self.read_failed(&fault, now),
            StepOutcome::Settled(verdict) => {
                self.execution.due = match verdict {
                    Verdict::Stuck { .. } => STUCK_PAUSE.after(now),
                    _ if self.awaits_late_create() => LATE_CREATE_PAUSE.after(now),
                    _ => DRIFT_CHECK.after(now),
                };
                self.execution.verdict = verdict;
            }
        }
        self
    }

    fn check_again(&mut self, now: Timestamp, expected: Duration) {
        let gave_up = self.gave_up();
        let execution = &mut self.execution;
        if let Some(operation) = &mut execution.operation {
            let abandoned = gave_up && operation.kind == OperationKind::Create;
            let polls = operation.polls;
            operation.polls = polls.saturating_add(1);
            execution.due = if abandoned {
                ABANDONED_POLL_PAUSE.after(now)
            } else {
                later(now, check_pause(expected, polls))
            };
        }
    }

    fn sees_no_effect(&mut self, now: Timestamp, expected: Duration) {
        match &self.execution.operation {
            Some(operation) if operation.is_over() => self.execution.due = now,
            Some(_) | None => self.check_again(now, expected),
        }
    }

    fn record_presence(&mut self, at: Timestamp, now: Timestamp, expected: Duration) {
        let wanted = self.is_wanted(now);
        let settles = |op: &Operation| match op.kind {
            // Stored, unanswered, without effect.
            OperationKind::Delete => op.operation_id.is_none(),
            OperationKind::Create => {
                op.operation_id.is_none() || wanted || is_shown_by_listing(self, op, at)
            }
        };
        let is_settled = self.execution.operation.as_ref().is_some_and(settles);
        let is_unanswered_create = self
            .execution
            .operation
            .as_ref()
            .is_some_and(|op| op.kind == OperationKind::Create && op.operation_id.is_none());
        let execution = &mut self.execution;
        execution.observation = Observation::Present { at };
        if execution.refused_removals == 0 {
            execution.last_error = None;
        }
        execution.due = now;
        let operation = execution.operation.take();
        if let Some(operation) = operation.filter(|_| !is_settled) {
            // Access about to be removed does not count as new.
            if operation.kind == OperationKind::Create {
                execution.last_present_at = Some(at);
            }
            execution.operation = Some(operation);
            self.sees_no_effect(now, expected);
            return;
        }
        execution.last_present_at = Some(at);
        let may_be_of_another = execution.absence_confidence == AbsenceConfidence::LostCreate
            || execution.unanswered_create.is_some();
        if is_unanswered_create && may_be_of_another {
            execution.note_unanswered_create(at);
        }
        if !wanted {
            // Listings may lag behind a removal: read again after a pause.
            let shows_at = lost_create_shows_at(execution);
            if execution.deleted_at.is_some() && shows_at.is_none_or(|at| now < at) {
                let again = self.pause(now).min(LAGGING_PAUSE_MAX.after(now));
                self.execution.due = shows_at.map_or(again, |at| again.min(at));
            }
            return;
        }
        if lags_behind_delete(execution, now) {
            return;
        }
        execution.attempts = 0;
        execution.trying_since = None;
        execution.absence_confidence = AbsenceConfidence::Settled;
        // Its effect explains the access, unless another create followed.
        execution.unanswered_create = execution
            .unanswered_create
            .filter(|it| it.is_one_of_several);
        if execution.ownership == Ownership::Undecided {
            execution.ownership = Ownership::Standing;
        }
        execution.verdict = Verdict::Present { at };
        // Counted from the listing, so that its rows stay together.
        let again = DRIFT_CHECK.after(at).max(now).min(self.desired.until);
        self.execution.due = match self.waits_for_gate(now) {
            Some(until) => again.min(until),
            None => again,
        };
    }

    fn record_absence(&mut self, at: Timestamp, now: Timestamp, expected: Duration) {
        let (wanted, was_seen, overdue) =
            (self.is_wanted(now), self.was_seen(), is_overdue(self, now));
        let removed = self.execution.operation.as_ref().is_some_and(|op| {
            op.kind == OperationKind::Delete && is_shown_by_listing(self, op, at)
        });
        let execution = &mut self.execution;
        let since = match execution.observation {
            Observation::Absent { since, .. } => since,
            Observation::Present { .. } | Observation::Unseen => at,
        };
        execution.observation = Observation::Absent { since, at };
        execution.due = now;
        match execution.operation.take() {
            // A guard removed it since; this removal's result is unknown.
            Some(operation)
                if removed && execution.guard_removal_applied_at >= Some(operation.started_at) => {}
            Some(_) if removed => execution.deleted_at = Some(at),
            Some(operation) if operation.operation_id.is_some() => {
                execution.operation = Some(operation);
            }
            Some(operation) if operation.kind == OperationKind::Create => {
                execution.note_unanswered_create(at);
                execution.absence_confidence = AbsenceConfidence::LostCreate;
                execution.observation = Observation::Absent { since: at, at };
            }
            // The removal's result is unknown: listings may lag.
            Some(_) if is_unsettled(execution, at) => {}
            Some(operation) if execution.guard_removal_applied_at >= Some(operation.started_at) => {
            }
            Some(_) => execution.deleted_at = Some(at),
            None => {}
        }
        if wanted && overdue {
            self.give_up(
                now,
                "Identity Center did not confirm the access within 5 minutes",
            );
            return;
        }
        if self.execution.operation.is_some() {
            self.sees_no_effect(now, expected);
            return;
        }
        let execution = &mut self.execution;
        execution.trying_since = None;
        if wanted && was_seen {
            let gap_ends = LOSS_GAP.after(since);
            if at >= gap_ends {
                execution.verdict = Verdict::Lost { at };
            } else {
                execution.due = gap_ends;
            }
        } else if wanted && execution.created_at.is_some() {
            self.execution.due = self.pause(now);
        } else if !wanted {
            self.execution.due = self.next_look(since, at, now);
        }
    }

    /// Schedules a read for absent access not listed at `at`.
    fn next_look(&self, since: Timestamp, at: Timestamp, now: Timestamp) -> Timestamp {
        let execution = &self.execution;
        let refused = execution.refused_removals > 0;
        // The removal was refused, and listings prove nothing yet.
        let next = if refused && is_unsettled(execution, at) {
            UNLISTED_PAUSE.after(now)
        } else {
            now
        };
        let gap_ends = match execution.absence_confidence {
            // The removal is sent first.
            AbsenceConfidence::LostCreate if !refused && execution.deleted_at.is_none() => {
                return next;
            }
            AbsenceConfidence::Settled
            | AbsenceConfidence::FailedCreate
            | AbsenceConfidence::LostCreate => absence_settles_at(execution, since),
        };
        // Late effects must be noticed before the gap ends.
        gap_ends.min(LATE_CREATE_PAUSE.after(now)).max(next)
    }

    fn sent(&mut self, sent: SentOperation, now: Timestamp, expected: Duration) {
        let execution = &mut self.execution;
        match sent {
            SentOperation::InProgress { operation_id } => {
                execution.aws_request = Some(operation_id.clone());
                if let Some(operation) = &mut execution.operation {
                    operation.operation_id = Some(operation_id);
                }
                let due = later(now, expected);
                execution.due = match execution.operation.as_ref().map(|it| it.kind) {
                    Some(OperationKind::Delete) => LISTING_LAG.after(due),
                    Some(OperationKind::Create) | None => due,
                };
            }
            SentOperation::Done => self.finished(now),
        }
    }

    fn finished(&mut self, now: Timestamp) {
        let execution = &mut self.execution;
        let operation = execution.operation.take();
        execution.due = match &operation {
            Some(operation)
                if operation.is_over()
                    || operation.kind == OperationKind::Delete
                        && operation.operation_id.is_some() =>
            {
                LISTING_LAG.after(now)
            }
            Some(_) | None => now,
        };
        match operation.map(|operation| operation.kind) {
            Some(OperationKind::Create) => execution.created_at = Some(now),
            Some(OperationKind::Delete) => {
                execution.deleted_at = Some(now);
                if execution.absence_confidence == AbsenceConfidence::LostCreate {
                    execution.absence_confidence = AbsenceConfidence::FailedCreate;
                }
            }
            None => {}
        }
        execution.observation = Observation::Unseen;
        execution.attempts = 0;
    }

    fn polled(&mut self, progress: OperationStatus, now: Timestamp, expected: Duration) {
        let execution = &mut self.execution;
        match progress {
            OperationStatus::InProgress => {
                execution.attempts = 0;
                self.check_again(now, expected);
            }
            OperationStatus::Succeeded => self.finished(now),
            OperationStatus::Failed { reason } => self.ended_badly(reason, now),
            OperationStatus::Unknown => {
                match execution.operation.take().map(|op| op.kind) {
                    Some(OperationKind::Create) => {
                        execution.absence_confidence = AbsenceConfidence::LostCreate;
                    }
                    // Two listings decide, instead of repeated removals.
                    Some(OperationKind::Delete)
                        if execution.absence_confidence == AbsenceConfidence::LostCreate =>
                    {
                        execution.deleted_at = Some(now);
                    }
                    Some(OperationKind::Delete) | None => {}
                }
                execution.observation = Observation::Unseen;
                execution.due = now;
            }
        }
    }

    fn ended_badly(&mut self, reason: String, now: Timestamp) {
        let execution = &mut self.execution;
        let kind = execution.operation.take().map(|operation| operation.kind);
        if let Observation::Present { at } = execution.observation {
            execution.last_present_at = execution.last_present_at.max(Some(at));
        }
        execution.observation = Observation::Unseen;
        if kind == Some(OperationKind::Create) {
            // With a lost status it may still be running.
            if self.execution.absence_confidence == AbsenceConfidence::Settled {
                self.execution.absence_confidence = AbsenceConfidence::FailedCreate;
            }
            self.give_up(now, &reason);
        } else {
            self.removal_refused(reason, now);
        }
    }

    fn removal_refused(&mut self, reason: String, now: Timestamp) {
        self.execution.refused_removals = self.execution.refused_removals.saturating_add(1);
        self.execution.gone = None;
        self.execution.last_error = Some(reason);
        self.execution.due = if matches!(self.execution.verdict, Verdict::Stuck { .. }) {
            STUCK_PAUSE.after(now)
        } else if self.execution.refused_removals == 1 {
            // "Not found" often means deleted: read immediately.
            now
        } else if self.execution.deleted_at.is_some() {
            // An earlier removal succeeded: the listing may lag.
            self.pause(now).min(LAGGING_PAUSE_MAX.after(now))
        } else {
            self.pause(now)
        };
    }

    fn asked(&mut self, missing: Option<Missing>, now: Timestamp) {
        let execution = &mut self.execution;
        execution.gone = missing.map(|missing| match missing {
            Missing::Principal => Absence::PrincipalGone,
            Missing::Account => Absence::AccountGone,
        });
        if execution.gone.is_none() {
            // It exists: removals continue, and the query repeats after four more refusals.
            execution.refused_removals = 1;
        }
        execution.due = now;
    }

    fn note_try(&mut self, now: Timestamp) {
        let since = self
            .execution
            .trying_since
            .filter(|at| self.is_since_newest_hold(*at));
        if self.is_wanted(now) {
            self.execution.trying_since = since.or(Some(now));
        }
    }

    fn give_up(&mut self, now: Timestamp, reason: &str) {
        // Never before the newest hold, or it would not count.
        let at = now.max(self.desired.asked_at);
        self.execution.giving_up = Some(GivingUp {
            reason: reason.to_owned(),
            at,
        });
        self.execution.due = now;
    }

    /// One second doubling to sixty; the executor adds jitter.
    fn pause(&mut self, now: Timestamp) -> Timestamp {
        let pause = 1_u64
            .checked_shl(self.execution.attempts)
            .unwrap_or(PAUSE_MAX_SECONDS);
        self.execution.attempts = self.execution.attempts.saturating_add(1);
        TimeSpan::seconds(pause.clamp(1, PAUSE_MAX_SECONDS)).after(now)
    }
}

/// Whether a listing is usable after a pause: presence until removal; absence only briefly, since
/// someone else may grant the access.
fn is_still_good(observation: Observation, now: Timestamp) -> bool {
    match observation {
        Observation::Unseen => false,
        Observation::Present { .. } => true,
        Observation::Absent { at, .. } => now < ABSENCE_KEPT.after(at),
    }
}

#[cfg(test)]
#[path = "outcome_tests.rs"]
mod tests;

#[cfg(test)]
#[path = "outcome_pause_tests.rs"]
mod pause_tests;
