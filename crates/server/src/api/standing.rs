use std::future::ready;

use axum::{Json, extract::State};
use hallpass_access::identity::TokenScope;
use hallpass_access::{Meant, Wanted};
use hallpass_api::{
    Page, Problem, Standing, StandingAct, StandingAction, StandingDone, StandingFate, StandingKind,
    StandingList,
};
use hallpass_base::{SweepId, TimeSpan, fold};
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

const FATES: [&str; 10] = [
    "reported",
    "waits",
    "in_hand",
    "planned",
    "due",
    "removing",
    "gone",
    "stuck",
    "adopted",
    "left_alone",
];

/// Cursor separator: occurs in no id and no permission set name.
const APART: &str = "~";

#[derive(Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct StandingQuery {
    /// Only this kind.
    kind: Option<String>,
    /// Only with this outcome, such as `planned` or `stuck`.
    fate: Option<String>,
    /// Only of this user: e-mail or id.
    user: Option<String>,
    /// Only in this account: id or name.
    account: Option<String>,
    /// The `next` of the previous page.
    cursor: Option<String>,
    /// Rows, 1 to 500.
    limit: Option<usize>,
}

impl StandingQuery {
    /// Returns a page of the findings of a run, sorted by subject, so that a changed item moves no
    /// other. Refuses a cursor of another run.
    pub(super) fn page(
        &self,
        run: Option<SweepId>,
        items: Vec<Standing>,
    ) -> Result<Page<Standing>, ProblemResponse> {
        known("kind", self.kind.as_deref(), &KINDS)?;
        known("fate", self.fate.as_deref(), &FATES)?;
        let run = run.map(|id| id.to_string()).unwrap_or_default();
        let after = self.cursor.as_deref().map(|it| after(it, &run));
        let after = after.transpose()?;
        let size = page_size(self.limit);
        let fits = |item: &Standing| {
            is(self.kind.as_deref(), [Some(item.kind.name())])
                && is(self.fate.as_deref(), [item.fate.map(StandingFate::name)])
                && is(
                    self.user.as_deref(),
                    [Some(item.user_id.as_str()), item.user.as_deref()],
                )
                && is(
                    self.account.as_deref(),
                    [item.account.as_deref(), item.account_name.as_deref()],
                )
        };
        let fitting = items.into_iter().filter(fits);
        let mut fitting: Vec<(ListPlace, Standing)> =
            fitting.map(|item| (place(&item), item)).collect();
        fitting.retain(|(place, _)| after.as_ref().is_none_or(|after| place > after));
        fitting.sort_by(|(one, _), (other, _)| one.cmp(other));
        let has_more = fitting.len() > size;
        fitting.truncate(size);
        let last = fitting.last().filter(|_| has_more);
        let next = last.map(|(place, _)| format!("{run}{APART}{}", place.join(APART)));
        let items = fitting.into_iter().map(|(_, item)| item).collect();
        Ok(Page { items, next })
    }
}

type ListPlace = [String; 5];

fn place(item: &Standing) -> ListPlace {
    let absent = if item.kind == StandingKind::Absent {
        "1"
    } else {
        "0"
    };
    [
        absent.to_owned(),
        item.user_id.clone(),
        item.group.clone().unwrap_or_default(),
        item.account.clone().unwrap_or_default(),
        item.permission_set.clone().unwrap_or_default(),
    ]
}

fn after(cursor: &str, run: &str) -> Result<ListPlace, ProblemResponse> {
    let parts = cursor.split_once(APART);
    let place = parts.and_then(|(of, rest)| {
        let rest: Vec<String> = rest.split(APART).map(str::to_owned).collect();
        Some((of, ListPlace::try_from(rest).ok()?))
    });
    match place {
        Some((of, place)) if of == run => Ok(place),
        Some(_) => {
            let words = "another run has looked since: begin again, without it";
            Err(bad_parameter("cursor", words))
        }
        None => Err(bad_parameter("cursor", "it is not from this listing")),
    }
}

fn known(field: &str, name: Option<&str>, names: &[&str]) -> Result<(), ProblemResponse> {
    match name.filter(|name| !names.contains(name)) {
        None => Ok(()),
        Some(name) => {
            let known = names.join(", ");
            Err(bad_parameter(
                field,
                format!("`{name}` is not one of {known}"),
            ))
        }
    }
}

fn is<const N: usize>(wanted: Option<&str>, found: [Option<&str>; N]) -> bool {
    wanted.is_none_or(|wanted| {
        found
            .into_iter()
            .flatten()
            .any(|found| fold::is_same(found, wanted))
    })
}

/// Standing access found by the newest sweep; auditors and administrators.
#[utoipa::path(get, path = "/api/v1/standing", params(StandingQuery),
    responses((status = 200, body = StandingList), (status = 404, body = Problem)))]
pub(crate) async fn list(
    State(app): State<App>,
    caller: AuthenticatedCaller,
    Parameters(narrowed): Parameters<StandingQuery>,
) -> Result<Json<StandingList>, ProblemResponse> {
    let actor = caller.allow(&[TokenScope::Read])?;
    let known = app.access.standing(actor).await?;
    let found = known.items.iter().map(convert_sweeps::item);
    let absent = known.absent.iter().map(convert_sweeps::absent);
    let run = known.sweep.as_ref().map(|sweep| sweep.id);
    let page = narrowed.page(run, found.chain(absent).collect())?;
    Ok(Json(StandingList {
        items: page.items,
        next: page.next,
        sweep: known.sweep.as_ref().map(convert_sweeps::sweep),
    }))
}

