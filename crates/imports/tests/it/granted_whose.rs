//! Whose resources of Common Fate are: of which organization, of which provider's groups, of which manager.

use hallpass_imports::granted::{OrganizationIds, import};
use hallpass_imports::{Imported, Names, NoteCode, RowOutcome};
use hallpass_rules::directory::Snapshot;
use hallpass_rules::{Directory, PersonAttribute};
use serde_json::{Value, json};

use crate::answers::{Given, cases, given, loaded, names_of};
use crate::company::{directory, group_id, set_arn, user_id};
use crate::granted::file;
use crate::granted_cloud::RUN;

/// The names that the sample needs.
const NAMED: &str = "[groups]\n00g1 = \"group-0\"\n[users]\nusr_1 = \"bo@acme.example\"\n";

fn made(text: &str, names: &Names, facts: Option<&Directory>, ids: &OrganizationIds) -> Imported {
    import(&[file("main.tf", text)], names, facts, ids)
        .unwrap_or_else(|why| panic!("{why}\n{text}"))
}

/// What became of a row, and what is said of it.
fn told(import: &Imported, id: &str) -> (RowOutcome, String) {
    let mut rows = import.report.rows.iter();
    let row = rows.find(|row| row.id == id).unwrap();
    let notes: Vec<String> = row.notes.iter().map(ToString::to_string).collect();
    (row.outcome, notes.join("; "))
}

/// The sample with attributes in its selector `t` and the availability of that.
fn with(selector: &str, availability: &str) -> String {
    let (of_selector, of_availability) = (
        "commonfate_aws_account_selector\" \"t\" {",
        "commonfate_aws_idc_account_availabilities\" \"t\" {",
    );
    let text = RUN.replace(of_selector, &format!("{of_selector}\n  {selector}"));
    text.replace(
        of_availability,
        &format!("{of_availability}\n  {availability}"),
    )
}

