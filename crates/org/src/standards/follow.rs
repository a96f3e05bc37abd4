//! Follows the file without supervision (`organization.md` S-8): visited accounts are compared, and
//! differences are reported or changed by a plan if the mode allows it.
//!
//! ```text
//!   event ─┐                       ┌─► as wanted: over
//!   sweep ─┴─► visit ─► look ──────┼─► differs: told; or, where it may be, plan ─► over and told, or failed and told
//!               ▲                  └─► cannot be changed yet ─┐
//!               └───────── every 10 minutes, for a day ───────┘
//! ```

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use hallpass_base::{AccountId, Clock, TimeSpan, Timestamp};
use hallpass_enforcement::standards_visits::{
    AppliedFile, StandardsChange, StandardsVisit, VisitStore,
};
use hallpass_plans::{
    Applying, LANE_LEASE, Plan, PlanDraft, PlanId, PlanReport, RunError, Runner, StepEnd,
    StoreFault,
};
use jiff::{civil::Date, tz::TimeZone};

use super::allowed::{FollowMode, LeftAlone, MayChange, may_change};
use super::authors::{HubLog, name_authors};
use super::central::{central_rows, needs_local_mode};
use super::compare::{ComparedHub, HubStanding, StandardsChoices, TurnedOn, compare};
use super::facts::{CentralFacts, StandardsFacts};
use super::file::StandardsFile;
use super::gather::{StandardsScope, gather_hubs, gather_organization};
use super::news::{StandardsNews, Told};
use super::plan::{draft, draft_central};
use super::typos::{UnknownName, unknown_names};
use crate::changing::ServiceCalls;

/// Retry pause of an unchangeable account.
const AGAIN: TimeSpan = TimeSpan::minutes(10);
const PATIENCE: TimeSpan = TimeSpan::hours(24);
/// Accounts per read of the organization.
const AT_ONCE: u32 = 20;

