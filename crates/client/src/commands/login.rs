mod browser;
mod device;

use std::io::{self, IsTerminal as _, Read as _};
use std::time::{Duration, Instant};

use crate::client::{Client, ServerArgs, block_on, server_key};
use crate::credentials::{CredentialSource, Credentials};
use hallpass_api::{LoginToken, Me, ORGANIZATION_UNREAD};
use hallpass_terminal::exit::{Exit, Failure, Outcome};
use hallpass_terminal::machine_name::host;
use hallpass_terminal::output;
use hallpass_terminal::text_file::decoded;
use reqwest::Url;
use secrecy::{ExposeSecret as _, SecretString};

/// A new server needs this time to read the directory.
const FIRST_READ_MAX: Duration = Duration::from_mins(2);
const FIRST_READ_PAUSE: Duration = Duration::from_secs(1);
/// Bytes.
const TOKEN_BYTES_MAX: u64 = 8 * 1024;

/// Sign in to a server, so that other commands need no token
#[derive(Debug, clap::Args)]
#[command(
    long_about = "Sign in to a server, so that other commands need no token\n\nOpens your browser, \
                  where you confirm that this command line gets a token of 12 hours. With --device \
                  you do so in a browser on any machine, and the token may only read unless --scope \
                  says more. The token is kept in \
                  ~/.config/hallpass/credentials.json, which only you can read, with the server, \
                  which later commands then use; `hallpass logout` revokes it. A token made with `hallpass server token create` can be given with \
                  --token-stdin.\n\n`hallpass whoami` shows who the server takes you for, `hallpass \
                  logout` signs you out.",
    after_help = "Examples:\n  hallpass login --server https://hallpass.example.com\n  hallpass \
                  login --device\n  hallpass server token create --user ana@acme.example \
                  | hallpass login --token-stdin\n  hallpass login --as mara.lindqvist@example.com"
)]
pub struct Args {
    /// Confirm with a code in a browser on another machine
    #[arg(long, conflicts_with_all = ["token_stdin", "persona"])]
    device: bool,
    /// Scopes of the token: read, request, review, admin [default: all; with --device: read]
    #[arg(
        long = "scope",
        value_name = "SCOPE",
        value_delimiter = ',',
        conflicts_with_all = ["token_stdin", "persona"]
    )]
    scopes: Vec<String>,
    /// Read a token from standard input instead
    #[arg(long, conflicts_with = "persona")]
    token_stdin: bool,
    /// Sign in as a persona of `hallpass demo` (only the demo, on this machine)
    #[arg(long = "as", value_name = "E-MAIL")]
    persona: Option<hallpass_base::Email>,
    /// Store it without checking it with the server
    #[arg(long)]
    no_check: bool,
    #[command(flatten)]
    server: ServerArgs,
}

pub fn run(args: &Args) -> Outcome {
    let address = args.server.address()?;
    let kept = Credentials::of_this_person()?;
    let (token, source) = if args.token_stdin {
        (read_token()?, CredentialSource::Given)
    } else {
        obtain(args, &address)?
    };
    let client = Client::new(address.clone(), Some(&token))?;
    let server = server_key(&address);
    if args.no_check {
        output::say(&format!("Token for {server} not checked."));
    } else {
        let me = block_on(owner_of_token(&client))?;
        let who = output::plain(&me.email);
        output::say(&format!("Signed in to {server} as {who}."));
    }
    kept.store(server, &token, source)?;
    output::say(&format!("The token is in {}.", kept.path().display()));
    Ok(Exit::Ok)
}

/// Returns the token's owner. Waits for the server's first directory read: before that it knows no
/// users, and a piped token (`hallpass server token create | hallpass login --token-stdin`) would
/// be lost.
async fn owner_of_token(client: &Client) -> Result<Me, Failure> {
    let until = Instant::now() + FIRST_READ_MAX;
    let mut is_told = false;
    loop {
        let failure = match client.get(&["me"], &[]).await {
            Ok(me) => return Ok(me),
            Err(failure) => failure,
        };
        if failure.has_code() != Some(ORGANIZATION_UNREAD) || Instant::now() >= until {
            return Err(failure);
        }
        if !is_told {
            output::say("The server has not read the directory yet; waiting for it.");
            is_told = true;
        }
        tokio::time::sleep(FIRST_READ_PAUSE).await;
    }
}

fn obtain(args: &Args, address: &Url) -> Result<(SecretString, CredentialSource), Failure> {
    let client = Client::new(address.clone(), None)?;
    block_on(client.ensure_answers())?;
    if let Some(email) = &args.persona {
        let token = block_on(client.persona_token(email.as_str()))?;
        return Ok((token.into(), CredentialSource::Given));
    }
    let made: LoginToken = if args.device {
        block_on(device::token(&client, &args.scopes))?
    } else {
        block_on(browser::token(&client, address, &args.scopes))?
    };
    Ok((made.token.into(), CredentialSource::Login))
}

fn read_token() -> Result<SecretString, Failure> {
    if io::stdin().is_terminal() {
        output::say("Paste the token, then Ctrl-D:");
    }
    let mut bytes = Vec::new();
    io::stdin()
        .take(TOKEN_BYTES_MAX)
        .read_to_end(&mut bytes)
        .map_err(|error| Failure::unreadable("standard input", &error))?;
    let text = decoded("standard input", &bytes)?;
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
