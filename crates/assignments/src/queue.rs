//! Who goes first: where each row stands, and what a worker is given next. Pure.
//!
//! A row whose next step is to send an operation stands in line for it: what a person took away
//! first, then ends by deadline, then grants in the order they were asked for. AWS works on ten
//! account operations at a time, and on one for each account and permission set. Steps that need no
//! slot (looks, polls, memberships) are taken as they fall due, by the same order.

use hallpass_base::{Target, Timestamp};

use crate::plan::{RowAction, goes_by_old_listing, next, next_while_wanted, remove};
use crate::{AssignmentRow, Haste, Observation, OperationKind, Urgency, Verdict};

/// What a row does while its access is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WhileWanted {
    /// Stands in line for its create.
    Create,
    /// Is looked at.
    Look,
    /// Has an operation: is looked at and asked about.
    Poll,
    /// Is there; compared with the listing now and then.
    Watch,
    /// Nothing, until it is unwanted.
    Nothing,
}

impl WhileWanted {
    /// The name in storage.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Create => "create",
            Self::Look => "look",
            Self::Poll => "poll",
            Self::Watch => "watch",
            Self::Nothing => "nothing",
        }
    }
}

/// What a row does once its access is unwanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnceUnwanted {
    /// Stands in line for its delete.
    Delete,
    /// Is looked at, or asked about, until it is settled.
    Look,
    /// Is settled.
    Rest,
}

impl OnceUnwanted {
    /// The name in storage.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Delete => "delete",
            Self::Look => "look",
            Self::Rest => "rest",
        }
    }
}

/// Where a row stands at any instant, until something about it is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct QueuePosition {
    /// Nothing to do before this instant.
    pub due: Timestamp,
    /// From when its access is unwanted.
    pub unwanted_from: Timestamp,
    /// When the newest hold was added.
    pub asked_at: Timestamp,
    /// How long the end may wait for others.
    pub haste: Haste,
    /// What it does until then.
    pub while_wanted: WhileWanted,
    /// What it does from then on.
    pub once_unwanted: OnceUnwanted,
    /// The operation that AWS may be working on.
    pub in_flight: Option<OperationKind>,
    /// Whether AWS accepted that operation: it is asked about, and several of them in one question.
    pub is_accepted: bool,
    /// Whether its operations take one of the slots of account operations.
    pub slot: Slot,
}

/// Whether an operation takes one of the slots that AWS has for account operations.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Slot {
    /// An account assignment.
    Account,
    /// A group membership is changed at once.
    None,
}

impl Slot {
    /// Of a target.
    pub const fn of(target: &Target) -> Self {
        match target {
            Target::Account { .. } => Self::Account,
            Target::Group { .. } => Self::None,
        }
    }
}

/// A line that rows stand in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Queue {
    /// For sending an operation.
    Write(Urgency, Slot),
    /// For any other step.
    Step(Urgency),
}

impl Queue {
    /// Every line that anybody stands in.
    pub const ALL: [Self; 10] = [
        Self::Write(Urgency::AtOnce, Slot::Account),
        Self::Write(Urgency::AtOnce, Slot::None),
        Self::Step(Urgency::AtOnce),
        Self::Write(Urgency::End, Slot::Account),
        Self::Write(Urgency::End, Slot::None),
        Self::Step(Urgency::End),
        Self::Write(Urgency::Grant, Slot::Account),
        Self::Write(Urgency::Grant, Slot::None),
        Self::Step(Urgency::Grant),
        Self::Step(Urgency::Background),
    ];

    /// The urgency of the rows in it.
    pub const fn urgency(self) -> Urgency {
        match self {
            Self::Write(urgency, _) | Self::Step(urgency) => urgency,
        }
    }
}

