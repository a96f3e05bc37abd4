//! The table of `inventory.md` §7.3, with its records in every arrangement.

use hallpass_activity::{
    ActivityPolicy, PciFold, PciReport, PciRules, PciState, judge, read_folder,
};
use serde_json::{Value, json};

use crate::files::MemoryFiles;
use crate::stage::{
    EXPECTED, LOGS, add, as_of, at, empty_fold, everything, gzipped, log_of, people, question,
    records,
};

const POLICIES: [ActivityPolicy; 2] = [ActivityPolicy::AnyUse, ActivityPolicy::SignIn];

fn report(fold: &PciFold, policy: ActivityPolicy) -> PciReport {
    let mut question = question(people());
    question.policy = policy;
    judge(fold, &question)
}

/// Checks people, alerts and counts of both policies.
fn check(what: &str, fold: &PciFold) {
    let expected: Value = serde_json::from_str(EXPECTED).unwrap();
    let wanted = expected["reports"].as_array().unwrap();
    for (policy, wanted) in POLICIES.into_iter().zip(wanted) {
        let found = serde_json::to_value(report(fold, policy)).unwrap();
        let rows = |it: &Value| it["users"].as_array().unwrap().clone();
        for (found, wanted) in rows(&found).iter().zip(&rows(wanted)) {
            assert_eq!(found, wanted, "{what}");
        }
        for (member, wanted) in wanted.as_object().unwrap() {
            assert_eq!(&found[member], wanted, "{what}: {member}");
        }
    }
}

#[test]
fn the_fixture_gives_exactly_its_table() {
    let mut fold = empty_fold();
    for (_, text) in LOGS {
        add(&mut fold, text.as_bytes());
    }
    check("three files", &fold);
}

#[test]
fn gzipped_in_the_layout_of_a_trail_and_read_in_small_pieces() {
    for piece in [0, 1, 7] {
        let mut files = MemoryFiles {
            piece,
            ..MemoryFiles::default()
        };
        for (number, record) in records().iter().enumerate() {
            let day = record["eventTime"].as_str().unwrap()[..10].replace('-', "/");
            let path = format!(
                "trail/AWSLogs/o-abcdefghij/111111111111/CloudTrail/eu-west-1/{day}/{number}.json.gz"
            );
            let bytes = gzipped(&log_of(std::slice::from_ref(record)));
            files.files.insert(path, bytes);
        }
        let mut fold = empty_fold();
        let read = read_folder(&files, &everything(), &mut fold, &mut |_| {}).unwrap();
        assert_eq!((read.files, read.broken, read.count.wanted), (30, 0, 30));
        check("a trail", &fold);
    }
}

#[test]
fn shuffled() {
    let mut shuffled = records();
    for _ in 0..shuffled.len() {
        shuffled.rotate_left(7);
        let last = shuffled.len() - 1;
        shuffled.swap(0, last / 2);
        let mut fold = empty_fold();
        add(&mut fold, &log_of(&shuffled));
        check("shuffled", &fold);
    }
    let mut backwards = records();
    backwards.reverse();
    let mut fold = empty_fold();
    add(&mut fold, &log_of(&backwards));
    check("backwards", &fold);
}

fn kept(fold: &PciFold) -> PciState {
    let kept = PciState::after(fold, Some(&people()), Some(at("2025-05-01T00:00:00Z"))).unwrap();
    PciState::read(&kept.text().unwrap()).unwrap()
}

fn people_and_alerts(fold: &PciFold, policy: ActivityPolicy) -> Value {
    let found = report(fold, policy);
    json!({"users": found.users, "alerts": found.alerts})
}

#[test]
fn two_halves_with_the_state_kept_are_the_whole_wherever_it_is_cut() {
    let all = records();
    let mut whole = empty_fold();
    add(&mut whole, &log_of(&all));
    for cut in 0..=all.len() {
        let mut first = empty_fold();
        add(&mut first, &log_of(&all[..cut]));
        let rules = PciRules::of_store(people().identity_store_id);
        let mut second = PciFold::resume(rules, as_of(), kept(&first)).unwrap();
        add(&mut second, &log_of(&all[cut..]));
        assert_eq!(kept(&second), kept(&whole), "cut at {cut}");
        for policy in POLICIES {
            let (found, wanted) = (
                people_and_alerts(&second, policy),
                people_and_alerts(&whole, policy),
            );
            assert_eq!(found, wanted, "cut at {cut}");
        }
    }
}

#[test]
fn read_twice_it_says_the_same() {
    let mut once = empty_fold();
    add(&mut once, &log_of(&records()));
    let rules = PciRules::of_store(people().identity_store_id);
    let mut again = PciFold::resume(rules, as_of(), kept(&once)).unwrap();
    add(&mut again, &log_of(&records()));
    assert_eq!(kept(&again), kept(&once));
    check("twice", &again);
}
