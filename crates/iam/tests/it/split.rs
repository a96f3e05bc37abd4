//! Split policies: parts fit, and decide like the whole (`policies.md` §5, §15.9).

use std::sync::Arc;

use hallpass_iam::size::{AttachmentPoint, CannotSplit, agree, measure, split};
use hallpass_iam::{Context, Layers, Policy, PolicyType, Request, decide};
use proptest::prelude::*;
use proptest::sample::{select, subsequence};
use serde_json::{Value, json};

const ACTIONS: [&str; 6] = [
    "s3:GetObject",
    "s3:Put*",
    "sqs:*",
    "sqs:SendMessage",
    "iam:PassRole",
    "*",
];
const RESOURCES: [&str; 4] = [
    "*",
    "arn:aws:s3:::a/*",
    "arn:aws:s3:::b/*",
    "arn:aws:sqs:*:*:q*",
];
const VALUES: [&str; 4] = ["a", "b", "c*", "d"];
const OPERATORS: [&str; 8] = [
    "StringEquals",
    "StringLike",
    "StringNotEquals",
    "StringNotLike",
    "StringEqualsIfExists",
    "ForAnyValue:StringLike",
    "ForAllValues:StringLike",
    "ForAllValues:StringNotEquals",
];
const KEYS: [&str; 2] = ["aws:PrincipalTag/team", "aws:TagKeys"];

fn statement() -> impl Strategy<Value = Value> {
    let condition = (
        select(&OPERATORS[..]),
        select(&KEYS[..]),
        subsequence(&VALUES[..], 1..4),
    );
    (
        select(vec!["Allow", "Deny"]),
        any::<(bool, bool)>(),
        subsequence(&ACTIONS[..], 1..6),
        subsequence(&RESOURCES[..], 1..4),
        prop::collection::vec(condition, 0..3),
        "[a-z]{0,9}",
    )
        .prop_map(
            |(effect, (not_action, not_resource), actions, resources, conditions, sid)| {
                let mut statement = json!({"Sid": format!("S{sid}"), "Effect": effect});
                statement[if not_action { "NotAction" } else { "Action" }] = json!(actions);
                statement[if not_resource {
                    "NotResource"
                } else {
                    "Resource"
                }] = json!(resources);
                for (operator, key, values) in conditions {
                    statement["Condition"][operator][key] = json!(values);
                }
                statement
            },
        )
}

fn context() -> impl Strategy<Value = Context> {
    let values = ["a", "b", "cx", "e"];
    (
        proptest::option::of(select(values.to_vec())),
        proptest::option::of(subsequence(values.to_vec(), 0..4)),
    )
        .prop_map(|(team, tags)| {
            let mut context = Context::new();
            if let Some(team) = team {
                context = context.with("aws:PrincipalTag/team", team);
            }
            match tags {
                Some(tags) => context.with_list("aws:TagKeys", tags),
                None => context,
            }
        })
}

fn layers<T: AsRef<str>>(texts: &[T], scp: bool) -> Layers {
    let kind = if scp {
        PolicyType::Scp
    } else {
        PolicyType::Identity
    };
    let read = |text: &str, kind| Arc::new(Policy::parse(text, kind).unwrap());
    let policies = texts.iter().map(|it| read(it.as_ref(), kind)).collect();
    let all =
        r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"*","Resource":"*"}}"#;
    if scp {
        Layers {
            scps: vec![policies],
            identity: vec![read(all, PolicyType::Identity)],
            ..Layers::default()
        }
    } else {
        Layers {
            identity: policies,
            ..Layers::default()
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(150))]
    #[test]
    fn parts_decide_like_the_whole(
        statements in prop::collection::vec(statement(), 1..5),
        limit in 180_usize..700,
        scp: bool,
        action in select(vec!["s3:GetObject", "s3:PutObject", "sqs:SendMessage", "iam:PassRole", "x:Y"]),
        resource in select(vec!["*", "arn:aws:s3:::a/1", "arn:aws:s3:::b/1", "arn:aws:sqs:eu-west-1:111122223333:q1"]),
        contexts in prop::collection::vec(context(), 1..6),
    ) {
        let text = json!({"Version": "2012-10-17", "Statement": statements}).to_string();
        let place = if scp { AttachmentPoint::Scp } else { AttachmentPoint::Managed };
        let parts = match split(&text, place, Some(limit)) {
            Ok(parts) => parts,
            Err(CannotSplit::Whole { .. }) => return Ok(()),
            Err(error) => panic!("{error}"),
        };
        for part in &parts {
            prop_assert!(measure(part, place, Some(limit)).used <= limit, "{part}");
        }
        let tried = agree(&text, &parts, place.kind());
        prop_assert!(tried.as_ref().is_ok_and(|it| *it > 0), "{tried:?}");
        let (whole, many) = (layers(&[&text], scp), layers(&parts, scp));
        for context in contexts {
            let principal = "arn:aws:iam::111122223333:user/mara";
            let request = Request::new(principal, action, resource, context).unwrap();
            prop_assert_eq!(decide(&whole, &request), decide(&many, &request), "{:?}", parts);
        }
    }
}

