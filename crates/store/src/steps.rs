//! Row transitions shared by both engines: desires, intents, learned facts, legal steps, expired
//! answers.

use std::fmt::Display;

use hallpass_access::{
    ANSWER_KEPT, ArmedEndRequest, ArmedEndStatus, DesiredAssignment, GrantToArm, LiveSessions,
    News, Notice, OutlivingSessions, ShownBy, StoredAnswer, UnmovedEnd, UnseenEnd,
};
use hallpass_assignments::queue::{self, QueueFront, QueueFronts, Room};
use hallpass_assignments::{
    AssignmentRow, Desired, EndPriority, Execution, Gate, GivingUp, Over, Ownership, Taken, Verdict,
};
use hallpass_audit::Draft;
use hallpass_base::{HoldKey, TimeSpan, Timestamp};
use hallpass_org::armed_ends::{ArmedEnd, ArmedEndNews, ArmedEndState, GateChange, MOVES_WITHIN};
use hallpass_org::session_revocation::{
    SessionRevocation, SessionRevocationNews, SessionRevocationState,
};

use crate::fault::StorageFault;

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

pub(crate) fn illegal_step(what: &str, prior: &str, next: &str) -> StorageFault {
    StorageFault::IllegalStep(format!("{what} from `{prior}` to `{next}`"))
}

pub(crate) fn wrong_version(what: &str) -> StorageFault {
    StorageFault::Raced(format!("{what} changed since it was read"))
}

pub(crate) fn exists_already(what: &str) -> StorageFault {
    StorageFault::Raced(format!("{what} exists already"))
}

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

/// Applies a wish to an armed end; returns also until when the key's create waits. `None` without a
/// change.
pub(crate) fn armed_end_wished(
    stored: Option<ArmedEnd>,
    wish: &ArmedEndRequest,
) -> Option<(ArmedEnd, Option<Timestamp>)> {
    let version = stored.as_ref().map_or(0, |end| end.version + 1);
    match wish {
        ArmedEndRequest::Arm(grant) => {
            // an earlier hold's end stays in force until moved
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
        ArmedEndRequest::Release {
            asked_at, gone_by, ..
        } => {
            let end = stored.filter(ArmedEnd::is_open)?;
            let refuses_soon = end.refuses_from().is_some_and(|until| until <= *gone_by);
            // a live hold is extended with its end in force
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
        ArmedEndRequest::Over { lasts_until, .. } => {
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
        ArmedEndRequest::LookAgain { .. } => {
            let end = armed_end_looked_again(stored?, wish)?;
            Some((end, None))
        }
    }
}

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

/// Smaller moves are reported as unchanged: instants at AWS are whole minutes.
const MOVES_FROM: TimeSpan = TimeSpan::minutes(1);

pub(crate) fn armed_end_status(end: &ArmedEnd) -> Option<ArmedEndStatus> {
    let moves_to = |from: Timestamp| {
        let is_later = end.ends_at >= MOVES_FROM.after(from);
        (is_later && end.lasts_until.is_none()).then_some(end.ends_at)
    };
    // a written instant is never before its end
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

pub(crate) fn made_at(records: &[Draft]) -> Option<Timestamp> {
    records.iter().map(Draft::at).max()
}

/// Returns the UTC day, such as `2026-11-29`.
pub(crate) fn day_of(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d").to_string()
}

/// Moves an armed end with its assignment; `None` if unnecessary. `row` is the assignment, `now`
/// the change's time if known.
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
    // a past end only waits for its sessions
    if !end.is_open() || end.lasts_until.is_some() || end.ends_at == until {
        return None;
    }
    // over before anything was sent: a denial could only refuse earlier access
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

pub(crate) fn gate_closed(row: AssignmentRow, until: Timestamp) -> AssignmentRow {
    AssignmentRow {
        gate: Gate::Closed { until },
        ..row
    }
}

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

/// Makes the notice to operators about sessions that could not be ended; channels know the
/// operators.
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

/// Makes the notice to the holder of a later end that AWS refuses.
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

pub(crate) fn key_of_wish(wish: &ArmedEndRequest) -> Option<&HoldKey> {
    match wish {
        ArmedEndRequest::Arm(grant) => Some(&grant.key),
        ArmedEndRequest::Release { key, .. } | ArmedEndRequest::Over { key, .. } => Some(key),
        ArmedEndRequest::LookAgain { .. } => None,
    }
}

/// Applies a keyless wish to an open end; `None` if unaffected. The version grows, because earlier
/// reads are outdated.
pub(crate) fn armed_end_looked_again(end: ArmedEnd, wish: &ArmedEndRequest) -> Option<ArmedEnd> {
    let ArmedEndRequest::LookAgain { at, given, shown } = wish else {
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

pub(crate) fn key_of(desire: &DesiredAssignment) -> &HoldKey {
    match desire {
        DesiredAssignment::Until { key, .. }
        | DesiredAssignment::RemovedByGuard { key, .. }
        | DesiredAssignment::Adopt { key, .. }
        | DesiredAssignment::Remove { key, .. }
        | DesiredAssignment::Forget { key, .. } => key,
    }
}

/// Applies a desire; `None` deletes the row. A new row's revision is one above `floor`, the largest
/// deleted revision, so that no revision is reused for different desires.
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
            (*until, *seen_at, EndPriority::Ordinary),
            Execution::adopted(*seen_at),
        ),
        DesiredAssignment::Remove { key, since } => (
            key,
            (*since, *since, EndPriority::Ordinary),
            Execution::to_remove(*since),
        ),
        DesiredAssignment::Until { rev: Some(_), .. }
        | DesiredAssignment::RemovedByGuard { .. }
        | DesiredAssignment::Forget { .. } => return Err(raced(desire)),
    };
    Ok(new_row(key, wanted, execution, floor))
}

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

fn new_row(
    key: &HoldKey,
    (until, asked_at, haste): (Timestamp, Timestamp, EndPriority),
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

/// How long an urgent removal keeps its slot while AWS is full.
pub(crate) const AT_ONCE_AGAIN: TimeSpan = TimeSpan::seconds(1);

/// Sets the desire, due immediately unless already satisfied.
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

/// Returns whether the row was seen as desired, for as long or longer: another grant, an extension.
/// Another look would cost a call each.
fn stands_as_desired(row: &AssignmentRow, newer: &Desired) -> bool {
    let was_seen = matches!(row.execution.verdict, Verdict::Present { at } if at >= newer.asked_at);
    let is_same = newer.asked_at == row.desired.asked_at
        && newer.haste == row.desired.haste
        && newer.removed_at == row.desired.removed_at;
    let is_longer = newer.until >= row.desired.until;
    was_seen && is_same && is_longer && row.execution.operation.is_none() && !row.gave_up()
}

pub(crate) fn begun(stored: AssignmentRow, intent: &AssignmentRow) -> AssignmentRow {
    AssignmentRow {
        execution: intent.execution.clone(),
        ..stored
    }
}

/// Clears a finished operation; `None` when the row has another by now.
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

/// Stores learned facts. The stored desire stays; if it changed meanwhile, the row is due from that
/// change.
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
        // the request was dated ahead by a fast clock and corrected when taken: later sightings
        // count
        row.desired.asked_at = asked_at.min(learned.desired.asked_at);
        // earlier sightings do not activate the requesting grant: looked at again from then on
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

/// Returns an answer's time, from its request's id (UUID v7, RFC 9562, has milliseconds), else from
/// its retention; `None` if unknown. Answers expired by then are deleted.
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