impl QueuePosition {
    /// Of a row.
    pub fn of(row: &AssignmentRow) -> Self {
        let execution = &row.execution;
        let unwanted_from = row.unwanted_from();
        let ends = execution.due.max(unwanted_from);
        let is_busy = execution.operation.is_some();
        let once_unwanted = match remove(row, ends) {
            RowAction::Begin(_) if !is_busy => OnceUnwanted::Delete,
            RowAction::Rest(_) if !is_busy => OnceUnwanted::Rest,
            RowAction::Begin(_)
            | RowAction::Rest(_)
            | RowAction::Look
            | RowAction::Poll { .. }
            | RowAction::AskWhy
            | RowAction::Settle(_) => OnceUnwanted::Look,
        };
        let in_flight = row.in_flight();
        Self {
            due: execution.due,
            unwanted_from,
            asked_at: row.desired.asked_at,
            haste: row.desired.haste,
            while_wanted: while_wanted(row, unwanted_from),
            once_unwanted,
            in_flight: in_flight.map(|operation| operation.kind),
            is_accepted: in_flight.is_some_and(|operation| operation.operation_id.is_some()),
            slot: Slot::of(&row.key.target),
        }
    }

    /// Its line at `now`, and since when it is its turn; `None` while it rests.
    pub fn queue(&self, now: Timestamp) -> Option<(Queue, Timestamp)> {
        if now < self.due {
            return None;
        }
        if now < self.unwanted_from {
            return match self.while_wanted {
                WhileWanted::Create => {
                    Some((Queue::Write(Urgency::Grant, self.slot), self.asked_at))
                }
                WhileWanted::Look | WhileWanted::Poll => {
                    Some((Queue::Step(Urgency::Grant), self.asked_at))
                }
                WhileWanted::Watch => Some((Queue::Step(Urgency::Background), self.due)),
                WhileWanted::Nothing => None,
            };
        }
        let urgency = match self.haste {
            Haste::AtOnce => Urgency::AtOnce,
            Haste::Ordinary => Urgency::End,
        };
        Some(match self.once_unwanted {
            OnceUnwanted::Delete => (Queue::Write(urgency, self.slot), self.unwanted_from),
            OnceUnwanted::Look => (Queue::Step(urgency), self.unwanted_from),
            OnceUnwanted::Rest => (Queue::Step(Urgency::Background), self.due),
        })
    }

    /// Whether it waits for a create that was not sent yet.
    pub fn waits_for_grant(&self, now: Timestamp) -> bool {
        self.due <= now
            && now < self.unwanted_from
            && match self.while_wanted {
                WhileWanted::Create | WhileWanted::Look => true,
                WhileWanted::Poll | WhileWanted::Watch | WhileWanted::Nothing => false,
            }
    }

    /// Whether it stands in line for a delete.
    pub fn waits_for_end(&self, now: Timestamp) -> bool {
        self.due.max(self.unwanted_from) <= now && self.once_unwanted == OnceUnwanted::Delete
    }
}

fn while_wanted(row: &AssignmentRow, unwanted_from: Timestamp) -> WhileWanted {
    let execution = &row.execution;
    if execution.due >= unwanted_from {
        return WhileWanted::Nothing;
    }
    if execution.operation.is_some() {
        return WhileWanted::Poll;
    }
    match next_while_wanted(row, execution.due) {
        RowAction::Begin(_) => WhileWanted::Create,
        RowAction::Look
        | RowAction::Poll { .. }
        | RowAction::AskWhy
        | RowAction::Settle(_)
        | RowAction::Rest(_) => match execution.verdict {
            Verdict::Present { .. } | Verdict::Lost { .. } => WhileWanted::Watch,
            Verdict::Working
            | Verdict::Absent { .. }
            | Verdict::Kept { .. }
            | Verdict::Refused { .. }
            | Verdict::Stuck { .. } => WhileWanted::Look,
        },
    }
}

/// What a worker is given: a row, with the right to work on it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Task {
    /// A look, a poll, a question: whatever [`next`](crate::next) says but an operation.
    Step(Box<AssignmentRow>),
    /// An operation whose intent is stored: to be sent now, once.
    Send {
        /// The row before the intent.
        before: Box<AssignmentRow>,
        /// The row with it.
        intent: Box<AssignmentRow>,
    },
}

