//! `hallpass rules import granted`: access rules, workflows and policies of Common Fate.

use hallpass_imports::granted::{OrganizationIds, import};
use hallpass_setup::facts::OrganizationFacts;
use hallpass_terminal::exit::{Failure, Outcome};

use super::named::{self, NamedArgs};

/// Import access rules or workflows of Common Fate (Granted)
#[derive(Debug, clap::Args)]
#[command(
    long_about = "Import access rules or workflows of Common Fate (Granted)\n\nThe files are access rules of \
                  Granted Approvals as YAML or JSON, Terraform files with resources of the provider \
                  `commonfate` (access rules; or workflows, selectors, availabilities and policies), or a plan \
                  or state as JSON (`terraform show -json`). Give all files of one installation together: what \
                  a policy in another file forbids is not known otherwise.\n\nPermission sets are named by \
                  `--facts`, which also tell resources of another organization and groups of another provider \
                  from yours; groups and users that Common Fate has ids of its own for by `--names`. Prints row \
                  by row whether it moved, differs and why, or cannot be said: the rules never permit more \
                  than Common Fate does. Exit 2 when a file is not whole, 1 when rules cannot say some row (the \
                  others are written), 4 when the rule file is there already.",
    after_help = "Examples:
  hallpass rules import granted access-rules.yaml --facts live
  terraform show -json > state.json
  hallpass rules import granted state.json --names names.toml --to rules.toml"
)]
pub(crate) struct Args {
    #[command(flatten)]
    pub(super) named: NamedArgs,
}

pub(crate) fn run(args: &Args) -> Outcome {
    named::run(&args.named, |files, names, facts| {
        let ids = facts.map(ids).transpose()?.unwrap_or_default();
        let directory = facts.map(|it| &it.directory);
        Ok(import(files, names, directory, &ids))
    })
}

/// What tells resources of another organization from ours.
fn ids(facts: &OrganizationFacts) -> Result<OrganizationIds, Failure> {
    let why = "groups of Common Fate are known by it";
    facts.ensure_stated("/identity_center/groups", "id", why)?;
    let known = facts.ids()?;
    Ok(OrganizationIds {
        organization: known.organization,
        identity_store: known.identity_store,
    })
}
