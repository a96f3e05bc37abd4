//! Forms for standing access: accept, withdraw acceptance, set an end; pages or dialogs.
//! `hallpass-access` authorizes.

use axum::{
    Router,
    extract::{Query, State},
    http::StatusCode,
    response::IntoResponse,
    routing::{MethodRouter, get},
};
use hallpass_access::{AccessError, ActionRefused, Meant, Role, StandingRefused, SweepMode};
use hallpass_base::{HoldKey, TargetNames, TimeSpan, Timestamp, time};
use hallpass_channels::wording::{dialogs, standing};
use jiff::tz::TimeZone;
use serde::Deserialize;

use super::flash::{self, Flash};
use super::people::{first_name, target_of};
use super::press::{MoreField, Tone, WordsForm, missing, of, show};
use super::shell::{PageResult, Posted, Viewer, local_path, see_other, url_encoded};
use super::words::{plain, sentence};
use super::{forbidden, sign_in_again};
use crate::{App, api, problem::ProblemResponse};

pub(crate) fn router() -> Router<App> {
    Router::new()
        .route("/standing/accept", form_and_press(StandingPress::Accept))
        .route(
            "/standing/withdraw",
            form_and_press(StandingPress::Withdraw),
        )
        .route("/standing/adopt", form_and_press(StandingPress::Adopt))
}

