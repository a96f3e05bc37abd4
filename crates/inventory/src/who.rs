//! Who has what, where: a snapshot's assignments as people have them, path by path, and what is wrong
//! with them (`inventory.md` §3).

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde::Serialize;

use crate::cell::{Cell, TableRow};
use crate::table::InventoryTable;
use crate::tables::table;

/// A grant that holds an assignment for a while.
#[derive(Clone, Debug)]
pub struct HoldingGrant {
    /// Its id.
    pub id: String,
    /// When it ends.
    pub expires_at: Timestamp,
}

/// One way in which somebody has a permission set in an account; or a group without members that does.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct AccessPath {
    /// The person; nobody where a group has no members.
    #[serde(flatten)]
    pub person: AccessPerson,
    /// `direct` or `group:NAME`; several, parted by `;`, where paths are folded.
    pub via: String,
    /// `USER` or `GROUP`.
    pub principal_type: String,
    /// Whom the assignment names.
    pub principal_id: String,
    /// The account.
    pub account_id: String,
    /// Its name, if it is of the organization.
    pub account_name: Option<String>,
    /// Its state, likewise.
    pub account_state: Option<String>,
    /// The units above it, likewise.
    pub ou_path: Option<String>,
    /// The name of the permission set.
    pub permission_set: Option<String>,
    /// The permission set.
    pub permission_set_arn: String,
    /// Whether its role there has its newest version; nothing where that is not known.
    pub latest: Option<bool>,
    /// Whether a grant holds it.
    pub temporary: bool,
    /// When that grant ends.
    pub expires_at: Option<Timestamp>,
    /// That grant.
    pub grant_id: Option<String>,
}

/// A person of the directory; all empty where there is none.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct AccessPerson {
    /// The name.
    pub user_name: Option<String>,
    /// The id.
    pub user_id: Option<String>,
    /// The address.
    pub email: Option<String>,
    /// `ENABLED` or `DISABLED`.
    pub user_status: Option<String>,
}

/// What is wrong with an assignment or a provisioned set.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum AccessFindingKind {
    /// A person has it by name, and not for a while.
    DirectUser,
    /// Its principal is gone.
    Orphaned,
    /// The role has not the newest version of the set.
    Outdated,
    /// The role is there, and nobody holds it.
    ProvisionedUnassigned,
    /// The account is not active.
    SuspendedAccount,
    /// A member of its group is no user of the directory.
    UnexpectedMember,
    /// The account is not of the organization.
    UnknownAccount,
}

/// Something wrong, and where. Findings sort by kind, account, set and principal.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct AccessFinding {
    /// What.
    pub kind: AccessFindingKind,
    /// The account.
    pub account_id: String,
    /// The name of the permission set, or its ARN.
    pub permission_set: String,
    /// `USER` or `GROUP`, where it is about an assignment.
    pub principal_type: Option<String>,
    /// Whom the assignment names.
    pub principal_id: Option<String>,
}

/// Who has what, where.
#[derive(Debug, PartialEq)]
pub struct AccessReport {
    /// Every path, by person, account, set and way; those without a person last.
    pub paths: Vec<AccessPath>,
    /// What is wrong.
    pub findings: Vec<AccessFinding>,
}

/// The rows of a table by the names of its columns.
struct Rows<'a> {
    table: &'static InventoryTable,
    rows: &'a [TableRow],
}

/// A row by the names of its columns.
#[derive(Clone, Copy)]
struct Row<'a> {
    table: &'static InventoryTable,
    cells: &'a TableRow,
}

impl<'a> Rows<'a> {
    fn of(all: &'a BTreeMap<&'static str, Vec<TableRow>>, name: &str) -> Option<Self> {
        let table = table(name)?;
        let rows = all.get(table.name).map_or(&[][..], Vec::as_slice);
        Some(Self { table, rows })
    }

    fn iter(&self) -> impl Iterator<Item = Row<'a>> + use<'a> {
        let table = self.table;
        self.rows.iter().map(move |cells| Row { table, cells })
    }
}

impl<'a> Row<'a> {
    fn cell(self, column: &str) -> Option<&'a Cell> {
        let (index, _) = self.table.column(column)?;
        self.cells.get(index)
    }

    fn text(self, column: &str) -> Option<&'a str> {
        self.cell(column).and_then(Cell::as_text)
    }

    fn owned(self, column: &str) -> Option<String> {
        self.text(column).map(str::to_owned)
    }
}

