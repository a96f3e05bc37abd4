mod check;
mod coverage;
mod generate;

use std::path::Path;

use hallpass_iam::LoadError;
use hallpass_terminal::exit::{Failure, Outcome};
use hallpass_terminal::text_file::read_text;

/// Bytes.
const FILE_BYTES_MAX: u64 = 64 * 1024 * 1024;

/// Generate a data perimeter around an organization, and prove it
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  hallpass policy perimeter generate --side resource --scope org --id o-ab12cd34ef --as scp
  hallpass policy perimeter check boundary.json --as scp --cases table.jsonl --expect
  hallpass policy perimeter coverage --policies policies --tree organization.json")]
pub struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    Generate(generate::Args),
    Check(check::Args),
    Coverage(coverage::Args),
}

pub fn run(args: &Args) -> Outcome {
    match &args.command {
        Command::Generate(args) => generate::run(args),
        Command::Check(args) => check::run(args),
        Command::Coverage(args) => coverage::run(args),
    }
}

fn read(path: &Path) -> Result<String, Failure> {
    read_text(path, FILE_BYTES_MAX)
}

fn name_of(path: &Path) -> String {
    let name = path.file_name().unwrap_or(path.as_os_str());
    name.to_string_lossy().into_owned()
}

fn refused(name: &str, error: &LoadError) -> Failure {
    let place = match error.position {
        Some((line, column)) => format!("{name}:{line}:{column}"),
        None => format!("{name}{}", error.pointer),
    };
    Failure::bad_input(error.message.clone())
        .code(error.code.as_str())
        .at(place)
}
