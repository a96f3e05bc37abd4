//! Copies a whole store into an empty one of any engine, in one transaction, verified by reading it
//! again.
//!
//! Triggers are off meanwhile: they maintain counts, which are copied too.

use std::sync::PoisonError;

use aws_lc_rs::digest;
use hallpass_access::ReadError;
use hallpass_audit::Head;

use super::{APART_MAX, PATIENCE, Source, SqlStore, audit, leader, places, search};
use crate::database::{
    Connection, DatabaseError, Engine, OwnedValue, ToValue, Transaction, TransactionMode, Value,
};
use crate::fault::StorageFault;

const BATCH: usize = 250;

/// Tables filled by each store, or meaningless elsewhere: leader, and browser actions in progress.
const NOT_COPIED: &str =
    "'schema_migrations', 'request_steps', 'grant_steps', 'sweep_steps', 'leader', 'handovers'";

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Copied {
    pub tables: usize,
    pub rows: u64,
    /// End of the audit log, equal in both; `None` without records.
    pub head: Option<Head>,
}

/// No copy was made; the target is unchanged.
#[derive(Debug, thiserror::Error)]
pub enum CopyError {
    /// Rows of two stores are never mixed.
    #[error("`{store}` is not empty: `{table}` has rows")]
    NotEmpty { store: String, table: String },
    /// Concurrent writes would be missing.
    #[error("the node `{node}` works on `{store}`")]
    InUse { store: String, node: String },
    #[error("table `{table}` is not the same in both")]
    Different { table: String },
    #[error(transparent)]
    Store(#[from] ReadError),
}

impl From<DatabaseError> for CopyError {
    fn from(error: DatabaseError) -> Self {
        Self::Store(StorageFault::from(error).into())
    }
}

impl From<StorageFault> for CopyError {
    fn from(fault: StorageFault) -> Self {
        Self::Store(fault.into())
    }
}

impl SqlStore {
    /// Copies everything into `to`, an empty store. No server may work on either; for a file the
    /// caller ensures this.
    ///
    /// # Errors
    /// When `to` is not empty, a node works on one of them, or one does not answer. Nothing is
    /// copied then.
    pub async fn copy_into(&self, to: &Self) -> Result<Copied, CopyError> {
        let (from, to) = (self.clone(), to.clone());
        let copied = tokio::task::spawn_blocking(move || copy(&from, &to));
        let interrupted = |error| CopyError::Store(ReadError(format!("interrupted: {error}")));
        copied.await.unwrap_or_else(|error| Err(interrupted(error)))
    }
}

struct CopiedTable {
    name: String,
    columns: Vec<String>,
    key: Vec<String>,
    numbered: Option<String>,
    /// Whether numbers of deleted rows are never reused.
    is_never_reused: bool,
}

type CopiedRow = Vec<Option<OwnedValue>>;

fn copy(from: &SqlStore, to: &SqlStore) -> Result<Copied, CopyError> {
    let tables = tables()?;
    if matches!(from.source, Source::Memory(_)) {
        return Err(CopyError::Store(ReadError(
            "a store in memory is not copied".to_owned(),
        )));
    }
    let mut source = from.writer.lock().unwrap_or_else(PoisonError::into_inner);
    let mut target = to.writer.lock().unwrap_or_else(PoisonError::into_inner);
    // before any lock: copying a database into itself would wait for its lock
    refuse_filled(&target.begin(TransactionMode::Read)?, &tables, to)?;
    source.be_patient_for(APART_MAX);
    target.be_patient_for(APART_MAX);
    let copied = copied(&mut source, &mut target, &tables, (from, to));
    source.be_patient_for(PATIENCE);
    target.be_patient_for(PATIENCE);
    copied
}

fn refuse_filled(
    target: &Transaction<'_>,
    tables: &[CopiedTable],
    to: &SqlStore,
) -> Result<(), CopyError> {
    for table in tables {
        if !page(target, table, None, 1)?.is_empty() {
            let (store, table) = (to.name.clone(), table.name.clone());
            return Err(CopyError::NotEmpty { store, table });
        }
    }
    Ok(())
}

fn copied(
    source: &mut Connection,
    target: &mut Connection,
    tables: &[CopiedTable],
    (from, to): (&SqlStore, &SqlStore),
) -> Result<Copied, CopyError> {
    // stops all writers, whose rows would be missing: a new leader and serving nodes
    let source = source.begin(TransactionMode::Write)?;
    let target = target.begin(TransactionMode::Write)?;
    nobody_works(&source, from)?;
    nobody_works(&target, to)?;
    refuse_filled(&target, tables, to)?;
    let triggers = triggers_off(&target, tables)?;
    let (mut filled, mut rows) = (0, 0);
    for table in tables {
        let count = copy_table(&source, &target, table)?;
        filled += usize::from(count > 0);
        rows += count;
    }
    copy_search(&source, &target)?;
    triggers_on(&target, tables, &triggers)?;
    let head = audit::head(&target)?;
    if head != audit::head(&source)? {
        let table = "audit_head".to_owned();
        return Err(CopyError::Different { table });
    }
    // CRASH: before this line nothing of it is there, after it all of it is
    target.commit()?;
    Ok(Copied {
        tables: filled,
        rows,
        head,
    })
}

/// On a server other nodes may work; the caller holds a file.
fn nobody_works(tx: &Transaction<'_>, store: &SqlStore) -> Result<(), CopyError> {
    if !matches!(store.source, Source::Postgres(_)) {
        return Ok(());
    }
    match leader::read(tx, &store.source.term_clock())?.filter(|leader| !leader.is_over) {
        None => Ok(()),
        Some(leader) => Err(CopyError::InUse {
            store: store.name.clone(),
            node: leader.node.name,
        }),
    }
}

impl SqlStore {
    pub async fn row_counts(&self) -> Result<Vec<(String, u64)>, ReadError> {
        let tables = tables().map_err(|error| ReadError(error.to_string()))?;
        let counted = self.apart(move |tx| {
            let mut counts = Vec::new();
            for table in tables {
                let count = tx
                    .prepare(&format!("SELECT count(*) FROM {}", table.name))?
                    .query_row([], |row| row.get(0))?;
                counts.push((table.name, super::counter(count)));
            }
            Ok(counts)
        });
        Ok(counted.await?)
    }
}

/// Returns this release's tables, each after those it references.
fn tables() -> Result<Vec<CopiedTable>, CopyError> {
    let model = SqlStore::open_in_memory().map_err(|error| ReadError(error.to_string()))?;
    let mut model = model.writer.lock().unwrap_or_else(PoisonError::into_inner);
    let model = model.begin(TransactionMode::Read)?;
    let names = model
        .prepare(&format!(
            "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite%'
                 AND name NOT LIKE 'audit_search%' AND name NOT IN ({NOT_COPIED}) ORDER BY rowid"
        ))?
        .query_map([], |row| row.get(0))?
        .collect::<Result<Vec<String>, _>>()?;
    let tables = names.into_iter().map(|name| table(&model, name));
    Ok(tables.collect::<Result<_, _>>()?)
}

fn table(model: &Transaction<'_>, name: String) -> Result<CopiedTable, DatabaseError> {
    let columns = model
        .prepare("SELECT name, type, pk FROM pragma_table_info(?1) ORDER BY cid")?
        .query_map([&name], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?
        .collect::<Result<Vec<(String, String, i64)>, _>>()?;
    let mut key: Vec<&(String, String, i64)> = columns.iter().filter(|it| it.2 > 0).collect();
    key.sort_by_key(|it| it.2);
    let numbered = match key.as_slice() {
        [(only, kind, _)] if kind == "INTEGER" => Some(only.clone()),
        _ => None,
    };
    let is_never_reused = model
        .prepare("SELECT 1 FROM sqlite_schema WHERE name = ?1 AND sql LIKE '%AUTOINCREMENT%'")?
        .exists([&name])?;
    Ok(CopiedTable {
        is_never_reused,
        key: key.into_iter().map(|it| it.0.clone()).collect(),
        columns: columns.iter().map(|it| it.0.clone()).collect(),
        name,
        numbered,
    })
}

fn page(
    tx: &Transaction<'_>,
    table: &CopiedTable,
    after: Option<&CopiedRow>,
    most: usize,
) -> Result<Vec<CopiedRow>, DatabaseError> {
    let (columns, key) = (table.columns.join(", "), table.key.join(", "));
    let mut values = Vec::new();
    let mut behind = String::new();
    if let Some(after) = after {
        let at = |name: &String| table.columns.iter().position(|it| it == name);
        let of_key = table.key.iter().filter_map(|name| after.get(at(name)?));
        values.extend(of_key.map(|value| borrowed(value.as_ref())));
        behind = format!(" WHERE ({key}) > ({})", places(1, values.len()));
    }
    let sql = format!(
        "SELECT {columns} FROM {}{behind} ORDER BY {key} LIMIT {most}",
        table.name
    );
    let mut statement = tx.prepare(&sql)?;
    let mut rows = statement.query(values.as_slice())?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        let values = (0..table.columns.len()).map(|column| Ok(owned(row.value(column)?)));
        found.push(values.collect::<Result<CopiedRow, DatabaseError>>()?);
    }
    Ok(found)
}

fn copy_table(
    source: &Transaction<'_>,
    target: &Transaction<'_>,
    table: &CopiedTable,
) -> Result<u64, CopyError> {
    let mut count = 0;
    let there = each_page(source, table, |rows| {
        count += u64::try_from(rows.len()).unwrap_or(u64::MAX);
        insert(target, table, rows)
    })?;
    if count == 0 && !table.is_never_reused {
        return Ok(0);
    }
    if let Some(column) = &table.numbered {
        number_on(source, target, table, column)?;
    }
    let here = each_page(target, table, |_| Ok(()))?;
    if there == here {
        Ok(count)
    } else {
        let table = table.name.clone();
        Err(CopyError::Different { table })
    }
}

fn each_page(
    tx: &Transaction<'_>,
    table: &CopiedTable,
    mut work: impl FnMut(&[CopiedRow]) -> Result<(), DatabaseError>,
) -> Result<Vec<u8>, DatabaseError> {
    let mut seen = digest::Context::new(&digest::SHA256);
    let mut last: Option<CopiedRow> = None;
    loop {
        let rows = page(tx, table, last.as_ref(), BATCH)?;
        if rows.is_empty() {
            return Ok(seen.finish().as_ref().to_vec());
        }
        for value in rows.iter().flatten() {
            see(&mut seen, value.as_ref());
        }
        work(&rows)?;
        last = rows.into_iter().next_back();
    }
}

/// Digests a value: kind, length, content. U+0000, which PostgreSQL cannot hold, becomes U+FFFD.
fn see(seen: &mut digest::Context, value: Option<&OwnedValue>) {
    let mut add = |kind: u8, bytes: &[u8]| {
        seen.update(&[kind]);
        seen.update(&u64::try_from(bytes.len()).unwrap_or(u64::MAX).to_be_bytes());
        seen.update(bytes);
    };
    match value {
        None => add(0, &[]),
        Some(OwnedValue::Integer(number)) => add(1, &number.to_be_bytes()),
        Some(OwnedValue::Text(text)) if text.contains('\0') => {
            add(2, text.replace('\0', "\u{fffd}").as_bytes());
        }
        Some(OwnedValue::Text(text)) => add(2, text.as_bytes()),
        Some(OwnedValue::Blob(bytes)) => add(3, bytes),
    }
}

fn insert(
    tx: &Transaction<'_>,
    table: &CopiedTable,
    rows: &[CopiedRow],
) -> Result<(), DatabaseError> {
    let width = table.columns.len();
    let each: Vec<String> = (0..rows.len())
        .map(|row| format!("({})", places(row * width + 1, width)))
        .collect();
    let sql = format!(
        "INSERT INTO {} ({}) VALUES {}",
        table.name,
        table.columns.join(", "),
        each.join(", ")
    );
    let values: Vec<Value<'_>> = rows
        .iter()
        .flatten()
        .map(|value| borrowed(value.as_ref()))
        .collect();
    tx.prepare(&sql)?.execute(values.as_slice())?;
    Ok(())
}

fn borrowed(value: Option<&OwnedValue>) -> Value<'_> {
    value.map_or(Value::Null, ToValue::to_value)
}

