//! From a wish to what became of every account.

use hallpass_chores::plans::run_failed;
use std::fs;

use hallpass_org::control_tower::factory_obstacles;
use hallpass_org::enrolment::{
    EnrolmentBackend, EnrolmentCheck, EnrolmentFacts, EnrolmentPlan, EnrolmentRefused,
    EnrolmentUnread, EnrolmentWish, SelectedAccounts, checks, choose_for, draft, draft_config,
    gather, select,
};
use hallpass_runner::{CheckOutcome, CheckStrictness, PlanId, PlanState, fold, junit, report_of};
use serde_json::json;

use super::super::check_output::print_checks;
use super::shown::{ShownEnrolment, check_rows, named, named_checks};
use super::{Args, CheckingArgs};
use hallpass_chores::account_factory::can_launch;
use hallpass_chores::plans::{self, PlanContext, Settled};
use hallpass_terminal::exit::{Exit, Failure, Outcome};
use hallpass_terminal::output::{self, plain};

/// What a suite of these checks is called.
const TITLE: &str = "Enrolment in Control Tower";
/// Plans looked at, newest first.
const PLANS_MAX: u32 = 200;

pub(super) async fn carry_out(context: &PlanContext, args: &Args) -> Outcome {
    let wish = args.wish();
    if !args.checking.check_only
        && args.fix.is_none()
        && let Some(plan) = unfinished(context, &wish).await?
    {
        return go_on(context, &plan, args).await;
    }
    let facts = gather(&context.enrolment, &wish).await.map_err(unread)?;
    let selected = select(&wish, &facts).map_err(refused)?;
    let chosen = choose_for(&wish, &selected, &facts).map_err(refused)?;
    let found = checks(&wish, &selected, chosen.backend, &facts);
    if let Some(path) = &args.checking.junit {
        let rows: Vec<_> = found.iter().map(|it| it.result.clone()).collect();
        fs::write(path, junit(TITLE, &rows))
            .map_err(|error| Failure::unwritable(path.display(), &error))?;
    }
    output::say(&format!("by {}: {}", chosen.backend.name(), chosen.reason));
    if args.checking.check_only {
        return tell_checks(args, &selected, &found, &facts);
    }
    if args.fix.is_some() {
        return fix_config(context, args, (&wish, &selected, &facts)).await;
    }
    if let Some(check) = found.iter().find(|it| it.account.is_none() && it.stops()) {
        let (CheckOutcome::Fail(why) | CheckOutcome::Unknown { reason: why, .. }) =
            &check.result.outcome
        else {
            return Err(Failure::bug("a check that passed stops an enrolment"));
        };
        let message = format!("`{}`: {why}; nothing was changed", check.result.id);
        return Err(Failure::refused(message).help(check.result.remedy.clone()));
    }
    if let (EnrolmentBackend::AccountFactory, Some(zone)) = (chosen.backend, &facts.zone) {
        let home = context.enrolment.home.as_ref();
        can_launch(&factory_obstacles(home, zone, &facts.caller).await)?;
    }
    let enrolment = EnrolmentPlan::new(&wish, &selected, chosen.backend, &found, &facts);
    let draft = draft(&wish, &enrolment, &selected, &facts);
    let shown = ShownEnrolment {
        enrolment: &enrolment,
        checks: &found,
        reason: &chosen.reason,
        facts: Some(&facts),
    };
    shown.say_failed();
    if draft.is_empty() {
        shown.print(None, None, args.plan.format())?;
        output::say("no account can be enrolled");
        return Ok(shown.exit(None));
    }
    let free = enrolment
        .accounts
        .values()
        .filter(|it| it.left_out.is_none());
    let question = format!("Bring {} accounts under Control Tower?", free.count());
    let settled = plans::settle(context, draft, &args.plan, &question).await?;
    finish(context, &shown, settled, args).await
}

/// Prints what the plan came to.
async fn finish(
    context: &PlanContext,
    shown: &ShownEnrolment<'_>,
    settled: Settled,
    args: &Args,
) -> Outcome {
    let id = settled.report.plan.clone();
    let begun = if args.plan.is_applying() && settled.refused.is_none() {
        Some(context.runner.load(&id).await.map_err(run_failed)?)
    } else {
        None
    };
    let begun = begun.as_ref().map(|(plan, folded)| (plan, folded));
    shown.print(begun, Some(&json!(settled.report)), args.plan.format())?;
    if let Some(refused) = settled.refused {
        return Err(refused);
    }
    Ok(match shown.exit(begun) {
        Exit::Ok => settled.exit,
        other => other,
    })
}

