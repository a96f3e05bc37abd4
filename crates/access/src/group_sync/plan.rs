//! Who is to be added to which group, who is in one that no rule wants there, and why. Pure: what is
//! known is an argument, and what is not known changes nothing.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use hallpass_base::{Email, GroupId, HoldKey, Target, TargetNames, TimeSpan, Timestamp, UserId};
use hallpass_rules::directory::{Group, Person};
use hallpass_rules::{Directory, GroupRef, HasAttributes};
use serde::{Deserialize, Serialize};

use super::{
    GroupSyncItem, GroupSyncSettings, GroupSyncState, ManagedGroup, ManualMembers, MembershipChange,
};

/// What AWS refused is tried again after this.
const AGAIN_AFTER: TimeSpan = TimeSpan::hours(24);

/// What a plan is made from.
#[derive(Clone, Copy, Debug)]
pub struct GroupSyncFacts<'a> {
    /// How memberships follow attributes.
    pub settings: &'a GroupSyncSettings,
    /// Who is there, with which attributes, and in which groups.
    pub directory: &'a Directory,
    /// Groups that rules let people ask for, each with a rule's name.
    pub offered: &'a BTreeSet<GroupId>,
    /// What grants hold, and whatever else assignments are at work on.
    pub held: &'a BTreeSet<HoldKey>,
    /// Memberships that are being changed, or that AWS refuses to change.
    pub items: &'a BTreeMap<HoldKey, GroupSyncItem>,
    /// People who are locked: nobody gives them anything.
    pub locked: &'a BTreeSet<UserId>,
    /// Now.
    pub now: Timestamp,
}

/// Why nothing is done about a group.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "problem", rename_all = "snake_case")]
pub enum GroupProblem {
    /// There is no such group: it was renamed, deleted, or never there.
    Missing,
    /// Several groups have the name.
    Ambiguous,
    /// The configuration names it twice, by id and by name.
    NamedTwice,
    /// A rule lets people ask for it: its members cannot follow attributes, too.
    OwnedTwice,
    /// Its members could not be read.
    Unread,
}

impl GroupProblem {
    /// Its name on the wire.
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

/// Somebody who is to be added.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Addition {
    /// The person.
    pub user: UserId,
    /// What people call them.
    pub who: String,
    /// Their address.
    pub email: Option<Email>,
    /// The rule that wants them there.
    pub rule: String,
}

/// Why no rule wants a member there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WhyManual {
    /// They have the attributes of none.
    NoRule,
    /// They are disabled, and match nothing.
    Disabled,
}

impl WhyManual {
    /// Its name on the wire.
    pub const fn name(self) -> &'static str {
        match self {
            Self::NoRule => "no_rule",
            Self::Disabled => "disabled",
        }
    }

    /// In words.
    pub const fn words(self) -> &'static str {
        match self {
            Self::NoRule => "matches no rule of the group",
            Self::Disabled => "is disabled, and matches nothing",
        }
    }
}

/// A member whom no rule wants there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ManualMember {
    /// The person.
    pub user: UserId,
    /// What people call them.
    pub who: String,
    /// Their address.
    pub email: Option<Email>,
    /// Why no rule wants them there.
    pub why: WhyManual,
}

/// More removals than a run makes by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "brake", rename_all = "snake_case")]
pub enum GroupSyncBrake {
    /// More people, over all groups, than `groups.sync.max_removals`.
    People {
        /// How many it would remove.
        would: u64,
        /// How many it may.
        most: u64,
    },
    /// A larger share of the group's members than `groups.sync.max_removals_percent`.
    Share {
        /// How many it would remove.
        would: u64,
        /// Of how many members.
        of: u64,
        /// The share that it may, in percent.
        percent: u64,
    },
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

/// What is to be done about one group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GroupPlan {
    /// As the configuration names it.
    pub named: GroupRef,
    /// The group, where there is one of that name.
    pub group: Option<(GroupId, String)>,
    /// Why nothing is done about it.
    pub problem: Option<GroupProblem>,
    /// Members now.
    pub members: u64,
    /// Who is to be added now, in the order of their ids.
    pub add: Vec<Addition>,
    /// Who is there and wanted by no rule.
    pub manual: Vec<ManualMember>,
    /// Those of the manual members who are to be removed now.
    pub remove: Vec<ManualMember>,
    /// Why none of the manual members is removed although the configuration says so.
    pub brake: Option<GroupSyncBrake>,
    /// People of whom is not known whether a rule wants them there: an attribute was not read, or a
    /// member is no user that was listed.
    pub unknown: u64,
    /// Members and others whose membership grants hold, or which is being changed.
    pub held: u64,
    /// Memberships that AWS refuses to change.
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

    /// The key of somebody's membership, and what people call the group; `None` without a group.
    pub fn membership(&self, user: &UserId) -> Option<(HoldKey, TargetNames)> {
        let (group, name) = self.group.as_ref()?;
        let names = TargetNames::Group {
            group: name.clone(),
        };
        Some((key(user, group), names))
    }
}

/// What is to be done about every group.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[must_use = "a plan that is not carried out changes nothing"]
pub struct GroupSyncPlan {
    /// Each group, in the order of the configuration.
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

/// Makes the plan. Whatever is not known for certain is left as it is: a group that is not one, members
/// that were not read, attributes that were not read.
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

/// Why a name or an id is no group.
fn unresolved(managed: &ManagedGroup, facts: &GroupSyncFacts<'_>) -> GroupProblem {
    let is_shared = match &managed.group {
        GroupRef::Id(_) => false,
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

/// Whether a rule of the group wants somebody there.
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

/// Whether a change may be begun: none of this membership is under way, and AWS has not refused it lately.
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

/// A large share of a group is not removed at once; one person may always be.
fn brake_group(plan: &mut GroupPlan, settings: &GroupSyncSettings) {
    let (would, of) = (count(plan.remove.len()), plan.members);
    let percent = u64::from(settings.max_removals_percent);
    if would > 1 && would.saturating_mul(100) > of.saturating_mul(percent) {
        plan.brake = Some(GroupSyncBrake::Share { would, of, percent });
        plan.remove.clear();
    }
}

/// Many removals over all groups are none.
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
