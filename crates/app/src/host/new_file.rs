//! A new output file: complete under its name or absent, never overwriting.

use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use hallpass_terminal::exit::Failure;
use tempfile::NamedTempFile;

/// Written without a name; deleted on drop.
#[derive(Debug)]
pub struct NewFile {
    file: NamedTempFile,
    path: PathBuf,
}

impl NewFile {
    /// Writes `text` into the folder of `path`, readable by all: the server runs as another user,
    /// and there is no secret.
    ///
    /// # Errors
    /// An unwritable folder.
    pub fn for_path(path: &Path, text: &str) -> Result<Self, Failure> {
        let folder = match path.parent() {
            Some(folder) if !folder.as_os_str().is_empty() => folder,
            _ => Path::new("."),
        };
        let written = || {
            let mut file = tempfile::Builder::new()
                .prefix(".hallpass-new-")
                .tempfile_in(folder)?;
            file.write_all(text.as_bytes())?;
            readable(file.as_file())?;
            file.as_file().sync_all()?;
            Ok(file)
        };
        let file =
            written().map_err(|error: io::Error| Failure::unwritable(path.display(), &error))?;
        let path = path.to_owned();
        Ok(Self { file, path })
    }

    /// Names the file.
    ///
    /// # Errors
    /// `exists` if the name is taken, even by a dangling link; else the system's.
    pub fn place(self, exists: impl FnOnce(&Path) -> Failure) -> Result<(), Failure> {
        match self.file.persist_noclobber(&self.path) {
            Ok(_) => Ok(()),
            Err(error) if error.error.kind() == io::ErrorKind::AlreadyExists => {
                Err(exists(&self.path))
            }
            Err(error) => Err(Failure::unwritable(self.path.display(), &error.error)),
        }
    }
}

#[cfg(unix)]
fn readable(file: &fs::File) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    file.set_permissions(fs::Permissions::from_mode(0o644))
}

#[cfg(not(unix))]
fn readable(_file: &fs::File) -> io::Result<()> {
    Ok(())
}
