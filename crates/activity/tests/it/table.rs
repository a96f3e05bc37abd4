//! The activity table (`inventory.md` §7.4): attribution, and independence of order, splitting and
//! repetition.

use hallpass_activity::{
    ActivityFold, ActivityRows, LogFault, SAMPLES_MAX, SessionDayHead, account_in, read_activity,
    read_line, session_day, write_line,
};
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::stage::{at, gzipped, log_of, shuffled};

const ACCOUNT: &str = "111111111111";
const ROLE: &str = "AWSReservedSSO_ProdAdmin_0123456789abcdef";

fn rows(bytes: &[u8]) -> ActivityRows {
    fold(bytes).rows
}

fn fold(bytes: &[u8]) -> ActivityFold {
    read_activity(bytes).unwrap().fold
}

fn by(number: u32, identity: &Value) -> Value {
    json!({
        "eventVersion": "1.11",
        "userIdentity": identity,
        "eventTime": "2026-11-20T10:00:00Z",
        "eventSource": "s3.amazonaws.com",
        "eventName": "PutObject",
        "awsRegion": "eu-west-1",
        "sourceIPAddress": "198.51.100.7",
        "eventID": format!("00000000-0000-4000-8000-{number:012}"),
        "readOnly": false,
        "recipientAccountId": ACCOUNT,
        "resources": [{"ARN": "arn:aws:s3:::data/one", "type": "AWS::S3::Object"}],
    })
}

fn role(name: &str, path: &str, session: &str, more: &Value) -> Value {
    let mut identity = json!({
        "type": "AssumedRole",
        "arn": format!("arn:aws:sts::{ACCOUNT}:assumed-role/{name}/{session}"),
        "accountId": ACCOUNT,
        "sessionContext": {
            "sessionIssuer": {"type": "Role", "userName": name, "arn": format!("arn:aws:iam::{ACCOUNT}:role/{path}{name}")},
            "attributes": {"creationDate": "2026-11-20T09:00:00Z"},
        },
    });
    for (member, value) in more.as_object().unwrap() {
        match member.as_str() {
            "sourceIdentity" => identity["sessionContext"][member] = value.clone(),
            _ => identity[member] = value.clone(),
        }
    }
    identity
}

fn whose(identity: &Value) -> String {
    let fold = fold(&log_of(&[by(1, identity)]));
    let (key, _) = fold.rows.iter().next().unwrap();
    let who = &key.principal;
    let maybe = |it: &Option<String>| it.clone().unwrap_or_else(|| "-".to_owned());
    format!(
        "{} {} {} {} {} {}",
        who.kind.name(),
        if who.name.is_empty() { "-" } else { &who.name },
        maybe(&who.user_id),
        maybe(&who.permission_set),
        maybe(&who.role),
        who.session_started
            .map_or("-".to_owned(), |it| it.to_string()),
    )
}

fn of_roles() -> Vec<(Value, String)> {
    let reserved = "aws-reserved/sso.amazonaws.com/eu-west-1/";
    let behalf = json!({"onBehalfOf": {"userId": "u-1"}});
    let mut without_issuer = role(ROLE, reserved, "ana", &behalf);
    without_issuer["sessionContext"]["sessionIssuer"] = json!({});
    let mut bare = role(ROLE, reserved, "ana", &json!({}));
    bare["sessionContext"] = Value::Null;
    let nobody = json!({});
    let odd = "AWSReservedSSO_ProdAdmin_xyz";
    let (named, known) = ("person ana - ProdAdmin", "person ana u-1 ProdAdmin");
    let since = "2026-11-20T09:00:00Z";
    let as_role = format!("role {ROLE} - - {ROLE} -");
    let chained = role("deploy", "", "b", &json!({"sourceIdentity": "ana"}));
    vec![
        (
            role(ROLE, reserved, "ana", &nobody),
            format!("{named} {ROLE} {since}"),
        ),
        (
            role(ROLE, reserved, "ana", &behalf),
            format!("{known} {ROLE} {since}"),
        ),
        (without_issuer, format!("{known} {ROLE} {since}")),
        // Only the path identifies permission set roles: such a name is free to use.
        (role(ROLE, "", "ana", &nobody), as_role.clone()),
        (role(ROLE, "team/", "ana", &nobody), as_role.clone()),
        (bare, as_role),
        (
            role(odd, reserved, "ana", &nobody),
            format!("role {odd} - - {odd} -"),
        ),
        (
            role("deploy", "", "b", &nobody),
            "role deploy - - deploy -".to_owned(),
        ),
        (chained, "source_identity ana - - deploy -".to_owned()),
        (
            json!({"type": "AssumedRole"}),
            "unattributed - - - - -".to_owned(),
        ),
    ]
}

