use std::fmt;

use hallpass_base::text::decoded;
use hallpass_rules::syntax::hidden;
use hallpass_rules::{Diagnostic, FindingCode, Position, Severity};

use crate::dynamodb::SourceFile;

/// Limit of a hand-written file, in bytes.
const TEXT_BYTES_MAX: usize = 32 << 20;

/// Problems with positions. Nothing is imported.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImportRefused(pub Vec<Diagnostic>);

impl ImportRefused {
    pub(crate) fn at(file: &str, position: Position, message: impl Into<String>) -> Self {
        Self(vec![problem(
            file,
            FindingCode::BadSyntax,
            position,
            message,
        )])
    }

    pub(crate) fn of(file: &str, message: impl Into<String>) -> Self {
        Self::at(file, START, message)
    }
}

pub(crate) const START: Position = Position { line: 1, column: 1 };

pub(crate) fn problem(
    file: &str,
    code: FindingCode,
    position: Position,
    message: impl Into<String>,
) -> Diagnostic {
    Diagnostic {
        severity: Severity::Error,
        code,
        file: file.to_owned(),
        position,
        list: None,
        index: None,
        field: None,
        value: None,
        message: message.into(),
        help: None,
    }
}

/// # Errors
/// The error findings, with the file's name.
pub(crate) fn refuse_errors(file: &str, findings: Vec<Diagnostic>) -> Result<(), ImportRefused> {
    let errors = findings.into_iter().filter(Diagnostic::is_error);
    let errors: Vec<Diagnostic> = errors
        .map(|error| Diagnostic {
            file: file.to_owned(),
            ..error
        })
        .collect();
    if errors.is_empty() {
        Ok(())
    } else {
        Err(ImportRefused(errors))
    }
}

/// Requires UTF-8, limited length and no invisible characters.
///
/// # Errors
/// The problems with positions.
pub(crate) fn text(file: &SourceFile) -> Result<&str, ImportRefused> {
    if file.bytes.len() > TEXT_BYTES_MAX {
        let mib = TEXT_BYTES_MAX >> 20;
        let what = format!("the text is longer than {mib} MiB: it is not read");
        return Err(ImportRefused::of(&file.name, what));
    }
    let text = decoded(&file.bytes)
        .map_err(|error| ImportRefused::of(&file.name, format!("the text {error}")))?;
    refuse_errors(&file.name, hidden(text))?;
    Ok(text)
}

impl fmt::Display for ImportRefused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.as_slice() {
            [only] => fmt::Display::fmt(only, f),
            errors => write!(f, "{} errors", errors.len()),
        }
    }
}

impl std::error::Error for ImportRefused {}
