//! Finds the first row of each queue by the columns of [`QueuePosition`](queue::QueuePosition).
//! `hallpass_assignments::queue` decides limits for both engines.

use hallpass_assignments::queue::{self, InFlight, Queue, QueueFront, QueueFronts, Room, Slot};
use hallpass_assignments::{AssignmentRow, EndPriority, OperationKind, Urgency};
use hallpass_base::Timestamp;

use super::assignment_rows::{KIND, read_row};
use super::unreadable::{each_body, or_told};
use crate::database::{Optional, ToValue, Transaction, named};
use crate::fault::StorageFault;
use crate::rows::{instant, read_instant};
use crate::steps::AT_ONCE_AGAIN;

const FREE: &str = "(lease_until IS NULL OR lease_until <= :now)";
const LANE_FREE: &str = "lane NOT IN (SELECT lane FROM assignments WHERE operation IS NOT NULL)";

pub(super) const fn kind(slot: Slot) -> &'static str {
    match slot {
        Slot::Account => "account",
        Slot::None => "group",
    }
}

pub(super) fn in_flight(tx: &Transaction<'_>) -> Result<InFlight, StorageFault> {
    let found = tx
        .prepare(
            "SELECT operation = 'create', at_once, accepted FROM assignments
             WHERE operation IS NOT NULL AND kind = 'account'",
        )?
        .query_map((), |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?
        .collect::<Result<Vec<(bool, bool, bool)>, _>>()?;
    let mut in_flight = InFlight::default();
    for (is_create, at_once, is_accepted) in found {
        let kind = if is_create {
            OperationKind::Create
        } else {
            OperationKind::Delete
        };
        let haste = if at_once {
            EndPriority::AtOnce
        } else {
            EndPriority::Ordinary
        };
        in_flight.add(kind, haste, is_accepted);
    }
    Ok(in_flight)
}

pub(super) fn heads(
    tx: &Transaction<'_>,
    now: Timestamp,
    room: &Room,
) -> Result<QueueFronts, StorageFault> {
    let mut heads = QueueFronts {
        in_flight: in_flight(tx)?,
        at_once_waiting: at_once_waiting(tx, now, room.slots)?,
        heads: Vec::new(),
    };
    let removals_until = next_removals_until(tx, now, room.slots)?;
    for queue in Queue::ALL {
        if queue.urgency() == Urgency::Background && queue::choose(&heads, room).head.is_some() {
            continue;
        }
        if queue.urgency() <= room.least {
            heads
                .heads
                .extend(head(tx, queue, now, room.polls_due_by, removals_until)?);
        }
    }
    Ok(heads)
}

const IN_ORDER: &str = "
    SELECT hold_key, body FROM assignments
    WHERE due <= :now AND (unwanted_from <= :now OR while_wanted <> 'nothing')
    ORDER BY
        CASE WHEN unwanted_from > :now AND while_wanted = 'watch' THEN 3
             WHEN unwanted_from > :now THEN 2
             WHEN once_unwanted = 'rest' THEN 3
             WHEN at_once = 1 THEN 0
             ELSE 1 END,
        CASE WHEN unwanted_from > :now AND while_wanted = 'watch' THEN due
             WHEN unwanted_from > :now THEN asked_at
             WHEN once_unwanted = 'rest' THEN due
             ELSE unwanted_from END,
        hold_key
    LIMIT :most OFFSET :passed";

/// Returns the first readable row, ignoring limits: unreadable rows are only postponed when taken,
/// and none is taken during an outage.
pub(super) fn first(
    tx: &Transaction<'_>,
    now: Timestamp,
) -> Result<Option<AssignmentRow>, StorageFault> {
    let (mut passed, mut most) = (0_i64, 8_i64);
    loop {
        let (mut found, mut first) = (0_i64, None);
        each_body(
            tx,
            (
                IN_ORDER,
                named! { ":now": instant(now), ":most": most, ":passed": passed },
            ),
            |name, text| {
                found += 1;
                if first.is_none() {
                    first = or_told(KIND, &name, read_row(text));
                }
            },
        )?;
        if first.is_some() || found < most {
            return Ok(first);
        }
        // limits the queries for thousands of rows
        passed = passed.saturating_add(most);
        most = most.saturating_mul(8);
    }
}

fn at_once_waiting(tx: &Transaction<'_>, now: Timestamp, most: u32) -> Result<u32, StorageFault> {
    let count: i64 = tx
        .prepare(&format!(
            "SELECT count(*) FROM (SELECT 1 FROM assignments
             WHERE once_unwanted = 'delete' AND kind = 'account' AND at_once = 1
             AND unwanted_from <= :now AND due <= :soon AND {FREE} AND {LANE_FREE} LIMIT :most) AS found"
        ))?
        .query_row(
            named! {
                ":now": instant(now),
                ":soon": instant(AT_ONCE_AGAIN.after(now)),
                ":most": i64::from(most),
            },
            |row| row.get(0),
        )?;
    Ok(u32::try_from(count).unwrap_or(u32::MAX))
}

/// Returns the turn of the last removal that soon gets a slot: as many are next as slots exist.
fn next_removals_until(
    tx: &Transaction<'_>,
    now: Timestamp,
    slots: u32,
) -> Result<Timestamp, StorageFault> {
    let last: Option<String> = tx
        .prepare(
            "SELECT unwanted_from FROM assignments
             WHERE once_unwanted = 'delete' AND kind = 'account' AND at_once = 0
             AND unwanted_from <= :now AND due <= :now
             ORDER BY unwanted_from LIMIT 1 OFFSET :before",
        )?
        .query_row(
            named! { ":now": instant(now), ":before": i64::from(slots.saturating_sub(1)) },
            |row| row.get(0),
        )
        .optional()?;
    last.map_or(Ok(Timestamp::MAX), |last| read_instant(&last))
}

