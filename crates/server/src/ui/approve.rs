//! Approval: one button, or a form with comment and shorter duration.

use axum::{
    Router,
    extract::{Query, State},
    http::StatusCode,
    routing::get,
};
use hallpass_access::{
    AccessError, ActionRefused, Approving, Presses, Request, ReviewedVersion, RuleWarning,
};
use hallpass_base::{RequestId, TimeSpan};
use hallpass_channels::wording::{dialogs, outstanding, refused::TriedPress};
use serde::Deserialize;

use super::{
    confirming::{self, Warned},
    flash::Flash,
    presenter::Presenter,
    press::{self, MoreField, Opened, Tone, WordsForm},
    refusals,
    shell::{PageResult, Posted, Viewer},
    words::{capital, plain, sentence},
};
use crate::{App, body::Path};

#[derive(Deserialize)]
struct Approve {
    seen: ReviewedVersion,
    #[serde(default)]
    comment: String,
    #[serde(default)]
    duration: String,
    #[serde(default)]
    from: String,
    #[serde(default)]
    confirmed: String,
}

pub(super) fn router() -> Router<App> {
    Router::new().route("/requests/{id}/approve", get(approve_page).post(approve))
}

async fn approve(
    State(app): State<App>,
    Path(id): Path<String>,
    Posted { viewer, form }: Posted<Approve>,
) -> PageResult {
    let Ok(id) = id.parse::<RequestId>() else {
        return press::missing(&app, &viewer).await;
    };
    let length = |text: &str| TimeSpan::seconds(text.parse().unwrap_or(0));
    let approving = Approving {
        seen: Some(form.seen),
        comment: Some(form.comment.as_str()),
        duration: Some(form.duration.as_str())
            .filter(|text| !text.is_empty())
            .map(length),
        confirmed: &confirming::ids(&form.confirmed),
    };
    let outcome = app
        .access
        .approve_with(&viewer.actor, id, approving, None)
        .await;
    if let Err(AccessError::Refused(why)) = &outcome
        && let ActionRefused::LongText { .. }
        | ActionRefused::ApprovedLength { .. }
        | ActionRefused::NoLongerFits(_)
        | ActionRefused::WarningsUnconfirmed { .. } = why
        && let Some(request) = press::request_of(&app, &viewer, &id.to_string()).await?
    {
        let presses = app.access.presses(&viewer.actor, &request).await?;
        let view = Presenter::new(&app, &viewer);
        let warnings = app.access.warnings_to_confirm(&request);
        let mut again = approve_form(&view, &request, &presses, &warnings, &form.from);
        match (why, &mut again.warned) {
            (ActionRefused::WarningsUnconfirmed { .. }, Some(warned)) => {
                confirming::NOT_TICKED.clone_into(&mut warned.error);
            }
            _ => again.error = sentence(&capital(&why.to_string())),
        }
        again.value = form.comment;
        if let Some(more) = &mut again.more {
            // a retry must not grant longer than intended
            more.value = form.duration;
        }
        return press::show(&app, &viewer, again, StatusCode::UNPROCESSABLE_ENTITY).await;
    }
    press::answered(&app, &viewer, id, &form.from, Flash::Approved, outcome).await
}

async fn approve_page(
    State(app): State<App>,
    Path(id): Path<String>,
    Query(opened): Query<Opened>,
    viewer: Viewer,
) -> PageResult {
    let Some(request) = press::request_of(&app, &viewer, &id).await? else {
        return press::missing(&app, &viewer).await;
    };
    let view = Presenter::new(&app, &viewer);
    let presses = app.access.presses(&viewer.actor, &request).await?;
    let warnings = app.access.warnings_to_confirm(&request);
    let mut form = approve_form(&view, &request, &presses, &warnings, &opened.from);
    if let Err(why) = &presses.approve {
        let can = app.access.deciders(&request);
        form.refused = Some(refusals::words(&view, &request, why, TriedPress::Approve, &can).0);
    }
    press::show(&app, &viewer, form, StatusCode::OK).await
}

pub(super) fn approve_form(
    view: &Presenter,
    request: &Request,
    presses: &Presses,
    warnings: &[RuleWarning],
    from: &str,
) -> WordsForm {
    let who = Presenter::person(&request.requester.name, &request.requester.email);
    let as_it_stands = (String::new(), dialogs::as_it_stands(request));
    let shorter = presses.shorter.iter();
    let shorter = shorter.map(|it| (it.as_seconds().to_string(), it.to_string()));
    WordsForm {
        id: format!("with-{}", request.id),
        action: format!("/requests/{}/approve", request.id),
        heading: format!("Approve {} request?", press::of(&who.first)),
        lead: format!("{} for {}.", view.aim_of(request).words(), request.duration),
        label: "Comment".to_owned(),
        name: "comment",
        hint: format!("{} and the other approvers read it.", who.first),
        seen: Some(request.seen()),
        more: (!presses.shorter.is_empty()).then(|| MoreField {
            label: "For how long",
            name: "duration",
            options: std::iter::once(as_it_stands).chain(shorter).collect(),
            hint: "The shortest time of all approvers applies.".to_owned(),
            ..MoreField::default()
        }),
        warned: Warned::of(warnings, ""),
        tone: Tone::Calm,
        cancel: "Keep waiting",
        back: press::back(from, request.id),
        submit: "Approve",
        from: from.to_owned(),
        ..WordsForm::default()
    }
}

pub(crate) fn comments(view: &Presenter, request: &Request) -> Vec<(String, String)> {
    let said = request.reviews.iter().filter_map(|review| {
        let words = plain(review.comment.as_deref()?);
        Some((capital(&view.named(&review.by)), words))
    });
    said.collect()
}

/// Renders the approve button; with a warning it opens the form, which displays the warning.
pub(super) fn approve_buttons(
    view: &Presenter,
    request: &Request,
    presses: &Presses,
    warnings: &[RuleWarning],
    from: &str,
) -> (Option<String>, Option<WordsForm>) {
    if presses.approve.is_err() {
        return (None, None);
    }
    let mut form = approve_form(view, request, presses, warnings, from);
    if warnings.is_empty() {
        "Approve with…".clone_into(&mut form.opens);
        (Some(outstanding::approve_label(request)), Some(form))
    } else {
        form.opens = format!("{}…", outstanding::approve_label(request));
        (None, Some(form))
    }
}
