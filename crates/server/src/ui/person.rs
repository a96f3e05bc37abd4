//! User page for administrators: identity, lock, locking and unlocking. `hallpass-access`
//! authorizes.

use askama::Template;
use axum::{Router, extract::State, http::StatusCode, response::Response, routing::get};
use hallpass_access::{
    AccessError, ActionRefused, Directory, Force, HeldAccess, Lock, Locking, Role,
};
use hallpass_base::{TimeSpan, UserId};
use hallpass_channels::wording::dialogs;
use serde::Deserialize;

use super::locks::sees;
use super::people::{self, Face, first_name};
use super::person_overview::{self, Overview};
use super::presenter::Presenter;
use super::press::{Tone, WordsForm, missing, show as show_form};
use super::shell::{Nav, PageResult, Posted, Shell, Viewer, page_with, see_other, url_encoded};
use super::words::{plain, sentence};
use super::{forbidden, sign_in_again};
use crate::{App, body::Path, problem::ProblemResponse};

pub(crate) fn router() -> Router<App> {
    Router::new()
        .route("/people/{id}", get(show))
        .route("/people/{id}/lock", get(lock_page).post(lock))
        .route("/people/{id}/unlock", get(unlock_page).post(unlock))
}

struct Whom {
    user: UserId,
    face: Face,
    user_name: String,
    enabled: Option<bool>,
}

