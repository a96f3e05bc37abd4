//! In-memory accounts with AWS's behavior, and the commands.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use hallpass_access_files::PrincipalRef;
use hallpass_base::{Clock, TimeSpan, Timestamp};
use hallpass_enforcement::OrganizationFault;
use hallpass_org::vending::{
    AccessNeeds, AccountAdmin, AccountCreation, AccountMaker, AccountRequest, AccountsFile,
    KnownAccount, ListWishes, NewAccount, SeenAccounts, UnitFacts, VendingPlan,
    VendingStepExecutor, WantedAccess, check, earlier_plans, gather, results,
};
use hallpass_plans::testing::{Gate, Gated, Hourglass, MemoryPlans};
use hallpass_plans::{
    Applying, Effect, Folded, Plan, PlanId, PlanReport, PlanStep, Runner, StepError, StepExecutor,
    StepProbe, Undo, Verify, WriteAnswer,
};
use serde_json::Value;

use crate::gated::runner;

const MANAGEMENT: &str = "111111111111";
const ROOT: &str = "r-ab12";
pub(super) const UNIT: &str = "ou-ab12-cdef3456";
pub(super) const ELSEWHERE: &str = "ou-ab12-elsewher";
const MAKING: TimeSpan = TimeSpan::seconds(40);

#[derive(Clone)]
struct Making {
    account: NewAccount,
    at: Timestamp,
    due: Timestamp,
    fails: Option<String>,
    made: Option<String>,
}

#[derive(Default)]
struct Accounts {
    rows: Vec<(Timestamp, KnownAccount)>,
    places: BTreeMap<String, Vec<(Timestamp, String)>>,
    makings: Vec<Making>,
    writes: Vec<String>,
    fails: BTreeMap<String, Vec<String>>,
    refused: Option<OrganizationFault>,
    unit: Option<String>,
    tags: BTreeMap<String, BTreeMap<String, String>>,
}

pub(super) struct FakeAccounts {
    clock: Arc<Hourglass>,
    state: Mutex<Accounts>,
    pub(super) lag: TimeSpan,
    pub(super) making: TimeSpan,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Act {
    MovesAccount,
    ClosesAccount,
    DeletesUnit,
    RenamesUnit,
    ChangesTag,
    TakesAddress,
    MakesSame,
}

impl FakeAccounts {
    pub(super) fn somebody(&self, act: Act) {
        let made = |state: &Accounts| {
            let mut rows = state.rows.iter();
            let found = rows.find(|(_, row)| row.email == "a@example.com");
            found.map(|(_, row)| row.id.clone())
        };
        self.settled(|state, now| match act {
            Act::MovesAccount => {
                if let Some(id) = made(state) {
                    let places = state.places.get_mut(&id).unwrap();
                    places.push((Timestamp::MIN, ELSEWHERE.to_owned()));
                    state.writes.push(format!("another person moves {id}"));
                }
            }
            Act::ClosesAccount => {
                if let Some(id) = made(state) {
                    let mut rows = state.rows.iter_mut();
                    rows.find(|(_, row)| row.id == id).unwrap().1.active = false;
                    state.writes.push(format!("another person closes {id}"));
                }
            }
            Act::DeletesUnit => state.unit = None,
            Act::RenamesUnit => state.unit = Some("Other".to_owned()),
            Act::ChangesTag => {
                if let Some(id) = made(state) {
                    let tags = state.tags.entry(id).or_default();
                    tags.insert("team".to_owned(), "theirs".to_owned());
                }
            }
            Act::MakesSame if made(state).is_none() => make_same(state, now),
            Act::MakesSame => {}
            Act::TakesAddress => {
                let asked = state
                    .makings
                    .iter()
                    .any(|it| it.account.email == "a@example.com");
                if !asked && made(state).is_none() {
                    let id = "777777777777".to_owned();
                    let places = vec![(Timestamp::MIN, ROOT.to_owned())];
                    state.places.insert(id.clone(), places);
                    let row = KnownAccount {
                        id,
                        name: "a".to_owned(),
                        email: "a@example.com".to_owned(),
                        active: true,
                    };
                    state.rows.push((now, row));
                }
            }
        });
    }

