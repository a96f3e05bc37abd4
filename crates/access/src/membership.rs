//! What rules say to a live grant, today's or others, and whether it lost what it rested on because its holder left a group
//! (`access.md` §22, R-5).

use std::collections::BTreeSet;

use hallpass_base::{GroupId, UserId};
use hallpass_rules::directory::{Group, Snapshot};
use hallpass_rules::{Ask, Decision, DecisionKind, Directory, GroupRef, Rules};

use crate::{Approval, Grant, HolderGroups, OnRuleChange, target};

/// What rules say to a live grant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum GrantRuling {
    /// Nothing against it. What was adopted never rested on a rule.
    Stands,
    /// They would refuse it.
    Refused {
        /// Why.
        why: WhyRefused,
        /// Their decision.
        kind: DecisionKind,
    },
    /// Nobody can tell, for it rests on what could not be read, a sentence each: that ends nothing.
    Unread(BTreeSet<String>),
}

/// Why rules would refuse a live grant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WhyRefused {
    /// A rule that it rests on would still give it to somebody in a group that its holder was in, and is not any more.
    LeftGroup,
    /// The rules are others, or nobody could approve it.
    ByRules,
}

impl WhyRefused {
    /// Whether that ends a grant, where the settings say this of rules that change.
    pub(crate) fn ends(self, on_rule_change: OnRuleChange) -> bool {
        self == Self::LeftGroup || on_rule_change == OnRuleChange::End
    }
}

/// What rules say to a live grant of a holder who is there. An hour refuses nothing: access that was given in the hours of its
/// rule may last beyond them. Emergency access needs nobody who could approve it.
pub(crate) fn judge(grant: &Grant, rules: &Rules, directory: &Directory) -> GrantRuling {
    let question = target::question(&grant.key.target, &grant.names);
    let Some(question) = question.filter(|_| grant.approval != Approval::Adopted) else {
        return GrantRuling::Stands;
    };
    let decision = rules.decide_at_any_hour(grant.holder.principal(), &question, directory);
    let kind = decision.kind;
    let is_refused = match kind {
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

/// Whether rules would refuse it surely, were the groups empty that they name and nobody has: those that its holder was not in
/// when it was given. A group that was deleted is never read again, and would let everybody keep for ever what they lost.
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
            };
            Some(Group {
                id,
                name,
                members: Some(BTreeSet::new()),
            })
        }));
    let directory = Directory::new(snapshot);
    let decision = rules.decide_at_any_hour(grant.holder.principal(), question, &directory);
    decision.kind == DecisionKind::RequesterNotAllowed && unread(&decision).is_empty()
}

/// Everything that a decision rests on and could not be read.
fn unread(decision: &Decision) -> BTreeSet<String> {
    let named = decision.not_read.iter();
    let named = named.map(|fact| format!("{fact} could not be read"));
    decision.unread.iter().cloned().chain(named).collect()
}

/// The groups that rules name and somebody is in.
pub(crate) fn named_groups_of(user: &UserId, rules: &Rules, directory: &Directory) -> HolderGroups {
    let mut groups = HolderGroups::default();
    for named in rules.referenced_groups() {
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

/// Whether in a group that they were in when it was given, the holder might ask by a rule that the grant rests on.
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
        let directory = Directory::new(snapshot);
        let decision = rules.decide_at_any_hour(grant.holder.principal(), question, &directory);
        may_ask(&decision) && rests_on(grant, &decision)
    })
}

/// What of the directory says whether one person may ask for this: everybody else is left out, so that an organization
/// of many thousands costs nothing.
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

/// Rules that name another group since are rules that changed, and nobody left it. A group that was deleted and made again under
/// the name that rules have counts as the same.
fn was_in(grant: &Grant, named: &GroupRef, group: &GroupId) -> bool {
    let known = grant.holder_groups.as_ref();
    known.is_none_or(|known| known.has(named) || known.ids.contains(group))
}

fn is_member(group: &Group, user: &UserId) -> bool {
    let members = group.members.as_ref();
    members.is_some_and(|members| members.contains(user))
}

/// Whether the holder is among those who may ask; who could approve is another question.
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
