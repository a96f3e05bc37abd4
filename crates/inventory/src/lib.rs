//! The inventory of an AWS organization as tables: schema, snapshot rows, collection results, and
//! differences.
//!
//! Pure: no files, no clock, no AWS. `hallpass-query` stores and queries snapshots.

mod sync_group;
mod table;
mod tables;

mod cell;
mod snapshot;

mod coverage;
mod diff;
mod import;
mod who;

#[cfg(test)]
mod fuzz;

pub use cell::{Cell, TableRow};
pub use coverage::{FailureGroup, TableCoverage, carried_from, coverage_of};
pub use diff::{TableChanges, diff};
pub use import::{ImportError, ImportProblem, Imported, document_of, export, import, read_row};
pub use snapshot::{
    GLOBAL, Slice, SliceFailure, SliceKey, SliceOutcome, Snapshot, SnapshotId, SnapshotRecord,
    SnapshotState,
};
pub use sync_group::SyncGroup;
pub use table::{
    AnswerMember, AnswerRows, AskedFrom, ColumnMembers, ColumnType, InventoryColumn,
    InventoryTable, RowSource, key_id, nearest,
};
pub use tables::{META, TABLES, table};
pub use who::{
    AccessChangeReason, AccessComparison, AccessFinding, AccessFindingKind, AccessGraph,
    AccessPath, AccessPerson, AccessReasonKind, AccessReport, AccessReview, AccessSnapshot,
    AssignmentHolder, GivenRole, GraphAccount, GraphAssignment, GraphGrant, GraphGroup, GraphRole,
    GraphRoleKind, HoldingGrant, OutsideAccess, OutsideState, PersonAccessChange,
    PersonAccessChangeKind, ReviewProblem, ReviewRemoval, ReviewedRemoval, UnreadAccessTable,
    access_changes, effective, group_of_way, read_review, who,
};
pub mod addresses;
pub mod collect;
