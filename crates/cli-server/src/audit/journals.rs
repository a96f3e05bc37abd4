//! Verifies guard journals next to the log; each is a separate chain.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use hallpass_app::guard_files::JOURNAL;
use hallpass_audit::{Input, verify};
use hallpass_guard::whole_lines;
use hallpass_terminal::exit::Failure;

/// Journal folder in or next to an export.
const BESIDE: &str = "guard";

#[derive(Debug)]
pub(super) struct CheckedJournal {
    pub(super) path: PathBuf,
    pub(super) records: u64,
    /// Whether a crash truncated the text after the last record.
    pub(super) torn: bool,
}

/// Finds journals of an export, in a folder `guard` in it or next to it.
pub(super) fn beside(export: &Path) -> Vec<PathBuf> {
    let absolute = fs::canonicalize(export).unwrap_or_else(|_| export.to_path_buf());
    let near = [Some(absolute.as_path()), absolute.parent()];
    let folders = near.into_iter().flatten().map(|folder| folder.join(BESIDE));
    folders.filter(|folder| folder.is_dir()).take(1).collect()
}

pub(super) fn check(places: &[PathBuf]) -> Result<Vec<CheckedJournal>, Failure> {
    let mut checked = Vec::new();
    for place in places {
        let unreadable = |error: io::Error| Failure::unreadable(place.display(), &error);
        if !place.is_dir() {
            checked.push(check_one(place)?);
            continue;
        }
        let entries = fs::read_dir(place).map_err(unreadable)?;
        let mut paths = entries
            .map(|entry| entry.map(|entry| entry.path()))
            .collect::<io::Result<Vec<PathBuf>>>()
            .map_err(unreadable)?;
        paths.retain(|path| path.extension().is_some_and(|ending| ending == JOURNAL));
        paths.sort();
        for path in &paths {
            checked.push(check_one(path)?);
        }
    }
    Ok(checked)
}

fn check_one(path: &Path) -> Result<CheckedJournal, Failure> {
    let bytes = fs::read(path).map_err(|error| Failure::unreadable(path.display(), &error))?;
    let (lines, torn) = whole_lines(&bytes);
    let inputs = lines.iter().enumerate().map(|(index, line)| Input {
        place: format!("{}:{}", path.display(), index + 1),
        named: None,
        bytes: line.to_vec(),
    });
    let shown = path.display();
    match verify(inputs.collect::<Vec<_>>(), &[]) {
        Ok(verified) if verified.first > 1 => Err(Failure::failed(format!(
            "the journal `{shown}` begins at record {}",
            verified.first
        ))
        .code("missing")),
        Ok(verified) => Ok(CheckedJournal {
            path: path.to_path_buf(),
            records: verified.records,
            torn: torn.is_some(),
        }),
        Err(fault) => Err(Failure::failed(format!(
            "record {} of the journal `{shown}` is {}",
            fault.seq, fault.kind
        ))
        .code(fault.kind.to_string())
        .detail(&fault.detail)),
    }
}
