//! What both engines do to a row, so that they cannot differ: desires, intents, what was learned,
//! which steps are legal, when an answer is forgotten.

use std::fmt::Display;

use hallpass_access::{
    ANSWER_KEPT, ArmedEndStatus, ArmedEndWish, DesiredAssignment, GrantToArm, LiveSessions, News,
    Notice, OutlivingSessions, ShownBy, StoredAnswer, UnmovedEnd, UnseenEnd,
};
use hallpass_assignments::queue::{self, QueueFront, QueueFronts, Room};
use hallpass_assignments::{
    AssignmentRow, Desired, Execution, Gate, GivingUp, Haste, Over, Ownership, Taken, Verdict,
};
use hallpass_audit::Draft;
use hallpass_base::{HoldKey, TimeSpan, Timestamp};
use hallpass_org::armed_ends::{ArmedEnd, ArmedEndNews, ArmedEndState, GateChange, MOVES_WITHIN};
use hallpass_org::session_revocation::{
    SessionRevocation, SessionRevocationNews, SessionRevocationState,
};

use crate::fault::StorageFault;

/// Whether a step from `prior` to `next` is in a machine's table.
pub(crate) fn check_step<S: PartialEq + Display>(
    steps: &[(S, S)],
    what: &str,
    prior: S,
    next: S,
) -> Result<(), StorageFault> {
    let step = (prior, next);
    if steps.contains(&step) {
        Ok(())
    } else {
        let (prior, next) = step;
        Err(illegal_step(what, &prior.to_string(), &next.to_string()))
    }
}

/// What a worker is told before it has a task, and the row that its task is of.
pub(crate) fn picked<'a>(lines: &'a QueueFronts, room: &Room) -> (Taken, Option<&'a QueueFront>) {
    let choice = queue::choose(lines, room);
    let taken = Taken {
        task: None,
        in_flight: lines.in_flight,
        waits_for_slot: choice.waits_for_slot,
        is_cut_short: false,
    };
    (taken, choice.head)
}

/// The refusal of a step.
pub(crate) fn illegal_step(what: &str, prior: &str, next: &str) -> StorageFault {
    StorageFault::IllegalStep(format!("{what} from `{prior}` to `{next}`"))
}

/// The refusal of a write over another version than the one that was read.
pub(crate) fn wrong_version(what: &str) -> StorageFault {
    StorageFault::Raced(format!("{what} changed since it was read"))
}

/// The refusal of a second row of the same name.
pub(crate) fn exists_already(what: &str) -> StorageFault {
    StorageFault::Raced(format!("{what} exists already"))
}

/// The row that ends sessions.
pub(crate) fn revocation_of(sessions: &OutlivingSessions) -> SessionRevocation {
    SessionRevocation {
        grant: sessions.grant,
        request: sessions.request,
        holder: sessions.holder.clone(),
        key: sessions.key.clone(),
        names: sessions.names.clone(),
        issued_before: sessions.issued_before,
        until: sessions.until,
        state: SessionRevocationState::Wanted,
        failed: None,
        attempts: 0,
        due: sessions.at,
        version: 0,
    }
}

