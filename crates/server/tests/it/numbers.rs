//! Boundary values of numbers are accepted or refused, never crash.

use std::time::Duration;

use axum::body::Body;
use axum::http::{Request, StatusCode, header};
use futures_util::StreamExt as _;
use serde_json::{Value, json};

use crate::browser::Browser;
use crate::test_server::{Reply, TestServer, run};

const EDGES: [&str; 15] = [
    "0",
    "-1",
    "1",
    "2147483647",
    "2147483648",
    "9007199254740991",
    "9007199254740992",
    "9223372036854775807",
    "9223372036854775808",
    "18446744073709551614",
    "18446744073709551615",
    "18446744073709551616",
    "1e400",
    "",
    "0.5",
];

fn document() -> Value {
    serde_json::to_value(hallpass_server::openapi_document()).unwrap()
}

fn is_whole(schema: &Value) -> bool {
    match &schema["type"] {
        Value::String(kind) => kind == "integer",
        Value::Array(kinds) => kinds.iter().any(|kind| kind == "integer"),
        _ => false,
    }
}

fn operations(document: &Value) -> Vec<(String, String, Value)> {
    let mut found = Vec::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            let path = path.replace("{id}", "req_0193aaaaaaaa7aaa8aaaaaaaaaaaaaaa");
            found.push((method.to_uppercase(), path, operation.clone()));
        }
    }
    found
}

fn resolved<'a>(document: &'a Value, schema: &'a Value) -> &'a Value {
    match schema["$ref"].as_str() {
        Some(name) => document.pointer(name.trim_start_matches('#')).unwrap(),
        None => schema,
    }
}

fn body(schema: &Value, field: &str, edge: &str) -> String {
    let properties = schema["properties"].as_object().unwrap();
    let required: Vec<&str> = schema["required"]
        .as_array()
        .map(|names| names.iter().filter_map(Value::as_str).collect())
        .unwrap_or_default();
    let members = properties.iter().filter_map(|(name, of)| {
        let value = match name.as_str() {
            name if name == field => match edge {
                "" => "\"\"".to_owned(),
                edge => edge.to_owned(),
            },
            name if !required.contains(&name) => return None,
            _ if is_whole(of) => "1".to_owned(),
            _ if of["type"] == "array" => "[]".to_owned(),
            _ if of["type"] == "object" => "{}".to_owned(),
            _ if of["type"] == "boolean" => "false".to_owned(),
            _ => "\"x\"".to_owned(),
        };
        Some(format!("{}:{value}", json!(name)))
    });
    format!("{{{}}}", members.collect::<Vec<_>>().join(","))
}

async fn post(server: &TestServer, path: &str, token: &str, body: String) -> Reply {
    let request = Request::post(path)
        .header(header::AUTHORIZATION, format!("Bearer {token}"))
        .header(header::CONTENT_TYPE, "application/json")
        .body(Body::from(body));
    server.send(request.unwrap()).await
}

fn holds(reply: &Reply) -> bool {
    let fine = reply.status.is_success()
        || reply.status.is_client_error()
        || reply.status.is_redirection();
    fine && reply.code() != "internal"
}

#[test]
fn every_number_of_a_query_is_taken_or_refused_at_every_edge() {
    run(async {
        let (server, document) = (TestServer::new(), document());
        server.ask("ana/all", "Admin").await;
        let (mut wrong, mut tried) = (Vec::new(), 0);
        for (method, path, operation) in operations(&document) {
            for parameter in operation["parameters"].as_array().into_iter().flatten() {
                if parameter["in"] != "query" || !is_whole(&parameter["schema"]) {
                    continue;
                }
                let name = parameter["name"].as_str().unwrap();
                for edge in EDGES {
                    tried += 1;
                    let path = format!("{path}?{name}={edge}");
                    let reply = server.call(&method, &path, Some("aud/all"), None).await;
                    if !holds(&reply) {
                        wrong.push(format!("{method} {path}: {}", reply.short()));
                    }
                }
            }
        }
        assert!(tried >= 5 * EDGES.len(), "only {tried} were tried");
        assert!(wrong.is_empty(), "{wrong:#?}");
    });
}

#[test]
fn every_number_of_a_body_is_taken_or_refused_at_every_edge() {
    run(async {
        let (server, document) = (TestServer::new(), document());
        let (mut wrong, mut tried) = (Vec::new(), 0);
        for (method, path, operation) in operations(&document) {
            let schema = &operation["requestBody"]["content"]["application/json"]["schema"];
            if method != "POST" || schema.is_null() {
                continue;
            }
            let schema = resolved(&document, schema);
            let Some(properties) = schema["properties"].as_object() else {
                continue;
            };
            for (field, _) in properties.iter().filter(|(_, of)| is_whole(of)) {
                for edge in EDGES {
                    tried += 1;
                    let reply = post(&server, &path, "ana/all", body(schema, field, edge)).await;
                    if !holds(&reply) {
                        wrong.push(format!("POST {path} {field}={edge}: {}", reply.short()));
                    }
                }
            }
        }
        assert!(tried >= 4 * EDGES.len(), "only {tried} were tried");
        assert!(wrong.is_empty(), "{wrong:#?}");
    });
}

#[test]
fn a_stream_opens_whatever_number_it_is_to_go_on_from() {
    run(async {
        let server = TestServer::new();
        server.ask("ana/all", "Admin").await;
        for last in EDGES {
            let request = Request::get("/api/v1/events")
                .header(header::AUTHORIZATION, "Bearer ana/all")
                .header("last-event-id", last)
                .body(Body::empty());
            let response = server.answer(request.unwrap()).await;
            assert_eq!(response.status(), StatusCode::OK, "{last:?}");
            let mut events = response.into_body().into_data_stream();
            let first = tokio::time::timeout(Duration::from_millis(50), events.next()).await;
            assert!(
                !matches!(first, Ok(None | Some(Err(_)))),
                "{last:?}: {first:?}"
            );
        }
    });
}

#[test]
fn reading_after_the_last_number_there_can_be_finds_nothing() {
    run(async {
        let server = TestServer::new();
        server.ask("ana/all", "Admin").await;
        let reply = server.get("/api/v1/audit?after=9007199254740991", "aud/all");
        assert_eq!(reply.await.json(), json!({"items": []}));
        for after in ["9007199254740992", "18446744073709551615"] {
            let path = format!("/api/v1/audit?after={after}");
            let reply = server.get(&path, "aud/all").await;
            assert_eq!(reply.short(), "400 bad-parameter", "{after}");
        }
    });
}

#[test]
fn numbers_in_addresses_of_pages_break_no_page() {
    run(async {
        let server = TestServer::new();
        server.ask("ana/all", "Admin").await;
        let mut eve = Browser::of(&server, "eve").await;
        for path in [
            "/audit?after=",
            "/audit?record=",
            "/rules?page=",
            "/access?skip=",
            "/access/cut-off?user=ana%40corp.example&since=",
        ] {
            for edge in EDGES {
                let reply = eve.get(&format!("{path}{edge}")).await;
                assert!(
                    reply.status.is_success() || reply.status == StatusCode::BAD_REQUEST,
                    "{path}{edge}: {}",
                    reply.status
                );
            }
        }
    });
}
