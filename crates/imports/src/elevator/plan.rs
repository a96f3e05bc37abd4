//! A plan or state of Terraform: what the module will make, with everything computed.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::file::{ElevatorFile, ElevatorRefused};
use super::settings::VARIABLES;
use crate::strict_json::Strict;
use crate::terraform::{Setting, of_plan};

/// The variables of the functions that hold statements, and the key of each in the object of the bucket.
const LISTS: [(&str, &str); 2] = [
    ("STATEMENTS", "statements"),
    ("GROUP_STATEMENTS", "group_statements"),
];

/// How to get what a plan does not have.
const ELSEWHERE: &str =
    "import the object `config/approval-config.json` of its bucket instead (`aws s3 cp`)";

/// What the functions and the object of the bucket would hold.
///
/// # Errors
/// When there are no statements in it, or not the same everywhere.
pub(super) fn read(plan: &Value) -> Result<ElevatorFile, ElevatorRefused> {
    let resources = of_plan(plan);
    let environments = resources.iter().filter_map(|it| environment(it));
    let environments: Vec<&Map<String, Value>> = environments.collect();
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
    Ok(found)
}

/// The environment of a function of sso-elevator, which one knows by its variables.
fn environment(resource: &Value) -> Option<&Map<String, Value>> {
    let is_function = resource.get("type")? == "aws_lambda_function";
    let first = resource.pointer("/values/environment/0/variables")?;
    let variables = first.as_object()?;
    let is_its = [
        "SLACK_CHANNEL_ID",
        "STATEMENTS",
        "CONFIG_S3_KEY",
        "ATTRIBUTE_SYNC_RULES",
    ]
    .iter()
    .any(|name| variables.contains_key(*name));
    (is_function && is_its).then_some(variables)
}

/// The object that holds the statements.
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

/// What every source says; nothing where there is none.
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

/// Settings by the Terraform variable that each variable of the functions comes from.
fn settings(environments: &[&Map<String, Value>]) -> BTreeMap<String, Setting> {
    let mut found = BTreeMap::new();
    for variable in VARIABLES {
        let values = environments
            .iter()
            .filter_map(|it| it.get(variable.environment?));
        for value in values {
            found.insert(variable.name.to_owned(), Setting::Is(value.clone()));
        }
    }
    found
}
