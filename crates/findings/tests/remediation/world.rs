//! In-memory member accounts, Security Hub and organization, with configurable errors.

use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use hallpass_base::{AccountId, Clock, IdSource, Timestamp};
use hallpass_findings::events::{EventHandler, HandledEvent, OrganizationEvent, read_event};
use hallpass_findings::remediation::{
    AccountStanding, AccountStandings, ActionKind, CalledCode, CodeAnswer, CodeFault, Deviation,
    MemberAnswer, MemberCalls, MemberFault, MemberFaultKind, MemberOperation, MemberPlace, OwnCode,
    Remediation, RemediationFilter, RemediationHandler, RemediationMode, RemediationPhase,
    RemediationPorts, RemediationStepExecutor, RemediationStore, RemediationWorker, RuleFile,
    StandingReader, Standings, Worked,
};
use hallpass_findings::remediation_testing::MemoryRemediations;
use hallpass_findings::{CallRefusal, EnrichSettings, FindingCalls, RefusalKind};
use hallpass_plans::testing::{Gate, Gated, MemoryPlans};
use hallpass_plans::{PlanStore, Runner, RunnerIdentity, RunnerPorts, Sleeper, StepExecutor};
use serde_json::{Value, json};
use uuid::Uuid;

pub(crate) const ACCOUNT: &str = "444444444444";
pub(crate) const GROUP: &str = "sg-0123456789abcdef0";

pub(crate) fn text(name: &str) -> String {
    static READ: LazyLock<Mutex<BTreeMap<String, String>>> = LazyLock::new(Mutex::default);
    let mut read = READ.lock().unwrap();
    let path = format!(
        "{}/../../docs/spec/fixtures/{name}",
        env!("CARGO_MANIFEST_DIR")
    );
    let text = read
        .entry(name.to_owned())
        .or_insert_with(|| std::fs::read_to_string(path).unwrap());
    text.clone()
}

pub(crate) fn fixture(name: &str) -> Value {
    serde_json::from_str(&text(&format!("{name}.json"))).unwrap()
}

pub(crate) fn event(name: &str) -> OrganizationEvent {
    read_event(&text(&format!("{name}.json"))).unwrap()
}

pub(crate) fn changed(name: &str, members: &[(&str, Value)]) -> OrganizationEvent {
    let mut document = fixture(name);
    for (pointer, value) in members {
        *document.pointer_mut(pointer).unwrap() = value.clone();
    }
    read_event(&document.to_string()).unwrap()
}

/// The group is found again: event and finding are updated.
pub(crate) fn found_again(time: u32) -> OrganizationEvent {
    let id = format!("r0000001-0000-4000-8000-0000000001{time:02}");
    let at = format!("2026-03-02T11:{time:02}:00.000Z");
    changed(
        "org-rem-sg",
        &[
            ("/id", id.into()),
            ("/detail/findings/0/UpdatedAt", at.into()),
        ],
    )
}

pub(crate) fn rules(mode: &str) -> RuleFile {
    static READ: LazyLock<Mutex<BTreeMap<String, RuleFile>>> = LazyLock::new(Mutex::default);
    let mut read = READ.lock().unwrap();
    let file = read.entry(mode.to_owned()).or_insert_with(|| {
        let file = text("org-remediate-rules.yaml");
        RuleFile::read(&file.replace("mode: auto", &format!("mode: {mode}"))).unwrap()
    });
    file.clone()
}

#[derive(Default)]
pub(crate) struct Account {
    pub(crate) groups: BTreeMap<String, Vec<Value>>,
    pub(crate) tags: Vec<Value>,
    pub(crate) things: BTreeMap<String, Value>,
}

impl Account {
    fn log_flows(&mut self, input: &Value) {
        let all = self.things.get_mut("DescribeFlowLogs").unwrap();
        let rows = all["FlowLogs"].as_array_mut().unwrap();
        match input.get("FlowLogIds").and_then(Value::as_array) {
            Some(ids) => rows.retain(|it| !ids.contains(&it["FlowLogId"])),
            None => rows.push(json!({
                "FlowLogId": "fl-new", "FlowLogStatus": "ACTIVE", "TrafficType": input["TrafficType"],
                "Tags": input["TagSpecifications"][0]["Tags"],
            })),
        }
    }

