//! `hallpass org delegate check FILE`.

use std::path::PathBuf;

use hallpass_org::ReadCalls;
use hallpass_org::delegation::{DelegationFile, Replacing, compare, gather};
use hallpass_runner::PlanReport;

use super::apply;
use super::shown::ShownDelegation;
use hallpass_chores::delegation_files::{differences, read_file, refused, unread};
use hallpass_chores::plans::{self, PlanContext};
use hallpass_host::runtime::runtime;
use hallpass_setup::opening::ConfigArgs;
use hallpass_terminal::exit::{Exit, Outcome};
use hallpass_terminal::output::OutputArgs;

/// Compare a file with the organization; nothing is changed or saved
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Example:\n  hallpass org delegate check org-delegate.yaml --fail-on-findings"
)]
pub(super) struct Args {
    /// Who administers what: YAML
    #[arg(value_name = "FILE")]
    file: PathBuf,
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

async fn carry_out(context: &PlanContext, file: &DelegationFile, args: &Args) -> Outcome {
    let calls: &dyn ReadCalls = context.calls.as_ref();
    let facts = gather(calls, file).await.map_err(unread)?;
    let mut rows =
        compare(file, &facts, Replacing::Never).map_err(|why| refused(why, Some(&args.file)))?;
    apply::warn(file);
    let reports = differences(context, &mut rows, &facts).await;
    let mut shown = ShownDelegation::of(&rows, &context.account_names().await);
    for report in &reports {
        shown.tell(report);
    }
    let differs = reports.iter().any(PlanReport::has_changes);
    shown.print(None, args.output.format())?;
    let exit = if differs && args.fail_on_findings {
        Exit::Findings
    } else {
        Exit::Ok
    };
    Ok(shown.exit(exit))
}
