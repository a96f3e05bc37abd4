//! The arguments of every command that talks to the server and prints data.

use hallpass_api::Grant;
use hallpass_terminal::exit::Failure;
use hallpass_terminal::output::{self, Format, OutputArgs, Table};
use serde::Serialize;

use crate::client::{Client, Listing, ServerArgs};
use crate::tables::{self, Viewpoint};

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

    /// Prints a listing, and says where it was cut short.
    ///
    /// # Errors
    /// When it cannot be printed.
    pub fn print_listing<T: Serialize>(
        &self,
        found: &Listing<T>,
        fields: &[&str],
        table: impl FnOnce(&[T]) -> Table,
    ) -> Result<(), Failure> {
        output::list(self.format(), &found.items, fields, || table(&found.items))?;
        say_more(found.has_more, found.items.len());
        Ok(())
    }

    /// Prints what became of a grant.
    ///
    /// # Errors
    /// When it cannot be printed.
    pub fn print_grant(&self, grant: &Grant) -> Result<(), Failure> {
        output::one(self.format(), grant, tables::GRANT_FIELDS, || {
            tables::grant(grant, &Viewpoint::here())
        })
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
