//! New accounts get what the file says (`organization.md` S-8): each account that something asked to look at is compared
//! with the file, and changed by a plan of its own.
//!
//! ```text
//!   event ─┐                       ┌─► as wanted: over
//!   sweep ─┴─► visit ─► look ──────┼─► differs: plan ─► over, or told
//!               ▲                  └─► cannot be changed yet ─┐
//!               └───────── every 10 minutes, for a day ───────┘
//! ```

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use hallpass_model::{AccountId, Clock, TimeSpan, Timestamp};
use hallpass_runner::{
    Applying, LANE_LEASE, Plan, PlanDraft, PlanId, PlanReport, RunError, Runner, StepEnd,
    StoreFault,
};
use jiff::{civil::Date, tz::TimeZone};

use super::central::{central_rows, needs_local_mode};
use super::compare::{ComparedHub, HubStanding, StandardsChoices, compare};
use super::facts::{CentralFacts, StandardsFacts};
use super::file::StandardsFile;
use super::gather::{StandardsScope, gather_hubs, gather_organization};
use super::plan::{draft, draft_central};
use super::visits::{StandardsVisit, VisitCause, VisitStore};
use crate::changing::ServiceCalls;

/// After how long an account is looked at again that could not be changed.
const AGAIN: TimeSpan = TimeSpan::minutes(10);
/// For how long.
const PATIENCE: TimeSpan = TimeSpan::hours(24);
/// Accounts that share a look at the organization.
const AT_ONCE: u32 = 20;

/// How new accounts are followed.
#[derive(Clone, Debug)]
pub struct FollowSettings {
    /// In these Regions; none: in those that are enabled in each account.
    pub regions: Option<Vec<String>>,
    /// How far a plan may go.
    pub choices: StandardsChoices,
    /// Changes that the plan of one account may have; none: as many as plans usually may.
    pub changes_max: Option<usize>,
    /// Accounts that one look at the organization may change: above it none is.
    pub accounts_max: usize,
}

/// What came of looking at an account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum VisitEnd {
    /// It is as the file says.
    AsWanted,
    /// A plan made it so.
    Changed,
    /// It cannot be changed yet, and is looked at again.
    Later(String),
    /// It could not be changed for a day: nobody looks at it again.
    GivenUp(String),
    /// It was refused, or failed: nobody tries it again.
    Failed(String),
}

impl VisitEnd {
    /// As programs read it.
    pub fn name(&self) -> &'static str {
        match self {
            Self::AsWanted => "as_wanted",
            Self::Changed => "changed",
            Self::Later(_) => "later",
            Self::GivenUp(_) => "given_up",
            Self::Failed(_) => "failed",
        }
    }
}

/// An account that was looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Visited {
    /// The visit as it was.
    pub visit: StandardsVisit,
    /// What came of it.
    pub end: VisitEnd,
}

/// What came of looking at the whole organization.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Swept {
    /// Accounts that differ, and are looked at now; or that would be, where they are too many.
    pub differing: BTreeSet<AccountId>,
    /// Whether they are too many: then none is changed.
    pub too_many: bool,
    /// Accounts of which something could not be read or changed.
    pub unknown: BTreeSet<AccountId>,
}

/// Tells people what they have to see to.
#[async_trait]
pub trait VisitTeller: Send + Sync {
    /// An account was given up or failed, and why. May be repeated for the same visit.
    async fn tell_visit(&self, visit: &StandardsVisit, why: &str) -> Result<(), StoreFault>;
    /// So many accounts differ that none is changed. May be repeated for the same day.
    async fn tell_sweep(&self, accounts: usize, at: Timestamp) -> Result<(), StoreFault>;
}

/// The file in force.
pub type FileInForce = Arc<dyn Fn() -> Arc<StandardsFile> + Send + Sync>;

/// Follows new accounts.
pub struct StandardsFollower {
    /// Reads the organization, and Security Hub in each account.
    pub calls: Arc<dyn ServiceCalls>,
    /// Runs plans of standards.
    pub runner: Runner,
    /// Keeps visits.
    pub visits: Arc<dyn VisitStore>,
    /// Tells people.
    pub teller: Arc<dyn VisitTeller>,
    /// The file.
    pub file: FileInForce,
    /// How far it goes.
    pub settings: FollowSettings,
    /// Time.
    pub clock: Arc<dyn Clock>,
}

fn day(now: Timestamp) -> Date {
    now.to_zoned(TimeZone::UTC).date()
}

/// What a look at an account says is to be done.
enum Wanted {
    Nothing,
    Plan(Box<PlanDraft>),
    Refused(String),
}

/// A look at an account: what is to be done, and what cannot be yet.
struct AccountLook {
    wanted: Wanted,
    later: Vec<String>,
}

impl AccountLook {
    fn only_later(why: String) -> Self {
        Self {
            wanted: Wanted::Nothing,
            later: vec![why],
        }
    }
}

