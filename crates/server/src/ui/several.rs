//! Decides several requests on one page. Each is decided separately, and the page reports each from
//! its stored state.

use askama::Template;
use axum::{
    Router,
    extract::{RawQuery, State},
    routing::get,
};
use hallpass_access::{AccessError, Approving, Request, ReviewedVersion};
use hallpass_base::RequestId;
use hallpass_channels::wording::refused::TriedPress;
use serde::Deserialize;

use super::{
    flash,
    presenter::{Coded, Presenter},
    refusals,
    request::changed,
    reviews_card::{UNREADABLE, not_judged},
    rows::{self, Next, RequestRow},
    shell::{Nav, PageResult, Posted, Shell, Viewer, page, see_other},
    words::plain,
};
use crate::{App, problem::ProblemResponse};

/// Keeps the address, which a redirect repeats, below the 4 KB that proxies buffer.
const PICKS_MAX: usize = 50;

type Pick = (RequestId, ReviewedVersion);

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum SeveralDecision {
    Approve,
    Deny,
}

#[derive(Template)]
#[template(path = "several.html")]
struct SeveralPage {
    shell: Shell,
    decision: SeveralDecision,
    heading: String,
    submit: String,
    picks: String,
    others: String,
    ready: Vec<RequestRow>,
    left: Vec<RequestRow>,
    decided: Vec<RequestRow>,
    is_cut: bool,
    zone: String,
}

#[derive(Deserialize)]
struct Decide {
    #[serde(rename = "do")]
    decision: SeveralDecision,
    /// Blank-separated.
    picks: String,
    /// What the page did not offer to decide, but reports.
    #[serde(default)]
    others: String,
    #[serde(default)]
    words: String,
}

/// What the page says about a request.
enum SeveralState {
    Ready,
    Left(Coded),
    Decided(Coded),
}

impl SeveralDecision {
    const fn name(self) -> &'static str {
        match self {
            Self::Approve => "approve",
            Self::Deny => "deny",
        }
    }

    const fn verb(self) -> &'static str {
        match self {
            Self::Approve => "Approve",
            Self::Deny => "Deny",
        }
    }

    fn is_denial(self) -> bool {
        self == Self::Deny
    }
}

pub(super) fn router() -> Router<App> {
    Router::new().route("/reviews/several", get(show).post(decide))
}

pub(super) fn pick((id, seen): Pick) -> String {
    format!("{id}:{seen}")
}

pub(super) fn address(decision: SeveralDecision, picks: impl IntoIterator<Item = Pick>) -> String {
    let fields = picks.into_iter().map(|it| ("pick", pick(it)));
    let query = form_urlencoded::Serializer::new(String::new())
        .append_pair("do", decision.name())
        .extend_pairs(fields)
        .finish();
    format!("/reviews/several?{query}")
}

/// Returns label and address of the approval of a request with its siblings, on the first of them.
pub(super) fn approve_all(request: &Request, approvable: &[&Request]) -> Option<(String, String)> {
    let is_with =
        |other: &&&Request| other.id == request.id || request.asked_with.contains(&other.id);
    let all: Vec<_> = approvable.iter().filter(is_with).collect();
    if all.len() < 2 || all.first()?.id != request.id {
        return None;
    }
    let picks = all.iter().map(|it| (it.id, it.seen()));
    let label = match all.len() {
        2 => "Approve both…".to_owned(),
        n => format!("Approve all {n}…"),
    };
    Some((label, address(SeveralDecision::Approve, picks)))
}

fn read(texts: impl IntoIterator<Item = impl AsRef<str>>) -> Vec<Pick> {
    let mut picks: Vec<Pick> = Vec::new();
    for text in texts {
        if let Some((id, seen)) = text.as_ref().split_once(':')
            && let (Ok(id), Ok(seen)) = (id.parse(), seen.parse())
            && picks.iter().all(|(other, _)| *other != id)
        {
            picks.push((id, seen));
        }
    }
    picks
}

