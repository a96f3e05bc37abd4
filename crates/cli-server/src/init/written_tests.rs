//! Output of `init` for a directory with hostile names.

use std::path::Path;

use hallpass_base::{AccountId, GroupId, Timestamp, UserId};
use hallpass_rules::Directory;
use hallpass_rules::directory::{Account, Group, OuRef, PermissionSet, Person, Snapshot};
use hallpass_terminal::exit::Exit;

use super::answers::{self, Answers};
use super::asking::Answering;
use super::asking::script::Script;
use super::config_text;
use super::preset_answers::Given;
use super::sections::FoundInstance;
use super::{checked, rule_text};

const MANAGEMENT: &str = "111122223333";
const PAYMENTS: &str = "222233334444";
/// Names with a hazard each.
const GROUPS: &[&str] = &[
    "admins",
    "approvers",
    "engineers",
    "quote\" and \\",
    "line\nfeed\"]\nadmins = [\"group:engineers",
    "{{ template }} ${env:HOME}",
    "ünïcode ✓",
    "!not",
    "*",
    "99999999-8888-7777-6666-555555555555",
    "twice",
    "twice",
    " blanks ",
    "hidden\u{202e}",
];

fn id(number: usize) -> String {
    format!("00000000-0000-4000-8000-{number:012}")
}

fn unit(number: usize, name: &str) -> OuRef {
    OuRef {
        id: format!("ou-ab12-{number:08}"),
        name: name.to_owned(),
    }
}

fn account(id: &str, name: &str, ous: &[OuRef]) -> Account {
    Account {
        id: id.parse().unwrap(),
        name: name.to_owned(),
        email: String::new(),
        active: true,
        ous: ous.to_vec(),
        tags: std::collections::BTreeMap::new().into(),
    }
}

fn directory() -> Directory {
    organization("Prod")
}

fn organization(production: &str) -> Directory {
    let people: Vec<Person> = (0..4)
        .map(|number| Person {
            user_id: UserId::new(id(number)).unwrap(),
            user_name: format!("person{number}"),
            display_name: String::new(),
            emails: vec![format!("person{number}@corp.example").parse().unwrap()],
            enabled: true,
            attributes: hallpass_rules::PersonAttributes::default(),
        })
        .collect();
    let groups: Vec<Group> = GROUPS
        .iter()
        .enumerate()
        .map(|(number, name)| Group {
            id: GroupId::new(id(100 + number)).unwrap(),
            name: (*name).to_owned(),
            members: Some(people.iter().map(|it| it.user_id.clone()).collect()),
        })
        .collect();
    let root = OuRef {
        id: "r-ab12".to_owned(),
        name: "Root".to_owned(),
    };
    let prod = [root.clone(), unit(1, production)];
    let odd = [root.clone(), unit(2, "a/b \"\n")];
    let dev = [root.clone(), unit(3, "Dev")];
    Directory::new(Snapshot {
        root_id: "r-ab12".to_owned(),
        accounts: vec![
            account(MANAGEMENT, "management", std::slice::from_ref(&root)),
            account(PAYMENTS, "payments\"\n# {{", &prod),
            account("333344445555", "odd", &odd),
            account("444455556666", "dev", &dev),
            account("555566667777", "same", &dev),
            account("666677778888", "same", &dev),
        ],
        ous: vec![prod.to_vec(), odd.to_vec(), dev.to_vec()],
        permission_sets: [("Admin", "1"), ("ReadOnly", "2")]
            .map(|(name, number)| PermissionSet {
                name: name.to_owned(),
                arn: format!(
                    "arn:aws:sso:::permissionSet/ssoins-0123456789abcdef/ps-{number:0>16}"
                )
                .parse()
                .unwrap(),
                session_duration: 3600,
                description: String::new(),
            })
            .to_vec(),
        people,
        groups,
        taken_at: None,
    })
}

fn given(sensitive: &[&str], group: &str) -> Given {
    Given {
        public_url: Some("https://hallpass.corp.example".to_owned()),
        administrators: Some("admins".to_owned()),
        approvers: Some(group.to_owned()),
        requesters: Some(group.to_owned()),
        sensitive: Some(sensitive.iter().map(|it| (*it).to_owned()).collect()),
        permission_sets: Some(vec!["*".to_owned()]),
        ..Given::default()
    }
}

fn settled(given: &Given) -> Result<Answers, hallpass_terminal::exit::Failure> {
    let management: AccountId = MANAGEMENT.parse().unwrap();
    answers::settle(
        given,
        Some(&management),
        &directory(),
        &mut Answering::Nobody,
    )
}

