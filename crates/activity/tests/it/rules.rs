//! The rules of `inventory.md` §7 about one person.

use std::collections::BTreeMap;

use hallpass_activity::{
    ActivityPolicy, AgeLimits, PasswordSource, PciFold, PciRules, PciState, PeopleError,
    PeopleList, StateError, judge, seed,
};
use serde_json::{Value, json};

use crate::stage::{
    ANA, STORE, add, ana, as_of, at, empty_fold, folded, ignored, log_of, question, record,
    request, said_of_ana, states,
};

const OTHER: &str = "22222222-0000-4000-8000-000000000002";

fn store(id: &str) -> String {
    format!("arn:aws:identitystore::111111111111:identitystore/{id}")
}

/// The identity in a record before 2025-07-14.
fn named(name: &str) -> Value {
    json!({"userIdentity": {"type": "Unknown", "userName": name}})
}

#[test]
fn h_1_both_shapes_and_their_mixture_are_known_by_their_fields() {
    let both = json!({"userIdentity": {"type": "Unknown", "userName": "somebody",
        "onBehalfOf": {"userId": ANA, "identityStoreArn": store(STORE)}}});
    for (time, shape) in [
        ("2025-08-30T00:00:00Z", named("ana")),
        ("2025-06-30T00:00:00Z", json!({})),
        ("2025-08-30T00:00:00Z", both),
    ] {
        let said = said_of_ana(&[record(1, time, "sso:Authenticate", &shape)]);
        let days = if time.starts_with("2025-08") { 2 } else { 63 };
        assert_eq!(
            said,
            format!("expired 365 (created) / ok {days} (Authenticate)"),
            "{shape}"
        );
    }
}

#[test]
fn h_2_whose_an_event_is() {
    let said = |name: &str| json!({"userIdentity": {"type": "Unknown"}, "additionalEventData": {"UserName": name}});
    let of = |id: &str, of: &str| json!({"userIdentity": {"onBehalfOf": {"userId": id, "identityStoreArn": store(of)}, "userName": "ana"}});
    let rows = [
        (json!({}), "ok", ""),
        (
            of(ANA, "d-9067f00d12"),
            "inactive",
            "other_identity_store 1",
        ),
        (of(OTHER, STORE), "inactive", "unknown_user 1"),
        (of("ana", STORE), "inactive", "unattributable 1"),
        (named("ana"), "ok", ""),
        (named("ANA"), "ok", ""),
        (named("CORP\\ana"), "ok", ""),
        (named("ana@example.com"), "ok", ""),
        (named("anabel"), "inactive", "unattributable 1"),
        (said("ana"), "ok", ""),
        (
            said("HIDDEN_DUE_TO_SECURITY_REASONS"),
            "inactive",
            "unattributable 1",
        ),
        (
            json!({"userIdentity": null}),
            "inactive",
            "unattributable 1",
        ),
    ];
    for (changes, state, why) in rows {
        let records = [record(
            1,
            "2025-08-30T00:00:00Z",
            "sso:Authenticate",
            &changes,
        )];
        let found = said_of_ana(&records);
        assert!(found.contains(&format!("/ {state} ")), "{changes}: {found}");
        assert_eq!(ignored(&records), why, "{changes}");
    }
}

#[test]
fn h_2_a_name_that_could_be_two_people_is_nobodys_and_a_cut_one_is_said_to_be() {
    let user = |id: &str, name: &str| json!({"IdentityStoreId": STORE, "UserId": id, "UserName": name, "CreatedAt": "2024-09-01T00:00:00Z"});
    let people = |one: &str, two: &str| {
        let list = json!({"Users": [user(ANA, one), user(OTHER, two)]});
        PeopleList::read(&list.to_string()).unwrap()
    };
    // Typed name → person, and whether the match is weak.
    let rows = [
        (
            "ana@a.example",
            "ana@b.example",
            "ana@a.example",
            "ana@a.example",
            false,
        ),
        (
            "ana@a.example",
            "ana@b.example",
            "Ana@A.example",
            "ana@a.example",
            false,
        ),
        ("ana@a.example", "ana@b.example", "ana", "", false),
        ("ana@a.example", "ben", "ana", "ana@a.example", true),
        ("ana", "ANA", "ana", "ana", false),
        ("ana", "ANA", "Ana", "", false),
        ("ana", "ben", "CORP\\ana", "ana", true),
    ];
    for (one, two, typed, whose, weak) in rows {
        let fold = folded(&[record(
            1,
            "2025-08-30T00:00:00Z",
            "sso:Authenticate",
            &named(typed),
        )]);
        let report = judge(&fold, &question(people(one, two)));
        let found = report.users.iter().filter(|it| it.last_activity.is_some());
        let found: Vec<&str> = found.map(|it| it.user_name.as_str()).collect();
        assert_eq!(found.join(" "), whose, "{typed} of {one} and {two}");
        assert_eq!(
            !report.weak_matches.is_empty(),
            weak,
            "{typed} of {one} and {two}"
        );
    }
}

