//! The table's folder: one writer at a time; deletes files that no manifest names.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use hallpass_activity::ActivityManifest;
use hallpass_app::host::file_lock::only_process;
use hallpass_terminal::exit::Failure;

/// The snapshot folder, locked by this process.
#[derive(Debug)]
pub(super) struct HeldPlace {
    folder: PathBuf,
    /// Releases the lock when closed, however the process ends.
    lock: File,
}

impl HeldPlace {
    /// Takes the lock; exit 5 where another run holds it.
    pub(super) fn take(folder: &Path) -> Result<Self, Failure> {
        let own = folder.join(ActivityManifest::FOLDER);
        fs::create_dir_all(&own).map_err(|error| Failure::unwritable(own.display(), &error))?;
        let taken = format!("another run writes activity in `{}`", folder.display());
        let lock = only_process(&own.join("run"), &taken, "try again when it has ended")?;
        Ok(Self {
            folder: folder.to_path_buf(),
            lock,
        })
    }

    /// Shares the lock with a child program, which holds it after this process ends.
    ///
    /// # Errors
    /// No file descriptors left.
    pub(super) fn shared(&self) -> Result<Stdio, Failure> {
        let lock = self.lock.try_clone();
        lock.map(Stdio::from)
            .map_err(|error| Failure::failed(format!("cannot hand on the lock: {error}")))
    }

    pub(super) fn manifest(&self) -> Result<Option<ActivityManifest>, Failure> {
        read_manifest(&self.folder)
    }

    /// Deletes leftovers of unfinished runs, and replaced files.
    pub(super) fn sweep(&self) -> Result<(), Failure> {
        let manifest = self.manifest()?;
        let days = manifest.iter().flat_map(|it| &it.days);
        let names: Vec<PathBuf> = days
            .flat_map(|(day, it)| {
                let rows = ActivityManifest::rows_of(*day, &it.run);
                let beside = [
                    ActivityManifest::events_of(*day, &it.run),
                    ActivityManifest::sessions_of(*day, &it.run),
                ];
                let rows = rows.rsplit_once('/').map(|(folder, _)| folder.to_owned());
                rows.into_iter().chain(beside)
            })
            .map(|it| self.folder.join(it))
            .collect();
        let of_table = self.folder.join(ActivityManifest::TABLE);
        let own = self.folder.join(ActivityManifest::FOLDER);
        for days in [of_table, own.join("events"), own.join("sessions")] {
            for day in inside(&days)? {
                for run in inside(&day)? {
                    if !names.contains(&run) {
                        gone(&run)?;
                    }
                }
                // fails while the day's folder has other content
                let _ = fs::remove_dir(&day);
            }
        }
        let runs = manifest.iter().flat_map(|it| &it.read_by);
        let lists: Vec<PathBuf> = runs
            .map(|run| self.folder.join(ActivityManifest::sources_of(run)))
            .collect();
        for list in inside(&own.join("sources"))? {
            if !lists.contains(&list) {
                gone(&list)?;
            }
        }
        for run in inside(&self.runs())? {
            gone(&run)?;
        }
        Ok(())
    }

    pub(super) fn runs(&self) -> PathBuf {
        self.folder.join(ActivityManifest::FOLDER).join("reading")
    }

    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }
}

/// `None` without a table.
pub(super) fn read_manifest(folder: &Path) -> Result<Option<ActivityManifest>, Failure> {
    let path = folder.join(ActivityManifest::place());
    let text = match fs::read_to_string(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(Failure::unreadable(path.display(), &error)),
    };
    ActivityManifest::read(&text)
        .map(Some)
        .map_err(|error| Failure::bad_input(format!("cannot read `{}`: {error}", path.display())))
}

fn inside(folder: &Path) -> Result<Vec<PathBuf>, Failure> {
    let unreadable = |error: &io::Error| Failure::unreadable(folder.display(), error);
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(unreadable(&error)),
    };
    let paths = entries.map(|it| it.map(|it| it.path()));
    paths
        .collect::<io::Result<_>>()
        .map_err(|it| unreadable(&it))
}

fn gone(path: &Path) -> Result<(), Failure> {
    let removed = if path.is_dir() {
        fs::remove_dir_all(path)
    } else {
        fs::remove_file(path)
    };
    removed.map_err(|error| Failure::failed(format!("cannot remove `{}`: {error}", path.display())))
}
