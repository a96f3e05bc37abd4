//! Plans additions and finds members that no rule wants. Pure: unknown facts change nothing.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use hallpass_base::{Email, GroupId, HoldKey, Target, TargetNames, TimeSpan, Timestamp, UserId};
use hallpass_rules::directory::{Group, Person};
use hallpass_rules::{Directory, GroupRef, HasAttributes};
use serde::{Deserialize, Serialize};

use super::{
    GroupSyncItem, GroupSyncSettings, GroupSyncState, ManagedGroup, ManualMembers, MembershipChange,
};

/// Delay before a refused change is retried.
const AGAIN_AFTER: TimeSpan = TimeSpan::hours(24);

#[derive(Clone, Copy, Debug)]
pub struct GroupSyncFacts<'a> {
    pub settings: &'a GroupSyncSettings,
    pub directory: &'a Directory,
    /// Groups that rules offer, each with a rule's name.
    pub offered: &'a BTreeSet<GroupId>,
    /// Keys of grants, and of other assignments in progress.
    pub held: &'a BTreeSet<HoldKey>,
    pub items: &'a BTreeMap<HoldKey, GroupSyncItem>,
    pub locked: &'a BTreeSet<UserId>,
    pub now: Timestamp,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "problem", rename_all = "snake_case")]
pub enum GroupProblem {
    /// Renamed, deleted, or nonexistent.
    Missing,
    Ambiguous,
    /// Configured twice, by id and by name.
    NamedTwice,
    /// A rule offers it for requests, so its members cannot follow attributes.
    OwnedTwice,
    Unread,
}