#[test]
fn h_2_a_name_is_its_persons_from_when_they_were_made() {
    // Identity → last activity of a person created on 2025-08-27 with that name now.
    let rows = [
        (named("ana"), "2025-05-24T00:00:00Z", None),
        (
            named("ana"),
            "2025-08-28T00:00:00Z",
            Some("2025-08-28T00:00:00Z"),
        ),
        // Ids are never reused.
        (
            json!({}),
            "2025-05-24T00:00:00Z",
            Some("2025-05-24T00:00:00Z"),
        ),
    ];
    for (changes, time, last) in rows {
        let fold = folded(&[record(1, time, "sso:Authenticate", &changes)]);
        let people = ana("2025-08-27T00:00:00Z", &json!({}));
        let report = judge(&fold, &question(people));
        let found = &report.users[0];
        assert_eq!(found.last_activity, last.map(at), "{changes} {time}");
        if last.is_none() {
            assert_eq!(found.activity_state, "ok");
            assert_eq!(found.activity_basis.as_deref(), Some("created"));
        }
    }
    // Failed verifications, also by a name with a domain.
    for (name, time, failed) in [
        ("ana", "2025-08-26T23:59:59Z", 0),
        ("ana", "2025-08-27T00:00:00Z", 1),
        ("CORP\\ana", "2025-08-26T23:59:59Z", 0),
        ("CORP\\ana", "2025-08-27T00:00:00Z", 1),
    ] {
        let mut changes = named(name);
        changes["serviceEventDetails"] = json!({"CredentialVerification": "Failure"});
        let fold = folded(&[record(1, time, "signin:CredentialVerification", &changes)]);
        let people = ana("2025-08-27T00:00:00Z", &json!({}));
        let report = judge(&fold, &question(people));
        let (found, weak) = (&report.users[0], report.weak_matches.len());
        assert_eq!(found.failed_verifications, failed, "{name} {time}");
        let is_cut = usize::from(name != "ana");
        assert_eq!(weak, failed.min(is_cut), "{name} {time}");
    }
}

#[test]
fn h_3_a_sign_in_to_something_else_counts_only_where_the_person_is_known() {
    let to = |address: &str| {
        let mut changes = named("ana");
        changes["additionalEventData"] = json!({"LoginTo": address});
        changes
    };
    let rows = [
        (to("https://d-1.awsapps.com/start"), true),
        (to("https://d-1.awsapps.cn/start"), true),
        (to("https://ssoins-1.portal.eu-west-1.app.aws/"), true),
        (to("https://sso.example.com/start"), true),
        (to("https://clients.amazonaws.com/workspaces"), false),
        (to("https://awsapps.com.evil.example/"), false),
        (to("https://d-1.awsapps.com@evil.example/"), false),
        (named("ana"), false),
        (
            json!({"additionalEventData": {"LoginTo": "https://clients.amazonaws.com/workspaces"}}),
            true,
        ),
    ];
    for (changes, counts) in rows {
        let mut rules = PciRules::of_store(STORE);
        rules.portal_hosts.push("sso.example.com".into());
        let mut fold = PciFold::new(rules, as_of());
        add(
            &mut fold,
            &log_of(&[record(
                1,
                "2025-08-30T00:00:00Z",
                "signin:UserAuthentication",
                &changes,
            )]),
        );
        let report = judge(&fold, &question(ana("2024-09-01T00:00:00Z", &json!({}))));
        assert_eq!(report.users[0].last_activity.is_some(), counts, "{changes}");
        assert_eq!(
            report.ignored.contains_key("foreign_login_target"),
            !counts,
            "{changes}"
        );
    }
}