async fn show(State(app): State<App>, RawQuery(query): RawQuery, viewer: Viewer) -> PageResult {
    let query = query.unwrap_or_default();
    let fields = || form_urlencoded::parse(query.as_bytes());
    let decision = if fields().any(|(name, value)| name == "do" && value == "approve") {
        SeveralDecision::Approve
    } else {
        SeveralDecision::Deny
    };
    let mut picks = read(
        fields()
            .filter(|(name, _)| name == "pick")
            .map(|(_, text)| text),
    );
    if picks.is_empty() {
        return Ok(see_other("/reviews"));
    }
    let view = Presenter::new(&app, &viewer);
    let is_cut = picks.len() > PICKS_MAX;
    picks.truncate(PICKS_MAX);
    let (mut ready, mut left, mut decided) = (Vec::new(), Vec::new(), Vec::new());
    let (mut offered, mut others) = (Vec::new(), Vec::new());
    for (id, seen) in picks {
        let request = match app.access.request(&viewer.actor, id).await {
            Ok(request) => request,
            Err(AccessError::NotFound(_)) => continue,
            Err(error) => return Err(error.into()),
        };
        let mut row = rows::row(&app, &viewer, &view, &request).await;
        row.what = format!("{} for {}", row.what, request.duration);
        let found = state_of(&app, &viewer, &view, decision, &request, seen).await?;
        let (list, carried, words) = match found {
            SeveralState::Ready => (&mut ready, &mut offered, Coded::default()),
            SeveralState::Left(words) => (&mut left, &mut others, words),
            SeveralState::Decided(words) => (&mut decided, &mut others, words),
        };
        carried.push(pick((id, seen)));
        row.next = reason_or(words, &request);
        list.push(row);
    }
    let requests = |n| match n {
        1 => "1 request".to_owned(),
        n => format!("{n} requests"),
    };
    let submit = format!("{} {}", decision.verb(), requests(ready.len()));
    let heading = match (ready.len(), decided.len()) {
        (0, 0) => "None of these can be decided here".to_owned(),
        (0, n) => format!("You decided {}", requests(n)),
        _ => format!("{submit}?"),
    };
    let shell = viewer.shell(&app, Nav::Reviews, heading.clone()).await;
    Ok(page(&SeveralPage {
        picks: offered.join(" "),
        others: others.join(" "),
        zone: view.zone_words(),
        shell,
        decision,
        heading,
        submit,
        ready,
        left,
        decided,
        is_cut,
    }))
}

fn reason_or(words: Coded, request: &Request) -> Next {
    let is_open = words.is_empty();
    Next {
        quote: { is_open.then(|| plain(&request.reason)) }.unwrap_or_default(),
        words,
        link: None,
    }
}

async fn state_of(
    app: &App,
    viewer: &Viewer,
    view: &Presenter,
    decision: SeveralDecision,
    request: &Request,
    seen: ReviewedVersion,
) -> Result<SeveralState, ProblemResponse> {
    if let Some(words) = flash::pressed(view, request) {
        return Ok(SeveralState::Decided(Coded(words)));
    }
    let presses = match app.access.presses(&viewer.actor, request).await {
        Ok(presses) => presses,
        Err(AccessError::Read(error)) => {
            not_judged(request, &error);
            return Ok(SeveralState::Left(Coded(UNREADABLE.to_owned())));
        }
        Err(error) => return Err(error.into()),
    };
    let (press, tried) = match decision {
        SeveralDecision::Approve => (presses.approve, TriedPress::Approve),
        SeveralDecision::Deny => (presses.deny, TriedPress::Deny),
    };
    Ok(match press {
        Err(refused) => {
            let deciders = app.access.deciders(request);
            SeveralState::Left(refusals::words(view, request, &refused, tried, &deciders))
        }
        Ok(()) if request.seen() != seen => SeveralState::Left(changed(view, request)),
        Ok(()) if !decision.is_denial() && !app.access.warnings_to_confirm(request).is_empty() => {
            SeveralState::Left(Coded(
                "A warning must be read first: decide on its own page.".to_owned(),
            ))
        }
        Ok(()) => SeveralState::Ready,
    })
}

async fn decide(State(app): State<App>, Posted { viewer, form }: Posted<Decide>) -> PageResult {
    let decision = form.decision;
    let mut picks = read(form.picks.split_whitespace());
    picks.truncate(PICKS_MAX);
    let words = Some(form.words.trim()).filter(|words| !words.is_empty());
    let mut is_begun = false;
    for (id, seen) in &picks {
        let approving = Approving {
            seen: Some(*seen),
            comment: words,
            duration: None,
            confirmed: &[],
        };
        let access = &app.access;
        let decided = match decision {
            SeveralDecision::Approve => {
                access
                    .approve_with(&viewer.actor, *id, approving, None)
                    .await
            }
            SeveralDecision::Deny => access.deny(&viewer.actor, *id, words, None).await,
        };
        match decided {
            Ok(_) => is_begun = true,
            Err(error) if !is_passing(&error) => {}
            // the page lists the others as not decided
            Err(error) if is_begun => {
                tracing::warn!(request.id = %id, error = %error, "not all that were decided together are");
                break;
            }
            Err(error) => return Err(error.into()),
        }
    }
    picks.extend(read(form.others.split_whitespace()));
    picks.truncate(PICKS_MAX);
    Ok(see_other(&address(decision, picks)))
}

/// Returns whether the error affects all requests, so that the page would not report it.
fn is_passing(error: &AccessError) -> bool {
    match error {
        AccessError::Refused(why) => why.retry_after().is_some() || why.is_over_limit(),
        AccessError::Read(_) | AccessError::Commit(_) | AccessError::Directory(_) => true,
        AccessError::NotFound(_) | AccessError::KeyReused | AccessError::TargetCount(_) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_selected_is_read_as_far_as_it_makes_sense() {
        let id = "req_019b8b74335870008000000000000007";
        let picks = read(format!("{id}:3 x:1 {id} {id}:x {id}:4").split(' '));
        let wanted = format!("/reviews/several?do=approve&pick={id}%3A3");
        assert_eq!(address(SeveralDecision::Approve, picks), wanted);
    }
}
