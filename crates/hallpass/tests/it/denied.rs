//! From a denial to a request, against a server and an AWS that answer what they are told to.

use serde_json::{Value, json};

use crate::fake::{Call, Fake, against, problem, request};
use crate::run::{Ran, hallpass, run, run_with};

const WHO: &str =
    "User: arn:aws:sts::222233334444:assumed-role/AWSReservedSSO_ViewOnly_0123456789abcdef/mara";
const ID: &str = "0example1a2b3c4d5e6f";

/// AWS's message for a call that nothing allows.
fn message(reason: &str) -> String {
    format!(
        "An error occurred (AccessDenied) when calling the GetObject operation: {WHO} is not authorized to perform: \
         s3:GetObject on resource: \"arn:aws:s3:::logs/today\" {reason}"
    )
}

const NOBODY: &str = "because no identity-based policy allows the s3:GetObject action";

fn offer(set: &str) -> Value {
    json!({"account": {"id": "222233334444", "name": "payments-prod"}, "permission_set": set,
        "says": format!("{set} in its owner's words"), "decision": "SelfApproval", "approvers": [],
        "approvals_needed": 1, "max_duration_seconds": 3600, "because": ["logs"]})
}

fn set(name: &str, policy: &Value) -> Value {
    let mut whole = json!({"kind": "inline", "is_boundary": false, "name": "Inline policy", "lines": [],
        "more_lines": 0, "counts": [], "unknown": [], "is_whole": true, "risks": [], "findings": [],
        "more_findings": 0});
    for (key, value) in policy.as_object().unwrap() {
        whole[key] = value.clone();
    }
    json!({"name": name, "arn": "arn:aws:sso:::permissionSet/ssoins-1/ps-1", "session_seconds": 3600,
        "after_loss": "", "read_at": "2026-03-06T14:00:00Z", "policies": [whole]})
}

fn allowing(name: &str, actions: &Value) -> Value {
    let document = json!({"Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Action": actions, "Resource": "*"}]});
    set(name, &json!({"document": document.to_string()}))
}

fn managed(name: &str) -> Value {
    let arn = format!("arn:aws:iam::aws:policy/{name}");
    set(
        name,
        &json!({"kind": "aws-managed", "name": name, "place": arn, "not_read": "AWS keeps it."}),
    )
}

fn answer(call: &Call) -> (u16, Value) {
    match call.what.as_str() {
        "GET catalog" if call.query.contains("account=222233334444") => {
            let sets = [
                "Administrator",
                "LogReader",
                "Operator",
                "Queues",
                "Reader",
                "ViewOnly",
            ];
            (200, json!({"items": sets.map(offer)}))
        }
        "GET permission-sets/Administrator" => (200, managed("AdministratorAccess")),
        "GET permission-sets/LogReader" => (
            200,
            allowing("LogReader", &json!(["s3:GetObject", "s3:ListBucket"])),
        ),
        "GET permission-sets/Operator" => (200, allowing("Operator", &json!(["s3:*"]))),
        "GET permission-sets/Queues" => (200, allowing("Queues", &json!(["sqs:*"]))),
        "GET permission-sets/Reader" => (200, managed("ReadOnlyAccess")),
        "GET preview" => (
            200,
            json!({"decision": "SelfApproval", "approvers": [], "approvals_needed": 1,
                "max_duration_seconds": 3600, "because": []}),
        ),
        "POST requests" => (201, request("approved")),
        "GET catalog" => problem(400, "bad-parameter", "no single account is named so"),
        other => problem(404, "not-found", other),
    }
}

const ASK: [&str; 5] = ["--for", "1h", "--reason", "OPS-1", "--yes"];

