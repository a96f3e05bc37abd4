use axum::{Json, extract::State};
use hallpass_access::Muting;
use hallpass_access::identity::TokenScope;
use hallpass_alerts::{AlertRowKey, AlertRuleId, AlertState, RowPhase, RulePhase};
use hallpass_api::{
    AlertMute, AlertRow, AlertRowState, AlertRule, AlertRuleState, AlertRules, AlertSeverity,
    MuteAlert, Page, Problem, UnmuteAlert,
};
use hallpass_base::Timestamp;
use hallpass_channels::wording::alert::blocked_by;
use serde::Deserialize;

use super::{once, page_size};
use crate::{
    App, alerts,
    auth::AuthenticatedCaller,
    body::{Body, KeyOf, Parameters},
    problem::{ProblemResponse, bad_parameter},
};

#[derive(Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct AlertRowsQuery {
    /// The id of the rule.
    rule: String,
    /// The `next` of the previous page.
    cursor: Option<String>,
    /// Rows, 1 to 500.
    limit: Option<usize>,
}

fn rule_id(text: &str) -> Result<AlertRuleId, ProblemResponse> {
    text.parse().map_err(|error| bad_parameter("rule", error))
}

fn rule(state: &AlertState, now: Timestamp) -> AlertRule {
    let (phase, since, why) = match &state.phase {
        RulePhase::Running => (AlertRuleState::Running, None, None),
        RulePhase::Blocked { since, why, .. } => {
            let why = Some(blocked_by(why));
            (AlertRuleState::Blocked, Some(*since), why)
        }
        RulePhase::Retired { at } => (AlertRuleState::Retired, Some(*at), None),
    };
    AlertRule {
        rule: state.rule.to_string(),
        severity: match state.severity {
            hallpass_alerts::AlertSeverity::Info => AlertSeverity::Info,
            hallpass_alerts::AlertSeverity::Low => AlertSeverity::Low,
            hallpass_alerts::AlertSeverity::Medium => AlertSeverity::Medium,
            hallpass_alerts::AlertSeverity::High => AlertSeverity::High,
            hallpass_alerts::AlertSeverity::Critical => AlertSeverity::Critical,
        },
        state: phase,
        since,
        why,
        file: state.file.clone(),
        asked_at: state.asked_at,
        snapshot: state.snapshot.clone(),
        key: state.key.clone(),
        active: state.active() as u64,
        muted: alerts::muted(state, now) as u64,
    }
}

fn row(
    state: &AlertState,
    key: &AlertRowKey,
    row: &hallpass_alerts::AlertRow,
    now: Timestamp,
) -> AlertRow {
    AlertRow {
        key: key.to_string(),
        state: match row.phase {
            RowPhase::New { .. } => AlertRowState::New,
            RowPhase::Active { .. } => AlertRowState::Active,
            RowPhase::Recovered { .. } => AlertRowState::Recovered,
            RowPhase::Retired { .. } => AlertRowState::Retired,
        },
        since: alerts::since(row),
        flap_count: row.flap_count,
        values: row.values.clone(),
        mute: state.mute_of(key, now).map(|mute| AlertMute {
            until: mute.until,
            by: mute.by.clone(),
            reason: mute.reason.clone(),
            at: mute.at,
        }),
    }
}

/// Alert rules that have run; administrators, auditors and operators.
#[utoipa::path(get, path = "/api/v1/alerts", responses((status = 200, body = AlertRules)))]
pub(crate) async fn list(
    State(app): State<App>,
    caller: AuthenticatedCaller,
) -> Result<Json<AlertRules>, ProblemResponse> {
    let actor = caller.allow(&[TokenScope::Read])?;
    let (states, now) = (app.access.alerts(actor).await?, app.clock.now());
    let items = states.iter().map(|state| rule(state, now)).collect();
    Ok(Json(AlertRules { items }))
}