    fn set_key(&mut self, input: &Value) {
        let keys = self.things.get_mut("keys").unwrap();
        let rows = keys["AccessKeyMetadata"].as_array_mut().unwrap();
        let named = |it: &&mut Value| it["AccessKeyId"] == input["AccessKeyId"];
        for row in rows.iter_mut().filter(named) {
            row["Status"] = input["Status"].clone();
        }
    }

    fn authorize(&mut self, input: &Value) {
        let id = input["GroupId"].as_str().unwrap();
        let group = self.groups.get_mut(id).unwrap();
        for it in input["IpPermissions"].as_array().unwrap() {
            let mut rule = json!({
                "SecurityGroupRuleId": format!("sgr-again{}", group.len()), "IsEgress": false,
                "IpProtocol": it["IpProtocol"], "FromPort": it["FromPort"], "ToPort": it["ToPort"],
            });
            for (list, member, own) in [
                ("IpRanges", "CidrIp", "CidrIpv4"),
                ("Ipv6Ranges", "CidrIpv6", "CidrIpv6"),
            ] {
                if let Some(peer) = it.get(list).map(|it| &it[0]) {
                    rule[own] = peer[member].clone();
                    if let Some(words) = peer.get("Description") {
                        rule["Description"] = words.clone();
                    }
                }
            }
            group.push(rule);
        }
    }
}

pub(crate) type Interference = Box<dyn FnMut(&World, &str) + Send>;

pub(crate) type Hooked = (
    Vec<(String, String, Value)>,
    Vec<Result<CodeAnswer, CodeFault>>,
);

pub(crate) struct World {
    pub(crate) hooked: Mutex<Hooked>,
    pub(crate) judged: Mutex<BTreeMap<String, String>>,
    pub(crate) before_calls: Mutex<Option<Interference>>,
    pub(crate) log: Mutex<Vec<String>>,
    pub(crate) accounts: Mutex<BTreeMap<String, Account>>,
    pub(crate) writes: Mutex<Vec<(String, String, Value)>>,
    pub(crate) places: Mutex<Vec<MemberPlace>>,
    pub(crate) findings: Mutex<BTreeMap<String, Value>>,
    pub(crate) updates: Mutex<Vec<Value>>,
    pub(crate) hub_refusals: Mutex<u32>,
    pub(crate) hub_is_closed: Mutex<bool>,
    pub(crate) not_entered: Mutex<Vec<String>>,
    now: Mutex<Timestamp>,
}

impl World {
    pub(crate) fn new() -> Arc<Self> {
        let mut account = Account::default();
        let rules = fixture("org-rem-sg-state")["rules"].clone();
        account
            .groups
            .insert(GROUP.to_owned(), rules.as_array().unwrap().clone());
        let world = Self {
            hooked: Mutex::default(),
            judged: Mutex::default(),
            before_calls: Mutex::default(),
            log: Mutex::default(),
            accounts: Mutex::new(BTreeMap::from([(ACCOUNT.to_owned(), account)])),
            writes: Mutex::default(),
            places: Mutex::default(),
            findings: Mutex::default(),
            updates: Mutex::default(),
            hub_refusals: Mutex::default(),
            hub_is_closed: Mutex::default(),
            not_entered: Mutex::default(),
            now: Mutex::new("2026-03-02T10:05:00Z".parse().unwrap()),
        };
        for name in ["org-rem-sg", "org-rem-suppress", "org-rem-account-mismatch"] {
            world.stands(&fixture(name)["detail"]["findings"][0]);
        }
        Arc::new(world)
    }

    /// A re-import keeps user fields, and the workflow status unless the finding is new.
    pub(crate) fn imports(&self, event: &OrganizationEvent) {
        let rows = event.detail.get("findings").and_then(Value::as_array);
        for row in rows.into_iter().flatten() {
            let mut next = row.clone();
            let mut findings = self.findings.lock().unwrap();
            let Some(id) = row["Id"].as_str() else {
                continue;
            };
            if let Some(stands) = findings.get(id) {
                let mut kept = vec!["Note", "UserDefinedFields"];
                if stands["UpdatedAt"] == row["UpdatedAt"] {
                    kept.extend(["Workflow", "RecordState"]);
                }
                for name in kept {
                    if let Some(value) = stands.get(name) {
                        next[name] = value.clone();
                    }
                }
            }
            findings.insert(id.to_owned(), next);
        }
    }

