//! The executor of cuts: makes the policies of accounts say what is stored, one account after another.

use std::collections::BTreeMap;
use std::sync::Arc;

use hallpass_audit::{Draft, Event, Origin};
use hallpass_model::{AuditId, Clock, IdSource, Timestamp};
use hallpass_runner::{LANE_LEASE, Lane, LeaseAnswer, PlanStore, StoreFault};
use serde_json::{Value, json};

use super::plan::{
    Meaning, ObservedPolicy, PATIENCE, PolicyAct, after_refusal, again_at, look_at, meaning, next,
};
use super::policy::{Fitted, Parts, account, fit, parts, policy_name, statement, statement_id};
use super::{Cut, CutNews, CutState, CutStore};
use crate::ports::{NewPolicy, Organization, OrganizationFault};
use crate::refusal::{of_management, of_surroundings, slot_taken};
use crate::{facts, step_executor};

/// The tag of policies that hold ended sessions off.
const TAG: &str = "hallpass:ended-sessions";
/// Acts for one account in a row; what is left waits for the next tick.
const ACTS_MAX: u32 = 12;
/// What helps when AWS does not let us.
const ADVICE: &str = "`hallpass doctor` shows what is missing";
/// What helps when nothing more fits.
const NO_ROOM: &str = "the account's policy of ended sessions is full (5,120 characters)";

/// What a tick did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CutReport {
    /// Writes to AWS that went well, or were there already.
    pub acts: u32,
    /// Cuts seen applied for the first time.
    pub applied: u32,
    /// Cuts seen gone.
    pub gone: u32,
    /// Accounts for which something failed, with the reason.
    pub failed: Vec<(String, String)>,
}

/// Keeps the policies of ended sessions.
pub struct SessionRevoker {
    organization: Arc<dyn Organization>,
    cuts: Arc<dyn CutStore>,
    lanes: Arc<dyn PlanStore>,
    clock: Arc<dyn Clock>,
    ids: Arc<dyn IdSource>,
    holder: String,
}

/// Why an account was left.
enum Left {
    /// Everything is as wanted.
    Settled(Settled),
    /// AWS has not shown yet what was done.
    Unseen,
    /// It may go well later.
    Passing(String),
    /// Somebody has to do something.
    Refused(String),
}

/// How an account was found and left.
struct Settled {
    seen: ObservedPolicy,
    fitted: Fitted,
    /// Statements of ours that were there when nothing was done yet; `None` when nothing was done.
    before: Option<Vec<String>>,
}

impl SessionRevoker {
    /// A cutter over its ports; `holder` tells its process from every other.
    pub fn new(
        organization: Arc<dyn Organization>,
        cuts: Arc<dyn CutStore>,
        lanes: Arc<dyn PlanStore>,
        clock: Arc<dyn Clock>,
        ids: Arc<dyn IdSource>,
        holder: impl Into<String>,
    ) -> Self {
        Self {
            organization,
            cuts,
            lanes,
            clock,
            ids,
            holder: holder.into(),
        }
    }

    /// Does what is due.
    ///
    /// # Errors
    /// When the store does not answer. What AWS says is in the report, and stored.
    pub async fn tick(&self) -> Result<CutReport, StoreFault> {
        let mut report = CutReport::default();
        let mut accounts: BTreeMap<String, Vec<Cut>> = BTreeMap::new();
        for cut in self.cuts.open_cuts().await? {
            if let Some(account) = account(&cut).map(str::to_owned) {
                accounts.entry(account).or_default().push(cut);
            }
        }
        let now = self.clock.now();
        accounts.retain(|_, cuts| cuts.iter().any(|cut| cut.due <= now));
        if accounts.is_empty() {
            return Ok(report);
        }
        let lane = Lane::organizations_write().name;
        for (account, cuts) in accounts {
            let now = self.clock.now();
            let until = LANE_LEASE.after(now);
            let leased = self.lanes.lease(&lane, &self.holder, now, until).await?;
            if let LeaseAnswer::Held { .. } = leased {
                break;
            }
            self.tend(&account, cuts, &mut report).await?;
        }
        self.lanes.unlease(&lane, &self.holder).await?;
        Ok(report)
    }

    /// Everything for one account, until it rests.
    async fn tend(
        &self,
        account: &str,
        cuts: Vec<Cut>,
        report: &mut CutReport,
    ) -> Result<(), StoreFault> {
        let left = self.work(account, &cuts, report).await;
        let now = self.clock.now();
        let mut ledger = Ledger {
            now,
            ids: self.ids.as_ref(),
            cuts: Vec::new(),
            records: Vec::new(),
            news: Vec::new(),
        };
        match left {
            Left::Settled(settled) => {
                let (applied, gone) = ledger.settle(account, cuts, &settled);
                report.applied += applied;
                report.gone += gone;
            }
            Left::Unseen => ledger.postpone(cuts, None),
            Left::Passing(why) => {
                ledger.postpone(cuts, Some(&why));
                report.failed.push((account.to_owned(), why));
            }
            Left::Refused(why) => {
                ledger.refuse(cuts, &why);
                report.failed.push((account.to_owned(), why));
            }
        }
        let Ledger {
            cuts,
            records,
            news,
            ..
        } = ledger;
        self.cuts.settle_cuts(&cuts, records, news).await
    }

