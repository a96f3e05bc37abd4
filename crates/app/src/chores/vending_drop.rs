//! Account lists dropped in a bucket (`organization.md` V-14): the server reads the version of S3's
//! event, validates it as the command does, saves its plan and reports it. Nothing is created
//! before a user applies the plan.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::config::Loaded;
use crate::reports::alerts::write_happening;
use async_trait::async_trait;
use hallpass_alerts::{
    AlertRuleIdError, AlertSeverity, AlertStore, AlertWrite, HappeningRule, happened,
};
use hallpass_aws::{AwsClientSettings, BucketFiles, BucketPlace};
use hallpass_base::Clock;
use hallpass_findings::events::{EventHandler, HandledEvent, OrganizationEvent};
use hallpass_org::vending::{AccountsFile, RowStatus};
use hallpass_plans::PlanId;
use hallpass_terminal::exit::Failure;
use serde_json::{Map, Value, json};

use crate::chores::plans::PlanContext;
use crate::chores::vending_lists::{JudgedList, ListChoice, ROW_TIMEOUT, judge, save};

const RULE: &str = "vending/lists";
const KEY: [&str; 1] = ["list"];
const MESSAGE: &str = "{list}: {said}";
const BYTES_MAX: usize = 8 << 20;
const SUFFIX: &str = ".csv";
const RESULT: &str = ".result.csv";

#[derive(Clone, Debug, PartialEq, Eq)]
struct DroppedObject {
    key: String,
    etag: String,
    bytes: u64,
}

#[derive(Debug, PartialEq, Eq)]
enum Dropped {
    Elsewhere(&'static str),
    Unusable { key: String, why: String },
    List(DroppedObject),
}

/// Parses an S3 event ("Amazon S3 User Guide", "`EventBridge` event message structure").
fn dropped(place: &BucketPlace, detail: &Value) -> Result<Dropped, String> {
    let text = |pointer: &str| detail.pointer(pointer).and_then(Value::as_str);
    let (Some(bucket), Some(key)) = (text("/bucket/name"), text("/object/key")) else {
        return Err("the event names no object".to_owned());
    };
    if bucket != place.bucket {
        return Ok(Dropped::Elsewhere("it is of another bucket"));
    }
    let below = match place.root.as_str() {
        "" => Some(key),
        root => key.strip_prefix(root).and_then(|it| it.strip_prefix('/')),
    };
    let Some(key) = below.map(str::to_owned) else {
        return Ok(Dropped::Elsewhere("it is of another folder"));
    };
    if key.ends_with(RESULT) {
        return Ok(Dropped::Elsewhere("it is a result of a list"));
    }
    if key.ends_with('/') {
        return Ok(Dropped::Elsewhere("it is a folder"));
    }
    let unusable = |why: String| Dropped::Unusable {
        key: key.clone(),
        why,
    };
    if !key.ends_with(SUFFIX) {
        return Ok(unusable(format!("lists of accounts end in `{SUFFIX}`")));
    }
    let bytes = detail.pointer("/object/size").and_then(Value::as_u64);
    let bytes = bytes.unwrap_or_default();
    if bytes > BYTES_MAX as u64 {
        return Ok(unusable(format!(
            "it has {bytes} bytes, and a list has {BYTES_MAX} at most"
        )));
    }
    let Some(etag) = text("/object/etag").filter(|it| !it.is_empty()) else {
        return Err("the event has no `etag`".to_owned());
    };
    Ok(Dropped::List(DroppedObject {
        etag: etag.trim_matches('"').to_owned(),
        key,
        bytes,
    }))
}

pub struct DroppedLists {
    place: BucketPlace,
    files: BucketFiles,
    context: Arc<PlanContext>,
    choice: ListChoice,
    defaults: BTreeMap<String, String>,
    alerts: Arc<dyn AlertStore>,
    clock: Arc<dyn Clock>,
    rule: HappeningRule,
}

struct ListNews {
    said: String,
    result: Option<String>,
}

impl DroppedLists {
    /// `None` without a configured bucket.
    ///
    /// # Errors
    /// Exit 2 for an invalid configuration.
    pub async fn open(
        loaded: &Loaded,
        client: &AwsClientSettings,
        context: Arc<PlanContext>,
        alerts: Arc<dyn AlertStore>,
        clock: Arc<dyn Clock>,
    ) -> Result<Option<Self>, Failure> {
        let Some(place) = loaded.vending_bucket()? else {
            return Ok(None);
        };
        let files = BucketFiles::at(client, place.clone(), Arc::clone(&clock), fastrand::u64(..));
        let files = Box::pin(files).await;
        let rule = rule().map_err(Failure::bug)?;
        Ok(Some(Self {
            files: files.map_err(|error| Failure::failed(format!("cannot start: {error}")))?,
            choice: ListChoice::of_configuration(loaded)?,
            defaults: loaded.vending_defaults()?,
            place,
            context,
            alerts,
            clock,
            rule,
        }))
    }

    async fn take(&self, object: &DroppedObject) -> Result<ListNews, Failure> {
        let told = |said: String| ListNews { said, result: None };
        let read = self
            .files
            .get_as_told(&object.key, &object.etag, BYTES_MAX)
            .await;
        let Some(bytes) = read.map_err(|error| Failure::failed(error.to_string()))? else {
            let said = "it was deleted or replaced: a new one is reported separately";
            return Ok(told(said.to_owned()));
        };
        let file = match AccountsFile::read(&bytes) {
            Ok(file) => file.with_defaults(self.defaults.clone()),
            Err(bad) => return Ok(told(format!("{}: {}", bad.pointer, bad.message))),
        };
        match judge(&self.context, &file, &self.choice).await? {
            JudgedList::GoesOn(plan) => Ok(told(format!(
                "plan {plan} of this list is unfinished; `hallpass org plan resume {plan}` resumes it"
            ))),
            JudgedList::Judged(judged) => {
                let saved = save(&self.context, &judged, ROW_TIMEOUT).await;
                Ok(ListNews {
                    said: match &saved {
                        Ok(plan) => summary(&judged.counts(), plan.as_ref()),
                        Err(refused) => format!("no plan is saved: {}", refused.words()),
                    },
                    result: Some(judged.csv()),
                })
            }
        }
    }

