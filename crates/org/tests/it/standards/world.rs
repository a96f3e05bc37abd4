//! An organization in memory with Security Hub in each account and Region.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use hallpass_org::standards::{
    CentralRow, ComparedHub, StandardsAccount, StandardsChoices, StandardsFacts, StandardsFile,
    StandardsScope, StandardsStepExecutor, central_rows, compare, draft, draft_central,
    gather_hubs, gather_organization,
};
use hallpass_org::{
    Operation, OrganizationFault, ReadAnswer, ReadCallFailed, ReadCalls, ReadPlace, ServiceCalls,
};
use hallpass_runner::testing::{Gate, Gated, Hourglass, MemoryPlans};
use hallpass_runner::{PlanReport, Runner, RunnerIdentity, StepEnd};
use serde_json::{Value, json};

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

/// A standard that is on.
#[derive(Clone, Default)]
pub(super) struct Subscribed {
    /// Questions until its controls can be changed.
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
    /// Controls that are off, by standard, and why.
    pub(super) disabled: BTreeMap<(String, String), Option<String>>,
}

#[derive(Default)]
pub(super) struct State {
    pub(super) accounts: Vec<(String, &'static str)>,
    pub(super) hubs: BTreeMap<(String, String), Hub>,
    /// Policies of the administrator, by target; none where it configures nobody.
    pub(super) policies: Option<BTreeMap<String, String>>,
    /// Policies that are there: id, name, what they say.
    pub(super) known: Vec<(String, String, Value)>,
    /// Questions that a standard takes until it is ready.
    pub(super) polls: u32,
    /// What becomes of standards that are turned on, where that is not `READY`.
    pub(super) stays: Option<(&'static str, &'static str)>,
    /// Controls that a call takes.
    pub(super) most: usize,
    pub(super) writes: Vec<String>,
    pub(super) batches: Vec<usize>,
}

pub(super) struct FakeHubs(pub(super) Mutex<State>);

fn text(value: &Value, name: &str) -> String {
    value[name].as_str().unwrap_or_default().to_owned()
}

fn short(arn: &str) -> &str {
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
        let off = self.disabled.get(&(standard.clone(), control.clone()));
        let (account, region) = place;
        Some(json!({
            "StandardsArn": standard, "SecurityControlId": control,
            "AssociationStatus": if off.is_some() { "DISABLED" } else { "ENABLED" },
            "UpdatedReason": off,
            "StandardsControlArns":
                [format!("arn:aws:securityhub:{region}:{account}:control/{}/X.{control}", short(&standard))],
        }))
    }
}

type Answered = Result<Value, (&'static str, &'static str)>;

/// What the administrator alone is asked.
const IS_CENTRAL: [&str; 6] = [
    "ListFindingAggregators",
    "DescribeOrganizationConfiguration",
    "ListConfigurationPolicyAssociations",
    "ListConfigurationPolicies",
    "GetConfigurationPolicy",
    "GetConfigurationPolicyAssociation",
];

