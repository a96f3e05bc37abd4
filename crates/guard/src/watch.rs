//! One end that is due: what to do next about it, and what is learned from doing it. Pure.
//!
//! It only ever removes: there is no step that gives. What it does for long is bounded by its
//! pauses; it never stops trying while the access is listed.

use hallpass_assignments::{CenterFault, Missing, OperationStatus, OwnedEnd, SentOperation};
use hallpass_base::{TimeSpan, Timestamp};

/// The longest pause while AWS does not answer or is busy.
const PAUSE_MAX: u64 = 4;
/// The longest pause between removals that AWS refuses.
const REFUSED_PAUSE_MAX: u64 = 60;
/// The pause between removals that AWS refuses for good.
const PARKED_PAUSE: TimeSpan = TimeSpan::hours(1);
/// The longest pause between questions for the status of a removal.
const POLL_PAUSE_MAX: u64 = 5;
/// A removal that takes longer is looked after in the listing.
const REMOVAL_MAX: TimeSpan = TimeSpan::minutes(5);
/// How long listings may lag behind what was done.
const CONSISTENCY_WINDOW: TimeSpan = TimeSpan::minutes(1);
/// The pause between looks for what nobody removed as far as we know.
const ABSENT_PAUSE: TimeSpan = TimeSpan::seconds(20);
/// Refusals before somebody is told and AWS is asked whether the person or the account is gone.
const REFUSALS_BEFORE_ASKING: u32 = 5;
/// No pause is longer: one that is comes from a clock that was ahead.
const ANY_PAUSE_MAX: TimeSpan = TimeSpan::minutes(61);

/// The next step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// Nothing to do before this instant.
    Rest(Timestamp),
    /// List its target.
    Look,
    /// Read the newest copy, then remove it.
    Remove,
    /// Ask for the status of the removal in flight.
    Poll(String),
    /// Ask whether the person, the group or the account is gone.
    Ask,
    /// It is over.
    Settle(Over),
}

/// How it came to be over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Over {
    /// We removed it, or began to and nobody can say who finished.
    Removed,
    /// Our removal found it gone.
    FoundGone,
    /// It was gone before we sent anything.
    Vanished,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum EndObservation {
    Unseen,
    Present,
    Absent { since: Timestamp, at: Timestamp },
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct InFlight {
    operation_id: String,
    since: Timestamp,
    polls: u64,
}

/// What became of a step.
#[derive(Clone, Debug)]
pub(crate) enum Outcome {
    Looked { at: Timestamp, present: bool },
    LookFailed,
    Removal(Result<SentOperation, CenterFault>),
    Status(Result<OperationStatus, CenterFault>),
    Asked(Result<Option<Missing>, CenterFault>),
}

/// One end and what a guard did about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EndWatch {
    end: OwnedEnd,
    sight: EndObservation,
    last_present: Option<Timestamp>,
    in_flight: Option<InFlight>,
    /// A removal was begun whose answer is not known, and nobody looked since.
    unanswered: bool,
    /// When the newest one of those was begun: it may still be carried out.
    begun_at: Option<Timestamp>,
    removed_at: Option<Timestamp>,
    refusals: u32,
    /// Refused often enough to be told of, in all.
    is_refused: bool,
    gone: Option<Missing>,
    parked_since: Option<Timestamp>,
    failures: u32,
    last_error: Option<String>,
    due: Timestamp,
}

impl EndWatch {
    /// An end nothing was done about yet.
    pub fn new(end: OwnedEnd) -> Self {
        Self {
            end,
            sight: EndObservation::Unseen,
            last_present: None,
            in_flight: None,
            unanswered: false,
            begun_at: None,
            removed_at: None,
            refusals: 0,
            is_refused: false,
            gone: None,
            parked_since: None,
            failures: 0,
            last_error: None,
            due: Timestamp::MIN,
        }
    }

    /// The same, when a guard before us began to remove it and did not say what came of it.
    pub(crate) fn begun_before(end: OwnedEnd) -> Self {
        Self {
            unanswered: true,
            ..Self::new(end)
        }
    }

    /// The end.
    pub fn end(&self) -> &OwnedEnd {
        &self.end
    }

    /// Whether a removal of ours is under way, or was done and is not seen yet.
    pub(crate) fn is_under_way(&self) -> bool {
        self.in_flight.is_some() || self.unanswered || self.removed_at.is_some()
    }

    /// Whether AWS works on a removal of ours.
    pub(crate) fn is_in_flight(&self) -> bool {
        self.in_flight.is_some()
    }

    /// Since when it is parked, and what AWS says.
    pub(crate) fn parked(&self) -> Option<(Timestamp, &str)> {
        let error = self.last_error.as_deref().unwrap_or("AWS gave no reason");
        Some((self.parked_since?, error))
    }

