//! File ownership: files that root creates for a server go to the folder's owner, else the server
//! could not open them.
//!
//! That owner can replace any name in the folder at any time, even while root works. So ownership
//! is changed only for files this process created, through their descriptors. And root copies from
//! such a folder only files without links and other names: they could be any file of the machine.

use std::fs::File;
use std::io;
use std::path::Path;

use hallpass_store::make_private_folder;
use hallpass_terminal::exit::Failure;

#[cfg(unix)]
use std::fs::Metadata;
#[cfg(unix)]
use std::os::unix::fs::MetadataExt as _;

#[cfg(unix)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct FileOwner {
    user: u32,
    group: u32,
}

#[cfg(unix)]
impl FileOwner {
    fn of(found: &Metadata) -> Self {
        Self {
            user: found.uid(),
            group: found.gid(),
        }
    }

    fn of_folder(folder: &Path) -> io::Result<Self> {
        Ok(Self::of(&std::fs::metadata(folder)?))
    }

    /// By mode and primary group.
    fn may_read(self, file: &Metadata) -> bool {
        let readers = if file.uid() == self.user {
            0o400
        } else if file.gid() == self.group {
            0o040
        } else {
            0o004
        };
        self.user == 0 || file.mode() & readers != 0
    }
}

pub(crate) fn folder_of(file: &Path) -> &Path {
    let folder = file.parent().filter(|it| !it.as_os_str().is_empty());
    folder.unwrap_or(Path::new("."))
}

pub fn is_root() -> bool {
    #[cfg(unix)]
    {
        rustix::process::geteuid().is_root()
    }
    #[cfg(not(unix))]
    {
        false
    }
}

/// Changes the owner of a created file. A non-root process keeps its own; so does root if the file
/// system or container does not support the owner.
#[cfg(unix)]
fn give(made: &File, to: FileOwner) -> io::Result<()> {
    use io::ErrorKind::{InvalidInput, PermissionDenied, Unsupported};

    if made.metadata()?.uid() == to.user {
        return Ok(());
    }
    match std::os::unix::fs::fchown(made, Some(to.user), Some(to.group)) {
        Err(error) if matches!(error.kind(), PermissionDenied | InvalidInput | Unsupported) => {
            Ok(())
        }
        given => given,
    }
}

pub fn give_to_folder_owner(made: &File, path: &Path) -> io::Result<()> {
    #[cfg(unix)]
    give(made, FileOwner::of_folder(folder_of(path))?)?;
    // elsewhere ownership does not block the server
    #[cfg(not(unix))]
    let _ = (made, path);
    Ok(())
}

/// Gives a created copy to the folder's owner if they can read the original, else to the original's
/// owner: no one gains access.
pub fn give_copy(made: &File, path: &Path, original: &File) -> io::Result<()> {
    #[cfg(unix)]
    {
        let (owner, original) = (FileOwner::of_folder(folder_of(path))?, original.metadata()?);
        // a folder of root does not identify the server
        let is_for_owner = owner.user != 0 && owner.may_read(&original);
        let to = if is_for_owner {
            owner
        } else {
            FileOwner::of(&original)
        };
        give(made, to)?;
    }
    #[cfg(not(unix))]
    let _ = (made, path, original);
    Ok(())
}

/// Creates missing folders, private to the owner of the nearest existing one, even as root.
pub fn make_folder(folder: &Path) -> io::Result<()> {
    let absent: Vec<&Path> = folder
        .ancestors()
        .take_while(|it| !it.as_os_str().is_empty() && !it.exists())
        .collect();
    for made in absent.into_iter().rev() {
        make_private_folder(made)?;
        #[cfg(unix)]
        give_folder(made)?;
    }
    Ok(())
}

/// Gives a new folder to the parent's owner, who may have swapped it: an empty folder of root is no
/// loss.
#[cfg(unix)]
fn give_folder(made: &Path) -> io::Result<()> {
    use rustix::fs::{Dir, Mode, OFlags, open};

    let owner = FileOwner::of_folder(folder_of(made))?;
    let flags = OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let opened = open(made, flags, Mode::empty())?;
    for entry in Dir::read_from(&opened)? {
        if !matches!(entry?.file_name().to_bytes(), b"." | b"..") {
            return Ok(());
        }
    }
    give(&File::from(opened), owner)
}

