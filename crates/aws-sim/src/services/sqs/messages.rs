use std::collections::BTreeSet;

use crate::base::Millis;
use base64::{Engine as _, engine::general_purpose::STANDARD};
use hallpass_aws_model::facts;
use serde_json::{Map, Value, json};

use super::{
    ApiError, Context, HandlerResult, QueueKey, absent, digest::md5, failed, members, named,
    nothing, number,
};
use crate::core::{
    call::input_text,
    messages::{receive, send},
    queues::Message,
    windows::Window,
};
use crate::services::{OperationHandler::Writes, OperationRow};

pub(super) const OPERATIONS: &[OperationRow] = &[
    ("SendMessage", Writes(send_one)),
    ("ReceiveMessage", Writes(receive_some)),
    ("DeleteMessage", Writes(delete)),
    ("DeleteMessageBatch", Writes(delete_batch)),
    ("ChangeMessageVisibility", Writes(change_visibility)),
    (
        "ChangeMessageVisibilityBatch",
        Writes(change_visibility_batch),
    ),
];

const BYTES_MAX: usize = facts::QUEUE_MESSAGE_BYTES.count();
const HIDDEN_MAX: i64 = facts::QUEUE_HIDDEN_SECONDS.value as i64;
const BATCH_MAX: usize = facts::QUEUE_BATCH.count();

fn send_one(context: &mut Context<'_>) -> HandlerResult {
    let key = named(context)?;
    let body = context.text("MessageBody");
    if body.is_empty() || body.len() > BYTES_MAX {
        let text = format!(
            "One or more parameters are invalid. Reason: Message must be shorter than {BYTES_MAX} bytes."
        );
        return Err(ApiError::new("InvalidParameterValue", text));
    }
    let default = context
        .state
        .queues
        .get(&key)
        .map_or(0, |it| it.seconds("DelaySeconds"));
    let delay = number(&context.call.input, "DelaySeconds", default, (0, 900))?;
    context.write(Window::Immediate);
    let id = send(context.state, &key, body, delay * 1_000).ok_or_else(absent)?;
    members(json!({ "MessageId": id, "MD5OfMessageBody": md5(body.as_bytes()) }))
}

/// `ReceiveMessage`. The HTTP layer does long polling.
fn receive_some(context: &mut Context<'_>) -> HandlerResult {
    let key = named(context)?;
    let input = &context.call.input;
    let most = number(input, "MaxNumberOfMessages", 1, (1, 10))?;
    number(input, "WaitTimeSeconds", 0, (0, 20))?;
    let default = context
        .state
        .queues
        .get(&key)
        .map_or(0, |it| it.seconds("VisibilityTimeout"));
    let hidden = number(input, "VisibilityTimeout", default, (0, HIDDEN_MAX))?;
    let most = usize::try_from(most).unwrap_or(1);
    let until = context.now + hidden * 1_000;
    let before = context
        .state
        .queues
        .get(&key)
        .map_or(0, |it| it.messages.len());
    let got = receive(context.state, &key, most, until);
    let after = context
        .state
        .queues
        .get(&key)
        .map_or(0, |it| it.messages.len());
    if got.is_empty() && before == after {
        return members(json!({}));
    }
    context.write(Window::Immediate);
    if got.is_empty() {
        return members(json!({}));
    }
    let rows: Vec<Value> = got.iter().map(|it| row(context, it)).collect();
    members(json!({ "Messages": rows }))
}

fn row(context: &Context<'_>, message: &Message) -> Value {
    let first = message.first.unwrap_or(message.sent);
    let all = [
        ("ApproximateReceiveCount", message.deliveries.to_string()),
        ("ApproximateFirstReceiveTimestamp", first.to_string()),
        ("SentTimestamp", message.sent.to_string()),
        ("SenderId", context.caller.account.clone()),
    ];
    let lists = ["AttributeNames", "MessageSystemAttributeNames"];
    let lists = lists
        .iter()
        .filter_map(|name| context.call.input.get(*name)?.as_array());
    let wanted: BTreeSet<&str> = lists.flatten().filter_map(Value::as_str).collect();
    let shown = all
        .into_iter()
        .filter(|(name, _)| wanted.contains("All") || wanted.contains(name));
    let attributes: Map<String, Value> = shown
        .map(|(name, value)| (name.to_owned(), value.into()))
        .collect();
    let mut row = json!({
        "MessageId": message.id, "ReceiptHandle": STANDARD.encode(message.receipt()),
        "MD5OfBody": md5(message.body.as_bytes()), "Body": message.body,
    });
    if let Some(row) = row.as_object_mut().filter(|_| !attributes.is_empty()) {
        row.insert("Attributes".to_owned(), Value::Object(attributes));
    }
    row
}

