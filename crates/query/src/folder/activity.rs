//! The activity table in the snapshot folder (`inventory.md` H-25): per day a file of rows, one of
//! event fingerprints and one of user sessions, and a manifest that lists the valid files.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{self, BufRead as _, BufReader, BufWriter, Read as _, Write as _};
use std::path::{Path, PathBuf};

use hallpass_activity::{
    ActivityDay, ActivityFacts, ActivityKey, ActivityManifest, ActivityPrincipal, ActivityTotals,
    MergedPiece, PIECE_EVENTS, PrincipalKind, RowPiece, SampleSet, SessionDayMaking,
};
use hallpass_inventory::{Cell, InventoryTable, TableRow, key_id, table};
use jiff::Timestamp;
use jiff::civil::Date;
use parquet::arrow::arrow_reader::{ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder};
use serde_json::json;

use super::place::SnapshotPlace;
use super::write::{RowsWriter, WriteError, make_folder, write_synced};
use super::{SnapshotFolder, columns};
use crate::failure::QueryFailure;

pub(crate) fn activity_table() -> Result<&'static InventoryTable, QueryFailure> {
    table(ActivityManifest::TABLE)
        .ok_or_else(|| QueryFailure::bug("the activity table is not declared"))
}

pub(crate) struct ActivityFolder {
    path: PathBuf,
}

impl SnapshotFolder {
    /// Returns the activity manifest; `None` if nothing was ingested, and in a bucket, which has no
    /// activity table.
    ///
    /// # Errors
    /// The manifest is unreadable. This must not pass for an empty table.
    pub(crate) fn activity(&self) -> Result<Option<ActivityManifest>, QueryFailure> {
        match &self.place {
            SnapshotPlace::Folder(path) => ActivityFolder::new(path.clone()).manifest(),
            SnapshotPlace::Bucket(_) => Ok(None),
        }
    }

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
    /// The folder need not exist yet.
    pub(crate) fn new(path: PathBuf) -> Self {
        Self { path }
    }

    /// Returns the manifest; `None` if nothing was ingested.
    ///
    /// # Errors
    /// The manifest is unreadable. This must not pass for an empty table.
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

    /// Reads a stored day row by row. Reports inconsistent files while reading.
    pub(crate) fn activity_day(
        &self,
        day: Date,
        entry: &ActivityDay,
    ) -> Result<DayPieces, QueryFailure> {
        let place = self.path.join(ActivityManifest::rows_of(day, &entry.run));
        let broken = |it: &dyn std::fmt::Display| QueryFailure::unreadable(place.display(), it);
        let beside = self.path.join(ActivityManifest::events_of(day, &entry.run));
        let prints =
            File::open(&beside).map_err(|it| QueryFailure::unreadable(beside.display(), it))?;
        let opened = File::open(&place).map_err(|it| broken(&it))?;
        let reader = ParquetRecordBatchReaderBuilder::try_new(opened);
        let reader = reader.and_then(|it| it.with_batch_size(ROWS_AT_ONCE).build());
        let batches = reader.map_err(|it| broken(&it))?;
        Ok(DayPieces {
            table: activity_table()?,
            day,
            batches,
            rows: Vec::new().into_iter(),
            open: None,
            prints: BufReader::new(prints),
            read: 0,
            wanted: entry.events,
            place,
            beside,
        })
    }

    pub(crate) fn begin_day(&self, day: Date, run: &str) -> Result<DayWriter, QueryFailure> {
        let table = activity_table()?;
        let made = |path: &str| -> Result<OpenFile, QueryFailure> {
            let place = self.path.join(path);
            place.parent().map_or(Ok(()), make_folder)?;
            let file = File::create(&place);
            let file = file.map_err(|it| QueryFailure::unwritable(place.display(), it))?;
            Ok(OpenFile { place, file })
        };
        let rows = made(&ActivityManifest::rows_of(day, run))?;
        let failed = |it: WriteError| QueryFailure::unwritable(rows.place.display(), it);
        let parquet = rows.file.try_clone().map_err(|it| failed(it.into()))?;
        let parquet = RowsWriter::new(parquet, table).map_err(failed)?;
        let events = made(&ActivityManifest::events_of(day, run))?;
        let sessions = self.path.join(ActivityManifest::sessions_of(day, run));
        let lines = made(&format!(
            "{}.lines",
            ActivityManifest::sessions_of(day, run)
        ))?;
        Ok(DayWriter {
            table,
            waiting: Vec::new(),
            parquet,
            rows,
            events: BufWriter::new(events.file),
            events_at: events.place,
            making: SessionDayMaking::new(day),
            lines: BufWriter::new(lines.file),
            lines_at: lines.place,
            sessions,
            count: ActivityDay {
                run: run.to_owned(),
                rows: 0,
                events: 0,
            },
        })
    }

