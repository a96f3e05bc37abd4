use std::collections::BTreeSet;

use hallpass_aws_model::facts;
use serde_json::{Map, Value, json};

use super::{ApiError, Context, HandlerResult, Output, SimState, administrator, filters::Filters};
use crate::core::{
    bus::{BusEvent, put_event},
    call::input_text,
    issue::whole_seconds,
    windows::Window,
};
use crate::services::OperationHandler::{Reads, Writes};
use crate::services::OperationRow;

pub(super) const OPERATIONS: &[OperationRow] = &[
    ("BatchImportFindings", Writes(import)),
    ("BatchUpdateFindings", Writes(update)),
    ("GetFindings", Reads(get)),
];

/// Maximum findings of an update, and size limits (AWS: `BatchUpdateFindings`, `NoteUpdate`).
const UPDATES_MAX: usize = facts::FINDINGS_PER_CALL.count();
const NOTE_MAX: usize = facts::FINDING_NOTE_CHARACTERS.count();
const FIELDS_MAX: usize = facts::FINDING_FIELDS.count();
const KEY_MAX: usize = facts::FINDING_FIELD_KEY_CHARACTERS.count();
const VALUE_MAX: usize = facts::FINDING_FIELD_VALUE_CHARACTERS.count();
const BYTES_MAX: usize = facts::FINDING_BYTES.count();

/// Members preserved on a repeated import (AWS: "Updating findings with `BatchImportFindings`").
const KEPT: [&str; 3] = ["Note", "UserDefinedFields", "Workflow"];
/// Members other than notes that an administrator may write (AWS: `BatchUpdateFindings`).
const WRITTEN: [&str; 8] = [
    "Severity",
    "VerificationState",
    "Confidence",
    "Criticality",
    "Types",
    "UserDefinedFields",
    "Workflow",
    "RelatedFindings",
];

pub(crate) type FindingKey = (String, String, String);

fn text(value: &Value, name: &str) -> String {
    input_text(value, name).unwrap_or_default().to_owned()
}

/// `BatchImportFindings`: of the caller's own account.
#[expect(clippy::unnecessary_wraps, reason = "operations have one form")]
fn import(context: &mut Context<'_>) -> HandlerResult {
    let call = context.call;
    let rows = call.input.get("Findings").and_then(Value::as_array);
    let (mut succeeded, mut failed) = (0, Vec::new());
    for row in rows.into_iter().flatten() {
        if input_text(row, "AwsAccountId") != Some(context.caller.account.as_str()) {
            let why = "The AwsAccountId of the finding is not that of the caller.";
            failed.push(
                json!({ "Id": text(row, "Id"), "ErrorCode": "InvalidInput", "ErrorMessage": why }),
            );
            continue;
        }
        let mut finding = row.clone();
        let key = (
            call.region.clone(),
            text(row, "ProductArn"),
            text(row, "Id"),
        );
        let kept = context.state.findings.get(&key).cloned();
        if let Some(members) = finding.as_object_mut() {
            members.insert("Region".to_owned(), call.region.clone().into());
            for name in KEPT {
                match kept.as_ref().and_then(|it| it.get(name)) {
                    Some(value) => drop(members.insert(name.to_owned(), value.clone())),
                    None if name != "Workflow" => drop(members.shift_remove(name)),
                    None => {}
                }
            }
            members
                .entry("Workflow")
                .or_insert_with(|| json!({ "Status": "NEW" }));
            members
                .entry("RecordState")
                .or_insert_with(|| "ACTIVE".into());
        }
        context.write(Window::Immediate);
        put(context.state, key, &finding);
        succeeded += 1;
    }
    Ok(Output::Members(json!({
        "FailedCount": failed.len(), "SuccessCount": succeeded, "FailedFindings": failed,
    })))
}

/// Stores a finding, and publishes it on the buses of its account and of the administrator.
fn put(state: &mut SimState, key: FindingKey, finding: &Value) {
    let region = key.0.clone();
    let here = administrator(state, &region).to_owned();
    let mut buses = BTreeSet::from([
        (text(finding, "AwsAccountId"), region.clone()),
        (here, region),
    ]);
    if let Some(home) = state.finding_aggregation.clone() {
        buses.insert((administrator(state, &home).to_owned(), home));
    }
    let resource = format!("{}/{}", text(finding, "ProductArn"), text(finding, "Id"));
    state.findings.insert(key, finding.clone());
    put_event(
        state,
        &buses,
        &BusEvent {
            source: "aws.securityhub",
            detail_type: "Security Hub Findings - Imported",
            resources: vec![resource],
            detail: json!({ "findings": [finding] }),
        },
    );
}

fn sees(context: &Context<'_>, (region, ..): &FindingKey, finding: &Value) -> bool {
    let caller = context.caller.account.as_str();
    let is_administrator = caller == administrator(context.state, &context.call.region);
    let aggregates = is_administrator
        && context.state.finding_aggregation.as_ref() == Some(&context.call.region);
    let own = input_text(finding, "AwsAccountId") == Some(caller);
    (is_administrator || own) && (*region == context.call.region || aggregates)
}

