use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use super::*;
use crate::fake_http::{FakeHttp, ReceivedRequest, ScriptedResponse, Still, settings};

const OWN: &str = "999999999999";
const OTHER: &str = "111111111111";
const NOW: &str = "2026-03-02T10:00:00Z";

async fn calls(server: &FakeHttp, role: RoleToAssume) -> OrganizationCalls {
    let client = settings(&server.url);
    let made = OrganizationCalls::new(client, role, 64, 1, Still::at(NOW)).await;
    made.unwrap()
}

fn json_answer(status: u16, body: &Value) -> ScriptedResponse {
    (status, Vec::new(), body.to_string().into_bytes())
}

fn xml_answer(status: u16, body: &str) -> ScriptedResponse {
    (status, Vec::new(), body.as_bytes().to_vec())
}

fn body(asked: &ReceivedRequest) -> String {
    String::from_utf8(asked.body.to_vec()).unwrap()
}

fn sts(asked: &ReceivedRequest) -> Option<ScriptedResponse> {
    let said = body(asked);
    if said.contains("Action=GetCallerIdentity") {
        return Some(xml_answer(
            200,
            &format!(
                "<GetCallerIdentityResponse><GetCallerIdentityResult><Account>{OWN}</Account></GetCallerIdentityResult></GetCallerIdentityResponse>"
            ),
        ));
    }
    let role = said.contains("Action=AssumeRole").then(|| role_of(asked))?;
    let key = format!(
        "ASIA{}",
        role.rsplit("%2F").next().unwrap_or_default().to_uppercase()
    );
    Some(xml_answer(
        200,
        &format!(
            "<AssumeRoleResponse><AssumeRoleResult><Credentials><AccessKeyId>{key}</AccessKeyId><SecretAccessKey>s</SecretAccessKey>\
         <SessionToken>t</SessionToken><Expiration>2099-01-01T00:00:00Z</Expiration></Credentials></AssumeRoleResult></AssumeRoleResponse>"
        ),
    ))
}

fn role_of(asked: &ReceivedRequest) -> String {
    let said = body(asked);
    let found = said.split('&').find_map(|it| it.strip_prefix("RoleArn="));
    found.unwrap_or_default().to_owned()
}

fn roots() -> (&'static str, &'static str) {
    ("organizations", "ListRoots")
}

/// `inventory.md` T-12, W-11: a throttle is not a failure, and pauses the service for a second; a
/// refusal is final.
#[tokio::test]
async fn a_throttle_is_outlasted_and_a_refusal_is_final() {
    let server = FakeHttp::start(|_| json_answer(200, &json!({ "Roots": [] }))).await;
    let calls = calls(&server, RoleToAssume::default()).await;
    let throttled = json!({"__type": "TooManyRequestsException", "Message": "slower"});
    server.first([json_answer(400, &throttled)]);
    let ((service, operation), nothing) = (roots(), json!({}));
    let begun = Instant::now();
    let answer = calls.call(&CallPlace::Home, (service, operation), &nothing);
    assert_eq!(answer.await.unwrap().answer, json!({ "Roots": [] }));
    assert!(
        begun.elapsed() > Duration::from_millis(950),
        "{:?}",
        begun.elapsed()
    );
    assert_eq!((server.asked().len(), calls.counts()), (2, (2, 1)));

    let denied = json!({"__type": "AccessDeniedException", "Message": "no"});
    server.first([json_answer(400, &denied)]);
    let answer = calls.call(&CallPlace::Home, (service, operation), &nothing);
    let failure = answer.await.unwrap_err();
    assert_eq!(
        (
            failure.stage.as_str(),
            failure.code.as_str(),
            failure.attempts
        ),
        ("call", "AccessDeniedException", 1)
    );
    assert_eq!(server.asked().len(), 3);
}

