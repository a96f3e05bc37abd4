//! Exports in each supported form; incomplete and wrong ones.

use std::io::Write as _;

use flate2::Compression;
use flate2::write::GzEncoder;
use hallpass_imports::team::{Release, TeamExport, TeamExports, import};
use hallpass_imports::{ExportProblem, ExportRefused, Imported, SourceFile};
use serde_json::{Value, json};

use crate::company::{approvers, entry, export, group_id, lines, scan, settings};

fn read(eligibility: &TeamExport) -> Result<Imported, ExportRefused> {
    let tables = TeamExports {
        eligibility,
        approvers: &export(
            "approvers.json",
            scan(&[approvers("100000000001", "Account", &[1])]),
        ),
        settings: &export("settings.json", scan(&[settings()])),
        policies: None,
    };
    import(&tables, Release::Current, None)
}

fn entries() -> [Value; 2] {
    let mut other = entry(&group_id(1), "Group", "group-1");
    other["duration"] = json!("9");
    [entry(&group_id(0), "Group", "group-0"), other]
}

fn packed(text: &str) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(text.as_bytes()).unwrap();
    encoder.finish().unwrap()
}

fn folder(summary: &Value, listing: &str, data: &[(&str, Vec<u8>)]) -> TeamExport {
    let file = |name: &str, bytes: Vec<u8>| SourceFile {
        name: name.to_owned(),
        bytes,
    };
    let mut files = vec![
        file("manifest-summary.json", summary.to_string().into_bytes()),
        file("manifest-summary.md5", b"x".to_vec()),
        file("manifest-files.json", listing.as_bytes().to_vec()),
        file("_started", Vec::new()),
    ];
    files.extend(
        data.iter()
            .map(|(name, bytes)| file(&format!("data/{name}"), bytes.clone())),
    );
    TeamExport {
        name: "01700000000000-abc".to_owned(),
        files,
    }
}

fn summary(count: u64) -> Value {
    json!({"version": "2020-06-30", "itemCount": count, "outputFormat": "DYNAMODB_JSON",
           "tableArn": "arn:aws:dynamodb:eu-west-1:100000000009:table/Eligibility-abcdefghij-main"})
}

fn listing(counts: &[(&str, u64)]) -> String {
    counts.iter().fold(String::new(), |text, (name, count)| {
        let key = format!("AWSDynamoDB/01700000000000-abc/data/{name}");
        text + &json!({"itemCount": count, "md5Checksum": "x", "dataFileS3Key": key}).to_string()
            + "\n"
    })
}

#[test]
fn every_form_says_the_same() {
    let [one, other] = entries();
    let all = [one.clone(), other.clone()];
    let wanted = read(&export("eligibility.json", scan(&all))).unwrap().text;
    let plain = json!({"Items": all, "Count": 2}).to_string();
    let bare = all
        .iter()
        .fold(String::new(), |text, it| text + &format!("{it}\n"));
    let forms = [
        ("lines as programs write them", export("e.json", bare)),
        ("a packed scan", export("e.json.gz", packed(&scan(&all)))),
        (
            "a mark at the beginning",
            export("e.json", format!("\u{feff}{}", scan(&all))),
        ),
        ("a scan without types", export("e.json", plain)),
        ("a list", export("e.json", json!(all).to_string())),
        (
            "a folder of an export",
            folder(
                &summary(2),
                &listing(&[("a.json.gz", 1), ("b.json.gz", 1), ("c.json.gz", 0)]),
                &[
                    ("a.json.gz", packed(&lines(&[one]))),
                    ("b.json.gz", packed(&lines(&[other]))),
                    ("c.json.gz", packed("")),
                ],
            ),
        ),
    ];
    for (form, export) in forms {
        let found = read(&export).unwrap_or_else(|refused| panic!("{form}: {refused}"));
        assert_eq!(found.text, wanted, "{form}");
    }
}

fn each_is_refused(rows: Vec<(&str, TeamExport, &str)>) {
    for (what, export, wanted) in rows {
        let refused = read(&export).expect_err(what).to_string();
        assert!(refused.contains(wanted), "{what}: {refused}");
    }
}

#[test]
fn a_file_that_is_not_whole_is_refused_with_its_place() {
    let whole = lines(&entries());
    let cut = whole.get(..whole.len() - 20).unwrap();
    let mut half = packed(&whole);
    half.truncate(half.len() / 2);
    let more = json!({"Items": [], "Count": 0, "LastEvaluatedKey": {"id": {"S": "x"}}}).to_string();
    let counted = json!({"Items": [], "Count": 5}).to_string();
    let filtered = json!({"Items": [], "Count": 0, "ScannedCount": 3}).to_string();
    let plain = |text: &str| export("e.json", text);
    each_is_refused(vec![
        (
            "half a line",
            plain(cut),
            "`e.json`, item 2: not JSON, or truncated",
        ),
        (
            "a scan with a filter",
            plain(&filtered),
            "0 items of 3 that were scanned; scan the table without a filter",
        ),
        (
            "half a package",
            export("e.json.gz", half),
            "`e.json.gz`: cannot be unpacked",
        ),
        (
            "a data file of an export",
            plain(&whole),
            "`e.json`: this is a data file of an export, which may have more of them",
        ),
        (
            "a packed one",
            export("e.json.gz", packed(&whole)),
            "`e.json.gz`: this is a data file of an export",
        ),
        (
            "a part without items",
            export("e.json.gz", packed("")),
            "`e.json.gz`: this is a data file of an export",
        ),
        (
            "nothing",
            plain(""),
            "not JSON, or truncated: the file is empty",
        ),
        ("no JSON", plain("hello"), "item 1: not JSON"),
        ("text", plain("\"x\""), "no item of a table"),
        (
            "more pages",
            plain(&more),
            "scan ends before the table does (`LastEvaluatedKey`)",
        ),
        (
            "counted",
            plain(&counted),
            "0 items instead of the stated 5",
        ),
    ]);
}

