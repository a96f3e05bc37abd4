//! `hallpass org standards apply FILE`.

use std::path::PathBuf;

use hallpass_org::ReadCalls;
use hallpass_org::standards::{
    AppliedFile, StandardsChoices, StandardsFile, compare, draft, draft_central, gather_hubs,
    gather_organization,
};
use hallpass_runner::PlanDraft;

use super::central::{self, Mode};
use super::shown::ShownStandards;
use super::{check_names, day, read_file, unread};
use hallpass_chores::plans::{self, PlanArgs, PlanContext};
use hallpass_host::runtime::runtime;
use hallpass_host::selection_args::TargetSelectionArgs;
use hallpass_terminal::exit::{Exit, Failure, Outcome};
use hallpass_terminal::output;

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
    selection: TargetSelectionArgs,
    /// Who says which standards are on
    #[arg(long, value_enum, value_name = "MODE", default_value = "auto")]
    mode: Mode,
    /// With `--mode central`: let policies configure the organization, where they do not yet
    #[arg(long, requires = "mode")]
    enable_central: bool,
    #[command(flatten)]
    own: OwnHubArgs,
    #[command(flatten)]
    plan: PlanArgs,
}

/// What holds for accounts that look after themselves.
#[derive(Debug, clap::Args)]
struct OwnHubArgs {
    /// Turn Security Hub on where it is off
    #[arg(long)]
    enable_hub: bool,
    /// Write a reason also where it alone differs
    #[arg(long)]
    update_reasons: bool,
    /// Turn on controls that are off and that the file does not name
    #[arg(long)]
    enable_unnamed: bool,
}

impl Args {
    fn is_for_policies(&self) -> Result<(), Failure> {
        if self.own.enable_hub || self.own.update_reasons || self.own.enable_unnamed {
            let text = "`--enable-hub`, `--update-reasons` and `--enable-unnamed` are for accounts that look after themselves";
            return Err(Failure::bad_input(text).help("`--mode local`"));
        }
        Ok(())
    }
}

pub(super) fn run(args: &Args) -> Outcome {
    let file = read_file(&args.file)?;
    let loaded = args.plan.load()?;
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
    if args.enable_central && args.mode != Mode::Central {
        let text = "`--enable-central` is for policies";
        return Err(Failure::bad_input(text).help("`--mode central`"));
    }
    if args.enable_central && facts.central.is_none() {
        args.is_for_policies()?;
        central::can_say(file)?;
        return central::enable(context, &facts.organization, &args.plan).await;
    }
    if let Some(central) = central::central(args.mode, &facts)? {
        args.is_for_policies()?;
        let rows = central::rows(file, &facts, central, &scope, now)?;
        let draft = draft_central(&rows, &facts, central);
        let shown = ShownStandards::of_policies(&rows, &central.home);
        return settle(context, file, (draft, shown), args).await;
    }
    gather_hubs(calls, Some(file), &scope, &mut facts).await;
    check_names(&args.file, file, &facts)?;
    let choices = StandardsChoices {
        enable_hub: args.own.enable_hub,
        update_reasons: args.own.update_reasons,
        enable_unnamed: args.own.enable_unnamed,
        ..StandardsChoices::default()
    };
    let rows = compare(file, &facts, choices, day(now));
    let shown = ShownStandards::of(&rows);
    settle(context, file, (draft(&rows, &facts), shown), args).await
}

/// Keeps that a person applied this very file: to the whole organization, and not to a part of it. A server makes new
/// accounts follow only such a file (`organization.md` S-8).
async fn note_applied(
    context: &PlanContext,
    file: &StandardsFile,
    args: &Args,
) -> Result<(), Failure> {
    if !args.plan.is_applying() || args.selection.is_part() {
        return Ok(());
    }
    let applied = AppliedFile {
        hash: file.hash().to_owned(),
        at: context.clock.now(),
        by: context.aws.about().arn.clone(),
    };
    let kept = context.visits.file_applied(&applied).await;
    kept.map_err(|fault| Failure::failed(fault.to_string()))
}

async fn settle(
    context: &PlanContext,
    file: &StandardsFile,
    (draft, mut shown): (PlanDraft, ShownStandards),
    args: &Args,
) -> Outcome {
    shown = shown.named(&context.account_names().await);
    if draft.is_empty() {
        note_applied(context, file, args).await?;
        shown.print(None, args.plan.format())?;
        output::say("nothing is to be changed");
        return Ok(shown.exit(Exit::Ok));
    }
    let question = "Change standards and controls in these accounts?";
    let settled = plans::settle(context, draft, &args.plan, question).await?;
    if settled.refused.is_none() {
        // CRASH: not noted, the server goes on telling; the same command notes it
        note_applied(context, file, args).await?;
    }
    shown.tell(&settled.report);
    shown.print(Some(&settled.report), args.plan.format())?;
    match settled.refused {
        Some(refused) => Err(refused),
        None => Ok(shown.exit(settled.exit)),
    }
}
