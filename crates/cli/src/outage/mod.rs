mod apply;
mod generate;
mod list;
mod remove;

use hallpass_app::chores::plans::chore::Opened;
use hallpass_enforcement::Drill;
use hallpass_terminal::exit::{Failure, Outcome};

/// Rehearse an outage: deny calls to one Region's control planes for a while
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  hallpass org outage generate --region us-east-1 --services iam,route53 \\
      --start 2026-03-02T10:00:00Z --end 2026-03-02T12:00:00Z \\
      --exempt-role 'arn:aws:iam::*:role/break-glass' > drill.json
  hallpass org outage apply drill.json --target ou-ab12-11111111
  hallpass org outage apply drill.json --target ou-ab12-11111111 --apply
  hallpass org outage list
  hallpass org outage reap --apply")]
pub struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    Generate(generate::Args),
    Apply(apply::Args),
    Remove(remove::RemoveArgs),
    List(list::Args),
    Reap(remove::ReapArgs),
}

pub fn run(args: &Args) -> Outcome {
    match &args.command {
        Command::Generate(args) => generate::run(args),
        Command::Apply(args) => apply::run(args),
        Command::Remove(args) => remove::run_remove(args),
        Command::List(args) => list::run(args),
        Command::Reap(args) => remove::run_reap(args),
    }
}

async fn kept(at: &Opened<'_>, id: &str) -> Result<Option<Drill>, Failure> {
    let kept = at.context.kept.drill(id).await;
    kept.map_err(|fault| Failure::failed(fault.to_string()))
}
