//! The CSV (`organization.md` V-1): read with columns in any order, written with results in the
//! last three.

use std::collections::BTreeMap;

use hallpass_base::text::{self, NotText};
use hallpass_iam::BadInput;
use serde::{Deserialize, Serialize};

use super::cells::{CsvPlace, CsvRecord, records, unusable};
use super::status::RowResult;

pub(crate) const ACCOUNT_NAME: &str = "AccountName";
pub(crate) const SSO_EMAIL: &str = "SSOUserEmail";
pub(crate) const ACCOUNT_EMAIL: &str = "AccountEmail";
pub(crate) const FIRST_NAME: &str = "SSOUserFirstName";
pub(crate) const LAST_NAME: &str = "SSOUserLastName";
pub(crate) const ORG_UNIT: &str = "OrgUnit";
/// A group with access, instead of the command's groups.
pub(crate) const ASSIGN_GROUP: &str = "AssignGroup";
/// Permission set of that group.
pub(crate) const PERMISSION_SET: &str = "PermissionSet";
/// `k=v;k2=v2`.
pub(crate) const TAGS: &str = "Tags";

/// Notified of the row's result.
pub(crate) const MANAGER_EMAIL: &str = "ManagerEmail";

/// Prefix of Account Factory's product names; the account's name follows.
pub(crate) const PRODUCT_PREFIX: &str = "AccountLaunch-";

const STATUS: &str = "Status";
const ACCOUNT_ID: &str = "AccountId";
const ERROR: &str = "ErrorMsg";
/// Aliases of the last column: the first is in AWS's published sample.
const ERROR_ALIASES: [&str; 2] = ["ErrroMsg", "Message"];

const REQUIRED: [&str; 6] = [
    ACCOUNT_NAME,
    SSO_EMAIL,
    ACCOUNT_EMAIL,
    FIRST_NAME,
    LAST_NAME,
    ORG_UNIT,
];
/// Result columns, appended in this order if missing.
const OURS: [&str; 3] = [STATUS, ACCOUNT_ID, ERROR];

/// More rows than the default account quota.
const ROWS_MAX: usize = 10_000;

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct AccountsFile {
    columns: Vec<String>,
    rows: Vec<Vec<String>>,
    /// Values of empty cells; written back empty.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    defaults: BTreeMap<String, String>,
    /// Cell positions; only after reading.
    #[serde(skip)]
    places: Vec<Vec<CsvPlace>>,
}

#[derive(Clone, Copy, Debug)]
pub struct VendingRow<'a> {
    /// The header is 1.
    pub number: usize,
    columns: &'a [String],
    cells: &'a [String],
    defaults: &'a BTreeMap<String, String>,
}

impl<'a> VendingRow<'a> {
    /// The cell, or the column's default if empty; empty for a missing column.
    pub fn cell(&self, column: &str) -> &'a str {
        let at = self.columns.iter().position(|name| name == column);
        match at.and_then(|at| self.cells.get(at)) {
            Some(cell) if !cell.trim().is_empty() => cell,
            other => {
                let default = self.defaults.get(column);
                default.or(other).map_or("", |it| it)
            }
        }
    }

    pub fn status(&self) -> &'a str {
        self.cell(STATUS)
    }

    pub fn account_id(&self) -> &'a str {
        self.cell(ACCOUNT_ID)
    }
}

/// Ignores cell positions.
impl PartialEq for AccountsFile {
    fn eq(&self, other: &Self) -> bool {
        (&self.columns, &self.rows, &self.defaults)
            == (&other.columns, &other.rows, &other.defaults)
    }
}

impl Eq for AccountsFile {}

