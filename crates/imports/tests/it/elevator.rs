//! Statements and settings of sso-elevator, in each form in which they are found.

use hallpass_imports::RowOutcome;
use hallpass_imports::elevator::{ElevatorRefused, Sweeps, import};
use hallpass_model::{AccountId, Email, GroupId};
use hallpass_rules::{Ask, Directory, RuleFile, Rules, load};
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
const GROUPS: [&str; 2] = [
    "99999999-8888-7777-6666-555555555555",
    "99999999-8888-7777-6666-444444444444",
];

fn rules(name: &str, text: &str) -> Rules {
    load(&RuleFile::new(name, text)).unwrap().rules
}

/// What everybody gets for everything, in words.
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

fn statements() -> Value {
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

/// A plan in which a module below the root makes the functions, and perhaps the object of the bucket.
fn plan(environment: &Value, object: Option<&Value>) -> Value {
    let function = |name: &str| {
        json!({"address": format!("module.e.aws_lambda_function.{name}"), "type": "aws_lambda_function",
               "values": {"environment": [{"variables": environment}]}})
    };
    let mut resources = vec![
        function("access-requester"),
        function("access-revoker"),
        json!({"type": "aws_lambda_function", "values": {"environment": [{"variables": {"LOG_LEVEL": "DEBUG"}}]}}),
        json!({"type": "aws_lambda_function", "values": {"environment": []}}),
        // another's, that happens to write to Slack, too
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

/// The same statements in each form: file name and text.
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
        let imported = import(name, &text, Sweeps::Report).unwrap();
        assert_eq!(
            decisions(&rules("x.json", &imported.text)),
            expected,
            "{name}"
        );
        let report = imported.report;
        assert_eq!(
            (report.rules, report.differs, report.cannot_be_said),
            (3, 0, 0),
            "{name}"
        );
        let told: Vec<_> = { report.rows.iter() }
            .filter(|row| row.table != "settings")
            .map(|row| (row.table, row.item, row.id.as_str(), row.notes.len()))
            .collect();
        let wanted = [
            ("statements", 1, "s1", 0),
            ("statements", 2, "s2", 0),
            // what is there twice counts once
            ("statements", 3, "", 1),
            ("group_statements", 1, "g1", 0),
        ];
        assert_eq!(told, wanted, "{name}");
    }
}

/// A statement about accounts, with fields there or not.
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
            let imported = import(name, &text, Sweeps::Report).unwrap();
            prop_assert_eq!(&decisions(&rules("x.json", &imported.text)), &expected, "{}", name);
        }
    }
}

/// Lines for hallpass.toml, and what is said of the settings that make none.
fn settings(name: &str, text: &str) -> (Vec<String>, Vec<String>) {
    let imported = import(name, text, Sweeps::Report).unwrap();
    let report = imported.report;
    let lines = report.configuration.iter().skip(1);
    let lines = lines.map(|line| format!("{} = {}", line.key, line.value));
    let rows = report.rows.iter().filter(|row| row.table == "settings");
    let told = rows.filter(|row| row.outcome == RowOutcome::CannotBeSaid || !row.notes.is_empty());
    let told = told.map(|row| format!("{}: {}: {}", row.id, row.outcome.words(), row.notes[0]));
    (lines.collect(), told.collect())
}

