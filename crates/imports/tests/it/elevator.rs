//! Statements of sso-elevator in every source form; see `elevator_settings` for settings.

use hallpass_base::{AccountId, Email, GroupId};
use hallpass_imports::elevator::{
    ElevatorOptions, ElevatorRefused, StatementsFile, Sweeps, import,
};
use hallpass_rules::{Ask, Directory, RuleFile, Rules, canonical_toml, load};
use proptest::prelude::*;
use serde_json::{Value, json};

const ACCOUNTS: [&str; 3] = ["111111111111", "222222222222", "333333333333"];
const SETS: [&str; 3] = ["ReadOnly", "Admin", "Billing"];
const PEOPLE: [&str; 4] = [
    "ana@corp.com",
    "bo@corp.com",
    "cai@corp.com",
    "dan@corp.com",
];
pub(crate) const GROUPS: [&str; 2] = [
    "99999999-8888-7777-6666-555555555555",
    "99999999-8888-7777-6666-444444444444",
];

fn rules(name: &str, text: &str) -> Rules {
    load(&RuleFile::new(name, text)).unwrap().rules
}

fn decisions(rules: &Rules) -> Vec<String> {
    let nobody = Directory::default();
    let now = "2026-03-02T10:05:00Z".parse().unwrap();
    let accounts: Vec<AccountId> = ACCOUNTS.iter().map(|it| it.parse().unwrap()).collect();
    let groups: Vec<GroupId> = GROUPS.iter().map(|it| it.parse().unwrap()).collect();
    let of_accounts = accounts.iter().flat_map(|account| {
        SETS.map(|permission_set| Ask::Account {
            account,
            permission_set,
        })
    });
    let asks: Vec<Ask<'_>> = of_accounts
        .chain(groups.iter().map(|group| Ask::Group { group }))
        .collect();
    let mut found = Vec::new();
    for who in PEOPLE.map(|it| Email::new(it).unwrap()) {
        for ask in &asks {
            let decision = rules.decide(&who, ask, &nobody, now);
            let (kind, approvers) = (decision.kind, decision.approvers);
            let more = (
                decision.max_duration,
                decision.approvals_needed,
                decision.break_glass,
            );
            found.push(format!("{who} {ask:?} {kind} {approvers:?} {more:?}"));
        }
    }
    found
}

pub(crate) fn statements() -> Value {
    json!({
        "statements": [
            {"ResourceType": "Account", "Resource": ["111111111111", "222222222222"], "PermissionSet": "*",
             "Approvers": ["bo@corp.com", "cai@corp.com"], "AllowSelfApproval": true},
            {"ResourceType": "Account", "Resource": "*", "PermissionSet": "ReadOnly", "ApprovalIsNotRequired": true},
            {"ResourceType": "Account", "Resource": "*", "PermissionSet": "ReadOnly", "ApprovalIsNotRequired": true},
        ],
        "group_statements": [{"Resource": [GROUPS[0]], "Approvers": "cai@corp.com"}],
    })
}

pub(crate) fn plan(environment: &Value, object: Option<&Value>) -> Value {
    let function = |name: &str| {
        json!({"address": format!("module.e.aws_lambda_function.{name}"), "type": "aws_lambda_function",
               "values": {"environment": [{"variables": environment}]}})
    };
    let mut resources = vec![
        function("access-requester"),
        function("access-revoker"),
        json!({"type": "aws_lambda_function", "values": {"environment": [{"variables": {"LOG_LEVEL": "DEBUG"}}]}}),
        json!({"type": "aws_lambda_function", "values": {"environment": []}}),
        // another function that also uses Slack
        json!({"type": "aws_lambda_function", "values": {"environment": [{"variables": {"SLACK_CHANNEL_ID": "C9", "LOG_LEVEL": "DEBUG"}}]}}),
        json!({"type": "aws_s3_object", "values": {"key": "other", "content": "{}"}}),
        json!({"type": "aws_iam_role", "values": {"name": "r"}}),
    ];
    for (name, schedule) in [
        ("sso_elevator_scheduled_revocation", "cron(0 23 * * ? *)"),
        ("sso_elevator_check_on_inconsistency", "rate(2 hours)"),
    ] {
        resources.push(json!({"type": "aws_cloudwatch_event_rule", "name": name, "values": {"schedule_expression": schedule}}));
    }
    if let Some(object) = object {
        let content = object.to_string();
        resources.push(json!({"type": "aws_s3_object", "values": {"key": "config/approval-config.json", "content": content}}));
    }
    json!({"format_version": "1.2", "terraform_version": "1.9.0",
           "planned_values": {"root_module": {"child_modules": [{"child_modules": [{"resources": resources}]}]}}})
}