struct Search {
    sql: String,
    slot: Option<Slot>,
    is_at_once: Option<bool>,
    asks_polls: bool,
    heeds_removals: bool,
}

fn deletes(urgency: Urgency, slot: Slot) -> Search {
    Search {
        sql: format!(
            "SELECT hold_key, unwanted_from FROM assignments
             WHERE once_unwanted = 'delete' AND kind = :kind AND at_once = :at_once
             AND unwanted_from <= :now AND due <= :now AND {FREE} AND {LANE_FREE}
             ORDER BY unwanted_from, hold_key LIMIT 1"
        ),
        slot: Some(slot),
        is_at_once: Some(urgency == Urgency::AtOnce),
        asks_polls: false,
        heeds_removals: false,
    }
}

fn creates(slot: Slot) -> Search {
    Search {
        sql: format!(
            "SELECT hold_key, asked_at FROM assignments AS one
             WHERE while_wanted = 'create' AND kind = :kind AND due <= :now
             AND unwanted_from > :now AND {FREE} AND {LANE_FREE}
             AND NOT EXISTS (SELECT 1 FROM assignments AS other
                 WHERE other.lane = one.lane AND other.once_unwanted = 'delete'
                 AND other.unwanted_from <= :now AND other.due <= :now
                 AND (other.at_once = 1 OR other.kind <> 'account'
                     OR other.unwanted_from <= :removals_until))
             ORDER BY asked_at, hold_key LIMIT 1"
        ),
        slot: Some(slot),
        is_at_once: None,
        asks_polls: false,
        heeds_removals: true,
    }
}

fn steps(urgency: Urgency) -> Search {
    // accepted operations are polled together before that
    let polls = "(accepted = 0 OR due <= :polls_due_by)";
    match urgency {
        Urgency::AtOnce | Urgency::End => Search {
            sql: format!(
                "SELECT hold_key, unwanted_from FROM assignments
                 WHERE once_unwanted = 'look' AND at_once = :at_once AND unwanted_from <= :now
                 AND due <= :now AND {FREE} AND {polls}
                 ORDER BY unwanted_from, hold_key LIMIT 1"
            ),
            slot: None,
            is_at_once: Some(urgency == Urgency::AtOnce),
            asks_polls: true,
            heeds_removals: false,
        },
        Urgency::Grant => Search {
            sql: format!(
                "SELECT hold_key, asked_at FROM assignments
                 WHERE while_wanted IN ('look', 'poll') AND due <= :now AND unwanted_from > :now
                 AND {FREE} AND {polls}
                 ORDER BY asked_at, hold_key LIMIT 1"
            ),
            slot: None,
            is_at_once: None,
            asks_polls: true,
            heeds_removals: false,
        },
        Urgency::Background => Search {
            sql: format!(
                "SELECT hold_key, due FROM (
                     SELECT * FROM (SELECT hold_key, due FROM assignments
                         WHERE while_wanted = 'watch' AND due <= :now AND unwanted_from > :now
                         AND {FREE} ORDER BY due, hold_key LIMIT 1) AS watched
                     UNION ALL
                     SELECT * FROM (SELECT hold_key, due FROM assignments
                         WHERE once_unwanted = 'rest' AND due <= :now AND unwanted_from <= :now
                         AND {FREE} ORDER BY due, hold_key LIMIT 1) AS resting) AS found
                 ORDER BY due, hold_key LIMIT 1"
            ),
            slot: None,
            is_at_once: None,
            asks_polls: false,
            heeds_removals: false,
        },
    }
}

fn search(queue: Queue) -> Search {
    match queue {
        Queue::Write(urgency @ (Urgency::AtOnce | Urgency::End), slot) => deletes(urgency, slot),
        Queue::Write(Urgency::Grant | Urgency::Background, slot) => creates(slot),
        Queue::Step(urgency) => steps(urgency),
    }
}

#[cfg(test)]
pub(super) fn searches() -> Vec<String> {
    Queue::ALL.map(|queue| search(queue).sql).to_vec()
}

fn head(
    tx: &Transaction<'_>,
    queue: Queue,
    now: Timestamp,
    polls_due_by: Timestamp,
    removals_until: Timestamp,
) -> Result<Option<QueueFront>, StorageFault> {
    let search = search(queue);
    let [now, polls_due_by, removals_until] = [now, polls_due_by, removals_until].map(instant);
    let kind = search.slot.map(kind);
    let mut params = vec![(":now", now.to_value())];
    if kind.is_some() {
        params.push((":kind", kind.to_value()));
    }
    if search.is_at_once.is_some() {
        params.push((":at_once", search.is_at_once.to_value()));
    }
    if search.asks_polls {
        params.push((":polls_due_by", polls_due_by.to_value()));
    }
    if search.heeds_removals {
        params.push((":removals_until", removals_until.to_value()));
    }
    let found: Option<(String, String)> = tx
        .prepare(&search.sql)?
        .query_row(params.as_slice(), |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()?;
    found
        .map(|(key, since)| {
            Ok(QueueFront {
                since: read_instant(&since)?,
                key,
                queue,
            })
        })
        .transpose()
}
