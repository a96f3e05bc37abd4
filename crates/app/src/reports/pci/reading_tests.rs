//! Runs over the trail of a multi-Region instance (`access.md` §22, R-1).

use std::fs;
use std::path::Path;

use crate::log_files::{DigestArgs, LogPlace};
use hallpass_activity::{ActivityPolicy, AgeLimits, PciRules};
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

/// Every day of August in the home Region; Ana signs in there.
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
    run(trail, listed(additional), None, "2025-08-31T12:00:00Z")
}

fn listed(additional: &[&str]) -> OtherRegions {
    OtherRegions::Listed(additional.iter().map(|it| (*it).to_owned()).collect())
}

fn run(
    trail: &Path,
    additional_regions: OtherRegions,
    earlier: Option<&RanReport>,
    now: &str,
) -> RanReport {
    run_with(trail, additional_regions, earlier, now, |_| {})
}

fn run_with(
    trail: &Path,
    additional_regions: OtherRegions,
    earlier: Option<&RanReport>,
    now: &str,
    change: impl FnOnce(&mut PciReading),
) -> RanReport {
    let limits = AgeLimits {
        warn_days: 5,
        over_days: 10,
    };
    let now: Timestamp = now.parse().unwrap();
    let mut reading = PciReading {
        source: Some(LogSource::Place(LogPlace::Folder(trail.to_owned()))),
        events: Vec::new(),
        accounts: vec![ACCOUNT.parse().unwrap()],
        regions: vec![HOME.to_owned()],
        additional_regions,
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
    change(&mut reading);
    let rules = PciRules::of_store(STORE);
    let fold = match earlier.and_then(|it| it.state.as_ref()) {
        Some(state) => {
            let state = PciState::read(&state.text().unwrap()).unwrap();
            PciFold::resume(rules, now, state).unwrap()
        }
        None => PciFold::new(rules, now),
    };
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
    // days without events are no gap
    assert_eq!(with.coverage_from, without.coverage_from);
    assert!(with.coverage_from.is_some());
    assert_eq!(with.missing_regions, [""; 0]);
    let document = crate::reports::pci::document(&with);
    assert_eq!(document["additional_regions"], json!([OTHER]));
    assert!(document["missing_regions"].is_null());
    assert!(crate::reports::pci::document(&without)["additional_regions"].is_null());
}

#[test]
fn a_region_of_which_nothing_was_ever_delivered_is_told() {
    let trail = at_home();
    deliver(trail.path(), "us-east-1", "2024-01-01", &[]);
    let found = ran(trail.path(), &[OTHER, "us-east-1"]);
    assert_eq!(found.missing_regions, [OTHER]);
    assert_eq!(state_of(&found, "ana"), "ok");
    assert_eq!(state_of(&found, "bo"), "unknown");
    let alerts = found.report.alerts.iter();
    let mut kinds = alerts.map(|it| it.kind.name());
    // passwords are set in the home Region
    assert!(kinds.all(|it| it == "password_expired"));
    assert!(found.unseen_regions().is_some_and(|it| it.contains(OTHER)));
    let document = crate::reports::pci::document(&found);
    assert_eq!(document["missing_regions"], json!([OTHER]));
    assert_eq!(ran(trail.path(), &["us-east-1"]).unseen_regions(), None);
}

#[test]
fn what_is_given_up_is_named_and_its_days_are_no_coverage() {
    let trail = at_home();
    let folder = format!("AWSLogs/{ACCOUNT}/CloudTrail/{HOME}/2025/08/20");
    let broken = format!("{folder}/cut.json");
    fs::write(trail.path().join(&broken), "{\"Records\": [").unwrap();
    let mut found = ran(trail.path(), &[]);
    assert_eq!((found.unread.clone(), found.logs.broken), (vec![broken], 1));
    assert!(!found.is_whole(), "another run may read it");
    found.has_given_up = true;
    assert!(found.is_whole());
    let from = found.coverage_from.map(|it| it.to_string());
    assert_eq!(from.as_deref(), Some("2025-08-21T00:00:00Z"));
    assert_eq!(state_of(&found, "ana"), "ok");
    assert_eq!(crate::reports::pci::document(&found)["files_skipped"], 1);
    deliver(trail.path(), HOME, "2025-09-01", &[]);
    let next = run(
        trail.path(),
        listed(&[]),
        Some(&found),
        "2025-09-01T12:00:00Z",
    );
    assert_eq!(next.coverage_from, found.coverage_from);
    assert_eq!(next.unread, [""; 0]);
}

#[test]
fn where_a_file_is_cut_the_log_is_not_whole_and_states_are_unknown() {
    let (now, day) = ("2025-08-31T12:00:00Z", "2025-08-05");
    let said = Some("2025-08-01T00:00:00Z".parse().unwrap());
    for (in_trail, is_cut, has_event) in [
        (true, false, false),
        (true, true, false),
        (true, true, true),
        (false, false, false),
        (false, true, false),
        (false, true, true),
    ] {
        let trail = at_home();
        if has_event {
            deliver(trail.path(), HOME, day, &[sign_in(BO, HOME, day)]);
        }
        let folder = format!("AWSLogs/{ACCOUNT}/CloudTrail/{HOME}/2025/08/28");
        let file = trail.path().join(folder).join("late.json");
        let text = json!({ "Records": [sign_in(ANA, HOME, "2025-08-28")] }).to_string();
        let end = if is_cut { text.len() - 3 } else { text.len() };
        fs::write(&file, text.as_bytes().get(..end).unwrap()).unwrap();
        let of_day = trail.path().join(format!(
            "AWSLogs/{ACCOUNT}/CloudTrail/{HOME}/2025/08/05/log.json"
        ));
        let found = run_with(trail.path(), listed(&[]), None, now, |reading| {
            reading.coverage_from = said;
            if !in_trail {
                reading.source = None;
                reading.events = vec![file, of_day];
            }
        });
        let case = format!("in a trail {in_trail}, cut {is_cut}, an event {has_event}");
        let (state, from) = match (is_cut, in_trail) {
            (false, _) => ("inactive", said),
            (true, true) => ("unknown", Some("2025-08-29T00:00:00Z".parse().unwrap())),
            (true, false) => ("unknown", None),
        };
        assert_eq!(state_of(&found, "bo"), state, "{case}");
        assert_eq!(found.coverage_from, from, "{case}");
        assert_eq!(found.is_whole(), !is_cut, "{case}");
        let kept = found.state.as_ref().unwrap().coverage_from;
        assert_eq!(kept, from, "{case}");
    }
}

/// A late file that stays unread makes its previously complete day unknown.
#[test]
fn coverage_of_before_does_not_reach_over_a_day_that_is_given_up_later() {
    let trail = at_home();
    // covered, without sign-ins
    deliver(trail.path(), OTHER, "2024-01-01", &[]);
    let before = ran(trail.path(), &[OTHER]);
    assert_eq!(state_of(&before, "bo"), "inactive");
    let from = |it: &RanReport| it.coverage_from.map(|at| at.to_string());
    assert_eq!(from(&before).as_deref(), Some("2025-08-01T00:00:00Z"));
    deliver(trail.path(), HOME, "2025-09-01", &[]);
    let instants = ["2025-09-01T12:00:00Z", "2025-08-31T12:00:00Z"];
    for region in [HOME, OTHER] {
        let folder = format!("AWSLogs/{ACCOUNT}/CloudTrail/{region}/2025/08/30");
        let folder = trail.path().join(folder);
        fs::create_dir_all(&folder).unwrap();
        let late = folder.join("late.json");
        fs::write(&late, "{\"Records\": [").unwrap();
        for now in instants {
            let mut next = run(trail.path(), listed(&[OTHER]), Some(&before), now);
            next.has_given_up = true;
            let case = format!("{region} {now}");
            assert_eq!(next.unread.len(), 1, "{case}");
            let coverage = from(&next);
            assert_eq!(coverage.as_deref(), Some("2025-08-31T00:00:00Z"), "{case}");
            let kept = next.state.as_ref().unwrap().coverage_from;
            assert_eq!(kept, next.coverage_from, "{case}");
            assert_eq!(state_of(&next, "bo"), "unknown", "{case}");
        }
        fs::remove_file(late).unwrap();
    }
    let whole = run(trail.path(), listed(&[OTHER]), Some(&before), instants[0]);
    assert_eq!(from(&whole), from(&before), "nothing is broken");
}

#[test]
fn where_nobody_says_which_regions_there_are_nobody_is_inactive_for_want_of_events() {
    let trail = at_home();
    let now = "2025-08-31T12:00:00Z";
    let found = run(trail.path(), OtherRegions::Unknown, None, now);
    assert_eq!(
        (state_of(&found, "ana"), state_of(&found, "bo")),
        ("ok", "unknown")
    );
    assert!(found.unseen_regions().is_some());
    assert_eq!(
        crate::reports::pci::document(&found)["regions_unknown"],
        json!(true)
    );
    let chosen = run(trail.path(), OtherRegions::NotAsked, None, now);
    assert_eq!(state_of(&chosen, "bo"), "inactive");
    assert_eq!(chosen.unseen_regions(), None);
}

#[test]
fn a_region_that_is_new_is_read_as_far_back_as_the_others() {
    let trail = at_home();
    let (before, now) = ("2025-08-30T12:00:00Z", "2025-08-31T12:00:00Z");
    let at_first = run(trail.path(), listed(&[]), None, before);
    assert_eq!(state_of(&at_first, "bo"), "inactive");
    let day = "2025-08-25";
    deliver(trail.path(), OTHER, day, &[sign_in(BO, OTHER, day)]);
    let found = run(trail.path(), listed(&[OTHER]), Some(&at_first), now);
    assert_eq!(state_of(&found, "bo"), "inactive_warn", "six days ago");
    assert_eq!(found.coverage_from, at_first.coverage_from);
    // the next run knows the Region, and needs only the last days
    for day in 1..=29 {
        let folder = format!("AWSLogs/{ACCOUNT}/CloudTrail/{HOME}/2025/08/{day:02}");
        fs::remove_dir_all(trail.path().join(folder)).unwrap();
    }
    let day = "2025-09-01";
    deliver(trail.path(), HOME, day, &[]);
    deliver(trail.path(), OTHER, day, &[sign_in(BO, OTHER, day)]);
    let next = run(
        trail.path(),
        OtherRegions::NotAsked,
        Some(&found),
        "2025-09-01T12:00:00Z",
    );
    assert_eq!(state_of(&next, "bo"), "ok");
    assert_eq!(next.additional_regions, [OTHER]);
    assert_eq!(next.coverage_from, at_first.coverage_from);
}

#[test]
fn a_state_that_does_not_say_of_what_it_read_is_no_coverage() {
    let trail = at_home();
    let (before, now) = ("2025-08-30T12:00:00Z", "2025-08-31T12:00:00Z");
    let mut earlier = run(trail.path(), listed(&[]), None, before);
    let text = earlier.state.as_ref().unwrap().text().unwrap();
    let mut kept: Value = serde_json::from_str(&text).unwrap();
    kept["version"] = json!(1);
    kept.as_object_mut().unwrap().remove("covered").unwrap();
    let kept = PciState::read(&kept.to_string()).expect("what an earlier release kept");
    earlier.state = Some(kept);
    let again = run(trail.path(), listed(&[]), Some(&earlier), now);
    assert_eq!(
        again.coverage_from, earlier.coverage_from,
        "it was read again"
    );
    assert_eq!(state_of(&again, "bo"), "inactive");
    // without the old files that time is unknown
    for day in 1..=29 {
        let folder = format!("AWSLogs/{ACCOUNT}/CloudTrail/{HOME}/2025/08/{day:02}");
        fs::remove_dir_all(trail.path().join(folder)).unwrap();
    }
    let short = run(trail.path(), listed(&[]), Some(&earlier), now);
    assert_eq!(
        (state_of(&short, "ana"), state_of(&short, "bo")),
        ("ok", "unknown")
    );
}
