//! `policies.md` §11: attributes of an identity provider become session tags.

use std::collections::BTreeMap;
use std::sync::Arc;

use hallpass_iam::attributes::{
    Assertion, AttributeMap, Idp, ProduceMode, Produced, SessionTags, Tagging, permission_set,
    produce, session_tags,
};
use hallpass_iam::generate::Layout;
use hallpass_iam::{BadInput, Context, Layers, Policy, PolicyType, Request, decide};
use serde_json::{Value, json};

const MAP: &str = r#"
provider = "arn:aws:iam::111122223333:saml-provider/okta"
roles = ["arn:aws:iam::222233334444:role/Dev"]
session_name = "user.email"
source_identity = "user.login"
session_duration = "2h"
other_tag_keys = ["Name"]

[[tag]]
key = "Department"
from = "user.department"
path = "enterprise.department"
transitive = true

[[tag]]
key = "Squad"
from = "user.squad"
on_resources = false
"#;

fn map() -> AttributeMap {
    AttributeMap::parse(MAP).unwrap()
}

type Sent<'a> = (&'a str, &'a [&'a str]);
type Pair<'a> = (&'a str, &'a str);
type Row1<'a> = (&'a str, &'a [Sent<'a>], &'a [Pair<'a>], &'a str, &'a str);
type Row7<'a> = (
    &'a str,
    &'a str,
    &'a [Pair<'a>],
    &'a [&'a str],
    &'a str,
    &'a str,
    &'a str,
);

fn saml(attributes: &[Sent<'_>]) -> Assertion {
    let mut text = String::from(
        "<?xml version=\"1.0\"?><samlp:Response xmlns:samlp=\"p\"><saml:Assertion \
         xmlns:saml=\"a\"><saml:Subject>x</saml:Subject><saml:AttributeStatement>",
    );
    for (name, values) in attributes {
        let values = values
            .iter()
            .map(|it| format!("<saml:AttributeValue>{it}</saml:AttributeValue>\n"));
        let values: String = values.collect();
        let name = format!("https://aws.amazon.com/SAML/Attributes/{name}");
        let head = "<saml:Attribute NameFormat=\"urn:oasis:names:tc:SAML:2.0:attrname-format:uri\"";
        text = format!("{text}{head} Name=\"{name}\">\n{values}</saml:Attribute>");
    }
    text += "</saml:AttributeStatement></saml:Assertion></samlp:Response>";
    Assertion::parse(&text).unwrap()
}

fn result(attributes: &[Sent<'_>], store: &[Pair<'_>]) -> Result<SessionTags, BadInput> {
    let store = store
        .iter()
        .map(|(path, value)| ((*path).to_owned(), (*value).to_owned()))
        .collect();
    session_tags(&map(), &saml(attributes), &store)
}

fn shown(result: &Result<SessionTags, BadInput>) -> String {
    match result {
        Ok(session) => {
            let tags = session
                .tags
                .iter()
                .map(|(key, value)| format!("{key}={value}"));
            tags.collect::<Vec<_>>().join(" ")
        }
        Err(error) => error.code.to_owned(),
    }
}

#[test]
fn rows_1_to_6_which_tags_result() {
    let department = "AccessControl:Department";
    let rows: [Row1<'_>; 8] = [
        (
            "1",
            &[(department, &["Serverless"])],
            &[],
            "Department=Serverless",
            "no tag `Squad`",
        ),
        (
            "2",
            &[(department, &["B"])],
            &[("enterprise.department", "A")],
            "Department=B",
            "",
        ),
        (
            "2, other case",
            &[("AccessControl:department", &["B"])],
            &[("enterprise.department", "A")],
            "department=B",
            "",
        ),
        (
            "2, store only",
            &[],
            &[("enterprise.department", "A")],
            "Department=A",
            "",
        ),
        (
            "3",
            &[("AccessControl:Team", &["x"])],
            &[],
            "Team=x",
            "`Team` is not in Identity Center",
        ),
        ("4", &[(department, &["A", "B"])], &[], "E_MULTI", ""),
        (
            "5",
            &[(department, &[""])],
            &[],
            "",
            "`Department` is empty",
        ),
        (
            "6",
            &[(department, &["A"]), ("AccessControl:department", &["A"])],
            &[],
            "E_DUP_TAG",
            "",
        ),
    ];
    for (row, attributes, store, wanted, warning) in rows {
        let result = result(attributes, store);
        assert_eq!(shown(&result), wanted, "row {row}");
        if let Ok(session) = result {
            let warned = session.warnings.iter().any(|it| it.contains(warning));
            assert!(
                warned || warning.is_empty(),
                "row {row}: {:?}",
                session.warnings
            );
        }
    }
}

const CIRCULATED: &str = r#"{"Version":"2012-10-17","Statement":[
  {"Effect":"Allow","Action":["secretsmanager:ListSecrets","secretsmanager:DescribeSecret",
    "secretsmanager:GetSecretValue","secretsmanager:ListSecretVersionIds","secretsmanager:PutSecretValue",
    "secretsmanager:UpdateSecret","secretsmanager:DeleteSecret","secretsmanager:RestoreSecret",
    "secretsmanager:TagResource"],"Resource":"*",
   "Condition":{"StringEquals":{"aws:ResourceTag/Department":"${aws:PrincipalTag/Department}"}}},
  {"Effect":"Allow","Action":"secretsmanager:ListSecrets","Resource":"*"},
  {"Effect":"Allow","Action":"secretsmanager:CreateSecret","Resource":"*",
   "Condition":{"StringEquals":{"aws:RequestTag/Department":"${aws:PrincipalTag/Department}"}}}]}"#;

