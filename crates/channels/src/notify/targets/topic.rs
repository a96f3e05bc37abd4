use std::sync::Arc;

use crate::wording::alert::headline;
use async_trait::async_trait;
use hallpass_access::{AlertContext, Delivery};
use hallpass_aws_model::facts;
use hallpass_base::text::line;
use serde_json::{Map, Value, json};

use super::payload::{MESSAGE_BYTES_MAX, Payload};
use super::{AlertTarget, TargetCalls, TargetSettingsError, named};

const SUBJECT_MAX: usize = facts::TOPIC_SUBJECT_CHARACTERS.count();

pub struct TopicTarget {
    channel: String,
    topic: String,
    region: String,
    public_url: String,
    calls: Arc<dyn TargetCalls>,
}

impl TopicTarget {
    /// Creates a target without a call.
    ///
    /// # Errors
    /// An invalid name or ARN.
    pub fn new(
        name: &str,
        topic: &str,
        public_url: &str,
        calls: Arc<dyn TargetCalls>,
    ) -> Result<Self, TargetSettingsError> {
        let channel = named("sns", name)?;
        let parts: Vec<&str> = topic.split(':').collect();
        let region = match parts.as_slice() {
            ["arn", partition, "sns", region, account, topic]
                if partition.starts_with("aws") && account.len() == 12 && !topic.is_empty() =>
            {
                Some(*region).filter(|it| !it.is_empty())
            }
            _ => None,
        };
        let Some(region) = region else {
            return Err(TargetSettingsError {
                target: channel,
                key: "topic",
                message: "is no ARN of a topic, as arn:aws:sns:eu-west-1:111122223333:alerts",
            });
        };
        Ok(Self {
            region: region.to_owned(),
            topic: topic.to_owned(),
            public_url: public_url.trim_end_matches('/').to_owned(),
            channel,
            calls,
        })
    }

    fn input(&self, told: &AlertContext) -> Value {
        let mut payload = Payload::of(told, &self.public_url);
        let mut message = self.message(&payload);
        if message.len() > MESSAGE_BYTES_MAX {
            payload = payload.without_rows(told);
            message = self.message(&payload);
        }
        let subject = line(&headline(&told.alert), SUBJECT_MAX);
        let mut input = Map::from_iter([
            ("TopicArn".to_owned(), self.topic.as_str().into()),
            ("Subject".to_owned(), subject.into()),
            ("MessageStructure".to_owned(), "json".into()),
            ("Message".to_owned(), message.into()),
            ("MessageAttributes".to_owned(), payload.attributes()),
        ]);
        if self.topic.rsplit('.').next() == Some("fifo") {
            payload.add_order(&mut input);
        }
        Value::Object(input)
    }

    fn message(&self, payload: &Payload) -> String {
        let letter = format!("{}\n\n{}/alerts\n", payload.text(), self.public_url);
        json!({ "default": payload.body.to_string(), "email": letter }).to_string()
    }
}

#[async_trait]
impl AlertTarget for TopicTarget {
    fn name(&self) -> &str {
        &self.channel
    }

    async fn tell(&self, told: &AlertContext) -> Delivery {
        let region = Some(self.region.as_str());
        let sent = self
            .calls
            .call(region, ("sns", "Publish"), &self.input(told))
            .await;
        sent.map_or_else(|fault| fault.delivery(), |_| Delivery::Done)
    }
}
