use std::collections::{HashMap, HashSet};

use askama::Template;
use axum::{
    Router,
    extract::{Query, State},
    routing::get,
};
use hallpass_access::{
    CampaignView, Grant, GrantFilter, GrantPresses, GrantState, GrantStateKind, InLine, Request,
    RequestFilter, RequestState, RequestStateKind, RequestVerdict, RequestView, by_rules,
};
use hallpass_base::{HoldKey, RequestId, Target, TimeSpan};
use hallpass_channels::wording::{
    asking,
    grants::{self, STAYS, YOUR_CREDENTIALS},
    health,
};

use super::{
    flash::FlashQuery,
    people::count_of,
    presenter::{At, Coded, Presenter, Ring, TargetView},
    rows::{self, RequestRow},
    shell::{Nav, PageResult, Shell, Viewer, page},
    words::{Badge, grant_badge, plain},
};
use crate::{App, convert, problem::ProblemResponse};

const PASSES_MAX: usize = 100;
const ROWS: usize = 6;
/// Requests read to find frequent targets.
const LOOKED_AT: usize = 200;
/// How long a failure is listed.
const FAILED_SHOWN: TimeSpan = TimeSpan::hours(1);

#[derive(Template)]
#[template(path = "home.html")]
struct HomePage {
    shell: Shell,
    summary: String,
    zone: String,
    passes: Vec<Pass>,
    rows: Vec<RequestRow>,
    again: Vec<Again>,
    to_answer: Option<String>,
    lines_waiting: Vec<(String, String)>,
    region_lost: Option<String>,
    standing: Vec<TargetView>,
}

pub(crate) struct Pass {
    pub(crate) id: String,
    pub(crate) request: String,
    pub(crate) aim: TargetView,
    pub(crate) badge: Badge,
    pub(crate) kind: PassKind,
    pub(crate) reason: String,
    pub(crate) approved: String,
    pub(crate) stays: bool,
    extending: Option<Coded>,
    can_extend: bool,
    can_release: bool,
    pub(crate) credentials: Option<String>,
    pub(crate) console: Option<String>,
    pub(crate) cli: Option<String>,
}

pub(crate) enum PassKind {
    Live {
        ring: Ring,
        ends: At,
    },
    Waiting {
        elapsed: u64,
        shown: String,
        queue: String,
    },
    Ending {
        since: At,
        words: Coded,
    },
    Failed {
        words: Coded,
    },
}

struct Again {
    aim: TargetView,
    words: String,
}

pub(crate) fn router() -> Router<App> {
    Router::new().route("/", get(home))
}

async fn home(
    State(app): State<App>,
    Query(after): Query<FlashQuery>,
    viewer: Viewer,
) -> PageResult {
    let view = Presenter::new(&app, &viewer);
    let grants = my_grants(&app, &viewer, &view).await?;
    let view = view.seeing_armed_ends(&app, &grants).await?;
    let of_mine = async |state| {
        let filter = RequestFilter {
            state,
            ..RequestFilter::default()
        };
        let found = app
            .access
            .requests(&viewer.actor, RequestView::Mine, &filter, LOOKED_AT);
        found.await.map(|found| found.rows)
    };
    let mine = of_mine(None).await?;
    let waiting = of_mine(Some(RequestStateKind::Pending)).await?;
    let reasons: HashMap<RequestId, &Request> = mine.iter().map(|r| (r.id, r)).collect();
    let places = app.access.in_line(&grants).await;
    let offers = app.access.grant_offers(&viewer.actor).await?;
    let passes: Vec<Pass> = grants
        .iter()
        .zip(places)
        .map(|(grant, place)| {
            let request = reasons.get(&grant.request).copied();
            pass(&app, &view, grant, &offers.on(grant), request, place)
        })
        .collect();
    let mut rows = Vec::new();
    for request in worth_a_row(&waiting, &mine) {
        rows.push(rows::row(&app, &viewer, &view, request).await);
    }
    let standing = standing(&app, &viewer, &view, &grants).await?;
    let mut shell = viewer.shell(&app, Nav::Home, "Your access").await;
    shell.said = after.toast(&app, &viewer, &view).await;
    let to_answer = match shell.reviews.as_str() {
        "" => None,
        "1" => Some("1 request waits for your answer.".to_owned()),
        count => Some(format!("{count} requests wait for your answer.")),
    };
    Ok(page(&HomePage {
        summary: summary(&grants),
        zone: view.zone_words(),
        passes,
        rows,
        again: again(&app, &view, &grants, &mine),
        to_answer,
        lines_waiting: lines_waiting(&app, &viewer, &view).await?,
        region_lost: view
            .region_lost()
            .map(|since| health::nothing_is_given_or_removed(&since)),
        standing,
        shell,
    }))
}

