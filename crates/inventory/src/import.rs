//! A snapshot as one JSON document: `{"now"?, "tables": {NAME: [row, …]}}` (`inventory.md` T-20).

use std::collections::{BTreeMap, HashMap};
use std::fmt;

use jiff::Timestamp;
use serde_json::{Map, Value};
use thiserror::Error;

use crate::cell::{Cell, TableRow};
use crate::snapshot::Snapshot;
use crate::table::{InventoryTable, key_id, nearest};
use crate::tables::{TABLES, table};

#[derive(Debug)]
pub struct Imported {
    pub now: Option<Timestamp>,
    pub rows: BTreeMap<&'static str, Vec<TableRow>>,
}

#[derive(Debug, PartialEq, Eq, Error)]
pub struct ImportError {
    pub table: Option<String>,
    /// From 1.
    pub row: Option<usize>,
    pub column: Option<String>,
    pub problem: ImportProblem,
}

impl fmt::Display for ImportError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(table) = &self.table {
            write!(f, "table `{table}`")?;
            if let Some(row) = self.row {
                write!(f, ", row {row}")?;
            }
            if let Some(column) = &self.column {
                write!(f, ", column `{column}`")?;
            }
            f.write_str(": ")?;
        }
        write!(f, "{}", self.problem)
    }
}

