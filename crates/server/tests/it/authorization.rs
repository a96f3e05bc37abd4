//! Authorization table: every route, user kind and scope, committed as a file. `BLESS=1` rewrites
//! it.

use std::fmt::Write as _;

use serde_json::{Value, json};

use crate::campaigns;
use crate::test_server::{SCOPES, TestServer, asking, run};

pub(crate) const ACTORS: [(&str, &str); 5] = [
    ("requester", "ana"),
    ("approver", "cai"),
    ("stranger", "sam"),
    ("auditor", "aud"),
    ("admin", "eve"),
];

fn routes_of_sweeps() -> Vec<(&'static str, &'static str, Value)> {
    let nothing = Value::Null;
    vec![
        (
            "GET",
            "/api/v1/preview?account=payments-prod&permission_set=Admin",
            nothing.clone(),
        ),
        ("GET", "/api/v1/group-sync", nothing.clone()),
        ("GET", "/api/v1/sweeps", nothing.clone()),
        ("POST", "/api/v1/sweeps", nothing.clone()),
        (
            "GET",
            "/api/v1/sweeps/swp_01934a5b6c7d7e8f90123456789abcde",
            nothing.clone(),
        ),
        (
            "POST",
            "/api/v1/sweeps/swp_01934a5b6c7d7e8f90123456789abcde/confirm",
            nothing.clone(),
        ),
        ("GET", "/api/v1/standing", nothing.clone()),
        ("GET", "/api/v1/standing/groups", nothing.clone()),
        (
            "POST",
            "/api/v1/standing",
            json!({"action": "accept", "user": "sam@corp.example", "account": "payments-prod",
                "permission_set": "Admin", "reason": "by intent"}),
        ),
        (
            "POST",
            "/api/v1/standing",
            json!({"action": "adopt", "user": "sam@corp.example", "account": "payments-prod",
                "permission_set": "Admin", "reason": "moving in", "duration_seconds": 3600}),
        ),
    ]
}

fn routes_of_oneself() -> Vec<(&'static str, &'static str, Value)> {
    let nothing = Value::Null;
    vec![
        ("GET", "/api/v1/me/sessions", nothing.clone()),
        ("POST", "/api/v1/me/sessions/end-others", nothing.clone()),
        (
            "POST",
            "/api/v1/me/sessions/ses_01934a5b6c7d7e8f90123456789abcde/end",
            nothing.clone(),
        ),
        ("GET", "/api/v1/me/tokens", nothing.clone()),
        (
            "POST",
            "/api/v1/me/tokens/tok_01934a5b6c7d7e8f90123456789abcde/revoke",
            nothing.clone(),
        ),
    ]
}

fn routes() -> Vec<(&'static str, &'static str, Value)> {
    let nothing = Value::Null;
    vec![
        ("GET", "/api/v1/me", nothing.clone()),
        ("GET", "/api/v1/catalog", nothing.clone()),
        ("GET", "/api/v1/permission-sets/Admin", nothing.clone()),
        ("GET", "/api/v1/permission-sets/Closed", nothing.clone()),
        ("GET", "/api/v1/requests", nothing.clone()),
        ("POST", "/api/v1/requests", asking("Root")),
        (
            "POST",
            "/api/v1/requests/batch",
            crate::together::body(&["Root"]),
        ),
        ("GET", "/api/v1/requests/REQ", nothing.clone()),
        ("POST", "/api/v1/requests/REQ/approve", nothing.clone()),
        ("POST", "/api/v1/requests/REQ/deny", json!({"reason": "no"})),
        ("POST", "/api/v1/requests/REQ/discard", nothing.clone()),
        (
            "POST",
            "/api/v1/requests/REQ/break-glass",
            json!({"justification": "customers cannot pay, no one answers"}),
        ),
        (
            "POST",
            "/api/v1/requests/BROKEN/close-review",
            nothing.clone(),
        ),
        ("GET", "/api/v1/requests?review=open", nothing.clone()),
        ("GET", "/api/v1/grants", nothing.clone()),
        ("GET", "/api/v1/grants/GRN", nothing.clone()),
        ("GET", "/api/v1/grants/GRN/activity", nothing.clone()),
        ("POST", "/api/v1/grants/GRN/release", nothing.clone()),
        (
            "POST",
            "/api/v1/grants/GRN/extend",
            json!({"duration_seconds": 7200}),
        ),
        (
            "POST",
            "/api/v1/grants/GRN/revoke",
            json!({"reason": "INC-1"}),
        ),
        ("POST", "/api/v1/revocations", json!({"reason": "INC-1"})),
        ("GET", "/api/v1/locks", nothing.clone()),
        (
            "POST",
            "/api/v1/locks",
            json!({"user": "nobody@corp.example", "reason": "INC-1"}),
        ),
        (
            "POST",
            "/api/v1/locks/lift",
            json!({"user": "nobody@corp.example", "reason": "INC-1"}),
        ),
        (
            "GET",
            "/api/v1/rules/explain?account=payments-prod&permission_set=Admin",
            nothing.clone(),
        ),
        (
            "GET",
            "/api/v1/rules/explain?user=ana@corp.example&account=payments-prod&permission_set=Admin",
            nothing.clone(),
        ),
        ("GET", "/api/v1/audit", nothing.clone()),
        ("GET", "/api/v1/events", nothing.clone()),
        ("GET", "/api/openapi.json", nothing),
    ]
}

