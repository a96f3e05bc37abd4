use hallpass_imports::Imported;
use hallpass_imports::team::{Release, TeamExport, TeamExports, import};
use hallpass_rules::{RuleFile, Rules, load};

use super::{check_asks, check_rows, published};
use crate::company::directory;

fn table(path: &str) -> TeamExport {
    let file = published(path);
    TeamExport {
        name: file.name.clone(),
        files: vec![file],
    }
}

fn imported(eligibility: &str, settings: &str, release: Release, members: &[u8]) -> Imported {
    let tables = TeamExports {
        eligibility: &table(eligibility),
        approvers: &table("team/Approvers.json"),
        settings: &table(settings),
        policies: None,
    };
    import(&tables, release, Some(&directory(members))).unwrap()
}

fn rules(import: &Imported) -> Rules {
    load(&RuleFile::new("rules.toml", import.text.as_str()))
        .unwrap_or_else(|errors| panic!("{errors:?}\n{}", import.text))
        .rules
}

/// Ana and bo are developers, ana is a reader, cai and dee are owners.
const MEMBERS: [u8; 3] = [3, 1, 12];

#[test]
fn eligibility_approvers_and_settings_decide_as_the_pages_say() {
    let import = imported(
        "team/Eligibility.json",
        "team/Settings.json",
        Release::Current,
        &MEMBERS,
    );
    check_rows(
        &import,
        &[
            // approvers must write a comment there
            "Settings settings: differs",
            // there, the longest of all entries of a person counts for any target
            "Eligibility developers: differs",
            "Eligibility readers: moved",
            "Eligibility cai: differs",
            "Approvers payments-prod: moved",
            "Approvers workloads: moved",
        ],
    );
    let lines = import.report.configuration.iter();
    let lines: Vec<String> = lines
        .map(|it| format!("{} = {}", it.key, it.value))
        .collect();
    assert_eq!(
        lines,
        [
            "access.request_expiry = \"3h\"",
            "access.duration.max = \"9h\""
        ]
    );
    check_asks(
        &rules(&import),
        &directory(&MEMBERS),
        &[
            // any member of the approver group, for any permission set
            ("ana Admin payments-prod", "1 of cai dee, 4h"),
            ("bo ReadOnly payments-prod", "1 of cai dee, 4h"),
            ("ana Billing payments-prod", "not allowed"),
            ("dee Admin payments-prod", "not allowed"),
            ("ana ReadOnly shop-prod", "immediately, 8h"),
            ("bo ReadOnly shop-prod", "not allowed"),
            // the accounts directly in a unit, none of the units below it
            ("ana Admin shop-prod", "not allowed"),
            // one group for both: a peer approves, never the requester
            ("ana Admin sandbox", "1 of bo, 4h"),
            ("bo ReadOnly sandbox", "1 of ana, 4h"),
            ("cai Billing log-archive", "no approver"),
        ],
    );
}

#[test]
fn with_the_approval_workflow_off_whoever_is_eligible_has_it_at_once() {
    let import = imported(
        "team/Eligibility.json",
        "team/Settings-off.json",
        Release::Current,
        &MEMBERS,
    );
    check_asks(
        &rules(&import),
        &directory(&MEMBERS),
        &[
            ("ana Admin payments-prod", "immediately, 4h, with a ticket"),
            ("cai Billing log-archive", "immediately, 1h, with a ticket"),
            ("dee Admin payments-prod", "not allowed"),
        ],
    );
}

/// The guide states that an entry with approval wins. This is true before June 2024; since then one
/// entry without approval is enough.
#[test]
fn of_two_entries_the_one_with_an_approval_wins_where_the_release_has_it_so() {
    for (release, wanted) in [
        (Release::BeforeJune2024, "1 of cai dee, 4h"),
        (Release::Current, "immediately, 4h"),
    ] {
        let import = imported(
            "team/Eligibility-both.json",
            "team/Settings.json",
            release,
            &MEMBERS,
        );
        check_asks(
            &rules(&import),
            &directory(&MEMBERS),
            &[
                ("ana Admin payments-prod", wanted),
                ("bo Admin payments-prod", "1 of cai dee, 4h"),
            ],
        );
    }
}
