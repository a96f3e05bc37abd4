//! Test data: the fixture, people, records, reports as JSON.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::io::Write as _;

use flate2::Compression;
use flate2::write::GzEncoder;
use hallpass_activity::{
    ActivityPolicy, AgeLimits, LogScope, PasswordSource, PciFold, PciLimits, PciQuestion,
    PciReport, PciRules, PeopleList, SignInRegions, judge, read_file,
};
use hallpass_base::Timestamp;
use serde_json::{Value, json};

pub(crate) const USERS: &str = include_str!("../../../../docs/spec/fixtures/cloudtrail-users.json");
pub(crate) const EXPECTED: &str =
    include_str!("../../../../docs/spec/fixtures/cloudtrail-expected.json");
pub(crate) const LOGS: [(&str, &str); 3] = [
    (
        "pre",
        include_str!("../../../../docs/spec/fixtures/cloudtrail-s3-pre.json"),
    ),
    (
        "post",
        include_str!("../../../../docs/spec/fixtures/cloudtrail-s3-post.json"),
    ),
    (
        "lookup",
        include_str!("../../../../docs/spec/fixtures/cloudtrail-lookup-events.json"),
    ),
];
pub(crate) const STORE: &str = "d-9067f00d11";
pub(crate) const ANA: &str = "11111111-0000-4000-8000-000000000001";

pub(crate) fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

pub(crate) fn as_of() -> Timestamp {
    at("2025-09-01T00:00:00Z")
}

pub(crate) fn people() -> PeopleList {
    PeopleList::read(USERS).unwrap()
}

pub(crate) fn limits() -> PciLimits {
    let limits = AgeLimits {
        warn_days: 86,
        over_days: 90,
    };
    PciLimits {
        password: limits,
        activity: limits,
    }
}

pub(crate) fn question(people: PeopleList) -> PciQuestion {
    PciQuestion {
        people,
        policy: ActivityPolicy::AnyUse,
        limits: limits(),
        unread_until: None,
        coverage_from: Some(at("2025-05-01T00:00:00Z")),
        regions: SignInRegions::All,
        passwords: PasswordSource::Directory,
    }
}

pub(crate) fn empty_fold() -> PciFold {
    PciFold::new(PciRules::of_store(STORE), as_of())
}

pub(crate) fn add(fold: &mut PciFold, bytes: &[u8]) {
    let log = read_file("log", bytes, &fold.rules().names(), fold);
    assert_eq!(log.fault, None, "{log:?}");
}

pub(crate) fn gzipped(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// Reordered, some repeated.
pub(crate) fn shuffled(records: &[Value], order: &[proptest::sample::Index]) -> Vec<Value> {
    let mut shuffled = records.to_vec();
    if !records.is_empty() {
        for index in order {
            shuffled.push(records[index.index(records.len())].clone());
            let last = shuffled.len() - 1;
            shuffled.swap(index.index(last), last);
        }
    }
    shuffled
}

pub(crate) fn records() -> Vec<Value> {
    let mut records = Vec::new();
    for (_, text) in LOGS {
        let log: Value = serde_json::from_str(text).unwrap();
        records.extend(log["Records"].as_array().cloned().unwrap_or_default());
        for page in log["pages"].as_array().into_iter().flatten() {
            for event in page["Events"].as_array().unwrap() {
                let record = event["CloudTrailEvent"].as_str().unwrap();
                records.push(serde_json::from_str(record).unwrap());
            }
        }
    }
    records
}

/// A self-service record in the format since 2025-07-14, overlaid with `changes`.
pub(crate) fn record(number: u32, time: &str, event: &str, changes: &Value) -> Value {
    let (source, name) = event.split_once(':').unwrap();
    let mut record = json!({
        "eventVersion": "1.11",
        "userIdentity": {
            "type": "IdentityCenterUser",
            "onBehalfOf": {
                "userId": ANA,
                "identityStoreArn": format!("arn:aws:identitystore::111111111111:identitystore/{STORE}"),
            },
        },
        "eventTime": time,
        "eventSource": format!("{source}.amazonaws.com"),
        "eventName": name,
        "requestParameters": null,
        "responseElements": null,
        "eventID": format!("00000000-0000-4000-8000-{number:012}"),
        "serviceEventDetails": {name: "Success"},
    });
    for (member, value) in changes.as_object().unwrap() {
        record[member] = value.clone();
    }
    record
}

pub(crate) fn request(user_id: &str, more: &Value) -> Value {
    let mut asked = json!({"identityStoreId": STORE, "userId": user_id});
    for (member, value) in more.as_object().unwrap() {
        asked[member] = value.clone();
    }
    json!({"requestParameters": asked, "userIdentity": {"type": "AssumedRole"}})
}

pub(crate) fn log_of(records: &[Value]) -> Vec<u8> {
    json!({"Records": records}).to_string().into_bytes()
}

pub(crate) fn folded(records: &[Value]) -> PciFold {
    let mut fold = empty_fold();
    add(&mut fold, &log_of(records));
    fold
}

pub(crate) fn ana(created: &str, changes: &Value) -> PeopleList {
    let mut user = json!({
        "IdentityStoreId": STORE, "UserId": ANA, "UserName": "ana", "UserStatus": "ENABLED", "CreatedAt": created,
    });
    for (member, value) in changes.as_object().unwrap() {
        user[member] = value.clone();
    }
    PeopleList::read(&json!({"Users": [user]}).to_string()).unwrap()
}

pub(crate) fn states(report: &PciReport) -> String {
    let mut text = String::new();
    for row in &report.users {
        let days = |days: Option<i64>| days.map_or(String::new(), |it| format!(" {it}"));
        let basis = |basis: Option<&str>| basis.map_or(String::new(), |it| format!(" ({it})"));
        let _ = write!(
            text,
            "{}{}{} / {}{}{}",
            row.password_state,
            days(row.password_age_days),
            basis(row.password_basis),
            row.activity_state,
            days(row.inactive_days),
            basis(row.activity_basis.as_deref()),
        );
    }
    text
}

pub(crate) fn said_of_ana(records: &[Value]) -> String {
    let ana = ana("2024-09-01T00:00:00Z", &json!({}));
    states(&judge(&folded(records), &question(ana)))
}

pub(crate) fn ignored(records: &[Value]) -> String {
    let ana = ana("2024-09-01T00:00:00Z", &json!({}));
    let report = judge(&folded(records), &question(ana));
    let words = report.ignored.iter();
    words
        .map(|(why, count)| format!("{why} {count}"))
        .collect::<Vec<_>>()
        .join(", ")
}

pub(crate) fn everything() -> LogScope {
    let day = |text: &str| text.parse().unwrap();
    LogScope {
        accounts: BTreeSet::new(),
        regions: BTreeSet::new(),
        days: day("2024-01-01")..=day("2026-01-01"),
    }
}
