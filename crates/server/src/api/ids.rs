//! Ids in paths: complete, or as many first digits as name one of those that the caller may see.

use std::fmt::Display;
use std::ops::Range;

use axum::http::StatusCode;
use hallpass_access::{
    Actor, GrantFilter, Listed, RequestFilter, RequestView, grants_beginning_with,
    requests_beginning_with,
};
use hallpass_base::{GrantId, RequestId};

use crate::{App, problem::ProblemResponse};

/// Rows that an ambiguous id names.
const CANDIDATES_MAX: usize = 5;

pub(super) async fn request_id(
    app: &App,
    actor: &Actor,
    text: &str,
) -> Result<RequestId, ProblemResponse> {
    if let Ok(id) = text.parse() {
        return Ok(id);
    }
    let missing = || ProblemResponse::not_found("request");
    let range = requests_beginning_with(text).ok_or_else(missing)?;
    let filter = RequestFilter {
        before: Some(range.end),
        ..RequestFilter::default()
    };
    let view = RequestView::All;
    let found = app.access.requests(actor, view, &filter, CANDIDATES_MAX);
    let found = found.await?;
    only(text, &range, &ids(found, |it| it.id))?.ok_or_else(missing)
}

pub(super) async fn grant_id(
    app: &App,
    actor: &Actor,
    text: &str,
) -> Result<GrantId, ProblemResponse> {
    if let Ok(id) = text.parse() {
        return Ok(id);
    }
    let missing = || ProblemResponse::not_found("grant");
    let range = grants_beginning_with(text).ok_or_else(missing)?;
    let filter = GrantFilter {
        before: Some(range.end),
        ..GrantFilter::default()
    };
    let found = app.access.grants(actor, &filter, CANDIDATES_MAX).await?;
    only(text, &range, &ids(found, |it| it.id))?.ok_or_else(missing)
}

fn ids<T, I>(found: Listed<T, I>, id: impl Fn(&T) -> I) -> Listed<I, I> {
    Listed {
        rows: found.rows.iter().map(id).collect(),
        next: found.next,
    }
}

/// Chooses the only id within `range`; `found` lists ids before its end, newest first.
fn only<I: PartialOrd + Copy + Display>(
    text: &str,
    range: &Range<I>,
    found: &Listed<I, I>,
) -> Result<Option<I>, ProblemResponse> {
    let within: Vec<I> = { found.rows.iter().copied() }
        .filter(|id| range.contains(id))
        .collect();
    // the list may have stopped early, within the range
    let is_whole = { found.next.as_ref() }.is_none_or(|next| *next <= range.start);
    match within.as_slice() {
        [] if is_whole => Ok(None),
        [id] if is_whole => Ok(Some(*id)),
        several => {
            let names: Vec<String> = several.iter().map(ToString::to_string).collect();
            let detail = format!("`{text}` begins several ids: {}", names.join(", "));
            Err(
                ProblemResponse::new(StatusCode::CONFLICT, "ambiguous-id", detail)
                    .help("give more digits of the id"),
            )
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(end: &str) -> RequestId {
        format!("req_01934a5b6c7d7e8f90123456{end:0>8}")
            .parse()
            .unwrap()
    }

    #[test]
    fn an_id_is_chosen_only_where_no_other_begins_so() {
        let text = "req_01934a5b6c7d7e8f90123456789a";
        let range = requests_beginning_with(text).unwrap();
        let (a, b) = (request("789abcde"), request("789abcdd"));
        let (older, oldest) = (request("6"), request("5"));
        for (rows, next, chosen) in [
            (vec![], None, Ok(None)),
            (vec![a], None, Ok(Some(a))),
            (vec![a, older], Some(older), Ok(Some(a))),
            (vec![older, oldest], Some(oldest), Ok(None)),
            (
                vec![a, b],
                None,
                Err("req_01934a5b6c7d7e8f90123456789abcdd"),
            ),
            // hidden rows stopped the list
            (vec![a], Some(b), Err("begins several ids")),
            (vec![], Some(b), Err("begins several ids")),
        ] {
            let found = only(text, &range, &Listed { rows, next });
            match (found, chosen) {
                (Ok(found), Ok(chosen)) => assert_eq!(found, chosen),
                (Err(refused), Err(named)) => {
                    let problem = refused.into_problem();
                    assert_eq!((problem.status, &*problem.code), (409, "ambiguous-id"));
                    assert!(problem.detail.contains(named), "{}", problem.detail);
                }
                other => panic!("{other:?}"),
            }
        }
    }
}