fn of_others() -> Vec<(Value, String)> {
    let rows = [
        (json!({"type": "IAMUser", "userName": "bot"}), "user bot"),
        (
            json!({"type": "IAMUser", "arn": "arn:aws:iam::1:user/p/bot"}),
            "user bot",
        ),
        (
            json!({"type": "Root", "accountId": ACCOUNT}),
            "root 111111111111",
        ),
        (
            json!({"type": "AWSService", "invokedBy": "config.amazonaws.com"}),
            "service config.amazonaws.com",
        ),
        (
            json!({"type": "AWSAccount", "accountId": "222222222222"}),
            "account 222222222222",
        ),
        (
            json!({"type": "WebIdentityUser", "userName": "octo"}),
            "federated octo",
        ),
        (
            json!({"type": "FederatedUser", "arn": "arn:aws:sts::1:federated-user/fred"}),
            "federated fred",
        ),
        (
            json!({"type": "Unknown", "userName": "HIDDEN"}),
            "unattributed -",
        ),
        (Value::Null, "unattributed -"),
    ];
    let whole = |(identity, who): (Value, &str)| (identity, format!("{who} - - - -"));
    let behalf = json!({"type": "IdentityCenterUser", "onBehalfOf": {"userId": "u-1"}});
    let center = (behalf, "person u-1 u-1 - - -".to_owned());
    rows.into_iter().map(whole).chain([center]).collect()
}

#[test]
fn a_record_is_of_whom_it_names_and_of_nobody_else() {
    let wrong: Vec<String> = of_roles()
        .into_iter()
        .chain(of_others())
        .filter_map(|(identity, wanted)| {
            let found = whose(&identity);
            (found != wanted).then(|| format!("{identity}\n  wanted {wanted}\n  found  {found}"))
        })
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert_eq!(fold(&log_of(&[by(1, &Value::Null)])).unattributed, 1);
}

#[test]
fn a_row_has_first_last_count_and_a_few_samples() {
    let mut records = Vec::new();
    for number in 0..20 {
        let mut record = by(number, &role("deploy", "", "s", &json!({})));
        record["eventTime"] = json!(format!("2026-11-20T{:02}:30:00.250Z", (number * 7) % 20));
        record["resources"] =
            json!([{"ARN": format!("arn:aws:s3:::data/{:02}", (number * 3) % 20)}]);
        record["sourceIPAddress"] = json!(format!("10.0.0.{}", number % 2));
        if number == 5 {
            record["readOnly"] = Value::Null;
        }
        records.push(record);
    }
    let rows = rows(&log_of(&records));
    let all: Vec<_> = rows.iter().collect();
    let [(key, facts)] = all.as_slice() else {
        panic!("{all:?}")
    };
    assert_eq!(
        (
            key.day.to_string(),
            key.service.as_str(),
            facts.count(),
            facts.is_write
        ),
        ("2026-11-20".to_owned(), "s3", 20, Some(true))
    );
    assert_eq!(facts.first_seen, at("2026-11-20T00:30:00.250Z"));
    assert_eq!(facts.last_seen, at("2026-11-20T19:30:00.250Z"));
    let arns: Vec<&str> = facts.resources.iter().collect();
    let first: Vec<String> = (0..SAMPLES_MAX)
        .map(|it| format!("arn:aws:s3:::data/{it:02}"))
        .collect();
    assert_eq!(
        arns, first,
        "the first in their order, not those that came first"
    );
    assert_eq!(
        facts.source_addresses.iter().collect::<Vec<_>>(),
        ["10.0.0.0", "10.0.0.1"]
    );
}

