//! SNS topics and subscriptions: SQS queues, with an envelope or raw (Amazon SNS Developer Guide,
//! "Fanout to Amazon SQS queues").

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

/// Region, account, name.
pub(crate) type TopicKey = (String, String, String);

#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct SimTopic {
    pub attributes: BTreeMap<String, String>,
    pub subscriptions: Vec<TopicSubscription>,
    /// Total messages and subscriptions; part of their ids.
    pub made: u64,
}

#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct TopicSubscription {
    pub id: String,
    pub owner: String,
    /// `sqs`, `email` and so on.
    pub protocol: String,
    /// Queue ARN, or address.
    pub endpoint: String,
    /// Delivers without an envelope.
    pub raw: bool,
    pub confirmed: bool,
}

#[derive(Debug, Clone, Default)]
pub(crate) struct TopicMessage<'a> {
    pub text: &'a str,
    pub subject: Option<&'a str>,
    /// Message attributes as in the API.
    pub attributes: Map<String, Value>,
}

pub(crate) fn topic_arn((region, account, name): &TopicKey) -> String {
    format!("arn:aws:sns:{region}:{account}:{name}")
}

pub(crate) fn topic_key(arn: &str) -> Option<TopicKey> {
    let mut parts = arn.strip_prefix("arn:aws:sns:")?.splitn(3, ':');
    let mut next = || parts.next().filter(|it| !it.is_empty()).map(str::to_owned);
    Some((next()?, next()?, next()?))
}

/// Policy of a file's queue or topic: allows these services the action.
pub(crate) fn service_policy(services: &[&str], action: &str) -> String {
    json!({ "Version": "2012-10-17", "Statement": [{
        "Effect": "Allow", "Principal": { "Service": services }, "Action": action, "Resource": "*",
    }] })
    .to_string()
}

/// Whether a policy admits a service for a source. Evaluates only conditions on `aws:SourceArn`.
pub(crate) fn lets_in(policy: Option<&String>, service: &str, source: Option<&str>) -> bool {
    let read = policy.and_then(|it| serde_json::from_str::<Value>(it).ok());
    let statements = match read.as_ref().and_then(|it| it.get("Statement")) {
        Some(Value::Array(all)) => all.clone(),
        Some(one) => vec![one.clone()],
        None => return false,
    };
    let texts = |value: Option<&Value>| match value {
        Some(Value::String(one)) => vec![one.clone()],
        Some(Value::Array(all)) => {
            let all = all.iter().filter_map(Value::as_str);
            all.map(str::to_owned).collect()
        }
        _ => Vec::new(),
    };
    statements.iter().any(|it| {
        let principal = it.get("Principal");
        let anybody = principal.is_some_and(|it| it == "*");
        let services = texts(principal.and_then(|it| it.get("Service")));
        let is_named = services.iter().any(|name| name == service || name == "*");
        let conditions = it.get("Condition").and_then(Value::as_object);
        let sources = conditions.into_iter().flatten().flat_map(|(_, keys)| {
            let keys = keys.as_object().into_iter().flatten();
            let named = keys.filter(|(key, _)| key.eq_ignore_ascii_case("aws:SourceArn"));
            named.flat_map(|(_, value)| texts(Some(value)))
        });
        let sources: Vec<String> = sources.collect();
        let fits = |wanted: &String| match (source, wanted.strip_suffix('*')) {
            (Some(source), Some(begin)) => source.starts_with(begin),
            (Some(source), None) => source == wanted,
            (None, _) => false,
        };
        it.get("Effect").is_some_and(|it| it == "Allow")
            && (anybody || is_named)
            && (sources.is_empty() || sources.iter().any(fits))
    })
}

/// A DevOps Guru channel: a topic and its filters.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct NotificationChannel {
    pub id: String,
    pub topic: String,
    /// Empty: all.
    pub severities: Vec<String>,
    /// Empty: all.
    pub messages: Vec<String>,
}

impl NotificationChannel {
    pub(crate) fn takes(&self, severity: &str, message: &str) -> bool {
        let fits = |all: &[String], is: &str| all.is_empty() || all.iter().any(|it| it == is);
        fits(&self.severities, severity) && fits(&self.messages, message)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn policies_let_in_whom_they_name_for_the_source_that_they_name() {
        let policy = |principal: Value, condition: Value| {
            json!({ "Statement": { "Effect": "Allow", "Principal": principal, "Action": "sqs:SendMessage",
                "Resource": "*", "Condition": condition } })
            .to_string()
        };
        let sns = json!({ "Service": "sns.amazonaws.com" });
        let from = |arn: &str| json!({ "ArnLike": { "aws:SourceArn": arn } });
        let topic = "arn:aws:sns:eu-west-1:111111111111:t";
        for (text, expected) in [
            (policy(sns.clone(), json!({})), true),
            (policy(json!("*"), from(topic)), true),
            (policy(sns.clone(), from("arn:aws:sns:eu-west-1:*")), true),
            (
                policy(sns, from("arn:aws:sns:eu-west-1:111111111111:u")),
                false,
            ),
            (
                policy(json!({ "Service": "events.amazonaws.com" }), json!({})),
                false,
            ),
            ("{".to_owned(), false),
        ] {
            let found = lets_in(Some(&text), "sns.amazonaws.com", Some(topic));
            // `…eu-west-1:*` ends with a star and so is a prefix
            assert_eq!(found, expected, "{text}");
        }
        assert!(!lets_in(None, "sns.amazonaws.com", Some(topic)));
    }
}