impl StandardsFollower {
    /// Looks at what is due, and changes what differs.
    ///
    /// # Errors
    /// The store; whatever was not settled is due again.
    pub async fn work(&self) -> Result<Vec<Visited>, StoreFault> {
        let due = self.visits.due_visits(self.clock.now(), AT_ONCE).await?;
        if due.is_empty() {
            return Ok(Vec::new());
        }
        let file = (self.file)();
        let scope = StandardsScope::default();
        let facts = gather_organization(self.calls.as_ref(), Some(&file), &scope).await;
        let mut all = Vec::with_capacity(due.len());
        for mut visit in due {
            let end = match &facts {
                Ok(facts) => self.visit(&mut visit, &file, facts).await?,
                Err(why) => VisitEnd::Later(why.to_string()),
            };
            all.push(self.settle(visit, end).await?);
        }
        Ok(all)
    }

    async fn settle(&self, visit: StandardsVisit, end: VisitEnd) -> Result<Visited, StoreFault> {
        let now = self.clock.now();
        let end = match end {
            VisitEnd::Later(why) if PATIENCE.after(visit.asked_at) <= now => VisitEnd::GivenUp(why),
            end => end,
        };
        let then = match &end {
            VisitEnd::AsWanted | VisitEnd::Changed => None,
            VisitEnd::Later(why) => Some(StandardsVisit {
                due: AGAIN.after(now),
                looks: visit.looks.saturating_add(1),
                why: why.clone(),
                ..visit.clone()
            }),
            VisitEnd::GivenUp(why) | VisitEnd::Failed(why) => {
                // CRASH: told again by the next process, which finds the visit as it is
                self.teller.tell_visit(&visit, why).await?;
                None
            }
        };
        self.visits.settle_visit(&visit, then.as_ref()).await?;
        Ok(Visited { visit, end })
    }

    async fn visit(
        &self,
        visit: &mut StandardsVisit,
        file: &StandardsFile,
        facts: &StandardsFacts,
    ) -> Result<VisitEnd, StoreFault> {
        if let Some(plan) = &visit.plan {
            // it was begun before a stop: it is ended first, whatever the file says by now
            match self.apply(plan).await {
                Ok(report) if is_good(&report) => visit.plan = None,
                Ok(report) => return Ok(VisitEnd::Failed(reasons(&report))),
                Err(RunError::Store(fault)) => return Err(fault),
                Err(RunError::Unknown(_)) => visit.plan = None,
                Err(why) => return Ok(VisitEnd::Later(why.to_string())),
            }
        }
        let look = self.look(&visit.account, file, facts).await;
        let changed = match look.wanted {
            Wanted::Nothing => false,
            Wanted::Refused(why) => return Ok(VisitEnd::Failed(why)),
            Wanted::Plan(draft) => match self.carry_out(visit, *draft).await? {
                VisitEnd::AsWanted => false,
                VisitEnd::Changed => true,
                other => return Ok(other),
            },
        };
        Ok(match (look.later.is_empty(), changed) {
            (false, _) => VisitEnd::Later(look.later.join("; ")),
            (true, true) => VisitEnd::Changed,
            (true, false) => VisitEnd::AsWanted,
        })
    }

    /// What an account lacks.
    async fn look(
        &self,
        account: &AccountId,
        file: &StandardsFile,
        facts: &StandardsFacts,
    ) -> AccountLook {
        let Some(found) = facts.tree.accounts.get(account.as_str()) else {
            let why = "the organization does not list the account yet";
            return AccountLook::only_later(why.to_owned());
        };
        let today = day(self.clock.now());
        if let Some(central) = &facts.central {
            return of_policies(found.id.as_str(), file, facts, central, today);
        }
        let scope = StandardsScope {
            accounts: BTreeSet::from([account.clone()]),
            regions: self.settings.regions.clone(),
            ..StandardsScope::default()
        };
        let mut facts = facts.clone();
        gather_hubs(self.calls.as_ref(), Some(file), &scope, &mut facts).await;
        let rows = compare(file, &facts, self.settings.choices, today);
        let plan = draft(&rows, &facts);
        AccountLook {
            wanted: if plan.is_empty() {
                Wanted::Nothing
            } else {
                Wanted::Plan(Box::new(plan))
            },
            later: rows.iter().filter_map(not_yet).collect(),
        }
    }

    /// Makes it so, if it is not too much.
    async fn carry_out(
        &self,
        visit: &mut StandardsVisit,
        mut draft: PlanDraft,
    ) -> Result<VisitEnd, StoreFault> {
        let limits = draft.limits_mut();
        limits.changes_max = self.settings.changes_max.unwrap_or(limits.changes_max);
        let looked = match self.runner.preview(draft).await {
            Ok(looked) => looked,
            Err(RunError::Store(fault)) => return Err(fault),
            Err(why) => return Ok(VisitEnd::Later(why.to_string())),
        };
        let plan = looked.plan;
        if !looked.under_way {
            if !PlanReport::planned(&plan).has_changes() {
                return Ok(VisitEnd::AsWanted);
            }
            if let Some(why) = refusal(&plan) {
                return Ok(VisitEnd::Failed(why));
            }
            match self.runner.save(&plan).await {
                Ok(()) => {}
                Err(RunError::Store(fault)) => return Err(fault),
                Err(why) => return Ok(VisitEnd::Later(why.to_string())),
            }
        }
        visit.plan = Some(plan.id.clone());
        // CRASH: from here on the next process knows the plan, and ends it first
        self.visits.settle_visit(visit, Some(visit)).await?;
        match self.apply(&plan.id).await {
            Ok(report) if is_good(&report) => {
                visit.plan = None;
                Ok(VisitEnd::Changed)
            }
            Ok(report) => Ok(VisitEnd::Failed(reasons(&report))),
            Err(RunError::Store(fault)) => Err(fault),
            Err(why) => Ok(VisitEnd::Later(why.to_string())),
        }
    }