fn read_organization(state: &State, account: &str, name: &str, input: &Value) -> Answered {
    let rows = |rows: Vec<Value>, list: &str| Ok(json!({ list: rows }));
    match name {
        "DescribeOrganization" => Ok(json!({ "Organization": {
                "Id": "o-ab12cd34ef", "MasterAccountId": MANAGEMENT } })),
        "ListRoots" => rows(vec![json!({ "Id": "r-ab12" })], "Roots"),
        "ListAccountsForParent" => {
            let at_root = text(input, "ParentId") == "r-ab12";
            let all = state
                .accounts
                .iter()
                .filter(|(id, _)| (id == MANAGEMENT) == at_root);
            let all = all.map(|(id, status)| json!({ "Id": id, "State": status }));
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
        other => panic!("nobody asks {other}"),
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
            rows(
                vec![json!({ "FindingAggregatorArn": arn })],
                "FindingAggregators",
            )
        }
        "DescribeOrganizationConfiguration" => {
            assert_eq!((account, region), (ADMIN, "us-east-1"));
            Ok(json!({ "OrganizationConfiguration": { "ConfigurationType": "CENTRAL" } }))
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
        other => panic!("nobody asks {other}"),
    }
}

impl FakeHubs {
    fn read(&self, place: &ReadPlace, (service, name): Operation, input: &Value) -> Answered {
        let region = place
            .region
            .clone()
            .unwrap_or_else(|| "us-east-1".to_owned());
        let account = place.account.as_ref().map_or(MANAGEMENT, |it| it.as_str());
        let state = &mut *self.0.lock().unwrap();
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
            (_, name) => read_organization(state, account, name, input),
        }
    }

    fn read_hub(hub: &mut Hub, place: (&str, &str), name: &str, input: &Value) -> Answered {
        let rows = |rows: Vec<Value>, list: &str| Ok(json!({ list: rows }));
        match name {
            "DescribeHub" => Ok(json!({ "ControlFindingGenerator":
                if hub.by_standard { "STANDARD_CONTROL" } else { "SECURITY_CONTROL" } })),
            "DescribeStandards" => {
                let all = hub.offered.iter().map(|it| json!({ "StandardsArn": it }));
                rows(all.collect(), "Standards")
            }
            "GetEnabledStandards" => rows(
                hub.subscriptions(place.0, place.1),
                "StandardsSubscriptions",
            ),
            "ListSecurityControlDefinitions" => {
                let of = hub.controls_of.get(short(&text(input, "StandardsArn")));
                let all = of.into_iter().flatten().map(|it| {
                    json!({ "SecurityControlId": it, "CurrentRegionAvailability":
                        if it.starts_with("Far.") { "UNAVAILABLE" } else { "AVAILABLE" } })
                });
                rows(all.collect(), "SecurityControlDefinitions")
            }
            "BatchGetStandardsControlAssociations" => {
                let ids = input["StandardsControlAssociationIds"].as_array().unwrap();
                assert!(!ids.is_empty() && ids.len() <= 100);
                let all = ids.iter().filter_map(|it| hub.association(place, it));
                rows(all.collect(), "StandardsControlAssociationDetails")
            }
            other => panic!("nobody asks {other}"),
        }
    }

    fn write(
        &self,
        place: &ReadPlace,
        (_, name): Operation,
        input: &Value,
    ) -> Result<Value, OrganizationFault> {
        let (account, region) = (
            place.account.clone().unwrap(),
            place.region.clone().unwrap(),
        );
        let State {
            hubs,
            writes,
            batches,
            polls,
            stays,
            most,
            policies,
            known,
            ..
        } = &mut *self.0.lock().unwrap();
        if let Some(policies) = policies.as_mut().filter(|_| account.as_str() == ADMIN) {
            let said = put_central(policies, known, name, input);
            writes.push(format!("{name} {region} {said}"));
            return Ok(json!({}));
        }
        let hub = hubs
            .get_mut(&(account.to_string(), region.clone()))
            .unwrap();
        let rows = |list: &str| input[list].as_array().unwrap().clone();
        let mut told = |what: &str| writes.push(format!("{name} {account} {region} {what}"));
        match name {
            "EnableSecurityHub" => {
                assert_eq!(input["EnableDefaultStandards"], false);
                hub.off = false;
                told("");
            }
            "BatchEnableStandards" => {
                let of = Subscribed {
                    polls: *polls,
                    status: stays.map(|it| it.0),
                    reason: stays.map_or("", |it| it.1),
                };
                let wanted = rows("StandardsSubscriptionRequests");
                for it in enable(hub, &wanted, &of) {
                    told(&it);
                }
            }
            "BatchDisableStandards" => {
                let gone = disable(hub, &rows("StandardsSubscriptionArns"));
                told(&gone.join(" "));
            }
            "BatchUpdateStandardsControlAssociations" => {
                let updates = rows("StandardsControlAssociationUpdates");
                assert!(!hub.by_standard);
                if updates.len() > *most {
                    return Err(too_many());
                }
                batches.push(updates.len());
                let (taken, unprocessed) = update_controls(hub, updates);
                for it in &taken {
                    told(it);
                }
                return Ok(json!({ "UnprocessedAssociationUpdates": unprocessed }));
            }
            "UpdateStandardsControl" => told(&update_one(hub, input)),
            other => panic!("nobody sends {other}"),
        }
        Ok(json!({}))
    }
}

