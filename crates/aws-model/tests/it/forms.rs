//! The Query protocol both ways.

use hallpass_aws_model::{
    json_to_query_xml, query_error, query_response, query_to_json, tables, validate,
};
use serde_json::{Value, json};

use crate::find;

fn read(name: &str, form: &str) -> Result<Value, String> {
    let (service, operation) = find(name);
    let fields: Vec<(String, String)> = form
        .split('&')
        .filter_map(|field| field.split_once('='))
        .map(|(key, value)| (key.to_owned(), value.to_owned()))
        .collect();
    query_to_json(service, operation, &fields).map_err(|error| error.to_string())
}

#[test]
fn forms_become_json() {
    let rows = [
        (
            "sts GetCallerIdentity",
            "Action=GetCallerIdentity&Version=2011-06-15",
            json!({}),
        ),
        (
            "sts AssumeRole",
            "Action=AssumeRole&RoleArn=r&DurationSeconds=900&Tags.member.1.Key=a&Tags.member.1.Value=b",
            json!({"RoleArn": "r", "DurationSeconds": 900, "Tags": [{"Key": "a", "Value": "b"}]}),
        ),
        (
            "sts AssumeRole",
            "TransitiveTagKeys.member.10=j&TransitiveTagKeys.member.2=b&TransitiveTagKeys.member.1=a",
            json!({"TransitiveTagKeys": ["a", "b", "j"]}),
        ),
        (
            "sts AssumeRole",
            "Tags=&Unknown.member.1=x",
            json!({"Tags": []}),
        ),
        (
            "sts AssumeRole",
            "RoleArn=a&RoleArn=b",
            json!({"RoleArn": "b"}),
        ),
        (
            "iam GetAccountSummary",
            "Action=GetAccountSummary",
            json!({}),
        ),
        (
            "iam UpdateAccountPasswordPolicy",
            "RequireNumbers=true&HardExpiry=FALSE",
            json!({"RequireNumbers": true, "HardExpiry": false}),
        ),
    ];
    for (name, form, expected) in rows {
        let mut found = read(name, form).expect(form);
        found.sort_all_objects();
        let mut expected = expected;
        expected.sort_all_objects();
        assert_eq!(found, expected, "{form}");
    }
}

#[test]
fn bad_forms_are_malformed() {
    let deep = format!("{}=x", vec!["Tags"; 40].join("."));
    let rows = [
        (
            "DurationSeconds=soon",
            "`DurationSeconds` must be an integer",
        ),
        ("Tags.member.x.Key=a", "`Tags.member.x` must be numbered"),
        (deep.as_str(), "is nested too deeply"),
    ];
    for (form, expected) in rows {
        let error = read("sts AssumeRole", form).unwrap_err();
        assert!(error.ends_with(expected), "{form}: {error}");
    }
}

/// Writes JSON as a form, the way clients do.
fn form(prefix: &str, value: &Value, out: &mut Vec<(String, String)>) {
    let join = |step: &str| {
        if prefix.is_empty() {
            step.to_owned()
        } else {
            format!("{prefix}.{step}")
        }
    };
    match value {
        Value::Object(all) => all
            .iter()
            .for_each(|(key, value)| form(&join(key), value, out)),
        Value::Array(all) => {
            for (index, value) in all.iter().enumerate() {
                form(&join(&format!("member.{}", index + 1)), value, out);
            }
        }
        Value::String(text) => out.push((prefix.to_owned(), text.clone())),
        other => out.push((prefix.to_owned(), other.to_string())),
    }
}

#[test]
fn a_form_comes_back_as_the_json_it_was_made_of() {
    let (service, operation) = find("iam CreateRole");
    let input = json!({
        "Path": "/team/", "RoleName": "deploy", "AssumeRolePolicyDocument": "{}",
        "MaxSessionDuration": 3600,
        "Tags": [{"Key": "a", "Value": "1"}, {"Key": "b", "Value": ""}],
    });
    let mut fields = Vec::new();
    form("", &input, &mut fields);
    let found = query_to_json(service, operation, &fields).unwrap();
    assert_eq!(found, input);
    assert_eq!(validate(service, operation, &found), Ok(()));
}

#[test]
fn answers_are_xml() {
    let rows = [
        (
            "sts GetCallerIdentity",
            json!({"Account": "111122223333", "UserId": "AIDA", "Arn": "arn:aws:iam::1:user/<&>"}),
            "<GetCallerIdentityResult><UserId>AIDA</UserId><Account>111122223333</Account>\
             <Arn>arn:aws:iam::1:user/&lt;&amp;&gt;</Arn></GetCallerIdentityResult>",
        ),
        (
            "sts GetSessionToken",
            json!({"Credentials": {"AccessKeyId": "A", "SecretAccessKey": "S", "SessionToken": "T",
                "Expiration": 1_795_159_663.461}}),
            "<GetSessionTokenResult><Credentials><AccessKeyId>A</AccessKeyId>\
             <SecretAccessKey>S</SecretAccessKey><SessionToken>T</SessionToken>\
             <Expiration>2026-11-20T07:27:43Z</Expiration></Credentials></GetSessionTokenResult>",
        ),
        (
            "iam ListUserPolicies",
            json!({"PolicyNames": ["a", "b"], "IsTruncated": false, "Unknown": 1}),
            "<ListUserPoliciesResult><PolicyNames><member>a</member><member>b</member></PolicyNames>\
             <IsTruncated>false</IsTruncated></ListUserPoliciesResult>",
        ),
        (
            "iam ListUserPolicies",
            json!({"PolicyNames": []}),
            "<ListUserPoliciesResult><PolicyNames></PolicyNames></ListUserPoliciesResult>",
        ),
        (
            "iam GetAccountSummary",
            json!({"SummaryMap": {"Users": 3}}),
            "<GetAccountSummaryResult><SummaryMap><entry><key>Users</key><value>3</value></entry>\
             </SummaryMap></GetAccountSummaryResult>",
        ),
        ("iam DeleteUser", json!({}), ""),
    ];
    for (name, output, expected) in rows {
        let (service, operation) = find(name);
        assert_eq!(
            json_to_query_xml(service, operation, &output),
            expected,
            "{name}"
        );
    }
}

#[test]
fn whole_answers_carry_namespace_and_request_id() {
    let (iam, delete_user) = find("iam DeleteUser");
    assert_eq!(
        query_response(iam, delete_user, &json!({}), "r-1"),
        "<DeleteUserResponse xmlns=\"https://iam.amazonaws.com/doc/2010-05-08/\">\
         <ResponseMetadata><RequestId>r-1</RequestId></ResponseMetadata></DeleteUserResponse>"
    );
    let sts = tables().service("sts").unwrap();
    assert_eq!(
        query_error(sts, "SignatureDoesNotMatch", 403, "no\r\u{1}", "r-1"),
        "<ErrorResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><Error>\
         <Type>Sender</Type><Code>SignatureDoesNotMatch</Code><Message>no&#xD;\u{fffd}</Message>\
         </Error><RequestId>r-1</RequestId></ErrorResponse>"
    );
    let failure = query_error(iam, "ServiceFailure", 500, "", "r-1");
    assert!(failure.contains("<Type>Receiver</Type>"), "{failure}");
}
