//! Fuzz target for the files of calculators and generators: trees, sessions, tags, assertions,
//! ranges, events. See `hallpass_base::testing`.

use std::net::IpAddr;

use hallpass_base::testing::{changed, in_time};
use hallpass_iam::BadInput;
use hallpass_iam::attributes::{Assertion, AttributeMap};
use hallpass_iam::generate::sessions::Revocations;
use hallpass_iam::perimeter::{Guardrails, GuardrailsError, Tree};
use hallpass_iam::residual::{Graph, Sessions, instant, span};
use hallpass_iam::suite::Suite;
use hallpass_iam::vpn::{Countries as _, CsvCountries, Event, Lookup, Policy};

const SAMPLES: [&[u8]; 12] = [
    include_bytes!("__fuzz__/files/corpus/assertion.xml"),
    include_bytes!("__fuzz__/files/corpus/attachments.json"),
    include_bytes!("__fuzz__/files/corpus/claims.json"),
    include_bytes!("__fuzz__/files/corpus/event.json"),
    include_bytes!("__fuzz__/files/corpus/graph.json"),
    include_bytes!("__fuzz__/files/corpus/map.toml"),
    include_bytes!("__fuzz__/files/corpus/ranges.csv"),
    include_bytes!("__fuzz__/files/corpus/revocations.json"),
    include_bytes!("__fuzz__/files/corpus/sessions.json"),
    include_bytes!("__fuzz__/files/corpus/suite.toml"),
    include_bytes!("__fuzz__/files/corpus/tree.json"),
    include_bytes!("__fuzz__/files/corpus/vpn.yaml"),
];

fn held<T>(what: &str, read: Result<T, BadInput>, text: &str) -> Option<T> {
    match read {
        Ok(read) => Some(read),
        Err(error) => {
            let told = error.code.starts_with("E_") && !error.message.is_empty();
            assert!(told, "{what}: {error:?} of {text}");
            None
        }
    }
}

#[test]
fn every_sample_is_a_file_of_its_kind() {
    let text = |name: &str| {
        let folder = concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/tests/it/__fuzz__/files/corpus"
        );
        std::fs::read_to_string(format!("{folder}/{name}")).unwrap()
    };
    let tree = Tree::read(&text("tree.json")).unwrap();
    let policy =
        |_: &str| Some(r#"{"Statement":{"Effect":"Deny","Action":"*","Resource":"*"}}"#.to_owned());
    Guardrails::read(&text("attachments.json"), &tree, policy).unwrap();
    Sessions::parse(&text("sessions.json")).unwrap();
    Graph::parse(&text("graph.json")).unwrap();
    Suite::parse(&text("suite.toml")).unwrap();
    AttributeMap::parse(&text("map.toml")).unwrap();
    Assertion::parse(&text("assertion.xml")).unwrap();
    Assertion::parse(&text("claims.json")).unwrap();
    Revocations::parse(&text("revocations.json")).unwrap();
    Policy::parse(&text("vpn.yaml")).unwrap();
    CsvCountries::parse(&text("ranges.csv")).unwrap();
    Event::parse(&text("event.json")).unwrap();
}

#[test]
fn files_are_read_whole_or_refused_with_a_code() {
    hallpass_base::testing::fuzz_target!("files", |input: &[u8]| {
        let bytes = changed(input, &SAMPLES, b"{}[]\",:\\=#<>/&;-\n 0aE.");
        let text = String::from_utf8_lossy(&bytes);
        in_time(|| {
            held("sessions", Sessions::parse(&text), &text);
            held("graph", Graph::parse(&text), &text);
            held("suite", Suite::parse(&text), &text);
            held("map", AttributeMap::parse(&text), &text);
            held("assertion", Assertion::parse(&text), &text);
            held("revocations", Revocations::parse(&text), &text);
            held("policy", Policy::parse(&text), &text);
            held("instant", instant(&text, "/x"), &text);
            held("span", span(&text, "/x"), &text);
            let _ = Event::parse(&text);
            ranges(&text);
            tree(&text);
        });
    });
}

fn ranges(text: &str) {
    if let Some(list) = held("ranges", CsvCountries::parse(text), text) {
        for address in ["192.0.2.1", "255.255.255.255", "2001:db8::1", "::"] {
            let address: IpAddr = address.parse().unwrap();
            if let Lookup::Found(country) = list.country(address) {
                let told = country.to_string();
                assert!(text.to_uppercase().contains(&told), "{told} of {text}");
            }
        }
    }
}

fn tree(text: &str) {
    let Some(tree) = held("tree", Tree::read(text), text) else {
        return;
    };
    let policy = |_: &str| Some(text.to_owned());
    match Guardrails::read(text, &tree, policy) {
        Err(GuardrailsError::Attachments(error)) => {
            held("attachments", Err::<(), _>(error), text);
        }
        Ok(_) | Err(GuardrailsError::Policy { .. }) => {}
    }
}
