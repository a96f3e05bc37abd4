//! One grant, its row, the process that works on it, and AWS: what is so at an instant, and what may happen next.

use std::time::Duration;

use hallpass_assignments::queue::{Queue, Slot, Task, task};
use hallpass_assignments::{
    AssignmentRow, CenterFault, Desired, Execution, Gate, Haste, OperationKind, OperationStatus,
    RowAction, SentOperation, StepOutcome, Urgency, next,
};
use hallpass_model::{TimeSpan, Timestamp};
use hallpass_rules::Directory;

use super::aws::{Aws, OnTheWay, OperationEnd};
use super::story::{Reached, Story};
use crate::end::{self, EndFacts};
use crate::guard_steps::tests::{at, grant, step_at_instant};
use crate::records::Doer;
use crate::step::GrantStep;
use crate::{DesiredAssignment, EndCause, Grant, GrantState, Holds, Settings, next_step};

/// How long a grant of the model is: longer than the pause between looks for drift.
const LENGTH: TimeSpan = TimeSpan::minutes(15);
/// When every life is over that keeps the promises.
const LIVES_FOR: TimeSpan = TimeSpan::hours(1);
/// How long an operation is expected to take.
const EXPECTED: Duration = Duration::from_secs(2);
/// How long it does, and how long where AWS is slow.
const TAKES: [TimeSpan; 2] = [TimeSpan::seconds(2), TimeSpan::seconds(7)];
/// When a call arrives that was held up.
const LATE: [TimeSpan; 2] = [TimeSpan::seconds(3), TimeSpan::seconds(40)];
/// How long a call hangs that is answered all the same.
const HANGS: TimeSpan = TimeSpan::seconds(8);
/// How long listings may show what was before.
const LISTINGS_LAG: TimeSpan = TimeSpan::minutes(1);
/// How long it takes until another process goes on.
const TAKEOVER: TimeSpan = TimeSpan::seconds(3);
/// How long a row stays with a worker that does not give it back.
const LEASE: TimeSpan = TimeSpan::seconds(90);
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
    process: Process,
    /// Until when the row is held by a worker that is gone.
    held_until: Option<Timestamp>,
    pub(super) aws: Aws,
    pub(super) story: Story,
    /// How many more things may go wrong.
    pub(super) faults: u32,
    /// Whether its holder may still give it back.
    may_give_back: bool,
    stood_before: bool,
}

#[derive(Clone, Debug)]
enum Process {
    Idle,
    /// A call is on its way, or its answer is.
    Calling(Box<Call>),
    /// It was killed; another goes on then.
    Stopped {
        until: Timestamp,
    },
}

#[derive(Clone, Debug)]
struct Call {
    before: AssignmentRow,
    row: AssignmentRow,
    what: Asked,
    began: Timestamp,
    /// Whether the access was there when the call began.
    showed: bool,
}

#[derive(Clone, Debug)]
enum Asked {
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

    /// What may happen next; first what does when nothing goes wrong.
    pub(super) fn moves(&self) -> Vec<Move> {
        let mut moves = Vec::new();
        let runs = !matches!(self.process, Process::Stopped { .. });
        if runs && self.has_tick() {
            moves.push(Move::Tick);
        }
        match &self.process {
            Process::Idle if self.has_task() => moves.push(Move::Take),
            Process::Calling(call) => {
                moves.extend(self.answers(call).into_iter().map(Move::Answer));
            }
            Process::Idle | Process::Stopped { .. } => {}
        }
        if moves.is_empty() {
            moves.push(Move::Wait);
        }
        if runs && self.may_give_back && self.grant.is_hold() {
            moves.push(Move::GiveBack);
        }
        if self.faults > 0 {
            self.add_faults(&mut moves);
        }
        moves
    }

    fn add_faults(&self, moves: &mut Vec<Move>) {
        match &self.process {
            Process::Calling(call) => {
                let wrong = self.wrong_answers(call).into_iter().map(Move::Answer);
                moves.extend(wrong.chain([Move::Hang]));
                let fates: &[Sent] = match call.what {
                    Asked::Send(_) => &[Sent::Never, Sent::Now, Sent::Late(0), Sent::Late(1)],
                    Asked::Look | Asked::Poll(_) | Asked::Why => &[Sent::Never],
                };
                for sent in fates.iter().copied() {
                    moves.extend([true, false].map(|frees| Move::Kill { frees, sent }));
                }
            }
            Process::Idle => moves.push(Move::Kill {
                frees: true,
                sent: Sent::Never,
            }),
            Process::Stopped { .. } => {}
        }
        if self.aws.is_there && !self.stood_before {
            moves.push(Move::Lose);
        }
    }

