//! The activity table in the folder of snapshots (`inventory.md` H-25): a file of rows for each day, beside it the fingerprints
//! of its events and the sessions of people, and a manifest that says which of all these count.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io;
use std::path::PathBuf;

use hallpass_activity::{
    ActivityDay, ActivityFacts, ActivityKey, ActivityManifest, ActivityPrincipal, ActivityRows,
    PrincipalKind, SampleSet, session_day,
};
use hallpass_inventory::{Cell, InventoryTable, TableRow, key_id, table};
use jiff::Timestamp;
use jiff::civil::Date;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use serde_json::json;

use super::place::SnapshotPlace;
use super::write::{make_folder, write_synced, write_table};
use super::{SnapshotFolder, columns};
use crate::failure::QueryFailure;

/// The table of this name; it is declared.
pub(crate) fn activity_table() -> Result<&'static InventoryTable, QueryFailure> {
    table(ActivityManifest::TABLE)
        .ok_or_else(|| QueryFailure::bug("the activity table is not declared"))
}

/// The activity table in a folder of snapshots.
pub(crate) struct ActivityFolder {
    path: PathBuf,
}

impl SnapshotFolder {
    /// What there is of activity; `None` where nothing was read yet, and in a bucket, where no table of activity is kept.
    ///
    /// # Errors
    /// When it cannot be read: what cannot be read is not nothing.
    pub(crate) fn activity(&self) -> Result<Option<ActivityManifest>, QueryFailure> {
        match &self.place {
            SnapshotPlace::Folder(path) => ActivityFolder::new(path.clone()).manifest(),
            SnapshotPlace::Bucket(_) => Ok(None),
        }
    }

    /// The files of the activity table, as the engine names them.
    ///
    /// # Errors
    /// When the folder of this process is gone.
    pub(crate) fn activity_urls(&self, manifest: &ActivityManifest) -> io::Result<Vec<String>> {
        let SnapshotPlace::Folder(path) = &self.place else {
            return Ok(Vec::new());
        };
        let days = manifest.days.iter();
        days.map(|(day, it)| {
            let place = path.join(ActivityManifest::rows_of(*day, &it.run));
            Ok(std::path::absolute(place)?.to_string_lossy().into_owned())
        })
        .collect()
    }
}

impl ActivityFolder {
    /// The table in a folder, which need not be there yet.
    pub(crate) fn new(path: PathBuf) -> Self {
        Self { path }
    }

    /// What there is; `None` where nothing was read yet.
    ///
    /// # Errors
    /// When it cannot be read: what cannot be read is not nothing.
    pub(crate) fn manifest(&self) -> Result<Option<ActivityManifest>, QueryFailure> {
        let path = self.path.join(ActivityManifest::place());
        let text = match fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(QueryFailure::unreadable(path.display(), error)),
        };
        let manifest = ActivityManifest::read(&text);
        manifest
            .map(Some)
            .map_err(|it| QueryFailure::unreadable(path.display(), it))
    }

    /// A day as it was written.
    ///
    /// # Errors
    /// When a file of it cannot be read, or they do not fit together.
    pub(crate) fn activity_day(
        &self,
        day: Date,
        entry: &ActivityDay,
    ) -> Result<ActivityRows, QueryFailure> {
        let place = self.path.join(ActivityManifest::rows_of(day, &entry.run));
        let broken = |it: &dyn std::fmt::Display| QueryFailure::unreadable(place.display(), it);
        let beside = self.path.join(ActivityManifest::events_of(day, &entry.run));
        let prints =
            fs::read(&beside).map_err(|it| QueryFailure::unreadable(beside.display(), it))?;
        let mut prints = prints
            .as_chunks::<8>()
            .0
            .iter()
            .map(|it| u64::from_le_bytes(*it));
        let table = activity_table()?;
        let opened = File::open(&place).map_err(|it| broken(&it))?;
        let reader = ParquetRecordBatchReaderBuilder::try_new(opened);
        let reader = reader.and_then(ParquetRecordBatchReaderBuilder::build);
        let mut rows = ActivityRows::default();
        for batch in reader.map_err(|it| broken(&it))? {
            let batch = batch.map_err(|it| broken(&it))?;
            for cells in columns::rows(table, &batch) {
                let read = CellReader {
                    table,
                    cells: &cells,
                };
                let (key, mut facts, count) = read
                    .row(day)
                    .ok_or_else(|| broken(&"a row is not as it is written"))?;
                facts.events = prints.by_ref().take(count).collect::<BTreeSet<u64>>();
                if facts.events.len() != count {
                    return Err(broken(&"it does not fit the events beside it"));
                }
                rows.add(key, facts);
            }
        }
        if rows.events() != entry.events || prints.next().is_some() {
            return Err(broken(
                &"it does not have the events that its manifest says",
            ));
        }
        Ok(rows)
    }

    /// Writes a day of the table: its rows, the fingerprints of their events, and sessions. Nobody sees them before a
    /// manifest names them.
    ///
    /// # Errors
    /// When a file cannot be written.
    pub(crate) fn write_activity_day(
        &self,
        day: Date,
        run: &str,
        rows: &ActivityRows,
    ) -> Result<ActivityDay, QueryFailure> {
        let table = activity_table()?;
        let cells: Vec<TableRow> = rows
            .iter()
            .map(|(key, facts)| row_of(table, key, facts))
            .collect();
        let place = self.path.join(ActivityManifest::rows_of(day, run));
        place.parent().map_or(Ok(()), make_folder)?;
        write_table(&place, table, &cells)
            .map_err(|it| QueryFailure::unwritable(place.display(), it))?;
        let prints = rows.iter().flat_map(|(_, facts)| &facts.events);
        let prints: Vec<u8> = prints.flat_map(|it| it.to_le_bytes()).collect();
        self.write_beside(&ActivityManifest::events_of(day, run), &prints)?;
        let sessions = session_day(day, rows).map_err(QueryFailure::bug)?;
        self.write_beside(
            &ActivityManifest::sessions_of(day, run),
            sessions.as_bytes(),
        )?;
        Ok(ActivityDay {
            run: run.to_owned(),
            rows: rows.len() as u64,
            events: rows.events(),
        })
    }

    /// Writes the manifest.
    ///
    /// CRASH: before the rename the table is that of the manifest before; after it, the new one. Files that no manifest
    /// names are taken away by the next run.
    ///
    /// # Errors
    /// When it cannot be written.
    pub(crate) fn write_activity(&self, manifest: &ActivityManifest) -> Result<(), QueryFailure> {
        let text = manifest.text().map_err(QueryFailure::bug)? + "\n";
        let place = self.path.join(ActivityManifest::place());
        let temporary = place.with_extension("json.new");
        place.parent().map_or(Ok(()), make_folder)?;
        write_synced(&temporary, text.as_bytes())
            .and_then(|()| fs::rename(&temporary, &place))
            .map_err(|it| QueryFailure::unwritable(place.display(), it))
    }

    /// Writes a file below the folder.
    pub(crate) fn write_beside(&self, path: &str, bytes: &[u8]) -> Result<(), QueryFailure> {
        let place = self.path.join(path);
        place.parent().map_or(Ok(()), make_folder)?;
        write_synced(&place, bytes).map_err(|it| QueryFailure::unwritable(place.display(), it))
    }
}

