//! Compares the proofs about a role's policies with the engine.

use std::sync::Arc;

use hallpass_iam::facts;
use hallpass_iam::powers::{NamedPolicy, Power, Powers, RolePolicies};
use hallpass_iam::{Context, Decision, Layers, Policy, PolicyType, Request, decide};
use proptest::prelude::*;
use proptest::sample::select;
use serde_json::{Value, json};

const ROLE: &str = "arn:aws:iam::111122223333:role/r";

const CALLS: [(&str, &[&str]); 5] = [
    (
        "iam:CreateAccessKey",
        &[
            "arn:aws:iam::111122223333:user/ann",
            "arn:aws:iam::111122223333:user/bob",
        ],
    ),
    (
        "sqs:SendMessage",
        &[
            "arn:aws:sqs:eu-west-1:111122223333:orders",
            "arn:aws:sqs:eu-west-1:111122223333:payments",
        ],
    ),
    (
        "sqs:ListQueues",
        &["*", "arn:aws:sqs:eu-west-1:111122223333:orders"],
    ),
    (
        "eks:CreateCluster",
        &["*", "arn:aws:eks:eu-west-1:111122223333:cluster/x"],
    ),
    ("s3:GetObject", &["arn:aws:s3:::logs/a"]),
];
const ACTIONS: [&str; 6] = [
    "*",
    "iam:*AccessKey*",
    "sqs:*",
    "sqs:Send*",
    "eks:*",
    "s3:Get*",
];
const RESOURCES: [&str; 9] = [
    "*",
    "arn:aws:iam::*:user/${aws:username}",
    "arn:aws:iam::*:user/${aws:username, 'bob'}",
    "arn:aws:iam::*:user/${aws:PrincipalTag/team}",
    "arn:aws:iam::*:user/ann",
    "arn:aws:sqs:*:*:orders",
    "arn:aws:sqs:*",
    "arn:aws:eks:*:*:cluster/*",
    "arn:aws:s3:::logs/*",
];

fn powers(texts: &[String], boundary: Option<&String>) -> Powers {
    let named = |text: &String| NamedPolicy {
        name: "p".to_owned(),
        text: text.clone(),
    };
    let role = RolePolicies {
        arn: ROLE.to_owned(),
        identity: texts.iter().map(named).collect(),
        boundary: boundary.map(named),
    };
    Powers::read(&role).unwrap()
}

fn policy(statements: &[Value]) -> String {
    json!({"Version": "2012-10-17", "Statement": statements}).to_string()
}

/// A role has no user name, and `NotResource` with it makes a statement void (`policies.md` §2.3).
#[test]
fn a_statement_that_is_void_for_a_role_neither_takes_nor_gives() {
    let all = json!({"Effect": "Allow", "Action": "iam:CreateAccessKey", "Resource": "*"});
    let but = |effect: &str, user: &str| {
        json!({"Effect": effect, "Action": "iam:*AccessKey*",
            "NotResource": format!("arn:aws:iam::*:user/{user}")})
    };
    for (statements, expected) in [
        (vec![all.clone()], Power::Surely),
        (
            vec![all.clone(), but("Deny", "${aws:username}")],
            Power::Surely,
        ),
        (
            vec![all.clone(), but("Deny", "${AWS:UserName}")],
            Power::Surely,
        ),
        (
            vec![all, but("Deny", "${aws:username, 'bob'}")],
            Power::Perhaps,
        ),
        (vec![but("Allow", "${aws:username}")], Power::Never),
        (vec![but("Allow", "bob")], Power::Surely),
    ] {
        let text = policy(&statements);
        let action = facts::action("iam:CreateAccessKey").unwrap();
        let found = powers(std::slice::from_ref(&text), None).of(action);
        assert_eq!(found.power, expected, "{text}");
    }
}

fn statement() -> impl Strategy<Value = Value> {
    let conditions = [
        json!({}),
        json!({"StringEquals": {"aws:PrincipalTag/team": "ann"}}),
        json!({"ArnLike": {"aws:PrincipalArn": "arn:aws:iam::*:role/r"}}),
        json!({"ArnNotLike": {"aws:PrincipalArn": "arn:aws:iam::*:role/r"}}),
        json!({"StringNotEquals": {"aws:username": "ann"}}),
    ];
    (
        select(vec!["Allow", "Allow", "Deny"]),
        select(vec!["Action", "Action", "NotAction"]),
        select(&ACTIONS[..]),
        select(vec!["Resource", "Resource", "NotResource"]),
        prop::collection::vec(select(&RESOURCES[..]), 1..3),
        select(conditions.to_vec()),
    )
        .prop_map(|(effect, action, pattern, resource, resources, condition)| {
            json!({"Effect": effect, action: pattern, resource: resources, "Condition": condition})
        })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]
    /// The engine allows no request that is proved impossible.
    #[test]
    fn never_is_never(
        statements in prop::collection::vec(statement(), 1..5),
        limits in proptest::option::of(prop::collection::vec(statement(), 1..3)),
        team in proptest::option::of(select(vec!["ann", "bob"])),
    ) {
        let (text, limits) = (policy(&statements), limits.map(|it| policy(&it)));
        let powers = powers(std::slice::from_ref(&text), limits.as_ref());
        let read = |text: &str, kind| Arc::new(Policy::parse(text, kind).unwrap());
        let layers = Layers {
            identity: vec![read(&text, PolicyType::Identity)],
            boundary: limits.as_deref().map(|it| read(it, PolicyType::Boundary)),
            ..Layers::default()
        };
        for (name, resources) in CALLS {
            let action = facts::action(name).unwrap();
            for resource in resources {
                let mut context = Context::new();
                if let Some(team) = team {
                    context = context.with("aws:PrincipalTag/team", team);
                }
                let mut request = Request::new(ROLE, name, resource, context).unwrap();
                request.derive_keys();
                if decide(&layers, &request) != Decision::Allowed {
                    continue;
                }
                prop_assert!(powers.of(action).power != Power::Never, "{name} on {resource}: {text} {limits:?}");
                prop_assert!(
                    *resource == "*" || powers.on(action, resource).power != Power::Never,
                    "{name} on that {resource}: {text} {limits:?}"
                );
            }
        }
    }
}