#[test]
fn the_smallest_set_that_allows_the_call_is_asked_for() {
    let fake = Fake::start(answer);
    let text = message(NOBODY);
    let mut args = vec!["request", "--denied", &text];
    args.extend(ASK);
    let ran = against(&fake, &args).exits(0);
    for line in [
        "denied: s3:GetObject on arn:aws:s3:::logs/today: no identity-based policy allows it",
        "allows it in payments-prod (222233334444): LogReader",
        "LogReader in its owner's words",
        "it would also allow 1 other actions (1 List): s3 1",
        "larger ones: Operator (",
        "not judged: Reader: the text of its policy `ReadOnlyAccess` is not read",
        "not looked at: policies of the organization",
    ] {
        let said: String = ran.err.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(said.contains(line), "{line}\n{said}");
    }
    let asked = fake.asked();
    assert!(
        !asked.contains(&"GET permission-sets/ViewOnly".to_owned()),
        "the set that was denied is looked at: {asked:?}"
    );
    assert_eq!(
        fake.calls().last().unwrap().body,
        json!({"account": "222233334444", "permission_set": "LogReader", "duration_seconds": 3600,
            "reason": "OPS-1"})
    );
}

#[test]
fn a_dry_run_asks_for_nothing_and_prints_the_choice() {
    let fake = Fake::start(answer);
    let mut command = hallpass();
    command
        .env("HALLPASS_SERVER", fake.address())
        .env("HALLPASS_TOKEN", "secret-token")
        .args(["request", "--denied", "-", "--dry-run", "--output", "json"]);
    let ran = run_with(&mut command, message(NOBODY).as_bytes()).exits(0);
    let choice: Value = serde_json::from_str(&ran.out).unwrap();
    assert_eq!(choice["permission_set"], "LogReader");
    assert_eq!(choice["denial"]["action"], "s3:GetObject");
    assert_eq!(choice["other_actions"], 1);
    let larger = choice["alternatives"].as_array().unwrap();
    let larger: Vec<&Value> = larger.iter().map(|it| &it["permission_set"]).collect();
    assert_eq!(larger, ["Operator", "Administrator"]);
    assert_eq!(choice["not_judged"][0]["permission_set"], "Reader");
    assert!(
        fake.asked().iter().all(|it| it.starts_with("GET ")),
        "{:?}",
        fake.asked()
    );
}

#[test]
fn without_a_terminal_and_a_yes_nothing_is_asked_for() {
    let fake = Fake::start(answer);
    let text = message(NOBODY);
    let mut args = vec!["request", "--denied", &text];
    args.extend(&ASK[..4]);
    let ran = against(&fake, &args).exits(4);
    assert!(ran.err.contains("this asks for access"), "{}", ran.err);
    assert!(
        fake.asked().iter().all(|it| it.starts_with("GET ")),
        "{:?}",
        fake.asked()
    );
}

#[test]
fn where_no_request_helps_the_server_is_not_asked() {
    for (text, exit, says) in [
        (
            message("with an explicit deny in a service control policy"),
            4,
            "ask who keeps the organization's policies",
        ),
        (
            message("with an explicit deny in a resource-based policy"),
            4,
            "ask whose resource it is",
        ),
        ("Access Denied".to_owned(), 2, "give AWS's whole message"),
        (
            "You are not authorized. Encoded authorization failure message: 4GIOHlTk".to_owned(),
            2,
            "decode-authorization-message",
        ),
    ] {
        let fake = Fake::start(answer);
        let mut args = vec!["request", "--denied", &text];
        args.extend(ASK);
        let ran = against(&fake, &args).exits(exit);
        let said: String = ran.err.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(said.contains(says), "{said}");
        assert!(fake.asked().is_empty(), "{:?}", fake.asked());
    }
}