    fn settled<T>(&self, then: impl FnOnce(&mut Accounts, Timestamp) -> T) -> T {
        let now = self.clock.now();
        let mut state = self.state.lock().unwrap();
        let state = &mut *state;
        for making in &mut state.makings {
            if making.due > now || making.made.is_some() || making.fails.is_some() {
                continue;
            }
            let id = format!("9{:011}", state.rows.len());
            making.made = Some(id.clone());
            state
                .places
                .insert(id.clone(), vec![(making.due, ROOT.to_owned())]);
            let row = KnownAccount {
                id,
                name: making.account.name.clone(),
                email: making.account.email.clone(),
                active: true,
            };
            state
                .tags
                .insert(row.id.clone(), making.account.tags.clone());
            state.rows.push((self.lag.after(making.due), row));
        }
        then(state, now)
    }

    pub(super) fn writes(&self) -> Vec<String> {
        self.settled(|state, _| state.writes.clone())
    }

    pub(super) fn fail(&self, email: &str, reasons: &[&str]) {
        let reasons = reasons.iter().map(|it| (*it).to_owned()).collect();
        self.settled(|state, _| state.fails.insert(email.to_owned(), reasons));
    }

    pub(super) fn tags_of(&self, id: &str) -> BTreeMap<String, String> {
        self.settled(|state, _| state.tags.get(id).cloned().unwrap_or_default())
    }

    pub(super) fn refuse(&self, fault: OrganizationFault) {
        self.settled(|state, _| state.refused = Some(fault));
    }

    pub(super) fn add(&self, id: &str, name: &str, email: &str) {
        let row = KnownAccount {
            id: id.to_owned(),
            name: name.to_owned(),
            email: email.to_owned(),
            active: true,
        };
        self.settled(|state, _| {
            state
                .places
                .insert(id.to_owned(), vec![(Timestamp::MIN, ROOT.to_owned())]);
            state.rows.push((Timestamp::MIN, row));
        });
    }

    pub(super) fn standing(&self) -> Vec<(String, String)> {
        self.settled(|state, _| {
            let place = |id: &str| state.places[id].last().unwrap().1.clone();
            let rows = state.rows.iter();
            let mut all: Vec<_> = rows
                .map(|(_, it)| (it.name.clone(), place(&it.id)))
                .collect();
            all.sort();
            all
        })
    }
}

fn make_same(state: &mut Accounts, now: Timestamp) {
    let failed = state.makings.iter().find(|it| it.fails.is_some());
    if let Some(failed) = failed.cloned() {
        let id = "777777777777".to_owned();
        let places = vec![(Timestamp::MIN, ROOT.to_owned())];
        state.places.insert(id.clone(), places);
        let row = KnownAccount {
            id: id.clone(),
            name: "a".to_owned(),
            email: "a@example.com".to_owned(),
            active: true,
        };
        state.rows.push((now, row));
        state.makings.push(Making {
            at: now,
            due: now,
            fails: None,
            made: Some(id),
            ..failed
        });
    }
}

#[async_trait]
impl AccountAdmin for FakeAccounts {
    async fn accounts(&self) -> Result<Vec<KnownAccount>, OrganizationFault> {
        self.settled(|state, now| {
            let seen = state.rows.iter().filter(|(from, _)| *from <= now);
            Ok(seen.map(|(_, row)| row.clone()).collect())
        })
    }

    async fn account(&self, id: &str) -> Result<Option<KnownAccount>, OrganizationFault> {
        let all = self.accounts().await?;
        Ok(all.into_iter().find(|it| it.id == id))
    }

    async fn units(&self, root: &str) -> Result<Vec<UnitFacts>, OrganizationFault> {
        let name = self.settled(|state, _| state.unit.clone());
        let unit = name.map(|name| UnitFacts {
            id: UNIT.to_owned(),
            name,
            parent: root.to_owned(),
            registered: false,
        });
        Ok(unit.into_iter().collect())
    }

