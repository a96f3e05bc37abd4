use axum::{Json, extract::State, http::StatusCode};
use hallpass_access::identity::TokenScope;
use hallpass_access::{UnderOtherRules, WhyRefused};
use hallpass_api::{
    FieldProblem, Problem, ReplayRules, ReplayedGrant, ReplayedGrants, ReplayedOutcome,
    ReplayedRequest, ReplayedRules, RuleChange, RuleChangeKind,
};
use hallpass_rules::{DecisionChange, Diagnostic};

use super::{PAGE_MAX, requests::shown, rule_check};
use crate::{
    App,
    body::Body,
    convert, convert_states,
    costly::CallerInTurn,
    problem::{ProblemResponse, bad_parameter},
};

const FINDINGS_MAX: usize = 100;

/// Evaluates past requests under a rule file that is not in force; administrators and auditors.
/// Both rule sets use the current directory, with the extra names of the file, and the time of the
/// request. Without `cursor` live grants are evaluated too, and `grants` lists those that would end
/// once the file is in force. One check or replay per user at a time. Changes nothing.
#[utoipa::path(post, path = "/api/v1/rules/replay", request_body = ReplayRules,
    responses((status = 200, body = ReplayedRules), (status = 403, body = Problem), (status = 422, body = Problem)))]
pub(crate) async fn replay(
    State(app): State<App>,
    CallerInTurn { caller, turn }: CallerInTurn,
    Body(wanted): Body<ReplayRules>,
) -> Result<Json<ReplayedRules>, ProblemResponse> {
    let actor = caller.allow(&[TokenScope::Read])?;
    if !actor.reads_all() {
        return Err(ProblemResponse::forbidden(
            "not-yours",
            "only auditors and administrators read all users' requests",
        ));
    }
    let before = wanted.cursor.map(|cursor| cursor.parse()).transpose();
    let before = before.map_err(|error| bad_parameter("cursor", error))?;
    let limit = wanted.limit.unwrap_or(PAGE_MAX).clamp(1, PAGE_MAX);
    let read = rule_check::read(&turn, &wanted.file, wanted.text).await?;
    let loaded = read.map_err(|errors| broken(&errors))?;
    let replayed = app
        .access
        .replay(actor, &turn, &loaded.rules, wanted.since, before, limit)
        .await?;
    let mut items = Vec::with_capacity(replayed.rows.len());
    for row in &replayed.rows {
        let compared = &row.compared;
        items.push(ReplayedRequest {
            request: shown(&app, actor, &row.request).await?,
            was: convert_states::decision(compared.was.kind),
            would_be: convert_states::decision(compared.would_be.kind),
            changes: { compared.changes.iter() }
                .map(|change| RuleChange {
                    what: change_kind(change),
                    message: change.to_string(),
                })
                .collect(),
            because: { compared.would_be.based_on.iter() }
                .map(ToString::to_string)
                .collect(),
            unread: { compared.not_read.iter() }
                .map(ToString::to_string)
                .collect(),
        });
    }
    let unread = items.iter().filter(|item| !item.unread.is_empty()).count();
    Ok(Json(ReplayedRules {
        looked_at: replayed.looked_at as u64,
        items,
        unread: unread as u64,
        not_read: replayed.not_read,
        grants: replayed.grants.map(|found| grants(&app, &found)),
        next: replayed.next.as_ref().map(ToString::to_string),
    }))
}

const fn change_kind(change: &DecisionChange) -> RuleChangeKind {
    match change {
        DecisionChange::Decision { .. } => RuleChangeKind::Decision,
        DecisionChange::Refused(_) => RuleChangeKind::Refused,
        DecisionChange::Accepted(_) => RuleChangeKind::Accepted,
        DecisionChange::Approvers { .. } => RuleChangeKind::Approvers,
        DecisionChange::Approvals { .. } => RuleChangeKind::ApprovalsNeeded,
        DecisionChange::Stages { .. } => RuleChangeKind::Stages,
        DecisionChange::ApprovalHours { .. } => RuleChangeKind::ApprovalHours,
        DecisionChange::Warnings { .. } => RuleChangeKind::Warnings,
        DecisionChange::SignIn { .. } => RuleChangeKind::SignIn,
        DecisionChange::OverLimit { .. } => RuleChangeKind::OverLimit,
        DecisionChange::ArmedEnds { .. } => RuleChangeKind::ArmedEnds,
        DecisionChange::Notified { .. } => RuleChangeKind::Notify,
        DecisionChange::SlackChannel { .. } => RuleChangeKind::SlackChannel,
        DecisionChange::BreakGlass { .. } => RuleChangeKind::BreakGlass,
    }
}

fn grants(app: &App, found: &hallpass_access::ReplayedGrants) -> ReplayedGrants {
    ReplayedGrants {
        looked_at: found.looked_at as u64,
        more: found.more,
        would_end: found.ends as u64,
        would_be_reported: found.reported as u64,
        unread: found.unread as u64,
        on_rule_change: convert_states::on_rule_change(app.access.settings().on_rule_change),
        items: found.rows.iter().map(|row| grant(app, row)).collect(),
    }
}

fn grant(app: &App, row: &hallpass_access::ReplayedGrant) -> ReplayedGrant {
    let mut told = ReplayedGrant {
        grant: convert::grant(&row.grant, &app.identity),
        outcome: ReplayedOutcome::Unread,
        would_be: None,
        left_group: false,
        unread: Vec::new(),
    };
    match &row.outcome {
        UnderOtherRules::Ends { why, would_be } => {
            told.outcome = ReplayedOutcome::Ends;
            told.would_be = Some(convert_states::decision(*would_be));
            told.left_group = *why == WhyRefused::LeftGroup;
        }
        UnderOtherRules::Reported { would_be } => {
            told.outcome = ReplayedOutcome::Reported;
            told.would_be = Some(convert_states::decision(*would_be));
        }
        UnderOtherRules::Unread { what } => told.unread = what.iter().cloned().collect(),
    }
    told
}

fn broken(errors: &[Diagnostic]) -> ProblemResponse {
    let problem = |error: &Diagnostic| FieldProblem {
        field: error.position.to_string(),
        code: error.code.as_str().to_owned(),
        message: error.message.clone(),
    };
    let detail = "the rule file has errors and would not be loaded; nothing was decided by it";
    ProblemResponse::new(StatusCode::UNPROCESSABLE_ENTITY, "bad-rules", detail)
        .fields(errors.iter().take(FINDINGS_MAX).map(problem).collect())
        .help("`hallpass rules check` shows them with what to write instead")
}