/// `inventory.md` T-12: one attempt, and the error for every slice of the account.
#[tokio::test]
async fn a_role_that_refuses_is_asked_once_for_all_of_its_account() {
    let server = FakeHttp::start(|asked| {
        if body(asked).contains("AssumeRole") {
            let refusal = "<ErrorResponse><Error><Code>AccessDenied</Code><Message>no</Message></Error></ErrorResponse>";
            return xml_answer(403, refusal);
        }
        sts(asked).unwrap_or_else(|| json_answer(500, &Value::Null))
    })
    .await;
    let calls = calls(
        &server,
        RoleToAssume {
            name: "R".to_owned(),
            ..RoleToAssume::default()
        },
    )
    .await;
    let place = CallPlace::Inside(AccountId::new(OTHER).unwrap());
    for operation in ["ListUsers", "ListRoles", "ListUsers"] {
        let failure = calls
            .call(&place, ("iam", operation), &json!({}))
            .await
            .unwrap_err();
        let said = (
            failure.stage.as_str(),
            failure.operation.as_str(),
            failure.code.as_str(),
        );
        assert_eq!(said, ("assume_role", "AssumeRole", "AccessDenied"));
    }
    let asked = server.asked();
    let entered = asked
        .iter()
        .filter(|it| body(it).contains("Action=AssumeRole"));
    assert_eq!(
        (entered.count(), asked.len()),
        (1, 2),
        "who we are, and the role"
    );
}

#[tokio::test]
async fn a_role_that_refuses_is_asked_again_after_a_while() {
    let server = FakeHttp::start(|asked| {
        let said = body(asked);
        if said.contains("AssumeRole") && said.contains("%2FLate") && !LATE.load(Ordering::SeqCst) {
            let refusal = "<ErrorResponse><Error><Code>AccessDenied</Code><Message>no</Message></Error></ErrorResponse>";
            return xml_answer(403, refusal);
        }
        let empty = "<ListUsersResponse><ListUsersResult><Users/></ListUsersResult></ListUsersResponse>";
        sts(asked).unwrap_or_else(|| xml_answer(200, empty))
    })
    .await;
    let role = RoleToAssume {
        name: "Late".to_owned(),
        ..RoleToAssume::default()
    };
    let calls = calls(&server, role).await;
    let place = CallPlace::Inside(AccountId::new(OTHER).unwrap());
    let nothing = json!({});
    let ask = || calls.call(&place, ("iam", "ListUsers"), &nothing);
    ask().await.unwrap_err();
    LATE.store(true, Ordering::SeqCst);
    ask().await.unwrap_err();
    tokio::time::pause();
    tokio::time::advance(REFUSED_FOR).await;
    tokio::time::resume();
    ask().await.unwrap();
}

static LATE: AtomicBool = AtomicBool::new(false);

fn key_of(asked: &ReceivedRequest) -> String {
    let signed = asked.header("authorization").unwrap_or_default().to_owned();
    let scope = signed.split("Credential=").nth(1).unwrap_or_default();
    scope.split('/').next().unwrap_or_default().to_owned()
}

/// `inventory.md` F-4: external id, tags and source identity go only to the last role; each role is
/// assumed with the credentials of the one before; the base account uses the base credentials.
#[tokio::test]
async fn roles_follow_one_another_and_the_last_has_what_its_trust_asks_for() {
    let users = "<ListUsersResponse><ListUsersResult><Users/><IsTruncated>false</IsTruncated></ListUsersResult></ListUsersResponse>";
    let server =
        FakeHttp::start(move |asked| sts(asked).unwrap_or_else(|| xml_answer(200, users))).await;
    let role = RoleToAssume {
        name: "last".to_owned(),
        via: vec![
            format!("arn:aws:iam::{OWN}:role/first"),
            format!("arn:aws:iam::{OWN}:role/second"),
        ],
        external_id: Some("outside".to_owned()),
        session_name: "hallpass-1".to_owned(),
        tags: vec![("team".to_owned(), "ops".to_owned())],
        source_identity: Some("ana".to_owned()),
        ..RoleToAssume::default()
    };
    let calls = calls(&server, role).await;
    for account in [OTHER, "222222222222", OWN] {
        let place = CallPlace::Inside(AccountId::new(account).unwrap());
        calls
            .call(&place, ("iam", "ListUsers"), &json!({}))
            .await
            .unwrap();
    }
    let asked = server.asked();
    let of = |action: &'static str| {
        asked
            .iter()
            .filter(move |it| body(it).contains(&format!("Action={action}")))
    };
    let last_part = |arn: String| arn.rsplit("%3A").next().unwrap_or_default().to_owned();
    let roles: Vec<(String, String)> = of("AssumeRole")
        .map(|it| (last_part(role_of(it)), key_of(it)))
        .collect();
    let chain = [
        ("first", "AKIA0000111122223333"),
        ("second", "ASIAFIRST"),
        ("last", "ASIASECOND"),
        ("last", "ASIASECOND"),
    ];
    let chain = chain.map(|(role, with)| (format!("role%2F{role}"), with.to_owned()));
    assert_eq!(roles, chain);
    for it in of("AssumeRole") {
        let said = body(it);
        let is_last = role_of(it).ends_with("last");
        for wanted in [
            "ExternalId=outside",
            "SourceIdentity=ana",
            "Tags.member.1.Key=team",
        ] {
            assert_eq!(said.contains(wanted), is_last, "{wanted} of {said}");
        }
        assert!(
            said.contains("RoleSessionName=hallpass-1") && said.contains("DurationSeconds=3600"),
            "{said}"
        );
    }
    let listing: Vec<String> = of("ListUsers").map(key_of).collect();
    assert_eq!(listing, ["ASIALAST", "ASIALAST", "AKIA0000111122223333"]);
}