/// Opens a file to copy; `None` if missing. Root follows no link that another user could place.
pub fn open_original(path: &Path) -> Result<Option<File>, Failure> {
    let opened = opened(path)?;
    let Some(file) = opened else { return Ok(None) };
    let found = file.metadata();
    let found = found.map_err(|error| Failure::unreadable(path.display(), &error))?;
    if found.is_file() {
        Ok(Some(file))
    } else {
        Err(Failure::refused(format!("`{}` is no file", path.display())))
    }
}

#[cfg(unix)]
fn opened(path: &Path) -> Result<Option<File>, Failure> {
    use rustix::fs::{Mode, OFlags, open, openat};
    use rustix::io::Errno;

    let unreadable = |error: io::Error| Failure::unreadable(path.display(), &error);
    let Some(name) = path.file_name() else {
        return Ok(None);
    };
    if !is_root() {
        return opened_plainly(path);
    }
    let folder = match open(
        folder_of(path),
        OFlags::DIRECTORY | OFlags::CLOEXEC,
        Mode::empty(),
    ) {
        Ok(folder) => File::from(folder),
        Err(Errno::NOENT | Errno::NOTDIR) => return Ok(None),
        Err(error) => return Err(unreadable(error.into())),
    };
    let above = folder.metadata().map_err(unreadable)?;
    let is_shared = above.uid() != 0 || above.mode() & 0o022 != 0;
    // a pipe would block
    let mut flags = OFlags::NONBLOCK | OFlags::CLOEXEC;
    flags.set(OFlags::NOFOLLOW, is_shared);
    let file = match openat(&folder, name, flags, Mode::empty()) {
        Ok(file) => File::from(file),
        Err(Errno::NOENT) => return Ok(None),
        Err(Errno::LOOP) if is_shared => return Err(doubtful(path)),
        Err(error) => return Err(unreadable(error.into())),
    };
    let found = file.metadata().map_err(unreadable)?;
    let is_theirs = found.uid() == 0 || found.uid() == above.uid();
    if is_shared && (!is_theirs || found.nlink() > 1) {
        return Err(doubtful(path));
    }
    Ok(Some(file))
}

#[cfg(not(unix))]
fn opened(path: &Path) -> Result<Option<File>, Failure> {
    opened_plainly(path)
}

fn opened_plainly(path: &Path) -> Result<Option<File>, Failure> {
    use io::ErrorKind::{NotADirectory, NotFound};

    match File::open(path) {
        Ok(file) => Ok(Some(file)),
        Err(error) if matches!(error.kind(), NotFound | NotADirectory) => Ok(None),
        Err(error) => Err(Failure::unreadable(path.display(), &error)),
    }
}

#[cfg(unix)]
fn doubtful(path: &Path) -> Failure {
    Failure::refused(format!(
        "`{}` is a link, has another name or belongs to a third user, in a folder that is not root's alone: it could be any file of the machine",
        path.display()
    ))
    .help("run this as the user that the server runs as, or put the file itself there")
}

/// Whether the folder's owner cannot read the file by mode; root can read any.
pub fn is_closed_to_owner_of(folder: &Path, file: &Path) -> bool {
    #[cfg(unix)]
    {
        let folder = if folder.as_os_str().is_empty() {
            Path::new(".")
        } else {
            folder
        };
        match (FileOwner::of_folder(folder), std::fs::metadata(file)) {
            (Ok(owner), Ok(file)) => !owner.may_read(&file),
            (Err(_), _) | (_, Err(_)) => false,
        }
    }
    #[cfg(not(unix))]
    {
        let _ = (folder, file);
        false
    }
}

