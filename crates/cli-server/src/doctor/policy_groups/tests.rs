//! Policies with unreadable rules, and with held groups that rules omit.

use hallpass_access::{AccessStore as _, Change, DesiredAssignment};
use hallpass_app::setup::opening::open_store;
use hallpass_assignments::EndPriority;
use hallpass_base::{GroupId, HoldKey, Target, TimeSpan, UserId};

use super::super::policy_role::{PolicyRole, policy_of};
use super::*;

const OFFERED: &str = "99999999-8888-7777-6666-555555555555";
const HELD: &str = "11111111-2222-3333-4444-555555555555";

fn configured(folder: &Path, text: &str) -> Loaded {
    Loaded {
        config: hallpass_app::config::parse(text, "x").unwrap(),
        folder: folder.to_owned(),
    }
}

fn rules_of(group: &str) -> String {
    format!("[[rule]]\nid = \"oncall\"\ngroups = [\"{group}\"]\napproval_is_not_required = true\n")
}

fn printed(role: PolicyRole, loaded: &Loaded) -> Result<String, Failure> {
    let held = held_groups(role.uses_rules(), loaded)?;
    policy_of(role, false, loaded, held)
}

#[test]
fn no_policy_is_made_of_rules_that_cannot_be_read() {
    let folder = tempfile::tempdir().unwrap();
    let loaded = configured(folder.path(), "");
    let file = folder.path().join("rules.toml");
    let broken = format!("{}groups = [\n", rules_of(OFFERED));
    for (case, text) in [("missing", None), ("broken", Some(broken.as_str()))] {
        if let Some(text) = text {
            std::fs::write(&file, text).unwrap();
        }
        let failure = printed(PolicyRole::Server, &loaded).unwrap_err();
        assert_eq!(failure.exit(), Exit::BadInput, "{case}");
        assert!(
            failure.words().contains("rules.toml"),
            "{case}: {failure:?}"
        );
    }
    let failure = format!("{:?}", printed(PolicyRole::Guard, &loaded).unwrap_err());
    assert!(failure.contains("rules.toml:"), "the place: {failure}");
    assert!(printed(PolicyRole::Sync, &loaded).is_ok());
}

#[test]
fn a_guard_of_its_own_has_no_rules_and_one_whose_rules_are_named_has() {
    let folder = tempfile::tempdir().unwrap();
    let alone = configured(folder.path(), "");
    assert!(printed(PolicyRole::Guard, &alone).is_ok());
    let named = configured(folder.path(), "[access]\nrules = \"gone.toml\"\n");
    let failure = printed(PolicyRole::Guard, &named).unwrap_err();
    assert!(failure.words().contains("gone.toml"), "{failure:?}");
}

#[test]
fn a_server_whose_rules_cover_the_management_account_is_told_that_the_policy_lacks_it() {
    let folder = tempfile::tempdir().unwrap();
    let loaded = configured(folder.path(), "");
    let file = folder.path().join("rules.toml");
    let rule = |places: &str| {
        format!(
            "[[rule]]\nid = \"read\"\n{places}\npermission_sets = [\"Read\"]\napproval_is_not_required = true\n"
        )
    };
    for (places, is_lacking) in [
        ("accounts = [\"*\"]", true),
        ("ous = [\"*\"]", true),
        (
            "accounts = [\"*\"]\nexcept_accounts = [\"111111111111\"]",
            false,
        ),
        ("accounts = [\"*\"]\nous = [\"Workloads\"]", false),
        (
            "accounts = [\"*\"]\naccount_tags = { env = \"prod\" }",
            false,
        ),
        ("accounts = [\"111111111111\"]", false),
    ] {
        std::fs::write(&file, rule(places)).unwrap();
        let lacks = lacks_management_account(UsesRules::Always, &loaded).unwrap();
        assert_eq!(lacks.is_some(), is_lacking, "{places}: {lacks:?}");
    }
    std::fs::write(&file, rule("accounts = [\"*\"]")).unwrap();
    let lacks = lacks_management_account(UsesRules::Always, &loaded).unwrap();
    assert!(
        lacks
            .unwrap()
            .starts_with("Rule `read` covers the management account")
    );
    for goes in [UsesRules::WhereThereAreAny, UsesRules::Never] {
        assert_eq!(lacks_management_account(goes, &loaded).unwrap(), None);
    }
    let statements = r#"{"statements": [{"ResourceType": "Account", "Resource": "*", "PermissionSet": "Read",
        "ApprovalIsNotRequired": true}]}"#;
    std::fs::write(folder.path().join("statements.json"), statements).unwrap();
    let loaded = configured(
        folder.path(),
        "[access]\nstatements = \"statements.json\"\n",
    );
    assert!(
        lacks_management_account(UsesRules::Always, &loaded)
            .unwrap()
            .is_some()
    );
}