/// What assignments speak of, by id.
struct Directory<'a> {
    accounts: BTreeMap<&'a str, Row<'a>>,
    sets: BTreeMap<&'a str, &'a str>,
    /// By set and account: whether it is the newest version.
    provisioned: BTreeMap<(&'a str, &'a str), Option<bool>>,
    users: BTreeMap<&'a str, Row<'a>>,
    groups: BTreeMap<&'a str, &'a str>,
    members: BTreeMap<&'a str, BTreeSet<&'a str>>,
}

impl<'a> Directory<'a> {
    fn new(all: &'a BTreeMap<&'static str, Vec<TableRow>>) -> Self {
        let rows = |name: &str| Rows::of(all, name).into_iter().flat_map(|it| it.iter());
        let provisioned = rows("aws_ssoadmin_provisioned").filter_map(|row| {
            let latest = match row.cell("latest") {
                Some(Cell::Bool(latest)) => Some(*latest),
                _ => None,
            };
            Some((
                (row.text("permission_set_arn")?, row.text("account_id")?),
                latest,
            ))
        });
        let mut members: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
        for row in rows("aws_identitystore_group_memberships") {
            if let (Some(group), Some(user)) = (row.text("group_id"), row.text("member_user_id")) {
                members.entry(group).or_default().insert(user);
            }
        }
        Self {
            accounts: rows("aws_organizations_accounts")
                .filter_map(|row| Some((row.text("id")?, row)))
                .collect(),
            sets: rows("aws_ssoadmin_permission_sets")
                .filter_map(|row| {
                    Some((
                        row.text("permission_set_arn")?,
                        row.text("permission_set_name")?,
                    ))
                })
                .collect(),
            provisioned: provisioned.collect(),
            users: rows("aws_identitystore_users")
                .filter_map(|row| Some((row.text("user_id")?, row)))
                .collect(),
            groups: rows("aws_identitystore_groups")
                .filter_map(|row| Some((row.text("group_id")?, row.text("display_name")?)))
                .collect(),
            members,
        }
    }

    fn person(&self, id: &str) -> Option<AccessPerson> {
        let row = self.users.get(id)?;
        Some(AccessPerson {
            user_name: row.owned("idc_user_name"),
            user_id: Some(id.to_owned()),
            email: row.owned("email"),
            user_status: row.owned("idc_status"),
        })
    }

    fn state(&self, account: &str) -> Option<&'a str> {
        let row = self.accounts.get(account)?;
        row.text("state").or_else(|| row.text("status"))
    }

    fn set_name(&self, arn: &'a str) -> String {
        (*self.sets.get(arn).unwrap_or(&arn)).to_owned()
    }
}

/// An assignment as it is stored.
struct Assignment<'a> {
    set: &'a str,
    account: &'a str,
    principal_type: &'a str,
    principal: &'a str,
    grant: Option<&'a str>,
}

impl<'a> Assignment<'a> {
    fn read(row: Row<'a>) -> Option<Self> {
        Some(Self {
            set: row.text("permission_set_arn")?,
            account: row.text("account_id")?,
            principal_type: row.text("principal_type")?,
            principal: row.text("principal_id")?,
            grant: row.text("hallpass_grant_id"),
        })
    }

    /// Who has it, and by which way. `None` where the principal is gone.
    fn holders(&self, directory: &Directory<'_>) -> Option<(String, Vec<AccessPerson>)> {
        if self.principal_type == "USER" {
            let person = directory.person(self.principal)?;
            return Some(("direct".to_owned(), vec![person]));
        }
        let name = directory.groups.get(self.principal)?;
        let members = directory.members.get(self.principal).into_iter().flatten();
        let members = members.filter_map(|id| directory.person(id));
        Some((format!("group:{name}"), members.collect()))
    }

    fn finding(&self, kind: AccessFindingKind, directory: &Directory<'a>) -> AccessFinding {
        AccessFinding {
            kind,
            account_id: self.account.to_owned(),
            permission_set: directory.set_name(self.set),
            principal_type: Some(self.principal_type.to_owned()),
            principal_id: Some(self.principal.to_owned()),
        }
    }

    fn wrong(&self, directory: &Directory<'a>) -> Vec<AccessFindingKind> {
        let mut kinds = Vec::new();
        match self.holders(directory) {
            None => kinds.push(AccessFindingKind::Orphaned),
            Some(_) if self.principal_type == "USER" && self.grant.is_none() => {
                kinds.push(AccessFindingKind::DirectUser);
            }
            Some(_) => {}
        }
        match directory.state(self.account) {
            Some("ACTIVE") => {}
            Some(_) => kinds.push(AccessFindingKind::SuspendedAccount),
            None => kinds.push(AccessFindingKind::UnknownAccount),
        }
        let mut members = directory.members.get(self.principal).into_iter().flatten();
        if members.any(|id| !directory.users.contains_key(id)) {
            kinds.push(AccessFindingKind::UnexpectedMember);
        }
        kinds
    }

