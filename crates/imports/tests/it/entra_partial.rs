//! Exports of PIM for Groups that do not say all, or say two things.

use hallpass_imports::entra::{EligibilityEnds, import};
use hallpass_imports::{RowOutcome, SourceFile};
use serde_json::json;

use crate::answers::{names_of, told};
use crate::company::directory;
use crate::entra::{imported, of_one_group, one_group};
use crate::granted::file;

/// With what a policy inherits, other rules are in force than its own.
#[test]
fn the_rules_in_force_count() {
    let world = one_group();
    let plain = of_one_group(&[world.assignments(), world.eligibility()]);
    let mut inherited = world.assignments();
    let policy = &mut inherited["value"][0]["policy"];
    policy["effectiveRules"] = policy["rules"].clone();
    policy["rules"][0]["maximumDuration"] = json!("PT8H");
    policy["rules"][3]["enabledRules"] = json!([]);
    policy["rules"][5]["setting"]["isApprovalRequired"] = json!(false);
    let own = policy["rules"].clone();
    for (key, rules, is_said) in [
        ("rules", own, true),
        ("rules", json!(null), true),
        ("rules", json!({}), true),
        ("effectiveRules", json!({}), false),
    ] {
        let mut objects = inherited.clone();
        objects["value"][0]["policy"][key] = rules.clone();
        let import = of_one_group(&[objects, world.eligibility()]);
        assert_eq!(
            import.text == plain.text,
            is_said,
            "{key} {rules}: {}",
            import.text
        );
        assert_eq!(import.report.rules, usize::from(is_said), "{key} {rules}");
    }
    // as it is without any in the export
    inherited["value"][0]["policy"]["effectiveRules"] = json!([]);
    let import = of_one_group(&[inherited, world.eligibility()]);
    assert!(
        import.text.contains("approval_is_not_required = true"),
        "{}",
        import.text
    );
}

/// Policies beside the assignments, in files of whichever order.
#[test]
fn two_policies_of_one_id_that_differ_are_refused() {
    let world = one_group();
    let mut assignments = world.assignments();
    let strict = assignments["value"][0]["policy"].take();
    let mut loose = strict.clone();
    loose["rules"][5]["setting"]["isApprovalRequired"] = json!(false);
    let mut in_force = strict.clone();
    in_force["effectiveRules"] = loose["rules"].clone();
    let mut renamed = strict.clone();
    renamed["displayName"] = json!("another");
    let mut unexpanded = strict.clone();
    unexpanded.as_object_mut().unwrap().remove("rules");
    unexpanded["isOrganizationDefault"] = json!(false);
    let mut inline = assignments.clone();
    inline["value"][0]["policy"] = strict.clone();
    let (facts, names) = (directory(&world.members), names_of(&world.names()));
    let only = of_one_group(&[assignments.clone(), strict.clone(), world.eligibility()]);
    assert_eq!(only.report.rules, 1, "{:?}", only.report.rows);
    for (case, objects, is_refused) in [
        ("old and new", [&assignments, &strict, &loose], true),
        ("new and old", [&assignments, &loose, &strict], true),
        ("of an assignment", [&loose, &inline, &unexpanded], true),
        (
            "with what is inherited",
            [&in_force, &inline, &unexpanded],
            true,
        ),
        ("the same twice", [&assignments, &strict, &strict], false),
        ("another name", [&renamed, &inline, &strict], false),
        ("without rules", [&unexpanded, &assignments, &strict], false),
    ] {
        let eligible = world.eligibility();
        let objects = objects.into_iter().chain([&eligible]);
        let files: Vec<SourceFile> = { objects.enumerate() }
            .map(|(place, it)| file(&format!("{place}.json"), &it.to_string()))
            .collect();
        let found = import(&files, &names, Some(&facts), EligibilityEnds::LeaveOut);
        if is_refused {
            told(found, case, "another policy of this id is there before");
        } else {
            assert_eq!(found.unwrap().text, only.text, "{case}");
        }
    }
}

/// An answer of which somebody has selected a part: what is not in it is not taken for nothing.
#[test]
fn what_an_export_leaves_out_is_not_taken_for_nothing() {
    let world = one_group();
    let facts = directory(&world.members);
    for key in ["endDateTime", "memberType", "eligibilityScheduleId"] {
        for ends in [EligibilityEnds::LeaveOut, EligibilityEnds::Ignore] {
            let mut eligibility = world.eligibility();
            eligibility["value"][0].as_object_mut().unwrap().remove(key);
            let objects = [world.assignments(), eligibility];
            let import = imported(&objects, &world.names(), &facts, ends);
            let row = &import.report.rows[1];
            let found = (row.outcome, import.report.rules);
            assert_eq!(
                found,
                (RowOutcome::CannotBeSaid, 0),
                "{key} {:?}",
                row.notes
            );
        }
    }
    for (key, value) in [("memberType", json!("other")), ("endDateTime", json!(1))] {
        let mut eligibility = world.eligibility();
        eligibility["value"][0][key] = value;
        let import = of_one_group(&[world.assignments(), eligibility]);
        assert_eq!(import.report.rules, 0, "{key}: {}", import.text);
    }
}

/// With `$select`, who is a member looks as who is eligible.
#[test]
fn what_an_answer_is_called_counts() {
    use RowOutcome::{CannotBeSaid, Differs, Moved};
    let world = one_group();
    let group =
        "https://graph.microsoft.com/v1.0/$metadata#identityGovernance/privilegedAccess/group";
    for (context, outcome, rules) in [
        (format!("{group}/eligibilityScheduleInstances"), Moved, 1),
        (
            format!("{group}/eligibilityScheduleInstances(id,groupId)"),
            Moved,
            1,
        ),
        (
            "#Collection(microsoft.graph.privilegedAccessGroupEligibilityScheduleInstance)"
                .to_owned(),
            Moved,
            1,
        ),
        (
            format!("{group}/assignmentScheduleInstances(id,groupId)"),
            Differs,
            0,
        ),
        (format!("{group}/eligibilitySchedules"), CannotBeSaid, 0),
    ] {
        let mut eligibility = world.eligibility();
        eligibility["@odata.context"] = json!(context);
        let item = eligibility["value"][0].as_object_mut().unwrap();
        item.remove("eligibilityScheduleId");
        let import = of_one_group(&[world.assignments(), eligibility]);
        let row = &import.report.rows[1];
        assert_eq!(
            (row.outcome, import.report.rules),
            (outcome, rules),
            "{context} {:?}",
            row.notes
        );
    }
}

#[test]
fn a_policy_without_what_an_activation_takes_cannot_be_said() {
    let world = one_group();
    for place in ["/policy/rules/3", "/policy/rules/3/enabledRules"] {
        let mut assignments = world.assignments();
        let policy = &mut assignments["value"][0]["policy"];
        if place.ends_with('3') {
            policy["rules"].as_array_mut().unwrap().remove(3);
        } else {
            policy["rules"][3]
                .as_object_mut()
                .unwrap()
                .remove("enabledRules");
        }
        let import = of_one_group(&[assignments, world.eligibility()]);
        assert_eq!(
            (import.report.rows[0].outcome, import.report.rules),
            (RowOutcome::CannotBeSaid, 0),
            "{place}"
        );
    }
}
