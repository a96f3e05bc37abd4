use std::fs;
use std::io::{self, Write as _};
use std::path::Path;

use hallpass_terminal::exit::Failure;

/// Replaces a file's text and keeps its permissions and links.
pub fn replace(path: &Path, text: &str) -> Result<(), Failure> {
    let written = || {
        let path = fs::canonicalize(path)?;
        let folder = path.parent().unwrap_or(Path::new("."));
        let mut beside = tempfile::NamedTempFile::new_in(folder)?;
        beside.write_all(text.as_bytes())?;
        fs::set_permissions(beside.path(), fs::metadata(&path)?.permissions())?;
        beside.as_file().sync_all()?;
        beside.persist(&path).map_err(|error| error.error)?;
        Ok(())
    };
    written().map_err(|error: io::Error| Failure::unwritable(path.display(), &error))
}
