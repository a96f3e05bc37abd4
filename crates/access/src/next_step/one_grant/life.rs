//! One grant, its row, the process that works on it, and AWS: what is so at an instant, and what there is that may happen.

use hallpass_assignments::{AssignmentRow, Desired, Execution, Gate, Haste, OperationKind};
use hallpass_base::{TimeSpan, Timestamp};

use super::aws::{Aws, OperationEnd};
use super::story::{Reached, Story};
use crate::guard_steps::tests::{at, grant};
use crate::{Grant, GrantState};

/// How long a grant of the model is: longer than the pause between looks for drift.
const LENGTH: TimeSpan = TimeSpan::minutes(15);
/// A rest of this length is one until somebody looks for drift.
const AT_REST: TimeSpan = TimeSpan::minutes(5);

/// What stands between the steps and the store, as it is or with a mistake that the model has to find.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Glue {
    Right,
    /// An intent is stored with its answer, not before it is sent.
    IntentWithAnswer,
    /// What was desired when a worker took the row is written back with what it learned.
    DesiredWrittenBack,
    /// Nobody hears of a verdict.
    NewsLost,
    /// What was learned of a row that changed meanwhile waits for its old pause.
    ChangeNotDue,
    /// A removal is taken for done when it was sent.
    RemovalBelieved,
    /// Whatever is listed is believed to be ours.
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

/// Everything that is so.
#[derive(Clone, Debug)]
pub(super) struct Life {
    pub(super) now: Timestamp,
    pub(super) grant: Grant,
    pub(super) row: Option<AssignmentRow>,
    pub(super) process: Process,
    /// Until when the row is held by a worker that is gone.
    pub(super) held_until: Option<Timestamp>,
    pub(super) aws: Aws,
    pub(super) story: Story,
    /// How many more things may go wrong.
    pub(super) faults: u32,
    /// Whether its holder may still give it back.
    pub(super) may_give_back: bool,
    pub(super) stood_before: bool,
}

#[derive(Clone, Debug)]
pub(super) enum Process {
    Idle,
    /// A call is on its way, or its answer is.
    Calling(Box<Call>),
    /// It was killed; another goes on then.
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
    /// Whether the access was there when the call began.
    pub(super) showed: bool,
}

#[derive(Clone, Debug)]
pub(super) enum Asked {
    Send(OperationKind),
    Look,
    Poll(String),
    Why,
}

/// What happens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Move {
    /// `access` takes the step that is due.
    Tick,
    /// A worker takes the row.
    Take,
    /// Its call is answered.
    Answer(Answer),
    /// Its call hangs.
    Hang,
    /// Nothing is to do before the next instant.
    Wait,
    /// Its holder gives it back.
    GiveBack,
    /// The process is killed; whether its row is free at once, and what becomes of what it sent.
    Kill { frees: bool, sent: Sent },
    /// Somebody else removes the access.
    Lose,
}

/// What becomes of an operation that nobody waits for any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sent {
    Never,
    Now,
    /// So much later, by its place in [`LATE`].
    Late(usize),
}

/// How a call is answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Answer {
    /// As things are; an operation takes one of [`TAKES`].
    True { slow: bool },
    /// A listing as things were when it began.
    AsItBegan,
    /// A listing as things were before they last changed.
    Stale,
    /// An operation is taken, and ends otherwise.
    Ends(OperationEnd),
    /// Not at all.
    None(Sent),
    /// AWS refuses.
    Refused,
    /// AWS takes nothing now.
    Throttled,
    /// AWS does not know the operation.
    Unknown,
}

impl Life {
    /// A grant that was just approved.
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
                haste: Haste::Ordinary,
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

    /// What tells two of these apart.
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

    /// Whether nothing more is to happen: the grant is over, and its row waits to be forgotten.
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

    /// What it came to.
    pub(super) fn reached(&self) -> Vec<Reached> {
        let again = self
            .row
            .as_ref()
            .and_then(|row| row.execution.removed_again_at);
        self.story.reached(again.is_some())
    }

    /// Since when nothing of ours is there; `None` while something is.
    pub(super) fn gone_since(&self) -> Option<Timestamp> {
        Some(self.aws.since).filter(|_| self.stood_before || !self.aws.is_there)
    }

    /// From when on nothing that is known may put the end off.
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
