//! Access data of a snapshot and its gaps: small enough to store next to the tables, readable
//! without a query engine.

use std::collections::BTreeSet;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::HoldingGrant;
use super::graph::{AccessGraph, GraphRoleKind};
use crate::coverage::{TableCoverage, coverage_of};
use crate::snapshot::{SliceOutcome, Snapshot, SnapshotId, SnapshotRecord};

const BASE: [&str; 3] = [
    "aws_organizations_accounts",
    "aws_ssoadmin_account_assignments",
    "aws_identitystore_users",
];
const GROUPS: [&str; 2] = [
    "aws_identitystore_groups",
    "aws_identitystore_group_memberships",
];
const SETS: &str = "aws_ssoadmin_permission_sets";
const ENTITLEMENTS: &str = "aws_account_access_entitlements";
/// Used only for findings.
const PROVISIONED: &str = "aws_ssoadmin_provisioned";

/// An incomplete table.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct UnreadAccessTable {
    pub table: String,
    pub why: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccessSnapshot {
    pub id: SnapshotId,
    pub finished: Timestamp,
    pub unread: Vec<UnreadAccessTable>,
    #[serde(default)]
    pub has_entitlements: bool,
    pub graph: AccessGraph,
}

impl AccessSnapshot {
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

    /// The required columns of these tables; large ones such as policies are excluded. Empty for
    /// another table.
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
                why: "not requested in every account".to_owned(),
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

    pub(super) fn has(&self, table: &str) -> bool {
        self.unread.iter().all(|it| it.table != table)
    }

    /// Incomplete tables needed for access changes.
    pub(super) fn uncompared(&self) -> impl Iterator<Item = &UnreadAccessTable> {
        self.unread.iter().filter(|it| it.table != PROVISIONED)
    }

    /// Incomplete tables needed for reviews: unread rows could be removed as a side effect.
    pub(super) fn unreviewable(&self) -> impl Iterator<Item = &UnreadAccessTable> {
        let unread = self.unread.iter();
        unread.filter(|it| it.table != PROVISIONED && it.table != ENTITLEMENTS)
    }

    pub(super) fn knows_assignments(&self, kind: GraphRoleKind) -> bool {
        let [accounts, assignments, users] = BASE;
        let is_given = match kind {
            GraphRoleKind::PermissionSet => self.has(assignments),
            GraphRoleKind::Entitled => self.has_entitlements && self.has(ENTITLEMENTS),
        };
        is_given && self.has(accounts) && self.has(users)
    }

    pub(super) fn knows_groups(&self) -> bool {
        GROUPS.iter().all(|it| self.has(it))
    }

    pub(super) fn knows_permission_sets(&self) -> bool {
        self.has(SETS)
    }
}

impl AccessGraph {
    /// True if a table was skipped in an active account, as in a partial sync.
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
