//! What a run has read, slice by slice, until the snapshot is made of it.
//!
//! CRASH: a slice is written beside and moved to its place, so that it is there whole or not at
//! all. What stopped is gone on with by `--resume`, which reads only what is missing or failed.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use hallpass_collect::SliceStore;
use hallpass_host::file_lock::only_process;
use hallpass_host::machine_name::host;
use hallpass_inventory::{Slice, SliceKey, SliceOutcome, SnapshotId, TableRow, document_of, table};
use hallpass_model::Timestamp;
use hallpass_setup::progress::ProgressLine;
use hallpass_terminal::exit::Failure;
use hallpass_terminal::output;
use serde_json::{Value, json};

/// What a run is; the companion reads it, too.
const RUN: &str = "run.json";
/// Where slices are.
const SLICES: &str = "slices";
/// Held by the process that works on the run.
const LOCK: &str = "lock";
/// A slice that is being written.
const WRITING: &str = "writing";

/// The folder of one run.
pub(super) struct SyncFolder {
    path: PathBuf,
    /// The name of the run: that of the snapshot that was made of it first.
    id: SnapshotId,
    asked: String,
    /// The snapshot that is made of it next.
    snapshot: SnapshotId,
    started: String,
    state: RefCell<SyncProgress>,
    /// Two that go on with one run would each take away what the other has read.
    _only: File,
}

struct SyncProgress {
    done: BTreeSet<SliceKey>,
    expected: usize,
    failed: usize,
    calls: (u64, u64),
    line: ProgressLine,
}

impl SyncFolder {
    /// A new run.
    pub(super) fn begin(base: &Path, id: SnapshotId, asked: &str) -> Result<Self, Failure> {
        let path = base.join(id.as_str());
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(path.join(SLICES))
            .map_err(|error| Failure::unwritable(path.display(), &error))?;
        let folder = Self {
            _only: only(&path, &id)?,
            path,
            snapshot: id.clone(),
            id,
            asked: asked.to_owned(),
            started: hallpass_clock::now().to_string(),
            state: RefCell::new(SyncProgress::new(BTreeSet::new())),
        };
        folder.describe(None)?;
        Ok(folder)
    }

    /// A run that goes on: what failed is forgotten, so that it is read again. A snapshot that was
    /// made of it stays what it is; the next is another, called `next`.
    pub(super) fn go_on(
        base: &Path,
        id: &SnapshotId,
        asked: &str,
        next: SnapshotId,
    ) -> Result<Self, Failure> {
        let path = base.join(id.as_str());
        let file = path.join(RUN);
        let text = fs::read_to_string(&file).map_err(|_| {
            let failure = Failure::bad_input(format!("there is no run `{id}` to go on with"));
            let base = base.display();
            failure.help(format!("runs that did not end well are kept in {base}"))
        })?;
        let only = only(&path, id)?;
        let run: Value = serde_json::from_str(&text).unwrap_or_default();
        if run.get("asked").and_then(Value::as_str) != Some(asked) {
            let failure =
                Failure::bad_input(format!("the run `{id}` was asked for something else"));
            return Err(
                failure.help("`--resume` goes with the same words as the run that it goes on with")
            );
        }
        let member = |name: &str| run.get(name).and_then(Value::as_str);
        let is_sealed = run.get("finished").is_some_and(|it| !it.is_null());
        let before = member("snapshot").and_then(|it| it.parse().ok());
        let snapshot = before.filter(|_| !is_sealed).unwrap_or(next);
        let started = member("started").unwrap_or_default().to_owned();
        let done = Self::kept(&path.join(SLICES))
            .map_err(|error| Failure::unreadable(path.display(), &error))?;
        let folder = Self {
            _only: only,
            path,
            id: id.clone(),
            asked: asked.to_owned(),
            snapshot,
            started,
            state: RefCell::new(SyncProgress::new(done)),
        };
        folder.describe(None)?;
        Ok(folder)
    }

