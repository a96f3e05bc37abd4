//! One recorder and delivery channel per account and Region. Generated ones record everything, or
//! are missing.

use serde_json::{Value, json};

use super::{ApiError, Context, HandlerResult, items};
use crate::core::{
    call::{Output, seconds},
    config_recorders::{NAME, SimRecorder},
    state::SimState,
    windows::Window,
};
use crate::services::OperationHandler::{Reads, Writes};
use crate::services::OperationRow;

pub(super) const OPERATIONS: &[OperationRow] = &[
    ("DescribeConfigurationRecorders", Reads(describe)),
    (
        "DescribeConfigurationRecorderStatus",
        Reads(describe_status),
    ),
    ("DescribeDeliveryChannels", Reads(channels)),
    ("PutConfigurationRecorder", Writes(put_recorder)),
    ("PutDeliveryChannel", Writes(put_channel)),
    ("StartConfigurationRecorder", Writes(start)),
    ("StopConfigurationRecorder", Writes(stop)),
    ("DeleteConfigurationRecorder", Writes(delete)),
    ("DeleteDeliveryChannel", Writes(delete_channel)),
];

fn place(context: &Context<'_>) -> (String, String) {
    (context.caller.account.clone(), context.call.region.clone())
}

fn here(context: &Context<'_>) -> SimRecorder {
    let (account, region) = place(context);
    let known = context.state.config_recorders.known(&account, &region);
    known.unwrap_or_else(|| {
        let drawn = items::recording(context.state, &account, &region).status();
        drawn.map_or_else(SimRecorder::default, |_| SimRecorder::usual(&account))
    })
}

#[expect(clippy::unnecessary_wraps, reason = "operations have one form")]
fn put(context: &mut Context<'_>, recorder: SimRecorder) -> HandlerResult {
    context.write(Window::Immediate);
    let place = place(context);
    let known = &mut context.state.config_recorders;
    known.written.insert(place, recorder);
    Ok(Output::Nothing)
}

fn name_of(row: Option<&Value>) -> Option<&str> {
    row?.get("name").and_then(Value::as_str)
}

fn no_recorder(name: &str) -> ApiError {
    let text = format!("Cannot find configuration recorder with the specified name '{name}'.");
    ApiError::new("NoSuchConfigurationRecorderException", text)
}

fn no_channel(name: &str) -> ApiError {
    let text = format!("Cannot find delivery channel with specified name '{name}'.");
    ApiError::new("NoSuchDeliveryChannelException", text)
}

fn check_names(
    context: &Context<'_>,
    member: &str,
    own: Option<&str>,
    none: fn(&str) -> ApiError,
) -> Result<(), ApiError> {
    let names = context.call.input.get(member).and_then(Value::as_array);
    let names = names.into_iter().flatten().filter_map(Value::as_str);
    let mut others = names.filter(|name| own != Some(*name));
    others.next().map_or(Ok(()), |name| Err(none(name)))
}

fn arn(context: &Context<'_>, name: &str) -> String {
    let (account, region) = place(context);
    format!("arn:aws:config:{region}:{account}:configuration-recorder/{name}")
}

fn describe(context: &Context<'_>) -> HandlerResult {
    let here = here(context).recorder;
    let own = name_of(here.as_ref());
    check_names(context, "ConfigurationRecorderNames", own, no_recorder)?;
    let arn = arn(context, own.unwrap_or(NAME));
    let all: Vec<Value> = here
        .into_iter()
        .map(|mut row| {
            if let Some(members) = row.as_object_mut() {
                members.insert("arn".to_owned(), arn.clone().into());
            }
            row
        })
        .collect();
    Ok(Output::Members(json!({ "ConfigurationRecorders": all })))
}

