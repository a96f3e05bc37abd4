//! A fictional company: accounts in nested units, people in groups; and its AWS TEAM tables, typed
//! as in `DynamoDB` exports.

use hallpass_base::{AccountId, Email, GroupId, PermissionSetArn, UserId};
use hallpass_imports::team::{Release, TeamExport, TeamExports, import};
use hallpass_imports::{ExportRefused, Imported, SourceFile};
use hallpass_rules::Directory;
use hallpass_rules::directory::{Account, Group, OuRef, PermissionSet, Person, Snapshot};
use serde_json::{Value, json};

pub(crate) const ROOT: &str = "r-ab12";
pub(crate) const WORKLOADS: &str = "ou-ab12-workload";
pub(crate) const PROD: &str = "ou-ab12-prodprod";

/// Accounts with their units, the parent last.
pub(crate) const ACCOUNTS: [(&str, &str, &[&str]); 4] = [
    ("100000000001", "payments-prod", &[WORKLOADS, PROD]),
    ("100000000002", "shop-prod", &[WORKLOADS, PROD]),
    ("100000000003", "sandbox", &[WORKLOADS]),
    ("100000000004", "log-archive", &[]),
];
pub(crate) const UNITS: [&str; 3] = [ROOT, WORKLOADS, PROD];
pub(crate) const SETS: [&str; 3] = ["Admin", "ReadOnly", "Billing"];
pub(crate) const PEOPLE: [&str; 4] = ["ana", "bo", "cai", "dee"];
pub(crate) const GROUPS: usize = 3;

pub(crate) fn user_id(person: usize) -> String {
    format!("c24e7e9528-e31b6b96-e213-4882-bde1-00000000000{person}")
}

pub(crate) fn group_id(group: usize) -> String {
    format!("c24e7e9528-e31b6b96-e213-4882-bde1-10000000000{group}")
}

pub(crate) fn set_arn(set: usize) -> String {
    format!("arn:aws:sso:::permissionSet/ssoins-1234567890abcdef/ps-000000000000000{set}")
}

pub(crate) fn email(person: usize) -> Email {
    Email::new(&format!("{}@acme.example", PEOPLE[person])).unwrap()
}

/// Group membership as bits per person.
pub(crate) fn directory(members: &[u8]) -> Directory {
    let unit = |id: &&str| OuRef {
        id: (*id).to_owned(),
        name: format!("name of {id}"),
    };
    let accounts = ACCOUNTS.iter().map(|(id, name, units)| Account {
        id: AccountId::new(*id).unwrap(),
        name: (*name).to_owned(),
        email: String::new(),
        active: true,
        ous: units.iter().map(unit).collect(),
        tags: std::collections::BTreeMap::new().into(),
    });
    let sets = SETS.iter().enumerate().map(|(place, name)| PermissionSet {
        name: (*name).to_owned(),
        arn: PermissionSetArn::new(set_arn(place)).unwrap(),
        session_duration: 3600,
        description: String::new(),
    });
    let people = PEOPLE.iter().enumerate().map(|(place, name)| Person {
        user_id: UserId::new(user_id(place)).unwrap(),
        user_name: (*name).to_owned(),
        display_name: String::new(),
        emails: vec![email(place)],
        enabled: true,
        attributes: hallpass_rules::PersonAttributes::default(),
    });
    let groups = members.iter().enumerate().map(|(place, bits)| Group {
        id: GroupId::new(group_id(place)).unwrap(),
        name: format!("group-{place}"),
        members: Some(
            (0..PEOPLE.len())
                .filter(|person| bits >> person & 1 == 1)
                .map(|person| UserId::new(user_id(person)).unwrap())
                .collect(),
        ),
    });
    Directory::new(Snapshot {
        root_id: ROOT.to_owned(),
        accounts: accounts.collect(),
        permission_sets: sets.collect(),
        people: people.collect(),
        groups: groups.collect(),
        ..Snapshot::default()
    })
}

pub(crate) fn typed(value: &Value) -> Value {
    match value {
        Value::Null => json!({"NULL": true}),
        Value::Bool(flag) => json!({"BOOL": flag}),
        Value::Number(number) => json!({"N": number.to_string()}),
        Value::String(text) => json!({"S": text}),
        Value::Array(items) => json!({"L": items.iter().map(typed).collect::<Vec<_>>()}),
        Value::Object(map) => {
            let map: serde_json::Map<String, Value> = map
                .iter()
                .map(|(key, value)| (key.clone(), typed(value)))
                .collect();
            json!({"M": map})
        }
    }
}

pub(crate) fn lines(items: &[Value]) -> String {
    items.iter().fold(String::new(), |text, item| {
        let typed = typed(item);
        text + &json!({"Item": typed["M"]}).to_string() + "\n"
    })
}

pub(crate) fn scan(items: &[Value]) -> String {
    let typed: Vec<Value> = items.iter().map(|item| typed(item)["M"].clone()).collect();
    json!({"Items": typed, "Count": items.len(), "ScannedCount": items.len()}).to_string()
}

pub(crate) fn export(name: &str, text: impl Into<Vec<u8>>) -> TeamExport {
    TeamExport {
        name: name.to_owned(),
        files: vec![SourceFile {
            name: name.to_owned(),
            bytes: text.into(),
        }],
    }
}

pub(crate) fn imported(
    eligibility: &[Value],
    approvers: &[Value],
    settings: &[Value],
    release: Release,
    facts: Option<&Directory>,
) -> Result<Imported, ExportRefused> {
    with_policies((eligibility, None), approvers, settings, release, facts)
}

pub(crate) fn with_policies(
    (eligibility, policies): (&[Value], Option<&[Value]>),
    approvers: &[Value],
    settings: &[Value],
    release: Release,
    facts: Option<&Directory>,
) -> Result<Imported, ExportRefused> {
    let policies = policies.map(|rows| export("policies.json", scan(rows)));
    let tables = TeamExports {
        eligibility: &export("eligibility.json", scan(eligibility)),
        approvers: &export("approvers.json", scan(approvers)),
        settings: &export("settings.json", scan(settings)),
        policies: policies.as_ref(),
    };
    import(&tables, release, facts)
}

pub(crate) fn entry(id: &str, kind: &str, name: &str) -> Value {
    json!({
        "id": id, "name": name, "type": kind, "__typename": "Eligibility",
        "accounts": [{"name": "payments-prod", "id": "100000000001"}],
        "ous": [], "permissions": [{"name": "Admin", "id": set_arn(0)}],
        "approvalRequired": true, "duration": "4", "ticketNo": "OPS1",
        "modifiedBy": "boss@acme.example",
        "createdAt": "2024-05-01T10:00:00.000Z", "updatedAt": "2024-05-01T10:00:00.000Z"
    })
}

pub(crate) fn approvers(id: &str, kind: &str, groups: &[usize]) -> Value {
    let ids: Vec<String> = groups.iter().map(|group| group_id(*group)).collect();
    let names: Vec<String> = groups
        .iter()
        .map(|group| format!("group-{group}"))
        .collect();
    json!({"id": id, "name": id, "type": kind, "__typename": "Approvers",
           "approvers": names, "groupIds": ids, "ticketNo": "OPS1"})
}

pub(crate) fn settings() -> Value {
    json!({"id": "settings", "__typename": "Settings", "duration": "9", "expiry": "3",
           "comments": true, "ticketNo": true, "approval": true, "modifiedBy": "boss@acme.example",
           "slackNotificationsEnabled": true, "slackToken": "xoxb-very-secret"})
}
