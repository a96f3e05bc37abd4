//! Compares memberships with attributes, starts changes, and settles them.
//!
//! A run reads the directory again. Each change commits separately as an intent with its record;
//! `hallpass-assignments` executes it. A run may stop at any await: the next one finds its changes
//! in progress.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use hallpass_audit::{Draft, Event};
use hallpass_base::{HoldKey, Target, TimeSpan, Timestamp, UserId};
use hallpass_rules::{Diagnostic, Directory, Rules};

use super::{Access, AccessError};
use crate::{
    Actor, Change, CommitError, GroupPlan, GroupReport, GroupSyncFacts, GroupSyncItem,
    GroupSyncOutcome, GroupSyncPlan, GroupSyncRun, GroupSyncSettings, GroupSyncState,
    GroupSyncWrite, ManualMembers, MembershipChange, group_sync_steps, plan_groups,
};

/// Retry delay after a failed run, if the period is longer.
const AGAIN_AFTER: TimeSpan = TimeSpan::minutes(10);
const NAMED: usize = 50;
const SHOWN: usize = 500;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct GroupsTended {
    pub items: u32,
    pub failed: u32,
}

/// Status for Health and metrics: numbers, with names only in problems.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GroupSyncStatus {
    pub run: Option<GroupSyncRun>,
    pub working: u64,
    pub refused: u64,
    pub next_at: Timestamp,
}

#[derive(Clone, Debug)]
pub struct GroupSyncView {
    pub manual: ManualMembers,
    pub every: TimeSpan,
    pub run: Option<GroupSyncRun>,
    pub next_at: Timestamp,
    pub items: Vec<GroupSyncItem>,
    /// The effect of a run now, by the known directory.
    pub plan: Vec<GroupReport>,
}

impl Access {
    /// An error for each group that these rules offer although its members follow attributes.
    pub fn groups_owned_twice(&self, rules: &Rules) -> Vec<Diagnostic> {
        let Some(sync) = &self.settings.group_sync else {
            return Vec::new();
        };
        rules.owned_twice(&sync.group_refs(), Some(&self.directory()))
    }

    /// Returns the next comparison, possibly in the past. `None` without attribute-based groups.
    ///
    /// # Errors
    /// If the store does not answer.
    pub async fn next_group_sync(&self) -> Result<Option<Timestamp>, AccessError> {
        let Some(settings) = &self.settings.group_sync else {
            return Ok(None);
        };
        let run = self.ports.group_sync.group_sync_run().await?;
        Ok(Some(due(run.as_ref(), settings, self.now())))
    }

    /// Compares memberships with attributes, starts changes and stores the result. `None` without
    /// attribute-based groups.
    ///
    /// # Errors
    /// If the store does not answer; the run does not count. An AWS failure is stored as the
    /// result, without changes.
    pub async fn run_group_sync(&self) -> Result<Option<GroupSyncRun>, AccessError> {
        let Some(settings) = &self.settings.group_sync else {
            return Ok(None);
        };
        let began = self.now();
        let before = self.ports.group_sync.group_sync_run().await?;
        let outcome = match self.fresh_plan(settings).await? {
            Ok((plan, items)) => {
                self.begin_changes(&plan, &items).await?;
                GroupSyncOutcome::Looked {
                    groups: plan.report(NAMED),
                }
            }
            Err(error) => GroupSyncOutcome::Failed { error },
        };
        let run = GroupSyncRun {
            began,
            ended: self.now(),
            outcome,
            version: before.as_ref().map_or(0, |before| before.version),
        };
        let change = Change {
            audit: self.records_of_comparison(&run, before.as_ref()),
            group_sync_run: Some(run.clone()),
            ..Change::default()
        };
        match self.store_change(change).await {
            // Another process stored its run meanwhile.
            Ok(_) | Err(CommitError::Raced(_)) => Ok(Some(run)),
            Err(error) => Err(error.into()),
        }
    }

    async fn fresh_plan(
        &self,
        settings: &GroupSyncSettings,
    ) -> Result<Result<(GroupSyncPlan, BTreeMap<HoldKey, GroupSyncItem>), String>, AccessError>
    {
        if let Err(refused) = self.step().ensure_agreed() {
            return Ok(Err(refused.to_string()));
        }
        // The read may show access held when it began.
        let before = self.keys_held().await?;
        let directory = match self.ports.directory.refresh().await {
            Ok(directory) => directory,
            Err(fault) => return Ok(Err(fault.to_string())),
        };
        if directory.people().is_empty() {
            return Ok(Err("AWS lists no users".to_owned()));
        }
        let plan = self.plan_by(settings, &directory, before).await?;
        Ok(Ok(plan))
    }

