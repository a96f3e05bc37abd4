mod trails;

use crate::base::Millis;
use hallpass_aws_model::{facts, message};
use serde_json::{Value, json};

use super::{OperationHandler::Reads, ServiceDescriptor};
use crate::core::{
    call::{input_text, seconds},
    context::{Context, HandlerResult},
    errors::{self, ApiError, ErrorForms},
    event_history::HistoryEvent,
    service::{BucketSharing, CallRate, CallRates, PolicyFacts, SimService},
    trails::Trail,
};

const NAME: &str = "cloudtrail";
pub(super) static DESCRIPTOR: ServiceDescriptor = ServiceDescriptor {
    service: SimService {
        // `LookupEvents` counts as a write here: two a second per account and Region (the same
        // page)
        rates: CallRates::Split {
            reads: CallRate {
                shared: BucketSharing::AccountAndRegion,
                rate: 10.0,
                burst: 10.0,
            },
            writes: CallRate {
                shared: BucketSharing::AccountAndRegion,
                rate: facts::LOOKUP_CALLS.rate(),
                burst: facts::LOOKUP_CALLS.rate(),
            },
        },
        errors: ErrorForms {
            invalid: |_, violations| {
                let is_size = violations.iter().any(|it| it.path == "maxResults");
                let code = if is_size {
                    "InvalidMaxResultsException"
                } else {
                    "InvalidParameterCombinationException"
                };
                ApiError::new(code, message(violations))
            },
            page_token: || {
                ApiError::new("InvalidNextTokenException", "The NextToken is not valid.")
            },
            ..errors::JSON
        },
        policies: Some(PolicyFacts {
            // the call's trail, if it exists; `LookupEvents` and listings use `*`
            resources: |state, caller, _, input| {
                let named = input_text(input, "Name").unwrap_or_default();
                let own = |it: &&Trail| it.account == caller.account || it.arn() == named;
                let mut trails = state.trails.values().filter(own);
                let found = trails.find(|it| it.name == named || it.arn() == named);
                found.map(Trail::arn).into_iter().collect()
            },
            ..PolicyFacts::BY_NAME
        }),
        page_rows: 50,
        ..SimService::named("CloudTrail", NAME)
    },
    begin: |call| call.admit(),
    operations: &[&[("LookupEvents", Reads(look_up))], trails::OPERATIONS],
};

/// `LookupEvents`: newest first; one condition at most.
fn look_up(context: &Context<'_>) -> HandlerResult {
    let input = &context.call.input;
    let conditions = input.get("LookupAttributes").and_then(Value::as_array);
    let conditions = conditions.map(Vec::as_slice).unwrap_or_default();
    if conditions.len() > 1 {
        let text = "You can specify only one lookup attribute.";
        return Err(ApiError::new("InvalidLookupAttributesException", text));
    }
    let (from, until) = (instant(input, "StartTime"), instant(input, "EndTime"));
    if from.zip(until).is_some_and(|(from, until)| from > until) {
        let text = "The start time is after the end time.";
        return Err(ApiError::new("InvalidTimeRangeException", text));
    }
    let page = context.page()?;
    let state = &*context.state;
    let (account, region) = (&context.caller.account, &context.call.region);
    let is_wanted = |it: &&HistoryEvent| {
        // `EndTime` and event times are whole seconds
        let is_in =
            from.is_none_or(|from| it.at >= from) && until.is_none_or(|to| it.at < to + 1_000);
        is_in && conditions.iter().all(|condition| fits(it, condition))
    };
    let speed = state.settings.speed;
    let seen = state.history.seen(account, region, context.now, speed);
    let place = |it: &HistoryEvent| {
        (
            u64::MAX - it.at.unsigned_abs(),
            it.text("eventID").to_owned(),
        )
    };
    let mut found: Vec<(u64, String, &HistoryEvent)> = seen
        .filter(is_wanted)
        .map(|it| {
            let (order, id) = place(it);
            (order, id, it)
        })
        .filter(|(order, id, _)| {
            let after = page.after.as_ref();
            after.is_none_or(|after| (*order, id) > (after.0, &after.1))
        })
        .collect();
    found.sort_by(|a, b| (a.0, &a.1).cmp(&(b.0, &b.1)));
    let rows = found
        .into_iter()
        .map(|(order, id, it)| (order, id, shape(it)));
    let (rows, token) = page.take(rows);
    Ok(context.paged(rows, token))
}

fn instant(input: &Value, name: &str) -> Option<Millis> {
    let seconds = input.get(name)?.as_f64()?;
    #[expect(
        clippy::cast_possible_truncation,
        reason = "an instant of this era, or none that matters"
    )]
    let millis = (seconds * 1000.0) as Millis;
    Some(millis)
}

fn fits(event: &HistoryEvent, condition: &Value) -> bool {
    let wanted = input_text(condition, "AttributeValue").unwrap_or_default();
    let found = match input_text(condition, "AttributeKey").unwrap_or_default() {
        "EventId" => event.text("eventID"),
        "EventName" => event.text("eventName"),
        "EventSource" => event.text("eventSource"),
        "Username" => event.user_name(),
        "ReadOnly" => read_only(event),
        "AccessKeyId" => access_key(event),
        // no record names its resources
        _ => return false,
    };
    found == wanted
}

fn read_only(event: &HistoryEvent) -> &'static str {
    match event.record.get("readOnly").and_then(Value::as_bool) {
        Some(true) => "true",
        Some(false) | None => "false",
    }
}

fn access_key(event: &HistoryEvent) -> &str {
    let key = event.record.pointer("/userIdentity/accessKeyId");
    key.and_then(Value::as_str).unwrap_or_default()
}

fn shape(event: &HistoryEvent) -> Value {
    json!({
        "EventId": event.text("eventID"),
        "EventName": event.text("eventName"),
        "ReadOnly": read_only(event),
        "AccessKeyId": access_key(event),
        "EventTime": seconds(event.at / 1000 * 1000),
        "EventSource": event.text("eventSource"),
        "Username": event.user_name(),
        "Resources": [],
        "CloudTrailEvent": event.record.to_string(),
    })
}
