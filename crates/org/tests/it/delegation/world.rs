use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};

use hallpass_base::{AccountId, Clock, TimeSpan, Timestamp};
use hallpass_enforcement::OrganizationFault;
use hallpass_org::delegation::{
    DelegationFile, DelegationRow, DelegationStepExecutor, Replacing, compare, draft, gather,
};
use hallpass_org::{Operation, ReadAnswer, ReadPlace, SendAnswer};
use hallpass_plans::testing::{Gate, Hourglass, MemoryPlans};
use hallpass_plans::{PlanId, PlanReport, Runner};
use serde_json::{Map, Value, json};

use crate::gated::{FakeCalls, GatedCalls, carried, read_failed, runner};

pub(super) const MANAGEMENT: &str = "111111111111";
pub(super) const ADMIN: &str = "333333333333";
pub(super) const OTHER: &str = "222222222222";
const MAKING: TimeSpan = TimeSpan::seconds(25);

#[derive(Default)]
pub(super) struct State {
    pub(super) caller: String,
    pub(super) accounts: Vec<(String, &'static str)>,
    pub(super) trusted: BTreeSet<String>,
    pub(super) delegated: BTreeMap<String, BTreeSet<String>>,
    pub(super) regional: BTreeMap<(String, String), String>,
    pub(super) graphs: BTreeMap<String, (Timestamp, bool)>,
    pub(super) members: BTreeMap<(String, String), Timestamp>,
    pub(super) invited: BTreeMap<(String, String), bool>,
    pub(super) joined: BTreeMap<String, (Timestamp, Timestamp)>,
    pub(super) too_large: BTreeSet<String>,
    pub(super) refused: BTreeMap<String, String>,
    pub(super) opted_in: BTreeSet<(String, String)>,
    pub(super) closed: bool,
    pub(super) writes: Vec<String>,
    pub(super) asked: Vec<String>,
    /// A competing user, who sets another administrator after this many calls.
    pub(super) person: Option<(u32, String, String)>,
    pub(super) person_was_there: bool,
    pub(super) batches: Vec<usize>,
}

impl State {
    /// Another administrator is set or registered.
    fn is_taken(&self, region: &str, input: &Value) -> bool {
        let (service, account) = named(input);
        let held = self.regional.get(&(service.to_owned(), region.to_owned()));
        let registered = self.delegated.get(&principal(service));
        held.into_iter()
            .chain(registered.into_iter().flatten())
            .any(|it| *it != account)
    }

    fn regions_of(&self, account: &str) -> BTreeSet<String> {
        let usual = ["eu-west-1", "us-east-1"].map(str::to_owned);
        let more = self.opted_in.iter().filter(|(of, _)| of == account);
        let more = more.map(|(_, region)| region.clone());
        usual.into_iter().chain(more).collect()
    }

    /// A Region that rejects the management account's credentials.
    fn is_off(&self, place: &ReadPlace) -> bool {
        let on = self.regions_of(MANAGEMENT);
        let region = place.region.as_ref();
        place.account.is_none() && region.is_some_and(|it| !on.contains(it))
    }

    /// The service registers its administrator in Organizations.
    fn set(&mut self, region: &str, input: &Value) {
        let (service, account) = named(input);
        let known = self.delegated.entry(principal(service)).or_default();
        known.insert(account.clone());
        let place = (service.to_owned(), region.to_owned());
        self.regional.insert(place, account);
    }

    /// Deregistration removes the administrator in all Regions.
    fn forget(&mut self, input: &Value) {
        let (of, account) = (text(input, "ServicePrincipal"), text(input, "AccountId"));
        if let Some(known) = self.delegated.get_mut(&of) {
            known.remove(&account);
        }
        self.regional
            .retain(|(service, _), held| principal(service) != of || *held != account);
    }