const SECRET: &str = "arn:aws:secretsmanager:eu-west-1:222233334444:secret:db-AbCdEf";

fn ask(policy: &Policy, action: &str, keys: &[(&str, &str)], tag_keys: &[&str]) -> String {
    let mut context = Context::new().with("aws:PrincipalTag/Department", "Serverless");
    for (key, value) in keys {
        context = context.with(key, *value);
    }
    if !tag_keys.is_empty() {
        context = context.with_list("aws:TagKeys", tag_keys.iter().copied());
    }
    let request = Request::new(
        "arn:aws:sts::222233334444:assumed-role/Dev/ana",
        &format!("secretsmanager:{action}"),
        if action == "ListSecrets" { "*" } else { SECRET },
        context,
    )
    .unwrap();
    let layers = Layers {
        identity: vec![Arc::new(policy.clone())],
        ..Layers::default()
    };
    match decide(&layers, &request).as_str() {
        "Allowed" => "A".to_owned(),
        "ImplicitlyDenied" => "ID".to_owned(),
        other => other.to_owned(),
    }
}

fn ours(tagging: Tagging) -> Policy {
    let text = permission_set(&map(), tagging)
        .unwrap()
        .text(Layout::Minified);
    Policy::parse(&text, PolicyType::Identity).unwrap()
}

#[test]
fn rows_7_to_11_what_the_policies_allow() {
    let circulated = Policy::parse(CIRCULATED, PolicyType::Identity).unwrap();
    let left = ours(Tagging::Left);
    let tagging = ours(Tagging::Allowed);
    let own = ("aws:ResourceTag/Department", "Serverless");
    let other = ("aws:ResourceTag/Department", "Finance");
    let to_own = ("aws:RequestTag/Department", "Serverless");
    let to_other = ("aws:RequestTag/Department", "Finance");
    let key = &["Department"][..];
    // row, action, context, keys, circulated, generated, generated with --allow-tagging
    let rows: [Row7<'_>; 13] = [
        ("7", "CreateSecret", &[to_own], key, "A", "A", "A"),
        (
            "7, a name too",
            "CreateSecret",
            &[to_own],
            &["Department", "Name"],
            "A",
            "A",
            "A",
        ),
        (
            "7, any other tag",
            "CreateSecret",
            &[to_own],
            &["Department", "x"],
            "A",
            "ID",
            "ID",
        ),
        (
            "7, other department",
            "CreateSecret",
            &[to_other],
            key,
            "ID",
            "ID",
            "ID",
        ),
        ("8", "CreateSecret", &[], &[], "ID", "ID", "ID"),
        ("9", "GetSecretValue", &[other], &[], "ID", "ID", "ID"),
        ("9, own", "GetSecretValue", &[own], &[], "A", "A", "A"),
        ("9, untagged", "GetSecretValue", &[], &[], "ID", "ID", "ID"),
        ("10", "TagResource", &[own, to_other], key, "A", "ID", "ID"),
        (
            "10, foreign to own",
            "TagResource",
            &[other, to_own],
            key,
            "ID",
            "ID",
            "ID",
        ),
        (
            "10, own, a name",
            "TagResource",
            &[own],
            &["Name"],
            "A",
            "ID",
            "A",
        ),
        ("11", "ListSecrets", &[], &[], "A", "A", "A"),
        ("write own", "PutSecretValue", &[own], &[], "A", "A", "A"),
    ];
    for (row, action, context, keys, wanted, wanted_ours, wanted_tagging) in rows {
        let got = [&circulated, &left, &tagging].map(|it| ask(it, action, context, keys));
        assert_eq!(got, [wanted, wanted_ours, wanted_tagging], "row {row}");
    }
}

