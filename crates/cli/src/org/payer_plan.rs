//! `hallpass org payer plan`: lists tasks toward a shared payer account (`organization.md` Y-3).

use hallpass_org::payer::payer_tasks;
use hallpass_terminal::exit::{Exit, Outcome};
use hallpass_terminal::output::{self, OutputArgs, Table};

use super::payer_look::PayerLookArgs;

const COLUMNS: [&str; 5] = ["id", "state", "owners", "title", "notes"];

/// List tasks for a shared payer account, with owner and progress
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:
  hallpass org payer plan org-payer.yaml

Runs with credentials of the payer account, and only reads. A task is done when
the checks of `org payer audit` that belong to it pass or are vouched for.")]
pub(super) struct Args {
    #[command(flatten)]
    payer: PayerLookArgs,
    #[command(flatten)]
    output: OutputArgs,
}

pub(super) fn run(args: &Args) -> Outcome {
    let seen = args.payer.look()?;
    let tasks = payer_tasks(&seen.checks, &seen.transfers);
    output::list(args.output.format(), &tasks, &COLUMNS, || {
        let mut table = Table::new(&["=STATE", "=WHO", "TASK"]);
        for task in &tasks {
            let mut lines = vec![task.title.to_owned()];
            lines.extend(task.notes.iter().map(|it| format!("-> {it}")));
            let state = task.state.name().replace('_', " ");
            table.row_of_lines([state, task.owners.join(", "), lines.join("\n")]);
        }
        table
    })?;
    Ok(Exit::Ok)
}
