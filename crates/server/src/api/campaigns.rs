use axum::{
    Json, Router,
    extract::State,
    http::StatusCode,
    routing::{get, post},
};
use hallpass_access::identity::TokenScope;
use hallpass_access::{
    AccessError, AnswerFilter, AnswerKind, CampaignForm, CampaignView, LineFilter, ReviewerSource,
    Unanswered as Default,
};
use hallpass_api::{
    AnswerLines, BeginCampaign, Campaign, CampaignEvidence, CampaignLine, LineAnswer, Page,
    Problem, ReassignLines, Sweep, Unanswered,
};
use hallpass_base::{CampaignId, Email, TimeSpan, fold::folded};
use serde::Deserialize;

use super::{once, page_size};
use crate::{
    App,
    auth::AuthenticatedCaller,
    body::{Body, KeyOf, Parameters, Path},
    convert_campaigns, convert_sweeps,
    problem::{ProblemResponse, bad_parameter},
};

pub(crate) fn router() -> Router<App> {
    Router::new()
        .route("/api/v1/campaigns", get(list).post(begin))
        .route("/api/v1/campaigns/{id}", get(show))
        .route("/api/v1/campaigns/{id}/lines", get(lines))
        .route("/api/v1/campaigns/{id}/answers", post(answer))
        .route("/api/v1/campaigns/{id}/reassign", post(reassign))
        .route("/api/v1/campaigns/{id}/sign-off", post(sign_off))
        .route("/api/v1/campaigns/{id}/plan", post(plan))
        .route("/api/v1/campaigns/{id}/evidence", get(rows))
}

/// Rows of evidence in one answer.
const EVIDENCE_PAGE: usize = 2_000;

fn campaign_id(text: &str) -> Result<CampaignId, ProblemResponse> {
    text.parse()
        .map_err(|_| ProblemResponse::not_found("campaign"))
}

fn answer_of(answer: LineAnswer) -> Result<AnswerKind, ProblemResponse> {
    match answer {
        LineAnswer::Keep => Ok(AnswerKind::Keep),
        LineAnswer::Remove => Ok(AnswerKind::Remove),
        LineAnswer::OnRequest => Ok(AnswerKind::OnRequest),
        LineAnswer::Unknown => Err(bad_parameter(
            "answer",
            "it is `keep`, `remove` or `on_request`",
        )),
    }
}

fn form(body: &BeginCampaign) -> Result<CampaignForm, ProblemResponse> {
    let reviewers = body.reviewers.iter().map(|it| it.parse::<ReviewerSource>());
    Ok(CampaignForm {
        name: body.name.clone(),
        scope: body.scope.clone(),
        reviewers: (reviewers.collect::<Result<_, _>>())
            .map_err(|error| bad_parameter("reviewers", error))?,
        unanswered: match body.unanswered {
            Unanswered::Keep => Default::Keep,
            Unanswered::Remove => Default::Remove,
            Unanswered::Unknown => {
                return Err(bad_parameter("unanswered", "it is `keep` or `remove`"));
            }
        },
        due_at: body.due_at,
        repeat_every: body.repeat_seconds.map(TimeSpan::seconds),
    })
}

async fn shown(
    app: &App,
    caller: &AuthenticatedCaller,
    id: CampaignId,
) -> Result<Json<Campaign>, ProblemResponse> {
    let actor = caller.allow(&[TokenScope::Read, TokenScope::Review, TokenScope::Admin])?;
    let view = app.access.campaign(actor, id).await?;
    Ok(Json(convert_campaigns::campaign(&view)))
}

/// Access review campaigns, newest first: all for administrators and auditors, else those with lines
/// to review.
#[utoipa::path(get, path = "/api/v1/campaigns", responses((status = 200, body = Page<Campaign>)))]
pub(crate) async fn list(
    State(app): State<App>,
    caller: AuthenticatedCaller,
) -> Result<Json<Page<Campaign>>, ProblemResponse> {
    let actor = caller.allow(&[TokenScope::Read])?;
    let views = app.access.campaigns(actor).await?;
    Ok(Json(Page {
        items: views.iter().map(convert_campaigns::campaign).collect(),
        next: None,
    }))
}

/// Begin a campaign over the standing access of the newest sweep; administrators.
#[utoipa::path(post, path = "/api/v1/campaigns", request_body = BeginCampaign,
    responses((status = 201, body = Campaign), (status = 400, body = Problem), (status = 403, body = Problem),
        (status = 409, body = Problem)))]
