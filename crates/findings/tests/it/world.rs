//! An organization of the fixture, behind the port, with refusals that a test asks for.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use hallpass_events::{OrganizationEvent, read_event};
use hallpass_findings::{
    CallRefusal, EnrichSettings, Enricher, Finding, FindingCalls, RefusalKind, read_finding,
};
use hallpass_model::{Clock, Timestamp};
use serde_json::{Value, json};

/// The account of the credentials.
pub(crate) const OWN: &str = "111111111111";

pub(crate) fn fixture(name: &str) -> Value {
    let path = format!(
        "{}/../../docs/spec/fixtures/{name}.json",
        env!("CARGO_MANIFEST_DIR")
    );
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

pub(crate) fn event(name: &str) -> OrganizationEvent {
    read_event(&fixture(name).to_string()).unwrap()
}

pub(crate) fn findings(name: &str) -> Vec<Finding> {
    let event = event(name);
    let rows = event.detail["findings"].as_array().unwrap();
    rows.iter()
        .map(|row| read_finding(row, &event.region).unwrap())
        .collect()
}

pub(crate) fn now() -> Timestamp {
    "2026-03-02T10:05:00Z".parse().unwrap()
}

#[derive(Default)]
pub(crate) struct Script {
    pub(crate) calls: Vec<(String, Value)>,
    /// By operation: what the next calls are refused with.
    pub(crate) refusals: BTreeMap<String, Vec<CallRefusal>>,
    /// What the next updates leave out: id, code.
    pub(crate) unprocessed: Vec<Vec<(String, String)>>,
    /// Input of updates with more fields than this is refused as a whole.
    pub(crate) fields_max: Option<usize>,
}

pub(crate) struct World {
    accounts: Value,
    pub(crate) script: Mutex<Script>,
    now: Mutex<Timestamp>,
}

impl World {
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self {
            accounts: fixture("org-account-metadata"),
            script: Mutex::default(),
            now: Mutex::new(now()),
        })
    }

    pub(crate) fn enricher(self: &Arc<Self>, settings: EnrichSettings) -> Enricher {
        Enricher::new(
            Arc::clone(self) as Arc<dyn FindingCalls>,
            Arc::clone(self) as Arc<dyn Clock>,
            settings,
        )
    }

    pub(crate) fn pass(&self, seconds: i64) {
        let mut now = self.now.lock().unwrap();
        *now += jiff::SignedDuration::from_secs(seconds);
    }

    pub(crate) fn refuse(&self, operation: &str, kind: RefusalKind, code: &str, times: usize) {
        let refusal = CallRefusal {
            kind,
            operation: operation.to_owned(),
            code: code.to_owned(),
            message: "no".to_owned(),
        };
        let mut script = self.script.lock().unwrap();
        script
            .refusals
            .insert(operation.to_owned(), vec![refusal; times]);
    }

    /// The inputs that an operation was called with.
    pub(crate) fn inputs(&self, operation: &str) -> Vec<Value> {
        let script = self.script.lock().unwrap();
        let calls = script.calls.iter().filter(|(name, _)| name == operation);
        calls.map(|(_, input)| input.clone()).collect()
    }

    pub(crate) fn count(&self) -> usize {
        self.script.lock().unwrap().calls.len()
    }
}

impl Clock for World {
    fn now(&self) -> Timestamp {
        *self.now.lock().unwrap()
    }
}

fn refusal(operation: &str, code: &str) -> CallRefusal {
    CallRefusal {
        kind: RefusalKind::Final,
        operation: operation.to_owned(),
        code: code.to_owned(),
        message: String::new(),
    }
}

#[async_trait]
impl FindingCalls for World {
    async fn call(
        &self,
        _: Option<&str>,
        service: &'static str,
        operation: &'static str,
        input: &Value,
    ) -> Result<Value, CallRefusal> {
        let mut script = self.script.lock().unwrap();
        script.calls.push((operation.to_owned(), input.clone()));
        if let Some(refusal) = script.refusals.get_mut(operation).and_then(Vec::pop) {
            return Err(refusal);
        }
        let text = |name: &str| input[name].as_str().unwrap_or(OWN).to_owned();
        let account = |id: &str| {
            let found = self.accounts["accounts"].get(id).cloned();
            found.ok_or_else(|| refusal(operation, "AccountNotFoundException"))
        };
        match (service, operation) {
            ("sts", "GetCallerIdentity") => Ok(json!({ "Account": OWN })),
            ("organizations", "DescribeAccount") => {
                let id = text("AccountId");
                Ok(json!({ "Account": { "Id": id, "Name": account(&id)?["Name"] } }))
            }
            ("organizations", "ListParents") => {
                let unit = account(&text("ChildId"))?["OUName"].clone();
                let parent = match unit.as_str() {
                    Some("ROOT") => json!({ "Id": "r-root", "Type": "ROOT" }),
                    _ => json!({ "Id": unit, "Type": "ORGANIZATIONAL_UNIT" }),
                };
                Ok(json!({ "Parents": [parent] }))
            }
            ("organizations", "DescribeOrganizationalUnit") => {
                Ok(json!({ "OrganizationalUnit": { "Name": text("OrganizationalUnitId") } }))
            }
            ("organizations", "ListTagsForResource") => {
                // two pages, so that both are read
                let tags = account(&text("ResourceId"))?["Tags"]
                    .as_array()
                    .unwrap()
                    .clone();
                let half = tags.len() / 2;
                Ok(match input.get("NextToken") {
                    None => json!({ "Tags": tags[..half], "NextToken": "more" }),
                    Some(_) => json!({ "Tags": tags[half..] }),
                })
            }
            ("account", "GetAlternateContact") => {
                match account(&text("AccountId"))?["AlternateContact"].clone() {
                    Value::Null => Err(refusal(operation, "ResourceNotFoundException")),
                    contact => Ok(json!({ "AlternateContact": contact })),
                }
            }
            ("securityhub", "BatchUpdateFindings") => {
                let fields = input["UserDefinedFields"].as_object().unwrap().len();
                if script.fields_max.is_some_and(|most| fields > most) {
                    return Err(refusal(operation, "InvalidInputException"));
                }
                let left = script.unprocessed.pop().unwrap_or_default();
                let rows = input["FindingIdentifiers"].as_array().unwrap().iter().filter_map(|row| {
                    let (_, code) = left.iter().find(|(id, _)| row["Id"].as_str().unwrap().ends_with(id.as_str()))?;
                    Some(json!({ "FindingIdentifier": row, "ErrorCode": code, "ErrorMessage": "" }))
                });
                Ok(
                    json!({ "ProcessedFindings": [], "UnprocessedFindings": rows.collect::<Vec<_>>() }),
                )
            }
            other => panic!("{other:?}"),
        }
    }

    async fn pause(&self, _: Duration) {}
}
