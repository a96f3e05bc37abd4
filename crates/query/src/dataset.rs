use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use datafusion::arrow::array::RecordBatch;
use datafusion::catalog::TableProvider;
use datafusion::common::ScalarValue;
use datafusion::datasource::file_format::parquet::ParquetFormat;
use datafusion::datasource::listing::{
    ListingOptions, ListingTable, ListingTableConfig, ListingTableUrl,
};
use datafusion::datasource::{MemTable, ViewTable, provider_as_source};
use datafusion::error::{DataFusionError, Result};
use datafusion::logical_expr::{LogicalPlanBuilder, col, lit};
use hallpass_activity::ActivityManifest;
use hallpass_inventory::{
    Cell, FailureGroup, InventoryTable, META, SliceKey, Snapshot, SnapshotRecord, SyncGroup,
    TABLES, TableCoverage, TableRow, coverage_of, key_id, nearest, table,
};

use crate::engine::{QueryEngine, ReadStatement};
use crate::failure::{QueryExit, QueryFailure};
use crate::folder::{KEPT_IN_BUCKET, Manifest, SnapshotFolder, columns};

pub(crate) enum Dataset {
    Kept {
        folder: SnapshotFolder,
        manifests: Vec<Manifest>,
        chosen: Option<usize>,
        activity: Option<ActivityManifest>,
    },
    Given(Box<Snapshot>),
}