fn too_many() -> OrganizationFault {
    let (code, message) = ("InvalidInputException".to_owned(), "too many".to_owned());
    OrganizationFault::Refused { code, message }
}

fn enable(hub: &mut Hub, wanted: &[Value], of: &Subscribed) -> Vec<String> {
    let standards: Vec<String> = wanted.iter().map(|it| text(it, "StandardsArn")).collect();
    for standard in &standards {
        assert!(hub.offered.contains(standard), "{standard}");
        // all of its controls are on again
        hub.disabled.retain(|(it, _), _| it != standard);
        hub.on.insert(standard.clone(), of.clone());
    }
    standards
}

fn disable(hub: &mut Hub, arns: &[Value]) -> Vec<String> {
    let mut names = Vec::new();
    for arn in arns {
        let (_, name) = arn.as_str().unwrap().split_once("subscription/").unwrap();
        hub.on.retain(|it, _| short(it) != name);
        hub.disabled.retain(|(it, _), _| short(it) != name);
        names.push(name.to_owned());
    }
    names
}

/// What was taken, in words, and what was not.
fn update_controls(hub: &mut Hub, updates: Vec<Value>) -> (Vec<String>, Vec<Value>) {
    let (mut taken, mut unprocessed) = (Vec::new(), Vec::new());
    for row in updates {
        let (standard, control) = (text(&row, "StandardsArn"), text(&row, "SecurityControlId"));
        if control.starts_with("Bad.") {
            unprocessed.push(json!({ "StandardsControlAssociationUpdate": row,
                "ErrorCode": "INVALID_INPUT", "ErrorReason": "no" }));
            continue;
        }
        let status = &row["AssociationStatus"];
        taken.push(format!("{standard} {control} {status}"));
        set(
            hub,
            &standard,
            &control,
            status,
            row["UpdatedReason"].as_str(),
        );
    }
    (taken, unprocessed)
}

fn update_one(hub: &mut Hub, input: &Value) -> String {
    assert!(hub.by_standard);
    let arn = text(input, "StandardsControlArn");
    let (_, name) = arn.split_once(":control/").unwrap();
    let (standard, control) = name.rsplit_once("/X.").unwrap();
    let of = hub.on.keys().find(|it| short(it) == standard).cloned();
    let status = &input["ControlStatus"];
    let reason = input["DisabledReason"].as_str();
    set(hub, &of.unwrap(), control, status, reason);
    format!("{standard} {control} {status}")
}

fn put_central(
    policies: &mut BTreeMap<String, String>,
    known: &mut Vec<(String, String, Value)>,
    name: &str,
    input: &Value,
) -> String {
    let target = || {
        let all = input["Target"].as_object().unwrap();
        all.values().next().unwrap().as_str().unwrap().to_owned()
    };
    match name {
        "CreateConfigurationPolicy" => {
            let policy = input["ConfigurationPolicy"].clone();
            known.push((format!("id-{}", known.len()), text(input, "Name"), policy));
            text(input, "Name")
        }
        "UpdateConfigurationPolicy" => {
            let id = text(input, "Identifier");
            let found = known.iter_mut().find(|(it, ..)| *it == id);
            found.unwrap().2 = input["ConfigurationPolicy"].clone();
            id
        }
        "StartConfigurationPolicyAssociation" => {
            policies.insert(target(), text(input, "ConfigurationPolicyIdentifier"));
            target()
        }
        "StartConfigurationPolicyDisassociation" => {
            policies.remove(&target());
            target()
        }
        other => panic!("nobody sends {other}"),
    }
}

fn set(hub: &mut Hub, standard: &str, control: &str, status: &Value, reason: Option<&str>) {
    let on = hub.on.get(standard);
    // row 4: not before it is ready
    assert!(
        on.is_some_and(|it| it.polls == 0 && it.status.is_none()),
        "{standard} is not ready"
    );
    let key = (standard.to_owned(), control.to_owned());
    if status == "DISABLED" {
        assert!(reason.is_some(), "{control} without a reason");
        hub.disabled.insert(key, reason.map(str::to_owned));
    } else {
        hub.disabled.remove(&key);
    }
}

