//! Memberships that follow attributes: when they are compared, what is begun, and what comes of it.
//!
//! A run reads the directory anew and judges by that alone; each change is committed by itself, as an
//! intent with its record, and `hallpass-assignments` carries it out. A run may be stopped at any await:
//! until it is kept it counts as not made, and the next finds in hand what this one began.

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

/// A run that could not look is made again after this, where the period is longer.
const AGAIN_AFTER: TimeSpan = TimeSpan::minutes(10);
/// Names that are kept of each list of a run.
const NAMED: usize = 50;
/// Names that are shown of each list of a plan.
const SHOWN: usize = 500;

/// What a look at memberships under way did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct GroupsTended {
    /// Memberships that took a step.
    pub items: u32,
    /// Steps that failed; they are taken again.
    pub failed: u32,
}

/// How memberships by attributes are, for Health and metrics: numbers, and nobody's name but in troubles.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GroupSyncStatus {
    /// The newest run; `None` before the first.
    pub run: Option<GroupSyncRun>,
    /// Changes that are under way.
    pub working: u64,
    /// Changes that AWS refuses.
    pub refused: u64,
    /// When the next run is due.
    pub next_at: Timestamp,
}

/// How memberships by attributes are, and what a run would do now.
#[derive(Clone, Debug)]
pub struct GroupSyncView {
    /// What becomes of members whom no rule wants.
    pub manual: ManualMembers,
    /// How often they are compared.
    pub every: TimeSpan,
    /// The newest run; `None` before the first.
    pub run: Option<GroupSyncRun>,
    /// When the next run is due; the instant may be past.
    pub next_at: Timestamp,
    /// Changes that are under way, or that AWS refuses.
    pub items: Vec<GroupSyncItem>,
    /// What a run would do now, by what is known of the directory.
    pub plan: Vec<GroupReport>,
}

impl Access {
    /// Groups that these rules offer although their members follow attributes: an error each.
    pub fn groups_owned_twice(&self, rules: &Rules) -> Vec<Diagnostic> {
        let Some(sync) = &self.settings.group_sync else {
            return Vec::new();
        };
        rules.owned_twice(&sync.group_refs(), Some(&self.directory()))
    }

    /// When memberships are to be compared next; the instant may be past. `None` where no group follows
    /// attributes.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn next_group_sync(&self) -> Result<Option<Timestamp>, AccessError> {
        let Some(settings) = &self.settings.group_sync else {
            return Ok(None);
        };
        let run = self.ports.group_sync.group_sync_run().await?;
        Ok(Some(due(run.as_ref(), settings, self.now())))
    }

    /// Compares memberships with attributes, begins what is to be done, and keeps what was found. Nothing
    /// is done, and `None` returned, where no group follows attributes.
    ///
    /// # Errors
    /// When the store does not answer; the run counts as not made. That AWS does not answer is part of
    /// what is kept: nothing is changed then.
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
            // another one kept its own meanwhile
            Ok(_) | Err(CommitError::Raced(_)) => Ok(Some(run)),
            Err(error) => Err(error.into()),
        }
    }

    /// A plan by a directory that is read now; or why there is none.
    async fn fresh_plan(
        &self,
        settings: &GroupSyncSettings,
    ) -> Result<Result<(GroupSyncPlan, BTreeMap<HoldKey, GroupSyncItem>), String>, AccessError>
    {
        if let Err(refused) = self.step().ensure_agreed() {
            return Ok(Err(refused.to_string()));
        }
        // what was held when reading began may be shown by what is read
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

    /// Every key that a grant holds, or that assignments have in hand for whomever.
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
            // what is wrong with one, such as a lock that cannot be read, keeps no other
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

    /// Whether it was stored; whoever came first decides, and the next run looks anew.
    async fn store_unless_raced(&self, change: Change) -> Result<bool, AccessError> {
        match self.store_change(change).await {
            Ok(_) => Ok(true),
            Err(CommitError::Raced(_)) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    /// Records of what is otherwise than in the run before: an hour in which nothing happens has none.
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

    /// Settles memberships that are under way, each by itself.
    ///
    /// # Errors
    /// When the store cannot say which there are. Single failures are counted.
    pub async fn tend_group_sync(&self) -> Result<GroupsTended, AccessError> {
        let mut tended = GroupsTended::default();
        let items = self.ports.group_sync.group_sync_items().await?;
        for item in items.iter().filter(|item| item.is_working()) {
            match self.tend_membership(item).await {
                Ok(true) => tended.items += 1,
                Ok(false) => {}
                Err(error) => {
                    tended.failed += 1;
                    tracing::warn!(key = %item.key, error = %error, "a membership could not be tended");
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

    /// How memberships by attributes are; `None` where no group follows attributes.
    ///
    /// # Errors
    /// When the store does not answer.
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

    /// How memberships by attributes are, and what a run would do now: nothing is begun by it. `None`
    /// where no group follows attributes.
    ///
    /// # Errors
    /// When the actor reads not everything, or neither AWS nor the store answers.
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

/// When the run after this one is due.
fn due(run: Option<&GroupSyncRun>, settings: &GroupSyncSettings, now: Timestamp) -> Timestamp {
    let Some(run) = run else { return now };
    let pause = match run.outcome {
        GroupSyncOutcome::Failed { .. } => AGAIN_AFTER.min(settings.every),
        GroupSyncOutcome::Looked { .. } => settings.every,
    };
    // a run of a clock that was ahead does not put the next one off for longer than a period
    pause.after(run.began).min(pause.after(now))
}

/// What a plan begins for a group: nobody is removed before those who belong there are added.
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

/// Refusals of changes that nobody wants any more, of groups that were looked at or are managed no longer.
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

/// A line about every group, for the record.
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
