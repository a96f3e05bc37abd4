//! Access rules of Granted Approvals: what a plain model of them gives, and what the imported rules do.

use hallpass_imports::granted::{OrganizationIds, import};
use hallpass_imports::{Imported, Names, RowOutcome, SourceFile};
use hallpass_rules::Directory;
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::answers::{Case, Given, Way, cases, compare, each_world, given, loaded};
use crate::company::{
    ACCOUNTS, GROUPS, PEOPLE, ROOT, SETS, UNITS, directory, email, group_id, set_arn,
};

pub(crate) fn file(name: &str, text: &str) -> SourceFile {
    SourceFile {
        name: name.to_owned(),
        bytes: text.as_bytes().to_vec(),
    }
}

/// An access rule.
#[derive(Debug, Clone)]
struct Rule {
    groups: Vec<usize>,
    accounts: Vec<usize>,
    units: Vec<usize>,
    sets: Vec<usize>,
    approvers: Vec<usize>,
    approver_groups: Vec<usize>,
    minutes: u64,
    archived: bool,
}

/// Access rules, and who is in which group.
#[derive(Debug, Clone)]
struct World {
    rules: Vec<Rule>,
    members: Vec<u8>,
}

fn parent(account: usize) -> &'static str {
    ACCOUNTS[account].2.last().copied().unwrap_or(ROOT)
}

impl World {
    fn is_in(&self, person: usize, group: usize) -> bool {
        self.members[group] >> person & 1 == 1
    }

    /// The ways to get something there: how long, and after whose approval.
    fn ways(&self, case: Case) -> Vec<Way> {
        let rules = self.rules.iter().filter(|rule| {
            let unit = rule
                .units
                .iter()
                .any(|unit| UNITS[*unit] == parent(case.account));
            !rule.archived
                && rule
                    .groups
                    .iter()
                    .any(|group| self.is_in(case.person, *group))
                && (unit || rule.accounts.contains(&case.account))
                && rule.sets.contains(&case.set)
        });
        rules
            .map(|rule| {
                if rule.approvers.is_empty() && rule.approver_groups.is_empty() {
                    return (rule.minutes * 60, None);
                }
                let approves = |one: &usize| {
                    let group = |group: &usize| self.is_in(*one, *group);
                    *one != case.person
                        && (rule.approvers.contains(one) || rule.approver_groups.iter().any(group))
                };
                (
                    rule.minutes * 60,
                    Some((0..PEOPLE.len()).filter(approves).collect()),
                )
            })
            .collect()
    }

    /// As YAML, the first half, and as Terraform has it, the rest.
    fn yaml(&self) -> String {
        let rule = |(place, rule): (usize, &Rule)| {
            let arns: Vec<String> = rule.sets.iter().map(|set| set_arn(*set)).collect();
            let groups: Vec<String> = rule.groups.iter().map(|it| group_id(*it)).collect();
            let accounts: Vec<&str> = rule.accounts.iter().map(|it| ACCOUNTS[*it].0).collect();
            let units: Vec<&str> = rule.units.iter().map(|it| UNITS[*it]).collect();
            let users: Vec<String> = rule
                .approvers
                .iter()
                .map(|it| email(*it).to_string())
                .collect();
            let approvers: Vec<String> = rule
                .approver_groups
                .iter()
                .map(|it| group_id(*it))
                .collect();
            json!({
                "id": format!("rul_{place}"), "name": format!("rule {place}"), "description": "x",
                "status": if rule.archived { "ARCHIVED" } else { "ACTIVE" },
                "groups": groups, "approval": {"users": users, "groups": approvers},
                "target": {"provider": {"id": "aws-sso-v2", "type": "aws-sso"}, "with": {
                    "accountId": {"values": accounts, "groupings": {"organizationalUnit": units}},
                    "permissionSetArn": arns}},
                "timeConstraints": {"maxDurationSeconds": rule.minutes * 60},
            })
            .to_string()
        };
        // what is JSON is YAML, too
        let rules = self.rules.iter().enumerate().map(rule);
        rules.fold("accessRules:\n".to_owned(), |text, rule| {
            text + "  - " + &rule + "\n"
        })
    }
}