#[test]
fn settings_become_lines_and_what_is_as_in_hallpass_makes_none() {
    let variables = "config = []\n\
        group_config = [{ Resource = [\"99999999-8888-7777-6666-555555555555\"], Approvers = \"cai@corp.com\" }]\n\
        slack_bot_token = \"xoxb-secret\"\n\
        slack_channel_id = \"C012345\"\n\
        request_expiration_hours = 0\n\
        approver_renotification_initial_wait_time = 45\n\
        approver_renotification_backoff_multiplier = 2\n\
        max_permissions_duration_time = 36\n\
        permission_duration_list_override = [\"00:30\", \"04:00\"]\n\
        secondary_fallback_email_domains = [\"@corp.example\"]\n\
        schedule_expression_for_check_on_inconsistency = \"rate(90 minutes)\"\n\
        schedule_expression = \"rate(1 potato)\"\n\
        s3_name_of_the_existing_bucket = \"audit-of-ours\"\n\
        s3_object_lock = true\n\
        log_level = \"WARNING\"\n\
        sso_instance_arn = var.instance\n\
        attribute_sync_enabled = true\n\
        lambda_timeout = 30\n\
        something_else = 1\n";
    let (lines, told) = settings("terraform.tfvars", variables);
    assert_eq!(
        lines,
        [
            "access.reminder.first = \"45m\"",
            "groups.sync.enabled = true",
            "log.level = \"warn\"",
            "access.duration.max = \"36h\"",
            "access.duration.choices = [\"00:30\", \"04:00\"]",
            "access.request_expiry = \"0\"",
            "audit.export.target = \"s3://audit-of-ours\"",
            "access.sweep.check_every = \"1h30m\"",
            "identity.fallback_domains = [\"@corp.example\"]",
            "slack.channel = \"C012345\"",
        ]
    );
    let told = told.join("\n");
    for line in [
        "attribute_sync_enabled: moved: where `attribute_sync_manual_assignment_policy` is not written, the module removes",
        "lambda_timeout: moved: it says nothing: it is of how sso-elevator runs",
        "s3_object_lock: moved: it says nothing",
        "slack_bot_token: moved: a secret is not repeated",
        "schedule_expression: cannot be said: its value is of another form",
        "something_else: moved: it says nothing: it is no variable of the releases of sso-elevator that are known here",
        "sso_instance_arn: cannot be said: only Terraform computes its value",
    ] {
        assert!(told.contains(line), "{line}\n{told}");
    }
    assert_eq!(told.lines().count(), 7, "{told}");
}

#[test]
fn memberships_by_attributes_move_and_what_would_add_more_people_does_not() {
    let variables = "config = [{ ResourceType = \"Account\", Resource = \"*\", PermissionSet = \"A\", Approvers = \"cai@corp.com\" }]\n\
        attribute_sync_enabled = true\n\
        attribute_sync_managed_groups = [\"Payments\", \"Legal\"]\n\
        attribute_sync_manual_assignment_policy = \"remove\"\n\
        attribute_sync_schedule = \"rate(30 minutes)\"\n\
        attribute_sync_rules = [\n\
          { group_name = \"Payments\", attributes = { department = \"Payments\", costCenter = \"42\" } },\n\
          { group_name = \"Legal\", attributes = { \"enterprise.division\" = \"Law\" } },\n\
          { group_name = \"Legal\", attributes = { title = \"Counsel\", nickName = \"x\" } },\n\
          { group_name = \"Legal\", attributes = { title = \"C*\" } },\n\
        ]\n";
    let (lines, told) = settings("terraform.tfvars", variables);
    assert_eq!(
        lines,
        [
            "groups.sync.enabled = true",
            "groups.sync.groups = [\"Payments\", \"Legal\"]",
            // whoever is a counsel is a member by a rule that is left out
            "groups.sync.manual = \"warn\"",
            "groups.sync.rules = [{ group = \"Payments\", attributes = { department = \"Payments\", cost_center = \"42\" } }, \
             { group = \"Legal\", attributes = { division = \"Law\" } }]",
            "groups.sync.every = \"30m\"",
        ]
    );
    let told = told.join("\n");
    assert!(
        told.contains("attribute_sync_rules: cannot be said: a rule that names an attribute"),
        "{told}"
    );
    assert!(
        told.contains("attribute_sync_manual_assignment_policy: differs: some of `attribute_sync_rules` are not"),
        "{told}"
    );
    assert_eq!(told.lines().count(), 2, "{told}");
}

