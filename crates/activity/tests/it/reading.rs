//! Log files: forms, sizes, pieces, faults (`inventory.md` H-7, H-9).

use std::collections::BTreeSet;
use std::io::Read;

use hallpass_activity::{
    EventNames, LogFault, LogScope, ReadCount, read_file, read_folder, read_log, trail_regions,
};
use serde_json::{Value, json};

use crate::files::{MemoryFiles, Pieces, Trouble};
use crate::stage::{LOGS, empty_fold, everything, gzipped, log_of, record};

fn read(bytes: &[u8]) -> Result<Vec<String>, LogFault> {
    let mut ids = Vec::new();
    let names = EventNames::new(["Authenticate"]);
    for piece in [0, 1, 3] {
        let mut found = Vec::new();
        read_log(Pieces::of(bytes, piece), &names, |it| {
            found.push(it.event_id);
        })?;
        assert!(piece == 0 || found == ids, "in pieces of {piece}");
        ids = found;
    }
    Ok(ids)
}

fn sign_in(number: u32) -> Value {
    record(
        number,
        "2025-08-01T00:00:00Z",
        "sso:Authenticate",
        &json!({}),
    )
}

fn id(number: u32) -> String {
    format!("00000000-0000-4000-8000-{number:012}")
}

#[test]
fn every_form_of_a_log_is_read() {
    let (one, two) = (sign_in(1), sign_in(2));
    let both = log_of(&[one.clone(), two.clone()]);
    let pretty = serde_json::to_vec_pretty(&json!({"Records": [one, two]})).unwrap();
    let event =
        |it: &Value| json!({"EventName": "Authenticate", "CloudTrailEvent": it.to_string()});
    let pages = json!({"pages": [{"Events": [event(&one)], "NextToken": "AAAA"}, {"Events": [event(&two)]}]});
    let answer = json!({"Events": [event(&one), event(&two)]});
    let single = |it: &Value| log_of(std::slice::from_ref(it));
    let members = [gzipped(&single(&one)), gzipped(&single(&two))].concat();
    // A gzip member may end anywhere.
    let (start, end) = both.split_at(both.len() / 2);
    let cut = [gzipped(start), gzipped(end)].concat();
    let others = json!({"a": {"Records": [1]}, "b": "}]\\\"", "c": -1.5e3, "Records": [one, two], "d": null});
    let rows = [
        ("plain", both.clone()),
        ("indented", pretty),
        ("gzipped", gzipped(&both)),
        ("two members, each a document", members),
        ("two members, one document", cut),
        ("pages of LookupEvents", pages.to_string().into_bytes()),
        ("an answer of LookupEvents", answer.to_string().into_bytes()),
        ("beside other members", others.to_string().into_bytes()),
        (
            "two documents",
            [single(&one), b"\n".to_vec(), single(&two)].concat(),
        ),
    ];
    for (what, bytes) in rows {
        assert_eq!(read(&bytes), Ok(vec![id(1), id(2)]), "{what}");
    }
    for empty in [
        r#"{"Records":[]}"#,
        r#" { "Records" : [ ] } "#,
        r#"{"pages":[]}"#,
        r#"{"Events":[]}"#,
    ] {
        assert_eq!(read(empty.as_bytes()), Ok(vec![]), "{empty}");
        assert_eq!(read(&gzipped(empty.as_bytes())), Ok(vec![]), "{empty}");
    }
}

/// Broken files, with the start of each message.
fn broken_files() -> Vec<(&'static str, Vec<u8>, &'static str)> {
    let whole = log_of(&[sign_in(1), sign_in(2)]);
    let zipped = gzipped(&whole);
    let mut flipped = zipped.clone();
    let middle = flipped.len() / 2;
    flipped[middle] ^= 0x55;
    let mut bad_text = whole.clone();
    let place = bad_text
        .windows(9)
        .rposition(|it| it == b"eventName")
        .unwrap();
    bad_text[place + 20] = 0xff;
    vec![
        ("nothing", vec![], "it ends before it should"),
        (
            "a cut file",
            whole[..whole.len() - 20].to_vec(),
            "it ends before it should",
        ),
        (
            "cut after a record",
            whole[..whole.len() - 2].to_vec(),
            "it ends before it should",
        ),
        (
            "a cut gzip",
            zipped[..zipped.len() - 9].to_vec(),
            "it ends before it should",
        ),
        ("a flipped byte", flipped, "its compression is broken"),
        (
            "bytes after the end",
            [zipped.clone(), vec![b'x'; 40]].concat(),
            "its compression is broken",
        ),
        ("no text", bad_text, "record 2 is not UTF-8"),
        ("a list", b"[]".to_vec(), "it is no log"),
        ("words", b"hello".to_vec(), "it is no log"),
        (
            "another document",
            br#"{"digestEndTime": "x"}"#.to_vec(),
            "it is no log",
        ),
        (
            "records that are none",
            br#"{"Records": [7]}"#.to_vec(),
            "it is not JSON at byte 13",
        ),
        (
            "no comma",
            br#"{"Records": [{"eventName":"X"} {}]}"#.to_vec(),
            "it is not JSON at byte 31",
        ),
        (
            "a record without a time",
            br#"{"Records":[{"eventName":"Authenticate"}]}"#.to_vec(),
            "record 1: missing field",
        ),
        (
            "broken inside",
            br#"{"Records":[{"eventName":"Authenticate",,}]}"#.to_vec(),
            "record 1: ",
        ),
        (
            "no record in an event",
            br#"{"Events":[{"EventName":"Authenticate"}]}"#.to_vec(),
            "record 1: missing field",
        ),
    ]
}