fn written(answers: &Answers) -> (String, String, Vec<String>) {
    let found = FoundInstance {
        region: "eu-west-1".to_owned(),
        instance_arn: "arn:aws:sso:::instance/ssoins-0123456789abcdef".to_owned(),
        ..FoundInstance::default()
    };
    let management: AccountId = MANAGEMENT.parse().unwrap();
    let directory = directory();
    let configuration = config_text::configuration(answers, &found, None);
    let rules = rule_text::rules(answers, Some(&management), &directory);
    let now = Timestamp::from_second(1_700_000_000).unwrap();
    let odd = checked::check(
        Path::new("x"),
        &configuration,
        &rules,
        answers,
        &directory,
        now,
    );
    let odd = odd.unwrap_or_else(|it| panic!("{it:?}\n{configuration}\n{rules}"));
    (configuration, rules, odd)
}

#[test]
fn whatever_groups_are_called_both_files_hold_and_name_them() {
    let alone = GROUPS
        .iter()
        .enumerate()
        .filter(|(_, name)| **name != "twice");
    for (number, name) in alone {
        let mut given = given(&["Prod", PAYMENTS], &id(100 + number));
        given.administrators = Some(id(100 + number));
        given.auditors = Some(id(100 + number));
        let (configuration, _, odd) = written(&settled(&given).unwrap());
        let read: toml::Table = toml::from_str(&configuration).unwrap();
        let wanted = format!("group:{name}");
        assert_eq!(read["identity"]["admins"][0].as_str(), Some(&*wanted));
        assert_eq!(read["identity"]["auditors"][0].as_str(), Some(&*wanted));
        assert!(
            !odd.iter().any(|it| it.contains("administrator")),
            "{name}: {odd:?}"
        );
    }
}

#[test]
fn names_that_several_have_are_refused_or_written_by_id() {
    let mut twice = given(&["*"], "twice");
    assert!(settled(&twice).is_err(), "by name it is not one");
    twice.approvers = Some(id(110));
    twice.requesters = None;
    let (_, rules, _) = written(&settled(&twice).unwrap());
    assert!(
        rules.contains(&format!(
            "approver_groups = [\n  \"{}\", # twice\n]",
            id(110)
        )),
        "{rules}"
    );
    twice.administrators = Some(id(110));
    assert!(settled(&twice).is_err());
    assert!(
        settled(&given(&["same"], "approvers")).is_err(),
        "an account of which there are two"
    );
    assert!(settled(&given(&["666677778888"], "approvers")).is_ok());
}

#[test]
fn places_are_found_by_path_name_and_id_and_written_as_they_can_be_read() {
    let all = ["Root/Prod", "payments\"\n# {{", "a/b \"\n"];
    let failure = settled(&given(&["DEV"], "approvers")).unwrap_err();
    assert!(
        failure.words().contains("several"),
        "a unit and an account: {failure:?}"
    );
    let (_, rules, odd) = written(&settled(&given(&all, "approvers")).unwrap());
    let read: toml::Table = toml::from_str(&rules).unwrap();
    let first = &read["rule"][0];
    assert_eq!(first["ous"].as_array().unwrap().len(), 2);
    assert_eq!(first["ous"][0].as_str(), Some("ou-ab12-00000001"));
    assert_eq!(first["ous"][1].as_str(), Some("ou-ab12-00000002"));
    assert_eq!(read["rule"][1]["accounts"][0].as_str(), Some(PAYMENTS));
    assert!(!odd.iter().any(|it| it.contains("dead")), "{odd:?}");
    for (text, key) in [("Dev", "ous"), ("dev", "accounts"), ("prod", "ous")] {
        let (_, rules, _) = written(&settled(&given(&[text], "approvers")).unwrap());
        let read: toml::Table = toml::from_str(&rules).unwrap();
        assert!(read["rule"][0].get(key).is_some(), "{text}: {rules}");
    }
    for bad in ["Prodd", "000000000000", "", MANAGEMENT, "management"] {
        assert!(settled(&given(&[bad], "approvers")).is_err(), "{bad}");
    }
    assert!(settled(&given(&[], "approvers")).is_err());
}

