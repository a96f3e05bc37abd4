//! Maps settings of sso-elevator's Terraform module to Hallpass keys (`access.md` §15).

use std::collections::BTreeMap;

use serde_json::Value;

use super::memberships::sync_rules;
use super::values::{Becomes, LONGEST_HOURS, is_nothing, schedule, spelled_out, toml};
use crate::report::{ConfigurationLine, RowNote};
use crate::rule_text::quoted;
use crate::terraform::Setting;

pub(super) struct Variable {
    pub(super) name: &'static str,
    pub(super) environment: Option<&'static str>,
    /// Hallpass key with its default as TOML; empty if no key exists.
    key: &'static str,
    default: &'static str,
    becomes: Becomes,
}

const fn row(
    name: &'static str,
    environment: &'static str,
    (key, default): (&'static str, &'static str),
    becomes: Becomes,
) -> Variable {
    let environment = if environment.is_empty() {
        None
    } else {
        Some(environment)
    };
    Variable {
        name,
        environment,
        key,
        default,
        becomes,
    }
}

const SYNC_RULES: &str = "a rule that names an attribute which Hallpass does not read, or a value with `*`, `?` or a \
                          leading `!`, is left out: write it by hand";
const SYNC_DEFAULT: &str = "where `attribute_sync_manual_assignment_policy` is not written, the module removes members who \
                            match no rule, and Hallpass reports them: `groups.sync.manual = \"remove\"` removes them";

const RULES_LEFT_OUT: &str = "some of `attribute_sync_rules` are not converted, and members by those rules \
                              match no rule here: members without a rule are reported and not removed; write \
                              those rules by hand before `groups.sync.manual = \"remove\"`";

