//! Exit codes of a run, and the failures that lead to them.

use std::fmt::{Display, Write as _};
use std::io;
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, Ordering};

use hallpass_base::text;
use hallpass_iam::BadInput;

use crate::say;

/// The exit codes of every command (`design.md` §8).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    Ok,
    /// The operation or check failed, or the result is partial.
    Failed,
    /// Bad input; nothing was done.
    BadInput,
    /// Changes or findings are present; only on request.
    Findings,
    /// Refused for safety; nothing was done.
    Refused,
    /// The lane or lock is held elsewhere.
    Held,
    /// A defect of Hallpass.
    Internal,
}

impl Exit {
    pub const fn code(self) -> u8 {
        match self {
            Self::Ok => 0,
            Self::Failed => 1,
            Self::BadInput => 2,
            Self::Findings => 3,
            Self::Refused => 4,
            Self::Held => 5,
            Self::Internal => 70,
        }
    }

    /// Returns a read-only command's exit: unreadable parts make it partial; findings count only on
    /// request.
    pub const fn of_look(is_partial: bool, finds: bool) -> Self {
        if is_partial {
            Self::Failed
        } else if finds {
            Self::Findings
        } else {
            Self::Ok
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.code())
    }
}

/// Failure code without an answer.
pub const UNREACHABLE: &str = "unreachable";

pub type Outcome = Result<Exit, Failure>;

/// Format of failures on stderr.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FailureForm {
    Text,
    /// One document `{"error":{"code","message","pointer","file","help"}}` (`policies.md` §1),
    /// where data is printed as JSON.
    Json,
}

static VERBOSE: AtomicBool = AtomicBool::new(false);

/// Makes every later [`Failure::report`] print causes.
pub fn report_causes() {
    VERBOSE.store(true, Ordering::Relaxed);
}

fn is_verbose() -> bool {
    VERBOSE.load(Ordering::Relaxed)
}

#[derive(Debug)]
pub struct Failure {
    exit: Exit,
    code: Option<Box<str>>,
    message: String,
    details: Vec<String>,
    /// What a library or the system reported; printed on request.
    cause: Option<Box<str>>,
    help: Option<String>,
    /// Boxed, so that a failure stays small.
    place: Option<Box<InputPlace>>,
    quiet: bool,
}

#[derive(Debug, Default)]
struct InputPlace {
    file: String,
    pointer: String,
}

impl From<BadInput> for Failure {
    fn from(error: BadInput) -> Self {
        Self::bad_input(error.message)
            .code(error.code)
            .at(error.pointer)
    }
}

impl Failure {
    /// Makes a failure: lower case, no final stop, subject in backticks.
    pub fn new(exit: Exit, message: impl Into<String>) -> Self {
        Self {
            exit,
            code: None,
            message: message.into(),
            details: Vec::new(),
            cause: None,
            help: None,
            place: None,
            quiet: false,
        }
    }

    pub fn failed(message: impl Into<String>) -> Self {
        Self::new(Exit::Failed, message)
    }

    /// Invalid input; nothing was done.
    pub fn bad_input(message: impl Into<String>) -> Self {
        Self::new(Exit::BadInput, message)
    }

    /// Dangerous; nothing was done.
    pub fn refused(message: impl Into<String>) -> Self {
        Self::new(Exit::Refused, message)
    }

    pub fn bug(message: impl Display) -> Self {
        Self::new(Exit::Internal, format!("{message} (this is a bug)"))
    }

    pub fn unreadable(path: impl Display, error: &io::Error) -> Self {
        Self::bad_input(format!("cannot read `{path}`: {}", reason(error)))
    }

    /// A file whose existence cannot be determined, so it may exist.
    pub fn unseen(path: impl Display, error: &io::Error) -> Self {
        Self::failed(format!(
            "whether `{path}` is there cannot be seen: {}",
            reason(error)
        ))
    }

