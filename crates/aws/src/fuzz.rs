//! Fuzz target for answers read without an SDK crate: S3 XML, errors, dates. See
//! `hallpass_base::testing`.

use hallpass_base::testing::{changed, in_time};

use crate::fault::CallFailure;
use crate::signed::{json_error, xml_error};
use crate::signing_clock::read_http_date;
use crate::xml::texts;

const LISTING: &[u8] = include_bytes!("__fuzz__/answers/corpus/listing.xml");
const SAMPLES: [&[u8]; 5] = [
    LISTING,
    include_bytes!("__fuzz__/answers/corpus/date"),
    include_bytes!("__fuzz__/answers/corpus/error.json"),
    include_bytes!("__fuzz__/answers/corpus/error.xml"),
    include_bytes!("__fuzz__/answers/corpus/lock.xml"),
];
const KEY: [&str; 3] = ["ListBucketResult", "Contents", "Key"];

#[test]
fn an_answer_is_read_whole_or_refused() {
    assert_eq!(texts(LISTING, &KEY).unwrap(), ["a & b.json", "c<d.json"]);
    hallpass_base::testing::fuzz_target!("answers", |input: &[u8]| {
        let bytes = changed(input, &SAMPLES, b"<>/&;\"'=!?-[]#x {}:,\\0aK");
        let told = String::from_utf8_lossy(&bytes);
        match in_time(|| texts(&bytes, &KEY)) {
            // a truncated listing is never a shorter listing
            Ok(keys) if !keys.is_empty() => {
                assert!(told.contains("</ListBucketResult"), "{told}");
            }
            Ok(_) => {}
            Err(why) => assert!(!why.is_empty(), "{told}"),
        }
        in_time(|| {
            let (code, message) = xml_error(&bytes);
            let (named, words) = json_error(Some(&told), &bytes);
            for (code, message) in [(code, message), (named, words)] {
                let (code, message) = (code.as_deref(), message.as_deref());
                let failure = CallFailure::answered(503, code, message, Some(&told));
                assert!(!failure.outcome().is_empty());
            }
            let _ = read_http_date(&told);
        });
    });
}
