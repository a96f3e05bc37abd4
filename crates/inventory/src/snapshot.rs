//! A snapshot and the outcome of each slice.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};

use crate::cell::{Cell, TableRow};
use crate::table::InventoryTable;

/// `YYYYMMDDTHHMMSSZ-xxxxxxxx`: start time and eight hex digits (`inventory.md` T-1). Ids sort by
/// start time.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct SnapshotId(String);

impl SnapshotId {
    /// Creates an id that sorts by start time: five of the eight hex digits are the microseconds of
    /// the second; the lowest twelve bits of `random` make it unique.
    pub fn new(began: Timestamp, random: u32) -> Self {
        let microseconds = began.subsec_microsecond().unsigned_abs();
        let began = began.to_zoned(TimeZone::UTC);
        let began = began.strftime("%Y%m%dT%H%M%SZ");
        Self(format!("{began}-{microseconds:05x}{:03x}", random & 0xfff))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The start day in UTC: `YYYY-MM-DD`.
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

/// A snapshot is visible only when finished.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SnapshotState {
    Complete,
    Partial,
    /// The accounts could not be listed, so completeness is unknown.
    Failed,
}

impl SnapshotState {
    pub const fn name(self) -> &'static str {
        match self {
            Self::Complete => "complete",
            Self::Partial => "partial",
            Self::Failed => "failed",
        }
    }
}

pub const GLOBAL: &str = "global";

/// A table, of one account and Region if the table has them (`inventory.md` T-2).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct SliceKey {
    pub table: String,
    /// `None` if the whole table is one slice.
    pub account: Option<String>,
    /// The Region, or `global`.
    pub region: String,
}

impl SliceKey {
    pub fn whole(table: &str) -> Self {
        Self {
            table: table.to_owned(),
            account: None,
            region: GLOBAL.to_owned(),
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SliceFailure {
    /// `assume_role` or `call`.
    pub stage: String,
    pub operation: String,
    pub code: String,
    pub message: String,
    pub http_status: Option<u16>,
    pub attempts: u32,
    pub request_id: Option<String>,
}

/// A slice is complete or missing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum SliceOutcome {
    /// Complete, even with no rows.
    Ok { row_count: u64 },
    /// Unknown content; at least one reason (`inventory.md` T-4).
    Failed {
        failure: SliceFailure,
        more: Vec<SliceFailure>,
    },
    /// Skipped on purpose, such as a suspended account (`inventory.md` T-10).
    Skipped { reason: String },
    /// Failed, with rows of an earlier snapshot (`inventory.md` T-6).
    Carried {
        row_count: u64,
        source_snapshot_id: SnapshotId,
    },
}

impl SliceOutcome {
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Ok { .. } => "ok",
            Self::Failed { .. } => "failed",
            Self::Skipped { .. } => "skipped",
            Self::Carried { .. } => "carried",
        }
    }

    pub const fn row_count(&self) -> u64 {
        match self {
            Self::Ok { row_count } | Self::Carried { row_count, .. } => *row_count,
            Self::Failed { .. } | Self::Skipped { .. } => 0,
        }
    }

    pub fn failures(&self) -> impl Iterator<Item = &SliceFailure> {
        let (first, more) = match self {
            Self::Failed { failure, more } => (Some(failure), more.as_slice()),
            Self::Ok { .. } | Self::Skipped { .. } | Self::Carried { .. } => (None, [].as_slice()),
        };
        first.into_iter().chain(more)
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Slice {
    #[serde(flatten)]
    pub key: SliceKey,
    pub started: Timestamp,
    pub finished: Option<Timestamp>,
    #[serde(flatten)]
    pub outcome: SliceOutcome,
}

/// Metadata of a snapshot. Immutable once finished.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SnapshotRecord {
    pub id: SnapshotId,
    pub started: Timestamp,
    pub finished: Timestamp,
    pub host: String,
    pub version: String,
    /// Every requested slice, once (`inventory.md` T-3).
    pub slices: Vec<Slice>,
}

impl SnapshotRecord {
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

    pub fn slices_of<'a>(&'a self, table: &'a str) -> impl Iterator<Item = &'a Slice> {
        self.slices.iter().filter(move |it| it.key.table == table)
    }
}

#[derive(Clone, Debug, PartialEq)]
pub struct Snapshot {
    pub record: SnapshotRecord,
    /// Collected tables, including empty ones.
    pub rows: BTreeMap<&'static str, Vec<TableRow>>,
}

impl Snapshot {
    pub fn rows_of(&self, table: &InventoryTable, slice: &SliceKey) -> Vec<&TableRow> {
        let rows = self.rows.get(table.name).into_iter().flatten();
        rows.filter(|row| is_of(table, row, slice)).collect()
    }
}

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