#[test]
fn days_outcomes_and_places_are_rows_of_their_own_and_what_is_nobodys_act_is_none() {
    let identity = role("deploy", "", "s", &json!({}));
    let change = |number: u32, member: &str, value: Value| {
        let mut record = by(number, &identity);
        record[member] = value;
        record
    };
    let mut lost = change(7, "recipientAccountId", Value::Null);
    lost["userIdentity"]["accountId"] = Value::Null;
    let fold = fold(&log_of(&[
        by(0, &identity),
        change(1, "eventTime", json!("2026-11-21T01:00:00+02:00")),
        change(2, "eventTime", json!("2026-11-21T00:00:00Z")),
        change(3, "errorCode", json!("AccessDenied")),
        change(4, "awsRegion", json!("us-east-1")),
        change(5, "recipientAccountId", json!("222222222222")),
        change(6, "eventCategory", json!("Insight")),
        lost,
    ]));
    assert_eq!(fold.rows.len(), 5);
    let uncounted: Vec<_> = fold
        .uncounted
        .iter()
        .map(|(why, count)| (why.name(), *count))
        .collect();
    assert_eq!(uncounted, [("without_account", 1), ("insight", 1)]);
    let days: Vec<(String, u64)> = fold
        .rows
        .iter()
        .map(|(key, it)| (key.day.to_string(), it.count()))
        .collect();
    assert_eq!(days.iter().map(|it| it.1).sum::<u64>(), 6);
    assert_eq!(
        days.iter().filter(|it| it.0 == "2026-11-21").count(),
        1,
        "an offset is honoured: {days:?}"
    );
}

/// `LookupEvents` pages hold the trail's records, which count once.
#[test]
fn a_saved_page_and_the_trail_have_the_same_rows() {
    let records = [
        by(1, &role("deploy", "", "s", &json!({}))),
        by(2, &Value::Null),
    ];
    let events: Vec<Value> = records
        .iter()
        .map(|it| json!({"EventId": it["eventID"], "EventName": it["eventName"], "EventTime": 1_763_632_800, "CloudTrailEvent": it.to_string()}))
        .collect();
    let pages = json!({"pages": [{"Events": events}]}).to_string();
    let trail = rows(&gzipped(&log_of(&records)));
    assert_eq!(rows(pages.as_bytes()), trail);
    let mut both = rows(pages.as_bytes());
    both.merge(trail.clone());
    assert_eq!(both, trail);
}

#[test]
fn of_a_broken_file_nothing_counts() {
    let whole = log_of(&[by(1, &Value::Null), by(2, &Value::Null)]);
    let zipped = gzipped(&whole);
    let mut no_text = whole.clone();
    let place = no_text
        .windows(9)
        .position(|it| it == b"PutObject")
        .unwrap();
    no_text[place] = 0xff;
    let mut broken = zipped.clone();
    let middle = broken.len() / 2;
    broken[middle] ^= 0x55;
    let large = json!({"Records": [{"eventID": "x".repeat(5 << 20)}]}).to_string();
    let table: Vec<(&str, Vec<u8>, &str)> = vec![
        (
            "half of a file",
            whole[..whole.len() / 2].to_vec(),
            "Truncated",
        ),
        (
            "half of a gzipped file",
            zipped[..zipped.len() / 2].to_vec(),
            "Truncated",
        ),
        ("nothing", Vec::new(), "Truncated"),
        ("a byte that is no text", no_text, "NoText"),
        ("no records", b"{\"Rows\": []}".to_vec(), "NoLog"),
        ("a list", b"[1]".to_vec(), "NoLog"),
        (
            "a record without its time",
            log_of(&[json!({"eventID": "x", "eventSource": "s3", "eventName": "y"})]),
            "BadRecord",
        ),
        (
            "an invalid time",
            log_of(&[
                json!({"eventID": "x", "eventSource": "s3", "eventName": "y", "eventTime": "today"}),
            ]),
            "BadRecord",
        ),
        ("an endless record", large.into_bytes(), "TooLarge"),
    ];
    let mut wrong = Vec::new();
    for (name, bytes, wanted) in table {
        let found = read_activity(bytes.as_slice()).map(|_| ());
        let said = format!("{found:?}");
        if !said.starts_with(&format!("Err({wanted}")) {
            wrong.push(format!("{name}: {said}"));
        }
    }
    assert!(read_activity(broken.as_slice()).is_err());
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    let mut long = by(1, &Value::Null);
    long["requestParameters"] = json!({"x": "y".repeat(256 << 10)});
    let largest = rows(&log_of(&[long, by(2, &Value::Null)]));
    assert_eq!(largest.events(), 2, "a record of 256 KiB is one");
    assert_eq!(fold(b"{\"Records\":[]}"), ActivityFold::default());
    let error = read_activity(&b"{"[..]).unwrap_err();
    assert_eq!(error, LogFault::Truncated);
}

