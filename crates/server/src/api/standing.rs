//! Standing access: what is known of it, accepting it, giving it an end.

use std::future::ready;

use axum::{Json, extract::State};
use hallpass_access::{Meant, Wanted};
use hallpass_api::{Page, Problem, Standing, StandingAct, StandingDone, StandingList};
use hallpass_identity::TokenScope;
use hallpass_model::TimeSpan;
use serde::Deserialize;

use super::{once, page_size};
use crate::{
    App,
    auth::AuthenticatedCaller,
    body::{Body, KeyOf, Parameters},
    convert, convert_sweeps,
    problem::{ProblemResponse, bad_parameter},
};

const KINDS: [&str; 6] = [
    "unknown",
    "preexisting",
    "under_grant",
    "accepted",
    "review_overdue",
    "absent",
];

/// Which findings are wanted.
#[derive(Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct Narrowed {
    /// Only this kind.
    kind: Option<String>,
    /// Only what this becomes of, such as `planned` or `stuck`.
    fate: Option<String>,
    /// Only this person's: e-mail or id.
    user: Option<String>,
    /// Only in this account: id or name.
    account: Option<String>,
    /// The `next` of the page before.
    cursor: Option<String>,
    /// Rows, 1 to 500.
    limit: Option<usize>,
}

impl Narrowed {
    /// A page of the findings that fit. They have an order of their own, and change with the run.
    pub(super) fn page(&self, items: Vec<Standing>) -> Result<Page<Standing>, ProblemResponse> {
        if let Some(kind) = self.kind.as_deref().filter(|kind| !KINDS.contains(kind)) {
            let known = KINDS.join(", ");
            return Err(bad_parameter(
                "kind",
                format!("`{kind}` is not one of {known}"),
            ));
        }
        let skip = self.cursor.as_deref().map_or(Ok(0), str::parse::<usize>);
        let skip = skip.map_err(|error| bad_parameter("cursor", error))?;
        let size = page_size(self.limit);
        let fits = |item: &Standing| {
            is(self.kind.as_deref(), [Some(item.kind.as_str())])
                && is(self.fate.as_deref(), [item.fate.as_deref()])
                && is(
                    self.user.as_deref(),
                    [Some(item.user_id.as_str()), item.user.as_deref()],
                )
                && is(
                    self.account.as_deref(),
                    [item.account.as_deref(), item.account_name.as_deref()],
                )
        };
        let mut fitting = items.into_iter().filter(fits).skip(skip);
        let items: Vec<Standing> = fitting.by_ref().take(size).collect();
        let next = fitting.next().map(|_| (skip + size).to_string());
        Ok(Page { items, next })
    }
}

/// Whether nothing is wanted, or one of these is it.
fn is<const N: usize>(wanted: Option<&str>, found: [Option<&str>; N]) -> bool {
    wanted.is_none_or(|wanted| {
        found
            .into_iter()
            .flatten()
            .any(|found| found.eq_ignore_ascii_case(wanted))
    })
}

/// What is known of standing access, as the newest sweep found it; auditors and administrators.
#[utoipa::path(get, path = "/api/v1/standing", params(Narrowed),
    responses((status = 200, body = StandingList), (status = 404, body = Problem)))]
pub(crate) async fn list(
    State(app): State<App>,
    caller: AuthenticatedCaller,
    Parameters(narrowed): Parameters<Narrowed>,
) -> Result<Json<StandingList>, ProblemResponse> {
    let actor = caller.allow(&[TokenScope::Read])?;
    let known = app.access.standing(actor).await?;
    let found = known.items.iter().map(convert_sweeps::item);
    let absent = known.absent.iter().map(convert_sweeps::absent);
    let page = narrowed.page(found.chain(absent).collect())?;
    Ok(Json(StandingList {
        items: page.items,
        next: page.next,
        sweep: known.sweep.as_ref().map(convert_sweeps::sweep),
    }))
}

/// Accept standing access, accept it no more, or give it an end; administrators. An
/// `Idempotency-Key` is honoured: accepting made again answers without what was accepted.
#[utoipa::path(post, path = "/api/v1/standing", request_body = StandingAct,
    params(("Idempotency-Key" = Option<String>, Header)),
    responses((status = 200, body = StandingDone), (status = 400, body = Problem),
        (status = 403, body = Problem), (status = 404, body = Problem), (status = 409, body = Problem)))]
pub(crate) async fn act(
    State(app): State<App>,
    caller: AuthenticatedCaller,
    key: KeyOf,
    Body(body): Body<StandingAct>,
) -> Result<Json<StandingDone>, ProblemResponse> {
    let actor = caller.allow(&[TokenScope::Admin])?;
    let key = key.with(&body);
    let meant = Meant {
        user: body.user.clone(),
        wanted: wanted(&body)?,
    };
    let reason = body.reason.as_deref().unwrap_or_default();
    let access = &app.access;
    let (accepted, grant) = match body.action.as_str() {
        "accept" => {
            let accepted = async {
                let accepted = access.accept_standing(actor, &meant, reason, body.review_at);
                Ok::<_, ProblemResponse>(Some(accepted.await?))
            };
            (
                once((&app, actor), key, accepted, ready(Ok(None))).await?,
                None,
            )
        }
        "withdraw" => {
            let withdrawn = async {
                let withdrawn = access.withdraw_standing(actor, &meant, reason);
                Ok::<_, ProblemResponse>(Some(withdrawn.await?))
            };
            (
                once((&app, actor), key, withdrawn, ready(Ok(None))).await?,
                None,
            )
        }
        "adopt" => {
            let seconds = body.duration_seconds.ok_or_else(|| {
                ProblemResponse::bad("bad-body", "`adopt` wants `duration_seconds`")
            })?;
            let length = TimeSpan::seconds(seconds);
            let adopted = access.adopt_standing(actor, &meant, length, reason, key.as_ref());
            (None, Some(adopted.await?))
        }
        other => {
            let words = format!("`{other}` is not `accept`, `withdraw` or `adopt`");
            return Err(ProblemResponse::bad("bad-body", words));
        }
    };
    Ok(Json(StandingDone {
        accepted: accepted.map(|accepted| convert_sweeps::acceptance(&accepted.acceptance())),
        grant: grant.map(|grant| convert::grant(&grant, &app.identity)),
        action: body.action,
    }))
}

fn wanted(body: &StandingAct) -> Result<Wanted, ProblemResponse> {
    super::wanted(
        body.account.as_deref(),
        body.permission_set.as_deref(),
        body.group.as_deref(),
    )
}
