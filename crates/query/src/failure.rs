//! Exit codes (`design.md` §8) and failures.

use std::fmt::Display;
use std::io::{self, Write as _};
use std::process::ExitCode;

use hallpass_base::text;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum QueryExit {
    Ok,
    Failed,
    BadInput,
    Findings,
    Refused,
    Held,
    Internal,
}

impl From<QueryExit> for ExitCode {
    fn from(exit: QueryExit) -> Self {
        Self::from(match exit {
            QueryExit::Ok => 0,
            QueryExit::Failed => 1,
            QueryExit::BadInput => 2,
            QueryExit::Findings => 3,
            QueryExit::Refused => 4,
            QueryExit::Held => 5,
            QueryExit::Internal => 70,
        })
    }
}

pub(crate) type QueryOutcome = Result<QueryExit, QueryFailure>;

#[derive(Debug)]
pub(crate) struct QueryFailure {
    exit: QueryExit,
    code: Option<&'static str>,
    message: String,
    lines: Vec<String>,
    help: Option<String>,
    quiet: bool,
}

impl From<hallpass_activity::UnorderedPart> for QueryFailure {
    fn from(error: hallpass_activity::UnorderedPart) -> Self {
        Self::failed(format!(
            "a part of the activity table cannot be joined: {error}"
        ))
    }
}

impl QueryFailure {
    /// Creates a failure. Messages use lower case, no final stop, subject in backticks.
    pub(crate) fn new(exit: QueryExit, message: impl Into<String>) -> Self {
        Self {
            exit,
            code: None,
            message: message.into(),
            lines: Vec::new(),
            help: None,
            quiet: false,
        }
    }

    pub(crate) fn bad_input(message: impl Into<String>) -> Self {
        Self::new(QueryExit::BadInput, message)
    }

    pub(crate) fn failed(message: impl Into<String>) -> Self {
        Self::new(QueryExit::Failed, message)
    }

    pub(crate) fn bug(message: impl Display) -> Self {
        Self::new(QueryExit::Internal, format!("{message} (this is a bug)"))
    }

    pub(crate) fn unreadable(path: impl Display, error: impl Display) -> Self {
        Self::bad_input(format!("cannot read `{path}`: {error}"))
    }

    pub(crate) fn unwritable(path: impl Display, error: impl Display) -> Self {
        Self::failed(format!("cannot write `{path}`: {error}"))
    }

    /// The reader of standard output has closed it (`EPIPE`): ends without a message.
    pub(crate) fn stdout(error: &io::Error) -> Self {
        Self {
            quiet: error.kind() == io::ErrorKind::BrokenPipe,
            ..Self::failed(format!("cannot write the output: {error}"))
        }
    }

    #[must_use]
    pub(crate) fn code(self, code: &'static str) -> Self {
        Self {
            code: Some(code),
            ..self
        }
    }

    #[must_use]
    pub(crate) fn lines(mut self, lines: impl IntoIterator<Item = String>) -> Self {
        self.lines.extend(lines);
        self
    }

    #[must_use]
    pub(crate) fn help(self, help: impl Into<String>) -> Self {
        Self {
            help: Some(help.into()),
            ..self
        }
    }

    pub(crate) fn exit(&self) -> QueryExit {
        self.exit
    }

    /// Prints the failure on stderr.
    pub(crate) fn report(&self) {
        if !self.quiet {
            say(&self.text());
        }
    }

    /// Returns the failure in one line without help, for output outside a terminal.
    pub(crate) fn sentence(&self) -> String {
        match self.code {
            Some(code) => format!("{code}: {}", self.message),
            None => self.message.clone(),
        }
    }

    fn text(&self) -> String {
        let label = self
            .code
            .map_or_else(|| "error".to_owned(), |code| format!("error[{code}]"));
        let mut text = format!("{label}: {}", text::written_out(&self.message));
        for line in &self.lines {
            text.push_str("\n  ");
            text.push_str(&text::written_out(line));
        }
        if let Some(help) = &self.help {
            text.push_str("\n  help: ");
            text.push_str(&text::written_out(help));
        }
        text
    }
}

pub(crate) fn say(text: &str) {
    let _ = writeln!(io::stderr().lock(), "{text}");
}

/// Lowers the first letter of a sentence; words in capitals, such as `FETCH`, stay.
pub(crate) fn lower_first(text: &str) -> String {
    let mut chars = text.chars();
    match (chars.next(), chars.clone().next()) {
        (Some(first), Some(second)) if second.is_lowercase() || second == ' ' => {
            first.to_lowercase().chain(chars).collect()
        }
        _ => text.to_owned(),
    }
}