/// The rows of a rule, by key; administrators, auditors and operators.
#[utoipa::path(get, path = "/api/v1/alerts/rows", params(AlertRowsQuery),
    responses((status = 200, body = Page<AlertRow>), (status = 404, body = Problem)))]
pub(crate) async fn rows(
    State(app): State<App>,
    caller: AuthenticatedCaller,
    Parameters(wanted): Parameters<AlertRowsQuery>,
) -> Result<Json<Page<AlertRow>>, ProblemResponse> {
    let actor = caller.allow(&[TokenScope::Read])?;
    let rule = rule_id(&wanted.rule)?;
    let (state, now) = (app.access.alert(actor, &rule).await?, app.clock.now());
    let after = wanted.cursor.as_deref();
    let later = |key: &AlertRowKey| after.is_none_or(|after| key.as_str() > after);
    let mut fitting = state.rows.iter().filter(|(key, _)| later(key));
    let page = fitting.by_ref().take(page_size(wanted.limit));
    let items: Vec<AlertRow> = page.map(|(key, it)| row(&state, key, it, now)).collect();
    let last = items.last().map(|it| it.key.clone());
    let next = fitting.next().and(last);
    Ok(Json(Page { items, next }))
}

fn answer(
    state: &AlertState,
    key: &AlertRowKey,
    now: Timestamp,
) -> Result<Json<AlertRow>, ProblemResponse> {
    let found = state.rows.get(key).map(|it| row(state, key, it, now));
    found
        .map(Json)
        .ok_or_else(|| ProblemResponse::from(hallpass_access::AccessError::NotFound("row")))
}

/// Mute a row until an instant; administrators and operators. Replaces an earlier muting.
#[utoipa::path(post, path = "/api/v1/alerts/mute", request_body = MuteAlert,
    responses((status = 200, body = AlertRow), (status = 404, body = Problem), (status = 409, body = Problem)))]
pub(crate) async fn mute(
    State(app): State<App>,
    caller: AuthenticatedCaller,
    idempotency: KeyOf,
    Body(body): Body<MuteAlert>,
) -> Result<Json<AlertRow>, ProblemResponse> {
    let actor = caller.allow(&[TokenScope::Admin])?;
    let (rule, key, now) = (
        rule_id(&body.rule)?,
        AlertRowKey::given(&body.key),
        app.clock.now(),
    );
    let muting = Muting {
        key: &key,
        until: body.until,
        reason: &body.reason,
    };
    let access = &app.access;
    let work = async {
        if body.until <= now {
            return Err(bad_parameter("until", format!("{} is over", body.until)));
        }
        let muted = access.mute_alert(actor, &rule, muting).await;
        muted.map_err(ProblemResponse::from)
    };
    let again = async { Ok::<_, ProblemResponse>(access.alert(actor, &rule).await?) };
    let state = once(&app, actor, idempotency.with(&body), work, again).await?;
    answer(&state, &key, now)
}

/// Unmute a row; administrators and operators.
#[utoipa::path(post, path = "/api/v1/alerts/unmute", request_body = UnmuteAlert,
    responses((status = 200, body = AlertRow), (status = 404, body = Problem), (status = 409, body = Problem)))]
pub(crate) async fn unmute(
    State(app): State<App>,
    caller: AuthenticatedCaller,
    idempotency: KeyOf,
    Body(body): Body<UnmuteAlert>,
) -> Result<Json<AlertRow>, ProblemResponse> {
    let actor = caller.allow(&[TokenScope::Admin])?;
    let (rule, key) = (rule_id(&body.rule)?, AlertRowKey::given(&body.key));
    let access = &app.access;
    let work = async {
        let unmuted = access.unmute_alert(actor, &rule, &key, &body.reason).await;
        unmuted.map_err(ProblemResponse::from)
    };
    let again = async { Ok::<_, ProblemResponse>(access.alert(actor, &rule).await?) };
    let state = once(&app, actor, idempotency.with(&body), work, again).await?;
    answer(&state, &key, app.clock.now())
}