fn forms(statements: &Value) -> Vec<(&'static str, String)> {
    let (accounts, groups) = (&statements["statements"], &statements["group_statements"]);
    let lists = json!({"config": accounts, "group_config": groups});
    let environment = json!({"SLACK_CHANNEL_ID": "C012345", "STATEMENTS": accounts.to_string(),
                             "GROUP_STATEMENTS": groups.to_string()});
    let keyed = json!({"CONFIG_S3_KEY": "config/approval-config.json"});
    let state =
        json!({"format_version": "1.0", "values": plan(&environment, None)["planned_values"]});
    vec![
        ("approval-config.json", statements.to_string()),
        ("terraform.tfvars.json", lists.to_string()),
        (
            "terraform.tfvars",
            format!("config = {accounts}\ngroup_config = {groups}\n"),
        ),
        (
            "main.tf",
            format!(
                "module \"e\" {{\n  source = \"fivexl/sso-elevator\"\n  config = local.c\n  group_config = {groups}\n}}\nlocals {{\n  c = {accounts}\n}}\n"
            ),
        ),
        ("plan.json", plan(&environment, None).to_string()),
        (
            "plan-object.json",
            plan(&keyed, Some(statements)).to_string(),
        ),
        ("state.json", state.to_string()),
    ]
}

#[test]
fn every_form_comes_to_the_same_rules() {
    let statements = statements();
    let expected = decisions(&rules("x.json", &statements.to_string()));
    for (name, text) in forms(&statements) {
        let imported = import(name, &text, &ElevatorOptions::default()).unwrap();
        assert_eq!(
            decisions(&rules("x.json", &imported.text)),
            expected,
            "{name}"
        );
        let report = imported.report;
        // only a module or a plan with functions has complete duration settings
        let is_whole = ["main.tf", "plan.json", "state.json"].contains(&name);
        let unsaid = if is_whole { 0 } else { 2 };
        assert_eq!(
            (report.rules, report.differs, report.cannot_be_said),
            // the sweep removes nothing, and the directory is unknown
            (3, 2 + unsaid, 0),
            "{name}"
        );
        let told: Vec<_> = { report.rows.iter() }
            .filter(|row| !["settings", "people", "defaults"].contains(&row.table))
            .map(|row| (row.table, row.item, row.id.as_str(), row.notes.len()))
            .collect();
        let wanted = [
            ("statements", 1, "s1", 0),
            ("statements", 2, "s2", 0),
            // duplicates count once
            ("statements", 3, "", 1),
            ("group_statements", 1, "g1", 0),
            ("sweep", 1, "nightly removal", 1),
        ];
        assert_eq!(told, wanted, "{name}");
    }
}

fn toml_of(statements: &Value) -> String {
    let options = ElevatorOptions {
        to: StatementsFile::named("infra/rules.toml").unwrap(),
        ..ElevatorOptions::default()
    };
    let imported = import("x.json", &statements.to_string(), &options).unwrap();
    let line = &imported.report.configuration[0];
    assert_eq!(
        (line.key, line.value.as_str()),
        ("access.rules", "\"rules.toml\"")
    );
    imported.text
}

#[test]
fn a_file_of_toml_has_a_table_for_each_statement_and_its_ending_tells_the_syntax() {
    let whole = json!({"statements": [], "group_statements": [{"Resource": [GROUPS[0]], "Approvers": "cai@corp.com",
        "AllowSelfApproval": null, "ApprovalIsNotRequired": false, "MinApprovals": 1}]});
    let text = toml_of(&whole);
    assert!(text.starts_with("[[group_statements]]\n"), "{text}");
    assert!(
        text.contains("\nMinApprovals = 1\n") && text.contains("\nApprovalIsNotRequired = false\n"),
        "{text}"
    );
    assert!(
        !text.contains("AllowSelfApproval"),
        "it says nothing: {text}"
    );
    let none = toml_of(&json!({"statements": [], "group_statements": []}));
    assert_eq!(none, "statements = []\n");
    let is_known = |name: &str| StatementsFile::named(name).is_some();
    assert!(is_known("a/B.JSON") && is_known("rules.toml"));
    for other in [
        "rules",
        "rules.yaml",
        "rules.tfvars",
        "rules.toml.bak",
        "json",
    ] {
        assert!(!is_known(other), "{other}");
    }
}

