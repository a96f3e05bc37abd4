//! Whose the files of a database are: what root puts in place belongs to whom its folder belongs to, as the server
//! could not open it otherwise.

use std::path::Path;

use hallpass_terminal::exit::Failure;

/// What lies at a database's name: itself, what SQLite keeps beside it, and the lock of its server.
#[cfg(unix)]
const ENDS: [&str; 4] = ["", "-wal", "-shm", ".lock"];

/// Gives a database to the owner of its folder where somebody else made it.
///
/// # Errors
/// When it belongs to somebody else and may not be given away; nothing else is wrong with it then.
#[cfg(unix)]
pub(super) fn as_of_folder(database: &Path) -> Result<(), Failure> {
    use std::os::unix::fs::{MetadataExt as _, lchown};
    use std::path::PathBuf;

    let folder = database.parent().filter(|it| !it.as_os_str().is_empty());
    let folder = folder.unwrap_or(Path::new("."));
    let owner =
        std::fs::metadata(folder).map_err(|error| Failure::unreadable(folder.display(), &error))?;
    for end in ENDS {
        let mut name = database.as_os_str().to_owned();
        name.push(end);
        let file = PathBuf::from(name);
        // never through a link: whoever may write in the folder could name any file of the machine
        let Ok(found) = std::fs::symlink_metadata(&file) else {
            continue;
        };
        if !found.is_file() || found.uid() == owner.uid() || found.nlink() > 1 {
            continue;
        }
        let given = lchown(&file, Some(owner.uid()), Some(owner.gid()));
        // whoever is not root has restored as themselves
        if given
            .as_ref()
            .is_err_and(|it| it.kind() == std::io::ErrorKind::PermissionDenied)
        {
            continue;
        }
        given.map_err(|error| {
            let (shown, of) = (file.display(), owner.uid());
            Failure::failed(format!(
                "`{shown}` belongs to user {} and not to user {of}, as its folder does: {error}",
                found.uid()
            ))
            .help("give it to the user that the server runs as: `chown`")
        })?;
    }
    Ok(())
}

/// Elsewhere files have no owner that keeps a server from them.
#[cfg(not(unix))]
pub(super) fn as_of_folder(_: &Path) -> Result<(), Failure> {
    Ok(())
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use std::os::unix::fs::{MetadataExt as _, chown, symlink};

    use super::*;

    /// The owners of a database and of what lies beside it, put there in a folder of this user's.
    fn owners(user: u32) -> Option<[u32; 4]> {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        for name in ["hallpass.db", "hallpass.db.lock", "foreign"] {
            std::fs::write(at(name), b"x").unwrap();
        }
        symlink(at("foreign"), at("hallpass.db-wal")).unwrap();
        // only root gives anything away
        chown(folder.path(), Some(user), None).ok()?;
        as_of_folder(&at("hallpass.db")).unwrap();
        let names = [
            "hallpass.db",
            "hallpass.db.lock",
            "hallpass.db-wal",
            "foreign",
        ];
        Some(names.map(|name| std::fs::symlink_metadata(at(name)).unwrap().uid()))
    }

    #[test]
    fn what_is_put_in_a_folder_is_its_owners_and_no_link_is_followed() {
        let folder = tempfile::tempdir().unwrap();
        let me = std::fs::metadata(folder.path()).unwrap().uid();
        assert_eq!(owners(me), Some([me; 4]), "who owns the folder keeps it");
        if let Some(found) = owners(me + 1) {
            assert_eq!(found, [me + 1, me + 1, me, me]);
        }
    }
}
