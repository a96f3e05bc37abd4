//! Explains refused or impossible actions.

use hallpass_access::{ActionRefused, Closed, Request};
use hallpass_base::Email;
use hallpass_channels::wording::refused::{self, RefusedFacts, TriedPress};

use super::presenter::{Coded, Presenter};

pub(crate) fn words<'a>(
    view: &Presenter,
    request: &Request,
    refused: &ActionRefused,
    tried: TriedPress,
    deciders: impl IntoIterator<Item = &'a Email>,
) -> Coded {
    let deciders: Vec<String> = deciders.into_iter().map(|it| view.named(it)).collect();
    let facts = RefusedFacts {
        request,
        tried,
        presser: view.user.as_ref(),
        target: &view.aim_of(request).words(),
        deciders: &deciders,
    };
    Coded(refused::words(refused, &facts, view))
}

pub(crate) fn already(view: &Presenter, request: &Request, closed: &Closed) -> String {
    let closed = ActionRefused::Closed(closed.clone());
    words(view, request, &closed, TriedPress::Approve, []).0
}