#[test]
fn h_4_a_password_is_that_of_whom_the_request_names_and_its_events_are_a_setting() {
    let reset = |who: &str| request(who, &json!({"passwordMode": "EMAIL"}));
    let by_ana = |who: &str| {
        let mut changes = reset(who);
        changes["userIdentity"] =
            json!({"onBehalfOf": {"userId": ANA, "identityStoreArn": store(STORE)}});
        changes
    };
    let event = "sso-directory:UpdatePassword";
    let said = |changes: &Value| said_of_ana(&[record(1, "2025-08-20T00:00:00Z", event, changes)]);
    assert_eq!(said(&reset(ANA)), "ok 12 (event) / inactive 365 (created)");
    assert_eq!(
        said(&by_ana(OTHER)),
        "expired 365 (created) / inactive 365 (created)"
    );
    let other_store = request(ANA, &json!({"identityStoreId": "d-0000000000"}));
    assert_eq!(
        said(&other_store),
        "expired 365 (created) / inactive 365 (created)"
    );
    let mut rules = PciRules::of_store(STORE);
    rules
        .password_events
        .push("signin.amazonaws.com:PasswordUpdated".parse().unwrap());
    let mut fold = PciFold::new(rules, as_of());
    add(
        &mut fold,
        &log_of(&[record(
            1,
            "2025-08-21T00:00:00Z",
            "signin:PasswordUpdated",
            &reset(ANA),
        )]),
    );
    let report = judge(&fold, &question(ana("2024-09-01T00:00:00Z", &json!({}))));
    assert_eq!(report.users[0].password_age_days, Some(11));
}

#[test]
fn h_5_people_from_outside_have_no_password_here_but_perhaps_at_okta() {
    let outside = ana(
        "2024-09-01T00:00:00Z",
        &json!({"ExternalIds": [{"Issuer": "x", "Id": "y"}]}),
    );
    let mut asked = question(outside);
    assert_eq!(
        states(&judge(&folded(&[]), &asked)),
        "n/a / inactive 365 (created)"
    );
    asked.passwords = PasswordSource::Okta(BTreeMap::new());
    assert_eq!(
        states(&judge(&folded(&[]), &asked)),
        "n/a / inactive 365 (created)"
    );
    let changed = [(ANA.parse().unwrap(), at("2025-06-05T00:00:00Z"))];
    asked.passwords = PasswordSource::Okta(changed.into());
    assert_eq!(
        states(&judge(&folded(&[]), &asked)),
        "warn 88 (okta) / inactive 365 (created)"
    );
}

#[test]
fn h_6_the_newest_wins_by_its_own_time_and_what_lies_ahead_is_nothing() {
    let at = |number: u32, time: &str| record(number, time, "sso:Authenticate", &json!({}));
    let rows = [
        (
            vec![at(1, "2025-08-30T00:00:00Z"), at(2, "2025-08-01T00:00:00Z")],
            2,
        ),
        (
            vec![
                at(1, "2025-08-01T00:00:00Z"),
                at(2, "2025-08-30T00:00:00.999Z"),
            ],
            1,
        ),
        (vec![at(1, "2025-08-31T01:00:00+02:00")], 1),
        (vec![at(1, "2025-08-30T22:59:59-01:00")], 1),
        (
            vec![at(1, "2025-08-01T00:00:00Z"), at(2, "2025-09-01T00:00:01Z")],
            31,
        ),
    ];
    for (records, days) in rows {
        let said = said_of_ana(&records);
        assert_eq!(
            said,
            format!("expired 365 (created) / ok {days} (Authenticate)"),
            "{records:?}"
        );
    }
    assert_eq!(ignored(&[at(1, "2025-09-01T00:00:01Z")]), "future 1");
    let twice = [at(1, "2025-08-30T00:00:00Z"), at(1, "2025-08-30T00:00:00Z")];
    let report = judge(
        &folded(&twice),
        &question(ana("2024-09-01T00:00:00Z", &json!({}))),
    );
    assert_eq!(
        (report.events_read, report.events_unique, report.duplicates),
        (2, 1, 1)
    );
}

