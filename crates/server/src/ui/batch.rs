//! Batch requests (`access.md` §5.2): siblings, and batch approval. Each request is still decided
//! separately.

use axum::{Router, extract::State, routing::post};
use hallpass_access::{
    AccessError, ActionRefused, Approving, Request, ReviewedVersion, RuleWarning, TARGETS_MAX,
};
use hallpass_base::RequestId;
use serde::Deserialize;

use super::{
    confirming::{self, Warned},
    flash::{self, Flash},
    presenter::Presenter,
    press, rows,
    shell::{PageResult, Posted, Viewer, see_other},
    sign_in_again,
    words::Badge,
};
use crate::{App, body::Path, problem::ProblemResponse};

pub(super) struct Sibling {
    pub(super) id: String,
    pub(super) words: String,
    pub(super) badge: Badge,
}

pub(super) async fn siblings(
    app: &App,
    viewer: &Viewer,
    view: &Presenter,
    request: &Request,
) -> Result<Vec<Sibling>, ProblemResponse> {
    let others = app.access.asked_with(&viewer.actor, request).await?;
    let mut siblings = Vec::new();
    for other in &others {
        let grant = rows::with_grant(app, viewer, other).await;
        siblings.push(Sibling {
            id: other.id.to_string(),
            words: view.aim_of(other).words(),
            badge: rows::badge(view, other, grant.as_ref()),
        });
    }
    Ok(siblings)
}

pub(super) async fn extended(app: &App, viewer: &Viewer, request: &Request) -> Option<String> {
    let grant = app
        .access
        .grant(&viewer.actor, request.extends?)
        .await
        .ok()?;
    Some(format!("/requests/{}", grant.request))
}

pub(super) struct ApproveAll {
    pub(super) label: String,
    all: Vec<(RequestId, ReviewedVersion)>,
    pub(super) warned: Option<Warned>,
}

impl ApproveAll {
    pub(super) fn of(app: &App, request: &Request, approvable: &[&Request]) -> Option<Self> {
        let is_with =
            |other: &Request| other.id == request.id || request.asked_with.contains(&other.id);
        let together: Vec<_> = approvable.iter().filter(|other| is_with(other)).collect();
        let all: Vec<_> = together.iter().map(|it| (it.id, it.seen())).collect();
        let is_first = all.first().is_some_and(|(id, _)| *id == request.id);
        if !is_first || all.len() < 2 {
            return None;
        }
        let mut warnings = Vec::new();
        for other in together {
            RuleWarning::add_each_once(&mut warnings, app.access.warnings_to_confirm(other));
        }
        Some(Self {
            warned: Warned::of(&warnings, ""),
            label: match all.len() {
                2 => "Approve both".to_owned(),
                n => format!("Approve all {n}"),
            },
            all,
        })
    }

    pub(super) fn value(&self) -> String {
        let all = self.all.iter().map(|(id, seen)| format!("{id}:{seen}"));
        all.collect::<Vec<_>>().join(" ")
    }
}

fn read_pairs(text: &str) -> Vec<(RequestId, ReviewedVersion)> {
    let pairs = text.split_whitespace().filter_map(|pair| {
        let (id, seen) = pair.split_once(':')?;
        Some((id.parse().ok()?, seen.parse().ok()?))
    });
    pairs.take(TARGETS_MAX).collect()
}

#[derive(Deserialize)]
struct ApproveTogether {
    all: String,
    #[serde(default)]
    from: String,
    #[serde(default)]
    confirmed: String,
}

pub(super) fn router() -> Router<App> {
    Router::new().route("/requests/{id}/approve-together", post(approve))
}

async fn approve(
    State(app): State<App>,
    Path(id): Path<String>,
    Posted { viewer, form }: Posted<ApproveTogether>,
) -> PageResult {
    let Ok(id) = id.parse::<RequestId>() else {
        return press::missing(&app, &viewer).await;
    };
    let confirmed = confirming::ids(&form.confirmed);
    let mut is_begun = false;
    for (each, seen) in read_pairs(&form.all) {
        let approving = Approving {
            seen: Some(seen),
            comment: None,
            duration: None,
            confirmed: &confirmed,
        };
        let pressed = app
            .access
            .approve_with(&viewer.actor, each, approving, None);
        match pressed.await {
            // failures of the others do not matter here; the page reports each
            Ok(_) => is_begun = true,
            Err(AccessError::NotFound(_)) => {}
            Err(error) if is_begun && is_passing(&error) => {
                tracing::warn!(request.id = %each, error = %error, "not all that were approved together are");
                break;
            }
            // the page itself would not report a temporary refusal
            Err(AccessError::Refused(why)) if why.retry_after().is_some() => return Err(why.into()),
            Err(AccessError::Refused(ActionRefused::WarningsUnconfirmed { .. })) => {
                let form = format!("/requests/{each}/approve?from=reviews");
                return Ok(see_other(&form));
            }
            Err(AccessError::Refused(why)) => {
                let page = flash::after(&format!("/requests/{each}"), Flash::SignedIn, each);
                if let Some(way) = sign_in_again::for_press(&why, &page) {
                    return Ok(way);
                }
            }
            Err(error) => return Err(error.into()),
        }
    }
    let back = press::back(&form.from, id);
    Ok(see_other(&flash::after(&back, Flash::ApprovedTogether, id)))
}

/// Returns whether the error is temporary and affects all requests.
fn is_passing(error: &AccessError) -> bool {
    match error {
        AccessError::Refused(why) => why.retry_after().is_some(),
        AccessError::Read(_) | AccessError::Commit(_) | AccessError::Directory(_) => true,
        AccessError::NotFound(_) | AccessError::KeyReused | AccessError::TargetCount(_) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_form_carries_is_read_as_far_as_it_makes_sense() {
        let id = "req_019b8b74335870008000000000000007";
        let pairs = read_pairs(&format!("{id}:3 x:1 {id} {id}:x  {id}:4"));
        let seen: Vec<String> = pairs.iter().map(|(_, seen)| seen.to_string()).collect();
        assert_eq!(seen, ["3", "4"]);
        assert_eq!(
            read_pairs(&format!("{id}:1 ").repeat(100)).len(),
            TARGETS_MAX
        );
    }
}
