use hallpass_aws_model::{Invalid, Violation, message, validate};
use serde_json::{Value, json};

use crate::find;

const INSTANCE: &str = "arn:aws:sso:::instance/ssoins-0123456789abcdef";
const STORE: &str = "d-1234567890";
const USER: &str = "906752b2-44c8-4e80-80f1-7091a2000f9d";
const ROLE: &str = "arn:aws:iam::222233334444:role/X";

fn check(rows: &[(&str, Value, &str)]) {
    let mut wrong = Vec::new();
    for (name, input, expected) in rows {
        let (service, operation) = find(name);
        let found = match validate(service, operation, input) {
            Ok(()) => "ok".to_owned(),
            Err(Invalid::WrongType { path, expected }) => format!("type: {path}: {expected}"),
            Err(Invalid::Violations(all)) => all
                .iter()
                .map(Violation::text)
                .collect::<Vec<_>>()
                .join("\n"),
        };
        if found != *expected {
            wrong.push(format!(
                "{name} {input}\n  found    {found}\n  expected {expected}"
            ));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn texts_of_single_values() {
    let set = |name: &str| json!({"InstanceArn": INSTANCE, "Name": name});
    let page = |size: i64| json!({"MaxResults": size});
    check(&[
        ("sso-admin CreatePermissionSet", set("ReadOnly"), "ok"),
        (
            "sso-admin CreatePermissionSet",
            json!({"InstanceArn": INSTANCE}),
            "Value null at 'name' failed to satisfy constraint: Member must not be null",
        ),
        (
            "sso-admin CreatePermissionSet",
            json!({"InstanceArn": INSTANCE, "Name": null}),
            "Value null at 'name' failed to satisfy constraint: Member must not be null",
        ),
        (
            "sso-admin CreatePermissionSet",
            set("123456789012345678901234567890123"),
            "Value '123456789012345678901234567890123' at 'name' failed to satisfy constraint: \
             Member must have length less than or equal to 32",
        ),
        (
            "sso-admin CreatePermissionSet",
            set(""),
            "Value '' at 'name' failed to satisfy constraint: \
             Member must have length greater than or equal to 1\n\
             Value '' at 'name' failed to satisfy constraint: \
             Member must satisfy regular expression pattern: [\\w+=,.@-]+",
        ),
        ("organizations ListAccounts", page(20), "ok"),
        (
            "organizations ListAccounts",
            page(21),
            "Value '21' at 'maxResults' failed to satisfy constraint: \
             Member must have value less than or equal to 20",
        ),
        (
            "organizations ListAccounts",
            page(0),
            "Value '0' at 'maxResults' failed to satisfy constraint: \
             Member must have value greater than or equal to 1",
        ),
        (
            "sts AssumeRole",
            json!({"RoleArn": ROLE, "RoleSessionName": "x y"}),
            "Value 'x y' at 'roleSessionName' failed to satisfy constraint: \
             Member must satisfy regular expression pattern: [\\w+=,.@-]*",
        ),
        (
            "sso-admin CreateAccountAssignment",
            json!({"InstanceArn": INSTANCE, "TargetId": "222233334444", "TargetType": "AWS_ACCOUNT",
                "PermissionSetArn": "arn:aws:sso:::permissionSet/ssoins-0123456789abcdef/ps-0123456789abcdef",
                "PrincipalType": "ROLE", "PrincipalId": USER}),
            "Value 'ROLE' at 'principalType' failed to satisfy constraint: \
             Member must satisfy enum value set: [USER, GROUP]",
        ),
        (
            "iam ListUsers",
            json!({"MaxItems": 1001}),
            "Value '1001' at 'maxItems' failed to satisfy constraint: \
             Member must have value less than or equal to 1000",
        ),
    ]);
}

#[test]
fn texts_of_nested_values() {
    let tags = |tags: Value| json!({"RoleArn": ROLE, "RoleSessionName": "se", "Tags": tags});
    let long = "k".repeat(129);
    let long_text = format!(
        "Value '{long}' at 'tags.2.member.key' failed to satisfy constraint: \
         Member must have length less than or equal to 128"
    );
    let many: Vec<Value> = (0..51).map(|_| json!({"Key": "k", "Value": "v"})).collect();
    let shown = vec!["Tag(key=k, value=v)"; 51].join(", ");
    let many_text = format!(
        "Value '[{shown}]' at 'tags' failed to satisfy constraint: \
         Member must have length less than or equal to 50"
    );
    check(&[
        ("sts AssumeRole", tags(json!([])), "ok"),
        (
            "sts AssumeRole",
            tags(json!([{"Key": "a"}])),
            "Value null at 'tags.1.member.value' failed to satisfy constraint: Member must not be null",
        ),
        (
            "sts AssumeRole",
            tags(json!([{"Key": "a", "Value": "b"}, {"Key": long, "Value": ""}])),
            &long_text,
        ),
        (
            "sts AssumeRole",
            tags(json!([null])),
            "Value null at 'tags.1.member' failed to satisfy constraint: Member must not be null",
        ),
        ("sts AssumeRole", tags(Value::Array(many)), &many_text),
        (
            "organizations DescribeHandshake",
            json!({"HandshakeId": "h-1"}),
            "Value 'h-1' at 'handshakeId' failed to satisfy constraint: \
             Member must satisfy regular expression pattern: ^h-[0-9a-z]{8,32}$",
        ),
        (
            "organizations UntagResource",
            json!({"ResourceId": "r-abcd", "TagKeys": ["ok", ""]}),
            "Value '[ok, ]' at 'tagKeys' failed to satisfy constraint: \
             Member must satisfy constraint: [Member must have length less than or equal to 128, \
             Member must have length greater than or equal to 1, \
             Member must satisfy regular expression pattern: ^([\\p{L}\\p{Z}\\p{N}_.:/=+\\-@]*)$]",
        ),
    ]);
}

#[test]
fn sensitive_values_are_stars() {
    check(&[
        (
            "organizations CreateAccount",
            json!({"AccountName": "", "Email": "x"}),
            "Value '***' at 'email' failed to satisfy constraint: \
             Member must have length greater than or equal to 6\n\
             Value '***' at 'email' failed to satisfy constraint: \
             Member must satisfy regular expression pattern: [^\\s@]+@[^\\s@]+\\.[^\\s@]+\n\
             Value '***' at 'accountName' failed to satisfy constraint: \
             Member must have length greater than or equal to 1\n\
             Value '***' at 'accountName' failed to satisfy constraint: \
             Member must satisfy regular expression pattern: [\\u0020-\\u007E]+",
        ),
        (
            "identitystore CreateUser",
            json!({"IdentityStoreId": STORE, "UserName": ""}),
            "Value '***' at 'userName' failed to satisfy constraint: \
             Member must have length greater than or equal to 1\n\
             Value '***' at 'userName' failed to satisfy constraint: \
             Member must satisfy regular expression pattern: [\\p{L}\\p{M}\\p{S}\\p{N}\\p{P}]+",
        ),
    ]);
}

#[test]
fn wrong_types_stop_the_pass() {
    check(&[
        ("organizations ListAccounts", json!(null), "ok"),
        ("organizations ListAccounts", json!({}), "ok"),
        ("organizations ListAccounts", json!({"Unknown": [1]}), "ok"),
        (
            "organizations ListAccounts",
            json!([]),
            "type: : a structure",
        ),
        (
            "organizations ListAccounts",
            json!({"MaxResults": "1"}),
            "type: maxResults: an integer",
        ),
        (
            "organizations ListAccounts",
            json!({"MaxResults": 1.5}),
            "type: maxResults: an integer",
        ),
        (
            "organizations ListAccounts",
            json!({"NextToken": 1}),
            "type: nextToken: a string",
        ),
        (
            "sso-admin CreatePermissionSet",
            json!(null),
            "type: : a structure",
        ),
        ("sts AssumeRole", json!({"Tags": {}}), "type: tags: a list"),
        (
            "sts AssumeRole",
            json!({"Tags": ["a"]}),
            "type: tags.1.member: a structure",
        ),
        (
            "organizations UntagResource",
            json!({"ResourceId": "r-abcd", "TagKeys": [1]}),
            "type: tagKeys.1.member: a string",
        ),
    ]);
}

#[test]
fn a_session_duration_is_checked_by_hand() {
    let set =
        |length: &str| json!({"InstanceArn": INSTANCE, "Name": "A", "SessionDuration": length});
    let refused = concat!(
        "Value '8h' at 'sessionDuration' failed to satisfy constraint: ",
        "Member must satisfy regular expression pattern: ",
        r"(-?)P(?=\d|T\d)(?:(\d+)Y)?(?:(\d+)M)?(?:(\d+)([DW]))?",
        r"(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+(?:\.\d+)?)S)?)?"
    );
    check(&[
        ("sso-admin CreatePermissionSet", set("PT8H"), "ok"),
        ("sso-admin CreatePermissionSet", set("8h"), refused),
    ]);
}

#[test]
fn two_failures_are_one_message() {
    let (service, operation) = find("sso-admin DescribePermissionSet");
    let input = json!({"InstanceArn": "x y"});
    let Err(Invalid::Violations(found)) = validate(service, operation, &input) else {
        panic!("must be refused")
    };
    assert_eq!(
        message(&found[1..]),
        "2 validation errors detected: \
         Value 'x y' at 'instanceArn' failed to satisfy constraint: \
         Member must satisfy regular expression pattern: \
         arn:aws(-[a-z]{1,5}){0,3}:sso:::instance/(sso)?ins-[a-zA-Z0-9-.]{16}; \
         Value null at 'permissionSetArn' failed to satisfy constraint: Member must not be null"
    );
    assert_eq!(
        Invalid::Violations(found.clone()).to_string(),
        message(&found)
    );
    assert!(message(&found[..1]).starts_with("1 validation error detected: Value 'x y'"));
}
