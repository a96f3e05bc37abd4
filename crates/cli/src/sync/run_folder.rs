//! Data of a run, slice by slice, until the snapshot is built.
//!
//! CRASH: a slice is written to a temporary file and renamed, so it is complete or absent.
//! `--resume` reads only missing or failed slices.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use hallpass_app::host::file_lock::only_process;
use hallpass_app::setup::progress::ProgressLine;
use hallpass_base::Timestamp;
use hallpass_inventory::collect::SliceStore;
use hallpass_inventory::{
    Slice, SliceKey, SliceOutcome, SnapshotId, SyncGroup, TableRow, document_of, table,
};
use hallpass_terminal::exit::Failure;
use hallpass_terminal::machine_name::host;
use hallpass_terminal::output;
use jiff::SignedDuration;
use serde_json::{Value, json};

/// Describes a run; also read by the companion.
const RUN: &str = "run.json";
const SLICES: &str = "slices";
/// Held by the process that runs it.
const LOCK: &str = "lock";
const WRITING: &str = "writing";

/// Maximum age of a slice to resume from; same as for slices carried over from a snapshot.
const KEPT_MAX: SignedDuration = SignedDuration::from_hours(48);

pub(super) struct SyncFolder {
    path: PathBuf,
    /// Run name: the id of its first snapshot.
    id: SnapshotId,
    asked: String,
    snapshot: SnapshotId,
    started: String,
    state: RefCell<SyncProgress>,
    /// Two processes on one run would delete each other's slices.
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
            started: hallpass_base::clock::now().to_string(),
            state: RefCell::new(SyncProgress::new(BTreeSet::new())),
        };
        folder.describe(None)?;
        Ok(folder)
    }

    /// Resumes a run and rereads failed slices. An existing snapshot stays unchanged; the next one
    /// is called `next`.
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
            let failure = Failure::bad_input(format!("the run `{id}` has other arguments"));
            return Err(
                failure.help("`--resume` needs the same arguments as the run that it continues")
            );
        }
        let member = |name: &str| run.get(name).and_then(Value::as_str);
        let is_sealed = run.get("finished").is_some_and(|it| !it.is_null());
        let before = member("snapshot").and_then(|it| it.parse().ok());
        let snapshot = before.filter(|_| !is_sealed).unwrap_or(next);
        let started = member("started").unwrap_or_default().to_owned();
        let done = Self::kept(&path.join(SLICES), hallpass_base::clock::now())
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

    /// Returns reusable slices and deletes the rest. Failed and old slices are reread. If part of
    /// Identity Center is reread, all of it is: mixing people and assignments of different times
    /// would lose new users.
    fn kept(folder: &Path, now: Timestamp) -> io::Result<BTreeSet<SliceKey>> {
        let (mut kept, mut lost) = (Vec::new(), Vec::new());
        for entry in fs::read_dir(folder)? {
            let path = entry?.path();
            let slice: Option<Slice> = serde_json::from_slice::<Value>(&fs::read(&path)?)
                .ok()
                .and_then(|mut it| it.get_mut("slice").map(Value::take))
                .and_then(|it| serde_json::from_value(it).ok());
            match slice {
                Some(slice) if is_usable(&slice, now) => kept.push((slice.key, path)),
                // an unreadable file was truncated
                Some(_) | None => lost.push(path),
            }
        }
        let has = |table: &str| kept.iter().any(|(key, _)| key.table == table);
        let is_torn = lost.iter().any(|it| is_of_center(it))
            || !SyncGroup::IdentityCenter
                .whole_tables()
                .into_iter()
                .all(has);
        if is_torn {
            let of_center = kept.extract_if(.., |(_, path)| is_of_center(path));
            lost.extend(of_center.map(|(_, path)| path));
        }
        for path in &lost {
            fs::remove_file(path)?;
        }
        Ok(kept.into_iter().map(|(key, _)| key).collect())
    }

    pub(super) fn id(&self) -> &SnapshotId {
        &self.id
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// From here the snapshot may exist; its name is never reused.
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
        // slices that count as read survive a machine crash
        file.sync_data()?;
        fs::rename(&writing, place)
    }

    pub(super) fn count_calls(&self, calls: (u64, u64)) {
        self.state.borrow_mut().calls = calls;
    }

    /// Returns calls (with retries) and seconds.
    pub(super) fn effort(&self) -> (u64, u64, f64) {
        let state = self.state.borrow();
        let (calls, again) = state.calls;
        (calls, again, state.line.elapsed().as_secs_f64())
    }

    pub(super) fn end_progress(&self) {
        self.state.borrow_mut().line.end();
    }

    /// Deletes the run; it cannot resume.
    pub(super) fn forget(self) {
        let _ = fs::remove_dir_all(&self.path);
    }
}

