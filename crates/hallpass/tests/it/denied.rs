//! From a denial to a request, with scripted server and AWS.

use serde_json::{Value, json};

use crate::fake::{Call, Fake, against, problem, request};
use crate::run::{Ran, hallpass, run, run_with};

const WHO: &str =
    "User: arn:aws:sts::222233334444:assumed-role/AWSReservedSSO_ViewOnly_0123456789abcdef/mara";
const ID: &str = "0example1a2b3c4d5e6f";

fn message(reason: &str) -> String {
    format!(
        "An error occurred (AccessDenied) when calling the GetObject operation: {WHO} is not authorized to perform: \
         s3:GetObject on resource: \"arn:aws:s3:::logs/today\" {reason}"
    )
}

const NOBODY: &str = "because no identity-based policy allows the s3:GetObject action";

fn found(call: &Call) -> Value {
    let message = call.body["message"].as_str().unwrap();
    json!({"denial": {"principal": WHO.trim_start_matches("User: "), "action": "s3:GetObject",
            "resource": "arn:aws:s3:::logs/today", "reason": {"policy": "identity", "is_explicit": false},
            "authorization_id": null, "region": null},
        "account": {"id": "222233334444", "name": "payments-prod"},
        "permission_set": if message.contains("s3:GetObject") { "LogReader" } else { "Queues" },
        "says": "LogReader in its owner's words",
        "other_actions": 1, "other_levels": {"List": 1}, "other_services": {"s3": 1}, "conditions": [],
        "alternatives": [
            {"permission_set": "Operator", "other_actions": 170, "conditions": ["aws:SourceIp in `p`"]},
            {"permission_set": "Administrator", "other_actions": 20000, "conditions": []}],
        "not_judged": [{"permission_set": "Reader",
            "why": "the text of its policy `ReadOnlyAccess` is not read"}]})
}

fn answer(call: &Call) -> (u16, Value) {
    match call.what.as_str() {
        "POST denials" => (200, found(call)),
        "GET preview" => (
            200,
            json!({"decision": "SelfApproval", "approvers": [], "approvals_needed": 1,
                "max_duration_seconds": 3600, "because": []}),
        ),
        "POST requests" => (201, request("approved")),
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
        "larger ones: Operator (170 others, only where these hold: aws:SourceIp in `p`), Administrator (20000 others)",
        "not judged: Reader: the text of its policy `ReadOnlyAccess` is not read",
        "not checked: policies of the organization",
    ] {
        let said: String = ran.err.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(said.contains(line), "{line}\n{said}");
    }
    // parsed fields only, not the surrounding text
    let sent = fake.calls();
    let sent = sent.iter().find(|it| it.what == "POST denials").unwrap();
    let only = format!(
        "{WHO} is not authorized to perform: s3:GetObject on resource: arn:aws:s3:::logs/today {NOBODY}"
    );
    assert_eq!(sent.body, json!({"message": only}));
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
    assert_eq!(fake.asked(), ["POST denials"]);
}

#[test]
fn without_a_terminal_and_a_yes_nothing_is_asked_for() {
    let fake = Fake::start(answer);
    let text = message(NOBODY);
    let mut args = vec!["request", "--denied", &text];
    args.extend(&ASK[..4]);
    let ran = against(&fake, &args).exits(4);
    assert!(ran.err.contains("this requests access"), "{}", ran.err);
    assert_eq!(fake.asked(), ["POST denials"]);
}

