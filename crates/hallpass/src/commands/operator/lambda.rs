//! `hallpass lambda …`: one binary as a function of AWS Lambda, by its runtime interface.
//!
//! A package without further files needs no arguments: `HALLPASS_LAMBDA` names the handler.

use std::ffi::OsString;

use reqwest::header::HeaderValue;

use crate::client::block_on;
use crate::clock;
use crate::commands::policy_author::vpn::JudgeArgs;
use crate::exit::{Failure, Outcome};

/// The largest event Lambda sends, in bytes.
const EVENT_BYTES_MAX: usize = 6 * 1024 * 1024;
/// The version of the runtime interface, the only one there is.
const VERSION: &str = "2018-06-01";
/// The header that names an invocation.
const INVOCATION: &str = "lambda-runtime-aws-request-id";

/// Run as a function of AWS Lambda
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:
  HALLPASS_LAMBDA=vpn HALLPASS_VPN_POLICY=vpn.yaml ./bootstrap

The binary is the `bootstrap` of a package for an operating-system-only runtime. Files are named
from the package's folder.")]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    Vpn(VpnArgs),
}

/// Answer Client VPN connection events
#[derive(Debug, clap::Args)]
#[command(
    long_about = "Answer Client VPN connection events\n\n\
        The function's name begins with `AWSClientVPN-`; it stands in the account and Region of \
        the endpoint. A file that cannot be read denies everybody and is told in the log.",
    after_help = "Example:\n  hallpass lambda vpn --geo country.mmdb --allow US,GB,DE"
)]
struct VpnArgs {
    #[command(flatten)]
    judge: JudgeArgs,
    /// Where events come from; Lambda sets the variable
    #[arg(long, value_name = "HOST:PORT", env = "AWS_LAMBDA_RUNTIME_API")]
    runtime_api: String,
}

/// The command line that `HALLPASS_LAMBDA` stands for, when there is no other.
pub(crate) fn words() -> Option<Vec<OsString>> {
    let handler = std::env::var_os("HALLPASS_LAMBDA").filter(|it| !it.is_empty())?;
    let mut given = std::env::args_os();
    let program = given.next()?;
    given
        .next()
        .is_none()
        .then(|| vec![program, "lambda".into(), handler])
}

pub(crate) fn run(args: &Args) -> Outcome {
    match &args.command {
        Command::Vpn(args) => {
            let judge = args.judge.judge_whatever_happens();
            let answer = |event: &str| judge.answer(event, clock::now()).response().to_string();
            block_on(serve(&args.runtime_api, answer))
        }
    }
}

/// Asks for events and answers them until the runtime goes away.
async fn serve(api: &str, answer: impl Fn(&str) -> String) -> Outcome {
    let http = reqwest::Client::builder()
        // the interface is on this machine; the next event may be hours away
        .no_proxy()
        .build()
        .map_err(|error| Failure::failed(format!("cannot start: {error}")))?;
    let base = format!("http://{api}/{VERSION}/runtime/invocation");
    loop {
        let (id, event) = next(&http, &base).await?;
        let response = answer(&event);
        let sent = http
            .post(format!("{base}/{id}/response"))
            .header("content-type", "application/json")
            .body(response)
            .send()
            .await
            .and_then(reqwest::Response::error_for_status);
        if let Err(error) = sent {
            // the service has given up on this one; the next may fare better
            crate::output::say(&format!("the answer to {id} was not taken: {error}"));
        }
    }
}

/// The id and text of the next event.
async fn next(http: &reqwest::Client, base: &str) -> Result<(String, String), Failure> {
    let lost = |error: reqwest::Error| Failure::failed(format!("no events any more: {error}"));
    let mut answer = http
        .get(format!("{base}/next"))
        .send()
        .await
        .and_then(reqwest::Response::error_for_status)
        .map_err(lost)?;
    let id = answer.headers().get(INVOCATION);
    let id = id.and_then(|id: &HeaderValue| id.to_str().ok());
    // the id becomes part of a path
    let plain = |id: &&str| id.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
    let Some(id) = id.filter(plain).map(str::to_owned) else {
        return Err(Failure::failed("an event came without its id"));
    };
    let mut event = Vec::new();
    while let Some(chunk) = answer.chunk().await.map_err(lost)? {
        if event.len() + chunk.len() <= EVENT_BYTES_MAX {
            event.extend_from_slice(&chunk);
        }
    }
    Ok((id, String::from_utf8_lossy(&event).into_owned()))
}
