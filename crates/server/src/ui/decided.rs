//! What somebody decided, from the audit log.

use std::collections::BTreeSet;

use hallpass_access::{Request, RequestState};
use hallpass_audit::{Event, RecordQuery, StoreFault};
use hallpass_model::RequestId;

use super::{shell::Viewer, view::View};
use crate::{App, problem::Failure};

/// Numbers of the log looked at for what the viewer decided, from the newest on, and in one call.
const LOOKED_AT_MAX: u64 = 100_000;
const WINDOW: u64 = 5_000;
/// Records of one call.
const BATCH: u32 = 200;

/// Found by the records of the viewer's presses, the newest first; one more than `most`
/// when there are more.
pub(super) async fn by(
    app: &App,
    viewer: &Viewer,
    view: &View,
    most: usize,
) -> Result<Vec<Request>, Failure> {
    let fault = |fault: StoreFault| Failure::unavailable(&fault);
    let head = app.audit.head().await.map_err(fault)?;
    let head = head.map_or(0, |head| head.seq);
    let first = head.saturating_sub(LOOKED_AT_MAX).max(1);
    let (mut before, mut known, mut found) = (head + 1, BTreeSet::new(), Vec::new());
    while before > first {
        let from = before.saturating_sub(WINDOW).max(first);
        let query = RecordQuery {
            before: Some(before),
            from,
            events: PRESSES.map(|event| event.name().to_owned()).to_vec(),
            with: vec![vec![view.me.to_string()]],
        };
        let records = app
            .audit
            .records_found(&query, BATCH)
            .await
            .map_err(fault)?;
        before = match records.last() {
            Some(last) if records.len() >= BATCH as usize => last.seq(),
            _ => from,
        };
        for record in records {
            let id = record.text("access_request_id");
            let Some(id) = id.and_then(|id| id.parse::<RequestId>().ok()) else {
                continue;
            };
            if known.insert(id)
                && let Ok(request) = app.access.request(&viewer.actor, id).await
                && is_decided_by(&request, view)
            {
                found.push(request);
            }
            if found.len() > most {
                return Ok(found);
            }
        }
    }
    Ok(found)
}

/// The records of presses that decide.
const PRESSES: [Event; 4] = [
    Event::RequestApproved,
    Event::RequestReviewed,
    Event::RequestDenied,
    Event::RequestDiscarded,
];

fn is_decided_by(request: &Request, view: &View) -> bool {
    if view.is_me(&request.requester) {
        return false;
    }
    let closed = match &request.state {
        RequestState::Approved { by, .. }
        | RequestState::Denied { by, .. }
        | RequestState::Discarded { by, .. } => *by == view.me,
        RequestState::Pending | RequestState::Expired { .. } | RequestState::Rejected { .. } => {
            false
        }
    };
    closed || view.has_reviewed(request)
}