impl Task {
    /// The row as it is stored.
    pub fn row(&self) -> &AssignmentRow {
        match self {
            Self::Step(row) | Self::Send { intent: row, .. } => row,
        }
    }
}

/// What a worker does with the first of a line: sends its operation, whose intent is to be stored
/// first, or takes a step.
pub fn task(row: AssignmentRow, queue: Queue, now: Timestamp) -> Task {
    let row = row.clamped(now).apply_guard_removal(now);
    let is_in_line = matches!(queue, Queue::Write(..));
    match next(&row, now) {
        RowAction::Begin(_) if is_in_line && goes_by_old_listing(&row, now) => {
            let mut row = row;
            row.execution.observation = Observation::Unseen;
            Task::Step(Box::new(row))
        }
        RowAction::Begin(kind) if is_in_line => Task::Send {
            intent: Box::new(row.clone().begin(kind, now)),
            before: Box::new(row),
        },
        RowAction::Begin(_)
        | RowAction::Look
        | RowAction::Poll { .. }
        | RowAction::AskWhy
        | RowAction::Settle(_)
        | RowAction::Rest(_) => Task::Step(Box::new(row)),
    }
}

/// Account operations that AWS may be working on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct InFlight {
    /// Creates.
    pub creates: u32,
    /// Deletes.
    pub deletes: u32,
    /// Of the deletes, those that a person wants at once.
    pub at_once: u32,
    /// Of these, those that AWS has not answered.
    pub at_once_unanswered: u32,
}

impl InFlight {
    /// Counts one more.
    pub fn add(&mut self, kind: OperationKind, haste: Haste, is_accepted: bool) {
        let is_at_once = haste == Haste::AtOnce;
        match kind {
            OperationKind::Create => self.creates += 1,
            OperationKind::Delete => {
                self.deletes += 1;
                self.at_once += u32::from(is_at_once);
                self.at_once_unanswered += u32::from(is_at_once && !is_accepted);
            }
        }
    }

    /// Creates and deletes together.
    pub const fn all(self) -> u32 {
        self.creates.saturating_add(self.deletes)
    }

    /// Those of one kind.
    pub const fn of(self, kind: OperationKind) -> u32 {
        match kind {
            OperationKind::Create => self.creates,
            OperationKind::Delete => self.deletes,
        }
    }
}

/// How many stand in line for an operation of their own.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct QueueLengths {
    /// Removals that a person wants at once.
    pub at_once: u32,
    /// Other removals.
    pub ends: u32,
    /// Creates.
    pub grants: u32,
    /// When the first removal of all in line should have begun.
    pub oldest_end: Option<Timestamp>,
}

/// Which operations may begin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Writes {
    /// All operations may begin.
    All,
    /// Those that take away.
    Ends,
    /// Those that a person wants at once: AWS has just said that it works on as many as it will.
    AtOnce,
    /// None: AWS does not answer them.
    None,
}

/// Whether a removal that a person wants at once is tried although every slot is taken. AWS may
/// refuse it; a slot that comes free meanwhile is its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExtraSlot {
    /// One at a time.
    One,
    /// Not now.
    Never,
}

/// What may be begun now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Room {
    /// Account operations at a time, at most as many as AWS takes.
    pub slots: u32,
    /// Nothing less urgent than this.
    pub least: Urgency,
    /// Which operations may begin.
    pub writes: Writes,
    /// Whether one may begin beyond the slots.
    pub extra_slot: ExtraSlot,
    /// Accepted operations are asked about one by one only if that was due by then: before that,
    /// one question is asked for all of them.
    pub polls_due_by: Timestamp,
}

impl Room {
    /// For everything that AWS allows.
    pub const fn whole(slots: u32) -> Self {
        Self {
            slots,
            least: Urgency::Background,
            writes: Writes::All,
            extra_slot: ExtraSlot::One,
            polls_due_by: Timestamp::MAX,
        }
    }
}