#[test]
fn h_8_without_the_log_nobody_is_called_inactive() {
    // Created, coverage from, state.
    let rows = [
        (
            "2024-09-01T00:00:00Z",
            Some("2025-05-01T00:00:00Z"),
            "inactive 365 (created)",
        ),
        (
            "2024-09-01T00:00:00Z",
            Some("2025-06-03T00:00:00Z"),
            "inactive 365 (created)",
        ),
        (
            "2024-09-01T00:00:00Z",
            Some("2025-06-03T00:00:01Z"),
            "unknown",
        ),
        ("2024-09-01T00:00:00Z", None, "unknown"),
        // A person created last week cannot be inactive.
        ("2025-08-25T00:00:00Z", None, "ok 7 (created)"),
        // Created after the start of the log.
        (
            "2025-06-05T00:00:00Z",
            Some("2025-06-04T00:00:00Z"),
            "inactive_warn 88 (created)",
        ),
    ];
    for (made, from, state) in rows {
        let mut asked = question(ana(made, &json!({})));
        asked.coverage_from = from.map(at);
        let found = states(&judge(&folded(&[]), &asked));
        assert!(
            found.ends_with(&format!("/ {state}")),
            "{made} {from:?}: {found}"
        );
    }
    // Seen activity counts regardless of coverage.
    let seen = record(1, "2025-05-01T00:00:00Z", "sso:Authenticate", &json!({}));
    let mut asked = question(ana("2024-09-01T00:00:00Z", &json!({})));
    asked.coverage_from = None;
    let found = states(&judge(&folded(&[seen]), &asked));
    assert_eq!(found, "unknown / inactive 123 (Authenticate)");
    // Without a creation date the state is unknown.
    let asked = question(ana("2024-09-01T00:00:00Z", &json!({"CreatedAt": null})));
    assert_eq!(states(&judge(&folded(&[]), &asked)), "unknown / unknown");
}

#[test]
fn h_10_people_who_come_and_go_between_two_lists() {
    let before = ana("2024-09-01T00:00:00Z", &json!({}));
    let state = PciState::after(
        &PciFold::new(PciRules::of_store(STORE), at("2025-08-01T00:00:00Z")),
        Some(&before),
        Some(at("2025-05-01T00:00:00Z")),
    )
    .unwrap();
    let made = |number: u32, time: &str| {
        let mut changes = request(OTHER, &json!({"userName": "ben"}));
        changes["requestParameters"]
            .as_object_mut()
            .unwrap()
            .remove("userId");
        changes["responseElements"] = json!({"userId": OTHER});
        record(number, time, "identitystore:CreateUser", &changes)
    };
    let about = |number: u32, time: &str, what: &str, who: &str| {
        record(number, time, what, &request(who, &json!({})))
    };
    let rows = [
        (vec![], "ana enabled"),
        (
            vec![made(1, "2025-08-02T00:00:00Z")],
            "ana enabled, ben enabled",
        ),
        // The list is newer.
        (vec![made(1, "2025-07-02T00:00:00Z")], "ana enabled"),
        (
            vec![about(
                1,
                "2025-08-02T00:00:00Z",
                "identitystore:DeleteUser",
                ANA,
            )],
            "",
        ),
        (
            vec![about(
                1,
                "2025-08-02T00:00:00Z",
                "sso-directory:DisableUser",
                ANA,
            )],
            "ana disabled",
        ),
        (
            vec![
                about(1, "2025-08-03T00:00:00Z", "sso-directory:EnableUser", ANA),
                about(2, "2025-08-02T00:00:00Z", "sso-directory:DisableUser", ANA),
            ],
            "ana enabled",
        ),
    ];
    for (records, wanted) in rows {
        let mut fold = PciFold::resume(PciRules::of_store(STORE), as_of(), state.clone()).unwrap();
        add(&mut fold, &log_of(&records));
        let people = state.people(&fold).people;
        let found: Vec<String> = people
            .iter()
            .map(|it| {
                format!(
                    "{} {}",
                    it.user_name,
                    format!("{:?}", it.status).to_lowercase()
                )
            })
            .collect();
        assert_eq!(found.join(", "), wanted, "{records:?}");
    }
}