fn is_usable(slice: &Slice, now: Timestamp) -> bool {
    let is_fresh = now.duration_since(slice.started) <= KEPT_MAX;
    is_fresh && !matches!(slice.outcome, SliceOutcome::Failed { .. })
}

fn is_of_center(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let table = name.split('~').next().unwrap_or_default();
    SyncGroup::of(table) == Some(SyncGroup::IdentityCenter)
}

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

#[cfg(test)]
mod tests {
    use hallpass_inventory::SliceFailure;

    use super::*;

    const ASKED: &str = "the same words";

    fn id(last: char) -> SnapshotId {
        format!("20261120T000000Z-0000000{last}").parse().unwrap()
    }

    fn slice(table: &str, account: Option<&str>, started: Timestamp) -> Slice {
        Slice {
            key: SliceKey {
                account: account.map(str::to_owned),
                ..SliceKey::whole(table)
            },
            started,
            finished: Some(started),
            outcome: SliceOutcome::Ok { row_count: 0 },
        }
    }

    fn failed(slice: Slice) -> Slice {
        let failure = SliceFailure {
            stage: "call".to_owned(),
            operation: "ListUsers".to_owned(),
            code: "AccessDenied".to_owned(),
            message: "no".to_owned(),
            http_status: Some(403),
            attempts: 1,
            request_id: None,
        };
        let more = Vec::new();
        Slice {
            outcome: SliceOutcome::Failed { failure, more },
            ..slice
        }
    }

    fn gone_on_with(slices: &[Slice]) -> BTreeSet<SliceKey> {
        let base = tempfile::tempdir().unwrap();
        let begun = SyncFolder::begin(base.path(), id('1'), ASKED)
            .map_err(|it| it.words())
            .unwrap();
        for slice in slices {
            begun.keep(slice.clone(), Vec::new()).unwrap();
        }
        drop(begun);
        let again = SyncFolder::go_on(base.path(), &id('1'), ASKED, id('2'))
            .map_err(|it| it.words())
            .unwrap();
        let files = fs::read_dir(again.path.join(SLICES)).unwrap().count();
        let done = again.state.borrow().done.clone();
        assert_eq!(files, done.len());
        done
    }

    #[test]
    fn what_failed_and_what_is_old_is_read_again() {
        let now = hallpass_base::clock::now();
        let of = |account: &str, age: i64| {
            let started = now - SignedDuration::from_hours(age);
            slice("aws_iam_users", Some(account), started)
        };
        let slices = [of("1", 47), of("2", 49), failed(of("3", 1)), of("4", 0)];
        let kept: Vec<SliceKey> = gone_on_with(&slices).into_iter().collect();
        assert_eq!(kept, [slices[0].key.clone(), slices[3].key.clone()]);
    }

    #[test]
    fn identity_center_is_of_one_moment() {
        let now = hallpass_base::clock::now();
        let group = SyncGroup::IdentityCenter;
        let whole = group.whole_tables().into_iter();
        let mut all: Vec<Slice> = whole.map(|it| slice(it, None, now)).collect();
        let of_accounts = group.account_tables().into_iter();
        all.extend(of_accounts.map(|it| slice(it, Some("100000000001"), now)));
        let other = slice("aws_iam_users", Some("100000000001"), now);
        let with = |mut slices: Vec<Slice>| {
            slices.push(other.clone());
            gone_on_with(&slices)
        };
        assert_eq!(with(all.clone()).len(), all.len() + 1);
        for lost in 0..all.len() {
            let mut slices = all.clone();
            slices[lost] = failed(slices[lost].clone());
            assert_eq!(with(slices), BTreeSet::from([other.key.clone()]));
        }
        // stopped before its last table
        all.remove(0);
        assert_eq!(with(all), BTreeSet::from([other.key.clone()]));
    }
}
