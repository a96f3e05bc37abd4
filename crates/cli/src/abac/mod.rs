mod attributes;
mod check;
mod secrets;

use std::path::Path;

use hallpass_iam::attributes::AttributeMap;
use hallpass_terminal::exit::{Failure, Outcome};
use hallpass_terminal::text_file::read_text;

/// Bytes.
const FILE_BYTES_MAX: u64 = 4 * 1024 * 1024;

/// Turn user attributes into session tags and policies
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  hallpass policy abac attributes --map attributes.toml --mode identity-center --idp okta
  hallpass policy abac check --map attributes.toml --assertion assertion.xml
  hallpass policy abac secrets --attr department=Digital --attr AppID=Alpha,Beta --out secrets/ \\
      --admin-role arn:aws:iam::111122223333:role/SecretsAdmin")]
pub struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    Attributes(attributes::Args),
    Check(check::Args),
    Secrets(secrets::Args),
}

pub fn run(args: &Args) -> Outcome {
    match &args.command {
        Command::Attributes(args) => attributes::run(args),
        Command::Check(args) => check::run(args),
        Command::Secrets(args) => secrets::run(args),
    }
}

fn read_map(path: &Path) -> Result<AttributeMap, Failure> {
    let text = read_text(path, FILE_BYTES_MAX)?;
    AttributeMap::parse(&text).map_err(|error| Failure::from(error).within(path))
}
