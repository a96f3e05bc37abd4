//! Requestable groups whose members hold a configured role or approve requests.

use super::{Ready, coverage::TARGETS_TRIED, warning::warn};
use crate::{
    diagnostic::{Diagnostic, FindingCode},
    directory::Directory,
    rule::{Denials, GroupRef, Requesters, RuleId, Targets},
    rule_names::RuleNames,
};

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RoleGroup {
    key: &'static str,
    group: GroupRef,
}

impl RoleGroup {
    pub fn new(key: &'static str, name: &str) -> Self {
        Self {
            key,
            group: GroupRef::known(name),
        }
    }
}

pub(super) fn joinable(
    ready: &Ready,
    rules: &[Ready],
    role_groups: &[RoleGroup],
    facts: Option<&Directory>,
) -> Vec<Diagnostic> {
    let terms = ready.terms();
    let Targets::Groups(groups) = &terms.targets else {
        return Vec::new();
    };
    if !ready.permits || terms.requesters.is_nobody() {
        return Vec::new();
    }
    let groups = groups.iter().take(TARGETS_TRIED);
    let found = groups.filter_map(|group| {
        let is_same = |other: &GroupRef| same(group, other, facts);
        let mut keys: Vec<&str> = { role_groups.iter() }
            .filter(|role| is_same(&role.group))
            .map(|role| role.key)
            .collect();
        keys.dedup();
        let approving = { rules.iter() }.filter(|it| it.terms().listed_groups().any(is_same));
        let approving: Vec<_> = approving.map(|it| it.rule.id.clone()).collect();
        let covering = { rules.iter() }.filter(|it| match &it.terms().targets {
            Targets::Groups(groups) => groups.iter().any(is_same),
            Targets::Accounts { .. } => false,
        });
        let is_free = terms.approval_is_not_required == Some(true)
            && !covering.into_iter().any(denies_for_everyone);
        let how = if is_free {
            "people join"
        } else if keys.is_empty() {
            // the approver knows the purpose of the group
            return None;
        } else {
            "people may request to join"
        };
        let gives = gives(&keys, &approving)?;
        let name = facts.and_then(|facts| facts.resolve_group(group));
        let name = name.map_or_else(|| group.to_string(), |known| known.name.clone());
        let without = if is_free { " without approval" } else { "" };
        let message = format!("{how} the group `{name}`{without}, and its members {gives}");
        let help = "use a group that gives no right in Hallpass, or name the people one by one";
        Some(warn(ready, FindingCode::GroupGivesRights, message).help(help))
    });
    found.collect()
}

fn gives(keys: &[&str], approving: &[RuleId]) -> Option<String> {
    let hold = (!keys.is_empty()).then(|| format!("hold the role of `{}`", keys.join("` and `")));
    let approving = RuleNames::of(approving);
    let approve = (!approving.is_empty()).then(|| format!("approve by {}", approving.within()));
    let gives: Vec<String> = hold.into_iter().chain(approve).collect();
    (!gives.is_empty()).then(|| gives.join(" and "))
}

fn denies_for_everyone(ready: &Ready) -> bool {
    let terms = ready.terms();
    let is_for_everyone =
        terms.denials == Denials::Always || terms.requesters == Requesters::Everyone;
    terms.approval_is_not_required == Some(false) && is_for_everyone
}

fn same(one: &GroupRef, other: &GroupRef, facts: Option<&Directory>) -> bool {
    let id = |group: &GroupRef| match group {
        GroupRef::Id(id) => Some(id.clone()),
        GroupRef::Name(_) | GroupRef::OnCall(_) => Some(facts?.resolve_group(group)?.id.clone()),
    };
    one == other || id(one).is_some_and(|one| Some(one) == id(other))
}
