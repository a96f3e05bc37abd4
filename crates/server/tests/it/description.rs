//! API description and router agree, and every answer has its headers.

use std::collections::BTreeSet;

use axum::http::header;
use serde_json::Value;

use crate::routes::routed;
use crate::test_server::{TestServer, run};

fn described() -> BTreeSet<String> {
    let document = serde_json::to_value(hallpass_server::openapi_document()).unwrap();
    let mut found = BTreeSet::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for method in item.as_object().unwrap().keys() {
            found.insert(format!("{} {path}", method.to_uppercase()));
        }
    }
    found
}

#[test]
fn every_route_is_described_and_every_description_is_routed() {
    let expected: BTreeSet<String> = routed()
        .into_iter()
        .filter(|route| route.contains(" /api/v1/"))
        .collect();
    assert_eq!(expected, described());
}

#[test]
fn what_is_described_answers() {
    run(async {
        let server = TestServer::new();
        for route in described() {
            let (method, path) = route.split_once(' ').unwrap();
            if path.starts_with("/api/v1/login/") {
                continue;
            }
            let path = path.replace("{id}", "req_0");
            let reply = server.call(method, &path, None, None).await;
            assert_eq!(reply.short(), "401 unauthorized", "{route}");
            assert_eq!(reply.headers[header::WWW_AUTHENTICATE], "Bearer");
        }
    });
}

#[test]
fn every_parameter_in_a_path_is_described() {
    let document = serde_json::to_value(hallpass_server::openapi_document()).unwrap();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            let named: Vec<&str> = operation["parameters"]
                .as_array()
                .map(|all| {
                    let in_path = all.iter().filter(|one| one["in"] == "path");
                    in_path.filter_map(|one| one["name"].as_str()).collect()
                })
                .unwrap_or_default();
            let wanted: Vec<&str> = path
                .split('/')
                .filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'))
                .collect();
            assert_eq!(named, wanted, "{method} {path}");
            if method == "get" && wanted.is_empty() {
                let wrong = operation["parameters"].as_array();
                let wrong = wrong.map_or(0, |all| {
                    all.iter().filter(|one| one["in"] != "query").count()
                });
                assert_eq!(wrong, 0, "{path}");
            }
        }
    }
    assert!(document["openapi"].as_str().unwrap().starts_with("3.1"));
    let doors = document["components"]["securitySchemes"]
        .as_object()
        .unwrap();
    assert_eq!(doors.keys().collect::<Vec<_>>(), ["session", "token"]);
    assert_ne!(document["components"]["schemas"]["Request"], Value::Null);
}

#[test]
fn every_answer_carries_the_headers_that_protect_readers() {
    run(async {
        let server = TestServer::new();
        let paths = [
            ("GET", "/"),
            ("GET", "/healthz"),
            ("GET", "/nowhere"),
            ("GET", "/api/v1/me"),
            ("DELETE", "/api/v1/me"),
            ("GET", "/api/openapi.json"),
            ("GET", "/api/v1/requests/%FF"),
        ];
        for (method, path) in paths {
            let reply = server.call(method, path, Some("ana/all"), None).await;
            for (name, value) in [
                ("x-content-type-options", "nosniff"),
                ("x-frame-options", "DENY"),
                ("referrer-policy", "same-origin"),
                ("cache-control", "no-store"),
            ] {
                assert_eq!(reply.headers[name], value, "{method} {path}");
            }
            let policy = reply.headers["content-security-policy"].to_str().unwrap();
            assert!(policy.contains("default-src 'none'"), "{policy}");
            assert!(!policy.contains("unsafe"), "{policy}");
            assert!(
                reply.headers.contains_key("x-request-id"),
                "{method} {path}"
            );
        }
    });
}
