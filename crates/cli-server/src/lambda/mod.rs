//! `hallpass server lambda …`: one binary as a function of AWS Lambda, by its runtime interface.
//!
//! A package without further files needs no arguments: `HALLPASS_LAMBDA` names the handler.

mod enrich;
mod runtime_api;

use std::ffi::OsString;

use hallpass_app::host::vpn_judge::JudgeArgs;
use hallpass_client::client::block_on;
use hallpass_terminal::exit::Outcome;

/// Run as a function of AWS Lambda
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  HALLPASS_LAMBDA=vpn HALLPASS_VPN_POLICY=vpn.yaml ./bootstrap
  HALLPASS_LAMBDA=enrich HALLPASS_CONFIG_PARAMETER=/hallpass/config ./bootstrap

The binary is the `bootstrap` of a package for an operating-system-only runtime. Files are named
from the package's folder.")]
pub struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    Vpn(VpnArgs),
    Enrich(enrich::Args),
}

/// Handle Client VPN connection events
#[derive(Debug, clap::Args)]
#[command(
    long_about = "Answer Client VPN connection events\n\n\
        The function's name begins with `AWSClientVPN-`; it is in the account and Region of \
        the endpoint. A file that cannot be read denies everyone and is reported in the log.",
    after_help = "Example:\n  hallpass server lambda vpn --geo country.mmdb --allow US,GB,DE"
)]
struct VpnArgs {
    #[command(flatten)]
    judge: JudgeArgs,
    #[command(flatten)]
    runtime: RuntimeArgs,
}

/// Event source.
#[derive(Debug, clap::Args)]
struct RuntimeArgs {
    /// Event source; Lambda sets the variable
    #[arg(long, value_name = "HOST:PORT", env = "AWS_LAMBDA_RUNTIME_API")]
    runtime_api: String,
}

pub fn words() -> Option<Vec<OsString>> {
    let handler = std::env::var_os("HALLPASS_LAMBDA").filter(|it| !it.is_empty())?;
    let mut given = std::env::args_os();
    let program = given.next()?;
    given
        .next()
        .is_none()
        .then(|| vec![program, "server".into(), "lambda".into(), handler])
}

pub fn run(args: &Args) -> Outcome {
    match &args.command {
        Command::Vpn(args) => {
            let judge = args.judge.judge_whatever_happens();
            let answer = async |event: String| {
                let answer = judge.answer(&event, hallpass_base::clock::now());
                Ok(answer.response().to_string())
            };
            block_on(runtime_api::serve(&args.runtime.runtime_api, answer))
        }
        Command::Enrich(args) => enrich::run(args),
    }
}
