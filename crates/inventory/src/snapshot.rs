//! A snapshot: what was asked for, slice by slice, and what came of each.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};

use crate::cell::{Cell, TableRow};
use crate::table::InventoryTable;

/// The id of a snapshot: `YYYYMMDDTHHMMSSZ-xxxxxxxx`, when it began and eight hex digits
/// (`inventory.md` T-1). Ids sort by that instant.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct SnapshotId(String);

impl SnapshotId {
    /// The id of a snapshot that begins now. Ids stand in the order in which snapshots began: five of the eight
    /// hexadecimal digits are the microseconds of the second, and `random`, of which the lowest twelve bits count, tells
    /// it from others of the same microsecond.
    pub fn new(began: Timestamp, random: u32) -> Self {
        let microseconds = began.subsec_microsecond().unsigned_abs();
        let began = began.to_zoned(TimeZone::UTC);
        let began = began.strftime("%Y%m%dT%H%M%SZ");
        Self(format!("{began}-{microseconds:05x}{:03x}", random & 0xfff))
    }

    /// Its text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The day it began on, in UTC: `YYYY-MM-DD`.
    pub fn day(&self) -> String {
        let part = |from, to| self.0.get(from..to).unwrap_or_default();
        format!("{}-{}-{}", part(0, 4), part(4, 6), part(6, 8))
    }
}

impl FromStr for SnapshotId {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        const FORM: &str = "ddddddddTddddddZ-xxxxxxxx";
        let fits = |(byte, form): (u8, u8)| match form {
            b'd' => byte.is_ascii_digit(),
            b'x' => matches!(byte, b'0'..=b'9' | b'a'..=b'f'),
            form => byte == form,
        };
        if text.len() == FORM.len() && text.bytes().zip(FORM.bytes()).all(fits) {
            Ok(Self(text.to_owned()))
        } else {
            Err(format!("`{text}` is not the id of a snapshot"))
        }
    }
}

impl TryFrom<String> for SnapshotId {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<SnapshotId> for String {
    fn from(id: SnapshotId) -> Self {
        id.0
    }
}

impl fmt::Display for SnapshotId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What became of a snapshot. One that is still being written is nobody's to see.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SnapshotState {
    /// Every slice is there.
    Complete,
    /// Some slice failed.
    Partial,
    /// The accounts could not be listed, so nothing can be called complete.
    Failed,
}

impl SnapshotState {
    /// Its name in tables and manifests.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Complete => "complete",
            Self::Partial => "partial",
            Self::Failed => "failed",
        }
    }
}

/// The Region of slices that have none.
pub const GLOBAL: &str = "global";

/// Which slice: a table, of one account and Region where it has such (`inventory.md` T-2).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct SliceKey {
    /// The table.
    pub table: String,
    /// The account; `None` where the whole table is one slice.
    pub account: Option<String>,
    /// The Region, or `global`.
    pub region: String,
}

impl SliceKey {
    /// The whole of a table.
    pub fn whole(table: &str) -> Self {
        Self {
            table: table.to_owned(),
            account: None,
            region: GLOBAL.to_owned(),
        }
    }
}

/// Something that went wrong while a slice was collected.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SliceFailure {
    /// `assume_role` or `call`.
    pub stage: String,
    /// The operation that was called.
    pub operation: String,
    /// The code of the answer.
    pub code: String,
    /// What the answer said.
    pub message: String,
    /// The status of the answer, if there was one.
    pub http_status: Option<u16>,
    /// How often it was tried.
    pub attempts: u32,
    /// The id that the service gave the call.
    pub request_id: Option<String>,
}

/// What came of a slice. A slice is all there or not at all.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum SliceOutcome {
    /// It was read to its end. No row means that there are none.
    Ok {
        /// How many rows it has.
        row_count: u64,
    },
    /// It was not; nothing is known of it. A failure has at least one reason (`inventory.md` T-4).
    Failed {
        /// The first that went wrong.
        failure: SliceFailure,
        /// What went wrong besides.
        more: Vec<SliceFailure>,
    },
    /// It was not asked for on purpose, as of a suspended account (`inventory.md` T-10).
    Skipped {
        /// Why it was not collected.
        reason: String,
    },
    /// It failed, and has the rows of an earlier snapshot (`inventory.md` T-6).
    Carried {
        /// How many rows it has.
        row_count: u64,
        /// Whose they are.
        source_snapshot_id: SnapshotId,
    },
}

