//! Texts about pending approvers and approval hours.

use std::collections::BTreeMap;

use hallpass_access::{Directory, Request, Review};
use hallpass_base::{AccountId, Email, TimeSpan, Timestamp, UserId};
use hallpass_channels::wording::outstanding::{
    approve_label, not_open, what_stages_take, who_can_decide, whom,
};
use hallpass_channels::wording::{PlainStyle, grants};
use hallpass_rules::{Ask, RuleFile, load};
use hallpass_store_testing::{a_request, at, email, user};

fn waiting(fields: &str, approved: &[u64]) -> Request {
    let now: Timestamp = "2026-03-02T12:00:00Z".parse().unwrap();
    let text = format!("[[rule]]\nid = 'r'\naccounts = '*'\npermission_sets = '*'\n{fields}\n");
    let rules = load(&RuleFile::new("r.toml", &text)).unwrap().rules;
    let account = AccountId::new("100000000001").unwrap();
    let ask = Ask::Account {
        account: &account,
        permission_set: "ReadOnly",
    };
    let approvals: BTreeMap<UserId, Email> =
        approved.iter().map(|n| (user(*n), email(*n))).collect();
    let directory = known();
    let found = rules.outstanding(&email(1), &ask, &directory, (now, now), &approvals);
    Request {
        expires_at: Some(TimeSpan::hours(8).after(now)),
        reviews: { approvals.into_iter() }
            .map(|(user, by)| Review {
                by,
                user: Some(user),
                at: at(60),
                comment: None,
                counts: true,
            })
            .collect(),
        outstanding: Some(Box::new(found)),
        ..a_request(1)
    }
}

fn known() -> Directory {
    use hallpass_rules::PersonAttributes;
    use hallpass_rules::directory::{Person, Snapshot};

    let people = [1, 901, 902, 903].map(|n| Person {
        user_id: user(n),
        user_name: email(n).to_string(),
        display_name: String::new(),
        emails: vec![email(n)],
        enabled: true,
        attributes: PersonAttributes::default(),
    });
    Directory::new(Snapshot {
        people: people.to_vec(),
        ..Snapshot::default()
    })
}

fn listed(numbers: &[u64]) -> String {
    let all: Vec<String> = numbers.iter().map(|n| format!("'{}'", email(*n))).collect();
    format!("[{}]", all.join(", "))
}

fn named(text: &str) -> String {
    [901, 902, 903].iter().fold(text.to_owned(), |text, n| {
        text.replace(email(*n).as_str(), &format!("#{n}"))
    })
}

#[test]
fn it_waits_for_those_whose_yes_helps() {
    let any_two = format!(
        "approvers = {}\nmin_approvals = 2",
        listed(&[901, 902, 903])
    );
    let stages = format!(
        "stages = [{{ name = 'boss', approvers = {} }}, {{ name = 'team', approvers = {} }}]",
        listed(&[901]),
        listed(&[902, 903])
    );
    for (fields, approved, waits_for, decides, button, progress) in [
        (
            &any_two,
            &[][..],
            "2 of #901, #902, #903",
            "#901, #902 or #903 can decide.",
            "Approve 2h (1 of 2)",
            "0 of 2.",
        ),
        (
            &any_two,
            &[902],
            "1 of #901, #903",
            "#901 or #903 can decide.",
            "Approve 2h (2 of 2)",
            "1 of 2: #902.",
        ),
        (
            &stages,
            &[],
            "boss: #901; team: 1 of #902, #903",
            "It waits for boss: #901; team: 1 of #902, #903.",
            "Approve 2h",
            "0 of 2.",
        ),
        (
            &stages,
            &[902, 903],
            "boss: #901",
            "It waits for boss: #901.",
            "Approve 2h",
            "1 of 2: #902, #903.",
        ),
    ] {
        let request = waiting(fields, approved);
        let said = whom(&request, &PlainStyle).unwrap();
        assert_eq!(named(&said), waits_for);
        let said = who_can_decide(&request, &PlainStyle).unwrap();
        assert_eq!(named(&said), decides);
        assert_eq!(approve_label(&request), button);
        assert_eq!(named(&grants::progress(&request, &PlainStyle)), progress);
    }
    let request = waiting(&stages, &[]);
    let takes = what_stages_take(&request, &PlainStyle);
    assert_eq!(takes.as_deref(), Some("1 for boss and 1 for team"));
    let nobody = waiting(&format!("approvers = {}", listed(&[1])), &[]);
    assert_eq!(whom(&nobody, &PlainStyle), None);
}

#[test]
fn hours_that_are_closed_are_told_with_what_they_mean_for_the_request() {
    let hours = |id: &str, from: &str, to: &str| {
        format!(
            "approvers = {}\napproval_hours = {{ from = '{from}', to = '{to}', time_zone = 'UTC' }}\n\
             [[rule]]\nid = '{id}'\naccounts = '*'\npermission_sets = '*'",
            listed(&[901])
        )
    };
    let second = format!(
        "{}\napproval_hours = {{ from = '13:00', to = '14:00', time_zone = 'UTC' }}\napprovers = {}",
        hours("s", "14:00", "15:00"),
        listed(&[901])
    );
    let alone = |from, to| format!("{}\napprovers = {}", hours("s", from, to), listed(&[901]));
    for (fields, said) in [
        (alone("09:00", "17:00"), None),
        (
            alone("13:00", "17:00"),
            Some("Approvals begin 2026-03-02 13:00 UTC, by rule `r`."),
        ),
        (
            alone("02:00", "03:00"),
            Some(
                "No one can approve this before it expires: approvals begin 2026-03-03 02:00 UTC, by rule `r`.",
            ),
        ),
        (
            second,
            Some(
                "No one can approve this at any time: the approval hours of rules `r`, `s` never overlap.",
            ),
        ),
    ] {
        let request = waiting(&fields, &[]);
        assert_eq!(not_open(&request, &PlainStyle).as_deref(), said, "{fields}");
    }
}
