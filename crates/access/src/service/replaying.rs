//! Past requests, and live grants, held against rules that are not in force: what a change of the rules would change.

use hallpass_base::{RequestId, Timestamp};
use hallpass_rules::{CancelFlag, Compared, Directory, PastRequest, Rules};

use super::replaying_grants::ReplayedGrants;
use super::turns::WorkTurn;
use super::{Access, AccessError, RequestView};
use crate::{Actor, DirectoryAhead, PressRefused, Request, RequestFilter};

/// A request that other rules would have decided otherwise.
#[derive(Clone, Debug)]
pub struct ReplayedRequest {
    /// The request.
    pub request: Request,
    /// What today's rules say to it, and what the others would.
    pub compared: Compared,
}

/// What came of holding some requests against other rules.
#[derive(Clone, Debug, Default)]
pub struct Replayed {
    /// How many requests were looked at.
    pub looked_at: usize,
    /// Those that would have been decided otherwise, and those of which that cannot be told as it rests on what was not
    /// read, newest first.
    pub rows: Vec<ReplayedRequest>,
    /// What of all that the other rules name was not read, each in a sentence.
    pub not_read: Vec<String>,
    /// Where to go on; `None`: there is nothing more that is new enough.
    pub next: Option<RequestId>,
    /// What becomes of live grants; with the newest requests alone.
    pub grants: Option<ReplayedGrants>,
}

impl Access {
    /// Holds requests, newest first, against rules that are not in force: up to `limit` of those that were
    /// made since `since`. Both rules are asked by today's directory, with what only the others name read for this call,
    /// and by the hour of the request. Whoever has left since is refused by both. With the newest requests, live grants are held
    /// against the others, too, as the next comparison would judge them once these are in force. Deciding by rules of any
    /// size takes long: it is done in the actor's `turn`, and stops when this call does.
    ///
    /// # Errors
    /// When the actor does not read everything, or the store does not answer.
    pub async fn replay(
        &self,
        (actor, turn): (&Actor, &WorkTurn),
        rules: &Rules,
        since: Option<Timestamp>,
        before: Option<RequestId>,
        limit: usize,
    ) -> Result<Replayed, AccessError> {
        if !actor.reads_all() {
            return Err(PressRefused::NotYours.into());
        }
        let filter = RequestFilter {
            before,
            ..RequestFilter::default()
        };
        let page = self
            .requests(actor, RequestView::All, &filter, limit)
            .await?;
        let DirectoryAhead { directory, why } = self.directory_ahead(rules).await;
        let today = self.rules();
        let grants = match before {
            None => Some(
                self.replayed_grants((actor, turn), rules, &directory)
                    .await?,
            ),
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

/// What today's rules and others say to a request; `None`: what did not exist was asked of no rule, and nobody knows what
/// is true of whoever is gone.
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
    Some(today.compare_with(others, &past, directory))
}
