//! Tests of runs over the trail of an instance in several Regions (`access.md` §22, R-1).

use std::fs;
use std::path::Path;

use hallpass_activity::{ActivityPolicy, AgeLimits, PciRules};
use hallpass_log_files::{DigestArgs, LogPlace};
use serde_json::{Value, json};
use tempfile::TempDir;

use super::*;

const STORE: &str = "d-1234567890";
const ACCOUNT: &str = "111111111111";
const HOME: &str = "eu-west-1";
const OTHER: &str = "eu-central-1";
const ANA: &str = "11111111-1111-4111-8111-111111111111";
const BO: &str = "22222222-2222-4222-8222-222222222222";

fn sign_in(user: &str, region: &str, day: &str) -> Value {
    let id = format!("{day}-{region}-{user}");
    json!({
        "eventVersion": "1.11", "eventID": id, "eventTime": format!("{day}T10:00:00Z"),
        "eventSource": "signin.amazonaws.com", "eventName": "UserAuthentication", "awsRegion": region,
        "userIdentity": {
            "type": "IdentityCenterUser", "accountId": ACCOUNT,
            "onBehalfOf": {
                "userId": user,
                "identityStoreArn": format!("arn:aws:identitystore::{ACCOUNT}:identitystore/{STORE}"),
            },
        },
        "additionalEventData": {"LoginTo": format!("https://{STORE}.awsapps.com/start"), "CredentialType": "PASSWORD"},
        "serviceEventDetails": {"UserAuthentication": "Success"},
        "recipientAccountId": ACCOUNT, "eventType": "AwsServiceEvent",
    })
}

/// Puts a file of a day into the trail.
fn deliver(trail: &Path, region: &str, day: &str, records: &[Value]) {
    let folder = format!(
        "AWSLogs/{ACCOUNT}/CloudTrail/{region}/{}",
        day.replace('-', "/")
    );
    let folder = trail.join(folder);
    fs::create_dir_all(&folder).unwrap();
    let text = json!({ "Records": records }).to_string();
    fs::write(folder.join("log.json"), text).unwrap();
}

/// Every day of August in the home Region; who signs in there is Ana.
fn at_home() -> TempDir {
    let trail = TempDir::new().unwrap();
    for day in 1..=31 {
        let day = format!("2025-08-{day:02}");
        deliver(trail.path(), HOME, &day, &[sign_in(ANA, HOME, &day)]);
    }
    trail
}

fn people() -> PeopleList {
    let user = |id: &str, name: &str| json!({"UserId": id, "UserName": name, "IdentityStoreId": STORE, "UserStatus": "ENABLED", "CreatedAt": "2025-01-01T00:00:00Z"});
    let users = json!({ "Users": [user(ANA, "ana"), user(BO, "bo")] });
    PeopleList::read(&users.to_string()).unwrap()
}

fn ran(trail: &Path, additional: &[&str]) -> RanReport {
    let limits = AgeLimits {
        warn_days: 5,
        over_days: 10,
    };
    let now: Timestamp = "2025-08-31T12:00:00Z".parse().unwrap();
    let reading = PciReading {
        source: Some(LogSource::Place(LogPlace::Folder(trail.to_owned()))),
        events: Vec::new(),
        accounts: vec![ACCOUNT.parse().unwrap()],
        regions: vec![HOME.to_owned()],
        additional_regions: additional.iter().map(|it| (*it).to_owned()).collect(),
        lookup_regions: BTreeSet::new(),
        days: 40,
        coverage_from: None,
        policy: ActivityPolicy::AnyUse,
        limits: PciLimits {
            password: limits,
            activity: limits,
        },
        fingerprints: Fingerprints::None,
        telling: Telling::ServerLog,
        client: None,
        digests: DigestArgs::default(),
    };
    let fold = PciFold::new(PciRules::of_store(STORE), now);
    let passwords = |_: &_| Ok(PasswordSource::Directory);
    read(&reading, fold, Some(&people()), now, passwords)
        .map_err(|failure| failure.words())
        .unwrap()
}

fn state_of(ran: &RanReport, name: &str) -> &'static str {
    let mut rows = ran.report.users.iter();
    let row = rows.find(|it| it.user_name == name);
    row.unwrap().activity_state
}

#[test]
fn who_signs_in_in_an_additional_region_is_seen() {
    let trail = at_home();
    // quiet but for one day
    deliver(
        trail.path(),
        OTHER,
        "2025-08-30",
        &[sign_in(BO, OTHER, "2025-08-30")],
    );
    let without = ran(trail.path(), &[]);
    assert_eq!(state_of(&without, "ana"), "ok");
    assert_eq!(
        state_of(&without, "bo"),
        "inactive",
        "not known to be there"
    );
    let with = ran(trail.path(), &[OTHER]);
    assert_eq!(state_of(&with, "ana"), "ok");
    assert_eq!(state_of(&with, "bo"), "ok");
    // days without anybody there are no gap of the log
    assert_eq!(with.coverage_from, without.coverage_from);
    assert!(with.coverage_from.is_some());
    assert_eq!(with.missing_regions, [""; 0]);
    let document = crate::pci::document(&with);
    assert_eq!(document["additional_regions"], json!([OTHER]));
    assert!(document["missing_regions"].is_null());
    assert!(crate::pci::document(&without)["additional_regions"].is_null());
}

#[test]
fn a_region_of_which_nothing_was_ever_delivered_is_told() {
    let trail = at_home();
    // long ago: outside of the days that are read, and yet the trail covers it
    deliver(trail.path(), "us-east-1", "2024-01-01", &[]);
    let found = ran(trail.path(), &[OTHER, "us-east-1"]);
    assert_eq!(found.missing_regions, [OTHER]);
    assert_eq!(state_of(&found, "bo"), "inactive");
    let document = crate::pci::document(&found);
    assert_eq!(document["missing_regions"], json!([OTHER]));
}