fn owned(value: Value<'_>) -> Option<OwnedValue> {
    match value {
        Value::Null => None,
        Value::Integer(number) => Some(OwnedValue::Integer(number)),
        Value::Text(text) => Some(OwnedValue::Text(text.to_owned())),
        Value::Blob(bytes) => Some(OwnedValue::Blob(bytes.to_vec())),
    }
}

/// Continues numbering after the last number given, even if its row was deleted.
fn number_on(
    source: &Transaction<'_>,
    target: &Transaction<'_>,
    table: &CopiedTable,
    column: &str,
) -> Result<(), DatabaseError> {
    let (name, is_never_reused) = (table.name.as_str(), table.is_never_reused);
    let given = match source.engine() {
        Engine::Sqlite => {
            "SELECT coalesce((SELECT seq FROM sqlite_sequence WHERE name = ?1), 0) WHERE ?2 <> ''"
        }
        Engine::Postgres => {
            "SELECT coalesce(pg_sequence_last_value(pg_get_serial_sequence(?1, ?2)::regclass), 0)"
        }
    };
    let given: i64 = source
        .prepare(given)?
        .query_row((name, column), |row| row.get(0))?;
    let highest: i64 = source
        .prepare(&format!("SELECT coalesce(max({column}), 0) FROM {name}"))?
        .query_row([], |row| row.get(0))?;
    let last = given.max(highest);
    match target.engine() {
        Engine::Postgres if last > 0 => {
            target
                .prepare("SELECT setval(pg_get_serial_sequence(?1, ?2), ?3)")?
                .query_row((name, column, last), |_| Ok(()))?;
        }
        Engine::Sqlite if is_never_reused && last > 0 => {
            let forgotten = "DELETE FROM sqlite_sequence WHERE name = ?1";
            target.prepare(forgotten)?.execute([name])?;
            let known = "INSERT INTO sqlite_sequence (name, seq) VALUES (?1, ?2)";
            target.prepare(known)?.execute((name, last))?;
        }
        // other numbers of a file follow the highest row
        Engine::Postgres | Engine::Sqlite => {}
    }
    Ok(())
}

