mod check;
mod generate;

use hallpass_terminal::exit::Outcome;

/// Delegate Identity Center, and check a delegate's effective access
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  hallpass policy delegation generate --model permission-set --instance ssoins-1111111111111111 \\
      --account 222233334444 --permission-set ps-1111111111111111 > delegate.json
  hallpass policy delegation check delegate.json")]
pub struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    Check(check::Args),
    Generate(generate::Args),
}

pub fn run(args: &Args) -> Outcome {
    match &args.command {
        Command::Check(args) => check::run(args),
        Command::Generate(args) => generate::run(args),
    }
}
