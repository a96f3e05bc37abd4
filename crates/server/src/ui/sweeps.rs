//! Sweeps page: results, plans and confirmation.

use askama::Template;
use axum::{
    Router,
    extract::{Query, State},
    response::IntoResponse,
    routing::{get, post},
};
use hallpass_access::{
    AccessError, EntitledPrincipal, EntitlementReport, Fate, ItemChange, RemovalLimit, Role, Sweep,
    SweepAction, SweepItem, SweepMode, SweepReport, SweepState, SweepWork,
};
use hallpass_base::{SweepId, Target};
use hallpass_channels::wording::{standing, sweeps::work};
use serde::Deserialize;

use super::people::{self, Face, count_of, counted};
use super::presenter::{At, Presenter};
use super::press::missing;
use super::shell::{Nav, PageResult, Posted, Shell, Viewer, page, see_other, url_encoded};
use super::sweep_words::{badge, lead, state_words, why};
use super::words::{Badge, capital, lasting, plain, sentence};
use super::{forbidden, sign_in_again};
use crate::{App, body::Path, problem::ProblemResponse};

const RUNS: u32 = 30;
const ROWS: usize = 200;

pub(crate) fn router() -> Router<App> {
    Router::new()
        .route("/sweeps", get(list).post(begin))
        .route("/sweeps/{id}", get(one))
        .route("/sweeps/{id}/confirm", post(confirm))
}

struct Run {
    href: String,
    begun: At,
    why: String,
    badge: Badge,
    seen: String,
    unknown: String,
    unread: String,
    words: String,
}

#[derive(Template)]
#[template(path = "sweeps.html")]
struct ListPage {
    shell: Shell,
    mode: String,
    next: String,
    is_off: bool,
    can_begin: bool,
    runs: Vec<Run>,
}

struct ConfirmPlan {
    heading: String,
    submit: String,
    beyond: Option<String>,
    refused: Option<String>,
}

