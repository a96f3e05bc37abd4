//! From a draft to a report. Users confirm exactly the listed changes: `--plan` applies a saved
//! plan or nothing, and changes since an earlier display are printed.

use std::fmt::Write as _;

use hallpass_channels::wording::plan::change_lines;
use hallpass_channels::wording::time::utc;
use hallpass_plans::{
    Looked, Plan, PlanDifference, PlanDraft, PlanId, PlanReport, PlanStep, RunError,
    plan_differences,
};
use hallpass_terminal::exit::{Exit, Failure};
use hallpass_terminal::output::{self, Table, plain};

use super::command_line::as_typed;
use super::{PlanArgs, PlanContext, Settled, exit_of, exit_of_shown, place, plan_id};
use crate::chores::plans::run_failed;

const PLANS_MAX: u32 = 50;
const NAMED_MAX: usize = 20;

/// Plans, and with `--apply` confirms and applies.
///
/// # Errors
/// When planning or running fails, or consent is denied.
pub async fn settle(
    context: &PlanContext,
    mut draft: PlanDraft,
    args: &PlanArgs,
    question: &str,
) -> Result<Settled, Failure> {
    let limits = draft.limits_mut();
    limits.changes_max = args.max_changes.unwrap_or(limits.changes_max);
    limits.failures_max = args.max_failures.or(limits.failures_max);
    if draft.steps().iter().any(|it| !it.target.account.is_empty()) {
        draft.name_accounts(context.account_names().await);
    }
    let looked = context.runner.preview(draft).await.map_err(run_failed)?;
    if !args.reviewed.is_empty() {
        return settle_reviewed(context, looked, args).await;
    }
    let Looked { plan, under_way } = looked;
    let planned = PlanReport::planned(&plan);
    if !under_way && let Some(refused) = refusal(&plan) {
        return Ok(refused_with(planned, refused));
    }
    if !args.apply {
        if !under_way {
            context.runner.save(&plan).await.map_err(run_failed)?;
            tell_round(&plan, &planned);
        }
        return Ok(only_shown(&plan, planned, args));
    }
    if under_way {
        output::say(&format!(
            "plan {} was begun before and is not over: going on",
            plan.id
        ));
    } else {
        tell_round(&plan, &planned);
        tell_changed(context, &plan).await?;
    }
    if under_way || plan.changes() > 0 {
        args.running.consent_to(&plan, question)?;
    }
    if !under_way {
        is_still_ours(context, &plan).await?;
        context.runner.save(&plan).await.map_err(run_failed)?;
    }
    carry_out(context, &plan.id, args).await
}

/// Plans a draft and saves it; a begun plan stays unchanged.
///
/// # Errors
/// Exit 4 for violated checks and limits.
pub async fn save_unapplied(context: &PlanContext, draft: PlanDraft) -> Result<PlanId, Failure> {
    let looked = context.runner.preview(draft).await.map_err(run_failed)?;
    if !looked.under_way {
        if let Some(refused) = refusal(&looked.plan) {
            return Err(refused);
        }
        context
            .runner
            .save(&looked.plan)
            .await
            .map_err(run_failed)?;
    }
    Ok(looked.plan.id)
}

/// While the user decided, another process may have applied it.
async fn is_still_ours(context: &PlanContext, plan: &Plan) -> Result<(), Failure> {
    let began = match context.runner.load(&plan.id).await {
        Ok((_, folded)) => folded.began,
        Err(RunError::Unknown(_)) => None,
        Err(other) => return Err(run_failed(other)),
    };
    if began.is_some_and(|began| began >= plan.made_at) {
        let message = format!("drifted: plan {} was begun elsewhere meanwhile", plan.id);
        let failure = Failure::refused(message).code("drifted");
        return Err(failure.help(format!("`hallpass org plan show {}` shows it", plan.id)));
    }
    Ok(())
}

async fn settle_reviewed(
    context: &PlanContext,
    looked: Looked,
    args: &PlanArgs,
) -> Result<Settled, Failure> {
    let mut named = Vec::new();
    for text in &args.reviewed {
        let id = plan_id(text)?;
        named.push(context.runner.load(&id).await.map_err(run_failed)?.0);
    }
    let now = &looked.plan;
    let Some(saved) = named.iter().find(|it| it.id == now.id) else {
        let planned = PlanReport::planned(now);
        return Ok(refused_with(planned, another_plan(&named, now)));
    };
    if let Some(refused) = refusal(saved).filter(|_| !looked.under_way) {
        return Ok(refused_with(PlanReport::planned(saved), refused));
    }
    carry_out(context, &saved.id, args).await
}

async fn carry_out(
    context: &PlanContext,
    id: &PlanId,
    args: &PlanArgs,
) -> Result<Settled, Failure> {
    let report = context
        .runner
        .apply(id, &args.running.applying())
        .await
        .map_err(run_failed)?;
    Ok(Settled {
        exit: exit_of(&report),
        report,
        refused: None,
    })
}

fn refused_with(report: PlanReport, refused: Failure) -> Settled {
    Settled {
        report,
        exit: Exit::Refused,
        refused: Some(refused),
    }
}