pub(crate) async fn begin(
    State(app): State<App>,
    caller: AuthenticatedCaller,
    key: KeyOf,
    Body(body): Body<BeginCampaign>,
) -> Result<(StatusCode, Json<Campaign>), ProblemResponse> {
    let actor = caller.allow(&[TokenScope::Admin])?;
    let form = form(&body)?;
    let name = form.name.trim().to_owned();
    let access = &app.access;
    let work = async {
        let begun = access.begin_campaign(actor, form).await;
        Ok::<_, ProblemResponse>(begun?.id)
    };
    let now = async {
        let all = access.campaigns(actor).await?;
        let found = all.into_iter().find(|it| it.campaign.name == name);
        let found = found.ok_or_else(|| ProblemResponse::not_found("campaign"))?;
        Ok(found.campaign.id)
    };
    let id = once(&app, actor, key.with(&body), work, now).await?;
    Ok((StatusCode::CREATED, shown(&app, &caller, id).await?))
}

/// One campaign.
#[utoipa::path(get, path = "/api/v1/campaigns/{id}",
    responses((status = 200, body = Campaign), (status = 404, body = Problem)))]
pub(crate) async fn show(
    State(app): State<App>,
    caller: AuthenticatedCaller,
    Path(id): Path<String>,
) -> Result<Json<Campaign>, ProblemResponse> {
    shown(&app, &caller, campaign_id(&id)?).await
}

#[derive(Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct LinesQuery {
    /// `open`, `keep`, `remove` or `on_request`.
    answer: Option<String>,
    /// Only lines that the caller may answer.
    #[serde(default)]
    mine: bool,
    /// Only lines without use in 90 days.
    #[serde(default)]
    unused: bool,
    /// Part of the holder's, account's, permission set's or group's name.
    q: Option<String>,
    /// The `next` of the previous page.
    cursor: Option<String>,
    /// Rows, 1 to 500.
    limit: Option<usize>,
}

/// Lines of a campaign: all for administrators and auditors, else those that the caller may answer.
#[utoipa::path(get, path = "/api/v1/campaigns/{id}/lines", params(LinesQuery),
    responses((status = 200, body = Page<CampaignLine>), (status = 404, body = Problem)))]
pub(crate) async fn lines(
    State(app): State<App>,
    caller: AuthenticatedCaller,
    Path(id): Path<String>,
    Parameters(query): Parameters<LinesQuery>,
) -> Result<Json<Page<CampaignLine>>, ProblemResponse> {
    let actor = caller.allow(&[TokenScope::Read])?;
    let id = campaign_id(&id)?;
    let view = app.access.campaign(actor, id).await?;
    let answer = query.answer.as_deref().map(AnswerFilter::parse);
    let answer = answer.map(|it| {
        it.ok_or_else(|| bad_parameter("answer", "it is `open`, `keep`, `remove` or `on_request`"))
    });
    let after = query.cursor.as_deref().map(str::parse).transpose();
    let filter = LineFilter {
        reviewers: if query.mine {
            view.answers_as
        } else {
            Vec::new()
        },
        answer: answer.transpose()?,
        unused: query.unused,
        text: folded(query.q.as_deref().unwrap_or_default()),
        after: (after.map_err(|error| bad_parameter("cursor", error))?).unwrap_or(0),
        ..LineFilter::default()
    };
    let size = page_size(query.limit);
    let limit = u32::try_from(size).unwrap_or(u32::MAX);
    let found = app.access.campaign_lines(actor, id, &filter, limit).await?;
    let next = found.last().filter(|_| found.len() >= size);
    Ok(Json(Page {
        next: next.map(|line| line.number.to_string()),
        items: found.iter().map(convert_campaigns::line).collect(),
    }))
}

/// Answer lines; their reviewer, or the delegate of a reviewer who is away. A later answer replaces
/// an earlier one.
#[utoipa::path(post, path = "/api/v1/campaigns/{id}/answers", request_body = AnswerLines,
    responses((status = 200, body = Campaign), (status = 400, body = Problem), (status = 403, body = Problem),
        (status = 409, body = Problem)))]
pub(crate) async fn answer(
    State(app): State<App>,
    caller: AuthenticatedCaller,
    Path(id): Path<String>,
    key: KeyOf,
    Body(body): Body<AnswerLines>,
) -> Result<Json<Campaign>, ProblemResponse> {
    let actor = caller.allow(&[TokenScope::Review])?;
    let (id, kind) = (campaign_id(&id)?, answer_of(body.answer)?);
    let work = async {
        let access = &app.access;
        let answered = access.answer_lines(actor, id, &body.lines, kind, &body.reason);
        answered.await.map_err(ProblemResponse::from)
    };
    once(&app, actor, key.with(&body), work, async { Ok(()) }).await?;
    shown(&app, &caller, id).await
}

