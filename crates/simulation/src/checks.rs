//! Global invariants checked from outside, named after the promises they watch.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use hallpass_access::CampaignStore;
use hallpass_access::{
    AccessStore, Approval, Grant, GrantFilter, GroupSyncStore, Request, RequestFilter,
    RequestState, SweepStore,
};
use hallpass_assignments::{AssignmentRow, AssignmentStore, Verdict};
use hallpass_audit::{AuditStore, Input, Record, verify};
use hallpass_base::HoldKey;

use crate::World;
use crate::broken::Broken;

/// Checks everything that must hold once all grants of a world have ended; `standing` is the access
/// that must remain.
///
/// # Errors
/// Every broken promise.
pub async fn check_all<S>(world: &World<S>, standing: &[HoldKey]) -> Result<(), Vec<Broken>>
where
    S: AccessStore
        + CampaignStore
        + GroupSyncStore
        + SweepStore
        + AssignmentStore
        + AuditStore
        + 'static,
{
    check_stored(world.store.as_ref(), &world.center.present(), standing).await
}

/// Checks the same for a store and the state at AWS.
///
/// # Errors
/// Every broken promise.
pub async fn check_stored<S>(
    store: &S,
    present: &BTreeSet<HoldKey>,
    standing: &[HoldKey],
) -> Result<(), Vec<Broken>>
where
    S: AccessStore + AssignmentStore + AuditStore + 'static,
{
    let Stored {
        grants,
        records,
        rows,
        requests,
    } = read(store).await.map_err(|unread| vec![unread])?;
    let mut broken = Vec::new();
    let mut fail = |promise, seen: String| broken.push(Broken { promise, seen });
    for grant in grants.iter().filter(|grant| !grant.is_over()) {
        fail(
            "every_grant_ends",
            format!("{} is {}", grant.id, grant.state.name()),
        );
    }
    for key in present.iter().filter(|key| !standing.contains(key)) {
        fail("no_access_after_end", format!("{key} is still there"));
    }
    for key in standing.iter().filter(|key| !present.contains(*key)) {
        fail("nothing_standing_removed", format!("{key} is gone"));
    }
    for row in rows.into_iter().filter(|row| !is_settled(row)) {
        fail(
            "rows_settle_with_their_last_grant",
            format!("{} stays: {:?}", row.key, row.execution),
        );
    }
    for (id, closings) in closings(&grants, &records) {
        if closings != 1 {
            fail(
                "one_closing_record_per_grant",
                format!("{id} has {closings}"),
            );
        }
    }
    for request in requests {
        if let Some(seen) = miscounted(&request, &records) {
            fail("one_closing_record_per_request", seen);
        }
        if let Some(seen) = unreviewed(&request, &records) {
            fail("broken_glass_has_one_review", seen);
        }
    }
    for grant in &grants {
        if let Some(seen) = disagreement(grant, &records) {
            fail("state_equals_the_fold_of_the_log", seen);
        }
    }
    if let Some(seen) = chain_fault(&records) {
        fail("the_log_verifies", seen);
    }
    if broken.is_empty() {
        Ok(())
    } else {
        Err(broken)
    }
}

struct Stored {
    grants: Vec<Grant>,
    records: Vec<Record>,
    rows: Vec<AssignmentRow>,
    requests: Vec<Request>,
}

const LISTED_MAX: u32 = 1_000;
const RECORDS_MAX: u32 = 100_000;

/// Reads the whole store: a check of a part would pass regardless.
async fn read<S>(store: &S) -> Result<Stored, Broken>
where
    S: AccessStore + AssignmentStore + AuditStore + 'static,
{
    let grants = store.grants(&GrantFilter::default(), LISTED_MAX).await;
    let records = store.records_from(1, RECORDS_MAX).await;
    let requests = store.requests(&RequestFilter::default(), LISTED_MAX).await;
    Ok(Stored {
        grants: whole("grants", grants.map(|page| page.rows), Some(LISTED_MAX))?,
        records: whole("records", records, Some(RECORDS_MAX))?,
        rows: whole("assignments", store.assignments().await, None)?,
        requests: whole("requests", requests.map(|page| page.rows), Some(LISTED_MAX))?,
    })
}

fn whole<T>(
    what: &str,
    listed: Result<Vec<T>, impl fmt::Display>,
    most: Option<u32>,
) -> Result<Vec<T>, Broken> {
    let unread = |seen: String| Broken {
        promise: "what_is_checked_can_be_read",
        seen,
    };
    let listed = listed.map_err(|error| unread(format!("{what} cannot be read: {error}")))?;
    let is_cut_off = most.is_some_and(|most| listed.len() >= most as usize);
    if is_cut_off {
        return Err(unread(format!("there are more {what} than are read")));
    }
    Ok(listed)
}

