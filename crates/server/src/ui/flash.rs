//! One-time messages after an action: a code in the URL, checked against the stored state, so that
//! forged URLs display nothing untrue.

use hallpass_access::{Approval, Grant, Request, RequestState};
use hallpass_channels::wording::outstanding;
use serde::Deserialize;

use super::{
    presenter::Presenter,
    shell::{Toast, Viewer},
};
use crate::App;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Flash {
    Approved,
    Denied,
    Discarded,
    Already,
    GivenBack,
    Revoked,
    Adopted,
    Broken,
    Closed,
    Refused,
    NotDenied,
    NotDiscarded,
    Changed,
    /// No message: returned from a new sign-in for an action.
    SignedIn,
}

impl Flash {
    const ALL: [Self; 14] = [
        Self::Approved,
        Self::Denied,
        Self::Discarded,
        Self::Already,
        Self::GivenBack,
        Self::Revoked,
        Self::Adopted,
        Self::Broken,
        Self::Closed,
        Self::Refused,
        Self::NotDenied,
        Self::NotDiscarded,
        Self::Changed,
        Self::SignedIn,
    ];

    pub(crate) const fn code(self) -> &'static str {
        match self {
            Self::Approved => "approved",
            Self::Denied => "denied",
            Self::Discarded => "discarded",
            Self::Already => "already",
            Self::GivenBack => "given-back",
            Self::Revoked => "revoked",
            Self::Adopted => "adopted",
            Self::Broken => "broken",
            Self::Closed => "closed",
            Self::Refused => "refused",
            Self::NotDenied => "not-denied",
            Self::NotDiscarded => "not-discarded",
            Self::Changed => "changed",
            Self::SignedIn => "signed-in",
        }
    }
}

#[derive(Clone, Debug, Default, Deserialize)]
pub(crate) struct FlashQuery {
    #[serde(default)]
    said: String,
    #[serde(default)]
    pub(crate) about: String,
}

impl FlashQuery {
    pub(crate) fn said(&self) -> Option<Flash> {
        Flash::ALL.into_iter().find(|said| said.code() == self.said)
    }

    pub(crate) async fn request(&self, app: &App, viewer: &Viewer) -> Option<Request> {
        let id = self.about.parse().ok()?;
        app.access.request(&viewer.actor, id).await.ok()
    }

    async fn grant(&self, app: &App, viewer: &Viewer) -> Option<Grant> {
        let id = self.about.parse().ok()?;
        app.access.grant(&viewer.actor, id).await.ok()
    }

    pub(crate) async fn toast(
        &self,
        app: &App,
        viewer: &Viewer,
        view: &Presenter,
    ) -> Option<Toast> {
        match self.said()? {
            Flash::GivenBack => {
                let grant = self.grant(app, viewer).await?;
                let aim = view.aim(Some(&grant.key.target), &grant.names);
                (!grant.is_hold()).then(|| Toast {
                    words: format!("Ended early: {}.", aim.words()),
                    link: Some(("Request again".to_owned(), aim.ask)),
                })
            }
            Flash::Revoked => {
                let grant = self.grant(app, viewer).await?;
                let aim = view.aim(Some(&grant.key.target), &grant.names);
                let words = format!("Revoked: {}. AWS is confirming.", aim.words());
                (!grant.is_hold()).then(|| words.into())
            }
            Flash::Adopted => {
                let grant = self.grant(app, viewer).await?;
                let aim = view.aim(Some(&grant.key.target), &grant.names);
                let ends = view.words(grant.ends_at);
                let words = format!("{} ends {ends} now. They were notified.", aim.words());
                (grant.approval == Approval::Adopted && grant.is_hold()).then(|| words.into())
            }
            Flash::Approved | Flash::Denied | Flash::Discarded => {
                let request = self.request(app, viewer).await?;
                pressed(view, &request).map(Into::into)
            }
            Flash::Broken => {
                let request = self.request(app, viewer).await?;
                let words = "Glass broken. Approvers and admins were notified; AWS is confirming.";
                request.has_open_review().then(|| words.into())
            }
            Flash::Closed => {
                let request = self.request(app, viewer).await?;
                let closed = request.after_review?.closed?;
                (closed.by == view.me).then(|| "Review closed.".into())
            }
            Flash::Already
            | Flash::Refused
            | Flash::NotDenied
            | Flash::NotDiscarded
            | Flash::Changed
            | Flash::SignedIn => None,
        }
    }
}

pub(crate) fn pressed(view: &Presenter, request: &Request) -> Option<String> {
    let requester = Presenter::person(&request.requester.name, &request.requester.email);
    let own = view.is_me(&request.requester);
    match &request.state {
        RequestState::Approved { by, at, .. } if *by == view.me => {
            let length = request.duration;
            Some(match (own, request.extends) {
                (_, Some(_)) => {
                    let end = view.words(length.after(*at));
                    format!("You approved {} until {end}.", requester.name)
                }
                (true, None) => format!("You approved {length} for yourself. AWS is confirming."),
                (false, None) => {
                    format!(
                        "You approved {length} for {}. AWS is confirming.",
                        requester.name
                    )
                }
            })
        }
        RequestState::Pending if view.has_reviewed(request) => {
            Some(yes_of_several(view, request, &requester.name))
        }
        RequestState::Denied { by, .. } if *by == view.me => {
            Some(format!("Denied. {} was notified.", requester.first))
        }
        RequestState::Discarded { by, .. } if *by == view.me => {
            Some("Request discarded.".to_owned())
        }
        _ => None,
    }
}

fn yes_of_several(view: &Presenter, request: &Request, requester: &str) -> String {
    let waits_for = outstanding::whom(request, view);
    if let Some(whom) = waits_for.filter(|_| !request.stages().is_empty()) {
        return format!("You approved this for {requester}. It waits for {whom}.");
    }
    let (given, needed) = request.approvals();
    let place = ordinal(usize::try_from(given).unwrap_or(usize::MAX));
    format!("Your approval is the {place} of {needed} for {requester}.")
}

fn ordinal(n: usize) -> String {
    match n {
        1 => "first".to_owned(),
        2 => "second".to_owned(),
        3 => "third".to_owned(),
        n => format!("{n}th"),
    }
}

pub(crate) fn after(page: &str, said: Flash, about: impl std::fmt::Display) -> String {
    let (path, query) = page.split_once('?').unwrap_or((page, ""));
    let says = |pair: &str| pair.starts_with("said=") || pair.starts_with("about=");
    let mut pairs: Vec<&str> = query
        .split('&')
        .filter(|pair| !pair.is_empty() && !says(pair))
        .collect();
    let now = format!("said={}&about={about}", said.code());
    pairs.push(&now);
    format!("{path}?{}", pairs.join("&"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_says_one_thing_and_keeps_its_search() {
        for (page, wanted) in [
            ("/reviews", "/reviews?said=revoked&about=g"),
            (
                "/access?by=person",
                "/access?by=person&said=revoked&about=g",
            ),
            (
                "/access?said=denied&about=x&q=a%26b",
                "/access?q=a%26b&said=revoked&about=g",
            ),
        ] {
            assert_eq!(after(page, Flash::Revoked, "g"), wanted, "{page}");
        }
    }
}
