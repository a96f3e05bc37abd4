//! `hallpass access drift`: what was changed beside the files.

use std::path::PathBuf;

use hallpass_access_files::{DriftedItem, drift};

use super::files::usable;
use super::look::compared;
use crate::exit::{Exit, Outcome};
use crate::opening::{ConfigArgs, runtime};
use crate::output::{self, OutputArgs, Table};
use crate::plans;

const FIELDS: &[&str] = &["drift", "permission_set", "account", "what"];

/// Show what was changed beside the files
#[derive(Debug, clap::Args)]
#[command(
    long_about = "Show what was changed beside the files\n\nThe same comparison as `plan`, told the \
                  other way round, and nothing is saved: added_outside, removed_outside, \
                  changed_outside, outdated_provisioning, unknown_principal. Temporary access that \
                  Hallpass gave is never drift.",
    after_help = "Examples:
  hallpass access drift access.yaml
  hallpass access drift access.yaml --detailed-exitcode --output json"
)]
pub(super) struct Args {
    /// The files: YAML, TOML or JSON
    #[arg(value_name = "FILE", required = true)]
    files: Vec<PathBuf>,
    /// Exit with 3 when something drifted
    #[arg(long)]
    detailed_exitcode: bool,
    #[command(flatten)]
    config: ConfigArgs,
    #[command(flatten)]
    output: OutputArgs,
}

pub(super) fn run(args: &Args) -> Outcome {
    let format = args.output.format();
    let run = || -> Outcome {
        let file = usable(&args.files)?;
        let items = runtime()?.block_on(async {
            let context = plans::open(&args.config.load()?).await?;
            let compared = compared(&context, &file).await?;
            let (wanted, seen) = (&compared.wanted, &compared.seen);
            Ok::<_, crate::exit::Failure>(drift(&compared.diff, wanted, seen, &compared.directory))
        })?;
        output::list(format, &items, FIELDS, || table(&items))?;
        if items.is_empty() {
            output::say("No drift");
        }
        Ok(if args.detailed_exitcode && !items.is_empty() {
            Exit::Findings
        } else {
            Exit::Ok
        })
    };
    run().map_err(|failure| failure.said_as(format))
}

fn table(items: &[DriftedItem]) -> Table {
    let mut table = Table::new(&["drift", "permission set", "account", "what"]);
    for item in items {
        let account = item.account.as_ref().map(ToString::to_string);
        table.row([
            item.drift.name().to_owned(),
            item.permission_set.to_string(),
            account.unwrap_or_default(),
            item.what.clone(),
        ]);
    }
    table
}
