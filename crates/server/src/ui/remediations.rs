//! Remediations page: list, approvals and other actions. `hallpass-access` authorizes.

use askama::Template;
use axum::{
    Router,
    extract::State,
    http::StatusCode,
    routing::{MethodRouter, get},
};
use hallpass_access::{AccessError, ActionRefused, RemediationView};
use hallpass_base::AccountId;
use hallpass_channels::wording::{PlainStyle, dialogs, remediation};
use hallpass_findings::remediation::{
    Remediation, RemediationFilter, RemediationId, RemediationPhase, RemediationResult,
};
use serde::Deserialize;

use super::forbidden;
use super::people::count_of;
use super::presenter::Presenter;
use super::press::{Tone, WordsForm, missing, show as show_form};
use super::shell::{Nav, PageResult, Posted, Shell, Viewer, page, see_other};
use super::sign_in_again;
use super::words::{Badge, badge, capital, plain, sentence};
use crate::{App, body::Parameters, body::Path, problem::ProblemResponse};

const ROWS: usize = 200;
const WHY_SHOWN: usize = 120;
const READERS: &str = "administrators, auditors, operators and approvers of remediations";
const APPROVERS: &str = "approvers of this remediation";

pub(crate) fn router() -> Router<App> {
    Router::new()
        .route("/remediations", get(list))
        .route("/remediations/{id}", get(show))
        .route("/remediations/{id}/approve", form_and_press(true))
        .route("/remediations/{id}/decline", form_and_press(false))
}

fn form_and_press(approves: bool) -> MethodRouter<App> {
    let form: FormOf = if approves { approving } else { declining };
    get(
        async move |State(app): State<App>, viewer: Viewer, Path(id): Path<String>| {
            form_page(&app, &viewer, &id, form).await
        },
    )
    .post(
        async move |State(app): State<App>, Path(id): Path<String>, posted: Posted<Said>| {
            press(app, &id, posted, approves).await
        },
    )
}

struct RemediationRow {
    href: String,
    action: String,
    resource: String,
    place: String,
    badge: Badge,
    decided: String,
    why: String,
    may_decide: bool,
}

#[derive(Template)]
#[template(path = "remediations.html")]
struct ListPage {
    shell: Shell,
    intro: String,
    waiting: Vec<RemediationRow>,
    others: Vec<RemediationRow>,
    is_cut: bool,
    zone: String,
}

