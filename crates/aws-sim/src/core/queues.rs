//! Queues of SQS.

use std::collections::BTreeMap;

use crate::base::{Millis, Random};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Where a queue is, and what it is called: Region, account, name.
pub(crate) type QueueKey = (String, String, String);

/// How long a received message is hidden unless somebody says otherwise, in seconds (AWS: "Amazon SQS visibility
/// timeout").
const HIDDEN: i64 = 30;
/// How long a message is kept, in seconds: four days (AWS: `SetQueueAttributes`).
const KEPT: i64 = 345_600;

/// A queue.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct MessageQueue {
    /// Attributes that were set.
    pub attributes: BTreeMap<String, String>,
    /// When it was made.
    pub created: Millis,
    /// Its messages, the oldest first.
    pub messages: Vec<Message>,
    /// How many messages it ever had: ids are made of it.
    pub sent: u64,
}

/// A message.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Message {
    /// Its id.
    pub id: String,
    /// Its body.
    pub body: String,
    /// When it was sent.
    pub sent: Millis,
    /// From when on it is delivered.
    pub visible: Millis,
    /// When it was delivered first.
    pub first: Option<Millis>,
    /// How often it was delivered.
    pub deliveries: u32,
}

impl Message {
    /// What a delivery is known by.
    pub(crate) fn receipt(&self) -> String {
        format!("{}#{}", self.id, self.deliveries)
    }
}

impl MessageQueue {
    /// An attribute that is a number of seconds.
    pub(crate) fn seconds(&self, name: &str) -> i64 {
        let default = match name {
            "VisibilityTimeout" => HIDDEN,
            "MessageRetentionPeriod" => KEPT,
            _ => 0,
        };
        let set = self.attributes.get(name).and_then(|it| it.parse().ok());
        set.unwrap_or(default)
    }

    /// Where messages go that were received too often, and how often that is.
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

/// The ARN of a queue.
pub(crate) fn arn((region, account, name): &QueueKey) -> String {
    format!("arn:aws:sqs:{region}:{account}:{name}")
}

/// The queue that an address names.
pub(crate) fn key_of(region: &str, url: &str) -> Option<QueueKey> {
    let mut parts = url.rsplit('/');
    let (name, account) = (parts.next()?, parts.next()?);
    let named = account.len() == 12 && account.bytes().all(|it| it.is_ascii_digit());
    named.then(|| (region.to_owned(), account.to_owned(), name.to_owned()))
}

/// A UUID of version 4 in form, drawn from the seed.
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

/// Maps whose keys are no text, as lists of pairs.
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
