//! Conditions that seem to limit access: which do and which do not.

use hallpass_iam::lint::{Options, lint, repair};
use hallpass_iam::{PolicyType, facts};

use crate::lint_codes::{codes, options, policy};

/// A condition, and whether it still allows everyone.
const PUBLIC: &[(&str, bool)] = &[
    (
        r#"{"ArnLike": {"aws:PrincipalArn": "arn:aws:iam::*:role/*"}}"#,
        true,
    ),
    (
        r#"{"ArnLike": {"aws:PrincipalArn": "arn:aws:iam::*:role/deploy"}}"#,
        true,
    ),
    (
        r#"{"ArnLike": {"aws:PrincipalArn": "arn:aws:iam::111122223333:role/*"}}"#,
        false,
    ),
    (
        r#"{"ArnLike": {"aws:PrincipalArn": ["arn:aws:iam::111122223333:role/*", "arn:aws:iam::*:user/x"]}}"#,
        true,
    ),
    (r#"{"StringLike": {"aws:PrincipalOrgID": "o-*"}}"#, true),
    (
        r#"{"StringLike": {"aws:PrincipalOrgPaths": "o-*/r-ab12/*"}}"#,
        true,
    ),
    (
        r#"{"ForAnyValue:StringLike": {"aws:PrincipalOrgPaths": "o-ab12cd34ef/*"}}"#,
        false,
    ),
    (
        r#"{"StringEquals": {"aws:PrincipalAccount": "111122223333"}}"#,
        false,
    ),
    (r#"{"Null": {"aws:PrincipalTag/x": "true"}}"#, true),
    (
        r#"{"StringEquals": {"aws:PrincipalTag/team": "ops"}}"#,
        true,
    ),
    (
        r#"{"StringEquals": {"aws:PrincipalTag/team": "ops", "aws:PrincipalOrgID": "o-ab12cd34ef"}}"#,
        false,
    ),
    (r#"{"ArnLike": {"aws:SourceArn": "arn:aws:s3:::*"}}"#, true),
    (
        r#"{"ArnLike": {"aws:SourceArn": "arn:aws:s3:::logs"}}"#,
        false,
    ),
];

#[test]
fn a_condition_that_leaves_out_nobody_limits_nothing() {
    for (condition, fires) in PUBLIC {
        let text = format!(r#"{{"Principal": "*", "Condition": {condition}}}"#);
        let found = codes("resource", &text).contains(&"PRINCIPAL_PUBLIC");
        assert_eq!(found, *fires, "{condition}");
    }
}

#[test]
fn a_service_acts_for_whom_its_source_names() {
    for (condition, fires) in [
        (
            r#"{"ArnLike": {"aws:SourceArn": "arn:aws:sns:*:*:*"}}"#,
            true,
        ),
        (
            r#"{"ArnLike": {"aws:SourceArn": "arn:aws:sns:*:111122223333:*"}}"#,
            false,
        ),
        (
            r#"{"ArnLike": {"aws:SourceArn": "arn:aws:s3:::lo*"}}"#,
            true,
        ),
        (
            r#"{"ArnLike": {"aws:SourceArn": "arn:aws:s3:::logs"}}"#,
            false,
        ),
        (r#"{"StringLike": {"aws:SourceOrgID": "o-*"}}"#, true),
        (r#"{"StringLike": {"aws:SourceAccount": "*"}}"#, true),
        (r#"{"ArnLikeIfExists": {"aws:SourceArn": "*"}}"#, true),
        (
            r#"{"ArnLikeIfExists": {"aws:SourceArn": "arn:aws:sns:*:111122223333:*"}}"#,
            true,
        ),
        (r#"{"StringLike": {"sts:ExternalId": "?*"}}"#, true),
        (r#"{"StringLike": {"sts:ExternalId": "**"}}"#, true),
        (r#"{"StringLike": {"sts:ExternalId": "a*"}}"#, false),
    ] {
        let text = format!(
            r#"{{"Principal": {{"Service": "sns.amazonaws.com"}}, "Condition": {condition}}}"#
        );
        let found = codes("resource", &text).contains(&"CONFUSED_DEPUTY");
        assert_eq!(found, fires, "{condition}");
    }
}

#[test]
fn a_key_of_no_action_is_unknown_and_one_of_others_is_never_there() {
    let keys = || facts::services().flat_map(facts::ServiceFacts::condition_keys);
    let count = keys().filter(|it| facts::service_of_unattached_key(it.name).is_some());
    assert!(count.count() > 50);
    for (action, key, expected) in [
        ("states:StartExecution", "states:HTTPEndpoint", "is unknown"),
        (
            "dynamodb:Query",
            "dynamodb:FirstPartitionKeyValues",
            "is unknown",
        ),
        ("states:StartExecution", "states:StateMachineQualifier", ""),
        (
            "s3:GetObject",
            "states:HTTPEndpoint",
            "is never in a request",
        ),
        ("s3:ListBucket", "s3:x-amz-acl", "is never in a request"),
    ] {
        let text = format!(
            r#"{{"Action": "{action}", "Condition": {{"ForAnyValue:StringLike": {{"{key}": "a"}}}}}}"#
        );
        let found = lint(&policy("identity", &text), &options("identity"));
        let mut messages = found
            .iter()
            .filter(|it| it.code.as_str() == "KEY_NOT_FOR_ACTION");
        let message = messages.next().map_or("", |it| it.message.as_str());
        assert!(
            message.contains(expected) && message.is_empty() == expected.is_empty(),
            "{key}: {message}"
        );
    }
}

#[test]
fn a_subject_names_its_owner() {
    let github = "token.actions.githubusercontent.com";
    for (host, subject, fires) in [
        (github, "repo*", true),
        (github, "r*", true),
        (github, "repo:ac*", true),
        (github, "repo:*/shop:*", true),
        (github, "repo:acme/*", false),
        (github, "repo:acme/shop:ref:refs/heads/main", false),
        (
            "gitlab.com",
            "project_path:*:ref_type:branch:ref:main",
            true,
        ),
        (
            "gitlab.com",
            "project_path:acme/*:ref_type:branch:ref:main",
            false,
        ),
        (
            "app.terraform.io",
            "organization:*:project:*:workspace:*:run_phase:*",
            true,
        ),
        (
            "app.terraform.io",
            "organization:acme:project:*:workspace:*:run_phase:*",
            false,
        ),
        (
            "oidc.eks.eu-west-1.amazonaws.com/id/A",
            "system:serviceaccount:shop:*",
            false,
        ),
    ] {
        let text = format!(
            r#"{{"Action": "sts:AssumeRoleWithWebIdentity", "Principal": {{"Federated":
            "arn:aws:iam::111122223333:oidc-provider/{host}"}}, "Condition": {{"StringLike": {{"{host}:sub": "{subject}"}}}}}}"#
        );
        let found = codes("trust", &text).contains(&"TRUST_OIDC_NO_SUB");
        assert_eq!(found, fires, "{host} {subject}");
    }
}

/// A newer version would turn literal text into variables.
#[test]
fn a_version_is_not_repaired_where_that_changes_what_is_meant() {
    for (version, name, repaired) in [
        ("", "b/*", true),
        (r#""Version": "2008-10-17","#, "b/*", true),
        ("", "b/${aws:username}/*", false),
        (r#""Version": "2008-10-17","#, "b/${aws:username}/*", false),
    ] {
        let text = format!(
            r#"{{{version} "Statement": [{{"Effect": "Allow", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::{name}"}}]}}"#
        );
        let options = Options::new(PolicyType::Identity);
        let found = lint(&text, &options);
        let told = found
            .iter()
            .any(|it| it.code.as_str().starts_with("VERSION_"));
        assert!(told, "{text}");
        let (after, _) = repair(&text, &options);
        assert_eq!(after.contains("2012-10-17"), repaired, "{after}");
    }
}

#[test]
fn a_lockout_is_seen_in_every_form() {
    for (statement, fires) in [
        (r#""NotAction": "s3:*", "Resource": "*""#, true),
        (
            r#""NotAction": ["s3:*", "organizations:*"], "Resource": "*""#,
            false,
        ),
        (
            r#""Action": "*", "NotResource": "arn:aws:s3:::logs/*""#,
            true,
        ),
        (
            r#""Action": "*", "NotResource": "arn:aws:organizations::*:policy/*""#,
            false,
        ),
        (
            r#""Action": "s3:*", "NotResource": "arn:aws:s3:::logs/*""#,
            false,
        ),
        (
            r#""Action": "*", "Resource": "*", "Condition": {"StringEquals": {"aws:RequestedRegion": "us-east-1"}}"#,
            true,
        ),
        (
            r#""Action": "*", "Resource": "*", "Condition": {"StringEquals": {"aws:RequestedRegion": "us-east-1"}, "DateLessThan": {"aws:CurrentTime": "2026-03-02T12:00:00Z"}}"#,
            false,
        ),
        (
            r#""NotAction": "s3:*", "Resource": "*", "Condition": {"ArnNotLike": {"aws:PrincipalArn": "arn:aws:iam::111122223333:role/admin"}}"#,
            false,
        ),
    ] {
        let text = format!(r#"{{"Effect": "Deny", {statement}}}"#);
        let found = codes("scp", &text).contains(&"SCP_LOCKOUT");
        assert_eq!(found, fires, "{statement}");
    }
}
