use hallpass_aws_model::{
    ServiceModel, json_to_query_xml, query_error, query_response, query_to_json, tables, validate,
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

const ODD: &str = r#"{"format": 1, "name": "odd", "id": "Odd", "version": "2020-01-01",
"protocols": ["query"], "signing": "odd", "endpoint": "odd",
"operations": {"Do": {"input": "All", "output": "All"}},
"shapes": {
"All": {"type": "structure", "members": [
  {"name": "Flat", "shape": "FlatList", "wire": "flat"}, {"name": "Named", "shape": "NamedList"},
  {"name": "Map", "shape": "Map"}, {"name": "FlatMap", "shape": "Map", "flattened": true},
  {"name": "Seen", "shape": "Time"}, {"name": "Count", "shape": "Long"},
  {"name": "Rate", "shape": "Double"}, {"name": "Data", "shape": "Blob"}]},
"FlatList": {"type": "list", "element": "Text", "flattened": true},
"NamedList": {"type": "list", "element": "Text", "element_wire": "item"},
"Map": {"type": "map", "key": "Text", "value": "Long", "key_wire": "Name", "max": 1},
"Text": {"type": "string", "max": 3, "sensitive": false},
"Time": {"type": "timestamp", "time": "iso8601"},
"Long": {"type": "long", "max": 9}, "Double": {"type": "double"}, "Blob": {"type": "blob"}}}"#;

#[test]
fn flattened_and_named_forms_go_both_ways() {
    let service = ServiceModel::parse(ODD).unwrap();
    let operation = service.operation("Do").unwrap();
    let fields = [
        ("flat.1", "a"),
        ("flat.2", "b"),
        ("Named.item.1", "c"),
        ("Map.entry.1.Name", "k"),
        ("Map.entry.1.value", "1"),
        ("FlatMap.1.Name", "k"),
        ("FlatMap.1.value", "2"),
        ("Seen", "2026-11-20T07:27:43.5Z"),
        ("Count", "3"),
        ("Rate", "0.5"),
        ("Data", "AA=="),
    ];
    let fields = fields.map(|(key, value)| (key.to_owned(), value.to_owned()));
    let value = query_to_json(&service, operation, &fields).unwrap();
    let expected = json!({"flat": ["a", "b"], "Named": ["c"], "Map": {"k": 1},
        "FlatMap": {"k": 2}, "Seen": 1_795_159_663.5, "Count": 3, "Rate": 0.5, "Data": "AA=="});
    assert_eq!(value, expected);
    assert_eq!(validate(&service, operation, &value), Ok(()));
    assert_eq!(
        json_to_query_xml(&service, operation, &value),
        "<flat>a</flat><flat>b</flat><Named><item>c</item></Named>\
         <Map><entry><Name>k</Name><value>1</value></entry></Map>\
         <FlatMap><Name>k</Name><value>2</value></FlatMap>\
         <Seen>2026-11-20T07:27:43Z</Seen><Count>3</Count><Rate>0.5</Rate><Data>AA==</Data>"
    );
}

#[test]
fn keys_and_values_of_maps_are_checked() {
    let service = ServiceModel::parse(ODD).unwrap();
    let operation = service.operation("Do").unwrap();
    let error = validate(
        &service,
        operation,
        &json!({"Map": {"long": 10, "b": null}}),
    );
    assert_eq!(
        error.unwrap_err().to_string(),
        "4 validation errors detected: \
         Value '{long=10, b=null}' at 'map' failed to satisfy constraint: \
         Member must have length less than or equal to 1; \
         Value null at 'map.b.member' failed to satisfy constraint: Member must not be null; \
         Value '{long=10, b=null}' at 'map' failed to satisfy constraint: \
         Map keys must satisfy constraint: [Member must have length less than or equal to 3]; \
         Value '{long=10, b=null}' at 'map' failed to satisfy constraint: \
         Map value must satisfy constraint: [Member must have value less than or equal to 9]"
    );
}

#[test]
fn tables_of_another_form_are_refused() {
    let rows = [
        (
            "\"format\": 1",
            "\"format\": 2",
            "the service table has format 2, not 1",
        ),
        (
            "\"type\": \"blob\"",
            "\"type\": \"bag\"",
            "shape `Blob` has the unknown type `bag`",
        ),
        (
            "\"element\": \"Text\", \"flat",
            "\"flat",
            "shape `FlatList` does not name its elements",
        ),
    ];
    for (from, to, expected) in rows {
        let error = ServiceModel::parse(&ODD.replace(from, to)).unwrap_err();
        assert_eq!(error.to_string(), expected);
    }
}
