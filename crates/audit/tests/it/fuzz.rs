//! Fuzz targets for exports, heads, statements and key lists. See `hallpass_base::testing`.
//! Changing bytes cannot forge a record or a signature, so anything valid after a change was valid
//! before.

use std::collections::BTreeSet;

use futures_util::FutureExt as _;
use hallpass_audit::{
    Evidence, ExportLocation, Input, KnownKeys, PublicKey, PublishedHead, Statement, Trust,
    TrustedKeys, WitnessMemory, WitnessWatch, assure, canonical, key_file, look, read_key_file,
    verify,
};
use hallpass_base::testing::{changed, in_time};
use serde_json::{Map, Value};

use crate::world::{World, keys, minutes};

const LETTERS: &[u8] = b"{}[]\",:\\u0019aef \n\r-.E_";

const LOG: &[u8] = include_bytes!("__fuzz__/export/corpus/log.jsonl");
const BEGINNING: &[u8] = include_bytes!("__fuzz__/export/corpus/beginning.jsonl");
const HEAD: &[u8] = include_bytes!("__fuzz__/evidence/corpus/head.json");
const UNSIGNED: &[u8] = include_bytes!("__fuzz__/evidence/corpus/unsigned.json");
const STATEMENT: &[u8] = include_bytes!("__fuzz__/evidence/corpus/statement.json");
const MEMORY: &[u8] = include_bytes!("__fuzz__/evidence/corpus/memory.json");
const KEYS: &[u8] = include_bytes!("__fuzz__/keys/corpus/keys.txt");

fn lines(bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    let lines = bytes.split(|byte| *byte == b'\n');
    lines.filter(|line| !line.is_empty())
}

fn inputs(bytes: &[u8]) -> Vec<Input> {
    let numbered = lines(bytes).enumerate();
    numbered
        .map(|(index, line)| Input {
            place: format!("line {}", index + 1),
            named: None,
            bytes: line.to_vec(),
        })
        .collect()
}

#[test]
fn the_samples_hold() {
    for (log, first) in [(LOG, 7), (BEGINNING, 1)] {
        assert_eq!(verify(inputs(log), &[]).unwrap().first, first);
    }
    let trusted = TrustedKeys::parse(std::str::from_utf8(KEYS).unwrap()).unwrap();
    let head = PublishedHead::parse(HEAD).unwrap();
    assert_eq!(trusted.check_head(head.fields()), Ok(()));
    let said = Statement::parse(STATEMENT).unwrap();
    assert_eq!(trusted.check_witness(said.witness(), said.fields()), Ok(()));
}

#[test]
fn an_export_that_verifies_holds_nothing_that_was_not_recorded() {
    let recorded: BTreeSet<&[u8]> = lines(LOG).chain(lines(BEGINNING)).collect();
    hallpass_base::testing::fuzz_target!("export", |input: &[u8]| {
        let bytes = changed(input, &[LOG, BEGINNING], LETTERS);
        let found = in_time(|| verify(inputs(&bytes), &[]));
        let Ok(verified) = found else { return };
        let count = lines(&bytes).collect::<BTreeSet<_>>().len() as u64;
        assert!(verified.records <= count, "{verified:?}");
        let new = lines(&bytes).find(|line| !recorded.contains(line));
        assert!(
            new.is_none(),
            "{}",
            String::from_utf8_lossy(new.unwrap_or_default())
        );
    });
}

fn content(fields: &Map<String, Value>) -> String {
    canonical(fields).unwrap()
}

#[test]
fn a_head_or_statement_that_counts_is_one_that_was_signed() {
    let trusted = TrustedKeys::parse(std::str::from_utf8(KEYS).unwrap()).unwrap();
    let (head, said) = (
        PublishedHead::parse(HEAD).unwrap(),
        Statement::parse(STATEMENT).unwrap(),
    );
    let samples = [HEAD, UNSIGNED, STATEMENT, MEMORY];
    hallpass_base::testing::fuzz_target!("evidence", |input: &[u8]| {
        let bytes = changed(input, &samples, LETTERS);
        let mut evidence = Evidence::default();
        if let Ok(read) = PublishedHead::parse(&bytes) {
            if trusted.check_head(read.fields()).is_ok() {
                assert_eq!(content(read.fields()), content(head.fields()));
            }
            assert_eq!(
                PublishedHead::from_fields(read.fields().clone()).as_ref(),
                Ok(&read)
            );
            evidence.heads.push(("head".to_owned(), read));
        }
        if let Ok(read) = Statement::parse(&bytes) {
            if trusted.check_witness(read.witness(), read.fields()).is_ok() {
                assert_eq!(content(read.fields()), content(said.fields()));
            }
            evidence.statements.push((read.key(), read));
        }
        for trust in [Trust::Nobody, Trust::Keys(&trusted)] {
            let _ = in_time(|| assure(inputs(LOG), &evidence, trust).map(|_| ()));
        }
        if let Ok(memory) = WitnessMemory::parse(&String::from_utf8_lossy(&bytes)) {
            assert_eq!(
                WitnessMemory::parse(&memory.text().unwrap()).as_ref(),
                Ok(&memory)
            );
            let _ = memory.blind(minutes(1_000_000));
        }
    });
}

#[test]
fn a_list_of_keys_reads_back_or_names_its_line() {
    let seed = key_file(&[7; 32]);
    let samples = [KEYS, seed.as_bytes()];
    hallpass_base::testing::fuzz_target!("keys", |input: &[u8]| {
        let bytes = changed(input, &samples, b" \n#:=+/ednwistawk-Az09");
        let text = String::from_utf8_lossy(&bytes);
        match in_time(|| TrustedKeys::parse(&text)) {
            Ok(list) => {
                let again = TrustedKeys::parse(&list.to_string());
                assert_eq!(again.as_ref(), Ok(&list), "{text}");
            }
            Err(fault) => assert!((1..=text.lines().count()).contains(&fault.line), "{fault}"),
        }
        let _ = read_key_file(&text);
        if let Ok(key) = text.trim().parse::<PublicKey>() {
            assert_eq!(key.to_string().parse(), Ok(key));
        }
    });
}

#[test]
fn a_witness_reads_on_or_cries() {
    let mut whole = World::new();
    whole
        .grow(4)
        .publish(minutes(5))
        .grow(6)
        .publish(minutes(7));
    let names: Vec<String> = whole.objects.keys().cloned().collect();
    let samples: Vec<&[u8]> = whole.objects.values().map(Vec::as_slice).collect();
    hallpass_base::testing::fuzz_target!("watched", |input: &[u8]| {
        let (Some(which), Some(place)) = (input.first(), input.get(1)) else {
            return;
        };
        let bytes = changed(input, &samples, LETTERS);
        let mut world = whole.clone();
        let from = &names[usize::from(which & 0x7f) % names.len()];
        let to = names[usize::from(*place) % names.len()].clone();
        world
            .objects
            .insert(if place % 3 == 0 { to } else { from.clone() }, bytes);
        let mut watch = WitnessWatch::new(WitnessMemory::first_look(minutes(0)));
        let place = ExportLocation {
            source: &world,
            prefix: "logs",
        };
        let mut known = KnownKeys::default();
        let looked = in_time(|| {
            look(place, &mut watch, &mut known, &keys(), minutes(8))
                .now_or_never()
                .expect("nothing waits")
        });
        if looked.is_ok() {
            let is_record = |name: &&String| name.starts_with("logs/");
            for name in names.iter().filter(is_record) {
                let kept = |world: &World| world.objects[name].trim_ascii_end().to_vec();
                assert_eq!(kept(&world), kept(&whole), "{name}");
            }
        }
    });
}