    /// Writes the manifest.
    ///
    /// CRASH: before the rename the old table is valid, after it the new one. The next run deletes
    /// unnamed files.
    pub(crate) fn write_activity(&self, manifest: &ActivityManifest) -> Result<(), QueryFailure> {
        let text = manifest.text().map_err(QueryFailure::bug)? + "\n";
        let place = self.path.join(ActivityManifest::place());
        let temporary = place.with_extension("json.new");
        place.parent().map_or(Ok(()), make_folder)?;
        write_synced(&temporary, text.as_bytes())
            .and_then(|()| fs::rename(&temporary, &place))
            .map_err(|it| QueryFailure::unwritable(place.display(), it))
    }

    pub(crate) fn copy_beside(&self, from: &Path, path: &str) -> Result<(), QueryFailure> {
        let mut from =
            File::open(from).map_err(|it| QueryFailure::unreadable(from.display(), it))?;
        let place = self.path.join(path);
        place.parent().map_or(Ok(()), make_folder)?;
        let mut copied = || {
            let mut to = File::create(&place)?;
            io::copy(&mut from, &mut to)?;
            to.sync_all()
        };
        copied().map_err(|it| QueryFailure::unwritable(place.display(), it))
    }
}

/// Maximum number of rows as cells, to limit memory next to the columns.
const ROWS_AT_ONCE: usize = 1024;

struct OpenFile {
    place: PathBuf,
    file: File,
}

pub(crate) struct DayPieces {
    table: &'static InventoryTable,
    day: Date,
    batches: ParquetRecordBatchReader,
    rows: std::vec::IntoIter<TableRow>,
    open: Option<(ActivityKey, ActivityFacts, u64)>,
    prints: BufReader<File>,
    read: u64,
    wanted: u64,
    place: PathBuf,
    beside: PathBuf,
}

impl DayPieces {
    fn broken(&self, why: &dyn std::fmt::Display) -> QueryFailure {
        QueryFailure::unreadable(self.place.display(), why)
    }

    fn row(&mut self) -> Result<Option<TableRow>, QueryFailure> {
        loop {
            if let Some(row) = self.rows.next() {
                return Ok(Some(row));
            }
            let Some(batch) = self.batches.next() else {
                return Ok(None);
            };
            let batch = batch.map_err(|it| self.broken(&it))?;
            self.rows = columns::rows(self.table, &batch).into_iter();
        }
    }

    fn piece(&mut self) -> Result<Option<RowPiece>, QueryFailure> {
        if self.open.is_none() {
            let Some(cells) = self.row()? else {
                return self.ended();
            };
            let read = CellReader {
                table: self.table,
                cells: &cells,
            };
            let row = read.row(self.day);
            self.open = Some(row.ok_or_else(|| self.broken(&"a row is not as it is written"))?);
        }
        let Some((key, mut facts, left)) = self.open.take() else {
            return Ok(None);
        };
        for _ in 0..left.min(PIECE_EVENTS as u64) {
            let mut print = [0; 8];
            self.prints.read_exact(&mut print).map_err(|it| {
                if it.kind() == io::ErrorKind::UnexpectedEof {
                    self.broken(&"it does not fit the events beside it")
                } else {
                    QueryFailure::unreadable(self.beside.display(), it)
                }
            })?;
            if !facts.events.insert(u64::from_le_bytes(print)) {
                return Err(self.broken(&"it does not fit the events beside it"));
            }
        }
        let count = facts.count();
        self.read += count;
        if left > count {
            let rest = ActivityFacts {
                events: BTreeSet::new(),
                ..facts.clone()
            };
            self.open = Some((key.clone(), rest, left - count));
        }
        Ok(Some((key, facts)))
    }

