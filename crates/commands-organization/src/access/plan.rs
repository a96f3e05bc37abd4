//! `hallpass access plan`: what applying files would do.

use std::path::PathBuf;

use hallpass_access_files::{AccessDiff, AccessRefusal, DiffTotals, SavedDiff, last_access};
use hallpass_chores::access_look::{Compared, compared, usable};
use hallpass_chores::plans::run_failed;
use hallpass_chores::plans::{self, PlanContext};
use hallpass_host::runtime::runtime;
use hallpass_rules::Directory;
use hallpass_setup::opening::ConfigArgs;
use hallpass_terminal::exit::{Exit, Failure, Outcome};
use hallpass_terminal::output::{self, Format, OutputArgs};
use serde_json::{Value, json};

use super::diff_text::{self, Colour};
use super::refused::refused;

const FIELDS: &[&str] = &["on", "permission_set", "account", "write"];

/// Show what applying files would do, and save it as a plan
#[derive(Debug, clap::Args)]
#[command(
    long_about = "Show what applying files would do, and save it as a plan\n\nLines begin with + \
                  (created), ~ (changed), - (deleted), > (provisioned again) and ! (replaced, or \
                  not possible). `hallpass access apply PLAN` carries out what was shown.",
    after_help = "Examples:
  hallpass access plan access.yaml
  hallpass access plan access.yaml --detailed-exitcode --output json"
)]
pub(super) struct Args {
    /// The files: YAML, TOML or JSON
    #[arg(value_name = "FILE", required = true)]
    files: Vec<PathBuf>,
    #[command(flatten)]
    making: MakingArgs,
    /// Exit with 3 when there is something to do
    #[arg(long)]
    detailed_exitcode: bool,
    #[command(flatten)]
    config: ConfigArgs,
    #[command(flatten)]
    output: OutputArgs,
}

/// How a plan is made.
#[derive(Clone, Copy, Debug, clap::Args)]
pub(super) struct MakingArgs {
    /// Take access away before it is given: a move leaves a gap
    #[arg(long)]
    revoke_first: bool,
    /// Refuse a plan with more writes than this [default: 50]
    #[arg(long, value_name = "N")]
    pub(super) max_changes: Option<usize>,
}

pub(super) fn run(args: &Args) -> Outcome {
    let format = args.output.format();
    let file = usable(&args.files, |it| output::say(&it))?;
    runtime()?.block_on(async {
        let context = plans::open(&args.config.load()?).await?;
        let compared = compared(&context.access(), &file).await?;
        let made = made(&context, &compared, args.making).await?;
        print(
            &made.saved,
            made.plan.as_ref().map(hallpass_runner::PlanId::as_str),
            &compared.directory,
            format,
        )?;
        for refusal in &made.saved.refusals {
            output::say(&output::plain(&format!("will be refused: {refusal}")));
        }
        match &made.plan {
            None => output::say("No changes"),
            Some(id) => output::say(&format!(
                "plan {id}: nothing was done; `hallpass access apply {id}` carries it out"
            )),
        }
        let has_changes = !compared.diff.changes.is_empty();
        Ok(if args.detailed_exitcode && has_changes {
            Exit::Findings
        } else {
            Exit::Ok
        })
    })
}

/// A difference as a plan.
pub(super) struct MadePlan {
    pub(super) saved: SavedDiff,
    /// Its id; `None` where there is nothing to do.
    pub(super) plan: Option<hallpass_runner::PlanId>,
    /// Whether a run of it is not over: it is gone on with.
    pub(super) under_way: bool,
}

/// Looks at what a difference would write, and saves it.
///
/// # Errors
/// When a target cannot be looked at, or stands in the way.
pub(super) async fn made(
    context: &PlanContext,
    compared: &Compared,
    making: MakingArgs,
) -> Result<MadePlan, Failure> {
    let saved = compared.saved(refused(context, compared).await?);
    if saved.diff.changes.is_empty() {
        return Ok(MadePlan {
            saved,
            plan: None,
            under_way: false,
        });
    }
    let organization = context
        .aws
        .about()
        .organization_id
        .clone()
        .unwrap_or_default();
    let directory = &compared.directory;
    let mut draft =
        hallpass_access_files::plan(&saved, &organization, directory, making.revoke_first);
    let limits = draft.limits_mut();
    limits.changes_max = making.max_changes.unwrap_or(limits.changes_max);
    let looked = context.runner.preview(draft).await.map_err(run_failed)?;
    let blocked = looked.plan.blocked();
    if !looked.under_way && !blocked.is_empty() {
        let mut failure = Failure::refused("the plan is refused; nothing was changed");
        for reason in blocked {
            failure = failure.detail(reason);
        }
        return Err(failure);
    }
    if !looked.under_way {
        context
            .runner
            .save(&looked.plan)
            .await
            .map_err(run_failed)?;
    }
    Ok(MadePlan {
        saved,
        plan: Some(looked.plan.id),
        under_way: looked.under_way,
    })
}

/// The difference on stdout.
pub(super) fn print(
    saved: &SavedDiff,
    plan: Option<&str>,
    directory: &Directory,
    format: Format,
) -> Result<(), Failure> {
    let SavedDiff {
        diff,
        refusals,
        seen,
    } = saved;
    let colour = if output::stdout_has_colour() {
        Colour::Shown
    } else {
        Colour::Left
    };
    match format {
        Format::Table => {
            let last = last_access(diff, seen);
            output::print(&diff_text::text(diff, &last, directory, colour))
        }
        Format::Json | Format::Jsonl => {
            output::one(format, &whole(diff, refusals, plan), &[], String::new)
        }
        Format::Csv => output::list(format, &diff.changes, FIELDS, output::Table::default),
    }
}

/// A difference as JSON.
fn whole(diff: &AccessDiff, refusals: &[AccessRefusal], plan: Option<&str>) -> Value {
    let DiffTotals {
        add,
        change,
        delete,
        provision,
    } = diff.totals();
    json!({
        "plan": plan, "add": add, "change": change, "delete": delete, "provision": provision,
        "changes": diff.changes, "blocked": diff.blocked, "held": diff.held, "replaced": diff.replaced,
        "refusals": refusals,
    })
}