#[test]
fn items_that_are_not_those_of_the_table_are_refused_with_their_place() {
    let [one, other] = entries();
    let mut wrong = one.clone();
    wrong["__typename"] = json!("Approvers");
    let mut no_id = one.clone();
    no_id["id"] = json!("");
    let of = |items: &[Value]| export("e.json", scan(items));
    let plain = |text: &str| export("e.json", text);
    let mixed = r#"{"Item":{"id":{"S":"x"},"name":"plain"}}"#;
    let bad = r#"{"Item":{"id":{"S":"x"},"name":{"S":5}}}"#;
    let changes = r#"{"Metadata":{"M":{}},"Keys":{"id":{"S":"x"}},"NewImage":{}}"#;
    let manifest = listing(&[("a", 1)]);
    each_is_refused(vec![
        (
            "a key twice",
            plain(r#"{"Item":{"id":{"S":"x"},"id":{"S":"y"}}}"#),
            "a key is there twice",
        ),
        (
            "types around some",
            plain(mixed),
            "item 1: DynamoDB's types stand around some",
        ),
        (
            "another type",
            plain(bad),
            "attribute `name` has a value that is not of its type",
        ),
        (
            "changes",
            plain(changes),
            "the export holds changes of a period",
        ),
        ("Ion", plain("$ion_1_0 {Item:{}}"), "Amazon Ion"),
        (
            "another table",
            of(&[other, wrong]),
            "item 2: these are items of the table `Approvers`",
        ),
        ("no id", of(&[no_id]), "item 1: `id` is missing"),
        ("twice", of(&[one.clone(), one]), "is there twice"),
        (
            "a manifest",
            export("manifest-files.json", manifest),
            "manifest of an export",
        ),
    ]);
}

#[test]
fn folders_that_lack_something_are_refused() {
    let [one, _] = entries();
    let data = [("a.json.gz", packed(&lines(&[one])))];
    let of_another = json!({"version": "2020-06-30", "itemCount": 1, "outputFormat": "DYNAMODB_JSON",
        "tableArn": "arn:aws:dynamodb:eu-west-1:100000000009:table/requests-abcdefghij-main"});
    let unknown = json!({"version": "2031-01-01"});
    let of = |count: u64, named: &[(&str, u64)]| folder(&summary(count), &listing(named), &data);
    let both = [("a.json.gz", 1), ("b.json.gz", 1)];
    let none = TeamExport {
        name: "x".to_owned(),
        files: Vec::new(),
    };
    let another = folder(&of_another, &listing(&[("a.json.gz", 1)]), &data);
    let mut alone = of(1, &both[..1]);
    alone.files.retain(|file| file.name.starts_with("data/"));
    each_is_refused(vec![
        (
            "a folder of one data file",
            alone,
            "`data/a.json.gz`: this is a data file of an export",
        ),
        (
            "a file is missing",
            of(2, &both),
            "the export lacks `b.json.gz`",
        ),
        (
            "a file too many",
            of(1, &both[1..]),
            "`data/a.json.gz`: the manifest does not name",
        ),
        (
            "fewer in a file",
            of(2, &[("a.json.gz", 2)]),
            "1 items instead of the stated 2",
        ),
        (
            "fewer in all",
            of(2, &[("a.json.gz", 1)]),
            "`manifest-summary.json`: 1 items instead of the stated 2",
        ),
        (
            "the export of another",
            another,
            "items of the table `requests`",
        ),
        (
            "an unknown manifest",
            folder(&unknown, "", &[]),
            "version `2031-01-01`",
        ),
        (
            "no manifest",
            none,
            "the export lacks `manifest-summary.json`",
        ),
    ]);
}

#[test]
fn a_refusal_carries_its_place_for_programs() {
    let twice = entry(&group_id(0), "Group", "group-0");
    let refused = read(&export("e.json", scan(&[twice.clone(), twice]))).unwrap_err();
    assert_eq!((refused.file.as_str(), refused.item), ("e.json", Some(2)));
    assert_eq!(refused.problem, ExportProblem::RepeatedId(group_id(0)));
}

proptest::proptest! {
    #[test]
    fn no_bytes_bring_the_reader_down(bytes in proptest::collection::vec(proptest::num::u8::ANY, 0..200)) {
        let _ = read(&export("e.json", bytes.clone()));
        let _ = read(&export("e.json.gz", [vec![0x1f, 0x8b], bytes].concat()));
    }
}
