//! Handles Lambda invocations: an envelope, or messages of a queue or topic.
//!
//! Stateless: handlers must tolerate repeats; failures go to the function's queue or destination.

use serde_json::{Value, json};

use crate::events::envelope::{OrganizationEvent, read_event};
use crate::events::ports::{EventHandler, HandledEvent};

#[derive(Clone, Debug, PartialEq)]
pub enum InvocationAnswer {
    /// For an SQS batch: messages to retry ("Handling errors for an SQS event source in Lambda",
    /// `batchItemFailures`).
    Done(Value),
    /// Lambda retries it or sends it to the failure destination.
    Failed { kind: &'static str, message: String },
}

struct InvokedMessage {
    id: String,
    outcome: HandledEvent,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Sender {
    /// A bus rule: one envelope.
    Bus,
    /// A queue mapping: messages fail individually.
    Queue,
    /// A topic: messages fail together.
    Topic,
}

pub async fn answer_invocation(handler: &dyn EventHandler, text: &str) -> InvocationAnswer {
    let (sender, bodies) = match read_invocation(text) {
        Ok(read) => read,
        Err(message) => {
            return InvocationAnswer::Failed {
                kind: "UnreadableEvent",
                message,
            };
        }
    };
    let messages = handle(handler, bodies).await;
    match sender {
        Sender::Queue => batch(&messages),
        Sender::Bus | Sender::Topic => together(&messages),
    }
}

/// Returns message ids and bodies.
fn read_invocation(text: &str) -> Result<(Sender, Vec<(String, String)>), String> {
    let whole: Value =
        serde_json::from_str(text).map_err(|error| format!("the event is no JSON: {error}"))?;
    let Some(records) = whole.get("Records").and_then(Value::as_array) else {
        return Ok((Sender::Bus, vec![(String::new(), text.to_owned())]));
    };
    let text_at = |record: &Value, pointer: &str| {
        let found = record.pointer(pointer).and_then(Value::as_str);
        found.map(str::to_owned)
    };
    let is_queue = |it: &Value| text_at(it, "/eventSource").as_deref() == Some("aws:sqs");
    let is_topic = |it: &Value| text_at(it, "/EventSource").as_deref() == Some("aws:sns");
    let (sender, id, body) = if records.iter().all(is_queue) {
        (Sender::Queue, "/messageId", "/body")
    } else if records.iter().all(is_topic) {
        (Sender::Topic, "/Sns/MessageId", "/Sns/Message")
    } else {
        return Err("its records are neither of SQS nor of SNS".to_owned());
    };
    let read = records.iter().map(|record| {
        let id = text_at(record, id).ok_or_else(|| format!("a record has no `{id}`"))?;
        let body = text_at(record, body).ok_or_else(|| format!("`{id}` has no `{body}`"))?;
        Ok((id, body))
    });
    Ok((sender, read.collect::<Result<_, String>>()?))
}

/// Returns results in message order; matching events are handled together.
async fn handle(handler: &dyn EventHandler, bodies: Vec<(String, String)>) -> Vec<InvokedMessage> {
    let mut messages = Vec::with_capacity(bodies.len());
    let (mut places, mut wanted): (Vec<usize>, Vec<OrganizationEvent>) = Default::default();
    for (id, body) in bodies {
        let outcome = match read_event(&body) {
            Err(error) => HandledEvent::Refused(error.to_string()),
            Ok(event) if handler.takes(&event.source, &event.detail_type) => {
                places.push(messages.len());
                wanted.push(event);
                HandledEvent::Again("the handler returned no result for it".to_owned())
            }
            Ok(_) => HandledEvent::Done("no handler takes it".to_owned()),
        };
        messages.push(InvokedMessage { id, outcome });
    }
    if wanted.is_empty() {
        return messages;
    }
    let outcomes = handler.handle(&wanted).await;
    for (place, outcome) in places.into_iter().zip(outcomes) {
        if let Some(message) = messages.get_mut(place) {
            message.outcome = outcome;
        }
    }
    messages
}

fn why(outcome: &HandledEvent) -> Option<&str> {
    match outcome {
        HandledEvent::Done(_) => None,
        HandledEvent::Again(why) | HandledEvent::Refused(why) => Some(why),
    }
}

fn batch(messages: &[InvokedMessage]) -> InvocationAnswer {
    let failed = messages.iter().filter(|it| why(&it.outcome).is_some());
    let failed: Vec<Value> = failed
        .map(|it| json!({ "itemIdentifier": it.id }))
        .collect();
    InvocationAnswer::Done(json!({ "batchItemFailures": failed }))
}

fn together(messages: &[InvokedMessage]) -> InvocationAnswer {
    let failed: Vec<&str> = messages.iter().filter_map(|it| why(&it.outcome)).collect();
    if failed.is_empty() {
        let done: Vec<&str> = messages
            .iter()
            .map(|it| match &it.outcome {
                HandledEvent::Done(words)
                | HandledEvent::Again(words)
                | HandledEvent::Refused(words) => words.as_str(),
            })
            .collect();
        return InvocationAnswer::Done(json!({ "outcome": done.join("; ") }));
    }
    let is_passing = messages
        .iter()
        .any(|it| matches!(it.outcome, HandledEvent::Again(_)));
    InvocationAnswer::Failed {
        kind: if is_passing { "NotNow" } else { "Refused" },
        message: failed.join("; "),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use async_trait::async_trait;

    use super::*;

    #[derive(Default)]
    struct Obeys(Mutex<Vec<usize>>);

    #[async_trait]
    impl EventHandler for Obeys {
        fn takes(&self, source: &str, _: &str) -> bool {
            source == "test"
        }

        async fn handle(&self, events: &[OrganizationEvent]) -> Vec<HandledEvent> {
            self.0.lock().unwrap().push(events.len());
            let one = |event: &OrganizationEvent| match event.detail.as_str() {
                Some("again") => HandledEvent::Again("throttled".to_owned()),
                Some("refuse") => HandledEvent::Refused("no such account".to_owned()),
                _ => HandledEvent::Done("done".to_owned()),
            };
            events.iter().map(one).collect()
        }
    }

    fn envelope(source: &str, detail: &str) -> String {
        json!({ "id": detail, "source": source, "detail-type": "t", "detail": detail }).to_string()
    }

    fn of_queue(bodies: &[&str]) -> String {
        let records = bodies.iter().enumerate().map(|(n, body)| {
            json!({ "messageId": format!("m{n}"), "eventSource": "aws:sqs", "body": body })
        });
        json!({ "Records": records.collect::<Vec<_>>() }).to_string()
    }

    fn failed(kind: &'static str, message: &str) -> InvocationAnswer {
        InvocationAnswer::Failed {
            kind,
            message: message.to_owned(),
        }
    }

    #[tokio::test]
    async fn an_envelope_by_itself_succeeds_or_is_invoked_again() {
        let done = |words: &str| InvocationAnswer::Done(json!({ "outcome": words }));
        for (text, expected) in [
            (envelope("test", "do"), done("done")),
            (envelope("other", "do"), done("no handler takes it")),
            (envelope("test", "again"), failed("NotNow", "throttled")),
            (
                envelope("test", "refuse"),
                failed("Refused", "no such account"),
            ),
            ("{}".to_owned(), failed("Refused", "the event has no `id`")),
        ] {
            let answer = answer_invocation(&Obeys::default(), &text).await;
            assert_eq!(answer, expected, "{text}");
        }
    }

    #[tokio::test]
    async fn a_message_that_cannot_be_handled_holds_up_no_other() {
        let handler = Obeys::default();
        let bodies = [
            envelope("test", "do"),
            envelope("test", "again"),
            "{".to_owned(),
            envelope("other", "do"),
            envelope("test", "refuse"),
        ];
        let bodies: Vec<&str> = bodies.iter().map(String::as_str).collect();
        let answer = answer_invocation(&handler, &of_queue(&bodies)).await;
        let failures = ["m1", "m2", "m4"].map(|id| json!({ "itemIdentifier": id }));
        let expected = json!({ "batchItemFailures": failures });
        assert_eq!(answer, InvocationAnswer::Done(expected));
        assert_eq!(*handler.0.lock().unwrap(), [3]);
        let nothing = answer_invocation(&handler, &of_queue(&bodies[..1])).await;
        let expected = json!({ "batchItemFailures": [] });
        assert_eq!(nothing, InvocationAnswer::Done(expected));
    }

    #[tokio::test]
    async fn messages_of_a_topic_fail_together() {
        let record = |detail: &str| {
            let sns = json!({ "MessageId": detail, "Message": envelope("test", detail) });
            json!({ "EventSource": "aws:sns", "Sns": sns })
        };
        let text = json!({ "Records": [record("do"), record("refuse")] }).to_string();
        let answer = answer_invocation(&Obeys::default(), &text).await;
        assert_eq!(answer, failed("Refused", "no such account"));
    }

    #[tokio::test]
    async fn what_is_no_invocation_is_said() {
        for (text, part) in [
            ("", "no JSON"),
            (
                r#"{"Records":[{"eventSource":"aws:s3"}]}"#,
                "neither of SQS nor of SNS",
            ),
            (
                r#"{"Records":[{"eventSource":"aws:sqs","body":"{}"}]}"#,
                "no `/messageId`",
            ),
            (
                r#"{"Records":[{"eventSource":"aws:sqs","messageId":"m"}]}"#,
                "no `/body`",
            ),
        ] {
            match answer_invocation(&Obeys::default(), text).await {
                InvocationAnswer::Failed { kind, message } => {
                    assert_eq!(kind, "UnreadableEvent");
                    assert!(message.contains(part), "{text}: {message}");
                }
                done @ InvocationAnswer::Done(_) => panic!("{text}: {done:?}"),
            }
        }
    }
}
