//! Compares a completed review file (`inventory.md` W-7) with a snapshot: removed assignments and
//! memberships, and their side effects.
//!
//! Only ids and decisions count; names in the file are informational.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt;

use serde::{Deserialize, Serialize};

use super::changes::{PersonAccessChange, access_changes};
use super::csv::{CsvRecord, records};
use super::graph::{AccessGraph, AssignmentHolder, GraphAssignment, GraphRoleKind};
use super::snapshot::{AccessSnapshot, UnreadAccessTable};

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(tag = "remove", rename_all = "snake_case")]
pub enum ReviewRemoval {
    Assignment {
        user_id: String,
        permission_set_arn: String,
        account_id: String,
    },
    /// Removes all access of the group.
    Membership { user_id: String, group_id: String },
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReviewedRemoval {
    #[serde(flatten)]
    pub removal: ReviewRemoval,
    pub lines: Vec<usize>,
    /// From the first line.
    pub reason: String,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AccessReview {
    pub removals: Vec<ReviewedRemoval>,
    pub kept: usize,
    pub undecided: usize,
    /// Lines of removals already missing in the snapshot.
    pub gone: Vec<usize>,
    /// Person, account, permission set.
    rows: BTreeSet<(String, String, String)>,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ReviewProblem {
    /// From 1; `None` if the snapshot is unusable.
    pub line: Option<usize>,
    pub message: String,
}

impl fmt::Display for ReviewProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(line) = self.line {
            write!(f, "line {line}: ")?;
        }
        f.write_str(&self.message)
    }
}

/// `reason` and `role_arn` are optional.
const COLUMNS: [&str; 6] = [
    "user_id",
    "principal_type",
    "principal_id",
    "account_id",
    "permission_set_arn",
    "decision",
];
/// The role of an entitlement, instead of a permission set.
const ROLE: &str = "role_arn";
const REASON: &str = "reason";
/// Prefix of permission sets that AWS services own and assign.
const OWNED_BY_AWS: &str = "AWS";

#[derive(Clone, Copy, PartialEq, Eq)]
enum ReviewDecision {
    Keep,
    Remove,
    Open,
}

impl ReviewDecision {
    fn parse(text: &str) -> Result<Self, String> {
        match text.trim().to_ascii_lowercase().as_str() {
            "keep" => Ok(Self::Keep),
            "remove" => Ok(Self::Remove),
            "" => Ok(Self::Open),
            _ => Err(format!(
                "`{text}` is no decision: `keep`, `remove`, or nothing"
            )),
        }
    }
}

struct ReviewRow<'a> {
    line: usize,
    user: &'a str,
    principal_type: &'a str,
    principal: &'a str,
    account: &'a str,
    set: &'a str,
    kind: GraphRoleKind,
    decision: ReviewDecision,
    reason: &'a str,
}

impl<'a> ReviewRow<'a> {
    fn read(columns: &HashMap<&str, usize>, record: &'a CsvRecord) -> Result<Self, String> {
        let cell = |name: &str| {
            let cell = columns.get(name).and_then(|it| record.cells.get(*it));
            cell.map_or("", |it| it.trim())
        };
        let (set, kind) = match cell("permission_set_arn") {
            "" => (cell(ROLE), GraphRoleKind::Entitled),
            set => (set, GraphRoleKind::PermissionSet),
        };
        let row = Self {
            line: record.line,
            user: cell("user_id"),
            principal_type: cell("principal_type"),
            principal: cell("principal_id"),
            account: cell("account_id"),
            set,
            kind,
            decision: ReviewDecision::parse(cell("decision"))?,
            reason: cell(REASON),
        };
        let is_account = row.account.len() == 12 && row.account.bytes().all(|b| b.is_ascii_digit());
        if !is_account {
            return Err(format!(
                "`{}` is no account's id; a spreadsheet may have taken it for a number",
                row.account
            ));
        }
        if !matches!(row.principal_type, "USER" | "GROUP") {
            return Err(format!(
                "`{}` is no type of a principal: `USER` or `GROUP`",
                row.principal_type
            ));
        }
        let is_direct = row.principal_type == "USER";
        if row.decision != ReviewDecision::Open && is_direct && row.user != row.principal {
            return Err("`user_id` and `principal_id` of a direct assignment differ".to_owned());
        }
        if row.decision == ReviewDecision::Remove && row.user.is_empty() {
            return Err("the group has no members: there is no user to take it from".to_owned());
        }
        Ok(row)
    }