    fn ended(&mut self) -> Result<Option<RowPiece>, QueryFailure> {
        let rest = self.prints.fill_buf().map(<[u8]>::is_empty);
        let is_over = rest.map_err(|it| QueryFailure::unreadable(self.beside.display(), it))?;
        if is_over && self.read == self.wanted {
            return Ok(None);
        }
        Err(self.broken(&"it does not have the events that its manifest says"))
    }
}

impl Iterator for DayPieces {
    type Item = Result<RowPiece, QueryFailure>;

    fn next(&mut self) -> Option<Self::Item> {
        self.piece().transpose()
    }
}

pub(crate) struct DayWriter {
    table: &'static InventoryTable,
    waiting: Vec<TableRow>,
    parquet: RowsWriter<File>,
    rows: OpenFile,
    events: BufWriter<File>,
    events_at: PathBuf,
    making: SessionDayMaking,
    lines: BufWriter<File>,
    lines_at: PathBuf,
    sessions: PathBuf,
    count: ActivityDay,
}

impl DayWriter {
    pub(crate) fn piece(&mut self, piece: &MergedPiece<'_>) -> Result<(), QueryFailure> {
        for print in piece.events {
            let written = self.events.write_all(&print.to_le_bytes());
            written.map_err(|it| QueryFailure::unwritable(self.events_at.display(), it))?;
        }
        if !piece.is_last {
            return Ok(());
        }
        self.count.rows += 1;
        self.count.events += piece.totals.events;
        self.waiting
            .push(row_of(self.table, piece.key, piece.totals));
        if self.waiting.len() == ROWS_AT_ONCE {
            self.write_waiting()?;
        }
        let ended = self.making.add(piece.key, piece.totals);
        let ended = ended.map_err(QueryFailure::bug)?;
        self.line(ended)
    }

    fn line(&mut self, line: Option<String>) -> Result<(), QueryFailure> {
        let written = self.lines.write_all(line.unwrap_or_default().as_bytes());
        written.map_err(|it| QueryFailure::unwritable(self.lines_at.display(), it))
    }

    fn write_waiting(&mut self) -> Result<(), QueryFailure> {
        let written = self.parquet.write(self.table, &self.waiting);
        self.waiting.clear();
        written.map_err(|it| QueryFailure::unwritable(self.rows.place.display(), it))
    }

    pub(crate) fn finish(mut self) -> Result<ActivityDay, QueryFailure> {
        self.write_waiting()?;
        let unwritable = |place: &Path, it: &dyn std::fmt::Display| {
            QueryFailure::unwritable(place.display(), it)
        };
        self.parquet
            .finish()
            .map_err(|it| unwritable(&self.rows.place, &it))?;
        let synced = self.rows.file.sync_all();
        synced.map_err(|it| unwritable(&self.rows.place, &it))?;
        let events = self.events.into_inner().map_err(io::Error::from);
        let synced = events.and_then(|it| it.sync_all());
        synced.map_err(|it| unwritable(&self.events_at, &it))?;
        let making = std::mem::replace(&mut self.making, SessionDayMaking::new(Date::MIN));
        let (head, last) = making.finish().map_err(QueryFailure::bug)?;
        let written = self
            .lines
            .write_all(last.unwrap_or_default().as_bytes())
            .and_then(|()| self.lines.flush());
        written.map_err(|it| unwritable(&self.lines_at, &it))?;
        let whole = || -> io::Result<()> {
            let mut to = File::create(&self.sessions)?;
            to.write_all(head.as_bytes())?;
            io::copy(&mut File::open(&self.lines_at)?, &mut to)?;
            to.sync_all()?;
            fs::remove_file(&self.lines_at)
        };
        whole().map_err(|it| unwritable(&self.sessions, &it))?;
        Ok(self.count)
    }
}

fn row_of(table: &InventoryTable, key: &ActivityKey, facts: &ActivityTotals) -> TableRow {
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
        i64::try_from(facts.events).map_or(Cell::Null, Cell::Int),
        Cell::Time(facts.first_seen),
        Cell::Time(facts.last_seen),
        facts.is_write.map_or(Cell::Null, Cell::Bool),
        samples(&facts.resources),
        samples(&facts.source_addresses),
    ]);
    row
}

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

    fn row(&self, day: Date) -> Option<(ActivityKey, ActivityFacts, u64)> {
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
        Some((key, facts, u64::try_from(*count).ok()?))
    }
}
