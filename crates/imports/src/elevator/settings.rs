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
    /// A schedule of `EventBridge`.
    Schedule,
    /// A level of logging.
    Level,
    /// A bucket.
    Bucket,
    /// A secret, which is not repeated.
    Secret,
    /// Rules about attributes of the members of groups.
    SyncRules,
    /// Texts by the id of an account.
    Notes,
    /// The program that people chat in.
    Chat,
    /// What is of Microsoft Teams.
    Teams,
    /// What the module makes a name of.
    Made,
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

const RULES_LEFT_OUT: &str = "some of `attribute_sync_rules` are not taken over, and whoever is a member by them matches no rule \
                              here: members who match none are reported and not removed; write those rules by hand before \
                              `groups.sync.manual = \"remove\"`";

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

/// Variables of how sso-elevator runs, and what a module has beside them.
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
    // of 4.4 and 5
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
const UNKNOWN: &str = "it is no variable of the releases of sso-elevator that are known here";
const UNKNOWN_OF_MODULE: &str = "it is no variable of the releases of sso-elevator that are known here: look up what it \
                                 does there";
const OTHER_FORM: &str = "its value is of another form than sso-elevator takes";
const AT_TIMES: &str =
    "it is a time of day there, and a length of time in Hallpass: write the line by hand";
const NO_TEAMS: &str =
    "Hallpass speaks with Slack, mail and webhooks, and not with Microsoft Teams";
const MADE: &str = "the module makes the name of its bucket of it: write the line by hand";
const SEVERAL: &str =
    "the functions in the plan have different values of it: write the line by hand";
const NOT_IN_PLAN: &str =
    "the plan does not have the schedule of its functions: write the line by hand";
const OTHER_BUCKET: &str = "`s3_name_of_the_existing_bucket` names the bucket in its place";
/// A bucket of this name gets letters after it that nobody chose.
const UNCHOSEN_BUCKET: &str = "sso-elevator-audit-entry";

/// Where settings were found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum SettingsPlace {
    /// Where everything is a variable of the module: in the module itself, or in a plan.
    #[default]
    OfModule,
    /// In a file of variables, which may be those of other modules, too.
    Among,
}

/// What becomes of one setting: a line of the configuration, or what is to be known of it.
pub(super) fn converted(
    (name, setting): (&str, &Setting),
    settings: &BTreeMap<String, Setting>,
    found: SettingsPlace,
) -> (Option<ConfigurationLine>, Vec<RowNote>) {
    let Some(variable) = VARIABLES.iter().find(|it| it.name == name) else {
        let note = match found {
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

/// What becomes of members who match no rule.
const MANUAL: &str = "attribute_sync_manual_assignment_policy";

/// Whether members whom no rule adds are only told of.
fn is_warn(setting: &Setting) -> bool {
    matches!(setting, Setting::Is(Value::String(policy)) if policy == "warn")
}

/// Whether every rule about attributes is taken over: the people of one that is not match no rule here.
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

/// The bucket that the module makes where it is given none.
const MADE_BUCKET: &str = "s3_bucket_name_for_audit_entry";

/// Whether a setting names a bucket that the module does not use.
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
        Some(toml) => (Some(line_of(variable, toml)), Vec::new()),
        None => {
            let text = value.as_str().unwrap_or_default();
            let is_cron = variable.becomes == Becomes::Rate && schedule(text).is_some();
            let why = if is_cron { AT_TIMES } else { OTHER_FORM };
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

/// What is to be known where memberships follow attributes, and nothing says what becomes of other members.
pub(super) fn policy_unsaid(settings: &BTreeMap<String, Setting>) -> Option<RowNote> {
    let note = if are_rules_whole(settings) {
        RowNote::Configuration(SYNC_DEFAULT)
    } else {
        RowNote::Narrower(RULES_LEFT_OUT.into())
    };
    (!settings.contains_key(MANUAL)).then_some(note)
}

/// A value as it is: the functions are given lists, numbers and flags as texts.
pub(super) fn spelled_out(value: &Value) -> Value {
    let Value::String(text) = value else {
        return value.clone();
    };
    match text.trim() {
        "True" => Value::Bool(true),
        "False" => Value::Bool(false),
        text => match serde_json::from_str(text) {
            Ok(read @ (Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_))) => {
                read
            }
            Ok(Value::Null | Value::String(_)) | Err(_) => value.clone(),
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
        Becomes::Schedule => schedule(value.as_str()?).map(quoted),
        Becomes::Notes => {
            let notes = value.as_object()?.iter();
            let notes: Option<Vec<String>> = notes
                .map(|(account, text)| {
                    Some(format!(
                        "{} = {}",
                        plain(account.trim())?,
                        plain(text.as_str()?)?
                    ))
                })
                .collect();
            Some(format!("{{ {} }}", notes?.join(", ")))
        }
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
        Becomes::Secret | Becomes::Chat | Becomes::Teams | Becomes::Made => None,
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
    let number = Some(number).filter(|number| *number > 0)?;
    Some(span(number.checked_mul(seconds)?))
}

/// A schedule of `EventBridge` as it is, where it is one.
fn schedule(text: &str) -> Option<&str> {
    let text = text.trim();
    if let Some(fields) = text.strip_prefix("cron(") {
        let fields: Vec<&str> = fields.strip_suffix(')')?.split_whitespace().collect();
        let is_cron = fields.len() == CRON.len()
            && fields
                .iter()
                .zip(CRON)
                .all(|(field, range)| is_field(field, range))
            && (fields.get(2) == Some(&"?")) != (fields.get(4) == Some(&"?"));
        return is_cron.then_some(text);
    }
    rate(text).map(|_| text)
}

/// The numbers of each field (`EventBridge`, "Cron expressions"): minutes, hours, days, months, weekdays, years.
const CRON: [(u32, u32); 6] = [(0, 59), (0, 23), (1, 31), (1, 12), (1, 7), (1970, 2199)];
/// Names that stand for numbers in it.
const CRON_NAMES: [&str; 19] = [
    "JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC", "SUN",
    "MON", "TUE", "WED", "THU", "FRI", "SAT",
];

/// Whether a field of a schedule is made of what may stand there.
fn is_field(field: &str, (least, most): (u32, u32)) -> bool {
    let is_part = |part: &str| {
        let bare = part.trim_end_matches(['L', 'W']);
        let is_name = CRON_NAMES.contains(&part.to_ascii_uppercase().as_str());
        let is_number = |text: &str| {
            text.parse()
                .is_ok_and(|it: u32| (least..=most).contains(&it))
        };
        ["*", "?", "L", "LW"].contains(&part) || is_name || is_number(bare)
    };
    // after a slash or a hash stands a number of steps or weeks
    field.split(',').all(|item| {
        let (item, steps) = match item.split_once(['/', '#']) {
            Some((item, steps)) => (item, steps.parse().is_ok_and(|it: u32| it > 0)),
            None => (item, true),
        };
        steps && item.split('-').all(is_part)
    })
}