/// The result of a shown plan, with the command to apply exactly it.
fn only_shown(plan: &Plan, planned: PlanReport, args: &PlanArgs) -> Settled {
    let has_code = args.detailed_exitcode && planned.has_changes();
    let exit = exit_of_shown(&planned, has_code.then_some(Exit::Findings));
    let id = &plan.id;
    output::say(&format!(
        "plan {id}: nothing was changed; this applies exactly this plan:"
    ));
    output::say_command(&format!("{} --apply --plan {id}", as_typed()));
    Settled {
        report: planned,
        exit,
        refused: None,
    }
}

fn tell_round(plan: &Plan, planned: &PlanReport) {
    if let (Some(before), true) = (&plan.before, planned.has_changes()) {
        output::say(&format!(
            "plan {before} did the same before and is over; there is work again, as plan {}",
            plan.id
        ));
    }
}

/// Refuses named plans: the same request leads to another plan by now.
fn another_plan(named: &[Plan], now: &Plan) -> Failure {
    let same = named.iter().find(|it| it.kind == now.kind);
    let Some(saved) = same.or_else(|| named.first()) else {
        return Failure::bug("no plan was named");
    };
    let message = if now.before.as_ref() == Some(&saved.id) {
        format!(
            "drifted: plan {} is over, and there is other work",
            saved.id
        )
    } else {
        format!(
            "drifted: the wanted state no longer matches plan {}; nothing was changed",
            saved.id
        )
    };
    let mut failure = Failure::refused(message).code("drifted");
    for line in difference_lines(saved, now) {
        failure = failure.detail(line);
    }
    failure.help(format!(
        "review it again without `--apply`; `hallpass org plan resume {} --apply` applies the saved plan, except for changes",
        saved.id
    ))
}

async fn tell_changed(context: &PlanContext, now: &Plan) -> Result<(), Failure> {
    let shares = |plan: &Plan| {
        let has = |step: &PlanStep| now.steps.iter().any(|it| it.target == step.target);
        plan.steps.iter().any(has)
    };
    let plans = context.plans.plans_of_kind(&now.kind, PLANS_MAX).await;
    let plans = plans
        .map_err(RunError::from)
        .map_err(run_failed)?
        .plans
        .into_iter();
    let mut same = plans.filter(|it| shares(&it.plan));
    let Some(saved) = same.next() else {
        return Ok(());
    };
    let (plan, folded) = context
        .runner
        .load(&saved.plan.id)
        .await
        .map_err(run_failed)?;
    let was_begun = folded.began.is_some_and(|began| began >= plan.made_at);
    let lines = difference_lines(&plan, now);
    if !was_begun && !lines.is_empty() {
        output::say(&format!(
            "since plan {} was made ({}, by {}):",
            plan.id,
            utc(plan.made_at),
            plain(&plan.made_by)
        ));
        for line in lines {
            output::say(&format!("  {line}"));
        }
    }
    Ok(())
}

fn difference_lines(saved: &Plan, now: &Plan) -> Vec<String> {
    let found = plan_differences(saved, now);
    let mut lines: Vec<String> = Vec::new();
    for difference in found.iter().take(NAMED_MAX) {
        let target = difference.target();
        let at = place(target, saved.account_name(&target.account));
        let at = format!("{} {at}", target.key);
        let line = match difference {
            PlanDifference::Added { kind, .. } => format!("{at}: `{kind}` was not in it"),
            PlanDifference::Gone { kind, .. } => format!("{at}: `{kind}` is no longer wanted"),
            PlanDifference::Moved { kind, was, is, .. } => {
                let change = hallpass_channels::wording::plan::between(kind, was, is).join("; ");
                format!("{at}: changed meanwhile: {change}")
            }
        };
        lines.push(plain(&line));
    }
    if found.len() > NAMED_MAX {
        lines.push(format!("and {} more", found.len() - NAMED_MAX));
    }
    lines
}

fn refusal(plan: &Plan) -> Option<Failure> {
    let blocked = plan.blocked();
    if !blocked.is_empty() {
        let mut failure = Failure::refused("the plan is refused; nothing was changed");
        for reason in blocked {
            failure = failure.detail(reason);
        }
        return Some(failure.code("refused"));
    }
    let (changes, allowed) = (plan.changes(), plan.limits.changes_max);
    (changes > allowed).then(|| run_failed(RunError::TooManyChanges { changes, allowed }))
}

/// A plan's changes, from old to new, for the confirmation.
pub(super) fn changes_text(plan: &Plan) -> String {
    let report = PlanReport::planned(plan);
    let mut table = Table::new(&["what", "where", "from → to"]);
    let mut rows = 0;
    for row in &report.targets {
        let steps = row.steps.iter().filter(|it| it.outcome.name() == "changed");
        let lines: Vec<String> = steps.flat_map(change_lines).collect();
        if !lines.is_empty() {
            rows += 1;
            let at = place(&row.target, &row.account_name);
            table.row_of_lines([row.target.key.clone(), at, lines.join("\n")]);
        }
    }
    let mut text = table.text(output::stderr_width());
    // writing to a `String` cannot fail
    let _ = write!(
        text,
        "{rows} of {} targets would change",
        report.targets.len()
    );
    text
}
