//! Reads a Terraform plan or state, with all values computed.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::file::{ElevatorFile, ElevatorRefused};
use super::settings::{SettingsPlace, VARIABLES};
use crate::strict_json::Strict;
use crate::terraform::{Setting, ensure_whole, of_plan};

const LISTS: [(&str, &str); 2] = [
    ("STATEMENTS", "statements"),
    ("GROUP_STATEMENTS", "group_statements"),
];

const ELSEWHERE: &str =
    "import the object `config/approval-config.json` of its bucket instead (`aws s3 cp`)";

/// Reads statements and settings of the functions and the bucket object.
///
/// # Errors
/// There are no statements, or the sources differ.
pub(super) fn read(plan: &Value) -> Result<ElevatorFile, ElevatorRefused> {
    ensure_whole(plan).map_err(|why| ElevatorRefused::Plan(why.to_owned()))?;
    let resources = of_plan(plan);
    let environments = resources.iter().filter_map(|it| environment(it));
    let mut environments: Vec<Map<String, Value>> = environments.cloned().collect();
    let kept = parameters(&resources);
    environments.extend((!kept.is_empty()).then_some(kept));
    let objects = resources.iter().filter_map(|it| config_object(it));
    let objects = objects.collect::<Result<Vec<Value>, _>>()?;
    let mut found = ElevatorFile::default();
    for (variable, list) in LISTS {
        let mut sources = Vec::new();
        for text in environments.iter().filter_map(|it| it.get(variable)) {
            sources.push(parsed(text.as_str().unwrap_or_default(), variable)?);
        }
        sources.extend(objects.iter().filter_map(|it| it.get(list)).cloned());
        found.take_list(list, one_of(sources, list)?);
    }
    let has_any =
        !objects.is_empty() || environments.iter().any(|it| it.contains_key("STATEMENTS"));
    if !has_any {
        return Err(ElevatorRefused::Plan(format!(
            "the plan has no statements that are known before it is applied; {ELSEWHERE}"
        )));
    }
    found.settings = settings(&environments);
    if environments.is_empty() {
        // only the object: the plan knows no function settings
        found.found = SettingsPlace::Among;
    } else {
        schedules(&resources, &mut found.settings);
    }
    Ok(found)
}

/// Variables used only by sso-elevator's functions; another function may have one of them by
/// chance.
const OWN: [&str; 14] = [
    "REVOKER_FUNCTION_ARN",
    "REVOKER_FUNCTION_NAME",
    "SCHEDULE_POLICY_ARN",
    "SSO_ELEVATOR_SCHEDULED_REVOCATION_RULE_NAME",
    "S3_BUCKET_FOR_AUDIT_ENTRY_NAME",
    "S3_BUCKET_PREFIX_FOR_PARTITIONS",
    "REQUEST_EXPIRATION_HOURS",
    "APPROVER_RENOTIFICATION_INITIAL_WAIT_TIME",
    "APPROVER_RENOTIFICATION_BACKOFF_MULTIPLIER",
    "MAX_PERMISSIONS_DURATION_TIME",
    "PERMISSION_DURATION_LIST_OVERRIDE",
    "SECONDARY_FALLBACK_EMAIL_DOMAINS",
    "SEND_DM_IF_USER_NOT_IN_CHANNEL",
    "POST_UPDATE_TO_SLACK",
];

/// The environment of an sso-elevator function, recognized by statements or several specific
/// variables. A Slack channel alone is not specific.
fn environment(resource: &Value) -> Option<&Map<String, Value>> {
    let is_function = resource.get("type")? == "aws_lambda_function";
    let first = resource.pointer("/values/environment/0/variables")?;
    let variables = first.as_object()?;
    let has = |name: &&str| variables.contains_key(*name);
    let holds = ["STATEMENTS", "GROUP_STATEMENTS", "ATTRIBUTE_SYNC_RULES"];
    let is_its = holds.iter().any(has) || OWN.iter().filter(|it| has(it)).count() > 1;
    (is_function && is_its).then_some(variables)
}

