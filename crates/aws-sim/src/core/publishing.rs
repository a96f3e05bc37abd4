use crate::base::Millis;
use serde_json::{Map, Value, json};

use super::{
    issue::whole_seconds,
    messages,
    queues::{self, QueueKey, uuid},
    state::SimState,
    topics::{TopicKey, TopicMessage, TopicSubscription, lets_in, topic_arn},
};

pub(crate) fn queue_key(arn: &str) -> Option<QueueKey> {
    let mut parts = arn.strip_prefix("arn:aws:sqs:")?.splitn(3, ':');
    let mut next = || parts.next().map(str::to_owned);
    Some((next()?, next()?, next()?))
}

/// Creates a missing topic and subscribes the queue.
pub(crate) fn subscribe_queue(state: &mut SimState, at: &TopicKey, queue: &QueueKey) {
    let seed = state.seed;
    let topic = state.topics.entry(at.clone()).or_default();
    let endpoint = queues::arn(queue);
    if topic.subscriptions.iter().any(|it| it.endpoint == endpoint) {
        return;
    }
    topic.made += 1;
    let of = format!("subscription {} {}", topic_arn(at), topic.made);
    topic.subscriptions.push(TopicSubscription {
        id: uuid(seed, &of),
        owner: at.1.clone(),
        protocol: "sqs".to_owned(),
        endpoint,
        raw: false,
        confirmed: true,
    });
}

/// Publishes and delivers a message; returns its id. Skips queues whose policy refuses the topic.
pub(crate) fn publish(
    state: &mut SimState,
    key: &TopicKey,
    message: &TopicMessage<'_>,
) -> Option<String> {
    let (seed, now, arn) = (state.seed, state.latest, topic_arn(key));
    let topic = state.topics.get_mut(key)?;
    topic.made += 1;
    let id = uuid(seed, &format!("published {arn} {}", topic.made));
    let told: Vec<TopicSubscription> = topic.subscriptions.clone();
    for it in told
        .iter()
        .filter(|it| it.confirmed && it.protocol == "sqs")
    {
        let Some(key) = queue_key(&it.endpoint) else {
            continue;
        };
        let queue = state.queues.get(&key);
        let policy = queue.and_then(|it| it.attributes.get("Policy"));
        if !lets_in(policy, "sns.amazonaws.com", Some(&arn)) {
            continue;
        }
        let body = if it.raw {
            message.text.to_owned()
        } else {
            envelope(&arn, &id, it, message, now)
        };
        messages::send(state, &key, &body, 0);
    }
    Some(id)
}

/// The queue's message (the same, "Parsing Amazon SNS message formats"). Its signature is fake.
fn envelope(
    arn: &str,
    id: &str,
    subscription: &TopicSubscription,
    message: &TopicMessage<'_>,
    now: Millis,
) -> String {
    let region = arn.split(':').nth(3).unwrap_or_default();
    let at = whole_seconds(now);
    let host = format!("https://sns.{region}.amazonaws.com/");
    let mut body = json!({
        "Type": "Notification", "MessageId": id, "TopicArn": arn, "Message": message.text,
        "Timestamp": at.replace('Z', ".000Z"), "SignatureVersion": "1", "Signature": "c2ltdWxhdGVk",
        "SigningCertURL": format!("{host}SimpleNotificationService-0000.pem"),
        "UnsubscribeURL": format!("{host}?Action=Unsubscribe&SubscriptionArn={arn}:{}", subscription.id),
    });
    if let Some(members) = body.as_object_mut() {
        if let Some(subject) = message.subject {
            members.insert("Subject".to_owned(), subject.into());
        }
        let attributes = message.attributes.iter().map(|(name, it)| {
            let of = |name: &str| it.get(name).cloned().unwrap_or_default();
            let value = json!({ "Type": of("DataType"), "Value": of("StringValue") });
            (name.clone(), value)
        });
        let attributes: Map<String, Value> = attributes.collect();
        if !attributes.is_empty() {
            members.insert("MessageAttributes".to_owned(), attributes.into());
        }
    }
    body.to_string()
}