fn some_statement() -> impl Strategy<Value = Value> {
    let some = |all: &'static [&'static str]| {
        proptest::sample::subsequence(all.to_vec(), 1..=all.len()).prop_map(|it| json!(it))
    };
    let flag = proptest::option::of(any::<bool>()).prop_map(|it| json!(it));
    let accounts = prop_oneof![Just(json!("*")), some(&ACCOUNTS)];
    let sets = prop_oneof![Just(json!("*")), some(&SETS)];
    let allowed = prop_oneof![3 => Just(Value::Null), 1 => some(&PEOPLE)];
    let hours = prop_oneof![
        Just(Value::Null),
        (1..8_u8).prop_map(|it| json!(format!("0{it}:30")))
    ];
    (accounts, sets, some(&PEOPLE), flag.clone(), flag, allowed, hours).prop_map(
        |(accounts, sets, approvers, own, auto, allowed, hours)| {
            let mut statement = json!({"ResourceType": "Account", "Resource": accounts, "PermissionSet": sets,
                "Approvers": approvers, "AllowSelfApproval": own, "ApprovalIsNotRequired": auto});
            for (key, value) in [("AllowedUsers", allowed), ("MaxDuration", hours)] {
                if !value.is_null() {
                    statement[key] = value;
                }
            }
            statement
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, ..ProptestConfig::default() })]

    #[test]
    fn everybody_gets_what_they_got(
        accounts in proptest::collection::vec(some_statement(), 0..6),
        of_group in proptest::sample::subsequence(PEOPLE.to_vec(), 1..=4),
    ) {
        let statements = json!({
            "statements": accounts,
            "group_statements": [{"Resource": [GROUPS[1]], "Approvers": of_group}],
        });
        let expected = decisions(&rules("x.json", &statements.to_string()));
        for (name, text) in forms(&statements) {
            let imported = import(name, &text, &ElevatorOptions::default()).unwrap();
            prop_assert_eq!(&decisions(&rules("x.json", &imported.text)), &expected, "{}", name);
        }
        let toml = toml_of(&statements);
        prop_assert_eq!(&decisions(&rules("rules.toml", &toml)), &expected, "{}", toml);
        let form = canonical_toml("rules.toml", &toml).unwrap();
        prop_assert_eq!(form, toml);
    }
}

#[test]
fn several_modules_are_several_installations() {
    let lists = "  config = [{ ResourceType = \"Account\", Resource = \"*\", PermissionSet = \"A\", Approvers = \"cai@corp.com\" }]\n";
    let one = format!("module \"a\" {{\n{lists}}}\n");
    let _ = import("main.tf", &one, &ElevatorOptions::default()).unwrap();
    for other in [
        format!("module \"b\" {{\n{lists}}}\n"),
        "module \"b\" {\n  source = \"fivexl/sso-elevator/aws\"\n  slack_channel_id = \"C2\"\n}\n"
            .to_owned(),
    ] {
        let why = import(
            "main.tf",
            &format!("{one}{other}"),
            &ElevatorOptions::default(),
        )
        .unwrap_err();
        assert_eq!(
            why,
            ElevatorRefused::Several(vec!["a".to_owned(), "b".to_owned()]),
            "{other}"
        );
        assert!(why.to_string().contains("`a`, `b`"), "{why}");
    }
}

/// The object of 0.0.1 in each possible file form.
fn first_forms(object: &Value) -> Vec<(&'static str, String)> {
    vec![
        ("a.tfvars.json", json!({"config": object}).to_string()),
        ("a.tfvars", format!("config = {object}\n")),
        (
            "main.tf",
            format!(
                "module \"e\" {{\n  source = \"fivexl/sso-elevator\"\n  config = local.c\n}}\nlocals {{\n  c = {object}\n}}\n"
            ),
        ),
    ]
}

