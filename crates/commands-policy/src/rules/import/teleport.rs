//! `hallpass rules import teleport`: roles with access requests.

use hallpass_imports::teleport::import;
use hallpass_terminal::exit::Outcome;

use super::named::{self, NamedArgs};

/// Import roles of Teleport that let people request account assignments
#[derive(Debug, clap::Args)]
#[command(
    long_about = "Import roles of Teleport that let people request account assignments\n\nThe files are roles as \
                  YAML or JSON, as `tctl get roles` prints them, of versions 3 to 8. Give all roles together: \
                  what one denies is not known otherwise. A role that lets its holders request another becomes \
                  rules for the account assignments of the other; who may review requests for it may \
                  approve.\n\nTeleport's roles do not say who holds them: `--names` says it. Without it, the \
                  report ends in the lines that the file lacks, to fill in. Prints row by row whether it moved, \
                  differs and why, or cannot be said: the rules never permit more than Teleport does. Exit 2 \
                  when a file is not whole, 1 when rules cannot say some row (the others are written), 4 when \
                  the rule file is there already.",
    after_help = "Examples:
  tctl get roles > roles.yaml
  hallpass rules import teleport roles.yaml --facts live
  hallpass rules import teleport roles.yaml --names names.toml --to rules.toml"
)]
pub(crate) struct Args {
    #[command(flatten)]
    named: NamedArgs,
}

pub(crate) fn run(args: &Args) -> Outcome {
    named::run(&args.named, |files, names, facts| {
        Ok(import(files, names, facts.map(|it| &it.directory)))
    })
}