    fn called(&self, operation: &str) {
        let taken = self.before_calls.lock().unwrap().take();
        if let Some(mut interfere) = taken {
            interfere(self, operation);
            self.before_calls.lock().unwrap().get_or_insert(interfere);
        }
        self.log.lock().unwrap().push(operation.to_owned());
    }

    pub(crate) fn does(&self, what: &str) {
        self.log.lock().unwrap().push(what.to_owned());
    }

    pub(crate) fn sets(&self, id: &str, members: &[(&str, Value)]) {
        let mut findings = self.findings.lock().unwrap();
        let finding = findings.get_mut(id).unwrap();
        for (name, value) in members {
            finding[*name] = value.clone();
        }
    }

    pub(crate) fn stands(&self, finding: &Value) {
        let id = finding["Id"].as_str().unwrap().to_owned();
        self.findings.lock().unwrap().insert(id, finding.clone());
    }

    pub(crate) fn pass(&self, seconds: i64) {
        *self.now.lock().unwrap() += jiff::SignedDuration::from_secs(seconds);
    }

    pub(crate) fn rule_ids(&self) -> Vec<String> {
        let accounts = self.accounts.lock().unwrap();
        let rows = accounts[ACCOUNT].groups[GROUP].iter();
        rows.map(|it| it["SecurityGroupRuleId"].as_str().unwrap().to_owned())
            .collect()
    }

    pub(crate) fn written(&self, operation: &str) -> Vec<Value> {
        let writes = self.writes.lock().unwrap();
        let rows = writes.iter().filter(|(_, name, _)| name == operation);
        rows.map(|(_, _, input)| input.clone()).collect()
    }

    pub(crate) fn change_account(&self, change: impl FnOnce(&mut Account)) {
        change(self.accounts.lock().unwrap().get_mut(ACCOUNT).unwrap());
    }

    pub(crate) fn add_rule(&self, rule: Value) {
        self.change_account(|it| it.groups.get_mut(GROUP).unwrap().push(rule));
    }

    pub(crate) fn reopen(&self) {
        let rules = fixture("org-rem-sg-state")["rules"].clone();
        let rules = rules.as_array().unwrap().clone();
        self.change_account(|it| drop(it.groups.insert(GROUP.to_owned(), rules)));
    }
}

impl Clock for World {
    fn now(&self) -> Timestamp {
        *self.now.lock().unwrap()
    }
}

#[async_trait]
impl Sleeper for World {
    async fn sleep(&self, span: Duration) {
        let milliseconds = i64::try_from(span.as_millis()).unwrap();
        *self.now.lock().unwrap() += jiff::SignedDuration::from_millis(milliseconds);
    }
}

pub(crate) struct Ids;

impl IdSource for Ids {
    fn next(&self, _: Timestamp) -> Uuid {
        Uuid::nil()
    }
}

#[async_trait]
impl AccountStandings for World {
    async fn standing(&self, account: &AccountId) -> Result<AccountStanding, String> {
        Ok(match account.as_str() {
            "000000000000" => AccountStanding::Outside,
            "012345678901" => AccountStanding::Member {
                unit: "Dev".to_owned(),
                management: false,
            },
            it => AccountStanding::Member {
                unit: "Prod".to_owned(),
                management: it == "111111111111",
            },
        })
    }
}

fn refused(code: &str) -> MemberFault {
    MemberFault {
        kind: MemberFaultKind::Refused,
        code: code.to_owned(),
        message: "no".to_owned(),
    }
}

pub(crate) fn kept(it: Deviation) -> Remediation {
    let (mode, action) = (RemediationMode::Auto, ActionKind::S3BucketBlock);
    let now = "2026-03-02T10:05:00Z".parse().unwrap();
    Remediation {
        phase: RemediationPhase::Manual {
            reason: "why".to_owned(),
        },
        ..Remediation::observed("r", mode, action, json!({}), it, now)
    }
}

impl World {
    pub(crate) fn with(&self, things: &[(&str, Value)]) {
        let mut accounts = self.accounts.lock().unwrap();
        let all = &mut accounts.get_mut(ACCOUNT).unwrap().things;
        all.extend(
            things
                .iter()
                .map(|(key, it)| ((*key).to_owned(), it.clone())),
        );
    }

