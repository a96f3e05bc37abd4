//! Okta: users, groups and memberships (`inventory.md` §1.4).

use std::io;

use crate::{SliceFailure, key_id};
use serde_json::{Value, json};
use thiserror::Error;

use crate::collect::collector::{Collected, Collector, flat};
use crate::collect::documents::{needed, undecodable};
use crate::collect::ports::{OktaCalls, OktaPage};
use crate::collect::rows::row as row_of;

const USERS: &str = "okta_users";
const GROUPS: &str = "okta_groups";
const MEMBERS: &str = "okta_group_members";
const LIST_USERS: &str = "GET /api/v1/users";
const LIST_GROUPS: &str = "GET /api/v1/groups";
/// Maximum pages of a listing, at 200 users each.
const PAGES_MAX: usize = 50_000;

#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum OktaProblem {
    /// Another origin, which would get the token.
    #[error("the next page would be at another place: `{0}`")]
    Foreign(String),
}

/// The next page's address: the only link with `rel="next"` in the `Link` headers, each with one or
/// more links (RFC 8288).
///
/// # Errors
/// An origin other than that of `base`.
pub fn next_link(base: &str, headers: &[String]) -> Result<Option<String>, OktaProblem> {
    let links = headers.iter().flat_map(|it| links(it));
    let next = links.filter(|(_, parameters)| {
        parameters.split(';').any(|it| {
            let (name, value) = it.split_once('=').unwrap_or_default();
            let relations = value.trim().trim_matches('"').split_ascii_whitespace();
            name.trim().eq_ignore_ascii_case("rel")
                && relations
                    .into_iter()
                    .any(|it| it.eq_ignore_ascii_case("next"))
        })
    });
    match next.map(|(url, _)| url).next() {
        Some(url) if same_origin(base, url) => Ok(Some(url.to_owned())),
        Some(url) => Err(OktaProblem::Foreign(url.to_owned())),
        None => Ok(None),
    }
}

fn links(header: &str) -> Vec<(&str, &str)> {
    let mut found = Vec::new();
    let mut rest = header;
    while let Some((_, after)) = rest.split_once('<') {
        let Some((url, after)) = after.split_once('>') else {
            break;
        };
        let end = after.find('<').unwrap_or(after.len());
        let (parameters, next) = after.split_at_checked(end).unwrap_or((after, ""));
        found.push((url, parameters.trim().trim_end_matches(',')));
        rest = next;
    }
    found
}

pub fn same_origin(one: &str, other: &str) -> bool {
    let origin = |url: &str| -> Option<String> {
        let (scheme, rest) = url.split_once("://")?;
        let host = rest.split(['/', '?', '#']).next()?;
        // refuses user information before `@`: the host would be ambiguous
        let is_plain = !host.is_empty() && !host.contains(['@', '\\']);
        let scheme = scheme.to_ascii_lowercase();
        let host = host.to_ascii_lowercase();
        let host = match scheme.as_str() {
            "https" => host.strip_suffix(":443").unwrap_or(&host).to_owned(),
            "http" => host.strip_suffix(":80").unwrap_or(&host).to_owned(),
            _ => return None,
        };
        is_plain.then(|| format!("{scheme}://{host}"))
    };
    origin(one).is_some_and(|one| Some(one) == origin(other))
}

impl Collector<'_> {
    /// Fills the tables of Okta; without a connection they fail, because unknown is not empty.
    pub(crate) async fn okta(&self, okta: Option<&dyn OktaCalls>) -> io::Result<()> {
        let started = self.now();
        let Some(okta) = okta else {
            let message = "there is no address or no token of Okta";
            let failure = refused(LIST_USERS, "E_OKTA_NOT_CONFIGURED", message);
            let mut tables = [USERS, GROUPS, MEMBERS].into_iter();
            return tables.try_for_each(|it| self.keep(it, None, started, Err(failure.clone())));
        };
        if self.wants(USERS, None) {
            let rows = people(okta).await;
            self.keep(USERS, None, started, rows)?;
        }
        if !self.wants(GROUPS, None) && !self.wants(MEMBERS, None) {
            return Ok(());
        }
        let groups = pages(okta, LIST_GROUPS, "/api/v1/groups?limit=200").await;
        if self.wants(MEMBERS, None) {
            let rows = match &groups {
                Ok(groups) => flat(groups, |group| members(okta, group)).await,
                Err(failure) => Err(failure.clone()),
            };
            self.keep(MEMBERS, None, started, rows)?;
        }
        let rows = groups.map(|it| it.iter().map(|it| row_of(GROUPS, it, json!({}))).collect());
        self.keep(GROUPS, None, started, rows)
    }
}

