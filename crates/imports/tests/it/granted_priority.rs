//! Workflows of Common Fate by their priority: which of several counts there, and what rules make of them.

use hallpass_imports::RowOutcome;

use crate::answers::loaded;
use crate::company::{directory, set_arn};
use crate::granted::{file, whole};

/// A workflow of a priority, with more beside it, and an availability for accounts by it.
fn ranked(name: &str, priority: &str, more: &str, when: &str) -> String {
    format!(
        "resource \"commonfate_access_workflow\" \"{name}\" {{\n  name = \"{name}\"\n  access_duration_seconds = 3600\n  {priority}\n  {more}\n}}\n\
         resource \"commonfate_aws_account_selector\" \"{name}\" {{\n  when = <<EOF\n{when}\nEOF\n}}\n\
         resource \"commonfate_aws_idc_account_availabilities\" \"{name}\" {{\n  workflow_id = commonfate_access_workflow.{name}.id\n  \
         aws_permission_set_arn = \"{}\"\n  aws_account_selector_id = commonfate_aws_account_selector.{name}.id\n}}\n",
        set_arn(0)
    )
}

/// Nobody gets by an availability what another one, that comes before it, may decide otherwise.
#[test]
fn what_stands_behind_something_that_cannot_be_said_is_not_said() {
    let facts = directory(&[1, 2, 15]);
    let policies = |more: &str| {
        format!(
            "resource \"commonfate_policyset\" \"p\" {{\n  id = \"p\"\n  text = <<EOH\n\
             permit (principal, action == Access::Action::\"Request\", resource);\n\
             permit (principal, action == Access::Action::\"Approve\", resource);\n\
             permit (principal, action == Access::Action::\"Activate\", resource){more};\nEOH\n}}\n"
        )
    };
    let (approved, at_once) = (policies(" when { resource.approved }"), policies(""));
    let (tags, one, two) = (
        "resource.tag_keys contains \"prod\"",
        r#"resource == AWS::Account::"100000000001""#,
        r#"resource == AWS::Account::"100000000002""#,
    );
    let step = r#"approval_steps = [{ name = "s", when = "principal == CF::User::\"usr_1\"" }]"#;
    let unsaid = "approval_steps = [{ name = \"s\", when = \"true\" }]";
    let pattern = "validation = { has_reason = true, reason_regex = [{ regex_pattern = \"(?=x)\", error_message = \"m\" }] }";
    let (low, high, other) = ("priority = 1", "priority = 100", "priority = var.first");
    let easy = |priority: &str| ranked("easy", priority, "", "true");
    let of_one = ranked("easy", low, "", one);
    let ok = &approved;
    for (policies, easy, strict, gives) in [
        (ok, easy(low), ranked("strict", high, "", tags), false),
        (ok, easy(low), ranked("strict", low, "", tags), false),
        (ok, easy(low), ranked("strict", other, "", tags), false),
        (ok, easy(other), ranked("strict", low, "", tags), false),
        (ok, easy(high), ranked("strict", low, "", tags), true),
        // none is zero
        (ok, easy(low), ranked("strict", "", "", tags), true),
        (ok, easy(""), ranked("strict", low, "", tags), false),
        // what cannot be said of the workflow, or what no server would load
        (ok, easy(low), ranked("strict", high, unsaid, one), false),
        (ok, easy(low), ranked("strict", high, pattern, one), false),
        (
            ok,
            of_one.clone(),
            ranked("strict", high, unsaid, two),
            true,
        ),
        (ok, of_one, ranked("strict", high, unsaid, one), false),
        // every limit of what is said counts, but for what is granted at once
        (ok, easy(low), ranked("strict", high, "", one), true),
        (ok, easy(low), ranked("strict", high, step, one), true),
        (&at_once, easy(low), ranked("strict", high, "", one), true),
        (
            &at_once,
            easy(low),
            ranked("strict", high, step, one),
            false,
        ),
        (&at_once, easy(high), ranked("strict", low, step, one), true),
    ] {
        let text = format!("{policies}{easy}{strict}");
        let names = "[users]\nusr_1 = \"bo@acme.example\"\n[everyone]\ngroups = [\"group-2\"]\n";
        let import = whole(&[file("main.tf", &text)], names, &facts);
        loaded(&import);
        let id = "commonfate_aws_idc_account_availabilities.easy";
        let row = import.report.rows.iter().find(|it| it.id == id).unwrap();
        let is_told = row.outcome == RowOutcome::CannotBeSaid;
        assert_eq!(is_told, !gives, "{text}\n{:?}", row.notes);
        assert_eq!(!row.rules.is_empty(), gives, "{text}\n{}", import.text);
    }
    // whichever of two availabilities counts, it is the same by one workflow
    let shared = ranked("strict", high, "", tags).replace("workflow.strict", "workflow.easy");
    let text = format!("{approved}{}{shared}", easy(low));
    let names = "[everyone]\ngroups = [\"group-2\"]\n";
    let import = whole(&[file("main.tf", &text)], names, &facts);
    assert!(import.text.contains("granted-easy"), "{}", import.text);
}
