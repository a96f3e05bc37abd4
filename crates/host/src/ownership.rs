//! Whose the files of a server are: what root puts in place belongs to whom the server's files belong to, as it could
//! not open it otherwise.

use std::path::{Path, PathBuf};

use hallpass_terminal::exit::Failure;

/// What lies at a database's name: itself, what SQLite keeps beside it, the lock of its server, and its key.
const ENDS: [&str; 5] = ["", "-wal", "-shm", ".lock", ".key"];

/// Gives a database, and what lies at its name, to the owner of its folder where somebody else made it.
///
/// # Errors
/// When it belongs to somebody else and may not be given away; nothing else is wrong with it then.
pub fn database_as_of_folder(database: &Path) -> Result<(), Failure> {
    for end in ENDS {
        let mut name = database.as_os_str().to_owned();
        name.push(end);
        give(&PathBuf::from(name), folder_of(database))?;
    }
    Ok(())
}

/// The folder that a file lies in.
pub(crate) fn folder_of(file: &Path) -> &Path {
    let folder = file.parent().filter(|it| !it.as_os_str().is_empty());
    folder.unwrap_or(Path::new("."))
}

/// Gives a file that was made to whom `like` belongs to. Whoever is not root has made it as themselves, and keeps it.
///
/// # Errors
/// When it belongs to somebody else and may not be given away.
#[cfg(unix)]
pub fn give(file: &Path, like: &Path) -> Result<(), Failure> {
    use std::os::unix::fs::{MetadataExt as _, lchown};

    let owner =
        std::fs::metadata(like).map_err(|error| Failure::unreadable(like.display(), &error))?;
    // never through a link: whoever may write in the folder could name any file of the machine
    let Ok(found) = std::fs::symlink_metadata(file) else {
        return Ok(());
    };
    if !found.is_file() || found.uid() == owner.uid() || found.nlink() > 1 {
        return Ok(());
    }
    match lchown(file, Some(owner.uid()), Some(owner.gid())) {
        Err(error) if error.kind() != std::io::ErrorKind::PermissionDenied => {
            let (shown, of) = (file.display(), owner.uid());
            Err(Failure::failed(format!(
                "`{shown}` belongs to user {} and could not be given to user {of}: {error}",
                found.uid()
            ))
            .help("give it to the user that the server runs as: `chown`"))
        }
        Ok(()) | Err(_) => Ok(()),
    }
}

/// Elsewhere files have no owner that keeps a server from them.
#[cfg(not(unix))]
pub fn give(_: &Path, _: &Path) -> Result<(), Failure> {
    Ok(())
}

/// Whether whoever a folder belongs to cannot read a file that is there, as its mode says; root can read any.
#[cfg(unix)]
pub fn is_closed_to_owner_of(folder: &Path, file: &Path) -> bool {
    use std::os::unix::fs::MetadataExt as _;

    let folder = if folder.as_os_str().is_empty() {
        Path::new(".")
    } else {
        folder
    };
    let (Ok(folder), Ok(file)) = (std::fs::metadata(folder), std::fs::metadata(file)) else {
        return false;
    };
    let readers = if file.uid() == folder.uid() {
        0o400
    } else if file.gid() == folder.gid() {
        0o040
    } else {
        0o004
    };
    folder.uid() != 0 && file.mode() & readers == 0
}

/// Elsewhere files have no owner that keeps a server from them.
#[cfg(not(unix))]
pub fn is_closed_to_owner_of(_: &Path, _: &Path) -> bool {
    false
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use std::fs::{Permissions, metadata, set_permissions, symlink_metadata, write};
    use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, chown, symlink};

    use super::*;

    /// The owners of a database and of what lies beside it, put there in a folder of this user's.
    fn owners(user: u32) -> Option<[u32; 5]> {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        for name in [
            "hallpass.db",
            "hallpass.db.lock",
            "hallpass.db.key",
            "foreign",
        ] {
            write(at(name), b"x").unwrap();
        }
        symlink(at("foreign"), at("hallpass.db-wal")).unwrap();
        // only root gives anything away
        chown(folder.path(), Some(user), None).ok()?;
        database_as_of_folder(&at("hallpass.db")).unwrap();
        let names = [
            "hallpass.db",
            "hallpass.db.lock",
            "hallpass.db.key",
            "hallpass.db-wal",
            "foreign",
        ];
        Some(names.map(|name| symlink_metadata(at(name)).unwrap().uid()))
    }

    #[test]
    fn what_is_put_in_a_folder_is_its_owners_and_no_link_is_followed() {
        let folder = tempfile::tempdir().unwrap();
        let me = metadata(folder.path()).unwrap().uid();
        assert_eq!(owners(me), Some([me; 5]), "who owns the folder keeps it");
        if let Some(found) = owners(me + 1) {
            assert_eq!(found, [me + 1, me + 1, me + 1, me, me]);
        }
    }

    #[test]
    fn a_file_that_the_owner_of_the_folder_cannot_read_is_seen() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("hallpass.key");
        let is_closed = || is_closed_to_owner_of(folder.path(), &file);
        assert!(!is_closed(), "there is none");
        write(&file, b"x").unwrap();
        let mode = |mode| set_permissions(&file, Permissions::from_mode(mode)).unwrap();
        mode(0o600);
        assert!(!is_closed());
        // only root gives anything away
        if chown(folder.path(), Some(1), Some(1)).is_err() {
            return;
        }
        assert!(is_closed(), "it is root's alone");
        mode(0o640);
        assert!(is_closed(), "or its group's");
        chown(&file, None, Some(1)).unwrap();
        assert!(!is_closed(), "which may be the server's");
        mode(0o604);
        assert!(
            is_closed(),
            "a group that may not read goes before the others"
        );
        chown(&file, Some(1), None).unwrap();
        assert!(!is_closed());
    }
}
