//! Rule warnings on the command line: shown before a request or an approval, and confirmed at the
//! terminal, or by their ids.

use std::io::{self, IsTerminal as _};

use hallpass_api::Warning;
use hallpass_terminal::exit::Failure;
use hallpass_terminal::output;
use hallpass_terminal::prompt::{Consent, confirm_act};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::client::{Client, Posted};

/// Warnings may change between calls; after the third confirmation the command stops.
const ATTEMPTS: u32 = 3;

/// `--confirm-warning`, on every command that requests or approves access.
#[derive(Clone, Debug, Default, clap::Args)]
pub struct ConfirmArgs {
    /// Confirm that the warning with this id was read; may be given several times. Another text has
    /// another id
    #[arg(long = "confirm-warning", value_name = "ID")]
    ids: Vec<String>,
}

impl ConfirmArgs {
    /// Sends a call with the confirmed ids. If the server has other warnings, asks at the terminal
    /// and sends once more.
    ///
    /// # Errors
    /// Exit 4 when they are not confirmed, or there is no terminal; else as [`Client::post`].
    pub async fn post<B: Serialize, T: DeserializeOwned>(
        &self,
        client: &Client,
        path: &[&str],
        body: impl Fn(Vec<String>) -> B,
    ) -> Result<T, Failure> {
        let mut ids = self.ids.clone();
        for _ in 0..ATTEMPTS {
            match client.post_or_warned(path, &body(ids.clone())).await? {
                Posted::Done(done) => return Ok(done),
                Posted::Warned(warnings) => {
                    confirm(&warnings, &ids)?;
                    ids.extend(warnings.into_iter().map(|warning| warning.id));
                }
            }
        }
        let message = "the warnings changed while they were confirmed; nothing was done";
        Err(Failure::refused(message).code(NOT_CONFIRMED))
    }
}

const NOT_CONFIRMED: &str = "warning-not-confirmed";

fn confirm(warnings: &[Warning], confirmed: &[String]) -> Result<(), Failure> {
    if !io::stdin().is_terminal() {
        let mut failure = Failure::refused("there is a warning to be read and confirmed first")
            .code(NOT_CONFIRMED);
        for Warning { id, text } in warnings {
            failure = failure.detail(format!("{id}: {text}"));
        }
        return Err(failure.help(format!(
            "once it was read, give `{}`; nothing was done",
            flags(warnings, confirmed)
        )));
    }
    for warning in warnings {
        output::say(&format!("Warning: {}", output::plain(&warning.text)));
    }
    confirm_act(
        "a warning is confirmed first",
        "Have you read this, and do you go on?",
        Consent::Ask,
    )
}

fn flags(warnings: &[Warning], confirmed: &[String]) -> String {
    let ids = confirmed.iter().chain(warnings.iter().map(|it| &it.id));
    let flags: Vec<String> = ids.map(|id| format!("--confirm-warning {id}")).collect();
    flags.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_confirmed_is_given_once_more() {
        let third = Warning {
            id: "c3".to_owned(),
            text: "Customers see this.".to_owned(),
        };
        let given = ["a1".to_owned(), "b2".to_owned()];
        let all = "--confirm-warning a1 --confirm-warning b2 --confirm-warning c3";
        assert_eq!(flags(std::slice::from_ref(&third), &given), all);
        assert_eq!(flags(&[third], &[]), "--confirm-warning c3");
    }
}
