//! One simulated deployment: the state that survives a stop (store, Identity Center, clock) and a
//! restartable process.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use hallpass_access::{
    Access, AccessError, AccessStore, Actor, ArmedEndsMode, CampaignStore, DirectorySource,
    GroupSyncSettings, GroupSyncStore, GuardSource, OnRuleChange, Origin, Ports, Role, Settings,
    SweepSettings, SweepState, SweepStore,
};
use hallpass_assignments::{AssignmentStore, Executor, ExecutorLimits};
use hallpass_base::clock::Releases;
use hallpass_base::{Clock, Email, HoldKey, Target, TimeSpan, Timestamp};
use hallpass_rules::directory::{Account, Group, PermissionSet, Person, Snapshot};
use hallpass_rules::{RuleFile, Rules, load};
use hallpass_store::MemoryStore;

use crate::gate::Gated;
use crate::{
    Center, Entitlements, Gate, GatePlan, Habits, Ids, Journals, Machine, ProcessTime,
    SimulatedDirectory, Wall,
};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Human {
    /// Requests; gets `ReadOnly` and the group `oncall` without approval.
    Ana,
    Bo,
    Cai,
    Dee,
    Eve,
}

impl Human {
    pub const ALL: [Self; 5] = [Self::Ana, Self::Bo, Self::Cai, Self::Dee, Self::Eve];

    fn number(self) -> u32 {
        match self {
            Self::Ana => 1,
            Self::Bo => 2,
            Self::Cai => 3,
            Self::Dee => 4,
            Self::Eve => 5,
        }
    }

    pub fn name(self) -> &'static str {
        match self {
            Self::Ana => "ana",
            Self::Bo => "bo",
            Self::Cai => "cai",
            Self::Dee => "dee",
            Self::Eve => "eve",
        }
    }

    fn user_id(self) -> String {
        format!("{:08}-0000-0000-0000-000000000000", self.number())
    }

    pub(crate) fn email(self) -> String {
        format!("{}@corp.example", self.name())
    }

    pub(crate) fn actor(self, directory: &SimulatedDirectory) -> Actor {
        let email = Email::new(&self.email());
        let directory = directory.current();
        let person = email
            .as_ref()
            .ok()
            .and_then(|email| directory.person_by_email(email).ok());
        Actor {
            user: person.map(|person| person.user_id.clone()),
            email: email.unwrap_or_else(|_| impossible_email()),
            name: self.name().to_owned(),
            roles: if self == Self::Eve {
                BTreeSet::from([Role::Admin])
            } else {
                BTreeSet::new()
            },
            origin: Origin::Api,
            secondary_domain: false,
            authentication: None,
        }
    }

    pub(crate) fn key(self, set: &str) -> Option<HoldKey> {
        Some(HoldKey {
            user: self.user_id().parse().ok()?,
            target: Target::Account {
                account: ACCOUNT.parse().ok()?,
                permission_set: arn(set).parse().ok()?,
            },
        })
    }

    pub(crate) fn group_key(self) -> Option<HoldKey> {
        Some(HoldKey {
            user: self.user_id().parse().ok()?,
            target: Target::Group {
                group: GROUP.parse().ok()?,
            },
        })
    }
}

pub(crate) const ACCOUNT: &str = "111111111111";
const GROUP: &str = "99999999-8888-7777-6666-555555555555";

const RULES: &str = r#"{
  "statements": [
    {"ResourceType": "Account", "Resource": "*", "PermissionSet": "ReadOnly", "ApprovalIsNotRequired": true},
    {"ResourceType": "Account", "Resource": "*", "PermissionSet": "Admin",
     "Approvers": ["cai@corp.example", "dee@corp.example"]},
    {"ResourceType": "OU", "Resource": "r-ab12", "PermissionSet": "Placed", "ApprovalIsNotRequired": true},
    {"ResourceType": "Account", "Resource": "*", "PermissionSet": "Glass",
     "Approvers": ["cai@corp.example", "dee@corp.example"], "ApproversToNotify": ["cai@corp.example"],
     "AllowSelfApproval": false, "BreakGlass": ["ana@corp.example"]},
    {"ResourceType": "Account", "Resource": "*", "PermissionSet": "Alone",
     "BreakGlass": ["ana@corp.example"]},
    {"ResourceType": "Account", "Resource": "*", "PermissionSet": "Sealed",
     "Approvers": ["cai@corp.example"], "BreakGlass": ["ana@corp.example"]},
    {"ResourceType": "Account", "Resource": "111111111111", "PermissionSet": "Sealed",
     "BreakGlass": []},
    {"ResourceType": "Account", "Resource": "*", "PermissionSet": "Root", "MinApprovals": 2,
     "Approvers": ["cai@corp.example", "dee@corp.example"]}
  ],
  "group_statements": [
    {"Resource": "99999999-8888-7777-6666-555555555555", "ApprovalIsNotRequired": true}
  ]
}"#;