// one row per line, as in the specification
#[rustfmt::skip]
pub(super) const VARIABLES: &[Variable] = &[
    row("slack_signing_secret", "SLACK_SIGNING_SECRET", ("slack.signing_secret", ""), Becomes::Secret),
    row("slack_bot_token", "SLACK_BOT_TOKEN", ("slack.bot_token", ""), Becomes::Secret),
    row("slack_channel_id", "SLACK_CHANNEL_ID", ("slack.channel", ""), Becomes::Text),
    row("send_dm_if_user_not_in_channel", "SEND_DM_IF_USER_NOT_IN_CHANNEL", ("slack.dm_outside_channel", "true"), Becomes::Flag),
    row("revoker_post_update_to_slack", "POST_UPDATE_TO_SLACK", ("slack.announce_end", "true"), Becomes::Flag),
    row("request_expiration_hours", "REQUEST_EXPIRATION_HOURS", ("access.request_expiry", "\"8h\""), Becomes::Hours),
    row("approver_renotification_initial_wait_time", "APPROVER_RENOTIFICATION_INITIAL_WAIT_TIME", ("access.reminder.first", "\"15m\""), Becomes::Minutes),
    row("approver_renotification_backoff_multiplier", "APPROVER_RENOTIFICATION_BACKOFF_MULTIPLIER", ("access.reminder.factor", "2"), Becomes::Number),
    row("max_permissions_duration_time", "MAX_PERMISSIONS_DURATION_TIME", ("access.duration.max", "\"24h\""), Becomes::LongestTime),
    row("permission_duration_list_override", "PERMISSION_DURATION_LIST_OVERRIDE", ("access.duration.choices", "[]"), Becomes::Lengths),
    row("secondary_fallback_email_domains", "SECONDARY_FALLBACK_EMAIL_DOMAINS", ("identity.fallback_domains", "[]"), Becomes::Texts),
    row("schedule_expression", "", ("access.sweep.at", "\"cron(0 23 * * ? *)\""), Becomes::Schedule),
    row("schedule_expression_for_check_on_inconsistency", "", ("access.sweep.check_every", "\"2h\""), Becomes::Rate),
    row("sso_instance_arn", "SSO_INSTANCE_ARN", ("identity.instance_arn", ""), Becomes::Text),
    row("identity_store_id", "IDENTITY_STORE_ID", ("identity.store_id", ""), Becomes::Text),
    row("log_level", "LOG_LEVEL", ("log.level", "\"info\""), Becomes::Level),
    row("s3_name_of_the_existing_bucket", "S3_BUCKET_FOR_AUDIT_ENTRY_NAME", ("audit.export.target", ""), Becomes::Bucket),
    row("s3_bucket_name_for_audit_entry", "", ("audit.export.target", ""), Becomes::Bucket),
    row("s3_bucket_partition_prefix", "S3_BUCKET_PREFIX_FOR_PARTITIONS", ("audit.export.prefix", "\"logs\""), Becomes::Text),
    row("attribute_sync_enabled", "ATTRIBUTE_SYNC_ENABLED", ("groups.sync.enabled", "false"), Becomes::Flag),
    row("attribute_sync_rules", "ATTRIBUTE_SYNC_RULES", ("groups.sync.rules", "[]"), Becomes::SyncRules),
    row("attribute_sync_managed_groups", "ATTRIBUTE_SYNC_MANAGED_GROUPS", ("groups.sync.groups", "[]"), Becomes::Texts),
    row(MANUAL, "ATTRIBUTE_SYNC_MANUAL_ASSIGNMENT_POLICY", ("groups.sync.manual", "\"warn\""), Becomes::Text),
    row("attribute_sync_schedule", "", ("groups.sync.every", "\"1h\""), Becomes::Rate),
    row("account_warning_messages", "ACCOUNT_WARNING_MESSAGES", ("access.account_notes", "{}"), Becomes::Notes),
    row("chat_platform", "CHAT_PLATFORM", ("", ""), Becomes::Chat),
    row("teams_microsoft_app_id", "", ("", ""), Becomes::Teams),
    row("teams_microsoft_app_password", "", ("", ""), Becomes::Teams),
    row("teams_azure_tenant_id", "", ("", ""), Becomes::Teams),
    row("teams_approval_conversation_id", "", ("", ""), Becomes::Teams),
    // names of the first releases
    row("s3_bucket_prefix_for_partitions", "", ("audit.export.prefix", "\"logs\""), Becomes::Text),
    row("s3_bucket_for_audit_entry_name", "", ("audit.export.target", ""), Becomes::Made),
];

/// Variables for sso-elevator's own operation.
const OF_ITS_FUNCTIONS: [&str; 57] = [
    "s3_object_lock",
    "s3_object_lock_configuration",
    "s3_mfa_delete",
    "s3_logging",
    "logs_retention_in_days",
    "config_bucket_name",
    "config_bucket_kms_key_arn",
    "cache_enabled",
    "attribute_sync_lambda_memory",
    "attribute_sync_lambda_timeout",
    "attribute_syncer_lambda_name",
    "attribute_sync_event_rule_name",
    "requester_lambda_name",
    "revoker_lambda_name",
    "schedule_group_name",
    "schedule_role_name",
    "event_bridge_check_on_inconsistency_rule_name",
    "event_bridge_scheduled_revocation_rule_name",
    "event_brige_check_on_inconsistency_rule_name",
    "event_brige_scheduled_revocation_rule_name",
    "create_api_gateway",
    "create_lambda_url",
    "api_gateway_name",
    "api_gateway_throttling_rate_limit",
    "api_gateway_throttling_burst_limit",
    "lambda_timeout",
    "lambda_memory_size",
    "lambda_architecture",
    "use_pre_created_image",
    "ecr_repo_name",
    "ecr_repo_tag",
    "ecr_owner_account_id",
    "aws_sns_topic_subscription_email",
    "requester_ssm_parameter_path",
    "ssm_parameter_kms_key_id",
    "revoker_slack_bot_token_ssm_parameter_name",
    "attribute_syncer_slack_bot_token_ssm_parameter_name",
    "slack_handler_provisioned_concurrent_executions",
    "enable_access_requester_cli",
    "cli_sso_role_name_prefix",
    "slack_bot_token_ssm_parameter_name",
    "slack_signing_secret_ssm_parameter_name",
    "snap_start",
    "waf_enabled",
    "waf_rate_limit",
    "waf_web_acl_arn",
    "api_gateway_access_logs_enabled",
    "build_in_docker",
    "revoker_lambda_name_postfix",
    "requester_lambda_name_postfix",
    "schedule_group_name_postfix",
    "schedule_role_name_postfix",
    "s3_bucket_name_postfix",
    "tags",
    "source",
    "version",
    "providers",
];