    /// What AWS said last.
    pub(crate) fn last_error(&self) -> Option<&str> {
        self.last_error.as_deref()
    }

    /// Whether removals were refused so often that somebody has to hear of it.
    pub(crate) fn is_refused(&self) -> bool {
        self.is_refused
    }

    /// Whether the newest listing went without it.
    pub(crate) fn is_gone(&self) -> bool {
        matches!(self.sight, EndObservation::Absent { .. })
    }

    /// Why it is gone although nobody removed it.
    pub(crate) fn why_gone(&self) -> Option<Missing> {
        self.gone
    }

    /// What is wanted changed. A removal that is under way is brought to its end as what it was
    /// begun as, so that its record says what was known when it was sent.
    pub(crate) fn change(&mut self, end: &OwnedEnd) {
        if self.end != *end && !self.is_under_way() {
            *self = Self::new(end.clone());
        }
    }

    /// The next step at `now`, when ends may be late by `bound`.
    pub(crate) fn next(&self, now: Timestamp, bound: TimeSpan) -> Step {
        let begins = bound.after(self.end.until);
        if now < begins && !self.is_under_way() {
            return Step::Rest(begins);
        }
        if now < self.due && self.due <= ANY_PAUSE_MAX.after(now) {
            return Step::Rest(self.due);
        }
        if let Some(removal) = &self.in_flight {
            return if now >= REMOVAL_MAX.after(removal.since) {
                Step::Look
            } else {
                Step::Poll(removal.operation_id.clone())
            };
        }
        match self.sight {
            EndObservation::Unseen
                if self.gone.is_none() && self.refusals >= REFUSALS_BEFORE_ASKING =>
            {
                Step::Ask
            }
            EndObservation::Unseen => Step::Look,
            // what a removal that ended well leaves behind for a while
            EndObservation::Present if self.removed_at.is_some() => Step::Look,
            EndObservation::Present => Step::Remove,
            EndObservation::Absent { since, at } => self.settled(since, at),
        }
    }

    fn settled(&self, since: Timestamp, at: Timestamp) -> Step {
        let begun = self
            .begun_at
            .is_some_and(|began| at < REMOVAL_MAX.after(began));
        if self.removed_at.is_some() || self.unanswered || begun {
            return Step::Settle(Over::Removed);
        }
        let confirmed = CONSISTENCY_WINDOW.after(self.last_present.unwrap_or(since));
        if at < confirmed {
            Step::Look
        } else if self.refusals > 0 {
            Step::Settle(Over::FoundGone)
        } else {
            Step::Settle(Over::Vanished)
        }
    }

    fn lags(&self, now: Timestamp) -> bool {
        let removed = self.removed_at;
        removed.is_some_and(|at| now < CONSISTENCY_WINDOW.after(at))
    }

    pub(crate) fn learn(&mut self, outcome: Outcome, now: Timestamp) {
        match outcome {
            Outcome::Looked { at, present: true } => self.saw(at, now),
            Outcome::Looked { at, present: false } => self.missed(at, now),
            Outcome::LookFailed => self.due = self.pause(now),
            Outcome::Removal(answer) => self.answered(answer, now),
            Outcome::Status(Ok(progress)) => self.progressed(progress, now),
            Outcome::Status(Err(fault)) => {
                self.last_error = Some(fault.to_string());
                self.due = self.pause(now);
            }
            Outcome::Asked(Ok(missing)) => self.asked(missing, now),
            Outcome::Asked(Err(fault)) if is_passing(&fault) => self.due = self.pause(now),
            // who may not ask goes on removing
            Outcome::Asked(Err(_)) => self.asked(None, now),
        }
    }

    fn saw(&mut self, at: Timestamp, now: Timestamp) {
        self.failures = 0;
        self.sight = EndObservation::Present;
        self.last_present = Some(at);
        self.in_flight = None;
        // it is there: whatever was begun has had no effect yet, and is sent again
        self.unanswered = false;
        let lagging = self.lags(now);
        if !lagging {
            self.removed_at = None;
        }
        self.due = if lagging { self.look_again(now) } else { now };
        if self.gone.is_some() && self.parked_since.is_none() {
            self.parked_since = Some(now);
            self.is_refused = true;
            self.due = PARKED_PAUSE.after(now);
        }
    }

    fn missed(&mut self, at: Timestamp, now: Timestamp) {
        self.failures = 0;
        let since = match self.sight {
            EndObservation::Absent { since, .. } => since,
            EndObservation::Present | EndObservation::Unseen => at,
        };
        self.sight = EndObservation::Absent { since, at };
        // AWS never said that it was done, but it is
        if self.in_flight.take().is_some() {
            self.is_unanswered(at);
        }
        self.due = match self.settled(since, at) {
            Step::Look => ABSENT_PAUSE.after(now),
            Step::Rest(_) | Step::Remove | Step::Poll(_) | Step::Ask | Step::Settle(_) => now,
        };
    }

