//! Unread facts of rules not yet in force: no problem, because they are read later.

use std::collections::BTreeSet;

use super::{Ready, names::warn_at, warning::warn};
use crate::{
    attributes::PersonAttribute,
    diagnostic::{Diagnostic, FindingCode},
    directory::Directory,
    named_facts::WhyUnread,
    rule::GroupRef,
};

pub(super) fn note(ready: &Ready, facts: &Directory, why: &WhyUnread, found: &mut Vec<Diagnostic>) {
    let terms = ready.terms();
    let left_out = [&terms.except_requesters, &terms.except_approvers];
    let groups: BTreeSet<&GroupRef> = { terms.listed_groups() }
        .chain(terms.requesting_groups())
        .chain(left_out.into_iter().flat_map(|it| &it.groups))
        .collect();
    for group in groups {
        let told = why.of_members(group, facts);
        found.extend(told.map(|told| {
            let (code, value) = (FindingCode::UnreadGroup, group.to_string());
            warn_at(ready, &value, code, in_force(&told)).into_note()
        }));
    }
    let manager = terms.asks_manager().then_some(PersonAttribute::Manager);
    let wanted = terms.requester_attributes.iter().map(|it| it.attribute);
    for attribute in wanted.chain(manager).collect::<BTreeSet<_>>() {
        let told = why.of_attribute(attribute, facts);
        found.extend(told.map(|told| {
            let code = FindingCode::UnreadAttribute;
            warn(ready, code, in_force(&told)).into_note()
        }));
    }
    if terms.targets.names_tags() {
        let told = why.of_tags(facts);
        found.extend(told.map(|told| {
            let help = "the server needs `organizations:ListTagsForResource`";
            let finding = warn(ready, FindingCode::UnreadTags, in_force(&told));
            finding.help(help).into_note()
        }));
    }
}

fn in_force(told: &str) -> String {
    format!("{told}: judged when the rule is in force")
}
