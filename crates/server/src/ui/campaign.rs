//! One access review campaign: its lines, answers, signature and plan.

use std::collections::BTreeMap;

use askama::Template;
use axum::{
    Router,
    extract::{Query, State},
    routing::{get, post},
};
use hallpass_access::{
    AccessError, AnswerFilter, AnswerKind, Campaign, CampaignLine, CampaignState, CampaignView,
    LINES_A_CALL_MAX, LineChange, LineFilter, LineUse, Role, USE_DAYS, Unanswered,
};
use hallpass_base::{CampaignId, Email, TargetNames, fold::folded};
use serde::{Deserialize, Serialize};

use super::campaigns::{answered, badge, lines};
use super::people::{Face, count_of};
use super::presenter::{At, Presenter};
use super::press::missing;
use super::shell::{Nav, PageResult, Posted, Shell, Viewer, page, see_other};
use super::sign_in_again;
use super::words::{Badge, plain, sentence};
use crate::{App, body::Path, problem::ProblemResponse};

pub(crate) fn router() -> Router<App> {
    Router::new()
        .route("/campaigns/{id}", get(show))
        .route("/campaigns/{id}/answer", post(answer))
        .route("/campaigns/{id}/reassign", post(reassign))
        .route("/campaigns/{id}/sign-off", post(sign_off))
        .route("/campaigns/{id}/plan", post(plan))
}

const ROWS: u32 = 100;
/// Targets of a group that a row names; others are counted.
const GIVES_SHOWN: usize = 3;

/// A form's fields, each named once: lines as `line-N`.
type LineFields = BTreeMap<String, String>;

#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(default)]
pub(crate) struct LinesShown {
    /// `open`, `keep`, `remove`, `on_request` or `all`; absent: what the viewer has to do.
    #[serde(skip_serializing_if = "String::is_empty")]
    answer: String,
    /// `mine` or `all`.
    #[serde(skip_serializing_if = "String::is_empty")]
    who: String,
    /// `never`: only lines without use.
    #[serde(skip_serializing_if = "String::is_empty")]
    used: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    q: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    after: Option<u32>,
    /// Lines that were just answered.
    #[serde(skip_serializing_if = "Option::is_none")]
    done: Option<usize>,
}

struct LineRow {
    number: u32,
    face: Face,
    access: String,
    gives: Vec<String>,
    more: usize,
    is_production: bool,
    change: &'static str,
    since: At,
    /// Empty if not known.
    used: String,
    accepted: String,
    reviewer: String,
    answer: Option<(&'static str, String)>,
    can_pick: bool,
    is_picked: bool,
}

struct SignedOff {
    by: String,
    at: At,
    sha256: String,
    plan: Option<String>,
}

#[derive(Template)]
#[template(path = "campaign.html")]
struct CampaignPage {
    shell: Shell,
    id: String,
    here: String,
    query: String,
    badge: Badge,
    lead: String,
    facts: Vec<(&'static str, String)>,
    answered: u32,
    lines: u32,
    unread: u64,
    shown: LinesShown,
    rows: Vec<LineRow>,
    next: Option<String>,
    can_answer: bool,
    can_sign_off: bool,
    can_plan: bool,
    sign_off: String,
    signed: Option<SignedOff>,
    reason: String,
    error: Option<String>,
    said: Option<String>,
}

impl LinesShown {
    fn query(&self) -> String {
        serde_urlencoded::to_string(self).unwrap_or_default()
    }

    /// The filter that the form did not choose.
    fn chosen(mut self, view: &CampaignView) -> Self {
        let waits = view.waiting() > 0;
        if self.answer.is_empty() {
            self.answer = if waits { "open" } else { "all" }.into();
        }
        if self.who.is_empty() {
            self.who = if waits { "mine" } else { "all" }.into();
        }
        self
    }

