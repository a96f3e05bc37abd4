//! One file per subcommand: arguments as typed, resolved, run, rendered.

pub(crate) mod approver;
pub(crate) mod auditor;
pub(crate) mod everybody;
pub(crate) mod inventory;
pub(crate) mod operator;
pub(crate) mod policy_author;
pub(crate) mod requester;

use std::fs::File;
use std::io::Read as _;
use std::path::Path;

use crate::client::{Client, ServerArgs};
use crate::exit::Failure;
use crate::output::{self, Format, OutputArgs};

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

/// `--account A --permission-set P` or `--group G`.
#[derive(Debug, clap::Args)]
pub(crate) struct TargetArgs {
    /// Account: its id, or its name when only one has it
    #[arg(
        long,
        value_name = "ACCOUNT",
        required_unless_present = "group",
        conflicts_with = "group",
        requires = "permission_set"
    )]
    pub(crate) account: Option<String>,
    /// Permission set, by name
    #[arg(
        long,
        value_name = "NAME",
        required_unless_present = "group",
        conflicts_with = "group",
        requires = "account"
    )]
    pub(crate) permission_set: Option<String>,
    /// Group instead of an account: its id or name
    #[arg(long, value_name = "GROUP")]
    pub(crate) group: Option<String>,
}

/// Says that a listing was cut short.
pub(crate) fn say_more(has_more: bool, shown: usize) {
    if has_more {
        output::say(&format!(
            "note: only the first {shown} are shown; `--limit` shows more"
        ));
    }
}

/// Reads a whole text file of at most `bytes_max` bytes; `-` is standard input.
///
/// # Errors
/// Exit 2 when it cannot be read, is larger (`E_LIMIT`) or no text.
pub(crate) fn read_text(path: &Path, bytes_max: u64) -> Result<String, Failure> {
    let name = path.display();
    let unreadable = |error| Failure::unreadable(&name, &error);
    let mut bytes = Vec::new();
    if path == Path::new("-") {
        let stdin = std::io::stdin().lock();
        stdin
            .take(bytes_max + 1)
            .read_to_end(&mut bytes)
            .map_err(unreadable)?;
    } else {
        let file = File::open(path).map_err(unreadable)?;
        file.take(bytes_max + 1)
            .read_to_end(&mut bytes)
            .map_err(unreadable)?;
    }
    if bytes.len() as u64 > bytes_max {
        let message = format!("`{name}` is larger than {bytes_max} bytes");
        return Err(Failure::bad_input(message).code("E_LIMIT"));
    }
    String::from_utf8(bytes)
        .map_err(|_| Failure::bad_input(format!("`{name}` is not UTF-8 text")).code("E_JSON"))
}