pub(super) struct GatedCalls(pub(super) Arc<FakeHubs>, pub(super) Arc<Gate>);

#[async_trait]
impl ReadCalls for GatedCalls {
    async fn call(
        &self,
        place: &ReadPlace,
        service: &'static str,
        operation: &'static str,
        input: &Value,
    ) -> ReadAnswer {
        let failed = |code: &str, message: &str, passing| ReadCallFailed {
            code: code.to_owned(),
            message: message.to_owned(),
            passing,
        };
        let call = async {
            let found = self.0.read(place, (service, operation), input);
            found
                .map(|it| (it, None))
                .map_err(|(code, message)| failed(code, message, false))
        };
        self.1
            .pass(call, || Err(failed("NoAnswer", "no answer", true)))
            .await
    }
}

#[async_trait]
impl ServiceCalls for GatedCalls {
    async fn send(
        &self,
        place: &ReadPlace,
        operation: Operation,
        input: &Value,
    ) -> Result<Value, OrganizationFault> {
        let lost = || {
            Err(OrganizationFault::Unreachable {
                message: "no answer".to_owned(),
            })
        };
        self.1
            .pass(async { self.0.write(place, operation, input) }, lost)
            .await
    }
}

pub(super) struct World {
    pub(super) clock: Arc<Hourglass>,
    pub(super) aws: Arc<FakeHubs>,
    pub(super) plans: Arc<MemoryPlans>,
    pub(super) scope: StandardsScope,
    pub(super) choices: StandardsChoices,
    pub(super) today: String,
}

/// What it came to by policies.
pub(super) struct CentralRan {
    pub(super) rows: Vec<CentralRow>,
    pub(super) report: PlanReport,
}

/// What the command came to.
pub(super) struct Ran {
    pub(super) facts: StandardsFacts,
    pub(super) rows: Vec<ComparedHub>,
    pub(super) report: Option<PlanReport>,
}

impl Ran {
    pub(super) fn row(&self, account: &str, region: &str) -> &ComparedHub {
        let mut all = self.rows.iter();
        all.find(|it| it.account == account && it.region == region)
            .unwrap()
    }

    /// How many targets ended how.
    pub(super) fn ended(&self, outcome: StepEnd) -> usize {
        let all = self.report.iter().flat_map(|it| &it.targets);
        all.filter(|it| it.outcome == outcome).count()
    }
}

impl World {
    /// The organization of the fixture: three accounts, two Regions.
    pub(super) fn new() -> Self {
        let clock = Arc::new(Hourglass::new(crate::bench::START.parse().unwrap()));
        let stated: Value = serde_json::from_str(&fixture("org-standards-state.json")).unwrap();
        let texts = |value: &Value| -> BTreeSet<String> {
            let all = value.as_array().unwrap().iter();
            all.map(|it| it.as_str().unwrap().to_owned()).collect()
        };
        let hubs = stated["targets"].as_array().unwrap().iter().map(|it| {
            let of = it["controls_of"].as_object().unwrap().iter();
            let hub = Hub {
                offered: texts(&it["offered"]),
                controls_of: of.map(|(name, ids)| (name.clone(), texts(ids))).collect(),
                ..Hub::default()
            };
            ((text(it, "account"), text(it, "region")), hub)
        });
        let ids = [MANAGEMENT, FIRST, OTHER, "999999999999"];
        let state = State {
            accounts: ids.map(|it| (it.to_owned(), "ACTIVE")).to_vec(),
            hubs: hubs.collect(),
            polls: 3,
            most: 100,
            ..State::default()
        };
        Self {
            aws: Arc::new(FakeHubs(Mutex::new(state))),
            clock,
            plans: Arc::default(),
            scope: StandardsScope::default(),
            choices: StandardsChoices::default(),
            today: TODAY.to_owned(),
        }
    }

    /// One account and one Region of it.
    pub(super) fn small() -> Self {
        let world = Self::new();
        world.with(|it| {
            it.accounts.truncate(2);
            it.hubs
                .retain(|(id, region), _| id == FIRST && region == "us-east-1");
        });
        world
    }

    /// An organization that its administrator configures.
    pub(super) fn managed() -> Self {
        let world = Self::new();
        world.with(|it| it.policies = Some(BTreeMap::new()));
        world
    }