/// Words and address of each access review that waits for the viewer.
async fn lines_waiting(
    app: &App,
    viewer: &Viewer,
    view: &Presenter,
) -> Result<Vec<(String, String)>, ProblemResponse> {
    let waiting = app.access.lines_waiting(&viewer.actor).await?;
    let line = |it: &CampaignView| {
        let lines = usize::try_from(it.waiting()).unwrap_or(usize::MAX);
        let lines = count_of(lines, "line", "lines");
        let (name, due) = (plain(&it.campaign.name), view.words(it.campaign.due_at));
        let words = format!("{lines} of the access review {name} wait for you, due {due}.");
        (words, format!("/campaigns/{}", it.campaign.id))
    };
    Ok(waiting.iter().map(line).collect())
}

async fn standing(
    app: &App,
    viewer: &Viewer,
    view: &Presenter,
    grants: &[Grant],
) -> Result<Vec<TargetView>, ProblemResponse> {
    let Some(user) = &viewer.actor.user else {
        return Ok(Vec::new());
    };
    let stands = app.access.stands_known(user).await?;
    let passes: HashSet<&Target> = grants.iter().map(|grant| &grant.key.target).collect();
    let named = stands.keys().filter(|target| !passes.contains(target));
    Ok(named
        .map(|target| view.aim(Some(target), &app.access.names_of_target(target)))
        .collect())
}

fn is_worth_a_row(request: &Request) -> bool {
    !matches!(&request.state, RequestState::Rejected { code, .. } if code == "invalid")
}

fn worth_a_row<'a>(waiting: &'a [Request], mine: &'a [Request]) -> Vec<&'a Request> {
    let is_other = |request: &&Request| {
        !matches!(request.state, RequestState::Pending) && is_worth_a_row(request)
    };
    let room = ROWS.saturating_sub(waiting.len());
    let others = mine.iter().filter(is_other).take(room);
    waiting.iter().chain(others).collect()
}

async fn my_grants(
    app: &App,
    viewer: &Viewer,
    view: &Presenter,
) -> Result<Vec<Grant>, ProblemResponse> {
    let Some(user) = viewer.actor.user.clone() else {
        return Ok(Vec::new());
    };
    let filter = GrantFilter {
        states: [&GrantStateKind::LIVE[..], &[GrantStateKind::Failed]].concat(),
        holder: Some(user),
        ..GrantFilter::default()
    };
    let mut found = app
        .access
        .grants(&viewer.actor, &filter, PASSES_MAX)
        .await?
        .rows;
    found.retain(|grant| match grant.state {
        GrantState::Failed { at, .. } => FAILED_SHOWN.after(at) > view.now,
        _ => true,
    });
    found.sort_by_key(|grant| {
        let place = match grant.state {
            GrantState::Ending { .. } | GrantState::Active => 0,
            GrantState::Granting => 1,
            GrantState::Scheduled => 2,
            GrantState::Failed { .. } | GrantState::Ended { .. } => 3,
        };
        (place, grant.ends_at)
    });
    Ok(found)
}

fn summary(grants: &[Grant]) -> String {
    let count = |wanted: fn(&GrantState) -> bool| {
        let n = grants.iter().filter(|grant| wanted(&grant.state)).count();
        (n > 0).then_some(n)
    };
    let live = count(|state| matches!(state, GrantState::Active)).map(|n| format!("{n} live"));
    let making = count(|state| matches!(state, GrantState::Scheduled | GrantState::Granting))
        .map(|n| format!("{n} being set up"));
    let ending =
        count(|state| matches!(state, GrantState::Ending { .. })).map(|n| format!("{n} ending"));
    let parts: Vec<String> = live.into_iter().chain(making).chain(ending).collect();
    if parts.is_empty() {
        return "Nothing is live.".to_owned();
    }
    format!("{}.", parts.join(", "))
}

