//! Request page: state and history.

use askama::Template;
use axum::{
    Router,
    extract::{Query, State},
    routing::get,
};
use hallpass_access::{
    AccessError, ActionRefused, Grant, GrantPresses, GrantState, Past, Presses, Request,
    RequestState, ReviewedVersion,
};
use hallpass_base::{Email, TimeSpan};
use hallpass_channels::wording::{grants, refused::TriedPress, time::minutes_passed};

use super::{
    approve,
    batch::{self, Sibling},
    flash::{Flash, FlashQuery},
    grant_activity::{self, UsedGrant},
    home::{Pass, PassKind, pass},
    presenter::{At, Coded, PersonView, Presenter, Ring, TargetView},
    press::{self, WordsForm},
    refusals, reviews_card, revoke, rows,
    shell::{Nav, PageResult, Shell, Viewer, page},
    timeline::{self, TimelineEntry},
    words::{Badge, number, plain},
};
use crate::{App, api::records::may_read, body::Path, problem::ProblemResponse};

#[derive(Template)]
#[template(path = "request.html")]
struct RequestPage {
    shell: Shell,
    id: String,
    about: String,
    aim: TargetView,
    after_end: String,
    badge: Badge,
    who: PersonView,
    is_mine: bool,
    length: TimeSpan,
    starts: Option<At>,
    shortened: Option<String>,
    whole: Option<TimeSpan>,
    extends: Option<String>,
    together: Vec<Sibling>,
    notice: Coded,
    buttons: Buttons,
    pass: Option<Pass>,
    ring: Option<Ring>,
    ends: Option<(At, At)>,
    extending: Option<Coded>,
    stays: bool,
    entries: Vec<TimelineEntry>,
    reason: String,
    ticket: rows::TicketLink,
    changes: Vec<ExtensionChange>,
    activity: Option<UsedGrant>,
    record: Option<RawRecord>,
    approvers: Vec<(PersonView, &'static str)>,
    rules: Vec<String>,
    door: &'static str,
    secondary_domain: bool,
    history: Vec<(&'static str, String)>,
    used: Option<Coded>,
    glass: Option<Glass>,
    stop: Option<String>,
    zone: String,
}

#[derive(Default)]
struct Buttons {
    approve: Option<String>,
    with: Option<WordsForm>,
    seen: ReviewedVersion,
    deny: Option<WordsForm>,
    discard: bool,
    release: Option<String>,
    revoke: Option<WordsForm>,
    glass: Option<WordsForm>,
    close: Option<WordsForm>,
    why_not: Coded,
}

struct Glass {
    justification: String,
    words: Coded,
    found: String,
}

struct ExtensionChange {
    grant: String,
    before: String,
    after: String,
}

struct RawRecord {
    seq: String,
    event: String,
    text: String,
}

pub(crate) fn router() -> Router<App> {
    Router::new()
        .route("/requests/{id}", get(show))
        .merge(press::router())
        .merge(approve::router())
        .merge(revoke::router())
}

async fn show(
    State(app): State<App>,
    Path(id): Path<String>,
    Query(after): Query<FlashQuery>,
    viewer: Viewer,
) -> PageResult {
    let found = match id.parse() {
        Ok(id) => app.access.request(&viewer.actor, id).await,
        Err(_) => Err(AccessError::NotFound("request")),
    };
    let request = match found {
        Ok(request) => request,
        Err(AccessError::NotFound(_)) => return press::missing(&app, &viewer).await,
        Err(error) => return Err(error.into()),
    };
    let view = Presenter::new(&app, &viewer);
    assemble(&app, &viewer, &view, &request, &after).await
}

async fn assemble(
    app: &App,
    viewer: &Viewer,
    view: &Presenter,
    request: &Request,
    after: &FlashQuery,
) -> PageResult {
    let found = rows::with_grant(app, viewer, request).await;
    let grant = found.as_ref();
    let view = &view.clone().seeing_armed_ends(app, grant).await?;
    let only = grant.map(std::slice::from_ref).unwrap_or_default();
    let place = app.access.in_line(only).await.into_iter().flatten().next();
    let records = timeline::records(app, request, grant).await?;
    let presses = app.access.presses(&viewer.actor, request).await?;
    let offers = app.access.grant_offers(&viewer.actor).await?;
    let grant_presses = grant.map(|grant| offers.on(grant));
    let held = grant.zip(grant_presses.as_ref());
    let past = app.access.past(&viewer.actor, request).await?;
    let history = history(app, view, request, &past).await?;
    let (id, aim) = (request.id.to_string(), view.aim_of(request));
    let mut shell = viewer.shell(app, Nav::Elsewhere, aim.words()).await;
    shell.said = after.toast(app, viewer, view).await;
    let is_live = grant.filter(|it| !it.is_over());
    let is_active = is_live.filter(|grant| matches!(grant.state, GrantState::Active));
    Ok(page(&RequestPage {
        about: match grant {
            Some(grant) => format!("{id} {}", grant.id),
            None => id.clone(),
        },
        after_end: view.after_end(request, grant),
        badge: rows::badge(view, request, grant),
        who: Presenter::person(&request.requester.name, &request.requester.email),
        is_mine: view.is_me(&request.requester),
        length: request.duration,
        starts: request.start.as_ref().map(|start| view.at_zone(start.at)),
        shortened: grants::shortened(request, view),
        whole: grant.and_then(whole_length),
        extends: batch::extended(app, viewer, request).await,
        together: batch::siblings(app, viewer, view, request).await?,
        notice: notice(app, view, request, after, &presses),
        buttons: buttons(app, view, request, held, &presses),
        pass: held
            .filter(|(grant, _)| !grant.is_over())
            .map(|(grant, presses)| pass(app, view, grant, presses, Some(request), place)),
        ring: is_active.map(|grant| Ring::of(grant, view.now)),
        stays: is_active.is_some_and(|grant| grant.standing),
        ends: is_active.map(|grant| ends(view, grant)),
        extending: is_active.and_then(|grant| view.extending(grant)),
        entries: timeline::entries(app, viewer, view, request, grant, place, &records),
        reason: plain(&request.reason),
        ticket: rows::TicketLink::of(request),
        changes: changes(&records),
        activity: grant_activity::of(app, view, grant).await,
        record: newest(viewer, &records),
        approvers: approvers(view, request),
        rules: request.decided.based_on.clone(),
        door: request.origin.title(),
        secondary_domain: request.secondary_domain,
        history,
        used: grant_activity::last_use(app, view, request).await,
        glass: glass(app, view, request),
        stop: is_live
            .filter(|grant| grant.is_hold())
            .map(|grant| who_can_stop(app, view, grant)),
        zone: view.zone_words(),
        id,
        aim,
        shell,
    }))
}

fn ends(view: &Presenter, grant: &Grant) -> (At, At) {
    let at = grant.ends_at;
    (view.at_zone(at), Presenter::at_utc(at))
}

/// Earlier requests; while it waits, who is out of office among the approvers, and when more people
/// may approve.
async fn history(
    app: &App,
    view: &Presenter,
    request: &Request,
    past: &Past,
) -> Result<Vec<(&'static str, String)>, ProblemResponse> {
    let mut facts = reviews_card::history(app, view, request, past);
    for absence in app.access.absences_about(request).await? {
        let (name, until) = (plain(&absence.person.name), view.words(absence.until));
        facts.push((
            "Out of office",
            absence.delegate.as_ref().map_or_else(
                || format!("{name}, until {until}"),
                |it| format!("{name}, until {until}; delegate: {}", plain(&it.name)),
            ),
        ));
    }
    let escalates_after = request.outstanding.as_ref();
    if let Some(after) = escalates_after.and_then(|it| it.escalates_after) {
        let at = view.words(after.after(request.asked_at));
        facts.push(("Escalates", format!("more people may approve from {at}")));
    }
    Ok(facts)
}

fn approvers(view: &Presenter, request: &Request) -> Vec<(PersonView, &'static str)> {
    timeline::approvers(request)
        .into_iter()
        .map(|(email, note)| (view.who(email), note))
        .collect()
}

fn newest(viewer: &Viewer, records: &[hallpass_audit::Record]) -> Option<RawRecord> {
    let mut newest = records.iter().rev();
    let record = newest.find(|record| may_read(&viewer.actor, record))?;
    Some(RawRecord {
        seq: number(record.seq()),
        event: record.event().to_owned(),
        text: shown_json(record),
    })
}

fn glass(app: &App, view: &Presenter, request: &Request) -> Option<Glass> {
    let review = request.after_review.as_ref()?;
    let (words, found) = if let Some(closing) = &review.closed {
        let words = format!(
            "Review closed by {} at {}.",
            view.named(&closing.by),
            view.words(closing.at)
        );
        (
            words,
            closing.words.as_deref().map(plain).unwrap_or_default(),
        )
    } else {
        let who = view.any_of(&app.access.deciders(request));
        let words = format!("The review stays open until another person closes it: {who}.");
        (words, String::new())
    };
    Some(Glass {
        justification: plain(&review.justification),
        words: Coded(words),
        found,
    })
}

/// Record as JSON, with misleading characters escaped: an equal value.
fn shown_json(record: &hallpass_audit::Record) -> String {
    let text = serde_json::to_string_pretty(record.fields()).unwrap_or_default();
    text.chars().fold(String::new(), |mut out, c| {
        if plain(c.encode_utf8(&mut [0; 4])).starts_with(c) {
            out.push(c);
        } else {
            out.extend(
                c.escape_unicode()
                    .filter(|c| !"{}".contains(*c))
                    .collect::<Vec<_>>(),
            );
        }
        out
    })
}

fn whole_length(grant: &Grant) -> Option<TimeSpan> {
    let begun = grant.granted_at?;
    let whole = minutes_passed(TimeSpan::between(begun, grant.ends_at));
    (whole.as_seconds() > grant.duration.as_seconds() + 59).then_some(whole)
}

fn notice(
    app: &App,
    view: &Presenter,
    request: &Request,
    after: &FlashQuery,
    presses: &Presses,
) -> Coded {
    match after.said() {
        Some(Flash::Already) => Coded(format!(
            "You requested this at {}. This is that request.",
            view.words(request.asked_at)
        )),
        Some(Flash::Changed) => changed(view, request),
        Some(Flash::SignedIn) if matches!(request.state, RequestState::Pending) => Coded(
            "Nothing was pressed while you signed in. Press once more to continue.".to_owned(),
        ),
        Some(Flash::Refused) if request.after_review.is_some() => Coded(reviewed(view, request)),
        Some(Flash::Refused) => refused(app, view, request, &presses.approve, TriedPress::Approve),
        Some(Flash::NotDenied) => refused(app, view, request, &presses.deny, TriedPress::Deny),
        Some(Flash::NotDiscarded) => {
            refused(app, view, request, &presses.discard, TriedPress::Other)
        }
        _ => Coded::default(),
    }
}

fn refused(
    app: &App,
    view: &Presenter,
    request: &Request,
    press: &Result<(), ActionRefused>,
    tried: TriedPress,
) -> Coded {
    match press {
        Err(refused) => {
            refusals::words(view, request, refused, tried, &app.access.deciders(request))
        }
        Ok(()) => Coded("That had no effect. Look again and press once more.".to_owned()),
    }
}

fn reviewed(view: &Presenter, request: &Request) -> String {
    let review = request.after_review.as_ref();
    match review.and_then(|review| review.closed.as_ref()) {
        Some(closing) => format!(
            "Already closed by {} at {}.",
            view.named(&closing.by),
            view.words(closing.at)
        ),
        None => "That had no effect. Another person must close this review.".to_owned(),
    }
}

pub(crate) fn changed(view: &Presenter, request: &Request) -> Coded {
    let lead = "Nothing was done: this changed after you opened it.";
    let (given, needed) = request.approvals();
    match request.reviews.last() {
        Some(last) => Coded(format!(
            "{lead} {} approved at {}; it now has {given} of {needed}. Look again, then press.",
            super::words::capital(&view.named(&last.by)),
            view.words(last.at),
        )),
        None => Coded(format!("{lead} Look again, then press.")),
    }
}

fn buttons(
    app: &App,
    view: &Presenter,
    request: &Request,
    grant: Option<(&Grant, &GrantPresses)>,
    presses: &Presses,
) -> Buttons {
    let mut buttons = Buttons {
        seen: request.seen(),
        ..Buttons::default()
    };
    if matches!(request.state, RequestState::Pending) {
        let own = view.is_me(&request.requester);
        let warnings = app.access.warnings_to_confirm(request);
        (buttons.approve, buttons.with) =
            approve::approve_buttons(view, request, presses, &warnings, "");
        buttons.deny = presses
            .deny
            .is_ok()
            .then(|| press::deny_form(view, request, ""));
        // users who can deny need no other button
        buttons.discard = presses.discard.is_ok() && (own || presses.deny.is_err());
        if let Err(refused) = &presses.approve {
            buttons.why_not = why_not(app, view, request, refused);
        }
    }
    if presses.glass.break_glass.is_ok() {
        buttons.glass = Some(press::glass_form(app, view, request));
    }
    if presses.glass.close_review.is_ok() {
        buttons.close = Some(press::close_form(view, request, ""));
    }
    if let Some((grant, presses)) = grant {
        // the holder releases the grant instead
        let is_holder = view.is_me(&grant.holder);
        buttons.release = presses.release.is_ok().then(|| grant.id.to_string());
        buttons.revoke = (presses.revoke.is_ok() && !is_holder)
            .then(|| revoke::form(app, view, grant, presses, ""));
    }
    buttons
}

/// Why there is no approve button; nothing for mere viewers.
pub(crate) fn why_not(
    app: &App,
    view: &Presenter,
    request: &Request,
    refused: &ActionRefused,
) -> Coded {
    // already approved: the history names the approver
    if request.agreed_start().is_some() {
        return Coded::default();
    }
    let can = app.access.deciders(request);
    refusals::words(view, request, refused, TriedPress::Approve, &can)
}

/// "You, at any time. Tomasz Wilk, Priya Raman and admins, with a reason you will see."
fn who_can_stop(app: &App, view: &Presenter, grant: &Grant) -> String {
    let own = view.is_me(&grant.holder);
    let holder = Presenter::person(&grant.holder.name, &grant.holder.email);
    let names: Vec<String> = hallpass_access::question(&grant.key.target, &grant.names)
        .map(|question| {
            app.access
                .decide(grant.holder.principal(), &question)
                .approvers
        })
        .unwrap_or_default()
        .iter()
        .map(|email: &Email| view.who(email).name)
        .collect();
    let others = match names.as_slice() {
        [] => "Admins".to_owned(),
        some => format!("{} and admins", some.join(", ")),
    };
    let (who, sees) = if own {
        ("You".to_owned(), "you".to_owned())
    } else {
        (holder.name, holder.first)
    };
    format!("{who}, at any time. {others}, with a reason {sees} will see.")
}

fn changes(records: &[hallpass_audit::Record]) -> Vec<ExtensionChange> {
    let mut ends: Option<String> = None;
    let mut found = Vec::new();
    for record in records {
        let now = record.text("ends_at").filter(|at| *at != "NA");
        let Some(now) = now.map(str::to_owned) else {
            continue;
        };
        if record.event() == "extend" {
            found.push(ExtensionChange {
                grant: record.text("grant_id").unwrap_or_default().to_owned(),
                before: ends.clone().unwrap_or_else(|| "–".to_owned()),
                after: now.clone(),
            });
        }
        ends = Some(now);
    }
    found
}