fn some(below: usize, least: usize, most: usize) -> impl Strategy<Value = Vec<usize>> {
    prop::collection::btree_set(0..below, least..=most).prop_map(|it| it.into_iter().collect())
}

prop_compose! {
    fn a_rule()(
        groups in some(GROUPS, 1, 2),
        accounts in some(ACCOUNTS.len(), 1, 2),
        // the root is no unit there
        units in some(UNITS.len() - 1, 0, 1),
        sets in some(SETS.len(), 1, 2),
        approvers in some(PEOPLE.len(), 0, 1),
        approver_groups in some(GROUPS, 0, 1),
        minutes in prop::sample::select(vec![30_u64, 60, 90, 480]),
        archived in prop::bool::weighted(0.1),
    ) -> Rule {
        let units = units.into_iter().map(|unit| unit + 1).collect();
        Rule { groups, accounts, units, sets, approvers, approver_groups, minutes, archived }
    }
}

prop_compose! {
    fn worlds()(
        rules in prop::collection::vec(a_rule(), 1..5),
        members in prop::collection::vec(0_u8..16, GROUPS),
    ) -> World {
        World { rules, members }
    }
}

pub(crate) fn whole(files: &[SourceFile], names: &str, facts: &Directory) -> Imported {
    let names = Names::read(&file("names.toml", names)).unwrap();
    import(files, &names, Some(facts), &OrganizationIds::default())
        .unwrap_or_else(|why| panic!("{why}"))
}

#[test]
fn imported_access_rules_give_what_they_gave() {
    let met = each_world(300, &worlds(), |world, met| {
        let facts = directory(&world.members);
        let import = whole(&[file("rules.yaml", &world.yaml())], "", &facts);
        let rules = loaded(&import);
        for case in cases() {
            compare(&import, &rules, &facts, case, &world.ways(case), met);
        }
    });
    assert!(met.iter().all(|count| *count > 20), "{met:?}");
}

pub(crate) const TERRAFORM: &str = r#"
locals {
  hour = 60 * 60
}

resource "commonfate_access_rule" "prod" {
  name        = "Prod admin"
  description = "x"
  groups      = ["payments"]
  approval    = { users = ["bo@acme.example"] }
  target = [
    { field = "accountId", value = ["100000000001"] },
    { field = "permissionSetArn", value = ["arn:aws:sso:::permissionSet/ssoins-1234567890abcdef/ps-0000000000000000"] },
  ]
  target_provider_id = "aws-sso-v2"
  duration           = local.hour
}

resource "commonfate_access_rule" "made" {
  name        = "computed"
  description = "x"
  groups      = [for it in var.groups : it]
  target = []
  target_provider_id = "aws-sso-v2"
  duration           = "3600"
}
"#;

#[test]
fn access_rules_of_terraform_and_what_cannot_be_said() {
    let facts = directory(&[1, 2, 4]);
    let import = whole(
        &[file("main.tf", TERRAFORM)],
        "[groups]\npayments = \"payments-eng\"\n",
        &facts,
    );
    for wanted in [
        "allowed_groups = [\n  \"payments-eng\",\n]",
        "accounts = [\n  \"100000000001\",\n]",
        "permission_sets = [\n  \"Admin\",\n]",
        "approvers = [\n  \"bo@acme.example\",\n]",
        "max_duration = \"1h\"",
    ] {
        assert!(import.text.contains(wanted), "{wanted}\n{}", import.text);
    }
    let rows: Vec<_> = import
        .report
        .rows
        .iter()
        .map(|row| (row.name.as_str(), row.line, row.outcome))
        .collect();
    assert_eq!(
        rows,
        [
            ("Prod admin", Some(6), RowOutcome::Moved),
            ("computed", Some(19), RowOutcome::CannotBeSaid)
        ]
    );
}

/// An access rule that is whole.
fn sound() -> Value {
    json!({
        "name": "n", "groups": ["g"], "timeConstraints": {"maxDurationSeconds": 3600},
        "target": {"providerId": "aws-sso", "with": {"accountId": "100000000001", "permissionSetArn": set_arn(0)}}
    })
}

/// The one group of the sound rule.
const NAMED: &str = "[groups]\ng = \"group-0\"\n";