pub(crate) fn pass(
    app: &App,
    view: &Presenter,
    grant: &Grant,
    presses: &GrantPresses,
    request: Option<&Request>,
    place: Option<InLine>,
) -> Pass {
    let aim = view.aim(Some(&grant.key.target), &grant.names);
    let ways_in = convert::grant(grant, &app.identity);
    let left = view.left(grant.ends_at);
    let is_live = matches!(grant.state, GrantState::Active | GrantState::Ending { .. });
    let is_due = left.is_zero() || !matches!(grant.state, GrantState::Active);
    let end = match grant.state {
        GrantState::Ending { since, .. } => since,
        _ => grant.ends_at,
    };
    let reason = request.map_or(grant.reason.as_str(), |request| request.reason.as_str());
    Pass {
        id: grant.id.to_string(),
        request: format!("/requests/{}", grant.request),
        badge: grant_badge(grant, left),
        kind: pass_kind(view, grant, place),
        reason: plain(reason),
        approved: approved(view, grant),
        stays: grant.standing,
        extending: view.extending(grant),
        can_extend: presses.extend.is_ok(),
        can_release: presses.release.is_ok(),
        credentials: (is_live && !grant.standing && !view.stops_sessions(grant))
            .then(|| view.credentials_after(grant, end))
            .and_then(|after| grants::credentials_after(YOUR_CREDENTIALS, after, view)),
        console: ways_in.console_url.filter(|_| !is_due),
        cli: ways_in.cli_profile.filter(|_| !is_due),
        aim,
    }
}

fn pass_kind(view: &Presenter, grant: &Grant, place: Option<InLine>) -> PassKind {
    match &grant.state {
        GrantState::Scheduled | GrantState::Granting => {
            let elapsed = view.since(grant.scheduled_at).as_seconds();
            PassKind::Waiting {
                elapsed,
                shown: format!("{}:{:02}", elapsed / 60, elapsed % 60),
                queue: view.wait(place),
            }
        }
        GrantState::Active => PassKind::Live {
            ring: Ring::of(grant, view.now),
            ends: view.at_zone(grant.ends_at),
        },
        GrantState::Ending { cause, since } => PassKind::Ending {
            since: view.at_zone(*since),
            words: Coded(match &grant.stuck {
                Some(stuck) => grants::not_deleted(&stuck.reason, view),
                None => rows::why_it_ends(view, grant, cause),
            }),
        },
        GrantState::Ended { cause, at, .. } => PassKind::Ending {
            since: view.at_zone(*at),
            words: Coded(rows::why_it_ends(view, grant, cause)),
        },
        GrantState::Failed { error, .. } => PassKind::Failed {
            words: Coded(grants::not_created(error, view)),
        },
    }
}

pub(crate) fn approved(view: &Presenter, grant: &Grant) -> String {
    grants::approved_by(grant, |email| view.named(email))
}

fn waits(view: &Presenter, request: &Request) -> bool {
    request.is_waiting(view.now)
}

fn again(app: &App, view: &Presenter, grants: &[Grant], mine: &[Request]) -> Vec<Again> {
    let mut counts: HashMap<String, (usize, &Request)> = HashMap::new();
    let now: Vec<&HoldKey> = grants
        .iter()
        .filter(|grant| grant.is_hold())
        .map(|grant| &grant.key)
        .chain(
            mine.iter()
                .filter(|r| waits(view, r))
                .filter_map(|r| r.key.as_ref()),
        )
        .collect();
    for request in mine {
        if let Some(key) = &request.key
            && !now.contains(&key)
            && is_worth_a_row(request)
            && request.extends.is_none()
        {
            counts.entry(key.to_string()).or_insert((0, request)).0 += 1;
        }
    }
    let mut most: Vec<(usize, &Request)> = counts.into_values().collect();
    most.sort_by(|(a, x), (b, y)| b.cmp(a).then_with(|| y.id.cmp(&x.id)));
    let offered = most.into_iter().filter_map(|(times, request)| {
        let question = request.question()?;
        let decision = app.access.decide(request.requester.principal(), &question);
        if by_rules(&decision) == Ok(RequestVerdict::BreakGlassOnly) {
            return None;
        }
        let how = asking::verdict_of(&decision)?;
        let seconds = request.duration.as_seconds().to_string();
        let mut aim = view.aim_of(request);
        aim.ask = format!("{}&for={seconds}", aim.ask);
        let times = match times {
            1 => "requested once".to_owned(),
            n => format!("requested {n} times"),
        };
        Some(Again {
            aim,
            words: format!("{} · {how} · {times}", request.duration),
        })
    });
    offered.take(3).collect()
}