#[test]
fn that_nothing_fits_is_said_with_what_was_not_judged() {
    // an account that the server does not know, and one where no set that is read allows it
    for (account, says) in [
        ("555566667777", "may ask for in `555566667777`"),
        (
            "222233334444",
            "not judged: Reader: the text of its policy `ReadOnlyAccess` is not read",
        ),
    ] {
        let fake = Fake::start(|call| match call.what.as_str() {
            "GET catalog" if call.query.contains("account=222233334444") => {
                (200, json!({"items": [offer("Queues"), offer("Reader")]}))
            }
            _ => answer(call),
        });
        let text = format!(
            "{WHO} is not authorized to perform: s3:GetObject on resource: arn:aws:s3:eu-west-1:{account}:accesspoint/a"
        );
        let mut args = vec!["request", "--denied", &text];
        args.extend(ASK);
        let ran = against(&fake, &args).exits(4);
        let said: String = ran.err.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(said.contains(says), "{said}");
    }
}

/// Runs a command with an AWS that is the fake.
fn with_aws(fake: &Fake, args: &[&str]) -> Ran {
    run(hallpass()
        .env("HALLPASS_SERVER", fake.address())
        .env("HALLPASS_TOKEN", "secret-token")
        .env("AWS_ENDPOINT_URL", fake.address())
        .env("AWS_ACCESS_KEY_ID", "AKIA0000111122223333")
        .env("AWS_SECRET_ACCESS_KEY", "secret")
        .env("AWS_REGION", "eu-west-1")
        .args(args))
}

fn with_details(call: &Call) -> (u16, Value) {
    if call.what != format!("GET /authorization-details/{ID}") {
        return answer(call);
    }
    let principal = WHO.trim_start_matches("User: ");
    if call.query.is_empty() {
        return (
            200,
            json!({"requestContext": {"aws:PrincipalArn": principal, "aws:SecureTransport": true},
                "evaluations": [{"action": "s3:ListBucket", "resource": "arn:aws:s3:::logs", "evaluatedEffect": "ALLOW"}],
                "policies": [], "nextToken": "2"}),
        );
    }
    (
        200,
        json!({"requestContext": {}, "policies": [], "evaluations": [
            {"action": "s3:GetObject", "resource": "arn:aws:s3:::logs/today", "evaluatedEffect": "IMPLICIT_DENY",
             "checks": [{"checkType": "PRINCIPAL", "evaluatedEffect": "IMPLICIT_DENY"}]}]}),
    )
}

#[test]
fn an_id_is_asked_about_at_aws_page_by_page() {
    let fake = Fake::start(with_details);
    let ran = with_aws(&fake, &["policy", "why", "--authorization-id", ID]).exits(1);
    assert_eq!(
        ran.out.lines().collect::<Vec<_>>(),
        [
            "Allowed: s3:ListBucket on arn:aws:s3:::logs",
            "AWS names no checks: it does to callers of the same organization",
            "ImplicitlyDenied: s3:GetObject on arn:aws:s3:::logs/today",
            "because no identity-based policy allows it",
            "  identity-based policy: does not allow",
        ]
    );
    assert_eq!(fake.calls().len(), 2);
    let mut args = vec!["request", "--denied", ID];
    args.extend(ASK);
    with_aws(&fake, &args).exits(0);
    assert_eq!(
        fake.calls().last().unwrap().body["permission_set"],
        "LogReader"
    );
}

#[test]
fn details_that_aws_does_not_have_are_explained() {
    let fake = Fake::start(|_| {
        (
            404,
            json!({"__type": "ResourceNotFoundException", "message": "There are none."}),
        )
    });
    let ran = with_aws(&fake, &["policy", "why", "--authorization-id", ID]).exits(1);
    let said: String = ran.err.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(
        said.contains("in eu-west-1: ResourceNotFoundException"),
        "{said}"
    );
    assert!(
        said.contains("in the Region where the call was denied"),
        "{said}"
    );
    let ran = with_aws(&fake, &["policy", "why"]).exits(2);
    assert!(ran.err.contains("--principal"), "{}", ran.err);
    with_aws(
        &fake,
        &["policy", "why", "--authorization-id", ID, "--action", "a:b"],
    )
    .exits(2);
}
