//! Differences in effective access between snapshots, with reasons (`inventory.md` W-6).
//!
//! A user has a permission set in an account if the user is enabled, the account active, and an
//! assignment names the user or one of their groups. Data unknown in one snapshot is neither gained
//! nor lost.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use serde::Serialize;

use super::graph::{AccessGraph, AssignmentHolder, GraphGrant, GraphRole, GraphRoleKind};
use super::snapshot::AccessSnapshot;
use super::{AccessPerson, GivenRole};

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum PersonAccessChangeKind {
    Gained,
    Lost,
    /// One snapshot has it, the other is incomplete.
    Unknown,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum AccessReasonKind {
    UserAdded,
    UserEnabled,
    GroupAdded,
    JoinedGroup,
    PermissionSetAdded,
    AssignmentAdded,
    GroupGotSet,
    GrantMade,
    EntitlementAdded,
    AccountAdded,
    AccountReactivated,
    UserDeleted,
    UserDisabled,
    GroupDeleted,
    LeftGroup,
    PermissionSetDeleted,
    AssignmentRemoved,
    GroupLostSet,
    GrantEnded,
    EntitlementRemoved,
    AccountLeft,
    AccountSuspended,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct AccessChangeReason {
    pub kind: AccessReasonKind,
    /// `direct` or `group:NAME`.
    pub via: String,
    /// If a grant started or ended.
    pub grant_id: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PersonAccessChange {
    pub change: PersonAccessChangeKind,
    #[serde(flatten)]
    pub person: AccessPerson,
    pub account_id: String,
    pub account_name: Option<String>,
    #[serde(flatten)]
    pub role: GivenRole,
    /// Every path that was added or removed; empty if unknown.
    pub reasons: Vec<AccessChangeReason>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct AccessComparison {
    /// By person, account and permission set.
    pub changes: Vec<PersonAccessChange>,
    /// Tables incomplete in one snapshot.
    pub not_compared: BTreeSet<String>,
}

/// Account and role, by id and ARN.
type Target<'a> = (&'a str, &'a str);

/// A path to a target: optional group, optional grant.
type Way<'a> = (Option<usize>, Option<&'a GraphGrant>);

/// One snapshot, by ids: indexes differ between snapshots.
struct Side<'a> {
    snapshot: &'a AccessSnapshot,
    graph: &'a AccessGraph,
    people: HashMap<&'a str, usize>,
    groups: HashMap<&'a str, usize>,
    groups_of: Vec<Vec<usize>>,
    accounts: HashMap<&'a str, usize>,
    roles: HashMap<&'a str, usize>,
    /// Assignments, usable or not.
    assigned: HashMap<&'a AssignmentHolder, BTreeMap<Target<'a>, Option<&'a GraphGrant>>>,
}

impl<'a> Side<'a> {
    fn new(snapshot: &'a AccessSnapshot) -> Self {
        let graph = &snapshot.graph;
        let mut groups_of = vec![Vec::new(); graph.people.len()];
        for (group, it) in graph.groups.iter().enumerate() {
            for member in &it.members {
                if let Some(groups) = groups_of.get_mut(*member) {
                    groups.push(group);
                }
            }
        }
        let mut assigned: HashMap<_, BTreeMap<Target<'a>, _>> = HashMap::new();
        for it in &graph.assignments {
            let account = graph.accounts.get(it.account);
            let set = graph.roles.get(it.role);
            if let (Some(account), Some(set)) = (account, set) {
                let of_holder = assigned.entry(&it.holder).or_default();
                of_holder.insert((account.id.as_str(), set.arn.as_str()), it.grant.as_ref());
            }
        }
        let people = graph.people.iter().zip(0..);
        Self {
            snapshot,
            graph,
            people: people
                .filter_map(|(it, place)| Some((it.user_id.as_deref()?, place)))
                .collect(),
            groups: by_id(&graph.groups, |it| &it.id),
            groups_of,
            accounts: by_id(&graph.accounts, |it| &it.id),
            roles: by_id(&graph.roles, |it| &it.arn),
            assigned,
        }
    }

    fn person(&self, id: &str) -> Option<&'a AccessPerson> {
        self.graph.people.get(*self.people.get(id)?)
    }

    fn is_active(&self, account: &str) -> bool {
        let account = self.accounts.get(account);
        let account = account.and_then(|it| self.graph.accounts.get(*it));
        account.is_some_and(super::GraphAccount::is_active)
    }

    fn group_id(&self, group: usize) -> &'a str {
        self.graph.groups.get(group).map_or("", |it| &it.id)
    }

    fn group_ids(&self, person: usize) -> BTreeSet<&'a str> {
        let groups = self.groups_of.get(person).into_iter().flatten();
        groups.map(|it| self.group_id(*it)).collect()
    }

    fn reached(&self, id: &str) -> BTreeMap<Target<'a>, Vec<Way<'a>>> {
        let mut reached: BTreeMap<Target<'a>, Vec<Way<'a>>> = BTreeMap::new();
        let Some(&place) = self.people.get(id) else {
            return reached;
        };
        if !self.person(id).is_some_and(is_enabled) {
            return reached;
        }
        let is_known = |arn: &str| {
            let role = self.role(arn);
            role.is_some_and(|it| self.snapshot.knows_assignments(it.kind))
        };
        let over_groups = self.groups_of.get(place).into_iter().flatten();
        let over_groups = over_groups.filter(|_| self.snapshot.knows_groups());
        let over_groups = over_groups.map(|it| (AssignmentHolder::Group(*it), Some(*it)));
        for (holder, group) in [(AssignmentHolder::Person(place), None)]
            .into_iter()
            .chain(over_groups)
        {
            for (target, grant) in self.assigned.get(&holder).into_iter().flatten() {
                if self.is_active(target.0) && is_known(target.1) {
                    reached.entry(*target).or_default().push((group, *grant));
                }
            }
        }
        reached
    }

    /// Checks that missing access is certain, not unknown.
    fn knows_absence(&self, kind: GraphRoleKind) -> bool {
        self.snapshot.knows_assignments(kind) && self.snapshot.knows_groups()
    }

    fn role(&self, arn: &str) -> Option<&'a GraphRole> {
        self.graph.roles.get(*self.roles.get(arn)?)
    }

    /// Usable targets; unchanged ones need no comparison.
    fn usable(&self, holder: &AssignmentHolder) -> BTreeSet<Target<'a>> {
        let targets = self.assigned.get(holder).into_iter().flatten();
        let targets = targets.map(|(target, _)| *target);
        targets.filter(|it| self.is_active(it.0)).collect()
    }

    fn holders(&self) -> impl Iterator<Item = (&'a str, &'a AssignmentHolder)> {
        let holders = self.assigned.keys().copied();
        holders.filter_map(|it| Some((self.graph.principal(it)?.1, it)))
    }
}