    pub(super) fn with<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        change(&mut self.aws.0.lock().unwrap())
    }

    pub(super) fn hub<T>(
        &self,
        account: &str,
        region: &str,
        change: impl FnOnce(&mut Hub) -> T,
    ) -> T {
        let key = (account.to_owned(), region.to_owned());
        self.with(|it| change(it.hubs.get_mut(&key).unwrap()))
    }

    pub(super) fn writes(&self) -> Vec<String> {
        let mut all = self.with(|it| it.writes.clone());
        all.sort();
        all
    }

    pub(super) fn calls(&self) -> GatedCalls {
        GatedCalls(Arc::clone(&self.aws), Gate::new(None))
    }

    pub(super) fn runner(&self, holder: &str, gate: &Arc<Gate>) -> Runner {
        let calls = GatedCalls(Arc::clone(&self.aws), Arc::clone(gate));
        Runner::new(
            Arc::new(Gated(Arc::clone(&self.plans), Arc::clone(gate))),
            Arc::new(StandardsStepExecutor::new(Arc::new(calls))),
            Arc::clone(&self.clock) as Arc<_>,
            Arc::clone(&self.clock) as Arc<_>,
            Arc::clone(&self.clock) as Arc<_>,
            RunnerIdentity {
                holder: holder.into(),
                actor: "arn:aws:iam::111111111111:user/admin".into(),
            },
        )
    }

    /// What the command does with a file; none when a port failed it.
    pub(super) async fn run(
        &self,
        file: &str,
        applies: bool,
        holder: &str,
        gate: &Arc<Gate>,
    ) -> Option<Ran> {
        let file = StandardsFile::read(file).unwrap();
        let calls = GatedCalls(Arc::clone(&self.aws), Arc::clone(gate));
        let mut facts = gather_organization(&calls, Some(&file), &self.scope)
            .await
            .ok()?;
        gather_hubs(&calls, Some(&file), &self.scope, &mut facts).await;
        let rows = compare(&file, &facts, self.choices, self.today.parse().unwrap());
        let draft = draft(&rows, &facts);
        let mut ran = Ran {
            facts,
            rows,
            report: None,
        };
        if draft.is_empty() {
            return Some(ran);
        }
        let runner = self.runner(holder, gate);
        let plan = runner.look(draft).await.ok()?.plan;
        let report = if applies {
            runner
                .apply(&plan.id, &crate::bench::patient())
                .await
                .ok()?
        } else {
            PlanReport::planned(&plan)
        };
        ran.report = Some(report);
        Some(ran)
    }

    /// What the command does by policies.
    pub(super) async fn central(
        &self,
        file: &str,
        applies: bool,
        holder: &str,
        gate: &Arc<Gate>,
    ) -> Option<CentralRan> {
        let file = StandardsFile::read(file).unwrap();
        let calls = GatedCalls(Arc::clone(&self.aws), Arc::clone(gate));
        let facts = gather_organization(&calls, Some(&file), &self.scope)
            .await
            .ok()?;
        let central = facts.central.as_ref().unwrap();
        let meant = |it: &StandardsAccount| self.scope.is_meant(it, &facts.tree);
        let rows = central_rows(&file, &facts, central, self.today.parse().unwrap(), meant);
        let draft = draft_central(&rows, &facts, central);
        let runner = self.runner(holder, gate);
        let plan = runner.look(draft).await.ok()?.plan;
        let report = if applies {
            runner
                .apply(&plan.id, &crate::bench::patient())
                .await
                .ok()?
        } else {
            PlanReport::planned(&plan)
        };
        Some(CentralRan { rows, report })
    }

    pub(super) async fn apply_central(&self, file: &str) -> CentralRan {
        self.central(file, true, "first", &Gate::new(None))
            .await
            .unwrap()
    }

    pub(super) async fn apply(&self, file: &str) -> Ran {
        self.run(file, true, "first", &Gate::new(None))
            .await
            .unwrap()
    }

    pub(super) async fn compare(&self, file: &str) -> Ran {
        self.run(file, false, "first", &Gate::new(None))
            .await
            .unwrap()
    }
}