const RUNS_IT: &str = "it is of how sso-elevator runs";
const COMPUTED: &str = "only Terraform computes its value: import the plan (`terraform show -json`), or write the \
                        line by hand";
const UNKNOWN: &str = "it is no variable of the known releases of sso-elevator";
const UNKNOWN_OF_MODULE: &str = "it is no variable of the known releases of sso-elevator: look up its effect \
                                 there";
const OTHER_FORM: &str = "its value is of another form than sso-elevator takes";
const AT_TIMES: &str =
    "it is a time of day there, and a length of time in Hallpass: write the line by hand";
const LIST_ENDS: &str = "its list of lengths ends with 49:30, however many hours are written";
const NO_LENGTHS: &str = "there is no duration to choose there, so no user can request; no setting expresses \
                          that here, and without one users may request 24h: leave out the statements for no \
                          requests";
const BY_ROLE: &str = "its command line knows people by the role of IAM Identity Center that calls it; that of Hallpass by a \
                       sign-in or a token, whatever role they have";
/// Enable requests from its command line.
const OF_ITS_COMMAND_LINE: [&str; 2] = ["enable_access_requester_cli", "cli_sso_role_name_prefix"];
const NO_TEAMS: &str =
    "Hallpass speaks with Slack, mail and webhooks, and not with Microsoft Teams";
const MADE: &str = "the module makes the name of its bucket of it: write the line by hand";
const SEVERAL: &str =
    "the functions in the plan have different values of it: write the line by hand";
const NOT_IN_PLAN: &str =
    "the plan does not have the schedule of its functions: write the line by hand";
const OTHER_BUCKET: &str = "`s3_name_of_the_existing_bucket` names the bucket in its place";
const UNCHOSEN_BUCKET: &str = "sso-elevator-audit-entry";

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum SettingsPlace {
    /// All settings are in the module or plan.
    #[default]
    OfModule,
    /// Settings may be elsewhere: a variable file may serve several modules, and the bucket object
    /// has none.
    Among,
}

/// Duration settings, each with its alternative and the default if both are missing.
const FOR_HOW_LONG: [(&str, Option<&str>, &str); 2] = [
    (
        "max_permissions_duration_time",
        Some("permission_duration_list_override"),
        "the longest duration is not in this file, and sso-elevator may still have one: here \
         `access.duration.max` applies, by default 24h; import the folder of Terraform or its plan, or write \
         the line by hand",
    ),
    (
        "request_expiration_hours",
        None,
        "the expiry of requests is not in this file, and sso-elevator may still set it: here \
         `access.request_expiry` applies, by default 8h; import the folder of Terraform or its plan, or \
         write the line by hand",
    ),
];

/// Missing settings, with their defaults here. In a complete source, a missing setting has
/// sso-elevator's default, which equals Hallpass's.
pub(super) fn unsaid(
    settings: &BTreeMap<String, Setting>,
    found: SettingsPlace,
) -> Vec<(&'static str, RowNote)> {
    if found == SettingsPlace::OfModule {
        return Vec::new();
    }
    let says = |name: &str| {
        let setting = settings.get(name);
        setting
            .is_some_and(|it| !matches!(it, Setting::Is(value) if is_nothing(&spelled_out(value))))
    };
    let unsaid = FOR_HOW_LONG.into_iter();
    let unsaid = unsaid.filter(|(name, other, _)| !says(name) && !other.is_some_and(says));
    unsaid
        .map(|(name, _, what)| (name, RowNote::Otherwise(what.into())))
        .collect()
}