#[test]
fn where_no_request_helps_the_server_is_not_asked() {
    for (text, exit, says) in [
        (
            message("because no service control policy allows the s3:GetObject action"),
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
    for (code, exit) in [
        ("no-fitting-set", 4),
        ("beyond-permission-sets", 4),
        ("no-denial", 2),
        ("unavailable", 1),
    ] {
        let fake = Fake::start(move |_| {
            (
                422,
                json!({"type": "about:blank", "title": "Unprocessable Entity", "status": 422, "code": code,
                    "detail": "no permission set that you may request in `payments-prod` is known to allow it",
                    "help": "`hallpass catalog` lists what you may request",
                    "errors": [{"field": "Reader", "code": "not-judged",
                        "message": "the text of its policy `ReadOnlyAccess` is not read"}]}),
            )
        });
        let text = message(NOBODY);
        let mut args = vec!["request", "--denied", &text];
        args.extend(ASK);
        let ran = against(&fake, &args).exits(exit);
        let said: String = ran.err.split_whitespace().collect::<Vec<_>>().join(" ");
        for part in [
            "request in `payments-prod`",
            "Reader: the text of its policy `ReadOnlyAccess` is not read",
            "`hallpass catalog`",
        ] {
            assert!(said.contains(part), "{code}: {said}");
        }
        assert_eq!(fake.asked(), ["POST denials"]);
    }
}

/// The server knows whether the denied caller's access ended.
#[test]
fn whose_access_ended_is_told_and_asks_again() {
    let text = message("with an explicit deny in a service control policy");
    let fake = Fake::start(|call| match call.what.as_str() {
        "POST denials" => {
            let mut body = found(call);
            body["permission_set"] = json!("ViewOnly");
            body["ended"] = json!({"permission_set": "ViewOnly", "at": "2026-03-06T14:00:00Z"});
            body["not_judged"][0]["permission_set"] = json!("ViewOnly");
            (200, body)
        }
        _ => answer(call),
    });
    let mut args = vec!["request", "--denied", &text];
    args.extend(ASK);
    let ran = against(&fake, &args).exits(0);
    let said: String = ran.err.split_whitespace().collect::<Vec<_>>().join(" ");
    for part in [
        "Your access to ViewOnly in payments-prod ended at",
        "permission set that you held in payments-prod (222233334444): ViewOnly",
        "others: Operator (",
    ] {
        assert!(said.contains(part), "{part}: {said}");
    }
    assert!(!said.contains("it would also allow"), "{said}");
    let asked = fake.calls();
    assert_eq!(asked.last().unwrap().body["permission_set"], "ViewOnly");
    // otherwise the missing access is not requestable
    let fake = Fake::start(|_| {
        (
            422,
            json!({"type": "about:blank", "title": "Unprocessable Entity", "status": 422, "code": "beyond-permission-sets",
                "detail": "no permission set helps", "help": "ask who keeps the organization's policies"}),
        )
    });
    let ran = against(&fake, &args).exits(4);
    assert!(ran.err.contains("organization's policies"), "{}", ran.err);
    assert_eq!(fake.asked(), ["POST denials"]);
}

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
             "checks": [{"checkType": "PRINCIPAL", "evaluatedEffect": "IMPLICIT_DENY"}]},
            {"action": "s3:GetObjectTagging", "resource": "arn:aws:s3:::logs/today", "evaluatedEffect": "IMPLICIT_DENY",
             "context": {"s3:ExistingObjectTag/a": "b"}}]}),
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
            "ImplicitlyDenied: s3:GetObjectTagging on arn:aws:s3:::logs/today",
            "AWS names no checks: it does to callers of the same organization",
        ]
    );
    assert_eq!(fake.calls().len(), 2);
    let mut args = vec!["request", "--denied", ID];
    args.extend(ASK);
    with_aws(&fake, &args).exits(0);
    let asked = fake.calls();
    assert_eq!(asked.last().unwrap().body["permission_set"], "LogReader");
    // AWS's request context without the caller; both actions were denied
    let sent = asked.iter().find(|it| it.what == "POST denials").unwrap();
    let keys = json!({"aws:requestedregion": ["eu-west-1"], "aws:securetransport": ["true"]});
    assert_eq!(sent.body["context"], keys);
    let actions = sent.body["actions"].as_array().unwrap();
    let told = |at: usize, text: &str| actions[at]["message"].as_str().unwrap().contains(text);
    assert!(told(0, "s3:GetObject") && told(1, "s3:GetObjectTagging"));
    assert_eq!(actions[0].get("context"), None);
    assert_eq!(
        actions[1]["context"],
        json!({"s3:existingobjecttag/a": ["b"]})
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