/// Nobody is removed for a rule that is not there: with every rule the policy moves, with any other it does not.
#[test]
fn members_are_removed_only_where_every_rule_is_taken_over() {
    let lists = "config = [{ ResourceType = \"Account\", Resource = \"*\", PermissionSet = \"A\", Approvers = \"cai@corp.com\" }]\n\
        attribute_sync_enabled = true\n";
    let said = "{ group_name = \"Payments\", attributes = { department = \"Payments\" } }";
    let policy = "attribute_sync_manual_assignment_policy = \"remove\"\n";
    for (rules, policy, removes, told) in [
        (format!("[{said}]"), policy, true, ""),
        (
            format!("[{said}]"),
            "",
            false,
            "the module removes members who match no rule",
        ),
        ("[]".to_owned(), policy, true, ""),
        (
            format!("[{said}, {{ group_name = \"Legal\", attributes = {{ nickName = \"x\" }} }}]"),
            policy,
            false,
            "are not taken over",
        ),
        (
            format!("[{said}, {{ group_name = \"Legal\", attributes = {{ nickName = \"x\" }} }}]"),
            "",
            false,
            "are not taken over",
        ),
        (
            "[{ group_name = \"Legal\" }]".to_owned(),
            policy,
            false,
            "are not taken over",
        ),
        ("\"all\"".to_owned(), policy, false, "are not taken over"),
        ("var.rules".to_owned(), policy, false, "are not taken over"),
    ] {
        let text = format!("{lists}{policy}attribute_sync_rules = {rules}\n");
        let (lines, notes) = settings("a.tfvars", &text);
        let manual = lines.iter().find(|it| it.starts_with("groups.sync.manual"));
        let wanted = if removes { "remove" } else { "warn" };
        let is_wanted = manual.is_none_or(|it| it.ends_with(&format!("\"{wanted}\"")));
        assert!(
            is_wanted && (manual.is_some() || !removes),
            "{rules}: {lines:?}"
        );
        let notes = notes.join("\n");
        assert!(notes.contains(told), "{rules}: {notes}");
        let warns = notes.contains("are not taken over");
        assert_eq!(warns, told == "are not taken over", "{rules}: {notes}");
    }
}

#[test]
fn the_environment_of_the_functions_says_the_same_in_texts() {
    let environment = json!({"STATEMENTS": statements()["statements"].to_string(), "GROUP_STATEMENTS": "[]",
        "SLACK_BOT_TOKEN": "xoxb-secret", "SLACK_CHANNEL_ID": "C012345", "POST_UPDATE_TO_SLACK": "False",
        "REQUEST_EXPIRATION_HOURS": "4", "MAX_PERMISSIONS_DURATION_TIME": "24",
        "PERMISSION_DURATION_LIST_OVERRIDE": "[\"00:15\"]", "ATTRIBUTE_SYNC_ENABLED": "false",
        "IDENTITY_STORE_ID": "d-1234567890", "LOG_LEVEL": "INFO"});
    let (lines, told) = settings("plan.json", &plan(&environment, None).to_string());
    assert_eq!(
        lines,
        [
            "identity.store_id = \"d-1234567890\"",
            "access.duration.choices = [\"00:15\"]",
            "access.request_expiry = \"4h\"",
            "slack.announce_end = false",
            "slack.channel = \"C012345\"",
        ]
    );
    assert_eq!(told.len(), 1, "{told:?}");
}

#[test]
fn the_bucket_that_is_there_counts_and_one_without_a_chosen_name_is_none() {
    let bucket = |variables: &str| {
        let text = format!(
            "config = []\ngroup_config = [{{ Resource = [\"{}\"], Approvers = \"cai@corp.com\" }}]\n{variables}",
            GROUPS[0]
        );
        let (lines, told) = settings("a.tfvars", &text);
        (lines.join("\n"), told.join("\n"))
    };
    let both =
        "s3_bucket_name_for_audit_entry = \"new\"\ns3_name_of_the_existing_bucket = \"ours\"\n";
    let (lines, told) = bucket(both);
    assert_eq!(lines, "audit.export.target = \"s3://ours\"");
    assert!(told.contains("names the bucket in its place"), "{told}");
    let (lines, told) = bucket(&both.replace("\"ours\"", "var.bucket"));
    assert_eq!(lines, "");
    assert!(
        told.contains("s3_name_of_the_existing_bucket: cannot be said"),
        "{told}"
    );
    let (lines, _) = bucket(&both.replace("\"ours\"", "\"\""));
    assert_eq!(lines, "audit.export.target = \"s3://new\"");
    let (lines, told) = bucket("s3_bucket_name_for_audit_entry = \"sso-elevator-audit-entry\"\n");
    assert_eq!(lines, "");
    assert!(told.contains("cannot be said: the module makes"), "{told}");
}

