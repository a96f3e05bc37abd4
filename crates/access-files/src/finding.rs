use std::fmt;

use hallpass_rules::{Diagnostic, Position, Severity};
use serde::Serialize;

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Place {
    pub file: String,
    #[serde(flatten)]
    pub position: Position,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.file, self.position)
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct FileFinding {
    pub severity: Severity,
    #[serde(flatten)]
    pub place: Place,
    pub message: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub help: Option<String>,
}

impl FileFinding {
    pub(crate) fn error(place: &Place, message: impl Into<String>) -> Self {
        Self {
            severity: Severity::Error,
            place: place.clone(),
            message: message.into(),
            help: None,
        }
    }

    pub(crate) fn warning(place: &Place, message: impl Into<String>) -> Self {
        Self {
            severity: Severity::Warning,
            ..Self::error(place, message)
        }
    }

    #[must_use]
    pub(crate) fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    pub(crate) fn of_syntax(file: &str, found: Diagnostic) -> Self {
        Self {
            severity: found.severity,
            place: Place {
                file: file.to_owned(),
                position: found.position,
            },
            message: found.message,
            help: found.help,
        }
    }

    pub fn is_error(&self) -> bool {
        self.severity == Severity::Error
    }
}

impl fmt::Display for FileFinding {
    /// `file:line:column: error: message` and a line of help.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let severity = self.severity.name();
        write!(f, "{}: {severity}: {}", self.place, self.message)?;
        match &self.help {
            Some(help) => write!(f, "\n  help: {help}"),
            None => Ok(()),
        }
    }
}
