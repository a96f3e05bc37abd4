//! Every lint code: one policy that triggers it and a similar one that does not.

use hallpass_iam::lint::{LintCode, Options, lint};
use hallpass_iam::{PolicyType, ScpLanguage};

/// Code, kind, a policy with the finding, one without. A text that begins with `{` and has no
/// `Statement` is one statement; missing elements are filled in. `!` marks a whole text.
pub(crate) const CODES: &[(&str, &str, &str, &str)] = &[
    (
        "JSON_SYNTAX",
        "identity",
        r#"!{"Version": "2012-10-17",}"#,
        "{}",
    ),
    (
        "DUP_KEY",
        "identity",
        r#"{"Action": "s3:Get*", "Action": "s3:Put*"}"#,
        r#"{"Action": ["s3:Get*", "s3:Put*"]}"#,
    ),
    (
        "UNKNOWN_ELEMENT",
        "identity",
        r#"{"resource": "*"}"#,
        r#"{"Resource": "*"}"#,
    ),
    (
        "VERSION_MISSING",
        "identity",
        r#"!{"Statement": []}"#,
        r#"!{"Version": "2012-10-17", "Statement": []}"#,
    ),
    (
        "VERSION_OLD",
        "identity",
        r#"!{"Version": "2008-10-17", "Statement": []}"#,
        r#"!{"Statement": []}"#,
    ),
    (
        "VERSION_INVALID",
        "identity",
        r#"!{"Version": "2012-10-07", "Statement": []}"#,
        r#"!{"Version": "2008-10-17", "Statement": []}"#,
    ),
    (
        "SID_INVALID",
        "identity",
        r#"{"Sid": " DenyX"}"#,
        r#"{"Sid": "DenyX1"}"#,
    ),
    (
        "SID_DUPLICATE",
        "identity",
        r#"{"Sid": "A"}{"Sid": "A"}"#,
        r#"{"Sid": "A"}{"Sid": "a"}"#,
    ),
    (
        "EFFECT_INVALID",
        "identity",
        r#"{"Effect": "allow"}"#,
        r#"{"Effect": "Deny"}"#,
    ),
    (
        "PAIR_BOTH",
        "identity",
        r#"{"Action": "s3:*", "NotAction": "iam:*"}"#,
        r#"{"NotAction": "iam:*"}"#,
    ),
    (
        "PAIR_NONE",
        "identity",
        r#"!{"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "s3:ListAllMyBuckets"}}"#,
        "{}",
    ),
    (
        "PRINCIPAL_FORBIDDEN",
        "scp",
        r#"{"Effect": "Deny", "Principal": "*"}"#,
        r#"{"Effect": "Deny"}"#,
    ),
    (
        "PRINCIPAL_REQUIRED",
        "resource",
        "{}",
        r#"{"Principal": {"AWS": "111122223333"}}"#,
    ),
    (
        "ACTION_MALFORMED",
        "identity",
        r#"{"Action": "GetObject"}"#,
        r#"{"Action": "s3:GetObject"}"#,
    ),
    (
        "ACTION_MALFORMED",
        "identity",
        r#"{"Action": "s3:Get Object"}"#,
        r#"{"Action": "*"}"#,
    ),
    (
        "ACTION_MALFORMED",
        "identity",
        r#"{"Action": "*:Get*"}"#,
        r#"{"Action": "s3:?et*"}"#,
    ),
    (
        "ACTION_UNKNOWN",
        "identity",
        r#"{"Action": "s3:GetObjet"}"#,
        r#"{"Action": "S3:getobject"}"#,
    ),
    (
        "ACTION_UNKNOWN",
        "identity",
        r#"{"Action": "s4:*"}"#,
        r#"{"Action": "s3:*"}"#,
    ),
    (
        "ACTION_WILDCARD_EMPTY",
        "identity",
        r#"{"Action": "s3:Gett*"}"#,
        r#"{"Action": "s3:Get*"}"#,
    ),
    (
        "ACTION_REDUNDANT",
        "identity",
        r#"{"Action": ["s3:Get*", "s3:GetObject"]}"#,
        r#"{"Action": ["s3:Get*", "s3:PutObject"]}"#,
    ),
    (
        "ACTION_STAR_ALLOW",
        "identity",
        r#"{"Action": "s3:*"}"#,
        r#"{"Action": "s3:*", "Effect": "Deny"}"#,
    ),
    (
        "ACTION_STAR_ALLOW",
        "identity",
        r#"{"Action": "*"}"#,
        r#"{"Action": "s3:Get*"}"#,
    ),
    (
        "ACTION_STAR_ALLOW",
        "resource",
        r#"{"Action": "s3:*", "Principal": {"AWS": "111122223333"}}"#,
        r#"{"Action": "kms:*", "Principal": {"AWS": "arn:aws:iam::111122223333:root"}}"#,
    ),
    (
        "NOTACTION_ALLOW",
        "identity",
        r#"{"NotAction": "iam:*"}"#,
        r#"{"NotAction": "iam:*", "Effect": "Deny"}"#,
    ),
    (
        "RESOURCE_MALFORMED",
        "identity",
        r#"{"Resource": "bucket/*"}"#,
        r#"{"Resource": "arn:aws:s3:::bucket/*"}"#,
    ),
    (
        "RESOURCE_MALFORMED",
        "identity",
        r#"{"Resource": "arn:amazon:s3:::bucket"}"#,
        r#"{"Resource": "arn:aws-us-gov:s3:::bucket"}"#,
    ),
    (
        "RESOURCE_MALFORMED",
        "identity",
        r#"{"Resource": "arn:aws:sqs:europe:111122223333:q"}"#,
        r#"{"Resource": "arn:aws:sqs:eu-*:111122223333:q"}"#,
    ),
    (
        "RESOURCE_MALFORMED",
        "identity",
        r#"{"Resource": "arn:aws:sqs:eu-west-1:1111:q"}"#,
        r#"{"Resource": "arn:aws:sqs:*:*:q"}"#,
    ),
    (
        "RESOURCE_MISMATCH",
        "identity",
        r#"{"Action": "s3:GetObject", "Resource": "arn:aws:s3:::b"}"#,
        r#"{"Action": "s3:GetObject", "Resource": ["arn:aws:s3:::b", "arn:aws:s3:::b/*"]}"#,
    ),
    (
        "RESOURCE_PARTIAL",
        "identity",
        r#"{"Action": "sso:CreateAccountAssignment", "Resource": "arn:aws:sso:::account/111122223333"}"#,
        r#"{"Action": "sso:CreateAccountAssignment", "Resource": ["arn:aws:sso:::account/111122223333", "arn:aws:sso:::instance/ssoins-1", "arn:aws:sso:::permissionSet/ssoins-1/ps-1"]}"#,
    ),
    (
        "RESOURCE_PARTIAL",
        "identity",
        r#"{"Action": "ec2:RunInstances", "Resource": "arn:aws:ec2:*:*:instance/*"}"#,
        r#"{"Action": "ec2:RunInstances", "Resource": "arn:aws:ec2:*:*:instance/*"}{"Action": "ec2:Run*", "Resource": "*"}"#,
    ),
    (
        "RESOURCE_STAR",
        "identity",
        r#"{"Action": "s3:GetObject", "Resource": "*"}"#,
        r#"{"Action": ["s3:ListAllMyBuckets", "ec2:Describe*"], "Resource": "*"}"#,
    ),
    (
        "RESOURCE_STAR",
        "identity",
        r#"{"Action": "secretsmanager:GetSecretValue", "Resource": "*"}"#,
        r#"{"Action": "secretsmanager:GetSecretValue", "Resource": "*", "Condition": {"StringEquals": {"secretsmanager:ResourceTag/team": "${aws:PrincipalTag/team}"}}}"#,
    ),
    (
        "RESOURCE_STAR_REQUIRED",
        "identity",
        r#"{"Action": "s3:ListAllMyBuckets", "Resource": "arn:aws:s3:::b"}"#,
        r#"{"Action": "s3:ListAllMyBuckets", "Resource": "*"}"#,
    ),
    (
        "PLACEHOLDER",
        "identity",
        r#"{"Resource": "arn:aws:s3:::<bucket>"}"#,
        r#"{"Resource": "arn:aws:s3:::bucket"}"#,
    ),
    (
        "PLACEHOLDER",
        "identity",
        r#"{"Resource": "arn:aws:s3:::${Bucket}/*"}"#,
        r#"{"Resource": "arn:aws:s3:::b/${aws:username}/*"}"#,
    ),
    (
        "PLACEHOLDER",
        "scp",
        r#"{"Effect": "Deny", "Condition": {"ArnNotLike": {"aws:PrincipalArn": "<arn:aws:iam::*:role/admin>"}}}"#,
        r#"{"Effect": "Deny", "Condition": {"ArnNotLike": {"aws:PrincipalArn": "arn:aws:iam::*:role/admin"}}}"#,
    ),
    (
        "OPERATOR_UNKNOWN",
        "identity",
        r#"{"Condition": {"StringMatches": {"aws:username": "a"}}}"#,
        r#"{"Condition": {"StringLike": {"aws:username": "a"}}}"#,
    ),
    (
        "OPERATOR_UNKNOWN",
        "identity",
        r#"{"Condition": {"stringlike": {"aws:username": "a"}}}"#,
        r#"{"Condition": {"ForAnyValue:StringLike": {"aws:TagKeys": "a"}}}"#,
    ),
    (
        "OPERATOR_TYPE",
        "scp",
        r#"{"Effect": "Deny", "Condition": {"StringEquals": {"aws:PrincipalArn": "arn:aws:iam::*:role/x"}}}"#,
        r#"{"Effect": "Deny", "Condition": {"StringEquals": {"aws:PrincipalArn": "arn:aws:iam::111122223333:role/x"}}}"#,
    ),
    (
        "OPERATOR_TYPE",
        "identity",
        r#"{"Condition": {"StringEquals": {"aws:SourceIp": "192.0.2.0/24"}}}"#,
        r#"{"Condition": {"IpAddress": {"aws:SourceIp": "192.0.2.0/24"}}}"#,
    ),
    (
        "WILDCARD_IN_EQUALS",
        "identity",
        r#"{"Condition": {"StringEquals": {"aws:username": "a*"}}}"#,
        r#"{"Condition": {"StringEquals": {"aws:username": "a${*}"}}}"#,
    ),
    (
        "KEY_UNKNOWN",
        "identity",
        r#"{"Condition": {"StringEquals": {"aws:usernam": "a"}}}"#,
        r#"{"Condition": {"StringEquals": {"AWS:USERNAME": "a"}}}"#,
    ),
    (
        "KEY_NOT_FOR_ACTION",
        "identity",
        r#"{"Action": "secretsmanager:ListSecrets", "Condition": {"StringEquals": {"aws:ResourceTag/team": "a"}}}"#,
        r#"{"Action": "secretsmanager:GetSecretValue", "Condition": {"StringEquals": {"aws:ResourceTag/team": "a"}}}"#,
    ),
    (
        "KEYS_ANDED_IN_DENY",
        "scp",
        r#"{"Effect": "Deny", "Action": "secretsmanager:CreateSecret", "Condition": {"StringNotEquals": {"aws:RequestTag/a": "x", "aws:RequestTag/b": "y"}}}"#,
        r#"{"Effect": "Deny", "Action": "secretsmanager:CreateSecret", "Condition": {"StringNotEquals": {"aws:RequestTag/a": "x"}, "StringEquals": {"aws:RequestTag/b": "y"}}}"#,
    ),
    (
        "KEYS_ANDED_IN_DENY",
        "scp",
        r#"{"Effect": "Deny", "Action": "secretsmanager:TagResource", "Condition": {"Null": {"aws:ResourceTag/a": "false", "aws:ResourceTag/b": "false"}}}"#,
        r#"{"Effect": "Deny", "Action": "secretsmanager:TagResource", "Condition": {"Null": {"aws:ResourceTag/a": "false"}}}"#,
    ),
    (
        "NULL_CONTRADICTION",
        "identity",
        r#"{"Condition": {"Null": {"aws:username": "true"}, "StringEquals": {"aws:username": "a"}}}"#,
        r#"{"Condition": {"Null": {"aws:username": "false"}, "StringEquals": {"aws:username": "a"}}}"#,
    ),
    (
        "NULL_CONTRADICTION",
        "identity",
        r#"{"Condition": {"Null": {"aws:username": "true"}, "StringLike": {"AWS:UserName": "a"}}}"#,
        r#"{"Condition": {"Null": {"aws:username": "true"}, "StringNotEquals": {"aws:username": "a"}}}"#,
    ),
    (
        "IFEXISTS_NOOP",
        "identity",
        r#"{"Condition": {"StringNotEqualsIfExists": {"aws:username": "a"}}}"#,
        r#"{"Condition": {"StringEqualsIfExists": {"aws:username": "a"}}}"#,
    ),
    (
        "FORALL_ALLOW_VACUOUS",
        "identity",
        r#"{"Action": "ec2:CreateTags", "Condition": {"ForAllValues:StringEquals": {"aws:TagKeys": "a"}}}"#,
        r#"{"Action": "ec2:CreateTags", "Condition": {"ForAllValues:StringEquals": {"aws:TagKeys": "a"}, "Null": {"aws:TagKeys": "false"}}}"#,
    ),
    (
        "SET_NEEDED",
        "identity",
        r#"{"Action": "ec2:CreateTags", "Condition": {"StringEquals": {"aws:TagKeys": "a"}}}"#,
        r#"{"Action": "ec2:CreateTags", "Condition": {"ForAnyValue:StringEquals": {"aws:TagKeys": "a"}}}"#,
    ),
    (
        "SET_ON_SINGLE",
        "identity",
        r#"{"Condition": {"ForAnyValue:StringEquals": {"aws:PrincipalOrgID": "o-abcdefghij"}}}"#,
        r#"{"Condition": {"ForAnyValue:StringLike": {"aws:PrincipalOrgPaths": "o-abcdefghij/*"}}}"#,
    ),
    (
        "MFA_BOOL_ABSENT",
        "identity",
        r#"{"Effect": "Deny", "Condition": {"Bool": {"aws:MultiFactorAuthPresent": "false"}}}"#,
        r#"{"Effect": "Deny", "Condition": {"BoolIfExists": {"aws:MultiFactorAuthPresent": "false"}}}"#,
    ),
    (
        "MFA_BOOL_ABSENT",
        "identity",
        r#"{"Condition": {"BoolIfExists": {"aws:MultiFactorAuthPresent": "true"}}}"#,
        r#"{"Condition": {"Bool": {"aws:MultiFactorAuthPresent": true}}}"#,
    ),
    (
        "MFA_BOOL_ABSENT",
        "identity",
        r#"{"Effect": "Deny", "Condition": {"StringEquals": {"aws:MultiFactorAuthPresent": "false"}}}"#,
        r#"{"Effect": "Deny", "Condition": {"StringNotEquals": {"aws:MultiFactorAuthPresent": "true"}}}"#,
    ),
    (
        "MFA_BOOL_ABSENT",
        "identity",
        r#"{"Effect": "Deny", "Condition": {"StringLike": {"AWS:multifactorauthpresent": "False"}}}"#,
        r#"{"Effect": "Deny", "Condition": {"ForAllValues:Bool": {"aws:MultiFactorAuthPresent": "false"}}}"#,
    ),
    (
        "MFA_BOOL_ABSENT",
        "identity",
        r#"{"Effect": "Deny", "Condition": {"NumericGreaterThan": {"aws:MultiFactorAuthAge": "3600"}}}"#,
        r#"{"Effect": "Deny", "Condition": {"NumericGreaterThanIfExists": {"aws:MultiFactorAuthAge": "3600"}}}"#,
    ),
    (
        "MFA_BOOL_ABSENT",
        "identity",
        r#"{"Effect": "Deny", "Condition": {"NumericGreaterThanEquals": {"aws:MultiFactorAuthAge": "3600"}}}"#,
        r#"{"Effect": "Deny", "Condition": {"NumericGreaterThan": {"aws:MultiFactorAuthAge": "3600"}, "Null": {"aws:MultiFactorAuthAge": "false"}}}"#,
    ),
    (
        "MFA_BOOL_ABSENT",
        "identity",
        r#"{"Condition": {"BoolIfExists": {"aws:MultiFactorAuthPresent": "false"}}}"#,
        r#"{"Condition": {"Bool": {"aws:MultiFactorAuthPresent": "false"}}}"#,
    ),
    (
        "MFA_BOOL_ABSENT",
        "identity",
        r#"{"Condition": {"NumericLessThanIfExists": {"aws:MultiFactorAuthAge": "3600"}}}"#,
        r#"{"Condition": {"NumericLessThan": {"aws:MultiFactorAuthAge": "3600"}}}"#,
    ),
    (
        "MFA_BOOL_ABSENT",
        "identity",
        r#"{"Condition": {"StringNotEquals": {"aws:MultiFactorAuthPresent": "false"}}}"#,
        r#"{"Condition": {"StringEquals": {"aws:MultiFactorAuthPresent": "true"}}}"#,
    ),
    (
        "CHARACTERS",
        "identity",
        "{\"Sid\": \"Read\u{2011}only\"}",
        "{\"Condition\": {\"StringEquals\": {\"aws:PrincipalTag/x\": \"M\u{fc}nchen\"}}}",
    ),
    (
        "CHARACTERS",
        "trust",
        "{\"Action\": \"sts:AssumeRole\", \"Principal\": {\"AWS\": \"111122223333\"}, \"Condition\": {\"StringEquals\": {\"sts:ExternalId\": \"\u{201c}x\u{201d}\"}}}",
        r#"{"Action": "sts:AssumeRole", "Principal": {"AWS": "111122223333"}, "Condition": {"StringEquals": {"sts:ExternalId": "x"}}}"#,
    ),
    (
        "VALUE_TYPE",
        "identity",
        r#"{"Condition": {"DateLessThan": {"aws:CurrentTime": "tomorrow"}}}"#,
        r#"{"Condition": {"DateLessThan": {"aws:CurrentTime": "2031-01-01"}}}"#,
    ),
    (
        "VALUE_TYPE",
        "identity",
        r#"{"Condition": {"NumericLessThan": {"aws:MultiFactorAuthAge": "1h"}}}"#,
        r#"{"Condition": {"NumericLessThan": {"aws:MultiFactorAuthAge": 3600}}}"#,
    ),
    (
        "VALUE_TYPE",
        "identity",
        r#"{"Condition": {"IpAddress": {"aws:SourceIp": "192.0.2.0/33"}}}"#,
        r#"{"Condition": {"IpAddress": {"aws:SourceIp": ["192.0.2.0/24", "2001:db8::/32"]}}}"#,
    ),
    (
        "VALUE_TYPE",
        "identity",
        r#"{"Condition": {"StringEquals": {"aws:ResourceAccount": "1234"}}}"#,
        r#"{"Condition": {"StringEquals": {"aws:ResourceAccount": "${aws:PrincipalAccount}"}}}"#,
    ),
    (
        "VALUE_TYPE",
        "scp",
        r#"{"Effect": "Deny", "Condition": {"ArnNotLike": {"aws:PrincipalArn": "role/admin"}}}"#,
        r#"{"Effect": "Deny", "Condition": {"ArnNotLike": {"aws:PrincipalArn": "arn:aws:iam::111122223333:role/admin"}}}"#,
    ),
    (
        "CIDR_HOST_BITS",
        "identity",
        r#"{"Condition": {"IpAddress": {"aws:SourceIp": "192.0.2.5/24"}}}"#,
        r#"{"Condition": {"IpAddress": {"aws:SourceIp": "192.0.2.5"}}}"#,
    ),
    (
        "CIDR_PRIVATE",
        "identity",
        r#"{"Condition": {"IpAddress": {"aws:SourceIp": "10.0.0.0/8"}}}"#,
        r#"{"Condition": {"IpAddress": {"aws:VpcSourceIp": "10.0.0.0/8"}}}"#,
    ),
    (
        "VARIABLE_UNKNOWN",
        "identity",
        r#"{"Resource": "arn:aws:s3:::b/${aws:usernam}"}"#,
        r#"{"Resource": "arn:aws:s3:::b/${AWS:UserName}"}"#,
    ),
    (
        "VARIABLE_PLACE",
        "identity",
        r#"{"Action": "s3:${aws:username}"}"#,
        r#"{"Resource": "arn:aws:s3:::b/${aws:username}/*"}"#,
    ),
    (
        "VARIABLE_PLACE",
        "identity",
        r#"{"Resource": "arn:aws:sqs:*:${aws:PrincipalAccount}:q"}"#,
        r#"{"Condition": {"StringEquals": {"aws:ResourceAccount": "${aws:PrincipalAccount}"}}}"#,
    ),
    (
        "VARIABLE_PLACE",
        "identity",
        r#"{"Condition": {"NumericEquals": {"aws:MultiFactorAuthAge": "${aws:PrincipalTag/n}"}}}"#,
        r#"{"Condition": {"ArnLike": {"aws:SourceArn": "${aws:PrincipalArn}"}}}"#,
    ),
    (
        "VARIABLE_NULL_NEGATED",
        "scp",
        r#"{"Effect": "Deny", "Condition": {"StringNotEquals": {"aws:ResourceOrgID": "${aws:PrincipalOrgID}"}}}"#,
        r#"{"Effect": "Deny", "Condition": {"StringNotEquals": {"aws:ResourceAccount": "${aws:PrincipalAccount}"}}}"#,
    ),
    (
        "PRINCIPAL_WILDCARD",
        "resource",
        r#"{"Principal": {"AWS": "arn:aws:iam::111122223333:role/*"}}"#,
        r#"{"Principal": {"AWS": "arn:aws:iam::111122223333:role/a"}}"#,
    ),
    (
        "PRINCIPAL_PUBLIC",
        "resource",
        r#"{"Principal": "*"}"#,
        r#"{"Principal": "*", "Condition": {"StringEquals": {"aws:PrincipalOrgID": "o-abcdefghij"}}}"#,
    ),
    (
        "PRINCIPAL_PUBLIC",
        "resource",
        r#"{"Principal": {"AWS": ["*"]}, "Condition": {"StringLike": {"aws:PrincipalArn": "*"}}}"#,
        r#"{"Effect": "Deny", "Principal": "*"}"#,
    ),
    (
        "NOTPRINCIPAL_ALLOW",
        "resource",
        r#"{"NotPrincipal": {"AWS": "111122223333"}}"#,
        r#"{"Effect": "Deny", "NotPrincipal": {"AWS": "111122223333"}}"#,
    ),
    (
        "NOTPRINCIPAL_INCOMPLETE",
        "resource",
        r#"{"Effect": "Deny", "NotPrincipal": {"AWS": "arn:aws:sts::111122223333:assumed-role/r/s"}}"#,
        r#"{"Effect": "Deny", "NotPrincipal": {"AWS": ["arn:aws:sts::111122223333:assumed-role/r/s", "arn:aws:iam::111122223333:role/p/r", "111122223333"]}}"#,
    ),
    (
        "PRINCIPAL_ORPHAN",
        "resource",
        r#"{"Principal": {"AWS": "AROAEXAMPLEID12345678"}}"#,
        r#"{"Principal": {"AWS": "arn:aws:iam::111122223333:role/AROAEXAMPLEID12345678"}}"#,
    ),
    (
        "CONFUSED_DEPUTY",
        "resource",
        r#"{"Principal": {"Service": "cloudtrail.amazonaws.com"}}"#,
        r#"{"Principal": {"Service": "cloudtrail.amazonaws.com"}, "Condition": {"StringEquals": {"aws:SourceAccount": "111122223333"}}}"#,
    ),
    (
        "CONFUSED_DEPUTY",
        "resource",
        r#"{"Principal": {"Service": "cloudtrail.amazonaws.com"}, "Condition": {"StringEqualsIfExists": {"aws:SourceAccount": "111122223333"}}}"#,
        r#"{"Principal": {"Service": "cloudtrail.amazonaws.com"}, "Condition": {"StringEqualsIfExists": {"aws:SourceArn": "arn:aws:cloudtrail:eu-west-1:111122223333:trail/t"}, "StringEquals": {"aws:SourceAccount": "111122223333"}}}"#,
    ),
    (
        "CONFUSED_DEPUTY",
        "trust",
        r#"{"Action": "sts:AssumeRole", "Principal": {"Service": "config.amazonaws.com"}}"#,
        r#"{"Action": "sts:AssumeRole", "Principal": {"Service": "ec2.amazonaws.com"}}"#,
    ),
    (
        "TRUST_OIDC_NO_SUB",
        "trust",
        r#"{"Action": "sts:AssumeRoleWithWebIdentity", "Principal": {"Federated": "arn:aws:iam::111122223333:oidc-provider/token.actions.githubusercontent.com"}, "Condition": {"StringEquals": {"token.actions.githubusercontent.com:aud": "sts.amazonaws.com"}}}"#,
        r#"{"Action": "sts:AssumeRoleWithWebIdentity", "Principal": {"Federated": "arn:aws:iam::111122223333:oidc-provider/token.actions.githubusercontent.com"}, "Condition": {"StringLike": {"token.actions.githubusercontent.com:sub": "repo:acme/shop:*"}}}"#,
    ),
    (
        "TRUST_OIDC_NO_SUB",
        "trust",
        r#"{"Action": "sts:AssumeRoleWithWebIdentity", "Principal": {"Federated": "arn:aws:iam::111122223333:oidc-provider/token.actions.githubusercontent.com"}, "Condition": {"StringLike": {"token.actions.githubusercontent.com:sub": "repo:*/shop:*"}}}"#,
        r#"{"Action": "sts:AssumeRoleWithWebIdentity", "Principal": {"Federated": "cognito-identity.amazonaws.com"}, "Condition": {"StringEquals": {"cognito-identity.amazonaws.com:aud": "eu-west-1:1"}}}"#,
    ),
    (
        "TRUST_EXTERNAL_NO_ID",
        "trust",
        r#"{"Action": "sts:AssumeRole", "Principal": {"AWS": "arn:aws:iam::999988887777:root"}}"#,
        r#"{"Action": "sts:AssumeRole", "Principal": {"AWS": "arn:aws:iam::999988887777:root"}, "Condition": {"StringEquals": {"sts:ExternalId": "a81f"}}}"#,
    ),
    (
        "PRIV_ESC",
        "identity",
        r#"{"Action": ["iam:PassRole", "ec2:RunInstances"], "Resource": "*"}"#,
        r#"{"Action": "ec2:RunInstances", "Resource": "*"}"#,
    ),
    (
        "PRIV_ESC",
        "identity",
        r#"{"Action": "iam:Attach*", "Resource": "*"}"#,
        r#"{"Action": "iam:Attach*", "Resource": "*"}{"Effect": "Deny", "Action": "iam:*", "Resource": "*"}"#,
    ),
    (
        "PRIV_ESC",
        "identity",
        r#"{"Action": "iam:AttachRolePolicy", "Resource": "*"}"#,
        r#"{"Action": "iam:AttachRolePolicy", "Resource": "*", "Condition": {"StringEquals": {"iam:PermissionsBoundary": "arn:aws:iam::111122223333:policy/edge"}}}"#,
    ),
    (
        "PRIV_ESC",
        "identity",
        r#"{"Action": "sso:CreateAccountAssignment", "Resource": "*"}"#,
        r#"{"Action": "sso:CreateAccountAssignment", "Resource": ["arn:aws:sso:::account/111122223333", "arn:aws:sso:::instance/ssoins-1", "arn:aws:sso:::permissionSet/ssoins-1/ps-1"]}"#,
    ),
    (
        "PRIV_ESC",
        "identity",
        r#"{"Action": "iam:AcquireRole", "Resource": "*"}"#,
        r#"{"Action": "iam:GetRoleTemplateVersion", "Resource": "*"}"#,
    ),
    (
        "PASSROLE_STAR",
        "identity",
        r#"{"Action": "iam:PassRole", "Resource": "*"}"#,
        r#"{"Action": "iam:PassRole", "Resource": "*", "Condition": {"StringEquals": {"iam:PassedToService": "lambda.amazonaws.com"}}}"#,
    ),
    (
        "DATA_EXFIL",
        "identity",
        r#"{"Action": "s3:GetObject", "Resource": "*"}"#,
        r#"{"Action": "s3:GetObject", "Resource": "arn:aws:s3:::b/*"}"#,
    ),
    (
        "CREDENTIALS_EXPOSURE",
        "identity",
        r#"{"Action": "redshift:GetClusterCredentials", "Resource": "*"}"#,
        r#"{"Action": "redshift:DescribeClusters", "Resource": "*"}"#,
    ),
    (
        "RESOURCE_EXPOSURE",
        "identity",
        r#"{"Action": "s3:PutBucketPolicy", "Resource": "*"}"#,
        r#"{"Action": "s3:PutBucketPolicy", "Resource": "arn:aws:s3:::b"}"#,
    ),
    (
        "SERVICE_WILDCARD",
        "identity",
        r#"{"Action": "sqs:*", "Resource": "*"}"#,
        r#"{"Action": "sqs:*", "Resource": "arn:aws:sqs:eu-west-1:111122223333:q"}"#,
    ),
    (
        "SCP_LANGUAGE",
        "scp-classic",
        r#"{"Resource": "arn:aws:s3:::b"}"#,
        r#"{"Action": "s3:*"}"#,
    ),
    (
        "SCP_LOCKOUT",
        "scp",
        r#"{"Effect": "Deny", "Action": "*"}"#,
        r#"{"Effect": "Deny", "Action": "*", "Condition": {"ArnNotLike": {"aws:PrincipalArn": "arn:aws:iam::111122223333:role/admin"}}}"#,
    ),
    (
        "SCP_LOCKOUT",
        "scp",
        r#"{"Effect": "Deny", "Action": "organizations:*"}"#,
        r#"{"Effect": "Deny", "Action": "organizations:LeaveOrganization"}"#,
    ),
    (
        "SCP_SLR_NOOP",
        "scp",
        r#"{"Effect": "Deny", "Condition": {"ArnNotLike": {"aws:PrincipalArn": "arn:aws:iam::*:role/aws-service-role/*"}}}"#,
        r#"{"Effect": "Deny", "Condition": {"ArnNotLike": {"aws:PrincipalArn": "arn:aws:iam::*:role/aws-reserved/*"}}}"#,
    ),
    (
        "RCP_SERVICE_UNSUPPORTED",
        "rcp",
        r#"{"Effect": "Deny", "Principal": "*", "Action": "ec2:*"}"#,
        r#"{"Effect": "Deny", "Principal": "*", "Action": "s3:*"}"#,
    ),
    (
        "RCP_SHAPE",
        "rcp",
        r#"{"Effect": "Deny", "Principal": {"AWS": "111122223333"}, "Action": "s3:*"}"#,
        r#"{"Effect": "Deny", "Principal": "*", "Action": "s3:*"}"#,
    ),
    (
        "RCP_SHAPE",
        "rcp",
        r#"{"Effect": "Allow", "Principal": "*", "Action": "s3:*"}"#,
        r#"{"Effect": "Allow", "Principal": "*", "Action": "*"}"#,
    ),
    (
        "SOURCEIP_SERVICE_BREAK",
        "scp",
        r#"{"Effect": "Deny", "Condition": {"NotIpAddress": {"aws:SourceIp": "192.0.2.0/24"}}}"#,
        r#"{"Effect": "Deny", "Condition": {"NotIpAddress": {"aws:SourceIp": "192.0.2.0/24"}, "BoolIfExists": {"aws:ViaAWSService": "false"}}}"#,
    ),
    (
        "EXEMPT_BY_NAME_ANY_ACCOUNT",
        "scp",
        r#"{"Effect": "Deny", "Condition": {"ArnNotLike": {"aws:PrincipalArn": "arn:aws:iam::*:role/admin"}}}"#,
        r#"{"Effect": "Deny", "Condition": {"ArnNotLike": {"aws:PrincipalArn": "arn:aws:iam::*:role/aws-reserved/sso.amazonaws.com/*"}}}"#,
    ),
    (
        "EXEMPT_PATH_CREATABLE",
        "scp",
        r#"{"Effect": "Deny", "Condition": {"ArnNotLike": {"aws:PrincipalArn": "arn:aws:iam::111122223333:role/service-role/*"}}}"#,
        r#"{"Effect": "Deny", "Condition": {"ArnNotLike": {"aws:PrincipalArn": "arn:aws:iam::111122223333:role/ops/admin"}}}"#,
    ),
    (
        "TAG_CASE",
        "scp",
        r#"{"Effect": "Deny", "Action": "secretsmanager:UntagResource", "Condition": {"ForAnyValue:StringEquals": {"aws:TagKeys": "AppID"}}}"#,
        r#"{"Effect": "Deny", "Action": "secretsmanager:UntagResource", "Condition": {"ForAnyValue:StringEqualsIgnoreCase": {"aws:TagKeys": "AppID"}}}"#,
    ),
    (
        "TAG_CASE",
        "identity",
        r#"{"Action": "ec2:CreateTags", "Condition": {"StringEquals": {"aws:RequestTag/AppID": "a"}, "ForAnyValue:StringEquals": {"aws:TagKeys": "appid"}}}"#,
        r#"{"Action": "ec2:CreateTags", "Condition": {"StringEquals": {"aws:RequestTag/AppID": "a"}, "ForAnyValue:StringEquals": {"aws:TagKeys": "AppID"}}}"#,
    ),
    (
        "USERID_CASE",
        "scp",
        r#"{"Effect": "Deny", "Condition": {"StringLike": {"aws:userid": "*:john@corp.com"}}}"#,
        r#"{"Effect": "Deny", "Condition": {"StringLike": {"aws:userid": ["*:john@corp.com", "*:John@corp.com"]}}}"#,
    ),
    (
        "USERID_CASE",
        "scp",
        r#"{"Effect": "Deny", "Condition": {"StringEquals": {"aws:SourceIdentity": "john"}}}"#,
        r#"{"Effect": "Deny", "Condition": {"StringEqualsIgnoreCase": {"aws:SourceIdentity": "john"}}}"#,
    ),
    (
        "EXPIRED",
        "scp",
        r#"{"Effect": "Deny", "Condition": {"DateLessThan": {"aws:CurrentTime": "2020-01-01T00:00:00Z"}}}"#,
        r#"{"Effect": "Deny", "Condition": {"DateLessThan": {"aws:TokenIssueTime": "2020-01-01T00:00:00Z"}}}"#,
    ),
    (
        "STATEMENT_SHADOWED",
        "identity",
        r#"{"Action": "s3:Get*", "Resource": "arn:aws:s3:::b*"}{"Action": "s3:GetObject", "Resource": "arn:aws:s3:::b/*"}"#,
        r#"{"Action": "s3:Get*", "Resource": "arn:aws:s3:::b*"}{"Action": "s3:GetObject", "Resource": "arn:aws:s3:::c/*"}"#,
    ),
    (
        "STATEMENT_SHADOWED",
        "identity",
        r#"{"Action": "s3:GetObject", "Resource": "arn:aws:s3:::b/*"}{"Effect": "Deny", "Action": "s3:*", "Resource": "*"}"#,
        r#"{"Action": "s3:GetObject", "Resource": "arn:aws:s3:::b/*"}{"Effect": "Deny", "Action": "s3:*", "Resource": "*", "Condition": {"Bool": {"aws:SecureTransport": "false"}}}"#,
    ),
    (
        "MULTI_RESOURCE_COND",
        "identity",
        r#"{"Action": "sso:CreateAccountAssignment", "Resource": "*", "Condition": {"StringEquals": {"aws:ResourceTag/env": "dev"}}}"#,
        r#"{"Action": "sso:CreateAccountAssignment", "Resource": "arn:aws:sso:::permissionSet/*", "Condition": {"StringEquals": {"aws:ResourceTag/env": "dev"}}}"#,
    ),
    (
        "SHORT_ARN",
        "identity",
        r#"{"Resource": "arn:aws:s3"}"#,
        r#"{"Resource": "arn:aws:s3*"}"#,
    ),
    (
        "PAIR_NONE",
        "resource",
        r#"!{"Version": "2012-10-17", "Statement": {"Effect": "Deny", "Principal": "*", "Action": "ecr:*"}}"#,
        r#"{"Principal": "*", "Action": "ecr:*", "Resource": "*"}"#,
    ),
];