/// Converts a setting to a configuration line or a note.
pub(super) fn converted(
    (name, setting): (&str, &Setting),
    settings: &BTreeMap<String, Setting>,
    found: SettingsPlace,
) -> (Option<ConfigurationLine>, Vec<RowNote>) {
    let Some(variable) = VARIABLES.iter().find(|it| it.name == name) else {
        let note = match found {
            _ if OF_ITS_COMMAND_LINE.contains(&name) && !is_off(setting) => {
                RowNote::Elsewhere(BY_ROLE)
            }
            _ if OF_ITS_FUNCTIONS.contains(&name) => RowNote::SaysNothing(RUNS_IT),
            SettingsPlace::Among => RowNote::SaysNothing(UNKNOWN),
            SettingsPlace::OfModule => RowNote::NotSaid(UNKNOWN_OF_MODULE.into()),
        };
        return (None, vec![note]);
    };
    match (variable.becomes, setting) {
        (Becomes::Secret, _) => {
            let note =
                "a secret is not repeated: give it by the environment, a file or a secret store";
            (None, vec![RowNote::Configuration(note)])
        }
        (_, Setting::Is(value)) if is_nothing(&spelled_out(value)) => (None, Vec::new()),
        _ if is_other_bucket(name, settings) => (None, vec![RowNote::SaysNothing(OTHER_BUCKET)]),
        _ if name == MANUAL && !is_warn(setting) && !are_rules_whole(settings) => {
            let line = line_of(variable, quoted("warn"));
            (Some(line), vec![RowNote::Narrower(RULES_LEFT_OUT.into())])
        }
        (Becomes::Teams, _) => (None, vec![RowNote::NotSaid(NO_TEAMS.into())]),
        (Becomes::Made, _) => (None, vec![RowNote::NotSaid(MADE.into())]),
        (_, Setting::Is(Value::String(text))) if name == MADE_BUCKET && text == UNCHOSEN_BUCKET => {
            (None, vec![RowNote::NotSaid(MADE.into())])
        }
        (Becomes::LongestTime, Setting::Is(value)) if is_list_taken(settings) => {
            // the longest duration of the list counts in both products
            let (line, _) = of_value(variable, &spelled_out(value));
            (line, Vec::new())
        }
        (_, Setting::Is(value)) => of_value(variable, &spelled_out(value)),
        (_, Setting::Several) => (None, vec![RowNote::NotSaid(SEVERAL.into())]),
        (_, Setting::NotInPlan) => (None, vec![RowNote::NotSaid(NOT_IN_PLAN.into())]),
        (_, Setting::ComputedBy(why)) => {
            let note = format!(
                "{why}: import the plan (`terraform show -json`), or write the line by hand"
            );
            (None, vec![RowNote::NotSaid(note.into())])
        }
        (_, Setting::Computed | Setting::Refers(_)) => {
            (None, vec![RowNote::NotSaid(COMPUTED.into())])
        }
    }
}

pub(super) fn is_off(setting: &Setting) -> bool {
    match setting {
        Setting::Is(value) => {
            let value = spelled_out(value);
            let text = value.as_str().unwrap_or_default();
            is_nothing(&value) || value == Value::Bool(false) || text.eq_ignore_ascii_case("false")
        }
        Setting::Computed
        | Setting::ComputedBy(_)
        | Setting::Refers(_)
        | Setting::Several
        | Setting::NotInPlan => false,
    }
}

/// The action on members who match no rule.
const MANUAL: &str = "attribute_sync_manual_assignment_policy";

