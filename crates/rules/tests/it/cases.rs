//! Decision cases with their exact output.

use hallpass_base::Timestamp;
use hallpass_rules::{Rules, cases};

use crate::world::{directory, noon, statements};

fn answer(line: &str, rules: Option<&Rules>) -> String {
    serde_json::to_string(&cases::answer(line, rules, None, noon())).unwrap()
}

fn code(line: &str) -> String {
    let answer =
        serde_json::to_value(cases::answer(line, Some(&statements("")), None, noon())).unwrap();
    match answer.get("error") {
        Some(error) => format!("{} {}", answer["id"], error["code"].as_str().unwrap()),
        None => answer.to_string(),
    }
}

#[test]
fn answers_have_exactly_these_keys() {
    let rules = statements(
        r#"{"Id": "all", "ResourceType": "Account", "Resource": "*", "PermissionSet": "*", "Approvers": ["Zoe@corp.com", "al@corp.com"]}"#,
    );
    assert_eq!(
        answer(
            r#"{"id": "1", "requester": "DEV@corp.com", "account": "111111111111", "permission_set": "X"}"#,
            Some(&rules)
        ),
        r#"{"id":"1","decision":"RequiresApproval","approvers":["al@corp.com","zoe@corp.com"],"because":["all"]}"#
    );
    assert_eq!(
        answer(
            r#"{"id": 2, "requester": "al@corp.com", "account": "111111111111", "permission_set": "X", "click": "AL@corp.com"}"#,
            Some(&rules)
        ),
        r#"{"id":2,"decision":"RequiresApproval","approvers":["zoe@corp.com"],"because":["all"],"permit":false}"#
    );
    assert_eq!(
        answer(
            r#"{"id": "3", "requester": "al@corp.com", "group": "99999999-8888-7777-6666-555555555555"}"#,
            Some(&rules)
        ),
        r#"{"id":"3","decision":"NoStatements","approvers":[],"because":[]}"#
    );
    assert_eq!(
        answer(
            r#"{"id": "4", "requester": "al@corp.com", "account": "12", "permission_set": "X", "click": "zoe@corp.com"}"#,
            Some(&rules)
        ),
        r#"{"id":"4","decision":"Invalid","approvers":[],"because":[],"permit":false,"invalid":[{"field":"account","message":"`12` is not an account id of 12 digits"}]}"#
    );
}

#[test]
fn repeats_count_once_and_order_means_nothing() {
    let line = |statements: &str| {
        format!(
            r#"{{"id": "x", "requester": "dev@corp.com", "account": "111111111111", "permission_set": "A", "statements": [{statements}]}}"#
        )
    };
    let one = r#"{"ResourceType": "Account", "Resource": "111111111111", "PermissionSet": ["A", "B"], "Approvers": "a@corp.com"}"#;
    let same = r#"{"PermissionSet": ["B", "A", "A"], "Approvers": ["A@corp.com"], "Resource": ["111111111111"], "ResourceType": "Account", "AllowSelfApproval": null, "MinApprovals": 1}"#;
    assert_eq!(
        answer(&line(&format!("{one},{same},{one}")), None),
        r#"{"id":"x","decision":"RequiresApproval","approvers":["a@corp.com"],"because":["s1"]}"#
    );
}