#[derive(Clone, Copy)]
enum Button {
    Lock,
    LetIn,
    None(&'static str),
}

struct Locked {
    since: String,
    until: String,
    by: String,
    reason: String,
    held: &'static str,
}

#[derive(Template)]
#[template(path = "person.html")]
struct PersonPage {
    shell: Shell,
    whom: Whom,
    locked: Option<Locked>,
    button: Button,
    can_cut_off: bool,
    sees_all: bool,
    query: String,
    paths: String,
    /// For auditors and administrators.
    overview: Option<Overview>,
    zone: String,
}

#[derive(Template)]
#[template(path = "lock.html")]
struct LockPage {
    shell: Shell,
    whom: Whom,
    first: String,
    form: LockForm,
    error: Option<String>,
}

#[derive(Clone, Deserialize)]
#[serde(default)]
struct LockForm {
    reason: String,
    held: HeldAccess,
    lasts: String,
}

impl Default for LockForm {
    fn default() -> Self {
        Self {
            reason: String::new(),
            // on the page, all access ends by default
            held: HeldAccess::EndsWithSessions,
            lasts: String::new(),
        }
    }
}

impl LockForm {
    fn holds(&self, held: &str) -> bool {
        let name = match self.held {
            HeldAccess::GoesOn => "goes_on",
            HeldAccess::Ends => "ends",
            HeldAccess::EndsWithSessions => "ends_with_sessions",
        };
        name == held
    }
}

#[derive(Deserialize)]
struct Lifting {
    #[serde(default)]
    reason: String,
}

async fn not_for(app: &App, viewer: &Viewer) -> Response {
    forbidden::page_for(app, viewer, "administrators, auditors and operators").await
}

async fn find(app: &App, id: &str) -> Result<Option<(Whom, Option<Lock>)>, ProblemResponse> {
    let Ok(user) = UserId::new(id) else {
        return Ok(None);
    };
    let lock = app.access.lock_in_force(&user).await?;
    let directory = app.access.directory();
    let whom = known(&directory, &user).or_else(|| {
        let person = &lock.as_ref()?.person;
        Some(Whom {
            face: Face::new(&person.name, person.email.as_str()),
            user_name: String::new(),
            enabled: None,
            user,
        })
    });
    Ok(whom.map(|whom| (whom, lock)))
}

fn known(directory: &Directory, user: &UserId) -> Option<Whom> {
    let person = directory.person(user)?;
    let email = person.emails.first().map_or("", |email| email.as_str());
    let name = match person.display_name.as_str() {
        "" => person.user_name.as_str(),
        name => name,
    };
    Some(Whom {
        face: Face::new(name, email),
        user: user.clone(),
        user_name: plain(&person.user_name),
        enabled: Some(person.enabled),
    })
}

async fn show(State(app): State<App>, viewer: Viewer, Path(id): Path<String>) -> PageResult {
    if !sees(&viewer) {
        return Ok(not_for(&app, &viewer).await);
    }
    let Some((whom, lock)) = find(&app, &id).await? else {
        return missing(&app, &viewer).await;
    };
    let (actor, view) = (&viewer.actor, Presenter::new(&app, &viewer));
    let button = match &lock {
        None if app.access.may_lock(actor, &whom.user) => Button::Lock,
        None => Button::None("An administrator can lock them."),
        Some(_) if app.access.may_unlock(actor, &whom.user) => Button::LetIn,
        Some(_) => Button::None("Another administrator can unlock them."),
    };
    let sees_all = actor.reads_all();
    let overview = if sees_all {
        Some(person_overview::read(&app, &viewer, &whom.user).await?)
    } else {
        None
    };
    let page = PersonPage {
        overview,
        shell: viewer
            .shell(&app, Nav::People, whom.face.name.clone())
            .await,
        button,
        locked: lock.map(|lock| in_words(&view, &lock, sees_all)),
        can_cut_off: actor.is(Role::Admin),
        sees_all,
        query: url_encoded(&whom.face.email),
        paths: people::paths_of(whom.user.as_str()),
        zone: view.zone_words(),
        whom,
    };
    Ok(page_with(StatusCode::OK, &page))
}

fn in_words(view: &Presenter, lock: &Lock, sees_reason: bool) -> Locked {
    Locked {
        since: view.words(lock.since),
        until: lock.until.map_or_else(
            || "an administrator lifts it".to_owned(),
            |at| view.words(at),
        ),
        by: format!("{} ({})", plain(&lock.by.name), lock.by.email),
        reason: if sees_reason {
            plain(&lock.reason)
        } else {
            String::new()
        },
        held: match lock.held {
            HeldAccess::GoesOn => "continues until its end",
            HeldAccess::Ends => "ended, or is ending",
            HeldAccess::EndsWithSessions => "ended with its sessions, or is ending",
        },
    }
}

async fn lock_page(State(app): State<App>, viewer: Viewer, Path(id): Path<String>) -> PageResult {
    match find(&app, &id).await? {
        _ if !sees(&viewer) => Ok(not_for(&app, &viewer).await),
        Some((whom, None)) if app.access.may_lock(&viewer.actor, &whom.user) => {
            let form = LockForm::default();
            lock_form(&app, &viewer, whom, form, None, StatusCode::OK).await
        }
        Some((whom, _)) => Ok(see_other(&people::person_address(&whom.user))),
        None => missing(&app, &viewer).await,
    }
}

async fn lock_form(
    app: &App,
    viewer: &Viewer,
    whom: Whom,
    form: LockForm,
    error: Option<String>,
    status: StatusCode,
) -> PageResult {
    let page = LockPage {
        shell: viewer
            .shell(app, Nav::Access, format!("Lock {}?", whom.face.name))
            .await,
        first: first_name(&whom.face.name).to_owned(),
        whom,
        form,
        error,
    };
    Ok(page_with(status, &page))
}

async fn lock(
    State(app): State<App>,
    Path(id): Path<String>,
    Posted { viewer, form }: Posted<LockForm>,
) -> PageResult {
    if !sees(&viewer) {
        return Ok(not_for(&app, &viewer).await);
    }
    let Some((whom, _)) = find(&app, &id).await? else {
        return missing(&app, &viewer).await;
    };
    let lasts = match form.lasts.as_str() {
        "" => None,
        text => {
            let read = text.parse::<TimeSpan>();
            Some(read.map_err(|error| ProblemResponse::bad("bad-form", error.to_string()))?)
        }
    };
    let locking = Locking {
        reason: &form.reason,
        until: lasts.map(|lasts| lasts.after(app.clock.now())),
        held: form.held,
        force: Force::No,
    };
    match app.access.lock(&viewer.actor, &whom.user, locking).await {
        Ok(_) => Ok(see_other(&people::person_address(&whom.user))),
        Err(AccessError::Refused(why)) => {
            let (words, status) = if why == ActionRefused::ReasonMissing {
                let words = dialogs::REASON_MISSING.to_owned();
                (words, StatusCode::UNPROCESSABLE_ENTITY)
            } else {
                let words = sentence(&why.to_string());
                (words, ProblemResponse::from(why).status())
            };
            lock_form(&app, &viewer, whom, form, Some(words), status).await
        }
        Err(error) => Err(error.into()),
    }
}

fn lifting(whom: &Whom, lock: &Lock, view: &Presenter) -> WordsForm {
    let first = first_name(&whom.face.name).to_owned();
    let path = people::person_address(&whom.user);
    WordsForm {
        id: "unlock".to_owned(),
        action: format!("{path}/unlock"),
        heading: format!("Unlock {}?", whom.face.name),
        lead: format!(
            "Locked since {} by {}. Ended access stays ended: {first} signs in and requests again.",
            view.words(lock.since),
            plain(&lock.by.name)
        ),
        label: "Why?".to_owned(),
        name: "reason",
        fewest: 1,
        hint: dialogs::KEPT_WITH_NAME.to_owned(),
        tone: Tone::Calm,
        cancel: "Go back",
        back: path,
        submit: "Unlock",
        ..WordsForm::default()
    }
}

async fn unlock_page(State(app): State<App>, viewer: Viewer, Path(id): Path<String>) -> PageResult {
    match find(&app, &id).await? {
        _ if !sees(&viewer) => Ok(not_for(&app, &viewer).await),
        Some((whom, Some(lock))) if app.access.may_unlock(&viewer.actor, &whom.user) => {
            let form = lifting(&whom, &lock, &Presenter::new(&app, &viewer));
            show_form(&app, &viewer, form, StatusCode::OK).await
        }
        Some((whom, _)) => Ok(see_other(&people::person_address(&whom.user))),
        None => missing(&app, &viewer).await,
    }
}

async fn unlock(
    State(app): State<App>,
    Path(id): Path<String>,
    Posted { viewer, form }: Posted<Lifting>,
) -> PageResult {
    if !sees(&viewer) {
        return Ok(not_for(&app, &viewer).await);
    }
    let Some((whom, lock)) = find(&app, &id).await? else {
        return missing(&app, &viewer).await;
    };
    let page = people::person_address(&whom.user);
    let outcome = app
        .access
        .unlock(&viewer.actor, &whom.user, &form.reason)
        .await;
    let why = match outcome {
        Ok(_) => return Ok(see_other(&page)),
        Err(AccessError::Refused(why)) => why,
        Err(error) => return Err(error.into()),
    };
    if let Some(way) = sign_in_again::for_press(&why, &format!("{page}/unlock")) {
        return Ok(way);
    }
    let Some(lock) = lock else {
        return Ok(see_other(&page));
    };
    let mut words = lifting(&whom, &lock, &Presenter::new(&app, &viewer));
    words.value = form.reason;
    let status = if why == ActionRefused::ReasonMissing {
        dialogs::REASON_MISSING.clone_into(&mut words.error);
        StatusCode::UNPROCESSABLE_ENTITY
    } else {
        words.refused = Some(sentence(&why.to_string()));
        ProblemResponse::from(why).status()
    };
    show_form(&app, &viewer, words, status).await
}