/// Requester settings that newer releases store in parameters instead of the environment, with the
/// same names.
fn parameters(resources: &[&Value]) -> Map<String, Value> {
    let of_requester = resources.iter().filter_map(|it| {
        let text = |at: &str| it.pointer(at).and_then(Value::as_str);
        let is_one = text("/type") == Some("aws_ssm_parameter")
            && ["requester_config", "requester_secret"]
                .map(Some)
                .contains(&text("/name"));
        let name = text("/values/name").filter(|_| is_one)?;
        let (_, name) = name.rsplit_once('/')?;
        Some((name.to_owned(), it.pointer("/values/value")?.clone()))
    });
    of_requester.collect()
}

const SCHEDULES: [(&str, &str); 3] = [
    ("sso_elevator_scheduled_revocation", "schedule_expression"),
    (
        "sso_elevator_check_on_inconsistency",
        "schedule_expression_for_check_on_inconsistency",
    ),
    ("attribute_sync_schedule", "attribute_sync_schedule"),
];

/// Schedules are `EventBridge` rules, separate from the functions.
fn schedules(resources: &[&Value], settings: &mut BTreeMap<String, Setting>) {
    for (name, variable) in SCHEDULES {
        let of_name = resources.iter().filter(|it| {
            let kinds = ["aws_cloudwatch_event_rule", "aws_scheduler_schedule"];
            let kind = it.get("type").and_then(Value::as_str);
            kinds.map(Some).contains(&kind) && it.get("name").is_some_and(|it| it == name)
        });
        let found = of_name.filter_map(|it| it.pointer("/values/schedule_expression"));
        for value in found {
            put(settings, variable, value);
        }
        // attribute memberships are opt-in
        let is_on = |it: &Setting| {
            *it == Setting::Is(Value::from("true")) || *it == Setting::Is(Value::from(true))
        };
        let is_due = variable != "attribute_sync_schedule"
            || settings.get("attribute_sync_enabled").is_some_and(is_on);
        if is_due && !settings.contains_key(variable) {
            settings.insert(variable.to_owned(), Setting::NotInPlan);
        }
    }
}

fn put(settings: &mut BTreeMap<String, Setting>, name: &str, value: &Value) {
    let new = Setting::Is(value.clone());
    match settings.get(name) {
        Some(known) if *known != new => settings.insert(name.to_owned(), Setting::Several),
        Some(_) | None => settings.insert(name.to_owned(), new),
    };
}

fn config_object(resource: &Value) -> Option<Result<Value, ElevatorRefused>> {
    let is_object = ["aws_s3_object", "aws_s3_bucket_object"]
        .iter()
        .any(|kind| resource.get("type").is_some_and(|it| it == kind));
    let content = resource.pointer("/values/content")?.as_str()?;
    if !is_object || !content.contains("\"statements\"") {
        return None;
    }
    Some(parsed(content, "the object of the statements"))
}

fn parsed(text: &str, what: &str) -> Result<Value, ElevatorRefused> {
    let read = serde_json::from_str::<Strict>(text);
    read.map(|Strict(value)| value)
        .map_err(|error| ElevatorRefused::Plan(format!("{what} in the plan is not JSON: {error}")))
}

fn one_of(mut sources: Vec<Value>, list: &str) -> Result<Value, ElevatorRefused> {
    let first = sources.pop().unwrap_or_else(|| Value::Array(Vec::new()));
    if sources.iter().any(|other| *other != first) {
        return Err(ElevatorRefused::Plan(format!(
            "the plan has `{list}` several times, and not the same: these are several installations; \
             plan one of them"
        )));
    }
    Ok(first)
}

fn settings(environments: &[Map<String, Value>]) -> BTreeMap<String, Setting> {
    let mut found = BTreeMap::new();
    for variable in VARIABLES {
        let values = environments
            .iter()
            .filter_map(|it| it.get(variable.environment?));
        for value in values {
            put(&mut found, variable.name, value);
        }
    }
    found
}