    fn enter(&self, place: &MemberPlace) -> Result<(), MemberFault> {
        let account = place.account.as_str();
        if self
            .not_entered
            .lock()
            .unwrap()
            .iter()
            .any(|it| it == account)
        {
            return Err(MemberFault {
                kind: MemberFaultKind::NotEntered,
                code: "AccessDenied".to_owned(),
                message: format!(
                    "not authorized to perform sts:AssumeRole on arn:aws:iam::{account}:role/HallpassRemediation"
                ),
            });
        }
        self.places.lock().unwrap().push(place.clone());
        Ok(())
    }

    fn key((service, operation): MemberOperation, input: &Value) -> String {
        let name = ["Bucket", "AccountId", "UserName", "KeyId", "Name"]
            .iter()
            .find_map(|it| input.get(it)?.as_str());
        let thing = [
            "Get", "Put", "Delete", "Update", "Enable", "Disable", "Status",
        ]
        .iter()
        .fold(operation.to_owned(), |text, it| text.replace(it, ""));
        format!("{service}/{thing}/{}", name.unwrap_or("-"))
    }
}

#[async_trait]
impl MemberCalls for World {
    async fn read(
        &self,
        place: &MemberPlace,
        operation: MemberOperation,
        input: &Value,
    ) -> Result<MemberAnswer, MemberFault> {
        self.called(operation.1);
        self.enter(place)?;
        let accounts = self.accounts.lock().unwrap();
        let account = accounts
            .get(place.account.as_str())
            .ok_or_else(|| refused("NoAccount"))?;
        let answer = match operation.1 {
            "GetComplianceDetailsByResource" => {
                let rows = self.judged.lock().unwrap().clone().into_iter().map(|(rule, judged)| json!({
                    "ComplianceType": judged,
                    "EvaluationResultIdentifier": { "EvaluationResultQualifier": {
                        "ConfigRuleName": rule, "ResourceType": input["ResourceType"], "ResourceId": input["ResourceId"],
                    } },
                }));
                json!({ "EvaluationResults": rows.collect::<Vec<_>>() })
            }
            "DescribeSecurityGroupRules" => {
                let id = input["Filters"][0]["Values"][0].as_str().unwrap();
                json!({ "SecurityGroupRules": account.groups.get(id).cloned().unwrap_or_default() })
            }
            "DescribeSecurityGroups" => json!({ "SecurityGroups": [{
                "GroupId": input["GroupIds"][0], "GroupName": "default", "Tags": account.tags,
            }] }),
            "DescribeDBInstances" | "DescribeFlowLogs" => {
                let found = account.things.get(operation.1).cloned();
                found.ok_or_else(|| refused("NotThere"))?
            }
            "ListAccessKeys" => account.things.get("keys").cloned().unwrap_or_default(),
            "GetAccessKeyLastUsed" => account.things.get("used").cloned().unwrap_or(json!({})),
            _ => {
                let found = account.things.get(&Self::key(operation, input)).cloned();
                found.ok_or_else(|| {
                    refused(match operation.1 {
                        "GetAccountPasswordPolicy" => "NoSuchEntity",
                        _ => "NoSuchPublicAccessBlockConfiguration",
                    })
                })?
            }
        };
        Ok((answer, None))
    }

