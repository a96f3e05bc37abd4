//! Amazon SNS: standard topics that deliver to SQS. Accepts other protocols without delivery;
//! filters, FIFO topics and confirmations are not simulated.

mod subscriptions;

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{
    OperationHandler::{Reads, Writes},
    ServiceDescriptor,
};
use crate::core::{
    call::{Output, input_text},
    context::{Context, HandlerResult},
    errors::{self, ApiError, ErrorForms},
    publishing::publish,
    service::{BucketSharing, CallRates, PolicyFacts, SimService},
    topics::{SimTopic, TopicKey, TopicMessage, topic_arn, topic_key},
    windows::Window,
};

const NAME: &str = "sns";
const SETTABLE: [&str; 2] = ["DisplayName", "Policy"];

pub(super) static DESCRIPTOR: ServiceDescriptor = ServiceDescriptor {
    service: SimService {
        // AWS: "Amazon SNS endpoints and quotas": 30 a second for most calls
        rates: CallRates::one(BucketSharing::AccountAndRegion, 30.0, 300.0),
        errors: ErrorForms {
            invalid: |_, violations| invalid(hallpass_aws_model::message(violations)),
            page_token: || invalid("Invalid parameter: NextToken"),
            denied: |text| ApiError::denied("AuthorizationError", text),
            ..errors::QUERY
        },
        policies: Some(PolicyFacts {
            resources: |_, caller, _, input| {
                let named = ["TopicArn", "SubscriptionArn"];
                let mut named = named.iter().filter_map(|it| input_text(input, it));
                let made = input_text(input, "Name")
                    .map(|name| format!("arn:aws:sns:*:{}:{name}", caller.account));
                named
                    .next()
                    .map(str::to_owned)
                    .or(made)
                    .into_iter()
                    .collect()
            },
            ..PolicyFacts::BY_NAME
        }),
        secrets: &["NextToken"],
        page_rows: 100,
        ..SimService::named("Sns", NAME)
    },
    begin: |call| call.admit(),
    operations: &[
        &[
            ("CreateTopic", Writes(create)),
            ("DeleteTopic", Writes(delete)),
            ("ListTopics", Reads(list)),
            ("GetTopicAttributes", Reads(attributes)),
            ("SetTopicAttributes", Writes(set_attribute)),
            ("Publish", Writes(publish_one)),
        ],
        subscriptions::OPERATIONS,
    ],
};

fn invalid(text: impl Into<String>) -> ApiError {
    ApiError::new("InvalidParameter", text)
}

fn no_topic() -> ApiError {
    ApiError::new("NotFound", "Topic does not exist")
}

/// The caller's own topic: only topic policies for services are simulated.
fn named(context: &Context<'_>, member: &str) -> Result<TopicKey, ApiError> {
    let key = topic_key(context.text(member));
    let key = key.ok_or_else(|| invalid(format!("Invalid parameter: {member}")))?;
    if key.1 != *context.caller.account {
        let text = format!(
            "User: {} is not authorized to perform: SNS:{} on resource: {}",
            context.caller.arn,
            context.call.operation,
            topic_arn(&key)
        );
        return Err(ApiError::denied("AuthorizationError", text));
    }
    let is_here = key.0 == context.call.region && context.state.topics.contains_key(&key);
    if is_here { Ok(key) } else { Err(no_topic()) }
}

fn given(context: &Context<'_>) -> Result<BTreeMap<String, String>, ApiError> {
    let rows = context.call.input.get("Attributes");
    let mut found = BTreeMap::new();
    for (name, value) in rows.and_then(Value::as_object).into_iter().flatten() {
        if !SETTABLE.contains(&name.as_str()) {
            return Err(invalid(format!("{name} of a topic is not simulated.")));
        }
        let value = value.as_str().unwrap_or_default();
        found.insert(name.clone(), value.to_owned());
    }
    Ok(found)
}

