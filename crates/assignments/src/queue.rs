//! Orders rows and selects a worker's next task. Pure.
//!
//! Operations queue: manual revocations first, then ends by deadline, then grants by request time.
//! AWS runs ten account operations, and one per account and permission set. Other steps (reads,
//! polls, memberships) run when due, in the same order.

use hallpass_base::{Target, Timestamp};

use crate::plan::{RowAction, goes_by_old_listing, next, next_while_wanted, remove};
use crate::{AssignmentRow, EndPriority, Observation, OperationKind, Urgency, Verdict};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WhileWanted {
    Create,
    Look,
    Poll,
    Watch,
    Nothing,
}

impl WhileWanted {
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

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnceUnwanted {
    Delete,
    Look,
    Rest,
}

impl OnceUnwanted {
    pub const fn name(self) -> &'static str {
        match self {
            Self::Delete => "delete",
            Self::Look => "look",
            Self::Rest => "rest",
        }
    }
}

/// A row's queue position until its next stored change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct QueuePosition {
    pub due: Timestamp,
    pub unwanted_from: Timestamp,
    pub asked_at: Timestamp,
    pub haste: EndPriority,
    pub while_wanted: WhileWanted,
    pub once_unwanted: OnceUnwanted,
    pub in_flight: Option<OperationKind>,
    /// Accepted operations can be polled together.
    pub is_accepted: bool,
    pub slot: Slot,
}

/// Whether an operation uses one of AWS's account operation slots.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Slot {
    Account,
    /// Group memberships change synchronously.
    None,
}

impl Slot {
    pub const fn of(target: &Target) -> Self {
        match target {
            Target::Account { .. } => Self::Account,
            Target::Group { .. } => Self::None,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Queue {
    Write(Urgency, Slot),
    Step(Urgency),
}

impl Queue {
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

    pub const fn urgency(self) -> Urgency {
        match self {
            Self::Write(urgency, _) | Self::Step(urgency) => urgency,
        }
    }
}

impl QueuePosition {
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

    /// Returns the queue at `now` and since when; `None` while pausing.
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
            EndPriority::AtOnce => Urgency::AtOnce,
            EndPriority::Ordinary => Urgency::End,
        };
        Some(match self.once_unwanted {
            OnceUnwanted::Delete => (Queue::Write(urgency, self.slot), self.unwanted_from),
            OnceUnwanted::Look => (Queue::Step(urgency), self.unwanted_from),
            OnceUnwanted::Rest => (Queue::Step(Urgency::Background), self.due),
        })
    }

    pub fn waits_for_grant(&self, now: Timestamp) -> bool {
        self.due <= now
            && now < self.unwanted_from
            && match self.while_wanted {
                WhileWanted::Create | WhileWanted::Look => true,
                WhileWanted::Poll | WhileWanted::Watch | WhileWanted::Nothing => false,
            }
    }

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

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Task {
    Step(Box<AssignmentRow>),
    /// Send this stored intent now, once.
    Send {
        before: Box<AssignmentRow>,
        intent: Box<AssignmentRow>,
    },
}

impl Task {
    pub fn row(&self) -> &AssignmentRow {
        match self {
            Self::Step(row) | Self::Send { intent: row, .. } => row,
        }
    }
}

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

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct InFlight {
    pub creates: u32,
    pub deletes: u32,
    /// Manual revocations.
    pub at_once: u32,
    pub at_once_unanswered: u32,
}

impl InFlight {
    pub fn add(&mut self, kind: OperationKind, haste: EndPriority, is_accepted: bool) {
        let is_at_once = haste == EndPriority::AtOnce;
        match kind {
            OperationKind::Create => self.creates += 1,
            OperationKind::Delete => {
                self.deletes += 1;
                self.at_once += u32::from(is_at_once);
                self.at_once_unanswered += u32::from(is_at_once && !is_accepted);
            }
        }
    }

    pub const fn all(self) -> u32 {
        self.creates.saturating_add(self.deletes)
    }

    pub const fn of(self, kind: OperationKind) -> u32 {
        match kind {
            OperationKind::Create => self.creates,
            OperationKind::Delete => self.deletes,
        }
    }
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct QueueLengths {
    /// Manual revocations.
    pub at_once: u32,
    pub ends: u32,
    pub grants: u32,
    pub oldest_end: Option<Timestamp>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Writes {
    All,
    Ends,
    /// Only manual revocations: AWS is at its limit.
    AtOnce,
    None,
}

/// Whether a manual revocation is tried without a free slot. AWS may refuse it; it takes the next
/// free slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExtraSlot {
    One,
    Never,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Room {
    /// At most AWS's limit.
    pub slots: u32,
    pub least: Urgency,
    pub writes: Writes,
    pub extra_slot: ExtraSlot,
    /// Accepted operations are polled singly only if due by then; until then rounds cover them.
    pub polls_due_by: Timestamp,
}

impl Room {
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

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct QueueFront {
    /// The order within a queue.
    pub since: Timestamp,
    /// Breaks ties.
    pub key: String,
    pub queue: Queue,
}

/// The first row of each queue, and running operations. Only rows with a free lane count; a create
/// also waits for removals of its lane that are next to take a slot.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct QueueFronts {
    pub in_flight: InFlight,
    /// Manual account revocations that wait for a slot, or briefly after AWS was at its limit, with
    /// a free lane.
    pub at_once_waiting: u32,
    pub heads: Vec<QueueFront>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Choice<'a> {
    pub head: Option<&'a QueueFront>,
    pub waits_for_slot: bool,
}

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
        // Slots awaited by manual revocations are reserved.
        let left = free.saturating_sub(self.at_once_waiting);
        // Grants keep one slot, so that ends never starve them; manual revocations must leave it
        // only if many.
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
                // And leave one, so that slow creates never block an end.
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
