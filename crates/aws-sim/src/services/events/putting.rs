use crate::base::Millis;
use hallpass_aws_model::facts;
use serde_json::{Map, Value, json};

use super::{BUS, Context, HandlerResult, bus_arn, invalid, rules};
use crate::core::{
    bus::{BusEvent, put_on},
    call::{Output, input_text},
    issue::whole_seconds,
    windows::Window,
};
use crate::services::OperationHandler::{Reads, Writes};
use crate::services::OperationRow;

pub(super) const OPERATIONS: &[OperationRow] = &[
    ("PutEvents", Writes(put)),
    ("TestEventPattern", Reads(test_pattern)),
];

const BYTES_MAX: usize = facts::EVENTS_BYTES.count();
/// Bytes counted for an entry's time (Amazon `EventBridge` User Guide, "Calculating `PutEvents`
/// event entry size").
const TIME_BYTES: usize = 14;
/// Characters of a detail type (Amazon `EventBridge` API Reference, `PutEventsRequestEntry`).
const DETAIL_TYPE_MAX: usize = 128;
/// Required members of an event (the same, `TestEventPattern`).
const MANDATORY: [&str; 7] = [
    "id",
    "account",
    "source",
    "time",
    "region",
    "resources",
    "detail-type",
];

fn texts(entry: &Value) -> Vec<String> {
    let rows = entry.get("Resources").and_then(Value::as_array);
    let rows = rows.into_iter().flatten().filter_map(Value::as_str);
    rows.map(str::to_owned).collect()
}

fn size(entry: &Value) -> usize {
    let time = entry.get("Time").map_or(0, |_| TIME_BYTES);
    let text = |name: &str| input_text(entry, name).map_or(0, str::len);
    let resources: usize = texts(entry).iter().map(String::len).sum();
    time + text("Source") + text("DetailType") + text("Detail") + resources
}

/// `PutEvents`: entries succeed or fail individually.
fn put(context: &mut Context<'_>) -> HandlerResult {
    if context.optional("EndpointId").is_some() {
        return Err(invalid("EndpointId is not simulated."));
    }
    let call = context.call;
    let entries = call.input.get("Entries").and_then(Value::as_array);
    let entries = entries.map(Vec::as_slice).unwrap_or_default();
    if entries.iter().map(size).sum::<usize>() > BYTES_MAX {
        let text = "Total size of the entries in the request is over the limit.";
        return Err(invalid(text));
    }
    context.write(Window::Immediate);
    let mut failed = 0;
    let mut rows = Vec::new();
    for entry in entries {
        rows.push(match put_one(context, entry) {
            Ok(id) => json!({ "EventId": id }),
            Err((code, text)) => {
                failed += 1;
                json!({ "ErrorCode": code, "ErrorMessage": text })
            }
        });
    }
    Ok(Output::Members(
        json!({ "FailedEntryCount": failed, "Entries": rows }),
    ))
}

fn invalid_argument(name: &str, reason: &str) -> (&'static str, String) {
    let text = format!("Parameter {name} is not valid. Reason: {reason}");
    ("InvalidArgument", text)
}

/// Puts an entry; returns the event's id. One for a missing bus is accepted and lost.
fn put_one(context: &mut Context<'_>, entry: &Value) -> Result<String, (&'static str, String)> {
    let text = |name: &'static str| {
        let given = input_text(entry, name).filter(|it| !it.is_empty());
        given.ok_or_else(|| invalid_argument(name, &format!("{name} is a required argument.")))
    };
    let (source, detail_type, detail) = (text("Source")?, text("DetailType")?, text("Detail")?);
    if detail_type.chars().count() > DETAIL_TYPE_MAX {
        let reason = format!("DetailType has more than {DETAIL_TYPE_MAX} characters.");
        return Err(invalid_argument("DetailType", &reason));
    }
    let detail = serde_json::from_str::<Value>(detail)
        .ok()
        .filter(Value::is_object);
    let detail = detail.ok_or_else(|| ("MalformedDetail", "Detail is malformed.".to_owned()))?;
    if source.starts_with("aws.") {
        let text = "Not authorized for the source.".to_owned();
        return Err(("NotAuthorizedForSourceException", text));
    }
    let own = (context.caller.account.clone(), context.call.region.clone());
    let wanted = input_text(entry, "EventBusName").unwrap_or(BUS);
    let account = wanted.split(':').nth(4).unwrap_or(&own.0);
    if account != own.0 {
        // cross-account bus policies are not simulated
        let (arn, action) = (&context.caller.arn, "events:PutEvents");
        let text =
            format!("User: {arn} is not authorized to perform: {action} on resource: {wanted}");
        return Err(("AccessDeniedException", text));
    }
    let event = BusEvent {
        source,
        detail_type,
        resources: texts(entry),
        detail,
    };
    let time = whole_seconds(given_time(entry).unwrap_or(context.now));
    let is_there = wanted == BUS || wanted == bus_arn(&own);
    let bus = if is_there {
        own
    } else {
        (String::new(), String::new())
    };
    Ok(put_on(context.state, &bus, &event, &time))
}

/// Seconds since the epoch.
fn given_time(entry: &Value) -> Option<Millis> {
    let seconds = entry.get("Time")?.as_f64()?;
    #[expect(
        clippy::cast_possible_truncation,
        reason = "values out of range move to the limit"
    )]
    let whole = seconds as Millis;
    Some(whole.saturating_mul(1_000))
}

fn test_pattern(context: &Context<'_>) -> HandlerResult {
    let pattern = rules::pattern(context.text("EventPattern"))?;
    let event: Value = serde_json::from_str(context.text("Event")).unwrap_or_default();
    let members = event.as_object().cloned().unwrap_or_default();
    let lacks = |members: &Map<String, Value>| {
        let mut names = MANDATORY.iter();
        names.find(|it| !members.contains_key(**it)).copied()
    };
    if let Some(name) = lacks(&members) {
        let text = format!("Parameter Event is not valid. Reason: {name} is a required field.");
        return Err(invalid(text));
    }
    Ok(Output::Members(json!({ "Result": pattern.takes(&event) })))
}
