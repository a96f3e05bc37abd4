use std::collections::{BTreeMap, BTreeSet};

use hallpass_base::{TimeSpan, Timestamp};
use hallpass_enforcement::OrganizationFault;
use serde_json::{Value, json};

use super::tower::{Read, fault, refused, rows, text};

pub(super) const STACKING: TimeSpan = TimeSpan::seconds(30);

struct Stacking {
    account: String,
    due: Timestamp,
    ended: Option<Ended>,
}

enum Ended {
    Made,
    Failed(String),
    Unreached,
}

pub(super) struct FakeStacks {
    pub(super) trusted: bool,
    pub(super) set: Option<Value>,
    operations: BTreeMap<String, Stacking>,
    pub(super) broken: BTreeMap<String, String>,
    pub(super) unreached: BTreeSet<String>,
    pub(super) busy_until: Option<Timestamp>,
}

impl Stacking {
    fn status(&self) -> &'static str {
        match self.ended {
            None => "RUNNING",
            Some(Ended::Failed(_)) => "FAILED",
            Some(Ended::Made | Ended::Unreached) => "SUCCEEDED",
        }
    }
}

impl Default for FakeStacks {
    fn default() -> Self {
        Self {
            trusted: true,
            set: None,
            operations: BTreeMap::new(),
            broken: BTreeMap::new(),
            unreached: BTreeSet::new(),
            busy_until: None,
        }
    }
}

impl FakeStacks {
    pub(super) fn settle(&mut self, now: Timestamp) -> Vec<String> {
        let mut made = Vec::new();
        for it in self.operations.values_mut() {
            if it.due > now || it.ended.is_some() {
                continue;
            }
            it.ended = Some(if let Some(why) = self.broken.get(&it.account) {
                Ended::Failed(why.clone())
            } else if self.unreached.contains(&it.account) {
                Ended::Unreached
            } else {
                made.push(it.account.clone());
                Ended::Made
            });
        }
        made
    }

    pub(super) fn read(&self, name: &str, input: &Value) -> Read {
        assert_eq!(input["CallAs"], "SELF");
        match name {
            "DescribeOrganizationsAccess" => {
                let status = if self.trusted { "ENABLED" } else { "DISABLED" };
                return Some(Ok(json!({ "Status": status })));
            }
            "DescribeStackSet" => {
                return match &self.set {
                    Some(set) => Some(Ok(json!({ "StackSet": set }))),
                    None => refused("StackSetNotFoundException"),
                };
            }
            _ => {}
        }
        if self.set.is_none() {
            return refused("StackSetNotFoundException");
        }
        if name == "DescribeStackInstance" {
            let account = text(input, "/StackInstanceAccount");
            assert_eq!(input["StackInstanceRegion"], "eu-central-1");
            let all = self.operations.iter().filter(|(_, it)| {
                it.account == account && !matches!(it.ended, Some(Ended::Unreached))
            });
            let found = all.max_by_key(|(_, it)| it.due);
            return match found {
                None => refused("StackInstanceNotFoundException"),
                Some((id, it)) => Some(Ok(json!({ "StackInstance": {
                    "StackInstanceStatus": { "DetailedStatus": it.status() }, "LastOperationId": id } }))),
            };
        }
        let id = text(input, "/OperationId");
        let Some(it) = self.operations.get(&id) else {
            return refused("OperationNotFoundException");
        };
        match name {
            "DescribeStackSetOperation" => Some(Ok(
                json!({ "StackSetOperation": { "Status": it.status() } }),
            )),
            "ListStackSetOperationResults" => {
                let why = match &it.ended {
                    Some(Ended::Failed(why)) => Some(why),
                    _ => None,
                };
                let row =
                    json!({ "Account": it.account, "Status": it.status(), "StatusReason": why });
                let all = [row].into_iter();
                let reached = !matches!(it.ended, Some(Ended::Unreached));
                rows("Summaries", all.filter(|_| reached).collect())
            }
            _ => None,
        }
    }

    pub(super) fn write(
        &mut self,
        name: &str,
        input: &Value,
        now: Timestamp,
    ) -> Result<Option<String>, OrganizationFault> {
        if name == "CreateStackSet" {
            assert!(!text(input, "/ClientRequestToken").is_empty());
            assert_eq!(input["Capabilities"], json!(["CAPABILITY_NAMED_IAM"]));
            if self.set.is_some() {
                return Err(fault("NameAlreadyExistsException"));
            }
            self.set = Some(input.clone());
            let name = text(input, "/StackSetName");
            return Ok(Some(format!("CreateStackSet {name}")));
        }
        assert_eq!(name, "CreateStackInstances");
        let id = text(input, "/OperationId");
        if self.operations.contains_key(&id) {
            return Err(fault("OperationIdAlreadyExistsException"));
        }
        let busy = self.operations.values().any(|it| it.due > now);
        assert!(!busy, "two concurrent operations");
        if self.busy_until.is_some_and(|until| until > now) {
            return Err(OrganizationFault::Conflict {
                message: "another operation is in progress".to_owned(),
            });
        }
        let targets = &input["DeploymentTargets"];
        assert_eq!(targets["AccountFilterType"], "INTERSECTION");
        let account = text(targets, "/Accounts/0");
        let stacking = Stacking {
            account: account.clone(),
            due: STACKING.after(now),
            ended: None,
        };
        self.operations.insert(id, stacking);
        let units = targets["OrganizationalUnitIds"].as_array().unwrap();
        let count = targets["Accounts"].as_array().unwrap().len();
        assert_eq!((units.len(), count), (1, 1));
        let unit = text(targets, "/OrganizationalUnitIds/0");
        Ok(Some(format!("CreateStackInstances {account} of {unit}")))
    }
}