fn closings(grants: &[Grant], records: &[Record]) -> BTreeMap<String, usize> {
    let mut counts: BTreeMap<String, usize> = grants
        .iter()
        .map(|grant| (grant.id.to_string(), 0))
        .collect();
    for record in records {
        if matches!(record.event(), "end.succeeded" | "grant.failed")
            && let Some(count) = record.text("grant_id").and_then(|id| counts.get_mut(id))
        {
            *count += 1;
        }
    }
    counts
}

/// A row without holders may remain for a while, but with no work left.
fn is_settled(row: &AssignmentRow) -> bool {
    match row.execution.verdict {
        Verdict::Absent { .. } | Verdict::Kept { .. } | Verdict::Refused { .. } => {
            row.execution.operation.is_none()
        }
        Verdict::Working
        | Verdict::Present { .. }
        | Verdict::Lost { .. }
        | Verdict::Stuck { .. } => false,
    }
}

/// Reports a request closed by no record or by several.
fn miscounted(request: &Request, records: &[Record]) -> Option<String> {
    let (id, state) = (request.id.to_string(), request.state.name());
    let closes = |record: &&Record| {
        matches!(
            record.event(),
            "request.approved"
                | "request.denied"
                | "request.discarded"
                | "request.expired"
                | "request.rejected"
                | "standing.adopted"
        ) && record.text("access_request_id") == Some(&id)
    };
    let closings = records.iter().filter(closes).count();
    let expected = usize::from(state != "pending");
    (closings != expected).then(|| format!("{id} ({state}) has {closings}"))
}

/// Reports a break-glass request without exactly one review, or another request with a review.
fn unreviewed(request: &Request, records: &[Record]) -> Option<String> {
    let id = request.id.to_string();
    let broken = matches!(
        request.state,
        RequestState::Approved {
            approval: Approval::BreakGlass,
            ..
        }
    );
    let count = |event: &str| {
        let of = |record: &&Record| {
            record.event() == event && record.text("access_request_id") == Some(&id)
        };
        records.iter().filter(of).count()
    };
    let closed = request
        .after_review
        .as_ref()
        .is_some_and(|review| review.closed.is_some());
    let seen = (
        request.after_review.is_some(),
        count("review.opened"),
        count("review.closed"),
    );
    let expected = (broken, usize::from(broken), usize::from(closed));
    (seen != expected).then(|| format!("{id}: {seen:?} instead of {expected:?}"))
}

fn chain_fault(records: &[Record]) -> Option<String> {
    let inputs = records.iter().map(|record| Input {
        place: record.seq().to_string(),
        named: None,
        bytes: record.canonical().as_bytes().to_vec(),
    });
    let fault = verify(inputs, &[]).err()?;
    Some(format!("record {}: {}", fault.seq, fault.kind))
}

/// Compares a grant's state folded from its records with the stored one.
fn disagreement(grant: &Grant, records: &[Record]) -> Option<String> {
    let id = grant.id.to_string();
    let mut folded = "none";
    for record in records
        .iter()
        .filter(|record| record.text("grant_id") == Some(&id))
    {
        folded = match record.event() {
            "grant.requested" => "scheduled",
            "grant.succeeded" | "standing.adopted" => "active",
            "grant.failed" => "failed",
            "end.started" => "ending",
            "end.succeeded" => "ended",
            _ => folded,
        };
    }
    let stored = grant.state.name();
    // a scheduled grant becomes `granting` when its assignment begins; no record states it
    let same = folded == stored || (folded == "scheduled" && stored == "granting");
    (!same).then(|| format!("{id} is {stored}, its records say {folded}"))
}

#[cfg(test)]
mod tests {
    use super::whole;

    #[test]
    fn what_cannot_be_read_whole_fails_the_check() {
        let unread = whole::<()>("grants", Err("the disk is gone"), Some(3)).unwrap_err();
        assert_eq!(unread.seen, "grants cannot be read: the disk is gone");
        let cut_off = whole("grants", Ok::<_, &str>(vec![1, 2, 3]), Some(3)).unwrap_err();
        assert_eq!(cut_off.seen, "there are more grants than are read");
        let read = whole("grants", Ok::<_, &str>(vec![1, 2]), Some(3)).unwrap();
        assert_eq!(read, [1, 2]);
    }
}
