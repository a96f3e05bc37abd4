//! Spot checks of the facts against AWS's documentation, and consistency checks.

use hallpass_iam::facts::{self, Access, ValueType};

fn check<Row: std::fmt::Debug>(rows: &[Row], holds: impl Fn(&Row) -> bool) {
    let failing: Vec<&Row> = rows.iter().filter(|row| !holds(row)).collect();
    assert!(failing.is_empty(), "{failing:#?}");
}

#[test]
fn the_data_has_a_date_and_is_whole() {
    let version = facts::version();
    assert!(version.len() == 10 && version > "2026", "{version}");
    let (services, actions) = facts::services().fold((0, 0), |(services, actions), it| {
        (services + 1, actions + it.actions().len())
    });
    assert!(services > 400 && actions > 20_000, "{services} {actions}");
}

#[test]
fn actions_have_their_classes_and_types() {
    let rows = [
        ("s3:GetObject", Access::Read, "object"),
        ("S3:getobject", Access::Read, "object"),
        ("s3:ListBucket", Access::List, "bucket"),
        ("iam:CreateRole", Access::Write, "role"),
        ("iam:PassRole", Access::Write, "role"),
        ("secretsmanager:GetSecretValue", Access::Read, "Secret"),
        ("secretsmanager:TagResource", Access::Tagging, "Secret"),
        (
            "secretsmanager:PutResourcePolicy",
            Access::Permissions,
            "Secret",
        ),
        (
            "sso:AttachManagedPolicyToPermissionSet",
            Access::Permissions,
            "PermissionSet",
        ),
        ("kms:Decrypt", Access::Write, "key"),
        ("sts:AssumeRole", Access::Write, "role"),
    ];
    check(&rows, |(name, access, kind)| {
        facts::action(name)
            .is_some_and(|it| it.access == *access && it.resource_type(kind).is_some())
    });
    let unknown = ["s3:GetObjekt", "s4:GetObject", "s3", "", ":", "s3:", "s3:*"];
    check(&unknown, |name| facts::action(name).is_none());
}

fn requires_all(name: &str, types: &[&str]) -> bool {
    facts::required_resource_types(name).is_some_and(|it| it.one_of.is_empty() && it.all == types)
}

/// `policies.md` §13.
#[test]
fn required_types_are_those_of_the_specification() {
    let rows: &[(&str, &[&str])] = &[
        (
            "sso:CreateAccountAssignment",
            &["Account", "Instance", "PermissionSet"],
        ),
        (
            "sso:DeleteAccountAssignment",
            &["Account", "Instance", "PermissionSet"],
        ),
        (
            "sso:ProvisionPermissionSet",
            &["Account", "Instance", "PermissionSet"],
        ),
        (
            "sso:ListAccountAssignments",
            &["Account", "Instance", "PermissionSet"],
        ),
        ("sso:CreatePermissionSet", &["Instance", "PermissionSet"]),
        ("sso:UpdatePermissionSet", &["Instance", "PermissionSet"]),
        ("sso:DeletePermissionSet", &["Instance", "PermissionSet"]),
        (
            "sso:PutInlinePolicyToPermissionSet",
            &["Instance", "PermissionSet"],
        ),
        (
            "sso:DeleteInlinePolicyFromPermissionSet",
            &["Instance", "PermissionSet"],
        ),
        (
            "sso:AttachManagedPolicyToPermissionSet",
            &["Instance", "PermissionSet"],
        ),
        (
            "sso:DetachManagedPolicyFromPermissionSet",
            &["Instance", "PermissionSet"],
        ),
        (
            "sso:CreateInstanceAccessControlAttributeConfiguration",
            &["Instance"],
        ),
        (
            "sso:UpdateInstanceAccessControlAttributeConfiguration",
            &["Instance"],
        ),
        (
            "sso:DeleteInstanceAccessControlAttributeConfiguration",
            &["Instance"],
        ),
        (
            "sso:DescribeInstanceAccessControlAttributeConfiguration",
            &["Instance"],
        ),
    ];
    check(rows, |(name, types)| requires_all(name, types));
}

#[test]
fn required_types_of_other_services() {
    let rows: &[(&str, &[&str])] = &[
        (
            "identitystore:CreateGroupMembership",
            &["Group", "Identitystore", "User"],
        ),
        ("organizations:AttachPolicy", &["policy"]),
        ("iam:PassRole", &["role"]),
        ("sts:AssumeRole", &["role"]),
        ("secretsmanager:GetSecretValue", &["Secret"]),
        ("secretsmanager:ListSecrets", &[]),
        ("kms:CreateAlias", &["alias", "key"]),
        ("kms:CreateKey", &[]),
        ("s3:DeleteBucketPolicy", &["bucket"]),
    ];
    check(rows, |(name, types)| requires_all(name, types));
}