    pub fn unwritable(path: impl Display, error: &io::Error) -> Self {
        let failure = Self::failed(format!("cannot write `{path}`: {}", reason(error)));
        match error.kind() {
            io::ErrorKind::PermissionDenied => failure
                .code("not-writable")
                .help("the user of this process may not write there: `ls -ld` its folder, then change its owner or the path"),
            _ => failure,
        }
    }

    pub fn cannot_listen(address: impl Display, error: &io::Error) -> Self {
        Self::failed(format!("cannot listen on `{address}`: {}", reason(error)))
            .code("cannot-listen")
            .help(
                "see which process has it (`ss -ltnp`), or choose another address with `--listen`",
            )
    }

    /// A closed pipe ends the run silently; other errors are failures.
    pub fn stdout(error: &io::Error) -> Self {
        Self {
            quiet: error.kind() == io::ErrorKind::BrokenPipe,
            ..Self::failed(format!("cannot write the output: {}", reason(error)))
        }
    }

    #[must_use]
    pub fn exits(mut self, exit: Exit) -> Self {
        self.exit = exit;
        self
    }

    #[must_use]
    pub fn code(mut self, code: impl Into<String>) -> Self {
        self.code = Some(code.into().into_boxed_str());
        self
    }

    #[must_use]
    pub fn detail(mut self, line: impl Into<String>) -> Self {
        self.details.push(line.into());
        self
    }

    #[must_use]
    pub fn cause(mut self, line: impl Into<String>) -> Self {
        self.cause = Some(line.into().into_boxed_str());
        self
    }

    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    #[must_use]
    pub fn at(mut self, place: impl Into<String>) -> Self {
        self.place.get_or_insert_default().pointer = place.into();
        self
    }

    #[must_use]
    pub fn within(mut self, path: &std::path::Path) -> Self {
        self.place.get_or_insert_default().file = path.display().to_string();
        self
    }

    pub fn exit(&self) -> Exit {
        self.exit
    }

    pub fn has_code(&self) -> Option<&str> {
        self.code.as_deref()
    }

    pub fn lines(&self) -> Vec<String> {
        if self.details.is_empty() {
            vec![self.message.clone()]
        } else {
            self.details.clone()
        }
    }

    pub fn is_unreachable(&self) -> bool {
        self.code.as_deref() == Some(UNREACHABLE)
    }

    pub fn words(&self) -> String {
        let mut words = self.message.clone();
        let details = self.details.iter().map(String::as_str);
        let cause = self.cause.as_deref().filter(|_| is_verbose());
        for detail in details.chain(cause) {
            words = format!("{}; {detail}", words.trim_end_matches('.'));
        }
        words
    }

    pub fn remedy(&self) -> Option<&str> {
        self.help.as_deref()
    }

    pub fn report(&self, form: FailureForm) {
        if self.quiet {
            return;
        }
        match form {
            FailureForm::Json => say::say_unbroken(&self.json()),
            FailureForm::Text => {
                say::say(&self.text(say::stderr_has_colour(), is_verbose()));
            }
        }
    }

    fn json(&self) -> String {
        let document = serde_json::json!({"error": {
            "code": self.code,
            "message": self.words(),
            "pointer": self.place.as_ref().map_or("", |place| &place.pointer),
            "file": self.place.as_ref().map(|place| &place.file).filter(|it| !it.is_empty()),
            "help": self.help,
        }});
        text::json(&document.to_string()).into_owned()
    }

