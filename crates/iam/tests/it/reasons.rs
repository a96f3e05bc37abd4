//! Reasons for condition results in explanations (`policies.md` §4), and the matched part of a
//! caller.

use hallpass_iam::{Caller, CallerKind, CallerMatch};
use serde_json::{Value, json};

use crate::table_cells::{cells, context, explained};

fn first<'a>(value: &'a Value, key: &str) -> Option<&'a Value> {
    match value {
        Value::Object(map) => {
            let mut below = map.iter();
            below.find_map(|(name, it)| {
                if name == key {
                    Some(it)
                } else {
                    first(it, key)
                }
            })
        }
        Value::Array(list) => list.iter().find_map(|it| first(it, key)),
        _ => None,
    }
}

fn reason(operator: &str, value: &str, of: &str) -> String {
    let case = json!({
        "id": "row", "principal": "arn:aws:iam::111122223333:user/ana", "action": "s3:GetObject",
        "resource": "arn:aws:s3:::b/k", "context": context(of),
        "identityPolicies": [{"Version": "2012-10-17", "Statement": [{
            "Effect": "Allow", "Action": "s3:GetObject", "Resource": "*",
            "Condition": {operator: {"test:key": value}}}]}]
    });
    let answer = explained(&case);
    let condition = first(&answer, "conditions").unwrap_or_else(|| panic!("{answer}"));
    first(condition, "reason")
        .unwrap()
        .as_str()
        .unwrap()
        .to_owned()
}

#[test]
fn each_reason_is_given_where_it_is_one() {
    const ROWS: &str = "
        StringEquals | a | test:key=a | matched
        StringEquals | a | test:key=b | value-differs
        StringEquals | a | | key-absent
        StringNotEquals | a | | key-absent-negated
        StringEqualsIfExists | a | | if-exists-absent
        ForAnyValue:StringEquals | a | | set-empty
        ForAllValues:StringEquals | a | | set-empty
        StringEquals | a | test:key=[a,b] | multi-without-set
        StringEquals | ${test:other} | test:key=a | variable-unresolved
        StringEquals | ${test:other} | test:key=a test:other=a | matched
        StringEquals | ${test:other} | test:key=a test:other=b | value-differs
        StringNotEquals | ${test:other} | test:key=a | variable-unresolved
        StringNotEquals | ${test:other} | test:key=a test:other=b | matched
        ArnLike | arn:aws:s3:::${test:other} | test:key=arn:aws:s3:::b | variable-unresolved
        NumericEquals | 1 | test:key=x | not-a-number
        NumericEquals | 1 | test:key=2 | value-differs
        DateLessThan | 2026-01-01T00:00:00Z | test:key=x | not-a-date
        IpAddress | 192.0.2.0/24 | test:key=x | not-an-address
        IpAddress | 192.0.2.0/24 | test:key=198.51.100.1 | value-differs
        ArnEquals | arn:aws:s3:::b | test:key=x | not-an-arn
        Null | true | test:key=a | value-differs
        Null | false | | key-absent
        Null | true | | matched";
    for row in ROWS.lines().filter(|row| !row.trim().is_empty()) {
        let [operator, value, of, expected] = cells(row)[..] else {
            panic!("{row}");
        };
        assert_eq!(reason(operator, value, of), expected, "{row}");
    }
}

#[test]
fn a_caller_is_read_whole_or_not_at_all() {
    for (text, kind) in [
        ("arn:aws:iam::111122223333:user/ana", Some(CallerKind::User)),
        ("arn:aws:iam::111122223333:root", Some(CallerKind::Root)),
        ("arn:aws:iam::11112222333:user/ana", None),
        ("arn:aws:iam::1111222233334:user/ana", None),
        ("arn:aws:iam::11112222333x:user/ana", None),
        ("arn:aws:iam:::user/ana", None),
        ("arn:aws:iam::111122223333:user/", None),
        ("arn:aws:sts::111122223333:assumed-role/Dev/", None),
        ("arn:aws:sts::111122223333:assumed-role//mara", None),
    ] {
        assert_eq!(Caller::parse(text).map(|it| it.kind()), kind, "{text}");
    }
    for (found, word) in [
        (CallerMatch::Not, "none"),
        (CallerMatch::Account, "account"),
        (CallerMatch::Role, "role"),
        (CallerMatch::Everyone, "direct"),
        (CallerMatch::Exactly, "direct"),
    ] {
        assert_eq!(found.as_str(), word);
    }
}
