//! Access files as a chore: draft, show, confirm, apply. Prints the difference; checks drift per
//! permission set, since readers think in sets.

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

pub(super) struct AccessChore<'a> {
    pub(super) file: AccessFile,
    pub(super) revoke_first: bool,
    /// `access plan` never confirms.
    pub(super) confirming: Option<&'a Confirming>,
    /// Whether pending changes have a separate exit code.
    pub(super) has_code: bool,
}

pub(super) struct AccessFacts {
    compared: Compared,
    refusals: Vec<AccessRefusal>,
    organization: String,
}

pub(super) struct AccessShown {
    saved: SavedDiff,
    directory: Arc<Directory>,
    /// None if no change is needed.
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
            // CRASH: saved before the confirmation, so `access apply PLAN` finds it
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
            // time passed during the confirmation
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
        // each causes exit 1 of an otherwise clean plan
        let rows = settled.into_iter().flat_map(|it| &it.report.targets);
        for row in rows.filter(|row| row.outcome == StepEnd::Failed) {
            let unseen = format!("could not be read: {}: {}", row.target, row.reason);
            output::say(&output::plain(&unseen));
        }
        for refusal in &self.saved.refusals {
            output::say(&output::plain(&format!("will be refused: {refusal}")));
        }
        if let Some(id) = plan {
            output::say(&format!(
                "plan {id}: nothing was done; `hallpass access apply {id}` applies it"
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

/// Compares the plan's targets with their state when the plan was drafted (`inventory.md` A-9).
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
            failure = failure.detail(format!("permission set `{name}`, or its assignments"));
        }
    }
    Err(failure.help("make a new plan, or give `--accept-drift`"))
}

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

/// A set that cannot be deleted makes the result partial.
pub(super) fn finished(exit: Exit, saved: &SavedDiff) -> Exit {
    if exit == Exit::Ok && !saved.diff.blocked.is_empty() {
        Exit::Failed
    } else {
        exit
    }
}

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
