//! Random policies and logs (`inventory.md` H-32, H-33): every logged success still works, nothing
//! new is allowed, and no kept statement is superfluous. Checked by the engine with whole policies
//! and requests.

use std::collections::BTreeSet;
use std::sync::Arc;

use hallpass_activity::{
    EventActions, KeptReason, PolicyText, ReplayVerdict, ResourceGrain, SeenUse, ShrinkGrain,
    UnseenKept, event_actions,
};
use hallpass_iam::facts::ActionFacts;
use hallpass_iam::{Context, Decision, Layers, Policy, PolicyType, Request, decide};
use proptest::prelude::*;
use proptest::sample::{select, subsequence};
use serde_json::{Value, json};

use crate::shrink::{ACCOUNT, Asked, called, holding, policy};

const ACTIONS: [&str; 18] = [
    "*",
    "s3:*",
    "s3:Get*",
    "s3:ListAllMyBuckets",
    "s3:PutBucketPolicy",
    "s3:*Bucket*",
    "ec2:*",
    "ec2:Describe*",
    "ec2:RunInstances",
    "ec2:*Instances",
    "lambda:*",
    "lambda:InvokeFunction",
    "lambda:DeleteFunction",
    "iam:PassRole",
    "kms:*",
    "sqs:SendMessage",
    "ec2:NewerThanTheFacts",
    "ec2:Create*",
];
const RESOURCES: [&str; 8] = [
    "*",
    "arn:aws:s3:::team-*",
    "arn:aws:s3:::team-a",
    "arn:aws:s3:::team-a/*",
    "arn:aws:s3:::${aws:PrincipalTag/team}",
    "arn:aws:lambda:*:*:function:team-*",
    "arn:aws:ec2:*:*:instance/*",
    "arn:aws:kms:*:111122223333:key/*",
];
const EVENTS: [(&str, &[&str]); 15] = [
    ("s3:ListBuckets", &[]),
    (
        "s3:GetBucketAcl",
        &["arn:aws:s3:::team-a", "arn:aws:s3:::other"],
    ),
    (
        "s3:PutBucketPolicy",
        &["arn:aws:s3:::team-a", "arn:aws:s3:::team-b"],
    ),
    (
        "s3:GetObject",
        &["arn:aws:s3:::team-a/x", "arn:aws:s3:::other/y"],
    ),
    ("s3:CopyObject", &["arn:aws:s3:::team-a/x"]),
    ("ec2:DescribeInstances", &[]),
    (
        "ec2:RunInstances",
        &["arn:aws:ec2:eu-west-1:111122223333:instance/i-1"],
    ),
    ("ec2:CreateVolume", &[]),
    ("ec2:NoSuchThing", &[]),
    (
        "lambda:DeleteFunction20150331",
        &[
            "arn:aws:lambda:eu-west-1:111122223333:function:team-x",
            "arn:aws:lambda:eu-west-1:111122223333:function:y",
        ],
    ),
    (
        "lambda:Invoke",
        &["arn:aws:lambda:eu-west-1:111122223333:function:team-x"],
    ),
    (
        "kms:Decrypt",
        &[
            "arn:aws:kms:eu-west-1:111122223333:key/1",
            "arn:aws:kms:eu-west-1:444455556666:key/2",
        ],
    ),
    ("kms:CreateKey", &[]),
    ("signin:ConsoleLogin", &[]),
    ("sqs:SendMessageBatch", &[]),
];
const REGIONS: [&str; 2] = ["eu-west-1", "us-east-1"];

fn condition() -> impl Strategy<Value = Option<Value>> {
    prop_oneof![
        6 => Just(None),
        1 => Just(Some(json!({"StringEquals": {"aws:RequestedRegion": "eu-west-1"}}))),
        1 => Just(Some(json!({"Bool": {"aws:MultiFactorAuthPresent": "true"}}))),
        1 => Just(Some(json!({"StringEquals": {"aws:PrincipalTag/team": "team-a"}, "Bool": {"aws:MultiFactorAuthPresent": "true"}}))),
        1 => Just(Some(json!({"StringNotEquals": {"aws:RequestedRegion": ["us-east-1"]}}))),
    ]
}

