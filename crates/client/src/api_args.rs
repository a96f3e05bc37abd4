//! Arguments of every command that calls the server and prints data.

use hallpass_api::Grant;
use hallpass_terminal::exit::Failure;
use hallpass_terminal::output::{self, Format, OutputArgs, Table};
use serde::Serialize;

use crate::client::{Client, Listing, ServerArgs};
use crate::tables::{self, Viewpoint};

/// Arguments of every command that calls the server and prints data.
#[derive(Debug, clap::Args)]
pub struct ApiArgs {
    #[command(flatten)]
    server: ServerArgs,
    #[command(flatten)]
    output: OutputArgs,
}

impl ApiArgs {
    /// Returns a client for the chosen server.
    ///
    /// # Errors
    /// When the address or the token cannot be used.
    pub fn client(&self) -> Result<Client, Failure> {
        self.server.client()
    }

    pub fn address(&self) -> Result<reqwest::Url, Failure> {
        self.server.address()
    }

    pub fn format(&self) -> Format {
        self.output.format()
    }

    /// Prints a listing, and a note if it is incomplete.
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

    pub fn print_grant(&self, grant: &Grant) -> Result<(), Failure> {
        output::one(self.format(), grant, tables::GRANT_FIELDS, || {
            tables::grant(grant, &Viewpoint::here())
        })
    }
}

pub fn say_more(has_more: bool, shown: usize) {
    if has_more {
        output::say(&format!(
            "note: only the first {shown} are shown; `--limit` shows more"
        ));
    }
}