/// The armed end after a wish, and until when a create of its key waits; `None` when there is nothing to change.
pub(crate) fn armed_end_wished(
    stored: Option<ArmedEnd>,
    wish: &ArmedEndWish,
) -> Option<(ArmedEnd, Option<Timestamp>)> {
    let version = stored.as_ref().map_or(0, |end| end.version + 1);
    match wish {
        ArmedEndWish::Arm(grant) => {
            // what is in force of an earlier hold stays so until it is moved
            let open = stored.filter(ArmedEnd::is_open);
            let refuses_before = open
                .as_ref()
                .and_then(ArmedEnd::refuses_from)
                .is_some_and(|until| until < grant.ends_at && until <= grant.moved_by);
            let (arm_by, gate) = if refuses_before {
                (grant.moved_by, Timestamp::MAX)
            } else {
                (grant.arm_by, grant.gate_until)
            };
            let end = armed_for(grant, open);
            Some((
                ArmedEnd {
                    arm_by,
                    version,
                    ..end
                },
                Some(gate),
            ))
        }
        ArmedEndWish::Release {
            asked_at, gone_by, ..
        } => {
            let end = stored.filter(ArmedEnd::is_open)?;
            let refuses_soon = end.refuses_from().is_some_and(|until| until <= *gone_by);
            // a hold that is not over yet is lengthened, with its end in force
            if end.lasts_until.is_none() && !refuses_soon {
                return None;
            }
            let end = ArmedEnd {
                lasts_until: end.lasts_until.map(|at| at.min(*asked_at)),
                arm_by: *gone_by,
                due: end.due.min(*asked_at),
                version,
                ..end
            };
            Some((end, refuses_soon.then_some(Timestamp::MAX)))
        }
        ArmedEndWish::Over { lasts_until, .. } => {
            let end = stored.filter(ArmedEnd::is_open)?;
            let due = end.due.min(*lasts_until);
            let end = ArmedEnd {
                lasts_until: Some(*lasts_until),
                due,
                version,
                ..end
            };
            Some((end, None))
        }
        ArmedEndWish::LookAgain { .. } => {
            let end = armed_end_looked_again(stored?, wish)?;
            Some((end, None))
        }
    }
}

/// The armed end of a new grant, over the one that is open of its key.
fn armed_for(grant: &GrantToArm, open: Option<ArmedEnd>) -> ArmedEnd {
    let alone_at = open.as_ref().and_then(|end| end.alone_at);
    let given_at = open.as_ref().and_then(|end| end.given_at);
    let is_first = open.is_none();
    let unseen = open.as_ref().and_then(|end| end.unseen);
    ArmedEnd {
        key: grant.key.clone(),
        names: grant.names.clone(),
        grant: grant.grant,
        request: grant.request,
        holder: grant.holder.clone(),
        required: grant.required,
        asked_at: grant.asked_at,
        arm_by: grant.arm_by,
        ends_at: grant.ends_at,
        lasts_until: None,
        alone_at,
        given_at,
        is_first,
        unseen,
        state: match open.map(|end| end.state) {
            Some(armed @ ArmedEndState::Armed { .. }) => armed,
            Some(
                ArmedEndState::Wanted | ArmedEndState::NotArmed { .. } | ArmedEndState::Gone { .. },
            )
            | None => ArmedEndState::Wanted,
        },
        attempts: 0,
        due: grant.asked_at,
        version: 0,
    }
}

/// An end that is later by less than this is told as the same: instants at AWS are whole minutes.
const MOVES_FROM: TimeSpan = TimeSpan::minutes(1);

/// What people are told of an armed end; `None` of one that is over.
pub(crate) fn armed_end_status(end: &ArmedEnd) -> Option<ArmedEndStatus> {
    let moves_to = |from: Timestamp| {
        let is_later = end.ends_at >= MOVES_FROM.after(from);
        (is_later && end.lasts_until.is_none()).then_some(end.ends_at)
    };
    // what is written is not earlier than the end that it is written for
    let unseen = end.unseen.filter(|it| it.from < end.ends_at);
    let unseen = unseen.map(|it| UnseenEnd {
        from: it.from,
        moves_to: moves_to(it.from),
    });
    match &end.state {
        ArmedEndState::Wanted => Some(ArmedEndStatus::Waiting { unseen }),
        ArmedEndState::Armed {
            until, at, unmoved, ..
        } => Some(ArmedEndStatus::Armed {
            until: *until,
            seen: *at,
            moves_to: moves_to(*until),
            unmoved: unmoved.as_ref().map(|why| why.words.clone()),
            unseen: unseen.filter(|it| it.from < *until),
        }),
        ArmedEndState::NotArmed { why, .. } => Some(ArmedEndStatus::NotArmed {
            why: why.words.clone(),
            unseen,
        }),
        ArmedEndState::Gone { .. } => None,
    }
}

/// When a change was made, as its records have it; `None` of one without records.
pub(crate) fn made_at(records: &[Draft]) -> Option<Timestamp> {
    records.iter().map(Draft::at).max()
}