    fn removal(&self) -> ReviewRemoval {
        let user_id = self.user.to_owned();
        if self.principal_type == "USER" {
            ReviewRemoval::Assignment {
                user_id,
                permission_set_arn: self.set.to_owned(),
                account_id: self.account.to_owned(),
            }
        } else {
            ReviewRemoval::Membership {
                user_id,
                group_id: self.principal.to_owned(),
            }
        }
    }
}

struct Standing<'a> {
    graph: &'a AccessGraph,
    assignments: HashMap<(&'a str, &'a str, &'a str), &'a GraphAssignment>,
}

impl<'a> Standing<'a> {
    fn new(graph: &'a AccessGraph) -> Self {
        let assignments = graph.assignments.iter().filter_map(|it| {
            let account = graph.accounts.get(it.account)?.id.as_str();
            let set = graph.roles.get(it.role)?.arn.as_str();
            let (_, principal) = graph.principal(&it.holder)?;
            Some(((principal, account, set), it))
        });
        Self {
            graph,
            assignments: assignments.collect(),
        }
    }

    /// Finds the assignment only if the person has it by the row's path.
    fn find(&self, row: &ReviewRow<'_>) -> Option<&'a GraphAssignment> {
        let key = (row.principal, row.account, row.set);
        let it = *self.assignments.get(&key)?;
        let people = self.graph.people_of(&it.holder).iter();
        let mut ids = people.filter_map(|it| self.graph.people.get(*it)?.user_id.as_deref());
        let is_kind = match it.holder {
            AssignmentHolder::Person(_) => row.principal_type == "USER",
            AssignmentHolder::Group(_) => row.principal_type == "GROUP",
            AssignmentHolder::Gone(..) => false,
        };
        (is_kind && ids.any(|id| id == row.user)).then_some(it)
    }

    fn refusal(&self, it: &GraphAssignment) -> Option<String> {
        if let Some(grant) = &it.grant {
            return Some(format!(
                "it is temporary and Hallpass ends it (grant {}); `hallpass revoke` ends it now",
                grant.id
            ));
        }
        let role = self.graph.roles.get(it.role)?;
        let name = role.shown();
        let is_direct = matches!(it.holder, AssignmentHolder::Person(_));
        if is_direct && role.kind == GraphRoleKind::Entitled {
            return Some(format!(
                "role `{name}` is given by an entitlement, which Hallpass does not take away; \
                 `aws account-access delete-entitlement` does"
            ));
        }
        (is_direct && name.starts_with(OWNED_BY_AWS)).then(|| {
            format!(
                "permission set `{name}` is one of AWS's own: the service that made it assigns it"
            )
        })
    }
}

/// Reads a review and compares it with a snapshot.
///
/// # Errors
/// All problems by line.
pub fn read_review(
    text: &str,
    snapshot: &AccessSnapshot,
) -> Result<AccessReview, Vec<ReviewProblem>> {
    let unread: Vec<ReviewProblem> = snapshot.unreviewable().map(unusable).collect();
    if !unread.is_empty() {
        return Err(unread);
    }
    let problem = |line: usize, message: String| ReviewProblem {
        line: Some(line),
        message,
    };
    let records =
        records(text).map_err(|line| vec![problem(line, "a quote is never closed".to_owned())])?;
    let Some((header, body)) = records.split_first() else {
        return Err(vec![problem(1, "the file is empty".to_owned())]);
    };
    let columns = header.cells.iter().map(|it| it.trim()).zip(0..);
    let columns: HashMap<&str, usize> = columns.collect();
    let missing: Vec<&str> = COLUMNS
        .into_iter()
        .filter(|it| !columns.contains_key(it))
        .collect();
    if !missing.is_empty() {
        let message = format!("there is no column `{}`", missing.join("`, `"));
        return Err(vec![problem(header.line, message)]);
    }
    let (mut problems, mut rows) = (Vec::new(), Vec::new());
    for record in body {
        match ReviewRow::read(&columns, record) {
            Ok(row) => rows.push(row),
            Err(message) => problems.push(problem(record.line, message)),
        }
    }
    let standing = Standing::new(&snapshot.graph);
    let mut review = AccessReview::default();
    let mut removals: BTreeMap<ReviewRemoval, ReviewedRemoval> = BTreeMap::new();
    for row in &rows {
        match (row.decision, standing.find(row)) {
            (ReviewDecision::Keep, _) => review.kept += 1,
            (ReviewDecision::Open, _) => review.undecided += 1,
            (ReviewDecision::Remove, None) if !snapshot.knows_assignments(row.kind) => {
                let message =
                    "whether it is still there is not known: the snapshot has not all entitlements";
                problems.push(problem(row.line, message.to_owned()));
            }
            (ReviewDecision::Remove, None) => review.gone.push(row.line),
            (ReviewDecision::Remove, Some(it)) => {
                if let Some(message) = standing.refusal(it) {
                    problems.push(problem(row.line, message));
                    continue;
                }
                let ids = [row.user, row.account, row.set].map(str::to_owned);
                review.rows.insert(ids.into());
                take(&mut removals, row);
            }
        }
    }
    problems.extend(contradictions(&rows, &removals));
    if problems.is_empty() {
        review.removals = removals.into_values().collect();
        return Ok(review);
    }
    problems.sort();
    Err(problems)
}

/// Refuses an incomplete snapshot: unread data would count as removed.
fn unusable(unread: &UnreadAccessTable) -> ReviewProblem {
    let UnreadAccessTable { table, why } = unread;
    ReviewProblem {
        line: None,
        message: format!(
            "the newest snapshot has not all of `{table}` ({why}): what goes, and what goes with it, is not known; \
             `hallpass sync` makes another"
        ),
    }
}

fn take(removals: &mut BTreeMap<ReviewRemoval, ReviewedRemoval>, row: &ReviewRow<'_>) {
    let removal = row.removal();
    let entry = removals.entry(removal.clone());
    let reviewed = entry.or_insert_with(|| ReviewedRemoval {
        removal,
        lines: Vec::new(),
        reason: row.reason.to_owned(),
    });
    reviewed.lines.push(row.line);
}

/// Kept rows that another row's removal would also remove.
fn contradictions(
    rows: &[ReviewRow<'_>],
    removals: &BTreeMap<ReviewRemoval, ReviewedRemoval>,
) -> Vec<ReviewProblem> {
    let kept = rows.iter().filter(|it| it.decision == ReviewDecision::Keep);
    let contradiction = |row: &ReviewRow<'_>| {
        let removal = removals.get(&row.removal())?;
        let line = removal.lines.first()?;
        let what = match &removal.removal {
            ReviewRemoval::Assignment { .. } => "the same assignment",
            ReviewRemoval::Membership { .. } => {
                "the person's membership of the group, with all that the group gives"
            }
        };
        Some(ReviewProblem {
            line: Some(row.line),
            message: format!("it is to be kept, and line {line} removes {what}"),
        })
    };
    kept.filter_map(contradiction).collect()
}

impl AccessReview {
    /// All access that people lose, reviewed or not.
    pub fn losses(&self, snapshot: &AccessSnapshot) -> Vec<PersonAccessChange> {
        access_changes(snapshot, &self.applied_to(snapshot)).changes
    }