/// The plan of this very wish, when it was begun and is not over.
async fn unfinished(
    context: &PlanContext,
    wish: &EnrolmentWish,
) -> Result<Option<PlanId>, Failure> {
    let source = EnrolmentPlan::source_of(wish);
    let broken = |fault: hallpass_runner::StoreFault| Failure::failed(fault.to_string());
    for saved in context.plans.plans(PLANS_MAX).await.map_err(broken)? {
        let plan = saved.plan;
        let is_same = EnrolmentPlan::of(&plan).is_some_and(|it| it.source == source);
        if !is_same {
            continue;
        }
        let journal = context.plans.journal(&plan.id).await.map_err(broken)?;
        let Ok(folded) = fold(&journal) else { continue };
        if folded.began.is_some() && report_of(&plan, &folded, false).state == PlanState::Running {
            return Ok(Some(plan.id));
        }
    }
    Ok(None)
}

/// Goes on with a plan that was begun for the same.
async fn go_on(context: &PlanContext, id: &PlanId, args: &Args) -> Outcome {
    let (plan, _) = context.runner.load(id).await.map_err(run_failed)?;
    let enrolment = EnrolmentPlan::of(&plan)
        .ok_or_else(|| Failure::bug("a plan of an enrolment that keeps none"))?;
    let shown = ShownEnrolment {
        enrolment: &enrolment,
        checks: &[],
        reason: "as when the plan was made",
        facts: None,
    };
    if !args.plan.is_applying() {
        output::say(&format!(
            "plan {id} was begun and is not over; `--apply` goes on with it"
        ));
        let (plan, folded) = context.runner.load(id).await.map_err(run_failed)?;
        let report = json!(context.runner.report(id).await.map_err(run_failed)?);
        shown.print(Some((&plan, &folded)), Some(&report), args.plan.format())?;
        let changes = args.plan.has_detailed_exitcode();
        return Ok(if changes { Exit::Findings } else { Exit::Ok });
    }
    output::say(&format!(
        "plan {id} was begun before and is not over: going on"
    ));
    args.plan.consent_to_go_on(&plan)?;
    let applying = args.plan.running().applying();
    let report = context
        .runner
        .apply(id, &applying)
        .await
        .map_err(run_failed)?;
    let settled = Settled {
        exit: plans::exit_of(&report),
        report,
        refused: None,
    };
    finish(context, &shown, settled, args).await
}

/// Takes Config away where it stands in the way; enrolling comes with the next command.
async fn fix_config(
    context: &PlanContext,
    args: &Args,
    (wish, selected, facts): (&EnrolmentWish, &SelectedAccounts, &EnrolmentFacts),
) -> Outcome {
    let draft = draft_config(wish, selected, facts);
    if draft.is_empty() {
        output::say("there is no recorder and no delivery channel to take away");
        return Ok(Exit::Ok);
    }
    let question = "Stop and delete these recorders and delivery channels?";
    let settled = plans::settle(context, draft, &args.plan, question).await?;
    plans::finish(settled, None, args.plan.format())
}

/// `--check-only`
fn tell_checks(
    args: &Args,
    selected: &SelectedAccounts,
    found: &[EnrolmentCheck],
    facts: &EnrolmentFacts,
) -> Outcome {
    let CheckingArgs {
        legacy_text,
        strict,
        ..
    } = args.checking;
    let is_stopped = found.iter().any(EnrolmentCheck::stops);
    for skipped in &selected.skipped {
        output::say(&format!(
            "{} is left out: {}",
            plain(&named(&skipped.account, facts)),
            skipped.reason
        ));
    }
    let verdict = if is_stopped {
        "PRECHECK FAILED"
    } else {
        "PRECHECK SUCCEEDED"
    };
    if legacy_text {
        let lines = found.iter().filter_map(|it| it.legacy.as_deref());
        let lines: Vec<&str> = lines.chain([verdict]).collect();
        output::print(&format!("{}\n", lines.join("\n")))?;
    } else {
        let rows = check_rows(found, Some(facts));
        print_checks(args.plan.format(), &rows, &named_checks(found, facts))?;
        output::say(verdict);
    }
    let is_strict_failure = strict
        && found
            .iter()
            .any(|it| it.result.is_failed(CheckStrictness::Everything));
    Ok(if is_stopped || is_strict_failure {
        Exit::Failed
    } else {
        Exit::Ok
    })
}

#[expect(clippy::needless_pass_by_value, reason = "it stands in `map_err`")]
fn refused(why: EnrolmentRefused) -> Failure {
    let message = why.to_string();
    match why {
        EnrolmentRefused::Unusable(_) => Failure::bad_input(message),
        EnrolmentRefused::TooMany { .. } => Failure::refused(message)
            .help("move accounts into other units first: AWS does not raise the quota"),
        EnrolmentRefused::NotManagement { .. } => {
            Failure::refused(message).help("use credentials of the management account")
        }
    }
}

fn unread(why: EnrolmentUnread) -> Failure {
    match why {
        EnrolmentUnread::Refused(why) => refused(why),
        EnrolmentUnread::Unread(_) => Failure::failed(why.to_string())
            .help("docs/how-to/enroll-accounts.md lists the permissions that are needed"),
    }
}