/// The UTC day of an instant, such as `2026-11-29`.
pub(crate) fn day_of(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d").to_string()
}

/// The armed end once its assignment's end has moved; `None` when it need not. `row` is that assignment, and `now` when the
/// change was made, where it says so.
pub(crate) fn armed_end_moved(
    end: ArmedEnd,
    desire: &DesiredAssignment,
    row: Option<&AssignmentRow>,
    now: Option<Timestamp>,
) -> Option<ArmedEnd> {
    let (until, at) = match desire {
        DesiredAssignment::Until {
            until, asked_at, ..
        }
        | DesiredAssignment::RemovedByGuard {
            until, asked_at, ..
        } => (*until, *asked_at),
        DesiredAssignment::Adopt { .. }
        | DesiredAssignment::Remove { .. }
        | DesiredAssignment::Forget { .. } => return None,
    };
    // what is over only waits for its sessions
    if !end.is_open() || end.lasts_until.is_some() || end.ends_at == until {
        return None;
    }
    // over before anything was sent: all that a denial from now on could refuse is what the person had before
    let is_unsent = row.is_some_and(|row| row.execution.ownership != Ownership::Ours);
    if end.is_first && is_unsent && until <= now.unwrap_or(at) {
        return None;
    }
    let arm_by = match end.state {
        ArmedEndState::Armed { .. } => MOVES_WITHIN.after(at),
        ArmedEndState::NotArmed { .. } if end.unseen.is_some() => MOVES_WITHIN.after(at),
        ArmedEndState::Wanted | ArmedEndState::NotArmed { .. } | ArmedEndState::Gone { .. } => {
            end.arm_by
        }
    };
    Some(ArmedEnd {
        ends_at: until,
        arm_by,
        due: end.due.min(at),
        attempts: 0,
        version: end.version + 1,
        ..end
    })
}

/// The row whose create waits for its end to be armed.
pub(crate) fn gate_closed(row: AssignmentRow, until: Timestamp) -> AssignmentRow {
    AssignmentRow {
        gate: Gate::Closed { until },
        ..row
    }
}

/// The row whose create waits no longer; `None` when it did not.
pub(crate) fn gate_settled(mut row: AssignmentRow, change: &GateChange) -> Option<AssignmentRow> {
    if !matches!(row.gate, Gate::Closed { .. }) {
        return None;
    }
    row.gate = match &change.refused {
        None => Gate::Open,
        Some(reason) => Gate::Refused(GivingUp {
            reason: reason.clone(),
            at: change.at,
        }),
    };
    row.execution.due = row.execution.due.min(row.desired.asked_at);
    Some(row)
}

/// What operators hear of sessions that could not be ended; who they are is a matter of each channel.
pub(crate) fn notice_of_revocation(news: &SessionRevocationNews) -> Notice {
    Notice {
        news: News::SessionsLive {
            sessions: Some(LiveSessions {
                why: news.why.clone(),
                until: news.until,
            }),
        },
        request: news.request,
        grant: Some(news.grant),
        to: Vec::new(),
        at: news.at,
    }
}

/// What whoever holds it hears of a later end that AWS does not take.
pub(crate) fn notice_of_unmoved(news: &ArmedEndNews) -> Notice {
    Notice {
        news: News::NotExtended {
            unmoved: Some(UnmovedEnd {
                until: news.until,
                may: news.may,
                why: news.why.clone(),
            }),
        },
        request: news.request,
        grant: Some(news.grant),
        to: vec![news.holder.clone()],
        at: news.at,
    }
}

/// The key a wish is about.
pub(crate) fn key_of_wish(wish: &ArmedEndWish) -> Option<&HoldKey> {
    match wish {
        ArmedEndWish::Arm(grant) => Some(&grant.key),
        ArmedEndWish::Release { key, .. } | ArmedEndWish::Over { key, .. } => Some(key),
        ArmedEndWish::LookAgain { .. } => None,
    }
}

