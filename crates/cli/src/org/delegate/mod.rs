//! `hallpass org delegate …`: sets delegated administrators (`organization.md` §3).

mod apply;
mod check;
mod list;
mod remove;
mod render;

use hallpass_terminal::exit::Outcome;

/// Set the administrator account of each service from a file
#[derive(Debug, clap::Args)]
#[command(
    args_conflicts_with_subcommands = true,
    long_about = "Set the administrator account of each service from a file\n\nThe file names \
                  services, their administrators and, for services that have one in each Region, \
                  the Regions. A Region with another administrator of the service is a conflict \
                  and is left alone, unless --replace is given. Runs with credentials of the \
                  management account; changes in the administrator's account use the role \
                  `aws.member_role` there.",
    after_help = "Examples:
  hallpass org delegate org-delegate.yaml
  hallpass org delegate org-delegate.yaml --apply
  hallpass org delegate --service guardduty --account 333333333333 --regions enabled --apply
  hallpass org delegate check org-delegate.yaml --fail-on-findings
  hallpass org delegate remove --service detective --regions eu-west-1 --confirm detective --apply"
)]
pub(super) struct Args {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    apply: apply::ApplyArgs,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    List(list::Args),
    Check(check::Args),
    Remove(remove::Args),
}

/// # Errors
/// Exit 2 for an invalid file, 4 for a refused change.
pub(super) fn run(args: &Args) -> Outcome {
    match &args.command {
        Some(Command::List(args)) => list::run(args),
        Some(Command::Check(args)) => check::run(args),
        Some(Command::Remove(args)) => remove::run(args),
        None => apply::run(&args.apply),
    }
}
