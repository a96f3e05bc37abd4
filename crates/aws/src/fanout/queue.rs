//! An SQS queue as source of events. Does not retry: the next intake round does.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use hallpass_aws_model::facts;
use hallpass_aws_model::wire::catalog;
use hallpass_base::Clock;
use hallpass_findings::events::{EventQueue, QueueFault, QueuedMessage};
use serde_json::{Value, json};

use super::any_service::AnyService;
use crate::AwsClientSettings;
use crate::connect::configure_quietly;

const BATCH_MAX: usize = facts::QUEUE_BATCH.count();

pub struct SqsQueue {
    aws: AnyService,
    url: String,
    region: String,
}

impl std::fmt::Debug for SqsQueue {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SqsQueue")
            .field("url", &self.url)
            .finish_non_exhaustive()
    }
}

impl SqsQueue {
    /// Finds credentials and endpoints. Makes no call. The Region is that of the address, else the
    /// home Region.
    pub async fn new(
        client: AwsClientSettings,
        url: String,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, String> {
        let config = configure_quietly(&client, &clock).await;
        let aws = AnyService::new(config, client.endpoint_url.clone(), clock)?;
        let region = region_of(&url).unwrap_or(client.region);
        Ok(Self { aws, url, region })
    }

    pub async fn send(&self, body: &str) -> Result<(), QueueFault> {
        self.call("SendMessage", json!({ "MessageBody": body }))
            .await
            .map(|_| ())
    }

    async fn call(&self, operation: &str, mut input: Value) -> Result<Value, QueueFault> {
        if let Some(members) = input.as_object_mut() {
            members.insert("QueueUrl".to_owned(), self.url.as_str().into());
        }
        let answer = self
            .aws
            .named("sqs", operation, &input, (&self.region, None))
            .await;
        answer
            .map_err(|fault| QueueFault(format!("{operation}: {}: {}", fault.code, fault.message)))
    }

    /// One call for each ten receipts. Ignores expired deliveries.
    async fn batches(
        &self,
        operation: &str,
        receipts: &[String],
        more: &Value,
    ) -> Result<(), QueueFault> {
        for some in receipts.chunks(BATCH_MAX) {
            let entries = some.iter().enumerate().map(|(place, receipt)| {
                let mut entry = json!({ "Id": place.to_string(), "ReceiptHandle": receipt });
                if let (Some(entry), Some(more)) = (entry.as_object_mut(), more.as_object()) {
                    entry.extend(more.clone());
                }
                entry
            });
            let answer = self
                .call(operation, json!({ "Entries": entries.collect::<Vec<_>>() }))
                .await?;
            let failed = answer.get("Failed").and_then(Value::as_array);
            let ours = |row: &&Value| row.get("SenderFault").and_then(Value::as_bool) != Some(true);
            if let Some(row) = failed.into_iter().flatten().find(ours) {
                return Err(QueueFault(format!("{operation}: {row}")));
            }
        }
        Ok(())
    }
}

fn region_of(url: &str) -> Option<String> {
    let host = url.split("//").nth(1)?.split(['/', ':']).next()?;
    let region = host.strip_prefix("sqs.")?.split('.').next()?;
    catalog().has_region(region).then(|| region.to_owned())
}

#[async_trait]
impl EventQueue for SqsQueue {
    async fn receive(
        &self,
        most: usize,
        wait: Duration,
        hidden: Duration,
    ) -> Result<Vec<QueuedMessage>, QueueFault> {
        let input = json!({
            "MaxNumberOfMessages": most, "WaitTimeSeconds": wait.as_secs(), "VisibilityTimeout": hidden.as_secs(),
            "MessageSystemAttributeNames": ["ApproximateReceiveCount"],
        });
        let answer = self.call("ReceiveMessage", input).await?;
        let rows = answer.get("Messages").and_then(Value::as_array);
        let messages = rows.into_iter().flatten().filter_map(|row| {
            let text = |name: &str| Some(row.get(name)?.as_str()?.to_owned());
            let count = row
                .pointer("/Attributes/ApproximateReceiveCount")
                .and_then(Value::as_str);
            Some(QueuedMessage {
                id: text("MessageId")?,
                receipt: text("ReceiptHandle")?,
                body: text("Body").unwrap_or_default(),
                deliveries: count.and_then(|it| it.parse().ok()).unwrap_or(1),
            })
        });
        Ok(messages.collect())
    }

    async fn delete(&self, receipts: &[String]) -> Result<(), QueueFault> {
        self.batches("DeleteMessageBatch", receipts, &json!({}))
            .await
    }

    async fn hide(&self, receipts: &[String], long: Duration) -> Result<(), QueueFault> {
        let more = json!({ "VisibilityTimeout": long.as_secs() });
        self.batches("ChangeMessageVisibilityBatch", receipts, &more)
            .await
    }

    async fn pause(&self, long: Duration) {
        tokio::time::sleep(long).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_region_is_that_of_the_address() {
        for (url, expected) in [
            (
                "https://sqs.eu-west-1.amazonaws.com/111111111111/events",
                Some("eu-west-1"),
            ),
            ("http://127.0.0.1:4570/111111111111/events", None),
            ("https://sqs.nowhere.example.com/1/e", None),
            ("events", None),
        ] {
            assert_eq!(region_of(url).as_deref(), expected, "{url}");
        }
    }
}
