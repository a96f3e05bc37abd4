//! Filters shared by both engines: an index finds candidates, these functions choose.

use hallpass_access::{
    Grant, GrantFilter, ListingConditions, Request, RequestFilter, SubjectSet, ViewerScope,
};
use hallpass_base::{GrantId, RequestId, UserId};

use crate::rows::account_of;

/// Whether a row meets the conditions, except its time.
fn meets<'a>(
    only: &ListingConditions,
    user: &UserId,
    subject: Option<u64>,
    mut rules: impl Iterator<Item = &'a String>,
) -> bool {
    let about = |set: &SubjectSet| subject.is_some_and(|it| set.contains(it));
    only.people.as_ref().is_none_or(|it| it.contains(user))
        && only.subjects.as_ref().is_none_or(about)
        && only
            .rule
            .as_ref()
            .is_none_or(|it| rules.any(|rule| rule == it))
}

pub(crate) fn fits_request(
    filter: &RequestFilter,
    request: &Request,
    subject: Option<u64>,
) -> bool {
    let RequestFilter {
        only,
        state,
        requester,
        key,
        open_review,
        subjects,
        sight,
        before,
    } = filter;
    let about = |set: &SubjectSet| subject.is_some_and(|it| set.contains(it));
    let rules = request.decided.based_on.iter();
    meets(only, &request.requester.user, subject, rules)
        && only
            .from
            .is_none_or(|at| request.id >= RequestId::first_at(at))
        && only
            .to
            .is_none_or(|at| request.id < RequestId::first_at(at))
        && state.is_none_or(|it| it == request.state.kind())
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
        only,
        states,
        holder,
        account,
        active_in,
        sight,
        before,
    } = filter;
    let rules = grant.based_on.iter().chain(&grant.lengthened_by);
    meets(only, &grant.holder.user, subject, rules)
        && only.from.is_none_or(|at| grant.id >= GrantId::first_at(at))
        && only.to.is_none_or(|at| grant.id < GrantId::first_at(at))
        && (states.is_empty() || states.contains(&grant.state.kind()))
        && holder.as_ref().is_none_or(|it| *it == grant.holder.user)
        && account
            .as_ref()
            .is_none_or(|it| Some(it.as_str()) == account_of(&grant.key.target))
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