    fn path(&self, directory: &Directory<'_>, grants: &[HoldingGrant]) -> AccessPath {
        let account = directory.accounts.get(self.account);
        let grant = self
            .grant
            .and_then(|id| grants.iter().find(|it| it.id == id));
        AccessPath {
            person: AccessPerson::default(),
            via: String::new(),
            principal_type: self.principal_type.to_owned(),
            principal_id: self.principal.to_owned(),
            account_id: self.account.to_owned(),
            account_name: account.and_then(|it| it.owned("name")),
            account_state: directory.state(self.account).map(str::to_owned),
            ou_path: account.and_then(|it| it.owned("ou_path")),
            permission_set: directory.sets.get(self.set).map(|it| (*it).to_owned()),
            permission_set_arn: self.set.to_owned(),
            latest: directory
                .provisioned
                .get(&(self.set, self.account))
                .copied()
                .flatten(),
            temporary: self.grant.is_some(),
            expires_at: grant.map(|it| it.expires_at),
            grant_id: self.grant.map(str::to_owned),
        }
    }
}

/// Who has what, where, by the tables of a snapshot and the grants that hold some of it.
pub fn who(rows: &BTreeMap<&'static str, Vec<TableRow>>, grants: &[HoldingGrant]) -> AccessReport {
    let directory = Directory::new(rows);
    let stored = Rows::of(rows, "aws_ssoadmin_account_assignments");
    let stored = stored.into_iter().flat_map(|it| it.iter());
    let assignments: Vec<Assignment<'_>> = stored.filter_map(Assignment::read).collect();
    let (mut paths, mut findings) = (Vec::new(), Vec::new());
    for assignment in &assignments {
        let wrong = assignment.wrong(&directory).into_iter();
        findings.extend(wrong.map(|kind| assignment.finding(kind, &directory)));
        let Some((via, mut people)) = assignment.holders(&directory) else {
            continue;
        };
        if people.is_empty() {
            people.push(AccessPerson::default());
        }
        paths.extend(people.into_iter().map(|person| AccessPath {
            person,
            via: via.clone(),
            ..assignment.path(&directory, grants)
        }));
    }
    let held: BTreeSet<_> = assignments.iter().map(|it| (it.set, it.account)).collect();
    for (&(set, account), latest) in &directory.provisioned {
        let unassigned =
            (!held.contains(&(set, account))).then_some(AccessFindingKind::ProvisionedUnassigned);
        let outdated = (*latest == Some(false)).then_some(AccessFindingKind::Outdated);
        findings.extend(
            [unassigned, outdated]
                .into_iter()
                .flatten()
                .map(|kind| AccessFinding {
                    kind,
                    account_id: account.to_owned(),
                    permission_set: directory.set_name(set),
                    principal_type: None,
                    principal_id: None,
                }),
        );
    }
    findings.sort();
    paths.sort_by(|a, b| order(a).cmp(&order(b)));
    AccessReport { paths, findings }
}

/// Paths without a person come last.
fn order(path: &AccessPath) -> impl Ord + '_ {
    let name = path.person.user_name.as_deref();
    (
        name.is_none(),
        name,
        &path.account_id,
        &path.permission_set,
        &path.via,
    )
}

/// One row for each person, account and set, whichever ways lead there. It is temporary when all of them
/// are. Groups without members are left out.
pub fn effective(paths: &[AccessPath]) -> Vec<AccessPath> {
    let mut folded: Vec<AccessPath> = Vec::new();
    for path in paths.iter().filter(|it| it.person.user_id.is_some()) {
        let same = |it: &&mut AccessPath| {
            it.person.user_id == path.person.user_id
                && it.account_id == path.account_id
                && it.permission_set_arn == path.permission_set_arn
        };
        // paths are sorted: those that belong together follow each other
        match folded.last_mut().filter(same) {
            None => folded.push(path.clone()),
            Some(before) => {
                before.via = format!("{};{}", before.via, path.via);
                if before.temporary && !path.temporary {
                    before.temporary = false;
                    before.expires_at = None;
                    before.grant_id = None;
                }
            }
        }
    }
    folded
}
