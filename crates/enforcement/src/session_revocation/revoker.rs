//! Executor of revocations: applies stored revocations to the accounts' policies, one account after
//! another.

use std::collections::BTreeMap;
use std::sync::Arc;

use hallpass_audit::{Draft, Event, Origin};
use hallpass_base::{AuditId, IdSource, Timestamp};
use hallpass_plans::{Lane, LaneClaim, LeaseAnswer, StoreFault};
use serde_json::{Value, json};

use super::plan::{
    Meaning, ObservedPolicy, PATIENCE, PolicyAct, after_refusal, again_at, look_at, meaning, next,
};
use super::policy::{Fitted, Parts, account, fit, parts, policy_name, statement, statement_id};
use super::{
    SessionRevocation, SessionRevocationChange, SessionRevocationNews, SessionRevocationState,
    SessionRevocationStore,
};
use crate::account_policy::{CHARACTERS, PolicyRoom};
use crate::policy_keeper::PolicyKeeper;
use crate::ports::{NewPolicy, OrganizationFault};
use crate::surroundings::{of_management, of_surroundings, reasons, slot_taken, surroundings};

const TAG: &str = "hallpass:ended-sessions";
/// Consecutive acts per account; the rest waits for the next tick.
const ACTS_MAX: u32 = 12;
const ADVICE: &str = "`hallpass server doctor` shows what is missing";
fn no_room(characters: usize) -> String {
    let narrow = if characters < CHARACTERS {
        "; AWS refuses longer ones in this organization"
    } else {
        ""
    };
    format!("the account's policy of ended sessions is full ({characters} characters{narrow})")
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SessionRevocationReport {
    /// Successful AWS writes, or already applied.
    pub acts: u32,
    pub applied: u32,
    pub gone: u32,
    /// Accounts to retry soon, with the reason: AWS was busy or did not respond.
    pub delayed: Vec<(String, String)>,
    /// Accounts with an AWS refusal, with the reason.
    pub failed: Vec<(String, String)>,
}

pub struct SessionRevoker {
    keeper: PolicyKeeper,
    revocations: Arc<dyn SessionRevocationStore>,
    room: PolicyRoom,
}

enum Left {
    Settled(Box<Settled>),
    Unseen,
    Passing(String),
    Refused(String),
    /// No longer in the organization.
    NoAccount,
}

struct Settled {
    seen: ObservedPolicy,
    fitted: Fitted,
    characters: usize,
    before: Option<Vec<String>>,
}

impl SessionRevoker {
    pub fn new(keeper: PolicyKeeper, revocations: Arc<dyn SessionRevocationStore>) -> Self {
        Self {
            keeper,
            revocations,
            room: PolicyRoom::default(),
        }
    }

    /// Runs due work.
    ///
    /// # Errors
    /// The store does not respond. AWS errors are in the report, and stored.
    pub async fn tick(&self) -> Result<SessionRevocationReport, StoreFault> {
        let mut report = SessionRevocationReport::default();
        let mut accounts: BTreeMap<String, Vec<SessionRevocation>> = BTreeMap::new();
        for revocation in self.revocations.open_session_revocations().await? {
            if let Some(account) = account(&revocation).map(str::to_owned) {
                accounts.entry(account).or_default().push(revocation);
            }
        }
        let now = self.keeper.clock.now();
        accounts
            .retain(|_, revocations| revocations.iter().any(|revocation| revocation.due <= now));
        if accounts.is_empty() {
            return Ok(report);
        }
        let lane = Lane::kept_policies().name;
        for (account, revocations) in accounts {
            let claim = LaneClaim::usual(&self.keeper.holder, self.keeper.clock.now());
            let leased = self.keeper.lanes.lease(&lane, claim).await?;
            if let LeaseAnswer::Held { .. } = leased {
                break;
            }
            self.tend(&account, revocations, &mut report).await?;
        }
        self.keeper
            .lanes
            .unlease(&lane, &self.keeper.holder)
            .await?;
        Ok(report)
    }

    /// Works on one account until it is stable.
    async fn tend(
        &self,
        account: &str,
        revocations: Vec<SessionRevocation>,
        report: &mut SessionRevocationReport,
    ) -> Result<(), StoreFault> {
        let left = self.work(account, &revocations, report).await;
        let now = self.keeper.clock.now();
        let mut ledger = Ledger {
            now,
            ids: self.keeper.ids.as_ref(),
            revocations: Vec::new(),
            records: Vec::new(),
            news: Vec::new(),
        };
        match left {
            Left::Settled(settled) => {
                let (applied, gone) = ledger.settle(account, revocations, &settled);
                report.applied += applied;
                report.gone += gone;
            }
            Left::Unseen => ledger.postpone(revocations, None),
            Left::Passing(why) => {
                ledger.postpone(revocations, Some(&why));
                report.delayed.push((account.to_owned(), why));
            }
            Left::Refused(why) => {
                ledger.refuse(revocations, &why);
                report.failed.push((account.to_owned(), why));
            }
            Left::NoAccount => {
                let why = no_account(account);
                ledger.lose(revocations, &why);
                report.failed.push((account.to_owned(), why));
            }
        }
        let change = SessionRevocationChange {
            revocations: ledger.revocations,
            records: ledger.records,
            news: ledger.news,
        };
        self.revocations.settle_session_revocations(change).await
    }

    async fn work(
        &self,
        account: &str,
        revocations: &[SessionRevocation],
        report: &mut SessionRevocationReport,
    ) -> Left {
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
            let now = self.keeper.clock.now();
            let characters = self.characters(&seen, now);
            let fitted = fit(&stands.foreign, revocations, now, characters);
            let act = next(&seen, fitted.content.as_deref(), account);
            if act == PolicyAct::Rest {
                return Left::Settled(Box::new(Settled {
                    seen,
                    fitted,
                    characters,
                    before,
                }));
            }
            if last.as_ref() == Some(&act) {
                return Left::Unseen;
            }
            if let Err(left) = self.check(account, &act).await {
                return left;
            }
            match self.act(account, &act).await {
                Err(fault) if fault.is_of_length() && self.room.note_refused(now) => continue,
                done => match done.map_err(meaning) {
                    Ok(()) | Err(Meaning::Done) => report.acts += 1,
                    Err(Meaning::Passing(why)) => return Left::Passing(why),
                    Err(Meaning::Refused(why)) => return Left::Refused(why),
                },
            }
            last = Some(act);
            let is_attached = seen.targets.iter().any(|target| target == account);
            let ours = if is_attached { stands.ours } else { Vec::new() };
            before.get_or_insert(ours);
        }
        Left::Unseen
    }

    /// Character limit of the account's policy: at least its existing length, which AWS accepted.
    fn characters(&self, seen: &ObservedPolicy, now: Timestamp) -> usize {
        let standing = seen.policy.as_ref().map_or(0, |it| it.content.len());
        let room = self.room.characters(CHARACTERS, now);
        room.max(standing.min(CHARACTERS))
    }

    async fn look(&self, account: &str) -> Result<ObservedPolicy, OrganizationFault> {
        let name = policy_name(account);
        let nothing = ObservedPolicy {
            policy: None,
            targets: Vec::new(),
        };
        let all = self.keeper.organization.policies().await?;
        let Some(row) = all.into_iter().find(|row| row.name == name) else {
            return Ok(nothing);
        };
        let Some(policy) = self.keeper.organization.policy(&row.id).await? else {
            return Ok(nothing);
        };
        let targets = match self.keeper.organization.targets_of(&row.id).await {
            Ok(targets) => targets.into_iter().map(|target| target.id).collect(),
            Err(OrganizationFault::NotThere { .. }) => return Ok(nothing),
            Err(fault) => return Err(fault),
        };
        Ok(ObservedPolicy {
            policy: Some(policy),
            targets,
        })
    }

    /// Checks for obstacles before a deny is written.
    async fn check(&self, account: &str, act: &PolicyAct) -> Result<(), Left> {
        if !matches!(act, PolicyAct::Create(_) | PolicyAct::Attach(_)) {
            return Ok(());
        }
        let around = surroundings(self.keeper.organization.as_ref()).await;
        let around = around.map_err(|unread| left(unread.fault))?;
        let attached = match self.keeper.organization.policies_of(account).await {
            Ok(attached) => attached,
            // Hallpass cannot reach its sessions, which must not be reported as ended
            Err(OrganizationFault::NotThere { .. }) => return Err(Left::NoAccount),
            Err(fault) => return Err(left(fault)),
        };
        let mut found = of_surroundings(&around);
        found.extend(of_management(&around, account));
        found.extend(slot_taken(account, &attached, &policy_name(account)));
        if found.is_empty() {
            Ok(())
        } else {
            Err(Left::Refused(reasons(&found)))
        }
    }

    async fn act(&self, account: &str, act: &PolicyAct) -> Result<(), OrganizationFault> {
        let organization = self.keeper.organization.as_ref();
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
        Meaning::Done => Left::Unseen,
        Meaning::Passing(why) => Left::Passing(why),
        Meaning::Refused(why) => Left::Refused(why),
    }
}