/// Give lines to another reviewer; their reviewer, or an administrator.
#[utoipa::path(post, path = "/api/v1/campaigns/{id}/reassign", request_body = ReassignLines,
    responses((status = 200, body = Campaign), (status = 400, body = Problem), (status = 403, body = Problem),
        (status = 409, body = Problem)))]
pub(crate) async fn reassign(
    State(app): State<App>,
    caller: AuthenticatedCaller,
    Path(id): Path<String>,
    key: KeyOf,
    Body(body): Body<ReassignLines>,
) -> Result<Json<Campaign>, ProblemResponse> {
    let actor = caller.allow(&[TokenScope::Review])?;
    let id = campaign_id(&id)?;
    let to = Email::new(&body.to).map_err(|error| bad_parameter("to", error))?;
    let before = app.access.campaign(actor, id).await?;
    let work = async {
        let reassigned = app.access.reassign_lines(actor, id, &body.lines, &to);
        reassigned.await.map_err(ProblemResponse::from)
    };
    once(&app, actor, key.with(&body), work, async { Ok(()) }).await?;
    let view = match app.access.campaign(actor, id).await {
        // these were the last lines of the caller
        Err(AccessError::NotFound(_)) => CampaignView {
            counts: Vec::new(),
            ..before
        },
        found => found?,
    };
    Ok(Json(convert_campaigns::campaign(&view)))
}

/// Sign off all lines of a campaign; administrators. It is final. May be repeated.
#[utoipa::path(post, path = "/api/v1/campaigns/{id}/sign-off",
    responses((status = 200, body = Campaign), (status = 403, body = Problem), (status = 409, body = Problem)))]
pub(crate) async fn sign_off(
    State(app): State<App>,
    caller: AuthenticatedCaller,
    Path(id): Path<String>,
) -> Result<Json<Campaign>, ProblemResponse> {
    let actor = caller.allow(&[TokenScope::Admin])?;
    let id = campaign_id(&id)?;
    app.access.sign_off_campaign(actor, id).await?;
    shown(&app, &caller, id).await
}

/// Plan what the signed answers remove, as a sweep to confirm; administrators. Accepts what is kept.
#[utoipa::path(post, path = "/api/v1/campaigns/{id}/plan",
    responses((status = 200, body = Sweep), (status = 403, body = Problem), (status = 409, body = Problem)))]
pub(crate) async fn plan(
    State(app): State<App>,
    caller: AuthenticatedCaller,
    Path(id): Path<String>,
    key: KeyOf,
) -> Result<Json<Sweep>, ProblemResponse> {
    let actor = caller.allow(&[TokenScope::Admin])?;
    let id = campaign_id(&id)?;
    let access = &app.access;
    let work = async { Ok::<_, ProblemResponse>(access.plan_campaign(actor, id).await?) };
    let now = async {
        let planned = access.campaign(actor, id).await?.campaign.plan();
        let planned = planned.ok_or_else(|| ProblemResponse::not_found("plan"))?;
        Ok(access.sweep(actor, planned).await?.0)
    };
    let sweep = once(&app, actor, key.with(&()), work, now).await?;
    Ok(Json(convert_sweeps::sweep(&sweep)))
}

#[derive(Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct EvidenceQuery {
    /// The `next` of the previous page.
    cursor: Option<usize>,
}

/// The rows that the signature of a campaign covers; administrators, auditors and its owner.
#[utoipa::path(get, path = "/api/v1/campaigns/{id}/evidence", params(EvidenceQuery),
    responses((status = 200, body = CampaignEvidence), (status = 404, body = Problem), (status = 409, body = Problem)))]
pub(crate) async fn rows(
    State(app): State<App>,
    caller: AuthenticatedCaller,
    Path(id): Path<String>,
    Parameters(query): Parameters<EvidenceQuery>,
) -> Result<Json<CampaignEvidence>, ProblemResponse> {
    let actor = caller.allow(&[TokenScope::Read])?;
    let (_, rows) = app
        .access
        .campaign_evidence(actor, campaign_id(&id)?)
        .await?;
    let from = query.cursor.unwrap_or(0);
    let page: Vec<String> = rows
        .iter()
        .skip(from)
        .take(EVIDENCE_PAGE)
        .cloned()
        .collect();
    let reached = from.saturating_add(page.len());
    Ok(Json(CampaignEvidence {
        next: (reached < rows.len()).then(|| reached.to_string()),
        rows: page,
    }))
}