fn sids(parts: &[String]) -> Vec<String> {
    let read = |part: &String| serde_json::from_str::<Value>(part).unwrap();
    let sids = |part: &Value| {
        let list = part["Statement"].as_array().unwrap().clone();
        list.into_iter()
            .map(|it| it["Sid"].as_str().unwrap().to_owned())
    };
    parts
        .iter()
        .map(read)
        .flat_map(|it| sids(&it).collect::<Vec<_>>())
        .collect()
}

#[test]
fn a_deny_with_many_users_is_split_by_its_values() {
    let users: Vec<String> = (0..500)
        .map(|n| format!("906752b26f-44c8f4e8-80f1-7091-a200-{n:012}"))
        .collect();
    let policy = json!({"Version": "2012-10-17", "Statement": [{
        "Sid": "RevokeUserId", "Effect": "Deny", "Action": "*", "Resource": "*",
        "Condition": {"StringEquals": {"identitystore:UserId": users}},
    }]});
    let parts = split(&policy.to_string(), AttachmentPoint::Scp, None).unwrap();
    assert_eq!(parts.len(), 3);
    assert_eq!(
        sids(&parts),
        ["RevokeUserId1", "RevokeUserId2", "RevokeUserId3"]
    );
    assert!(agree(&policy.to_string(), &parts, PolicyType::Scp).is_ok_and(|it| it > 500));
    let text = policy
        .to_string()
        .replace("StringEquals", "StringNotEquals");
    assert!(matches!(
        split(&text, AttachmentPoint::Scp, None),
        Err(CannotSplit::Whole { .. })
    ));
    let text = text.replace("StringNotEquals", "ForAllValues:StringEquals");
    assert!(matches!(
        split(&text, AttachmentPoint::Scp, None),
        Err(CannotSplit::Whole { .. })
    ));
}

#[test]
fn what_fits_stays_one_policy_and_is_minified() {
    let text = "{\n  \"Version\": \"2012-10-17\",\n  \"Statement\": {\"Effect\": \"Deny\", \"Action\": \"s3:*\", \"Resource\": \"*\"}\n}\n";
    let parts = split(text, AttachmentPoint::Scp, None).unwrap();
    assert_eq!(
        parts,
        [
            r#"{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Action":"s3:*","Resource":"*"}]}"#
        ]
    );
    assert!(matches!(
        split("{}", AttachmentPoint::Scp, None),
        Err(CannotSplit::Unreadable(_))
    ));
    assert!(matches!(
        split("x", AttachmentPoint::Scp, None),
        Err(CannotSplit::Unreadable(_))
    ));
}

/// A numbered Sid must not equal the Sid of another statement.
#[test]
fn sids_of_parts_are_told_apart() {
    let actions: Vec<String> = (0..80).map(|n| format!("s3:Get{n}")).collect();
    let policy = json!({"Version": "2012-10-17", "Statement": [
        {"Sid": "A", "Effect": "Deny", "Action": actions, "Resource": "*"},
        {"Sid": "A1", "Effect": "Deny", "Action": "sqs:*", "Resource": "*"},
        {"Sid": "A3", "Effect": "Deny", "Action": "sns:*", "Resource": "*"},
    ]});
    let parts = split(&policy.to_string(), AttachmentPoint::Scp, Some(300)).unwrap();
    let found = sids(&parts);
    let distinct: std::collections::BTreeSet<&String> = found.iter().collect();
    assert!(
        found.len() > 4 && distinct.len() == found.len(),
        "{found:?}"
    );
    assert!(found.iter().any(|it| it == "A2"), "{found:?}");
}

/// With a duplicate statement list, the parts would contain only the last one.
#[test]
fn what_stands_twice_is_not_split() {
    let text = r#"{"Version": "2012-10-17",
        "Statement": [{"Effect": "Deny", "Action": "s3:*", "Resource": "*"}],
        "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}"#;
    let Err(CannotSplit::Unreadable(error)) = split(text, AttachmentPoint::Scp, None) else {
        panic!("split");
    };
    assert_eq!(error.code.as_str(), "E_DUP_KEY");
}

#[test]
fn parts_that_are_missing_something_are_noticed() {
    let whole = json!({"Version": "2012-10-17", "Statement": [
        {"Effect": "Deny", "Action": ["s3:Get*", "s3:Put*"], "Resource": "*"},
    ]});
    let part = json!({"Version": "2012-10-17", "Statement": [
        {"Effect": "Deny", "Action": ["s3:Get*"], "Resource": "*"},
    ]});
    let difference = agree(&whole.to_string(), &[part.to_string()], PolicyType::Scp).unwrap_err();
    assert_eq!(difference.action, "s3:Putx");
}
