//! One file per subcommand: arguments as typed, resolved, run, rendered.

pub(crate) mod approver;
pub(crate) mod auditor;
pub(crate) mod everybody;
pub(crate) mod inventory;
pub(crate) mod operator;
pub(crate) mod policy_author;
pub(crate) mod requester;

mod request_press;

use crate::client::{Client, ServerArgs};
use crate::exit::Failure;
use crate::output::{self, Format, OutputArgs};
pub(crate) use crate::target_args::TargetArgs;
pub(crate) use crate::text_file::read_text;

/// What every command that talks to the server and prints data takes.
#[derive(Debug, clap::Args)]
pub(crate) struct ApiArgs {
    #[command(flatten)]
    server: ServerArgs,
    #[command(flatten)]
    output: OutputArgs,
}

impl ApiArgs {
    /// A client for the server that is meant.
    ///
    /// # Errors
    /// When the address or the token cannot be used.
    pub(crate) fn client(&self) -> Result<Client, Failure> {
        self.server.client()
    }

    /// The server's address.
    ///
    /// # Errors
    /// Exit 2 when it is no address.
    pub(crate) fn address(&self) -> Result<reqwest::Url, Failure> {
        self.server.address()
    }

    /// How to print.
    pub(crate) fn format(&self) -> Format {
        self.output.format()
    }
}

/// Says that a listing was cut short.
pub(crate) fn say_more(has_more: bool, shown: usize) {
    if has_more {
        output::say(&format!(
            "note: only the first {shown} are shown; `--limit` shows more"
        ));
    }
}
