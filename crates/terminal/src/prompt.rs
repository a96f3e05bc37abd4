//! Prompts before access is removed, or taken in an emergency.

use std::io::{self, IsTerminal as _, Write as _};

use crate::exit::Failure;
use crate::say::{say, stderr_height};

/// Whether the command line already consents.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Consent {
    /// `--yes`.
    Given,
    /// Prompt on the terminal.
    Ask,
}

impl From<bool> for Consent {
    fn from(yes: bool) -> Self {
        if yes { Self::Given } else { Self::Ask }
    }
}

/// The switch of every command that prompts first.
#[derive(Clone, Debug, Default, clap::Args)]
pub struct YesArgs {
    /// Do not prompt for confirmation
    #[arg(long, short = 'y')]
    yes: bool,
}

impl YesArgs {
    pub fn consent(&self) -> Consent {
        self.yes.into()
    }
}

/// Prompts with `question` on the terminal. Continues only after a yes.
///
/// # Errors
/// Exit 4 without a terminal, and for any answer but yes.
pub fn confirm(question: &str, consent: Consent) -> Result<(), Failure> {
    confirm_act("this takes access away", question, consent)
}

/// Prompts for another act: `act` names it.
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
    // without a visible prompt the answer would not be to this question
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

/// Shows the whole text to confirm, on a terminal a screen at a time.
///
/// # Errors
/// Exit 4 when the reader stops before its end.
pub fn show_whole(text: &str) -> Result<(), Failure> {
    let height = stderr_height().filter(|_| io::stdin().is_terminal());
    let pages = pages(text, height);
    let all = text.lines().count();
    let mut shown = 0;
    for (at, page) in pages.iter().enumerate() {
        say(page);
        shown += page.lines().count();
        if at + 1 == pages.len() {
            break;
        }
        let mut stderr = io::stderr().lock();
        write!(stderr, "{shown} of {all} lines; Enter for more, q to stop ")
            .and_then(|()| stderr.flush())
            .map_err(|error| Failure::failed(format!("cannot ask: {error}")))?;
        drop(stderr);
        let mut answer = String::new();
        let read = io::stdin().read_line(&mut answer);
        let length = read.map_err(|error| Failure::failed(format!("cannot read: {error}")))?;
        if length == 0 || answer.trim().eq_ignore_ascii_case("q") {
            return Err(Failure::refused("not confirmed; nothing was done"));
        }
    }
    Ok(())
}

fn pages(text: &str, height: Option<u16>) -> Vec<String> {
    let lines: Vec<&str> = text.lines().collect();
    let most = height.map_or(lines.len(), |it| usize::from(it).saturating_sub(1));
    let pages = lines.chunks(most.max(1)).map(|page| page.join("\n"));
    pages.collect()
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
    fn a_long_text_is_shown_whole_in_pages_that_fit() {
        let text = (0..100).map(|n| format!("line {n}")).collect::<Vec<_>>();
        let text = text.join("\n");
        for (height, count) in [(None, 1), (Some(24), 5), (Some(101), 1), (Some(0), 100)] {
            let pages = pages(&text, height);
            assert_eq!(pages.len(), count, "{height:?}");
            assert_eq!(pages.join("\n"), text, "{height:?}");
        }
    }

    #[test]
    fn consent_given_asks_nothing() {
        assert!(confirm("Really?", Consent::Given).is_ok());
    }
}
