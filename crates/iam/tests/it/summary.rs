//! Policy summaries: tables of policies and expected lines, and properties of any text.

use hallpass_iam::PolicyType;
use hallpass_iam::summary::{RiskKind, Summary, known, summarize};
use proptest::prelude::*;
use serde_json::{Value, json};

fn policy(statements: &Value) -> String {
    json!({"Version": "2012-10-17", "Statement": statements}).to_string()
}

fn of(statements: &Value) -> Summary {
    summarize(&policy(statements), PolicyType::Identity).unwrap()
}

fn lines(summary: &Summary) -> Vec<String> {
    let line = |it: &hallpass_iam::summary::SummaryLine| {
        let effect = if it.denies { "deny" } else { "allow" };
        match it.actions.as_slice() {
            [] => format!("{effect}: {}", it.words),
            actions => format!("{effect}: {} ({})", it.words, actions.join(" ")),
        }
    };
    summary.lines.iter().map(line).collect()
}

fn check(rows: &[(Value, &[&str])]) {
    let mut wrong = Vec::new();
    for (statements, wanted) in rows {
        let found = lines(&of(statements));
        if found != *wanted {
            wrong.push(format!(
                "{statements}\n  found  {found:#?}\n  wanted {wanted:#?}"
            ));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn what_is_allowed_is_said_service_by_service() {
    check(&[
        (
            json!([{"Effect": "Allow", "Action": "*", "Resource": "*"}]),
            &["allow: Everything in every service"],
        ),
        (
            json!([{"Effect": "Allow", "Action": "ec2:*", "Resource": "*"}]),
            &["allow: Full control of EC2"],
        ),
        (
            json!([{"Effect": "Allow", "Action": ["s3:GetObject", "s3:PutObject"],
                "Resource": "arn:aws:s3:::team-*/*"}]),
            &[
                "allow: Reads and writes objects in S3 buckets named `team-*` \
               (s3:GetObject s3:PutObject)",
            ],
        ),
        (
            json!([{"Effect": "Allow", "Action": ["s3:ListBucket", "s3:GetObject"],
                "Resource": ["arn:aws:s3:::logs", "arn:aws:s3:::logs/2026/*"]}]),
            &[
                "allow: Lists and reads S3 bucket `logs` and objects `2026/*` in S3 bucket `logs` \
               (s3:GetObject s3:ListBucket)",
            ],
        ),
        (
            json!([{"Effect": "Allow", "Action": ["sqs:SendMessage", "dynamodb:GetItem"],
                "Resource": ["arn:aws:dynamodb:eu-west-1:111122223333:table/orders",
                    "arn:aws:sqs:*:*:jobs-*"]}]),
            &[
                "allow: Reads DynamoDB table `orders` in `eu-west-1` of account `111122223333` \
               (dynamodb:GetItem)",
                "allow: Changes SQS queues named `jobs-*` (sqs:SendMessage)",
            ],
        ),
        (
            json!([{"Effect": "Allow", "NotAction": ["iam:*", "organizations:*"],
                "Resource": "*"}]),
            &["allow: Everything except IAM and Organizations"],
        ),
        (
            json!([{"Effect": "Allow", "Action": "iam:PassRole",
                "Resource": "arn:aws:iam::*:role/batch-*",
                "Condition": {"StringEquals": {"iam:PassedToService": "batch.amazonaws.com"}}}]),
            &[
                "allow: Passes IAM roles named `batch-*`, only if the service the role is passed \
               to is `batch.amazonaws.com` (iam:PassRole)",
            ],
        ),
        (
            json!([{"Effect": "Allow", "Action": ["s3:Bogus", "s3:GetObjct"], "Resource": "*"}]),
            &[],
        ),
    ]);
}

#[test]
fn denials_and_conditions_are_said() {
    check(&[
        (
            json!([{"Effect": "Deny", "Action": "*", "Resource": "*",
                "Condition": {"StringNotEquals": {"aws:RequestedRegion": ["eu-west-1"]}}}]),
            &["deny: Everything in every service outside `eu-west-1`"],
        ),
        (
            json!([{"Effect": "Deny", "NotAction": ["sts:*", "appmesh:*", "s3:Get*"],
                "Resource": "*", "Condition": {
                    "NotIpAddress": {"aws:SourceIp": ["192.0.2.0/24", "198.51.100.0/24"]},
                    "Bool": {"aws:ViaAWSService": "false"}}}]),
            &[
                "deny: Everything except STS, `appmesh` and `s3:Get*`, if the caller’s address is \
               not in `192.0.2.0/24` or `198.51.100.0/24` and `aws:ViaAWSService` is `false`",
            ],
        ),
        (
            json!([{"Effect": "Allow", "Action": "kms:Decrypt", "Resource": "*",
                "Condition": {"Bool": {"aws:MultiFactorAuthPresent": "true"}}}]),
            &["allow: Uses or changes things in KMS with MFA only (kms:Decrypt)"],
        ),
        (
            json!([{"Effect": "Allow", "Action": "ec2:StartInstances", "Resource": "*",
                "Condition": {"ForAnyValue:StringLikeIfExists": {"aws:TagKeys": ["a*", "b", "c", "d", "e"]},
                    "Null": {"aws:RequestTag/owner": "false"}}}]),
            &[
                "allow: Changes things in EC2, only if some `aws:TagKeys` is like `a*`, `b`, `c` or 2 more \
               or is missing and `aws:RequestTag/owner` is in the request (ec2:StartInstances)",
            ],
        ),
    ]);
}

#[test]
fn what_is_counted_is_what_is_surely_left() {
    let all = of(&json!([{"Effect": "Allow", "Action": "sqs:*", "Resource": "*"}]));
    let total: usize = all.counts.iter().map(|it| it.actions).sum();
    assert!(total > 10, "{all:?}");
    let less = of(&json!([
        {"Effect": "Allow", "Action": "sqs:*", "Resource": "*"},
        {"Effect": "Deny", "Action": ["sqs:SendMessage", "sqs:DeleteQueue"], "Resource": "*"},
        {"Effect": "Deny", "Action": "sqs:*", "Resource": "arn:aws:sqs:*:*:x"},
        {"Effect": "Deny", "Action": "sqs:*", "Resource": "*",
            "Condition": {"Bool": {"aws:SecureTransport": "false"}}},
    ]));
    let left: usize = less.counts.iter().map(|it| it.actions).sum();
    assert_eq!(left, total - 2);
}

fn risks(statements: &Value) -> Vec<(RiskKind, String, bool)> {
    let row = |it: hallpass_iam::summary::Risk| (it.kind, it.actions.join(" "), it.limited);
    of(statements).risks.into_iter().map(row).collect()
}

type Wanted = (RiskKind, &'static str, bool);

#[test]
fn risks_are_those_of_what_is_allowed() {
    use RiskKind::{Credentials, Data, Escalation, Exposure};
    let allow = |actions: Value, resource: &str| json!([{"Effect": "Allow", "Action": actions, "Resource": resource}]);
    let rows: Vec<(Value, Vec<Wanted>)> = vec![
        (allow(json!("ec2:DescribeInstances"), "*"), vec![]),
        (
            allow(json!("s3:GetObject"), "arn:aws:s3:::logs/*"),
            vec![(Data, "s3:GetObject", true)],
        ),
        (
            allow(json!(["iam:PassRole", "ec2:RunInstances"]), "*"),
            vec![
                (Escalation, "iam:PassRole ec2:RunInstances", false),
                (Exposure, "iam:PassRole", false),
            ],
        ),
        // one action alone allows no escalation
        (allow(json!("ec2:RunInstances"), "*"), vec![]),
        (
            allow(json!("sts:AssumeRole"), "arn:aws:iam::*:role/x"),
            vec![(Credentials, "sts:AssumeRole", true)],
        ),
        (
            json!([{"Effect": "Allow", "Action": "iam:CreateAccessKey", "Resource": "*"},
                {"Effect": "Deny", "Action": "iam:*", "Resource": "*"}]),
            vec![],
        ),
        (allow(json!("*"), "*"), vec![(Escalation, "", false)]),
    ];
    for (statements, wanted) in rows {
        let found = risks(&statements);
        let found: Vec<_> = found
            .iter()
            .map(|(kind, it, l)| (*kind, it.as_str(), *l))
            .collect();
        assert_eq!(found, wanted, "{statements}");
    }
    let boundary = summarize(&policy(&allow(json!("*"), "*")), PolicyType::Boundary).unwrap();
    assert!(boundary.risks.is_empty() && !boundary.lines.is_empty());
}

#[test]
fn what_is_left_out_is_told() {
    let summary = of(&json!([{"Effect": "Allow", "Action": ["s3:Bogus`x"], "Resource": "*"}]));
    assert_eq!(summary.unknown, ["`s3:Bogus'x`"]);
    let broken = of(&json!([{"Effect": "Perhaps", "Action": "s3:*", "Resource": "*"}]));
    assert!(!broken.is_whole && broken.lines.is_empty());
    let many: Vec<Value> = (0..150)
        .map(|_| json!({"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"}))
        .collect();
    let many = of(&Value::Array(many));
    assert!(!many.is_whole);
    assert_eq!((many.lines.len(), many.more_lines), (60, 40));
    assert!(summarize("{", PolicyType::Identity).is_err());
}

#[test]
fn policies_of_aws_that_everybody_knows_have_words() {
    for (text, name) in [
        (
            "arn:aws:iam::aws:policy/AdministratorAccess",
            Some("AdministratorAccess"),
        ),
        (
            "arn:aws-cn:iam::aws:policy/job-function/Billing",
            Some("Billing"),
        ),
        ("ViewOnlyAccess", Some("ViewOnlyAccess")),
        ("arn:aws:iam::111122223333:policy/Billing", None),
        ("arn:aws:iam::aws:policy/AmazonEC2FullAccess", None),
    ] {
        assert_eq!(known(text).map(|it| it.name), name, "{text}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]
    #[test]
    fn any_text_has_a_bounded_answer(text in any::<String>()) {
        let _ = summarize(&text, PolicyType::Identity);
    }

    #[test]
    fn any_statement_has_a_bounded_answer(
        effect in prop::sample::select(vec!["Allow", "Deny"]),
        action in prop::collection::vec("[a-z0-9*?:`]{0,12}|(s3|ec2|iam|\\*):[A-Z]?[a-z*?]{0,6}", 1..6),
        resource in prop::collection::vec("\\*|arn:aws:[a-z0-9*]{0,6}:[a-z*-]{0,5}:[0-9*]{0,3}:[a-z/*:?`]{0,12}", 1..20),
        element in prop::sample::select(vec!["Action", "NotAction"]),
        on in prop::sample::select(vec!["Resource", "NotResource"]),
        key in "[a-zA-Z:/`]{0,20}",
        value in any::<String>(),
    ) {
        let text = policy(&json!([{"Effect": effect, element: action, on: resource,
            "Condition": {"StringNotLike": {key: value}}}]));
        if let Ok(summary) = summarize(&text, PolicyType::Identity) {
            prop_assert!(summary.lines.len() <= 60);
            for line in &summary.lines {
                prop_assert!(line.words.chars().count() < 3_000, "{}", line.words);
                prop_assert!(line.words.matches('`').count().is_multiple_of(2), "{}", line.words);
                prop_assert!(line.actions.len() <= 6);
            }
            prop_assert!(summary.risks.len() <= 12);
        }
    }
}