pub struct World<S = MemoryStore> {
    pub store: Arc<S>,
    pub center: Arc<Center>,
    /// True simulated time.
    pub clock: Arc<Wall>,
    pub machine: Arc<Machine>,
    pub time: Arc<ProcessTime>,
    pub directory: Arc<SimulatedDirectory>,
    pub entitlements: Arc<Entitlements>,
    pub gate: Arc<Gate>,
    pub access: Arc<Access>,
    pub executor: Arc<Executor>,
    pub journals: Arc<Journals>,
    ids: Arc<Ids>,
    settings: Settings,
    releases: Mutex<Releases>,
}

pub(crate) fn rules() -> Rules {
    let source = RuleFile::new("world.json", RULES);
    match load(&source) {
        Ok(loaded) => loaded.rules,
        Err(errors) => unreachable_rules(&format!("{errors:?}")),
    }
}

#[expect(
    clippy::panic,
    reason = "the rules are a constant of this crate, which never ships"
)]
fn unreachable_rules(errors: &str) -> Rules {
    panic!("the world's rules do not load: {errors}")
}

#[expect(
    clippy::panic,
    reason = "the organization is a constant of this crate, which never ships"
)]
pub(crate) fn organization(start: Timestamp) -> Snapshot {
    let Some(known) = snapshot(start) else {
        panic!("an id or an address in the world's organization is not one");
    };
    known
}

fn snapshot(now: Timestamp) -> Option<Snapshot> {
    let people = Human::ALL
        .into_iter()
        .map(|human| {
            Some(Person {
                user_id: human.user_id().parse().ok()?,
                user_name: human.name().to_owned(),
                display_name: human.name().to_owned(),
                emails: vec![Email::new(&human.email()).ok()?],
                enabled: true,
                attributes: hallpass_rules::PersonAttributes::default(),
            })
        })
        .collect::<Option<Vec<_>>>()?;
    let set = |name: &str| {
        Some(PermissionSet {
            name: name.to_owned(),
            arn: arn(name).parse().ok()?,
            session_duration: 3600,
            description: String::new(),
        })
    };
    Some(Snapshot {
        root_id: "r-ab12".to_owned(),
        accounts: vec![Account {
            id: ACCOUNT.parse().ok()?,
            name: "payments-prod".to_owned(),
            email: String::new(),
            active: true,
            ous: Vec::new(),
            tags: std::collections::BTreeMap::new().into(),
        }],
        permission_sets: vec![
            set("ReadOnly")?,
            set("Admin")?,
            set("Root")?,
            set("Placed")?,
            set("Glass")?,
            set("Alone")?,
            set("Sealed")?,
        ],
        people,
        groups: vec![Group {
            id: GROUP.parse().ok()?,
            name: "oncall".to_owned(),
            members: Some(BTreeSet::new()),
        }],
        taken_at: Some(now),
        ..Snapshot::default()
    })
}

fn arn(name: &str) -> String {
    format!("arn:aws:sso:::permissionSet/ssoins-0123456789abcdef/ps-{name}")
}

impl World {
    pub fn new(seed: u64, habits: Habits, plan: Option<GatePlan>) -> Self {
        Self::planned(Arc::new(MemoryStore::new()), seed, habits, plan)
    }
}

