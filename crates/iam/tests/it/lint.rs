//! The whole linter: the specification's examples, well-known policies, repairs, options.

use hallpass_iam::lint::{
    LintCode, LintFinding, Options, OrgTree, Severity, lint, must_be_clean, repair,
};
use hallpass_iam::{PolicyType, ScpLanguage};
use serde_json::json;

use crate::lint_codes::{CODES, codes, options, policy};

/// The examples at the end of `policies.md` §6: kind, policy, exactly these codes.
#[test]
fn the_examples_of_the_specification() {
    let rows = [
        (
            "scp",
            r#"{"Sid": " DenyX", "Effect": "Deny"}"#,
            "SID_INVALID",
        ),
        (
            "scp",
            r#"{"Effect": "Deny", "Action": "secretsmanager:CreateSecret", "Condition": {"StringNotEquals": {"aws:RequestTag/a": "x", "aws:RequestTag/b": "y"}}}"#,
            "KEYS_ANDED_IN_DENY",
        ),
        (
            "scp",
            r#"{"Effect": "Deny", "Condition": {"ArnNotLike": {"aws:PrincipalArn": "<arn:aws:iam::*:role/admin>"}}}"#,
            "PLACEHOLDER",
        ),
        (
            "scp",
            r#"{"Effect": "Deny", "Condition": {"StringEquals": {"aws:PrincipalArn": "arn:aws:iam::*:role/x"}}}"#,
            "OPERATOR_TYPE WILDCARD_IN_EQUALS",
        ),
        (
            "identity",
            r#"{"Action": "sso:CreateAccountAssignment", "Resource": "arn:aws:sso:::account/111122223333"}"#,
            "RESOURCE_PARTIAL",
        ),
        (
            "identity",
            r#"{"Action": "secretsmanager:ListSecrets", "Condition": {"StringEquals": {"aws:ResourceTag/a": "b"}}}"#,
            "KEY_NOT_FOR_ACTION",
        ),
        (
            "identity",
            r#"!{"Statement": {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::b/${aws:username}/*"}}"#,
            "VERSION_MISSING VARIABLE_PLACE",
        ),
        (
            "identity",
            r#"{"Action": "s3:GetObject", "Resource": "arn:aws:s3:::b/*"}"#,
            "",
        ),
    ];
    for (kind, text, expected) in rows {
        assert_eq!(codes(kind, text).join(" "), expected, "{text}");
    }
    let missing = lint(&policy("identity", rows[4].1), &options("identity"));
    assert!(
        missing[0].message.contains("Instance, PermissionSet"),
        "{missing:?}"
    );
    let version = lint(&policy("identity", rows[6].1), &options("identity"));
    assert_eq!(version[0].severity, Severity::Error);
    let sid = lint(&policy("scp", rows[0].1), &options("scp"));
    assert_eq!(
        json!(sid),
        json!([{
            "code": "SID_INVALID",
            "severity": "error",
            "pointer": "/Statement/0/Sid",
            "sid": " DenyX",
            "message": "a Sid is letters and digits, without blanks or signs: `DenyX`",
            "fix": [{"op": "replace", "path": "/Statement/0/Sid", "value": "DenyX"}],
        }])
    );
}

