//! `hallpass org vend …`: accounts from a CSV (`organization.md` §1).

mod earlier;
mod list;
mod render;
mod warnings;

use hallpass_terminal::exit::{Failure, Outcome};

/// Vend accounts from a CSV file, each in its unit with its access
#[derive(Debug, clap::Args)]
#[command(
    args_conflicts_with_subcommands = true,
    long_about = "Vend accounts from a CSV file, each in its unit with its access\n\nColumns: \
                  AccountName, SSOUserEmail, AccountEmail, SSOUserFirstName, SSOUserLastName, OrgUnit; also \
                  AssignGroup, PermissionSet and Tags (k=v;k2=v2). A row that cannot be used is INVALID and says \
                  why; the others go on. With --apply the CSV comes back as PLAN.csv, with Status, AccountId and \
                  ErrorMsg filled; it can be given again. Exit 1 where a row is not as it should be.",
    after_help = "Examples:
  hallpass org vend accounts.csv --assign Developers=ReadOnly
  hallpass org vend accounts.csv --assign Developers=ReadOnly --apply
  hallpass org vend status 3f0c9a5b7d1e2f46
  hallpass org vend retry 3f0c9a5b7d1e2f46"
)]
pub(super) struct Args {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    list: list::ListArgs,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    Status(earlier::StatusArgs),
    Export(earlier::ExportArgs),
    Retry(earlier::RetryArgs),
}

pub(super) fn run(args: &Args) -> Outcome {
    match &args.command {
        Some(Command::Status(args)) => earlier::status(args),
        Some(Command::Export(args)) => earlier::export(args),
        Some(Command::Retry(args)) => earlier::retry(args),
        None => match &args.list.file {
            Some(file) => list::run(file, &args.list),
            None => Err(Failure::bad_input("which list of accounts?")
                .help("`hallpass org vend accounts.csv`")),
        },
    }
}