#[test]
fn h_10_what_is_known_of_people_who_are_gone_is_dropped_after_400_days() {
    let list = ana("2024-01-01T00:00:00Z", &json!({}));
    let seen = |number: u32, time: &str, who: &str| {
        let changes = json!({"userIdentity": {"onBehalfOf": {"userId": who, "identityStoreArn": store(STORE)}}});
        record(number, time, "sso:Authenticate", &changes)
    };
    let fold = folded(&[
        seen(1, "2024-07-27T23:59:59Z", OTHER),
        seen(2, "2024-07-01T00:00:00Z", ANA),
        seen(
            3,
            "2024-07-28T00:00:00Z",
            "33333333-0000-4000-8000-000000000003",
        ),
    ]);
    let text = PciState::after(&fold, Some(&list), None)
        .unwrap()
        .text()
        .unwrap();
    assert!(
        !text.contains(OTHER) && text.contains(ANA) && text.contains("33333333-"),
        "{text}"
    );
}

#[test]
fn h_10_a_state_that_does_not_fit_is_refused() {
    let state = PciState::after(
        &folded(&[]),
        Some(&ana("2024-01-01T00:00:00Z", &json!({}))),
        None,
    )
    .unwrap();
    let resumed = |store: &str, as_of: &str| {
        PciFold::resume(PciRules::of_store(store), at(as_of), state.clone()).map(|_| ())
    };
    assert_eq!(resumed(STORE, "2025-09-01T00:00:00Z"), Ok(()));
    assert_eq!(
        resumed("d-1", "2025-09-01T00:00:00Z"),
        Err(StateError::OtherStore(STORE.into()))
    );
    assert_eq!(
        resumed(STORE, "2025-08-31T23:59:59Z"),
        Err(StateError::Later(as_of()))
    );
    let text = state.text().unwrap();
    assert_eq!(
        PciState::read(&text.replace("\"version\":1", "\"version\":4")),
        Err(StateError::Newer)
    );
    for broken in ["", "{}", "[]", &text[..text.len() / 2]] {
        assert!(
            matches!(PciState::read(broken), Err(StateError::Unreadable(_))),
            "{broken}"
        );
    }
}

#[test]
fn h_11_whole_days_and_each_kind_its_own_limits() {
    // Password set, state.
    let rows = [
        ("2025-06-07T00:00:01Z", "ok 85"),
        ("2025-06-07T00:00:00Z", "warn 86"),
        ("2025-06-03T00:00:01Z", "warn 89"),
        ("2025-06-03T00:00:00Z", "expired 90"),
        ("2025-09-01T00:00:00Z", "ok 0"),
    ];
    for (set, state) in rows {
        let reset = record(
            1,
            set,
            "sso-directory:UpdatePassword",
            &request(ANA, &json!({})),
        );
        let said = said_of_ana(&[reset]);
        assert!(
            said.starts_with(&format!("{state} (event)")),
            "{set}: {said}"
        );
    }
    let mut asked = question(ana("2025-08-01T00:00:00Z", &json!({})));
    asked.limits.activity = AgeLimits {
        warn_days: 14,
        over_days: 31,
    };
    assert_eq!(
        states(&judge(&folded(&[]), &asked)),
        "ok 31 (created) / inactive 31 (created)"
    );
}

#[test]
fn h_12_use_counts_unless_only_sign_ins_do() {
    for (event, sign_in) in [
        ("sso:Authenticate", true),
        ("signin:UserAuthentication", true),
        ("sso:Federate", false),
        ("sso:CreateToken", false),
        ("sso:GetRoleCredentials", false),
    ] {
        let fold = folded(&[record(1, "2025-08-30T00:00:00Z", event, &json!({}))]);
        let mut asked = question(ana("2024-09-01T00:00:00Z", &json!({})));
        assert_eq!(
            judge(&fold, &asked).users[0].inactive_days,
            Some(2),
            "{event}"
        );
        asked.policy = ActivityPolicy::SignIn;
        let report = judge(&fold, &asked);
        let days = if sign_in { 2 } else { 365 };
        assert_eq!(report.users[0].inactive_days, Some(days), "{event}");
        assert_eq!(
            report.ignored.contains_key("use_not_counted"),
            !sign_in,
            "{event}"
        );
    }
}

