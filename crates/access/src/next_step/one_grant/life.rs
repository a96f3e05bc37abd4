//! State and possible moves of one grant, its row, the process and AWS.

use hallpass_assignments::{AssignmentRow, Desired, EndPriority, Execution, Gate, OperationKind};
use hallpass_base::{TimeSpan, Timestamp};

use super::aws::{Aws, OperationEnd};
use super::story::{Reached, Story};
use crate::guard_steps::tests::{at, grant};
use crate::{Grant, GrantState};

/// Longer than the pause between drift checks.
const LENGTH: TimeSpan = TimeSpan::minutes(15);
const AT_REST: TimeSpan = TimeSpan::minutes(5);

/// The code between the steps and the store: correct, or with a mistake that the model must find.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Glue {
    Right,
    /// Stores an intent with its answer, not before sending.
    IntentWithAnswer,
    /// Writes back the wish from when the worker took the row.
    DesiredWrittenBack,
    /// Verdicts are never reported.
    NewsLost,
    /// A row changed meanwhile still waits for its old pause.
    ChangeNotDue,
    RemovalBelieved,
    AllOurs,
}

impl Glue {
    pub(super) const MISTAKES: [Self; 6] = [
        Self::IntentWithAnswer,
        Self::DesiredWrittenBack,
        Self::NewsLost,
        Self::ChangeNotDue,
        Self::RemovalBelieved,
        Self::AllOurs,
    ];
}

#[derive(Clone, Debug)]
pub(super) struct Life {
    pub(super) now: Timestamp,
    pub(super) grant: Grant,
    pub(super) row: Option<AssignmentRow>,
    pub(super) process: Process,
    /// End of the lease of a stopped worker.
    pub(super) held_until: Option<Timestamp>,
    pub(super) aws: Aws,
    pub(super) story: Story,
    pub(super) faults: u32,
    pub(super) may_give_back: bool,
    pub(super) stood_before: bool,
}

#[derive(Clone, Debug)]
pub(super) enum Process {
    Idle,
    Calling(Box<Call>),
    /// Killed; another process continues then.
    Stopped {
        until: Timestamp,
    },
}

#[derive(Clone, Debug)]
pub(super) struct Call {
    pub(super) before: AssignmentRow,
    pub(super) row: AssignmentRow,
    pub(super) what: Asked,
    pub(super) began: Timestamp,
    pub(super) showed: bool,
}

#[derive(Clone, Debug)]
pub(super) enum Asked {
    Send(OperationKind),
    Look,
    Poll(String),
    Why,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Move {
    Tick,
    Take,
    Answer(Answer),
    Hang,
    Wait,
    GiveBack,
    /// Kills the process; `frees`: its row is free immediately.
    Kill {
        frees: bool,
        sent: Sent,
    },
    Lose,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sent {
    Never,
    Now,
    /// Delay, as an index into [`LATE`].
    Late(usize),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Answer {
    /// The present state; an operation takes one of [`TAKES`].
    True {
        slow: bool,
    },
    /// A listing of the state when it began.
    AsItBegan,
    /// A listing of the state before the last change.
    Stale,
    Ends(OperationEnd),
    None(Sent),
    Refused,
    Throttled,
    Unknown,
}

impl Life {
    pub(super) fn new(stood_before: bool, faults: u32, may_give_back: bool) -> Self {
        let now = at(10);
        let grant = Grant {
            state: GrantState::Scheduled,
            granted_at: None,
            duration: LENGTH,
            ends_at: LENGTH.after(now),
            scheduled_at: now,
            ..grant(1, 10)
        };
        let row = AssignmentRow {
            key: grant.key.clone(),
            desired: Desired {
                until: grant.ends_at,
                asked_at: now,
                rev: 1,
                haste: EndPriority::Ordinary,
                removed_at: None,
            },
            execution: Execution::new(now),
            gate: Gate::Open,
            verdict_rev: 0,
        };
        Self {
            now,
            grant,
            row: Some(row),
            process: Process::Idle,
            held_until: None,
            aws: Aws::new(stood_before, AT_REST.before(now)),
            story: Story::new(stood_before),
            faults,
            may_give_back,
            stood_before,
        }
    }

    pub(super) fn write_to(&self, out: &mut impl std::fmt::Write) -> std::fmt::Result {
        let grant = &self.grant;
        write!(
            out,
            "{:?}{:?}{:?}{:?}{}{}{:?}{:?}{:?}{:?}{:?}{:?}{}{}",
            self.now,
            grant.state,
            grant.granted_at,
            grant.ends_at,
            grant.seen_news,
            grant.refusals,
            grant.stuck,
            self.row,
            self.process,
            self.held_until,
            self.aws,
            self.story,
            self.faults,
            self.may_give_back,
        )
    }

    pub(super) fn is_at_rest(&self) -> bool {
        let rests = self
            .row
            .as_ref()
            .is_none_or(|row| row.execution.due >= AT_REST.after(self.now));
        self.grant.is_over()
            && self.aws.next().is_none()
            && matches!(self.process, Process::Idle)
            && self.held_until.is_none()
            && (rests || self.row.is_none())
            && !self.has_tick()
    }

    pub(super) fn reached(&self) -> Vec<Reached> {
        let again = self
            .row
            .as_ref()
            .and_then(|row| row.execution.removed_again_at);
        self.story.reached(again.is_some())
    }

    /// `None` while Hallpass's access exists.
    pub(super) fn gone_since(&self) -> Option<Timestamp> {
        Some(self.aws.since).filter(|_| self.stood_before || !self.aws.is_there)
    }

    /// Returns the instant after which nothing known may delay the end.
    pub(super) fn quiet_from(&self) -> Timestamp {
        let end = match &self.grant.state {
            GrantState::Ending { since, .. } => *since,
            GrantState::Ended { .. } | GrantState::Failed { .. } => self.now,
            GrantState::Scheduled | GrantState::Granting | GrantState::Active => self.grant.ends_at,
        };
        let stopped = match self.process {
            Process::Stopped { until } => Some(until),
            Process::Idle | Process::Calling(_) => None,
        };
        let arrivals = self.aws.on_the_way.iter().map(|it| it.arrives).max();
        [
            Some(self.now),
            stopped,
            self.held_until,
            self.aws.next(),
            arrivals,
        ]
        .into_iter()
        .flatten()
        .fold(end, Timestamp::max)
    }

    pub(super) fn has_tick(&self) -> bool {
        let is_due = self.grant.due().is_some_and(|at| at <= self.now);
        let has_news =
            (self.row.as_ref()).is_some_and(|row| row.verdict_rev > self.grant.seen_news);
        !self.grant.is_over() && (is_due || has_news)
    }

    pub(super) fn has_task(&self) -> bool {
        let is_free = self.held_until.is_none_or(|until| until <= self.now);
        is_free && (self.row.as_ref()).is_some_and(|row| row.execution.due <= self.now)
    }
}
