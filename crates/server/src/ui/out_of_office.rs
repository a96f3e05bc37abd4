//! The viewer's absence, and those in whose place they approve.

use askama::Template;
use axum::{Router, extract::State, routing::get};
use hallpass_access::{Absence, AccessError};
use hallpass_base::{Email, Timestamp, UserId, time};
use jiff::tz::TimeZone;
use serde::Deserialize;

use super::presenter::{At, Presenter};
use super::shell::{Nav, PageResult, Posted, Shell, Viewer, page, see_other};
use super::words::plain;
use crate::{App, problem::ProblemResponse};

const PAGE: &str = "/out-of-office";

pub(crate) fn router() -> Router<App> {
    Router::new().route(PAGE, get(show).post(set))
}

struct AbsenceRow {
    name: String,
    until: At,
    delegate: Option<String>,
}

#[derive(Template)]
#[template(path = "out_of_office.html")]
struct OutOfOfficePage {
    shell: Shell,
    own: Option<AbsenceRow>,
    represented: Vec<AbsenceRow>,
    form: AbsenceForm,
    error: Option<String>,
    zone: String,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct AbsenceForm {
    /// The first day back.
    back: String,
    delegate: String,
    /// Present on the button that ends the absence.
    end: Option<String>,
}

async fn show(State(app): State<App>, viewer: Viewer) -> PageResult {
    shown(&app, &viewer, AbsenceForm::default(), None).await
}

async fn shown(app: &App, viewer: &Viewer, form: AbsenceForm, error: Option<String>) -> PageResult {
    let view = Presenter::new(app, viewer);
    let row = |it: &Absence| AbsenceRow {
        name: plain(&it.person.name),
        until: view.at_zone(it.until),
        delegate: it.delegate.as_ref().map(|it| plain(&it.name)),
    };
    let (mut own, mut represented) = (None, Vec::new());
    for absence in app.access.absences(&viewer.actor).await? {
        let delegate = absence.delegate.as_ref();
        if absence.person.is(&viewer.actor) {
            own = Some(row(&absence));
        } else if delegate.is_some_and(|it| it.is(&viewer.actor)) {
            represented.push(row(&absence));
        }
    }
    Ok(page(&OutOfOfficePage {
        shell: viewer.shell(app, Nav::Elsewhere, "Out of office").await,
        zone: view.zone_words(),
        own,
        represented,
        form,
        error,
    }))
}

async fn set(State(app): State<App>, Posted { viewer, form }: Posted<AbsenceForm>) -> PageResult {
    let Some(user) = viewer.actor.user.clone() else {
        return Err(ProblemResponse::unauthorized("the session is over"));
    };
    let (access, actor) = (&app.access, &viewer.actor);
    if form.end.is_some() {
        access.end_absence(actor, &user).await?;
        return Ok(see_other(PAGE));
    }
    let error = match read(&app, &form, &viewer.zone).await {
        Ok((until, delegate)) => {
            match access
                .set_absence(actor, &user, until, delegate.as_ref())
                .await
            {
                Ok(_) => return Ok(see_other(PAGE)),
                Err(AccessError::Refused(why)) => why.to_string(),
                Err(error) => return Err(error.into()),
            }
        }
        Err(error) => error,
    };
    shown(&app, &viewer, form, Some(error)).await
}

async fn read(
    app: &App,
    form: &AbsenceForm,
    zone: &TimeZone,
) -> Result<(Timestamp, Option<UserId>), String> {
    let day = time::day(form.back.trim());
    let until = day.ok().and_then(|it| it.to_zoned(zone.clone()).ok());
    let until = until.ok_or("Write the first day back like 2027-01-31.")?;
    let delegate = form.delegate.trim();
    if delegate.is_empty() {
        return Ok((until.timestamp(), None));
    }
    let nobody = || format!("{} is not the address of one user.", plain(delegate));
    let email = Email::new(delegate).map_err(|_| nobody())?;
    let user = app.access.user_of(&email).await.map_err(|_| nobody())?;
    Ok((until.timestamp(), Some(user.ok_or_else(nobody)?)))
}