fn describe_status(context: &Context<'_>) -> HandlerResult {
    let state: &SimState = context.state;
    let since = seconds(state.joined(&context.caller.account));
    let here = here(context);
    let own = name_of(here.recorder.as_ref());
    check_names(context, "ConfigurationRecorderNames", own, no_recorder)?;
    let all: Vec<Value> = own
        .map(|name| {
            json!({
                "arn": arn(context, name), "name": name, "recording": here.recording, "lastStatus": "SUCCESS",
                "lastStartTime": since, "lastStatusChangeTime": since,
            })
        })
        .into_iter()
        .collect();
    Ok(Output::Members(
        json!({ "ConfigurationRecordersStatus": all }),
    ))
}

fn channels(context: &Context<'_>) -> HandlerResult {
    let here = here(context).channel;
    let own = name_of(here.as_ref());
    check_names(context, "DeliveryChannelNames", own, no_channel)?;
    let all: Vec<Value> = here.into_iter().collect();
    Ok(Output::Members(json!({ "DeliveryChannels": all })))
}

fn given(context: &Context<'_>, member: &str) -> Value {
    let mut given = context.call.input.get(member).cloned().unwrap_or_default();
    if let Some(members) = given.as_object_mut() {
        members.entry("name").or_insert_with(|| NAME.into());
        members.remove("arn");
    }
    given
}

fn put_recorder(context: &mut Context<'_>) -> HandlerResult {
    let (row, mut here) = (given(context, "ConfigurationRecorder"), here(context));
    let own = name_of(here.recorder.as_ref());
    if own.is_some() && own != name_of(Some(&row)) {
        let text = "You cannot create a new configuration recorder: the maximum of 1 is there.";
        return Err(ApiError::new(
            "MaxNumberOfConfigurationRecordersExceededException",
            text,
        ));
    }
    here.recorder = Some(row);
    put(context, here)
}

/// `PutDeliveryChannel`: requires a recorder.
fn put_channel(context: &mut Context<'_>) -> HandlerResult {
    let (row, mut here) = (given(context, "DeliveryChannel"), here(context));
    if here.recorder.is_none() {
        let text = "A configuration recorder is not available to put the delivery channel.";
        return Err(ApiError::new(
            "NoAvailableConfigurationRecorderException",
            text,
        ));
    }
    here.channel = Some(row);
    put(context, here)
}

fn named_recorder(context: &Context<'_>) -> Result<SimRecorder, ApiError> {
    let (name, here) = (context.text("ConfigurationRecorderName"), here(context));
    if name_of(here.recorder.as_ref()) == Some(name) {
        return Ok(here);
    }
    Err(no_recorder(name))
}

/// `StartConfigurationRecorder`: requires a delivery channel.
fn start(context: &mut Context<'_>) -> HandlerResult {
    let here = named_recorder(context)?;
    if here.channel.is_none() {
        let text = "Delivery channel is not available to start configuration recorder.";
        return Err(ApiError::new("NoAvailableDeliveryChannelException", text));
    }
    let recording = true;
    put(context, SimRecorder { recording, ..here })
}

fn stop(context: &mut Context<'_>) -> HandlerResult {
    let here = named_recorder(context)?;
    let recording = false;
    put(context, SimRecorder { recording, ..here })
}

fn delete(context: &mut Context<'_>) -> HandlerResult {
    let here = named_recorder(context)?;
    let gone = SimRecorder {
        recorder: None,
        recording: false,
        ..here
    };
    put(context, gone)
}

/// `DeleteDeliveryChannel`: refused while recording.
fn delete_channel(context: &mut Context<'_>) -> HandlerResult {
    let (name, here) = (context.text("DeliveryChannelName"), here(context));
    if name_of(here.channel.as_ref()) != Some(name) {
        return Err(no_channel(name));
    }
    if here.recording {
        let text = format!(
            "Failed to delete last specified delivery channel with name '{name}', because there is a running \
             configuration recorder."
        );
        return Err(ApiError::new(
            "LastDeliveryChannelDeleteFailedException",
            text,
        ));
    }
    let channel = None;
    put(context, SimRecorder { channel, ..here })
}