    async fn plan_by(
        &self,
        settings: &GroupSyncSettings,
        directory: &Directory,
        mut held: BTreeSet<HoldKey>,
    ) -> Result<(GroupSyncPlan, BTreeMap<HoldKey, GroupSyncItem>), AccessError> {
        held.extend(self.keys_held().await?);
        let items = self.ports.group_sync.group_sync_items().await?;
        let items: BTreeMap<_, _> = items.into_iter().map(|it| (it.key.clone(), it)).collect();
        let now = self.now();
        let locks = self.ports.store.locks().await?;
        let locked = locks.into_iter().filter(|lock| lock.is_in_force(now));
        let requested = self.rules().requested_groups();
        let offered = requested
            .iter()
            .filter_map(|it| directory.resolve_group(it));
        let plan = plan_groups(&GroupSyncFacts {
            settings,
            directory,
            offered: &offered.map(|group| group.id.clone()).collect(),
            held: &held,
            items: &items,
            locked: &locked.map(|lock| lock.person.user).collect(),
            now,
        });
        Ok((plan, items))
    }

    async fn keys_held(&self) -> Result<BTreeSet<HoldKey>, AccessError> {
        let held = self.held(self.now()).await?;
        let mut keys = held.ours;
        keys.extend(held.under_grant);
        keys.retain(|key| matches!(key.target, Target::Group { .. }));
        Ok(keys)
    }

    async fn begin_changes(
        &self,
        plan: &GroupSyncPlan,
        items: &BTreeMap<HoldKey, GroupSyncItem>,
    ) -> Result<(), AccessError> {
        let mut failed = None;
        for item in plan.groups.iter().flat_map(changes) {
            // A failed item, such as an unreadable lock, blocks no other.
            let stored = items.get(&item.key);
            if let Err(error) = self.begin_one(item, stored).await {
                failed = failed.or(Some(error));
            }
        }
        for item in stale(plan, items) {
            let change = Change {
                group_sync_items: vec![GroupSyncWrite::Remove(item.clone())],
                ..Change::default()
            };
            self.store_unless_raced(change).await?;
        }
        failed.map_or(Ok(()), Err)
    }

    async fn begin_one(
        &self,
        item: GroupSyncItem,
        stored: Option<&GroupSyncItem>,
    ) -> Result<(), AccessError> {
        let locks_seen = match item.change {
            MembershipChange::Add => self.locks_of(std::slice::from_ref(&item.key.user)).await?,
            MembershipChange::Remove => crate::LocksSeen::default(),
        };
        let change = Change {
            locks_seen,
            ..group_sync_steps::begin(item, stored, self.step())
        };
        self.store_unless_raced(change).await?;
        Ok(())
    }

