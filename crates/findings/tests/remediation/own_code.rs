//! Customer code passes the same checks as built-in actions (`organization.md` R-15).

use hallpass_base::Clock as _;
use hallpass_findings::remediation::{
    CodeFault, RemediationPhase, RuleFile, approved, function_region, may_undo, named_function,
};
use serde_json::json;

use crate::world::{ACCOUNT, Disk, World, changed, event, process};

const FINDING: &str =
    "arn:aws:securityhub:us-east-1:444444444444:security-control/EC2.19/finding/f-0001";

const FUNCTION: &str = "arn:aws:lambda:eu-west-1:222222222222:function:isolate:live";

fn codes() -> [(String, &'static str); 2] {
    let lambda =
        format!("action: lambda, params: {{function: '{FUNCTION}', with: {{queue: night}}}}");
    let webhook = "action: webhook, params: {name: isolate, with: {queue: night}}".to_owned();
    [(webhook, "isolate"), (lambda, FUNCTION)]
}

fn file(code: &str, mode: &str) -> RuleFile {
    let rule = format!("{{id: own, match: {{controls: [EC2.19]}}, {code}, mode: {mode}}}");
    RuleFile::read(&format!("rules: [{rule}]")).unwrap()
}

#[tokio::test]
async fn it_is_called_once_with_the_finding_and_its_answer_is_kept() {
    for (code, called) in codes() {
        called_once(&code, called).await;
    }
}

async fn called_once(code: &str, called: &str) {
    let (world, disk) = (World::new(), Disk::new());
    let server = process(&world, &disk, file(code, "auto"));
    let silent = CodeFault::Passing("no answer in time".to_owned());
    world.hooked.lock().unwrap().1 = vec![Err(silent)];
    for _ in 0..2 {
        server.hears(event("org-rem-sg")).await;
        server.works().await;
    }
    let hooked = world.hooked.lock().unwrap().0.clone();
    assert_eq!(hooked.len(), 2, "{hooked:?}");
    assert_eq!(hooked[0], hooked[1]);
    let (name, id, body) = &hooked[0];
    assert_eq!((name.as_str(), &body["id"]), (called, &json!(id)));
    assert_eq!(body["account"], ACCOUNT);
    assert_eq!(body["finding"]["id"], FINDING);
    assert_eq!(body["with"], json!({ "queue": "night" }));
    let it = disk.only().await;
    assert_eq!(
        (it.phase.name(), it.answer.as_deref()),
        ("changed", Some("isolated"))
    );
    assert!(
        may_undo(&it)
            .unwrap_err()
            .to_string()
            .contains("your own code")
    );
    let finding = world.findings.lock().unwrap()[FINDING].clone();
    assert_eq!(finding["Workflow"]["Status"], "RESOLVED");
    assert!(
        world.places.lock().unwrap().is_empty(),
        "no account is entered"
    );
}

#[tokio::test]
async fn it_waits_for_a_yes_is_refused_and_drifts_as_any_other_action() {
    for (code, _) in codes() {
        as_any_other(&code).await;
    }
}

async fn as_any_other(code: &str) {
    let (world, disk) = (World::new(), Disk::new());
    let server = process(&world, &disk, file(code, "approve"));
    server.hears(event("org-rem-sg")).await;
    server.works().await;
    assert!(world.hooked.lock().unwrap().0.is_empty());
    let yes = approved(disk.only().await, "ana", world.now()).unwrap();
    disk.remediations.change_remediation(&yes).await.unwrap();
    world.sets(FINDING, &[("Workflow", json!({ "Status": "SUPPRESSED" }))]);
    server.works().await;
    assert_eq!(disk.only().await.phase.name(), "drifted");
    assert!(world.hooked.lock().unwrap().0.is_empty());

    let (world, disk) = (World::new(), Disk::new());
    let server = process(&world, &disk, file(code, "auto"));
    let no = || Err(CodeFault::Refused("the receiver answered 422".to_owned()));
    world.hooked.lock().unwrap().1 = vec![no(), no(), no()];
    server.hears(event("org-rem-sg")).await;
    for _ in 0..4 {
        server.works().await;
        world.pass(600);
    }
    let RemediationPhase::Manual { reason } = disk.only().await.phase else {
        panic!("{:?}", disk.only().await)
    };
    assert!(reason.contains("answered 422"), "{reason}");

    let (world, disk) = (World::new(), Disk::new());
    let server = process(&world, &disk, file(code, "auto"));
    let other = "arn:aws:ec2:us-east-1:555555555555:security-group/sg-1";
    server
        .hears(changed(
            "org-rem-sg",
            &[("/detail/findings/0/Resources/0/Id", json!(other))],
        ))
        .await;
    server.works().await;
    assert_eq!(
        disk.only().await.phase.name(),
        "manual",
        "a resource of another account"
    );
    assert!(world.hooked.lock().unwrap().0.is_empty());
}

#[test]
fn a_rule_names_which_code() {
    let no_arn = "is not the ARN of a function";
    for (code, expected) in [
        ("action: webhook, params: {}", "missing field `name`"),
        (
            "action: webhook, params: {name: a, url: 'https://x'}",
            "unknown field `url`",
        ),
        ("action: lambda, params: {}", "missing field `function`"),
        ("action: lambda, params: {function: isolate}", no_arn),
        (
            "action: lambda, params: {function: 'arn:aws:lambda:eu-west-1:2222:function:isolate'}",
            no_arn,
        ),
        (
            "action: lambda, params: {function: 'arn:aws:lambda:eu-west-1:222222222222:function:*'}",
            no_arn,
        ),
        (
            "action: lambda, params: {function: 'arn:aws:lambda:eu-west-1:222222222222:layer:isolate'}",
            no_arn,
        ),
    ] {
        let rule = format!("rules: [{{id: r, match: {{controls: [X]}}, {code}}}]");
        let refused = RuleFile::read(&rule).unwrap_err();
        assert!(refused.contains(expected), "{code}: {refused}");
    }
    for arn in [
        FUNCTION,
        "arn:aws-cn:lambda:cn-north-1:222222222222:function:a",
    ] {
        let code = format!("action: lambda, params: {{function: '{arn}'}}");
        let file = file(&code, "auto");
        assert_eq!(named_function(&file.rules[0].params), Some(arn));
        assert_eq!(function_region(arn), arn.split(':').nth(3));
    }
}