    async fn work(&self, account: &str, cuts: &[Cut], report: &mut CutReport) -> Left {
        let (mut last, mut before) = (None, None);
        for _ in 0..ACTS_MAX {
            let seen = match self.look(account).await {
                Ok(seen) => seen,
                Err(fault) => return left(fault),
            };
            let stands = match &seen.policy {
                None => Parts::default(),
                Some(policy) => {
                    let Some(parts) = parts(&policy.content) else {
                        let name = &policy.row.name;
                        return Left::Refused(format!("policy `{name}` cannot be read"));
                    };
                    parts
                }
            };
            let fitted = fit(&stands.foreign, cuts, self.clock.now());
            let act = next(&seen, fitted.content.as_deref(), account);
            if act == PolicyAct::Rest {
                return Left::Settled(Settled {
                    seen,
                    fitted,
                    before,
                });
            }
            if last.as_ref() == Some(&act) {
                return Left::Unseen;
            }
            if let Err(left) = self.check(account, &act).await {
                return left;
            }
            match self.act(account, &act).await.map_err(meaning) {
                Ok(()) | Err(Meaning::Done) => report.acts += 1,
                Err(Meaning::Passing(why)) => return Left::Passing(why),
                Err(Meaning::Refused(why)) => return Left::Refused(why),
            }
            last = Some(act);
            let is_attached = seen.targets.iter().any(|target| target == account);
            let ours = if is_attached { stands.ours } else { Vec::new() };
            before.get_or_insert(ours);
        }
        Left::Unseen
    }

    async fn look(&self, account: &str) -> Result<ObservedPolicy, OrganizationFault> {
        let name = policy_name(account);
        let nothing = ObservedPolicy {
            policy: None,
            targets: Vec::new(),
        };
        let all = self.organization.policies().await?;
        let Some(row) = all.into_iter().find(|row| row.name == name) else {
            return Ok(nothing);
        };
        let Some(policy) = self.organization.policy(&row.id).await? else {
            return Ok(nothing);
        };
        let targets = match self.organization.targets_of(&row.id).await {
            Ok(targets) => targets.into_iter().map(|target| target.id).collect(),
            Err(OrganizationFault::NotThere { .. }) => return Ok(nothing),
            Err(fault) => return Err(fault),
        };
        Ok(ObservedPolicy {
            policy: Some(policy),
            targets,
        })
    }

    /// What speaks against denying anything in the account, before it is tried.
    async fn check(&self, account: &str, act: &PolicyAct) -> Result<(), Left> {
        if !matches!(act, PolicyAct::Create(_) | PolicyAct::Attach(_)) {
            return Ok(());
        }
        let around = facts::surroundings(self.organization.as_ref()).await;
        let around = match around {
            Ok(around) => around,
            Err(crate::ChoreError::Unread { fault, .. }) => return Err(left(fault)),
            Err(other) => return Err(Left::Passing(other.to_string())),
        };
        let attached = self.organization.policies_of(account).await.map_err(left)?;
        let mut found = of_surroundings(&around);
        found.extend(of_management(&around, account));
        found.extend(slot_taken(account, &attached, &policy_name(account)));
        if found.is_empty() {
            Ok(())
        } else {
            Err(Left::Refused(step_executor::reasons(&found)))
        }
    }

    async fn act(&self, account: &str, act: &PolicyAct) -> Result<(), OrganizationFault> {
        let organization = self.organization.as_ref();
        match act {
            PolicyAct::Create(content) => {
                let policy = NewPolicy {
                    name: policy_name(account),
                    description: "sessions that outlived their grants; kept by Hallpass".to_owned(),
                    content: content.clone(),
                    tags: BTreeMap::from([(TAG.to_owned(), account.to_owned())]),
                };
                organization.create_policy(&policy).await.map(drop)
            }
            PolicyAct::Update(id, content) => organization.update_policy(id, content).await,
            PolicyAct::Attach(id) => organization.attach(id, account).await,
            PolicyAct::Detach(id, target) => organization.detach(id, target).await,
            PolicyAct::Delete(id) => organization.delete_policy(id).await,
            PolicyAct::Rest => Ok(()),
        }
    }
}

fn left(fault: OrganizationFault) -> Left {
    match meaning(fault) {
        // what we looked for went away under our eyes
        Meaning::Done => Left::Unseen,
        Meaning::Passing(why) => Left::Passing(why),
        Meaning::Refused(why) => Left::Refused(why),
    }
}

/// What is to be stored about an account's cuts.
struct Ledger<'a> {
    now: Timestamp,
    ids: &'a dyn IdSource,
    cuts: Vec<Cut>,
    records: Vec<Draft>,
    news: Vec<CutNews>,
}

