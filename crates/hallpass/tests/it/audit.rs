//! `audit verify`: detects and names all tampering, in folders and files.

use std::fs;
use std::path::{Path, PathBuf};

use hallpass_audit::{Draft, Event, Head, Origin, Record, head_key, object_key, seal};
use hallpass_base::{AuditId, Timestamp};
use uuid::Uuid;

use crate::run::{Ran, hallpass, run};

fn at(second: u64) -> Timestamp {
    Timestamp::from_second(1_772_445_900 + i64::try_from(second).unwrap()).unwrap()
}

fn record(number: u64, note: &str, previous: Option<&Record>) -> Record {
    let id = AuditId::new(Uuid::from_u128(u128::from(number)));
    let event = Event::ConfigLoaded;
    let draft = Draft::new(id, event, at(number), "hallpass", Origin::System).why(note);
    seal(draft, previous.map(head).as_ref()).unwrap()
}

fn chain(length: u64) -> Vec<Record> {
    let mut records: Vec<Record> = Vec::new();
    for number in 1..=length {
        records.push(record(number, "as it was", records.last()));
    }
    records
}

fn head(record: &Record) -> Head {
    Head {
        seq: record.seq(),
        hash: record.hash().to_owned(),
        time: at(record.seq()),
    }
}

struct Export {
    folder: tempfile::TempDir,
    records: Vec<Record>,
}

impl Export {
    fn new() -> Self {
        let export = Self {
            folder: tempfile::tempdir().unwrap(),
            records: chain(9),
        };
        for record in &export.records {
            Export::write(&export.object(record), record.canonical());
        }
        for record in [&export.records[4], &export.records[8]] {
            let text = serde_json::to_string(&head(record)).unwrap();
            Export::write(&export.path().join(head_key(at(record.seq()))), &text);
        }
        export
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }

    fn object(&self, record: &Record) -> PathBuf {
        self.path().join(object_key("logs", record))
    }

    fn write(path: &Path, text: &str) {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    fn file(&self, records: &[Record]) -> PathBuf {
        let path = self.path().join("export.jsonl");
        let lines: Vec<&str> = records.iter().map(Record::canonical).collect();
        fs::write(&path, lines.join("\n") + "\n").unwrap();
        path
    }
}

fn verify(args: &[&dyn AsRef<std::ffi::OsStr>]) -> Ran {
    let mut command = hallpass();
    command.args(["audit", "verify"]);
    for arg in args {
        command.arg(arg.as_ref());
    }
    run(&mut command)
}

#[track_caller]
fn finds(ran: Ran, seq: u64, kind: &str) {
    let ran = ran.exits(1);
    let found = &ran.lines()[0];
    assert_eq!(found["ok"], false);
    assert_eq!((&found["seq"], &found["kind"]), (&seq.into(), &kind.into()));
    let said = format!("error[{kind}]: record {seq} is {kind}");
    assert!(ran.err.contains(&said), "{}", ran.err);
}

#[test]
fn a_file_cut_short_is_found_by_a_head() {
    let export = Export::new();
    let file = export.file(&export.records[..6]);
    verify(&[&file]).exits(0);
    let published = export.path().join("head.json");
    let text = serde_json::to_string(&head(&export.records[8])).unwrap();
    fs::write(&published, text).unwrap();
    finds(verify(&[&file, &"--head", &published]), 7, "missing");
    let mut swapped = export.records.clone();
    swapped.swap(2, 5);
    let ran = verify(&[&export.file(&swapped)]).exits(1);
    assert_eq!(ran.lines()[0]["kind"], "reordered", "{}", ran.out);
}

#[test]
fn a_range_is_checked_alone_and_has_to_be_whole() {
    let export = Export::new();
    let path = export.object(&export.records[1]);
    let text = fs::read_to_string(&path).unwrap();
    Export::write(&path, &text.replace("as it was", "as it wax"));
    let ran = verify(&[&export.path(), &"--from", &"4", &"--to", &"7"]).exits(0);
    assert_eq!(ran.lines()[0]["records"], 4);
    assert_eq!(ran.lines()[0]["first"], 4);
    finds(verify(&[&export.path(), &"--to", &"3"]), 2, "changed");
    finds(verify(&[&export.path(), &"--from", &"12"]), 12, "missing");
    verify(&[&export.path(), &"--from", &"7", &"--to", &"4"]).exits(2);
    verify(&[&export.path(), &"--from", &"0"]).exits(2);
}

#[test]
fn what_is_not_an_export_is_bad_input() {
    verify(&[&"/nonexistent/audit"]).exits(2);
    let mut without_a_store = hallpass();
    without_a_store.current_dir(std::env::temp_dir());
    without_a_store.args(["audit", "verify", "--config", "/nonexistent/hallpass.toml"]);
    run(&mut without_a_store).exits(2);
    let export = Export::new();
    let head = export.path().join("no-head.json.txt");
    fs::write(&head, "{}").unwrap();
    verify(&[&export.path(), &"--head", &head]).exits(2);
}
