//! The settings of sso-elevator's Terraform module, and what of ours each is (`access.md` §15).

use std::collections::BTreeMap;

use serde_json::Value;

use super::memberships::sync_rules;
use crate::report::{ConfigurationLine, RowNote};
use crate::rule_text::quoted;
use crate::terraform::Setting;

/// What becomes of a variable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Becomes {
    /// Hours; 0 is without limit in both.
    Hours,
    /// Minutes; 0 is never in both.
    Minutes,
    /// A number.
    Number,
    /// A text; an empty one is none.
    Text,
    /// Yes or no.
    Flag,
    /// Texts.
    Texts,
    /// `rate(2 hours)` as a length.
    Rate,
    /// A level of logging.
    Level,
    /// A bucket.
    Bucket,
    /// A secret, which is not repeated.
    Secret,
    /// Rules about attributes of the members of groups.
    SyncRules,
}

/// A variable of the module.
pub(super) struct Variable {
    /// Its name.
    pub(super) name: &'static str,
    /// What the functions know it as.
    pub(super) environment: Option<&'static str>,
    /// Our key, with our default as TOML; empty where there is none.
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

/// Every variable that says something to Hallpass, in the order of the report.
// one row a line, as in the specification
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
    row("max_permissions_duration_time", "MAX_PERMISSIONS_DURATION_TIME", ("access.duration.max", "\"24h\""), Becomes::Hours),
    row("permission_duration_list_override", "PERMISSION_DURATION_LIST_OVERRIDE", ("access.duration.choices", "[]"), Becomes::Texts),
    row("secondary_fallback_email_domains", "SECONDARY_FALLBACK_EMAIL_DOMAINS", ("identity.fallback_domains", "[]"), Becomes::Texts),
    row("schedule_expression", "", ("access.sweep.at", "\"cron(0 23 * * ? *)\""), Becomes::Text),
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
    row("attribute_sync_manual_assignment_policy", "ATTRIBUTE_SYNC_MANUAL_ASSIGNMENT_POLICY", ("groups.sync.manual", "\"warn\""), Becomes::Text),
    row("attribute_sync_schedule", "", ("groups.sync.every", "\"1h\""), Becomes::Rate),
];

/// Variables of how sso-elevator runs, and what a module has beside them.
const OF_ITS_FUNCTIONS: [&str; 37] = [
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
    "tags",
    "source",
    "version",
    "providers",
];

const RUNS_IT: &str = "it is of how sso-elevator runs";
const COMPUTED: &str = "only Terraform computes its value: import the plan (`terraform show -json`), or write the \
                        line by hand";
const UNKNOWN: &str = "it is no variable of sso-elevator";

/// What becomes of one setting: a line of the configuration, or what is to be known of it.
pub(super) fn converted(
    name: &str,
    setting: &Setting,
) -> (Option<ConfigurationLine>, Vec<RowNote>) {
    let Some(variable) = VARIABLES.iter().find(|it| it.name == name) else {
        let why = if OF_ITS_FUNCTIONS.contains(&name) {
            RUNS_IT
        } else {
            UNKNOWN
        };
        return (None, vec![RowNote::SaysNothing(why)]);
    };
    if variable.becomes == Becomes::Secret {
        let note = "a secret is not repeated: give it by the environment, a file or a secret store";
        return (None, vec![RowNote::Configuration(note)]);
    }
    let Setting::Is(value) = setting else {
        return (None, vec![RowNote::NotSaid(COMPUTED.into())]);
    };
    let value = spelled_out(value);
    if is_nothing(&value) {
        return (None, Vec::new());
    }
    let of_rules = (variable.becomes == Becomes::SyncRules).then(|| sync_rules(&value));
    let left_out = of_rules.flatten().map_or(0, |rules| rules.left_out);
    if left_out > 0 {
        let line = toml(variable.becomes, &value).map(|toml| line_of(variable, toml));
        return (line, vec![RowNote::NotSaid(SYNC_RULES.into())]);
    }
    match toml(variable.becomes, &value) {
        Some(toml) if toml == variable.default => (None, Vec::new()),
        Some(toml) => (Some(line_of(variable, toml)), Vec::new()),
        None => (
            None,
            vec![RowNote::NotSaid(
                "its value is of another form than sso-elevator takes".into(),
            )],
        ),
    }
}