#[test]
fn notes_of_accounts_move_and_teams_does_not() {
    let lists = "config = [{ ResourceType = \"Account\", Resource = \"*\", PermissionSet = \"A\", Approvers = \"cai@corp.com\" }]\n";
    let (lines, told) = settings(
        "a.tfvars",
        &format!(
            "{lists}account_warning_messages = {{\n  \"111111111111\" = \"Card data: \\\"ask\\\" first\"\n  \" 222222222222 \" = \"Billing\"\n}}\n\
             chat_platform = \"teams\"\nteams_microsoft_app_password = \"very-secret\"\nteams_azure_tenant_id = \"\"\n"
        ),
    );
    assert_eq!(
        lines,
        [
            "access.account_notes = { \"111111111111\" = \"Card data: \\\"ask\\\" first\", \"222222222222\" = \"Billing\" }"
        ]
    );
    assert_eq!(told.len(), 2, "{told:?}");
    assert!(
        told[0].starts_with("chat_platform: cannot be said: Hallpass speaks with Slack"),
        "{told:?}"
    );
    assert!(
        told[1].starts_with("teams_microsoft_app_password: cannot be said")
            && !told[1].contains("secret"),
        "{told:?}"
    );
    let (_, told) = settings("a.tfvars", &format!("{lists}chat_platform = \"slack\"\n"));
    assert_eq!(told, [""; 0]);
    // in the module itself every attribute is one of its variables
    let module = format!(
        "module \"e\" {{\n  source = \"fivexl/sso-elevator\"\n{lists}  something_new = 1\n}}\n"
    );
    let (_, told) = settings("main.tf", &module);
    assert!(
        told.iter()
            .any(|it| it.starts_with("something_new: cannot be said")),
        "{told:?}"
    );
}

#[test]
fn schedules_are_those_of_eventbridge_and_no_others() {
    let lists = "config = [{ ResourceType = \"Account\", Resource = \"*\", PermissionSet = \"A\", Approvers = \"cai@corp.com\" }]\n";
    for (text, moves) in [
        ("rate(1 day)", true),
        ("rate(90 minutes)", true),
        ("cron(0/15 8-17 ? * MON-FRI *)", true),
        ("cron(0 10 L * ? 2026-2030)", true),
        ("cron(0 22 ? * 6L *)", true),
        ("cron(15 12 15W JAN,jul ? *)", true),
        ("cron(0 9 ? * 3#2 *)", true),
        ("rate(1 potato)", false),
        ("rate(0 hours)", false),
        ("rate(2 hours", false),
        ("cron(0 23 * * ?)", false),
        ("cron(0 24 * * ? *)", false),
        ("cron(0 23 * * * *)", false),
        ("cron(0 23 ? * ? *)", false),
        ("cron(x 23 * * ? *)", false),
        ("every night", false),
    ] {
        let (lines, told) = settings(
            "a.tfvars",
            &format!("{lists}schedule_expression = \"{text}\"\n"),
        );
        assert_eq!(!lines.is_empty(), moves, "{text}: {lines:?}");
        assert_eq!(told.is_empty(), moves, "{text}: {told:?}");
    }
    let (_, told) = settings(
        "a.tfvars",
        &format!(
            "{lists}schedule_expression_for_check_on_inconsistency = \"cron(0 10 * * ? *)\"\n"
        ),
    );
    assert!(told[0].contains("it is a time of day there"), "{told:?}");
}

/// A plan whose resources somebody changes.
fn changed_plan(change: impl FnOnce(&mut Vec<Value>)) -> String {
    let environment = json!({"STATEMENTS": statements()["statements"].to_string(), "REQUEST_EXPIRATION_HOURS": "4"});
    let mut plan = plan(&environment, None);
    let resources =
        plan["planned_values"]["root_module"]["child_modules"][0]["child_modules"][0]["resources"]
            .as_array_mut();
    change(resources.unwrap());
    plan.to_string()
}

#[test]
fn a_plan_says_its_schedules_and_what_the_requester_keeps_in_parameters() {
    let is_rule = |it: &Value| it["type"] == "aws_cloudwatch_event_rule";
    let text = changed_plan(|resources| {
        for rule in resources.iter_mut().filter(|it| is_rule(it)) {
            rule["values"]["schedule_expression"] = json!("rate(3 hours)");
        }
        for (name, key, value) in [
            ("requester_config", "SLACK_CHANNEL_ID", "C012345"),
            ("requester_config", "MAX_PERMISSIONS_DURATION_TIME", "36"),
            (
                "requester_config",
                "SEND_DM_IF_USER_NOT_IN_CHANNEL",
                "false",
            ),
            ("requester_secret", "SLACK_BOT_TOKEN", "xoxb-secret"),
            ("others", "LOG_LEVEL", "DEBUG"),
        ] {
            resources.push(
                json!({"type": "aws_ssm_parameter", "name": name, "index": key,
                "values": {"name": format!("/sso-elevator/{key}"), "value": value}}),
            );
        }
    });
    let (lines, told) = settings("plan.json", &text);
    assert_eq!(
        lines,
        [
            "access.duration.max = \"36h\"",
            "access.request_expiry = \"4h\"",
            "access.sweep.at = \"rate(3 hours)\"",
            "access.sweep.check_every = \"3h\"",
            "slack.dm_outside_channel = false",
            "slack.channel = \"C012345\"",
        ]
    );
    assert_eq!(told.len(), 1, "{told:?}");
    let text = changed_plan(|resources| resources.retain(|it| !is_rule(it)));
    let (_, told) = settings("plan.json", &text);
    assert_eq!(told.len(), 2, "{told:?}");
    assert!(
        told.iter()
            .all(|it| it.contains("the plan does not have the schedule")),
        "{told:?}"
    );
}

