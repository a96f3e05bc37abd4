//! State machine of one due end. Pure.
//!
//! Only removes, never grants. Pauses bound its load; it retries while the access is listed.

use hallpass_assignments::{CenterFault, Missing, OperationStatus, OwnedEnd, SentOperation};
use hallpass_base::{TimeSpan, Timestamp};

/// Longest pause during an AWS outage or throttle.
const PAUSE_MAX: u64 = 4;
const REFUSED_PAUSE_MAX: u64 = 60;
/// Pause between finally refused removals.
const PARKED_PAUSE: TimeSpan = TimeSpan::hours(1);
const POLL_PAUSE_MAX: u64 = 5;
/// Later, checks the listing instead.
const REMOVAL_MAX: TimeSpan = TimeSpan::minutes(5);
/// Possible lag of listings.
const CONSISTENCY_WINDOW: TimeSpan = TimeSpan::minutes(1);
/// Pause between checks of access that vanished without a known removal.
const ABSENT_PAUSE: TimeSpan = TimeSpan::seconds(20);
/// Refusals before an alarm and a check whether the user or account exists.
const REFUSALS_BEFORE_ASKING: u32 = 5;
/// A longer pause comes from a fast clock.
const ANY_PAUSE_MAX: TimeSpan = TimeSpan::minutes(61);

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// Nothing to do before this time.
    Rest(Timestamp),
    Look,
    /// Read the newest copy, then remove.
    Remove,
    Poll(String),
    /// Check whether the user, group or account exists.
    Ask,
    Settle(Over),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Over {
    /// Our removal, possibly finished by another.
    Removed,
    /// Our removal found it missing.
    FoundGone,
    /// Missing before we sent anything.
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

#[derive(Clone, Debug)]
pub(crate) enum Outcome {
    Looked { at: Timestamp, present: bool },
    LookFailed,
    Removal(Result<SentOperation, CenterFault>),
    Status(Result<OperationStatus, CenterFault>),
    Asked(Result<Option<Missing>, CenterFault>),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EndWatch {
    end: OwnedEnd,
    sight: EndObservation,
    last_present: Option<Timestamp>,
    in_flight: Option<InFlight>,
    /// A removal with unknown result, not checked since.
    unanswered: bool,
    /// Start of the newest such removal: it may still run.
    begun_at: Option<Timestamp>,
    removed_at: Option<Timestamp>,
    refusals: u32,
    is_refused: bool,
    gone: Option<Missing>,
    parked_since: Option<Timestamp>,
    failures: u32,
    last_error: Option<String>,
    due: Timestamp,
}

impl EndWatch {
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

    /// An earlier guard started a removal without a recorded result.
    pub(crate) fn begun_before(end: OwnedEnd) -> Self {
        Self {
            unanswered: true,
            ..Self::new(end)
        }
    }

    pub fn end(&self) -> &OwnedEnd {
        &self.end
    }

    /// Whether our removal runs, or finished but is not visible yet.
    pub(crate) fn is_under_way(&self) -> bool {
        self.in_flight.is_some() || self.unanswered || self.removed_at.is_some()
    }

    pub(crate) fn is_in_flight(&self) -> bool {
        self.in_flight.is_some()
    }

    pub(crate) fn parked(&self) -> Option<(Timestamp, &str)> {
        let error = self.last_error.as_deref().unwrap_or("AWS gave no reason");
        Some((self.parked_since?, error))
    }

    pub(crate) fn last_error(&self) -> Option<&str> {
        self.last_error.as_deref()
    }

    pub(crate) fn is_refused(&self) -> bool {
        self.is_refused
    }

    pub(crate) fn is_gone(&self) -> bool {
        matches!(self.sight, EndObservation::Absent { .. })
    }

    pub(crate) fn why_gone(&self) -> Option<Missing> {
        self.gone
    }

    /// Updates the end. A removal in progress finishes with its original data, so that its record
    /// matches its start.
    pub(crate) fn change(&mut self, end: &OwnedEnd) {
        if self.end != *end && !self.is_under_way() {
            *self = Self::new(end.clone());
        }
    }

    /// `bound` is the allowed delay.
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
            // a completed removal may stay visible for a while
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
            // without permission to check, keeps removing
            Outcome::Asked(Err(_)) => self.asked(None, now),
        }
    }

    fn saw(&mut self, at: Timestamp, now: Timestamp) {
        self.failures = 0;
        self.sight = EndObservation::Present;
        self.last_present = Some(at);
        self.in_flight = None;
        // still listed: earlier attempts had no effect; send again
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
        // AWS never confirmed, but it is removed
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
                    // not accepted: lane busy, or too many operations
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

    /// Pauses briefly: the step is obsolete or premature.
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
            // "not found" often means removed: check immediately
            now
        } else {
            doubling(self.refusals - 2, REFUSED_PAUSE_MAX).after(now)
        };
    }

    fn asked(&mut self, missing: Option<Missing>, now: Timestamp) {
        self.failures = 0;
        self.gone = missing;
        if missing.is_none() {
            // it exists: keep removing; check again after as many refusals
            self.refusals = 1;
        }
        self.due = now;
    }

    fn pause(&mut self, now: Timestamp) -> Timestamp {
        let pause = doubling(self.failures, PAUSE_MAX);
        self.failures = self.failures.saturating_add(1);
        pause.after(now)
    }

    /// Rechecks a lagging listing without a busy loop.
    fn look_again(&self, now: Timestamp) -> Timestamp {
        let lag = self
            .removed_at
            .map_or(0, |at| TimeSpan::between(at, now).as_seconds());
        TimeSpan::seconds((1 + lag / 4).min(POLL_PAUSE_MAX)).after(now)
    }
}

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
