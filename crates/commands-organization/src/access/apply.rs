//! `hallpass access apply`: carries out files, or a plan that was shown.

use std::path::PathBuf;

use hallpass_access_files::{AccessRefusal, PLAN_KIND, SavedDiff};
use hallpass_chores::access_look::{compared, directory, seen, usable};
use hallpass_chores::plans::run_failed;
use hallpass_chores::plans::{self, PlanContext, RunningArgs};
use hallpass_host::runtime::runtime;
use hallpass_model::PermissionSetName;
use hallpass_runner::{Plan, PlanId, PlanReport};
use hallpass_terminal::exit::{Exit, Failure, Outcome};
use hallpass_terminal::output::{self, Format};
use hallpass_terminal::prompt::{Consent, confirm_act};

use super::plan::{MakingArgs, made, print};

/// Carry out files, or a plan that was shown
#[derive(Debug, clap::Args)]
#[command(
    long_about = "Carry out files, or a plan that was shown\n\nPrints what will be done, asks, and \
                  does it. A plan is refused with exit 1 when what it touches changed since it was \
                  made. What was stopped goes on with `hallpass org plan resume`.",
    after_help = "Examples:
  hallpass access apply access.yaml
  hallpass access apply 3f0c9a5b7d1e2f46 --yes
  hallpass access apply access.yaml --unprotect BreakGlass"
)]
pub(super) struct Args {
    /// The files, or the id of a plan
    #[arg(value_name = "FILE|PLAN", required = true)]
    given: Vec<PathBuf>,
    #[command(flatten)]
    making: MakingArgs,
    /// Let this protected set be loosened, and its assignments deleted
    #[arg(long, value_name = "NAME")]
    unprotect: Vec<PermissionSetName>,
    /// Let the access go with which you are signed in
    #[arg(long)]
    allow_self_lockout: bool,
    /// With `manage: all`: so many deletions are meant
    #[arg(long, value_name = "COUNT")]
    confirm: Option<usize>,
    #[command(flatten)]
    running: RunningArgs,
}

impl Args {
    /// Whether something that speaks against the plan was allowed in so many words.
    fn allows(&self, refusal: &AccessRefusal) -> bool {
        match refusal {
            AccessRefusal::Protected { permission_set } => self.unprotect.contains(permission_set),
            AccessRefusal::TooManyDeletions { .. } => false,
            AccessRefusal::Unconfirmed { deletions } => self.confirm == Some(*deletions),
            AccessRefusal::SelfLockout { .. } => self.allow_self_lockout,
        }
    }

    fn check(&self, saved: &SavedDiff) -> Result<(), Failure> {
        let against: Vec<_> = saved
            .refusals
            .iter()
            .filter(|it| !self.allows(it))
            .collect();
        if against.is_empty() {
            return Ok(());
        }
        let mut failure = Failure::refused("the plan is refused; nothing was changed");
        for refusal in against {
            failure = failure.detail(refusal.to_string());
        }
        Err(failure.code("refused"))
    }

    fn ask(&self, saved: &SavedDiff) -> Result<(), Failure> {
        let totals = saved.diff.totals();
        let question = format!(
            "Apply {} to add, {} to change, {} to delete, {} to provision?",
            totals.add, totals.change, totals.delete, totals.provision
        );
        let consent = Consent::from(self.running.has_yes());
        confirm_act("this changes who has access", &question, consent)
    }

    async fn check_drift(&self, context: &PlanContext, saved: &SavedDiff) -> Result<(), Failure> {
        if self.running.applying().accept_drift {
            return Ok(());
        }
        check_drift(context, saved).await
    }

    /// The plan that was named, where one was and not a file.
    fn plan(&self) -> Option<PlanId> {
        let [only] = self.given.as_slice() else {
            return None;
        };
        plans::plan_id(only.to_str()?)
            .ok()
            .filter(|_| !only.exists())
    }
}

pub(super) fn run(args: &Args) -> Outcome {
    let format = args.running.format();
    match args.plan() {
        Some(id) => runtime()?.block_on(apply_plan(args, &id, format)),
        None => apply_files(args, format),
    }
}

