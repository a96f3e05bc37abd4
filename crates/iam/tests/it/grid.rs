//! Batch evaluation gives the same answers as single evaluation.

use std::sync::Arc;

use hallpass_iam::{
    Caller, Context, Grid, GridCaller, GridResource, Layers, Policy, PolicyType, Request, decide,
};
use proptest::prelude::*;
use serde_json::{Value, json};

const ACTIONS: [&str; 8] = [
    "s3:GetObject",
    "s3:PutObject",
    "kms:Decrypt",
    "sts:AssumeRole",
    "iam:PutRolePolicy",
    "sts:GetCallerIdentity",
    "sts:GetSessionToken",
    "kms:RetireGrant",
];
const RESOURCES: [&str; 8] = [
    "*",
    "arn:aws:s3:::a/x",
    "arn:aws:s3:::b/y",
    "arn:aws:kms:eu-west-1:111111111111:key/1",
    "arn:aws:kms:eu-west-1:222222222222:key/2",
    "arn:aws:iam::111111111111:role/r",
    "arn:aws:iam::222222222222:role/r",
    "arn:aws:iam::111111111111:role/aws-reserved/z",
];
const CALLERS: [&str; 7] = [
    "arn:aws:iam::111111111111:user/u",
    "arn:aws:sts::111111111111:assumed-role/r/s",
    "arn:aws:iam::111111111111:role/r",
    "arn:aws:iam::111111111111:root",
    "lambda.amazonaws.com",
    "arn:aws:iam::111111111111:role/aws-service-role/x/r",
    "arn:aws:sts::111111111111:federated-user/f",
];

fn one_of(items: &'static [&'static str]) -> impl Strategy<Value = &'static str> {
    proptest::sample::select(items)
}

fn statement(principal: bool, resource: bool) -> impl Strategy<Value = Value> {
    (
        prop::bool::weighted(0.75),
        one_of(&["*", "s3:*", "s3:Get*", "kms:*", "sts:*", "iam:*"]),
        prop::bool::weighted(0.1),
        one_of(&[
            "*",
            "arn:aws:s3:::a/*",
            "arn:aws:kms:*:*:key/*",
            "arn:aws:*:role/r",
            "arn:aws:iam::*:role/*",
            "arn:aws:s3:::${aws:PrincipalTag/team}/*",
        ]),
        prop::bool::weighted(0.15),
        one_of(&[
            "*",
            "111111111111",
            "arn:aws:iam::111111111111:role/r",
            "arn:aws:iam::111111111111:user/u",
            "arn:aws:sts::111111111111:assumed-role/r/s",
        ]),
        prop::option::weighted(
            0.4,
            one_of(&[
                r#"{"StringEquals": {"aws:PrincipalTag/team": "a"}}"#,
                r#"{"ArnLike": {"aws:PrincipalArn": "arn:aws:iam::*:role/*"}}"#,
            ]),
        ),
    )
        .prop_map(
            move |(allow, action, not_action, target, not_target, who, condition)| {
                let mut statement = json!({"Effect": if allow { "Allow" } else { "Deny" }});
                statement[if not_action { "NotAction" } else { "Action" }] = json!(action);
                if resource {
                    statement[if not_target {
                        "NotResource"
                    } else {
                        "Resource"
                    }] = json!(target);
                }
                if principal {
                    statement["Principal"] = json!({"AWS": who});
                }
                if let Some(condition) = condition {
                    statement["Condition"] = serde_json::from_str(condition).unwrap();
                }
                statement
            },
        )
}

fn policy(kind: PolicyType) -> impl Strategy<Value = Arc<Policy>> {
    let principal = matches!(kind, PolicyType::Resource | PolicyType::Trust);
    prop::collection::vec(statement(principal, kind != PolicyType::Trust), 1..3).prop_map(
        move |statements| {
            let text = json!({"Version": "2012-10-17", "Statement": statements}).to_string();
            Arc::new(Policy::parse(&text, kind).unwrap())
        },
    )
}

fn rcp() -> impl Strategy<Value = Arc<Policy>> {
    one_of(&["s3:Put*", "kms:*"]).prop_map(|action| {
        let statement = json!({"Effect": "Deny", "Principal": "*", "Action": action,
            "Resource": "*", "Condition": {"StringNotEquals": {"aws:PrincipalTag/team": "a"}}});
        let text = json!({"Version": "2012-10-17", "Statement": statement}).to_string();
        Arc::new(Policy::parse(&text, PolicyType::Rcp).unwrap())
    })
}

fn resources() -> impl Strategy<Value = Vec<GridResource>> {
    RESOURCES
        .map(|arn| {
            let kind = if arn.contains(":role/") {
                PolicyType::Trust
            } else {
                PolicyType::Resource
            };
            (
                prop::option::of(policy(kind)),
                prop::option::weighted(0.3, rcp()),
                prop::option::weighted(0.3, Just("222222222222".to_owned())),
            )
                .prop_map(move |(policy, rcp, account)| GridResource {
                    arn: arn.to_owned(),
                    account,
                    policy,
                    rcps: rcp.into_iter().map(|it| vec![it]).collect(),
                })
                .boxed()
        })
        .to_vec()
}

fn caller() -> impl Strategy<Value = GridCaller> {
    (
        one_of(&CALLERS),
        prop::collection::vec(prop::collection::vec(policy(PolicyType::Scp), 0..3), 0..3),
        prop::option::of(policy(PolicyType::Boundary)),
        prop::option::weighted(0.3, policy(PolicyType::Session)),
        prop::collection::vec(policy(PolicyType::Identity), 0..3),
        prop::option::of(one_of(&["a", "b"])),
        prop::bool::weighted(0.2),
    )
        .prop_map(
            |(caller, scps, boundary, session, identity, team, management_account)| GridCaller {
                caller: Caller::parse(caller).unwrap(),
                layers: Layers {
                    scps,
                    boundary,
                    session: session.into_iter().collect(),
                    identity,
                    ..Layers::default()
                },
                context: team
                    .map_or_else(Context::new, |team| {
                        Context::new().with("aws:PrincipalTag/team", team)
                    })
                    .with("aws:PrincipalArn", "arn:aws:iam::111111111111:role/r"),
                management_account,
            },
        )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn the_grid_decides_as_single_questions(
        resources in resources(),
        callers in prop::collection::vec(caller(), 1..4),
    ) {
        let mut grid = Grid::new(&ACTIONS, resources.clone()).unwrap();
        for asking in &callers {
            let rows = grid.ask(asking);
            for (at, action) in ACTIONS.iter().enumerate() {
                for (place, resource) in resources.iter().enumerate() {
                    let mut request = Request::of(
                        asking.caller.clone(), action, &resource.arn, asking.context.clone(),
                    ).unwrap().management_account(asking.management_account);
                    if let Some(account) = &resource.account {
                        request = request.resource_account(account);
                    }
                    let layers = Layers {
                        resource: resource.policy.clone(),
                        rcps: resource.rcps.clone(),
                        ..asking.layers.clone()
                    };
                    let alone = decide(&layers, &request);
                    prop_assert_eq!(
                        rows.decision(at, place), alone,
                        "{} on {} by {}", action, resource.arn, asking.caller.as_str(),
                    );
                }
            }
        }
    }
}