fn line_of(variable: &Variable, value: String) -> ConfigurationLine {
    ConfigurationLine {
        key: variable.key,
        value,
        about: variable.name,
    }
}

/// What is to be known where memberships follow attributes, and nothing says what becomes of other members.
pub(super) fn policy_unsaid(settings: &BTreeMap<String, Setting>) -> Option<RowNote> {
    let is_said = settings.contains_key("attribute_sync_manual_assignment_policy");
    (!is_said).then_some(RowNote::Configuration(SYNC_DEFAULT))
}

/// A value as it is: the functions are given lists, numbers and flags as texts.
fn spelled_out(value: &Value) -> Value {
    let Value::String(text) = value else {
        return value.clone();
    };
    match text.trim() {
        "True" => Value::Bool(true),
        "False" => Value::Bool(false),
        text => match serde_json::from_str(text) {
            Ok(read @ (Value::Bool(_) | Value::Number(_) | Value::Array(_))) => read,
            Ok(Value::Null | Value::String(_) | Value::Object(_)) | Err(_) => value.clone(),
        },
    }
}

/// Whether a value says nothing: none, an empty text or list, or that something is off that we have not.
fn is_nothing(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::String(text) => text.trim().is_empty(),
        Value::Array(items) => items.is_empty(),
        Value::Object(entries) => entries.is_empty(),
        Value::Bool(_) | Value::Number(_) => false,
    }
}

fn toml(becomes: Becomes, value: &Value) -> Option<String> {
    match becomes {
        Becomes::Hours => Some(span(value.as_u64()?.checked_mul(3600)?)),
        Becomes::Minutes => Some(span(value.as_u64()?.checked_mul(60)?)),
        Becomes::Number => Some(value.as_u64()?.to_string()),
        Becomes::Flag => Some(value.as_bool()?.to_string()),
        Becomes::Text => {
            // an id of digits alone reads as a number
            let text = value
                .as_str()
                .map_or_else(|| value.to_string(), str::to_owned);
            plain(&text)
        }
        Becomes::Texts => {
            let items = value.as_array()?.iter();
            let items: Option<Vec<String>> = items.map(|item| plain(item.as_str()?)).collect();
            Some(format!("[{}]", items?.join(", ")))
        }
        Becomes::Rate => rate(value.as_str()?),
        Becomes::Level => {
            let level = match value.as_str()?.to_ascii_uppercase().as_str() {
                "DEBUG" => "debug",
                "INFO" => "info",
                "WARNING" | "WARN" => "warn",
                "ERROR" | "CRITICAL" => "error",
                _ => return None,
            };
            Some(quoted(level))
        }
        Becomes::Bucket => {
            let name = value.as_str()?;
            let is_name =
                |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || ".-".contains(c);
            name.chars()
                .all(is_name)
                .then(|| quoted(&format!("s3://{name}")))
        }
        Becomes::SyncRules => sync_rules(value)?.toml,
        Becomes::Secret => None,
    }
}

/// Whole minutes as the configuration has them.
fn span(seconds: u64) -> String {
    match (seconds / 3600, seconds % 3600 / 60) {
        (0, 0) => quoted("0"),
        (hours, 0) => quoted(&format!("{hours}h")),
        (0, minutes) => quoted(&format!("{minutes}m")),
        (hours, minutes) => quoted(&format!("{hours}h{minutes}m")),
    }
}

/// A text on one line.
fn plain(text: &str) -> Option<String> {
    (!text.chars().any(char::is_control)).then(|| quoted(text))
}

/// `rate(2 hours)`.
fn rate(text: &str) -> Option<String> {
    let inner = text.trim().strip_prefix("rate(")?.strip_suffix(')')?;
    let (number, unit) = inner.trim().split_once(' ')?;
    let number: u64 = number.parse().ok()?;
    let seconds = match unit.trim() {
        "minute" | "minutes" => 60,
        "hour" | "hours" => 3600,
        "day" | "days" => 86_400,
        _ => return None,
    };
    Some(span(number.checked_mul(seconds)?))
}