/// What a wish that is about no key makes of each end that is open; `None` where it has nothing to do with it. Its version
/// grows: what was asked before that is not what there is now.
pub(crate) fn armed_end_looked_again(end: ArmedEnd, wish: &ArmedEndWish) -> Option<ArmedEnd> {
    let ArmedEndWish::LookAgain { at, given, shown } = wish else {
        return None;
    };
    if !end.is_open() || !given.is_about(&end.key, end.lasts_until.is_some()) {
        return None;
    }
    Some(ArmedEnd {
        due: end.due.min(*at),
        given_at: match shown {
            ShownBy::Soon => Some(*at),
            ShownBy::Now => end.given_at,
        },
        version: end.version + 1,
        ..end
    })
}

/// The key a desire is about.
pub(crate) fn key_of(desire: &DesiredAssignment) -> &HoldKey {
    match desire {
        DesiredAssignment::Until { key, .. }
        | DesiredAssignment::RemovedByGuard { key, .. }
        | DesiredAssignment::Adopt { key, .. }
        | DesiredAssignment::Remove { key, .. }
        | DesiredAssignment::Forget { key, .. } => key,
    }
}

/// The row after `desire`; `None` when it goes. A new row's revision is one above `floor`, the
/// largest revision ever forgotten, so that a revision is never seen twice for different desires.
pub(crate) fn desired(
    stored: Option<AssignmentRow>,
    desire: &DesiredAssignment,
    floor: u64,
) -> Result<Option<AssignmentRow>, StorageFault> {
    match stored {
        None => first_row(desire, floor).map(Some),
        Some(row) => changed_row(desire, row),
    }
}

fn raced(desire: &DesiredAssignment) -> StorageFault {
    StorageFault::Raced(format!(
        "assignment {} changed since it was read",
        key_of(desire)
    ))
}

/// The row a desire makes where there is none.
fn first_row(desire: &DesiredAssignment, floor: u64) -> Result<AssignmentRow, StorageFault> {
    let (key, wanted, execution) = match desire {
        DesiredAssignment::Until {
            key,
            rev: None,
            until,
            asked_at,
            haste,
        } => (key, (*until, *asked_at, *haste), Execution::new(*asked_at)),
        DesiredAssignment::Adopt {
            key,
            until,
            seen_at,
        } => (
            key,
            (*until, *seen_at, Haste::Ordinary),
            Execution::adopted(*seen_at),
        ),
        DesiredAssignment::Remove { key, since } => (
            key,
            (*since, *since, Haste::Ordinary),
            Execution::to_remove(*since),
        ),
        DesiredAssignment::Until { rev: Some(_), .. }
        | DesiredAssignment::RemovedByGuard { .. }
        | DesiredAssignment::Forget { .. } => return Err(raced(desire)),
    };
    Ok(new_row(key, wanted, execution, floor))
}

/// What a desire makes of a row; `None` when it goes.
fn changed_row(
    desire: &DesiredAssignment,
    row: AssignmentRow,
) -> Result<Option<AssignmentRow>, StorageFault> {
    match desire {
        DesiredAssignment::Until {
            rev: Some(rev),
            until,
            asked_at,
            haste,
            ..
        } if row.desired.rev == *rev => {
            let newer = Desired {
                until: *until,
                asked_at: *asked_at,
                haste: *haste,
                ..row.desired
            };
            Ok(Some(with_desired(row, newer)))
        }
        DesiredAssignment::RemovedByGuard {
            rev,
            until,
            asked_at,
            removed_at,
            ..
        } if row.desired.rev == *rev => {
            let newer = Desired {
                until: *until,
                asked_at: *asked_at,
                removed_at: Some(*removed_at),
                ..row.desired
            };
            Ok(Some(with_desired(row, newer)))
        }
        DesiredAssignment::Forget { rev, .. }
            if row.desired.rev == *rev && row.execution.operation.is_none() =>
        {
            Ok(None)
        }
        DesiredAssignment::Until { .. }
        | DesiredAssignment::RemovedByGuard { .. }
        | DesiredAssignment::Adopt { .. }
        | DesiredAssignment::Remove { .. }
        | DesiredAssignment::Forget { .. } => Err(raced(desire)),
    }
}