    async fn apply(&self, plan: &PlanId) -> Result<PlanReport, RunError> {
        let applying = Applying {
            // whoever died does not renew its lease
            patience: Duration::from_secs(LANE_LEASE.as_seconds() + 5),
            ..Applying::default()
        };
        self.runner.apply(plan, &applying).await
    }

    /// Looks at the whole organization, and asks for a visit of each account that differs; of none where they are more
    /// than one look may change.
    ///
    /// # Errors
    /// The organization or the store, in words; nothing was asked for.
    pub async fn sweep(&self) -> Result<Swept, String> {
        let file = (self.file)();
        let scope = StandardsScope {
            regions: self.settings.regions.clone(),
            ..StandardsScope::default()
        };
        let facts = gather_organization(self.calls.as_ref(), Some(&file), &scope).await;
        let mut facts = facts.map_err(|why| why.to_string())?;
        let mut swept = Swept::default();
        let now = self.clock.now();
        if facts.central.is_none() {
            gather_hubs(self.calls.as_ref(), Some(&file), &scope, &mut facts).await;
            for row in compare(&file, &facts, self.settings.choices, day(now)) {
                let Ok(account) = AccountId::new(row.account.clone()) else {
                    continue;
                };
                if row.is_bad() {
                    swept.unknown.insert(account);
                } else if row.standing == HubStanding::Compared && !row.is_as_wanted() {
                    swept.differing.insert(account);
                }
            }
        }
        swept.too_many = swept.differing.len() > self.settings.accounts_max;
        let kept = |fault: StoreFault| fault.to_string();
        if swept.too_many {
            let told = self.teller.tell_sweep(swept.differing.len(), now).await;
            told.map_err(kept)?;
        } else {
            let visits = swept.differing.iter().cloned();
            let visits: Vec<StandardsVisit> = visits
                .map(|it| StandardsVisit::now(it, VisitCause::Sweep, now))
                .collect();
            self.visits.ask_visits(&visits).await.map_err(kept)?;
        }
        self.visits.swept(now).await.map_err(kept)?;
        Ok(swept)
    }
}

/// What of a row has to wait for somebody.
fn not_yet(row: &ComparedHub) -> Option<String> {
    let place = format!("{} {}", row.account, row.region);
    match &row.standing {
        HubStanding::Blocked(why) | HubStanding::Unread(why) => Some(format!("{place}: {why}")),
        HubStanding::Compared | HubStanding::Skipped(_) => None,
    }
}

/// What the policies above an account lack; those of other places are left alone.
fn of_policies(
    account: &str,
    file: &StandardsFile,
    facts: &StandardsFacts,
    central: &CentralFacts,
    today: Date,
) -> AccountLook {
    let cannot = needs_local_mode(file);
    if !cannot.is_empty() {
        return AccountLook {
            wanted: Wanted::Refused(cannot.join("; ")),
            later: Vec::new(),
        };
    }
    let mut rows = central_rows(file, facts, central, today, |_| true);
    let found = facts.tree.accounts.get(account);
    let is_above = |target: &String| found.is_some_and(|it| it.units.contains(target));
    rows.retain(|it| it.target == account || is_above(&it.target));
    let plan = draft_central(&rows, facts, central);
    AccountLook {
        wanted: if plan.is_empty() {
            Wanted::Nothing
        } else {
            Wanted::Plan(Box::new(plan))
        },
        later: Vec::new(),
    }
}

/// What a plan's own limits say against it (`organization.md` P-11).
fn refusal(plan: &Plan) -> Option<String> {
    let blocked = plan.blocked();
    if !blocked.is_empty() {
        return Some(blocked.join("; "));
    }
    let (changes, allowed) = (plan.changes(), plan.limits.changes_max);
    (changes > allowed).then(|| RunError::TooManyChanges { changes, allowed }.to_string())
}

fn is_good(report: &PlanReport) -> bool {
    let done = |it: StepEnd| matches!(it, StepEnd::Unchanged | StepEnd::Changed);
    report.targets.iter().all(|it| done(it.outcome))
}

fn reasons(report: &PlanReport) -> String {
    let bad = report.targets.iter().filter(|it| !it.reason.is_empty());
    let words = bad.map(|it| format!("{}: {}", it.target, it.reason));
    let words: Vec<String> = words.collect();
    format!("plan {}: {}", report.plan, words.join("; "))
}
