//! `policies.md` §9.2 and `organization.md` §5: connections by country.

use std::net::IpAddr;

use hallpass_base::Timestamp;
use hallpass_iam::vpn::{
    Countries, Country, CsvCountries, DEFAULT_TEXT, Lookup, Policy, Schema, VpnAnswer, deny_list,
    handler,
};
use serde_json::{Value, json};

const CASES: &str = include_str!("../fixtures/org-vpn-cases.json");
const POLICY: &str = include_str!("../fixtures/org-vpn-policy.yaml");
const GEO: &str = include_str!("../fixtures/org-geo.csv");

const DATABASE: &str = "cidr,country
8.8.8.0/24,US
193.50.0.0/16,FR
2a00:23c0::/28,GB
203.0.113.0/24,US
10.0.0.0/8,US";

fn now() -> Timestamp {
    "2026-03-05T12:00:00Z".parse().unwrap()
}

fn geo(text: &str) -> CsvCountries {
    CsvCountries::parse(text).unwrap()
}

fn answer(event: &str, allow: &str) -> VpnAnswer {
    let policy = Policy::of_countries(allow.split(',')).unwrap();
    let policy = policy.denying(deny_list("# one office\n8.8.8.128/25 # loud\n").unwrap());
    handler(event, Some(&policy), &geo(DATABASE), Schema::V1, now())
}

fn from(ip: &str) -> String {
    json!({"public-ip": ip, "schema-version": "v2", "aws-client-version": "5"}).to_string()
}