/// `CreateTopic`: idempotent.
fn create(context: &mut Context<'_>) -> HandlerResult {
    let name = context.text("Name");
    let plain = |it: u8| it.is_ascii_alphanumeric() || it == b'-' || it == b'_';
    if name.is_empty() || name.len() > 256 || !name.bytes().all(plain) {
        // a FIFO topic ends with `.fifo`
        return Err(invalid("Invalid parameter: Topic Name"));
    }
    let attributes = given(context)?;
    let key = (
        context.call.region.clone(),
        context.caller.account.clone(),
        name.to_owned(),
    );
    if let Some(there) = context.state.topics.get(&key) {
        let same = |(name, value)| there.attributes.get(name) == Some(value);
        if !attributes.iter().all(same) {
            let text = "Invalid parameter: Attributes Reason: Topic already exists with different attributes";
            return Err(invalid(text));
        }
    } else {
        context.write(Window::Immediate);
        let made = SimTopic {
            attributes,
            ..SimTopic::default()
        };
        context.state.topics.insert(key.clone(), made);
    }
    Ok(Output::Members(json!({ "TopicArn": topic_arn(&key) })))
}

/// `DeleteTopic`: idempotent.
#[expect(clippy::unnecessary_wraps, reason = "operations have one form")]
fn delete(context: &mut Context<'_>) -> HandlerResult {
    context.write(Window::Immediate);
    if let Ok(key) = named(context, "TopicArn") {
        context.state.topics.remove(&key);
    }
    Ok(Output::Nothing)
}

fn own<'a>(context: &'a Context<'_>) -> impl Iterator<Item = (&'a TopicKey, &'a SimTopic)> {
    let (region, account) = (&context.call.region, &context.caller.account);
    let all = context.state.topics.iter();
    all.filter(move |((at, of, _), _)| at == region && of == account)
}

fn list(context: &Context<'_>) -> HandlerResult {
    let rows = own(context).map(|(key, _)| {
        let arn = topic_arn(key);
        (arn.clone(), json!({ "TopicArn": arn }))
    });
    context.listing(rows.collect())
}

fn attributes(context: &Context<'_>) -> HandlerResult {
    let key = named(context, "TopicArn")?;
    let topic = context.state.topics.get(&key).ok_or_else(no_topic)?;
    let confirmed = topic.subscriptions.iter().filter(|it| it.confirmed).count();
    let mut all = json!({
        "TopicArn": topic_arn(&key), "Owner": key.1, "SubscriptionsConfirmed": confirmed.to_string(),
        "SubscriptionsPending": (topic.subscriptions.len() - confirmed).to_string(), "SubscriptionsDeleted": "0",
    });
    if let Some(members) = all.as_object_mut() {
        let set = topic.attributes.iter();
        members.extend(set.map(|(name, value)| (name.clone(), value.as_str().into())));
    }
    Ok(Output::Members(json!({ "Attributes": all })))
}

fn set_attribute(context: &mut Context<'_>) -> HandlerResult {
    let key = named(context, "TopicArn")?;
    let (name, value) = (
        context.text("AttributeName"),
        context.text("AttributeValue"),
    );
    if !SETTABLE.contains(&name) {
        return Err(invalid(format!("{name} of a topic is not simulated.")));
    }
    context.write(Window::Immediate);
    let topic = context.state.topics.get_mut(&key).ok_or_else(no_topic)?;
    topic.attributes.insert(name.to_owned(), value.to_owned());
    Ok(Output::Nothing)
}

fn publish_one(context: &mut Context<'_>) -> HandlerResult {
    for other in ["TargetArn", "PhoneNumber", "MessageStructure"] {
        if context.optional(other).is_some() {
            return Err(invalid(format!("{other} is not simulated.")));
        }
    }
    let key = named(context, "TopicArn")?;
    let attributes = context.call.input.get("MessageAttributes");
    let message = TopicMessage {
        text: context.text("Message"),
        subject: context.optional("Subject"),
        attributes: attributes
            .and_then(Value::as_object)
            .cloned()
            .unwrap_or_default(),
    };
    if message.text.is_empty() {
        return Err(invalid("Invalid parameter: Empty message"));
    }
    context.write(Window::Immediate);
    let id = publish(context.state, &key, &message).ok_or_else(no_topic)?;
    Ok(Output::Members(json!({ "MessageId": id })))
}