/// The row that is first in a line.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct QueueFront {
    /// Since when it is its turn: what orders a line.
    pub since: Timestamp,
    /// The row's key as text, for rows of one instant.
    pub key: String,
    /// The line.
    pub queue: Queue,
}

/// The first of each line, and what AWS is working on. Whoever stands in line for an operation is
/// first of those whose lane is free; a create also waits for those removals of its lane that are the
/// next to take a slot, and not for one far down the line, which it could not hold up.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct QueueFronts {
    /// What AWS may be working on.
    pub in_flight: InFlight,
    /// Account removals in line that a person wants at once, or that wait a moment because AWS was
    /// full, and whose lane is free.
    pub at_once_waiting: u32,
    /// One for each line that somebody stands in.
    pub heads: Vec<QueueFront>,
}

/// What [`choose`] found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Choice<'a> {
    /// Who goes first.
    pub head: Option<&'a QueueFront>,
    /// Whether somebody stands in line for nothing but a slot.
    pub waits_for_slot: bool,
}

/// Who goes first of those there is room for.
pub fn choose<'a>(lines: &'a QueueFronts, room: &Room) -> Choice<'a> {
    let mut choice = Choice {
        head: None,
        waits_for_slot: false,
    };
    for head in &lines.heads {
        let has_slot = lines.has_slot(head.queue, room);
        choice.waits_for_slot |= !has_slot;
        let goes = has_slot && may_begin(head.queue, room) && head.queue.urgency() <= room.least;
        let place = |head: &QueueFront| (head.queue.urgency(), head.since, head.key.clone());
        if goes && choice.head.is_none_or(|first| place(head) < place(first)) {
            choice.head = Some(head);
        }
    }
    choice
}

fn may_begin(queue: Queue, room: &Room) -> bool {
    match (queue, room.writes) {
        (Queue::Step(_), _) | (Queue::Write(..), Writes::All) => true,
        (Queue::Write(urgency, _), Writes::Ends) => urgency <= Urgency::End,
        (Queue::Write(urgency, slot), Writes::AtOnce) => {
            urgency == Urgency::AtOnce || slot == Slot::None
        }
        (Queue::Write(..), Writes::None) => false,
    }
}

impl QueueFronts {
    fn stands(&self, urgency: Urgency) -> bool {
        let line = Queue::Write(urgency, Slot::Account);
        self.heads.iter().any(|head| head.queue == line)
    }

    /// Whether there is a slot for the first of a line, if it needs one.
    fn has_slot(&self, queue: Queue, room: &Room) -> bool {
        let Queue::Write(urgency, Slot::Account) = queue else {
            return true;
        };
        let InFlight {
            creates,
            at_once,
            at_once_unanswered,
            ..
        } = self.in_flight;
        let free = room.slots.saturating_sub(self.in_flight.all());
        // a slot that a person waits for is nobody else's
        let left = free.saturating_sub(self.at_once_waiting);
        // grants keep one slot while any waits, so that ends never starve them; of what persons take
        // away, only a crowd has to leave it
        let keeps_one = self.stands(Urgency::Grant) && creates == 0;
        let is_crowd = at_once.saturating_add(1) >= room.slots;
        match urgency {
            Urgency::AtOnce => {
                let beyond =
                    room.extra_slot == ExtraSlot::One && at_once_unanswered == 0 && !is_crowd;
                free > u32::from(keeps_one && is_crowd) || beyond
            }
            Urgency::End => left > u32::from(keeps_one),
            Urgency::Grant if creates == 0 => left > 0 || free > 0 && is_crowd,
            Urgency::Grant => {
                // and leave one, so that slow creates never hold up an end
                let leaves_one = creates.saturating_add(1) < room.slots;
                left > 0 && leaves_one && !self.stands(Urgency::End)
            }
            Urgency::Background => false,
        }
    }
}

#[cfg(test)]
#[path = "queue_tests.rs"]
pub(crate) mod tests;

#[cfg(test)]
#[path = "queue_slot_tests.rs"]
mod slot_tests;