#[test]
fn one_of_several_types_is_required_in_s3() {
    let object = facts::required_resource_types("s3:GetObject").unwrap();
    assert!(
        object.all.is_empty() && object.one_of.contains(&"object"),
        "{object:?}"
    );
    assert_eq!(facts::required_resource_types("s3:Nothing"), None);
}

#[test]
fn missing_types_are_named() {
    let account = "arn:aws:sso:::account/111122223333";
    let instance = "arn:aws:sso:::instance/ssoins-1234567890abcdef";
    let set = "arn:aws:sso:::permissionSet/ssoins-1234567890abcdef/ps-1234567890abcdef";
    let assign = "sso:CreateAccountAssignment";
    let missing = facts::missing_resource_types;
    assert_eq!(missing(assign, &[account]), ["Instance", "PermissionSet"]);
    assert!(missing(assign, &[set, account, instance]).is_empty());
    assert_eq!(
        missing("s3:GetObject", &["arn:aws:s3:::b"]),
        ["accesspointobject or object"]
    );
    assert!(missing("s3:GetObject", &["arn:aws:s3:::b/k"]).is_empty());
    assert!(missing("s3:ListAllMyBuckets", &[]).is_empty());
    assert!(missing("s3:Nothing", &[]).is_empty());
}

#[test]
fn arns_have_the_type_that_says_most() {
    let rows = [
        ("s3:GetObject", "arn:aws:s3:::b/k/k", Some("object")),
        ("s3:GetObject", "arn:aws:s3:::b", None),
        ("s3:ListBucket", "arn:aws:s3:::b", Some("bucket")),
        ("s3:ListBucket", "arn:aws:s3:::b/k", None),
        (
            "sso:CreateAccountAssignment",
            "arn:aws:sso:::account/111122223333",
            Some("Account"),
        ),
        (
            "sso:CreateAccountAssignment",
            "arn:aws-cn:sso:::permissionSet/i/ps-1",
            Some("PermissionSet"),
        ),
        (
            "sso:CreateAccountAssignment",
            "arn:aws:sso:::permissionSet/i/*",
            Some("PermissionSet"),
        ),
        (
            "iam:PassRole",
            "arn:aws:iam::111122223333:role/path/name",
            Some("role"),
        ),
        ("iam:PassRole", "arn:aws:iam::111122223333:user/name", None),
        (
            "secretsmanager:GetSecretValue",
            "arn:aws:secretsmanager:eu-west-1:111122223333:secret:a/b-x1",
            Some("Secret"),
        ),
        (
            "lambda:InvokeFunction",
            "arn:aws:lambda:eu-west-1:111122223333:function:f",
            Some("function"),
        ),
        (
            "lambda:InvokeFunction",
            "arn:aws:lambda:eu-west-1:111122223333:function:f:live",
            Some("function"),
        ),
        ("s3:GetObject", "*", None),
        ("s3:GetObject", "", None),
    ];
    check(&rows, |(action, arn, kind)| {
        let action = facts::action(action).unwrap();
        facts::resource_type_of(action, arn).map(|it| it.name) == *kind
    });
    // an alias counts as a function for function-only actions
    let lambda = facts::service("lambda").unwrap();
    let alias = lambda.resource_type_of("arn:aws:lambda:eu-west-1:111122223333:function:f:live");
    assert_eq!(alias.unwrap().name, "function alias");
}

#[test]
fn policy_resources_meet_the_types_they_can_name() {
    let rows = [
        ("s3", "bucket", "arn:aws:s3:::b", true),
        ("s3", "bucket", "arn:aws:s3:::b/*", false),
        ("s3", "bucket", "arn:aws:s3:::b*", true),
        ("s3", "bucket", "*", true),
        ("s3", "bucket", "arn:aws:s3*", true),
        ("s3", "bucket", "arn:aws:sqs*", false),
        ("s3", "object", "arn:aws:s3:::b", false),
        ("s3", "object", "arn:aws:s3:::b*", true),
        ("s3", "object", "arn:aws:s3:::b/${aws:username}/*", true),
        ("s3", "object", "arn:*:s3:::*", true),
        ("iam", "role", "arn:aws:iam::*:role/a/*", true),
        ("iam", "role", "arn:aws:iam::111122223333:user/*", false),
        ("iam", "role", "arn:aws:iam::111122223333:???e/x", true),
        ("sso", "Account", "arn:aws:sso:::account/*", true),
        ("sso", "Account", "arn:aws:sso:::instance/*", false),
        ("sso", "Account", "arn:aws:sso:::*", true),
        (
            "secretsmanager",
            "Secret",
            "arn:aws:secretsmanager:*:*:secret:a/b/*",
            true,
        ),
        (
            "logs",
            "log-group",
            "arn:aws:logs:*:*:log-group:/aws/lambda/x:*",
            true,
        ),
        ("s3", "bucket", "no arn", false),
        ("s3", "bucket", "", false),
    ];
    check(&rows, |(service, kind, resource, meets)| {
        let kind = facts::service(service)
            .unwrap()
            .resource_type(kind)
            .unwrap();
        kind.overlaps(resource) == *meets
    });
}

