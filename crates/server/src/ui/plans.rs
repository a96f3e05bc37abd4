//! Plans page: changes of commands to the organization, target by target. Read-only: plans are
//! applied, aborted and undone on the command line, whose credentials may do more than the
//! server's.

use askama::Template;
use axum::{Router, extract::State, http::StatusCode, response::Response, routing::get};
use hallpass_base::TimeSpan;
use hallpass_channels::wording::plan;
use hallpass_plans::{
    PlanId, PlanReport, PlanState, Saved, StepEnd, StepReport, TargetReport, fold, report_of,
};

use super::forbidden;
use super::people::count_of;
use super::shell::{Nav, PageResult, Shell, Viewer, page, page_with};
use super::words::{Badge, badge, clock, countdown, plain};
use crate::{App, body::Path, problem::ProblemResponse};

const PLANS: u32 = 100;
const TARGETS: usize = 500;

pub(crate) fn router() -> Router<App> {
    Router::new()
        .route("/plans", get(list))
        .route("/plans/{id}", get(show))
}

struct PlanRow {
    id: String,
    kind: String,
    badge: Badge,
    made: String,
    by: String,
    totals: String,
}

#[derive(Template)]
#[template(path = "plans.html")]
struct PlansPage {
    shell: Shell,
    rows: Vec<PlanRow>,
    is_cut: bool,
}

struct TargetRow {
    key: String,
    place: String,
    badge: Badge,
    reason: String,
    took: String,
    steps: Vec<StepRow>,
}

struct StepRow {
    kind: String,
    badge: Badge,
    reason: String,
    changes: Vec<String>,
}