fn no_account(account: &str) -> String {
    format!(
        "account {account} is no longer in the organization: none of its policies reaches its sessions"
    )
}

struct Ledger<'a> {
    now: Timestamp,
    ids: &'a dyn IdSource,
    revocations: Vec<SessionRevocation>,
    records: Vec<Draft>,
    news: Vec<SessionRevocationNews>,
}

impl Ledger<'_> {
    /// Settles every revocation, with reasons for those without space.
    fn settle(
        &mut self,
        account: &str,
        revocations: Vec<SessionRevocation>,
        settled: &Settled,
    ) -> (u32, u32) {
        let (mut applied, mut gone) = (0, 0);
        let policy = settled.seen.policy.as_ref();
        let place = policy.map(|policy| policy.row.id.as_str());
        let fitted = &settled.fitted;
        for revocation in revocations {
            if fitted.left_out.contains(&revocation.grant) {
                // an existing one may have been displaced by foreign content
                let state = SessionRevocationState::Wanted;
                self.fail(
                    SessionRevocation {
                        state,
                        ..revocation
                    },
                    &no_room(settled.characters),
                );
            } else if fitted.held.contains(&revocation.grant) {
                // removed from outside, and restored
                let is_back = fitted.spoken.contains(&revocation.grant)
                    && settled
                        .before
                        .as_ref()
                        .is_some_and(|before| !before.contains(&statement_id(revocation.grant)));
                let is_new = is_back || revocation.state == SessionRevocationState::Wanted;
                applied += u32::from(is_new);
                self.applied(account, revocation, place, is_new);
            } else {
                gone += 1;
                self.over(account, revocation);
            }
        }
        (applied, gone)
    }

    fn applied(
        &mut self,
        account: &str,
        revocation: SessionRevocation,
        policy: Option<&str>,
        is_new: bool,
    ) {
        let state = if is_new {
            SessionRevocationState::Applied { at: self.now }
        } else {
            revocation.state
        };
        let revocation = SessionRevocation {
            state,
            failed: None,
            attempts: 0,
            ..revocation
        };
        if is_new {
            let form = form(account, policy, &revocation);
            let record = self.record(Event::SessionsCut, &revocation);
            self.records
                .push(record.changed(Value::Null, form).ends_at(revocation.until));
        }
        let due = look_at(&revocation, self.now);
        self.revocations
            .push(SessionRevocation { due, ..revocation });
    }

    fn over(&mut self, account: &str, revocation: SessionRevocation) {
        if let SessionRevocationState::Applied { .. } = revocation.state {
            let record = self.record(Event::SessionsRestored, &revocation);
            let form = form(account, None, &revocation);
            self.records.push(record.changed(form, Value::Null));
        }
        let state = SessionRevocationState::Gone { at: self.now };
        self.revocations.push(SessionRevocation {
            state,
            ..revocation
        });
    }

    /// Retries soon; reports a long delay.
    fn postpone(&mut self, revocations: Vec<SessionRevocation>, why: Option<&str>) {
        let now = self.now;
        for revocation in revocations
            .into_iter()
            .filter(|revocation| revocation.due <= now)
        {
            let attempts = revocation.attempts.saturating_add(1);
            let revocation = SessionRevocation {
                attempts,
                ..revocation
            };
            let due = again_at(attempts, self.now);
            match why.filter(|_| attempts == PATIENCE && self.is_missed(&revocation)) {
                Some(why) => self.record_failure(SessionRevocation { due, ..revocation }, why),
                None => self
                    .revocations
                    .push(SessionRevocation { due, ..revocation }),
            }
        }
    }

    fn refuse(&mut self, revocations: Vec<SessionRevocation>, why: &str) {
        let now = self.now;
        for revocation in revocations
            .into_iter()
            .filter(|revocation| revocation.due <= now)
        {
            self.fail(revocation, &format!("{why}; {ADVICE}"));
        }
    }

    /// The account is unreachable: its attached policies are lost, including those of denied
    /// sessions.
    fn lose(&mut self, revocations: Vec<SessionRevocation>, why: &str) {
        let now = self.now;
        for revocation in revocations.into_iter().filter(|it| it.due <= now) {
            let state = SessionRevocationState::Wanted;
            self.fail(
                SessionRevocation {
                    state,
                    ..revocation
                },
                why,
            );
        }
    }

    /// Each reason is reported once.
    fn fail(&mut self, revocation: SessionRevocation, why: &str) {
        let due = after_refusal(&revocation, self.now);
        let attempts = revocation.attempts.saturating_add(1);
        let revocation = SessionRevocation {
            attempts,
            due,
            ..revocation
        };
        if self.is_missed(&revocation) && revocation.failed.as_deref() != Some(why) {
            self.record_failure(revocation, why);
        } else {
            self.revocations.push(revocation);
        }
    }

    /// True if its sessions wrongly continue.
    fn is_missed(&self, revocation: &SessionRevocation) -> bool {
        revocation.state == SessionRevocationState::Wanted && self.now < revocation.until
    }

    fn record_failure(&mut self, revocation: SessionRevocation, why: &str) {
        let record = self.record(Event::SessionsCutFailed, &revocation);
        self.records
            .push(record.error(why).ends_at(revocation.until));
        // records have every reason; users are notified once
        if revocation.failed.is_none() {
            self.news.push(SessionRevocationNews {
                grant: revocation.grant,
                request: revocation.request,
                at: self.now,
                why: why.to_owned(),
                until: revocation.until,
            });
        }
        let failed = Some(why.to_owned());
        self.revocations.push(SessionRevocation {
            failed,
            ..revocation
        });
    }

    fn record(&self, event: Event, revocation: &SessionRevocation) -> Draft {
        let id = AuditId::new(self.ids.next(self.now));
        Draft::new(id, event, self.now, "hallpass", Origin::System)
            .about(revocation.request, Some(revocation.grant))
            .subject(&revocation.holder, &revocation.key, &revocation.names)
    }
}

/// The audit record: position and content of the statement.
fn form(account: &str, policy: Option<&str>, revocation: &SessionRevocation) -> Value {
    let mut form = json!({
        "policy": policy_name(account),
        "target": account,
        "sid": statement_id(revocation.grant),
        "statement": statement(revocation),
    });
    if let (Some(id), Some(members)) = (policy, form.as_object_mut()) {
        members.insert("policy_id".to_owned(), id.into());
    }
    form
}