impl<S: AccessStore + CampaignStore + GroupSyncStore + SweepStore + AssignmentStore + 'static>
    World<S>
{
    pub fn over(store: Arc<S>, seed: u64, habits: Habits) -> Self {
        Self::planned(store, seed, habits, None)
    }

    pub fn planned(store: Arc<S>, seed: u64, habits: Habits, plan: Option<GatePlan>) -> Self {
        let start = start();
        let clock = Arc::new(Wall::new(start));
        let center = Arc::new(Center::new(Arc::clone(&clock), habits));
        let machine = Machine::new(Arc::clone(&clock));
        let time = ProcessTime::begun(&machine, None);
        let known = organization(start);
        let directory = Arc::new(SimulatedDirectory::new(Arc::clone(&clock), known));
        let settings = Settings {
            duration_min: TimeSpan::seconds(1),
            admins: vec![Human::Eve.email()],
            ..Settings::default()
        };
        let ids = Arc::new(Ids::new(seed));
        let gate = Gate::new(plan);
        let releases = Releases::after(&time.read());
        let journals = Arc::new(Journals::default());
        let entitlements = Arc::new(Entitlements::default());
        let aws = (&center, &entitlements);
        let (access, executor) = process(
            &store, aws, &time, &ids, &directory, &settings, &gate, &journals,
        );
        Self {
            store,
            center,
            clock,
            machine,
            time,
            directory,
            entitlements,
            gate,
            access,
            executor,
            journals,
            ids,
            settings,
            releases: Mutex::new(releases),
        }
    }

    pub fn restart(&mut self) {
        self.restart_planned(None);
    }

    pub fn restart_planned(&mut self, plan: Option<GatePlan>) {
        self.gate = Gate::new(plan);
        self.time = ProcessTime::begun(&self.machine, self.time.last_reading());
        // as at every process start: the previous one may have stopped while time ran ahead
        *self.releases() = Releases::at_start(&self.time.read());
        let (access, executor) = process(
            &self.store,
            (&self.center, &self.entitlements),
            &self.time,
            &self.ids,
            &self.directory,
            &self.settings,
            &self.gate,
            &self.journals,
        );
        self.access = access;
        self.executor = executor;
    }

    pub fn end_sessions(&mut self, on: bool) {
        self.settings.end_sessions = on;
        self.restart();
    }

    pub fn armed_ends(&mut self, mode: ArmedEndsMode) {
        self.settings.armed_ends.mode = mode;
        self.restart();
    }

    pub fn administrators_become(&mut self, admins: &[&str]) {
        self.settings.admins = admins.iter().map(|entry| (*entry).to_owned()).collect();
        self.restart();
    }

    pub fn on_rule_change(&mut self, what: OnRuleChange) {
        self.settings.on_rule_change = what;
        self.restart();
    }

    pub fn administrators(&mut self, humans: &[Human]) {
        self.settings.admins = humans.iter().map(|human| human.email()).collect();
        self.restart();
    }

    pub fn least_duration(&mut self, least: TimeSpan) {
        self.settings.duration_min = least;
        self.restart();
    }

    pub fn require_export_within(&mut self, allowed: TimeSpan) {
        self.settings.require_export_within = Some(allowed);
        self.restart();
    }

    pub fn springs(&self, plan: Option<GatePlan>) {
        self.gate.springs(plan);
    }

    pub fn sweeps_become(&mut self, change: impl FnOnce(&mut SweepSettings)) {
        change(&mut self.settings.sweep);
        self.restart();
    }

    pub fn group_sync_becomes(&mut self, settings: Option<GroupSyncSettings>) {
        self.settings.group_sync = settings;
        self.restart();
    }

    pub fn another_process(&self) -> Arc<Access> {
        let (access, _) = process(
            &self.store,
            (&self.center, &self.entitlements),
            &ProcessTime::begun(&self.machine, self.time.last_reading()),
            &self.ids,
            &self.directory,
            &self.settings,
            &Gate::new(None),
            &self.journals,
        );
        access
    }

    pub fn actor(&self, human: Human) -> Actor {
        human.actor(&self.directory)
    }

    pub fn key(&self, human: Human, set: &str) -> Option<HoldKey> {
        human.key(set)
    }

    pub fn group_key(&self, human: Human) -> Option<HoldKey> {
        human.group_key()
    }

    pub fn remove_from_directory(&self, human: Human) {
        self.directory.change(human.name(), |_| None);
        self.directory.read();
    }

    pub fn silence_directory(&self) {
        self.directory.lists(false);
    }

    /// Runs one round of every loop except sweeps, as the binary does. Ignores gate errors. AWS
    /// answers meanwhile, which provides the time.
    pub async fn tick(&self) {
        self.time.hear();
        let reading = self.time.read();
        let is_due = {
            let mut releases = self.releases();
            releases.has_returned(&reading);
            releases.are_due(&reading)
        };
        if is_due && self.access.release_future_waits().await.is_ok() {
            self.releases().done(&reading);
        }
        let _: Result<_, _> = self.executor.tick().await;
        let _: Result<_, _> = self.access.tick().await;
        let _: Result<_, _> = self.access.tend_sweeps().await;
    }

    fn releases(&self) -> MutexGuard<'_, Releases> {
        self.releases.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Runs one round of the sweep loop: resumes the started sweep or starts a due one. Returns
    /// whether a sweep ran.
    ///
    /// # Errors
    /// Those of the gate.
    pub async fn sweep_if_due(&self) -> Result<bool, AccessError> {
        if let Some(sweep) = self.access.sweep_to_run().await? {
            self.access.run_sweep(&sweep).await?;
            return Ok(true);
        }
        match self.access.next_sweep().await? {
            Some((at, trigger)) if at <= self.clock.now() => {
                let sweep = self.access.begin_sweep(trigger).await?;
                if sweep.state == SweepState::Running {
                    self.access.run_sweep(&sweep).await?;
                }
                Ok(true)
            }
            Some(_) | None => Ok(false),
        }
    }

    pub async fn live(&self, span: TimeSpan) {
        let until = span.after(self.clock.now());
        while self.clock.now() < until {
            self.tick().await;
            self.clock.advance(TimeSpan::seconds(1));
        }
        self.tick().await;
    }

    pub async fn live_coarsely(&self, span: TimeSpan, step: TimeSpan) {
        let until = span.after(self.clock.now());
        while self.clock.now() < until {
            self.tick().await;
            self.clock.advance(step);
        }
        self.tick().await;
    }

    /// Runs until done or until the gate stops the process; returns whether it finished.
    pub async fn until_stopped(&self, run: impl Future<Output = ()>) -> bool {
        tokio::select! {
            biased;
            () = self.gate.stop() => false,
            () = run => true,
        }
    }
}

