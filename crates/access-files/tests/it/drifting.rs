//! Authors of drift (`inventory.md` A-13).

use hallpass_access_files::{
    DriftAuthor, DriftKind, DriftSubject, DriftedItem, SeenAccess, SeenSet, SetPart,
    changing_events, name_authors,
};
use hallpass_activity::{CenterChange, EventNames, read_center_changes};
use serde_json::{Value, json};

use crate::world::{ALICE, DEV, FRANK, TEST, account, arn_of, group, name, user};

const ANA: &str = "ana@example.test";

fn record(number: u32, minute: u32, event: &str, asked: &Value) -> Value {
    json!({
        "eventID": format!("e{number}"),
        "eventTime": format!("2026-11-20T10:{minute:02}:00Z"),
        "eventSource": "sso.amazonaws.com",
        "eventName": event,
        "awsRegion": "eu-west-1",
        "recipientAccountId": "111122223333",
        "userIdentity": {
            "type": "AssumedRole",
            "arn": format!("arn:aws:sts::111122223333:assumed-role/AWSReservedSSO_Admin_0123456789abcdef/{ANA}"),
            "sessionContext": {"sessionIssuer": {"userName": "AWSReservedSSO_Admin_0123456789abcdef",
                "arn": "arn:aws:iam::111122223333:role/aws-reserved/sso.amazonaws.com/AWSReservedSSO_Admin_0123456789abcdef"}},
        },
        "requestParameters": asked,
        "responseElements": null,
    })
}

fn assigned(set: &str, id: &str, who: &str) -> Value {
    json!({"permissionSetArn": arn_of(&name(set)).as_str(), "targetId": id, "principalId": who})
}

fn changes(records: &[Value], items: &[DriftedItem]) -> Vec<CenterChange> {
    let names = EventNames::new(changing_events(items));
    let mut found = Vec::new();
    let text = json!({ "Records": records }).to_string();
    read_center_changes(text.as_bytes(), &names, |it| found.push(it)).unwrap();
    found
}

fn seen() -> SeenAccess {
    let mut seen = SeenAccess::default();
    let set = SeenSet {
        arn: arn_of(&name("A")),
        content: hallpass_access_files::PermissionSetContent::default(),
        accounts: std::collections::BTreeSet::new(),
        outdated: std::collections::BTreeSet::new(),
    };
    seen.sets.insert(name("A"), set);
    seen
}

fn item(drift: DriftKind, set: &str, at: Option<&str>, subject: DriftSubject) -> DriftedItem {
    DriftedItem {
        drift,
        permission_set: name(set),
        account: at.map(account),
        what: String::new(),
        subject,
        last_change: DriftAuthor::NotAsked,
    }
}

fn author(item: DriftedItem, records: &[Value]) -> String {
    let mut items = [item];
    let found = changes(records, &items);
    name_authors(&mut items, &seen(), &found);
    match &items[0].last_change {
        DriftAuthor::Known(change) => {
            assert_eq!((change.by_kind, change.who().as_str()), ("person", ANA));
            assert_eq!(change.by_permission_set.as_deref(), Some("Admin"));
            change.event_id.clone()
        }
        DriftAuthor::NotInLog => String::new(),
        DriftAuthor::NotAsked => panic!("it was asked"),
    }
}