fn receipt(input: &Value) -> Result<String, ApiError> {
    let given = input_text(input, "ReceiptHandle").unwrap_or_default();
    let bytes = STANDARD.decode(given).ok();
    let text = bytes
        .and_then(|it| String::from_utf8(it).ok())
        .filter(|it| it.contains('#'));
    text.ok_or_else(|| {
        let text = format!("The input receipt handle \"{given}\" is not a valid receipt handle.");
        ApiError::new("ReceiptHandleIsInvalid", text)
    })
}

/// An older delivery does not delete its message (AWS: `DeleteMessage`).
fn delete_by(context: &mut Context<'_>, key: &QueueKey, input: &Value) -> Result<(), ApiError> {
    let receipt = receipt(input)?;
    if let Some(queue) = context.state.queues.get_mut(key) {
        queue.messages.retain(|it| it.receipt() != receipt);
    }
    Ok(())
}

fn hide_by(context: &mut Context<'_>, key: &QueueKey, input: &Value) -> Result<(), ApiError> {
    let receipt = receipt(input)?;
    let until: Millis =
        context.now + number(input, "VisibilityTimeout", 0, (0, HIDDEN_MAX))? * 1_000;
    let now = context.now;
    let queue = context.state.queues.get_mut(key).ok_or_else(absent)?;
    let found = queue
        .messages
        .iter_mut()
        .find(|it| it.receipt() == receipt && it.visible > now);
    let Some(message) = found else {
        let text = "Value for parameter ReceiptHandle is invalid. Reason: Message does not exist or is not \
            available for visibility timeout change.";
        return Err(ApiError::new("InvalidParameterValue", text));
    };
    message.visible = until;
    Ok(())
}

fn delete(context: &mut Context<'_>) -> HandlerResult {
    let key = named(context)?;
    let call = context.call;
    delete_by(context, &key, &call.input)?;
    nothing(context)
}

fn change_visibility(context: &mut Context<'_>) -> HandlerResult {
    let key = named(context)?;
    let call = context.call;
    hide_by(context, &key, &call.input)?;
    nothing(context)
}

fn delete_batch(context: &mut Context<'_>) -> HandlerResult {
    batch(context, delete_by)
}

fn change_visibility_batch(context: &mut Context<'_>) -> HandlerResult {
    batch(context, hide_by)
}

type EntryHandler = fn(&mut Context<'_>, &QueueKey, &Value) -> Result<(), ApiError>;

fn batch(context: &mut Context<'_>, each: EntryHandler) -> HandlerResult {
    let key = named(context)?;
    let call = context.call;
    let entries = call.input.get("Entries").and_then(Value::as_array);
    let entries: Vec<&Value> = entries.into_iter().flatten().collect();
    let ids: Vec<&str> = entries
        .iter()
        .map(|it| input_text(it, "Id").unwrap_or_default())
        .collect();
    let refusal = if entries.is_empty() {
        Some((
            "EmptyBatchRequest",
            "There should be at least one entry in the request.",
        ))
    } else if entries.len() > BATCH_MAX {
        Some((
            "TooManyEntriesInBatchRequest",
            "Maximum number of entries per request are 10.",
        ))
    } else if ids.iter().collect::<BTreeSet<_>>().len() < ids.len() {
        Some((
            "BatchEntryIdsNotDistinct",
            "Two or more batch entries in the request have the same Id.",
        ))
    } else {
        None
    };
    if let Some((code, text)) = refusal {
        return Err(ApiError::new(code, text));
    }
    let (mut done, mut not) = (Vec::new(), Vec::new());
    for (id, entry) in ids.iter().zip(&entries) {
        match each(context, &key, entry) {
            Ok(()) => done.push(json!({ "Id": id })),
            Err(error) => not.push(failed(id, &error)),
        }
    }
    context.write(Window::Immediate);
    members(json!({ "Successful": done, "Failed": not }))
}