#[test]
fn a_day_of_sessions_says_how_far_the_log_goes_and_has_each_account_apart() {
    let reserved = "aws-reserved/sso.amazonaws.com/";
    let ana = role(ROLE, reserved, "ana", &json!({}));
    let mut elsewhere = by(2, &ana);
    elsewhere["awsRegion"] = json!("us-east-1");
    elsewhere["eventTime"] = json!("2026-11-20T11:00:00Z");
    let mut worker = by(3, &role("deploy", "", "s", &json!({})));
    worker["recipientAccountId"] = json!("222222222222");
    worker["eventTime"] = json!("2026-11-20T23:00:00Z");
    let rows = rows(&log_of(&[by(1, &ana), elsewhere, worker]));
    let text = session_day("2026-11-20".parse().unwrap(), &rows).unwrap();
    let (first, rest) = text.split_once('\n').unwrap();
    let head = SessionDayHead::read(first).unwrap();
    let line = |account: &str| {
        let reach = head.accounts[account];
        let (from, bytes) = (
            usize::try_from(reach.at).unwrap(),
            usize::try_from(reach.bytes).unwrap(),
        );
        account_in(&rest[from..from + bytes]).unwrap()
    };
    let own = line(ACCOUNT);
    assert_eq!(own.sessions.len(), 1);
    let session = &own.sessions[0];
    assert_eq!(
        (session.person.as_str(), session.permission_set.as_str()),
        ("ana", "ProdAdmin")
    );
    assert_eq!(
        (session.calls.len(), session.calls[0].count),
        (1, 2),
        "Regions are one"
    );
    assert_eq!(session.started, Some(at("2026-11-20T09:00:00Z")));
    assert_eq!(line("222222222222").sessions, []);
    assert_eq!(
        head.accounts["222222222222"].last,
        at("2026-11-20T23:00:00Z")
    );
    let later = first.replacen("\"version\":1", "\"version\":2", 1);
    assert!(
        SessionDayHead::read(&later)
            .unwrap_err()
            .to_string()
            .contains("version 2")
    );
}

prop_compose! {
    fn records()(
        seeds in prop::collection::vec((0..4_u32, 0..3_usize, 0..50_i64, any::<bool>(), 0..9_u32), 0..24)
    ) -> Vec<Value> {
        let start = at("2026-11-19T00:00:00Z");
        seeds.into_iter().enumerate().map(|(number, (name, whose, hours, denied, arn))| {
            let identity = match whose {
                0 => role(ROLE, "aws-reserved/sso.amazonaws.com/", &format!("p{name}"), &json!({})),
                1 => role("deploy", "", "s", &json!({})),
                _ => Value::Null,
            };
            let mut record = by(u32::try_from(number).unwrap(), &identity);
            record["eventTime"] = json!((start + jiff::SignedDuration::from_hours(hours)).to_string());
            record["eventName"] = json!(format!("Do{name}"));
            record["readOnly"] = json!(denied);
            record["resources"] = json!([{"ARN": format!("arn:aws:s3:::data/{arn}")}]);
            if denied {
                record["errorCode"] = json!("AccessDenied");
            }
            record
        }).collect()
    }
}

fn merged(one: &ActivityRows, other: &ActivityRows) -> ActivityRows {
    let mut both = one.clone();
    both.merge(other.clone());
    both
}

proptest! {
    #[test]
    fn merging_is_a_join(a in records(), b in records(), c in records()) {
        let [a, b, c] = [a, b, c].map(|it| rows(&log_of(&it)));
        prop_assert_eq!(merged(&merged(&a, &b), &c), merged(&a, &merged(&b, &c)));
        prop_assert_eq!(merged(&a, &b), merged(&b, &a));
        prop_assert_eq!(merged(&a, &a), a.clone());
        prop_assert_eq!(merged(&a, &ActivityRows::default()), a);
    }

    #[test]
    fn any_order_split_and_repetition_gives_the_same_rows(
        (records, order) in records().prop_flat_map(|all| {
            let order = prop::collection::vec(any::<prop::sample::Index>(), 0..30);
            (Just(all), order)
        }),
        cut in any::<prop::sample::Index>(),
    ) {
        let whole = rows(&log_of(&records));
        let shuffled = shuffled(&records, &order);
        let (first, second) = shuffled.split_at(cut.index(shuffled.len() + 1));
        let parts = merged(&rows(&gzipped(&log_of(first))), &rows(&log_of(second)));
        prop_assert_eq!(&parts, &whole);
        let mut handed = ActivityRows::default();
        for (key, facts) in whole.iter() {
            let (key, facts) = read_line(&write_line(key, facts).unwrap()).unwrap();
            handed.add(key, facts);
        }
        prop_assert_eq!(handed, whole);
    }
}
