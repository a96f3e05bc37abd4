//! Files of access as a chore: how what they want comes to a plan, and is shown, confirmed and carried out. What is shown is the
//! difference, and what is held against drift are the sets that it touches, since whoever reads it thinks in those.

use std::collections::BTreeSet;
use std::sync::Arc;

use hallpass_access_files::{
    AccessDiff, AccessFile, AccessRefusal, DiffTotals, SavedDiff, last_access,
};
use hallpass_app::chores::access_look::{Compared, compared, seen};
use hallpass_app::chores::plans::chore::{Chore, Drafted, Opened, Shown};
use hallpass_app::chores::plans::{self, PlanArgs, PlanContext, RunningArgs, Settled, run_failed};
use hallpass_plans::{Looked, PlanDraft, PlanId, PlanReport, StepEnd};
use hallpass_rules::Directory;
use hallpass_terminal::exit::{Exit, Failure};
use hallpass_terminal::output::{self, Format};
use serde_json::{Value, json};

use super::confirming::{Confirming, ask, not_done, question};
use super::diff_text::{self, Colour};
use super::refused::refused;

const FIELDS: &[&str] = &["on", "permission_set", "account", "write"];

/// What files want.
pub(super) struct AccessChore<'a> {
    pub(super) file: AccessFile,
    /// Access is taken away before it is given.
    pub(super) revoke_first: bool,
    /// How it is confirmed; `access plan` only looks.
    pub(super) confirming: Option<&'a Confirming>,
    /// Whether changes that are only shown have an exit code of their own.
    pub(super) has_code: bool,
}

/// What stands there, beside the files.
pub(super) struct AccessFacts {
    compared: Compared,
    refusals: Vec<AccessRefusal>,
    organization: String,
}

/// A difference, and what came of it.
pub(super) struct AccessShown {
    saved: SavedDiff,
    directory: Arc<Directory>,
    /// The plan's id; none where there is nothing to do.
    plan: Option<PlanId>,
    is_looking: bool,
}

impl Chore for AccessChore<'_> {
    type Facts = AccessFacts;
    type Shown = AccessShown;

    async fn gather(&self, at: &Opened<'_>) -> Result<AccessFacts, Failure> {
        let compared = compared(&at.context.access(), &self.file).await?;
        let about = at.context.aws.about();
        Ok(AccessFacts {
            refusals: refused(at.context, &compared).await?,
            organization: about.organization_id.clone().unwrap_or_default(),
            compared,
        })
    }

    fn draft(&self, facts: AccessFacts) -> Result<Drafted<AccessShown>, Failure> {
        let saved = facts.compared.saved(facts.refusals);
        let directory = facts.compared.directory;
        let organization = &facts.organization;
        let draft =
            hallpass_access_files::plan(&saved, organization, &directory, self.revoke_first);
        let question = question(&saved);
        let shown = AccessShown {
            saved,
            directory,
            plan: None,
            is_looking: self.confirming.is_none(),
        };
        Ok(Drafted::plan_or(draft, question, shown, "No changes"))
    }

    async fn settle(
        &self,
        at: &Opened<'_>,
        shown: &AccessShown,
        (mut draft, _): (PlanDraft, &str),
        args: &PlanArgs,
    ) -> Result<Settled, Failure> {
        let (runner, saved) = (&at.context.runner, &shown.saved);
        let limits = draft.limits_mut();
        limits.changes_max = args.changes_max(*limits);
        let Looked { plan, under_way } = runner.preview(draft).await.map_err(run_failed)?;
        if !under_way {
            let blocked = plan.blocked();
            if !blocked.is_empty() {
                return Err(not_done(blocked));
            }
            // CRASH: saved before it is asked about: `access apply PLAN` finds what was shown
            runner.save(&plan).await.map_err(run_failed)?;
        }
        let Some(confirming) = self.confirming else {
            let report = PlanReport::planned(&plan);
            return Ok(Settled {
                exit: plans::exit_of_shown(&report, self.has_code.then_some(Exit::Findings)),
                report,
                refused: None,
            });
        };
        tell(saved, &shown.directory);
        let id = &plan.id;
        if under_way {
            output::say(&format!(
                "plan {id} was begun before and is not over: going on"
            ));
        } else {
            confirming.check(saved)?;
            ask(saved, args.running())?;
            // whoever was asked took their time
            check_drift(at.context, saved, args.running()).await?;
        }
        let applied = runner.apply(id, &args.running().applying()).await;
        Ok(Settled::of(applied.map_err(run_failed)?))
    }
}

impl Shown for AccessShown {
    async fn tell(&mut self, _at: &Opened<'_>, settled: &Settled) -> Result<(), Failure> {
        self.plan = Some(settled.report.plan.clone());
        Ok(())
    }

    fn print(&self, settled: Option<&Settled>, format: Format) -> Result<(), Failure> {
        if let (Some(settled), false) = (settled, self.is_looking) {
            return plans::print(&settled.report, None, format);
        }
        let plan = self.plan.as_ref().map(PlanId::as_str);
        print(&self.saved, plan, &self.directory, format)?;
        if !self.is_looking {
            return Ok(());
        }
        // each of them makes exit 1 of a plan that reads as if all were well
        let rows = settled.into_iter().flat_map(|it| &it.report.targets);
        for row in rows.filter(|row| row.outcome == StepEnd::Failed) {
            let unseen = format!("could not be looked at: {}: {}", row.target, row.reason);
            output::say(&output::plain(&unseen));
        }
        for refusal in &self.saved.refusals {
            output::say(&output::plain(&format!("will be refused: {refusal}")));
        }
        if let Some(id) = plan {
            output::say(&format!(
                "plan {id}: nothing was done; `hallpass access apply {id}` carries it out"
            ));
        }
        Ok(())
    }

    fn exit(&self, otherwise: Exit) -> Exit {
        if self.is_looking {
            otherwise
        } else {
            finished(otherwise, &self.saved)
        }
    }
}

/// Holds what a plan touches against what stood there when it was made (`inventory.md` A-9).
pub(super) async fn check_drift(
    context: &PlanContext,
    saved: &SavedDiff,
    running: &RunningArgs,
) -> Result<(), Failure> {
    if running.applying().accept_drift {
        return Ok(());
    }
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
        let only = BTreeSet::from([name.clone()]);
        if now.of_sets(&only) != saved.seen.of_sets(&only) {
            failure = failure.detail(format!("permission set `{name}`, or who has it"));
        }
    }
    Err(failure.help("make a new plan, or give `--accept-drift`"))
}

/// The difference, for whoever is asked.
pub(super) fn tell(saved: &SavedDiff, directory: &Directory) {
    let last = last_access(&saved.diff, &saved.seen);
    let colour = colour(output::stderr_has_colour());
    let text = diff_text::text(&saved.diff, &last, directory, colour);
    output::say(text.trim_end());
}

const fn colour(has_colour: bool) -> Colour {
    if has_colour {
        Colour::Shown
    } else {
        Colour::Left
    }
}

/// A set that should go and cannot makes the result partial.
pub(super) fn finished(exit: Exit, saved: &SavedDiff) -> Exit {
    if exit == Exit::Ok && !saved.diff.blocked.is_empty() {
        Exit::Failed
    } else {
        exit
    }
}

/// The difference on stdout.
fn print(
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
    match format {
        Format::Table => {
            let last = last_access(diff, seen);
            let colour = colour(output::stdout_has_colour());
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