/// The account service refuses the id of the calling account.
#[tokio::test]
async fn our_own_account_is_not_named_to_the_account_service() {
    let server =
        FakeHttp::start(|asked| sts(asked).unwrap_or_else(|| json_answer(200, &json!({})))).await;
    let calls = calls(&server, RoleToAssume::default()).await;
    for (account, is_named) in [(OWN, false), (OTHER, true)] {
        let input = json!({"AccountId": account, "AlternateContactType": "BILLING"});
        let answer = calls.call(&CallPlace::Home, ("account", "GetAlternateContact"), &input);
        answer.await.unwrap();
        let said = body(&server.last());
        assert_eq!(said.contains("AccountId"), is_named, "{said}");
        assert!(said.contains("BILLING"), "{said}");
    }
}

/// `inventory.md` W-11, Y-1: Regions five times a second, contacts ten times.
#[tokio::test]
async fn services_with_few_calls_a_second_are_not_asked_more_often() {
    let server = FakeHttp::start(|asked| {
        sts(asked).unwrap_or_else(|| json_answer(200, &json!({ "Regions": [] })))
    })
    .await;
    let calls = calls(&server, RoleToAssume::default()).await;
    for (operation, count, at_least) in [("ListRegions", 6, 700), ("GetAlternateContact", 10, 450)]
    {
        let begun = Instant::now();
        let input = json!({"AccountId": OTHER, "AlternateContactType": "BILLING"});
        let input = if operation == "ListRegions" {
            json!({ "AccountId": OTHER })
        } else {
            input
        };
        let all = (0..count).map(|_| calls.call(&CallPlace::Home, ("account", operation), &input));
        for answer in futures_util::future::join_all(all).await {
            answer.unwrap();
        }
        let took = begun.elapsed();
        assert!(
            took > Duration::from_millis(at_least),
            "{operation}: {took:?}"
        );
    }
}

/// `inventory.md` F-8: the date of the refusal corrects the clock.
#[tokio::test]
async fn a_clock_that_is_refused_is_corrected_by_the_answer() {
    let server = FakeHttp::start(|_| json_answer(200, &json!({ "Roots": [] }))).await;
    let calls = calls(&server, RoleToAssume::default()).await;
    let late = json!({"__type": "InvalidSignatureException", "message": "Signature expired: 20260302T100000Z is now earlier than 20260302T114500Z"});
    let date = ("date", "Mon, 02 Mar 2026 12:00:00 GMT".to_owned());
    server.first([(403, vec![date], late.to_string().into_bytes())]);
    let ((service, operation), nothing) = (roots(), json!({}));
    let answer = calls.call(&CallPlace::Home, (service, operation), &nothing);
    answer.await.unwrap();
    let signed: Vec<String> = server
        .asked()
        .iter()
        .map(|it| it.header("x-amz-date").unwrap_or_default().to_owned())
        .collect();
    assert_eq!(signed, ["20260302T100000Z", "20260302T120000Z"]);
}
