//! Process-lifetime locks: one server per database, one guard per name.
//!
//! A name lock would differ per alias, so links are resolved first. On Linux the file itself is
//! also locked, which detects moved files and double mounts. There that lock (`flock`) does not
//! interact with SQLite's (`fcntl`); elsewhere it may, so only the name is locked. A file with
//! several names is refused at open.

use std::fs::{self, File, TryLockError};
use std::path::{Path, PathBuf};

use hallpass_terminal::exit::{Exit, Failure};

use crate::host::ownership::give_to_folder_owner;

/// Must outlive every database connection: closing any descriptor of the file releases SQLite's
/// locks on it.
#[derive(Debug)]
pub struct OnlyServer {
    _beside: File,
    _itself: Option<File>,
}

/// Locks out other servers of a store while the value lives. Row leases would allow two, but each
/// start releases the other's leases.
pub fn only_server(store: &Path) -> Result<OnlyServer, Failure> {
    let taken = || {
        Failure::new(
            Exit::Held,
            format!("another server has the store `{}`", store.display()),
        )
        .help("stop it first, or give this one another `store.url`")
    };
    // a dangling link's target has one name once it exists
    let itself = private(store).map_err(|error| Failure::unwritable(store.display(), &error))?;
    let real =
        fs::canonicalize(store).map_err(|error| Failure::unreadable(store.display(), &error))?;
    let beside = locked(&beside(&real), &taken)?;
    let itself = if cfg!(target_os = "linux") {
        lock(&itself, store, &taken)?;
        Some(itself)
    } else {
        None
    };
    Ok(OnlyServer {
        _beside: beside,
        _itself: itself,
    })
}

/// Locks the file at `path` for this process while the value lives.
///
/// # Errors
/// `taken`, if another process holds it.
pub fn only_process(path: &Path, taken: &str, help: &str) -> Result<File, Failure> {
    locked(path, &|| Failure::new(Exit::Held, taken).help(help))
}

fn beside(real: &Path) -> PathBuf {
    let mut path = real.as_os_str().to_owned();
    path.push(".lock");
    PathBuf::from(path)
}

/// Opens or creates the file, private to its owner: it will hold addresses and hashes. If root
/// creates it, the folder's owner gets it.
fn private(path: &Path) -> std::io::Result<File> {
    let mut options = File::options();
    options.write(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    match options.clone().create_new(true).open(path) {
        Ok(made) => {
            // the creator can use it anyway
            drop(give_to_folder_owner(&made, path));
            Ok(made)
        }
        // exists, or a link to its future place
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {
            options.create(true).truncate(false).open(path)
        }
        Err(error) => Err(error),
    }
}

fn locked(path: &Path, taken: &dyn Fn() -> Failure) -> Result<File, Failure> {
    let file = private(path).map_err(|error| Failure::unwritable(path.display(), &error))?;
    lock(&file, path, taken)?;
    Ok(file)
}

fn lock(file: &File, path: &Path, taken: &dyn Fn() -> Failure) -> Result<(), Failure> {
    match file.try_lock() {
        Ok(()) => Ok(()),
        Err(TryLockError::WouldBlock) => Err(taken()),
        Err(TryLockError::Error(error)) => Err(Failure::unwritable(path.display(), &error)),
    }
}

#[cfg(all(test, unix))]
mod tests {
    use std::os::unix::fs::{PermissionsExt as _, symlink};

    use super::*;

    #[test]
    fn one_server_whatever_the_file_is_called() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        fs::create_dir(at("other")).unwrap();
        symlink(at("hallpass.db"), at("link.db")).unwrap();
        symlink(at("link.db"), at("other/link-of-a-link.db")).unwrap();
        symlink(folder.path(), at("other/folder")).unwrap();
        let first = only_server(&at("link.db")).unwrap();
        fs::hard_link(at("hallpass.db"), at("other/twin.db")).unwrap();
        let mut names = vec![
            "hallpass.db",
            "link.db",
            "./hallpass.db",
            "other/../hallpass.db",
            "other/link-of-a-link.db",
            "other/folder/hallpass.db",
        ];
        if cfg!(target_os = "linux") {
            names.push("other/twin.db");
        }
        for name in names {
            let refused = only_server(&at(name)).unwrap_err();
            assert!(refused.words().contains("another server"), "{name}");
        }
        only_server(&at("another.db")).expect("another file is another store");
        drop(first);
        only_server(&at("other/folder/hallpass.db")).expect("free again");
        let mode = fs::metadata(at("hallpass.db")).unwrap().permissions();
        assert_eq!(mode.mode() & 0o777, 0o600);
    }

    #[test]
    fn what_root_makes_in_a_folder_is_its_owners_and_what_was_there_stays_whose_it_was() {
        use std::os::unix::fs::{MetadataExt as _, chown};

        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        fs::write(at("roots"), "a secret").unwrap();
        if chown(folder.path(), Some(1), Some(1)).is_err() {
            return;
        }
        drop(only_server(&at("hallpass.db")).unwrap());
        symlink(at("roots"), at("link.db")).unwrap();
        drop(only_server(&at("link.db")).unwrap());
        fs::hard_link(at("roots"), at("twin.db.lock")).unwrap();
        drop(only_server(&at("twin.db")).unwrap());
        for (name, owner) in [
            ("hallpass.db", 1),
            ("hallpass.db.lock", 1),
            ("twin.db", 1),
            ("roots", 0),
        ] {
            assert_eq!(fs::metadata(at(name)).unwrap().uid(), owner, "{name}");
        }
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn a_file_that_is_moved_stays_its_servers() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        let _first = only_server(&at("hallpass.db")).unwrap();
        fs::rename(at("hallpass.db"), at("moved.db")).unwrap();
        assert!(only_server(&at("moved.db")).is_err());
    }
}
