use hallpass_aws_model::EventPattern;
use hallpass_aws_model::facts;
use serde_json::{Map, Value, json};

use super::{
    ApiError, BUS, BusRule, Context, HandlerResult, RuleKey, bus, invalid, limit_exceeded, named,
    no_rule, place, unmanaged,
};
use crate::core::{
    bus::rules_of,
    call::Output,
    rules::{ENABLED, rule_arn},
    windows::Window,
};
use crate::services::OperationHandler::{Reads, Writes};
use crate::services::OperationRow;

pub(super) const OPERATIONS: &[OperationRow] = &[
    ("PutRule", Writes(put)),
    ("DescribeRule", Reads(describe)),
    ("ListRules", Reads(list)),
    ("EnableRule", Writes(enable)),
    ("DisableRule", Writes(disable)),
    ("DeleteRule", Writes(delete)),
];

const RULES_MAX: usize = facts::RULES_PER_BUS.count();
/// Refused members of `PutRule`.
const NOT_SIMULATED: [&str; 2] = ["ScheduleExpression", "Tags"];

pub(super) fn pattern(text: &str) -> Result<EventPattern, ApiError> {
    EventPattern::read(text).map_err(|reason| {
        let text = format!("Event pattern is not valid. Reason: {reason}");
        ApiError::new("InvalidEventPatternException", text)
    })
}

/// `PutRule`: replaces a rule, without its targets.
fn put(context: &mut Context<'_>) -> HandlerResult {
    let key = place(context, "Name")?;
    for member in NOT_SIMULATED {
        let value = context.call.input.get(member);
        if value.is_some_and(|it| *it != json!("") && *it != json!([])) {
            return Err(invalid(format!("{member} is not simulated.")));
        }
    }
    let text = context.text("EventPattern");
    if text.is_empty() {
        let text = "Parameter(s) EventPattern or ScheduleExpression must be specified.";
        return Err(invalid(text));
    }
    pattern(text)?;
    unmanaged(context, &key, false)?;
    let bus = (key.0.clone(), key.1.clone());
    let there = context.state.bus_rules.get(&key).cloned();
    if there.is_none() && rules_of(context.state, &bus).count() >= RULES_MAX {
        return Err(limit_exceeded());
    }
    let owned = |name: &str| context.optional(name).map(str::to_owned);
    let rule = BusRule {
        pattern: text.to_owned(),
        state: owned("State").unwrap_or_else(|| ENABLED.to_owned()),
        description: owned("Description"),
        role: owned("RoleArn"),
        ..there.unwrap_or_default()
    };
    context.write(Window::Immediate);
    let arn = rule_arn(&key);
    context.state.bus_rules.insert(key, rule);
    Ok(Output::Members(json!({ "RuleArn": arn })))
}

fn row(key: &RuleKey, rule: &BusRule) -> Map<String, Value> {
    let texts = [
        ("Name", Some(key.2.clone())),
        ("Arn", Some(rule_arn(key))),
        ("EventPattern", Some(rule.pattern.clone())),
        ("State", Some(rule.state.clone())),
        ("Description", rule.description.clone()),
        ("RoleArn", rule.role.clone()),
        ("ManagedBy", rule.managed_by.clone()),
        ("EventBusName", Some(BUS.to_owned())),
    ];
    let there = texts
        .into_iter()
        .filter_map(|(name, text)| Some((name, text?)));
    there
        .map(|(name, text)| (name.to_owned(), text.into()))
        .collect()
}

fn describe(context: &Context<'_>) -> HandlerResult {
    let key = place(context, "Name")?;
    let mut members = row(&key, named(context, &key)?);
    members.insert("CreatedBy".to_owned(), key.0.into());
    Ok(Output::Members(Value::Object(members)))
}

fn list(context: &Context<'_>) -> HandlerResult {
    let bus = bus(context)?;
    let begin = context.text("NamePrefix");
    let rules = rules_of(context.state, &bus).filter(|(key, _)| key.2.starts_with(begin));
    let rows = rules.map(|(key, rule)| (key.2.clone(), Value::Object(row(key, rule))));
    context.listing(rows.collect())
}

fn enable(context: &mut Context<'_>) -> HandlerResult {
    switch(context, ENABLED)
}

fn disable(context: &mut Context<'_>) -> HandlerResult {
    switch(context, "DISABLED")
}

fn switch(context: &mut Context<'_>, to: &str) -> HandlerResult {
    let key = place(context, "Name")?;
    named(context, &key)?;
    unmanaged(context, &key, false)?;
    context.write(Window::Immediate);
    let rule = context.state.bus_rules.get_mut(&key);
    let rule = rule.ok_or_else(|| no_rule(&key.2))?;
    to.clone_into(&mut rule.state);
    Ok(Output::Nothing)
}

/// `DeleteRule`: idempotent.
fn delete(context: &mut Context<'_>) -> HandlerResult {
    let key = place(context, "Name")?;
    unmanaged(context, &key, true)?;
    let rule = context.state.bus_rules.get(&key);
    if rule.is_some_and(|it| !it.targets.is_empty()) {
        return Err(invalid("Rule can't be deleted since it has targets."));
    }
    context.write(Window::Immediate);
    context.state.bus_rules.remove(&key);
    Ok(Output::Nothing)
}