    /// Reports an object's result once per version.
    async fn tell(&self, key: &str, etag: &str, said: &str) -> HandledEvent {
        let row = json!({ "list": format!("{} ({etag})", self.files.shown(key)), "said": said });
        let row: Map<String, Value> = row.as_object().cloned().unwrap_or_default();
        let now = self.clock.now();
        let step = |state| happened(&self.rule, state, &row, now);
        let done = |_: &AlertWrite| "it is judged and reported";
        write_happening(self.alerts.as_ref(), &self.rule.id, step, done).await
    }

    async fn handle_one(&self, event: &OrganizationEvent) -> HandledEvent {
        let object = match dropped(&self.place, &event.detail) {
            Err(why) => return HandledEvent::Refused(why),
            Ok(Dropped::Elsewhere(why)) => return HandledEvent::Done(why.to_owned()),
            Ok(Dropped::Unusable { key, why }) => {
                let id = event.id.as_str().to_owned();
                return self.tell(&key, &id, &why).await;
            }
            Ok(Dropped::List(object)) => object,
        };
        tracing::info!(
            list = object.key,
            bytes = object.bytes,
            "a list was dropped"
        );
        let news = match self.take(&object).await {
            Ok(news) => news,
            // AWS or the store failed: the event is redelivered, finally to the dead-letter queue
            Err(failure) => return HandledEvent::Again(failure.words()),
        };
        // CRASH: the redelivery puts the same bytes again
        if let Some(result) = news.result {
            let key = format!("{}{RESULT}", object.key.trim_end_matches(SUFFIX));
            if let Err(error) = self.files.put(&key, result.into_bytes()).await {
                return HandledEvent::Again(error.to_string());
            }
        }
        self.tell(&object.key, &object.etag, &news.said).await
    }
}

fn rule() -> Result<HappeningRule, AlertRuleIdError> {
    Ok(HappeningRule {
        id: RULE.parse()?,
        severity: AlertSeverity::Medium,
        key: KEY.map(str::to_owned).to_vec(),
        message: MESSAGE.to_owned(),
        mail_to: Vec::new(),
    })
}

fn summary(counts: &BTreeMap<RowStatus, usize>, plan: Option<&PlanId>) -> String {
    let rows: Vec<String> = counts
        .iter()
        .map(|(status, count)| format!("{count} {}", status.name()))
        .collect();
    match plan {
        Some(plan) => format!(
            "{}; nothing was made; `hallpass org plan show {plan}` shows plan {plan}, `hallpass org plan resume {plan} --apply` carries it out",
            rows.join(", ")
        ),
        None => format!("{}; no row of the list is to be made", rows.join(", ")),
    }
}

#[async_trait]
impl EventHandler for DroppedLists {
    fn takes(&self, source: &str, detail_type: &str) -> bool {
        source == "aws.s3" && detail_type == "Object Created"
    }

    async fn handle(&self, events: &[OrganizationEvent]) -> Vec<HandledEvent> {
        let mut handled = Vec::with_capacity(events.len());
        for event in events {
            handled.push(self.handle_one(event).await);
        }
        handled
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_lists_of_the_place_are_read_and_no_large_ones() {
        let place = BucketPlace::parse("s3://lists/new").unwrap().unwrap();
        let event = |bucket: &str, key: &str, size: u64| json!({ "bucket": { "name": bucket }, "object": { "key": key, "size": size, "etag": "\"e1\"" } });
        let read = |bucket: &str, key: &str, size: u64| dropped(&place, &event(bucket, key, size));
        let list = DroppedObject {
            key: "a/b.csv".to_owned(),
            etag: "e1".to_owned(),
            bytes: 9,
        };
        assert_eq!(read("lists", "new/a/b.csv", 9), Ok(Dropped::List(list)));
        for (bucket, key) in [
            ("other", "new/a.csv"),
            ("lists", "newer/a.csv"),
            ("lists", "a.csv"),
            ("lists", "new/a.result.csv"),
            ("lists", "new/folder/"),
        ] {
            let found = read(bucket, key, 9);
            assert!(matches!(found, Ok(Dropped::Elsewhere(_))), "{bucket} {key}");
        }
        for (key, size) in [("new/a.xlsx", 9), ("new/a.csv", (8 << 20) + 1)] {
            let found = read("lists", key, size);
            assert!(
                matches!(found, Ok(Dropped::Unusable { .. })),
                "{key} {size}"
            );
        }
        assert!(dropped(&place, &json!({})).is_err());
    }

    #[test]
    fn a_plan_is_told_with_the_command_that_carries_it_out() {
        let counts = BTreeMap::from([(RowStatus::Valid, 2), (RowStatus::Invalid, 1)]);
        let plan = PlanId::named("0123456789abcdef");
        let said = summary(&counts, Some(&plan));
        assert!(
            said.starts_with("2 VALID, 1 INVALID; nothing was made"),
            "{said}"
        );
        assert!(
            said.contains("hallpass org plan resume 0123456789abcdef"),
            "{said}"
        );
        assert!(summary(&counts, None).ends_with("no row of the list is to be made"));
    }
}