#[derive(Clone, Debug)]
pub struct FollowSettings {
    pub mode: FollowMode,
    /// `None` for the Regions enabled in each account.
    pub regions: Option<Vec<String>>,
    pub choices: StandardsChoices,
    /// Changes per account plan; `None` for the default limit.
    pub changes_max: Option<usize>,
    /// Accounts changed per UTC day, for any reason, in enforce mode.
    pub a_day: usize,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum VisitEnd {
    AsWanted,
    Changed,
    Told(LeftAlone),
    /// Not changeable yet; will be retried.
    Later(String),
    /// Not changeable for a day; no further retry.
    GivenUp(String),
    /// Refused or failed; no further retry.
    Failed(String),
}

impl VisitEnd {
    pub fn name(&self) -> &'static str {
        match self {
            Self::AsWanted => "as_wanted",
            Self::Changed => "changed",
            Self::Told(_) => "told",
            Self::Later(_) => "later",
            Self::GivenUp(_) => "given_up",
            Self::Failed(_) => "failed",
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Visited {
    pub visit: StandardsVisit,
    pub end: VisitEnd,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Swept {
    pub differing: BTreeSet<AccountId>,
    /// Those that will be changed; others were reported.
    pub asked: BTreeSet<AccountId>,
    /// Accounts with a failed read or change.
    pub unknown: BTreeSet<AccountId>,
}

#[async_trait]
pub trait VisitTeller: Send + Sync {
    /// Notifies once; the same news may repeat after a stop or a day later.
    async fn tell(&self, news: &StandardsNews) -> Result<(), StoreFault>;
}

pub type FileInForce = Arc<dyn Fn() -> Arc<StandardsFile> + Send + Sync>;

pub struct StandardsFollower {
    pub calls: Arc<dyn ServiceCalls>,
    pub runner: Runner,
    pub visits: Arc<dyn VisitStore>,
    pub teller: Arc<dyn VisitTeller>,
    pub log: Arc<dyn HubLog>,
    pub file: FileInForce,
    pub settings: FollowSettings,
    pub clock: Arc<dyn Clock>,
}

pub(super) fn day(now: Timestamp) -> Date {
    now.to_zoned(TimeZone::UTC).date()
}

/// Shared facts of visits.
struct VisitGround<'a> {
    file: &'a StandardsFile,
    facts: &'a StandardsFacts,
    applied: Option<AppliedFile>,
}

enum Wanted {
    Nothing,
    Plan(Box<PlanDraft>, Vec<StandardsChange>),
    Policies,
    Refused(String),
}

/// Work, items kept as manually enabled, and obstacles.
struct AccountLook {
    wanted: Wanted,
    left_on: Vec<StandardsChange>,
    later: Vec<String>,
}

impl AccountLook {
    fn only(wanted: Wanted) -> Self {
        Self {
            wanted,
            left_on: Vec::new(),
            later: Vec::new(),
        }
    }

    fn only_later(why: String) -> Self {
        Self {
            later: vec![why],
            ..Self::only(Wanted::Nothing)
        }
    }
}

impl StandardsFollower {
    /// Visits due accounts, and reports or changes differences.
    ///
    /// # Errors
    /// The store; unsettled visits are due again.
    pub async fn work(&self) -> Result<Vec<Visited>, StoreFault> {
        let due = self.visits.due_visits(self.clock.now(), AT_ONCE).await?;
        if due.is_empty() {
            return Ok(Vec::new());
        }
        let file = (self.file)();
        let applied = self.visits.last_applied().await?;
        let scope = StandardsScope::default();
        let facts = gather_organization(self.calls.as_ref(), Some(&file), &scope).await;
        let ground = facts.as_ref().map(|facts| VisitGround {
            file: &file,
            facts,
            applied,
        });
        let (mut all, mut open) = (Vec::with_capacity(due.len()), Vec::new());
        let mut told = Told::default();
        for mut visit in due {
            let mut own = Told::default();
            let end = match &ground {
                Ok(ground) => self.visit(&mut visit, ground, &mut own).await?,
                Err(why) => VisitEnd::Later(why.to_string()),
            };
            if own.is_empty() {
                all.push(self.settle(visit, end).await?);
            } else {
                open.push((visit, end));
                told.append(own);
            }
        }
        // CRASH: reported again by the next process, as visits are unchanged
        self.tell_differences(told).await?;
        for (visit, end) in open {
            all.push(self.settle(visit, end).await?);
        }
        Ok(all)
    }

    pub(super) async fn tell_differences(&self, told: Told) -> Result<(), StoreFault> {
        for news in told.news(self.clock.now()) {
            self.teller.tell(&news).await?;
        }
        Ok(())
    }

    pub(super) fn may_change(
        &self,
        file: &StandardsFile,
        facts: &StandardsFacts,
        applied: Option<&AppliedFile>,
        account: &AccountId,
    ) -> MayChange {
        let found = facts.tree.accounts.get(account.as_str());
        may_change(self.settings.mode, file.hash(), applied, found)
    }

    async fn settle(&self, visit: StandardsVisit, end: VisitEnd) -> Result<Visited, StoreFault> {
        let now = self.clock.now();
        let end = match end {
            VisitEnd::Later(why) if PATIENCE.after(visit.asked_at) <= now => VisitEnd::GivenUp(why),
            end => end,
        };
        let then = match &end {
            VisitEnd::AsWanted | VisitEnd::Changed | VisitEnd::Told(_) => None,
            VisitEnd::Later(why) => Some(StandardsVisit {
                due: AGAIN.after(now),
                looks: visit.looks.saturating_add(1),
                why: why.clone(),
                ..visit.clone()
            }),
            VisitEnd::GivenUp(why) | VisitEnd::Failed(why) => {
                let (visit, why) = (visit.clone(), why.clone());
                // CRASH: reported again by the next process, as the visit is unchanged
                self.teller
                    .tell(&StandardsNews::Stuck { visit, why })
                    .await?;
                None
            }
        };
        self.visits.settle_visit(&visit, then.as_ref()).await?;
        Ok(Visited { visit, end })
    }

    async fn visit(
        &self,
        visit: &mut StandardsVisit,
        ground: &VisitGround<'_>,
        told: &mut Told,
    ) -> Result<VisitEnd, StoreFault> {
        if let Some(plan) = visit.plan.clone() {
            if self.settings.mode == FollowMode::Notify {
                // also if changes were disabled meanwhile
                return Ok(VisitEnd::Failed(format!(
                    "plan {plan} is unfinished: `hallpass org plan resume` resumes it"
                )));
            }
            // a plan from before a stop is finished first, regardless of the current file
            match self.finish(visit, &plan).await? {
                Ok(VisitEnd::Changed) => {}
                Ok(end) => return Ok(end),
                Err(RunError::Unknown(_)) => visit.plan = None,
                Err(why) => return Ok(VisitEnd::Later(why.to_string())),
            }
        }
        let look = self.look(&visit.account, ground).await;
        let applied = ground.applied.as_ref();
        let may = self.may_change(ground.file, ground.facts, applied, &visit.account);
        let mut has_changed = false;
        let mut left_on = look.left_on;
        match (look.wanted, may) {
            (Wanted::Refused(why), _) => return Ok(VisitEnd::Failed(why)),
            (Wanted::Policies, _) => {
                told.add(LeftAlone::Policies, visit.account.clone(), Vec::new());
                return Ok(VisitEnd::Told(LeftAlone::Policies));
            }
            (Wanted::Plan(_, mut changes), MayChange::No(why)) => {
                changes.append(&mut left_on);
                told.add(why, visit.account.clone(), changes);
                return Ok(VisitEnd::Told(why));
            }
            (Wanted::Nothing, _) => {}
            (Wanted::Plan(draft, changes), may) => {
                let end = self
                    .carry_out(visit, *draft, (may, changes.clone()))
                    .await?;
                match end {
                    VisitEnd::AsWanted => {}
                    VisitEnd::Changed => has_changed = true,
                    VisitEnd::Told(why) => {
                        told.add(why, visit.account.clone(), changes);
                        return Ok(end);
                    }
                    other => return Ok(other),
                }
            }
        }
        let why = match may {
            MayChange::No(why) => why,
            MayChange::Yes | MayChange::WithinTheDay => LeftAlone::TurnedOn,
        };
        let stays_on = !left_on.is_empty();
        told.add(why, visit.account.clone(), left_on);
        Ok(match (look.later.is_empty(), has_changed) {
            (false, _) => VisitEnd::Later(look.later.join("; ")),
            (true, true) => VisitEnd::Changed,
            (true, false) if stays_on => VisitEnd::Told(why),
            (true, false) => VisitEnd::AsWanted,
        })
    }

    /// Finishes a plan, and reports its result.
    async fn finish(
        &self,
        visit: &mut StandardsVisit,
        plan: &PlanId,
    ) -> Result<Result<VisitEnd, RunError>, StoreFault> {
        let report = match self.apply(plan).await {
            Ok(report) => report,
            Err(RunError::Store(fault)) => return Err(fault),
            Err(why) => return Ok(Err(why)),
        };
        if is_under_way(&report) {
            // the plan stays with the visit, and the next look resumes it
            return Ok(Ok(VisitEnd::Later(reasons(&report))));
        }
        if !is_good(&report) {
            // the named plan has the result of each part
            return Ok(Ok(VisitEnd::Failed(reasons(&report))));
        }
        if !visit.put_back.is_empty() {
            let news = StandardsNews::PutBack {
                account: visit.account.clone(),
                plan: plan.clone(),
                changes: std::mem::take(&mut visit.put_back),
            };
            // CRASH: reported again by the next process, as the visit has the plan
            self.teller.tell(&news).await?;
        }
        visit.plan = None;
        Ok(Ok(VisitEnd::Changed))
    }

    async fn look(&self, account: &AccountId, ground: &VisitGround<'_>) -> AccountLook {
        let (file, facts) = (ground.file, ground.facts);
        let Some(found) = facts.tree.accounts.get(account.as_str()) else {
            let why = "the organization does not list the account yet";
            return AccountLook::only_later(why.to_owned());
        };
        let today = day(self.clock.now());
        if let Some(central) = &facts.central {
            return AccountLook::only(of_policies(found.id.as_str(), file, facts, central, today));
        }
        let scope = StandardsScope {
            accounts: BTreeSet::from([account.clone()]),
            regions: self.settings.regions.clone(),
            ..StandardsScope::default()
        };
        let mut facts = facts.clone();
        gather_hubs(self.calls.as_ref(), Some(file), &scope, &mut facts).await;
        let unknown = unknown_names(file, &facts);
        if !unknown.is_empty() {
            return AccountLook::only(Wanted::Refused(in_words(&unknown)));
        }
        let rows = compare(file, &facts, self.choices(), today);
        let plan = draft(&rows, &facts);
        AccountLook {
            wanted: if plan.is_empty() {
                Wanted::Nothing
            } else {
                let changes = rows.iter().flat_map(|it| it.changes(&facts));
                let changes = changes.collect();
                Wanted::Plan(Box::new(plan), changes)
            },
            left_on: rows.iter().flat_map(|it| it.left_on.clone()).collect(),
            later: rows.iter().filter_map(not_yet).collect(),
        }
    }

    /// Unattended: manually enabled items stay on.
    pub(super) fn choices(&self) -> StandardsChoices {
        StandardsChoices {
            turned_on: TurnedOn::Stays,
            ..self.settings.choices
        }
    }

    /// Applies changes within the limits.
    async fn carry_out(
        &self,
        visit: &mut StandardsVisit,
        mut draft: PlanDraft,
        (may, mut changes): (MayChange, Vec<StandardsChange>),
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
            let planned = PlanReport::planned(&plan);
            if let Some(why) = unseen(&planned) {
                return Ok(VisitEnd::Later(why));
            }
            if !planned.has_changes() {
                return Ok(VisitEnd::AsWanted);
            }
            if let Some(why) = refusal(&plan) {
                return Ok(VisitEnd::Failed(why));
            }
        }
        let now = self.clock.now();
        if may == MayChange::WithinTheDay {
            let most = self.settings.a_day;
            let today = day(now).to_string();
            // CRASH: the visit keeps its share of the day, and the next look continues with it
            if !self.visits.take_change(visit, &today, most).await? {
                return Ok(VisitEnd::Told(LeftAlone::DayFull { most }));
            }
            name_authors(self.log.as_ref(), &visit.account, &mut changes, now).await;
            visit.put_back = changes;
        }
        if !looked.under_way {
            match self.runner.save(&plan).await {
                Ok(()) => {}
                Err(RunError::Store(fault)) => return Err(fault),
                Err(why) => return Ok(VisitEnd::Later(why.to_string())),
            }
        }
        visit.plan = Some(plan.id.clone());
        // CRASH: from here the next process knows the plan, and finishes it first
        self.visits.settle_visit(visit, Some(visit)).await?;
        match self.finish(visit, &plan.id).await? {
            Ok(end) => Ok(end),
            Err(why) => Ok(VisitEnd::Later(why.to_string())),
        }
    }

    async fn apply(&self, plan: &PlanId) -> Result<PlanReport, RunError> {
        let applying = Applying {
            // the lease of a dead process expires
            patience: Duration::from_secs(LANE_LEASE.as_seconds() + 5),
            ..Applying::default()
        };
        self.runner.apply(plan, &applying).await
    }
}

fn not_yet(row: &ComparedHub) -> Option<String> {
    let place = format!("{} {}", row.account, row.region);
    match &row.standing {
        HubStanding::Blocked(why) | HubStanding::Unread(why) => Some(format!("{place}: {why}")),
        HubStanding::Compared | HubStanding::Skipped(_) => None,
    }
}

/// Differences in policies above an account; other places are ignored.
fn of_policies(
    account: &str,
    file: &StandardsFile,
    facts: &StandardsFacts,
    central: &CentralFacts,
    today: Date,
) -> Wanted {
    let cannot = needs_local_mode(file);
    if !cannot.is_empty() {
        return Wanted::Refused(cannot.join("; "));
    }
    let mut rows = central_rows(file, facts, central, today, |_| true);
    let found = facts.tree.accounts.get(account);
    let is_above = |target: &String| found.is_some_and(|it| it.units.contains(target));
    rows.retain(|it| it.target == account || is_above(&it.target));
    // a policy disables everything it does not name in all accounts below: only a person applies it
    if draft_central(&rows, facts, central).is_empty() {
        Wanted::Nothing
    } else {
        Wanted::Policies
    }
}

pub(super) fn in_words(unknown: &[UnknownName]) -> String {
    let words: Vec<String> = unknown.iter().map(ToString::to_string).collect();
    words.join("; ")
}

/// Refusal by the plan's own limits (`organization.md` P-11).
fn refusal(plan: &Plan) -> Option<String> {
    let blocked = plan.blocked();
    if !blocked.is_empty() {
        return Some(blocked.join("; "));
    }
    let (changes, allowed) = (plan.changes(), plan.limits.changes_max);
    (changes > allowed).then(|| RunError::TooManyChanges { changes, allowed }.to_string())
}

/// Unreadable parts of an unstarted plan; a later look may read them.
fn unseen(planned: &PlanReport) -> Option<String> {
    let mut all = planned.targets.iter();
    let failed = all.find(|it| it.outcome == StepEnd::Failed)?;
    Some(format!("{}: {}", failed.target, failed.reason))
}

fn is_good(report: &PlanReport) -> bool {
    let done = |it: StepEnd| matches!(it, StepEnd::Unchanged | StepEnd::Changed);
    report.targets.iter().all(|it| done(it.outcome))
}

fn is_under_way(report: &PlanReport) -> bool {
    let worst = report.targets.iter().map(|it| it.outcome).max();
    worst == Some(StepEnd::InProgress)
}

fn reasons(report: &PlanReport) -> String {
    let bad = report.targets.iter().filter(|it| !it.reason.is_empty());
    let words = bad.map(|it| format!("{}: {}", it.target, it.reason));
    let words: Vec<String> = words.collect();
    format!("plan {}: {}", report.plan, words.join("; "))
}
