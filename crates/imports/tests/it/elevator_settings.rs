//! Settings of sso-elevator: lines of hallpass.toml, and notes on the others.

use hallpass_imports::RowOutcome;
use hallpass_imports::elevator::{ElevatorOptions, import};
use serde_json::{Value, json};

use crate::elevator::{GROUPS, plan, statements};

fn settings(name: &str, text: &str) -> (Vec<String>, Vec<String>) {
    let imported = import(name, text, &ElevatorOptions::default()).unwrap();
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
        "attribute_sync_enabled: differs: where `attribute_sync_manual_assignment_policy` is not written, the module removes",
        "lambda_timeout: moved: it says nothing: it is of how sso-elevator runs",
        "s3_object_lock: moved: it says nothing",
        "slack_bot_token: moved: a secret is not repeated",
        "schedule_expression: not converted: its value is of another form",
        "secondary_fallback_email_domains: differs: users found by one of these domains only may request and \
         approve nothing",
        "something_else: moved: it says nothing: it is no variable of the known releases of sso-elevator",
        "sso_instance_arn: not converted: only Terraform computes its value",
    ] {
        assert!(told.contains(line), "{line}\n{told}");
    }
    assert_eq!(told.lines().count(), 8, "{told}");
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
            // counsel are members by an unconverted rule
            "groups.sync.manual = \"warn\"",
            "groups.sync.rules = [{ group = \"Payments\", attributes = { department = \"Payments\", cost_center = \"42\" } }, \
             { group = \"Legal\", attributes = { division = \"Law\" } }]",
            "groups.sync.every = \"30m\"",
        ]
    );
    let told = told.join("\n");
    assert!(
        told.contains("attribute_sync_rules: not converted: a rule that names an attribute"),
        "{told}"
    );
    assert!(
        told.contains("attribute_sync_manual_assignment_policy: differs: some of `attribute_sync_rules` are not"),
        "{told}"
    );
    assert_eq!(told.lines().count(), 2, "{told}");
}

/// The removal policy converts only if every rule converts.
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
            "are not converted",
        ),
        (
            format!("[{said}, {{ group_name = \"Legal\", attributes = {{ nickName = \"x\" }} }}]"),
            "",
            false,
            "are not converted",
        ),
        (
            "[{ group_name = \"Legal\" }]".to_owned(),
            policy,
            false,
            "are not converted",
        ),
        ("\"all\"".to_owned(), policy, false, "are not converted"),
        ("var.rules".to_owned(), policy, false, "are not converted"),
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
        let warns = notes.contains("are not converted");
        assert_eq!(warns, told == "are not converted", "{rules}: {notes}");
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
        told.contains("s3_name_of_the_existing_bucket: not converted"),
        "{told}"
    );
    let (lines, _) = bucket(&both.replace("\"ours\"", "\"\""));
    assert_eq!(lines, "audit.export.target = \"s3://new\"");
    let (lines, told) = bucket("s3_bucket_name_for_audit_entry = \"sso-elevator-audit-entry\"\n");
    assert_eq!(lines, "");
    assert!(told.contains("not converted: the module makes"), "{told}");
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
        told[0].starts_with("chat_platform: not converted: Hallpass speaks with Slack"),
        "{told:?}"
    );
    assert!(
        told[1].starts_with("teams_microsoft_app_password: not converted")
            && !told[1].contains("secret"),
        "{told:?}"
    );
    let (_, told) = settings("a.tfvars", &format!("{lists}chat_platform = \"slack\"\n"));
    assert_eq!(told, [""; 0]);
    let module = format!(
        "module \"e\" {{\n  source = \"fivexl/sso-elevator\"\n{lists}  something_new = 1\n}}\n"
    );
    let (_, told) = settings("main.tf", &module);
    assert!(
        told.iter()
            .any(|it| it.starts_with("something_new: not converted")),
        "{told:?}"
    );
}