impl GroupProblem {
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Missing => "missing",
            Self::Ambiguous => "ambiguous",
            Self::NamedTwice => "named-twice",
            Self::OwnedTwice => "group-owned-twice",
            Self::Unread => "unread",
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Addition {
    pub user: UserId,
    pub who: String,
    pub email: Option<Email>,
    pub rule: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WhyManual {
    NoRule,
    Disabled,
}

impl WhyManual {
    pub const fn name(self) -> &'static str {
        match self {
            Self::NoRule => "no_rule",
            Self::Disabled => "disabled",
        }
    }

    pub const fn words(self) -> &'static str {
        match self {
            Self::NoRule => "matches no rule of the group",
            Self::Disabled => "is disabled, and matches nothing",
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ManualMember {
    pub user: UserId,
    pub who: String,
    pub email: Option<Email>,
    pub why: WhyManual,
}

/// A limit on removals in one run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "brake", rename_all = "snake_case")]
pub enum GroupSyncBrake {
    /// More users, over all groups, than `groups.sync.max_removals`.
    People { would: u64, most: u64 },
    /// A larger share of the group's members than `groups.sync.max_removals_percent`.
    Share { would: u64, of: u64, percent: u64 },
}

impl fmt::Display for GroupSyncBrake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::People { would, most } => {
                write!(
                    f,
                    "a run would remove {would} people, and may remove {most}"
                )
            }
            Self::Share { would, of, percent } => write!(
                f,
                "a run would remove {would} of {of} members, and may remove {percent} %"
            ),
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GroupPlan {
    pub named: GroupRef,
    pub group: Option<(GroupId, String)>,
    pub problem: Option<GroupProblem>,
    pub members: u64,
    /// In the order of their ids.
    pub add: Vec<Addition>,
    pub manual: Vec<ManualMember>,
    pub remove: Vec<ManualMember>,
    /// Why no manual member is removed although configured.
    pub brake: Option<GroupSyncBrake>,
    /// Users with an unknown result: an attribute was not read, or a member is not in the user
    /// listing.
    pub unknown: u64,
    /// Memberships that grants hold or that are being changed.
    pub held: u64,
    pub refused: Vec<GroupSyncItem>,
}

impl GroupPlan {
    fn with_problem(named: &GroupRef, found: Option<&Group>, problem: GroupProblem) -> Self {
        Self {
            problem: Some(problem),
            ..Self::of(named, found)
        }
    }

    fn of(named: &GroupRef, found: Option<&Group>) -> Self {
        let members = found.and_then(|group| group.members.as_ref());
        Self {
            named: named.clone(),
            group: found.map(|group| (group.id.clone(), group.name.clone())),
            problem: None,
            members: count(members.map_or(0, BTreeSet::len)),
            add: Vec::new(),
            manual: Vec::new(),
            remove: Vec::new(),
            brake: None,
            unknown: 0,
            held: 0,
            refused: Vec::new(),
        }
    }

    /// `None` without a group.
    pub fn membership(&self, user: &UserId) -> Option<(HoldKey, TargetNames)> {
        let (group, name) = self.group.as_ref()?;
        let names = TargetNames::Group {
            group: name.clone(),
        };
        Some((key(user, group), names))
    }
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[must_use = "a plan that is not carried out changes nothing"]
pub struct GroupSyncPlan {
    pub groups: Vec<GroupPlan>,
}

fn count(number: usize) -> u64 {
    u64::try_from(number).unwrap_or(u64::MAX)
}

fn key(user: &UserId, group: &GroupId) -> HoldKey {
    HoldKey {
        user: user.clone(),
        target: Target::Group {
            group: group.clone(),
        },
    }
}

/// Leaves unknown facts alone: missing groups, unread members, unread attributes.
pub fn plan_groups(facts: &GroupSyncFacts<'_>) -> GroupSyncPlan {
    let resolve = |managed: &ManagedGroup| facts.directory.resolve_group(&managed.group);
    let mut named: BTreeMap<&GroupId, usize> = BTreeMap::new();
    for group in facts.settings.groups.iter().filter_map(resolve) {
        *named.entry(&group.id).or_default() += 1;
    }
    let mut groups: Vec<GroupPlan> = { facts.settings.groups.iter() }
        .map(|managed| match resolve(managed) {
            None => GroupPlan::with_problem(&managed.group, None, unresolved(managed, facts)),
            Some(group) => match problem(group, &named, facts) {
                Some(problem) => GroupPlan::with_problem(&managed.group, Some(group), problem),
                None => plan_group(managed, group, facts),
            },
        })
        .collect();
    brake_all(&mut groups, facts.settings);
    GroupSyncPlan { groups }
}

fn unresolved(managed: &ManagedGroup, facts: &GroupSyncFacts<'_>) -> GroupProblem {
    let is_shared = match &managed.group {
        GroupRef::Id(_) | GroupRef::OnCall(_) => false,
        GroupRef::Name(_) => {
            let mut known = facts.directory.groups().iter();
            known.any(|group| GroupRef::known(&group.name) == managed.group)
        }
    };
    if is_shared {
        GroupProblem::Ambiguous
    } else {
        GroupProblem::Missing
    }
}

fn problem(
    group: &Group,
    named: &BTreeMap<&GroupId, usize>,
    facts: &GroupSyncFacts<'_>,
) -> Option<GroupProblem> {
    if named.get(&group.id).is_some_and(|times| *times > 1) {
        Some(GroupProblem::NamedTwice)
    } else if facts.offered.contains(&group.id) {
        Some(GroupProblem::OwnedTwice)
    } else if group.members.is_none() {
        Some(GroupProblem::Unread)
    } else {
        None
    }
}

pub(super) enum Wanted {
    By(String),
    No(WhyManual),
    Unknown,
}

pub(super) fn wanted(managed: &ManagedGroup, person: &Person) -> Wanted {
    if !person.enabled {
        return Wanted::No(WhyManual::Disabled);
    }
    let mut unread = false;
    for rule in &managed.rules {
        match rule.wanted.judge(&person.attributes) {
            HasAttributes::Yes => return Wanted::By(rule.words()),
            HasAttributes::No => {}
            HasAttributes::Unread => unread = true,
        }
    }
    if unread {
        Wanted::Unknown
    } else {
        Wanted::No(WhyManual::NoRule)
    }
}

fn plan_group(managed: &ManagedGroup, group: &Group, facts: &GroupSyncFacts<'_>) -> GroupPlan {
    let none = BTreeSet::new();
    let members = group.members.as_ref().unwrap_or(&none);
    let mut plan = GroupPlan::of(&managed.group, Some(group));
    let strangers = members
        .iter()
        .filter(|user| facts.directory.person(user).is_none());
    plan.unknown = count(strangers.count());
    for person in facts.directory.people() {
        let key = key(&person.user_id, &group.id);
        let is_member = members.contains(&person.user_id);
        let wanted = wanted(managed, person);
        let change = match (&wanted, is_member) {
            (Wanted::By(_), false) => Some(MembershipChange::Add),
            (Wanted::No(_), true) => Some(MembershipChange::Remove),
            (Wanted::By(_), true) | (Wanted::No(_), false) => None,
            (Wanted::Unknown, _) => {
                plan.unknown += 1;
                None
            }
        };
        let Some(change) = change else { continue };
        if facts.held.contains(&key) {
            plan.held += 1;
            continue;
        }
        let may_act = may_act(&key, change, facts, &mut plan);
        match wanted {
            Wanted::By(rule) if may_act && !facts.locked.contains(&person.user_id) => {
                plan.add.push(Addition {
                    user: person.user_id.clone(),
                    who: who(person),
                    email: person.emails.first().cloned(),
                    rule,
                });
            }
            Wanted::No(why) => {
                let member = ManualMember {
                    user: person.user_id.clone(),
                    who: who(person),
                    email: person.emails.first().cloned(),
                    why,
                };
                if may_act && facts.settings.manual == ManualMembers::Remove {
                    plan.remove.push(member.clone());
                }
                plan.manual.push(member);
            }
            Wanted::By(_) | Wanted::Unknown => {}
        }
    }
    brake_group(&mut plan, facts.settings);
    plan
}

/// Whether no change of this membership runs, and AWS has not refused it recently.
fn may_act(
    key: &HoldKey,
    change: MembershipChange,
    facts: &GroupSyncFacts<'_>,
    plan: &mut GroupPlan,
) -> bool {
    let Some(item) = facts.items.get(key) else {
        return true;
    };
    match &item.state {
        GroupSyncState::Working { .. } => false,
        GroupSyncState::Refused { at, .. } if item.change == change => {
            plan.refused.push(item.clone());
            facts.now >= AGAIN_AFTER.after(*at)
        }
        GroupSyncState::Refused { .. } => true,
    }
}

fn who(person: &Person) -> String {
    match person.emails.first() {
        Some(email) => email.to_string(),
        None => person.user_name.clone(),
    }
}

/// Blocks removal of a large share of a group; one user may always be removed.
fn brake_group(plan: &mut GroupPlan, settings: &GroupSyncSettings) {
    let (would, of) = (count(plan.remove.len()), plan.members);
    let percent = u64::from(settings.max_removals_percent);
    if would > 1 && would.saturating_mul(100) > of.saturating_mul(percent) {
        plan.brake = Some(GroupSyncBrake::Share { would, of, percent });
        plan.remove.clear();
    }
}

/// Blocks all removals if there are too many over all groups.
fn brake_all(groups: &mut [GroupPlan], settings: &GroupSyncSettings) {
    let would = groups.iter().map(|plan| count(plan.remove.len())).sum();
    let most = u64::from(settings.max_removals);
    if would <= most {
        return;
    }
    for plan in groups.iter_mut().filter(|plan| !plan.remove.is_empty()) {
        plan.brake = Some(GroupSyncBrake::People { would, most });
        plan.remove.clear();
    }
}