#[test]
fn row_12_a_role_has_to_let_sessions_be_tagged() {
    let made = produce(&map(), ProduceMode::IamSaml, Idp::Okta, Tagging::Left).unwrap();
    let trust = made.trust_policy.unwrap().json();
    let without = trust.replace("\"sts:TagSession\",", "");
    assert_ne!(trust, without);
    let decision = |trust: &str, action: &str| {
        let layers = Layers {
            resource: Some(Arc::new(Policy::parse(trust, PolicyType::Trust).unwrap())),
            ..Layers::default()
        };
        let request = Request::new(
            "arn:aws:iam::111122223333:saml-provider/okta",
            action,
            "arn:aws:iam::222233334444:role/Dev",
            Context::new().with("SAML:aud", "https://signin.aws.amazon.com/saml"),
        );
        decide(&layers, &request.unwrap()).as_str()
    };
    for action in ["sts:AssumeRoleWithSAML", "sts:SetSourceIdentity"] {
        assert_eq!(decision(&trust, action), "Allowed", "{action}");
        assert_eq!(decision(&without, action), "Allowed", "{action}");
    }
    assert_eq!(decision(&trust, "sts:TagSession"), "Allowed");
    assert_eq!(decision(&without, "sts:TagSession"), "ImplicitlyDenied");
}

fn made(mode: ProduceMode, idp: Idp) -> Value {
    let produced: Produced = produce(&map(), mode, idp, Tagging::Left).unwrap();
    serde_json::to_value(produced).unwrap()
}

#[test]
fn every_provider_gets_its_statements_in_its_words() {
    let okta = made(ProduceMode::IdentityCenter, Idp::Okta);
    assert_eq!(
        okta["identity_provider"]["saml_attributes"][0],
        json!({"name": "https://aws.amazon.com/SAML/Attributes/AccessControl:Department",
            "name_format": "URI Reference", "value": "user.department"})
    );
    assert_eq!(
        okta["access_control_attributes"],
        json!({"AccessControlAttributes": [
            {"Key": "Department", "Value": {"Source": ["${path:enterprise.department}"]}}]})
    );
    assert!(okta.get("trust_policy").is_none());
    let entra = made(ProduceMode::IdentityCenter, Idp::Entra);
    assert_eq!(
        entra["identity_provider"]["saml_attributes"][0],
        json!({"namespace": "https://aws.amazon.com/SAML/Attributes",
            "name": "AccessControl:Department", "name_format": "URI",
            "source_attribute": "user.department"})
    );
    let generic = made(ProduceMode::IamSaml, Idp::Generic);
    let lines = generic["identity_provider"]["saml_attributes"]
        .as_array()
        .unwrap();
    let lines: Vec<String> = lines
        .iter()
        .map(|it| {
            let name = it["Name"].as_str().unwrap();
            let name = name.trim_start_matches("https://aws.amazon.com/SAML/Attributes/");
            format!("{name} = {}", it["value"].as_str().unwrap())
        })
        .collect();
    assert_eq!(
        lines,
        [
            "Role = arn:aws:iam::222233334444:role/Dev,arn:aws:iam::111122223333:saml-provider/okta",
            "RoleSessionName = user.email",
            "SourceIdentity = user.login",
            "SessionDuration = 7200",
            "PrincipalTag:Department = user.department",
            "PrincipalTag:Squad = user.squad",
            "TransitiveTagKeys = Department",
        ]
    );
    assert_eq!(
        generic["trust_policy"]["Statement"][0],
        json!({"Sid": "TrustProvider", "Effect": "Allow",
            "Principal": {"Federated": "arn:aws:iam::111122223333:saml-provider/okta"},
            "Action": ["sts:AssumeRoleWithSAML", "sts:TagSession", "sts:SetSourceIdentity"],
            "Condition": {"StringEquals": {"SAML:aud": "https://signin.aws.amazon.com/saml"}}})
    );
}