pub fn is_of_root_alone(file: &Path) -> bool {
    #[cfg(unix)]
    {
        std::fs::metadata(file).is_ok_and(|it| it.uid() == 0 && it.mode() & 0o044 == 0)
    }
    #[cfg(not(unix))]
    {
        let _ = file;
        false
    }
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use std::fs::{Permissions, create_dir, hard_link, metadata, set_permissions, write};
    use std::os::unix::fs::{PermissionsExt as _, chown, symlink};

    use hallpass_terminal::exit::Exit;

    use super::*;

    #[test]
    fn a_folder_that_root_makes_belongs_to_whom_the_one_above_does() {
        let folder = tempfile::tempdir().unwrap();
        let deep = folder.path().join("node/keys");
        let wanted = match chown(folder.path(), Some(1), Some(1)) {
            Ok(()) => FileOwner { user: 1, group: 1 },
            Err(_) => FileOwner::of_folder(folder.path()).unwrap(),
        };
        make_folder(&deep).unwrap();
        for made in [folder.path().join("node"), deep] {
            assert_eq!(FileOwner::of_folder(&made).unwrap(), wanted);
            assert_eq!(metadata(&made).unwrap().mode() & 0o777, 0o700);
        }
        // a swapped-in file must keep its owner
        let full = folder.path().join("full");
        create_dir(&full).unwrap();
        write(full.join("x"), "x").unwrap();
        let before = FileOwner::of_folder(&full).unwrap();
        give_folder(&full).unwrap();
        assert_eq!(FileOwner::of_folder(&full).unwrap(), before);
    }

    #[test]
    fn root_copies_no_file_that_somebody_else_may_have_put_there() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        write(at("key"), "a key").unwrap();
        write(at("twin"), "a key").unwrap();
        hard_link(at("twin"), at("twin-of-it")).unwrap();
        symlink(at("key"), at("link")).unwrap();
        for name in ["key", "twin", "link"] {
            let found = open_original(&at(name)).unwrap();
            assert!(found.is_some(), "{name}: the folder is one's own");
        }
        assert!(open_original(&at("none")).unwrap().is_none());
        assert!(open_original(&at("none/below")).unwrap().is_none());
        if chown(folder.path(), Some(1), Some(1)).is_err() {
            return;
        }
        write(at("foreign"), "x").unwrap();
        chown(at("foreign"), Some(2), None).unwrap();
        for name in ["twin", "link", "foreign"] {
            let refused = open_original(&at(name)).unwrap_err();
            assert_eq!(refused.exit(), Exit::Refused, "{name}");
        }
        assert!(open_original(folder.path()).is_err(), "no file");
        for owner in [0, 1] {
            chown(at("key"), Some(owner), None).unwrap();
            assert!(open_original(&at("key")).unwrap().is_some());
        }
    }

    #[test]
    fn a_copy_is_for_whoever_could_read_the_original() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        create_dir(at("theirs")).unwrap();
        if chown(at("theirs"), Some(1), Some(1)).is_err() {
            return;
        }
        let copy = at("theirs/copy");
        for (original, mode, wanted) in [
            ((0, 0), 0o600, 0),
            ((0, 1), 0o640, 1),
            ((1, 1), 0o600, 1),
            ((2, 2), 0o600, 2),
        ] {
            write(at("original"), "x").unwrap();
            set_permissions(at("original"), Permissions::from_mode(mode)).unwrap();
            chown(at("original"), Some(original.0), Some(original.1)).unwrap();
            let made = File::create(&copy).unwrap();
            let of = File::open(at("original")).unwrap();
            give_copy(&made, &copy, &of).unwrap();
            assert_eq!(made.metadata().unwrap().uid(), wanted, "{original:?}");
            std::fs::remove_file(&copy).unwrap();
        }
    }

    #[test]
    fn a_file_that_the_owner_of_the_folder_cannot_read_is_seen() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("hallpass.key");
        let is_closed = || is_closed_to_owner_of(folder.path(), &file);
        assert!(!is_closed(), "none exists");
        write(&file, b"x").unwrap();
        let mode = |mode| set_permissions(&file, Permissions::from_mode(mode)).unwrap();
        mode(0o600);
        assert!(!is_closed());
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