fn check_rows(rows: Vec<(&str, Value, RowOutcome)>) {
    let facts = directory(&[1, 2, 4]);
    for (key, value, outcome) in rows {
        let mut rule = sound();
        rule[key] = value;
        let import = whole(&[file("rules.json", &rule.to_string())], NAMED, &facts);
        let row = &import.report.rows[0];
        assert_eq!(row.outcome, outcome, "{rule} {:?}", row.notes);
        let said = outcome != RowOutcome::CannotBeSaid;
        assert_eq!(
            (import.report.rules == 1, !row.rules.is_empty()),
            (said, said),
            "{rule}"
        );
        loaded(&import);
    }
}

#[test]
fn each_row_that_is_not_whole_has_no_rule() {
    check_rows(vec![
        ("name", json!("n"), RowOutcome::Moved),
        ("groups", json!([]), RowOutcome::CannotBeSaid),
        ("groups", json!([["g"]]), RowOutcome::CannotBeSaid),
        (
            "timeConstraints",
            json!({"maxDurationSeconds": 59}),
            RowOutcome::CannotBeSaid,
        ),
        (
            "timeConstraints",
            json!({"maxDurationSeconds": 99_999_999_999_u64}),
            RowOutcome::CannotBeSaid,
        ),
        (
            "timeConstraints",
            json!({"maxDurationSeconds": -1}),
            RowOutcome::CannotBeSaid,
        ),
        ("timeConstraints", json!(null), RowOutcome::CannotBeSaid),
        ("bypass", json!(true), RowOutcome::CannotBeSaid),
        (
            "approval",
            json!({"groups": [], "breakglass": true}),
            RowOutcome::CannotBeSaid,
        ),
        ("approval", json!("nobody"), RowOutcome::CannotBeSaid),
        ("approval", json!({"users": ["usr_1"]}), RowOutcome::Differs),
        ("isCurrent", json!(true), RowOutcome::Moved),
        ("isCurrent", json!("no"), RowOutcome::CannotBeSaid),
        ("current", json!(0), RowOutcome::CannotBeSaid),
        ("requiresApproval", json!(false), RowOutcome::Moved),
        // nothing says who gives it
        ("requiresApproval", json!(true), RowOutcome::CannotBeSaid),
        ("requiresApproval", json!("yes"), RowOutcome::CannotBeSaid),
    ]);
}

/// The history of a rule looks as the list of rules does: the version of before approvals were asked for gives nothing.
#[test]
fn only_the_current_version_of_an_access_rule_counts() {
    let facts = directory(&[1, 2, 4]);
    let version = |id: &str, is_current: Option<bool>, approvers: Value| {
        let mut rule = sound();
        rule["id"] = json!(id);
        rule["approval"] = approvers;
        if let Some(is) = is_current {
            rule["isCurrent"] = json!(is);
        }
        rule
    };
    let outcomes = |rules: Vec<Value>| {
        let text = json!({ "accessRules": rules }).to_string();
        let import = whole(&[file("rules.json", &text)], NAMED, &facts);
        loaded(&import);
        let rows = import.report.rows.iter().map(|row| row.outcome).collect();
        let at_once = import.text.contains("approval_is_not_required = true");
        let found: (Vec<RowOutcome>, usize, bool) = (rows, import.report.rules, at_once);
        found
    };
    let (moved, unsaid) = (RowOutcome::Moved, RowOutcome::CannotBeSaid);
    let bo = || json!({"users": ["bo@acme.example"]});
    let now = version("rul_1", Some(true), bo());
    let before = version("rul_1", Some(false), json!({}));
    let other = version("rul_2", None, bo());
    assert_eq!(
        outcomes(vec![before.clone(), now, other]),
        (vec![moved, moved, moved], 2, false)
    );
    assert_eq!(outcomes(vec![before]), (vec![moved], 0, false));
    // without saying which one counts, neither does
    let (one, two) = (
        version("rul_1", None, json!({})),
        version("rul_1", None, bo()),
    );
    let third = version("rul_3", None, json!({}));
    assert_eq!(
        outcomes(vec![one, two, third]),
        (vec![unsaid, unsaid, moved], 1, true)
    );
    // one that is over beside one that counts
    let mut archived = version("rul_1", None, json!({}));
    archived["status"] = json!("ARCHIVED");
    assert_eq!(
        outcomes(vec![archived, version("rul_1", None, bo())]),
        (vec![moved, moved], 1, false)
    );
}

