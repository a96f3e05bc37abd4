//! Page authorization table: every non-API route and user kind, committed as a file. `BLESS=1`
//! rewrites it.

use std::fmt::Write as _;
use std::sync::Arc;

use hallpass_server::SignIn;

use crate::authorization::{ACTORS, assert_as_it_was};
use crate::browser::Browser;
use crate::campaigns;
use crate::test_server::{TestServer, run};

type Sample = (
    &'static str,
    &'static str,
    &'static [(&'static str, &'static str)],
);

const STANDING: &str = "user=ana@corp.example&account=payments-prod&permission_set=Admin";

/// Route, sample query, form fields without token. `{id}` is the requester's pending request or
/// active grant.
const PAGES: &[Sample] = &[
    ("GET /", "", &[]),
    ("GET /events", "", &[]),
    (
        "GET /ask",
        "account=payments-prod&permission_set=Admin",
        &[],
    ),
    ("POST /ask", "", &[]),
    ("GET /requests", "", &[]),
    ("GET /requests.csv", "", &[]),
    ("GET /requests/{id}", "", &[]),
    ("GET /requests/{id}/approve", "", &[]),
    ("GET /requests/{id}/deny", "", &[]),
    ("GET /requests/{id}/break-glass", "", &[]),
    ("GET /requests/{id}/close-review", "", &[]),
    ("POST /requests/{id}/approve", "", &[("seen", "0")]),
    ("POST /requests/{id}/deny", "", &[("reason", "no")]),
    ("POST /requests/{id}/discard", "", &[]),
    (
        "POST /requests/{id}/break-glass",
        "",
        &[("justification", "no one answers and customers wait")],
    ),
    ("POST /requests/{id}/close-review", "", &[]),
    ("GET /grants/{id}", "", &[]),
    ("GET /grants/{id}/revoke", "", &[]),
    ("GET /grants/{id}/release", "", &[]),
    ("POST /grants/{id}/release", "", &[]),
    ("POST /grants/{id}/revoke", "", &[("reason", "INC-1")]),
    ("GET /reviews", "", &[]),
    ("GET /reviews/several", "", &[]),
    (
        "POST /reviews/several",
        "",
        &[("do", "approve"), ("picks", "")],
    ),
    ("GET /reviews/others", "", &[]),
    ("GET /reviews/done", "", &[]),
    ("GET /access", "", &[]),
    ("GET /access/groups/{id}", "", &[]),
    ("GET /access.csv", "", &[]),
    ("GET /access/paths", "", &[]),
    ("GET /reports", "", &[]),
    ("GET /reports.csv", "", &[]),
    ("POST /saved", "", &[("on", "/reports"), ("user", "ana")]),
    ("GET /access/paths.csv", "", &[]),
    ("GET /sweeps", "", &[]),
    ("POST /sweeps", "", &[]),
    ("GET /sweeps/{id}", "", &[]),
    ("POST /sweeps/{id}/confirm", "", &[]),
    ("GET /campaigns", "", &[]),
    (
        "POST /campaigns",
        "",
        &[
            ("name", "Q4"),
            ("due", "2099-01-01T00:00"),
            ("unanswered", "keep"),
        ],
    ),
    ("GET /campaigns/{id}", "", &[]),
    (
        "POST /campaigns/{id}/answer",
        "",
        &[("line-1", "1"), ("answer", "remove"), ("reason", "")],
    ),
    (
        "POST /campaigns/{id}/reassign",
        "",
        &[("line-1", "1"), ("to", "sam@corp.example")],
    ),
    ("POST /campaigns/{id}/sign-off", "", &[]),
    ("POST /campaigns/{id}/plan", "", &[]),
    ("GET /plans", "", &[]),
    ("GET /plans/{id}", "", &[]),
    ("GET /remediations", "", &[]),
    ("GET /remediations/{id}", "", &[]),
    ("GET /remediations/{id}/approve", "", &[]),
    ("POST /remediations/{id}/approve", "", &[("reason", "")]),
    ("GET /remediations/{id}/decline", "", &[]),
    (
        "POST /remediations/{id}/decline",
        "",
        &[("reason", "as it should be")],
    ),
    ("GET /standing/accept", STANDING, &[]),
    (
        "POST /standing/accept",
        STANDING,
        &[("reason", "by intent"), ("length", "8h")],
    ),
    ("GET /standing/withdraw", STANDING, &[]),
    (
        "POST /standing/withdraw",
        STANDING,
        &[("reason", "by intent"), ("length", "8h")],
    ),
    ("GET /standing/adopt", STANDING, &[]),
    (
        "POST /standing/adopt",
        STANDING,
        &[("reason", "by intent"), ("length", "8h")],
    ),
    ("GET /access/cut-off", "user=ana@corp.example", &[]),
    (
        "POST /access/cut-off",
        "",
        &[
            ("user", "ana@corp.example"),
            ("name", "ana"),
            ("reason", "INC-1"),
        ],
    ),
    ("GET /people/{id}", "", &[]),
    ("GET /people/{id}/lock", "", &[]),
    ("POST /people/{id}/lock", "", &[("reason", "INC-1")]),
    ("GET /people/{id}/unlock", "", &[]),
    ("POST /people/{id}/unlock", "", &[("reason", "INC-1")]),
    ("GET /audit", "", &[]),
    ("GET /audit/export", "format=csv", &[]),
    ("POST /audit/check", "", &[]),
    ("GET /rules", "", &[]),
    (
        "GET /rules/explain",
        "user=ana@corp.example&account=payments-prod&permission_set=Admin",
        &[],
    ),
    ("GET /permission-sets/{name}", "", &[]),
    ("GET /help/{part}/{name}", "", &[]),
    ("GET /reports/trends", "", &[]),
    ("GET /denied", "", &[]),
    ("POST /denied", "", &[("message", "it does not work")]),
    ("GET /health", "", &[]),
    ("GET /setup", "", &[]),
    ("GET /alerts", "", &[]),
    ("GET /people", "", &[]),
    ("GET /people.csv", "", &[]),
    ("GET /people-evidence.json", "", &[]),
    ("GET /alerts/rule", "id=keys/unused", &[]),
    ("GET /alerts/mute", "rule=keys/unused&key=ana", &[]),
    (
        "POST /alerts/mute",
        "rule=keys/unused&key=ana",
        &[("reason", "known"), ("lasts", "7d")],
    ),
    ("GET /alerts/unmute", "rule=keys/unused&key=ana", &[]),
    (
        "POST /alerts/unmute",
        "rule=keys/unused&key=ana",
        &[("reason", "known")],
    ),
    ("GET /out-of-office", "", &[]),
    ("POST /out-of-office", "", &[("end", "yes")]),
    ("GET /sign-ins", "", &[]),
    ("POST /sign-ins/end-others", "", &[]),
    ("POST /sign-ins/sessions/{id}/end", "", &[]),
    ("POST /sign-ins/tokens/{id}/revoke", "", &[]),
    ("GET /signin", "next=/reviews", &[]),
    ("POST /signin", "", &[("persona", "ana@corp.example")]),
    ("POST /signout", "", &[]),
    ("POST /theme", "", &[]),
    ("GET /demo/token/{email}", "", &[]),
    ("GET /signin/first", "code=x", &[]),
    ("POST /signin/first", "", &[("code", "x")]),
    ("GET /signin/oidc", "", &[]),
    ("GET /signin/oidc/callback", "state=x&code=y", &[]),
    ("POST /signin/oidc/logout", "", &[("logout_token", "x")]),
    (
        "GET /login/cli",
        "port=4567&host=laptop&state=0000000000000000000000000000000000000000000000000000000000000000&challenge=0000000000000000000000000000000000000000000000000000000000000000",
        &[],
    ),
    ("POST /login/cli", "", &[]),
    ("GET /login/device", "", &[]),
    ("POST /login/device", "", &[("code", "BBBB-BBBB")]),
    ("POST /slack/interactions", "", &[]),
    ("POST /slack/commands", "", &[]),
    ("GET /healthz", "", &[]),
    ("GET /readyz", "", &[]),
    ("GET /metrics", "", &[]),
    ("GET /api/openapi.json", "", &[]),
];