fn by_id<'a, T>(things: &'a [T], id: impl Fn(&'a T) -> &'a String) -> HashMap<&'a str, usize> {
    let things = things.iter().zip(0..);
    things.map(|(it, place)| (id(it).as_str(), place)).collect()
}

fn is_enabled(person: &AccessPerson) -> bool {
    person.user_status.as_deref() != Some("DISABLED")
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Direction {
    Opened,
    Closed,
}

pub fn access_changes(before: &AccessSnapshot, after: &AccessSnapshot) -> AccessComparison {
    let (old, new) = (Side::new(before), Side::new(after));
    let altered = altered(&old, &new);
    let ids: BTreeSet<&str> = old
        .people
        .keys()
        .chain(new.people.keys())
        .copied()
        .collect();
    let mut changes = Vec::new();
    for id in ids {
        if !is_touched(id, &old, &new, &altered) {
            continue;
        }
        let (was, is) = (old.reached(id), new.reached(id));
        let gained = is.iter().filter(|(target, _)| !was.contains_key(*target));
        changes.extend(
            gained.map(|(target, ways)| change(id, *target, ways, (&new, &old), Direction::Opened)),
        );
        let lost = was.iter().filter(|(target, _)| !is.contains_key(*target));
        changes.extend(
            lost.map(|(target, ways)| change(id, *target, ways, (&old, &new), Direction::Closed)),
        );
    }
    changes.sort_by(|a, b| order(a).cmp(&order(b)));
    let unread = before.uncompared().chain(after.uncompared());
    AccessComparison {
        changes,
        not_compared: unread.map(|it| it.table.clone()).collect(),
    }
}

fn order(change: &PersonAccessChange) -> impl Ord + '_ {
    (
        &change.person.user_name,
        &change.person.user_id,
        &change.account_id,
        &change.role,
    )
}

fn altered<'a>(old: &Side<'a>, new: &Side<'a>) -> BTreeSet<&'a str> {
    let was: HashMap<&str, &AssignmentHolder> = old.holders().collect();
    let is: HashMap<&str, &AssignmentHolder> = new.holders().collect();
    let ids: BTreeSet<&str> = was.keys().chain(is.keys()).copied().collect();
    let usable = |side: &Side<'a>, holder: Option<&&AssignmentHolder>| {
        holder.map_or_else(BTreeSet::new, |it| side.usable(it))
    };
    ids.into_iter()
        .filter(|id| usable(old, was.get(id)) != usable(new, is.get(id)))
        .collect()
}

/// Checks if a person's access can have changed; mostly false.
fn is_touched(id: &str, old: &Side<'_>, new: &Side<'_>, altered: &BTreeSet<&str>) -> bool {
    let (Some(&was), Some(&is)) = (old.people.get(id), new.people.get(id)) else {
        return true;
    };
    let enabled = |side: &Side<'_>| side.person(id).is_some_and(is_enabled);
    let knows = |side: &Side<'_>| {
        (
            side.snapshot
                .knows_assignments(GraphRoleKind::PermissionSet),
            side.snapshot.knows_assignments(GraphRoleKind::Entitled),
            side.snapshot.knows_groups(),
        )
    };
    let groups = old.group_ids(was);
    enabled(old) != enabled(new)
        || knows(old) != knows(new)
        || groups != new.group_ids(is)
        || altered.contains(id)
        || groups.iter().any(|it| altered.contains(it))
}