#[test]
fn an_oidc_provider_sends_claims() {
    let map = MAP
        .replace(
            "saml-provider/okta",
            "oidc-provider/login.acme.example/main",
        )
        .replace("session_name", "audience = \"hallpass\"\nsession_name");
    let map = AttributeMap::parse(&map).unwrap();
    let made = produce(&map, ProduceMode::IamOidc, Idp::Generic, Tagging::Left).unwrap();
    assert_eq!(
        made.identity_provider,
        json!({"claims": {
            "https://aws.amazon.com/tags": {
                "principal_tags": {"Department": ["user.department"], "Squad": ["user.squad"]},
                "transitive_tag_keys": ["Department"]},
            "https://aws.amazon.com/source_identity": "user.login"}})
    );
    let trust = serde_json::to_value(made.trust_policy.unwrap()).unwrap();
    assert_eq!(
        trust["Statement"][0]["Condition"],
        json!({"StringEquals": {"login.acme.example/main:aud": "hallpass"}})
    );
    let claims = json!({"sub": "ana", "https://aws.amazon.com/source_identity": "ana",
        "https://aws.amazon.com/tags": {"principal_tags": {"Department": ["Serverless"], "Squad": ["a"]},
            "transitive_tag_keys": ["Department", "Gone"]}});
    let session = |text: &str| {
        session_tags(&map, &Assertion::parse(text).unwrap(), &BTreeMap::new()).unwrap()
    };
    let plain = session(&claims.to_string());
    assert_eq!(shown(&Ok(plain.clone())), "Department=Serverless Squad=a");
    assert_eq!(plain.transitive, ["Department"]);
    assert_eq!(plain.source_identity.as_deref(), Some("ana"));
    assert!(plain.warnings.iter().any(|it| it.contains("`Gone`")));
    // {"https://aws.amazon.com/tags":{"principal_tags":{"Squad":["a"]}}} as a token
    let token = "e30.eyJodHRwczovL2F3cy5hbWF6b24uY29tL3RhZ3MiOnsicHJpbmNpcGFsX3RhZ3MiOnsiU3F1YWQiOlsiYSJdfX19.c2ln";
    assert_eq!(shown(&Ok(session(token))), "Squad=a");
}

#[test]
fn saml_of_iam_carries_more_than_tags() {
    let role = "arn:aws:iam::222233334444:role/Dev";
    let provider = "arn:aws:iam::111122223333:saml-provider/okta";
    let either_order = format!("{provider}, {role}");
    let session = result(
        &[
            ("Role", &[&either_order]),
            ("RoleSessionName", &["ana@acme.example"]),
            ("SourceIdentity", &["ana"]),
            ("SessionDuration", &["3600"]),
            ("PrincipalTag:Department", &["R&amp;D"]),
            ("TransitiveTagKeys", &["Department"]),
        ],
        &[("enterprise.department", "not asked for")],
    );
    assert_eq!(shown(&session), "E_TAG", "& is no character of a tag");
    let session = result(
        &[
            ("Role", &[&either_order]),
            ("SessionDuration", &["3600"]),
            ("PrincipalTag:Department", &["R&#45;D"]),
            ("TransitiveTagKeys", &["Department"]),
        ],
        &[("enterprise.department", "not asked for")],
    )
    .unwrap();
    assert_eq!(shown(&Ok(session.clone())), "Department=R-D");
    assert_eq!(session.roles, [format!("{role},{provider}")]);
    assert_eq!(session.session_duration, Some(3600));
    let tags = |pairs: &[(&str, &str)]| -> BTreeMap<String, String> {
        let owned = pairs
            .iter()
            .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()));
        owned.collect()
    };
    // session tags override role tags, case-insensitively
    let role_tags = tags(&[("department", "role's"), ("Stage", "dev")]);
    assert_eq!(
        session.principal_tags(&role_tags),
        tags(&[("Department", "R-D"), ("Stage", "dev")])
    );
    let next = session.chained(&tags(&[("Task", "x")])).unwrap();
    assert_eq!(next.tags, tags(&[("Department", "R-D"), ("Task", "x")]));
    assert_eq!(
        next.chained(&tags(&[])).unwrap().tags,
        tags(&[("Department", "R-D")])
    );
    assert_eq!(
        session
            .chained(&tags(&[("department", "x")]))
            .unwrap_err()
            .code,
        "E_DUP_TAG"
    );
}