#[test]
fn an_object_of_the_first_release_stands_for_a_list() {
    let one = &statements()["statements"][0];
    let object = json!({
        "users": [{"email": PEOPLE[0], "slack_id": "U1", "can_approve": false},
                  {"email": PEOPLE[1], "slack_id": "U2", "sso_id": "x", "can_approve": true}],
        "permission_sets": [{"name": "ReadOnly"}, {"name": "Admin", "arn": "arn"}],
        "accounts": [{"name": "a", "id": ACCOUNTS[0], "approvers": [PEOPLE[1]]},
                     {"name": "b", "id": ACCOUNTS[1], "approvers": [PEOPLE[1]]}],
    });
    let of_account = |id: &str| {
        json!({"ResourceType": "Account", "Resource": id, "PermissionSet": ["ReadOnly", "Admin"],
            "Approvers": [PEOPLE[1]], "AllowedUsers": [PEOPLE[0], PEOPLE[1]]})
    };
    for (object, wanted) in [
        (one, json!({"statements": [one]})),
        (
            &object,
            json!({"statements": [of_account(ACCOUNTS[0]), of_account(ACCOUNTS[1])]}),
        ),
    ] {
        let expected = decisions(&rules("x.json", &wanted.to_string()));
        for (name, text) in first_forms(object) {
            let imported = import(name, &text, &ElevatorOptions::default())
                .unwrap_or_else(|why| panic!("{name}: {why:?}"));
            let rules = rules("x.json", &imported.text);
            assert_eq!(decisions(&rules), expected, "{name}");
            assert_eq!(imported.report.cannot_be_said, 0, "{name}");
        }
    }
}

#[test]
fn an_object_of_the_first_release_that_is_not_whole_is_refused() {
    let user = json!({"email": PEOPLE[0], "can_approve": true});
    let whole = json!({"users": [user], "permission_sets": [{"name": "Admin"}],
        "accounts": [{"id": ACCOUNTS[0], "approvers": [PEOPLE[0]]}]});
    for (key, value, said) in [
        ("users", json!([]), "`users` is missing"),
        (
            "users",
            json!([{"email": "", "can_approve": true}]),
            "`email` of one of its objects",
        ),
        (
            "users",
            json!([{"email": PEOPLE[0], "can_approve": "yes"}]),
            "`can_approve` is true or false",
        ),
        (
            "users",
            json!([{"email": PEOPLE[0], "can_approve": false}]),
            "is no entry of `users` with `can_approve`",
        ),
        (
            "users",
            json!([{"email": PEOPLE[0], "expires": 1}]),
            "`expires` is not one of its keys",
        ),
        (
            "permission_sets",
            json!(["Admin"]),
            "`permission_sets` is a list of objects",
        ),
        (
            "permission_sets",
            json!([{"name": "*"}]),
            "`name` of one of its objects",
        ),
        (
            "accounts",
            json!([{"id": ACCOUNTS[0], "approvers": []}]),
            "no approver for account",
        ),
        (
            "accounts",
            json!([{"id": ACCOUNTS[0], "approvers": [PEOPLE[1]]}]),
            "is no entry of `users` with `can_approve`",
        ),
        (
            "accounts",
            json!([{"id": "*", "approvers": [PEOPLE[0]]}]),
            "`id` of one of its objects",
        ),
        ("groups", json!([]), "`groups` is not one of its keys"),
    ] {
        let mut object = whole.clone();
        object[key] = value;
        for (name, text) in first_forms(&object) {
            let why = import(name, &text, &ElevatorOptions::default()).unwrap_err();
            let told = match &why {
                ElevatorRefused::Statements(errors) => errors[0].to_string(),
                other => other.to_string(),
            };
            assert!(told.contains(said), "{name} {said}: {told}");
        }
    }
    let neither = "config = {\n  a = 1\n}\n";
    let why = import("a.tfvars", neither, &ElevatorOptions::default()).unwrap_err();
    assert!(matches!(why, ElevatorRefused::Statements(_)), "{why}");
}

#[test]
fn no_secret_is_repeated() {
    let secret = "xoxb-very-secret";
    let environment = json!({"STATEMENTS": statements()["statements"].to_string(), "SLACK_BOT_TOKEN": secret,
        "SLACK_SIGNING_SECRET": secret});
    for (name, text) in [
        ("plan.json", plan(&environment, None).to_string()),
        (
            "a.tfvars",
            format!(
                "config = []\nslack_bot_token = \"{secret}\"\nslack_signing_secret = \"{secret}\"\n"
            ),
        ),
    ] {
        let imported = import(name, &text, &ElevatorOptions::default()).unwrap();
        assert!(!format!("{imported:?}").contains(secret), "{name}");
    }
}

