//! Reads access files and their policies from disk.

use std::fs;
use std::path::{Path, PathBuf};

use hallpass_access_files::{AccessFile, FileFinding, SourceText, read};
use hallpass_base::text::decoded;
use hallpass_terminal::exit::Failure;
use hallpass_terminal::output;
use hallpass_terminal::text_file::{TEXT_BYTES_MAX, read_text};

pub struct ReadFiles {
    pub file: Option<AccessFile>,
    pub findings: Vec<FileFinding>,
}

/// Reads the files as one.
///
/// # Errors
/// An unreadable file; invalid content is a finding.
pub fn read_files(paths: &[PathBuf]) -> Result<ReadFiles, Failure> {
    let mut sources = Vec::new();
    for path in paths {
        let name = path.display().to_string();
        let text = read_text(path, TEXT_BYTES_MAX)?;
        sources.push(SourceText { name, text });
    }
    Ok(match read(&sources, &policy_beside) {
        Ok((file, findings)) => ReadFiles {
            file: Some(file),
            findings,
        },
        Err(findings) => ReadFiles {
            file: None,
            findings,
        },
    })
}

fn policy_beside(file: &str, path: &str) -> Result<String, String> {
    let folder = Path::new(file).parent().unwrap_or(Path::new(""));
    let bytes = fs::read(folder.join(path)).map_err(|error| error.to_string())?;
    let text = decoded(&bytes).map_err(|error| format!("it {error}"))?;
    Ok(text.to_owned())
}

/// Reads the files as one, ready for use; passes warnings to `say`.
///
/// # Errors
/// Exit 2 with all errors.
pub fn usable(paths: &[PathBuf], mut say: impl FnMut(String)) -> Result<AccessFile, Failure> {
    let read = read_files(paths)?;
    let (errors, warnings): (Vec<_>, Vec<_>) = read.findings.iter().partition(|it| it.is_error());
    for warning in warnings {
        say(plain_lines(&warning.to_string()));
    }
    match read.file {
        Some(file) => Ok(file),
        None => Err(unusable(errors.into_iter())),
    }
}

pub(crate) fn unusable<'a>(errors: impl Iterator<Item = &'a FileFinding>) -> Failure {
    let mut failure = Failure::bad_input("the files cannot be used; nothing was done");
    for error in errors {
        for line in error.to_string().lines() {
            failure = failure.detail(line);
        }
    }
    failure
}

pub fn plain_lines(text: &str) -> String {
    let lines: Vec<String> = text.lines().map(output::plain).collect();
    lines.join("\n")
}