/// A plan with one resource, and what of it only applying makes known.
fn plan(kind: &str, values: &Value, unknown: &Value) -> Value {
    let address = format!("{kind}.x");
    let it =
        json!({"address": address, "mode": "managed", "type": kind, "name": "x", "values": values});
    json!({"format_version": "1.2", "planned_values": {"root_module": {"resources": [it]}},
        "resource_changes": [{"address": address, "mode": "managed", "type": kind, "name": "x",
            "change": {"actions": ["create"], "before": null, "after": values, "after_unknown": unknown}}]})
}

/// What only applying a plan makes known looks there as what nobody set, which would need no approval.
#[test]
fn what_a_plan_does_not_know_yet_gives_nothing() {
    let facts = directory(&[1, 2, 4]);
    let target = json!([{"field": "accountId", "value": ["100000000001"]},
        {"field": "permissionSetArn", "value": [set_arn(0)]}]);
    let rule = |approval: Value| {
        json!({"name": "n", "description": "d", "groups": [group_id(0)], "duration": "3600",
            "target_provider_id": "aws-sso-v2", "target": target, "approval": approval})
    };
    let (known, none) = (
        json!({"users": ["bo@acme.example"]}),
        json!({"users": null}),
    );
    for (approval, unknown, outcome) in [
        (
            &known,
            json!({"id": true, "status": true}),
            RowOutcome::Moved,
        ),
        (
            &known,
            json!({"id": true, "approval": {"users": [false]}, "target": [{}, {}]}),
            RowOutcome::Moved,
        ),
        (&none, json!({"id": true}), RowOutcome::Moved),
        (
            &none,
            json!({"approval": {"groups": true}}),
            RowOutcome::CannotBeSaid,
        ),
        (
            &json!(null),
            json!({"approval": true}),
            RowOutcome::CannotBeSaid,
        ),
        (
            &known,
            json!({"approval": {"users": [true]}}),
            RowOutcome::CannotBeSaid,
        ),
        (
            &known,
            json!({"target": [{"value": true}]}),
            RowOutcome::CannotBeSaid,
        ),
        (&known, json!(true), RowOutcome::CannotBeSaid),
    ] {
        let plan = plan("commonfate_access_rule", &rule(approval.clone()), &unknown);
        let import = whole(&[file("plan.json", &plan.to_string())], NAMED, &facts);
        loaded(&import);
        let row = &import.report.rows[0];
        assert_eq!(row.outcome, outcome, "{unknown}: {:?}", row.notes);
        assert_eq!(
            row.rules.is_empty(),
            outcome == RowOutcome::CannotBeSaid,
            "{unknown}"
        );
    }
}

/// A plan without its changes does not say what of it is known; a state has no such list.
#[test]
fn a_plan_without_its_changes_gives_nothing() {
    let facts = directory(&[1, 2, 4]);
    let values = json!({"name": "w", "access_duration_seconds": 3600});
    let mut half = plan("commonfate_access_workflow", &values, &json!({}));
    let outcome = |whole_file: &Value| {
        let import = whole(&[file("plan.json", &whole_file.to_string())], NAMED, &facts);
        import.report.rows[0].outcome
    };
    assert_eq!(outcome(&half), RowOutcome::Moved);
    half["resource_changes"] = json!([]);
    assert_eq!(outcome(&half), RowOutcome::CannotBeSaid);
    half["values"] = half["planned_values"].take();
    half.as_object_mut().unwrap().remove("planned_values");
    assert_eq!(outcome(&half), RowOutcome::Moved);
}

