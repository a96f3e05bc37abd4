//! What snapshots say of access, as it lies beside their tables: `_access/ID.json` in their folder,
//! which counts once there is a manifest (`inventory.md` T-1).

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use hallpass_inventory::{AccessSnapshot, SnapshotId};

use crate::exit::Failure;

/// Where it lies.
const ACCESS: &str = "_access";
/// Where manifests lie.
const MANIFESTS: &str = "_manifests";

/// The newest snapshot that says anything of access; none where there is none yet.
///
/// # Errors
/// When the folder cannot be read.
pub(crate) fn newest(folder: &Path) -> io::Result<Option<SnapshotId>> {
    let entries = match fs::read_dir(folder.join(ACCESS)) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    let mut newest = None;
    for entry in entries {
        let path = entry?.path();
        let id = path.file_stem().and_then(|it| it.to_str()?.parse().ok());
        let is_whole = |id: &SnapshotId| folder.join(MANIFESTS).join(format!("{id}.json")).exists();
        newest = newest.max(id.filter(is_whole));
    }
    Ok(newest)
}

/// What a snapshot says of access.
///
/// # Errors
/// When it cannot be read.
pub(crate) fn read(folder: &Path, id: &SnapshotId) -> io::Result<AccessSnapshot> {
    let text = fs::read(path(folder, id))?;
    serde_json::from_slice(&text).map_err(io::Error::other)
}

fn path(folder: &Path, id: &SnapshotId) -> PathBuf {
    folder.join(ACCESS).join(format!("{id}.json"))
}

/// What the newest snapshot of a folder says of access.
///
/// # Errors
/// Exit 2 where there is none, or where it cannot be read.
pub(crate) fn read_newest(folder: &Path) -> Result<AccessSnapshot, Failure> {
    let unreadable = |error: io::Error| Failure::unreadable(folder.display(), &error);
    let Some(id) = newest(folder).map_err(unreadable)? else {
        let message = format!(
            "no snapshot in `{}` says who can reach what",
            folder.display()
        );
        return Err(Failure::bad_input(message).help("`hallpass sync` makes one"));
    };
    read(folder, &id).map_err(|error| Failure::unreadable(path(folder, &id).display(), &error))
}