fn get(context: &Context<'_>) -> HandlerResult {
    let filters = Filters::read(context.call.input.get("Filters"), context.now)?;
    let page = context.page()?;
    let after = page.after.as_ref().map(|(_, id)| id.clone());
    let rows = context
        .state
        .findings
        .iter()
        .filter(|(key, finding)| sees(context, key, finding) && filters.fit(finding));
    let rows = rows.map(|((region, product, id), finding)| {
        (0, format!("{region}|{product}|{id}"), finding.clone())
    });
    let rows = rows.filter(|(_, id, _)| after.as_ref().is_none_or(|after| id > after));
    let (rows, token) = page.take(rows);
    Ok(context.paged(rows, token))
}

fn update(context: &mut Context<'_>) -> HandlerResult {
    let call = context.call;
    check(&call.input)?;
    let identifiers = call
        .input
        .get("FindingIdentifiers")
        .and_then(Value::as_array);
    let mut seen = BTreeSet::new();
    let (mut processed, mut unprocessed) = (Vec::new(), Vec::new());
    for identifier in identifiers.into_iter().flatten() {
        let refusal = if seen.insert(identifier.to_string()) {
            update_one(context, identifier).err()
        } else {
            Some("DuplicatedFindingIdentifier")
        };
        match refusal {
            None => processed.push(identifier.clone()),
            Some(code) => unprocessed.push(json!({
                "FindingIdentifier": identifier, "ErrorCode": code, "ErrorMessage": "The finding was not updated.",
            })),
        }
    }
    Ok(Output::Members(
        json!({ "ProcessedFindings": processed, "UnprocessedFindings": unprocessed }),
    ))
}

fn update_one(context: &mut Context<'_>, identifier: &Value) -> Result<(), &'static str> {
    let (product, id) = (text(identifier, "ProductArn"), text(identifier, "Id"));
    let found = context
        .state
        .findings
        .iter()
        .find(|(key, finding)| key.1 == product && key.2 == id && sees(context, key, finding));
    let Some((key, finding)) = found.map(|(key, finding)| (key.clone(), finding.clone())) else {
        return Err("FindingNotFound");
    };
    let contended = context
        .state
        .settings
        .behaviour
        .is("finding_updates", "contended");
    if contended && context.random().below(10) == 0 {
        return Err("ConcurrentUpdateError");
    }
    let finding = updated(context, finding);
    if finding.to_string().len() > BYTES_MAX {
        return Err("FindingSizeExceeded");
    }
    context.write(Window::Immediate);
    put(context.state, key, &finding);
    Ok(())
}

fn updated(context: &Context<'_>, mut finding: Value) -> Value {
    let input = &context.call.input;
    let now = whole_seconds(context.now);
    let Some(members) = finding.as_object_mut() else {
        return finding;
    };
    if let Some(note) = input.get("Note") {
        let note = json!({ "Text": note.get("Text"), "UpdatedBy": note.get("UpdatedBy"), "UpdatedAt": now });
        members.insert("Note".to_owned(), note);
    }
    for name in WRITTEN {
        if let Some(value) = input.get(name) {
            members.insert(name.to_owned(), value.clone());
        }
    }
    // `UpdatedAt` is the provider's, and stays (AWS: `BatchUpdateFindings`)
    finding
}

/// Checks limits missing in the model.
fn check(input: &Value) -> Result<(), ApiError> {
    let refuse = |text: String| Err(ApiError::new("InvalidInputException", text));
    let identifiers = input.get("FindingIdentifiers").and_then(Value::as_array);
    let count = identifiers.map_or(0, Vec::len);
    if !(1..=UPDATES_MAX).contains(&count) {
        return refuse(format!(
            "Invalid parameter 'FindingIdentifiers'. {count} is not between 1 and {UPDATES_MAX}"
        ));
    }
    let note = input
        .pointer("/Note/Text")
        .and_then(Value::as_str)
        .unwrap_or_default();
    if length(note) > NOTE_MAX {
        return refuse(format!(
            "Invalid parameter 'Note.Text'. It has more than {NOTE_MAX} characters"
        ));
    }
    let empty = Map::new();
    let fields = input
        .get("UserDefinedFields")
        .and_then(Value::as_object)
        .unwrap_or(&empty);
    if fields.len() > FIELDS_MAX {
        return refuse(format!(
            "Invalid parameter 'UserDefinedFields'. It has more than {FIELDS_MAX} entries"
        ));
    }
    let fits = |text: &str, most: usize| {
        !text.trim().is_empty() && !text.contains('\n') && length(text) <= most
    };
    let odd = fields.iter().find(|(key, value)| {
        !fits(key, KEY_MAX) || !fits(value.as_str().unwrap_or_default(), VALUE_MAX)
    });
    match odd {
        Some((key, _)) => refuse(format!(
            "Invalid parameter 'UserDefinedFields'. The entry {key:?} is not valid"
        )),
        None => Ok(()),
    }
}

fn length(text: &str) -> usize {
    text.chars().count()
}