#[test]
fn what_a_plan_does_not_know_yet_of_a_workflow_gives_nothing() {
    let facts = directory(&[1, 2, 4]);
    let workflow = json!({"name": "w", "access_duration_seconds": 3600});
    for (unknown, outcome) in [
        (json!({"id": true}), RowOutcome::Moved),
        (json!({"approval_steps": true}), RowOutcome::CannotBeSaid),
        (
            json!({"approval_steps": [{"when": true}]}),
            RowOutcome::CannotBeSaid,
        ),
        (
            json!({"validation": {"reason_regex": true}}),
            RowOutcome::CannotBeSaid,
        ),
    ] {
        let plan = plan("commonfate_access_workflow", &workflow, &unknown);
        let import = whole(&[file("plan.json", &plan.to_string())], NAMED, &facts);
        let row = &import.report.rows[0];
        assert_eq!(row.outcome, outcome, "{unknown}: {:?}", row.notes);
    }
}

#[test]
fn a_plan_that_failed_or_is_a_part_is_refused() {
    let facts = directory(&[1, 2, 4]);
    let workflow = json!({"name": "w", "access_duration_seconds": 3600});
    let sound = plan("commonfate_access_workflow", &workflow, &json!({}));
    for (key, value, wanted) in [
        ("errored", json!(true), "is a plan that failed (`errored`)"),
        ("errored", json!("yes"), "is a plan that failed (`errored`)"),
        ("complete", json!(false), "is part of a plan (`complete`"),
        ("errored", json!(false), ""),
        ("complete", json!(true), ""),
    ] {
        let mut plan = sound.clone();
        plan[key] = value;
        let text = plan.to_string();
        let names = Names::default();
        let ids = OrganizationIds::default();
        let result = import(&[file("plan.json", &text)], &names, Some(&facts), &ids);
        match wanted {
            "" => assert_eq!(result.unwrap().report.rows.len(), 1),
            wanted => crate::answers::told(result, &text, wanted),
        }
    }
}

#[test]
fn each_target_that_is_no_account_has_no_rule() {
    check_rows(vec![
        (
            "target",
            json!({"providerId": "okta", "with": {"groupId": "x"}}),
            RowOutcome::CannotBeSaid,
        ),
        (
            "target",
            json!({"providerId": "aws-sso", "with": {"accountId": ["*"], "permissionSetArn": set_arn(0)}}),
            RowOutcome::CannotBeSaid,
        ),
        (
            "target",
            json!({"providerId": "aws-sso", "with": {"accountId": ["100000000001", "!x"], "permissionSetArn": set_arn(0)}}),
            RowOutcome::Differs,
        ),
        (
            "target",
            json!({"providerId": "aws-sso", "with": {"accountId": "100000000001", "permissionSetArn": "arn:aws:sso:::permissionSet/ssoins-1234567890abcdef/ps-9999999999999999"}}),
            RowOutcome::CannotBeSaid,
        ),
        (
            "target",
            json!({"providerId": "aws-sso", "with": {"accountId": {"values": [], "groupings": {"tag": ["x"]}}, "permissionSetArn": set_arn(0)}}),
            RowOutcome::CannotBeSaid,
        ),
        (
            "target",
            json!([{"field": "accountId", "value": "100000000001"}, {"field": "accountId", "value": "100000000002"}]),
            RowOutcome::CannotBeSaid,
        ),
        ("targets", json!([]), RowOutcome::CannotBeSaid),
    ]);
}