/// What is written of `t`, whether the organization is known, whether `t` gives anything, and what is said.
type WhoseRow = (String, bool, bool, &'static str);

fn each_is_told(rows: Vec<WhoseRow>) {
    let facts = directory(&[1, 2, 15]);
    let known = OrganizationIds {
        organization: Some("o-ours".to_owned()),
        identity_store: Some("d-ours".to_owned()),
    };
    let unknown = OrganizationIds::default();
    for (text, is_known, gives, said) in rows {
        let ids = if is_known { &known } else { &unknown };
        let import = made(&text, &names_of(NAMED), Some(&facts), ids);
        let has_rule = import.text.contains("granted-t");
        let notes = import.report.rows.iter().flat_map(|row| &row.notes);
        let notes: Vec<String> = notes.map(ToString::to_string).collect();
        assert_eq!(has_rule, gives, "{said}: {notes:?}\n{text}");
        let is_said = notes.iter().any(|note| note.contains(said));
        assert!(is_said, "{said}: {notes:?}");
    }
}

#[test]
fn resources_of_another_organization_give_nothing() {
    let selector = |id: &str| format!("aws_organization_id = {id}");
    let store = |id: &str| format!("aws_identity_store_id = {id}");
    let ours = with(&selector("\"o-ours\""), &store("\"d-ours\""));
    let theirs = with(&selector("\"o-theirs\""), "");
    let of_store = with("", &store("\"d-theirs\""));
    let earlier = with("", &selector("\"o-theirs\""));
    let computed = with(&selector("var.organization"), "");
    let of_local = with("", &store("local.store"));
    each_is_told(vec![
        (ours.clone(), true, true, ""),
        (ours, false, true, "is compared with `--facts` alone"),
        (
            theirs,
            true,
            false,
            "is `o-theirs`, and `--facts` are of `o-ours`",
        ),
        (
            of_store,
            true,
            false,
            "is `d-theirs`, and `--facts` are of `d-ours`",
        ),
        (
            earlier,
            true,
            false,
            "is `o-theirs`, and `--facts` are of `o-ours`",
        ),
        (
            computed,
            true,
            false,
            "only Terraform computes its `aws_organization_id`",
        ),
        (
            of_local,
            false,
            false,
            "only Terraform computes its `aws_identity_store_id`",
        ),
    ]);
}

#[test]
fn of_several_organizations_none_gives_anything_until_it_is_known_which() {
    let other = "\nresource \"commonfate_aws_account_selector\" \"u\" {\n  id = \"u\"\n  aws_organization_id = \"o-theirs\"\n  when = \"true\"\n}\n";
    let two = with("aws_organization_id = \"o-ours\"", "") + other;
    let of_s = "commonfate_aws_idc_account_availabilities\" \"s\" {";
    let stores = with("", "aws_identity_store_id = \"d-ours\"").replace(
        of_s,
        &format!("{of_s}\n  aws_identity_store_id = \"d-theirs\""),
    );
    each_is_told(vec![
        (
            two.clone(),
            false,
            false,
            "several values in these files (o-ours, o-theirs)",
        ),
        (two, true, true, "is `o-theirs`, and"),
        (
            stores.clone(),
            false,
            false,
            "several values in these files (d-ours, d-theirs)",
        ),
        (stores, true, true, ""),
    ]);
}

#[test]
fn keys_that_are_not_known_give_nothing() {
    let facts = directory(&[1, 2, 15]);
    let jit = |more: &str| {
        format!(
            "resource \"commonfate_aws_jit_policy\" \"t\" {{\n  role = \"{}\"\n  duration = \"2h\"\n  priority = 1\n  match_account_ids = [\"100000000001\"]\n  {more}\n}}\n",
            set_arn(0)
        ) + &RUN.replace(
            "commonfate_aws_idc_account_availabilities\" \"t\"",
            "commonfate_other\" \"t\"",
        )
    };
    for (text, gives) in [
        (with("", ""), true),
        (with("name = \"x\"", "priority = 3"), true),
        (with("exclude = [\"100000000001\"]", ""), false),
        (with("", "condition = \"context.mfa\""), false),
        (jit(""), true),
        (jit("name = \"t\""), true),
        (jit("only_on_call = true"), false),
    ] {
        let import = made(
            &text,
            &names_of(NAMED),
            Some(&facts),
            &OrganizationIds::default(),
        );
        assert_eq!(
            import.text.contains("granted-t"),
            gives,
            "{text}\n{}",
            import.text
        );
        let codes = import.report.rows.iter().flat_map(|row| &row.notes);
        let is_told = { codes }.any(|note| note.code() == NoteCode::UnknownAttribute);
        assert_eq!(is_told, !gives, "{text}");
        loaded(&import);
    }
}

/// A policy that names units is about the accounts directly in them here, and what it has beside that is told.
#[test]
fn a_jit_policy_says_what_of_it_is_otherwise() {
    let facts = directory(&[1, 2, 15]);
    let policy = format!(
        "resource \"commonfate_aws_jit_policy\" \"j\" {{\n  role = \"{}\"\n  duration = \"2h\"\n  priority = 1\n  notify_slack_channel = \"C1\"\n  \
         match_org_units = [\"ou-ab12-workload\"]\n}}\n",
        set_arn(0)
    );
    let import = made(
        &(policy + RUN),
        &names_of(NAMED),
        Some(&facts),
        &OrganizationIds::default(),
    );
    let (outcome, notes) = told(&import, "commonfate_aws_jit_policy.j");
    assert_eq!(outcome, RowOutcome::Differs, "{notes}");
    for wanted in [
        "the accounts directly in the unit",
        "setting `priority` is left out",
        "setting `notify_slack_channel` is left out",
    ] {
        assert!(notes.contains(wanted), "{wanted}: {notes}");
    }
    assert!(
        import
            .text
            .contains("parent_ous = [\n  \"ou-ab12-workload\",\n]"),
        "{}",
        import.text
    );
}

/// The id of a group of another provider.
const ELSEWHERE: &str = "0f0e0d0c-1111-4222-8333-444455556666";

/// Other providers have groups with ids of the form of Identity Center: one is ours where the organization has it.
#[test]
fn a_group_is_one_of_identity_center_where_it_has_it() {
    let facts = directory(&[1, 2, 15]);
    let elsewhere = ELSEWHERE;
    let rule = |group: &str, approver: &str| -> Value {
        json!({"name": "n", "groups": [group], "approval": {"groups": [approver]},
            "timeConstraints": {"maxDurationSeconds": 3600},
            "target": {"providerId": "aws-sso", "with": {"accountId": "100000000001", "permissionSetArn": set_arn(0)}}})
    };
    let names = format!("[permission_sets]\n\"{}\" = \"Admin\"\n", set_arn(0));
    let with_group = format!("{names}[groups]\n\"{elsewhere}\" = \"group-0\"\n");
    let ours = group_id(0);
    for (rule, names, facts, outcome, said) in [
        (
            rule(&ours, &ours),
            &names,
            Some(&facts),
            RowOutcome::Moved,
            "",
        ),
        (
            rule(elsewhere, &ours),
            &names,
            Some(&facts),
            RowOutcome::CannotBeSaid,
            "group `0f0e0d0c-",
        ),
        (
            rule(&ours, elsewhere),
            &names,
            Some(&facts),
            RowOutcome::Differs,
            "group of approvers `0f0e0d0c-",
        ),
        (
            rule(elsewhere, &ours),
            &with_group,
            Some(&facts),
            RowOutcome::Moved,
            "",
        ),
        (
            rule(elsewhere, &ours),
            &names,
            None,
            RowOutcome::Moved,
            "which other providers have, too",
        ),
    ] {
        let source = file("rules.json", &rule.to_string());
        let import = import(
            &[source],
            &names_of(names),
            facts,
            &OrganizationIds::default(),
        );
        let import = import.unwrap_or_else(|why| panic!("{why}"));
        let row = &import.report.rows[0];
        let notes: Vec<String> = row.notes.iter().map(ToString::to_string).collect();
        assert_eq!(row.outcome, outcome, "{rule}: {notes:?}");
        assert!(notes.join("; ").contains(said), "{rule}: {notes:?}");
        assert_eq!(notes.is_empty(), said.is_empty(), "{rule}: {notes:?}");
        let unnamed = outcome != RowOutcome::Moved;
        let listed = import.report.unnamed.iter().any(|it| it.id == elsewhere);
        assert_eq!(listed, unnamed, "{rule}");
    }
}

/// Of policies, too, where the kind of an entity says so.
#[test]
fn a_group_of_a_policy_is_looked_up_too() {
    let facts = directory(&[1, 2, 15]);
    let policy = format!(
        r#"permit (principal in AWS::IDC::Group::"{ELSEWHERE}", action == Access::Action::"Request", resource);"#
    );
    let text = RUN.replace("EOH\n}", &format!("{policy}\nEOH\n}}"));
    let import = made(
        &text,
        &names_of(NAMED),
        Some(&facts),
        &OrganizationIds::default(),
    );
    assert!(!import.text.contains(ELSEWHERE), "{}", import.text);
}

/// A principal is a user: a group is nobody, and who is in it is not it.
#[test]
fn a_group_itself_is_nobody() {
    let facts = directory(&[1, 2, 15]);
    let ids = OrganizationIds::default();
    let made = |text: &str, names: &str| made(text, &names_of(names), Some(&facts), &ids);
    let group = r#"principal in Okta::Group::"00g1", action == Access::Action::"Request""#;
    let user = r#"principal == CF::User::"usr_1", action == Access::Action::"Approve""#;
    let itself = group.replace("in Okta", "== Okta");
    for (old, new, row, part) in [
        (group, itself.as_str(), "p:1", "granted-t"),
        (
            user,
            r#"principal == Okta::Group::"00g1", action == Access::Action::"Approve""#,
            "p:4",
            "granted-approve",
        ),
    ] {
        assert!(made(RUN, NAMED).text.contains(part));
        let import = made(&RUN.replace(old, new), NAMED);
        assert!(!import.text.contains(part), "{new}\n{}", import.text);
        let row = import.report.rows.iter().find(|it| it.id == row).unwrap();
        assert_eq!(row.outcome, RowOutcome::CannotBeSaid, "{:?}", row.notes);
        assert!(row.notes[0].to_string().contains("it permits nobody"));
    }
    // to forbid it something takes it from its members
    let forbid = RUN.replace("EOH\n}", &format!("forbid ({itself}, resource);\nEOH\n}}"));
    let import = made(&forbid, NAMED);
    let wanted = "except_requester_groups = [\n  \"group-0\",\n]";
    assert!(import.text.contains(wanted), "{}", import.text);
    // a step for it is one that nobody takes
    let steps = "default_duration_seconds = 30 * 60\n  approval_steps = [{ name = \"s\", when = \"principal OF Okta::Group::\\\"00g1\\\"\" }]";
    let policy = r#"permit (principal, action == Access::Action::"Approve", resource);"#;
    let names = format!("{NAMED}[everyone]\ngroups = [\"group-2\"]\n");
    for (of, gives) in [("in", true), ("==", false)] {
        let text = RUN.replace(
            "default_duration_seconds = 30 * 60",
            &steps.replace("OF", of),
        );
        let text = text.replace(&format!("permit ({user}, resource);"), policy);
        let import = made(&text, &names);
        assert_eq!(
            import.text.contains("granted-t"),
            gives,
            "{of}\n{}",
            import.text
        );
    }
}

/// A directory in which everybody has a manager: bo is ana's.
fn with_managers() -> Directory {
    let mut snapshot = Snapshot::from(directory(&[1, 2, 15]));
    for (place, person) in snapshot.people.iter_mut().enumerate() {
        let manager = (place == 0).then(|| user_id(1));
        person
            .attributes
            .read(PersonAttribute::Manager, manager.as_deref());
    }
    Directory::new(snapshot)
}

/// The sample in which everybody may approve when something is so.
fn permit(when: &str) -> String {
    let approve = r#"permit (principal == CF::User::"usr_1", action == Access::Action::"Approve", resource);"#;
    let policy = format!(
        r#"permit (principal, action == Access::Action::"Approve", resource) when {{ {when} }};"#
    );
    RUN.replace(approve, &policy)
}

/// With everyone who can sign in.
const EVERYONE: &str = "[groups]\n00g1 = \"group-0\"\n[everyone]\ngroups = [\"group-2\"]\n";

#[test]
fn managers_approve_where_a_policy_or_a_step_says_so() {
    let facts = with_managers();
    let step = permit("true").replace(
        "default_duration_seconds = 30 * 60",
        "approval_steps = [{ name = \"manager\", when = \"principal == resource.principal.manager\" }]",
    );
    let names = names_of(EVERYONE);
    let manager = permit("principal == resource.principal.manager");
    let guarded =
        permit("resource.principal has manager && principal == resource.principal.manager");
    for (text, row) in [
        (manager, "p:4"),
        (guarded, "p:4"),
        (step, "commonfate_aws_idc_account_availabilities.t"),
    ] {
        let import = made(&text, &names, Some(&facts), &OrganizationIds::default());
        let (outcome, notes) = told(&import, row);
        assert_eq!(outcome, RowOutcome::Differs, "{notes}");
        assert!(
            notes.contains("which may be somebody else than where Common Fate has them from"),
            "{notes}"
        );
        assert!(
            import.text.contains("manager_approves = true"),
            "{}",
            import.text
        );
        let rules = loaded(&import);
        let asks = cases()
            .find(|it| it.person == 0 && it.account == 1 && it.set == 0)
            .unwrap();
        let Given::Approved { enough, .. } = given(&rules, &facts, asks) else {
            panic!("{}", import.text)
        };
        // bo alone is enough, and nothing is enough without bo
        assert!(enough.contains(&[1].into()), "{enough:?}\n{}", import.text);
        assert!(
            enough.iter().all(|it| it.contains(&1)),
            "{enough:?}\n{}",
            import.text
        );
    }
}

#[test]
fn what_is_more_than_the_manager_approves_nothing() {
    let (facts, names) = (with_managers(), names_of(EVERYONE));
    for when in [
        "resource.principal has manager",
        "principal == resource.principal.manager && principal == resource.principal",
        "principal == resource.principal.manager && principal.email == \"bo@acme.example\"",
    ] {
        let import = made(
            &permit(when),
            &names,
            Some(&facts),
            &OrganizationIds::default(),
        );
        let (outcome, notes) = told(&import, "p:4");
        assert_eq!(outcome, RowOutcome::CannotBeSaid, "{when}: {notes}");
        assert!(
            !import.text.contains("approvers"),
            "{when}\n{}",
            import.text
        );
    }
    // a step is for whoever may approve at all, and that is the manager alone
    let step = permit("principal == resource.principal.manager").replace(
        "default_duration_seconds = 30 * 60",
        "approval_steps = [{ name = \"s\", when = \"principal == CF::User::\\\"usr_1\\\"\" }]",
    );
    let import = made(
        &step,
        &names_of(NAMED),
        Some(&facts),
        &OrganizationIds::default(),
    );
    assert!(!import.text.contains("granted-t"), "{}", import.text);
    let asking = RUN.replace(
        r#"permit (principal in Okta::Group::"00g1", action == Access::Action::"Request", resource);"#,
        r#"permit (principal, action == Access::Action::"Request", resource) when { principal == resource.principal.manager };"#,
    );
    let import = made(&asking, &names, Some(&facts), &OrganizationIds::default());
    assert!(!import.text.contains("granted-t"), "{}", import.text);
}