#[test]
fn the_sweep_removes_only_where_that_is_wanted() {
    let text = statements().to_string();
    let keys = |sweeps| -> Vec<&str> {
        let report = import("x.json", &text, &sweeping(sweeps)).unwrap().report;
        report.configuration.iter().map(|line| line.key).collect()
    };
    assert_eq!(keys(Sweeps::Report), ["access.statements"]);
    let report = |sweeps| import("x.json", &text, &sweeping(sweeps)).unwrap().report;
    assert_eq!(
        report(Sweeps::Report).differs,
        report(Sweeps::Remove).differs + 1
    );
    assert_eq!(
        keys(Sweeps::Remove),
        ["access.statements", "access.sweep.mode"]
    );
}

#[test]
fn a_plan_that_failed_or_is_a_part_is_refused() {
    for (key, value, wanted) in [
        ("errored", true, "is a plan that failed"),
        ("complete", false, "is part of a plan"),
    ] {
        let mut plan = plan(&json!({"STATEMENTS": "[]"}), None);
        assert!(import("plan.json", &plan.to_string(), &ElevatorOptions::default()).is_ok());
        plan[key] = json!(value);
        let why = import("plan.json", &plan.to_string(), &ElevatorOptions::default()).unwrap_err();
        assert!(why.to_string().contains(wanted), "{why}");
    }
}

