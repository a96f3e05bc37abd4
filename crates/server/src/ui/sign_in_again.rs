//! New sign-in required by an action, and return to the page. The action is never performed
//! automatically.

use askama::Template;
use axum::response::Response;
use hallpass_access::ActionRefused;
use hallpass_access::identity::SignedIn;
use hallpass_base::TimeSpan;
use hallpass_channels::wording::lists::any_of;
use serde::Deserialize;

use super::presenter::Presenter;
use super::shell::{Viewer, local_path, page, see_other, url_encoded};
use super::words::plain;
use super::{CSS, JS};
use crate::{App, ServerMode};

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct AgainQuery {
    pub(super) again: Option<String>,
    within: Option<u64>,
    acr: String,
}

#[derive(Template)]
#[template(path = "again.html")]
struct AgainPage {
    css: &'static str,
    js: &'static str,
    theme: &'static str,
    wanted: String,
    signed_in: String,
    name: String,
    way: Option<(String, String)>,
    persona: Option<String>,
    next: String,
}

/// Redirects to a new sign-in if required; `next` is the return path.
pub(super) fn for_press(why: &ActionRefused, next: &str) -> Option<Response> {
    let ActionRefused::SignInAgain { max_age, acr, .. } = why else {
        return None;
    };
    let within = max_age.map_or_else(String::new, |age| format!("&within={}", age.as_seconds()));
    let acr = url_encoded(&acr.join(" "));
    let next = url_encoded(next);
    // under the sign-in path, where the script keeps drafts
    Some(see_other(&format!(
        "/signin?again=1{within}&acr={acr}&next={next}"
    )))
}

pub(super) fn show(app: &App, viewer: &Viewer, wanted: &AgainQuery, next: &str) -> Response {
    let next = local_path(next);
    let view = Presenter::new(app, viewer);
    let ways: Vec<String> = wanted.acr.split_whitespace().map(plain).collect();
    let provider = app.sign_in.provider.as_ref();
    let way = provider.map(|provider| {
        let acr = url_encoded(&wanted.acr);
        let next = url_encoded(next);
        let way = format!("/signin/oidc?fresh=1&acr={acr}&next={next}");
        (provider.settings().name.clone(), way)
    });
    let is_persona = matches!(app.mode.as_ref(), ServerMode::Demo { .. })
        && viewer.live.session.signed_in == SignedIn::Persona;
    page(&AgainPage {
        css: CSS.url(),
        js: JS.url(),
        theme: viewer.theme,
        wanted: in_words(wanted.within, &ways),
        signed_in: match viewer.live.session.authentication() {
            None => "Your provider did not say when you signed in.".to_owned(),
            Some(proof) => {
                let at = view.words(proof.at);
                let acr = proof
                    .acr
                    .map(|acr| format!(", in the way `{}`", plain(&acr)));
                format!("You signed in at {at}{}.", acr.unwrap_or_default())
            }
        },
        name: plain(&viewer.actor.name),
        persona: (is_persona && way.is_none()).then(|| viewer.live.session.user.to_string()),
        way,
        next: next.to_owned(),
    })
}

fn in_words(within: Option<u64>, ways: &[String]) -> String {
    let lately = within.map(|seconds| format!("within the last {}", TimeSpan::seconds(seconds)));
    let in_way = (!ways.is_empty()).then(|| format!("in the way {}", any_of(ways)));
    let how: Vec<String> = lately.into_iter().chain(in_way).collect();
    match how.as_slice() {
        [] => "This action requires a fresh sign-in.".to_owned(),
        how => format!("This action requires a sign-in {}.", how.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_press_wants_is_said_in_words() {
        let ways = ["phr".to_owned(), "phrh".to_owned()];
        for (within, ways, words) in [
            (None, &ways[..0], "This action requires a fresh sign-in."),
            (
                Some(600),
                &ways[..0],
                "This action requires a sign-in within the last 10m.",
            ),
            (
                None,
                &ways[..],
                "This action requires a sign-in in the way phr or phrh.",
            ),
            (
                Some(600),
                &ways[..1],
                "This action requires a sign-in within the last 10m, in the way phr.",
            ),
        ] {
            assert_eq!(in_words(within, ways), words);
        }
    }
}