/// Inputs of a release 5 module next to `config` and `group_config` (the inputs of its page, read
/// on 2026-11-28), and those only in release 4.
const INPUTS: &str = "api_gateway_access_logs_enabled api_gateway_name api_gateway_throttling_burst_limit \
    api_gateway_throttling_rate_limit approver_renotification_backoff_multiplier \
    approver_renotification_initial_wait_time attribute_sync_enabled attribute_sync_event_rule_name \
    attribute_sync_lambda_memory attribute_sync_lambda_timeout attribute_sync_managed_groups \
    attribute_sync_manual_assignment_policy attribute_sync_rules attribute_sync_schedule \
    attribute_syncer_lambda_name aws_sns_topic_subscription_email cache_enabled \
    config_bucket_kms_key_arn config_bucket_name ecr_owner_account_id ecr_repo_name ecr_repo_tag \
    enable_access_requester_cli event_bridge_check_on_inconsistency_rule_name \
    event_bridge_scheduled_revocation_rule_name identity_store_id lambda_architecture lambda_memory_size \
    lambda_timeout log_level logs_retention_in_days max_permissions_duration_time \
    permission_duration_list_override request_expiration_hours requester_lambda_name revoker_lambda_name \
    revoker_post_update_to_slack s3_bucket_name_for_audit_entry s3_bucket_partition_prefix s3_logging \
    s3_mfa_delete s3_name_of_the_existing_bucket s3_object_lock s3_object_lock_configuration \
    schedule_expression schedule_expression_for_check_on_inconsistency schedule_group_name \
    schedule_role_name secondary_fallback_email_domains send_dm_if_user_not_in_channel \
    slack_bot_token_ssm_parameter_name slack_channel_id slack_signing_secret_ssm_parameter_name \
    snap_start sso_instance_arn tags use_pre_created_image waf_enabled waf_rate_limit waf_web_acl_arn";
const INPUTS_OF_4: &str = "slack_bot_token slack_signing_secret create_api_gateway create_lambda_url cli_sso_role_name_prefix \
    event_brige_check_on_inconsistency_rule_name event_brige_scheduled_revocation_rule_name";

