//! The fixture's organization behind the port, with scripted refusals.

use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use hallpass_base::{Clock, Timestamp};
use hallpass_findings::events::{OrganizationEvent, read_event};
use hallpass_findings::{
    CallRefusal, EnrichSettings, EnrichTrigger, Enricher, Finding, FindingCalls, RefusalKind,
    WantedFinding, read_finding,
};
use serde_json::{Value, json};

const PAGE: usize = 3;
pub(crate) const OWN: &str = "111111111111";

pub(crate) fn fixture(name: &str) -> Value {
    static READ: LazyLock<Mutex<BTreeMap<String, Value>>> = LazyLock::new(Mutex::default);
    let mut read = READ.lock().unwrap();
    let parse = || {
        let path = format!(
            "{}/../../docs/spec/fixtures/{name}.json",
            env!("CARGO_MANIFEST_DIR")
        );
        serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
    };
    read.entry(name.to_owned()).or_insert_with(parse).clone()
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

pub(crate) fn wanted(findings: &[Finding]) -> Vec<WantedFinding> {
    let imported = EnrichTrigger::Imported;
    findings.iter().map(|it| it.wanted(imported)).collect()
}

pub(crate) fn document(it: &Finding) -> Value {
    let note = it.note.as_ref();
    let note = note.map(|it| json!({ "Text": it.text, "UpdatedBy": it.updated_by }));
    let state = if it.active { "ACTIVE" } else { "ARCHIVED" };
    json!({
        "ProductArn": it.product_arn, "Id": it.id, "AwsAccountId": it.account, "Region": it.region,
        "AwsAccountName": it.account_name, "RecordState": state, "Note": note, "UserDefinedFields": it.fields,
    })
}

pub(crate) fn now() -> Timestamp {
    "2026-03-02T10:05:00Z".parse().unwrap()
}

#[derive(Default)]
pub(crate) struct Script {
    pub(crate) calls: Vec<(String, Value)>,
    pub(crate) refusals: BTreeMap<String, Vec<CallRefusal>>,
    pub(crate) unprocessed: Vec<Vec<(String, String)>>,
    /// Refuses updates with more fields.
    pub(crate) fields_max: Option<usize>,
}

pub(crate) type Interference = Box<dyn FnMut(&str, &mut BTreeMap<String, Value>) + Send>;

pub(crate) struct World {
    accounts: Mutex<Value>,
    pub(crate) hub: Mutex<BTreeMap<String, Value>>,
    pub(crate) before_calls: Mutex<Option<Interference>>,
    pub(crate) script: Mutex<Script>,
    now: Mutex<Timestamp>,
}

impl World {
    pub(crate) fn new() -> Arc<Self> {
        let names = [
            "imported",
            "multi",
            "enriched",
            "analyst-note",
            "other-accounts",
        ];
        let events = names.map(|name| fixture(&format!("org-sh-{name}")));
        let rows = events
            .iter()
            .flat_map(|it| it["detail"]["findings"].as_array().unwrap());
        let hub = rows.map(|it| (it["Id"].as_str().unwrap().to_owned(), it.clone()));
        Arc::new(Self {
            accounts: Mutex::new(fixture("org-account-metadata")),
            hub: Mutex::new(hub.collect()),
            before_calls: Mutex::default(),
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

    pub(crate) fn stand(&self, findings: &[Finding]) {
        let mut hub = self.hub.lock().unwrap();
        hub.extend(findings.iter().map(|it| (it.id.clone(), document(it))));
    }

    pub(crate) fn tag(&self, account: &str, key: &str, value: &str) {
        let mut accounts = self.accounts.lock().unwrap();
        let tags = accounts["accounts"][account]["Tags"]
            .as_array_mut()
            .unwrap();
        tags.retain(|it| it["Key"] != key);
        tags.push(json!({ "Key": key, "Value": value }));
    }

    pub(crate) fn relocate(&self, account: &str, unit: &str) {
        self.accounts.lock().unwrap()["accounts"][account]["OUName"] = unit.into();
    }

    pub(crate) fn take(&self, account: &str) -> Value {
        let mut accounts = self.accounts.lock().unwrap();
        let all = accounts["accounts"].as_object_mut().unwrap();
        all.remove(account).unwrap()
    }

    pub(crate) fn put(&self, account: &str, facts: Value) {
        self.accounts.lock().unwrap()["accounts"][account] = facts;
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

impl World {
    fn update(&self, script: &mut Script, input: &Value) -> Result<Value, CallRefusal> {
        let fields = input["UserDefinedFields"].as_object().unwrap().len();
        if script.fields_max.is_some_and(|most| fields > most) {
            return Err(refusal("BatchUpdateFindings", "InvalidInputException"));
        }
        let left = script.unprocessed.pop().unwrap_or_default();
        let mut hub = self.hub.lock().unwrap();
        let rows = input["FindingIdentifiers"]
            .as_array()
            .unwrap()
            .iter()
            .filter_map(|row| {
                let id = row["Id"].as_str().unwrap();
                let code = left.iter().find(|(end, _)| id.ends_with(end.as_str()));
                let code = match (code, hub.get_mut(id)) {
                    (Some((_, code)), _) => code.as_str(),
                    (None, None) => "FindingNotFound",
                    (None, Some(finding)) => {
                        for name in ["Note", "UserDefinedFields"] {
                            if let Some(value) = input.get(name) {
                                finding[name] = value.clone();
                            }
                        }
                        return None;
                    }
                };
                Some(json!({ "FindingIdentifier": row, "ErrorCode": code, "ErrorMessage": "" }))
            });
        Ok(json!({ "ProcessedFindings": [], "UnprocessedFindings": rows.collect::<Vec<_>>() }))
    }

    fn page(&self, input: &Value) -> Value {
        let ids = input["Filters"]["Id"].as_array().unwrap();
        assert!((1..=20).contains(&ids.len()), "{ids:?}");
        let hub = self.hub.lock().unwrap();
        let rows = hub
            .iter()
            .filter(|(id, _)| ids.iter().any(|it| it["Value"] == **id));
        let from: usize = input["NextToken"]
            .as_str()
            .map_or(0, |it| it.parse().unwrap());
        let rows: Vec<Value> = rows
            .skip(from)
            .take(PAGE + 1)
            .map(|(_, it)| it.clone())
            .collect();
        let more = rows.len() > PAGE;
        json!({
            "Findings": rows.iter().take(PAGE).collect::<Vec<_>>(),
            "NextToken": more.then(|| (from + PAGE).to_string()),
        })
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
        if service == "securityhub"
            && let Some(interfere) = self.before_calls.lock().unwrap().as_mut()
        {
            interfere(operation, &mut self.hub.lock().unwrap());
        }
        let mut script = self.script.lock().unwrap();
        script.calls.push((operation.to_owned(), input.clone()));
        if let Some(refusal) = script.refusals.get_mut(operation).and_then(Vec::pop) {
            return Err(refusal);
        }
        let text = |name: &str| input[name].as_str().unwrap_or(OWN).to_owned();
        let account = |id: &str| {
            let found = self.accounts.lock().unwrap()["accounts"].get(id).cloned();
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
            ("securityhub", "BatchUpdateFindings") => self.update(&mut script, input),
            ("securityhub", "GetFindings") => Ok(self.page(input)),
            other => panic!("{other:?}"),
        }
    }

    async fn pause(&self, _: Duration) {}
}