impl Ledger<'_> {
    /// All is as wanted: says so of every cut, and why some found no room.
    fn settle(&mut self, account: &str, cuts: Vec<Cut>, settled: &Settled) -> (u32, u32) {
        let (mut applied, mut gone) = (0, 0);
        let policy = settled.seen.policy.as_ref();
        let place = policy.map(|policy| policy.row.id.as_str());
        let fitted = &settled.fitted;
        for cut in cuts {
            if fitted.left_out.contains(&cut.grant) {
                // one that stood may have given way to what somebody else wrote
                let state = CutState::Wanted;
                self.fail(Cut { state, ..cut }, NO_ROOM);
            } else if fitted.held.contains(&cut.grant) {
                // somebody took it away, and it was put back
                let is_back = fitted.spoken.contains(&cut.grant)
                    && settled
                        .before
                        .as_ref()
                        .is_some_and(|before| !before.contains(&statement_id(cut.grant)));
                let is_new = is_back || cut.state == CutState::Wanted;
                applied += u32::from(is_new);
                self.applied(account, cut, place, is_new);
            } else {
                gone += 1;
                self.over(account, cut);
            }
        }
        (applied, gone)
    }

    fn applied(&mut self, account: &str, cut: Cut, policy: Option<&str>, is_new: bool) {
        let state = if is_new {
            CutState::Applied { at: self.now }
        } else {
            cut.state
        };
        let cut = Cut {
            state,
            failed: None,
            attempts: 0,
            ..cut
        };
        if is_new {
            let form = form(account, policy, &cut);
            let record = self.record(Event::SessionsCut, &cut);
            self.records
                .push(record.changed(Value::Null, form).ends_at(cut.until));
        }
        let due = look_at(&cut, self.now);
        self.cuts.push(Cut { due, ..cut });
    }

    fn over(&mut self, account: &str, cut: Cut) {
        if let CutState::Applied { .. } = cut.state {
            let record = self.record(Event::SessionsRestored, &cut);
            let form = form(account, None, &cut);
            self.records.push(record.changed(form, Value::Null));
        }
        let state = CutState::Gone { at: self.now };
        self.cuts.push(Cut { state, ..cut });
    }

    /// Tries again soon; says so when that has gone on for long.
    fn postpone(&mut self, cuts: Vec<Cut>, why: Option<&str>) {
        let now = self.now;
        for cut in cuts.into_iter().filter(|cut| cut.due <= now) {
            let attempts = cut.attempts.saturating_add(1);
            let cut = Cut { attempts, ..cut };
            let due = again_at(attempts, self.now);
            match why.filter(|_| attempts == PATIENCE && self.is_missed(&cut)) {
                Some(why) => self.record_failure(Cut { due, ..cut }, why),
                None => self.cuts.push(Cut { due, ..cut }),
            }
        }
    }

    fn refuse(&mut self, cuts: Vec<Cut>, why: &str) {
        let now = self.now;
        for cut in cuts.into_iter().filter(|cut| cut.due <= now) {
            self.fail(cut, &format!("{why}; {ADVICE}"));
        }
    }

    /// One that cannot be made now. Each reason is told once.
    fn fail(&mut self, cut: Cut, why: &str) {
        let due = after_refusal(&cut, self.now);
        let attempts = cut.attempts.saturating_add(1);
        let cut = Cut {
            attempts,
            due,
            ..cut
        };
        if self.is_missed(&cut) && cut.failed.as_deref() != Some(why) {
            self.record_failure(cut, why);
        } else {
            self.cuts.push(cut);
        }
    }

    /// Whether its sessions go on although they should not.
    fn is_missed(&self, cut: &Cut) -> bool {
        cut.state == CutState::Wanted && self.now < cut.until
    }

    fn record_failure(&mut self, cut: Cut, why: &str) {
        let record = self.record(Event::SessionsCutFailed, &cut);
        self.records.push(record.error(why).ends_at(cut.until));
        // the record has every reason; people hear of it once
        if cut.failed.is_none() {
            self.news.push(CutNews {
                grant: cut.grant,
                request: cut.request,
                at: self.now,
                why: why.to_owned(),
                until: cut.until,
            });
        }
        let failed = Some(why.to_owned());
        self.cuts.push(Cut { failed, ..cut });
    }

    fn record(&self, event: Event, cut: &Cut) -> Draft {
        let id = AuditId::new(self.ids.next(self.now));
        Draft::new(id, event, self.now, "hallpass", Origin::System)
            .about(cut.request, Some(cut.grant))
            .subject(&cut.holder, &cut.key, &cut.names)
    }
}

/// A cut as the log tells it: where its statement is, and what it says.
fn form(account: &str, policy: Option<&str>, cut: &Cut) -> Value {
    let mut form = json!({
        "policy": policy_name(account),
        "target": account,
        "sid": statement_id(cut.grant),
        "statement": statement(cut),
    });
    if let (Some(id), Some(members)) = (policy, form.as_object_mut()) {
        members.insert("policy_id".to_owned(), id.into());
    }
    form
}
