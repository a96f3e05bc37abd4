use std::fs;
use std::path::Path;

use hallpass_terminal::exit::Failure;
use hallpass_terminal::output;

/// Writes each text below the folder and logs it.
///
/// # Errors
/// Exit 1 on a failed write; earlier files remain.
pub(super) fn write_all<'a>(
    folder: &Path,
    files: impl IntoIterator<Item = (&'a str, &'a str)>,
) -> Result<(), Failure> {
    for (path, text) in files {
        let path = folder.join(path);
        let made = path.parent().map_or(Ok(()), fs::create_dir_all);
        made.and_then(|()| fs::write(&path, text))
            .map_err(|error| Failure::unwritable(path.display(), &error))?;
        output::say(&format!("wrote {}", path.display()));
    }
    Ok(())
}