#[test]
fn limits_and_errors_are_named() {
    let long = "v".repeat(257);
    let fifty: Vec<String> = (0..51).map(|n| format!("AccessControl:K{n}")).collect();
    let fifty: Vec<(&str, &[&str])> = fifty.iter().map(|name| (&**name, &["v"][..])).collect();
    let long_key = format!("AccessControl:{}", "k".repeat(129));
    let code = |attributes: &[(&str, &[&str])]| shown(&result(attributes, &[]));
    assert_eq!(code(&fifty), "E_LIMIT");
    assert_eq!(code(&[("AccessControl:A", &[&long])]), "E_TAG");
    assert_eq!(code(&[(&long_key, &["v"])]), "E_TAG");
    assert_eq!(code(&[("AccessControl:aws:x", &["v"])]), "E_TAG");
    assert_eq!(code(&[("PrincipalTag:A", &["a;b"])]), "E_TAG");
    assert_eq!(
        code(&[("PrincipalTag:A", &["v"]), ("SessionDuration", &["899"])]),
        "E_DURATION"
    );
    assert_eq!(code(&[("Role", &["arn:aws:iam::1:role/x,y"])]), "E_ARN");
    let assertion = |text: &str| Assertion::parse(text).unwrap_err().code;
    for text in [
        "",
        "hello",
        "{",
        "<a",
        "<a><b></a>",
        "<!DOCTYPE a [<!ENTITY e \"x\">]><a/>",
        "<a>&e;</a>",
        "[]",
    ] {
        assert_eq!(assertion(text), "E_ASSERTION", "{text}");
    }
    let with = |line: &str| AttributeMap::parse(&format!("{line}\n{MAP}")).unwrap_err();
    assert_eq!(with("colour = 1").code, "E_TOML");
    assert_eq!((with("colour = 1").pointer.as_str()), "1:1");
    let tag = |line: &str| {
        let text = format!("[[tag]]\nfrom = \"x\"\n{line}");
        let error = AttributeMap::parse(&text).unwrap_err();
        format!("{} {}", error.code, error.pointer)
    };
    assert_eq!(tag("key = \"a;b\""), "E_TAG /tag/0/key");
    assert_eq!(
        tag("key = \"A\"\npath = \"custom.x\""),
        "E_PATH /tag/0/path"
    );
    assert_eq!(
        tag("key = \"A\"\n[[tag]]\nkey = \"a\"\nfrom = \"y\""),
        "E_DUP_TAG /tag/1/key"
    );
    let needs = |map: &str, mode: ProduceMode| {
        let map = AttributeMap::parse(map).unwrap();
        produce(&map, mode, Idp::Generic, Tagging::Left)
            .unwrap_err()
            .to_string()
    };
    let small = "[[tag]]\nkey = \"A\"\nfrom = \"x\"";
    assert!(needs(small, ProduceMode::IamSaml).contains("`provider` is missing"));
    assert!(needs(MAP, ProduceMode::IamOidc).contains("oidc-provider/NAME"));
    let aside = format!("{small}\non_resources = false");
    assert!(needs(&aside, ProduceMode::IdentityCenter).contains("on_resources"));
}
