//! In-memory Security Hub per account and Region.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;

use hallpass_org::{Operation, ReadAnswer, ReadPlace, SendAnswer};
use serde_json::{Value, json};

use crate::gated::{FakeCalls, read_failed};

pub(super) const MANAGEMENT: &str = "111111111111";
pub(super) const ADMIN: &str = "333333333333";
pub(super) const FIRST: &str = "012345678901";
pub(super) const OTHER: &str = "444444444444";
pub(super) const TODAY: &str = "2026-03-05";
pub(super) const UNIT: &str = "ou-ab12-work0001";
pub(super) const PCI: &str = "arn:aws:securityhub:us-east-1::standards/pci-dss/v/3.2.1";

pub(super) fn fixture(name: &str) -> String {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/spec/fixtures/");
    std::fs::read_to_string(format!("{folder}{name}")).unwrap()
}

#[derive(Clone, Default)]
pub(super) struct Subscribed {
    pub(super) polls: u32,
    pub(super) status: Option<&'static str>,
    pub(super) reason: &'static str,
}

#[derive(Clone, Default)]
pub(super) struct Hub {
    pub(super) off: bool,
    pub(super) by_standard: bool,
    pub(super) offered: BTreeSet<String>,
    pub(super) controls_of: BTreeMap<String, BTreeSet<String>>,
    pub(super) on: BTreeMap<String, Subscribed>,
    pub(super) disabled: BTreeMap<(String, String), Option<String>>,
    pub(super) untold: BTreeMap<String, &'static str>,
    pub(super) touched: BTreeMap<(String, String), &'static str>,
}

pub(super) type Deed = Box<dyn FnOnce(&mut State) + Send>;

pub(super) fn turns_off(control: (String, String)) -> Deed {
    Box::new(|state| {
        let hub = state.hubs.values_mut().next().unwrap();
        hub.disabled.insert(control, Some("by hand".to_owned()));
    })
}

const LAST_LOOKS: [&str; 4] = [
    "BatchGetStandardsControlAssociations",
    "DescribeOrganizationConfiguration",
    "GetConfigurationPolicy",
    "GetConfigurationPolicyAssociation",
];

/// A connected cloud's standard in every list, to be ignored.
const FOREIGN: &str = "arn:aws:securityhub:::standards/azure-benchmark/v/1.0.0";