pub(crate) fn policy(kind: &str, text: &str) -> String {
    if let Some(whole) = text.strip_prefix('!') {
        return whole.to_owned();
    }
    let statements: Vec<String> = text
        .split("}{")
        .enumerate()
        .map(|(at, it)| {
            let it = it.strip_prefix('{').filter(|_| at == 0).unwrap_or(it);
            let last = at + 1 == text.split("}{").count();
            let it = it.strip_suffix('}').filter(|_| last).unwrap_or(it);
            filled(kind, it)
        })
        .collect();
    format!(
        r#"{{"Version": "2012-10-17", "Statement": [{}]}}"#,
        statements.join(", ")
    )
}

fn filled(kind: &str, inside: &str) -> String {
    let mut inside = inside.to_owned();
    let needs: [(&str, &str); 3] = [
        ("\"Effect\"", r#""Effect": "Allow""#),
        ("Action\"", r#""Action": "s3:ListAllMyBuckets""#),
        ("esource\":", r#""Resource": "*""#),
    ];
    for (needle, element) in needs {
        let needless = kind == "trust" && element.contains("Resource");
        if !inside.contains(needle) && !needless {
            if !inside.is_empty() {
                inside.push_str(", ");
            }
            inside.push_str(element);
        }
    }
    format!("{{{inside}}}")
}

pub(crate) fn options(kind: &str) -> Options {
    let (kind, language) = match kind {
        "scp-classic" => (PolicyType::Scp, ScpLanguage::Classic),
        kind => (kind.parse().unwrap(), ScpLanguage::Full),
    };
    Options {
        language,
        now: Some("2026-03-02T10:05:00Z".parse().unwrap()),
        ..Options::new(kind)
    }
}

pub(crate) fn codes(kind: &str, text: &str) -> Vec<&'static str> {
    let findings = lint(&policy(kind, text), &options(kind));
    findings.iter().map(|it| it.code.as_str()).collect()
}

#[test]
fn every_code_fires_where_it_should_and_only_there() {
    let mut wrong = Vec::new();
    for (code, kind, positive, negative) in CODES {
        let found = codes(kind, positive);
        if !found.contains(code) {
            wrong.push(format!(
                "{code} ({kind}) is missed in {positive}: {found:?}"
            ));
        }
        let found = codes(kind, negative);
        if found.contains(code) {
            wrong.push(format!("{code} ({kind}) is wrong in {negative}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn no_code_is_left_out() {
    let elsewhere = ["SCP_NO_ALLOW_AT_LEVEL", "SIZE", "SIZE_NEAR"];
    for rule in LintCode::ALL {
        let name = rule.as_str();
        let tried = CODES.iter().any(|(code, ..)| *code == name);
        assert!(tried || elsewhere.contains(&name), "{name} has no row");
    }
    let numbers: std::collections::BTreeSet<u8> =
        LintCode::ALL.iter().map(|it| it.about().number).collect();
    assert!(numbers.into_iter().eq(1..=74));
}