    fn text(&self, colour: bool, is_verbose: bool) -> String {
        let label = self
            .code
            .as_ref()
            .map_or_else(|| "error".to_owned(), |code| format!("error[{code}]"));
        let label = if colour {
            format!("\u{1b}[1;31m{label}\u{1b}[0m")
        } else {
            label
        };
        let mut text = format!("{label}: {}", say::plain(&self.message));
        let place = self.place.as_ref().map_or_else(Vec::new, |place| {
            let mut parts = vec![place.file.as_str(), place.pointer.as_str()];
            parts.retain(|part| !part.is_empty());
            parts
        });
        if !place.is_empty() {
            // writing to a `String` cannot fail
            let _ = write!(text, " (at {})", say::plain(&place.join(": ")));
        }
        for line in self.details.iter().flat_map(|it| it.lines()) {
            text.push_str("\n  ");
            text.push_str(&say::plain(line));
        }
        if let Some(help) = &self.help {
            text.push_str("\n  help: ");
            text.push_str(&say::plain(help));
        }
        match &self.cause {
            Some(cause) if is_verbose => {
                text.push_str("\n  cause: ");
                let lines: Vec<String> = cause.lines().map(say::plain).collect();
                text.push_str(&lines.join("\n    "));
            }
            Some(_) => text.push_str("\n  `--verbose` adds the cause"),
            None => {}
        }
        text
    }
}

fn reason(error: &io::Error) -> String {
    let text = error.to_string();
    let text = text.split(" (os error").next().unwrap_or_default();
    let mut chars = text.chars();
    chars.next().map_or_else(String::new, |first| {
        first.to_lowercase().chain(chars).collect()
    })
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    #[test]
    fn the_codes_are_those_of_the_contract() {
        let table = [
            (Exit::Ok, 0),
            (Exit::Failed, 1),
            (Exit::BadInput, 2),
            (Exit::Findings, 3),
            (Exit::Refused, 4),
            (Exit::Held, 5),
            (Exit::Internal, 70),
        ];
        for (exit, code) in table {
            assert_eq!(exit.code(), code, "{exit:?}");
        }
    }

    #[test]
    fn a_failure_reads_as_error_details_and_help() {
        let failure = Failure::failed("this expired at 23:12")
            .code("expired")
            .detail("nothing was\ngranted")
            .help("request again");
        assert_eq!(
            failure.text(false, false),
            "error[expired]: this expired at 23:12\n  nothing was\n  granted\n  help: request again"
        );
        assert!({ failure.text(true, false) }.starts_with("\u{1b}[1;31merror[expired]"));
        let failure = failure.cause("dns error");
        for (is_verbose, last) in [
            (false, "`--verbose` adds the cause"),
            (true, "cause: dns error"),
        ] {
            let text = failure.text(false, is_verbose);
            assert_eq!(text.lines().last().map(str::trim), Some(last));
        }
    }

    #[test]
    fn a_failure_of_input_names_its_code_and_place() {
        let failure = Failure::from(BadInput::new("E_TIME", "no zone", "/0/start"));
        assert_eq!(
            failure.text(false, false),
            "error[E_TIME]: no zone (at /0/start)"
        );
        assert_eq!(
            failure.json(),
            r#"{"error":{"code":"E_TIME","message":"no zone","pointer":"/0/start","file":null,"help":null}}"#
        );
        let whole = failure.within(Path::new("times.json")).help("add `Z`");
        assert_eq!(
            whole.json(),
            r#"{"error":{"code":"E_TIME","message":"no zone","pointer":"/0/start","file":"times.json","help":"add `Z`"}}"#
        );
    }

    #[test]
    fn words_of_the_system_lose_their_number() {
        let error = io::Error::from_raw_os_error(2);
        assert_eq!(reason(&error), "no such file or directory");
    }

    #[test]
    fn what_others_wrote_cannot_steer_the_terminal() {
        let failure = Failure::failed("no\u{1b}[2Jbody");
        assert_eq!(failure.text(false, false), "error: no\\u{1b}[2Jbody");
        // people see hidden characters, programs the original
        let words = "pay\u{202e}gnp\u{9b}2J";
        let json = Failure::failed(words).json();
        assert!(!json.contains(['\u{202e}', '\u{9b}']), "{json}");
        let read: serde_json::Value = serde_json::from_str(&json).unwrap();
        assert_eq!(read["error"]["message"], words);
    }
}
