//! What both engines do to a row, so that they cannot differ: desires, intents, what was learned,
//! which steps are legal, when an answer is forgotten.

use std::fmt::Display;

use hallpass_access::{
    DesiredAssignment, LiveSessions, News, Notice, OutlivingSessions, StoredAnswer,
};
use hallpass_assignments::{AssignmentRow, Desired, Execution, Haste, Over, Verdict};
use hallpass_model::{HoldKey, TimeSpan, Timestamp};
use hallpass_org::session_revocation::{Cut, CutNews, CutState};

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
pub(crate) fn cut_of(sessions: &OutlivingSessions) -> Cut {
    Cut {
        grant: sessions.grant,
        request: sessions.request,
        holder: sessions.holder.clone(),
        key: sessions.key.clone(),
        names: sessions.names.clone(),
        issued_before: sessions.issued_before,
        until: sessions.until,
        state: CutState::Wanted,
        failed: None,
        attempts: 0,
        due: sessions.at,
        version: 0,
    }
}

/// What operators hear of sessions that could not be ended; who they are is a matter of each channel.
pub(crate) fn notice_of_cut(news: &CutNews) -> Notice {
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
/// largest revision ever forgotten, so that a revision is never seen twice for different wishes.
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
            let wish = Desired {
                until: *until,
                asked_at: *asked_at,
                haste: *haste,
                ..row.desired
            };
            Ok(Some(wished(row, wish)))
        }
        DesiredAssignment::RemovedByGuard {
            rev,
            until,
            asked_at,
            removed_at,
            ..
        } if row.desired.rev == *rev => {
            let wish = Desired {
                until: *until,
                asked_at: *asked_at,
                removed_at: Some(*removed_at),
                ..row.desired
            };
            Ok(Some(wished(row, wish)))
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
        news: 0,
    }
}

/// A removal that a person wants at once keeps its slot while it waits this long because AWS was
/// full.
pub(crate) const AT_ONCE_AGAIN: TimeSpan = TimeSpan::seconds(1);

/// The row with another wish, due at once unless it stands as wished and was seen to.
fn wished(mut row: AssignmentRow, wish: Desired) -> AssignmentRow {
    let stands = stands_as_wished(&row, &wish);
    row.desired = Desired {
        rev: row.desired.rev + 1,
        ..wish
    };
    if !stands {
        row.execution.due = row.execution.due.min(wish.asked_at);
    }
    row
}

/// Whether the wish is for what the row was seen to be, for as long or longer: a grant that begins to
/// count, an extension. Looking at it again would cost a call for each.
fn stands_as_wished(row: &AssignmentRow, wish: &Desired) -> bool {
    let was_seen = matches!(row.execution.verdict, Verdict::Present { at } if at >= wish.asked_at);
    let is_same = wish.asked_at == row.desired.asked_at
        && wish.haste == row.desired.haste
        && wish.removed_at == row.desired.removed_at;
    let is_longer = wish.until >= row.desired.until;
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
    let is_it = stored
        .in_flight()
        .is_some_and(|operation| operation.request.as_deref() == Some(over.request.as_str()));
    is_it.then(|| stored.over(at, due))
}

/// The row with what was learned. The wish stays as stored; if it is another than the one that
/// was worked for, the row is due at once, which the wish's own instant stands for.
pub(crate) fn recorded(
    stored: AssignmentRow,
    learned: &AssignmentRow,
    news: bool,
) -> AssignmentRow {
    let mut row = AssignmentRow {
        execution: learned.execution.clone(),
        news: stored.news + u64::from(news),
        ..stored
    };
    if row.desired.rev != learned.desired.rev {
        row.execution.due = row.execution.due.min(row.desired.asked_at);
    }
    row
}

/// When an answer was given, from the id of the request it led to (UUID v7, RFC 9562, has
/// milliseconds); `None` when the id does not say. Answers forgotten by then make room.
pub(crate) fn answered_at(answer: &StoredAnswer) -> Option<Timestamp> {
    let (seconds, nanoseconds) = answer.request.uuid().get_timestamp()?.to_unix();
    Timestamp::new(
        i64::try_from(seconds).ok()?,
        i32::try_from(nanoseconds).ok()?,
    )
    .ok()
}
