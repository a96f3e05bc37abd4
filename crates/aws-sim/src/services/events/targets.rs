use hallpass_aws_model::facts;
use serde_json::{Value, json};

use super::{
    Context, HandlerResult, bus, invalid, limit_exceeded, named, no_rule, place, unmanaged,
};
use crate::core::{
    bus::rules_of,
    call::{Output, input_text},
    target_input,
    windows::Window,
};
use crate::services::OperationHandler::{Reads, Writes};
use crate::services::OperationRow;

pub(super) const OPERATIONS: &[OperationRow] = &[
    ("PutTargets", Writes(put)),
    ("ListTargetsByRule", Reads(list)),
    ("ListRuleNamesByTarget", Reads(rules_of_target)),
    ("RemoveTargets", Writes(remove)),
];

const TARGETS_MAX: usize = facts::TARGETS_PER_RULE.count();
const ENTRIES_MAX: usize = facts::EVENT_ENTRIES.count();

fn too_many(member: &str) -> super::ApiError {
    invalid(format!(
        "1 validation error detected: Value at '{member}' failed to satisfy constraint: Member must have length less \
         than or equal to {ENTRIES_MAX}"
    ))
}

fn check(target: &Value) -> Result<(), super::ApiError> {
    let text = |name: &str| input_text(target, name).unwrap_or_default();
    let (id, arn) = (text("Id"), text("Arn"));
    if !arn.starts_with("arn:") || arn.split(':').count() < 6 {
        let text =
            format!("Parameter {arn} is not valid. Reason: Provided Arn is not in correct format.");
        return Err(invalid(text));
    }
    let is_ordered = arn.contains(":sqs:")
        && std::path::Path::new(arn)
            .extension()
            .is_some_and(|it| it == "fifo");
    if is_ordered && target.pointer("/SqsParameters/MessageGroupId").is_none() {
        let text = format!("Parameter(s) SqsParameters must be specified for target: {id}.");
        return Err(invalid(text));
    }
    target_input::check(target).map_err(invalid)
}

/// `PutTargets`: all or none.
fn put(context: &mut Context<'_>) -> HandlerResult {
    let key = place(context, "Rule")?;
    let given = context.call.input.get("Targets").and_then(Value::as_array);
    let given = given.map(Vec::as_slice).unwrap_or_default();
    if given.len() > ENTRIES_MAX {
        return Err(too_many("targets"));
    }
    given.iter().try_for_each(check)?;
    let mut targets = named(context, &key)?.targets.clone();
    unmanaged(context, &key, false)?;
    for target in given {
        let id = input_text(target, "Id").unwrap_or_default();
        targets.insert(id.to_owned(), target.clone());
    }
    if targets.len() > TARGETS_MAX {
        return Err(limit_exceeded());
    }
    context.write(Window::Immediate);
    let rule = context.state.bus_rules.get_mut(&key);
    rule.ok_or_else(|| no_rule(&key.2))?.targets = targets;
    Ok(Output::Members(
        json!({ "FailedEntryCount": 0, "FailedEntries": [] }),
    ))
}

fn list(context: &Context<'_>) -> HandlerResult {
    let key = place(context, "Rule")?;
    let targets = named(context, &key)?.targets.iter();
    let rows = targets.map(|(id, target)| (id.clone(), target.clone()));
    context.listing(rows.collect())
}

fn rules_of_target(context: &Context<'_>) -> HandlerResult {
    let bus = bus(context)?;
    let wanted = context.text("TargetArn");
    let rules = rules_of(context.state, &bus).filter(|(_, rule)| {
        let mut targets = rule.targets.values();
        targets.any(|it| input_text(it, "Arn") == Some(wanted))
    });
    let rows = rules.map(|(key, _)| (key.2.clone(), json!(key.2)));
    context.listing(rows.collect())
}

/// `RemoveTargets`: reports missing ones and removes the others.
fn remove(context: &mut Context<'_>) -> HandlerResult {
    let key = place(context, "Rule")?;
    let ids = context.call.input.get("Ids").and_then(Value::as_array);
    let ids: Vec<&str> = ids
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .collect();
    if ids.len() > ENTRIES_MAX {
        return Err(too_many("ids"));
    }
    named(context, &key)?;
    unmanaged(context, &key, true)?;
    context.write(Window::Immediate);
    let rule = context.state.bus_rules.get_mut(&key);
    let rule = rule.ok_or_else(|| no_rule(&key.2))?;
    let mut failed = Vec::new();
    for id in ids {
        if rule.targets.remove(id).is_none() {
            let text = format!("Rule {} does not have a target with the Id {id}.", key.2);
            failed.push(json!({
                "TargetId": id, "ErrorCode": "ResourceNotFoundException", "ErrorMessage": text,
            }));
        }
    }
    let count = failed.len();
    Ok(Output::Members(
        json!({ "FailedEntryCount": count, "FailedEntries": failed }),
    ))
}