struct SweepFindingRow {
    face: Face,
    target: String,
    kind: &'static str,
    is_unknown: bool,
    change: &'static str,
    fate: String,
    is_bad: bool,
    seen: At,
    acts: Vec<(&'static str, String)>,
}

#[derive(Template)]
#[template(path = "sweep.html")]
struct OnePage {
    shell: Shell,
    id: String,
    badge: Badge,
    lead: String,
    plan: Option<ConfirmPlan>,
    facts: Vec<(&'static str, String)>,
    unread: Vec<String>,
    unread_count: String,
    left_out: Vec<String>,
    entitlements: Option<EntitlementRows>,
    gone: Vec<String>,
    findings: Vec<SweepFindingRow>,
    more: Option<String>,
    here: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Passed {
    skip: usize,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Confirming {
    beyond: String,
}

#[derive(Debug, Default, Deserialize)]
struct Nothing {}

pub(super) async fn waiting(
    app: &App,
    viewer: &Viewer,
) -> Result<Option<(String, String)>, ProblemResponse> {
    let runs = app.access.sweeps(&viewer.actor, None, RUNS).await?;
    let Some(run) = runs.into_iter().find(waits) else {
        return Ok(None);
    };
    let (run, items) = app.access.sweep(&viewer.actor, run.id).await?;
    Ok(Some((would(&items), format!("/sweeps/{}", run.id))))
}

fn would(items: &[SweepItem]) -> String {
    let nothing = match action(items) {
        Some(SweepAction::Adopt { .. }) => "Nothing has been changed.",
        Some(SweepAction::Remove) | None => "Nothing has been removed.",
    };
    let plan = work(&SweepWork::of(items));
    format!("This run would {plan}. {nothing}")
}

fn action(items: &[SweepItem]) -> Option<SweepAction> {
    items.iter().find_map(|item| match item.fate {
        Fate::Planned { action } => Some(action),
        _ => None,
    })
}

async fn list(State(app): State<App>, viewer: Viewer) -> PageResult {
    if !viewer.actor.reads_all() {
        let page = forbidden::page_for(&app, &viewer, "auditors").await;
        return Ok(page.into_response());
    }
    let view = Presenter::new(&app, &viewer);
    let runs = app.access.sweeps(&viewer.actor, None, RUNS).await?;
    let mode = app.access.settings().sweep.mode;
    let next = app.access.next_sweep().await?;
    let next = next.map(|(at, trigger)| {
        let what = if trigger.acts() { "sweep" } else { "check" };
        format!("The next {what} is due {}.", view.words(at))
    });
    Ok(page(&ListPage {
        mode: sentence(&standing::mode(mode)),
        next: next.unwrap_or_default(),
        is_off: mode == SweepMode::Off,
        can_begin: viewer.actor.is(Role::Admin) && mode != SweepMode::Off,
        runs: runs.iter().map(|run| run_row(&view, run)).collect(),
        shell: viewer.shell(&app, Nav::Access, "Sweeps").await,
    }))
}

fn run_row(view: &Presenter, run: &Sweep) -> Run {
    let count = |of: fn(&SweepReport) -> u64| {
        run.report
            .as_ref()
            .map_or_else(|| "–".to_owned(), |report| counted(of(report)))
    };
    Run {
        href: format!("/sweeps/{}", run.id),
        begun: view.at(run.begun_at),
        why: why(view, run),
        badge: badge(&run.state),
        seen: count(|report| report.seen),
        unknown: count(|report| report.unknown + report.preexisting),
        unread: count(|report| report.unread),
        words: state_words(view, run),
    }
}

async fn begin(State(app): State<App>, Posted { viewer, form: _ }: Posted<Nothing>) -> PageResult {
    match app.access.want_sweep(&viewer.actor).await {
        Ok(run) => Ok(see_other(&format!("/sweeps/{}", run.id))),
        Err(AccessError::NotFound(_)) => missing(&app, &viewer).await,
        Err(error) => Err(error.into()),
    }
}

async fn one(
    State(app): State<App>,
    Path(id): Path<String>,
    Query(passed): Query<Passed>,
    viewer: Viewer,
) -> PageResult {
    match found(&app, &viewer, &id).await? {
        Some((run, items)) => show(&app, &viewer, &run, &items, passed.skip, None).await,
        None => missing(&app, &viewer).await,
    }
}

async fn found(
    app: &App,
    viewer: &Viewer,
    id: &str,
) -> Result<Option<(Sweep, Vec<SweepItem>)>, ProblemResponse> {
    let Ok(id) = id.parse::<SweepId>() else {
        return Ok(None);
    };
    match app.access.sweep(&viewer.actor, id).await {
        Ok(found) => Ok(Some(found)),
        Err(AccessError::NotFound(_)) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

async fn confirm(
    State(app): State<App>,
    Path(id): Path<String>,
    Posted { viewer, form }: Posted<Confirming>,
) -> PageResult {
    let Some((run, items)) = found(&app, &viewer, &id).await? else {
        return missing(&app, &viewer).await;
    };
    let limits = if form.beyond.is_empty() {
        RemovalLimit::Keep
    } else {
        RemovalLimit::Exceed
    };
    let confirmed = app.access.confirm_sweep(&viewer.actor, run.id, limits);
    match confirmed.await {
        Ok(run) => Ok(see_other(&format!("/sweeps/{}", run.id))),
        Err(AccessError::Refused(why)) => {
            if let Some(way) = sign_in_again::for_press(&why, &format!("/sweeps/{id}")) {
                return Ok(way);
            }
            let words = sentence(&why.to_string());
            show(&app, &viewer, &run, &items, 0, Some(words)).await
        }
        Err(error) => Err(error.into()),
    }
}

async fn show(
    app: &App,
    viewer: &Viewer,
    run: &Sweep,
    items: &[SweepItem],
    skip: usize,
    refused: Option<String>,
) -> PageResult {
    let view = Presenter::new(app, viewer);
    let title = format!("Sweep of {}", view.words(run.begun_at));
    let mut rows: Vec<&SweepItem> = items.iter().collect();
    rows.sort_by_key(|item| (rank(item), &item.key));
    let here = format!("/sweeps/{}", run.id);
    let report = run.report.as_ref();
    let shown = skip.saturating_add(ROWS);
    let findings = rows
        .iter()
        .skip(skip)
        .take(ROWS)
        .map(|item| finding(app, viewer, &view, item, &here))
        .collect();
    let page_of = OnePage {
        id: run.id.to_string(),
        badge: badge(&run.state),
        lead: lead(&view, run),
        plan: plan(viewer, run, items, refused),
        facts: report
            .map(|report| facts(&view, run, report))
            .unwrap_or_default(),
        unread: report.map(unread).unwrap_or_default(),
        unread_count: report
            .map(|report| counted(report.unread))
            .unwrap_or_default(),
        left_out: report
            .map(|report| report.left_out.iter().map(standing::left_out).collect())
            .unwrap_or_default(),
        entitlements: report
            .and_then(|report| report.entitlements.as_ref())
            .map(entitlements),
        gone: report.map(gone).unwrap_or_default(),
        findings,
        more: (rows.len() > shown).then(|| format!("{here}?skip={shown}")),
        here,
        shell: viewer.shell(app, Nav::Access, title).await,
    };
    Ok(page(&page_of))
}

struct EntitlementRows {
    says: String,
    rows: Vec<EntitlementRow>,
}

struct EntitlementRow {
    holder: String,
    is_group: bool,
    account: String,
    role: String,
    role_arn: String,
    is_new: bool,
}

fn entitlements(report: &EntitlementReport) -> EntitlementRows {
    let rows = report.named.iter().take(ROWS).map(|it| EntitlementRow {
        holder: it.holder.clone(),
        is_group: matches!(it.entitlement.principal, EntitledPrincipal::Group(_)),
        account: it.account_name.clone(),
        role: it.entitlement.role_name().to_owned(),
        role_arn: it.entitlement.role.clone(),
        is_new: it.is_new,
    });
    EntitlementRows {
        says: standing::entitlements(report.of_people, report.of_groups),
        rows: rows.collect(),
    }
}

const fn rank(item: &SweepItem) -> u8 {
    match &item.fate {
        Fate::Stuck { .. } => 0,
        Fate::Planned { .. } => 1,
        Fate::Due { .. } | Fate::Removing { .. } => 2,
        Fate::Gone { .. } | Fate::Adopted { .. } | Fate::LeftAlone { .. } => 3,
        Fate::Reported | Fate::Waits { .. } | Fate::InHand { .. } => {
            match (item.kind.is_unaccepted(), &item.change) {
                (true, ItemChange::New | ItemChange::Changed) => 4,
                (true, ItemChange::Same) => 5,
                (false, _) => 6,
            }
        }
    }
}

fn plan(
    viewer: &Viewer,
    run: &Sweep,
    items: &[SweepItem],
    refused: Option<String>,
) -> Option<ConfirmPlan> {
    if !waits(run) {
        return refused.map(|refused| ConfirmPlan {
            heading: String::new(),
            submit: String::new(),
            beyond: None,
            refused: Some(refused),
        });
    }
    let count = items
        .iter()
        .filter(|item| matches!(item.fate, Fate::Planned { .. }))
        .count();
    let verb = match action(items) {
        Some(SweepAction::Adopt { .. }) => "Set the end of",
        Some(SweepAction::Remove) | None => "Remove",
    };
    Some(ConfirmPlan {
        heading: would(items),
        submit: if viewer.actor.is(Role::Admin) {
            match count {
                1 => format!("{verb} this one"),
                count => format!("{verb} these {}", counted(count as u64)),
            }
        } else {
            String::new()
        },
        beyond: match &run.state {
            SweepState::Stopped { brake, .. } => Some(capital(&brake.to_string())),
            _ => None,
        },
        refused,
    })
}

fn facts(view: &Presenter, run: &Sweep, report: &SweepReport) -> Vec<(&'static str, String)> {
    let took = hallpass_base::TimeSpan::between(report.began, report.ended);
    let mut facts = vec![
        (
            "Looked",
            format!("{}, for {}", view.words(report.began), lasting(took)),
        ),
        ("Why", why(view, run)),
        (
            "Read",
            format!(
                "{} of account and permission set, {}",
                counted_noun(report.pairs_read, "pair", "pairs"),
                counted_noun(report.groups_read, "group", "groups")
            ),
        ),
        (
            "Seen",
            format!(
                "{} of people, of which Hallpass gave {}; {} of groups, which are only counted",
                counted_noun(report.seen, "assignment", "assignments"),
                counted(report.ours),
                counted_noun(report.group_assignments, "assignment", "assignments")
            ),
        ),
        (
            "Unmanaged",
            format!(
                "{}, and {} that a grant found",
                counted(report.unknown),
                counted(report.preexisting)
            ),
        ),
        (
            "Standing",
            format!(
                "{} accepted ({} overdue), {} below a grant",
                counted(report.accepted),
                counted(report.reviews_overdue),
                counted(report.under_grant)
            ),
        ),
        (
            "Grants",
            format!(
                "{} checked, {} ended, {} against today’s rules, {} not readable",
                counted(report.drift.seen),
                counted(report.drift.fixed),
                counted(report.drift.against_rules.len() as u64),
                counted(report.drift.failed)
            ),
        ),
    ];
    if let Some(consent) = &run.consent {
        let who = capital(&view.named(&consent.by));
        facts.push(("Confirmed", format!("{who}, {}", view.words(consent.at))));
    }
    facts
}

fn counted_noun(count: u64, one: &str, many: &str) -> String {
    count_of(usize::try_from(count).unwrap_or(usize::MAX), one, many)
}

fn unread(report: &SweepReport) -> Vec<String> {
    report
        .unread_places
        .iter()
        .map(|unread| {
            let place = standing::unread_place(&unread.what);
            plain(&format!("{place}: {}", unread.error))
        })
        .collect()
}

fn gone(report: &SweepReport) -> Vec<String> {
    let named = report.gone_items.len() as u64;
    let lines = report.gone_items.iter();
    let mut lines: Vec<String> = lines
        .map(|gone| plain(&format!("{}: {}", gone.names, gone.holder)))
        .collect();
    if report.gone > named {
        lines.push(format!("and {} more", counted(report.gone - named)));
    }
    lines
}

fn finding(
    app: &App,
    viewer: &Viewer,
    view: &Presenter,
    item: &SweepItem,
    here: &str,
) -> SweepFindingRow {
    let email = item.holder.as_ref().map(|person| person.email.as_str());
    let is_unknown = item.kind.is_unaccepted();
    let can_act = viewer.actor.is(Role::Admin)
        && is_unknown
        && matches!(
            item.fate,
            Fate::Reported | Fate::Waits { .. } | Fate::Planned { .. }
        );
    let of = held_address(item);
    let act = |act: &str| format!("/standing/{act}?{of}&from={here}");
    let mut acts = Vec::new();
    if can_act {
        acts.push(("Accept…", act("accept")));
        if item.holder.is_some() {
            acts.push(("Set an end…", act("adopt")));
        }
    }
    let directory = app.access.directory();
    SweepFindingRow {
        face: Face::new(item.holder_name(), email.unwrap_or("not in the directory")),
        target: people::target_of(&directory, &item.key.target, &item.names),
        kind: standing::item_kind(&item.kind),
        is_unknown,
        change: match item.change {
            ItemChange::New => "new",
            ItemChange::Changed => "changed",
            ItemChange::Same => "",
        },
        fate: capital(&plain(&standing::fate(&item.fate, |at| view.words(at)))),
        is_bad: matches!(item.fate, Fate::Stuck { .. }),
        seen: view.at(item.seen_at),
        acts,
    }
}

pub(crate) const fn waits(sweep: &Sweep) -> bool {
    matches!(
        sweep.state,
        SweepState::Planned { .. } | SweepState::Stopped { .. }
    )
}

pub(crate) fn held_address(item: &SweepItem) -> String {
    let user = url_encoded(item.key.user.as_str());
    match &item.key.target {
        Target::Account { account, .. } => {
            let set = url_encoded(&people::held(&item.names));
            format!("user={user}&account={account}&permission_set={set}")
        }
        Target::Group { group } => format!("user={user}&group={}", url_encoded(group.as_str())),
    }
}