#[test]
fn what_cannot_be_read_is_an_error_with_a_code() {
    let line = |rest: &str| {
        format!(
            r#"{{"id": "x", "requester": "dev@corp.com", "account": "111111111111", "permission_set": "A"{rest}}}"#
        )
    };
    let good = r#"{"ResourceType": "Account", "Resource": "*", "PermissionSet": "*"}"#;
    for (text, expected) in [
        ("nonsense".to_owned(), r"null bad-syntax"),
        (r#"{"id": "x", "requester": "#.to_owned(), r#""x" bad-syntax"#),
        (r#"{"id": "x"} trailing"#.to_owned(), r#""x" bad-syntax"#),
        ("[1]".to_owned(), "null bad-type"),
        (r#"{"id": "x"}"#.to_owned(), r#""x" missing-field"#),
        (r#"{"id": "x", "requester": "dev@corp.com"}"#.to_owned(), r#""x" missing-field"#),
        (r#"{"id": "x", "requester": "dev@corp.com", "account": "111111111111"}"#.to_owned(), r#""x" missing-field"#),
        (r#"{"id": "x", "requester": null, "account": "111111111111", "permission_set": "A"}"#.to_owned(), r#""x" missing-field"#),
        (r#"{"id": "x", "requester": "dev", "account": "111111111111", "permission_set": "A"}"#.to_owned(), r#""x" bad-email"#),
        (r#"{"id": "x", "requester": "dev@corp.com", "account": 111111111111, "permission_set": "A"}"#.to_owned(), r#""x" bad-type"#),
        (line(r#", "group": "99999999-8888-7777-6666-555555555555""#), r#""x" bad-case"#),
        (line(r#", "click": "nobody""#), r#""x" bad-email"#),
        (line(r#", "statments": []"#), r#""x" unknown-field"#),
        (line(r#", "id": "y""#), r#""x" duplicate-key"#),
        (line(r#", "statements": {}"#), r#""x" bad-type"#),
        (line(r#", "statements": null"#), r#""x" bad-type"#),
        (line(&format!(r#", "statements": [{good}, {{"Resource": "*"}}]"#)), r#""x" missing-field"#),
        (
            line(r#", "statements": [{"ResourceType": "Account", "Resource": "*", "PermissionSet": "Read*", "Approvers": "bob"}]"#),
            r#""x" bad-permission-set"#,
        ),
        (line(r#", "group_statements": [{"Resource": "*"}]"#), r#""x" bad-resource"#),
    ] {
        assert_eq!(code(&text), expected, "{text}");
    }
    let without_rules = cases::answer(&line(""), None, None, noon());
    assert!(without_rules.is_failure());
}

#[test]
fn every_problem_of_a_line_is_listed() {
    let line = r#"{"id": "x", "requester": "dev", "account": "111111111111", "permission_set": "A", "colour": 1, "statements": [{"ResourceType": "OU", "Resource": "111111111111", "PermissionSet": "a b"}]}"#;
    let answer = serde_json::to_value(cases::answer(line, None, None, noon())).unwrap();
    let codes: Vec<&str> = answer["error"]["errors"]
        .as_array()
        .unwrap()
        .iter()
        .map(|e| e["code"].as_str().unwrap())
        .collect();
    assert_eq!(
        codes,
        [
            "bad-email",
            "unknown-field",
            "bad-resource",
            "bad-permission-set"
        ]
    );
}

fn with_facts(requester: &str, account: &str, set: &str, rest: &str) -> String {
    let rules = statements(
        r#"{"ResourceType": "Account", "Resource": "*", "PermissionSet": "*", "Approvers": ["bo@corp.com", "eve@corp.com"], "MaxDuration": "02:00"}"#,
    );
    let facts = directory();
    let line = format!(
        r#"{{"id": "x", "requester": "{requester}@corp.com", "account": "{account}", "permission_set": "{set}"{rest}}}"#
    );
    let answer =
        serde_json::to_value(cases::answer(&line, Some(&rules), Some(&facts), noon())).unwrap();
    let permit = answer
        .get("permit")
        .map(ToString::to_string)
        .unwrap_or_default();
    format!("{} {permit}", answer["decision"].as_str().unwrap())
        .trim_end()
        .to_owned()
}

#[test]
fn facts_make_targets_and_people_real() {
    for (requester, account, set, rest, expected) in [
        ("ana", "100000000001", "Admin", "", "RequiresApproval"),
        ("ana", "payments-prod", "Admin", "", "RequiresApproval"),
        ("ana", "100000000004", "Admin", "", "Invalid"),
        ("ana", "999999999999", "Admin", "", "Invalid"),
        ("ana", "100000000001", "admin", "", "Invalid"),
        ("who", "100000000001", "Admin", "", "Invalid"),
        ("eve", "100000000001", "Admin", "", "Invalid"),
        ("twin", "100000000001", "Admin", "", "Invalid"),
        (
            "ana",
            "100000000001",
            "Admin",
            r#", "click": "bo@corp.com""#,
            "RequiresApproval true",
        ),
        (
            "ana",
            "100000000001",
            "Admin",
            r#", "click": "eve@corp.com""#,
            "RequiresApproval false",
        ),
        (
            "ana",
            "100000000001",
            "Admin",
            r#", "for": "2h""#,
            "RequiresApproval",
        ),
        (
            "ana",
            "100000000001",
            "Admin",
            r#", "for": "2h1m""#,
            "Invalid",
        ),
        (
            "ana",
            "100000000001",
            "Admin",
            r#", "reason": " ""#,
            "Invalid",
        ),
    ] {
        assert_eq!(
            with_facts(requester, account, set, rest),
            expected,
            "{requester} {account} {set} {rest}"
        );
    }
}

#[test]
fn blank_lines_are_skipped_and_order_is_kept() {
    let rules = statements("");
    let text = "\n{\"id\": 1}\r\n   \n\t\n{\"id\": 2}\nx\n";
    let ids: Vec<String> = cases::answers(text, Some(&rules), None, Timestamp::UNIX_EPOCH)
        .map(|answer| serde_json::to_value(answer).unwrap()["id"].to_string())
        .collect();
    assert_eq!(ids, ["1", "2", "null"]);
}

#[test]
fn a_duration_over_the_limit_is_invalid_with_its_reason() {
    let rules = statements(
        r#"{"Id": "long", "ResourceType": "Account", "Resource": "*", "PermissionSet": "*", "Approvers": ["bo@corp.com", "cai@corp.com"], "MaxDuration": "08:00"},
           {"Id": "short", "ResourceType": "Account", "Resource": "*", "PermissionSet": "Admin", "MaxDuration": "01:30"},
           {"Id": "others", "ResourceType": "Account", "Resource": "*", "PermissionSet": "Admin", "MaxDuration": "00:10", "AllowedUsers": "cai@corp.com"}"#,
    );
    let ask = |rest: &str| {
        let line = format!(
            r#"{{"id": 1, "requester": "ana@corp.com", "account": "111111111111", "permission_set": "Admin"{rest}}}"#
        );
        answer(&line, Some(&rules))
    };
    let allowed = r#"{"id":1,"decision":"RequiresApproval","approvers":["bo@corp.com","cai@corp.com"],"because":["long","short"]}"#;
    for fits in [
        "",
        r#", "duration": "90m""#,
        r#", "duration": "1h30m""#,
        r#", "duration": "01:30""#,
        r#", "for": "1h 30m""#,
        r#", "duration_seconds": 5400"#,
        r#", "duration_seconds": null, "for": null"#,
    ] {
        assert_eq!(ask(fits), allowed, "{fits}");
    }
    for (field, value, shown) in [
        ("duration", "\"91m\"", "1h 31m"),
        ("duration", "\"02:00\"", "2h"),
        ("for", "\"1d\"", "1d"),
        ("duration_seconds", "5401", "1h 30m 1s"),
        ("duration_seconds", "18446744073709551615", "36525d"),
    ] {
        assert_eq!(
            ask(&format!(r#", "{field}": {value}"#)),
            format!(
                r#"{{"id":1,"decision":"Invalid","approvers":[],"because":["short"],"invalid":[{{"field":"{field}","message":"`{shown}` is longer than rule `short` allows, `1h 30m`"}}]}}"#
            ),
            "{value}"
        );
    }
    assert_eq!(
        ask(r#", "duration_seconds": 0"#),
        r#"{"id":1,"decision":"Invalid","approvers":[],"because":[],"invalid":[{"field":"duration_seconds","message":"is no time at all"}]}"#
    );
    for (rest, expected) in [
        (r#", "duration": "two hours""#, "bad-duration"),
        (r#", "duration": 5400"#, "bad-type"),
        (r#", "duration_seconds": "5400""#, "bad-duration"),
        (r#", "duration_seconds": 1.5"#, "bad-duration"),
        (r#", "duration_seconds": -1"#, "bad-duration"),
        (r#", "duration_seconds": 1e3"#, "bad-duration"),
        (r#", "duration_seconds": 60, "for": "1m""#, "bad-case"),
        (r#", "duration": "1m", "for": "1m""#, "bad-case"),
    ] {
        let answer: serde_json::Value = serde_json::from_str(&ask(rest)).unwrap();
        assert_eq!(answer["error"]["code"], expected, "{rest}");
    }
}

#[test]
fn reasons_and_tickets_that_do_not_fit_name_their_rules() {
    let rules = crate::world::rules(
        "r.toml",
        "[[rule]]\nid = 'words'\naccounts = '*'\npermission_sets = '*'\napprovers = ['bo@corp.com', 'cai@corp.com']\n\
         reason_pattern = '.{10}'\n[[rule]]\nid = 'tickets'\naccounts = '*'\npermission_sets = '*'\nticket_pattern = 'OPS'\n",
    );
    let line = r#"{"id": 1, "requester": "ana@corp.com", "account": "111111111111", "permission_set": "Admin", "reason": "why", "ticket": "none"}"#;
    assert_eq!(
        answer(line, Some(&rules)),
        r#"{"id":1,"decision":"Invalid","approvers":[],"because":["tickets","words"],"invalid":[{"field":"reason","message":"rule `words` wants `.{10}`"},{"field":"ticket","message":"rule `tickets` wants `OPS`"}]}"#
    );
}

#[test]
fn ids_come_back_as_they_came() {
    let rules = statements("");
    for (id, back) in [
        ("1", "1"),
        ("-7", "-7"),
        ("1.5", "1.5"),
        ("18446744073709551615", "18446744073709551615"),
        // numbers beyond 64 bits keep their digits
        ("12345678901234567890123", "\"12345678901234567890123\""),
        (
            "0.1000000000000000055511151231257827",
            "\"0.1000000000000000055511151231257827\"",
        ),
        ("\"x\"", "\"x\""),
    ] {
        let line = format!(
            r#"{{"id": {id}, "requester": "ana@corp.com", "account": "111111111111", "permission_set": "Admin"}}"#
        );
        let answer = answer(&line, Some(&rules));
        assert!(
            answer.starts_with(&format!(r#"{{"id":{back},"#)),
            "{id}: {answer}"
        );
    }
}
