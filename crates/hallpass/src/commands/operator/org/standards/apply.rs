//! `hallpass org standards apply FILE`.

use std::path::PathBuf;

use hallpass_org::ReadCalls;
use hallpass_org::standards::{StandardsChoices, StandardsFile, compare, draft, gather_standards};

use super::scope::ScopeArgs;
use super::shown::ShownStandards;
use super::{day, read_file, unread};
use crate::commands::operator::serve::runtime;
use crate::exit::{Exit, Outcome};
use crate::output;
use crate::plans::{self, PlanArgs, PlanContext};

/// Plan what a file wants; `--apply` carries it out
#[derive(Debug, clap::Args)]
#[command(
    visible_alias = "plan",
    after_help = "Example:\n  hallpass org standards apply org-standards.yaml --max-changes 500 --apply"
)]
pub(super) struct Args {
    /// Which standards and controls are on or off: YAML
    #[arg(value_name = "FILE")]
    file: PathBuf,
    #[command(flatten)]
    scope: ScopeArgs,
    /// Turn Security Hub on where it is off
    #[arg(long)]
    enable_hub: bool,
    /// Write a reason also where it alone differs
    #[arg(long)]
    update_reasons: bool,
    /// Turn on controls that are off and that the file does not name
    #[arg(long)]
    enable_unnamed: bool,
    #[command(flatten)]
    plan: PlanArgs,
}

pub(super) fn run(args: &Args) -> Outcome {
    let format = args.plan.format();
    let carried = || -> Outcome {
        let file = read_file(&args.file)?;
        let loaded = args.plan.load()?;
        runtime()?.block_on(async {
            let context = plans::open(&loaded).await?;
            carry_out(&context, &file, args).await
        })
    };
    carried().map_err(|failure| failure.said_as(format))
}

async fn carry_out(context: &PlanContext, file: &StandardsFile, args: &Args) -> Outcome {
    let calls: &dyn ReadCalls = context.calls.as_ref();
    let facts = gather_standards(calls, Some(file), &args.scope.scope()).await;
    let facts = facts.map_err(unread)?;
    let choices = StandardsChoices {
        enable_hub: args.enable_hub,
        update_reasons: args.update_reasons,
        enable_unnamed: args.enable_unnamed,
    };
    let rows = compare(file, &facts, choices, day(context.clock.now()));
    let draft = draft(&rows, &facts);
    let mut shown = ShownStandards::of(&rows);
    if draft.is_empty() {
        shown.print(None, args.plan.format())?;
        output::say("nothing is to be changed");
        return Ok(shown.exit(Exit::Ok));
    }
    let question = "Change standards and controls in these accounts?";
    let settled = plans::settle(context, draft, &args.plan, question).await?;
    shown.tell(&settled.report);
    shown.print(Some(&settled.report), args.plan.format())?;
    match settled.refused {
        Some(refused) => Err(refused),
        None => Ok(shown.exit(settled.exit)),
    }
}