fn routes_of_absences() -> Vec<(&'static str, &'static str, Value)> {
    vec![
        ("GET", "/api/v1/absences", Value::Null),
        (
            "POST",
            "/api/v1/absences",
            json!({"until": "2026-06-01T08:00:00Z"}),
        ),
        (
            "POST",
            "/api/v1/absences/end",
            json!({"user": "nobody@corp.example"}),
        ),
    ]
}

fn routes_of_campaigns() -> Vec<(&'static str, &'static str, Value)> {
    let nothing = Value::Null;
    vec![
        ("GET", "/api/v1/campaigns", nothing.clone()),
        (
            "POST",
            "/api/v1/campaigns",
            json!({"name": "Q4", "unanswered": "keep", "due_at": "2099-01-01T00:00:00Z"}),
        ),
        ("GET", "/api/v1/campaigns/CMP", nothing.clone()),
        ("GET", "/api/v1/campaigns/CMP/lines", nothing.clone()),
        (
            "POST",
            "/api/v1/campaigns/CMP/answers",
            json!({"lines": [1], "answer": "remove"}),
        ),
        (
            "POST",
            "/api/v1/campaigns/CMP/reassign",
            json!({"lines": [1], "to": "sam@corp.example"}),
        ),
        ("POST", "/api/v1/campaigns/CMP/sign-off", nothing.clone()),
        ("POST", "/api/v1/campaigns/CMP/plan", nothing.clone()),
        ("GET", "/api/v1/campaigns/CMP/evidence", nothing),
    ]
}

fn routes_of_alerts() -> Vec<(&'static str, &'static str, Value)> {
    let row = json!({"rule": "keys/unused", "key": "ana", "reason": "known"});
    let mut until = row.clone();
    until["until"] = json!("2099-01-01T00:00:00Z");
    vec![
        (
            "POST",
            "/api/v1/rules/check",
            json!({"file": "rules.json", "text": "{\"statements\": []}"}),
        ),
        (
            "POST",
            "/api/v1/rules/replay",
            json!({"file": "rules.json", "text": "{\"statements\": []}"}),
        ),
        (
            "POST",
            "/api/v1/denials",
            json!({"message": "User: arn:aws:iam::111111111111:user/ana is not authorized to perform: \
                s3:GetObject on resource: arn:aws:sqs:eu-west-1:111111111111:orders"}),
        ),
        (
            "GET",
            "/api/v1/entitlements?user=ana@corp.example",
            Value::Null,
        ),
        ("GET", "/api/v1/alerts", Value::Null),
        ("GET", "/api/v1/people", Value::Null),
        ("GET", "/api/v1/reports/access", Value::Null),
        ("GET", "/api/v1/reports/requests", Value::Null),
        ("GET", "/api/v1/reports/approvals", Value::Null),
        ("GET", "/api/v1/reports/conflicts", Value::Null),
        ("GET", "/api/v1/alerts/rows?rule=keys/unused", Value::Null),
        ("POST", "/api/v1/alerts/mute", until),
        ("POST", "/api/v1/alerts/unmute", row),
        ("GET", "/api/v1/remediations", Value::Null),
        (
            "GET",
            "/api/v1/remediations/rm-3f0c9a5b7d1e2f46",
            Value::Null,
        ),
        (
            "POST",
            "/api/v1/remediations/rm-3f0c9a5b7d1e2f46/approve",
            json!({}),
        ),
        (
            "POST",
            "/api/v1/remediations/rm-3f0c9a5b7d1e2f46/decline",
            json!({"reason": "known"}),
        ),
    ]
}

fn routes_of_health() -> Vec<(&'static str, &'static str, Value)> {
    ["/healthz", "/readyz", "/metrics"]
        .map(|path| ("GET", path, Value::Null))
        .into()
}

fn routes_of_login() -> Vec<(&'static str, &'static str, Value)> {
    vec![
        (
            "POST",
            "/api/v1/login/device",
            json!({"host": "laptop", "scopes": ["read"]}),
        ),
        (
            "POST",
            "/api/v1/login/token",
            json!({"code": "unknown", "verifier": "unknown"}),
        ),
        ("POST", "/api/v1/logout", Value::Null),
    ]
}

