use std::collections::BTreeMap;

use crate::base::{Millis, Random};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Region, account, name.
pub(crate) type QueueKey = (String, String, String);

/// Default visibility timeout, in seconds (AWS: "Amazon SQS visibility timeout").
const HIDDEN: i64 = 30;
/// Message retention, in seconds: four days (AWS: `SetQueueAttributes`).
const KEPT: i64 = 345_600;

#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct MessageQueue {
    pub attributes: BTreeMap<String, String>,
    pub created: Millis,
    /// Oldest first.
    pub messages: Vec<Message>,
    /// Total messages; part of their ids.
    pub sent: u64,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Message {
    pub id: String,
    pub body: String,
    pub sent: Millis,
    /// When delivery becomes possible.
    pub visible: Millis,
    pub first: Option<Millis>,
    pub deliveries: u32,
}

impl Message {
    pub(crate) fn receipt(&self) -> String {
        format!("{}#{}", self.id, self.deliveries)
    }
}

impl MessageQueue {
    pub(crate) fn seconds(&self, name: &str) -> i64 {
        let default = match name {
            "VisibilityTimeout" => HIDDEN,
            "MessageRetentionPeriod" => KEPT,
            _ => 0,
        };
        let set = self.attributes.get(name).and_then(|it| it.parse().ok());
        set.unwrap_or(default)
    }

    /// The dead-letter queue and the maximum receive count.
    pub(super) fn redrive(&self) -> Option<(String, u32)> {
        let policy: Value = serde_json::from_str(self.attributes.get("RedrivePolicy")?).ok()?;
        let most = policy.get("maxReceiveCount")?;
        let most = most.as_u64().or_else(|| most.as_str()?.parse().ok())?;
        let target = policy.get("deadLetterTargetArn")?.as_str()?;
        Some((target.to_owned(), u32::try_from(most).ok()?))
    }

    pub(super) fn is_delivered(&self, message: &Message, now: Millis) -> bool {
        message.visible <= now
            && now < message.sent + self.seconds("MessageRetentionPeriod") * 1_000
    }
}

pub(crate) fn arn((region, account, name): &QueueKey) -> String {
    format!("arn:aws:sqs:{region}:{account}:{name}")
}

pub(crate) fn key_of(region: &str, url: &str) -> Option<QueueKey> {
    let mut parts = url.rsplit('/');
    let (name, account) = (parts.next()?, parts.next()?);
    let named = account.len() == 12 && account.bytes().all(|it| it.is_ascii_digit());
    named.then(|| (region.to_owned(), account.to_owned(), name.to_owned()))
}

/// A version 4 UUID derived from the seed.
pub(crate) fn uuid(seed: u64, of: &str) -> String {
    let mut random = Random::new(seed, of);
    let text = random.hex(32);
    let part = |from: usize, to: usize| text.get(from..to).unwrap_or_default().to_owned();
    format!(
        "{}-{}-4{}-8{}-{}",
        part(0, 8),
        part(8, 12),
        part(13, 16),
        part(17, 20),
        part(20, 32)
    )
}

/// Serializes maps with non-text keys as lists of pairs.
pub(crate) mod as_rows {
    use std::collections::BTreeMap;

    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    pub(crate) fn serialize<K: Serialize, V: Serialize, S: Serializer>(
        map: &BTreeMap<K, V>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(map)
    }

    pub(crate) fn deserialize<
        'de,
        K: Deserialize<'de> + Ord,
        V: Deserialize<'de>,
        D: Deserializer<'de>,
    >(
        deserializer: D,
    ) -> Result<BTreeMap<K, V>, D::Error> {
        Ok(Vec::<(K, V)>::deserialize(deserializer)?
            .into_iter()
            .collect())
    }
}