    async fn unit_name(&self, id: &str) -> Result<Option<String>, OrganizationFault> {
        assert_eq!(id, UNIT);
        Ok(self.settled(|state, _| state.unit.clone()))
    }

    async fn parent(&self, account: &str) -> Result<String, OrganizationFault> {
        let lag = self.lag;
        self.settled(|state, now| {
            let places = &state.places[account];
            let seen = places
                .iter()
                .rev()
                .find(|(since, _)| lag.after(*since) <= now);
            Ok(seen.unwrap_or(&places[0]).1.clone())
        })
    }

    async fn create(&self, account: &NewAccount) -> Result<String, OrganizationFault> {
        self.settled(|state, now| {
            if let Some(fault) = &state.refused {
                return Err(fault.clone());
            }
            let email = &account.email;
            let taken = state.rows.iter().any(|(_, row)| row.email == *email)
                || state
                    .makings
                    .iter()
                    .any(|it| it.account.email == *email && it.fails.is_none());
            let told = state
                .fails
                .get_mut(email)
                .filter(|all| !all.is_empty())
                .map(|all| all.remove(0));
            let fails = if taken {
                Some("EMAIL_ALREADY_EXISTS".to_owned())
            } else {
                told
            };
            if fails.is_none() {
                state.writes.push(format!("create {email}"));
            }
            state.makings.push(Making {
                account: account.clone(),
                at: now,
                due: self.making.after(now),
                fails,
                made: None,
            });
            Ok(format!("car-{}", state.makings.len() - 1))
        })
    }

    async fn account_tags(
        &self,
        account: &str,
    ) -> Result<BTreeMap<String, String>, OrganizationFault> {
        Ok(self.tags_of(account))
    }

    async fn tag_account(
        &self,
        account: &str,
        tags: &BTreeMap<String, String>,
    ) -> Result<(), OrganizationFault> {
        self.settled(|state, _| {
            let has = state.tags.entry(account.to_owned()).or_default();
            let before = has.clone();
            has.extend(tags.clone());
            if *has != before {
                state.writes.push(format!("tag {account}"));
            }
        });
        Ok(())
    }

    async fn creation(&self, request: &str) -> Result<AccountCreation, OrganizationFault> {
        self.settled(|state, now| {
            let at: usize = request.strip_prefix("car-").unwrap().parse().unwrap();
            let making = &state.makings[at];
            Ok(match (&making.fails, &making.made) {
                _ if making.due > now => AccountCreation::InProgress,
                (Some(reason), _) => AccountCreation::Failed {
                    reason: reason.clone(),
                },
                (None, Some(account)) => AccountCreation::Succeeded {
                    account: account.clone(),
                },
                (None, None) => AccountCreation::InProgress,
            })
        })
    }

    async fn requests(&self) -> Result<Vec<AccountRequest>, OrganizationFault> {
        let ids: Vec<(String, String, Timestamp)> = self.settled(|state, _| {
            let all = state.makings.iter().enumerate();
            all.map(|(at, it)| (format!("car-{at}"), it.account.name.clone(), it.at))
                .collect()
        });
        let mut all = Vec::new();
        for (id, name, at) in ids {
            let state = self.creation(&id).await?;
            all.push(AccountRequest {
                id,
                name,
                at,
                state,
            });
        }
        Ok(all)
    }

