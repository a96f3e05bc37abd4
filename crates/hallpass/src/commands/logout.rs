//! `hallpass logout`: forget a server's token.

use crate::client::{ServerArgs, server_key};
use crate::credentials::Credentials;
use crate::exit::{Exit, Outcome};
use crate::output;

/// Forget the token kept for a server
#[derive(Debug, clap::Args)]
#[command(
    long_about = "Forget the token kept for a server\n\nThe token itself goes on working until \
                  it ends or is revoked with `hallpass token revoke`.",
    after_help = "Example:\n  hallpass logout --server https://hallpass.example.com"
)]
pub(crate) struct Args {
    #[command(flatten)]
    server: ServerArgs,
}

pub(crate) fn run(args: &Args) -> Outcome {
    let address = args.server.address()?;
    let server = server_key(&address);
    let line = if Credentials::of_this_person()?.forget(server)? {
        format!("Signed out of {server}.")
    } else {
        format!("There was no token for {server}.")
    };
    output::say(&line);
    Ok(Exit::Ok)
}