    fn answered(&mut self, answer: Result<SentOperation, CenterFault>, now: Timestamp) {
        match answer {
            Ok(SentOperation::InProgress { operation_id }) => {
                self.failures = 0;
                self.in_flight = Some(InFlight {
                    operation_id,
                    since: now,
                    polls: 0,
                });
                self.due = TimeSpan::seconds(1).after(now);
            }
            Ok(SentOperation::Done) => self.finished(now),
            Err(fault) => {
                let words = fault.to_string();
                match fault {
                    CenterFault::Unreachable { .. } | CenterFault::KeyUnusable { .. } => {
                        self.is_unanswered(now);
                        self.sight = EndObservation::Unseen;
                        self.due = self.pause(now);
                    }
                    // not taken: somebody else works on the lane, or there is too much to do
                    CenterFault::Throttled { .. }
                    | CenterFault::NotSent
                    | CenterFault::Full { .. }
                    | CenterFault::Conflict { .. } => {
                        self.sight = EndObservation::Unseen;
                        self.due = self.pause(now);
                    }
                    CenterFault::Refused { .. } | CenterFault::NotFound { .. } => {
                        self.refused(now);
                    }
                }
                self.last_error = Some(words);
            }
        }
    }

    fn progressed(&mut self, progress: OperationStatus, now: Timestamp) {
        self.failures = 0;
        match progress {
            OperationStatus::InProgress => {
                if let Some(removal) = &mut self.in_flight {
                    removal.polls += 1;
                    let pause = removal.polls.clamp(1, POLL_PAUSE_MAX);
                    self.due = TimeSpan::seconds(pause).after(now);
                }
            }
            OperationStatus::Succeeded => self.finished(now),
            OperationStatus::Failed { reason } => {
                self.in_flight = None;
                self.refused(now);
                self.last_error = Some(reason);
            }
            OperationStatus::Unknown => {
                self.in_flight = None;
                self.is_unanswered(now);
                self.sight = EndObservation::Unseen;
                self.due = now;
            }
        }
    }

    fn is_unanswered(&mut self, now: Timestamp) {
        self.unanswered = true;
        self.begun_at = Some(now);
    }

    /// Nothing more for a moment: what was to be done is not to be done any more, or not yet.
    pub(crate) fn defer(&mut self, now: Timestamp) {
        self.due = TimeSpan::seconds(POLL_PAUSE_MAX).after(now);
    }

    fn finished(&mut self, now: Timestamp) {
        self.failures = 0;
        self.in_flight = None;
        self.removed_at = Some(now);
        self.sight = EndObservation::Unseen;
        self.due = now;
    }

    fn refused(&mut self, now: Timestamp) {
        self.refusals = self.refusals.saturating_add(1);
        self.is_refused |= self.refusals >= REFUSALS_BEFORE_ASKING;
        self.gone = None;
        self.sight = EndObservation::Unseen;
        self.due = if self.parked_since.is_some() {
            PARKED_PAUSE.after(now)
        } else if self.refusals == 1 {
            // "not found" often means that it is gone: look at once
            now
        } else {
            doubling(self.refusals - 2, REFUSED_PAUSE_MAX).after(now)
        };
    }

    fn asked(&mut self, missing: Option<Missing>, now: Timestamp) {
        self.failures = 0;
        self.gone = missing;
        if missing.is_none() {
            // it exists: removals go on, and it is asked again after as many refusals
            self.refusals = 1;
        }
        self.due = now;
    }

    /// AWS did not answer or was busy: again within seconds.
    fn pause(&mut self, now: Timestamp) -> Timestamp {
        let pause = doubling(self.failures, PAUSE_MAX);
        self.failures = self.failures.saturating_add(1);
        pause.after(now)
    }

    /// A listing that lags is looked at again, but not in a busy loop.
    fn look_again(&self, now: Timestamp) -> Timestamp {
        let lag = self
            .removed_at
            .map_or(0, |at| TimeSpan::between(at, now).as_seconds());
        TimeSpan::seconds((1 + lag / 4).min(POLL_PAUSE_MAX)).after(now)
    }
}

/// Whether the same call may work in a moment.
fn is_passing(fault: &CenterFault) -> bool {
    match fault {
        CenterFault::Throttled { .. }
        | CenterFault::NotSent
        | CenterFault::Full { .. }
        | CenterFault::Conflict { .. }
        | CenterFault::KeyUnusable { .. }
        | CenterFault::Unreachable { .. } => true,
        CenterFault::NotFound { .. } | CenterFault::Refused { .. } => false,
    }
}

fn doubling(times: u32, most: u64) -> TimeSpan {
    let pause = 1_u64.checked_shl(times).unwrap_or(most);
    TimeSpan::seconds(pause.clamp(1, most))
}

#[cfg(test)]
#[path = "watch_tests.rs"]
mod tests;
