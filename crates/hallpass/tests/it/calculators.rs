//! `hallpass people sessions residual` and `hallpass policy abac …`, as scripts run them.

use std::path::Path;

use serde_json::{Value, json};

use crate::run::{Ran, hallpass, run};

fn file(folder: &Path, name: &str, text: &str) -> String {
    let path = folder.join(name);
    std::fs::write(&path, text).unwrap();
    path.to_str().unwrap().to_owned()
}

fn residual(more: &[&str]) -> Ran {
    let at = [
        "people",
        "sessions",
        "residual",
        "--at",
        "2026-03-02T09:00:00Z",
    ];
    run(hallpass().args(at).args(more))
}

#[test]
fn residual_access_is_one_document() {
    let folder = tempfile::tempdir().unwrap();
    let sessions = r#"[{"kind":"portal","id":"laptop","start":"2026-03-02T08:00:00Z"}]"#;
    let sessions = file(folder.path(), "held.json", sessions);
    let ran = residual(&[
        "--event",
        "idp-disabled",
        "--sessions",
        &sessions,
        "--idp",
        "12h",
        "--permission-set-duration",
        "4h",
        "--output",
        "json",
    ])
    .exits(0);
    let answer: Value = serde_json::from_str(&ran.out).unwrap();
    assert_eq!(answer["latest_end"], "2026-03-02T20:00:00Z");
    assert_eq!(answer["residual_seconds"], 11 * 3600);
    assert_eq!(answer["ends"][0]["id"], "laptop");
    assert_eq!(answer["ends"][0]["end"], "2026-03-02T16:00:00Z");
    let ring = file(folder.path(), "ring.json", r#"{"B":["B"]}"#);
    let worst = [
        "--event",
        "user-disabled",
        "--assume-worst",
        "--chain",
        &ring,
    ];
    let answer: Value = serde_json::from_str(&residual(&worst).exits(0).out).unwrap();
    assert_eq!(
        (&answer["latest_end"], &answer["unbounded"]),
        (&Value::Null, &json!(["B"]))
    );
    let table = [&worst[..], &["--output", "table"]].concat();
    let ran = residual(&table).exits(0);
    assert!(
        ran.out.contains("No end: B can be renewed for ever"),
        "{}",
        ran.out
    );
}

const MAP: &str = "[[tag]]\nkey = \"Department\"\nfrom = \"user.department\"\n\
                   path = \"enterprise.department\"\n";
const ASSERTION: &str = "<Assertion><AttributeStatement><Attribute \
    Name=\"https://aws.amazon.com/SAML/Attributes/AccessControl:Department\">\
    <AttributeValue>B</AttributeValue></Attribute></AttributeStatement></Assertion>";

#[test]
fn attributes_become_documents_and_tags() {
    let folder = tempfile::tempdir().unwrap();
    let map = file(folder.path(), "map.toml", MAP);
    let mut command = hallpass();
    command.args([
        "policy",
        "abac",
        "attributes",
        "--map",
        &map,
        "--mode",
        "identity-center",
    ]);
    let made: Value = serde_json::from_str(&run(&mut command).exits(0).out).unwrap();
    let attributes = &made["access_control_attributes"]["AccessControlAttributes"];
    assert_eq!(
        attributes[0]["Value"]["Source"][0],
        "${path:enterprise.department}"
    );
    assert_eq!(made["permission_set"]["Version"], "2012-10-17");

    let assertion = file(folder.path(), "assertion.xml", ASSERTION);
    let user = file(
        folder.path(),
        "user.json",
        r#"{"enterprise.department":"A"}"#,
    );
    let check = ["policy", "abac", "check", "--map", &map, "--assertion"];
    let mut command = hallpass();
    command.args(check).args([&assertion, "--user", &user]);
    let session: Value = serde_json::from_str(&run(&mut command).exits(0).out).unwrap();
    assert_eq!(session["tags"], json!({"Department": "B"}));

    let twice = ASSERTION.replace(
        "</Attribute>",
        "<AttributeValue>C</AttributeValue></Attribute>",
    );
    let twice = file(folder.path(), "twice.xml", &twice);
    let ran = run(hallpass().args(check).arg(&twice)).exits(2);
    assert!(
        ran.err
            .starts_with("error[E_MULTI]: `Department` has 2 values"),
        "{}",
        ran.err
    );
    assert_eq!(ran.out, "");
    let mut command = hallpass();
    command.args([
        "policy",
        "abac",
        "attributes",
        "--map",
        &map,
        "--mode",
        "iam-saml",
    ]);
    let ran = run(&mut command).exits(2);
    assert!(
        ran.err.contains("error[E_ARG]: `provider` is missing"),
        "{}",
        ran.err
    );
}
