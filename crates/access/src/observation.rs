//! Evaluates a pending request now: counting approvals, and missing ones.

use std::collections::BTreeMap;

use hallpass_base::{Email, UserId};

use crate::Request;
use crate::decision_context::DecisionContext;

impl DecisionContext<'_> {
    /// Marks counting approvals and sets the missing ones, as of the request's start, like a
    /// decision does.
    pub(crate) fn look_at(&self, request: &mut Request) {
        self.count_approvals(request);
        request.outstanding = None;
        let now = self.step.now;
        let waits = request.is_waiting(now) && request.agreed_start().is_none();
        let Some(question) = request.question().filter(|_| waits) else {
            return;
        };
        let counting = request.reviews.iter().filter(|review| review.counts);
        let approvals: BTreeMap<UserId, Email> = counting
            .filter_map(|review| Some((review.user.clone()?, review.by.clone())))
            .collect();
        let (whose, when) = (request.requester.principal(), (request.judged_at(now), now));
        let directory = self.directory_for(request);
        let found = { self.rules }.outstanding(whose, &question, &directory, when, &approvals);
        request.outstanding = Some(Box::new(found));
    }
}