/// Realistic policies: kind, text, exactly these codes.
#[test]
fn real_policies_are_told_what_matters() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/policies");
    let mut wrong = Vec::new();
    let mut files: Vec<_> = std::fs::read_dir(folder)
        .unwrap()
        .map(|it| it.unwrap().path())
        .collect();
    files.sort();
    assert!(files.len() > 20);
    for file in files {
        let text = std::fs::read_to_string(&file).unwrap();
        let (head, text) = text.split_once('\n').unwrap();
        let (kind, expected) = head.split_once(':').unwrap();
        let found = lint(text, &options(kind));
        let codes: Vec<_> = found.iter().map(|it| it.code.as_str()).collect();
        if codes.join(" ") != expected.trim() {
            wrong.push(format!(
                "{}: {}",
                file.file_name().unwrap().display(),
                codes.join(" ")
            ));
            wrong.extend(
                found
                    .iter()
                    .map(|it| format!("    {} {} {}", it.code, it.pointer, it.message)),
            );
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn findings_come_by_pointer_and_code() {
    for (_, kind, positive, _) in CODES {
        let found = lint(&policy(kind, positive), &options(kind));
        let keys: Vec<_> = found
            .iter()
            .map(|it| (it.pointer.clone(), it.code.as_str()))
            .collect();
        let mut sorted = keys.clone();
        sorted.sort();
        assert_eq!(keys, sorted, "{positive}");
    }
}

#[test]
fn repairs_make_their_finding_go_away_and_are_made_once() {
    for (_, kind, positive, _) in CODES {
        let text = policy(kind, positive);
        let options = options(kind);
        let (repaired, made) = repair(&text, &options);
        let fixable = |text: &str| {
            lint(text, &options)
                .iter()
                .filter(|it| it.fix.is_some())
                .count()
        };
        assert_eq!(made > 0, fixable(&text) > 0, "{positive}");
        assert_eq!(fixable(&repaired), 0, "{positive} became {repaired}");
        assert_eq!(repair(&repaired, &options), (repaired, 0), "{positive}");
    }
}

#[test]
fn repairs_keep_the_rest_of_the_file() {
    let text = "{\n    \"Statement\": [\n        {\n            \"Sid\": \" A\",\n            \
                \"effect\": \"allow\",\n            \"Action\": [\n                \"s3:Get*\",\n     \
                           \"s3:GetObject\"\n            ],\n            \"Resource\": \
                \"arn:aws:s3:::b/*\"\n        }\n    ]\n}\n";
    let (repaired, _) = repair(text, &Options::new(PolicyType::Identity));
    assert_eq!(
        repaired,
        "{\n    \"Version\": \"2012-10-17\",\n    \"Statement\": [\n        {\n            \"Sid\": \
         \"A\",\n            \"Effect\": \"Allow\",\n            \"Action\": [\n                \
         \"s3:Get*\"\n            ],\n            \"Resource\": \"arn:aws:s3:::b/*\"\n        }\n    \
         ]\n}\n"
    );
}

#[test]
fn codes_can_be_disabled_and_waived() {
    let text = policy(
        "identity",
        r#"{"Sid": "A", "Action": "s3:GetObject"}{"Sid": "B", "Action": "sqs:SendMessage"}"#,
    );
    let count = |options: &Options| {
        lint(&text, options)
            .iter()
            .filter(|it| it.code == LintCode::ResourceStar)
            .count()
    };
    let mut options = Options::new(PolicyType::Identity);
    assert_eq!(count(&options), 2);
    options.waived = vec![(LintCode::ResourceStar, "B".to_owned())];
    assert_eq!(count(&options), 1);
    options.disabled = vec![LintCode::ResourceStar];
    assert_eq!(count(&options), 0);
}

#[test]
fn options_know_more_than_the_policy() {
    let found = |text: &str, options: &Options| -> Vec<String> {
        let found = lint(text, options);
        found
            .iter()
            .map(|it| format!("{} {}", it.severity, it.code))
            .collect()
    };
    let trust = policy(
        "trust",
        r#"{"Action": "sts:AssumeRole", "Principal": {"AWS": "111122223333"}}"#,
    );
    let mut options = Options::new(PolicyType::Trust);
    assert_eq!(found(&trust, &options), ["info TRUST_EXTERNAL_NO_ID"]);
    options.own_accounts = vec!["444455556666".to_owned()];
    assert_eq!(found(&trust, &options), ["warning TRUST_EXTERNAL_NO_ID"]);
    options.own_accounts = vec!["111122223333".to_owned()];
    assert!(found(&trust, &options).is_empty());

    let example = policy(
        "identity",
        r#"{"Action": "sqs:SendMessage", "Resource": "arn:aws:sqs:eu-west-1:111111111111:q"}"#,
    );
    let mut options = Options::new(PolicyType::Identity);
    assert!(found(&example, &options).is_empty());
    options.prod = true;
    assert_eq!(found(&example, &options), ["error PLACEHOLDER"]);

    let sso = r#"{"Action": "sso:CreateAccountAssignment", "Resource": ["arn:aws:sso:::account/111122223333", "arn:aws:sso:::instance/ssoins-1", "arn:aws:sso:::permissionSet/ssoins-1/ps-1"]}"#;
    let mut options = Options::new(PolicyType::Identity);
    options.management_account = Some("111122223333".to_owned());
    assert_eq!(
        found(&policy("identity", sso), &options),
        ["warning PRIV_ESC"]
    );
    options.management_account = Some("444455556666".to_owned());
    assert!(found(&policy("identity", sso), &options).is_empty());
}

#[test]
fn sizes_are_told_near_and_above_the_limit() {
    let of_length = |length: usize| {
        let empty = r#"{"Version":"2012-10-17","Statement":[{"Sid":"","Effect":"Deny","Action":"s3:ListAllMyBuckets","Resource":"*"}]}"#;
        let sid = "a".repeat(length - empty.len());
        empty.replace("\"Sid\":\"\"", &format!("\"Sid\":\"{sid}\""))
    };
    let told = |kind: PolicyType, length: usize| -> Vec<LintCode> {
        let found = lint(&of_length(length), &Options::new(kind));
        found.into_iter().map(|it| it.code).collect()
    };
    assert_eq!(told(PolicyType::Scp, 9_216), []);
    assert_eq!(told(PolicyType::Scp, 9_217), [LintCode::SizeNear]);
    assert_eq!(told(PolicyType::Scp, 10_240), [LintCode::SizeNear]);
    assert_eq!(told(PolicyType::Scp, 10_241), [LintCode::Size]);
    let of_resources = |length: usize| -> Vec<LintCode> {
        let text = of_length(length - r#""Principal":"*","#.len());
        let text = text.replace("\"Action\"", "\"Principal\":\"*\",\"Action\"");
        assert_eq!(text.len(), length);
        let found = lint(&text, &Options::new(PolicyType::Rcp));
        let of_size = |code: &LintCode| matches!(code, LintCode::Size | LintCode::SizeNear);
        found
            .into_iter()
            .map(|it| it.code)
            .filter(of_size)
            .collect()
    };
    assert_eq!(of_resources(4_608), []);
    assert_eq!(of_resources(4_609), [LintCode::SizeNear]);
    assert_eq!(of_resources(5_120), [LintCode::SizeNear]);
    assert_eq!(of_resources(5_121), [LintCode::Size]);
    assert_eq!(told(PolicyType::Identity, 5_000), []);
    assert_eq!(told(PolicyType::Identity, 6_145), [LintCode::Size]);
    assert!(must_be_clean(&of_length(10_240), PolicyType::Identity).is_ok());
    assert!(must_be_clean(&of_length(10_241), PolicyType::Identity).is_err());
    let large = format!("{{\"a\": \"{}\"}}", "a".repeat(1024 * 1024));
    let found = lint(&large, &Options::new(PolicyType::Scp));
    assert_eq!(
        found.iter().map(|it| it.code).collect::<Vec<_>>(),
        [LintCode::Size]
    );
}

fn tree(policies: &serde_json::Value) -> Vec<LintFinding> {
    let file = json!({
        "organization": {"Id": "o-ab12cd34ef", "ManagementAccountId": "111111111111"},
        "root": "r-ab12",
        "ous": [{"Id": "ou-ab12-work0001", "Name": "Workloads", "ParentId": "r-ab12"}],
        "accounts": [
            {"Id": "111111111111", "Name": "payer", "ParentId": "r-ab12"},
            {"Id": "444444444444", "Name": "shop", "ParentId": "ou-ab12-work0001"},
        ],
        "policies": policies,
    });
    let tree = OrgTree::read(&file.to_string()).unwrap();
    assert_eq!(tree.management_account(), Some("111111111111"));
    let files = [("allow".to_owned(), policy("scp", "{}"))];
    tree.check(&files, ScpLanguage::Full)
}

#[test]
fn every_level_of_a_tree_needs_an_allow() {
    let deny = json!({"Version": "2012-10-17", "Statement": {"Effect": "Deny", "Action": "s3:*", "Resource": "*"}});
    assert_eq!(tree(&json!([])), []);
    assert_eq!(
        tree(&json!([{"name": "deny", "content": deny, "targets": ["shop"]}])),
        []
    );
    let full = json!({"Name": "FullAWSAccess", "Targets": ["r-ab12", "444444444444"]});
    let found =
        tree(&json!([full.clone(), {"name": "deny", "content": deny, "targets": ["Workloads"]}]));
    assert_eq!(found.len(), 1);
    assert_eq!(
        (found[0].code, found[0].pointer.as_str()),
        (LintCode::ScpNoAllowAtLevel, "/ous/0")
    );
    assert_eq!(
        tree(&json!([full.clone(), {"name": "allow", "targets": ["Workloads"]}])),
        []
    );
    let text = policy("scp", "{}");
    assert_eq!(
        tree(&json!([full, {"name": "x", "content": text, "targets": ["ou-ab12-work0001"]}])),
        []
    );
    // with FullAWSAccess, which is not listed, a target takes ten
    let so_many = |number: usize| -> Vec<LintCode> {
        let row = |n| json!({"name": format!("p{n}"), "content": deny, "targets": ["shop"]});
        let rows: Vec<_> = (0..number).map(row).collect();
        tree(&json!(rows)).iter().map(|it| it.code).collect()
    };
    assert_eq!(so_many(9), []);
    assert_eq!(so_many(10), [LintCode::Size]);
}

#[test]
fn anything_is_answered_without_panic() {
    for text in [
        "",
        "null",
        "[]",
        "{}",
        "\u{feff}{}",
        "{\"Statement\": 1}",
        "{\"Statement\": [[]]}",
        "{\"Version\": 5, \"Statement\": {\"Sid\": 1, \"Action\": {}, \"Condition\": []}}",
    ] {
        for (_, kind) in PolicyType::ALL {
            let found = lint(text, &Options::new(kind));
            assert!(
                found.iter().any(|it| it.severity == Severity::Error),
                "{text}"
            );
        }
    }
}

#[test]
fn what_the_reference_may_have_wrong_is_a_note() {
    let rows = [
        (
            "elasticloadbalancing:ModifyRule",
            "arn:aws:elasticloadbalancing:*:*:listener-rule/app/*",
            LintCode::ResourcePartial,
            Some(Severity::Info),
        ),
        (
            "bedrock:InvokeModel",
            "arn:aws:bedrock:*::foundation-model/*",
            LintCode::ResourcePartial,
            Some(Severity::Info),
        ),
        (
            "sso:CreateAccountAssignment",
            "arn:aws:sso:::account/*",
            LintCode::ResourcePartial,
            Some(Severity::Error),
        ),
        // types of another service with the same prefix
        (
            "elasticloadbalancing:AddTags",
            "arn:aws:elasticloadbalancing:*:*:targetgroup/*",
            LintCode::ResourceMismatch,
            None,
        ),
        (
            "ses:TagResource",
            "arn:aws:ses:*:*:mailmanager-rule-set/*",
            LintCode::ResourceMismatch,
            None,
        ),
        (
            "s3:ListAllMyBuckets",
            "arn:aws:s3:::*",
            LintCode::ResourceStarRequired,
            Some(Severity::Info),
        ),
        (
            "dynamodb:GetItem",
            "arn:aws:dynamodb:*:table/prod-*",
            LintCode::ResourceMismatch,
            None,
        ),
        (
            "dynamodb:GetItem",
            "arn:aws:dynamodb:*:table/prod-*",
            LintCode::ResourceMalformed,
            None,
        ),
        (
            "dynamodb:GetItem",
            "arn:aws:dynamodb",
            LintCode::ShortArn,
            Some(Severity::Info),
        ),
    ];
    for (action, resource, code, expected) in rows {
        let text = policy(
            "identity",
            &format!(r#"{{"Action": "{action}", "Resource": "{resource}"}}"#),
        );
        let found = lint(&text, &options("identity"));
        let found = found
            .iter()
            .find(|it| it.code == code)
            .map(|it| it.severity);
        assert_eq!(found, expected, "{code} of {action} on {resource}");
    }
}

#[test]
fn keys_belong_to_the_actions_that_the_source_says() {
    for (action, key) in [
        ("sagemaker:CreateTrainingJob", "sagemaker:VpcSubnets"),
        ("ssm:SendCommand", "ssm:resourceTag/x"),
        (
            "elasticloadbalancing:CreateListener",
            "elasticloadbalancing:ListenerProtocol",
        ),
    ] {
        let facts = hallpass_iam::facts::action(action).unwrap();
        assert!(facts.may_carry(key), "{action} {key}");
    }
    let facts = hallpass_iam::facts::action("elasticloadbalancing:DeleteLoadBalancer").unwrap();
    assert!(!facts.may_carry("elasticloadbalancing:Scheme"));
}

#[test]
fn huge_policies_are_answered_soon() {
    let many = |item: &str, times: usize| vec![item; times].join(", ");
    let texts = [
        policy(
            "identity",
            &format!(r#"{{"Action": [{}]}}"#, many(r#""s3:Get*""#, 90_000)),
        ),
        policy(
            "identity",
            &format!(
                r#"{{"Resource": ["arn:aws:s3:::{}", "arn:aws:s3:::{}"]}}"#,
                "a*".repeat(30_000),
                "a*".repeat(30_000)
            ),
        ),
        format!("{{{}}}", many(r#""sid": 1"#, 90_000)),
        format!(r#"{{"Statement": [{}]}}"#, many(r#"{"Sid": "A"}"#, 60_000)),
    ];
    for text in texts {
        let begin = std::time::Instant::now();
        assert!(!lint(&text, &Options::new(PolicyType::Identity)).is_empty());
        assert!(begin.elapsed().as_secs() < 60, "{}", &text[..60]);
    }
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig::with_cases(60))]
    #[test]
    fn broken_policies_are_answered_and_repaired_without_panic(
        row in 0..CODES.len(),
        cut in 0_usize..200,
        length in 0_usize..12,
        put in "[\\[\\]{}\",:*?$a0é]{0,3}",
    ) {
        let (_, kind, text, _) = CODES[row];
        let mut chars: Vec<char> = policy(kind, text).chars().collect();
        let start = cut.min(chars.len());
        let end = (start + length).min(chars.len());
        chars.splice(start..end, put.chars());
        let text: String = chars.into_iter().collect();
        let (repaired, _) = repair(&text, &options(kind));
        lint(&repaired, &options(kind));
    }
}