impl SliceOutcome {
    /// Its name in tables.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Ok { .. } => "ok",
            Self::Failed { .. } => "failed",
            Self::Skipped { .. } => "skipped",
            Self::Carried { .. } => "carried",
        }
    }

    /// How many rows it has.
    pub const fn row_count(&self) -> u64 {
        match self {
            Self::Ok { row_count } | Self::Carried { row_count, .. } => *row_count,
            Self::Failed { .. } | Self::Skipped { .. } => 0,
        }
    }

    /// What went wrong.
    pub fn failures(&self) -> impl Iterator<Item = &SliceFailure> {
        let (first, more) = match self {
            Self::Failed { failure, more } => (Some(failure), more.as_slice()),
            Self::Ok { .. } | Self::Skipped { .. } | Self::Carried { .. } => (None, [].as_slice()),
        };
        first.into_iter().chain(more)
    }
}

/// A slice that was asked for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Slice {
    /// The table, and the account where it is read by account.
    #[serde(flatten)]
    pub key: SliceKey,
    /// When it was begun.
    pub started: Timestamp,
    /// When it was over.
    pub finished: Option<Timestamp>,
    /// What came of it.
    #[serde(flatten)]
    pub outcome: SliceOutcome,
}

/// What is known of a snapshot beside its rows. A finished one never changes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SnapshotRecord {
    /// Its id.
    pub id: SnapshotId,
    /// When it was begun.
    pub started: Timestamp,
    /// When it was over.
    pub finished: Timestamp,
    /// The machine that made it.
    pub host: String,
    /// The version that made it.
    pub version: String,
    /// Every slice that was asked for, once (`inventory.md` T-3).
    pub slices: Vec<Slice>,
}

impl SnapshotRecord {
    /// What became of it.
    pub fn state(&self) -> SnapshotState {
        let mut failed = self
            .slices
            .iter()
            .filter(|it| matches!(it.outcome, SliceOutcome::Failed { .. }))
            .peekable();
        if failed.peek().is_none() {
            SnapshotState::Complete
        } else if failed.any(|it| it.key.table == "aws_organizations_accounts") {
            SnapshotState::Failed
        } else {
            SnapshotState::Partial
        }
    }

    /// The slices of a table.
    pub fn slices_of<'a>(&'a self, table: &'a str) -> impl Iterator<Item = &'a Slice> {
        self.slices.iter().filter(move |it| it.key.table == table)
    }
}

/// A snapshot with its rows, by table.
#[derive(Clone, Debug, PartialEq)]
pub struct Snapshot {
    /// What is known of it.
    pub record: SnapshotRecord,
    /// The rows of each table that was collected, even if there are none.
    pub rows: BTreeMap<&'static str, Vec<TableRow>>,
}

impl Snapshot {
    /// The rows of a slice.
    pub fn rows_of(&self, table: &InventoryTable, slice: &SliceKey) -> Vec<&TableRow> {
        let rows = self.rows.get(table.name).into_iter().flatten();
        rows.filter(|row| is_of(table, row, slice)).collect()
    }
}

/// Whether a row belongs to a slice.
pub(crate) fn is_of(table: &InventoryTable, row: &TableRow, slice: &SliceKey) -> bool {
    let value = |column: Option<&str>| {
        let (index, _) = table.column(column?)?;
        row.get(index).and_then(Cell::as_text)
    };
    let (account, region) = (value(table.slice.account), value(table.slice.region));
    let is_its = slice.account.as_deref() == account && slice.region == region.unwrap_or(GLOBAL);
    let is_whole = slice.account.is_none() && slice.region == GLOBAL;
    is_its || is_whole
}