    fn filter(&self, view: &CampaignView) -> LineFilter {
        LineFilter {
            reviewers: if self.who == "mine" {
                view.answers_as.clone()
            } else {
                Vec::new()
            },
            answer: AnswerFilter::parse(&self.answer),
            unused: self.used == LineUse::Never.name(),
            text: folded(self.q.trim()),
            after: self.after.unwrap_or_default(),
            ..LineFilter::default()
        }
    }
}

async fn found(
    app: &App,
    viewer: &Viewer,
    id: &str,
) -> Result<Option<CampaignView>, ProblemResponse> {
    let Ok(id) = id.parse::<CampaignId>() else {
        return Ok(None);
    };
    match app.access.campaign(&viewer.actor, id).await {
        Ok(view) => Ok(Some(view)),
        Err(AccessError::NotFound(_)) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

async fn show(
    State(app): State<App>,
    Path(id): Path<String>,
    Query(query): Query<LinesShown>,
    viewer: Viewer,
) -> PageResult {
    match found(&app, &viewer, &id).await? {
        Some(view) => shown(&app, &viewer, &view, query, RefusedAnswer::default()).await,
        None => missing(&app, &viewer).await,
    }
}

/// Why an answer was refused, and what the form had.
#[derive(Default)]
struct RefusedAnswer {
    error: Option<String>,
    reason: String,
    picked: Vec<u32>,
}

async fn shown(
    app: &App,
    viewer: &Viewer,
    view: &CampaignView,
    query: LinesShown,
    refused: RefusedAnswer,
) -> PageResult {
    let campaign = &view.campaign;
    let query = query.chosen(view);
    let filter = query.filter(view);
    let access = &app.access;
    let found = access
        .campaign_lines(&viewer.actor, campaign.id, &filter, ROWS)
        .await?;
    let here = format!("/campaigns/{}", campaign.id);
    let is_full = u32::try_from(found.len()).is_ok_and(|count| count >= ROWS);
    let next = found.last().filter(|_| is_full).map(|last| {
        let next = LinesShown {
            after: Some(last.number),
            done: None,
            ..query.clone()
        };
        format!("{here}?{}", next.query())
    });
    let presenter = Presenter::new(app, viewer);
    let mut rows: Vec<LineRow> = found.iter().map(|it| row(&presenter, view, it)).collect();
    for row in &mut rows {
        row.is_picked = refused.picked.contains(&row.number);
    }
    let is_admin = viewer.actor.is(Role::Admin);
    let name = plain(&campaign.name);
    Ok(page(&CampaignPage {
        shell: viewer.shell(app, Nav::Campaigns, name).await,
        id: campaign.id.to_string(),
        query: LinesShown {
            done: None,
            ..query.clone()
        }
        .query(),
        badge: badge(view, app.clock.now()),
        lead: lead(&presenter, campaign),
        facts: facts(&presenter, campaign),
        answered: answered(view),
        lines: lines(view),
        unread: campaign.unread,
        can_answer: rows.iter().any(|it| it.can_pick),
        can_sign_off: is_admin && campaign.signature().is_none(),
        can_plan: is_admin && campaign.signature().is_some(),
        sign_off: what_is_signed(view),
        signed: signed(&presenter, campaign),
        said: (query.done).map(|done| format!("{} answered.", count_of(done, "line", "lines"))),
        shown: query,
        reason: refused.reason,
        error: refused.error,
        here,
        rows,
        next,
    }))
}

fn lead(view: &Presenter, campaign: &Campaign) -> String {
    let due = view.words(campaign.due_at);
    match campaign.state {
        CampaignState::Open => format!(
            "Due {due}. Lines without an answer then: {}.",
            campaign.unanswered.name()
        ),
        CampaignState::Closed { .. } => {
            "No more answers are taken; signing off again completes it.".to_owned()
        }
        CampaignState::SignedOff { .. } => format!("It was due {due}."),
    }
}

fn facts(view: &Presenter, campaign: &Campaign) -> Vec<(&'static str, String)> {
    let or = |texts: Vec<String>, none: &str| {
        if texts.is_empty() {
            none.to_owned()
        } else {
            plain(&texts.join(", "))
        }
    };
    let reviewers = campaign.reviewers.iter().map(ToString::to_string);
    let mut facts = vec![
        ("Owner", plain(&campaign.owner.name)),
        (
            "Scope",
            or(campaign.scope.clone(), "everything that the sweep listed"),
        ),
        ("Reviewers", or(reviewers.collect(), "the owner")),
        ("Listed", view.words(campaign.listed_at)),
    ];
    if let Some(every) = campaign.repeat_every {
        facts.push(("Repeats", format!("every {every}")));
    }
    facts
}

fn what_is_signed(view: &CampaignView) -> String {
    let of = |kind: Option<AnswerKind>| -> u32 {
        let counts = view.counts.iter().filter(|it| it.answer == kind);
        counts.map(|it| it.lines).sum()
    };
    let default = match view.campaign.unanswered {
        Unanswered::Keep => "kept",
        Unanswered::Remove => "removed",
    };
    format!(
        "{} kept, {} removed, {} on request; {} without an answer will be {default}. It is final.",
        of(Some(AnswerKind::Keep)),
        of(Some(AnswerKind::Remove)),
        of(Some(AnswerKind::OnRequest)),
        of(None),
    )
}

fn signed(view: &Presenter, campaign: &Campaign) -> Option<SignedOff> {
    let signature = campaign.signature()?;
    Some(SignedOff {
        by: plain(&signature.by.name),
        at: view.at(signature.at),
        sha256: signature.sha256.clone(),
        plan: campaign.plan().map(|it| format!("/sweeps/{it}")),
    })
}

fn row(presenter: &Presenter, view: &CampaignView, line: &CampaignLine) -> LineRow {
    let holder = line.holder.as_ref();
    let name = holder.map_or_else(|| line.key.user.to_string(), |it| it.name.clone());
    let email = holder.map(|it| it.email.to_string()).unwrap_or_default();
    let words = |names: &TargetNames| plain(&names.to_string());
    let accepted = line.accepted.as_ref().map(|it| match it {
        hallpass_access::Acceptance::Pattern { pattern } => {
            format!("Accepted by the pattern {pattern}.")
        }
        hallpass_access::Acceptance::Person { by, .. } => {
            format!("Accepted by {}.", presenter.named(by))
        }
    });
    let answer = line.answer.as_ref().map(|it| {
        let word = match it.answer {
            AnswerKind::Keep => "Keep",
            AnswerKind::Remove => "Remove",
            AnswerKind::OnRequest => "On request",
        };
        let by = presenter.named(&it.by.email);
        let reason = plain(&it.reason);
        let sep = if reason.is_empty() { "" } else { ": " };
        (word, format!("{by}{sep}{reason}"))
    });
    let is_theirs = view.answers_as.contains(&line.reviewer.user);
    LineRow {
        number: line.number,
        face: Face::new(&name, &email),
        access: words(&line.names),
        gives: line.gives.iter().take(GIVES_SHOWN).map(words).collect(),
        more: line.gives.len().saturating_sub(GIVES_SHOWN),
        is_production: line.production,
        change: match line.change {
            LineChange::New => "New",
            LineChange::StillThere => "Still there",
            LineChange::Kept => "Kept last time",
        },
        since: presenter.at(line.first_seen),
        used: match line.used {
            LineUse::Used { last } => format!("Last used {}", presenter.words(last)),
            LineUse::Never => format!("Not used in {USE_DAYS} days"),
            LineUse::Unknown => String::new(),
        },
        accepted: plain(&accepted.unwrap_or_default()),
        reviewer: plain(&line.reviewer.name),
        answer,
        can_pick: view.campaign.is_open() && is_theirs,
        is_picked: false,
    }
}

/// Lines that a form selects: each by itself, or all that the page showed.
fn picked(fields: &LineFields) -> Vec<u32> {
    let is_all = fields.contains_key("all");
    let prefix = if is_all { "shown-" } else { "line-" };
    let numbers = fields.keys().filter_map(|name| name.strip_prefix(prefix));
    let numbers = numbers.filter_map(|it| it.parse().ok());
    numbers.take(LINES_A_CALL_MAX).collect()
}

async fn answer(
    State(app): State<App>,
    Path(id): Path<String>,
    Query(query): Query<LinesShown>,
    Posted { viewer, form }: Posted<LineFields>,
) -> PageResult {
    let Some(view) = found(&app, &viewer, &id).await? else {
        return missing(&app, &viewer).await;
    };
    let text = |name: &str| form.get(name).map_or("", String::as_str);
    let mut kinds = AnswerKind::ALL.into_iter();
    let kind = kinds.find(|it| it.name() == text("answer"));
    let numbers = picked(&form);
    let error = match kind {
        None => "Choose an answer.".to_owned(),
        Some(_) if numbers.is_empty() => "Select the lines to answer.".to_owned(),
        Some(kind) => {
            let (actor, campaign) = (&viewer.actor, view.campaign.id);
            let access = &app.access;
            match access
                .answer_lines(actor, campaign, &numbers, kind, text("reason"))
                .await
            {
                Ok(()) => {
                    let done = Some(numbers.len());
                    let query = LinesShown { done, ..query };
                    return Ok(see_other(&format!("/campaigns/{id}?{}", query.query())));
                }
                Err(AccessError::Refused(why)) => sentence(&why.to_string()),
                Err(error) => return Err(error.into()),
            }
        }
    };
    let refused = RefusedAnswer {
        error: Some(error),
        reason: text("reason").to_owned(),
        picked: numbers,
    };
    shown(&app, &viewer, &view, query, refused).await
}

async fn reassign(
    State(app): State<App>,
    Path(id): Path<String>,
    Query(query): Query<LinesShown>,
    Posted { viewer, form }: Posted<LineFields>,
) -> PageResult {
    let Some(view) = found(&app, &viewer, &id).await? else {
        return missing(&app, &viewer).await;
    };
    let numbers = picked(&form);
    let to = form.get("to").map_or("", String::as_str).trim();
    let error = match Email::new(to) {
        Err(_) => format!("{} is not the address of one user.", plain(to)),
        Ok(_) if numbers.is_empty() => "Select the lines to reassign.".to_owned(),
        Ok(to) => {
            let (actor, campaign) = (&viewer.actor, view.campaign.id);
            let access = &app.access;
            match access.reassign_lines(actor, campaign, &numbers, &to).await {
                Ok(()) if found(&app, &viewer, &id).await?.is_none() => {
                    return Ok(see_other("/campaigns"));
                }
                Ok(()) => return Ok(see_other(&format!("/campaigns/{id}?{}", query.query()))),
                Err(AccessError::Refused(why)) => sentence(&why.to_string()),
                Err(error) => return Err(error.into()),
            }
        }
    };
    let refused = RefusedAnswer {
        error: Some(error),
        picked: numbers,
        ..RefusedAnswer::default()
    };
    shown(&app, &viewer, &view, query, refused).await
}

async fn sign_off(
    State(app): State<App>,
    Path(id): Path<String>,
    Posted { viewer, form: _ }: Posted<LineFields>,
) -> PageResult {
    let Some(view) = found(&app, &viewer, &id).await? else {
        return missing(&app, &viewer).await;
    };
    let access = &app.access;
    let signed = access.sign_off_campaign(&viewer.actor, view.campaign.id);
    let signed = signed.await.map(drop);
    let here = format!("/campaigns/{id}");
    answered_or(&app, &viewer, &view, signed.map(|()| here)).await
}

async fn plan(
    State(app): State<App>,
    Path(id): Path<String>,
    Posted { viewer, form: _ }: Posted<LineFields>,
) -> PageResult {
    let Some(view) = found(&app, &viewer, &id).await? else {
        return missing(&app, &viewer).await;
    };
    let planned = app.access.plan_campaign(&viewer.actor, view.campaign.id);
    let planned = planned.await.map(|sweep| format!("/sweeps/{}", sweep.id));
    answered_or(&app, &viewer, &view, planned).await
}

/// Goes to the address, or shows why not.
async fn answered_or(
    app: &App,
    viewer: &Viewer,
    view: &CampaignView,
    done: Result<String, AccessError>,
) -> PageResult {
    let why = match done {
        Ok(address) => return Ok(see_other(&address)),
        Err(AccessError::Refused(why)) => why,
        Err(error) => return Err(error.into()),
    };
    if let Some(way) = sign_in_again::for_press(&why, &format!("/campaigns/{}", view.campaign.id)) {
        return Ok(way);
    }
    let refused = RefusedAnswer {
        error: Some(sentence(&why.to_string())),
        ..RefusedAnswer::default()
    };
    shown(app, viewer, view, LinesShown::default(), refused).await
}