#[test]
fn whatever_is_broken_has_a_name() {
    for (what, bytes, said) in broken_files() {
        let fault = read(&bytes).expect_err(what).to_string();
        assert!(fault.starts_with(said), "{what}: {fault}");
    }
}

#[test]
fn every_cut_of_a_file_is_noticed_and_never_gives_half_a_record() {
    let whole = log_of(&[sign_in(1), sign_in(2)]);
    let names = EventNames::new(["Authenticate"]);
    for bytes in [whole.clone(), gzipped(&whole)] {
        for cut in 0..bytes.len() {
            let mut found = 0;
            let read = read_log(&bytes[..cut], &names, |_| found += 1);
            assert!(read.is_err() && found <= 2, "cut at {cut}: {read:?}");
        }
    }
}

#[test]
fn records_of_256_kib_are_read_and_larger_ones_than_any_are_not() {
    let with = |length: usize| {
        let more = json!({"requestParameters": {"text": "\\\"{".repeat(length / 5)}});
        log_of(&[
            sign_in(1),
            record(2, "2025-08-01T00:00:00Z", "sso:Authenticate", &more),
            sign_in(3),
        ])
    };
    let names = EventNames::new(["Authenticate"]);
    for length in [256 << 10, 1 << 20] {
        let bytes = with(length);
        let mut found = Vec::new();
        let count = read_log(Pieces::of(&bytes, 4096), &names, |it| {
            found.push(it.event_id);
        })
        .unwrap();
        assert_eq!(found, [id(1), id(2), id(3)]);
        assert_eq!((count.records, count.wanted), (3, 3));
    }
    let fault = read_log(&*with(8 << 20), &names, |_| {}).unwrap_err();
    assert!(matches!(fault, LogFault::TooLarge { .. }), "{fault}");
}

struct Endless {
    one: Vec<u8>,
    at: usize,
    left: usize,
}

impl Read for Endless {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let rest = &self.one[self.at..];
        let read = rest.len().min(buffer.len()).min(self.left);
        buffer[..read].copy_from_slice(&rest[..read]);
        self.at = (self.at + read) % self.one.len();
        self.left -= read;
        Ok(read)
    }
}

#[test]
fn h_9_a_long_log_is_read_record_by_record() {
    let one = [
        record(1, "2025-08-01T00:00:00Z", "s3:GetObject", &json!({})).to_string(),
        ",".into(),
    ];
    let one = one.concat().into_bytes();
    let times = 20_000;
    let body = Endless {
        left: one.len() * times,
        one,
        at: 0,
    };
    let log = br#"{"Records":["#.chain(body).chain(&b"{}]}"[..]);
    let names = EventNames::new(["Authenticate"]);
    let count = read_log(log, &names, |_| panic!("none is wanted"));
    // The last record has no name, and is parsed.
    assert!(
        matches!(count, Err(LogFault::BadRecord { record: 20_001, .. })),
        "{count:?}"
    );
}

#[test]
fn only_what_was_asked_for_is_opened() {
    let mut files = MemoryFiles::default();
    let log = gzipped(&log_of(&[sign_in(1)]));
    let trail = "bucket/prefix/AWSLogs/o-abcdefghij";
    let day = "eu-west-1/2025/08/01";
    for path in [
        format!("{trail}/111111111111/CloudTrail/{day}/1.json.gz"),
        format!("{trail}/111111111111/CloudTrail/{day}/2.json"),
        format!("{trail}/111111111111/CloudTrail/{day}/notes.txt"),
        format!("{trail}/111111111111/CloudTrail/eu-west-1/2025/08/02/3.json.gz"),
        format!("{trail}/111111111111/CloudTrail/eu-west-1/2025/07/31/4.json.gz"),
        format!("{trail}/111111111111/CloudTrail/us-east-1/2025/08/01/5.json.gz"),
        format!("{trail}/111111111111/CloudTrail-Digest/{day}/6.json.gz"),
        format!("{trail}/111111111111/CloudTrail-Insight/{day}/7.json.gz"),
        format!("{trail}/111111111111/Config/{day}/8.json.gz"),
        format!("{trail}/222222222222/CloudTrail/{day}/9.json.gz"),
        "bucket/other/10.json.gz".to_owned(),
    ] {
        files.files.insert(path, log.clone());
    }
    let day = |text: &str| text.parse().unwrap();
    let scope = LogScope {
        accounts: [("111111111111").parse().unwrap()].into(),
        regions: ["eu-west-1".to_owned()].into(),
        days: day("2025-08-01")..=day("2025-08-02"),
    };
    let opened = |scope: &LogScope| {
        let (mut fold, mut opened) = (empty_fold(), Vec::new());
        let mut note = |log: &hallpass_activity::ReadLog| {
            opened.push(log.path.rsplit('/').next().unwrap().to_owned());
        };
        read_folder(&files, scope, &mut fold, &mut note).unwrap();
        opened.join(" ")
    };
    assert_eq!(opened(&scope), "1.json.gz 2.json 3.json.gz");
    assert_eq!(
        opened(&everything()),
        "4.json.gz 1.json.gz 2.json 3.json.gz 5.json.gz 9.json.gz"
    );
}