fn is_careful(id: &str, rule: &toml::Value) {
    let at_once = id == "elsewhere-at-once";
    assert!(rule.get("max_duration").is_some(), "{id}");
    assert_eq!(rule.get("approver_groups").is_none(), at_once, "{id}");
    assert_eq!(
        rule.get("allow_self_approval")
            .and_then(toml::Value::as_bool),
        (!at_once).then_some(false),
        "{id}"
    );
    assert!(
        !rule["permission_sets"]
            .as_array()
            .unwrap()
            .iter()
            .any(|it| it.as_str() == Some("*")),
        "{id}"
    );
}

#[test]
fn rules_begin_as_a_careful_team_would() {
    let mut given = given(&["Prod"], "approvers");
    given.read_only = Some(vec!["ReadOnly".to_owned()]);
    given.approvals_sensitive = Some(2);
    given.longest = Some("4h".to_owned());
    let (_, rules, odd) = written(&settled(&given).unwrap());
    assert_eq!(
        odd,
        ["no one can sign in on the web until `[oidc]` is set: docs/how-to/sign-in.md"]
    );
    let formatted = hallpass_rules::canonical_toml("rules.toml", &rules);
    assert_eq!(formatted.as_ref(), Ok(&rules), "as `rules fmt` writes");
    let read: toml::Table = toml::from_str(&rules).unwrap();
    let by_id: std::collections::BTreeMap<&str, &toml::Value> = read["rule"]
        .as_array()
        .unwrap()
        .iter()
        .map(|it| (it["id"].as_str().unwrap(), it))
        .collect();
    assert_eq!(
        by_id.keys().copied().collect::<Vec<_>>(),
        ["elsewhere", "elsewhere-at-once", "sensitive-units"]
    );
    for (id, rule) in &by_id {
        is_careful(id, rule);
    }
    let sensitive = by_id["sensitive-units"];
    assert_eq!(sensitive["approval_is_not_required"].as_bool(), Some(false));
    assert_eq!(sensitive["min_approvals"].as_integer(), Some(2));
    assert_eq!(sensitive["max_duration"].as_str(), Some("2h"));
    assert_eq!(
        by_id["elsewhere"]["except_accounts"][0].as_str(),
        Some(MANAGEMENT)
    );
    assert_eq!(
        by_id["elsewhere-at-once"]["except_ous"][0].as_str(),
        Some("ou-ab12-00000001")
    );
    assert!(
        rules.contains("  \"ou-ab12-00000001\", # Prod\n"),
        "{rules}"
    );
    assert_eq!(
        by_id["elsewhere-at-once"]["permission_sets"]
            .as_array()
            .unwrap()
            .len(),
        1
    );
    let tests: Vec<&str> = read["test"]
        .as_array()
        .unwrap()
        .iter()
        .map(|it| it["expect"].as_str().unwrap())
        .collect();
    assert_eq!(
        tests,
        [
            "RequiresApproval",
            "RequiresApproval",
            "ApprovalNotRequired",
            "NoStatements",
            "RequesterNotAllowed"
        ]
    );
}

/// Renaming a unit must not expose its accounts.
#[test]
fn a_sensitive_unit_that_is_renamed_stays_sensitive() {
    let mut given = given(&["Prod"], "approvers");
    given.requesters = None;
    given.read_only = Some(vec!["ReadOnly".to_owned()]);
    let (_, rules, _) = written(&settled(&given).unwrap());
    let source = hallpass_rules::RuleFile::from_bytes("rules.toml", rules.as_bytes()).unwrap();
    let loaded = hallpass_rules::load(&source).unwrap().rules;
    let now = Timestamp::from_second(1_700_000_000).unwrap();
    let account: AccountId = PAYMENTS.parse().unwrap();
    let ask = hallpass_rules::Ask::Account {
        account: &account,
        permission_set: "ReadOnly",
    };
    let person: hallpass_base::Email = "person0@corp.example".parse().unwrap();
    for name in ["Prod", "Production"] {
        let facts = organization(name);
        let decision = loaded.decide(&person, &ask, &facts, now);
        assert_eq!(
            decision.kind,
            hallpass_rules::DecisionKind::RequiresApproval,
            "{name}: {decision:?}"
        );
    }
}

#[test]
fn where_everything_is_sensitive_nothing_is_given_at_once() {
    for all in ["*", "Root", "r-ab12"] {
        let mut given = given(&[all, "Prod"], "approvers");
        let (_, rules, _) = written(&settled(&given).unwrap());
        let read: toml::Table = toml::from_str(&rules).unwrap();
        assert_eq!(read["rule"].as_array().unwrap().len(), 1, "{all}");
        given.read_only = Some(vec!["ReadOnly".to_owned()]);
        assert!(settled(&given).is_err(), "{all}");
    }
}