#[test]
fn keys_have_their_types() {
    use ValueType::{Arn, Bool, Date, IpAddress, Numeric, String};
    let rows = [
        ("aws:PrincipalOrgPaths", String, true),
        ("aws:ResourceOrgPaths", String, true),
        ("aws:SourceOrgPaths", String, true),
        ("aws:CalledVia", String, true),
        ("aws:TagKeys", String, true),
        ("AWS:tagkeys", String, true),
        ("aws:PrincipalServiceNamesList", String, true),
        ("aws:PrincipalOrgID", String, false),
        ("aws:PrincipalArn", Arn, false),
        ("aws:SourceArn", Arn, false),
        ("aws:SourceIp", IpAddress, false),
        ("aws:VpcSourceIp", IpAddress, false),
        ("aws:MultiFactorAuthPresent", Bool, false),
        ("aws:MultiFactorAuthAge", Numeric, false),
        ("aws:TokenIssueTime", Date, false),
        ("aws:CurrentTime", Date, false),
        ("aws:PrincipalTag/Team", String, false),
        ("aws:resourcetag/Team", String, false),
        ("identitystore:UserId", String, false),
        ("iam:PassedToService", String, false),
        ("secretsmanager:ResourceTag/tag-key", String, false),
        ("secretsmanager:resourcetag/Other", String, false),
        ("s3:ExistingObjectTag/x", String, false),
        ("s3:max-keys", Numeric, false),
        ("sts:ExternalId", String, false),
        ("identitycenter:InstanceArn", Arn, false),
        ("saml:aud", String, false),
        ("token.actions.githubusercontent.com:sub", String, false),
        ("oidc.eks.eu-west-1.amazonaws.com/id/ABC:sub", String, false),
        ("cognito-identity.amazonaws.com:amr", String, true),
        ("gitlab.com:ref_protected", String, false),
        ("kms:EncryptionContext:purpose", String, false),
    ];
    check(&rows, |(name, value, many)| {
        facts::condition_key(name)
            .is_some_and(|key| key.value == *value && key.multi_valued == *many)
    });
    let unknown = [
        "aws:Nothing",
        "aws:ResourceTag",
        "aws:ResourceTag/",
        "s3:nothing",
        "example.com:nothing",
        "s3:sub",
        "x",
        "",
    ];
    check(&unknown, |name| facts::condition_key(name).is_none());
}

#[test]
fn actions_carry_the_keys_they_can_carry() {
    let rows = [
        ("secretsmanager:ListSecrets", "aws:ResourceTag/a", false),
        (
            "secretsmanager:ListSecrets",
            "secretsmanager:ResourceTag/a",
            false,
        ),
        ("secretsmanager:ListSecrets", "aws:PrincipalTag/a", true),
        ("secretsmanager:ListSecrets", "aws:SourceIp", true),
        ("secretsmanager:GetSecretValue", "aws:ResourceTag/a", true),
        ("secretsmanager:GetSecretValue", "aws:RequestTag/a", false),
        (
            "secretsmanager:GetSecretValue",
            "secretsmanager:VersionStage",
            true,
        ),
        ("secretsmanager:CreateSecret", "aws:RequestTag/a", true),
        ("secretsmanager:CreateSecret", "aws:TagKeys", true),
        ("secretsmanager:TagResource", "aws:RequestTag/a", true),
        ("iam:PassRole", "iam:PassedToService", true),
        ("iam:CreateUser", "iam:PassedToService", false),
        ("sso:CreateAccountAssignment", "aws:ResourceTag/a", true),
        ("sts:AssumeRole", "sts:ExternalId", true),
        ("s3:GetObject", "saml:sub", true),
        ("s3:GetObject", "sts:ExternalId", false),
    ];
    check(&rows, |(action, key, carries)| {
        facts::action(action).unwrap().may_carry(key) == *carries
    });
    // `policies.md` §13: tags are on the instance and the permission set, not on the account
    let assign = facts::action("sso:CreateAccountAssignment").unwrap();
    let tagged = assign.resource_types.iter();
    let tagged = tagged.filter(|it| assign.comes_with(it, "aws:ResourceTag/a"));
    let tagged: Vec<&str> = tagged.map(|it| it.name).collect();
    assert_eq!(tagged, ["Instance", "PermissionSet"]);
}