fn change(
    id: &str,
    (account, set): Target<'_>,
    ways: &[Way<'_>],
    (with, without): (&Side<'_>, &Side<'_>),
    direction: Direction,
) -> PersonAccessChange {
    let role = with.role(set).cloned().unwrap_or_default();
    let known = without.knows_absence(role.kind);
    let name = || without.role(set)?.name.clone();
    let role = GraphRole {
        name: role.name.clone().or_else(name),
        ..role
    };
    let mut reasons = BTreeSet::new();
    if known {
        for way in ways {
            reasons.extend(why(id, (account, set), *way, (with, without), direction));
        }
    }
    let account_name = with.accounts.get(account);
    let account_name = account_name.and_then(|it| with.graph.accounts.get(*it)?.name.clone());
    PersonAccessChange {
        change: match direction {
            _ if !known => PersonAccessChangeKind::Unknown,
            Direction::Opened => PersonAccessChangeKind::Gained,
            Direction::Closed => PersonAccessChangeKind::Lost,
        },
        person: with.person(id).cloned().unwrap_or_default(),
        account_id: account.to_owned(),
        account_name,
        role: role.given(),
        reasons: reasons.into_iter().collect(),
    }
}

/// The cause of a difference. Consequences are omitted: a deleted user is also in no group.
fn why(
    id: &str,
    (account, set): Target<'_>,
    (group, grant): Way<'_>,
    (with, without): (&Side<'_>, &Side<'_>),
    direction: Direction,
) -> Vec<AccessChangeReason> {
    use AccessReasonKind as Kind;
    let group = group.and_then(|it| with.graph.groups.get(it));
    let role = with.role(set).cloned().unwrap_or_default();
    let via = role.via(group.map(|it| it.name.as_str()));
    let mut reasons = Vec::new();
    let mut say = |(opened, closed), grant_id: Option<&GraphGrant>| {
        reasons.push(AccessChangeReason {
            kind: match direction {
                Direction::Opened => opened,
                Direction::Closed => closed,
            },
            via: via.clone(),
            grant_id: grant_id.map(|it| it.id.clone()),
        });
    };
    let person = why_person(id, without);
    let on_account = why_account(account, without);
    for kinds in [person, on_account].into_iter().flatten() {
        say(kinds, None);
    }
    let has_left = on_account.is_some_and(|(_, closed)| closed == Kind::AccountLeft);
    let holder = match group {
        None => without
            .people
            .get(id)
            .map(|it| AssignmentHolder::Person(*it)),
        Some(group) => without.groups.get(group.id.as_str()).map(|place| {
            let groups = without.people.get(id);
            let groups = groups.and_then(|it| without.groups_of.get(*it));
            if groups.is_some_and(|it| !it.contains(place)) {
                say((Kind::JoinedGroup, Kind::LeftGroup), None);
            }
            AssignmentHolder::Group(*place)
        }),
    };
    let Some(holder) = holder else {
        if group.is_some() {
            say((Kind::GroupAdded, Kind::GroupDeleted), None);
        }
        return reasons;
    };
    let assigned = without.assigned.get(&holder);
    if assigned.is_some_and(|it| it.contains_key(&(account, set))) || has_left {
        return reasons;
    }
    let is_set_there = without.role(set).is_some_and(|it| it.name.is_some());
    if role.kind == GraphRoleKind::Entitled {
        say((Kind::EntitlementAdded, Kind::EntitlementRemoved), None);
    } else if !is_set_there && without.snapshot.knows_permission_sets() {
        say((Kind::PermissionSetAdded, Kind::PermissionSetDeleted), None);
    } else if grant.is_some() {
        say((Kind::GrantMade, Kind::GrantEnded), grant);
    } else if group.is_some() {
        say((Kind::GroupGotSet, Kind::GroupLostSet), None);
    } else {
        say((Kind::AssignmentAdded, Kind::AssignmentRemoved), None);
    }
    reasons
}

type OpenedOrClosed = (AccessReasonKind, AccessReasonKind);

fn why_person(id: &str, without: &Side<'_>) -> Option<OpenedOrClosed> {
    match without.person(id) {
        None => Some((AccessReasonKind::UserAdded, AccessReasonKind::UserDeleted)),
        Some(person) if is_enabled(person) => None,
        Some(_) => Some((
            AccessReasonKind::UserEnabled,
            AccessReasonKind::UserDisabled,
        )),
    }
}

fn why_account(account: &str, without: &Side<'_>) -> Option<OpenedOrClosed> {
    let there = without.accounts.get(account);
    let there = there.and_then(|it| without.graph.accounts.get(*it));
    if there.is_none_or(|it| it.state.is_none()) {
        return Some((
            AccessReasonKind::AccountAdded,
            AccessReasonKind::AccountLeft,
        ));
    }
    let kinds = (
        AccessReasonKind::AccountReactivated,
        AccessReasonKind::AccountSuspended,
    );
    (!without.is_active(account)).then_some(kinds)
}