    fn person_acts(&mut self) {
        match self.person.take() {
            Some((1, service, region)) => {
                let free = self.regional.entry((service, region));
                free.or_insert_with(|| OTHER.to_owned());
                self.person_was_there = true;
            }
            Some((calls, service, region)) => self.person = Some((calls - 1, service, region)),
            None => {}
        }
    }
}

pub(super) struct FakeDelegation {
    clock: Arc<Hourglass>,
    pub(super) state: Mutex<State>,
}

fn text(value: &Value, name: &str) -> String {
    value[name].as_str().unwrap_or_default().to_owned()
}

fn page_of(mut answer: Value, input: &Value) -> (Value, Option<Map<String, Value>>) {
    let Some(rows) = answer.get("MemberDetails").and_then(Value::as_array) else {
        return (answer, None);
    };
    let from = input["NextToken"]
        .as_str()
        .map_or(0, |it| it.parse().unwrap());
    let rest = rows.len().saturating_sub(from);
    let page: Vec<Value> = rows.iter().skip(from).take(100).cloned().collect();
    answer["MemberDetails"] = page.into();
    let next = json!({ "NextToken": (from + 100).to_string() });
    (
        answer,
        (rest > 100).then(|| next.as_object().unwrap().clone()),
    )
}

fn named(input: &Value) -> (&'static str, String) {
    match input.get("AdminAccountId") {
        Some(_) => ("securityhub", text(input, "AdminAccountId")),
        None => ("detective", text(input, "AccountId")),
    }
}

fn principal(service: &str) -> String {
    format!("{service}.amazonaws.com")
}

fn graph(region: &str) -> String {
    format!("arn:aws:detective:{region}:{ADMIN}:graph:1")
}

fn make_members(state: &mut State, region: &str, input: &Value, now: Timestamp) -> Value {
    let asked = input["Accounts"].as_array().unwrap();
    assert!(asked.len() <= 50 && !asked.is_empty());
    state.batches.push(asked.len());
    let is_quiet = input["DisableEmailNotification"] == true;
    let mut unknown = Vec::new();
    for row in asked {
        assert!(text(row, "EmailAddress").ends_with("@example.com"));
        let place = (region.to_owned(), text(row, "AccountId"));
        let joined = state.joined.get(&place.1);
        if joined.is_some_and(|(_, known)| now < *known) {
            unknown.push(json!({ "AccountId": place.1, "Reason": "unknown" }));
            continue;
        }
        if state.accounts.iter().all(|(id, _)| *id != place.1) {
            state.invited.insert(place, !is_quiet);
            continue;
        }
        assert!(is_quiet);
        state.members.entry(place).or_insert(MAKING.after(now));
    }
    json!({ "UnprocessedAccounts": unknown })
}

impl FakeDelegation {
    fn found(&self, place: &ReadPlace, (service, name): Operation, input: &Value) -> Option<Value> {
        let now = self.clock.now();
        let region = place.region.clone().unwrap_or_default();
        let state = self.state.lock().unwrap();
        let rows = |rows: Vec<Value>, list: &str| Some(json!({ list: rows }));
        match (service, name) {
            ("organizations", "DescribeOrganization") => Some(json!({ "Organization": {
                "Id": "o-abcdefghij", "MasterAccountId": MANAGEMENT, "FeatureSet": "ALL" } })),
            ("sts", "GetCallerIdentity") => Some(json!({ "Account": state.caller })),
            ("organizations", "ListAccounts") => {
                let all = state.accounts.iter().map(|(id, status)| {
                    json!({
                        "Id": id, "Email": format!("{id}@example.com"), "State": status,
                        "JoinedTimestamp": state.joined.get(id).map(|it| it.0.to_string()),
                    })
                });
                rows(all.collect(), "Accounts")
            }
            ("organizations", "ListAWSServiceAccessForOrganization") => {
                let all = state.trusted.iter();
                let all = all.map(|it| json!({ "ServicePrincipal": it }));
                rows(all.collect(), "EnabledServicePrincipals")
            }
            ("organizations", "ListDelegatedAdministrators") => {
                let known = state.delegated.get(&text(input, "ServicePrincipal"));
                let all = known.into_iter().flatten().map(|it| json!({ "Id": it }));
                rows(all.collect(), "DelegatedAdministrators")
            }
            ("account", "ListRegions") => {
                let account = place.account.as_ref();
                let on = state.regions_of(account.map_or(MANAGEMENT, AccountId::as_str));
                let all = on.iter().map(|it| json!({ "RegionName": it }));
                rows(all.collect(), "Regions")
            }
            ("securityhub", _) => {
                let held = state.regional.get(&("securityhub".to_owned(), region));
                let all = held.map(|it| json!({ "AccountId": it, "Status": "ENABLED" }));
                rows(all.into_iter().collect(), "AdminAccounts")
            }
            ("detective", "ListOrganizationAdminAccounts") => {
                let held = state.regional.get(&("detective".to_owned(), region));
                let all = held.map(|it| json!({ "AccountId": it }));
                rows(all.into_iter().collect(), "Administrators")
            }
            ("detective", "ListGraphs") => {
                let there = state.graphs.get(&region).filter(|(from, _)| *from <= now);
                let all = there.map(|_| json!({ "Arn": graph(&region) }));
                rows(all.into_iter().collect(), "GraphList")
            }
            ("detective", "DescribeOrganizationConfiguration") => {
                Some(json!({ "AutoEnable": state.graphs.get(&region)?.1 }))
            }
            ("detective", "ListMembers") => {
                let of_region = state.members.iter().filter(|((it, _), _)| *it == region);
                let all = of_region.map(|((_, id), from)| {
                    let (status, reason) = match (*from > now, state.too_large.contains(id)) {
                        (true, _) => ("VERIFICATION_IN_PROGRESS", Value::Null),
                        (false, true) => ("ACCEPTED_BUT_DISABLED", json!("VOLUME_TOO_HIGH")),
                        (false, false) => ("ENABLED", Value::Null),
                    };
                    json!({ "AccountId": id, "Status": status, "DisabledReason": reason })
                });
                let invited = state.invited.keys().filter(|(it, _)| *it == region);
                let invited =
                    invited.map(|(_, id)| json!({ "AccountId": id, "Status": "INVITED" }));
                rows(all.chain(invited).collect(), "MemberDetails")
            }
            _ => None,
        }
    }
}

impl FakeCalls for FakeDelegation {
    fn read(&self, place: &ReadPlace, operation: Operation, input: &Value) -> ReadAnswer {
        let region = place.region.as_deref().unwrap_or_default();
        let asked = format!("{}:{} {region}", operation.0, operation.1);
        let of_service = input["ServicePrincipal"].as_str().unwrap_or_default();
        let refused = |state: &State| {
            let one = format!("{}:{} {of_service}", operation.0, operation.1);
            let code = state.refused.get(&asked).or(state.refused.get(&one));
            code.cloned()
        };
        let code = refused(&self.state.lock().unwrap());
        self.state.lock().unwrap().asked.push(asked);
        self.state.lock().unwrap().person_acts();
        let is_closed = self.state.lock().unwrap().closed && place.account.is_some();
        let is_off = self.state.lock().unwrap().is_off(place);
        let found = self.found(place, operation, input);
        match (found.filter(|_| !is_closed), code) {
            _ if is_off => Err(read_failed("UnrecognizedClientException", "no")),
            (Some(answer), None) => Ok(page_of(answer, input)),
            (_, code) => {
                let code = code.unwrap_or_else(|| "AccessDeniedException".to_owned());
                Err(read_failed(&code, "no"))
            }
        }
    }

