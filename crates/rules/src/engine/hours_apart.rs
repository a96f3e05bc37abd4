//! Approval hours of two rules that never overlap, so approval is impossible where both apply.

use super::{Ready, coverage::overlap, warning::warn};
use crate::{
    cancel::CancelFlag,
    diagnostic::{Diagnostic, FindingCode},
    hours::Hours,
    rule::{Requesters, Terms},
};

/// Reports each earlier rule with a certain common target, possibly common requesters, and disjoint
/// approval hours.
pub(super) fn apart<'a>(
    ready: &'a Ready,
    earlier: &'a [Ready],
    cancel: &'a CancelFlag,
) -> impl Iterator<Item = Diagnostic> + 'a {
    let hours = ready.terms().approval_hours.as_ref();
    let apart = hours.into_iter().flat_map(move |hours| {
        let others = earlier.iter().take_while(|_| !cancel.is_cancelled());
        let others = others.filter(move |other| {
            let others = other.terms().approval_hours.as_ref();
            others.is_some_and(|others| others != hours && hours.never_meet(others))
        });
        others.map(move |other| (other, hours))
    });
    let apart = apart
        .filter(|(other, _)| share_people(ready.terms(), other.terms()) && overlap(ready, other));
    apart.map(|(other, hours)| finding(ready, hours, other))
}

fn finding(ready: &Ready, hours: &Hours, other: &Ready) -> Diagnostic {
    let (this, other_id) = (&ready.rule.id, &other.rule.id);
    let others = other.terms().approval_hours.as_ref();
    let others = others.map(Hours::to_string).unwrap_or_default();
    let message = format!(
        "`approval_hours` of `{this}` ({hours}) and of `{other_id}` ({others}) never meet: no one can \
         approve what both cover"
    );
    let help = "an approval has to be within the hours of every rule that applies; let them meet, or narrow one \
                of the rules";
    warn(ready, FindingCode::NobodyCanApprove, message)
        .field("approval_hours")
        .help(help)
}

/// Returns whether both may apply to a user: groups and attributes are known only per request.
fn share_people(one: &Terms, other: &Terms) -> bool {
    let (
        Requesters::Only {
            users,
            user_ids,
            groups,
        },
        Requesters::Only {
            users: of_users,
            user_ids: of_ids,
            groups: of_groups,
        },
    ) = (&one.requesters, &other.requesters)
    else {
        return true;
    };
    let by_group = !groups.is_empty() || !of_groups.is_empty();
    let by_id =
        (!user_ids.is_empty() && !of_users.is_empty()) || (!of_ids.is_empty() && !users.is_empty());
    by_group || by_id || !users.is_disjoint(of_users) || !user_ids.is_disjoint(of_ids)
}
