//! The target schema of an export: which tables Hallpass manages, and their columns.

use std::collections::BTreeMap;

use hallpass_inventory::{ColumnType, InventoryTable};
use tokio_postgres::Transaction;

use super::PostgresAddress;
use crate::failure::{QueryExit, QueryFailure};

/// Prefix of the table comment that marks exported tables.
const MARK: &str = "made by hallpass query snapshots export: ";
const NAMES_SHOWN: usize = 5;

const RELATIONS: &str = "
    SELECT c.relname::text, c.relkind IN ('v', 'm') AS is_view,
        coalesce(starts_with(obj_description(c.oid, 'pg_class'), $2), false) AS is_ours
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE n.nspname = $1 AND c.relkind IN ('r', 'p', 'f', 'v', 'm') ORDER BY 1";
const COLUMNS: &str = "
    SELECT c.relname::text, a.attname::text, format_type(a.atttypid, a.atttypmod)
    FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE n.nspname = $1 AND c.relkind = 'r' AND a.attnum > 0 AND NOT a.attisdropped";

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SchemaOwner {
    Alone,
    Shared,
}

pub(super) fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

pub(super) struct TablesThere {
    has_schema: bool,
    ours: BTreeMap<String, BTreeMap<String, String>>,
}

impl TablesThere {
    pub(super) fn ours(&self) -> impl Iterator<Item = &String> {
        self.ours.keys()
    }
}

pub(super) struct ExportSchema<'a> {
    pub(super) transaction: &'a Transaction<'a>,
    pub(super) address: &'a PostgresAddress,
    pub(super) name: &'a str,
}

impl ExportSchema<'_> {
    pub(super) async fn look(
        &self,
        wanted: &[&InventoryTable],
        owner: SchemaOwner,
    ) -> Result<TablesThere, QueryFailure> {
        let failed = |it| self.address.failure("looking at the schema", &it);
        let schemas = "SELECT 1 FROM pg_namespace WHERE nspname = $1";
        let found = self.transaction.query_opt(schemas, &[&self.name]).await;
        let mut there = TablesThere {
            has_schema: found.map_err(failed)?.is_some(),
            ours: BTreeMap::new(),
        };
        let relations = self
            .transaction
            .query(RELATIONS, &[&self.name, &MARK])
            .await;
        let (mut foreign, mut in_the_way) = (Vec::new(), Vec::new());
        for row in relations.map_err(failed)? {
            let (name, is_view, is_ours): (String, bool, bool) =
                (row.get(0), row.get(1), row.get(2));
            if is_ours {
                there.ours.insert(name, BTreeMap::new());
            } else if wanted.iter().any(|it| it.name == name) {
                in_the_way.push(name);
            } else if !is_view {
                foreign.push(name);
            }
        }
        self.refuse(&in_the_way, &foreign, owner)?;
        let columns = self.transaction.query(COLUMNS, &[&self.name]).await;
        for row in columns.map_err(failed)? {
            let (table, column, kind): (String, String, String) =
                (row.get(0), row.get(1), row.get(2));
            if let Some(columns) = there.ours.get_mut(&table) {
                columns.insert(column, kind);
            }
        }
        Ok(there)
    }

    fn refuse(
        &self,
        in_the_way: &[String],
        foreign: &[String],
        owner: SchemaOwner,
    ) -> Result<(), QueryFailure> {
        let refused = |names: &[String], help: &str| {
            let shown: Vec<String> = names
                .iter()
                .take(NAMES_SHOWN)
                .map(|it| format!("`{it}`"))
                .collect();
            let more = names.len().saturating_sub(NAMES_SHOWN);
            let more = if more > 0 {
                format!(" and {more} more")
            } else {
                String::new()
            };
            let message = format!(
                "the schema `{}` has tables that no export has made: {}{more}",
                self.name,
                shown.join(", ")
            );
            QueryFailure::new(QueryExit::Refused, message).help(help)
        };
        if !in_the_way.is_empty() {
            let help = "they have the names of Hallpass's tables and are not touched: name another `--schema`";
            return Err(refused(in_the_way, help));
        }
        if !foreign.is_empty() && owner == SchemaOwner::Alone {
            let help =
                "name another `--schema`, or give `--beside-others`, which leaves them alone";
            return Err(refused(foreign, help));
        }
        Ok(())
    }

    /// Creates a table, or adds columns missing since an earlier release.
    ///
    /// # Errors
    /// A column has another type.
    pub(super) async fn make(
        &self,
        table: &InventoryTable,
        there: &TablesThere,
    ) -> Result<(), QueryFailure> {
        let name = format!("{}.{}", quoted(self.name), quoted(table.name));
        let mut statements = Vec::new();
        if let Some(columns) = there.ours.get(table.name) {
            for column in table.columns {
                let wanted = long_name(column.kind);
                match columns.get(column.name) {
                    None => statements.push(format!(
                        "ALTER TABLE {name} ADD COLUMN {} {wanted}",
                        quoted(column.name)
                    )),
                    Some(found) if found == wanted => {}
                    Some(found) => {
                        let message = format!(
                            "`{}.{}` is {found}, and has to be {wanted}",
                            table.name, column.name
                        );
                        let failure = QueryFailure::new(QueryExit::Refused, message);
                        return Err(failure.help("drop the table, or name another `--schema`"));
                    }
                }
            }
        } else {
            if !there.has_schema {
                statements.push(format!("CREATE SCHEMA IF NOT EXISTS {}", quoted(self.name)));
            }
            let columns = table.columns.iter();
            let columns = columns.map(|it| format!("{} {}", quoted(it.name), long_name(it.kind)));
            let columns: Vec<String> = columns.collect();
            statements.push(format!(
                "CREATE TABLE {name} ({}, PRIMARY KEY (\"cq_id\"))",
                columns.join(", ")
            ));
            let about = format!("{MARK}{}", table.about).replace('\'', "''");
            statements.push(format!("COMMENT ON TABLE {name} IS '{about}'"));
        }
        let made = self.transaction.batch_execute(&statements.join("; ")).await;
        made.map_err(|it| {
            let doing = format!("making `{}.{}`", self.name, table.name);
            self.address.failure(&doing, &it)
        })
    }

    /// Drops an exported table: tables that were not collected must be absent, not empty or
    /// outdated.
    ///
    /// # Errors
    /// Another object depends on it.
    pub(super) async fn drop(&self, table: &str) -> Result<(), QueryFailure> {
        let drop = format!("DROP TABLE {}.{}", quoted(self.name), quoted(table));
        let dropped = self.transaction.batch_execute(&drop).await;
        dropped.map_err(|it| {
            let doing = format!("removing `{table}`, which this snapshot has not");
            self.address.failure(&doing, &it)
        })
    }
}

fn long_name(kind: ColumnType) -> &'static str {
    match kind {
        ColumnType::Text => "text",
        ColumnType::Bool => "boolean",
        ColumnType::Int8 => "bigint",
        ColumnType::Timestamp => "timestamp with time zone",
        ColumnType::Json => "jsonb",
    }
}