    fn write(&self, place: &ReadPlace, (service, name): Operation, input: &Value) -> SendAnswer {
        let now = self.clock.now();
        let region = place.region.clone().unwrap_or_default();
        let state = &mut *self.state.lock().unwrap();
        if let Some(code) = state.refused.get(&format!("{service}:{name} {region}")) {
            let (code, message) = (code.clone(), "no".to_owned());
            return Err(OrganizationFault::Refused { code, message });
        }
        let account = named(input).1;
        state.writes.push(format!("{name} {region} {account}"));
        match name {
            "EnableAWSServiceAccess" => {
                state.trusted.insert(text(input, "ServicePrincipal"));
            }
            "RegisterDelegatedAdministrator" => {
                let known = state.delegated.entry(text(input, "ServicePrincipal"));
                if !known.or_default().insert(text(input, "AccountId")) {
                    state.writes.pop();
                    let message = "registered".to_owned();
                    return Err(OrganizationFault::AlreadyThere { message });
                }
            }
            "DeregisterDelegatedAdministrator" => state.forget(input),
            "EnableOrganizationAdminAccount" if state.is_taken(&region, input) => {
                state.writes.pop();
                return Err(OrganizationFault::Refused {
                    code: "InvalidInputException".to_owned(),
                    message: "there is another administrator".to_owned(),
                });
            }
            "EnableOrganizationAdminAccount" => {
                state.set(&region, input);
                state.graphs.insert(region, (MAKING.after(now), false));
            }
            "DisableOrganizationAdminAccount" => {
                let service = named(input).0.to_owned();
                state.regional.remove(&(service, region.clone()));
                state.graphs.remove(&region);
            }
            "UpdateOrganizationConfiguration" => {
                state.graphs.get_mut(&region).unwrap().1 = input["AutoEnable"] == true;
            }
            "CreateMembers" => return Ok(make_members(state, &region, input, now)),
            other => panic!("unexpected write {other}"),
        }
        Ok(json!({}))
    }
}

pub(super) struct World {
    pub(super) clock: Arc<Hourglass>,
    pub(super) aws: Arc<FakeDelegation>,
    pub(super) plans: Arc<MemoryPlans>,
}

pub(super) struct Ran {
    pub(super) rows: Vec<DelegationRow>,
    pub(super) report: Option<PlanReport>,
}

impl Ran {
    pub(super) fn target(&self, service: &str, region: &str) -> (String, Vec<String>) {
        let report = self.report.as_ref().unwrap();
        let found = report
            .targets
            .iter()
            .find(|it| it.target.key == service && it.target.region == region);
        let found = found.unwrap();
        let steps = found.steps.iter();
        let steps = steps.filter(|it| it.outcome == hallpass_plans::StepEnd::Changed);
        let names = steps.map(|it| it.kind.trim_start_matches("delegation.").to_owned());
        let mut names: Vec<String> = names.collect();
        names.sort();
        (found.outcome.to_string(), names)
    }
}

impl World {
    pub(super) fn new() -> Self {
        let clock = Arc::new(Hourglass::new(crate::bench::START.parse().unwrap()));
        let accounts = [MANAGEMENT, OTHER, ADMIN, "444444444444"];
        let state = State {
            caller: MANAGEMENT.to_owned(),
            accounts: accounts
                .iter()
                .map(|id| ((*id).to_owned(), "ACTIVE"))
                .collect(),
            ..State::default()
        };
        Self {
            aws: Arc::new(FakeDelegation {
                clock: Arc::clone(&clock),
                state: Mutex::new(state),
            }),
            clock,
            plans: Arc::default(),
        }
    }

