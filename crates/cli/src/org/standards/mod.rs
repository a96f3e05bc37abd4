//! `hallpass org standards …`: Security Hub standards and controls (`organization.md` §4).

mod apply;
mod central;
mod diff;
mod export;
mod render;
mod run;

use std::path::Path;

use hallpass_app::host::suggestions::{self, check_region};
use hallpass_base::Timestamp;
use hallpass_org::standards::{StandardsFacts, StandardsFile, StandardsUnread, unknown_names};
use hallpass_terminal::exit::{Failure, Outcome};
use hallpass_terminal::text_file::read_text;
use jiff::{civil::Date, tz::TimeZone};

const FILE_BYTES_MAX: u64 = 4 << 20;

/// Turn Security Hub standards and controls on or off, by a file
#[derive(Debug, clap::Args)]
#[command(
    long_about = "Turn Security Hub standards and controls on or off, by a file\n\nThe file says it for \
                  the whole organization, with a reason for each control that is off, and where it differs. Runs with \
                  credentials of the management account; each account is read and changed with the role \
                  `aws.member_role` there. Where the administrator of Security Hub configures the organization \
                  centrally, the file becomes as few policies as can say it; those of others stay.",
    after_help = "Examples:
  hallpass org standards export > org-standards.yaml
  hallpass org standards diff org-standards.yaml --fail-on-findings
  hallpass org standards apply org-standards.yaml --regions eu-west-1,us-east-1
  hallpass org standards apply org-standards.yaml --apply"
)]
pub(super) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    Apply(apply::Args),
    Diff(diff::Args),
    Export(export::Args),
}

pub(super) fn run(args: &Args) -> Outcome {
    match &args.command {
        Command::Apply(args) => apply::run(args),
        Command::Diff(args) => diff::run(args),
        Command::Export(args) => export::run(args),
    }
}

fn read_file(path: &Path) -> Result<StandardsFile, Failure> {
    let text = read_text(path, FILE_BYTES_MAX)?;
    let file = StandardsFile::read(&text);
    let file = file.map_err(|error| Failure::bad_input(error).within(path))?;
    for (line, region) in file.regions() {
        check_region(Some(line), region).map_err(|failure| failure.within(path))?;
    }
    Ok(file)
}

fn check_names(path: &Path, file: &StandardsFile, facts: &StandardsFacts) -> Result<(), Failure> {
    let unknown = unknown_names(file, facts);
    if unknown.is_empty() {
        Ok(())
    } else {
        Err(suggestions::unknown(&unknown, Some(path)))
    }
}

fn day(now: Timestamp) -> Date {
    now.to_zoned(TimeZone::UTC).date()
}

fn unread(why: StandardsUnread, file: Option<&Path>) -> Failure {
    match why {
        StandardsUnread::Unread(fact) => Failure::failed(format!(
            "the organization cannot be read: {}: {}",
            fact.action, fact.reason
        ))
        .help("use credentials of the management account"),
        StandardsUnread::Unknown(names) => suggestions::unknown(&names, file),
    }
}