#[derive(Clone, Copy, Debug)]
enum NamedTable {
    Base(&'static InventoryTable),
    History(&'static InventoryTable),
    Meta(&'static InventoryTable),
}

impl NamedTable {
    fn find(name: &str) -> Option<Self> {
        let meta = META.iter().find(|it| it.name == name).copied();
        let history = || {
            let of = table(name.strip_suffix("_history")?)?;
            // the activity table has its own days
            Some(Self::History(of)).filter(|_| of.name != ActivityManifest::TABLE)
        };
        meta.map(Self::Meta)
            .or_else(|| table(name).map(Self::Base))
            .or_else(history)
    }
}

#[derive(Debug)]
pub(crate) struct PartialTable {
    pub(crate) table: &'static str,
    pub(crate) groups: Vec<FailureGroup>,
}

impl Dataset {
    /// Registers the tables of a statement with the engine. Returns the partial ones.
    ///
    /// # Errors
    /// A table is unknown or was never collected.
    pub(crate) fn register(
        &self,
        engine: &QueryEngine,
        read: &ReadStatement,
    ) -> std::result::Result<Vec<PartialTable>, QueryFailure> {
        let mut partial = Vec::new();
        if let Self::Kept {
            folder, manifests, ..
        } = self
            && let Some(objects) = folder.objects(manifests)
        {
            let added = engine.add_objects(KEPT_IN_BUCKET, objects);
            added.map_err(QueryFailure::bug)?;
        }
        for (name, at) in &read.tables {
            let Some(named) = NamedTable::find(name) else {
                let names: Vec<&str> = TABLES.iter().chain(META).map(|it| it.name).collect();
                let near = nearest(name, names, 3);
                let failure =
                    read.failure("E_SQL_TABLE", format!("there is no table `{name}`"), *at);
                return Err(failure.help(format!("nearest: `{}`", near.join("`, `"))));
            };
            if let NamedTable::Base(table) | NamedTable::History(table) = named {
                match self.coverage(named, table) {
                    TableCoverage::NotSynced => return Err(not_synced(table.name)),
                    TableCoverage::Complete => {}
                    TableCoverage::Partial(groups) => partial.push(PartialTable {
                        table: table.name,
                        groups,
                    }),
                }
            }
            let provided = self.provider(named).and_then(|it| engine.add(name, it));
            provided.map_err(|it| QueryFailure::new(QueryExit::Failed, it.strip_backtrace()))?;
        }
        Ok(partial)
    }

    fn coverage(&self, named: NamedTable, table: &InventoryTable) -> TableCoverage {
        if let (Self::Kept { activity, .. }, ActivityManifest::TABLE) = (self, table.name) {
            return match activity {
                Some(_) => TableCoverage::Complete,
                None => TableCoverage::NotSynced,
            };
        }
        if let NamedTable::History(_) = named {
            return history_coverage(self.records(), table.name);
        }
        let chosen = match self {
            Self::Given(snapshot) => Some(&snapshot.record),
            Self::Kept {
                manifests, chosen, ..
            } => chosen
                .and_then(|index| manifests.get(index))
                .map(|it| &it.record),
        };
        chosen.map_or(TableCoverage::NotSynced, |it| coverage_of(it, table.name))
    }

    fn records(&self) -> Box<dyn Iterator<Item = &SnapshotRecord> + '_> {
        match self {
            Self::Given(snapshot) => Box::new(std::iter::once(&snapshot.record)),
            Self::Kept { manifests, .. } => Box::new(manifests.iter().map(|it| &it.record)),
        }
    }

    fn provider(&self, named: NamedTable) -> Result<Arc<dyn TableProvider>> {
        match (named, self) {
            (NamedTable::Meta(table), _) => {
                let records: Vec<&SnapshotRecord> = self.records().collect();
                in_memory(table, &meta_rows(table, &records))
            }
            (NamedTable::Base(table), Self::Given(snapshot)) => {
                in_memory(table, rows_of(snapshot, table))
            }
            (
                NamedTable::Base(table),
                Self::Kept {
                    folder, activity, ..
                },
            ) if table.name == ActivityManifest::TABLE => {
                let urls = activity.as_ref().map(|it| folder.activity_urls(it));
                in_files(table, &urls.transpose()?.unwrap_or_default())
            }
            (
                NamedTable::Base(table),
                Self::Kept {
                    folder,
                    manifests,
                    chosen,
                    ..
                },
            ) => {
                let manifest = chosen.and_then(|index| manifests.get(index));
                let urls = manifest.map(|it| folder.urls(it, table.name)).transpose()?;
                in_files(table, &urls.unwrap_or_default())
            }
            (NamedTable::History(table), Self::Given(snapshot)) => {
                let rows = in_memory(table, rows_of(snapshot, table))?;
                history(vec![(&snapshot.record, rows)])
            }
            (
                NamedTable::History(table),
                Self::Kept {
                    folder, manifests, ..
                },
            ) => {
                let mut parts = Vec::new();
                for manifest in manifests {
                    let urls = folder.urls(manifest, table.name)?;
                    if !urls.is_empty() {
                        parts.push((&manifest.record, in_files(table, &urls)?));
                    }
                }
                history(parts)
            }
        }
    }
}

fn history_coverage<'a>(
    records: impl Iterator<Item = &'a SnapshotRecord>,
    table: &str,
) -> TableCoverage {
    let mut failed: BTreeMap<(String, String), BTreeSet<SliceKey>> = BTreeMap::new();
    let mut is_asked = false;
    for record in records {
        match coverage_of(record, table) {
            TableCoverage::NotSynced => continue,
            TableCoverage::Complete => {}
            TableCoverage::Partial(groups) => {
                for it in groups {
                    failed
                        .entry((it.stage, it.code))
                        .or_default()
                        .extend(it.slices);
                }
            }
        }
        is_asked = true;
    }
    let groups = failed
        .into_iter()
        .map(|((stage, code), slices)| FailureGroup {
            stage,
            code,
            slices: slices.into_iter().collect(),
        });
    let groups: Vec<FailureGroup> = groups.collect();
    match (is_asked, groups.is_empty()) {
        (false, _) => TableCoverage::NotSynced,
        (true, true) => TableCoverage::Complete,
        (true, false) => TableCoverage::Partial(groups),
    }
}

pub(crate) fn inventory_tables(read: &ReadStatement) -> Vec<&'static InventoryTable> {
    let named = read.tables.keys().filter_map(|name| NamedTable::find(name));
    let mut tables: Vec<_> = named
        .filter_map(|it| match it {
            NamedTable::Base(table) | NamedTable::History(table) => Some(table),
            NamedTable::Meta(_) => None,
        })
        .collect();
    tables.sort_by_key(|it| it.name);
    tables.dedup_by_key(|it| it.name);
    tables
}

pub(crate) fn not_synced(name: &str) -> QueryFailure {
    let hint = match SyncGroup::of(name) {
        Some(group) => format!("hallpass sync --only {group}"),
        None if name == ActivityManifest::TABLE => "hallpass activity ingest SOURCE".to_owned(),
        None if name.ends_with("_users") => {
            let form = name.trim_end_matches("_users");
            format!("hallpass sync --people {form}:FILE")
        }
        None => "nothing collects it yet; hallpass query snapshots import".to_owned(),
    };
    QueryFailure::bad_input(format!("E_NOT_SYNCED table={name} hint={hint}"))
        .lines(["it was never collected, so its rows are unknown".to_owned()])
}

fn rows_of<'a>(snapshot: &'a Snapshot, table: &InventoryTable) -> &'a [TableRow] {
    snapshot.rows.get(table.name).map_or(&[], Vec::as_slice)
}

fn in_memory(table: &InventoryTable, rows: &[TableRow]) -> Result<Arc<dyn TableProvider>> {
    let batch: RecordBatch = columns::batch(table, rows)?;
    Ok(Arc::new(MemTable::try_new(
        columns::schema(table),
        vec![vec![batch]],
    )?))
}