#[test]
fn h_13_disabled_people_have_no_age_and_enabled_ones_begin_anew() {
    let disabled = ana("2024-09-01T00:00:00Z", &json!({"UserStatus": "DISABLED"}));
    let seen = record(1, "2024-10-01T00:00:00Z", "sso:Authenticate", &json!({}));
    let report = judge(&folded(&[seen]), &question(disabled));
    assert_eq!(states(&report), "disabled / disabled");
    assert_eq!(
        (report.alerts.len(), report.users[0].last_activity),
        (0, None)
    );
    let enabled = |time: &str| {
        record(
            2,
            time,
            "sso-directory:EnableUser",
            &request(ANA, &json!({})),
        )
    };
    let signed_in = record(1, "2025-08-01T00:00:00Z", "sso:Authenticate", &json!({}));
    let both = |time: &str| said_of_ana(&[signed_in.clone(), enabled(time)]);
    assert_eq!(
        both("2025-08-22T00:00:00Z"),
        "ok 10 (enabled) / ok 10 (enabled)"
    );
    assert_eq!(
        both("2025-07-01T00:00:00Z"),
        "ok 62 (enabled) / ok 31 (Authenticate)"
    );
}

#[test]
fn h_15_the_old_consumer_gets_what_it_knows() {
    let fold = folded(&[]);
    let user = |id: &str, name: &str, made: &str| json!({"IdentityStoreId": STORE, "UserId": id, "UserName": name, "CreatedAt": made});
    let list = json!({"Users": [
        user(ANA, "o'neil", "2024-09-01T00:00:00Z"), user(OTHER, "warned", "2025-06-06T00:00:00Z"),
    ]});
    let people = PeopleList::read(&list.to_string()).unwrap();
    let report = judge(&fold, &question(people));
    assert_eq!(
        seed(&report),
        json!({"Records": [
            {"eventName": "PasswordChangeRequired", "userList": ["o'neil"]},
            {"eventName": "InactiveUsers", "userList": ["o'neil"]},
        ]})
    );
    let nobody = judge(
        &empty_fold(),
        &question(ana("2025-08-30T00:00:00Z", &json!({}))),
    );
    assert_eq!(seed(&nobody), json!({"Records": []}));
}

#[test]
fn a_list_of_people_that_is_not_whole_is_refused() {
    let user =
        |id: &str, store: &str| json!({"IdentityStoreId": store, "UserId": id, "UserName": id});
    let read = |list: Value| PeopleList::read(&list.to_string()).map(|it| it.people.len());
    assert_eq!(
        read(json!({"Users": [user(ANA, STORE), user(OTHER, STORE)]})),
        Ok(2)
    );
    assert_eq!(read(json!({"Users": []})), Err(PeopleError::Empty));
    assert_eq!(
        read(json!({"Users": [user(ANA, STORE)], "NextToken": "x"})),
        Err(PeopleError::MorePages)
    );
    assert_eq!(
        read(json!({"Users": [user(ANA, STORE), user(ANA, STORE)]})),
        Err(PeopleError::Twice(ANA.parse().unwrap()))
    );
    let two = PeopleError::TwoStores(STORE.into(), "d-2".into());
    assert_eq!(
        read(json!({"Users": [user(ANA, STORE), user(OTHER, "d-2")]})),
        Err(two)
    );
    assert!(matches!(read(json!([])), Err(PeopleError::NoList(_))));
    let seconds = json!({"Users": [{"IdentityStoreId": STORE, "UserId": ANA, "UserName": "a", "CreatedAt": 1_756_512_000.0}]});
    let list = PeopleList::read(&seconds.to_string()).unwrap();
    assert_eq!(list.people[0].created_at, Some(at("2025-08-30T00:00:00Z")));
}
