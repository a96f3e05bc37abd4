//! Fuzz targets for untrusted statements and untrusted JSON columns. See `hallpass_base::testing`.

use std::collections::BTreeMap;

use hallpass_base::testing::{changed, in_time};
use serde_json::Value;

use super::ReadStatement;
use super::json::{Step, get};

const DOCUMENTS: [&[u8]; 2] = [
    include_bytes!("../__fuzz__/json/corpus/nested"),
    include_bytes!("../__fuzz__/json/corpus/list"),
];

const STATEMENTS: [&[u8]; 2] = [
    include_bytes!("../__fuzz__/statements/corpus/join"),
    include_bytes!("../__fuzz__/statements/corpus/nested"),
];

#[test]
fn a_step_finds_what_reading_the_whole_document_finds() {
    hallpass_base::testing::fuzz_target!("json", |input: &[u8]| {
        let bytes = changed(input, &DOCUMENTS, b"{}[]\":,0123456789-.\\utrefalsn ");
        let text = String::from_utf8_lossy(&bytes);
        in_time(|| {
            let whole = serde_json::from_str::<Value>(&text).ok();
            for key in ["a", "b", "t", ""] {
                let found = get(&text, &Step::Key(key.to_owned()));
                let wanted = whole
                    .as_ref()
                    .and_then(|it| it.as_object()?.get(key).cloned());
                assert_eq!(found, wanted, "{text:?} -> {key:?}");
            }
            let found = get(&text, &Step::Index(1));
            let wanted = whole.as_ref().and_then(|it| it.as_array()?.get(1).cloned());
            assert_eq!(found, wanted, "{text:?} -> 1");
        });
    });
}

#[test]
fn a_statement_is_read_or_refused() {
    hallpass_base::testing::fuzz_target!("statements", |input: &[u8]| {
        let bytes = changed(input, &STATEMENTS, b"()'\"$;,.*-/ \nSELECTFROMWHRINU0123");
        let text = String::from_utf8_lossy(&bytes);
        let parameters = BTreeMap::from([("p".to_owned(), "1".to_owned())]);
        in_time(|| {
            let _ = ReadStatement::parse(&text, &parameters);
        });
    });
}