fn form_and_press(act: StandingPress) -> MethodRouter<App> {
    get(async move |state, viewer, query| open(act, state, viewer, query).await)
        .post(async move |state, query, posted| press(act, state, query, posted).await)
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum StandingPress {
    Accept,
    Withdraw,
    Adopt,
}

impl StandingPress {
    const fn name(self) -> &'static str {
        match self {
            Self::Accept => "accept",
            Self::Withdraw => "withdraw",
            Self::Adopt => "adopt",
        }
    }
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct StandingQuery {
    user: String,
    account: Option<String>,
    permission_set: Option<String>,
    group: Option<String>,
    from: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Pressed {
    reason: String,
    from: String,
    review: String,
    length: String,
}

struct StandingAccess {
    key: HoldKey,
    names: TargetNames,
    holder: String,
}

impl StandingQuery {
    fn meant(&self) -> Result<Meant, ProblemResponse> {
        let wanted = api::wanted(
            self.account.as_deref(),
            self.permission_set.as_deref(),
            self.group.as_deref(),
        )?;
        Ok(Meant {
            user: self.user.clone(),
            wanted,
        })
    }

    fn address(&self, act: StandingPress) -> String {
        let mut address = format!("/standing/{}?user={}", act.name(), url_encoded(&self.user));
        for (name, value) in [
            ("account", &self.account),
            ("permission_set", &self.permission_set),
            ("group", &self.group),
        ] {
            if let Some(value) = value {
                address.extend(["&", name, "=", &url_encoded(value)]);
            }
        }
        address
    }
}

fn back(from: &str) -> String {
    match local_path(from) {
        access if access == "/access" || access.starts_with("/access?") => access.to_owned(),
        sweep if sweep.starts_with("/sweeps/") => sweep.to_owned(),
        _ => "/access".to_owned(),
    }
}

async fn open(
    act: StandingPress,
    State(app): State<App>,
    viewer: Viewer,
    Query(whose): Query<StandingQuery>,
) -> PageResult {
    if !viewer.actor.is(Role::Admin) {
        let page = forbidden::page_for(&app, &viewer, "administrators").await;
        return Ok(page.into_response());
    }
    match known(&app, &whose)? {
        Some(known) => {
            let form = form(&app, act, &whose, &known);
            show(&app, &viewer, form, StatusCode::OK).await
        }
        None => missing(&app, &viewer).await,
    }
}

fn known(app: &App, whose: &StandingQuery) -> Result<Option<StandingAccess>, ProblemResponse> {
    match app.access.standing_meant(&whose.meant()?) {
        Ok((key, names, holder)) => Ok(Some(StandingAccess {
            holder: holder.map_or_else(|| key.user.to_string(), |person| plain(&person.name)),
            key,
            names,
        })),
        Err(AccessError::NotFound(_)) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

fn form(app: &App, act: StandingPress, whose: &StandingQuery, known: &StandingAccess) -> WordsForm {
    let directory = app.access.directory();
    let target = target_of(&directory, &known.key.target, &known.names);
    let first = first_name(&known.holder).to_owned();
    let mode = app.access.settings().sweep.mode;
    let shared = WordsForm {
        id: format!("standing-{}", act.name()),
        action: whose.address(act),
        name: "reason",
        cancel: "Go back",
        back: back(&whose.from),
        from: whose.from.clone(),
        ..WordsForm::default()
    };
    match act {
        StandingPress::Accept => WordsForm {
            heading: format!("Accept {} standing access?", of(&first)),
            lead: format!("{target}. It has no end, and no sweep removes it, in whatever mode."),
            label: "Why does it stay?".to_owned(),
            fewest: 1,
            hint: dialogs::KEPT_WITH_NAME.to_owned(),
            more: Some(MoreField {
                label: "Look at it again on (optional)",
                name: "review",
                kind: "date",
                hint: "From that day on sweeps say that the review is overdue. Nothing is removed."
                    .to_owned(),
                ..MoreField::default()
            }),
            tone: Tone::Calm,
            submit: "Accept",
            ..shared
        },
        StandingPress::Withdraw => WordsForm {
            heading: format!("Withdraw acceptance of {} standing access?", of(&first)),
            lead: format!("{target}. From the next sweep on it is unmanaged."),
            label: "Why withdraw it?".to_owned(),
            fewest: 0,
            note: match mode {
                SweepMode::Off | SweepMode::Report => String::new(),
                SweepMode::Adopt { .. } | SweepMode::Revoke => {
                    let mode = standing::mode(mode);
                    format!("{} of this server: {mode}.", "The mode")
                }
            },
            submit: "Withdraw",
            ..shared
        },
        StandingPress::Adopt => WordsForm {
            heading: format!("Give {} access an end?", of(&first)),
            lead: format!(
                "{target}. It becomes a grant that ends automatically. {first} is notified, and may request to keep \
                 it."
            ),
            label: "Why?".to_owned(),
            fewest: 1,
            hint: format!("{first} reads this; it stays in the audit log."),
            more: Some(MoreField {
                label: "It ends in",
                name: "length",
                kind: "text",
                value: "8h".to_owned(),
                hint: "A length like 8h or 1h 30m, from now on.".to_owned(),
                ..MoreField::default()
            }),
            submit: "Set the end",
            ..shared
        },
    }
}

async fn press(
    act: StandingPress,
    State(app): State<App>,
    Query(whose): Query<StandingQuery>,
    Posted {
        viewer,
        form: typed,
    }: Posted<Pressed>,
) -> PageResult {
    // as for the form: unauthorized users must not learn what exists
    if !viewer.actor.is(Role::Admin) {
        let page = forbidden::page_for(&app, &viewer, "administrators").await;
        return Ok(page.into_response());
    }
    let whose = StandingQuery {
        from: typed.from.clone(),
        ..whose
    };
    let Some(known) = known(&app, &whose)? else {
        return missing(&app, &viewer).await;
    };
    let meant = whose.meant()?;
    let again = |words: String, more: String| {
        let shown = form(&app, act, &whose, &known);
        let typed_more = match act {
            StandingPress::Accept => &typed.review,
            StandingPress::Withdraw | StandingPress::Adopt => &typed.length,
        };
        WordsForm {
            error: words,
            value: typed.reason.clone(),
            more: shown.more.map(|field| MoreField {
                value: typed_more.clone(),
                error: more,
                ..field
            }),
            ..form(&app, act, &whose, &known)
        }
    };
    let done = carry_out(&app, &viewer, act, &meant, &typed).await;
    let status = StatusCode::UNPROCESSABLE_ENTITY;
    match done {
        Ok(to) => Ok(see_other(&to)),
        Err(Wrong::Field(words)) => show(&app, &viewer, again(String::new(), words), status).await,
        Err(Wrong::Access(AccessError::Refused(ActionRefused::ReasonMissing))) => {
            let words = dialogs::REASON_MISSING.to_owned();
            show(&app, &viewer, again(words, String::new()), status).await
        }
        Err(Wrong::Access(AccessError::Refused(ActionRefused::Standing(
            why @ (StandingRefused::BadLength { .. } | StandingRefused::ReviewInThePast),
        )))) => {
            let words = sentence(&why.to_string());
            show(&app, &viewer, again(String::new(), words), status).await
        }
        Err(Wrong::Access(AccessError::Refused(why))) => {
            if let Some(way) = sign_in_again::for_press(&why, &whose.address(act)) {
                return Ok(way);
            }
            let mut words = again(String::new(), String::new());
            words.refused = Some(sentence(&why.to_string()));
            let status = ProblemResponse::from(why).status();
            show(&app, &viewer, words, status).await
        }
        Err(Wrong::Access(error)) => Err(error.into()),
    }
}

enum Wrong {
    Field(String),
    Access(AccessError),
}

impl From<AccessError> for Wrong {
    fn from(error: AccessError) -> Self {
        Self::Access(error)
    }
}

async fn carry_out(
    app: &App,
    viewer: &Viewer,
    act: StandingPress,
    meant: &Meant,
    typed: &Pressed,
) -> Result<String, Wrong> {
    let (access, actor) = (&app.access, &viewer.actor);
    let to = back(&typed.from);
    match act {
        StandingPress::Accept => {
            let review = review_at(&typed.review, &viewer.zone)?;
            access
                .accept_standing(actor, meant, &typed.reason, review)
                .await?;
            Ok(to)
        }
        StandingPress::Withdraw => {
            access
                .withdraw_standing(actor, meant, &typed.reason)
                .await?;
            Ok(to)
        }
        StandingPress::Adopt => {
            let length: TimeSpan = typed
                .length
                .trim()
                .parse()
                .map_err(|_| Wrong::Field("Write a length like 8h or 1h 30m.".to_owned()))?;
            let grant = access
                .adopt_standing(actor, meant, length, &typed.reason, None)
                .await?;
            Ok(flash::after(&to, Flash::Adopted, grant.id))
        }
    }
}

fn review_at(text: &str, zone: &TimeZone) -> Result<Option<Timestamp>, Wrong> {
    let text = text.trim();
    if text.is_empty() {
        return Ok(None);
    }
    let wrong = || Wrong::Field("Write a day like 2027-01-31.".to_owned());
    let day = time::day(text).map_err(|_| wrong())?;
    let at = day.to_zoned(zone.clone()).map_err(|_| wrong())?;
    Ok(Some(at.timestamp()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_way_back_is_a_page_that_shows_access() {
        for (from, to) in [
            (
                "/access?by=person&kind=unknown",
                "/access?by=person&kind=unknown",
            ),
            ("/sweeps/swp_1", "/sweeps/swp_1"),
            ("//evil.example", "/access"),
            ("/audit", "/access"),
            ("", "/access"),
        ] {
            assert_eq!(back(from), to, "{from}");
        }
    }

    #[test]
    fn a_review_is_on_a_day_of_who_says_so() {
        let zone = TimeZone::get("Europe/Stockholm").unwrap();
        let at = review_at("2027-01-31", &zone).ok().flatten().unwrap();
        assert_eq!(at.to_string(), "2027-01-30T23:00:00Z");
        assert!(matches!(review_at(" ", &zone), Ok(None)));
        for text in ["tomorrow", "2027-02-30", "31.1.2027"] {
            assert!(
                matches!(review_at(text, &zone), Err(Wrong::Field(_))),
                "{text}"
            );
        }
    }
}