    fn answers(&self, call: &Call) -> Vec<Answer> {
        let otherwise = match call.what {
            Asked::Send(_) => Some(Answer::True { slow: true }),
            Asked::Look if call.showed != self.aws.is_there => Some(Answer::AsItBegan),
            Asked::Look | Asked::Poll(_) | Asked::Why => None,
        };
        [Answer::True { slow: false }]
            .into_iter()
            .chain(otherwise)
            .collect()
    }

    fn wrong_answers(&self, call: &Call) -> Vec<Answer> {
        match call.what {
            Asked::Send(_) => vec![
                Answer::None(Sent::Never),
                Answer::None(Sent::Now),
                Answer::None(Sent::Late(0)),
                Answer::None(Sent::Late(1)),
                Answer::Ends(OperationEnd::Failed),
                Answer::Ends(OperationEnd::FailedInWords),
                Answer::Refused,
                Answer::Throttled,
            ],
            Asked::Look if call.began < LISTINGS_LAG.after(self.aws.since) => {
                vec![Answer::None(Sent::Never), Answer::Stale]
            }
            Asked::Poll(_) => vec![Answer::None(Sent::Never), Answer::Unknown],
            Asked::Look | Asked::Why => vec![Answer::None(Sent::Never)],
        }
    }

    fn has_tick(&self) -> bool {
        let is_due = self.grant.due().is_some_and(|at| at <= self.now);
        let has_news =
            (self.row.as_ref()).is_some_and(|row| row.verdict_rev > self.grant.seen_news);
        !self.grant.is_over() && (is_due || has_news)
    }

    fn has_task(&self) -> bool {
        let is_free = self.held_until.is_none_or(|until| until <= self.now);
        is_free && (self.row.as_ref()).is_some_and(|row| row.execution.due <= self.now)
    }

    /// What is so after a move, or the promise that it breaks.
    pub(super) fn after(&self, then: Move, glue: Glue) -> Result<Self, String> {
        let mut life = self.clone();
        let goes_wrong = match then {
            Move::Tick
            | Move::Take
            | Move::Wait
            | Move::GiveBack
            | Move::Answer(Answer::True { .. } | Answer::AsItBegan) => false,
            Move::Answer(_) | Move::Hang | Move::Kill { .. } | Move::Lose => true,
        };
        life.faults -= u32::from(goes_wrong);
        match then {
            Move::Tick => life.tick()?,
            Move::Take => life.take(glue)?,
            Move::Answer(answer) => life.answer(answer, glue),
            Move::Hang => life.pass(HANGS.after(self.now)),
            Move::Wait => life.wait()?,
            Move::GiveBack => {
                life.may_give_back = false;
                let step = end::begin(
                    &life.grant,
                    EndCause::Released,
                    Doer::Hallpass,
                    &life.holds(),
                    step_at_instant(life.now),
                );
                life.commit(step)?;
            }
            Move::Kill { frees, sent } => life.kill(frees, sent),
            Move::Lose => life.aws.lose(life.now),
        }
        life.ensure_promises()?;
        Ok(life)
    }

    fn ensure_promises(&self) -> Result<(), String> {
        if self.stood_before && !self.aws.is_there {
            return Err("what stood before is gone".to_owned());
        }
        if self.story.over_at == Some(self.now)
            && self.aws.is_there
            && !self.stood_before
            && self.aws.since < self.now
            && !self.aws.expects_create()
        {
            return Err("its end was told while the access was there".to_owned());
        }
        Ok(())
    }

    fn pass(&mut self, now: Timestamp) {
        self.aws.pass(now);
        self.now = now;
    }

    fn wait(&mut self) -> Result<(), String> {
        let stopped = match self.process {
            Process::Stopped { until } => Some(until),
            Process::Idle | Process::Calling(_) => None,
        };
        let due = (self.row.as_ref()).map(|row| match self.held_until {
            Some(until) => row.execution.due.max(until),
            None => row.execution.due,
        });
        let grant = self.grant.due().filter(|_| !self.grant.is_over());
        let next = [stopped, due, grant, self.aws.next()];
        let next = next.into_iter().flatten().filter(|at| *at > self.now).min();
        let next = next.ok_or("nobody ever looks again")?;
        if next > LIVES_FOR.after(self.grant.scheduled_at) {
            return Err("it is not over long after its end".to_owned());
        }
        self.pass(next);
        if stopped.is_some_and(|until| until <= next) {
            self.process = Process::Idle;
        }
        self.held_until = self.held_until.filter(|until| *until > next);
        Ok(())
    }