#[expect(
    clippy::panic,
    reason = "the addresses are constants of this crate, which never ships"
)]
fn impossible_email() -> Email {
    panic!("an address of the test world is invalid")
}

pub(crate) fn start() -> Timestamp {
    Timestamp::UNIX_EPOCH
        .checked_add(jiff_days(20_000))
        .unwrap_or(Timestamp::UNIX_EPOCH)
}

fn jiff_days(days: i64) -> std::time::Duration {
    std::time::Duration::from_secs(u64::try_from(days).unwrap_or(0) * 86_400)
}

#[expect(
    clippy::too_many_arguments,
    reason = "each is one thing that outlives the process; a struct would only be taken apart here"
)]
fn process<
    S: AccessStore + CampaignStore + GroupSyncStore + SweepStore + AssignmentStore + 'static,
>(
    store: &Arc<S>,
    (center, entitlements): (&Arc<Center>, &Arc<Entitlements>),
    time: &Arc<ProcessTime>,
    ids: &Arc<Ids>,
    directory: &Arc<SimulatedDirectory>,
    settings: &Settings,
    gate: &Arc<Gate>,
    journals: &Arc<Journals>,
) -> (Arc<Access>, Arc<Executor>) {
    let gated_store = Gated::new(Arc::clone(store), Arc::clone(gate));
    let gated_center = Gated::new(Arc::clone(center), Arc::clone(gate));
    let ports = Ports {
        store: gated_store.clone(),
        assignments: gated_store.clone(),
        sweeps: gated_store.clone(),
        campaigns: gated_store.clone(),
        group_sync: gated_store.clone(),
        standing: gated_center.clone(),
        directory: Gated::new(Arc::clone(directory), Arc::clone(gate)),
        clock: Arc::clone(time) as Arc<dyn Clock>,
        ids: ids.clone(),
    };
    let access = Access::new(ports, settings.clone(), rules());
    let people = Gated::new(Arc::clone(directory), Arc::clone(gate));
    let access = access
        .with_home_region(center.silence())
        .with_people(people)
        .with_entitlements(Gated::new(Arc::clone(entitlements), Arc::clone(gate)));
    let access = Arc::new(access.with_guards(Arc::clone(journals) as Arc<dyn GuardSource>));
    let executor = Arc::new(Executor::new(
        gated_store,
        gated_center,
        Arc::clone(time) as Arc<dyn Clock>,
        ids.clone(),
        ExecutorLimits::default(),
        access.pace(),
    ));
    (access, executor)
}