fn is_warn(setting: &Setting) -> bool {
    matches!(setting, Setting::Is(Value::String(policy)) if policy == "warn")
}

/// Checks that every attribute rule converts: people of an unconverted rule match none here.
fn are_rules_whole(settings: &BTreeMap<String, Setting>) -> bool {
    match settings.get("attribute_sync_rules") {
        None => true,
        Some(Setting::Is(value)) => {
            let value = spelled_out(value);
            is_nothing(&value) || sync_rules(&value).is_some_and(|rules| rules.left_out == 0)
        }
        Some(
            Setting::Computed
            | Setting::ComputedBy(_)
            | Setting::Refers(_)
            | Setting::Several
            | Setting::NotInPlan,
        ) => false,
    }
}

fn is_list_taken(settings: &BTreeMap<String, Setting>) -> bool {
    let Some(Setting::Is(value)) = settings.get("permission_duration_list_override") else {
        return false;
    };
    let value = spelled_out(value);
    !is_nothing(&value) && toml(Becomes::Lengths, &value).is_some()
}

/// The bucket that the module creates by default.
const MADE_BUCKET: &str = "s3_bucket_name_for_audit_entry";

/// Checks if the named bucket is not used by the module.
fn is_other_bucket(name: &str, settings: &BTreeMap<String, Setting>) -> bool {
    let given = settings.get("s3_name_of_the_existing_bucket");
    let is_given = given.is_some_and(|it| !matches!(it, Setting::Is(value) if is_nothing(value)));
    name == MADE_BUCKET && is_given
}

fn of_value(variable: &Variable, value: &Value) -> (Option<ConfigurationLine>, Vec<RowNote>) {
    if variable.becomes == Becomes::Chat {
        let is_slack = value.as_str() == Some("slack");
        let note = (!is_slack).then(|| RowNote::NotSaid(NO_TEAMS.into()));
        return (None, note.into_iter().collect());
    }
    let of_rules = (variable.becomes == Becomes::SyncRules).then(|| sync_rules(value));
    let left_out = of_rules.flatten().map_or(0, |rules| rules.left_out);
    if left_out > 0 {
        let line = toml(variable.becomes, value).map(|toml| line_of(variable, toml));
        return (line, vec![RowNote::NotSaid(SYNC_RULES.into())]);
    }
    match toml(variable.becomes, value) {
        Some(toml) if toml == variable.default => (None, Vec::new()),
        Some(toml) => {
            let is_cut = variable.becomes == Becomes::LongestTime
                && value.as_u64().is_some_and(|hours| hours > LONGEST_HOURS);
            let note = is_cut.then_some(RowNote::Configuration(LIST_ENDS));
            (Some(line_of(variable, toml)), note.into_iter().collect())
        }
        None => {
            let text = value.as_str().unwrap_or_default();
            let is_cron = variable.becomes == Becomes::Rate && schedule(text).is_some();
            let is_none = variable.becomes == Becomes::LongestTime && value.as_u64() == Some(0);
            let why = match (is_cron, is_none) {
                (true, _) => AT_TIMES,
                (_, true) => NO_LENGTHS,
                (false, false) => OTHER_FORM,
            };
            (None, vec![RowNote::NotSaid(why.into())])
        }
    }
}

fn line_of(variable: &Variable, value: String) -> ConfigurationLine {
    ConfigurationLine {
        key: variable.key,
        value,
        about: variable.name,
    }
}

/// Note for attribute memberships without a setting for other members.
pub(super) fn policy_unsaid(settings: &BTreeMap<String, Setting>) -> Option<RowNote> {
    let note = if are_rules_whole(settings) {
        RowNote::Elsewhere(SYNC_DEFAULT)
    } else {
        RowNote::Narrower(RULES_LEFT_OUT.into())
    };
    (!settings.contains_key(MANUAL)).then_some(note)
}