    fn holds(&self) -> Holds {
        let live = Some(self.grant.clone()).filter(|grant| !grant.is_over());
        Holds {
            grants: live.into_iter().collect(),
            row: self.row.clone(),
        }
    }

    fn tick(&mut self) -> Result<(), String> {
        let (directory, settings) = (Directory::default(), Settings::default());
        let known = EndFacts {
            directory: &directory,
            settings: &settings,
            removal: None,
            armed: None,
        };
        let step = next_step::of(&self.grant, &self.holds(), known, step_at_instant(self.now));
        if step.is_empty() {
            return Err("a step that is due changes nothing".to_owned());
        }
        self.commit(step)
    }

    fn commit(&mut self, step: GrantStep) -> Result<(), String> {
        for record in &step.records {
            self.story.hears(record.event(), self.now)?;
        }
        if let Some(grant) = step.grants.into_iter().next() {
            self.grant = grant;
        }
        match step.desired {
            Some(DesiredAssignment::Until {
                until,
                asked_at,
                haste,
                ..
            }) => {
                if let Some(row) = &mut self.row {
                    desire(row, until, asked_at, haste);
                }
            }
            Some(DesiredAssignment::Forget { .. }) => self.row = None,
            Some(other) => return Err(format!("nobody asked for {other:?}")),
            None => {}
        }
        Ok(())
    }

    fn take(&mut self, glue: Glue) -> Result<(), String> {
        let Some(stored) = self.row.clone() else {
            return Ok(());
        };
        let queue = match next(&stored, self.now) {
            RowAction::Begin(_) => Queue::Write(Urgency::Grant, Slot::Account),
            _ => Queue::Step(Urgency::Grant),
        };
        let (before, row, what) = match task(stored.clone(), queue, self.now) {
            Task::Send { before, intent } => {
                let kind = (intent.execution.operation.as_ref())
                    .map_or(OperationKind::Delete, |it| it.kind);
                self.story.sends(kind, self.now, self.grant.ends_at)?;
                if self.story.is_over() && intent.execution.removed_again_at != Some(self.now) {
                    return Err(
                        "a removal after the end was told, of which nothing is known".to_owned(),
                    );
                }
                if glue != Glue::IntentWithAnswer {
                    self.row = Some(AssignmentRow {
                        execution: intent.execution.clone(),
                        ..stored
                    });
                }
                (*before, *intent, Asked::Send(kind))
            }
            Task::Step(row) => {
                let what = match next(&row, self.now) {
                    RowAction::Look => Asked::Look,
                    RowAction::Poll { operation_id, .. } => Asked::Poll(operation_id),
                    RowAction::AskWhy => Asked::Why,
                    RowAction::Settle(verdict) => {
                        let learned = row.clone().learn(
                            &row,
                            StepOutcome::Settled(verdict),
                            self.now,
                            EXPECTED,
                        );
                        self.record(&row, learned, glue);
                        return Ok(());
                    }
                    RowAction::Rest(until) => {
                        let mut learned = (*row).clone();
                        learned.execution.due = learned.execution.due.max(until);
                        self.record(&row, learned, glue);
                        return Ok(());
                    }
                    RowAction::Begin(_) => return Err("an operation out of line".to_owned()),
                };
                ((*row).clone(), *row, what)
            }
        };
        self.process = Process::Calling(Box::new(Call {
            before,
            row,
            what,
            began: self.now,
            showed: self.aws.is_there,
        }));
        Ok(())
    }

    /// Gives the row back with what was learned, as the store does.
    fn record(&mut self, before: &AssignmentRow, learned: AssignmentRow, glue: Glue) {
        let Some(stored) = self.row.take() else {
            return;
        };
        let news = learned.execution.is_news_after(&before.execution) && glue != Glue::NewsLost;
        let mut row = AssignmentRow {
            execution: learned.execution,
            verdict_rev: stored.verdict_rev + u64::from(news),
            ..stored
        };
        if glue == Glue::DesiredWrittenBack {
            row.desired = learned.desired;
        } else if row.desired.rev != learned.desired.rev && glue != Glue::ChangeNotDue {
            row.execution.due = row.execution.due.min(row.desired.asked_at);
        }
        self.row = Some(row);
    }

