//! Alerts page: rules, their state, their rows, and muting. `hallpass-access` authorizes.

use askama::Template;
use axum::{
    Router,
    extract::{Query, State},
    http::StatusCode,
    routing::get,
};
use hallpass_access::{AccessError, ActionRefused, Muting};
use hallpass_alerts::{AlertRow, AlertRowKey, AlertRuleId, AlertState, RowPhase, RulePhase};
use hallpass_base::TimeSpan;
use hallpass_channels::wording::alert::{blocked_by, row_key, row_text};
use hallpass_channels::wording::dialogs;
use serde::Deserialize;

use super::forbidden;
use super::people::{count_of, counted, shown_of};
use super::presenter::Presenter;
use super::press::{MoreField, Tone, WordsForm, missing, show as show_form};
use super::shell::{Nav, PageResult, Posted, Shell, Viewer, page, see_other, url_encoded};
use super::words::{Badge, capital, plain, sentence};
use crate::{App, alerts, problem::ProblemResponse};

const ROWS: usize = 100;
const LENGTHS: [(&str, &str); 4] = [
    ("1d", "One day"),
    ("7d", "7 days"),
    ("30d", "30 days"),
    ("90d", "90 days"),
];

pub(crate) fn router() -> Router<App> {
    Router::new()
        .route("/alerts", get(show))
        .route("/alerts/rule", get(show_rule))
        .route("/alerts/mute", get(mute_page).post(mute))
        .route("/alerts/unmute", get(unmute_page).post(unmute))
}

struct RuleView {
    name: String,
    href: String,
    badge: Badge,
    severity: String,
    active: String,
    muted: String,
    asked: String,
    snapshot: String,
    why: String,
}

#[derive(Template)]
#[template(path = "alerts.html")]
struct AlertsPage {
    shell: Shell,
    rules: Vec<RuleView>,
    intro: String,
    zone: String,
}

struct RowView {
    said: String,
    key: String,
    badge: Badge,
    since: String,
    came_back: String,
    muted: String,
    press: String,
    is_muted: bool,
}