    async fn send(
        &self,
        place: &MemberPlace,
        operation: MemberOperation,
        input: &Value,
    ) -> Result<Value, MemberFault> {
        self.called(operation.1);
        self.enter(place)?;
        let home = |arn: &Value| {
            arn.as_str()
                .and_then(|it| it.split(':').nth(3).map(str::to_owned))
        };
        if operation.1 == "UpdateTrail" && home(&input["Name"]).as_ref() != Some(&place.region) {
            return Err(refused("InvalidHomeRegionException"));
        }
        let account = place.account.as_str().to_owned();
        let name = operation.1.to_owned();
        self.writes
            .lock()
            .unwrap()
            .push((account.clone(), name, input.clone()));
        let mut accounts = self.accounts.lock().unwrap();
        let account = accounts.get_mut(&account).unwrap();
        let key = Self::key(operation, input);
        match operation.1 {
            "RevokeSecurityGroupIngress" | "RevokeSecurityGroupEgress" => {
                let ids = input["SecurityGroupRuleIds"].as_array().unwrap().clone();
                let group = input["GroupId"].as_str().unwrap();
                let rules = account.groups.get_mut(group).unwrap();
                rules.retain(|it| !ids.contains(&it["SecurityGroupRuleId"]));
            }
            "AuthorizeSecurityGroupIngress" => account.authorize(input),
            "UpdateAccessKey" => account.set_key(input),
            "UpdateAccountPasswordPolicy" => {
                account
                    .things
                    .insert(key, json!({ "PasswordPolicy": input }));
            }
            "PutPublicAccessBlock" => {
                let wanted = json!({ "PublicAccessBlockConfiguration": input["PublicAccessBlockConfiguration"] });
                account.things.insert(key, wanted);
            }
            "ModifyDBInstance" => {
                let row = json!([{ "PubliclyAccessible": input["PubliclyAccessible"] }]);
                let rows = json!({ "DBInstances": row });
                account
                    .things
                    .insert("DescribeDBInstances".to_owned(), rows);
            }
            "CreateFlowLogs" | "DeleteFlowLogs" => account.log_flows(input),
            it if it.starts_with("Delete") => drop(account.things.remove(&key)),
            it => {
                let on = it.starts_with("Enable");
                let trail = input
                    .get("EnableLogFileValidation")
                    .cloned()
                    .unwrap_or_default();
                let answer = json!({
                    "EbsEncryptionByDefault": on, "KeyRotationEnabled": on, "RotationPeriodInDays": on.then_some(365),
                    "Trail": { "LogFileValidationEnabled": trail },
                });
                account.things.insert(key, answer);
            }
        }
        Ok(json!({}))
    }
}

#[async_trait]
impl OwnCode for World {
    async fn call(&self, of: &CalledCode, id: &str, body: &Value) -> Result<CodeAnswer, CodeFault> {
        self.called("webhook");
        let (CalledCode::Webhook(name) | CalledCode::Function(name)) = of;
        let mut hooked = self.hooked.lock().unwrap();
        hooked
            .0
            .push((name.to_owned(), id.to_owned(), body.clone()));
        hooked.1.pop().unwrap_or_else(|| {
            Ok(CodeAnswer {
                status: 200,
                text: "isolated".to_owned(),
            })
        })
    }
}

#[async_trait]
impl FindingCalls for World {
    async fn call(
        &self,
        _: Option<&str>,
        _: &'static str,
        operation: &'static str,
        input: &Value,
    ) -> Result<Value, CallRefusal> {
        self.called(operation);
        let mut findings = self.findings.lock().unwrap();
        if operation == "GetFindings" && *self.hub_is_closed.lock().unwrap() {
            return Err(CallRefusal {
                kind: RefusalKind::Denied,
                operation: operation.to_owned(),
                code: "AccessDeniedException".to_owned(),
                message: "no".to_owned(),
            });
        }
        if operation == "GetFindings" {
            let ids = input["Filters"]["Id"].as_array().unwrap().clone();
            let rows = ids
                .iter()
                .filter_map(|it| findings.get(it["Value"].as_str()?));
            return Ok(json!({ "Findings": rows.cloned().collect::<Vec<Value>>() }));
        }
        assert_eq!(operation, "BatchUpdateFindings");
        let mut left = self.hub_refusals.lock().unwrap();
        if *left > 0 {
            *left -= 1;
            return Err(CallRefusal {
                kind: RefusalKind::Passing,
                operation: operation.to_owned(),
                code: "LimitExceededException".to_owned(),
                message: "too fast".to_owned(),
            });
        }
        let mut gone = Vec::new();
        self.updates.lock().unwrap().push(input.clone());
        for key in input["FindingIdentifiers"].as_array().unwrap() {
            let Some(finding) = findings.get_mut(key["Id"].as_str().unwrap()) else {
                gone.push(json!({ "FindingIdentifier": key, "ErrorCode": "FindingNotFound", "ErrorMessage": "" }));
                continue;
            };
            for member in ["UserDefinedFields", "Note", "Workflow"] {
                if let Some(value) = input.get(member) {
                    finding[member] = value.clone();
                }
            }
        }
        Ok(json!({ "UnprocessedFindings": gone }))
    }

