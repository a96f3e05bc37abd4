//! `hallpass org standards diff FILE`.

use hallpass_chores::plans::run_failed;
use std::path::PathBuf;

use hallpass_org::ReadCalls;
use hallpass_org::standards::{
    StandardsChoices, StandardsFile, compare, draft_central, gather_hubs, gather_organization,
};
use hallpass_runner::PlanReport;

use super::central::{self, Mode};
use super::shown::ShownStandards;
use super::{check_names, day, read_file, unread};
use hallpass_chores::plans::{self, PlanContext};
use hallpass_host::runtime::runtime;
use hallpass_host::selection_args::TargetSelectionArgs;
use hallpass_setup::opening::ConfigArgs;
use hallpass_terminal::exit::{Exit, Outcome};
use hallpass_terminal::output::OutputArgs;

/// Compare a file with the organization; nothing is changed or saved
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Example:\n  hallpass org standards diff org-standards.yaml --fail-on-findings -o json"
)]
pub(super) struct Args {
    /// Which standards and controls are on or off: YAML
    #[arg(value_name = "FILE")]
    file: PathBuf,
    #[command(flatten)]
    selection: TargetSelectionArgs,
    /// Who says which standards are on
    #[arg(long, value_enum, value_name = "MODE", default_value = "auto")]
    mode: Mode,
    /// Exit with 3 where something differs
    #[arg(long)]
    fail_on_findings: bool,
    #[command(flatten)]
    config: ConfigArgs,
    #[command(flatten)]
    output: OutputArgs,
}

pub(super) fn run(args: &Args) -> Outcome {
    let file = read_file(&args.file)?;
    let loaded = args.config.load()?;
    runtime()?.block_on(async {
        let context = plans::open(&loaded).await?;
        carry_out(&context, &file, args).await
    })
}

async fn carry_out(context: &PlanContext, file: &StandardsFile, args: &Args) -> Outcome {
    let calls: &dyn ReadCalls = context.calls.as_ref();
    let (scope, now) = (args.selection.scope(calls).await?, context.clock.now());
    let facts = gather_organization(calls, Some(file), &scope).await;
    let mut facts = facts.map_err(|why| unread(why, Some(&args.file)))?;
    let shown = if let Some(central) = central::central(args.mode, &facts)? {
        let rows = central::rows(file, &facts, central, &scope, now)?;
        let mut shown = ShownStandards::of_policies(&rows, &central.home);
        let draft = draft_central(&rows, &facts, central);
        if !draft.is_empty() {
            let looked = context.runner.preview(draft).await.map_err(run_failed)?;
            shown.tell(&PlanReport::planned(&looked.plan));
        }
        shown
    } else {
        gather_hubs(calls, Some(file), &scope, &mut facts).await;
        check_names(&args.file, file, &facts)?;
        ShownStandards::of(&compare(
            file,
            &facts,
            StandardsChoices::default(),
            day(now),
        ))
    };
    let shown = shown.named(&context.account_names().await);
    shown.print(None, args.output.format())?;
    let exit = if args.fail_on_findings && shown.differs() {
        Exit::Findings
    } else {
        Exit::Ok
    };
    Ok(shown.exit(exit))
}