fn apply_files(args: &Args, format: Format) -> Outcome {
    let file = usable(&args.given, |it| output::say(&it))?;
    runtime()?.block_on(async {
        let context = plans::open(&args.running.config.load()?).await?;
        let compared = compared(&context.access(), &file).await?;
        let made = made(&context, &compared, args.making).await?;
        let Some(id) = &made.plan else {
            output::say("No changes");
            let plan = None;
            print(&made.saved, plan, &compared.directory, format)?;
            return Ok(finished(Exit::Ok, &made.saved));
        };
        show(&made.saved, &compared.directory);
        if made.under_way {
            output::say(&format!(
                "plan {id} was begun before and is not over: going on"
            ));
        } else {
            args.check(&made.saved)?;
            args.ask(&made.saved)?;
            // whoever was asked took their time
            args.check_drift(&context, &made.saved).await?;
        }
        carry_out(&context, args, id, &made.saved, format).await
    })
}

async fn apply_plan(args: &Args, id: &PlanId, format: Format) -> Outcome {
    let context = plans::open(&args.running.config.load()?).await?;
    let (mut plan, folded) = context.runner.load(id).await.map_err(run_failed)?;
    let saved = saved_diff(&plan)?;
    let directory = directory(&context.access(), false).await?;
    let was_run = folded.began.is_some_and(|began| began >= plan.made_at);
    if was_run {
        // what is over stays as it is, what is not goes on
        output::say(&format!("plan {id} was begun before"));
        let report = context
            .runner
            .resume(id, &args.running.applying())
            .await
            .map_err(run_failed)?;
        return ended(&report, &saved, format);
    }
    show(&saved, &directory);
    args.check(&saved)?;
    args.check_drift(&context, &saved).await?;
    args.ask(&saved)?;
    args.check_drift(&context, &saved).await?;
    if let Some(most) = args.making.max_changes {
        plan.limits.changes_max = most;
        context.runner.save(&plan).await.map_err(run_failed)?;
    }
    carry_out(&context, args, id, &saved, format).await
}

fn saved_diff(plan: &Plan) -> Result<SavedDiff, Failure> {
    if plan.kind != PLAN_KIND {
        let message = format!("plan {} is of the kind `{}`", plan.id, plan.kind);
        return Err(
            Failure::bad_input(message).help("`hallpass org plan resume` goes on with any plan")
        );
    }
    serde_json::from_value(plan.facts.clone()).map_err(Failure::bug)
}

/// Holds what a plan touches against what stood there when it was made (`inventory.md` A-9).
async fn check_drift(context: &PlanContext, saved: &SavedDiff) -> Result<(), Failure> {
    let names = saved.diff.sets();
    let now = seen(&context.access(), |name| names.contains(name)).await?;
    if now == saved.seen {
        return Ok(());
    }
    let mut failure = Failure::failed(
        "drifted: what the plan touches changed since it was made; nothing was done",
    )
    .code("drifted");
    for name in &names {
        let only = std::collections::BTreeSet::from([name.clone()]);
        if now.of_sets(&only) != saved.seen.of_sets(&only) {
            failure = failure.detail(format!("permission set `{name}`, or who has it"));
        }
    }
    Err(failure.help("make a new plan, or give `--accept-drift`"))
}

/// The difference, for whoever is asked.
fn show(saved: &SavedDiff, directory: &hallpass_rules::Directory) {
    let last = hallpass_access_files::last_access(&saved.diff, &saved.seen);
    let colour = if output::stderr_has_colour() {
        super::diff_text::Colour::Shown
    } else {
        super::diff_text::Colour::Left
    };
    let text = super::diff_text::text(&saved.diff, &last, directory, colour);
    output::say(text.trim_end());
}

async fn carry_out(
    context: &PlanContext,
    args: &Args,
    id: &PlanId,
    saved: &SavedDiff,
    format: Format,
) -> Outcome {
    let report = context
        .runner
        .apply(id, &args.running.applying())
        .await
        .map_err(run_failed)?;
    ended(&report, saved, format)
}

fn ended(report: &PlanReport, saved: &SavedDiff, format: Format) -> Outcome {
    plans::print(report, None, format)?;
    Ok(finished(plans::exit_of(report), saved))
}

/// A set that should go and cannot makes the result partial.
fn finished(exit: Exit, saved: &SavedDiff) -> Exit {
    if exit == Exit::Ok && !saved.diff.blocked.is_empty() {
        Exit::Failed
    } else {
        exit
    }
}
