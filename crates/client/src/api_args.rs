//! The arguments of every command that talks to the server and prints data.

use hallpass_terminal::exit::Failure;
use hallpass_terminal::output::{self, Format, OutputArgs};

use crate::client::{Client, ServerArgs};

/// What every command that talks to the server and prints data takes.
#[derive(Debug, clap::Args)]
pub struct ApiArgs {
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
    pub fn client(&self) -> Result<Client, Failure> {
        self.server.client()
    }

    /// The server's address.
    ///
    /// # Errors
    /// Exit 2 when it is no address.
    pub fn address(&self) -> Result<reqwest::Url, Failure> {
        self.server.address()
    }

    /// How to print.
    pub fn format(&self) -> Format {
        self.output.format()
    }
}

/// Says that a listing was cut short.
pub fn say_more(has_more: bool, shown: usize) {
    if has_more {
        output::say(&format!(
            "note: only the first {shown} are shown; `--limit` shows more"
        ));
    }
}
