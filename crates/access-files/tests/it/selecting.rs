//! Selection of accounts and principals by name (`inventory.md` A-1).

use std::collections::BTreeSet;

use hallpass_access_files::select;

use crate::world::{DEV, MANAGEMENT, PROD, TEST, account, directory, file};

fn block(terms: &str) -> String {
    format!(
        "version: 1\npermission_sets: {{A: {{}}}}\nassignments:\n  - {{permission_sets: [A], users: [frank@example.test], {terms}}}\n"
    )
}

fn selected(terms: &str) -> Result<BTreeSet<String>, String> {
    let file = file(&block(terms));
    match select(&file, &directory(), Some(&account(MANAGEMENT))) {
        Ok(wanted) => Ok(wanted
            .assignments
            .iter()
            .map(|it| it.account.to_string())
            .collect()),
        Err(findings) => {
            let all: Vec<String> = findings.iter().map(ToString::to_string).collect();
            Err(all.join("\n"))
        }
    }
}

#[test]
fn accounts_are_joined_and_then_excluded() {
    let rows: [(&str, &[&str]); 11] = [
        ("accounts: [ExampleOrgDev]", &[DEV]),
        ("accounts: [\"222222222222\", ExampleOrgTest]", &[DEV, TEST]),
        ("accounts: [management]", &[MANAGEMENT]),
        ("accounts: [old]", &["555555555555"]),
        ("ous: [/Workloads]", &[DEV, TEST, PROD]),
        ("ous: [/Workloads/Prod]", &[PROD]),
        ("ous: [ou-ab12-22222222]", &[PROD]),
        ("ous: [/]", &[DEV, TEST, PROD, "666666666666"]),
        ("tags: {env: test}", &[DEV]),
        (
            "tags: {env: prod}, accounts: [ExampleOrgTest], exclude: [ExampleOrgTest]",
            &[PROD],
        ),
        ("ous: [/Empty], allow_empty: true", &[]),
    ];
    for (terms, expected) in rows {
        let expected: BTreeSet<String> = expected.iter().map(|it| (*it).to_owned()).collect();
        assert_eq!(selected(terms), Ok(expected), "{terms}");
    }
}

#[test]
fn names_that_mean_nothing_or_several_things_are_errors() {
    for (terms, expected) in [
        (
            "accounts: [twins]",
            "account `twins` is 444444444444, 666666666666: write the id",
        ),
        (
            "accounts: [ExampleOrgDv]",
            "there is no account `ExampleOrgDv`\n  help: did you mean `ExampleOrgDev`?",
        ),
        (
            "accounts: [\"999999999999\"]",
            "there is no account `999999999999`",
        ),
        (
            "ous: [/Workload]",
            "there is no organizational unit `/Workload`\n  help: did you mean `/Workloads`?",
        ),
        ("ous: [/Empty]", "`/Empty` selects no account"),
        ("tags: {env: nowhere}", "`env: nowhere` selects no account"),
        (
            "accounts: [ExampleOrgDev], exclude: [unknown]",
            "there is no account `unknown`",
        ),
        (
            "accounts: [ExampleOrgDev], groups: [SecOp]",
            "there is no group `SecOp`",
        ),
        (
            "accounts: [ExampleOrgDev], groups: [\"id:x\"]",
            "is not an identity store group id",
        ),
    ] {
        let found = selected(terms).unwrap_err();
        assert!(found.contains(expected), "{terms}: {found}");
    }
}

#[test]
fn what_is_ignored_is_not_assigned() {
    let text = block("accounts: [management]").replace(
        "version: 1",
        "version: 1\nsettings: {ignore: [{account: management}]}",
    );
    let found = select(&file(&text), &directory(), Some(&account(MANAGEMENT))).unwrap_err();
    assert!(
        found[0]
            .message
            .contains("leaves permission set `A` in account 111122223333 alone"),
        "{found:?}"
    );
}

/// `inventory.md`
#[test]
fn what_leaves_the_management_account_out_is_refused_where_it_is_not_known() {
    let with = |settings: &str, terms: &str| format!("{settings}{}", block(terms));
    let named = "accounts: [ExampleOrgDev]";
    for (text, refused) in [
        (with("", named), None),
        (with("", "ous: [/]"), Some("`ous`")),
        (with("", "tags: {env: test}"), Some("`tags`")),
        (
            with("settings: {manage: all}\n", named),
            Some("`manage: all`"),
        ),
        (with("settings: {manage: declared}\n", named), None),
        (
            with("settings: {ignore: [{account: management}]}\n", named),
            Some("`account: management`"),
        ),
        (
            with("settings: {ignore: [{account: ExampleOrgTest}]}\n", named),
            None,
        ),
    ] {
        let file = file(&text);
        assert!(select(&file, &directory(), Some(&account(MANAGEMENT))).is_ok());
        let findings = select(&file, &directory(), None).err().unwrap_or_default();
        let words: Vec<String> = findings.iter().map(ToString::to_string).collect();
        match refused {
            None => assert_eq!(words, [""; 0], "{text}"),
            Some(what) => {
                assert_eq!(words.len(), 1, "{text}: {words:?}");
                assert!(
                    words[0].contains(what) && words[0].contains("DescribeOrganization"),
                    "{text}: {words:?}"
                );
            }
        }
    }
}
