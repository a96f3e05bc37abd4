//! Channels: topics for an account's insights in a Region.

use hallpass_aws_model::facts;
use serde_json::{Value, json};

use super::{Context, HandlerResult, Output, input_text};
use crate::core::{
    errors::ApiError,
    topics::{NotificationChannel, lets_in, topic_key},
    windows::Window,
};
use crate::services::OperationHandler::{Reads, Writes};
use crate::services::OperationRow;

pub(super) const OPERATIONS: &[OperationRow] = &[
    ("AddNotificationChannel", Writes(add)),
    ("ListNotificationChannels", Reads(list)),
    ("RemoveNotificationChannel", Writes(remove)),
];

const MOST: usize = facts::GURU_CHANNELS.count();

fn place(context: &Context<'_>) -> (String, String) {
    (context.caller.account.clone(), context.call.region.clone())
}

fn texts(input: &Value, pointer: &str) -> Vec<String> {
    let all = input.pointer(pointer).and_then(Value::as_array);
    let all = all.into_iter().flatten().filter_map(Value::as_str);
    all.map(str::to_owned).collect()
}

/// `AddNotificationChannel`: another account's topic must allow the service.
fn add(context: &mut Context<'_>) -> HandlerResult {
    let input = &context.call.input;
    let config = input.pointer("/Config/Sns").cloned().unwrap_or_default();
    let topic = input_text(&config, "TopicArn")
        .unwrap_or_default()
        .to_owned();
    let key = topic_key(&topic).filter(|(region, ..)| *region == context.call.region);
    let found = key.as_ref().and_then(|key| context.state.topics.get(key));
    let Some(found) = found else {
        let text = format!("The topic {topic} does not exist.");
        return Err(ApiError::new("ResourceNotFoundException", text));
    };
    let is_own = key.is_some_and(|(_, account, _)| account == context.caller.account);
    let service = format!("{}.devops-guru.amazonaws.com", context.call.region);
    if !is_own && !lets_in(found.attributes.get("Policy"), &service, None) {
        let text = format!("The policy of the topic {topic} does not let {service} publish.");
        return Err(ApiError::denied("AccessDeniedException", text));
    }
    let place = place(context);
    let here = context.state.notification_channels.get(&place);
    let here = here.map(Vec::as_slice).unwrap_or_default();
    if here.iter().any(|it| it.topic == topic) {
        let text = format!("There is a channel for the topic {topic} already.");
        return Err(ApiError::new("ConflictException", text));
    }
    if here.len() >= MOST {
        let text = format!("An account has {MOST} channels in a Region at most.");
        return Err(ApiError::new("ServiceQuotaExceededException", text));
    }
    let (severities, messages) = (
        texts(input, "/Config/Filters/Severities"),
        texts(input, "/Config/Filters/MessageTypes"),
    );
    context.write(Window::Immediate);
    let id = context.random().uuid();
    let made = NotificationChannel {
        id: id.clone(),
        topic,
        severities,
        messages,
    };
    let all = &mut context.state.notification_channels;
    all.entry(place).or_default().push(made);
    Ok(Output::Members(json!({ "Id": id })))
}

/// `ListNotificationChannels`: never more than a page.
#[expect(clippy::unnecessary_wraps, reason = "operations have one form")]
fn list(context: &Context<'_>) -> HandlerResult {
    let here = context.state.notification_channels.get(&place(context));
    let rows = here.into_iter().flatten().map(|it| {
        let mut config = json!({ "Sns": { "TopicArn": it.topic } });
        let mut filters = serde_json::Map::new();
        for (name, values) in [
            ("Severities", &it.severities),
            ("MessageTypes", &it.messages),
        ] {
            if !values.is_empty() {
                filters.insert(name.to_owned(), json!(values));
            }
        }
        if let (false, Some(config)) = (filters.is_empty(), config.as_object_mut()) {
            config.insert("Filters".to_owned(), filters.into());
        }
        json!({ "Id": it.id, "Config": config })
    });
    Ok(Output::Members(
        json!({ "Channels": rows.collect::<Vec<Value>>() }),
    ))
}

fn remove(context: &mut Context<'_>) -> HandlerResult {
    let (id, place) = (context.text("Id").to_owned(), place(context));
    let here = context.state.notification_channels.get_mut(&place);
    let there = here.filter(|all| all.iter().any(|it| it.id == id));
    let Some(there) = there else {
        let text = format!("The channel {id} does not exist.");
        return Err(ApiError::new("ResourceNotFoundException", text));
    };
    there.retain(|it| it.id != id);
    context.write(Window::Immediate);
    Ok(Output::Members(json!({})))
}
