//! Page of all requests: filters, rows and CSV.

use askama::Template;
use axum::{
    Router,
    extract::{Query, State},
    routing::get,
};
use hallpass_access::{
    AccessError, ListingQuery, RequestFilter, RequestStateKind, RequestView, UnmatchedText,
};
use hallpass_base::RequestId;
use serde::Deserialize;

use super::{
    presenter::{At, Presenter},
    rows::{self, RequestRow},
    shell::{Nav, PageResult, Shell, Viewer, page, url_encoded},
    words::plain,
};
use crate::{App, listing::Days};

const PAGE: usize = 50;

#[derive(Template)]
#[template(path = "requests.html")]
struct ListPage {
    shell: Shell,
    rows: Vec<RequestRow>,
    filter: RequestsQuery,
    problems: Vec<String>,
    states: &'static [(RequestStateKind, &'static str)],
    /// Address of the CSV of the same filter.
    file: String,
    older: Option<String>,
    looked_to: Option<At>,
    zone: String,
    is_mine: bool,
    is_first: bool,
    is_narrowed: bool,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct RequestsQuery {
    who: String,
    state: String,
    person: String,
    account: String,
    /// A permission set or a group.
    set: String,
    rule: String,
    /// First day in the viewer's time zone, `YYYY-MM-DD`.
    from: String,
    to: String,
    before: String,
}

/// What a form selects, and which of its fields the page ignores.
pub(super) struct SelectedRequests {
    pub(super) view: RequestView,
    pub(super) filter: RequestFilter,
    pub(super) problems: Vec<String>,
}

const STATES: [(RequestStateKind, &str); 6] = [
    (RequestStateKind::Pending, "Waiting"),
    (RequestStateKind::Approved, "Approved"),
    (RequestStateKind::Denied, "Denied"),
    (RequestStateKind::Discarded, "Discarded"),
    (RequestStateKind::Expired, "Expired"),
    (RequestStateKind::Rejected, "Not possible"),
];

pub(crate) fn router() -> Router<App> {
    Router::new().route("/requests", get(list))
}

impl RequestsQuery {
    fn is_mine(&self) -> bool {
        self.who == "mine"
    }

    fn fields(&self) -> [(&'static str, &str); 8] {
        [
            ("who", &self.who),
            ("state", &self.state),
            ("person", &self.person),
            ("account", &self.account),
            ("set", &self.set),
            ("rule", &self.rule),
            ("from", &self.from),
            ("to", &self.to),
        ]
    }

    fn query(&self) -> String {
        let fields = self.fields().into_iter();
        let fields = fields.filter(|(_, value)| !value.trim().is_empty());
        let fields = fields.map(|(name, value)| format!("{name}={}", url_encoded(value.trim())));
        fields.collect::<Vec<_>>().join("&")
    }

    fn is_narrowed(&self) -> bool {
        let mut fields = self.fields().into_iter().skip(1);
        fields.any(|(_, value)| !value.trim().is_empty())
    }

    pub(super) async fn wanted(
        &self,
        app: &App,
        viewer: &Viewer,
    ) -> Result<SelectedRequests, AccessError> {
        let days = Days::of(&self.from, &self.to, &viewer.zone);
        let query = ListingQuery {
            person: self.person.clone(),
            account: self.account.clone(),
            permission_set: self.set.clone(),
            group: self.set.clone(),
            rule: self.rule.clone(),
            from: days.from,
            to: days.to,
        };
        let (only, unmatched) = app.access.conditions(&query).await?;
        let mut problems = days.problems;
        // others must not learn which names exist
        if viewer.actor.reads_all() {
            problems.extend(nothing_named(&unmatched));
        }
        Ok(SelectedRequests {
            view: if self.is_mine() {
                RequestView::Mine
            } else {
                RequestView::All
            },
            filter: RequestFilter {
                only,
                state: RequestStateKind::named(&self.state),
                before: self.before.parse::<RequestId>().ok(),
                ..RequestFilter::default()
            },
            problems,
        })
    }
}

/// Names the texts that match nothing. A permission set or group must match only one of both.
fn nothing_named(unmatched: &[UnmatchedText]) -> Vec<String> {
    let is_set = |it: &&UnmatchedText| matches!(it.parameter, "permission_set" | "group");
    let neither = unmatched.iter().filter(is_set).count() == 2;
    let mut words = Vec::new();
    for it in unmatched {
        let what = match it.parameter {
            "permission_set" if neither => "permission set or group",
            "permission_set" | "group" => continue,
            _ => it.what,
        };
        words.push(format!("No {what} matches “{}”.", plain(&it.text)));
    }
    words
}

async fn list(
    State(app): State<App>,
    Query(coming): Query<RequestsQuery>,
    viewer: Viewer,
) -> PageResult {
    let view = Presenter::new(&app, &viewer);
    let wanted = coming.wanted(&app, &viewer).await?;
    let found = app
        .access
        .requests(&viewer.actor, wanted.view, &wanted.filter, PAGE)
        .await?;
    let mut rows = Vec::new();
    for request in &found.rows {
        rows.push(rows::row(&app, &viewer, &view, request).await);
    }
    let query = coming.query();
    let and = if query.is_empty() { "" } else { "&" };
    let older = { found.next }.map(|next| format!("/requests?{query}{and}before={next}"));
    // some rows may not be visible to the viewer
    let looked_to = found.next.filter(|_| found.rows.len() < PAGE);
    let shell = viewer.shell(&app, Nav::Elsewhere, "Requests").await;
    Ok(page(&ListPage {
        file: if query.is_empty() {
            "/requests.csv".to_owned()
        } else {
            format!("/requests.csv?{query}")
        },
        older,
        looked_to: looked_to.map(|next| view.at_zone(next.drawn_at())),
        shell,
        rows,
        problems: wanted.problems,
        states: &STATES,
        zone: view.zone_words(),
        is_mine: coming.is_mine(),
        is_first: wanted.filter.before.is_none(),
        is_narrowed: coming.is_narrowed(),
        filter: coming,
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_for_two_fields_is_unmatched_when_both_are() {
        let unmatched = |parameter| UnmatchedText {
            parameter,
            what: "account",
            text: "x".to_owned(),
        };
        for (parameters, words) in [
            (&["group"][..], &[][..]),
            (&["permission_set"], &[]),
            (
                &["permission_set", "group"],
                &["No permission set or group matches “x”."],
            ),
            (&["account", "group"], &["No account matches “x”."]),
        ] {
            let all: Vec<_> = parameters.iter().copied().map(unmatched).collect();
            assert_eq!(nothing_named(&all), words, "{parameters:?}");
        }
    }
}