#[test]
fn patterns_cover_actions() {
    let covers = |pattern: &str| facts::actions_matching(pattern).count();
    let all: usize = facts::services().map(|it| it.actions().len()).sum();
    assert_eq!(covers("*"), all);
    assert_eq!(covers("*:*"), all);
    assert_eq!(
        covers("iam:*"),
        facts::service("iam").unwrap().actions().len()
    );
    assert_eq!(covers("IAM:passrole"), 1);
    assert_eq!(covers("iam:PassRol"), 0);
    assert_eq!(covers("iam"), 0);
    assert_eq!(covers(""), 0);
    // the colon ends the prefix (`policies.md` §2.2)
    assert!(covers("route53:*") > 10);
    assert!(facts::actions_matching("route53:*").all(|it| it.service == "route53"));
    assert!(covers("s3:*Object") > 3 && covers("*:Get*") > 1000);
}

#[test]
fn what_was_meant_is_suggested() {
    let rows = [
        ("s3:GetObjects", Some("s3:GetObject")),
        ("s3:getobjekt", Some("s3:GetObject")),
        ("se:GetObject", Some("s3:GetObject")),
        ("iam:AssumeRole", Some("sts:AssumeRole")),
        (
            "sso:CreateAccountAssignments",
            Some("sso:CreateAccountAssignment"),
        ),
        ("s3:xyzzyxyzzyxyzzy", None),
        ("nonsense", None),
    ];
    check(&rows, |(text, meant)| {
        let found = facts::nearest_action(text).map(facts::ActionFacts::full_name);
        found.as_deref() == *meant
    });
    assert_eq!(
        facts::nearest_service("secretmanager"),
        Some("secretsmanager")
    );
}

#[test]
fn risks_name_actions_that_exist() {
    let unknown: Vec<&str> = facts::risk::named()
        .filter(|name| facts::action(name).is_none_or(|it| it.full_name() != *name))
        .collect();
    assert!(unknown.is_empty(), "{unknown:#?}");
    let exposes = |name: &str| facts::risk::exposes_resources(facts::action(name).unwrap());
    assert!(exposes("s3:PutBucketPolicy") && exposes("iam:CreateRole") && !exposes("s3:GetObject"));
    assert!(facts::risk::exfiltrates(
        facts::action("s3:GetObject").unwrap()
    ));
    for name in [
        "sts:AssumeRole",
        "sts:GetDelegatedAccessToken",
        "sts:GetWebIdentityToken",
        "sts:GetScopedCredentials",
        "iam:SendDelegationToken",
        "signin:CreateBearerToken",
        "signin:CreateOAuth2Token",
    ] {
        let action = facts::action(name).unwrap();
        assert!(facts::risk::exposes_credentials(action), "{name}");
    }
    for name in [
        "iam:GetRequestAuthorizationDetails",
        "iam:GetRequestAuthorizationPolicy",
        "kms:Decapsulate",
    ] {
        assert!(facts::action(name).is_some(), "{name}");
    }
    let decides = |name: &str| facts::risk::decides_rights(facts::action(name).unwrap());
    assert!(decides("iam:AcquireRole") && decides("iam:AcceptDelegationRequest"));
    assert!(decides("iam:PutAccountProperties") && !decides("iam:RejectDelegationRequest"));
    assert!(decides("iam:UpdateOpenIDConnectProvider"));
    assert!(exposes("supportauthz:CreateSupportPermit") && exposes("lambda:PutResourcePolicy"));
}

#[test]
fn resource_control_policies_reach_what_aws_lists() {
    let reached: Vec<&str> = facts::rcp_services().collect();
    for service in ["s3", "sts", "kms", "sqs", "secretsmanager"] {
        assert!(reached.contains(&service), "{service}");
    }
    assert!(!reached.contains(&"iam") && !reached.contains(&"ec2"));
}

/// Every name resolves to itself, and every reference exists.
#[test]
fn the_data_hangs_together() {
    let mut wrong = Vec::new();
    for service in facts::services() {
        for action in service.actions() {
            let name = action.full_name();
            if facts::action(&name.to_uppercase()).is_none_or(|it| it.name != action.name) {
                wrong.push(name.clone());
            }
            for used in &action.resource_types {
                if service.resource_type(used.name).is_none() {
                    wrong.push(format!("{name}: {}", used.name));
                }
            }
        }
        for key in service.condition_keys() {
            if service.condition_key(key.name) != Some(key) {
                wrong.push(key.name.to_owned());
            }
        }
        for kind in service.resource_types() {
            for arn in &kind.arns {
                if !kind.overlaps(arn.as_str()) || !kind.matches(arn.as_str()) {
                    wrong.push(format!("{}: {}", service.prefix, arn.as_str()));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}
