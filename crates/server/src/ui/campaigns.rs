//! Access review campaigns: the list, and the form that begins one.

use askama::Template;
use axum::{Router, extract::State, routing::get};
use hallpass_access::{
    AccessError, CampaignForm, CampaignState, CampaignView, ReviewerSource, Role, Unanswered,
};
use hallpass_base::{TimeSpan, Timestamp, time};
use jiff::tz::TimeZone;
use serde::Deserialize;

use super::presenter::{At, Presenter};
use super::shell::{Nav, PageResult, Posted, Shell, Viewer, page, see_other};
use super::words::{Badge, plain, sentence};
use crate::App;

pub(crate) fn router() -> Router<App> {
    Router::new().route("/campaigns", get(list).post(begin))
}

struct CampaignRow {
    href: String,
    name: String,
    badge: Badge,
    due: At,
    answered: u32,
    lines: u32,
    waiting: u32,
    owner: String,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct BeginForm {
    name: String,
    due: String,
    reviewers: String,
    scope: String,
    unanswered: String,
    repeat_days: String,
}

#[derive(Template)]
#[template(path = "campaigns.html")]
struct CampaignsPage {
    shell: Shell,
    rows: Vec<CampaignRow>,
    can_begin: bool,
    form: BeginForm,
    error: Option<String>,
    zone: String,
}

pub(super) fn badge(view: &CampaignView, now: Timestamp) -> Badge {
    let (word, look) = match view.campaign.state {
        CampaignState::Open if view.campaign.is_due(now) => ("Overdue", "failed"),
        CampaignState::Open => ("Open", "pending"),
        CampaignState::Closed { .. } => ("Closed", "ending"),
        CampaignState::SignedOff { .. } => ("Signed off", "active"),
    };
    Badge { word, look }
}

pub(super) fn answered(view: &CampaignView) -> u32 {
    let answered = view.counts.iter().filter(|it| it.answer.is_some());
    answered.map(|it| it.lines).sum()
}

pub(super) fn lines(view: &CampaignView) -> u32 {
    view.counts.iter().map(|it| it.lines).sum()
}

async fn list(State(app): State<App>, viewer: Viewer) -> PageResult {
    shown(&app, &viewer, BeginForm::default(), None).await
}

async fn shown(app: &App, viewer: &Viewer, form: BeginForm, error: Option<String>) -> PageResult {
    let view = Presenter::new(app, viewer);
    let found = app.access.campaigns(&viewer.actor).await?;
    let row = |it: &CampaignView| CampaignRow {
        href: format!("/campaigns/{}", it.campaign.id),
        name: plain(&it.campaign.name),
        badge: badge(it, app.clock.now()),
        due: view.at(it.campaign.due_at),
        answered: answered(it),
        lines: lines(it),
        waiting: it.waiting(),
        owner: plain(&it.campaign.owner.name),
    };
    Ok(page(&CampaignsPage {
        rows: found.iter().map(row).collect(),
        can_begin: viewer.actor.is(Role::Admin),
        zone: view.zone_words(),
        shell: viewer.shell(app, Nav::Campaigns, "Access reviews").await,
        form,
        error,
    }))
}

async fn begin(State(app): State<App>, Posted { viewer, form }: Posted<BeginForm>) -> PageResult {
    let error = match read(&form, &viewer.zone) {
        Ok(read) => match app.access.begin_campaign(&viewer.actor, read).await {
            Ok(begun) => return Ok(see_other(&format!("/campaigns/{}", begun.id))),
            Err(AccessError::Refused(why)) => sentence(&why.to_string()),
            Err(error) => return Err(error.into()),
        },
        Err(error) => error,
    };
    shown(&app, &viewer, form, Some(error)).await
}

fn read(form: &BeginForm, zone: &TimeZone) -> Result<CampaignForm, String> {
    let day = time::day(form.due.trim()).ok();
    // Due at the end of that day.
    let due = day.and_then(|it| it.tomorrow().ok()?.to_zoned(zone.clone()).ok());
    let due = due.ok_or("Write the due day like 2027-01-31.")?;
    let reviewers = form.reviewers.split([',', '\n']).map(str::trim);
    let reviewers = reviewers.filter(|it| !it.is_empty());
    let reviewers: Result<Vec<ReviewerSource>, _> = reviewers.map(str::parse).collect();
    let scope = form.scope.lines().map(str::trim);
    let repeat_every = match form.repeat_days.trim() {
        "" => None,
        days => {
            let days: u64 = days
                .parse()
                .map_err(|_| "Write the repetition as a number of days.")?;
            Some(TimeSpan::hours(days.min(10_000) * 24))
        }
    };
    Ok(CampaignForm {
        name: form.name.clone(),
        scope: scope
            .filter(|it| !it.is_empty())
            .map(str::to_owned)
            .collect(),
        reviewers: reviewers.map_err(|why| sentence(&why.to_string()))?,
        unanswered: match form.unanswered.as_str() {
            "remove" => Unanswered::Remove,
            _ => Unanswered::Keep,
        },
        due_at: due.timestamp(),
        repeat_every,
    })
}
