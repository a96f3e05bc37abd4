//! Errors of the original, each once (`inventory.md` H-20).

use hallpass_activity::{PciAlertKind, judge};
use serde_json::json;

use crate::stage::{
    ANA, add, ana, as_of, empty_fold, folded, ignored, log_of, people, question, record, records,
    request, said_of_ana,
};

#[test]
fn since_the_change_of_2025_07_14_nobody_is_inactive_for_want_of_a_name() {
    let new_shape = record(1, "2025-08-30T00:00:00Z", "sso:Authenticate", &json!({}));
    assert!(new_shape["userIdentity"].get("userName").is_none());
    assert_eq!(
        said_of_ana(&[new_shape]),
        "expired 365 (created) / ok 2 (Authenticate)"
    );
    let mut fold = empty_fold();
    add(&mut fold, &log_of(&records()));
    let report = judge(&fold, &question(people()));
    let inactive = report
        .users
        .iter()
        .filter(|it| it.activity_state == "inactive");
    assert_eq!(inactive.count(), 2, "of thirteen, not all");
}

#[test]
fn there_are_two_levels() {
    let mut fold = empty_fold();
    add(&mut fold, &log_of(&records()));
    let report = judge(&fold, &question(people()));
    for kind in PciAlertKind::ALL {
        assert!(report.alerts.iter().any(|it| it.kind == kind), "{kind:?}");
    }
}

#[test]
fn people_who_were_there_before_are_in_the_table() {
    let report = judge(&folded(&[]), &question(people()));
    assert_eq!(report.users.len(), 13);
}

#[test]
fn people_of_an_outside_provider_and_of_the_command_line_are_seen() {
    for event in ["sso:Federate", "sso:CreateToken", "sso:GetRoleCredentials"] {
        let said = said_of_ana(&[record(1, "2025-08-30T00:00:00Z", event, &json!({}))]);
        assert!(said.contains("/ ok 2 "), "{event}: {said}");
    }
}

#[test]
fn what_failed_did_not_happen() {
    let mut reset = request(ANA, &json!({}));
    reset["errorCode"] = json!("AccessDenied");
    let records = [
        record(
            1,
            "2025-08-30T00:00:00Z",
            "sso-directory:UpdatePassword",
            &reset,
        ),
        record(
            2,
            "2025-08-30T00:00:00Z",
            "sso:Authenticate",
            &json!({"errorCode": "Failed"}),
        ),
        record(
            3,
            "2025-08-30T00:00:00Z",
            "signin:UserAuthentication",
            &json!({"serviceEventDetails": {"UserAuthentication": "Failure"}}),
        ),
        record(
            4,
            "2025-08-30T00:00:00Z",
            "signin:CredentialChallenge",
            &json!({}),
        ),
        record(
            5,
            "2025-08-30T00:00:00Z",
            "signin:CredentialVerification",
            &json!({"serviceEventDetails": {"CredentialVerification": "Failure"}}),
        ),
    ];
    assert_eq!(
        said_of_ana(&records),
        "expired 365 (created) / inactive 365 (created)"
    );
    assert_eq!(
        ignored(&records),
        "api_error 2, failed_sign_in 1, not_activity 2"
    );
    let report = judge(
        &folded(&records),
        &question(ana("2024-09-01T00:00:00Z", &json!({}))),
    );
    assert_eq!(report.users[0].failed_verifications, 1);
}

#[test]
fn instants_are_compared_in_utc() {
    let late = record(
        1,
        "2025-09-01T01:30:00+02:00",
        "sso:Authenticate",
        &json!({}),
    );
    assert_eq!(as_of().to_string(), "2025-09-01T00:00:00Z");
    assert_eq!(
        said_of_ana(&[late]),
        "expired 365 (created) / ok 0 (Authenticate)"
    );
}
