//! Private files: they hold addresses, reasons, hashes of tokens and keys. Mode 0600, folders 0700,
//! regardless of umask; written whole or not at all.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

pub(crate) const PARTIAL: &str = ".partial";

/// Treatment of an existing file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Existing {
    Replaced,
    /// It stays, and nothing is written: [`io::ErrorKind::AlreadyExists`].
    Kept,
}

/// Distinguishes writers of one process, so that none renames another's unfinished file.
static WRITES: AtomicU64 = AtomicU64::new(0);

/// Writes a file and its parent folders. Readers see the old content or all of `bytes`, also after
/// a power loss.
///
/// # Errors
/// System errors; nothing was written then.
pub fn write_private(path: &Path, bytes: &[u8], existing: Existing) -> io::Result<()> {
    write_private_file(path, bytes, existing).map(drop)
}

/// The same; returns the written file, which may have been renamed since.
///
/// # Errors
/// System errors; nothing was written then.
pub fn write_private_file(path: &Path, bytes: &[u8], existing: Existing) -> io::Result<File> {
    let folder = folder_of(path);
    make_private_folder(folder)?;
    let mut partial = path.as_os_str().to_owned();
    let write = WRITES.fetch_add(1, Ordering::Relaxed);
    partial.push(format!(".{}-{write}{PARTIAL}", std::process::id()));
    let partial = PathBuf::from(partial);
    let written = write_through(&partial, bytes)
        // CRASH: before this line the file is absent or unchanged, after it whole
        .and_then(|file| {
            match existing {
                Existing::Replaced => fs::rename(&partial, path)?,
                Existing::Kept => place_once(&partial, path)?,
            }
            Ok(file)
        });
    // already renamed, or useless
    drop(fs::remove_file(&partial));
    let file = written?;
    File::open(folder)?.sync_all()?;
    Ok(file)
}

/// Makes a file's name durable.
pub(crate) fn sync_folder_of(path: &Path) -> io::Result<()> {
    File::open(folder_of(path))?.sync_all()
}

fn folder_of(path: &Path) -> &Path {
    let above = path.parent().filter(|it| !it.as_os_str().is_empty());
    above.unwrap_or(Path::new("."))
}

/// Names a file unless the name is taken. A link refuses to replace; a rename would not, and is
/// only used where the file system has no links.
fn place_once(partial: &Path, path: &Path) -> io::Result<()> {
    match fs::hard_link(partial, path) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists && !path.exists() => {
            fs::rename(partial, path)
        }
        linked => linked,
    }
}

fn write_through(path: &Path, bytes: &[u8]) -> io::Result<File> {
    let mut file = make_private_file(path)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    Ok(file)
}

/// Makes a new, empty, private file.
///
/// # Errors
/// System errors; [`io::ErrorKind::AlreadyExists`] when there is one.
pub fn make_private_file(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let file = options.open(path)?;
    // a umask may have removed the owner's permissions too
    #[cfg(unix)]
    file.set_permissions(std::os::unix::fs::PermissionsExt::from_mode(0o600))?;
    Ok(file)
}

/// Makes a private, durable folder and its missing parents.
///
/// # Errors
/// System errors.
pub fn make_private_folder(folder: &Path) -> io::Result<()> {
    let absent: Vec<&Path> = folder
        .ancestors()
        .take_while(|it| !it.as_os_str().is_empty() && !it.exists())
        .collect();
    for made in absent.into_iter().rev() {
        let mut builder = DirBuilder::new();
        // another process may create it at the same time
        builder.recursive(true);
        #[cfg(unix)]
        std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
        builder.create(made)?;
        #[cfg(unix)]
        fs::set_permissions(made, std::os::unix::fs::PermissionsExt::from_mode(0o700))?;
        File::open(folder_of(made))?.sync_all()?;
    }
    Ok(())
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().permissions().mode() & 0o777
    }

    #[test]
    fn files_are_0600_and_new_folders_0700() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a/b/c.json");
        for existing in [Existing::Kept, Existing::Replaced] {
            write_private(&path, b"x", existing).unwrap();
            assert_eq!(mode(&path), 0o600, "{existing:?}");
        }
        for made in ["a", "a/b"] {
            assert_eq!(mode(&folder.path().join(made)), 0o700, "{made}");
        }
        // keeps folders made by their owner
        let own = folder.path().join("own");
        fs::create_dir(&own).unwrap();
        fs::set_permissions(&own, fs::Permissions::from_mode(0o750)).unwrap();
        write_private(&own.join("c.json"), b"x", Existing::Kept).unwrap();
        assert_eq!(mode(&own), 0o750);
        assert_eq!(mode(&own.join("c.json")), 0o600);
    }

    #[test]
    fn what_is_kept_stays_and_leaves_nothing_beside_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("key.pem");
        write_private(&path, b"first", Existing::Kept).unwrap();
        let refused = write_private(&path, b"second", Existing::Kept).unwrap_err();
        assert_eq!(refused.kind(), io::ErrorKind::AlreadyExists);
        assert_eq!(fs::read(&path).unwrap(), b"first");
        write_private(&path, b"third", Existing::Replaced).unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"third");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }
}
