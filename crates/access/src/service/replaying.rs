//! Compares past requests and live grants with rules that are not in force.

use hallpass_base::{RequestId, Timestamp};
use hallpass_rules::{CancelFlag, Compared, Directory, PastRequest, Rules};

use super::per_user_read_lock::WorkTurn;
use super::replaying_grants::ReplayedGrants;
use super::{Access, AccessError, RequestView};
use crate::{ActionRefused, Actor, DirectoryPrefetch, Request, RequestFilter};

#[derive(Clone, Debug)]
pub struct ReplayedRequest {
    pub request: Request,
    pub compared: Compared,
}

#[derive(Clone, Debug, Default)]
pub struct Replayed {
    pub looked_at: usize,
    /// Changed or undecidable results, newest first; unread facts cause the latter.
    pub rows: Vec<ReplayedRequest>,
    /// Unread facts that the other rules need, one sentence each.
    pub not_read: Vec<String>,
    /// `None`: no more requests are new enough.
    pub next: Option<RequestId>,
    /// Only with the newest requests.
    pub grants: Option<ReplayedGrants>,
}

impl Access {
    /// Judges up to `limit` requests made since `since`, newest first, by today's rules and the
    /// others: with today's directory, extra facts for the others, and the hour of the request.
    /// Both refuse users who left. The first page also judges live grants. Evaluation may be slow:
    /// it runs in the actor's `turn` and stops with the call.
    ///
    /// # Errors
    /// If the actor may not read everything, or the store does not answer.
    pub async fn replay(
        &self,
        actor: &Actor,
        turn: &WorkTurn,
        rules: &Rules,
        since: Option<Timestamp>,
        before: Option<RequestId>,
        limit: usize,
    ) -> Result<Replayed, AccessError> {
        if !actor.reads_all() {
            return Err(ActionRefused::NotYours.into());
        }
        let filter = RequestFilter {
            before,
            ..RequestFilter::default()
        };
        let page = self
            .requests(actor, RequestView::All, &filter, limit)
            .await?;
        let DirectoryPrefetch { directory, why } = self.directory_ahead(rules).await;
        let today = self.rules();
        let grants = match before {
            None => Some(self.replayed_grants(actor, turn, rules, &directory).await?),
            Some(_) => None,
        };
        let not_read = why.told(&rules.named_facts(), &directory);
        let (others, next) = (rules.clone(), page.next);
        let compared = turn.run(move |cancel| {
            let compare = |request: &Request| compare(request, (&today, &others), &directory);
            let mut found = Replayed {
                next,
                ..Replayed::default()
            };
            found.add_all(page.rows, since, compare, cancel);
            found
        });
        Ok(Replayed {
            not_read,
            grants,
            ..compared.await?
        })
    }
}

impl Replayed {
    fn add_all(
        &mut self,
        requests: Vec<Request>,
        since: Option<Timestamp>,
        compare: impl Fn(&Request) -> Option<Compared>,
        cancel: &CancelFlag,
    ) {
        for request in requests {
            if cancel.is_cancelled() {
                return;
            }
            if since.is_some_and(|since| request.asked_at < since) {
                self.next = None;
                return;
            }
            self.looked_at += 1;
            if let Some(compared) = compare(&request).filter(Compared::is_news) {
                self.rows.push(ReplayedRequest { request, compared });
            }
        }
    }
}

/// `None` for requests without a rule decision, and for users who left.
fn compare(
    request: &Request,
    (today, others): (&Rules, &Rules),
    directory: &Directory,
) -> Option<Compared> {
    directory.person(&request.requester.user)?;
    let ask = request.question()?;
    let past = PastRequest {
        requester: request.requester.principal(),
        ask: &ask,
        duration: request.asked_for(),
        reason: &request.reason,
        ticket: request.ticket.as_deref(),
        asked_at: request.asked_at,
        starts_at: request.start.as_ref().map(|start| start.at),
    };
    let decided = &request.decided;
    let then = directory
        .with_on_call_facts(&request.requester.user, &decided.on_call)
        .with_ticket_facts(
            &request.requester.email,
            request.ticket.as_deref(),
            &decided.tickets,
        );
    Some(today.compare_with(others, &past, &then))
}