    async fn relocate(&self, account: &str, from: &str, to: &str) -> Result<(), OrganizationFault> {
        self.settled(|state, now| {
            let places = state.places.get_mut(account).unwrap();
            let at = places.last().unwrap().1.clone();
            if at == to {
                return Err(OrganizationFault::AlreadyThere {
                    message: "it is there".to_owned(),
                });
            }
            if at != from {
                return Err(OrganizationFault::NotThere {
                    message: "it is not there".to_owned(),
                });
            }
            places.push((now, to.to_owned()));
            state.writes.push(format!("move {account}"));
            Ok(())
        })
    }
}

struct GatedAccounts(Arc<FakeAccounts>, Arc<Gate>, Option<(u64, Act)>);

impl GatedAccounts {
    async fn pass<T>(
        &self,
        call: impl Future<Output = Result<T, OrganizationFault>>,
    ) -> Result<T, OrganizationFault> {
        if let Some((at, act)) = self.2
            && self.1.calls() + 1 == at
        {
            self.0.somebody(act);
        }
        self.1.pass(call, lost).await
    }
}

#[derive(Default)]
pub(super) struct FakeNeeds(pub(super) Mutex<Option<String>>);

#[async_trait]
impl AccessNeeds for FakeNeeds {
    async fn missing(&self, _: &WantedAccess) -> Result<Option<String>, OrganizationFault> {
        Ok(self.0.lock().unwrap().clone())
    }
}

fn lost<T>() -> Result<T, OrganizationFault> {
    let message = "lost".to_owned();
    Err(OrganizationFault::Unreachable { message })
}

#[async_trait]
impl AccountAdmin for GatedAccounts {
    async fn accounts(&self) -> Result<Vec<KnownAccount>, OrganizationFault> {
        self.pass(self.0.accounts()).await
    }
    async fn units(&self, root: &str) -> Result<Vec<UnitFacts>, OrganizationFault> {
        self.pass(self.0.units(root)).await
    }
    async fn parent(&self, account: &str) -> Result<String, OrganizationFault> {
        self.pass(self.0.parent(account)).await
    }
    async fn create(&self, account: &NewAccount) -> Result<String, OrganizationFault> {
        self.pass(self.0.create(account)).await
    }
    async fn creation(&self, request: &str) -> Result<AccountCreation, OrganizationFault> {
        self.pass(self.0.creation(request)).await
    }
    async fn account_tags(
        &self,
        account: &str,
    ) -> Result<BTreeMap<String, String>, OrganizationFault> {
        self.pass(self.0.account_tags(account)).await
    }
    async fn tag_account(
        &self,
        account: &str,
        tags: &BTreeMap<String, String>,
    ) -> Result<(), OrganizationFault> {
        self.pass(self.0.tag_account(account, tags)).await
    }
    async fn requests(&self) -> Result<Vec<AccountRequest>, OrganizationFault> {
        self.pass(self.0.requests()).await
    }
    async fn account(&self, id: &str) -> Result<Option<KnownAccount>, OrganizationFault> {
        self.pass(self.0.account(id)).await
    }
    async fn unit_name(&self, id: &str) -> Result<Option<String>, OrganizationFault> {
        self.pass(self.0.unit_name(id)).await
    }
    async fn relocate(&self, account: &str, from: &str, to: &str) -> Result<(), OrganizationFault> {
        self.pass(self.0.relocate(account, from, to)).await
    }
}

#[derive(Default)]
pub(super) struct FakeAccess {
    given: Mutex<BTreeSet<String>>,
    pub(super) writes: Mutex<Vec<String>>,
    pub(super) refuses: Mutex<BTreeSet<String>>,
}

impl FakeAccess {
    pub(super) fn count(&self) -> usize {
        self.given.lock().unwrap().len()
    }
}

fn given(step: &PlanStep) -> String {
    assert!(["access.assign", "access.unassign"].contains(&step.kind.as_str()));
    let mut wanted = step.desired.clone();
    wanted.as_object_mut().unwrap().remove("on");
    wanted.to_string()
}

#[async_trait]
impl StepExecutor for FakeAccess {
    async fn probe(&self, step: &PlanStep) -> Result<StepProbe, StepError> {
        let is_given = self.given.lock().unwrap().contains(&given(step));
        Ok(if is_given == (step.kind == "access.assign") {
            StepProbe::Satisfied
        } else {
            StepProbe::Absent
        })
    }

