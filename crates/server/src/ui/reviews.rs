//! Reviews page: requests to decide.

use std::collections::BTreeSet;

use askama::Template;
use axum::{
    Router,
    extract::{Query, State},
    routing::get,
};
use hallpass_access::{
    AccessError, ActionRefused, Presses, Request, RequestFilter, RequestStateKind, RequestView,
    ReviewedVersion,
};
use hallpass_base::{RequestId, TimeSpan};
use hallpass_channels::wording::grants;
use serde::Deserialize;

use super::{
    approve::{approve_buttons, comments},
    batch::{self, Sibling},
    decided,
    flash::{Flash, FlashQuery},
    grant_activity,
    presenter::{At, Coded, PersonView, Presenter, TargetView},
    press::{self, WordsForm},
    request::{changed, why_not},
    reviews_card::{Closed, before, closed, not_judged, rule, set_of, signal, undecidable, waited},
    reviews_search::{fits, live},
    rows::{self, RequestRow},
    several,
    shell::{Nav, PageResult, Shell, Viewer, page},
    words::plain,
};
use crate::{App, permission_set_policies::risk_lines, problem::ProblemResponse};

const CARDS_MAX: usize = 100;
const DENSE: usize = 8;
const ROWS_MAX: usize = 50;
const SHOWN_MAX: usize = 110;

#[derive(Template)]
#[template(path = "reviews.html")]
struct ReviewsPage {
    shell: Shell,
    tab: Tab,
    summary: String,
    zone: String,
    count: usize,
    glasses: Vec<Glass>,
    cards: Vec<Card>,
    mine: Vec<Own>,
    live: String,
    is_dense: bool,
    q: String,
}