/// Accept standing access, withdraw the acceptance, or set its end; administrators. Supports
/// `Idempotency-Key`: a repeated acceptance returns without the accepted items.
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
    let (accepted, grant) = match body.action {
        StandingAction::Accept => {
            let accepted = async {
                let accepted = access.accept_standing(actor, &meant, reason, body.review_at);
                Ok::<_, ProblemResponse>(Some(accepted.await?))
            };
            (
                once(&app, actor, key, accepted, ready(Ok(None))).await?,
                None,
            )
        }
        StandingAction::Withdraw => {
            let withdrawn = async {
                let withdrawn = access.withdraw_standing(actor, &meant, reason);
                Ok::<_, ProblemResponse>(Some(withdrawn.await?))
            };
            (
                once(&app, actor, key, withdrawn, ready(Ok(None))).await?,
                None,
            )
        }
        StandingAction::Adopt => {
            let seconds = body.duration_seconds.ok_or_else(|| {
                ProblemResponse::bad("bad-body", "`adopt` wants `duration_seconds`")
            })?;
            let length = TimeSpan::seconds(seconds);
            let adopted = access.adopt_standing(actor, &meant, length, reason, key.as_ref());
            (None, Some(adopted.await?))
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

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn run(n: u128) -> SweepId {
        SweepId::new(uuid::Uuid::from_u128(n))
    }

    fn item(user: &str, set: &str, kind: &str, fate: &str) -> Standing {
        serde_json::from_value(json!({
            "user_id": user, "account": "222233334444", "permission_set": set, "kind": kind,
            "says": "", "fate": fate,
        }))
        .unwrap()
    }

    fn narrowed(query: serde_json::Value) -> StandingQuery {
        serde_json::from_value(query).unwrap()
    }

    fn users(page: &Page<Standing>) -> Vec<&str> {
        page.items.iter().map(|it| it.user_id.as_str()).collect()
    }

    /// Items changed between pages leave the selection; no other item is skipped.
    #[test]
    fn no_item_is_lost_between_pages_when_others_change() {
        let planned = |users: &[&str]| -> Vec<Standing> {
            let items = users.iter();
            items
                .map(|user| item(user, "ReadOnly", "unknown", "planned"))
                .collect()
        };
        let query = json!({"fate": "planned", "limit": 2});
        let first = narrowed(query.clone());
        let first = first
            .page(Some(run(1)), planned(&["d", "a", "c", "b"]))
            .unwrap();
        assert_eq!(users(&first), ["a", "b"]);
        let mut further = query;
        further["cursor"] = first.next.clone().unwrap().into();
        let further = narrowed(further);
        let mut left = planned(&["c", "d"]);
        left.push(item("a", "ReadOnly", "unknown", "gone"));
        let second = further.page(Some(run(1)), left).unwrap();
        assert_eq!(users(&second), ["c", "d"]);
        assert_eq!(second.next, None);
        let other = further
            .page(Some(run(2)), planned(&["c", "d"]))
            .unwrap_err();
        assert_eq!(other.status(), axum::http::StatusCode::BAD_REQUEST);
    }

    #[test]
    fn pages_are_the_whole_in_one_order() {
        let items = || {
            vec![
                item("a", "Read+Only", "absent", "reported"),
                item("b", "Admin", "unknown", "reported"),
                item("a", "Billing", "accepted", "reported"),
                Standing {
                    account: None,
                    permission_set: None,
                    group: Some("99999999-8888-7777-6666-555555555555".to_owned()),
                    ..item("a", "", "unknown", "reported")
                },
                item("a", "Admin", "unknown", "reported"),
            ]
        };
        let whole = narrowed(json!({})).page(None, items()).unwrap();
        let sets = whole.items.iter().map(|it| it.permission_set.as_deref());
        let sets: Vec<_> = sets.map(Option::unwrap_or_default).collect();
        assert_eq!(sets, ["Admin", "Billing", "", "Admin", "Read+Only"]);
        let (mut found, mut cursor) = (Vec::new(), None);
        for _ in 0..items().len() {
            let query = json!({"limit": 1, "cursor": cursor});
            let page = narrowed(query).page(None, items()).unwrap();
            found.extend(page.items);
            cursor = page.next;
        }
        assert_eq!((found, cursor), (whole.items, None));
    }

    #[test]
    fn what_is_none_is_refused() {
        for query in [
            json!({"kind": "unkown"}),
            json!({"fate": "plannned"}),
            json!({"cursor": "50"}),
            json!({"cursor": ""}),
            json!({"cursor": "~0~a~b~c~d~e"}),
        ] {
            let refused = narrowed(query.clone()).page(None, Vec::new());
            assert_eq!(
                refused.err().map(|it| it.status()),
                Some(axum::http::StatusCode::BAD_REQUEST),
                "{query}"
            );
        }
        for fate in FATES {
            let page = narrowed(json!({ "fate": fate })).page(None, Vec::new());
            assert!(page.is_ok(), "{fate}");
        }
    }
}