pub(crate) fn rows() -> impl Iterator<Item = String> {
    PAGES.iter().map(|(route, ..)| (*route).to_owned())
}

async fn cell(route: &str, query: &str, fields: &[(&str, &str)], person: Option<&str>) -> String {
    let server = TestServer::with(|app| {
        app.sign_in = Arc::new(SignIn::default().with_tries(100_000));
    });
    let pending = server.ask("ana/all", "Admin").await;
    let granted = server.ask("ana/all", "ReadOnly").await;
    let mut browser = match person {
        Some(person) => Browser::of(&server, person).await,
        None => Browser::new(&server),
    };
    let (method, path) = route.split_once(' ').unwrap();
    let campaign = campaigns::begun(&server).await;
    let id = if path.contains("grants/") {
        granted["grant_id"].as_str().unwrap()
    } else if path.contains("campaigns/") {
        &campaign
    } else {
        pending["id"].as_str().unwrap()
    };
    let path = path
        .replace("{id}", id)
        .replace("{part}/{name}", "how-to/reports")
        .replace("{name}", "Closed")
        .replace("{email}", "ana@corp.example");
    let path = if query.is_empty() {
        path
    } else {
        format!("{path}?{query}")
    };
    let asked = granted["id"].as_str().unwrap();
    let reply = match method {
        "GET" => browser.get(&path).await,
        _ => browser.press(&path, fields).await,
    };
    let to = reply.leads_to().replace(id, "ID").replace(asked, "REQUEST");
    let to = match to.strip_prefix("/sweeps/swp_") {
        Some(_) => "/sweeps/SWEEP".to_owned(),
        None => to,
    };
    format!("{} {to}", reply.status.as_u16())
        .trim_end()
        .to_owned()
}

async fn table() -> String {
    let mut text = String::from(
        "What every route off the API answers to whom, with a session and the token of its forms, and \
         where it leads. {id} is a pending request of the requester's, or their live grant; {name} a \
         permission set that only the administrator may ask for.\n",
    );
    for (route, query, fields) in PAGES {
        write!(text, "\n{route}\n").unwrap();
        let nobody = cell(route, query, fields, None).await;
        writeln!(text, "  nobody     {nobody}").unwrap();
        for (name, person) in ACTORS {
            let found = cell(route, query, fields, Some(person)).await;
            writeln!(text, "  {name:<10} {found}").unwrap();
        }
    }
    text
}

#[test]
fn the_table_of_who_sees_which_page_is_as_it_was() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/pages.txt");
    assert_as_it_was(path, &run(table()));
}