    async fn act(&self, step: &PlanStep, _: &StepProbe) -> WriteAnswer {
        let account = step.desired["account"].as_str().unwrap();
        if self.refuses.lock().unwrap().contains(&step.target.key) {
            let (code, text) = ("FAILED".to_owned(), "no such group".to_owned());
            return WriteAnswer::Setback(StepError::Failed { code, text });
        }
        let (is_news, word) = if step.kind == "access.unassign" {
            (self.given.lock().unwrap().remove(&given(step)), "unassign")
        } else {
            (self.given.lock().unwrap().insert(given(step)), "assign")
        };
        if is_news {
            self.writes
                .lock()
                .unwrap()
                .push(format!("{word} {account}"));
        }
        WriteAnswer::Accepted {
            remote: "read-back".to_owned(),
        }
    }

    async fn verify(&self, step: &PlanStep, _: &str) -> Verify {
        Verify::Done(Effect {
            new: step.desired.clone(),
            requests: Vec::new(),
        })
    }

    fn undo(&self, _: &PlanStep, _: &Value, _: &Value) -> Undo {
        Undo::By(Vec::new())
    }
}

pub(super) struct World {
    pub(super) clock: Arc<Hourglass>,
    pub(super) accounts: Arc<FakeAccounts>,
    pub(super) access: Arc<FakeAccess>,
    pub(super) needs: Arc<FakeNeeds>,
    pub(super) plans: Arc<MemoryPlans>,
    pub(super) somebody: Option<(u64, Act)>,
}

pub(super) struct Ran {
    pub(super) plan: PlanId,
    pub(super) report: PlanReport,
    pub(super) csv: String,
}

pub(super) fn list(rows: &[&str]) -> String {
    let header = "AccountName,SSOUserEmail,AccountEmail,SSOUserFirstName,SSOUserLastName,OrgUnit";
    let rows = rows
        .iter()
        .map(|name| format!("{name},s@example.com,{name}@example.com,A,B,Test-OU-1"));
    std::iter::once(header.to_owned())
        .chain(rows)
        .collect::<Vec<_>>()
        .join("\n")
}

pub(super) fn wishes() -> ListWishes {
    let access = WantedAccess {
        principal: PrincipalRef::Group("44c8f4d8-1051-70d6-ffa1-aa4a4a8e9d0d".parse().unwrap()),
        permission_set: "Reader".parse().unwrap(),
    };
    ListWishes {
        access: vec![access],
        ..ListWishes::default()
    }
}

impl World {
    pub(super) fn new(lag: TimeSpan) -> Self {
        let clock = Arc::new(Hourglass::new(crate::bench::START.parse().unwrap()));
        Self {
            accounts: Arc::new(FakeAccounts {
                clock: Arc::clone(&clock),
                state: Mutex::new(Accounts {
                    unit: Some("Test-OU-1".to_owned()),
                    ..Accounts::default()
                }),
                lag,
                making: MAKING,
            }),
            clock,
            access: Arc::default(),
            needs: Arc::default(),
            plans: Arc::default(),
            somebody: None,
        }
    }

    pub(super) fn wait(&self, seconds: u64) {
        self.clock.advance(Duration::from_secs(seconds));
    }

    pub(super) fn writes(&self) -> Vec<String> {
        let mut all = self.accounts.writes();
        all.extend(self.access.writes.lock().unwrap().iter().cloned());
        all
    }

    fn gated(&self, gate: &Arc<Gate>) -> GatedAccounts {
        GatedAccounts(Arc::clone(&self.accounts), Arc::clone(gate), self.somebody)
    }

    pub(super) fn hands(&self, gate: &Arc<Gate>) -> VendingStepExecutor {
        let admin: Arc<dyn AccountAdmin> = Arc::new(self.gated(gate));
        let clock: Arc<dyn Clock> = Arc::clone(&self.clock) as Arc<_>;
        VendingStepExecutor::new(
            Arc::clone(&admin),
            Arc::new(SeenAccounts::new(admin, clock)),
            Arc::new(Gated(Arc::clone(&self.access), Arc::clone(gate))),
            Arc::clone(&self.needs) as Arc<_>,
            Arc::clone(&self.clock) as Arc<_>,
        )
    }

