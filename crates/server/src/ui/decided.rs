//! Decisions of a user, from the audit log.

use std::collections::BTreeSet;

use hallpass_access::Request;
use hallpass_audit::{Event, RecordQuery};
use hallpass_base::RequestId;

use super::{presenter::Presenter, shell::Viewer};
use crate::{App, problem::ProblemResponse};

const ROUNDS_MAX: u32 = 5;
const BATCH: u32 = 200;

pub(super) async fn by(
    app: &App,
    viewer: &Viewer,
    view: &Presenter,
    most: usize,
) -> Result<Vec<Request>, ProblemResponse> {
    let Some(me) = &viewer.actor.user else {
        return Ok(Vec::new());
    };
    let mut query = RecordQuery {
        events: PRESSES.map(|event| event.name().to_owned()).to_vec(),
        naming: Some([me.clone()].into()),
        ..RecordQuery::default()
    };
    let (mut known, mut found) = (BTreeSet::new(), Vec::new());
    for _ in 0..ROUNDS_MAX {
        let turn = app.access.turn(&viewer.actor).await;
        let records = app.audit.records_found(&query, BATCH).await;
        drop(turn);
        let records = records.map_err(|fault| ProblemResponse::unavailable(&fault))?;
        let next = records.next;
        for record in records.records {
            let id = record.text("access_request_id");
            let Some(id) = id.and_then(|id| id.parse::<RequestId>().ok()) else {
                continue;
            };
            if record.text("actor_user_id") == Some(me.as_str())
                && known.insert(id)
                && let Ok(request) = app.access.request(&viewer.actor, id).await
                && !view.is_me(&request.requester)
            {
                found.push(request);
            }
            if found.len() > most {
                return Ok(found);
            }
        }
        let Some(next) = next else { break };
        query = query.after(next);
    }
    Ok(found)
}

const PRESSES: [Event; 4] = [
    Event::RequestApproved,
    Event::RequestReviewed,
    Event::RequestDenied,
    Event::RequestDiscarded,
];