#[derive(Template)]
#[template(path = "reviews_list.html")]
struct ListPage {
    shell: Shell,
    tab: Tab,
    count: usize,
    rows: Vec<RequestRow>,
    zone: String,
    is_cut: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Tab {
    Mine,
    Others,
    Done,
}

enum Card {
    Open(Box<Open>),
    Closed(Closed),
}

struct Open {
    id: String,
    seen: ReviewedVersion,
    who: PersonView,
    aim: TargetView,
    after_end: String,
    length: TimeSpan,
    starts: Option<String>,
    waited: At,
    lapses: Option<At>,
    /// Value of the checkbox to decide it with others.
    pick: Option<String>,
    reason: String,
    ticket: rows::TicketLink,
    note: Coded,
    is_changed: bool,
    before: Option<String>,
    used: Option<Coded>,
    rule: Coded,
    approve: Option<String>,
    with: Option<WordsForm>,
    comments: Vec<(String, String)>,
    shortened: Option<String>,
    deny: Option<WordsForm>,
    why_not: Coded,
    is_next: bool,
    risks: Option<String>,
    together: Vec<Sibling>,
    all: Option<(String, String)>,
}

struct Glass {
    id: String,
    who: PersonView,
    aim: TargetView,
    length: TimeSpan,
    justification: String,
    words: Coded,
    close: WordsForm,
}

struct Own {
    id: String,
    aim: TargetView,
    words: Coded,
}

#[derive(Deserialize)]
struct ReviewsQuery {
    #[serde(flatten)]
    after: FlashQuery,
    #[serde(default)]
    shown: String,
    #[serde(default)]
    q: String,
}

pub(crate) fn router() -> Router<App> {
    Router::new()
        .route("/reviews", get(for_me))
        .route("/reviews/others", get(others))
        .route("/reviews/done", get(done))
}

async fn for_me(
    State(app): State<App>,
    Query(coming): Query<ReviewsQuery>,
    viewer: Viewer,
) -> PageResult {
    let view = Presenter::new(&app, &viewer);
    let mut waiting = to_review(&app, &viewer).await?;
    let is_dense = waiting.len() > DENSE;
    let all = waiting.len();
    waiting.retain(|request| fits(request, &coming.q));
    let glasses = glasses(&app, &viewer, &view).await?;
    let summary = if coming.q.trim().is_empty() {
        summary(&view, &waiting, glasses.len())
    } else {
        let q = plain(coming.q.trim());
        format!("{} of {all} requests match “{q}”.", waiting.len())
    };
    let count = all + glasses.len();
    let ids: BTreeSet<RequestId> = waiting.iter().map(|request| request.id).collect();
    let pressed = coming.after.request(&app, &viewer).await;
    let mut requests = waiting;
    requests.extend(pressed.clone().filter(|request| !ids.contains(&request.id)));
    for id in coming.shown.split(',').take(SHOWN_MAX) {
        let Ok(id) = id.parse::<RequestId>() else {
            continue;
        };
        if requests.iter().all(|request| request.id != id)
            && let Ok(request) = app.access.request(&viewer.actor, id).await
        {
            requests.push(request);
        }
    }
    requests.sort_by_key(|request| request.id);
    let risks = risk_lines(&app, requests.iter().filter_map(set_of)).await;
    let mut cards = Vec::new();
    for request in &requests {
        cards.push(if ids.contains(&request.id) {
            let said = coming
                .after
                .said()
                .filter(|_| coming.after.about == request.id.to_string());
            let risks = set_of(request).and_then(|set| risks.get(set).cloned());
            waiting_card(&app, &viewer, &view, request, said, risks).await?
        } else {
            Card::Closed(closed(&view, request))
        });
    }
    mark_next(&mut cards, &coming.after.about);
    offer_all(&mut cards, &requests);
    let mut shell = viewer.shell(&app, Nav::Reviews, "Reviews").await;
    shell.said = coming.after.toast(&app, &viewer, &view).await;
    Ok(page(&ReviewsPage {
        tab: Tab::Mine,
        summary,
        zone: view.zone_words(),
        count,
        glasses,
        cards,
        mine: own(&app, &viewer, &view).await?,
        live: live(pressed.map(|request| request.id), &coming.q),
        is_dense,
        q: coming.q,
        shell,
    }))
}

async fn glasses(
    app: &App,
    viewer: &Viewer,
    view: &Presenter,
) -> Result<Vec<Glass>, ProblemResponse> {
    let filter = RequestFilter::default();
    let reviews = app
        .access
        .open_reviews(&viewer.actor, &filter, CARDS_MAX)
        .await?;
    let mut glasses = Vec::new();
    for request in reviews.rows.iter().rev() {
        match app.access.break_glass_offers(&viewer.actor, request).await {
            Ok(presses) if presses.close_review.is_ok() => {
                glasses.push(glass(app, viewer, view, request).await);
            }
            Ok(_) => {}
            Err(AccessError::Read(error)) => not_judged(request, &error),
            Err(error) => return Err(error.into()),
        }
    }
    Ok(glasses)
}

async fn to_review(app: &App, viewer: &Viewer) -> Result<Vec<Request>, ProblemResponse> {
    let filter = RequestFilter::default();
    let found = app
        .access
        .requests(&viewer.actor, RequestView::ToReview, &filter, CARDS_MAX)
        .await?;
    Ok(found.rows)
}

fn summary(view: &Presenter, waiting: &[Request], glasses: usize) -> String {
    let requests = match waiting.len() {
        0 => None,
        1 => Some("1 request".to_owned()),
        n => Some(format!("{n} requests")),
    };
    let reviews = match glasses {
        0 => None,
        1 => Some("1 break-glass review".to_owned()),
        n => Some(format!("{n} break-glass reviews")),
    };
    let parts: Vec<String> = requests.into_iter().chain(reviews).collect();
    let verb = match waiting.len() + glasses {
        0 => return "Nothing waits for you.".to_owned(),
        1 => "waits",
        _ => "wait",
    };
    let oldest = waiting.iter().map(|request| request.asked_at).min();
    let oldest = oldest.map(|at| format!(" The oldest request has waited {}.", waited(view, at)));
    format!(
        "{} {verb} for you.{}",
        parts.join(" and "),
        oldest.unwrap_or_default()
    )
}

async fn glass(app: &App, viewer: &Viewer, view: &Presenter, request: &Request) -> Glass {
    let grant = rows::with_grant(app, viewer, request).await;
    let who = Presenter::person(&request.requester.name, &request.requester.email);
    let review = request.after_review.as_ref();
    let opened = review.map(|review| view.words(review.opened_at));
    let next = rows::next(view, request, grant.as_ref());
    Glass {
        id: request.id.to_string(),
        aim: view.aim_of(request),
        length: request.duration,
        justification: review.map(|r| plain(&r.justification)).unwrap_or_default(),
        words: Coded(format!(
            "Taken {}. {} It stays on this page until someone who is not {} closes it.",
            opened.unwrap_or_default(),
            next.words.0,
            who.first
        )),
        close: press::close_form(view, request, "reviews"),
        who,
    }
}

/// Adds the approval of siblings. `cards` and `requests` correspond.
fn offer_all(cards: &mut [Card], requests: &[Request]) {
    let pairs = cards.iter().zip(requests);
    let is_approvable = |card: &Card| matches!(card, Card::Open(open) if open.with.is_some());
    let approvable: Vec<&Request> = pairs
        .filter(|(card, _)| is_approvable(card))
        .map(|(_, request)| request)
        .collect();
    for (card, request) in cards.iter_mut().zip(requests) {
        if let Card::Open(open) = card {
            open.all = several::approve_all(request, &approvable);
        }
    }
}

fn mark_next(cards: &mut [Card], about: &str) {
    if about.is_empty() {
        return;
    }
    let at = cards.iter().position(|card| match card {
        Card::Open(open) => open.id == about,
        Card::Closed(closed) => closed.id == about,
    });
    let Some(at) = at else { return };
    let mut later = cards.iter_mut().skip(at);
    let next = later.find_map(|card| match card {
        Card::Open(open) => Some(open),
        Card::Closed(_) => None,
    });
    if let Some(next) = next {
        next.is_next = true;
    }
}

async fn waiting_card(
    app: &App,
    viewer: &Viewer,
    view: &Presenter,
    request: &Request,
    said: Option<Flash>,
    risks: Option<String>,
) -> Result<Card, ProblemResponse> {
    match app.access.presses(&viewer.actor, request).await {
        Ok(presses) => {
            let card = open(app, viewer, view, request, &presses, said).await?;
            Ok(Card::Open(Box::new(Open { risks, ..card })))
        }
        Err(AccessError::Read(error)) => {
            not_judged(request, &error);
            Ok(Card::Closed(undecidable(view, request)))
        }
        Err(error) => Err(error.into()),
    }
}

async fn open(
    app: &App,
    viewer: &Viewer,
    view: &Presenter,
    request: &Request,
    presses: &Presses,
    said: Option<Flash>,
) -> Result<Open, ProblemResponse> {
    let past = app.access.past(&viewer.actor, request).await?;
    let is_changed = matches!(said, Some(Flash::Changed));
    let why_not = match &presses.approve {
        Ok(()) => Coded::default(),
        Err(refused) => why_not(app, view, request, refused),
    };
    let warnings = app.access.warnings_to_confirm(request);
    let (approve, with) = approve_buttons(view, request, presses, &warnings, "reviews");
    Ok(Open {
        id: request.id.to_string(),
        seen: request.seen(),
        who: Presenter::person(&request.requester.name, &request.requester.email),
        aim: view.aim_of(request),
        after_end: view.after_end(request, None),
        length: request.duration,
        starts: request.start.as_ref().map(|start| view.words(start.at)),
        waited: At {
            at: request.asked_at,
            words: waited(view, request.asked_at),
        },
        lapses: request.expires_at.map(|at| view.at(at)),
        pick: (presses.approve.is_ok() || presses.deny.is_ok())
            .then(|| several::pick((request.id, request.seen()))),
        reason: plain(&request.reason),
        ticket: rows::TicketLink::of(request),
        note: if is_changed {
            changed(view, request)
        } else {
            signal(view, request, &past)
        },
        is_changed,
        before: before(view, request, &past),
        used: grant_activity::last_use(app, view, request).await,
        rule: rule(app, view, request),
        approve,
        with,
        comments: comments(view, request),
        shortened: grants::shortened(request, view),
        deny: presses
            .deny
            .is_ok()
            .then(|| press::deny_form(view, request, "reviews")),
        why_not,
        is_next: false,
        risks: None,
        together: batch::siblings(app, viewer, view, request).await?,
        all: None,
    })
}

async fn own(app: &App, viewer: &Viewer, view: &Presenter) -> Result<Vec<Own>, ProblemResponse> {
    let filter = RequestFilter {
        state: Some(RequestStateKind::Pending),
        ..RequestFilter::default()
    };
    let found = app
        .access
        .requests(&viewer.actor, RequestView::Mine, &filter, 5)
        .await?;
    let mut mine = Vec::new();
    let waiting = found.rows.iter();
    for request in waiting.filter(|request| !rows::is_past(view, request)) {
        let approve = match app.access.presses(&viewer.actor, request).await {
            Ok(presses) => Some(presses.approve),
            Err(AccessError::Read(error)) => {
                not_judged(request, &error);
                None
            }
            Err(error) => return Err(error.into()),
        };
        if matches!(approve, Some(Ok(()))) && request.is_helped_by(&viewer.actor) {
            continue;
        }
        let words = match &approve {
            Some(Err(refused @ ActionRefused::Rules(_))) => why_not(app, view, request, refused),
            _ => Coded(rows::waiting(view, request)),
        };
        mine.push(Own {
            id: request.id.to_string(),
            aim: view.aim_of(request),
            words,
        });
    }
    Ok(mine)
}

async fn others(State(app): State<App>, viewer: Viewer) -> PageResult {
    let view = Presenter::new(&app, &viewer);
    let mine: BTreeSet<RequestId> = to_review(&app, &viewer)
        .await?
        .iter()
        .map(|request| request.id)
        .collect();
    let filter = RequestFilter {
        state: Some(RequestStateKind::Pending),
        ..RequestFilter::default()
    };
    let found = app
        .access
        .requests(
            &viewer.actor,
            RequestView::All,
            &filter,
            ROWS_MAX + CARDS_MAX,
        )
        .await?;
    let found: Vec<Request> = found
        .rows
        .into_iter()
        .filter(|request| !mine.contains(&request.id) && !rows::is_past(&view, request))
        .collect();
    table(&app, &viewer, &view, Tab::Others, mine.len(), &found).await
}

async fn done(State(app): State<App>, viewer: Viewer) -> PageResult {
    let view = Presenter::new(&app, &viewer);
    let count = to_review(&app, &viewer).await?.len();
    let found = decided::by(&app, &viewer, &view, ROWS_MAX).await?;
    table(&app, &viewer, &view, Tab::Done, count, &found).await
}

async fn table(
    app: &App,
    viewer: &Viewer,
    view: &Presenter,
    tab: Tab,
    count: usize,
    found: &[Request],
) -> PageResult {
    let mut rows = Vec::new();
    for request in found.iter().take(ROWS_MAX) {
        rows.push(rows::row(app, viewer, view, request).await);
    }
    let shell = viewer.shell(app, Nav::Reviews, "Reviews").await;
    Ok(page(&ListPage {
        shell,
        tab,
        count,
        rows,
        zone: view.zone_words(),
        is_cut: found.len() > ROWS_MAX,
    }))
}
