//! Access graph: people, groups, assignments. Items are stored once and referenced by index, so
//! that large organizations stay small; paths are computed on demand.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet, HashMap};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::rows::{Row, rows_of};
use super::{AccessPath, AccessPerson, AccessReport, GivenRole, HoldingGrant, order};
use crate::cell::{Cell, TableRow};

/// Lists are in id order.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccessGraph {
    /// Includes accounts known only from assignments.
    pub accounts: Vec<GraphAccount>,
    /// Permission sets, and roles of entitlements.
    // older files have only permission sets
    #[serde(rename = "permission_sets")]
    pub roles: Vec<GraphRole>,
    pub people: Vec<AccessPerson>,
    pub groups: Vec<GraphGroup>,
    pub assignments: Vec<GraphAssignment>,
    /// Permission set, account, role up to date.
    pub provisioned: Vec<(usize, usize, Option<bool>)>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct GraphAccount {
    pub id: String,
    pub name: Option<String>,
    pub state: Option<String>,
    pub ou_path: Option<String>,
}

impl GraphAccount {
    pub fn is_active(&self) -> bool {
        self.state.as_deref() == Some("ACTIVE")
    }
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct GraphRole {
    pub arn: String,
    pub name: Option<String>,
    #[serde(default, skip_serializing_if = "GraphRoleKind::is_permission_set")]
    pub kind: GraphRoleKind,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum GraphRoleKind {
    #[default]
    PermissionSet,
    /// An IAM role, from entitlements of account access manager (`inventory.md` W-13).
    Entitled,
}

impl GraphRoleKind {
    #[expect(
        clippy::trivially_copy_pass_by_ref,
        reason = "serde calls with a reference"
    )]
    fn is_permission_set(&self) -> bool {
        *self == Self::PermissionSet
    }
}

impl GraphRole {
    /// Name, or ARN.
    pub fn shown(&self) -> &str {
        self.name.as_deref().unwrap_or(&self.arn)
    }

    pub(super) fn via(&self, group: Option<&str>) -> String {
        match (self.kind, group) {
            (GraphRoleKind::PermissionSet, None) => "direct".to_owned(),
            (GraphRoleKind::PermissionSet, Some(group)) => format!("group:{group}"),
            (GraphRoleKind::Entitled, None) => "entitlement".to_owned(),
            (GraphRoleKind::Entitled, Some(group)) => format!("entitlement:group:{group}"),
        }
    }

