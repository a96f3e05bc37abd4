//! Asking before access is taken away, or taken in an emergency.

use std::io::{self, IsTerminal as _, Write as _};

use crate::exit::Failure;

/// Whether the answer was given on the command line already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Consent {
    /// `--yes`.
    Given,
    /// To be asked for.
    Ask,
}

impl From<bool> for Consent {
    fn from(yes: bool) -> Self {
        if yes { Self::Given } else { Self::Ask }
    }
}

/// The switch of every command that asks first.
#[derive(Clone, Debug, Default, clap::Args)]
pub struct YesArgs {
    /// Do it without asking first
    #[arg(long, short = 'y')]
    yes: bool,
}

impl YesArgs {
    /// What the switch says.
    pub fn consent(&self) -> Consent {
        self.yes.into()
    }
}

/// Asks `question` on the terminal. Goes on only when the answer is yes.
///
/// # Errors
/// Exit 4 when there is no terminal to ask on, and when the answer is anything but yes.
pub fn confirm(question: &str, consent: Consent) -> Result<(), Failure> {
    confirm_act("this takes access away", question, consent)
}

/// The same for anything else that is asked first: `act` says what it does.
///
/// # Errors
/// As [`confirm`].
pub fn confirm_act(act: &str, question: &str, consent: Consent) -> Result<(), Failure> {
    if consent == Consent::Given {
        return Ok(());
    }
    if !io::stdin().is_terminal() {
        return Err(
            Failure::refused(format!("{act}, and there is no terminal to ask on"))
                .help("give `--yes` to do it without asking"),
        );
    }
    let mut stderr = io::stderr().lock();
    // without a prompt on the screen the answer would not be one to this question
    write!(stderr, "{question} [y/N] ")
        .and_then(|()| stderr.flush())
        .map_err(|error| Failure::failed(format!("cannot ask: {error}")))?;
    let mut answer = String::new();
    io::stdin()
        .read_line(&mut answer)
        .map_err(|error| Failure::failed(format!("cannot read the answer: {error}")))?;
    if is_yes(&answer) {
        Ok(())
    } else {
        Err(Failure::refused("not confirmed; nothing was done"))
    }
}

fn is_yes(answer: &str) -> bool {
    matches!(answer.trim().to_ascii_lowercase().as_str(), "y" | "yes")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_yes_is_yes() {
        for yes in ["y", "Y\n", " yes\r\n", "YES"] {
            assert!(is_yes(yes), "{yes:?}");
        }
        for no in ["", "\n", "n", "no", "yep", "ye", "1", "ja"] {
            assert!(!is_yes(no), "{no:?}");
        }
    }

    #[test]
    fn consent_given_asks_nothing() {
        assert!(confirm("Really?", Consent::Given).is_ok());
    }
}
