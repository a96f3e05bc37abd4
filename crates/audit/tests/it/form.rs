//! A record's form is a public contract: keys, types, `NA`, canonical bytes.

use hallpass_audit::{Approval, Draft, Event, Origin, object_key, seal};
use hallpass_base::{AuditId, Email, HoldKey, Target, TargetNames, TimeSpan};
use serde_json::Value;
use uuid::Uuid;

fn grant() -> Draft {
    let key = HoldKey {
        user: "44c8f4e8-80f1-7091-a200-0f9ddad2661d".parse().unwrap(),
        target: Target::Account {
            account: "222233334444".parse().unwrap(),
            permission_set:
                "arn:aws:sso:::permissionSet/ssoins-0123456789abcdef/ps-0a1b2c3d4e5f6071"
                    .parse()
                    .unwrap(),
        },
    };
    let names = TargetNames::Account {
        account: "Team: Prod #2".into(),
        permission_set: "Admin".into(),
    };
    let ana = Email::new("ana@acme.example").unwrap();
    Draft::new(
        AuditId::new(Uuid::from_u128(7)),
        Event::GrantSucceeded,
        "2026-03-02T10:05:00.123456Z".parse().unwrap(),
        "hallpass",
        Origin::System,
    )
    .reason("a: b: c & <d>")
    .subject(&ana, &key, &names)
    .duration(TimeSpan::minutes(90))
    .approved_by(&ana, None, Approval::Own)
}

#[test]
fn every_key_is_present_and_unknown_is_na() {
    let record = seal(grant(), None).unwrap();
    let fields = record.fields();
    let expected = [
        ("reason", "a: b: c & <d>"),
        ("operation_type", "grant"),
        ("audit_entry_type", "account"),
        ("permission_duration", "5400"),
        (
            "sso_user_principal_id",
            "44c8f4e8-80f1-7091-a200-0f9ddad2661d",
        ),
        ("sso_user_email", "NA"),
        ("role_name", "Admin"),
        ("account_id", "222233334444"),
        ("group_name", "NA"),
        ("group_id", "NA"),
        ("group_membership_id", "NA"),
        ("requester_slack_id", "NA"),
        ("requester_email", "ana@acme.example"),
        ("approver_slack_id", "NA"),
        ("approver_email", "ana@acme.example"),
        ("approval", "self"),
        ("request_id", "NA"),
        ("sync_operation", "NA"),
        ("matched_attributes", "NA"),
        ("time", "2026-03-02 10:05:00.123456+00:00"),
        ("event", "grant.succeeded"),
        ("removed", "NA"),
        ("why", "NA"),
        ("error", "NA"),
    ];
    for (field, value) in expected {
        assert_eq!(
            fields.get(field).and_then(Value::as_str),
            Some(value),
            "{field}"
        );
    }
    assert_eq!(fields["secondary_domain_was_used"], Value::Bool(false));
    assert_eq!(fields["timestamp"], Value::from(1_772_445_900_123_i64));
    assert_eq!(fields["version"], Value::from(1));
    assert_eq!(fields["seq"], Value::from(1));
}

#[test]
fn canonical_bytes_are_golden() {
    let record = seal(grant(), None).unwrap();
    assert!(record.hash_holds());
    assert_eq!(
        record.hash(),
        "0c9144268745a71cce9f2e3595d4de8ec1077b556d7fcd7fdb0e0db86755aa50"
    );
    assert!(record.canonical().starts_with(
        r#"{"access_request_id":"NA","account_id":"222233334444","actor":"hallpass""#
    ));
}

#[test]
fn objects_are_partitioned_by_utc_day() {
    let record = seal(grant(), None).unwrap();
    let name = "2026/03/02/00000000-0000-0000-0000-000000000007.json";
    for (prefix, key) in [
        ("logs", format!("logs/{name}")),
        ("logs/", format!("logs/{name}")),
        ("", name.to_owned()),
        ("/", name.to_owned()),
    ] {
        assert_eq!(object_key(prefix, &record), key, "prefix {prefix:?}");
    }
}