    /// Returns whether it was stored; after a race, the next run checks again.
    async fn store_unless_raced(&self, change: Change) -> Result<bool, AccessError> {
        match self.store_change(change).await {
            Ok(_) => Ok(true),
            Err(CommitError::Raced(_)) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    /// Records only differences from the previous run.
    fn records_of_comparison(
        &self,
        run: &GroupSyncRun,
        before: Option<&GroupSyncRun>,
    ) -> Vec<Draft> {
        let step = self.step();
        let outcome_before = before.map(|before| &before.outcome);
        let groups = match &run.outcome {
            GroupSyncOutcome::Failed { error } => {
                let is_news = !matches!(outcome_before, Some(GroupSyncOutcome::Failed { .. }));
                let record = || step.of_memberships(Event::MembershipsFailed).error(error);
                return is_news.then(record).into_iter().collect();
            }
            GroupSyncOutcome::Looked { groups } => groups,
        };
        let known = match outcome_before {
            Some(GroupSyncOutcome::Looked { groups }) => groups.as_slice(),
            Some(GroupSyncOutcome::Failed { .. }) | None => &[],
        };
        let mut records = Vec::new();
        if known != groups.as_slice() {
            let record = step.of_memberships(Event::MembershipsLooked);
            records.push(record.why(&summary(groups)));
        }
        for group in groups {
            let earlier = known.iter().find(|it| it.named == group.named);
            if let Some(brake) = group.brake
                && earlier.is_none_or(|it| it.brake != group.brake)
            {
                let why = format!("group {}: {brake}", group.shown());
                records.push(step.of_memberships(Event::MembershipsStopped).why(&why));
            }
        }
        records
    }

    /// Settles memberships in progress, each separately.
    ///
    /// # Errors
    /// If the store cannot list them. Single failures are counted.
    pub async fn tend_group_sync(&self) -> Result<GroupsTended, AccessError> {
        let mut tended = GroupsTended::default();
        let items = self.ports.group_sync.group_sync_items().await?;
        for item in items.iter().filter(|item| item.is_working()) {
            match self.tend_membership(item).await {
                Ok(true) => tended.items += 1,
                Ok(false) => {}
                Err(error) => {
                    tended.failed += 1;
                    tracing::warn!(key = %item.key, error = %error, "a membership could not be processed");
                }
            }
        }
        Ok(tended)
    }

    async fn tend_membership(&self, item: &GroupSyncItem) -> Result<bool, AccessError> {
        let holds = self.holds(Some(&item.key)).await?;
        let change = group_sync_steps::settle(item, &holds, self.step());
        Ok(!change.is_empty() && self.store_unless_raced(change).await?)
    }

    /// `None` without attribute-based groups.
    ///
    /// # Errors
    /// If the store does not answer.
    pub async fn group_sync_status(&self) -> Result<Option<GroupSyncStatus>, AccessError> {
        let Some(settings) = &self.settings.group_sync else {
            return Ok(None);
        };
        let run = self.ports.group_sync.group_sync_run().await?;
        let items = self.ports.group_sync.group_sync_items().await?;
        let working = items.iter().filter(|item| item.is_working()).count();
        let count = |number: usize| u64::try_from(number).unwrap_or(u64::MAX);
        Ok(Some(GroupSyncStatus {
            next_at: due(run.as_ref(), settings, self.now()),
            working: count(working),
            refused: count(items.len() - working),
            run,
        }))
    }

    /// Returns the status and a preview of the next run; starts nothing. `None` without
    /// attribute-based groups.
    ///
    /// # Errors
    /// If the actor may not read everything, or AWS or the store fails.
    pub async fn group_sync_view(
        &self,
        actor: &Actor,
    ) -> Result<Option<GroupSyncView>, AccessError> {
        super::sweep_people::ensure_reads(actor)?;
        let Some(settings) = &self.settings.group_sync else {
            return Ok(None);
        };
        let directory: Arc<Directory> = self.directory_for_sweep().await?;
        let (plan, items) = self.plan_by(settings, &directory, BTreeSet::new()).await?;
        let run = self.ports.group_sync.group_sync_run().await?;
        Ok(Some(GroupSyncView {
            manual: settings.manual,
            every: settings.every,
            next_at: due(run.as_ref(), settings, self.now()),
            run,
            items: items.into_values().collect(),
            plan: plan.report(SHOWN),
        }))
    }
}

fn due(run: Option<&GroupSyncRun>, settings: &GroupSyncSettings, now: Timestamp) -> Timestamp {
    let Some(run) = run else { return now };
    let pause = match run.outcome {
        GroupSyncOutcome::Failed { .. } => AGAIN_AFTER.min(settings.every),
        GroupSyncOutcome::Looked { .. } => settings.every,
    };
    // A run by a fast clock delays the next one by at most a period.
    pause.after(run.began).min(pause.after(now))
}

/// Adds members before it removes any.
fn changes(plan: &GroupPlan) -> Vec<GroupSyncItem> {
    let item = |user: &UserId, who: &str, email: Option<&_>, change, why: String| {
        let (key, names) = plan.membership(user)?;
        Some(GroupSyncItem {
            key,
            names,
            who: who.to_owned(),
            email: email.cloned(),
            change,
            why,
            state: GroupSyncState::Working {
                since: Timestamp::UNIX_EPOCH,
            },
            version: 0,
        })
    };
    let add = plan.add.iter().filter_map(|it| {
        let email = it.email.as_ref();
        item(
            &it.user,
            &it.who,
            email,
            MembershipChange::Add,
            it.rule.clone(),
        )
    });
    let remove = plan.remove.iter().filter_map(|it| {
        let (email, why) = (it.email.as_ref(), it.why.words().to_owned());
        item(&it.user, &it.who, email, MembershipChange::Remove, why)
    });
    add.chain(remove).collect()
}

/// Returns refused changes that are no longer wanted, in groups that were read or are no longer
/// managed.
fn stale<'a>(
    plan: &GroupSyncPlan,
    items: &'a BTreeMap<HoldKey, GroupSyncItem>,
) -> Vec<&'a GroupSyncItem> {
    let is_wanted = |item: &GroupSyncItem| {
        let of_group = plan.groups.iter().find(|plan| {
            plan.membership(&item.key.user)
                .is_some_and(|(key, _)| key == item.key)
        });
        of_group.is_some_and(|plan| {
            plan.problem.is_some() || plan.refused.iter().any(|known| known.key == item.key)
        })
    };
    let refused = items.values().filter(|item| !item.is_working());
    refused.filter(|item| !is_wanted(item)).collect()
}

fn summary(groups: &[GroupReport]) -> String {
    let one = |group: &GroupReport| match &group.problem {
        Some(problem) => format!("{}: {}", group.shown(), problem.name()),
        None => format!(
            "{}: {} members, {} to add, {} manual, {} to remove",
            group.shown(),
            group.members,
            group.add.count,
            group.manual.count,
            group.remove
        ),
    };
    groups.iter().map(one).collect::<Vec<_>>().join("; ")
}