#[derive(Template)]
#[template(path = "alert_rule.html")]
struct RulePage {
    shell: Shell,
    rule: RuleView,
    key: String,
    rows: Vec<RowView>,
    shown: String,
    other: (String, &'static str),
    older: Option<String>,
    zone: String,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Pressed {
    Muted,
    Unmuted,
}

/// Query parameters, all optional: permission is checked before a missing rule or row is reported.
#[derive(Default, Deserialize)]
#[serde(default)]
struct AlertsQuery {
    id: String,
    all: bool,
    after: usize,
    said: Option<Pressed>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct AlertRowQuery {
    rule: String,
    key: String,
}

#[derive(Deserialize)]
struct MuteWords {
    #[serde(default)]
    reason: String,
    #[serde(default)]
    lasts: String,
}

async fn not_for(app: &App, viewer: &Viewer) -> PageResult {
    Ok(forbidden::page_for(app, viewer, "administrators, auditors and operators").await)
}

fn address(rule: &AlertRuleId) -> String {
    format!("/alerts/rule?id={}", url_encoded(rule.as_str()))
}

fn press_of(what: &str, rule: &AlertRuleId, key: &AlertRowKey) -> String {
    let (rule, key) = (url_encoded(rule.as_str()), url_encoded(key.as_str()));
    format!("/alerts/{what}?rule={rule}&key={key}")
}

fn rule_view(view: &Presenter, state: &AlertState) -> RuleView {
    let (word, look, why) = match &state.phase {
        RulePhase::Running => ("Runs", "active", String::new()),
        RulePhase::Blocked { since, why, .. } => {
            let why = plain(&blocked_by(why));
            let words = format!("It has not run since {}: {why}", view.words(*since));
            ("Blocked", "failed", sentence(&words))
        }
        RulePhase::Retired { at } => {
            let words = format!("In no file since {}.", view.words(*at));
            ("Retired", "ended", words)
        }
    };
    let muted = alerts::muted(state, view.now);
    RuleView {
        name: state.rule.to_string(),
        href: address(&state.rule),
        badge: Badge { word, look },
        severity: capital(state.severity.name()),
        active: match state.active() {
            0 => "nothing".to_owned(),
            some => count_of(some, "row", "rows"),
        },
        muted: match muted {
            0 => String::new(),
            some => format!("{} muted", counted(some as u64)),
        },
        asked: view.words(state.asked_at),
        snapshot: state.snapshot.as_deref().map(plain).unwrap_or_default(),
        why,
    }
}

fn row_view(
    view: &Presenter,
    state: &AlertState,
    may_mute: bool,
    (key, row): (&AlertRowKey, &AlertRow),
) -> RowView {
    let (word, look) = match row.phase {
        RowPhase::New { .. } => ("Seen", "pending"),
        RowPhase::Active { .. } => ("Stands", "failed"),
        RowPhase::Recovered { .. } => ("Recovered", "active"),
        RowPhase::Retired { .. } => ("Retired", "ended"),
    };
    let mute = state.mute_of(key, view.now);
    RowView {
        said: plain(&row_text(&row.values, None)),
        key: plain(&row_key(key)),
        badge: Badge { word, look },
        since: view.words(alerts::since(row)),
        came_back: match row.flap_count {
            0 => String::new(),
            times => format!("came back {}", count_of(times as usize, "time", "times")),
        },
        muted: mute.map_or_else(String::new, |mute| {
            let (until, by) = (view.words(mute.until), plain(&mute.by));
            format!("until {until}, by {by}: {}", plain(&mute.reason))
        }),
        press: if may_mute {
            let what = if mute.is_some() { "unmute" } else { "mute" };
            press_of(what, &state.rule, key)
        } else {
            String::new()
        },
        is_muted: mute.is_some(),
    }
}

async fn show(State(app): State<App>, viewer: Viewer) -> PageResult {
    if !app.access.sees_alerts(&viewer.actor) {
        return not_for(&app, &viewer).await;
    }
    let mut states = app.access.alerts(&viewer.actor).await?;
    // failing rules first, then those with most rows
    states.sort_by_key(|state| {
        let rank = match state.phase {
            RulePhase::Blocked { .. } => 0,
            RulePhase::Running => 1,
            RulePhase::Retired { .. } => 2,
        };
        let stands = state.active() > 0;
        (
            rank,
            !stands,
            std::cmp::Reverse(state.severity),
            state.rule.clone(),
        )
    });
    let view = Presenter::new(&app, &viewer);
    let standing: usize = states.iter().map(AlertState::active).sum();
    let blocked = states.iter();
    let blocked = blocked.filter(|it| matches!(it.phase, RulePhase::Blocked { .. }));
    let intro = format!(
        "{}; {} found. {}",
        count_of(states.len(), "rule", "rules"),
        count_of(standing, "row", "rows"),
        match blocked.count() {
            0 => "Every rule runs.".to_owned(),
            some => format!(
                "{} blocked: nothing counts as recovered there.",
                counted(some as u64)
            ),
        }
    );
    Ok(page(&AlertsPage {
        shell: viewer.shell(&app, Nav::Alerts, "Alerts").await,
        rules: states.iter().map(|it| rule_view(&view, it)).collect(),
        intro,
        zone: view.zone_words(),
    }))
}

async fn find(
    app: &App,
    viewer: &Viewer,
    rule: &str,
) -> Result<Option<AlertState>, ProblemResponse> {
    let Ok(rule) = rule.parse::<AlertRuleId>() else {
        return Ok(None);
    };
    match app.access.alert(&viewer.actor, &rule).await {
        Ok(state) => Ok(Some(state)),
        Err(AccessError::NotFound(_)) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

async fn show_rule(
    State(app): State<App>,
    viewer: Viewer,
    Query(looking): Query<AlertsQuery>,
) -> PageResult {
    if !app.access.sees_alerts(&viewer.actor) {
        return not_for(&app, &viewer).await;
    }
    let Some(state) = find(&app, &viewer, &looking.id).await? else {
        return missing(&app, &viewer).await;
    };
    let view = Presenter::new(&app, &viewer);
    let may_mute = app.access.may_mute_alerts(&viewer.actor);
    let stands =
        |row: &AlertRow| matches!(row.phase, RowPhase::New { .. } | RowPhase::Active { .. });
    let wanted = state
        .rows
        .iter()
        .filter(|(_, row)| looking.all || stands(row));
    let found = wanted.clone().count();
    let rows = wanted.skip(looking.after).take(ROWS);
    let rows: Vec<RowView> = rows
        .map(|row| row_view(&view, &state, may_mute, row))
        .collect();
    let path = address(&state.rule);
    let next = looking.after + rows.len();
    let all = if looking.all { "&all=true" } else { "" };
    let mut shell = viewer
        .shell(&app, Nav::Alerts, state.rule.to_string())
        .await;
    shell.said = looking.said.map(|pressed| {
        let words = match pressed {
            Pressed::Muted => "That row is muted for a while.",
            Pressed::Unmuted => "That row is reported again.",
        };
        words.into()
    });
    Ok(page(&RulePage {
        shell,
        rule: rule_view(&view, &state),
        key: plain(&state.key.join(", ")),
        shown: shown_of(rows.len(), found, ("row", "rows"))
            .unwrap_or_else(|| "No rows.".to_owned()),
        rows,
        other: if looking.all {
            (path.clone(), "Only open rows")
        } else {
            (format!("{path}&all=true"), "Also closed rows")
        },
        older: (next < found).then(|| format!("{path}{all}&after={next}")),
        zone: view.zone_words(),
    }))
}

fn form_of_row(state: &AlertState, form: &MuteWords) -> WordsForm {
    WordsForm {
        label: "Why?".to_owned(),
        name: "reason",
        fewest: 1,
        value: form.reason.clone(),
        hint: dialogs::KEPT_WITH_NAME.to_owned(),
        tone: Tone::Calm,
        cancel: "Go back",
        back: address(&state.rule),
        ..WordsForm::default()
    }
}

fn muting(state: &AlertState, key: &AlertRowKey, form: &MuteWords) -> WordsForm {
    let options = LENGTHS.map(|(value, words)| (value.to_owned(), words.to_owned()));
    WordsForm {
        id: "mute".to_owned(),
        action: press_of("mute", &state.rule, key),
        heading: "Mute this row?".to_owned(),
        lead: format!(
            "{}: {}. It is not reported meanwhile, and stays in lists with your name and reason. If it still exists \
             then, it is reported.",
            state.rule,
            plain(&row_key(key))
        ),
        more: Some(MoreField {
            label: "For how long",
            name: "lasts",
            options: options.to_vec(),
            value: if form.lasts.is_empty() {
                "7d".to_owned()
            } else {
                form.lasts.clone()
            },
            ..MoreField::default()
        }),
        submit: "Mute",
        ..form_of_row(state, form)
    }
}

fn unmuting(state: &AlertState, key: &AlertRowKey, form: &MuteWords) -> WordsForm {
    WordsForm {
        id: "unmute".to_owned(),
        action: press_of("unmute", &state.rule, key),
        heading: "Unmute this row?".to_owned(),
        lead: format!(
            "{}: {}. If it still exists, the next run reports it.",
            state.rule,
            plain(&row_key(key))
        ),
        submit: "Unmute",
        ..form_of_row(state, form)
    }
}

type FormOf = fn(&AlertState, &AlertRowKey, &MuteWords) -> WordsForm;

async fn form_page(app: &App, viewer: &Viewer, of: &AlertRowQuery, form: FormOf) -> PageResult {
    if !app.access.sees_alerts(&viewer.actor) {
        return not_for(app, viewer).await;
    }
    let (found, key) = (
        find(app, viewer, &of.rule).await?,
        AlertRowKey::given(&of.key),
    );
    let Some(state) = found.filter(|state| state.rows.contains_key(&key)) else {
        return missing(app, viewer).await;
    };
    if !app.access.may_mute_alerts(&viewer.actor) {
        return Ok(forbidden::page_for(app, viewer, "administrators and operators").await);
    }
    let nothing = MuteWords {
        reason: String::new(),
        lasts: String::new(),
    };
    show_form(app, viewer, form(&state, &key, &nothing), StatusCode::OK).await
}

async fn mute_page(
    State(app): State<App>,
    viewer: Viewer,
    Query(of): Query<AlertRowQuery>,
) -> PageResult {
    form_page(&app, &viewer, &of, muting).await
}

async fn unmute_page(
    State(app): State<App>,
    viewer: Viewer,
    Query(of): Query<AlertRowQuery>,
) -> PageResult {
    form_page(&app, &viewer, &of, unmuting).await
}

async fn pressed(
    app: &App,
    viewer: &Viewer,
    of: &AlertRowQuery,
    words: &MuteWords,
    outcome: Result<AlertState, AccessError>,
    form: FormOf,
    said: &str,
) -> PageResult {
    let why = match outcome {
        Ok(state) => {
            let page = address(&state.rule);
            return Ok(see_other(&format!("{page}&said={said}")));
        }
        Err(AccessError::NotFound(_)) => return missing(app, viewer).await,
        Err(AccessError::Refused(why)) => why,
        Err(error) => return Err(error.into()),
    };
    if !app.access.may_mute_alerts(&viewer.actor) {
        return Ok(forbidden::page_for(app, viewer, "administrators and operators").await);
    }
    let Some(state) = find(app, viewer, &of.rule).await? else {
        return missing(app, viewer).await;
    };
    let mut form = form(&state, &AlertRowKey::given(&of.key), words);
    let status = if why == ActionRefused::ReasonMissing {
        dialogs::REASON_MISSING.clone_into(&mut form.error);
        StatusCode::UNPROCESSABLE_ENTITY
    } else {
        form.refused = Some(sentence(&why.to_string()));
        ProblemResponse::from(why).status()
    };
    show_form(app, viewer, form, status).await
}

async fn mute(
    State(app): State<App>,
    of: Query<AlertRowQuery>,
    posted: Posted<MuteWords>,
) -> PageResult {
    let Posted { viewer, form } = posted;
    let Ok(rule) = of.rule.parse::<AlertRuleId>() else {
        return missing(&app, &viewer).await;
    };
    let is_known = LENGTHS.iter().any(|(value, _)| *value == form.lasts);
    let lasts = form.lasts.parse::<TimeSpan>().ok().filter(|_| is_known);
    let Some(lasts) = lasts else {
        let words = format!(
            "`lasts` is `{}`, which is not one of the lengths",
            plain(&form.lasts)
        );
        return Err(ProblemResponse::bad("bad-form", words));
    };
    let muting_of = Muting {
        key: &AlertRowKey::given(&of.key),
        until: lasts.after(app.clock.now()),
        reason: &form.reason,
    };
    let outcome = app.access.mute_alert(&viewer.actor, &rule, muting_of).await;
    pressed(&app, &viewer, &of.0, &form, outcome, muting, "muted").await
}

async fn unmute(
    State(app): State<App>,
    of: Query<AlertRowQuery>,
    posted: Posted<MuteWords>,
) -> PageResult {
    let Posted { viewer, form } = posted;
    let Ok(rule) = of.rule.parse::<AlertRuleId>() else {
        return missing(&app, &viewer).await;
    };
    let (key, reason) = (AlertRowKey::given(&of.key), form.reason.as_str());
    let outcome = app
        .access
        .unmute_alert(&viewer.actor, &rule, &key, reason)
        .await;
    pressed(&app, &viewer, &of.0, &form, outcome, unmuting, "unmuted").await
}