/// All users. Deprovisioned ones have a separate list, read later; its rows win.
async fn people(okta: &dyn OktaCalls) -> Collected<Vec<Value>> {
    let mut found = Vec::new();
    for address in [
        "/api/v1/users?limit=200",
        "/api/v1/users?limit=200&filter=status%20eq%20%22DEPROVISIONED%22",
    ] {
        let users = pages(okta, LIST_USERS, address).await?;
        found.extend(users.iter().map(|it| row_of(USERS, it, json!({}))));
    }
    Ok(found)
}

async fn members(okta: &dyn OktaCalls, group: &Value) -> Collected<Vec<Value>> {
    let operation = "GET /api/v1/groups/ID/users";
    let id = needed(LIST_GROUPS, group, "id")?;
    // the id goes into a path: an invalid one is not sent
    if !id
        .bytes()
        .all(|it| it.is_ascii_alphanumeric() || it == b'-' || it == b'_')
    {
        return Err(undecodable(LIST_GROUPS, "an invalid `id`"));
    }
    let address = format!("/api/v1/groups/{id}/users?limit=200");
    let found = pages(okta, operation, &address).await?;
    let row = |user: &Value| {
        let user = needed(operation, user, "id")?;
        Ok(json!({
            "okta_group_cq_id": key_id(GROUPS, &[Some(id)]),
            "okta_user_cq_id": key_id(USERS, &[Some(user)]),
        }))
    };
    found.iter().map(row).collect()
}

async fn pages(okta: &dyn OktaCalls, operation: &str, address: &str) -> Collected<Vec<Value>> {
    let base = okta.base();
    let mut url = format!("{base}{address}");
    let mut found = Vec::new();
    for _ in 0..PAGES_MAX {
        let OktaPage { body, links } = okta.get(&url).await.map_err(|failure| SliceFailure {
            operation: operation.to_owned(),
            ..failure
        })?;
        let Value::Array(rows) = body else {
            return Err(undecodable(operation, "it is no list"));
        };
        found.extend(rows);
        match next_link(base, &links) {
            Ok(None) => return Ok(found),
            Ok(Some(next)) if next == url => {
                return Err(undecodable(operation, "the next page is the same page"));
            }
            Ok(Some(next)) => url = next,
            Err(problem) => return Err(refused(operation, "E_OKTA_LINK", &problem.to_string())),
        }
    }
    Err(undecodable(operation, "there is no end to its pages"))
}

fn refused(operation: &str, code: &str, message: &str) -> SliceFailure {
    SliceFailure {
        stage: "call".to_owned(),
        operation: operation.to_owned(),
        code: code.to_owned(),
        message: message.to_owned(),
        http_status: None,
        attempts: 1,
        request_id: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_next_page_is_the_one_link_that_says_so() {
        let base = "https://example.okta.com";
        let users = "https://example.okta.com/api/v1/users";
        for (headers, expected) in [
            (vec![], Ok(None)),
            (vec![format!("<{users}>; rel=\"self\"")], Ok(None)),
            (
                vec![
                    format!("<{users}>; rel=\"self\""),
                    format!("<{users}?after=a>; rel=\"next\""),
                ],
                Ok(Some(format!("{users}?after=a"))),
            ),
            (
                vec![format!(
                    "<{users}>; rel=\"self\", <{users}?after=a,b;c>; rel=next"
                )],
                Ok(Some(format!("{users}?after=a,b;c"))),
            ),
            (
                vec![format!("<{users}?after=a>; title=\"x\"; rel=\"last next\"")],
                Ok(Some(format!("{users}?after=a"))),
            ),
            (
                vec!["<https://elsewhere.test/users>; rel=\"next\"".to_owned()],
                Err(OktaProblem::Foreign(
                    "https://elsewhere.test/users".to_owned(),
                )),
            ),
            (
                vec!["</api/v1/users?after=a>; rel=\"next\"".to_owned()],
                Err(OktaProblem::Foreign("/api/v1/users?after=a".to_owned())),
            ),
            (vec!["<unclosed; rel=\"next\"".to_owned()], Ok(None)),
        ] {
            assert_eq!(next_link(base, &headers), expected, "{headers:?}");
        }
    }

    #[test]
    fn origins_are_compared_whole() {
        for (other, expected) in [
            ("https://example.okta.com/x", true),
            ("https://EXAMPLE.okta.com:443/x", true),
            ("http://example.okta.com/x", false),
            ("https://example.okta.com.evil.test/x", false),
            ("https://example.okta.com@evil.test/x", false),
            ("https://evil.test/https://example.okta.com", false),
            ("https://example.okta.com:8443/", false),
            ("//example.okta.com/", false),
        ] {
            assert_eq!(
                same_origin("https://example.okta.com", other),
                expected,
                "{other}"
            );
        }
    }
}
