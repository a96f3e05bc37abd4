//! How a run ends: exit codes as every command of Hallpass has them (`design.md` §8), and failures.

use std::fmt::Display;
use std::io::{self, Write as _};
use std::process::ExitCode;

use hallpass_base::text;

/// The exit codes that this program uses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum QueryExit {
    /// All went well.
    Ok,
    /// It failed, or the data are partial.
    Failed,
    /// Bad input; nothing was done.
    BadInput,
    /// Findings, where one asked to be told so.
    Findings,
    /// A limit was passed; nothing was printed.
    Refused,
    /// Another process is at it.
    Held,
    /// A mistake of ours.
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

/// What a command answers.
pub(crate) type QueryOutcome = Result<QueryExit, QueryFailure>;

/// Why a command did not do what was asked.
#[derive(Debug)]
pub(crate) struct QueryFailure {
    exit: QueryExit,
    code: Option<&'static str>,
    message: String,
    /// Lines below it, such as the place in a statement.
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
    /// A failure with its exit code: lower case, no final stop, subject in backticks.
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

    /// What was given cannot be used.
    pub(crate) fn bad_input(message: impl Into<String>) -> Self {
        Self::new(QueryExit::BadInput, message)
    }

    /// The operation failed.
    pub(crate) fn failed(message: impl Into<String>) -> Self {
        Self::new(QueryExit::Failed, message)
    }

    /// We contradict ourselves.
    pub(crate) fn bug(message: impl Display) -> Self {
        Self::new(QueryExit::Internal, format!("{message} (this is a bug)"))
    }

    /// A file that cannot be read.
    pub(crate) fn unreadable(path: impl Display, error: impl Display) -> Self {
        Self::bad_input(format!("cannot read `{path}`: {error}"))
    }

    /// A file that cannot be written.
    pub(crate) fn unwritable(path: impl Display, error: impl Display) -> Self {
        Self::failed(format!("cannot write `{path}`: {error}"))
    }

    /// The reader of standard output is gone (`EPIPE`): the run ends without a message.
    pub(crate) fn stdout(error: &io::Error) -> Self {
        Self {
            quiet: error.kind() == io::ErrorKind::BrokenPipe,
            ..Self::failed(format!("cannot write the output: {error}"))
        }
    }

    /// The stable code a program can act on.
    #[must_use]
    pub(crate) fn code(self, code: &'static str) -> Self {
        Self {
            code: Some(code),
            ..self
        }
    }

    /// More lines about it.
    #[must_use]
    pub(crate) fn lines(mut self, lines: impl IntoIterator<Item = String>) -> Self {
        self.lines.extend(lines);
        self
    }

    /// What would help.
    #[must_use]
    pub(crate) fn help(self, help: impl Into<String>) -> Self {
        Self {
            help: Some(help.into()),
            ..self
        }
    }

    /// The exit code it leads to.
    pub(crate) fn exit(&self) -> QueryExit {
        self.exit
    }

    /// Says what went wrong, on stderr.
    pub(crate) fn report(&self) {
        if !self.quiet {
            say(&self.text());
        }
    }

    /// What went wrong, in one line without help: for an answer that is not for a terminal.
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

/// Says something on stderr. Nobody hears whether that works.
pub(crate) fn say(text: &str) {
    let _ = writeln!(io::stderr().lock(), "{text}");
}

/// A sentence as part of another: words in capitals, such as `FETCH`, stay.
pub(crate) fn lower_first(text: &str) -> String {
    let mut chars = text.chars();
    match (chars.next(), chars.clone().next()) {
        (Some(first), Some(second)) if second.is_lowercase() || second == ' ' => {
            first.to_lowercase().chain(chars).collect()
        }
        _ => text.to_owned(),
    }
}