    pub(super) fn with(&self, change: impl FnOnce(&mut State)) {
        change(&mut self.aws.state.lock().unwrap());
    }

    pub(super) fn writes(&self) -> Vec<String> {
        let mut all = self.aws.state.lock().unwrap().writes.clone();
        all.sort();
        all
    }

    pub(super) fn sent(&self) -> Vec<String> {
        self.aws.state.lock().unwrap().writes.clone()
    }

    pub(super) fn runner(&self, holder: &str, gate: &Arc<Gate>) -> Runner {
        runner(&self.plans, self.hands(gate), &self.clock, holder, gate)
    }

    pub(super) fn hands(&self, gate: &Arc<Gate>) -> DelegationStepExecutor {
        let calls = Arc::new(GatedCalls::through(&self.aws, gate));
        DelegationStepExecutor::new(calls, Arc::clone(&self.clock) as Arc<_>)
    }

    pub(super) async fn planned(&self, file: &str, replacing: Replacing) -> PlanId {
        let file = DelegationFile::read(file).unwrap();
        let facts = gather(&GatedCalls::calm(&self.aws), &file).await.unwrap();
        let rows = compare(&file, &facts, replacing).unwrap();
        let runner = self.runner("planner", &Gate::new(None));
        runner.look(draft(&rows, &facts)).await.unwrap().plan.id
    }

    pub(super) async fn rows(
        &self,
        file: &str,
        replacing: Replacing,
    ) -> Result<Vec<DelegationRow>, String> {
        let file = DelegationFile::read(file)?;
        let facts = gather(&GatedCalls::calm(&self.aws), &file).await;
        let facts = facts.map_err(|why| why.reason)?;
        compare(&file, &facts, replacing).map_err(|why| why.to_string())
    }

    /// Runs the command; `None` if a port failed.
    pub(super) async fn delegate(
        &self,
        file: &str,
        applies: bool,
        holder: &str,
        gate: &Arc<Gate>,
    ) -> Option<Ran> {
        self.delegate_with(file, Replacing::Never, applies, holder, gate)
            .await
    }

    pub(super) async fn delegate_with(
        &self,
        file: &str,
        replacing: Replacing,
        applies: bool,
        holder: &str,
        gate: &Arc<Gate>,
    ) -> Option<Ran> {
        let file = DelegationFile::read(file).unwrap();
        let calls = GatedCalls::through(&self.aws, gate);
        let facts = gather(&calls, &file).await.ok()?;
        let rows = compare(&file, &facts, replacing).unwrap();
        let draft = draft(&rows, &facts);
        if draft.is_empty() {
            return Some(Ran { rows, report: None });
        }
        let report = carried(&self.runner(holder, gate), draft, applies).await?;
        let report = Some(report);
        Some(Ran { rows, report })
    }
}