impl AccountsFile {
    /// Reads a list completely.
    ///
    /// # Errors
    /// No CSV, a missing or duplicate column, or a row with too many cells; with line and column.
    pub fn read(bytes: &[u8]) -> Result<Self, BadInput> {
        let text = text::decoded(bytes).map_err(|error| not_text(bytes, error))?;
        let mut all = records(text)?.into_iter();
        let Some(header) = all.next() else {
            let message = "the file is empty: the first row names the columns";
            return Err(BadInput::new("E_CSV", message, ""));
        };
        let columns = columns(&header)?;
        let (mut rows, mut places) = (Vec::new(), Vec::new());
        for record in all {
            if record.cells.len() > header.cells.len() {
                let message = format!(
                    "row {} has {} cells, and there are {} columns: a comma inside a cell needs quotes",
                    rows.len() + 2,
                    record.cells.len(),
                    header.cells.len()
                );
                return Err(unusable(record.place(header.cells.len()), message));
            }
            if rows.len() == ROWS_MAX {
                let message = format!("the file has more than {ROWS_MAX} rows");
                return Err(unusable(record.place(0), message));
            }
            let mut cells = record.cells;
            cells.resize(columns.len(), String::new());
            rows.push(cells);
            places.push(record.places);
        }
        Ok(Self {
            columns,
            rows,
            places,
            defaults: BTreeMap::new(),
        })
    }

    pub fn place(&self, row: usize, column: &str) -> Option<CsvPlace> {
        let places = self.places.get(row.checked_sub(2)?)?;
        let at = self.columns.iter().position(|name| name == column);
        let cell = at.and_then(|at| places.get(at)).or(places.first());
        cell.copied()
    }

    #[must_use]
    pub fn with_defaults(self, defaults: BTreeMap<String, String>) -> Self {
        Self { defaults, ..self }
    }

    pub fn rows(&self) -> impl Iterator<Item = VendingRow<'_>> {
        let rows = (2..).zip(&self.rows);
        rows.map(|(number, cells)| VendingRow {
            number,
            columns: &self.columns,
            cells,
            defaults: &self.defaults,
        })
    }

    /// CSV with results in the last columns; rows without a result are unchanged.
    pub fn write(&self, results: &BTreeMap<usize, RowResult>) -> String {
        let mut writer = csv::WriterBuilder::new().from_writer(Vec::new());
        drop(writer.write_record(&self.columns));
        for (number, cells) in (2..).zip(&self.rows) {
            let cells = self.columns.iter().zip(cells).map(|(column, cell)| {
                let Some(result) = results.get(&number) else {
                    return cell.as_str();
                };
                match column.as_str() {
                    STATUS => result.status.name(),
                    ACCOUNT_ID => &result.account_id,
                    ERROR => &result.error,
                    _ => cell,
                }
            });
            drop(writer.write_record(cells));
        }
        let bytes = writer.into_inner().unwrap_or_default();
        String::from_utf8_lossy(&bytes).into_owned()
    }
}

fn not_text(bytes: &[u8], error: NotText) -> BadInput {
    let valid = match error {
        NotText::Utf16 => {
            let at = CsvPlace { line: 1, column: 1 };
            return unusable(at, "the file is UTF-16: save it as \"CSV UTF-8\"");
        }
        NotText::NotUtf8(valid) => valid,
    };
    let before = bytes.get(..valid).unwrap_or_default();
    let lines = before.split(|it| *it == b'\n').count();
    let line = before.rsplit(|it| *it == b'\n').next().unwrap_or_default();
    let at = CsvPlace {
        line: lines,
        column: String::from_utf8_lossy(line).chars().count() + 1,
    };
    unusable(at, "the file is not UTF-8 here: save it as \"CSV UTF-8\"")
}

fn columns(header: &CsvRecord) -> Result<Vec<String>, BadInput> {
    let mut columns: Vec<String> = header.cells.clone();
    for alias in ERROR_ALIASES {
        let has_own = columns.iter().any(|name| name == ERROR);
        if let Some(column) = columns.iter_mut().find(|name| *name == alias && !has_own) {
            ERROR.clone_into(column);
        }
    }
    let missing: Vec<&str> = REQUIRED
        .into_iter()
        .filter(|name| columns.iter().all(|column| column != name))
        .collect();
    if !missing.is_empty() {
        let message = format!("column `{}` is missing", missing.join("`, `"));
        return Err(unusable(header.place(0), message));
    }
    for name in OURS {
        if columns.iter().all(|column| column != name) {
            columns.push(name.to_owned());
        }
    }
    let twice = columns.iter().enumerate().find(|(at, name)| {
        !name.is_empty() && columns.iter().take(*at).any(|other| other == *name)
    });
    match twice {
        Some((at, name)) => {
            let message = format!("column `{name}` stands there twice");
            Err(unusable(header.place(at), message))
        }
        None => Ok(columns),
    }
}