fn row_of(table: &InventoryTable, key: &ActivityKey, facts: &ActivityFacts) -> TableRow {
    let text = |it: &str| Cell::Text(it.to_owned());
    let maybe = |it: &Option<String>| it.clone().map_or(Cell::Null, Cell::Text);
    let samples = |it: &SampleSet| Cell::Json(json!(it.iter().collect::<Vec<_>>()));
    let who = &key.principal;
    let mut row = vec![
        text(&key.day.to_string()),
        text(&key.account_id),
        text(&key.region),
        text(who.kind.name()),
        text(&who.name),
        maybe(&who.user_id),
        maybe(&who.permission_set),
        maybe(&who.role),
        who.session_started.map_or(Cell::Null, Cell::Time),
        text(&key.service),
        text(&key.action),
        maybe(&key.error_code),
    ];
    // these are the columns of the key
    let parts: Vec<Option<String>> = row
        .iter()
        .map(|it| match it {
            Cell::Time(at) => Some(at.to_string()),
            cell => cell.as_text().map(str::to_owned),
        })
        .collect();
    let parts: Vec<Option<&str>> = parts.iter().map(Option::as_deref).collect();
    row.insert(0, Cell::Text(key_id(table.name, &parts)));
    row.extend([
        i64::try_from(facts.count()).map_or(Cell::Null, Cell::Int),
        Cell::Time(facts.first_seen),
        Cell::Time(facts.last_seen),
        facts.is_write.map_or(Cell::Null, Cell::Bool),
        samples(&facts.resources),
        samples(&facts.source_addresses),
    ]);
    row
}

/// The cells of a row by the names of their columns.
struct CellReader<'a> {
    table: &'static InventoryTable,
    cells: &'a [Cell],
}

impl CellReader<'_> {
    fn cell(&self, name: &str) -> Option<&Cell> {
        self.cells.get(self.table.column(name)?.0)
    }

    fn text(&self, name: &str) -> Option<String> {
        self.cell(name)?.as_text().map(str::to_owned)
    }

    fn time(&self, name: &str) -> Option<Timestamp> {
        match self.cell(name)? {
            Cell::Time(at) => Some(*at),
            Cell::Null | Cell::Text(_) | Cell::Bool(_) | Cell::Int(_) | Cell::Json(_) => None,
        }
    }

    fn samples(&self, name: &str) -> Option<SampleSet> {
        let Cell::Json(document) = self.cell(name)? else {
            return None;
        };
        let texts = document.as_array()?.iter();
        Some(SampleSet::of(
            texts.filter_map(|it| it.as_str().map(str::to_owned)),
        ))
    }

    /// The row without its events, and how many these are.
    fn row(&self, day: Date) -> Option<(ActivityKey, ActivityFacts, usize)> {
        let key = ActivityKey {
            day,
            account_id: self.text("account_id")?,
            region: self.text("region")?,
            principal: ActivityPrincipal {
                kind: PrincipalKind::named(&self.text("principal_kind")?)?,
                name: self.text("principal")?,
                user_id: self.text("user_id"),
                permission_set: self.text("permission_set"),
                role: self.text("role"),
                session_started: self.time("session_started"),
            },
            service: self.text("service")?,
            action: self.text("action")?,
            error_code: self.text("error_code"),
        };
        let Cell::Int(count) = self.cell("events")? else {
            return None;
        };
        let facts = ActivityFacts {
            events: BTreeSet::new(),
            first_seen: self.time("first_seen")?,
            last_seen: self.time("last_seen")?,
            is_write: match self.cell("is_write")? {
                Cell::Bool(is_write) => Some(*is_write),
                Cell::Null | Cell::Text(_) | Cell::Int(_) | Cell::Time(_) | Cell::Json(_) => None,
            },
            resources: self.samples("resources")?,
            source_addresses: self.samples("source_addresses")?,
        };
        Some((key, facts, usize::try_from(*count).ok()?))
    }
}