fn copy_search(source: &Transaction<'_>, target: &Transaction<'_>) -> Result<(), DatabaseError> {
    let mut last = i64::MIN;
    loop {
        let numbers = source
            .prepare(&format!(
                "SELECT rowid FROM audit_search WHERE rowid > ?1 ORDER BY rowid LIMIT {BATCH}"
            ))?
            .query_map([last], |row| row.get(0))?
            .collect::<Result<Vec<i64>, _>>()?;
        let Some(newest) = numbers.last() else {
            return Ok(());
        };
        last = *newest;
        for number in numbers {
            let text: String = target
                .prepare("SELECT text FROM audit_texts WHERE number = ?1")?
                .query_row([number], |row| row.get(0))?;
            search::add(target, number, &text)?;
        }
    }
}

/// Disables triggers until the transaction ends or they are restored; SQLite's are dropped and
/// returned as text.
fn triggers_off(
    tx: &Transaction<'_>,
    tables: &[CopiedTable],
) -> Result<Vec<String>, DatabaseError> {
    match tx.engine() {
        Engine::Postgres => {
            switch(tx, tables, "DISABLE")?;
            Ok(Vec::new())
        }
        Engine::Sqlite => {
            let found = tx
                .prepare(
                    "SELECT name, sql FROM sqlite_schema WHERE type = 'trigger' ORDER BY rowid",
                )?
                .query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?
                .collect::<Result<Vec<(String, String)>, _>>()?;
            for (name, _) in &found {
                tx.execute_batch(&format!("DROP TRIGGER {name}"))?;
            }
            Ok(found.into_iter().map(|(_, sql)| sql).collect())
        }
    }
}

fn triggers_on(
    tx: &Transaction<'_>,
    tables: &[CopiedTable],
    dropped: &[String],
) -> Result<(), DatabaseError> {
    match tx.engine() {
        Engine::Postgres => switch(tx, tables, "ENABLE"),
        Engine::Sqlite => dropped.iter().try_for_each(|sql| tx.execute_batch(sql)),
    }
}

fn switch(tx: &Transaction<'_>, tables: &[CopiedTable], how: &str) -> Result<(), DatabaseError> {
    tables.iter().try_for_each(|table| {
        tx.execute_batch(&format!("ALTER TABLE {} {how} TRIGGER USER", table.name))
    })
}