#[derive(Default)]
pub(super) struct State {
    pub(super) accounts: Vec<(String, &'static str)>,
    pub(super) has_paths: bool,
    pub(super) hubs: BTreeMap<(String, String), Hub>,
    pub(super) person: Option<(u32, Deed)>,
    pub(super) joined: Option<&'static str>,
    pub(super) policies: Option<BTreeMap<String, String>>,
    pub(super) configuration: Value,
    pub(super) governing: Vec<(&'static str, Value)>,
    pub(super) asked: Vec<String>,
    pub(super) scattered: bool,
    pub(super) known: Vec<(String, String, Value)>,
    pub(super) polls: u32,
    pub(super) stays: Option<(&'static str, &'static str)>,
    pub(super) most: usize,
    pub(super) closed: Vec<&'static str>,
    pub(super) writes: Vec<String>,
    pub(super) batches: Vec<usize>,
}

pub(super) struct FakeHubs(pub(super) Mutex<State>);

pub(super) fn text(value: &Value, name: &str) -> String {
    value[name].as_str().unwrap_or_default().to_owned()
}

pub(super) fn short(arn: &str) -> &str {
    let (_, tail) = arn.rsplit_once("::").unwrap();
    tail.split_once('/').unwrap().1
}

impl Hub {
    fn subscriptions(&mut self, account: &str, region: &str) -> Vec<Value> {
        let rows = self.on.iter_mut().map(|(standard, it)| {
            let is_ready = it.polls == 0;
            it.polls = it.polls.saturating_sub(1);
            let status = it.status.unwrap_or(if is_ready { "READY" } else { "PENDING" });
            json!({
                "StandardsArn": standard, "StandardsStatus": status,
                "StandardsSubscriptionArn":
                    format!("arn:aws:securityhub:{region}:{account}:subscription/{}", short(standard)),
                "StandardsControlsUpdatable":
                    if is_ready && it.status.is_none() { "READY_FOR_UPDATES" } else { "NOT_READY_FOR_UPDATES" },
                "StandardsStatusReason": { "StatusReasonCode": it.reason },
            })
        });
        rows.collect()
    }

    fn association(&self, place: (&str, &str), id: &Value) -> Option<Value> {
        let (standard, control) = (text(id, "StandardsArn"), text(id, "SecurityControlId"));
        self.controls_of.get(short(&standard))?.get(&control)?;
        if self.untold.contains_key(&control) {
            return None;
        }
        let key = (standard.clone(), control.clone());
        let off = self.disabled.get(&key);
        let (account, region) = place;
        Some(json!({
            "StandardsArn": standard, "SecurityControlId": control,
            "AssociationStatus": if off.is_some() { "DISABLED" } else { "ENABLED" },
            "UpdatedReason": off, "UpdatedAt": self.touched.get(&key),
            "StandardsControlArns":
                [format!("arn:aws:securityhub:{region}:{account}:control/{}/X.{control}", short(&standard))],
        }))
    }
}

type Answered = Result<Value, (&'static str, &'static str)>;

const IS_CENTRAL: [&str; 6] = [
    "ListFindingAggregators",
    "DescribeOrganizationConfiguration",
    "ListConfigurationPolicyAssociations",
    "ListConfigurationPolicies",
    "GetConfigurationPolicy",
    "GetConfigurationPolicyAssociation",
];

const GOVERNING: [&str; 3] = [
    "ListPolicies",
    "ListTargetsForPolicy",
    "DescribeEffectivePolicy",
];

fn read_organization(state: &State, account: &str, name: &str, input: &Value) -> Answered {
    let rows = |rows: Vec<Value>, list: &str| Ok(json!({ list: rows }));
    match name {
        "DescribeOrganization" => Ok(json!({ "Organization": {
                "Id": "o-ab12cd34ef", "MasterAccountId": MANAGEMENT } })),
        "ListRoots" => rows(vec![json!({ "Id": "r-ab12" })], "Roots"),
        "ListAccounts" => {
            let all = state.accounts.iter().map(|(id, status)| {
                let unit = if id == MANAGEMENT { "" } else { UNIT };
                let path = format!("o-ab12cd34ef/r-ab12/{unit}/{id}/").replace("//", "/");
                let paths = state.has_paths.then(|| json!([path]));
                json!({ "Id": id, "State": status, "JoinedTimestamp": state.joined, "Paths": paths })
            });
            rows(all.collect(), "Accounts")
        }
        "ListAccountsForParent" => {
            let at_root = text(input, "ParentId") == "r-ab12";
            let all = state
                .accounts
                .iter()
                .filter(|(id, _)| (id == MANAGEMENT) == at_root);
            let all = all.map(|(id, status)| json!({ "Id": id, "State": status, "JoinedTimestamp": state.joined }));
            rows(all.collect(), "Accounts")
        }
        "ListOrganizationalUnitsForParent" => {
            let at_root = text(input, "ParentId") == "r-ab12";
            let all = at_root.then(|| json!({ "Id": UNIT, "Name": "Workloads" }));
            rows(all.into_iter().collect(), "OrganizationalUnits")
        }
        "ListDelegatedAdministrators" => {
            let all = state.policies.as_ref().map(|_| json!({ "Id": ADMIN }));
            rows(all.into_iter().collect(), "DelegatedAdministrators")
        }
        "ListTagsForResource" => {
            let all = (text(input, "ResourceId") == FIRST)
                .then(|| json!({ "Key": "team", "Value": "red" }));
            rows(all.into_iter().collect(), "Tags")
        }
        "ListRegions" => {
            let of = state.hubs.keys().filter(|(id, _)| id == account);
            let all = of.map(|(_, region)| json!({ "RegionName": region }));
            rows(all.collect(), "Regions")
        }
        other => panic!("unexpected call {other}"),
    }
}

/// For an account, the last policy attached to it or above applies.
fn read_governing(state: &mut State, name: &str, input: &Value) -> Answered {
    let rows = |rows: Vec<Value>, list: &str| Ok(json!({ list: rows }));
    let all = state.governing.iter().enumerate();
    match name {
        "ListPolicies" => {
            assert_eq!(input["Filter"], "SECURITYHUB_CSPM_POLICY");
            let all = all.map(|(at, _)| json!({ "Id": format!("p-{at}"), "Name": "baseline" }));
            rows(all.collect(), "Policies")
        }
        "ListTargetsForPolicy" => {
            let of = all.filter(|(at, _)| text(input, "PolicyId") == format!("p-{at}"));
            let of = of.map(|(_, (target, _))| json!({ "TargetId": target }));
            rows(of.collect(), "Targets")
        }
        _ => {
            assert_eq!(input["PolicyType"], "SECURITYHUB_CSPM_POLICY");
            let account = text(input, "TargetId");
            let path = ["r-ab12", UNIT, account.as_str()];
            let mut held = all
                .filter(|(_, (it, _))| path.contains(it) && (*it != UNIT || account != MANAGEMENT));
            let found = held
                .next_back()
                .map(|(_, (_, content))| content.to_string());
            state.asked.push(account.clone());
            let found = found.filter(|it| it != "null");
            let found = found.ok_or(("EffectivePolicyNotFoundException", "none"))?;
            Ok(json!({ "EffectivePolicy": { "PolicyContent": found, "TargetId": account } }))
        }
    }
}

fn read_central(
    state: &State,
    (account, region): (&str, &str),
    name: &str,
    input: &Value,
) -> Answered {
    let rows = |rows: Vec<Value>, list: &str| Ok(json!({ list: rows }));
    match name {
        "ListFindingAggregators" => {
            let arn = format!("arn:aws:securityhub:us-east-1:{ADMIN}:finding-aggregator/1");
            let all = (!state.scattered).then(|| json!({ "FindingAggregatorArn": arn }));
            rows(all.into_iter().collect(), "FindingAggregators")
        }
        "DescribeOrganizationConfiguration" => {
            assert_eq!((account, region), (ADMIN, "us-east-1"));
            if state.configuration.is_null() {
                return Ok(
                    json!({ "OrganizationConfiguration": { "ConfigurationType": "CENTRAL" } }),
                );
            }
            Ok(state.configuration.clone())
        }
        "ListConfigurationPolicyAssociations" => {
            let all = state.policies.iter().flatten().map(
                |(target, policy)| json!({ "TargetId": target, "ConfigurationPolicyId": policy }),
            );
            rows(all.collect(), "ConfigurationPolicyAssociationSummaries")
        }
        "ListConfigurationPolicies" => {
            let all = state
                .known
                .iter()
                .map(|(id, name, _)| json!({ "Id": id, "Name": name }));
            rows(all.collect(), "ConfigurationPolicySummaries")
        }
        "GetConfigurationPolicy" => {
            let mut all = state.known.iter();
            let found = all
                .find(|(id, ..)| *id == text(input, "Identifier"))
                .unwrap();
            Ok(json!({ "ConfigurationPolicy": found.2 }))
        }
        "GetConfigurationPolicyAssociation" => {
            let target = input["Target"]
                .as_object()
                .unwrap()
                .values()
                .next()
                .unwrap();
            let found = state
                .policies
                .as_ref()
                .and_then(|it| it.get(target.as_str().unwrap()));
            let found = found.ok_or(("ResourceNotFoundException", "none"))?;
            Ok(
                json!({ "ConfigurationPolicyId": found, "AssociationType": "APPLIED", "AssociationStatus": "SUCCESS" }),
            )
        }
        other => panic!("unexpected call {other}"),
    }
}

impl FakeHubs {
    fn found(&self, place: &ReadPlace, (service, name): Operation, input: &Value) -> Answered {
        let region = place
            .region
            .clone()
            .unwrap_or_else(|| "us-east-1".to_owned());
        let account = place.account.as_ref().map_or(MANAGEMENT, |it| it.as_str());
        let state = &mut *self.0.lock().unwrap();
        if place.account.is_some() && state.closed.contains(&account) {
            return Err(("AccessDenied", "the role cannot be assumed"));
        }
        match (service, name) {
            ("securityhub", "DescribeStandards") if account == ADMIN => {
                let hub = state.hubs.values().next().unwrap();
                let all = hub.offered.iter().map(|it| json!({ "StandardsArn": it }));
                Ok(json!({ "Standards": all.collect::<Vec<_>>() }))
            }
            ("securityhub", name) if IS_CENTRAL.contains(&name) => {
                read_central(state, (account, &region), name, input)
            }
            ("securityhub", _) => {
                let key = (account.to_owned(), region.clone());
                let hub = state.hubs.get_mut(&key).filter(|it| !it.off);
                let hub = hub.ok_or((
                    "InvalidAccessException",
                    "Account is not subscribed to AWS Security Hub",
                ))?;
                Self::read_hub(hub, (account, &region), name, input)
            }
            (_, name) if GOVERNING.contains(&name) => read_governing(state, name, input),
            (_, name) => read_organization(state, account, name, input),
        }
    }

    fn read_hub(hub: &mut Hub, place: (&str, &str), name: &str, input: &Value) -> Answered {
        let rows = |rows: Vec<Value>, list: &str| Ok(json!({ list: rows }));
        match name {
            "DescribeHub" => Ok(json!({ "ControlFindingGenerator":
                if hub.by_standard { "STANDARD_CONTROL" } else { "SECURITY_CONTROL" } })),
            "DescribeStandards" => {
                let all = hub.offered.iter();
                let all = all.map(|it| json!({ "StandardsArn": it, "Provider": "AWS" }));
                let foreign = json!({ "StandardsArn": FOREIGN, "Provider": "Azure" });
                rows(all.chain([foreign]).collect(), "Standards")
            }
            "GetEnabledStandards" => {
                let foreign = json!({
                    "StandardsArn": FOREIGN, "StandardsStatus": "READY", "Provider": "Azure",
                    "StandardsSubscriptionArn": "arn:aws:securityhub:::subscription/azure",
                });
                let own = hub.subscriptions(place.0, place.1).into_iter();
                rows(own.chain([foreign]).collect(), "StandardsSubscriptions")
            }
            "ListSecurityControlDefinitions" => {
                let arn = text(input, "StandardsArn");
                let of = hub.controls_of.iter();
                let of = of.filter(|(name, _)| arn.is_empty() || short(&arn) == *name);
                let all = of.flat_map(|(_, ids)| ids).map(|it| {
                    json!({ "SecurityControlId": it, "CurrentRegionAvailability":
                        if it.starts_with("Far.") { "UNAVAILABLE" } else { "AVAILABLE" } })
                });
                let foreign = json!({ "SecurityControlId": "Azure.1", "Provider": "Azure",
                    "CurrentRegionAvailability": "AVAILABLE" });
                rows(all.chain([foreign]).collect(), "SecurityControlDefinitions")
            }
            "BatchGetStandardsControlAssociations" => {
                let ids = input["StandardsControlAssociationIds"].as_array().unwrap();
                assert!(!ids.is_empty() && ids.len() <= 100);
                let all = ids.iter().filter_map(|it| hub.association(place, it));
                let untold = ids.iter().filter_map(|it| {
                    let code = hub.untold.get(&text(it, "SecurityControlId"))?;
                    Some(json!({ "StandardsControlAssociationId": it, "ErrorCode": code, "ErrorReason": "no" }))
                });
                Ok(json!({
                    "StandardsControlAssociationDetails": all.collect::<Vec<_>>(),
                    "UnprocessedAssociations": untold.collect::<Vec<_>>(),
                }))
            }
            other => panic!("unexpected call {other}"),
        }
    }
}

impl FakeHubs {
    fn person_acts(&self) {
        let state = &mut *self.0.lock().unwrap();
        match state.person.take() {
            Some((1, deed)) => deed(state),
            later => state.person = later.map(|(calls, deed)| (calls - 1, deed)),
        }
    }
}

impl FakeCalls for FakeHubs {
    fn read(&self, place: &ReadPlace, operation: Operation, input: &Value) -> ReadAnswer {
        let found = self.found(place, operation, input);
        // no one acts between the last read and the write: AWS cannot detect that
        if !LAST_LOOKS.contains(&operation.1) {
            self.person_acts();
        }
        found
            .map(|it| (it, None))
            .map_err(|(code, message)| read_failed(code, message))
    }

    fn write(&self, place: &ReadPlace, operation: Operation, input: &Value) -> SendAnswer {
        let changed = self.change(place, operation, input);
        self.person_acts();
        changed
    }
}