fn statement() -> impl Strategy<Value = Value> {
    let actions = subsequence(ACTIONS.to_vec(), 1..4);
    let resources = prop_oneof![3 => Just(vec!["*"]), 2 => subsequence(RESOURCES.to_vec(), 1..3)];
    (actions, resources, condition(), 0..5_u8, 0..8_u8, 0..8_u8).prop_map(
        |(actions, resources, condition, effect, not_action, not_resource)| {
            let mut made = json!({"Effect": if effect == 0 { "Deny" } else { "Allow" }});
            let all = actions.contains(&"*");
            let not = |is: bool, name: &str| format!("{}{name}", if is { "Not" } else { "" });
            made[not(not_action == 0 && !all, "Action")] = json!(actions);
            let everywhere = resources.contains(&"*");
            made[not(not_resource == 0 && !everywhere, "Resource")] = json!(resources);
            if let Some(condition) = condition {
                made["Condition"] = condition;
            }
            made
        },
    )
}

fn seen() -> impl Strategy<Value = SeenUse> {
    (
        select(&EVENTS[..]),
        any::<prop::sample::Index>(),
        0..4_u8,
        select(&REGIONS[..]),
        0..8_u8,
        select(vec!["ana", "bo"]),
        1..9_u64,
    )
        .prop_map(
            |((name, arns), which, told, region, error, person, events)| {
                let arns: Vec<&str> = if told == 0 || arns.is_empty() {
                    Vec::new()
                } else {
                    vec![*which.get(arns)]
                };
                let mut made = called(name, &arns);
                region.clone_into(&mut made.call.region);
                person.clone_into(&mut made.call.person);
                made.events = events;
                made.call.error_code = match error {
                    0 => Some("AccessDenied".to_owned()),
                    1 => Some("ValidationError".to_owned()),
                    _ => None,
                };
                made
            },
        )
}

fn asked() -> impl Strategy<Value = Asked> {
    let policies = prop::collection::vec(prop::collection::vec(statement(), 1..4), 1..3);
    let uses = prop::collection::vec(seen(), 0..9);
    let grain = select(vec![
        ShrinkGrain::Service,
        ShrinkGrain::Level,
        ShrinkGrain::Action,
    ]);
    let resources = select(vec![
        ResourceGrain::Any,
        ResourceGrain::Prefix,
        ResourceGrain::Exact,
    ]);
    let unseen = select(vec![
        UnseenKept::All,
        UnseenKept::OfUsedServices,
        UnseenKept::None,
    ]);
    (
        policies,
        uses,
        grain,
        resources,
        unseen,
        any::<bool>(),
        0..4_u8,
    )
        .prop_map(
            |(policies, uses, grain, resources, unseen, has_data, boundary)| Asked {
                policies: policies.iter().map(|it| policy(&json!(it))).collect(),
                uses,
                grain,
                resources,
                unseen,
                data_events: BTreeSet::from(
                    ["s3".to_owned()].map(|it| if has_data { it } else { String::new() }),
                ),
                boundary: (boundary == 0).then(|| {
                    policy(
                        &json!([{"Effect": "Allow", "Action": ["s3:*", "ec2:*"], "Resource": "*"}]),
                    )
                }),
            },
        )
}

/// The resource policy names the account, so that the identity decides.
fn layers(identity: &[PolicyText], boundary: Option<&PolicyText>) -> Layers {
    let parsed = |it: &PolicyText, kind| Arc::new(Policy::parse(&it.text, kind).unwrap());
    let beside = json!({"Version": "2012-10-17", "Statement": {"Effect": "Allow",
        "Principal": {"AWS": format!("arn:aws:iam::{ACCOUNT}:root")}, "Action": "*", "Resource": "*"}});
    Layers {
        identity: identity
            .iter()
            .map(|it| parsed(it, PolicyType::Identity))
            .collect(),
        boundary: boundary.map(|it| parsed(it, PolicyType::Boundary)),
        resource: Some(Arc::new(
            Policy::parse(&beside.to_string(), PolicyType::Resource).unwrap(),
        )),
        ..Layers::default()
    }
}

fn contexts(region: &str) -> Vec<Context> {
    let plain = Context::new().with("aws:RequestedRegion", region);
    let teams = [None, Some("team-a"), Some("x")];
    let of_team = |team: Option<&str>| match team {
        Some(team) => plain.clone().with("aws:PrincipalTag/team", team),
        None => plain.clone(),
    };
    let all = teams.iter().copied().map(of_team);
    all.flat_map(|it| {
        [
            it.clone(),
            it.clone().with("aws:MultiFactorAuthPresent", "true"),
            it.with("aws:MultiFactorAuthPresent", "false"),
        ]
    })
    .collect()
}