#[test]
fn answers_that_cannot_be_used_are_refused_by_their_key() {
    type Change = fn(&mut Given);
    let changes: &[(&str, Change)] = &[
        ("public_url", |it| {
            it.public_url = Some("hallpass.example".to_owned());
        }),
        ("public_url", |it| {
            it.public_url = Some("https://h.example/below".to_owned());
        }),
        ("listen", |it| it.listen = Some("8080".to_owned())),
        ("administrators", |it| {
            it.administrators = Some("admin".to_owned());
        }),
        ("approvers", |it| it.approvers = Some("nobody".to_owned())),
        ("permission_sets", |it| {
            it.permission_sets = Some(vec!["Amdin".to_owned()]);
        }),
        ("permission_sets", |it| it.permission_sets = Some(vec![])),
        ("read_only", |it| {
            it.permission_sets = Some(vec!["Admin".to_owned()]);
            it.read_only = Some(vec!["ReadOnly".to_owned()]);
        }),
        ("longest", |it| it.longest = Some("8".to_owned())),
        ("longest", |it| it.longest = Some("29m".to_owned())),
        ("longest", |it| it.longest = Some("169h".to_owned())),
        ("longest_sensitive", |it| {
            it.longest_sensitive = Some("9h".to_owned());
        }),
        ("approvals_sensitive", |it| it.approvals_sensitive = Some(6)),
        ("oidc_issuer", |it| {
            it.sign_in = Some(super::preset_answers::SignInKind::Oidc);
            it.oidc_issuer = Some("http://id.example".to_owned());
        }),
        ("oidc_client_secret", |it| {
            it.sign_in = Some(super::preset_answers::SignInKind::Oidc);
            it.oidc_issuer = Some("https://id.example".to_owned());
            it.oidc_client_id = Some("hallpass".to_owned());
            it.oidc_client_secret = Some("hunter2hunter2".to_owned());
        }),
    ];
    for (key, change) in changes {
        let mut given = given(&["Prod"], "approvers");
        change(&mut given);
        let failure = settled(&given).unwrap_err();
        let said = format!("{failure:?}");
        assert!(
            failure.exit() == Exit::BadInput && said.contains(key),
            "{key}: {said}"
        );
        assert!(!said.contains("hunter2"), "{said}");
    }
}

#[test]
fn a_secret_that_systemd_shows_to_the_server_alone_is_named_and_told() {
    let reference = "file:/run/credentials/hallpass.service/secret_oidc";
    let mut given = given(&["Prod"], "approvers");
    given.sign_in = Some(super::preset_answers::SignInKind::Oidc);
    given.oidc_issuer = Some("https://id.example".to_owned());
    given.oidc_client_id = Some("hallpass".to_owned());
    given.oidc_client_secret = Some(reference.to_owned());
    let (configuration, _, odd) = written(&settled(&given).unwrap());
    assert!(configuration.contains(reference), "{configuration}");
    assert!(
        odd.iter()
            .any(|it| it.contains("is missing") && it.contains("secret_oidc")),
        "{odd:?}"
    );
    given.oidc_client_secret = Some("${env:PATH}".to_owned());
    let (_, _, odd) = written(&settled(&given).unwrap());
    assert_eq!(odd, Vec::<String>::new(), "it is there");
}

#[test]
fn a_walk_through_all_questions_gives_what_flags_give() {
    let mut script = Script::of(&[
        "hallpass.example",
        "https://hallpass.corp.example/",
        "admins",
        "approvers",
        "engineers",
        "",
        "Prod",
        "",
        "2",
        "4h",
        "",
        "",
        "",
    ]);
    let management: AccountId = MANAGEMENT.parse().unwrap();
    let asked = answers::settle(
        &Given::default(),
        Some(&management),
        &directory(),
        &mut Answering::Somebody(&mut script),
    )
    .unwrap();
    assert!(script.answers.is_empty());
    let mut given = given(&["Prod"], "approvers");
    given.requesters = Some("engineers".to_owned());
    given.read_only = Some(vec!["ReadOnly".to_owned()]);
    given.longest = Some("4h".to_owned());
    assert_eq!(asked, settled(&given).unwrap());
    // hostile names cannot control the terminal
    assert!(
        script
            .asked
            .iter()
            .all(|it| !it.contains('\n') && !it.contains('\u{202e}')),
        "{:?}",
        script.asked
    );
}