    fn answer(&mut self, answer: Answer, glue: Glue) {
        let Process::Calling(call) = std::mem::replace(&mut self.process, Process::Idle) else {
            return;
        };
        let Call {
            before,
            row,
            what,
            showed,
            ..
        } = *call;
        let mut outcome = match what {
            Asked::Send(kind) => self.sent(kind, answer),
            Asked::Look => self.looked(answer, call.began, showed),
            Asked::Poll(id) => match answer {
                Answer::Unknown => StepOutcome::Polled(OperationStatus::Unknown),
                Answer::None(_) => StepOutcome::ReadFailed(unanswered()),
                _ => StepOutcome::Polled(self.aws.status(&id)),
            },
            Asked::Why => StepOutcome::Asked(None),
        };
        let removes = row
            .execution
            .operation
            .as_ref()
            .is_some_and(|it| it.kind == OperationKind::Delete);
        if glue == Glue::RemovalBelieved && removes && matches!(outcome, StepOutcome::Sent(_)) {
            outcome = StepOutcome::Sent(SentOperation::Done);
        }
        let mut learned = row.learn(&before, outcome, self.now, EXPECTED);
        if glue == Glue::AllOurs && learned.execution.last_present_at.is_some() {
            learned.execution.ownership = hallpass_assignments::Ownership::Ours;
        }
        self.record(&before, learned, glue);
    }

    fn sent(&mut self, kind: OperationKind, answer: Answer) -> StepOutcome {
        let (takes, end) = match answer {
            Answer::True { slow } => (TAKES[usize::from(slow)], OperationEnd::Well),
            Answer::Ends(end) => (TAKES[0], end),
            Answer::None(sent) => {
                self.send_unanswered(kind, sent);
                return StepOutcome::SendFailed(unanswered());
            }
            Answer::Refused => {
                let reason = "not authorized".to_owned();
                return StepOutcome::SendFailed(CenterFault::Refused { reason });
            }
            _ => {
                let message = "rate exceeded".to_owned();
                return StepOutcome::SendFailed(CenterFault::Throttled { message });
            }
        };
        match self.aws.take(kind, self.now, takes, end) {
            Ok(operation_id) => StepOutcome::Sent(SentOperation::InProgress { operation_id }),
            Err(fault) => StepOutcome::SendFailed(fault),
        }
    }

    fn looked(&self, answer: Answer, began: Timestamp, showed: bool) -> StepOutcome {
        let present = match answer {
            Answer::None(_) => return StepOutcome::ReadFailed(unanswered()),
            Answer::AsItBegan => showed,
            Answer::Stale => !self.aws.is_there,
            _ => self.aws.is_there,
        };
        StepOutcome::Looked { at: began, present }
    }

    fn send_unanswered(&mut self, kind: OperationKind, sent: Sent) {
        match sent {
            Sent::Never => {}
            Sent::Now => {
                // where AWS works on another operation, it takes none
                let _: Result<_, CenterFault> =
                    self.aws.take(kind, self.now, TAKES[0], OperationEnd::Well);
            }
            Sent::Late(n) => self.aws.on_the_way.push(OnTheWay {
                kind,
                arrives: LATE[n].after(self.now),
            }),
        }
    }

    fn kill(&mut self, frees: bool, sent: Sent) {
        let until = TAKEOVER.after(self.now);
        let process = std::mem::replace(&mut self.process, Process::Stopped { until });
        let Process::Calling(call) = process else {
            return;
        };
        if let Asked::Send(kind) = call.what {
            self.send_unanswered(kind, sent);
        }
        if !frees {
            self.held_until = Some(LEASE.after(call.began));
        }
    }
}

fn unanswered() -> CenterFault {
    let message = "no answer".to_owned();
    CenterFault::Unreachable { message }
}

/// What is desired of a row, as the store writes it.
fn desire(row: &mut AssignmentRow, until: Timestamp, asked_at: Timestamp, haste: Haste) {
    let was_seen = matches!(row.execution.verdict, hallpass_assignments::Verdict::Present { at } if at >= asked_at);
    let is_same = asked_at == row.desired.asked_at && haste == row.desired.haste;
    let stands = was_seen
        && is_same
        && until >= row.desired.until
        && row.execution.operation.is_none()
        && !row.gave_up();
    row.desired = Desired {
        until,
        asked_at,
        haste,
        rev: row.desired.rev + 1,
        ..row.desired
    };
    if !stands {
        row.execution.due = row.execution.due.min(asked_at);
    }
}
