//! Default event buses of `EventBridge`: services publish events, and rules deliver them to queues
//! and topics (Amazon `EventBridge` User Guide, "Event bus targets in Amazon `EventBridge`").

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::{
    call::input_text,
    issue::whole_seconds,
    messages::send,
    publishing::{publish, queue_key},
    queues::uuid,
    rules::{BusRule, EVENTS, RuleKey, rule_arn},
    state::SimState,
    target_input::{self, RuleFacts},
    topics::{TopicMessage, lets_in, topic_key},
};

pub(crate) struct BusEvent<'a> {
    /// `aws.…`
    pub source: &'a str,
    pub detail_type: &'a str,
    pub resources: Vec<String>,
    pub detail: Value,
}

/// Publishes on the buses of these accounts and Regions.
pub(crate) fn put_event(
    state: &mut SimState,
    buses: &BTreeSet<(String, String)>,
    event: &BusEvent<'_>,
) {
    let time = whole_seconds(state.latest);
    for bus in buses {
        if rules_of(state, bus).next().is_some() {
            put_on(state, bus, event, &time);
        }
    }
}

/// Publishes and delivers an event; returns its id.
pub(crate) fn put_on(
    state: &mut SimState,
    bus: &(String, String),
    event: &BusEvent<'_>,
    time: &str,
) -> String {
    state.events_put += 1;
    let id = uuid(state.seed, &format!("event {}", state.events_put));
    let (account, region) = bus;
    let body = json!({
        "version": "0", "id": id, "detail-type": event.detail_type, "source": event.source,
        "account": account, "time": time, "region": region,
        "resources": event.resources, "detail": event.detail,
    });
    let rules: Vec<(RuleKey, BusRule)> = rules_of(state, bus)
        .filter(|(_, rule)| rule.takes(&body))
        .map(|(key, rule)| (key.clone(), rule.clone()))
        .collect();
    for (key, rule) in rules {
        let arn = rule_arn(&key);
        let facts = RuleFacts {
            arn: &arn,
            name: &key.2,
            received: &whole_seconds(state.latest),
        };
        for target in rule.targets.values() {
            let text = target_input::text(target, &body, &facts);
            let reached = deliver(state, input_text(target, "Arn"), &arn, &text);
            if !reached {
                // a rejected delivery is not retried (the same, "Using dead-letter queues to
                // process undelivered events"); the dead-letter queue gets the original event
                let queue = target.pointer("/DeadLetterConfig/Arn");
                deliver(
                    state,
                    queue.and_then(Value::as_str),
                    &arn,
                    &body.to_string(),
                );
            }
        }
    }
    id
}

pub(crate) fn rules_of<'a>(
    state: &'a SimState,
    (account, region): &'a (String, String),
) -> impl Iterator<Item = (&'a RuleKey, &'a BusRule)> {
    let first = (account.clone(), region.clone(), String::new());
    let rules = state.bus_rules.range(first..);
    rules.take_while(move |((of, at, _), _)| of == account && at == region)
}

fn deliver(state: &mut SimState, target: Option<&str>, rule: &str, text: &str) -> bool {
    let Some(target) = target else {
        return false;
    };
    if let Some(key) = queue_key(target) {
        let queue = state.queues.get(&key);
        let policy = queue.and_then(|it| it.attributes.get("Policy"));
        return lets_in(policy, EVENTS, Some(rule)) && send(state, &key, text, 0).is_some();
    }
    if let Some(key) = topic_key(target) {
        let topic = state.topics.get(&key);
        let policy = topic.and_then(|it| it.attributes.get("Policy"));
        let message = TopicMessage {
            text,
            ..TopicMessage::default()
        };
        return lets_in(policy, EVENTS, Some(rule)) && publish(state, &key, &message).is_some();
    }
    true
}