#[test]
fn functions_that_differ_are_told_and_those_of_others_are_not_asked() {
    let text = changed_plan(|resources| {
        resources[1]["values"]["environment"][0]["variables"]["REQUEST_EXPIRATION_HOURS"] =
            json!("5");
    });
    let (lines, told) = settings("plan.json", &text);
    assert_eq!(lines, [""; 0]);
    assert!(told[0].starts_with("request_expiration_hours: cannot be said: the functions in the plan have different values"), "{told:?}");
}

#[test]
fn several_modules_are_several_installations() {
    let lists = "  config = [{ ResourceType = \"Account\", Resource = \"*\", PermissionSet = \"A\", Approvers = \"cai@corp.com\" }]\n";
    let one = format!("module \"a\" {{\n{lists}}}\n");
    let _ = import("main.tf", &one, Sweeps::Report).unwrap();
    for other in [
        format!("module \"b\" {{\n{lists}}}\n"),
        "module \"b\" {\n  source = \"fivexl/sso-elevator/aws\"\n  slack_channel_id = \"C2\"\n}\n"
            .to_owned(),
    ] {
        let why = import("main.tf", &format!("{one}{other}"), Sweeps::Report).unwrap_err();
        assert_eq!(
            why,
            ElevatorRefused::Several(vec!["a".to_owned(), "b".to_owned()]),
            "{other}"
        );
        assert!(why.to_string().contains("`a`, `b`"), "{why}");
    }
}

/// The object of 0.0.1 in each form of file that it may stand in.
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
            let imported =
                import(name, &text, Sweeps::Report).unwrap_or_else(|why| panic!("{name}: {why:?}"));
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
            "is nobody of `users` who `can_approve`",
        ),
        (
            "users",
            json!([{"email": PEOPLE[0], "expires": 1}]),
            "`expires` is none of its keys",
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
            "nobody approves for account",
        ),
        (
            "accounts",
            json!([{"id": ACCOUNTS[0], "approvers": [PEOPLE[1]]}]),
            "is nobody of `users` who `can_approve`",
        ),
        (
            "accounts",
            json!([{"id": "*", "approvers": [PEOPLE[0]]}]),
            "`id` of one of its objects",
        ),
        ("groups", json!([]), "`groups` is none of its keys"),
    ] {
        let mut object = whole.clone();
        object[key] = value;
        for (name, text) in first_forms(&object) {
            let why = import(name, &text, Sweeps::Report).unwrap_err();
            let told = match &why {
                ElevatorRefused::Statements(errors) => errors[0].to_string(),
                other => other.to_string(),
            };
            assert!(told.contains(said), "{name} {said}: {told}");
        }
    }
    // an object of neither form is told where it stands
    let why = import("a.tfvars", "config = {\n  a = 1\n}\n", Sweeps::Report).unwrap_err();
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
        let imported = import(name, &text, Sweeps::Report).unwrap();
        assert!(!format!("{imported:?}").contains(secret), "{name}");
    }
}

#[test]
fn the_sweep_removes_only_where_that_is_wanted() {
    let text = statements().to_string();
    let keys = |sweeps| -> Vec<&str> {
        let report = import("x.json", &text, sweeps).unwrap().report;
        report.configuration.iter().map(|line| line.key).collect()
    };
    assert_eq!(keys(Sweeps::Report), ["access.statements"]);
    assert_eq!(
        keys(Sweeps::Remove),
        ["access.statements", "access.sweep.mode"]
    );
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
        ("x.json", half, "not JSON, or cut off"),
        (
            "x.json",
            r#"{"statements": [], "statements": []}"#,
            "not JSON, or cut off",
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
        let why = import(name, text, Sweeps::Report).unwrap_err();
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