    async fn pause(&self, _: Duration) {}
}

pub(crate) struct Process {
    world: Arc<World>,
    pub(crate) handler: RemediationHandler,
    pub(crate) worker: RemediationWorker,
    pub(crate) hands: Arc<RemediationStepExecutor>,
    pub(crate) runner: Runner,
}

#[derive(Clone)]
pub(crate) struct Disk {
    pub(crate) remediations: Arc<dyn RemediationStore>,
    pub(crate) plans: Arc<dyn PlanStore>,
}

impl Disk {
    pub(crate) fn new() -> Self {
        Self {
            remediations: Arc::new(MemoryRemediations::default()),
            plans: Arc::new(MemoryPlans::default()),
        }
    }

    pub(crate) async fn all(&self) -> Vec<Remediation> {
        let found = self
            .remediations
            .remediations(RemediationFilter::All, 1_000);
        found.await.unwrap()
    }

    pub(crate) async fn only(&self) -> Remediation {
        let mut all = self.all().await;
        assert_eq!(all.len(), 1, "{all:?}");
        all.remove(0)
    }
}

pub(crate) fn process(world: &Arc<World>, disk: &Disk, file: RuleFile) -> Process {
    gated_process(world, disk, file, &Gate::new(None))
}

pub(crate) fn gated_process(
    world: &Arc<World>,
    disk: &Disk,
    file: RuleFile,
    gate: &Arc<Gate>,
) -> Process {
    let clock = || Arc::clone(world) as Arc<dyn Clock>;
    let calls = Arc::clone(world) as Arc<dyn MemberCalls>;
    let findings = Arc::clone(world) as Arc<dyn FindingCalls>;
    let reader = StandingReader::new(Arc::clone(&findings), Arc::clone(&calls));
    let standings: Arc<dyn Standings> = Arc::new(reader);
    let code = Arc::clone(world) as Arc<dyn OwnCode>;
    let hands = Arc::new(RemediationStepExecutor {
        calls,
        standings: Arc::clone(&standings),
        code,
        store: Arc::clone(&disk.remediations),
        clock: clock(),
    });
    let gated = Arc::new(Gated(Arc::clone(&hands), Arc::clone(gate)));
    let runner = || {
        Runner::new(
            RunnerPorts {
                store: Arc::clone(&disk.plans),
                hands: Arc::clone(&gated) as Arc<dyn StepExecutor>,
                clock: clock(),
                ids: Arc::new(Ids),
                nap: Arc::clone(world) as Arc<dyn Sleeper>,
            },
            RunnerIdentity {
                holder: "test".to_owned(),
                actor: "arn:aws:iam::111111111111:role/hallpass".to_owned(),
            },
        )
    };
    let file = Arc::new(file);
    let rules: Arc<dyn Fn() -> Arc<RuleFile> + Send + Sync> = Arc::new(move || Arc::clone(&file));
    Process {
        world: Arc::clone(world),
        handler: RemediationHandler {
            file: Arc::clone(&rules),
            accounts: Arc::clone(world) as Arc<dyn AccountStandings>,
            standings: Arc::clone(&standings),
            store: Arc::clone(&disk.remediations),
            clock: clock(),
        },
        worker: RemediationWorker::new(
            RemediationPorts {
                store: Arc::clone(&disk.remediations),
                findings,
                standings,
                accounts: Arc::clone(world) as Arc<dyn AccountStandings>,
                clock: clock(),
            },
            runner(),
            rules,
            EnrichSettings::default(),
            "o-abcdefghij".to_owned(),
        ),
        runner: runner(),
        hands,
    }
}

impl Process {
    pub(crate) async fn hears(&self, event: OrganizationEvent) {
        self.world.imports(&event);
        self.hears_of(event).await;
    }

    pub(crate) async fn hears_of(&self, event: OrganizationEvent) {
        let handled = self.handler.handle(&[event]).await;
        assert!(
            matches!(handled[..], [HandledEvent::Done(_)]),
            "{handled:?}"
        );
    }

    pub(crate) async fn works(&self) {
        while let Worked::Did(..) | Worked::Unread { .. } = self.worker.work().await.unwrap() {}
        while self.worker.tell().await.unwrap() > 0 {}
    }
}