/// Row, `public-ip` or the whole event, allowed countries -> allow, status, reason.
const ROWS: &str = r#"
    1   8.8.8.8                          US,GB     true  compliant   allowed-country
    2   193.50.1.1                       US,GB     false quarantined other-country
    3a  10.0.0.5                         US,FR,GB  false unknown     private
    3b  127.0.0.1                        US,FR,GB  false unknown     private
    3c  100.64.0.1                       US,FR,GB  false unknown     private
    3d  203.0.113.7                      US,FR,GB  false unknown     private
    3e  fe80::1                          US,FR,GB  false unknown     private
    3f  ::ffff:10.0.0.5                  US,FR,GB  false unknown     private
    4   2a00:23c0::1                     US,GB     true  compliant   allowed-country
    5   ::ffff:8.8.8.8                   US        true  compliant   allowed-country
    6   9.9.9.9                          US,FR,GB  false unknown     unknown
    7a  abc                              US,FR,GB  false unknown     bad-address
    7b  {"schema-version":"v2"}          US,FR,GB  false unknown     bad-address
    7c  {"public-ip":7,"schema-version":"v2"} US   false unknown     bad-address
    8   8.8.8.200                        US        false quarantined denied-range
    9a  {not-json                        US,FR,GB  false unknown     bad-event
    9b  {"public-ip":["8.8.8.8"]         US        false unknown     bad-event
"#;

#[test]
fn every_row_of_the_table_holds() {
    let mut wrong = Vec::new();
    for line in ROWS.lines().filter(|line| !line.trim().is_empty()) {
        let cells: Vec<&str> = line.split_whitespace().collect();
        let [row, sent, allow, rest @ ..] = cells.as_slice() else {
            panic!("{line}");
        };
        let event = match sent.strip_prefix('{') {
            Some(_) => (*sent).to_owned(),
            None => from(sent),
        };
        let answer = answer(&event, allow);
        let response = answer.response();
        let status = response["posture-compliance-statuses"][0].as_str().unwrap();
        let got = [&answer.allow.to_string(), status, answer.reason.as_str()];
        if got != rest {
            wrong.push(format!("row {row}: {got:?}"));
        }
        check_form(row, &response);
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[track_caller]
fn check_form(row: &str, response: &Value) {
    let (key, schema) = if row.starts_with('9') {
        ("error-msg-on-failed-posture-compliance", "v1")
    } else {
        ("error-msg-on-denied-connection", "v2")
    };
    let message = response[key].as_str().unwrap();
    assert!(!message.is_empty() && message.len() <= 255, "row {row}");
    for word in ["US", "GB", "private", "unknown"] {
        assert!(!message.contains(word), "row {row}: {message}");
    }
    assert_eq!(response["schema-version"], schema, "row {row}");
    assert_eq!(
        response["posture-compliance-statuses"]
            .as_array()
            .unwrap()
            .len(),
        1
    );
    assert_eq!(response.as_object().unwrap().len(), 4, "row {row}");
}

#[test]
fn the_response_has_the_form_of_the_events_schema() {
    let of = |schema: &str| {
        let event = json!({"public-ip": "8.8.8.8", "schema-version": schema}).to_string();
        serde_json::to_string(&answer(&event, "US").response()).unwrap()
    };
    let message = format!("\"{DEFAULT_TEXT}\"");
    let rest = "\"posture-compliance-statuses\":[\"compliant\"]";
    for (schema, key, version) in [
        ("v1", "error-msg-on-failed-posture-compliance", "v1"),
        ("v2", "error-msg-on-denied-connection", "v2"),
        ("v3", "error-msg-on-denied-connection", "v3"),
        ("v9", "error-msg-on-failed-posture-compliance", "v1"),
    ] {
        assert_eq!(
            of(schema),
            format!(
                "{{\"allow\":true,\"{key}\":{message},{rest},\"schema-version\":\"{version}\"}}"
            ),
        );
    }
}

#[test]
fn every_case_of_the_organization_table_holds() {
    let policy = Policy::parse(POLICY).unwrap();
    let geo = geo(GEO);
    let cases: Vec<Value> = serde_json::from_str(CASES).unwrap();
    assert_eq!(cases.len(), 14);
    for case in cases {
        let now = case["now"].as_str().unwrap().parse().unwrap();
        let event = case["event"].to_string();
        let answer = handler(&event, Some(&policy), &geo, Schema::V1, now);
        assert_eq!(answer.response(), case["expect"], "{}", case["name"]);
        assert_eq!(answer.reason.rule(), case["rule"], "{}", case["name"]);
    }
}

struct Broken;

impl Countries for Broken {
    fn country(&self, _: IpAddr) -> Lookup {
        Lookup::Failed("it is gone".to_owned())
    }
}

#[test]
fn a_broken_database_or_no_policy_denies_everybody() {
    let policy = Policy::of_countries(["US"]).unwrap();
    let answer = handler(&from("8.8.8.8"), Some(&policy), &Broken, Schema::V1, now());
    assert!(!answer.allow);
    assert_eq!(
        answer.response()["posture-compliance-statuses"],
        json!(["unknown"])
    );
    assert_eq!(answer.record(now())["error"], "it is gone");
    let answer = handler(&from("8.8.8.8"), None, &geo(DATABASE), Schema::V1, now());
    assert!(!answer.allow);
    assert_eq!(
        answer.response()["error-msg-on-denied-connection"],
        DEFAULT_TEXT
    );
}

#[test]
fn several_sources_are_asked_until_one_knows() {
    let of = |text: &str| -> Box<dyn Countries + Send + Sync> { Box::new(geo(text)) };
    let both = [
        Box::new(Broken) as Box<dyn Countries + Send + Sync>,
        of("1.1.1.0/24,AU"),
        of("8.8.0.0/16,US"),
    ];
    let us = Country::parse("US", "").unwrap();
    let at = |ip: &str| both[..].country(ip.parse().unwrap());
    assert_eq!(at("8.8.8.8"), Lookup::Found(us));
    assert_eq!(at("9.9.9.9"), Lookup::Failed("it is gone".to_owned()));
}

#[test]
fn the_record_says_who_from_where_and_by_which_rule() {
    let event = json!({
        "connection-id": "c-1", "endpoint-id": "e-1", "username": "", "common-name": "laptop-17",
        "public-ip": "8.8.8.8", "groups": "a, b"
    });
    assert_eq!(
        answer(&event.to_string(), "US").record(now()),
        json!({"at": "2026-03-05T12:00:00Z", "connection": "c-1", "endpoint": "e-1",
            "user": "laptop-17", "ip": "8.8.8.8", "country": "US", "rule": 9,
            "reason": "allowed-country", "allow": true})
    );
}

#[test]
fn a_rule_for_the_endpoint_comes_before_one_for_the_group() {
    let policy = "
rules:
  - {groups: [travel], countries: [BR]}
  - {endpoints: [e-2], countries: [AU]}
default: {countries: [US]}";
    let policy = Policy::parse(policy).unwrap();
    let may = |endpoint: &str, groups: &[&str], ip: &str| {
        let event = json!({"endpoint-id": endpoint, "groups": groups, "public-ip": ip});
        handler(
            &event.to_string(),
            Some(&policy),
            &geo(GEO),
            Schema::V1,
            now(),
        )
        .allow
    };
    let (us, br, au) = ("8.8.8.8", "200.160.1.1", "1.1.1.1");
    assert_eq!(
        [us, br, au].map(|ip| may("e-1", &[], ip)),
        [true, false, false]
    );
    assert_eq!(
        [us, br, au].map(|ip| may("e-1", &["travel"], ip)),
        [false, true, false]
    );
    assert_eq!(
        [us, br, au].map(|ip| may("e-2", &["travel"], ip)),
        [false, false, true]
    );
}

/// A certificate's name counts only if there is no user name.
#[test]
fn an_exception_is_for_who_signed_in() {
    let policy = Policy::parse(
        "default: {countries: [US]}\nexceptions: [{user: Alice, country: FR, from: 2026-03-01T00:00:00Z, until: 2026-03-09T00:00:00Z}]",
    );
    let policy = policy.unwrap();
    for (user, certificate, is_let_in) in [
        ("alice", "", true),
        ("ALICE", "bob", true),
        ("", "alice", true),
        ("bob", "alice", false),
        ("", "", false),
    ] {
        let event = json!({"public-ip": "193.50.1.1", "schema-version": "v2", "username": user, "common-name": certificate});
        let event = event.to_string();
        let answer = handler(&event, Some(&policy), &geo(DATABASE), Schema::V1, now());
        assert_eq!(answer.allow, is_let_in, "{user} {certificate}");
    }
}

#[test]
fn bad_input_is_named_by_code_and_place() {
    let long = "x".repeat(256);
    let default = "default: {countries: [US]}";
    let file = |text: &str| format!("{default}\n{text}");
    let policy = |text: &str| Policy::parse(&file(text)).map(drop);
    let table = [
        (
            Policy::of_countries(["US", "uk"]).map(drop),
            "E_COUNTRY --allow",
        ),
        (Policy::of_countries([]).map(drop), "E_ARG --allow"),
        (Policy::of_countries([""]).map(drop), "E_COUNTRY --allow"),
        (deny_list("8.8.8.8\n8.8.8.8/99").map(drop), "E_CIDR line 2"),
        (
            Policy::parse("default: {countries: [US, UK]}").map(drop),
            "E_COUNTRY /default/countries",
        ),
        (
            Policy::parse("default: {countries: []}").map(drop),
            "E_ARG /default/countries",
        ),
        (Policy::parse("rules: []").map(drop), "E_YAML "),
        (policy("countries: [US]"), "E_YAML "),
        (
            policy("rules: [{groups: [a], countries: []}]"),
            "E_ARG /rules/0/countries",
        ),
        (policy("deny_cidrs: [here]"), "E_CIDR /deny_cidrs/0"),
        (
            policy(&format!("messages: {{region: {long}}}")),
            "E_MESSAGE /messages/region",
        ),
        (policy("sources: [{mmdb: a, csv: b}]"), "E_ARG /sources/0"),
        (
            policy(
                "exceptions: [{user: a, country: US, from: 2026-03-01T00:00:00Z, until: 2026-03-01T00:00:00Z}]",
            ),
            "E_TIME /exceptions/0",
        ),
        (
            policy(
                "exceptions: [{user: ' ', country: FR, from: 2026-03-01T00:00:00Z, until: 2026-03-09T00:00:00Z}]",
            ),
            "E_ARG /exceptions/0/user",
        ),
        (policy("deny_users: [a, '']"), "E_ARG /deny_users/1"),
        (
            CsvCountries::parse("cidr,country\n8.8.8.8;US").map(drop),
            "E_CIDR line 2",
        ),
    ];
    for (result, wanted) in table {
        let error = result.unwrap_err();
        assert_eq!(
            format!("{} {}", error.code, error.pointer),
            wanted,
            "{error}"
        );
        assert!(!error.message.contains('\n'), "{error}");
    }
}

/// `organization.md` §5, row 19: ten thousand decisions over as many lines as a real database has.
#[test]
fn ten_thousand_decisions_take_less_than_five_milliseconds_each() {
    let lines = (0..200_000_u32).map(|n| {
        let [_, a, b, c] = (n * 16).to_be_bytes();
        format!(
            "{}.{b}.{c}.0/28,{}",
            20 + a,
            ["US", "FR", "GB"][n as usize % 3]
        )
    });
    let text: Vec<String> = std::iter::once("cidr,country".to_owned())
        .chain(lines)
        .collect();
    let (countries, policy) = (
        geo(&text.join("\n")),
        Policy::of_countries(["US", "GB"]).unwrap(),
    );
    let mut took: Vec<std::time::Duration> = (0..10_000_u32)
        .map(|n| {
            let [_, _, b, c] = (n * 400).to_be_bytes();
            let event = from(&format!("20.{b}.{c}.1"));
            let began = std::time::Instant::now();
            let answer = handler(&event, Some(&policy), &countries, Schema::V2, now());
            let span = began.elapsed();
            assert_ne!(answer.reason.as_str(), "private");
            span
        })
        .collect();
    took.sort_unstable();
    let p99 = took[9_900];
    assert!(p99 < std::time::Duration::from_millis(5), "{p99:?}");
}
