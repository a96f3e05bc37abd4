//! `hallpass login`: keep a token for a server.

use std::io::{self, IsTerminal as _, Read as _};

use hallpass_api::Me;
use secrecy::{ExposeSecret as _, SecretString};

use crate::client::{Client, ServerArgs, block_on, server_key};
use crate::credentials::Credentials;
use crate::exit::{Exit, Failure, Outcome};
use crate::output;

/// The longest token that is read, in bytes.
const TOKEN_BYTES_MAX: u64 = 8 * 1024;

/// Keep a token for a server, so that other commands need none
#[derive(Debug, clap::Args)]
#[command(
    long_about = "Keep a token for a server, so that other commands need none\n\nThe token is \
                  checked against the server and kept in ~/.config/hallpass/credentials.json, \
                  which only you can read. An administrator makes one with `hallpass token create`.",
    after_help = "Examples:\n  hallpass token create --user ana@acme.example \
                  | hallpass login --token-stdin\n  hallpass login --as mara.lindqvist@example.com"
)]
pub(crate) struct Args {
    /// Read the token from standard input
    #[arg(long, required_unless_present = "persona", conflicts_with = "persona")]
    token_stdin: bool,
    /// Be a person of `hallpass demo` (the demo only, on this machine)
    #[arg(long = "as", value_name = "E-MAIL")]
    persona: Option<hallpass_model::Email>,
    /// Keep it without asking the server whether it is good
    #[arg(long)]
    no_check: bool,
    #[command(flatten)]
    server: ServerArgs,
}

pub(crate) fn run(args: &Args) -> Outcome {
    let address = args.server.address()?;
    let kept = Credentials::of_this_person()?;
    let token = match &args.persona {
        Some(email) => {
            let demo = Client::new(address.clone(), None)?;
            SecretString::from(block_on(demo.persona_token(email.as_str()))?)
        }
        None => read_token()?,
    };
    let client = Client::new(address.clone(), Some(&token))?;
    let server = server_key(&address);
    if args.no_check {
        output::say(&format!("Token for {server} not checked."));
    } else {
        let me: Me = block_on(client.get(&["me"], &[]))?;
        let who = output::plain(&me.email);
        output::say(&format!("Signed in to {server} as {who}."));
    }
    kept.store(server, &token)?;
    output::say(&format!("The token is in {}.", kept.path().display()));
    Ok(Exit::Ok)
}

fn read_token() -> Result<SecretString, Failure> {
    if io::stdin().is_terminal() {
        output::say("Paste the token, then Ctrl-D:");
    }
    let mut text = String::new();
    io::stdin()
        .take(TOKEN_BYTES_MAX)
        .read_to_string(&mut text)
        .map_err(|error| Failure::unreadable("standard input", &error))?;
    let token: SecretString = text.trim().to_owned().into();
    if token.expose_secret().is_empty() {
        return Err(Failure::bad_input("there is no token on standard input")
            .help("give it like `hallpass login --token-stdin < token.txt`"));
    }
    if token.expose_secret().contains(char::is_whitespace) {
        return Err(Failure::bad_input(
            "standard input holds more than one token",
        ));
    }
    Ok(token)
}