#[test]
fn what_is_not_whole_is_refused_with_its_place() {
    let bomb = (0..30).fold("a0: &a0 [x, x]\n".to_owned(), |text, n| {
        text + &format!("a{}: &a{} [*a{n}, *a{n}, *a{n}]\n", n + 1, n + 1)
    });
    let rule = "name: n\ngroups: [g]\ntarget: {}\n";
    for (name, text, wanted) in [
        ("cut.json", r#"[{"name": "n", "groups": ["g"], "target": {"#.to_owned(), "cut.json:1:"),
        ("cut.yaml", "- name: n\n  groups: [g\n".to_owned(), "cut.yaml:"),
        ("twice.yaml", format!("{rule}groups: [h]\n"), "twice.yaml:4:1: error[duplicate-key]"),
        ("twice.json", "{\"groups\": [],\n \"groups\": [], \"target\": {}}".to_owned(), "twice.json:2:2: error[duplicate-key]"),
        ("bomb.yaml", bomb, "bomb.yaml:"),
        ("next.json", r#"{"accessRules": [], "next": "token"}"#.to_owned(), "half an export"),
        ("other.yaml", "kind: role\nversion: v7\n".to_owned(), "other.yaml:1:1"),
        ("list.yaml", "- 1\n".to_owned(), "list.yaml:1:3"),
        ("tag.yaml", "!!python/object:os.system [x]\n".to_owned(), "tag.yaml:1:"),
        ("empty.yaml", String::new(), "no access rules"),
        ("hidden.yaml", "name: \"a\u{202e}b\"\n".to_owned(), "hidden.yaml:1:9"),
        ("twice.tf", "resource \"commonfate_policyset\" \"a\" {}\nresource \"commonfate_policyset\" \"a\" {}\n".to_owned(), "twice.tf:2:1"),
        ("cut.tf", "resource \"commonfate_policyset\" \"a\" {\n".to_owned(), "cut.tf:"),
        ("deep.json", "[".repeat(100_000), "deep.json:1:65"),
    ] {
        let refused = import(&[file(name, &text)], &Names::default(), None, &OrganizationIds::default());
        let Err(why) = refused else { panic!("{name} is imported") };
        let told: Vec<String> = why.0.iter().map(ToString::to_string).collect();
        assert!(told.iter().any(|it| it.contains(wanted)), "{name}: {told:?}");
    }
    let bytes = SourceFile {
        name: "latin.yaml".to_owned(),
        bytes: vec![b'a', 0xe4],
    };
    assert!(
        import(
            &[bytes],
            &Names::default(),
            None,
            &OrganizationIds::default()
        )
        .unwrap_err()
        .to_string()
        .contains("latin.yaml:1:1")
    );
}

#[test]
fn names_of_others_end_no_line_and_become_no_key() {
    let facts = directory(&[1, 2, 4]);
    let odd = "a\"]\n[[rule]]\naccounts = \"*\" # \\ \u{2028} ' \u{7}";
    for (key, value) in [
        ("name", json!(odd)),
        ("groups", json!([odd, "*", "!g", "g"])),
        (
            "approval",
            json!({"users": [format!("{odd}@x")], "groups": [odd]}),
        ),
    ] {
        let mut rule = json!({
            "name": "n", "groups": ["g"], "timeConstraints": {"maxDurationSeconds": 3600},
            "target": {"providerId": "aws-sso", "with": {"accountId": "100000000001", "permissionSetArn": set_arn(0)}}
        });
        rule[key] = value;
        let import = whole(
            &[file(
                "rules.json",
                &rule.to_string().replace('\u{2028}', "\\u2028"),
            )],
            NAMED,
            &facts,
        );
        assert!(
            import.text.matches("\n[[rule]]").count() <= 1,
            "{}",
            import.text
        );
        let rules = loaded(&import);
        assert_eq!(
            given(
                &rules,
                &facts,
                Case {
                    person: 0,
                    account: 1,
                    set: 0
                }
            ),
            Given::Nothing
        );
        let row = &import.report.rows[0];
        assert!(
            !row.name.contains('\n') && !row.id.contains('\n'),
            "{row:?}"
        );
    }
}

#[test]
fn the_file_of_names_is_read_whole_or_not_at_all() {
    for (text, wanted) in [
        (
            "[groups]\n\"a\" = 1\n[teams]\n",
            "no table of a file of names",
        ),
        ("[groups]\n\"a\" = []\n", "a name is due"),
        ("[permission_sets]\n\"arn\" = \"*\"\n", "one permission set"),
        (
            "[targets.x]\naccounts = [\"prod\"]\npermission_sets = [\"Admin\"]\n",
            "12 digits",
        ),
        (
            "[targets.x]\naccounts = [\"100000000001\"]\npermission_sets = [\"!Admin\"]\n",
            "one permission set",
        ),
        ("[roles.x]\nmembers = []\n", "are known here"),
        ("groups = [\"a\"]\n", "a table is due"),
        ("[groups]\n\"a\" = \"b\"\n\"a\" = \"c\"\n", "duplicate"),
    ] {
        let why = Names::read(&file("names.toml", text)).unwrap_err();
        let told: Vec<String> = why.0.iter().map(ToString::to_string).collect();
        assert!(
            told.iter()
                .any(|it| it.contains(wanted) && it.starts_with("names.toml:")),
            "{text}: {told:?}"
        );
    }
}
