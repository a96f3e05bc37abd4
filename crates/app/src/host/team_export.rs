//! Reads AWS TEAM exports of `DynamoDB` tables from files and folders.

use std::fs::{self, File};
use std::io::Read as _;
use std::path::{Path, PathBuf};

use hallpass_imports::team::TeamExport;
use hallpass_imports::{ExportRefused, SourceFile};
use hallpass_terminal::exit::Failure;

pub fn refused(why: &ExportRefused) -> Failure {
    let failure = Failure::bad_input(why.to_string())
        .code("E_EXPORT")
        .within(Path::new(&why.file));
    match why.item {
        Some(item) => failure.at(format!("item {item}")),
        None => failure,
    }
}

const FILES_MAX: usize = 4096;
const BYTES_MAX: u64 = 512 << 20;

pub fn read_export(path: &Path) -> Result<TeamExport, Failure> {
    let name = path.display().to_string();
    let unreadable = |error| Failure::unreadable(&name, &error);
    let mut room = BYTES_MAX;
    let mut files = Vec::new();
    if fs::metadata(path).map_err(unreadable)?.is_dir() {
        let mut found = Vec::new();
        below(path, &mut found)?;
        // an export has its data in a subfolder
        for folder in found
            .iter()
            .filter(|it| it.is_dir())
            .cloned()
            .collect::<Vec<_>>()
        {
            below(&folder, &mut found)?;
        }
        found.sort();
        for file in found.iter().filter(|it| it.is_file()) {
            let inner = file.strip_prefix(path).unwrap_or(file);
            files.push(bytes(file, inner.display().to_string(), &mut room)?);
        }
    } else {
        files.push(bytes(path, name.clone(), &mut room)?);
    }
    Ok(TeamExport { name, files })
}

fn below(folder: &Path, found: &mut Vec<PathBuf>) -> Result<(), Failure> {
    let unreadable = |error| Failure::unreadable(folder.display(), &error);
    for entry in fs::read_dir(folder).map_err(unreadable)? {
        found.push(entry.map_err(unreadable)?.path());
        if found.len() > FILES_MAX {
            return Err(Failure::bad_input(format!(
                "`{}` holds more than {FILES_MAX} files, and is no export",
                folder.display()
            )));
        }
    }
    Ok(())
}

fn bytes(path: &Path, name: String, room: &mut u64) -> Result<SourceFile, Failure> {
    let mut bytes = Vec::new();
    let read = File::open(path).and_then(|file| file.take(*room + 1).read_to_end(&mut bytes));
    read.map_err(|error| Failure::unreadable(path.display(), &error))?;
    let taken = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
    *room = room.checked_sub(taken).ok_or_else(|| {
        let most = BYTES_MAX >> 20;
        Failure::bad_input(format!("`{}`: more than {most} MiB in all", path.display()))
    })?;
    Ok(SourceFile { name, bytes })
}