#[test]
fn regions_of_a_trail_are_those_it_ever_delivered_of() {
    let mut files = MemoryFiles::default();
    let trail = "bucket/AWSLogs/o-abcdefghij";
    for path in [
        format!("{trail}/111111111111/CloudTrail/eu-west-1/2025/08/01/1.json.gz"),
        format!("{trail}/111111111111/CloudTrail/eu-central-1/2019/01/01/2.json.gz"),
        format!("{trail}/111111111111/CloudTrail-Digest/eu-north-1/2025/08/01/3.json.gz"),
        format!("{trail}/111111111111/CloudTrail-Insight/us-west-2/2025/08/01/4.json.gz"),
        format!("{trail}/222222222222/CloudTrail/us-east-1/2025/08/01/5.json.gz"),
    ] {
        files.files.insert(path, Vec::new());
    }
    let of = |accounts: &[&str]| {
        let accounts = accounts.iter().map(|it| it.parse().unwrap()).collect();
        let found = trail_regions(&files, &accounts).unwrap();
        found.into_iter().collect::<Vec<_>>().join(" ")
    };
    assert_eq!(of(&["111111111111"]), "eu-central-1 eu-north-1 eu-west-1");
    assert_eq!(of(&["333333333333"]), "");
    assert_eq!(of(&[]), "eu-central-1 eu-north-1 eu-west-1 us-east-1");
    files.closed = vec![trail.to_owned()];
    assert!(trail_regions(&files, &[].into()).is_err());
}

#[test]
fn a_broken_file_is_named_counted_and_skipped_and_its_day_is_no_evidence() {
    let folder = "AWSLogs/111111111111/CloudTrail/eu-west-1/2025/08";
    let path = |day: u32, name: &str| format!("{folder}/{day:02}/{name}.json.gz");
    let mut files = MemoryFiles {
        piece: 11,
        ..MemoryFiles::default()
    };
    for day in 29..=31 {
        files
            .files
            .insert(path(day, "whole"), gzipped(&log_of(&[sign_in(day)])));
    }
    for (name, trouble) in [
        ("closed", Trouble::Closed),
        ("fails", Trouble::FailsAfter(60)),
    ] {
        let broken = path(30, name);
        files
            .files
            .insert(broken.clone(), gzipped(&log_of(&[sign_in(100)])));
        files.trouble.insert(broken, trouble);
    }
    files.files.insert(
        path(30, "cut"),
        gzipped(&log_of(&[sign_in(101), sign_in(102)]))[..150].to_vec(),
    );
    let (mut fold, mut named) = (empty_fold(), Vec::new());
    let mut note = |log: &hallpass_activity::ReadLog| {
        if let Some(fault) = &log.fault {
            assert_eq!(log.count, ReadCount::default());
            named.push(format!("{}: {fault}", log.path.rsplit('/').next().unwrap()));
        }
    };
    let read = read_folder(&files, &everything(), &mut fold, &mut note).unwrap();
    assert_eq!((read.files, read.broken, read.count.wanted), (3, 3, 3));
    assert_eq!(
        named,
        [
            "closed.json.gz: it cannot be read: permission denied",
            "cut.json.gz: it ends before it should",
            "fails.json.gz: it cannot be read: the disk is gone",
        ]
    );
    let from = read.coverage.from(&BTreeSet::new(), crate::stage::as_of());
    assert_eq!(from, Some(crate::stage::at("2025-08-31T00:00:00Z")));
    files.closed.push(format!("{folder}/29"));
    let read = read_folder(&files, &everything(), &mut empty_fold(), &mut |_| {});
    assert!(
        read.is_err(),
        "a folder that cannot be listed is no shorter log"
    );
}

#[test]
fn the_fixture_files_count_what_they_hold() {
    let counts = LOGS.map(|(_, text)| {
        let mut fold = empty_fold();
        let log = read_file("x", text.as_bytes(), &fold.rules().names(), &mut fold);
        (log.count.records, log.count.wanted)
    });
    assert_eq!(counts, [(13, 13), (15, 15), (2, 2)]);
}