#[test]
fn every_input_of_a_release_is_known() {
    let lists = "config = [{ ResourceType = \"Account\", Resource = \"*\", PermissionSet = \"A\", Approvers = \"cai@corp.com\" }]\n";
    let told_of = |inputs: &str| {
        let module = format!(
            "module \"e\" {{\n  source = \"fivexl/sso-elevator/aws\"\n  version = \"5.0.0\"\n{lists}{inputs}}}\n"
        );
        settings("main.tf", &module).1
    };
    for inputs in [INPUTS, INPUTS_OF_4] {
        let lines: Vec<String> = { inputs.split_whitespace() }
            .map(|name| format!("  {name} = \"x\"\n"))
            .collect();
        let told = told_of(&lines.concat());
        let unknown = told.iter().filter(|it| it.contains("it is no variable"));
        assert_eq!(unknown.count(), 0, "{told:?}");
    }
    // every input of release 5 is known
    let told = told_of(
        "  slack_channel_id = \"C012345\"\n  enable_access_requester_cli = false\n  snap_start = false\n  waf_enabled = true\n  \
         waf_rate_limit = 1000\n  api_gateway_access_logs_enabled = true\n",
    );
    assert!(
        told.iter().all(|it| !it.contains("not converted")),
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
    assert!(
        told[0].starts_with(
            "request_expiration_hours: not converted: the functions in the plan have \
                                 different values"
        ),
        "{told:?}"
    );
}

/// Settings for durations and channels become a line or a note.
#[test]
fn what_changes_how_long_and_by_what_people_ask_moves_or_is_told() {
    let lists = "config = [{ ResourceType = \"Account\", Resource = \"*\", PermissionSet = \"A\", Approvers = \"cai@corp.com\" }]\n";
    let many: Vec<String> = (1..=120).map(|it| format!("\"{it:02}:00\"")).collect();
    let kept = [&many[..99], &many[119..]].concat().join(", ");
    let (many, kept) = (
        format!("[{}]", many.join(", ")),
        format!("access.duration.choices = [{kept}]"),
    );
    let longest = "max_permissions_duration_time";
    let list = "permission_duration_list_override";
    let (command_line, by_role) = (
        "enable_access_requester_cli",
        "differs: its command line knows people by the role",
    );
    let ends = "moved: its list of lengths ends with 49:30";
    let table: [(&str, &str, &str, &str); 12] = [
        (longest, "49", "access.duration.max = \"49h\"", ""),
        (longest, "50", "access.duration.max = \"49h30m\"", ends),
        (longest, "\"720\"", "access.duration.max = \"49h30m\"", ends),
        (
            longest,
            "0",
            "",
            "not converted: there is no duration to choose there, so no user can request; no setting \
             expresses that here, and without one users may request 24h",
        ),
        (longest, "24", "", ""),
        (
            list,
            "[\"72:00\"]",
            "access.duration.choices = [\"72:00\"]",
            "",
        ),
        (list, &many, &kept, ""),
        (command_line, "true", "", by_role),
        (command_line, "false", "", "moved: it says nothing"),
        (
            "cli_sso_role_name_prefix",
            "\"AWSReservedSSO_Dev\"",
            "",
            by_role,
        ),
        (
            "attribute_sync_enabled",
            "true",
            "groups.sync.enabled = true",
            "differs: where `attribute_sync_manual_assignment_policy` is not written",
        ),
        ("attribute_sync_enabled", "\"False\"", "", ""),
    ];
    for (name, value, line, told) in table {
        let (lines, notes) = settings("a.tfvars", &format!("{lists}{name} = {value}\n"));
        assert_eq!(lines.join("\n"), line, "{name} {value}");
        let wanted = if told.is_empty() {
            String::new()
        } else {
            format!("{name}: {told}")
        };
        let notes = notes.join("\n");
        let is_told = notes.starts_with(&wanted) && notes.is_empty() == told.is_empty();
        assert!(is_told, "{name} {value}: {notes}");
    }
}

/// With a list of durations, the hours setting has no effect.
#[test]
fn beside_a_list_of_lengths_nothing_is_told_of_the_longest_time() {
    let lists = "config = [{ ResourceType = \"Account\", Resource = \"*\", PermissionSet = \"A\", Approvers = \"cai@corp.com\" }]\n";
    let choices = "access.duration.choices = [\"72:00\"]";
    for (hours, list, has_choices, notes) in [
        ("0", "[\"72:00\"]", true, 0),
        ("720", "[\"72:00\"]", true, 0),
        ("720", "\"[\\\"72:00\\\"]\"", true, 0),
        // an unusable list replaces nothing
        ("0", "[]", false, 1),
        ("720", "[]", false, 1),
    ] {
        let text = format!(
            "{lists}max_permissions_duration_time = {hours}\npermission_duration_list_override = {list}\n"
        );
        let (lines, told) = settings("a.tfvars", &text);
        assert_eq!(
            lines.iter().any(|line| line == choices),
            has_choices,
            "{text}: {lines:?}"
        );
        let of_hours = told
            .iter()
            .filter(|it| it.starts_with("max_permissions_duration_time"));
        assert_eq!(of_hours.count(), notes, "{text}: {told:?}");
    }
}

/// Reports the default duration for a setting missing in the file: it may be set in the module.
#[test]
fn times_that_a_file_may_lack_are_told() {
    let lists = "config = [{ ResourceType = \"Account\", Resource = \"*\", PermissionSet = \"A\", Approvers = \"cai@corp.com\" }]\n";
    let (longest, list, expiry) = (
        "max_permissions_duration_time",
        "permission_duration_list_override",
        "request_expiration_hours",
    );
    let told = |name: &str, text: &str| -> Vec<String> {
        let report = import(name, text, &ElevatorOptions::default())
            .unwrap()
            .report;
        let rows = report.rows.iter().filter(|row| row.table == "defaults");
        let rows = rows.map(|row| {
            assert_eq!(row.outcome, RowOutcome::Differs, "{name}");
            let note = row.notes[0].to_string();
            let key = match row.id.as_str() {
                "max_permissions_duration_time" => "`access.duration.max` applies, by default 24h",
                _ => "`access.request_expiry` applies, by default 8h",
            };
            assert!(note.contains(key), "{note}");
            row.id.clone()
        });
        rows.collect()
    };
    for (settings, expected) in [
        (String::new(), vec![longest, expiry]),
        (format!("{longest} = 4\n"), vec![expiry]),
        (format!("{list} = [\"04:00\"]\n"), vec![expiry]),
        (format!("{list} = []\n"), vec![longest, expiry]),
        (format!("{longest} = 4\n{expiry} = 2\n"), vec![]),
        (format!("{longest} = var.hours\n{expiry} = 2\n"), vec![]),
    ] {
        let found = told("terraform.tfvars", &format!("{lists}{settings}"));
        assert_eq!(found, expected, "{settings}");
        // a module's missing setting has sso-elevator's default, which equals Hallpass's
        let module = format!(
            "module \"e\" {{\n  source = \"fivexl/sso-elevator/aws\"\n{lists}{settings}}}\n"
        );
        assert_eq!(told("main.tf", &module), [""; 0], "{settings}");
    }
    let object = statements();
    assert_eq!(
        told("approval-config.json", &object.to_string()),
        [longest, expiry]
    );
    let environment = json!({"STATEMENTS": object["statements"].to_string()});
    assert_eq!(
        told("plan.json", &plan(&environment, None).to_string()),
        [""; 0]
    );
    let alone = plan(
        &json!({"CONFIG_S3_KEY": "config/approval-config.json"}),
        Some(&object),
    );
    assert_eq!(told("plan.json", &alone.to_string()), [longest, expiry]);
}