fn resources() -> impl Iterator<Item = &'static str> {
    EVENTS
        .iter()
        .flat_map(|(_, arns)| arns.iter().copied())
        .chain([
            "*",
            "arn:aws:s3:::team-a",
            "arn:aws:sqs:eu-west-1:111122223333:q",
        ])
}

fn request(action: &str, resource: &str, context: &Context) -> Request {
    let principal = format!("arn:aws:sts::{ACCOUNT}:assumed-role/x/ana");
    Request::new(&principal, action, resource, context.clone()).unwrap()
}

/// Returns possible resources of a call: named ones of a single-type action, else any.
fn candidates(it: &SeenUse, action: &ActionFacts) -> Vec<String> {
    let named = it
        .call
        .resources
        .iter()
        .flatten()
        .filter(|_| action.resource_types.len() == 1 || action.service == "s3");
    let named: Vec<String> = named
        .filter(|it| hallpass_iam::facts::resource_type_of(action, it).is_some())
        .cloned()
        .collect();
    if named.is_empty() {
        resources().map(str::to_owned).collect()
    } else {
        named
    }
}

fn all_statements(policy: &Value) -> Vec<Value> {
    policy["Statement"].as_array().unwrap().clone()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(hallpass_base::testing::cases(16, 480)))]

    #[test]
    fn whatever_a_log_does_not_tell_every_logged_call_goes_on_and_nothing_is_allowed_anew(asked in asked()) {
        let shrunk = asked.shrink();
        prop_assert_eq!(shrunk.proof.events(ReplayVerdict::WouldBreak), 0);
        let old = layers(&asked.policies, asked.boundary.as_ref());
        let new = match &shrunk.policy {
            Some(it) => layers(&[PolicyText { name: "new".to_owned(), text: it.to_string() }], asked.boundary.as_ref()),
            None => layers(&[], asked.boundary.as_ref()),
        };
        for it in &asked.uses {
            let EventActions::All(actions) = event_actions(&it.call.service, &it.call.event) else { continue };
            let refused = it.call.error_code.as_deref() == Some("AccessDenied");
            for action in actions.iter().filter(|_| !refused) {
                for resource in candidates(it, action) {
                    for context in contexts(&it.call.region) {
                        let request = request(&action.full_name(), &resource, &context);
                        if decide(&old, &request) == Decision::Allowed {
                            prop_assert_eq!(decide(&new, &request), Decision::Allowed, "{:?} on {} with {:?}: {:?}", it.call, resource, context, shrunk.policy);
                        }
                    }
                }
            }
        }
        let others = ["ec2:TerminateInstances", "s3:GetObject", "iam:PassRole", "ec2:NewerThanTheFacts", "ec2:DescribeNewThings", "iam:CreateUser", "s3:PutBucketPolicy"];
        for action in others.iter().copied().chain(["s3:ListAllMyBuckets", "ec2:RunInstances", "lambda:InvokeFunction", "kms:Decrypt"]) {
            for resource in resources() {
                for context in REGIONS.iter().flat_map(|it| contexts(it)) {
                    let request = request(action, resource, &context);
                    if decide(&new, &request) == Decision::Allowed {
                        prop_assert_eq!(decide(&old, &request), Decision::Allowed, "{} on {} with {:?}: {:?}", action, resource, context, shrunk.policy);
                    }
                }
            }
        }
    }

    #[test]
    fn no_statement_that_was_kept_for_its_use_is_too_many(asked in asked()) {
        let shrunk = asked.shrink();
        let Some(policy) = &shrunk.policy else { return Ok(()) };
        let whole = all_statements(policy);
        prop_assert_eq!(whole.len(), shrunk.statements.len());
        let before = holding(&asked, &whole);
        for (at, it) in shrunk.statements.iter().enumerate() {
            let KeptReason::Used(parts) = &it.because else { continue };
            prop_assert!(!parts.is_empty());
            let mut left = whole.clone();
            left.remove(at);
            let after = holding(&asked, &left);
            prop_assert!(after.len() < before.len() || after != before, "{} may go from {}", it.statement, policy);
        }
    }
}