/// A row that was not there, wanted until and asked for as given.
fn new_row(
    key: &HoldKey,
    (until, asked_at, haste): (Timestamp, Timestamp, Haste),
    execution: Execution,
    floor: u64,
) -> AssignmentRow {
    AssignmentRow {
        key: key.clone(),
        desired: Desired {
            until,
            asked_at,
            rev: floor + 1,
            haste,
            removed_at: None,
        },
        execution,
        gate: Gate::Open,
        verdict_rev: 0,
    }
}

/// A removal that a person wants at once keeps its slot while it waits this long because AWS was
/// full.
pub(crate) const AT_ONCE_AGAIN: TimeSpan = TimeSpan::seconds(1);

/// The row with what is desired now, due at once unless it stands as desired and was seen to.
fn with_desired(mut row: AssignmentRow, newer: Desired) -> AssignmentRow {
    let stands = stands_as_desired(&row, &newer);
    row.desired = Desired {
        rev: row.desired.rev + 1,
        ..newer
    };
    if !stands {
        row.execution.due = row.execution.due.min(newer.asked_at);
    }
    row
}

/// Whether what is desired is what the row was seen to be, for as long or longer: a grant that begins to
/// count, an extension. Looking at it again would cost a call for each.
fn stands_as_desired(row: &AssignmentRow, newer: &Desired) -> bool {
    let was_seen = matches!(row.execution.verdict, Verdict::Present { at } if at >= newer.asked_at);
    let is_same = newer.asked_at == row.desired.asked_at
        && newer.haste == row.desired.haste
        && newer.removed_at == row.desired.removed_at;
    let is_longer = newer.until >= row.desired.until;
    was_seen && is_same && is_longer && row.execution.operation.is_none() && !row.gave_up()
}

/// The row with an intent.
pub(crate) fn begun(stored: AssignmentRow, intent: &AssignmentRow) -> AssignmentRow {
    AssignmentRow {
        execution: intent.execution.clone(),
        ..stored
    }
}

/// The row once its operation is known to be over; `None` when it has another by now.
pub(crate) fn noted_over(
    stored: AssignmentRow,
    over: &Over,
    at: Timestamp,
    due: Timestamp,
) -> Option<AssignmentRow> {
    let is_it = stored.in_flight().is_some_and(|operation| {
        operation.operation_id.as_deref() == Some(over.operation_id.as_str())
    });
    is_it.then(|| stored.over(at, due))
}

/// The row with what was learned. What is desired stays as stored; if that changed while the executor
/// worked, the row is due from the instant of that change.
pub(crate) fn recorded(
    stored: AssignmentRow,
    learned: &AssignmentRow,
    news: bool,
) -> AssignmentRow {
    let mut row = AssignmentRow {
        execution: learned.execution.clone(),
        verdict_rev: stored.verdict_rev + u64::from(news),
        ..stored
    };
    if row.desired.rev == learned.desired.rev {
        let asked_at = row.desired.asked_at;
        // whoever took it found it asked for in the future, by a clock that was ahead: what was seen since counts
        row.desired.asked_at = asked_at.min(learned.desired.asked_at);
        // what was seen before that instant makes the grant that asks for it not active: looked at again from then on
        let is_ahead = learned.desired.asked_at < asked_at;
        if is_ahead && matches!(row.execution.verdict, Verdict::Present { at } if at < asked_at) {
            row.execution.due = row.execution.due.min(asked_at);
        }
    }
    if row.desired.rev != learned.desired.rev || row.gate != learned.gate {
        row.execution.due = row.execution.due.min(row.desired.asked_at);
    }
    row
}

/// When an answer was given, from the id of the request it led to (UUID v7, RFC 9562, has
/// milliseconds), else from how long it is kept; `None` when the id does not say. Answers forgotten by then make room.
pub(crate) fn answered_at(answer: &StoredAnswer) -> Option<Timestamp> {
    let Some(request) = answer.request else {
        return Some(ANSWER_KEPT.before(answer.until));
    };
    let (seconds, nanoseconds) = request.uuid().get_timestamp()?.to_unix();
    Timestamp::new(
        i64::try_from(seconds).ok()?,
        i32::try_from(nanoseconds).ok()?,
    )
    .ok()
}
