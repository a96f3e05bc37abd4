use std::collections::BTreeMap;

use hallpass_aws_model::facts;
use serde_json::{Value, json};

use super::{
    ApiError, Context, HandlerResult, QueueKey, absent, address, arn, members, named, nothing,
};
use crate::core::{
    queues::{MessageQueue, key_of},
    windows::Window,
};
use crate::services::OperationHandler::{Reads, Writes};
use crate::services::OperationRow;

pub(super) const OPERATIONS: &[OperationRow] = &[
    ("CreateQueue", Writes(create)),
    ("DeleteQueue", Writes(delete)),
    ("GetQueueUrl", Reads(url)),
    ("ListQueues", Reads(list)),
    ("GetQueueAttributes", Reads(attributes)),
    ("SetQueueAttributes", Writes(set_attributes)),
    ("PurgeQueue", Writes(purge)),
];

/// Settable attributes, with the maximum of numbers (AWS: `SetQueueAttributes`).
const SETTABLE: [(&str, Option<u32>); 9] = [
    ("VisibilityTimeout", Some(facts::QUEUE_HIDDEN_SECONDS.value)),
    (
        "MessageRetentionPeriod",
        Some(facts::QUEUE_KEPT_SECONDS.value),
    ),
    ("DelaySeconds", Some(900)),
    ("ReceiveMessageWaitTimeSeconds", Some(20)),
    ("MaximumMessageSize", Some(facts::QUEUE_MESSAGE_BYTES.value)),
    ("RedrivePolicy", None),
    ("RedriveAllowPolicy", None),
    ("Policy", None),
    ("SqsManagedSseEnabled", None),
];

fn given(context: &Context<'_>) -> Result<BTreeMap<String, String>, ApiError> {
    let mut attributes = BTreeMap::new();
    let rows = context
        .call
        .input
        .get("Attributes")
        .and_then(Value::as_object);
    for (name, value) in rows.into_iter().flatten() {
        let Some((_, most)) = SETTABLE.iter().find(|(known, _)| known == name) else {
            let text = format!("Unknown Attribute {name}.");
            return Err(ApiError::new("InvalidAttributeName", text));
        };
        let value = value.as_str().unwrap_or_default();
        let fits = |most: u32| value.parse::<u32>().is_ok_and(|it| it <= most);
        if most.is_some_and(|most| !fits(most)) {
            let text = format!("Invalid value for the parameter {name}.");
            return Err(ApiError::new("InvalidAttributeValue", text));
        }
        attributes.insert(name.clone(), value.to_owned());
    }
    Ok(attributes)
}

/// `CreateQueue`: idempotent.
fn create(context: &mut Context<'_>) -> HandlerResult {
    let name = context.text("QueueName").to_owned();
    let plain = |it: u8| it.is_ascii_alphanumeric() || it == b'-' || it == b'_';
    if name.is_empty() || name.len() > 80 || !name.bytes().all(plain) {
        // FIFO queues are not simulated
        let text =
            "Can only include alphanumeric characters, hyphens, or underscores. 1 to 80 in length";
        return Err(ApiError::new("InvalidParameterValue", text));
    }
    let attributes = given(context)?;
    let key = (
        context.call.region.clone(),
        context.caller.account.clone(),
        name,
    );
    if let Some(queue) = context.state.queues.get(&key) {
        let same = attributes
            .iter()
            .all(|(name, value)| queue.attributes.get(name) == Some(value));
        if !same {
            let text =
                "A queue already exists with the same name and a different value for attribute.";
            return Err(ApiError::new("QueueNameExists", text));
        }
    } else {
        context.write(Window::Immediate);
        let queue = MessageQueue {
            attributes,
            created: context.now,
            ..MessageQueue::default()
        };
        context.state.queues.insert(key.clone(), queue);
    }
    members(json!({ "QueueUrl": address(context, &key) }))
}

fn delete(context: &mut Context<'_>) -> HandlerResult {
    let key = named(context)?;
    context.state.queues.remove(&key);
    nothing(context)
}

fn purge(context: &mut Context<'_>) -> HandlerResult {
    let key = named(context)?;
    if let Some(queue) = context.state.queues.get_mut(&key) {
        queue.messages.clear();
    }
    nothing(context)
}

fn url(context: &Context<'_>) -> HandlerResult {
    let name = context.text("QueueName");
    let url = format!("/{}/{name}", context.caller.account);
    let key = key_of(&context.call.region, &url).ok_or_else(absent)?;
    if !context.state.queues.contains_key(&key) {
        return Err(absent());
    }
    members(json!({ "QueueUrl": address(context, &key) }))
}

fn list(context: &Context<'_>) -> HandlerResult {
    let prefix = context.text("QueueNamePrefix");
    let here = |(region, account, name): &QueueKey| {
        *region == context.call.region
            && *account == context.caller.account
            && name.starts_with(prefix)
    };
    let found = context.state.queues.keys().filter(|key| here(key));
    let urls: Vec<String> = found.map(|key| address(context, key)).collect();
    members(if urls.is_empty() {
        json!({})
    } else {
        json!({ "QueueUrls": urls })
    })
}

fn set_attributes(context: &mut Context<'_>) -> HandlerResult {
    let key = named(context)?;
    let attributes = given(context)?;
    if let Some(queue) = context.state.queues.get_mut(&key) {
        queue.attributes.extend(attributes);
    }
    nothing(context)
}

fn attributes(context: &Context<'_>) -> HandlerResult {
    let key = named(context)?;
    let queue = context.state.queues.get(&key).ok_or_else(absent)?;
    let mut all = queue.attributes.clone();
    for name in [
        "VisibilityTimeout",
        "MessageRetentionPeriod",
        "DelaySeconds",
        "ReceiveMessageWaitTimeSeconds",
    ] {
        all.insert(name.to_owned(), queue.seconds(name).to_string());
    }
    let now = context.now;
    let count = |fits: &dyn Fn(&crate::core::queues::Message) -> bool| {
        queue
            .messages
            .iter()
            .filter(|it| fits(it))
            .count()
            .to_string()
    };
    let numbers = [
        (
            "ApproximateNumberOfMessages",
            count(&|it| it.visible <= now),
        ),
        (
            "ApproximateNumberOfMessagesNotVisible",
            count(&|it| it.visible > now && it.deliveries > 0),
        ),
        (
            "ApproximateNumberOfMessagesDelayed",
            count(&|it| it.visible > now && it.deliveries == 0),
        ),
        ("CreatedTimestamp", (queue.created / 1_000).to_string()),
        ("LastModifiedTimestamp", (queue.created / 1_000).to_string()),
        ("QueueArn", arn(&key)),
    ];
    all.extend(numbers.map(|(name, value)| (name.to_owned(), value)));
    let wanted = context
        .call
        .input
        .get("AttributeNames")
        .and_then(Value::as_array);
    let wanted: Vec<&str> = wanted
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .collect();
    all.retain(|name, _| wanted.contains(&"All") || wanted.contains(&name.as_str()));
    members(if all.is_empty() {
        json!({})
    } else {
        json!({ "Attributes": all })
    })
}
