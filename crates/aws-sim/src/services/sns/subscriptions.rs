use serde_json::{Value, json};

use super::{Context, HandlerResult, Output, invalid, named, no_topic, own};
use crate::core::{
    errors::ApiError,
    queues::uuid,
    topics::{TopicKey, TopicSubscription, topic_arn, topic_key},
    windows::Window,
};
use crate::services::OperationHandler::{Reads, Writes};
use crate::services::OperationRow;

pub(super) const OPERATIONS: &[OperationRow] = &[
    ("Subscribe", Writes(subscribe)),
    ("Unsubscribe", Writes(unsubscribe)),
    ("ListSubscriptions", Reads(list)),
    ("ListSubscriptionsByTopic", Reads(list_by_topic)),
    ("GetSubscriptionAttributes", Reads(attributes)),
    ("SetSubscriptionAttributes", Writes(set_attribute)),
];

/// Known protocols (Amazon SNS API Reference, `Subscribe`).
const PROTOCOLS: [&str; 9] = [
    "http",
    "https",
    "email",
    "email-json",
    "sms",
    "sqs",
    "application",
    "lambda",
    "firehose",
];

fn absent() -> ApiError {
    ApiError::new("NotFound", "Subscription does not exist")
}

fn arn(key: &TopicKey, it: &TopicSubscription) -> String {
    format!("{}:{}", topic_arn(key), it.id)
}

fn raw(value: Option<&Value>) -> Result<bool, ApiError> {
    match value.and_then(Value::as_str) {
        None | Some("false") => Ok(false),
        Some("true") => Ok(true),
        Some(_) => Err(invalid("Invalid parameter: RawMessageDelivery")),
    }
}

/// `Subscribe`: the caller's own queue is confirmed immediately; idempotent.
fn subscribe(context: &mut Context<'_>) -> HandlerResult {
    let key = named(context, "TopicArn")?;
    let (protocol, endpoint) = (context.text("Protocol"), context.text("Endpoint"));
    if !PROTOCOLS.contains(&protocol) || endpoint.is_empty() {
        let text = "Invalid parameter: Does not support this protocol string, or no endpoint";
        return Err(invalid(text));
    }
    let given = context.call.input.get("Attributes");
    let given = given.and_then(Value::as_object);
    let mut names = given.into_iter().flatten();
    if let Some((name, _)) = names.find(|(name, _)| *name != "RawMessageDelivery") {
        return Err(invalid(format!(
            "{name} of a subscription is not simulated."
        )));
    }
    let raw = raw(given.and_then(|it| it.get("RawMessageDelivery")))?;
    let owner = context.caller.account.clone();
    let is_queue = protocol == "sqs";
    let own_queue =
        endpoint.starts_with("arn:aws:sqs:") && endpoint.contains(&format!(":{owner}:"));
    let seed = context.state.seed;
    context.write(Window::Immediate);
    let topic = context.state.topics.get_mut(&key).ok_or_else(no_topic)?;
    let mut there = topic.subscriptions.iter();
    let there = there.find(|it| it.protocol == protocol && it.endpoint == endpoint);
    let (found, confirmed) = if let Some(it) = there {
        (arn(&key, it), it.confirmed)
    } else {
        topic.made += 1;
        let of = format!("subscription {} {}", topic_arn(&key), topic.made);
        let made = TopicSubscription {
            id: uuid(seed, &of),
            owner,
            protocol: protocol.to_owned(),
            endpoint: endpoint.to_owned(),
            raw,
            confirmed: is_queue && own_queue,
        };
        let done = (arn(&key, &made), made.confirmed);
        topic.subscriptions.push(made);
        done
    };
    let is_wanted = context.call.input.get("ReturnSubscriptionArn") == Some(&Value::Bool(true));
    let told = if confirmed || is_wanted {
        found
    } else {
        "pending confirmation".to_owned()
    };
    Ok(Output::Members(json!({ "SubscriptionArn": told })))
}

fn place(context: &Context<'_>) -> Result<(TopicKey, String), ApiError> {
    let (topic, id) = context
        .text("SubscriptionArn")
        .rsplit_once(':')
        .ok_or_else(|| invalid("Invalid parameter: SubscriptionArn"))?;
    let key = topic_key(topic).ok_or_else(|| invalid("Invalid parameter: SubscriptionArn"))?;
    let is_own = key.0 == context.call.region && key.1 == *context.caller.account;
    let topic = context.state.topics.get(&key).filter(|_| is_own);
    let is_there = topic.is_some_and(|it| it.subscriptions.iter().any(|it| it.id == id));
    if is_there {
        Ok((key, id.to_owned()))
    } else {
        Err(absent())
    }
}

fn unsubscribe(context: &mut Context<'_>) -> HandlerResult {
    let (key, id) = place(context)?;
    context.write(Window::Immediate);
    if let Some(topic) = context.state.topics.get_mut(&key) {
        topic.subscriptions.retain(|it| it.id != id);
    }
    Ok(Output::Nothing)
}

fn row(key: &TopicKey, it: &TopicSubscription) -> (String, Value) {
    let arn = arn(key, it);
    let shown = if it.confirmed {
        arn.as_str()
    } else {
        "PendingConfirmation"
    };
    let row = json!({
        "SubscriptionArn": shown, "Owner": it.owner, "Protocol": it.protocol, "Endpoint": it.endpoint,
        "TopicArn": topic_arn(key),
    });
    (arn, row)
}

fn rows<'a>(
    topics: impl Iterator<Item = (&'a TopicKey, &'a crate::core::topics::SimTopic)>,
) -> Vec<(String, Value)> {
    let mut all: Vec<(String, Value)> = topics
        .flat_map(|(key, topic)| topic.subscriptions.iter().map(|it| row(key, it)))
        .collect();
    all.sort_by(|one, other| one.0.cmp(&other.0));
    all
}

fn list(context: &Context<'_>) -> HandlerResult {
    context.listing(rows(own(context)))
}

fn list_by_topic(context: &Context<'_>) -> HandlerResult {
    let wanted = named(context, "TopicArn")?;
    let of = own(context).filter(|(key, _)| **key == wanted);
    context.listing(rows(of))
}

fn attributes(context: &Context<'_>) -> HandlerResult {
    let (key, id) = place(context)?;
    let topic = context.state.topics.get(&key).ok_or_else(absent)?;
    let mut all = topic.subscriptions.iter();
    let it = all.find(|it| it.id == id).ok_or_else(absent)?;
    Ok(Output::Members(json!({ "Attributes": {
        "SubscriptionArn": arn(&key, it), "TopicArn": topic_arn(&key), "Owner": it.owner, "Protocol": it.protocol,
        "Endpoint": it.endpoint, "RawMessageDelivery": it.raw.to_string(),
        "PendingConfirmation": (!it.confirmed).to_string(), "ConfirmationWasAuthenticated": it.confirmed.to_string(),
    } })))
}

fn set_attribute(context: &mut Context<'_>) -> HandlerResult {
    let (key, id) = place(context)?;
    let name = context.text("AttributeName");
    if name != "RawMessageDelivery" {
        return Err(invalid(format!(
            "{name} of a subscription is not simulated."
        )));
    }
    let raw = raw(context.call.input.get("AttributeValue"))?;
    context.write(Window::Immediate);
    let topic = context.state.topics.get_mut(&key).ok_or_else(absent)?;
    let mut all = topic.subscriptions.iter_mut();
    if let Some(it) = all.find(|it| it.id == id) {
        it.raw = raw;
    }
    Ok(Output::Nothing)
}