    pub(super) fn runner(&self, holder: &str, gate: &Arc<Gate>) -> Runner {
        runner(&self.plans, self.hands(gate), &self.clock, holder, gate)
    }

    pub(super) async fn vend(&self, text: &str, holder: &str, gate: &Arc<Gate>) -> Option<Ran> {
        self.vend_with(text, &wishes(), holder, gate).await
    }

    pub(super) async fn vend_with(
        &self,
        text: &str,
        wishes: &ListWishes,
        holder: &str,
        gate: &Arc<Gate>,
    ) -> Option<Ran> {
        let runner = self.runner(holder, gate);
        let plan = self.look(text, wishes, &runner, gate).await?;
        let report = runner.apply(&plan, &crate::bench::patient()).await.ok()?;
        let csv = self.export(&plan).await;
        Some(Ran { plan, report, csv })
    }

    async fn look(
        &self,
        text: &str,
        wishes: &ListWishes,
        runner: &Runner,
        gate: &Arc<Gate>,
    ) -> Option<PlanId> {
        let file = AccountsFile::read(text.as_bytes()).unwrap();
        let plans = Gated(Arc::clone(&self.plans), Arc::clone(gate));
        let earlier = earlier_plans(&plans, &file, wishes).await.ok()?;
        if let Some(plan) = earlier.resume {
            return Some(plan);
        }
        let admin = self.gated(gate);
        let addresses = file
            .rows()
            .map(|row| row.cell("AccountEmail").to_lowercase())
            .collect();
        let accounts = admin.accounts().await.ok()?;
        let mut facts = gather(&admin, accounts, "o-abcdefghij", ROOT, &addresses)
            .await
            .ok()?;
        facts.unfinished = earlier.unfinished;
        facts.heed_earlier(&admin, earlier.ours).await.ok()?;
        let verdicts = check(&file, wishes, &facts);
        let vending = VendingPlan::new(&file, wishes, &verdicts);
        let limit = TimeSpan::minutes(90);
        let draft = vending.draft(
            &verdicts,
            &facts,
            MANAGEMENT,
            &AccountMaker::Organizations { people: None },
            limit,
        );
        Some(runner.look(draft).await.ok()?.plan.id)
    }

    pub(super) async fn planned(&self, text: &str) -> PlanId {
        let gate = Gate::new(None);
        let runner = self.runner("planner", &gate);
        self.look(text, &wishes(), &runner, &gate).await.unwrap()
    }

    pub(super) async fn resume(&self, plan: &PlanId) -> Ran {
        let runner = self.runner("later", &Gate::new(None));
        let report = runner.resume(plan, &crate::bench::patient()).await.unwrap();
        let csv = self.export(plan).await;
        Ran {
            plan: plan.clone(),
            report,
            csv,
        }
    }

    pub(super) async fn loaded(&self, plan: &PlanId) -> (Plan, Folded) {
        let runner = self.runner("reader", &Gate::new(None));
        runner.load(plan).await.unwrap()
    }

    pub(super) async fn retry(&self, plan: &PlanId) -> Ran {
        let applying = Applying {
            retry_failed: true,
            ..crate::bench::patient()
        };
        let runner = self.runner("again", &Gate::new(None));
        let report = runner.resume(plan, &applying).await.unwrap();
        let csv = self.export(plan).await;
        Ran {
            plan: plan.clone(),
            report,
            csv,
        }
    }

    async fn export(&self, plan: &PlanId) -> String {
        let runner = self.runner("export", &Gate::new(None));
        let (plan, folded) = runner.load(plan).await.unwrap();
        let vending = VendingPlan::of(&plan).unwrap();
        let accounts = self.accounts.accounts().await.unwrap();
        let ids = accounts
            .into_iter()
            .map(|it| (it.email.to_lowercase(), it.id))
            .collect();
        vending.file.write(&results(&vending, &plan, &folded, &ids))
    }
}

pub(super) fn ends(csv: &str) -> Vec<String> {
    let cells = csv
        .lines()
        .skip(1)
        .map(|line| line.splitn(7, ',').last().unwrap().to_owned());
    cells.collect()
}