#[test]
fn an_assignment_is_of_who_asked_for_exactly_that_last() {
    let of = |drift| {
        let subject = DriftSubject::Assignment(user(FRANK));
        item(drift, "A", Some(DEV), subject)
    };
    let create =
        |number, minute, asked: &Value| record(number, minute, "CreateAccountAssignment", asked);
    let delete =
        |number, minute, asked: &Value| record(number, minute, "DeleteAccountAssignment", asked);
    let this = assigned("A", DEV, FRANK);
    let mut refused = create(8, 50, &this);
    refused["errorCode"] = json!("AccessDenied");
    let mut elsewhere = create(9, 50, &this);
    elsewhere["eventSource"] = json!("other.amazonaws.com");
    let others = [
        create(5, 40, &assigned("B", DEV, FRANK)),
        create(6, 41, &assigned("A", TEST, FRANK)),
        create(7, 42, &assigned("A", DEV, ALICE)),
        refused,
        elsewhere,
    ];
    let with = |rows: &[Value]| [rows, others.as_slice()].concat();
    let rows: [(&str, Vec<Value>, &str, &str); 6] = [
        ("only others", with(&[]), "", ""),
        ("one", with(&[create(1, 1, &this)]), "e1", ""),
        (
            "the newest, whatever the order",
            with(&[create(2, 9, &this), create(1, 1, &this)]),
            "e2",
            "",
        ),
        (
            "the reverse came last",
            with(&[create(1, 1, &this), delete(2, 2, &this)]),
            "",
            "e2",
        ),
        (
            "and again",
            with(&[
                delete(2, 2, &this),
                create(3, 3, &this),
                create(1, 1, &this),
            ]),
            "e3",
            "",
        ),
        (
            "in one minute",
            with(&[create(1, 1, &this), delete(2, 1, &this)]),
            "e1",
            "e2",
        ),
    ];
    for (words, records, of_added, of_removed) in rows {
        assert_eq!(
            author(of(DriftKind::AddedOutside), &records),
            of_added,
            "{words}"
        );
        assert_eq!(
            author(of(DriftKind::RemovedOutside), &records),
            of_removed,
            "{words}"
        );
    }
}

#[test]
fn a_part_of_a_set_is_of_who_changed_that_part() {
    let of_set = |set: &str| json!({"permissionSetArn": arn_of(&name(set)).as_str(), "name": set});
    let records = [
        record(1, 1, "AttachManagedPolicyToPermissionSet", &of_set("A")),
        record(2, 2, "PutInlinePolicyToPermissionSet", &of_set("A")),
        record(
            3,
            3,
            "TagResource",
            &json!({"resourceArn": arn_of(&name("A")).as_str()}),
        ),
        record(4, 4, "DetachManagedPolicyFromPermissionSet", &of_set("B")),
    ];
    for (part, expected) in [
        (SetPart::Managed, "e1"),
        (SetPart::Inline, "e2"),
        (SetPart::Tags, "e3"),
        (SetPart::Boundary, ""),
        (SetPart::Texts, ""),
        (SetPart::Customer, ""),
    ] {
        let changed = item(
            DriftKind::ChangedOutside,
            "A",
            None,
            DriftSubject::Part(part),
        );
        assert_eq!(author(changed, &records), expected, "{part:?}");
    }
    let roles = item(
        DriftKind::OutdatedProvisioning,
        "A",
        None,
        DriftSubject::Roles,
    );
    assert_eq!(author(roles, &records), "e2");
}

#[test]
fn what_is_gone_is_of_who_deleted_it() {
    let arn = "arn:aws:sso:::permissionSet/ssoins-1/ps-gone";
    let mut created = record(1, 1, "CreatePermissionSet", &json!({"name": "Gone"}));
    created["responseElements"] = json!({"permissionSet": {"permissionSetArn": arn}});
    let deleted = record(
        2,
        2,
        "DeletePermissionSet",
        &json!({"permissionSetArn": arn}),
    );
    let gone = || {
        item(
            DriftKind::RemovedOutside,
            "Gone",
            None,
            DriftSubject::Existence,
        )
    };
    assert_eq!(author(gone(), &[created.clone(), deleted.clone()]), "e2");
    // Without the creation record, the ARN cannot be resolved.
    assert_eq!(author(gone(), &[deleted]), "");
    assert_eq!(author(gone(), &[created]), "");
    let mut person = record(3, 3, "DeleteUser", &json!({"userId": FRANK}));
    person["eventSource"] = json!("identitystore.amazonaws.com");
    let nobody = |who| {
        item(
            DriftKind::UnknownPrincipal,
            "A",
            Some(DEV),
            DriftSubject::Principal(who),
        )
    };
    assert_eq!(author(nobody(user(FRANK)), &[person.clone()]), "e3");
    assert_eq!(author(nobody(user(ALICE)), &[person.clone()]), "");
    assert_eq!(author(nobody(group(FRANK)), &[person.clone()]), "");
    // An IAM user is a different principal.
    person["eventSource"] = json!("iam.amazonaws.com");
    assert_eq!(author(nobody(user(FRANK)), &[person]), "");
}