    /// The slices that are there; those that failed are taken away.
    fn kept(folder: &Path) -> io::Result<BTreeSet<SliceKey>> {
        let mut done = BTreeSet::new();
        for entry in fs::read_dir(folder)? {
            let path = entry?.path();
            let kept: Option<Slice> = serde_json::from_slice::<Value>(&fs::read(&path)?)
                .ok()
                .and_then(|mut it| it.get_mut("slice").map(Value::take))
                .and_then(|it| serde_json::from_value(it).ok());
            match kept {
                Some(slice) if !matches!(slice.outcome, SliceOutcome::Failed { .. }) => {
                    done.insert(slice.key);
                }
                // what cannot be read was torn off, and is read again
                Some(_) | None => fs::remove_file(&path)?,
            }
        }
        Ok(done)
    }

    /// The name of the run.
    pub(super) fn id(&self) -> &SnapshotId {
        &self.id
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// From here on the snapshot may be there: it is never made a second time under its name.
    pub(super) fn begin_sealing(&mut self, now: Timestamp) -> Result<(), Failure> {
        self.describe(Some(now))
    }

    fn describe(&self, finished: Option<Timestamp>) -> Result<(), Failure> {
        let run = json!({
            "asked": self.asked,
            "snapshot": self.snapshot.as_str(),
            "started": self.started,
            "finished": finished.map(|it| it.to_string()),
            "host": host(),
            "version": env!("CARGO_PKG_VERSION"),
        });
        let path = self.path.join(RUN);
        self.write(&path, run.to_string().as_bytes())
            .map_err(|error| Failure::unwritable(path.display(), &error))
    }

    fn write(&self, place: &Path, bytes: &[u8]) -> io::Result<()> {
        let writing = self.path.join(WRITING);
        let mut file: File = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o600)
            .open(&writing)?;
        file.write_all(bytes)?;
        // what counts as read is on the disk, whatever becomes of the machine
        file.sync_data()?;
        fs::rename(&writing, place)
    }

    pub(super) fn count_calls(&self, calls: (u64, u64)) {
        self.state.borrow_mut().calls = calls;
    }

    /// Calls, repeated ones among them, and seconds.
    pub(super) fn effort(&self) -> (u64, u64, f64) {
        let state = self.state.borrow();
        let (calls, again) = state.calls;
        (calls, again, state.line.elapsed().as_secs_f64())
    }

    pub(super) fn end_progress(&self) {
        self.state.borrow_mut().line.end();
    }

    /// Nobody goes on with this run.
    pub(super) fn forget(self) {
        // what cannot be taken away now is a folder too many, and nothing worse
        let _ = fs::remove_dir_all(&self.path);
    }
}

/// Makes this process the only one that works on a run.
fn only(path: &Path, id: &SnapshotId) -> Result<File, Failure> {
    let taken = format!("another process works on the run `{id}`");
    only_process(
        &path.join(LOCK),
        &taken,
        "let it end, or stop it; then go on with the run",
    )
}

impl SliceStore for SyncFolder {
    fn has(&self, key: &SliceKey) -> bool {
        self.state.borrow().done.contains(key)
    }

    fn expect(&self, slices: usize) {
        self.state.borrow_mut().expected += slices;
    }

    fn keep(&self, slice: Slice, rows: Vec<TableRow>) -> io::Result<()> {
        let key = &slice.key;
        let name = key.account.as_deref().unwrap_or("all");
        let name = format!("{}~{name}~{}.json", key.table, key.region);
        let table = table(&key.table).ok_or_else(|| io::Error::other("no such table"))?;
        let rows: Vec<Value> = rows.iter().map(|row| document_of(table, row)).collect();
        let document = json!({ "slice": slice, "rows": rows });
        let place = self.path.join(SLICES).join(name);
        self.write(&place, document.to_string().as_bytes())?;
        let mut state = self.state.borrow_mut();
        state.failed += usize::from(matches!(slice.outcome, SliceOutcome::Failed { .. }));
        state.done.insert(slice.key);
        state.tell();
        Ok(())
    }

    fn note(&self, words: String) {
        let state = self.state.borrow();
        let say = || output::say(&format!("note: {}", output::plain(&words)));
        state.line.suspend(say);
    }
}

impl SyncProgress {
    fn new(done: BTreeSet<SliceKey>) -> Self {
        Self {
            done,
            expected: 0,
            failed: 0,
            calls: (0, 0),
            line: ProgressLine::new(""),
        }
    }

    fn tell(&mut self) {
        let (done, expected) = (self.done.len(), self.expected);
        let text = format!("{done}/{expected} slices, {} failed", self.failed);
        self.line.say(text);
    }
}