#[test]
fn what_is_not_whole_is_refused_as_a_whole() {
    let half = statements().to_string();
    let half = half.get(..half.len() / 2).unwrap();
    let environment = |statements: &str| json!({"STATEMENTS": statements});
    let bad = r#"[{"ResourceType": "Acount", "Resource": "*", "PermissionSet": "*"}]"#;
    let two = {
        let mut two = plan(&environment("[]"), None);
        let resources = &mut two["planned_values"]["root_module"]["child_modules"][0]["child_modules"]
            [0]["resources"];
        resources[1]["values"]["environment"][0]["variables"] =
            environment(r#"[{"Resource": "*"}]"#);
        two.to_string()
    };
    let none = plan(
        &json!({"CONFIG_S3_KEY": "config/approval-config.json"}),
        None,
    )
    .to_string();
    for (name, text, expected) in [
        ("x.json", half, "not JSON, or truncated"),
        (
            "x.json",
            r#"{"statements": [], "statements": []}"#,
            "not JSON, or truncated",
        ),
        (
            "x.json",
            &format!("{{\"statements\": {bad}}}"),
            "bad-resource-type",
        ),
        ("x.json", "{\"a\": 1}", "unknown-field"),
        (
            "x.tfvars",
            "config = [for a in var.x : a]",
            "computed-value",
        ),
        ("x.tfvars", "config = [", "bad-syntax"),
        ("x.tfvars", "tags = {}", "no-rules"),
        (
            "plan.json",
            &plan(&environment("[{"), None).to_string(),
            "STATEMENTS in the plan is not JSON",
        ),
        (
            "plan.json",
            &plan(&environment(bad), None).to_string(),
            "bad-resource-type",
        ),
        ("plan.json", &two, "several installations"),
        (
            "plan.json",
            &none,
            "no statements that are known before it is applied",
        ),
    ] {
        let why = import(name, text, &ElevatorOptions::default()).unwrap_err();
        let told = match &why {
            ElevatorRefused::Statements(errors) => {
                let codes: Vec<&str> = errors.iter().map(|it| it.code.as_str()).collect();
                codes.join(" ")
            }
            other => other.to_string(),
        };
        assert!(told.contains(expected), "{name} {text}: {told}");
    }
}

fn approved_by(resource: &str, approver: &str, own: Option<bool>) -> Value {
    json!({"ResourceType": "Account", "Resource": resource, "PermissionSet": ["Admin", "Billing"],
        "Approvers": [approver, "cai@corp.com"], "AllowSelfApproval": own})
}

fn check_told(case: &str, statements: &[Value; 2], wanted: &[&str]) {
    let text = json!({"statements": statements}).to_string();
    let report = import("x.json", &text, &sweeping(Sweeps::Remove))
        .unwrap()
        .report;
    let row = &report.rows[0];
    let told: Vec<String> = row.notes.iter().map(ToString::to_string).collect();
    let is_told =
        told.len() == wanted.len() && wanted.iter().zip(&told).all(|(part, it)| it.contains(part));
    assert!(is_told, "{case}: {told:?}, not {wanted:?}");
    let differs = row.outcome == hallpass_imports::RowOutcome::Differs;
    assert_eq!(differs, !wanted.is_empty(), "{case}");
}

#[test]
fn statements_that_mean_something_else_here_are_told() {
    let (of, account) = (approved_by, ACCOUNTS[0]);
    let (denied, letters) = ("`AllowSelfApproval` false", "capital letters");
    let bo = |own| of(account, "bo@corp.com", own);
    let mut sets = bo(Some(false));
    sets["PermissionSet"] = json!("ReadOnly");
    let mut others = bo(Some(false));
    others["Approvers"] = json!("dan@corp.com");
    for (case, one, other, wanted) in [
        ("nothing", bo(None), bo(Some(false)), vec![]),
        ("both may", bo(Some(true)), bo(Some(true)), vec![]),
        ("one denies", bo(Some(true)), bo(Some(false)), vec![denied]),
        (
            "everywhere",
            bo(Some(true)),
            of("*", "Bo <bo@corp.com>", Some(false)),
            vec![denied],
        ),
        (
            "another account",
            bo(Some(true)),
            of(ACCOUNTS[1], "bo@corp.com", Some(false)),
            vec![],
        ),
        ("another permission set", bo(Some(true)), sets, vec![]),
        ("others", bo(Some(true)), others, vec![]),
        (
            "capital letters",
            of(account, "Bo@Corp.com", None),
            bo(None),
            vec![letters],
        ),
        (
            "capital letters of the domain, and in a name",
            of(account, "Bo <bo@Corp.com>", None),
            bo(None),
            vec![],
        ),
        (
            "both",
            of(account, "Bo@corp.com", Some(true)),
            bo(Some(false)),
            vec![denied, letters],
        ),
    ] {
        check_told(case, &[one, other], &wanted);
    }
    let text = json!({"group_statements": [
        {"Resource": GROUPS[0], "Approvers": "bo@corp.com", "AllowSelfApproval": true},
        {"Resource": GROUPS[0], "Approvers": ["bo@corp.com", "cai@corp.com"], "AllowSelfApproval": "False"},
    ]});
    let report = import("x.json", &text.to_string(), &sweeping(Sweeps::Remove))
        .unwrap()
        .report;
    assert_eq!(report.differs, 4, "{:?}", report.rows);
}

/// Hallpass keys that sso-elevator ignores become active.
#[test]
fn keys_of_ours_that_come_into_force_are_told() {
    let plain = || approved_by(ACCOUNTS[0], "bo@corp.com", None);
    for (key, value, wanted) in [
        (
            "ApproverGroups",
            json!([GROUPS[0]]),
            "members of these groups of Identity Center approve here",
        ),
        (
            "BreakGlass",
            json!("ana@corp.com"),
            "without an approval here",
        ),
        ("MaxDuration", json!("01:00"), "limits the time here"),
        ("MinApprovals", json!(2), "so many approve here"),
        ("SlackChannel", json!("C0123456789"), "one channel"),
        (
            "ApproversToNotify",
            json!(["dan@corp.com"]),
            "these users are notified here",
        ),
        ("Id", json!("prod"), ""),
        ("BreakGlass", json!([]), ""),
        // sso-elevator 5 has it
        ("AllowedUsers", json!(["ana@corp.com"]), ""),
    ] {
        let mut one = plain();
        one[key] = value;
        let wanted: Vec<&str> = [wanted].into_iter().filter(|it| !it.is_empty()).collect();
        check_told(key, &[one, plain()], &wanted);
    }
    let mut unit = plain();
    unit["ResourceType"] = json!("OU");
    unit["Resource"] = json!("Root/Prod");
    check_told("OU", &[unit, plain()], &["organizational units"]);
}

fn sweeping(sweeps: Sweeps) -> ElevatorOptions<'static> {
    ElevatorOptions {
        sweeps,
        ..ElevatorOptions::default()
    }
}
