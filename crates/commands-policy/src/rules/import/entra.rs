//! `hallpass rules import entra`: PIM for Groups of Microsoft Entra.

use hallpass_imports::entra::{EligibilityEnds, import};
use hallpass_terminal::exit::Outcome;

use super::named::{self, NamedArgs};

/// Import groups of Privileged Identity Management (PIM) of Microsoft Entra
#[derive(Debug, clap::Args)]
#[command(
    long_about = "Import groups of Privileged Identity Management (PIM) of Microsoft Entra\n\nThe files are answers \
                  of Microsoft Graph as JSON: policy assignments of groups with their policies and rules, and \
                  eligibility schedule instances. Give all of them together.\n\nEntra does not know what the \
                  membership of a group gives at AWS, nor who its users are there: `--names` says it. Without \
                  it, the report ends in the lines that the file lacks, to fill in. Prints row by row whether it \
                  moved, differs and why, or cannot be said: the rules never permit more than Entra does. Exit \
                  2 when a file is not whole, 1 when rules cannot say some row (the others are written), 4 when \
                  the rule file is there already.",
    after_help = "Examples:
  hallpass rules import entra policies.json eligibility.json --names names.toml
  hallpass rules import entra policies.json eligibility.json --names names.toml \\
    --ignore-eligibility-ends --to rules.toml --output json"
)]
pub(crate) struct Args {
    #[command(flatten)]
    named: NamedArgs,
    /// Take people whose eligibility ends some day, too: rules have no end for who may ask
    #[arg(long)]
    ignore_eligibility_ends: bool,
}

pub(crate) fn run(args: &Args) -> Outcome {
    let ends = if args.ignore_eligibility_ends {
        EligibilityEnds::Ignore
    } else {
        EligibilityEnds::LeaveOut
    };
    named::run(&args.named, |files, names, facts| {
        let directory = facts.map(|it| &it.directory);
        Ok(import(files, names, directory, ends))
    })
}
