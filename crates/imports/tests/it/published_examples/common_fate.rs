//! Common Fate: the pages on access rules of its provider of Terraform, and on workflows, selectors, availabilities and
//! policies.

use hallpass_imports::Imported;
use hallpass_imports::granted::{OrganizationIds, import};
use hallpass_rules::Directory;

use super::{check_asks, check_rows, names, published, text_of};
use crate::answers::loaded;
use crate::company::directory;
use crate::granted::file;

fn imported(path: &str, names_at: &str, facts: &Directory) -> Imported {
    let ids = OrganizationIds::default();
    import(&[published(path)], &names(names_at), Some(facts), &ids)
        .unwrap_or_else(|why| panic!("{why}"))
}

#[test]
fn access_rules_decide_as_the_page_says() {
    let facts = directory(&[1, 0, 0]);
    let import = imported(
        "granted/access-rules.tf",
        "granted/access-rules.names.toml",
        &facts,
    );
    check_rows(
        &import,
        &[
            "access rule Payments admin: moved",
            // an approver of no name
            "access rule Shop admin: differs",
            "access rule Payments reader: moved",
        ],
    );
    check_asks(
        &loaded(&import),
        &facts,
        &[
            ("ana Admin payments-prod", "1 of bo, 1h"),
            ("bo Admin payments-prod", "may not ask"),
            ("ana Admin shop-prod", "nobody can approve"),
            ("ana ReadOnly payments-prod", "at once, 2h"),
            ("ana Billing payments-prod", "may not ask"),
        ],
    );
}

/// Ana may have it at once, bo and cai approve, everyone can sign in.
const MEMBERS: [u8; 3] = [1, 6, 15];

#[test]
fn workflows_and_policies_decide_as_the_pages_say() {
    let facts = directory(&MEMBERS);
    let import = imported("granted/cloud.tf", "granted/cloud.names.toml", &facts);
    check_rows(
        &import,
        &[
            // priority, default duration, activation expiry, extensions
            "workflow demo: differs",
            "selector prod: moved",
            "selector tagged: cannot be said",
            "availability elsewhere: cannot be said",
            "policy demo:2: moved",
            "policy demo:3: moved",
            "policy demo:4: differs",
            "policy demo:5: moved",
            "policy demo:9: moved",
            "policy demo:10: moved",
            "policy demo:15: moved",
            "policy demo:23: moved",
            "policy demo:24: moved",
            "policy demo:27: differs",
            "policy demo:28: differs",
            // who is on call, and a folder of another cloud
            "policy demo:29: cannot be said",
            "policy demo:30: cannot be said",
            "availability admin: differs",
            "availability read: differs",
            "availability tagged: cannot be said",
            "approvers 1: moved",
        ],
    );
    check_asks(
        &loaded(&import),
        &facts,
        &[
            ("ana Admin payments-prod", "1 of bo cai, 1h"),
            // nobody approves their own request
            ("bo Admin payments-prod", "1 of cai, 1h"),
            // by the account, for everybody
            ("ana Admin shop-prod", "at once, 1h"),
            ("bo ReadOnly shop-prod", "at once, 1h"),
            // by group, role and account
            ("ana ReadOnly payments-prod", "at once, 1h"),
            ("bo ReadOnly payments-prod", "1 of cai, 1h"),
            // not selected
            ("ana Admin sandbox", "may not ask"),
            ("ana Billing payments-prod", "may not ask"),
            // forbidden by user and by address
            ("dee Admin payments-prod", "may not ask"),
            ("cai Admin shop-prod", "may not ask"),
        ],
    );
}

/// The page on Terraform keeps policies in files of their own, which only the state has with their text.
#[test]
fn policies_in_a_file_of_their_own_are_looked_for_in_the_state() {
    let facts = directory(&MEMBERS);
    let text = text_of("granted/cloud.tf");
    let (resources, _) = text.split_once("// what everybody begins with").unwrap();
    let resources = resources.replace(
        "text = <<EOH\n",
        "text = file(\"policies/demo.cedar\")\n}\n",
    );
    let import = import(
        &[file("main.tf", &resources)],
        &names("granted/cloud.names.toml"),
        Some(&facts),
        &OrganizationIds::default(),
    );
    let import = import.unwrap_or_else(|why| panic!("{why}"));
    assert_eq!(import.report.rules, 0, "{}", import.text);
    let set = { import.report.rows.iter() }.find(|row| row.table == "policy");
    let notes = &set.unwrap().notes;
    assert!(
        notes
            .iter()
            .any(|note| note.to_string().contains("import the state")),
        "{notes:?}"
    );
}
