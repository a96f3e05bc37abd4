//! The fixture organization in memory, with a landing zone that takes time to enrol.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};

use hallpass_base::{Clock, TimeSpan, Timestamp};
use hallpass_enforcement::OrganizationFault;
use hallpass_org::{Operation, ReadAnswer, ReadCallFailed, ReadPlace, SendAnswer};
use hallpass_plans::testing::Hourglass;
use serde_json::{Value, json};

use super::stacks::FakeStacks;
use crate::gated::{FakeCalls, read_failed};

pub(super) const MANAGEMENT: &str = "111111111111";
const ORGANIZATION: &str = "o-ab12cd34ef";
pub(super) const ENROLLING: TimeSpan = TimeSpan::seconds(40);
pub(super) const LAUNCHING: TimeSpan = TimeSpan::minutes(25);

const ZONE: &str = "arn:aws:controltower:eu-central-1:111111111111:landingzone/Z";
pub(super) const UNITS_KIND: &str = "kind/units";
pub(super) const IDENTITY_CENTER: &str = "base/identity-center";

pub(super) fn fixture(name: &str) -> Value {
    let path = format!(
        "{}/../../docs/spec/fixtures/{name}",
        env!("CARGO_MANIFEST_DIR")
    );
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

pub(super) fn text(value: &Value, pointer: &str) -> String {
    value
        .pointer(pointer)
        .and_then(Value::as_str)
        .unwrap_or_default()
        .to_owned()
}

type Enrolled = (String, Timestamp, bool);

pub(super) struct Product {
    pub(super) token: String,
    pub(super) account: String,
    pub(super) unit: String,
    pub(super) due: Timestamp,
    pub(super) failed: bool,
}

pub(super) struct State {
    pub(super) accounts: BTreeMap<String, Value>,
    pub(super) units: Vec<Value>,
    pub(super) zone: Value,
    pub(super) enrolled: BTreeMap<String, Enrolled>,
    pub(super) roles: BTreeMap<String, BTreeSet<String>>,
    pub(super) recorders: BTreeMap<(String, String), bool>,
    pub(super) channels: BTreeSet<(String, String)>,
    pub(super) products: BTreeMap<String, Product>,
    pub(super) others: BTreeMap<String, Timestamp>,
    pub(super) principals: BTreeSet<String>,
    pub(super) resets: BTreeMap<String, (String, Timestamp)>,
    pub(super) controls: Vec<(String, String)>,
    pub(super) held: BTreeSet<(String, String)>,
    pub(super) control_resets: BTreeMap<String, Timestamp>,
    pub(super) policies: BTreeMap<String, Vec<&'static str>>,
    pub(super) unlucky: BTreeSet<String>,
    pub(super) stacks: FakeStacks,
    pub(super) writes: Vec<String>,
    pub(super) asked: BTreeSet<String>,
    pub(super) has_second: bool,
    pub(super) drift: Option<&'static str>,
    pub(super) somebody: Option<(u32, Act)>,
}

pub(super) type Act = fn(&mut State);

pub(super) struct FakeTower {
    pub(super) clock: Arc<Hourglass>,
    pub(super) state: Mutex<State>,
}

fn arn(kind: &str, id: &str) -> String {
    format!("arn:aws:organizations::{MANAGEMENT}:{kind}/{ORGANIZATION}/{id}")
}

impl State {
    pub(super) fn only_controls(&mut self, account: &str, unit: &str) {
        let control = format!("control of {unit}");
        self.controls.push((unit.to_owned(), control.clone()));
        self.held.insert((account.to_owned(), control));
    }

    pub(super) fn of_fixtures(clock: Timestamp) -> Self {
        let (tree, state) = (fixture("org-tree.json"), fixture("org-enroll-state.json"));
        let rows = |value: &Value, name: &str| value[name].as_array().unwrap().clone();
        let accounts = rows(&tree, "accounts").into_iter();
        let accounts: BTreeMap<String, Value> = accounts.map(|it| (text(&it, "/Id"), it)).collect();
        let enrolled = rows(&state, "enrolled").into_iter().map(|it| {
            let id = it.as_str().unwrap().to_owned();
            let parent = text(&accounts[&id], "/ParentId");
            (id, (parent, clock, false))
        });
        let (mut roles, mut recorders, mut channels) =
            (BTreeMap::new(), BTreeMap::new(), BTreeSet::new());
        for (id, inside) in state["accounts"].as_object().unwrap() {
            let names = rows(inside, "roles").into_iter();
            let names = names.map(|it| it.as_str().unwrap().to_owned());
            roles.insert(id.clone(), names.collect());
            let regions = |name: &str| {
                let all = inside[name].as_object().cloned().unwrap_or_default();
                all.keys()
                    .map(|it| (id.clone(), it.clone()))
                    .collect::<Vec<_>>()
            };
            recorders.extend(regions("recorders").into_iter().map(|it| (it, true)));
            channels.extend(regions("channels"));
        }
        Self {
            enrolled: enrolled.collect(),
            accounts,
            units: rows(&tree, "ous"),
            zone: state["landing_zone"].clone(),
            roles,
            recorders,
            channels,
            products: BTreeMap::new(),
            others: BTreeMap::new(),
            principals: BTreeSet::new(),
            resets: BTreeMap::new(),
            controls: Vec::new(),
            held: BTreeSet::new(),
            control_resets: BTreeMap::new(),
            policies: BTreeMap::new(),
            unlucky: BTreeSet::new(),
            stacks: FakeStacks::default(),
            writes: Vec::new(),
            asked: BTreeSet::new(),
            somebody: None,
            has_second: false,
            drift: None,
        }
    }

    pub(super) fn parent(&self, id: &str) -> String {
        text(&self.accounts[id], "/ParentId")
    }

    pub(super) fn put(&mut self, id: &str, unit: &str) {
        self.accounts.get_mut(id).unwrap()["ParentId"] = unit.into();
    }

    pub(super) fn is_governed(&self, unit: &str) -> bool {
        self.units
            .iter()
            .any(|it| it["Id"] == unit && it["ControlTowerRegistered"] == true)
    }

    pub(super) fn arrive(&mut self) {
        match self.somebody.take() {
            Some((1, act)) => act(self),
            Some((calls, act)) => self.somebody = Some((calls - 1, act)),
            None => {}
        }
    }

    pub(super) fn settle(&mut self, now: Timestamp) {
        let over: Vec<String> = self
            .resets
            .iter()
            .filter(|(_, (_, due))| *due <= now)
            .map(|(op, _)| op.clone())
            .collect();
        for op in over {
            // keep the operation for polls; settling twice has no effect
            let unit = self.resets[&op].0.clone();
            let inside: Vec<String> = self
                .accounts
                .keys()
                .filter(|id| self.parent(id) == unit)
                .cloned()
                .collect();
            for id in inside {
                let failed = self.unlucky.contains(&id);
                self.enrolled
                    .entry(id)
                    .or_insert((unit.clone(), now, failed));
            }
        }
        let over: Vec<String> = self
            .control_resets
            .iter()
            .filter(|(_, due)| **due <= now)
            .map(|(arn, _)| arn.clone())
            .collect();
        for arn in over {
            self.control_resets.remove(&arn);
            let unit = self
                .controls
                .iter()
                .find(|(_, name)| *name == arn)
                .unwrap()
                .0
                .clone();
            let inside = self.enrolled.iter().filter(|(_, it)| it.0 == unit);
            let inside: Vec<String> = inside.map(|(id, _)| id.clone()).collect();
            self.held
                .extend(inside.into_iter().map(|id| (id, arn.clone())));
        }
        let done: Vec<(String, String)> = self
            .products
            .values()
            .filter(|it| it.due <= now && !it.failed)
            .map(|it| (it.account.clone(), it.unit.clone()))
            .collect();
        for (id, unit) in done {
            self.put(&id, &unit);
            self.enrolled.entry(id).or_insert((unit, now, false));
        }
    }
}

#[expect(clippy::unnecessary_wraps, reason = "answers have one form")]
pub(super) fn refused(code: &str) -> Option<Result<Value, ReadCallFailed>> {
    Some(Err(read_failed(code, "no")))
}

#[expect(clippy::unnecessary_wraps, reason = "answers have one form")]
#[expect(clippy::needless_pass_by_value, reason = "rows are made for it")]
pub(super) fn rows(name: &str, rows: Vec<Value>) -> Option<Result<Value, ReadCallFailed>> {
    Some(Ok(json!({ name: rows })))
}

pub(super) type Read = Option<Result<Value, ReadCallFailed>>;

impl FakeTower {
    fn organization(state: &State, name: &str, input: &Value) -> Read {
        match name {
            "DescribeOrganization" => Some(Ok(json!({ "Organization": {
                "Id": ORGANIZATION, "MasterAccountId": MANAGEMENT,
                "Arn": format!("arn:aws:organizations::{MANAGEMENT}:organization/{ORGANIZATION}") } }))),
            "ListAccounts" => rows("Accounts", state.accounts.values().cloned().collect()),
            "DescribeAccount" => match state.accounts.get(&text(input, "/AccountId")) {
                Some(found) => Some(Ok(json!({ "Account": found }))),
                None => refused("AccountNotFoundException"),
            },
            "DescribeOrganizationalUnit" => {
                let id = &input["OrganizationalUnitId"];
                match state.units.iter().find(|it| it["Id"] == *id) {
                    Some(found) => Some(Ok(json!({ "OrganizationalUnit": found }))),
                    None => refused("OrganizationalUnitNotFoundException"),
                }
            }
            "ListRoots" => rows("Roots", vec![json!({ "Id": "r-ab12" })]),
            "ListOrganizationalUnitsForParent" => {
                let below = state
                    .units
                    .iter()
                    .filter(|it| it["ParentId"] == input["ParentId"]);
                rows("OrganizationalUnits", below.cloned().collect())
            }
            "ListAccountsForParent" => {
                let below = state
                    .accounts
                    .values()
                    .filter(|it| it["ParentId"] == input["ParentId"]);
                rows("Accounts", below.cloned().collect())
            }
            "ListParents" => rows(
                "Parents",
                vec![json!({ "Id": state.parent(&text(input, "/ChildId")) })],
            ),
            "ListPoliciesForTarget" => {
                let names = state.policies.get(&text(input, "/TargetId"));
                let names = names.into_iter().flatten().map(|it| json!({ "Name": it }));
                rows("Policies", names.collect())
            }
            _ => None,
        }
    }

    fn tower(&self, state: &State, name: &str, input: &Value) -> Read {
        let now = self.clock.now();
        match name {
            "ListLandingZones" => rows("landingZones", vec![json!({ "arn": ZONE })]),
            "GetLandingZone" => {
                let zone = &state.zone;
                Some(Ok(
                    json!({ "landingZone": { "version": zone["version"], "remediationTypes": zone["remediationTypes"],
                    "manifest": { "governedRegions": zone["governedRegions"], "centralizedLogging": { "accountId": zone["logArchive"] },
                        "securityRoles": { "accountId": zone["audit"] } } } }),
                ))
            }
            "ListBaselines" => {
                let row = |(name, arn)| json!({ "name": name, "arn": arn });
                let all = [
                    ("AWSControlTowerBaseline", UNITS_KIND),
                    ("IdentityCenterBaseline", "kind/ic"),
                    ("ConfigBaseline", "kind/config"),
                ];
                rows("baselines", all.map(row).to_vec())
            }
            "ListEnabledBaselines" => rows("enabledBaselines", Self::baselines(state, now, input)),
            "GetBaselineOperation" => {
                let due = state.resets[&text(input, "/operationIdentifier")].1;
                let status = if due <= now {
                    "SUCCEEDED"
                } else {
                    "IN_PROGRESS"
                };
                Some(Ok(json!({ "baselineOperation": { "status": status } })))
            }
            "ListEnabledControls" => {
                let mut all = Vec::new();
                for (unit, control) in &state.controls {
                    let changing = state.control_resets.contains_key(control);
                    let status = if changing {
                        "UNDER_CHANGE"
                    } else {
                        "SUCCEEDED"
                    };
                    all.push(json!({ "arn": control, "controlIdentifier": control, "targetIdentifier": arn("ou", unit), "statusSummary": { "status": status } }));
                    for (id, held) in state
                        .held
                        .iter()
                        .filter(|(_, it)| it == control && input["includeChildren"] == true)
                    {
                        all.push(json!({ "arn": format!("{held}/{id}"), "controlIdentifier": held, "targetIdentifier": arn("account", id),
                            "parentIdentifier": held, "statusSummary": { "status": "SUCCEEDED" } }));
                    }
                }
                rows("enabledControls", all)
            }
            _ => None,
        }
    }

    fn baselines(state: &State, now: Timestamp, input: &Value) -> Vec<Value> {
        let kind = text(input, "/filter/baselineIdentifiers/0");
        if kind == "kind/ic" {
            return vec![
                json!({ "arn": IDENTITY_CENTER, "targetIdentifier": arn("account", MANAGEMENT) }),
            ];
        }
        let row = |target: String, name: &str, parent: Option<String>, status: &str| {
            json!({ "arn": format!("base/{name}"), "baselineIdentifier": UNITS_KIND, "baselineVersion": "4.0", "targetIdentifier": target, "parentIdentifier": parent,
                "statusSummary": { "status": status } })
        };
        let units = state
            .units
            .iter()
            .filter(|it| it["ControlTowerRegistered"] == true);
        let units = units.map(|it| {
            let id = text(it, "/Id");
            let busy = state
                .resets
                .values()
                .any(|(unit, due)| *unit == id && *due > now);
            let mut unit = row(
                arn("ou", &id),
                &id,
                None,
                if busy { "UNDER_CHANGE" } else { "SUCCEEDED" },
            );
            if let Some(kind) = state.drift {
                unit["driftStatusSummary"]["types"][kind]["status"] = json!("DRIFTED");
            }
            unit
        });
        let accounts = state.enrolled.iter().map(|(id, (unit, ready, failed))| {
            let status = match (*ready > now, failed) {
                (true, _) => "UNDER_CHANGE",
                (false, true) => "FAILED",
                (false, false) => "SUCCEEDED",
            };
            row(arn("account", id), id, Some(format!("base/{unit}")), status)
        });
        let wanted = input.pointer("/filter/targetIdentifiers/0").cloned();
        let mut all: Vec<Value> = units.chain(accounts).collect();
        if state.has_second {
            let second = all.iter().map(|it| {
                json!({ "arn": format!("config/{}", text(it, "/arn")), "baselineIdentifier": "kind/config",
                    "targetIdentifier": it["targetIdentifier"], "statusSummary": { "status": "FAILED" } })
            });
            let second: Vec<Value> = second.collect();
            all.extend(second);
        }
        all.retain(|it| {
            wanted
                .as_ref()
                .is_none_or(|wanted| it["targetIdentifier"] == *wanted)
        });
        all
    }

    fn catalog(&self, state: &State, name: &str, input: &Value) -> Read {
        let now = self.clock.now();
        match name {
            "SearchProductsAsAdmin" => rows(
                "ProductViewDetails",
                vec![json!({ "ProductViewSummary": {
                "Name": "AWS Control Tower Account Factory", "ProductId": "prod-1" } })],
            ),
            "ListProvisioningArtifacts" => {
                let row = |id: &str, at: u64, active: bool, guidance: &str| json!({ "Id": id, "CreatedTime": at, "Active": active, "Guidance": guidance });
                rows(
                    "ProvisioningArtifactDetails",
                    vec![
                        row("pa-3", 3, false, "DEFAULT"),
                        row("pa-2", 2, true, "DEFAULT"),
                        row("pa-1", 9, true, "DEPRECATED"),
                    ],
                )
            }
            "ListPortfoliosForProduct" => rows("PortfolioDetails", vec![json!({ "Id": "port-1" })]),
            "ListPrincipalsForPortfolio" => {
                let all = state
                    .principals
                    .iter()
                    .map(|it| json!({ "PrincipalARN": it }));
                rows("Principals", all.collect())
            }
            "SearchProvisionedProducts" => {
                let own = state.products.iter().map(|(name, it)| {
                    let status = match (it.due > now, it.failed) {
                        (true, _) => "UNDER_CHANGE",
                        (false, true) => "ERROR",
                        (false, false) => "AVAILABLE",
                    };
                    json!({ "Name": name, "Status": status, "Id": "pp-1", "LastRecordId": format!("rec-{name}"),
                        "IdempotencyToken": it.token, "PhysicalId": it.account })
                });
                let others = state.others.iter().map(|(name, due)| {
                    let status = if *due > now {
                        "UNDER_CHANGE"
                    } else {
                        "AVAILABLE"
                    };
                    json!({ "Name": name, "Status": status, "Id": "pp-2" })
                });
                let query = text(input, "/Filters/SearchQuery/0");
                let wanted = query.strip_prefix("name:");
                let all = own.chain(others);
                rows(
                    "ProvisionedProducts",
                    all.filter(|it| wanted.is_none_or(|name| it["Name"] == name))
                        .collect(),
                )
            }
            "DescribeRecord" => {
                let name = text(input, "/Id").trim_start_matches("rec-").to_owned();
                let it = &state.products[&name];
                let status = match (it.due > now, it.failed) {
                    (true, _) => "IN_PROGRESS",
                    (false, true) => "FAILED",
                    (false, false) => "SUCCEEDED",
                };
                Some(Ok(
                    json!({ "RecordDetail": { "Status": status, "RecordErrors": [{ "Description": "sample reason" }] },
                    "RecordOutputs": [{ "OutputKey": "AccountId", "OutputValue": it.account }] }),
                ))
            }
            _ => None,
        }
    }

    fn inside(state: &State, (account, region): (&str, &str), (service, name): Operation) -> Read {
        let place = (account.to_owned(), region.to_owned());
        let recorder = state.recorders.get(&place);
        let foreign =
            json!({ "name": "azure", "arn": "y", "connectorArn": "arn:aws:config:::connector/a" });
        match (service, name) {
            ("sts", _) => Some(Ok(json!({ "Account": account }))),
            ("config", "DescribeConfigurationRecorders") => rows(
                "ConfigurationRecorders",
                std::iter::once(foreign)
                    .chain(recorder.map(|_| json!({ "name": "default", "arn": "x" })))
                    .collect(),
            ),
            ("config", "DescribeConfigurationRecorderStatus") => rows(
                "ConfigurationRecordersStatus",
                std::iter::once(json!({ "name": "azure", "recording": true }))
                    .chain(recorder.map(|on| json!({ "name": "default", "recording": on })))
                    .collect(),
            ),
            ("config", "DescribeDeliveryChannels") => {
                let there = state.channels.contains(&place);
                rows(
                    "DeliveryChannels",
                    there
                        .then(|| json!({ "name": "default", "s3BucketName": "b" }))
                        .into_iter()
                        .collect(),
                )
            }
            ("cloudtrail", _) => rows("trailList", Vec::new()),
            ("ec2", "DescribeVpcs") => rows("Vpcs", Vec::new()),
            ("iam", "GetRole") if state.roles[account].contains("AWSControlTowerExecution") => {
                Some(Ok(json!({ "Role": {} })))
            }
            ("iam", "ListAttachedRolePolicies") if state.roles[account].contains("granted") => {
                rows(
                    "AttachedPolicies",
                    vec![json!({ "PolicyArn": "arn:aws:iam::aws:policy/AdministratorAccess" })],
                )
            }
            ("iam", _) => refused("NoSuchEntity"),
            _ => None,
        }
    }

    fn read_by(
        &self,
        role: Option<&str>,
        place: &ReadPlace,
        call: Operation,
        input: &Value,
    ) -> ReadAnswer {
        let mut state = self.state.lock().unwrap();
        state.settle(self.clock.now());
        state.arrive();
        let made = state.stacks.settle(self.clock.now());
        for account in made {
            let roles = state.roles.entry(account).or_default();
            roles.insert("AWSControlTowerExecution".to_owned());
        }
        state.asked.insert(format!("{}:{}", call.0, call.1));
        let found = match (role, &place.account) {
            (Some(role), Some(account)) => {
                let roles = state.roles.get(account.as_str());
                if roles.is_some_and(|all| all.contains(role)) {
                    let region = place.region.as_deref().unwrap_or_default();
                    Self::inside(&state, (account.as_str(), region), call)
                } else {
                    refused("AccessDenied")
                }
            }
            _ => match call {
                ("sts", _) => Some(Ok(
                    json!({ "Account": MANAGEMENT, "Arn": format!("arn:aws:iam::{MANAGEMENT}:user/admin") }),
                )),
                ("account", _) => {
                    let all = ["eu-central-1", "eu-west-1", "us-east-1"]
                        .map(|it| json!({ "RegionName": it }));
                    rows("Regions", all.to_vec())
                }
                ("organizations", name) => Self::organization(&state, name, input),
                ("controltower", name) => self.tower(&state, name, input),
                ("servicecatalog", name) => self.catalog(&state, name, input),
                ("cloudformation", name) => state.stacks.read(name, input),
                _ => None,
            },
        };
        let found = found.unwrap_or_else(|| panic!("unexpected call {call:?}"));
        found.map(|answer| (answer, None))
    }
}

pub(super) fn fault(code: &str) -> OrganizationFault {
    OrganizationFault::Refused {
        code: code.to_owned(),
        message: "no".to_owned(),
    }
}

pub(super) struct Inside(pub(super) Arc<FakeTower>, pub(super) Option<&'static str>);

impl FakeCalls for Inside {
    fn read(&self, place: &ReadPlace, operation: Operation, input: &Value) -> ReadAnswer {
        self.0.read_by(self.1, place, operation, input)
    }

    fn write(&self, place: &ReadPlace, operation: Operation, input: &Value) -> SendAnswer {
        self.0.write(place, operation, input)
    }
}