pub(crate) fn rows() -> impl Iterator<Item = String> {
    let all = routes_of_the_api();
    let pattern = |(method, path, _): (&str, &str, Value)| {
        let path = path.split('?').next().unwrap();
        let mut parts: Vec<&str> = path.split('/').collect();
        for at in 0..parts.len() {
            let is_id = ["swp_", "ses_", "tok_", "rm-"]
                .iter()
                .any(|kind| parts[at].starts_with(kind));
            if ["REQ", "GRN", "CMP", "BROKEN"].contains(&parts[at]) || is_id {
                parts[at] = "{id}";
            } else if at > 0 && parts[at - 1] == "permission-sets" {
                parts[at] = "{name}";
            }
        }
        format!("{method} {}", parts.join("/"))
    };
    all.chain(routes_of_login()).map(pattern)
}

fn routes_of_the_api() -> impl Iterator<Item = (&'static str, &'static str, Value)> {
    routes()
        .into_iter()
        .chain(routes_of_alerts())
        .chain(routes_of_absences())
        .chain(routes_of_campaigns())
        .chain(routes_of_health())
        .chain(routes_of_sweeps())
        .chain(routes_of_oneself())
}

/// The number of rows is part of the permission.
fn shown(route: &str, reply: &crate::test_server::Reply) -> String {
    let rows = reply.json()["items"].as_array().map(Vec::len);
    match rows {
        Some(rows) if !route.ends_with("/audit") => format!("{}, {rows} rows", reply.short()),
        _ => reply.short(),
    }
}

async fn cell(method: &str, path: &str, body: &Value, token: Option<&str>) -> String {
    let server = TestServer::new();
    let pending = server.ask("ana/all", "Admin").await;
    let granted = server.ask("ana/all", "ReadOnly").await;
    let broken = if path.contains("BROKEN") || path.contains("review=open") {
        server.broken_glass().await
    } else {
        Value::Null
    };
    let campaign = if path.contains("/campaigns") {
        campaigns::begun(&server).await
    } else {
        String::new()
    };
    let real = path
        .replace("CMP", &campaign)
        .replace("BROKEN", broken["id"].as_str().unwrap_or_default())
        .replace("REQ", pending["id"].as_str().unwrap())
        .replace("GRN", granted["grant_id"].as_str().unwrap());
    let body = Some(body).filter(|body| !body.is_null());
    let reply = server.call(method, &real, token, body).await;
    assert!(
        reply.status.as_u16() < 400 || reply.is_problem(),
        "{method} {path} {token:?}: {reply:?}"
    );
    shown(path, &reply)
}

async fn table() -> String {
    let mut text = String::from(
        "Who may call what. Ids are of a pending request and of a grant of the requester's.\n",
    );
    let all = routes_of_the_api();
    for (method, path, body) in all.chain(routes_of_login()) {
        let nobody = cell(method, path, &body, None).await;
        write!(text, "\n{method} {path}\n  no token   {nobody}\n").unwrap();
        for (name, person) in ACTORS {
            write!(text, "  {name:<10}").unwrap();
            for scope in SCOPES {
                let token = format!("{person}/{}", scope.name());
                let found = cell(method, path, &body, Some(&token)).await;
                write!(text, " {}: {found:<26}", scope.name()).unwrap();
            }
            while text.ends_with(' ') {
                text.pop();
            }
            text.push('\n');
        }
    }
    text
}

pub(crate) fn assert_as_it_was(path: &str, found: &str) {
    if std::env::var_os("BLESS").is_some() {
        std::fs::write(path, found).unwrap();
    }
    let wanted = std::fs::read_to_string(path).unwrap_or_default();
    let differing: Vec<_> = found
        .lines()
        .zip(wanted.lines().chain(std::iter::repeat("")))
        .filter(|(found, wanted)| found != wanted)
        .take(5)
        .collect();
    assert!(
        found == wanted,
        "differs from {path} (BLESS=1 writes it): {differing:#?}"
    );
}

#[test]
fn the_table_of_who_may_call_what_is_as_it_was() {
    let path = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/tests/golden/authorization.txt"
    );
    assert_as_it_was(path, &run(table()));
}

#[test]
fn nothing_changes_without_a_token_that_counts() {
    run(async {
        for (method, path, body) in routes_of_the_api() {
            if !path.starts_with("/api/v1") {
                continue;
            }
            for token in ["unknown", "ana/expired", "ana/revoked"] {
                let found = cell(method, path, &body, Some(token)).await;
                assert_eq!(found, "401 unauthorized", "{method} {path} {token}");
            }
        }
    });
}

#[test]
fn a_token_of_somebody_who_left_asks_for_nothing_and_sees_nothing() {
    run(async {
        for (method, path, body) in routes_of_the_api() {
            if method == "POST" {
                let found = cell(method, path, &body, Some("gone/all")).await;
                assert!(
                    found.starts_with("403") || found.starts_with("404"),
                    "{method} {path}: {found}"
                );
            }
        }
        let server = TestServer::new();
        server.ask("ana/all", "Admin").await;
        let list = server.get("/api/v1/requests", "gone/all").await;
        assert_eq!(list.short(), "403 not-in-directory");
    });
}