#[derive(Template)]
#[template(path = "remediation.html")]
struct OnePage {
    shell: Shell,
    id: String,
    badge: Badge,
    lead: String,
    facts: Vec<(&'static str, String)>,
    plan: Option<String>,
    may_decide: bool,
    zone: String,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Pressed {
    Approved,
    Declined,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct RemediationsQuery {
    said: Option<Pressed>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Said {
    reason: String,
}

fn state_badge(phase: &RemediationPhase) -> Badge {
    match phase {
        RemediationPhase::Observed => badge("Observed", "ended"),
        RemediationPhase::Waiting { .. } => badge("Waits for approval", "pending"),
        RemediationPhase::Pending { .. } => badge("Under way", "granting"),
        RemediationPhase::Finished { result } => match result {
            RemediationResult::Changed => badge("Changed", "active"),
            RemediationResult::Unchanged => badge("As it should be", "ended"),
            RemediationResult::Suppressed => badge("Suppressed", "ended"),
        },
        RemediationPhase::Manual { .. } => badge("Needs manual work", "failed"),
        RemediationPhase::Drifted { .. } => badge("Drifted", "ended"),
        RemediationPhase::Undone { .. } => badge("Undone", "ended"),
    }
}

fn address(it: &Remediation) -> String {
    format!("/remediations/{}", it.id)
}

fn begins(text: &str) -> String {
    if text.chars().count() <= WHY_SHOWN {
        return text.to_owned();
    }
    let first: String = text.chars().take(WHY_SHOWN).collect();
    let whole = first.rsplit_once(' ').map_or(first.as_str(), |it| it.0);
    format!("{whole} …")
}

fn account_words(view: &Presenter, id: &AccountId) -> String {
    match view.directory.account(id) {
        Some(known) => format!("{} ({id})", known.name),
        None => id.to_string(),
    }
}

fn row(view: &Presenter, found: &RemediationView) -> RemediationRow {
    let it = &found.item;
    let at = &it.deviation;
    RemediationRow {
        href: address(it),
        action: capital(remediation::action(it.action)),
        resource: plain(&at.resource),
        place: plain(&format!(
            "{} {}",
            account_words(view, &at.account),
            at.region
        )),
        badge: state_badge(&it.phase),
        decided: view.words(it.decided_at),
        why: plain(&begins(&remediation::why(it, &PlainStyle))),
        may_decide: found.may_decide,
    }
}

async fn list(State(app): State<App>, viewer: Viewer) -> PageResult {
    if !app.access.sees_remediations(&viewer.actor) {
        return Ok(forbidden::page_for(&app, &viewer, READERS).await);
    }
    let (access, actor) = (&app.access, &viewer.actor);
    // read separately, so that observed or finished ones do not displace them
    let waiting = access.remediations_waiting(actor, ROWS).await?;
    let found = access.remediations(actor, RemediationFilter::All, None, ROWS);
    let found = found.await?;
    let view = Presenter::new(&app, &viewer);
    let is_cut = waiting.next.is_some() || found.next.is_some();
    let waiting = waiting.rows;
    let waits = |it: &RemediationView| matches!(it.item.phase, RemediationPhase::Waiting { .. });
    let others = found.rows.iter().filter(|it| !waits(it));
    let yours = waiting.iter().filter(|it| it.may_decide).count();
    let intro = match (waiting.len(), yours) {
        (0, _) => "Nothing waits for approval.".to_owned(),
        (1, 1) => "1 waits for approval; you may decide about it.".to_owned(),
        (some, yours) => format!(
            "{} for approval; you may decide about {}.",
            match some {
                1 => "1 waits".to_owned(),
                some => format!("{some} wait"),
            },
            if yours == some {
                "all of them".to_owned()
            } else {
                count_of(yours, "of them", "of them")
            }
        ),
    };
    Ok(page(&ListPage {
        shell: viewer.shell(&app, Nav::Remediations, "Remediations").await,
        intro,
        waiting: waiting.iter().map(|it| row(&view, it)).collect(),
        others: others.map(|it| row(&view, it)).collect(),
        is_cut,
        zone: view.zone_words(),
    }))
}

async fn find(
    app: &App,
    viewer: &Viewer,
    id: &str,
) -> Result<Option<RemediationView>, ProblemResponse> {
    let Some(id) = RemediationId::read(id) else {
        return Ok(None);
    };
    match app.access.remediation(&viewer.actor, &id).await {
        Ok(found) => Ok(Some(found)),
        Err(AccessError::NotFound(_)) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

fn facts(view: &Presenter, found: &RemediationView) -> Vec<(&'static str, String)> {
    let it = &found.item;
    let at = &it.deviation;
    let who = match &found.approvers {
        Ok(may) => capital(&remediation::approvers(may, &PlainStyle)),
        Err(why) => format!("Not known just now: {}", plain(why)),
    };
    let mut facts = vec![
        ("Resource", plain(&at.resource)),
        ("Account", plain(&account_words(view, &at.account))),
        ("Region", plain(&at.region)),
    ];
    let words = |text: &str| (!text.is_empty()).then(|| plain(text));
    facts.extend(words(&at.control).map(|it| ("Control", it)));
    facts.extend(words(&at.config_rule).map(|it| ("Rule of AWS Config", it)));
    facts.extend(words(&at.severity).map(|it| ("Severity", it)));
    facts.push(("Rule", plain(&it.rule)));
    facts.push(("Action", plain(it.action.name())));
    facts.push(("Decided", view.words(it.decided_at)));
    facts.push(("May be approved by", who));
    facts.extend(
        it.approved_by
            .as_deref()
            .map(|by| ("Approved by", plain(by))),
    );
    facts.extend(it.changed_at.map(|at| ("Changed", view.words(at))));
    facts
}

async fn show(
    State(app): State<App>,
    viewer: Viewer,
    Path(id): Path<String>,
    Parameters(looking): Parameters<RemediationsQuery>,
) -> PageResult {
    if !app.access.sees_remediations(&viewer.actor) {
        return Ok(forbidden::page_for(&app, &viewer, READERS).await);
    }
    let Some(found) = find(&app, &viewer, &id).await? else {
        return missing(&app, &viewer).await;
    };
    let (view, it) = (Presenter::new(&app, &viewer), &found.item);
    let title = capital(remediation::action(it.action));
    let mut shell = viewer.shell(&app, Nav::Remediations, title).await;
    shell.said = looking.said.map(|pressed| {
        let words = match pressed {
            Pressed::Approved => "Approved. It is done next.",
            Pressed::Declined => "Declined. The finding is updated.",
        };
        words.into()
    });
    let why = remediation::why(it, &PlainStyle);
    let lead = match &it.phase {
        RemediationPhase::Waiting { until, .. } => {
            let until = view.words(*until);
            format!(
                "{} Without an answer people handle it at {until}.",
                sentence(&capital(&why))
            )
        }
        RemediationPhase::Observed
        | RemediationPhase::Pending { .. }
        | RemediationPhase::Finished { .. }
        | RemediationPhase::Manual { .. }
        | RemediationPhase::Drifted { .. }
        | RemediationPhase::Undone { .. } => sentence(&capital(&why)),
    };
    Ok(page(&OnePage {
        shell,
        id: it.id.to_string(),
        badge: state_badge(&it.phase),
        lead: plain(&lead),
        facts: facts(&view, &found),
        plan: it
            .plan
            .as_ref()
            .filter(|_| viewer.sees_plans())
            .map(ToString::to_string),
        may_decide: found.may_decide,
        zone: view.zone_words(),
    }))
}

fn approving(it: &Remediation, said: &Said) -> WordsForm {
    WordsForm {
        id: "approve".to_owned(),
        action: format!("{}/approve", address(it)),
        heading: "Let this happen?".to_owned(),
        lead: plain(&remediation::question(it, &PlainStyle)),
        label: "A remark".to_owned(),
        name: "reason",
        value: said.reason.clone(),
        hint: format!("{} It may stay empty.", dialogs::KEPT_WITH_NAME),
        note: "It is done within seconds, and can be undone on the command line.".to_owned(),
        tone: Tone::Calm,
        cancel: "Go back",
        back: address(it),
        submit: "Approve",
        ..WordsForm::default()
    }
}

fn declining(it: &Remediation, said: &Said) -> WordsForm {
    WordsForm {
        id: "decline".to_owned(),
        action: format!("{}/decline", address(it)),
        heading: "Leave it as it is?".to_owned(),
        lead: plain(&remediation::question(it, &PlainStyle)),
        label: "Why?".to_owned(),
        name: "reason",
        fewest: 1,
        value: said.reason.clone(),
        hint: format!("{} The finding is updated, too.", dialogs::KEPT_WITH_NAME),
        cancel: "Go back",
        back: address(it),
        submit: "Decline",
        ..WordsForm::default()
    }
}

type FormOf = fn(&Remediation, &Said) -> WordsForm;

async fn form_page(app: &App, viewer: &Viewer, id: &str, form: FormOf) -> PageResult {
    if !app.access.sees_remediations(&viewer.actor) {
        return Ok(forbidden::page_for(app, viewer, READERS).await);
    }
    let Some(found) = find(app, viewer, id).await? else {
        return missing(app, viewer).await;
    };
    if !found.may_decide {
        // finished, or not the viewer's decision: its page explains
        return match found.item.phase {
            RemediationPhase::Waiting { .. } => {
                Ok(forbidden::page_for(app, viewer, APPROVERS).await)
            }
            _ => Ok(see_other(&address(&found.item))),
        };
    }
    let form = form(&found.item, &Said::default());
    show_form(app, viewer, form, StatusCode::OK).await
}

/// Renders the page after an action: the updated remediation, or the form with the error.
async fn pressed(
    app: &App,
    viewer: &Viewer,
    id: &str,
    said: &Said,
    outcome: Result<Remediation, AccessError>,
    form: FormOf,
    then: &str,
) -> PageResult {
    let why = match outcome {
        Ok(it) => return Ok(see_other(&format!("{}?said={then}", address(&it)))),
        Err(AccessError::NotFound(_)) => return missing(app, viewer).await,
        Err(AccessError::Refused(ActionRefused::NotAnApprover)) => {
            return Ok(forbidden::page_for(app, viewer, APPROVERS).await);
        }
        Err(AccessError::Refused(why)) => why,
        Err(error) => return Err(error.into()),
    };
    let Some(found) = find(app, viewer, id).await? else {
        return missing(app, viewer).await;
    };
    if let Some(way) = sign_in_again::for_press(&why, &address(&found.item)) {
        return Ok(way);
    }
    let mut form = form(&found.item, said);
    let status = if why == ActionRefused::ReasonMissing {
        dialogs::REASON_MISSING.clone_into(&mut form.error);
        StatusCode::UNPROCESSABLE_ENTITY
    } else {
        form.refused = Some(sentence(&capital(&why.to_string())));
        ProblemResponse::from(why).status()
    };
    show_form(app, viewer, form, status).await
}

async fn press(
    app: App,
    id: &str,
    Posted { viewer, form }: Posted<Said>,
    approves: bool,
) -> PageResult {
    let Some(known) = RemediationId::read(id) else {
        return missing(&app, &viewer).await;
    };
    let (access, actor, why) = (&app.access, &viewer.actor, &form.reason);
    let (outcome, again, then): (_, FormOf, _) = if approves {
        let outcome = access.approve_remediation(actor, &known, why, None).await;
        (outcome, approving, "approved")
    } else {
        let outcome = access.decline_remediation(actor, &known, why, None).await;
        (outcome, declining, "declined")
    };
    pressed(&app, &viewer, id, &form, outcome, again, then).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_begins_a_long_reason_and_ends_it_at_a_word() {
        assert_eq!(begins("short"), "short");
        let long = "word ".repeat(60);
        let shown = begins(&long);
        assert!(
            shown.ends_with("word …") && shown.chars().count() <= WHY_SHOWN + 2,
            "{shown}"
        );
        let unbroken = "é".repeat(WHY_SHOWN + 1);
        assert_eq!(begins(&unbroken).chars().count(), WHY_SHOWN + 2);
    }
}
