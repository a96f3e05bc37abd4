//! Judges live grants by rules, and detects that the holder left a required group (`access.md` §22,
//!

use std::collections::BTreeSet;

use hallpass_base::{GroupId, UserId};
use hallpass_rules::directory::{Group, Snapshot};
use hallpass_rules::{
    Ask, Decision, DecisionKind, Directory, GroupRef, ON_CALL_PREFIX, OnCallFact, Rules,
    TicketFacts,
};

use crate::{Approval, Grant, HolderGroups, OnRuleChange, target};

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum GrantRuling {
    /// Adopted grants rest on no rule, so they are always allowed.
    Stands,
    Refused {
        why: WhyRefused,
        kind: DecisionKind,
    },
    /// The decision rests on unread data, one sentence each: it ends nothing.
    Unread(BTreeSet<String>),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WhyRefused {
    /// The rule would still allow the grant with a group that the holder has left.
    LeftGroup,
    /// The rules changed, or no approver exists.
    ByRules,
}

impl WhyRefused {
    pub(crate) fn ends(self, on_rule_change: OnRuleChange) -> bool {
        self == Self::LeftGroup || on_rule_change == OnRuleChange::End
    }
}

/// Judges a live grant of an existing holder. Hours refuse nothing, since access may last beyond
/// its rule's hours. Emergency access needs no possible approver.
pub(crate) fn judge(grant: &Grant, rules: &Rules, directory: &Directory) -> GrantRuling {
    let question = target::question(&grant.key.target, &grant.names);
    let Some(question) = question.filter(|_| grant.approval != Approval::Adopted) else {
        return GrantRuling::Stands;
    };
    let directory = &facts_as_at_grant(grant, directory);
    let decision = rules.decide_at_any_hour(grant.holder.principal(), &question, directory);
    let kind = decision.kind;
    let is_refused = match kind {
        // Approvers are on call by turns.
        DecisionKind::NoApprovers if decision.approvers_on_call => false,
        DecisionKind::NoApprovers if grant.approval == Approval::BreakGlass => {
            !decision.break_glass
        }
        DecisionKind::NoStatements
        | DecisionKind::NoApprovers
        | DecisionKind::RequesterNotAllowed => true,
        DecisionKind::ApprovalNotRequired
        | DecisionKind::SelfApproval
        | DecisionKind::RequiresApproval => false,
    };
    if !is_refused {
        return GrantRuling::Stands;
    }
    let what = unread(&decision);
    let may_have_left = kind == DecisionKind::RequesterNotAllowed;
    let has_left = may_have_left
        && (what.is_empty() || is_refused_without_lost_groups(grant, &question, rules, directory))
        && is_missing_from_a_group(grant, &question, rules, directory);
    if has_left {
        let why = WhyRefused::LeftGroup;
        GrantRuling::Refused { why, kind }
    } else if what.is_empty() {
        let why = WhyRefused::ByRules;
        GrantRuling::Refused { why, kind }
    } else {
        GrantRuling::Unread(what)
    }
}

/// Access granted to people on call lasts beyond their turn, and access with a ticket beyond the
/// state that the ticket had.
fn facts_as_at_grant(grant: &Grant, directory: &Directory) -> Directory {
    let known = grant.holder_groups.iter().flat_map(|known| &known.names);
    let lists = known.filter(|name| name.starts_with(ON_CALL_PREFIX));
    let facts = lists.map(|list| OnCallFact {
        list: list.clone(),
        read_at: grant.scheduled_at,
        on_call: true,
    });
    directory
        .with_on_call_facts(&grant.key.user, &facts.collect::<Vec<_>>())
        .with_ticket(TicketFacts::Accepted)
}

/// Whether rules surely refuse the grant if missing groups count as empty, except those the holder
/// was in at grant. A deleted group is never read again and would preserve lost access forever.
fn is_refused_without_lost_groups(
    grant: &Grant,
    question: &Ask<'_>,
    rules: &Rules,
    directory: &Directory,
) -> bool {
    let Some(known) = &grant.holder_groups else {
        return false;
    };
    let mut snapshot = holder_alone(&grant.key.user, question, directory);
    let named = rules.referenced_groups().into_iter();
    let lost = named.filter(|named| directory.resolve_group(named).is_none() && !known.has(named));
    snapshot
        .groups
        .extend(lost.zip(0_u64..).filter_map(|(named, n)| {
            let (id, name) = match named {
                GroupRef::Id(id) => (id.clone(), id.to_string()),
                GroupRef::Name(name) => (
                    GroupId::new(format!("00000000-0000-0000-0000-{n:012}")).ok()?,
                    name,
                ),
                GroupRef::OnCall(_) => return None,
            };
            Some(Group {
                id,
                name,
                members: Some(BTreeSet::new()),
            })
        }));
    let directory = Directory::new(snapshot).with_on_call_of(directory);
    let decision = rules.decide_at_any_hour(grant.holder.principal(), question, &directory);
    decision.kind == DecisionKind::RequesterNotAllowed && unread(&decision).is_empty()
}

fn unread(decision: &Decision) -> BTreeSet<String> {
    let named = decision.not_read.iter();
    let named = named.map(|fact| format!("{fact} could not be read"));
    decision.unread.iter().cloned().chain(named).collect()
}

pub(crate) fn named_groups_of(user: &UserId, rules: &Rules, directory: &Directory) -> HolderGroups {
    let mut groups = HolderGroups::default();
    for named in rules.referenced_groups() {
        if let GroupRef::OnCall(list) = &named {
            let members = directory.members_named(&named);
            let is_on_call = members.is_some_and(|members| members.contains(user));
            groups.names.extend(is_on_call.then(|| list.clone()));
            continue;
        }
        let found = directory.resolve_group(&named);
        let Some(group) = found.filter(|group| is_member(group, user)) else {
            continue;
        };
        groups.ids.insert(group.id.clone());
        if let GroupRef::Name(name) = named {
            groups.names.insert(name);
        }
    }
    groups
}

/// Whether the holder could request by one of the grant's rules if still in a group of then.
fn is_missing_from_a_group(
    grant: &Grant,
    question: &Ask<'_>,
    rules: &Rules,
    directory: &Directory,
) -> bool {
    let user = &grant.key.user;
    let named = rules.referenced_groups();
    let resolved = named
        .iter()
        .filter_map(|name| Some((name, directory.resolve_group(name)?)));
    let others: BTreeSet<_> = resolved
        .filter(|(name, group)| !is_member(group, user) && was_in(grant, name, &group.id))
        .map(|(_, group)| &group.id)
        .collect();
    if others.is_empty() {
        return false;
    }
    let alone = holder_alone(user, question, directory);
    others.into_iter().any(|group| {
        let mut snapshot = alone.clone();
        for known in &mut snapshot.groups {
            if known.id == *group {
                known.members = Some(BTreeSet::from([user.clone()]));
            }
        }
        let directory = Directory::new(snapshot).with_on_call_of(directory);
        let decision = rules.decide_at_any_hour(grant.holder.principal(), question, &directory);
        may_ask(&decision) && rests_on(grant, &decision)
    })
}

/// Reduces the directory to one user, so that large organizations cost nothing.
fn holder_alone(user: &UserId, question: &Ask<'_>, directory: &Directory) -> Snapshot {
    let whole = directory.snapshot();
    let account = match question {
        Ask::Account { account, .. } => directory.account(account).cloned(),
        Ask::Group { .. } => None,
    };
    let theirs = |members: &BTreeSet<UserId>| members.get(user).cloned().into_iter().collect();
    let group = |group: &Group| Group {
        id: group.id.clone(),
        name: group.name.clone(),
        members: group.members.as_ref().map(theirs),
    };
    Snapshot {
        root_id: whole.root_id.clone(),
        accounts: account.into_iter().collect(),
        ous: whole.ous.clone(),
        permission_sets: whole.permission_sets.clone(),
        people: directory.person(user).cloned().into_iter().collect(),
        groups: whole.groups.iter().map(group).collect(),
        taken_at: whole.taken_at,
    }
}

/// A rule that names another group now is a changed rule; the holder left no group. A group
/// recreated under the same name counts as the same.
fn was_in(grant: &Grant, named: &GroupRef, group: &GroupId) -> bool {
    let known = grant.holder_groups.as_ref();
    known.is_none_or(|known| known.has(named) || known.ids.contains(group))
}

fn is_member(group: &Group, user: &UserId) -> bool {
    let members = group.members.as_ref();
    members.is_some_and(|members| members.contains(user))
}

/// Ignores whether approvers exist.
fn may_ask(decision: &Decision) -> bool {
    !matches!(
        decision.kind,
        DecisionKind::NoStatements | DecisionKind::RequesterNotAllowed
    )
}

fn rests_on(grant: &Grant, decision: &Decision) -> bool {
    let mut known = grant.based_on.iter().chain(&grant.lengthened_by);
    known.any(|known| { decision.based_on.iter() }.any(|rule| rule.as_str() == known))
}
