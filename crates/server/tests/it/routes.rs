//! All routes from the router itself: the authorization tables must have a row for each.

use std::collections::BTreeSet;

use axum::Router;
use axum::http::{Method, StatusCode};
use axum::routing::{get, put};
use regex::Regex;

use crate::test_server::{TestServer, run};
use crate::{authorization, pages};

const METHODS: [&str; 5] = ["GET", "POST", "PUT", "PATCH", "DELETE"];

pub(crate) fn routed() -> BTreeSet<String> {
    routes_of(&TestServer::new().router())
}

/// Parses the router's debug output, the only list of routes; unknown formats fail, and
/// [`the_router_answers_what_it_lists_and_nothing_else`] verifies the result.
fn routes_of(router: &Router) -> BTreeSet<String> {
    let text = format!("{router:?}");
    let own = text.split("fallback_router:").next().unwrap();
    let (endpoints, paths) = own.split_once("Node { paths: ").unwrap();
    let path = Regex::new(r#"RouteId\((\d+)\): "([^"]+)""#).unwrap();
    let method = Regex::new(r"\b(get|post|put|patch|delete): (Route|BoxedHandler)").unwrap();
    let mut found = BTreeSet::new();
    for of_path in path.captures_iter(paths) {
        let begin = Regex::new(&format!(r"RouteId\({}\): MethodRouter\(", &of_path[1])).unwrap();
        let begin = begin
            .find(endpoints)
            .unwrap_or_else(|| panic!("{of_path:?} in {text}"));
        let endpoint = &endpoints[begin.end()..];
        let endpoint = endpoint.split("allow_header:").next().unwrap();
        let before = found.len();
        for of_method in method.captures_iter(endpoint) {
            found.insert(format!("{} {}", of_method[1].to_uppercase(), &of_path[2]));
        }
        assert!(
            found.len() > before,
            "{of_path:?} has no method: {endpoint}"
        );
    }
    assert!(found.len() > 50, "routes were not read: {text}");
    found
}

fn differing(routed: &BTreeSet<String>) -> BTreeSet<String> {
    let is_static = |route: &String| route.contains(" /static/");
    let listed: BTreeSet<String> = authorization::rows().chain(pages::rows()).collect();
    let difference = routed.symmetric_difference(&listed);
    difference
        .filter(|route| !is_static(route))
        .cloned()
        .collect()
}

#[test]
fn every_route_has_a_row_in_the_tables_of_who_may_do_what() {
    assert_eq!(differing(&routed()), BTreeSet::new());
}

#[test]
fn a_route_without_a_row_is_found() {
    let router = TestServer::new()
        .router()
        .route("/api/v1/thrown-away", get(async || "yes"))
        .route("/thrown/{away}", put(async || "yes").get(async || "no"));
    let found = differing(&routes_of(&router));
    let added = [
        "GET /api/v1/thrown-away",
        "GET /thrown/{away}",
        "PUT /thrown/{away}",
    ];
    assert_eq!(found, added.map(str::to_owned).into());
}

#[test]
fn the_router_answers_what_it_lists_and_nothing_else() {
    run(async {
        let server = TestServer::new();
        let routes = routes_of(&server.router());
        let paths: BTreeSet<&str> = routes
            .iter()
            .filter_map(|route| route.split_once(' '))
            .map(|(_, path)| path)
            .collect();
        for path in paths {
            for method in METHODS {
                let is_listed = routes.contains(&format!("{method} {path}"));
                let request = axum::http::Request::builder()
                    .method(Method::from_bytes(method.as_bytes()).unwrap())
                    .uri(path.replace(['{', '}'], ""))
                    .body(axum::body::Body::empty())
                    .unwrap();
                let reply = server.send(request).await;
                let is_taken = reply.status != StatusCode::METHOD_NOT_ALLOWED;
                assert_eq!(is_taken, is_listed, "{method} {path}: {reply:?}");
            }
        }
    });
}