    pub fn given(&self) -> GivenRole {
        match self.kind {
            GraphRoleKind::PermissionSet => GivenRole::PermissionSet {
                permission_set: self.name.clone(),
                permission_set_arn: self.arn.clone(),
            },
            GraphRoleKind::Entitled => GivenRole::Entitlement {
                role_name: self.shown().to_owned(),
                role_arn: self.arn.clone(),
            },
        }
    }
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct GraphGroup {
    pub id: String,
    pub name: String,
    pub members: Vec<usize>,
    /// A member is no user of the directory.
    pub has_unexpected_member: bool,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum AssignmentHolder {
    #[serde(rename = "u")]
    Person(usize),
    #[serde(rename = "g")]
    Group(usize),
    /// A deleted principal: `USER` or `GROUP`, and the id.
    #[serde(rename = "gone")]
    Gone(String, String),
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GraphGrant {
    pub id: String,
    pub expires_at: Option<Timestamp>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "AssignmentForm", into = "AssignmentForm")]
pub struct GraphAssignment {
    pub role: usize,
    pub account: usize,
    pub holder: AssignmentHolder,
    pub grant: Option<GraphGrant>,
}

/// Compact serialized form: there may be a million.
type AssignmentForm = (usize, usize, AssignmentHolder, Option<GraphGrant>);

impl From<AssignmentForm> for GraphAssignment {
    fn from((role, account, holder, grant): AssignmentForm) -> Self {
        Self {
            role,
            account,
            holder,
            grant,
        }
    }
}

impl From<GraphAssignment> for AssignmentForm {
    fn from(it: GraphAssignment) -> Self {
        (it.role, it.account, it.holder, it.grant)
    }
}

struct NamedPlaces<T> {
    things: Vec<T>,
    places: HashMap<String, usize>,
}

impl<T> NamedPlaces<T> {
    fn new(by_id: BTreeMap<String, T>) -> Self {
        let ids = by_id.keys().cloned();
        Self {
            places: ids.zip(0..).collect(),
            things: by_id.into_values().collect(),
        }
    }

    fn place(&self, id: &str) -> Option<usize> {
        self.places.get(id).copied()
    }
}

fn by_id<'a, T>(
    rows: impl Iterator<Item = Row<'a>>,
    column: &str,
    thing: impl Fn(Row<'a>, String) -> Option<T>,
) -> BTreeMap<String, T> {
    rows.filter_map(|row| {
        let id = row.owned(column)?;
        Some((id.clone(), thing(row, id)?))
    })
    .collect()
}

const PROVISIONED: &str = "aws_ssoadmin_provisioned";
const ASSIGNMENTS: &str = "aws_ssoadmin_account_assignments";
const ENTITLEMENTS: &str = "aws_account_access_entitlements";

fn accounts(all: &BTreeMap<&'static str, Vec<TableRow>>) -> NamedPlaces<GraphAccount> {
    let rows = rows_of(all, "aws_organizations_accounts");
    let mut accounts = by_id(rows, "id", |row, id| {
        Some(GraphAccount {
            id,
            name: row.owned("name"),
            state: row.owned("state").or_else(|| row.owned("status")),
            ou_path: row.owned("ou_path"),
        })
    });
    for row in [ASSIGNMENTS, PROVISIONED, ENTITLEMENTS]
        .into_iter()
        .flat_map(|table| rows_of(all, table))
    {
        if let Some(id) = row.text("account_id")
            && !accounts.contains_key(id)
        {
            let unknown = GraphAccount {
                id: id.to_owned(),
                ..GraphAccount::default()
            };
            accounts.insert(id.to_owned(), unknown);
        }
    }
    NamedPlaces::new(accounts)
}

fn given_roles(all: &BTreeMap<&'static str, Vec<TableRow>>) -> NamedPlaces<GraphRole> {
    let rows = rows_of(all, "aws_ssoadmin_permission_sets");
    let mut sets = by_id(rows, "permission_set_arn", |row, arn| {
        let name = Some(row.owned("permission_set_name")?);
        let kind = GraphRoleKind::PermissionSet;
        Some(GraphRole { arn, name, kind })
    });
    for row in rows_of(all, ASSIGNMENTS).chain(rows_of(all, PROVISIONED)) {
        if let Some(arn) = row.text("permission_set_arn")
            && !sets.contains_key(arn)
        {
            let unknown = GraphRole {
                arn: arn.to_owned(),
                ..GraphRole::default()
            };
            sets.insert(arn.to_owned(), unknown);
        }
    }
    let entitled = rows_of(all, ENTITLEMENTS).filter_map(|row| row.owned("role_arn"));
    sets.extend(entitled.map(|arn| {
        let name = arn.rsplit('/').next().map(str::to_owned);
        let kind = GraphRoleKind::Entitled;
        (arn.clone(), GraphRole { arn, name, kind })
    }));
    NamedPlaces::new(sets)
}

fn groups(
    all: &BTreeMap<&'static str, Vec<TableRow>>,
    people: &NamedPlaces<AccessPerson>,
) -> NamedPlaces<GraphGroup> {
    let rows = rows_of(all, "aws_identitystore_groups");
    let mut groups = NamedPlaces::new(by_id(rows, "group_id", |row, id| {
        Some(GraphGroup {
            id,
            name: row.owned("display_name")?,
            ..GraphGroup::default()
        })
    }));
    for row in rows_of(all, "aws_identitystore_group_memberships") {
        let ids = row.text("group_id").zip(row.text("member_user_id"));
        let Some((place, user)) = ids.and_then(|(id, user)| Some((groups.place(id)?, user))) else {
            continue;
        };
        let Some(group) = groups.things.get_mut(place) else {
            continue;
        };
        match people.place(user) {
            Some(person) => group.members.push(person),
            None => group.has_unexpected_member = true,
        }
    }
    for group in &mut groups.things {
        group.members.sort_unstable();
        group.members.dedup();
    }
    groups
}

impl AccessGraph {
    pub fn new(rows: &BTreeMap<&'static str, Vec<TableRow>>, grants: &[HoldingGrant]) -> Self {
        let (accounts, roles) = (accounts(rows), given_roles(rows));
        let people = rows_of(rows, "aws_identitystore_users");
        let people = NamedPlaces::new(by_id(people, "user_id", |row, id| {
            Some(AccessPerson {
                user_name: row.owned("idc_user_name"),
                user_id: Some(id),
                email: row.owned("email"),
                user_status: row.owned("idc_status"),
            })
        }));
        let groups = groups(rows, &people);
        let ends: HashMap<&str, Timestamp> = grants
            .iter()
            .map(|it| (it.id.as_str(), it.expires_at))
            .collect();
        let assignment = |row: Row<'_>, given: &str| {
            let (kind, id) = (row.text("principal_type")?, row.text("principal_id")?);
            let holder = match kind {
                "USER" => people.place(id).map(AssignmentHolder::Person),
                _ => groups.place(id).map(AssignmentHolder::Group),
            };
            let gone = || AssignmentHolder::Gone(kind.to_owned(), id.to_owned());
            Some(GraphAssignment {
                role: roles.place(row.text(given)?)?,
                account: accounts.place(row.text("account_id")?)?,
                holder: holder.unwrap_or_else(gone),
                grant: row.owned("hallpass_grant_id").map(|id| GraphGrant {
                    expires_at: ends.get(id.as_str()).copied(),
                    id,
                }),
            })
        };
        let provisioned = rows_of(rows, PROVISIONED).filter_map(|row| {
            let latest = match row.cell("latest") {
                Some(Cell::Bool(latest)) => Some(*latest),
                _ => None,
            };
            let set = roles.place(row.text("permission_set_arn")?)?;
            Some(((set, accounts.place(row.text("account_id")?)?), latest))
        });
        let provisioned: BTreeMap<(usize, usize), Option<bool>> = provisioned.collect();
        let provisioned = provisioned.into_iter();
        let provisioned = provisioned.map(|((set, account), latest)| (set, account, latest));
        let assigned = rows_of(rows, ASSIGNMENTS);
        let assigned = assigned.filter_map(|row| assignment(row, "permission_set_arn"));
        let entitled = rows_of(rows, ENTITLEMENTS);
        let entitled = entitled.filter_map(|row| assignment(row, "role_arn"));
        Self {
            assignments: assigned.chain(entitled).collect(),
            provisioned: provisioned.collect(),
            accounts: accounts.things,
            roles: roles.things,
            people: people.things,
            groups: groups.things,
        }
    }

    pub fn report(&self) -> AccessReport {
        AccessReport {
            paths: self.paths(|_| true),
            findings: self.findings(),
        }
    }

    /// Assignments as stored, in path order: one row per group or deleted principal, whose id
    /// replaces the group's name (`inventory.md` W-3).
    pub fn stored(&self) -> Vec<AccessPath> {
        let row = |assignment: &GraphAssignment| {
            let (principal_type, principal_id) = self.principal(&assignment.holder)?;
            let role = self.roles.get(assignment.role)?;
            let (person, group) = match &assignment.holder {
                AssignmentHolder::Person(person) => (self.people.get(*person).cloned(), None),
                AssignmentHolder::Group(group) => {
                    (None, Some(self.groups.get(*group)?.name.as_str()))
                }
                AssignmentHolder::Gone(..) => {
                    (None, (principal_type == "GROUP").then_some(principal_id))
                }
            };
            let mut path =
                self.in_account(assignment, role.via(group), (principal_type, principal_id))?;
            path.person = person.unwrap_or_default();
            Some(path)
        };
        let mut rows: Vec<AccessPath> = self.assignments.iter().filter_map(row).collect();
        rows.sort_by(|a, b| order(a).cmp(&order(b)));
        rows
    }

    /// Paths of the wanted assignments, by person, account, set and path; those without a person
    /// last.
    pub fn paths(&self, is_wanted: impl Fn(&GraphAssignment) -> bool) -> Vec<AccessPath> {
        self.paths_of_some(is_wanted, None)
    }

    /// Creates only the paths of the given people (sorted indexes), or of all.
    pub fn paths_of_some(
        &self,
        is_wanted: impl Fn(&GraphAssignment) -> bool,
        people: Option<&[usize]>,
    ) -> Vec<AccessPath> {
        let mut paths = Vec::new();
        for assignment in self.assignments.iter().filter(|it| is_wanted(it)) {
            let wanted = self.held_by(assignment, people);
            if wanted.is_empty() && people.is_some() {
                continue;
            }
            let Some(path) = self.path(assignment) else {
                continue;
            };
            if wanted.is_empty() {
                paths.push(path);
                continue;
            }
            let wanted = wanted.iter().filter_map(|it| self.people.get(*it));
            paths.extend(wanted.map(|person| AccessPath {
                person: person.clone(),
                ..path.clone()
            }));
        }
        paths.sort_by(|a, b| order(a).cmp(&order(b)));
        paths
    }

    /// Counts the paths of [`AccessGraph::paths_of_some`] without creating them: a group of all
    /// people would exceed memory.
    pub fn count_of_some(
        &self,
        is_wanted: impl Fn(&GraphAssignment) -> bool,
        people: Option<&[usize]>,
    ) -> usize {
        let wanted = self.assignments.iter().filter(|it| is_wanted(it));
        let count = wanted.map(|it| match (self.held_by(it, people).len(), &it.holder) {
            // a group without members is a path without a person
            (0, AssignmentHolder::Group(_)) => usize::from(people.is_none()),
            (held, _) => held,
        });
        count.sum()
    }

    /// Holders of an assignment, filtered by sorted indexes.
    fn held_by<'a>(
        &'a self,
        assignment: &'a GraphAssignment,
        people: Option<&[usize]>,
    ) -> Cow<'a, [usize]> {
        let all = self.people_of(&assignment.holder);
        match people {
            None => Cow::Borrowed(all),
            Some(people) => {
                let held = people.iter().filter(|it| all.binary_search(it).is_ok());
                Cow::Owned(held.copied().collect())
            }
        }
    }

    /// Returns `most` paths after `skip`, by set, account, holder and person, and the total. Others
    /// are counted, not created.
    pub fn window(
        &self,
        is_wanted: impl Fn(&GraphAssignment) -> bool,
        skip: usize,
        most: usize,
    ) -> (Vec<AccessPath>, usize) {
        let wanted = self.assignments.iter().filter(|it| is_wanted(it));
        let mut wanted: Vec<&GraphAssignment> = wanted.collect();
        wanted.sort_by_key(|it| {
            let role = self.roles.get(it.role);
            (role.map(GraphRole::shown), it.account, &it.holder)
        });
        let (mut paths, mut total) = (Vec::new(), 0);
        for assignment in wanted {
            let people = self.people_of(&assignment.holder);
            let from = skip.saturating_sub(total);
            total += people.len();
            let room = most - paths.len();
            let shown = people.iter().skip(from).take(room);
            let shown: Vec<&AccessPerson> = shown.filter_map(|it| self.people.get(*it)).collect();
            if let Some(path) = (!shown.is_empty()).then(|| self.path(assignment)).flatten() {
                paths.extend(shown.into_iter().map(|person| AccessPath {
                    person: person.clone(),
                    ..path.clone()
                }));
            }
        }
        (paths, total)
    }

    pub fn paths_of(&self, person: usize) -> Vec<AccessPath> {
        let groups: BTreeSet<usize> = self.groups_of(person).collect();
        let Some(shown) = self.people.get(person) else {
            return Vec::new();
        };
        let is_their = |it: &&GraphAssignment| match &it.holder {
            AssignmentHolder::Person(holder) => *holder == person,
            AssignmentHolder::Group(group) => groups.contains(group),
            AssignmentHolder::Gone(..) => false,
        };
        let theirs = self.assignments.iter().filter(is_their);
        let path = |it| {
            Some(AccessPath {
                person: shown.clone(),
                ..self.path(it)?
            })
        };
        let mut paths: Vec<AccessPath> = theirs.filter_map(path).collect();
        paths.sort_by(|a, b| order(a).cmp(&order(b)));
        paths
    }

    pub fn groups_of(&self, person: usize) -> impl Iterator<Item = usize> {
        let groups = self.groups.iter().enumerate();
        groups.filter_map(move |(place, group)| {
            let has_them = group.members.binary_search(&person).is_ok();
            has_them.then_some(place)
        })
    }

    pub fn people_of<'a>(&'a self, holder: &'a AssignmentHolder) -> &'a [usize] {
        match holder {
            AssignmentHolder::Person(person) => std::slice::from_ref(person),
            AssignmentHolder::Group(group) => {
                let group = self.groups.get(*group);
                group.map_or(&[], |it| it.members.as_slice())
            }
            AssignmentHolder::Gone(..) => &[],
        }
    }

    pub fn principal<'a>(&'a self, holder: &'a AssignmentHolder) -> Option<(&'a str, &'a str)> {
        match holder {
            AssignmentHolder::Person(person) => {
                let person = self.people.get(*person)?;
                Some(("USER", person.user_id.as_deref()?))
            }
            AssignmentHolder::Group(group) => Some(("GROUP", &self.groups.get(*group)?.id)),
            AssignmentHolder::Gone(kind, id) => Some((kind, id)),
        }
    }

    /// `None` if its principal is deleted.
    pub fn path(&self, assignment: &GraphAssignment) -> Option<AccessPath> {
        let role = self.roles.get(assignment.role)?;
        let group = match &assignment.holder {
            AssignmentHolder::Person(_) => None,
            AssignmentHolder::Group(group) => Some(self.groups.get(*group)?.name.as_str()),
            AssignmentHolder::Gone(..) => return None,
        };
        let principal = self.principal(&assignment.holder)?;
        self.in_account(assignment, role.via(group), principal)
    }

    fn in_account(
        &self,
        assignment: &GraphAssignment,
        via: String,
        (principal_type, principal_id): (&str, &str),
    ) -> Option<AccessPath> {
        let role = self.roles.get(assignment.role)?;
        let account = self.accounts.get(assignment.account)?;
        let pair = (assignment.role, assignment.account);
        let provisioned = self
            .provisioned
            .binary_search_by_key(&pair, |(set, account, _)| (*set, *account));
        let provisioned = provisioned.ok().and_then(|it| self.provisioned.get(it));
        let grant = assignment.grant.as_ref();
        Some(AccessPath {
            person: AccessPerson::default(),
            via,
            principal_type: principal_type.to_owned(),
            principal_id: principal_id.to_owned(),
            account_id: account.id.clone(),
            account_name: account.name.clone(),
            account_state: account.state.clone(),
            ou_path: account.ou_path.clone(),
            role: role.given(),
            latest: provisioned.and_then(|(_, _, latest)| *latest),
            temporary: grant.is_some(),
            expires_at: grant.and_then(|it| it.expires_at),
            grant_id: grant.map(|it| it.id.clone()),
        })
    }
}