#[derive(Template)]
#[template(path = "plan.html")]
struct PlanPage {
    shell: Shell,
    id: String,
    badge: Badge,
    lead: String,
    over: usize,
    all: usize,
    facts: Vec<(&'static str, String)>,
    before: Option<String>,
    commands: Vec<(&'static str, String)>,
    targets: Vec<TargetRow>,
    more: usize,
}

async fn list(State(app): State<App>, viewer: Viewer) -> PageResult {
    if !viewer.sees_plans() {
        return Ok(forbidden::page_for(&app, &viewer, "auditors and operators").await);
    }
    let plans = app.plans.plans(PLANS).await.map_err(unkept)?;
    let mut rows = Vec::new();
    for saved in &plans {
        rows.push(match report(&app, saved).await {
            Ok(report) => plan_row(&app, &viewer, saved, &report),
            // an unreadable plan must not hide others
            Err(why) => PlanRow {
                badge: badge("Unreadable", "failed"),
                totals: why,
                ..plan_row(&app, &viewer, saved, &PlanReport::planned(&saved.plan))
            },
        });
    }
    Ok(page(&PlansPage {
        shell: viewer.shell(&app, Nav::Plans, "Plans").await,
        is_cut: rows.len() >= PLANS as usize,
        rows,
    }))
}

async fn show(State(app): State<App>, viewer: Viewer, Path(id): Path<String>) -> PageResult {
    if !viewer.sees_plans() {
        return Ok(forbidden::page_for(&app, &viewer, "auditors and operators").await);
    }
    let id = PlanId::named(id);
    let Some(saved) = app.plans.plan(&id).await.map_err(unkept)? else {
        return Ok(missing(&app, &viewer).await);
    };
    let report = report(&app, &saved)
        .await
        .map_err(|why| ProblemResponse::unavailable(&std::io::Error::other(why)))?;
    let over = report.targets.iter().filter(|it| is_over(it, &report));
    let plan = &saved.plan;
    let now = app.clock.now();
    let at = |at| clock(at, now, &viewer.zone);
    let mut facts = vec![
        (
            "Made",
            format!("{} by {}", at(plan.made_at), plain(&plan.made_by)),
        ),
        ("Changes planned", plan.changes().to_string()),
    ];
    if let Some(started) = report.started {
        facts.push(("Begun", at(started)));
    }
    if let Some(ended) = report.ended {
        facts.push(("Last update", at(ended)));
    }
    // each new plan of a request starts a generation
    let tries = plan.generation.saturating_sub(plan.round);
    if tries > 0 {
        facts.push(("Tried again", format!("{tries} times")));
    }
    let title = format!("{} {id}", plan.kind);
    let targets = report.targets.iter().take(TARGETS);
    Ok(page(&PlanPage {
        id: id.to_string(),
        badge: state_badge(report.state),
        lead: totals(&report),
        over: over.count(),
        all: report.targets.len(),
        facts,
        before: plan.before.as_ref().map(ToString::to_string),
        commands: commands(&id, &report),
        targets: targets.map(|it| target_row(it, &report)).collect(),
        more: report.targets.len().saturating_sub(TARGETS),
        shell: viewer.shell(&app, Nav::Plans, title).await,
    }))
}

#[expect(clippy::needless_pass_by_value, reason = "it stands in `map_err`")]
fn unkept(fault: hallpass_plans::StoreFault) -> ProblemResponse {
    ProblemResponse::unavailable(&fault)
}

async fn missing(app: &App, viewer: &Viewer) -> Response {
    let shell = viewer.shell(app, Nav::Plans, "No such plan").await;
    page_with(StatusCode::NOT_FOUND, &MissingPlan { shell })
}

#[derive(Template)]
#[template(path = "plan_missing.html")]
struct MissingPlan {
    shell: Shell,
}

async fn report(app: &App, saved: &Saved) -> Result<PlanReport, String> {
    let stored = app.plans.journal(&saved.plan.id).await;
    let stored = stored.map_err(|fault| fault.to_string())?;
    let folded = fold(&stored).map_err(|error| error.to_string())?;
    Ok(report_of(&saved.plan, &folded, saved.aborted))
}

fn plan_row(app: &App, viewer: &Viewer, saved: &Saved, report: &PlanReport) -> PlanRow {
    let plan = &saved.plan;
    PlanRow {
        id: plan.id.to_string(),
        kind: match plan.round {
            0 => plan.kind.clone(),
            round => format!("{} ({})", plan.kind, u64::from(round) + 1),
        },
        badge: state_badge(report.state),
        made: clock(plan.made_at, app.clock.now(), &viewer.zone),
        by: plain(&plan.made_by),
        totals: totals(report),
    }
}

fn state_badge(state: PlanState) -> Badge {
    let tone = match state {
        PlanState::Planned | PlanState::Paused => "pending",
        PlanState::Running => "granting",
        PlanState::Aborted => "ended",
        PlanState::Partial => "failed",
        PlanState::Done => "active",
    };
    badge(plan::state_word(state), tone)
}

fn end_badge(end: StepEnd, is_planned: bool) -> Badge {
    let tone = match end {
        StepEnd::Unchanged | StepEnd::Skipped => "ended",
        StepEnd::Changed if is_planned => "pending",
        StepEnd::Changed => "active",
        StepEnd::Failed | StepEnd::Blocked | StepEnd::Drifted => "failed",
        StepEnd::InProgress => "granting",
    };
    badge(plan::outcome_word(end, is_planned), tone)
}

fn totals(report: &PlanReport) -> String {
    let is_planned = report.is_planned();
    let parts = plan::totals(&report.totals, is_planned);
    let all = count_of(report.targets.len(), "target", "targets");
    if parts.is_empty() {
        all
    } else {
        format!("{all}: {parts}")
    }
}

fn is_over(target: &TargetReport, report: &PlanReport) -> bool {
    let is_open = matches!(target.outcome, StepEnd::Skipped | StepEnd::InProgress);
    !report.is_planned() && !is_open
}

fn target_row(target: &TargetReport, report: &PlanReport) -> TargetRow {
    let is_planned = report.is_planned();
    let at = &target.target;
    let account = plan::account(&target.account_name, &at.account);
    let parts = [account.as_str(), at.region.as_str()];
    let parts: Vec<&str> = parts
        .into_iter()
        .filter(|it| !it.is_empty() && *it != "global")
        .collect();
    TargetRow {
        key: plain(&at.key),
        place: plain(&parts.join(" ")),
        badge: end_badge(target.outcome, is_planned),
        reason: plain(&target.reason),
        took: match target.seconds {
            0 => String::new(),
            seconds => countdown(TimeSpan::seconds(seconds)),
        },
        steps: target
            .steps
            .iter()
            .map(|it| step_row(it, is_planned))
            .collect(),
    }
}

fn step_row(step: &StepReport, is_planned: bool) -> StepRow {
    StepRow {
        kind: plain(&step.kind),
        badge: end_badge(step.outcome, is_planned),
        reason: plain(&step.reason),
        changes: match step.outcome {
            StepEnd::Changed | StepEnd::Drifted => {
                let lines = plan::change_lines(step);
                lines.iter().map(|it| plain(it)).collect()
            }
            StepEnd::Unchanged
            | StepEnd::Skipped
            | StepEnd::InProgress
            | StepEnd::Blocked
            | StepEnd::Failed => Vec::new(),
        },
    }
}

fn commands(id: &PlanId, report: &PlanReport) -> Vec<(&'static str, String)> {
    let command = |words: &str| format!("hallpass org plan {words}");
    let resume = command(&format!("resume {id}"));
    let mut all = match report.state {
        PlanState::Planned => vec![("Carry it out", format!("{resume} --apply"))],
        PlanState::Running => vec![
            ("Continue, if no one runs it any more", resume),
            ("Begin nothing more of it", command(&format!("abort {id}"))),
        ],
        PlanState::Paused | PlanState::Aborted => vec![("Continue", resume)],
        PlanState::Partial | PlanState::Done if report.totals.failed > 0 => {
            vec![(
                "Try what failed once more",
                format!("{resume} --retry-failed"),
            )]
        }
        PlanState::Partial | PlanState::Done => Vec::new(),
    };
    if !report.is_planned() && report.totals.changed > 0 {
        all.push(("Preview undoing it", command(&format!("undo {id}"))));
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_state_that_stops_says_how_to_go_on() {
        let id = PlanId::named("3f0c9a5b7d1e2f46");
        let report = |state: &str, failed: usize, changed: usize| {
            let mut report: PlanReport = serde_json::from_value(serde_json::json!({
                "plan": "3f0c9a5b7d1e2f46", "kind": "org.vend", "state": state, "started": null, "ended": null,
                "totals": { "unchanged": 0, "changed": 0, "failed": 0, "skipped": 0, "blocked": 0, "drifted": 0, "in_progress": 0 },
                "targets": [],
            }))
            .unwrap();
            report.totals.failed = failed;
            report.totals.changed = changed;
            report
        };
        for (state, failed, changed, expected) in [
            ("planned", 0, 2, &["resume 3f0c9a5b7d1e2f46 --apply"][..]),
            (
                "running",
                0,
                0,
                &["resume 3f0c9a5b7d1e2f46", "abort 3f0c9a5b7d1e2f46"],
            ),
            (
                "paused",
                0,
                1,
                &["resume 3f0c9a5b7d1e2f46", "undo 3f0c9a5b7d1e2f46"],
            ),
            ("aborted", 0, 0, &["resume 3f0c9a5b7d1e2f46"]),
            ("done", 1, 0, &["resume 3f0c9a5b7d1e2f46 --retry-failed"]),
            ("done", 0, 0, &[]),
        ] {
            let said: Vec<String> = commands(&id, &report(state, failed, changed))
                .into_iter()
                .map(|(_, words)| words.trim_start_matches("hallpass org plan ").to_owned())
                .collect();
            assert_eq!(said, expected, "{state}");
        }
    }
}