    /// Losses without a row, as side effects of memberships.
    pub fn besides(&self, losses: Vec<PersonAccessChange>) -> Vec<PersonAccessChange> {
        let is_besides = |it: &PersonAccessChange| {
            let user = it.person.user_id.clone().unwrap_or_default();
            let row = (user, it.account_id.clone(), it.role.arn().to_owned());
            !self.rows.contains(&row)
        };
        losses.into_iter().filter(is_besides).collect()
    }

    fn applied_to(&self, snapshot: &AccessSnapshot) -> AccessSnapshot {
        let removed: BTreeSet<&ReviewRemoval> =
            self.removals.iter().map(|it| &it.removal).collect();
        let mut after = snapshot.clone();
        let AccessGraph {
            accounts,
            roles,
            people,
            groups,
            assignments,
            ..
        } = &mut after.graph;
        let user = |place: usize| people.get(place)?.user_id.clone();
        assignments.retain(|it| {
            let AssignmentHolder::Person(person) = it.holder else {
                return true;
            };
            let role = roles.get(it.role);
            let removal = user(person).zip(role).zip(accounts.get(it.account));
            removal.is_none_or(|((user_id, role), account)| {
                !removed.contains(&ReviewRemoval::Assignment {
                    user_id,
                    permission_set_arn: role.arn.clone(),
                    account_id: account.id.clone(),
                })
            })
        });
        for group in groups {
            let group_id = &group.id;
            group.members.retain(|place| {
                user(*place).is_none_or(|user_id| {
                    !removed.contains(&ReviewRemoval::Membership {
                        user_id,
                        group_id: group_id.clone(),
                    })
                })
            });
        }
        after
    }
}
