//! Loads and exports a file's rules of `EventBridge`.

use std::collections::BTreeSet;

use hallpass_aws_model::EventPattern;
use serde_json::{Map, Value, json};

use super::{
    call::input_text,
    publishing, queues,
    rules::{BusRule, ENABLED, EVENTS, RuleKey},
    state::SimState,
    target_input,
    topics::{self, service_policy},
};
use crate::organization::{EventRule, NameIndex, OrganizationFile, Problem};

/// Maximum characters of a rule's name (Amazon `EventBridge` API Reference, `PutRule`).
const NAME_MAX: usize = 64;
/// Matches every event.
const EVERY: &str = r#"{"source":[{"prefix":""}]}"#;

fn is_name(name: &str) -> bool {
    let plain = |it: u8| it.is_ascii_alphanumeric() || b".-_".contains(&it);
    (1..=NAME_MAX).contains(&name.len()) && name.bytes().all(plain)
}

fn pattern(row: &EventRule) -> String {
    match &row.pattern {
        Some(Value::String(text)) => return text.clone(),
        Some(pattern) => return pattern.to_string(),
        None => {}
    }
    let mut fields = Map::new();
    for (name, wanted) in [("source", &row.source), ("detail-type", &row.detail_type)] {
        if let Some(wanted) = wanted {
            fields.insert(name.to_owned(), json!([wanted]));
        }
    }
    if fields.is_empty() {
        return EVERY.to_owned();
    }
    Value::Object(fields).to_string()
}

pub(crate) fn check(file: &OrganizationFile) -> Result<(), Vec<Problem>> {
    let (mut problems, mut taken) = (Vec::new(), BTreeSet::new());
    for (index, row) in file.event_rules.iter().enumerate() {
        let mut add = |key: &str, text: String| {
            problems.push(Problem::new(format!("/event_rules/{index}/{key}"), text));
        };
        if let Some(name) = row.name.as_ref().filter(|it| !is_name(it)) {
            let form = "1 to 64 letters, digits, dots, hyphens and underscores";
            add("name", format!("`{name}` is not {form}"));
        }
        if row.name.is_some() && !taken.insert((&row.account, &row.region, &row.name)) {
            add("name", "there are two rules of this name".to_owned());
        }
        if let Err(reason) = EventPattern::read(&pattern(row)) {
            add("pattern", format!("is no event pattern: {reason}"));
        }
        if row.queue.is_empty() && row.targets.is_none() {
            add("queue", "a rule has a `queue` or `targets`".to_owned());
        }
        for target in row.targets.iter().flatten() {
            let named = ["Id", "Arn"]
                .iter()
                .all(|it| input_text(target, it).is_some());
            if !named {
                add("targets", "a target has `Id` and `Arn`".to_owned());
            } else if let Err(text) = target_input::check(target) {
                add("targets", text);
            }
        }
    }
    if problems.is_empty() {
        Ok(())
    } else {
        Err(problems)
    }
}

pub(crate) fn load_file(state: &mut SimState, file: &OrganizationFile, names: &NameIndex) {
    // named rules take their names first
    let (called, others): (Vec<_>, Vec<_>) =
        file.event_rules.iter().partition(|it| it.name.is_some());
    for row in called.into_iter().chain(others) {
        let account = names.account(&row.account).unwrap_or(&row.account);
        let mut rule = BusRule {
            pattern: pattern(row),
            state: row.state.clone().unwrap_or_else(|| ENABLED.to_owned()),
            description: row.description.clone(),
            role: row.role.clone(),
            managed_by: row.managed_by.clone(),
            ..BusRule::default()
        };
        if !row.queue.is_empty() {
            let target = make_target(state, account, row);
            rule.made = Some((row.queue.clone(), row.topic.clone()));
            rule.targets
                .insert("1".to_owned(), json!({ "Id": "1", "Arn": target }));
        }
        if let Some(stated) = &row.targets {
            let id = |it: &Value| input_text(it, "Id").unwrap_or_default().to_owned();
            rule.targets = stated.iter().map(|it| (id(it), it.clone())).collect();
        }
        let key = free_key(state, account, row);
        state.bus_rules.insert(key, rule);
    }
}

/// Creates a row's queue and topic, and allows the bus; returns the target ARN.
fn make_target(state: &mut SimState, account: &str, row: &EventRule) -> String {
    let at = |name: &str| (row.region.clone(), account.to_owned(), name.to_owned());
    let key = at(&row.queue);
    let queue = state.queues.entry(key.clone()).or_default();
    let policy = queue.attributes.entry("Policy".to_owned());
    policy.or_insert_with(|| service_policy(&[EVENTS, "sns.amazonaws.com"], "sqs:SendMessage"));
    let Some(topic) = &row.topic else {
        return queues::arn(&key);
    };
    publishing::subscribe_queue(state, &at(topic), &key);
    let made = state.topics.entry(at(topic)).or_default();
    let policy = made.attributes.entry("Policy".to_owned());
    policy.or_insert_with(|| service_policy(&[EVENTS], "sns:Publish"));
    topics::topic_arn(&at(topic))
}

/// A rule without a name has its queue's name; further rules of that queue get a number.
fn free_key(state: &SimState, account: &str, row: &EventRule) -> RuleKey {
    let at = |name: String| (account.to_owned(), row.region.clone(), name);
    if let Some(name) = &row.name {
        return at(name.clone());
    }
    let mut number = 1;
    loop {
        let end = if number == 1 {
            String::new()
        } else {
            format!("-{number}")
        };
        let room = NAME_MAX.saturating_sub(end.len());
        let begin: String = row.queue.chars().take(room).collect();
        let key = at(begin + &end);
        if !state.bus_rules.contains_key(&key) {
            return key;
        }
        number += 1;
    }
}

pub(crate) fn exported(state: &SimState) -> Vec<EventRule> {
    let row = |((account, region, name), rule): (&RuleKey, &BusRule)| {
        let text = Value::String(rule.pattern.clone());
        let read = serde_json::from_str::<Value>(&rule.pattern).ok();
        // keeps a pattern's original spaces
        let pattern =
            read.filter(|it| serde_json::to_string(it).is_ok_and(|text| text == rule.pattern));
        let (queue, topic) = rule.made.clone().unwrap_or_default();
        EventRule {
            account: account.clone(),
            region: region.clone(),
            name: Some(name.clone()),
            queue,
            topic,
            source: None,
            detail_type: None,
            pattern: Some(pattern.unwrap_or(text)),
            state: Some(rule.state.clone()),
            description: rule.description.clone(),
            role: rule.role.clone(),
            managed_by: rule.managed_by.clone(),
            targets: Some(rule.targets.values().cloned().collect()),
        }
    };
    state.bus_rules.iter().map(row).collect()
}
