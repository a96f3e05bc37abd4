//! Fuzz target for the parser of `hallpass.toml`. See `hallpass_base::testing`.
//!
//! An input that begins with `=` is literal text; any other input mutates the sample.

use std::collections::BTreeSet;
use std::path::PathBuf;

use hallpass_base::Timestamp;

use super::{Loaded, keys::keys, parse};

const SAMPLE: &str = include_str!("__fuzz__/configuration/sample.toml");

const LETTERS: &[u8] = b"[]\"'=,.{}# \n\\0a:t-_$m";

fn text(input: &[u8]) -> String {
    if let Some(text) = input.strip_prefix(b"=") {
        return String::from_utf8_lossy(text).into_owned();
    }
    hallpass_base::testing::edited(SAMPLE, input, LETTERS)
}

fn given(table: &toml::Table, above: &str, found: &mut BTreeSet<String>) {
    for (key, value) in table {
        let path = if above.is_empty() {
            key.clone()
        } else {
            format!("{above}.{key}")
        };
        match value {
            _ if path == "access.account_notes" => {}
            _ if path == "groups.sync.rules.attributes" => {
                found.insert(path);
            }
            toml::Value::Table(inner) => given(inner, &path, found),
            toml::Value::Array(items) if items.iter().any(toml::Value::is_table) => {
                for inner in items.iter().filter_map(toml::Value::as_table) {
                    given(inner, &path, found);
                }
            }
            _ => {
                found.insert(path);
            }
        }
    }
}

#[test]
fn the_sample_is_read() {
    assert!(parse(SAMPLE, "sample.toml").is_ok());
}

#[test]
fn a_configuration_is_read_whole_or_refused_with_its_place() {
    let known: BTreeSet<&str> = keys().map(|(key, _)| key).collect();
    hallpass_base::testing::fuzz_target!("configuration", |input: &[u8]| {
        let text = text(input);
        match parse(&text, "any.toml") {
            Ok(_) => {
                let table: toml::Table = text.parse().expect("the text is TOML");
                let mut found = BTreeSet::new();
                given(&table, "", &mut found);
                let silent = found.iter().find(|key| !known.contains(key.as_str()));
                assert!(
                    silent.is_none(),
                    "{silent:?} is read as an empty text\n{text}"
                );
            }
            Err(failure) => {
                let said = format!("{failure:?}");
                let has_place = said.contains("any.toml:");
                // references are stored elsewhere
                let refers = text.contains("${env:") || text.contains("file:");
                assert!(has_place || refers, "{said}\n{text}");
            }
        }
    });
}

const EDGES: [&str; 20] = [
    "0",
    "-1",
    "1",
    "2147483648",
    "4294967296",
    "9223372036854775807",
    "9223372036854775808",
    "18446744073709551615",
    "18446744073709551616",
    "1e400",
    "nan",
    "\"\"",
    "\"0s\"",
    "\"-1s\"",
    "\"1s\"",
    "\"2147483648s\"",
    "\"36525d\"",
    "\"18446744073709551615h\"",
    "\"18446744073709551616d\"",
    "\"9999999999:59\"",
];

/// `[a.b]` and `c = value` of the key `a.b.c`; webhooks and alert targets are lists of tables.
fn file_with(key: &str, value: &str) -> String {
    let (table, name) = key.rsplit_once('.').expect("every key is in a table");
    match table {
        "webhooks" | "on_call" | "tickets" | "alerts.sns" | "alerts.sqs" | "groups.sync.rules" => {
            format!("[[{table}]]\n{name} = {value}\n")
        }
        table => format!("[{table}]\n{name} = {value}\n"),
    }
}

#[test]
fn every_key_takes_or_refuses_every_edge_and_what_is_taken_can_be_used() {
    let now: Timestamp = "2026-11-20T14:20:00Z".parse().expect("an instant");
    for (key, _) in keys() {
        for edge in EDGES {
            let text = file_with(key, edge);
            let Ok(config) = parse(&text, "any.toml") else {
                continue;
            };
            let loaded = Loaded {
                config,
                folder: PathBuf::new(),
            };
            let settings = loaded.settings();
            let expires = settings.expires_at(now);
            assert!(expires.is_none_or(|at| at >= now), "{text}");
            for sent in [0, 1, 20, 1_000] {
                let next = settings.reminder_at(now, expires, sent);
                assert!(next.is_none_or(|at| at >= now), "{text}");
            }
            assert!(settings.longest() >= settings.duration_max, "{text}");
            let _ = (loaded.sessions().is_ok(), loaded.sign_in().is_ok());
            let _ = (
                loaded.event_queue().is_ok(),
                loaded.enrich_settings().is_ok(),
            );
            let _ =
                hallpass_server::Rates::new(loaded.config.server.rate, loaded.config.server.burst);
            let _ = crate::host::descriptors::share(20_000, loaded.config.server.max_connections);
        }
    }
}
