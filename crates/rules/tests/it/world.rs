use std::collections::{BTreeMap, BTreeSet};

use hallpass_base::{AccountId, Email, GroupId, PermissionSetArn, Timestamp, UserId};
use hallpass_rules::{
    Ask, Decision, Directory, RuleFile, Rules,
    directory::{Account, Group, OuRef, PermissionSet, Person, Snapshot},
    load,
};

pub(crate) const ONCALL: &str = "aaaaaaaa-0000-4000-8000-000000000001";
pub(crate) const EMPTY: &str = "aaaaaaaa-0000-4000-8000-000000000002";
pub(crate) const UNREAD: &str = "aaaaaaaa-0000-4000-8000-000000000003";

pub(crate) const PAYMENTS_PROD: &str = "100000000001";
pub(crate) const PAYMENTS_DEV: &str = "100000000002";
pub(crate) const LOGS: &str = "100000000003";
pub(crate) const CLOSED: &str = "100000000004";

/// Monday, 2 March 2026, 10:05 UTC.
pub(crate) fn noon() -> Timestamp {
    "2026-03-02T10:05:00Z".parse().unwrap()
}

pub(crate) fn email(name: &str) -> Email {
    let full = if name.contains('@') {
        name.to_owned()
    } else {
        format!("{name}@corp.com")
    };
    Email::new(&full).unwrap()
}

pub(crate) const DEPARTMENTS: [(u32, Option<&str>); 4] = [
    (1, Some("Payments")),
    (2, None),
    (3, Some("Ops")),
    (4, Some("Payments")),
];

pub(crate) const MANAGERS: [(u32, Option<&str>); 5] = [
    (1, Some("bo@corp.com")),
    (2, None),
    (3, Some("00000000-0000-4000-8000-000000000001")),
    (4, Some("Ana.Lind@corp.com")),
    (6, Some("eve@corp.com")),
];

fn person(number: u32, emails: &[&str], enabled: bool) -> Person {
    let mut attributes = hallpass_rules::PersonAttributes::default();
    for (_, department) in DEPARTMENTS.iter().filter(|(whose, _)| *whose == number) {
        attributes.read(hallpass_rules::PersonAttribute::Department, *department);
    }
    for (_, manager) in MANAGERS.iter().filter(|(whose, _)| *whose == number) {
        attributes.read(hallpass_rules::PersonAttribute::Manager, *manager);
    }
    Person {
        user_id: user(number),
        user_name: emails.first().unwrap_or(&"nobody").to_string(),
        display_name: String::new(),
        emails: emails.iter().map(|name| email(name)).collect(),
        enabled,
        attributes,
    }
}

pub(crate) fn user(number: u32) -> UserId {
    UserId::new(format!("00000000-0000-4000-8000-{number:012x}")).unwrap()
}

fn account(id: &str, name: &str, active: bool, path: &[(&str, &str)], env: &str) -> Account {
    Account {
        id: AccountId::new(id).unwrap(),
        name: name.to_owned(),
        email: format!("aws+{name}@corp.com"),
        active,
        ous: path
            .iter()
            .map(|(id, name)| OuRef {
                id: (*id).to_owned(),
                name: (*name).to_owned(),
            })
            .collect(),
        tags: BTreeMap::from([("env".to_owned(), env.to_owned())]).into(),
    }
}

/// Ana and Bo are on call; Ana has a second address; Eve is disabled; Twin's address belongs to two
/// users.
pub(crate) fn directory() -> Directory {
    let workloads = ("ou-ab12-workload", "Workloads");
    let prod = ("ou-ab12-prod0000", "Prod");
    let nonprod = ("ou-ab12-nonprod0", "NonProd");
    let security = ("ou-ab12-security", "Security");
    let group = |id: &str, name: &str, members: Option<&[u32]>| Group {
        id: GroupId::new(id).unwrap(),
        name: name.to_owned(),
        members: members.map(|members| members.iter().map(|n| user(*n)).collect()),
    };
    let set = |name: &str| PermissionSet {
        name: name.to_owned(),
        arn: PermissionSetArn::new(format!(
            "arn:aws:sso:::permissionSet/ssoins-1111111111111111/ps-{name}"
        ))
        .unwrap(),
        session_duration: 3600,
        description: String::new(),
    };
    Directory::new(Snapshot {
        root_id: "r-ab12".to_owned(),
        accounts: vec![
            account(
                PAYMENTS_PROD,
                "payments-prod",
                true,
                &[workloads, prod],
                "prod",
            ),
            account(
                PAYMENTS_DEV,
                "payments-dev",
                true,
                &[workloads, nonprod],
                "dev",
            ),
            account(
                LOGS,
                "log-archive",
                true,
                &[("r-ab12", "Root"), security],
                "prod",
            ),
            account(CLOSED, "old-prod", false, &[workloads, prod], "prod"),
        ],
        ous: vec![vec![OuRef {
            id: "ou-ab12-sandbox0".to_owned(),
            name: "Sandbox".to_owned(),
        }]],
        permission_sets: ["ReadOnly", "Admin", "Billing"].map(set).to_vec(),
        people: vec![
            person(1, &["ana", "ana.lind@corp.com"], true),
            person(2, &["bo"], true),
            person(3, &["cai"], true),
            person(4, &["eve"], false),
            person(5, &["twin"], true),
            person(6, &["twin", "six"], true),
        ],
        groups: vec![
            group(ONCALL, "OnCall", Some(&[1, 2, 4])),
            group(EMPTY, "empty", Some(&[])),
            group(UNREAD, "unread", None),
        ],
        taken_at: Some(noon()),
    })
}

pub(crate) fn rules(name: &str, text: &str) -> Rules {
    match load(&RuleFile::new(name, text)) {
        Ok(loaded) => loaded.rules,
        Err(errors) => {
            let errors: Vec<String> = errors.iter().map(ToString::to_string).collect();
            panic!("{}", errors.join("\n"))
        }
    }
}

pub(crate) fn statements(list: &str) -> Rules {
    rules("rules.json", &format!("{{\"statements\": [{list}]}}"))
}

pub(crate) fn decide(rules: &Rules, who: &str, account: &str, set: &str) -> Decision {
    let account = AccountId::new(account).unwrap();
    let ask = Ask::Account {
        account: &account,
        permission_set: set,
    };
    rules.decide(&email(who), &ask, &directory(), noon())
}

pub(crate) fn shown(decision: &Decision) -> String {
    let names = |emails: &BTreeSet<Email>| {
        emails
            .iter()
            .map(|e| e.local_part().to_owned())
            .collect::<Vec<_>>()
            .join(",")
    };
    let based_on: Vec<&str> = decision
        .based_on
        .iter()
        .map(hallpass_rules::RuleId::as_str)
        .collect();
    format!(
        "{} [{}] {}",
        decision.kind,
        names(&decision.approvers),
        based_on.join(",")
    )
    .trim_end()
    .to_owned()
}