#[derive(Debug, PartialEq, Eq, Error)]
pub enum ImportProblem {
    #[error("a snapshot is an object with `tables`, an object of lists of rows")]
    NoTables,
    #[error("`now` is no instant of RFC 3339")]
    Now,
    #[error("there is no such table; {}", meant(.0))]
    UnknownTable(Vec<&'static str>),
    #[error("the rows of a table are a list")]
    NoList,
    #[error("a row is an object")]
    NoRow,
    #[error("there is no such column; {}", meant(.0))]
    UnknownColumn(Vec<&'static str>),
    #[error("`{value}` is no {kind}")]
    WrongType { value: String, kind: &'static str },
    /// A row has neither an id nor a complete key.
    #[error("a row without `cq_id` needs `{}`", .0.join("`, `"))]
    NoKey(&'static [&'static str]),
    /// An earlier row has the same id.
    #[error("row {0} has the same `cq_id`")]
    Twice(usize),
    /// A collected row lacks a required value.
    #[error("it has no value, and has to have one")]
    NoValue,
}

fn meant(names: &[&str]) -> String {
    format!("nearest: `{}`", names.join("`, `"))
}

const NAMES_OFFERED: usize = 3;

impl ImportProblem {
    fn anywhere(self) -> ImportError {
        ImportError {
            table: None,
            row: None,
            column: None,
            problem: self,
        }
    }

    fn in_table(self, name: &str) -> ImportError {
        ImportError {
            table: Some(name.to_owned()),
            ..self.anywhere()
        }
    }
}

/// Reads a document. Ignores members other than `now` and `tables`.
///
/// # Errors
/// The problem, with table, row and column.
pub fn import(document: &Value) -> Result<Imported, ImportError> {
    let now = match document.get("now") {
        None | Some(Value::Null) => None,
        Some(now) => {
            let parsed = now.as_str().and_then(|text| text.parse().ok());
            Some(parsed.ok_or_else(|| ImportProblem::Now.anywhere())?)
        }
    };
    let tables = document.get("tables").and_then(Value::as_object);
    let tables = tables.ok_or_else(|| ImportProblem::NoTables.anywhere())?;
    let mut rows = BTreeMap::new();
    for (name, list) in tables {
        let Some(table) = table(name) else {
            let names = nearest(name, TABLES.iter().map(|it| it.name), NAMES_OFFERED);
            return Err(ImportProblem::UnknownTable(names).in_table(name));
        };
        rows.insert(table.name, read_table(table, list)?);
    }
    Ok(Imported { now, rows })
}

fn read_table(table: &InventoryTable, list: &Value) -> Result<Vec<TableRow>, ImportError> {
    let list = list
        .as_array()
        .ok_or_else(|| ImportProblem::NoList.in_table(table.name))?;
    let mut rows = Vec::with_capacity(list.len());
    let mut ids: HashMap<String, usize> = HashMap::with_capacity(list.len());
    for (index, row) in list.iter().enumerate() {
        let place = |problem: ImportProblem| ImportError {
            row: Some(index + 1),
            ..problem.in_table(table.name)
        };
        let object = row.as_object().ok_or_else(|| place(ImportProblem::NoRow))?;
        let row = row_of(table, object).map_err(|(column, problem)| ImportError {
            column,
            ..place(problem)
        })?;
        let id = row.first().and_then(Cell::as_text).unwrap_or_default();
        if let Some(earlier) = ids.insert(id.to_owned(), index + 1) {
            return Err(place(ImportProblem::Twice(earlier)));
        }
        rows.push(row);
    }
    Ok(rows)
}

/// Reads a collected row; values that the API always returns are required.
///
/// # Errors
/// The problem, with the column.
pub fn read_row(table: &InventoryTable, row: &Value) -> Result<TableRow, ImportError> {
    let place = |(column, problem): (Option<String>, ImportProblem)| ImportError {
        column,
        ..problem.in_table(table.name)
    };
    let object = row.as_object();
    let object = object.ok_or_else(|| place((None, ImportProblem::NoRow)))?;
    let row = row_of(table, object).map_err(place)?;
    let mut cells = table.columns.iter().zip(&row);
    let missing = cells.find(|(column, cell)| !column.nullable && **cell == Cell::Null);
    match missing {
        Some((column, _)) => Err(place((
            Some(column.name.to_owned()),
            ImportProblem::NoValue,
        ))),
        None => Ok(row),
    }
}

pub fn document_of(table: &InventoryTable, row: &TableRow) -> Value {
    let members = table.columns.iter().zip(row);
    let members = members.map(|(column, cell)| (column.name.to_owned(), cell.to_json()));
    Value::Object(members.collect())
}

fn row_of(
    table: &InventoryTable,
    object: &Map<String, Value>,
) -> Result<TableRow, (Option<String>, ImportProblem)> {
    let mut row = vec![Cell::Null; table.columns.len()];
    for (name, value) in object {
        let Some((index, column)) = table.column(name) else {
            let names = table.columns.iter().map(|it| it.name);
            let names = nearest(name, names, NAMES_OFFERED);
            return Err((Some(name.clone()), ImportProblem::UnknownColumn(names)));
        };
        let cell = Cell::from_json(column.kind, value).ok_or_else(|| {
            let problem = ImportProblem::WrongType {
                value: value.to_string(),
                kind: column.kind.name(),
            };
            (Some(name.clone()), problem)
        })?;
        if let Some(place) = row.get_mut(index) {
            *place = cell;
        }
    }
    if row.first() == Some(&Cell::Null) {
        let id = id_of(table, &row).ok_or((None, ImportProblem::NoKey(table.key)))?;
        if let Some(place) = row.first_mut() {
            *place = id;
        }
    }
    Ok(row)
}

/// The id, derived from the key; `None` if a required part is missing.
fn id_of(table: &InventoryTable, row: &TableRow) -> Option<Cell> {
    let parts = table.key.iter().map(|name| {
        let (index, column) = table.column(name)?;
        let part = row.get(index)?.key_part();
        (column.nullable || part.is_some()).then_some(part)
    });
    let parts: Vec<Option<String>> = parts.collect::<Option<_>>()?;
    let parts: Vec<Option<&str>> = parts.iter().map(Option::as_deref).collect();
    Some(Cell::Text(key_id(table.name, &parts)))
}

pub fn export(snapshot: &Snapshot) -> Value {
    let tables = snapshot.rows.iter().map(|(name, rows)| {
        let table = table(name);
        let rows = rows.iter().filter_map(|row| Some(document_of(table?, row)));
        ((*name).to_owned(), Value::Array(rows.collect()))
    });
    let now = snapshot.record.finished.to_string();
    let tables: Map<String, Value> = tables.collect();
    serde_json::json!({ "now": now, "tables": tables })
}
