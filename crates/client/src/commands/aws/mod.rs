mod configure;
mod credentials;
mod login;
mod profiles;

use hallpass_terminal::exit::Outcome;

/// Write AWS CLI profiles, and print credentials of roles you hold
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Example:\n  hallpass aws configure && aws s3 ls --profile payments-prod-ReadOnly"
)]
pub struct Args {
    #[command(subcommand)]
    command: AwsCommand,
}

#[derive(Debug, clap::Subcommand)]
enum AwsCommand {
    Configure(configure::Args),
    Credentials(credentials::Args),
    Login(login::Args),
}

pub fn run(args: &Args) -> Outcome {
    match &args.command {
        AwsCommand::Configure(args) => configure::run(args),
        AwsCommand::Credentials(args) => credentials::run(args),
        AwsCommand::Login(args) => login::run(args),
    }
}