fn in_files(table: &InventoryTable, urls: &[String]) -> Result<Arc<dyn TableProvider>> {
    if urls.is_empty() {
        return in_memory(table, &[]);
    }
    let urls = urls.iter().map(ListingTableUrl::parse);
    let urls = urls.collect::<Result<Vec<_>>>()?;
    let options =
        ListingOptions::new(Arc::new(ParquetFormat::default())).with_file_extension(".parquet");
    let config = ListingTableConfig::new_with_multi_paths(urls)
        .with_listing_options(options)
        // older files lack newer columns; they read as null
        .with_schema(columns::schema(table));
    Ok(Arc::new(ListingTable::try_new(config)?))
}

fn history(
    parts: Vec<(&SnapshotRecord, Arc<dyn TableProvider>)>,
) -> Result<Arc<dyn TableProvider>> {
    let mut all: Option<LogicalPlanBuilder> = None;
    for (record, rows) in parts {
        let names: Vec<String> = rows
            .schema()
            .fields()
            .iter()
            .map(|it| it.name().clone())
            .collect();
        let synced = record.finished.as_microsecond();
        let synced = ScalarValue::TimestampMicrosecond(Some(synced), Some("UTC".into()));
        let columns = names.iter().map(|name| col(format!("\"{name}\"")));
        let columns = columns.chain([
            lit(record.id.as_str()).alias("snapshot_id"),
            lit(synced).alias("synced_at"),
        ]);
        let part = LogicalPlanBuilder::scan("rows", provider_as_source(rows), None)?;
        let part = part.project(columns.collect::<Vec<_>>())?;
        all = Some(match all {
            None => part,
            Some(before) => before.union(part.build()?)?,
        });
    }
    let all = all.ok_or_else(|| DataFusionError::Plan("no snapshot has this table".to_owned()))?;
    Ok(Arc::new(ViewTable::new(all.build()?, None)))
}

pub(crate) fn meta_rows(table: &InventoryTable, records: &[&SnapshotRecord]) -> Vec<TableRow> {
    let rows: Vec<Vec<Cell>> = match table.name {
        "hallpass_snapshots" => records.iter().map(|it| snapshot_row(it)).collect(),
        "hallpass_coverage" => records.iter().flat_map(|it| coverage_rows(it)).collect(),
        _ => records.iter().flat_map(|it| error_rows(it)).collect(),
    };
    let with_id = |mut row: Vec<Cell>| {
        let texts = table.key.iter().map(|name| {
            let (index, _) = table.column(name)?;
            row.get(index.checked_sub(1)?)?.as_text()
        });
        let id = key_id(table.name, &texts.collect::<Vec<_>>());
        row.insert(0, Cell::Text(id));
        row
    };
    rows.into_iter().map(with_id).collect()
}

fn text(value: impl Into<String>) -> Cell {
    Cell::Text(value.into())
}

fn maybe<T>(value: Option<T>, cell: impl Fn(T) -> Cell) -> Cell {
    value.map_or(Cell::Null, cell)
}

fn count(number: u64) -> Cell {
    i64::try_from(number).map_or(Cell::Null, Cell::Int)
}

fn snapshot_row(record: &SnapshotRecord) -> Vec<Cell> {
    vec![
        text(record.id.as_str()),
        Cell::Time(record.started),
        Cell::Time(record.finished),
        text(record.state().name()),
        text(&record.host),
        text(&record.version),
    ]
}

fn coverage_rows(record: &SnapshotRecord) -> Vec<Vec<Cell>> {
    let row = |slice: &hallpass_inventory::Slice| {
        let source = match &slice.outcome {
            hallpass_inventory::SliceOutcome::Carried {
                source_snapshot_id, ..
            } => text(source_snapshot_id.as_str()),
            _ => Cell::Null,
        };
        vec![
            text(record.id.as_str()),
            text(&slice.key.table),
            maybe(slice.key.account.as_deref(), text),
            text(&slice.key.region),
            text(slice.outcome.name()),
            count(slice.outcome.row_count()),
            Cell::Time(slice.started),
            maybe(slice.finished, Cell::Time),
            source,
        ]
    };
    record.slices.iter().map(row).collect()
}

fn error_rows(record: &SnapshotRecord) -> Vec<Vec<Cell>> {
    let mut rows = Vec::new();
    for slice in &record.slices {
        for failure in slice.outcome.failures() {
            rows.push(vec![
                text(record.id.as_str()),
                text(&slice.key.table),
                maybe(slice.key.account.as_deref(), text),
                text(&slice.key.region),
                text(&failure.stage),
                text(&failure.operation),
                text(&failure.code),
                text(&failure.message),
                maybe(failure.http_status, |it| count(it.into())),
                count(failure.attempts.into()),
                maybe(failure.request_id.as_deref(), text),
            ]);
        }
    }
    rows
}
