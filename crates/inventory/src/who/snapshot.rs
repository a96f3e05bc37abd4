//! What a snapshot says of access, with what it does not know of it: small enough to lie beside the
//! tables, and read by who has no engine for these.

use std::collections::BTreeSet;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::HoldingGrant;
use super::graph::{AccessGraph, GraphRoleKind};
use crate::coverage::{TableCoverage, coverage_of};
use crate::snapshot::{SliceOutcome, Snapshot, SnapshotId, SnapshotRecord};

/// What assignments, and the people who have them, are read from.
const BASE: [&str; 3] = [
    "aws_organizations_accounts",
    "aws_ssoadmin_account_assignments",
    "aws_identitystore_users",
];
/// What ways over groups are read from.
const GROUPS: [&str; 2] = [
    "aws_identitystore_groups",
    "aws_identitystore_group_memberships",
];
/// What permission sets there are.
const SETS: &str = "aws_ssoadmin_permission_sets";
/// What entitlements are read from.
const ENTITLEMENTS: &str = "aws_account_access_entitlements";
/// What only findings are read from.
const PROVISIONED: &str = "aws_ssoadmin_provisioned";

/// A table that was not read to its end.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct UnreadAccessTable {
    /// Its name.
    pub table: String,
    /// Why: `never collected`, `carried over from ID`, or the code of the answer.
    pub why: String,
}

/// What a snapshot says of access.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccessSnapshot {
    /// The snapshot.
    pub id: SnapshotId,
    /// When it was over.
    pub finished: Timestamp,
    /// Tables that it has not to their ends.
    pub unread: Vec<UnreadAccessTable>,
    /// Whether it was asked for entitlements of account access manager, too.
    // files of before entitlements do not say
    #[serde(default)]
    pub has_entitlements: bool,
    /// Who can reach what.
    pub graph: AccessGraph,
}

impl AccessSnapshot {
    /// The tables that it is made of.
    pub const TABLES: [&'static str; 8] = [
        BASE[0],
        BASE[1],
        BASE[2],
        GROUPS[0],
        GROUPS[1],
        SETS,
        PROVISIONED,
        ENTITLEMENTS,
    ];

    /// The columns of one of these tables that it is made of: policies of sets and the like are not among them, and need
    /// not be read. None for another table.
    pub fn columns(table: &str) -> &'static [&'static str] {
        match table {
            "aws_organizations_accounts" => &["id", "name", "state", "status", "ou_path"],
            "aws_ssoadmin_account_assignments" => &[
                "permission_set_arn",
                "account_id",
                "principal_type",
                "principal_id",
                "hallpass_grant_id",
            ],
            "aws_identitystore_users" => &["user_id", "idc_user_name", "email", "idc_status"],
            "aws_identitystore_groups" => &["group_id", "display_name"],
            "aws_identitystore_group_memberships" => &["group_id", "member_user_id"],
            "aws_ssoadmin_permission_sets" => &["permission_set_arn", "permission_set_name"],
            "aws_ssoadmin_provisioned" => &["permission_set_arn", "account_id", "latest"],
            "aws_account_access_entitlements" => {
                &["role_arn", "account_id", "principal_type", "principal_id"]
            }
            _ => &[],
        }
    }

    /// What a snapshot says of access, with the grants that hold some of it.
    pub fn new(snapshot: &Snapshot, grants: &[HoldingGrant]) -> Self {
        let record = &snapshot.record;
        let has_entitlements =
            !matches!(coverage_of(record, ENTITLEMENTS), TableCoverage::NotSynced);
        let tables = Self::TABLES.into_iter();
        let tables = tables.filter(|it| has_entitlements || *it != ENTITLEMENTS);
        let mut unread: Vec<UnreadAccessTable> =
            tables.filter_map(|table| unread(record, table)).collect();
        let graph = AccessGraph::new(&snapshot.rows, grants);
        let is_whole = unread.iter().all(|it| it.table != ENTITLEMENTS);
        if is_whole && graph.has_unasked(record, ENTITLEMENTS) {
            unread.push(UnreadAccessTable {
                table: ENTITLEMENTS.to_owned(),
                why: "not asked for in every account".to_owned(),
            });
        }
        Self {
            id: record.id.clone(),
            finished: record.finished,
            unread,
            has_entitlements,
            graph,
        }
    }

    /// Whether it has a table to its end.
    pub(super) fn has(&self, table: &str) -> bool {
        self.unread.iter().all(|it| it.table != table)
    }

    /// The tables that gaining and losing are told by, as far as they are not there to their ends.
    pub(super) fn uncompared(&self) -> impl Iterator<Item = &UnreadAccessTable> {
        self.unread.iter().filter(|it| it.table != PROVISIONED)
    }

    /// The tables without which nobody can say what taking something away comes to, as far as they are not there to
    /// their ends: what is not seen in them may stand, and go with it.
    pub(super) fn unreviewable(&self) -> impl Iterator<Item = &UnreadAccessTable> {
        let unread = self.unread.iter();
        unread.filter(|it| it.table != PROVISIONED && it.table != ENTITLEMENTS)
    }

    /// Whether it is known who is assigned sets, or entitled to roles.
    pub(super) fn knows_assignments(&self, kind: GraphRoleKind) -> bool {
        let [accounts, assignments, users] = BASE;
        let is_given = match kind {
            GraphRoleKind::PermissionSet => self.has(assignments),
            GraphRoleKind::Entitled => self.has_entitlements && self.has(ENTITLEMENTS),
        };
        is_given && self.has(accounts) && self.has(users)
    }

    /// Whether ways over groups are known.
    pub(super) fn knows_groups(&self) -> bool {
        GROUPS.iter().all(|it| self.has(it))
    }

    /// Whether it is known which permission sets there are.
    pub(super) fn knows_permission_sets(&self) -> bool {
        self.has(SETS)
    }
}

impl AccessGraph {
    /// Whether a table that is read by account was not asked for in some active one, as in a sync of a few accounts:
    /// nothing is known of it there.
    pub fn has_unasked(&self, record: &SnapshotRecord, table: &str) -> bool {
        let slices = record.slices_of(table);
        let asked: BTreeSet<Option<&str>> = slices.map(|it| it.key.account.as_deref()).collect();
        let mut active = self.accounts.iter().filter(|it| it.is_active());
        let is_by_account = !asked.is_empty() && !asked.contains(&None);
        is_by_account && active.any(|it| !asked.contains(&Some(it.id.as_str())))
    }
}

fn unread(record: &SnapshotRecord, table: &str) -> Option<UnreadAccessTable> {
    let why = match coverage_of(record, table) {
        TableCoverage::NotSynced => "never collected".to_owned(),
        TableCoverage::Partial(groups) => {
            let codes = groups.iter().map(|it| it.code.as_str());
            codes.collect::<Vec<_>>().join(", ")
        }
        TableCoverage::Complete => record.slices_of(table).find_map(|it| match &it.outcome {
            SliceOutcome::Carried {
                source_snapshot_id, ..
            } => Some(format!("carried over from {source_snapshot_id}")),
            SliceOutcome::Ok { .. }
            | SliceOutcome::Failed { .. }
            | SliceOutcome::Skipped { .. } => None,
        })?,
    };
    Some(UnreadAccessTable {
        table: table.to_owned(),
        why,
    })
}