#[test]
fn a_group_that_is_held_stays_in_the_policy_when_the_rules_name_it_no_more() {
    let folder = tempfile::tempdir().unwrap();
    let loaded = configured(folder.path(), "[store]\nurl = \"sqlite:hallpass.db\"\n");
    std::fs::write(folder.path().join("rules.toml"), rules_of(OFFERED)).unwrap();
    let before = printed(PolicyRole::Server, &loaded).unwrap();
    assert!(!before.contains(HELD), "{before}");
    let is_there = folder.path().join("hallpass.db").exists();
    assert!(!is_there, "looking makes no store");
    let now = hallpass_base::clock::now();
    let key = HoldKey {
        user: UserId::new("11111111-0000-4000-8000-000000000001").unwrap(),
        target: Target::Group {
            group: GroupId::new(HELD).unwrap(),
        },
    };
    let held = DesiredAssignment::Until {
        key,
        rev: None,
        until: TimeSpan::hours(1).after(now),
        asked_at: now,
        haste: EndPriority::Ordinary,
    };
    let change = Change {
        desired: vec![held],
        ..Change::default()
    };
    let stored = async {
        let store = open_store(loaded.store().unwrap()).await.unwrap();
        store.commit(change).await.unwrap();
    };
    runtime().unwrap().block_on(stored);
    for role in [PolicyRole::Server, PolicyRole::Guard] {
        let policy = printed(role, &loaded).unwrap();
        for group in [OFFERED, HELD] {
            let arn = format!("arn:aws:identitystore:::group/{group}");
            assert!(policy.contains(&arn), "{role:?}: {policy}");
        }
    }
}

#[test]
fn no_policy_is_made_where_a_store_that_is_there_cannot_be_read() {
    let folder = tempfile::tempdir().unwrap();
    let loaded = configured(folder.path(), "[store]\nurl = \"sqlite:hallpass.db\"\n");
    std::fs::write(folder.path().join("rules.toml"), rules_of(OFFERED)).unwrap();
    let file = folder.path().join("hallpass.db");
    std::fs::write(
        &file,
        "no database, and long enough to be taken for one".repeat(99),
    )
    .unwrap();
    let failure = printed(PolicyRole::Server, &loaded).unwrap_err();
    assert_eq!(failure.exit(), Exit::BadInput, "{failure:?}");
    let words = format!("{failure:?}");
    assert!(
        words.contains("hallpass.db") && words.contains("--by-rules-alone"),
        "{words}"
    );
    assert!(printed(PolicyRole::Sync, &loaded).is_ok());
}

#[test]
fn an_empty_file_is_not_made_a_store() {
    let folder = tempfile::tempdir().unwrap();
    let loaded = configured(folder.path(), "[store]\nurl = \"sqlite:hallpass.db\"\n");
    std::fs::write(folder.path().join("rules.toml"), rules_of(OFFERED)).unwrap();
    let file = folder.path().join("hallpass.db");
    std::fs::write(&file, "").unwrap();
    printed(PolicyRole::Server, &loaded).unwrap();
    assert_eq!(std::fs::read(&file).unwrap(), b"");
}

#[test]
fn whom_it_is_for_is_said_with_a_policy_or_a_check_and_not_with_both() {
    let command = <super::super::Args as clap::Args>::augment_args(clap::Command::new("doctor"));
    command.clone().debug_assert();
    for (words, is_taken) in [
        ("--check-configuration", true),
        ("--check-configuration --for guard --config new.toml", true),
        ("--iam-policy --for guard --by-rules-alone", true),
        ("--for guard", false),
        ("--by-rules-alone", false),
        ("--check-configuration --iam-policy", false),
        ("--check-configuration --by-rules-alone", false),
        ("--check-configuration --management-account", false),
        ("--check-configuration --cutover", false),
        ("--check-configuration --release downloads", false),
    ] {
        let given = ["doctor"].into_iter().chain(words.split(' '));
        let read = command.clone().try_get_matches_from(given);
        assert_eq!(read.is_ok(), is_taken, "{words}: {read:?}");
    }
}
