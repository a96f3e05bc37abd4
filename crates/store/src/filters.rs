//! Filters shared by both engines: an index finds candidates, these functions choose.

use hallpass_access::{Grant, GrantFilter, Request, RequestFilter, ViewerScope};
use hallpass_base::UserId;

use crate::rows::account_of;

pub(crate) fn fits_request(
    filter: &RequestFilter,
    request: &Request,
    subject: Option<u64>,
) -> bool {
    let RequestFilter {
        state,
        requester,
        key,
        open_review,
        subjects,
        sight,
        before,
    } = filter;
    let about = |set: &hallpass_access::SubjectSet| subject.is_some_and(|it| set.contains(it));
    state.is_none_or(|it| it == request.state.kind())
        && requester
            .as_ref()
            .is_none_or(|it| *it == request.requester.user)
        && key
            .as_ref()
            .is_none_or(|it| Some(it) == request.key.as_ref())
        && (!open_review || request.has_open_review())
        && subjects.as_ref().is_none_or(about)
        && sight.as_ref().is_none_or(|sight| {
            let asked = &request.decided.approver_users;
            let mut reviewed = request.reviews.iter().filter_map(|it| it.user.as_ref());
            is(sight, &request.requester.user)
                || asked.iter().any(|user| is(sight, user))
                || reviewed.any(|user| is(sight, user))
                || about(&sight.subjects)
        })
        && before.is_none_or(|it| request.id < it)
}

fn is(sight: &ViewerScope, user: &UserId) -> bool {
    sight.user.as_ref() == Some(user)
}

pub(crate) fn fits_grant(filter: &GrantFilter, grant: &Grant, subject: Option<u64>) -> bool {
    let GrantFilter {
        states,
        holder,
        account,
        subjects,
        active_in,
        sight,
        before,
    } = filter;
    (states.is_empty() || states.contains(&grant.state.kind()))
        && holder.as_ref().is_none_or(|it| *it == grant.holder.user)
        && account
            .as_ref()
            .is_none_or(|it| Some(it.as_str()) == account_of(&grant.key.target))
        && subjects
            .as_ref()
            .is_none_or(|set| subject.is_some_and(|it| set.contains(it)))
        && active_in.is_none_or(|period| {
            let span = grant.access_span();
            span.is_some_and(|span| period.overlaps(span))
        })
        && sight.as_ref().is_none_or(|sight| {
            is(sight, &grant.holder.user)
                || grant
                    .approver_user
                    .as_ref()
                    .is_some_and(|user| is(sight, user))
                || subject.is_some_and(|it| sight.subjects.contains(it))
        })
        && before.is_none_or(|it| grant.id < it)
}
