use std::sync::Arc;

use async_trait::async_trait;
use hallpass_access::{AlertContext, Delivery};
use reqwest::Url;
use serde_json::{Map, Value};

use super::payload::{MESSAGE_BYTES_MAX, Payload};
use super::{AlertTarget, TargetCalls, TargetSettingsError, named};

pub struct QueueTarget {
    channel: String,
    url: String,
    region: Option<String>,
    public_url: String,
    calls: Arc<dyn TargetCalls>,
}

impl QueueTarget {
    /// Creates a target without a call.
    ///
    /// # Errors
    /// An invalid name or address.
    pub fn new(
        name: &str,
        queue: &str,
        public_url: &str,
        calls: Arc<dyn TargetCalls>,
    ) -> Result<Self, TargetSettingsError> {
        let channel = named("sqs", name)?;
        let error = |message| TargetSettingsError {
            target: channel.clone(),
            key: "queue",
            message,
        };
        let address = Url::parse(queue).map_err(|_| error("is no address of a queue"))?;
        let host = address
            .host_str()
            .ok_or_else(|| error("is no address of a queue"))?;
        if address.scheme() != "https" && !crate::notify::mail::is_loopback(host) {
            return Err(error("must begin with https://"));
        }
        let mut parts = host.split('.');
        let region = match (parts.next(), parts.next()) {
            (Some("sqs"), Some(region)) => Some(region.to_owned()),
            _ => None,
        };
        Ok(Self {
            region,
            url: queue.to_owned(),
            public_url: public_url.trim_end_matches('/').to_owned(),
            channel,
            calls,
        })
    }

    fn input(&self, told: &AlertContext) -> Value {
        let mut payload = Payload::of(told, &self.public_url);
        let mut body = payload.body.to_string();
        if body.len() > MESSAGE_BYTES_MAX {
            payload = payload.without_rows(told);
            body = payload.body.to_string();
        }
        let mut input = Map::from_iter([
            ("QueueUrl".to_owned(), self.url.as_str().into()),
            ("MessageAttributes".to_owned(), payload.attributes()),
            ("MessageBody".to_owned(), body.into()),
        ]);
        if self.url.rsplit('.').next() == Some("fifo") {
            payload.add_order(&mut input);
        }
        Value::Object(input)
    }
}

#[async_trait]
impl AlertTarget for QueueTarget {
    fn name(&self) -> &str {
        &self.channel
    }

    async fn tell(&self, told: &AlertContext) -> Delivery {
        let region = self.region.as_deref();
        let sent = self
            .calls
            .call(region, ("sqs", "SendMessage"), &self.input(told))
            .await;
        sent.map_or_else(|fault| fault.delivery(), |_| Delivery::Done)
    }
}
